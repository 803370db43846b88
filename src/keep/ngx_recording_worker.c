
#include "ngx_recording_batch.h"
#include "ngx_recording_descriptors.h"
#include "ngx_recording_worker.h"


#define NGX_RECORDING_STORE_RETRY  5000              /* ms */
#define NGX_RECORDING_WORKER_HUNG  300               /* ms, of a thread */
#define NGX_RECORDING_WORKER_STOP  1000              /* ms, for all rows */
#define NGX_RECORDING_WORKER_QUIT  5000              /* and if nobody waits */


static void ngx_recording_worker_open_thread(void *data);
static void ngx_recording_worker_opened(void *data);
static void ngx_recording_worker_reopen(ngx_event_t *ev);
static ngx_uint_t ngx_recording_worker_answers(
    ngx_recording_worker_t *worker);
static void ngx_recording_worker_drain(ngx_recording_worker_t *worker);
static void ngx_recording_worker_flush(ngx_recording_worker_t *worker);
static void ngx_recording_worker_text(const ngx_recording_notice_t *n,
    char *text, size_t size);


void
ngx_recording_worker_start(ngx_recording_worker_t *worker)
{
    ngx_queue_init(&worker->recordings);

    worker->store.files = -1;
    worker->store.work = -1;
    worker->store.lock = -1;

    (void) pthread_mutex_init(&worker->store.mutex, NULL);

    ngx_recording_descriptors_init(&worker->store);

    ngx_recording_catalogue_init(&worker->catalogue, &worker->store);
    ngx_recording_catalogue_targets(&worker->catalogue, worker->targets,
                                    worker->ntargets, worker->callbacks);
    ngx_recording_catalogue_lifetimes(&worker->catalogue, worker->lifetimes,
                                      worker->nlifetimes);
    ngx_recording_changes_init(&worker->changes, &worker->jobs,
                               &worker->catalogue);
    ngx_recording_flush_init(&worker->flushes, &worker->jobs,
                               &worker->store);

    ngx_recording_change_init(&worker->tally, &worker->changes);

    if (worker->told) {
        worker->changes.committed = worker->told->committed;
        worker->changes.data = worker;
    }

    worker->reopen.handler = ngx_recording_worker_reopen;
    worker->reopen.data = worker;
    worker->reopen.log = worker->log;
    worker->reopen.cancelable = 1;

    ngx_recording_job_init(&worker->opening, &worker->jobs,
                           ngx_recording_worker_open_thread,
                           ngx_recording_worker_opened, worker);

    ngx_recording_worker_show(worker);

    ngx_recording_job_post(&worker->opening);
}


static void
ngx_recording_worker_open_thread(void *data)
{
    ngx_recording_worker_t *worker = data;

    const char  *op;

    if (ngx_recording_store_open_thread(&worker->store, &op) == NGX_OK) {
        worker->opened = 1;

        ngx_recording_board_bury_thread(&worker->store.board);

        if (worker->failed) {
            ngx_recording_notice(&worker->notices, NGX_LOG_NOTICE, 0,
                                 "store \"%s\" can be used",
                                 worker->store.path);
        }

        return;
    }

    if (ngx_recording_once(worker->failed, 1)) {
        ngx_recording_notice(&worker->notices, NGX_LOG_ERR, errno,
                             "store \"%s\" cannot be used, nothing is "
                             "recorded: %s failed", worker->store.path, op);
    }

    ngx_recording_store_close(&worker->store);
}


static void
ngx_recording_worker_opened(void *data)
{
    ngx_recording_worker_t *worker = data;

    ngx_queue_t  *q, *next;

    ngx_recording_notices_log(&worker->notices, worker->log);

    worker->ready = worker->opened;

    if (worker->ready) {
        worker->housekeeping(worker);

        if (worker->told) {
            worker->told->start(worker);
        }

    } else {
        ngx_add_timer(&worker->reopen, NGX_RECORDING_STORE_RETRY);
    }

    for (q = ngx_queue_head(&worker->recordings);
         q != ngx_queue_sentinel(&worker->recordings);
         q = next)
    {
        next = ngx_queue_next(q);

        worker->calls->ready(q);
    }
}


static void
ngx_recording_worker_reopen(ngx_event_t *ev)
{
    ngx_recording_worker_t  *worker;

    worker = ev->data;

    ngx_recording_job_post(&worker->opening);
}


void
ngx_recording_worker_hurry(ngx_recording_worker_t *worker)
{
    if (!worker->ready || ngx_recording_worker_answers(worker)) {
        return;
    }

    worker->store.stopping = 1;

    ngx_recording_worker_drain(worker);
    ngx_recording_worker_flush(worker);

    ngx_log_error(NGX_LOG_ERR, worker->log, 0,
                  "recording: the catalogue does not answer, and nginx "
                  "stops: what is not finished is left to the next start");

    /* the lock in work/ goes with the process, as after a kill */

    _exit(0);
}


static ngx_uint_t
ngx_recording_worker_answers(ngx_recording_worker_t *worker)
{
    return ngx_recording_catalogue_answers(&worker->catalogue,
                                           NGX_RECORDING_WORKER_HUNG)
           && (worker->told == NULL
               || worker->told->answers(worker, NGX_RECORDING_WORKER_HUNG));
}


/* what takes no rows is written before all that does */

static void
ngx_recording_worker_drain(ngx_recording_worker_t *worker)
{
    ngx_queue_t  *q;

    ngx_recording_changes_direct(&worker->changes);
    ngx_recording_catalogue_seal(&worker->catalogue);

    for (q = ngx_queue_head(&worker->recordings);
         q != ngx_queue_sentinel(&worker->recordings);
         q = ngx_queue_next(q))
    {
        worker->calls->drain(q);
    }
}


void
ngx_recording_worker_stop(ngx_recording_worker_t *worker)
{
    ngx_queue_t                      *q;
    ngx_recording_catalogue_error_t   err;

    worker->store.stopping = 1;
    worker->stopped = 1;

    ngx_recording_worker_drain(worker);

    /* the master kills a worker that takes longer */

    ngx_recording_catalogue_last(&worker->catalogue,
                                 ngx_terminate ? NGX_RECORDING_WORKER_STOP
                                               : NGX_RECORDING_WORKER_QUIT);

    for (q = ngx_queue_head(&worker->recordings);
         q != ngx_queue_sentinel(&worker->recordings);
         q = ngx_queue_next(q))
    {
        worker->calls->stop(q);
    }

    ngx_recording_worker_tally(worker);

    if (worker->ready && !ngx_queue_empty(&worker->recordings)) {
        ngx_recording_worker_flush(worker);
    }

    if (worker->told) {
        worker->told->stop(worker);
    }

    /* files that ended, but no job came to: this is no death */

    if (worker->ready
        && ngx_recording_catalogue_release_all_thread(&worker->catalogue, &err)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, worker->log, 0,
                      "recording: catalogue failed: %s: what is not finished "
                      "is left to the next start, or another worker process",
                      err.text);
    }

    ngx_recording_catalogue_close(&worker->catalogue);
    ngx_recording_board_leave(&worker->store.board);
    ngx_recording_store_close(&worker->store);
    ngx_recording_batch_spare(&worker->account);
}


static void
ngx_recording_worker_flush(ngx_recording_worker_t *worker)
{
    if (ngx_recording_store_flush(&worker->store) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, worker->log, ngx_errno,
                      "recording: sync of store \"%s\" failed, what was "
                      "recorded in the last seconds may not be on the disk",
                      worker->store.path);
    }
}


/* as the log has it, with the error of the system */

static void
ngx_recording_worker_text(const ngx_recording_notice_t *n, char *text,
    size_t size)
{
    u_char  *last;

    last = n->err ? ngx_snprintf((u_char *) text, size - 1, "%s (%d: %s)",
                                 n->text, n->err, strerror(n->err))
                  : ngx_snprintf((u_char *) text, size - 1, "%s", n->text);
    *last = '\0';
}


void
ngx_recording_worker_tell(ngx_recording_worker_t *worker,
    const ngx_recording_notices_t *notices, uint64_t recording_id,
    const char **formats, ngx_uint_t nformats)
{
    char                           text[NGX_RECORDING_NOTICE_TEXT];
    ngx_uint_t                     i;
    const ngx_recording_notice_t  *n;

    for (i = 0; i < notices->n; i++) {
        n = &notices->notice[i];

        if (n->exception) {
            ngx_recording_worker_text(n, text, sizeof(text));
            ngx_recording_worker_exception(worker, n->exception, text,
                                        recording_id,
                                        n->format ? (const char **) &n->format
                                                  : formats,
                                        n->format ? 1 : nformats);
        }
    }
}


void
ngx_recording_worker_exception(ngx_recording_worker_t *worker,
    ngx_recording_exception_e exception, const char *text,
    uint64_t recording_id, const char **formats, ngx_uint_t nformats)
{
    ngx_uint_t                        i;
    ngx_recording_outbox_exception_t  e;

    if (recording_id == 0) {
        return;
    }

    ngx_recording_worker_tally_add(worker, exception, recording_id);

    if (worker->told == NULL) {
        return;
    }

    e.recording_id = recording_id;
    e.exception = exception;
    e.nformats = exception == NGX_RECORDING_EXCEPTION_LOST ? nformats : 0;

    for (i = 0; i < e.nformats; i++) {
        e.formats[i] = formats[i];
    }

    (void) snprintf(e.text, sizeof(e.text), "%s", text);

    worker->told->exception(worker, &e);
}
