
#include "ngx_recording_closed.h"
#include "ngx_recording_journal.h"


static void ngx_recording_closed_undo(ngx_recording_output_t *out,
    ngx_recording_mux_t *mux);


void
ngx_recording_closed_add(ngx_recording_outputs_t *o, ngx_recording_mux_t *mux)
{
    ngx_recording_mux_rest_thread(mux);

    ngx_queue_insert_tail(o->closed, &mux->queue);
    o->unfinished++;
}


void
ngx_recording_closed_broken_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux)
{
    if (ngx_recording_once(out->failed, 1)) {
        ngx_recording_notice_format(o->notices,
            NGX_RECORDING_EXCEPTION_LOST, mux->format->name, mux->err,
            "%s: %s \"%s\" failed, frames are dropped", mux->format->name,
            mux->op ? mux->op : "record", mux->work);
    }

    mux->file.dropped[NGX_RECORDING_DROP_DISK] += mux->pending;
    ngx_recording_mux_undo(mux);

    if (mux->tainted && mux->file.written) {

        /* if it fails, too, finishing the file does it */

        (void) ngx_recording_journal_back_thread(mux, 0);
    }

    ngx_recording_mux_show(mux);

    if (mux->file.written == 0) {
        ngx_recording_closed_undo(out, mux);
    }

    ngx_recording_closed_add(o, mux);
}


/*
 * Nothing was written: no trace will be left of the file, and what it stands
 * for, which was shown, is counted in the next one.
 */

static void
ngx_recording_closed_undo(ngx_recording_output_t *out,
    ngx_recording_mux_t *mux)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        out->dropped[i] += mux->file.dropped[i];
        out->counted[i] += mux->file.dropped[i];
    }

    ngx_memzero(mux->file.dropped, sizeof(mux->file.dropped));
    mux->file.in = 0;
}
