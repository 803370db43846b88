
/*
 * Finished files, as the cloud's video on demand tells of them.
 */


#include "ngx_recording_api.h"


const ngx_recording_api_action_t  ngx_recording_api_media[] = {
    { NULL, NULL, 0, NULL }
};
