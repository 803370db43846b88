
/* a file becomes whole, and appears */


#include "ngx_recording_aside.h"
#include "ngx_recording_finish_step.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_label.h"
#include "ngx_recording_text.h"


#define NGX_RECORDING_FINISH_CLAIMS  20


static ngx_int_t ngx_recording_finish_whole(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_cut(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_label(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_place(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_move(ngx_recording_finish_t *f);
static ngx_int_t ngx_recording_finish_row(ngx_recording_finish_t *f);


ngx_int_t
ngx_recording_finish_begin(ngx_recording_finish_t *f)
{
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = f->mux;

    /* one that could not even be opened has nothing to be cut */

    if (mux->tainted && mux->file.written
        && ngx_recording_finish_cut(f) != NGX_OK)
    {
        return ngx_recording_finish_error(f, mux);
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

        if (mux->err == NGX_EINTR) {
            return NGX_AGAIN;
        }

        rc = ngx_recording_finish_error(f, mux);

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

    if (ngx_recording_journal_back_thread(mux, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    mux->file.state = NGX_RECORDING_FILE_RECORDING;

    ngx_recording_notice_exception(&f->notices,
        NGX_RECORDING_EXCEPTION_LOST, 0,
        "%s file \"%llu\": %llu frames are cut off that may not be on the "
        "disk%s", f->taken.format, (unsigned long long) f->taken.id,
        (unsigned long long) (before - mux->file.written),
        mux->kept ? ", which is all; what there is of it is left in work/"
                  : "");
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

    ngx_recording_label_thread(mux->store, f->label, work, name);

    return NGX_OK;
}


/* puts the file of work/ where its row says */

static ngx_int_t
ngx_recording_finish_place(ngx_recording_finish_t *f)
{
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

    ngx_recording_file_path(&mux->file, f->path);

    rc = mux->placed ? NGX_OK
         : mux->file.path_len == 0 ? NGX_DECLINED
         : ngx_recording_store_place_thread(mux->store, mux->work, f->path,
                                            &f->flush.made);

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

    rc = ngx_recording_finish_sync(f);

    if (rc == NGX_OK) {
        f->step = ngx_recording_finish_row;
    }

    return rc;
}


/* NGX_BUSY: it is done together with others, and not yet */

ngx_int_t
ngx_recording_finish_sync(ngx_recording_finish_t *f)
{
    ngx_int_t  rc;

    rc = ngx_recording_flush_ask_thread(&f->flush, f->path);

    return rc == NGX_ERROR
           ? ngx_recording_finish_failed(f, "sync the directory of", errno,
                                         NULL)
           : rc;
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
        return ngx_recording_finish_error(f, mux);
    }

    if (ngx_recording_journal_sync_thread(mux) != NGX_OK) {

        /* the file itself is durable by now: only this is written again */

        mux->tainted = 0;

        if (ngx_recording_journal_anew_thread(mux) != NGX_OK) {
            return ngx_recording_finish_error(f, mux);
        }
    }

    f->moved = 0;
    f->step = ngx_recording_finish_place;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_finish_row(ngx_recording_finish_t *f)
{
    char                   what[96];
    ngx_recording_file_t  *file;

    file = &f->mux->file;
    file->state = NGX_RECORDING_FILE_FINISHED;

    (void) snprintf(what, sizeof(what), "%lld ms, %llu bytes%s",
                    (long long) file->duration,
                    (unsigned long long) file->size,
                    file->recovered ? ", recovered" : "");

    return ngx_recording_finish_over(f, ngx_recording_catalogue_update, file,
                                     what);
}


ngx_int_t
ngx_recording_finish_over(ngx_recording_finish_t *f,
    ngx_recording_catalogue_pt run, void *arg, const char *what)
{
    char                   text[NGX_RECORDING_TEXT + 4];
    ngx_int_t              rc;
    ngx_recording_file_t  *file;

    file = &f->mux->file;

    rc = ngx_recording_finish_ask(f, run, arg, 1);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_notice(&f->notices, NGX_LOG_NOTICE, 0,
                         "file finished: \"%s\", %s",
                         ngx_recording_text(text, file->path, file->path_len),
                         what);

    ngx_recording_finish_close(f);
    f->step = ngx_recording_finish_clear;

    return NGX_OK;
}


/* nothing of it can be kept; what it has in files/ is an empty playlist */

ngx_int_t
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

        /* what was written is not there any more */

        mux->file.dropped[NGX_RECORDING_DROP_DISK] += mux->file.written;
        mux->file.written = 0;
        mux->file.size = mux->kept
                         ? ngx_recording_aside_bytes_thread(mux->store,
                                                            f->taken.id, 0)
                         : 0;
        mux->file.duration = 0;
    }

    if (mux->format->endless && mux->file.path_len) {
        ngx_recording_file_path(&mux->file, path);

        if (ngx_recording_formats_discard_thread(mux->store, path,
                                      mux->edit != NGX_RECORDING_MUX_EDITING,
                                      INT64_MAX)
            == NGX_AGAIN)
        {
            return NGX_AGAIN;
        }
    }

    /* one that was opened, and nothing came, leaves no trace */

    came = mux->file.in - mux->file.dropped[NGX_RECORDING_DROP_TRACK];

    rc = ngx_recording_finish_ask(f, came || f->gone
                                     ? ngx_recording_catalogue_update
                                     : ngx_recording_catalogue_remove,
                                  &mux->file, 0);
    if (rc != NGX_OK) {
        return rc;
    }

    if (f->gone) {
        ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                             "%s file \"%llu\" is lost, what it had in "
                             "work/ is gone", f->taken.format,
                             (unsigned long long) f->taken.id);

    } else if (came) {
        ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                             "nothing of %s file \"%llu\" could be kept, "
                             "%llu frames are missing", f->taken.format,
                             (unsigned long long) f->taken.id,
                             (unsigned long long) came);
    }

    kept = mux->kept;

    ngx_recording_finish_close(f);
    f->step = ngx_recording_finish_clear;

    return kept ? NGX_DONE : NGX_OK;
}


/* what it has in work/; its row tells the whole story by now */

ngx_int_t
ngx_recording_finish_clear(ngx_recording_finish_t *f)
{
    if (ngx_recording_journal_clear_thread(&f->worker->store, f->taken.id)
        == NGX_OK)
    {
        return NGX_DONE;
    }

    if (ngx_recording_once(f->failed, 1)) {
        ngx_recording_notice(&f->notices, NGX_LOG_ERR, errno,
                             "remove what %s file \"%llu\" had in work/ "
                             "failed, it is tried again", f->taken.format,
                             (unsigned long long) f->taken.id);
    }

    return NGX_AGAIN;
}
