
/*
 * An attempt that is a delivery to a bucket.
 */


#include "ngx_recording_dispatch.h"
#include "ngx_recording_path.h"


#define NGX_RECORDING_UPLOAD_BACKUP  1000        /* its URL counts last */


static ngx_int_t ngx_recording_upload_lane(ngx_recording_lane_t *lane,
    ngx_recording_target_t *target, const ngx_recording_upload_t *upload,
    ngx_recording_bucket_t *bucket, const char *kind, ngx_pool_t *pool);
static void ngx_recording_upload_commit(ngx_recording_delivery_t *delivery);
static void ngx_recording_upload_sent(ngx_recording_delivery_t *delivery);
static void ngx_recording_upload_done(ngx_recording_delivery_t *delivery);
static char *ngx_recording_upload_url(ngx_recording_attempt_t *a);


ngx_uint_t
ngx_recording_dispatch_uploads(ngx_recording_lane_t *lanes,
    ngx_recording_target_t *targets, const ngx_recording_upload_t *uploads,
    ngx_uint_t n, ngx_pool_t *pool)
{
    ngx_uint_t                     i, k, rank;
    ngx_recording_lane_t          *lane;
    const ngx_recording_upload_t  *u;

    k = 0;
    rank = 0;

    for (i = 0; i < n; i++) {
        u = &uploads[i];

        rank = i && u->template.data == uploads[i - 1].template.data
               ? rank + 1 : 0;

        lane = &lanes[k];

        if (ngx_recording_upload_lane(lane, &targets[k], u, u->bucket,
                                      "upload", pool)
            != NGX_OK)
        {
            return k;
        }

        targets[k].kinds = NGX_RECORDING_KIND_UPLOAD;
        targets[k].holds = 1;
        targets[k].local_us = u->local < 0 ? u->local
                                           : (int64_t) u->local * 1000000;
        targets[k].early = u->early;
        lane->rank = rank;
        k++;

        if (u->backup == NULL) {
            continue;
        }

        if (ngx_recording_upload_lane(&lanes[k], &targets[k], u, u->backup,
                                      "backup", pool)
            != NGX_OK)
        {
            return k;
        }

        /* no file is for it, as long as the other one can be used */

        targets[k].local_us = NGX_RECORDING_LOCAL_UNSET;
        lanes[k].rank = NGX_RECORDING_UPLOAD_BACKUP + rank;
        lane->backup = &lanes[k];
        k++;
    }

    return k;
}


static ngx_int_t
ngx_recording_upload_lane(ngx_recording_lane_t *lane,
    ngx_recording_target_t *target, const ngx_recording_upload_t *upload,
    ngx_recording_bucket_t *bucket, const char *kind, ngx_pool_t *pool)
{
    target->template = upload->template;
    target->prefix = bucket->prefix;

    target->name.len = ngx_strlen(kind) + 1 + bucket->name.len;
    target->name.data = ngx_pnalloc(pool, target->name.len);

    if (target->name.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(target->name.data, "%s:%V", kind, &bucket->name);

    lane->bucket = bucket;
    lane->target = target;

    return NGX_OK;
}


void
ngx_recording_dispatch_upload_prepare(ngx_recording_attempt_t *a)
{
    ngx_recording_worker_t    *worker;
    ngx_recording_delivery_t  *delivery;

    delivery = calloc(1, sizeof(ngx_recording_delivery_t));

    if (delivery == NULL) {
        (void) snprintf(a->error, sizeof(a->error), "no memory");
        return;
    }

    worker = a->dispatch->worker;

    delivery->bucket = a->lane->bucket;
    delivery->store = &worker->store;
    delivery->jobs = &worker->jobs;
    delivery->log = &a->log;
    delivery->row = &a->row;
    delivery->early = a->early;
    delivery->probe = a->probe;
    delivery->commit = ngx_recording_upload_commit;
    delivery->sent = ngx_recording_upload_sent;
    delivery->done = ngx_recording_upload_done;
    delivery->data = a;

    a->delivery = delivery;

    ngx_recording_delivery_prepare_thread(delivery);
}


void
ngx_recording_dispatch_upload_start(ngx_recording_attempt_t *a)
{
    ngx_recording_delivery_start(a->delivery);
}


void
ngx_recording_dispatch_upload_free(ngx_recording_attempt_t *a)
{
    free(a->progress);

    if (a->delivery) {
        ngx_recording_delivery_free(a->delivery);
    }
}


/* one at a time: what is not written now is at the end, or later */

static void
ngx_recording_upload_commit(ngx_recording_delivery_t *delivery)
{
    ngx_recording_attempt_t  *a;

    a = delivery->data;

    if (a->progress) {
        return;
    }

    a->progress = ngx_recording_delivery_progress(delivery);

    if (a->progress == NULL) {
        return;
    }

    ngx_queue_insert_tail(&a->dispatch->steps, &a->step);

    ngx_recording_dispatch_wake(a->dispatch);
}


void
ngx_recording_dispatch_upload_stepped(ngx_recording_dispatch_t *d)
{
    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    if (!d->written) {
        return;
    }

    while (!ngx_queue_empty(&d->stepping)) {
        q = ngx_queue_head(&d->stepping);
        ngx_queue_remove(q);

        a = ngx_queue_data(q, ngx_recording_attempt_t, step);

        free(a->progress);
        a->progress = NULL;

        ngx_recording_delivery_committed(a->delivery);
    }
}


/* it may be hours until it is done */

static void
ngx_recording_upload_sent(ngx_recording_delivery_t *delivery)
{
    ngx_recording_dispatch_peer_works(delivery->data);
}


static void
ngx_recording_upload_done(ngx_recording_delivery_t *delivery)
{
    ngx_uint_t                level;
    ngx_recording_peer_e      peer;
    ngx_recording_attempt_t  *a;

    a = delivery->data;

    (void) snprintf(a->error, sizeof(a->error), "%s", delivery->error);

    a->answered = delivery->status >= 300 && !delivery->stopped;
    a->hold = delivery->hold;

    peer = delivery->unreached ? NGX_RECORDING_PEER_FAILED
           : delivery->result == NGX_RECORDING_OUTBOX_DONE || delivery->works
           ? NGX_RECORDING_PEER_WORKS : NGX_RECORDING_PEER_UNKNOWN;

    /* of a bucket that fails its own message speaks */

    level = delivery->unreached ? NGX_LOG_WARN : NGX_LOG_ERR;

    /* one that grows is returned in any case */

    if ((delivery->result == NGX_RECORDING_OUTBOX_FAILED
         || (delivery->early && delivery->pause && !delivery->unreached))
        && ngx_recording_dispatch_attempt_says(a, level))
    {
        ngx_log_error(level, delivery->log, 0,
                      "recording: file \"%s\" was not delivered to bucket "
                      "\"%V\": %s; it is tried again", a->row.key,
                      &a->lane->bucket->name, a->error);
    }

    if (delivery->result == NGX_RECORDING_OUTBOX_DONE) {
        a->lane->refused = 0;
    }

    ngx_recording_dispatch_over(a, delivery->result, peer);
}


ngx_int_t
ngx_recording_dispatch_upload_result(ngx_recording_attempt_t *a,
    ngx_recording_outbox_result_t *result,
    ngx_recording_outbox_object_t *object, char **url)
{
    ngx_recording_delivery_t  *delivery;

    delivery = a->delivery;

    result->pause = delivery->pause;
    result->progress = delivery->progress;

    if (a->result != NGX_RECORDING_OUTBOX_DONE) {
        return NGX_OK;
    }

    *url = ngx_recording_upload_url(a);

    if (*url == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(object, sizeof(ngx_recording_outbox_object_t));

    object->bucket = (char *) a->lane->bucket->name.data;
    object->url = *url;
    object->etag = delivery->etag;
    object->size = delivery->size;
    object->rank = a->lane->rank;

    result->object = object;

    return NGX_OK;
}


/* what is behind the prefix is behind the bucket's url, too */

static char *
ngx_recording_upload_url(ngx_recording_attempt_t *a)
{
    char                    *url;
    size_t                   len;
    u_char                  *p, *path;
    ngx_recording_bucket_t  *bucket;

    bucket = a->lane->bucket;

    if (bucket->public.len == 0) {
        return strdup("");
    }

    path = (u_char *) a->row.key;
    len = strlen(a->row.key);

    if (len >= bucket->prefix.len
        && ngx_memcmp(path, bucket->prefix.data, bucket->prefix.len) == 0)
    {
        path += bucket->prefix.len;
        len -= bucket->prefix.len;
    }

    url = malloc(bucket->public.len + 3 * len + 1);

    if (url) {
        p = ngx_cpymem((u_char *) url, bucket->public.data,
                       bucket->public.len);
        p = ngx_recording_path_escape(p, path, len);
        *p = '\0';
    }

    return url;
}


void
ngx_recording_dispatch_upload_told(ngx_recording_attempt_t *a)
{
    ngx_recording_delivery_t  *delivery;

    delivery = a->delivery;

    if (a->result == NGX_RECORDING_OUTBOX_DONE) {
        ngx_log_error(NGX_LOG_NOTICE, delivery->log, 0,
                      "recording: file delivered: \"%s\" to bucket \"%V\", %O "
                      "bytes", a->row.key, &a->lane->bucket->name,
                      delivery->size);

    } else if (a->dead) {
        ngx_log_error(NGX_LOG_ERR, delivery->log, 0,
                      "recording: file \"%s\" is not delivered to bucket "
                      "\"%V\": %s; it stays in the catalogue and can be sent "
                      "again",
                      a->row.key, &a->lane->bucket->name, a->error);
    }
}
