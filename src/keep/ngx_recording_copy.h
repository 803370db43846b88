
/*
 * The hourly copy of what files cannot tell, STORE/catalogue.copy: a catalogue
 * that is lost gets it back from there.
 *
 * A job of the background, which one worker does at a time, and which does
 * nothing if the copy is not an hour old.  It belongs to the keeper, and lives
 * as long as the worker.
 */


#ifndef _NGX_RECORDING_COPY_H_INCLUDED_
#define _NGX_RECORDING_COPY_H_INCLUDED_


#include "ngx_recording_worker.h"


typedef struct {
    ngx_recording_worker_t *worker;
    ngx_recording_job_t     job;
    ngx_recording_notices_t notices;
    ngx_msec_t              next;          /* when it is looked again */
    unsigned                busy:1;
    unsigned                failed:1;      /* and this was said */
} ngx_recording_copy_t;


/* loop, once */
void ngx_recording_copy_init(ngx_recording_copy_t *copy,
    ngx_recording_worker_t *worker);

/* loop, now and then: posts the job, if it is time */
void ngx_recording_copy(ngx_recording_copy_t *copy);


#endif /* _NGX_RECORDING_COPY_H_INCLUDED_ */
