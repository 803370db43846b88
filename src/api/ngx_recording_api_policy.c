
#include "ngx_recording_api.h"


#define NGX_RECORDING_API_BEIJING  28800          /* s east of UTC */


static ngx_int_t ngx_recording_api_policy_before(void *data, int64_t id,
    const char *name, const char *params);


ngx_int_t
ngx_recording_api_policy_domain(ngx_recording_api_call_t *call,
    const ngx_str_t *text, char to[NGX_RECORDING_POLICY_NAME])
{
    u_char      c;
    size_t      i;
    ngx_uint_t  bracket;

    bracket = text->len && text->data[0] == '[';

    for (i = 0; i < text->len; i++) {
        c = ngx_tolower(text->data[i]);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.'
            || c == '-' || c == '_'
            || (bracket && (c == ':' || c == '[' || c == ']')))
        {
            to[i] = (char) c;
            continue;
        }

        return ngx_recording_api_fail(call,
                                      "InvalidParameter.DomainFormatError",
                                      "DomainName is neither a name nor an "
                                      "address");
    }

    to[i] = '\0';

    return NGX_OK;
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
    ngx_recording_api_policy_pt read)
{
    json_t     *before;
    ngx_int_t   rc;

    before = NULL;

    rc = ngx_recording_catalogue_read(call->catalogue, &call->err);

    if (rc == NGX_OK) {
        rc = read(call->catalogue, id, ngx_recording_api_policy_before,
                  &before);
        rc = ngx_recording_catalogue_finish(call->catalogue, rc, &call->err);
    }

    if (rc == NGX_OK && before == NULL) {
        (void) ngx_recording_api_fail(call, "InternalError.ConfNotFound",
                                      "there is no template %lld",
                                      (long long) id);
        return NULL;
    }

    if (rc != NGX_OK || json_object_update(before, call->params) != 0) {
        json_decref(before);
        return NULL;
    }

    return before;
}


static ngx_int_t
ngx_recording_api_policy_before(void *data, int64_t id, const char *name,
    const char *params)
{
    json_t **before = data;

    *before = json_loads(params, 0, NULL);

    return *before ? NGX_OK : NGX_ERROR;
}
