
/*
 * What is told of a file, and of what is told or delivered of it.
 */


#include "ngx_recording_api.h"


static ngx_int_t ngx_recording_api_file_live(ngx_recording_api_call_t *call,
    const ngx_recording_catalogue_search_file_t *file,
    ngx_recording_api_growing_t *growing);
static int64_t ngx_recording_api_file_resume(ngx_recording_api_call_t *call,
    const ngx_recording_catalogue_search_file_t *file);
static void ngx_recording_api_file_size(ngx_recording_api_object_t *o,
    const ngx_recording_catalogue_search_file_t *file,
    const ngx_recording_api_growing_t *growing);
static json_t *ngx_recording_api_file_drops(
    const ngx_recording_api_growing_t *growing);


json_t *
ngx_recording_api_file(ngx_recording_api_call_t *call,
    const ngx_recording_catalogue_search_file_t *file)
{
    ngx_recording_api_object_t    o;
    ngx_recording_api_growing_t  *growing, live;

    growing = ngx_recording_api_file_live(call, file, &live) == NGX_OK
              ? &live : NULL;

    ngx_recording_api_object(&o);

    ngx_recording_api_put(&o, "FileId", ngx_recording_api_id(file->id));
    ngx_recording_api_put(&o, "RecordingId",
                          ngx_recording_api_id(file->recording_id));
    ngx_recording_api_put_str(&o, "TemplateName", &file->template);
    ngx_recording_api_put(&o, "TemplateId",
                          ngx_recording_api_template(&file->template));
    ngx_recording_api_put_text(&o, "TaskId", file->task);
    ngx_recording_api_put_text(&o, "Format", file->format);
    ngx_recording_api_put_text(&o, "State", file->state);
    ngx_recording_api_put_date(&o, "StartTime", file->start_us);
    ngx_recording_api_put_date(&o, "EndTime", file->end_us);
    ngx_recording_api_put_int(&o, "StartTimeUs", file->start_us);
    ngx_recording_api_put(&o, "EndTimeUs", file->end_us
                                           ? json_integer(file->end_us)
                                           : json_null());

    ngx_recording_api_file_size(&o, file, growing);

    ngx_recording_api_put_str(&o, "Name", &file->path);
    ngx_recording_api_put(&o, "MediaUrl", ngx_recording_api_url(file));
    ngx_recording_api_put_text(&o, "VideoCodec", file->video);
    ngx_recording_api_put_text(&o, "AudioCodec", file->audio);
    ngx_recording_api_put_text(&o, "Resolution", file->resolution);
    ngx_recording_api_put(&o, "Gaps",
                          ngx_recording_api_json(file->gaps, json_array));
    ngx_recording_api_put(&o, "Drops",
                          growing ? ngx_recording_api_file_drops(growing)
                          : ngx_recording_api_json(file->drops, json_object));
    ngx_recording_api_put(&o, "Objects",
                          ngx_recording_api_json(file->objects, json_array));
    ngx_recording_api_put_bool(&o, "Recovered", file->recovered);
    ngx_recording_api_put_bool(&o, "Local", file->local);
    ngx_recording_api_put_text(&o, "Worker", file->owner);
    ngx_recording_api_put_date(&o, "ResumeTime",
                               ngx_recording_api_file_resume(call, file));
    ngx_recording_api_put_date(&o, "FinishTime", file->finished_us);
    ngx_recording_api_put_date(&o, "GoneTime", file->gone_us);
    ngx_recording_api_put_date(&o, "ExpireTime", file->expire_us);

    return o.object;
}


/* NGX_DECLINED: it does not grow, or its row is all that is known */

static ngx_int_t
ngx_recording_api_file_live(ngx_recording_api_call_t *call,
    const ngx_recording_catalogue_search_file_t *file,
    ngx_recording_api_growing_t *growing)
{
    ngx_recording_api_t  *api;

    api = call->api;

    if (api->live == NULL || ngx_strcmp(file->state, "recording") != 0) {
        return NGX_DECLINED;
    }

    return api->live->growing(api->data, &call->seen, file->id, growing);
}


/* by the wall clock, if it is a time, and not the order to wait no more */

static int64_t
ngx_recording_api_file_resume(ngx_recording_api_call_t *call,
    const ngx_recording_catalogue_search_file_t *file)
{
    return file->resume_us <= 1
           ? file->resume_us
           : file->resume_us
             + ngx_recording_store_shift(call->catalogue->store);
}


/* what grows: its row knows no size yet, and says so by "Live" */

static void
ngx_recording_api_file_size(ngx_recording_api_object_t *o,
    const ngx_recording_catalogue_search_file_t *file,
    const ngx_recording_api_growing_t *growing)
{
    int64_t  duration, size, rate;

    duration = growing ? growing->duration_ms : file->duration_ms;
    size = growing ? growing->size : file->size;
    rate = growing ? growing->rate
           : duration > 0 ? (int64_t) ((double) size * 8000 / duration) : 0;

    ngx_recording_api_put(o, "Duration", json_real((double) duration / 1000));
    ngx_recording_api_put_int(o, "Size", size);
    ngx_recording_api_put_int(o, "Bitrate", rate);
    ngx_recording_api_put_int(o, "FramesIn",
                              growing ? (int64_t) growing->frames_in
                                      : file->frames_in);
    ngx_recording_api_put_int(o, "FramesWritten",
                              growing ? (int64_t) growing->frames_written
                                      : file->frames_written);
    ngx_recording_api_put_int(o, "FramesDropped",
                              growing ? (int64_t) growing->frames_dropped
                                      : file->frames_dropped);
    ngx_recording_api_put_bool(o, "Live", growing != NULL);

    if (growing) {
        ngx_recording_api_put_date(o, "LastFrameTime", growing->frame_us);
        ngx_recording_api_put_int(o, "LastFrameTimeUs", growing->frame_us);
        ngx_recording_api_put_int(o, "BytesWaiting", growing->waiting);
        ngx_recording_api_put_text(o, "WaitsFor", growing->waits);
    }
}


static json_t *
ngx_recording_api_file_drops(const ngx_recording_api_growing_t *growing)
{
    ngx_uint_t                  i;
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        if (growing->drops[i]) {
            ngx_recording_api_put_int(&o, ngx_recording_file_reasons[i],
                                      (int64_t) growing->drops[i]);
        }
    }

    return o.object;
}


json_t *
ngx_recording_api_url(const ngx_recording_catalogue_search_file_t *file)
{
    size_t       i;
    json_t      *objects, *object, *value;
    json_int_t   rank, lowest;
    const char  *url, *best;

    if (file->local && file->url.len) {
        return ngx_recording_api_text((char *) file->url.data, file->url.len);
    }

    objects = json_loads(file->objects, 0, NULL);

    best = "";
    lowest = 0;

    json_array_foreach(objects, i, object) {
        url = json_string_value(json_object_get(object, "url"));
        rank = json_integer_value(json_object_get(object, "rank"));

        if (url && *url && (*best == '\0' || rank < lowest)) {
            best = url;
            lowest = rank;
        }
    }

    value = json_string(best);

    json_decref(objects);

    return value;
}


json_t *
ngx_recording_api_letter(const ngx_recording_catalogue_search_letter_t *letter)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put(&o, "DeliveryId", ngx_recording_api_id(letter->id));
    ngx_recording_api_put_text(&o, "EventId", letter->event_id);
    ngx_recording_api_put(&o, "RecordingId",
                          ngx_recording_api_id(letter->recording_id));
    ngx_recording_api_put(&o, "FileId", letter->file_id
                                        ? ngx_recording_api_id(letter->file_id)
                                        : json_string(""));
    ngx_recording_api_put_text(&o, "Kind", letter->kind);
    ngx_recording_api_put_text(&o, "Event", letter->event);
    ngx_recording_api_put_str(&o, "TemplateName", &letter->template);
    ngx_recording_api_put_str(&o, "Target", &letter->target);
    ngx_recording_api_put_text(&o, "State", letter->state);
    ngx_recording_api_put_int(&o, "Attempts", letter->attempts);
    ngx_recording_api_put_date(&o, "EventTime", letter->event_us);
    ngx_recording_api_put_date(&o, "NextTime", letter->next_us);
    ngx_recording_api_put_date(&o, "DoneTime", letter->done_us);
    ngx_recording_api_put_str(&o, "Error", &letter->error);
    ngx_recording_api_put_str(&o, "Key", &letter->key);

    return o.object;
}
