
/*
 * The recorder: the event loop's side of a recording.
 *
 * Runs in the loop.  A recording is created for an accepted publish, copies
 * each message once into a batch and hands batches to the writer on the
 * thread pool, one at a time.  It outlives its session: after
 * ngx_recording_recorder_close() it writes what it has, finishes its files,
 * or leaves them to wait for their stream, and frees itself.
 *
 *             key frame, or audio            the stream ended, or went to
 *    waiting --------------------> running   another worker
 *       |                           |   ^ ------------------------+
 *       |        record_buffer full |   | key frame, half is free |
 *       |                           v   |                         v
 *       |                         dropping -------------------> ending
 *       |                                                         |
 *       +------------- the stream ended, nothing came ------------+
 *                                                                 v
 *                                       freed when all is written, all files
 *                                       are finished or wait, and the session
 *                                       has closed
 *
 * The state is the intake's: ngx_recording_intake_e.
 */


#ifndef _NGX_RECORDING_RECORDER_H_INCLUDED_
#define _NGX_RECORDING_RECORDER_H_INCLUDED_


#include "ngx_recording_intake.h"
#include "ngx_recording_worker.h"
#include "ngx_recording_writer.h"


typedef struct ngx_recording_s  ngx_recording_t;

/* ngx_recording_ring.h */
typedef struct ngx_recording_replay_s  ngx_recording_replay_t;


/* the job that writes, of which there is one at a time */

typedef enum {
    NGX_RECORDING_RECORDER_IDLE = 0,
    NGX_RECORDING_RECORDER_ORDERED,
    NGX_RECORDING_RECORDER_AGAIN           /* the same order goes on later */
} ngx_recording_recorder_e;


/* new files that a call has ordered */

typedef enum {
    NGX_RECORDING_RECORDER_UNCUT = 0,
    NGX_RECORDING_RECORDER_CUT,            /* they are ordered */
    NGX_RECORDING_RECORDER_CUTTING,        /* the writer waits for a frame that
                                              they can begin with */
    NGX_RECORDING_RECORDER_CUT_DONE        /* they have begun */
} ngx_recording_recorder_cut_e;


struct ngx_recording_s {
    ngx_queue_t             queue;
    ngx_recording_worker_t *worker;
    ngx_pool_t             *pool;
    ngx_log_t               log;

    ngx_recording_stream_t  stream;
    ngx_str_t               name;          /* the stream's, for the log */
    ngx_recording_template_t  template;

    ngx_recording_intake_t  intake;
    ngx_event_t             timer;         /* the batch is old enough, or the
                                              wait is to be looked at */

    ngx_recording_writer_t *writer;
    ngx_recording_job_t     append;
    ngx_recording_recorder_e  job;         /* how that is */
    ngx_recording_order_t   order;         /* its */
    ngx_uint_t              finishing;     /* files */
    ngx_uint_t              tries;         /* in vain, at the end */
    ngx_msec_t              tried;         /* the first of them */
    uint64_t                id;            /* 0 until the writer has one */
    int64_t                 over;          /* us, when the stream was */
    ngx_msec_t              arrived;       /* the last message */
    ngx_msec_t              asked;         /* another worker did; 0: none */
    ngx_msec_t              ordered;       /* the batch was, that is written */
    ngx_msec_t              shown;         /* what others may know; 0: never */
    ngx_recording_board_slot_t  *slot;     /* there */
    ngx_uint_t              asks;          /* of the catalogue, not answered */
    ngx_recording_recorder_cut_e  cut;
    ngx_uint_t              number;        /* of the order */

    ngx_recording_replay_t *replay;        /* which feeds it in the place of
                                              its session; NULL: none does */
    void                  (*idle)(ngx_recording_t *r);   /* that is told when a
                                              job is done; NULL: nobody is */

    unsigned                attached:1;    /* a session has it */
    unsigned                refused:1;     /* nothing can be recorded, which
                                              was told */
    unsigned                finish:1;      /* its files do not wait for their
                                              stream */
};


/*
 * Creates a recording.  The strings of the stream are copied.  exclusive: it
 * is a copy of a stream that other workers may record, too.  audio_only: the
 * video is not recorded.  NULL: no memory.
 */
ngx_recording_t *ngx_recording_recorder_create(ngx_recording_worker_t *worker,
    ngx_recording_template_t *template, ngx_recording_stream_t *stream,
    ngx_uint_t exclusive, ngx_uint_t audio_only);

/* remembers a sequence header that came before the publish */
void ngx_recording_recorder_seed(ngx_recording_t *r, ngx_uint_t track,
    ngx_chain_t *in);

/*
 * Takes a message; timestamp is RTMP's.  What the chain holds is copied.
 * Never fails: what cannot be kept is counted.
 */
void ngx_recording_recorder_message(ngx_recording_t *r, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in);

/* the stream is over; the recording must not be used any more */
void ngx_recording_recorder_close(ngx_recording_t *r);

/* the same, before the stream is: files do not wait for it, all are finished */
void ngx_recording_recorder_finish(ngx_recording_t *r);

/*
 * New files begin at the next chance, of all formats.  It is called until they
 * have begun: NGX_OK, else NGX_AGAIN.  number: of the order, as there may be
 * another one when they have.
 */
ngx_int_t ngx_recording_recorder_cut(ngx_recording_t *r, ngx_uint_t number);

/* what a worker asks its recordings, by their links in worker->recordings */
extern const ngx_recording_worker_calls_t  ngx_recording_recorder_calls;

/*
 * For its parts: nothing comes any more.  NGX_DECLINED: and nothing came,
 * there is no recording.
 */
ngx_int_t ngx_recording_recorder_end(ngx_recording_t *r);

/* the same: orders the job that writes what was filled */
void ngx_recording_recorder_append(ngx_recording_t *r);

/* what the job has to say: logs it, and tells it */
void ngx_recording_recorder_say(ngx_recording_t *r);

/* the same: tells others how it is */
void ngx_recording_recorder_show(ngx_recording_t *r);

/* what was filled is to be written by the next job */
void ngx_recording_recorder_take(ngx_recording_t *r);

/* that job is done, or has not run at all: whether it is to go on */
void ngx_recording_recorder_rest(ngx_recording_t *r);

/* the job itself */
void ngx_recording_recorder_append_thread(void *data);


#endif /* _NGX_RECORDING_RECORDER_H_INCLUDED_ */
