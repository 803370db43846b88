
/*
 * What calls have ordered, as this worker knows it: looks at the catalogue
 * four times a second, and when it is asked to.
 *
 * Runs in the loop; it reads on a thread, over a connection of its own, so
 * that nobody waits for those who write.  One in a worker, never freed.
 *
 * What it knows is replaced as a whole.  A publish asks, and is decided with
 * what was read after it came, so that what a call has ordered before the
 * publish holds for it, in whichever worker the call was answered.
 */


#ifndef _NGX_RECORDING_WATCH_H_INCLUDED_
#define _NGX_RECORDING_WATCH_H_INCLUDED_


#include "ngx_recording_policy.h"
#include "ngx_recording_worker.h"


typedef struct {
    ngx_recording_worker_t *worker;
    ngx_recording_policy_t *policy;        /* NULL: nothing is known yet */

    /* set by the one who starts it: it has looked, or a moment has passed */
    void                  (*looked)(void *data);
    void                   *data;

    /* its own */

    ngx_recording_catalogue_t  catalogue;
    ngx_recording_job_t     job;
    ngx_event_t             timer;
    ngx_recording_policy_t *found;         /* the job's; NULL: nothing new */
    int64_t                 number;        /* of what is known, for the job */
    ngx_uint_t              opened;        /* the catalogue was, for this time,
                                              when it was read */
    ngx_recording_catalogue_error_t  err;
    ngx_uint_t              begun;         /* looks */
    ngx_uint_t              done;
    ngx_uint_t              all;           /* the job is to read all of it */
    ngx_int_t               rc;

    ngx_recording_change_t  change;        /* commands that were obeyed */
    ngx_recording_policy_t *obeyed;        /* those; NULL: none */
    ngx_uint_t              read;          /* the look that read ->policy */
    ngx_uint_t              fresh;         /* the first one that does not see
                                              commands that were obeyed */

    unsigned                busy:1;        /* the job is ordered */
    unsigned                again:1;       /* and to be, once more */
    unsigned                failed:1;      /* and this was said */
} ngx_recording_watch_t;


/* NULL: no memory */
ngx_recording_watch_t *ngx_recording_watch_start(
    ngx_recording_worker_t *worker, void (*looked)(void *data), void *data);
void ngx_recording_watch_stop(ngx_recording_watch_t *watch);

/*
 * Looks now.  What is ordered by this time is known when ->done is what is
 * returned, or later.
 */
ngx_uint_t ngx_recording_watch_look(ngx_recording_watch_t *watch);

ngx_uint_t ngx_recording_watch_has(ngx_recording_watch_t *watch,
    ngx_uint_t look);

/*
 * How many commands of what is known are to be obeyed, each time until it is
 * ->obeyed; then those that are so are forgotten: none is obeyed twice by a
 * worker that lives.  A stop stays until its recording has ended.
 */
ngx_uint_t ngx_recording_watch_commands(ngx_recording_watch_t *watch);
void ngx_recording_watch_obeyed(ngx_recording_watch_t *watch);


#endif /* _NGX_RECORDING_WATCH_H_INCLUDED_ */
