
/*
 * RTMP audio and video messages as frames.
 *
 * Pure: no nginx runtime, no allocation, any thread.  Nothing is owned; the
 * structures point into the message that the caller holds.
 *
 * A message body is what follows the RTMP message header: for video a byte
 * of frame type and codec, for H.264 a packet type and the composition time,
 * then the access unit; for audio a byte of codec and rate, for AAC a packet
 * type, then the frame.  HEVC under codec id 12 is laid out as H.264 is.
 * Enhanced RTMP (FourCC codecs) is recognised as far as an FLV file needs it:
 * codec, key frame, sequence header, composition time.
 */


#ifndef _NGX_RECORDING_FRAME_H_INCLUDED_
#define _NGX_RECORDING_FRAME_H_INCLUDED_


#include "ngx_recording_codec.h"


/* what is in a message that is neither a frame nor a sequence header */

typedef enum {
    NGX_RECORDING_STRAY_NONE = 0,          /* nothing that would be missed */
    NGX_RECORDING_STRAY_MULTITRACK,        /* of enhanced RTMP */
    NGX_RECORDING_STRAY_MULTICHANNEL,      /* the order of audio channels */
    NGX_RECORDING_STRAY_METADATA,          /* such as HDR's colours */
    NGX_RECORDING_STRAY_MODEX,             /* more extensions than are read */
    NGX_RECORDING_STRAY_PACKET             /* another packet type */
} ngx_recording_stray_e;

#define NGX_RECORDING_STRAYS  6


/* the bytes of a message that have all that is read of it here */
#define NGX_RECORDING_FRAME_HEAD  64

/* a composition time beyond this either way is an error, ms */
#define NGX_RECORDING_FRAME_COMPOSITION  10000


/* what is set for each frame are bytes, not bits: a store is all it takes */

typedef struct {
    ngx_recording_codec_e   codec;
    int32_t                 composition;   /* PTS - DTS, ms */
    uint32_t                body;          /* offset of the coded data */
    uint8_t                 key;           /* decoding can begin with it */
    uint8_t                 idr;           /* and nothing later needs what
                                              was before */
    uint8_t                 recovery;      /* or it can after a while: what
                                              ngx_recording_unit.h finds */
    uint8_t                 picture;       /* unless ngx_recording_unit.h
                                              finds that it is none */
    uint8_t                 header;        /* sequence header */
    uint8_t                 wild;          /* composition was out of reach,
                                              0 is taken */
    ngx_recording_stray_e   stray;         /* if it is declined */
} ngx_recording_frame_t;


/*
 * Reads the head of an audio or video message body: of a longer one the
 * first NGX_RECORDING_FRAME_HEAD bytes say the same as all of it.  key and
 * idr are what the flag says; ngx_recording_unit_look() looks into the frame.
 *
 *   NGX_OK        a frame or a sequence header, *f is filled
 *   NGX_DECLINED  nothing to record: an empty message, the end of a sequence,
 *                 a video command, or what f->stray says
 *   NGX_ERROR     cut short; *f holds the codec as far as it is known
 */
ngx_int_t ngx_recording_frame_parse(ngx_recording_frame_t *f,
    ngx_uint_t track, u_char *p, size_t size);


#endif /* _NGX_RECORDING_FRAME_H_INCLUDED_ */
