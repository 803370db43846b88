
/*
 * What a bucket has of a key, by a list.
 */


#include "ngx_recording_s3.h"


static void ngx_recording_s3_root(void *data, const char *name,
    ngx_uint_t depth, const char *text);


void
ngx_recording_s3_find(ngx_recording_s3_t *s)
{
    ngx_recording_s3_arg(s, "list-type", "2");
    ngx_recording_s3_arg(s, "max-keys", "1");

    s->args[s->nargs].value = s->key;
    ngx_str_set(&s->args[s->nargs].name, "prefix");
    s->nargs++;

    ngx_str_null(&s->key);
}


void
ngx_recording_s3_trust(ngx_recording_s3_t *s)
{
    ngx_uint_t  list;

    list = 0;

    if (s->result == NGX_RECORDING_S3_OK) {
        (void) ngx_recording_xml(s->answer.data, s->answer.len,
                                 ngx_recording_s3_root, &list);
    }

    /* who may not list a bucket is told so by a server that has it */

    if (list || strcmp(s->code, "AccessDenied") == 0) {
        s->result = NGX_RECORDING_S3_OK;
        return;
    }

    if (s->status == 0 || s->result == NGX_RECORDING_S3_AGAIN
        || (s->result == NGX_RECORDING_S3_BUCKET && s->code[0]))
    {
        return;
    }

    if (s->code[0]) {
        s->result = NGX_RECORDING_S3_OK;
        return;
    }

    s->result = NGX_RECORDING_S3_BUCKET;
    s->unreached = 1;

    (void) snprintf(s->error, sizeof(s->error), "GET answered with %u, and "
                    "with no list of a bucket: its endpoint is no server of "
                    "S3", (unsigned) s->status);
}


static void
ngx_recording_s3_root(void *data, const char *name, ngx_uint_t depth,
    const char *text)
{
    ngx_uint_t *list = data;

    if (depth == 0 && strcmp(name, "ListBucketResult") == 0) {
        *list = 1;
    }
}
