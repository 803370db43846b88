
/* a file is opened for an output: its row first, then what lies in the store */


#include "ngx_recording_cut.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_output.h"
#include "ngx_recording_pause.h"
#include "ngx_recording_refuse.h"
#include "ngx_recording_tail.h"
#include "ngx_recording_tell.h"
#include <sys/random.h>


#define NGX_RECORDING_CUT_CLAIMS  20


static void ngx_recording_cut_times(ngx_recording_mux_t *mux,
    ngx_recording_cut_t *cut, int64_t begin);
static ngx_int_t ngx_recording_cut_row(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out);
static void ngx_recording_cut_refused_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux,
    ngx_recording_cut_t *cut);
static ngx_int_t ngx_recording_cut_begin(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux,
    ngx_recording_cut_t *cut);
static ngx_int_t ngx_recording_cut_claim(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_cut_meta(ngx_recording_outputs_t *o,
    ngx_recording_mux_t *mux);


/* a file and its row; NGX_AGAIN: not written yet, or the catalogue failed */

ngx_int_t
ngx_recording_cut_create(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    int64_t               begin;
    ngx_recording_mux_t  *mux;

    if (out->opening
        || (out->resumed && ngx_recording_pause_fits(o, out, cut)))
    {
        return NGX_OK;
    }

    begin = ngx_recording_tail_late(out, cut) ? cut->begin : cut->first;

    if (out->next) {

        ngx_recording_cut_times(out->next, cut, begin);
        return ngx_recording_cut_row(o, out);
    }

    mux = ngx_recording_mux_create_thread(out->conf->format, o->store,
                                          cut->media);

    if (mux == NULL) {

        if (errno) {
            out->retry = cut->now + NGX_RECORDING_RETRY;
            return NGX_OK;
        }

        /* no track for this format: perhaps when the tracks change */

        out->retry = NGX_RECORDING_RETRY_NEVER;
        ngx_recording_refuse_say_thread(o, out, cut->media);

        return NGX_OK;
    }

    /* what it takes the place of, or what came back and does not fit, is closed
       soon */

    if (ngx_recording_mux_hold_thread(mux, out->mux || out->resumed) != NGX_OK)
    {
        ngx_recording_cut_refused_thread(o, out, mux, cut);
        return NGX_OK;
    }

    mux->segment = out->conf->segment;
    mux->resume = out->conf->resume;

    if (out->mux) {
        ngx_recording_mux_follow(mux, out->mux, cut->track,
                                 cut->time - out->mux->begin);
    }

    ngx_recording_cut_times(mux, cut, begin);

    mux->path = out->conf->path ? out->conf->path : &o->template->path;
    mux->path_text = out->conf->path ? out->conf->path_text
                                     : o->template->path_text;
    mux->zone = o->template->zone;

    mux->file.id = ngx_recording_catalogue_id_thread(o->catalogue);
    ngx_recording_mux_busy(mux);
    mux->file.recording_id = o->recording_id;
    mux->file.stream = o->stream;
    mux->file.start = cut->wall + ngx_recording_store_shift(o->store);

    if (getrandom(&mux->file.random, sizeof(mux->file.random), 0) == -1) {
        mux->file.random = mux->file.id;
    }

    if (mux->path->end.len == 0) {
        ngx_recording_mux_render(mux);
    }

    out->next = mux;
    out->filed = 0;

    return ngx_recording_cut_row(o, out);
}


static ngx_int_t
ngx_recording_cut_row(ngx_recording_outputs_t *o,
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

        return ngx_recording_tell_failed(o, &err);
    }

    ngx_recording_tell_passed(o);
    out->filed = 1;

    return NGX_OK;
}


/* no descriptor is left; it is tried again at a later key frame */

static void
ngx_recording_cut_refused_thread(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux,
    ngx_recording_cut_t *cut)
{
    out->retry = cut->now + NGX_RECORDING_RETRY;

    if (ngx_recording_once(out->failed, 1)) {
        ngx_recording_notice_format(o->notices,
            NGX_RECORDING_EXCEPTION_LOST, mux->format->name, 0,
            "%s: no descriptor is left for a file, %lu of at most %lu grow: "
            "worker_rlimit_nofile is too low, frames are dropped",
            mux->format->name, (unsigned long) o->store->held,
            (unsigned long) o->store->most);
    }

    ngx_recording_mux_close_thread(mux);
}


static void
ngx_recording_cut_times(ngx_recording_mux_t *mux, ngx_recording_cut_t *cut,
    int64_t begin)
{
    mux->begin = begin;
    mux->cut = cut->time;
    mux->key = cut->time - begin;
    mux->wall = cut->wall;
}


/* NGX_AGAIN: another path is to be claimed */

ngx_int_t
ngx_recording_cut_open(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    if (out->resumed) {

        if (ngx_recording_pause_fits(o, out, cut)) {
            ngx_recording_pause_continue_thread(o, out, cut);
            return NGX_OK;
        }

        /* it is over */

        out->mux = out->resumed;
        out->resumed = NULL;

        ngx_recording_output_close_thread(o, out);
    }

    mux = out->next;

    if (mux == NULL) {
        return NGX_OK;
    }

    rc = out->opening ? NGX_OK : ngx_recording_cut_begin(o, out, mux, cut);

    if (rc == NGX_OK) {
        rc = ngx_recording_cut_claim(o, out, mux);
    }

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    out->mux = mux;
    out->next = NULL;
    out->opening = 0;

    if (rc != NGX_OK) {
        ngx_recording_output_failed_thread(o, out);
    }

    return NGX_OK;
}


/* what comes before there is anything of the file */

static ngx_int_t
ngx_recording_cut_begin(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux,
    ngx_recording_cut_t *cut)
{
    ngx_uint_t  i;

    out->retry = 0;
    out->opening = 1;
    out->moving = 0;
    out->claims = 0;

    ngx_recording_refuse_say_thread(o, out, cut->media);

    ngx_recording_output_show(out, o->store);

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        mux->file.dropped[i] = out->dropped[i];
        mux->file.in += out->dropped[i];
    }

    ngx_recording_mux_known(mux);

    ngx_memzero(out->dropped, sizeof(out->dropped));
    ngx_memzero(out->counted, sizeof(out->counted));

    ngx_recording_store_name(mux->work, sizeof(mux->work), mux->file.id,
                             out->conf->format->endless
                             ? "" : out->conf->format->extension);

    if (ngx_recording_cut_meta(o, mux) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_journal_create_thread(mux);
}


/*
 * Opens the file at the path that was claimed, or under its id in work/.
 * NGX_AGAIN: something lies there, and the next path is not claimed yet.
 */

static ngx_int_t
ngx_recording_cut_claim(ngx_recording_outputs_t *o,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux)
{
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    while (out->moving || out->claims++ < NGX_RECORDING_CUT_CLAIMS) {

        if (!out->moving) {
            rc = ngx_recording_journal_place_thread(mux);

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
                ngx_recording_notice(o->notices, NGX_LOG_ERR, 0,
                                     "catalogue failed: %s", err.text);
            }

            return NGX_ERROR;
        }
    }

    mux->op = "claim a path for";
    mux->err = NGX_EEXIST;

    return NGX_ERROR;
}


static ngx_int_t
ngx_recording_cut_meta(ngx_recording_outputs_t *o, ngx_recording_mux_t *mux)
{
    if (o->meta == NULL) {
        return NGX_OK;
    }

    mux->meta = malloc(o->meta_len);

    if (mux->meta == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    ngx_memcpy(mux->meta, o->meta, o->meta_len);
    mux->meta_len = o->meta_len;

    return NGX_OK;
}
