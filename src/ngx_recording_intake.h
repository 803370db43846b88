
/*
 * The recorder's own, for the two files that it is made of: the intake of
 * messages, and the rest of its life.
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
    uint64_t                id;            /* 0 until the writer has one */
    ngx_msec_t              arrived;       /* the last message */
    ngx_msec_t              asked;         /* another worker did; 0: none */

    uint32_t                first;         /* timestamp of the first audio */
    uint32_t                picture;       /* and of the last video */
    uint32_t                dropped[NGX_RECORDING_TRACKS];

    unsigned                exclusive:1;
    unsigned                audio_only:1;
    unsigned                video:1;       /* a video message came */
    unsigned                audio:1;
    unsigned                key:1;         /* the message is a key frame */
    unsigned                header:1;      /* or a header or onMetaData */
    unsigned                attached:1;    /* a session has it */
    unsigned                appending:1;   /* the job is under way */
    unsigned                again:1;       /* the job is to go on later */
    unsigned                ended:1;       /* the writer closed its files */
};


/* intake: headers first, then the audio that is not before this timestamp */
void ngx_recording_start(ngx_recording_t *r, uint32_t timestamp);

/* intake: tells the writer that frames are missing here */
void ngx_recording_gap(ngx_recording_t *r);

/* intake: frees a batch, and takes it from the worker's account */
void ngx_recording_release(ngx_recording_t *r, ngx_recording_batch_t *batch);

/* wall clock, us, as of this turn of the loop */
int64_t ngx_recording_now(void);

/* orders the job that writes what was filled */
void ngx_recording_append(ngx_recording_t *r);

/* orders it when the batch is old enough */
void ngx_recording_wake(ngx_recording_t *r);


#endif /* _NGX_RECORDING_INTAKE_H_INCLUDED_ */
