
#include "ngx_recording_api.h"


#define NGX_RECORDING_API_LOG_ADDRESS  (sizeof("\" from ") - 1               \
                                        + NGX_SOCKADDR_STRLEN)


void
ngx_recording_api_log_by(ngx_recording_api_call_t *call, const ngx_str_t *key,
    const ngx_str_t *address)
{
    char    text[NGX_RECORDING_TEXT + 4];
    size_t  room;

    /* whatever there is of the key's id, the address is said whole */

    room = sizeof(call->by) - sizeof("key \"") - NGX_RECORDING_API_LOG_ADDRESS;

    (void) snprintf(call->by, sizeof(call->by), "%s%.*s%s from %.*s",
                    key->len ? "key \"" : "a request without a key",
                    (int) room,
                    ngx_recording_text(text, key->data, key->len),
                    key->len ? "\"" : "",
                    (int) address->len, (char *) address->data);
}


void
ngx_recording_api_log_id(ngx_recording_api_call_t *call, uint64_t id)
{
    (void) snprintf(call->object, sizeof(call->object), "%llu",
                    (unsigned long long) id);
}


void
ngx_recording_api_log_text(ngx_recording_api_call_t *call, const char *text)
{
    (void) ngx_recording_text(call->object, (u_char *) text,
                              ngx_strlen(text));
}


void
ngx_recording_api_log(const ngx_recording_api_call_t *call)
{
    if (!call->action->changes || call->code) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, call->api->worker->log, 0,
                  "recording: %s of %s by %s%s", call->action->name,
                  call->object, call->by, call->about);
}
