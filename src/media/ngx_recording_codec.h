
/*
 * Codecs: what is known of each one, and facts about a track, read from its
 * sequence header (H.264, AAC) or from the frame itself (MP3).
 *
 * Pure: no nginx runtime, no allocation, any thread.  The input comes from
 * the network and is never trusted.
 */


#ifndef _NGX_RECORDING_CODEC_H_INCLUDED_
#define _NGX_RECORDING_CODEC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_RECORDING_VIDEO = 0,
    NGX_RECORDING_AUDIO,
    NGX_RECORDING_DATA,        /* onMetaData */
    NGX_RECORDING_GAP          /* frames were dropped here, no message */
} ngx_recording_track_e;

#define NGX_RECORDING_TRACKS  2

/* bytes of a message with a sequence header: a longer one is not taken */
#define NGX_RECORDING_HEADER_MAX  8192


typedef enum {
    NGX_RECORDING_CODEC_NONE = 0,

    NGX_RECORDING_CODEC_H264,
    NGX_RECORDING_CODEC_H263,
    NGX_RECORDING_CODEC_SCREEN,
    NGX_RECORDING_CODEC_SCREEN2,
    NGX_RECORDING_CODEC_VP6,
    NGX_RECORDING_CODEC_VP6A,
    NGX_RECORDING_CODEC_HEVC,
    NGX_RECORDING_CODEC_AV1,
    NGX_RECORDING_CODEC_VP9,

    NGX_RECORDING_CODEC_AAC,
    NGX_RECORDING_CODEC_MP3,
    NGX_RECORDING_CODEC_PCM,
    NGX_RECORDING_CODEC_ADPCM,
    NGX_RECORDING_CODEC_NELLYMOSER,
    NGX_RECORDING_CODEC_PCMA,
    NGX_RECORDING_CODEC_PCMU,
    NGX_RECORDING_CODEC_SPEEX,
    NGX_RECORDING_CODEC_OPUS,

    NGX_RECORDING_CODEC_UNKNOWN,

    /* these came later: journals have the numbers of those above */

    NGX_RECORDING_CODEC_VP8,
    NGX_RECORDING_CODEC_FLAC,
    NGX_RECORDING_CODEC_AC3,
    NGX_RECORDING_CODEC_EAC3,

    NGX_RECORDING_CODECS
} ngx_recording_codec_e;


typedef struct {
    ngx_recording_codec_e   codec;

    uint32_t                width;
    uint32_t                height;
    uint32_t                nal_length;    /* bytes of a NAL unit's length */

    uint32_t                sample_rate;   /* Hz */
    uint32_t                channels;
    uint32_t                samples;       /* in a frame, 0 if not known */
} ngx_recording_codec_t;


/*
 * What is known of a codec.  One of which the sequence header is read cannot
 * be recorded without it; of one of which a frame is read each says the facts;
 * of any other one there are none, and FLV has it as it came.
 */

typedef ngx_int_t (*ngx_recording_codec_pt)(ngx_recording_codec_t *c,
    u_char *p, size_t size);

typedef struct {
    char                    name[12];      /* as ffprobe has it */
    char                    fourcc[5];     /* of enhanced RTMP, or empty */
    ngx_recording_track_e   track;         /* of the FourCC */
    ngx_recording_codec_pt  header;
    ngx_recording_codec_pt  frame;
    uint8_t                 units;         /* frames are NAL units: where in
                                              the header their lengths' size
                                              is */
    uint8_t                 bare;          /* enhanced RTMP has no header */
} ngx_recording_codec_row_t;

extern const ngx_recording_codec_row_t
    ngx_recording_codecs[NGX_RECORDING_CODECS];

/* the codec's name, "" for none; a constant */
const char *ngx_recording_codec_name(ngx_recording_codec_e codec);

/*
 * An AVCDecoderConfigurationRecord.
 *
 *   NGX_OK     *c is filled; width and height are 0 if the SPS is odd
 *   NGX_ERROR  not a usable record
 */
ngx_int_t ngx_recording_codec_avc(ngx_recording_codec_t *c, u_char *p,
    size_t size);

/* an AudioSpecificConfig; return codes as above */
ngx_int_t ngx_recording_codec_aac(ngx_recording_codec_t *c, u_char *p,
    size_t size);

/*
 * Why an AudioSpecificConfig cannot be told in the head of an ADTS frame, as
 * in AAC files and MPEG-TS; NULL if it can.  A constant.
 */
const char *ngx_recording_codec_adts(u_char *p, size_t size);

/* Hz by a sampling frequency index, as in ADTS headers; 0 if there is none */
uint32_t ngx_recording_codec_aac_rate(ngx_uint_t index);

/* the header of an MPEG audio frame; return codes as above */
ngx_int_t ngx_recording_codec_mp3(ngx_recording_codec_t *c, u_char *p,
    size_t size);

#endif /* _NGX_RECORDING_CODEC_H_INCLUDED_ */
