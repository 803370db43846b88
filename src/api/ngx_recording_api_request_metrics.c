
/* a request to a record_metrics location */


#include "ngx_recording_api_request.h"


static ngx_int_t ngx_recording_api_request_metrics_post(
    ngx_recording_api_request_t *ctx);
static void ngx_recording_api_request_metrics_done(
    ngx_recording_api_call_t *call);


ngx_int_t
ngx_recording_api_request_metrics(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_cleanup_t           *cln;
    ngx_recording_api_request_t  *ctx;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_recording_api_request_t));

    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_recording_api_request_t));

    ctx->request = r;
    cln->handler = ngx_recording_api_request_gone;

    rc = ngx_recording_api_request_metrics_post(ctx);

    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;

    return NGX_DONE;
}


static ngx_int_t
ngx_recording_api_request_metrics_post(ngx_recording_api_request_t *ctx)
{
    ngx_recording_api_call_t       *call;
    ngx_recording_api_main_conf_t  *ramc;

    ramc = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_recording_api_module);

    /* what cannot be counted now is asked for again by who collects it */

    if (ramc->api == NULL || !ngx_recording_api_ready(ramc->api)) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    call = ngx_recording_api_call();

    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call->action = &ngx_recording_api_metrics;
    call->params = json_object();
    call->done = ngx_recording_api_request_metrics_done;
    call->data = ctx;

    if (call->params == NULL
        || ngx_recording_api_post(ramc->api, call) != NGX_OK)
    {
        ngx_recording_api_free(call);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ctx->call = call;

    return NGX_OK;
}


static void
ngx_recording_api_request_metrics_done(ngx_recording_api_call_t *call)
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

    if (call->code) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0, "recording: metrics failed: %s",
                      call->message);
        rc = NGX_HTTP_SERVICE_UNAVAILABLE;

    } else if (call->text == NULL) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = ngx_recording_api_request_send(r, call->text, "text/plain; "
                                            "version=0.0.4; charset=utf-8");
        call->text = NULL;
    }

    ngx_recording_api_free(call);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}
