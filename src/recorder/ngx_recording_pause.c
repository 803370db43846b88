
#include "ngx_recording_interval.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_pause.h"
#include "ngx_recording_tail.h"


#define NGX_RECORDING_PAUSE_LATE  1000000      /* us */


static int64_t ngx_recording_pause_join(ngx_recording_mux_t *mux,
    ngx_recording_cut_t *cut);
static void ngx_recording_pause_leave(ngx_recording_writer_t *w,
    uint64_t id);
static void ngx_recording_pause_file_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);
static void ngx_recording_pause_lost(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);


ngx_uint_t
ngx_recording_pause_fits(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut,
    ngx_recording_media_t *media)
{
    ngx_recording_mux_t  *mux;

    mux = out->resumed;

    if (ngx_recording_interval_over(w, out, mux,
                                  ngx_recording_mux_end(mux)
                                  - (mux->cut - mux->begin), cut->wall))
    {
        return 0;
    }

    return mux->format->endless ? ngx_recording_mux_any(mux->format, media)
                                : ngx_recording_mux_same(mux, media);
}


/*
 * Where in the file the first frame goes on: the key frame is shown one frame
 * after all that was shown before, and nothing comes before the frame of its
 * track that was last.
 */

static int64_t
ngx_recording_pause_join(ngx_recording_mux_t *mux, ngx_recording_cut_t *cut)
{
    int64_t     end, lead;
    ngx_uint_t  i;

    end = 0;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        if (mux->samples[i] == 0) {
            continue;
        }

        /* by so much the track's first frame comes after the first of all */

        lead = i == cut->track ? cut->time - cut->first : 0;

        end = ngx_max(end, mux->last[i] + 1 - lead);
        end = ngx_max(end, mux->shown[i].high
                           + ngx_recording_mux_lasts(mux, i) - lead
                           - (i == cut->track ? cut->composition : 0));
    }

    return end;
}


void
ngx_recording_pause_continue_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut,
    ngx_recording_media_t *media)
{
    int64_t               end, gap, elapsed;
    ngx_int_t             rc;
    ngx_uint_t            same;
    ngx_recording_mux_t  *mux;

    mux = out->resumed;
    out->resumed = NULL;
    out->mux = mux;

    end = ngx_recording_pause_join(mux, cut);
    elapsed = end - (mux->cut - mux->begin);
    same = ngx_recording_mux_same(mux, media);

    gap = ngx_max((cut->wall - mux->wall) / 1000, 0);

    mux->cut = cut->first - elapsed;
    mux->begin = cut->first - end;
    mux->key = cut->time - mux->begin;
    out->retry = 0;

    rc = ngx_recording_journal_owner_thread(mux);

    if (rc == NGX_OK) {
        rc = ngx_recording_journal_gap_thread(mux, end, gap);
    }

    if (rc == NGX_OK && mux->format->change) {
        rc = mux->format->change(mux, same ? NULL : media);

        if (rc == NGX_OK && !same) {
            rc = ngx_recording_journal_media_thread(mux);
        }
    }

    if (rc != NGX_OK) {
        ngx_recording_output_failed_thread(w, out);
        return;
    }

    ngx_recording_notice(&w->notices, NGX_LOG_NOTICE, 0,
                         "%s goes on after a gap of %lld ms",
                         mux->format->name, (long long) gap);
}


void
ngx_recording_pause_resume_thread(ngx_recording_writer_t *w)
{
    ngx_uint_t               i, n;
    ngx_recording_mux_t     *mux;
    ngx_recording_taken_t   *taken;
    ngx_recording_output_t  *out;

    for (n = 0; n < w->start.n; n++) {
        taken = &w->start.taken[n];
        out = NULL;
        mux = NULL;

        for (i = 0; i < w->template->nformats; i++) {
            if (strcmp(w->outputs[i].conf->format->name, taken->format) == 0
                && w->outputs[i].conf->resume
                && w->outputs[i].resumed == NULL)
            {
                out = &w->outputs[i];
                mux = ngx_recording_journal_reopen_thread(w->store,
                                                          taken->id, 0);
                break;
            }
        }

        /* what came later than this stream's frames does not go before them;
           what is still to come was written when the clock was wrong */

        if (mux && mux->err == 0 && mux->file.written
            && (mux->wall <= w->start.wall + NGX_RECORDING_PAUSE_LATE
                || mux->wall > ngx_recording_store_now(w->store)))
        {
            mux->file.state = NGX_RECORDING_FILE_RECORDING;
            mux->file.recovered = taken->recovered;
            (void) ngx_recording_mux_hold_thread(mux, 1);
            out->resumed = mux;
            continue;
        }

        if (mux) {
            ngx_recording_mux_close_thread(mux);
        }

        ngx_recording_pause_leave(w, taken->id);
    }
}


/* a file that does not go on: the keeper finishes it */

static void
ngx_recording_pause_leave(ngx_recording_writer_t *w, uint64_t id)
{
    ngx_recording_state_t  *state;

    state = &w->leaves[w->nleaves++];

    state->id = id;
    state->state = NGX_RECORDING_FILE_FINISHING;
    state->owned = 0;
    state->size = -1;
}


void
ngx_recording_pause_end_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    if (out->resumed) {

        /* no frame came to a cut */

        out->mux = out->resumed;
        out->resumed = NULL;
    }

    ngx_recording_tail_close_thread(w, out);

    if (out->mux && out->mux->format->flush(out->mux) != NGX_OK) {
        ngx_recording_output_failed_thread(w, out);
    }

    if (out->mux && out->mux->file.written
        && (out->conf->resume || w->stop))
    {
        ngx_recording_pause_file_thread(w, out);
        return;
    }

    ngx_recording_output_close_thread(w, out);
    ngx_recording_pause_lost(w, out);
}


/*
 * The file waits for its stream; or, at a fast stop, without resume=, for the
 * next start.
 */

static void
ngx_recording_pause_file_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    ngx_recording_mux_t   *mux;
    ngx_recording_file_t  *file;

    mux = out->mux;
    file = &mux->file;

    if ((mux->format->pause && mux->format->pause(mux) != NGX_OK)
        || ngx_recording_journal_checkpoint_thread(mux, w->template->sync
                                                        && !w->stop)
           != NGX_OK)
    {
        ngx_recording_output_failed_thread(w, out);
        return;
    }

    ngx_recording_mux_measure(mux);

    if (out->conf->resume) {
        file->state = NGX_RECORDING_FILE_PAUSED;
        file->deadline = mux->wall + out->conf->resume * 1000;

    } else {
        file->state = NGX_RECORDING_FILE_FINISHING;
        file->released = 1;
    }

    w->ending.files[w->ending.n++] = file;
}


/* frames that no file was open for, at the end */

static void
ngx_recording_pause_lost(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    uint64_t               in;
    ngx_uint_t             i;
    ngx_recording_file_t  *file;

    for (in = 0, i = 0; i < NGX_RECORDING_DROPS; i++) {
        in += out->dropped[i];
    }

    if (in == out->dropped[NGX_RECORDING_DROP_TRACK]
        || w->recording_id == 0)
    {
        return;
    }

    file = calloc(1, sizeof(ngx_recording_file_t));

    if (file == NULL) {
        return;
    }

    file->in = in;
    ngx_memcpy(file->dropped, out->dropped, sizeof(out->dropped));

    file->id = ngx_recording_catalogue_id_thread(w->catalogue);
    file->recording_id = w->recording_id;
    file->stream = w->stream;
    file->format = out->conf->format->name;
    file->state = NGX_RECORDING_FILE_LOST;
    file->start = w->end;
    file->end = w->end;

    out->lost = file;
    w->ending.files[w->ending.n++] = file;
}


void
ngx_recording_pause_ended_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    if (out->mux == NULL) {
        return;
    }

    if (out->conf->resume) {
        w->waits = ngx_max(w->waits, out->mux->file.deadline);
    }

    ngx_recording_mux_close_thread(out->mux);
    out->mux = NULL;
}
