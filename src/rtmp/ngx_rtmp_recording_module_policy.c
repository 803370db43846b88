
/* what calls have ordered for the streams of this worker */


#include "ngx_rtmp_recording_module.h"


#define NGX_RECORDING_DECIDED    2000       /* ms: by then without an answer of
                                               the catalogue */
#define NGX_RECORDING_OPENED     60000      /* ms: the same, until it was opened
                                               once */
#define NGX_RECORDING_HOLD       250        /* ms */


static void ngx_rtmp_recording_held(ngx_event_t *ev);
static ngx_uint_t ngx_rtmp_recording_known(ngx_rtmp_recording_ctx_t *ctx);
static void ngx_rtmp_recording_without(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_stream_t *stream, int64_t template);
static void ngx_rtmp_recording_tasks_end(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_policy_task_t *tasks, ngx_uint_t ntasks, int64_t now);
static void ngx_rtmp_recording_task(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_policy_task_t *task);
static ngx_rtmp_recording_one_t *ngx_rtmp_recording_has(
    ngx_rtmp_recording_ctx_t *ctx, const char *task, ngx_uint_t *n);
static void ngx_rtmp_recording_obey(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_policy_command_t *command);
static void ngx_rtmp_recording_remove(ngx_rtmp_recording_ctx_t *ctx,
    ngx_uint_t i);


void
ngx_rtmp_recording_module_looked(void *data)
{
    ngx_recording_main_conf_t *rmcf = data;

    ngx_uint_t                 i, n;
    ngx_queue_t               *q, *next;
    ngx_rtmp_recording_ctx_t  *ctx;

    if (rmcf->watch == NULL) {
        return;
    }

    n = ngx_recording_watch_commands(rmcf->watch);

    for (q = ngx_queue_head(&rmcf->sessions);
         q != ngx_queue_sentinel(&rmcf->sessions);
         q = next)
    {
        next = ngx_queue_next(q);
        ctx = ngx_queue_data(q, ngx_rtmp_recording_ctx_t, queue);

        if (ctx->waiting) {

            if (ngx_rtmp_recording_known(ctx)) {
                ngx_rtmp_recording_module_decide(ctx);
            }

            continue;
        }

        ngx_rtmp_recording_module_tasks(ctx);

        for (i = 0; i < n; i++) {
            ngx_rtmp_recording_obey(ctx, &rmcf->watch->policy->commands[i]);
        }
    }

    ngx_recording_watch_obeyed(rmcf->watch);
}


/* what holds for a session that waits, or that it will not be known soon */

static ngx_uint_t
ngx_rtmp_recording_known(ngx_rtmp_recording_ctx_t *ctx)
{
    ngx_msec_t                  limit;
    ngx_recording_main_conf_t  *rmcf;

    rmcf = ctx->main_conf;

    if (ngx_recording_watch_has(rmcf->watch, ctx->look)) {
        return 1;
    }

    /* a store that cannot be used is said by recordings */

    limit = rmcf->watch->policy || rmcf->worker->failed
            || (ngx_exiting && ctx->session == NULL)
            ? NGX_RECORDING_DECIDED : NGX_RECORDING_OPENED;

    return ngx_current_msec - ctx->since > limit;
}


void
ngx_rtmp_recording_module_hold(ngx_rtmp_recording_ctx_t *ctx)
{
    ctx->hold.handler = ngx_rtmp_recording_held;
    ctx->hold.data = ctx;
    ctx->hold.log = ctx->log;

    ngx_add_timer(&ctx->hold, NGX_RECORDING_HOLD);
}


static void
ngx_rtmp_recording_held(ngx_event_t *ev)
{
    ngx_rtmp_recording_ctx_t  *ctx;

    ctx = ev->data;

    if (ngx_rtmp_recording_known(ctx)) {
        ngx_rtmp_recording_module_decide(ctx);
        return;
    }

    ngx_add_timer(ev, NGX_RECORDING_HOLD);
}


void
ngx_rtmp_recording_module_late(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_stream_t *stream)
{
    char  about[NGX_RECORDING_ABOUT];

    ngx_recording_file_about(stream, about);

    ngx_log_error(NGX_LOG_ERR, ctx->log, 0,
                  "recording: the catalogue has not told in time whether "
                  "calls have ordered something for a stream: what was "
                  "known before holds for it%s", about);
}


void
ngx_rtmp_recording_module_stop(ngx_recording_main_conf_t *rmcf)
{
    ngx_queue_t               *q, *next;
    ngx_rtmp_recording_ctx_t  *ctx;

    if (rmcf->watch == NULL) {
        return;
    }

    for (q = ngx_queue_head(&rmcf->sessions);
         q != ngx_queue_sentinel(&rmcf->sessions);
         q = next)
    {
        next = ngx_queue_next(q);
        ctx = ngx_queue_data(q, ngx_rtmp_recording_ctx_t, queue);

        if (ctx->waiting) {
            ngx_rtmp_recording_module_decide(ctx);
        }
    }
}


/* NGX_DECLINED: no rule of a call names more than the configuration's, or its
   template is gone */

ngx_int_t
ngx_rtmp_recording_module_policy(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream, ngx_uint_t rank)
{
    ngx_recording_template_t            made;
    ngx_recording_main_conf_t          *rmcf;
    const ngx_recording_template_t     *template;
    const ngx_recording_policy_rule_t  *rule;

    rmcf = ctx->main_conf;

    if (rmcf->watch == NULL || rmcf->watch->policy == NULL) {
        return NGX_DECLINED;
    }

    rule = ngx_recording_rule_policy(rmcf->watch->policy, stream, rank);

    if (rule == NULL) {
        return NGX_DECLINED;
    }

    template = ngx_recording_conf_policy_template(rmcf, rmcf->watch->policy,
                                                  rule->id, &made);
    if (template == NULL) {
        ngx_rtmp_recording_without(ctx, stream, rule->id);
        return NGX_DECLINED;
    }

    stream->template = template->name;

    if (template == &made) {
        ngx_str_set(&stream->delivers, "default");
    }

    (void) ngx_rtmp_recording_module_start(ctx, template, stream,
                        ngx_rtmp_recording_module_type(ctx, stream), 0);

    return NGX_OK;
}


/* it was the configuration's, and is not there since a reload */

static void
ngx_rtmp_recording_without(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_stream_t *stream, int64_t template)
{
    char  about[NGX_RECORDING_ABOUT];

    ngx_recording_file_about(stream, about);

    ngx_log_error(NGX_LOG_ERR, ctx->log, 0,
                  "recording: template %L, which a rule of a call has for it, "
                  "is not there any more, it is recorded as the configuration "
                  "says%s", template, about);
}


/* starts and ends recordings of tasks */

void
ngx_rtmp_recording_module_tasks(ngx_rtmp_recording_ctx_t *ctx)
{
    int64_t                             now;
    ngx_str_t                           name;
    ngx_uint_t                          i, n, ntasks;
    ngx_recording_stream_t              stream;
    ngx_recording_main_conf_t          *rmcf;
    const ngx_recording_policy_task_t  *task, *tasks;

    rmcf = ctx->main_conf;

    if (rmcf->watch == NULL || rmcf->watch->policy == NULL) {
        return;
    }

    name.data = ctx->name;
    name.len = ngx_strlen(ctx->name);

    tasks = ngx_recording_policy_tasks_of(rmcf->watch->policy, &name, &ntasks);
    now = ngx_recording_wall();

    ngx_rtmp_recording_tasks_end(ctx, tasks, ntasks, now);

    if (ntasks == 0) {
        return;
    }

    ngx_rtmp_recording_module_stream(ctx, &stream);

    for (i = 0; i < ntasks; i++) {
        task = &tasks[i];

        if (task->start <= now && task->end > now && !task->stopped
            && !task->deleted && ngx_recording_rule_task(task, &stream)
            && ngx_rtmp_recording_has(ctx, task->id, &n) == NULL
            && n < NGX_RECORDING_POLICY_TASKS)
        {
            ngx_rtmp_recording_task(ctx, task);
        }
    }
}


/* one that was deleted goes on to its end, or to that of its stream */

static void
ngx_rtmp_recording_tasks_end(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_policy_task_t *tasks, ngx_uint_t ntasks, int64_t now)
{
    ngx_uint_t                 i, n, over;
    ngx_rtmp_recording_one_t  *one;

    for (i = ctx->n; i > 0; i--) {
        one = &ctx->recordings[i - 1];

        if (one->task[0] == '\0') {
            continue;
        }

        over = now >= one->end;

        for (n = 0; !over && n < ntasks; n++) {
            over = tasks[n].stopped
                   && ngx_strcmp(tasks[n].id, one->task) == 0;
        }

        if (over) {
            if (one->recording) {
                ngx_rtmp_recording_module_finish(one->recording);
            }

            ngx_rtmp_recording_remove(ctx, i - 1);
        }
    }
}


static void
ngx_rtmp_recording_task(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_policy_task_t *task)
{
    ngx_recording_stream_t           stream;
    ngx_recording_template_t         made;
    ngx_rtmp_recording_one_t        *one;
    ngx_recording_main_conf_t       *rmcf;
    const ngx_recording_template_t  *template;

    rmcf = ctx->main_conf;

    /* one whose template is not there is recorded as one without */

    template = ngx_recording_conf_policy_template(rmcf, rmcf->watch->policy,
                                                  task->template, &made);
    if (template == NULL) {
        template = ngx_recording_conf_policy_template(rmcf,
                                            rmcf->watch->policy, 0, &made);
    }

    if (template == NULL) {
        return;
    }

    ngx_rtmp_recording_module_stream(ctx, &stream);

    stream.template = template->name;
    stream.task.data = (u_char *) task->id;
    stream.task.len = ngx_strlen(task->id);
    ngx_str_null(&stream.param);

    if (template == &made) {
        ngx_str_set(&stream.delivers, "default");
    }

    one = ngx_rtmp_recording_module_start(ctx, template, &stream,
                                          NGX_RECORDING_TYPE_ANY, task->start);

    if (one) {
        one->end = task->end;
        ngx_memcpy(one->task, task->id, sizeof(one->task));
    }
}


/* the recording of a task, and how many of tasks there are */

static ngx_rtmp_recording_one_t *
ngx_rtmp_recording_has(ngx_rtmp_recording_ctx_t *ctx, const char *task,
    ngx_uint_t *n)
{
    ngx_uint_t  i;

    *n = 0;

    for (i = 0; i < ctx->n; i++) {

        if (ngx_strcmp(ctx->recordings[i].task, task) == 0) {
            return &ctx->recordings[i];
        }

        *n += ctx->recordings[i].recording
              && ctx->recordings[i].task[0] != '\0';
    }

    return NULL;
}


/* one to a recording that is not known by its number yet is met again */

static void
ngx_rtmp_recording_obey(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_policy_command_t *command)
{
    ngx_uint_t        i;
    ngx_recording_t  *r;

    for (i = ctx->n; i > 0; i--) {
        r = ctx->recordings[i - 1].recording;

        if (r == NULL || r->id != command->recording_id) {
            continue;
        }

        if (command->command == NGX_RECORDING_POLICY_CUT) {
            command->obeyed = ngx_recording_recorder_cut(r, command->number)
                              == NGX_OK;
            continue;
        }

        ngx_rtmp_recording_module_finish(r);

        if (ctx->recordings[i - 1].task[0]) {
            ctx->recordings[i - 1].recording = NULL;

        } else {
            ngx_rtmp_recording_remove(ctx, i - 1);
        }
    }
}


static void
ngx_rtmp_recording_remove(ngx_rtmp_recording_ctx_t *ctx, ngx_uint_t i)
{
    ctx->recordings[i] = ctx->recordings[--ctx->n];
}
