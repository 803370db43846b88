
/* what is told of templates */


#include "ngx_recording_api_template.h"
#include "ngx_recording_text.h"


typedef struct {
    ngx_recording_api_call_t  *call;
    json_t                 *set;           /* an array */
} ngx_recording_api_template_list_t;


static ngx_int_t ngx_recording_api_template_one(void *data, int64_t id,
    const char *name, const char *params);
static int64_t ngx_recording_api_template_storage(
    ngx_recording_api_call_t *call);
static json_t *ngx_recording_api_template_object(
    const ngx_recording_api_template_t *in, ngx_uint_t configured);
static json_t *ngx_recording_api_template_configured(
    const ngx_recording_policy_template_t *from);


static ngx_int_t
ngx_recording_api_template_one(void *data, int64_t id, const char *name,
    const char *params)
{
    ngx_recording_api_template_list_t *list = data;

    json_t                        *object;
    ngx_int_t                      rc;
    ngx_uint_t                     n;
    ngx_recording_api_template_t   in;

    object = json_loads(params, 0, NULL);

    if (object == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_recording_api_template_read(list->call, object, &in);

    in.id = id;

    for (n = 0; n < NGX_RECORDING_API_TEMPLATE_FORMATS; n++) {
        if (in.formats[n].storage < 0) {
            in.formats[n].storage = ngx_recording_api_template_storage(
                                                                  list->call);
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_append(list->set,
                               ngx_recording_api_template_object(&in, 0));
    }

    json_decref(object);

    return rc;
}


/* what holds if a call has not said it */

static int64_t
ngx_recording_api_template_storage(ngx_recording_api_call_t *call)
{
    ngx_str_t                               name = ngx_string("default");
    const ngx_recording_policy_template_t  *template;

    template = ngx_recording_policy_template(call->api->configured,
                                 ngx_recording_text_id(name.data, name.len));

    return template && template->nformats
           ? template->formats[0].expire / 1000000 : 0;
}


static json_t *
ngx_recording_api_template_object(const ngx_recording_api_template_t *in,
    ngx_uint_t configured)
{
    ngx_uint_t                                  n;
    ngx_recording_api_object_t                  o, format;
    const ngx_recording_api_template_format_t  *f;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_int(&o, "TemplateId", in->id);
    ngx_recording_api_put_str(&o, "TemplateName", &in->name);
    ngx_recording_api_put_str(&o, "Description", &in->description);

    for (n = 0; n < NGX_RECORDING_API_TEMPLATE_FORMATS; n++) {
        f = &in->formats[n];

        ngx_recording_api_object(&format);

        ngx_recording_api_put_int(&format, "Enable", f->enable);
        ngx_recording_api_put_int(&format, "RecordInterval", f->interval);
        ngx_recording_api_put_int(&format, "StorageTime", f->storage);
        ngx_recording_api_put_int(&format, "VodSubAppId", f->sub_app);
        ngx_recording_api_put_str(&format, "VodFileName", &f->name);
        ngx_recording_api_put_str(&format, "Procedure", &f->procedure);
        ngx_recording_api_put_str(&format, "StorageMode", &f->mode);
        ngx_recording_api_put_int(&format, "ClassId", f->class_id);
        ngx_recording_api_put_str(&format, "CosBucketName", &f->bucket);
        ngx_recording_api_put_str(&format, "CosBucketRegion", &f->region);
        ngx_recording_api_put_str(&format, "CosBucketPath", &f->path);

        ngx_recording_api_put(&o, ngx_recording_api_template_kinds[n].param,
                              format.object);
    }

    ngx_recording_api_object(&format);
    ngx_recording_api_put_int(&format, "FlowContinueDuration", in->resume);
    ngx_recording_api_put(&o, "HlsSpecialParam", format.object);

    ngx_recording_api_object(&format);
    ngx_recording_api_put_bool(&format, "UploadInRecording", in->early != 0);
    ngx_recording_api_put(&o, "FlvSpecialParam", format.object);

    ngx_recording_api_put_bool(&o, "RemoveWatermark", in->watermark != 0);
    ngx_recording_api_put_int(&o, "IsDelayLive", in->delay);
    ngx_recording_api_put_int(&o, "CosStore", in->cos);
    ngx_recording_api_put_bool(&o, "Configured", configured);

    return o.object;
}


static json_t *
ngx_recording_api_template_configured(
    const ngx_recording_policy_template_t *from)
{
    ngx_uint_t                            i, n;
    ngx_recording_api_template_t          in;
    const ngx_recording_policy_format_t  *f;
    ngx_recording_api_template_format_t  *to;

    ngx_memzero(&in, sizeof(ngx_recording_api_template_t));

    in.id = from->id;
    in.name.data = (u_char *) from->name;
    in.name.len = ngx_strlen(from->name);

    for (n = 0; n < NGX_RECORDING_API_TEMPLATE_FORMATS; n++) {
        to = &in.formats[n];

        to->interval = NGX_RECORDING_API_INTERVAL;
        ngx_str_set(&to->mode, "normal");

        for (i = 0; i < from->nformats; i++) {
            f = &from->formats[i];

            if (ngx_recording_api_template_kinds[n].format == NULL
                || ngx_strcmp(ngx_recording_api_template_kinds[n].format,
                              f->format)
                   != 0)
            {
                continue;
            }

            to->enable = 1;
            to->interval = f->interval / 1000;
            to->storage = f->expire / 1000000;
            to->name.data = (u_char *) f->path;
            to->name.len = ngx_strlen(f->path);

            if (n == NGX_RECORDING_API_TEMPLATE_HLS) {
                in.resume = f->resume / 1000;
            }
        }
    }

    return ngx_recording_api_template_object(&in, 1);
}


ngx_int_t
ngx_recording_api_template_describe_thread(ngx_recording_api_call_t *call)
{
    int64_t                                 id;
    ngx_int_t                               rc;
    ngx_recording_api_template_list_t       list;
    const ngx_recording_policy_template_t  *configured;

    rc = ngx_recording_api_policy_id(call, &id);

    if (rc != NGX_OK) {
        return rc;
    }

    list.call = call;
    list.set = json_array();

    if (list.set == NULL) {
        return NGX_ERROR;
    }

    configured = ngx_recording_policy_template(call->api->configured, id);

    rc = configured
         ? ngx_recording_api_append(list.set,
                             ngx_recording_api_template_configured(configured))
         : ngx_recording_policy_templates(call->catalogue, id,
                                          ngx_recording_api_template_one,
                                          &list);

    return ngx_recording_api_policy_one(call, "", id, list.set, rc);
}


ngx_int_t
ngx_recording_api_template_list_thread(ngx_recording_api_call_t *call)
{
    int64_t                            delay;
    ngx_int_t                          rc;
    ngx_uint_t                         i;
    const ngx_recording_policy_t      *configured;
    ngx_recording_api_template_list_t  list;

    static const ngx_recording_api_param_t  params[] = {
        { "IsDelayLive", NGX_RECORDING_API_NUMBER, 0, 0, 1 },
        { NULL, 0, 0, 0, 0 }
    };

    delay = 0;
    rc = ngx_recording_api_params(call, params, &delay);

    if (rc != NGX_OK) {
        return rc;
    }

    list.call = call;
    list.set = json_array();

    if (list.set == NULL) {
        return NGX_ERROR;
    }

    configured = call->api->configured;

    /* there are none of that kind */

    for (i = 0; rc == NGX_OK && !delay && i < configured->ntemplates; i++) {
        rc = ngx_recording_api_append(list.set,
                 ngx_recording_api_template_configured(
                                            &configured->templates[i]));
    }

    if (rc == NGX_OK && !delay) {
        rc = ngx_recording_policy_templates(call->catalogue, 0,
                                            ngx_recording_api_template_one,
                                            &list);
    }

    if (rc != NGX_OK) {
        json_decref(list.set);
        return rc;
    }

    return ngx_recording_api_set(call->answer, "Templates", list.set);
}
