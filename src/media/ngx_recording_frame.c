
#include "ngx_recording_frame.h"


#define NGX_RECORDING_FRAME_KEY      1
#define NGX_RECORDING_FRAME_COMMAND  5

#define NGX_RECORDING_EX_VIDEO       0x80
#define NGX_RECORDING_EX_AUDIO       9

/* packet types of enhanced RTMP; 0 to 2 are those of AVC, too */

#define NGX_RECORDING_PACKET_HEADER  0
#define NGX_RECORDING_PACKET_CODED   1
#define NGX_RECORDING_PACKET_END     2
#define NGX_RECORDING_PACKET_CODED_X 3     /* video only */
#define NGX_RECORDING_PACKET_META    4     /* of audio: channel order */
#define NGX_RECORDING_PACKET_AUDIO_TRACKS  5
#define NGX_RECORDING_PACKET_VIDEO_TRACKS  6
#define NGX_RECORDING_PACKET_MODEX   7

/* where extensions end at the latest: a FourCC and the composition follow */
#define NGX_RECORDING_MODEX_MAX      (NGX_RECORDING_FRAME_HEAD - 16)


static ngx_int_t ngx_recording_frame_video(ngx_recording_frame_t *f,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_frame_audio(ngx_recording_frame_t *f,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_frame_ex(ngx_recording_frame_t *f,
    ngx_uint_t track, u_char *p, size_t size);
static ngx_int_t ngx_recording_frame_modex(ngx_recording_frame_t *f,
    u_char *p, size_t size, ngx_uint_t *type);
static ngx_int_t ngx_recording_frame_stray(ngx_recording_frame_t *f,
    ngx_uint_t track, ngx_uint_t type);
static ngx_recording_codec_e ngx_recording_frame_fourcc(ngx_uint_t track,
    u_char *p);
static void ngx_recording_frame_composition(ngx_recording_frame_t *f,
    u_char *p);


static const uint8_t  ngx_recording_video_codecs[16] = {
    [2] = NGX_RECORDING_CODEC_H263,
    [3] = NGX_RECORDING_CODEC_SCREEN,
    [4] = NGX_RECORDING_CODEC_VP6,
    [5] = NGX_RECORDING_CODEC_VP6A,
    [6] = NGX_RECORDING_CODEC_SCREEN2,
    [7] = NGX_RECORDING_CODEC_H264,
    [12] = NGX_RECORDING_CODEC_HEVC,       /* never published by Adobe */
};


static const uint8_t  ngx_recording_audio_codecs[16] = {
    [0] = NGX_RECORDING_CODEC_PCM,
    [1] = NGX_RECORDING_CODEC_ADPCM,
    [2] = NGX_RECORDING_CODEC_MP3,
    [3] = NGX_RECORDING_CODEC_PCM,
    [4] = NGX_RECORDING_CODEC_NELLYMOSER,
    [5] = NGX_RECORDING_CODEC_NELLYMOSER,
    [6] = NGX_RECORDING_CODEC_NELLYMOSER,
    [7] = NGX_RECORDING_CODEC_PCMA,
    [8] = NGX_RECORDING_CODEC_PCMU,
    [10] = NGX_RECORDING_CODEC_AAC,
    [11] = NGX_RECORDING_CODEC_SPEEX,
    [14] = NGX_RECORDING_CODEC_MP3,
};


ngx_int_t
ngx_recording_frame_parse(ngx_recording_frame_t *f, ngx_uint_t track,
    u_char *p, size_t size)
{
    f->codec = NGX_RECORDING_CODEC_NONE;
    f->composition = 0;
    f->body = 1;
    f->key = 0;
    f->idr = 0;
    f->recovery = 0;
    f->picture = 1;
    f->header = 0;
    f->wild = 0;
    f->stray = NGX_RECORDING_STRAY_NONE;

    if (size == 0) {
        return NGX_DECLINED;
    }

    if (track == NGX_RECORDING_VIDEO) {
        return ngx_recording_frame_video(f, p, size);
    }

    return ngx_recording_frame_audio(f, p, size);
}


static ngx_int_t
ngx_recording_frame_video(ngx_recording_frame_t *f, u_char *p, size_t size)
{
    ngx_uint_t  type;

    type = (p[0] >> 4) & 0x07;

    if (type == NGX_RECORDING_FRAME_COMMAND) {
        return NGX_DECLINED;
    }

    f->key = (type == NGX_RECORDING_FRAME_KEY);
    f->idr = f->key;

    if (p[0] & NGX_RECORDING_EX_VIDEO) {
        return ngx_recording_frame_ex(f, NGX_RECORDING_VIDEO, p, size);
    }

    f->codec = ngx_recording_video_codecs[p[0] & 0x0f];

    if (f->codec == NGX_RECORDING_CODEC_NONE) {
        f->codec = NGX_RECORDING_CODEC_UNKNOWN;
    }

    if (!ngx_recording_codecs[f->codec].units) {
        return size > 1 ? NGX_OK : NGX_ERROR;
    }

    if (size < 2) {
        return NGX_ERROR;
    }

    if (p[1] == NGX_RECORDING_PACKET_END) {
        return NGX_DECLINED;
    }

    if (size < 6 || p[1] > NGX_RECORDING_PACKET_END) {
        return NGX_ERROR;
    }

    f->header = (p[1] == NGX_RECORDING_PACKET_HEADER);
    f->body = 5;

    if (!f->header) {
        ngx_recording_frame_composition(f, p + 2);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_frame_audio(ngx_recording_frame_t *f, u_char *p, size_t size)
{
    ngx_uint_t  format;

    format = p[0] >> 4;
    f->key = 1;
    f->idr = 1;

    if (format == NGX_RECORDING_EX_AUDIO) {
        return ngx_recording_frame_ex(f, NGX_RECORDING_AUDIO, p, size);
    }

    f->codec = ngx_recording_audio_codecs[format];

    if (format != 0 && f->codec == NGX_RECORDING_CODEC_NONE) {
        f->codec = NGX_RECORDING_CODEC_UNKNOWN;
    }

    if (f->codec != NGX_RECORDING_CODEC_AAC) {
        return size > 1 ? NGX_OK : NGX_DECLINED;
    }

    if (size < 2 || p[1] > NGX_RECORDING_PACKET_CODED) {
        return NGX_ERROR;
    }

    f->header = (p[1] == NGX_RECORDING_PACKET_HEADER);
    f->body = 2;

    if (size == 2) {

        /* encoders send an empty AAC frame when the audio ends */

        return f->header ? NGX_ERROR : NGX_DECLINED;
    }

    return NGX_OK;
}


/* ExVideoTagHeader and ExAudioTagHeader of enhanced RTMP, version 2 */

static ngx_int_t
ngx_recording_frame_ex(ngx_recording_frame_t *f, ngx_uint_t track, u_char *p,
    size_t size)
{
    ngx_int_t   rc;
    ngx_uint_t  type;

    f->codec = NGX_RECORDING_CODEC_UNKNOWN;

    rc = ngx_recording_frame_modex(f, p, size, &type);

    if (rc != NGX_OK) {
        return rc;
    }

    if (size < f->body + 4) {
        return NGX_ERROR;
    }

    /* of several tracks this is another byte */

    if (type != (track == NGX_RECORDING_VIDEO
                 ? NGX_RECORDING_PACKET_VIDEO_TRACKS
                 : NGX_RECORDING_PACKET_AUDIO_TRACKS))
    {
        f->codec = ngx_recording_frame_fourcc(track, p + f->body);
    }

    p += f->body;
    f->body += 4;

    switch (type) {

    case NGX_RECORDING_PACKET_HEADER:

        if (ngx_recording_codecs[f->codec].bare) {
            f->stray = NGX_RECORDING_STRAY_PACKET;
            return NGX_DECLINED;
        }

        f->header = 1;
        break;

    case NGX_RECORDING_PACKET_CODED:
        if (ngx_recording_codecs[f->codec].units) {
            if (size < f->body + 3) {
                return NGX_ERROR;
            }

            ngx_recording_frame_composition(f, p + 4);
            f->body += 3;
        }

        break;

    case NGX_RECORDING_PACKET_CODED_X:
        if (track == NGX_RECORDING_VIDEO) {
            break;
        }

        /* fall through */

    default:
        return ngx_recording_frame_stray(f, track, type);
    }

    return size > f->body ? NGX_OK : NGX_ERROR;
}


/* extensions, as of nanoseconds, stand before the FourCC: none is needed */

static ngx_int_t
ngx_recording_frame_modex(ngx_recording_frame_t *f, u_char *p, size_t size,
    ngx_uint_t *type)
{
    size_t  at, len;

    *type = p[0] & 0x0f;

    for (at = 1; *type == NGX_RECORDING_PACKET_MODEX; at += len + 1) {

        if (size < at + 1) {
            return NGX_ERROR;
        }

        len = (size_t) p[at++] + 1;

        if (len == 256) {
            if (size < at + 2) {
                return NGX_ERROR;
            }

            len = ((size_t) p[at] << 8 | p[at + 1]) + 1;
            at += 2;
        }

        if (at + len + 1 > NGX_RECORDING_MODEX_MAX) {
            f->stray = NGX_RECORDING_STRAY_MODEX;
            return NGX_DECLINED;
        }

        if (size < at + len + 1) {
            return NGX_ERROR;
        }

        /* its own type is in the other half of the byte */

        *type = p[at + len] & 0x0f;
    }

    f->body = (uint32_t) at;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_frame_stray(ngx_recording_frame_t *f, ngx_uint_t track,
    ngx_uint_t type)
{
    switch (type) {

    case NGX_RECORDING_PACKET_END:
        break;

    case NGX_RECORDING_PACKET_META:
        f->stray = track == NGX_RECORDING_VIDEO
                   ? NGX_RECORDING_STRAY_METADATA
                   : NGX_RECORDING_STRAY_MULTICHANNEL;
        break;

    default:
        f->stray = type == (track == NGX_RECORDING_VIDEO
                            ? NGX_RECORDING_PACKET_VIDEO_TRACKS
                            : NGX_RECORDING_PACKET_AUDIO_TRACKS)
                   ? NGX_RECORDING_STRAY_MULTITRACK
                   : NGX_RECORDING_STRAY_PACKET;
    }

    return NGX_DECLINED;
}


static ngx_recording_codec_e
ngx_recording_frame_fourcc(ngx_uint_t track, u_char *p)
{
    ngx_uint_t                        i;
    const ngx_recording_codec_row_t  *row;

    for (i = 0; i < NGX_RECORDING_CODECS; i++) {
        row = &ngx_recording_codecs[i];

        if (row->fourcc[0] && row->track == track
            && ngx_memcmp(p, row->fourcc, 4) == 0)
        {
            return i;
        }
    }

    return NGX_RECORDING_CODEC_UNKNOWN;
}


/* one frame must not be shown hours after all others */

static void
ngx_recording_frame_composition(ngx_recording_frame_t *f, u_char *p)
{
    uint32_t  n;

    n = (uint32_t) p[0] << 16 | p[1] << 8 | p[2];

    /* 24 bits with sign */

    f->composition = (int32_t) (n ^ 0x800000) - 0x800000;

    if (f->composition > NGX_RECORDING_FRAME_COMPOSITION
        || f->composition < -NGX_RECORDING_FRAME_COMPOSITION)
    {
        f->composition = 0;
        f->wild = 1;
    }
}
