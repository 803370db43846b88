
/*
 * What is to be delivered: from a row's facts and progress, and a playlist.
 */


#include "ngx_recording_delivery.h"
#include "ngx_recording_facts.h"
#include "ngx_recording_path.h"


#define NGX_RECORDING_DELIVERY_LIST  (64 * 1024 * 1024)    /* bytes */
#define NGX_RECORDING_DELIVERY_TIME  sizeof("2026-01-01T00:00:00.000Z")


typedef struct {
    const char             *format;
    const char             *type;
} ngx_recording_delivery_type_t;


static ngx_int_t ngx_recording_delivery_facts(ngx_recording_delivery_t *d);
static ngx_int_t ngx_recording_delivery_about(ngx_recording_delivery_t *d,
    const json_t *facts);
static char *ngx_recording_delivery_number(uint64_t id);
static char *ngx_recording_delivery_stream(const json_t *facts);
static char *ngx_recording_delivery_time(const json_t *facts,
    const char *name);
static ngx_int_t ngx_recording_delivery_former(ngx_recording_delivery_t *d);
static ngx_int_t ngx_recording_delivery_read(ngx_recording_delivery_t *d);
static ngx_int_t ngx_recording_delivery_read_list(
    ngx_recording_delivery_list_t *list, int fd);
static ngx_int_t ngx_recording_delivery_segments(
    ngx_recording_delivery_list_t *list, ngx_uint_t most, int copy);
static ngx_uint_t ngx_recording_delivery_is_segment(const char *line);
static ngx_int_t ngx_recording_delivery_refuse(ngx_recording_delivery_t *d,
    ngx_recording_outbox_e result, const char *why);


static const ngx_recording_delivery_type_t  ngx_recording_delivery_types[] = {
    { "mp4", "video/mp4" },
    { "flv", "video/x-flv" },
    { "aac", "audio/aac" },
    { "hls", "application/vnd.apple.mpegurl" },
    { NULL, "application/octet-stream" }
};


static const char *const  ngx_recording_delivery_names_of_meta[] = {
    "x-amz-meta-file-id",
    "x-amz-meta-recording-id",
    "x-amz-meta-stream",
    "x-amz-meta-start",
    "x-amz-meta-end"
};


ngx_int_t
ngx_recording_delivery_plan_thread(ngx_recording_delivery_t *d)
{
    ngx_int_t  rc;

    rc = ngx_recording_delivery_former(d);

    if (rc == NGX_OK) {
        rc = ngx_recording_delivery_facts(d);
    }

    if (rc == NGX_OK && d->playlist && !d->early) {
        rc = ngx_recording_delivery_read(d);
    }

    return rc;
}


static ngx_int_t
ngx_recording_delivery_facts(ngx_recording_delivery_t *d)
{
    char                                  why[160];
    json_t                               *facts;
    ngx_int_t                             rc;
    const ngx_recording_delivery_type_t  *type;

    rc = ngx_recording_facts_parse(d->row->facts, &facts, why, sizeof(why));

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED
               ? ngx_recording_delivery_refuse(d, NGX_RECORDING_OUTBOX_DEAD,
                                               why)
               : ngx_recording_delivery_refuse(d, NGX_RECORDING_OUTBOX_FAILED,
                                               "no memory");
    }

    for (type = ngx_recording_delivery_types; type->format; type++) {
        if (strcmp(type->format, ngx_recording_facts_text(facts, "format"))
            == 0)
        {
            break;
        }
    }

    d->type = type->type;
    d->playlist = (type->format && strcmp(type->format, "hls") == 0);
    d->segments_size = ngx_recording_facts_int(facts, "size");

    (void) snprintf(d->format, sizeof(d->format), "%s",
                    type->format ? type->format : "");

    rc = ngx_recording_delivery_about(d, facts);

    json_decref(facts);

    return rc == NGX_OK ? NGX_OK
           : ngx_recording_delivery_refuse(d, NGX_RECORDING_OUTBOX_FAILED,
                                           "no memory");
}


/* what its metadata says of it */

static ngx_int_t
ngx_recording_delivery_about(ngx_recording_delivery_t *d, const json_t *facts)
{
    ngx_uint_t                    i;
    ngx_recording_http_header_t  *h;

    d->path = strdup(ngx_recording_facts_text(facts, "path"));

    (void) snprintf(d->file_id, sizeof(d->file_id), "%llu",
                    (unsigned long long) d->row->file_id);

    d->values[0] = ngx_recording_delivery_number(d->row->file_id);
    d->values[1] = ngx_recording_delivery_number(d->row->recording_id);
    d->values[2] = ngx_recording_delivery_stream(facts);
    d->values[3] = ngx_recording_delivery_time(facts, "start_us");
    d->values[4] = ngx_recording_delivery_time(facts, "end_us");

    for (i = 0; i < NGX_RECORDING_DELIVERY_META; i++) {

        if (d->values[i] == NULL) {
            return NGX_ERROR;
        }

        h = &d->meta[i];

        h->name.data = (u_char *) ngx_recording_delivery_names_of_meta[i];
        h->name.len = strlen(ngx_recording_delivery_names_of_meta[i]);
        h->value.data = (u_char *) d->values[i];
        h->value.len = strlen(d->values[i]);
    }

    return d->path ? NGX_OK : NGX_ERROR;
}


static char *
ngx_recording_delivery_number(uint64_t id)
{
    char  *text;

    text = malloc(NGX_INT64_LEN + 1);

    if (text) {
        (void) sprintf(text, "%llu", (unsigned long long) id);
    }

    return text;
}


/* headers are ASCII: "application/stream", encoded as in a URL */

static char *
ngx_recording_delivery_stream(const json_t *facts)
{
    u_char      *p;
    char        *text;
    const char  *app, *stream;

    app = ngx_recording_facts_text(facts, "app");
    stream = ngx_recording_facts_text(facts, "stream");

    text = malloc(3 * (strlen(app) + strlen(stream)) + 2);

    if (text == NULL) {
        return NULL;
    }

    p = ngx_recording_path_escape((u_char *) text, (u_char *) app,
                                  strlen(app));
    *p++ = '/';
    p = ngx_recording_path_escape(p, (u_char *) stream, strlen(stream));
    *p = '\0';

    return text;
}


static char *
ngx_recording_delivery_time(const json_t *facts, const char *name)
{
    char       *text;
    time_t      sec;
    int64_t     us;
    struct tm   tm;

    us = ngx_recording_facts_int(facts, name);
    sec = us / 1000000;

    text = calloc(1, NGX_RECORDING_DELIVERY_TIME);

    if (text && gmtime_r(&sec, &tm)) {
        (void) strftime(text, NGX_RECORDING_DELIVERY_TIME,
                        "%Y-%m-%dT%H:%M:%S.", &tm);
        (void) snprintf(text + strlen(text), sizeof("000Z"), "%03uZ",
                        (unsigned) (us / 1000) % 1000);
    }

    return text;
}


/* --- what a former attempt has left */

static ngx_int_t
ngx_recording_delivery_former(ngx_recording_delivery_t *d)
{
    json_t      *progress;
    const char  *id;

    d->again = (d->row->attempts > 1);

    if (d->row->progress == NULL || d->row->progress[0] == '\0') {
        return NGX_OK;
    }

    d->again = 1;

    /* it is our own: what cannot be read is nothing */

    progress = json_loads(d->row->progress, 0, NULL);

    id = ngx_recording_facts_text(progress, "upload_id");

    if (strlen(id) < sizeof(d->upload_id)) {
        (void) strcpy(d->upload_id, id);
    }

    d->part_size = ngx_recording_facts_int(progress, "part_size");
    d->cursor = ngx_recording_facts_int(progress, "segments");
    d->begun = (ngx_recording_facts_int(progress, "early") != 0);

    json_decref(progress);

    return NGX_OK;
}


char *
ngx_recording_delivery_progress(const ngx_recording_delivery_t *d)
{
    char    *text;
    json_t  *progress;

    if (d->playlist) {
        progress = json_pack("{s:I, s:i}", "segments", (json_int_t) d->cursor,
                             "early", (int) d->begun);

    } else {
        progress = json_pack("{s:s, s:I, s:i}", "upload_id", d->upload_id,
                             "part_size", (json_int_t) d->part_size,
                             "early", (int) d->begun);
    }

    text = progress ? json_dumps(progress, JSON_COMPACT) : NULL;

    json_decref(progress);

    return text;
}


/* --- a playlist */

static ngx_int_t
ngx_recording_delivery_read(ngx_recording_delivery_t *d)
{
    ngx_err_t  err;

    if (ngx_recording_delivery_list_thread(d->store, d->path,
                                           NGX_MAX_UINT32_VALUE, -1, &d->list)
        != NGX_OK)
    {
        err = errno;

        return ngx_recording_delivery_refuse(d, err == ENOENT
                                       ? NGX_RECORDING_OUTBOX_DEAD
                                       : NGX_RECORDING_OUTBOX_FAILED,
                                       err == ENOENT
                                       ? "the local file is not there any more"
                                       : strerror(err));
    }

    d->there = calloc(d->list.n + 1, 1);

    if (d->there == NULL) {
        return ngx_recording_delivery_refuse(d, NGX_RECORDING_OUTBOX_FAILED,
                                             "no memory");
    }

    d->cursor = ngx_min(d->cursor, d->list.n);
    d->kept = d->cursor;

    (void) memset(d->there, 1, d->cursor);

    return NGX_OK;
}


ngx_int_t
ngx_recording_delivery_list_thread(ngx_recording_store_t *store,
    const char *path, ngx_uint_t most, int copy,
    ngx_recording_delivery_list_t *list)
{
    int        fd;
    ngx_int_t  rc;
    ngx_err_t  err;

    ngx_memzero(list, sizeof(ngx_recording_delivery_list_t));

    fd = ngx_recording_openat(store->files, path,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK, 0);

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = ngx_recording_delivery_read_list(list, fd);

    if (rc == NGX_OK) {
        rc = ngx_recording_delivery_segments(list, most, copy);
    }

    err = errno;

    ngx_recording_close(fd);

    if (rc != NGX_OK) {
        ngx_recording_delivery_list_free(list);
    }

    errno = err;

    return rc;
}


static ngx_int_t
ngx_recording_delivery_read_list(ngx_recording_delivery_list_t *list, int fd)
{
    struct stat  info;

    if (fstat(fd, &info) == -1) {
        return NGX_ERROR;
    }

    if (!S_ISREG(info.st_mode) || info.st_size > NGX_RECORDING_DELIVERY_LIST) {
        errno = EFBIG;
        return NGX_ERROR;
    }

    list->len = info.st_size;
    list->text = malloc(list->len + 1);

    if (list->text == NULL
        || ngx_recording_io_read_thread(fd, list->text, list->len, 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    list->text[list->len] = '\0';

    return NGX_OK;
}


/* the names in it, each of which lies beside it */

static ngx_int_t
ngx_recording_delivery_segments(ngx_recording_delivery_list_t *list,
    ngx_uint_t most, int copy)
{
    char        *p, *line, *save;
    ngx_uint_t   n;

    /* behind the line of the last one */

    for (p = list->text, line = p, n = 0; *p && n < most; p++) {

        if (*p == '\n') {
            n += ngx_recording_delivery_is_segment(line);
            line = p + 1;
        }
    }

    if (n == most) {
        list->len = p - list->text;
        *p = '\0';
    }

    if (copy != -1
        && ngx_recording_io_write_thread(copy, list->text, list->len, 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    list->names = calloc(n + 1, sizeof(char *));

    if (list->names == NULL) {
        return NGX_ERROR;
    }

    p = strstr(list->text, "#EXT-X-TARGETDURATION:");
    list->target = p ? strtoul(strchr(p, ':') + 1, NULL, 10) : 0;

    for (line = strtok_r(list->text, "\r\n", &save);
         line && list->n <= n;
         line = strtok_r(NULL, "\r\n", &save))
    {
        if (ngx_recording_delivery_is_segment(line)) {
            list->names[list->n++] = line;
        }
    }

    return NGX_OK;
}


/* a line of it, which ends with the text, or with the line */

static ngx_uint_t
ngx_recording_delivery_is_segment(const char *line)
{
    return line[0] != '#' && line[0] != '.'
           && line[strcspn(line, "/\r\n")] != '/'
           && strcspn(line, "\r\n") > 0;
}


void
ngx_recording_delivery_list_free(ngx_recording_delivery_list_t *list)
{
    free(list->names);
    free(list->text);

    ngx_memzero(list, sizeof(ngx_recording_delivery_list_t));
}


static ngx_int_t
ngx_recording_delivery_refuse(ngx_recording_delivery_t *d,
    ngx_recording_outbox_e result, const char *why)
{
    d->result = result;
    d->pause = result == NGX_RECORDING_OUTBOX_FAILED ? 60000000 : 0;

    (void) snprintf(d->error, sizeof(d->error), "%s", why);

    return NGX_ERROR;
}
