
/*
 * The outputs of a writer: for each format the file that grows.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_OUTPUT_H_INCLUDED_
#define _NGX_RECORDING_OUTPUT_H_INCLUDED_


#include "ngx_recording_writer.h"


typedef struct {
    int64_t                 time;          /* of the first frame of the track
                                              that cuts */
    int64_t                 now;           /* of the frame that cuts: later,
                                              if audio was held before it */
    int64_t                 begin;         /* of the first frame after it */
    int64_t                 first;         /* the same, where no file before
                                              takes what lags */
    int64_t                 wall;          /* us */
    ngx_uint_t              track;         /* of that frame */
    int32_t                 composition;
    int64_t                 jump;          /* ms, if that is all there is */
    ngx_uint_t              all;           /* else those that are due */
} ngx_recording_cut_t;


/*
 * Closes and opens files; a format that goes on gets a discontinuity.
 * NGX_AGAIN: there is no answer of the catalogue yet, or it failed; the same
 * cut is to go on.
 */
ngx_int_t ngx_recording_output_cut_thread(ngx_recording_writer_t *w,
    ngx_recording_cut_t *cut);

/*
 * For a cut, in ngx_recording_output_open.c: makes the file that is to be
 * opened, and its row.  NGX_AGAIN: there is no answer of the catalogue yet.
 */
ngx_int_t ngx_recording_output_create(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);

/* the same: opens it, or goes on with the one from before an interruption */
ngx_int_t ngx_recording_output_open(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);

/* hands a sample to every file; its dts is stream time here */
void ngx_recording_output_sample_thread(ngx_recording_writer_t *w,
    ngx_recording_sample_t *sample);

/* counts frames that came and are not written */
void ngx_recording_output_dropped(ngx_recording_writer_t *w,
    ngx_uint_t track, ngx_recording_drop_e reason, uint64_t n);

/* the same for a frame, while no file is open */
void ngx_recording_output_missed(ngx_recording_writer_t *w,
    ngx_uint_t track);

/* timestamps jumped ahead by so many ms: a gap, where that is closed */
void ngx_recording_output_jump_thread(ngx_recording_writer_t *w,
    int64_t time, int64_t jump);

/* notes where all files stand, and makes them durable, if they are to be */
void ngx_recording_output_sync_thread(ngx_recording_writer_t *w,
    ngx_uint_t durable);

/* everything that was handed over is written */
void ngx_recording_output_flush_thread(ngx_recording_writer_t *w);

/* ends the file of an output, if one is open */
void ngx_recording_output_close_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);

/* a file that is flushed and takes no more is to be finished */
void ngx_recording_output_end(ngx_recording_writer_t *w,
    ngx_recording_mux_t *mux);

/*
 * The file takes no more, mux->op and mux->err tell why.  What was written
 * before is finished; the next one is tried at a later key frame.
 */
void ngx_recording_output_failed_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);

/* the same for a file that is not the one that grows */
void ngx_recording_output_broken_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux);


#endif /* _NGX_RECORDING_OUTPUT_H_INCLUDED_ */
