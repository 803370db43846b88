
/*
 * Reading back MPEG-TS segments: packets made by hand.  ts_cut has those
 * that libavformat writes.
 */


#include "tap.h"
#include "headers.h"
#include "ngx_recording_ts.h"


#define V  NGX_RECORDING_VIDEO
#define A  NGX_RECORDING_AUDIO

#define TS_PACKET   NGX_RECORDING_TS_PACKET
#define TS_PACKETS  64              /* in a segment made by hand */
#define TS_PMT      0x1000
#define TS_VIDEO    NGX_RECORDING_TS_PID
#define TS_AUDIO    (NGX_RECORDING_TS_PID + 1)


/* a segment that grows */

typedef struct {
    u_char                   data[TS_PACKETS * TS_PACKET];
    size_t                   size;
    ngx_recording_ts_pids_t  pids;
} ts_made_t;


static void ts_stamp(void);
static void ts_last_pes(void);
static void ts_between(void);
static void ts_adaptation(void);
static void ts_fields(void);
static void ts_foreign(void);
static void ts_order(void);
static void ts_headers(void);
static void ts_times(void);
static void ts_audio(void);
static void ts_counters(void);

static void ts_made_packet(ts_made_t *m, ngx_uint_t pid, ngx_uint_t flags,
    int field, const u_char *data, size_t size);
static void ts_made_pes(ts_made_t *m, ngx_uint_t track, int64_t dts,
    const u_char *data, size_t size);
static size_t ts_made_header(u_char *p, ngx_uint_t track, int64_t dts,
    size_t size);
static void ts_made_table(ts_made_t *m);
static void ts_made_zeros(ts_made_t *m);
static ngx_int_t ts_read(ngx_recording_ts_t *ts, ts_made_t *m);
static uint64_t ts_whole(ts_made_t *m);


static u_char  ts_filler[4096];


int
main(void)
{
    ngx_memset(ts_filler, 0xa5, sizeof(ts_filler));

    ts_stamp();
    ts_last_pes();
    ts_between();
    ts_adaptation();
    ts_fields();
    ts_foreign();
    ts_order();
    ts_headers();
    ts_times();
    ts_audio();
    ts_counters();

    return tap_done();
}


static void
ts_stamp(void)
{
    ts_made_t   m;
    ngx_uint_t  i, wrong;

    ngx_memzero(&m, sizeof(ts_made_t));

    for (i = 0; i < 18; i++) {
        ts_made_packet(&m, TS_VIDEO, 0, -1, ts_filler, 184);
    }

    ts_made_packet(&m, TS_VIDEO, 0, 183, NULL, 0);
    ts_made_packet(&m, TS_VIDEO, 0, -1, ts_filler, 184);

    for (wrong = 0, i = 0; i < 18; i++) {
        wrong += ((m.data[i * TS_PACKET + 3] & 0x0f) != (i & 0x0f));
    }

    is(wrong, 0, "counters run from 0 and round");
    is(m.data[18 * TS_PACKET + 3] & 0x0f, 1, "no payload, no count");
    is(m.data[19 * TS_PACKET + 3] & 0x0f, 2, "and it goes on");

    ngx_memzero(&m, sizeof(ts_made_t));

    for (i = 0; i < NGX_RECORDING_TS_PIDS + 2; i++) {
        ts_made_packet(&m, 0x20 + i, 0, -1, ts_filler, 184);
        m.data[i * TS_PACKET + 3] = 0x17;
    }

    ngx_memzero(&m.pids, sizeof(ngx_recording_ts_pids_t));
    ngx_recording_ts_stamp(&m.pids, m.data, m.data + m.size);

    is(m.pids.n, NGX_RECORDING_TS_PIDS, "a full table of PIDs");
    is(m.data[7 * TS_PACKET + 3], 0x10, "the last PID of it");
    is(m.data[8 * TS_PACKET + 3], 0x17, "a PID for which there is no room");
}


/* when the last PES is known to be whole */

static void
ts_last_pes(void)
{
    u_char     data[4096];
    ts_made_t  m, with;

    ngx_memzero(&m, sizeof(ts_made_t));

    is(ts_whole(&m), 0, "an empty segment");

    ts_made_table(&m);
    is(ts_whole(&m), 0, "only tables");

    ts_made_pes(&m, V, 900, ts_filler, 300);
    is(ts_whole(&m), 3 * TS_PACKET, "video with stuffing");

    ts_made_pes(&m, V, 1800, ts_filler, 20);
    is(ts_whole(&m), 4 * TS_PACKET, "video in one packet, with stuffing");

    /* 184 bytes less a header of 14 */

    ts_made_pes(&m, V, 2700, ts_filler, 170 + 184);
    is(ts_whole(&m), 4 * TS_PACKET, "video that fills its packets");

    with = m;
    ts_made_table(&with);
    is(ts_whole(&with), 4 * TS_PACKET, "video that fills them, a table");

    with = m;
    ts_made_pes(&with, A, 2700, ts_filler, 3000);
    with.size = 7 * TS_PACKET;
    is(ts_whole(&with), 6 * TS_PACKET, "video that fills them, audio begins");

    with = m;
    ts_made_pes(&with, V, 3600, ts_filler, 3000);
    with.size = 7 * TS_PACKET;
    is(ts_whole(&with), 6 * TS_PACKET, "video that fills them, video begins");

    ts_made_pes(&m, A, 2700, ts_filler, 170 + 184);
    is(ts_whole(&m), 8 * TS_PACKET, "audio that fills its packets");

    /* what a power cut leaves */

    with = m;
    ts_made_zeros(&with);
    is(ts_whole(&with), 6 * TS_PACKET, "audio and zeros");

    with = m;
    ts_made_table(&with);
    ts_made_zeros(&with);
    is(ts_whole(&with), 8 * TS_PACKET, "audio, a table and zeros");

    with = m;
    ts_made_pes(&with, V, 3600, ts_filler, 400);
    ts_made_zeros(&with);
    is(ts_whole(&with), 8 * TS_PACKET, "audio, video and zeros");

    ngx_memcpy(data, ts_filler, sizeof(data));
    ngx_memzero(data + 290, 10);

    ts_made_pes(&m, V, 3600, data, 300);
    is(ts_whole(&m), 8 * TS_PACKET, "video that ends with zeros");

    ts_made_table(&m);
    is(ts_whole(&m), 10 * TS_PACKET, "video that ends with zeros, a table");
}


/* packets that stand inside a PES */

static void
ts_between(void)
{
    u_char              data[TS_PACKET];
    ts_made_t           m;
    ngx_recording_ts_t  ts;

    ngx_memzero(&m, sizeof(ts_made_t));

    ngx_memcpy(data, ts_filler, sizeof(data));
    (void) ts_made_header(data, V, 900, 0);

    ts_made_packet(&m, TS_VIDEO, 0x40, -1, data, 184);
    ts_made_table(&m);
    ts_made_packet(&m, TS_VIDEO, 0, 183, NULL, 0);
    ts_made_packet(&m, TS_AUDIO, 0, 183, NULL, 0);
    ts_made_packet(&m, TS_VIDEO, 0, 83, ts_filler, 100);

    is(ts_whole(&m), 5 * TS_PACKET, "packets without payload inside");

    ts_made_packet(&m, TS_VIDEO, 0, 183, NULL, 0);
    is(ts_read(&ts, &m), NGX_OK, "and behind");
    is(ts.whole, 5 * TS_PACKET, "which are not counted");
    is(ts.tracks[V].frames, 1, "one frame");
    is(ts.pids.n, 3, "counters up to there");
}


static void
ts_adaptation(void)
{
    u_char      data[TS_PACKET];
    ts_made_t   m;
    ngx_uint_t  i;

    static const struct {
        const char         *name;
        int                 field;
        u_char              flags;
        ngx_uint_t          whole;
    } tests[] = {
        { "no adaptation field", -1, 0, 0 },
        { "a length of zero", 0, 0, 1 },
        { "two bytes without a sense", 1, 0, 1 },
        { "a random access point", 1, 0x40, 0 },
        { "a random access point, stuffing", 2, 0x40, 1 },
        { "a discontinuity", 1, 0x80, 0 },
        { "a PCR", 7, 0x50, 0 },
        { "a PCR, stuffing", 8, 0x50, 1 },
        { "a PCR that has no room", 6, 0x50, 0 },
        { "an OPCR", 20, 0x08, 0 },
        { "private data", 20, 0x02, 0 },
    };

    ngx_memcpy(data, ts_filler, sizeof(data));
    (void) ts_made_header(data, V, 900, 0);

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        ngx_memzero(&m, sizeof(ts_made_t));

        ts_made_packet(&m, TS_VIDEO, 0x40, tests[i].field, data,
                       183 - tests[i].field);

        if (tests[i].field > 0) {
            m.data[5] = tests[i].flags;
        }

        is(ts_whole(&m), tests[i].whole * TS_PACKET, "%s", tests[i].name);
    }
}


/* adaptation fields that leave no sense to a packet */

static void
ts_fields(void)
{
    ts_made_t           m;
    ngx_uint_t          i;
    ngx_recording_ts_t  ts;

    static const struct {
        const char         *name;
        ngx_uint_t          pid;
        u_char              bits;
        u_char              field;
        u_char              flags;
        ngx_int_t           rc;
    } tests[] = {
        { "a field and a payload", TS_PMT, 0x30, 100, 0, NGX_OK },
        { "a payload of one byte", TS_PMT, 0x30, 182, 0, NGX_OK },
        { "no room for the payload", TS_PMT, 0x30, 183, 0, NGX_DECLINED },
        { "a field over the end", TS_PMT, 0x30, 184, 0, NGX_DECLINED },
        { "no payload", TS_VIDEO, 0x20, 183, 0, NGX_OK },
        { "a short field, no payload", TS_VIDEO, 0x20, 182, 0, NGX_DECLINED },
        { "a long field, no payload", TS_VIDEO, 0x20, 184, 0, NGX_DECLINED },
        { "a PCR", TS_VIDEO, 0x20, 183, 0x10, NGX_OK },
        { "a PCR with its room", TS_PMT, 0x30, 7, 0x10, NGX_OK },
        { "a PCR without room", TS_PMT, 0x30, 6, 0x10, NGX_DECLINED },
        { "private data", TS_PMT, 0x30, 100, 0x02, NGX_DECLINED },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        ngx_memzero(&m, sizeof(ts_made_t));

        ts_made_packet(&m, tests[i].pid, 0, 183, NULL, 0);
        m.data[3] = tests[i].bits;
        m.data[4] = tests[i].field;
        m.data[5] = tests[i].flags;

        is(ts_read(&ts, &m), tests[i].rc, "%s", tests[i].name);
    }
}


/* a byte of a good segment is another one */

static void
ts_foreign(void)
{
    ts_made_t           m, with;
    ngx_int_t           rc;
    ngx_uint_t          i;
    ngx_recording_ts_t  ts;

    static const struct {
        const char         *name;
        size_t              at;
        u_char              byte;
        uint64_t            whole;
    } tests[] = {
        { "no sync byte", 4 * 188, 0x48, 3 },
        { "a transport error", 4 * 188 + 1, 0x81, 3 },
        { "priority", 4 * 188 + 1, 0x21, 3 },
        { "an unknown PID", 4 * 188 + 2, 0x02, 3 },
        { "null packets", 4 * 188 + 1, 0x1f, 3 },
        { "scrambled", 4 * 188 + 3, 0x91, 3 },
        { "neither payload nor field", 4 * 188 + 3, 0x01, 3 },
        { "a gap in the counters", 4 * 188 + 3, 0x12, 3 },
        { "a repeated packet", 4 * 188 + 3, 0x10, 3 },
        { "a field over the packet's end", 5 * 188 + 4, 184, 3 },
        { "a field without payload", 5 * 188 + 4, 183, 3 },
        { "a PES without a start", 3 * 188 + 1, 0x01, 1 },
        { "a start inside a PES", 4 * 188 + 1, 0x41, 3 },
        { "audio longer than its length", 3 * 188 + 9, 0x40, 3 },
        { "audio shorter than its length", 3 * 188 + 9, 0xff, 3 },
    };

    /* a table, video of two packets, audio of three, video of two */

    ngx_memzero(&m, sizeof(ts_made_t));

    ts_made_table(&m);
    ts_made_pes(&m, V, 900, ts_filler, 300);
    ts_made_pes(&m, A, 900, ts_filler, 400);
    ts_made_pes(&m, V, 1800, ts_filler, 300);

    is(ts_read(&ts, &m), NGX_OK, "a good segment");
    is(ts.whole, 8 * 188, "all of it");

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        with = m;
        with.data[tests[i].at] = tests[i].byte;

        rc = ts_read(&ts, &with);

        is(rc, NGX_DECLINED, "%s: declined", tests[i].name);
        ok(ts.whole <= tests[i].whole * 188, "%s: what is whole",
           tests[i].name);

        is(ngx_recording_ts_scan(&ts, m.data, 0), NGX_DECLINED,
           "%s: for good", tests[i].name);
    }
}


/* good packets in an order that libavformat never has */

static void
ts_order(void)
{
    ts_made_t           m, with;
    ngx_recording_ts_t  ts;

    ngx_memzero(&m, sizeof(ts_made_t));

    with = m;
    ts_made_packet(&with, TS_VIDEO, 0, -1, ts_filler, 184);
    is(ts_read(&ts, &with), NGX_DECLINED, "no PES begins");

    ts_made_pes(&m, V, 900, ts_filler, 300);

    with = m;
    ts_made_packet(&with, TS_VIDEO, 0, -1, ts_filler, 184);
    is(ts_read(&ts, &with), NGX_DECLINED, "video goes on behind stuffing");
    is(ts.whole, 0, "so it was not whole");

    with = m;
    ts_made_table(&with);
    ts_made_packet(&with, TS_VIDEO, 0, -1, ts_filler, 184);
    is(ts_read(&ts, &with), NGX_DECLINED, "and behind a table");

    with = m;
    ts_made_pes(&with, V, 1800, ts_filler, 170);
    ts_made_packet(&with, TS_AUDIO, 0, -1, ts_filler, 184);
    is(ts_read(&ts, &with), NGX_DECLINED, "audio goes on in video");
    is(ts.whole, m.size, "what was before");

    with = m;
    ts_made_pes(&with, V, 1800, ts_filler, 170);
    ts_made_pes(&with, A, 1800, ts_filler, 600);
    with.size -= 2 * TS_PACKET;
    is(ts_read(&ts, &with), NGX_OK, "audio in the place of video");

    ts_made_packet(&with, TS_VIDEO, 0, -1, ts_filler, 184);
    is(ts_read(&ts, &with), NGX_DECLINED, "video goes on in audio");

    with = m;
    ts_made_pes(&with, A, 900, ts_filler, 170 + 100);
    with.size -= TS_PACKET;
    with.pids.pids[1].counter--;
    ts_made_packet(&with, TS_AUDIO, 0, -1, ts_filler, 184);
    is(ts_read(&ts, &with), NGX_DECLINED, "audio longer than its length");
    is(ts.whole, m.size, "what was before it");
}


static void
ts_headers(void)
{
    ts_made_t           m, with;
    ngx_uint_t          i;
    ngx_recording_ts_t  ts;

    static const struct {
        const char         *name;
        size_t              at;
        u_char              byte;
    } tests[] = {
        { "no start code", 2, 2 },
        { "another stream", 3, 0xc0 },
        { "a length that is too short", 5, 2 },
        { "MPEG-1", 6, 0x0f },
        { "no times", 7, 0 },
        { "only a DTS", 7, 0x40 },
        { "an extension", 7, 0x81 },
        { "too long a header", 8, 255 },
        { "too short a header", 8, 4 },
        { "no marker bits", 9, 0x20 },
    };

    ngx_memzero(&m, sizeof(ts_made_t));

    ts_made_pes(&m, V, 900, ts_filler, 170);
    ts_made_pes(&m, V, 1800, ts_filler, 170);
    ts_made_table(&m);

    is(ts_read(&ts, &m), NGX_OK, "a good header");

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        with = m;
        with.data[TS_PACKET + 4 + tests[i].at] = tests[i].byte;

        is(ts_read(&ts, &with), NGX_DECLINED, "%s", tests[i].name);
        is(ts.whole, 0, "%s: what was before may go on", tests[i].name);
    }
}


static void
ts_times(void)
{
    u_char              data[64];
    int64_t             last;
    ts_made_t           m;
    ngx_recording_ts_t  ts;

    last = ((int64_t) 1 << 33) - 1;

    ngx_memzero(&m, sizeof(ts_made_t));
    (void) ts_read(&ts, &m);

    is(ts.tracks[V].first, -1, "no first DTS");
    is(ts.tracks[V].last, -1, "no last DTS");
    is(ts.tracks[V].step, 0, "no step");
    is(ts.tracks[V].frames, 0, "no frames");

    ts_made_pes(&m, V, last - 899, ts_filler, 100);
    ts_made_pes(&m, A, 123456789, ts_filler, 100);
    ts_made_pes(&m, V, 2700, ts_filler, 100);

    is(ts_read(&ts, &m), NGX_OK, "times");
    is(ts.tracks[V].first, last - 899, "first DTS");
    is(ts.tracks[V].last, 2700, "last DTS");
    is(ts.tracks[V].step, 3600, "step over 33 bits");
    is(ts.tracks[V].frames, 2, "frames");
    is(ts.tracks[A].first, 123456789, "first DTS of audio");
    is(ts.tracks[A].last, 123456789, "last DTS of audio");
    is(ts.tracks[A].step, 0, "step of a single one");

    /* a DTS of its own, 0x155555555, behind a PTS of zero */

    ngx_memzero(&m, sizeof(ts_made_t));
    ngx_memcpy(data, "\x00\x00\x01\xe0\x00\x00\x80\xc0\x0a"
                     "\x31\x00\x01\x00\x01\x1b\x55\x55\xaa\xab\xa5", 20);
    ts_made_packet(&m, TS_VIDEO, 0x40, 163, data, 20);

    is(ts_read(&ts, &m), NGX_OK, "PTS and DTS");
    is(ts.whole, TS_PACKET, "PTS and DTS: whole");
    is(ts.tracks[V].first, 0x155555555, "DTS that is not PTS");

    is(ngx_recording_ts_distance(5, 3605), 3600, "distance");
    is(ngx_recording_ts_distance(3605, 5), -3600, "distance back");
    is(ngx_recording_ts_distance(last, 0), 1, "distance over the end");
    is(ngx_recording_ts_distance(0, last), -1, "distance back over it");
}


static void
ts_audio(void)
{
    u_char              data[2048];
    size_t              size;
    ts_made_t           m;
    ngx_uint_t          i, wrong;
    ngx_recording_ts_t  ts;

    /* ADTS frames of 100 and of `size` bytes: headers over packets */

    for (wrong = 0, size = 7; size < 400; size++) {
        ngx_memcpy(data, ts_filler, sizeof(data));
        ngx_memcpy(data, "\xff\xf1\x4c\x80\x0c\x9f\xfc", 7);

        for (i = 100; i < 100 + 3 * size; i += size) {
            ngx_memcpy(data + i, "\xff\xf1\x4c\x80\x00\x1f\xfc", 7);
            data[i + 3] |= (u_char) (size >> 11);
            data[i + 4] = (u_char) (size >> 3);
            data[i + 5] |= (u_char) (size << 5);
        }

        ngx_memzero(&m, sizeof(ts_made_t));
        ts_made_pes(&m, A, 900, data, 100 + 3 * size);
        (void) ts_read(&ts, &m);

        wrong += (ts.tracks[A].frames != 4 || ts.whole != m.size
                  || ts.tracks[A].first != 900
                  || ts.tracks[A].last != 900 + 3 * 1920
                  || ts.tracks[A].step != 1920);
    }

    is(wrong, 0, "four ADTS frames in a PES");

    /* 417 and 418 bytes; 261 bytes at 22050 Hz */

    ngx_memcpy(data, ts_filler, sizeof(data));
    ngx_memcpy(data, mp3_44100_2, 4);
    ngx_memcpy(data + 417, mp3_44100_2, 4);
    data[417 + 2] |= 0x02;
    ngx_memcpy(data + 835, mp3_22050_1, 4);
    data[835 + 2] = 0xa0;
    ngx_memcpy(data + 835 + 313, mp3_11025_1, 4);

    ngx_memzero(&m, sizeof(ts_made_t));
    ts_made_pes(&m, A, 900, data, 1500);
    (void) ts_read(&ts, &m);

    is(data[835 + 2] >> 4, 10, "80 kbit/s, 313 bytes");
    is(ts.tracks[A].frames, 4, "MP3 frames in a PES");

    ngx_memzero(&m, sizeof(ts_made_t));
    ts_made_pes(&m, A, 900, ts_filler, 1000);
    ts_made_pes(&m, A, 1800, ts_filler, 3);
    (void) ts_read(&ts, &m);

    is(ts.tracks[A].frames, 2, "a PES is a frame if nothing is known of it");

    ngx_memcpy(data, ts_filler, sizeof(data));
    ngx_memcpy(data + 12, "\xff\xf1\x4c\x80\x0c\x9f\xfc", 7);
    ngx_memcpy(data + 112, "\xff\xf1\x4c\x80\x0c\x9f\xfc", 7);

    ngx_memzero(&m, sizeof(ts_made_t));
    ts_made_pes(&m, A, 900, data, 300);
    (void) ts_read(&ts, &m);

    is(ts.tracks[A].frames, 1, "frames are not searched for");
    is(ts.tracks[A].last, 900, "a single frame is where its PES is");

    /* the last time is behind the wrap, and the step leads back over it */

    for (i = 0; i < 300; i += 100) {
        ngx_memcpy(data + i, "\xff\xf1\x4c\x80\x0c\x9f\xfc", 7);
    }

    ngx_memzero(&m, sizeof(ts_made_t));
    ts_made_pes(&m, A, ((int64_t) 1 << 33) - 1920, data, 300);
    ts_made_pes(&m, A, 3 * 1920 + 90, data, 100);
    (void) ts_read(&ts, &m);

    is(ts.tracks[A].frames, 4, "frames over the wrap");
    is(ts.tracks[A].last, 3 * 1920 + 90, "the last of them");
    is(ts.tracks[A].step, 2 * 1920 + 90, "the step is from frame to frame");
}


static void
ts_counters(void)
{
    ts_made_t                m;
    ngx_uint_t               i;
    ngx_recording_ts_t       ts;
    ngx_recording_ts_pids_t  before;

    ngx_memzero(&m, sizeof(ts_made_t));

    m.pids.n = 3;
    m.pids.pids[0].pid = TS_AUDIO;
    m.pids.pids[0].counter = 9;
    m.pids.pids[1].pid = TS_VIDEO;
    m.pids.pids[1].counter = 14;
    m.pids.pids[2].pid = TS_PMT;
    m.pids.pids[2].counter = 3;

    before = m.pids;

    ts_made_table(&m);
    ts_made_pes(&m, V, 900, ts_filler, 400);
    ts_made_table(&m);

    ngx_recording_ts_init(&ts, &before);
    (void) ngx_recording_ts_scan(&ts, m.data, m.size);
    ngx_recording_ts_end(&ts);

    is(ts.whole, 4 * TS_PACKET, "counters go on from the segment before");
    is(ts.pids.n, 3, "their number");
    is(ts.pids.pids[0].counter, 9, "a PID that does not occur");
    is(ts.pids.pids[1].counter, 1, "one that does");
    is(ts.pids.pids[2].counter, 4, "a table behind the end is not counted");

    /* a segment is read though another one is missing before it */

    for (i = 0; i < before.n; i++) {
        before.pids[i].counter = 5;
    }

    ngx_recording_ts_init(&ts, &before);
    is(ngx_recording_ts_scan(&ts, m.data, m.size), NGX_OK,
       "a gap before the segment");
}


/* field is the length of the adaptation field, -1 for none */

static void
ts_made_packet(ts_made_t *m, ngx_uint_t pid, ngx_uint_t flags, int field,
    const u_char *data, size_t size)
{
    u_char  *p;

    p = m->data + m->size;

    p[0] = 0x47;
    p[1] = (u_char) (flags | pid >> 8);
    p[2] = (u_char) pid;
    p[3] = (u_char) ((size ? 0x10 : 0) | (field >= 0 ? 0x20 : 0));
    p += 4;

    if (field >= 0) {
        *p++ = (u_char) field;
        ngx_memset(p, 0xff, field);

        if (field) {
            *p = 0;
        }

        p += field;
    }

    ngx_memcpy(p, data ? data : p, size);

    p = m->data + m->size;
    m->size += TS_PACKET;

    ngx_recording_ts_stamp(&m->pids, p, p + TS_PACKET);
}


static void
ts_made_pes(ts_made_t *m, ngx_uint_t track, int64_t dts, const u_char *data,
    size_t size)
{
    int     field;
    u_char  pes[4096], *p;
    size_t  n;

    n = ts_made_header(pes, track, dts, size);
    ngx_memcpy(pes + n, data, size);

    size += n;

    for (p = pes; size; p += n, size -= n) {
        n = ngx_min(size, 184);
        field = 183 - (int) n;

        ts_made_packet(m, NGX_RECORDING_TS_PID + track, p == pes ? 0x40 : 0,
                       field, p, n);
    }
}


/* video has no length */

static size_t
ts_made_header(u_char *p, ngx_uint_t track, int64_t dts, size_t size)
{
    size = track == A ? size + 8 : 0;

    ngx_memcpy(p, "\x00\x00\x01\xe0", 4);
    p[3] = track == A ? 0xc0 : 0xe0;
    p[4] = (u_char) (size >> 8);
    p[5] = (u_char) size;
    p[6] = 0x80;
    p[7] = 0x80;
    p[8] = 5;
    p[9] = (u_char) (0x21 | (dts >> 29 & 0x0e));
    p[10] = (u_char) (dts >> 22);
    p[11] = (u_char) (0x01 | dts >> 14);
    p[12] = (u_char) (dts >> 7);
    p[13] = (u_char) (0x01 | dts << 1);

    return 14;
}


static void
ts_made_table(ts_made_t *m)
{
    ts_made_packet(m, TS_PMT, 0x40, -1, ts_filler, 184);
}


static void
ts_made_zeros(ts_made_t *m)
{
    ngx_memzero(m->data + m->size, TS_PACKET);
    m->size += TS_PACKET;
}


static ngx_int_t
ts_read(ngx_recording_ts_t *ts, ts_made_t *m)
{
    u_char     *p;
    ngx_int_t   rc;

    p = tap_copy(m->data, m->size);

    ngx_recording_ts_init(ts, NULL);
    rc = ngx_recording_ts_scan(ts, p, m->size);
    ngx_recording_ts_end(ts);

    free(p);

    return rc;
}


static uint64_t
ts_whole(ts_made_t *m)
{
    ngx_recording_ts_t  ts;

    (void) ts_read(&ts, m);

    return ts.whole;
}
