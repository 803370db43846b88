
/*
 * What a writer says of frames that are dropped, and why: once for a
 * recording; how many they are its rows tell.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_TELL_H_INCLUDED_
#define _NGX_RECORDING_TELL_H_INCLUDED_


#include "ngx_recording_outputs.h"


extern const char *const  ngx_recording_tell_tracks[];


/* such frames of a track are dropped, and why: once for each reason */
void ngx_recording_tell_drop(ngx_recording_outputs_t *o, ngx_uint_t track,
    ngx_recording_drop_e reason, const char *why);

/* frames of a track came so late that their file was closed: said once */
void ngx_recording_tell_behind(ngx_recording_outputs_t *o, ngx_uint_t track);

/* o->low changed: there is less room than the reserve, or more again */
void ngx_recording_tell_room(ngx_recording_outputs_t *o);

/* at the end of a stream that has no row: how many frames were dropped */
void ngx_recording_tell_nothing(ngx_recording_outputs_t *o);

/*
 * The catalogue failed, which is said once; frames wait in the buffer, and
 * files as they are.  NGX_AGAIN: it is to be tried again.  NGX_ERROR: the
 * worker exits at once.
 */
ngx_int_t ngx_recording_tell_failed(ngx_recording_outputs_t *o,
    ngx_recording_catalogue_error_t *err);

/* and this is over */
void ngx_recording_tell_passed(ngx_recording_outputs_t *o);


#endif /* _NGX_RECORDING_TELL_H_INCLUDED_ */
