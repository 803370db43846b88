
#include "ngx_recording_codec.h"


/* more than any real SPS has; the rest would be VUI, which is not read */
#define NGX_RECORDING_SPS_MAX       512
#define NGX_RECORDING_AVC_MAX_SIDE  16384

/* audio object types; those up to LTP have a place in ADTS */
#define NGX_RECORDING_AAC_LTP       4
#define NGX_RECORDING_AAC_SBR       5
#define NGX_RECORDING_AAC_LD        23
#define NGX_RECORDING_AAC_PS        29
#define NGX_RECORDING_AAC_ELD       39
#define NGX_RECORDING_AAC_USAC      42

#define NGX_RECORDING_AAC_ESCAPE    15       /* a rate that is written out */


typedef struct {
    u_char   *pos;
    u_char   *last;
    uint32_t  bit;                   /* of *pos, 0 is the highest */
    unsigned  over:1;                /* read past the end */
} ngx_recording_bits_t;


/* an AudioSpecificConfig */

typedef struct {
    uint32_t                type;    /* of the core, if there is SBR */
    uint32_t                index;   /* of its sample rate */
    uint32_t                rate;    /* Hz */
    uint32_t                channels;  /* their configuration */
    uint32_t                samples;
} ngx_recording_asc_t;


static ngx_int_t ngx_recording_codec_sps(ngx_recording_codec_t *c, u_char *p,
    size_t size);
static void ngx_recording_sps_scaling(ngx_recording_bits_t *b,
    ngx_uint_t lists);
static uint32_t ngx_recording_sps_chroma(ngx_recording_bits_t *b,
    uint32_t profile);
static ngx_int_t ngx_recording_asc(ngx_recording_asc_t *a, u_char *p,
    size_t size);
static uint32_t ngx_recording_asc_type(ngx_recording_bits_t *b);
static uint32_t ngx_recording_bits(ngx_recording_bits_t *b, ngx_uint_t n);
static uint32_t ngx_recording_bits_ue(ngx_recording_bits_t *b);
static int32_t ngx_recording_bits_se(ngx_recording_bits_t *b);


static const uint32_t  ngx_recording_aac_rates[16] = {
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050,
    16000, 12000, 11025, 8000, 7350, 0, 0, 0
};


static const uint8_t  ngx_recording_aac_channels[16] = {
    0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8, 0
};


const ngx_recording_codec_row_t
    ngx_recording_codecs[NGX_RECORDING_CODECS] =
{
    [NGX_RECORDING_CODEC_H264] = {
        .name = "h264", .fourcc = "avc1",
        .header = ngx_recording_codec_avc, .units = 4
    },
    [NGX_RECORDING_CODEC_H263] = { .name = "flv1" },
    [NGX_RECORDING_CODEC_SCREEN] = { .name = "flashsv" },
    [NGX_RECORDING_CODEC_SCREEN2] = { .name = "flashsv2" },
    [NGX_RECORDING_CODEC_VP6] = { .name = "vp6f" },
    [NGX_RECORDING_CODEC_VP6A] = { .name = "vp6a" },
    [NGX_RECORDING_CODEC_HEVC] = {
        .name = "hevc", .fourcc = "hvc1",
        .units = 21
    },
    [NGX_RECORDING_CODEC_AV1] = {
        .name = "av1", .fourcc = "av01"
    },
    [NGX_RECORDING_CODEC_VP8] = {
        .name = "vp8", .fourcc = "vp08"
    },
    [NGX_RECORDING_CODEC_VP9] = {
        .name = "vp9", .fourcc = "vp09"
    },
    [NGX_RECORDING_CODEC_AAC] = {
        .name = "aac", .fourcc = "mp4a", .track = NGX_RECORDING_AUDIO,
        .header = ngx_recording_codec_aac
    },
    [NGX_RECORDING_CODEC_MP3] = {
        .name = "mp3", .fourcc = ".mp3", .track = NGX_RECORDING_AUDIO,
        .frame = ngx_recording_codec_mp3, .bare = 1
    },
    [NGX_RECORDING_CODEC_PCM] = { .name = "pcm" },
    [NGX_RECORDING_CODEC_ADPCM] = { .name = "adpcm_swf" },
    [NGX_RECORDING_CODEC_NELLYMOSER] = { .name = "nellymoser" },
    [NGX_RECORDING_CODEC_PCMA] = { .name = "pcm_alaw" },
    [NGX_RECORDING_CODEC_PCMU] = { .name = "pcm_mulaw" },
    [NGX_RECORDING_CODEC_SPEEX] = { .name = "speex" },
    [NGX_RECORDING_CODEC_OPUS] = {
        .name = "opus", .fourcc = "Opus", .track = NGX_RECORDING_AUDIO
    },
    [NGX_RECORDING_CODEC_FLAC] = {
        .name = "flac", .fourcc = "fLaC", .track = NGX_RECORDING_AUDIO
    },
    [NGX_RECORDING_CODEC_AC3] = {
        .name = "ac3", .fourcc = "ac-3", .track = NGX_RECORDING_AUDIO,
        .bare = 1
    },
    [NGX_RECORDING_CODEC_EAC3] = {
        .name = "eac3", .fourcc = "ec-3", .track = NGX_RECORDING_AUDIO,
        .bare = 1
    },
    [NGX_RECORDING_CODEC_UNKNOWN] = { .name = "unknown" },
};


const char *
ngx_recording_codec_name(ngx_recording_codec_e codec)
{
    return ngx_recording_codecs[codec].name;
}


ngx_int_t
ngx_recording_codec_avc(ngx_recording_codec_t *c, u_char *p, size_t size)
{
    size_t  len;

    ngx_memzero(c, sizeof(ngx_recording_codec_t));
    c->codec = NGX_RECORDING_CODEC_H264;

    /* version, profile, compatibility, level, length size, SPS count */

    if (size < 8 || p[0] != 1 || (p[5] & 0x1f) == 0) {
        return NGX_ERROR;
    }

    c->nal_length = (p[4] & 0x03) + 1;

    if (c->nal_length == 3) {
        return NGX_ERROR;
    }

    len = (size_t) p[6] << 8 | p[7];

    if (len < 4 || len > size - 8 || (p[8] & 0x1f) != 7) {
        return NGX_ERROR;
    }

    if (ngx_recording_codec_sps(c, p + 9, len - 1) != NGX_OK) {
        c->width = 0;
        c->height = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_codec_sps(ngx_recording_codec_t *c, u_char *p, size_t size)
{
    u_char                rbsp[NGX_RECORDING_SPS_MAX];
    size_t                i, n;
    int64_t               w, h, crop_w, crop_h;
    uint32_t              k, profile, chroma, frame_only, crop[4];
    ngx_recording_bits_t  b;

    /* drop the emulation prevention bytes */

    for (i = 0, n = 0; i < size && n < sizeof(rbsp); i++) {
        if (i >= 2 && p[i] == 3 && p[i - 1] == 0 && p[i - 2] == 0) {
            continue;
        }

        rbsp[n++] = p[i];
    }

    b.pos = rbsp;
    b.last = rbsp + n;
    b.bit = 0;
    b.over = 0;

    profile = ngx_recording_bits(&b, 8);
    (void) ngx_recording_bits(&b, 16);           /* constraints, level */
    (void) ngx_recording_bits_ue(&b);            /* id */

    chroma = ngx_recording_sps_chroma(&b, profile);

    (void) ngx_recording_bits_ue(&b);            /* log2_max_frame_num */

    switch (ngx_recording_bits_ue(&b)) {         /* pic_order_cnt_type */

    case 0:
        (void) ngx_recording_bits_ue(&b);
        break;

    case 1:
        (void) ngx_recording_bits(&b, 1);
        (void) ngx_recording_bits_se(&b);
        (void) ngx_recording_bits_se(&b);

        k = ngx_recording_bits_ue(&b);

        while (k-- && !b.over) {
            (void) ngx_recording_bits_se(&b);
        }

        break;
    }

    (void) ngx_recording_bits_ue(&b);            /* max_num_ref_frames */
    (void) ngx_recording_bits(&b, 1);            /* gaps allowed */

    w = ((int64_t) ngx_recording_bits_ue(&b) + 1) * 16;
    h = ((int64_t) ngx_recording_bits_ue(&b) + 1) * 16;

    frame_only = ngx_recording_bits(&b, 1);
    h *= 2 - frame_only;

    if (!frame_only) {
        (void) ngx_recording_bits(&b, 1);        /* mb_adaptive */
    }

    (void) ngx_recording_bits(&b, 1);            /* direct_8x8_inference */

    ngx_memzero(crop, sizeof(crop));

    if (ngx_recording_bits(&b, 1)) {
        for (k = 0; k < 4; k++) {                /* left right top bottom */
            crop[k] = ngx_recording_bits_ue(&b);
        }
    }

    crop_w = (chroma == 1 || chroma == 2) ? 2 : 1;
    crop_h = (chroma == 1 ? 2 : 1) * (2 - frame_only);

    w -= crop_w * ((int64_t) crop[0] + crop[1]);
    h -= crop_h * ((int64_t) crop[2] + crop[3]);

    if (b.over
        || w <= 0 || w > NGX_RECORDING_AVC_MAX_SIDE
        || h <= 0 || h > NGX_RECORDING_AVC_MAX_SIDE)
    {
        return NGX_ERROR;
    }

    c->width = (uint32_t) w;
    c->height = (uint32_t) h;

    return NGX_OK;
}


/* the part that only the high profiles have; returns chroma_format_idc */

static uint32_t
ngx_recording_sps_chroma(ngx_recording_bits_t *b, uint32_t profile)
{
    uint32_t    chroma;
    ngx_uint_t  lists;

    switch (profile) {

    case 100:
    case 110:
    case 122:
    case 244:
    case 44:
    case 83:
    case 86:
    case 118:
    case 128:
    case 138:
    case 139:
    case 134:
    case 135:
        break;

    default:
        return 1;
    }

    chroma = ngx_recording_bits_ue(b);
    lists = 8;

    if (chroma == 3) {
        lists = 12;

        if (ngx_recording_bits(b, 1)) {          /* separate planes */
            chroma = 0;
        }
    }

    (void) ngx_recording_bits_ue(b);             /* bit depths */
    (void) ngx_recording_bits_ue(b);
    (void) ngx_recording_bits(b, 1);             /* lossless bypass */

    if (ngx_recording_bits(b, 1)) {
        ngx_recording_sps_scaling(b, lists);
    }

    return chroma;
}


static void
ngx_recording_sps_scaling(ngx_recording_bits_t *b, ngx_uint_t lists)
{
    int32_t     last, next;
    ngx_uint_t  i, j, n;

    for (i = 0; i < lists && !b->over; i++) {

        if (!ngx_recording_bits(b, 1)) {
            continue;
        }

        n = i < 6 ? 16 : 64;
        last = 8;
        next = 8;

        for (j = 0; j < n && !b->over; j++) {
            if (next) {
                next = (int32_t) ((uint32_t) last
                                  + (uint32_t) ngx_recording_bits_se(b))
                       & 0xff;
            }

            if (next) {
                last = next;
            }
        }
    }
}


uint32_t
ngx_recording_codec_aac_rate(ngx_uint_t index)
{
    return index < 16 ? ngx_recording_aac_rates[index] : 0;
}


ngx_int_t
ngx_recording_codec_aac(ngx_recording_codec_t *c, u_char *p, size_t size)
{
    ngx_recording_asc_t  a;

    ngx_memzero(c, sizeof(ngx_recording_codec_t));
    c->codec = NGX_RECORDING_CODEC_AAC;

    if (ngx_recording_asc(&a, p, size) != NGX_OK
        || a.rate < 1000 || a.rate > 192000)
    {
        return NGX_ERROR;
    }

    c->sample_rate = a.rate;
    c->channels = ngx_recording_aac_channels[a.channels];
    c->samples = a.samples;

    return NGX_OK;
}


const char *
ngx_recording_codec_adts(u_char *p, size_t size)
{
    ngx_recording_asc_t  a;

    if (ngx_recording_asc(&a, p, size) != NGX_OK) {
        return "its sequence header is broken";
    }

    if (a.type > NGX_RECORDING_AAC_LTP) {
        return "it is not AAC of the types Main, LC, SSR or LTP";
    }

    if (a.samples != 1024) {
        return "its frames do not have 1024 samples";
    }

    if (a.index == NGX_RECORDING_AAC_ESCAPE) {
        return "its sample rate is not in the list";
    }

    if (a.channels > 7) {
        return "its order of channels is not in the list";
    }

    return NULL;
}


static ngx_int_t
ngx_recording_asc(ngx_recording_asc_t *a, u_char *p, size_t size)
{
    uint32_t              index;
    ngx_recording_bits_t  b;

    static const uint32_t  usac[8] = { 768, 1024, 2048, 2048, 4096, 0, 0, 0 };

    b.pos = p;
    b.last = p + size;
    b.bit = 0;
    b.over = 0;

    a->type = ngx_recording_asc_type(&b);
    a->index = ngx_recording_bits(&b, 4);

    a->rate = a->index == NGX_RECORDING_AAC_ESCAPE
              ? ngx_recording_bits(&b, 24) : ngx_recording_aac_rates[a->index];

    a->channels = ngx_recording_bits(&b, 4);

    if (a->type == NGX_RECORDING_AAC_SBR || a->type == NGX_RECORDING_AAC_PS) {

        /* the rate above is the core's, as the frames' */

        index = ngx_recording_bits(&b, 4);

        if (index == NGX_RECORDING_AAC_ESCAPE) {
            (void) ngx_recording_bits(&b, 24);
        }

        a->type = ngx_recording_asc_type(&b);
    }

    switch (a->type) {

    case NGX_RECORDING_AAC_USAC:
        if (ngx_recording_bits(&b, 5) == 31) {
            (void) ngx_recording_bits(&b, 24);
        }

        a->samples = usac[ngx_recording_bits(&b, 3)];
        break;

    case NGX_RECORDING_AAC_LD:
    case NGX_RECORDING_AAC_ELD:
        a->samples = ngx_recording_bits(&b, 1) ? 480 : 512;
        break;

    default:
        a->samples = ngx_recording_bits(&b, 1) ? 960 : 1024;
    }

    return b.over || a->type == 0 ? NGX_ERROR : NGX_OK;
}


static uint32_t
ngx_recording_asc_type(ngx_recording_bits_t *b)
{
    uint32_t  type;

    type = ngx_recording_bits(b, 5);

    return type == 31 ? 32 + ngx_recording_bits(b, 6) : type;
}


ngx_int_t
ngx_recording_codec_mp3(ngx_recording_codec_t *c, u_char *p, size_t size)
{
    ngx_uint_t  version, layer, rate;

    static const uint32_t  rates[3] = { 44100, 48000, 32000 };

    ngx_memzero(c, sizeof(ngx_recording_codec_t));
    c->codec = NGX_RECORDING_CODEC_MP3;

    if (size < 4 || p[0] != 0xff || (p[1] & 0xe0) != 0xe0) {
        return NGX_ERROR;
    }

    version = (p[1] >> 3) & 0x03;            /* 3 MPEG-1, 2 MPEG-2, 0 2.5 */
    layer = (p[1] >> 1) & 0x03;              /* 1 is Layer III */
    rate = (p[2] >> 2) & 0x03;

    if (version == 1 || layer != 1 || rate == 3) {
        return NGX_ERROR;
    }

    c->sample_rate = rates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    c->samples = version == 3 ? 1152 : 576;
    c->channels = (p[3] >> 6) == 3 ? 1 : 2;

    return NGX_OK;
}


static uint32_t
ngx_recording_bits(ngx_recording_bits_t *b, ngx_uint_t n)
{
    uint32_t  v;

    for (v = 0; n; n--) {

        if (b->pos >= b->last) {
            b->over = 1;
            return 0;
        }

        v = v << 1 | ((*b->pos >> (7 - b->bit)) & 1);

        if (++b->bit == 8) {
            b->bit = 0;
            b->pos++;
        }
    }

    return v;
}


/* Exp-Golomb */

static uint32_t
ngx_recording_bits_ue(ngx_recording_bits_t *b)
{
    ngx_uint_t  zeros;

    for (zeros = 0; !b->over && ngx_recording_bits(b, 1) == 0; zeros++) {
        if (zeros == 31) {
            b->over = 1;
            return 0;
        }
    }

    return ((uint32_t) 1 << zeros) - 1 + ngx_recording_bits(b, zeros);
}


static int32_t
ngx_recording_bits_se(ngx_recording_bits_t *b)
{
    uint32_t  v;

    v = ngx_recording_bits_ue(b);

    return v & 1 ? (int32_t) (v / 2 + 1) : -(int32_t) (v / 2);
}
