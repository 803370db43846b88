
#include "ngx_recording_clock.h"


#define NGX_RECORDING_CLOCK_STEP  20        /* ms, if there was none yet */


static void ngx_recording_clock_first(ngx_recording_clock_t *clock,
    ngx_uint_t track, uint32_t timestamp);
static void ngx_recording_clock_adopt(ngx_recording_clock_t *clock,
    ngx_recording_clock_track_t *t);
static ngx_inline ngx_uint_t ngx_recording_clock_near(int64_t distance);


int64_t
ngx_recording_clock_advance(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp, ngx_recording_clock_e *event)
{
    int64_t                       time, distance;
    ngx_recording_clock_track_t  *t;

    *event = NGX_RECORDING_CLOCK_STEADY;

    t = &clock->tracks[track];

    if (!t->seen) {
        ngx_recording_clock_first(clock, track, timestamp);
        return t->last;
    }

    /* the difference has 32 bits and a sign: that is the wrap */

    t->raw += (int32_t) (timestamp - (uint32_t) t->raw);

    ngx_recording_clock_adopt(clock, t);

    time = t->raw + t->offset;
    distance = time - t->last;

    if (ngx_recording_clock_near(distance)) {

        if (distance > 0 && distance < 1000) {
            t->step = distance;
        }

        t->last = time;

        return time;
    }

    /* right after the last frame, and so for all tracks */

    *event = (distance < 0 && distance >= -NGX_RECORDING_CLOCK_JUMP)
             ? NGX_RECORDING_CLOCK_BACK : NGX_RECORDING_CLOCK_JUMPED;

    t->last += t->step;
    t->offset = t->last - t->raw;
    t->epoch = ++clock->epoch;

    clock->offset = t->offset;
    clock->jump = distance;
    clock->back = (*event == NGX_RECORDING_CLOCK_BACK);

    return t->last;
}


static void
ngx_recording_clock_first(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp)
{
    ngx_recording_clock_track_t  *t, *other;

    t = &clock->tracks[track];
    other = &clock->tracks[!track];

    if (other->seen) {
        t->raw = other->raw + (int32_t) (timestamp - (uint32_t) other->raw);
        t->offset = other->offset;
        t->epoch = other->epoch;
        t->last = t->raw + t->offset;

        if (t->last < other->last - NGX_RECORDING_CLOCK_JUMP
            || t->last > other->last + NGX_RECORDING_CLOCK_JUMP)
        {
            /* a track that comes late, with a clock of its own */

            t->last = other->last;
            t->offset = t->last - t->raw;
            t->epoch = clock->epoch;
        }

    } else {
        t->raw = timestamp;
        t->offset = -t->raw;
        t->last = 0;

        clock->offset = t->offset;
    }

    t->step = NGX_RECORDING_CLOCK_STEP;
    t->since = t->last;
    t->seen = 1;
}


/*
 * The offset that the other track made is taken if it fits better than the
 * own one.
 */

static void
ngx_recording_clock_adopt(ngx_recording_clock_t *clock,
    ngx_recording_clock_track_t *t)
{
    int64_t  own, other;

    if (t->epoch == clock->epoch) {
        t->since = t->last;
        return;
    }

    own = t->raw + t->offset - t->last;
    other = t->raw + clock->offset - t->last;

    if (ngx_recording_clock_near(own)
        && !(clock->back
             && t->last - t->since > NGX_RECORDING_CLOCK_ADOPT
             && ngx_recording_clock_near(other)))
    {
        return;
    }

    if (other < -NGX_RECORDING_CLOCK_JUMP || other > NGX_RECORDING_CLOCK_JUMP) {
        return;
    }

    t->offset = clock->offset;
    t->epoch = clock->epoch;

    if (other < 0) {

        /* the offset is right all the same, only this frame comes early */

        t->last += other;
    }
}


static ngx_inline ngx_uint_t
ngx_recording_clock_near(int64_t distance)
{
    return distance >= 0 && distance <= NGX_RECORDING_CLOCK_JUMP;
}
