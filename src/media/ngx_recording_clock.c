
#include "ngx_recording_clock.h"


#define NGX_RECORDING_CLOCK_STEP   20       /* ms, if there was none yet */
#define NGX_RECORDING_CLOCK_LAG    3000     /* ms, between tracks that run */
#define NGX_RECORDING_CLOCK_SLACK  2000     /* ms, and an eighth */
#define NGX_RECORDING_CLOCK_RATE   1000     /* ms that tell a rate */
#define NGX_RECORDING_CLOCK_FED    2000     /* ms of stream that tell one */
#define NGX_RECORDING_CLOCK_FAST   5        /* times real time, at least */


static void ngx_recording_clock_first(ngx_recording_clock_t *clock,
    ngx_uint_t track, uint32_t timestamp);
static int64_t ngx_recording_clock_time(ngx_recording_clock_t *clock,
    ngx_uint_t track, int32_t composition, int64_t arrival,
    ngx_recording_clock_e *event);
static void ngx_recording_clock_adopt(ngx_recording_clock_t *clock,
    ngx_recording_clock_track_t *t);
static int64_t ngx_recording_clock_back(ngx_recording_clock_t *clock,
    ngx_recording_clock_track_t *t, int32_t composition);
static ngx_uint_t ngx_recording_clock_passed(ngx_recording_clock_t *clock,
    int64_t time, int64_t arrival);
static int64_t ngx_recording_clock_close(ngx_recording_clock_t *clock,
    ngx_uint_t track, int32_t composition);
static void ngx_recording_clock_move(ngx_recording_clock_t *clock,
    ngx_recording_clock_track_t *t, int64_t time, ngx_uint_t back);


ngx_recording_clock_e
ngx_recording_clock_look(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp, int32_t composition, int64_t arrival, int64_t *time)
{
    ngx_uint_t                    begins;
    ngx_recording_clock_e         event;
    ngx_recording_clock_track_t  *t;

    t = &clock->tracks[track];
    event = NGX_RECORDING_CLOCK_STEADY;

    if (t->frames == 0) {
        ngx_recording_clock_first(clock, track, timestamp);
        t->shown = t->last;
        *time = t->last;
        begins = (clock->tracks[!track].frames == 0);

    } else {
        *time = ngx_recording_clock_time(clock, track, composition, arrival,
                                         &event);

        begins = event == NGX_RECORDING_CLOCK_PAUSED
                 || event == NGX_RECORDING_CLOCK_JUMPED;
    }

    if (begins) {
        clock->base = arrival - *time;
        clock->began = *time;
        clock->began_at = arrival;
        clock->newest = *time;
        clock->arrived = arrival;
    }

    return event;
}


ngx_uint_t
ngx_recording_clock_alone(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t next, uint32_t *instead)
{
    int64_t                       after;
    ngx_recording_clock_track_t  *t;

    t = &clock->tracks[track];
    after = (int32_t) (next - (uint32_t) t->raw);

    if (!ngx_recording_clock_near(after)) {
        return 0;
    }

    *instead = (uint32_t) (t->raw + ngx_min(t->step, after));

    return 1;
}


static void
ngx_recording_clock_first(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp)
{
    ngx_recording_clock_track_t  *t, *other;

    t = &clock->tracks[track];
    other = &clock->tracks[!track];

    t->step = NGX_RECORDING_CLOCK_STEP;

    if (other->frames == 0) {
        t->raw = timestamp;
        t->last = 0;
        t->offset = -t->raw;
        t->since = 0;

        clock->offset = t->offset;

        return;
    }

    t->raw = other->raw + (int32_t) (timestamp - (uint32_t) other->raw);
    t->offset = other->offset;
    t->last = t->raw + t->offset;

    if (t->last < clock->newest - NGX_RECORDING_CLOCK_JUMP
        || t->last > clock->newest + NGX_RECORDING_CLOCK_JUMP)
    {
        /* a track that comes late, with a clock of its own */

        t->last = clock->newest;
        t->offset = t->last - t->raw;

        if (other->frames == 1) {

            /* or it was the other one's first frame that had that */

            clock->offset = t->offset;
        }
    }

    t->since = t->last;
}


static int64_t
ngx_recording_clock_time(ngx_recording_clock_t *clock, ngx_uint_t track,
    int32_t composition, int64_t arrival, ngx_recording_clock_e *event)
{
    int64_t                       time, distance, shared;
    ngx_recording_clock_track_t  *t;

    t = &clock->tracks[track];

    ngx_recording_clock_adopt(clock, t);

    time = t->raw + t->offset;
    distance = time - t->last;

    if (distance < 0 && distance >= -NGX_RECORDING_CLOCK_JUMP) {

        if (t->early) {
            return t->last;
        }

        *event = t->back ? NGX_RECORDING_CLOCK_STEADY
                         : NGX_RECORDING_CLOCK_BACK;

        return ngx_recording_clock_back(clock, t, composition);
    }

    t->back = 0;
    t->early = 0;

    if (distance >= 0
        && (distance <= NGX_RECORDING_CLOCK_JUMP
            || time <= clock->newest + NGX_RECORDING_CLOCK_JUMP))
    {
        return time;
    }

    /* a clock of its own may have been a mistake */

    shared = t->raw + clock->offset;

    if (shared >= clock->newest - NGX_RECORDING_CLOCK_JUMP
        && shared <= clock->newest + NGX_RECORDING_CLOCK_JUMP)
    {
        t->offset = clock->offset;
        return ngx_max(shared, t->last);
    }

    clock->jump = distance;

    if (distance > 0 && ngx_recording_clock_passed(clock, time, arrival)) {

        if (time - clock->newest <= NGX_RECORDING_CLOCK_PAUSE) {
            return time;
        }

        clock->jump = time - clock->newest;
        *event = NGX_RECORDING_CLOCK_PAUSED;

    } else if (t->frames > 1) {
        *event = NGX_RECORDING_CLOCK_JUMPED;
    }

    time = ngx_recording_clock_close(clock, track, composition);
    ngx_recording_clock_move(clock, t, time, 0);

    return time;
}


/* the offset that the other track made is taken if it fits better */

static void
ngx_recording_clock_adopt(ngx_recording_clock_t *clock,
    ngx_recording_clock_track_t *t)
{
    int64_t  own, shared, ahead;

    if (t->offset == clock->offset) {
        t->since = t->last;
        return;
    }

    own = t->raw + t->offset - t->last;
    shared = t->raw + clock->offset - t->last;
    ahead = clock->newest - t->last;

    if (ngx_recording_clock_near(own)) {

        if (!clock->back
            || t->last - t->since <= NGX_RECORDING_CLOCK_ADOPT
            || !ngx_recording_clock_near(shared))
        {
            return;
        }

    } else if (llabs(shared) > NGX_RECORDING_CLOCK_JUMP
               || llabs(shared) >= llabs(own))
    {
        /* or it was silent meanwhile */

        if (own < 0 || shared < 0
            || llabs(shared - ahead) > NGX_RECORDING_CLOCK_JUMP
            || llabs(shared - ahead) >= llabs(own - ahead))
        {
            return;
        }
    }

    t->offset = clock->offset;
    t->back = 0;

    /* the offset is right, only the frame comes early */

    t->early = (shared < 0);
}


/* a step back is not followed, unless it was a step to another line */

static int64_t
ngx_recording_clock_back(ngx_recording_clock_t *clock,
    ngx_recording_clock_track_t *t, int32_t composition)
{
    int64_t  time;

    if (!t->back) {
        t->back = 1;
        t->line = t->raw;

        /* nothing is shown before what was shown already */

        t->behind = ngx_max(t->last + t->step,
                            t->shown + t->step - composition);
        clock->jump = t->raw + t->offset - t->last;
        t->far = (clock->jump < -NGX_RECORDING_CLOCK_LINE);
    }

    t->line = ngx_min(t->line, t->raw);

    time = t->behind + t->raw - t->line;

    if (t->raw - t->line < NGX_RECORDING_CLOCK_LINE) {
        return t->far ? ngx_max(time, t->last + 1) : t->last + 1;
    }

    time = ngx_max(time, t->last);

    t->back = 0;
    ngx_recording_clock_move(clock, t, time, 1);

    return time;
}


/*
 * Whether a timestamp that is far ahead tells the truth: a frame is not
 * there before it was made, as seen from the frame that took the shortest
 * way here.  A publisher that is faster than real time is measured by its
 * own rate.
 */

static ngx_uint_t
ngx_recording_clock_passed(ngx_recording_clock_t *clock, int64_t time,
    int64_t arrival)
{
    int64_t  hole, slack, elapsed, fed, took;

    hole = time - clock->newest;
    slack = NGX_RECORDING_CLOCK_SLACK + hole / 8;

    if (arrival - clock->base >= time - slack) {
        return 1;
    }

    elapsed = arrival - clock->arrived;
    fed = clock->newest - clock->began;
    took = clock->arrived - clock->began_at;

    if (hole <= NGX_RECORDING_CLOCK_PAUSE && elapsed >= 0
        && fed >= NGX_RECORDING_CLOCK_FED
        && fed / NGX_RECORDING_CLOCK_FAST >= arrival - clock->began_at)
    {
        /* of a file that is sent as fast as it goes, arrival tells nothing */

        return 1;
    }

    return took >= NGX_RECORDING_CLOCK_RATE && elapsed > 0
           && (double) elapsed * fed >= (double) (hole - slack) * took;
}


/* one frame after all that was shown, as far as both tracks run together */

static int64_t
ngx_recording_clock_close(ngx_recording_clock_t *clock, ngx_uint_t track,
    int32_t composition)
{
    int64_t                       time, after;
    ngx_recording_clock_track_t  *t, *other;

    t = &clock->tracks[track];
    other = &clock->tracks[!track];

    time = ngx_max(t->last + t->step, t->shown + t->step - composition);

    if (other->frames == 0) {
        return time;
    }

    /* the other one went on while this one was silent, or shows more */

    if (other->last - t->last > NGX_RECORDING_CLOCK_LAG) {
        time = ngx_max(time, other->last + other->step);
    }

    after = other->shown + other->step;

    if (other->shown > other->last
        && after > time && after - time < NGX_RECORDING_CLOCK_LAG)
    {
        time = after;
    }

    return time;
}


static void
ngx_recording_clock_move(ngx_recording_clock_t *clock,
    ngx_recording_clock_track_t *t, int64_t time, ngx_uint_t back)
{
    t->offset = time - t->raw;
    clock->offset = t->offset;
    clock->back = back;
}
