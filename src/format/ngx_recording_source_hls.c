
/*
 * A playlist with its segments, as this module's own muxer writes them: they
 * are read one after the other, as their times run on.
 */


#include "ngx_recording_hls.h"
#include "ngx_recording_nal.h"
#include "ngx_recording_reader.h"
#include "ngx_recording_sets.h"
#include "ngx_recording_source.h"


#define NGX_RECORDING_SOURCE_HLS_CLOCK  ((int64_t) 1 << 33)
#define NGX_RECORDING_SOURCE_HLS_FIRST  20000    /* packets, in which tracks
                                                    begin */

#define NGX_RECORDING_SOURCE_HLS_IDR        5
#define NGX_RECORDING_SOURCE_HLS_SPS        7
#define NGX_RECORDING_SOURCE_HLS_PPS        8
#define NGX_RECORDING_SOURCE_HLS_DELIMITER  9


/* what a track is read into: a PES */

typedef struct {
    u_char                 *data;
    size_t                  size;
    size_t                  room;
    size_t                  at;            /* what was given of it */
    int64_t                 dts;           /* 90 kHz */
    int64_t                 pts;
    unsigned                open:1;
    unsigned                whole:1;
    unsigned                key:1;
} ngx_recording_source_pes_t;


typedef struct {
    int64_t                *begin;         /* ms, of each segment */
    ngx_uint_t              n;
    ngx_uint_t              room;
    ngx_uint_t              next;          /* the one that is opened next */
    off_t                   pos;           /* in the open one */
    int64_t                 last;          /* 90 kHz, of what was read, without
                                              an end */
    u_char                 *units;         /* a frame as it is given */
    ngx_recording_source_pes_t  pes[NGX_RECORDING_TRACKS];
    ngx_recording_reader_t  reader;
} ngx_recording_source_hls_t;


/* a packet's payload */

typedef struct {
    ngx_uint_t              track;
    u_char                 *p;
    size_t                  size;
    unsigned                start:1;
    unsigned                key:1;
} ngx_recording_source_packet_t;


static ngx_int_t ngx_recording_source_hls_open(
    ngx_recording_source_t *source);
static ngx_int_t ngx_recording_source_hls_list(
    ngx_recording_source_t *source, ngx_recording_source_hls_t *hls);
static ngx_int_t ngx_recording_source_hls_zero(
    ngx_recording_source_t *source);
static ngx_int_t ngx_recording_source_hls_segment(
    ngx_recording_source_t *source);
static ngx_int_t ngx_recording_source_hls_seek(
    ngx_recording_source_t *source, int64_t ms);
static ngx_int_t ngx_recording_source_hls_next(
    ngx_recording_source_t *source, ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_source_hls_packet(
    ngx_recording_source_t *source, ngx_recording_source_packet_t *packet);
static ngx_int_t ngx_recording_source_hls_take(
    ngx_recording_source_t *source, ngx_recording_source_packet_t *packet);
static ngx_int_t ngx_recording_source_hls_head(
    ngx_recording_source_pes_t *pes, ngx_recording_source_packet_t *packet);
static ngx_int_t ngx_recording_source_hls_give(
    ngx_recording_source_t *source, ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_source_hls_sound(
    ngx_recording_source_t *source, ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_source_hls_picture(
    ngx_recording_source_t *source, ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_source_hls_sets(
    ngx_recording_source_t *source, ngx_recording_source_pes_t *pes,
    ngx_recording_source_frame_t *frame);
static int64_t ngx_recording_source_hls_ms(ngx_recording_source_t *source,
    int64_t ticks);
static void ngx_recording_source_hls_close(ngx_recording_source_t *source);


const ngx_recording_source_kind_t  ngx_recording_source_hls = {
    "hls",
    ngx_recording_source_hls_open,
    ngx_recording_source_hls_seek,
    ngx_recording_source_hls_next,
    ngx_recording_source_hls_close
};


static ngx_int_t
ngx_recording_source_hls_open(ngx_recording_source_t *source)
{
    ngx_int_t                    rc;
    ngx_recording_source_hls_t  *hls;

    hls = calloc(1, sizeof(ngx_recording_source_hls_t));
    source->data = hls;

    if (hls == NULL) {
        return ngx_recording_source_fail(source, "there is no memory");
    }

    rc = ngx_recording_source_hls_list(source, hls);

    if (rc == NGX_OK && source->zero == -1) {
        rc = ngx_recording_source_hls_zero(source);
    }

    return rc;
}


/* when each segment begins, by the playlist */

static ngx_int_t
ngx_recording_source_hls_list(ngx_recording_source_t *source,
    ngx_recording_source_hls_t *hls)
{
    int                        fd;
    int64_t                   *begin, ms;
    ngx_int_t                  rc;
    ngx_recording_segment_t    s;
    ngx_recording_playlist_t   list;

    fd = ngx_recording_source_file_thread(source, source->path);

    if (fd == -1) {
        return ngx_recording_source_fail(source, "it cannot be opened: %s",
                                         strerror(errno));
    }

    ngx_memzero(&list, sizeof(ngx_recording_playlist_t));
    ngx_memzero(&s, sizeof(ngx_recording_segment_t));

    for (ms = 0, rc = NGX_OK; rc == NGX_OK; s.number++) {

        if (hls->n == hls->room) {
            hls->room = hls->room * 2 + 64;
            begin = realloc(hls->begin, hls->room * sizeof(int64_t));

            if (begin == NULL) {
                rc = ngx_recording_source_fail(source, "there is no memory");
                break;
            }

            hls->begin = begin;
        }

        rc = ngx_recording_playlist_next_thread(&list, fd, &s);

        if (rc == NGX_OK) {
            hls->begin[hls->n++] = ms;
            ms += s.duration;
        }
    }

    ngx_recording_close(fd);

    source->segments = hls->n;

    if (rc == NGX_DECLINED) {
        return ngx_recording_source_fail(source, "its playlist is not one of "
                                         "this module's, or has not ended");
    }

    if (rc == NGX_DONE && hls->n == 0) {
        return ngx_recording_source_fail(source, "it has no segment");
    }

    return rc == NGX_DONE ? NGX_OK : NGX_ERROR;
}


/* the first picture or sound: the smaller time of the tracks' first frames */

static ngx_int_t
ngx_recording_source_hls_zero(ngx_recording_source_t *source)
{
    int64_t                         first;
    ngx_int_t                       rc;
    ngx_uint_t                      n, seen;
    ngx_recording_source_pes_t      pes;
    ngx_recording_source_hls_t     *hls;
    ngx_recording_source_packet_t   packet;

    hls = source->data;
    first = -1;
    seen = 0;

    for (n = 0; n < NGX_RECORDING_SOURCE_HLS_FIRST && hls->next <= 1; n++) {
        rc = ngx_recording_source_hls_packet(source, &packet);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK) {

            /* the end of the first segment, or before it */

            if (hls->next == 0 && ngx_recording_source_hls_segment(source)
                                  == NGX_OK)
            {
                continue;
            }

            break;
        }

        hls->pos += NGX_RECORDING_TS_PACKET;

        if (packet.track >= NGX_RECORDING_TRACKS || !packet.start
            || (seen & (ngx_uint_t) 1 << packet.track)
            || ngx_recording_source_hls_head(&pes, &packet) != NGX_OK)
        {
            continue;
        }

        seen |= (ngx_uint_t) 1 << packet.track;
        first = first == -1 || ngx_recording_ts_distance(first, pes.pts) < 0
                ? pes.pts : first;

        if (seen == 3) {
            break;
        }
    }

    if (first == -1) {
        return source->why[0] ? NGX_ERROR
                              : ngx_recording_source_fail(source,
                                                          "it has no frame");
    }

    source->zero = first;

    source->kind->close(source);

    return source->kind->open(source);
}


/* NGX_DONE: there is no further one */

static ngx_int_t
ngx_recording_source_hls_segment(ngx_recording_source_t *source)
{
    char                         path[NGX_RECORDING_SOURCE_SEGMENT], *name;
    ngx_recording_source_hls_t  *hls;

    hls = source->data;

    if (source->fd != -1) {
        ngx_recording_close(source->fd);
        source->fd = -1;
    }

    if (hls->next == hls->n) {
        return NGX_DONE;
    }

    name = ngx_recording_source_segment(source, hls->next, path);

    source->fd = ngx_recording_source_file_thread(source, path);

    if (source->fd == -1) {
        return ngx_recording_source_fail(source, "its segment %s cannot be "
                                         "opened: %s", name,
                                         strerror(errno));
    }

    /* times are told apart by where the segment is to be */

    if (source->zero != -1 && hls->last == 0) {
        hls->last = source->zero + hls->begin[hls->next] * 90;
    }

    hls->next++;
    hls->pos = 0;
    ngx_recording_reader_init(&hls->reader, source->fd);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_source_hls_seek(ngx_recording_source_t *source, int64_t ms)
{
    ngx_uint_t                   i;
    ngx_recording_source_hls_t  *hls;

    hls = source->data;

    for (i = 0; i + 1 < hls->n && hls->begin[i + 1] <= ms; i++) {
        /* void */
    }

    /* one before: a key frame does not have to be where it begins */

    hls->next = i ? i - 1 : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_source_hls_next(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_recording_source_hls_t     *hls;
    ngx_recording_source_packet_t   packet;

    hls = source->data;

    for ( ;; ) {
        rc = ngx_recording_source_hls_give(source, frame);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        rc = ngx_recording_source_hls_packet(source, &packet);

        if (rc == NGX_OK) {
            rc = ngx_recording_source_hls_take(source, &packet);

        } else if (rc == NGX_DONE) {

            /* no PES goes on in the next segment */

            for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
                if (hls->pes[i].open) {
                    hls->pes[i].whole = 1;
                    rc = NGX_OK;
                }
            }

            if (rc == NGX_DONE) {
                rc = ngx_recording_source_hls_segment(source);
            }
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


/* the packet at hls->pos; NGX_DONE: the segment has no further one */

static ngx_int_t
ngx_recording_source_hls_packet(ngx_recording_source_t *source,
    ngx_recording_source_packet_t *packet)
{
    u_char                      *p;
    size_t                       head;
    ngx_uint_t                   pid;
    ngx_recording_source_hls_t  *hls;

    hls = source->data;

    if (source->fd == -1) {
        return NGX_DONE;
    }

    p = ngx_recording_reader_thread(&hls->reader, hls->pos,
                                    NGX_RECORDING_TS_PACKET);
    if (p == NULL) {
        return hls->reader.err
               ? ngx_recording_source_fail(source, "it cannot be read: %s",
                                           strerror(hls->reader.err))
               : NGX_DONE;
    }

    if (p[0] != 0x47) {
        return ngx_recording_source_fail(source, "its segment %lu is damaged",
                                         (unsigned long) hls->next - 1);
    }

    ngx_memzero(packet, sizeof(ngx_recording_source_packet_t));

    pid = (p[1] & 0x1f) << 8 | p[2];
    packet->track = pid - NGX_RECORDING_TS_PID;
    packet->start = (p[1] & 0x40) != 0;

    head = 4;

    if (p[3] & 0x20) {
        head += 1 + p[4];
        packet->key = p[4] && (p[5] & 0x40);
    }

    if (!(p[3] & 0x10) || head >= NGX_RECORDING_TS_PACKET) {
        packet->track = NGX_RECORDING_TRACKS;
        return NGX_OK;
    }

    packet->p = p + head;
    packet->size = NGX_RECORDING_TS_PACKET - head;

    return NGX_OK;
}


/* unless another PES is to be given before it */

static ngx_int_t
ngx_recording_source_hls_take(ngx_recording_source_t *source,
    ngx_recording_source_packet_t *packet)
{
    u_char                      *data;
    ngx_recording_source_pes_t  *pes;
    ngx_recording_source_hls_t  *hls;

    hls = source->data;

    if (packet->track >= NGX_RECORDING_TRACKS) {
        hls->pos += NGX_RECORDING_TS_PACKET;
        return NGX_OK;
    }

    pes = &hls->pes[packet->track];

    if (packet->start && pes->open) {
        pes->whole = 1;
        return NGX_OK;
    }

    hls->pos += NGX_RECORDING_TS_PACKET;

    if (packet->start) {
        pes->size = 0;
        pes->at = 0;
        pes->key = packet->key;
        pes->open = (ngx_recording_source_hls_head(pes, packet) == NGX_OK);
    }

    if (!pes->open || packet->size == 0) {
        return NGX_OK;
    }

    if (pes->size + packet->size > pes->room) {

        if (pes->size > NGX_RECORDING_SOURCE_FRAME) {
            return ngx_recording_source_fail(source, "a frame is too large");
        }

        data = realloc(pes->data, pes->room * 2 + 65536);

        if (data == NULL) {
            return ngx_recording_source_fail(source, "there is no memory");
        }

        pes->data = data;
        pes->room = pes->room * 2 + 65536;
    }

    ngx_memcpy(pes->data + pes->size, packet->p, packet->size);
    pes->size += packet->size;

    return NGX_OK;
}


/* what is left of the packet is the PES's data */

static ngx_int_t
ngx_recording_source_hls_head(ngx_recording_source_pes_t *pes,
    ngx_recording_source_packet_t *packet)
{
    size_t  head;

    head = ngx_recording_ts_times(packet->p, packet->size, &pes->dts,
                                  &pes->pts);

    packet->p += head;
    packet->size -= head;

    return head ? NGX_OK : NGX_DECLINED;
}


/* of a PES that is whole; NGX_DECLINED: none is */

static ngx_int_t
ngx_recording_source_hls_give(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_recording_source_pes_t  *pes;
    ngx_recording_source_hls_t  *hls;

    hls = source->data;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        pes = &hls->pes[i];

        if (!pes->whole) {
            continue;
        }

        ngx_memzero(frame, sizeof(ngx_recording_source_frame_t));
        frame->track = i;

        /* one without a byte has no memory either */

        if (pes->size == 0) {
            rc = NGX_DECLINED;

        } else if (i == NGX_RECORDING_VIDEO) {
            rc = ngx_recording_source_hls_picture(source, frame);

        } else {
            rc = ngx_recording_source_hls_sound(source, frame);
        }

        if (i == NGX_RECORDING_VIDEO || rc == NGX_DECLINED) {
            pes->whole = 0;
            pes->open = 0;
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


/* the next frame of a PES: only the first one has a time */

static ngx_int_t
ngx_recording_source_hls_sound(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame)
{
    size_t                       size;
    u_char                      *p;
    int64_t                      lasts;
    ngx_int_t                    rc;
    ngx_uint_t                   changed;
    ngx_recording_source_pes_t  *pes;
    ngx_recording_source_hls_t  *hls;

    hls = source->data;
    pes = &hls->pes[NGX_RECORDING_AUDIO];

    p = pes->data + pes->at;

    if (pes->size - pes->at < NGX_RECORDING_TS_HEAD) {
        return NGX_DECLINED;
    }

    size = ngx_recording_ts_audio_size(p, &lasts);

    if (size < NGX_RECORDING_TS_HEAD || size > pes->size - pes->at) {
        return NGX_DECLINED;
    }

    pes->at += size;

    frame->dts = ngx_recording_source_hls_ms(source, pes->dts);
    frame->pts = frame->dts;
    frame->key = 1;

    pes->dts += lasts;

    if ((p[1] & 0xf6) == 0xf0) {
        return ngx_recording_source_adts(source, p, size, frame);
    }

    changed = 0;
    rc = ngx_recording_source_mp3(source, p, size, &changed);

    frame->data = p;
    frame->size = size;
    frame->changed = (changed != 0);

    return rc;
}


/*
 * Units with lengths, as they were before they were muxed: without delimiters,
 * and without the parameter sets that are known.
 */

static ngx_int_t
ngx_recording_source_hls_picture(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame)
{
    size_t                       len;
    u_char                      *p, *last, *unit, *out;
    ngx_int_t                    rc;
    ngx_uint_t                   type;
    ngx_recording_media_t       *m;
    ngx_recording_source_pes_t  *pes;
    ngx_recording_source_hls_t  *hls;

    hls = source->data;
    pes = &hls->pes[NGX_RECORDING_VIDEO];
    m = &source->media[NGX_RECORDING_VIDEO];

    rc = ngx_recording_source_hls_sets(source, pes, frame);

    if (rc != NGX_OK) {
        return rc;
    }

    /* a start code is of three bytes, a length of four */

    free(hls->units);
    hls->units = malloc(pes->size + pes->size / 3 + 4);

    if (hls->units == NULL) {
        return ngx_recording_source_fail(source, "there is no memory");
    }

    out = hls->units;
    p = pes->data;
    last = p + pes->size;

    while ((unit = ngx_recording_nal_next(&p, last, &len)) != NULL) {

        if (len == 0) {
            continue;
        }

        type = *unit & 0x1f;

        if (type == NGX_RECORDING_SOURCE_HLS_DELIMITER
            || ((type == NGX_RECORDING_SOURCE_HLS_SPS
                 || type == NGX_RECORDING_SOURCE_HLS_PPS)
                && ngx_recording_sets_have(m->header, m->header_len, unit,
                                           len)))
        {
            continue;
        }

        frame->idr |= (type == NGX_RECORDING_SOURCE_HLS_IDR);

        *out++ = (u_char) (len >> 24);
        *out++ = (u_char) (len >> 16);
        *out++ = (u_char) (len >> 8);
        *out++ = (u_char) len;
        out = ngx_cpymem(out, unit, len);
    }

    if (out == hls->units) {
        return NGX_DECLINED;
    }

    frame->dts = ngx_recording_source_hls_ms(source, pes->dts);
    frame->pts = ngx_max(ngx_recording_source_hls_ms(source, pes->pts),
                         frame->dts);
    frame->data = hls->units;
    frame->size = out - hls->units;
    frame->key = pes->key || frame->idr;

    return NGX_OK;
}


/* NGX_DECLINED: none came yet, so that it cannot be decoded */

static ngx_int_t
ngx_recording_source_hls_sets(ngx_recording_source_t *source,
    ngx_recording_source_pes_t *pes, ngx_recording_source_frame_t *frame)
{
    size_t                  len, size;
    u_char                 *p, *last, *unit, *record;
    ngx_int_t               rc;
    ngx_uint_t              type, other, changed;
    ngx_recording_media_t  *m;

    m = &source->media[NGX_RECORDING_VIDEO];
    other = 0;
    p = pes->data;
    last = p + pes->size;

    while ((unit = ngx_recording_nal_next(&p, last, &len)) != NULL) {
        type = len ? *unit & 0x1f : 0;

        other |= ((type == NGX_RECORDING_SOURCE_HLS_SPS
                   || type == NGX_RECORDING_SOURCE_HLS_PPS)
                  && !(m->present
                       && ngx_recording_sets_have(m->header, m->header_len,
                                                  unit, len)));
    }

    if (!other) {
        return m->present ? NGX_OK : NGX_DECLINED;
    }

    record = malloc(pes->size + 8);

    if (record == NULL) {
        return ngx_recording_source_fail(source, "there is no memory");
    }

    rc = m->present ? NGX_OK : NGX_DECLINED;
    size = ngx_recording_nal_record(pes->data, pes->size, record);

    if (size) {
        changed = 0;
        rc = ngx_recording_source_header(source, NGX_RECORDING_VIDEO,
                                         NGX_RECORDING_CODEC_H264, record,
                                         size, &changed);
        frame->changed = (changed != 0);
    }

    free(record);

    return rc;
}


/* 33 bits go round in a day: the nearest to what was read last */

static int64_t
ngx_recording_source_hls_ms(ngx_recording_source_t *source, int64_t ticks)
{
    int64_t                      ms;
    ngx_recording_source_hls_t  *hls;

    hls = source->data;

    hls->last += ngx_recording_ts_distance(
                              hls->last & (NGX_RECORDING_SOURCE_HLS_CLOCK - 1),
                              ticks & (NGX_RECORDING_SOURCE_HLS_CLOCK - 1));

    ms = hls->last - source->zero;

    return ms < 0 ? -((45 - ms) / 90) : (ms + 45) / 90;
}


static void
ngx_recording_source_hls_close(ngx_recording_source_t *source)
{
    ngx_uint_t                   i;
    ngx_recording_source_hls_t  *hls;

    hls = source->data;

    if (hls) {

        for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
            free(hls->pes[i].data);
        }

        free(hls->begin);
        free(hls->units);
        free(hls);

        source->data = NULL;
    }

    if (source->fd != -1) {
        ngx_recording_close(source->fd);
        source->fd = -1;
    }
}
