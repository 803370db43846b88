
#include "ngx_recording_tell.h"
#include "ngx_recording_track.h"


void
ngx_recording_tell_drop(ngx_recording_writer_t *w, ngx_uint_t track,
    ngx_recording_drop_e reason, const char *why)
{
    uint32_t  bit;

    bit = (uint32_t) 1 << (reason * NGX_RECORDING_TRACKS + track);

    if (w->told & bit) {
        return;
    }

    w->told |= bit;

    ngx_recording_notice(&w->notices, NGX_LOG_ERR, 0,
                         "%s frames are dropped, %s",
                         ngx_recording_track_names[track], why);
}


void
ngx_recording_tell_behind(ngx_recording_writer_t *w, ngx_uint_t track)
{
    if (w->behind & (1 << track)) {
        return;
    }

    w->behind |= 1 << track;

    ngx_recording_notice(&w->notices, NGX_LOG_ERR, 0,
                         "%s is more than %d s behind %s, where a file "
                         "begins it is out of step with it",
                         ngx_recording_track_names[track],
                         NGX_RECORDING_LAG / 1000,
                         ngx_recording_track_names[!track]);
}


void
ngx_recording_tell_room(ngx_recording_writer_t *w)
{
    if (!w->low) {
        ngx_recording_notice(&w->notices, NGX_LOG_NOTICE, 0,
                             "there is room again, recording %s",
                             w->started ? "goes on" : "begins");
        return;
    }

    ngx_recording_notice(&w->notices, NGX_LOG_ERR, 0,
                         "less than reserve= is left, %s, exception -104",
                         w->started ? "files end and frames are dropped"
                                    : "nothing is recorded");
}


void
ngx_recording_tell_nothing(ngx_recording_writer_t *w)
{
    uint64_t    sum, most;
    ngx_uint_t  i, n;

    for (most = 0, i = 0; i < w->template->nformats; i++) {
        for (sum = 0, n = 0; n < NGX_RECORDING_DROPS; n++) {
            sum += w->outputs[i].dropped[n];
        }

        most = ngx_max(most, sum);
    }

    if (most) {
        ngx_recording_notice(&w->notices, NGX_LOG_ERR, 0,
                             "nothing was recorded, %llu frames were dropped",
                             (unsigned long long) most);
    }
}
