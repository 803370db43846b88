
/*
 * A worker's part in recording: its store, its catalogue, its jobs.
 *
 * Runs in the loop; the store is opened by a job.  Lives as long as the
 * worker process.
 */


#ifndef _NGX_RECORDING_WORKER_H_INCLUDED_
#define _NGX_RECORDING_WORKER_H_INCLUDED_


#include "ngx_recording_account.h"
#include "ngx_recording_change.h"
#include "ngx_recording_flush.h"
#include "ngx_recording_notice.h"
#include "ngx_recording_outbox.h"


typedef struct ngx_recording_worker_s  ngx_recording_worker_t;


/*
 * What the worker asks its recordings, which are known above: set by who
 * starts the worker.  Loop; q is a link in worker->recordings.
 */
typedef struct {
    /* the store was opened, or could not be: what waited for it goes on */
    void                  (*ready)(ngx_queue_t *q);

    /*
     * A fast stop, when the threads are gone: what was buffered is written,
     * here and now, and the files are left to the next start.  First, for
     * all, what takes no rows, as the catalogue may not answer; then the rest.
     */
    void                  (*drain)(ngx_queue_t *q);
    void                  (*stop)(ngx_queue_t *q);

    /*
     * Another worker process has the stream of a recording now and asks for
     * it.  NGX_OK: it is given, or it is not known yet; NGX_DECLINED: frames
     * still come to this one, or it does not have it.
     */
    ngx_int_t             (*asked)(ngx_recording_worker_t *worker,
                                   uint64_t id);

    /* whether this worker has a recording that is not over */
    ngx_uint_t            (*lives)(ngx_recording_worker_t *worker,
                                   uint64_t id);

    /* whether one begins, whose id it does not know yet: it may be any */
    ngx_uint_t            (*begins)(ngx_recording_worker_t *worker);
} ngx_recording_worker_calls_t;


/*
 * What the worker tells those who deliver, which are known above: set by who
 * starts the worker.  Loop.
 */
typedef struct {
    /* the store is open */
    void                  (*start)(ngx_recording_worker_t *worker);

    /* changes of the catalogue were committed: there may be rows */
    void                  (*committed)(void *worker);

    /* an exception of a recording; formats miss frames by it, or there are
       none of those */
    void                  (*exception)(ngx_recording_worker_t *worker,
                                       const ngx_recording_outbox_exception_t
                                       *e);

    /* nothing of a stream is recorded, not even a row: why */
    void                  (*refused)(ngx_recording_worker_t *worker,
                                     const ngx_recording_stream_t *stream,
                                     const char *text, const char **formats,
                                     ngx_uint_t n);

    /* a fast stop: whether its call of the catalogue ends within so many ms */
    ngx_uint_t            (*answers)(ngx_recording_worker_t *worker,
                                     int64_t ms);

    /* the worker exits, its threads are gone */
    void                  (*stop)(ngx_recording_worker_t *worker);
} ngx_recording_worker_told_t;


/* what all recordings of a worker share */

struct ngx_recording_worker_s {
    const ngx_recording_worker_calls_t  *calls;

    const ngx_recording_worker_told_t  *told;  /* NULL: nobody is */
    void                   *dispatch;          /* its */
    const ngx_recording_target_t  *targets;    /* those, for the catalogue */
    ngx_uint_t              ntargets;
    ngx_uint_t              callbacks;         /* those of calls hold, too */
    const ngx_recording_lifetime_t  *lifetimes;    /* for it, too */
    ngx_uint_t              nlifetimes;

    /* begins when the store is open: the keeper's, set by who starts it */
    void                  (*housekeeping)(ngx_recording_worker_t *worker);

    ngx_recording_store_t   store;
    ngx_recording_catalogue_t  catalogue;
    ngx_recording_changes_t  changes;      /* of it */
    ngx_recording_flushes_t  flushes;      /* of the store */
    ngx_recording_jobs_t    jobs;

    ngx_recording_job_t     opening;       /* the store is opened */
    ngx_recording_notices_t notices;
    ngx_event_t             reopen;
    ngx_uint_t              opened;        /* by the job */
    ngx_uint_t              ready;         /* and the loop knows */
    ngx_uint_t              stopped;       /* its threads are gone */
    const ngx_atomic_t     *left;          /* 1: no configuration has the store
                                              any more; the master's, too */
    ngx_uint_t              failed;        /* it could not be, and this was
                                              said */
    ngx_log_t              *log;

    ngx_recording_account_t  account;      /* of record_buffer */

    ngx_recording_tallies_t  tallies;      /* exceptions that are not written */
    ngx_recording_tallies_t  written;      /* those of the change */
    ngx_recording_change_t  tally;
    ngx_uint_t              tallying;      /* that is under way */

    ngx_recording_board_slot_t  *slot;     /* where others see how it is */
    ngx_event_t             show;          /* each second */

    ngx_queue_t             recordings;
};


/* loop, once in a worker: opens the store on a thread */
void ngx_recording_worker_start(ngx_recording_worker_t *worker);

/* for its parts, loop: from now on others see how it is */
void ngx_recording_worker_show(ngx_recording_worker_t *worker);

/* the same: counts an exception; and has what was counted written */
void ngx_recording_worker_tally_add(ngx_recording_worker_t *worker,
    ngx_recording_exception_e exception, uint64_t recording_id);
void ngx_recording_worker_tally(ngx_recording_worker_t *worker);

/*
 * Loop, at a fast stop, before the thread pool waits for its threads.  If one
 * of them does not come back from the catalogue, what is buffered is written
 * here and the process ends: it does not return.
 */
void ngx_recording_worker_hurry(ngx_recording_worker_t *worker);

/*
 * Loop: what was said of a recording, or of a file of it; formats miss frames
 * if any are lost, or the one that a notice is about.  To be called before the
 * notices are logged.
 */
void ngx_recording_worker_tell(ngx_recording_worker_t *worker,
    const ngx_recording_notices_t *notices, uint64_t recording_id,
    const char **formats, ngx_uint_t nformats);

/* loop: the same, of one that was logged before */
void ngx_recording_worker_exception(ngx_recording_worker_t *worker,
    ngx_recording_exception_e exception, const char *text,
    uint64_t recording_id, const char **formats, ngx_uint_t nformats);

/* loop, at the worker's exit, when the thread pool is gone */
void ngx_recording_worker_stop(ngx_recording_worker_t *worker);


#endif /* _NGX_RECORDING_WORKER_H_INCLUDED_ */
