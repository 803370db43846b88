
#include "ngx_recording_av.h"
#include "ngx_recording_trial.h"


void
ngx_recording_trial_thread(const ngx_recording_format_t *format,
    ngx_recording_media_t *media, ngx_uint_t track)
{
    if (ngx_recording_mux_takes(format, media)
        && ngx_recording_trial_why_thread(format, media, track))
    {
        ngx_recording_mux_refuse(format, media);
    }
}


const char *
ngx_recording_trial_why_thread(const ngx_recording_format_t *format,
    ngx_recording_media_t *media, ngx_uint_t track)
{
    return format->muxer
           ? ngx_recording_av_why_thread(format->muxer, media, track) : NULL;
}
