
/*
 * An MP4 with as many samples as one may have: it ends at the next chance,
 * takes a few more until then, and says so again when it is opened anew.
 */

/* cflags: -O2 -fno-sanitize=all -DNGX_RECORDING_MP4_FULL=64 */
/* cflags: -ffunction-sections -Wl,--gc-sections */
/* link: src/recorder/ngx_recording_interval.c src/format/ngx_recording_mp4.c */
/* link: src/recorder/ngx_recording_refuse.c */
/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "store.h"
#include "headers.h"
#include "ngx_recording_formats.h"

/* which output takes a turn is private to this file */

#include "../../src/recorder/ngx_recording_cut.c"


#define FULL_MORE  (NGX_RECORDING_MP4_FULL / 16)


static void full_grows(ngx_recording_mux_t *mux);
static void full_turns(ngx_recording_mux_t *mux);
static void full_reopened(ngx_recording_store_t *store, uint64_t id);
static ngx_recording_mux_t *full_open(ngx_recording_store_t *store,
    uint64_t id);
static void full_add(ngx_recording_mux_t *mux, ngx_uint_t n);


int
main(void)
{
    ngx_recording_mux_t   *mux;
    ngx_recording_store_t  store;

    store_make(&store);

    ngx_recording_formats_init();

    mux = full_open(&store, 1);

    if (mux == NULL) {
        printf("Bail out! no file\n");
        return 1;
    }

    full_grows(mux);
    full_turns(mux);

    is(ngx_recording_journal_checkpoint_thread(mux, 1), NGX_OK, "noted");
    ngx_recording_mux_close_thread(mux);

    full_reopened(&store, 1);

    store_remove(&store);

    return tap_done();
}


static void
full_grows(ngx_recording_mux_t *mux)
{
    full_add(mux, NGX_RECORDING_MP4_FULL - 1);
    is(mux->full, 0, "one is missing");

    full_add(mux, 1);
    is(mux->full, 1, "full");

    full_add(mux, FULL_MORE);
    is(mux->format->flush(mux), NGX_OK, "written");
    is(mux->file.written, NGX_RECORDING_MP4_FULL + FULL_MORE,
       "samples until the next chance are in it");
    is(mux->file.dropped[NGX_RECORDING_DROP_KEY], 0, "none is left out");

    full_add(mux, 3);
    is(mux->format->flush(mux), NGX_OK, "written");
    is(mux->file.written, NGX_RECORDING_MP4_FULL + FULL_MORE,
       "but memory has an end");
    is(mux->file.dropped[NGX_RECORDING_DROP_KEY], 3, "what is over counts");
}


/* a file without an interval is followed by another one */

static void
full_turns(ngx_recording_mux_t *mux)
{
    ngx_recording_cut_t               cut;
    ngx_recording_outputs_t           o;
    ngx_recording_template_t          template;

    ngx_memzero(&o, sizeof(o));
    ngx_memzero(&cut, sizeof(cut));
    ngx_memzero(&template, sizeof(template));

    template.nformats = 1;
    template.formats[0].format = mux->format;

    o.template = &template;
    o.output[0].conf = &template.formats[0];
    o.output[0].mux = mux;

    cut.time = 1000;

    is(ngx_recording_interval_due(&o, 1000, 0), 1, "a new file is due");
    is(ngx_recording_cut_turn(&o, &o.output[0], &cut),
       NGX_RECORDING_TURN_OPEN, "and is opened");

    mux->full = 0;

    is(ngx_recording_interval_due(&o, 1000, 0), 0, "else it is not");
    is(ngx_recording_cut_turn(&o, &o.output[0], &cut),
       NGX_RECORDING_TURN_KEEP, "and this one goes on");
}


static void
full_reopened(ngx_recording_store_t *store, uint64_t id)
{
    ngx_recording_mux_t  *mux;

    mux = ngx_recording_journal_reopen_thread(store, id, 1);

    if (mux == NULL || mux->err) {
        ok(0, "opened anew");
        diag("%s", mux ? mux->op : strerror(errno));
        return;
    }

    is(mux->full, 1, "full when it is opened anew");
    is(mux->file.written, NGX_RECORDING_MP4_FULL + FULL_MORE, "with all");
    is(mux->format->finish(mux), NGX_OK, "finished");

    ngx_recording_mux_measure(mux);
    is(mux->file.duration,
       (NGX_RECORDING_MP4_FULL + FULL_MORE - 1) * 64 / 3 + 21, "duration");

    ngx_recording_mux_close_thread(mux);
}


static ngx_recording_mux_t *
full_open(ngx_recording_store_t *store, uint64_t id)
{
    u_char                  audio[2 + sizeof(aac_48000_2)];
    ngx_recording_mux_t    *mux;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS], *m;

    static ngx_recording_stream_t  stream;

    ngx_memzero(media, sizeof(media));
    ngx_memcpy(ngx_cpymem(audio, "\xaf\0", 2), aac_48000_2,
               sizeof(aac_48000_2));

    m = &media[NGX_RECORDING_AUDIO];
    m->header = audio;
    m->header_len = sizeof(audio);
    m->header_body = 2;
    m->present = 1;
    (void) ngx_recording_codec_aac(&m->codec, audio + 2,
                                   sizeof(aac_48000_2));

    mux = ngx_recording_mux_create_thread(&ngx_recording_format_mp4, store,
                                          media);
    if (mux == NULL) {
        return NULL;
    }

    mux->file.id = id;
    mux->file.stream = &stream;
    ngx_str_set(&mux->path_text, "{StreamID}-{RandomID}");

    (void) snprintf(mux->work, sizeof(mux->work), "%llu.mp4",
                    (unsigned long long) id);

    if (ngx_recording_journal_create_thread(mux) != NGX_OK
        || mux->format->open(mux) != NGX_OK)
    {
        ngx_recording_mux_close_thread(mux);
        return NULL;
    }

    return mux;
}


static void
full_add(ngx_recording_mux_t *mux, ngx_uint_t n)
{
    ngx_recording_sample_t  s;

    static u_char  frame[] = "\xaf\1frame";

    while (n--) {
        ngx_memzero(&s, sizeof(s));

        s.track = NGX_RECORDING_AUDIO;
        s.dts = (int64_t) mux->samples[s.track] * 64 / 3;
        s.data = frame;
        s.size = sizeof(frame) - 1;
        s.media = frame + 2;
        s.media_size = s.size - 2;
        s.key = 1;

        if (ngx_recording_mux_sample_thread(mux, &s) != NGX_OK) {
            ok(0, "sample taken");
        }
    }
}
