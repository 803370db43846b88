
/* what a worker asks its recordings, at its end above all */


#include "ngx_recording_recorder.h"


#define NGX_RECORDING_RECORDER_SILENCE  2000          /* ms */


static ngx_recording_t *ngx_recording_recorder_of(ngx_queue_t *q);
static void ngx_recording_recorder_ready(ngx_queue_t *q);
static ngx_int_t ngx_recording_recorder_asked(ngx_recording_worker_t *worker,
    uint64_t id);
static ngx_uint_t ngx_recording_recorder_lives(ngx_recording_worker_t *worker,
    uint64_t id);
static ngx_uint_t ngx_recording_recorder_begins(
    ngx_recording_worker_t *worker);
static ngx_recording_t *ngx_recording_recorder_find(
    ngx_recording_worker_t *worker, uint64_t id);
static void ngx_recording_recorder_drain(ngx_queue_t *q);
static void ngx_recording_recorder_stop(ngx_queue_t *q);
static ngx_int_t ngx_recording_recorder_ask(ngx_recording_t *r);
static ngx_uint_t ngx_recording_recorder_unwritten(ngx_recording_t *r);


const ngx_recording_worker_calls_t  ngx_recording_recorder_calls = {
    ngx_recording_recorder_ready,
    ngx_recording_recorder_drain,
    ngx_recording_recorder_stop,
    ngx_recording_recorder_asked,
    ngx_recording_recorder_lives,
    ngx_recording_recorder_begins
};


static ngx_recording_t *
ngx_recording_recorder_of(ngx_queue_t *q)
{
    return ngx_queue_data(q, ngx_recording_t, queue);
}


static void
ngx_recording_recorder_ready(ngx_queue_t *q)
{
    ngx_recording_t  *r;

    r = ngx_recording_recorder_of(q);

    if (r->intake.state != NGX_RECORDING_INTAKE_WAITING
        && r->job == NGX_RECORDING_RECORDER_IDLE)
    {
        ngx_recording_recorder_append(r);
    }
}


static ngx_int_t
ngx_recording_recorder_asked(ngx_recording_worker_t *worker, uint64_t id)
{
    ngx_recording_t  *r;

    r = ngx_recording_recorder_find(worker, id);

    if (r == NULL) {
        return ngx_recording_recorder_begins(worker) ? NGX_OK : NGX_DECLINED;
    }

    if (r->intake.state != NGX_RECORDING_INTAKE_ENDING) {
        return ngx_recording_recorder_ask(r);
    }

    /* its end is being written, or was, and the catalogue was lost since */

    return r->order.end && r->job == NGX_RECORDING_RECORDER_IDLE
           ? NGX_DECLINED : NGX_OK;
}


static ngx_uint_t
ngx_recording_recorder_lives(ngx_recording_worker_t *worker, uint64_t id)
{
    return ngx_recording_recorder_find(worker, id) != NULL;
}


/* one that goes on, if it was resumed while the one before still ends */

static ngx_recording_t *
ngx_recording_recorder_find(ngx_recording_worker_t *worker, uint64_t id)
{
    ngx_queue_t      *q;
    ngx_recording_t  *r, *found;

    found = NULL;

    for (q = ngx_queue_head(&worker->recordings);
         q != ngx_queue_sentinel(&worker->recordings);
         q = ngx_queue_next(q))
    {
        r = ngx_recording_recorder_of(q);

        if (r->id == id) {
            found = r;

            if (r->intake.state != NGX_RECORDING_INTAKE_ENDING) {
                break;
            }
        }
    }

    return found;
}


/* its row may be there; one that waits for another's recording has none */

static ngx_uint_t
ngx_recording_recorder_begins(ngx_recording_worker_t *worker)
{
    ngx_queue_t      *q;
    ngx_recording_t  *r;

    for (q = ngx_queue_head(&worker->recordings);
         q != ngx_queue_sentinel(&worker->recordings);
         q = ngx_queue_next(q))
    {
        r = ngx_recording_recorder_of(q);

        if (r->id == 0
            && (r->job == NGX_RECORDING_RECORDER_ORDERED || r->asks))
        {
            return 1;
        }
    }

    return 0;
}


/* a connection that is silent may be dead, though it stands */

static ngx_int_t
ngx_recording_recorder_ask(ngx_recording_t *r)
{
    if (r->replay) {

        /* what it has to read is here, whoever sends it now */

        return NGX_DECLINED;
    }

    if (ngx_current_msec - r->arrived >= NGX_RECORDING_RECORDER_SILENCE) {

        ngx_log_error(NGX_LOG_NOTICE, &r->log, 0,
                      "recording: released, the stream is published to "
                      "another worker");

        (void) ngx_recording_recorder_end(r);

        if (r->job == NGX_RECORDING_RECORDER_IDLE) {
            ngx_recording_recorder_append(r);
        }

        return NGX_OK;
    }

    if (r->asked == 0) {
        r->asked = ngx_current_msec;
        return NGX_OK;
    }

    if ((ngx_msec_int_t) (r->arrived - r->asked) > 0) {
        r->asked = 0;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_recording_recorder_drain(ngx_queue_t *q)
{
    ngx_recording_t  *r;

    r = ngx_recording_recorder_of(q);

    if (!r->worker->ready || r->order.end
        || r->intake.state == NGX_RECORDING_INTAKE_WAITING)
    {
        return;
    }

    /* a thread may have it */

    if (!r->worker->stopped && r->job == NGX_RECORDING_RECORDER_ORDERED
        && !r->append.ran)
    {
        return;
    }

    if (ngx_recording_recorder_unwritten(r)) {
        ngx_recording_recorder_append_thread(r);
    }

    ngx_recording_recorder_rest(r);

    if (r->job == NGX_RECORDING_RECORDER_AGAIN) {
        return;
    }

    /* the end itself takes rows */

    ngx_recording_intake_release(&r->intake, &r->order.batch);
    ngx_recording_recorder_take(r);
    r->order.end = 0;

    ngx_recording_recorder_append_thread(r);
    ngx_recording_recorder_rest(r);
}


/* a job that no thread came to, or one that is to go on */

static ngx_uint_t
ngx_recording_recorder_unwritten(ngx_recording_t *r)
{
    switch (r->job) {

    case NGX_RECORDING_RECORDER_ORDERED:
        return !r->append.ran || r->order.rc == NGX_AGAIN;

    case NGX_RECORDING_RECORDER_AGAIN:
        return 1;

    default:
        return 0;
    }
}


static void
ngx_recording_recorder_stop(ngx_queue_t *q)
{
    ngx_recording_t  *r;

    r = ngx_recording_recorder_of(q);

    r->order.stop = 1;

    if (r->replay) {
        ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                      "recording: nginx ends at once, what rewind= has kept "
                      "is recorded only as far as it was read");
    }

    if (ngx_recording_recorder_unwritten(r)) {
        ngx_recording_recorder_append_thread(r);
    }

    if (!r->worker->ready) {

        if (r->intake.filling.n || r->order.batch.n) {
            ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                          "recording: the store could not be used, "
                          "nothing was recorded");
        }

        return;
    }

    if (r->order.end
        || (r->intake.state != NGX_RECORDING_INTAKE_ENDING
            && ngx_recording_recorder_end(r) != NGX_OK))
    {
        return;
    }

    ngx_recording_intake_release(&r->intake, &r->order.batch);
    ngx_recording_recorder_take(r);
    ngx_recording_recorder_append_thread(r);
    ngx_recording_recorder_say(r);
}
