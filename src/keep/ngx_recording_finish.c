
#include "ngx_recording_finish_step.h"


#define NGX_RECORDING_FINISH_RETRY   5000         /* ms */
#define NGX_RECORDING_FINISH_TRIES   3            /* of what cannot pass */
#define NGX_RECORDING_FINISH_GIVE    12           /* of an orphan, in all */
#define NGX_RECORDING_FINISH_LATER   60000000     /* us, until it is its turn
                                                     again */


static ngx_recording_finish_t *ngx_recording_finish_create(
    ngx_recording_worker_t *worker, ngx_log_t *log,
    void (*done)(void *data), void *data);
static u_char *ngx_recording_finish_log(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_recording_finish_thread(void *data);
static void ngx_recording_finish_give_up(ngx_recording_finish_t *f);
static void ngx_recording_finish_hand(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_leave(ngx_recording_finish_t *f);
static void ngx_recording_finish_done(void *data);
static void ngx_recording_finish_order(void *data);
static void ngx_recording_finish_again(ngx_event_t *ev);


void
ngx_recording_finish(ngx_recording_worker_t *worker,
    ngx_recording_mux_t *mux, ngx_log_t *log, void (*done)(void *data),
    void *data)
{
    ngx_recording_finish_t  *f;

    f = ngx_recording_finish_create(worker, log, done, data);

    if (f == NULL) {

        /* it stays in work/, the next start finishes it */

        ngx_recording_mux_close_thread(mux);
        done(data);
        return;
    }

    f->mux = mux;
    f->taken.id = mux->file.id;
    f->step = ngx_recording_finish_begin;

    ngx_recording_busy_add(&worker->store.busy, f->taken.id);

    (void) snprintf(f->taken.format, sizeof(f->taken.format), "%s",
                    mux->format->name);

    ngx_recording_job_post(&f->job);
}


void
ngx_recording_finish_taken(ngx_recording_worker_t *worker,
    ngx_recording_taken_t *taken, ngx_uint_t awaited, ngx_log_t *log,
    void (*done)(void *data), void *data)
{
    ngx_recording_finish_t  *f;

    f = ngx_recording_finish_create(worker, log, done, data);

    if (f == NULL) {
        done(data);
        return;
    }

    f->taken = *taken;
    f->orphan = 1;
    f->step = ngx_recording_finish_open;
    f->job.background = !awaited;
    f->flush.awaited = (awaited != 0);

    ngx_recording_busy_add(&worker->store.busy, f->taken.id);

    /* the recording that the log could name is that of another process */

    f->own = *log;
    f->own.handler = ngx_recording_finish_log;
    f->own.data = f->taken.about;
    f->own.action = NULL;

    f->log = &f->own;
    f->retry.log = f->log;

    ngx_recording_job_post(&f->job);
}


static ngx_recording_finish_t *
ngx_recording_finish_create(ngx_recording_worker_t *worker, ngx_log_t *log,
    void (*done)(void *data), void *data)
{
    ngx_recording_finish_t  *f;

    f = ngx_calloc(sizeof(ngx_recording_finish_t), log);

    if (f == NULL) {
        return NULL;
    }

    f->worker = worker;
    f->log = log;
    f->done = done;
    f->data = data;

    f->retry.handler = ngx_recording_finish_again;
    f->retry.data = f;
    f->retry.log = log;
    f->retry.cancelable = 1;

    ngx_recording_job_init(&f->job, &worker->jobs,
                           ngx_recording_finish_thread,
                           ngx_recording_finish_done, f);
    f->job.background = 1;

    ngx_recording_change_init(&f->change, &worker->changes);

    return f;
}


static u_char *
ngx_recording_finish_log(ngx_log_t *log, u_char *buf, size_t len)
{
    return ngx_snprintf(buf, len, "%s", log->data);
}


/* a fast stop does not wait for files that are finished */

static void
ngx_recording_finish_thread(void *data)
{
    ngx_recording_finish_t *f = data;

    ngx_int_t  rc;

    do {
        rc = ngx_terminate ? NGX_AGAIN : f->step(f);
    } while (rc == NGX_OK);

    if ((rc == NGX_ERROR && ++f->tries == NGX_RECORDING_FINISH_TRIES)
        || (rc == NGX_AGAIN && f->orphan && !ngx_terminate
            && f->step != ngx_recording_finish_clear
            && ++f->again == NGX_RECORDING_FINISH_GIVE))
    {
        ngx_recording_finish_give_up(f);
        rc = f->step(f);

    } else if ((rc == NGX_AGAIN || rc == NGX_ERROR)
               && ngx_exiting && !ngx_terminate
               && f->step != ngx_recording_finish_clear)
    {
        ngx_recording_finish_hand(f);
        rc = f->step(f);
    }

    /* the next start goes on with it, or another worker */

    if (rc != NGX_BUSY && (ngx_exiting || ngx_terminate)) {
        rc = NGX_DONE;
    }

    if (rc == NGX_DONE) {
        ngx_recording_finish_close(f);
    }

    /* nothing of it is open while it waits for its row, or for the next time */

    if (f->mux) {
        ngx_recording_mux_rest_thread(f->mux);
    }

    f->result = rc;
}


/*
 * A file that is not worked on any more: its recording does not wait for it.
 * One that is not owned is taken again later, by others, too, and makes place
 * for other files.
 */

static void
ngx_recording_finish_give_up(ngx_recording_finish_t *f)
{
    ngx_uint_t  owned;

    owned = f->again < NGX_RECORDING_FINISH_GIVE;
    f->stuck = owned;

    if (owned) {
        ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                             "%s file \"%llu\" cannot be finished, it is "
                             "left in work/", f->taken.format,
                             (unsigned long long) f->taken.id);
    }

    f->state.state = !owned && f->mux == NULL
                     && f->taken.state == NGX_RECORDING_FILE_RECORDING
                     ? NGX_RECORDING_FILE_RECORDING
                     : NGX_RECORDING_FILE_FINISHING;
    f->state.owned = owned;
    f->state.later = owned ? 0 : ngx_recording_store_now(&f->worker->store)
                                 + NGX_RECORDING_FINISH_LATER;

    f->step = ngx_recording_finish_leave;
}


/*
 * A worker that exits does not try again: another one may do it at once, and
 * not only when this one has ended, as it may have publishers for hours.
 */

static void
ngx_recording_finish_hand(ngx_recording_finish_t *f)
{
    if (f->mux && !f->mux->tainted && f->mux->journaled && f->mux->data) {
        (void) ngx_recording_journal_state_thread(f->mux);
    }

    f->state.state = f->mux == NULL
                     && f->taken.state == NGX_RECORDING_FILE_RECORDING
                     && f->orphan
                     ? NGX_RECORDING_FILE_RECORDING
                     : NGX_RECORDING_FILE_FINISHING;
    f->state.owned = 0;
    f->state.later = 0;

    f->step = ngx_recording_finish_leave;

    ngx_recording_notice(&f->notices, NGX_LOG_WARN, 0,
                         "%s file \"%s/work/%llu\" is left to another worker "
                         "process that has this store", f->taken.format,
                         f->worker->store.path,
                         (unsigned long long) f->taken.id);
}


static ngx_int_t
ngx_recording_finish_leave(ngx_recording_finish_t *f)
{
    return ngx_recording_finish_state(f, f->state.state, f->state.owned, -1)
           == NGX_BUSY
           ? NGX_BUSY : NGX_DONE;
}


static void
ngx_recording_finish_done(void *data)
{
    ngx_recording_finish_t *f = data;

    if (f->mux) {
        ngx_recording_worker_tell(f->worker, &f->notices,
                                  f->mux->file.recording_id,
                                  &f->mux->file.format, 1);
    }

    ngx_recording_notices_log(&f->notices, f->log);

    switch (f->result) {

    case NGX_BUSY:
        if (!ngx_recording_flush_post(&f->worker->flushes, &f->flush,
                                      ngx_recording_finish_order, f))
        {
            (void) ngx_recording_change_post(&f->change,
                                             ngx_recording_finish_order, f);
        }

        return;

    case NGX_DONE:

        /* one that cannot be finished is not looked at again by this worker */

        if (!f->stuck) {
            ngx_recording_busy_remove(&f->worker->store.busy, f->taken.id);
        }

        f->done(f->data);

        ngx_free(f);
        return;

    default:
        ngx_add_timer(&f->retry, NGX_RECORDING_FINISH_RETRY);
    }
}


static void
ngx_recording_finish_order(void *data)
{
    ngx_recording_finish_t *f = data;

    ngx_recording_job_post(&f->job);
}


static void
ngx_recording_finish_again(ngx_event_t *ev)
{
    ngx_recording_finish_order(ev->data);
}


ngx_int_t
ngx_recording_finish_state(ngx_recording_finish_t *f,
    ngx_recording_file_e state, ngx_uint_t owned, int64_t size)
{
    f->state.id = f->taken.id;
    f->state.state = state;
    f->state.owned = owned;
    f->state.size = size;

    return ngx_recording_finish_ask(f, ngx_recording_catalogue_set_state,
                                    &f->state,
                                    state == NGX_RECORDING_FILE_FINISHED);
}


/* NGX_BUSY: there is no answer yet; NGX_AGAIN: the catalogue failed */

ngx_int_t
ngx_recording_finish_ask(ngx_recording_finish_t *f,
    ngx_recording_catalogue_pt run, void *arg, ngx_uint_t durable)
{
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    rc = ngx_recording_change_ask_thread(&f->change, run, arg, durable, &err);

    return rc == NGX_ERROR ? ngx_recording_finish_failed(f, NULL, 0, &err)
                           : rc;
}


/* said once for a file */

ngx_int_t
ngx_recording_finish_failed(ngx_recording_finish_t *f, const char *op,
    ngx_err_t err, ngx_recording_catalogue_error_t *sql)
{
    if (ngx_recording_once(f->failed, 1)) {
        if (sql) {
            ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                                 "catalogue failed: %s, %s file \"%llu\" "
                                 "is not finished yet", sql->text,
                                 f->taken.format,
                                 (unsigned long long) f->taken.id);

        } else {
            ngx_recording_notice(&f->notices, NGX_LOG_ERR, err,
                                 "%s \"%llu\" failed, the %s file is not "
                                 "finished yet", op ? op : "finish",
                                 (unsigned long long) f->taken.id,
                                 f->taken.format);
        }
    }

    return NGX_AGAIN;
}


/* what the file itself is to blame for is not tried as often */

ngx_int_t
ngx_recording_finish_error(ngx_recording_finish_t *f,
    ngx_recording_mux_t *mux)
{
    (void) ngx_recording_finish_failed(f, mux->op, mux->err, NULL);

    return mux->damaged ? NGX_ERROR : NGX_AGAIN;
}


void
ngx_recording_finish_close(ngx_recording_finish_t *f)
{
    if (f->mux) {
        ngx_recording_mux_close_thread(f->mux);
        f->mux = NULL;
    }

    free(f->label);
    f->label = NULL;
}
