
/*
 * Recordings with their files, growing ones, too.
 */


#include "ngx_recording_api.h"


const ngx_recording_api_action_t  ngx_recording_api_recordings[] = {
    { NULL, NULL, 0, NULL }
};
