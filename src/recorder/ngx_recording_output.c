
#include "ngx_recording_interval.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_output.h"
#include "ngx_recording_refuse.h"
#include "ngx_recording_tail.h"
#include "ngx_recording_tell.h"
#include "ngx_recording_track.h"
#include <sys/random.h>


#define NGX_RECORDING_OUTPUT_RETRY   1000     /* ms */


static ngx_int_t ngx_recording_output_rows_thread(ngx_recording_writer_t *w,
    ngx_recording_cut_t *cut);
static ngx_int_t ngx_recording_output_take_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);
static ngx_recording_turn_e ngx_recording_output_turn(
    ngx_recording_writer_t *w, ngx_recording_output_t *out,
    ngx_recording_cut_t *cut);
static void ngx_recording_output_break(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);
static ngx_uint_t ngx_recording_output_has(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);
static ngx_uint_t ngx_recording_output_closes(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, int64_t jump);
static void ngx_recording_output_count(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_uint_t track,
    ngx_recording_drop_e reason, uint64_t n);
static void ngx_recording_output_undo(ngx_recording_output_t *out,
    ngx_recording_mux_t *mux);


/* the rows of all files first: without them nothing is closed */

ngx_int_t
ngx_recording_output_cut_thread(ngx_recording_writer_t *w,
    ngx_recording_cut_t *cut)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    if (!w->turned) {
        ngx_recording_refuse_ask_thread(w);

        for (i = 0; i < w->template->nformats; i++) {
            out = &w->outputs[i];
            out->turn = ngx_recording_output_turn(w, out, cut);
        }

        w->turned = 1;
    }

    rc = ngx_recording_output_rows_thread(w, cut);

    for (i = 0; rc == NGX_OK && i < w->template->nformats; i++) {
        rc = ngx_recording_output_take_thread(w, &w->outputs[i], cut);
    }

    w->turned = (rc == NGX_AGAIN);

    return rc;
}


/* all are asked for together */

static ngx_int_t
ngx_recording_output_rows_thread(ngx_recording_writer_t *w,
    ngx_recording_cut_t *cut)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    rc = NGX_OK;

    for (i = 0; i < w->template->nformats; i++) {
        out = &w->outputs[i];

        if (out->turn == NGX_RECORDING_TURN_OPEN
            && ngx_recording_output_create(w, out, cut) == NGX_AGAIN)
        {
            rc = NGX_AGAIN;
        }
    }

    return rc;
}


/* its turn, once; NGX_AGAIN: it is to go on */

static ngx_int_t
ngx_recording_output_take_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_uint_t  late;

    if (out->turn == NGX_RECORDING_TURN_BREAK) {
        ngx_recording_output_break(w, out, cut);

    } else if (out->turn == NGX_RECORDING_TURN_OPEN) {
        late = ngx_recording_tail_late(w, out, cut);

        if (late) {
            ngx_recording_tail_add_thread(w, out, late,
                                          ngx_recording_tail_limit(cut));

        } else {
            ngx_recording_output_close_thread(w, out);
        }

        if (ngx_recording_output_open(w, out, cut) == NGX_AGAIN) {
            return NGX_AGAIN;
        }
    }

    out->turn = NGX_RECORDING_TURN_KEEP;

    return NGX_OK;
}


static ngx_recording_turn_e
ngx_recording_output_turn(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_uint_t             over;
    ngx_recording_media_t  media[NGX_RECORDING_TRACKS];

    if (out->mux == NULL) {
        return cut->now < out->retry
               && !(cut->all && out->retry == INT64_MAX)
               ? NGX_RECORDING_TURN_KEEP : NGX_RECORDING_TURN_OPEN;
    }

    over = ngx_recording_interval_over(w, out, out->mux,
                                     cut->now - out->mux->cut, cut->wall);

    if (!over
        && (!cut->all || ngx_recording_output_has(w, out)
            || ngx_recording_output_closes(w, out, cut->jump)))
    {
        return NGX_RECORDING_TURN_KEEP;
    }

    ngx_recording_refuse_tracks(w, media);

    return out->conf->format->endless && !over
           && ngx_recording_mux_any(out->conf->format, media)
           ? NGX_RECORDING_TURN_BREAK : NGX_RECORDING_TURN_OPEN;
}


/* whether a track that comes late is in the file: only others were cut */

static ngx_uint_t
ngx_recording_output_has(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    ngx_recording_media_t  media[NGX_RECORDING_TRACKS];

    if (w->cut != NGX_RECORDING_CUT_TRACK) {
        return 0;
    }

    ngx_recording_refuse_tracks(w, media);

    return ngx_recording_mux_same(out->mux, media);
}


/* whether a jump is a gap that this output closes, and nothing else is */

static ngx_uint_t
ngx_recording_output_closes(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, int64_t jump)
{
    ngx_recording_media_t  media[NGX_RECORDING_TRACKS];

    if (jump == 0 || jump > out->conf->resume || out->conf->format->endless) {
        return 0;
    }

    ngx_recording_refuse_tracks(w, media);

    return ngx_recording_mux_same(out->mux, media);
}


/* a format that is never cut goes on after a discontinuity */

static void
ngx_recording_output_break(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_uint_t              i, changed, takes;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS];

    changed = 0;
    ngx_recording_refuse_say_thread(w, out);

    ngx_recording_refuse_tracks(w, media);

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        takes = media[i].present
                && ngx_recording_mux_takes(out->conf->format, &media[i]);

        if (w->tracks[i].changed || takes != out->mux->media[i].present)
        {
            changed = 1;
        }
    }

    out->mux->key = cut->time - out->mux->begin;

    if (out->mux->format->change(out->mux, changed ? media : NULL) != NGX_OK
        || (changed
            && ngx_recording_journal_media_thread(out->mux) != NGX_OK))
    {
        ngx_recording_output_failed_thread(w, out);
    }
}


void
ngx_recording_output_sample_thread(ngx_recording_writer_t *w,
    ngx_recording_sample_t *sample)
{
    uint64_t                 broken;
    ngx_uint_t               i, left, joined;
    ngx_recording_mux_t     *mux, *tail;
    ngx_recording_sample_t   s;
    ngx_recording_output_t  *out;

    for (i = 0; i < w->template->nformats; i++) {
        out = &w->outputs[i];

        if (sample->part && out->conf->format->muxer) {

            /* it is counted with its picture */

            continue;
        }

        joined = out->conf->format->muxer ? sample->joined : 0;

        tail = ngx_recording_tail_of_thread(w, out, sample->track,
                                            sample->dts);
        mux = tail ? tail : out->mux;

        left = (sample->media == NULL && out->conf->format->muxer)
               || ngx_recording_refuse_large(w, out, sample);

        if (mux == NULL) {
            ngx_recording_output_count(w, out, sample->track,
                                       left ? NGX_RECORDING_DROP_BROKEN
                                            : NGX_RECORDING_DROP_DISK,
                                       1 + joined);
            continue;
        }

        if (!mux->media[sample->track].present) {
            ngx_recording_refuse_count(w, mux, sample->track,
                                       NGX_RECORDING_DROP_TRACK, 1 + joined);
            continue;
        }

        mux->file.in += 1 + joined;

        if (left) {
            mux->file.dropped[NGX_RECORDING_DROP_BROKEN] += 1 + joined;
            mux->cuts |= sample->cut;
            continue;
        }

        if (mux->begin - sample->dts > NGX_RECORDING_LAG) {
            ngx_recording_tell_behind(w, sample->track);
        }

        s = *sample;
        s.joined = joined;
        s.dts = ngx_max(sample->dts - mux->begin, 0);

        if (s.cut) {
            mux->cuts = 0;

        } else if (mux->cuts && s.track == NGX_RECORDING_AUDIO) {

            /* what remains is cut without the key frame, until one comes */

            s.cut = 1;
        }

        broken = mux->file.dropped[NGX_RECORDING_DROP_BROKEN];

        if (ngx_recording_mux_sample_thread(mux, &s) == NGX_OK) {

            if (mux->file.dropped[NGX_RECORDING_DROP_BROKEN] != broken) {
                ngx_recording_refuse_frame(w, out, sample->track);
            }

            continue;
        }

        if (tail) {
            ngx_recording_tail_failed_thread(w, out, tail);

        } else {
            ngx_recording_output_failed_thread(w, out);
        }
    }
}


void
ngx_recording_output_missed(ngx_recording_writer_t *w, ngx_uint_t track)
{
    ngx_uint_t  i;

    for (i = 0; i < w->template->nformats; i++) {
        ngx_recording_output_count(w, &w->outputs[i], track,
                                   NGX_RECORDING_DROP_DISK, 1);
    }
}


void
ngx_recording_output_dropped(ngx_recording_writer_t *w, ngx_uint_t track,
    ngx_recording_drop_e reason, uint64_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < w->template->nformats; i++) {

        /* of a stream that did not begin, what no key frame came before is
           not missed */

        if (w->outputs[i].mux || w->started
            || reason != NGX_RECORDING_DROP_KEY)
        {
            ngx_recording_output_count(w, &w->outputs[i], track, reason, n);
        }
    }
}


/* in the open file, or in the one that is opened next */

static void
ngx_recording_output_count(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_uint_t track,
    ngx_recording_drop_e reason, uint64_t n)
{
    ngx_recording_mux_t  *mux;

    mux = out->mux;

    if (mux == NULL) {
        if (out->retry != INT64_MAX
            && ngx_recording_mux_takes(out->conf->format,
                                       &w->tracks[track].media))
        {
            out->dropped[reason] += n;
        }

        return;
    }

    if (!mux->media[track].present) {
        ngx_recording_refuse_count(w, mux, track, reason, n);
        return;
    }

    mux->file.in += n;
    mux->file.dropped[reason] += n;
}


void
ngx_recording_output_jump_thread(ngx_recording_writer_t *w, int64_t time,
    int64_t jump)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < w->template->nformats; i++) {
        out = &w->outputs[i];

        if (out->mux && jump <= out->conf->resume
            && ngx_recording_journal_gap_thread(out->mux,
                                                time - out->mux->begin, jump)
               != NGX_OK)
        {
            ngx_recording_output_failed_thread(w, out);
        }
    }
}


void
ngx_recording_output_sync_thread(ngx_recording_writer_t *w,
    ngx_uint_t durable)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < w->template->nformats; i++) {
        out = &w->outputs[i];

        ngx_recording_tail_sync_thread(w, out, durable);

        if (out->mux
            && ngx_recording_journal_checkpoint_thread(out->mux, durable)
               != NGX_OK)
        {
            ngx_recording_output_failed_thread(w, out);
        }
    }
}


void
ngx_recording_output_flush_thread(ngx_recording_writer_t *w)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < w->template->nformats; i++) {
        out = &w->outputs[i];

        ngx_recording_tail_flush_thread(w, out);

        if (out->mux == NULL) {
            continue;
        }

        if (out->mux->format->flush(out->mux) != NGX_OK) {
            ngx_recording_output_failed_thread(w, out);
            continue;
        }

        /* a full disk may still take an empty file, but no frames */

        if (out->failed && out->mux->file.written) {
            out->failed = 0;
            ngx_recording_notice(&w->notices, NGX_LOG_NOTICE, 0,
                                 "%s is recorded again",
                                 out->conf->format->name);
        }
    }

    ngx_recording_track_forget(w);
}


void
ngx_recording_output_close_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    if (out->mux == NULL) {
        return;
    }

    if (out->mux->format->flush(out->mux) != NGX_OK) {
        ngx_recording_output_failed_thread(w, out);
        return;
    }

    ngx_recording_output_end(w, out->mux);
    out->mux = NULL;
}


void
ngx_recording_output_end(ngx_recording_writer_t *w, ngx_recording_mux_t *mux)
{
    ngx_recording_mux_rest_thread(mux);

    ngx_queue_insert_tail(&w->closed, &mux->queue);
    w->unfinished++;
}


/*
 * The file takes no more.  What was written before is finished; the next
 * one is tried at a later key frame.
 */

void
ngx_recording_output_failed_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    ngx_recording_mux_t  *mux;

    mux = out->mux;
    out->mux = NULL;

    out->retry = ngx_max(w->tracks[NGX_RECORDING_VIDEO].last,
                         w->tracks[NGX_RECORDING_AUDIO].last)
                 + NGX_RECORDING_OUTPUT_RETRY;

    ngx_recording_output_broken_thread(w, out, mux);
}


void
ngx_recording_output_broken_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux)
{
    if (!out->failed) {
        out->failed = 1;

        ngx_recording_notice(&w->notices, NGX_LOG_ERR, mux->err,
                             "%s: %s \"%s\" failed, frames are dropped, "
                             "exception -104",
                             mux->format->name, mux->op ? mux->op : "record",
                             mux->work);
    }

    mux->file.dropped[NGX_RECORDING_DROP_DISK] += mux->pending;
    ngx_recording_mux_undo(mux);

    if (mux->tainted && mux->file.written) {

        /* if it fails, too, finishing the file does it */

        (void) ngx_recording_journal_back_thread(mux, 0);
    }

    if (mux->file.written == 0) {
        ngx_recording_output_undo(out, mux);
    }

    ngx_recording_output_end(w, mux);
}


/*
 * Nothing was written: no trace will be left of the file, and what it stands
 * for is counted in the next one.
 */

static void
ngx_recording_output_undo(ngx_recording_output_t *out,
    ngx_recording_mux_t *mux)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        out->dropped[i] += mux->file.dropped[i];
    }

    ngx_memzero(mux->file.dropped, sizeof(mux->file.dropped));
    mux->file.in = 0;
}
