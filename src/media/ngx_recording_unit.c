
#include "ngx_recording_nal.h"
#include "ngx_recording_unit.h"


#define NGX_RECORDING_UNIT_MAX      512      /* units of a frame, looked at */
#define NGX_RECORDING_UNIT_SCAN     65536    /* bytes, for start codes */
#define NGX_RECORDING_UNIT_SEI      2048     /* bytes of an SEI, at most */

#define NGX_RECORDING_H264_IDR      5
#define NGX_RECORDING_H264_SEI      6
#define NGX_RECORDING_H264_LAST     13       /* without a slice */
#define NGX_RECORDING_HEVC_IRAP     16
#define NGX_RECORDING_HEVC_IRAP_LAST  23
#define NGX_RECORDING_HEVC_IDR_LAST 20       /* 16 to 18 are BLA */
#define NGX_RECORDING_HEVC_SEI      39       /* before the picture */
#define NGX_RECORDING_HEVC_LAST     40

#define NGX_RECORDING_SEI_RECOVERY  6


/* what was found until the first slice, which is as far as it matters */

typedef struct {
    ngx_recording_codec_e   codec;
    uint8_t                 slice;
    uint8_t                 unit;          /* one that is not empty */
    uint8_t                 all;           /* nothing was left to look at */
    uint8_t                 odd;           /* a unit may hold anything */
    uint8_t                 point;         /* decoding can begin */
    uint8_t                 closed;
    uint8_t                 recovery;
} ngx_recording_found_t;


static ngx_inline ngx_uint_t ngx_recording_unit_slice(
    ngx_recording_frame_t *f, ngx_recording_unit_t *u, ngx_uint_t length);
static ngx_int_t ngx_recording_unit_lengths(ngx_recording_found_t *found,
    ngx_recording_unit_t *u, ngx_uint_t length, ngx_uint_t all);
static ngx_int_t ngx_recording_unit_number(ngx_recording_unit_t *u,
    ngx_uint_t length, size_t *n);
static void ngx_recording_unit_codes(ngx_recording_found_t *found,
    ngx_recording_unit_t *u);
static void ngx_recording_unit_type(ngx_recording_found_t *found,
    ngx_recording_unit_t *u, size_t len);
static ngx_uint_t ngx_recording_unit_sei(ngx_recording_unit_t *u, size_t len);
static ngx_int_t ngx_recording_unit_sei_byte(ngx_recording_unit_t *u,
    size_t *len, ngx_uint_t *zeros);
static ngx_uint_t ngx_recording_unit_begins(ngx_recording_unit_t *u);
static ngx_int_t ngx_recording_unit_byte(ngx_recording_unit_t *u);
static ngx_int_t ngx_recording_unit_skip(ngx_recording_unit_t *u, size_t n);


void
ngx_recording_unit_chain(ngx_recording_unit_t *u, ngx_chain_t *in,
    size_t skip)
{
    u->pos = in->buf->pos;
    u->last = in->buf->last;
    u->next = in->next;

    (void) ngx_recording_unit_skip(u, skip);
}


ngx_uint_t
ngx_recording_unit_length(ngx_recording_codec_e codec, u_char *p, size_t size)
{
    size_t      at;
    ngx_uint_t  n;

    n = 4;
    at = ngx_recording_codecs[codec].units;

    if (at && size > at
        && (codec != NGX_RECORDING_CODEC_H264 || p[0] == 1))
    {
        n = (p[at] & 0x03) + 1;
    }

    return n == 3 ? 4 : n;
}


void
ngx_recording_unit_look(ngx_recording_frame_t *f, ngx_recording_unit_t *u,
    ngx_uint_t length)
{
    ngx_int_t              rc;
    ngx_uint_t             codes;
    ngx_recording_unit_t   start;
    ngx_recording_found_t  found;

    if (!ngx_recording_codecs[f->codec].units
        || ngx_recording_unit_slice(f, u, length))
    {
        return;
    }

    ngx_memzero(&found, sizeof(ngx_recording_found_t));
    found.codec = f->codec;

    /*
     * A start code can also be read as a length, 1 or 256 and more.  What
     * looks like one is taken as lengths only if these fill the frame.
     */

    codes = ngx_recording_unit_begins(u);
    start = *u;

    rc = ngx_recording_unit_lengths(&found, u, length, codes);

    if (codes && rc != NGX_OK) {
        ngx_memzero(&found, sizeof(ngx_recording_found_t));
        found.codec = f->codec;

        ngx_recording_unit_codes(&found, &start);
    }

    if (found.all && found.unit && !found.slice && !found.odd) {

        /* whatever its flag says */

        f->picture = 0;
        f->key = 0;
    }

    if (found.point) {
        f->key = 1;
    }

    f->idr = found.closed;
    f->recovery = found.recovery;
}


/*
 * Nearly all frames of H.264 begin with a slice, whose length can be nothing
 * else: no start code, and it ends within the frame.
 */

static ngx_inline ngx_uint_t
ngx_recording_unit_slice(ngx_recording_frame_t *f, ngx_recording_unit_t *u,
    ngx_uint_t length)
{
    size_t      len;
    u_char     *p;
    ngx_uint_t  type;

    p = u->pos;

    if (f->codec != NGX_RECORDING_CODEC_H264 || length != 4
        || u->last - p <= 4)
    {
        return 0;
    }

    len = (size_t) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    type = p[4] & 0x1f;

    if (len >> 8 <= 1 || len > (size_t) (u->last - p) - 4
        || type == 0 || type > NGX_RECORDING_H264_IDR)
    {
        return 0;
    }

    f->idr = (type == NGX_RECORDING_H264_IDR);
    f->key |= f->idr;
    f->recovery = 0;

    return 1;
}


/* NGX_ERROR: a unit goes on behind the end */

static ngx_int_t
ngx_recording_unit_lengths(ngx_recording_found_t *found,
    ngx_recording_unit_t *u, ngx_uint_t length, ngx_uint_t all)
{
    size_t                len;
    ngx_uint_t            n;
    ngx_recording_unit_t  unit;

    for (n = 0; n < NGX_RECORDING_UNIT_MAX; n++) {

        if (found->slice && !all) {
            return NGX_OK;
        }

        if (ngx_recording_unit_number(u, length, &len) != NGX_OK) {

            /* zero bytes behind the last unit are no length */

            found->all = (len == 0 && n > 0);
            return len == 0 ? NGX_OK : NGX_ERROR;
        }

        unit = *u;

        if (ngx_recording_unit_skip(u, len) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!found->slice) {
            ngx_recording_unit_type(found, &unit, len);
        }
    }

    return NGX_OK;
}


/* NGX_ERROR: there are not so many bytes, *n is made of those that are */

static ngx_int_t
ngx_recording_unit_number(ngx_recording_unit_t *u, ngx_uint_t length,
    size_t *n)
{
    size_t      number;
    u_char     *p;
    ngx_int_t   c;
    ngx_uint_t  i;

    number = 0;

    if ((size_t) (u->last - u->pos) >= length) {

        for (p = u->pos, i = 0; i < length; i++) {
            number = number << 8 | *p++;
        }

        u->pos = p;
        *n = number;

        return NGX_OK;
    }

    for (i = 0; i < length; i++) {
        c = ngx_recording_unit_byte(u);

        if (c == NGX_ERROR) {
            break;
        }

        number = number << 8 | (size_t) c;
    }

    *n = number;

    return i == length ? NGX_OK : NGX_ERROR;
}


static void
ngx_recording_unit_codes(ngx_recording_found_t *found,
    ngx_recording_unit_t *u)
{
    ngx_int_t   c;
    ngx_uint_t  n, zeros;

    zeros = 0;

    for (n = 0; n < NGX_RECORDING_UNIT_SCAN && !found->slice; n++) {

        c = ngx_recording_unit_byte(u);

        if (c == NGX_ERROR) {
            found->all = 1;
            return;
        }

        if (c == 1 && zeros >= 2) {

            /* the length is not known: an SEI says itself where it ends */

            ngx_recording_unit_type(found, u, NGX_RECORDING_UNIT_SEI);
        }

        zeros = c == 0 ? zeros + 1 : 0;
    }
}


/* looks at a unit; the place does not change */

static void
ngx_recording_unit_type(ngx_recording_found_t *found, ngx_recording_unit_t *u,
    size_t len)
{
    ngx_int_t             c;
    ngx_uint_t            type;
    ngx_recording_unit_t  unit;

    unit = *u;
    c = len ? ngx_recording_unit_byte(&unit) : NGX_ERROR;

    if (c == NGX_ERROR) {
        return;
    }

    found->unit = 1;

    if (found->codec == NGX_RECORDING_CODEC_H264) {
        type = c & 0x1f;

        if (type >= 1 && type <= NGX_RECORDING_H264_IDR) {
            found->slice = 1;
            found->point = (type == NGX_RECORDING_H264_IDR);
            found->closed = found->point;

        } else if (type == NGX_RECORDING_H264_SEI) {
            found->recovery |= ngx_recording_unit_sei(&unit, len - 1);

        } else if (type == 0 || type > NGX_RECORDING_H264_LAST) {
            found->odd = 1;
        }

        return;
    }

    /* the second byte of a unit's head is of layers */

    type = (c >> 1) & 0x3f;

    if (len < 2 || ngx_recording_unit_byte(&unit) == NGX_ERROR) {
        return;
    }

    if (type < 32) {
        found->slice = 1;
        found->point = type >= NGX_RECORDING_HEVC_IRAP
                       && type <= NGX_RECORDING_HEVC_IRAP_LAST;
        found->closed = type >= NGX_RECORDING_HEVC_IRAP
                        && type <= NGX_RECORDING_HEVC_IDR_LAST;

    } else if (type == NGX_RECORDING_HEVC_SEI) {
        found->recovery |= ngx_recording_unit_sei(&unit, len - 2);

    } else if (type > NGX_RECORDING_HEVC_LAST) {
        found->odd = 1;
    }
}


/* whether one of an SEI's messages is a recovery point */

static ngx_uint_t
ngx_recording_unit_sei(ngx_recording_unit_t *u, size_t len)
{
    ngx_int_t   c;
    ngx_uint_t  i, type, zeros, value[2];

    zeros = 0;
    len = ngx_min(len, NGX_RECORDING_UNIT_SEI);

    for ( ;; ) {

        /* the type, then the size */

        for (i = 0; i < 2; i++) {
            value[i] = 0;

            do {
                c = ngx_recording_unit_sei_byte(u, &len, &zeros);

                if (c == NGX_ERROR) {
                    return 0;
                }

                value[i] += c;

            } while (c == 0xff);
        }

        type = value[0];

        if (type == NGX_RECORDING_SEI_RECOVERY && value[1] > 0) {
            return 1;
        }

        /* the trailing bit where the next type would be */

        if (type == 0x80 && value[1] == 0) {
            return 0;
        }

        for (i = 0; i < value[1]; i++) {
            if (ngx_recording_unit_sei_byte(u, &len, &zeros) == NGX_ERROR) {
                return 0;
            }
        }
    }
}


/* a byte without those that only prevent start codes */

static ngx_int_t
ngx_recording_unit_sei_byte(ngx_recording_unit_t *u, size_t *len,
    ngx_uint_t *zeros)
{
    ngx_int_t  c;

    do {
        if (*len == 0) {
            return NGX_ERROR;
        }

        (*len)--;
        c = ngx_recording_unit_byte(u);

        /* a start code: the next unit */

        if (c == 1 && *zeros >= 2) {
            return NGX_ERROR;
        }

        if (c == 3 && *zeros >= 2) {
            *zeros = 0;
            continue;
        }

        *zeros = c == 0 ? *zeros + 1 : 0;

        return c;

    } while (1);
}


/* a start code of three or four bytes; the place does not change */

static ngx_uint_t
ngx_recording_unit_begins(ngx_recording_unit_t *u)
{
    ngx_int_t             c;
    ngx_uint_t            n;
    ngx_recording_unit_t  unit;

    if (u->last - u->pos >= 4) {
        return ngx_recording_nal_begins(u->pos, 4);
    }

    unit = *u;

    for (n = 0; n < 4; n++) {
        c = ngx_recording_unit_byte(&unit);

        if (c != 0) {
            return c == 1 && n >= 2;
        }
    }

    return 0;
}


static ngx_int_t
ngx_recording_unit_byte(ngx_recording_unit_t *u)
{
    while (u->pos == u->last) {

        if (u->next == NULL) {
            return NGX_ERROR;
        }

        u->pos = u->next->buf->pos;
        u->last = u->next->buf->last;
        u->next = u->next->next;
    }

    return *u->pos++;
}


/* NGX_ERROR: there are not so many bytes, the place is the end */

static ngx_int_t
ngx_recording_unit_skip(ngx_recording_unit_t *u, size_t n)
{
    size_t  len;

    for ( ;; ) {
        len = ngx_min((size_t) (u->last - u->pos), n);

        u->pos += len;
        n -= len;

        if (n == 0) {
            return NGX_OK;
        }

        if (u->next == NULL) {
            return NGX_ERROR;
        }

        u->pos = u->next->buf->pos;
        u->last = u->next->buf->last;
        u->next = u->next->next;
    }
}
