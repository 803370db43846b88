
/*
 * Intervals: when the file of an output is long enough.
 *
 * Runs on pool threads, as a part of the writer's job; touches no disk.
 */


#ifndef _NGX_RECORDING_INTERVAL_H_INCLUDED_
#define _NGX_RECORDING_INTERVAL_H_INCLUDED_


#include "ngx_recording_outputs.h"


/* whether any output wants a new file at this stream time, or wall clock */
ngx_uint_t ngx_recording_interval_due(ngx_recording_outputs_t *o, int64_t time,
    int64_t wall);

/* whether the interval of a file is over, or it takes no more */
ngx_uint_t ngx_recording_interval_over(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux, int64_t elapsed,
    int64_t wall);


#endif /* _NGX_RECORDING_INTERVAL_H_INCLUDED_ */
