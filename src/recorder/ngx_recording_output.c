
#include "ngx_recording_closed.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_output.h"
#include "ngx_recording_refuse.h"
#include "ngx_recording_tail.h"
#include "ngx_recording_tell.h"


static void ngx_recording_output_count(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t track,
    ngx_recording_drop_e reason, uint64_t n);


void
ngx_recording_output_sample_thread(ngx_recording_outputs_t *o,
    ngx_recording_sample_t *sample)
{
    int64_t                  time;
    uint64_t                 broken;
    ngx_uint_t               left, cut, joined, muxed;
    ngx_recording_mux_t     *mux, *tail;
    ngx_recording_output_t  *out, *last;

    time = sample->dts;
    cut = sample->cut;
    joined = sample->joined;

    last = &o->output[o->template->nformats];

    for (out = o->output; out < last; out++) {
        muxed = (out->conf->format->muxer != NULL);

        if (sample->part && muxed) {

            /* it is counted with its picture */

            continue;
        }

        sample->joined = muxed ? joined : 0;

        tail = out->ntails == 0
               ? NULL : ngx_recording_tail_of_thread(o, out, sample->track,
                                                     time);
        mux = tail ? tail : out->mux;

        left = (sample->media == NULL && muxed)
               || (sample->media_size > NGX_RECORDING_REFUSE_ADTS
                   && ngx_recording_refuse_large(o, out, sample));

        if (mux == NULL) {
            ngx_recording_output_count(o, out, sample->track,
                                       left ? NGX_RECORDING_DROP_BROKEN
                                            : NGX_RECORDING_DROP_DISK,
                                       1 + sample->joined);
            continue;
        }

        if (!mux->media[sample->track].present) {
            ngx_recording_refuse_count(o, mux, sample->track,
                                       NGX_RECORDING_DROP_TRACK,
                                       1 + sample->joined);
            continue;
        }

        mux->file.in += 1 + sample->joined;

        if (left) {
            mux->file.dropped[NGX_RECORDING_DROP_BROKEN] += 1 + sample->joined;
            mux->cuts |= cut;
            continue;
        }

        if (mux->begin - time > NGX_RECORDING_LAG) {
            ngx_recording_tell_behind(o, sample->track);
        }

        sample->dts = ngx_max(time - mux->begin, 0);
        sample->cut = cut;

        if (cut) {
            mux->cuts = 0;

        } else if (mux->cuts && sample->track == NGX_RECORDING_AUDIO) {

            /* what remains is cut without the key frame, until one comes */

            sample->cut = 1;
        }

        broken = mux->file.dropped[NGX_RECORDING_DROP_BROKEN];

        if (ngx_recording_mux_sample_thread(mux, sample) == NGX_OK) {

            if (mux->file.dropped[NGX_RECORDING_DROP_BROKEN] != broken) {
                ngx_recording_refuse_frame(o, out, sample->track);
            }

            continue;
        }

        if (tail) {
            ngx_recording_tail_failed_thread(o, out, tail);

        } else {
            ngx_recording_output_failed_thread(o, out);
        }
    }
}


void
ngx_recording_output_missed(ngx_recording_outputs_t *o, ngx_uint_t track)
{
    ngx_uint_t  i;

    for (i = 0; i < o->template->nformats; i++) {
        ngx_recording_output_count(o, &o->output[i], track,
                                   NGX_RECORDING_DROP_DISK, 1);
    }
}


void
ngx_recording_output_dropped(ngx_recording_outputs_t *o, ngx_uint_t track,
    ngx_recording_drop_e reason, uint64_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < o->template->nformats; i++) {

        /* of a stream that did not begin, what no key frame came before is
           not missed */

        if (o->output[i].mux || o->started
            || reason != NGX_RECORDING_DROP_KEY)
        {
            ngx_recording_output_count(o, &o->output[i], track, reason, n);
        }
    }
}


/* in the open file, or in the one that is opened next */

static void
ngx_recording_output_count(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_uint_t track,
    ngx_recording_drop_e reason, uint64_t n)
{
    ngx_recording_mux_t  *mux;

    mux = out->mux;

    if (mux == NULL) {
        if (out->retry != NGX_RECORDING_RETRY_NEVER
            && ngx_recording_mux_takes(out->conf->format,
                                       o->media[track]))
        {
            out->dropped[reason] += n;
        }

        return;
    }

    if (!mux->media[track].present) {
        ngx_recording_refuse_count(o, mux, track, reason, n);
        return;
    }

    mux->file.in += n;
    mux->file.dropped[reason] += n;
}


void
ngx_recording_output_show(ngx_recording_output_t *out,
    ngx_recording_store_t *store)
{
    int64_t     n;
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        n = (int64_t) (out->dropped[i] - out->counted[i]);

        ngx_recording_board_count(&store->board, NGX_RECORDING_BOARD_FRAMES_IN,
                                  n);
        ngx_recording_board_count(&store->board,
                                  NGX_RECORDING_BOARD_DROPPED_BY + i, n);

        out->counted[i] = out->dropped[i];
    }
}


void
ngx_recording_output_jump_thread(ngx_recording_outputs_t *o, int64_t time,
    int64_t jump)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < o->template->nformats; i++) {
        out = &o->output[i];

        if (out->mux && jump <= out->conf->resume
            && ngx_recording_journal_gap_thread(out->mux,
                                                time - out->mux->begin, jump)
               != NGX_OK)
        {
            ngx_recording_output_failed_thread(o, out);
        }
    }
}


void
ngx_recording_output_sync_thread(ngx_recording_outputs_t *o,
    ngx_uint_t durable)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < o->template->nformats; i++) {
        out = &o->output[i];

        ngx_recording_tail_sync_thread(o, out, durable);

        if (out->mux
            && ngx_recording_journal_checkpoint_thread(out->mux, durable)
               != NGX_OK)
        {
            ngx_recording_output_failed_thread(o, out);
        }
    }
}


void
ngx_recording_output_flush_thread(ngx_recording_outputs_t *o)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < o->template->nformats; i++) {
        out = &o->output[i];

        ngx_recording_tail_flush_thread(o, out);

        if (out->mux == NULL) {
            ngx_recording_output_show(out, o->store);
            continue;
        }

        if (ngx_recording_mux_flush_thread(out->mux) != NGX_OK) {
            ngx_recording_output_failed_thread(o, out);
            continue;
        }

        /* a full disk may still take an empty file, but no frames */

        if (out->failed && out->mux->file.written) {
            out->failed = 0;
            ngx_recording_notice(o->notices, NGX_LOG_NOTICE, 0,
                                 "%s is recorded again",
                                 out->conf->format->name);
        }
    }
}


void
ngx_recording_output_close_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out)
{
    if (out->mux == NULL) {
        return;
    }

    if (ngx_recording_mux_flush_thread(out->mux) != NGX_OK) {
        ngx_recording_output_failed_thread(o, out);
        return;
    }

    ngx_recording_closed_add(o, out->mux);
    out->mux = NULL;
}


/*
 * The file takes no more.  What was written before is finished; the next
 * one is tried at a later key frame.
 */

void
ngx_recording_output_failed_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out)
{
    ngx_recording_mux_t  *mux;

    mux = out->mux;
    out->mux = NULL;

    out->retry = o->last + NGX_RECORDING_RETRY;

    ngx_recording_closed_broken_thread(o, out, mux);
}
