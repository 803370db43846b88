
#include "ngx_recording_api.h"


#define NGX_RECORDING_API_BEIJING  28800          /* s east of UTC */


static ngx_uint_t ngx_recording_api_policy_address(const char *text);
static ngx_uint_t ngx_recording_api_policy_host(const char *text);
static ngx_int_t ngx_recording_api_policy_before(void *data, int64_t id,
    const char *name, const char *params);


ngx_int_t
ngx_recording_api_policy_domain(ngx_recording_api_call_t *call,
    const ngx_str_t *text, char to[NGX_RECORDING_POLICY_NAME])
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        to[i] = (char) ngx_tolower(text->data[i]);
    }

    to[i] = '\0';

    if (to[0] == '[' ? ngx_recording_api_policy_address(to)
                     : ngx_recording_api_policy_host(to))
    {
        return NGX_OK;
    }

    return ngx_recording_api_fail(call, "InvalidParameter.DomainFormatError",
                                  "DomainName is neither a name nor an "
                                  "address");
}


/* an IPv6 address, as a URL has it */

static ngx_uint_t
ngx_recording_api_policy_address(const char *text)
{
    char             address[INET6_ADDRSTRLEN];
    size_t           len;
    struct in6_addr  in6;

    len = strlen(text);

    if (len < 2 || len - 2 >= sizeof(address) || text[len - 1] != ']') {
        return 0;
    }

    ngx_memcpy(address, text + 1, len - 2);
    address[len - 2] = '\0';

    return inet_pton(AF_INET6, address, &in6) == 1;
}


/* labels, none of which is empty; or nothing at all */

static ngx_uint_t
ngx_recording_api_policy_host(const char *text)
{
    return text[0] != '.' && strstr(text, "..") == NULL
           && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-_")]
              == '\0';
}


ngx_uint_t
ngx_recording_api_policy_configured(ngx_recording_api_call_t *call, int64_t id)
{
    return ngx_recording_policy_template(call->api->configured, id) != NULL;
}


ngx_int_t
ngx_recording_api_policy_name(ngx_recording_api_call_t *call,
    const ngx_str_t *name)
{
    u_char    c;
    size_t    i;

    if (name->len == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no TemplateName");
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (c < 0x80 && c != '_' && c != '-' && !(c >= '0' && c <= '9')
            && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
        {
            return ngx_recording_api_fail(call, "InvalidParameterValue",
                                          "TemplateName has something else "
                                          "than letters, digits, \"_\" and "
                                          "\"-\"");
        }
    }

    return NGX_OK;
}


void
ngx_recording_api_policy_time(ngx_recording_api_object_t *o, const char *name,
    int64_t us)
{
    char       text[32];
    time_t     sec;
    struct tm  tm;

    text[0] = '\0';

    if (us) {
        sec = (time_t) (us / 1000000) + NGX_RECORDING_API_BEIJING;

        (void) gmtime_r(&sec, &tm);
        (void) strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    }

    ngx_recording_api_put_text(o, name, text);
}


json_t *
ngx_recording_api_policy_merge(ngx_recording_api_call_t *call, int64_t id,
    ngx_recording_api_policy_pt read, char **was)
{
    json_t      *before, *value;
    ngx_int_t    rc;
    const char  *name;

    *was = NULL;

    rc = ngx_recording_catalogue_read(call->catalogue, &call->err);

    if (rc == NGX_OK) {
        rc = read(call->catalogue, id, ngx_recording_api_policy_before, was);
        rc = ngx_recording_catalogue_finish(call->catalogue, rc, &call->err);
    }

    if (rc == NGX_OK && *was == NULL) {
        (void) ngx_recording_api_policy_template(call, "", id,
                                                 NGX_RECORDING_POLICY_NONE);
        return NULL;
    }

    before = rc == NGX_OK ? json_loads(*was, 0, NULL) : NULL;

    json_object_foreach(call->params, name, value) {

        /* as good as absent */

        if (json_is_null(value)) {
            continue;
        }

        if (json_object_set(before, name, value) != 0) {
            json_decref(before);
            return NULL;
        }
    }

    return before;
}


static ngx_int_t
ngx_recording_api_policy_before(void *data, int64_t id, const char *name,
    const char *params)
{
    char **was = data;

    free(*was);
    *was = strdup(params);

    return *was ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_recording_api_policy_id(ngx_recording_api_call_t *call, int64_t *id)
{
    ngx_int_t  rc;

    static const ngx_recording_api_param_t  params[] = {
        { "TemplateId", NGX_RECORDING_API_NUMBER, 0, 1, INT64_MAX },
        { NULL, 0, 0, 0, 0 }
    };

    *id = 0;
    rc = ngx_recording_api_params(call, params, id);

    if (rc == NGX_OK && *id == 0) {
        rc = ngx_recording_api_fail(call, "MissingParameter",
                                    "there is no TemplateId");
    }

    return rc;
}


ngx_int_t
ngx_recording_api_policy_keep(ngx_recording_api_call_t *call,
    const json_t *params, char to[NGX_RECORDING_POLICY_PARAMS])
{
    return json_dumpb(params, to, NGX_RECORDING_POLICY_PARAMS - 1,
                      JSON_COMPACT)
           < NGX_RECORDING_POLICY_PARAMS
           ? NGX_OK
           : ngx_recording_api_fail(call, "InvalidParameter",
                                    "the template is too long");
}


ngx_int_t
ngx_recording_api_policy_same(ngx_recording_api_call_t *call,
    const ngx_str_t *name, int64_t id)
{
    return name->len == 0 || ngx_recording_text_id(name->data, name->len) == id
           ? NGX_OK
           : ngx_recording_api_fail(call, "InvalidParameterValue",
                                    "a template keeps its TemplateName");
}


ngx_int_t
ngx_recording_api_policy_template(ngx_recording_api_call_t *call,
    const char *kind, int64_t id, ngx_recording_policy_e result)
{
    switch (result) {

    case NGX_RECORDING_POLICY_EXISTS:
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "there is a %stemplate of that "
                                      "TemplateName, or one whose TemplateId "
                                      "would be the same", kind);

    case NGX_RECORDING_POLICY_NONE:
        return ngx_recording_api_fail(call, "InternalError.ConfNotFound",
                                      "there is no %stemplate %lld", kind,
                                      (long long) id);

    case NGX_RECORDING_POLICY_LIMIT:
        return ngx_recording_api_fail(call, "InternalError.ConfOutLimit",
                                      "there are %d %stemplates already",
                                      NGX_RECORDING_POLICY_MOST, kind);

    case NGX_RECORDING_POLICY_USED:
        return ngx_recording_api_fail(call, "FailedOperation.ConfInUsed",
                                      "a rule has %stemplate %lld", kind,
                                      (long long) id);

    default:
        return NGX_OK;
    }
}


ngx_int_t
ngx_recording_api_policy_rule(ngx_recording_api_call_t *call,
    const char *kind, int64_t id, ngx_recording_policy_e result)
{
    switch (result) {

    case NGX_RECORDING_POLICY_EXISTS:
        return ngx_recording_api_fail(call, "FailedOperation.RuleAlreadyExist",
                                      "there is a %srule for the same", kind);

    case NGX_RECORDING_POLICY_NONE:
        return ngx_recording_api_fail(call, "InvalidParameter.ConfNotFound",
                                      "there is no %stemplate %lld", kind,
                                      (long long) id);

    case NGX_RECORDING_POLICY_LIMIT:
        return ngx_recording_api_fail(call, "InternalError.ConfOutLimit",
                                      "there are %d %srules already",
                                      NGX_RECORDING_POLICY_MOST, kind);

    default:
        return NGX_OK;
    }
}


ngx_int_t
ngx_recording_api_policy_one(ngx_recording_api_call_t *call, const char *kind,
    int64_t id, json_t *set, ngx_int_t rc)
{
    json_t  *one;

    one = json_array_get(set, 0);

    if (rc == NGX_OK && one == NULL) {
        rc = ngx_recording_api_policy_template(call, kind, id,
                                               NGX_RECORDING_POLICY_NONE);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_set(call->answer, "Template", json_incref(one));
    }

    json_decref(set);

    return rc;
}
