
/*
 * The store as a whole: its room, its files, who works on them, who is told of
 * them; and letters that nobody took, which are sent again.
 */


#include "ngx_recording_api.h"
#include "ngx_recording_kind.h"
#include <sys/stat.h>


#define NGX_RECORDING_API_DEAD  100        /* letters, the newest */
#define NGX_RECORDING_API_MET   1000       /* exceptions by hour, the same */


typedef struct {
    ngx_recording_api_list_t   ids;
} ngx_recording_api_retry_t;


static ngx_int_t ngx_recording_api_describe_store_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_store_room(ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_store_count(void *data, const char *state,
    const char *format, int64_t files, int64_t bytes);
static ngx_int_t ngx_recording_api_store_workers(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_store_worker(void *data,
    const ngx_recording_catalogue_search_worker_t *worker);
static ngx_int_t ngx_recording_api_store_told(ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_store_target(void *data,
    const ngx_recording_catalogue_search_target_t *target);
static ngx_int_t ngx_recording_api_store_letter(void *data,
    const ngx_recording_catalogue_search_letter_t *letter);
static ngx_int_t ngx_recording_api_store_exceptions(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_store_exception(void *data,
    const ngx_recording_catalogue_search_tally_t *tally);
static ngx_int_t ngx_recording_api_store_catalogue(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_store_versions(
    ngx_recording_api_call_t *call, const char *engine);
static int64_t ngx_recording_api_store_size(ngx_recording_api_call_t *call,
    const char *name);
static json_t *ngx_recording_api_store_array(ngx_recording_api_call_t *call,
    const char *name);
static ngx_int_t ngx_recording_api_retry_thread(ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_retry_ids(ngx_recording_api_call_t *call);


const ngx_recording_api_action_t  ngx_recording_api_store[] = {

    { "DescribeStore", NULL, 0, ngx_recording_api_describe_store_thread },

    { "RetryDelivery", NULL, 1, ngx_recording_api_retry_thread },

    { NULL, NULL, 0, NULL }
};


static ngx_int_t
ngx_recording_api_describe_store_thread(ngx_recording_api_call_t *call)
{
    json_t     *counts;
    ngx_int_t   rc;

    static const ngx_recording_api_param_t  params[] = {
        { NULL, 0, 0, 0, 0 }
    };

    if (ngx_recording_api_params(call, params, NULL) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_recording_api_store_room(call);

    if (rc == NGX_OK) {
        counts = ngx_recording_api_store_array(call, "Files");

        rc = counts ? ngx_recording_catalogue_search_counts(call->catalogue,
                                               ngx_recording_api_store_count,
                                               counts)
                    : NGX_ERROR;
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_store_workers(call);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_store_told(call);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_store_exceptions(call);
    }

    return rc == NGX_OK ? ngx_recording_api_store_catalogue(call) : rc;
}


/* NULL: no memory */

static json_t *
ngx_recording_api_store_array(ngx_recording_api_call_t *call, const char *name)
{
    json_t  *array;

    array = json_array();

    return ngx_recording_api_set(call->answer, name, array) == NGX_OK
           ? array : NULL;
}


static ngx_int_t
ngx_recording_api_store_room(ngx_recording_api_call_t *call)
{
    off_t                        room;
    int64_t                      bytes;
    ngx_recording_store_t       *store;
    ngx_recording_api_object_t   o;

    store = &call->api->worker->store;

    if (ngx_recording_catalogue_search_bytes(call->catalogue, &bytes)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_recording_store_room_thread(store, &room) != NGX_OK) {
        room = -1;
    }

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "Path", store->path);
    ngx_recording_api_put_str(&o, "Url", &store->url);
    ngx_recording_api_put_int(&o, "Bytes", bytes);
    ngx_recording_api_put(&o, "Free", room < 0 ? json_null()
                                               : json_integer(room));
    ngx_recording_api_put_int(&o, "Reserve", store->reserve);
    ngx_recording_api_put_int(&o, "Max", store->max);

    /* less than the reserve is free: nothing begins */

    ngx_recording_api_put_bool(&o, "Full", store->low != 0);

    return ngx_recording_api_set(call->answer, "Store", o.object);
}


static ngx_int_t
ngx_recording_api_store_count(void *data, const char *state,
    const char *format, int64_t files, int64_t bytes)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "State", state);
    ngx_recording_api_put_text(&o, "Format", format);
    ngx_recording_api_put_int(&o, "Count", files);
    ngx_recording_api_put_int(&o, "Bytes", bytes);

    return ngx_recording_api_append(data, o.object);
}


static ngx_int_t
ngx_recording_api_store_workers(ngx_recording_api_call_t *call)
{
    json_t                      *workers;
    ngx_recording_api_t         *api;
    ngx_recording_api_object_t   o;

    workers = ngx_recording_api_store_array(call, "Workers");

    if (workers == NULL
        || ngx_recording_catalogue_search_workers(call->catalogue,
                                              ngx_recording_api_store_worker,
                                              workers)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* of the worker that answers: numbers of a moment, which may be off */

    api = call->api;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "Name", api->worker->store.owner);
    ngx_recording_api_put_int(&o, "Jobs", api->worker->jobs.active);
    ngx_recording_api_put_int(&o, "Calls", api->nwaiting);
    ngx_recording_api_put_int(&o, "Buffered", api->worker->account.held);

    return ngx_recording_api_set(call->answer, "Worker", o.object);
}


static ngx_int_t
ngx_recording_api_store_worker(void *data,
    const ngx_recording_catalogue_search_worker_t *worker)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "Name", worker->owner);
    ngx_recording_api_put_bool(&o, "Alive", worker->lives);
    ngx_recording_api_put_int(&o, "Recording", worker->recording);
    ngx_recording_api_put_int(&o, "Paused", worker->paused);
    ngx_recording_api_put_int(&o, "Finishing", worker->finishing);

    return ngx_recording_api_append(data, o.object);
}


static ngx_int_t
ngx_recording_api_store_told(ngx_recording_api_call_t *call)
{
    json_t  *targets, *letters;

    targets = ngx_recording_api_store_array(call, "Deliveries");
    letters = ngx_recording_api_store_array(call, "DeadLetters");

    if (targets == NULL || letters == NULL) {
        return NGX_ERROR;
    }

    if (ngx_recording_catalogue_search_targets(call->catalogue,
                                               ngx_recording_api_store_target,
                                               targets)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_catalogue_search_letters(call->catalogue, 0,
                                               NGX_RECORDING_API_DEAD,
                                               ngx_recording_api_store_letter,
                                               letters);
}


static ngx_int_t
ngx_recording_api_store_target(void *data,
    const ngx_recording_catalogue_search_target_t *target)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_str(&o, "TemplateName", &target->template);
    ngx_recording_api_put_str(&o, "Target", &target->target);
    ngx_recording_api_put_text(&o, "Kind",
                               target->kinds & NGX_RECORDING_KIND_UPLOAD
                               ? "upload"
                               : target->kinds & NGX_RECORDING_KIND_REMOVE
                               ? "remove" : "notify");
    ngx_recording_api_put_int(&o, "Waiting", target->waiting);
    ngx_recording_api_put_int(&o, "Dead", target->dead);

    return ngx_recording_api_append(data, o.object);
}


static ngx_int_t
ngx_recording_api_store_letter(void *data,
    const ngx_recording_catalogue_search_letter_t *letter)
{
    return ngx_recording_api_append(data, ngx_recording_api_letter(letter));
}


static ngx_int_t
ngx_recording_api_store_exceptions(ngx_recording_api_call_t *call)
{
    json_t  *exceptions;

    exceptions = ngx_recording_api_store_array(call, "Exceptions");

    return exceptions
           ? ngx_recording_catalogue_search_tallies(call->catalogue,
                                           NGX_RECORDING_API_MET,
                                           ngx_recording_api_store_exception,
                                           exceptions)
           : NGX_ERROR;
}


static ngx_int_t
ngx_recording_api_store_exception(void *data,
    const ngx_recording_catalogue_search_tally_t *tally)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_date(&o, "Hour", tally->hour_us);
    ngx_recording_api_put_str(&o, "DomainName", &tally->domain);
    ngx_recording_api_put_str(&o, "AppName", &tally->app);
    ngx_recording_api_put_str(&o, "StreamName", &tally->stream);
    ngx_recording_api_put_text(&o, "Exception", tally->exception);
    ngx_recording_api_put_int(&o, "Number", tally->number);

    return ngx_recording_api_append(data, o.object);
}


static ngx_int_t
ngx_recording_api_store_catalogue(ngx_recording_api_call_t *call)
{
    ngx_recording_api_object_t               o;
    ngx_recording_catalogue_search_engine_t  engine;

    if (ngx_recording_catalogue_search_engine(call->catalogue, &engine)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_recording_api_object(&o);

    ngx_recording_api_put_int(&o, "Version", engine.version);
    ngx_recording_api_put_int(&o, "Bytes", engine.size);
    ngx_recording_api_put_int(&o, "LogBytes",
                              ngx_recording_api_store_size(call,
                                                        "catalogue.db-wal"));

    /* others write for so long that this worker gave up, the last time */

    ngx_recording_api_put_bool(&o, "Late",
                               call->api->worker->catalogue.late != 0);

    if (ngx_recording_api_set(call->answer, "Catalogue", o.object) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_api_store_versions(call, engine.engine);
}


static int64_t
ngx_recording_api_store_size(ngx_recording_api_call_t *call, const char *name)
{
    char         path[PATH_MAX];
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%s/%s",
                    call->api->worker->store.path, name);

    return stat(path, &st) == 0 ? (int64_t) st.st_size : 0;
}


static ngx_int_t
ngx_recording_api_store_versions(ngx_recording_api_call_t *call,
    const char *engine)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "Nginx", NGINX_VERSION);
    ngx_recording_api_put_text(&o, "SQLite", engine);
    ngx_recording_api_put_text(&o, "Jansson", jansson_version_str());

    if (ngx_recording_api_set(call->answer, "Changes",
                              json_boolean(!call->reads))
        != NGX_OK)
    {
        json_decref(o.object);
        return NGX_ERROR;
    }

    return ngx_recording_api_set(call->answer, "Versions", o.object);
}


/* run twice: it asks, and has the answer */

static ngx_int_t
ngx_recording_api_retry_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                                 rc;
    ngx_recording_catalogue_search_revive_t  *revive;

    if (call->arg == NULL) {
        rc = ngx_recording_api_retry_ids(call);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    revive = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                        ngx_recording_catalogue_search_revive,
                                        revive, 1, &call->err);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_api_log_id(call, revive->ids[0]);

    return ngx_recording_api_set(call->answer, "Retried",
                                 json_integer(revive->revived));
}


static ngx_int_t
ngx_recording_api_retry_ids(ngx_recording_api_call_t *call)
{
    ngx_int_t                                 rc;
    ngx_recording_api_retry_t                *in;
    ngx_recording_catalogue_search_revive_t  *revive;

    static const ngx_recording_api_param_t  params[] = {
        { "DeliveryIds", NGX_RECORDING_API_IDS,
          offsetof(ngx_recording_api_retry_t, ids), 0,
          NGX_RECORDING_SEARCH_PAGE },
        { NULL, 0, 0, 0, 0 }
    };

    in = calloc(1, sizeof(ngx_recording_api_retry_t));
    revive = calloc(1, sizeof(ngx_recording_catalogue_search_revive_t));

    if (in == NULL || revive == NULL) {
        free(in);
        free(revive);
        return NGX_ERROR;
    }

    rc = ngx_recording_api_params(call, params, in);

    if (rc == NGX_OK && in->ids.n == 0) {
        rc = ngx_recording_api_fail(call, "MissingParameter",
                                    "there are no DeliveryIds");
    }

    if (rc == NGX_OK) {
        revive->n = in->ids.n;
        ngx_memcpy(revive->ids, in->ids.id, in->ids.n * sizeof(uint64_t));

        call->arg = revive;
        revive = NULL;
    }

    free(in);
    free(revive);

    return rc;
}
