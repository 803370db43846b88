
#include "ngx_recording_tell.h"


const char *const  ngx_recording_tell_tracks[] = { "video", "audio" };


void
ngx_recording_tell_drop(ngx_recording_outputs_t *o, ngx_uint_t track,
    ngx_recording_drop_e reason, const char *why)
{
    uint32_t  bit;

    bit = (uint32_t) 1 << (reason * NGX_RECORDING_TRACKS + track);

    if (!ngx_recording_once(o->told, bit)) {
        return;
    }

    if (reason == NGX_RECORDING_DROP_DISK) {
        ngx_recording_notice_exception(o->notices,
            NGX_RECORDING_EXCEPTION_LOST, 0, "%s frames are dropped, %s",
            ngx_recording_tell_tracks[track], why);
        return;
    }

    ngx_recording_notice(o->notices, NGX_LOG_ERR, 0,
                         "%s frames are dropped, %s",
                         ngx_recording_tell_tracks[track], why);
}


void
ngx_recording_tell_behind(ngx_recording_outputs_t *o, ngx_uint_t track)
{
    if (!ngx_recording_once(o->behind, 1 << track)) {
        return;
    }

    ngx_recording_notice(o->notices, NGX_LOG_ERR, 0,
                         "%s is more than %d s behind %s, where a file "
                         "begins it is out of step with it",
                         ngx_recording_tell_tracks[track],
                         NGX_RECORDING_LAG / 1000,
                         ngx_recording_tell_tracks[!track]);
}


void
ngx_recording_tell_room(ngx_recording_outputs_t *o)
{
    if (!o->low) {
        ngx_recording_notice(o->notices, NGX_LOG_NOTICE, 0,
                             "there is room again, recording %s",
                             o->started ? "goes on" : "begins");
        return;
    }

    ngx_recording_notice_exception(o->notices, NGX_RECORDING_EXCEPTION_LOST, 0,
                                   "less than reserve= is left, %s",
                                   o->started
                                   ? "files end and frames are dropped"
                                   : "nothing is recorded");
}


void
ngx_recording_tell_nothing(ngx_recording_outputs_t *o)
{
    uint64_t    sum, most;
    ngx_uint_t  i, n;

    for (most = 0, i = 0; i < o->template->nformats; i++) {
        for (sum = 0, n = 0; n < NGX_RECORDING_DROPS; n++) {
            sum += o->output[i].dropped[n];
        }

        most = ngx_max(most, sum);
    }

    if (most) {
        ngx_recording_notice(o->notices, NGX_LOG_ERR, 0,
                             "nothing was recorded, %llu frames were dropped",
                             (unsigned long long) most);
    }
}


ngx_int_t
ngx_recording_tell_failed(ngx_recording_outputs_t *o,
    ngx_recording_catalogue_error_t *err)
{
    if (!o->failed && err->text[0]) {
        o->failed = 1;

        ngx_recording_notice(o->notices, NGX_LOG_ERR, 0,
                             "catalogue failed: %s", err->text);
    }

    return o->stop ? NGX_ERROR : NGX_AGAIN;
}


void
ngx_recording_tell_passed(ngx_recording_outputs_t *o)
{
    if (ngx_recording_over(o->failed, 1)) {
        ngx_recording_notice(o->notices, NGX_LOG_NOTICE, 0,
                             "catalogue can be written again");
    }
}
