
/*
 * What is in the bucket, by its lists: uploads of an object in parts that were
 * broken off, which are ended, the parts of the one that goes on, and the
 * object, if it cannot be looked at, or may be none.
 */


#include "ngx_recording_object.h"


/* what a list has, as its elements come */

typedef struct {
    ngx_recording_object_t *object;
    ngx_uint_t              ours;          /* the upload's key is that */
    char                    upload_id[NGX_RECORDING_S3_UPLOAD];
    ngx_uint_t              number;
    off_t                   size;
    char                    etag[NGX_RECORDING_S3_ETAG];
    ngx_uint_t              truncated;
    char                    marker[16];
} ngx_recording_object_list_t;


static void ngx_recording_object_strays_known(ngx_recording_s3_t *s);
static void ngx_recording_object_stray(void *data, const char *name,
    ngx_uint_t depth, const char *text);
static ngx_uint_t ngx_recording_object_is_key(ngx_recording_object_t *o,
    const char *text);
static void ngx_recording_object_aborted(ngx_recording_s3_t *s);
static void ngx_recording_object_has_list(ngx_recording_s3_t *s);
static void ngx_recording_object_listed(void *data, const char *name,
    ngx_uint_t depth, const char *text);
static void ngx_recording_object_has_part(ngx_recording_object_list_t *list);
static void ngx_recording_object_found(ngx_recording_s3_t *s);
static void ngx_recording_object_content(void *data, const char *name,
    ngx_uint_t depth, const char *text);
static void ngx_recording_object_doubt(ngx_recording_object_t *o);
static void ngx_recording_object_doubted(ngx_recording_s3_t *s);


void
ngx_recording_object_strays(ngx_recording_object_t *o)
{
    ngx_recording_s3_t  *s;

    s = ngx_recording_object_request(o, "GET",
                                     ngx_recording_object_strays_known);

    ngx_str_null(&s->key);
    s->room = NGX_RECORDING_S3_LIST;

    ngx_recording_s3_arg(s, "uploads", "");

    s->args[s->nargs].value = o->key;
    ngx_str_set(&s->args[s->nargs].name, "prefix");
    s->nargs++;

    ngx_recording_s3_send(s);
}


static void
ngx_recording_object_strays_known(ngx_recording_s3_t *s)
{
    ngx_recording_object_t       *o;
    ngx_recording_object_list_t   list;

    o = s->data;

    if (s->result == NGX_RECORDING_S3_AGAIN && !o->there) {
        ngx_recording_object_again(o, s);
        return;
    }

    if (s->result == NGX_RECORDING_S3_OK) {
        ngx_memzero(&list, sizeof(ngx_recording_object_list_t));
        list.object = o;

        (void) ngx_recording_xml(s->answer.data, s->answer.len,
                                 ngx_recording_object_stray, &list);

    } else if (!o->bucket->unlisted) {
        o->bucket->unlisted = 1;

        ngx_log_error(NGX_LOG_WARN, o->log, 0,
                      "recording: bucket \"%V\" does not list uploads that "
                      "were broken off, they may stay in it: %s",
                      &o->bucket->name, s->error);
    }

    ngx_recording_object_parts(o);
}


static void
ngx_recording_object_stray(void *data, const char *name, ngx_uint_t depth,
    const char *text)
{
    ngx_recording_object_list_t *list = data;

    size_t                   len;
    ngx_recording_object_t  *o;

    o = list->object;
    len = strlen(text);

    if (depth == 2 && strcmp(name, "Key") == 0) {
        list->ours = ngx_recording_object_is_key(o, text);

    } else if (depth == 2 && strcmp(name, "UploadId") == 0) {
        (void) snprintf(list->upload_id, sizeof(list->upload_id), "%s",
                        len < NGX_RECORDING_S3_UPLOAD ? text : "");

    } else if (depth == 1 && strcmp(name, "Upload") == 0) {

        if (list->ours && list->upload_id[0]
            && strcmp(list->upload_id, o->upload_id) != 0
            && o->nstrays < NGX_RECORDING_OBJECT_STRAYS)
        {
            (void) strcpy(o->strays[o->nstrays++], list->upload_id);
        }

        list->ours = 0;
        list->upload_id[0] = '\0';
    }
}


static ngx_uint_t
ngx_recording_object_is_key(ngx_recording_object_t *o, const char *text)
{
    size_t  len;

    len = strlen(text);

    return len == o->key.len && ngx_memcmp(text, o->key.data, len) == 0;
}


void
ngx_recording_object_abort(ngx_recording_object_t *o)
{
    ngx_recording_s3_t  *s;

    s = ngx_recording_object_request(o, "DELETE",
                                     ngx_recording_object_aborted);

    ngx_recording_s3_arg(s, "uploadId", o->strays[o->nstrays - 1]);

    ngx_recording_s3_send(s);
}


static void
ngx_recording_object_aborted(ngx_recording_s3_t *s)
{
    ngx_recording_object_t  *o;

    o = s->data;

    if (s->result == NGX_RECORDING_S3_AGAIN && !o->there) {
        ngx_recording_object_again(o, s);
        return;
    }

    if (s->result != NGX_RECORDING_S3_OK
        && s->result != NGX_RECORDING_S3_MISSING)
    {
        ngx_log_error(NGX_LOG_WARN, o->log, 0,
                      "recording: an upload to bucket \"%V\" that was broken "
                      "off stays in it: %s", &o->bucket->name, s->error);
    }

    o->nstrays--;

    ngx_recording_object_parts(o);
}


/* --- the parts of one that was begun before */

void
ngx_recording_object_list(ngx_recording_object_t *o)
{
    ngx_recording_s3_t  *s;

    s = ngx_recording_object_request(o, "GET", ngx_recording_object_has_list);

    s->room = NGX_RECORDING_S3_LIST;

    ngx_recording_s3_arg(s, "uploadId", o->upload_id);
    ngx_recording_s3_arg(s, "max-parts", "1000");

    if (o->marker[0]) {
        ngx_recording_s3_arg(s, "part-number-marker", o->marker);
    }

    ngx_recording_s3_send(s);
}


static void
ngx_recording_object_has_list(ngx_recording_s3_t *s)
{
    ngx_recording_object_t       *o;
    ngx_recording_object_list_t   list;

    o = s->data;

    if (s->result == NGX_RECORDING_S3_AGAIN
        || s->result == NGX_RECORDING_S3_BUCKET)
    {
        ngx_recording_object_again(o, s);
        return;
    }

    ngx_memzero(&list, sizeof(ngx_recording_object_list_t));
    list.object = o;

    /* the upload is gone; or what it has is not known, and never will be */

    if (s->result != NGX_RECORDING_S3_OK
        || ngx_recording_xml(s->answer.data, s->answer.len,
                             ngx_recording_object_listed, &list)
           != NGX_OK)
    {
        ngx_recording_object_restart(o);
        return;
    }

    if (list.truncated && list.marker[0]
        && strcmp(list.marker, o->marker) != 0)
    {
        (void) strcpy(o->marker, list.marker);
        ngx_recording_object_run(o, ngx_recording_object_list);
        return;
    }

    o->listed = 1;

    ngx_recording_object_parts(o);
}


static void
ngx_recording_object_listed(void *data, const char *name, ngx_uint_t depth,
    const char *text)
{
    ngx_recording_object_list_t *list = data;

    if (depth == 1) {

        if (strcmp(name, "Part") == 0) {
            ngx_recording_object_has_part(list);

        } else if (strcmp(name, "IsTruncated") == 0) {
            list->truncated = (strcasecmp(text, "true") == 0);

        } else if (strcmp(name, "NextPartNumberMarker") == 0) {
            (void) snprintf(list->marker, sizeof(list->marker), "%.15s", text);
        }

        return;
    }

    if (strcmp(name, "PartNumber") == 0) {
        list->number = strtoul(text, NULL, 10);

    } else if (strcmp(name, "Size") == 0) {
        list->size = strtoll(text, NULL, 10);

    } else if (strcmp(name, "ETag") == 0) {
        ngx_recording_object_etag(list->etag, text);
    }
}


/* a part of another size is sent again */

static void
ngx_recording_object_has_part(ngx_recording_object_list_t *list)
{
    ngx_recording_object_t  *o;

    o = list->object;

    if (list->number >= 1 && list->number <= o->nparts
        && list->size == ngx_recording_object_length(o, list->number))
    {
        (void) strcpy(o->etags[list->number - 1], list->etag);
    }

    list->number = 0;
    list->size = 0;
    list->etag[0] = '\0';
}


/* --- the object: a list does not have its metadata, but what is in it */

void
ngx_recording_object_find(ngx_recording_object_t *o)
{
    ngx_recording_s3_t  *s;

    s = ngx_recording_object_request(o, "GET", ngx_recording_object_found);

    ngx_recording_s3_find(s);
    ngx_recording_s3_send(s);
}


static void
ngx_recording_object_found(ngx_recording_s3_t *s)
{
    ngx_recording_object_t       *o;
    ngx_recording_object_list_t   list;

    o = s->data;

    if (s->result == NGX_RECORDING_S3_AGAIN) {
        ngx_recording_object_again(o, s);
        return;
    }

    ngx_memzero(&list, sizeof(ngx_recording_object_list_t));
    list.object = o;

    if (s->result == NGX_RECORDING_S3_OK) {
        (void) ngx_recording_xml(s->answer.data, s->answer.len,
                                 ngx_recording_object_content, &list);
    }

    if (!o->looked && (!list.ours || o->again)) {
        ngx_recording_object_upload(o);
        return;
    }

    if (o->looked && list.ours && list.size == o->size
        && strcmp(list.etag, o->md5) == 0)
    {
        (void) strcpy(o->etag, list.etag);
        ngx_recording_object_there(o);
        return;
    }

    ngx_recording_object_taken(o);
}


static void
ngx_recording_object_content(void *data, const char *name, ngx_uint_t depth,
    const char *text)
{
    ngx_recording_object_list_t *list = data;

    if (depth != 2) {
        return;
    }

    if (strcmp(name, "Key") == 0) {
        list->ours = ngx_recording_object_is_key(list->object, text);

    } else if (strcmp(name, "Size") == 0) {
        list->size = strtoll(text, NULL, 10);

    } else if (strcmp(name, "ETag") == 0) {
        ngx_recording_object_etag(list->etag, text);
    }
}


/* another file's id is what only a server of S3 can have */

void
ngx_recording_object_foreign(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s)
{
    if (s->file_id[0]) {
        ngx_recording_object_taken(o);

    } else {
        ngx_recording_object_run(o, ngx_recording_object_doubt);
    }
}


static void
ngx_recording_object_doubt(ngx_recording_object_t *o)
{
    ngx_recording_s3_t  *s;

    s = ngx_recording_object_request(o, "GET", ngx_recording_object_doubted);

    ngx_recording_s3_find(s);
    ngx_recording_s3_send(s);
}


static void
ngx_recording_object_doubted(ngx_recording_s3_t *s)
{
    ngx_recording_s3_trust(s);

    if (s->result == NGX_RECORDING_S3_OK) {
        ngx_recording_object_taken(s->data);

    } else {
        ngx_recording_object_again(s->data, s);
    }
}


void
ngx_recording_object_etag(char *etag, const char *text)
{
    size_t  len;

    len = strlen(text);

    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text++;
        len -= 2;
    }

    /* a part of one is none */

    (void) snprintf(etag, NGX_RECORDING_S3_ETAG, "%.*s",
                    len < NGX_RECORDING_S3_ETAG ? (int) len : 0, text);
}
