
#include "ngx_recording_facts.h"
#include "ngx_recording_removal.h"
#include "ngx_recording_segment.h"


#define NGX_RECORDING_REMOVAL_LINGER   60000000  /* us, of segments */
#define NGX_RECORDING_REMOVAL_PROBE    2000000   /* us */
#define NGX_RECORDING_REMOVAL_AGAIN    1000      /* ms, of a pause, at first */
#define NGX_RECORDING_REMOVAL_KEPT     64        /* segments, of an attempt */
#define NGX_RECORDING_REMOVAL_TAIL     "bytes=-2048"
#define NGX_RECORDING_REMOVAL_ROOM     8192


static void ngx_recording_removal_former(ngx_recording_removal_t *r);
static ngx_int_t ngx_recording_removal_facts(ngx_recording_removal_t *r);
static void ngx_recording_removal_run(ngx_recording_removal_t *r,
    void (*step)(ngx_recording_removal_t *r));
static ngx_recording_s3_t *ngx_recording_removal_request(
    ngx_recording_removal_t *r, const char *method,
    void (*done)(ngx_recording_s3_t *s));
static void ngx_recording_removal_look(ngx_recording_removal_t *r);
static void ngx_recording_removal_looked(ngx_recording_s3_t *s);
static void ngx_recording_removal_doubt(ngx_recording_removal_t *r);
static void ngx_recording_removal_doubted(ngx_recording_s3_t *s);
static void ngx_recording_removal_tail(ngx_recording_removal_t *r);
static void ngx_recording_removal_read(ngx_recording_s3_t *s);
static int64_t ngx_recording_removal_count(const ngx_str_t *text);
static void ngx_recording_removal_delete(ngx_recording_removal_t *r);
static void ngx_recording_removal_deleted(ngx_recording_s3_t *s);
static void ngx_recording_removal_over(ngx_recording_removal_t *r);
static void ngx_recording_removal_again(ngx_recording_removal_t *r,
    const ngx_recording_s3_t *s);
static void ngx_recording_removal_late(ngx_event_t *ev);
static void ngx_recording_removal_finish(ngx_recording_removal_t *r,
    ngx_recording_outbox_e result, int64_t pause);


void
ngx_recording_removal_prepare_thread(ngx_recording_removal_t *r)
{
    ngx_recording_removal_former(r);

    if (ngx_recording_removal_facts(r) != NGX_OK) {
        (void) snprintf(r->error, sizeof(r->error), "no memory");
        r->result = NGX_RECORDING_OUTBOX_FAILED;
        r->failed = 1;
        return;
    }

    if (ngx_recording_credentials_read_thread(
                                  (char *) r->bucket->credentials.data,
                                  &r->credentials, r->error, sizeof(r->error))
        != NGX_OK)
    {
        r->result = NGX_RECORDING_OUTBOX_RETURNED;
        r->pause = NGX_RECORDING_REMOVAL_PROBE;
        r->unreached = 1;
        r->stopped = 1;
        r->failed = 1;
    }
}


/* what a former attempt has left; it is our own: what cannot be read is
   nothing */

static void
ngx_recording_removal_former(ngx_recording_removal_t *r)
{
    json_t  *progress;

    progress = json_loads(r->row->progress, 0, NULL);

    r->segments = json_object_get(progress, "segments")
                  ? ngx_recording_facts_int(progress, "segments") : -1;
    r->hidden = (ngx_recording_facts_int(progress, "hidden") != 0);
    r->cursor = ngx_recording_facts_int(progress, "removed");

    json_decref(progress);
}


static ngx_int_t
ngx_recording_removal_facts(ngx_recording_removal_t *r)
{
    char     why[160];
    json_t  *facts;
    char    *p;

    if (ngx_recording_facts_parse(r->row->facts, &facts, why, sizeof(why))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->playlist = strcmp(ngx_recording_facts_text(facts, "format"), "hls")
                  == 0;
    json_decref(facts);

    (void) snprintf(r->file_id, sizeof(r->file_id), "%llu",
                    (unsigned long long) r->row->file_id);

    /* a segment lies beside its playlist */

    p = strrchr(r->row->key, '/');
    r->dir = p ? (size_t) (p - r->row->key) + 1 : 0;

    r->key = malloc(r->dir + NGX_RECORDING_SEGMENT_NAME);

    if (r->key == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(r->key, r->row->key, r->dir);

    return NGX_OK;
}


void
ngx_recording_removal_start(ngx_recording_removal_t *r)
{
    if (r->failed) {
        r->done(r);
        return;
    }

    if (r->playlist && r->hidden && r->cursor >= r->segments) {
        ngx_recording_removal_finish(r, NGX_RECORDING_OUTBOX_DONE, 0);
        return;
    }

    ngx_recording_removal_run(r, ngx_recording_removal_look);
}


void
ngx_recording_removal_free(ngx_recording_removal_t *r)
{
    ngx_recording_credentials_free(&r->credentials);

    free(r->progress);
    free(r->key);
    free(r);
}


static void
ngx_recording_removal_run(ngx_recording_removal_t *r,
    void (*step)(ngx_recording_removal_t *r))
{
    r->step = step;
    r->tries = 0;

    step(r);
}


/* of the object whose turn it is */

static ngx_recording_s3_t *
ngx_recording_removal_request(ngx_recording_removal_t *r, const char *method,
    void (*done)(ngx_recording_s3_t *s))
{
    ngx_recording_s3_t  *s;

    s = &r->request;

    ngx_recording_s3_clear(s);
    ngx_memzero(s, sizeof(ngx_recording_s3_t));

    if (r->hidden) {
        ngx_recording_segment_name(r->cursor, r->key + r->dir);
    }

    s->bucket = r->bucket;
    s->credentials = &r->credentials;
    s->log = r->log;
    s->method.data = (u_char *) method;
    s->method.len = ngx_strlen(method);
    s->key.data = (u_char *) (r->hidden ? r->key : r->row->key);
    s->key.len = ngx_strlen(s->key.data);
    s->done = done;
    s->data = r;

    return s;
}


/* --- whether it is there, and the file's */

static void
ngx_recording_removal_look(ngx_recording_removal_t *r)
{
    ngx_recording_s3_send(ngx_recording_removal_request(r, "HEAD",
                                               ngx_recording_removal_looked));
}


static void
ngx_recording_removal_looked(ngx_recording_s3_t *s)
{
    ngx_recording_removal_t  *r;

    r = s->data;

    if (s->result != NGX_RECORDING_S3_OK
        && s->result != NGX_RECORDING_S3_MISSING)
    {
        ngx_recording_removal_again(r, s);
        return;
    }

    /* of a bucket that is not there nothing was removed */

    if (s->file_id[0] == '\0' && !r->trusted) {
        ngx_recording_removal_run(r, ngx_recording_removal_doubt);
        return;
    }

    r->trusted = 1;

    if (s->result == NGX_RECORDING_S3_MISSING) {
        ngx_recording_removal_over(r);
        return;
    }

    if (strcmp(s->file_id, r->file_id) != 0) {
        r->foreign++;
        ngx_recording_removal_over(r);
        return;
    }

    ngx_recording_removal_run(r, r->playlist && r->segments == -1
                                 ? ngx_recording_removal_tail
                                 : ngx_recording_removal_delete);
}


static void
ngx_recording_removal_doubt(ngx_recording_removal_t *r)
{
    ngx_recording_s3_t  *s;

    s = ngx_recording_removal_request(r, "GET",
                                      ngx_recording_removal_doubted);

    ngx_recording_s3_find(s);
    ngx_recording_s3_send(s);
}


static void
ngx_recording_removal_doubted(ngx_recording_s3_t *s)
{
    ngx_recording_removal_t  *r;

    r = s->data;

    ngx_recording_s3_trust(s);

    if (s->result != NGX_RECORDING_S3_OK) {
        ngx_recording_removal_again(r, s);
        return;
    }

    r->trusted = 1;

    ngx_recording_removal_run(r, ngx_recording_removal_look);
}


/* --- how many segments there are: the last one is named at the end */

static void
ngx_recording_removal_tail(ngx_recording_removal_t *r)
{
    ngx_str_t            range = ngx_string(NGX_RECORDING_REMOVAL_TAIL);
    ngx_recording_s3_t  *s;

    s = ngx_recording_removal_request(r, "GET", ngx_recording_removal_read);

    s->room = NGX_RECORDING_REMOVAL_ROOM;
    ngx_recording_s3_header(s, "Range", &range);

    ngx_recording_s3_send(s);
}


static void
ngx_recording_removal_read(ngx_recording_s3_t *s)
{
    ngx_recording_removal_t  *r;

    r = s->data;

    if (s->result != NGX_RECORDING_S3_OK) {
        ngx_recording_removal_again(r, s);
        return;
    }

    r->segments = ngx_recording_removal_count(&s->answer);

    /* it is written before the playlist goes */

    ngx_recording_removal_finish(r, NGX_RECORDING_OUTBOX_RETURNED, 0);
}


static int64_t
ngx_recording_removal_count(const ngx_str_t *text)
{
    size_t      i, line;
    int64_t     count, number;

    count = 0;

    for (line = 0, i = 0; i < text->len; i++) {

        if (text->data[i] != '\n') {
            continue;
        }

        number = ngx_recording_segment_number(text->data + line, i - line);
        count = ngx_max(count, number + 1);
        line = i + 1;
    }

    return count;
}


/* --- it goes */

static void
ngx_recording_removal_delete(ngx_recording_removal_t *r)
{
    ngx_recording_s3_send(ngx_recording_removal_request(r, "DELETE",
                                              ngx_recording_removal_deleted));
}


static void
ngx_recording_removal_deleted(ngx_recording_s3_t *s)
{
    if (s->result == NGX_RECORDING_S3_OK
        || s->result == NGX_RECORDING_S3_MISSING)
    {
        ngx_recording_removal_over(s->data);

    } else {
        ngx_recording_removal_again(s->data, s);
    }
}


/* there is no such object of the file any more */

static void
ngx_recording_removal_over(ngx_recording_removal_t *r)
{
    if (!r->playlist) {
        ngx_recording_removal_finish(r, NGX_RECORDING_OUTBOX_DONE, 0);
        return;
    }

    if (!r->hidden) {

        /* of a playlist that somebody else has removed nobody knows the
           segments */

        r->hidden = 1;

        if (r->segments > 0) {
            ngx_recording_removal_finish(r, NGX_RECORDING_OUTBOX_RETURNED,
                                         NGX_RECORDING_REMOVAL_LINGER);

        } else {
            ngx_recording_removal_finish(r, NGX_RECORDING_OUTBOX_DONE, 0);
        }

        return;
    }

    r->cursor++;

    if (r->cursor >= r->segments) {
        ngx_recording_removal_finish(r, NGX_RECORDING_OUTBOX_DONE, 0);

    } else if (r->cursor % NGX_RECORDING_REMOVAL_KEPT == 0 || ngx_exiting) {

        /* others have their turn, and what was done is written */

        ngx_recording_removal_finish(r, NGX_RECORDING_OUTBOX_RETURNED, 0);

    } else {
        ngx_recording_removal_run(r, ngx_recording_removal_look);
    }
}


/* --- what has failed */

static void
ngx_recording_removal_again(ngx_recording_removal_t *r,
    const ngx_recording_s3_t *s)
{
    ngx_msec_t  pause;

    if (s->result == NGX_RECORDING_S3_AGAIN && !ngx_exiting
        && ++r->tries < NGX_RECORDING_REMOVAL_TRIES
        && s->pause <= NGX_RECORDING_S3_HOLD)
    {
        pause = NGX_RECORDING_REMOVAL_AGAIN << (r->tries - 1);

        r->timer.handler = ngx_recording_removal_late;
        r->timer.data = r;
        r->timer.log = r->log;

        ngx_add_timer(&r->timer, ngx_max(pause, s->pause));
        return;
    }

    (void) snprintf(r->error, sizeof(r->error), "%s", s->error);

    r->hold = s->pause;
    r->status = s->status;

    /* who may not remove may deliver all the same: the bucket is not to blame,
       nor if it does not say that there is none */

    if (s->result == NGX_RECORDING_S3_BUCKET
        && s->status != NGX_RECORDING_S3_FORBIDDEN)
    {
        r->unreached = 1;
        r->stopped = 1;
        ngx_recording_removal_finish(r, NGX_RECORDING_OUTBOX_RETURNED,
                                     NGX_RECORDING_REMOVAL_PROBE);
        return;
    }

    r->unreached = s->unreached && s->result != NGX_RECORDING_S3_BUCKET;

    ngx_recording_removal_finish(r, NGX_RECORDING_OUTBOX_FAILED, 0);
}


static void
ngx_recording_removal_late(ngx_event_t *ev)
{
    ngx_recording_removal_t  *r;

    r = ev->data;

    r->step(r);
}


static void
ngx_recording_removal_finish(ngx_recording_removal_t *r,
    ngx_recording_outbox_e result, int64_t pause)
{
    json_t  *progress;

    r->result = result;
    r->pause = pause;
    r->works = (r->error[0] == '\0');

    if (r->playlist) {
        progress = json_pack("{s:I, s:i, s:I}", "segments",
                             (json_int_t) r->segments, "hidden",
                             (int) r->hidden, "removed",
                             (json_int_t) r->cursor);

        r->progress = progress ? json_dumps(progress, JSON_COMPACT) : NULL;

        json_decref(progress);
    }

    ngx_recording_s3_clear(&r->request);

    r->done(r);
}
