
/*
 * The parameters of record_store.
 */


#include "ngx_recording_conf.h"


#define NGX_RECORDING_CONF_ROWS  (100LL * 365 * 86400)   /* s, at most */
#define NGX_RECORDING_CONF_ZONE  (1024 * 1024 * 1024)    /* the same, bytes */


static char *ngx_recording_conf_store_size(ngx_conf_t *cf, ngx_str_t *arg,
    size_t name, off_t *field);
static char *ngx_recording_conf_store_rows(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_str_t *arg);
static char *ngx_recording_conf_store_zone(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_str_t *arg);
static char *ngx_recording_conf_store_url(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_str_t *arg);


char *
ngx_recording_conf_store_arg(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_str_t *arg)
{
    if (arg->len >= 4 && ngx_strncmp(arg->data, "url=", 4) == 0) {
        return ngx_recording_conf_store_url(cf, rmcf, arg);
    }

    if (arg->len >= 8 && ngx_strncmp(arg->data, "reserve=", 8) == 0) {
        return ngx_recording_conf_store_size(cf, arg, 8, &rmcf->reserve);
    }

    if (arg->len >= 4 && ngx_strncmp(arg->data, "max=", 4) == 0) {
        return ngx_recording_conf_store_size(cf, arg, 4, &rmcf->max);
    }

    if (arg->len >= 5 && ngx_strncmp(arg->data, "rows=", 5) == 0) {
        return ngx_recording_conf_store_rows(cf, rmcf, arg);
    }

    if (arg->len >= 5 && ngx_strncmp(arg->data, "zone=", 5) == 0) {
        return ngx_recording_conf_store_zone(cf, rmcf, arg);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of record_store, known are "
                       "url=, reserve=, max=, rows= and zone=", arg);
    return NGX_CONF_ERROR;
}


static char *
ngx_recording_conf_store_size(ngx_conf_t *cf, ngx_str_t *arg, size_t name,
    off_t *field)
{
    off_t      size;
    ngx_str_t  s;

    if (*field != NGX_CONF_UNSET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    s.data = arg->data + name;
    s.len = arg->len - name;

    size = ngx_parse_offset(&s);

    /* nothing could be recorded with a limit of nothing */

    if (size == NGX_ERROR || (name == 4 && size == 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size in \"%V\" of record_store, it must "
                           "be a number of bytes, or with k, m or g", arg);
        return NGX_CONF_ERROR;
    }

    *field = size;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_store_rows(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_str_t *arg)
{
    time_t     rows;
    ngx_str_t  s;

    if (rmcf->rows != NGX_CONF_UNSET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    s.data = arg->data + 5;
    s.len = arg->len - 5;

    rows = ngx_parse_time(&s, 1);

    if (rows == (time_t) NGX_ERROR || rows < 1
        || rows > NGX_RECORDING_CONF_ROWS)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time in \"%V\" of record_store, it must "
                           "be from 1s to 100y", arg);
        return NGX_CONF_ERROR;
    }

    rmcf->rows = rows;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_store_zone(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_str_t *arg)
{
    ssize_t    size;
    ngx_str_t  s;

    if (rmcf->board != NGX_CONF_UNSET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    s.data = arg->data + 5;
    s.len = arg->len - 5;

    if (s.len == 3 && ngx_strncmp(s.data, "off", 3) == 0) {
        rmcf->board = 0;
        return NGX_CONF_OK;
    }

    size = ngx_parse_size(&s);

    if (size < NGX_RECORDING_BOARD_MIN || size > NGX_RECORDING_CONF_ZONE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size in \"%V\" of record_store, it must "
                           "be off, or from 8k to 1024m", arg);
        return NGX_CONF_ERROR;
    }

    rmcf->board = size;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_store_url(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_str_t *arg)
{
    ngx_str_t  url;

    if (rmcf->url.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    url.data = arg->data + 4;
    url.len = arg->len - 4;

    if (!(url.len > 7 && ngx_strncmp(url.data, "http://", 7) == 0)
        && !(url.len > 8 && ngx_strncmp(url.data, "https://", 8) == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "url \"%V\" of record_store must begin with "
                           "http:// or https://", &url);
        return NGX_CONF_ERROR;
    }

    return ngx_recording_conf_slash(cf, &rmcf->url, &url) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}
