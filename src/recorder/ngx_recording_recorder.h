
/*
 * The recorder: the event loop's side of a recording.
 *
 * Runs in the loop.  A recording is created for an accepted publish, copies
 * each message once into a batch and hands batches to the writer on the
 * thread pool, one at a time.  It outlives its session: after
 * ngx_recording_close() it writes what it has, finishes its files, or leaves
 * them to wait for their stream, and frees itself.
 *
 *             key frame, or audio            ngx_recording_close(), or the
 *    waiting --------------------> running   stream went to another worker
 *       |                           |   ^ ------------------------+
 *       |        record_buffer full |   | key frame, half is free |
 *       |                           v   |                         v
 *       |                         dropping -------------------> ending
 *       |                                                         |
 *       +--------- ngx_recording_close(), nothing came -----------+
 *                                                                 v
 *                                       freed when all is written, all files
 *                                       are finished or wait, and the session
 *                                       has closed
 */


#ifndef _NGX_RECORDING_RECORDER_H_INCLUDED_
#define _NGX_RECORDING_RECORDER_H_INCLUDED_


#include "ngx_recording_rule.h"
#include "ngx_recording_worker.h"
#include "ngx_recording_writer.h"


typedef struct ngx_recording_s  ngx_recording_t;


/*
 * Leaves a template the formats that a publisher's record_type allows, and
 * returns how many those are.
 */
ngx_uint_t ngx_recording_formats_of(ngx_recording_template_t *template,
    ngx_recording_type_e type);

/* whether any of its formats takes video */
ngx_uint_t ngx_recording_takes_video(ngx_recording_template_t *template);

/*
 * Creates a recording.  The strings of the stream are copied.  exclusive: it
 * is a copy of a stream that other workers may record, too.  audio_only: the
 * video is not recorded.  NULL: no memory.
 */
ngx_recording_t *ngx_recording_create(ngx_recording_worker_t *worker,
    ngx_recording_template_t *template, ngx_recording_stream_t *stream,
    ngx_uint_t exclusive, ngx_uint_t audio_only);

/* remembers a sequence header that came before the publish */
void ngx_recording_seed(ngx_recording_t *r, ngx_uint_t track,
    ngx_chain_t *in);

/*
 * Takes a message; timestamp is RTMP's.  What the chain holds is copied.
 * Never fails: what cannot be kept is counted.
 */
void ngx_recording_message(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in);

/* the stream is over; the recording must not be used any more */
void ngx_recording_close(ngx_recording_t *r);

/* what a worker asks its recordings, by their links in worker->recordings */
extern const ngx_recording_worker_calls_t  ngx_recording_recorder_calls;


#endif /* _NGX_RECORDING_RECORDER_H_INCLUDED_ */
