
#include "ngx_recording_interval.h"


#define NGX_RECORDING_INTERVAL_ROOM  8           /* of an interval */
#define NGX_RECORDING_INTERVAL_BACK  1000000     /* us */


/*
 * By the wall clock, files end where its multiples of the interval are; and
 * where it was set back, or the zone's time goes back by itself.  What cannot
 * be seen of that their own length tells, which must not end them just before
 * the clock does.
 */

ngx_uint_t
ngx_recording_interval_clock(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux, int64_t elapsed,
    int64_t wall)
{
    int64_t                interval, start;
    ngx_recording_zone_t  *zone;

    interval = out->conf->interval;
    wall += ngx_recording_store_shift(o->store);
    start = mux->file.start;
    zone = &o->template->zone;

    return elapsed >= interval + interval / NGX_RECORDING_INTERVAL_ROOM
           || wall < start - NGX_RECORDING_INTERVAL_BACK
           || ngx_recording_path_offset(wall, zone)
              < ngx_recording_path_offset(start, zone)
           || ngx_recording_path_slot(wall, zone, interval)
              > ngx_recording_path_slot(start, zone, interval);
}
