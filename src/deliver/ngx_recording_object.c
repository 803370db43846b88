
#include "ngx_recording_object.h"


static ngx_uint_t ngx_recording_object_cached(
    const ngx_recording_bucket_t *bucket);
static void ngx_recording_object_look(ngx_recording_object_t *o);
static void ngx_recording_object_head(ngx_recording_object_t *o,
    void (*done)(ngx_recording_s3_t *s));
static ngx_uint_t ngx_recording_object_unmeasured(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s);
static void ngx_recording_object_looked(ngx_recording_s3_t *s);
static void ngx_recording_object_ask(ngx_recording_object_t *o);
static void ngx_recording_object_asked(ngx_recording_s3_t *s);
static ngx_uint_t ngx_recording_object_ours(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s);
static ngx_uint_t ngx_recording_object_is_whole(ngx_recording_object_t *o);
static void ngx_recording_object_hash(ngx_recording_object_t *o);
static void ngx_recording_object_hashed(void *data, ngx_uint_t failed);
static void ngx_recording_object_put(ngx_recording_object_t *o);
static void ngx_recording_object_was_put(ngx_recording_s3_t *s);
static void ngx_recording_object_checked(ngx_recording_s3_t *s);
static void ngx_recording_object_late(ngx_event_t *ev);
static void ngx_recording_object_never(ngx_recording_object_t *o);
static void ngx_recording_object_dropped(ngx_recording_s3_t *s);
static void ngx_recording_object_clear(ngx_recording_object_t *o);


void
ngx_recording_object_send(ngx_recording_object_t *o)
{
    o->error[0] = '\0';

    ngx_recording_object_run(o, ngx_recording_object_look);
}


void
ngx_recording_object_committed(ngx_recording_object_t *o)
{
    ngx_recording_object_run(o, ngx_recording_object_parts);
}


void
ngx_recording_object_leave(ngx_recording_object_t *o)
{
    o->leaving = 1;

    /* what only waits is not waited for */

    if (o->timer.timer_set || o->request.waiting) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN,
                                    "the worker process ends");
        return;
    }

    if (o->resting) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN,
                                    "the file has ended");
        return;
    }

    ngx_recording_object_parts_leave(o);
}


void
ngx_recording_object_cancel(ngx_recording_object_t *o)
{
    ngx_recording_object_parts_cancel(o);
    ngx_recording_object_clear(o);
}


void
ngx_recording_object_run(ngx_recording_object_t *o,
    void (*step)(ngx_recording_object_t *o))
{
    if (o->leaving) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN,
                                    "the worker process ends");
        return;
    }

    o->step = step;
    o->tries = 0;

    step(o);
}


ngx_recording_s3_t *
ngx_recording_object_request(ngx_recording_object_t *o, const char *method,
    void (*done)(ngx_recording_s3_t *s))
{
    ngx_recording_s3_t  *s;

    s = &o->request;

    ngx_recording_s3_clear(s);
    ngx_memzero(s, sizeof(ngx_recording_s3_t));

    s->bucket = o->bucket;
    s->credentials = o->credentials;
    s->log = o->log;
    s->method.data = (u_char *) method;
    s->method.len = ngx_strlen(method);
    s->key = o->key;
    s->done = done;
    s->data = o;

    return s;
}


/* those of a new object */

void
ngx_recording_object_headers(ngx_recording_object_t *o, ngx_recording_s3_t *s)
{
    ngx_uint_t                          i;
    const ngx_recording_http_header_t  *h;

    ngx_recording_s3_header(s, "Content-Type", &o->type);

    if (o->cache.len && !ngx_recording_object_cached(o->bucket)) {
        ngx_recording_s3_header(s, "Cache-Control", &o->cache);
    }

    for (i = 0; i < o->nmeta; i++) {
        h = &o->meta[i];
        ngx_recording_s3_header(s, (char *) h->name.data, &h->value);
    }

    for (i = 0; i < o->bucket->nheaders; i++) {
        h = &o->bucket->headers[i];
        ngx_recording_s3_header(s, (char *) h->name.data, &h->value);
    }
}


/* the bucket's own headers say it */

static ngx_uint_t
ngx_recording_object_cached(const ngx_recording_bucket_t *bucket)
{
    ngx_uint_t  i;

    for (i = 0; i < bucket->nheaders; i++) {

        if (ngx_strcasecmp(bucket->headers[i].name.data,
                           (u_char *) "Cache-Control")
            == 0)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_recording_object_digest(ngx_recording_body_t *r, char md5[33],
    u_char base64[25])
{
    ngx_str_t  src, dst;

    src.data = r->md5;
    src.len = sizeof(r->md5);
    dst.data = base64;

    ngx_encode_base64(&dst, &src);
    base64[dst.len] = '\0';

    *ngx_hex_dump((u_char *) md5, r->md5, sizeof(r->md5)) = '\0';
}


/* --- what is there */

static void
ngx_recording_object_look(ngx_recording_object_t *o)
{
    ngx_recording_object_head(o, ngx_recording_object_looked);
}


static void
ngx_recording_object_head(ngx_recording_object_t *o,
    void (*done)(ngx_recording_s3_t *s))
{
    ngx_str_t            first = ngx_string("bytes=0-0");
    ngx_recording_s3_t  *s;

    s = ngx_recording_object_request(o, o->ranged ? "GET" : "HEAD", done);

    if (o->ranged) {
        ngx_recording_s3_header(s, "Range", &first);
    }

    ngx_recording_s3_send(s);
}


/* a proxy may leave out how long it is, as one does that would compress it */

static ngx_uint_t
ngx_recording_object_unmeasured(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s)
{
    if (o->ranged || s->result != NGX_RECORDING_S3_OK || s->length != -1
        || !ngx_recording_object_ours(o, s))
    {
        return 0;
    }

    o->ranged = 1;

    return 1;
}


static void
ngx_recording_object_looked(ngx_recording_s3_t *s)
{
    ngx_recording_object_t  *o;

    o = s->data;

    if (ngx_recording_object_unmeasured(o, s)) {
        ngx_recording_object_run(o, ngx_recording_object_look);
        return;
    }

    if (s->result == NGX_RECORDING_S3_OK) {

        if (!ngx_recording_object_ours(o, s)) {
            ngx_recording_object_foreign(o, s);
            return;
        }

        if (s->length == o->size && !o->growing && !o->always) {
            (void) ngx_cpystrn((u_char *) o->etag, (u_char *) s->etag,
                               sizeof(o->etag));
            ngx_recording_object_there(o);
            return;
        }

        o->replace = 1;

    } else if (s->status == NGX_RECORDING_S3_FORBIDDEN
               && s->result == NGX_RECORDING_S3_BUCKET)
    {
        /* who may not list does not learn that there is none; the next request
           tells whether the bucket refuses everything */

        o->blind = 1;

        /* what is known to be this file's is replaced, and a bucket that
           refuses this may refuse everything */

        if (o->always) {
            o->replace = 1;
            ngx_recording_object_upload(o);
            return;
        }

        if (o->probe) {
            ngx_recording_object_fail(o, s);
            return;
        }

        /* of parts no server is sure to know the condition */

        if (o->looked || !o->bucket->conditional
            || !ngx_recording_object_is_whole(o))
        {
            ngx_recording_object_run(o, ngx_recording_object_find);
            return;
        }

    } else if (s->result == NGX_RECORDING_S3_REFUSED) {
        ngx_recording_object_ask(o);
        return;

    } else if (s->result != NGX_RECORDING_S3_MISSING) {
        ngx_recording_object_again(o, s);
        return;
    }

    if (o->probe) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_OK, NULL);
        return;
    }

    ngx_recording_object_upload(o);
}


/* why: an answer to HEAD has no body, and that of a token that has expired no
   other status than a request that is wrong */

static void
ngx_recording_object_ask(ngx_recording_object_t *o)
{
    o->ranged = 1;

    ngx_recording_object_head(o, ngx_recording_object_asked);
}


static void
ngx_recording_object_asked(ngx_recording_s3_t *s)
{
    if (s->result == NGX_RECORDING_S3_OK) {
        s->result = NGX_RECORDING_S3_REFUSED;
        (void) snprintf(s->error, sizeof(s->error),
                        "HEAD is refused, and GET is not");
    }

    ngx_recording_object_again(s->data, s);
}


static ngx_uint_t
ngx_recording_object_ours(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s)
{
    return strcmp(s->file_id, o->file_id) == 0;
}


void
ngx_recording_object_taken(ngx_recording_object_t *o)
{
    (void) snprintf(o->error, sizeof(o->error), "the bucket has %s of that "
                    "key, which is never overwritten",
                    o->blind ? "an object, which it does not show,"
                             : "another object");

    ngx_recording_object_never(o);
}


void
ngx_recording_object_upload(ngx_recording_object_t *o)
{
    if (ngx_recording_object_is_whole(o)) {
        ngx_recording_object_run(o, ngx_recording_object_hash);

    } else {
        ngx_recording_object_parts(o);
    }
}


static ngx_uint_t
ngx_recording_object_is_whole(ngx_recording_object_t *o)
{
    return o->whole || (!o->early && o->size <= o->bucket->part_size);
}


void
ngx_recording_object_there(ngx_recording_object_t *o)
{
    if (ngx_recording_object_is_whole(o) || !o->again) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_OK, NULL);
        return;
    }

    o->there = 1;
    o->swept = 0;
    o->upload_id[0] = '\0';

    ngx_recording_object_parts(o);
}


/* --- as a whole */

static void
ngx_recording_object_hash(ngx_recording_object_t *o)
{
    if (o->file) {
        ngx_recording_body_free(o->file);
    }

    o->file = ngx_recording_body_create(o->jobs, o->fd, 0, o->size);

    if (o->file == NULL) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN,
                                    strerror(errno));
        return;
    }

    ngx_recording_body_digest(o->file, ngx_recording_object_hashed, o);
}


static void
ngx_recording_object_hashed(void *data, ngx_uint_t failed)
{
    ngx_recording_object_t *o = data;

    if (failed) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN,
                                    o->file->error);
        return;
    }

    ngx_recording_object_digest(o->file, o->md5, o->md5_base64);

    ngx_recording_object_run(o, ngx_recording_object_put);
}


static void
ngx_recording_object_put(ngx_recording_object_t *o)
{
    ngx_str_t            md5;
    ngx_recording_s3_t  *s;

    s = ngx_recording_object_request(o, "PUT", ngx_recording_object_was_put);

    md5.data = o->md5_base64;
    md5.len = ngx_strlen(o->md5_base64);

    ngx_recording_object_headers(o, s);
    ngx_recording_s3_header(s, "Content-MD5", &md5);

    ngx_recording_object_condition(o, s);

    if (o->size) {
        s->file = o->file;
    }

    ngx_recording_s3_send(s);
}


static void
ngx_recording_object_was_put(ngx_recording_s3_t *s)
{
    ngx_recording_object_t  *o;

    o = s->data;

    switch (s->result) {

    case NGX_RECORDING_S3_OK:
        (void) ngx_cpystrn((u_char *) o->etag, (u_char *) s->etag,
                           sizeof(o->etag));

        if (strcmp(s->etag, o->md5) == 0) {
            ngx_recording_object_finish(o, NGX_RECORDING_S3_OK, NULL);

        } else {
            ngx_recording_object_run(o, ngx_recording_object_check);
        }

        return;

    case NGX_RECORDING_S3_EXISTS:

        /* it came in between, or is what a lost answer was about */

        if (o->looked) {
            ngx_recording_object_taken(o);
            return;
        }

        o->looked = 1;
        ngx_recording_object_run(o, ngx_recording_object_look);
        return;

    case NGX_RECORDING_S3_UNABLE:

        if (ngx_recording_object_unconditional(o)) {
            ngx_recording_object_run(o, ngx_recording_object_put);
            return;
        }

        /* fall through */

    default:
        ngx_recording_object_again(o, s);
    }
}


void
ngx_recording_object_condition(ngx_recording_object_t *o,
    ngx_recording_s3_t *s)
{
    ngx_str_t  any = ngx_string("*");

    o->condition = o->bucket->conditional && !o->replace;

    if (o->condition) {
        ngx_recording_s3_header(s, "If-None-Match", &any);
    }
}


/* others may have learned it while this one was under way */

ngx_uint_t
ngx_recording_object_unconditional(ngx_recording_object_t *o)
{
    if (!o->condition) {
        return 0;
    }

    o->condition = 0;
    o->bucket->conditional = 0;

    return 1;
}


/* --- whether it has arrived */

void
ngx_recording_object_check(ngx_recording_object_t *o)
{
    ngx_recording_object_head(o, ngx_recording_object_checked);
}


static void
ngx_recording_object_checked(ngx_recording_s3_t *s)
{
    ngx_recording_object_t  *o;

    o = s->data;

    if (ngx_recording_object_unmeasured(o, s)) {
        ngx_recording_object_run(o, ngx_recording_object_check);
        return;
    }

    if (s->result == NGX_RECORDING_S3_OK && ngx_recording_object_ours(o, s)
        && s->length == o->size)
    {
        (void) ngx_cpystrn((u_char *) o->etag, (u_char *) s->etag,
                           sizeof(o->etag));
        ngx_recording_object_there(o);
        return;
    }

    if (s->result == NGX_RECORDING_S3_OK && !ngx_recording_object_ours(o, s)) {
        ngx_recording_object_foreign(o, s);
        return;
    }

    /* who may not look believes what the server has said */

    if (o->blind && s->status == NGX_RECORDING_S3_FORBIDDEN) {

        if (o->etag[0]) {
            ngx_recording_object_finish(o, NGX_RECORDING_S3_OK, NULL);
            return;
        }

        s->result = NGX_RECORDING_S3_MISSING;
    }

    if (o->completing && (s->result == NGX_RECORDING_S3_MISSING
                          || s->result == NGX_RECORDING_S3_OK))
    {
        ngx_recording_object_missing(o);
        return;
    }

    if (s->result == NGX_RECORDING_S3_OK
        || s->result == NGX_RECORDING_S3_MISSING)
    {
        (void) snprintf(s->error, sizeof(s->error),
                        "what was sent is not there, or not as it should be");
        s->result = NGX_RECORDING_S3_AGAIN;
    }

    ngx_recording_object_again(o, s);
}


/* --- what has failed */

void
ngx_recording_object_again(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s)
{
    ngx_msec_t  pause;

    if (s->result != NGX_RECORDING_S3_AGAIN || o->leaving
        || ++o->tries >= NGX_RECORDING_OBJECT_TRIES
        || s->pause > NGX_RECORDING_S3_HOLD)
    {
        ngx_recording_object_fail(o, s);
        return;
    }

    pause = NGX_RECORDING_OBJECT_AGAIN << (o->tries - 1);
    pause = ngx_max(pause / 2 + ngx_random() % (pause / 2), s->pause);

    o->timer.handler = ngx_recording_object_late;
    o->timer.data = o;
    o->timer.log = o->log;
    o->timer.cancelable = 1;

    ngx_add_timer(&o->timer, pause);
}


static void
ngx_recording_object_late(ngx_event_t *ev)
{
    ngx_recording_object_t  *o;

    o = ev->data;

    o->step(o);
}


void
ngx_recording_object_fail(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s)
{
    ngx_recording_s3_e  result;

    o->unreached = s->unreached;
    o->status = s->status;
    o->pause = s->pause;

    /* what should not happen is not known; what a server does not have, after
       the condition, is one of the headers that all objects get */

    result = s->result == NGX_RECORDING_S3_AGAIN
             || s->result == NGX_RECORDING_S3_BUCKET
             || s->result == NGX_RECORDING_S3_OBJECT
             ? s->result
             : s->result == NGX_RECORDING_S3_UNABLE && o->bucket->nheaders
             ? NGX_RECORDING_S3_BUCKET : NGX_RECORDING_S3_REFUSED;

    if (result == NGX_RECORDING_S3_REFUSED && o->last) {
        result = NGX_RECORDING_S3_OBJECT;
    }

    if (result == NGX_RECORDING_S3_OBJECT) {
        (void) snprintf(o->error, sizeof(o->error), "%s", s->error);
        ngx_recording_object_never(o);
        return;
    }

    ngx_recording_object_finish(o, result, s->error);
}


/* why is in ->error: nothing is left of it */

static void
ngx_recording_object_never(ngx_recording_object_t *o)
{
    if (o->upload_id[0]) {
        ngx_recording_object_drop(o);

    } else {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_OBJECT, NULL);
    }
}


void
ngx_recording_object_drop(ngx_recording_object_t *o)
{
    ngx_recording_s3_t  *s;

    ngx_recording_object_parts_cancel(o);

    s = ngx_recording_object_request(o, "DELETE",
                                     ngx_recording_object_dropped);

    ngx_recording_s3_arg(s, "uploadId", o->upload_id);

    ngx_recording_s3_send(s);
}


/* once: servers end by themselves what is never completed */

static void
ngx_recording_object_dropped(ngx_recording_s3_t *s)
{
    ngx_recording_object_t  *o;

    o = s->data;

    if (s->result != NGX_RECORDING_S3_OK
        && s->result != NGX_RECORDING_S3_MISSING)
    {
        ngx_log_error(NGX_LOG_WARN, o->log, 0,
                      "recording: an upload to bucket \"%V\" that is given up "
                      "stays in it: %s", &o->bucket->name, s->error);
    }

    o->upload_id[0] = '\0';

    ngx_recording_object_finish(o, NGX_RECORDING_S3_OBJECT, NULL);
}


void
ngx_recording_object_finish(ngx_recording_object_t *o,
    ngx_recording_s3_e result, const char *error)
{
    o->result = result;

    /* the error may be of what is cleared, or the object's own */

    if (error && error != o->error) {
        (void) snprintf(o->error, sizeof(o->error), "%s", error);
    }

    ngx_recording_object_cancel(o);

    o->done(o);
}


static void
ngx_recording_object_clear(ngx_recording_object_t *o)
{
    if (o->timer.timer_set) {
        ngx_del_timer(&o->timer);
    }

    ngx_recording_s3_clear(&o->request);

    if (o->file) {
        ngx_recording_body_free(o->file);
        o->file = NULL;
    }
}
