
#include "ngx_recording_s3.h"
#include "ngx_recording_sigv4.h"


#define NGX_RECORDING_S3_POOL     4096
#define NGX_RECORDING_S3_TIMEOUT  60000          /* ms, for no bytes at all */
#define NGX_RECORDING_S3_SLOWEST  1              /* bytes in a ms, beside */
#define NGX_RECORDING_S3_LEAST    1024           /* bytes, with a rate */


static void ngx_recording_s3_next(ngx_recording_bucket_t *bucket);
static ngx_uint_t ngx_recording_s3_holds(ngx_recording_bucket_t *bucket);
static void ngx_recording_s3_held(ngx_event_t *ev);
static void ngx_recording_s3_begin(ngx_recording_s3_t *s);
static void ngx_recording_s3_reset(ngx_recording_s3_t *s);
static ngx_int_t ngx_recording_s3_sign(ngx_recording_s3_t *s,
    ngx_recording_sigv4_signed_t *result);
static ngx_msec_t ngx_recording_s3_timeout(ngx_recording_s3_t *s);
static void ngx_recording_s3_source(ngx_recording_http_request_t *r);
static void ngx_recording_s3_ready(void *data, u_char *bytes, size_t len);
static ngx_msec_t ngx_recording_s3_rate(ngx_recording_bucket_t *bucket,
    size_t *len);
static void ngx_recording_s3_feed(ngx_event_t *ev);
static void ngx_recording_s3_got_header(ngx_recording_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static void ngx_recording_s3_done(ngx_recording_http_request_t *r);
static ngx_uint_t ngx_recording_s3_adjust(ngx_recording_s3_t *s);
static void ngx_recording_s3_stop(ngx_recording_s3_t *s);


void
ngx_recording_s3_header(ngx_recording_s3_t *s, const char *name,
    const ngx_str_t *value)
{
    ngx_recording_http_header_t  *h;

    if (s->nheaders == NGX_RECORDING_S3_HEADERS) {
        return;
    }

    h = &s->headers[s->nheaders++];

    h->name.data = (u_char *) name;
    h->name.len = ngx_strlen(name);
    h->value = *value;
}


void
ngx_recording_s3_arg(ngx_recording_s3_t *s, const char *name,
    const char *value)
{
    ngx_recording_http_header_t  *arg;

    arg = &s->args[s->nargs++];

    arg->name.data = (u_char *) name;
    arg->name.len = ngx_strlen(name);
    arg->value.data = (u_char *) value;
    arg->value.len = ngx_strlen(value);
}


/* what waits is signed when it is sent, so that no signature is old */

void
ngx_recording_s3_send(ngx_recording_s3_t *s)
{
    ngx_recording_bucket_t  *bucket;

    bucket = s->bucket;

    if (!bucket->started) {
        ngx_queue_init(&bucket->waiting);

        bucket->started = 1;
        bucket->conditional = 1;
        bucket->parts = NGX_RECORDING_BUCKET_PARTS;
    }

    s->adjusted = 0;
    s->waiting = 1;

    ngx_queue_insert_tail(&bucket->waiting, &s->queue);

    ngx_recording_s3_next(bucket);
}


void
ngx_recording_s3_clear(ngx_recording_s3_t *s)
{
    if (s->waiting) {
        ngx_queue_remove(&s->queue);
        s->waiting = 0;
    }

    if (s->running) {
        ngx_recording_http_cancel(&s->request);
        ngx_recording_s3_stop(s);
        ngx_recording_s3_next(s->bucket);
    }

    if (s->pool) {
        ngx_destroy_pool(s->pool);
        s->pool = NULL;
    }
}


static void
ngx_recording_s3_next(ngx_recording_bucket_t *bucket)
{
    ngx_queue_t         *q;
    ngx_recording_s3_t  *s;

    while (bucket->running < bucket->connections
           && !ngx_queue_empty(&bucket->waiting)
           && !ngx_recording_s3_holds(bucket))
    {
        q = ngx_queue_head(&bucket->waiting);
        ngx_queue_remove(q);

        s = ngx_queue_data(q, ngx_recording_s3_t, queue);
        s->waiting = 0;

        ngx_recording_s3_begin(s);
    }
}


/* what one answer says of the time is for all: none of them is asked before */

static ngx_uint_t
ngx_recording_s3_holds(ngx_recording_bucket_t *bucket)
{
    ngx_msec_int_t  wait;

    wait = bucket->held ? (ngx_msec_int_t) (bucket->until - ngx_current_msec)
                        : 0;

    if (wait <= 0) {
        bucket->held = 0;
        return 0;
    }

    if (!bucket->timer.timer_set) {
        bucket->timer.handler = ngx_recording_s3_held;
        bucket->timer.data = bucket;
        bucket->timer.log = ngx_cycle->log;
        bucket->timer.cancelable = 1;

        ngx_add_timer(&bucket->timer, wait);
    }

    return 1;
}


static void
ngx_recording_s3_held(ngx_event_t *ev)
{
    ngx_recording_s3_next(ev->data);
}


static void
ngx_recording_s3_begin(ngx_recording_s3_t *s)
{
    ngx_recording_http_request_t  *r;
    ngx_recording_sigv4_signed_t   result;

    s->bucket->running++;
    s->running = 1;

    ngx_recording_s3_reset(s);

    r = &s->request;
    ngx_memzero(r, sizeof(ngx_recording_http_request_t));

    r->host = s->bucket->host;
    r->method = s->method;
    r->body = s->body;
    r->header = ngx_recording_s3_got_header;
    r->done = ngx_recording_s3_done;
    r->data = s;

    /* without memory it is sent as nothing that can be, and fails as that */

    if (ngx_recording_s3_sign(s, &result) == NGX_OK) {
        r->uri = result.uri;
        r->headers = result.headers;
        r->nheaders = result.nheaders;
        r->answer = s->answer.data;
        r->room = s->room ? s->room : NGX_RECORDING_S3_ANSWER;
        r->timeout = ngx_recording_s3_timeout(s);

        if (s->file) {
            r->source = ngx_recording_s3_source;
            r->length = s->file->length;
        }
    }

    ngx_recording_http_send(r);
}


static void
ngx_recording_s3_reset(ngx_recording_s3_t *s)
{
    if (s->pool) {
        ngx_destroy_pool(s->pool);
        s->pool = NULL;
    }

    ngx_str_null(&s->answer);

    s->status = 0;
    s->unreached = 0;
    s->pause = 0;
    s->length = -1;
    s->range = -1;
    s->date = 0;
    s->retry = 0;
    s->etag[0] = '\0';
    s->file_id[0] = '\0';
    s->code[0] = '\0';
    s->message[0] = '\0';
    s->error[0] = '\0';
}


static ngx_int_t
ngx_recording_s3_sign(ngx_recording_s3_t *s,
    ngx_recording_sigv4_signed_t *result)
{
    ngx_recording_sigv4_t  request;

    s->pool = ngx_create_pool(NGX_RECORDING_S3_POOL, s->log);

    if (s->pool == NULL) {
        return NGX_ERROR;
    }

    s->answer.data = ngx_palloc(s->pool, s->room ? s->room
                                                 : NGX_RECORDING_S3_ANSWER);

    ngx_memzero(&request, sizeof(ngx_recording_sigv4_t));

    request.path.len = s->bucket->base.len + s->key.len;
    request.path.data = ngx_pnalloc(s->pool, request.path.len);

    if (s->answer.data == NULL || request.path.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(request.path.data, s->bucket->base.data, s->bucket->base.len);

    if (s->key.len) {
        ngx_memcpy(request.path.data + s->bucket->base.len, s->key.data,
                   s->key.len);
    }

    request.access = s->credentials->access;
    request.secret = s->credentials->secret;
    request.token = s->credentials->token;
    request.region = s->bucket->region;
    ngx_str_set(&request.service, "s3");
    request.now = time(NULL) + s->bucket->skew;
    request.method = s->method;
    request.host = s->bucket->url.authority;
    request.args = s->args;
    request.nargs = s->nargs;
    request.headers = s->headers;
    request.nheaders = s->nheaders;
    ngx_str_set(&request.payload, NGX_RECORDING_SIGV4_UNSIGNED);

    return ngx_recording_sigv4(s->pool, &request, result);
}


static ngx_msec_t
ngx_recording_s3_timeout(ngx_recording_s3_t *s)
{
    off_t                    len;
    ngx_msec_t               timeout;
    ngx_recording_bucket_t  *bucket;

    bucket = s->bucket;
    len = s->file ? s->file->length : (off_t) s->body.len;

    timeout = NGX_RECORDING_S3_TIMEOUT + len / NGX_RECORDING_S3_SLOWEST;

    if (bucket->rate) {
        timeout += len * bucket->connections * 1000 / bucket->rate;
    }

    return timeout;
}


static void
ngx_recording_s3_source(ngx_recording_http_request_t *r)
{
    ngx_recording_s3_t  *s;

    s = r->data;

    ngx_recording_body_want(s->file, r->offset, ngx_recording_s3_ready, s);
}


static void
ngx_recording_s3_ready(void *data, u_char *bytes, size_t len)
{
    ngx_recording_s3_t *s = data;

    ngx_msec_t  delay;

    if (bytes == NULL) {
        (void) snprintf(s->request.error, sizeof(s->request.error), "%s",
                        s->file->error);
    }

    delay = bytes ? ngx_recording_s3_rate(s->bucket, &len) : 0;

    if (delay == 0) {
        ngx_recording_http_feed(&s->request, bytes, len);
        return;
    }

    s->bytes = bytes;
    s->nbytes = len;

    s->timer.handler = ngx_recording_s3_feed;
    s->timer.data = s;
    s->timer.log = s->log;
    s->timer.cancelable = 1;

    ngx_add_timer(&s->timer, delay);
}


/* ms until so many bytes may go: no more than those of a second for each
   connection, as servers close one on which nothing comes for some time */

static ngx_msec_t
ngx_recording_s3_rate(ngx_recording_bucket_t *bucket, size_t *len)
{
    off_t       most;
    ngx_msec_t  delay;

    if (bucket->rate == 0) {
        return 0;
    }

    most = bucket->rate / (off_t) bucket->connections;
    most = ngx_max(most, NGX_RECORDING_S3_LEAST);

    *len = (size_t) ngx_min((off_t) *len, most);

    if ((ngx_msec_int_t) (bucket->next - ngx_current_msec) < 0) {
        bucket->next = ngx_current_msec;
    }

    delay = bucket->next - ngx_current_msec;

    bucket->next += (ngx_msec_t) ((off_t) *len * 1000 / bucket->rate);

    return delay;
}


static void
ngx_recording_s3_feed(ngx_event_t *ev)
{
    ngx_recording_s3_t  *s;

    s = ev->data;

    ngx_recording_http_feed(&s->request, s->bytes, s->nbytes);
}


static void
ngx_recording_s3_got_header(ngx_recording_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_recording_s3_answer_header(r->data, name, value);
}


static void
ngx_recording_s3_done(ngx_recording_http_request_t *r)
{
    ngx_recording_s3_t  *s;

    s = r->data;

    ngx_recording_s3_stop(s);

    s->status = r->status;
    s->answer.len = r->len;

    ngx_recording_s3_answer(s);

    if (s->result == NGX_RECORDING_S3_AGAIN && s->pause) {
        s->bucket->held = 1;
        s->bucket->until = ngx_current_msec
                           + ngx_min(s->pause, NGX_RECORDING_S3_HOLD);
    }

    if (ngx_recording_s3_adjust(s)) {
        s->waiting = 1;
        ngx_queue_insert_head(&s->bucket->waiting, &s->queue);
    }

    ngx_recording_s3_next(s->bucket);

    if (!s->waiting && !s->running) {
        s->done(s);
    }
}


/* the bucket's time is taken once: one that differs again is a failure */

static ngx_uint_t
ngx_recording_s3_adjust(ngx_recording_s3_t *s)
{
    if (strcmp(s->code, "RequestTimeTooSkewed") != 0 || s->date == 0
        || s->adjusted)
    {
        return 0;
    }

    s->adjusted = 1;
    s->bucket->skew = s->date - time(NULL);

    ngx_log_error(NGX_LOG_WARN, s->log, 0,
                  "recording: the clock of bucket \"%V\" differs by %T s from "
                  "this machine's: it is taken", &s->bucket->name,
                  s->bucket->skew);
    return 1;
}


static void
ngx_recording_s3_stop(ngx_recording_s3_t *s)
{
    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    if (s->file) {
        ngx_recording_body_stop(s->file);
    }

    s->running = 0;
    s->bucket->running--;
}
