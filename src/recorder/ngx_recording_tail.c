
#include "ngx_recording_closed.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_tail.h"


static void ngx_recording_tail_end(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t n);
static void ngx_recording_tail_remove(ngx_recording_output_t *out,
    ngx_uint_t n);


ngx_uint_t
ngx_recording_tail_late(ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_uint_t  i, late;

    if (out->mux == NULL) {
        return 0;
    }

    late = cut->late;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        if (!out->mux->media[i].present) {
            late &= ~((ngx_uint_t) 1 << i);
        }
    }

    return late;
}


int64_t
ngx_recording_tail_limit(ngx_recording_cut_t *cut)
{
    /* audio that was held is for the new file */

    if (cut->track != NGX_RECORDING_VIDEO || cut->begin != cut->time) {
        return cut->begin;
    }

    return cut->time + ngx_min(ngx_max(cut->composition, 0),
                               NGX_RECORDING_LAG);
}


void
ngx_recording_tail_add_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t late, int64_t limit)
{
    ngx_recording_tail_t  *tail;

    if (out->ntails == NGX_RECORDING_TAILS) {
        ngx_recording_tail_end(o, out, 0);
    }

    tail = &out->tails[out->ntails++];

    tail->mux = out->mux;
    tail->limit = limit;
    tail->late = late;

    out->mux = NULL;
}


ngx_recording_mux_t *
ngx_recording_tail_of_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t track, int64_t time)
{
    ngx_uint_t             n, bit;
    ngx_recording_tail_t  *tail;

    bit = (ngx_uint_t) 1 << track;

    for (n = 0; n < out->ntails; /* void */ ) {
        tail = &out->tails[n];

        if (time < tail->limit && (tail->late & bit)) {
            return tail->mux;
        }

        if (time >= tail->limit) {
            tail->late &= ~bit;
        }

        if (tail->late == 0 || time - tail->limit > NGX_RECORDING_LAG) {
            ngx_recording_tail_end(o, out, n);
            continue;
        }

        n++;
    }

    return NULL;
}


void
ngx_recording_tail_flush_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out)
{
    ngx_uint_t            n;
    ngx_recording_mux_t  *mux;

    for (n = out->ntails; n > 0; n--) {
        mux = out->tails[n - 1].mux;

        if (ngx_recording_mux_flush_thread(mux) != NGX_OK) {
            ngx_recording_tail_failed_thread(o, out, mux);
        }
    }
}


void
ngx_recording_tail_sync_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t durable)
{
    ngx_uint_t            n;
    ngx_recording_mux_t  *mux;

    for (n = out->ntails; n > 0; n--) {
        mux = out->tails[n - 1].mux;

        if (ngx_recording_journal_checkpoint_thread(mux, durable) != NGX_OK) {
            ngx_recording_tail_failed_thread(o, out, mux);
        }
    }
}


void
ngx_recording_tail_close_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out)
{
    while (out->ntails) {
        ngx_recording_tail_end(o, out, 0);
    }
}


void
ngx_recording_tail_failed_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux)
{
    ngx_uint_t  n;

    for (n = 0; n < out->ntails; n++) {

        if (out->tails[n].mux == mux) {
            ngx_recording_tail_remove(out, n);
            break;
        }
    }

    ngx_recording_closed_broken_thread(o, out, mux);
}


static void
ngx_recording_tail_end(ngx_recording_outputs_t *o, ngx_recording_output_t *out,
    ngx_uint_t n)
{
    ngx_recording_mux_t  *mux;

    mux = out->tails[n].mux;

    ngx_recording_tail_remove(out, n);

    if (ngx_recording_mux_flush_thread(mux) != NGX_OK) {
        ngx_recording_closed_broken_thread(o, out, mux);
        return;
    }

    ngx_recording_closed_add(o, mux);
}


static void
ngx_recording_tail_remove(ngx_recording_output_t *out, ngx_uint_t n)
{
    out->ntails--;

    ngx_memmove(&out->tails[n], &out->tails[n + 1],
                (out->ntails - n) * sizeof(ngx_recording_tail_t));
}
