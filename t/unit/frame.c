
/* Audio and video message heads. */

/* cflags: -Wno-missing-field-initializers */

#include "tap.h"
#include "ngx_recording_frame.h"


typedef struct {
    const char             *name;
    ngx_uint_t              track;
    u_char                  data[24];
    size_t                  size;
    ngx_int_t               rc;
    ngx_recording_codec_e   codec;
    ngx_uint_t              key;
    ngx_uint_t              header;
    uint32_t                body;
    int32_t                 composition;
    ngx_recording_stray_e   stray;
} frame_test_t;


static void frame_table(void);
static void frame_truncated(void);
static void frame_every(void);
static ngx_int_t frame_parse(ngx_recording_frame_t *f, ngx_uint_t track,
    const u_char *data, size_t size);


#define V   NGX_RECORDING_VIDEO
#define A   NGX_RECORDING_AUDIO
#define C(name)  NGX_RECORDING_CODEC_ ## name
#define S(name)  NGX_RECORDING_STRAY_ ## name


static const frame_test_t  frame_tests[] = {

    /* H.264 */

    { "H.264 sequence header", V, { 0x17, 0, 0, 0, 0, 1, 0x64 }, 7,
      NGX_OK, C(H264), 1, 1, 5, 0 },
    { "H.264 key frame", V, { 0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65 }, 10,
      NGX_OK, C(H264), 1, 0, 5, 0 },
    { "H.264 inter frame", V, { 0x27, 1, 0, 0, 80, 0x41 }, 6,
      NGX_OK, C(H264), 0, 0, 5, 80 },
    { "H.264 disposable inter frame", V, { 0x37, 1, 0, 0, 80, 0x41 }, 6,
      NGX_OK, C(H264), 0, 0, 5, 80 },
    { "a negative composition time", V, { 0x27, 1, 0xff, 0xff, 0xd8, 1 }, 6,
      NGX_OK, C(H264), 0, 0, 5, -40 },
    { "the least composition time", V, { 0x27, 1, 0xff, 0xd8, 0xf0, 1 }, 6,
      NGX_OK, C(H264), 0, 0, 5, -10000 },
    { "the greatest composition time", V, { 0x27, 1, 0, 0x27, 0x10, 1 }, 6,
      NGX_OK, C(H264), 0, 0, 5, 10000 },
    { "less than that", V, { 0x27, 1, 0xff, 0xd8, 0xef, 1 }, 6,
      NGX_OK, C(H264), 0, 0, 5, 0 },
    { "more than that", V, { 0x27, 1, 0, 0x27, 0x11, 1 }, 6,
      NGX_OK, C(H264), 0, 0, 5, 0 },
    { "the least of 24 bits", V, { 0x27, 1, 0x80, 0, 0, 1 }, 6,
      NGX_OK, C(H264), 0, 0, 5, 0 },
    { "the most of 24 bits", V, { 0x27, 1, 0x7f, 0xff, 0xff, 1 }, 6,
      NGX_OK, C(H264), 0, 0, 5, 0 },
    { "a header's composition time does not count", V,
      { 0x17, 0, 1, 2, 3, 1 }, 6, NGX_OK, C(H264), 1, 1, 5, 0 },
    { "the end of an H.264 sequence", V, { 0x17, 2, 0, 0, 0 }, 5,
      NGX_DECLINED, C(H264), 1, 0, 1, 0 },
    { "the same, short", V, { 0x17, 2 }, 2,
      NGX_DECLINED, C(H264), 1, 0, 1, 0 },
    { "an unknown H.264 packet type", V, { 0x17, 3, 0, 0, 0, 1 }, 6,
      NGX_ERROR, C(H264), 1, 0, 1, 0 },
    { "H.264 without any data", V, { 0x17, 1, 0, 0, 0 }, 5,
      NGX_ERROR, C(H264), 1, 0, 1, 0 },

    /* HEVC under codec id 12 */

    { "HEVC by its id, header", V, { 0x1c, 0, 0, 0, 0, 1 }, 6,
      NGX_OK, C(HEVC), 1, 1, 5, 0 },
    { "HEVC by its id, key frame", V, { 0x1c, 1, 0, 0, 40, 9 }, 6,
      NGX_OK, C(HEVC), 1, 0, 5, 40 },
    { "HEVC by its id, inter frame", V, { 0x2c, 1, 0xff, 0xff, 0xff, 9 }, 6,
      NGX_OK, C(HEVC), 0, 0, 5, -1 },
    { "HEVC by its id, end", V, { 0x1c, 2, 0, 0, 0 }, 5,
      NGX_DECLINED, C(HEVC), 1, 0, 1, 0 },
    { "HEVC by its id, without any data", V, { 0x1c, 1, 0, 0, 0 }, 5,
      NGX_ERROR, C(HEVC), 1, 0, 1, 0 },

    /* other video */

    { "Sorenson H.263", V, { 0x12, 1, 2 }, 3,
      NGX_OK, C(H263), 1, 0, 1, 0 },
    { "Screen video", V, { 0x13, 1, 2 }, 3,
      NGX_OK, C(SCREEN), 1, 0, 1, 0 },
    { "VP6", V, { 0x24, 1, 2 }, 3, NGX_OK, C(VP6), 0, 0, 1, 0 },
    { "VP6 with alpha", V, { 0x15, 1, 2 }, 3, NGX_OK, C(VP6A), 1, 0, 1, 0 },
    { "Screen video 2", V, { 0x16, 1, 2 }, 3,
      NGX_OK, C(SCREEN2), 1, 0, 1, 0 },
    { "an unknown video codec", V, { 0x1d, 1, 2 }, 3,
      NGX_OK, C(UNKNOWN), 1, 0, 1, 0 },
    { "video codec 0", V, { 0x10, 1, 2 }, 3,
      NGX_OK, C(UNKNOWN), 1, 0, 1, 0 },
    { "one byte of VP6", V, { 0x14 }, 1, NGX_ERROR, C(VP6), 1, 0, 1, 0 },
    { "a video command", V, { 0x57, 0 }, 2,
      NGX_DECLINED, C(NONE), 0, 0, 1, 0 },
    { "an empty video message", V, { 0 }, 0,
      NGX_DECLINED, C(NONE), 0, 0, 1, 0 },

    /* enhanced RTMP, video */

    { "HEVC sequence start", V, { 0x90, 'h', 'v', 'c', '1', 1 }, 6,
      NGX_OK, C(HEVC), 1, 1, 5, 0 },
    { "HEVC coded frames", V,
      { 0xa1, 'h', 'v', 'c', '1', 0, 0, 40, 9 }, 9,
      NGX_OK, C(HEVC), 0, 0, 8, 40 },
    { "HEVC, a negative composition time", V,
      { 0xa1, 'h', 'v', 'c', '1', 0xff, 0xff, 0xff, 9 }, 9,
      NGX_OK, C(HEVC), 0, 0, 8, -1 },
    { "HEVC coded frames X", V, { 0x93, 'h', 'v', 'c', '1', 9 }, 6,
      NGX_OK, C(HEVC), 1, 0, 5, 0 },
    { "HEVC sequence end", V, { 0x92, 'h', 'v', 'c', '1' }, 5,
      NGX_DECLINED, C(HEVC), 1, 0, 5, 0 },
    { "HEVC metadata", V, { 0x94, 'h', 'v', 'c', '1', 1 }, 6,
      NGX_DECLINED, C(HEVC), 1, 0, 5, 0, S(METADATA) },
    { "HEVC cut in its composition time", V,
      { 0xa1, 'h', 'v', 'c', '1', 0, 0 }, 7,
      NGX_ERROR, C(HEVC), 0, 0, 5, 0 },
    { "HEVC without any data", V,
      { 0xa1, 'h', 'v', 'c', '1', 0, 0, 0 }, 8,
      NGX_ERROR, C(HEVC), 0, 0, 8, 0 },
    { "H.264 by its FourCC, header", V, { 0x90, 'a', 'v', 'c', '1', 1 }, 6,
      NGX_OK, C(H264), 1, 1, 5, 0 },
    { "H.264 by its FourCC, frame", V,
      { 0xa1, 'a', 'v', 'c', '1', 0, 0, 33, 9 }, 9,
      NGX_OK, C(H264), 0, 0, 8, 33 },
    { "AV1 has no composition time", V, { 0x91, 'a', 'v', '0', '1', 9 }, 6,
      NGX_OK, C(AV1), 1, 0, 5, 0 },
    { "VP9", V, { 0xa1, 'v', 'p', '0', '9', 9 }, 6,
      NGX_OK, C(VP9), 0, 0, 5, 0 },
    { "an unknown FourCC", V, { 0x91, 'x', 'x', 'x', 'x', 9 }, 6,
      NGX_OK, C(UNKNOWN), 1, 0, 5, 0 },
    { "a FourCC cut short", V, { 0x91, 'h', 'v', 'c' }, 4,
      NGX_ERROR, C(UNKNOWN), 1, 0, 1, 0 },
    { "an enhanced video command", V, { 0xd1, 'h', 'v', 'c', '1', 0 }, 6,
      NGX_DECLINED, C(NONE), 0, 0, 1, 0 },
    { "multitrack video", V, { 0x96, 0, 'h', 'v', 'c', '1', 9 }, 7,
      NGX_DECLINED, C(UNKNOWN), 1, 0, 5, 0, S(MULTITRACK) },
    { "video of MPEG-2 TS", V, { 0x95, 'a', 'v', '0', '1', 9 }, 6,
      NGX_DECLINED, C(AV1), 1, 0, 5, 0, S(PACKET) },
    { "an unknown packet type of video", V, { 0x9f, 'a', 'v', '0', '1', 9 }, 6,
      NGX_DECLINED, C(AV1), 1, 0, 5, 0, S(PACKET) },
    { "VP8 by its FourCC", V, { 0xa3, 'v', 'p', '0', '8', 9 }, 6,
      NGX_OK, C(VP8), 0, 0, 5, 0 },

    /* extensions */

    { "nanoseconds, then HEVC", V,
      { 0xa7, 2, 1, 2, 3, 0x01, 'h', 'v', 'c', '1', 0, 0, 40, 9 }, 14,
      NGX_OK, C(HEVC), 0, 0, 13, 40 },
    { "two extensions, then a header", V,
      { 0x97, 0, 1, 0x17, 1, 1, 2, 0x00, 'h', 'v', 'c', '1', 9 }, 13,
      NGX_OK, C(HEVC), 1, 1, 12, 0 },
    { "nanoseconds, then Opus", A,
      { 0x97, 2, 1, 2, 3, 0x01, 'O', 'p', 'u', 's', 9 }, 11,
      NGX_OK, C(OPUS), 1, 0, 10, 0 },
    { "an extension, then several tracks", V,
      { 0xa7, 0, 1, 0x06, 0, 'h', 'v', 'c', '1', 9 }, 10,
      NGX_DECLINED, C(UNKNOWN), 0, 0, 5, 0, S(MULTITRACK) },
    { "a large extension", V, { 0xa7, 255, 1, 0, 9 }, 5,
      NGX_DECLINED, C(UNKNOWN), 0, 0, 5, 0, S(MODEX) },
    { "an extension cut short", V, { 0xa7, 2, 1, 2, 3 }, 5,
      NGX_ERROR, C(UNKNOWN), 0, 0, 5, 0 },

    /* audio */

    { "AAC sequence header", A, { 0xaf, 0, 0x11, 0x90 }, 4,
      NGX_OK, C(AAC), 1, 1, 2, 0 },
    { "AAC frame", A, { 0xaf, 1, 0x21 }, 3, NGX_OK, C(AAC), 1, 0, 2, 0 },
    { "AAC frame, other flags", A, { 0xa2, 1, 0x21 }, 3,
      NGX_OK, C(AAC), 1, 0, 2, 0 },
    { "an empty AAC frame", A, { 0xaf, 1 }, 2,
      NGX_DECLINED, C(AAC), 1, 0, 2, 0 },
    { "an empty AAC header", A, { 0xaf, 0 }, 2,
      NGX_ERROR, C(AAC), 1, 1, 2, 0 },
    { "an unknown AAC packet type", A, { 0xaf, 2, 0 }, 3,
      NGX_ERROR, C(AAC), 1, 0, 1, 0 },
    { "one byte of AAC", A, { 0xaf }, 1, NGX_ERROR, C(AAC), 1, 0, 1, 0 },
    { "MP3", A, { 0x2f, 0xff, 0xfb }, 3, NGX_OK, C(MP3), 1, 0, 1, 0 },
    { "MP3 of 8 kHz", A, { 0xee, 0xff, 0xe3 }, 3,
      NGX_OK, C(MP3), 1, 0, 1, 0 },
    { "PCM", A, { 0x0e, 1 }, 2, NGX_OK, C(PCM), 1, 0, 1, 0 },
    { "PCM, little endian", A, { 0x3e, 1 }, 2, NGX_OK, C(PCM), 1, 0, 1, 0 },
    { "ADPCM", A, { 0x1e, 1 }, 2, NGX_OK, C(ADPCM), 1, 0, 1, 0 },
    { "Nellymoser 16 kHz", A, { 0x4e, 1 }, 2,
      NGX_OK, C(NELLYMOSER), 1, 0, 1, 0 },
    { "Nellymoser 8 kHz", A, { 0x5e, 1 }, 2,
      NGX_OK, C(NELLYMOSER), 1, 0, 1, 0 },
    { "Nellymoser", A, { 0x6e, 1 }, 2, NGX_OK, C(NELLYMOSER), 1, 0, 1, 0 },
    { "G.711 A-law", A, { 0x7e, 1 }, 2, NGX_OK, C(PCMA), 1, 0, 1, 0 },
    { "G.711 mu-law", A, { 0x8e, 1 }, 2, NGX_OK, C(PCMU), 1, 0, 1, 0 },
    { "Speex", A, { 0xb6, 1 }, 2, NGX_OK, C(SPEEX), 1, 0, 1, 0 },
    { "an unknown audio codec", A, { 0xf0, 1 }, 2,
      NGX_OK, C(UNKNOWN), 1, 0, 1, 0 },
    { "audio without data", A, { 0x2f }, 1, NGX_DECLINED, C(MP3), 1, 0, 1, 0 },
    { "an empty audio message", A, { 0 }, 0,
      NGX_DECLINED, C(NONE), 0, 0, 1, 0 },

    /* enhanced RTMP, audio */

    { "Opus sequence start", A, { 0x90, 'O', 'p', 'u', 's', 1 }, 6,
      NGX_OK, C(OPUS), 1, 1, 5, 0 },
    { "Opus frame", A, { 0x91, 'O', 'p', 'u', 's', 1 }, 6,
      NGX_OK, C(OPUS), 1, 0, 5, 0 },
    { "AAC by its FourCC, header", A, { 0x90, 'm', 'p', '4', 'a', 0x11 }, 6,
      NGX_OK, C(AAC), 1, 1, 5, 0 },
    { "AAC by its FourCC, frame", A, { 0x91, 'm', 'p', '4', 'a', 0x21 }, 6,
      NGX_OK, C(AAC), 1, 0, 5, 0 },
    { "MP3 by its FourCC", A, { 0x91, '.', 'm', 'p', '3', 0xff }, 6,
      NGX_OK, C(MP3), 1, 0, 5, 0 },
    { "enhanced audio without data", A, { 0x91, 'O', 'p', 'u', 's' }, 5,
      NGX_ERROR, C(OPUS), 1, 0, 5, 0 },
    { "multichannel configuration", A, { 0x94, 'O', 'p', 'u', 's', 1 }, 6,
      NGX_DECLINED, C(OPUS), 1, 0, 5, 0, S(MULTICHANNEL) },
    { "multitrack audio", A, { 0x95, 0, 'O', 'p', 'u', 's', 1 }, 7,
      NGX_DECLINED, C(UNKNOWN), 1, 0, 5, 0, S(MULTITRACK) },
    { "an unknown packet type of audio", A, { 0x93, 'O', 'p', 'u', 's', 1 },
      6, NGX_DECLINED, C(OPUS), 1, 0, 5, 0, S(PACKET) },
    { "audio's end", A, { 0x92, 'O', 'p', 'u', 's' }, 5,
      NGX_DECLINED, C(OPUS), 1, 0, 5, 0 },
    { "a sequence start of MP3", A, { 0x90, '.', 'm', 'p', '3', 0 }, 6,
      NGX_DECLINED, C(MP3), 1, 0, 5, 0, S(PACKET) },
    { "FLAC sequence start", A, { 0x90, 'f', 'L', 'a', 'C', 1 }, 6,
      NGX_OK, C(FLAC), 1, 1, 5, 0 },
    { "AC-3", A, { 0x91, 'a', 'c', '-', '3', 1 }, 6,
      NGX_OK, C(AC3), 1, 0, 5, 0 },
    { "E-AC-3", A, { 0x91, 'e', 'c', '-', '3', 1 }, 6,
      NGX_OK, C(EAC3), 1, 0, 5, 0 },
};


int
main(void)
{
    frame_table();
    frame_truncated();
    frame_every();

    return tap_done();
}


static void
frame_table(void)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    const frame_test_t    *t;
    ngx_recording_frame_t  f;

    for (i = 0; i < sizeof(frame_tests) / sizeof(frame_tests[0]); i++) {
        t = &frame_tests[i];

        rc = frame_parse(&f, t->track, t->data, t->size);

        is(rc, t->rc, "%s: return code", t->name);
        is(f.codec, t->codec, "%s: codec", t->name);
        is(f.key, t->key, "%s: key", t->name);
        is(f.stray, t->stray, "%s: stray", t->name);

        if (rc == NGX_OK) {
            is(f.header, t->header, "%s: header", t->name);
            is(f.body, t->body, "%s: body", t->name);
            is(f.composition, t->composition, "%s: composition", t->name);
        }
    }
}


/* each message cut at each byte: never a frame whose body lies behind it */

static void
frame_truncated(void)
{
    size_t                 size;
    ngx_int_t              rc;
    ngx_uint_t             i, wrong;
    const frame_test_t    *t;
    ngx_recording_frame_t  f;

    wrong = 0;

    for (i = 0; i < sizeof(frame_tests) / sizeof(frame_tests[0]); i++) {
        t = &frame_tests[i];

        for (size = 0; size < t->size; size++) {
            rc = frame_parse(&f, t->track, t->data, size);

            if (rc == NGX_OK && f.body >= size) {
                diag("%s cut at %d", t->name, (int) size);
                wrong++;
            }
        }
    }

    is(wrong, 0, "no body behind the end of a cut message");
}


/* any two first bytes of any short size */

static void
frame_every(void)
{
    u_char                 data[10];
    size_t                 size;
    ngx_int_t              rc;
    ngx_uint_t             i, track, wrong;
    ngx_recording_frame_t  f;

    wrong = 0;

    ngx_memzero(data, sizeof(data));

    for (i = 0; i < 65536; i++) {
        data[0] = (u_char) (i >> 8);
        data[1] = (u_char) i;

        size = i % (sizeof(data) + 1);

        for (track = 0; track < NGX_RECORDING_TRACKS; track++) {
            rc = frame_parse(&f, track, data, size);

            if ((rc == NGX_OK && f.body >= size)
                || (rc != NGX_OK && rc != NGX_ERROR && rc != NGX_DECLINED)
                || f.codec >= NGX_RECORDING_CODECS
                || (rc == NGX_OK && f.codec == NGX_RECORDING_CODEC_NONE))
            {
                wrong++;
            }
        }
    }

    is(wrong, 0, "every pair of first bytes");
}


static ngx_int_t
frame_parse(ngx_recording_frame_t *f, ngx_uint_t track, const u_char *data,
    size_t size)
{
    u_char     *p;
    ngx_int_t   rc;

    p = tap_copy(data, size);
    ngx_memset(f, 0xff, sizeof(ngx_recording_frame_t));

    rc = ngx_recording_frame_parse(f, track, p, size);

    free(p);

    return rc;
}
