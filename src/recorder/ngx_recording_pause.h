
/*
 * Interruptions: files that wait for their stream, and go on with it.
 *
 * Runs on pool threads, as a part of the writer's job.
 *
 *                    the stream ends, resume=
 *       open  ------------------------------------>  paused, nobody's
 *        ^                                            |         |
 *        |    continue                        resume  |         | too late
 *        +-------------- out->resumed <---------------+         v
 *                             |                         the keeper finishes
 *                             | other tracks,           it
 *                             | the interval is over
 *                             v
 *                          finished
 */


#ifndef _NGX_RECORDING_PAUSE_H_INCLUDED_
#define _NGX_RECORDING_PAUSE_H_INCLUDED_


#include "ngx_recording_outputs.h"


/* files of a recording that do not go on, for the keeper to finish them */

typedef struct {
    ngx_recording_state_t   state[NGX_RECORDING_TAKEN];
    ngx_uint_t              n;
} ngx_recording_leaves_t;


/*
 * Opens the files of the recording that was resumed, to go on at a cut.
 * NGX_AGAIN: no descriptor is left for some, which stay in `start`; if it is
 * tired, these do not go on.
 */
ngx_int_t ngx_recording_pause_resume_thread(ngx_recording_outputs_t *o,
    ngx_recording_start_t *start, ngx_recording_leaves_t *leaves,
    ngx_uint_t tired);

/* whether the file from before the interruption can take these tracks */
ngx_uint_t ngx_recording_pause_fits(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);

/* it goes on, right after its last frame */
void ngx_recording_pause_continue_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);

/*
 * The stream is over: the file of an output ends, or is to wait, or frames
 * came that no file was open for; what the catalogue is told is added to end.
 */
void ngx_recording_pause_end_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_end_t *end);

/*
 * And it was told: what waits is closed.  Returns until when it waits, us, 0:
 * it does not.
 */
int64_t ngx_recording_pause_ended_thread(ngx_recording_output_t *out);


#endif /* _NGX_RECORDING_PAUSE_H_INCLUDED_ */
