
#include "ngx_recording_frame.h"


#define NGX_RECORDING_FRAME_KEY      1
#define NGX_RECORDING_FRAME_COMMAND  5

#define NGX_RECORDING_EX_VIDEO       0x80
#define NGX_RECORDING_EX_AUDIO       9

/* packet types of enhanced RTMP; 0 to 2 are those of AVC, too */

#define NGX_RECORDING_PACKET_HEADER  0
#define NGX_RECORDING_PACKET_CODED   1
#define NGX_RECORDING_PACKET_END     2
#define NGX_RECORDING_PACKET_CODED_X 3


static ngx_int_t ngx_recording_frame_video(ngx_recording_frame_t *f,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_frame_audio(ngx_recording_frame_t *f,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_frame_ex(ngx_recording_frame_t *f,
    ngx_uint_t track, u_char *p, size_t size);
static int32_t ngx_recording_frame_composition(u_char *p);


static const uint8_t  ngx_recording_video_codecs[16] = {
    [2] = NGX_RECORDING_CODEC_H263,
    [3] = NGX_RECORDING_CODEC_SCREEN,
    [4] = NGX_RECORDING_CODEC_VP6,
    [5] = NGX_RECORDING_CODEC_VP6A,
    [6] = NGX_RECORDING_CODEC_SCREEN2,
    [7] = NGX_RECORDING_CODEC_H264,
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


static const struct {
    char                    tag[5];
    ngx_recording_track_e   track;
    ngx_recording_codec_e   codec;
} ngx_recording_fourcc[] = {
    { "avc1", NGX_RECORDING_VIDEO, NGX_RECORDING_CODEC_H264 },
    { "hvc1", NGX_RECORDING_VIDEO, NGX_RECORDING_CODEC_HEVC },
    { "av01", NGX_RECORDING_VIDEO, NGX_RECORDING_CODEC_AV1 },
    { "vp09", NGX_RECORDING_VIDEO, NGX_RECORDING_CODEC_VP9 },
    { "mp4a", NGX_RECORDING_AUDIO, NGX_RECORDING_CODEC_AAC },
    { ".mp3", NGX_RECORDING_AUDIO, NGX_RECORDING_CODEC_MP3 },
    { "Opus", NGX_RECORDING_AUDIO, NGX_RECORDING_CODEC_OPUS },
};


static const char  *ngx_recording_codec_names[] = {
    "", "h264", "flv1", "flashsv", "flashsv2", "vp6f", "vp6a", "hevc", "av1",
    "vp9", "aac", "mp3", "pcm", "adpcm_swf", "nellymoser", "pcm_alaw",
    "pcm_mulaw", "speex", "opus", "unknown"
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
    f->header = 0;

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

    if (f->codec != NGX_RECORDING_CODEC_H264) {
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
        f->composition = ngx_recording_frame_composition(p + 2);
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


static ngx_int_t
ngx_recording_frame_ex(ngx_recording_frame_t *f, ngx_uint_t track, u_char *p,
    size_t size)
{
    ngx_uint_t  i, type;

    f->codec = NGX_RECORDING_CODEC_UNKNOWN;
    type = p[0] & 0x0f;

    if (size < 5) {
        return NGX_ERROR;
    }

    for (i = 0;
         i < sizeof(ngx_recording_fourcc) / sizeof(ngx_recording_fourcc[0]);
         i++)
    {
        if (ngx_recording_fourcc[i].track == track
            && ngx_memcmp(p + 1, ngx_recording_fourcc[i].tag, 4) == 0)
        {
            f->codec = ngx_recording_fourcc[i].codec;
            break;
        }
    }

    f->body = 5;

    switch (type) {

    case NGX_RECORDING_PACKET_HEADER:
        f->header = 1;
        break;

    case NGX_RECORDING_PACKET_CODED:
        if (f->codec == NGX_RECORDING_CODEC_H264
            || f->codec == NGX_RECORDING_CODEC_HEVC)
        {
            if (size < 8) {
                return NGX_ERROR;
            }

            f->composition = ngx_recording_frame_composition(p + 5);
            f->body = 8;
        }

        break;

    case NGX_RECORDING_PACKET_CODED_X:
        break;

    default:
        return NGX_DECLINED;
    }

    return size > f->body ? NGX_OK : NGX_ERROR;
}


static int32_t
ngx_recording_frame_composition(u_char *p)
{
    uint32_t  n;

    n = (uint32_t) p[0] << 16 | p[1] << 8 | p[2];

    /* 24 bits with sign */

    return (int32_t) (n ^ 0x800000) - 0x800000;
}


const char *
ngx_recording_codec_name(ngx_recording_codec_e codec)
{
    return ngx_recording_codec_names[codec];
}
