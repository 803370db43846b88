
#include "ngx_recording_interval.h"


#define NGX_RECORDING_INTERVAL_ROOM  8           /* of an interval */
#define NGX_RECORDING_INTERVAL_BACK  1000000     /* us */


static ngx_inline ngx_uint_t ngx_recording_interval_passed(
    ngx_recording_outputs_t *o, ngx_recording_output_t *out,
    ngx_recording_mux_t *mux, int64_t elapsed, int64_t wall);
static ngx_uint_t ngx_recording_interval_clock(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux, int64_t elapsed,
    int64_t wall);


ngx_uint_t
ngx_recording_interval_due(ngx_recording_outputs_t *o, int64_t time,
    int64_t wall)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < o->template->nformats; i++) {
        out = &o->output[i];

        if (out->mux == NULL) {
            if (time >= out->retry) {
                return 1;
            }

            continue;
        }

        if (ngx_recording_interval_passed(o, out, out->mux,
                                          time - out->mux->cut, wall))
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_recording_interval_over(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux, int64_t elapsed,
    int64_t wall)
{
    return ngx_recording_interval_passed(o, out, mux, elapsed, wall);
}


/* asked for each frame: most files have an interval of stream time */

static ngx_inline ngx_uint_t
ngx_recording_interval_passed(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux, int64_t elapsed,
    int64_t wall)
{
    if (mux->full) {
        return 1;
    }

    if (out->conf->interval == 0) {
        return 0;
    }

    return out->conf->clock
           ? ngx_recording_interval_clock(o, out, mux, elapsed, wall)
           : elapsed >= out->conf->interval;
}


/*
 * By the wall clock, files end where its multiples of the interval are; and
 * where it was set back, or the zone's time goes back by itself.  What cannot
 * be seen of that their own length tells, which must not end them just before
 * the clock does.
 */

static ngx_uint_t
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
