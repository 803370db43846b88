
/* files of ADTS frames */


#include "ngx_recording_reader.h"
#include "ngx_recording_source.h"


#define NGX_RECORDING_SOURCE_ADTS_HEAD  7


typedef struct {
    off_t                   pos;
    uint64_t                samples;       /* before that place */
    ngx_recording_reader_t  reader;
} ngx_recording_source_adts_t;


static ngx_int_t ngx_recording_source_adts_open(
    ngx_recording_source_t *source);
static ngx_int_t ngx_recording_source_adts_seek(
    ngx_recording_source_t *source, int64_t ms);
static ngx_int_t ngx_recording_source_adts_next(
    ngx_recording_source_t *source, ngx_recording_source_frame_t *frame);
static void ngx_recording_source_adts_close(ngx_recording_source_t *source);


const ngx_recording_source_kind_t  ngx_recording_source_aac = {
    "aac",
    ngx_recording_source_adts_open,
    ngx_recording_source_adts_seek,
    ngx_recording_source_adts_next,
    ngx_recording_source_adts_close
};


static ngx_int_t
ngx_recording_source_adts_open(ngx_recording_source_t *source)
{
    ngx_recording_source_adts_t  *adts;

    source->fd = ngx_recording_source_file_thread(source, source->path);

    if (source->fd == -1) {
        return ngx_recording_source_fail(source, "it cannot be opened: %s",
                                         strerror(errno));
    }

    adts = malloc(sizeof(ngx_recording_source_adts_t));
    source->data = adts;

    if (adts == NULL) {
        return ngx_recording_source_fail(source, "there is no memory");
    }

    adts->pos = 0;
    adts->samples = 0;
    ngx_recording_reader_init(&adts->reader, source->fd);

    return NGX_OK;
}


/* frames have no times: all of them are counted */

static ngx_int_t
ngx_recording_source_adts_seek(ngx_recording_source_t *source, int64_t ms)
{
    return NGX_OK;
}


static ngx_int_t
ngx_recording_source_adts_next(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame)
{
    size_t                        size;
    u_char                       *p;
    int64_t                       lasts;
    ngx_recording_codec_t        *c;
    ngx_recording_source_adts_t  *adts;

    adts = source->data;

    p = ngx_recording_reader_thread(&adts->reader, adts->pos,
                                    NGX_RECORDING_SOURCE_ADTS_HEAD);

    size = p ? (size_t) (p[3] & 0x03) << 11 | p[4] << 3 | p[5] >> 5 : 0;

    if (size > NGX_RECORDING_SOURCE_ADTS_HEAD) {
        p = ngx_recording_reader_thread(&adts->reader, adts->pos, size);
    }

    if (adts->reader.err) {
        return ngx_recording_source_fail(source, "it cannot be read: %s",
                                         strerror(adts->reader.err));
    }

    if (p == NULL) {
        return NGX_DONE;
    }

    ngx_memzero(frame, sizeof(ngx_recording_source_frame_t));

    if (ngx_recording_source_adts(source, p, size, frame) != NGX_OK) {

        if (source->why[0] == '\0') {
            (void) ngx_recording_source_fail(source, "it is damaged at byte "
                                             "%lld", (long long) adts->pos);
        }

        return NGX_ERROR;
    }

    c = &source->media[NGX_RECORDING_AUDIO].codec;
    lasts = c->samples ? c->samples : 1024;

    frame->dts = c->sample_rate
                 ? (int64_t) (adts->samples * 1000 + c->sample_rate / 2)
                   / c->sample_rate
                 : 0;
    frame->pts = frame->dts;

    adts->samples += lasts;
    adts->pos += size;

    return NGX_OK;
}


ngx_int_t
ngx_recording_source_adts(ngx_recording_source_t *source, u_char *p,
    size_t size, ngx_recording_source_frame_t *frame)
{
    size_t      head;
    u_char      config[2];
    ngx_int_t   rc;
    ngx_uint_t  changed, rate, channels;

    if (size < NGX_RECORDING_SOURCE_ADTS_HEAD || p[0] != 0xff
        || (p[1] & 0xf6) != 0xf0)
    {
        return NGX_DECLINED;
    }

    /* with a checksum, or without */

    head = NGX_RECORDING_SOURCE_ADTS_HEAD + (p[1] & 0x01 ? 0 : 2);

    if (size <= head || (p[6] & 0x03)) {
        return NGX_DECLINED;
    }

    rate = p[2] >> 2 & 0x0f;
    channels = (p[2] & 0x01) << 2 | p[3] >> 6;

    config[0] = (u_char) (((p[2] >> 6) + 1) << 3 | rate >> 1);
    config[1] = (u_char) ((rate & 0x01) << 7 | channels << 3);

    changed = 0;

    rc = ngx_recording_source_header(source, NGX_RECORDING_AUDIO,
                                     NGX_RECORDING_CODEC_AAC, config,
                                     sizeof(config), &changed);

    frame->track = NGX_RECORDING_AUDIO;
    frame->data = p + head;
    frame->size = size - head;
    frame->key = 1;
    frame->changed = (changed != 0);

    return rc;
}


static void
ngx_recording_source_adts_close(ngx_recording_source_t *source)
{
    free(source->data);
    source->data = NULL;

    if (source->fd != -1) {
        ngx_recording_close(source->fd);
        source->fd = -1;
    }
}
