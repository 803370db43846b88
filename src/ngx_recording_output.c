
#include "ngx_recording_output.h"
#include <sys/random.h>


#define NGX_RECORDING_OUTPUT_RETRY   1000     /* ms */
#define NGX_RECORDING_OUTPUT_CLAIMS  20


static void ngx_recording_output_open(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);
static void ngx_recording_output_break(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut);
static ngx_int_t ngx_recording_output_claim(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_output_meta(ngx_recording_writer_t *w,
    ngx_recording_mux_t *mux);
static void ngx_recording_output_failed(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);
static void ngx_recording_output_refused(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);
static void ngx_recording_output_tracks(ngx_recording_writer_t *w,
    ngx_recording_media_t *media);


ngx_uint_t
ngx_recording_output_due(ngx_recording_writer_t *w, int64_t time)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < w->template->nformats; i++) {
        out = &w->outputs[i];

        if (out->mux == NULL) {
            if (time >= out->retry) {
                return 1;
            }

            continue;
        }

        if (out->conf->interval
            && time - out->mux->cut >= out->conf->interval)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_recording_output_cut_thread(ngx_recording_writer_t *w,
    ngx_recording_cut_t *cut)
{
    ngx_uint_t               i;
    ngx_recording_output_t  *out;

    for (i = 0; i < w->template->nformats; i++) {
        out = &w->outputs[i];

        if (out->mux) {

            if (!cut->all
                && (out->conf->interval == 0
                    || cut->time - out->mux->cut < out->conf->interval))
            {
                continue;
            }

            if (out->conf->format->endless) {
                ngx_recording_output_break(w, out, cut);
                continue;
            }

            ngx_recording_output_close_thread(w, out);

        } else if (cut->time < out->retry
                   && !(cut->all && out->retry == INT64_MAX))
        {
            continue;
        }

        ngx_recording_output_open(w, out, cut);
    }
}


static void
ngx_recording_output_open(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_int_t               rc;
    ngx_recording_mux_t    *mux;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS];

    ngx_recording_output_tracks(w, media);

    mux = ngx_recording_mux_create_thread(out->conf->format, w->store, media);

    if (mux == NULL) {

        if (errno) {
            out->retry = cut->time + NGX_RECORDING_OUTPUT_RETRY;
            return;
        }

        /* no track for this format: perhaps when the tracks change */

        out->retry = INT64_MAX;
        ngx_recording_output_refused(w, out);

        return;
    }

    out->mux = mux;
    out->retry = 0;

    ngx_recording_output_refused(w, out);

    mux->segment = out->conf->segment;
    mux->begin = cut->begin;
    mux->cut = cut->time;
    mux->key = cut->time - cut->begin;

    mux->file.id = ngx_recording_catalogue_id_thread(w->catalogue);
    mux->file.recording_id = w->recording_id;
    mux->file.stream = w->stream;
    mux->file.start = cut->wall;

    mux->file.in = out->lost;
    mux->file.dropped[NGX_RECORDING_DROP_DISK] = out->lost;

    (void) snprintf(mux->work, sizeof(mux->work), "%llu%s",
                    (unsigned long long) mux->file.id,
                    out->conf->format->extension);

    rc = ngx_recording_output_claim(w, out, mux);

    if (rc == NGX_OK && ngx_recording_output_meta(w, mux) != NGX_OK) {
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_recording_output_failed(w, out);
        return;
    }

    out->lost = 0;

    if (out->failed) {
        out->failed = 0;
        ngx_recording_notice(&w->notices, NGX_LOG_NOTICE, 0,
                             "%s is recorded again", out->conf->format->name);
    }
}


/* claims a path and opens the file there, or under its id in work/ */

static ngx_int_t
ngx_recording_output_claim(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_mux_t *mux)
{
    ngx_int_t                        rc;
    ngx_uint_t                       n;
    ngx_recording_catalogue_error_t  err;

    if (getrandom(&mux->file.random, sizeof(mux->file.random), 0) == -1) {
        mux->file.random = mux->file.id;
    }

    mux->claim.extension = mux->format->extension;

    if (w->template->path.end.len == 0) {
        ngx_recording_mux_render(mux, &w->template->path, &w->template->zone);
    }

    rc = ngx_recording_catalogue_insert_thread(w->catalogue, &mux->file,
                                     mux->claim.len ? &mux->claim : NULL,
                                     &err);
    if (rc != NGX_OK) {
        mux->file.id = 0;
    }

    for (n = 0; rc == NGX_OK && n < NGX_RECORDING_OUTPUT_CLAIMS; n++) {

        rc = mux->format->open(mux);

        if (rc == NGX_ERROR && mux->err == ENOTDIR) {

            /* another recording's file stands where a directory should */

            ngx_recording_claim_by_id(&mux->claim, mux->file.id);
            mux->err = 0;

        } else if (rc != NGX_DECLINED) {
            return rc;
        }

        rc = ngx_recording_catalogue_move_thread(w->catalogue, &mux->file,
                                                 &mux->claim, &err);
    }

    mux->op = "claim a path for";
    mux->err = rc == NGX_OK ? NGX_EEXIST : 0;

    if (rc != NGX_OK && !out->failed) {
        ngx_recording_notice(&w->notices, NGX_LOG_ERR, 0,
                             "catalogue failed: %s", err.text);
    }

    return NGX_ERROR;
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


/* the tracks of a new file: what is published now */

static void
ngx_recording_output_tracks(ngx_recording_writer_t *w,
    ngx_recording_media_t *media)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        media[i] = w->tracks[i].media;
        media[i].present = w->tracks[i].filed;
    }
}


/* a format that is never cut goes on after a discontinuity */

static void
ngx_recording_output_break(ngx_recording_writer_t *w,
    ngx_recording_output_t *out, ngx_recording_cut_t *cut)
{
    ngx_uint_t              i, changed;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS];

    changed = 0;

    ngx_recording_output_tracks(w, media);

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        if (w->tracks[i].changed
            || media[i].present != out->mux->media[i].present)
        {
            changed = 1;
        }
    }

    out->mux->key = cut->time - out->mux->begin;

    if (out->mux->format->change(out->mux, changed ? media : NULL) != NGX_OK) {
        ngx_recording_output_failed(w, out);
    }
}


void
ngx_recording_output_sample_thread(ngx_recording_writer_t *w,
    ngx_recording_sample_t *sample)
{
    ngx_uint_t               i;
    ngx_recording_codec_e    codec;
    ngx_recording_sample_t   s;
    ngx_recording_output_t  *out;

    for (i = 0; i < w->template->nformats; i++) {
        out = &w->outputs[i];

        if (out->mux == NULL) {
            codec = w->tracks[sample->track].media.codec.codec;

            if (out->retry != INT64_MAX
                && (out->conf->format->codecs == 0
                    || (out->conf->format->codecs
                        & ngx_recording_codec_bit(codec))))
            {
                out->lost++;
            }

            continue;
        }

        if (!out->mux->media[sample->track].present) {
            continue;
        }

        out->mux->file.in++;

        s = *sample;
        s.dts = ngx_max(sample->dts - out->mux->begin, 0);

        if (ngx_recording_mux_sample_thread(out->mux, &s) != NGX_OK) {
            ngx_recording_output_failed(w, out);
        }
    }
}


void
ngx_recording_output_dropped(ngx_recording_writer_t *w, ngx_uint_t track,
    ngx_recording_drop_e reason, uint64_t n)
{
    ngx_uint_t            i;
    ngx_recording_mux_t  *mux;

    for (i = 0; i < w->template->nformats; i++) {
        mux = w->outputs[i].mux;

        if (mux && mux->media[track].present) {
            mux->file.in += n;
            mux->file.dropped[reason] += n;
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

        if (out->mux && out->mux->format->flush(out->mux) != NGX_OK) {
            ngx_recording_output_failed(w, out);
        }
    }
}


void
ngx_recording_output_close_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    if (out->mux == NULL) {
        return;
    }

    if (out->mux->format->flush(out->mux) != NGX_OK) {
        ngx_recording_output_failed(w, out);
        return;
    }

    ngx_queue_insert_tail(&w->closed, &out->mux->queue);
    w->unfinished++;
    out->mux = NULL;
}


/*
 * The file takes no more.  What was written before is finished; the next
 * one is tried at a later key frame.
 */

static void
ngx_recording_output_failed(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    ngx_recording_mux_t  *mux;

    mux = out->mux;
    out->mux = NULL;

    out->retry = ngx_max(w->tracks[NGX_RECORDING_VIDEO].last,
                         w->tracks[NGX_RECORDING_AUDIO].last)
                 + NGX_RECORDING_OUTPUT_RETRY;

    if (!out->failed) {
        out->failed = 1;

        ngx_recording_notice(&w->notices, NGX_LOG_ERR, mux->err,
                             "%s: %s \"%s\" failed, frames are dropped, "
                             "exception -104",
                             mux->format->name, mux->op ? mux->op : "record",
                             mux->work);
    }

    mux->file.dropped[NGX_RECORDING_DROP_DISK] += mux->pending;
    mux->pending = 0;

    if (mux->file.id == 0) {

        /* it has no row: what it stands for is counted in the next one */

        ngx_recording_mux_close_thread(mux);
        return;
    }

    out->lost = 0;

    ngx_queue_insert_tail(&w->closed, &mux->queue);
    w->unfinished++;
}


/* one warning if a codec is not for this format */

static void
ngx_recording_output_refused(ngx_recording_writer_t *w,
    ngx_recording_output_t *out)
{
    ngx_uint_t              i;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS];

    static const char  *names[] = { "video", "audio" };

    if (out->refused || out->conf->format->codecs == 0) {
        return;
    }

    ngx_recording_output_tracks(w, media);

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        if (!media[i].present
            || (out->conf->format->codecs
                & ngx_recording_codec_bit(media[i].codec.codec))
            || (i == NGX_RECORDING_VIDEO && out->conf->format->codecs
                == ngx_recording_codec_bit(NGX_RECORDING_CODEC_AAC)))
        {
            continue;
        }

        out->refused = 1;

        ngx_recording_notice(&w->notices, NGX_LOG_WARN, 0,
                             "%s does not take %s %s, exception %d",
                             out->conf->format->name,
                             ngx_recording_codec_name(media[i].codec.codec),
                             names[i],
                             i == NGX_RECORDING_VIDEO ? -18 : -17);
    }
}
