
/*
 * Facts about a track, read from its sequence header (H.264, AAC) or from
 * the frame itself (MP3).
 *
 * Pure: no nginx runtime, no allocation, any thread.  The input comes from
 * the network and is never trusted.
 */


#ifndef _NGX_RECORDING_CODEC_H_INCLUDED_
#define _NGX_RECORDING_CODEC_H_INCLUDED_


#include "ngx_recording_frame.h"


typedef struct {
    ngx_recording_codec_e   codec;

    uint32_t                width;
    uint32_t                height;
    uint32_t                nal_length;    /* bytes of a NAL unit's length */

    uint32_t                sample_rate;   /* Hz */
    uint32_t                channels;
    uint32_t                samples;       /* in a frame, 0 if not known */
} ngx_recording_codec_t;


/* the codec's name as ffprobe has it, "" for none; a constant */
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
