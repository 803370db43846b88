
/*
 * What of a growing file is on the disk for sure; what becomes of it when a
 * sync fails is in ngx_recording_journal_back.c.
 *
 * Linux tells of a page that could not be written once, and drops it: the
 * next sync succeeds.  So a file whose sync failed is tainted: it ends where
 * the last one that succeeded left it, and its recording goes on in another.
 */


#include "ngx_recording_mux.h"


ngx_int_t
ngx_recording_mux_taint(ngx_recording_mux_t *mux, const char *op)
{
    mux->tainted = 1;

    return ngx_recording_mux_error(mux, op);
}


void
ngx_recording_mux_mark(ngx_recording_mux_t *mux)
{
    ngx_recording_durable_t  *d;

    d = &mux->durable;

    d->pos = mux->pos;
    d->wall = mux->wall;
    d->written = mux->file.written;
    d->ngaps = mux->file.ngaps;
    d->more = mux->file.more;
    d->more_length = mux->file.more_length;

    ngx_memcpy(d->samples, mux->samples, sizeof(mux->samples));
    ngx_memcpy(d->times.last, mux->last, sizeof(mux->last));
    ngx_memcpy(d->times.step, mux->step, sizeof(mux->step));
    ngx_memcpy(d->times.shown, mux->shown, sizeof(mux->shown));

    if (mux->format->mark) {
        mux->format->mark(mux);
    }
}


ngx_int_t
ngx_recording_mux_cut_thread(ngx_recording_mux_t *mux, int fd, off_t size)
{
    if (ngx_recording_ftruncate(fd, size) == -1) {
        return ngx_recording_mux_error(mux, "truncate");
    }

    /* the last page was written again since it was synced */

    if (size && ngx_recording_io_again_thread(fd, size - 1, size) != NGX_OK) {
        return ngx_recording_mux_error(mux, "write the end of");
    }

    return NGX_OK;
}
