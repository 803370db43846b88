
/*
 * When an audio frame of an MP4 is played, by published times in ms.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "ngx_recording_mp4_index.h"


#define SOUND_HALF_HOUR  1800000


typedef struct {
    const char             *name;
    int64_t                 rate;
    int64_t                 samples;
    int64_t                 parts;         /* of a ms, lost by rounding */
    int64_t                 jitter;        /* ms */
    int64_t                 ppm;           /* how much faster its clock is */
    ngx_uint_t              entries;       /* in stts, at most */
    int64_t                 off;           /* ms, at most */
} sound_case_t;


static void sound_steady(void);
static void sound_together(void);
static void sound_hole(void);
static void sound_back(void);
static int64_t sound_published(sound_case_t *c, int64_t n);


int
main(void)
{
    sound_steady();
    sound_together();
    sound_hole();
    sound_back();

    return tap_done();
}


static void
sound_steady(void)
{
    int64_t                    n, ms, dts, last, step, off, worst, before;
    ngx_uint_t                 i, entries;
    sound_case_t               c;
    ngx_recording_mp4_sound_t  s;

    static const sound_case_t  cases[] = {
        { "44.1 kHz", 44100, 1024, 1, 0, 0, 1, 1 },
        { "48 kHz", 48000, 1024, 1, 0, 0, 1, 1 },
        { "960 samples", 48000, 960, 1, 0, 0, 1, 1 },
        { "2048 samples", 44100, 2048, 1, 0, 0, 1, 1 },
        { "8 kHz", 8000, 1024, 1, 0, 0, 1, 1 },
        { "96 kHz", 96000, 1024, 1, 0, 0, 1, 1 },
        { "MP3", 44100, 1152, 1, 0, 0, 1, 1 },
        { "MP3 of MPEG-2", 22050, 576, 1, 0, 0, 1, 1 },
        { "rounded twice", 44100, 1024, 2, 0, 0, 4, 2 },
        { "1 ms of jitter", 44100, 1024, 1, 1, 0, 4, 2 },
        { "20 ppm too fast", 44100, 1024, 1, 0, 20, 100, 2 },
        { "20 ppm too slow", 44100, 1024, 1, 0, -20, 100, 2 },
        { "5 ms of jitter", 48000, 1024, 1, 5, 0, 100000, 2 },
        { "20 ms of jitter", 48000, 1024, 1, 20, 0, 100000, 42 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = cases[i];

        ngx_memzero(&s, sizeof(s));
        s.rate = c.rate;
        s.samples = c.samples;

        srandom(7);

        last = 0;
        step = 0;
        worst = 0;
        before = 0;
        entries = 0;

        for (n = 0; ; n++) {
            /* stream time does not go back */

            ms = sound_published(&c, n);
            ms = ngx_max(ms, before);
            before = ms;

            if (ms > SOUND_HALF_HOUR) {
                break;
            }

            dts = ngx_recording_mp4_index_sound(&s, ms);
            off = dts - ms * c.rate / 1000;
            worst = ngx_max(worst, llabs(off));

            if (n > 0 && dts - last != step) {
                step = dts - last;
                entries++;
            }

            last = dts;
        }

        ok(entries <= c.entries, "%s: %d entries", c.name, (int) entries);
        ok(worst <= c.off * c.rate / 1000 + 2, "%s: %d ticks off", c.name,
           (int) worst);
    }
}


/* frames that are stamped each 100 or 200 ms, all that there are by then */

static void
sound_together(void)
{
    int64_t                    n, ms, dts, last, off, worst, every;
    ngx_uint_t                 i, odd;
    ngx_recording_mp4_sound_t  s;

    static const int64_t       ppm[] = { 0, 100, -100 };

    for (every = 40; every <= 200; every += 20) {
        for (i = 0; i < 3; i++) {
            ngx_memzero(&s, sizeof(s));
            s.rate = 48000;
            s.samples = 1024;

            last = 0;
            worst = 0;
            odd = 0;

            for (n = 0; n < 20000; n++) {
                ms = n * 1024 * (1000000 + ppm[i]) / 48000 / 1000;
                dts = ngx_recording_mp4_index_sound(&s, ms - ms % every);

                off = dts - ms * 48;
                worst = ngx_max(worst, llabs(off));

                odd += (n > 0 && dts - last != 1024);
                last = dts;
            }

            ok(odd <= 15, "each %d ms, %d ppm: %d steps of another length",
               (int) every, (int) ppm[i], (int) odd);
            ok(worst <= every * 48, "%d ticks off", (int) worst);
        }
    }
}


static int64_t
sound_published(sound_case_t *c, int64_t n)
{
    int64_t  ms;

    ms = n * c->samples * (1000000 + c->ppm) / c->rate / 1000;

    if (c->parts == 2) {
        ms = ((ms + 1) * 90 - random() % 90) / 90;
    }

    return c->jitter ? ms + random() % (2 * c->jitter + 1) : ms;
}


/* what is more than rounding is kept: a frame that is missing, or more */

static void
sound_hole(void)
{
    int64_t                    dts;
    ngx_uint_t                 i;
    ngx_recording_mp4_sound_t  s;

    static const struct { int64_t ms, dts; } frames[] = {
        { 5, 240 }, { 26, 1264 }, { 47, 2288 }, { 90, 4320 }, { 112, 5344 },
        { 9112, 437376 }, { 9134, 438400 },
    };

    ngx_memzero(&s, sizeof(s));
    s.rate = 48000;
    s.samples = 1024;

    for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        dts = ngx_recording_mp4_index_sound(&s, frames[i].ms);
        is(dts, frames[i].dts, "frame at %d ms", (int) frames[i].ms);
    }
}


/* time that stands still: frames follow each other all the same */

static void
sound_back(void)
{
    int64_t                    dts, last;
    ngx_uint_t                 i, grows;
    ngx_recording_mp4_sound_t  s;

    ngx_memzero(&s, sizeof(s));
    s.rate = 44100;
    s.samples = 1024;

    last = -1;
    grows = 1;

    for (i = 0; i < 1000; i++) {
        dts = ngx_recording_mp4_index_sound(&s, i < 500 ? 0 : (int64_t) i % 7);
        grows &= dts > last;
        last = dts;
    }

    ok(grows, "DTS grow");
    ok(last < 44100 * 3 / 10, "and do not run away");

    ngx_memzero(&s, sizeof(s));
    s.rate = 44100;

    (void) ngx_recording_mp4_index_sound(&s, 0);
    is(ngx_recording_mp4_index_sound(&s, 100), 4410,
       "frames of unknown length");
}
