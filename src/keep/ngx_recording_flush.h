
/*
 * Syncs that many files wait for: what jobs ask for is done for all of them
 * by one call, and they hold no thread meanwhile.
 *
 * A job asks; as long as there is no answer it ends, and the loop posts what
 * was asked.  One flushing job at a time takes all that waits: a directory
 * that several files went to is synced once.  If they are many, or one asks
 * for all that was written, it is one syncfs() for all of them.
 */


#ifndef _NGX_RECORDING_FLUSH_H_INCLUDED_
#define _NGX_RECORDING_FLUSH_H_INCLUDED_


#include "ngx_recording_job.h"
#include "ngx_recording_store.h"


typedef enum {
    NGX_RECORDING_FLUSH_IDLE = 0,
    NGX_RECORDING_FLUSH_ASKED,
    NGX_RECORDING_FLUSH_WAITING,
    NGX_RECORDING_FLUSH_ANSWERED
} ngx_recording_flush_e;


/* of a worker */

typedef struct {
    ngx_recording_store_t  *store;
    ngx_recording_job_t     job;
    ngx_queue_t             waiting;
    ngx_queue_t             running;       /* the flushing job's */
    unsigned                busy:1;        /* that job is ordered */
} ngx_recording_flushes_t;


typedef struct {
    ngx_queue_t             queue;
    ngx_recording_flush_e   state;
    unsigned                awaited:1;     /* by a stream: not behind others */
    const char             *path;
    ngx_uint_t              made;          /* directories above it are new */
    ngx_int_t               rc;
    ngx_err_t               err;

    void                  (*answered)(void *data);
    void                   *data;
} ngx_recording_flush_t;


/* loop, once in a worker */
void ngx_recording_flush_init(ngx_recording_flushes_t *flushes,
    ngx_recording_jobs_t *jobs, ngx_recording_store_t *store);

/*
 * Thread: asks for the directories that a file of work/ came from and went to,
 * or, with NULL, for all that was written to the store; or has the answer.
 * The path stays as it is until then.
 *
 *   NGX_BUSY   there is none yet: the job is to end, and the loop to post
 *   NGX_ERROR  it failed, errno is set
 */
ngx_int_t ngx_recording_flush_ask_thread(ngx_recording_flush_t *flush,
    const char *path);

/*
 * Loop: hands over what a job has asked for; answered(data) is called later,
 * once.  Returns 0 if nothing was asked.
 */
ngx_uint_t ngx_recording_flush_post(ngx_recording_flushes_t *flushes,
    ngx_recording_flush_t *flush, void (*answered)(void *data), void *data);


#endif /* _NGX_RECORDING_FLUSH_H_INCLUDED_ */
