
#include "ngx_recording_av.h"
#include "ngx_recording_mp4_index.h"
#include <libavutil/intreadwrite.h>


#define NGX_RECORDING_MP4_MDAT     16        /* header with a 64-bit size */
#define NGX_RECORDING_MP4_FREE     8         /* the least that a box takes */
#define NGX_RECORDING_MP4_HEAD     256       /* more than ftyp takes */
#define NGX_RECORDING_MP4_RECORDS  2048      /* read at a time */
#define NGX_RECORDING_MP4_BUFFER   65536


/* an index and what a first reading says of it; times in ms */

typedef struct {
    int                     fd;
    uint64_t                n;
    uint64_t                samples[NGX_RECORDING_TRACKS];
    int64_t                 origin;          /* PTS that players begin with */
    int64_t                 lower;           /* composition time if < 0 */
    int64_t                 high;            /* the highest PTS of video */
    int64_t                 end;             /* where that picture ends */
    int64_t                 late;            /* composition time of the last
                                                picture */
    uint32_t                largest;         /* sample */
    uint64_t                shift;
} ngx_recording_mp4_index_t;


/* a reading that feeds the muxer; times in its ticks, of which a ms has k */

typedef struct {
    ngx_recording_av_t     *av;
    ngx_recording_mp4_index_t  *index;
    uint64_t                left[NGX_RECORDING_TRACKS];
    int64_t                 k;
    int64_t                 first;           /* DTS and PTS of video */
    int64_t                 start;
    int64_t                 last;
    ngx_recording_mp4_sound_t  sound;
    u_char                 *dummy;           /* stands for every payload */
} ngx_recording_mp4_play_t;


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
static ngx_int_t ngx_recording_mp4_begin(ngx_recording_mux_t *mux,
    ngx_recording_mp4_play_t *play);
static ngx_int_t ngx_recording_mp4_sample(ngx_recording_mp4_play_t *play,
    ngx_recording_mp4_record_t *r);
static void ngx_recording_mp4_picture(ngx_recording_mp4_play_t *play,
    ngx_recording_mp4_record_t *r, int64_t *dts, int64_t *pts,
    int64_t *duration);
static ngx_int_t ngx_recording_mp4_read(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index, ngx_recording_mp4_record_t *records,
    uint64_t from, size_t n);
static int ngx_recording_mp4_write(void *data, ngx_recording_av_byte_t *buf,
    int size);
static int64_t ngx_recording_mp4_seek(void *data, int64_t offset, int whence);


void
ngx_recording_mp4_index_seal(ngx_recording_mp4_record_t *records,
    ngx_uint_t n)
{
    ngx_uint_t    i;
    const AVCRC  *table;

    table = av_crc_get_table(AV_CRC_32_IEEE_LE);

    for (i = 0; i < n; i++) {
        records[i].crc = av_crc(table, UINT32_MAX, (u_char *) &records[i],
                                offsetof(ngx_recording_mp4_record_t, crc));
    }
}


ngx_int_t
ngx_recording_mp4_index_check(ngx_recording_mp4_record_t *record)
{
    uint32_t  crc;

    crc = av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), UINT32_MAX,
                 (u_char *) record, offsetof(ngx_recording_mp4_record_t, crc));

    return crc == record->crc && record->track < NGX_RECORDING_TRACKS
           && record->size && record->offset >= NGX_RECORDING_MP4_RESERVE
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_recording_mp4_index_front_thread(ngx_recording_mux_t *mux, int fd,
    uint64_t n, uint64_t end, size_t block, ngx_recording_mp4_front_t *front)
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


/* what counts is what is in the file, whatever was handed over */

static ngx_int_t
ngx_recording_mp4_scan(ngx_recording_mux_t *mux,
    ngx_recording_mp4_index_t *index)
{
    size_t                       i, part;
    uint64_t                     from;
    ngx_recording_media_t       *media;
    ngx_recording_mp4_record_t  *r, *records;

    index->lower = 0;
    index->late = 0;
    index->largest = 0;

    ngx_recording_mux_untime(mux);

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
            r = &records[i];
            media = &mux->media[r->track];

            if (media->refused && !media->present) {
                continue;
            }

            ngx_recording_mux_time(mux, r->track, r->dts,
                                   r->dts + r->composition);
            mux->samples[r->track]++;

            index->lower = ngx_min(index->lower, r->composition);
            index->largest = ngx_max(index->largest, r->size);

            if (r->track == NGX_RECORDING_VIDEO) {
                index->late = r->composition;
            }
        }
    }

    free(records);

    ngx_memcpy(index->samples, mux->samples, sizeof(index->samples));

    index->origin = ngx_recording_mux_origin(mux);
    index->high = mux->shown[NGX_RECORDING_VIDEO].high;
    index->end = index->high
                 + ngx_recording_mux_lasts(mux, NGX_RECORDING_VIDEO);

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
        rc = ngx_recording_mux_damaged(mux, "start the MP4 muxer");
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
    uint64_t                     from;
    ngx_int_t                    rc;
    ngx_recording_mp4_play_t     play;
    ngx_recording_mp4_record_t  *records;

    play.av = av;
    play.index = index;

    records = malloc(NGX_RECORDING_MP4_RECORDS
                     * sizeof(ngx_recording_mp4_record_t));

    play.dummy = calloc(1, index->largest + AV_INPUT_BUFFER_PADDING_SIZE);

    if (records == NULL || play.dummy == NULL) {
        rc = ngx_recording_mux_error(mux, "allocate");
        goto done;
    }

    rc = ngx_recording_mp4_begin(mux, &play);

    for (from = 0; rc == NGX_OK && from < index->n; from += part) {
        part = ngx_min(index->n - from, NGX_RECORDING_MP4_RECORDS);

        rc = ngx_recording_mp4_read(mux, index, records, from, part);

        for (i = 0; rc == NGX_OK && i < part; i++) {
            rc = ngx_recording_mp4_sample(&play, &records[i]);

            if (rc != NGX_OK) {
                rc = ngx_recording_mux_damaged(mux, "replay the index");
            }
        }
    }

done:

    free(records);
    free(play.dummy);

    return rc;
}


static ngx_int_t
ngx_recording_mp4_begin(ngx_recording_mux_t *mux,
    ngx_recording_mp4_play_t *play)
{
    ngx_uint_t              i;
    ngx_recording_codec_t  *c;

    play->k = 0;

    ngx_memzero(&play->sound, sizeof(ngx_recording_mp4_sound_t));
    ngx_memcpy(play->left, play->index->samples, sizeof(play->left));

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        if (play->left[i] == 0) {
            continue;
        }

        if (!mux->media[i].present || ngx_recording_av_rate(play->av, i) == 0)
        {
            return ngx_recording_mux_damaged(mux, "find the tracks of");
        }
    }

    if (play->left[NGX_RECORDING_VIDEO]) {

        /* libavformat takes a multiple of what it is asked for */

        play->k = ngx_recording_av_rate(play->av, NGX_RECORDING_VIDEO) / 1000;
    }

    if (play->left[NGX_RECORDING_AUDIO]) {
        c = &mux->media[NGX_RECORDING_AUDIO].codec;

        play->sound.rate = ngx_recording_av_rate(play->av,
                                                 NGX_RECORDING_AUDIO);
        play->sound.samples = c->samples;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_mp4_sample(ngx_recording_mp4_play_t *play,
    ngx_recording_mp4_record_t *r)
{
    int64_t       dts, pts, duration, offset;
    AVIOContext  *pb;

    if (play->av->streams[r->track] == -1) {

        /* the muxer refuses the track: it is left out */

        return NGX_OK;
    }

    if (r->track == NGX_RECORDING_VIDEO) {
        ngx_recording_mp4_picture(play, r, &dts, &pts, &duration);

    } else {
        dts = ngx_recording_mp4_index_sound(&play->sound,
                                            r->dts - play->index->origin);
        pts = dts;
        duration = play->sound.samples;
    }

    play->left[r->track]--;

    pb = play->av->ctx->pb;
    offset = (int64_t) (r->offset + play->index->shift);

    if (avio_tell(pb) != offset) {
        (void) avio_seek(pb, offset, SEEK_SET);
    }

    if (ngx_recording_av_ticks_thread(play->av, r->track, play->dummy,
                                      r->size, dts, pts, duration, r->key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * PTS stays, DTS grows strictly and is never behind it.
 *
 * The sample table has a duration for the last sample, which nothing follows,
 * and libavformat takes the end of what is shown from the durations that it
 * is told.  So the picture with the highest PTS is told to last as long as
 * it is shown, and the last sample what the table lacks to the same end.  If
 * that is too much for it, because the recording ends before the pictures
 * that are shown before it, the first sample is decoded earlier.
 */

static void
ngx_recording_mp4_picture(ngx_recording_mp4_play_t *play,
    ngx_recording_mp4_record_t *r, int64_t *dts, int64_t *pts,
    int64_t *duration)
{
    int64_t                     end, k;
    ngx_uint_t                  first;
    ngx_recording_mp4_index_t  *index;

    k = play->k;
    index = play->index;

    first = play->left[NGX_RECORDING_VIDEO]
            == index->samples[NGX_RECORDING_VIDEO];
    end = (index->end - index->origin) * k;

    *dts = (r->dts + index->lower - index->origin) * k;
    *pts = (r->dts + r->composition - index->origin) * k;

    if (first) {
        *dts = ngx_min(*dts, *pts - (index->late - index->lower) * k);

        play->first = *dts;
        play->start = *pts;

    } else if (*dts <= play->last) {
        *dts = play->last + 1;
    }

    play->last = *dts;

    *pts = ngx_max(*pts, *dts);
    *duration = 1;

    if (r->dts + r->composition == index->high) {
        *duration = end - *pts;
    }

    if (play->left[NGX_RECORDING_VIDEO] == 1) {
        *duration = ngx_min(end - play->start + play->first - *dts,
                            end - *pts);
    }

    *duration = ngx_max(*duration, 1);
}


int64_t
ngx_recording_mp4_index_sound(ngx_recording_mp4_sound_t *s, int64_t ms)
{
    int64_t  dts, step, drift, bound, published;

    /* libavformat rounds what is before the first frame down to ms */

    published = av_rescale_rnd(ms, s->rate, 1000, AV_ROUND_UP);

    if (!s->seen) {
        s->seen = 1;
        s->last = published;
        s->published = published;

        return published;
    }

    step = published - s->published;
    s->published = published;

    dts = s->last + s->samples;
    drift = dts - published;
    bound = s->rate * NGX_RECORDING_MP4_DRIFT / 1000 + 1;

    if (step == 0) {
        s->together = NGX_RECORDING_MP4_TOGETHER;

        if (drift > 0 && drift <= s->rate / 4) {
            s->last = dts;
            return dts;
        }
    }

    if (s->together) {
        s->together--;
        bound = s->samples;
    }

    if (drift > bound * 2 || drift < -bound * 2 || s->samples == 0) {
        dts = published;

    } else if (drift > bound || drift < -bound) {

        /* in the middle, so that what only jitters is soon in bounds */

        dts = published + (drift > 0 ? bound / 2 : -bound / 2);
    }

    if (dts <= s->last) {
        dts = s->last + 1;
    }

    s->last = dts;

    return dts;
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
        if (ngx_recording_mp4_index_check(&records[i]) != NGX_OK) {
            return ngx_recording_mux_damaged(mux, "read the damaged index");
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
