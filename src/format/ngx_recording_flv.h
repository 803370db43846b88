
/*
 * The FLV mux, for the two files that it is made of.
 */


#ifndef _NGX_RECORDING_FLV_H_INCLUDED_
#define _NGX_RECORDING_FLV_H_INCLUDED_


#include "ngx_recording_mux.h"


#define NGX_RECORDING_FLV_HEAD      13         /* and the first back pointer */
#define NGX_RECORDING_FLV_TAG       11
#define NGX_RECORDING_FLV_BACK      4

#define NGX_RECORDING_FLV_INDEX     65536
#define NGX_RECORDING_FLV_KEYS      (NGX_RECORDING_FLV_INDEX / 18)
#define NGX_RECORDING_FLV_PROPS     4096       /* the rest of onMetaData */
#define NGX_RECORDING_FLV_META      (NGX_RECORDING_FLV_INDEX                  \
                                     + NGX_RECORDING_FLV_PROPS)
#define NGX_RECORDING_FLV_FOREIGN   2048       /* of those, the publisher's */

#define NGX_RECORDING_FLV_SAMPLES   (NGX_RECORDING_IOVS / 2 - 1)
#define NGX_RECORDING_FLV_BETWEEN   (NGX_RECORDING_FLV_BACK                   \
                                     + NGX_RECORDING_FLV_TAG)

#define NGX_RECORDING_FLV_START     (NGX_RECORDING_FLV_HEAD                   \
                                     + NGX_RECORDING_FLV_TAG                  \
                                     + NGX_RECORDING_FLV_META                 \
                                     + NGX_RECORDING_FLV_BACK)

#define NGX_RECORDING_FLV_AUDIO     8
#define NGX_RECORDING_FLV_VIDEO     9
#define NGX_RECORDING_FLV_SCRIPT    18


/* as it is in the journal */
typedef ngx_recording_journal_key_t  ngx_recording_flv_key_t;


typedef struct {
    ngx_recording_iov_t     iov;
    ngx_uint_t              n;             /* samples in it */
    size_t                  back;          /* size of the last tag */
    u_char                  between[NGX_RECORDING_FLV_SAMPLES + 1]
                                   [NGX_RECORDING_FLV_BETWEEN];

    u_char                  first[NGX_RECORDING_TRACKS][5];

    ngx_recording_flv_key_t  *keys;
    ngx_uint_t              nkeys;
    ngx_uint_t              allocated;
    ngx_uint_t              stride;        /* one of so many is kept */
    ngx_uint_t              seen;

    ngx_recording_journal_flv_t  saved;    /* for the journal */
    ngx_uint_t              nsaved;        /* keys that it has */
} ngx_recording_flv_t;


/* writes the FLV header and onMetaData, as far as it is known */
ngx_int_t ngx_recording_flv_head(ngx_recording_mux_t *mux);

/* writes a number, the header of a tag; they return the end */

static ngx_inline u_char *
ngx_recording_flv_u32(u_char *p, uint32_t n)
{
    n = htonl(n);

    return ngx_cpymem(p, &n, sizeof(n));
}

static ngx_inline u_char *
ngx_recording_flv_tag(u_char *p, ngx_uint_t type, size_t size, int64_t time)
{
    uint32_t  ms;

    ms = (uint32_t) time;

    /* the highest byte of the time comes last, then the stream's number, 0 */

    p = ngx_recording_flv_u32(p, (uint32_t) type << 24 | (size & 0xffffff));
    p = ngx_recording_flv_u32(p, ms << 8 | ms >> 24);

    ngx_memzero(p, 3);

    return p + 3;
}


#endif /* _NGX_RECORDING_FLV_H_INCLUDED_ */
