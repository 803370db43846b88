
#include "ngx_recording_finish.h"
#include "ngx_recording_intake.h"
#include "ngx_recording_text.h"


#define NGX_RECORDING_BATCH_TIME    500               /* ms */
#define NGX_RECORDING_BATCH_TICK    100               /* ms */
#define NGX_RECORDING_AGAIN_TIME    100               /* ms */
#define NGX_RECORDING_AGAIN_TRIES   20                /* of a worker that
                                                         exits */
#define NGX_RECORDING_AGAIN_EXIT    5000              /* ms, for these */
#define NGX_RECORDING_SILENCE       2000              /* ms */


static ngx_recording_t *ngx_recording_of(ngx_queue_t *q);
static void ngx_recording_ready(ngx_queue_t *q);
static ngx_int_t ngx_recording_asked(ngx_recording_worker_t *worker,
    uint64_t id);
static ngx_uint_t ngx_recording_lives(ngx_recording_worker_t *worker,
    uint64_t id);
static void ngx_recording_drain(ngx_queue_t *q);
static void ngx_recording_stop(ngx_queue_t *q);
static ngx_int_t ngx_recording_copy_stream(ngx_recording_t *r,
    ngx_recording_stream_t *stream);
static ngx_int_t ngx_recording_copy_str(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);
static u_char *ngx_recording_log(ngx_log_t *log, u_char *buf, size_t len);
static void ngx_recording_timer(ngx_event_t *ev);
static void ngx_recording_append_thread(void *data);
static void ngx_recording_appended(void *data);
static void ngx_recording_repair(ngx_recording_t *r);
static void ngx_recording_answered(void *data);
static void ngx_recording_tire(ngx_recording_t *r);
static void ngx_recording_account(ngx_recording_t *r);
static void ngx_recording_closed(ngx_recording_t *r);
static void ngx_recording_take(ngx_recording_t *r);
static ngx_int_t ngx_recording_end(ngx_recording_t *r);
static ngx_int_t ngx_recording_ask(ngx_recording_t *r);
static void ngx_recording_done(ngx_recording_t *r);
static ngx_uint_t ngx_recording_unwritten(ngx_recording_t *r);
static void ngx_recording_finished(void *data);
static void ngx_recording_free(ngx_recording_t *r);


const ngx_recording_worker_calls_t  ngx_recording_recorder_calls = {
    ngx_recording_ready,
    ngx_recording_drain,
    ngx_recording_stop,
    ngx_recording_asked,
    ngx_recording_lives
};


ngx_uint_t
ngx_recording_formats_of(ngx_recording_template_t *template,
    ngx_recording_type_e type)
{
    ngx_uint_t  i, n;

    for (i = 0, n = 0; i < template->nformats; i++) {

        if (type == NGX_RECORDING_TYPE_VIDEO
            && template->formats[i].format == &ngx_recording_format_aac)
        {
            continue;
        }

        template->formats[n++] = template->formats[i];
    }

    template->nformats = n;

    return n;
}


ngx_uint_t
ngx_recording_takes_video(ngx_recording_template_t *template)
{
    ngx_uint_t  i;
    uint32_t    codecs;

    for (i = 0; i < template->nformats; i++) {
        codecs = template->formats[i].format->codecs;

        if (codecs == 0
            || (codecs & ngx_recording_codec_bit(NGX_RECORDING_CODEC_H264)))
        {
            return 1;
        }
    }

    return 0;
}


ngx_recording_t *
ngx_recording_create(ngx_recording_worker_t *worker,
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
    r->template = *template;
    r->exclusive = exclusive;
    r->audio_only = audio_only;
    r->attached = 1;
    r->arrived = ngx_current_msec;
    r->length = 4;

    r->log = *worker->log;
    r->log.handler = ngx_recording_log;
    r->log.data = r;
    r->log.action = NULL;

    if (ngx_recording_copy_stream(r, stream) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    r->writer = ngx_recording_writer_create(&r->stream, &r->template,
                                            &worker->store,
                                            &worker->changes, exclusive);
    if (r->writer == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    r->writer->limit = ngx_min(r->writer->limit, worker->buffer / 4);

    r->timer.handler = ngx_recording_timer;
    r->timer.data = r;
    r->timer.log = &r->log;

    ngx_recording_job_init(&r->append, &worker->jobs,
                           ngx_recording_append_thread,
                           ngx_recording_appended, r);

    ngx_queue_insert_tail(&worker->recordings, &r->queue);
    ngx_recording_jobs_hold(&worker->jobs);

    ngx_recording_wait_begin(r);

    return r;
}


static ngx_int_t
ngx_recording_copy_stream(ngx_recording_t *r, ngx_recording_stream_t *stream)
{
    char       text[NGX_RECORDING_TEXT + 4];
    ngx_str_t  name;

    if (ngx_recording_copy_str(r->pool, &r->stream.template,
                               &stream->template)
        != NGX_OK
        || ngx_recording_copy_str(r->pool, &r->stream.domain, &stream->domain)
           != NGX_OK
        || ngx_recording_copy_str(r->pool, &r->stream.server, &stream->server)
           != NGX_OK
        || ngx_recording_copy_str(r->pool, &r->stream.app, &stream->app)
           != NGX_OK
        || ngx_recording_copy_str(r->pool, &r->stream.name, &stream->name)
           != NGX_OK
        || ngx_recording_copy_str(r->pool, &r->stream.param, &stream->param)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_recording_text(text, stream->name.data, stream->name.len);

    name.data = (u_char *) text;
    name.len = ngx_strlen(text);

    return ngx_recording_copy_str(r->pool, &r->name, &name);
}


static ngx_int_t
ngx_recording_copy_str(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
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
ngx_recording_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_recording_t  *r;

    r = log->data;

    return ngx_snprintf(buf, len, ", stream: \"%V/%V\", template: \"%V\"",
                        &r->stream.app, &r->name, &r->stream.template);
}


static void
ngx_recording_ready(ngx_queue_t *q)
{
    ngx_recording_t  *r;

    r = ngx_recording_of(q);

    if (r->state != NGX_RECORDING_WAITING && !r->appending && !r->again) {
        ngx_recording_append(r);
    }
}


static ngx_recording_t *
ngx_recording_of(ngx_queue_t *q)
{
    return ngx_queue_data(q, ngx_recording_t, queue);
}


void
ngx_recording_close(ngx_recording_t *r)
{
    r->attached = 0;

    ngx_recording_strays(r);

    if (r->state == NGX_RECORDING_ENDING) {
        ngx_recording_done(r);
        return;
    }

    if (ngx_recording_end(r) != NGX_OK) {
        ngx_recording_free(r);
        return;
    }

    if (!r->appending && !r->again) {
        ngx_recording_append(r);
    }
}


/* nothing comes any more; NGX_DECLINED: and nothing came */

static ngx_int_t
ngx_recording_end(ngx_recording_t *r)
{
    if (r->state == NGX_RECORDING_WAITING) {

        if (r->filling.n == 0) {
            return NGX_DECLINED;
        }

        /* audio that still waited for video which never came */

        ngx_recording_start(r, NULL);

    } else if (r->state == NGX_RECORDING_DROPPING) {
        ngx_recording_gap(r);
    }

    r->state = NGX_RECORDING_ENDING;
    r->writer->end = ngx_recording_now(r)
                     + ngx_recording_store_shift(&r->worker->store);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_asked(ngx_recording_worker_t *worker, uint64_t id)
{
    ngx_queue_t      *q;
    ngx_recording_t  *r;

    for (q = ngx_queue_head(&worker->recordings);
         q != ngx_queue_sentinel(&worker->recordings);
         q = ngx_queue_next(q))
    {
        r = ngx_recording_of(q);

        if (r->id == id && r->state != NGX_RECORDING_ENDING) {
            return ngx_recording_ask(r);
        }
    }

    /* its end is being written */

    return NGX_OK;
}


static ngx_uint_t
ngx_recording_lives(ngx_recording_worker_t *worker, uint64_t id)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&worker->recordings);
         q != ngx_queue_sentinel(&worker->recordings);
         q = ngx_queue_next(q))
    {
        if (ngx_recording_of(q)->id == id) {
            return 1;
        }
    }

    return 0;
}


/* a connection that is silent may be dead, though it stands */

static ngx_int_t
ngx_recording_ask(ngx_recording_t *r)
{
    if (ngx_current_msec - r->arrived >= NGX_RECORDING_SILENCE) {

        ngx_log_error(NGX_LOG_NOTICE, &r->log, 0,
                      "recording: released, the stream is published to "
                      "another worker");

        (void) ngx_recording_end(r);

        if (!r->appending && !r->again) {
            ngx_recording_append(r);
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


/*
 * Wakes up when the batch is old enough, together with other recordings:
 * many jobs at a time cost the pool's threads and the loop fewer wakeups.
 */

void
ngx_recording_wake(ngx_recording_t *r)
{
    ngx_add_timer(&r->timer, NGX_RECORDING_BATCH_TIME
                             - ngx_current_msec % NGX_RECORDING_BATCH_TICK);
}


static void
ngx_recording_timer(ngx_event_t *ev)
{
    ngx_recording_t  *r;

    r = ev->data;

    if (r->state == NGX_RECORDING_WAITING) {
        ngx_recording_wait_timer(r);
        return;
    }

    ngx_recording_append(r);
}


/* orders the job that writes what was filled */

void
ngx_recording_append(ngx_recording_t *r)
{
    if (r->timer.timer_set) {
        ngx_del_timer(&r->timer);
    }

    if (!r->worker->ready) {

        /* the store is opened first; it calls back */

        if (r->state == NGX_RECORDING_ENDING && r->worker->reopen.timer_set) {
            ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                          "recording: the store could not be used, "
                          "nothing was recorded");
            ngx_recording_free(r);
        }

        return;
    }

    if (!r->again) {
        ngx_recording_take(r);
    }

    r->writer->unfinished = r->finishing;
    r->appending = 1;
    r->again = 0;

    ngx_recording_job_post(&r->append);
}


/* what was filled is to be written */

static void
ngx_recording_take(ngx_recording_t *r)
{
    r->writing = r->filling;
    ngx_memzero(&r->filling, sizeof(ngx_recording_batch_t));

    r->cursor = ngx_recording_batch_begin(&r->writing);
    r->writer->now = ngx_recording_now(r);
    r->ended = (r->state == NGX_RECORDING_ENDING);
}


static void
ngx_recording_append_thread(void *data)
{
    ngx_recording_t *r = data;

    ngx_int_t  rc;

    rc = ngx_recording_writer_append_thread(r->writer, &r->writing,
                                            &r->cursor);

    if (rc == NGX_OK && r->ended) {
        rc = ngx_recording_writer_end_thread(r->writer);
    }

    r->result = rc;
}


static void
ngx_recording_appended(void *data)
{
    ngx_recording_t *r = data;

    r->appending = 0;
    r->again = (r->result == NGX_AGAIN);
    r->id = r->writer->recording_id;

    ngx_recording_account(r);
    ngx_recording_closed(r);

    ngx_recording_repair(r);

    r->asks = ngx_recording_writer_asks(r->writer, ngx_recording_answered, r);

    if (r->asks) {
        return;
    }

    if (r->again && r->state == NGX_RECORDING_ENDING && ngx_exiting) {
        ngx_recording_tire(r);
    }

    if (r->again) {
        ngx_add_timer(&r->timer, NGX_RECORDING_AGAIN_TIME);
        return;
    }

    ngx_recording_release(r, &r->writing);

    if (r->ended) {
        ngx_recording_done(r);
        return;
    }

    if (r->state == NGX_RECORDING_ENDING
        || r->filling.size >= NGX_RECORDING_BATCH_SIZE)
    {
        ngx_recording_append(r);

    } else if (r->filling.n || r->writer->ahead.n || r->writer->held.n) {

        /* audio that the writer holds does not wait for the next message */

        ngx_recording_wake(r);
    }
}


/* what a dead worker left of the recording that it waits for */

static void
ngx_recording_repair(ngx_recording_t *r)
{
    ngx_uint_t              i;
    ngx_recording_start_t  *start;

    start = &r->writer->start;

    for (i = 0; start->repair && i < start->n; i++) {
        r->finishing++;

        ngx_recording_finish_taken(r->worker, &start->taken[i], 1, &r->log,
                                   ngx_recording_finished, r);
    }

    start->repair = 0;
}


/* the catalogue has answered: the job goes on when all of it is there */

static void
ngx_recording_answered(void *data)
{
    ngx_recording_t *r = data;

    if (--r->asks == 0) {
        ngx_recording_append(r);
    }
}


/*
 * The catalogue fails, the stream is over and the worker exits: it does not
 * wait for ever.  The files stay as they are, another worker goes on with
 * them.
 */

static void
ngx_recording_tire(ngx_recording_t *r)
{
    ngx_uint_t               n;
    ngx_recording_cursor_t   cursor;

    if (r->tries++ == 0) {
        r->tried = ngx_current_msec;
    }

    if (r->tries < NGX_RECORDING_AGAIN_TRIES
        && ngx_current_msec - r->tried < NGX_RECORDING_AGAIN_EXIT)
    {
        return;
    }

    cursor = r->cursor;

    for (n = r->filling.n; ngx_recording_batch_next(&cursor); n++) {
        /* void */
    }

    ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                  "recording: the catalogue fails, and nginx exits: what was "
                  "written is finished by the next start, %ui messages are "
                  "not recorded", n);

    r->again = 0;
    r->ended = 1;
}


/* audio that the writer holds takes memory as what waits for it does */

static void
ngx_recording_account(ngx_recording_t *r)
{
    r->worker->held -= r->held;
    r->held = r->writer->held.held + r->writer->ahead.held;
    r->worker->held += r->held;
}


/* files that take no more samples are finished */

static void
ngx_recording_closed(ngx_recording_t *r)
{
    ngx_queue_t          *q;
    ngx_recording_mux_t  *mux;

    ngx_recording_notices_log(&r->writer->notices, &r->log);

    while (!ngx_queue_empty(&r->writer->closed)) {
        q = ngx_queue_head(&r->writer->closed);
        ngx_queue_remove(q);

        mux = ngx_queue_data(q, ngx_recording_mux_t, queue);

        r->finishing++;

        ngx_recording_finish(r->worker, mux, &r->log, ngx_recording_finished,
                             r);
    }
}


static void
ngx_recording_drain(ngx_queue_t *q)
{
    ngx_recording_t  *r;

    r = ngx_recording_of(q);

    if (!r->worker->ready || r->ended || r->state == NGX_RECORDING_WAITING) {
        return;
    }

    /* a thread may have it */

    if (!r->worker->stopped && r->appending && !r->append.ran) {
        return;
    }

    if (ngx_recording_unwritten(r)) {
        ngx_recording_append_thread(r);
    }

    r->appending = 0;
    r->again = (r->result == NGX_AGAIN);

    if (r->again) {
        return;
    }

    /* the end itself takes rows */

    ngx_recording_release(r, &r->writing);
    ngx_recording_take(r);
    r->ended = 0;

    ngx_recording_append_thread(r);
    r->again = (r->result == NGX_AGAIN);
}


/* a job that no thread came to, or one that is to go on */

static ngx_uint_t
ngx_recording_unwritten(ngx_recording_t *r)
{
    return (r->appending && !r->append.ran) || r->again
           || (r->appending && r->result == NGX_AGAIN);
}


static void
ngx_recording_stop(ngx_queue_t *q)
{
    ngx_recording_t  *r;

    r = ngx_recording_of(q);

    r->writer->stop = 1;

    if (ngx_recording_unwritten(r)) {
        ngx_recording_append_thread(r);
    }

    if (!r->worker->ready) {

        if (r->filling.n || r->writing.n) {
            ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                          "recording: the store could not be used, "
                          "nothing was recorded");
        }

        return;
    }

    if (r->ended
        || (r->state != NGX_RECORDING_ENDING
            && ngx_recording_end(r) != NGX_OK))
    {
        return;
    }

    ngx_recording_release(r, &r->writing);
    ngx_recording_take(r);
    ngx_recording_append_thread(r);

    ngx_recording_notices_log(&r->writer->notices, &r->log);
}


static void
ngx_recording_finished(void *data)
{
    ngx_recording_t *r = data;

    r->finishing--;

    ngx_recording_done(r);
}


/* frees a recording of which nothing is left to be done */

static void
ngx_recording_done(ngx_recording_t *r)
{
    if (r->ended && !r->appending && !r->again && r->finishing == 0
        && !r->attached)
    {
        ngx_recording_free(r);
    }
}


static void
ngx_recording_free(ngx_recording_t *r)
{
    ngx_uint_t  i;

    if (r->timer.timer_set) {
        ngx_del_timer(&r->timer);
    }

    for (i = 0; i < NGX_RECORDING_HEADERS; i++) {
        ngx_recording_release(r, &r->headers[i]);
    }

    ngx_recording_release(r, &r->filling);
    ngx_recording_release(r, &r->writing);

    r->worker->held -= r->held;
    ngx_recording_writer_free(r->writer);

    ngx_queue_remove(&r->queue);
    ngx_recording_jobs_let(&r->worker->jobs);
    ngx_destroy_pool(r->pool);
}
