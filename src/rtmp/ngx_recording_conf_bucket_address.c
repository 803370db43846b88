
/*
 * Where requests for a bucket go to, by its endpoint and its name.
 */


#include "ngx_recording_conf.h"


static ngx_int_t ngx_recording_conf_bucket_host(ngx_conf_t *cf,
    ngx_recording_bucket_t *bucket, ngx_recording_url_t *endpoint);
static ngx_int_t ngx_recording_conf_bucket_base(ngx_conf_t *cf,
    ngx_recording_bucket_t *bucket, ngx_recording_url_t *endpoint);
static void ngx_recording_conf_bucket_warn(ngx_conf_t *cf,
    ngx_recording_bucket_t *bucket);
static ngx_uint_t ngx_recording_conf_bucket_loopback(
    ngx_recording_url_t *url);


ngx_int_t
ngx_recording_conf_bucket_address(ngx_conf_t *cf,
    ngx_recording_bucket_t *bucket, ngx_recording_url_t *endpoint)
{
    if (ngx_recording_conf_bucket_host(cf, bucket, endpoint) != NGX_OK
        || ngx_recording_conf_bucket_base(cf, bucket, endpoint) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_recording_conf_bucket_warn(cf, bucket);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_conf_bucket_host(ngx_conf_t *cf, ngx_recording_bucket_t *bucket,
    ngx_recording_url_t *endpoint)
{
    u_char      *p;
    ngx_int_t    rc;
    ngx_str_t    text;
    const char  *why;

    if (!bucket->by_host) {
        bucket->url = *endpoint;
        return NGX_OK;
    }

    text.len = sizeof("https://./") - 1 + bucket->bucket.len
               + endpoint->authority.len;

    p = ngx_pnalloc(cf->pool, text.len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    text.len = ngx_sprintf(p, "%s%V.%V/",
                           endpoint->secure ? "https://" : "http://",
                           &bucket->bucket, &endpoint->authority)
               - p;

    why = "the endpoint is an address";
    rc = endpoint->literal ? NGX_DECLINED
         : ngx_recording_url_parse(cf->pool, &text, &bucket->url, &why);

    /* a host name has no case, a bucket has */

    if (rc == NGX_OK
        && ngx_strncmp(bucket->url.host.data, bucket->bucket.data,
                       bucket->bucket.len)
           != 0)
    {
        rc = NGX_DECLINED;
        why = "the bucket has upper case letters";
    }

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "record_bucket \"%V\" cannot have \"addressing host\": "
                      "%s in %s:%ui", &bucket->name, why, bucket->file,
                      bucket->line);
    }

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* what of a request's path stands before the key */

static ngx_int_t
ngx_recording_conf_bucket_base(ngx_conf_t *cf, ngx_recording_bucket_t *bucket,
    ngx_recording_url_t *endpoint)
{
    u_char     *p;
    ngx_str_t  *base, path;

    base = &bucket->base;
    path = endpoint->uri;

    if (path.data[path.len - 1] == '/') {
        path.len--;
    }

    p = ngx_pnalloc(cf->pool, path.len + bucket->bucket.len + 2);

    if (p == NULL) {
        return NGX_ERROR;
    }

    base->data = p;
    base->len = (bucket->by_host
                 ? ngx_sprintf(p, "%V/", &path)
                 : ngx_sprintf(p, "%V/%V/", &path, &bucket->bucket))
                - p;

    return NGX_OK;
}


static void
ngx_recording_conf_bucket_warn(ngx_conf_t *cf, ngx_recording_bucket_t *bucket)
{
    if (bucket->url.secure) {

        if (!bucket->verify) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "record_bucket \"%V\" has \"verify off\": whoever "
                          "is between can read and change what is sent, in "
                          "%s:%ui", &bucket->name, bucket->file,
                          bucket->line);
        }

        return;
    }

    if (!ngx_recording_conf_bucket_loopback(&bucket->url)) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "record_bucket \"%V\" has an endpoint of http: whoever "
                      "is between can read and change what is sent, in "
                      "%s:%ui", &bucket->name, bucket->file, bucket->line);
    }
}


static ngx_uint_t
ngx_recording_conf_bucket_loopback(ngx_recording_url_t *url)
{
    ngx_str_t  *host = &url->host;

    if (url->literal) {
        return ngx_strcmp(host->data, "::1") == 0
               || ngx_strncmp(host->data, "127.", 4) == 0;
    }

    return ngx_strcmp(host->data, "localhost") == 0
           || (host->len > 10
               && ngx_strcmp(host->data + host->len - 10, ".localhost") == 0);
}
