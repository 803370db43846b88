
/* tasks, and what is ordered of recordings that are under way */


#include "ngx_recording_api.h"


#define NGX_RECORDING_API_TASK_DAY   86400       /* s */
#define NGX_RECORDING_API_TASK_WEEK  (7 * NGX_RECORDING_API_TASK_DAY)
#define NGX_RECORDING_API_TASK_OLD   (90 * NGX_RECORDING_API_TASK_DAY)
#define NGX_RECORDING_API_TASK_PAGE  100


typedef struct {
    ngx_str_t               id;
    ngx_str_t               domain;
    ngx_str_t               app;
    ngx_str_t               stream;
    ngx_str_t               token;
    int64_t                 start;         /* s; 0: now, or none */
    int64_t                 end;
    int64_t                 template;
} ngx_recording_api_task_t;


static ngx_int_t ngx_recording_api_task_create_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_task_stop_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_task_delete_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_task_list_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_task_stop_recording_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_task_cut_recording_thread(
    ngx_recording_api_call_t *call);

static ngx_int_t ngx_recording_api_task_read(ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_task_times(ngx_recording_api_call_t *call,
    ngx_recording_api_task_t *in);
static ngx_int_t ngx_recording_api_task_end(ngx_recording_api_call_t *call,
    ngx_recording_catalogue_pt change);
static ngx_int_t ngx_recording_api_task_span(ngx_recording_api_call_t *call,
    const ngx_recording_api_task_t *in);
static ngx_int_t ngx_recording_api_task_from(ngx_recording_api_call_t *call,
    const ngx_str_t *token, ngx_recording_policy_task_t *like, int64_t *after);
static ngx_int_t ngx_recording_api_task_add(json_t *set,
    const ngx_recording_policy_task_t *task);
static ngx_int_t ngx_recording_api_task_tell(ngx_recording_api_call_t *call,
    ngx_recording_policy_command_e command);
static ngx_int_t ngx_recording_api_task_recording(
    ngx_recording_api_call_t *call, ngx_recording_policy_command_e command);


const ngx_recording_api_action_t  ngx_recording_api_task_actions[] = {
    { "CreateRecordTask", "2018-08-01", 1,
      ngx_recording_api_task_create_thread },
    { "StopRecordTask", "2018-08-01", 1, ngx_recording_api_task_stop_thread },
    { "DeleteRecordTask", "2018-08-01", 1,
      ngx_recording_api_task_delete_thread },
    { "DescribeRecordTask", "2018-08-01", 0,
      ngx_recording_api_task_list_thread },
    { "StopRecording", NULL, 1,
      ngx_recording_api_task_stop_recording_thread },
    { "CutRecording", NULL, 1, ngx_recording_api_task_cut_recording_thread },
    { NULL, NULL, 0, NULL }
};


static ngx_int_t
ngx_recording_api_task_read(ngx_recording_api_call_t *call)
{
    ngx_int_t                      rc;
    ngx_recording_api_task_t       in;
    ngx_recording_policy_order_t  *order;

    static const ngx_recording_api_param_t  params[] = {
        { "StreamName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_task_t, stream), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "DomainName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_task_t, domain), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "AppName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_task_t, app), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "StartTime", NGX_RECORDING_API_NUMBER,
          offsetof(ngx_recording_api_task_t, start), 0, UINT32_MAX },
        { "EndTime", NGX_RECORDING_API_NUMBER,
          offsetof(ngx_recording_api_task_t, end), 0, UINT32_MAX },
        { "TemplateId", NGX_RECORDING_API_NUMBER,
          offsetof(ngx_recording_api_task_t, template), 0, INT64_MAX },
        { "StreamType", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
        { "Extension", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
        { NULL, 0, 0, 0, 0 }
    };

    ngx_memzero(&in, sizeof(ngx_recording_api_task_t));

    rc = ngx_recording_api_params(call, params, &in);

    if (rc != NGX_OK) {
        return rc;
    }

    if (in.stream.len == 0 || in.domain.len == 0 || in.app.len == 0
        || in.end == 0)
    {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no %s",
                                      in.stream.len == 0 ? "StreamName"
                                      : in.domain.len == 0 ? "DomainName"
                                      : in.app.len == 0 ? "AppName"
                                                        : "EndTime");
    }

    rc = ngx_recording_api_task_times(call, &in);

    if (rc != NGX_OK) {
        return rc;
    }

    order = calloc(1, sizeof(ngx_recording_policy_order_t));

    if (order == NULL) {
        return NGX_ERROR;
    }

    call->arg = order;

    order->task.start = in.start * 1000000;
    order->task.end = in.end * 1000000;
    order->task.template = in.template;

    ngx_recording_api_copy(order->task.app, sizeof(order->task.app), &in.app);
    ngx_recording_api_copy(order->task.stream, sizeof(order->task.stream),
                           &in.stream);

    return ngx_recording_api_policy_domain(call, &in.domain,
                                           order->task.domain);
}


static ngx_int_t
ngx_recording_api_task_times(ngx_recording_api_call_t *call,
    ngx_recording_api_task_t *in)
{
    int64_t  now;

    now = ngx_recording_wall() / 1000000;
    in->start = in->start ? in->start : now;

    if (in->end <= in->start || in->end <= now
        || in->end >= now + NGX_RECORDING_API_TASK_WEEK)
    {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "EndTime is not after StartTime, or not "
                                      "within 7 days from now");
    }

    if (in->end - in->start > NGX_RECORDING_API_TASK_DAY) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "EndTime is more than 24 hours after "
                                      "StartTime");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_task_create_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                      rc;
    ngx_recording_policy_order_t  *order;

    rc = call->arg ? NGX_OK : ngx_recording_api_task_read(call);

    if (rc != NGX_OK) {
        return rc;
    }

    order = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_policy_task_create,
                                         order, 1, &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (order->result == NGX_RECORDING_POLICY_LIMIT && order->full) {
        return ngx_recording_api_fail(call,
                                      "LimitExceeded.MaximumRunningTask",
                                      "there are %d tasks whose EndTime is to "
                                      "come already",
                                      NGX_RECORDING_POLICY_OPEN);
    }

    if (order->result == NGX_RECORDING_POLICY_LIMIT) {
        return ngx_recording_api_fail(call,
                                      "LimitExceeded.MaximumRunningTask",
                                      "%d tasks record this stream at that "
                                      "time already",
                                      NGX_RECORDING_POLICY_TASKS);
    }

    ngx_recording_api_log_text(call, order->task.id);

    return ngx_recording_api_set(call->answer, "TaskId",
                                 json_string(order->task.id));
}


static ngx_int_t
ngx_recording_api_task_stop_thread(ngx_recording_api_call_t *call)
{
    return ngx_recording_api_task_end(call, ngx_recording_policy_task_stop);
}


static ngx_int_t
ngx_recording_api_task_delete_thread(ngx_recording_api_call_t *call)
{
    return ngx_recording_api_task_end(call, ngx_recording_policy_task_delete);
}


static ngx_int_t
ngx_recording_api_task_end(ngx_recording_api_call_t *call,
    ngx_recording_catalogue_pt change)
{
    ngx_int_t                      rc;
    ngx_str_t                      id;
    ngx_recording_policy_order_t  *order;

    static const ngx_recording_api_param_t  params[] = {
        { "TaskId", NGX_RECORDING_API_TEXT, 0, 0, 255 },
        { NULL, 0, 0, 0, 0 }
    };

    if (call->arg == NULL) {
        ngx_str_null(&id);

        rc = ngx_recording_api_params(call, params, &id);

        if (rc != NGX_OK) {
            return rc;
        }

        if (id.len == 0) {
            return ngx_recording_api_fail(call, "MissingParameter",
                                          "there is no TaskId");
        }

        order = calloc(1, sizeof(ngx_recording_policy_order_t));

        if (order == NULL) {
            return NGX_ERROR;
        }

        call->arg = order;

        ngx_recording_api_copy(order->task.id, sizeof(order->task.id), &id);
    }

    order = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change, change, order, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (order->result == NGX_RECORDING_POLICY_NONE) {
        return ngx_recording_api_fail(call, "ResourceNotFound.TaskId",
                                      "there is no such task");
    }

    ngx_recording_api_log_text(call, order->task.id);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_task_list_thread(ngx_recording_api_call_t *call)
{
    char                           token[NGX_RECORDING_POLICY_TASK_ID + 32];
    json_t                        *set;
    int64_t                        after;
    ngx_int_t                      rc;
    ngx_uint_t                     i, n;
    ngx_recording_api_task_t       in;
    ngx_recording_policy_task_t    like, *tasks;

    static const ngx_recording_api_param_t  params[] = {
        { "StartTime", NGX_RECORDING_API_NUMBER,
          offsetof(ngx_recording_api_task_t, start), 0, UINT32_MAX },
        { "EndTime", NGX_RECORDING_API_NUMBER,
          offsetof(ngx_recording_api_task_t, end), 0, UINT32_MAX },
        { "StreamName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_task_t, stream), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "DomainName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_task_t, domain), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "AppName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_task_t, app), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "ScrollToken", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_task_t, token), 0, 128 },
        { NULL, 0, 0, 0, 0 }
    };

    ngx_memzero(&in, sizeof(ngx_recording_api_task_t));
    ngx_memzero(&like, sizeof(ngx_recording_policy_task_t));

    rc = ngx_recording_api_params(call, params, &in);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_task_span(call, &in);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_policy_domain(call, &in.domain, like.domain);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_task_from(call, &in.token, &like, &after);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    like.start = in.start * 1000000;
    like.end = in.end * 1000000;
    ngx_recording_api_copy(like.app, sizeof(like.app), &in.app);
    ngx_recording_api_copy(like.stream, sizeof(like.stream), &in.stream);

    n = NGX_RECORDING_API_TASK_PAGE + 1;
    set = json_array();
    tasks = calloc(n, sizeof(ngx_recording_policy_task_t));

    rc = set && tasks
         ? ngx_recording_policy_tasks(call->catalogue, &like, after, tasks, &n)
         : NGX_ERROR;

    token[0] = '\0';

    if (rc == NGX_OK && n > NGX_RECORDING_API_TASK_PAGE) {
        n = NGX_RECORDING_API_TASK_PAGE;
        (void) snprintf(token, sizeof(token), "%lld.%s",
                        (long long) tasks[n - 1].end, tasks[n - 1].id);
    }

    for (i = 0; rc == NGX_OK && i < n; i++) {
        rc = ngx_recording_api_task_add(set, &tasks[i]);
    }

    free(tasks);

    return ngx_recording_api_page_end(call, "TaskList", set, token, rc);
}


static ngx_int_t
ngx_recording_api_task_span(ngx_recording_api_call_t *call,
    const ngx_recording_api_task_t *in)
{
    if (in->start == 0 || in->end == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no %s",
                                      in->start ? "EndTime" : "StartTime");
    }

    if (in->end <= in->start
        || in->end - in->start > NGX_RECORDING_API_TASK_WEEK
        || in->start < ngx_recording_wall() / 1000000
                       - NGX_RECORDING_API_TASK_OLD)
    {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "StartTime and EndTime are not at most "
                                      "7 days of the last 90");
    }

    return NGX_OK;
}


/* behind the last one of the page before */

static ngx_int_t
ngx_recording_api_task_from(ngx_recording_api_call_t *call,
    const ngx_str_t *token, ngx_recording_policy_task_t *like, int64_t *after)
{
    int        len;
    char       text[129];
    long long  end;

    *after = 0;

    if (token->len == 0) {
        return NGX_OK;
    }

    ngx_recording_api_copy(text, sizeof(text), token);

    len = 0;

    if (sscanf(text, "%18lld.%63[0-9]%n", &end, like->id, &len) != 2
        || (size_t) len != token->len || end < 0)
    {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "ScrollToken is not one of an answer");
    }

    *after = end;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_task_add(json_t *set,
    const ngx_recording_policy_task_t *task)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "TaskId", task->id);
    ngx_recording_api_put_text(&o, "DomainName", task->domain);
    ngx_recording_api_put_text(&o, "AppName", task->app);
    ngx_recording_api_put_text(&o, "StreamName", task->stream);
    ngx_recording_api_put_int(&o, "StartTime", task->start / 1000000);
    ngx_recording_api_put_int(&o, "EndTime", task->end / 1000000);
    ngx_recording_api_put_int(&o, "TemplateId", task->template);
    ngx_recording_api_put_int(&o, "Stopped", task->stopped / 1000000);

    return ngx_recording_api_append(set, o.object);
}


static ngx_int_t
ngx_recording_api_task_stop_recording_thread(ngx_recording_api_call_t *call)
{
    return ngx_recording_api_task_tell(call, NGX_RECORDING_POLICY_STOP);
}


static ngx_int_t
ngx_recording_api_task_cut_recording_thread(ngx_recording_api_call_t *call)
{
    return ngx_recording_api_task_tell(call, NGX_RECORDING_POLICY_CUT);
}


static ngx_int_t
ngx_recording_api_task_tell(ngx_recording_api_call_t *call,
    ngx_recording_policy_command_e command)
{
    ngx_int_t                     rc;
    ngx_recording_policy_tell_t  *tell;

    rc = call->arg ? NGX_OK : ngx_recording_api_task_recording(call, command);

    if (rc != NGX_OK) {
        return rc;
    }

    tell = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_policy_tell, tell, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (tell->result == NGX_RECORDING_POLICY_NONE) {
        return ngx_recording_api_fail(call, "ResourceNotFound",
                                      "no such recording is under way");
    }

    if (tell->result == NGX_RECORDING_POLICY_USED) {
        return ngx_recording_api_fail(call, "FailedOperation",
                                      "the recording waits for its stream");
    }

    ngx_recording_api_log_id(call, tell->command.recording_id);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_task_recording(ngx_recording_api_call_t *call,
    ngx_recording_policy_command_e command)
{
    off_t                         id;
    ngx_int_t                     rc;
    ngx_str_t                     text;
    ngx_recording_policy_tell_t  *tell;

    static const ngx_recording_api_param_t  params[] = {
        { "RecordingId", NGX_RECORDING_API_TEXT, 0, 0, 32 },
        { NULL, 0, 0, 0, 0 }
    };

    ngx_str_null(&text);

    rc = ngx_recording_api_params(call, params, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    if (text.len == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no RecordingId");
    }

    id = ngx_atoof(text.data, text.len);

    if (id == NGX_ERROR) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "RecordingId is no id");
    }

    tell = calloc(1, sizeof(ngx_recording_policy_tell_t));

    if (tell == NULL) {
        return NGX_ERROR;
    }

    call->arg = tell;

    tell->command.recording_id = (uint64_t) id;
    tell->command.command = command;

    return NGX_OK;
}
