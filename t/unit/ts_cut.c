
/*
 * Reading back MPEG-TS segments that libavformat wrote, as the module has it
 * write them: cut at every byte, and with zeros behind the cut.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "headers.h"
#include "ngx_recording_hls_ts.h"
#include "ngx_recording_ts.h"


#define V  NGX_RECORDING_VIDEO
#define A  NGX_RECORDING_AUDIO

#define CUT_PACKET    NGX_RECORDING_TS_PACKET
#define CUT_PICTURES  230
#define CUT_TRUTHS    1000


/* what the muxer was told, by where it ends */

typedef struct {
    ngx_uint_t               track;
    int64_t                  dts;       /* of the first frame, 90 kHz */
    ngx_uint_t               frames;
    size_t                   start;
    size_t                   end;
    ngx_uint_t               known;     /* without another one */
} cut_truth_t;


typedef struct {
    u_char                  *data;
    size_t                   size;
    ngx_recording_ts_pids_t  pids;
    int64_t                  lasts;     /* an audio frame, 90 kHz */
    cut_truth_t              truths[CUT_TRUTHS];
    ngx_uint_t               n;
} cut_segment_t;


static void cut_segment(ngx_recording_codec_e audio, const char *name);
static void cut_write(cut_segment_t *s, ngx_recording_codec_e audio);
static void cut_picture(ngx_recording_hls_ts_t *ts, ngx_uint_t i);
static void cut_sound(ngx_recording_hls_ts_t *ts, ngx_recording_codec_e audio,
    ngx_uint_t n, int64_t dts);
static void cut_media(ngx_recording_mux_t *mux, ngx_recording_codec_e audio);
static void cut_truth(cut_segment_t *s, ngx_recording_hls_ts_t *ts,
    ngx_uint_t track, int64_t dts, ngx_uint_t frames);
static void cut_learn(cut_segment_t *s);
static ngx_uint_t cut_at(cut_segment_t *s, ngx_recording_ts_t *before,
    size_t cut, uint64_t *whole);
static ngx_uint_t cut_right(cut_segment_t *s, ngx_recording_ts_t *ts,
    size_t cut);
static ngx_uint_t cut_zeros(cut_segment_t *s, ngx_recording_ts_t *before,
    size_t cut);
static void cut_resume(cut_segment_t *s, ngx_recording_codec_e audio,
    const char *name);
static int cut_sink(void *data, ngx_recording_av_byte_t *buf, int size);


int
main(void)
{
    ngx_recording_av_init();

    cut_segment(NGX_RECORDING_CODEC_AAC, "H.264 and AAC");
    cut_segment(NGX_RECORDING_CODEC_MP3, "H.264 and MP3");
    cut_segment(NGX_RECORDING_CODEC_NONE, "H.264");

    return tap_done();
}


static void
cut_segment(ngx_recording_codec_e audio, const char *name)
{
    size_t               cut;
    uint64_t             whole, last;
    ngx_uint_t           i, wrong, zeros, open, falls;
    cut_segment_t        s;
    ngx_recording_ts_t   ts;

    ngx_memzero(&s, sizeof(cut_segment_t));

    s.lasts = audio == NGX_RECORDING_CODEC_MP3 ? 1152 * 90000 / 44100 : 1920;

    cut_write(&s, audio);
    cut_learn(&s);

    for (open = 0, i = 0; i < s.n; i++) {
        open += !s.truths[i].known;
    }

    ok(s.n >= CUT_PICTURES && s.n < CUT_TRUTHS, "%s: %d PES", name, (int) s.n);
    ok(open && open < 10, "%s: %d of them fill their packets", name,
       (int) open);

    wrong = 0;
    zeros = 0;
    falls = 0;
    last = 0;

    ngx_recording_ts_init(&ts, NULL);

    for (cut = 0; cut <= s.size; cut++) {

        if (cut && cut % CUT_PACKET == 0) {
            wrong += (ngx_recording_ts_scan(&ts, s.data + cut - CUT_PACKET,
                                            CUT_PACKET)
                      != NGX_OK);
        }

        wrong += cut_at(&s, &ts, cut, &whole);
        zeros += cut_zeros(&s, &ts, cut);

        falls += (whole < last);
        last = whole;
    }

    is(wrong, 0, "%s: cut at each of %d bytes", name, (int) s.size);
    is(zeros, 0, "%s: with zeros behind each", name);
    is(falls, 0, "%s: more is never less", name);
    is(last, s.truths[s.n - 1].known ? s.size : s.truths[s.n - 2].end,
       "%s: all of it", name);

    cut_resume(&s, audio, name);

    free(s.data);
}


/* sizes go through all that a packet may leave */

static void
cut_write(cut_segment_t *s, ngx_recording_codec_e audio)
{
    int64_t                  first, at;
    ngx_uint_t               i, n, held;
    ngx_recording_mux_t      mux;
    ngx_recording_hls_ts_t   ts;

    cut_media(&mux, audio);
    mux.data = s;

    if (ngx_recording_hls_ts_open_thread(&ts, &mux, 0, cut_sink) != NGX_OK) {
        printf("Bail out! no muxer\n");
        exit(1);
    }

    first = 0;
    held = 0;

    for (n = 0, i = 0; i < CUT_PICTURES; i++) {
        cut_picture(&ts, i);
        cut_truth(s, &ts, V, i * 40, 1);

        for ( /* void */ ; mux.media[A].present; n++) {

            if ((int64_t) n * s->lasts / 90 > (int64_t) i * 40) {
                break;
            }

            at = avio_tell(ts.av.ctx->pb);
            cut_sound(&ts, audio, n, n * s->lasts / 90);

            if (avio_tell(ts.av.ctx->pb) != at) {
                cut_truth(s, &ts, A, first, held);
                held = 0;
            }

            if (held++ == 0) {
                first = n * s->lasts / 90;
            }
        }
    }

    (void) ngx_recording_hls_ts_flush_thread(&ts);

    if (held) {
        cut_truth(s, &ts, A, first, held);
    }

    ngx_recording_hls_ts_close_thread(&ts);
}


static void
cut_picture(ngx_recording_hls_ts_t *ts, ngx_uint_t i)
{
    u_char                  data[4096];
    ngx_recording_sample_t  sample;

    ngx_memzero(&sample, sizeof(ngx_recording_sample_t));

    sample.track = V;
    sample.media = data;
    sample.media_size = 600 + i;
    sample.key = (i % 50 == 0);

    ngx_memset(data, 0xa5, sample.media_size);
    ngx_memcpy(data, "\0\0\0\0\x41", 5);
    data[2] = (u_char) ((sample.media_size - 4) >> 8);
    data[3] = (u_char) (sample.media_size - 4);
    data[4] = i % 50 ? 0x41 : 0x65;

    (void) ngx_recording_hls_ts_packet_thread(ts, &sample, i * 40,
                                              i * 40 + i / 200 * 80);
}


static void
cut_sound(ngx_recording_hls_ts_t *ts, ngx_recording_codec_e audio,
    ngx_uint_t n, int64_t dts)
{
    u_char                  data[4096];
    ngx_recording_sample_t  sample;

    ngx_memzero(&sample, sizeof(ngx_recording_sample_t));

    sample.track = A;
    sample.media = data;
    sample.media_size = audio == NGX_RECORDING_CODEC_AAC ? 30 + n : 417;
    sample.key = 1;

    ngx_memset(data, 0xa5, sample.media_size);

    if (audio == NGX_RECORDING_CODEC_MP3) {
        ngx_memcpy(data, mp3_44100_2, 4);
    }

    (void) ngx_recording_hls_ts_packet_thread(ts, &sample, dts, dts);
}


static void
cut_media(ngx_recording_mux_t *mux, ngx_recording_codec_e audio)
{
    ngx_recording_media_t  *m;

    ngx_memzero(mux, sizeof(ngx_recording_mux_t));

    m = &mux->media[V];

    (void) ngx_recording_codec_avc(&m->codec, (u_char *) avc_180,
                                   sizeof(avc_180));
    m->header = (u_char *) avc_180;
    m->header_len = sizeof(avc_180);
    m->present = 1;

    m = &mux->media[A];

    if (audio == NGX_RECORDING_CODEC_AAC) {
        (void) ngx_recording_codec_aac(&m->codec, (u_char *) aac_48000_2,
                                       sizeof(aac_48000_2));
        m->header = (u_char *) aac_48000_2;
        m->header_len = sizeof(aac_48000_2);
        m->present = 1;
    }

    if (audio == NGX_RECORDING_CODEC_MP3) {
        (void) ngx_recording_codec_mp3(&m->codec, (u_char *) mp3_44100_2,
                                       sizeof(mp3_44100_2));
        m->present = 1;
    }
}


static void
cut_truth(cut_segment_t *s, ngx_recording_hls_ts_t *ts, ngx_uint_t track,
    int64_t dts, ngx_uint_t frames)
{
    cut_truth_t  *t;

    t = &s->truths[s->n++];

    t->track = track;
    t->dts = (dts + NGX_RECORDING_HLS_TS_SHIFT) * 90;
    t->frames = frames;
    t->end = (size_t) avio_tell(ts->av.ctx->pb);
}


/* where a PES begins, and whether its last packet tells that it is */

static void
cut_learn(cut_segment_t *s)
{
    size_t        at;
    u_char       *p;
    cut_truth_t  *t;

    at = 0;

    for (t = s->truths; t < s->truths + s->n; t++) {

        for ( /* void */ ; at < t->end; at += CUT_PACKET) {
            p = s->data + at;

            if (p[1] == (0x40 | NGX_RECORDING_TS_PID >> 8)
                && p[2] == t->track)
            {
                break;
            }
        }

        t->start = at;
        t->known = t->track == A || (s->data[t->end - CUT_PACKET + 3] & 0x20);
        at = t->end;
    }
}


/* the packets before the cut were read already */

static ngx_uint_t
cut_at(cut_segment_t *s, ngx_recording_ts_t *before, size_t cut,
    uint64_t *whole)
{
    u_char              *p;
    size_t               part;
    ngx_uint_t           wrong;
    ngx_recording_ts_t   ts, once;

    part = cut % CUT_PACKET;
    p = tap_copy(s->data + cut - part, part);
    ts = *before;

    wrong = (ngx_recording_ts_scan(&ts, p, part) != NGX_OK);
    free(p);

    ngx_recording_ts_end(&ts);
    *whole = ts.whole;

    wrong += cut_right(s, &ts, cut);

    if (part == 0) {
        ngx_recording_ts_init(&once, NULL);
        (void) ngx_recording_ts_scan(&once, s->data, cut);
        ngx_recording_ts_end(&once);

        wrong += (once.whole != ts.whole
                  || cut_right(s, &once, cut));
    }

    return wrong ? 1 : 0;
}


static ngx_uint_t
cut_right(cut_segment_t *s, ngx_recording_ts_t *ts, size_t cut)
{
    size_t                    at;
    u_char                   *p;
    ngx_uint_t                i, n;
    cut_truth_t               *t;
    ngx_recording_ts_pids_t   pids;
    ngx_recording_ts_track_t  tracks[NGX_RECORDING_TRACKS], *track;

    cut -= cut % CUT_PACKET;

    for (n = 0; n < s->n && s->truths[n].end <= cut; n++) { /* void */ }

    if (n && !s->truths[n - 1].known
        && (n == s->n || s->truths[n].start + CUT_PACKET > cut))
    {
        n--;
    }

    if (ts->whole != (n ? s->truths[n - 1].end : 0)) {
        return 1;
    }

    ngx_memzero(tracks, sizeof(tracks));

    tracks[V].first = tracks[V].last = -1;
    tracks[A].first = tracks[A].last = -1;

    for (t = s->truths; t < s->truths + n; t++) {
        track = &tracks[t->track];

        if (track->frames) {
            track->step = t->dts - track->last;

        } else {
            track->first = t->dts;
        }

        if (t->frames > 1) {
            track->step = s->lasts;
        }

        track->last = t->dts + (int64_t) (t->frames - 1) * s->lasts;
        track->frames += t->frames;
    }

    if (ngx_memcmp(tracks, ts->tracks, sizeof(tracks)) != 0) {
        return 1;
    }

    /* counters: the last that stands there */

    pids = ts->pids;
    at = (size_t) ts->whole;

    while (at && pids.n) {
        at -= CUT_PACKET;
        p = s->data + at;

        for (i = 0; i < pids.n; i++) {
            if (pids.pids[i].pid == ((p[1] & 0x1f) << 8 | p[2])) {

                if (pids.pids[i].counter != (p[3] & 0x0f)) {
                    return 1;
                }

                pids.pids[i] = pids.pids[--pids.n];
            }
        }
    }

    return pids.n ? 1 : 0;
}


/* never more than there is, and no more lost than the last PES */

static ngx_uint_t
cut_zeros(cut_segment_t *s, ngx_recording_ts_t *before, size_t cut)
{
    u_char               torn[3 * CUT_PACKET];
    size_t               part;
    uint64_t             last, before_last;
    ngx_uint_t           n;
    ngx_recording_ts_t   ts, zeros;

    part = cut % CUT_PACKET;

    ngx_memzero(torn, sizeof(torn));
    ngx_memcpy(torn, s->data + cut - part, part);

    for (n = 0; n < s->n && s->truths[n].end <= cut; n++) { /* void */ }

    zeros = *before;
    (void) ngx_recording_ts_scan(&zeros, torn, sizeof(torn));
    ngx_recording_ts_end(&zeros);

    ts = *before;
    (void) ngx_recording_ts_scan(&ts, torn, part ? CUT_PACKET : 0);
    ngx_recording_ts_end(&ts);

    last = n > 0 ? s->truths[n - 1].end : 0;
    before_last = n > 1 ? s->truths[n - 2].end : 0;

    return (zeros.whole != last && zeros.whole != before_last)
           || ts.whole < zeros.whole || ts.whole > cut;
}


/* what is written on after a kill fits what was kept */

static void
cut_resume(cut_segment_t *s, ngx_recording_codec_e audio, const char *name)
{
    cut_segment_t        on;
    ngx_recording_ts_t   ts;

    ngx_recording_ts_init(&ts, NULL);
    (void) ngx_recording_ts_scan(&ts, s->data, s->size / 2);
    ngx_recording_ts_end(&ts);

    ngx_memzero(&on, sizeof(cut_segment_t));
    on.pids = ts.pids;
    on.data = tap_copy(s->data, ts.whole);
    on.size = ts.whole;
    on.lasts = s->lasts;

    cut_write(&on, audio);

    ngx_recording_ts_init(&ts, NULL);
    is(ngx_recording_ts_scan(&ts, on.data, on.size), NGX_OK,
       "%s: counters go on after a cut", name);

    free(on.data);
}


static int
cut_sink(void *data, ngx_recording_av_byte_t *buf, int size)
{
    ngx_recording_mux_t *mux = data;

    cut_segment_t  *s;

    s = mux->data;
    s->data = realloc(s->data, s->size + size);

    if (s->data == NULL) {
        return AVERROR(ENOMEM);
    }

    ngx_memcpy(s->data + s->size, buf, size);
    ngx_recording_ts_stamp(&s->pids, s->data + s->size,
                           s->data + s->size + size);
    s->size += size;

    return size;
}
