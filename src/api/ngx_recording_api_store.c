
/*
 * The store as a whole: its room, its files, who works on them.
 */


#include "ngx_recording_api.h"


static ngx_int_t ngx_recording_api_describe_store(
    ngx_recording_api_call_t *call);


const ngx_recording_api_action_t  ngx_recording_api_store[] = {

    { "DescribeStore", NULL, 0, ngx_recording_api_describe_store },

    { NULL, NULL, 0, NULL }
};


static ngx_int_t
ngx_recording_api_describe_store(ngx_recording_api_call_t *call)
{
    static const ngx_recording_api_param_t  params[] = {
        { NULL, 0, 0, 0, 0 }
    };

    off_t                   room;
    ngx_recording_store_t  *store;

    if (ngx_recording_api_params(call, params, NULL) != NGX_OK) {
        return NGX_DECLINED;
    }

    store = &call->api->worker->store;

    if (ngx_recording_store_room_thread(store, &room) != NGX_OK) {
        room = -1;
    }

    return ngx_recording_api_set(call->answer, "Free", json_integer(room));
}
