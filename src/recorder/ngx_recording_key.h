
/*
 * Key frames, as the writer sees them.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_KEY_H_INCLUDED_
#define _NGX_RECORDING_KEY_H_INCLUDED_


#include "ngx_recording_held.h"


typedef struct {
    int64_t                 keyless;       /* stream time of the first video
                                              frame since a key frame */
    unsigned                late:1;        /* keyless is set */
} ngx_recording_key_t;


/*
 * Looks into a video frame that has its stream time, and sets key and idr.
 *
 *   NGX_OK     it can be written
 *   NGX_ERROR  no file has video, and none can begin with it: it is counted
 */
ngx_int_t ngx_recording_key_look(ngx_recording_key_t *k,
    ngx_recording_tracks_t *tracks, ngx_recording_item_t *item);

/*
 * Whether audio is to wait for video that is live, or follows soon.  Only a
 * key frame is a sign of it: what comes before, a header first of all, may be
 * all that ever comes.
 */
ngx_uint_t ngx_recording_key_wait(ngx_recording_held_t *h,
    ngx_recording_item_t *item);


#endif /* _NGX_RECORDING_KEY_H_INCLUDED_ */
