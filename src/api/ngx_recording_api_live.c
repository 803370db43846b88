
/* what grows, as the workers tell each other on the board */


#include "ngx_recording_api.h"


static ngx_int_t ngx_recording_api_live_growing_thread(void *data,
    ngx_recording_board_seen_t *seen, uint64_t file_id,
    ngx_recording_api_growing_t *growing);


const ngx_recording_api_live_t  ngx_recording_api_live = {
    ngx_recording_api_live_growing_thread
};


static ngx_int_t
ngx_recording_api_live_growing_thread(void *data,
    ngx_recording_board_seen_t *seen, uint64_t file_id,
    ngx_recording_api_growing_t *growing)
{
    ngx_recording_board_t *board = data;

    ngx_uint_t                       i;
    ngx_recording_board_file_t       file;
    ngx_recording_board_recording_t  recording;

    static const char *const  waits[] = { "", "disk", "key frame" };

    if (ngx_recording_board_file(board, seen, (int64_t) file_id, &file)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (ngx_recording_board_recording(board, seen, file.recording_id,
                                      &recording)
        != NGX_OK)
    {
        ngx_memzero(&recording, sizeof(recording));
    }

    growing->duration_ms = file.duration;
    growing->size = file.bytes;
    growing->rate = file.rate;
    growing->waiting = recording.bytes;
    growing->waits = waits[ngx_min((uint64_t) recording.wait, 2)];

    /* the last one may wait for the disk */

    growing->frame_us = ngx_max(file.frame, recording.arrived);

    growing->frames_in = (uint64_t) file.in;
    growing->frames_written = (uint64_t) file.written;
    growing->frames_dropped = 0;

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        growing->drops[i] = (uint64_t) file.dropped[i];
        growing->frames_dropped += growing->drops[i];
    }

    return NGX_OK;
}
