
/*
 * An object that is sent in parts.
 */


#include "ngx_recording_object.h"


#define NGX_RECORDING_OBJECT_ROUND  (1024 * 1024)    /* of a part's size */


static ngx_int_t ngx_recording_object_plan(ngx_recording_object_t *o);
static void ngx_recording_object_create(ngx_recording_object_t *o);
static void ngx_recording_object_created(ngx_recording_s3_t *s);
static void ngx_recording_object_upload_id(void *data, const char *name,
    ngx_uint_t depth, const char *text);
static void ngx_recording_object_fill(ngx_recording_object_t *o);
static ngx_uint_t ngx_recording_object_sends(
    const ngx_recording_object_t *o, ngx_uint_t number);
static void ngx_recording_object_rest(ngx_recording_object_t *o);
static void ngx_recording_object_begin(ngx_recording_part_t *p);
static void ngx_recording_object_part_hashed(void *data, ngx_uint_t failed);
static void ngx_recording_object_part_drop(ngx_recording_part_t *p);
static void ngx_recording_object_part_send(ngx_recording_part_t *p);
static void ngx_recording_object_part_late(ngx_event_t *ev);
static void ngx_recording_object_part_sent(ngx_recording_s3_t *s);
static void ngx_recording_object_part_failed(ngx_recording_part_t *p);
static void ngx_recording_object_part_free(ngx_recording_part_t *p);


void
ngx_recording_object_parts(ngx_recording_object_t *o)
{
    if (!o->planned && ngx_recording_object_plan(o) != NGX_OK) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN, "no memory");
        return;
    }

    if (!o->swept) {
        o->swept = 1;
        ngx_recording_object_run(o, ngx_recording_object_strays);

    } else if (o->nstrays) {
        ngx_recording_object_run(o, ngx_recording_object_abort);

    } else if (o->there) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_OK, NULL);

    } else if (o->upload_id[0] == '\0') {
        ngx_recording_object_run(o, ngx_recording_object_create);

    } else if (!o->listed) {
        o->marker[0] = '\0';
        ngx_recording_object_run(o, ngx_recording_object_list);

    } else {
        ngx_recording_object_run(o, ngx_recording_object_fill);
    }
}


/* parts of equal size, as few as the server may want; unless it grows */

static ngx_int_t
ngx_recording_object_plan(ngx_recording_object_t *o)
{
    off_t  size;

    if (o->upload_id[0] == '\0' || o->part_size <= 0) {
        o->upload_id[0] = '\0';
        o->early = o->growing;
        o->part_size = o->bucket->part_size;

        if (!o->early) {
            size = (o->size + o->bucket->parts - 1) / o->bucket->parts;
            size = ngx_align(size, NGX_RECORDING_OBJECT_ROUND);

            o->part_size = ngx_max(size, o->part_size);
        }
    }

    ngx_recording_object_layout(o);
    o->next = 0;

    free(o->etags);
    o->etags = calloc(ngx_max(o->nparts, 1), sizeof(*o->etags));

    if (o->parts == NULL) {
        o->parts = calloc(NGX_RECORDING_OBJECT_PARTS,
                          sizeof(ngx_recording_part_t));
    }

    if (o->strays == NULL) {
        o->strays = calloc(NGX_RECORDING_OBJECT_STRAYS, sizeof(*o->strays));
    }

    if (o->etags == NULL || o->parts == NULL || o->strays == NULL) {
        return NGX_ERROR;
    }

    o->planned = 1;

    return NGX_OK;
}


/* --- an upload is begun */

static void
ngx_recording_object_create(ngx_recording_object_t *o)
{
    ngx_recording_s3_t  *s;

    /* an answer that is lost leaves one */

    if (o->tries || o->begins) {
        o->again = 1;
    }

    s = ngx_recording_object_request(o, "POST", ngx_recording_object_created);

    ngx_recording_object_headers(o, s);
    ngx_recording_s3_arg(s, "uploads", "");

    ngx_recording_s3_send(s);
}


static void
ngx_recording_object_created(ngx_recording_s3_t *s)
{
    ngx_recording_object_t  *o;

    o = s->data;

    if (s->result != NGX_RECORDING_S3_OK) {
        ngx_recording_object_again(o, s);
        return;
    }

    (void) ngx_recording_xml(s->answer.data, s->answer.len,
                             ngx_recording_object_upload_id, o);

    if (o->upload_id[0] == '\0') {
        s->result = NGX_RECORDING_S3_AGAIN;
        (void) snprintf(s->error, sizeof(s->error),
                        "an upload in parts was answered without its id");
        ngx_recording_object_again(o, s);
        return;
    }

    /* the client sends a request again if its connection was closed */

    if (s->request.again) {
        o->again = 1;
    }

    o->listed = 1;
    o->begins++;

    o->commit(o);
}


static void
ngx_recording_object_upload_id(void *data, const char *name, ngx_uint_t depth,
    const char *text)
{
    ngx_recording_object_t *o = data;

    if (depth == 1 && strcmp(name, "UploadId") == 0
        && strlen(text) < NGX_RECORDING_S3_UPLOAD)
    {
        (void) strcpy(o->upload_id, text);
    }
}


/* --- parts are sent */

static void
ngx_recording_object_fill(ngx_recording_object_t *o)
{
    ngx_uint_t             i, number;
    ngx_recording_part_t  *p;

    for (i = 0;
         i < NGX_RECORDING_OBJECT_PARTS && !o->leaving && !o->moved;
         i++)
    {
        p = &o->parts[i];

        if (p->number) {
            continue;
        }

        number = ngx_recording_object_at(o, o->next);

        while (number && (o->etags[number - 1][0]
                          || ngx_recording_object_sends(o, number)))
        {
            number = ngx_recording_object_at(o, ++o->next);
        }

        if (number == 0) {
            break;
        }

        p->object = o;
        p->number = number;
        p->tries = 0;
        o->next++;
        o->running++;

        ngx_recording_object_begin(p);
    }

    if (o->running == 0) {

        if (o->growing) {
            ngx_recording_object_rest(o);

        } else {
            ngx_recording_object_run(o, ngx_recording_object_complete);
        }
    }
}


static ngx_uint_t
ngx_recording_object_sends(const ngx_recording_object_t *o, ngx_uint_t number)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_OBJECT_PARTS; i++) {

        if (o->parts[i].number == number) {
            return 1;
        }
    }

    return 0;
}


/* what can be sent of a file that grows, was */

static void
ngx_recording_object_rest(ngx_recording_object_t *o)
{
    if (o->leaving) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN,
                                    "the file has ended");
        return;
    }

    o->resting = 1;
    o->idle(o);
}


void
ngx_recording_object_grown(ngx_recording_object_t *o)
{
    char        (*etags)[NGX_RECORDING_S3_ETAG];
    ngx_uint_t  n;

    o->moved = 0;

    if (!o->planned) {
        return;
    }

    n = o->nparts;

    ngx_recording_object_layout(o);

    if (o->nparts > n) {
        etags = realloc(o->etags, o->nparts * sizeof(*o->etags));

        if (etags == NULL) {
            o->nparts = n;

        } else {
            ngx_memzero(etags + n, (o->nparts - n) * sizeof(*o->etags));
            o->etags = etags;
        }
    }

    /* those before may have been thrown away */

    o->next = 0;

    if (o->resting || o->running) {
        o->resting = 0;
        ngx_recording_object_run(o, ngx_recording_object_fill);
    }
}


static void
ngx_recording_object_begin(ngx_recording_part_t *p)
{
    ngx_recording_object_t  *o;

    o = p->object;

    p->file = ngx_recording_body_create(o->jobs, o->fd,
                                    ngx_recording_object_offset(o, p->number),
                                    ngx_recording_object_length(o, p->number));

    /* it comes later, from a timer, as this is called in a loop */

    if (p->file == NULL) {
        (void) snprintf(p->request.error, sizeof(p->request.error), "%s",
                        strerror(errno));
        p->request.result = NGX_RECORDING_S3_AGAIN;
        ngx_recording_object_part_failed(p);
        return;
    }

    if (o->growing) {
        ngx_recording_body_grows(p->file, o->store, o->id, &o->look);
    }

    ngx_recording_body_digest(p->file, ngx_recording_object_part_hashed,
                                p);
}


static void
ngx_recording_object_part_hashed(void *data, ngx_uint_t failed)
{
    ngx_recording_part_t *p = data;

    if (failed && p->file->stale) {
        p->object->moved = 1;
        ngx_recording_object_part_drop(p);
        return;
    }

    if (failed) {
        ngx_recording_object_finish(p->object, NGX_RECORDING_S3_AGAIN,
                                    p->file->error);
        return;
    }

    ngx_recording_object_digest(p->file, p->md5, p->md5_base64);

    ngx_recording_object_part_send(p);
}


/* it is sent again when it is known where the media is */

static void
ngx_recording_object_part_drop(ngx_recording_part_t *p)
{
    ngx_recording_object_t  *o;

    o = p->object;

    ngx_recording_object_part_free(p);

    if (o->running == 0) {
        ngx_recording_object_run(o, ngx_recording_object_fill);
    }
}


static void
ngx_recording_object_part_send(ngx_recording_part_t *p)
{
    ngx_str_t                md5;
    ngx_recording_s3_t      *s;
    ngx_recording_object_t  *o;

    o = p->object;
    s = &p->request;

    ngx_recording_s3_clear(s);
    ngx_memzero(s, sizeof(ngx_recording_s3_t));

    (void) snprintf(p->number_text, sizeof(p->number_text), "%u",
                    (unsigned) p->number);

    md5.data = p->md5_base64;
    md5.len = ngx_strlen(p->md5_base64);

    s->bucket = o->bucket;
    s->credentials = o->credentials;
    s->log = o->log;
    ngx_str_set(&s->method, "PUT");
    s->key = o->key;
    s->file = p->file;
    s->done = ngx_recording_object_part_sent;
    s->data = p;

    ngx_recording_s3_arg(s, "partNumber", p->number_text);
    ngx_recording_s3_arg(s, "uploadId", o->upload_id);
    ngx_recording_s3_header(s, "Content-MD5", &md5);

    ngx_recording_s3_send(s);
}


static void
ngx_recording_object_part_sent(ngx_recording_s3_t *s)
{
    ngx_recording_part_t    *p;
    ngx_recording_object_t  *o;

    p = s->data;
    o = p->object;

    if (s->result == NGX_RECORDING_S3_OK && s->etag[0] == '\0') {
        s->result = NGX_RECORDING_S3_AGAIN;
        (void) snprintf(s->error, sizeof(s->error),
                        "a part was answered without its ETag");
    }

    switch (s->result) {

    case NGX_RECORDING_S3_OK:
        (void) strcpy(o->etags[p->number - 1], s->etag);
        o->sent = 1;
        ngx_recording_object_part_free(p);

        if (!o->leaving || o->running == 0) {
            ngx_recording_object_run(o, ngx_recording_object_fill);
        }

        return;

    case NGX_RECORDING_S3_MISSING:
        ngx_recording_object_restart(o);
        return;

    case NGX_RECORDING_S3_REFUSED:

        /* another upload may have found that before this one came so far */

        if (p->number > NGX_RECORDING_BUCKET_PARTS_FEW) {
            o->bucket->parts = NGX_RECORDING_BUCKET_PARTS_FEW;
            ngx_recording_object_restart(o);
            return;
        }

        /* fall through */

    default:
        ngx_recording_object_part_failed(p);
    }
}


static void
ngx_recording_object_part_failed(ngx_recording_part_t *p)
{
    ngx_msec_t               pause;
    ngx_recording_s3_t      *s;
    ngx_recording_object_t  *o;

    o = p->object;
    s = &p->request;

    if (s->result != NGX_RECORDING_S3_AGAIN || o->leaving
        || ++p->tries >= NGX_RECORDING_OBJECT_TRIES
        || s->pause > NGX_RECORDING_S3_HOLD)
    {
        ngx_recording_object_fail(o, s);
        return;
    }

    /* what waits has no buffers */

    if (p->file) {
        ngx_recording_body_free(p->file);
        p->file = NULL;
    }

    pause = NGX_RECORDING_OBJECT_AGAIN << (p->tries - 1);
    pause = ngx_max(pause / 2 + ngx_random() % (pause / 2), s->pause);

    p->timer.handler = ngx_recording_object_part_late;
    p->timer.data = p;
    p->timer.log = o->log;
    p->timer.cancelable = 1;

    ngx_add_timer(&p->timer, pause);
}


static void
ngx_recording_object_part_late(ngx_event_t *ev)
{
    ngx_recording_object_begin(ev->data);
}


static void
ngx_recording_object_part_free(ngx_recording_part_t *p)
{
    if (p->timer.timer_set) {
        ngx_del_timer(&p->timer);
    }

    ngx_recording_s3_clear(&p->request);

    if (p->file) {
        ngx_recording_body_free(p->file);
        p->file = NULL;
    }

    if (p->number) {
        p->number = 0;
        p->object->running--;
    }
}


/* what waits to be tried again is not waited for */

void
ngx_recording_object_parts_leave(ngx_recording_object_t *o)
{
    ngx_uint_t  i, n;

    if (o->parts == NULL || o->running == 0) {
        return;
    }

    for (i = 0, n = 0; i < NGX_RECORDING_OBJECT_PARTS; i++) {

        if (o->parts[i].timer.timer_set || o->parts[i].request.waiting) {
            ngx_recording_object_part_free(&o->parts[i]);
            n++;
        }
    }

    if (n && o->running == 0) {
        ngx_recording_object_run(o, ngx_recording_object_fill);
    }
}


void
ngx_recording_object_parts_cancel(ngx_recording_object_t *o)
{
    ngx_uint_t  i;

    for (i = 0; o->parts && i < NGX_RECORDING_OBJECT_PARTS; i++) {
        ngx_recording_object_part_free(&o->parts[i]);
    }

    free(o->parts);
    free(o->etags);
    free(o->strays);
    free(o->list.data);

    o->parts = NULL;
    o->etags = NULL;
    o->strays = NULL;
    o->nstrays = 0;
    o->planned = 0;

    ngx_str_null(&o->list);
}


void
ngx_recording_object_restart(ngx_recording_object_t *o)
{
    char  old[NGX_RECORDING_S3_UPLOAD];

    (void) strcpy(old, o->upload_id);

    ngx_recording_object_parts_cancel(o);

    o->upload_id[0] = '\0';
    o->part_size = 0;
    o->listed = 0;
    o->completing = 0;
    o->completes = 0;

    if (o->begins >= NGX_RECORDING_OBJECT_BEGINS) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN,
                            o->error[0] ? o->error
                            : "uploads in parts end before they are complete");
        return;
    }

    if (ngx_recording_object_plan(o) != NGX_OK) {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN, "no memory");
        return;
    }

    if (old[0]) {
        (void) strcpy(o->strays[o->nstrays++], old);
    }

    ngx_recording_object_parts(o);
}
