
/*
 * The recorder's own, for the files that it is made of: the intake of
 * messages, the wait for the first key frame, and the rest of its life.
 *
 * Runs in the loop.
 */


#ifndef _NGX_RECORDING_INTAKE_H_INCLUDED_
#define _NGX_RECORDING_INTAKE_H_INCLUDED_


#include "ngx_recording_recorder.h"


#define NGX_RECORDING_HEADERS       3                 /* and onMetaData */
#define NGX_RECORDING_BATCH_SIZE    (256 * 1024)


typedef enum {
    NGX_RECORDING_WAITING = 0,
    NGX_RECORDING_RUNNING,
    NGX_RECORDING_DROPPING,
    NGX_RECORDING_ENDING
} ngx_recording_e;


/* the time before the first key frame */

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


struct ngx_recording_s {
    ngx_queue_t             queue;
    ngx_recording_worker_t *worker;
    ngx_pool_t             *pool;
    ngx_log_t               log;

    ngx_recording_stream_t  stream;
    ngx_str_t               name;          /* the stream's, for the log */
    ngx_recording_template_t  template;
    ngx_recording_e         state;

    ngx_recording_batch_t   headers[NGX_RECORDING_HEADERS];  /* the newest */
    ngx_recording_batch_t   filling;
    ngx_recording_batch_t   writing;       /* by the job */
    ngx_recording_cursor_t  cursor;        /* how far that is */
    ngx_event_t             timer;         /* the batch is old enough */

    ngx_recording_writer_t *writer;
    ngx_recording_job_t     append;
    ngx_int_t               result;        /* of the job */
    ngx_uint_t              finishing;     /* files */
    ngx_uint_t              tries;         /* in vain, at the end */
    ngx_msec_t              tried;         /* the first of them */
    uint64_t                id;            /* 0 until the writer has one */
    ngx_msec_t              arrived;       /* the last message */
    ngx_msec_t              asked;         /* another worker did; 0: none */

    ngx_recording_wait_t    wait;
    size_t                  held;          /* of the account: what the writer
                                              holds */
    uint32_t                picture;       /* timestamp of the last video */
    uint32_t                keyless;       /* and of the first since a key
                                              frame */
    ngx_msec_t              keyless_msec;  /* its arrival */
    ngx_uint_t              length;        /* bytes of a NAL unit's length */
    uint32_t                dropped[NGX_RECORDING_TRACKS];
    uint32_t                strays[NGX_RECORDING_TRACKS][NGX_RECORDING_STRAYS];

    unsigned                exclusive:1;
    unsigned                audio_only:1;
    unsigned                video:1;       /* a video key frame came */
    unsigned                key:1;         /* the message is a key frame */
    unsigned                recovery:1;    /* for want of one: a recovery
                                              point */
    unsigned                late:1;        /* frames since the last key frame:
                                              keyless is set */
    unsigned                headed:NGX_RECORDING_TRACKS;  /* bits: a header
                                              came */
    unsigned                header:1;      /* or a header or onMetaData */
    unsigned                refused:1;     /* was said: a large header */
    unsigned                attached:1;    /* a session has it */
    unsigned                appending:1;   /* the job is under way */
    ngx_uint_t              asks;          /* of the catalogue, not answered */
    unsigned                again:1;       /* the job is to go on later */
    unsigned                ended:1;       /* the writer closed its files */
};


/*
 * intake: headers first, then the audio that is held, unless it is before a
 * video key frame's timestamp; NULL: all of it.
 */
void ngx_recording_start(ngx_recording_t *r, uint32_t *timestamp);

/* intake: takes a message into the batch, or drops it */
void ngx_recording_add(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in, size_t size);

/* intake: whether a message may be held; half: only if there is much room */
ngx_uint_t ngx_recording_room(ngx_recording_t *r, size_t size,
    ngx_uint_t half);

/* intake: copies a message into a batch, and counts it in the account */
ngx_int_t ngx_recording_copy(ngx_recording_t *r,
    ngx_recording_batch_t *batch, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in, size_t size);

/* intake: keeps a header or onMetaData in the place of the one before */
void ngx_recording_header(ngx_recording_t *r, ngx_uint_t track,
    ngx_chain_t *in, size_t size, ngx_uint_t early);

/* intake: says at the end what was not recorded */
void ngx_recording_strays(ngx_recording_t *r);

/* intake: tells the writer that frames are missing here */
void ngx_recording_gap(ngx_recording_t *r);

/* intake: frees a batch, and takes it from the worker's account */
void ngx_recording_release(ngx_recording_t *r, ngx_recording_batch_t *batch);

/* wait: begins it, with its timer */
void ngx_recording_wait_begin(ngx_recording_t *r);

/* wait: a message before the first key frame */
void ngx_recording_wait(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in, size_t size,
    ngx_recording_frame_t *f);

/* wait: its timer */
void ngx_recording_wait_timer(ngx_recording_t *r);

/*
 * wait: it is over, by a key frame or not; says so, if it said that nothing
 * is recorded, or if there is video which is not
 */
void ngx_recording_wait_end(ngx_recording_t *r, ngx_uint_t key);

/* wall clock, us, as of this turn of the loop */
int64_t ngx_recording_now(ngx_recording_t *r);

/* orders the job that writes what was filled */
void ngx_recording_append(ngx_recording_t *r);

/* orders it when the batch is old enough */
void ngx_recording_wake(ngx_recording_t *r);


#endif /* _NGX_RECORDING_INTAKE_H_INCLUDED_ */
