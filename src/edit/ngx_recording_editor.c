
#include "ngx_recording_editor_step.h"
#include <stdarg.h>


#define NGX_RECORDING_EDITOR_LOOK  1000          /* ms */


static void ngx_recording_editor_timer(ngx_event_t *ev);
static u_char *ngx_recording_editor_log(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_recording_editor_post(ngx_recording_editor_t *e);
static ngx_recording_seat_e ngx_recording_editor_seat(
    ngx_recording_editor_t *e);
static void ngx_recording_editor_thread(void *data);
static ngx_int_t ngx_recording_editor_run(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_take(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_over(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_drop(ngx_recording_editor_t *e);
static void ngx_recording_editor_free(ngx_recording_editor_t *e);
static void ngx_recording_editor_done(void *data);
static void ngx_recording_editor_order(void *data);
static void ngx_recording_editor_finished(void *data);
static void ngx_recording_editor_wait(ngx_recording_editor_t *e,
    ngx_msec_t ms);


void
ngx_recording_editor_start(ngx_recording_worker_t *worker)
{
    ngx_recording_editor_t  *e;

    e = ngx_calloc(sizeof(ngx_recording_editor_t), worker->log);

    if (e == NULL) {
        return;
    }

    e->worker = worker;

    e->log = *worker->log;
    e->log.handler = ngx_recording_editor_log;
    e->log.data = e;
    e->log.action = NULL;

    e->timer.handler = ngx_recording_editor_timer;
    e->timer.data = e;
    e->timer.log = worker->log;
    e->timer.cancelable = 1;

    ngx_recording_change_init(&e->change, &worker->changes);
    ngx_recording_job_init(&e->job, &worker->jobs,
                           ngx_recording_editor_thread,
                           ngx_recording_editor_done, e);
    e->job.background = 1;

    ngx_recording_editor_wait(e, NGX_RECORDING_EDITOR_LOOK);
}


static u_char *
ngx_recording_editor_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_recording_editor_t  *e;

    e = log->data;

    return ngx_snprintf(buf, len, ", task: \"%s\"%s", e->task, e->about);
}


static void
ngx_recording_editor_wait(ngx_recording_editor_t *e, ngx_msec_t ms)
{
    ngx_add_timer(&e->timer, ms);
}


static void
ngx_recording_editor_timer(ngx_event_t *ev)
{
    ngx_recording_editor_t  *e;

    e = ev->data;

    if (!e->busy) {

        /* a worker that exits begins nothing new */

        if (ngx_exiting || ngx_terminate) {
            return;
        }

        e->step = ngx_recording_editor_take;
    }

    ngx_recording_editor_post(e);
}


static void
ngx_recording_editor_post(ngx_recording_editor_t *e)
{
    e->job.seat = ngx_recording_editor_seat(e);

    ngx_recording_job_post(&e->job);
}


/* in the catalogue, but for what it only asks for */

static ngx_recording_seat_e
ngx_recording_editor_seat(ngx_recording_editor_t *e)
{
    return e->step == ngx_recording_editor_take
           || e->step == ngx_recording_editor_plan
           ? NGX_RECORDING_SEAT_TURNS : NGX_RECORDING_SEAT_NONE;
}


static void
ngx_recording_editor_thread(void *data)
{
    ngx_recording_editor_t *e = data;

    ngx_int_t  rc;

    do {
        rc = ngx_recording_editor_run(e);
    } while (rc == NGX_OK && ngx_recording_editor_seat(e) == e->job.seat);

    if (rc == NGX_OK) {
        rc = NGX_AGAIN;
    }

    if (rc == NGX_DONE && e->busy) {
        ngx_recording_editor_free(e);
        e->busy = 0;
    }

    e->result = rc;
}


static ngx_int_t
ngx_recording_editor_run(ngx_recording_editor_t *e)
{
    ngx_int_t  rc;

    /* a fast stop: the next start removes what there is */

    if (ngx_terminate) {

        if (e->mux) {
            ngx_recording_editor_copy_stop(e);
            ngx_recording_mux_close_thread(e->mux);
            e->mux = NULL;
        }

        return NGX_DONE;
    }

    if (ngx_exiting && e->busy && e->change.state == NGX_RECORDING_CHANGE_IDLE
        && e->step != ngx_recording_editor_over
        && e->step != ngx_recording_editor_drop)
    {
        /* another worker begins anew: a publisher may keep this one for
           hours */

        e->end.code = 0;
        e->step = ngx_recording_editor_over;
    }

    rc = e->step(e);

    if (rc != NGX_ERROR) {
        return rc;
    }

    ngx_recording_notice(&e->notices, NGX_LOG_ERR, 0,
                         "a file of others cannot be made: %s", e->end.text);

    e->step = ngx_recording_editor_over;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_editor_take(ngx_recording_editor_t *e)
{
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    rc = ngx_recording_catalogue_edit_take_thread(&e->worker->catalogue,
                                                  &e->edit, &err);

    if (rc == NGX_ERROR) {

        if (ngx_recording_once(e->failed, 1)) {
            ngx_recording_notice(&e->notices, NGX_LOG_ERR, 0,
                                 "catalogue failed: %s, no file is made of "
                                 "others", err.text);
        }

        return NGX_DONE;
    }

    e->failed = 0;

    if (rc == NGX_DECLINED) {
        return NGX_DONE;
    }

    e->busy = 1;
    e->at = 0;
    e->bytes = 0;
    e->synced = 0;
    e->shown = 0;
    e->heard = 0;
    e->origin = -1;
    e->total = 0;
    e->open = 0;
    e->told = 0;
    e->end.id = e->edit.id;

    ngx_recording_catalogue_edit_name(e->edit.id, e->task);

    e->about[0] = '\0';

    ngx_memzero(&e->progress, sizeof(e->progress));
    e->progress.edit = &e->edit;

    e->step = ngx_recording_editor_plan;

    return NGX_OK;
}


/* it has failed, or is left: the row first, that nobody waits for the file */

static ngx_int_t
ngx_recording_editor_over(ngx_recording_editor_t *e)
{
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    rc = ngx_recording_change_ask_thread(&e->change,
                                         ngx_recording_catalogue_edit_end,
                                         &e->end, 1, &err);
    if (rc == NGX_BUSY) {
        return NGX_BUSY;
    }

    if (rc != NGX_OK) {

        /* it is tried again, unless the worker exits: then another one comes
           to it */

        return ngx_exiting ? ngx_recording_editor_drop(e) : NGX_ABORT;
    }

    e->step = ngx_recording_editor_drop;

    return NGX_OK;
}


/* what there is of the file goes, as of one from which nothing was recorded */

static ngx_int_t
ngx_recording_editor_drop(ngx_recording_editor_t *e)
{
    ngx_recording_editor_copy_stop(e);

    if (e->mux == NULL) {
        return NGX_DONE;
    }

    e->mux->file.in = 0;
    e->mux->file.written = 0;
    e->mux->tainted = 0;
    ngx_memzero(e->mux->file.dropped, sizeof(e->mux->file.dropped));

    ngx_recording_mux_rest_thread(e->mux);

    return NGX_DECLINED;
}


static void
ngx_recording_editor_free(ngx_recording_editor_t *e)
{
    ngx_uint_t  i;

    ngx_recording_editor_copy_stop(e);

    for (i = 0; i < NGX_RECORDING_EDIT_INPUTS; i++) {
        free(e->inputs[i].path.data);
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        free(e->media[i].header);
    }

    free(e->stream.template.data);

    ngx_memzero(e->inputs, sizeof(e->inputs));
    ngx_memzero(e->media, sizeof(e->media));
    ngx_memzero(&e->stream, sizeof(e->stream));
}


static void
ngx_recording_editor_done(void *data)
{
    ngx_recording_editor_t *e = data;

    ngx_recording_notices_log(&e->notices, &e->log);

    switch (e->result) {

    case NGX_BUSY:
        (void) ngx_recording_change_post(&e->change,
                                         ngx_recording_editor_order, e);
        return;

    case NGX_AGAIN:
        ngx_recording_editor_post(e);
        return;

    case NGX_DECLINED:
        ngx_recording_finish(e->worker, e->mux, &e->log,
                             ngx_recording_editor_finished, e);
        return;

    default:
        ngx_recording_editor_wait(e, NGX_RECORDING_EDITOR_LOOK);
    }
}


static void
ngx_recording_editor_order(void *data)
{
    ngx_recording_editor_t *e = data;

    ngx_recording_editor_post(e);
}


/* it is in its place, or gone: and so is the task, by the file's row */

static void
ngx_recording_editor_finished(void *data)
{
    ngx_recording_editor_t *e = data;

    e->mux = NULL;
    e->busy = 0;

    ngx_recording_editor_free(e);
    ngx_recording_editor_wait(e, 1);
}


ngx_int_t
ngx_recording_editor_fail(ngx_recording_editor_t *e, ngx_int_t code,
    const char *fmt, ...)
{
    va_list  args;

    e->end.code = code;

    va_start(args, fmt);
    (void) vsnprintf(e->end.text, sizeof(e->end.text), fmt, args);
    va_end(args);

    return NGX_ERROR;
}


ngx_int_t
ngx_recording_editor_broken(ngx_recording_editor_t *e)
{
    return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                     "%s the file failed%s%s",
                                     e->mux->op ? e->mux->op : "write",
                                     e->mux->err ? ": " : "",
                                     e->mux->err ? strerror(e->mux->err)
                                                 : "");
}


ngx_int_t
ngx_recording_editor_ask(ngx_recording_editor_t *e,
    ngx_recording_catalogue_pt run, void *arg, ngx_uint_t durable)
{
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    rc = ngx_recording_change_ask_thread(&e->change, run, arg, durable, &err);

    return rc == NGX_ERROR
           ? ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                       "catalogue failed: %s", err.text)
           : rc;
}
