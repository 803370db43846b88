
/*
 * Files that take no more samples: they are to be finished.
 *
 * Runs on pool threads, as a part of the writer's job.  From here on a mux
 * belongs to the queue of those that are closed, which the loop empties.
 */


#ifndef _NGX_RECORDING_CLOSED_H_INCLUDED_
#define _NGX_RECORDING_CLOSED_H_INCLUDED_


#include "ngx_recording_outputs.h"


/* a file that is flushed is to be finished */
void ngx_recording_closed_add(ngx_recording_outputs_t *o,
    ngx_recording_mux_t *mux);

/* the same for one that failed, mux->op and mux->err tell why; this is said */
void ngx_recording_closed_broken_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux);


#endif /* _NGX_RECORDING_CLOSED_H_INCLUDED_ */
