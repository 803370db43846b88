
/*
 * The headers that record_bucket adds to requests for new objects.
 */


#include "ngx_recording_conf.h"


#define NGX_RECORDING_CONF_HEADER_NAME   128     /* bytes, at most */
#define NGX_RECORDING_CONF_HEADER_VALUE  2048


static ngx_uint_t ngx_recording_conf_bucket_header_name(ngx_str_t *name);
static ngx_uint_t ngx_recording_conf_bucket_header_value(ngx_str_t *value);
static ngx_uint_t ngx_recording_conf_bucket_header_own(ngx_str_t *name);


/*
 * What the module sets itself, what is no constant of all objects, and what
 * requests for parts would have to have, too; with "*", all that begin so.
 */

static const char  *ngx_recording_conf_bucket_headers[] = {
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "expect",
    "host",
    "if-*",
    "keep-alive",
    "proxy-*",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-amz-checksum-*",
    "x-amz-content-sha256",
    "x-amz-copy-source*",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-meta-end",
    "x-amz-meta-file-id",
    "x-amz-meta-recording-id",
    "x-amz-meta-start",
    "x-amz-meta-stream",
    "x-amz-sdk-*",
    "x-amz-security-token",
    "x-amz-server-side-encryption-customer-*",
    "x-amz-trailer",
    NULL
};


/* a value may be a secret: it is in no message */

char *
ngx_recording_conf_bucket_header(ngx_conf_t *cf, ngx_array_t *headers,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_uint_t                    i;
    ngx_recording_http_header_t  *header;

    if (!ngx_recording_conf_bucket_header_name(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name of the header \"%V\" of "
                           "record_bucket, it must have from 1 to %d letters, "
                           "digits, and characters of \"%s\"", name,
                           NGX_RECORDING_CONF_HEADER_NAME,
                           "!#$%&'*+-.^_`|~");
        return NGX_CONF_ERROR;
    }

    if (ngx_recording_conf_bucket_header_own(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the header \"%V\" of record_bucket cannot be set",
                           name);
        return NGX_CONF_ERROR;
    }

    if (!ngx_recording_conf_bucket_header_value(value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value of the header \"%V\" of "
                           "record_bucket, it must have from 1 to %d "
                           "printable characters of ASCII, without spaces at "
                           "its beginning and end", name,
                           NGX_RECORDING_CONF_HEADER_VALUE);
        return NGX_CONF_ERROR;
    }

    header = headers->elts;

    for (i = 0; i < headers->nelts; i++) {
        if (header[i].name.len == name->len
            && ngx_strncasecmp(header[i].name.data, name->data, name->len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate header \"%V\" of record_bucket",
                               name);
            return NGX_CONF_ERROR;
        }
    }

    header = ngx_array_push(headers);

    if (header == NULL) {
        return NGX_CONF_ERROR;
    }

    header->name = *name;
    header->value = *value;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_recording_conf_bucket_header_name(ngx_str_t *name)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (!(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z')
            && !(ch >= '0' && ch <= '9')
            && (ch == '\0' || ngx_strchr("!#$%&'*+-.^_`|~", ch) == NULL))
        {
            return 0;
        }
    }

    return i > 0 && i <= NGX_RECORDING_CONF_HEADER_NAME;
}


static ngx_uint_t
ngx_recording_conf_bucket_header_value(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < ' ' || value->data[i] > '~') {
            return 0;
        }
    }

    return i > 0 && i <= NGX_RECORDING_CONF_HEADER_VALUE
           && value->data[0] != ' ' && value->data[i - 1] != ' ';
}


static ngx_uint_t
ngx_recording_conf_bucket_header_own(ngx_str_t *name)
{
    size_t       len;
    ngx_uint_t   i;
    const char  *own;

    for (i = 0; ngx_recording_conf_bucket_headers[i]; i++) {
        own = ngx_recording_conf_bucket_headers[i];
        len = ngx_strlen(own);

        if (own[len - 1] == '*' ? name->len >= --len : name->len == len) {

            if (ngx_strncasecmp(name->data, (u_char *) own, len) == 0) {
                return 1;
            }
        }
    }

    return 0;
}
