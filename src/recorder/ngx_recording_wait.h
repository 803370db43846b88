
/*
 * The time before a recording begins: its stream is live, but nothing came
 * that decoding can begin with.
 *
 * Runs in the loop, as a part of the intake; it sets no timer, but tells when
 * the next look is due.
 */


#ifndef _NGX_RECORDING_WAIT_H_INCLUDED_
#define _NGX_RECORDING_WAIT_H_INCLUDED_


#include "ngx_recording_frame.h"


/* if nothing was recorded for so long, that is said, ms */
#define NGX_RECORDING_WAIT_SAY  5000


typedef struct {
    ngx_msec_t              begun;
    ngx_msec_t              heard;         /* the first audio came */
    ngx_msec_t              arrived;       /* and the last */
    uint32_t                timestamp;     /* of that */
    ngx_uint_t              waited;        /* ms of audio */

    /* what came, and why it is no begin */

    unsigned                frames:1;      /* video, but no key frame */
    unsigned                headers:1;
    unsigned                headless:NGX_RECORDING_TRACKS;  /* bits: frames
                                              without their header */
    unsigned                broken:1;
    unsigned                strays:1;
    unsigned                said:1;
} ngx_recording_wait_t;


void ngx_recording_wait_begin(ngx_recording_wait_t *w);

/* an audio frame came; now: as ngx_current_msec tells it, or told it then */
void ngx_recording_wait_heard(ngx_recording_wait_t *w, ngx_msec_t now,
    uint32_t timestamp);

/* whether so much audio came that video is not waited for any more */
ngx_uint_t ngx_recording_wait_over(ngx_recording_wait_t *w);

/*
 * There is audio: ms until it is recorded, though little of it came and
 * nothing follows.  0: it is time.
 */
ngx_msec_t ngx_recording_wait_audio(ngx_recording_wait_t *w);

/*
 * There is nothing to be recorded, which is said once.  ms until the newest
 * metadata is kept no longer, 0: it is time.
 */
ngx_msec_t ngx_recording_wait_nothing(ngx_recording_wait_t *w,
    ngx_uint_t audio_only, ngx_log_t *log);

/*
 * It is over, by a key frame or not: says so, if it said that nothing is
 * recorded, or if there is video which is not.
 */
void ngx_recording_wait_end(ngx_recording_wait_t *w, ngx_uint_t key,
    ngx_log_t *log);


#endif /* _NGX_RECORDING_WAIT_H_INCLUDED_ */
