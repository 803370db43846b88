
/*
 * What a stream was at a time, by the wall clock: the parts of files that hold
 * it, and what is missing.
 */


#include "ngx_recording_api_course.h"
#include "ngx_recording_api_edit.h"
#include "ngx_recording_api_time.h"
#include "ngx_recording_text.h"


#define NGX_RECORDING_API_EDIT_STREAMS  10       /* in a call */
#define NGX_RECORDING_API_EDIT_FILES    2000     /* that are looked at */
#define NGX_RECORDING_API_EDIT_GAPS     1000     /* that are told of a call */
#define NGX_RECORDING_API_EDIT_NEAR     1000000  /* us: no gap, nor overlap */
#define NGX_RECORDING_API_EDIT_TEXT     256


/* formats, as they are preferred */

static const char *const  ngx_recording_api_edit_formats[] = {
    "mp4", "flv", "hls", "aac", NULL
};


/* a file that has something of the time */

typedef struct {
    uint64_t                id;
    uint64_t                recording_id;
    ngx_uint_t              format;
    ngx_uint_t              grows;
    ngx_uint_t              local;
    int64_t                 start_us;
    int64_t                 end_us;
    int64_t                 finished_us;
    int64_t                 duration;      /* ms */
    json_t                 *gaps;          /* of its interruptions */

    int64_t                 from;          /* us, what is taken of it */
    int64_t                 to;            /* not behind from: nothing */
    int64_t                 at;            /* us, when that was at the latest */
} ngx_recording_api_edit_found_t;


/* an element of StreamInfos, and what is found */

typedef struct {
    ngx_recording_api_call_t  *call;
    ngx_recording_edit_t   *edit;
    json_t                 *missing;

    ngx_str_t               stream;
    ngx_str_t               app;
    ngx_str_t               domain;
    ngx_str_t               begin;
    ngx_str_t               end;
    int64_t                 template;      /* 0: any */
    int64_t                 from;          /* us */
    int64_t                 to;

    /* of the first one that is found, and whether others have another one */
    char                    app_of[NGX_RECORDING_API_EDIT_TEXT];
    char                    server_of[NGX_RECORDING_API_EDIT_TEXT];
    int64_t                 template_of;
    ngx_uint_t              apps;
    ngx_uint_t              servers;
    ngx_uint_t              templates;

    ngx_uint_t              n;
    ngx_recording_api_edit_found_t  found[NGX_RECORDING_API_EDIT_FILES];
} ngx_recording_api_edit_stream_t;


static ngx_int_t ngx_recording_api_edit_stream(
    ngx_recording_api_edit_stream_t *s, const json_t *info);
static ngx_int_t ngx_recording_api_edit_stream_read(
    ngx_recording_api_edit_stream_t *s, const json_t *info);
static ngx_int_t ngx_recording_api_edit_stream_find(
    ngx_recording_api_edit_stream_t *s);
static ngx_int_t ngx_recording_api_edit_stream_row(void *data,
    const ngx_recording_catalogue_search_file_t *row);
static void ngx_recording_api_edit_stream_of(
    ngx_recording_api_edit_stream_t *s,
    const ngx_recording_catalogue_search_file_t *row);
static ngx_int_t ngx_recording_api_edit_stream_clear(
    ngx_recording_api_edit_stream_t *s);
static ngx_int_t ngx_recording_api_edit_stream_format(
    ngx_recording_api_edit_stream_t *s);
static int ngx_libc_cdecl ngx_recording_api_edit_stream_order(const void *one,
    const void *two);
static ngx_int_t ngx_recording_api_edit_stream_parts(
    ngx_recording_api_edit_stream_t *s);
static void ngx_recording_api_edit_stream_take(
    ngx_recording_api_edit_stream_t *s);
static ngx_uint_t ngx_recording_api_edit_stream_goes_on(
    ngx_recording_api_edit_stream_t *s, ngx_uint_t i);
static void ngx_recording_api_edit_stream_place(
    ngx_recording_api_edit_stream_t *s);
static ngx_int_t ngx_recording_api_edit_stream_part(
    ngx_recording_api_edit_stream_t *s, ngx_recording_api_edit_found_t *f);
static int64_t ngx_recording_api_edit_stream_offset(
    const ngx_recording_api_edit_found_t *f, int64_t us);
static ngx_int_t ngx_recording_api_edit_stream_interruptions(
    ngx_recording_api_edit_stream_t *s,
    const ngx_recording_api_edit_found_t *f);
static int64_t ngx_recording_api_edit_stream_number(const json_t *object,
    const char *name);
static ngx_int_t ngx_recording_api_edit_stream_gap(
    ngx_recording_api_edit_stream_t *s, int64_t from, int64_t to);


ngx_int_t
ngx_recording_api_edit_streams(ngx_recording_api_call_t *call,
    const json_t *infos, ngx_recording_edit_t *edit, json_t *gaps)
{
    size_t                            i, n;
    ngx_int_t                         rc;
    ngx_recording_api_edit_stream_t  *s;

    n = infos ? json_array_size(infos) : 0;

    if (n == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there are no StreamInfos");
    }

    if (n > NGX_RECORDING_API_EDIT_STREAMS) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "StreamInfos has more than %d elements",
                                      NGX_RECORDING_API_EDIT_STREAMS);
    }

    for (rc = NGX_OK, i = 0; rc == NGX_OK && i < n; i++) {
        s = calloc(1, sizeof(ngx_recording_api_edit_stream_t));

        if (s == NULL) {
            return NGX_ERROR;
        }

        s->call = call;
        s->edit = edit;
        s->missing = gaps;

        rc = ngx_recording_api_edit_stream(s, json_array_get(infos, i));

        while (s->n) {
            json_decref(s->found[--s->n].gaps);
        }

        free(s);
    }

    return rc;
}


static ngx_int_t
ngx_recording_api_edit_stream(ngx_recording_api_edit_stream_t *s,
    const json_t *info)
{
    ngx_int_t  rc;

    rc = ngx_recording_api_edit_stream_read(s, info);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_edit_stream_find(s);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_edit_stream_clear(s);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_edit_stream_format(s);
    }

    return rc == NGX_OK ? ngx_recording_api_edit_stream_parts(s) : rc;
}


static ngx_int_t
ngx_recording_api_edit_stream_read(ngx_recording_api_edit_stream_t *s,
    const json_t *info)
{
    ngx_int_t  rc;

    static const ngx_recording_api_param_t  params[] = {
        { "StreamId", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_edit_stream_t, stream), 0, 1024 },
        { "StartTime", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_edit_stream_t, begin), 0, 64 },
        { "EndTime", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_edit_stream_t, end), 0, 64 },
        { "AppName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_edit_stream_t, app), 0, 1024 },
        { "DomainName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_edit_stream_t, domain), 0, 1024 },
        { "TemplateId", NGX_RECORDING_API_NUMBER,
          offsetof(ngx_recording_api_edit_stream_t, template), 0,
          INT64_MAX },
        { NULL, 0, 0, 0, 0 }
    };

    if (!json_is_object(info)) {
        return ngx_recording_api_fail(s->call, "InvalidParameter",
                                      "StreamInfos has an element that is not "
                                      "an object");
    }

    rc = ngx_recording_api_members(s->call, info, params, s);

    if (rc != NGX_OK) {
        return rc;
    }

    if (s->stream.len == 0 || s->begin.len == 0 || s->end.len == 0) {
        return ngx_recording_api_fail(s->call, "MissingParameter",
                                      "an element of StreamInfos has no %s",
                                      s->stream.len == 0 ? "StreamId"
                                      : s->begin.len == 0 ? "StartTime"
                                                          : "EndTime");
    }

    if (ngx_recording_api_time_parse(&s->begin, &s->from) != NGX_OK
        || ngx_recording_api_time_parse(&s->end, &s->to) != NGX_OK)
    {
        return ngx_recording_api_fail(s->call, "InvalidParameterValue",
                                      "StartTime or EndTime of StreamInfos is "
                                      "not a time as 2026-01-02T03:04:05Z or "
                                      "2026-01-02T03:04:05+08:00");
    }

    if (s->to <= s->from) {
        return ngx_recording_api_fail(s->call, "InvalidParameterValue",
                                      "EndTime of StreamInfos is not after "
                                      "StartTime");
    }

    return NGX_OK;
}


/* finished ones by a search, as SearchMedia does it, and those that grow */

static ngx_int_t
ngx_recording_api_edit_stream_find(ngx_recording_api_edit_stream_t *s)
{
    ngx_int_t                         rc;
    ngx_str_t                         source = ngx_string("Record");
    ngx_uint_t                        i;
    ngx_recording_catalogue_search_t  search;

    ngx_recording_catalogue_search_init(&search);

    search.streams.n = 1;
    search.streams.text = &s->stream;
    search.sources.n = 1;
    search.sources.text = &source;
    search.recorded = 1;
    search.from = s->from;
    search.to = s->to;
    search.ascending = 1;
    search.limit = NGX_RECORDING_SEARCH_PAGE;

    do {
        rc = ngx_recording_catalogue_search_media(s->call->catalogue, &search);

        for (i = 0; rc == NGX_OK && i < search.n; i++) {
            rc = ngx_recording_catalogue_search_file(s->call->catalogue,
                                   search.page[i].id,
                                   ngx_recording_api_edit_stream_row, s);
        }

        search.behind = 1;
        search.key = search.next;
        search.offset = search.skip;

    } while (rc == NGX_OK && search.more
             && s->n < NGX_RECORDING_API_EDIT_FILES);

    return rc != NGX_OK ? rc
           : ngx_recording_catalogue_search_growing(s->call->catalogue,
                                   &s->stream, s->from, s->to,
                                   ngx_recording_api_edit_stream_row, s);
}


static ngx_int_t
ngx_recording_api_edit_stream_row(void *data,
    const ngx_recording_catalogue_search_file_t *row)
{
    ngx_recording_api_edit_stream_t *s = data;

    ngx_recording_api_edit_found_t  *f;

    if ((s->app.len && (s->app.len != row->app.len
                        || ngx_memcmp(s->app.data, row->app.data,
                                      s->app.len) != 0))
        || (s->domain.len && (s->domain.len != row->domain.len
                              || ngx_memcmp(s->domain.data, row->domain.data,
                                            s->domain.len) != 0))
        || (s->template
            && s->template != (int64_t)
                              ngx_recording_text_id(row->template.data,
                                                    row->template.len))
        || s->n == NGX_RECORDING_API_EDIT_FILES)
    {
        return NGX_OK;
    }

    f = &s->found[s->n];

    while (ngx_recording_api_edit_formats[f->format]
           && ngx_strcmp(ngx_recording_api_edit_formats[f->format],
                         row->format) != 0)
    {
        f->format++;
    }

    f->id = row->id;
    f->recording_id = row->recording_id;
    f->grows = !row->media;
    f->local = row->local;
    f->start_us = row->start_us;
    f->end_us = row->end_us;
    f->finished_us = row->finished_us;
    f->duration = row->duration_ms;
    f->gaps = ngx_recording_api_json(row->gaps, json_array);

    if (f->gaps == NULL) {
        return NGX_ERROR;
    }

    ngx_recording_api_edit_stream_of(s, row);
    s->n++;

    return NGX_OK;
}


/* whether it is of another stream than the first one is, or of another
   template */

static void
ngx_recording_api_edit_stream_of(ngx_recording_api_edit_stream_t *s,
    const ngx_recording_catalogue_search_file_t *row)
{
    int64_t  template;
    char     app[NGX_RECORDING_API_EDIT_TEXT];
    char     server[NGX_RECORDING_API_EDIT_TEXT];

    template = (int64_t) ngx_recording_text_id(row->template.data,
                                               row->template.len);
    ngx_recording_api_copy(app, sizeof(app), &row->app);
    ngx_recording_api_copy(server, sizeof(server), &row->server);

    if (s->n == 0) {
        s->template_of = template;
        ngx_memcpy(s->app_of, app, sizeof(app));
        ngx_memcpy(s->server_of, server, sizeof(server));

        return;
    }

    s->templates |= (template != s->template_of);
    s->apps |= (ngx_strcmp(app, s->app_of) != 0);
    s->servers |= (ngx_strcmp(server, s->server_of) != 0);
}


static ngx_int_t
ngx_recording_api_edit_stream_clear(ngx_recording_api_edit_stream_t *s)
{
    const char  *what;

    if (s->n == 0) {
        return ngx_recording_api_fail(s->call, "ResourceNotFound",
                                      "there is nothing of stream \"%.*s\" "
                                      "at that time",
                                      (int) ngx_min(s->stream.len, 64),
                                      (char *) s->stream.data);
    }

    if (s->n == NGX_RECORDING_API_EDIT_FILES) {
        return ngx_recording_api_fail(s->call, "InvalidParameterValue",
                                      "there are more than %d files of that "
                                      "time", NGX_RECORDING_API_EDIT_FILES - 1);
    }

    what = s->apps ? "AppName" : s->servers ? "DomainName"
           : s->templates ? "TemplateId" : NULL;

    return what == NULL ? NGX_OK
           : ngx_recording_api_fail(s->call, "InvalidParameterValue",
                                    "there are several recordings of that "
                                    "stream at that time: %s has to tell "
                                    "which one", what);
}


/* one of them, as they have the same: others go; the order is that of time */

static ngx_int_t
ngx_recording_api_edit_stream_format(ngx_recording_api_edit_stream_t *s)
{
    ngx_uint_t                       i, n, best;
    ngx_recording_api_edit_found_t  *f;

    for (best = s->found[0].format, i = 1; i < s->n; i++) {
        best = ngx_min(best, s->found[i].format);
    }

    for (n = 0, i = 0; i < s->n; i++) {
        f = &s->found[i];

        if (f->format != best) {
            json_decref(f->gaps);
            continue;
        }

        s->found[n++] = *f;
    }

    s->n = n;

    ngx_qsort(s->found, n, sizeof(ngx_recording_api_edit_found_t),
              ngx_recording_api_edit_stream_order);

    for (i = 0; i < n; i++) {
        f = &s->found[i];

        if (f->grows) {
            return ngx_recording_api_fail(s->call, "ResourceInUse",
                                          "file %llu, which has something of "
                                          "that time, has not ended, or waits "
                                          "for its stream",
                                          (unsigned long long) f->id);
        }

        if (!f->local) {
            return ngx_recording_api_fail(s->call, "UnsupportedOperation",
                                          "file %llu, which has something of "
                                          "that time, is in a bucket only",
                                          (unsigned long long) f->id);
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_recording_api_edit_stream_order(const void *one, const void *two)
{
    const ngx_recording_api_edit_found_t  *a, *b;

    a = one;
    b = two;

    return a->start_us != b->start_us ? (a->start_us < b->start_us ? -1 : 1)
           : a->id < b->id ? -1 : 1;
}


/* one after the other, and what is missing between them */

static ngx_int_t
ngx_recording_api_edit_stream_parts(ngx_recording_api_edit_stream_t *s)
{
    int64_t                          at, last;
    ngx_int_t                        rc;
    ngx_uint_t                       i, before;
    ngx_recording_api_edit_found_t  *f, *prev;

    ngx_recording_api_edit_stream_take(s);
    ngx_recording_api_edit_stream_place(s);

    last = s->from;
    prev = NULL;
    before = s->edit->n;

    for (i = 0; i < s->n; i++) {
        f = &s->found[i];

        if (f->to <= f->from) {
            continue;
        }

        at = prev && prev->recording_id == f->recording_id
             ? prev->at + prev->to - prev->from : last;

        rc = ngx_recording_api_edit_stream_gap(s, ngx_max(at, s->from), f->at);

        if (rc == NGX_OK) {
            rc = ngx_recording_api_edit_stream_part(s, f);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        last = ngx_max(last, f->to);
        prev = f;
    }

    if (s->edit->n == before) {
        return ngx_recording_api_fail(s->call, "ResourceNotFound",
                                      "nothing was recorded at that time, the "
                                      "stream was interrupted");
    }

    return ngx_recording_api_edit_stream_gap(s, last, s->to);
}


/* of a recording, the first file from where it is asked for, the last one to
   there: what is between is whole, whatever its times are */

static void
ngx_recording_api_edit_stream_take(ngx_recording_api_edit_stream_t *s)
{
    ngx_uint_t                       i;
    ngx_recording_api_course_t       course;
    ngx_recording_api_edit_found_t  *f;

    ngx_memzero(&course, sizeof(ngx_recording_api_course_t));

    for (i = 0; i < s->n; i++) {
        f = &s->found[i];

        ngx_recording_api_course_next(&course, f->recording_id, f->start_us,
                                      f->finished_us);

        /* times of arrival: it may begin a little before the one before it
           ends */

        f->from = course.end - f->start_us < NGX_RECORDING_API_EDIT_NEAR
                  ? f->start_us : course.end;

        if (f->recording_id != course.recording_id) {
            f->from = ngx_max(f->from, s->from);
        }

        f->to = ngx_recording_api_edit_stream_goes_on(s, i)
                ? f->end_us : ngx_min(f->end_us, s->to);

        if (f->to > f->from) {
            ngx_recording_api_course_taken(&course, f->recording_id, f->to);
        }
    }
}


/* whether a later file is of the same recording */

static ngx_uint_t
ngx_recording_api_edit_stream_goes_on(ngx_recording_api_edit_stream_t *s,
    ngx_uint_t i)
{
    ngx_uint_t  n;

    for (n = i + 1; n < s->n; n++) {
        if (s->found[n].recording_id == s->found[i].recording_id) {
            return 1;
        }
    }

    return 0;
}


/*
 * What came in a burst had been kept by the encoder: it was before the rest of
 * its recording, and not later than it came.
 */

static void
ngx_recording_api_edit_stream_place(ngx_recording_api_edit_stream_t *s)
{
    int64_t                          lasts;
    ngx_uint_t                       i;
    ngx_recording_api_edit_found_t  *f, *next;

    next = NULL;

    for (i = s->n; i-- > 0; /* void */) {
        f = &s->found[i];
        lasts = f->to - f->from;

        if (lasts <= 0) {
            continue;
        }

        f->at = f->from;

        if (f->finished_us > f->start_us) {
            f->at = ngx_min(f->at, f->finished_us - f->end_us + f->from);
        }

        if (next && next->recording_id == f->recording_id) {
            f->at = ngx_min(f->at, next->at - lasts);
        }

        next = f;
    }
}


static ngx_int_t
ngx_recording_api_edit_stream_part(ngx_recording_api_edit_stream_t *s,
    ngx_recording_api_edit_found_t *f)
{
    int64_t                      start, end;
    ngx_int_t                    rc;
    ngx_recording_edit_t        *edit;
    ngx_recording_edit_input_t  *in;

    edit = s->edit;
    rc = ngx_recording_api_edit_stream_interruptions(s, f);

    if (rc != NGX_OK) {
        return rc;
    }

    start = ngx_recording_api_edit_stream_offset(f, f->from);
    end = f->to < f->end_us ? ngx_recording_api_edit_stream_offset(f, f->to)
                            : -1;

    if (start >= f->duration || (end >= 0 && end <= start)) {
        return NGX_OK;
    }

    if (edit->n == NGX_RECORDING_EDIT_INPUTS) {
        return ngx_recording_api_fail(s->call, "InvalidParameterValue",
                                      "there are more than %d files of that "
                                      "time", NGX_RECORDING_EDIT_INPUTS);
    }

    in = &edit->inputs[edit->n++];

    in->file_id = f->id;
    in->start = start;
    in->end = end;

    return NGX_OK;
}


/* ms of the file at a time: interruptions are closed in it */

static int64_t
ngx_recording_api_edit_stream_offset(const ngx_recording_api_edit_found_t *f,
    int64_t us)
{
    size_t         i;
    int64_t        ms, at, length;
    const json_t  *gap;

    ms = ngx_max(us - f->start_us, 0) / 1000;

    json_array_foreach(f->gaps, i, gap) {
        at = ngx_recording_api_edit_stream_number(gap, "at_ms");
        length = ngx_recording_api_edit_stream_number(gap, "gap_ms");

        if (at < 0 || ms <= at) {
            break;
        }

        ms = ngx_max(ms - length, at);
    }

    return ms;
}


/* those that are within what is taken of the file */

static ngx_int_t
ngx_recording_api_edit_stream_interruptions(
    ngx_recording_api_edit_stream_t *s,
    const ngx_recording_api_edit_found_t *f)
{
    size_t         i;
    int64_t        at, length, from, closed;
    ngx_int_t      rc;
    const json_t  *gap;

    closed = 0;

    json_array_foreach(f->gaps, i, gap) {
        at = ngx_recording_api_edit_stream_number(gap, "at_ms");
        length = ngx_recording_api_edit_stream_number(gap, "gap_ms");

        if (at < 0) {
            break;
        }

        from = f->start_us + (at + closed) * 1000;
        closed += length;

        rc = ngx_recording_api_edit_stream_gap(s, ngx_max(from, f->from),
                                               ngx_min(from + length * 1000,
                                                       f->to));
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* -1: there is none */

static int64_t
ngx_recording_api_edit_stream_number(const json_t *object, const char *name)
{
    const json_t  *value;

    value = json_object_get(object, name);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}


/* of which there is nothing, if it is long enough to be one */

static ngx_int_t
ngx_recording_api_edit_stream_gap(ngx_recording_api_edit_stream_t *s,
    int64_t from, int64_t to)
{
    ngx_recording_api_object_t  o;

    if (to - from < NGX_RECORDING_API_EDIT_NEAR) {
        return NGX_OK;
    }

    if (json_array_size(s->missing) >= NGX_RECORDING_API_EDIT_GAPS) {
        return ngx_recording_api_fail(s->call, "InvalidParameterValue",
                                      "at that time there are more than %d "
                                      "interruptions of a second or more",
                                      NGX_RECORDING_API_EDIT_GAPS);
    }

    ngx_recording_api_object(&o);

    ngx_recording_api_put_str(&o, "StreamId", &s->stream);
    ngx_recording_api_put_date(&o, "StartTime", from);
    ngx_recording_api_put_date(&o, "EndTime", to);

    return ngx_recording_api_append(s->missing, o.object);
}
