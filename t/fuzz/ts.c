
/*
 * What stands in an MPEG-TS segment after a crash: as it is, and with
 * counters in order, which leads further into it.
 */


#include "fuzz.h"
#include "ngx_recording_ts.h"


#define FUZZ_PACKET  NGX_RECORDING_TS_PACKET


static void fuzz_segment(u_char *p, size_t size);
static void fuzz_result(ngx_recording_ts_t *ts, size_t size);


/* a PMT, video in two packets with PTS and DTS, audio, video */

static const u_char  segment[5 * FUZZ_PACKET] = {
    [0] = 0x47, 0x50, 0x00, 0x10, 0x00, 0x02, 0xb0, 0x1d,

    [188] = 0x47, 0x41, 0x00, 0x30, 0x07, 0x50, 0, 0, 0, 0, 0x7e, 0,
    0x00, 0x00, 0x01, 0xe0, 0x00, 0x00, 0x80, 0xc0, 0x0a,
    0x31, 0x00, 0x01, 0x1c, 0x21, 0x11, 0x00, 0x01, 0x0e, 0x11,
    0x00, 0x00, 0x00, 0x01, 0x09, 0xf0,

    [376] = 0x47, 0x01, 0x00, 0x31, 0x02, 0x00, 0xff, 0x65, [563] = 1,

    [564] = 0x47, 0x41, 0x01, 0x30, 0x05, 0x40, 0xff, 0xff, 0xff, 0xff,
    0x00, 0x00, 0x01, 0xc0, 0x00, 0xac, 0x80, 0x80, 0x05,
    0x21, 0x00, 0x01, 0x0e, 0x11,
    0xff, 0xf1, 0x4c, 0x80, 0x0a, 0x5f, 0xfc, [751] = 1,

    [752] = 0x47, 0x41, 0x00, 0x12,
    0x00, 0x00, 0x01, 0xe0, 0x00, 0x00, 0x80, 0x80, 0x05,
    0x21, 0x00, 0x01, 0x1c, 0x21, [939] = 1,
};


static const fuzz_seed_t  seeds[] = {
    fuzz_bytes(segment),
    { segment, 3 * FUZZ_PACKET },
    { segment, 4 * FUZZ_PACKET + 100 },
    { segment + FUZZ_PACKET, 2 * FUZZ_PACKET },
    { segment + 3 * FUZZ_PACKET, FUZZ_PACKET },
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                   *p;
    size_t                    packets;
    ngx_recording_ts_pids_t   pids;

    packets = size - size % FUZZ_PACKET;

    p = malloc(ngx_max(size, 1));

    if (p == NULL) {
        return 0;
    }

    ngx_memcpy(p, data, size);
    fuzz_segment(p, size);

    ngx_memzero(&pids, sizeof(ngx_recording_ts_pids_t));
    ngx_recording_ts_stamp(&pids, p, p + packets);

    fuzz_check(pids.n <= NGX_RECORDING_TS_PIDS);

    fuzz_segment(p, size);

    free(p);

    return 0;
}


/* at once; and packet by packet, each of which might be the last */

static void
fuzz_segment(u_char *p, size_t size)
{
    size_t              at;
    uint64_t            last;
    ngx_int_t           rc, part;
    ngx_recording_ts_t  ts, parts, cut;

    ngx_recording_ts_init(&ts, NULL);
    rc = ngx_recording_ts_scan(&ts, p, size);

    fuzz_check(rc == NGX_OK || rc == NGX_DECLINED);

    ngx_recording_ts_end(&ts);
    fuzz_result(&ts, size);

    ngx_recording_ts_init(&parts, NULL);

    part = NGX_OK;
    last = 0;

    for (at = 0; at + FUZZ_PACKET <= size; at += FUZZ_PACKET) {

        part = ngx_recording_ts_scan(&parts, p + at, FUZZ_PACKET);

        cut = parts;
        ngx_recording_ts_end(&cut);
        fuzz_result(&cut, at + FUZZ_PACKET);

        if (part != NGX_OK) {
            break;
        }

        fuzz_check(cut.whole >= last);
        last = cut.whole;
    }

    fuzz_check(part == rc);

    ngx_recording_ts_end(&parts);

    fuzz_check(parts.whole == ts.whole);
    fuzz_check(ngx_memcmp(&parts.pids, &ts.pids, sizeof(ts.pids)) == 0);
    fuzz_check(ngx_memcmp(parts.tracks, ts.tracks, sizeof(ts.tracks)) == 0);
}


static void
fuzz_result(ngx_recording_ts_t *ts, size_t size)
{
    ngx_uint_t                 i;
    ngx_recording_ts_track_t  *t;

    fuzz_check(ts->whole <= size);
    fuzz_check(ts->whole % FUZZ_PACKET == 0);
    fuzz_check(ts->pids.n <= NGX_RECORDING_TS_PIDS);

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        t = &ts->tracks[i];

        fuzz_check((t->first == -1) == (t->frames == 0));
        fuzz_check((t->last == -1) == (t->frames == 0));
        fuzz_check(t->first < (int64_t) 1 << 33);
        fuzz_check(t->last < (int64_t) 1 << 33);

        if (i == NGX_RECORDING_VIDEO) {
            fuzz_check(t->frames <= ts->whole / FUZZ_PACKET);
        }
    }

    fuzz_check((ts->whole == 0) == (ts->tracks[0].frames == 0
                                    && ts->tracks[1].frames == 0));
}
