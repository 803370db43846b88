
/*
 * Changes of the catalogue: what jobs ask for, one transaction commits for
 * many, and the loop answers.
 *
 * A job asks.  As long as there is no answer it ends, and holds no thread.
 * The loop posts what was asked.  One committing job at a time takes all that
 * waits, runs it in one transaction and commits that with one sync.  Then the
 * loop tells each owner, whose job is ordered again, asks the same, and has
 * the answer.
 *
 *             ask            post              commit             ask
 *    idle ---------> asked ---------> waiting ---------> answered ---> idle
 *
 * A change belongs to the object that it works for, and so does what it
 * points to: they stay as they are until the answer is there.
 */


#ifndef _NGX_RECORDING_CHANGE_H_INCLUDED_
#define _NGX_RECORDING_CHANGE_H_INCLUDED_


#include "ngx_recording_catalogue.h"
#include "ngx_recording_job.h"


typedef enum {
    NGX_RECORDING_CHANGE_IDLE = 0,
    NGX_RECORDING_CHANGE_ASKED,
    NGX_RECORDING_CHANGE_WAITING,
    NGX_RECORDING_CHANGE_ANSWERED
} ngx_recording_change_e;


/* of a worker */

typedef struct {
    ngx_recording_catalogue_t  *catalogue;
    ngx_recording_job_t     job;
    ngx_queue_t             waiting;
    ngx_queue_t             running;       /* the committing job's */
    void                  (*committed)(void *data);    /* loop, NULL: nobody
                                              is told */
    void                   *data;
    unsigned                busy:1;        /* that job is ordered */
    unsigned                direct:1;      /* a fast stop: nothing waits */
} ngx_recording_changes_t;


typedef struct {
    ngx_queue_t             queue;
    ngx_recording_changes_t  *changes;
    ngx_recording_change_e  state;

    ngx_recording_catalogue_pt  run;
    void                   *arg;
    unsigned                durable:1;     /* also after a power cut */

    ngx_int_t               rc;
    ngx_recording_catalogue_error_t  err;

    void                  (*answered)(void *data);
    void                   *data;
} ngx_recording_change_t;


/* loop, once in a worker */
void ngx_recording_changes_init(ngx_recording_changes_t *changes,
    ngx_recording_jobs_t *jobs, ngx_recording_catalogue_t *catalogue);

/*
 * Loop, when the threads are gone: what is asked from now on, and what nobody
 * has come to, is committed by the one who asks.
 */
void ngx_recording_changes_direct(ngx_recording_changes_t *changes);

void ngx_recording_change_init(ngx_recording_change_t *c,
    ngx_recording_changes_t *changes);

/*
 * Thread: asks for a change, or has the answer to the same question.
 *
 *   NGX_BUSY   there is none yet: the job is to end, and the loop to post
 *   NGX_ERROR  the catalogue failed, and is as it was
 *
 * or what run() has returned.
 */
ngx_int_t ngx_recording_change_ask_thread(ngx_recording_change_t *c,
    ngx_recording_catalogue_pt run, void *arg, ngx_uint_t durable,
    ngx_recording_catalogue_error_t *err);

/*
 * Loop: hands over what a job has asked for; answered(data) is called later,
 * once.  Returns 0 if nothing was asked.
 */
ngx_uint_t ngx_recording_change_post(ngx_recording_change_t *c,
    void (*answered)(void *data), void *data);


#endif /* _NGX_RECORDING_CHANGE_H_INCLUDED_ */
