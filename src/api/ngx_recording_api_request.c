
#include "ngx_recording_api_request.h"
#include <openssl/rand.h>


#define NGX_RECORDING_API_REQUEST_WHY  64


static void ngx_recording_api_request_id(char *id);
static ngx_int_t ngx_recording_api_request_begin(
    ngx_recording_api_request_t *ctx, const char **code, const char **why);
static ngx_uint_t ngx_recording_api_request_json(ngx_http_request_t *r);
static void ngx_recording_api_request_body(ngx_http_request_t *r);
static const char *ngx_recording_api_request_call(
    ngx_recording_api_request_t *ctx, const char **why);
static ngx_int_t ngx_recording_api_request_copy(ngx_http_request_t *r,
    ngx_str_t *body);
static const ngx_recording_api_action_t *ngx_recording_api_request_action(
    ngx_recording_api_request_t *ctx, const char **code, const char **why);
static const char *ngx_recording_api_request_post(
    ngx_recording_api_request_t *ctx,
    const ngx_recording_api_action_t *action, ngx_str_t *body,
    ngx_uint_t reads, const char **why);
static void ngx_recording_api_request_done(ngx_recording_api_call_t *call);
static void ngx_recording_api_request_log(ngx_recording_api_request_t *ctx,
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_request_fail(
    ngx_recording_api_request_t *ctx, const char *code, const char *why);


static const char  ngx_recording_api_request_type[] = "application/json";


ngx_int_t
ngx_recording_api_request_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    const char                   *code, *why;
    ngx_http_cleanup_t           *cln;
    ngx_recording_api_request_t  *ctx;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_recording_api_request_t));

    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_recording_api_request_t));

    ctx->request = r;
    cln->handler = ngx_recording_api_request_gone;

    ngx_recording_api_request_id(ctx->id);
    ngx_http_set_ctx(r, ctx, ngx_http_recording_api_module);

    if (ngx_recording_api_request_begin(ctx, &code, &why) != NGX_OK) {

        rc = ngx_http_discard_request_body(r);

        return rc == NGX_OK ? ngx_recording_api_request_fail(ctx, code, why)
                            : rc;
    }

    /* whatever client_body_in_file_only says where it comes from: the loop
       does not write to disks */

    r->request_body_in_file_only = 0;
    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_recording_api_request_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* a UUID of random numbers */

static void
ngx_recording_api_request_id(char *id)
{
    u_char  bytes[16], *p;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        ngx_memzero(bytes, sizeof(bytes));
    }

    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;

    p = ngx_hex_dump((u_char *) id, bytes, 4);
    *p++ = '-';
    p = ngx_hex_dump(p, bytes + 4, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, bytes + 6, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, bytes + 8, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, bytes + 10, 6);
    *p = '\0';
}


/* what can be told without the body */

static ngx_int_t
ngx_recording_api_request_begin(ngx_recording_api_request_t *ctx,
    const char **code, const char **why)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    *code = "UnsupportedProtocol";

    if (r->method != NGX_HTTP_POST) {
        *why = "the API takes POST only";
        return NGX_DECLINED;
    }

    if (ngx_recording_api_request_foreign(r)) {
        *code = "UnauthorizedOperation";
        *why = "a page of another origin must not use the API";
        return NGX_DECLINED;
    }

    if (!ngx_recording_api_request_json(r)) {
        *why = "the API takes bodies of the type application/json only, "
               "signed, if at all, with TC3-HMAC-SHA256";
        return NGX_DECLINED;
    }

    *code = "InvalidParameter";

    if (r->headers_in.content_length_n < 0) {
        *why = "the request has no Content-Length";
        return NGX_DECLINED;
    }

    if (r->headers_in.content_length_n > NGX_RECORDING_API_BODY) {
        *why = "the body is longer than 65536 bytes";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_recording_api_request_json(ngx_http_request_t *r)
{
    u_char     *p, *last;
    ngx_str_t   type;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = r->headers_in.content_type->value;

    if (type.len < sizeof("application/json") - 1
        || ngx_strncasecmp(type.data, (u_char *) "application/json",
                           sizeof("application/json") - 1)
           != 0)
    {
        return 0;
    }

    p = type.data + sizeof("application/json") - 1;
    last = type.data + type.len;

    while (p < last && *p == ' ') {
        p++;
    }

    return p == last || *p == ';';
}


static void
ngx_recording_api_request_body(ngx_http_request_t *r)
{
    const char                   *code, *why;
    ngx_recording_api_request_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_recording_api_module);

    code = ngx_recording_api_request_call(ctx, &why);

    if (code) {
        ngx_http_finalize_request(r, ngx_recording_api_request_fail(ctx, code,
                                                                    why));
        return;
    }

    /* a client that goes away is noticed */

    r->read_event_handler = ngx_http_test_reading;
}


/* the code of an error, or NULL: it runs, or waits to */

static const char *
ngx_recording_api_request_call(ngx_recording_api_request_t *ctx,
    const char **why)
{
    ngx_str_t                          body;
    ngx_uint_t                         reads;
    const char                        *code;
    const ngx_recording_api_action_t  *action;

    switch (ngx_recording_api_request_copy(ctx->request, &body)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        *why = "another location has put the body into a file: give it a "
               "client_body_buffer_size of 64k, and no "
               "client_body_in_file_only";
        return "InternalError";

    default:
        *why = "no memory";
        return "InternalError";
    }

    code = ngx_recording_api_request_access(ctx, &body, &reads, why);

    if (code == NULL) {
        action = ngx_recording_api_request_action(ctx, &code, why);

        if (action && action->changes && reads) {
            code = "AuthFailure.UnauthorizedOperation";
            *why = "what changes anything must be signed with a "
                   "record_api_key";
        }

        if (code == NULL) {
            return ngx_recording_api_request_post(ctx, action, &body, reads,
                                                  why);
        }
    }

    free(body.data);

    return code;
}


/* the body, of malloc(): it outlives the request; NGX_DECLINED: it was read
   before it came here, into a file */

static ngx_int_t
ngx_recording_api_request_copy(ngx_http_request_t *r, ngx_str_t *body)
{
    size_t        len;
    u_char       *p, *last;
    ngx_chain_t  *in;

    len = r->headers_in.content_length_n;

    p = malloc(len + 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    last = p + len;

    for (in = r->request_body ? r->request_body->bufs : NULL; in;
         in = in->next)
    {
        if (ngx_buf_in_memory(in->buf)) {
            p = ngx_cpymem(p, in->buf->pos,
                           ngx_min(ngx_buf_size(in->buf), last - p));

        } else if (in->buf->in_file) {
            free(body->data);
            return NGX_DECLINED;
        }
    }

    body->len = p - body->data;

    return NGX_OK;
}


static const ngx_recording_api_action_t *
ngx_recording_api_request_action(ngx_recording_api_request_t *ctx,
    const char **code, const char **why)
{
    ngx_str_t                         *name, *version, none;
    u_char                            *text;
    ngx_uint_t                         n;
    const char                        *known;
    const ngx_recording_api_action_t  *action;

    name = ngx_recording_api_request_header(ctx->request, "x-tc-action", &n);

    if (name == NULL) {
        *code = n ? "InvalidParameter" : "MissingParameter";
        *why = n ? "there are several X-TC-Action" : "there is no X-TC-Action";
        return NULL;
    }

    ctx->action = *name;

    ngx_str_null(&none);
    version = ngx_recording_api_request_header(ctx->request, "x-tc-version",
                                               &n);

    action = ngx_recording_api_find(name, version ? version : &none, &known);

    if (action) {
        return action;
    }

    if (known == NULL) {
        *code = "InvalidAction";
        *why = "there is no such X-TC-Action";
        return NULL;
    }

    *code = "NoSuchVersion";
    *why = "X-TC-Version is not that of this action";

    text = ngx_pnalloc(ctx->request->pool, NGX_RECORDING_API_REQUEST_WHY);

    if (text) {
        (void) ngx_snprintf(text, NGX_RECORDING_API_REQUEST_WHY,
                            "this action needs X-TC-Version: %s%Z", known);
        *why = (const char *) text;
    }

    return NULL;
}


static const char *
ngx_recording_api_request_post(ngx_recording_api_request_t *ctx,
    const ngx_recording_api_action_t *action, ngx_str_t *body,
    ngx_uint_t reads, const char **why)
{
    ngx_recording_api_call_t       *call;
    ngx_recording_api_loc_conf_t   *ralc;
    ngx_recording_api_main_conf_t  *ramc;

    ralc = ngx_http_get_module_loc_conf(ctx->request,
                                        ngx_http_recording_api_module);
    ramc = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_recording_api_module);

    call = ngx_recording_api_call();

    if (call == NULL || ramc->api == NULL) {
        free(body->data);
        free(call);
        *why = "no memory";
        return "InternalError";
    }

    call->action = action;
    call->body = body->data;
    call->len = body->len;
    call->reads = reads;
    call->private = ralc->private;
    call->done = ngx_recording_api_request_done;
    call->data = ctx;

    ngx_memcpy(call->id, ctx->id, sizeof(call->id));

    ngx_recording_api_log_by(call, &ctx->key,
                             &ctx->request->connection->addr_text);

    if (!ngx_recording_api_ready(ramc->api)) {
        ngx_recording_api_free(call);
        *why = "the store cannot be used yet: if that lasts, see the error "
               "log";
        return "ResourceUnavailable.InvalidVodStatus";
    }

    if (ngx_recording_api_post(ramc->api, call) != NGX_OK) {
        ngx_recording_api_free(call);
        *why = "too many requests wait already";
        return "RequestLimitExceeded";
    }

    ctx->call = call;

    return NULL;
}


static void
ngx_recording_api_request_done(ngx_recording_api_call_t *call)
{
    char                         *text;
    ngx_int_t                     rc;
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_recording_api_request_t  *ctx;

    ctx = call->data;
    ctx->call = NULL;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_recording_api_request_log(ctx, call);

    text = call->text;
    call->text = NULL;

    ngx_recording_api_free(call);

    rc = text ? ngx_recording_api_request_send(r, text,
                                               ngx_recording_api_request_type)
              : ngx_recording_api_request_fail(ctx, "InternalError",
                                               "no memory");

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/* what failed here */

static void
ngx_recording_api_request_log(ngx_recording_api_request_t *ctx,
    ngx_recording_api_call_t *call)
{
    if (call->rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "recording: %s failed: %s", call->action->name,
                      call->message);
    }
}


/* the request ends, answered or not */

void
ngx_recording_api_request_gone(void *data)
{
    ngx_recording_api_request_t *ctx = data;

    if (ctx->call) {
        ngx_recording_api_forget(ctx->call);
        ctx->call = NULL;
    }
}


static ngx_int_t
ngx_recording_api_request_fail(ngx_recording_api_request_t *ctx,
    const char *code, const char *why)
{
    char                      *text;
    ngx_recording_api_call_t  *call;

    if (ngx_strcmp(code, "InternalError") == 0) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "recording: a call failed: %s", why);
    }

    call = ngx_recording_api_call();

    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(call->id, ctx->id, sizeof(call->id));

    (void) ngx_recording_api_fail(call, code, "%s", why);

    (void) ngx_recording_api_answer(call);

    text = call->text;
    call->text = NULL;

    ngx_recording_api_free(call);

    return text ? ngx_recording_api_request_send(ctx->request, text,
                                          ngx_recording_api_request_type)
                : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* the text is of malloc(), and the request's from now on: it may be long */

ngx_int_t
ngx_recording_api_request_send(ngx_http_request_t *r, char *text,
    const char *type)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_table_elt_t     *header;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (cln == NULL) {
        free(text);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = free;
    cln->data = text;

    b = ngx_calloc_buf(r->pool);
    header = ngx_list_push(&r->headers_out.headers);

    if (b == NULL || header == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = (u_char *) text;
    b->last = b->pos + ngx_strlen(text);
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    ngx_memzero(header, sizeof(ngx_table_elt_t));

    header->hash = 1;
    ngx_str_set(&header->key, "Cache-Control");
    ngx_str_set(&header->value, "no-store");

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);

    /* without its parameters, as filters look for it */

    r->headers_out.content_type_len = strcspn(type, ";");

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
