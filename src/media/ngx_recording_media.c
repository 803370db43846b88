
#include "ngx_recording_media.h"
#include "ngx_recording_nal.h"


static ngx_int_t ngx_recording_media_avc(ngx_recording_codec_t *c, u_char *p,
    size_t size);


ngx_int_t
ngx_recording_media_facts(ngx_recording_codec_t *c,
    ngx_recording_codec_e codec, u_char *p, size_t size)
{
    if (codec == NGX_RECORDING_CODEC_H264) {
        return ngx_recording_media_avc(c, p, size);
    }

    if (ngx_recording_codecs[codec].header) {
        return ngx_recording_codecs[codec].header(c, p, size);
    }

    ngx_memzero(c, sizeof(ngx_recording_codec_t));
    c->codec = codec;

    return NGX_OK;
}


/* parameter sets with start codes are a header, too */

static ngx_int_t
ngx_recording_media_avc(ngx_recording_codec_t *c, u_char *p, size_t size)
{
    u_char     *record;
    ngx_int_t   rc;

    if (!ngx_recording_nal_begins(p, size)) {
        return ngx_recording_codec_avc(c, p, size);
    }

    record = malloc(size + 8);

    if (record == NULL) {
        return NGX_ERROR;
    }

    size = ngx_recording_nal_record(p, size, record);
    rc = ngx_recording_codec_avc(c, record, size);

    free(record);

    return rc;
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
