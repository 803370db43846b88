
/*
 * Stream time: RTMP timestamps, which are 32 bits of milliseconds that wrap,
 * restart, jump and go backwards, made into one timeline for a recording.
 *
 * Pure: no nginx runtime, no allocation, any thread.
 *
 * A connection has one time; each track has an offset into it, which is the
 * same for both unless one of them is about to follow the other.  What a
 * frame's timestamp means is decided in this order:
 *
 *   near      not before the last frame of its track and at most 10 s after
 *             it: taken as it comes
 *   silence   more than that, but not more than 10 s after the newest frame
 *             of both tracks, or the time of its arrival says that it really
 *             passed: taken as it comes, and leaves a hole.  Of a stream
 *             that came several times faster than real time arrival says
 *             nothing: a step of up to a minute is believed
 *   pause     a silence of both tracks of more than a minute: closed
 *   back      before the last frame by up to 10 s: put right behind that
 *             one, and the offset stays.  If the track goes on there for
 *             500 ms, the offset moves: what followed the step is put behind
 *             what was before it.  After a step of more than 500 ms that is
 *             where its frames are from the first one on
 *   jump      by more than 10 s either way: closed
 *
 * What is closed begins one frame after the highest presentation time so
 * far.  The other track takes the new offset as soon as it fits better than
 * its own, so that frames which were still sent in the old time are not
 * moved; after a step back it takes it within 2 s in any case.
 *
 * The first frame of a connection has no say in this: some encoders stamp it
 * with another clock than all that follow.
 */


#ifndef _NGX_RECORDING_CLOCK_H_INCLUDED_
#define _NGX_RECORDING_CLOCK_H_INCLUDED_


#include "ngx_recording_frame.h"


#define NGX_RECORDING_CLOCK_JUMP   10000    /* ms */
#define NGX_RECORDING_CLOCK_PAUSE  60000    /* ms */
#define NGX_RECORDING_CLOCK_ADOPT  2000     /* ms */
#define NGX_RECORDING_CLOCK_LINE   500      /* ms of frames after a step */


typedef enum {
    NGX_RECORDING_CLOCK_STEADY = 0,
    NGX_RECORDING_CLOCK_BACK,      /* back by up to 10 s, put right */
    NGX_RECORDING_CLOCK_PAUSED,    /* nothing came for a minute, closed */
    NGX_RECORDING_CLOCK_JUMPED,    /* by more than 10 s either way, closed */
    NGX_RECORDING_CLOCK_ALONE,     /* one frame did, and the next was back */
    NGX_RECORDING_CLOCK_EVENTS
} ngx_recording_clock_e;


typedef struct {
    int64_t                 raw;           /* unwrapped timestamp */
    int64_t                 last;          /* stream time */
    int64_t                 shown;         /* the highest presentation time */
    int64_t                 offset;        /* stream time - raw */
    int64_t                 step;          /* the last usual distance */
    int64_t                 since;         /* stream time since the clock's
                                              offset is not this track's */
    int64_t                 line;          /* raw, where a step back led */
    int64_t                 behind;        /* and the stream time that it
                                              has if it goes on there */
    ngx_uint_t              frames;
    unsigned                back:1;        /* on such a line */
    unsigned                far:1;         /* which is far away */
    unsigned                early:1;       /* before its last frame, though
                                              the offset is right */
} ngx_recording_clock_track_t;


typedef struct {
    ngx_recording_clock_track_t  tracks[NGX_RECORDING_TRACKS];
    int64_t                 offset;        /* the newest one */
    int64_t                 newest;        /* stream time, of both tracks */
    int64_t                 arrived;       /* when that came, ms */
    int64_t                 base;          /* the least arrival - time */
    int64_t                 began;         /* stream time and arrival since
                                              which the rate is measured */
    int64_t                 began_at;
    int64_t                 jump;          /* ms, the last one's size */
    unsigned                back:1;        /* the last change of the offset
                                              was a step back */
} ngx_recording_clock_t;


/*
 * Takes a frame's timestamp, its composition time and when it arrived, all
 * in ms, the latter by any clock that only goes forward.  Returns its stream
 * time; the first frame ever is at 0, and stream time can be negative (a
 * frame of the other track before it).  Stream time of a track never goes
 * back.  *event says what was found on the way.
 */
int64_t ngx_recording_clock_advance(ngx_recording_clock_t *clock,
    ngx_uint_t track, uint32_t timestamp, int32_t composition,
    int64_t arrival, ngx_recording_clock_e *event);


/* whether a timestamp is more than 10 s away from its track's last one */
static ngx_inline ngx_uint_t
ngx_recording_clock_far(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp)
{
    ngx_recording_clock_track_t  *t;

    t = &clock->tracks[track];

    return t->frames
           && llabs((int32_t) (timestamp - (uint32_t) t->raw))
              > NGX_RECORDING_CLOCK_JUMP;
}


/*
 * Whether the timestamp of the track's next frame is not: then the one that
 * is far is a mistake, and *instead is what it should have been.
 */
ngx_uint_t ngx_recording_clock_alone(ngx_recording_clock_t *clock,
    ngx_uint_t track, uint32_t next, uint32_t *instead);


#endif /* _NGX_RECORDING_CLOCK_H_INCLUDED_ */
