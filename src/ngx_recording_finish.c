
#include "ngx_recording_finish.h"
#include "ngx_recording_text.h"
#include "ngx_recording_tree.h"


#define NGX_RECORDING_FINISH_CLAIMS  20
#define NGX_RECORDING_FINISH_RETRY   5000         /* ms */
#define NGX_RECORDING_FINISH_TRIES   3            /* of what cannot pass */
#define NGX_RECORDING_FINISH_GIVE    12           /* of an orphan, in turn */
#define NGX_RECORDING_FINISH_LATER   60000000     /* us, until it is its turn
                                                     again */


typedef struct ngx_recording_finish_s  ngx_recording_finish_t;

/*
 * A step, on a thread.  NGX_OK: f->step is the next one; NGX_DONE: there is
 * none; NGX_BUSY: it waits for the catalogue's answer; NGX_AGAIN: it failed,
 * and is tried again; NGX_ERROR: as often as it makes sense.
 */
typedef ngx_int_t (*ngx_recording_finish_pt)(ngx_recording_finish_t *f);


struct ngx_recording_finish_s {
    ngx_recording_worker_t *worker;
    ngx_recording_finish_pt  step;
    ngx_int_t               result;
    ngx_recording_mux_t    *mux;
    ngx_recording_taken_t   taken;         /* or this, not opened yet */
    ngx_log_t              *log;
    ngx_log_t               own;           /* of a file that was taken */
    ngx_recording_job_t     job;
    ngx_recording_change_t  change;
    ngx_recording_state_t   state;
    ngx_recording_left_t    left;
    ngx_recording_label_t  *label;
    ngx_recording_mend_t    mend;
    ngx_event_t             retry;
    ngx_uint_t              tries;         /* that failed by the file itself */
    ngx_uint_t              again;         /* that failed otherwise */
    ngx_uint_t              claims;        /* of paths */
    unsigned                orphan:1;      /* of nobody before */
    unsigned                failed:1;      /* and this was said */
    unsigned                stuck:1;       /* it cannot be finished */
    unsigned                moved:1;       /* another path was claimed */
    unsigned                clear:1;       /* it has something in work/ */
    ngx_recording_notices_t notices;
    void                  (*done)(void *data);
    void                   *data;
};


static ngx_recording_finish_t *ngx_recording_finish_create(
    ngx_recording_worker_t *worker, ngx_log_t *log,
    void (*done)(void *data), void *data);
static u_char *ngx_recording_finish_log(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_recording_finish_thread(void *data);
static void ngx_recording_finish_give_up(ngx_recording_finish_t *f);
static void ngx_recording_finish_hand(ngx_recording_finish_t *f);
static void ngx_recording_finish_done(void *data);
static void ngx_recording_finish_order(void *data);
static void ngx_recording_finish_again(ngx_event_t *ev);
static ngx_int_t ngx_recording_finish_open(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_absent(ngx_recording_finish_t *f);
static void ngx_recording_finish_mend(ngx_recording_finish_t *f,
    const char *path, off_t size);
static ngx_int_t ngx_recording_finish_pause(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_lost(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_unknown(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_begin(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_whole(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_cut(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_label(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_place(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_move(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_row(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_clear(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_leave(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_ask(ngx_recording_finish_t *f,
    ngx_recording_catalogue_pt run, void *arg, ngx_uint_t durable);
static ngx_int_t ngx_recording_finish_state(ngx_recording_finish_t *f,
    ngx_recording_file_e state, ngx_uint_t owned, int64_t size);
static ngx_int_t ngx_recording_finish_failed(ngx_recording_finish_t *f,
    const char *op, ngx_err_t err, ngx_recording_catalogue_error_t *sql);
static void ngx_recording_finish_close(ngx_recording_finish_t *f);


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
        || (rc == NGX_AGAIN && f->orphan
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
    if (f->mux && !f->mux->tainted && f->mux->journal != -1 && f->mux->data) {
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

    ngx_recording_notices_log(&f->notices, f->log);

    switch (f->result) {

    case NGX_BUSY:
        (void) ngx_recording_change_post(&f->change,
                                         ngx_recording_finish_order, f);
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


/* opens a file that another worker has left */

static ngx_int_t
ngx_recording_finish_open(ngx_recording_finish_t *f)
{
    int64_t               now;
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = ngx_recording_mux_reopen_thread(&f->worker->store, f->taken.id,
                                          f->taken.recovered);

    if (mux == NULL) {

        if (errno == ENOENT || errno == ENODATA) {
            f->clear = (errno == ENODATA);
            f->step = ngx_recording_finish_unknown;
            return NGX_OK;
        }

        return ngx_recording_finish_failed(f, "read the journal of", errno,
                                           NULL);
    }

    if (mux->err && mux->err != ENOENT) {
        rc = ngx_recording_finish_failed(f, mux->op, mux->err, NULL);
        ngx_recording_mux_close_thread(mux);

        return rc;
    }

    f->mux = mux;

    if (mux->err) {
        f->step = ngx_recording_finish_absent;
        return NGX_OK;
    }

    mux->file.recovered = f->taken.recovered;
    f->step = ngx_recording_finish_begin;

    if (f->taken.state == NGX_RECORDING_FILE_RECORDING && mux->resume
        && mux->file.written)
    {
        /* a frame that came later than now came when the clock was wrong */

        now = ngx_recording_store_now(mux->store);
        mux->file.deadline = ngx_min(mux->wall, now) + mux->resume * 1000;

        if (now < mux->file.deadline) {
            f->step = ngx_recording_finish_pause;
        }
    }

    return NGX_OK;
}


/* it is not in work/: it was put in place already, or it is lost */

static ngx_int_t
ngx_recording_finish_absent(ngx_recording_finish_t *f)
{
    off_t                 size;
    char                  path[NGX_RECORDING_FILE_PATH];
    char                  text[NGX_RECORDING_TEXT + 4];
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = f->mux;
    size = -1;
    errno = NGX_ENOENT;

    ngx_recording_file_path(&mux->file, path);

    if (!mux->format->endless && mux->file.path_len) {
        size = ngx_recording_store_size_thread(mux->store, path);
    }

    if (size == -1) {

        /* what cannot be looked at is not lost */

        if (errno != NGX_ENOENT && errno != NGX_ENOTDIR) {
            return ngx_recording_finish_failed(f, "stat", errno, NULL);
        }

        f->step = ngx_recording_finish_lost;
        return NGX_OK;
    }

    if (ngx_recording_store_sync_thread(mux->store, path) != NGX_OK) {
        return ngx_recording_finish_failed(f, "sync the directory of", errno,
                                           NULL);
    }

    ngx_recording_finish_mend(f, path, size);

    rc = ngx_recording_finish_ask(f, ngx_recording_catalogue_mend, &f->mend,
                                  1);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_notice(&f->notices, NGX_LOG_NOTICE, 0,
                         "file finished: \"%s\", %lld bytes, recovered",
                         ngx_recording_text(text, mux->file.path,
                                            mux->file.path_len),
                         (long long) size);

    ngx_recording_finish_close(f);
    f->step = ngx_recording_finish_clear;

    return NGX_OK;
}


/* what its row will have: what is attached to it, or what is known of it */

static void
ngx_recording_finish_mend(ngx_recording_finish_t *f, const char *path,
    off_t size)
{
    int                    fd;
    ngx_recording_file_t  *file;

    file = &f->mux->file;

    if (file->state == NGX_RECORDING_FILE_FINISHED) {
        return;
    }

    ngx_recording_mux_measure(f->mux);

    file->size = size;
    file->state = NGX_RECORDING_FILE_FINISHED;
    file->finished = ngx_recording_wall();

    f->mend.file = file;

    f->label = calloc(1, sizeof(ngx_recording_label_t));
    fd = ngx_recording_openat(f->mux->store->files, path,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW, 0);

    if (f->label && fd != -1
        && ngx_recording_tree_read_thread(fd, f->label->text) == NGX_OK)
    {
        f->mend.label = f->label->text;
    }

    if (fd != -1) {
        (void) close(fd);
    }
}


/* its writer died, but its stream may be back */

static ngx_int_t
ngx_recording_finish_pause(ngx_recording_finish_t *f)
{
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = f->mux;

    if (mux->file.state != NGX_RECORDING_FILE_PAUSED) {

        if (ngx_recording_mux_sync_thread(mux, 1) != NGX_OK) {
            return ngx_recording_finish_failed(f, mux->op, mux->err, NULL);
        }

        ngx_recording_mux_measure(mux);
        mux->file.state = NGX_RECORDING_FILE_PAUSED;
    }

    f->left.file = &mux->file;
    f->left.owner = mux->owner;

    rc = ngx_recording_finish_ask(f, ngx_recording_catalogue_wait, &f->left,
                                  0);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_notice(&f->notices, NGX_LOG_NOTICE, 0,
                         "%s file \"%llu\" of recording %llu recovered, it "
                         "waits for its stream", f->taken.format,
                         (unsigned long long) f->taken.id,
                         (unsigned long long) mux->file.recording_id);

    return NGX_DONE;
}


/* nothing of it can be kept; what it has in files/ is an empty playlist */

static ngx_int_t
ngx_recording_finish_lost(ngx_recording_finish_t *f)
{
    char                  path[NGX_RECORDING_FILE_PATH];
    uint64_t              came;
    ngx_int_t             rc;
    ngx_uint_t            kept;
    ngx_recording_mux_t  *mux;

    mux = f->mux;

    if (mux->file.state != NGX_RECORDING_FILE_LOST) {
        ngx_recording_mux_measure(mux);
        mux->file.state = NGX_RECORDING_FILE_LOST;
    }

    /* one that was opened, and nothing came, leaves no trace */

    came = mux->file.in - mux->file.dropped[NGX_RECORDING_DROP_TRACK];

    rc = ngx_recording_finish_ask(f, came
                                     ? ngx_recording_catalogue_update
                                     : ngx_recording_catalogue_remove,
                                  &mux->file, 0);
    if (rc != NGX_OK) {
        return rc;
    }

    if (came) {
        ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                             "nothing of %s file \"%llu\" could be kept, "
                             "%llu frames are missing", f->taken.format,
                             (unsigned long long) f->taken.id,
                             (unsigned long long) came);
    }

    if (mux->format->endless && mux->file.path_len) {
        ngx_recording_file_path(&mux->file, path);

        (void) ngx_recording_store_discard_thread(mux->store, path, 1);
    }

    kept = mux->kept;

    ngx_recording_finish_close(f);
    f->step = ngx_recording_finish_clear;

    return kept ? NGX_DONE : NGX_OK;
}


/*
 * There is no journal: an earlier version wrote the file, and somebody may
 * want what there is of it.  Or it is empty: a power cut came before anything
 * of the file was durable.
 */

static ngx_int_t
ngx_recording_finish_unknown(ngx_recording_finish_t *f)
{
    ngx_int_t  rc;

    rc = ngx_recording_finish_state(f, NGX_RECORDING_FILE_LOST, 0, 0);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                         f->clear ? "%s file \"%llu\" is lost, the system "
                                    "stopped before anything of it was "
                                    "durable"
                                  : "%s file \"%llu\" has no journal, what "
                                    "there is of it is left in work/",
                         f->taken.format, (unsigned long long) f->taken.id);

    if (f->clear) {
        f->step = ngx_recording_finish_clear;
        return NGX_OK;
    }

    return NGX_DONE;
}


/* what it has in work/; its row tells the whole story by now */

static ngx_int_t
ngx_recording_finish_clear(ngx_recording_finish_t *f)
{
    if (ngx_recording_journal_clear_thread(&f->worker->store, f->taken.id)
        == NGX_OK)
    {
        return NGX_DONE;
    }

    if (!f->failed) {
        f->failed = 1;

        ngx_recording_notice(&f->notices, NGX_LOG_ERR, errno,
                             "remove what %s file \"%llu\" had in work/ "
                             "failed, it is tried again", f->taken.format,
                             (unsigned long long) f->taken.id);
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_recording_finish_begin(ngx_recording_finish_t *f)
{
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = f->mux;

    if (mux->tainted && ngx_recording_finish_cut(f) != NGX_OK) {
        return ngx_recording_finish_failed(f, mux->op, mux->err, NULL);
    }

    if (mux->file.written == 0) {
        f->step = ngx_recording_finish_lost;
        return NGX_OK;
    }

    if (mux->file.state != NGX_RECORDING_FILE_FINISHING) {
        ngx_recording_mux_measure(mux);
        mux->file.state = NGX_RECORDING_FILE_FINISHING;
    }

    rc = ngx_recording_finish_ask(f, ngx_recording_catalogue_update,
                                  &mux->file, 0);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_mux_uncount(mux);

    f->step = ngx_recording_finish_whole;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_finish_whole(ngx_recording_finish_t *f)
{
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = f->mux;

    mux->op = NULL;
    mux->err = mux->format->endless ? mux->err : 0;

    if (!mux->whole && mux->format->finish(mux) != NGX_OK) {
        rc = ngx_recording_finish_failed(f, mux->op, mux->err, NULL);

        if (mux->tainted) {

            /* at once: whoever comes to it later must not find more */

            (void) ngx_recording_finish_cut(f);
            f->step = ngx_recording_finish_begin;
        }

        return rc;
    }

    /* it appears when it is put in place, a playlist is there already */

    if (!(mux->format->endless ? mux->whole : mux->placed)) {
        mux->file.finished = ngx_recording_wall();
    }

    mux->whole = 1;
    f->step = ngx_recording_finish_label;

    return NGX_OK;
}


/*
 * A sync failed, and the next one would not know: the file ends where it was
 * durable.  Its row is written again.
 */

static ngx_int_t
ngx_recording_finish_cut(ngx_recording_finish_t *f)
{
    uint64_t              before;
    ngx_recording_mux_t  *mux;

    mux = f->mux;
    before = mux->file.written;

    if (ngx_recording_mux_back_thread(mux, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    mux->file.state = NGX_RECORDING_FILE_RECORDING;

    ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                         "%s file \"%llu\": %llu frames are cut off that may "
                         "not be on the disk, exception -104%s",
                         f->taken.format, (unsigned long long) f->taken.id,
                         (unsigned long long) (before - mux->file.written),
                         mux->kept ? ", which is all; what there is of it "
                                     "is left in work/" : "");
    return NGX_OK;
}


/*
 * What the row says stays with the file, in case that the rows are lost.  Not
 * every file system can, and some not as much.
 */

static ngx_int_t
ngx_recording_finish_label(ngx_recording_finish_t *f)
{
    char                   path[NGX_RECORDING_FILE_PATH];
    ngx_int_t              rc;
    ngx_uint_t             work;
    const char            *name;
    ngx_recording_mux_t   *mux;

    mux = f->mux;
    f->step = ngx_recording_finish_place;

    if (f->label == NULL) {
        f->label = malloc(sizeof(ngx_recording_label_t));

        if (f->label == NULL) {
            return NGX_OK;
        }
    }

    f->label->file = &mux->file;

    rc = ngx_recording_finish_ask(f, ngx_recording_catalogue_label, f->label,
                                  0);
    if (rc != NGX_OK) {
        f->step = ngx_recording_finish_label;
        return rc;
    }

    ngx_recording_file_path(&mux->file, path);

    work = !mux->format->endless;
    name = work ? mux->work : path;

    if (f->label->text[0] == '\0'
        || ngx_recording_tree_label_thread(mux->store, work, name,
                                           f->label->text)
           != NGX_OK)
    {
        if (f->label->brief[0]) {
            (void) ngx_recording_tree_label_thread(mux->store, work, name,
                                                   f->label->brief);
        }
    }

    return NGX_OK;
}


/* puts the file of work/ where its row says */

static ngx_int_t
ngx_recording_finish_place(ngx_recording_finish_t *f)
{
    char                  path[NGX_RECORDING_FILE_PATH];
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = f->mux;
    f->step = ngx_recording_finish_row;

    if (mux->format->endless) {
        return NGX_OK;
    }

    /* a path that has the file's end in it is claimed when that is known */

    if (mux->claim.len == 0) {
        ngx_recording_mux_render(mux);
    }

    ngx_recording_file_path(&mux->file, path);

    rc = mux->placed ? NGX_OK
         : mux->file.path_len == 0 ? NGX_DECLINED
         : ngx_recording_store_place_thread(mux->store, mux->work, path);

    if (rc == NGX_ERROR && errno == ENOTDIR) {

        /* another recording's file stands where a directory should */

        ngx_recording_claim_by_id(&mux->claim, mux->file.id);
        rc = NGX_DECLINED;
    }

    if (rc == NGX_DECLINED) {

        /* or something that the catalogue does not know lies there */

        f->step = ngx_recording_finish_move;
        return NGX_OK;
    }

    f->step = ngx_recording_finish_place;

    if (rc != NGX_OK) {
        return ngx_recording_finish_failed(f, "put in place", errno, NULL);
    }

    mux->placed = 1;

    if (ngx_recording_store_sync_thread(mux->store, path) != NGX_OK) {
        return ngx_recording_finish_failed(f, "sync the directory of", errno,
                                           NULL);
    }

    f->step = ngx_recording_finish_row;

    return NGX_OK;
}


/* the journal has the path before the file lies there */

static ngx_int_t
ngx_recording_finish_move(ngx_recording_finish_t *f)
{
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = f->mux;

    if (f->claims == NGX_RECORDING_FINISH_CLAIMS) {
        f->claims = 0;
        return ngx_recording_finish_failed(f, "put in place", NGX_EEXIST,
                                           NULL);
    }

    if (!f->moved) {
        rc = ngx_recording_finish_ask(f, ngx_recording_catalogue_move,
                                      &mux->file, 0);
        if (rc != NGX_OK) {
            return rc;
        }

        f->moved = 1;
        f->claims++;
    }

    if (ngx_recording_journal_path_thread(mux) != NGX_OK) {
        return ngx_recording_finish_failed(f, mux->op, mux->err, NULL);
    }

    if (ngx_recording_journal_sync_thread(mux) != NGX_OK) {

        /* the file itself is durable by now: only this is written again */

        mux->tainted = 0;

        if (ngx_recording_journal_anew_thread(mux) != NGX_OK) {
            return ngx_recording_finish_failed(f, mux->op, mux->err, NULL);
        }
    }

    f->moved = 0;
    f->step = ngx_recording_finish_place;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_finish_row(ngx_recording_finish_t *f)
{
    char                   text[NGX_RECORDING_TEXT + 4];
    ngx_int_t              rc;
    ngx_recording_file_t  *file;

    file = &f->mux->file;
    file->state = NGX_RECORDING_FILE_FINISHED;

    rc = ngx_recording_finish_ask(f, ngx_recording_catalogue_update, file, 1);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_notice(&f->notices, NGX_LOG_NOTICE, 0,
                         "file finished: \"%s\", %lld ms, %llu bytes%s",
                         ngx_recording_text(text, file->path, file->path_len),
                         (long long) file->duration,
                         (unsigned long long) file->size,
                         file->recovered ? ", recovered" : "");

    ngx_recording_finish_close(f);
    f->step = ngx_recording_finish_clear;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_finish_state(ngx_recording_finish_t *f,
    ngx_recording_file_e state, ngx_uint_t owned, int64_t size)
{
    f->state.id = f->taken.id;
    f->state.state = state;
    f->state.owned = owned;
    f->state.size = size;

    return ngx_recording_finish_ask(f, ngx_recording_catalogue_file,
                                    &f->state,
                                    state == NGX_RECORDING_FILE_FINISHED);
}


/* NGX_BUSY: there is no answer yet; NGX_AGAIN: the catalogue failed */

static ngx_int_t
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

static ngx_int_t
ngx_recording_finish_failed(ngx_recording_finish_t *f, const char *op,
    ngx_err_t err, ngx_recording_catalogue_error_t *sql)
{
    if (!f->failed) {
        f->failed = 1;

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

    return sql == NULL && err == EINVAL ? NGX_ERROR : NGX_AGAIN;
}


static void
ngx_recording_finish_close(ngx_recording_finish_t *f)
{
    if (f->mux) {
        ngx_recording_mux_close_thread(f->mux);
        f->mux = NULL;
    }

    free(f->label);
    f->label = NULL;
}
