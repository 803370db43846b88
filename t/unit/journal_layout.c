
/*
 * How a journal lies on the disk: version 1 is read, as is what a later
 * version may add; what is damaged is not.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "store.h"
#include "headers.h"
#include "ngx_recording_av.h"
#include "ngx_recording_flv.h"
#include "ngx_recording_hls.h"

/* that a journal is read from memory is private to this file */

#include "../../src/format/ngx_recording_journal_read.c"


#define V  NGX_RECORDING_VIDEO
#define A  NGX_RECORDING_AUDIO

#define LAYOUT_SIZE    65536
#define LAYOUT_STRANGE  77             /* a kind that nobody knows */


/* a journal in memory */

typedef struct {
    u_char                 *data;
    size_t                  size;
    size_t                  begin;     /* of the record that is written */
} layout_t;


static void layout_old(ngx_recording_store_t *store);
static void layout_old_flv(ngx_recording_store_t *store);
static void layout_old_hls(ngx_recording_store_t *store, size_t size);
static void layout_old_mp4(ngx_recording_store_t *store);
static void layout_old_goes_on(ngx_recording_store_t *store);
static void layout_later(ngx_recording_store_t *store,
    const ngx_recording_format_t *format);
static void layout_short(ngx_recording_store_t *store,
    const ngx_recording_format_t *format);
static void layout_broken(ngx_recording_store_t *store,
    const ngx_recording_format_t *format);
static void layout_refused(ngx_recording_store_t *store);

static void layout_facts_1(layout_t *j, const char *format,
    ngx_uint_t server);
static void layout_media_1(layout_t *j);
static void layout_state_1(layout_t *j, ngx_recording_journal_e kind,
    void *kept, size_t size, void *more, size_t n);
static ngx_recording_mux_t *layout_open(ngx_recording_store_t *store,
    uint64_t id, const ngx_recording_format_t *format);
static void layout_journal(ngx_recording_store_t *store, layout_t *j,
    const ngx_recording_format_t *format);
static void layout_parts(layout_t *to, u_char *p, size_t size,
    ssize_t change);
static void layout_same(ngx_recording_mux_t *mux,
    const ngx_recording_format_t *format, const char *what);

static void layout_begin(layout_t *j, ngx_recording_journal_e kind);
static void layout_put(layout_t *j, const void *p, size_t size);
static void layout_end(layout_t *j);
static ngx_recording_mux_t *layout_read(ngx_recording_store_t *store,
    layout_t *j, const char *what);


static u_char  layout_video[5 + sizeof(avc_720)];
static u_char  layout_memory[2][LAYOUT_SIZE];


int
main(void)
{
    ngx_uint_t             i;
    ngx_recording_store_t  store;

    store_make(&store);
    ngx_memcpy(ngx_cpymem(layout_video, "\x17\0\0\0\0", 5), avc_720,
               sizeof(avc_720));

    layout_old(&store);

    for (i = 0; ngx_recording_formats[i]; i++) {
        layout_later(&store, ngx_recording_formats[i]);
        layout_short(&store, ngx_recording_formats[i]);
        layout_broken(&store, ngx_recording_formats[i]);
    }

    layout_refused(&store);

    store_remove(&store);

    return tap_done();
}


/* --- version 1 */

static void
layout_old(ngx_recording_store_t *store)
{
    is(sizeof(ngx_recording_journal_facts_1_t), 128, "facts of version 1");
    is(sizeof(ngx_recording_journal_media_1_t), 56, "a track");
    is(sizeof(ngx_recording_journal_state_1_t), 120, "a state");
    is(sizeof(ngx_recording_journal_shown_1_t), 32, "what is shown");
    is(sizeof(ngx_recording_journal_flv_1_t), 40, "what FLV keeps");
    is(sizeof(ngx_recording_journal_mp4_t), 24, "what MP4 keeps");
    is(sizeof(ngx_recording_journal_hls_1_t), 176, "what HLS keeps");

    layout_old_flv(store);
    layout_old_hls(store, sizeof(ngx_recording_journal_hls_1_t));
    layout_old_hls(store, offsetof(ngx_recording_journal_hls_1_t, shift));
    layout_old_mp4(store);
    layout_old_goes_on(store);
}


static void
layout_old_flv(ngx_recording_store_t *store)
{
    layout_t                        j = { layout_memory[0], 0, 0 };
    uint64_t                        refused;
    ngx_recording_flv_t            *flv;
    ngx_recording_mux_t            *mux;
    ngx_recording_journal_gap_t     gap;
    ngx_recording_journal_key_t     keys[2];
    ngx_recording_journal_more_t    more;
    ngx_recording_journal_flv_1_t   kept;

    gap.at = 500;
    gap.length = 70;
    more.n = 3;
    more.length = 4000;
    refused = 9;

    ngx_memzero(&kept, sizeof(kept));
    ngx_memcpy(kept.first[V], "\x17\1\0\0\7", 5);
    kept.stride = 2;
    kept.seen = 3;
    keys[0].time = 80;
    keys[0].pos = 70000;
    keys[1].time = 2080;
    keys[1].pos = 90000;

    layout_facts_1(&j, "flv", 0);
    layout_media_1(&j);
    layout_begin(&j, NGX_RECORDING_JOURNAL_GAP);
    layout_put(&j, &gap, sizeof(gap));
    layout_end(&j);
    layout_begin(&j, NGX_RECORDING_JOURNAL_MORE);
    layout_put(&j, &more, sizeof(more));
    layout_end(&j);
    layout_state_1(&j, NGX_RECORDING_JOURNAL_STATE_1, &kept, sizeof(kept),
                   &keys[0], sizeof(keys[0]));

    mux = layout_read(store, &j, "a state of the first releases");

    if (mux) {
        is(mux->journal_pos, j.size, "all of it");
        is(ngx_recording_mux_end(mux), 1080, "end, by DTS");
        ngx_recording_mux_found(mux, V, 1080, 1200);
        is(ngx_recording_mux_end(mux), 1240, "end, by the PTS that comes");
        ngx_recording_mux_close_thread(mux);
    }

    layout_begin(&j, NGX_RECORDING_JOURNAL_REFUSED_1);
    layout_put(&j, &refused, sizeof(refused));
    layout_end(&j);

    kept.from = 1;
    layout_state_1(&j, NGX_RECORDING_JOURNAL_SHOWN_1, &kept, sizeof(kept),
                   &keys[1], sizeof(keys[1]));

    mux = layout_read(store, &j, "and one of version 1");

    if (mux == NULL) {
        return;
    }

    is(mux->journal_pos, j.size, "all of it");
    layout_same(mux, &ngx_recording_format_flv, "version 1");
    is_text(mux->file.stream->server.data, mux->file.stream->server.len, "",
            "the first ones had no listen addresses");
    is(mux->file.dropped[NGX_RECORDING_DROP_TRACK], 9, "drops that no state "
       "has");
    is(mux->file.ngaps, 1, "a gap");
    is(mux->file.gaps[0].length, 70, "its length");
    is(mux->file.more, 3, "more gaps");
    is(mux->file.more_length, 4000, "their length");

    flv = mux->data;
    is(flv->nkeys, 2, "keys");
    is(flv->keys[0].pos, 70000, "the first one");
    is(flv->keys[1].time, 2080, "the second one");
    is(flv->stride, 2, "stride");
    is(ngx_memcmp(flv->first[V], "\x17\1\0\0\7", 5), 0, "the first frame");

    ngx_recording_mux_close_thread(mux);
}


static void
layout_old_hls(ngx_recording_store_t *store, size_t size)
{
    layout_t                        j = { layout_memory[0], 0, 0 };
    ngx_uint_t                      i;
    ngx_recording_mux_t            *mux;
    ngx_recording_hls_kept_t       *kept;
    ngx_recording_journal_hls_1_t   old;

    ngx_memset(&old, 0, sizeof(old));

    old.end = 333;
    old.target_pos = 60;
    old.target = 6;
    old.npids = 3;
    old.pids[0].counter = 4;
    old.pids[1].pid = 256;
    old.pids[1].counter = 9;
    old.pids[2].pid = 257;
    old.version = 2;
    old.number = 12;
    old.start = 24000;
    old.marked = 1;
    old.size = 777777;
    old.written = 20;
    old.samples[V] = 20;
    old.last[V] = 23960;
    old.anchor = 40;
    old.wall = 5555;
    old.shift = 1200;
    old.shown = 24080;

    layout_facts_1(&j, "hls", 1);
    layout_media_1(&j);
    layout_state_1(&j, NGX_RECORDING_JOURNAL_SHOWN_1, &old, size, NULL, 0);

    mux = layout_read(store, &j, "HLS of version 1");

    if (mux == NULL) {
        return;
    }

    is_text(mux->file.stream->server.data, mux->file.stream->server.len,
            ":1935", "listen addresses");
    kept = &((ngx_recording_hls_t *) mux->data)->kept;

    is(kept->list.end, 333, "the playlist");
    is(kept->list.target, 6, "its target duration");
    is(kept->pids.n, 3, "counters");
    is(kept->pids.pids[0].counter, 4, "of PAT");
    is(kept->pids.pids[1].pid, 256, "of video");
    is(kept->pids.pids[1].counter, 9, "its value");
    is(kept->number, 12, "the segment");
    is(kept->marked, 1, "a discontinuity");
    is(kept->samples[V], 20, "frames before it");
    is(kept->last[V], 23960, "the last one");
    is(kept->wall, 5555, "date");
    is(kept->shift, size == sizeof(old) ? 1200 : 0, "shift of times");
    is(kept->shown, size == sizeof(old) ? 24080 : 24000, "first PTS");

    ngx_recording_mux_close_thread(mux);

    /* a size that no version had, and more than there can be */

    for (i = 0; i < 2; i++) {
        j.size = 0;
        old.npids = i ? NGX_RECORDING_JOURNAL_PIDS_1 + 1 : 3;

        layout_facts_1(&j, "hls", 1);
        layout_media_1(&j);
        layout_state_1(&j, NGX_RECORDING_JOURNAL_SHOWN_1, &old,
                       size - (i ? 0 : 1), NULL, 0);

        mux = layout_read(store, &j, "a state that cannot be");

        if (mux) {
            ok(mux->journal_pos < (off_t) j.size, "the state is left out");
            ngx_recording_mux_close_thread(mux);
        }
    }
}


static void
layout_old_mp4(ngx_recording_store_t *store)
{
    layout_t                        j = { layout_memory[0], 0, 0 };
    ngx_recording_mux_t            *mux;
    ngx_recording_journal_mp4_t     kept;
    ngx_recording_journal_record_t  record;

    kept.size = 100000;
    kept.shift = 8192;
    kept.moved = 4096;

    layout_facts_1(&j, "mp4", 1);
    layout_media_1(&j);
    layout_state_1(&j, NGX_RECORDING_JOURNAL_SHOWN_1, &kept, sizeof(kept),
                   NULL, 0);

    mux = layout_read(store, &j, "MP4 of version 1");

    if (mux == NULL) {
        return;
    }

    layout_same(mux, &ngx_recording_format_mp4, "version 1");

    ngx_recording_journal_layout_begin(&record);
    mux->format->save(mux, &record);

    is(record.n, 1, "MP4 keeps one part");
    is(ngx_memcmp(record.iov.iov[2].iov_base, &kept, sizeof(kept)), 0,
       "the same");

    ngx_recording_mux_close_thread(mux);
}


/* a file that was begun by version 1 is gone on with */

static void
layout_old_goes_on(ngx_recording_store_t *store)
{
    int                           fd;
    layout_t                      j = { layout_memory[0], 0, 0 };
    ngx_recording_mux_t          *mux;
    ngx_recording_journal_mp4_t   kept;

    ngx_memzero(&kept, sizeof(kept));

    layout_facts_1(&j, "mp4", 1);
    layout_media_1(&j);
    layout_state_1(&j, NGX_RECORDING_JOURNAL_SHOWN_1, &kept, sizeof(kept),
                   NULL, 0);

    fd = ngx_recording_store_create_thread(store, "77.journal");

    is(ngx_recording_io_write_thread(fd, j.data, j.size, 0), NGX_OK,
       "a journal of version 1");
    (void) close(fd);

    mux = ngx_recording_journal_read_thread(store, 77);
    ok(mux != NULL, "is read");

    if (mux == NULL) {
        return;
    }

    is_text((u_char *) mux->owner, strlen(mux->owner), "worker.1", "owner");

    mux->pos++;
    is(ngx_recording_journal_owner_thread(mux), NGX_OK, "a new owner");
    is(ngx_recording_journal_state_thread(mux), NGX_OK, "and a state");
    ngx_recording_mux_close_thread(mux);

    mux = ngx_recording_journal_read_thread(store, 77);
    ok(mux != NULL, "and read again");

    if (mux == NULL) {
        return;
    }

    is(mux->pos, 4712, "where it stands");
    is(mux->settled, 0, "nothing is settled");
    is(strcmp(mux->owner, store->owner), 0, "whose it is");
    mux->pos--;
    layout_same(mux, &ngx_recording_format_mp4, "gone on with");
    ngx_recording_mux_close_thread(mux);
}


static void
layout_facts_1(layout_t *j, const char *format, ngx_uint_t server)
{
    char                             owner[64];
    uint64_t                         len;
    ngx_uint_t                       i;
    ngx_recording_journal_facts_1_t  facts;

    static const char  *strings[] = {
        "all", "example.com", "live", "news", "key=1", "{StreamID}"
    };

    ngx_memzero(&facts, sizeof(facts));
    ngx_memzero(owner, sizeof(owner));

    facts.version = 1;
    facts.id = 77;
    facts.recording_id = 7;
    facts.random = 5;
    facts.start = 1000000;
    facts.segment = 2000;
    facts.resume = 30000;
    facts.offset = 3600;
    (void) snprintf(facts.format, sizeof(facts.format), "%s", format);

    for (i = 0; i < NGX_RECORDING_JOURNAL_STRINGS_1; i++) {
        facts.len[i] = strlen(strings[i]);
    }

    layout_begin(j, NGX_RECORDING_JOURNAL_FACTS_1);
    layout_put(j, &facts, sizeof(facts));

    for (i = 0; i < NGX_RECORDING_JOURNAL_STRINGS_1; i++) {
        layout_put(j, strings[i], strlen(strings[i]));
    }

    if (server) {
        len = 5;
        layout_put(j, &len, sizeof(len));
        layout_put(j, ":1935", 5);
    }

    layout_end(j);

    (void) strcpy(owner, "worker.1");
    layout_begin(j, NGX_RECORDING_JOURNAL_OWNER);
    layout_put(j, owner, sizeof(owner));
    layout_end(j);
}


static void
layout_media_1(layout_t *j)
{
    ngx_recording_journal_media_1_t  media;

    layout_begin(j, NGX_RECORDING_JOURNAL_MEDIA_1);

    ngx_memzero(&media, sizeof(media));
    media.present = 1;
    media.codec = NGX_RECORDING_CODEC_H264;
    media.body = 5;
    media.len = sizeof(layout_video);

    /* what the header tells is read from it */

    media.width = 17;
    layout_put(j, &media, sizeof(media));
    layout_put(j, layout_video, sizeof(layout_video));

    ngx_memzero(&media, sizeof(media));
    media.present = 1;
    media.codec = NGX_RECORDING_CODEC_MP3;
    media.sample_rate = 44100;
    media.channels = 2;
    media.samples = 1152;
    layout_put(j, &media, sizeof(media));

    layout_end(j);

    layout_begin(j, NGX_RECORDING_JOURNAL_META);
    layout_put(j, "meta", 4);
    layout_end(j);

    layout_begin(j, NGX_RECORDING_JOURNAL_PATH);
    layout_put(j, "live/news.file", 14);
    layout_end(j);
}


static void
layout_state_1(layout_t *j, ngx_recording_journal_e kind, void *kept,
    size_t size, void *more, size_t n)
{
    ngx_recording_journal_state_1_t  state;
    ngx_recording_journal_shown_1_t  shown[NGX_RECORDING_JOURNAL_TRACKS_1];

    ngx_memzero(&state, sizeof(state));
    ngx_memzero(shown, sizeof(shown));

    shown[V].first = 80;
    shown[V].high = 1120;
    shown[V].odd = 400;
    shown[V].before = 33;

    state.pos = 4711;
    state.wall = 1234567;
    state.first = 6;
    state.last[V] = 1040;
    state.step[V] = 40;
    state.samples[V] = 27;
    state.written = 27;
    state.dropped[NGX_RECORDING_DROP_DISK] = 4;

    layout_begin(j, kind);

    if (kind == NGX_RECORDING_JOURNAL_SHOWN_1) {
        layout_put(j, shown, sizeof(shown));
    }

    layout_put(j, &state, sizeof(state));
    layout_put(j, kept, size);
    layout_put(j, more, n);
    layout_end(j);
}


/* --- what a later version may have more, or an earlier one less */

static void
layout_later(ngx_recording_store_t *store,
    const ngx_recording_format_t *format)
{
    u_char                        *p;
    layout_t                       j = { layout_memory[0], 0, 0 };
    layout_t                       later = { layout_memory[1], 0, 0 };
    ngx_recording_mux_t           *mux;
    ngx_recording_journal_head_t   head;

    layout_journal(store, &j, format);

    for (p = j.data; p < j.data + j.size; p += sizeof(head) + head.size) {
        ngx_memcpy(&head, p, sizeof(head));

        layout_begin(&later, head.kind);

        if (head.kind >= NGX_RECORDING_JOURNAL_FACTS) {
            layout_parts(&later, p + sizeof(head), head.size, 8);

        } else {
            layout_put(&later, p + sizeof(head), head.size);
        }

        if (head.kind == NGX_RECORDING_JOURNAL_GAP
            || head.kind == NGX_RECORDING_JOURNAL_MORE)
        {
            layout_put(&later, "\xee\xee\xee\xee", 4);
        }

        layout_end(&later);

        layout_begin(&later, LAYOUT_STRANGE);
        layout_put(&later, "strange", 7);
        layout_end(&later);
    }

    mux = layout_read(store, &later, format->name);

    if (mux) {
        is(mux->journal_pos, later.size, "%s: all is read", format->name);
        layout_same(mux, format, "a later version");
        is(mux->settled, 4000, "%s: what is settled", format->name);
        is(mux->file.ngaps, 2, "%s: gaps", format->name);
        ngx_recording_mux_close_thread(mux);
    }
}


static void
layout_short(ngx_recording_store_t *store,
    const ngx_recording_format_t *format)
{
    u_char                        *p;
    layout_t                       j = { layout_memory[0], 0, 0 };
    layout_t                       less = { layout_memory[1], 0, 0 };
    ngx_recording_mux_t           *mux;
    ngx_recording_journal_head_t   head;

    layout_journal(store, &j, format);

    for (p = j.data; p < j.data + j.size; p += sizeof(head) + head.size) {
        ngx_memcpy(&head, p, sizeof(head));

        layout_begin(&less, head.kind);

        if (head.kind == NGX_RECORDING_JOURNAL_STATE
            || head.kind == NGX_RECORDING_JOURNAL_FACTS)
        {
            layout_parts(&less, p + sizeof(head), head.size, -8);

        } else {
            layout_put(&less, p + sizeof(head), head.size);
        }

        layout_end(&less);
    }

    mux = layout_read(store, &less, "less of everything");

    if (mux) {
        is(mux->pos, 4711, "%s: position", format->name);
        is(mux->last[V], 1040, "%s: last DTS", format->name);
        is(mux->shown[V].odd, 400, "%s: an odd step", format->name);
        is(mux->shown[V].before, 0, "%s: what is missing", format->name);
        is(mux->settled, 0, "%s: what is missing, too", format->name);
        is(mux->file.written, 27, "%s: frames", format->name);
        ngx_recording_mux_close_thread(mux);
    }
}


/* each structure is longer by so many bytes, each record has a part more */

static void
layout_parts(layout_t *to, u_char *p, size_t size, ssize_t change)
{
    u_char                        *last, *next;
    ngx_uint_t                     i;
    ngx_recording_journal_part_t   part, anew;

    for (last = p + size; p < last; p = next) {
        ngx_memcpy(&part, p, sizeof(part));
        p += sizeof(part);
        next = p + (size_t) part.n * part.size;
        anew = part;

        if (part.size <= 8 || part.n == 0) {
            layout_put(to, &part, sizeof(part));
            layout_put(to, p, next - p);
            continue;
        }

        anew.size += change;
        layout_put(to, &anew, sizeof(anew));

        for (i = 0; i < part.n; i++, p += part.size) {
            layout_put(to, p, ngx_min(part.size, anew.size));

            if (change > 0) {
                layout_put(to, "\xee\xee\xee\xee\xee\xee\xee\xee", change);
            }
        }
    }

    if (change > 0) {
        anew.n = 3;
        anew.size = 5;
        layout_put(to, &anew, sizeof(anew));
        layout_put(to, "fifteen bytes..", 15);
    }
}


/* --- what is damaged */

static void
layout_broken(ngx_recording_store_t *store,
    const ngx_recording_format_t *format)
{
    size_t                         i, n;
    u_char                        *p;
    uint32_t                       crc;
    ngx_uint_t                     more, read, flip;
    layout_t                       j = { layout_memory[0], 0, 0 }, copy;
    ngx_recording_mux_t           *mux;
    ngx_recording_journal_head_t   head;

    static const u_char  flips[] = { 0x01, 0x80, 0xff };

    layout_journal(store, &j, format);

    more = 0;
    read = 0;

    for (n = 0; n < j.size; n++) {
        copy.data = tap_copy(j.data, n);
        mux = ngx_recording_journal_parse(store, copy.data, n);

        if (mux) {
            read++;
            more += (mux->journal_pos > (off_t) n);
            ngx_recording_mux_close_thread(mux);
        }

        free(copy.data);
    }

    ok(read > 0 && read < j.size, "%s: %u of %u lengths are read",
       format->name, (unsigned) read, (unsigned) j.size);
    is(more, 0, "%s: never more than there is", format->name);

    /* a bit: what comes from there on is not read */

    for (n = 0; n < j.size * 8; n++) {
        j.data[n / 8] ^= 1 << n % 8;
        mux = ngx_recording_journal_parse(store, j.data, j.size);

        if (mux) {
            more += (mux->journal_pos > (off_t) n / 8);
            ngx_recording_mux_close_thread(mux);
        }

        j.data[n / 8] ^= 1 << n % 8;
    }

    is(more, 0, "%s: nor behind a bit that is wrong", format->name);

    /* and if the checksum was right nevertheless */

    for (p = j.data; p < j.data + j.size; p += sizeof(head) + head.size) {
        ngx_memcpy(&head, p, sizeof(head));

        for (i = 0; i < head.size * 3; i++) {
            flip = flips[i % 3];
            p[sizeof(head) + i / 3] ^= flip;

            crc = ngx_recording_av_crc(UINT32_MAX, p + sizeof(crc),
                                       sizeof(head) - sizeof(crc)
                                       + head.size);
            ngx_memcpy(p, &crc, sizeof(crc));

            copy.data = tap_copy(j.data, j.size);
            mux = ngx_recording_journal_parse(store, copy.data, j.size);
            free(copy.data);

            if (mux) {
                ngx_recording_mux_close_thread(mux);
            }

            p[sizeof(head) + i / 3] ^= flip;
        }

        ngx_memcpy(p, &head, sizeof(head));
    }

    mux = layout_read(store, &j, "it is whole again");

    if (mux) {
        ngx_recording_mux_close_thread(mux);
    }
}


static void
layout_refused(ngx_recording_store_t *store)
{
    u_char                        *p;
    uint32_t                       value;
    ngx_uint_t                     i;
    layout_t                       j = { layout_memory[0], 0, 0 };
    layout_t                       other = { layout_memory[1], 0, 0 };
    ngx_recording_journal_head_t   head;

    layout_journal(store, &j, &ngx_recording_format_flv);

    p = j.data + sizeof(head) + sizeof(ngx_recording_journal_part_t);
    ngx_memcpy(&head, j.data, sizeof(head));

    /* another major version, another byte order */

    for (i = 0; i < 3; i += 2) {
        other.size = 0;
        value = i == 0 ? NGX_RECORDING_JOURNAL_MAJOR + 1 : 0x04030201;

        layout_begin(&other, NGX_RECORDING_JOURNAL_FACTS);
        layout_put(&other, j.data + sizeof(head), head.size);
        ngx_memcpy(other.data + (p - j.data) + i * sizeof(value), &value,
                   sizeof(value));
        layout_end(&other);
        layout_put(&other, j.data + other.size, j.size - other.size);

        errno = ENOMEM;
        ok(ngx_recording_journal_parse(store, other.data, other.size) == NULL,
           i == 0 ? "another major version" : "another byte order");
        is(errno, 0, "is refused: no error of the disk");
    }

    ok(ngx_recording_journal_parse(store, j.data, sizeof(head) + head.size)
       == NULL, "a journal without tracks");
}


/* --- a journal of today */

static void
layout_journal(ngx_recording_store_t *store, layout_t *j,
    const ngx_recording_format_t *format)
{
    size_t                size;
    u_char               *p;
    ngx_recording_mux_t  *mux;

    (void) ngx_recording_journal_clear_thread(store, 77);

    mux = layout_open(store, 77, format);

    (void) ngx_recording_journal_gap_thread(mux, 500, 70);
    (void) ngx_recording_journal_gap_thread(mux, 600, 80);
    is(ngx_recording_journal_state_thread(mux), NGX_OK, "%s: a state",
       format->name);

    ngx_recording_mux_close_thread(mux);

    p = ngx_recording_journal_record_load_thread(store, 77, &size);

    if (p == NULL || size > LAYOUT_SIZE / 4) {
        printf("Bail out! no journal\n");
        exit(1);
    }

    ngx_memcpy(j->data, p, size);
    j->size = size;
    free(p);
}


static ngx_recording_mux_t *
layout_open(ngx_recording_store_t *store, uint64_t id,
    const ngx_recording_format_t *format)
{
    ngx_recording_flv_t    *flv;
    ngx_recording_hls_t    *hls;
    ngx_recording_mux_t    *mux;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS], *m;

    static ngx_recording_stream_t   stream;
    static const u_char             aac[] = { 0xaf, 0, 0x12, 0x10 };
    ngx_recording_journal_parts_t   none = { NULL, 0, 0 };

    ngx_memzero(media, sizeof(media));

    m = &media[V];
    m->header = layout_video;
    m->header_len = sizeof(layout_video);
    m->header_body = 5;
    m->present = 1;
    (void) ngx_recording_codec_avc(&m->codec, layout_video + 5,
                                   sizeof(avc_720));

    m = &media[A];
    m->present = 1;

    if (format == &ngx_recording_format_flv) {
        m->codec.codec = NGX_RECORDING_CODEC_MP3;
        m->codec.sample_rate = 44100;
        m->codec.channels = 2;
        m->codec.samples = 1152;

    } else {
        m->header = (u_char *) aac;
        m->header_len = sizeof(aac);
        m->header_body = 2;
        (void) ngx_recording_codec_aac(&m->codec, m->header + 2, 2);
    }

    mux = ngx_recording_mux_create_thread(format, store, media);

    if (mux == NULL) {
        printf("Bail out! no file\n");
        exit(1);
    }

    mux->file.id = id;
    mux->file.recording_id = 7;
    mux->file.random = 5;
    mux->file.start = 1000000;
    mux->file.stream = &stream;
    mux->segment = 2000;
    mux->resume = 30000;
    mux->zone.offset = 3600;

    ngx_str_set(&stream.template, "all");
    ngx_str_set(&stream.domain, "example.com");
    ngx_str_set(&stream.app, "live");
    ngx_str_set(&stream.name, "news");
    ngx_str_set(&stream.param, "key=1");
    ngx_str_set(&stream.server, ":1935");
    ngx_str_set(&mux->path_text, "{StreamID}");

    mux->meta = malloc(4);
    ngx_memcpy(mux->meta, "meta", 4);
    mux->meta_len = 4;

    is(ngx_recording_journal_create_thread(mux), NGX_OK, "%s: created",
       format->name);

    mux->file.path_len = sprintf((char *) mux->file.path, "live/news.file");
    (void) ngx_recording_journal_path_thread(mux);

    mux->pos = 4711;
    mux->wall = 1234567;
    mux->cut = 6;
    mux->file.written = 27;
    mux->settled = 4000;
    mux->file.dropped[NGX_RECORDING_DROP_DISK] = 4;
    mux->file.dropped[NGX_RECORDING_DROP_TRACK] = 9;
    mux->samples[V] = 27;
    mux->last[V] = 1040;
    mux->step[V] = 40;
    mux->shown[V].first = 80;
    mux->shown[V].high = 1120;
    mux->shown[V].odd = 400;
    mux->shown[V].before = 33;

    /* what the formats keep is made as it is for one that is read */

    if (format->restore) {
        (void) format->restore(mux, &none);
    }

    if (format == &ngx_recording_format_flv) {
        flv = mux->data;
        flv->keys = calloc(2, sizeof(ngx_recording_flv_key_t));
        flv->allocated = 2;
        flv->nkeys = 2;
        flv->keys[1].time = 2080;
    }

    if (format == &ngx_recording_format_hls) {
        hls = mux->data;
        hls->kept.number = 12;
        hls->kept.pids.n = 2;
        hls->kept.pids.pids[1].pid = 256;
    }

    return mux;
}


static void
layout_same(ngx_recording_mux_t *mux, const ngx_recording_format_t *format,
    const char *what)
{
    ngx_recording_stream_t  *stream;

    is_text((u_char *) mux->format->name, strlen(mux->format->name),
            format->name, "%s: format", what);

    stream = mux->file.stream;

    is_text(stream->template.data, stream->template.len, "all",
            "%s: template", what);
    is_text(stream->domain.data, stream->domain.len, "example.com",
            "%s: domain", what);
    is_text(stream->app.data, stream->app.len, "live", "%s: app", what);
    is_text(stream->name.data, stream->name.len, "news", "%s: stream", what);
    is_text(stream->param.data, stream->param.len, "key=1", "%s: query",
            what);
    is_text(mux->path_text.data, mux->path_text.len, "{StreamID}",
            "%s: path of the template", what);
    is_text(mux->file.path, mux->file.path_len, "live/news.file",
            "%s: path", what);
    is_text(mux->meta, mux->meta_len, "meta", "%s: metadata", what);

    is(mux->file.id, 77, "%s: id", what);
    is(mux->file.recording_id, 7, "%s: recording", what);
    is(mux->file.random, 5, "%s: random", what);
    is(mux->file.start, 1000000, "%s: start", what);
    is(mux->segment, 2000, "%s: segment", what);
    is(mux->resume, 30000, "%s: resume", what);
    is(mux->zone.offset, 3600, "%s: zone", what);
    is(mux->zone.local, 0, "%s: not the system's", what);

    is(mux->pos, 4711, "%s: position", what);
    is(mux->wall, 1234567, "%s: wall clock", what);
    is(mux->cut, 6, "%s: the first frame", what);
    is(mux->file.written, 27, "%s: frames", what);
    is(mux->file.dropped[NGX_RECORDING_DROP_DISK], 4, "%s: drops", what);
    is(mux->samples[V], 27, "%s: pictures", what);
    is(mux->samples[A], 0, "%s: sound", what);
    is(mux->last[V], 1040, "%s: last DTS", what);
    is(mux->step[V], 40, "%s: step", what);
    is(mux->shown[V].first, 80, "%s: first PTS", what);
    is(mux->shown[V].high, 1120, "%s: highest PTS", what);
    is(mux->shown[V].odd, 400, "%s: an odd step", what);
    is(mux->shown[V].before, 33, "%s: the step before", what);

    if (mux->media[V].present) {
        is(mux->media[V].codec.codec, NGX_RECORDING_CODEC_H264, "%s: video",
           what);
        is(mux->media[V].codec.width, 1280, "%s: width", what);
        is(mux->media[V].codec.nal_length, 4, "%s: length of lengths", what);
        is(mux->media[V].header_body, 5, "%s: header", what);
        is(ngx_memcmp(mux->media[V].header, layout_video,
                      sizeof(layout_video)), 0, "%s: as it was", what);
    }

    if (mux->media[A].present) {
        is(mux->media[A].codec.sample_rate, 44100, "%s: sample rate", what);
        is(mux->media[A].codec.channels, 2, "%s: channels", what);
        ok(mux->media[A].codec.samples == 1152
           || mux->media[A].codec.samples == 1024, "%s: samples", what);
    }
}


/* --- records */

static void
layout_begin(layout_t *j, ngx_recording_journal_e kind)
{
    ngx_recording_journal_head_t  head;

    head.crc = 0;
    head.kind = kind;
    head.size = 0;

    j->begin = j->size;
    layout_put(j, &head, sizeof(head));
}


static void
layout_put(layout_t *j, const void *p, size_t size)
{
    if (j->size + size > LAYOUT_SIZE) {
        printf("Bail out! a journal that is too long\n");
        exit(1);
    }

    if (size) {
        ngx_memcpy(j->data + j->size, p, size);
        j->size += size;
    }
}


static void
layout_end(layout_t *j)
{
    u_char                        *p;
    ngx_recording_journal_head_t   head;

    p = j->data + j->begin;

    ngx_memcpy(&head, p, sizeof(head));
    head.size = j->size - j->begin - sizeof(head);
    ngx_memcpy(p, &head, sizeof(head));

    head.crc = ngx_recording_av_crc(UINT32_MAX, p + sizeof(head.crc),
                                    j->size - j->begin - sizeof(head.crc));
    ngx_memcpy(p, &head, sizeof(head));
}


/* a copy of exactly that size is read */

static ngx_recording_mux_t *
layout_read(ngx_recording_store_t *store, layout_t *j, const char *what)
{
    u_char               *p;
    ngx_recording_mux_t  *mux;

    p = tap_copy(j->data, j->size);
    mux = ngx_recording_journal_parse(store, p, j->size);
    free(p);

    ok(mux != NULL, "%s: read", what);

    return mux;
}
