
/*
 * The reserve: recording stops while the store's file system has less room
 * than reserve=.
 *
 * A job of its own, on each turn of the keeper: whatever else waits for the
 * disk or the catalogue, a disk that fills up is seen.
 */


#ifndef _NGX_RECORDING_RESERVE_H_INCLUDED_
#define _NGX_RECORDING_RESERVE_H_INCLUDED_


#include "ngx_recording_worker.h"


typedef struct {
    ngx_recording_worker_t *worker;
    ngx_recording_job_t     job;
    ngx_recording_notices_t notices;
    unsigned                busy:1;
    unsigned                low:1;         /* and this was said */
} ngx_recording_reserve_t;


void ngx_recording_reserve_init(ngx_recording_reserve_t *reserve,
    ngx_recording_worker_t *worker);

/* loop: orders the job */
void ngx_recording_reserve(ngx_recording_reserve_t *reserve);


#endif /* _NGX_RECORDING_RESERVE_H_INCLUDED_ */
