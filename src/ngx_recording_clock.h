
/*
 * Stream time: RTMP timestamps, which are 32 bits of milliseconds that wrap,
 * restart, jump and go backwards, made into one timeline for a recording.
 *
 * Pure: no nginx runtime, no allocation, any thread.
 *
 * Each track is measured against itself.  A frame at most 10 s after the
 * last one of its track is taken as it comes; anything else is a jump, and
 * the frame is put right after the last one.  The offset which that needs is
 * the same for both tracks, but the other track takes it only at its own
 * jump, so that frames which were still sent in the old time are not moved.
 * If it makes none within 2 s after a step back, it takes the offset anyway.
 */


#ifndef _NGX_RECORDING_CLOCK_H_INCLUDED_
#define _NGX_RECORDING_CLOCK_H_INCLUDED_


#include "ngx_recording_frame.h"


#define NGX_RECORDING_CLOCK_JUMP   10000    /* ms */
#define NGX_RECORDING_CLOCK_ADOPT  2000     /* ms */


typedef enum {
    NGX_RECORDING_CLOCK_STEADY = 0,
    NGX_RECORDING_CLOCK_BACK,      /* back by up to 10 s, closed */
    NGX_RECORDING_CLOCK_JUMPED     /* by more than 10 s either way */
} ngx_recording_clock_e;


typedef struct {
    int64_t                 raw;           /* unwrapped timestamp */
    int64_t                 last;          /* stream time */
    int64_t                 offset;        /* stream time - raw */
    int64_t                 step;          /* the last usual distance */
    int64_t                 since;         /* stream time since the clock's
                                              offset is not this track's */
    ngx_uint_t              epoch;         /* of the offset */
    unsigned                seen:1;
} ngx_recording_clock_track_t;


typedef struct {
    ngx_recording_clock_track_t  tracks[NGX_RECORDING_TRACKS];
    int64_t                 offset;        /* the newest */
    int64_t                 jump;          /* ms, the last one's size */
    ngx_uint_t              epoch;         /* how often it changed */
    unsigned                back:1;        /* its last change: a step back */
} ngx_recording_clock_t;


/*
 * Takes a frame's timestamp and returns its stream time in ms; the first
 * frame ever is at 0, and stream time can be negative (a frame before it).
 * *event says what was found on the way.
 */
int64_t ngx_recording_clock_advance(ngx_recording_clock_t *clock,
    ngx_uint_t track, uint32_t timestamp, ngx_recording_clock_e *event);


#endif /* _NGX_RECORDING_CLOCK_H_INCLUDED_ */
