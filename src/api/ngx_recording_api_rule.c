
/* rules, of calls and of the configuration */


#include "ngx_recording_api.h"


typedef struct {
    ngx_str_t               domain;
    ngx_str_t               app;
    ngx_str_t               stream;
    int64_t                 id;
} ngx_recording_api_rule_t;


static ngx_int_t ngx_recording_api_rule_create_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_rule_delete_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_rule_list_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_rule_read(ngx_recording_api_call_t *call,
    ngx_uint_t template);
static void ngx_recording_api_rule_log(ngx_recording_api_call_t *call,
    const ngx_recording_policy_rule_t *rule);
static ngx_int_t ngx_recording_api_rule_add(json_t *set,
    const ngx_recording_policy_rule_t *rules, ngx_uint_t n,
    ngx_uint_t configured);


const ngx_recording_api_action_t  ngx_recording_api_rule_actions[] = {
    { "CreateLiveRecordRule", "2018-08-01", 1,
      ngx_recording_api_rule_create_thread },
    { "DeleteLiveRecordRule", "2018-08-01", 1,
      ngx_recording_api_rule_delete_thread },
    { "DescribeLiveRecordRules", "2018-08-01", 0,
      ngx_recording_api_rule_list_thread },
    { NULL, NULL, 0, NULL }
};


static ngx_int_t
ngx_recording_api_rule_read(ngx_recording_api_call_t *call,
    ngx_uint_t template)
{
    ngx_int_t                     rc;
    ngx_recording_api_rule_t      in;
    ngx_recording_policy_bind_t  *bind;

    static const ngx_recording_api_param_t  params[] = {
        { "DomainName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_rule_t, domain), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "AppName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_rule_t, app), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "StreamName", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_rule_t, stream), 0,
          NGX_RECORDING_POLICY_NAME - 1 },
        { "TemplateId", NGX_RECORDING_API_NUMBER,
          offsetof(ngx_recording_api_rule_t, id), 1, INT64_MAX },
        { NULL, 0, 0, 0, 0 }
    };

    ngx_memzero(&in, sizeof(ngx_recording_api_rule_t));

    rc = ngx_recording_api_params(call, params, &in);

    if (rc != NGX_OK) {
        return rc;
    }

    if (in.domain.len == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no DomainName");
    }

    if (template && in.id == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no TemplateId");
    }

    bind = calloc(1, sizeof(ngx_recording_policy_bind_t));

    if (bind == NULL) {
        return NGX_ERROR;
    }

    call->arg = bind;

    bind->rule.id = in.id;
    bind->configured = ngx_recording_api_policy_configured(call, in.id);

    ngx_recording_api_copy(bind->rule.app, sizeof(bind->rule.app), &in.app);
    ngx_recording_api_copy(bind->rule.stream, sizeof(bind->rule.stream),
                           &in.stream);

    return ngx_recording_api_policy_domain(call, &in.domain,
                                           bind->rule.domain);
}


static void
ngx_recording_api_rule_log(ngx_recording_api_call_t *call,
    const ngx_recording_policy_rule_t *rule)
{
    char  text[3 * NGX_RECORDING_POLICY_NAME];

    (void) snprintf(text, sizeof(text), "%s/%s/%s", rule->domain, rule->app,
                    rule->stream);

    ngx_recording_api_log_text(call, text);
}


static ngx_int_t
ngx_recording_api_rule_create_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                     rc;
    ngx_recording_policy_bind_t  *bind;

    rc = call->arg ? NGX_OK : ngx_recording_api_rule_read(call, 1);

    if (rc != NGX_OK) {
        return rc;
    }

    bind = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_policy_bind, bind, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_recording_api_policy_rule(call, "", bind->rule.id,
                                       bind->result);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_api_rule_log(call, &bind->rule);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_rule_delete_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                     rc;
    ngx_recording_policy_bind_t  *bind;

    rc = call->arg ? NGX_OK : ngx_recording_api_rule_read(call, 0);

    if (rc != NGX_OK) {
        return rc;
    }

    bind = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change,
                                         ngx_recording_policy_unbind, bind, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (bind->result == NGX_RECORDING_POLICY_NONE) {
        return ngx_recording_api_fail(call, "InternalError.RuleNotFound",
                                      "no call has made a rule for just this "
                                      "DomainName, AppName and StreamName");
    }

    ngx_recording_api_rule_log(call, &bind->rule);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_rule_list_thread(ngx_recording_api_call_t *call)
{
    json_t                        *set;
    ngx_int_t                      rc;
    ngx_uint_t                     n;
    const ngx_recording_policy_t  *configured;
    ngx_recording_policy_rule_t   *rules;

    static const ngx_recording_api_param_t  params[] = {
        { NULL, 0, 0, 0, 0 }
    };

    rc = ngx_recording_api_params(call, params, NULL);

    if (rc != NGX_OK) {
        return rc;
    }

    configured = call->api->configured;
    n = NGX_RECORDING_POLICY_MOST;
    set = json_array();
    rules = calloc(n, sizeof(ngx_recording_policy_rule_t));

    rc = set && rules
         ? ngx_recording_policy_rules(call->catalogue, rules, &n) : NGX_ERROR;

    if (rc == NGX_OK) {
        rc = ngx_recording_api_rule_add(set, configured->rules,
                                        configured->nrules, 1);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_rule_add(set, rules, n, 0);
    }

    free(rules);

    if (rc != NGX_OK) {
        json_decref(set);
        return rc;
    }

    return ngx_recording_api_set(call->answer, "Rules", set);
}


static ngx_int_t
ngx_recording_api_rule_add(json_t *set,
    const ngx_recording_policy_rule_t *rules, ngx_uint_t n,
    ngx_uint_t configured)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_recording_api_object_t  o;

    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < n; i++) {
        ngx_recording_api_object(&o);

        ngx_recording_api_put_text(&o, "DomainName", rules[i].domain);
        ngx_recording_api_put_text(&o, "AppName", rules[i].app);
        ngx_recording_api_put_text(&o, "StreamName", rules[i].stream);
        ngx_recording_api_put_int(&o, "TemplateId", rules[i].id);
        ngx_recording_api_policy_time(&o, "CreateTime", rules[i].created);
        ngx_recording_api_policy_time(&o, "UpdateTime", rules[i].updated);
        ngx_recording_api_put_bool(&o, "Configured", configured);
        ngx_recording_api_put_bool(&o, "Inherited", rules[i].inherited);

        rc = ngx_recording_api_append(set, o.object);
    }

    return rc;
}
