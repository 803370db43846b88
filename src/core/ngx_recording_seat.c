
#include "ngx_recording_seat.h"


static __thread ngx_uint_t  ngx_recording_seat_missing;


void
ngx_recording_seat_begin_thread(ngx_recording_seat_e seat)
{
    ngx_recording_seat_missing = (seat == NGX_RECORDING_SEAT_NONE);
}


void
ngx_recording_seat_end_thread(void)
{
    ngx_recording_seat_missing = 0;
}


ngx_uint_t
ngx_recording_seat_missing_thread(void)
{
    return ngx_recording_seat_missing;
}
