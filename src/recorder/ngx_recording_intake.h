
/*
 * The intake of a recording: from the messages of a session to a batch.
 *
 * Runs in the loop; it touches no disk, sets no timer and orders no job.  The
 * recorder has one, wakes up or orders a job by what it returns, and takes
 * its batches.  The log, the account and the store's clock that it points to
 * must outlive it.  ngx_recording_recorder.h has its states.
 */


#ifndef _NGX_RECORDING_INTAKE_H_INCLUDED_
#define _NGX_RECORDING_INTAKE_H_INCLUDED_


#include "ngx_recording_account.h"
#include "ngx_recording_batch.h"
#include "ngx_recording_wait.h"


#define NGX_RECORDING_INTAKE_HEADERS  3               /* and onMetaData */
#define NGX_RECORDING_INTAKE_BATCH    (256 * 1024)

/* ms that a batch waits for the frame behind one whose timestamp is far away */
#define NGX_RECORDING_INTAKE_DOUBT    2500


typedef enum {
    NGX_RECORDING_INTAKE_WAITING = 0,
    NGX_RECORDING_INTAKE_RUNNING,
    NGX_RECORDING_INTAKE_DROPPING,
    NGX_RECORDING_INTAKE_ENDING
} ngx_recording_intake_e;

/* their names */
extern const char *const  ngx_recording_intake_states[];


/* timestamps of a track */

typedef struct {
    uint32_t                timestamp;     /* of the last frame */
    ngx_msec_t              arrived;
    uint8_t                 set;
    uint8_t                 doubt;         /* it is far from the one before,
                                              and the next one tells */
} ngx_recording_intake_stamp_t;


typedef struct {
    ngx_log_t              *log;
    ngx_recording_account_t  *account;     /* of the worker */
    const int64_t          *base;          /* us, of the store's clock */
    int64_t                 replayed;      /* us, by that clock: what comes had
                                              come then; 0: it comes now */

    ngx_recording_intake_e  state;
    const char             *lost;          /* why frames are dropped; NULL:
                                              none, or it was told */
    ngx_recording_wait_t    wait;
    ngx_recording_batch_t   headers[NGX_RECORDING_INTAKE_HEADERS];
                                           /* the newest */
    ngx_recording_batch_t   filling;
    size_t                  taken;         /* of the account: batches that
                                              are being written */
    size_t                  held;          /* and what the writer holds */

    u_char                  head[NGX_RECORDING_FRAME_HEAD];
                                           /* of a message that is in pieces */
    ngx_recording_intake_stamp_t  stamps[NGX_RECORDING_TRACKS];
    uint32_t                picture;       /* timestamp of the last video */
    uint32_t                keyless;       /* and of the first since a key
                                              frame */
    ngx_msec_t              keyless_msec;  /* its arrival */
    ngx_uint_t              length;        /* bytes of a NAL unit's length */
    uint32_t                dropped[NGX_RECORDING_TRACKS];
    uint32_t                strays[NGX_RECORDING_TRACKS][NGX_RECORDING_STRAYS];

    unsigned                audio_only:1;
    unsigned                video:1;       /* a video key frame came */
    unsigned                late:1;        /* frames since the last key frame:
                                              keyless is set */
    unsigned                headed:NGX_RECORDING_TRACKS;  /* bits: a header
                                              came */
    unsigned                refused:1;     /* was said: a large header */
    unsigned                behind:1;      /* what is dropped is behind a gap,
                                              not for want of room */
} ngx_recording_intake_t;


/* a message, and what its head says */

typedef struct {
    ngx_uint_t              track;
    uint32_t                timestamp;
    ngx_chain_t            *chain;
    size_t                  size;
    ngx_recording_frame_t   frame;
    uint8_t                 broken;        /* it is cut short */
    uint8_t                 header;        /* it is one, or onMetaData */
    uint8_t                 key;           /* files can begin with it */
    uint8_t                 recovery;      /* for want of a key frame: at a
                                              recovery point */
} ngx_recording_intake_message_t;


/* all else is zero; the wait for the first key frame begins */
void ngx_recording_intake_init(ngx_recording_intake_t *in,
    ngx_recording_account_t *account, const int64_t *base,
    ngx_uint_t audio_only, ngx_log_t *log);

/* frees all batches that were not taken, and forgets what the writer holds */
void ngx_recording_intake_free(ngx_recording_intake_t *in);

/* remembers a sequence header that came before the publish */
void ngx_recording_intake_seed(ngx_recording_intake_t *in, ngx_uint_t track,
    ngx_chain_t *chain);

/*
 * Takes a message, or drops and counts it; what the chain holds is copied.
 *
 *   NGX_OK        something waits to be written, or, before the recording
 *                 begins, for video
 *   NGX_DONE      the same, and the batch is full, or it waited for this
 *   NGX_DECLINED  nothing came to the batch
 */
ngx_int_t ngx_recording_intake_message(ngx_recording_intake_t *in,
    ngx_uint_t track, uint32_t timestamp, ngx_chain_t *chain);

/*
 * The recording has not begun for so long: it begins with the audio that
 * came, or it is said that there is nothing.  Returns the ms after which this
 * is to be called again, 0: not any more.
 */
ngx_msec_t ngx_recording_intake_timer(ngx_recording_intake_t *in);

/*
 * Nothing comes any more.  NGX_DECLINED: and nothing came, there will be no
 * recording.
 */
ngx_int_t ngx_recording_intake_end(ngx_recording_intake_t *in);

/*
 * The ms for which the batch is not to be taken yet, or 0: its last frame of a
 * track has a timestamp that is far away, and the next one tells whether that
 * is a mistake or the time of all that follows.
 */
ngx_msec_t ngx_recording_intake_doubt(ngx_recording_intake_t *in);

/* hands over what was filled; it stays in the account */
void ngx_recording_intake_take(ngx_recording_intake_t *in,
    ngx_recording_batch_t *batch);

/* frees a batch that was taken */
void ngx_recording_intake_release(ngx_recording_intake_t *in,
    ngx_recording_batch_t *batch);

/* the writer holds so many bytes now */
void ngx_recording_intake_hold(ngx_recording_intake_t *in, size_t held);

/* says at the end of a stream what was not recorded */
void ngx_recording_intake_strays(ngx_recording_intake_t *in);

/*
 * Whether a message of this size would be taken, and not too much waits to be
 * written: for those that can wait with it.  One that never could is, when
 * nothing else is there.
 */
ngx_uint_t ngx_recording_intake_ready(ngx_recording_intake_t *in,
    size_t size);

/* so many frames were lost before they came here: a gap, as if it had dropped
   them itself */
void ngx_recording_intake_missing(ngx_recording_intake_t *in,
    const uint32_t lost[NGX_RECORDING_TRACKS]);

/* wall clock, us, as of this turn of the loop; or when what is replayed came */
static ngx_inline int64_t
ngx_recording_intake_now(ngx_recording_intake_t *in)
{
    return in->replayed ? in->replayed
                        : (int64_t) ngx_current_msec * 1000 + *in->base;
}

/* for its parts: the same as ngx_current_msec tells it */
static ngx_inline ngx_msec_t
ngx_recording_intake_msec(ngx_recording_intake_t *in)
{
    return in->replayed ? (ngx_msec_t) ((in->replayed - *in->base) / 1000)
                        : ngx_current_msec;
}

/*
 * For its parts, in ngx_recording_intake_frame.c: reads an audio or video
 * message.  NGX_DECLINED: nothing to be recorded.
 */
ngx_int_t ngx_recording_intake_frame(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m);

/* the same: keeps a header or onMetaData in the place of the one before */
void ngx_recording_intake_keep(ngx_recording_intake_t *in,
    ngx_recording_intake_message_t *m, ngx_uint_t early);


#endif /* _NGX_RECORDING_INTAKE_H_INCLUDED_ */
