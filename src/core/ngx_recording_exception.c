
#include "ngx_recording_exception.h"


const ngx_recording_exception_t
    ngx_recording_exceptions[NGX_RECORDING_EXCEPTIONS] =
{
    [NGX_RECORDING_EXCEPTION_LOST] = {
        "lost", -104, NGX_LOG_ERR,
        "frames were dropped, as the disk is slow, full or failed"
    },
    [NGX_RECORDING_EXCEPTION_CHANGED] = {
        "changed", -120, NGX_LOG_NOTICE,
        "a codec changed, or a track came late"
    },
    [NGX_RECORDING_EXCEPTION_RESIZED] = {
        "resized", -100, NGX_LOG_NOTICE,
        "the resolution changed"
    },
    [NGX_RECORDING_EXCEPTION_AUDIO_TIME] = {
        "audio_time", -8, NGX_LOG_WARN,
        "audio timestamps jump"
    },
    [NGX_RECORDING_EXCEPTION_VIDEO_TIME] = {
        "video_time", -9, NGX_LOG_WARN,
        "video timestamps jump"
    },
    [NGX_RECORDING_EXCEPTION_AUDIO_REFUSED] = {
        "audio_refused", -17, NGX_LOG_ERR,
        "an audio codec that the format does not take"
    },
    [NGX_RECORDING_EXCEPTION_VIDEO_REFUSED] = {
        "video_refused", -18, NGX_LOG_ERR,
        "a video codec that the format does not take"
    },
    [NGX_RECORDING_EXCEPTION_AUDIO_BROKEN] = {
        "audio_broken", -131, NGX_LOG_ERR,
        "broken audio frames"
    },
    [NGX_RECORDING_EXCEPTION_VIDEO_BROKEN] = {
        "video_broken", -130, NGX_LOG_ERR,
        "broken video frames"
    },
};


const ngx_recording_exception_level_t  ngx_recording_exception_levels[] = {
    { ngx_string("error"),   NGX_RECORDING_EXCEPTION_ERROR },
    { ngx_string("warning"), NGX_RECORDING_EXCEPTION_WARNING },
    { ngx_string("info"),    NGX_RECORDING_EXCEPTION_INFO },
    { ngx_null_string, 0 }
};


ngx_uint_t
ngx_recording_exception_level(const ngx_recording_exception_t *exception)
{
    return exception->level <= NGX_LOG_ERR ? NGX_RECORDING_EXCEPTION_ERROR
           : exception->level == NGX_LOG_WARN
           ? NGX_RECORDING_EXCEPTION_WARNING : NGX_RECORDING_EXCEPTION_INFO;
}


ngx_uint_t
ngx_recording_exception_level_bit(const ngx_str_t *name)
{
    const ngx_recording_exception_level_t  *level;

    level = ngx_recording_exception_levels;

    while (level->bit
           && (level->name.len != name->len
               || ngx_memcmp(level->name.data, name->data, name->len) != 0))
    {
        level++;
    }

    return level->bit;
}
