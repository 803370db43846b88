
/*
 * HLS: an EVENT playlist that only grows, and MPEG-TS segments from one
 * muxer.  It grows in files/, where it can be played from the first segment
 * on.
 */


#include "ngx_recording_formats.h"
#include "ngx_recording_hls.h"
#include "ngx_recording_journal.h"


/* segments that are synced again at a time */
#define NGX_RECORDING_HLS_SETTLE  16


static ngx_int_t ngx_recording_hls_open(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_sample(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample);
static ngx_int_t ngx_recording_hls_flush(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_sync(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_settle(ngx_recording_mux_t *mux);
static void ngx_recording_hls_mark(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_change(ngx_recording_mux_t *mux,
    ngx_recording_media_t *media);
static ngx_int_t ngx_recording_hls_pause(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_finish(ngx_recording_mux_t *mux);
static void ngx_recording_hls_close(ngx_recording_mux_t *mux);

static ngx_int_t ngx_recording_hls_finish_list(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_muxer(ngx_recording_mux_t *mux);
static int64_t ngx_recording_hls_dts(ngx_recording_hls_t *hls,
    ngx_recording_sample_t *sample, int64_t *pts);
static ngx_int_t ngx_recording_hls_begin(ngx_recording_mux_t *mux,
    ngx_recording_hls_cut_e cut, int64_t dts, int64_t pts, int64_t wall);
static void ngx_recording_hls_came(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample, int64_t pts);
static ngx_int_t ngx_recording_hls_end(ngx_recording_mux_t *mux,
    int64_t duration);
static int ngx_recording_hls_write(void *data, ngx_recording_av_byte_t *buf,
    int size);


static const char *const  ngx_recording_hls_parts[] = { NULL };


const ngx_recording_format_t  ngx_recording_format_hls = {
    NGX_RECORDING_FORMAT_HLS,
    "hls",
    NGX_RECORDING_HLS_INDEX,
    ngx_recording_codec_bit(NGX_RECORDING_CODEC_H264)
    |ngx_recording_codec_bit(NGX_RECORDING_CODEC_AAC)
    |ngx_recording_codec_bit(NGX_RECORDING_CODEC_MP3),
    "mpegts",
    1,
    ngx_recording_hls_parts,
    ngx_recording_hls_owns,
    ngx_recording_hls_open,
    ngx_recording_hls_sample,
    ngx_recording_hls_flush,
    ngx_recording_hls_sync,
    ngx_recording_hls_mark,
    ngx_recording_hls_back,
    ngx_recording_hls_change,
    ngx_recording_hls_pause,
    ngx_recording_hls_save,
    ngx_recording_hls_restore,
    ngx_recording_hls_reopen,
    ngx_recording_hls_finish,
    ngx_recording_hls_close
};


static ngx_int_t
ngx_recording_hls_open(ngx_recording_mux_t *mux)
{
    ngx_int_t  rc;

    if (mux->data == NULL && ngx_recording_hls_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_hls_make_thread(mux);

    return rc == NGX_OK ? ngx_recording_hls_muxer(mux) : rc;
}


ngx_int_t
ngx_recording_hls_create(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = calloc(1, sizeof(ngx_recording_hls_t));

    if (hls == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    mux->data = hls;
    mux->anchored = 1;
    hls->dir = -1;
    hls->playlist = -1;
    hls->closed = 1;
    hls->kept.shift = NGX_RECORDING_HLS_TS_SHIFT;
    hls->kept.last[NGX_RECORDING_VIDEO] = INT64_MIN;
    hls->kept.last[NGX_RECORDING_AUDIO] = INT64_MIN;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_muxer(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    hls->kept.shift = NGX_RECORDING_HLS_TS_SHIFT;

    if (ngx_recording_hls_ts_open_thread(&hls->ts, mux, hls->kept.version++,
                                         ngx_recording_hls_write)
        != NGX_OK)
    {
        return ngx_recording_mux_damaged(mux, "start the MPEG-TS muxer of");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_sample(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample)
{
    int64_t                   dts, pts;
    ngx_int_t                 rc;
    ngx_recording_hls_t      *hls;
    ngx_recording_hls_cut_e   cut;

    hls = mux->data;

    dts = ngx_recording_hls_dts(hls, sample, &pts);
    cut = ngx_recording_hls_cuts(mux, sample, dts, pts);

    if (!hls->opened || hls->broken || cut != NGX_RECORDING_HLS_IN) {

        /* audio that was held comes before the key frame that it follows;
           this sample is in none of the segments that end */

        if (cut == NGX_RECORDING_HLS_IN && !sample->cut) {
            rc = ngx_recording_hls_begin(mux, cut, mux->key, mux->key,
                                         sample->wall);
        } else {
            rc = ngx_recording_hls_begin(mux, cut, dts, pts, sample->wall);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_recording_hls_ts_packet_thread(&hls->ts, sample, dts, pts);

    if (rc == NGX_DECLINED) {
        mux->pending--;
        mux->file.dropped[NGX_RECORDING_DROP_BROKEN]++;

    } else if (rc == NGX_OK) {
        ngx_recording_hls_came(mux, sample, pts);
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* what is in the segment now */

static void
ngx_recording_hls_came(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample, int64_t pts)
{
    int64_t               end;
    ngx_recording_hls_t  *hls;

    hls = mux->data;
    end = pts + ngx_recording_mux_lasts(mux, sample->track);

    hls->end = ngx_max(hls->end, end);

    if (sample->track != NGX_RECORDING_VIDEO) {

        if (sample->overtaken) {
            hls->heard = hls->end;
        }

        return;
    }

    hls->picture = ngx_max(hls->picture, end);
    hls->heard = hls->end;

    if (!hls->video) {
        hls->video = 1;
        hls->closed = sample->idr;
    }
}


/* PTS stays, DTS grows strictly and is never behind it */

static int64_t
ngx_recording_hls_dts(ngx_recording_hls_t *hls,
    ngx_recording_sample_t *sample, int64_t *pts)
{
    int64_t  dts, least;

    /* the shift of times has room for pictures shown before they came */

    least = ngx_min(NGX_RECORDING_HLS_TS_DELAY - hls->kept.shift, 0);

    *pts = sample->dts + sample->composition;
    dts = ngx_max(ngx_min(sample->dts, *pts), least);

    if (dts <= hls->kept.last[sample->track]) {
        dts = hls->kept.last[sample->track] + 1;
    }

    *pts = ngx_max(*pts, dts);
    hls->kept.last[sample->track] = dts;

    return dts;
}


/* ends the open segment, if any, and begins the next one */

static ngx_int_t
ngx_recording_hls_begin(ngx_recording_mux_t *mux, ngx_recording_hls_cut_e cut,
    int64_t dts, int64_t pts, int64_t wall)
{
    int64_t                    end;
    ngx_int_t                  rc;
    ngx_recording_hls_t       *hls;
    ngx_recording_hls_kept_t  *kept;

    hls = mux->data;
    kept = &hls->kept;
    wall += ngx_recording_store_shift(mux->store);

    /* what is listed ends there */

    end = kept->shown;

    if (hls->opened) {

        /* video that joins sound may be from long before its end */

        end = cut == NGX_RECORDING_HLS_HOLE
              || (hls->broken && hls->end - pts > NGX_RECORDING_HLS_OFF)
              ? hls->end : pts;

        mux->pending--;
        rc = ngx_recording_hls_end(mux, end - kept->shown);
        mux->pending++;

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_recording_hls_segment_thread(mux, O_CREAT|O_EXCL) != NGX_OK) {
        return NGX_ERROR;
    }

    kept->marked = (hls->broken || cut == NGX_RECORDING_HLS_HOLE)
                   && kept->number;

    /*
     * Dates run on with stream time, up to where that is not the wall's; they
     * do not go back, not even if the stream came faster than real time.
     */

    if (kept->number == 0) {
        kept->anchor = pts;
        kept->wall = wall;

    } else if (kept->marked || hls->resumed) {
        end = ngx_max(pts, end);
        kept->wall = ngx_max(wall, kept->wall + (end - kept->anchor) * 1000);
        kept->anchor = pts;
    }

    hls->resumed = 0;

    kept->start = dts;
    kept->shown = pts;
    hls->video = 0;
    hls->closed = 1;
    kept->written = mux->file.written;
    ngx_memcpy(kept->samples, mux->samples, sizeof(kept->samples));

    hls->broken = 0;
    hls->opened = 1;
    hls->whole = 0;
    hls->safe = 0;
    mux->pos = 0;

    return ngx_recording_journal_checkpoint_thread(mux, 0);
}


/* the segment is whole: it is made durable and then listed */

static ngx_int_t
ngx_recording_hls_end(ngx_recording_mux_t *mux, int64_t duration)
{
    ngx_uint_t            synced;
    ngx_recording_hls_t  *hls;

    hls = mux->data;
    synced = !mux->store->stopping;

    if (mux->err == 0) {

        if (ngx_recording_hls_ts_flush_thread(&hls->ts) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_recording_hls_ts_begin_thread(&hls->ts);

        /* they are in the file, whatever fails from here on */

        hls->whole = mux->pos;
        ngx_recording_mux_written(mux);
    }

    /* after a failure: what was written in whole packets */

    mux->pos = hls->whole - hls->whole % NGX_RECORDING_TS_PACKET;

    if (mux->err && ngx_recording_ftruncate(mux->fd, mux->pos) == -1) {
        return ngx_recording_mux_error(mux, "truncate a segment of");
    }

    if (synced && ngx_recording_fdatasync(mux->fd) == -1) {
        return ngx_recording_mux_taint(mux, "sync a segment of");
    }

    if (ngx_recording_hls_list(mux, duration) != NGX_OK) {
        return NGX_ERROR;
    }

    if (synced) {
        ngx_recording_hls_synced(hls);
    }

    ngx_recording_mux_shut_thread(mux);

    return NGX_OK;
}


ngx_int_t
ngx_recording_hls_list(ngx_recording_mux_t *mux, int64_t duration)
{
    ngx_int_t                  rc;
    ngx_recording_hls_t       *hls;
    ngx_recording_segment_t    s;
    ngx_recording_hls_kept_t  *kept;

    hls = mux->data;
    kept = &hls->kept;

    s.number = kept->number;
    s.duration = ngx_max(duration, 1);
    s.wall = kept->wall + (kept->shown - kept->anchor) * 1000;
    s.marked = kept->marked;
    s.closed = hls->closed;

    if (ngx_recording_hls_enter_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_playlist_add_thread(&kept->list, hls->playlist,
                                           mux->segment, &s);
    if (rc != NGX_OK) {
        (void) ngx_recording_mux_error(mux, "write the playlist");
    }

    ngx_recording_hls_leave_thread(mux);

    return rc == NGX_OK ? ngx_recording_hls_listed(mux) : NGX_ERROR;
}


/* the open segment is in the playlist, the next one follows */

ngx_int_t
ngx_recording_hls_listed(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t       *hls;
    ngx_recording_hls_kept_t  *kept;

    hls = mux->data;
    kept = &hls->kept;

    kept->size += mux->pos;
    kept->marked = 0;
    kept->number++;

    hls->opened = 0;

    mux->pos = 0;
    mux->beside = kept->size + kept->list.end;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_flush(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (!hls->opened) {
        return NGX_OK;
    }

    /* the muxer collects audio frames: what is counted must be in the file */

    if (ngx_recording_hls_ts_flush_thread(&hls->ts) != NGX_OK) {
        return NGX_ERROR;
    }

    hls->whole = mux->pos;
    ngx_recording_mux_written(mux);

    return NGX_OK;
}


void
ngx_recording_hls_synced(ngx_recording_hls_t *hls)
{
    if (hls->sure + 1 == hls->kept.number) {
        hls->sure++;
    }
}


static ngx_int_t
ngx_recording_hls_sync(ngx_recording_mux_t *mux)
{
    ngx_int_t             rc;
    ngx_recording_hls_t  *hls;

    if (ngx_recording_hls_enter_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    hls = mux->data;
    rc = ngx_recording_hls_settle(mux);

    if (rc == NGX_OK
        && ((mux->fd != -1 && ngx_recording_fdatasync(mux->fd) == -1)
            || ngx_recording_fdatasync(hls->playlist) == -1
            || ngx_recording_fsync(hls->dir) == -1))
    {
        rc = ngx_recording_mux_taint(mux, "sync");
    }

    ngx_recording_hls_leave_thread(mux);

    if (rc == NGX_OK) {
        mux->settled = ngx_min(hls->sure, hls->kept.number);
    }

    return rc;
}


/*
 * Segments that were listed, but not synced, as a process had to end; or that
 * may not be: a few are synced each time.  Of the many that a former version
 * has left, which told of none, nothing becomes known.
 */

static ngx_int_t
ngx_recording_hls_settle(ngx_recording_mux_t *mux)
{
    int                   fd, rc;
    char                  name[32];
    ngx_uint_t            n;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (mux->settled == 0
        && hls->kept.number - hls->sure > NGX_RECORDING_HLS_SETTLE)
    {
        return NGX_OK;
    }

    for (n = 0; n < NGX_RECORDING_HLS_SETTLE; n++) {

        if (hls->sure >= hls->kept.number) {
            break;
        }

        ngx_recording_segment_name(hls->sure, name);

        fd = ngx_recording_openat(hls->dir, name,
                                  O_RDONLY|O_CLOEXEC|O_NOFOLLOW, 0);

        if (fd == -1) {

            /* the recording goes on without it */

            break;
        }

        rc = ngx_recording_fdatasync(fd);
        ngx_recording_close(fd);

        if (rc == -1) {
            return ngx_recording_mux_taint(mux, "sync a segment of");
        }

        hls->sure++;
    }

    return NGX_OK;
}


static void
ngx_recording_hls_mark(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (hls == NULL) {
        return;
    }

    hls->durable = hls->kept;
    hls->safe = hls->opened ? hls->whole : 0;
    hls->synced = 1;
}


/*
 * What was sent before the change goes to the open segment; a new muxer
 * continues the counters of the old one.
 */

static ngx_int_t
ngx_recording_hls_change(ngx_recording_mux_t *mux,
    ngx_recording_media_t *media)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (hls->opened && ngx_recording_hls_ts_flush_thread(&hls->ts) != NGX_OK) {
        return NGX_ERROR;
    }

    hls->broken = 1;

    if (media == NULL && hls->ts.av.ctx) {
        return NGX_OK;
    }

    ngx_recording_hls_ts_close_thread(&hls->ts);

    if (media && ngx_recording_mux_tracks_thread(mux, media) != NGX_OK) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    return ngx_recording_hls_muxer(mux);
}


static ngx_int_t
ngx_recording_hls_pause(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (!hls->opened) {
        return NGX_OK;
    }

    if (ngx_recording_hls_end(mux, hls->end - hls->kept.shown) != NGX_OK) {
        return NGX_ERROR;
    }

    /* dates go on from there, if its stream is back */

    hls->kept.shown = ngx_max(hls->end, hls->kept.shown + 1);
    hls->kept.written = mux->file.written;
    ngx_memcpy(hls->kept.samples, mux->samples, sizeof(mux->samples));

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_finish(ngx_recording_mux_t *mux)
{
    ngx_int_t  rc;

    if (ngx_recording_hls_enter_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_hls_finish_list(mux);

    ngx_recording_hls_leave_thread(mux);

    return rc;
}


static ngx_int_t
ngx_recording_hls_finish_list(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (hls->opened && mux->fd == -1
        && ngx_recording_hls_segment_thread(mux, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_recording_hls_pause(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!hls->ended) {
        if (ngx_recording_playlist_end_thread(&hls->kept.list, hls->playlist)
            != NGX_OK)
        {
            return ngx_recording_mux_error(mux, "write the playlist");
        }

        hls->ended = 1;
    }

    if (ngx_recording_fsync(hls->playlist) == -1
        || ngx_recording_fsync(hls->dir) == -1)
    {
        return ngx_recording_mux_taint(mux, "sync");
    }

    mux->file.size = hls->kept.size + hls->kept.list.end;

    return NGX_OK;
}


static void
ngx_recording_hls_close(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    ngx_recording_hls_ts_close_thread(&hls->ts);

    free(hls);
}


static int
ngx_recording_hls_write(void *data, ngx_recording_av_byte_t *buf, int size)
{
    ngx_recording_mux_t *mux = data;

    u_char               *p;
    ngx_recording_hls_t  *hls;

    hls = mux->data;
    p = (u_char *) buf;

    ngx_recording_ts_stamp(&hls->kept.pids, p, p + size);

    if (ngx_recording_io_write_thread(mux->fd, p, size, mux->pos)
        != NGX_OK)
    {
        (void) ngx_recording_mux_error(mux, "write a segment of");
        return AVERROR(mux->err);
    }

    mux->pos += size;

    return size;
}
