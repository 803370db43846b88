
/*
 * The time of a writer's frames: what its clock makes of their timestamps,
 * what follows from it for the files, and what is said of it.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_TIME_H_INCLUDED_
#define _NGX_RECORDING_TIME_H_INCLUDED_


#include "ngx_recording_track.h"


/*
 * Sets item->time; the cursor stands behind the item.  After a jump, or a
 * pause that is an interruption, new files are wanted, or a gap is noted where
 * that is closed.
 */
void ngx_recording_time_frame_thread(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor);

/* at the end: how often what was said once has happened */
void ngx_recording_time_told(ngx_recording_writer_t *w);


#endif /* _NGX_RECORDING_TIME_H_INCLUDED_ */
