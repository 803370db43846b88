
/* what a message is, by its first bytes */


#include "ngx_recording_intake.h"
#include "ngx_recording_item.h"
#include "ngx_recording_unit.h"


#define NGX_RECORDING_INTAKE_KEYLESS  10000           /* ms */


static void ngx_recording_intake_key(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);
static ngx_uint_t ngx_recording_intake_look(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);
static ngx_inline size_t ngx_recording_intake_head(
    ngx_recording_intake_t *in, u_char **head, ngx_chain_t *chain);
static ngx_int_t ngx_recording_intake_headed(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m, u_char *head, size_t n);
static void ngx_recording_intake_stray(ngx_recording_intake_t *in,
    ngx_uint_t track, ngx_recording_stray_e stray);


static const char  *ngx_recording_intake_strange[NGX_RECORDING_STRAYS] = {
    "", "multitrack", "channel order", "metadata", "extended", "unknown"
};


/* some of them have frames, others only tell about frames */

static const ngx_uint_t  ngx_recording_intake_levels[NGX_RECORDING_STRAYS] = {
    NGX_LOG_INFO, NGX_LOG_ERR, NGX_LOG_WARN, NGX_LOG_WARN, NGX_LOG_ERR,
    NGX_LOG_ERR
};


static const char  *ngx_recording_intake_names[] = { "video", "audio" };


void
ngx_recording_intake_seed(ngx_recording_intake_t *in, ngx_uint_t track,
    ngx_chain_t *chain)
{
    size_t                          n;
    u_char                         *head;
    ngx_recording_intake_message_t  m;

    ngx_memzero(&m, sizeof(ngx_recording_intake_message_t));

    m.track = track;
    m.chain = chain;
    m.size = ngx_recording_batch_size(chain);

    n = ngx_recording_intake_head(in, &head, chain);

    if (ngx_recording_frame_parse(&m.frame, track, head, n) == NGX_OK
        && m.frame.header
        && ngx_recording_intake_headed(in, &m, head, n) == NGX_OK)
    {
        ngx_recording_intake_keep(in, &m, 1);
    }
}


ngx_int_t
ngx_recording_intake_frame(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    size_t      n;
    u_char     *head;
    ngx_int_t   rc;

    n = ngx_recording_intake_head(in, &head, m->chain);

    rc = ngx_recording_frame_parse(&m->frame, m->track, head, n);

    if (rc == NGX_DECLINED) {
        ngx_recording_intake_stray(in, m->track, m->frame.stray);
        return NGX_DECLINED;
    }

    if (rc == NGX_ERROR) {

        /* the writer counts it, and says so */

        if (in->state == NGX_RECORDING_INTAKE_WAITING) {
            in->wait.broken = 1;
            return NGX_DECLINED;
        }

        m->broken = 1;
        return NGX_OK;
    }

    if (m->frame.header) {
        m->header = 1;
        return ngx_recording_intake_headed(in, m, head, n);
    }

    ngx_recording_intake_key(in, m);

    return NGX_OK;
}


/* whether files can begin, or go on after a gap, with a frame */

static void
ngx_recording_intake_key(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    ngx_uint_t  recovery;

    if (m->track == NGX_RECORDING_AUDIO) {
        m->key = in->audio_only || !in->video
                 || (int32_t) (m->timestamp - in->picture)
                    > NGX_RECORDING_HELD_TIME;
        return;
    }

    recovery = 0;
    m->key = m->frame.key;

    if (in->state != NGX_RECORDING_INTAKE_RUNNING || !in->video) {

        /* the writer looks into each frame, but not before it has one */

        recovery = ngx_recording_intake_look(in, m);
    }

    if (m->key) {
        in->late = 0;

    } else if (!in->late) {
        in->late = 1;
        in->keyless = m->timestamp;
        in->keyless_msec = ngx_recording_intake_msec(in);

    } else if (recovery
               && (int32_t) (m->timestamp - in->keyless)
                  >= NGX_RECORDING_INTAKE_KEYLESS
               && ngx_recording_intake_msec(in) - in->keyless_msec
                  >= NGX_RECORDING_INTAKE_KEYLESS)
    {
        m->recovery = 1;
        m->key = 1;
    }

    if (ngx_recording_codecs[m->frame.codec].header
        && !(in->headed & (1 << NGX_RECORDING_VIDEO)))
    {
        m->key = 0;
    }

    in->video |= m->key;

    if (in->video) {
        in->picture = m->timestamp;
    }
}


/* whether the units of a frame say that decoding can begin with it, in
   m->key; or after a while */

static ngx_uint_t
ngx_recording_intake_look(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m)
{
    ngx_recording_unit_t   u;
    ngx_recording_frame_t  f;

    /* the message keeps what its head says */

    f = m->frame;

    ngx_recording_unit_chain(&u, m->chain, f.body);
    ngx_recording_unit_look(&f, &u, in->length);

    m->key = f.key;

    return f.recovery;
}


/* the first bytes of a message: in place, or gathered */

static ngx_inline size_t
ngx_recording_intake_head(ngx_recording_intake_t *in, u_char **head,
    ngx_chain_t *chain)
{
    size_t  n;

    n = chain->buf->last - chain->buf->pos;

    if (n >= NGX_RECORDING_FRAME_HEAD || chain->next == NULL) {
        *head = chain->buf->pos;
        return n;
    }

    *head = in->head;

    return ngx_recording_batch_fill(in->head, NGX_RECORDING_FRAME_HEAD, chain);
}


/*
 * A sequence header: it is repeated in each file, and by libavformat before
 * each key frame, so that it must not be large.
 */

static ngx_int_t
ngx_recording_intake_headed(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m, u_char *head, size_t n)
{
    if (m->size > NGX_RECORDING_HEADER_MAX) {

        if (!in->refused) {
            in->refused = 1;

            ngx_log_error(NGX_LOG_ERR, in->log, 0,
                          "recording: %s sequence header of %uz bytes "
                          "refused, it may have %d",
                          ngx_recording_intake_names[m->track], m->size,
                          NGX_RECORDING_HEADER_MAX);
        }

        return NGX_DECLINED;
    }

    in->headed |= 1 << m->track;

    if (m->track == NGX_RECORDING_VIDEO) {
        n = ngx_min(n, NGX_RECORDING_FRAME_HEAD);

        in->length = ngx_recording_unit_length(m->frame.codec,
                                               head + m->frame.body,
                                               n - m->frame.body);
    }

    return NGX_OK;
}


/* a message that no file can take: said once, counted always */

static void
ngx_recording_intake_stray(ngx_recording_intake_t *in, ngx_uint_t track,
    ngx_recording_stray_e stray)
{
    if (stray == NGX_RECORDING_STRAY_NONE) {
        return;
    }

    in->wait.strays = 1;

    if (in->strays[track][stray]++ == 0) {
        ngx_log_error(ngx_recording_intake_levels[stray], in->log, 0,
                      "recording: %s %s messages of enhanced RTMP are not "
                      "recorded",
                      ngx_recording_intake_strange[stray],
                      ngx_recording_intake_names[track]);
    }
}


void
ngx_recording_intake_strays(ngx_recording_intake_t *in)
{
    ngx_uint_t  i, n;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        for (n = 0; n < NGX_RECORDING_STRAYS; n++) {

            if (in->strays[i][n]) {
                ngx_log_error(NGX_LOG_NOTICE, in->log, 0,
                              "recording: %uD %s %s messages were not "
                              "recorded", in->strays[i][n],
                              ngx_recording_intake_strange[n],
                              ngx_recording_intake_names[i]);
            }
        }
    }
}
