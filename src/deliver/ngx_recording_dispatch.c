
#include "ngx_recording_dispatch.h"


#define NGX_RECORDING_DISPATCH_TIME   1000       /* ms */
#define NGX_RECORDING_DISPATCH_IDLE   10000      /* if nobody is to be told */
#define NGX_RECORDING_DISPATCH_LATE   50         /* if others write */
#define NGX_RECORDING_DISPATCH_WAIT   250        /* ms, for those */
#define NGX_RECORDING_DISPATCH_PAUSE  1000       /* ms, of a peer, at first */
#define NGX_RECORDING_DISPATCH_LONG   60000      /* and at most */
#define NGX_RECORDING_DISPATCH_ROW    4          /* failures in a row */
#define NGX_RECORDING_DISPATCH_GROWN  250        /* ms, between looks */
#define NGX_RECORDING_DISPATCH_STOP   300        /* ms */
#define NGX_RECORDING_DISPATCH_DOWN   10000      /* ms, of a bucket */


static void ngx_recording_dispatch_programs(ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_notifies(ngx_recording_dispatch_t *d,
    ngx_recording_target_t *targets, const ngx_recording_notify_t *notifies,
    ngx_uint_t n);
static ngx_recording_peer_t *ngx_recording_dispatch_peer(
    ngx_recording_dispatch_t *d, ngx_recording_lane_t *lane);
static void ngx_recording_dispatch_start(ngx_recording_worker_t *worker);
static void ngx_recording_dispatch_committed(void *data);
static void ngx_recording_dispatch_exception(ngx_recording_worker_t *worker,
    const ngx_recording_outbox_exception_t *e);
static ngx_uint_t ngx_recording_dispatch_answers(
    ngx_recording_worker_t *worker, int64_t ms);
static void ngx_recording_dispatch_stop(ngx_recording_worker_t *worker);
static void ngx_recording_dispatch_timer(ngx_event_t *ev);
static void ngx_recording_dispatch_post(ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_places(ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_rooms(ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_look(ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_done(void *data);
static void ngx_recording_dispatch_grown(ngx_recording_dispatch_t *d);
static ngx_uint_t ngx_recording_dispatch_unwritten(
    ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_missed(ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_told(ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_peer_failed(ngx_recording_attempt_t *a);


const ngx_recording_worker_told_t  ngx_recording_dispatch_calls = {
    ngx_recording_dispatch_start,
    ngx_recording_dispatch_committed,
    ngx_recording_dispatch_exception,
    ngx_recording_dispatch_refused,
    ngx_recording_dispatch_answers,
    ngx_recording_dispatch_stop
};


ngx_int_t
ngx_recording_dispatch_init(ngx_recording_worker_t *worker,
    const ngx_recording_notify_t *notifies, ngx_uint_t n,
    const ngx_recording_upload_t *uploads, ngx_uint_t nuploads,
    ngx_recording_bucket_t **buckets, ngx_uint_t nbuckets, ngx_pool_t *pool)
{
    ngx_uint_t                 i, most;
    ngx_recording_target_t    *targets;
    ngx_recording_dispatch_t  *d;

    /* an upload may have a backup */

    most = n + 2 * nuploads + nbuckets + 1;

    d = ngx_pcalloc(pool, sizeof(ngx_recording_dispatch_t));
    targets = ngx_pcalloc(pool, most * sizeof(ngx_recording_target_t));

    if (d == NULL || targets == NULL) {
        return NGX_ERROR;
    }

    d->lanes = ngx_pcalloc(pool, most * sizeof(ngx_recording_lane_t));
    d->peers = ngx_pcalloc(pool, most * sizeof(ngx_recording_peer_t));
    d->waiting = ngx_pcalloc(pool, 2 * NGX_RECORDING_DISPATCH_MEMORY
                                   * sizeof(ngx_recording_outbox_exception_t));

    if (d->lanes == NULL || d->peers == NULL || d->waiting == NULL) {
        return NGX_ERROR;
    }

    d->exceptions = d->waiting + NGX_RECORDING_DISPATCH_MEMORY;
    d->worker = worker;

    ngx_queue_init(&d->told);
    ngx_queue_init(&d->writing);
    ngx_queue_init(&d->taken);
    ngx_queue_init(&d->steps);
    ngx_queue_init(&d->stepping);
    ngx_queue_init(&d->early);
    ngx_queue_init(&d->looked);
    ngx_queue_init(&d->over);
    ngx_queue_init(&d->guests);

    ngx_recording_dispatch_notifies(d, targets, notifies, n);

    d->buckets = ngx_recording_dispatch_uploads(d->lanes + n, targets + n,
                                                uploads, nuploads, pool);
    d->nlanes = n + d->buckets;
    d->nlanes += ngx_recording_dispatch_removes(d->lanes + d->nlanes,
                                                targets + d->nlanes, buckets,
                                                nbuckets, pool);

    for (i = 0; i < d->nlanes; i++) {
        d->lanes[i].peer = ngx_recording_dispatch_peer(d, &d->lanes[i]);
    }

    ngx_recording_dispatch_places(d);
    ngx_recording_dispatch_programs(d);

    worker->dispatch = d;
    worker->targets = targets;
    worker->ntargets = d->nlanes;

    return NGX_OK;
}


static void
ngx_recording_dispatch_notifies(ngx_recording_dispatch_t *d,
    ngx_recording_target_t *targets, const ngx_recording_notify_t *notifies,
    ngx_uint_t n)
{
    ngx_uint_t               i;
    ngx_recording_target_t  *t;

    for (i = 0; i < n; i++) {
        t = &targets[i];

        t->template = notifies[i].template;
        t->name = notifies[i].name;
        t->kinds = notifies[i].kinds;
        t->holds = (notifies[i].host == NULL);
        t->local_us = NGX_RECORDING_LOCAL_UNSET;

        d->lanes[i].notify = &notifies[i];
        d->lanes[i].target = t;
    }
}


static void
ngx_recording_dispatch_places(ngx_recording_dispatch_t *d)
{
    ngx_uint_t             i, k;
    ngx_recording_lane_t  *lane, *first;

    for (i = 0; i < d->nlanes; i++) {
        lane = &d->lanes[i];

        lane->same = lane;
        lane->most = lane->bucket ? lane->bucket->connections
                                  : NGX_RECORDING_DISPATCH_PEER;

        for (k = 0; k < i && ngx_recording_dispatch_program(lane); k++) {
            first = &d->lanes[k];

            if (!ngx_recording_dispatch_program(first)
                || first->same != first)
            {
                continue;
            }

            if (first->target->name.len == lane->target->name.len
                && ngx_memcmp(first->target->name.data,
                              lane->target->name.data,
                              lane->target->name.len)
                   == 0)
            {
                lane->same = first;
                break;
            }

            first->most = NGX_RECORDING_DISPATCH_PEER - 1;
            lane->most = NGX_RECORDING_DISPATCH_PEER - 1;
        }
    }
}


/* while the worker is small */

static void
ngx_recording_dispatch_programs(ngx_recording_dispatch_t *d)
{
    ngx_uint_t  i;

    d->programs.fd = -1;

    for (i = 0; i < d->npeers; i++) {

        if (d->peers[i].host == NULL
            && ngx_recording_programs_start(&d->programs) != NGX_OK)
        {
            ngx_log_error(NGX_LOG_ERR, d->worker->log, ngx_errno,
                          "recording: the process that runs programs of "
                          "notify cannot be started now");
        }
    }
}


static ngx_recording_peer_t *
ngx_recording_dispatch_peer(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane)
{
    ngx_uint_t                  i;
    ngx_recording_http_host_t  *host;

    host = lane->bucket ? lane->bucket->host : lane->notify->host;

    for (i = 0; i < d->npeers; i++) {
        if (d->peers[i].host == host) {
            return &d->peers[i];
        }
    }

    d->peers[i].host = host;
    d->peers[i].bucket = lane->bucket;
    d->npeers++;

    return &d->peers[i];
}


static void
ngx_recording_dispatch_start(ngx_recording_worker_t *worker)
{
    ngx_recording_dispatch_t  *d;

    d = worker->dispatch;

    /* without any notify one looks whether something waits for one */

    if (d->nlanes == 0 && !d->calls && ngx_worker != 0) {
        return;
    }

    ngx_recording_catalogue_init_second(&d->catalogue, &worker->store);
    ngx_recording_catalogue_targets(&d->catalogue, worker->targets,
                                    worker->ntargets, worker->callbacks);
    ngx_recording_catalogue_lifetimes(&d->catalogue, worker->lifetimes,
                                      worker->nlifetimes);

    d->catalogue.patience = NGX_RECORDING_DISPATCH_WAIT;

    d->timer.handler = ngx_recording_dispatch_timer;
    d->timer.data = d;
    d->timer.log = worker->log;
    d->timer.cancelable = 1;

    ngx_recording_job_init(&d->job, &worker->jobs,
                           ngx_recording_dispatch_turn_thread,
                           ngx_recording_dispatch_done, d);
    d->job.seat = NGX_RECORDING_SEAT_TURNS;

    d->started = 1;

    ngx_recording_dispatch_wake(d);
}


static void
ngx_recording_dispatch_committed(void *data)
{
    ngx_recording_worker_t    *worker = data;
    ngx_recording_dispatch_t  *d;

    d = worker->dispatch;

    if (d->nlanes || d->calls) {
        ngx_recording_dispatch_wake(d);
    }
}


static void
ngx_recording_dispatch_exception(ngx_recording_worker_t *worker,
    const ngx_recording_outbox_exception_t *e)
{
    ngx_recording_dispatch_t  *d;

    d = worker->dispatch;

    if (d->nlanes == 0 && !d->calls) {
        return;
    }

    if (d->nwaiting == NGX_RECORDING_DISPATCH_MEMORY) {
        d->left_out++;
        return;
    }

    d->waiting[d->nwaiting++] = *e;

    ngx_recording_dispatch_wake(d);
}


static ngx_uint_t
ngx_recording_dispatch_answers(ngx_recording_worker_t *worker, int64_t ms)
{
    ngx_recording_dispatch_t  *d;

    d = worker->dispatch;

    return !d->started || ngx_recording_catalogue_answers(&d->catalogue, ms);
}


/* what is known is written; what runs is another one's, or the next start's */

static void
ngx_recording_dispatch_stop(ngx_recording_worker_t *worker)
{
    ngx_recording_dispatch_t  *d;

    d = worker->dispatch;

    if (!d->started) {
        return;
    }

    d->stopping = 1;

    ngx_recording_catalogue_last(&d->catalogue, NGX_RECORDING_DISPATCH_STOP);

    if (ngx_recording_dispatch_unwritten(d)) {
        ngx_recording_dispatch_rooms(d);
        ngx_recording_dispatch_turn_thread(d);
        ngx_recording_notices_log(&d->notices, worker->log);
    }

    ngx_recording_catalogue_close(&d->catalogue);
}


void
ngx_recording_dispatch_wake(ngx_recording_dispatch_t *d)
{
    /* when the worker stops there are no threads any more */

    if (!d->started || d->worker->stopped) {
        return;
    }

    if (d->busy) {
        d->again = 1;
        return;
    }

    ngx_recording_dispatch_post(d);
}


static void
ngx_recording_dispatch_timer(ngx_event_t *ev)
{
    ngx_recording_dispatch_wake(ev->data);
}


static void
ngx_recording_dispatch_post(ngx_recording_dispatch_t *d)
{
    d->busy = 1;
    d->again = 0;

    if (d->timer.timer_set) {
        ngx_del_timer(&d->timer);
    }

    ngx_recording_dispatch_rooms(d);
    ngx_recording_job_post(&d->job);
}


/* what the job gets */

static void
ngx_recording_dispatch_rooms(ngx_recording_dispatch_t *d)
{
    ngx_uint_t              i, n;
    ngx_queue_t            *q;
    ngx_recording_lane_t   *lane;
    ngx_recording_guest_t  *guest;

    for (i = 0; i < ngx_recording_dispatch_lanes(d); i++) {
        lane = ngx_recording_dispatch_lane(d, i);
        lane->room = lane->most - ngx_min(lane->running, lane->most);
    }

    for (i = 0; i < d->npeers; i++) {
        ngx_recording_dispatch_room(d, &d->peers[i]);
    }

    for (q = ngx_queue_head(&d->guests);
         q != ngx_queue_sentinel(&d->guests);
         q = ngx_queue_next(q))
    {
        guest = ngx_queue_data(q, ngx_recording_guest_t, queue);
        ngx_recording_dispatch_room(d, &guest->peer);
    }

    ngx_queue_add(&d->writing, &d->told);
    ngx_queue_init(&d->told);

    ngx_queue_add(&d->stepping, &d->steps);
    ngx_queue_init(&d->steps);

    ngx_recording_dispatch_look(d);

    /* those that a turn could not write are there still */

    n = ngx_min(d->nwaiting, NGX_RECORDING_DISPATCH_MEMORY - d->nexceptions);

    ngx_memcpy(d->exceptions + d->nexceptions, d->waiting,
               n * sizeof(ngx_recording_outbox_exception_t));

    d->nexceptions += n;
    d->nwaiting -= n;

    ngx_memmove(d->waiting, d->waiting + n,
                d->nwaiting * sizeof(ngx_recording_outbox_exception_t));
}


void
ngx_recording_dispatch_room(ngx_recording_dispatch_t *d,
    ngx_recording_peer_t *peer)
{
    ngx_uint_t  most;

    most = peer->bucket ? peer->bucket->connections
                        : NGX_RECORDING_DISPATCH_PEER;

    peer->down = peer->pause && ngx_current_msec - peer->since
                                > NGX_RECORDING_DISPATCH_DOWN;

    peer->probing = (peer->pause != 0);

    if (ngx_exiting || ngx_terminate || d->stopping) {
        peer->room = 0;
        peer->probing = 1;

    } else if (peer->pause == 0) {
        peer->room = most - ngx_min(peer->running, most);

    } else {
        peer->room = peer->running == 0
                     && (ngx_msec_int_t) (ngx_current_msec - peer->probe) >= 0;
    }

    peer->early = peer->bucket == NULL ? 0
                  : peer->probing ? peer->room : NGX_RECORDING_DISPATCH_PEER;
}


static void
ngx_recording_dispatch_look(ngx_recording_dispatch_t *d)
{
    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    d->unlooked = !ngx_queue_empty(&d->early)
                  && ngx_current_msec - d->grown
                     < NGX_RECORDING_DISPATCH_GROWN;

    if (d->unlooked) {
        return;
    }

    d->grown = ngx_current_msec;

    while (!ngx_queue_empty(&d->early)) {
        q = ngx_queue_head(&d->early);
        ngx_queue_remove(q);

        a = ngx_queue_data(q, ngx_recording_attempt_t, growing);
        a->looked = 1;

        ngx_queue_insert_tail(&d->looked, q);
    }
}


static void
ngx_recording_dispatch_done(void *data)
{
    ngx_recording_dispatch_t *d = data;

    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    ngx_recording_notices_log(&d->notices, d->worker->log);

    ngx_recording_dispatch_upload_stepped(d);
    ngx_recording_dispatch_grown(d);
    ngx_recording_dispatch_told(d);
    ngx_recording_dispatch_missed(d);
    ngx_recording_dispatch_callback_take(d);

    d->first++;

    /* an attempt may be over at once: the next turn is after all of them */

    while (!ngx_queue_empty(&d->taken)) {
        q = ngx_queue_head(&d->taken);
        ngx_queue_remove(q);

        a = ngx_queue_data(q, ngx_recording_attempt_t, queue);

        d->again = 1;

        ngx_recording_dispatch_begin(a);

        if (ngx_exiting || ngx_terminate) {
            ngx_recording_dispatch_over(a, NGX_RECORDING_OUTBOX_RETURNED,
                                        NGX_RECORDING_PEER_UNKNOWN);

        } else {
            ngx_recording_dispatch_attempt_start(a);
        }
    }

    d->busy = 0;

    if (d->again) {
        ngx_recording_dispatch_post(d);
        return;
    }

    if (d->nlanes == 0 && !d->calls && !d->late) {
        ngx_add_timer(&d->timer, NGX_RECORDING_DISPATCH_IDLE);
        return;
    }

    /* a worker that exits waits for what is to be written yet */

    d->timer.cancelable = !(d->late && ngx_recording_dispatch_unwritten(d));

    ngx_add_timer(&d->timer, d->late ? NGX_RECORDING_DISPATCH_LATE
                             : d->unlooked ? NGX_RECORDING_DISPATCH_GROWN
                                           : NGX_RECORDING_DISPATCH_TIME);
}


/* attempts whose file has ended; others are looked at again */

static void
ngx_recording_dispatch_grown(ngx_recording_dispatch_t *d)
{
    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    while (!ngx_queue_empty(&d->looked)) {
        q = ngx_queue_head(&d->looked);
        ngx_queue_remove(q);

        a = ngx_queue_data(q, ngx_recording_attempt_t, growing);

        a->looked = 0;

        if (a->over) {
            continue;
        }

        ngx_queue_insert_tail(&d->early, q);

        if (!a->grows) {
            ngx_recording_delivery_end(a->delivery);
        }
    }
}


static ngx_uint_t
ngx_recording_dispatch_unwritten(ngx_recording_dispatch_t *d)
{
    return d->nwaiting || d->nexceptions || !ngx_queue_empty(&d->told)
           || !ngx_queue_empty(&d->writing) || !ngx_queue_empty(&d->steps)
           || !ngx_queue_empty(&d->stepping);
}


static void
ngx_recording_dispatch_missed(ngx_recording_dispatch_t *d)
{
    if (d->left_out) {
        ngx_log_error(NGX_LOG_ERR, d->worker->log, 0,
                      "recording: %ui events are not told, as there were too "
                      "many at a time that could not be written",
                      d->left_out);

        d->left_out = 0;
    }
}


/* if the catalogue has failed, the same is tried again by the next turn */

static void
ngx_recording_dispatch_told(ngx_recording_dispatch_t *d)
{
    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    if (!d->written) {
        return;
    }

    while (!ngx_queue_empty(&d->writing)) {
        q = ngx_queue_head(&d->writing);
        ngx_queue_remove(q);

        a = ngx_queue_data(q, ngx_recording_attempt_t, queue);

        ngx_recording_dispatch_attempt_told(a);

        ngx_recording_dispatch_attempt_free(a);
    }
}


void
ngx_recording_dispatch_begin(ngx_recording_attempt_t *a)
{
    if (a->early) {
        a->grows = 1;
        ngx_queue_insert_tail(&a->dispatch->early, &a->growing);
    }

    if (!a->early || a->probe) {
        a->lane->peer->running++;
        a->lane->same->running++;
    }

    ngx_recording_jobs_hold(&a->dispatch->worker->jobs);
}


void
ngx_recording_dispatch_over(ngx_recording_attempt_t *a,
    ngx_recording_outbox_e result, ngx_recording_peer_e peer)
{
    ngx_recording_dispatch_t  *d;

    d = a->dispatch;

    /* what ends with the worker tells nothing of its peer */

    if (peer == NGX_RECORDING_PEER_FAILED && ngx_exiting) {
        peer = NGX_RECORDING_PEER_UNKNOWN;
    }

    ngx_recording_dispatch_attempt_count(a, result);

    a->result = result;
    a->unreached = (peer == NGX_RECORDING_PEER_FAILED);

    a->over = 1;

    /* of one that the job looks at, it has the queue */

    if (a->early && !a->looked) {
        ngx_queue_remove(&a->growing);
    }

    if (!a->early || a->probe) {
        a->lane->peer->running--;
        a->lane->same->running--;
    }

    if (peer == NGX_RECORDING_PEER_FAILED) {
        ngx_recording_dispatch_peer_failed(a);

    } else if (peer == NGX_RECORDING_PEER_WORKS) {
        ngx_recording_dispatch_peer_works(a);
    }

    if (a->tries) {
        ngx_recording_dispatch_memory_over(a);

    } else {
        ngx_queue_insert_tail(&d->told, &a->queue);
        ngx_recording_dispatch_wake(d);
    }

    /* the job, if one is ordered, keeps the worker now */

    ngx_recording_jobs_let(&d->worker->jobs);
}


static void
ngx_recording_dispatch_peer_failed(ngx_recording_attempt_t *a)
{
    ngx_msec_t             pause;
    ngx_recording_peer_t  *peer;

    peer = a->lane->peer;

    peer->failures++;

    (void) ngx_cpystrn((u_char *) peer->error, (u_char *) a->error,
                       sizeof(peer->error));

    /* one answer of 500 is about what was told, some are about the peer, and
       so is one that says how long it is to be left alone */

    if (a->answered && a->hold == 0
        && peer->failures < NGX_RECORDING_DISPATCH_ROW)
    {
        return;
    }

    /* what was under way when the first one failed is no probe */

    if (peer->pause
        && (peer->running
            || (ngx_msec_int_t) (ngx_current_msec - peer->probe) < 0))
    {
        return;
    }

    if (peer->pause == 0 && peer->doubt == 0) {
        peer->pause = NGX_RECORDING_DISPATCH_PAUSE;
        peer->since = ngx_current_msec;

        if (peer->bucket) {
            ngx_log_error(NGX_LOG_ERR, a->dispatch->worker->log, 0,
                          "recording: bucket \"%V\" cannot be used: %s; files "
                          "for it wait, one at a time is tried",
                          &peer->bucket->name, a->error);

        } else {
            ngx_log_error(NGX_LOG_ERR, a->dispatch->worker->log, 0,
                          "recording: \"%V\" cannot be told: %s; its events "
                          "wait, one at a time is tried",
                          ngx_recording_http_host_name(peer->host), a->error);
        }

    } else {
        peer->pause = ngx_min(2 * ngx_max(peer->pause, peer->doubt),
                              NGX_RECORDING_DISPATCH_LONG);
    }

    peer->doubt = 0;

    pause = peer->pause / 2 + ngx_random() % (peer->pause / 2 + 1);

    peer->probe = ngx_current_msec + ngx_max(pause, a->hold);
}


void
ngx_recording_dispatch_peer_works(ngx_recording_attempt_t *a)
{
    ngx_recording_peer_t  *peer;

    peer = a->lane->peer;

    /* who was only looked at may refuse what is sent: others may try, and if
       they fail the pauses go on */

    if (a->probe) {
        peer->doubt = ngx_max(peer->doubt, peer->pause);
        peer->pause = 0;
        return;
    }

    if (peer->pause || peer->doubt) {
        if (peer->bucket) {
            ngx_log_error(NGX_LOG_NOTICE, a->dispatch->worker->log, 0,
                          "recording: bucket \"%V\" can be used again",
                          &peer->bucket->name);

        } else {
            ngx_log_error(NGX_LOG_NOTICE, a->dispatch->worker->log, 0,
                          "recording: \"%V\" can be told again",
                          ngx_recording_http_host_name(peer->host));
        }
    }

    peer->failures = 0;
    peer->pause = 0;
    peer->doubt = 0;
}
