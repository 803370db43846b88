
/* the sequence headers that a connection brought before */


#include "ngx_rtmp_recording_module.h"
#include "ngx_rtmp_codec_module.h"


/*
 * nginx-rtmp has them in chains that are not aligned: a copy is handed on.
 * What is cut is still longer than any header that is taken.
 */

void
ngx_rtmp_recording_module_seed(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_t *r)
{
    u_char                 bytes[NGX_RECORDING_HEADER_MAX + 1];
    ngx_buf_t              buf, from;
    ngx_uint_t             i;
    ngx_chain_t            out, link, *in;
    ngx_rtmp_codec_ctx_t  *cctx;

    /* of one that is over what waited has its headers */

    if (ctx->session == NULL) {
        return;
    }

    cctx = ngx_rtmp_get_module_ctx(ctx->session, ngx_rtmp_codec_module);

    if (cctx == NULL) {
        return;
    }

    out.buf = &buf;
    out.next = NULL;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        in = i == NGX_RECORDING_VIDEO ? cctx->avc_header : cctx->aac_header;

        if (in == NULL) {
            continue;
        }

        ngx_memzero(&buf, sizeof(ngx_buf_t));

        buf.pos = bytes;
        buf.last = bytes;

        for ( /* void */ ; in; in = link.next) {
            ngx_memcpy(&link, (void *) in, sizeof(ngx_chain_t));
            ngx_memcpy(&from, (void *) link.buf, sizeof(ngx_buf_t));

            buf.last = ngx_cpymem(buf.last, from.pos,
                                  ngx_min(from.last - from.pos,
                                          bytes + sizeof(bytes) - buf.last));
        }

        if (r) {
            ngx_recording_recorder_seed(r, i, &out);

        } else {
            ngx_recording_ring_seed(ctx->ring, i, &out);
        }
    }
}
