
/*
 * The outputs of a writer: for each format the file that grows.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_OUTPUT_H_INCLUDED_
#define _NGX_RECORDING_OUTPUT_H_INCLUDED_


#include "ngx_recording_outputs.h"


/*
 * Hands a sample to every file.  Its dts is stream time here; that, joined and
 * cut are set for each file, and the caller's sample is spent then.
 */
void ngx_recording_output_sample_thread(ngx_recording_outputs_t *o,
    ngx_recording_sample_t *sample);

/* counts frames that came and are not written */
void ngx_recording_output_dropped(ngx_recording_outputs_t *o,
    ngx_uint_t track, ngx_recording_drop_e reason, uint64_t n);

/* the same for a frame, while no file is open */
void ngx_recording_output_missed(ngx_recording_outputs_t *o,
    ngx_uint_t track);

/* timestamps jumped ahead by so many ms: a gap, where that is closed */
void ngx_recording_output_jump_thread(ngx_recording_outputs_t *o,
    int64_t time, int64_t jump);

/* notes where all files stand, and makes them durable, if they are to be */
void ngx_recording_output_sync_thread(ngx_recording_outputs_t *o,
    ngx_uint_t durable);

/* frames that no file was open for are counted for all to see */
void ngx_recording_output_show(ngx_recording_output_t *out,
    ngx_recording_store_t *store);

/* everything that was handed over is written, and counted */
void ngx_recording_output_flush_thread(ngx_recording_outputs_t *o);

/* ends the file of an output, if one is open */
void ngx_recording_output_close_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out);

/*
 * The file takes no more, mux->op and mux->err tell why.  What was written
 * before is finished; the next one is tried at a later key frame.
 */
void ngx_recording_output_failed_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out);


#endif /* _NGX_RECORDING_OUTPUT_H_INCLUDED_ */
