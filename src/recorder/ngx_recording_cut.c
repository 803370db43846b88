
#include "ngx_recording_cut.h"
#include "ngx_recording_interval.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_output.h"
#include "ngx_recording_refuse.h"
#include "ngx_recording_tail.h"


static ngx_int_t ngx_recording_cut_rows_thread(ngx_recording_outputs_t *o,
    ngx_recording_cut_t *cut);
static ngx_int_t ngx_recording_cut_take_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);
static ngx_recording_turn_e ngx_recording_cut_turn(
    ngx_recording_outputs_t *o, ngx_recording_output_t *out,
    ngx_recording_cut_t *cut);
static ngx_uint_t ngx_recording_cut_has(ngx_recording_output_t *out,
    ngx_recording_cut_t *cut);
static ngx_uint_t ngx_recording_cut_closes(ngx_recording_output_t *out,
    ngx_recording_cut_t *cut);
static void ngx_recording_cut_break(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);


/* the rows of all files first: without them nothing is closed */

ngx_int_t
ngx_recording_cut_thread(ngx_recording_outputs_t *o,
    ngx_recording_cut_t *cut)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    if (!o->turned) {
        for (i = 0; i < o->template->nformats; i++) {
            out = &o->output[i];
            out->turn = ngx_recording_cut_turn(o, out, cut);
        }

        o->turned = 1;
    }

    rc = ngx_recording_cut_rows_thread(o, cut);

    for (i = 0; rc == NGX_OK && i < o->template->nformats; i++) {
        rc = ngx_recording_cut_take_thread(o, &o->output[i], cut);
    }

    o->turned = (rc == NGX_AGAIN);

    return rc;
}


/* all are asked for together */

static ngx_int_t
ngx_recording_cut_rows_thread(ngx_recording_outputs_t *o,
    ngx_recording_cut_t *cut)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    rc = NGX_OK;

    for (i = 0; i < o->template->nformats; i++) {
        out = &o->output[i];

        if (out->turn == NGX_RECORDING_TURN_OPEN
            && ngx_recording_cut_create(o, out, cut) == NGX_AGAIN)
        {
            rc = NGX_AGAIN;
        }
    }

    return rc;
}


/* its turn, once; NGX_AGAIN: it is to go on */

static ngx_int_t
ngx_recording_cut_take_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_uint_t  late;

    if (out->turn == NGX_RECORDING_TURN_BREAK) {

        /* what failed while rows were awaited begins anew at a later frame */

        if (out->mux) {
            ngx_recording_cut_break(o, out, cut);
        }

    } else if (out->turn == NGX_RECORDING_TURN_OPEN) {
        late = ngx_recording_tail_late(out, cut);

        if (late) {
            ngx_recording_tail_add_thread(o, out, late,
                                          ngx_recording_tail_limit(cut));

        } else {
            if (out->next) {
                ngx_recording_mux_spare_thread(out->next);
            }

            ngx_recording_output_close_thread(o, out);
        }

        if (ngx_recording_cut_open(o, out, cut) == NGX_AGAIN) {
            return NGX_AGAIN;
        }
    }

    out->turn = NGX_RECORDING_TURN_KEEP;

    return NGX_OK;
}


static ngx_recording_turn_e
ngx_recording_cut_turn(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_uint_t  over;

    if (out->mux == NULL) {
        return cut->now < out->retry
               && !(cut->all && out->retry == NGX_RECORDING_RETRY_NEVER)
               ? NGX_RECORDING_TURN_KEEP : NGX_RECORDING_TURN_OPEN;
    }

    over = ngx_recording_interval_over(o, out, out->mux,
                                       cut->now - out->mux->cut, cut->wall)
           || cut->ordered;

    if (!over
        && (!cut->all || ngx_recording_cut_has(out, cut)
            || ngx_recording_cut_closes(out, cut)))
    {
        return NGX_RECORDING_TURN_KEEP;
    }

    return out->conf->format->endless && !over
           && ngx_recording_mux_any(out->conf->format, cut->media)
           ? NGX_RECORDING_TURN_BREAK : NGX_RECORDING_TURN_OPEN;
}


/* whether a track that comes late is in the file: only others were cut */

static ngx_uint_t
ngx_recording_cut_has(ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    return cut->reason == NGX_RECORDING_CUT_TRACK
           && ngx_recording_mux_same(out->mux, cut->media);
}


/* whether a jump is a gap that this output closes, and nothing else is */

static ngx_uint_t
ngx_recording_cut_closes(ngx_recording_output_t *out,
    ngx_recording_cut_t *cut)
{
    return cut->jump && cut->jump <= out->conf->resume
           && !out->conf->format->endless
           && ngx_recording_mux_same(out->mux, cut->media);
}


/* a format that is never cut goes on after a discontinuity */

static void
ngx_recording_cut_break(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_uint_t              i, changed, takes;
    ngx_recording_media_t  *media;

    ngx_recording_refuse_say_thread(o, out, cut->media);

    changed = (cut->changed != 0);

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        media = &cut->media[i];

        takes = media->present
                && ngx_recording_mux_takes(out->conf->format, media);

        changed |= (takes != out->mux->media[i].present);
    }

    out->mux->key = cut->time - out->mux->begin;

    if (out->mux->format->change(out->mux, changed ? cut->media : NULL)
        != NGX_OK
        || (changed
            && ngx_recording_journal_media_thread(out->mux) != NGX_OK))
    {
        ngx_recording_output_failed_thread(o, out);
    }
}
