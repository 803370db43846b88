
/*
 * An HLS playlist that is gone on with, or finished, by somebody else than
 * its writer: what was listed after the journal's last state, and the segment
 * that was open, are read back.
 */


#include "ngx_recording_hls.h"
#include "ngx_recording_reader.h"


/* ms that a picture is shown after its DTS, at most */
#define NGX_RECORDING_HLS_DELAY  1000


static ngx_int_t ngx_recording_hls_cut(ngx_recording_mux_t *mux);
static void ngx_recording_hls_unknown(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_reread(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_unlisted(ngx_recording_mux_t *mux);
static int64_t ngx_recording_hls_segment_end(ngx_recording_mux_t *mux,
    uint64_t pictures);
static void ngx_recording_hls_known(ngx_recording_mux_t *mux,
    ngx_uint_t track, int64_t dts);
static ngx_int_t ngx_recording_hls_scan(ngx_recording_mux_t *mux, int fd,
    uint64_t *whole);
static int64_t ngx_recording_hls_since(ngx_recording_hls_t *hls, int64_t ts);


/* afterwards every segment is listed, and none is open */

ngx_int_t
ngx_recording_hls_reopen(ngx_recording_mux_t *mux)
{
    ngx_int_t             rc;
    ngx_recording_hls_t  *hls;

    if (mux->data == NULL && ngx_recording_hls_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mux->file.path_len < sizeof(NGX_RECORDING_HLS_INDEX)) {
        errno = NGX_ENOENT;
        return ngx_recording_mux_error(mux, "find");
    }

    if (ngx_recording_hls_enter_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    hls = mux->data;
    hls->sure = mux->settled;

    rc = ngx_recording_hls_reread(mux);

    ngx_recording_hls_leave_thread(mux);

    return rc;
}


/*
 * The open segment has what is durable of it.  Those that were listed are
 * durable, and so is the playlist, up to the last sync: what is behind that
 * is listed again, if it cannot be read.
 */

ngx_int_t
ngx_recording_hls_back(ngx_recording_mux_t *mux)
{
    ngx_int_t  rc;

    if (ngx_recording_hls_enter_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_hls_cut(mux);

    ngx_recording_hls_leave_thread(mux);

    return rc;
}


static ngx_int_t
ngx_recording_hls_cut(ngx_recording_mux_t *mux)
{
    char                  name[32];
    off_t                 from;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (hls->opened && hls->safe && mux->fd == -1
        && ngx_recording_hls_segment_thread(mux, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (hls->opened || mux->fd != -1) {
        ngx_recording_segment_name(hls->kept.number, name);

        if (hls->safe == 0
            ? ngx_recording_unlinkat(hls->dir, name, 0) == -1
              && errno != NGX_ENOENT
            : ngx_recording_mux_cut_thread(mux, mux->fd, hls->safe) != NGX_OK)
        {
            return ngx_recording_mux_error(mux, "cut a segment of");
        }
    }

    if (mux->fd != -1) {
        ngx_recording_close(mux->fd);
        mux->fd = -1;
    }

    hls->opened = 0;
    hls->ended = 0;

    if (hls->synced) {
        hls->kept = hls->durable;

    } else {
        ngx_recording_hls_unknown(mux);
    }

    from = hls->kept.list.end;

    if (ngx_recording_hls_reread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_recording_io_again_thread(hls->playlist, from,
                                      hls->kept.list.end)
        != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "write the playlist");
    }

    return NGX_OK;
}


/* nothing is known of what was listed: all segments are read */

static void
ngx_recording_hls_unknown(ngx_recording_mux_t *mux)
{
    int64_t               shift;
    uint64_t              version;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    version = hls->kept.version;
    shift = hls->kept.shift;
    ngx_memzero(&hls->kept, sizeof(hls->kept));

    hls->kept.version = version;
    hls->kept.shift = shift;
    hls->kept.last[NGX_RECORDING_VIDEO] = INT64_MIN;
    hls->kept.last[NGX_RECORDING_AUDIO] = INT64_MIN;
    hls->kept.wall = mux->file.start;

    ngx_recording_mux_forget(mux);
}


/* reads on from what is kept to the last segment that is there */

static ngx_int_t
ngx_recording_hls_reread(ngx_recording_mux_t *mux)
{
    off_t                 limit;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    limit = ngx_recording_io_solid_thread(hls->playlist, 0);

    if (limit == -1) {
        return ngx_recording_mux_error(mux, "stat the playlist");
    }

    if (limit < (off_t) hls->kept.list.end) {

        /* what the journal told is gone */

        ngx_recording_hls_unknown(mux);
    }

    mux->pos = 0;
    mux->file.written = hls->kept.written;
    ngx_memcpy(mux->samples, hls->kept.samples, sizeof(mux->samples));

    if (ngx_recording_hls_unlisted(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    hls->kept.written = mux->file.written;
    ngx_memcpy(hls->kept.samples, mux->samples, sizeof(mux->samples));

    mux->beside = hls->kept.size + hls->kept.list.end;
    hls->resumed = 1;
    hls->sure = ngx_min(hls->sure, hls->kept.number);

    ngx_recording_mux_unsettle(mux, hls->kept.number);

    if (ngx_recording_ftruncate(hls->playlist, hls->kept.list.end) == -1) {
        return ngx_recording_mux_error(mux, "truncate the playlist");
    }

    return NGX_OK;
}


/* the segments that were listed after the journal's last state, or not */

static ngx_int_t
ngx_recording_hls_unlisted(ngx_recording_mux_t *mux)
{
    int                        fd;
    char                       name[32];
    int64_t                    end;
    uint64_t                   frames, pictures, whole;
    ngx_int_t                  rc, found;
    ngx_recording_hls_t       *hls;
    ngx_recording_segment_t    s;
    ngx_recording_hls_kept_t  *kept;

    hls = mux->data;
    kept = &hls->kept;

    for ( ;; ) {
        s.number = kept->number;
        found = ngx_recording_playlist_next_thread(&kept->list,
                                                   hls->playlist, &s);
        if (found == NGX_DONE) {
            hls->ended = 1;
            return NGX_OK;
        }

        ngx_recording_segment_name(hls->kept.number, name);
        fd = ngx_recording_openat(hls->dir, name,
                                  O_RDWR|O_CLOEXEC|O_NOFOLLOW, 0);

        if (fd == -1) {
            return errno == NGX_ENOENT
                   ? NGX_OK : ngx_recording_mux_error(mux, "open a segment of");
        }

        ngx_recording_mux_seen(mux, fd);

        frames = mux->file.written;
        pictures = mux->samples[NGX_RECORDING_VIDEO];
        rc = ngx_recording_hls_scan(mux, fd, &whole);

        if (rc != NGX_OK) {
            ngx_recording_close(fd);
            return NGX_ERROR;
        }

        mux->pos = whole;

        if (found == NGX_OK) {

            /* after a power cut the journal may not know of an interruption
               that came before it */

            if (s.wall) {
                kept->wall = s.wall;
                kept->anchor = kept->shown;
            }

            kept->start += s.duration;
            kept->shown += s.duration;
            (void) ngx_recording_hls_listed(mux);

        } else if (mux->file.written == frames) {

            /* nothing came to it */

            mux->pos = 0;
            rc = ngx_recording_unlinkat(hls->dir, name, 0) == 0
                 ? NGX_DONE : ngx_recording_mux_error(mux, "remove");

        } else if (ngx_recording_ftruncate(fd, whole) == -1
                   || ngx_recording_io_again_thread(fd, 0, whole) != NGX_OK
                   || ngx_recording_fdatasync(fd) == -1)
        {
            /* it is written again: a sync that failed before is forgotten */

            rc = ngx_recording_mux_error(mux, "truncate a segment of");

        } else {
            pictures = mux->samples[NGX_RECORDING_VIDEO] - pictures;
            end = ngx_recording_hls_segment_end(mux, pictures);
            rc = ngx_recording_hls_list(mux, end - kept->start);

            if (rc == NGX_OK) {
                ngx_recording_hls_synced(hls);
            }

            kept->shown += end - kept->start;
            kept->start = end;
        }

        ngx_recording_close(fd);

        if (rc != NGX_OK) {
            return rc == NGX_DONE ? NGX_OK : NGX_ERROR;
        }
    }
}


/*
 * Where the next segment begins, if there is one: with its video, or where
 * the sound ends, if the camera was off.
 */

static int64_t
ngx_recording_hls_segment_end(ngx_recording_mux_t *mux, uint64_t pictures)
{
    int64_t               end;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    end = pictures ? mux->last[NGX_RECORDING_VIDEO]
                     + mux->step[NGX_RECORDING_VIDEO]
                   : ngx_recording_mux_end(mux);

    return ngx_max(end, hls->kept.start);
}


/* counts what is in a segment, and reads its counters and times back */

static ngx_int_t
ngx_recording_hls_scan(ngx_recording_mux_t *mux, int fd, uint64_t *whole)
{
    off_t                      pos, limit;
    size_t                     n;
    u_char                    *p;
    int64_t                    dts;
    ngx_uint_t                 i;
    ngx_recording_ts_t         ts;
    ngx_recording_hls_t       *hls;
    ngx_recording_reader_t    *reader;
    ngx_recording_ts_track_t  *track;

    hls = mux->data;
    *whole = 0;

    reader = malloc(sizeof(ngx_recording_reader_t));

    if (reader == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    ngx_recording_reader_init(reader, fd);
    ngx_recording_ts_init(&ts, &hls->kept.pids);

    limit = ngx_recording_io_solid_thread(fd, 0);

    if (limit == -1) {
        free(reader);
        return ngx_recording_mux_error(mux, "stat a segment of");
    }

    n = NGX_RECORDING_WINDOW - NGX_RECORDING_WINDOW % NGX_RECORDING_TS_PACKET;

    for (pos = 0; pos < limit; pos += n) {
        n = ngx_min((off_t) n, limit - pos);
        p = ngx_recording_reader_thread(reader, pos, n);

        if (p == NULL || ngx_recording_ts_scan(&ts, p, n) != NGX_OK) {
            break;
        }
    }

    if (reader->err) {
        errno = reader->err;
        free(reader);

        return ngx_recording_mux_error(mux, "read a segment of");
    }

    free(reader);

    ngx_recording_ts_end(&ts);

    hls->kept.pids = ts.pids;
    hls->closed = (ts.tracks[NGX_RECORDING_VIDEO].frames == 0 || ts.closed);
    *whole = ts.whole;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        track = &ts.tracks[i];

        if (track->frames == 0) {
            ngx_recording_hls_known(mux, i, hls->kept.last[i]);
            continue;
        }

        dts = hls->kept.start + ngx_recording_hls_since(hls, track->last);

        hls->kept.last[i] = dts;
        mux->last[i] = dts;
        mux->shown[i].high = ngx_max(mux->shown[i].high, dts);
        ngx_recording_hls_known(mux, i, dts);
        mux->samples[i] += track->frames;
        mux->file.written += track->frames;

        if (track->step) {
            mux->step[i] = track->step / 90;
        }
    }

    return NGX_OK;
}


/*
 * A time in a segment, as ms from its start.  Audio that shares a PES has
 * times between those of samples, which were whole.
 */

static int64_t
ngx_recording_hls_since(ngx_recording_hls_t *hls, int64_t ts)
{
    int64_t  d;

    d = ngx_recording_ts_distance((hls->kept.start + hls->kept.shift) * 90,
                                  ts);

    return d < 0 ? -((45 - d) / 90) : (d + 45) / 90;
}


/* after a power cut the journal may know of frames that are not there */

static void
ngx_recording_hls_known(ngx_recording_mux_t *mux, ngx_uint_t track,
    int64_t dts)
{
    int64_t  high;

    if (dts == INT64_MIN) {
        return;
    }

    high = dts + (track == NGX_RECORDING_VIDEO ? NGX_RECORDING_HLS_DELAY : 0);

    mux->last[track] = ngx_min(mux->last[track], dts);
    mux->shown[track].high = ngx_min(mux->shown[track].high, high);
}
