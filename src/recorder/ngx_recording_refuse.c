
#include "ngx_recording_refuse.h"
#include "ngx_recording_tell.h"
#include "ngx_recording_trial.h"


static ngx_uint_t ngx_recording_refuse_alien(
    const ngx_recording_format_t *format, ngx_uint_t track);


void
ngx_recording_refuse_ask_thread(ngx_recording_outputs_t *o, ngx_uint_t track)
{
    ngx_uint_t              i;
    ngx_recording_media_t  *media;

    media = o->media[track];

    if (media->asked) {
        return;
    }

    for (i = 0; i < o->template->nformats; i++) {
        ngx_recording_trial_thread(o->output[i].conf->format, media, track);
    }

    media->asked = 1;
}


void
ngx_recording_refuse_say_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_media_t *media)
{
    ngx_uint_t                     i;
    const char                    *why;
    const ngx_recording_format_t  *format;

    format = out->conf->format;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        if (!media[i].present || (out->refused & (1 << i))
            || ngx_recording_mux_takes(format, &media[i])
            || ngx_recording_refuse_alien(format, i))
        {
            continue;
        }

        out->refused |= 1 << i;

        why = format->codecs & ngx_recording_codec_bit(media[i].codec.codec)
              ? ngx_recording_trial_why_thread(format, &media[i], i) : NULL;

        ngx_recording_notice_exception(o->notices,
            NGX_RECORDING_EXCEPTION_VIDEO_REFUSED + i, 0,
            "%s does not take %s %s%s%s", format->name,
            ngx_recording_codec_name(media[i].codec.codec),
            ngx_recording_tell_tracks[i], why ? ": " : "", why ? why : "");
    }
}


void
ngx_recording_refuse_frame(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t track)
{
    if (!ngx_recording_once(out->declined, 1 << track)) {
        return;
    }

    ngx_recording_notice_exception(o->notices,
        NGX_RECORDING_EXCEPTION_VIDEO_BROKEN + track, 0,
        "%s does not take all frames of %s, those are dropped",
        out->conf->format->name, ngx_recording_tell_tracks[track]);
}


/* libavformat would cut off the upper bits of the size in ADTS */

ngx_uint_t
ngx_recording_refuse_large(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_sample_t *sample)
{
    const ngx_recording_format_t  *format;

    format = out->conf->format;

    if (sample->track != NGX_RECORDING_AUDIO
        || o->media[NGX_RECORDING_AUDIO]->codec.codec
           != NGX_RECORDING_CODEC_AAC
        || format->muxer == NULL || format == &ngx_recording_format_mp4)
    {
        return 0;
    }

    ngx_recording_refuse_frame(o, out, sample->track);

    return 1;
}


void
ngx_recording_refuse_count(ngx_recording_outputs_t *o,
    ngx_recording_mux_t *mux, ngx_uint_t track, ngx_recording_drop_e reason,
    uint64_t n)
{
    ngx_recording_media_t  *media;

    media = o->media[track];

    if (ngx_recording_refuse_alien(mux->format, track)) {
        return;
    }

    if (media->codec.codec != NGX_RECORDING_CODEC_NONE
        && !ngx_recording_mux_takes(mux->format, media))
    {
        reason = NGX_RECORDING_DROP_TRACK;

    } else if (reason == NGX_RECORDING_DROP_TRACK) {
        return;
    }

    mux->file.in += n;
    mux->file.dropped[reason] += n;
}


/* a format of audio alone does not miss the video */

static ngx_uint_t
ngx_recording_refuse_alien(const ngx_recording_format_t *format,
    ngx_uint_t track)
{
    return track == NGX_RECORDING_VIDEO
           && format->codecs
              == ngx_recording_codec_bit(NGX_RECORDING_CODEC_AAC);
}
