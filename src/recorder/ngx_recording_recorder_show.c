
/* what others may know of a recording, on the board */


#include "ngx_recording_recorder.h"


#define NGX_RECORDING_RECORDER_STUCK  2000            /* ms, of a job */


static ngx_recording_board_wait_e ngx_recording_recorder_waits(
    ngx_recording_t *r);


void
ngx_recording_recorder_show(ngx_recording_t *r)
{
    ngx_recording_board_recording_t  told;

    if (r->slot == NULL) {
        return;
    }

    r->shown = ngx_current_msec;

    told.id = (int64_t) r->id;
    told.bytes = (int64_t) (r->intake.filling.held + r->intake.taken
                            + r->intake.held);
    told.arrived = ngx_recording_wall()
                   - (int64_t) (ngx_current_msec - r->arrived) * 1000;
    told.wait = ngx_recording_recorder_waits(r);

    ngx_recording_board_tell_recording(r->slot, &told);
}


static ngx_recording_board_wait_e
ngx_recording_recorder_waits(ngx_recording_t *r)
{
    if (r->job != NGX_RECORDING_RECORDER_IDLE
        && ngx_current_msec - r->ordered > NGX_RECORDING_RECORDER_STUCK)
    {
        return NGX_RECORDING_BOARD_DISK;
    }

    if (r->intake.state != NGX_RECORDING_INTAKE_DROPPING) {
        return NGX_RECORDING_BOARD_NOTHING;
    }

    /* it goes on when half of the buffer is free */

    return r->intake.filling.held + r->intake.taken + r->intake.held
           > r->worker->account.buffer / 2
           ? NGX_RECORDING_BOARD_DISK : NGX_RECORDING_BOARD_KEY;
}
