
/*
 * AAC: ADTS frames.
 */


#include "ngx_recording_av.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_reader.h"


#define NGX_RECORDING_AAC_BUFFER  16384
#define NGX_RECORDING_ADTS_HEAD   7


typedef struct {
    ngx_recording_av_t      av;
    int64_t                 last;          /* DTS */
    off_t                   whole;         /* end of the last whole frame */
} ngx_recording_aac_t;


static ngx_int_t ngx_recording_aac_open(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_aac_sample(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample);
static ngx_int_t ngx_recording_aac_flush(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_aac_back(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_aac_reopen(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_aac_finish(ngx_recording_mux_t *mux);
static void ngx_recording_aac_close(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_aac_create(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_aac_scan(ngx_recording_mux_t *mux,
    off_t limit);
static int ngx_recording_aac_write(void *data, ngx_recording_av_byte_t *buf,
    int size);


static const char *const  ngx_recording_aac_parts[] = { ".aac", NULL };


const ngx_recording_format_t  ngx_recording_format_aac = {
    NGX_RECORDING_FORMAT_AAC,
    "aac",
    ".aac",
    ngx_recording_codec_bit(NGX_RECORDING_CODEC_AAC),
    "adts",
    0,
    ngx_recording_aac_parts,
    NULL,
    ngx_recording_aac_open,
    ngx_recording_aac_sample,
    ngx_recording_aac_flush,
    NULL,
    NULL,
    ngx_recording_aac_back,
    NULL,
    NULL,
    NULL,
    NULL,
    ngx_recording_aac_reopen,
    ngx_recording_aac_finish,
    ngx_recording_aac_close
};


static ngx_int_t
ngx_recording_aac_open(ngx_recording_mux_t *mux)
{
    mux->fd = ngx_recording_store_create_thread(mux->store, mux->work);

    if (mux->fd == -1) {
        return ngx_recording_mux_error(mux, "create");
    }

    return ngx_recording_aac_create(mux);
}


static ngx_int_t
ngx_recording_aac_create(ngx_recording_mux_t *mux)
{
    ngx_recording_aac_t  *aac;

    aac = calloc(1, sizeof(ngx_recording_aac_t));

    if (aac == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    mux->data = aac;
    mux->timeless = 1;
    aac->last = -1;

    if (ngx_recording_av_open_thread(&aac->av, mux, "adts",
                                     NGX_RECORDING_AAC_BUFFER,
                                     ngx_recording_aac_write, NULL, mux)
        != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "allocate");
    }

    return ngx_recording_av_start_thread(&aac->av) == NGX_OK
           ? NGX_OK
           : ngx_recording_mux_damaged(mux, "start the ADTS muxer of");
}


static ngx_int_t
ngx_recording_aac_sample(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample)
{
    ngx_int_t             rc;
    ngx_recording_aac_t  *aac;

    aac = mux->data;

    /* ADTS has no time, but the muxer wants one that grows */

    aac->last = ngx_max(aac->last + 1, sample->dts);

    rc = ngx_recording_av_packet_thread(&aac->av, NGX_RECORDING_AUDIO,
                                        sample->media, sample->media_size,
                                        aac->last, aac->last, 0, 1);
    if (rc == NGX_DECLINED) {
        mux->pending--;
        mux->file.dropped[NGX_RECORDING_DROP_BROKEN]++;
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_recording_aac_flush(ngx_recording_mux_t *mux)
{
    ngx_recording_aac_t  *aac;

    aac = mux->data;

    avio_flush(aac->av.ctx->pb);

    if (aac->av.ctx->pb->error) {
        return NGX_ERROR;
    }

    aac->whole = mux->pos;
    ngx_recording_mux_written(mux);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_aac_back(ngx_recording_mux_t *mux)
{
    ngx_recording_aac_t  *aac;

    aac = mux->data;
    aac->whole = mux->pos;

    return ngx_recording_mux_cut_thread(mux, mux->fd, mux->pos);
}


static ngx_int_t
ngx_recording_aac_reopen(ngx_recording_mux_t *mux)
{
    off_t                 limit;
    ngx_recording_aac_t  *aac;

    mux->fd = ngx_recording_store_reopen_thread(mux->store, mux->work);

    if (mux->fd == -1) {
        return ngx_recording_mux_error(mux, "open");
    }

    ngx_recording_mux_seen(mux, mux->fd);

    if (ngx_recording_aac_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    limit = ngx_recording_io_solid_thread(mux->fd, 0);

    if (limit == -1) {
        return ngx_recording_mux_error(mux, "stat");
    }

    if (limit < mux->pos) {

        /* what the journal told is gone: the whole file is read */

        ngx_recording_mux_forget(mux);
    }

    if (ngx_recording_aac_scan(mux, limit) != NGX_OK) {
        return NGX_ERROR;
    }

    aac = mux->data;
    aac->whole = mux->pos;
    aac->last = mux->last[NGX_RECORDING_AUDIO];

    if (ngx_recording_ftruncate(mux->fd, mux->pos) == -1) {
        return ngx_recording_mux_error(mux, "truncate");
    }

    return NGX_OK;
}


/* counts the whole frames from mux->pos on; they carry no time */

static ngx_int_t
ngx_recording_aac_scan(ngx_recording_mux_t *mux, off_t limit)
{
    u_char                  *p;
    size_t                   size;
    int64_t                  from, dts;
    uint64_t                 n;
    ngx_recording_codec_t   *c;
    ngx_recording_reader_t  *reader;

    reader = malloc(sizeof(ngx_recording_reader_t));

    if (reader == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    ngx_recording_reader_init(reader, mux->fd);

    c = &mux->media[NGX_RECORDING_AUDIO].codec;
    from = mux->last[NGX_RECORDING_AUDIO];
    n = mux->samples[NGX_RECORDING_AUDIO] ? 1 : 0;

    for ( ;; ) {
        p = ngx_recording_reader_thread(reader, mux->pos,
                                        NGX_RECORDING_ADTS_HEAD);

        if (p == NULL || p[0] != 0xff || (p[1] & 0xf6) != 0xf0) {
            break;
        }

        size = (size_t) (p[3] & 3) << 11 | (size_t) p[4] << 3 | p[5] >> 5;

        if (size < NGX_RECORDING_ADTS_HEAD
            || mux->pos + (off_t) size > limit)
        {
            break;
        }

        dts = from;

        if (c->sample_rate) {
            dts += (int64_t) (n * c->samples * 1000 / c->sample_rate);
        }

        ngx_recording_mux_found(mux, NGX_RECORDING_AUDIO, dts, dts);

        mux->pos += size;
        n++;
    }

    if (reader->err) {
        errno = reader->err;
        free(reader);

        return ngx_recording_mux_error(mux, "read");
    }

    free(reader);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_aac_finish(ngx_recording_mux_t *mux)
{
    ngx_recording_aac_t  *aac;

    aac = mux->data;

    if (ngx_recording_mux_wake_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    /* what a failed write may have left behind the last frame */

    if (ngx_recording_ftruncate(mux->fd, aac->whole) == -1) {
        return ngx_recording_mux_error(mux, "truncate");
    }

    if (ngx_recording_fsync(mux->fd) == -1) {
        return ngx_recording_mux_taint(mux, "sync");
    }

    mux->file.size = aac->whole;

    return NGX_OK;
}


static void
ngx_recording_aac_close(ngx_recording_mux_t *mux)
{
    ngx_recording_aac_t  *aac;

    aac = mux->data;

    ngx_recording_av_close_thread(&aac->av);
    free(aac);
}


static int
ngx_recording_aac_write(void *data, ngx_recording_av_byte_t *buf, int size)
{
    ngx_recording_mux_t *mux = data;

    if (ngx_recording_io_write_thread(mux->fd, (u_char *) buf, size,
                                         mux->pos)
        != NGX_OK)
    {
        (void) ngx_recording_mux_error(mux, "write");
        return AVERROR(mux->err);
    }

    mux->pos += size;

    return size;
}
