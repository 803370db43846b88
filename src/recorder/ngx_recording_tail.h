
/*
 * The tail of a file: at a cut, a track may lag behind the one that cuts, by
 * up to 5 s.  What it still brings belongs to the file in which it is by
 * time, which stays open for it until a frame of the next file comes.
 *
 *       video   ..... K                 cut at K: the file that was open is
 *       audio   ..          ...         a tail until audio has reached K
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_TAIL_H_INCLUDED_
#define _NGX_RECORDING_TAIL_H_INCLUDED_


#include "ngx_recording_outputs.h"


/* bits: the tracks for which an output's file is to stay open at a cut */
ngx_uint_t ngx_recording_tail_late(ngx_recording_output_t *out,
    ngx_recording_cut_t *cut);

/*
 * Until when that file takes the track, in stream time: when the key frame is
 * shown, which with B-frames is later than its DTS.  So sound and pictures of
 * both files end and begin together.
 */
int64_t ngx_recording_tail_limit(ngx_recording_cut_t *cut);

/* the file of an output becomes a tail that ends at this stream time */
void ngx_recording_tail_add_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t late, int64_t limit);

/*
 * The tail to which a frame belongs, or NULL: the file that is open.  Tails
 * that nothing will come to any more are closed.
 */
ngx_recording_mux_t *ngx_recording_tail_of_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t track, int64_t time);

/* everything that was handed over is written */
void ngx_recording_tail_flush_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out);

/* notes where tails stand, and makes them durable, if they are to be */
void ngx_recording_tail_sync_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t durable);

/* ends all tails of an output */
void ngx_recording_tail_close_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out);

/* a tail that takes no more, mux->op and mux->err tell why */
void ngx_recording_tail_failed_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux);


#endif /* _NGX_RECORDING_TAIL_H_INCLUDED_ */
