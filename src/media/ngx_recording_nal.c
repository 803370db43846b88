
#include "ngx_recording_nal.h"


#define NGX_RECORDING_NAL_SPS    7
#define NGX_RECORDING_NAL_PPS    8

/* libavformat takes the format of all frames from the first one, if that is
   not shorter */
#define NGX_RECORDING_NAL_LEAST  5

#define NGX_RECORDING_NAL_SETS   31            /* SPS in a record, at most */
#define NGX_RECORDING_NAL_SET    65535         /* bytes of one */


/* an access unit as it is to be */

typedef struct {
    uint32_t                length;            /* bytes of a length */
    u_char                 *out;               /* NULL: only its size */
    size_t                  size;
    ngx_uint_t              units;
    unsigned                anew:1;            /* it is not yet so */
    unsigned                odd:1;             /* a head that none has */
    unsigned                large:1;           /* more than a length says */
} ngx_recording_nal_t;


static ngx_inline ngx_uint_t ngx_recording_nal_one(uint32_t length,
    u_char *p, size_t size);
static void ngx_recording_nal_make(ngx_recording_nal_t *n, uint32_t length,
    u_char *p, size_t size, u_char *out);
static ngx_int_t ngx_recording_nal_lengths(ngx_recording_nal_t *n, u_char *p,
    size_t size);
static void ngx_recording_nal_codes(ngx_recording_nal_t *n, u_char *p,
    size_t size);
static void ngx_recording_nal_unit(ngx_recording_nal_t *n, u_char *p,
    size_t len);
static ngx_uint_t ngx_recording_nal_zeros(u_char *p, size_t size);
static u_char *ngx_recording_nal_sets(u_char *p, size_t size,
    ngx_uint_t type, u_char *out, ngx_uint_t *count);


ngx_int_t
ngx_recording_nal_look(uint32_t length, u_char *p, size_t *size)
{
    ngx_recording_nal_t  n;

    if (ngx_recording_nal_one(length, p, *size)) {
        return NGX_OK;
    }

    ngx_recording_nal_make(&n, length, p, *size, NULL);

    if (n.units == 0 || n.large || n.size < NGX_RECORDING_NAL_LEAST) {
        return NGX_ERROR;
    }

    *size = n.size;

    return n.anew ? NGX_DECLINED : NGX_OK;
}


/*
 * Nearly all access units are one unit: behind its length, which can be nothing
 * else, it fills the frame, and no start code hides in it.
 */

static ngx_inline ngx_uint_t
ngx_recording_nal_one(uint32_t length, u_char *p, size_t size)
{
    size_t  len;

    if (length != 4 || size <= 4) {
        return 0;
    }

    len = (size_t) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];

    return len == size - 4 && len >> 8 > 1
           && !ngx_recording_nal_begins(p + 4, len);
}


void
ngx_recording_nal_write(uint32_t length, u_char *p, size_t size, u_char *out)
{
    ngx_recording_nal_t  n;

    ngx_recording_nal_make(&n, length, p, size, out);
}


static void
ngx_recording_nal_make(ngx_recording_nal_t *n, uint32_t length, u_char *p,
    size_t size, u_char *out)
{
    ngx_uint_t  codes;

    ngx_memzero(n, sizeof(ngx_recording_nal_t));
    n->length = length;

    /*
     * A start code can also be read as a length, 1 or 256 and more.  What
     * looks like one is taken as lengths only if these fill the frame, and
     * units begin where they say: the slice behind a start code of three
     * bytes would have a first byte with its highest bit set.
     */

    codes = ngx_recording_nal_begins(p, size);

    if (codes) {
        if (ngx_recording_nal_lengths(n, p, size) == NGX_OK
            && n->units && !n->odd)
        {
            codes = 0;
        }

        ngx_memzero(n, sizeof(ngx_recording_nal_t));
        n->length = length;
    }

    n->out = out;

    if (codes) {
        n->anew = 1;
        ngx_recording_nal_codes(n, p, size);

    } else if (ngx_recording_nal_lengths(n, p, size) != NGX_OK) {
        n->units = 0;
    }
}


/* NGX_ERROR: a unit goes on behind the end */

static ngx_int_t
ngx_recording_nal_lengths(ngx_recording_nal_t *n, u_char *p, size_t size)
{
    size_t       len;
    u_char      *start, *last;
    ngx_uint_t   i;

    start = p;
    last = p + size;

    while (p < last) {

        if ((size_t) (last - p) < n->length) {
            return ngx_recording_nal_zeros(p, last - p) ? NGX_OK : NGX_ERROR;
        }

        for (len = 0, i = 0; i < n->length; i++) {
            len = len << 8 | *p++;
        }

        if (len > (size_t) (last - p)) {
            return NGX_ERROR;
        }

        if (ngx_recording_nal_begins(p, len)) {

            /* several units with start codes behind one length */

            n->anew = 1;
            ngx_recording_nal_codes(n, p, len);

        } else if (len > 1 || (len == 1 && n->units)) {

            if (p - n->length != start + n->size) {
                n->anew = 1;
            }

            ngx_recording_nal_unit(n, p, len);
        }

        p += len;
    }

    return NGX_OK;
}


static void
ngx_recording_nal_codes(ngx_recording_nal_t *n, u_char *p, size_t size)
{
    size_t   len;
    u_char  *unit, *last;

    last = p + size;

    while ((unit = ngx_recording_nal_next(&p, last, &len)) != NULL) {
        if (len > 1 || (len == 1 && n->units)) {
            ngx_recording_nal_unit(n, unit, len);
        }
    }
}


u_char *
ngx_recording_nal_next(u_char **p, u_char *last, size_t *len)
{
    u_char  *unit, *end;

    unit = memmem(*p, last - *p, "\0\0\1", 3);

    if (unit == NULL) {
        return NULL;
    }

    unit += 3;
    end = memmem(unit, last - unit, "\0\0\1", 3);

    if (end == NULL) {
        end = last;
    }

    *p = end;

    while (end > unit && end[-1] == 0) {
        end--;
    }

    *len = end - unit;

    return unit;
}


static void
ngx_recording_nal_unit(ngx_recording_nal_t *n, u_char *p, size_t len)
{
    u_char    *out;
    uint32_t   i;

    if (n->length < 4 && len >> (8 * n->length)) {
        n->large = 1;
    }

    if (p[0] & 0x80) {
        n->odd = 1;
    }

    if (n->out) {
        out = n->out + n->size;

        for (i = n->length; i > 0; i--) {
            *out++ = (u_char) (len >> (8 * (i - 1)));
        }

        ngx_memcpy(out, p, len);
    }

    n->size += n->length + len;
    n->units++;
}


static ngx_uint_t
ngx_recording_nal_zeros(u_char *p, size_t size)
{
    while (size--) {
        if (*p++) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_recording_nal_begins(u_char *p, size_t size)
{
    return (size > 3 && p[0] == 0 && p[1] == 0
            && (p[2] == 1 || (p[2] == 0 && p[3] == 1)));
}


size_t
ngx_recording_nal_record(u_char *p, size_t size, u_char *out)
{
    u_char      *last;
    ngx_uint_t   n;

    /* version, profile, compatibility and level of the SPS, length size */

    last = ngx_recording_nal_sets(p, size, NGX_RECORDING_NAL_SPS, out + 6,
                                  &n);
    if (n == 0) {
        return 0;
    }

    out[0] = 1;
    out[1] = out[9];
    out[2] = out[10];
    out[3] = out[11];
    out[4] = 0xff;
    out[5] = (u_char) (0xe0 | n);

    p = ngx_recording_nal_sets(p, size, NGX_RECORDING_NAL_PPS, last + 1, &n);

    if (n == 0) {
        return 0;
    }

    *last = (u_char) n;

    return p - out;
}


static u_char *
ngx_recording_nal_sets(u_char *p, size_t size, ngx_uint_t type, u_char *out,
    ngx_uint_t *count)
{
    size_t   len;
    u_char  *unit, *last;

    *count = 0;
    last = p + size;

    while ((unit = ngx_recording_nal_next(&p, last, &len)) != NULL
           && *count < NGX_RECORDING_NAL_SETS)
    {
        if (len > NGX_RECORDING_NAL_SET
            || len < (type == NGX_RECORDING_NAL_SPS ? 4 : 2)
            || (unit[0] & 0x1f) != type)
        {
            continue;
        }

        *out++ = (u_char) (len >> 8);
        *out++ = (u_char) len;
        out = ngx_cpymem(out, unit, len);
        (*count)++;
    }

    return out;
}
