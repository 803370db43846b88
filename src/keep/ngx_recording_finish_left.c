
/* files that another worker has left */


#include "ngx_recording_aside.h"
#include "ngx_recording_finish_step.h"
#include "ngx_recording_tree.h"


static ngx_int_t ngx_recording_finish_absent(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_mended(ngx_recording_finish_t *f);
static void ngx_recording_finish_mend(ngx_recording_finish_t *f, off_t size);
static ngx_int_t ngx_recording_finish_pause(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_unknown(ngx_recording_finish_t *f);


/* opens a file that another worker has left */

ngx_int_t
ngx_recording_finish_open(ngx_recording_finish_t *f)
{
    int64_t               now;
    ngx_int_t             rc;
    ngx_uint_t            damaged;
    ngx_recording_mux_t  *mux;

    mux = ngx_recording_journal_reopen_thread(&f->worker->store, f->taken.id,
                                          f->taken.recovered);

    if (mux == NULL) {

        if (errno == ENOENT || errno == ENODATA) {
            f->clear = (errno == ENODATA);
            f->step = ngx_recording_finish_unknown;
            return NGX_OK;
        }

        damaged = (errno == 0);
        rc = ngx_recording_finish_failed(f, damaged ? "read the damaged "
                                                      "journal of"
                                                    : "read the journal of",
                                         errno, NULL);

        return damaged ? NGX_ERROR : rc;
    }

    if (mux->edit == NGX_RECORDING_MUX_EDITING) {

        /* who makes it of other files begins anew: it leaves no trace */

        mux->file.in = 0;
        mux->file.written = 0;
        ngx_memzero(mux->file.dropped, sizeof(mux->file.dropped));

        f->mux = mux;
        f->step = ngx_recording_finish_lost;

        return NGX_OK;
    }

    if (mux->err && mux->err != ENOENT) {
        rc = ngx_recording_finish_error(f, mux);
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
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = f->mux;
    size = -1;
    errno = NGX_ENOENT;

    ngx_recording_file_path(&mux->file, f->path);

    if (!mux->format->endless && mux->file.path_len) {
        size = ngx_recording_store_size_thread(mux->store, f->path);
    }

    if (size == -1) {

        /* what cannot be looked at is not lost */

        if (errno != NGX_ENOENT && errno != NGX_ENOTDIR) {
            return ngx_recording_finish_failed(f, "stat", errno, NULL);
        }

        /* of a playlist the journal tells whether it had anything */

        f->gone = !mux->format->endless;
        f->step = ngx_recording_finish_lost;
        return NGX_OK;
    }

    rc = ngx_recording_finish_sync(f);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_finish_mend(f, size);
    f->step = ngx_recording_finish_mended;

    return NGX_OK;
}


/* from now on it may be evicted, or moved: it is not looked for again */

static ngx_int_t
ngx_recording_finish_mended(ngx_recording_finish_t *f)
{
    char  what[48];

    (void) snprintf(what, sizeof(what), "%lld bytes, recovered",
                    (long long) f->mux->file.size);

    return ngx_recording_finish_over(f, ngx_recording_catalogue_mend,
                                     &f->mend, what);
}


/* what its row will have: what is attached to it, or what is known of it */

static void
ngx_recording_finish_mend(ngx_recording_finish_t *f, off_t size)
{
    int                    fd;
    ngx_recording_file_t  *file;

    file = &f->mux->file;

    ngx_recording_mux_measure(f->mux);

    file->size = size;
    file->state = NGX_RECORDING_FILE_FINISHED;
    file->finished = ngx_recording_wall();

    f->mend.file = file;

    f->label = calloc(1, sizeof(ngx_recording_label_t));
    fd = ngx_recording_openat(f->mux->store->files, f->path,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW, 0);

    if (f->label && fd != -1
        && ngx_recording_tree_read_thread(fd, f->label->text) == NGX_OK)
    {
        f->mend.label = f->label->text;
    }

    if (fd != -1) {
        ngx_recording_close(fd);
    }
}


/*
 * Its writer died, but its stream may be back.  What it wrote last becomes
 * durable together with what others did, and the journal tells so then: many
 * wait here, with their streams.
 */

static ngx_int_t
ngx_recording_finish_pause(ngx_recording_finish_t *f)
{
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = f->mux;

    if (mux->file.state != NGX_RECORDING_FILE_PAUSED) {

        rc = ngx_recording_flush_ask_thread(&f->flush, NULL);

        if (rc == NGX_BUSY) {
            return NGX_BUSY;
        }

        /* if all is not well, it may still be with this one */

        if (ngx_recording_journal_checkpoint_thread(mux, rc != NGX_OK)
            != NGX_OK)
        {
            if (mux->tainted) {
                f->step = ngx_recording_finish_begin;
            }

            return ngx_recording_finish_error(f, mux);
        }

        ngx_recording_mux_measure(mux);
        mux->file.state = NGX_RECORDING_FILE_PAUSED;
    }

    f->left.file = &mux->file;
    f->left.owner = mux->owner;

    rc = ngx_recording_finish_ask(f, ngx_recording_catalogue_disown, &f->left,
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


/*
 * There is no journal: an earlier version wrote the file, and somebody may
 * want what there is of it, or its worker was killed between row and journal.
 * Or it is empty: a power cut came before anything of the file was durable.
 */

static ngx_int_t
ngx_recording_finish_unknown(ngx_recording_finish_t *f)
{
    ngx_int_t    rc;
    ngx_uint_t   left;
    const char  *why;

    left = !f->clear && ngx_recording_journal_left_thread(&f->worker->store,
                                                          f->taken.id);

    rc = ngx_recording_finish_state(f, NGX_RECORDING_FILE_LOST, 0,
                 left ? ngx_recording_aside_bytes_thread(&f->worker->store,
                                                         f->taken.id, 1)
                      : 0);
    if (rc != NGX_OK) {
        return rc;
    }

    if (f->clear) {
        why = "is lost, the system stopped before anything of it was durable";

    } else if (left) {
        why = "has no journal, what there is of it is left in work/";

    } else {
        why = "is lost, its worker ended before anything of it was written";
    }

    ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0, "%s file \"%llu\" %s",
                         f->taken.format, (unsigned long long) f->taken.id,
                         why);

    if (f->clear) {
        f->step = ngx_recording_finish_clear;
        return NGX_OK;
    }

    return NGX_DONE;
}
