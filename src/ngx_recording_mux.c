
#include "ngx_recording_mux.h"


const ngx_recording_format_t *const  ngx_recording_formats[] = {
    &ngx_recording_format_flv,
    &ngx_recording_format_mp4,
    &ngx_recording_format_hls,
    &ngx_recording_format_aac,
    NULL
};


ngx_recording_mux_t *
ngx_recording_mux_create_thread(const ngx_recording_format_t *format,
    ngx_recording_store_t *store, ngx_recording_media_t *media)
{
    ngx_recording_mux_t  *mux;

    mux = calloc(1, sizeof(ngx_recording_mux_t));

    if (mux == NULL) {
        return NULL;
    }

    mux->format = format;
    mux->store = store;
    mux->fd = -1;
    mux->file.format = format->name;

    if (ngx_recording_mux_tracks_thread(mux, media) != NGX_OK) {
        ngx_recording_mux_close_thread(mux);
        errno = ENOMEM;
        return NULL;
    }

    if (!mux->media[NGX_RECORDING_VIDEO].present
        && !mux->media[NGX_RECORDING_AUDIO].present)
    {
        ngx_recording_mux_close_thread(mux);
        errno = 0;
        return NULL;
    }

    return mux;
}


ngx_int_t
ngx_recording_mux_tracks_thread(ngx_recording_mux_t *mux,
    ngx_recording_media_t *media)
{
    ngx_uint_t              i;
    ngx_recording_file_t   *file;
    ngx_recording_codec_t  *c;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        free(mux->media[i].header);
        ngx_memzero(&mux->media[i], sizeof(ngx_recording_media_t));

        if (!media[i].present
            || (mux->format->codecs
                && !(mux->format->codecs
                     & ngx_recording_codec_bit(media[i].codec.codec))))
        {
            continue;
        }

        if (ngx_recording_media_copy(&mux->media[i], &media[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    file = &mux->file;

    if (mux->media[NGX_RECORDING_VIDEO].present) {
        c = &mux->media[NGX_RECORDING_VIDEO].codec;

        file->video = c->codec;
        file->width = c->width;
        file->height = c->height;
    }

    if (mux->media[NGX_RECORDING_AUDIO].present) {
        file->audio = mux->media[NGX_RECORDING_AUDIO].codec.codec;
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_media_copy(ngx_recording_media_t *dst,
    ngx_recording_media_t *src)
{
    *dst = *src;
    dst->header = NULL;

    if (src->header_len == 0) {
        return NGX_OK;
    }

    dst->header = malloc(src->header_len);

    if (dst->header == NULL) {
        dst->header_len = 0;
        return NGX_ERROR;
    }

    ngx_memcpy(dst->header, src->header, src->header_len);

    return NGX_OK;
}


ngx_int_t
ngx_recording_mux_sample_thread(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample)
{
    int64_t     step;
    ngx_uint_t  track;

    track = sample->track;

    if (mux->samples[track]) {
        step = sample->dts - mux->last[track];

        if (step > 0 && step <= 1000) {
            mux->step[track] = step;
        }
    }

    mux->last[track] = sample->dts;
    mux->pending++;

    if (mux->format->sample(mux, sample) != NGX_OK) {
        return NGX_ERROR;
    }

    mux->samples[track]++;

    return NGX_OK;
}


int64_t
ngx_recording_mux_end(ngx_recording_mux_t *mux)
{
    int64_t                 end, step;
    ngx_uint_t              i;
    ngx_recording_codec_t  *c;

    end = 0;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        if (mux->samples[i] == 0) {
            continue;
        }

        c = &mux->media[i].codec;
        step = mux->step[i];

        if (c->samples && c->sample_rate) {
            step = (int64_t) c->samples * 1000 / c->sample_rate;
        }

        end = ngx_max(end, mux->last[i] + step);
    }

    return end;
}


void
ngx_recording_mux_render(ngx_recording_mux_t *mux, ngx_recording_path_t *path,
    ngx_recording_zone_t *zone)
{
    ngx_recording_file_t         *file;
    ngx_recording_path_values_t   v;

    file = &mux->file;

    v.app = file->stream->app;
    v.stream = file->stream->name;
    v.domain = file->stream->domain;
    v.format = file->format;
    v.recording_id = file->recording_id;
    v.random = file->random;
    v.start = file->start;
    v.end = file->end;
    v.zone = *zone;

    mux->claim.len = ngx_recording_path_render(path, &v, mux->claim.base);
}


ngx_int_t
ngx_recording_mux_error(ngx_recording_mux_t *mux, const char *op)
{
    mux->op = op;
    mux->err = errno;

    return NGX_ERROR;
}


void
ngx_recording_mux_close_thread(ngx_recording_mux_t *mux)
{
    ngx_uint_t  i;

    if (mux->data) {
        mux->format->close(mux);
    }

    if (mux->fd != -1) {
        (void) close(mux->fd);
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        free(mux->media[i].header);
    }

    free(mux->meta);
    free(mux);
}
