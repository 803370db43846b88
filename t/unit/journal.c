
/*
 * What a journal tells of a growing file.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "store.h"
#include "headers.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"


static void journal_now(ngx_recording_store_t *store);
static void journal_same(ngx_recording_mux_t *mux, ngx_recording_mux_t *as);
static ngx_recording_mux_t *journal_open(ngx_recording_store_t *store,
    uint64_t id);
static void journal_times(ngx_recording_mux_t *mux);


int
main(void)
{
    ngx_recording_store_t  store;

    store_make(&store);

    journal_now(&store);

    store_remove(&store);

    return tap_done();
}


static void
journal_now(ngx_recording_store_t *store)
{
    ngx_recording_mux_t  *mux, *read;

    mux = journal_open(store, 1);

    is(ngx_recording_journal_state_thread(mux), NGX_OK, "state");

    /* the next one was cut off */

    mux->last[NGX_RECORDING_VIDEO] = 9000;
    mux->shown[NGX_RECORDING_VIDEO].high = 9000;

    is(ngx_recording_journal_state_thread(mux), NGX_OK, "another one");

    mux->journal_pos--;
    is(ngx_recording_journal_cut_thread(mux), NGX_OK, "cut short");

    journal_times(mux);

    read = ngx_recording_journal_read_thread(store, 1);

    if (read == NULL) {
        ok(0, "read");
        return;
    }

    journal_same(read, mux);

    is(read->shown[NGX_RECORDING_VIDEO].first, 80, "first PTS");
    is(read->shown[NGX_RECORDING_VIDEO].high, 1120, "highest PTS");
    is(read->shown[NGX_RECORDING_VIDEO].odd, 400, "an odd step");
    is(read->shown[NGX_RECORDING_VIDEO].before, 33, "the step before");
    is(ngx_recording_mux_end(read), 1160, "end");

    ngx_recording_mux_close_thread(read);
    ngx_recording_mux_close_thread(mux);
}


static void
journal_same(ngx_recording_mux_t *mux, ngx_recording_mux_t *as)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        is(mux->last[i], as->last[i], "last DTS");
        is(mux->step[i], as->step[i], "step");
        is(mux->samples[i], as->samples[i], "samples");
    }

    is(mux->pos, as->pos, "position");
    is(mux->wall, as->wall, "wall clock");
    is(mux->file.written, as->file.written, "frames");
}


static ngx_recording_mux_t *
journal_open(ngx_recording_store_t *store, uint64_t id)
{
    u_char                  video[5 + sizeof(avc_720)];
    ngx_recording_mux_t    *mux;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS], *m;

    static ngx_recording_stream_t  stream;

    ngx_memzero(media, sizeof(media));
    ngx_memcpy(ngx_cpymem(video, "\x17\0\0\0\0", 5), avc_720,
               sizeof(avc_720));

    m = &media[NGX_RECORDING_VIDEO];
    m->header = video;
    m->header_len = sizeof(video);
    m->header_body = 5;
    m->present = 1;
    (void) ngx_recording_codec_avc(&m->codec, video + 5, sizeof(avc_720));

    mux = ngx_recording_mux_create_thread(&ngx_recording_format_flv, store,
                                          media);
    if (mux == NULL) {
        printf("Bail out! no file\n");
        exit(1);
    }

    mux->file.id = id;
    mux->file.stream = &stream;
    ngx_str_set(&mux->path_text, "{StreamID}-{RandomID}");

    (void) snprintf(mux->work, sizeof(mux->work), "%llu.flv",
                    (unsigned long long) id);

    is(ngx_recording_journal_create_thread(mux), NGX_OK, "created");
    is(mux->format->open(mux), NGX_OK, "opened");

    journal_times(mux);

    return mux;
}


static void
journal_times(ngx_recording_mux_t *mux)
{
    ngx_recording_shown_t  *shown;

    mux->pos = 4711;
    mux->wall = 1234567;
    mux->file.written = 27;

    mux->samples[NGX_RECORDING_VIDEO] = 27;
    mux->last[NGX_RECORDING_VIDEO] = 1040;
    mux->step[NGX_RECORDING_VIDEO] = 40;

    shown = &mux->shown[NGX_RECORDING_VIDEO];

    shown->first = 80;
    shown->high = 1120;
    shown->odd = 400;
    shown->before = 33;
}
