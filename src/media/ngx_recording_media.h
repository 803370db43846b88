
/*
 * A track of a stream, or of a file: its sequence header, and what is known
 * by it.
 *
 * Runs on pool threads.  The header is allocated and belongs to the structure;
 * who has one frees it.
 */


#ifndef _NGX_RECORDING_MEDIA_H_INCLUDED_
#define _NGX_RECORDING_MEDIA_H_INCLUDED_


#include "ngx_recording_codec.h"


typedef struct {
    ngx_recording_codec_t   codec;
    u_char                 *header;    /* the whole message */
    size_t                  header_len;
    uint32_t                header_body;
    uint32_t                refused;   /* bits: formats that do not take it */
    unsigned                present:1;
    unsigned                asked:1;   /* refused is known */
} ngx_recording_media_t;


/*
 * Facts about a track of this codec by its sequence header, without what the
 * message has before that.  NGX_ERROR: it is none that can be used.
 */
ngx_int_t ngx_recording_media_facts(ngx_recording_codec_t *c,
    ngx_recording_codec_e codec, u_char *p, size_t size);

/* copies a track with its sequence header; NGX_ERROR: no memory */
ngx_int_t ngx_recording_media_copy(ngx_recording_media_t *dst,
    ngx_recording_media_t *src);


#endif /* _NGX_RECORDING_MEDIA_H_INCLUDED_ */
