
#include "ngx_recording_notice.h"
#include "ngx_recording_wait.h"


#define NGX_RECORDING_WAIT_VIDEO    2000              /* ms of audio */
#define NGX_RECORDING_WAIT_STEP     10000             /* ms, at most */
#define NGX_RECORDING_WAIT_PAUSE    500               /* ms */
#define NGX_RECORDING_WAIT_KEEP     60000             /* ms */


static const char *ngx_recording_wait_reason(ngx_recording_wait_t *w,
    ngx_uint_t audio_only);


void
ngx_recording_wait_begin(ngx_recording_wait_t *w)
{
    w->begun = ngx_current_msec;
}


/*
 * How much audio has come: by timestamps as long as they go on as they
 * should, else by the clock, of which a pause does not count in full, as the
 * key frame may be right behind it.
 */

void
ngx_recording_wait_heard(ngx_recording_wait_t *w, ngx_msec_t now,
    uint32_t timestamp)
{
    int32_t  step;

    if (w->heard == 0) {
        w->heard = now;

    } else {
        step = (int32_t) (timestamp - w->timestamp);

        w->waited += step > 0 && step <= NGX_RECORDING_WAIT_STEP
                     ? (ngx_uint_t) step
                     : ngx_min(now - w->arrived,
                               NGX_RECORDING_WAIT_PAUSE);
    }

    w->timestamp = timestamp;
    w->arrived = now;
}


ngx_uint_t
ngx_recording_wait_over(ngx_recording_wait_t *w)
{
    return w->waited >= NGX_RECORDING_WAIT_VIDEO;
}


ngx_msec_t
ngx_recording_wait_audio(ngx_recording_wait_t *w)
{
    ngx_msec_t  passed;

    passed = ngx_current_msec - w->heard;

    return passed >= NGX_RECORDING_WAIT_SAY ? 0
                                            : NGX_RECORDING_WAIT_SAY - passed;
}


ngx_msec_t
ngx_recording_wait_nothing(ngx_recording_wait_t *w, ngx_uint_t audio_only,
    ngx_log_t *log)
{
    ngx_msec_t  passed;

    passed = ngx_current_msec - w->begun;

    if (ngx_recording_once(w->said, 1)) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "recording: nothing is recorded for %M ms, %s", passed,
                      ngx_recording_wait_reason(w, audio_only));
    }

    return passed >= NGX_RECORDING_WAIT_KEEP
           ? 0 : NGX_RECORDING_WAIT_KEEP - passed;
}


static const char *
ngx_recording_wait_reason(ngx_recording_wait_t *w, ngx_uint_t audio_only)
{
    if (w->frames) {
        return "video has no key frame";
    }

    if (w->headless) {
        return "frames have no sequence header";
    }

    if (w->broken) {
        return "all frames are cut short";
    }

    if (w->strays) {
        return "there are only messages that cannot be recorded";
    }

    if (w->headers) {
        return "there are only sequence headers";
    }

    return audio_only ? "there is no audio" : "there are no frames";
}


void
ngx_recording_wait_end(ngx_recording_wait_t *w, ngx_uint_t key,
    ngx_log_t *log)
{
    if (!key
        && (w->frames || (w->headless & (1 << NGX_RECORDING_VIDEO))))
    {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "recording: audio is recorded alone, %s",
                      ngx_recording_wait_reason(w, 0));
    }

    if (w->said) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "recording: there are frames after %M ms, recording "
                      "begins", ngx_current_msec - w->begun);
    }
}
