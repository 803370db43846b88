
#include "ngx_recording_copy.h"
#include "ngx_recording_finish.h"
#include "ngx_recording_keeper.h"
#include "ngx_recording_reserve.h"
#include "ngx_recording_room.h"
#include "ngx_recording_survey.h"


#define NGX_RECORDING_KEEPER_TIME     250        /* ms */
#define NGX_RECORDING_KEEPER_SWEEP    4          /* of these, at least */
#define NGX_RECORDING_KEEPER_OWN      40         /* the same */
#define NGX_RECORDING_KEEPER_GRACE    3000000    /* us, a late claim */
#define NGX_RECORDING_KEEPER_EVER     (INT64_MAX / 2)   /* all is due then */
#define NGX_RECORDING_KEEPER_WANTED   128        /* recordings, in a turn */
#define NGX_RECORDING_KEEPER_TAKEN    64         /* files that are repaired */
#define NGX_RECORDING_KEEPER_IDLE     64         /* recordings, in a pass */


typedef struct {
    ngx_recording_worker_t *worker;
    ngx_recording_job_t     job;
    ngx_event_t             timer;
    ngx_recording_notices_t notices;
    ngx_recording_survey_t  survey;
    ngx_recording_copy_t    copy;
    ngx_recording_room_t    room;
    ngx_recording_reserve_t reserve;

    ngx_uint_t              turns;
    ngx_uint_t              repairing;     /* files, by the loop */
    ngx_uint_t              ntaken;
    ngx_recording_taken_t   taken[NGX_RECORDING_KEEPER_TAKEN];

    ngx_uint_t              nstrays;       /* seen at the last pass */
    uint64_t                strays[NGX_RECORDING_KEEPER_TAKEN];

    uint64_t                behind;        /* recordings are looked at */
    ngx_uint_t              nidle;         /* seen at the last pass */
    uint64_t                idle[NGX_RECORDING_KEEPER_IDLE];
    ngx_uint_t              nover;         /* and at this one: to be ended */
    uint64_t                over[NGX_RECORDING_KEEPER_IDLE];

    ngx_uint_t              nwanted;
    uint64_t                wanted[NGX_RECORDING_KEEPER_WANTED];
    ngx_uint_t              nrefused;
    uint64_t                refused[NGX_RECORDING_KEEPER_WANTED];

    unsigned                more:1;        /* than could be taken at a time */
    unsigned                failed:1;      /* and this was said */
    unsigned                held:1;        /* the WAL, by a reader */
    unsigned                exiting:1;     /* and that was seen */
    unsigned                left:1;        /* files wait in a store that is
                                              not configured any more */
} ngx_recording_keeper_t;


static void ngx_recording_keeper_timer(ngx_event_t *ev);
static ngx_uint_t ngx_recording_keeper_sweeps(
    ngx_recording_keeper_t *keeper);
static void ngx_recording_keeper_thread(void *data);
static void ngx_recording_keeper_done(void *data);
static void ngx_recording_keeper_wait(ngx_recording_keeper_t *keeper);
static void ngx_recording_keeper_repaired(void *data);
static ngx_int_t ngx_recording_keeper_orders(ngx_recording_keeper_t *keeper,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_keeper_sweep(ngx_recording_keeper_t *keeper,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_keeper_own(ngx_recording_keeper_t *keeper,
    ngx_recording_catalogue_error_t *err);
static ngx_uint_t ngx_recording_keeper_has(uint64_t *ids, ngx_uint_t n,
    uint64_t id);
static ngx_int_t ngx_recording_keeper_idle(ngx_recording_keeper_t *keeper,
    ngx_recording_catalogue_error_t *err);
static void ngx_recording_keeper_over(ngx_recording_keeper_t *keeper);
static void ngx_recording_keeper_checkpoint(
    ngx_recording_keeper_t *keeper);


void
ngx_recording_keeper_start(ngx_recording_worker_t *worker)
{
    ngx_recording_keeper_t  *keeper;

    keeper = ngx_calloc(sizeof(ngx_recording_keeper_t), worker->log);

    if (keeper == NULL) {
        return;
    }

    keeper->worker = worker;

    keeper->timer.handler = ngx_recording_keeper_timer;
    keeper->timer.data = keeper;
    keeper->timer.log = worker->log;

    ngx_recording_survey_init(&keeper->survey, worker);
    ngx_recording_copy_init(&keeper->copy, worker);
    ngx_recording_room_init(&keeper->room, worker);
    ngx_recording_reserve_init(&keeper->reserve, worker);

    ngx_recording_job_init(&keeper->job, &worker->jobs,
                           ngx_recording_keeper_thread,
                           ngx_recording_keeper_done, keeper);
    keeper->job.seat = NGX_RECORDING_SEAT_TURNS;

    ngx_recording_keeper_timer(&keeper->timer);
}


static void
ngx_recording_keeper_timer(ngx_event_t *ev)
{
    ngx_recording_keeper_t  *keeper;

    keeper = ev->data;

    if (ngx_exiting && !keeper->exiting) {
        keeper->exiting = 1;
        keeper->left = (*keeper->worker->left != 0);

        if (!keeper->left) {

            /* from now on it keeps no worker */

            ngx_recording_keeper_wait(keeper);
            return;
        }
    }

    keeper->turns++;
    keeper->ntaken = NGX_RECORDING_KEEPER_TAKEN - keeper->repairing;

    ngx_recording_reserve(&keeper->reserve);
    ngx_recording_survey(&keeper->survey);
    ngx_recording_copy(&keeper->copy);

    if (!keeper->failed) {
        ngx_recording_room(&keeper->room,
                           ngx_recording_keeper_sweeps(keeper));
    }

    ngx_recording_job_post(&keeper->job);
}


/* a worker that leaves begins nothing new, unless nobody else would */

static ngx_uint_t
ngx_recording_keeper_sweeps(ngx_recording_keeper_t *keeper)
{
    return !ngx_terminate
           && (keeper->left
               || (!ngx_exiting
                   && (keeper->more || keeper->turns
                                       % NGX_RECORDING_KEEPER_SWEEP == 1)));
}


static void
ngx_recording_keeper_thread(void *data)
{
    ngx_recording_keeper_t *keeper = data;

    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    (void) ngx_recording_spare_fill();

    rc = ngx_recording_keeper_orders(keeper, &err);

    if (rc == NGX_OK && ngx_recording_keeper_sweeps(keeper)) {
        rc = ngx_recording_keeper_sweep(keeper, &err);

    } else if (rc == NGX_OK && !ngx_exiting && !ngx_terminate
               && keeper->turns % NGX_RECORDING_KEEPER_OWN == 0)
    {
        rc = ngx_recording_keeper_own(keeper, &err);

    } else {
        keeper->ntaken = 0;
    }

    if (rc == NGX_OK) {
        ngx_recording_keeper_checkpoint(keeper);
    }

    if (rc == NGX_OK) {
        if (ngx_recording_over(keeper->failed, 1)) {
            ngx_recording_notice(&keeper->notices, NGX_LOG_NOTICE, 0,
                                 "catalogue can be written again");
        }

    } else {
        keeper->nwanted = 0;

        if (ngx_recording_once(keeper->failed, 1)) {
            ngx_recording_notice(&keeper->notices, NGX_LOG_ERR, 0,
                                 "catalogue failed: %s", err.text);
        }
    }
}


static void
ngx_recording_keeper_done(void *data)
{
    ngx_recording_keeper_t *keeper = data;

    ngx_uint_t               i;
    ngx_recording_worker_t  *worker;

    worker = keeper->worker;

    ngx_recording_notices_log(&keeper->notices, worker->log);

    for (i = 0; i < keeper->ntaken; i++) {
        keeper->repairing++;

        if (keeper->taken[i].recording_id
            && worker->calls->lives(worker, keeper->taken[i].recording_id))
        {
            /* the others of its recording go on: it does not wait */

            keeper->taken[i].state = NGX_RECORDING_FILE_FINISHING;
        }

        ngx_recording_finish_taken(worker, &keeper->taken[i], 0, worker->log,
                                   ngx_recording_keeper_repaired, keeper);
    }

    keeper->nrefused = 0;

    for (i = 0; i < keeper->nwanted; i++) {
        if (worker->calls->asked(worker, keeper->wanted[i]) == NGX_DECLINED) {
            keeper->refused[keeper->nrefused++] = keeper->wanted[i];
        }
    }

    ngx_recording_keeper_over(keeper);

    /* one that fails is left to a configuration that has this store again */

    if (keeper->failed || (keeper->ntaken == 0 && keeper->repairing == 0)) {
        keeper->left = 0;
    }

    ngx_recording_keeper_wait(keeper);
}


/* a worker that exits is kept by files that nobody else would finish */

static void
ngx_recording_keeper_wait(ngx_recording_keeper_t *keeper)
{
    keeper->timer.cancelable = (keeper->exiting && !keeper->left);

    ngx_add_timer(&keeper->timer, NGX_RECORDING_KEEPER_TIME);
}


static void
ngx_recording_keeper_repaired(void *data)
{
    ngx_recording_keeper_t *keeper = data;

    keeper->repairing--;
}


static ngx_int_t
ngx_recording_keeper_orders(ngx_recording_keeper_t *keeper,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t                  i;
    ngx_recording_catalogue_t  *catalogue;

    catalogue = &keeper->worker->catalogue;

    for (i = 0; i < keeper->nrefused; i++) {
        if (ngx_recording_catalogue_refuse_thread(catalogue,
                                                  keeper->refused[i], err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (keeper->nover
        && ngx_recording_catalogue_end_idle_thread(catalogue, keeper->over,
                                                   keeper->nover, err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    keeper->nover = 0;
    keeper->nwanted = 0;

    if (!ngx_recording_catalogue_changed_thread(catalogue)
        && keeper->turns % NGX_RECORDING_KEEPER_SWEEP != 1)
    {
        return NGX_OK;
    }

    keeper->nwanted = NGX_RECORDING_KEEPER_WANTED;

    return ngx_recording_catalogue_wanted_thread(catalogue, keeper->wanted,
                                                 &keeper->nwanted, err);
}


static ngx_int_t
ngx_recording_keeper_sweep(ngx_recording_keeper_t *keeper,
    ngx_recording_catalogue_error_t *err)
{
    int64_t                     now;
    ngx_uint_t                  room;
    ngx_recording_catalogue_t  *catalogue;

    catalogue = &keeper->worker->catalogue;

    /* what waits in a store that was left does not wait any longer */

    now = keeper->left ? NGX_RECORDING_KEEPER_EVER
                       : ngx_recording_store_now(&keeper->worker->store);
    room = keeper->ntaken;

    if (keeper->ntaken
        && ngx_recording_catalogue_orphans_thread(catalogue,
                                         now - NGX_RECORDING_KEEPER_GRACE,
                                         keeper->taken, &keeper->ntaken, err)
           != NGX_OK)
    {
        keeper->ntaken = 0;
        return NGX_ERROR;
    }

    keeper->more = (keeper->ntaken == room);

    return ngx_recording_catalogue_close_stale_thread(catalogue, err);
}


/*
 * Rows say that files are this worker's, and no job of it knows: they were
 * written while another catalogue was made, or by an error.  At the second
 * pass it is sure that none is about to.
 */

static ngx_int_t
ngx_recording_keeper_own(ngx_recording_keeper_t *keeper,
    ngx_recording_catalogue_error_t *err)
{
    uint64_t    seen[NGX_RECORDING_KEEPER_TAKEN];
    ngx_uint_t  i, n;

    n = keeper->ntaken;
    keeper->ntaken = 0;

    if (ngx_recording_catalogue_own_thread(&keeper->worker->catalogue,
                                           keeper->taken, &n, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        seen[i] = keeper->taken[i].id;

        if (ngx_recording_keeper_has(keeper->strays, keeper->nstrays,
                                     seen[i]))
        {
            keeper->taken[keeper->ntaken++] = keeper->taken[i];
        }
    }

    ngx_memcpy(keeper->strays, seen, n * sizeof(uint64_t));
    keeper->nstrays = n;

    return ngx_recording_keeper_idle(keeper, err);
}


static ngx_uint_t
ngx_recording_keeper_has(uint64_t *ids, ngx_uint_t n, uint64_t id)
{
    ngx_uint_t  i;

    for (i = 0; i < n && ids[i] != id; i++) { /* void */ }

    return i < n;
}


/*
 * The same of recordings, whose end was written into a catalogue that is lost:
 * those of which no file grows, or is being finished, at two passes; then the
 * next ones, if there are more, as those may live.
 */

static ngx_int_t
ngx_recording_keeper_idle(ngx_recording_keeper_t *keeper,
    ngx_recording_catalogue_error_t *err)
{
    uint64_t    seen[NGX_RECORDING_KEEPER_IDLE];
    ngx_uint_t  i, n, more;

    n = NGX_RECORDING_KEEPER_IDLE;

    if (ngx_recording_catalogue_idle_thread(&keeper->worker->catalogue,
                                            keeper->behind, seen, &n, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (ngx_recording_keeper_has(keeper->idle, keeper->nidle, seen[i])) {
            keeper->over[keeper->nover++] = seen[i];
        }
    }

    more = (n == NGX_RECORDING_KEEPER_IDLE);

    if (n == 0 || (keeper->nidle && (more || keeper->behind))) {
        keeper->behind = more ? seen[n - 1] : 0;
        n = 0;
    }

    ngx_memcpy(keeper->idle, seen, n * sizeof(uint64_t));
    keeper->nidle = n;

    return NGX_OK;
}


/* no session has them, nor is one about to, by what the loop knows */

static void
ngx_recording_keeper_over(ngx_recording_keeper_t *keeper)
{
    ngx_uint_t               i, n;
    ngx_recording_worker_t  *worker;

    worker = keeper->worker;
    n = keeper->nover;
    keeper->nover = 0;

    if (n == 0 || worker->calls->begins(worker)) {
        return;
    }

    for (i = 0; i < n; i++) {
        if (!worker->calls->lives(worker, keeper->over[i])) {
            keeper->over[keeper->nover++] = keeper->over[i];
        }
    }
}


/* not by those who write rows: it may take as long as the disk is slow */

static void
ngx_recording_keeper_checkpoint(ngx_recording_keeper_t *keeper)
{
    ngx_uint_t  held;

    held = ngx_recording_catalogue_checkpoint_thread(
                                               &keeper->worker->catalogue);

    if (held && !keeper->held) {
        ngx_recording_notice(&keeper->notices, NGX_LOG_WARN, 0,
                             "catalogue.db-wal has grown to %lu MB, as "
                             "somebody reads the catalogue without end: end "
                             "that transaction", (unsigned long) held);
    }

    keeper->held = (held != 0);
}
