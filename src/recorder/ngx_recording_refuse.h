
/*
 * Tracks that a format does not take: they are left out of its files, which
 * costs the other track nothing.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_REFUSE_H_INCLUDED_
#define _NGX_RECORDING_REFUSE_H_INCLUDED_


#include "ngx_recording_outputs.h"


/*
 * Asks the muxers of all formats about a track that new files are to have:
 * once for a header.
 */
void ngx_recording_refuse_ask_thread(ngx_recording_outputs_t *o,
    ngx_uint_t track);

/* one message for an output and a track of these that is left out of it */
void ngx_recording_refuse_say_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_media_t *media);

/* the same for a track of which the muxer refused a frame, counted already */
void ngx_recording_refuse_frame(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t track);

/* bytes of a frame's media that every format has room for: its size with the
   header of ADTS has 13 bits */
#define NGX_RECORDING_REFUSE_ADTS  (8191 - 7)

/* whether a format has no room for a frame of more than that; this is said */
ngx_uint_t ngx_recording_refuse_large(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_sample_t *sample);

/*
 * Counts frames of a track that a file does not have, if it is missed there:
 * NGX_RECORDING_DROP_TRACK, if the format refuses it, else the reason.
 */
void ngx_recording_refuse_count(ngx_recording_outputs_t *o,
    ngx_recording_mux_t *mux, ngx_uint_t track, ngx_recording_drop_e reason,
    uint64_t n);


#endif /* _NGX_RECORDING_REFUSE_H_INCLUDED_ */
