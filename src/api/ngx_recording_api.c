
#include "ngx_recording_api.h"


typedef struct {
    const ngx_recording_api_action_t  *actions;
    ngx_uint_t              ordered;       /* of what a lost catalogue has from
                                              catalogue.copy only */
} ngx_recording_api_table_t;


static const ngx_recording_api_table_t  ngx_recording_api_tables[] = {
    { ngx_recording_api_media, 0 },
    { ngx_recording_api_recordings, 0 },
    { ngx_recording_api_store, 0 },
    { ngx_recording_api_template_actions, 1 },
    { ngx_recording_api_rule_actions, 1 },
    { ngx_recording_api_task_actions, 1 },
    { ngx_recording_api_callback_actions, 1 },
    { ngx_recording_api_callback_rule_actions, 1 },
    { ngx_recording_api_expire, 0 },
    { ngx_recording_api_edit_actions, 1 },
    { NULL, 0 }
};


static void ngx_recording_api_next(ngx_recording_api_t *api);
static ngx_recording_api_slot_t *ngx_recording_api_slot(
    ngx_recording_api_t *api);
static void ngx_recording_api_run_thread(void *data);
static ngx_int_t ngx_recording_api_read(ngx_recording_api_call_t *call,
    ngx_int_t (*run)(ngx_recording_api_call_t *call));
static ngx_int_t ngx_recording_api_known(ngx_recording_api_call_t *call);
static ngx_uint_t ngx_recording_api_ordered(
    const ngx_recording_api_action_t *action);
static ngx_int_t ngx_recording_api_parse(ngx_recording_api_call_t *call);
static ngx_uint_t ngx_recording_api_deep(const json_t *value,
    ngx_uint_t depth);
static void ngx_recording_api_failed(ngx_recording_api_call_t *call);
static void ngx_recording_api_ran(void *data);
static void ngx_recording_api_committed(void *data);
static void ngx_recording_api_end(ngx_recording_api_call_t *call);


void
ngx_recording_api_init(ngx_recording_api_t *api,
    ngx_recording_worker_t *worker)
{
    ngx_uint_t                 i;
    ngx_recording_api_slot_t  *slot;

    api->worker = worker;

    ngx_queue_init(&api->waiting);

    for (i = 0; i < NGX_RECORDING_API_THREADS; i++) {
        slot = &api->slots[i];

        slot->api = api;

        ngx_recording_catalogue_init_reader(&slot->catalogue, &worker->store,
                                            NGX_RECORDING_API_TIME);
        ngx_recording_job_init(&slot->job, &worker->jobs,
                               ngx_recording_api_run_thread,
                               ngx_recording_api_ran, slot);
    }
}


void
ngx_recording_api_close(ngx_recording_api_t *api)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_API_THREADS; i++) {
        ngx_recording_catalogue_close(&api->slots[i].catalogue);
    }
}


const ngx_recording_api_action_t *
ngx_recording_api_find(const ngx_str_t *name, const ngx_str_t *version,
    const char **known)
{
    ngx_uint_t                         i;
    const ngx_recording_api_action_t  *action;

    *known = NULL;

    for (i = 0; ngx_recording_api_tables[i].actions; i++) {
        for (action = ngx_recording_api_tables[i].actions; action->name;
             action++)
        {

            if (ngx_strlen(action->name) != name->len
                || ngx_memcmp(action->name, name->data, name->len) != 0)
            {
                continue;
            }

            *known = action->version;

            if (action->version == NULL
                || (ngx_strlen(action->version) == version->len
                    && ngx_memcmp(action->version, version->data,
                                  version->len)
                       == 0))
            {
                return action;
            }
        }
    }

    return NULL;
}


/* those who write open the catalogue first: they make it, if there is none */

ngx_uint_t
ngx_recording_api_ready(ngx_recording_api_t *api)
{
    ngx_recording_sql_t  *sql;

    sql = api->worker->catalogue.sql;

    return api->worker->ready && sql && sql->opened;
}


ngx_recording_api_call_t *
ngx_recording_api_call(void)
{
    return calloc(1, sizeof(ngx_recording_api_call_t));
}


void
ngx_recording_api_free(ngx_recording_api_call_t *call)
{
    json_decref(call->params);
    json_decref(call->answer);

    free(call->body);
    free(call->text);
    free(call->arg);
    free(call);
}


ngx_int_t
ngx_recording_api_post(ngx_recording_api_t *api,
    ngx_recording_api_call_t *call)
{
    if (api->nwaiting >= NGX_RECORDING_API_WAITING) {
        return NGX_DECLINED;
    }

    call->api = api;

    ngx_recording_change_init(&call->change, &api->worker->changes);

    ngx_queue_insert_tail(&api->waiting, &call->queue);
    api->nwaiting++;

    ngx_recording_api_next(api);

    return NGX_OK;
}


void
ngx_recording_api_forget(ngx_recording_api_call_t *call)
{
    call->data = NULL;

    if (call->slot || call->changing) {
        return;
    }

    if (call->api) {
        ngx_queue_remove(&call->queue);
        call->api->nwaiting--;
    }

    ngx_recording_api_free(call);
}


/* begins those that wait, as many as may run */

static void
ngx_recording_api_next(ngx_recording_api_t *api)
{
    ngx_queue_t               *q;
    ngx_recording_api_slot_t  *slot;
    ngx_recording_api_call_t  *call;

    while (!ngx_queue_empty(&api->waiting)) {

        slot = ngx_recording_api_slot(api);

        if (slot == NULL) {
            return;
        }

        q = ngx_queue_head(&api->waiting);
        ngx_queue_remove(q);
        api->nwaiting--;

        call = ngx_queue_data(q, ngx_recording_api_call_t, queue);

        call->slot = slot;
        call->changing = 0;
        call->catalogue = &slot->catalogue;
        slot->call = call;

        ngx_recording_job_post(&slot->job);
    }
}


/* streams are written by the same threads: there is always another one, if
   the pool has more than one */

static ngx_recording_api_slot_t *
ngx_recording_api_slot(ngx_recording_api_t *api)
{
    ngx_uint_t                 i, n;
    ngx_recording_api_slot_t  *slot;

    slot = NULL;
    n = 0;

    for (i = 0; i < NGX_RECORDING_API_THREADS; i++) {
        if (api->slots[i].call) {
            n++;

        } else {
            slot = &api->slots[i];
        }
    }

    return n && api->worker->jobs.threads <= NGX_RECORDING_API_THREADS
           ? NULL : slot;
}


static void
ngx_recording_api_run_thread(void *data)
{
    ngx_recording_api_slot_t *slot = data;

    ngx_recording_api_call_t  *call;

    call = slot->call;

    /* a change does not use it: it would tell of the call before */

    call->catalogue->late = 0;

    if (call->params == NULL) {
        call->rc = ngx_recording_api_parse(call);

        if (call->rc == NGX_OK && ngx_recording_api_ordered(call->action)) {
            call->rc = ngx_recording_api_read(call, ngx_recording_api_known);
        }

    } else {
        call->rc = NGX_OK;
    }

    if (call->rc == NGX_OK) {
        call->rc = call->action->changes
                   ? call->action->run(call)
                   : ngx_recording_api_read(call, call->action->run);
    }

    if (call->rc == NGX_BUSY) {
        return;
    }

    if (call->rc == NGX_ERROR) {
        ngx_recording_api_failed(call);
    }

    /* of what is no JSON there is a text already */

    if (call->text == NULL || call->code) {
        free(call->text);
        call->text = NULL;

        (void) ngx_recording_api_answer(call);
    }

    /* of a long answer these are tens of thousands of objects: not in the
       loop */

    json_decref(call->params);
    json_decref(call->answer);

    call->params = NULL;
    call->answer = NULL;
}


/* no transaction is longer than a call, or it would keep the log of the
   database from being tidied up */

static ngx_int_t
ngx_recording_api_read(ngx_recording_api_call_t *call,
    ngx_int_t (*run)(ngx_recording_api_call_t *call))
{
    ngx_int_t  rc;

    rc = ngx_recording_catalogue_read(call->catalogue, &call->err);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    rc = run(call);

    return ngx_recording_catalogue_finish(call->catalogue, rc, &call->err);
}


/* what comes back later would be told to be none, and what a call removes
   would come back */

static ngx_int_t
ngx_recording_api_known(ngx_recording_api_call_t *call)
{
    ngx_int_t  rc;

    rc = ngx_recording_catalogue_has_copied_thread(call->catalogue);

    return rc != NGX_DECLINED ? rc
           : ngx_recording_api_fail(call,
                                    "ResourceUnavailable.InvalidVodStatus",
                                    "what calls have ordered has not come "
                                    "back to the catalogue yet: if that "
                                    "lasts, see the error log");
}


static ngx_uint_t
ngx_recording_api_ordered(const ngx_recording_api_action_t *action)
{
    ngx_uint_t                         i;
    const ngx_recording_api_action_t  *a;

    for (i = 0; ngx_recording_api_tables[i].actions; i++) {
        for (a = ngx_recording_api_tables[i].actions; a->name; a++) {
            if (a == action) {
                return ngx_recording_api_tables[i].ordered;
            }
        }
    }

    return 0;
}


static ngx_int_t
ngx_recording_api_parse(ngx_recording_api_call_t *call)
{
    json_error_t  error;

    call->params = json_loadb((char *) call->body, call->len,
                              JSON_REJECT_DUPLICATES, &error);

    if (call->params == NULL) {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "the body is not JSON: %s",
                                      error.text);
    }

    if (!json_is_object(call->params)) {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "the body is not a JSON object");
    }

    if (ngx_recording_api_deep(call->params, NGX_RECORDING_API_DEPTH)) {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "the body is nested too deep");
    }

    call->answer = json_object();

    return call->answer ? NGX_OK : NGX_ERROR;
}


static ngx_uint_t
ngx_recording_api_deep(const json_t *value, ngx_uint_t depth)
{
    size_t       i;
    json_t      *item;
    const char  *name;

    if (depth == 0) {
        return 1;
    }

    json_array_foreach(value, i, item) {
        if (ngx_recording_api_deep(item, depth - 1)) {
            return 1;
        }
    }

    json_object_foreach((json_t *) value, name, item) {
        if (ngx_recording_api_deep(item, depth - 1)) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_recording_api_fail(ngx_recording_api_call_t *call, const char *code,
    const char *fmt, ...)
{
    va_list  args;

    call->code = code;

    va_start(args, fmt);
    (void) vsnprintf(call->message, sizeof(call->message), fmt, args);
    va_end(args);

    return NGX_DECLINED;
}


static void
ngx_recording_api_failed(ngx_recording_api_call_t *call)
{
    if (call->catalogue->late) {
        (void) ngx_recording_api_fail(call, "FailedOperation",
                                      "the catalogue has not answered within "
                                      "%d ms", NGX_RECORDING_API_TIME);
        return;
    }

    (void) ngx_recording_api_fail(call, "InternalError", "%s%s",
                                  call->err.text[0] ? "catalogue failed: "
                                                    : "no memory",
                                  call->err.text);
}


ngx_int_t
ngx_recording_api_answer(ngx_recording_api_call_t *call)
{
    json_t     *answer, *error, *response;
    ngx_int_t   rc;

    answer = call->code ? json_object() : json_incref(call->answer);
    rc = answer ? NGX_OK : NGX_ERROR;

    if (rc == NGX_OK && call->code) {
        error = json_object();

        rc = ngx_recording_api_set(error, "Code", json_string(call->code));

        if (rc == NGX_OK) {
            rc = ngx_recording_api_set(error, "Message",
                               ngx_recording_api_text(call->message,
                                                 ngx_strlen(call->message)));
        }

        if (rc == NGX_OK) {
            rc = ngx_recording_api_set(answer, "Error", json_incref(error));
        }

        json_decref(error);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_set(answer, "RequestId", json_string(call->id));
    }

    response = json_object();

    if (rc == NGX_OK) {
        rc = ngx_recording_api_set(response, "Response", json_incref(answer));
    }

    if (rc == NGX_OK) {
        call->text = json_dumps(response, JSON_COMPACT);
    }

    json_decref(response);
    json_decref(answer);

    return call->text ? NGX_OK : NGX_ERROR;
}


/* loop: it is done, or what it asks for is handed over; others have the slot
   meanwhile */

static void
ngx_recording_api_ran(void *data)
{
    ngx_recording_api_slot_t *slot = data;

    ngx_recording_api_t       *api;
    ngx_recording_api_call_t  *call;

    call = slot->call;
    api = slot->api;

    slot->call = NULL;
    call->slot = NULL;

    if (call->rc == NGX_BUSY
        && ngx_recording_change_post(&call->change,
                                     ngx_recording_api_committed, call))
    {
        call->changing = 1;

    } else {
        ngx_recording_api_end(call);
    }

    ngx_recording_api_next(api);
}


/* before all that wait: it has waited before */

static void
ngx_recording_api_committed(void *data)
{
    ngx_recording_api_call_t *call = data;

    ngx_recording_api_t  *api;

    api = call->api;

    ngx_queue_insert_head(&api->waiting, &call->queue);
    api->nwaiting++;

    ngx_recording_api_next(api);
}


static void
ngx_recording_api_end(ngx_recording_api_call_t *call)
{
    ngx_recording_api_log(call);

    call->api = NULL;

    if (call->data) {
        call->done(call);

    } else {
        ngx_recording_api_free(call);
    }
}
