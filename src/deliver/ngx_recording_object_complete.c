
/*
 * An object whose parts are all there is completed.
 */


#include "ngx_recording_object.h"


#define NGX_RECORDING_OBJECT_ITEM                                             \
    (sizeof("<Part><PartNumber>10000</PartNumber><ETag>\"\"</ETag></Part>")   \
     + NGX_RECORDING_S3_ETAG)


static ngx_int_t ngx_recording_object_complete_body(
    ngx_recording_object_t *o);
static void ngx_recording_object_has_completed(ngx_recording_s3_t *s);
static void ngx_recording_object_final_etag(void *data, const char *name,
    ngx_uint_t depth, const char *text);
static void ngx_recording_object_unequal(ngx_recording_object_t *o);
static void ngx_recording_object_complete_late(ngx_event_t *ev);


void
ngx_recording_object_complete(ngx_recording_object_t *o)
{
    ngx_recording_s3_t  *s;

    if (o->list.data == NULL
        && ngx_recording_object_complete_body(o) != NGX_OK)
    {
        ngx_recording_object_finish(o, NGX_RECORDING_S3_AGAIN, "no memory");
        return;
    }

    s = ngx_recording_object_request(o, "POST",
                                     ngx_recording_object_has_completed);

    s->body = o->list;
    ngx_recording_s3_arg(s, "uploadId", o->upload_id);

    ngx_recording_object_condition(o, s);

    o->completing = 1;

    ngx_recording_s3_send(s);
}


static ngx_int_t
ngx_recording_object_complete_body(ngx_recording_object_t *o)
{
    u_char      *p;
    ngx_uint_t   i;

    o->list.data = malloc(NGX_RECORDING_OBJECT_ITEM * (o->nparts + 2));

    if (o->list.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(o->list.data, "<CompleteMultipartUpload>");

    for (i = 0; i < o->nparts; i++) {
        p = ngx_sprintf(p, "<Part><PartNumber>%ui</PartNumber>"
                        "<ETag>\"%s\"</ETag></Part>", i + 1, o->etags[i]);
    }

    p = ngx_sprintf(p, "</CompleteMultipartUpload>");

    o->list.len = p - o->list.data;

    return NGX_OK;
}


/* whatever it says, it is looked whether the object is there */

static void
ngx_recording_object_has_completed(ngx_recording_s3_t *s)
{
    ngx_recording_object_t  *o;

    o = s->data;

    o->completed = s->result;
    o->completes++;
    o->etag[0] = '\0';

    if (s->result == NGX_RECORDING_S3_OK) {
        (void) ngx_recording_xml(s->answer.data, s->answer.len,
                                 ngx_recording_object_final_etag, o);

    } else if (s->result == NGX_RECORDING_S3_BUCKET) {
        ngx_recording_object_again(o, s);
        return;
    }

    (void) snprintf(o->error, sizeof(o->error), "%s", s->error);

    ngx_recording_object_run(o, ngx_recording_object_check);
}


static void
ngx_recording_object_final_etag(void *data, const char *name,
    ngx_uint_t depth, const char *text)
{
    ngx_recording_object_t *o = data;

    if (depth == 1 && strcmp(name, "ETag") == 0) {
        ngx_recording_object_etag(o->etag, text);
    }
}


void
ngx_recording_object_missing(ngx_recording_object_t *o)
{
    /* it knows no condition here */

    if ((o->completed == NGX_RECORDING_S3_EXISTS
         || o->completed == NGX_RECORDING_S3_UNABLE)
        && ngx_recording_object_unconditional(o))
    {
        ngx_recording_object_run(o, ngx_recording_object_complete);
        return;
    }

    if ((o->completed != NGX_RECORDING_S3_AGAIN
         && o->completed != NGX_RECORDING_S3_OK)
        || o->completes >= NGX_RECORDING_OBJECT_TRIES)
    {
        if (o->early && o->completed == NGX_RECORDING_S3_REFUSED) {
            ngx_recording_object_unequal(o);
        }

        ngx_recording_object_restart(o);
        return;
    }

    o->timer.handler = ngx_recording_object_complete_late;
    o->timer.data = o;
    o->timer.log = o->log;
    o->timer.cancelable = 1;

    ngx_add_timer(&o->timer, NGX_RECORDING_OBJECT_AGAIN << o->completes);
}


/* some servers want parts of one size: it is sent again, in such */

static void
ngx_recording_object_unequal(ngx_recording_object_t *o)
{
    if (o->bucket->equal) {
        return;
    }

    o->bucket->equal = 1;

    ngx_log_error(NGX_LOG_WARN, o->log, 0,
                  "recording: bucket \"%V\" refuses what was sent while it "
                  "grew: %s; its files are sent when they are closed",
                  &o->bucket->name, o->error);
}


static void
ngx_recording_object_complete_late(ngx_event_t *ev)
{
    ngx_recording_object_run(ev->data, ngx_recording_object_complete);
}
