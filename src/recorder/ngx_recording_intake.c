
/*
 * The recorder's intake: from the messages of a session to a batch.
 */


#include "ngx_recording_intake.h"
#include "ngx_recording_unit.h"


#define NGX_RECORDING_META_SIZE     65536
#define NGX_RECORDING_HEADER_SIZE   8192              /* of a sequence header */
#define NGX_RECORDING_KEYLESS       10000             /* ms */


static ngx_int_t ngx_recording_frame(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in, size_t size,
    ngx_recording_frame_t *f);
static ngx_uint_t ngx_recording_key(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in, ngx_recording_frame_t *f);
static size_t ngx_recording_head(u_char *buf, u_char **head, ngx_chain_t *in);
static ngx_int_t ngx_recording_headed(ngx_recording_t *r, ngx_uint_t track,
    ngx_recording_frame_t *f, u_char *head, size_t n, size_t size);
static void ngx_recording_stray(ngx_recording_t *r, ngx_uint_t track,
    ngx_recording_stray_e stray);
static void ngx_recording_drop(ngx_recording_t *r, ngx_uint_t track,
    ngx_chain_t *in, size_t size);
static u_char *ngx_recording_reserve(ngx_recording_t *r,
    ngx_recording_batch_t *batch, ngx_uint_t track, uint32_t timestamp,
    int64_t wall, size_t size);
static void ngx_recording_merge(ngx_recording_t *r,
    ngx_recording_batch_t *from);
static void ngx_recording_headers(ngx_recording_t *r);


static const char  *ngx_recording_stray_names[NGX_RECORDING_STRAYS] = {
    "", "multitrack", "channel order", "metadata", "extended", "unknown"
};


/* some of them have frames, others only tell about frames */

static const ngx_uint_t  ngx_recording_stray_levels[NGX_RECORDING_STRAYS] = {
    NGX_LOG_INFO, NGX_LOG_ERR, NGX_LOG_WARN, NGX_LOG_WARN, NGX_LOG_ERR,
    NGX_LOG_ERR
};


static const char  *ngx_recording_names[] = { "video", "audio" };


void
ngx_recording_seed(ngx_recording_t *r, ngx_uint_t track, ngx_chain_t *in)
{
    u_char                 buf[NGX_RECORDING_FRAME_HEAD], *head;
    size_t                 size, n;
    ngx_recording_frame_t  f;

    size = ngx_recording_batch_size(in);
    n = ngx_recording_head(buf, &head, in);

    if (ngx_recording_frame_parse(&f, track, head, n) == NGX_OK && f.header
        && ngx_recording_headed(r, track, &f, head, n, size) == NGX_OK)
    {
        ngx_recording_header(r, track, in, size, 1);
    }
}


void
ngx_recording_message(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in)
{
    size_t                 size;
    ngx_recording_frame_t  f;

    if (r->state == NGX_RECORDING_ENDING) {

        /* another worker has the stream */

        return;
    }

    r->arrived = ngx_current_msec;

    if (track == NGX_RECORDING_VIDEO && r->audio_only) {
        return;
    }

    size = ngx_recording_batch_size(in);

    r->key = 0;
    r->recovery = 0;
    r->header = 1;

    ngx_memzero(&f, sizeof(ngx_recording_frame_t));

    if (track != NGX_RECORDING_DATA
        && ngx_recording_frame(r, track, timestamp, in, size, &f) != NGX_OK)
    {
        return;
    }

    if (r->state == NGX_RECORDING_WAITING) {
        ngx_recording_wait(r, track, timestamp, in, size, &f);
        return;
    }

    ngx_recording_add(r, track, timestamp, in, size);
}


/* what an audio or video message is; NGX_DECLINED: nothing to be recorded */

static ngx_int_t
ngx_recording_frame(ngx_recording_t *r, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in, size_t size, ngx_recording_frame_t *f)
{
    u_char     buf[NGX_RECORDING_FRAME_HEAD], *head;
    size_t     n;
    ngx_int_t  rc;

    n = ngx_recording_head(buf, &head, in);

    rc = ngx_recording_frame_parse(f, track, head, n);

    r->header = 0;

    if (rc == NGX_DECLINED) {
        ngx_recording_stray(r, track, f->stray);
        return NGX_DECLINED;
    }

    if (rc == NGX_ERROR) {

        /* the writer counts it, and says so */

        if (r->state == NGX_RECORDING_WAITING) {
            r->wait.broken = 1;
            return NGX_DECLINED;
        }

        return NGX_OK;
    }

    if (f->header) {
        r->header = 1;
        return ngx_recording_headed(r, track, f, head, n, size);
    }

    r->key = ngx_recording_key(r, track, timestamp, in, f);

    return NGX_OK;
}


/* whether files can begin, or go on after a gap, with a frame */

static ngx_uint_t
ngx_recording_key(ngx_recording_t *r, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in, ngx_recording_frame_t *f)
{
    ngx_recording_unit_t  u;

    if (track == NGX_RECORDING_AUDIO) {
        return r->audio_only || !r->video
               || (int32_t) (timestamp - r->picture)
                  > NGX_RECORDING_HELD_TIME;
    }

    if (r->state != NGX_RECORDING_RUNNING || !r->video) {

        /* the writer looks into each frame, but not before it has one */

        ngx_recording_unit_chain(&u, in, f->body);
        ngx_recording_unit_look(f, &u, r->length);
    }

    if (f->key) {
        r->late = 0;

    } else if (!r->late) {
        r->late = 1;
        r->keyless = timestamp;
        r->keyless_msec = ngx_current_msec;

    } else if (f->recovery
               && (int32_t) (timestamp - r->keyless) >= NGX_RECORDING_KEYLESS
               && ngx_current_msec - r->keyless_msec >= NGX_RECORDING_KEYLESS)
    {
        r->recovery = 1;
        f->key = 1;
    }

    if (f->codec == NGX_RECORDING_CODEC_H264
        && !(r->headed & (1 << NGX_RECORDING_VIDEO)))
    {
        f->key = 0;
    }

    r->video |= f->key;

    if (r->video) {
        r->picture = timestamp;
    }

    return f->key;
}


/* the first bytes of a message: in place, or in the buffer */

static size_t
ngx_recording_head(u_char *buf, u_char **head, ngx_chain_t *in)
{
    size_t  n;

    n = in->buf->last - in->buf->pos;

    if (n >= NGX_RECORDING_FRAME_HEAD || in->next == NULL) {
        *head = in->buf->pos;
        return n;
    }

    *head = buf;

    return ngx_recording_batch_fill(buf, NGX_RECORDING_FRAME_HEAD, in);
}


/*
 * A sequence header: it is repeated in each file, and by libavformat before
 * each key frame, so that it must not be large.
 */

static ngx_int_t
ngx_recording_headed(ngx_recording_t *r, ngx_uint_t track,
    ngx_recording_frame_t *f, u_char *head, size_t n, size_t size)
{
    if (size > NGX_RECORDING_HEADER_SIZE) {

        if (!r->refused) {
            r->refused = 1;

            ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                          "recording: %s sequence header of %uz bytes "
                          "refused, it may have %d",
                          ngx_recording_names[track], size,
                          NGX_RECORDING_HEADER_SIZE);
        }

        return NGX_DECLINED;
    }

    r->headed |= 1 << track;

    if (track == NGX_RECORDING_VIDEO) {
        n = ngx_min(n, NGX_RECORDING_FRAME_HEAD);

        r->length = ngx_recording_unit_length(f->codec, head + f->body,
                                              n - f->body);
    }

    return NGX_OK;
}


/* a message that no file can take: said once, counted always */

static void
ngx_recording_stray(ngx_recording_t *r, ngx_uint_t track,
    ngx_recording_stray_e stray)
{
    if (stray == NGX_RECORDING_STRAY_NONE) {
        return;
    }

    r->wait.strays = 1;

    if (r->strays[track][stray]++ == 0) {
        ngx_log_error(ngx_recording_stray_levels[stray], &r->log, 0,
                      "recording: %s %s messages of enhanced RTMP are not "
                      "recorded",
                      ngx_recording_stray_names[stray],
                      ngx_recording_names[track]);
    }
}


void
ngx_recording_strays(ngx_recording_t *r)
{
    ngx_uint_t  i, n;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        for (n = 0; n < NGX_RECORDING_STRAYS; n++) {

            if (r->strays[i][n]) {
                ngx_log_error(NGX_LOG_NOTICE, &r->log, 0,
                              "recording: %uD %s %s messages were not "
                              "recorded", r->strays[i][n],
                              ngx_recording_stray_names[n],
                              ngx_recording_names[i]);
            }
        }
    }
}


void
ngx_recording_start(ngx_recording_t *r, uint32_t *timestamp)
{
    ngx_recording_batch_t      audio;
    ngx_recording_cursor_t     c;
    ngx_recording_message_t   *m, *last;

    r->state = NGX_RECORDING_RUNNING;

    ngx_recording_wait_end(r, timestamp != NULL);

    audio = r->filling;
    ngx_memzero(&r->filling, sizeof(ngx_recording_batch_t));

    ngx_recording_headers(r);

    last = NULL;
    c = ngx_recording_batch_begin(&audio);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {
        last = m;

        if (timestamp && (int32_t) (m->timestamp - *timestamp) < 0) {
            m->track = NGX_RECORDING_GAP;
        }
    }

    /* the writer must not wait anew */

    if (last) {
        last->key = (timestamp == NULL);
    }

    ngx_recording_merge(r, &audio);

    ngx_recording_wake(r);
}


void
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

        ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                      "recording: record_buffer is full, frames are dropped, "
                      "exception -104");

        ngx_recording_drop(r, track, in, size);
        return;
    }

    if (ngx_recording_copy(r, &r->filling, track, timestamp, in, size)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                      "recording: no memory, frames are dropped, "
                      "exception -104");

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

ngx_uint_t
ngx_recording_room(ngx_recording_t *r, size_t size, ngx_uint_t half)
{
    size_t                   need, held, own, all;
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

    held = r->filling.held + r->writing.held;

    if (held + r->held + need > own || worker->held + need > all) {

        /* a single message may be larger than half of the buffer */

        return half && held == 0
               && need <= worker->buffer && worker->held + need <= all;
    }

    return 1;
}


ngx_int_t
ngx_recording_copy(ngx_recording_t *r, ngx_recording_batch_t *batch,
    ngx_uint_t track, uint32_t timestamp, ngx_chain_t *in, size_t size)
{
    u_char  *p;

    p = ngx_recording_reserve(r, batch, track, timestamp,
                              ngx_recording_now(r), size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_recording_batch_fill(p, size, in);

    ngx_recording_message_of(p)->key = r->recovery;

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
ngx_recording_now(ngx_recording_t *r)
{
    return (int64_t) ngx_current_msec * 1000 + r->worker->store.base;
}


void
ngx_recording_header(ngx_recording_t *r, ngx_uint_t track, ngx_chain_t *in,
    size_t size, ngx_uint_t early)
{
    ngx_recording_cursor_t  c;

    if (size > NGX_RECORDING_META_SIZE) {
        return;
    }

    ngx_recording_release(r, &r->headers[track]);

    r->headers[track].tight = 1;

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
                              ngx_recording_now(r), sizeof(r->dropped));
    if (p == NULL) {
        return;
    }

    ngx_memcpy(p, r->dropped, sizeof(r->dropped));
    ngx_memzero(r->dropped, sizeof(r->dropped));
}
