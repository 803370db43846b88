
/*
 * The journal as a file: opened for the moment, made durable, written anew,
 * and removed.
 */


#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"


static ngx_int_t ngx_recording_journal_all(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_journal_replace(ngx_recording_mux_t *mux,
    const char *temp);
static ngx_int_t ngx_recording_journal_absent(ngx_recording_store_t *store,
    const char *name);
static ngx_int_t ngx_recording_journal_each(ngx_recording_store_t *store,
    uint64_t id,
    ngx_int_t (*call)(ngx_recording_store_t *store, const char *name));


ngx_int_t
ngx_recording_journal_create_thread(ngx_recording_mux_t *mux)
{
    char       name[48];
    ngx_int_t  rc;

    ngx_recording_store_name(name, sizeof(name), mux->file.id,
                             NGX_RECORDING_JOURNAL_SUFFIX);

    mux->journal = ngx_recording_store_create_thread(mux->store, name);

    if (mux->journal == -1) {
        return ngx_recording_mux_error(mux, "create the journal of");
    }

    mux->journaled = 1;

    rc = ngx_recording_journal_head_thread(mux);

    ngx_recording_journal_close_thread(mux);

    return rc;
}


ngx_int_t
ngx_recording_journal_open_thread(ngx_recording_mux_t *mux)
{
    char  name[48];

    ngx_recording_store_name(name, sizeof(name), mux->file.id,
                             NGX_RECORDING_JOURNAL_SUFFIX);

    mux->journal = ngx_recording_store_reopen_thread(mux->store, name);

    if (mux->journal == -1) {

        /* the file itself is there: it is not as if there was none */

        return errno == NGX_ENOENT
               ? ngx_recording_mux_damaged(mux, "find the journal of")
               : ngx_recording_mux_error(mux, "open the journal of");
    }

    return NGX_OK;
}


void
ngx_recording_journal_close_thread(ngx_recording_mux_t *mux)
{
    ngx_recording_close(mux->journal);
    mux->journal = -1;
}


ngx_int_t
ngx_recording_journal_checkpoint_thread(ngx_recording_mux_t *mux,
    ngx_uint_t durable)
{
    int64_t    begin;
    ngx_int_t  rc;

    if (durable) {
        begin = ngx_recording_mono();

        if (ngx_recording_mux_wake_thread(mux) != NGX_OK) {
            return NGX_ERROR;
        }

        if (mux->format->sync) {
            if (mux->format->sync(mux) != NGX_OK) {
                return NGX_ERROR;
            }

        } else if (ngx_recording_fdatasync(mux->fd) == -1) {
            return ngx_recording_mux_taint(mux, "sync");
        }

        ngx_recording_board_time(&mux->store->board, NGX_RECORDING_BOARD_SYNC,
                                 ngx_recording_mono() - begin);
        ngx_recording_mux_mark(mux);

        if (!mux->format->endless) {
            mux->settled = mux->pos;
        }
    }

    /* the data before what tells how far it goes */

    if (ngx_recording_journal_open_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_journal_state_thread(mux);

    if (rc == NGX_OK && durable) {
        rc = ngx_recording_journal_sync_thread(mux);
    }

    ngx_recording_journal_close_thread(mux);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_journal_shrink_thread(mux);

    return NGX_OK;
}


ngx_int_t
ngx_recording_journal_sync_thread(ngx_recording_mux_t *mux)
{
    ngx_int_t   rc;
    ngx_uint_t  open;

    if (!mux->journal_changed) {
        return NGX_OK;
    }

    open = (mux->journal != -1);

    if (!open && ngx_recording_journal_open_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_fdatasync(mux->journal) == -1
         ? ngx_recording_mux_taint(mux, "sync the journal of") : NGX_OK;

    if (rc == NGX_OK) {
        mux->journal_changed = 0;
    }

    if (!open) {
        ngx_recording_journal_close_thread(mux);
    }

    return rc;
}


ngx_int_t
ngx_recording_journal_cut_thread(ngx_recording_mux_t *mux)
{
    ngx_int_t  rc;

    if (ngx_recording_journal_open_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_ftruncate(mux->journal, mux->journal_pos) == -1
         ? ngx_recording_mux_error(mux, "truncate the journal of") : NGX_OK;

    ngx_recording_journal_close_thread(mux);

    return rc;
}


ngx_int_t
ngx_recording_journal_anew_thread(ngx_recording_mux_t *mux)
{
    char        temp[48];
    off_t       pos;
    ngx_int_t   rc;
    ngx_uint_t  changed;

    ngx_recording_store_name(temp, sizeof(temp), mux->file.id,
                             NGX_RECORDING_JOURNAL_SUFFIX ".new");

    /* of one that was interrupted */

    (void) ngx_recording_store_remove_thread(mux->store, temp);

    pos = mux->journal_pos;
    changed = mux->journal_changed;

    /* as long as it is open all is written to this one */

    mux->journal = ngx_recording_store_create_thread(mux->store, temp);

    if (mux->journal == -1) {
        return ngx_recording_mux_error(mux, "create the journal of");
    }

    mux->journal_pos = 0;

    rc = ngx_recording_journal_all(mux);

    if (rc == NGX_OK) {
        rc = ngx_recording_journal_replace(mux, temp);
    }

    ngx_recording_journal_close_thread(mux);

    if (rc == NGX_OK) {
        mux->journal_changed = 0;

        return NGX_OK;
    }

    (void) ngx_recording_store_remove_thread(mux->store, temp);

    mux->journal_pos = pos;
    mux->journal_changed = changed;

    /* what the next state has must not rely on what is not there */

    mux->anew = 1;

    return NGX_ERROR;
}


static ngx_int_t
ngx_recording_journal_all(ngx_recording_mux_t *mux)
{
    if (ngx_recording_journal_head_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mux->file.path_len
        && ngx_recording_journal_path_thread(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_recording_journal_gaps_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    mux->anew = 1;

    return ngx_recording_journal_state_thread(mux);
}


/* what comes later goes to the new one: that is the one to be there */

static ngx_int_t
ngx_recording_journal_replace(ngx_recording_mux_t *mux, const char *temp)
{
    char  name[48];

    ngx_recording_store_name(name, sizeof(name), mux->file.id,
                             NGX_RECORDING_JOURNAL_SUFFIX);

    if (ngx_recording_fdatasync(mux->journal) == -1) {
        return ngx_recording_mux_error(mux, "sync the journal of");
    }

    if (ngx_recording_renameat(mux->store->work, temp, mux->store->work, name)
        == -1)
    {
        return ngx_recording_mux_error(mux, "rename the journal of");
    }

    /*
     * The old one has no name any more.  As long as the directory is not
     * synced a power cut may bring it back, without what comes later: that
     * costs what is written until the next one is made.
     */

    if (ngx_recording_fsync(mux->store->work) == -1) {
        mux->journal_limit = mux->journal_pos;
    }

    return NGX_OK;
}


void
ngx_recording_journal_shrink_thread(ngx_recording_mux_t *mux)
{
    off_t       limit;
    ngx_err_t   err;
    const char  *op;

    limit = mux->journal_limit ? mux->journal_limit
                               : NGX_RECORDING_JOURNAL_GROWN;

    if (mux->journal_pos < limit || mux->store->stopping) {
        return;
    }

    op = mux->op;
    err = mux->err;
    mux->journal_limit = 0;

    if (ngx_recording_journal_anew_thread(mux) != NGX_OK) {

        /* the old one is whole; a full disk may have room later */

        mux->op = op;
        mux->err = err;
        mux->journal_limit = mux->journal_pos + NGX_RECORDING_JOURNAL_GROWN;

    } else if (mux->journal_limit == 0) {
        mux->journal_limit = mux->journal_pos + NGX_RECORDING_JOURNAL_GROWN;
    }
}


ngx_int_t
ngx_recording_journal_clear_thread(ngx_recording_store_t *store, uint64_t id)
{
    return ngx_recording_journal_each(store, id,
                                      ngx_recording_store_remove_thread);
}


ngx_uint_t
ngx_recording_journal_left_thread(ngx_recording_store_t *store, uint64_t id)
{
    return ngx_recording_journal_each(store, id, ngx_recording_journal_absent)
           != NGX_OK;
}


static ngx_int_t
ngx_recording_journal_absent(ngx_recording_store_t *store, const char *name)
{
    return faccessat(store->work, name, F_OK, 0) == -1 && errno == NGX_ENOENT
           ? NGX_OK : NGX_DECLINED;
}


/* the names of all that a file of any format may have in work/, by its id */

static ngx_int_t
ngx_recording_journal_each(ngx_recording_store_t *store, uint64_t id,
    ngx_int_t (*call)(ngx_recording_store_t *store, const char *name))
{
    char                name[48];
    ngx_int_t           rc;
    ngx_uint_t          i, last;
    const char *const  *parts;

    static const char *const  own[] = {
        NGX_RECORDING_JOURNAL_SUFFIX ".new", NGX_RECORDING_JOURNAL_SUFFIX,
        NULL
    };

    /* the journal is the last of all */

    for (i = 0, last = 0; !last; i++) {
        last = (ngx_recording_formats[i] == NULL);
        parts = last ? own : ngx_recording_formats[i]->parts;

        for ( /* void */ ; *parts; parts++) {
            ngx_recording_store_name(name, sizeof(name), id, *parts);

            rc = call(store, name);

            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_journal_name(const char *name, uint64_t *id)
{
    char  *end;

    *id = strtoull(name, &end, 10);

    return end != name && strcmp(end, NGX_RECORDING_JOURNAL_SUFFIX) == 0
           ? NGX_OK : NGX_DECLINED;
}
