
/*
 * Intervals: when the file of an output is long enough.
 *
 * Runs on pool threads, as a part of the writer's job; touches no disk.
 */


#ifndef _NGX_RECORDING_INTERVAL_H_INCLUDED_
#define _NGX_RECORDING_INTERVAL_H_INCLUDED_


#include "ngx_recording_outputs.h"


/* for the next one: the same of a file that ends by the wall clock */
ngx_uint_t ngx_recording_interval_clock(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux, int64_t elapsed,
    int64_t wall);

/*
 * Whether the interval of a file is over, or it takes no more: asked for each
 * frame, and most files have an interval of stream time.
 */
static ngx_inline ngx_uint_t
ngx_recording_interval_over(ngx_recording_outputs_t *o,
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

/* whether any output wants a new file at this stream time, or wall clock */
static ngx_inline ngx_uint_t
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

        if (ngx_recording_interval_over(o, out, out->mux, time - out->mux->cut,
                                        wall))
        {
            return 1;
        }
    }

    return 0;
}


#endif /* _NGX_RECORDING_INTERVAL_H_INCLUDED_ */
