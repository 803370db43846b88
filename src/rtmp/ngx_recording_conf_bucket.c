
/*
 * The block record_bucket and the parameters in it.
 */


#include "ngx_recording_conf.h"
#include "ngx_recording_credentials.h"


#define NGX_RECORDING_CONF_BUCKET_NAME    255     /* bytes, at most */
#define NGX_RECORDING_CONF_BUCKET_REGION  64
#define NGX_RECORDING_CONF_BUCKET_PREFIX  512     /* a key has 1024 at most: the
                                                     rest is for the path */
#define NGX_RECORDING_CONF_BUCKET_MOST    64      /* connections */
#define NGX_RECORDING_CONF_BUCKET_REGION_DEFAULT  "us-east-1"
#define NGX_RECORDING_CONF_BUCKET_CHARS                                      \
    "from 1 to %d letters, digits, \"-\", \"_\" and, but at its "            \
    "beginning, \".\""


/* a bucket while its block is read */

typedef struct {
    ngx_recording_bucket_t *bucket;
    ngx_recording_url_t     endpoint;
    ngx_array_t             headers;       /* ngx_recording_http_header_t */
    ngx_uint_t              seen;          /* a bit for each parameter */
} ngx_recording_conf_bucket_t;


typedef struct {
    ngx_str_t               name;
    ngx_uint_t              args;
    unsigned                several:1;
    unsigned                required:1;
    char                 *(*set)(ngx_conf_t *cf,
                                 ngx_recording_conf_bucket_t *b,
                                 ngx_str_t *value);
} ngx_recording_conf_bucket_arg_t;


static char *ngx_recording_conf_bucket_item(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_recording_conf_bucket_endpoint(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_region(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_bucket(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static ngx_uint_t ngx_recording_conf_bucket_name(ngx_str_t *name);
static char *ngx_recording_conf_bucket_prefix(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static const char *ngx_recording_conf_bucket_path(ngx_str_t *path);
static char *ngx_recording_conf_bucket_addressing(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_credentials(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_verify(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_part_size(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_url(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_connections(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_rate(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_set_header(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value);
static char *ngx_recording_conf_bucket_finish(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_conf_bucket_t *b);


/* in a record_bucket block */

static const ngx_recording_conf_bucket_arg_t
    ngx_recording_conf_bucket_args[] =
{
    { ngx_string("endpoint"), 1, 0, 1, ngx_recording_conf_bucket_endpoint },
    { ngx_string("region"), 1, 0, 0, ngx_recording_conf_bucket_region },
    { ngx_string("bucket"), 1, 0, 1, ngx_recording_conf_bucket_bucket },
    { ngx_string("prefix"), 1, 0, 0, ngx_recording_conf_bucket_prefix },
    { ngx_string("addressing"), 1, 0, 0,
      ngx_recording_conf_bucket_addressing },
    { ngx_string("credentials"), 1, 0, 1,
      ngx_recording_conf_bucket_credentials },
    { ngx_string("verify"), 1, 0, 0, ngx_recording_conf_bucket_verify },
    { ngx_string("part_size"), 1, 0, 0, ngx_recording_conf_bucket_part_size },
    { ngx_string("url"), 1, 0, 0, ngx_recording_conf_bucket_url },
    { ngx_string("max_connections"), 1, 0, 0,
      ngx_recording_conf_bucket_connections },
    { ngx_string("rate"), 1, 0, 0, ngx_recording_conf_bucket_rate },
    { ngx_string("header"), 2, 1, 0, ngx_recording_conf_bucket_set_header },
    { ngx_null_string, 0, 0, 0, NULL }
};


char *
ngx_recording_conf_bucket(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_main_conf_t *rmcf = conf;

    char                         *rv;
    ngx_str_t                    *value;
    ngx_conf_t                    save;
    ngx_recording_bucket_t       *bucket;
    ngx_recording_conf_bucket_t   b;

    value = cf->args->elts;

    if (!ngx_recording_conf_bucket_name(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of record_bucket, it must "
                           "have " NGX_RECORDING_CONF_BUCKET_CHARS, &value[1],
                           NGX_RECORDING_CONF_BUCKET_NAME);
        return NGX_CONF_ERROR;
    }

    bucket = ngx_recording_conf_bucket_named(cf, rmcf, &value[1]);

    if (bucket == NULL) {
        return NGX_CONF_ERROR;
    }

    if (bucket->file) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate record_bucket \"%V\", the first is in "
                           "%s:%ui", &value[1], bucket->file, bucket->line);
        return NGX_CONF_ERROR;
    }

    bucket->file = cf->conf_file->file.name.data;
    bucket->line = cf->conf_file->line;
    bucket->verify = 1;
    bucket->part_size = NGX_RECORDING_BUCKET_PART;
    bucket->connections = NGX_RECORDING_BUCKET_CONNECTIONS;
    bucket->conditional = 1;

    ngx_str_set(&bucket->region, NGX_RECORDING_CONF_BUCKET_REGION_DEFAULT);

    ngx_memzero(&b, sizeof(ngx_recording_conf_bucket_t));

    b.bucket = bucket;

    if (ngx_array_init(&b.headers, cf->pool, 4,
                       sizeof(ngx_recording_http_header_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_recording_conf_bucket_item;
    cf->handler_conf = (char *) &b;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_recording_conf_bucket_finish(cf, rmcf, &b);
}


ngx_recording_bucket_t *
ngx_recording_conf_bucket_named(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_recording_bucket_t  **bucket;

    bucket = rmcf->buckets.elts;

    for (i = 0; i < rmcf->buckets.nelts; i++) {

        if (bucket[i]->name.len == name->len
            && ngx_memcmp(bucket[i]->name.data, name->data, name->len) == 0)
        {
            return bucket[i];
        }
    }

    bucket = ngx_array_push(&rmcf->buckets);

    if (bucket == NULL) {
        return NULL;
    }

    *bucket = ngx_pcalloc(cf->pool, sizeof(ngx_recording_bucket_t));

    if (*bucket) {
        (*bucket)->name = *name;
    }

    return *bucket;
}


static char *
ngx_recording_conf_bucket_item(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_recording_conf_bucket_t *b = conf;

    ngx_str_t                              *value;
    ngx_uint_t                              bit;
    const ngx_recording_conf_bucket_arg_t  *arg;

    value = cf->args->elts;

    for (arg = ngx_recording_conf_bucket_args, bit = 1;
         arg->name.len;
         arg++, bit <<= 1)
    {
        if (ngx_strcmp(arg->name.data, value[0].data) != 0) {
            continue;
        }

        if (cf->args->nelts != 1 + arg->args) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" of "
                               "record_bucket", &value[0]);
            return NGX_CONF_ERROR;
        }

        if ((b->seen & bit) && !arg->several) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"%V\" in record_bucket \"%V\"",
                               &value[0], &b->bucket->name);
            return NGX_CONF_ERROR;
        }

        b->seen |= bit;

        return arg->set(cf, b, &value[1]);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of record_bucket, known are "
                       "endpoint, region, bucket, prefix, addressing, "
                       "credentials, verify, part_size, url, "
                       "max_connections, rate and header", &value[0]);

    return NGX_CONF_ERROR;
}


static char *
ngx_recording_conf_bucket_endpoint(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    ngx_int_t    rc;
    ngx_str_t    path;
    const char  *why;

    rc = ngx_recording_url_parse(cf->pool, value, &b->endpoint, &why);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_OK) {
        path = b->endpoint.uri;

        if (ngx_strlchr(path.data, path.data + path.len, '?')) {
            why = "a query";

        } else if (ngx_strlchr(path.data, path.data + path.len, '%')) {
            why = "a path that is encoded";

        } else if (path.len > 1) {
            path.data++;
            path.len--;
            why = ngx_recording_conf_bucket_path(&path);
        }
    }

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid endpoint \"%V\" of record_bucket: %s; it "
                           "must be a URL of http:// or https://, without the "
                           "bucket", value, why);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_bucket_region(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (!(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z')
            && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_')
        {
            break;
        }
    }

    if (i < value->len || i == 0 || i > NGX_RECORDING_CONF_BUCKET_REGION) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid region \"%V\" of record_bucket, it must "
                           "have from 1 to %d letters, digits, \"-\" and "
                           "\"_\"", value, NGX_RECORDING_CONF_BUCKET_REGION);
        return NGX_CONF_ERROR;
    }

    b->bucket->region = *value;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_bucket_bucket(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    if (!ngx_recording_conf_bucket_name(value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid bucket \"%V\" of record_bucket, it must "
                           "have " NGX_RECORDING_CONF_BUCKET_CHARS, value,
                           NGX_RECORDING_CONF_BUCKET_NAME);
        return NGX_CONF_ERROR;
    }

    b->bucket->bucket = *value;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_recording_conf_bucket_name(ngx_str_t *name)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (!(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z')
            && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_'
            && (ch != '.' || i == 0))
        {
            return 0;
        }
    }

    return i > 0 && i <= NGX_RECORDING_CONF_BUCKET_NAME;
}


static char *
ngx_recording_conf_bucket_prefix(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    const char  *why;

    why = ngx_recording_conf_bucket_path(value);

    if (value->len > NGX_RECORDING_CONF_BUCKET_PREFIX) {
        why = "it is too long";
    }

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid prefix \"%V\" of record_bucket: %s; it "
                           "must be a relative path of at most %d bytes",
                           value, why, NGX_RECORDING_CONF_BUCKET_PREFIX);
        return NGX_CONF_ERROR;
    }

    b->bucket->prefix = *value;

    return NGX_CONF_OK;
}


/* what it has that a relative path cannot have; it may end with a slash */

static const char *
ngx_recording_conf_bucket_path(ngx_str_t *path)
{
    u_char    *p, *last, *end;
    uint32_t   ch;

    last = path->data + path->len;

    for (p = path->data; p < last; p = end + 1) {

        for (end = p; end < last && *end != '/'; /* void */ ) {
            ch = *end < 0x80 ? *end++ : ngx_utf8_decode(&end, last - end);

            if (ch < ' ' || ch == 0x7f || ch == '\\') {
                return "a control character or a backslash";
            }

            if (ch > 0x10ffff) {
                return "bytes that are no UTF-8";
            }
        }

        if (end == p || (end - p == 1 && p[0] == '.')
            || (end - p == 2 && p[0] == '.' && p[1] == '.'))
        {
            return "an empty, \".\" or \"..\" component";
        }
    }

    return NULL;
}


static char *
ngx_recording_conf_bucket_addressing(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "host") == 0) {
        b->bucket->by_host = 1;

    } else if (ngx_strcmp(value->data, "path") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid addressing \"%V\" of record_bucket, it "
                           "must be path or host", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* they are read again by the workers: here it is only found what is wrong */

static char *
ngx_recording_conf_bucket_credentials(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    char                          error[NGX_MAX_CONF_ERRSTR];
    ngx_str_t                    *file;
    ngx_recording_credentials_t   credentials;

    if (value->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"credentials\" of record_bucket names no file");
        return NGX_CONF_ERROR;
    }

    file = &b->bucket->credentials;
    *file = *value;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_recording_credentials_read_thread((char *) file->data,
                                              &credentials, error,
                                              sizeof(error))
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid credentials of record_bucket: %s", error);
        return NGX_CONF_ERROR;
    }

    if (credentials.info.st_mode & S_IROTH) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the file \"%V\" with the credentials of "
                           "record_bucket can be read by every user of the "
                           "system", file);
    }

    ngx_recording_credentials_free(&credentials);

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_bucket_verify(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "off") == 0) {
        b->bucket->verify = 0;

    } else if (ngx_strcmp(value->data, "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid verify \"%V\" of record_bucket, it must "
                           "be on or off", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_bucket_part_size(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    off_t  size;

    size = ngx_parse_offset(value);

    if (size == NGX_ERROR || size < NGX_RECORDING_BUCKET_PART_MIN
        || size > NGX_RECORDING_BUCKET_PART_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid part_size \"%V\" of record_bucket, it "
                           "must be from 5m to 5g", value);
        return NGX_CONF_ERROR;
    }

    b->bucket->part_size = size;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_bucket_url(ngx_conf_t *cf, ngx_recording_conf_bucket_t *b,
    ngx_str_t *value)
{
    ngx_int_t             rc;
    const char           *why;
    ngx_recording_url_t   url;

    rc = ngx_recording_url_parse(cf->pool, value, &url, &why);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_OK
        && ngx_strlchr(url.uri.data, url.uri.data + url.uri.len, '?'))
    {
        why = "a query";
    }

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid url \"%V\" of record_bucket: %s; it must "
                           "be a URL of http:// or https://", value, why);
        return NGX_CONF_ERROR;
    }

    return ngx_recording_conf_slash(cf, &b->bucket->public, value) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_recording_conf_bucket_connections(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > NGX_RECORDING_CONF_BUCKET_MOST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid max_connections \"%V\" of record_bucket, "
                           "it must be from 1 to %d", value,
                           NGX_RECORDING_CONF_BUCKET_MOST);
        return NGX_CONF_ERROR;
    }

    b->bucket->connections = n;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_bucket_rate(ngx_conf_t *cf, ngx_recording_conf_bucket_t *b,
    ngx_str_t *value)
{
    off_t  rate;

    rate = ngx_parse_offset(value);

    if (rate == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid rate \"%V\" of record_bucket, it must be "
                           "a number of bytes a second, or with k, m or g, or "
                           "0 for no limit", value);
        return NGX_CONF_ERROR;
    }

    b->bucket->rate = rate;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_bucket_set_header(ngx_conf_t *cf,
    ngx_recording_conf_bucket_t *b, ngx_str_t *value)
{
    return ngx_recording_conf_bucket_header(cf, &b->headers, &value[0],
                                            &value[1]);
}


/* all of the block was read */

static char *
ngx_recording_conf_bucket_finish(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_conf_bucket_t *b)
{
    ngx_uint_t                              bit;
    ngx_recording_bucket_t                 *bucket;
    const ngx_recording_conf_bucket_arg_t  *arg;

    bucket = b->bucket;

    for (arg = ngx_recording_conf_bucket_args, bit = 1;
         arg->name.len;
         arg++, bit <<= 1)
    {
        if (arg->required && !(b->seen & bit)) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "record_bucket \"%V\" has no \"%V\" in %s:%ui",
                          &bucket->name, &arg->name, bucket->file,
                          bucket->line);
            return NGX_CONF_ERROR;
        }
    }

    bucket->headers = b->headers.elts;
    bucket->nheaders = b->headers.nelts;

    if (ngx_recording_conf_bucket_address(cf, bucket, &b->endpoint)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    bucket->host = ngx_recording_http_own_host(cf, &rmcf->http, &bucket->url,
                                               bucket->connections,
                                               bucket->verify);
    return bucket->host ? NGX_CONF_OK : NGX_CONF_ERROR;
}
