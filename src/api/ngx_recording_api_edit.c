
/* a file is made of others: trimmed and spliced */


#include "ngx_recording_api_edit.h"
#include "ngx_recording_api_time.h"


#define NGX_RECORDING_API_EDIT_NAME  64          /* characters, of a file */


typedef struct {
    ngx_str_t               type;
    const json_t           *files;
    const json_t           *streams;
    const json_t           *output;
    ngx_str_t               session;
    int64_t                 definition;

    /* of output */
    ngx_str_t               name;
    ngx_str_t               format;
    ngx_str_t               expire;

    json_t                 *gaps;          /* of streams: of which there is
                                              nothing */
} ngx_recording_api_edit_t;


/* a file that is asked for */

typedef struct {
    uint64_t                id;
    int64_t                 start;         /* ms */
    int64_t                 end;           /* 0: to its end */

    ngx_uint_t              found;         /* as its row has it */
    char                    state[16];
    ngx_uint_t              media;
    ngx_uint_t              local;
    int64_t                 duration;
} ngx_recording_api_edit_file_t;


static ngx_int_t ngx_recording_api_edit_media_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_edit_read(ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_edit_output(
    ngx_recording_api_call_t *call, ngx_recording_api_edit_t *in,
    ngx_recording_edit_t *edit);
static ngx_int_t ngx_recording_api_edit_inputs(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_t *in, ngx_recording_edit_t *edit);
static ngx_int_t ngx_recording_api_edit_files(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_t *in, ngx_recording_edit_t *edit);
static ngx_int_t ngx_recording_api_edit_file(ngx_recording_api_call_t *call,
    const json_t *info, ngx_recording_edit_input_t *input);
static ngx_int_t ngx_recording_api_edit_look(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_file_t *file);
static ngx_int_t ngx_recording_api_edit_row(void *data,
    const ngx_recording_catalogue_search_file_t *row);
static ngx_int_t ngx_recording_api_edit_order(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_t *in, ngx_recording_edit_order_t *like);
static ngx_int_t ngx_recording_api_edit_ask(ngx_recording_api_call_t *call);


const ngx_recording_api_action_t  ngx_recording_api_edit_actions[] = {

    { "EditMedia", NGX_RECORDING_API_VOD, 1,
      ngx_recording_api_edit_media_thread },

    { "DescribeTaskDetail", NGX_RECORDING_API_VOD, 0,
      ngx_recording_api_edit_detail_thread },

    { "DescribeTasks", NGX_RECORDING_API_VOD, 0,
      ngx_recording_api_edit_list_thread },

    { NULL, NULL, 0, NULL }
};


#define ngx_recording_api_edit_at(field)                                      \
    offsetof(ngx_recording_api_edit_t, field)


static const ngx_recording_api_param_t  ngx_recording_api_edit_params[] = {
    { "InputType", NGX_RECORDING_API_TEXT, ngx_recording_api_edit_at(type),
      0, 16 },
    { "FileInfos", NGX_RECORDING_API_ARRAY, ngx_recording_api_edit_at(files),
      0, 0 },
    { "StreamInfos", NGX_RECORDING_API_ARRAY,
      ngx_recording_api_edit_at(streams), 0, 0 },
    { "OutputConfig", NGX_RECORDING_API_OBJECT,
      ngx_recording_api_edit_at(output), 0, 0 },
    { "SessionId", NGX_RECORDING_API_TEXT, ngx_recording_api_edit_at(session),
      0, 50 },
    { "Definition", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_edit_at(definition), 10, 20 },

    { "SubAppId", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
    { "SessionContext", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
    { "TasksPriority", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
    { "ExtInfo", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
    { "ProcedureName", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { NULL, 0, 0, 0, 0 }
};


static const ngx_recording_api_param_t  ngx_recording_api_edit_outputs[] = {
    { "MediaName", NGX_RECORDING_API_TEXT, ngx_recording_api_edit_at(name),
      0, NGX_RECORDING_EDIT_NAME - 1 },
    { "Type", NGX_RECORDING_API_TEXT, ngx_recording_api_edit_at(format),
      0, 16 },
    { "ExpireTime", NGX_RECORDING_API_TEXT, ngx_recording_api_edit_at(expire),
      0, 64 },
    { "ClassId", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
    { "VideoStream", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "TEHDConfig", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { NULL, 0, 0, 0, 0 }
};


/* run twice: it asks, and has the answer */

static ngx_int_t
ngx_recording_api_edit_media_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t  rc;

    if (call->arg == NULL) {
        rc = ngx_recording_api_edit_read(call);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_recording_api_edit_ask(call);
}


static ngx_int_t
ngx_recording_api_edit_read(ngx_recording_api_call_t *call)
{
    ngx_int_t                    rc;
    ngx_recording_api_edit_t     in;
    ngx_recording_edit_order_t  *order;

    ngx_memzero(&in, sizeof(ngx_recording_api_edit_t));

    rc = ngx_recording_api_params(call, ngx_recording_api_edit_params, &in);

    if (rc == NGX_OK && in.output) {
        rc = ngx_recording_api_members(call, in.output,
                                       ngx_recording_api_edit_outputs, &in);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    order = calloc(1, sizeof(ngx_recording_edit_order_t));
    in.gaps = json_array();

    if (order == NULL || in.gaps == NULL) {
        json_decref(in.gaps);
        free(order);

        return NGX_ERROR;
    }

    ngx_recording_api_copy(order->session, sizeof(order->session),
                           &in.session);

    rc = ngx_recording_api_edit_output(call, &in, &order->edit);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_edit_inputs(call, &in, &order->edit);
    }

    if (rc == NGX_OK && call->api->worker->store.low) {
        rc = ngx_recording_api_fail(call, "ResourceInsufficient",
                                    "less than reserve= is free in the "
                                    "store");
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_edit_order(call, &in, order);
    }

    json_decref(in.gaps);
    free(order);

    return rc;
}


static ngx_int_t
ngx_recording_api_edit_output(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_t *in, ngx_recording_edit_t *edit)
{
    size_t   i, n;
    int64_t  us;

    if (in->type.len == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no InputType");
    }

    if (ngx_strcmp(in->type.data, "File") != 0
        && ngx_strcmp(in->type.data, "Stream") != 0)
    {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "InputType is neither \"File\" nor "
                                      "\"Stream\"");
    }

    if (in->format.len && ngx_strcmp(in->format.data, "mp4") != 0
        && ngx_strcmp(in->format.data, "hls") != 0)
    {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "Type of OutputConfig is neither "
                                      "\"mp4\" nor \"hls\"");
    }

    for (i = 0, n = 0; i < in->name.len; i++) {
        n += ((in->name.data[i] & 0xc0) != 0x80);
    }

    if (n > NGX_RECORDING_API_EDIT_NAME
        || strlen(in->name.len ? (char *) in->name.data : "") != in->name.len)
    {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "MediaName has more than %d characters, "
                                      "or a null character",
                                      NGX_RECORDING_API_EDIT_NAME);
    }

    (void) snprintf(edit->format, sizeof(edit->format), "%s",
                    in->format.len ? (char *) in->format.data : "mp4");
    ngx_recording_api_copy(edit->name, sizeof(edit->name), &in->name);
    edit->expire_us = -1;

    if (in->expire.len == 0) {
        return NGX_OK;
    }

    if (ngx_recording_api_time_parse(&in->expire, &us) != NGX_OK
        || us <= ngx_recording_wall())
    {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "ExpireTime of OutputConfig is not a "
                                      "time as 2026-01-02T03:04:05Z, or is in "
                                      "the past");
    }

    edit->expire_us = us >= NGX_RECORDING_API_NEVER ? 0 : us;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_edit_inputs(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_t *in, ngx_recording_edit_t *edit)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_read(call->catalogue, &call->err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_strcmp(in->type.data, "File") == 0
         ? ngx_recording_api_edit_files(call, in, edit)
         : ngx_recording_api_edit_streams(call, in->streams, edit, in->gaps);

    if (ngx_recording_catalogue_finish(call->catalogue,
                                       rc == NGX_ERROR ? NGX_ERROR : NGX_OK,
                                       &call->err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_recording_api_edit_files(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_t *in, ngx_recording_edit_t *edit)
{
    size_t     i, n;
    ngx_int_t  rc;

    n = in->files ? json_array_size(in->files) : 0;

    if (n == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there are no FileInfos");
    }

    if (n > NGX_RECORDING_EDIT_INPUTS) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "FileInfos has more than %d elements",
                                      NGX_RECORDING_EDIT_INPUTS);
    }

    for (rc = NGX_OK, i = 0; rc == NGX_OK && i < n; i++) {
        rc = ngx_recording_api_edit_file(call, json_array_get(in->files, i),
                                         &edit->inputs[i]);
    }

    edit->n = n;

    return rc;
}


static ngx_int_t
ngx_recording_api_edit_file(ngx_recording_api_call_t *call,
    const json_t *info, ngx_recording_edit_input_t *input)
{
    ngx_int_t                      rc;
    ngx_recording_api_edit_file_t  file;

    static const ngx_recording_api_param_t  params[] = {
        { "FileId", NGX_RECORDING_API_ID,
          offsetof(ngx_recording_api_edit_file_t, id), 0, 0 },
        { "StartTimeOffset", NGX_RECORDING_API_SECONDS,
          offsetof(ngx_recording_api_edit_file_t, start), 0, 0 },
        { "EndTimeOffset", NGX_RECORDING_API_SECONDS,
          offsetof(ngx_recording_api_edit_file_t, end), 0, 0 },
        { NULL, 0, 0, 0, 0 }
    };

    ngx_memzero(&file, sizeof(ngx_recording_api_edit_file_t));

    if (!json_is_object(info)) {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "FileInfos has an element that is not "
                                      "an object");
    }

    rc = ngx_recording_api_members(call, info, params, &file);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_edit_look(call, &file);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    input->file_id = file.id;
    input->start = file.start;
    input->end = file.end ? file.end : -1;

    return NGX_OK;
}


/* whether it can be taken, and has something of that time */

static ngx_int_t
ngx_recording_api_edit_look(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_file_t *file)
{
    ngx_int_t           rc;
    unsigned long long  id;

    id = file->id;

    if (id == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "an element of FileInfos has no "
                                      "FileId");
    }

    rc = ngx_recording_catalogue_search_file(call->catalogue, file->id,
                                             ngx_recording_api_edit_row,
                                             file);
    if (rc != NGX_OK) {
        return rc;
    }

    if (file->found && (ngx_strcmp(file->state, "recording") == 0
                        || ngx_strcmp(file->state, "paused") == 0
                        || ngx_strcmp(file->state, "finishing") == 0))
    {
        return ngx_recording_api_fail(call, "ResourceInUse",
                                      "file %llu has not ended, or waits for "
                                      "its stream", id);
    }

    if (!file->found || !file->media) {
        return ngx_recording_api_fail(call, "InvalidParameterValue.FileId",
                                      "there is no file %llu, or it is gone",
                                      id);
    }

    if (!file->local) {
        return ngx_recording_api_fail(call, "UnsupportedOperation",
                                      "file %llu is in a bucket only, and "
                                      "not in the store any more", id);
    }

    if (file->start >= file->duration
        || (file->end && file->end <= file->start))
    {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "of file %llu, which has %lld ms, there "
                                      "is nothing from StartTimeOffset to "
                                      "EndTimeOffset", id,
                                      (long long) file->duration);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_edit_row(void *data,
    const ngx_recording_catalogue_search_file_t *row)
{
    ngx_recording_api_edit_file_t *file = data;

    file->found = 1;
    file->media = row->media;
    file->local = row->local && ngx_strcmp(row->state, "finished") == 0;
    file->duration = row->duration_ms;
    (void) snprintf(file->state, sizeof(file->state), "%s", row->state);

    return NGX_OK;
}


/* in one piece of memory, as the call frees it */

static ngx_int_t
ngx_recording_api_edit_order(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_t *in, ngx_recording_edit_order_t *like)
{
    char                        *text;
    json_t                      *streams;
    ngx_recording_api_object_t   o;
    ngx_recording_edit_order_t  *order;

    streams = in->streams && ngx_strcmp(in->type.data, "Stream") == 0
              ? json_incref((json_t *) in->streams) : json_array();

    ngx_recording_api_object(&o);

    ngx_recording_api_put_str(&o, "InputType", &in->type);
    ngx_recording_api_put(&o, "FileInfoSet",
                          ngx_recording_api_edit_parts(&like->edit, 0));
    ngx_recording_api_put(&o, "StreamInfoSet", streams);
    ngx_recording_api_put(&o, "GapSet", json_incref(in->gaps));

    text = o.object ? json_dumps(o.object, JSON_COMPACT) : NULL;
    json_decref(o.object);

    order = text ? malloc(sizeof(ngx_recording_edit_order_t) + strlen(text)
                          + 1)
                 : NULL;

    if (order == NULL) {
        free(text);
        return NGX_ERROR;
    }

    *order = *like;
    order->input = (char *) (order + 1);
    (void) strcpy(order->input, text);

    free(text);
    call->arg = order;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_edit_ask(ngx_recording_api_call_t *call)
{
    char                         name[NGX_RECORDING_EDIT_ID];
    ngx_int_t                    rc;
    ngx_recording_edit_order_t  *order;

    order = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_catalogue_edit_add,
                                         order, 1, &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    switch (order->result) {

    case NGX_RECORDING_EDIT_DONE:
        break;

    case NGX_RECORDING_EDIT_LIMIT:
        return ngx_recording_api_fail(call, "LimitExceeded",
                                      "%d tasks are not over yet",
                                      NGX_RECORDING_EDIT_MOST);

    case NGX_RECORDING_EDIT_REPEATED:
        return ngx_recording_api_fail(call, "InvalidParameterValue.SessionId",
                                      "there was a task with this SessionId "
                                      "in the last 3 days");

    default:
        return ngx_recording_api_fail(call, "InvalidParameterValue.FileId",
                                      "there is no file %llu, or it is gone",
                                      (unsigned long long) order->file_id);
    }

    ngx_recording_catalogue_edit_name(order->edit.id, name);
    ngx_recording_api_log_text(call, name);

    return ngx_recording_api_set(call->answer, "TaskId", json_string(name));
}
