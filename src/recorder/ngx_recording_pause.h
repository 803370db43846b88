
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


#include "ngx_recording_output.h"


/* opens the files of the recording that was resumed, to go on at a cut */
void ngx_recording_pause_resume_thread(ngx_recording_writer_t *w);

/* whether the file from before the interruption can take these tracks */
ngx_uint_t ngx_recording_pause_fits(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut,
    ngx_recording_media_t *media);

/* it goes on, right after its last frame */
void ngx_recording_pause_continue_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut,
    ngx_recording_media_t *media);

/*
 * The stream is over: the file of an output ends, or is to wait, or frames
 * came that no file was open for; w->ending has what the catalogue is told.
 */
void ngx_recording_pause_end_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);

/* and it was told: what waits is closed */
void ngx_recording_pause_ended_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);


#endif /* _NGX_RECORDING_PAUSE_H_INCLUDED_ */
