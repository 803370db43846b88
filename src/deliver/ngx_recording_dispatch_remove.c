
/*
 * An attempt that removes an object from a bucket.
 */


#include "ngx_recording_dispatch.h"


static void ngx_recording_remove_done(ngx_recording_removal_t *removal);


/* a target each, of no template: what the object's was may be gone by now */

ngx_uint_t
ngx_recording_dispatch_removes(ngx_recording_lane_t *lanes,
    ngx_recording_target_t *targets, ngx_recording_bucket_t **buckets,
    ngx_uint_t n, ngx_pool_t *pool)
{
    ngx_uint_t               i;
    ngx_recording_target_t  *t;

    for (i = 0; i < n; i++) {
        t = &targets[i];

        t->name.len = sizeof("remove:") - 1 + buckets[i]->name.len;
        t->name.data = ngx_pnalloc(pool, t->name.len);

        if (t->name.data == NULL) {
            break;
        }

        (void) ngx_sprintf(t->name.data, "remove:%V", &buckets[i]->name);

        t->kinds = NGX_RECORDING_KIND_REMOVE;
        t->local_us = NGX_RECORDING_LOCAL_UNSET;

        lanes[i].bucket = buckets[i];
        lanes[i].removes = 1;
        lanes[i].target = t;
    }

    return i;
}


void
ngx_recording_dispatch_remove_prepare(ngx_recording_attempt_t *a)
{
    ngx_recording_removal_t  *removal;

    removal = calloc(1, sizeof(ngx_recording_removal_t));

    if (removal == NULL) {
        (void) snprintf(a->error, sizeof(a->error), "no memory");
        return;
    }

    removal->bucket = a->lane->bucket;
    removal->log = &a->log;
    removal->row = &a->row;
    removal->done = ngx_recording_remove_done;
    removal->data = a;

    a->removal = removal;

    ngx_recording_removal_prepare_thread(removal);
}


void
ngx_recording_dispatch_remove_free(ngx_recording_attempt_t *a)
{
    if (a->removal) {
        ngx_recording_removal_free(a->removal);
    }
}


static void
ngx_recording_remove_done(ngx_recording_removal_t *removal)
{
    ngx_uint_t                level;
    ngx_recording_peer_e      peer;
    ngx_recording_attempt_t  *a;

    a = removal->data;

    (void) snprintf(a->error, sizeof(a->error), "%s", removal->error);

    a->answered = removal->status >= 300 && !removal->stopped;
    a->hold = removal->hold;

    peer = removal->unreached ? NGX_RECORDING_PEER_FAILED
           : removal->works ? NGX_RECORDING_PEER_WORKS
           : NGX_RECORDING_PEER_UNKNOWN;

    /* of a bucket that fails its own message speaks */

    level = removal->unreached ? NGX_LOG_WARN : NGX_LOG_ERR;

    if (removal->result == NGX_RECORDING_OUTBOX_FAILED
        && ngx_recording_dispatch_attempt_says(a, level))
    {
        ngx_log_error(level, removal->log, 0,
                      "recording: object \"%s\" was not removed from bucket "
                      "\"%V\": %s; it is tried again", a->row.key,
                      &a->lane->bucket->name, a->error);
    }

    if (removal->result == NGX_RECORDING_OUTBOX_DONE) {
        a->lane->refused = 0;
    }

    ngx_recording_dispatch_over(a, removal->result, peer);
}


void
ngx_recording_dispatch_remove_result(ngx_recording_attempt_t *a,
    ngx_recording_outbox_result_t *result)
{
    result->pause = a->removal->pause;
    result->progress = a->removal->progress;
}


void
ngx_recording_dispatch_remove_told(ngx_recording_attempt_t *a)
{
    ngx_recording_removal_t  *removal;

    removal = a->removal;

    if (removal->foreign) {
        ngx_log_error(NGX_LOG_WARN, removal->log, 0,
                      "recording: %ui objects of expired or deleted \"%s\" in "
                      "bucket \"%V\" are not that file's any more, and are "
                      "left there", removal->foreign, a->row.key,
                      &a->lane->bucket->name);
    }

    if (a->result == NGX_RECORDING_OUTBOX_DONE && !removal->foreign) {
        ngx_log_error(NGX_LOG_NOTICE, removal->log, 0,
                      "recording: object removed: \"%s\" from bucket \"%V\"",
                      a->row.key, &a->lane->bucket->name);

    } else if (a->dead) {
        ngx_log_error(NGX_LOG_ERR, removal->log, 0,
                      "recording: object \"%s\" is not removed from bucket "
                      "\"%V\": %s; this stays in the catalogue and can be "
                      "tried again", a->row.key, &a->lane->bucket->name,
                      a->error);
    }
}
