
#include "ngx_recording_finish.h"
#include "ngx_recording_text.h"
#include "ngx_recording_tree.h"


#define NGX_RECORDING_FINISH_CLAIMS  20
#define NGX_RECORDING_FINISH_RETRY   5000         /* ms */
#define NGX_RECORDING_FINISH_TRIES   3            /* of what cannot pass */
#define NGX_RECORDING_FINISH_GIVE    12           /* of an orphan, in turn */


typedef struct {
    ngx_recording_worker_t *worker;
    ngx_recording_mux_t    *mux;
    ngx_recording_taken_t   taken;         /* or this, not opened yet */
    ngx_log_t              *log;
    ngx_recording_job_t     job;
    ngx_event_t             retry;
    ngx_uint_t              tries;         /* that failed by the file itself */
    ngx_uint_t              again;         /* that failed otherwise */
    unsigned                orphan:1;      /* of nobody before */
    unsigned                over:1;        /* it is finished, or left to the
                                              next start */
    unsigned                failed:1;      /* and this was said */
    unsigned                clear:1;       /* only work/ is left to be done */
    ngx_recording_notices_t notices;
    void                  (*done)(void *data);
    void                   *data;
} ngx_recording_finish_t;


static ngx_recording_finish_t *ngx_recording_finish_create(
    ngx_recording_worker_t *worker, ngx_log_t *log,
    void (*done)(void *data), void *data);
static void ngx_recording_finish_thread(void *data);
static void ngx_recording_finish_leave(ngx_recording_finish_t *f,
    ngx_uint_t owned);
static void ngx_recording_finish_done(void *data);
static void ngx_recording_finish_again(ngx_event_t *ev);
static ngx_int_t ngx_recording_finish_open(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_absent(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_pause(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_file(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_lost(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_unknown(ngx_recording_finish_t *f,
    ngx_uint_t empty);
static ngx_int_t ngx_recording_finish_clear(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_failed(ngx_recording_finish_t *f,
    const char *op, ngx_err_t err, ngx_recording_catalogue_error_t *sql);
static ngx_int_t ngx_recording_finish_label(ngx_recording_mux_t *mux,
    ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_finish_place(ngx_recording_mux_t *mux,
    ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_finish_move(ngx_recording_mux_t *mux,
    ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err);


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

    ngx_recording_job_post(&f->job);
}


void
ngx_recording_finish_taken(ngx_recording_worker_t *worker,
    ngx_recording_taken_t *taken, ngx_log_t *log, void (*done)(void *data),
    void *data)
{
    ngx_recording_finish_t  *f;

    f = ngx_recording_finish_create(worker, log, done, data);

    if (f == NULL) {
        done(data);
        return;
    }

    f->taken = *taken;
    f->orphan = 1;

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

    return f;
}


/* a fast stop does not wait for files that are finished */

static void
ngx_recording_finish_thread(void *data)
{
    ngx_recording_finish_t *f = data;

    ngx_int_t  rc;

    rc = ngx_terminate ? NGX_AGAIN : NGX_OK;

    if (rc == NGX_OK && f->mux == NULL && !f->clear) {
        rc = ngx_recording_finish_open(f);

        if (rc != NGX_OK && f->mux) {

            /* nothing of it is open, or its row is not written: once more */

            ngx_recording_mux_close_thread(f->mux);
            f->mux = NULL;
        }
    }

    if (rc == NGX_OK && f->mux) {
        rc = ngx_recording_finish_file(f);
    }

    if (rc == NGX_OK && f->clear) {
        rc = ngx_recording_finish_clear(f);
    }

    if (rc == NGX_ERROR && ++f->tries == NGX_RECORDING_FINISH_TRIES) {
        ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                             "file \"%llu\" cannot be finished, it is left "
                             "in work/", (unsigned long long) f->taken.id);

        ngx_recording_finish_leave(f, 1);
        rc = NGX_OK;
    }

    if (rc == NGX_AGAIN && f->orphan
        && ++f->again == NGX_RECORDING_FINISH_GIVE)
    {
        ngx_recording_finish_leave(f, 0);
        rc = NGX_OK;
    }

    if (rc == NGX_OK || ngx_exiting || ngx_terminate) {
        f->over = 1;

        if (f->mux) {
            ngx_recording_mux_close_thread(f->mux);
            f->mux = NULL;
        }
    }
}


/*
 * A file that is not worked on any more: its recording does not wait for it.
 * One that is not owned is taken again later, by others, too, and makes place
 * for other files.
 */

static void
ngx_recording_finish_leave(ngx_recording_finish_t *f, ngx_uint_t owned)
{
    ngx_recording_file_e              state;
    ngx_recording_catalogue_error_t   err;

    state = !owned && f->mux == NULL
            && f->taken.state == NGX_RECORDING_FILE_RECORDING
            ? NGX_RECORDING_FILE_RECORDING : NGX_RECORDING_FILE_FINISHING;

    (void) ngx_recording_catalogue_state_thread(&f->worker->catalogue,
                                                f->taken.id, state, owned, -1,
                                                &err);
}


static void
ngx_recording_finish_done(void *data)
{
    ngx_recording_finish_t *f = data;

    ngx_recording_notices_log(&f->notices, f->log);

    if (!f->over) {
        ngx_add_timer(&f->retry, NGX_RECORDING_FINISH_RETRY);
        return;
    }

    f->done(f->data);

    ngx_free(f);
}


static void
ngx_recording_finish_again(ngx_event_t *ev)
{
    ngx_recording_finish_t  *f;

    f = ev->data;

    ngx_recording_job_post(&f->job);
}


/*
 * Opens a file that another worker has left.  NGX_OK without a mux: there is
 * nothing more to be done.
 */

static ngx_int_t
ngx_recording_finish_open(ngx_recording_finish_t *f)
{
    int64_t               now;
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = ngx_recording_mux_reopen_thread(&f->worker->store, f->taken.id,
                                          f->taken.recovered);
    f->mux = mux;

    if (mux == NULL) {
        return errno == ENOENT || errno == ENODATA
               ? ngx_recording_finish_unknown(f, errno == ENODATA)
               : ngx_recording_finish_failed(f, "read the journal of", errno,
                                             NULL);
    }

    if (mux->err == ENOENT) {
        return ngx_recording_finish_absent(f);
    }

    if (mux->err) {
        rc = ngx_recording_finish_failed(f, mux->op, mux->err, NULL);

        ngx_recording_mux_close_thread(mux);
        f->mux = NULL;

        return rc;
    }

    mux->file.recovered = f->taken.recovered;

    if (f->taken.state != NGX_RECORDING_FILE_RECORDING || mux->resume == 0
        || mux->file.written == 0)
    {
        return NGX_OK;
    }

    now = ngx_recording_wall();
    mux->file.deadline = mux->wall + mux->resume * 1000;

    return now < mux->file.deadline ? ngx_recording_finish_pause(f) : NGX_OK;
}


/* it is not in work/: it was put in place already, or it is lost */

static ngx_int_t
ngx_recording_finish_absent(ngx_recording_finish_t *f)
{
    off_t                             size;
    char                              path[NGX_RECORDING_FILE_PATH];
    char                              text[NGX_RECORDING_TEXT + 4];
    ngx_recording_mux_t              *mux;
    ngx_recording_catalogue_error_t   err;

    mux = f->mux;
    size = -1;

    ngx_recording_file_path(&mux->file, path);

    if (!mux->format->endless && mux->file.path_len) {
        size = ngx_recording_store_size_thread(mux->store, path);
    }

    if (size == -1) {
        return ngx_recording_finish_lost(f);
    }

    if (ngx_recording_store_sync_thread(mux->store, path) != NGX_OK) {
        return ngx_recording_finish_failed(f, "sync the directory of", errno,
                                           NULL);
    }

    if (ngx_recording_catalogue_state_thread(&f->worker->catalogue,
                                             f->taken.id,
                                             NGX_RECORDING_FILE_FINISHED, 0,
                                             size, &err)
        != NGX_OK)
    {
        return ngx_recording_finish_failed(f, NULL, 0, &err);
    }

    mux->file.state = NGX_RECORDING_FILE_FINISHED;

    ngx_recording_notice(&f->notices, NGX_LOG_NOTICE, 0,
                         "file finished: \"%s\", %lld bytes, recovered",
                         ngx_recording_text(text, mux->file.path,
                                            mux->file.path_len),
                         (long long) size);

    ngx_recording_mux_close_thread(mux);
    f->mux = NULL;

    f->clear = 1;

    return NGX_OK;
}


/* its writer died, but its stream may be back */

static ngx_int_t
ngx_recording_finish_pause(ngx_recording_finish_t *f)
{
    ngx_recording_mux_t              *mux;
    ngx_recording_catalogue_error_t   err;

    mux = f->mux;

    ngx_recording_mux_measure(mux);
    mux->file.state = NGX_RECORDING_FILE_PAUSED;

    if (ngx_recording_mux_sync_thread(mux, 1) != NGX_OK) {
        mux->file.state = NGX_RECORDING_FILE_RECORDING;
        return ngx_recording_finish_failed(f, mux->op, mux->err, NULL);
    }

    /* the recording first: who sees a paused file may take it */

    if (ngx_recording_catalogue_left_thread(&f->worker->catalogue,
                                            mux->file.recording_id,
                                            mux->owner, &err)
        != NGX_OK
        || ngx_recording_catalogue_update_thread(&f->worker->catalogue,
                                                 &mux->file, 0, &err)
           != NGX_OK)
    {
        mux->file.state = NGX_RECORDING_FILE_RECORDING;
        return ngx_recording_finish_failed(f, NULL, 0, &err);
    }

    ngx_recording_notice(&f->notices, NGX_LOG_NOTICE, 0,
                         "file \"%llu\" of recording %llu recovered, it "
                         "waits for its stream",
                         (unsigned long long) f->taken.id,
                         (unsigned long long) mux->file.recording_id);

    ngx_recording_mux_close_thread(mux);
    f->mux = NULL;

    return NGX_OK;
}


/* nothing of it can be kept; what it has in files/ is an empty playlist */

static ngx_int_t
ngx_recording_finish_lost(ngx_recording_finish_t *f)
{
    char                              path[NGX_RECORDING_FILE_PATH];
    ngx_int_t                         rc;
    ngx_recording_mux_t              *mux;
    ngx_recording_catalogue_error_t   err;

    mux = f->mux;

    ngx_recording_mux_measure(mux);
    mux->file.state = NGX_RECORDING_FILE_LOST;

    /* one that was opened, and nothing came, leaves no trace */

    rc = mux->file.in
         ? ngx_recording_catalogue_update_thread(&f->worker->catalogue,
                                                 &mux->file, 0, &err)
         : ngx_recording_catalogue_remove_thread(&f->worker->catalogue,
                                                 f->taken.id, &err);
    if (rc != NGX_OK) {
        return ngx_recording_finish_failed(f, NULL, 0, &err);
    }

    if (mux->format->endless && mux->file.path_len) {
        ngx_recording_file_path(&mux->file, path);

        (void) ngx_recording_store_discard_thread(mux->store, path, 1);
    }

    ngx_recording_mux_close_thread(mux);
    f->mux = NULL;
    f->clear = 1;

    return NGX_OK;
}


/*
 * There is no journal: an earlier version wrote the file, and somebody may
 * want what there is of it.  Or it is empty: a power cut came before anything
 * of the file was durable.
 */

static ngx_int_t
ngx_recording_finish_unknown(ngx_recording_finish_t *f, ngx_uint_t empty)
{
    ngx_recording_catalogue_error_t  err;

    if (ngx_recording_catalogue_state_thread(&f->worker->catalogue,
                                             f->taken.id,
                                             NGX_RECORDING_FILE_LOST, 0, 0,
                                             &err)
        != NGX_OK)
    {
        return ngx_recording_finish_failed(f, NULL, 0, &err);
    }

    f->clear = empty;

    if (!empty) {
        ngx_recording_notice(&f->notices, NGX_LOG_WARN, 0,
                             "file \"%llu\" has no journal, what there is "
                             "of it is left in work/",
                             (unsigned long long) f->taken.id);
    }

    return NGX_OK;
}


/* what it has in work/; its row tells the whole story by now */

static ngx_int_t
ngx_recording_finish_clear(ngx_recording_finish_t *f)
{
    if (ngx_recording_journal_clear_thread(&f->worker->store, f->taken.id)
        == NGX_OK)
    {
        return NGX_OK;
    }

    if (!f->failed) {
        f->failed = 1;

        ngx_recording_notice(&f->notices, NGX_LOG_ERR, errno,
                             "remove what file \"%llu\" had in work/ failed, "
                             "it is tried again",
                             (unsigned long long) f->taken.id);
    }

    return NGX_AGAIN;
}


/*
 * NGX_AGAIN: not now; NGX_ERROR: hardly ever, as not the disk is to blame.
 * What was done already is not done again.
 */

static ngx_int_t
ngx_recording_finish_file(ngx_recording_finish_t *f)
{
    char                              text[NGX_RECORDING_TEXT + 4];
    ngx_recording_mux_t              *mux;
    ngx_recording_file_t             *file;
    ngx_recording_catalogue_t        *catalogue;
    ngx_recording_catalogue_error_t   err;

    mux = f->mux;
    file = &mux->file;
    catalogue = &f->worker->catalogue;

    if (file->written == 0) {
        return ngx_recording_finish_lost(f);
    }

    if (file->state == NGX_RECORDING_FILE_RECORDING) {

        ngx_recording_mux_measure(mux);
        file->state = NGX_RECORDING_FILE_FINISHING;

        if (ngx_recording_catalogue_update_thread(catalogue, file, 0, &err)
            != NGX_OK)
        {
            file->state = NGX_RECORDING_FILE_RECORDING;
            return ngx_recording_finish_failed(f, NULL, 0, &err);
        }

        ngx_recording_mux_uncount(mux);
    }

    mux->op = NULL;
    mux->err = mux->format->endless ? mux->err : 0;

    if (!mux->whole && mux->format->finish(mux) != NGX_OK) {
        return ngx_recording_finish_failed(f, mux->op, mux->err, NULL);
    }

    mux->whole = 1;
    err.text[0] = '\0';

    if (ngx_recording_finish_label(mux, catalogue, &err) != NGX_OK) {
        return ngx_recording_finish_failed(f, NULL, 0, &err);
    }

    if (ngx_recording_finish_place(mux, catalogue, &err) != NGX_OK) {
        return ngx_recording_finish_failed(f, mux->op, mux->err,
                                           err.text[0] ? &err : NULL);
    }

    file->state = NGX_RECORDING_FILE_FINISHED;

    if (ngx_recording_catalogue_update_thread(catalogue, file, 1, &err)
        != NGX_OK)
    {
        file->state = NGX_RECORDING_FILE_FINISHING;
        return ngx_recording_finish_failed(f, NULL, 0, &err);
    }

    ngx_recording_notice(&f->notices, NGX_LOG_NOTICE, 0,
                         "file finished: \"%s\", %lld ms, %llu bytes%s",
                         ngx_recording_text(text, file->path, file->path_len),
                         (long long) file->duration,
                         (unsigned long long) file->size,
                         file->recovered ? ", recovered" : "");

    ngx_recording_mux_close_thread(mux);
    f->mux = NULL;
    f->clear = 1;

    return NGX_OK;
}


/* said once for a file */

static ngx_int_t
ngx_recording_finish_failed(ngx_recording_finish_t *f, const char *op,
    ngx_err_t err, ngx_recording_catalogue_error_t *sql)
{
    if (!f->failed) {
        f->failed = 1;

        if (sql) {
            ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                                 "catalogue failed: %s, file \"%llu\" is "
                                 "not finished yet", sql->text,
                                 (unsigned long long) f->taken.id);

        } else {
            ngx_recording_notice(&f->notices, NGX_LOG_ERR, err,
                                 "%s \"%llu\" failed, the file is not "
                                 "finished yet", op ? op : "finish",
                                 (unsigned long long) f->taken.id);
        }
    }

    return sql == NULL && err == EINVAL ? NGX_ERROR : NGX_AGAIN;
}


/* what the row says stays with the file, in case that the rows are lost */

static ngx_int_t
ngx_recording_finish_label(ngx_recording_mux_t *mux,
    ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err)
{
    char        label[NGX_RECORDING_LABEL], path[NGX_RECORDING_FILE_PATH];
    ngx_int_t   rc;
    ngx_uint_t  brief;

    if (mux->placed) {
        return NGX_OK;
    }

    ngx_recording_file_path(&mux->file, path);

    /* not every file system can, and some not as much */

    for (brief = 0; brief < 2; brief++) {
        rc = ngx_recording_catalogue_label_thread(catalogue, &mux->file,
                                                  brief, label, err);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK
            && ngx_recording_tree_label_thread(mux->store,
                                               !mux->format->endless,
                                               mux->format->endless
                                               ? path : mux->work, label)
               == NGX_OK)
        {
            break;
        }
    }

    return NGX_OK;
}


/* puts the file of work/ where its row says */

static ngx_int_t
ngx_recording_finish_place(ngx_recording_mux_t *mux,
    ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err)
{
    char        path[NGX_RECORDING_FILE_PATH];
    ngx_int_t   rc;
    ngx_uint_t  n;

    if (mux->format->endless) {
        return NGX_OK;
    }

    /* a path that has the file's end in it is claimed when that is known */

    if (mux->claim.len == 0) {
        ngx_recording_mux_render(mux);
    }

    if (mux->file.path_len == 0
        && ngx_recording_finish_move(mux, catalogue, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (rc = NGX_OK, n = 0; n < NGX_RECORDING_FINISH_CLAIMS; n++) {

        ngx_recording_file_path(&mux->file, path);

        if (!mux->placed) {
            rc = ngx_recording_store_place_thread(mux->store, mux->work,
                                                  path);
        }

        if (rc == NGX_OK) {
            mux->placed = 1;

            if (ngx_recording_store_sync_thread(mux->store, path) != NGX_OK) {
                return ngx_recording_mux_error(mux, "sync the directory of");
            }

            return NGX_OK;
        }

        if (rc == NGX_ERROR) {

            if (errno != ENOTDIR) {
                return ngx_recording_mux_error(mux, "put in place");
            }

            /* another recording's file stands where a directory should */

            ngx_recording_claim_by_id(&mux->claim, mux->file.id);
        }

        /* or something that the catalogue does not know lies there */

        if (ngx_recording_finish_move(mux, catalogue, err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    errno = NGX_EEXIST;

    return ngx_recording_mux_error(mux, "put in place");
}


/* the journal has the path before the file lies there */

static ngx_int_t
ngx_recording_finish_move(ngx_recording_mux_t *mux,
    ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err)
{
    if (ngx_recording_catalogue_move_thread(catalogue, &mux->file,
                                            &mux->claim, err)
        != NGX_OK
        || ngx_recording_journal_path_thread(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_journal_sync_thread(mux);
}
