
#include "ngx_recording_call.h"
#include "ngx_recording_job.h"


#define NGX_RECORDING_JOB_ALIVE  60000     /* ms */
#define NGX_RECORDING_JOB_RETRY  100       /* ms */


typedef struct {
    ngx_recording_job_t     job;
    int                     fd;
} ngx_recording_job_close_t;


static void ngx_recording_job_close_thread(void *data);
static void ngx_recording_jobs_run(ngx_recording_jobs_t *jobs);
static ngx_queue_t *ngx_recording_job_queue(ngx_recording_job_t *job);
static ngx_int_t ngx_recording_jobs_next(ngx_recording_jobs_t *jobs,
    ngx_queue_t *queue);
static void ngx_recording_job_thread(void *ctx, ngx_log_t *log);
static void ngx_recording_job_done(ngx_event_t *ev);
static void ngx_recording_jobs_alive(ngx_event_t *ev);
static void ngx_recording_jobs_retry(ngx_event_t *ev);


void
ngx_recording_jobs_init(ngx_recording_jobs_t *jobs, ngx_thread_pool_t *pool,
    ngx_log_t *log)
{
    ngx_uint_t  i;

    ngx_memzero(jobs, sizeof(ngx_recording_jobs_t));

    jobs->pool = pool;
    jobs->log = log;

    jobs->alive.handler = ngx_recording_jobs_alive;
    jobs->alive.data = jobs;
    jobs->alive.log = log;

    jobs->retry.handler = ngx_recording_jobs_retry;
    jobs->retry.data = jobs;
    jobs->retry.log = log;

    ngx_queue_init(&jobs->waiting);
    ngx_queue_init(&jobs->later);

    for (i = 0; i < NGX_RECORDING_SEATS; i++) {
        ngx_queue_init(&jobs->seats[i].waiting);
    }
}


void
ngx_recording_job_init(ngx_recording_job_t *job, ngx_recording_jobs_t *jobs,
    void (*run)(void *), void (*done)(void *), void *data)
{
    ngx_memzero(job, sizeof(ngx_recording_job_t));

    job->jobs = jobs;
    job->run = run;
    job->done = done;
    job->data = data;

    job->task.ctx = job;
    job->task.handler = ngx_recording_job_thread;
    job->task.event.handler = ngx_recording_job_done;
    job->task.event.data = job;
    job->task.event.log = jobs->log;
}


void
ngx_recording_job_post(ngx_recording_job_t *job)
{
    ngx_recording_jobs_t  *jobs;

    jobs = job->jobs;

    ngx_recording_jobs_hold(jobs);
    jobs->ordered++;
    job->ran = 0;

    ngx_queue_insert_tail(ngx_recording_job_queue(job), &job->queue);

    ngx_recording_jobs_run(jobs);
}


void
ngx_recording_job_close(ngx_recording_jobs_t *jobs, int fd)
{
    ngx_recording_job_close_t  *c;

    c = ngx_alloc(sizeof(ngx_recording_job_close_t), jobs->log);

    if (c == NULL) {
        (void) close(fd);
        return;
    }

    c->fd = fd;

    ngx_recording_job_init(&c->job, jobs, ngx_recording_job_close_thread,
                           free, c);
    c->job.background = 1;

    ngx_recording_job_post(&c->job);
}


static void
ngx_recording_job_close_thread(void *data)
{
    ngx_recording_job_close_t *c = data;

    ngx_recording_close(c->fd);
}


static ngx_queue_t *
ngx_recording_job_queue(ngx_recording_job_t *job)
{
    if (job->seat != NGX_RECORDING_SEAT_NONE) {
        return &job->jobs->seats[job->seat].waiting;
    }

    return job->background ? &job->jobs->later : &job->jobs->waiting;
}


void
ngx_recording_jobs_hold(ngx_recording_jobs_t *jobs)
{
    if (jobs->active++ == 0) {
        ngx_add_timer(&jobs->alive, NGX_RECORDING_JOB_ALIVE);
    }
}


void
ngx_recording_jobs_let(ngx_recording_jobs_t *jobs)
{
    if (--jobs->active == 0) {
        ngx_del_timer(&jobs->alive);
    }
}


static void
ngx_recording_jobs_run(ngx_recording_jobs_t *jobs)
{
    ngx_uint_t             i;
    ngx_recording_seat_t  *seat;

    while (!ngx_queue_empty(&jobs->waiting)) {
        if (ngx_recording_jobs_next(jobs, &jobs->waiting) != NGX_OK) {
            return;
        }
    }

    for (i = 0; i < NGX_RECORDING_SEATS; i++) {
        seat = &jobs->seats[i];

        if (ngx_queue_empty(&seat->waiting) || seat->taken) {
            continue;
        }

        if (ngx_recording_jobs_next(jobs, &seat->waiting) != NGX_OK) {
            return;
        }

        seat->taken = 1;
    }

    while (!ngx_queue_empty(&jobs->later)
           && jobs->background < ngx_max(jobs->threads / 2, 1))
    {
        if (ngx_recording_jobs_next(jobs, &jobs->later) != NGX_OK) {
            return;
        }

        jobs->background++;
    }
}


/* hands the first job of a queue to the pool */

static ngx_int_t
ngx_recording_jobs_next(ngx_recording_jobs_t *jobs, ngx_queue_t *queue)
{
    ngx_queue_t          *q;
    ngx_recording_job_t  *job;

    q = ngx_queue_head(queue);
    job = ngx_queue_data(q, ngx_recording_job_t, queue);

    if (ngx_thread_task_post(jobs->pool, &job->task) != NGX_OK) {

        /* its queue is full, which it has logged */

        if (!jobs->retry.timer_set) {
            ngx_add_timer(&jobs->retry, NGX_RECORDING_JOB_RETRY);
        }

        return NGX_AGAIN;
    }

    ngx_queue_remove(q);

    return NGX_OK;
}


static void
ngx_recording_job_thread(void *ctx, ngx_log_t *log)
{
    ngx_recording_job_t *job = ctx;

    static __thread ngx_uint_t  met;

    if (!met) {
        met = 1;
        (void) ngx_atomic_fetch_add(&job->jobs->threads, 1);
    }

    ngx_recording_seat_begin_thread(job->seat);

    job->run(job->data);
    job->ran = 1;

    ngx_recording_seat_end_thread();
}


static void
ngx_recording_job_done(ngx_event_t *ev)
{
    ngx_recording_job_t   *job;
    ngx_recording_jobs_t  *jobs;

    job = ev->data;
    jobs = job->jobs;

    ev->complete = 0;

    if (job->seat != NGX_RECORDING_SEAT_NONE) {
        jobs->seats[job->seat].taken = 0;

    } else if (job->background) {
        jobs->background--;
    }

    ngx_recording_jobs_let(jobs);
    jobs->ordered--;

    /* the job may be gone after this, or ordered again */

    job->done(job->data);

    ngx_recording_jobs_run(jobs);
}


static void
ngx_recording_jobs_alive(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_RECORDING_JOB_ALIVE);
}


static void
ngx_recording_jobs_retry(ngx_event_t *ev)
{
    ngx_recording_jobs_run(ev->data);
}
