
#include "ngx_recording_media.h"


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
