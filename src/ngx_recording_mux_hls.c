
/*
 * HLS: an EVENT playlist that only grows, and MPEG-TS segments from one
 * muxer.  It grows in files/, where it can be played from the first segment
 * on.
 */


#include "ngx_recording_av.h"
#include "ngx_recording_playlist.h"
#include "ngx_recording_ts.h"


#define NGX_RECORDING_HLS_BUFFER   (NGX_RECORDING_TS_PACKET * 700)
#define NGX_RECORDING_HLS_INDEX    "/index.m3u8"


/* what the journal keeps, as of the beginning of a segment */

typedef struct {
    ngx_recording_playlist_t  list;
    ngx_recording_ts_pids_t pids;             /* continuity counters */
    uint64_t                version;          /* of PAT and PMT */

    uint64_t                number;           /* of the segment */
    int64_t                 start;            /* its first DTS, ms */
    uint64_t                marked;           /* a discontinuity is before */
    uint64_t                size;             /* of the segments before */
    uint64_t                written;          /* samples in them */
    uint64_t                samples[NGX_RECORDING_TRACKS];
    int64_t                 last[NGX_RECORDING_TRACKS];   /* DTS */

    int64_t                 anchor;           /* DTS, and its wall clock */
    int64_t                 wall;
} ngx_recording_hls_kept_t;


typedef struct {
    ngx_recording_av_t      av;
    ngx_recording_hls_kept_t  kept;
    int                     dir;
    int                     playlist;
    off_t                   whole;            /* in whole samples */
    unsigned                opened:1;         /* a segment is */
    unsigned                broken:1;         /* discontinuity follows */
    unsigned                resumed:1;        /* after an interruption */
    unsigned                ended:1;          /* EXT-X-ENDLIST was written */
} ngx_recording_hls_t;


static ngx_int_t ngx_recording_hls_open(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_sample(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample);
static ngx_int_t ngx_recording_hls_flush(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_sync(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_change(ngx_recording_mux_t *mux,
    ngx_recording_media_t *media);
static ngx_int_t ngx_recording_hls_pause(ngx_recording_mux_t *mux);
static size_t ngx_recording_hls_save(ngx_recording_mux_t *mux, u_char **p);
static ngx_int_t ngx_recording_hls_restore(ngx_recording_mux_t *mux,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_hls_reopen(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_finish(ngx_recording_mux_t *mux);
static void ngx_recording_hls_close(ngx_recording_mux_t *mux);

static ngx_int_t ngx_recording_hls_create(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_dir(ngx_recording_mux_t *mux, char *dir);
static ngx_int_t ngx_recording_hls_muxer(ngx_recording_mux_t *mux);
static int64_t ngx_recording_hls_dts(ngx_recording_hls_t *hls,
    ngx_recording_sample_t *sample, int64_t *pts);
static ngx_int_t ngx_recording_hls_begin(ngx_recording_mux_t *mux,
    int64_t dts, int64_t wall);
static ngx_int_t ngx_recording_hls_end(ngx_recording_mux_t *mux,
    int64_t duration);
static ngx_int_t ngx_recording_hls_list(ngx_recording_mux_t *mux,
    int64_t duration);
static ngx_int_t ngx_recording_hls_listed(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_unlisted(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_scan(ngx_recording_mux_t *mux, int fd,
    uint64_t *whole);
static void ngx_recording_hls_name(ngx_recording_hls_t *hls, char *name);
static int ngx_recording_hls_write(void *data, ngx_recording_av_byte_t *buf,
    int size);


const ngx_recording_format_t  ngx_recording_format_hls = {
    "hls",
    NGX_RECORDING_HLS_INDEX,
    ngx_recording_codec_bit(NGX_RECORDING_CODEC_H264)
    |ngx_recording_codec_bit(NGX_RECORDING_CODEC_AAC)
    |ngx_recording_codec_bit(NGX_RECORDING_CODEC_MP3),
    1,
    ngx_recording_hls_open,
    ngx_recording_hls_sample,
    ngx_recording_hls_flush,
    ngx_recording_hls_sync,
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
    char                  dir[NGX_RECORDING_FILE_PATH];
    size_t                len;
    ngx_int_t             rc;
    ngx_recording_hls_t  *hls;

    if (mux->data == NULL && ngx_recording_hls_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    hls = mux->data;

    len = mux->file.path_len - (sizeof(NGX_RECORDING_HLS_INDEX) - 1);
    ngx_memcpy(dir, mux->file.path, len);
    dir[len] = '\0';

    rc = ngx_recording_store_mkdir_thread(mux->store, dir);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return ngx_recording_mux_error(mux, "create the directory of");
    }

    if (ngx_recording_hls_dir(mux, dir) != NGX_OK) {
        return NGX_ERROR;
    }

    hls->playlist = ngx_recording_openat(hls->dir, "index.m3u8",
                           O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0644);

    if (hls->playlist == -1) {
        return ngx_recording_mux_error(mux, "create the playlist");
    }

    return ngx_recording_hls_muxer(mux);
}


static ngx_int_t
ngx_recording_hls_create(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = calloc(1, sizeof(ngx_recording_hls_t));

    if (hls == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    mux->data = hls;
    hls->dir = -1;
    hls->playlist = -1;
    hls->kept.last[NGX_RECORDING_VIDEO] = INT64_MIN;
    hls->kept.last[NGX_RECORDING_AUDIO] = INT64_MIN;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_dir(ngx_recording_mux_t *mux, char *dir)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    hls->dir = ngx_recording_openat(mux->store->files, dir,
                      O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW, 0);

    return hls->dir == -1
           ? ngx_recording_mux_error(mux, "open the directory of") : NGX_OK;
}


static ngx_int_t
ngx_recording_hls_muxer(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (ngx_recording_av_open_thread(&hls->av, mux, "mpegts",
                                     NGX_RECORDING_HLS_BUFFER,
                                     ngx_recording_hls_write, NULL, mux)
        != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "allocate");
    }

    (void) av_opt_set_int(hls->av.ctx->priv_data, "tables_version",
                          (int64_t) hls->kept.version++ % 32, 0);

    if (ngx_recording_av_start_thread(&hls->av) != NGX_OK) {
        return ngx_recording_mux_error(mux, "start the MPEG-TS muxer of");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_sample(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample)
{
    int64_t               dts, pts;
    ngx_int_t             rc;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    dts = ngx_recording_hls_dts(hls, sample, &pts);

    if (!hls->opened || hls->broken
        || (sample->cut && dts - hls->kept.start >= mux->segment))
    {
        /* audio that was held comes before the key frame that it follows;
           this sample is in none of the segments that end */

        mux->pending--;

        rc = ngx_recording_hls_begin(mux, sample->cut ? dts : mux->key,
                                     sample->wall);
        mux->pending++;

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_recording_av_packet_thread(&hls->av, sample->track,
                                        sample->data + sample->body,
                                        sample->size - sample->body,
                                        dts, pts, 0, sample->key);
    if (rc == NGX_DECLINED) {
        mux->pending--;
        mux->file.dropped[NGX_RECORDING_DROP_BROKEN]++;
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* PTS stays, DTS grows strictly and is never behind it */

static int64_t
ngx_recording_hls_dts(ngx_recording_hls_t *hls,
    ngx_recording_sample_t *sample, int64_t *pts)
{
    int64_t  dts;

    *pts = sample->dts + sample->composition;
    dts = ngx_max(ngx_min(sample->dts, *pts), 0);

    if (dts <= hls->kept.last[sample->track]) {
        dts = hls->kept.last[sample->track] + 1;
    }

    *pts = ngx_max(*pts, dts);
    hls->kept.last[sample->track] = dts;

    return dts;
}


/* ends the open segment, if any, and begins the next one */

static ngx_int_t
ngx_recording_hls_begin(ngx_recording_mux_t *mux, int64_t dts, int64_t wall)
{
    char                       name[32];
    ngx_recording_hls_t       *hls;
    ngx_recording_hls_kept_t  *kept;

    hls = mux->data;
    kept = &hls->kept;

    if (hls->opened
        && ngx_recording_hls_end(mux, dts - kept->start) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_recording_hls_name(hls, name);

    mux->fd = ngx_recording_openat(hls->dir, name, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0644);

    if (mux->fd == -1) {
        return ngx_recording_mux_error(mux, "create a segment of");
    }

    /* dates run on with stream time, which stood still meanwhile */

    if (hls->resumed || kept->number == 0) {
        kept->anchor = dts;
        kept->wall = wall;
        hls->resumed = 0;
    }

    kept->marked = hls->broken && kept->number;
    kept->start = dts;
    kept->written = mux->file.written;
    ngx_memcpy(kept->samples, mux->samples, sizeof(kept->samples));

    hls->broken = 0;
    hls->opened = 1;
    hls->whole = 0;
    mux->pos = 0;

    return ngx_recording_mux_sync_thread(mux, 0);
}


static void
ngx_recording_hls_name(ngx_recording_hls_t *hls, char *name)
{
    (void) sprintf(name, "%05llu.ts", (unsigned long long) hls->kept.number);
}


/* the segment is whole: it is made durable and then listed */

static ngx_int_t
ngx_recording_hls_end(ngx_recording_mux_t *mux, int64_t duration)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (mux->err == 0) {

        if (ngx_recording_av_flush_thread(&hls->av) != NGX_OK) {
            return NGX_ERROR;
        }

        (void) av_opt_set(hls->av.ctx->priv_data, "mpegts_flags",
                          "+resend_headers", 0);

        /* they are in the file, whatever fails from here on */

        hls->whole = mux->pos;
        ngx_recording_mux_written(mux);
    }

    /* after a failure: what was written in whole packets */

    mux->pos = hls->whole - hls->whole % NGX_RECORDING_TS_PACKET;

    if (mux->err && ngx_recording_ftruncate(mux->fd, mux->pos) == -1) {
        return ngx_recording_mux_error(mux, "truncate a segment of");
    }

    if (!mux->store->stopping && ngx_recording_fdatasync(mux->fd) == -1) {
        return ngx_recording_mux_error(mux, "sync a segment of");
    }

    if (ngx_recording_hls_list(mux, duration) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) close(mux->fd);
    mux->fd = -1;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_list(ngx_recording_mux_t *mux, int64_t duration)
{
    ngx_recording_hls_t       *hls;
    ngx_recording_segment_t    s;
    ngx_recording_hls_kept_t  *kept;

    hls = mux->data;
    kept = &hls->kept;

    s.number = kept->number;
    s.duration = ngx_max(duration, 1);
    s.wall = kept->wall + (kept->start - kept->anchor) * 1000;
    s.marked = kept->marked;

    if (ngx_recording_playlist_add_thread(&kept->list, hls->playlist,
                                          mux->segment, &s)
        != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "write the playlist");
    }

    return ngx_recording_hls_listed(mux);
}


/* the open segment is in the playlist, the next one follows */

static ngx_int_t
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

    if (ngx_recording_av_flush_thread(&hls->av) != NGX_OK) {
        return NGX_ERROR;
    }

    hls->whole = mux->pos;
    ngx_recording_mux_written(mux);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_sync(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if ((mux->fd != -1 && ngx_recording_fdatasync(mux->fd) == -1)
        || ngx_recording_fdatasync(hls->playlist) == -1 || ngx_recording_fsync(hls->dir) == -1)
    {
        return ngx_recording_mux_error(mux, "sync");
    }

    return NGX_OK;
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

    if (hls->opened && ngx_recording_av_flush_thread(&hls->av) != NGX_OK) {
        return NGX_ERROR;
    }

    hls->broken = 1;

    if (media == NULL && hls->av.ctx) {
        return NGX_OK;
    }

    ngx_recording_av_close_thread(&hls->av);

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

    if (ngx_recording_hls_end(mux, ngx_recording_mux_end(mux)
                                   - hls->kept.start)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    hls->kept.written = mux->file.written;
    ngx_memcpy(hls->kept.samples, mux->samples, sizeof(mux->samples));

    return NGX_OK;
}


static size_t
ngx_recording_hls_save(ngx_recording_mux_t *mux, u_char **p)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    *p = (u_char *) &hls->kept;

    return sizeof(ngx_recording_hls_kept_t);
}


static ngx_int_t
ngx_recording_hls_restore(ngx_recording_mux_t *mux, u_char *p, size_t size)
{
    ngx_recording_hls_t  *hls;

    if (mux->data == NULL && ngx_recording_hls_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    hls = mux->data;

    if (size != sizeof(ngx_recording_hls_kept_t)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(&hls->kept, p, size);

    return NGX_OK;
}


/* afterwards every segment is listed, and none is open */

static ngx_int_t
ngx_recording_hls_reopen(ngx_recording_mux_t *mux)
{
    char                  dir[NGX_RECORDING_FILE_PATH];
    size_t                len;
    ngx_recording_hls_t  *hls;

    if (mux->data == NULL && ngx_recording_hls_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    hls = mux->data;

    if (mux->file.path_len < sizeof(NGX_RECORDING_HLS_INDEX)) {
        errno = NGX_ENOENT;
        return ngx_recording_mux_error(mux, "find");
    }

    len = mux->file.path_len - (sizeof(NGX_RECORDING_HLS_INDEX) - 1);
    ngx_memcpy(dir, mux->file.path, len);
    dir[len] = '\0';

    if (ngx_recording_hls_dir(mux, dir) != NGX_OK) {
        return NGX_ERROR;
    }

    hls->playlist = ngx_recording_openat(hls->dir, "index.m3u8",
                           O_RDWR|O_CLOEXEC|O_NOFOLLOW, 0);

    if (hls->playlist == -1) {
        return ngx_recording_mux_error(mux, "open the playlist");
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
    uint64_t                   frames, whole;
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

        ngx_recording_hls_name(hls, name);
        fd = ngx_recording_openat(hls->dir, name, O_RDWR|O_CLOEXEC|O_NOFOLLOW, 0);

        if (fd == -1) {
            return NGX_OK;
        }

        ngx_recording_mux_seen(mux, fd);

        frames = mux->file.written;
        rc = ngx_recording_hls_scan(mux, fd, &whole);

        if (rc != NGX_OK) {
            (void) close(fd);
            return NGX_ERROR;
        }

        mux->pos = whole;

        if (found == NGX_OK) {
            kept->start += s.duration;
            (void) ngx_recording_hls_listed(mux);

        } else if (mux->file.written == frames) {

            /* nothing came to it */

            mux->pos = 0;
            rc = ngx_recording_unlinkat(hls->dir, name, 0) == 0
                 ? NGX_DONE : ngx_recording_mux_error(mux, "remove");

        } else if (ngx_recording_ftruncate(fd, whole) == -1 || ngx_recording_fdatasync(fd) == -1) {
            rc = ngx_recording_mux_error(mux, "truncate a segment of");

        } else {
            rc = ngx_recording_hls_list(mux, ngx_recording_mux_end(mux)
                                             - kept->start);
        }

        (void) close(fd);

        if (rc != NGX_OK) {
            return rc == NGX_DONE ? NGX_OK : NGX_ERROR;
        }
    }
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

    limit = ngx_recording_store_solid_thread(fd, 0);
    n = NGX_RECORDING_WINDOW - NGX_RECORDING_WINDOW % NGX_RECORDING_TS_PACKET;

    for (pos = 0; pos < limit; pos += n) {
        n = ngx_min((off_t) n, limit - pos);
        p = ngx_recording_reader_thread(reader, pos, n);

        if (p == NULL || ngx_recording_ts_scan(&ts, p, n) != NGX_OK) {
            break;
        }
    }

    free(reader);

    ngx_recording_ts_end(&ts);

    hls->kept.pids = ts.pids;
    *whole = ts.whole;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        track = &ts.tracks[i];

        if (track->frames == 0) {
            continue;
        }

        dts = hls->kept.start
              + ngx_recording_ts_distance(hls->kept.start * 90, track->last)
                / 90;

        hls->kept.last[i] = dts;
        mux->last[i] = dts;
        mux->samples[i] += track->frames;
        mux->file.written += track->frames;

        if (track->step) {
            mux->step[i] = track->step / 90;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_finish(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

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

    if (ngx_recording_fsync(hls->playlist) == -1 || ngx_recording_fsync(hls->dir) == -1) {
        return ngx_recording_mux_error(mux, "sync");
    }

    mux->file.size = hls->kept.size + hls->kept.list.end;

    return NGX_OK;
}


static void
ngx_recording_hls_close(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    ngx_recording_av_close_thread(&hls->av);

    if (hls->playlist != -1) {
        (void) close(hls->playlist);
    }

    if (hls->dir != -1) {
        (void) close(hls->dir);
    }

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

    if (ngx_recording_store_write_thread(mux->fd, p, size, mux->pos)
        != NGX_OK)
    {
        (void) ngx_recording_mux_error(mux, "write a segment of");
        return AVERROR(mux->err);
    }

    mux->pos += size;

    return size;
}
