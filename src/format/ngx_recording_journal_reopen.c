
/* a file that was left is opened again, by what its journal tells */


#include "ngx_recording_journal.h"
#include "ngx_recording_trial.h"


static void ngx_recording_journal_leave_thread(ngx_recording_mux_t *mux);
static void ngx_recording_journal_reopened_thread(ngx_recording_mux_t *mux);


ngx_recording_mux_t *
ngx_recording_journal_reopen_thread(ngx_recording_store_t *store,
    uint64_t id, ngx_uint_t killed)
{
    ngx_uint_t            i;
    ngx_recording_mux_t  *mux;

    mux = ngx_recording_journal_read_thread(store, id);

    if (mux == NULL) {
        return NULL;
    }

    mux->killed = killed;

    ngx_recording_journal_leave_thread(mux);

    if (ngx_recording_journal_cut_thread(mux) == NGX_OK) {
        ngx_recording_journal_reopened_thread(mux);
    }

    ngx_recording_mux_keep(mux);

    mux->file.in = mux->file.written;

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        mux->file.in += mux->file.dropped[i];
    }

    ngx_recording_mux_known(mux);

    /* of one that a dead worker left the row has no size */

    if (mux->err == 0) {
        ngx_recording_growth_set(store, &mux->growth, id,
                                 (int64_t) ngx_recording_mux_size(mux));
    }

    return mux;
}


/*
 * What the journal tells was durable.  If that is not there, all is read from
 * the disk, after a power cut; of a playlist what is read back is synced.
 */

static void
ngx_recording_journal_reopened_thread(ngx_recording_mux_t *mux)
{
    ngx_recording_mux_mark(mux);

    if (mux->format->reopen(mux) != NGX_OK) {
        return;
    }

    if (!mux->format->endless) {
        ngx_recording_mux_unsettle(mux, mux->pos);
    }

    if (mux->format->endless || mux->file.written < mux->durable.written) {
        ngx_recording_mux_keep(mux);
        ngx_recording_mux_mark(mux);
    }
}


/* a track that its muxer would refuse: the file is made of the other one */

static void
ngx_recording_journal_leave_thread(ngx_recording_mux_t *mux)
{
    ngx_uint_t              i;
    ngx_recording_media_t  *m;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        m = &mux->media[i];

        if (!m->present) {
            continue;
        }

        ngx_recording_trial_thread(mux->format, m, i);

        if (m->refused && mux->media[1 - i].present) {
            m->present = 0;
        }
    }
}
