
#include "ngx_recording_finish.h"
#include "ngx_recording_intake.h"
#include "ngx_recording_recorder.h"
#include "ngx_recording_text.h"


#define NGX_RECORDING_BATCH_TIME    500               /* ms */
#define NGX_RECORDING_BATCH_TICK    100               /* ms */
#define NGX_RECORDING_RECORDER_SHOW  250              /* ms */
#define NGX_RECORDING_AGAIN_TIME    100               /* ms */
#define NGX_RECORDING_AGAIN_TRIES   20                /* of a worker that
                                                         exits */
#define NGX_RECORDING_AGAIN_EXIT    5000              /* ms, for these */


static ngx_int_t ngx_recording_recorder_copy_stream(ngx_recording_t *r,
    ngx_recording_stream_t *stream);
static ngx_int_t ngx_recording_recorder_copy(ngx_pool_t *pool,
    ngx_str_t *dst, ngx_str_t *src);
static u_char *ngx_recording_recorder_log(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_recording_recorder_wake(ngx_recording_t *r);
static void ngx_recording_recorder_timer(ngx_event_t *ev);
static void ngx_recording_recorder_look(ngx_recording_t *r);
static void ngx_recording_recorder_appended(void *data);
static void ngx_recording_recorder_repair(ngx_recording_t *r);
static void ngx_recording_recorder_answered(void *data);
static ngx_uint_t ngx_recording_recorder_tired(ngx_recording_t *r);
static void ngx_recording_recorder_leave(ngx_recording_t *r);
static ngx_uint_t ngx_recording_recorder_formats(ngx_recording_t *r,
    const char *formats[NGX_RECORDING_FORMATS]);
static void ngx_recording_recorder_refused(ngx_recording_t *r,
    const char *text);
static void ngx_recording_recorder_closed(ngx_recording_t *r);
static void ngx_recording_recorder_done(ngx_recording_t *r);
static void ngx_recording_recorder_finished(void *data);
static void ngx_recording_recorder_free(ngx_recording_t *r);


ngx_recording_t *
ngx_recording_recorder_create(ngx_recording_worker_t *worker,
    ngx_recording_template_t *template, ngx_recording_stream_t *stream,
    ngx_uint_t exclusive, ngx_uint_t audio_only)
{
    ngx_pool_t       *pool;
    ngx_recording_t  *r;

    pool = ngx_create_pool(4096, worker->log);

    if (pool == NULL) {
        return NULL;
    }

    r = ngx_pcalloc(pool, sizeof(ngx_recording_t));

    if (r == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    r->pool = pool;
    r->worker = worker;
    r->attached = 1;
    r->arrived = ngx_current_msec;

    r->log = *worker->log;
    r->log.handler = ngx_recording_recorder_log;
    r->log.data = r;
    r->log.action = NULL;

    if (ngx_recording_recorder_copy_stream(r, stream) != NGX_OK
        || ngx_recording_template_copy(&r->template, template, pool) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    r->order.limit = worker->account.buffer / 4;

    r->writer = ngx_recording_writer_create(&r->order, &r->stream,
                                            &r->template, &worker->store,
                                            &worker->changes, exclusive);
    if (r->writer == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_recording_intake_init(&r->intake, &worker->account,
                              &worker->store.base, audio_only, &r->log);

    r->timer.handler = ngx_recording_recorder_timer;
    r->timer.data = r;
    r->timer.log = &r->log;

    ngx_recording_job_init(&r->append, &worker->jobs,
                           ngx_recording_recorder_append_thread,
                           ngx_recording_recorder_appended, r);

    r->slot = ngx_recording_board_take(&worker->store.board,
                                       NGX_RECORDING_BOARD_RECORDING);

    ngx_queue_insert_tail(&worker->recordings, &r->queue);
    ngx_recording_jobs_hold(&worker->jobs);

    ngx_add_timer(&r->timer, NGX_RECORDING_WAIT_SAY);

    return r;
}


static ngx_int_t
ngx_recording_recorder_copy_stream(ngx_recording_t *r,
    ngx_recording_stream_t *stream)
{
    char       text[NGX_RECORDING_TEXT + 4];
    ngx_str_t  name;

    if (ngx_recording_recorder_copy(r->pool, &r->stream.template,
                                    &stream->template)
        != NGX_OK
        || ngx_recording_recorder_copy(r->pool, &r->stream.domain,
                                       &stream->domain)
           != NGX_OK
        || ngx_recording_recorder_copy(r->pool, &r->stream.server,
                                       &stream->server)
           != NGX_OK
        || ngx_recording_recorder_copy(r->pool, &r->stream.app, &stream->app)
           != NGX_OK
        || ngx_recording_recorder_copy(r->pool, &r->stream.name,
                                       &stream->name)
           != NGX_OK
        || ngx_recording_recorder_copy(r->pool, &r->stream.param,
                                       &stream->param)
           != NGX_OK
        || ngx_recording_recorder_copy(r->pool, &r->stream.task,
                                       &stream->task)
           != NGX_OK
        || ngx_recording_recorder_copy(r->pool, &r->stream.delivers,
                                       &stream->delivers)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_recording_text(text, stream->name.data, stream->name.len);

    name.data = (u_char *) text;
    name.len = ngx_strlen(text);

    return ngx_recording_recorder_copy(r->pool, &r->name, &name);
}


static ngx_int_t
ngx_recording_recorder_copy(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    dst->len = src->len;
    dst->data = ngx_pnalloc(pool, src->len + 1);

    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    /* an empty string may have no data */

    if (src->len) {
        ngx_memcpy(dst->data, src->data, src->len);
    }

    dst->data[dst->len] = '\0';

    return NGX_OK;
}


static u_char *
ngx_recording_recorder_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_recording_t  *r;

    r = log->data;

    return ngx_snprintf(buf, len, ", stream: \"%V/%V\", template: \"%V\"",
                        &r->stream.app, &r->name, &r->stream.template);
}


void
ngx_recording_recorder_seed(ngx_recording_t *r, ngx_uint_t track,
    ngx_chain_t *in)
{
    ngx_recording_intake_seed(&r->intake, track, in);
}


void
ngx_recording_recorder_message(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in)
{
    ngx_int_t   rc;
    ngx_uint_t  waiting;

    if (r->intake.state == NGX_RECORDING_INTAKE_ENDING) {

        /* another worker has the stream */

        return;
    }

    r->arrived = ngx_current_msec;
    waiting = (r->intake.state == NGX_RECORDING_INTAKE_WAITING);

    rc = ngx_recording_intake_message(&r->intake, track, timestamp, in);

    if (ngx_current_msec - r->shown >= NGX_RECORDING_RECORDER_SHOW) {
        ngx_recording_recorder_show(r);
    }

    if (r->intake.state == NGX_RECORDING_INTAKE_WAITING) {

        if (rc == NGX_OK && !r->timer.timer_set) {
            ngx_add_timer(&r->timer, NGX_RECORDING_WAIT_SAY);
        }

        return;
    }

    if (waiting) {

        /* the timer was that of the wait */

        if (r->timer.timer_set) {
            ngx_del_timer(&r->timer);
        }

        ngx_recording_recorder_wake(r);
    }

    if (rc == NGX_DECLINED || r->job != NGX_RECORDING_RECORDER_IDLE) {
        return;
    }

    if (rc == NGX_DONE) {
        ngx_recording_recorder_append(r);

    } else if (!r->timer.timer_set) {
        ngx_recording_recorder_wake(r);
    }
}


void
ngx_recording_recorder_close(ngx_recording_t *r)
{
    r->attached = 0;

    ngx_recording_intake_strays(&r->intake);

    if (r->intake.state == NGX_RECORDING_INTAKE_ENDING) {
        ngx_recording_recorder_done(r);
        return;
    }

    if (ngx_recording_recorder_end(r) != NGX_OK) {
        ngx_recording_recorder_free(r);
        return;
    }

    if (r->job == NGX_RECORDING_RECORDER_IDLE) {
        ngx_recording_recorder_append(r);
    }
}


void
ngx_recording_recorder_finish(ngx_recording_t *r)
{
    r->finish = 1;

    ngx_recording_recorder_close(r);
}


ngx_int_t
ngx_recording_recorder_cut(ngx_recording_t *r, ngx_uint_t number)
{
    if (r->cut == NGX_RECORDING_RECORDER_CUT_DONE) {

        /* its row may stay for a while; one of a former version has no number:
           the next one is another */

        if (r->number != number || number == 0) {
            r->cut = NGX_RECORDING_RECORDER_UNCUT;
        }

        if (r->number == number) {
            return NGX_OK;
        }
    }

    if (r->cut == NGX_RECORDING_RECORDER_UNCUT) {
        r->cut = NGX_RECORDING_RECORDER_CUT;
    }

    /* one that comes when the writer has the first may be of after it */

    if (r->cut == NGX_RECORDING_RECORDER_CUT) {
        r->number = number;
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_recording_recorder_end(ngx_recording_t *r)
{
    if (ngx_recording_intake_end(&r->intake) != NGX_OK) {
        return NGX_DECLINED;
    }

    r->over = ngx_recording_intake_now(&r->intake)
              + ngx_recording_store_shift(&r->worker->store);

    return NGX_OK;
}


/*
 * Wakes up when the batch is old enough, together with other recordings:
 * many jobs at a time cost the pool's threads and the loop fewer wakeups.
 */

static void
ngx_recording_recorder_wake(ngx_recording_t *r)
{
    ngx_add_timer(&r->timer, NGX_RECORDING_BATCH_TIME
                             - ngx_current_msec % NGX_RECORDING_BATCH_TICK);
}


static void
ngx_recording_recorder_timer(ngx_event_t *ev)
{
    ngx_recording_t  *r;

    r = ev->data;

    if (r->intake.state == NGX_RECORDING_INTAKE_WAITING) {
        ngx_recording_recorder_look(r);
        return;
    }

    ngx_recording_recorder_append(r);
}


/* the recording has not begun yet */

static void
ngx_recording_recorder_look(ngx_recording_t *r)
{
    ngx_msec_t  left;

    if (r->replay) {

        /* what it waits for may be there, and only be read later */

        ngx_add_timer(&r->timer, NGX_RECORDING_WAIT_SAY);
        return;
    }

    left = ngx_recording_intake_timer(&r->intake);

    if (r->intake.state != NGX_RECORDING_INTAKE_WAITING) {
        ngx_recording_recorder_wake(r);

    } else if (left) {
        ngx_add_timer(&r->timer, left);
    }
}


void
ngx_recording_recorder_append(ngx_recording_t *r)
{
    ngx_msec_t  doubt;

    if (r->timer.timer_set) {
        ngx_del_timer(&r->timer);
    }

    if (!r->worker->ready) {

        if (r->worker->failed) {
            ngx_recording_recorder_refused(r, "the store cannot be used");
        }

        /* the store is opened first; it calls back */

        if (r->intake.state == NGX_RECORDING_INTAKE_ENDING
            && r->worker->reopen.timer_set)
        {
            ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                          "recording: the store could not be used, "
                          "nothing was recorded");
            ngx_recording_recorder_free(r);
        }

        return;
    }

    if (r->job != NGX_RECORDING_RECORDER_AGAIN) {
        doubt = ngx_recording_intake_doubt(&r->intake);

        if (doubt) {

            /* a frame's timestamp is judged by that of the next one */

            ngx_add_timer(&r->timer, doubt);
            return;
        }

        ngx_recording_recorder_take(r);
        r->ordered = ngx_current_msec;
    }

    r->order.unfinished = r->finishing;
    r->job = NGX_RECORDING_RECORDER_ORDERED;

    ngx_recording_job_post(&r->append);
}


void
ngx_recording_recorder_take(ngx_recording_t *r)
{
    ngx_recording_intake_take(&r->intake, &r->order.batch);

    r->order.cursor = ngx_recording_batch_begin(&r->order.batch);
    r->order.now = ngx_recording_intake_now(&r->intake);
    r->order.over = r->over;
    r->order.end = (r->intake.state == NGX_RECORDING_INTAKE_ENDING);
    r->order.left = (*r->worker->left != 0 || r->finish);

    /* new files begin with what comes, not with what had come */

    if (r->cut == NGX_RECORDING_RECORDER_CUT && r->replay == NULL) {
        r->cut = NGX_RECORDING_RECORDER_CUTTING;
        r->order.cut = 1;
    }
}


void
ngx_recording_recorder_append_thread(void *data)
{
    ngx_recording_t *r = data;

    ngx_recording_writer_run_thread(r->writer, &r->order);
}


static void
ngx_recording_recorder_appended(void *data)
{
    ngx_recording_t *r = data;

    ngx_recording_recorder_rest(r);

    if (r->id == 0 && r->order.recording_id) {
        ngx_recording_board_count(&r->worker->store.board,
                                  NGX_RECORDING_BOARD_RECORDINGS, 1);
    }

    r->id = r->order.recording_id;

    /* audio that the writer holds takes memory as what waits for it does */

    ngx_recording_intake_hold(&r->intake, r->order.held);

    ngx_recording_recorder_closed(r);

    ngx_recording_recorder_repair(r);

    r->asks = ngx_recording_writer_asks(r->writer,
                                        ngx_recording_recorder_answered, r);

    if (r->asks == 0 && r->job != NGX_RECORDING_RECORDER_AGAIN) {
        ngx_recording_intake_release(&r->intake, &r->order.batch);
    }

    /* there may be no later job to tell what is left */

    ngx_recording_recorder_show(r);

    if (r->asks) {
        return;
    }

    if (r->job == NGX_RECORDING_RECORDER_AGAIN) {

        if (r->intake.state == NGX_RECORDING_INTAKE_ENDING && ngx_exiting
            && ngx_recording_recorder_tired(r))
        {
            ngx_recording_recorder_leave(r);

        } else {
            ngx_add_timer(&r->timer, NGX_RECORDING_AGAIN_TIME);
        }

        return;
    }

    if (r->order.end) {
        ngx_recording_recorder_done(r);
        return;
    }

    if (r->intake.state == NGX_RECORDING_INTAKE_ENDING
        || r->intake.filling.size >= NGX_RECORDING_INTAKE_BATCH)
    {
        ngx_recording_recorder_append(r);

    } else if (r->intake.filling.n || r->order.waiting || r->order.unsynced) {

        /* audio that the writer holds does not wait for the next message, nor
           does what is to be synced */

        ngx_recording_recorder_wake(r);
    }

    if (r->idle) {
        r->idle(r);
    }
}


void
ngx_recording_recorder_rest(ngx_recording_t *r)
{
    r->job = r->order.rc == NGX_AGAIN ? NGX_RECORDING_RECORDER_AGAIN
                                      : NGX_RECORDING_RECORDER_IDLE;

    if (r->cut == NGX_RECORDING_RECORDER_CUTTING && !r->order.cut) {
        r->cut = NGX_RECORDING_RECORDER_CUT_DONE;
    }
}


/* what a dead worker left of the recording that it waits for */

static void
ngx_recording_recorder_repair(ngx_recording_t *r)
{
    ngx_uint_t  i;

    for (i = 0; i < r->order.nrepair; i++) {
        r->finishing++;

        ngx_recording_finish_taken(r->worker, &r->order.repair[i], 1, &r->log,
                                   ngx_recording_recorder_finished, r);
    }

    r->order.nrepair = 0;
}


/* the catalogue has answered: the job goes on when all of it is there */

static void
ngx_recording_recorder_answered(void *data)
{
    ngx_recording_t *r = data;

    if (--r->asks == 0) {
        ngx_recording_recorder_append(r);
    }
}


/*
 * The catalogue fails, the stream is over and the worker exits: it does not
 * wait for ever.
 */

static ngx_uint_t
ngx_recording_recorder_tired(ngx_recording_t *r)
{
    if (r->tries++ == 0) {
        r->tried = ngx_current_msec;
    }

    return r->tries >= NGX_RECORDING_AGAIN_TRIES
           || ngx_current_msec - r->tried >= NGX_RECORDING_AGAIN_EXIT;
}


/* another worker goes on with the files */

static void
ngx_recording_recorder_leave(ngx_recording_t *r)
{
    ngx_uint_t              n;
    ngx_recording_cursor_t  cursor;

    cursor = r->order.cursor;

    for (n = r->intake.filling.n; ngx_recording_batch_next(&cursor); n++) {
        /* void */
    }

    ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                  "recording: the catalogue fails, and nginx exits: what was "
                  "written is finished by the next start, %ui messages are "
                  "not recorded", n);

    r->order.end = 1;
    r->order.leave = 1;
    r->job = NGX_RECORDING_RECORDER_ORDERED;

    ngx_recording_job_post(&r->append);
}


void
ngx_recording_recorder_say(ngx_recording_t *r)
{
    ngx_uint_t                i;
    const char               *formats[NGX_RECORDING_FORMATS];
    ngx_recording_notices_t  *notices;

    notices = &r->order.notices;

    ngx_recording_worker_tell(r->worker, notices, r->order.recording_id,
                              formats,
                              ngx_recording_recorder_formats(r, formats));

    /* before it has a row there is only the memory to tell it from */

    for (i = 0; i < notices->n && r->order.recording_id == 0; i++) {

        if (notices->notice[i].exception == NGX_RECORDING_EXCEPTION_LOST) {
            ngx_recording_recorder_refused(r, notices->notice[i].text);
        }
    }

    ngx_recording_notices_log(&r->order.notices, &r->log);

    /* said when it was met, but then it was not known of which recording */

    if (r->intake.lost && r->order.recording_id) {
        ngx_recording_worker_exception(r->worker, NGX_RECORDING_EXCEPTION_LOST,
                              r->intake.lost, r->order.recording_id, formats,
                              ngx_recording_recorder_formats(r, formats));
        r->intake.lost = NULL;
    }
}


static ngx_uint_t
ngx_recording_recorder_formats(ngx_recording_t *r,
    const char *formats[NGX_RECORDING_FORMATS])
{
    ngx_uint_t  i;

    for (i = 0; i < r->template.nformats; i++) {
        formats[i] = r->template.formats[i].format->name;
    }

    return r->template.nformats;
}


/* once: nothing of it can be recorded */

static void
ngx_recording_recorder_refused(ngx_recording_t *r, const char *text)
{
    const char  *formats[NGX_RECORDING_FORMATS];

    if (r->worker->told && !r->refused) {
        r->refused = 1;

        r->worker->told->refused(r->worker, &r->stream, text, formats,
                                 ngx_recording_recorder_formats(r, formats));
    }
}


/* files that take no more samples are finished */

static void
ngx_recording_recorder_closed(ngx_recording_t *r)
{
    ngx_queue_t          *q;
    ngx_recording_mux_t  *mux;

    ngx_recording_recorder_say(r);

    while (!ngx_queue_empty(&r->order.closed)) {
        q = ngx_queue_head(&r->order.closed);
        ngx_queue_remove(q);

        mux = ngx_queue_data(q, ngx_recording_mux_t, queue);

        r->finishing++;

        ngx_recording_finish(r->worker, mux, &r->log,
                             ngx_recording_recorder_finished, r);
    }
}


static void
ngx_recording_recorder_finished(void *data)
{
    ngx_recording_t *r = data;

    r->finishing--;

    ngx_recording_recorder_done(r);
}


/* frees a recording of which nothing is left to be done */

static void
ngx_recording_recorder_done(ngx_recording_t *r)
{
    if (r->order.end && r->job == NGX_RECORDING_RECORDER_IDLE
        && r->finishing == 0 && !r->attached)
    {
        ngx_recording_recorder_free(r);
    }
}


static void
ngx_recording_recorder_free(ngx_recording_t *r)
{
    if (r->timer.timer_set) {
        ngx_del_timer(&r->timer);
    }

    ngx_recording_intake_release(&r->intake, &r->order.batch);
    ngx_recording_intake_free(&r->intake);

    ngx_recording_writer_free(r->writer);
    ngx_recording_board_free(r->slot);

    ngx_queue_remove(&r->queue);
    ngx_recording_jobs_let(&r->worker->jobs);
    ngx_destroy_pool(r->pool);
}
