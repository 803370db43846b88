
/*
 * Jobs: work on the thread pool, ordered from the event loop.
 *
 * Everything here runs in the loop but run(), which runs on a pool thread.
 * A job is a part of the object that it works for; that object must stay
 * until done() was called.
 *
 * Foreground jobs (appends) go to the pool at once.  Background jobs
 * (finishing) hold at most half of the pool's threads and wait for each
 * other here, so that they do not stand before appends in the pool's queue.
 * How many threads a pool has nginx does not tell: they are counted as they
 * are met.
 *
 * Jobs that work in the catalogue have a seat: of those with the same one is
 * in the pool, the others wait here, in their order.
 *
 * As long as any job is not done a timer keeps an exiting worker alive.
 */


#ifndef _NGX_RECORDING_JOB_H_INCLUDED_
#define _NGX_RECORDING_JOB_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>
#include "ngx_recording_seat.h"


typedef struct {
    ngx_queue_t             waiting;
    ngx_uint_t              taken;         /* by one in the pool */
} ngx_recording_seat_t;


typedef struct {
    ngx_thread_pool_t      *pool;
    ngx_log_t              *log;
    ngx_event_t             alive;
    ngx_event_t             retry;         /* the pool's queue was full */
    ngx_queue_t             waiting;       /* foreground */
    ngx_queue_t             later;         /* background */
    ngx_recording_seat_t    seats[NGX_RECORDING_SEATS];
    ngx_uint_t              active;        /* not done */
    ngx_uint_t              ordered;       /* of those, jobs */
    ngx_uint_t              background;    /* of those, in the pool */
    ngx_atomic_t            threads;       /* met so far */
} ngx_recording_jobs_t;


typedef struct {
    ngx_queue_t             queue;
    ngx_recording_jobs_t   *jobs;
    ngx_thread_task_t       task;
    void                  (*run)(void *data);
    void                  (*done)(void *data);
    void                   *data;
    ngx_uint_t              ran;           /* since it was ordered */
    ngx_recording_seat_e    seat;          /* in the catalogue */
    unsigned                background:1;  /* without a seat */
} ngx_recording_job_t;


void ngx_recording_jobs_init(ngx_recording_jobs_t *jobs,
    ngx_thread_pool_t *pool, ngx_log_t *log);

void ngx_recording_job_init(ngx_recording_job_t *job,
    ngx_recording_jobs_t *jobs, void (*run)(void *), void (*done)(void *),
    void *data);

/* orders a job that is not under way; done() is called later, always */
void ngx_recording_job_post(ngx_recording_job_t *job);

/*
 * Closes fd by a job.  What was removed meanwhile is only gone when the last
 * one is closed, and a large file takes its time.
 */
void ngx_recording_job_close(ngx_recording_jobs_t *jobs, int fd);

/* keeps an exiting worker alive, as a job does, until it is let go again */
void ngx_recording_jobs_hold(ngx_recording_jobs_t *jobs);
void ngx_recording_jobs_let(ngx_recording_jobs_t *jobs);


#endif /* _NGX_RECORDING_JOB_H_INCLUDED_ */
