
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
    uint8_t                 back;          /* on such a line */
    uint8_t                 far;           /* which is far away */
    uint8_t                 early;         /* before its last frame, though
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
    uint8_t                 back;          /* the last change of the offset
                                              was a step back */
} ngx_recording_clock_t;


/* for the next ones: whether a frame follows its track's last one closely */
static ngx_inline ngx_uint_t
ngx_recording_clock_near(int64_t distance)
{
    return distance >= 0 && distance <= NGX_RECORDING_CLOCK_JUMP;
}

/* the same: a frame of which the time is not as simple */
ngx_recording_clock_e ngx_recording_clock_look(ngx_recording_clock_t *clock,
    ngx_uint_t track, uint32_t timestamp, int32_t composition,
    int64_t arrival, int64_t *time);


/*
 * Takes a frame's timestamp, its composition time and when it arrived, all
 * in ms, the latter by any clock that only goes forward.  *time is its stream
 * time then; the first frame ever is at 0, and stream time can be negative (a
 * frame of the other track before it).  Stream time of a track never goes
 * back.  Returns what was found on the way.
 */
static ngx_inline ngx_recording_clock_e
ngx_recording_clock_advance(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp, int32_t composition, int64_t arrival, int64_t *time)
{
    int64_t                       now;
    ngx_recording_clock_e         event;
    ngx_recording_clock_track_t  *t;

    t = &clock->tracks[track];

    /* the difference has 32 bits and a sign: that is the wrap */

    t->raw += (int32_t) (timestamp - (uint32_t) t->raw);

    now = t->raw + t->offset;

    if (t->frames && t->offset == clock->offset
        && ngx_recording_clock_near(now - t->last))
    {
        /* nearly all frames */

        event = NGX_RECORDING_CLOCK_STEADY;

        t->since = t->last;
        t->back = 0;
        t->early = 0;

    } else {
        event = ngx_recording_clock_look(clock, track, timestamp, composition,
                                         arrival, time);
        now = *time;
    }

    if (now > t->last && now - t->last < 1000) {
        t->step = now - t->last;
    }

    t->last = now;
    t->shown = ngx_max(t->shown, now + composition);
    t->frames++;

    clock->base = ngx_min(clock->base, arrival - now);

    if (now >= clock->newest) {
        clock->newest = now;
        clock->arrived = arrival;
    }

    *time = now;

    return event;
}


/* whether a timestamp is more than 10 s away from its track's last one */
static ngx_inline ngx_uint_t
ngx_recording_clock_far(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp)
{
    int32_t                       step;
    ngx_recording_clock_track_t  *t;

    t = &clock->tracks[track];
    step = (int32_t) (timestamp - (uint32_t) t->raw);

    return t->frames && (step > NGX_RECORDING_CLOCK_JUMP
                         || step < -NGX_RECORDING_CLOCK_JUMP);
}


/*
 * Whether the timestamp of the track's next frame is not: then the one that
 * is far is a mistake, and *instead is what it should have been.
 */
ngx_uint_t ngx_recording_clock_alone(ngx_recording_clock_t *clock,
    ngx_uint_t track, uint32_t next, uint32_t *instead);


#endif /* _NGX_RECORDING_CLOCK_H_INCLUDED_ */
