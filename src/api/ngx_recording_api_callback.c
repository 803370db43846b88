
/* callback templates are made, changed and deleted */


#include "ngx_recording_api_callback.h"
#include "ngx_recording_exception.h"


static ngx_int_t ngx_recording_api_callback_create_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_callback_modify_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_callback_delete_thread(
    ngx_recording_api_call_t *call);

static ngx_int_t ngx_recording_api_callback_ask(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_callback_put(
    ngx_recording_api_call_t *call, const json_t *params,
    const ngx_recording_api_callback_t *in, const char *was);
static ngx_int_t ngx_recording_api_callback_safe(
    ngx_recording_api_call_t *call, const char *param, const ngx_str_t *text);
static ngx_int_t ngx_recording_api_callback_reached(
    ngx_recording_api_call_t *call, const char *param,
    const ngx_recording_url_t *url);
static void ngx_recording_api_callback_target(ngx_recording_api_call_t *call,
    ngx_recording_callback_put_t *put, const ngx_recording_api_callback_t *in,
    ngx_uint_t n);
static ngx_uint_t ngx_recording_api_callback_levels(
    const ngx_recording_api_callback_t *in);
static void ngx_recording_api_callback_log(ngx_recording_api_call_t *call,
    const char *name, const char *unused, ngx_uint_t lost);


const ngx_recording_api_action_t  ngx_recording_api_callback_actions[] = {
    { "CreateLiveCallbackTemplate", "2018-08-01", 1,
      ngx_recording_api_callback_create_thread },
    { "ModifyLiveCallbackTemplate", "2018-08-01", 1,
      ngx_recording_api_callback_modify_thread },
    { "DeleteLiveCallbackTemplate", "2018-08-01", 1,
      ngx_recording_api_callback_delete_thread },
    { "DescribeLiveCallbackTemplate", "2018-08-01", 0,
      ngx_recording_api_callback_describe_thread },
    { "DescribeLiveCallbackTemplates", "2018-08-01", 0,
      ngx_recording_api_callback_list_thread },
    { NULL, NULL, 0, NULL }
};


static ngx_int_t
ngx_recording_api_callback_create_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                     rc;
    ngx_recording_api_callback_t  in;

    if (call->arg) {
        return ngx_recording_api_callback_ask(call);
    }

    rc = ngx_recording_api_callback_read(call, call->params, &in);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_policy_name(call, &in.name);
    }

    if (rc == NGX_OK && in.id) {
        rc = ngx_recording_api_fail(call, "UnknownParameter",
                                    "a new template has no TemplateId");
    }

    if (rc != NGX_OK) {
        return rc;
    }

    in.id = ngx_recording_text_id(in.name.data, in.name.len);

    rc = ngx_recording_api_callback_put(call, call->params, &in, NULL);

    return rc == NGX_OK ? ngx_recording_api_callback_ask(call) : rc;
}


static ngx_int_t
ngx_recording_api_callback_modify_thread(ngx_recording_api_call_t *call)
{
    char                         *was;
    json_t                       *params;
    ngx_int_t                     rc;
    ngx_str_t                     name;
    ngx_recording_api_callback_t  in;

    if (call->arg) {
        return ngx_recording_api_callback_ask(call);
    }

    rc = ngx_recording_api_callback_read(call, call->params, &in);

    if (rc != NGX_OK) {
        return rc;
    }

    if (in.id == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no TemplateId");
    }

    if (ngx_recording_api_callback_configured(call, in.id)) {
        return ngx_recording_api_fail(call, "UnsupportedOperation",
                                      "that is a notify of the configuration, "
                                      "and changed there only");
    }

    name = in.name;
    params = ngx_recording_api_policy_merge(call, in.id,
                                            ngx_recording_callback_templates,
                                            &was);

    if (params == NULL) {
        free(was);
        return call->code ? NGX_DECLINED : NGX_ERROR;
    }

    rc = ngx_recording_api_callback_read(call, params, &in);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_policy_same(call, &name, in.id);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_callback_put(call, params, &in, was);
    }

    json_decref(params);
    free(was);

    return rc == NGX_OK ? ngx_recording_api_callback_ask(call) : rc;
}


static ngx_int_t
ngx_recording_api_callback_put(ngx_recording_api_call_t *call,
    const json_t *params, const ngx_recording_api_callback_t *in,
    const char *was)
{
    size_t                         len;
    ngx_int_t                      rc;
    ngx_uint_t                     i, n;
    ngx_recording_callback_put_t  *put;

    put = calloc(1, sizeof(ngx_recording_callback_put_t));

    if (put == NULL) {
        return NGX_ERROR;
    }

    /* the call's from now on */

    call->arg = put;

    put->create = (was == NULL);
    (void) snprintf(put->was, sizeof(put->was), "%s", was ? was : "");

    put->id = in->id;
    ngx_recording_api_copy(put->name, sizeof(put->name), &in->name);

    rc = ngx_recording_api_policy_keep(call, params, put->params);

    if (rc != NGX_OK) {
        return rc;
    }

    for (n = 0, i = 0; i < NGX_RECORDING_API_CALLBACK_URLS; i++) {

        if (in->urls[i].len == 0) {
            continue;
        }

        n++;

        rc = ngx_recording_api_callback_safe(call,
                 ngx_recording_api_callback_urls[i].param, &in->urls[i]);

        if (rc != NGX_OK) {
            return rc;
        }

        if (ngx_recording_api_callback_urls[i].kinds) {
            ngx_recording_api_callback_target(call, put, in, i);
            continue;
        }

        len = ngx_strlen(put->unused);

        (void) snprintf(put->unused + len, sizeof(put->unused) - len, " %s",
                        ngx_recording_api_callback_urls[i].param);
    }

    return n ? NGX_OK
             : ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no URL");
}


/* where a name leads to is looked at when it is told; what its text tells is
   refused here */

static ngx_int_t
ngx_recording_api_callback_safe(ngx_recording_api_call_t *call,
    const char *param, const ngx_str_t *text)
{
    const char               *why;
    ngx_recording_url_t       url;
    ngx_recording_address_e   what;

    why = ngx_recording_url_check(text, &url);

    if (why) {
        return ngx_recording_api_fail(call, "InvalidParameter.UrlNotSafe",
                                      "%s has %s", param, why);
    }

    what = ngx_recording_address_host(&url.host);

    if (what == NGX_RECORDING_ADDRESS_NEVER) {
        return ngx_recording_api_fail(call, "InvalidParameter.UrlNotSafe",
                                      "%s leads to an address that no call "
                                      "may lead to", param);
    }

    if (what == NGX_RECORDING_ADDRESS_PRIVATE && !call->private) {
        return ngx_recording_api_fail(call, "InvalidParameter.UrlNotSafe",
                                      "%s leads to this machine or to a "
                                      "private address, which only a "
                                      "record_api with private=on allows",
                                      param);
    }

    return ngx_recording_api_callback_reached(call, param, &url);
}


/* what would fail always */

static ngx_int_t
ngx_recording_api_callback_reached(ngx_recording_api_call_t *call,
    const char *param, const ngx_recording_url_t *url)
{
    const ngx_recording_http_t  *http;

    http = call->api->http;

    if (url->secure && !http->verifies) {
        return ngx_recording_api_fail(call, "UnsupportedOperation",
                                      "%s is https, and this system has no "
                                      "CAs to trust: the configuration needs "
                                      "record_trusted_certificate", param);
    }

    if (!url->literal && http->resolver == NULL
        && (http->names == NULL || http->names->nelts == 0))
    {
        return ngx_recording_api_fail(call, "UnsupportedOperation",
                                      "%s has a name, and this system has no "
                                      "name server: the configuration needs "
                                      "record_resolver", param);
    }

    return NGX_OK;
}


static void
ngx_recording_api_callback_target(ngx_recording_api_call_t *call,
    ngx_recording_callback_put_t *put, const ngx_recording_api_callback_t *in,
    ngx_uint_t n)
{
    ngx_recording_callback_target_t  *t;

    t = &put->targets[put->ntargets++];

    ngx_recording_callback_name(t, put->name,
                                ngx_recording_api_callback_urls[n].param);

    t->kinds = ngx_recording_api_callback_urls[n].kinds;
    t->levels = ngx_recording_api_callback_levels(in);
    t->private = call->private;

    ngx_recording_api_copy(t->url, sizeof(t->url), &in->urls[n]);
    ngx_recording_api_copy(t->key, sizeof(t->key), &in->key);
}


/* without any it is all */

static ngx_uint_t
ngx_recording_api_callback_levels(const ngx_recording_api_callback_t *in)
{
    ngx_uint_t  i, bits;

    bits = 0;

    for (i = 0; i < in->levels.n; i++) {
        bits |= ngx_recording_exception_level_bit(&in->levels.text[i]);
    }

    return bits ? bits : NGX_RECORDING_EXCEPTION_ALL;
}


static ngx_int_t
ngx_recording_api_callback_ask(ngx_recording_api_call_t *call)
{
    ngx_int_t                      rc;
    ngx_recording_callback_put_t  *put;

    put = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_callback_put, put, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (put->result == NGX_RECORDING_POLICY_CHANGED) {

        /* by another call: this one changes what that has made of it */

        free(put);
        call->arg = NULL;

        return ngx_recording_api_callback_modify_thread(call);
    }

    rc = ngx_recording_api_policy_template(call, "callback ", put->id,
                                           put->result);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_api_callback_log(call, put->name, put->unused, put->lost);

    return put->create
           ? ngx_recording_api_set(call->answer, "TemplateId",
                                   json_integer(put->id))
           : NGX_OK;
}


static void
ngx_recording_api_callback_log(ngx_recording_api_call_t *call,
    const char *name, const char *unused, ngx_uint_t lost)
{
    char  text[NGX_RECORDING_POLICY_NAME + 512], gone[128];

    gone[0] = '\0';

    if (lost) {
        (void) snprintf(gone, sizeof(gone), ", %lu events that waited for it "
                        "are not told any more", (unsigned long) lost);
    }

    (void) snprintf(text, sizeof(text), "%s%s%s%s", name,
                    unused[0] ? ", without effect:" : "", unused, gone);

    ngx_recording_api_log_text(call, text);
}


static ngx_int_t
ngx_recording_api_callback_delete_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                       rc;
    ngx_recording_callback_drop_t  *drop;

    drop = call->arg ? call->arg
                     : calloc(1, sizeof(ngx_recording_callback_drop_t));

    if (drop == NULL) {
        return NGX_ERROR;
    }

    call->arg = drop;

    rc = drop->id ? NGX_OK : ngx_recording_api_policy_id(call, &drop->id);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_recording_api_callback_configured(call, drop->id)) {
        return ngx_recording_api_fail(call, "UnsupportedOperation",
                                      "that is a notify of the configuration, "
                                      "and removed from there only");
    }

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_callback_drop, drop, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_recording_api_policy_template(call, "callback ", drop->id,
                                           drop->result);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_api_callback_log(call, drop->name, "", drop->lost);

    return NGX_OK;
}
