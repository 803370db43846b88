
/* a request to a record_play location */


#include "ngx_recording_api_request.h"
#include "ngx_recording_api_time.h"


#define NGX_RECORDING_API_PLAY_MOST    86400000000LL     /* us */
#define NGX_RECORDING_API_PLAY_DIGITS  11                /* of seconds */
#define NGX_RECORDING_API_PLAY_SUFFIX  ".m3u8"


static ngx_int_t ngx_recording_api_request_play_call(
    ngx_recording_api_request_t *ctx, ngx_recording_api_call_t **call);
static ngx_int_t ngx_recording_api_request_play_name(ngx_http_request_t *r,
    ngx_str_t *app, ngx_str_t *stream);
static ngx_int_t ngx_recording_api_request_play_times(ngx_http_request_t *r,
    ngx_recording_catalogue_search_time_t *time);
static ngx_int_t ngx_recording_api_request_play_arg(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_recording_api_request_play_time(const ngx_str_t *value,
    int64_t *us);
static ngx_recording_api_play_t *ngx_recording_api_request_play_copy(
    const ngx_recording_catalogue_search_time_t *time);
static void ngx_recording_api_request_play_done(
    ngx_recording_api_call_t *call);


ngx_int_t
ngx_recording_api_request_play(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_cleanup_t             *cln;
    ngx_recording_api_call_t       *call;
    ngx_recording_api_request_t    *ctx;
    ngx_recording_api_main_conf_t  *ramc;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ramc = ngx_http_get_module_main_conf(r, ngx_http_recording_api_module);

    if (ramc->api == NULL || !ngx_recording_api_ready(ramc->api)) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_recording_api_request_t));

    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_recording_api_request_t));

    ctx->request = r;
    cln->handler = ngx_recording_api_request_gone;

    rc = ngx_recording_api_request_play_call(ctx, &call);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_recording_api_post(ramc->api, call) != NGX_OK) {
        ngx_recording_api_free(call);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ctx->call = call;

    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;

    return NGX_DONE;
}


/* NGX_OK, or a status */

static ngx_int_t
ngx_recording_api_request_play_call(ngx_recording_api_request_t *ctx,
    ngx_recording_api_call_t **call)
{
    ngx_int_t                               rc;
    ngx_recording_api_call_t               *c;
    ngx_recording_catalogue_search_time_t   time;

    ngx_memzero(&time, sizeof(ngx_recording_catalogue_search_time_t));

    rc = ngx_recording_api_request_play_name(ctx->request, &time.app,
                                             &time.stream);
    if (rc == NGX_OK) {
        rc = ngx_recording_api_request_play_times(ctx->request, &time);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    c = ngx_recording_api_call();

    if (c == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    c->action = &ngx_recording_api_play;
    c->params = json_object();
    c->arg = ngx_recording_api_request_play_copy(&time);
    c->done = ngx_recording_api_request_play_done;
    c->data = ctx;

    if (c->params == NULL || c->arg == NULL) {
        ngx_recording_api_free(c);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *call = c;

    return NGX_OK;
}


/* behind the location's own name: APP/STREAM.m3u8 */

static ngx_int_t
ngx_recording_api_request_play_name(ngx_http_request_t *r, ngx_str_t *app,
    ngx_str_t *stream)
{
    u_char                    *p, *last, *slash;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    p = r->uri.data + ngx_min(clcf->name.len, r->uri.len);
    last = r->uri.data + r->uri.len;

    while (p < last && *p == '/') {
        p++;
    }

    slash = ngx_strlchr(p, last, '/');

    if (slash == NULL || slash == p
        || last - slash
           <= (ssize_t) sizeof(NGX_RECORDING_API_PLAY_SUFFIX)
        || ngx_memcmp(last - (sizeof(NGX_RECORDING_API_PLAY_SUFFIX) - 1),
                      NGX_RECORDING_API_PLAY_SUFFIX,
                      sizeof(NGX_RECORDING_API_PLAY_SUFFIX) - 1)
           != 0)
    {
        return NGX_HTTP_NOT_FOUND;
    }

    app->data = p;
    app->len = slash - p;

    stream->data = slash + 1;
    stream->len = last - stream->data
                  - (sizeof(NGX_RECORDING_API_PLAY_SUFFIX) - 1);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_request_play_times(ngx_http_request_t *r,
    ngx_recording_catalogue_search_time_t *time)
{
    ngx_int_t  rc;
    ngx_str_t  start, end;

    rc = ngx_recording_api_request_play_arg(r, "start", &start);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_request_play_arg(r, "end", &end);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_request_play_arg(r, "template",
                                                &time->template);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (start.data == NULL
        || ngx_recording_api_request_play_time(&start, &time->from) != NGX_OK)
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    time->to = time->from + NGX_RECORDING_API_PLAY_MOST;

    if (end.data
        && ngx_recording_api_request_play_time(&end, &time->to) != NGX_OK)
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    return time->to > time->from
           && time->to - time->from <= NGX_RECORDING_API_PLAY_MOST
           ? NGX_OK : NGX_HTTP_BAD_REQUEST;
}


/* decoded; data is NULL if there is none */

static ngx_int_t
ngx_recording_api_request_play_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char     *dst, *src;
    ngx_str_t   raw;

    ngx_str_null(value);

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &raw) != NGX_OK) {
        return NGX_OK;
    }

    value->data = ngx_pnalloc(r->pool, raw.len + 1);

    if (value->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    dst = value->data;
    src = raw.data;

    ngx_unescape_uri(&dst, &src, raw.len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


/* seconds since 1970, or ISO 8601 */

static ngx_int_t
ngx_recording_api_request_play_time(const ngx_str_t *value, int64_t *us)
{
    ngx_int_t  seconds;

    seconds = value->len <= NGX_RECORDING_API_PLAY_DIGITS
              ? ngx_atoi(value->data, value->len) : NGX_ERROR;

    if (seconds != NGX_ERROR) {
        *us = (int64_t) seconds * 1000000;
        return NGX_OK;
    }

    return ngx_recording_api_time_parse(value, us);
}


/* of malloc(), with its texts: the call outlives the request */

static ngx_recording_api_play_t *
ngx_recording_api_request_play_copy(
    const ngx_recording_catalogue_search_time_t *time)
{
    u_char                    *p;
    ngx_uint_t                 i;
    ngx_recording_api_play_t  *play;

    play = malloc(sizeof(ngx_recording_api_play_t) + time->app.len
                  + time->stream.len + time->template.len + 1);

    if (play == NULL) {
        return NULL;
    }

    play->time = *time;

    ngx_str_t  *texts[] = { &play->time.app, &play->time.stream,
                            &play->time.template };

    p = (u_char *) (play + 1);

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        if (texts[i]->data) {
            ngx_memcpy(p, texts[i]->data, texts[i]->len);
            texts[i]->data = p;
            p += texts[i]->len;
        }
    }

    return play;
}


static void
ngx_recording_api_request_play_done(ngx_recording_api_call_t *call)
{
    ngx_int_t                     rc;
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_recording_api_request_t  *ctx;

    ctx = call->data;
    ctx->call = NULL;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (call->code && call->rc == NGX_DECLINED) {
        rc = NGX_HTTP_NOT_FOUND;

    } else if (call->code) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "recording: a playlist by time failed: %s",
                      call->message);
        rc = NGX_HTTP_SERVICE_UNAVAILABLE;

    } else if (call->text == NULL) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = ngx_recording_api_request_send(r, call->text,
                                            "application/vnd.apple.mpegurl");
        call->text = NULL;
    }

    ngx_recording_api_free(call);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}
