
/*
 * The tracks of a writer: codecs by sequence headers, and what is no frame
 * of them.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_TRACK_H_INCLUDED_
#define _NGX_RECORDING_TRACK_H_INCLUDED_


#include "ngx_recording_writer.h"


extern const char *const  ngx_recording_track_names[];


/*
 * Takes a sequence header; one that differs asks for new files.  One of
 * another codec than the frames' is kept until a frame of that comes.
 */
void ngx_recording_track_header(ngx_recording_writer_t *w,
    ngx_recording_item_t *item);

/*
 * Checks a frame against its track's header, or takes the facts from it.
 * NGX_ERROR: it cannot be written, and is counted.  What is in a frame of
 * H.264 is not looked at: FLV keeps it in any case.
 */
ngx_int_t ngx_recording_track_media(ngx_recording_writer_t *w,
    ngx_recording_item_t *item);

/* looks ahead: what a message that comes later says of its track */
void ngx_recording_track_learn(ngx_recording_writer_t *w,
    ngx_recording_message_t *m);

/* hands a frame to the files; cut: a segment may begin with it */
void ngx_recording_track_sample_thread(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_uint_t cut);

/* frees what was written anew for muxers, which were flushed */
void ngx_recording_track_forget(ngx_recording_writer_t *w);

/* counts a frame that is not written */
void ngx_recording_track_drop(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_drop_e reason);

/* the same, and says what is wrong with it, once for a file */
void ngx_recording_track_broken(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, const char *what);


#endif /* _NGX_RECORDING_TRACK_H_INCLUDED_ */
