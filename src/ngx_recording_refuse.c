
#include "ngx_recording_refuse.h"
#include "ngx_recording_track.h"


void
ngx_recording_refuse_tracks(ngx_recording_writer_t *w,
    ngx_recording_media_t *media)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        media[i] = w->tracks[i].media;
        media[i].present = w->tracks[i].filed;
    }
}


void
ngx_recording_refuse_ask_thread(ngx_recording_writer_t *w)
{
    ngx_uint_t              i, n;
    ngx_recording_media_t  *media;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        media = &w->tracks[i].media;

        if (media->asked || !w->tracks[i].filed) {
            continue;
        }

        for (n = 0; n < w->template->nformats; n++) {
            ngx_recording_mux_ask_thread(w->outputs[n].conf->format, media,
                                         i);
        }

        media->asked = 1;
    }
}


void
ngx_recording_refuse_say_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    ngx_uint_t                     i;
    const char                    *why;
    ngx_recording_media_t          media[NGX_RECORDING_TRACKS];
    const ngx_recording_format_t  *format;

    format = out->conf->format;

    ngx_recording_refuse_tracks(w, media);

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        if (!media[i].present || (out->refused & (1 << i))
            || ngx_recording_mux_takes(format, &media[i])
            || (i == NGX_RECORDING_VIDEO && format->codecs
                == ngx_recording_codec_bit(NGX_RECORDING_CODEC_AAC)))
        {
            continue;
        }

        out->refused |= 1 << i;

        why = format->codecs & ngx_recording_codec_bit(media[i].codec.codec)
              ? ngx_recording_mux_why_thread(format, &media[i], i) : NULL;

        ngx_recording_notice(&w->notices, NGX_LOG_WARN, 0,
                             "%s does not take %s %s%s%s, exception %d",
                             format->name,
                             ngx_recording_codec_name(media[i].codec.codec),
                             ngx_recording_track_names[i],
                             why ? ": " : "", why ? why : "",
                             i == NGX_RECORDING_VIDEO ? -18 : -17);
    }
}
