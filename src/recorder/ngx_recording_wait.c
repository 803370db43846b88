
/*
 * The time before a recording begins: its stream is live, but nothing came
 * that decoding can begin with.
 */


#include "ngx_recording_intake.h"


#define NGX_RECORDING_WAIT_VIDEO    2000              /* ms of audio */
#define NGX_RECORDING_WAIT_STEP     10000             /* ms, at most */
#define NGX_RECORDING_WAIT_PAUSE    500               /* ms */
#define NGX_RECORDING_WAIT_SIZE     (256 * 1024)
#define NGX_RECORDING_WAIT_SAY      5000              /* ms */
#define NGX_RECORDING_WAIT_KEEP     60000             /* ms */


static void ngx_recording_wait_audio(ngx_recording_t *r, uint32_t timestamp,
    ngx_chain_t *in, size_t size);
static void ngx_recording_wait_time(ngx_recording_t *r, uint32_t timestamp);
static const char *ngx_recording_wait_reason(ngx_recording_t *r);


void
ngx_recording_wait_begin(ngx_recording_t *r)
{
    r->wait.begun = ngx_current_msec;

    ngx_add_timer(&r->timer, NGX_RECORDING_WAIT_SAY);
}


/* the newest headers are kept, and audio, which may belong after a key frame
   by its timestamp */

void
ngx_recording_wait(ngx_recording_t *r, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in, size_t size, ngx_recording_frame_t *f)
{
    if (r->header) {
        ngx_recording_header(r, track, in, size, 0);
        r->wait.headers |= (track != NGX_RECORDING_DATA);
        return;
    }

    /* the writer could not take it either */

    if ((f->codec == NGX_RECORDING_CODEC_H264
         || f->codec == NGX_RECORDING_CODEC_AAC)
        && !(r->headed & (1 << track)))
    {
        r->wait.headless |= 1 << track;
        return;
    }

    if (track == NGX_RECORDING_AUDIO) {
        ngx_recording_wait_audio(r, timestamp, in, size);
        return;
    }

    if (f->key) {
        ngx_recording_start(r, &timestamp);
        ngx_recording_add(r, track, timestamp, in, size);
        return;
    }

    r->wait.frames = 1;
}


static void
ngx_recording_wait_audio(ngx_recording_t *r, uint32_t timestamp,
    ngx_chain_t *in, size_t size)
{
    size_t      need, held;
    ngx_uint_t  full;

    ngx_recording_wait_time(r, timestamp);

    need = ngx_recording_batch_need(&r->filling, size);
    full = r->filling.held + need > NGX_RECORDING_WAIT_SIZE;

    if (r->audio_only
        || r->wait.waited >= NGX_RECORDING_WAIT_VIDEO
        || (full && !r->wait.frames
            && !(r->headed & (1 << NGX_RECORDING_VIDEO))))
    {
        ngx_recording_start(r, NULL);
        ngx_recording_add(r, NGX_RECORDING_AUDIO, timestamp, in, size);
        return;
    }

    /* video seems to come soon: older audio would be before its key frame */

    while (r->filling.n
           && r->filling.held + ngx_recording_batch_need(&r->filling, size)
              > NGX_RECORDING_WAIT_SIZE)
    {
        held = r->filling.held;
        ngx_recording_batch_shift(&r->filling);
        r->worker->held -= held - r->filling.held;
    }

    if (ngx_recording_batch_need(&r->filling, size) <= NGX_RECORDING_WAIT_SIZE
        && ngx_recording_room(r, size, 0))
    {
        (void) ngx_recording_copy(r, &r->filling, NGX_RECORDING_AUDIO,
                                  timestamp, in, size);
    }
}


/*
 * How much audio has come: by timestamps as long as they go on as they
 * should, else by the clock, of which a pause does not count in full, as the
 * key frame may be right behind it.
 */

static void
ngx_recording_wait_time(ngx_recording_t *r, uint32_t timestamp)
{
    int32_t                step;
    ngx_recording_wait_t  *w;

    w = &r->wait;

    if (w->heard == 0) {
        w->heard = ngx_current_msec;

        if (!r->timer.timer_set) {
            ngx_add_timer(&r->timer, NGX_RECORDING_WAIT_SAY);
        }

    } else {
        step = (int32_t) (timestamp - w->timestamp);

        w->waited += step > 0 && step <= NGX_RECORDING_WAIT_STEP
                     ? (ngx_uint_t) step
                     : ngx_min(ngx_current_msec - w->arrived,
                               NGX_RECORDING_WAIT_PAUSE);
    }

    w->timestamp = timestamp;
    w->arrived = ngx_current_msec;
}


/* nothing has begun for some seconds; then, for a minute */

void
ngx_recording_wait_timer(ngx_recording_t *r)
{
    ngx_msec_t             passed;
    ngx_recording_wait_t  *w;

    w = &r->wait;

    if (r->filling.n) {
        passed = ngx_current_msec - w->heard;

        if (passed >= NGX_RECORDING_WAIT_SAY) {

            /* little audio, which nothing follows any more */

            ngx_recording_start(r, NULL);
            return;
        }

        ngx_add_timer(&r->timer, NGX_RECORDING_WAIT_SAY - passed);
        return;
    }

    passed = ngx_current_msec - w->begun;

    if (!w->said) {
        w->said = 1;

        ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                      "recording: nothing is recorded for %M ms, %s", passed,
                      ngx_recording_wait_reason(r));
    }

    if (passed < NGX_RECORDING_WAIT_KEEP) {
        ngx_add_timer(&r->timer, NGX_RECORDING_WAIT_KEEP - passed);
        return;
    }

    /* sequence headers are small, and needed if frames come after all */

    ngx_recording_release(r, &r->headers[NGX_RECORDING_DATA]);
}


static const char *
ngx_recording_wait_reason(ngx_recording_t *r)
{
    if (r->wait.frames) {
        return "video has no key frame";
    }

    if (r->wait.headless) {
        return "frames have no sequence header";
    }

    if (r->wait.broken) {
        return "all frames are cut short";
    }

    if (r->wait.strays) {
        return "there are only messages that cannot be recorded";
    }

    if (r->wait.headers) {
        return "there are only sequence headers";
    }

    return r->audio_only ? "there is no audio" : "there are no frames";
}


void
ngx_recording_wait_end(ngx_recording_t *r, ngx_uint_t key)
{
    if (r->timer.timer_set) {
        ngx_del_timer(&r->timer);
    }

    if (!key
        && (r->wait.frames
            || (r->wait.headless & (1 << NGX_RECORDING_VIDEO))))
    {
        ngx_log_error(NGX_LOG_ERR, &r->log, 0,
                      "recording: audio is recorded alone, %s",
                      ngx_recording_wait_reason(r));
    }

    if (r->wait.said) {
        ngx_log_error(NGX_LOG_NOTICE, &r->log, 0,
                      "recording: there are frames after %M ms, recording "
                      "begins", ngx_current_msec - r->wait.begun);
    }
}
