
#include "ngx_recording_intake.h"
#include "ngx_recording_notice.h"


#define NGX_RECORDING_INTAKE_META  65536
#define NGX_RECORDING_INTAKE_WAIT  (256 * 1024)    /* before it begins */
#define NGX_RECORDING_INTAKE_FAR   10000           /* ms, between timestamps */
#define NGX_RECORDING_INTAKE_SLACK 2000            /* ms */


static ngx_int_t ngx_recording_intake_early(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);
static ngx_uint_t ngx_recording_intake_other(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);
static ngx_int_t ngx_recording_intake_audio(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);
static void ngx_recording_intake_shift(ngx_recording_intake_t *in,
    size_t size);
static void ngx_recording_intake_start(ngx_recording_intake_t *in,
    uint32_t *timestamp);
static ngx_int_t ngx_recording_intake_add(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);
static ngx_uint_t ngx_recording_intake_stamp(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);
static ngx_int_t ngx_recording_intake_fits(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);
static void ngx_recording_intake_lost(ngx_recording_intake_t *in,
    const char *why);
static void ngx_recording_intake_drop(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);
static ngx_uint_t ngx_recording_intake_room(ngx_recording_intake_t *in,
    size_t size, ngx_uint_t half);
static ngx_inline ngx_int_t ngx_recording_intake_copy(
    ngx_recording_intake_t *in, ngx_recording_batch_t *batch,
    ngx_recording_intake_message_t *m);
static void ngx_recording_intake_merge(ngx_recording_intake_t *in,
    ngx_recording_batch_t *from);
static void ngx_recording_intake_headers(ngx_recording_intake_t *in);
static void ngx_recording_intake_gap(ngx_recording_intake_t *in);
static void ngx_recording_intake_set(ngx_recording_intake_t *in,
    ngx_recording_intake_e state);


const char *const  ngx_recording_intake_states[] = {
    "waiting", "running", "dropping", "ending"
};


void
ngx_recording_intake_init(ngx_recording_intake_t *in,
    ngx_recording_account_t *account, const int64_t *base,
    ngx_uint_t audio_only, ngx_log_t *log)
{
    in->log = log;
    in->account = account;
    in->base = base;
    in->audio_only = (audio_only != 0);
    in->length = 4;

    ngx_recording_wait_begin(&in->wait);
}


void
ngx_recording_intake_free(ngx_recording_intake_t *in)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_INTAKE_HEADERS; i++) {
        ngx_recording_batch_release(&in->headers[i], in->account);
    }

    ngx_recording_batch_release(&in->filling, in->account);
    ngx_recording_intake_hold(in, 0);
}


ngx_int_t
ngx_recording_intake_message(ngx_recording_intake_t *in, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *chain)
{
    ngx_int_t                       rc;
    ngx_recording_intake_message_t  m;

    if (track == NGX_RECORDING_VIDEO && in->audio_only) {
        return NGX_DECLINED;
    }

    ngx_memzero(&m, sizeof(ngx_recording_intake_message_t));

    m.track = track;
    m.timestamp = timestamp;
    m.chain = chain;
    m.size = ngx_recording_batch_size(chain);
    m.header = (track == NGX_RECORDING_DATA);

    if (track != NGX_RECORDING_DATA
        && ngx_recording_intake_frame(in, &m) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (in->state == NGX_RECORDING_INTAKE_WAITING) {
        rc = ngx_recording_intake_early(in, &m);

        if (rc != NGX_DONE) {
            return rc;
        }
    }

    return ngx_recording_intake_add(in, &m);
}


/*
 * Before the first key frame: the newest headers are kept, and audio, which
 * may belong after that frame by its timestamp.  NGX_DONE: the recording begins
 * with this message.
 */

static ngx_int_t
ngx_recording_intake_early(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    if (m->header) {

        if (m->track == NGX_RECORDING_AUDIO
            && ngx_recording_intake_other(in, m))
        {
            /* only the newest header will be there */

            ngx_recording_batch_release(&in->filling, in->account);
        }

        ngx_recording_intake_keep(in, m, 0);
        in->wait.headers |= (m->track != NGX_RECORDING_DATA);
        return NGX_DECLINED;
    }

    /* the writer could not take it either */

    if (ngx_recording_codecs[m->frame.codec].header
        && !(in->headed & (1 << m->track)))
    {
        in->wait.headless |= 1 << m->track;
        return NGX_DECLINED;
    }

    if (m->track == NGX_RECORDING_AUDIO) {
        return ngx_recording_intake_audio(in, m);
    }

    if (m->key) {
        ngx_recording_intake_start(in, &m->timestamp);
        return NGX_DONE;
    }

    in->wait.frames = 1;

    return NGX_DECLINED;
}


/* whether a sequence header differs from the one that is kept */

static ngx_uint_t
ngx_recording_intake_other(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    u_char                   *p;
    ngx_chain_t              *cl;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *kept;

    c = ngx_recording_batch_begin(&in->headers[m->track]);
    kept = ngx_recording_batch_next(&c);

    if (kept == NULL || kept->size != m->size) {
        return 1;
    }

    p = ngx_recording_message_body(kept);

    for (cl = m->chain; cl; cl = cl->next) {

        if (ngx_memcmp(p, cl->buf->pos, cl->buf->last - cl->buf->pos) != 0) {
            return 1;
        }

        p += cl->buf->last - cl->buf->pos;
    }

    return 0;
}


static ngx_int_t
ngx_recording_intake_audio(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    size_t      need;
    ngx_uint_t  full;

    ngx_recording_wait_heard(&in->wait, ngx_recording_intake_msec(in),
                             m->timestamp);

    need = ngx_recording_batch_need(&in->filling, m->size);
    full = in->filling.held + need > NGX_RECORDING_INTAKE_WAIT;

    if (in->audio_only
        || ngx_recording_wait_over(&in->wait)
        || (full && !in->wait.frames
            && !(in->headed & (1 << NGX_RECORDING_VIDEO))))
    {
        ngx_recording_intake_start(in, NULL);
        return NGX_DONE;
    }

    /* video seems to come soon: older audio would be before its key frame */

    ngx_recording_intake_shift(in, m->size);

    if (ngx_recording_batch_need(&in->filling, m->size)
        > NGX_RECORDING_INTAKE_WAIT
        || !ngx_recording_intake_room(in, m->size, 0))
    {
        return NGX_DECLINED;
    }

    return ngx_recording_intake_copy(in, &in->filling, m) == NGX_OK
           ? NGX_OK : NGX_DECLINED;
}


/* frees the oldest audio, until there is room for a message */

static void
ngx_recording_intake_shift(ngx_recording_intake_t *in, size_t size)
{
    size_t  held;

    while (in->filling.n
           && in->filling.held + ngx_recording_batch_need(&in->filling, size)
              > NGX_RECORDING_INTAKE_WAIT)
    {
        held = in->filling.held;
        ngx_recording_batch_shift(&in->filling);
        in->account->held -= held - in->filling.held;
    }
}


ngx_msec_t
ngx_recording_intake_timer(ngx_recording_intake_t *in)
{
    ngx_msec_t  left;

    if (in->filling.n) {
        left = ngx_recording_wait_audio(&in->wait);

        if (left == 0) {

            /* little audio, which nothing follows any more */

            ngx_recording_intake_start(in, NULL);
        }

        return left;
    }

    left = ngx_recording_wait_nothing(&in->wait, in->audio_only, in->log);

    if (left == 0) {

        /* sequence headers are small, and needed if frames come after all */

        ngx_recording_batch_release(&in->headers[NGX_RECORDING_DATA],
                                    in->account);
    }

    return left;
}


/*
 * The recording begins: headers first, then the audio that was held, unless
 * it is before a video key frame's timestamp; NULL: all of it.
 */

static void
ngx_recording_intake_start(ngx_recording_intake_t *in, uint32_t *timestamp)
{
    ngx_recording_batch_t     audio;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m, *last;

    ngx_recording_intake_set(in, NGX_RECORDING_INTAKE_RUNNING);

    ngx_recording_wait_end(&in->wait, timestamp != NULL, in->log);

    audio = in->filling;
    ngx_memzero(&in->filling, sizeof(ngx_recording_batch_t));

    ngx_recording_intake_headers(in);

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

    ngx_recording_intake_merge(in, &audio);
}


/* takes a message into the batch, or drops it */

static ngx_int_t
ngx_recording_intake_add(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    if (ngx_recording_intake_fits(in, m) != NGX_OK) {
        ngx_recording_intake_drop(in, m);
        return NGX_DECLINED;
    }

    if (ngx_recording_intake_copy(in, &in->filling, m) != NGX_OK) {
        ngx_recording_intake_lost(in, "no memory, frames are dropped");

        ngx_recording_intake_drop(in, m);
        ngx_recording_intake_set(in, NGX_RECORDING_INTAKE_DROPPING);

        return NGX_DECLINED;
    }

    return ngx_recording_intake_stamp(in, m)
           || in->filling.size >= NGX_RECORDING_INTAKE_BATCH
           ? NGX_DONE : NGX_OK;
}


/*
 * Looks at a timestamp; returns 1 if the batch waited for it.  One that is far
 * ahead is no surprise if so much time has passed.
 */

static ngx_uint_t
ngx_recording_intake_stamp(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    int32_t                        step;
    ngx_uint_t                     doubt;
    ngx_msec_t                     now;
    ngx_msec_int_t                 passed;
    ngx_recording_intake_stamp_t  *s;

    if (m->header) {
        return 0;
    }

    s = &in->stamps[m->track];
    now = ngx_recording_intake_msec(in);

    step = (int32_t) (m->timestamp - s->timestamp);
    passed = now - s->arrived;
    doubt = s->doubt;

    s->doubt = s->set && !doubt
               && (step < -NGX_RECORDING_INTAKE_FAR
                   || (step > NGX_RECORDING_INTAKE_FAR
                       && step - step / 8 - NGX_RECORDING_INTAKE_SLACK
                          > passed));
    s->timestamp = m->timestamp;
    s->arrived = now;
    s->set = 1;

    return doubt;
}


ngx_msec_t
ngx_recording_intake_doubt(ngx_recording_intake_t *in)
{
    ngx_uint_t  i;
    ngx_msec_t  passed, left;

    left = 0;

    if (in->state == NGX_RECORDING_INTAKE_ENDING) {
        return 0;
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        passed = ngx_recording_intake_msec(in) - in->stamps[i].arrived;

        if (in->stamps[i].doubt && passed < NGX_RECORDING_INTAKE_DOUBT) {
            left = ngx_max(left, NGX_RECORDING_INTAKE_DOUBT - passed);
        }
    }

    return left;
}


/* whether there is room for a message; what was dropped before is told */

static ngx_int_t
ngx_recording_intake_fits(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    if (in->state == NGX_RECORDING_INTAKE_DROPPING) {

        if (!m->key || !ngx_recording_intake_room(in, m->size, 1)) {
            return NGX_DECLINED;
        }

        ngx_recording_intake_gap(in);
        ngx_recording_intake_headers(in);

        ngx_recording_intake_set(in, NGX_RECORDING_INTAKE_RUNNING);

        ngx_log_error(NGX_LOG_NOTICE, in->log, 0,
                      "recording: %s",
                      in->behind ? "goes on with a key frame behind the gap"
                                 : "record_buffer has room again");
        in->behind = 0;

    } else if (!ngx_recording_intake_room(in, m->size, 0)) {

        ngx_recording_intake_set(in, NGX_RECORDING_INTAKE_DROPPING);

        ngx_recording_intake_lost(in, "record_buffer is full, frames are "
                                      "dropped");

        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_recording_intake_lost(ngx_recording_intake_t *in, const char *why)
{
    in->lost = why;

    ngx_recording_notice_log(in->log, NGX_RECORDING_EXCEPTION_LOST, why);
}


/* a frame is counted, a header kept: what follows depends on it */

static void
ngx_recording_intake_drop(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    if (m->header) {
        ngx_recording_intake_keep(in, m, 0);
        return;
    }

    in->dropped[m->track]++;
}


/*
 * Whether a message may be held by the account; half: only if there is much
 * room.
 */

static ngx_uint_t
ngx_recording_intake_room(ngx_recording_intake_t *in, size_t size,
    ngx_uint_t half)
{
    size_t                    need, held, own, all;
    ngx_recording_account_t  *account;

    account = in->account;

    need = ngx_recording_batch_need(&in->filling, size);

    if (need == 0) {
        return 1;
    }

    own = account->buffer;
    all = account->total;

    if (half) {
        own /= 2;
        all -= all / 4;
    }

    held = in->filling.held + in->taken;

    if (held + in->held + need > own || account->held + need > all) {

        /* a single message may be larger than half of the buffer */

        return half && held == 0
               && need <= account->buffer && account->held + need <= all;
    }

    return 1;
}


static ngx_inline ngx_int_t
ngx_recording_intake_copy(ngx_recording_intake_t *in,
    ngx_recording_batch_t *batch, ngx_recording_intake_message_t *m)
{
    u_char                   *p;
    ngx_recording_message_t  *to;

    p = ngx_recording_batch_charge(batch, in->account, m->track, m->timestamp,
                                   ngx_recording_intake_now(in), m->size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_recording_batch_fill(p, m->size, m->chain);

    to = ngx_recording_message_of(p);

    to->key = m->recovery;
    to->broken = m->broken;
    to->frame = m->frame;

    return NGX_OK;
}


/* moves what another batch has to the end of the one that is filled */

static void
ngx_recording_intake_merge(ngx_recording_intake_t *in,
    ngx_recording_batch_t *from)
{
    size_t  held;

    held = in->filling.held + from->held;

    ngx_recording_batch_move(&in->filling, from);

    in->account->held += in->filling.held - held;
}


static void
ngx_recording_intake_headers(ngx_recording_intake_t *in)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_INTAKE_HEADERS; i++) {
        ngx_recording_intake_merge(in, &in->headers[i]);
    }
}


void
ngx_recording_intake_keep(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m, ngx_uint_t early)
{
    ngx_recording_batch_t           *header;
    ngx_recording_cursor_t           c;
    ngx_recording_intake_message_t   kept;

    if (m->size > NGX_RECORDING_INTAKE_META) {
        return;
    }

    header = &in->headers[m->track];

    ngx_recording_batch_release(header, in->account);

    header->tight = 1;

    kept = *m;
    kept.timestamp = 0;

    if (ngx_recording_intake_copy(in, header, &kept) != NGX_OK) {
        return;
    }

    c = ngx_recording_batch_begin(header);
    ngx_recording_batch_next(&c)->early = early;
}


/* tells the writer that frames are missing here */

static void
ngx_recording_intake_gap(ngx_recording_intake_t *in)
{
    u_char  *p;

    p = ngx_recording_batch_charge(&in->filling, in->account,
                                   NGX_RECORDING_GAP, 0,
                                   ngx_recording_intake_now(in),
                                   sizeof(in->dropped));
    if (p == NULL) {
        return;
    }

    ngx_memcpy(p, in->dropped, sizeof(in->dropped));
    ngx_memzero(in->dropped, sizeof(in->dropped));
}


ngx_int_t
ngx_recording_intake_end(ngx_recording_intake_t *in)
{
    if (in->state == NGX_RECORDING_INTAKE_WAITING) {

        if (in->filling.n == 0) {
            return NGX_DECLINED;
        }

        /* audio that still waited for video which never came */

        ngx_recording_intake_start(in, NULL);

    } else if (in->state == NGX_RECORDING_INTAKE_DROPPING) {
        ngx_recording_intake_gap(in);
    }

    ngx_recording_intake_set(in, NGX_RECORDING_INTAKE_ENDING);

    return NGX_OK;
}


ngx_uint_t
ngx_recording_intake_ready(ngx_recording_intake_t *in, size_t size)
{
    if (ngx_recording_batch_need(&in->filling, size) > in->account->buffer) {
        return in->filling.n == 0 && in->taken == 0;
    }

    return (in->filling.size < NGX_RECORDING_INTAKE_BATCH
            || ngx_recording_intake_doubt(in))
           && ngx_recording_intake_room(in, size, 0);
}


void
ngx_recording_intake_missing(ngx_recording_intake_t *in,
    const uint32_t lost[NGX_RECORDING_TRACKS])
{
    ngx_uint_t  i;

    if (in->state != NGX_RECORDING_INTAKE_RUNNING
        && in->state != NGX_RECORDING_INTAKE_DROPPING)
    {
        return;
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        in->dropped[i] += lost[i];
    }

    if (in->state == NGX_RECORDING_INTAKE_RUNNING) {
        ngx_recording_intake_set(in, NGX_RECORDING_INTAKE_DROPPING);
        in->behind = 1;

        ngx_recording_intake_lost(in, "what rewind= has kept has a gap, "
                                      "frames are missing");
    }
}


void
ngx_recording_intake_take(ngx_recording_intake_t *in,
    ngx_recording_batch_t *batch)
{
    *batch = in->filling;
    in->taken += batch->held;

    ngx_memzero(&in->filling, sizeof(ngx_recording_batch_t));
}


void
ngx_recording_intake_release(ngx_recording_intake_t *in,
    ngx_recording_batch_t *batch)
{
    in->taken -= batch->held;

    ngx_recording_batch_release(batch, in->account);
}


void
ngx_recording_intake_hold(ngx_recording_intake_t *in, size_t held)
{
    in->account->held -= in->held;
    in->held = held;
    in->account->held += in->held;
}


/* the only place that changes the state */

static void
ngx_recording_intake_set(ngx_recording_intake_t *in,
    ngx_recording_intake_e state)
{
    ngx_log_debug3(NGX_LOG_DEBUG_CORE, in->log, 0,
                   "recording: %p is %s, was %s", in,
                   ngx_recording_intake_states[state],
                   ngx_recording_intake_states[in->state]);

    in->state = state;
}
