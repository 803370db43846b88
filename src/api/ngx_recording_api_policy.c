
#include "ngx_recording_api.h"


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
