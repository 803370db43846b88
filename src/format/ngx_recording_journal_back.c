
/*
 * A file whose sync failed goes back to where it was durable, or is given up,
 * and its journal is written anew: it may have lost as much.
 */


#include "ngx_recording_journal.h"


static uint64_t ngx_recording_journal_lost(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_journal_lose_thread(ngx_recording_mux_t *mux,
    ngx_uint_t keep);


ngx_int_t
ngx_recording_journal_back_thread(ngx_recording_mux_t *mux, ngx_uint_t keep)
{
    int64_t                   first, before;
    ngx_uint_t                i;
    ngx_recording_durable_t  *d;

    d = &mux->durable;

    if (d->written == 0 && !mux->format->endless) {
        return ngx_recording_journal_lose_thread(mux, keep);
    }

    if (ngx_recording_mux_wake_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    mux->pos = d->pos;
    mux->wall = d->wall;
    mux->file.written = d->written;
    mux->file.ngaps = d->ngaps;
    mux->file.more = d->more;
    mux->file.more_length = d->more_length;

    ngx_memcpy(mux->samples, d->samples, sizeof(mux->samples));
    ngx_memcpy(mux->last, d->times.last, sizeof(mux->last));
    ngx_memcpy(mux->step, d->times.step, sizeof(mux->step));

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        /* where a file begins does not change */

        first = mux->shown[i].first;
        before = mux->shown[i].before;

        mux->shown[i] = d->times.shown[i];
        mux->shown[i].first = first;
        mux->shown[i].before = before;
    }

    if (mux->format->back(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!mux->format->endless) {
        ngx_recording_mux_unsettle(mux, mux->pos);
    }

    mux->file.dropped[NGX_RECORDING_DROP_DISK]
        += ngx_recording_journal_lost(mux);

    mux->tainted = 0;
    mux->whole = 0;

    ngx_recording_mux_mark(mux);

    /*
     * Its journal may have holes as well.  If there can be no other now, the
     * file's size tells where it ends.
     */

    if (ngx_recording_journal_anew_thread(mux) != NGX_OK) {
        (void) ngx_recording_journal_state_thread(mux);
    }

    return NGX_OK;
}


/* frames that came and are neither in the file nor counted as dropped */

static uint64_t
ngx_recording_journal_lost(ngx_recording_mux_t *mux)
{
    uint64_t    n;
    ngx_uint_t  i;

    n = mux->file.written;

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        n += mux->file.dropped[i];
    }

    return mux->file.in > n ? mux->file.in - n : 0;
}


/*
 * There is no part of it that is known to be on the disk.  It is not taken
 * for a recording, but may still be one: what is kept stays in work/, where
 * without a journal of that name nobody clears it away.
 */

static ngx_int_t
ngx_recording_journal_lose_thread(ngx_recording_mux_t *mux, ngx_uint_t keep)
{
    char  from[48], to[48];

    ngx_recording_store_name(from, sizeof(from), mux->file.id,
                             NGX_RECORDING_JOURNAL_SUFFIX);
    ngx_recording_store_name(to, sizeof(to), mux->file.id,
                             NGX_RECORDING_JOURNAL_ASIDE);

    if (keep
        && ngx_recording_renameat(mux->store->work, from, mux->store->work,
                                  to)
           == -1
        && errno != NGX_ENOENT)
    {
        return ngx_recording_mux_error(mux, "put aside the journal of");
    }

    /* since when, as it may have been written long ago */

    if (keep) {
        (void) utimensat(mux->store->work, to, NULL, 0);
    }

    mux->pos = 0;
    mux->beside = 0;
    mux->settled = 0;
    mux->file.written = 0;
    mux->file.ngaps = 0;
    mux->file.more = 0;
    mux->file.more_length = 0;

    ngx_recording_mux_untime(mux);

    mux->file.dropped[NGX_RECORDING_DROP_DISK]
        += ngx_recording_journal_lost(mux);

    mux->tainted = 0;
    mux->kept = keep;

    return NGX_OK;
}
