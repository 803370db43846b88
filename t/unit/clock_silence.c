
/*
 * Stream time of what is no jump: silence of one track or both, a first
 * frame from another world, steps back that come again and again.
 */


#include "tap.h"
#include "ngx_recording_clock.h"


#define HOUR  3600000


static int64_t clock_advance(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp, ngx_recording_clock_e *event);
static void clock_silence(void);
static void clock_hole(void);
static void clock_first(void);
static void clock_steps(void);
static void clock_shown(void);
static void clock_restart(void);


int
main(void)
{
    clock_silence();
    clock_hole();
    clock_first();
    clock_steps();
    clock_shown();
    clock_restart();

    return tap_done();
}


/* without composition times, and nothing tells that time passes */

static int64_t
clock_advance(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp, ngx_recording_clock_e *event)
{
    int64_t  time;

    *event = ngx_recording_clock_advance(clock, track, timestamp, 0, 0, &time);

    return time;
}


/* one track is silent for a while, the other one goes on */

static void
clock_silence(void)
{
    int64_t                time;
    ngx_uint_t             i, j, silent, wrong, events;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    static const ngx_uint_t  ms[] = { 9000, 12000, 70000, 3600000 };

    for (j = 0; j < 2 * sizeof(ms) / sizeof(ms[0]); j++) {

        silent = j % 2;
        wrong = events = 0;

        ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

        for (i = 0; i < ms[j / 2] / 40 + 1000; i++) {

            if (i % 2 == silent && i / 2 >= 100
                && i / 2 < 100 + ms[j / 2] / 40)
            {
                continue;
            }

            time = clock_advance(&clock, i % 2, i / 2 * 40, &event);

            wrong += time != (int64_t) (i / 2 * 40);
            events += event != NGX_RECORDING_CLOCK_STEADY;
        }

        is(wrong, 0, "%s silent for %d ms", silent ? "audio" : "video",
           (int) ms[j / 2]);
        is(events, 0, "that is no event");
    }
}


/* both are: only the time of arrival tells a silence from a jump */

static void
clock_hole(void)
{
    int64_t                time, at, arrival;
    ngx_uint_t             i, j;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    static const struct {
        const char            *name;
        int64_t                hole;           /* of timestamps, ms */
        int64_t                passed;         /* meanwhile */
        int64_t                rate;
        ngx_recording_clock_e  event;
    } tests[] = {
        { "15 s that passed", 15000, 15000, 1, NGX_RECORDING_CLOCK_STEADY },
        { "60 s that passed", 60000, 60000, 1, NGX_RECORDING_CLOCK_STEADY },
        { "15 s, and more passed", 15000, 40000, 1,
          NGX_RECORDING_CLOCK_STEADY },
        { "15 s in a moment", 15000, 40, 1, NGX_RECORDING_CLOCK_JUMPED },
        { "an hour in 15 s", HOUR, 15000, 1, NGX_RECORDING_CLOCK_JUMPED },
        { "15 s, and the clock was set back", 15000, -600000, 1,
          NGX_RECORDING_CLOCK_JUMPED },
        { "15 s of a publisher of four times the rate", 15000, 3750, 4,
          NGX_RECORDING_CLOCK_STEADY },
        { "15 s in a moment, at four times the rate", 15000, 10, 4,
          NGX_RECORDING_CLOCK_JUMPED },
        { "15 s of a file that is sent as fast as it goes", 15000, 0, 1000,
          NGX_RECORDING_CLOCK_STEADY },
        { "60 s of one", 60000, 0, 1000, NGX_RECORDING_CLOCK_STEADY },
        { "61 s of one", 61000, 0, 1000, NGX_RECORDING_CLOCK_JUMPED },
        { "61 s that passed", 61000, 61000, 1, NGX_RECORDING_CLOCK_PAUSED },
        { "two hours that passed", 2 * HOUR, 2 * HOUR, 1,
          NGX_RECORDING_CLOCK_PAUSED },
    };

    for (j = 0; j < sizeof(tests) / sizeof(tests[0]); j++) {

        ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

        arrival = 1000000;

        for (i = 0; i < 500; i++) {
            (void) ngx_recording_clock_advance(&clock, i % 2, i / 2 * 40, 0,
                                               arrival
                                               + i / 2 * 40 / tests[j].rate,
                                               &time);
        }

        at = i / 2 * 40 - 40 + tests[j].hole;
        arrival += (i / 2 * 40 - 40) / tests[j].rate + tests[j].passed;

        event = ngx_recording_clock_advance(&clock, NGX_RECORDING_VIDEO,
                                            (uint32_t) at, 0, arrival, &time);

        is(event, tests[j].event, "%s", tests[j].name);
        is(time, event == NGX_RECORDING_CLOCK_STEADY
                 ? at : (int64_t) (i / 2 * 40),
           "and where it is put");

        event = ngx_recording_clock_advance(&clock, NGX_RECORDING_AUDIO,
                                            (uint32_t) at, 0, arrival, &time);

        is(event, NGX_RECORDING_CLOCK_STEADY, "the other track follows");
        is(time, clock.tracks[NGX_RECORDING_VIDEO].last, "to the same place");
    }
}


/* the first frame of a track has a clock of another world */

static void
clock_first(void)
{
    int64_t                time;
    uint32_t               raw;
    ngx_uint_t             i, track, frame, wrong, events;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    for (track = 0; track < NGX_RECORDING_TRACKS; track++) {

        wrong = events = 0;

        ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

        for (i = 0; i < 200; i++) {

            frame = i / 2;
            raw = frame == 0 && i % 2 == track ? 100000000 : 23 + frame * 40;

            time = clock_advance(&clock, i % 2, raw, &event);

            wrong += llabs(time - (int64_t) frame * 40) > 40;
            events += event != NGX_RECORDING_CLOCK_STEADY;
        }

        is(wrong, 0, "the first frame of %s is from another world",
           track ? "audio" : "video");
        is(events, 0, "that is no event");
    }
}


/* steps back that come again and again do not lengthen a stream */

static void
clock_steps(void)
{
    int64_t                time, last;
    ngx_uint_t             i;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    /* P-frames three frames ahead, as a PTS that is sent for the DTS */

    static const uint32_t  order[] = { 3, 1, 2 };

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

    for (i = 0, time = 0; i < 1500; i++) {
        last = time;
        time = clock_advance(&clock, NGX_RECORDING_VIDEO,
                             (i / 3 * 3 + order[i % 3]) * 40, &event);

        if (time < last) {
            break;
        }
    }

    is(i, 1500, "presentation times for timestamps: never back");
    ok(llabs(time - 1500 * 40) < 200, "and as long as it was");

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

    for (i = 0; i < 1500; i++) {
        time = clock_advance(&clock, NGX_RECORDING_VIDEO,
                             i * 40 - (i % 25 == 5 ? 100 : 0), &event);
    }

    is(time, 1499 * 40, "a step back each second");

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

    for (i = 0; i < 1500; i++) {
        time = clock_advance(&clock, NGX_RECORDING_AUDIO,
                             i * 20 - (i % 2 ? 21 : 0), &event);
    }

    ok(llabs(time - 1499 * 20) < 200, "jitter in each other frame");
}


/* what is closed begins after the highest presentation time */

static void
clock_shown(void)
{
    int64_t                time;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

    (void) ngx_recording_clock_advance(&clock, 0, 0, 80, 0, &time);
    (void) ngx_recording_clock_advance(&clock, 0, 40, 320, 40, &time);
    (void) ngx_recording_clock_advance(&clock, 0, 80, 0, 80, &time);

    event = ngx_recording_clock_advance(&clock, 0, HOUR, 80, 120, &time);

    is(event, NGX_RECORDING_CLOCK_JUMPED, "a jump with B-frames");
    is(time + 80, 40 + 320 + 40, "one frame after what was shown");
}


/* a clock that restarts, and what came last is shown late */

static void
clock_restart(void)
{
    int64_t                time;
    ngx_uint_t             i;
    ngx_recording_clock_t  clock;

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

    for (i = 0; i < 25; i++) {
        (void) ngx_recording_clock_advance(&clock, 0, i * 40, 120, i * 40,
                                           &time);
    }

    time = 0;

    for (i = 0; i < 14; i++) {
        (void) ngx_recording_clock_advance(&clock, 0, i * 40, 40,
                                           (25 + i) * 40, &time);
    }

    /* as far as the line is known to go on */

    is(time + 40 - 13 * 40, 24 * 40 + 120 + 40,
       "a step back begins one frame after what was shown");
}
