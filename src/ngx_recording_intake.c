
/*
 * The recorder's intake: from the messages of a session to a batch.
 */


#include "ngx_recording_intake.h"


#define NGX_RECORDING_WAIT_VIDEO    2000              /* ms of stream time */
#define NGX_RECORDING_WAIT_SIZE     (1024 * 1024)
#define NGX_RECORDING_HEAD          16                /* bytes to be parsed */
#define NGX_RECORDING_HEADER_SIZE   65536


static void ngx_recording_wait(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in, size_t size,
    ngx_recording_frame_t *f);
static void ngx_recording_add(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in, size_t size);
static void ngx_recording_drop(ngx_recording_t *r, ngx_uint_t track,
    ngx_chain_t *in, size_t size);
static ngx_uint_t ngx_recording_room(ngx_recording_t *r, size_t size,
    ngx_uint_t half);
static ngx_int_t ngx_recording_copy(ngx_recording_t *r,
    ngx_recording_batch_t *batch, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in, size_t size);
static u_char *ngx_recording_reserve(ngx_recording_t *r,
    ngx_recording_batch_t *batch, ngx_uint_t track, uint32_t timestamp,
    int64_t wall, size_t size);
static void ngx_recording_merge(ngx_recording_t *r,
    ngx_recording_batch_t *from);
static void ngx_recording_headers(ngx_recording_t *r);
static void ngx_recording_header(ngx_recording_t *r, ngx_uint_t track,
    ngx_chain_t *in, size_t size, ngx_uint_t early);


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

void
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


void
ngx_recording_release(ngx_recording_t *r, ngx_recording_batch_t *batch)
{
    r->worker->held -= batch->held;

    ngx_recording_batch_clear(batch);
}


int64_t
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

void
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
