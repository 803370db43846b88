
/* templates, of calls and of the configuration */


#include "ngx_recording_api_template.h"


static ngx_int_t ngx_recording_api_template_create_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_template_modify_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_template_delete_thread(
    ngx_recording_api_call_t *call);

static ngx_int_t ngx_recording_api_template_ask(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_template_path(
    ngx_recording_api_call_t *call,
    const ngx_recording_api_template_format_t *f, ngx_uint_t n,
    ngx_recording_policy_format_t *to);
static ngx_int_t ngx_recording_api_template_put(
    ngx_recording_api_call_t *call, const json_t *params,
    const ngx_recording_api_template_t *in, const char *was);
static ngx_int_t ngx_recording_api_template_unused(
    const ngx_recording_api_template_t *in, char *text, size_t size);


const ngx_recording_api_action_t  ngx_recording_api_template_actions[] = {
    { "CreateLiveRecordTemplate", "2018-08-01", 1,
      ngx_recording_api_template_create_thread },
    { "ModifyLiveRecordTemplate", "2018-08-01", 1,
      ngx_recording_api_template_modify_thread },
    { "DeleteLiveRecordTemplate", "2018-08-01", 1,
      ngx_recording_api_template_delete_thread },
    { "DescribeLiveRecordTemplate", "2018-08-01", 0,
      ngx_recording_api_template_describe_thread },
    { "DescribeLiveRecordTemplates", "2018-08-01", 0,
      ngx_recording_api_template_list_thread },
    { NULL, NULL, 0, NULL }
};


/* where files of a format lie; VodFileName, or CosBucketPath for a bucket */

static ngx_int_t
ngx_recording_api_template_path(ngx_recording_api_call_t *call,
    const ngx_recording_api_template_format_t *f, ngx_uint_t n,
    ngx_recording_policy_format_t *to)
{
    ngx_str_t              at, text;
    const char            *err, *name;
    ngx_recording_path_t   path;

    name = f->path.len ? "CosBucketPath" : "VodFileName";
    text = f->path.len ? f->path : f->name;

    if (text.len == 0) {
        return NGX_OK;
    }

    if (f->path.len && f->path.data[0] != '/') {
        return ngx_recording_api_fail(call,
                                      "InvalidParameter.InvalidVodFileName",
                                      "CosBucketPath does not begin with "
                                      "\"/\"");
    }

    if (f->path.len) {
        text.data++;
        text.len--;
    }

    at = text;

    if (ngx_recording_path_compile(&path, &text, &err, &at) != NGX_OK) {
        return ngx_recording_api_fail(call,
                                      "InvalidParameter.InvalidVodFileName",
                                      "%s at \"%.*s\": %s", name,
                                      (int) ngx_min(at.len, 64),
                                      (char *) at.data, err);
    }

    if (ngx_recording_api_template_kinds[n].max == 0 && path.end.len) {
        return ngx_recording_api_fail(call,
                                      "InvalidParameter.InvalidVodFileName",
                                      "%s has \"%.*s\", which cannot be known "
                                      "while HLS is recorded", name,
                                      (int) path.end.len,
                                      (char *) path.end.data);
    }

    ngx_recording_api_copy(to->path, sizeof(to->path), &text);

    return NGX_OK;
}


/* --- what is ordered */

static ngx_int_t
ngx_recording_api_template_create_thread(ngx_recording_api_call_t *call)
{
    int64_t                       id;
    ngx_int_t                     rc;
    ngx_recording_api_template_t  in;

    if (call->arg) {
        return ngx_recording_api_template_ask(call);
    }

    rc = ngx_recording_api_template_read(call, call->params, &in);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_policy_name(call, &in.name);
    }

    if (rc == NGX_OK && in.name.len == 3
        && ngx_memcmp(in.name.data, "off", 3) == 0)
    {
        rc = ngx_recording_api_fail(call, "InvalidParameterValue",
                                    "\"off\" is the name of nothing that is "
                                    "recorded");
    }

    if (rc == NGX_OK && in.id) {
        rc = ngx_recording_api_fail(call, "UnknownParameter",
                                    "a new template has no TemplateId");
    }

    if (rc != NGX_OK) {
        return rc;
    }

    id = ngx_recording_text_id(in.name.data, in.name.len);

    if (ngx_recording_api_policy_configured(call, id)) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "the configuration has a template of "
                                      "that TemplateName");
    }

    in.id = id;

    rc = ngx_recording_api_template_put(call, call->params, &in, NULL);

    return rc == NGX_OK ? ngx_recording_api_template_ask(call) : rc;
}


static ngx_int_t
ngx_recording_api_template_modify_thread(ngx_recording_api_call_t *call)
{
    char                         *was;
    json_t                       *params;
    ngx_int_t                     rc;
    ngx_str_t                     name;
    ngx_recording_api_template_t  in;

    if (call->arg) {
        return ngx_recording_api_template_ask(call);
    }

    rc = ngx_recording_api_template_read(call, call->params, &in);

    if (rc != NGX_OK) {
        return rc;
    }

    if (in.id == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no TemplateId");
    }

    if (ngx_recording_api_policy_configured(call, in.id)) {
        return ngx_recording_api_fail(call, "UnsupportedOperation",
                                      "that template is changed in the "
                                      "configuration only");
    }

    name = in.name;
    params = ngx_recording_api_policy_merge(call, in.id,
                                            ngx_recording_policy_templates,
                                            &was);

    if (params == NULL) {
        free(was);
        return call->code ? NGX_DECLINED : NGX_ERROR;
    }

    rc = ngx_recording_api_template_read(call, params, &in);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_policy_same(call, &name, in.id);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_template_put(call, params, &in, was);
    }

    json_decref(params);
    free(was);

    return rc == NGX_OK ? ngx_recording_api_template_ask(call) : rc;
}


static ngx_int_t
ngx_recording_api_template_put(ngx_recording_api_call_t *call,
    const json_t *params, const ngx_recording_api_template_t *in,
    const char *was)
{
    ngx_int_t                       rc;
    ngx_uint_t                      n;
    ngx_recording_policy_put_t     *put;
    ngx_recording_policy_format_t  *f;

    put = calloc(1, sizeof(ngx_recording_policy_put_t));

    if (put == NULL) {
        return NGX_ERROR;
    }

    /* the call's from now on */

    call->arg = put;

    put->create = (was == NULL);
    (void) snprintf(put->was, sizeof(put->was), "%s", was ? was : "");

    put->template.id = in->id;
    ngx_recording_api_copy(put->template.name, sizeof(put->template.name),
                           &in->name);

    rc = ngx_recording_api_policy_keep(call, params, put->params);

    if (rc != NGX_OK) {
        return rc;
    }

    for (n = 0; n < NGX_RECORDING_API_TEMPLATE_FORMATS; n++) {

        if (!in->formats[n].enable) {
            continue;
        }

        f = &put->template.formats[put->template.nformats++];

        (void) snprintf(f->format, sizeof(f->format), "%s",
                        ngx_recording_api_template_kinds[n].format);

        f->interval = ngx_recording_api_template_kinds[n].max
                      ? in->formats[n].interval * 1000 : 0;
        f->resume = ngx_recording_api_template_kinds[n].max
                    ? 0 : in->resume * 1000;
        f->expire = in->formats[n].storage < 0 ? 0
                    : in->formats[n].storage == 0 ? NGX_RECORDING_POLICY_NEVER
                    : in->formats[n].storage * 1000000;

        rc = ngx_recording_api_template_bucket(call, &in->formats[n].bucket);

        if (rc == NGX_OK) {
            rc = ngx_recording_api_template_path(call, &in->formats[n], n, f);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_recording_api_template_unused(in, put->unused,
                                             sizeof(put->unused));
}


/* what is kept and told, and changes nothing */

static ngx_int_t
ngx_recording_api_template_unused(const ngx_recording_api_template_t *in,
    char *text, size_t size)
{
    ngx_uint_t                                  n, sub_app, procedure;
    ngx_uint_t                                  class_id, mode;
    const ngx_recording_api_template_format_t  *f;

    sub_app = procedure = class_id = mode = 0;

    for (n = 0; n < NGX_RECORDING_API_TEMPLATE_FORMATS; n++) {
        f = &in->formats[n];

        sub_app |= (f->sub_app != 0);
        procedure |= (f->procedure.len != 0);
        class_id |= (f->class_id != 0);
        mode |= (f->mode.len && ngx_strncmp(f->mode.data, "normal", 6) != 0);
    }

    (void) snprintf(text, size, "%s%s%s%s%s%s",
                    sub_app ? " VodSubAppId" : "",
                    procedure ? " Procedure" : "",
                    class_id ? " ClassId" : "", mode ? " StorageMode" : "",
                    in->watermark ? " RemoveWatermark" : "",
                    in->early ? " UploadInRecording" : "");

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_template_ask(ngx_recording_api_call_t *call)
{
    char                         text[NGX_RECORDING_POLICY_NAME + 256];
    ngx_int_t                    rc;
    ngx_recording_policy_put_t  *put;

    put = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_policy_put, put, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (put->result == NGX_RECORDING_POLICY_CHANGED) {

        /* by another call: this one changes what that has made of it */

        free(put);
        call->arg = NULL;

        return ngx_recording_api_template_modify_thread(call);
    }

    rc = ngx_recording_api_policy_template(call, "", put->template.id,
                                           put->result);

    if (rc != NGX_OK) {
        return rc;
    }

    (void) snprintf(text, sizeof(text), "%s%s%s", put->template.name,
                    put->unused[0] ? ", without effect:" : "", put->unused);
    ngx_recording_api_log_text(call, text);

    return put->create
           ? ngx_recording_api_set(call->answer, "TemplateId",
                                   json_integer(put->template.id))
           : NGX_OK;
}


static ngx_int_t
ngx_recording_api_template_delete_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                     rc;
    ngx_recording_policy_drop_t  *drop;

    drop = call->arg ? call->arg
                     : calloc(1, sizeof(ngx_recording_policy_drop_t));

    if (drop == NULL) {
        return NGX_ERROR;
    }

    call->arg = drop;

    rc = drop->id ? NGX_OK : ngx_recording_api_policy_id(call, &drop->id);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_recording_api_policy_configured(call, drop->id)) {
        return ngx_recording_api_fail(call, "UnsupportedOperation",
                                      "that template is removed from the "
                                      "configuration only");
    }

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_policy_drop, drop, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_recording_api_policy_template(call, "", drop->id,
                                           drop->result);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_api_log_id(call, (uint64_t) drop->id);

    return NGX_OK;
}


