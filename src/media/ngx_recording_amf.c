
#include "ngx_recording_amf.h"


#define NGX_RECORDING_AMF_NUMBER   0x00
#define NGX_RECORDING_AMF_BOOLEAN  0x01
#define NGX_RECORDING_AMF_STRING   0x02
#define NGX_RECORDING_AMF_OBJECT   0x03
#define NGX_RECORDING_AMF_NULL     0x05
#define NGX_RECORDING_AMF_UNDEF    0x06
#define NGX_RECORDING_AMF_REF      0x07
#define NGX_RECORDING_AMF_ECMA     0x08
#define NGX_RECORDING_AMF_END      0x09
#define NGX_RECORDING_AMF_STRICT   0x0a
#define NGX_RECORDING_AMF_DATE     0x0b
#define NGX_RECORDING_AMF_LONG     0x0c

#define NGX_RECORDING_AMF_DEPTH    8


static size_t ngx_recording_amf_value(u_char *p, size_t size,
    ngx_uint_t depth);
static size_t ngx_recording_amf_properties(u_char *p, size_t size,
    ngx_uint_t depth);
static ngx_int_t ngx_recording_amf_word(u_char **p, size_t *size,
    const char *word);
static uint32_t ngx_recording_amf_u32(u_char *p);


u_char *
ngx_recording_amf_name(u_char *p, const char *name)
{
    size_t  len;

    len = ngx_strlen(name);

    *p++ = (u_char) (len >> 8);
    *p++ = (u_char) len;

    return ngx_cpymem(p, name, len);
}


u_char *
ngx_recording_amf_number(u_char *p, double value)
{
    int       i;
    uint64_t  n;

    ngx_memcpy(&n, &value, sizeof(n));

    *p++ = NGX_RECORDING_AMF_NUMBER;

    for (i = 56; i >= 0; i -= 8) {
        *p++ = (u_char) (n >> i);
    }

    return p;
}


u_char *
ngx_recording_amf_boolean(u_char *p, ngx_uint_t value)
{
    *p++ = NGX_RECORDING_AMF_BOOLEAN;
    *p++ = value ? 1 : 0;

    return p;
}


u_char *
ngx_recording_amf_string(u_char *p, const char *s, size_t len)
{
    *p++ = NGX_RECORDING_AMF_STRING;
    *p++ = (u_char) (len >> 8);
    *p++ = (u_char) len;

    return ngx_cpymem(p, s, len);
}


u_char *
ngx_recording_amf_array(u_char *p, uint32_t n)
{
    *p++ = NGX_RECORDING_AMF_STRICT;
    *p++ = (u_char) (n >> 24);
    *p++ = (u_char) (n >> 16);
    *p++ = (u_char) (n >> 8);
    *p++ = (u_char) n;

    return p;
}


ngx_int_t
ngx_recording_amf_metadata(u_char **p, size_t *size)
{
    (void) ngx_recording_amf_word(p, size, "@setDataFrame");

    if (ngx_recording_amf_word(p, size, "onMetaData") != NGX_OK
        || *size == 0)
    {
        return NGX_DECLINED;
    }

    if ((*p)[0] == NGX_RECORDING_AMF_ECMA && *size >= 5) {
        *p += 5;
        *size -= 5;
        return NGX_OK;
    }

    if ((*p)[0] == NGX_RECORDING_AMF_OBJECT) {
        *p += 1;
        *size -= 1;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_recording_amf_word(u_char **p, size_t *size, const char *word)
{
    size_t  len;

    len = ngx_strlen(word);

    if (*size < 3 + len
        || (*p)[0] != NGX_RECORDING_AMF_STRING
        || ((size_t) (*p)[1] << 8 | (*p)[2]) != len
        || ngx_memcmp(*p + 3, word, len) != 0)
    {
        return NGX_DECLINED;
    }

    *p += 3 + len;
    *size -= 3 + len;

    return NGX_OK;
}


ngx_int_t
ngx_recording_amf_next(u_char **p, size_t *size, ngx_str_t *name,
    ngx_str_t *whole)
{
    size_t  len, value;

    if (*size < 3) {
        return *size ? NGX_ERROR : NGX_DONE;
    }

    len = (size_t) (*p)[0] << 8 | (*p)[1];

    if (len == 0 && (*p)[2] == NGX_RECORDING_AMF_END) {
        return NGX_DONE;
    }

    if (*size - 2 <= len) {
        return NGX_ERROR;
    }

    value = ngx_recording_amf_value(*p + 2 + len, *size - 2 - len, 0);

    if (value == 0) {
        return NGX_ERROR;
    }

    name->data = *p + 2;
    name->len = len;

    whole->data = *p;
    whole->len = 2 + len + value;

    *p += whole->len;
    *size -= whole->len;

    return NGX_OK;
}


/* the length of a value with its marker, 0 if it is not whole */

static size_t
ngx_recording_amf_value(u_char *p, size_t size, ngx_uint_t depth)
{
    size_t    n, len;
    uint32_t  i, count;

    if (size == 0 || depth == NGX_RECORDING_AMF_DEPTH) {
        return 0;
    }

    switch (p[0]) {

    case NGX_RECORDING_AMF_NUMBER:
        n = 9;
        break;

    case NGX_RECORDING_AMF_BOOLEAN:
        n = 2;
        break;

    case NGX_RECORDING_AMF_STRING:
        n = size < 3 ? 3 : 3 + ((size_t) p[1] << 8 | p[2]);
        break;

    case NGX_RECORDING_AMF_LONG:
        n = size < 5 ? 5 : 5 + (size_t) ngx_recording_amf_u32(p + 1);
        break;

    case NGX_RECORDING_AMF_NULL:
    case NGX_RECORDING_AMF_UNDEF:
        n = 1;
        break;

    case NGX_RECORDING_AMF_REF:
        n = 3;
        break;

    case NGX_RECORDING_AMF_DATE:
        n = 11;
        break;

    case NGX_RECORDING_AMF_OBJECT:
        len = ngx_recording_amf_properties(p + 1, size - 1, depth);
        n = len ? 1 + len : 0;
        break;

    case NGX_RECORDING_AMF_ECMA:
        if (size < 5) {
            return 0;
        }

        len = ngx_recording_amf_properties(p + 5, size - 5, depth);
        n = len ? 5 + len : 0;
        break;

    case NGX_RECORDING_AMF_STRICT:
        if (size < 5) {
            return 0;
        }

        count = ngx_recording_amf_u32(p + 1);

        for (n = 5, i = 0; i < count; i++) {
            len = ngx_recording_amf_value(p + n, size - n, depth + 1);

            if (len == 0) {
                return 0;
            }

            n += len;
        }

        break;

    default:
        return 0;
    }

    return n <= size ? n : 0;
}


/* properties up to and with the object's end */

static size_t
ngx_recording_amf_properties(u_char *p, size_t size, ngx_uint_t depth)
{
    size_t  n, len, value;

    for (n = 0; size - n >= 3; n += 2 + len + value) {

        len = (size_t) p[n] << 8 | p[n + 1];

        if (len == 0 && p[n + 2] == NGX_RECORDING_AMF_END) {
            return n + 3;
        }

        if (size - n - 2 <= len) {
            return 0;
        }

        value = ngx_recording_amf_value(p + n + 2 + len, size - n - 2 - len,
                                        depth + 1);

        if (value == 0) {
            return 0;
        }
    }

    return 0;
}


static uint32_t
ngx_recording_amf_u32(u_char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}
