
#include "ngx_recording_finish.h"
#include "ngx_recording_recorder.h"


#define NGX_RECORDING_BATCH_TIME    500               /* ms */
#define NGX_RECORDING_BATCH_TICK    100               /* ms */
#define NGX_RECORDING_BATCH_SIZE    (256 * 1024)
#define NGX_RECORDING_AGAIN_TIME    100               /* ms */
#define NGX_RECORDING_AGAIN_TRIES   20                /* of a worker that
                                                         exits */
#define NGX_RECORDING_SILENCE       2000              /* ms */
#define NGX_RECORDING_WAIT_VIDEO    2000              /* ms of stream time */
#define NGX_RECORDING_WAIT_SIZE     (1024 * 1024)
#define NGX_RECORDING_HEAD          16                /* bytes to be parsed */
#define NGX_RECORDING_HEADERS       3                 /* and onMetaData */
#define NGX_RECORDING_HEADER_SIZE   65536


typedef enum {
    NGX_RECORDING_WAITING = 0,
    NGX_RECORDING_RUNNING,
    NGX_RECORDING_DROPPING,
    NGX_RECORDING_ENDING
} ngx_recording_e;


struct ngx_recording_s {
    ngx_queue_t             queue;
    ngx_recording_worker_t *worker;
    ngx_pool_t             *pool;
    ngx_log_t               log;

    ngx_recording_stream_t  stream;
    ngx_str_t               name;          /* the stream's, for the log */
    ngx_recording_template_t  template;
    ngx_recording_e         state;

    ngx_recording_batch_t   headers[NGX_RECORDING_HEADERS];  /* the newest */
    ngx_recording_batch_t   filling;
    ngx_recording_batch_t   writing;       /* by the job */
    ngx_recording_cursor_t  cursor;        /* how far that is */
    ngx_event_t             timer;         /* the batch is old enough */

    ngx_recording_writer_t *writer;
    ngx_recording_job_t     append;
    ngx_int_t               result;        /* of the job */
    ngx_uint_t              finishing;     /* files */
    ngx_uint_t              tries;         /* in vain, at the end */
    uint64_t                id;            /* 0 until the writer has one */
    ngx_msec_t              arrived;       /* the last message */
    ngx_msec_t              asked;         /* another worker did; 0: none */

    uint32_t                first;         /* timestamp of the first audio */
    uint32_t                picture;       /* and of the last video */
    uint32_t                dropped[NGX_RECORDING_TRACKS];

    unsigned                exclusive:1;
    unsigned                audio_only:1;
    unsigned                video:1;       /* a video message came */
    unsigned                audio:1;
    unsigned                key:1;         /* the message is a key frame */
    unsigned                header:1;      /* or a header or onMetaData */
    unsigned                attached:1;    /* a session has it */
    unsigned                appending:1;   /* the job is under way */
    unsigned                again:1;       /* the job is to go on later */
    unsigned                ended:1;       /* the writer closed its files */
};


static ngx_int_t ngx_recording_copy_stream(ngx_recording_t *r,
    ngx_recording_stream_t *stream);
static ngx_int_t ngx_recording_copy_str(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);
static u_char *ngx_recording_log(ngx_log_t *log, u_char *buf, size_t len);
static void ngx_recording_wait(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in, size_t size,
    ngx_recording_frame_t *f);
static void ngx_recording_start(ngx_recording_t *r, uint32_t timestamp);
static void ngx_recording_add(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in, size_t size);
static void ngx_recording_drop(ngx_recording_t *r, ngx_uint_t track,
    ngx_chain_t *in, size_t size);
static ngx_uint_t ngx_recording_room(ngx_recording_t *r, size_t size,
    ngx_uint_t half);
static void ngx_recording_gap(ngx_recording_t *r);
static ngx_int_t ngx_recording_copy(ngx_recording_t *r,
    ngx_recording_batch_t *batch, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in, size_t size);
static u_char *ngx_recording_reserve(ngx_recording_t *r,
    ngx_recording_batch_t *batch, ngx_uint_t track, uint32_t timestamp,
    int64_t wall, size_t size);
static void ngx_recording_merge(ngx_recording_t *r,
    ngx_recording_batch_t *from);
static void ngx_recording_headers(ngx_recording_t *r);
static void ngx_recording_release(ngx_recording_t *r,
    ngx_recording_batch_t *batch);
static int64_t ngx_recording_now(void);
static void ngx_recording_header(ngx_recording_t *r, ngx_uint_t track,
    ngx_chain_t *in, size_t size, ngx_uint_t early);
static void ngx_recording_wake(ngx_recording_t *r);
static void ngx_recording_timer(ngx_event_t *ev);
static void ngx_recording_append(ngx_recording_t *r);
static void ngx_recording_append_thread(void *data);
static void ngx_recording_appended(void *data);
static void ngx_recording_closed(ngx_recording_t *r);
static void ngx_recording_take(ngx_recording_t *r);
static ngx_int_t ngx_recording_end(ngx_recording_t *r);
static ngx_int_t ngx_recording_ask(ngx_recording_t *r);
static void ngx_recording_done(ngx_recording_t *r);
static void ngx_recording_finished(void *data);
static void ngx_recording_free(ngx_recording_t *r);


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
                                            &worker->catalogue, exclusive);
    if (r->writer == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    r->timer.handler = ngx_recording_timer;
    r->timer.data = r;
    r->timer.log = &r->log;

    ngx_recording_job_init(&r->append, &worker->jobs,
                           ngx_recording_append_thread,
                           ngx_recording_appended, r);

    ngx_queue_insert_tail(&worker->recordings, &r->queue);
    ngx_recording_jobs_hold(&worker->jobs);

    return r;
}


static ngx_int_t
ngx_recording_copy_stream(ngx_recording_t *r, ngx_recording_stream_t *stream)
{
    if (ngx_recording_copy_str(r->pool, &r->stream.template,
                               &stream->template)
        != NGX_OK
        || ngx_recording_copy_str(r->pool, &r->stream.domain, &stream->domain)
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

    r->name.data = ngx_pnalloc(r->pool, NGX_RECORDING_PATH_VALUE);

    if (r->name.data == NULL) {
        return NGX_ERROR;
    }

    r->name.len = ngx_recording_path_safe(r->name.data, stream->name.data,
                                          stream->name.len)
                  - r->name.data;

    return NGX_OK;
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


void
ngx_recording_ready(ngx_recording_t *r)
{
    if (r->state != NGX_RECORDING_WAITING && !r->appending && !r->again) {
        ngx_recording_append(r);
    }
}


ngx_recording_t *
ngx_recording_of(ngx_queue_t *q)
{
    return ngx_queue_data(q, ngx_recording_t, queue);
}


void
ngx_recording_seed(ngx_recording_t *r, ngx_uint_t track, ngx_chain_t *in)
{
    size_t        size;
    ngx_chain_t  *cl;

    for (size = 0, cl = in; cl; cl = cl->next) {
        size += cl->buf->last - cl->buf->pos;
    }

    ngx_recording_header(r, track, in, size, 1);
}


void
ngx_recording_message(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in)
{
    u_char                 buf[NGX_RECORDING_HEAD], *head;
    size_t                 size, n;
    ngx_chain_t           *cl;
    ngx_recording_frame_t  f;

    if (r->state == NGX_RECORDING_ENDING) {

        /* another worker has the stream */

        return;
    }

    r->arrived = ngx_current_msec;

    if (track == NGX_RECORDING_VIDEO && r->audio_only) {
        return;
    }

    for (size = 0, cl = in; cl; cl = cl->next) {
        size += cl->buf->last - cl->buf->pos;
    }

    head = in->buf->pos;
    n = in->buf->last - in->buf->pos;

    if (n < NGX_RECORDING_HEAD && n < size) {
        n = ngx_recording_batch_fill(buf, NGX_RECORDING_HEAD, in);
        head = buf;
    }

    ngx_memzero(&f, sizeof(ngx_recording_frame_t));

    if (track == NGX_RECORDING_DATA) {
        r->key = 0;

    } else if (ngx_recording_frame_parse(&f, track, head, n) == NGX_OK) {
        r->key = track == NGX_RECORDING_VIDEO
                 ? f.key && !f.header
                 : r->audio_only || !r->video
                   || (int32_t) (timestamp - r->picture)
                      > NGX_RECORDING_HELD_TIME;

        if (track == NGX_RECORDING_VIDEO) {
            r->picture = timestamp;
        }

    } else if (r->state == NGX_RECORDING_WAITING) {
        r->video |= (track == NGX_RECORDING_VIDEO);
        return;

    } else {
        r->key = 0;
    }

    r->video |= (track == NGX_RECORDING_VIDEO);

    r->header = f.header || track == NGX_RECORDING_DATA;

    if (r->state == NGX_RECORDING_WAITING) {
        ngx_recording_wait(r, track, timestamp, in, size, &f);
        return;
    }

    ngx_recording_add(r, track, timestamp, in, size);
}


/*
 * Before the first key frame: the newest headers are kept, and audio, which
 * may belong after that key frame by its timestamp.
 */

static void
ngx_recording_wait(ngx_recording_t *r, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in, size_t size, ngx_recording_frame_t *f)
{
    if (r->header) {
        ngx_recording_header(r, track, in, size, 0);
        return;
    }

    if (track == NGX_RECORDING_VIDEO) {

        if (f->key) {
            ngx_recording_start(r, timestamp);
            ngx_recording_add(r, track, timestamp, in, size);
        }

        return;
    }

    if (!r->audio) {
        r->audio = 1;
        r->first = timestamp;
    }

    if (r->audio_only
        || (!r->video
            && (int32_t) (timestamp - r->first) >= NGX_RECORDING_WAIT_VIDEO))
    {
        ngx_recording_start(r, r->first);
        ngx_recording_add(r, track, timestamp, in, size);
        return;
    }

    if (r->filling.size > NGX_RECORDING_WAIT_SIZE) {
        ngx_recording_release(r, &r->filling);
        r->first = timestamp;
    }

    if (ngx_recording_room(r, size, 0)) {
        (void) ngx_recording_copy(r, &r->filling, track, timestamp, in, size);
    }
}


/* headers first, then the audio that does not lie before this timestamp */

static void
ngx_recording_start(ngx_recording_t *r, uint32_t timestamp)
{
    ngx_recording_batch_t      audio;
    ngx_recording_cursor_t     c;
    ngx_recording_message_t   *m;

    r->state = NGX_RECORDING_RUNNING;

    audio = r->filling;
    ngx_memzero(&r->filling, sizeof(ngx_recording_batch_t));

    ngx_recording_headers(r);

    c = ngx_recording_batch_begin(&audio);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {
        if ((int32_t) (m->timestamp - timestamp) < 0) {
            m->track = NGX_RECORDING_GAP;
        }
    }

    ngx_recording_merge(r, &audio);

    ngx_recording_wake(r);
}


static void
ngx_recording_add(ngx_recording_t *r, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in, size_t size)
{
    if (r->state == NGX_RECORDING_DROPPING) {

        if (!r->key || !ngx_recording_room(r, size, 1)) {
            ngx_recording_drop(r, track, in, size);
            return;
        }

        ngx_recording_gap(r);
        ngx_recording_headers(r);

        r->state = NGX_RECORDING_RUNNING;

        ngx_log_error(NGX_LOG_NOTICE, &r->log, 0,
                      "recording: record_buffer has room again");

    } else if (!ngx_recording_room(r, size, 0)) {

        r->state = NGX_RECORDING_DROPPING;

        ngx_log_error(NGX_LOG_WARN, &r->log, 0,
                      "recording: record_buffer is full, frames are dropped, "
                      "exception -104");

        ngx_recording_drop(r, track, in, size);
        return;
    }

    if (ngx_recording_copy(r, &r->filling, track, timestamp, in, size)
        != NGX_OK)
    {
        ngx_recording_drop(r, track, in, size);
        r->state = NGX_RECORDING_DROPPING;
        return;
    }

    if (r->appending || r->again) {
        return;
    }

    if (r->filling.size >= NGX_RECORDING_BATCH_SIZE) {
        ngx_recording_append(r);

    } else if (!r->timer.timer_set) {
        ngx_recording_wake(r);
    }
}


/* a frame is counted, a header kept: what follows depends on it */

static void
ngx_recording_drop(ngx_recording_t *r, ngx_uint_t track, ngx_chain_t *in,
    size_t size)
{
    if (r->header) {
        ngx_recording_header(r, track, in, size, 0);
        return;
    }

    r->dropped[track]++;
}


/* whether a message may be held, and the worker's account of it */

static ngx_uint_t
ngx_recording_room(ngx_recording_t *r, size_t size, ngx_uint_t half)
{
    size_t                   need, own, all;
    ngx_recording_worker_t  *worker;

    worker = r->worker;

    need = ngx_recording_batch_need(&r->filling, size);

    if (need == 0) {
        return 1;
    }

    own = worker->buffer;
    all = worker->total;

    if (half) {
        own /= 2;
        all -= all / 4;
    }

    if (r->filling.held + r->writing.held + need > own
        || worker->held + need > all)
    {
        /* a single message may be larger than half of the buffer */

        return half && r->filling.held + r->writing.held == 0
               && need <= worker->buffer && worker->held + need <= all;
    }

    return 1;
}


static ngx_int_t
ngx_recording_copy(ngx_recording_t *r, ngx_recording_batch_t *batch,
    ngx_uint_t track, uint32_t timestamp, ngx_chain_t *in, size_t size)
{
    u_char  *p;

    p = ngx_recording_reserve(r, batch, track, timestamp,
                              ngx_recording_now(), size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_recording_batch_fill(p, size, in);

    return NGX_OK;
}


/* adds a message to a batch and to the worker's account */

static u_char *
ngx_recording_reserve(ngx_recording_t *r, ngx_recording_batch_t *batch,
    ngx_uint_t track, uint32_t timestamp, int64_t wall, size_t size)
{
    size_t   held;
    u_char  *p;

    held = batch->held;

    p = ngx_recording_batch_add(batch, track, timestamp, wall, size);

    r->worker->held += batch->held - held;

    return p;
}


/* moves what another batch has to the end of the one that is filled */

static void
ngx_recording_merge(ngx_recording_t *r, ngx_recording_batch_t *from)
{
    size_t  held;

    held = r->filling.held + from->held;

    ngx_recording_batch_move(&r->filling, from);

    r->worker->held += r->filling.held - held;
}


static void
ngx_recording_headers(ngx_recording_t *r)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_HEADERS; i++) {
        ngx_recording_merge(r, &r->headers[i]);
    }
}


static void
ngx_recording_release(ngx_recording_t *r, ngx_recording_batch_t *batch)
{
    r->worker->held -= batch->held;

    ngx_recording_batch_clear(batch);
}


static int64_t
ngx_recording_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000000 + (int64_t) tp->msec * 1000;
}


/* a header or onMetaData takes the place of the one before */

static void
ngx_recording_header(ngx_recording_t *r, ngx_uint_t track, ngx_chain_t *in,
    size_t size, ngx_uint_t early)
{
    ngx_recording_cursor_t  c;

    if (size > NGX_RECORDING_HEADER_SIZE) {
        return;
    }

    ngx_recording_release(r, &r->headers[track]);

    if (ngx_recording_copy(r, &r->headers[track], track, 0, in, size)
        != NGX_OK)
    {
        return;
    }

    c = ngx_recording_batch_begin(&r->headers[track]);
    ngx_recording_batch_next(&c)->early = early;
}


/* tells the writer that frames are missing here */

static void
ngx_recording_gap(ngx_recording_t *r)
{
    u_char  *p;

    p = ngx_recording_reserve(r, &r->filling, NGX_RECORDING_GAP, 0,
                              ngx_recording_now(), sizeof(r->dropped));
    if (p == NULL) {
        return;
    }

    ngx_memcpy(p, r->dropped, sizeof(r->dropped));
    ngx_memzero(r->dropped, sizeof(r->dropped));
}


void
ngx_recording_close(ngx_recording_t *r)
{
    r->attached = 0;

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

        if (r->video || r->filling.n == 0) {
            return NGX_DECLINED;
        }

        /* audio that still waited for a video that never came */

        ngx_recording_start(r, r->first);

    } else if (r->state == NGX_RECORDING_DROPPING) {
        ngx_recording_gap(r);
    }

    r->state = NGX_RECORDING_ENDING;
    r->writer->end = ngx_recording_now();

    return NGX_OK;
}


ngx_int_t
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

static void
ngx_recording_wake(ngx_recording_t *r)
{
    ngx_add_timer(&r->timer, NGX_RECORDING_BATCH_TIME
                             - ngx_current_msec % NGX_RECORDING_BATCH_TICK);
}


static void
ngx_recording_timer(ngx_event_t *ev)
{
    ngx_recording_append(ev->data);
}


/* orders the job that writes what was filled */

static void
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

    ngx_recording_closed(r);

    if (r->again && r->ended && ngx_exiting
        && ++r->tries == NGX_RECORDING_AGAIN_TRIES)
    {
        /* the files stay as they are, another worker goes on with them */

        r->again = 0;
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

    } else if (r->filling.n) {
        ngx_recording_wake(r);
    }
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


void
ngx_recording_stop(ngx_recording_t *r)
{
    r->writer->stop = 1;

    /* a job that no thread came to, or one that is to go on */

    if ((r->appending && !r->append.ran) || r->again
        || (r->appending && r->result == NGX_AGAIN))
    {
        ngx_recording_append_thread(r);
    }

    if (!r->worker->ready || r->ended
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
    ngx_recording_writer_free(r->writer);

    ngx_queue_remove(&r->queue);
    ngx_recording_jobs_let(&r->worker->jobs);
    ngx_destroy_pool(r->pool);
}
