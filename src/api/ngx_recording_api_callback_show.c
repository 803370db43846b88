
/* what a call gives of a callback template, and what is told of one */


#include "ngx_recording_api_callback.h"
#include "ngx_recording_exception.h"
#include "ngx_recording_kind.h"


typedef struct {
    ngx_recording_api_call_t  *call;
    json_t                 *set;           /* an array */
} ngx_recording_api_callback_set_t;


static ngx_int_t ngx_recording_api_callback_known_levels(
    ngx_recording_api_call_t *call, const ngx_recording_api_callback_t *in);
static ngx_int_t ngx_recording_api_callback_one(void *data, int64_t id,
    const char *name, const char *params);
static ngx_int_t ngx_recording_api_callback_all_configured(
    ngx_recording_api_callback_set_t *list, int64_t id);
static void ngx_recording_api_callback_of_notify(
    ngx_recording_api_callback_t *in, const ngx_recording_target_t *target);
static json_t *ngx_recording_api_callback_object(
    const ngx_recording_api_callback_t *in, ngx_uint_t secret,
    ngx_uint_t configured);
static json_t *ngx_recording_api_callback_list(
    const ngx_recording_api_list_t *levels);


const ngx_recording_api_callback_url_t
    ngx_recording_api_callback_urls[NGX_RECORDING_API_CALLBACK_URLS] =
{
    { "RecordNotifyUrl", NGX_RECORDING_KIND_FILE },
    { "RecordStatusNotifyUrl", NGX_RECORDING_KIND_STATUS },
    { "RecordExceptionNotifyUrl", NGX_RECORDING_KIND_EXCEPTION },
    { "StreamBeginNotifyUrl", 0 },
    { "StreamEndNotifyUrl", 0 },
    { "StreamMixNotifyUrl", 0 },
    { "SnapshotNotifyUrl", 0 },
    { "PornCensorshipNotifyUrl", 0 },
    { "PushExceptionNotifyUrl", 0 },
    { "AudioAuditNotifyUrl", 0 }
};


#define ngx_recording_api_callback_at(field)                                  \
    offsetof(ngx_recording_api_callback_t, field)

#define ngx_recording_api_callback_is(name, n)                                \
    { name, NGX_RECORDING_API_TEXT, ngx_recording_api_callback_at(urls[n]),   \
      0, NGX_RECORDING_CALLBACK_URL - 1 }

static const ngx_recording_api_param_t
    ngx_recording_api_callback_params[] =
{
    { "TemplateId", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_callback_at(id), 1, INT64_MAX },
    { "TemplateName", NGX_RECORDING_API_TEXT,
      ngx_recording_api_callback_at(name), 0, NGX_RECORDING_POLICY_NAME - 1 },
    { "Description", NGX_RECORDING_API_TEXT,
      ngx_recording_api_callback_at(description), 0, 1024 },
    { "CallbackKey", NGX_RECORDING_API_TEXT,
      ngx_recording_api_callback_at(key), 0, NGX_RECORDING_CALLBACK_KEY - 1 },
    { "RecordExceptionLevels", NGX_RECORDING_API_LIST,
      ngx_recording_api_callback_at(levels), 0, 3 },
    ngx_recording_api_callback_is("RecordNotifyUrl", 0),
    ngx_recording_api_callback_is("RecordStatusNotifyUrl", 1),
    ngx_recording_api_callback_is("RecordExceptionNotifyUrl", 2),
    ngx_recording_api_callback_is("StreamBeginNotifyUrl", 3),
    ngx_recording_api_callback_is("StreamEndNotifyUrl", 4),
    ngx_recording_api_callback_is("StreamMixNotifyUrl", 5),
    ngx_recording_api_callback_is("SnapshotNotifyUrl", 6),
    ngx_recording_api_callback_is("PornCensorshipNotifyUrl", 7),
    ngx_recording_api_callback_is("PushExceptionNotifyUrl", 8),
    ngx_recording_api_callback_is("AudioAuditNotifyUrl", 9),
    { NULL, 0, 0, 0, 0 }
};


ngx_int_t
ngx_recording_api_callback_read(ngx_recording_api_call_t *call,
    const json_t *params, ngx_recording_api_callback_t *in)
{
    ngx_int_t  rc;

    ngx_memzero(in, sizeof(ngx_recording_api_callback_t));

    rc = ngx_recording_api_members(call, params,
                                   ngx_recording_api_callback_params, in);

    return rc == NGX_OK ? ngx_recording_api_callback_known_levels(call, in)
                        : rc;
}


static ngx_int_t
ngx_recording_api_callback_known_levels(ngx_recording_api_call_t *call,
    const ngx_recording_api_callback_t *in)
{
    ngx_uint_t  i;

    for (i = 0; i < in->levels.n; i++) {

        if (ngx_recording_exception_level_bit(&in->levels.text[i]) == 0) {
            return ngx_recording_api_fail(call, "InvalidParameterValue",
                                          "RecordExceptionLevels has something "
                                          "else than error, warning and info");
        }
    }

    return NGX_OK;
}


/* --- of the configuration */

int64_t
ngx_recording_api_callback_id(const ngx_recording_target_t *target)
{
    char  text[NGX_RECORDING_CALLBACK_URL];
    int   n;

    if (!(target->kinds & (NGX_RECORDING_KIND_FILE | NGX_RECORDING_KIND_STATUS
                           | NGX_RECORDING_KIND_EXCEPTION))
        || ngx_strncmp(target->name.data, "http", 4) != 0)
    {
        return 0;
    }

    /* by both: a template may have several, and several one URL */

    n = snprintf(text, sizeof(text), "%.*s=%.*s", (int) target->template.len,
                 (char *) target->template.data, (int) target->name.len,
                 (char *) target->name.data);

    return ngx_recording_text_id((u_char *) text,
                                 ngx_min((size_t) n, sizeof(text) - 1));
}


ngx_uint_t
ngx_recording_api_callback_configured(ngx_recording_api_call_t *call,
    int64_t id)
{
    ngx_uint_t               i;
    ngx_recording_worker_t  *worker;

    worker = call->api->worker;

    for (i = 0; i < worker->ntargets; i++) {
        if (ngx_recording_api_callback_id(&worker->targets[i]) == id) {
            return 1;
        }
    }

    return 0;
}


/* all of them, or the one of an id */

static ngx_int_t
ngx_recording_api_callback_all_configured(
    ngx_recording_api_callback_set_t *list, int64_t id)
{
    int64_t                        one;
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_recording_worker_t        *worker;
    ngx_recording_api_callback_t   in;

    rc = NGX_OK;
    worker = list->call->api->worker;

    for (i = 0; rc == NGX_OK && i < worker->ntargets; i++) {
        one = ngx_recording_api_callback_id(&worker->targets[i]);

        if (one == 0 || (id && one != id)) {
            continue;
        }

        ngx_recording_api_callback_of_notify(&in, &worker->targets[i]);
        in.id = one;

        rc = ngx_recording_api_append(list->set,
                           ngx_recording_api_callback_object(&in, 0, 1));
    }

    return rc;
}


/* its key stands in a file, and stays there */

static void
ngx_recording_api_callback_of_notify(ngx_recording_api_callback_t *in,
    const ngx_recording_target_t *target)
{
    ngx_uint_t  i;

    ngx_memzero(in, sizeof(ngx_recording_api_callback_t));

    in->name = target->template;

    for (i = 0; i < NGX_RECORDING_API_CALLBACK_URLS; i++) {
        if (target->kinds & ngx_recording_api_callback_urls[i].kinds) {
            in->urls[i] = target->name;
        }
    }
}


/* --- what is told */

static ngx_int_t
ngx_recording_api_callback_one(void *data, int64_t id, const char *name,
    const char *params)
{
    ngx_recording_api_callback_set_t *list = data;

    json_t                        *object;
    ngx_int_t                      rc;
    ngx_recording_api_callback_t   in;

    object = json_loads(params, 0, NULL);

    if (object == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_recording_api_callback_read(list->call, object, &in);

    in.id = id;

    if (rc == NGX_OK) {
        rc = ngx_recording_api_append(list->set,
                           ngx_recording_api_callback_object(&in,
                                                      !list->call->reads, 0));
    }

    json_decref(object);

    return rc;
}


/* who has no key of the API gets none of its receivers' either */

static json_t *
ngx_recording_api_callback_object(const ngx_recording_api_callback_t *in,
    ngx_uint_t secret, ngx_uint_t configured)
{
    ngx_uint_t                  i;
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_int(&o, "TemplateId", in->id);
    ngx_recording_api_put_str(&o, "TemplateName", &in->name);
    ngx_recording_api_put_str(&o, "Description", &in->description);

    for (i = 0; i < NGX_RECORDING_API_CALLBACK_URLS; i++) {
        ngx_recording_api_put_str(&o,
                                  ngx_recording_api_callback_urls[i].param,
                                  &in->urls[i]);
    }

    ngx_recording_api_put(&o, "RecordExceptionLevels",
                          ngx_recording_api_callback_list(&in->levels));

    if (secret) {
        ngx_recording_api_put_str(&o, "CallbackKey", &in->key);

    } else {
        ngx_recording_api_put_text(&o, "CallbackKey", "");
    }

    ngx_recording_api_put_bool(&o, "Configured", configured);

    return o.object;
}


static json_t *
ngx_recording_api_callback_list(const ngx_recording_api_list_t *levels)
{
    json_t      *set;
    ngx_uint_t   i;

    set = json_array();

    for (i = 0; set && i < levels->n; i++) {

        if (ngx_recording_api_append(set,
                json_stringn((char *) levels->text[i].data,
                             levels->text[i].len))
            != NGX_OK)
        {
            json_decref(set);
            return NULL;
        }
    }

    return set;
}


ngx_int_t
ngx_recording_api_callback_describe_thread(ngx_recording_api_call_t *call)
{
    int64_t                           id;
    ngx_int_t                         rc;
    ngx_recording_api_callback_set_t  list;

    rc = ngx_recording_api_policy_id(call, &id);

    if (rc != NGX_OK) {
        return rc;
    }

    list.call = call;
    list.set = json_array();

    if (list.set == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_recording_api_callback_all_configured(&list, id);

    if (rc == NGX_OK && json_array_size(list.set) == 0) {
        rc = ngx_recording_callback_templates(call->catalogue, id,
                                              ngx_recording_api_callback_one,
                                              &list);
    }

    return ngx_recording_api_policy_one(call, "callback ", id, list.set, rc);
}


ngx_int_t
ngx_recording_api_callback_list_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                         rc;
    ngx_recording_api_callback_set_t  list;

    static const ngx_recording_api_param_t  params[] = {
        { NULL, 0, 0, 0, 0 }
    };

    rc = ngx_recording_api_params(call, params, NULL);

    if (rc != NGX_OK) {
        return rc;
    }

    list.call = call;
    list.set = json_array();

    if (list.set == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_recording_api_callback_all_configured(&list, 0);

    if (rc == NGX_OK) {
        rc = ngx_recording_callback_templates(call->catalogue, 0,
                                              ngx_recording_api_callback_one,
                                              &list);
    }

    if (rc != NGX_OK) {
        json_decref(list.set);
        return rc;
    }

    return ngx_recording_api_set(call->answer, "Templates", list.set);
}
