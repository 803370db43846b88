
/*
 * Audio that the open files cannot take: it is held for those that begin at
 * the next key frame.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_HELD_H_INCLUDED_
#define _NGX_RECORDING_HELD_H_INCLUDED_


#include "ngx_recording_track.h"


/* keeps a frame; without memory it is dropped and counted */
void ngx_recording_held_add(ngx_recording_writer_t *w,
    ngx_recording_item_t *item);

/* forgets what is older than a stream time */
void ngx_recording_held_forget(ngx_recording_writer_t *w, int64_t before);

/* writes all of it to the files that are open now */
void ngx_recording_held_release_thread(ngx_recording_writer_t *w);


#endif /* _NGX_RECORDING_HELD_H_INCLUDED_ */
