
/* Sequence headers: real ones, built ones, and broken ones. */


#include "tap.h"
#include "headers.h"
#include "ngx_recording_codec.h"


/* writes an SPS bit by bit */

typedef struct {
    u_char                  data[512];
    ngx_uint_t              bits;
} codec_bits_t;


typedef struct {
    uint32_t                profile;
    uint32_t                chroma;         /* high profiles */
    ngx_uint_t              planes;
    ngx_uint_t              scaling;        /* of the lists below */
    uint32_t                order;          /* pic_order_cnt_type */
    uint32_t                width;          /* macroblocks */
    uint32_t                height;
    ngx_uint_t              fields;
    uint32_t                crop[4];
} codec_sps_t;


static void codec_avc_real(void);
static void codec_avc_built(void);
static void codec_avc_broken(void);
static void codec_aac(void);
static void codec_mp3(void);
static void codec_names(void);
static void codec_truncated(void);
static size_t codec_sps(u_char *dst, codec_sps_t *sps);
static void codec_scaling(codec_bits_t *b, ngx_uint_t lists, ngx_uint_t kind);
static void codec_put(codec_bits_t *b, ngx_uint_t n, uint32_t value);
static void codec_put_ue(codec_bits_t *b, uint32_t value);
static void codec_put_se(codec_bits_t *b, int32_t value);
static void codec_size(codec_sps_t *sps, uint32_t width, uint32_t height,
    const char *name);
static ngx_int_t codec_of(ngx_recording_codec_t *c,
    ngx_int_t (*parse)(ngx_recording_codec_t *c, u_char *p, size_t size),
    const u_char *data, size_t size);


enum {
    CODEC_NO_LISTS = 0,
    CODEC_LISTS_FLAT,
    CODEC_LISTS_EARLY,             /* end before their last coefficient */
    CODEC_LISTS_DEFAULT,           /* end with their first one */
    CODEC_LISTS_WRAP               /* go around 256 */
};


int
main(void)
{
    codec_avc_real();
    codec_avc_built();
    codec_avc_broken();
    codec_aac();
    codec_mp3();
    codec_truncated();
    codec_names();

    return tap_done();
}


static void
codec_avc_real(void)
{
    ngx_uint_t             i;
    ngx_recording_codec_t  c;

    static const struct {
        const char    *name;
        const u_char  *data;
        size_t         size;
        uint32_t       width;
        uint32_t       height;
    } tests[] = {
        { "320x180", avc_180, sizeof(avc_180), 320, 180 },
        { "854x480", avc_480, sizeof(avc_480), 854, 480 },
        { "1280x720", avc_720, sizeof(avc_720), 1280, 720 },
        { "1920x1080", avc_1080, sizeof(avc_1080), 1920, 1080 },
        { "1920x1080i", avc_1080i, sizeof(avc_1080i), 1920, 1080 },
        { "3840x2160", avc_2160, sizeof(avc_2160), 3840, 2160 },
        { "718x478 4:2:2", avc_422, sizeof(avc_422), 718, 478 },
        { "33x35 4:4:4", avc_444, sizeof(avc_444), 33, 35 },
        { "330x250 monochrome", avc_gray, sizeof(avc_gray), 330, 250 },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        is(codec_of(&c, ngx_recording_codec_avc, tests[i].data,
                    tests[i].size),
           NGX_OK, "avcC of %s", tests[i].name);
        is(c.codec, NGX_RECORDING_CODEC_H264, "%s: codec", tests[i].name);
        is(c.width, tests[i].width, "%s: width", tests[i].name);
        is(c.height, tests[i].height, "%s: height", tests[i].name);
        is(c.nal_length, 4, "%s: length size", tests[i].name);
        is(c.sample_rate + c.channels + c.samples, 0, "%s: no audio",
           tests[i].name);
    }
}


/* what libx264 does not write */

static void
codec_avc_built(void)
{
    codec_sps_t  sps;

    static const codec_sps_t  plain = {
        .profile = 66, .chroma = 1, .width = 20, .height = 15
    };
    static const codec_sps_t  high = {
        .profile = 100, .chroma = 1, .width = 120, .height = 68,
        .crop = { 0, 0, 0, 4 }
    };

    sps = plain;
    codec_size(&sps, 320, 240, "Baseline");

    sps.order = 1;
    codec_size(&sps, 320, 240, "picture order of type 1");

    sps.order = 2;
    codec_size(&sps, 320, 240, "picture order of type 2");

    sps = high;
    codec_size(&sps, 1920, 1080, "High");

    sps.scaling = CODEC_LISTS_FLAT;
    codec_size(&sps, 1920, 1080, "scaling lists");

    sps.scaling = CODEC_LISTS_EARLY;
    codec_size(&sps, 1920, 1080, "scaling lists that end early");

    sps.scaling = CODEC_LISTS_DEFAULT;
    codec_size(&sps, 1920, 1080, "default scaling lists");

    sps.scaling = CODEC_LISTS_WRAP;
    codec_size(&sps, 1920, 1080, "scaling lists around 256");

    sps.profile = 244;
    sps.chroma = 3;
    sps.crop[3] = 8;
    codec_size(&sps, 1920, 1080, "twelve scaling lists of 4:4:4");

    sps.planes = 1;
    codec_size(&sps, 1920, 1080, "separate colour planes");

    sps = high;
    sps.fields = 1;
    sps.height = 34;
    sps.crop[3] = 2;
    codec_size(&sps, 1920, 1080, "fields");

    sps = high;
    sps.crop[0] = 1;
    sps.crop[1] = 2;
    sps.crop[2] = 3;
    sps.crop[3] = 4;
    codec_size(&sps, 1914, 1074, "cut on all sides");

    sps = plain;
    sps.width = 1024;
    sps.height = 1024;
    codec_size(&sps, 16384, 16384, "the largest");

    sps.width = 1025;
    codec_size(&sps, 0, 0, "larger than any level allows");

    sps = plain;
    sps.crop[1] = 160;
    codec_size(&sps, 0, 0, "cut to nothing");

    sps.crop[1] = 0xfffffffe;
    sps.crop[0] = 0xfffffffe;
    codec_size(&sps, 0, 0, "cut by more than there is");
}


static void
codec_avc_broken(void)
{
    u_char                 data[sizeof(avc_720)];
    ngx_uint_t             i, n;
    ngx_recording_codec_t  c;

    static const struct {
        const char  *name;
        size_t       at;
        u_char       value;
    } tests[] = {
        { "another version", 0, 2 },
        { "no SPS", 5, 0xe0 },
        { "lengths of three bytes", 4, 0xfe },
        { "an SPS longer than the record", 6, 0xff },
        { "a lying SPS length", 7, 0x30 },
        { "an SPS of two bytes", 7, 2 },
        { "a PPS in its place", 8, 0x68 },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        ngx_memcpy(data, avc_720, sizeof(data));
        data[tests[i].at] = tests[i].value;

        is(codec_of(&c, ngx_recording_codec_avc, data, sizeof(data)),
           NGX_ERROR, "avcC with %s", tests[i].name);
    }

    for (i = 0; i < 3; i++) {
        n = i == 2 ? 4 : i + 1;

        ngx_memcpy(data, avc_720, sizeof(data));
        data[4] = (u_char) (0xfc | (n - 1));

        is(codec_of(&c, ngx_recording_codec_avc, data, sizeof(data)), NGX_OK,
           "avcC with lengths of %d bytes", (int) n);
        is(c.nal_length, n, "lengths of %d bytes", (int) n);
    }

    /* garbage in the SPS: a codec without dimensions, or any, never more */

    for (i = 0; i < 256; i++) {
        ngx_memcpy(data, avc_720, sizeof(data));
        ngx_memset(data + 9, (int) i, 25);

        if (codec_of(&c, ngx_recording_codec_avc, data, sizeof(data))
            != NGX_OK
            || c.width > 16384 || c.height > 16384)
        {
            break;
        }
    }

    is(i, 256, "garbage in place of an SPS");
}


static void
codec_aac(void)
{
    ngx_uint_t             i;
    ngx_recording_codec_t  c;

    static const u_char  he[] = { 0x2b, 0x92, 0x08, 0x00 };
    static const u_char  ps[] = { 0xeb, 0x8a, 0x08, 0x00 };
    static const u_char  he_rate[] = { 0x2b, 0x97, 0x80, 0x5d, 0xc0, 0x10 };
    static const u_char  escape[] = { 0xf8, 0x86, 0x40 };
    static const u_char  rate[] = { 0x17, 0x80, 0x2b, 0x11, 0x10 };
    static const u_char  frame960[] = { 0x11, 0x94 };
    static const u_char  program[] = { 0x11, 0x80 };

    static const u_char  odd[] = { 0x16, 0x90 };
    static const u_char  type0[] = { 0x01, 0x90 };
    static const u_char  rate0[] = { 0x17, 0x80, 0x00, 0x00, 0x10 };
    static const u_char  rate16m[] = { 0x17, 0xff, 0xff, 0xff, 0x90 };

    static const struct {
        const char    *name;
        const u_char  *data;
        size_t         size;
        uint32_t       rate;           /* 0: it is an error */
        uint32_t       channels;
        uint32_t       samples;
    } tests[] = {
        { "48 kHz stereo", aac_48000_2, sizeof(aac_48000_2), 48000, 2, 1024 },
        { "44.1 kHz mono", aac_44100_1, sizeof(aac_44100_1), 44100, 1, 1024 },
        { "48 kHz 5.1", aac_48000_6, sizeof(aac_48000_6), 48000, 6, 1024 },
        { "96 kHz 7.1", aac_96000_8, sizeof(aac_96000_8), 96000, 8, 1024 },
        { "8 kHz mono", aac_8000_1, sizeof(aac_8000_1), 8000, 1, 1024 },
        { "two bytes", aac_48000_2, 2, 48000, 2, 1024 },
        { "HE-AAC, the core's rate", he, sizeof(he), 22050, 2, 1024 },
        { "HE-AAC v2", ps, sizeof(ps), 22050, 1, 1024 },
        { "HE-AAC, its rate written out", he_rate, sizeof(he_rate),
          22050, 2, 1024 },
        { "an escaped object type", escape, sizeof(escape), 48000, 2, 1024 },
        { "a rate written out", rate, sizeof(rate), 22050, 2, 1024 },
        { "frames of 960 samples", frame960, sizeof(frame960),
          48000, 2, 960 },
        { "channels in a program", program, sizeof(program), 48000, 0, 1024 },
        { "a reserved rate", odd, sizeof(odd), 0, 0, 0 },
        { "object type 0", type0, sizeof(type0), 0, 0, 0 },
        { "rate 0", rate0, sizeof(rate0), 0, 0, 0 },
        { "rate 16 MHz", rate16m, sizeof(rate16m), 0, 0, 0 },
        { "one byte", aac_48000_2, 1, 0, 0, 0 },
        { "nothing", aac_48000_2, 0, 0, 0, 0 },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        is(codec_of(&c, ngx_recording_codec_aac, tests[i].data,
                    tests[i].size),
           tests[i].rate ? NGX_OK : NGX_ERROR, "AAC: %s", tests[i].name);

        if (tests[i].rate) {
            is(c.codec, NGX_RECORDING_CODEC_AAC, "%s: codec", tests[i].name);
            is(c.sample_rate, tests[i].rate, "%s: rate", tests[i].name);
            is(c.channels, tests[i].channels, "%s: channels", tests[i].name);
            is(c.samples, tests[i].samples, "%s: samples", tests[i].name);
        }
    }
}


static void
codec_mp3(void)
{
    ngx_uint_t             i;
    ngx_recording_codec_t  c;

    static const u_char  rate48[] = { 0xff, 0xfb, 0x94, 0x04 };
    static const u_char  rate32[] = { 0xff, 0xfa, 0x98, 0xc4 };

    static const u_char  sync[] = { 0xff, 0xdb, 0x90, 0x64 };
    static const u_char  version[] = { 0xff, 0xeb, 0x90, 0x64 };
    static const u_char  layer2[] = { 0xff, 0xfd, 0x90, 0x64 };
    static const u_char  reserved[] = { 0xff, 0xfb, 0x9c, 0x64 };
    static const u_char  adts[] = { 0xff, 0xf1, 0x4c, 0x80 };

    static const struct {
        const char    *name;
        const u_char  *data;
        size_t         size;
        uint32_t       rate;           /* 0: it is an error */
        uint32_t       channels;
        uint32_t       samples;
    } tests[] = {
        { "44.1 kHz stereo", mp3_44100_2, sizeof(mp3_44100_2),
          44100, 2, 1152 },
        { "22.05 kHz mono", mp3_22050_1, sizeof(mp3_22050_1), 22050, 1, 576 },
        { "11.025 kHz mono", mp3_11025_1, sizeof(mp3_11025_1),
          11025, 1, 576 },
        { "48 kHz", rate48, sizeof(rate48), 48000, 2, 1152 },
        { "32 kHz mono", rate32, sizeof(rate32), 32000, 1, 1152 },
        { "no sync word", sync, sizeof(sync), 0, 0, 0 },
        { "a reserved version", version, sizeof(version), 0, 0, 0 },
        { "Layer II", layer2, sizeof(layer2), 0, 0, 0 },
        { "a reserved rate", reserved, sizeof(reserved), 0, 0, 0 },
        { "ADTS", adts, sizeof(adts), 0, 0, 0 },
        { "three bytes", mp3_44100_2, 3, 0, 0, 0 },
        { "nothing", mp3_44100_2, 0, 0, 0, 0 },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        is(codec_of(&c, ngx_recording_codec_mp3, tests[i].data,
                    tests[i].size),
           tests[i].rate ? NGX_OK : NGX_ERROR, "MP3: %s", tests[i].name);

        if (tests[i].rate) {
            is(c.codec, NGX_RECORDING_CODEC_MP3, "%s: codec", tests[i].name);
            is(c.sample_rate, tests[i].rate, "%s: rate", tests[i].name);
            is(c.channels, tests[i].channels, "%s: channels", tests[i].name);
            is(c.samples, tests[i].samples, "%s: samples", tests[i].name);
        }
    }
}


/* each record cut at each byte: refused, or its SPS was whole */

static void
codec_truncated(void)
{
    size_t                 size, sps;
    ngx_int_t              rc;
    ngx_uint_t             wrong;
    ngx_recording_codec_t  c;

    sps = 8 + (avc_1080[6] << 8 | avc_1080[7]);
    wrong = 0;

    for (size = 0; size < sizeof(avc_1080); size++) {
        rc = codec_of(&c, ngx_recording_codec_avc, avc_1080, size);

        wrong += rc != (size < sps ? NGX_ERROR : NGX_OK);
    }

    is(wrong, 0, "an avcC cut short");

    /* the same of the SPS itself, in a record that says so */

    wrong = 0;

    for (size = 4; size < sps - 8; size++) {
        u_char  data[sizeof(avc_1080)];

        ngx_memcpy(data, avc_1080, sizeof(data));
        data[7] = (u_char) size;

        rc = codec_of(&c, ngx_recording_codec_avc, data, 8 + size);

        /* the dimensions are known once the cropping is read */

        wrong += rc != NGX_OK
                 || !((c.width == 0 && c.height == 0)
                      || (c.width == 1920 && c.height == 1080));
    }

    is(wrong, 0, "an SPS cut short");
}


static void
codec_size(codec_sps_t *sps, uint32_t width, uint32_t height,
    const char *name)
{
    u_char                 data[512];
    size_t                 size;
    ngx_recording_codec_t  c;

    ngx_memcpy(data, avc_720, 8);

    size = codec_sps(data + 8, sps);

    data[6] = (u_char) (size >> 8);
    data[7] = (u_char) size;

    is(codec_of(&c, ngx_recording_codec_avc, data, 8 + size), NGX_OK,
       "SPS: %s", name);
    is(c.width, width, "SPS: %s: width", name);
    is(c.height, height, "SPS: %s: height", name);
}


static size_t
codec_sps(u_char *dst, codec_sps_t *sps)
{
    size_t        i, size, zeros;
    u_char       *p;
    codec_bits_t  b;

    ngx_memzero(&b, sizeof(codec_bits_t));

    codec_put(&b, 8, 0x67);
    codec_put(&b, 8, sps->profile);
    codec_put(&b, 8, 0);
    codec_put(&b, 8, 51);
    codec_put_ue(&b, 0);

    if (sps->profile >= 100) {
        codec_put_ue(&b, sps->chroma);

        if (sps->chroma == 3) {
            codec_put(&b, 1, (uint32_t) sps->planes);
        }

        codec_put_ue(&b, 0);
        codec_put_ue(&b, 0);
        codec_put(&b, 1, 0);
        codec_put(&b, 1, sps->scaling != CODEC_NO_LISTS);

        if (sps->scaling != CODEC_NO_LISTS) {
            codec_scaling(&b, sps->chroma == 3 ? 12 : 8, sps->scaling);
        }
    }

    codec_put_ue(&b, 12);
    codec_put_ue(&b, sps->order);

    if (sps->order == 0) {
        codec_put_ue(&b, 12);

    } else if (sps->order == 1) {
        codec_put(&b, 1, 0);
        codec_put_se(&b, -1);
        codec_put_se(&b, 2);
        codec_put_ue(&b, 3);
        codec_put_se(&b, 1);
        codec_put_se(&b, -100000);
        codec_put_se(&b, 0);
    }

    codec_put_ue(&b, 4);
    codec_put(&b, 1, 0);
    codec_put_ue(&b, sps->width - 1);
    codec_put_ue(&b, sps->height - 1);
    codec_put(&b, 1, !sps->fields);

    if (sps->fields) {
        codec_put(&b, 1, 0);
    }

    codec_put(&b, 1, 1);

    i = sps->crop[0] | sps->crop[1] | sps->crop[2] | sps->crop[3];
    codec_put(&b, 1, i != 0);

    if (i) {
        for (i = 0; i < 4; i++) {
            codec_put_ue(&b, sps->crop[i]);
        }
    }

    codec_put(&b, 1, 0);                    /* no VUI */
    codec_put(&b, 1, 1);

    /* emulation prevention */

    size = (b.bits + 7) / 8;
    zeros = 0;
    p = dst;

    for (i = 0; i < size; i++) {

        if (zeros == 2 && b.data[i] <= 3) {
            *p++ = 3;
            zeros = 0;
        }

        zeros = b.data[i] ? 0 : zeros + 1;
        *p++ = b.data[i];
    }

    return p - dst;
}


static void
codec_scaling(codec_bits_t *b, ngx_uint_t lists, ngx_uint_t kind)
{
    ngx_uint_t  i, j;

    for (i = 0; i < lists; i++) {

        /* every third one is not there */

        codec_put(b, 1, i % 3 != 2);

        if (i % 3 == 2) {
            continue;
        }

        switch (kind) {

        case CODEC_LISTS_EARLY:
            codec_put_se(b, 8);
            codec_put_se(b, -16);
            break;

        case CODEC_LISTS_DEFAULT:
            codec_put_se(b, -8);
            break;

        default:
            for (j = 0; j < (i < 6 ? 16 : 64); j++) {
                codec_put_se(b, kind == CODEC_LISTS_WRAP && i < 6 ? 100
                                : j == 0 ? 8 : 0);
            }
        }
    }
}


static void
codec_put(codec_bits_t *b, ngx_uint_t n, uint32_t value)
{
    while (n--) {
        b->data[b->bits / 8] |= (u_char) (((value >> n) & 1)
                                          << (7 - b->bits % 8));
        b->bits++;
    }
}


static void
codec_put_ue(codec_bits_t *b, uint32_t value)
{
    ngx_uint_t  n;

    for (n = 0; ((uint64_t) value + 1) >> (n + 1); n++) { /* void */ }

    codec_put(b, n, 0);
    codec_put(b, n + 1, value + 1);
}


static void
codec_put_se(codec_bits_t *b, int32_t value)
{
    codec_put_ue(b, value > 0 ? 2 * (uint32_t) value - 1
                              : 2 * (uint32_t) -value);
}


static ngx_int_t
codec_of(ngx_recording_codec_t *c,
    ngx_int_t (*parse)(ngx_recording_codec_t *c, u_char *p, size_t size),
    const u_char *data, size_t size)
{
    u_char     *p;
    ngx_int_t   rc;

    p = tap_copy(data, size);
    ngx_memset(c, 0xff, sizeof(ngx_recording_codec_t));

    rc = parse(c, p, size);

    free(p);

    return rc;
}


static void
codec_names(void)
{
    ngx_uint_t   i, j, same;
    const char  *name;

    is_text(ngx_recording_codec_name(NGX_RECORDING_CODEC_NONE), 0, "",
            "no codec, no name");

    name = ngx_recording_codec_name(NGX_RECORDING_CODEC_H264);
    is_text(name, ngx_strlen(name), "h264", "name of H.264");

    name = ngx_recording_codec_name(NGX_RECORDING_CODEC_AAC);
    is_text(name, ngx_strlen(name), "aac", "name of AAC");

    name = ngx_recording_codec_name(NGX_RECORDING_CODEC_OPUS);
    is_text(name, ngx_strlen(name), "opus", "name of Opus");

    name = ngx_recording_codec_name(NGX_RECORDING_CODEC_UNKNOWN);
    is_text(name, ngx_strlen(name), "unknown", "name of an unknown codec");

    for (same = 0, i = 1; i < NGX_RECORDING_CODECS; i++) {
        for (j = 0; j < i; j++) {
            same += (ngx_strcmp(ngx_recording_codec_name(i),
                                ngx_recording_codec_name(j))
                     == 0);
        }
    }

    is(same, 0, "each codec has a name of its own");
}
