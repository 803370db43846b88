
/*
 * The intake of a recording: what waits for the first key frame, what is
 * dropped when record_buffer is full, and the account of its memory.
 */

/* link: src/recorder/ngx_recording_intake.c */
/* link: src/recorder/ngx_recording_intake_frame.c */
/* link: src/recorder/ngx_recording_wait.c */

#include "tap.h"
#include "headers.h"
#include "ngx_recording_intake.h"


#define INTAKE_BUFFER  (256 * 1024)
#define INTAKE_ROOM    (INTAKE_BUFFER + 32 * 1024)
#define INTAKE_LARGE   40000               /* bytes of a frame */


typedef struct {
    ngx_uint_t              tracks[16];    /* of the first messages */
    ngx_uint_t              keys;          /* of all: the wait is over */
    ngx_uint_t              n;
    uint32_t                dropped[NGX_RECORDING_TRACKS];  /* by gaps */
} intake_seen_t;


static void intake_key_frame(void);
static void intake_audio(void);
static void intake_little(void);
static void intake_nothing(void);
static void intake_batch(void);
static void intake_full(void);
static void intake_doubt(void);
static void intake_half(void);
static void intake_total(void);
static void intake_single(void);
static void intake_account(void);
static void intake_strays(void);
static void intake_large_header(void);
static void intake_begin(ngx_uint_t audio_only);
static void intake_headers(void);
static void intake_run(void);
static ngx_int_t intake_frame(ngx_uint_t track, ngx_uint_t key, uint32_t ts,
    size_t size);
static ngx_int_t intake_send(ngx_uint_t track, uint32_t ts, const void *data,
    size_t size);
static void intake_take(intake_seen_t *seen);
static void intake_end(const char *name);


volatile ngx_msec_t  ngx_current_msec = 1000;

static ngx_log_t                intake_log;
static ngx_uint_t               intake_said;   /* messages of the log */
static ngx_recording_intake_t   intake;
static ngx_recording_account_t  intake_held;
static int64_t                  intake_base = 5000000;


int
main(void)
{
    intake_log.log_level = NGX_LOG_INFO;

    intake_key_frame();
    intake_audio();
    intake_little();
    intake_nothing();
    intake_batch();
    intake_doubt();
    intake_full();
    intake_half();
    intake_total();
    intake_single();
    intake_account();
    intake_strays();
    intake_large_header();

    return tap_done();
}


/* headers first, then the audio that is not before the key frame */

static void
intake_key_frame(void)
{
    intake_seen_t  seen;

    intake_begin(0);
    intake_headers();

    is(intake_frame(NGX_RECORDING_VIDEO, 0, 0, 100), NGX_DECLINED,
       "no key frame");
    is(intake_frame(NGX_RECORDING_AUDIO, 0, 20, 100), NGX_OK,
       "audio waits");
    is(intake_frame(NGX_RECORDING_AUDIO, 0, 40, 100), NGX_OK, "more of it");
    is(intake.state, NGX_RECORDING_INTAKE_WAITING, "for a key frame");

    is(intake_frame(NGX_RECORDING_VIDEO, 1, 30, 100), NGX_OK, "which comes");
    is(intake.state, NGX_RECORDING_INTAKE_RUNNING, "it begins");

    intake_take(&seen);

    is(seen.n, 5, "messages");
    is(seen.tracks[0], NGX_RECORDING_VIDEO, "header of the video");
    is(seen.tracks[1], NGX_RECORDING_AUDIO, "header of the audio");
    is(seen.tracks[2], NGX_RECORDING_DATA, "metadata");
    is(seen.tracks[3], NGX_RECORDING_AUDIO, "the later audio");
    is(seen.tracks[4], NGX_RECORDING_VIDEO, "the key frame");
    is(seen.tracks[5], 99, "nothing else");
    is(seen.keys, 0, "the writer waits for video, too");

    intake_end("key frame");
}


/* two seconds of audio are recorded without video */

static void
intake_audio(void)
{
    ngx_uint_t     i;
    intake_seen_t  seen;

    intake_begin(0);
    intake_headers();

    for (i = 0; i < 20; i++) {
        (void) intake_frame(NGX_RECORDING_AUDIO, 0, i * 100, 100);
    }

    is(intake.state, NGX_RECORDING_INTAKE_WAITING, "1900 ms of audio");

    is(intake_frame(NGX_RECORDING_AUDIO, 0, 2000, 100), NGX_OK, "2 s");
    is(intake.state, NGX_RECORDING_INTAKE_RUNNING, "are enough");

    intake_take(&seen);

    is(seen.n, 24, "all of it, and headers");
    is(seen.keys, 1, "the writer does not wait anew");

    intake_end("audio");

    intake_begin(1);
    intake_headers();

    is(intake_frame(NGX_RECORDING_VIDEO, 1, 0, 100), NGX_DECLINED,
       "video that is not recorded");
    is(intake_frame(NGX_RECORDING_AUDIO, 0, 0, 100), NGX_OK,
       "audio alone begins at once");
    is(intake.state, NGX_RECORDING_INTAKE_RUNNING, "and runs");

    intake_end("audio alone");
}


/* little audio that nothing follows */

static void
intake_little(void)
{
    intake_begin(0);
    intake_headers();

    (void) intake_frame(NGX_RECORDING_AUDIO, 0, 0, 100);

    ngx_current_msec += 3000;
    is(ngx_recording_intake_timer(&intake), 2000, "it still waits");
    is(intake.state, NGX_RECORDING_INTAKE_WAITING, "as it did");

    ngx_current_msec += 2000;
    is(ngx_recording_intake_timer(&intake), 0, "after 5 s not any more");
    is(intake.state, NGX_RECORDING_INTAKE_RUNNING, "it is recorded");

    intake_end("little audio");

    intake_begin(0);
    intake_headers();

    (void) intake_frame(NGX_RECORDING_AUDIO, 0, 0, 100);

    is(ngx_recording_intake_end(&intake), NGX_OK, "the same, but it ends");
    is(intake.filling.n, 4, "with all that came");

    intake_end("an early end");
}


static void
intake_nothing(void)
{
    intake_begin(0);
    intake_headers();

    is(ngx_recording_intake_timer(&intake), 60000, "nothing came so far");
    is(intake_said, 1, "this is said");

    ngx_current_msec += 60000;
    is(ngx_recording_intake_timer(&intake), 0, "after a minute");
    is(intake_said, 1, "it is not said again");
    is(intake.headers[NGX_RECORDING_DATA].n, 0, "metadata is forgotten");
    is(intake.headers[NGX_RECORDING_VIDEO].n, 1, "headers are not");

    is(ngx_recording_intake_end(&intake), NGX_DECLINED, "no recording");

    intake_end("nothing");

    intake_begin(0);
    (void) intake_frame(NGX_RECORDING_VIDEO, 1, 0, 100);
    (void) intake_frame(NGX_RECORDING_AUDIO, 0, 0, 100);

    is(intake.wait.headless, 3, "frames without a header");
    is(intake.filling.n, 0, "are no begin");

    intake_end("no headers");
}


static void
intake_batch(void)
{
    ngx_uint_t     i, full;
    intake_seen_t  seen;

    intake_begin(0);
    intake_held.buffer = 4 * 1024 * 1024;
    intake_run();

    full = NGX_RECORDING_INTAKE_BATCH / INTAKE_LARGE;

    for (i = 0; i < full; i++) {
        is(intake_frame(NGX_RECORDING_VIDEO, 0, i, INTAKE_LARGE), NGX_OK,
           "frame %lu of a batch", (unsigned long) i);
    }

    is(intake_frame(NGX_RECORDING_VIDEO, 0, i, INTAKE_LARGE), NGX_DONE,
       "it is full");

    intake_take(&seen);

    is(seen.n, full + 1, "all are there");
    is(intake_frame(NGX_RECORDING_VIDEO, 0, i, INTAKE_LARGE), NGX_OK,
       "and the next one begins");

    intake_end("batches");
}


/* a timestamp that is far away: the batch waits for the next frame */

static void
intake_doubt(void)
{
    intake_begin(0);
    intake_run();

    (void) intake_frame(NGX_RECORDING_VIDEO, 0, 1000, 100);
    (void) intake_frame(NGX_RECORDING_AUDIO, 0, 1000, 100);
    is(ngx_recording_intake_doubt(&intake), 0, "there is no doubt");

    is(intake_frame(NGX_RECORDING_VIDEO, 0, 5000000, 100), NGX_OK,
       "a frame that is far away");
    is(ngx_recording_intake_doubt(&intake), NGX_RECORDING_INTAKE_DOUBT,
       "may be a mistake");
    is(intake_frame(NGX_RECORDING_AUDIO, 0, 1020, 100), NGX_OK,
       "the other track says nothing");

    ngx_current_msec += 40;
    is(ngx_recording_intake_doubt(&intake), NGX_RECORDING_INTAKE_DOUBT - 40,
       "it waits on");
    is(intake_frame(NGX_RECORDING_VIDEO, 0, 1080, 100), NGX_DONE,
       "the next one tells");
    is(ngx_recording_intake_doubt(&intake), 0, "so that it is known");
    is(intake_frame(NGX_RECORDING_VIDEO, 0, 1120, 100), NGX_OK,
       "and goes on");

    (void) intake_frame(NGX_RECORDING_AUDIO, 0, 4000000000, 100);
    is(ngx_recording_intake_doubt(&intake), NGX_RECORDING_INTAKE_DOUBT,
       "it may lie far back");
    ngx_current_msec += NGX_RECORDING_INTAKE_DOUBT;
    is(ngx_recording_intake_doubt(&intake), 0, "it does not wait for ever");

    ngx_current_msec += 12000;
    is(intake_frame(NGX_RECORDING_VIDEO, 0, 15620, 100), NGX_OK,
       "a silence");
    is(ngx_recording_intake_doubt(&intake), 0, "is none");

    (void) intake_frame(NGX_RECORDING_VIDEO, 0, 5000000, 100);
    is(ngx_recording_intake_end(&intake), NGX_OK, "at the end");
    is(ngx_recording_intake_doubt(&intake), 0, "nothing follows");

    intake_end("a doubt");
}


/* record_buffer is full; a key frame finds half of it free */

static void
intake_full(void)
{
    ngx_uint_t             i;
    intake_seen_t          seen;
    ngx_recording_batch_t  batch;

    intake_begin(0);
    intake_run();

    for (i = 0; intake.state == NGX_RECORDING_INTAKE_RUNNING; i++) {
        (void) intake_frame(NGX_RECORDING_VIDEO, 0, i, INTAKE_LARGE);
    }

    is(i, INTAKE_ROOM / INTAKE_LARGE + 1, "frames until it is full");
    is(intake.state, NGX_RECORDING_INTAKE_DROPPING, "now they are dropped");
    is(intake_said, 1, "which is said");

    (void) intake_frame(NGX_RECORDING_AUDIO, 0, i, 100);
    is(intake_frame(NGX_RECORDING_VIDEO, 1, i, 100), NGX_DECLINED,
       "a key frame, but no room");

    is(intake_send(NGX_RECORDING_VIDEO, i, "\x17\0\0\0\0\1\x64\0\x1f\xff", 10),
       NGX_DECLINED, "a header");
    is(intake.headers[NGX_RECORDING_VIDEO].n, 1, "is kept");

    ngx_recording_intake_take(&intake, &batch);

    is(intake_frame(NGX_RECORDING_VIDEO, 1, i, 100), NGX_DECLINED,
       "what is being written is no room");

    ngx_recording_intake_release(&intake, &batch);

    is(intake_frame(NGX_RECORDING_VIDEO, 0, i, 100), NGX_DECLINED,
       "room, but no key frame");
    is(intake_frame(NGX_RECORDING_VIDEO, 1, i, 100), NGX_OK, "it goes on");
    is(intake.state, NGX_RECORDING_INTAKE_RUNNING, "and runs");
    is(intake_said, 2, "which is said");

    intake_take(&seen);

    is(seen.tracks[0], NGX_RECORDING_GAP, "what is missing comes first");
    is(seen.tracks[1], NGX_RECORDING_VIDEO, "then the header");
    is(seen.tracks[2], NGX_RECORDING_VIDEO, "then the key frame");
    is(seen.dropped[NGX_RECORDING_VIDEO], 4, "video that is missing");
    is(seen.dropped[NGX_RECORDING_AUDIO], 1, "audio that is missing");

    intake_held.buffer = 0;
    (void) intake_frame(NGX_RECORDING_AUDIO, 0, i, INTAKE_LARGE);

    is(ngx_recording_intake_end(&intake), NGX_OK, "it ends while it drops");
    is(intake.state, NGX_RECORDING_INTAKE_ENDING, "and is over");

    intake_take(&seen);

    is(seen.dropped[NGX_RECORDING_AUDIO], 1, "the end has what is missing");
    is(seen.dropped[NGX_RECORDING_VIDEO], 0, "once");

    intake_end("a full buffer");
}


/* after a gap half of the buffer must be free */

static void
intake_half(void)
{
    ngx_uint_t  i;

    intake_begin(0);
    intake_run();

    for (i = 0; i < INTAKE_ROOM / INTAKE_LARGE / 2 + 1; i++) {
        (void) intake_frame(NGX_RECORDING_VIDEO, 0, 0, INTAKE_LARGE);
    }

    intake_held.buffer = 0;
    (void) intake_frame(NGX_RECORDING_VIDEO, 0, 0, INTAKE_LARGE);
    intake_held.buffer = INTAKE_ROOM;

    is(intake_frame(NGX_RECORDING_VIDEO, 1, 0, INTAKE_LARGE), NGX_DECLINED,
       "there is room, but not half of it");
    is(intake.state, NGX_RECORDING_INTAKE_DROPPING, "it still drops");

    intake_end("half of the buffer");
}


/* other recordings have the memory */

static void
intake_total(void)
{
    intake_begin(0);
    intake_run();

    intake_held.held += intake_held.total - 1000;
    is(intake_frame(NGX_RECORDING_VIDEO, 0, 0, INTAKE_LARGE), NGX_DECLINED,
       "no room for all recordings");
    is(intake.dropped[NGX_RECORDING_VIDEO], 1, "counted");

    intake_held.held -= intake_held.total / 4 - 1000;
    is(intake_frame(NGX_RECORDING_VIDEO, 1, 0, INTAKE_LARGE), NGX_DECLINED,
       "a quarter of it must be free");

    intake_held.held -= 2 * INTAKE_LARGE;
    is(intake_frame(NGX_RECORDING_VIDEO, 1, 0, INTAKE_LARGE), NGX_OK,
       "and is");

    intake_held.held -= 3 * intake_held.total / 4 - 2 * INTAKE_LARGE;

    intake_end("all recordings");

    intake_begin(0);
    intake_run();
    ngx_recording_intake_hold(&intake, INTAKE_ROOM - 1000);

    is(intake_frame(NGX_RECORDING_VIDEO, 1, 0, INTAKE_LARGE), NGX_DECLINED,
       "what the writer holds is of this recording");

    intake_end("what the writer holds");
}


/* a frame that is larger than half of the buffer does not stop it for ever */

static void
intake_single(void)
{
    intake_seen_t  seen;

    intake_begin(0);
    intake_run();
    intake_take(&seen);

    intake_held.buffer = 0;
    (void) intake_frame(NGX_RECORDING_VIDEO, 0, 0, INTAKE_LARGE);
    intake_held.buffer = INTAKE_BUFFER;

    is(intake_frame(NGX_RECORDING_VIDEO, 1, 0, INTAKE_BUFFER + 1),
       NGX_DECLINED, "one that never fits");
    is(intake_frame(NGX_RECORDING_VIDEO, 1, 0, 3 * INTAKE_BUFFER / 4),
       NGX_OK, "one that is alone");

    intake_end("a single frame");
}


/* every byte that is held is in the account, and nothing else */

static void
intake_account(void)
{
    size_t                 held;
    ngx_uint_t             i;
    ngx_recording_batch_t  batch;

    intake_begin(0);
    intake_headers();

    held = intake.headers[0].held + intake.headers[1].held
           + intake.headers[2].held;
    is(intake_held.held, held, "the headers");

    /* old audio gives way */

    for (i = 0; i < 60; i++) {
        (void) intake_frame(NGX_RECORDING_VIDEO, 0, 0, 100);
        (void) intake_frame(NGX_RECORDING_AUDIO, 0, 0, 10000);
    }

    is(intake.state, NGX_RECORDING_INTAKE_WAITING, "it still waits");
    ok(intake.filling.held <= 256 * 1024, "audio has a limit");
    is(intake_held.held, held + intake.filling.held, "it is counted");

    (void) intake_frame(NGX_RECORDING_VIDEO, 1, 0, 100);
    is(intake_held.held, intake.filling.held, "headers are moved");

    ngx_recording_intake_take(&intake, &batch);
    is(intake_held.held, batch.held, "what is being written counts");
    is(intake.taken, batch.held, "here, too");

    ngx_recording_intake_hold(&intake, 5000);
    is(intake_held.held, batch.held + 5000, "as does what the writer holds");

    ngx_recording_intake_release(&intake, &batch);
    is(intake_held.held, 5000, "until it is written");

    intake_end("the account");
}


/* messages of kinds that are not recorded: said once, counted always */

static void
intake_strays(void)
{
    intake_begin(0);
    intake_run();

    /* enhanced RTMP: AVC as a multitrack */

    is(intake_send(NGX_RECORDING_VIDEO, 0, "\x96\1avc1", 6), NGX_DECLINED,
       "another track");
    is(intake_send(NGX_RECORDING_VIDEO, 0, "\x96\1avc1", 6), NGX_DECLINED,
       "and again");
    is(intake.strays[NGX_RECORDING_VIDEO][NGX_RECORDING_STRAY_MULTITRACK], 2,
       "counted");
    is(intake_said, 1, "said once");

    ngx_recording_intake_strays(&intake);
    is(intake_said, 2, "and at the end");

    is(intake_send(NGX_RECORDING_VIDEO, 0, "", 0), NGX_DECLINED,
       "an empty message");
    is(intake_said, 2, "is none");

    intake_end("strays");
}


static void
intake_large_header(void)
{
    u_char  data[8193];

    intake_begin(0);

    ngx_memzero(data, sizeof(data));
    data[0] = 0x17;

    is(intake_send(NGX_RECORDING_VIDEO, 0, data, 8193), NGX_DECLINED,
       "a large header");
    is(intake.headers[NGX_RECORDING_VIDEO].n, 0, "is refused");
    is(intake_said, 1, "which is said");

    (void) intake_send(NGX_RECORDING_VIDEO, 0, data, 8193);
    is(intake_said, 1, "once");

    (void) intake_send(NGX_RECORDING_VIDEO, 0, data, 8192);
    is(intake.headers[NGX_RECORDING_VIDEO].n, 1, "a smaller one is taken");

    intake_end("a large header");
}


static void
intake_begin(ngx_uint_t audio_only)
{
    ngx_memzero(&intake, sizeof(ngx_recording_intake_t));
    ngx_memzero(&intake_held, sizeof(ngx_recording_account_t));

    intake_held.buffer = INTAKE_ROOM;
    intake_held.total = 4 * 1024 * 1024;
    intake_said = 0;

    ngx_recording_intake_init(&intake, &intake_held, &intake_base,
                              audio_only, &intake_log);
}


static void
intake_headers(void)
{
    (void) intake_send(NGX_RECORDING_VIDEO, 0, "\x17\0\0\0\0\1\x64\0\x1f\xff",
                       10);
    (void) intake_send(NGX_RECORDING_AUDIO, 0, "\xaf\0\x11\x90", 4);
    (void) intake_send(NGX_RECORDING_DATA, 0, "metadata", 8);
}


/* a recording that has begun */

static void
intake_run(void)
{
    intake_seen_t  seen;

    intake_headers();
    (void) intake_frame(NGX_RECORDING_VIDEO, 1, 0, 100);
    intake_take(&seen);

    is(intake.state, NGX_RECORDING_INTAKE_RUNNING, "it runs");
}


static ngx_int_t
intake_frame(ngx_uint_t track, ngx_uint_t key, uint32_t ts, size_t size)
{
    u_char     *data;
    ngx_int_t   rc;

    data = calloc(1, size);

    if (data == NULL) {
        return NGX_ERROR;
    }

    data[0] = track == NGX_RECORDING_AUDIO ? 0xaf : key ? 0x17 : 0x27;
    data[1] = 1;

    rc = intake_send(track, ts, data, size);

    free(data);

    return rc;
}


static ngx_int_t
intake_send(ngx_uint_t track, uint32_t ts, const void *data, size_t size)
{
    u_char       *copy;
    ngx_int_t     rc;
    ngx_buf_t     b;
    ngx_chain_t   cl;

    ngx_memzero(&b, sizeof(ngx_buf_t));

    copy = tap_copy(data, size);

    b.pos = copy;
    b.last = copy + size;
    cl.buf = &b;
    cl.next = NULL;

    rc = ngx_recording_intake_message(&intake, track, ts, &cl);

    free(copy);

    return rc;
}


/* what the writer would see */

static void
intake_take(intake_seen_t *seen)
{
    ngx_uint_t                i, n;
    uint32_t                  dropped[NGX_RECORDING_TRACKS];
    ngx_recording_batch_t     batch;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    ngx_memzero(seen, sizeof(intake_seen_t));

    for (i = 0; i < 16; i++) {
        seen->tracks[i] = 99;
    }

    ngx_recording_intake_take(&intake, &batch);

    seen->n = batch.n;
    c = ngx_recording_batch_begin(&batch);

    for (n = 0; (m = ngx_recording_batch_next(&c)) != NULL; n++) {

        if (n < 16) {
            seen->tracks[n] = m->track;
        }

        seen->keys += m->key;

        if (m->track != NGX_RECORDING_GAP) {
            continue;
        }

        ngx_memcpy(dropped, ngx_recording_message_body(m), sizeof(dropped));

        for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
            seen->dropped[i] += dropped[i];
        }
    }

    ngx_recording_intake_release(&intake, &batch);
}


static void
intake_end(const char *name)
{
    ngx_recording_intake_free(&intake);

    is(intake_held.held, 0, "%s: nothing is left in the account", name);

    ngx_recording_batch_spare(&intake_held);
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    if (level < NGX_LOG_DEBUG) {
        intake_said++;
    }
}
