
/*
 * What a writer says of frames that are dropped: once for a recording, with
 * the reason; how many they are its rows tell.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_TELL_H_INCLUDED_
#define _NGX_RECORDING_TELL_H_INCLUDED_


#include "ngx_recording_writer.h"


/* such frames of a track are dropped, and why: once for each reason */
void ngx_recording_tell_drop(ngx_recording_writer_t *w, ngx_uint_t track,
    ngx_recording_drop_e reason, const char *why);

/* frames of a track came so late that their file was closed: said once */
void ngx_recording_tell_behind(ngx_recording_writer_t *w, ngx_uint_t track);

/* w->low changed: there is less room than the reserve, or more again */
void ngx_recording_tell_room(ngx_recording_writer_t *w);

/* at the end of a stream that has no row: how many frames were dropped */
void ngx_recording_tell_nothing(ngx_recording_writer_t *w);


#endif /* _NGX_RECORDING_TELL_H_INCLUDED_ */
