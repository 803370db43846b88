
/*
 * Finishing a file: making it whole, putting it in place, and its row.
 *
 * Ordered in the loop; the work is a background job of the file's own, on a
 * pool thread.  A file that cannot be finished now is tried again, until
 * the worker exits: then it stays in work/ for the next start.
 */


#ifndef _NGX_RECORDING_FINISH_H_INCLUDED_
#define _NGX_RECORDING_FINISH_H_INCLUDED_


#include "ngx_recording_journal.h"
#include "ngx_recording_worker.h"


/*
 * Takes over a file that takes no more samples.  done() is called later in
 * the loop, once; the log and the file's stream must stay until then.
 */
void ngx_recording_finish(ngx_recording_worker_t *worker,
    ngx_recording_mux_t *mux, ngx_log_t *log, void (*done)(void *data),
    void *data);

/*
 * The same for a file that was taken in the catalogue: it is opened by what
 * its journal tells, and paused, if its stream may still be back.  awaited:
 * its stream is, and others may wait.  done() is called as above.
 */
void ngx_recording_finish_taken(ngx_recording_worker_t *worker,
    ngx_recording_taken_t *taken, ngx_uint_t awaited, ngx_log_t *log,
    void (*done)(void *data), void *data);


#endif /* _NGX_RECORDING_FINISH_H_INCLUDED_ */
