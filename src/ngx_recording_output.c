
#include "ngx_recording_interval.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_output.h"
#include "ngx_recording_pause.h"
#include "ngx_recording_refuse.h"
#include "ngx_recording_tail.h"
#include "ngx_recording_track.h"
#include <sys/random.h>


#define NGX_RECORDING_OUTPUT_RETRY   1000     /* ms */
#define NGX_RECORDING_OUTPUT_CLAIMS  20


static ngx_int_t ngx_recording_output_rows_thread(ngx_recording_writer_t *w,
    ngx_recording_cut_t *cut);
static ngx_int_t ngx_recording_output_take_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);
static ngx_recording_turn_e ngx_recording_output_turn(
    ngx_recording_writer_t *w, ngx_recording_output_t *out,
    ngx_recording_cut_t *cut);
static void ngx_recording_output_times(ngx_recording_mux_t *mux,
    ngx_recording_cut_t *cut, int64_t begin);
static ngx_int_t ngx_recording_output_create(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);
static ngx_int_t ngx_recording_output_row(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);
static ngx_int_t ngx_recording_output_open(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);
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
static ngx_int_t ngx_recording_output_begin(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_output_claim(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_output_try(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_output_meta(ngx_recording_writer_t *w,
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


/* a file and its row; NGX_AGAIN: not written yet, or the catalogue failed */

static ngx_int_t
ngx_recording_output_create(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    int64_t                           begin;
    ngx_recording_mux_t              *mux;
    ngx_recording_media_t             media[NGX_RECORDING_TRACKS];

    ngx_recording_refuse_tracks(w, media);

    if (out->opening
        || (out->resumed && ngx_recording_pause_fits(w, out, cut, media)))
    {
        return NGX_OK;
    }

    begin = ngx_recording_tail_late(w, out, cut) ? cut->begin : cut->first;

    if (out->next) {

        ngx_recording_output_times(out->next, cut, begin);
        return ngx_recording_output_row(w, out);
    }

    mux = ngx_recording_mux_create_thread(out->conf->format, w->store, media);

    if (mux == NULL) {

        if (errno) {
            out->retry = cut->now + NGX_RECORDING_OUTPUT_RETRY;
            return NGX_OK;
        }

        /* no track for this format: perhaps when the tracks change */

        out->retry = INT64_MAX;
        ngx_recording_refuse_say_thread(w, out);

        return NGX_OK;
    }

    mux->segment = out->conf->segment;
    mux->resume = out->conf->resume;

    if (out->mux) {
        ngx_recording_mux_follow(mux, out->mux, cut->track,
                                 cut->time - out->mux->begin);
    }

    ngx_recording_output_times(mux, cut, begin);

    mux->path = &w->template->path;
    mux->path_text = w->template->path_text;
    mux->zone = w->template->zone;

    mux->file.id = ngx_recording_catalogue_id_thread(w->catalogue);
    ngx_recording_mux_busy(mux);
    mux->file.recording_id = w->recording_id;
    mux->file.stream = w->stream;
    mux->file.start = cut->wall + ngx_recording_store_shift(w->store);

    if (getrandom(&mux->file.random, sizeof(mux->file.random), 0) == -1) {
        mux->file.random = mux->file.id;
    }

    if (w->template->path.end.len == 0) {
        ngx_recording_mux_render(mux);
    }

    out->next = mux;
    out->filed = 0;

    return ngx_recording_output_row(w, out);
}


static ngx_int_t
ngx_recording_output_row(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    if (out->filed) {
        return NGX_OK;
    }

    rc = ngx_recording_change_ask_thread(&out->change,
                                         ngx_recording_catalogue_insert,
                                         &out->next->file, 0, &err);
    if (rc == NGX_BUSY) {
        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        ngx_recording_mux_close_thread(out->next);
        out->next = NULL;

        return ngx_recording_writer_failed(w, &err);
    }

    ngx_recording_writer_passed(w);
    out->filed = 1;

    return NGX_OK;
}


static void
ngx_recording_output_times(ngx_recording_mux_t *mux, ngx_recording_cut_t *cut,
    int64_t begin)
{
    mux->begin = begin;
    mux->cut = cut->time;
    mux->key = cut->time - begin;
    mux->wall = cut->wall;
}


/* NGX_AGAIN: another path is to be claimed */

static ngx_int_t
ngx_recording_output_open(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_int_t               rc;
    ngx_recording_mux_t    *mux;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS];

    if (out->resumed) {
        ngx_recording_refuse_tracks(w, media);

        if (ngx_recording_pause_fits(w, out, cut, media)) {
            ngx_recording_pause_continue_thread(w, out, cut, media);
            return NGX_OK;
        }

        /* it is over */

        out->mux = out->resumed;
        out->resumed = NULL;

        ngx_recording_output_close_thread(w, out);
    }

    mux = out->next;

    if (mux == NULL) {
        return NGX_OK;
    }

    rc = out->opening ? NGX_OK : ngx_recording_output_begin(w, out, mux);

    if (rc == NGX_OK) {
        rc = ngx_recording_output_claim(w, out, mux);
    }

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    out->mux = mux;
    out->next = NULL;
    out->opening = 0;

    if (rc != NGX_OK) {
        ngx_recording_output_failed_thread(w, out);
    }

    return NGX_OK;
}


/* what comes before there is anything of the file */

static ngx_int_t
ngx_recording_output_begin(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux)
{
    ngx_uint_t  i;

    out->retry = 0;
    out->opening = 1;
    out->moving = 0;
    out->claims = 0;

    ngx_recording_refuse_say_thread(w, out);

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        mux->file.dropped[i] = out->dropped[i];
        mux->file.in += out->dropped[i];
    }

    ngx_memzero(out->dropped, sizeof(out->dropped));

    ngx_recording_store_name(mux->work, sizeof(mux->work), mux->file.id,
                             out->conf->format->endless
                             ? "" : out->conf->format->extension);

    if (ngx_recording_output_meta(w, mux) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_journal_create_thread(mux);
}


/*
 * Opens the file at the path that was claimed, or under its id in work/.
 * NGX_AGAIN: something lies there, and the next path is not claimed yet.
 */

static ngx_int_t
ngx_recording_output_claim(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux)
{
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    while (out->moving || out->claims++ < NGX_RECORDING_OUTPUT_CLAIMS) {

        if (!out->moving) {
            rc = ngx_recording_output_try(mux);

            if (rc != NGX_DECLINED) {
                return rc;
            }

            out->moving = 1;
        }

        rc = ngx_recording_change_ask_thread(&out->change,
                                             ngx_recording_catalogue_move,
                                             &mux->file, 0, &err);
        if (rc == NGX_BUSY) {
            return NGX_AGAIN;
        }

        out->moving = 0;

        if (rc != NGX_OK) {
            mux->op = "claim a path for";
            mux->err = 0;

            if (!out->failed) {
                ngx_recording_notice(&w->notices, NGX_LOG_ERR, 0,
                                     "catalogue failed: %s", err.text);
            }

            return NGX_ERROR;
        }
    }

    mux->op = "claim a path for";
    mux->err = NGX_EEXIST;

    return NGX_ERROR;
}


/* NGX_DECLINED: it cannot be there */

static ngx_int_t
ngx_recording_output_try(ngx_recording_mux_t *mux)
{
    ngx_int_t  rc;

    /* the journal has the path before anything lies there */

    if (mux->file.path_len
        && ngx_recording_journal_path_thread(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* and after a power cut, too, if that is in files/ */

    if (mux->format->endless
        && ngx_recording_journal_sync_thread(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = mux->format->open(mux);

    if (rc == NGX_ERROR && mux->err == ENOTDIR) {

        /* another recording's file stands where a directory should */

        ngx_recording_claim_by_id(&mux->claim, mux->file.id);
        mux->err = 0;

        return NGX_DECLINED;
    }

    return rc;
}


static ngx_int_t
ngx_recording_output_meta(ngx_recording_writer_t *w, ngx_recording_mux_t *mux)
{
    if (w->meta == NULL) {
        return NGX_OK;
    }

    mux->meta = malloc(w->meta_len);

    if (mux->meta == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    ngx_memcpy(mux->meta, w->meta, w->meta_len);
    mux->meta_len = w->meta_len;

    return NGX_OK;
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
    ngx_uint_t               i, left;
    ngx_recording_mux_t     *mux, *tail;
    ngx_recording_sample_t   s;
    ngx_recording_output_t  *out;

    for (i = 0; i < w->template->nformats; i++) {
        out = &w->outputs[i];

        tail = ngx_recording_tail_of_thread(w, out, sample->track,
                                            sample->dts);
        mux = tail ? tail : out->mux;

        left = (sample->media == NULL && out->conf->format->muxer)
               || ngx_recording_refuse_large(w, out, sample);

        if (mux == NULL) {
            ngx_recording_output_count(w, out, sample->track,
                                       left ? NGX_RECORDING_DROP_BROKEN
                                            : NGX_RECORDING_DROP_DISK, 1);
            continue;
        }

        if (!mux->media[sample->track].present) {
            ngx_recording_refuse_count(w, mux, sample->track,
                                       NGX_RECORDING_DROP_TRACK, 1);
            continue;
        }

        mux->file.in++;

        if (left) {
            mux->file.dropped[NGX_RECORDING_DROP_BROKEN]++;
            mux->cuts |= sample->cut;
            continue;
        }

        s = *sample;
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
            && ngx_recording_mux_gap_thread(out->mux, time - out->mux->begin,
                                            jump)
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
            && ngx_recording_mux_sync_thread(out->mux, durable) != NGX_OK)
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

        (void) ngx_recording_mux_back_thread(mux, 0);
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
