
#include "ngx_recording_interval.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_output.h"
#include "ngx_recording_pause.h"
#include "ngx_recording_tail.h"


#define NGX_RECORDING_PAUSE_LATE  1000000      /* us */


static int64_t ngx_recording_pause_join(ngx_recording_mux_t *mux,
    ngx_recording_cut_t *cut);
static ngx_int_t ngx_recording_pause_open_thread(ngx_recording_outputs_t *o,
    ngx_recording_start_t *start, ngx_recording_taken_t *taken,
    ngx_uint_t tired);
static ngx_int_t ngx_recording_pause_reopen_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_start_t *start,
    ngx_recording_taken_t *taken, ngx_uint_t tired);
static ngx_recording_output_t *ngx_recording_pause_output(
    ngx_recording_outputs_t *o, ngx_recording_taken_t *taken);
static void ngx_recording_pause_failed(ngx_recording_outputs_t *o,
    ngx_recording_taken_t *taken, ngx_recording_mux_t *mux, ngx_err_t err);
static void ngx_recording_pause_leave(ngx_recording_leaves_t *leaves,
    uint64_t id);
static void ngx_recording_pause_file_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_end_t *end);
static void ngx_recording_pause_lost(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_end_t *end);


ngx_uint_t
ngx_recording_pause_fits(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_recording_mux_t  *mux;

    mux = out->resumed;

    if (ngx_recording_interval_over(o, out, mux,
                                    ngx_recording_mux_end(mux)
                                  - (mux->cut - mux->begin), cut->wall))
    {
        return 0;
    }

    return mux->format->endless ? ngx_recording_mux_any(mux->format, cut->media)
                                : ngx_recording_mux_same(mux, cut->media);
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
ngx_recording_pause_continue_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
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
    same = ngx_recording_mux_same(mux, cut->media);

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
        rc = mux->format->change(mux, same ? NULL : cut->media);

        if (rc == NGX_OK && !same) {
            rc = ngx_recording_journal_media_thread(mux);
        }
    }

    if (rc != NGX_OK) {
        ngx_recording_output_failed_thread(o, out);
        return;
    }

    ngx_recording_notice(o->notices, NGX_LOG_NOTICE, 0,
                         "%s goes on after a gap of %lld ms",
                         mux->format->name, (long long) gap);
}


ngx_int_t
ngx_recording_pause_resume_thread(ngx_recording_outputs_t *o,
    ngx_recording_start_t *start, ngx_recording_leaves_t *leaves,
    ngx_uint_t tired)
{
    ngx_int_t               rc;
    ngx_uint_t              n, left;
    ngx_recording_taken_t  *taken;

    /* until the last one is open: the first may take a while */

    for (n = 0; n < start->n; n++) {
        ngx_recording_busy_add(&o->store->busy, start->taken[n].id);
    }

    for (left = 0, n = 0; n < start->n; n++) {
        taken = &start->taken[n];

        rc = ngx_recording_pause_open_thread(o, start, taken, tired);

        ngx_recording_busy_remove(&o->store->busy, taken->id);

        if (rc == NGX_AGAIN) {
            start->taken[left++] = *taken;

        } else if (rc == NGX_DECLINED) {
            ngx_recording_pause_leave(leaves, taken->id);
        }
    }

    start->n = left;

    return left ? NGX_AGAIN : NGX_OK;
}


/* NGX_DECLINED: it does not go on */

static ngx_int_t
ngx_recording_pause_open_thread(ngx_recording_outputs_t *o,
    ngx_recording_start_t *start, ngx_recording_taken_t *taken,
    ngx_uint_t tired)
{
    ngx_int_t                rc;
    ngx_recording_output_t  *out;

    out = ngx_recording_pause_output(o, taken);

    if (out == NULL) {
        return NGX_DECLINED;
    }

    /* with a descriptor that nobody else takes meanwhile */

    ngx_recording_spare_more();

    rc = ngx_recording_spare_fill() && !tired
         ? NGX_AGAIN
         : ngx_recording_pause_reopen_thread(o, out, start, taken, tired);

    ngx_recording_spare_less();

    return rc;
}


static ngx_int_t
ngx_recording_pause_reopen_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_start_t *start,
    ngx_recording_taken_t *taken, ngx_uint_t tired)
{
    ngx_int_t             rc;
    ngx_err_t             err;
    ngx_recording_mux_t  *mux;

    mux = ngx_recording_journal_reopen_thread(o->store, taken->id, 0);
    err = mux ? mux->err : errno;

    /* what came later than this stream's frames does not go before them;
       what is still to come was written when the clock was wrong */

    if (mux && err == 0 && mux->file.written
        && (mux->wall <= start->wall + NGX_RECORDING_PAUSE_LATE
            || mux->wall > ngx_recording_store_now(o->store)))
    {
        mux->file.state = NGX_RECORDING_FILE_RECORDING;
        mux->file.recovered = taken->recovered;
        (void) ngx_recording_mux_hold_thread(mux, 1);
        out->resumed = mux;

        if (mux->fd == -1) {
            ngx_recording_mux_spare_thread(mux);
        }

        return NGX_OK;
    }

    rc = NGX_DECLINED;

    if ((err == NGX_EMFILE || err == NGX_ENFILE) && !tired) {
        rc = NGX_AGAIN;

    } else if (mux == NULL || err) {
        ngx_recording_pause_failed(o, taken, mux, err);
    }

    if (mux) {
        ngx_recording_mux_close_thread(mux);
    }

    return rc;
}


static ngx_recording_output_t *
ngx_recording_pause_output(ngx_recording_outputs_t *o,
    ngx_recording_taken_t *taken)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < o->template->nformats; i++) {
        out = &o->output[i];

        if (strcmp(out->conf->format->name, taken->format) == 0
            && out->conf->resume && out->resumed == NULL)
        {
            return out;
        }
    }

    return NULL;
}


/* mux is NULL if its journal could not be read; err is 0 if it is damaged */

static void
ngx_recording_pause_failed(ngx_recording_outputs_t *o,
    ngx_recording_taken_t *taken, ngx_recording_mux_t *mux, ngx_err_t err)
{
    const char  *op;

    op = mux == NULL ? "read the journal of" : mux->op ? mux->op : "open";

    ngx_recording_notice(o->notices, NGX_LOG_WARN, err,
                         "%s file \"%llu\" does not go on, a new one begins: "
                         "%s it failed", taken->format,
                         (unsigned long long) taken->id, op);
}


/* a file that does not go on: the keeper finishes it */

static void
ngx_recording_pause_leave(ngx_recording_leaves_t *leaves, uint64_t id)
{
    ngx_recording_state_t  *state;

    state = &leaves->state[leaves->n++];

    state->id = id;
    state->state = NGX_RECORDING_FILE_FINISHING;
    state->owned = 0;
    state->size = -1;
}


void
ngx_recording_pause_end_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_end_t *end)
{
    if (out->resumed) {

        /* no frame came to a cut */

        out->mux = out->resumed;
        out->resumed = NULL;
    }

    ngx_recording_tail_close_thread(o, out);

    if (out->mux && ngx_recording_mux_flush_thread(out->mux) != NGX_OK) {
        ngx_recording_output_failed_thread(o, out);
    }

    if (out->mux && out->mux->file.written
        && ((out->conf->resume && !o->left) || o->stop))
    {
        ngx_recording_pause_file_thread(o, out, end);
        return;
    }

    ngx_recording_output_close_thread(o, out);
    ngx_recording_pause_lost(o, out, end);
}


/*
 * The file waits for its stream; or, at a fast stop, without resume=, for the
 * next start.
 */

static void
ngx_recording_pause_file_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_end_t *end)
{
    ngx_recording_mux_t   *mux;
    ngx_recording_file_t  *file;

    mux = out->mux;
    file = &mux->file;

    if ((mux->format->pause && mux->format->pause(mux) != NGX_OK)
        || ngx_recording_journal_checkpoint_thread(mux, o->template->sync
                                                        && !o->stop)
           != NGX_OK)
    {
        ngx_recording_output_failed_thread(o, out);
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

    end->files[end->n++] = file;
}


/* frames that no file was open for, at the end */

static void
ngx_recording_pause_lost(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_end_t *end)
{
    uint64_t               in;
    ngx_uint_t             i;
    ngx_recording_file_t  *file;

    ngx_recording_output_show(out, o->store);

    for (in = 0, i = 0; i < NGX_RECORDING_DROPS; i++) {
        in += out->dropped[i];
    }

    if (in == out->dropped[NGX_RECORDING_DROP_TRACK]
        || o->recording_id == 0)
    {
        return;
    }

    file = calloc(1, sizeof(ngx_recording_file_t));

    if (file == NULL) {
        return;
    }

    file->in = in;
    ngx_memcpy(file->dropped, out->dropped, sizeof(out->dropped));

    file->id = ngx_recording_catalogue_id_thread(o->catalogue);
    file->recording_id = o->recording_id;
    file->stream = o->stream;
    file->format = out->conf->format->name;
    file->state = NGX_RECORDING_FILE_LOST;
    file->start = end->end;
    file->end = end->end;

    out->lost = file;
    end->files[end->n++] = file;
}


int64_t
ngx_recording_pause_ended_thread(ngx_recording_output_t *out)
{
    int64_t  deadline;

    if (out->mux == NULL) {
        return 0;
    }

    deadline = out->conf->resume ? out->mux->file.deadline : 0;

    ngx_recording_mux_close_thread(out->mux);
    out->mux = NULL;

    return deadline;
}
