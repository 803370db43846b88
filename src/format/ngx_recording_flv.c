
/*
 * FLV: the tags are the RTMP messages as they came.  In front stands an
 * onMetaData of fixed size, which is written over at the end with duration,
 * size and an index of key frames.
 */


#include "ngx_recording_flv.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_reader.h"


static ngx_int_t ngx_recording_flv_open(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_flv_sample(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample);
static ngx_int_t ngx_recording_flv_flush(ngx_recording_mux_t *mux);
static void ngx_recording_flv_save(ngx_recording_mux_t *mux,
    ngx_recording_journal_record_t *record);
static ngx_int_t ngx_recording_flv_restore(ngx_recording_mux_t *mux,
    ngx_recording_journal_parts_t *parts);
static ngx_int_t ngx_recording_flv_back(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_flv_reopen(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_flv_finish(ngx_recording_mux_t *mux);
static void ngx_recording_flv_close(ngx_recording_mux_t *mux);

static ngx_int_t ngx_recording_flv_create(ngx_recording_mux_t *mux);
static size_t ngx_recording_flv_found(ngx_recording_mux_t *mux,
    ngx_recording_reader_t *reader, off_t limit);
static ngx_int_t ngx_recording_flv_restored(
    ngx_recording_journal_parts_t *parts, ngx_recording_journal_flv_t *saved,
    ngx_recording_journal_list_t *first, ngx_recording_journal_list_t *keys);
static ngx_int_t ngx_recording_flv_push(ngx_recording_flv_t *flv,
    int64_t time, off_t pos);

static ngx_inline ngx_int_t ngx_recording_flv_add(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample);
static ngx_int_t ngx_recording_flv_key(ngx_recording_flv_t *flv, int64_t time,
    off_t pos);


static const char *const  ngx_recording_flv_parts[] = { ".flv", NULL };


const ngx_recording_format_t  ngx_recording_format_flv = {
    NGX_RECORDING_FORMAT_FLV,
    "flv",
    ".flv",
    0,
    NULL,
    0,
    ngx_recording_flv_parts,
    NULL,
    ngx_recording_flv_open,
    ngx_recording_flv_sample,
    ngx_recording_flv_flush,
    NULL,
    NULL,
    ngx_recording_flv_back,
    NULL,
    NULL,
    ngx_recording_flv_save,
    ngx_recording_flv_restore,
    ngx_recording_flv_reopen,
    ngx_recording_flv_finish,
    ngx_recording_flv_close
};


static ngx_int_t
ngx_recording_flv_open(ngx_recording_mux_t *mux)
{
    ngx_uint_t  i;

    if (ngx_recording_flv_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    mux->fd = ngx_recording_store_create_thread(mux->store, mux->work);

    if (mux->fd == -1) {
        return ngx_recording_mux_error(mux, "create");
    }

    mux->pos = NGX_RECORDING_FLV_START;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        ngx_recording_sample_t  sample;

        if (!mux->media[i].present || mux->media[i].header_len == 0) {
            continue;
        }

        ngx_memzero(&sample, sizeof(ngx_recording_sample_t));

        sample.track = i;
        sample.data = mux->media[i].header;
        sample.size = mux->media[i].header_len;

        (void) ngx_recording_flv_add(mux, &sample);
    }

    return ngx_recording_flv_head(mux);
}


static ngx_int_t
ngx_recording_flv_create(ngx_recording_mux_t *mux)
{
    ngx_recording_flv_t  *flv;

    flv = calloc(1, sizeof(ngx_recording_flv_t));

    if (flv == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    flv->stride = 1;
    mux->data = flv;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_flv_sample(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample)
{
    ngx_recording_flv_t  *flv;

    flv = mux->data;

    if (mux->samples[sample->track] == 0) {
        ngx_memcpy(flv->first[sample->track], sample->data,
                   ngx_min(sample->size, 5));
    }

    if (sample->track == NGX_RECORDING_VIDEO && sample->key
        && ngx_recording_flv_key(flv, sample->dts,
                                 mux->pos + flv->iov.size
                                 + (flv->n ? NGX_RECORDING_FLV_BACK : 0))
           != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "allocate");
    }

    return ngx_recording_flv_add(mux, sample);
}


static ngx_inline ngx_int_t
ngx_recording_flv_add(ngx_recording_mux_t *mux, ngx_recording_sample_t *sample)
{
    u_char               *p, *start;
    ngx_recording_flv_t  *flv;

    flv = mux->data;

    start = flv->between[flv->n];
    p = start;

    if (flv->n) {
        p = ngx_recording_flv_u32(p, flv->back);
    }

    p = ngx_recording_flv_tag(p, sample->track == NGX_RECORDING_VIDEO
                                 ? NGX_RECORDING_FLV_VIDEO
                                 : NGX_RECORDING_FLV_AUDIO,
                              sample->size, sample->dts);

    ngx_recording_iov_add(&flv->iov, start, p - start);
    ngx_recording_iov_add(&flv->iov, sample->data, sample->size);

    flv->back = NGX_RECORDING_FLV_TAG + sample->size;

    if (++flv->n == NGX_RECORDING_FLV_SAMPLES) {
        return ngx_recording_flv_flush(mux);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_flv_flush(ngx_recording_mux_t *mux)
{
    size_t                size;
    ngx_recording_flv_t  *flv;

    flv = mux->data;

    if (flv->n == 0) {
        return NGX_OK;
    }

    (void) ngx_recording_flv_u32(flv->between[flv->n], flv->back);

    ngx_recording_iov_add(&flv->iov, flv->between[flv->n],
                          NGX_RECORDING_FLV_BACK);

    flv->n = 0;
    size = flv->iov.size;

    if (ngx_recording_io_writev_thread(mux->fd, &flv->iov, mux->pos)
        != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "write");
    }

    mux->pos += size;

    ngx_recording_mux_written(mux);

    return NGX_OK;
}


/* the keys that the file has no more are gone */

static ngx_int_t
ngx_recording_flv_back(ngx_recording_mux_t *mux)
{
    ngx_recording_flv_t  *flv;

    flv = mux->data;

    while (flv->nkeys && flv->keys[flv->nkeys - 1].pos >= mux->pos) {
        flv->nkeys--;
    }

    flv->nsaved = ngx_min(flv->nsaved, flv->nkeys);

    flv->n = 0;
    flv->iov.n = 0;
    flv->iov.size = 0;

    return ngx_recording_mux_cut_thread(mux, mux->fd, mux->pos);
}


/* when the index is full, every second entry goes */

static ngx_int_t
ngx_recording_flv_key(ngx_recording_flv_t *flv, int64_t time, off_t pos)
{
    ngx_uint_t  i;

    if (flv->seen++ % flv->stride) {
        return NGX_OK;
    }

    if (flv->nkeys == NGX_RECORDING_FLV_KEYS) {

        for (i = 0; i < flv->nkeys / 2; i++) {
            flv->keys[i] = flv->keys[i * 2];
        }

        flv->nkeys = i;
        flv->nsaved = 0;
        flv->stride *= 2;
    }

    return ngx_recording_flv_push(flv, time, pos);
}


static ngx_int_t
ngx_recording_flv_push(ngx_recording_flv_t *flv, int64_t time, off_t pos)
{
    ngx_recording_flv_key_t  *keys;

    if (flv->nkeys == flv->allocated) {
        flv->allocated = ngx_min(ngx_max(flv->allocated * 2, 16),
                                 NGX_RECORDING_FLV_KEYS);

        keys = realloc(flv->keys,
                       flv->allocated * sizeof(ngx_recording_flv_key_t));

        if (keys == NULL) {
            flv->allocated = flv->nkeys;
            return NGX_ERROR;
        }

        flv->keys = keys;
    }

    flv->keys[flv->nkeys].time = time;
    flv->keys[flv->nkeys].pos = pos;
    flv->nkeys++;

    return NGX_OK;
}


/* the keys that the journal does not have yet */

static void
ngx_recording_flv_save(ngx_recording_mux_t *mux,
    ngx_recording_journal_record_t *record)
{
    ngx_recording_flv_t  *flv;

    flv = mux->data;

    if (mux->anew) {
        flv->nsaved = 0;
    }

    flv->saved.stride = flv->stride;
    flv->saved.seen = flv->seen;
    flv->saved.from = flv->nsaved;

    ngx_recording_journal_layout_add(record, &flv->saved, 1,
                                     sizeof(flv->saved));
    ngx_recording_journal_layout_add(record, flv->first, NGX_RECORDING_TRACKS,
                                     sizeof(flv->first[0]));
    ngx_recording_journal_layout_add(record,
                                     flv->nkeys ? flv->keys + flv->nsaved
                                                : NULL,
                                     flv->nkeys - flv->nsaved,
                                     sizeof(ngx_recording_flv_key_t));

    flv->nsaved = flv->nkeys;
}


static ngx_int_t
ngx_recording_flv_restore(ngx_recording_mux_t *mux,
    ngx_recording_journal_parts_t *parts)
{
    ngx_uint_t                     i;
    ngx_recording_flv_t           *flv;
    ngx_recording_flv_key_t        key;
    ngx_recording_journal_flv_t    saved;
    ngx_recording_journal_list_t   first, keys;

    if (mux->data == NULL && ngx_recording_flv_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    flv = mux->data;

    if (ngx_recording_flv_restored(parts, &saved, &first, &keys) != NGX_OK
        || saved.from > flv->nkeys || saved.stride == 0)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        ngx_recording_journal_layout_get(&first, i, flv->first[i],
                                         sizeof(flv->first[i]));
    }

    flv->stride = saved.stride;
    flv->seen = saved.seen;
    flv->nkeys = saved.from;

    for (i = 0; i < keys.n; i++) {
        ngx_recording_journal_layout_get(&keys, i, &key, sizeof(key));

        if (flv->nkeys == NGX_RECORDING_FLV_KEYS) {
            return NGX_DECLINED;
        }

        if (ngx_recording_flv_push(flv, key.time, key.pos) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    flv->nsaved = flv->nkeys;

    return NGX_OK;
}


/* the parts of a state; version 1 had them in one */

static ngx_int_t
ngx_recording_flv_restored(ngx_recording_journal_parts_t *parts,
    ngx_recording_journal_flv_t *saved, ngx_recording_journal_list_t *first,
    ngx_recording_journal_list_t *keys)
{
    ngx_recording_journal_flv_1_t  old;

    if (parts->version != 1) {
        return ngx_recording_journal_layout_take(parts, saved, sizeof(*saved))
               == NGX_OK
               && ngx_recording_journal_layout_next(parts, first) == NGX_OK
               && ngx_recording_journal_layout_next(parts, keys) == NGX_OK
               ? NGX_OK : NGX_DECLINED;
    }

    if (parts->size < sizeof(old)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(&old, parts->p, sizeof(old));

    saved->stride = old.stride;
    saved->seen = old.seen;
    saved->from = old.from;

    first->p = parts->p;
    first->n = NGX_RECORDING_JOURNAL_TRACKS_1;
    first->size = sizeof(old.first[0]);

    keys->p = parts->p + sizeof(old);
    keys->size = sizeof(ngx_recording_flv_key_t);
    keys->n = (parts->size - sizeof(old)) / keys->size;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_flv_reopen(ngx_recording_mux_t *mux)
{
    off_t                    limit;
    size_t                   size;
    ngx_recording_reader_t  *reader;

    if (mux->data == NULL && ngx_recording_flv_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    mux->fd = ngx_recording_store_reopen_thread(mux->store, mux->work);

    if (mux->fd == -1) {
        return ngx_recording_mux_error(mux, "open");
    }

    ngx_recording_mux_seen(mux, mux->fd);

    if (mux->pos == 0) {
        mux->pos = NGX_RECORDING_FLV_START;
    }

    limit = ngx_recording_io_solid_thread(mux->fd,
                                             NGX_RECORDING_FLV_START);

    if (limit == -1) {
        return ngx_recording_mux_error(mux, "stat");
    }

    if (limit < mux->pos) {

        /* what the journal told is gone: the whole file is read */

        ngx_recording_mux_forget(mux);
        ngx_recording_flv_close(mux);
        mux->data = NULL;

        if (ngx_recording_flv_create(mux) != NGX_OK) {
            return NGX_ERROR;
        }

        mux->pos = NGX_RECORDING_FLV_START;
    }

    reader = malloc(sizeof(ngx_recording_reader_t));

    if (reader == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    ngx_recording_reader_init(reader, mux->fd);

    while ((size = ngx_recording_flv_found(mux, reader, limit)) != 0) {
        mux->pos += size;
    }

    /* nothing is cut off because it cannot be read now */

    if (reader->err) {
        errno = reader->err;
        free(reader);

        return ngx_recording_mux_error(mux, "read");
    }

    free(reader);

    if (ngx_recording_ftruncate(mux->fd, mux->pos) == -1) {
        return ngx_recording_mux_error(mux, "truncate");
    }

    return NGX_OK;
}


/* the size of a whole tag at mux->pos, which is counted, or 0 */

static size_t
ngx_recording_flv_found(ngx_recording_mux_t *mux,
    ngx_recording_reader_t *reader, off_t limit)
{
    u_char                 *p, head[NGX_RECORDING_FRAME_HEAD], type;
    size_t                  size, body;
    int64_t                 time;
    ngx_uint_t              track;
    ngx_recording_flv_t    *flv;
    ngx_recording_frame_t   f;

    flv = mux->data;

    p = ngx_recording_reader_thread(reader, mux->pos, NGX_RECORDING_FLV_TAG);

    if (p == NULL) {
        return 0;
    }

    type = p[0];
    body = (size_t) p[1] << 16 | (size_t) p[2] << 8 | p[3];
    time = (int64_t) p[7] << 24 | (int64_t) p[4] << 16 | (int64_t) p[5] << 8
           | p[6];
    size = NGX_RECORDING_FLV_TAG + body;

    if ((type != NGX_RECORDING_FLV_VIDEO && type != NGX_RECORDING_FLV_AUDIO)
        || body == 0
        || mux->pos + (off_t) size + NGX_RECORDING_FLV_BACK > limit)
    {
        return 0;
    }

    ngx_memzero(head, sizeof(head));

    p = ngx_recording_reader_thread(reader,
                                    mux->pos + NGX_RECORDING_FLV_TAG,
                                    ngx_min(body, sizeof(head)));
    if (p == NULL) {
        return 0;
    }

    ngx_memcpy(head, p, ngx_min(body, sizeof(head)));

    p = ngx_recording_reader_thread(reader, mux->pos + size,
                                    NGX_RECORDING_FLV_BACK);

    if (p == NULL
        || ((size_t) p[0] << 24 | (size_t) p[1] << 16 | (size_t) p[2] << 8
            | p[3]) != size)
    {
        return 0;
    }

    track = type == NGX_RECORDING_FLV_VIDEO ? NGX_RECORDING_VIDEO
                                            : NGX_RECORDING_AUDIO;

    if (ngx_recording_frame_parse(&f, track, head,
                                  ngx_min(body, sizeof(head)))
        == NGX_OK
        && !f.header)
    {
        if (mux->samples[track] == 0) {
            ngx_memcpy(flv->first[track], head, 5);
        }

        if (track == NGX_RECORDING_VIDEO && f.key
            && ngx_recording_flv_key(flv, time, mux->pos) != NGX_OK)
        {
            return 0;
        }

        ngx_recording_mux_found(mux, track, time, time + f.composition);
    }

    return size + NGX_RECORDING_FLV_BACK;
}


static ngx_int_t
ngx_recording_flv_finish(ngx_recording_mux_t *mux)
{
    if (ngx_recording_mux_wake_thread(mux) != NGX_OK
        || ngx_recording_flv_head(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what a failed write may have left behind the last whole tag */

    if (ngx_recording_ftruncate(mux->fd, mux->pos) == -1) {
        return ngx_recording_mux_error(mux, "truncate");
    }

    if (ngx_recording_fsync(mux->fd) == -1) {
        return ngx_recording_mux_taint(mux, "sync");
    }

    mux->file.size = mux->pos;

    return NGX_OK;
}


static void
ngx_recording_flv_close(ngx_recording_mux_t *mux)
{
    ngx_recording_flv_t  *flv;

    flv = mux->data;

    free(flv->keys);
    free(flv);
}
