
/*
 * A cut: files end and others begin, for all outputs or those that are due.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_CUT_H_INCLUDED_
#define _NGX_RECORDING_CUT_H_INCLUDED_


#include "ngx_recording_outputs.h"


/*
 * Closes and opens files; a format that goes on gets a discontinuity.
 * NGX_AGAIN: there is no answer of the catalogue yet, or it failed; the same
 * cut is to go on.
 */
ngx_int_t ngx_recording_cut_thread(ngx_recording_outputs_t *o,
    ngx_recording_cut_t *cut);

/*
 * For its parts, in ngx_recording_cut_open.c: makes the file that is to be
 * opened, and its row.  NGX_AGAIN: there is no answer of the catalogue yet.
 */
ngx_int_t ngx_recording_cut_create(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);

/* the same: opens it, or goes on with the one from before an interruption */
ngx_int_t ngx_recording_cut_open(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);


#endif /* _NGX_RECORDING_CUT_H_INCLUDED_ */
