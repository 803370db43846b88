
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
static ssize_t ngx_recording_delivery_read_list(ngx_recording_delivery_t *d,
    int fd);
static ngx_int_t ngx_recording_delivery_segments(ngx_recording_delivery_t *d);
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

    if (rc == NGX_OK && strcmp(d->type, "application/vnd.apple.mpegurl") == 0)
    {
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

    json_decref(progress);

    return NGX_OK;
}


char *
ngx_recording_delivery_progress(const ngx_recording_delivery_t *d)
{
    char    *text;
    json_t  *progress;

    if (d->list) {
        progress = json_pack("{s:I}", "segments", (json_int_t) d->cursor);

    } else {
        progress = json_pack("{s:s, s:I}", "upload_id", d->upload_id,
                             "part_size", (json_int_t) d->part_size);
    }

    text = progress ? json_dumps(progress, JSON_COMPACT) : NULL;

    json_decref(progress);

    return text;
}


/* --- a playlist */

static ngx_int_t
ngx_recording_delivery_read(ngx_recording_delivery_t *d)
{
    int        fd;
    ssize_t    size;
    ngx_err_t  err;

    fd = ngx_recording_openat(d->store->files, d->path,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK, 0);

    if (fd == -1) {
        err = errno;

        return ngx_recording_delivery_refuse(d, err == ENOENT
                                       ? NGX_RECORDING_OUTBOX_DEAD
                                       : NGX_RECORDING_OUTBOX_FAILED,
                                       err == ENOENT
                                       ? "the local file is not there any more"
                                       : strerror(err));
    }

    size = ngx_recording_delivery_read_list(d, fd);
    err = errno;

    (void) close(fd);

    if (size < 0) {
        return ngx_recording_delivery_refuse(d, NGX_RECORDING_OUTBOX_FAILED,
                                             strerror(err));
    }

    d->list[size] = '\0';

    return ngx_recording_delivery_segments(d);
}


static ssize_t
ngx_recording_delivery_read_list(ngx_recording_delivery_t *d, int fd)
{
    off_t        done;
    ssize_t      n;
    struct stat  info;

    if (fstat(fd, &info) == -1) {
        return -1;
    }

    if (!S_ISREG(info.st_mode) || info.st_size > NGX_RECORDING_DELIVERY_LIST) {
        errno = EFBIG;
        return -1;
    }

    d->list = malloc(info.st_size + 1);

    if (d->list == NULL) {
        return -1;
    }

    for (done = 0; done < info.st_size; done += n) {
        n = pread(fd, d->list + done, info.st_size - done, done);

        if (n == -1 && errno == NGX_EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            return n ? -1 : (ssize_t) done;
        }
    }

    return (ssize_t) done;
}


/* the names in it, each of which lies beside it */

static ngx_int_t
ngx_recording_delivery_segments(ngx_recording_delivery_t *d)
{
    char        *line, *save;
    ngx_uint_t   n;

    n = 1;

    for (line = d->list; *line; line++) {
        n += (*line == '\n');
    }

    d->segments = calloc(n, sizeof(char *));
    d->there = calloc(n, 1);

    if (d->segments == NULL || d->there == NULL) {
        return ngx_recording_delivery_refuse(d, NGX_RECORDING_OUTBOX_FAILED,
                                             "no memory");
    }

    for (line = strtok_r(d->list, "\r\n", &save);
         line;
         line = strtok_r(NULL, "\r\n", &save))
    {
        if (line[0] != '#' && line[0] != '.' && strchr(line, '/') == NULL) {
            d->segments[d->nsegments++] = line;
        }
    }

    d->cursor = ngx_min(d->cursor, d->nsegments);
    d->kept = d->cursor;

    (void) memset(d->there, 1, d->cursor);

    return NGX_OK;
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
