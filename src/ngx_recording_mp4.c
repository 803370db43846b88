
#include "ngx_recording_av.h"
#include "ngx_recording_mp4.h"
#include <libavutil/intreadwrite.h>


#define NGX_RECORDING_MP4_MDAT     16        /* header with a 64-bit size */
#define NGX_RECORDING_MP4_FREE     8         /* the least that a box takes */
#define NGX_RECORDING_MP4_HEAD     256       /* more than ftyp takes */
#define NGX_RECORDING_MP4_RECORDS  2048      /* read at a time */
#define NGX_RECORDING_MP4_BUFFER   65536


/* an index and what a first reading says of it */

typedef struct {
    int                     fd;
    uint64_t                n;
    int64_t                 lower;           /* composition time if < 0 */
    uint32_t                largest;         /* sample */
    uint64_t                shift;
} ngx_recording_mp4_index_t;


/* keeps what the muxer writes outside the media data */

typedef struct {
    int64_t                 pos;
    int64_t                 tail;            /* end of the media data */
    u_char                  head[NGX_RECORDING_MP4_HEAD];
    u_char                 *moov;
    size_t                  size;
    size_t                  allocated;
} ngx_recording_mp4_sink_t;


static ngx_int_t ngx_recording_mp4_scan(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index);
static ngx_int_t ngx_recording_mp4_pass(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index, ngx_recording_mp4_sink_t *sink);
static ngx_int_t ngx_recording_mp4_replay(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index, ngx_recording_av_t *av);
static ngx_int_t ngx_recording_mp4_sample(ngx_recording_av_t *av,
    ngx_recording_mp4_index_t *index, ngx_recording_mp4_record_t *r,
    int64_t *last, u_char *dummy);
static ngx_int_t ngx_recording_mp4_read(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index, ngx_recording_mp4_record_t *records,
    uint64_t from, size_t n);
static int ngx_recording_mp4_write(void *data, ngx_recording_av_byte_t *buf,
    int size);
static int64_t ngx_recording_mp4_seek(void *data, int64_t offset, int whence);


void
ngx_recording_mp4_seal(ngx_recording_mp4_record_t *record)
{
    record->crc = av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), UINT32_MAX,
                         (u_char *) record,
                         offsetof(ngx_recording_mp4_record_t, crc));
}


ngx_int_t
ngx_recording_mp4_check(ngx_recording_mp4_record_t *record)
{
    uint32_t  crc;

    crc = av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), UINT32_MAX,
                 (u_char *) record, offsetof(ngx_recording_mp4_record_t, crc));

    return crc == record->crc && record->track < NGX_RECORDING_TRACKS
           && record->size && record->offset >= NGX_RECORDING_MP4_RESERVE
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_recording_mp4_front_thread(ngx_recording_mux_t *mux, int fd, uint64_t n,
    uint64_t end, size_t block, ngx_recording_mp4_front_t *front)
{
    size_t                     head, room, need;
    ngx_recording_mp4_sink_t   sink;
    ngx_recording_mp4_index_t  index;

    index.fd = fd;
    index.n = n;
    index.shift = front->shift;

    if (ngx_recording_mp4_scan(mux, &index) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&sink, sizeof(ngx_recording_mp4_sink_t));

    for ( ;; ) {

        sink.pos = 0;
        sink.size = 0;
        sink.tail = end + index.shift;

        if (ngx_recording_mp4_pass(mux, &index, &sink) != NGX_OK) {
            free(sink.moov);
            return NGX_ERROR;
        }

        /*
         * What is over becomes a free box.  Moving the media data changes
         * the chunk offsets, and these may then need more room: so it is
         * done again until it fits.
         */

        head = AV_RB32(sink.head);
        room = NGX_RECORDING_MP4_RESERVE + index.shift
               - NGX_RECORDING_MP4_MDAT;
        need = head + sink.size;

        if (need == room || need + NGX_RECORDING_MP4_FREE <= room) {
            break;
        }

        index.shift += ngx_align(need + NGX_RECORDING_MP4_FREE - room, block);
    }

    front->shift = index.shift;
    front->size = room + NGX_RECORDING_MP4_MDAT;
    front->data = calloc(1, front->size);

    if (front->data == NULL) {
        free(sink.moov);
        return ngx_recording_mux_error(mux, "allocate");
    }

    ngx_memcpy(front->data, sink.head, head);
    ngx_memcpy(front->data + head, sink.moov, sink.size);

    free(sink.moov);

    if (need < room) {
        AV_WB32(front->data + need, (uint32_t) (room - need));
        ngx_memcpy(front->data + need + 4, "free", 4);
    }

    AV_WB32(front->data + room, 1);
    ngx_memcpy(front->data + room + 4, "mdat", 4);
    AV_WB64(front->data + room + 8,
            end - NGX_RECORDING_MP4_RESERVE + NGX_RECORDING_MP4_MDAT);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_mp4_scan(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index)
{
    size_t                       i, part;
    uint64_t                     from;
    ngx_recording_mp4_record_t  *records;

    index->lower = 0;
    index->largest = 0;

    records = malloc(NGX_RECORDING_MP4_RECORDS
                     * sizeof(ngx_recording_mp4_record_t));

    if (records == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    for (from = 0; from < index->n; from += part) {
        part = ngx_min(index->n - from, NGX_RECORDING_MP4_RECORDS);

        if (ngx_recording_mp4_read(mux, index, records, from, part)
            != NGX_OK)
        {
            free(records);
            return NGX_ERROR;
        }

        for (i = 0; i < part; i++) {
            index->lower = ngx_min(index->lower, records[i].composition);
            index->largest = ngx_max(index->largest, records[i].size);
        }
    }

    free(records);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_mp4_pass(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index, ngx_recording_mp4_sink_t *sink)
{
    ngx_int_t           rc;
    ngx_recording_av_t  av;

    rc = ngx_recording_av_open_thread(&av, mux, "mp4",
                                      NGX_RECORDING_MP4_BUFFER,
                                      ngx_recording_mp4_write,
                                      ngx_recording_mp4_seek, sink);
    if (rc != NGX_OK) {
        rc = ngx_recording_mux_error(mux, "allocate");
        goto done;
    }

    /* the payload is not there: nothing of it is to be copied */

    av.ctx->pb->direct = 1;

    if (ngx_recording_av_start_thread(&av) != NGX_OK) {
        rc = ngx_recording_mux_error(mux, "start the MP4 muxer");
        goto done;
    }

    rc = ngx_recording_mp4_replay(mux, index, &av);

    if (rc != NGX_OK) {
        goto done;
    }

    (void) avio_seek(av.ctx->pb, sink->tail, SEEK_SET);

    if (ngx_recording_av_end_thread(&av) != NGX_OK || sink->size == 0) {
        errno = ENOMEM;
        rc = ngx_recording_mux_error(mux, "make the sample table");
    }

done:

    ngx_recording_av_close_thread(&av);

    return rc;
}


static ngx_int_t
ngx_recording_mp4_replay(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index, ngx_recording_av_t *av)
{
    size_t                       i, part;
    u_char                      *dummy;
    int64_t                      last[NGX_RECORDING_TRACKS];
    uint64_t                     from;
    ngx_int_t                    rc;
    ngx_recording_mp4_record_t  *records;

    records = malloc(NGX_RECORDING_MP4_RECORDS
                     * sizeof(ngx_recording_mp4_record_t));

    /* one zeroed buffer stands for every payload */

    dummy = calloc(1, index->largest + AV_INPUT_BUFFER_PADDING_SIZE);

    if (records == NULL || dummy == NULL) {
        rc = ngx_recording_mux_error(mux, "allocate");
        goto done;
    }

    last[NGX_RECORDING_VIDEO] = INT64_MIN;
    last[NGX_RECORDING_AUDIO] = INT64_MIN;

    for (rc = NGX_OK, from = 0; from < index->n; from += part) {
        part = ngx_min(index->n - from, NGX_RECORDING_MP4_RECORDS);

        rc = ngx_recording_mp4_read(mux, index, records, from, part);

        if (rc != NGX_OK) {
            goto done;
        }

        for (i = 0; i < part; i++) {
            rc = ngx_recording_mp4_sample(av, index, &records[i], last,
                                          dummy);
            if (rc != NGX_OK) {
                rc = ngx_recording_mux_error(mux, "replay the index");
                goto done;
            }
        }
    }

done:

    free(records);
    free(dummy);

    return rc;
}


static ngx_int_t
ngx_recording_mp4_sample(ngx_recording_av_t *av,
    ngx_recording_mp4_index_t *index, ngx_recording_mp4_record_t *r,
    int64_t *last, u_char *dummy)
{
    int64_t  dts, pts, offset;

    /* PTS stays, DTS grows strictly and is never behind it */

    dts = r->dts + (r->track == NGX_RECORDING_VIDEO ? index->lower : 0);
    pts = r->dts + r->composition;

    if (dts <= last[r->track]) {
        dts = last[r->track] + 1;
    }

    last[r->track] = dts;

    offset = (int64_t) (r->offset + index->shift);

    if (avio_tell(av->ctx->pb) != offset) {
        (void) avio_seek(av->ctx->pb, offset, SEEK_SET);
    }

    if (ngx_recording_av_packet_thread(av, r->track, dummy, r->size, dts,
                                       ngx_max(pts, dts), r->duration, r->key)
        != NGX_OK)
    {
        errno = EINVAL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_mp4_read(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index, ngx_recording_mp4_record_t *records,
    uint64_t from, size_t n)
{
    size_t  i;

    if (ngx_recording_io_read_thread(index->fd, records,
                               n * sizeof(ngx_recording_mp4_record_t),
                               from * sizeof(ngx_recording_mp4_record_t))
        != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "read the index");
    }

    for (i = 0; i < n; i++) {
        if (ngx_recording_mp4_check(&records[i]) != NGX_OK) {
            errno = EINVAL;
            return ngx_recording_mux_error(mux, "read the damaged index");
        }
    }

    return NGX_OK;
}


static int
ngx_recording_mp4_write(void *data, ngx_recording_av_byte_t *buf, int size)
{
    ngx_recording_mp4_sink_t *sink = data;

    u_char  *p;
    size_t   end, allocated;

    if (sink->pos >= sink->tail) {

        end = sink->pos - sink->tail + size;

        if (end > sink->allocated) {
            allocated = ngx_max(sink->allocated * 2, end + 65536);
            p = realloc(sink->moov, allocated);

            if (p == NULL) {
                return AVERROR(ENOMEM);
            }

            sink->moov = p;
            sink->allocated = allocated;
        }

        ngx_memcpy(sink->moov + (sink->pos - sink->tail), buf, size);
        sink->size = ngx_max(sink->size, end);

    } else if (sink->pos + size <= NGX_RECORDING_MP4_HEAD) {
        ngx_memcpy(sink->head + sink->pos, buf, size);
    }

    sink->pos += size;

    return size;
}


static int64_t
ngx_recording_mp4_seek(void *data, int64_t offset, int whence)
{
    ngx_recording_mp4_sink_t *sink = data;

    if (whence == AVSEEK_SIZE) {
        return AVERROR(ENOSYS);
    }

    if (whence == SEEK_CUR) {
        offset += sink->pos;

    } else if (whence != SEEK_SET) {
        return AVERROR(EINVAL);
    }

    sink->pos = offset;

    return offset;
}
