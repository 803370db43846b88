
/*
 * Stream time of a publisher whose clock wraps, restarts, jumps and goes
 * backwards, with audio and video up to a second apart on the wire.
 */


#include "tap.h"
#include "ngx_recording_clock.h"


#define CLOCK_FRAMES   20000
#define CLOCK_SETTLED  3000          /* ms after a jump */
#define CLOCK_RIGHT    50            /* ms that audio and video may be off */
#define CLOCK_JUMPS    8


/* the publisher's clock changes by so much at a time */

typedef struct {
    int64_t                 at;            /* ms */
    int64_t                 by;
} clock_jump_t;


typedef struct {
    const char             *name;
    int64_t                 start;         /* the first timestamp */
    int64_t                 length;        /* ms */
    clock_jump_t            jumps[CLOCK_JUMPS];
    ngx_uint_t              back;          /* events of a track */
    ngx_uint_t              jumped;
} clock_test_t;


typedef struct {
    ngx_uint_t              track;
    int64_t                 media;         /* when it was taken, ms */
    int64_t                 arrival;       /* when it is sent */
    uint32_t                timestamp;
    int64_t                 since;         /* the last jump */
    ngx_uint_t              n;             /* jumps before it */
} clock_frame_t;


/* how audio and video come */

typedef struct {
    const char             *name;
    double                  video;         /* ms a frame */
    double                  audio;
    int64_t                 late;          /* audio, ms */
    ngx_uint_t              wire;          /* the clock of the wire jumps,
                                              not that of the media */
} clock_shape_t;


static int64_t clock_advance(ngx_recording_clock_t *clock, ngx_uint_t track,
    uint32_t timestamp, ngx_recording_clock_e *event);
static void clock_tests_run(void);
static void clock_run(const clock_test_t *t, const clock_shape_t *s);
static ngx_uint_t clock_frames(clock_frame_t *frames, const clock_test_t *t,
    const clock_shape_t *s);
static void clock_stamp(clock_frame_t *frame, const clock_test_t *t,
    const clock_shape_t *s);
static int clock_compare(const void *one, const void *two);
static void clock_gap(void);
static void clock_equal(void);
static void clock_jitter(void);
static void clock_one_track(void);
static void clock_late_track(void);
static void clock_early_audio(void);
static void clock_stall(void);
static void clock_alone(void);
static void clock_reordered(void);
static void clock_random(void);


#define HOUR  3600000
#define WRAP  ((int64_t) 1 << 32)


static const clock_test_t  clock_tests[] = {
    { "nothing happens", 0, 20000, { { 0, 0 } }, 0, 0 },
    { "starts at an hour", HOUR, 20000, { { 0, 0 } }, 0, 0 },
    { "wraps past 2^32", WRAP - 5000, 20000, { { 0, 0 } }, 0, 0 },
    { "wraps past 2^32 at its first frame", WRAP - 1, 20000, { { 0, 0 } },
      0, 0 },
    { "past 2^31", WRAP / 2 - 5000, 20000, { { 0, 0 } }, 0, 0 },

    { "an hour forward", 0, 30000, { { 10000, HOUR } }, 0, 1 },
    { "an hour back", 2 * HOUR, 30000, { { 10000, -HOUR } }, 0, 1 },
    { "an hour back past 0", HOUR / 2, 30000, { { 10000, -HOUR } }, 0, 1 },
    { "a restart at 0", 7 * HOUR, 30000, { { 10000, -7 * HOUR - 10000 } },
      0, 1 },
    { "two seconds back", 0, 30000, { { 10000, -2000 } }, 1, 0 },
    { "two seconds back past 0", 0, 30000, { { 1200, -2000 } }, 1, 0 },
    { "seven tenths of a second back", 0, 30000, { { 10000, -700 } }, 1, 0 },
    { "nearly ten seconds back", 0, 40000, { { 20000, -9900 } }, 1, 0 },
    { "eleven seconds back", 0, 40000, { { 20000, -11000 } }, 0, 1 },
    { "eleven seconds forward", 0, 40000, { { 20000, 11000 } }, 0, 1 },
    { "24 days forward", 0, 30000, { { 10000, 2100000000 } }, 0, 1 },
    { "24 days back", 0, 30000, { { 10000, -2100000000 } }, 0, 1 },

    { "two seconds back, twice", 0, 40000,
      { { 10000, -2000 }, { 20000, -2000 } }, 2, 0 },
    { "two seconds back, twice in a moment", 0, 40000,
      { { 10000, -2000 }, { 11500, -2000 } }, 2, 0 },
    { "an hour forward and back", 0, 50000,
      { { 10000, HOUR }, { 25000, -HOUR } }, 0, 2 },
    { "an hour back and forward in a moment", 2 * HOUR, 50000,
      { { 10000, -HOUR }, { 11500, HOUR } }, 0, 2 },
    { "two seconds back, then an hour forward", 0, 50000,
      { { 10000, -2000 }, { 20000, HOUR } }, 1, 1 },
    { "an hour forward, then two seconds back", 0, 50000,
      { { 10000, HOUR }, { 20000, -2000 } }, 1, 1 },
    { "a wrap, then an hour back", WRAP - 5000, 40000,
      { { 15000, -HOUR } }, 0, 1 },
};


static const clock_shape_t  clock_shapes[] = {
    { "25 fps", 40, 1024 / 48.0, 0, 0 },
    { "30 fps, audio 300 ms late", 100 / 3.0, 1024 / 48.0, 300, 0 },
    { "30 fps, audio 300 ms early", 100 / 3.0, 1024 / 48.0, -300, 0 },
    { "60 fps, audio 1 s late", 50 / 3.0, 1024 / 44.1, 1000, 0 },
    { "60 fps, audio 1 s early", 50 / 3.0, 1024 / 44.1, -1000, 0 },
    { "25 fps, the wire's clock", 40, 1024 / 48.0, 0, 1 },
    { "25 fps, audio 1 s late, the wire's clock", 40, 1024 / 48.0, 1000, 1 },
    { "25 fps, audio 1 s early, the wire's clock", 40, 1024 / 48.0, -1000,
      1 },
    { "10 fps, audio of 60 ms", 100, 60, 200, 0 },
};


int
main(void)
{
    clock_tests_run();
    clock_gap();
    clock_equal();
    clock_jitter();
    clock_one_track();
    clock_late_track();
    clock_early_audio();
    clock_stall();
    clock_alone();
    clock_reordered();
    clock_random();

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


static void
clock_tests_run(void)
{
    ngx_uint_t  i, j;

    for (i = 0; i < sizeof(clock_tests) / sizeof(clock_tests[0]); i++) {
        for (j = 0; j < sizeof(clock_shapes) / sizeof(clock_shapes[0]); j++) {
            clock_run(&clock_tests[i], &clock_shapes[j]);
        }
    }
}


static void
clock_run(const clock_test_t *t, const clock_shape_t *s)
{
    int64_t                time, worst, away;
    int64_t                last[NGX_RECORDING_TRACKS];
    int64_t                offset[NGX_RECORDING_TRACKS];
    ngx_uint_t             i, n, track, backwards, back, jumped;
    ngx_uint_t             settled[NGX_RECORDING_TRACKS];
    clock_frame_t         *f;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    static clock_frame_t  frames[CLOCK_FRAMES];

    n = clock_frames(frames, t, s);

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));
    ngx_memzero(settled, sizeof(settled));

    last[0] = last[1] = INT64_MIN;
    offset[0] = offset[1] = 0;
    backwards = back = jumped = 0;
    worst = 0;
    away = 0;

    for (i = 0; i < n; i++) {
        f = &frames[i];
        track = f->track;

        event = ngx_recording_clock_advance(&clock, track, f->timestamp, 0,
                                            f->arrival, &time);

        backwards += time < last[track];
        last[track] = time;

        back += event == NGX_RECORDING_CLOCK_BACK;
        jumped += event == NGX_RECORDING_CLOCK_JUMPED;

        /* the first frame of all is at 0 */

        offset[track] = time - (f->media - frames[0].media);
        settled[track] = f->n == 0 || f->since > CLOCK_SETTLED;

        if (!settled[0] || !settled[1]) {
            continue;
        }

        worst = ngx_max(worst, llabs(offset[0] - offset[1]));
        away = ngx_max(away, llabs(offset[track]));
    }

    ok(backwards == 0, "%s, %s: never backwards", t->name, s->name);

    if (!ok(worst <= CLOCK_RIGHT, "%s, %s: audio and video in step", t->name,
            s->name))
    {
        diag("%lld ms off", (long long) worst);
    }

    if (!ok(away <= 120 * (int64_t) (t->back + t->jumped),
            "%s, %s: time passes as it does", t->name, s->name))
    {
        diag("%lld ms away", (long long) away);
    }

    /* at least one track tells, each at most once */

    if (!ok(back >= t->back && back <= 2 * t->back
            && jumped >= t->jumped && jumped <= 2 * t->jumped,
            "%s, %s: events", t->name, s->name))
    {
        diag("%d back, %d jumped", (int) back, (int) jumped);
    }
}


/* the frames of a test in the order of the wire */

static ngx_uint_t
clock_frames(clock_frame_t *frames, const clock_test_t *t,
    const clock_shape_t *s)
{
    double          at, step;
    ngx_uint_t      n, track;
    clock_frame_t  *f;

    n = 0;

    for (track = 0; track < NGX_RECORDING_TRACKS; track++) {

        step = track == NGX_RECORDING_VIDEO ? s->video : s->audio;

        for (at = 0; at < t->length && n < CLOCK_FRAMES; at += step) {
            f = &frames[n++];

            f->track = track;
            f->media = (int64_t) (at + 0.5);
            f->arrival = f->media
                         + (track == NGX_RECORDING_AUDIO ? s->late : 0);

            clock_stamp(f, t, s);
        }
    }

    qsort(frames, n, sizeof(clock_frame_t), clock_compare);

    return n;
}


static void
clock_stamp(clock_frame_t *f, const clock_test_t *t, const clock_shape_t *s)
{
    int64_t     at, timestamp;
    ngx_uint_t  i;

    timestamp = t->start + f->media;
    at = s->wire ? f->arrival : f->media;

    f->n = 0;
    f->since = 0;

    for (i = 0; i < CLOCK_JUMPS && t->jumps[i].by; i++) {
        if (at >= t->jumps[i].at) {
            timestamp += t->jumps[i].by;
            f->since = at - t->jumps[i].at;
            f->n++;
        }
    }

    f->timestamp = (uint32_t) timestamp;
}


static int
clock_compare(const void *one, const void *two)
{
    const clock_frame_t  *a, *b;

    a = one;
    b = two;

    if (a->arrival != b->arrival) {
        return a->arrival < b->arrival ? -1 : 1;
    }

    if (a->track != b->track) {
        return a->track < b->track ? -1 : 1;
    }

    return a->media < b->media ? -1 : a->media > b->media;
}


/* up to ten seconds forward are a pause, and stay one */

static void
clock_gap(void)
{
    int64_t                video, audio;
    ngx_uint_t             i;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event[2];

    static const uint32_t  gaps[] = { 1000, 5000, 10000 };

    for (i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
        ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

        (void) clock_advance(&clock, 0, 40, &event[0]);
        (void) clock_advance(&clock, 1, 40, &event[0]);

        video = clock_advance(&clock, 0, 40 + gaps[i],
                                            &event[0]);
        audio = clock_advance(&clock, 1, 40 + gaps[i],
                                            &event[1]);

        ok(video == gaps[i] && audio == gaps[i]
           && event[0] == NGX_RECORDING_CLOCK_STEADY
           && event[1] == NGX_RECORDING_CLOCK_STEADY,
           "a pause of %d ms stays one", (int) gaps[i]);
    }
}


static void
clock_equal(void)
{
    int64_t                time;
    ngx_uint_t             i, events, wrong;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

    events = 0;
    wrong = 0;

    for (i = 0; i < 300; i++) {
        time = clock_advance(&clock, i % 2, 40 * (i / 6),
                                           &event);

        events += event != NGX_RECORDING_CLOCK_STEADY;
        wrong += time != (int64_t) (40 * (i / 6));
    }

    is(events, 0, "equal timestamps are no event");
    is(wrong, 0, "and stay equal");
}


/* one frame goes back now and then, on one track */

static void
clock_jitter(void)
{
    int64_t                time, raw, last[2], off[2], worst;
    ngx_uint_t             i, track, backwards, settled;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    for (track = 0; track < NGX_RECORDING_TRACKS; track++) {

        ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

        last[0] = last[1] = 0;
        off[0] = off[1] = 0;
        worst = 0;
        backwards = 0;
        settled = 0;

        for (i = 0; i < 60 * 50; i++) {
            raw = (int64_t) (i / 2) * 40;

            if (i % 2 == track && i > 500 && (i / 2) % 250 == 0) {
                raw -= 60;
                settled = i + 50 * CLOCK_SETTLED / 1000;
            }

            time = clock_advance(&clock, i % 2, (uint32_t) raw,
                                               &event);

            backwards += time < last[i % 2];
            last[i % 2] = time;
            off[i % 2] = time - raw;

            if (i > settled) {
                worst = ngx_max(worst, llabs(off[0] - off[1]));
            }
        }

        is(backwards, 0, "jitter on %s: never backwards",
           track ? "audio" : "video");

        if (!ok(worst <= CLOCK_RIGHT, "jitter on %s: in step",
                track ? "audio" : "video"))
        {
            diag("%lld ms off", (long long) worst);
        }
    }
}


/*
 * Only one track jumps.  Forward: it is put right after its last frame, and
 * the other one stays where it is.  Back: the offset is for both, so that
 * the timestamps keep telling what belongs together.
 */

static void
clock_one_track(void)
{
    int64_t                time, raw, last[2], off[2];
    ngx_uint_t             i, j, track, backwards;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    static const int64_t  jumps[] = { HOUR, -2000, -HOUR };

    for (j = 0; j < 2 * sizeof(jumps) / sizeof(jumps[0]); j++) {

        track = j % 2;
        backwards = 0;

        ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

        last[0] = last[1] = 0;
        off[0] = off[1] = 0;

        for (i = 0; i < 1000; i++) {
            raw = 2 * HOUR + (int64_t) (i / 2) * 40;

            if (i % 2 == track && i >= 500) {
                raw += jumps[j / 2];
            }

            time = clock_advance(&clock, i % 2, (uint32_t) raw,
                                               &event);

            backwards += time < last[i % 2];
            last[i % 2] = time;
            off[i % 2] = time - raw;
        }

        is(backwards, 0, "%s alone jumps by %lld ms: never backwards",
           track ? "audio" : "video", (long long) jumps[j / 2]);

        if (jumps[j / 2] == -2000) {
            is(off[0], off[1], "the offset is for both in the end");

        } else {
            ok(last[0] - last[1] < 100 && last[1] - last[0] < 100,
               "the other track stays");
        }
    }
}


/* a track that comes late: in the clock of the other, or in its own */

static void
clock_late_track(void)
{
    int64_t                time;
    ngx_uint_t             i, j;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    static const struct {
        const char  *name;
        uint32_t     first;            /* audio's first timestamp */
        int64_t      wanted;
    } tests[] = {
        { "in step", 20000, 20000 },
        { "a second early", 19000, 19000 },
        { "a second late", 21000, 21000 },
        { "from 0 on", 0, 20000 },
        { "an hour ahead", HOUR, 20000 },
    };

    for (j = 0; j < sizeof(tests) / sizeof(tests[0]); j++) {
        ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

        for (i = 0; i <= 500; i++) {
            (void) clock_advance(&clock, NGX_RECORDING_VIDEO,
                                               (uint32_t) i * 40, &event);
        }

        time = clock_advance(&clock, NGX_RECORDING_AUDIO,
                                           tests[j].first, &event);

        is(time, tests[j].wanted, "audio comes late, %s", tests[j].name);
        is(event, NGX_RECORDING_CLOCK_STEADY, "that is no jump");

        time = clock_advance(&clock, NGX_RECORDING_AUDIO,
                                           tests[j].first + 1000, &event);

        is(time, tests[j].wanted + 1000, "and it goes on");

        time = clock_advance(&clock, NGX_RECORDING_VIDEO,
                                           501 * 40, &event);

        is(time, 501 * 40, "video does not care");
    }
}


/* audio from before the first video frame has a negative time */

static void
clock_early_audio(void)
{
    int64_t                time;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

    time = clock_advance(&clock, NGX_RECORDING_VIDEO, 100,
                                       &event);
    is(time, 0, "the first frame");

    time = clock_advance(&clock, NGX_RECORDING_AUDIO,
                                       (uint32_t) -400, &event);
    is(time, -500, "audio half a second before it, beyond the wrap");

    time = clock_advance(&clock, NGX_RECORDING_AUDIO, 0,
                                       &event);
    is(time, -100, "and the next one");
    is(event, NGX_RECORDING_CLOCK_STEADY, "all of it is steady");
}


/*
 * The publisher's video stops a while before all of it restarts at 0.  The
 * audio that is published then belongs where there was audio already: it is
 * in step at once, and that is the one case where a track goes backwards.
 */

static void
clock_stall(void)
{
    int64_t                time, raw, last[2], off[2];
    ngx_uint_t             i, j, backwards;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    static const int64_t  stalls[] = { 200, 1500, 5000 };

    for (j = 0; j < sizeof(stalls) / sizeof(stalls[0]); j++) {

        ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

        last[0] = last[1] = 0;
        off[0] = off[1] = 0;
        backwards = 0;

        for (i = 0; i < 3000; i++) {
            raw = (int64_t) (i / 2) * 40;

            if (raw < 30000 && raw >= 30000 - stalls[j] && i % 2 == 0) {
                continue;
            }

            if (raw >= 30000) {
                raw -= 30000;
            }

            time = clock_advance(&clock, i % 2, (uint32_t) raw,
                                               &event);

            backwards += time < last[i % 2];
            last[i % 2] = time;
            off[i % 2] = time - raw;
        }

        ok(backwards <= 1, "a restart after %lld ms without video: backwards "
           "at most once", (long long) stalls[j]);
        is(off[0], off[1], "and in step");
    }
}


/* a frame from elsewhere between two that are not */

static void
clock_alone(void)
{
    uint32_t               raw, instead;
    ngx_uint_t             i;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

    is(ngx_recording_clock_far(&clock, 0, 1 << 30), 0,
       "a first frame is not far from anything");

    for (i = 0, raw = (uint32_t) -2000; i < 100; i++, raw += 40) {
        (void) clock_advance(&clock, 0, raw, &event);
    }

    ok(!ngx_recording_clock_far(&clock, 0, raw), "the next one");
    ok(!ngx_recording_clock_far(&clock, 0, raw + 9000), "9 s later");
    ok(ngx_recording_clock_far(&clock, 0, raw + 11000), "11 s later");
    ok(ngx_recording_clock_far(&clock, 0, raw - 11000), "11 s before");

    ok(ngx_recording_clock_alone(&clock, 0, raw + 40, &instead),
       "the one behind it is on the line");
    is(instead, raw, "where it should have been");
    ok(ngx_recording_clock_alone(&clock, 0, raw - 20, &instead),
       "a narrow place");
    is(instead, raw - 20, "not behind the next one");
    ok(!ngx_recording_clock_alone(&clock, 0, raw + 11040, &instead),
       "both jump");
    ok(!ngx_recording_clock_alone(&clock, 0, raw - 1000, &instead),
       "the next one is before the last one");
}


/* a step back amid B-frames: what follows is shown after what was before */

static void
clock_reordered(void)
{
    int64_t                shown, high, time;
    int32_t                composition;
    uint32_t               raw;
    ngx_uint_t             i, j, early, moved;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    static const int64_t   steps[] = { -8000, -2000, -700 };

    for (j = 0; j < 3; j++) {
        ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

        high = 0;
        early = 0;
        moved = 0;
        shown = INT64_MIN;

        for (i = 0; i < 600; i++) {

            /* I P B B P B B: each picture but the first waits for two */

            composition = i % 300 == 0 ? 40 : i % 3 == 1 ? 120 : 0;
            raw = 20000 + i * 40 + (i >= 300 ? steps[j] : 0);

            event = ngx_recording_clock_advance(&clock, NGX_RECORDING_VIDEO,
                                                raw, composition, i * 40,
                                                &time);

            if (i == 300) {
                high = shown;
            }

            early += (i >= 300 && time + composition <= high);
            moved += (event == NGX_RECORDING_CLOCK_BACK);
            shown = ngx_max(shown, time + composition);
        }

        is(early, 0, "B-frames, %lld ms back: nothing is shown before it",
           (long long) steps[j]);
        is(moved, 1, "it is seen once");
    }
}


/* any timestamps: a track never goes back */

static void
clock_random(void)
{
    int64_t                time, last[2];
    uint32_t               raw, n;
    ngx_uint_t             i, track, wrong;
    ngx_recording_clock_t  clock;
    ngx_recording_clock_e  event;

    wrong = 0;
    raw = 0;
    n = 1;

    ngx_memzero(&clock, sizeof(ngx_recording_clock_t));

    last[0] = last[1] = INT64_MIN;

    for (i = 0; i < 1000000; i++) {

        n = n * 1664525 + 1013904223;
        track = n >> 31;

        switch ((n >> 20) % 64) {

        case 0:
            raw = n * 2654435761u;
            break;

        case 1:
            raw -= n >> 19;
            break;

        case 2:
            raw += n >> 19;
            break;

        default:
            raw += (n >> 8) % 40;
        }

        time = clock_advance(&clock, track, raw, &event);

        wrong += time < last[track];

        last[track] = time;
    }

    is(wrong, 0, "a million timestamps at random");
}
