
#include "ngx_recording_hls_ts.h"
#include "ngx_recording_ts.h"


#define NGX_RECORDING_HLS_TS_BUFFER  (NGX_RECORDING_TS_PACKET * 700)

/* ms, at most, of audio in a PES, by which libavformat ends it */
#define NGX_RECORDING_HLS_TS_AUDIO   (NGX_RECORDING_HLS_TS_DELAY / 2)

/* ms: timestamps are whole ones, and may be off by one more */
#define NGX_RECORDING_HLS_TS_EXACT   2

#define NGX_RECORDING_HLS_TS_PES     16384          /* bytes of audio in one */
#define NGX_RECORDING_HLS_TS_CLOCK   80             /* ms from PCR to PCR */

#define NGX_RECORDING_NAL_SLICE      1
#define NGX_RECORDING_NAL_PARTITION  2
#define NGX_RECORDING_NAL_IDR        5
#define NGX_RECORDING_NAL_SPS        7
#define NGX_RECORDING_NAL_PPS        8
#define NGX_RECORDING_NAL_DELIMITER  9


static ngx_int_t ngx_recording_hls_ts_sets(ngx_recording_hls_ts_t *ts);
static size_t ngx_recording_hls_ts_copy_sets(u_char *dst, size_t prefix,
    u_char *p, u_char *last);
static ngx_int_t ngx_recording_hls_ts_collect_thread(
    ngx_recording_hls_ts_t *ts, int64_t dts);
static ngx_uint_t ngx_recording_hls_ts_lacks_sets(ngx_recording_hls_ts_t *ts,
    u_char *p, size_t size, size_t *head);
static u_char *ngx_recording_hls_ts_nal(u_char *p, u_char *last,
    size_t prefix, u_char **next);


ngx_int_t
ngx_recording_hls_ts_open_thread(ngx_recording_hls_ts_t *ts,
    ngx_recording_mux_t *mux, uint64_t version,
    ngx_recording_av_write_pt write)
{
    void  *options;

    ngx_memzero(ts, sizeof(ngx_recording_hls_ts_t));

    ts->media = mux->media;

    if (ngx_recording_av_open_thread(&ts->av, mux, "mpegts",
                                     NGX_RECORDING_HLS_TS_BUFFER, write, NULL,
                                     mux)
        != NGX_OK
        || ngx_recording_hls_ts_sets(ts) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ts->av.ctx->max_delay = NGX_RECORDING_HLS_TS_DELAY * 1000;

    options = ts->av.ctx->priv_data;

    (void) av_opt_set_int(options, "tables_version", (int64_t) version % 32,
                          0);
    (void) av_opt_set_int(options, "pcr_period", NGX_RECORDING_HLS_TS_CLOCK,
                          0);
    (void) av_opt_set_int(options, "pes_payload_size",
                          NGX_RECORDING_HLS_TS_PES, 0);

    /* tables stand where a segment and where a key frame begins: enough */

    (void) av_opt_set(options, "pat_period", "86400", 0);
    (void) av_opt_set(options, "sdt_period", "86400", 0);

    ts->bare = 1;
    ts->opening = 1;

    return ngx_recording_av_start_thread(&ts->av);
}


/* those of the sequence header, as they stand in front of a sample */

static ngx_int_t
ngx_recording_hls_ts_sets(ngx_recording_hls_ts_t *ts)
{
    size_t                  prefix, size;
    u_char                 *p;
    ngx_recording_media_t  *m;

    m = &ts->media[NGX_RECORDING_VIDEO];
    prefix = m->codec.nal_length;

    if (!m->present || m->codec.codec != NGX_RECORDING_CODEC_H264
        || prefix == 0 || m->header_len <= m->header_body)
    {
        return NGX_OK;
    }

    p = m->header + m->header_body;
    size = ngx_recording_hls_ts_copy_sets(NULL, prefix, p,
                                          m->header + m->header_len);
    if (size == 0) {
        return NGX_OK;
    }

    ts->sets = malloc(size);

    if (ts->sets == NULL) {
        return NGX_ERROR;
    }

    ts->nsets = ngx_recording_hls_ts_copy_sets(ts->sets, prefix, p,
                                               m->header + m->header_len);
    return NGX_OK;
}


/*
 * From p to last is an AVCDecoderConfigurationRecord.  Returns the size of
 * its sets with a prefix of so many bytes for each, 0 if they do not fit.
 */

static size_t
ngx_recording_hls_ts_copy_sets(u_char *dst, size_t prefix, u_char *p,
    u_char *last)
{
    size_t      len, i, size;
    ngx_uint_t  n, pps;

    size = 0;
    p += 5;

    for (pps = 0; pps < 2; pps++) {

        if (p >= last) {
            return 0;
        }

        n = pps ? *p : *p & 0x1f;
        p++;

        for ( /* void */ ; n; n--) {

            if (last - p < 2) {
                return 0;
            }

            len = (size_t) p[0] << 8 | p[1];
            p += 2;

            if (len > (size_t) (last - p) || (prefix == 1 && len > 0xff)) {
                return 0;
            }

            if (dst) {
                for (i = prefix; i; i--) {
                    *dst++ = (u_char) (i > sizeof(uint16_t)
                                       ? 0 : len >> 8 * (i - 1));
                }

                ngx_memcpy(dst, p, len);
                dst += len;
            }

            size += prefix + len;
            p += len;
        }
    }

    return size;
}


void
ngx_recording_hls_ts_begin_thread(ngx_recording_hls_ts_t *ts)
{
    (void) av_opt_set(ts->av.ctx->priv_data, "mpegts_flags",
                      "+resend_headers", 0);
    ts->bare = 1;
    ts->opening = 1;
}


ngx_int_t
ngx_recording_hls_ts_packet_thread(ngx_recording_hls_ts_t *ts,
    ngx_recording_sample_t *sample, int64_t dts, int64_t pts)
{
    u_char     *p, *whole;
    size_t      size, head;
    ngx_int_t   rc;

    p = sample->media;
    size = sample->media_size;
    whole = NULL;

    if (sample->track == NGX_RECORDING_AUDIO) {

        if (ngx_recording_hls_ts_collect_thread(ts, dts) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (ts->bare
               && ngx_recording_hls_ts_lacks_sets(ts, p, size, &head))
    {
        whole = malloc(ts->nsets + size);

        if (whole == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(whole, p, head);
        ngx_memcpy(whole + head, ts->sets, ts->nsets);
        ngx_memcpy(whole + head + ts->nsets, p + head, size - head);

        p = whole;
        size += ts->nsets;
    }

    rc = ngx_recording_av_packet_thread(&ts->av, sample->track, p, size, dts,
                                        pts, 0, sample->key);
    free(whole);

    if (rc == NGX_OK && sample->track == NGX_RECORDING_VIDEO) {
        ts->bare = 0;
    }

    return rc;
}


/*
 * Only the first frame of a PES has a time, the others follow it by what
 * they last.  One that does not stand there begins a PES.  The first frame of
 * a segment is alone in one: libavformat's HLS reader, which begins there,
 * knows how long a frame lasts only after it, and would take two frames for
 * one.
 */

static ngx_int_t
ngx_recording_hls_ts_collect_thread(ngx_recording_hls_ts_t *ts, int64_t dts)
{
    int64_t                 off;
    ngx_recording_codec_t  *c;

    c = &ts->media[NGX_RECORDING_AUDIO].codec;

    if (ts->frames) {
        off = NGX_RECORDING_HLS_TS_EXACT + 1;

        if (c->samples && c->sample_rate && !ts->opening) {
            off = dts - ts->first - (int64_t) (ts->frames * c->samples)
                                    * 1000 / c->sample_rate;
        }

        if (off > NGX_RECORDING_HLS_TS_EXACT
            || off < -NGX_RECORDING_HLS_TS_EXACT)
        {
            /* of the muxer alone: the sink takes it when it takes others */

            (void) av_write_frame(ts->av.ctx, NULL);

            if (ts->av.ctx->pb->error) {
                return NGX_ERROR;
            }

            ts->frames = 0;
            ts->opening = 0;

        } else if (dts - ts->first >= NGX_RECORDING_HLS_TS_AUDIO) {
            ts->frames = 0;
        }
    }

    if (ts->frames == 0) {
        ts->first = dts;
    }

    ts->frames++;

    return NGX_OK;
}


/*
 * Whether an access unit has no parameter sets of its own.  libavformat has
 * them inserted before IDR frames only, and no more after a frame that brings
 * some of its own.  Also returns how long the head is that must stay before
 * them: to the end of the access unit delimiter.
 */

static ngx_uint_t
ngx_recording_hls_ts_lacks_sets(ngx_recording_hls_ts_t *ts, u_char *p,
    size_t size, size_t *head)
{
    u_char      *last, *next, *nal;
    size_t       prefix;
    ngx_uint_t   type, sps, pps;

    *head = 0;

    if (ts->nsets == 0) {
        return 0;
    }

    prefix = ts->media[NGX_RECORDING_VIDEO].codec.nal_length;
    last = p + size;
    sps = 0;
    pps = 0;

    for (next = p; next < last; /* void */ ) {
        nal = ngx_recording_hls_ts_nal(next, last, prefix, &next);

        if (nal == NULL) {
            break;
        }

        type = nal < next ? *nal & 0x1f : 0;

        if (type == NGX_RECORDING_NAL_DELIMITER) {
            *head = next - p;
        }

        sps |= (type == NGX_RECORDING_NAL_SPS);
        pps |= (type == NGX_RECORDING_NAL_PPS);

        if (type == NGX_RECORDING_NAL_SLICE
            || type == NGX_RECORDING_NAL_PARTITION
            || type == NGX_RECORDING_NAL_IDR)
        {
            break;
        }
    }

    return !sps || !pps;
}


/* the NAL unit behind a length, or NULL */

static u_char *
ngx_recording_hls_ts_nal(u_char *p, u_char *last, size_t prefix,
    u_char **next)
{
    size_t  len;

    if ((size_t) (last - p) < prefix) {
        return NULL;
    }

    for (len = 0; prefix; prefix--) {
        len = len << 8 | *p++;
    }

    if (len > (size_t) (last - p)) {
        return NULL;
    }

    *next = p + len;

    return p;
}


ngx_int_t
ngx_recording_hls_ts_flush_thread(ngx_recording_hls_ts_t *ts)
{
    ts->frames = 0;

    return ngx_recording_av_flush_thread(&ts->av);
}


void
ngx_recording_hls_ts_close_thread(ngx_recording_hls_ts_t *ts)
{
    ngx_recording_av_close_thread(&ts->av);

    free(ts->sets);
    ts->sets = NULL;
    ts->nsets = 0;
}
