
/* what the sources have, and whether that can be one file */


#include "ngx_recording_catalogue_search.h"
#include "ngx_recording_editor_step.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_sets.h"
#include "ngx_recording_trial.h"


#define NGX_RECORDING_EDITOR_BETWEEN  16         /* files that are looked at:
                                                    the newest are first */


static ngx_int_t ngx_recording_editor_plan_source(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_plan_row(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_plan_file(void *data,
    const ngx_recording_catalogue_search_file_t *file);
static ngx_int_t ngx_recording_editor_plan_stream(ngx_recording_editor_t *e,
    const ngx_recording_catalogue_search_file_t *file);
static ngx_int_t ngx_recording_editor_plan_follows(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_plan_between(void *data,
    const ngx_recording_catalogue_search_file_t *file);
static ngx_uint_t ngx_recording_editor_plan_behind(
    const ngx_recording_editor_input_t *in, int64_t start_us, uint64_t id);
static ngx_int_t ngx_recording_editor_plan_whole(ngx_recording_editor_t *e,
    ngx_recording_editor_input_t *in, ngx_recording_source_t *source);
static ngx_int_t ngx_recording_editor_plan_join(ngx_recording_editor_t *e,
    ngx_recording_editor_input_t *in, ngx_recording_source_t *source);
static ngx_int_t ngx_recording_editor_plan_track(ngx_recording_editor_t *e,
    ngx_recording_editor_input_t *in, ngx_recording_media_t *media,
    ngx_uint_t track);
static ngx_uint_t ngx_recording_editor_plan_sound(ngx_recording_media_t *a,
    ngx_recording_media_t *b);


/* a source in a call: its row, then what it has */

ngx_int_t
ngx_recording_editor_plan(ngx_recording_editor_t *e)
{
    if (e->at == e->edit.n) {
        e->at = 0;
        e->step = ngx_recording_editor_create;

        return NGX_OK;
    }

    e->format = ngx_recording_formats_find(e->edit.format);

    if (ngx_recording_editor_plan_row(e) != NGX_OK) {
        return NGX_ERROR;
    }

    e->step = ngx_recording_editor_plan_source;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_editor_plan_source(ngx_recording_editor_t *e)
{
    char                           why[160];
    ngx_int_t                      rc;
    ngx_recording_source_t        *source;
    ngx_recording_edit_input_t    *part;
    ngx_recording_editor_input_t  *in;

    in = &e->inputs[e->at];
    part = &e->edit.inputs[e->at];

    if (!in->there) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_SOURCE,
                                         "file %llu is not in the store any "
                                         "more",
                                         (unsigned long long) part->file_id);
    }

    source = ngx_recording_source_open_thread(&e->worker->store, in->format,
                                              &in->path, in->video, in->audio,
                                              why, sizeof(why));
    if (source == NULL) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_SOURCE,
                                         "file %llu: %s",
                                         (unsigned long long) in->id, why);
    }

    rc = ngx_recording_editor_plan_whole(e, in, source);

    if (rc == NGX_OK) {
        rc = ngx_recording_editor_plan_join(e, in, source);
    }

    ngx_recording_source_close_thread(source);

    if (rc != NGX_OK) {
        return rc;
    }

    e->total += ngx_recording_editor_lasts(e, e->at);
    e->at++;
    e->step = ngx_recording_editor_plan;

    return NGX_AGAIN;
}


int64_t
ngx_recording_editor_lasts(ngx_recording_editor_t *e, ngx_uint_t i)
{
    int64_t                      end;
    ngx_recording_edit_input_t  *part;

    part = &e->edit.inputs[i];
    end = e->inputs[i].duration;

    if (part->end >= 0) {
        end = ngx_min(part->end, end);
    }

    return ngx_max(end - part->start, 0);
}


static ngx_int_t
ngx_recording_editor_plan_row(ngx_recording_editor_t *e)
{
    ngx_int_t                         rc;
    ngx_recording_catalogue_t        *cat;
    ngx_recording_catalogue_error_t   err;

    cat = &e->worker->catalogue;

    rc = ngx_recording_catalogue_read(cat, &err);

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_search_file(cat,
                                       e->edit.inputs[e->at].file_id,
                                       ngx_recording_editor_plan_file, e);

        if (rc == NGX_OK && e->at > 0) {
            rc = ngx_recording_editor_plan_follows(e);
        }

        rc = ngx_recording_catalogue_finish(cat, rc, &err);
    }

    return rc == NGX_OK ? NGX_OK
           : ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                       "catalogue failed: %s", err.text);
}


static ngx_int_t
ngx_recording_editor_plan_file(void *data,
    const ngx_recording_catalogue_search_file_t *file)
{
    ngx_recording_editor_t *e = data;

    ngx_recording_editor_input_t  *in;

    in = &e->inputs[e->at];

    in->id = file->id;
    in->recording_id = file->recording_id;
    in->start_us = file->start_us;
    in->end_us = file->end_us;
    in->duration = file->duration_ms;
    in->size = file->size;
    in->video = (*file->video != '\0');
    in->audio = (*file->audio != '\0');
    in->there = file->media && file->local
                && ngx_strcmp(file->state, "finished") == 0;

    (void) snprintf(in->format, sizeof(in->format), "%s", file->format);

    free(in->path.data);
    in->path.len = file->path.len;
    in->path.data = malloc(file->path.len + 1);

    if (in->path.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(in->path.data, file->path.data, file->path.len);

    return e->at == 0 ? ngx_recording_editor_plan_stream(e, file) : NGX_OK;
}


/* what is made belongs to the stream of the first one, told and delivered as
   that is */

static ngx_int_t
ngx_recording_editor_plan_stream(ngx_recording_editor_t *e,
    const ngx_recording_catalogue_search_file_t *file)
{
    u_char           *p;
    size_t            i, size;
    ngx_str_t        *to[6];
    const ngx_str_t  *from[6];

    to[0] = &e->stream.template;
    to[1] = &e->stream.domain;
    to[2] = &e->stream.server;
    to[3] = &e->stream.app;
    to[4] = &e->stream.name;
    to[5] = &e->stream.delivers;

    from[0] = &file->template;
    from[1] = &file->domain;
    from[2] = &file->server;
    from[3] = &file->app;
    from[4] = &file->stream;
    from[5] = &file->delivers;

    for (i = 0, size = 1; i < 6; i++) {
        size += from[i]->len;
    }

    p = malloc(size);

    if (p == NULL) {
        return NGX_ERROR;
    }

    free(e->stream.template.data);
    ngx_memzero(&e->stream, sizeof(ngx_recording_stream_t));

    for (i = 0; i < 6; i++) {
        to[i]->data = p;
        to[i]->len = from[i]->len;
        p = ngx_cpymem(p, from[i]->data, from[i]->len);
    }

    e->stream.param.data = p;
    e->stream.task.data = (u_char *) e->task;
    e->stream.task.len = strlen(e->task);

    ngx_recording_file_about(&e->stream, e->about);

    return NGX_OK;
}


/* times of arrival do not tell it: they overlap if frames came in a burst */

static ngx_int_t
ngx_recording_editor_plan_follows(ngx_recording_editor_t *e)
{
    ngx_uint_t                     number;
    ngx_recording_editor_input_t  *in;

    in = &e->inputs[e->at];

    in->follows = in->recording_id == in[-1].recording_id
                  && ngx_strcmp(in->format, in[-1].format) == 0
                  && ngx_recording_editor_plan_behind(in, in[-1].start_us,
                                                      in[-1].id);

    return !in->follows ? NGX_OK
           : ngx_recording_catalogue_search_files(&e->worker->catalogue,
                                       in->recording_id, in[-1].start_us,
                                       in->start_us,
                                       NGX_RECORDING_EDITOR_BETWEEN, &number,
                                       ngx_recording_editor_plan_between, e);
}


static ngx_int_t
ngx_recording_editor_plan_between(void *data,
    const ngx_recording_catalogue_search_file_t *file)
{
    ngx_recording_editor_t *e = data;

    ngx_recording_editor_input_t  *in;

    in = &e->inputs[e->at];

    if (ngx_strcmp(file->format, in->format) == 0
        && ngx_recording_editor_plan_behind(in, file->start_us, file->id)
        && file->id != in[-1].id
        && !ngx_recording_editor_plan_behind(&in[-1], file->start_us,
                                             file->id))
    {
        in->follows = 0;
    }

    return NGX_OK;
}


/* whether it comes behind another file of its recording */

static ngx_uint_t
ngx_recording_editor_plan_behind(const ngx_recording_editor_input_t *in,
    int64_t start_us, uint64_t id)
{
    return in->start_us > start_us
           || (in->start_us == start_us && in->id > id);
}


/* one that was cut short would end there without a word */

static ngx_int_t
ngx_recording_editor_plan_whole(ngx_recording_editor_t *e,
    ngx_recording_editor_input_t *in, ngx_recording_source_t *source)
{
    int64_t  size;

    size = ngx_recording_source_size_thread(source);

    if (size != -1 && size < in->size) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_SOURCE,
                   "file %llu has %lld bytes by now, it had %lld when it was "
                   "finished", (unsigned long long) in->id, (long long) size,
                   (long long) in->size);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_editor_plan_join(ngx_recording_editor_t *e,
    ngx_recording_editor_input_t *in, ngx_recording_source_t *source)
{
    ngx_int_t    rc;
    ngx_uint_t   i;
    const char  *why;

    for (rc = NGX_OK, i = 0; rc == NGX_OK && i < NGX_RECORDING_TRACKS; i++) {

        if (!source->media[i].present) {
            continue;
        }

        ngx_recording_trial_thread(e->format, &source->media[i], i);

        if (!ngx_recording_mux_takes(e->format, &source->media[i])) {
            why = ngx_recording_trial_why_thread(e->format, &source->media[i],
                                                 i);

            return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_BAD,
                       "file %llu: its %s cannot be in %s%s%s",
                       (unsigned long long) in->id,
                       ngx_recording_codec_name(source->media[i].codec.codec),
                       e->format->name, why ? ": " : "", why ? why : "");
        }

        rc = ngx_recording_editor_plan_track(e, in, &source->media[i], i);
    }

    return rc;
}


/* MP4 has one sequence header for each track, HLS begins anew with another */

static ngx_int_t
ngx_recording_editor_plan_track(ngx_recording_editor_t *e,
    ngx_recording_editor_input_t *in, ngx_recording_media_t *media,
    ngx_uint_t track)
{
    u_char                 *p;
    ngx_int_t               rc;
    ngx_recording_media_t  *m;

    m = &e->media[track];

    if (!m->present) {
        p = malloc(ngx_max(media->header_len, NGX_RECORDING_EDITOR_HEADER));

        if (p == NULL) {
            return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                             "there is no memory");
        }

        *m = *media;
        m->header = p;

        if (media->header_len) {
            ngx_memcpy(p, media->header, media->header_len);
        }

        return NGX_OK;
    }

    if (e->format->endless) {
        return NGX_OK;
    }

    rc = NGX_DECLINED;

    if (track == NGX_RECORDING_AUDIO) {
        rc = ngx_recording_editor_plan_sound(m, media) ? NGX_OK
                                                       : NGX_DECLINED;

    } else if (m->codec.codec == media->codec.codec) {
        rc = ngx_recording_sets_join(m->header, &m->header_len,
                                     ngx_max(m->header_len,
                                             NGX_RECORDING_EDITOR_HEADER),
                                     media->header, media->header_len);
    }

    return rc == NGX_OK ? NGX_OK
           : ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_BAD,
                 "file %llu has another %s header than the files before it, "
                 "which one MP4 cannot have: let OutputConfig.Type be hls",
                 (unsigned long long) in->id,
                 track == NGX_RECORDING_VIDEO ? "video" : "audio");
}


/* ADTS tells the first two bytes of a header only */

static ngx_uint_t
ngx_recording_editor_plan_sound(ngx_recording_media_t *a,
    ngx_recording_media_t *b)
{
    size_t  len;

    if (a->codec.codec != b->codec.codec
        || a->codec.sample_rate != b->codec.sample_rate
        || a->codec.channels != b->codec.channels
        || a->codec.samples != b->codec.samples)
    {
        return 0;
    }

    len = ngx_min(a->header_len, b->header_len);

    return len <= 2 ? ngx_memcmp(a->header ? a->header : (u_char *) "",
                                 b->header ? b->header : (u_char *) "",
                                 len) == 0
                    : a->header_len == b->header_len
                      && ngx_memcmp(a->header, b->header, len) == 0;
}
