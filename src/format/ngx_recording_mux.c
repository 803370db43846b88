
#include "ngx_recording_mux.h"


#define NGX_RECORDING_MUX_GAPS   16

/* a step that is so many times the usual one is a hole */
#define NGX_RECORDING_MUX_HOLE   4

/* ms: the first step of a file, at most, and a frame of which none is known */
#define NGX_RECORDING_MUX_FIRST  20000
#define NGX_RECORDING_MUX_FRAME  40


static ngx_inline void ngx_recording_mux_came(ngx_recording_mux_t *mux,
    ngx_uint_t track, int64_t dts, int64_t pts);
static ngx_inline void ngx_recording_mux_step(ngx_recording_mux_t *mux,
    ngx_uint_t track, int64_t step);
static int64_t ngx_recording_mux_spans(ngx_recording_mux_t *mux);
static int64_t ngx_recording_mux_plays(ngx_recording_mux_t *mux,
    int64_t spans);
static void ngx_recording_mux_tell(ngx_recording_mux_t *mux,
    ngx_recording_board_file_t *told);


ngx_recording_mux_t *
ngx_recording_mux_create_thread(const ngx_recording_format_t *format,
    ngx_recording_store_t *store, ngx_recording_media_t *media)
{
    ngx_recording_mux_t  *mux;

    mux = calloc(1, sizeof(ngx_recording_mux_t));

    if (mux == NULL) {
        return NULL;
    }

    mux->format = format;
    mux->store = store;
    mux->fd = -1;
    mux->journal = -1;
    mux->file.format = format->name;
    mux->claim.extension = format->extension;
    mux->file.claim = &mux->claim;

    if (ngx_recording_mux_tracks_thread(mux, media) != NGX_OK) {
        ngx_recording_mux_close_thread(mux);
        errno = ENOMEM;
        return NULL;
    }

    if (!mux->media[NGX_RECORDING_VIDEO].present
        && !mux->media[NGX_RECORDING_AUDIO].present)
    {
        ngx_recording_mux_close_thread(mux);
        errno = 0;
        return NULL;
    }

    return mux;
}


ngx_int_t
ngx_recording_mux_tracks_thread(ngx_recording_mux_t *mux,
    ngx_recording_media_t *media)
{
    ngx_uint_t              i;
    ngx_recording_file_t   *file;
    ngx_recording_codec_t  *c;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        free(mux->media[i].header);
        ngx_memzero(&mux->media[i], sizeof(ngx_recording_media_t));

        if (!media[i].present
            || !ngx_recording_mux_takes(mux->format, &media[i]))
        {
            continue;
        }

        if (ngx_recording_media_copy(&mux->media[i], &media[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    file = &mux->file;

    if (mux->media[NGX_RECORDING_VIDEO].present) {
        c = &mux->media[NGX_RECORDING_VIDEO].codec;

        file->video = c->codec;
        file->width = c->width;
        file->height = c->height;
    }

    if (mux->media[NGX_RECORDING_AUDIO].present) {
        file->audio = mux->media[NGX_RECORDING_AUDIO].codec.codec;
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_mux_sample_thread(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample)
{
    ngx_recording_mux_came(mux, sample->track, sample->dts,
                           sample->dts + sample->composition);

    mux->wall = sample->wall;
    mux->pending += 1 + sample->joined;

    if (mux->format->sample(mux, sample) != NGX_OK) {
        return NGX_ERROR;
    }

    mux->samples[sample->track]++;

    return NGX_OK;
}


void
ngx_recording_mux_time(ngx_recording_mux_t *mux, ngx_uint_t track,
    int64_t dts, int64_t pts)
{
    ngx_recording_mux_came(mux, track, dts, pts);
}


/* in place for each sample that comes */

static ngx_inline void
ngx_recording_mux_came(ngx_recording_mux_t *mux, ngx_uint_t track,
    int64_t dts, int64_t pts)
{
    ngx_recording_shown_t  *shown;

    shown = &mux->shown[track];

    if (mux->samples[track]) {
        ngx_recording_mux_step(mux, track, dts - mux->last[track]);
        shown->high = ngx_max(shown->high, pts);

    } else {
        shown->first = pts;
        shown->high = pts;
    }

    mux->last[track] = dts;
}


/*
 * The usual distance of a track's frames.  A hole must not become the length
 * of the frame that follows it, but a stream may have a few frames a minute:
 * what comes twice is no hole.
 */

static ngx_inline void
ngx_recording_mux_step(ngx_recording_mux_t *mux, ngx_uint_t track,
    int64_t step)
{
    int64_t                 usual;
    ngx_recording_shown_t  *shown;

    if (step <= 0) {
        return;
    }

    shown = &mux->shown[track];
    usual = mux->step[track] ? mux->step[track] : shown->before;

    if (usual == 0) {
        mux->step[track] = ngx_min(step, NGX_RECORDING_MUX_FIRST);

    } else if (step <= usual * NGX_RECORDING_MUX_HOLE
               || (shown->odd && step <= shown->odd * NGX_RECORDING_MUX_HOLE
                   && shown->odd <= step * NGX_RECORDING_MUX_HOLE))
    {
        mux->step[track] = step;
        shown->odd = 0;

    } else {
        shown->odd = step;
    }
}


void
ngx_recording_mux_found(ngx_recording_mux_t *mux, ngx_uint_t track,
    int64_t dts, int64_t pts)
{
    ngx_recording_mux_time(mux, track, dts, pts);

    mux->samples[track]++;
    mux->file.written++;
}


void
ngx_recording_mux_forget(ngx_recording_mux_t *mux)
{
    mux->pos = 0;
    mux->file.written = 0;

    ngx_recording_mux_untime(mux);
}


void
ngx_recording_mux_untime(ngx_recording_mux_t *mux)
{
    ngx_uint_t  i;

    ngx_memzero(mux->last, sizeof(mux->last));
    ngx_memzero(mux->step, sizeof(mux->step));
    ngx_memzero(mux->samples, sizeof(mux->samples));

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        mux->shown[i].first = 0;
        mux->shown[i].high = 0;
        mux->shown[i].odd = 0;
    }
}


void
ngx_recording_mux_follow(ngx_recording_mux_t *mux,
    ngx_recording_mux_t *before, ngx_uint_t track, int64_t dts)
{
    ngx_uint_t              i;
    ngx_recording_shown_t  *shown;

    shown = &before->shown[track];

    if (before->samples[track] && before->step[track] == 0
        && shown->before == 0 && dts > before->last[track])
    {
        shown->before = ngx_min(dts - before->last[track],
                                NGX_RECORDING_MUX_FIRST);
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        mux->shown[i].before = before->step[i] ? before->step[i]
                                               : before->shown[i].before;
    }
}


void
ngx_recording_mux_written(ngx_recording_mux_t *mux)
{
    mux->file.written += mux->pending;
    mux->pending = 0;

    ngx_recording_mux_keep(mux);

    ngx_recording_growth_set(mux->store, &mux->growth, mux->file.id,
                             (int64_t) ngx_recording_mux_size(mux));
}


void
ngx_recording_mux_keep(ngx_recording_mux_t *mux)
{
    ngx_memcpy(mux->written.last, mux->last, sizeof(mux->last));
    ngx_memcpy(mux->written.step, mux->step, sizeof(mux->step));
    ngx_memcpy(mux->written.shown, mux->shown, sizeof(mux->shown));
}


void
ngx_recording_mux_undo(ngx_recording_mux_t *mux)
{
    mux->pending = 0;

    if (mux->file.written == 0) {
        return;
    }

    ngx_memcpy(mux->last, mux->written.last, sizeof(mux->last));
    ngx_memcpy(mux->step, mux->written.step, sizeof(mux->step));
    ngx_memcpy(mux->shown, mux->written.shown, sizeof(mux->shown));
}


void
ngx_recording_mux_busy(ngx_recording_mux_t *mux)
{
    mux->busy = 1;

    ngx_recording_busy_add(&mux->store->busy, mux->file.id);
}


void
ngx_recording_mux_show(ngx_recording_mux_t *mux)
{
    ngx_recording_board_file_t  told;

    ngx_recording_mux_tell(mux, &told);
    ngx_recording_growth_show(mux->store, &mux->growth, &told);
}


void
ngx_recording_mux_known(ngx_recording_mux_t *mux)
{
    ngx_recording_board_file_t  told;

    ngx_recording_mux_tell(mux, &told);
    ngx_recording_growth_known(&mux->growth, &told);
}


static void
ngx_recording_mux_tell(ngx_recording_mux_t *mux,
    ngx_recording_board_file_t *told)
{
    ngx_uint_t             i;
    ngx_recording_file_t  *file;

    file = &mux->file;

    ngx_memzero(told, sizeof(ngx_recording_board_file_t));

    told->id = (int64_t) file->id;
    told->recording_id = (int64_t) file->recording_id;
    told->duration = ngx_recording_mux_plays(mux,
                                             ngx_recording_mux_spans(mux));
    told->bytes = (int64_t) ngx_recording_mux_size(mux);
    told->frame = mux->wall + ngx_recording_store_shift(mux->store);
    told->in = (int64_t) file->in;
    told->written = (int64_t) file->written;

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        told->dropped[i] = (int64_t) file->dropped[i];
    }
}


ngx_int_t
ngx_recording_mux_flush_thread(ngx_recording_mux_t *mux)
{
    int64_t    begin;
    uint64_t   size;
    ngx_int_t  rc;

    size = ngx_recording_mux_size(mux);
    begin = ngx_recording_mono();

    rc = mux->format->flush(mux);

    if (size != ngx_recording_mux_size(mux)) {
        ngx_recording_board_time(&mux->store->board, NGX_RECORDING_BOARD_WRITE,
                                 ngx_recording_mono() - begin);
    }

    if (rc == NGX_OK) {
        ngx_recording_mux_show(mux);
    }

    return rc;
}


void
ngx_recording_mux_uncount(ngx_recording_mux_t *mux)
{
    ngx_recording_growth_end(mux->store, &mux->growth);
}


ngx_int_t
ngx_recording_mux_gap(ngx_recording_mux_t *mux, int64_t at, int64_t length)
{
    ngx_recording_gap_t   *gap;
    ngx_recording_file_t  *file;

    file = &mux->file;

    if (file->ngaps == NGX_RECORDING_FILE_GAPS) {
        file->more++;
        file->more_length += length;

        return NGX_OK;
    }

    if (file->ngaps % NGX_RECORDING_MUX_GAPS == 0) {
        gap = realloc(file->gaps, (file->ngaps + NGX_RECORDING_MUX_GAPS)
                                  * sizeof(ngx_recording_gap_t));
        if (gap == NULL) {
            return ngx_recording_mux_error(mux, "allocate");
        }

        file->gaps = gap;
    }

    gap = &file->gaps[file->ngaps++];

    gap->at = at;
    gap->length = length;

    return NGX_OK;
}


void
ngx_recording_mux_seen(ngx_recording_mux_t *mux, int fd)
{
    struct stat  st;

    /* one that has no more than its journal says was left in peace */

    if (mux->killed && fstat(fd, &st) == 0
        && (mux->format->endless || st.st_size > mux->pos))
    {
        mux->wall = ngx_max(mux->wall,
                            (int64_t) st.st_mtim.tv_sec * 1000000
                            + st.st_mtim.tv_nsec / 1000
                            - ngx_recording_store_shift(mux->store));
    }
}


ngx_uint_t
ngx_recording_mux_same(ngx_recording_mux_t *mux,
    ngx_recording_media_t *media)
{
    ngx_uint_t              i;
    ngx_recording_media_t  *m;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        m = &mux->media[i];

        if (m->present != (media[i].present
                           && ngx_recording_mux_takes(mux->format,
                                                      &media[i])))
        {
            return 0;
        }

        if (m->present
            && (m->header_len != media[i].header_len
                || ngx_memcmp(&m->codec, &media[i].codec,
                              sizeof(ngx_recording_codec_t))
                   != 0
                || (m->header_len
                    && ngx_memcmp(m->header, media[i].header, m->header_len)
                       != 0)))
        {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_recording_mux_takes(const ngx_recording_format_t *format,
    ngx_recording_media_t *media)
{
    return format->codecs == 0
           || ((format->codecs & ngx_recording_codec_bit(media->codec.codec))
               && !(media->refused & ((uint32_t) 1 << format->number)));
}


void
ngx_recording_mux_refuse(const ngx_recording_format_t *format,
    ngx_recording_media_t *media)
{
    media->refused |= (uint32_t) 1 << format->number;
}


ngx_uint_t
ngx_recording_mux_any(const ngx_recording_format_t *format,
    ngx_recording_media_t *media)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        if (media[i].present && ngx_recording_mux_takes(format, &media[i])) {
            return 1;
        }
    }

    return 0;
}


void
ngx_recording_mux_measure(ngx_recording_mux_t *mux)
{
    int64_t                spans;
    ngx_uint_t             i;
    ngx_recording_file_t  *file;

    file = &mux->file;

    spans = ngx_recording_mux_spans(mux);

    file->duration = ngx_recording_mux_plays(mux, spans);
    file->end = file->start + spans * 1000;
    file->size = ngx_recording_mux_size(mux);

    for (i = 0; i < file->ngaps; i++) {
        file->end += file->gaps[i].length * 1000;
    }

    file->end += file->more_length * 1000;
}


/* the time of what was written, ms, with the holes that it has */

static int64_t
ngx_recording_mux_spans(ngx_recording_mux_t *mux)
{
    int64_t  end;

    end = ngx_recording_mux_end(mux);

    return mux->anchored && !mux->timeless
           ? ngx_max(end - ngx_recording_mux_origin(mux), 0) : end;
}


/* and how much of it plays */

static int64_t
ngx_recording_mux_plays(ngx_recording_mux_t *mux, int64_t spans)
{
    ngx_recording_codec_t  *c;

    c = &mux->media[NGX_RECORDING_AUDIO].codec;

    if (mux->timeless && c->samples && c->sample_rate) {
        return (int64_t) (mux->file.written * c->samples * 1000
                          / c->sample_rate);
    }

    return mux->timeless && mux->anchored
           ? ngx_max(spans - ngx_recording_mux_origin(mux), 0) : spans;
}


int64_t
ngx_recording_mux_end(ngx_recording_mux_t *mux)
{
    int64_t     end;
    ngx_uint_t  i;

    end = 0;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        if (mux->samples[i] == 0) {
            continue;
        }

        end = ngx_max(end, ngx_max(mux->last[i], mux->shown[i].high)
                           + ngx_recording_mux_lasts(mux, i));
    }

    return end;
}


int64_t
ngx_recording_mux_lasts(ngx_recording_mux_t *mux, ngx_uint_t track)
{
    ngx_recording_codec_t  *c;

    c = &mux->media[track].codec;

    if (c->samples && c->sample_rate) {
        return ((int64_t) c->samples * 1000 + c->sample_rate / 2)
               / c->sample_rate;
    }

    if (mux->step[track]) {
        return mux->step[track];
    }

    return mux->shown[track].before ? mux->shown[track].before
                                    : NGX_RECORDING_MUX_FRAME;
}


int64_t
ngx_recording_mux_origin(ngx_recording_mux_t *mux)
{
    int64_t     origin;
    ngx_uint_t  i;

    if (mux->origin) {
        return mux->origin;
    }

    origin = INT64_MAX;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        if (mux->samples[i]) {
            origin = ngx_min(origin, mux->shown[i].first);
        }
    }

    return origin == INT64_MAX ? 0 : origin;
}


void
ngx_recording_mux_render(ngx_recording_mux_t *mux)
{
    ngx_recording_file_t         *file;
    ngx_recording_path_values_t   v;

    file = &mux->file;

    v.app = file->stream->app;
    v.stream = file->stream->name;
    v.domain = file->stream->domain;
    v.format = file->format;
    v.recording_id = file->recording_id;
    v.random = file->random;
    v.start = file->start;
    v.end = file->end;
    v.zone = mux->zone;

    mux->claim.len = ngx_recording_path_render(mux->path, &v,
                                               mux->claim.base);
}


ngx_int_t
ngx_recording_mux_error(ngx_recording_mux_t *mux, const char *op)
{
    mux->op = op;
    mux->err = errno;
    mux->damaged = 0;

    return NGX_ERROR;
}


ngx_int_t
ngx_recording_mux_damaged(ngx_recording_mux_t *mux, const char *op)
{
    mux->op = op;
    mux->err = EINVAL;
    mux->damaged = 1;

    return NGX_ERROR;
}


void
ngx_recording_mux_close_thread(ngx_recording_mux_t *mux)
{
    ngx_uint_t  i;

    if (mux->data) {
        mux->format->close(mux);
    }

    ngx_recording_mux_uncount(mux);

    if (mux->busy) {
        ngx_recording_busy_remove(&mux->store->busy, mux->file.id);
    }

    ngx_recording_mux_rest_thread(mux);

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        free(mux->media[i].header);
    }

    free(mux->file.gaps);
    free(mux->meta);
    free(mux->own);
    free(mux);
}
