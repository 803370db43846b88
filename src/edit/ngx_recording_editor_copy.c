
/*
 * Frames are copied.  The file has one line of time, on which each source
 * begins where the one before ends, as its pictures are shown; all tracks of a
 * source are moved by the same.
 */


#include "ngx_recording_editor_step.h"


#define NGX_RECORDING_EDITOR_NEAR  10000000    /* us: one file follows another
                                                  one of its recording */


static ngx_int_t ngx_recording_editor_copy_open(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_copy_change(ngx_recording_editor_t *e,
    ngx_uint_t begins);
static ngx_uint_t ngx_recording_editor_copy_follows(
    ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_copy_frame(ngx_recording_editor_t *e,
    ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_editor_copy_place(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_copy_put(ngx_recording_editor_t *e,
    ngx_recording_editor_frame_t *f);
static ngx_int_t ngx_recording_editor_copy_limits(ngx_recording_editor_t *e,
    ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_editor_copy_sample(ngx_recording_editor_t *e,
    ngx_recording_editor_frame_t *f);
static void ngx_recording_editor_copy_join(ngx_recording_editor_t *e,
    ngx_recording_source_frame_t *frame);
static void ngx_recording_editor_copy_shown(ngx_recording_editor_t *e,
    ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_editor_copy_flush(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_copy_end(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_copy_told(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_copy_keep(ngx_recording_editor_t *e,
    ngx_recording_editor_list_t *list, ngx_recording_editor_frame_t *f);
static void ngx_recording_editor_copy_free(ngx_recording_editor_list_t *list);


/* a slice: some frames of one source */

ngx_int_t
ngx_recording_editor_copy(ngx_recording_editor_t *e)
{
    int64_t                        begun;
    ngx_int_t                      rc;
    ngx_recording_source_frame_t   frame;

    if (e->at == e->edit.n) {
        e->step = ngx_recording_editor_complete;
        return NGX_OK;
    }

    if (e->worker->store.low) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                         "less than reserve= is free in the "
                                         "store");
    }

    begun = ngx_recording_mono();

    if (!e->copy.found) {
        rc = ngx_recording_editor_copy_open(e);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    do {
        rc = ngx_recording_source_next_thread(e->copy.source, &frame);

        if (rc == NGX_OK) {
            rc = ngx_recording_editor_copy_frame(e, &frame);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }
        }

    } while (rc == NGX_OK
             && ngx_recording_mono() - begun < NGX_RECORDING_EDITOR_SLICE);

    if (rc == NGX_ERROR) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_SOURCE,
                            "file %llu: %s",
                            (unsigned long long) e->inputs[e->at].id,
                            e->copy.source->why);
    }

    if (rc == NGX_DONE && ngx_recording_editor_copy_end(e) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_recording_editor_copy_flush(e) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_editor_copy_told(e);
}


/* NGX_AGAIN: where it is to begin is looked for */

static ngx_int_t
ngx_recording_editor_copy_open(ngx_recording_editor_t *e)
{
    char                           why[160];
    ngx_int_t                      rc;
    ngx_recording_editor_copy_t   *copy;
    ngx_recording_editor_input_t  *in;

    copy = &e->copy;
    in = &e->inputs[e->at];

    if (copy->source == NULL) {
        copy->source = ngx_recording_source_open_thread(&e->worker->store,
                             in->format, &in->path, in->video, in->audio, why,
                             sizeof(why));

        if (copy->source == NULL) {
            return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_SOURCE,
                                             "file %llu: %s",
                                             (unsigned long long) in->id,
                                             why);
        }
    }

    rc = ngx_recording_source_find_thread(copy->source,
                                          e->edit.inputs[e->at].start);

    if (rc == NGX_ERROR) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_SOURCE,
                                         "file %llu: %s",
                                         (unsigned long long) in->id,
                                         copy->source->why);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    copy->found = 1;
    copy->from = INT64_MAX;
    copy->picture = INT64_MIN;
    copy->sound = INT64_MIN;

    return e->at == 0 ? NGX_OK : ngx_recording_editor_copy_change(e, 1);
}


/*
 * Another source begins, or its headers change.  A playlist says so, unless one
 * file goes on where the other has ended; MP4 has one header.
 */

static ngx_int_t
ngx_recording_editor_copy_change(ngx_recording_editor_t *e, ngx_uint_t begins)
{
    ngx_uint_t              same;
    ngx_recording_media_t  *media;

    media = e->copy.source->media;

    if (!e->format->endless) {
        return begins ? NGX_OK
               : ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_BAD,
                     "the headers of file %llu change, which one MP4 cannot "
                     "have: let OutputConfig.Type be hls",
                     (unsigned long long) e->inputs[e->at].id);
    }

    same = ngx_recording_mux_same(e->mux, media);

    if (same && (!begins || ngx_recording_editor_copy_follows(e))) {
        return NGX_OK;
    }

    if (ngx_recording_editor_copy_flush(e) != NGX_OK) {
        return NGX_ERROR;
    }

    if (e->mux->format->change(e->mux, same ? NULL : media) != NGX_OK
        || ngx_recording_journal_media_thread(e->mux) != NGX_OK)
    {
        return ngx_recording_editor_broken(e);
    }

    return NGX_OK;
}


/* whether it was cut off the one before, at an interval */

static ngx_uint_t
ngx_recording_editor_copy_follows(ngx_recording_editor_t *e)
{
    ngx_recording_editor_input_t  *in;

    in = &e->inputs[e->at];

    return e->edit.inputs[e->at].start <= 0
           && e->edit.inputs[e->at - 1].end < 0
           && in->follows
           && in->start_us - in[-1].end_us < NGX_RECORDING_EDITOR_NEAR;
}


/* NGX_DONE: nothing of the source is needed any more */

static ngx_int_t
ngx_recording_editor_copy_frame(ngx_recording_editor_t *e,
    ngx_recording_source_frame_t *frame)
{
    ngx_recording_editor_copy_t   *copy;
    ngx_recording_editor_frame_t   f;

    copy = &e->copy;

    if (frame->changed) {

        if (ngx_recording_editor_copy_change(e, 0) != NGX_OK) {
            return NGX_ERROR;
        }

        e->mux->key = frame->pts + copy->base;
    }

    f.frame = *frame;
    f.data = malloc(frame->size);

    if (f.data == NULL) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                         "there is no memory");
    }

    ngx_memcpy(f.data, frame->data, frame->size);
    f.frame.data = f.data;

    if (copy->placed) {
        return ngx_recording_editor_copy_put(e, &f);
    }

    if (ngx_recording_editor_copy_keep(e, &copy->waits, &f) != NGX_OK) {
        return NGX_ERROR;
    }

    /* until there is a picture, if there is to be one */

    if (copy->source->media[NGX_RECORDING_VIDEO].present
        && frame->track != NGX_RECORDING_VIDEO
        && copy->waits.n < NGX_RECORDING_EDITOR_PENDING)
    {
        return NGX_OK;
    }

    return ngx_recording_editor_copy_place(e);
}


/* its first picture, or sound, is shown where the one before ends */

static ngx_int_t
ngx_recording_editor_copy_place(ngx_recording_editor_t *e)
{
    int64_t                        least, first;
    ngx_int_t                      rc;
    ngx_uint_t                     i, n;
    ngx_recording_source_frame_t  *frame;
    ngx_recording_editor_copy_t   *copy;

    copy = &e->copy;

    if (copy->waits.n == 0) {
        return NGX_OK;
    }

    least = INT64_MAX;
    first = copy->waits.frame[0].frame.pts;

    for (i = 0; i < copy->waits.n; i++) {
        frame = &copy->waits.frame[i].frame;
        least = ngx_min(least, frame->dts);

        if (frame->track == NGX_RECORDING_VIDEO) {
            first = frame->pts;
        }
    }

    copy->base = e->at == 0 ? NGX_RECORDING_EDITOR_BEGIN - least
                            : e->shown - first;
    copy->placed = 1;

    /* a segment that begins here begins with that */

    e->mux->key = first + copy->base;

    n = copy->waits.n;
    copy->waits.n = 0;

    for (rc = NGX_OK, i = 0; i < n; i++) {

        if (rc == NGX_OK) {
            rc = ngx_recording_editor_copy_put(e, &copy->waits.frame[i]);

        } else {
            free(copy->waits.frame[i].data);
        }
    }

    return rc;
}


/* takes the frame's memory, whatever it returns */

static ngx_int_t
ngx_recording_editor_copy_put(ngx_recording_editor_t *e,
    ngx_recording_editor_frame_t *f)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i, n;
    ngx_recording_editor_copy_t  *copy;

    copy = &e->copy;
    rc = ngx_recording_editor_copy_limits(e, &f->frame);

    if (rc == NGX_AGAIN) {

        /* shown after the end: it is needed only by what is shown before */

        return ngx_recording_editor_copy_keep(e, &copy->held, f);
    }

    if (rc != NGX_OK) {
        free(f->data);
        return rc == NGX_DECLINED ? NGX_OK : rc;
    }

    if (f->frame.track == NGX_RECORDING_VIDEO) {
        n = copy->held.n;
        copy->held.n = 0;

        for (i = 0; i < n; i++) {

            if (rc == NGX_OK) {
                rc = ngx_recording_editor_copy_sample(e,
                                                      &copy->held.frame[i]);
            } else {
                free(copy->held.frame[i].data);
            }
        }

        if (rc != NGX_OK) {
            free(f->data);
            return rc;
        }
    }

    return ngx_recording_editor_copy_sample(e, f);
}


/*
 * NGX_DECLINED: it is not of the time that is asked for; NGX_AGAIN: it is only
 * if another one needs it; NGX_DONE: it is not, and nothing later is.
 */

static ngx_int_t
ngx_recording_editor_copy_limits(ngx_recording_editor_t *e,
    ngx_recording_source_frame_t *frame)
{
    int64_t                       end, out;
    ngx_uint_t                    both;
    ngx_recording_editor_copy_t  *copy;

    copy = &e->copy;
    end = e->edit.inputs[e->at].end;

    /* without it there would be a hole before one that was needed */

    if (frame->track == NGX_RECORDING_VIDEO && frame->pts < copy->picture) {
        return NGX_OK;
    }

    if (end >= 0 && frame->dts >= end) {
        copy->over |= 1 << frame->track;

        both = (copy->source->media[NGX_RECORDING_VIDEO].present
                << NGX_RECORDING_VIDEO)
               | (copy->source->media[NGX_RECORDING_AUDIO].present
                  << NGX_RECORDING_AUDIO);

        return copy->over == both || frame->dts >= end + 10000 ? NGX_DONE
                                                               : NGX_DECLINED;
    }

    if (frame->track == NGX_RECORDING_VIDEO) {
        return end >= 0 && frame->pts >= end ? NGX_AGAIN : NGX_OK;
    }

    /* sound that the one before has already: two would play at a time */

    out = frame->pts + copy->base;

    return e->at > 0
           && out + ngx_recording_mux_lasts(e->mux, NGX_RECORDING_AUDIO) / 2
              < e->heard
           ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_recording_editor_copy_sample(ngx_recording_editor_t *e,
    ngx_recording_editor_frame_t *f)
{
    ngx_recording_mux_t           *mux;
    ngx_recording_sample_t         s;
    ngx_recording_source_frame_t  *frame;

    mux = e->mux;
    frame = &f->frame;

    ngx_memzero(&s, sizeof(ngx_recording_sample_t));

    s.track = frame->track;
    s.dts = ngx_max(frame->dts + e->copy.base, 0);
    s.composition = (int32_t) (frame->pts - frame->dts);
    s.wall = e->inputs[e->at].start_us + frame->pts * 1000
             - ngx_recording_store_shift(mux->store);
    s.data = f->data;
    s.size = frame->size;
    s.media = f->data;
    s.media_size = frame->size;
    s.key = frame->key;
    s.idr = frame->idr;
    s.cut = frame->key && s.track == NGX_RECORDING_VIDEO;

    ngx_recording_editor_copy_join(e, frame);
    ngx_recording_editor_copy_shown(e, frame);

    if (ngx_recording_editor_copy_keep(e, &e->pending, f) != NGX_OK) {
        return NGX_ERROR;
    }

    e->bytes += frame->size;
    mux->file.in++;

    if (ngx_recording_mux_sample_thread(mux, &s) != NGX_OK) {
        return ngx_recording_editor_broken(e);
    }

    if (mux->full) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_BAD,
                                         "they have more frames than one MP4 "
                                         "can have");
    }

    return e->pending.n == NGX_RECORDING_EDITOR_PENDING
           || e->bytes >= NGX_RECORDING_EDITOR_BYTES
           ? ngx_recording_editor_copy_flush(e) : NGX_OK;
}


/*
 * Pictures of H.264 are counted on from the last IDR picture: behind others, a
 * source that begins with another key frame, as of an open GOP, is put in a
 * wrong order, and only encoding it anew would help.
 */

static void
ngx_recording_editor_copy_join(ngx_recording_editor_t *e,
    ngx_recording_source_frame_t *frame)
{
    ngx_recording_media_t  *media;

    media = e->copy.source->media;

    if (frame->track != NGX_RECORDING_VIDEO || e->copy.picture != INT64_MIN
        || media[NGX_RECORDING_VIDEO].codec.codec != NGX_RECORDING_CODEC_H264
        || e->mux->samples[NGX_RECORDING_VIDEO] == 0
        || frame->idr || ngx_recording_editor_copy_follows(e))
    {
        return;
    }

    if (e->open++ == 0) {
        e->opened = e->inputs[e->at].id;
    }
}


/* what is shown of the source: from where on, and where it ends by now */

static void
ngx_recording_editor_copy_shown(ngx_recording_editor_t *e,
    ngx_recording_source_frame_t *frame)
{
    int64_t                       end, start;
    ngx_recording_editor_copy_t  *copy;

    copy = &e->copy;
    start = e->edit.inputs[e->at].start;
    end = frame->pts + ngx_recording_mux_lasts(e->mux, frame->track);

    if (frame->track == NGX_RECORDING_VIDEO) {
        copy->picture = ngx_max(copy->picture, end);

    } else {
        copy->sound = ngx_max(copy->sound, end);
        e->heard = ngx_max(e->heard, end + copy->base);

        if (copy->source->media[NGX_RECORDING_VIDEO].present) {
            return;
        }
    }

    /* the first file of an MP4 has what was before, but does not show it */

    if (e->at == 0 && copy->source->cut && !e->format->endless
        && frame->pts < start)
    {
        return;
    }

    copy->from = ngx_min(copy->from, frame->pts);
}


static ngx_int_t
ngx_recording_editor_copy_flush(ngx_recording_editor_t *e)
{
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = e->mux;
    rc = ngx_recording_mux_flush_thread(mux);

    ngx_recording_editor_copy_free(&e->pending);
    e->bytes = 0;

    /* what the system writes at once would be in the way of what is live */

    if (rc == NGX_OK
        && (off_t) ngx_recording_mux_size(mux) - e->synced
           >= NGX_RECORDING_EDITOR_SYNC)
    {
        e->synced = (off_t) ngx_recording_mux_size(mux);
        rc = ngx_recording_journal_checkpoint_thread(mux, 1);
    }

    return rc == NGX_OK ? NGX_OK : ngx_recording_editor_broken(e);
}


/* of this source; the next one follows where it ends */

static ngx_int_t
ngx_recording_editor_copy_end(ngx_recording_editor_t *e)
{
    int64_t                       end, usual;
    ngx_recording_edit_input_t   *part;
    ngx_recording_editor_copy_t  *copy;

    copy = &e->copy;
    part = &e->edit.inputs[e->at];

    if (!copy->placed
        && ngx_recording_editor_copy_place(e) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (copy->from == INT64_MAX) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_BAD,
                                         "file %llu has no frame from %lld ms "
                                         "to where it is to end",
                                         (unsigned long long)
                                         e->inputs[e->at].id,
                                         (long long) part->start);
    }

    /* sound that goes on after the last picture counts, but for a frame */

    usual = ngx_recording_mux_lasts(e->mux, NGX_RECORDING_AUDIO) + 2;
    end = copy->picture == INT64_MIN || copy->sound > copy->picture + usual
          ? copy->sound : copy->picture;

    part->from = copy->from;
    part->to = end;

    if (e->at == 0 && copy->source->cut && !e->format->endless
        && copy->source->media[NGX_RECORDING_VIDEO].present)
    {
        e->origin = copy->from + copy->base;
    }

    e->shown = end + copy->base;
    e->at++;

    ngx_recording_source_close_thread(copy->source);
    ngx_recording_editor_copy_free(&copy->held);
    ngx_memzero(copy, sizeof(ngx_recording_editor_copy_t));

    return NGX_OK;
}


/* once a second how far it is; NGX_AGAIN: others have their turn */

static ngx_int_t
ngx_recording_editor_copy_told(ngx_recording_editor_t *e)
{
    int64_t     now;
    ngx_int_t   rc;
    ngx_uint_t  done;

    now = ngx_recording_mono();

    if (e->change.state == NGX_RECORDING_CHANGE_IDLE) {

        done = (ngx_uint_t) (e->mux->samples[NGX_RECORDING_VIDEO]
                             || e->mux->samples[NGX_RECORDING_AUDIO]
               ? ngx_max(ngx_recording_mux_end(e->mux)
                         - NGX_RECORDING_EDITOR_BEGIN, 0) * 98
                 / ngx_max(e->total, 1)
               : 0);
        done = ngx_min(done, 98);

        if (now - e->told < 1000000 || done <= e->progress.progress) {
            return NGX_AGAIN;
        }

        e->told = now;
        e->progress.progress = done;
    }

    rc = ngx_recording_editor_ask(e, ngx_recording_catalogue_edit_progress,
                                  &e->progress, 0);
    if (rc == NGX_BUSY) {
        e->step = ngx_recording_editor_copy_told;
        return NGX_BUSY;
    }

    /* that it could not be told does not matter */

    e->step = ngx_recording_editor_copy;

    return NGX_AGAIN;
}


void
ngx_recording_editor_copy_stop(ngx_recording_editor_t *e)
{
    if (e->copy.source) {
        ngx_recording_source_close_thread(e->copy.source);
    }

    ngx_recording_editor_copy_free(&e->copy.waits);
    ngx_recording_editor_copy_free(&e->copy.held);
    ngx_recording_editor_copy_free(&e->pending);

    ngx_memzero(&e->copy, sizeof(ngx_recording_editor_copy_t));
}


/* takes the frame's memory; NGX_ERROR: there are too many */

static ngx_int_t
ngx_recording_editor_copy_keep(ngx_recording_editor_t *e,
    ngx_recording_editor_list_t *list, ngx_recording_editor_frame_t *f)
{
    if (list->n == NGX_RECORDING_EDITOR_PENDING) {
        free(f->data);

        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_SOURCE,
                                         "file %llu has too many pictures that "
                                         "are decoded before they are shown",
                                         (unsigned long long)
                                         e->inputs[e->at].id);
    }

    list->frame[list->n++] = *f;

    return NGX_OK;
}


static void
ngx_recording_editor_copy_free(ngx_recording_editor_list_t *list)
{
    ngx_uint_t  i;

    for (i = 0; i < list->n; i++) {
        free(list->frame[i].data);
    }

    list->n = 0;
}
