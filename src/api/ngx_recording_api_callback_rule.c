
/* rules that say which streams a callback template is for */


#include "ngx_recording_api_callback.h"


typedef struct {
    ngx_str_t               domain;
    ngx_str_t               app;
    int64_t                 id;
} ngx_recording_api_callback_rule_t;


static ngx_int_t ngx_recording_api_callback_rule_create_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_callback_rule_delete_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_callback_rule_list_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_callback_rule_read(
    ngx_recording_api_call_t *call, ngx_uint_t template);
static void ngx_recording_api_callback_rule_log(ngx_recording_api_call_t *call,
    const ngx_recording_callback_rule_t *rule);
static json_t *ngx_recording_api_callback_rule(
    const ngx_recording_callback_rule_t *rule);


const ngx_recording_api_action_t
    ngx_recording_api_callback_rule_actions[] =
{
    { "CreateLiveCallbackRule", "2018-08-01", 1,
      ngx_recording_api_callback_rule_create_thread },
    { "DeleteLiveCallbackRule", "2018-08-01", 1,
      ngx_recording_api_callback_rule_delete_thread },
    { "DescribeLiveCallbackRules", "2018-08-01", 0,
      ngx_recording_api_callback_rule_list_thread },
    { NULL, NULL, 0, NULL }
};


static ngx_int_t
ngx_recording_api_callback_rule_read(ngx_recording_api_call_t *call,
    ngx_uint_t template)
{
    ngx_int_t                           rc;
    ngx_recording_callback_bind_t      *bind;
    ngx_recording_api_callback_rule_t   in;

    static const ngx_recording_api_param_t  params[] = {
        { "DomainName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_callback_rule_t, domain), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "AppName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_callback_rule_t, app), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "TemplateId", NGX_RECORDING_API_NUMBER,
          offsetof(ngx_recording_api_callback_rule_t, id), 1, INT64_MAX },
        { NULL, 0, 0, 0, 0 }
    };

    ngx_memzero(&in, sizeof(ngx_recording_api_callback_rule_t));

    rc = ngx_recording_api_params(call, params, &in);

    if (rc != NGX_OK) {
        return rc;
    }

    if (in.domain.len == 0 || (template && in.id == 0)) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no %s", in.domain.len
                                      ? "TemplateId" : "DomainName");
    }

    if (template && ngx_recording_api_callback_configured(call, in.id)) {
        return ngx_recording_api_fail(call, "UnsupportedOperation",
                                      "that is a notify of the configuration, "
                                      "whose template says what it is told");
    }

    bind = calloc(1, sizeof(ngx_recording_callback_bind_t));

    if (bind == NULL) {
        return NGX_ERROR;
    }

    call->arg = bind;

    bind->rule.id = in.id;
    ngx_recording_api_copy(bind->rule.app, sizeof(bind->rule.app), &in.app);

    return ngx_recording_api_policy_domain(call, &in.domain,
                                           bind->rule.domain);
}


static void
ngx_recording_api_callback_rule_log(ngx_recording_api_call_t *call,
    const ngx_recording_callback_rule_t *rule)
{
    char  text[2 * NGX_RECORDING_POLICY_NAME];

    (void) snprintf(text, sizeof(text), "%s/%s", rule->domain, rule->app);

    ngx_recording_api_log_text(call, text);
}


static ngx_int_t
ngx_recording_api_callback_rule_create_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                       rc;
    ngx_recording_callback_bind_t  *bind;

    rc = call->arg ? NGX_OK : ngx_recording_api_callback_rule_read(call, 1);

    if (rc != NGX_OK) {
        return rc;
    }

    bind = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_callback_bind, bind, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_recording_api_policy_rule(call, "callback ", bind->rule.id,
                                       bind->result);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_api_callback_rule_log(call, &bind->rule);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_callback_rule_delete_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                       rc;
    ngx_recording_callback_bind_t  *bind;

    rc = call->arg ? NGX_OK : ngx_recording_api_callback_rule_read(call, 0);

    if (rc != NGX_OK) {
        return rc;
    }

    bind = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_callback_unbind, bind,
                                         1, &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (bind->result == NGX_RECORDING_POLICY_NONE) {
        return ngx_recording_api_fail(call, "InternalError.RuleNotFound",
                                      "no call has made a callback rule for "
                                      "just this DomainName and AppName");
    }

    ngx_recording_api_callback_rule_log(call, &bind->rule);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_callback_rule_list_thread(ngx_recording_api_call_t *call)
{
    json_t                         *set;
    ngx_int_t                       rc;
    ngx_uint_t                      i, n;
    ngx_recording_callback_rule_t  *rules;

    static const ngx_recording_api_param_t  params[] = {
        { NULL, 0, 0, 0, 0 }
    };

    rc = ngx_recording_api_params(call, params, NULL);

    if (rc != NGX_OK) {
        return rc;
    }

    n = NGX_RECORDING_POLICY_MOST;
    set = json_array();
    rules = calloc(n, sizeof(ngx_recording_callback_rule_t));

    rc = set && rules
         ? ngx_recording_callback_rules(call->catalogue, rules, &n)
         : NGX_ERROR;

    for (i = 0; rc == NGX_OK && i < n; i++) {
        rc = ngx_recording_api_append(set,
                                 ngx_recording_api_callback_rule(&rules[i]));
    }

    free(rules);

    if (rc != NGX_OK) {
        json_decref(set);
        return rc;
    }

    return ngx_recording_api_set(call->answer, "Rules", set);
}


static json_t *
ngx_recording_api_callback_rule(const ngx_recording_callback_rule_t *rule)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "DomainName", rule->domain);
    ngx_recording_api_put_text(&o, "AppName", rule->app);
    ngx_recording_api_put_int(&o, "TemplateId", rule->id);
    ngx_recording_api_policy_time(&o, "CreateTime", rule->created);
    ngx_recording_api_policy_time(&o, "UpdateTime", rule->updated);

    return o.object;
}
