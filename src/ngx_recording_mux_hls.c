
/*
 * HLS: an EVENT playlist that only grows, and MPEG-TS segments from one
 * muxer.  It grows in files/, where it can be played from the first segment
 * on.
 */


#include "ngx_recording_av.h"


#define NGX_RECORDING_TS_PACKET    188
#define NGX_RECORDING_HLS_BUFFER   (NGX_RECORDING_TS_PACKET * 700)
#define NGX_RECORDING_HLS_PIDS     8
#define NGX_RECORDING_HLS_TARGET   5          /* digits, zeros in front */
#define NGX_RECORDING_HLS_ENTRY    512

#define NGX_RECORDING_HLS_ENDLIST  "#EXT-X-ENDLIST\n"
#define NGX_RECORDING_HLS_ENDLIST_LEN                                        \
    (sizeof(NGX_RECORDING_HLS_ENDLIST) - 1)


typedef struct {
    uint16_t                pid;
    uint8_t                 counter;          /* the last */
} ngx_recording_hls_pid_t;


typedef struct {
    ngx_recording_av_t      av;

    ngx_recording_hls_pid_t pids[NGX_RECORDING_HLS_PIDS];
    ngx_uint_t              npids;
    ngx_uint_t              version;          /* of PAT and PMT */

    int                     dir;
    int                     playlist;
    off_t                   end;              /* of the playlist */
    off_t                   target_pos;       /* of its target duration */
    int64_t                 target;           /* s */

    ngx_uint_t              number;           /* of the open segment */
    int64_t                 start;            /* its first DTS, ms */
    off_t                   whole;            /* of it, in whole samples */
    uint64_t                size;             /* of the segments before */

    int64_t                 last[NGX_RECORDING_TRACKS];   /* DTS */
    int64_t                 anchor;           /* DTS, and its wall clock */
    int64_t                 wall;

    unsigned                opened:1;         /* a segment is */
    unsigned                broken:1;         /* discontinuity follows */
    unsigned                marked:1;         /* the open one begins so */
    unsigned                ended:1;          /* EXT-X-ENDLIST was written */
} ngx_recording_hls_t;


static ngx_int_t ngx_recording_hls_open(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_sample(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample);
static ngx_int_t ngx_recording_hls_flush(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_hls_change(ngx_recording_mux_t *mux,
    ngx_recording_media_t *media);
static ngx_int_t ngx_recording_hls_finish(ngx_recording_mux_t *mux);
static void ngx_recording_hls_close(ngx_recording_mux_t *mux);

static ngx_int_t ngx_recording_hls_muxer(ngx_recording_mux_t *mux);
static int64_t ngx_recording_hls_dts(ngx_recording_hls_t *hls,
    ngx_recording_sample_t *sample, int64_t *pts);
static ngx_int_t ngx_recording_hls_segment(ngx_recording_mux_t *mux,
    int64_t dts, int64_t wall);
static ngx_int_t ngx_recording_hls_list(ngx_recording_mux_t *mux,
    int64_t duration);
static u_char *ngx_recording_hls_header(ngx_recording_mux_t *mux, u_char *p,
    int64_t duration);
static ngx_int_t ngx_recording_hls_raise(ngx_recording_mux_t *mux,
    int64_t duration);
static u_char *ngx_recording_hls_date(u_char *p, int64_t us);
static int ngx_recording_hls_write(void *data, ngx_recording_av_byte_t *buf,
    int size);
static void ngx_recording_hls_stamp(ngx_recording_hls_t *hls, u_char *p,
    u_char *last);


const ngx_recording_format_t  ngx_recording_format_hls = {
    "hls",
    "/index.m3u8",
    ngx_recording_codec_bit(NGX_RECORDING_CODEC_H264)
    |ngx_recording_codec_bit(NGX_RECORDING_CODEC_AAC)
    |ngx_recording_codec_bit(NGX_RECORDING_CODEC_MP3),
    1,
    ngx_recording_hls_open,
    ngx_recording_hls_sample,
    ngx_recording_hls_flush,
    ngx_recording_hls_change,
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

    if (mux->data == NULL) {
        hls = calloc(1, sizeof(ngx_recording_hls_t));

        if (hls == NULL) {
            return ngx_recording_mux_error(mux, "allocate");
        }

        mux->data = hls;
        hls->dir = -1;
        hls->playlist = -1;
        hls->last[NGX_RECORDING_VIDEO] = INT64_MIN;
        hls->last[NGX_RECORDING_AUDIO] = INT64_MIN;
    }

    hls = mux->data;

    len = mux->file.path_len - (sizeof("/index.m3u8") - 1);
    ngx_memcpy(dir, mux->file.path, len);
    dir[len] = '\0';

    rc = ngx_recording_store_mkdir_thread(mux->store, dir);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return ngx_recording_mux_error(mux, "create the directory of");
    }

    hls->dir = openat(mux->store->files, dir,
                      O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (hls->dir == -1) {
        return ngx_recording_mux_error(mux, "open the directory of");
    }

    hls->playlist = openat(hls->dir, "index.m3u8",
                           O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0644);

    if (hls->playlist == -1) {
        return ngx_recording_mux_error(mux, "create the playlist");
    }

    return ngx_recording_hls_muxer(mux);
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
                          hls->version++ % 32, 0);

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
        || (sample->cut && dts - hls->start >= mux->segment))
    {
        /* audio that was held comes before the key frame that it follows */

        rc = ngx_recording_hls_segment(mux, sample->cut ? dts : mux->key,
                                       sample->wall);

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

    if (dts <= hls->last[sample->track]) {
        dts = hls->last[sample->track] + 1;
    }

    *pts = ngx_max(*pts, dts);
    hls->last[sample->track] = dts;

    return dts;
}


/* ends the open segment, if any, and begins the next one */

static ngx_int_t
ngx_recording_hls_segment(ngx_recording_mux_t *mux, int64_t dts, int64_t wall)
{
    char                  name[32];
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (hls->opened) {
        if (ngx_recording_av_flush_thread(&hls->av) != NGX_OK) {
            return NGX_ERROR;
        }

        hls->whole = mux->pos;

        if (ngx_recording_hls_list(mux, dts - hls->start) != NGX_OK) {
            return NGX_ERROR;
        }

        hls->number++;
        (void) av_opt_set(hls->av.ctx->priv_data, "mpegts_flags",
                          "+resend_headers", 0);
    }

    (void) snprintf(name, sizeof(name), "%05lu.ts",
                    (unsigned long) hls->number);

    mux->fd = openat(hls->dir, name, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0644);

    if (mux->fd == -1) {
        return ngx_recording_mux_error(mux, "create a segment of");
    }

    if (!hls->opened) {
        hls->anchor = dts;
        hls->wall = wall;
    }

    hls->marked = hls->opened && hls->broken;
    hls->broken = 0;
    hls->opened = 1;
    hls->start = dts;
    hls->whole = 0;
    mux->pos = 0;

    return NGX_OK;
}


/* the segment is whole: it is made durable and then listed */

static ngx_int_t
ngx_recording_hls_list(ngx_recording_mux_t *mux, int64_t duration)
{
    u_char                buf[NGX_RECORDING_HLS_ENTRY], *p;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (fdatasync(mux->fd) == -1) {
        return ngx_recording_mux_error(mux, "sync a segment of");
    }

    p = buf;
    duration = ngx_max(duration, 1);

    if (hls->end == 0) {
        p = ngx_recording_hls_header(mux, p, duration);

    } else if (ngx_recording_hls_raise(mux, duration) != NGX_OK) {
        return NGX_ERROR;
    }

    if (hls->marked) {
        p += sprintf((char *) p, "#EXT-X-DISCONTINUITY\n");
    }

    p = ngx_recording_hls_date(p, hls->wall
                                  + (hls->start - hls->anchor) * 1000);

    p += sprintf((char *) p, "#EXTINF:%lld.%03lld,\n%05lu.ts\n",
                 (long long) (duration / 1000),
                 (long long) (duration % 1000),
                 (unsigned long) hls->number);

    if (ngx_recording_store_write_thread(hls->playlist, buf, p - buf,
                                         hls->end)
        != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "write the playlist");
    }

    hls->end += p - buf;
    hls->size += mux->pos;

    ngx_recording_mux_written(mux);

    (void) close(mux->fd);
    mux->fd = -1;

    return NGX_OK;
}


static u_char *
ngx_recording_hls_header(ngx_recording_mux_t *mux, u_char *p,
    int64_t duration)
{
    u_char               *start;
    ngx_recording_hls_t  *hls;

    hls = mux->data;
    start = p;

    hls->target = ngx_max((2 * mux->segment + 999) / 1000,
                          (duration + 999) / 1000);

    p += sprintf((char *) p, "#EXTM3U\n#EXT-X-VERSION:6\n"
                 "#EXT-X-PLAYLIST-TYPE:EVENT\n"
                 "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:");

    hls->target_pos = p - start;

    p += sprintf((char *) p, "%0*lld\n#EXT-X-MEDIA-SEQUENCE:0\n",
                 NGX_RECORDING_HLS_TARGET, (long long) hls->target);

    return p;
}


/* a longer GOP raises the target duration, in place */

static ngx_int_t
ngx_recording_hls_raise(ngx_recording_mux_t *mux, int64_t duration)
{
    char                  digits[32];
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if ((duration + 999) / 1000 <= hls->target) {
        return NGX_OK;
    }

    (void) snprintf(digits, sizeof(digits), "%0*lld",
                    NGX_RECORDING_HLS_TARGET,
                    (long long) (duration + 999) / 1000);

    if (ngx_recording_store_write_thread(hls->playlist, digits,
                                         NGX_RECORDING_HLS_TARGET,
                                         hls->target_pos)
        != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "write the playlist");
    }

    hls->target = (duration + 999) / 1000;

    return NGX_OK;
}


static u_char *
ngx_recording_hls_date(u_char *p, int64_t us)
{
    time_t     sec;
    struct tm  tm;

    sec = (time_t) (us / 1000000);
    (void) gmtime_r(&sec, &tm);

    return p + sprintf((char *) p, "#EXT-X-PROGRAM-DATE-TIME:"
                       "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ\n",
                       (unsigned) (tm.tm_year + 1900) % 10000,
                       (unsigned) (tm.tm_mon + 1) % 100,
                       (unsigned) tm.tm_mday % 100,
                       (unsigned) tm.tm_hour % 100,
                       (unsigned) tm.tm_min % 100,
                       (unsigned) tm.tm_sec % 100,
                       (unsigned) (us / 1000 % 1000));
}


static ngx_int_t
ngx_recording_hls_flush(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (!hls->opened) {
        return NGX_OK;
    }

    avio_flush(hls->av.ctx->pb);

    if (hls->av.ctx->pb->error) {
        return NGX_ERROR;
    }

    hls->whole = mux->pos;
    ngx_recording_mux_written(mux);

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

    if (media == NULL) {
        return NGX_OK;
    }

    ngx_recording_av_close_thread(&hls->av);

    if (ngx_recording_mux_tracks_thread(mux, media) != NGX_OK) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    return ngx_recording_hls_muxer(mux);
}


static ngx_int_t
ngx_recording_hls_finish(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (hls->opened && mux->fd != -1) {

        if (mux->err == 0) {
            if (ngx_recording_av_flush_thread(&hls->av) != NGX_OK) {
                return NGX_ERROR;
            }

            hls->whole = mux->pos;
        }

        /* after a failure: what was written in whole packets */

        mux->pos = hls->whole - hls->whole % NGX_RECORDING_TS_PACKET;

        if (ftruncate(mux->fd, mux->pos) == -1) {
            return ngx_recording_mux_error(mux, "truncate a segment of");
        }

        if (ngx_recording_hls_list(mux, ngx_recording_mux_end(mux)
                                        - hls->start)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (!hls->ended) {
        if (ngx_recording_store_write_thread(hls->playlist,
                                             NGX_RECORDING_HLS_ENDLIST,
                                             NGX_RECORDING_HLS_ENDLIST_LEN,
                                             hls->end)
            != NGX_OK)
        {
            return ngx_recording_mux_error(mux, "write the playlist");
        }

        hls->end += NGX_RECORDING_HLS_ENDLIST_LEN;
        hls->ended = 1;
    }

    if (fsync(hls->playlist) == -1 || fsync(hls->dir) == -1) {
        return ngx_recording_mux_error(mux, "sync");
    }

    mux->file.size = hls->size + hls->end;

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

    u_char  *p;

    p = (u_char *) buf;

    ngx_recording_hls_stamp(mux->data, p, p + size);

    if (ngx_recording_store_write_thread(mux->fd, p, size, mux->pos)
        != NGX_OK)
    {
        (void) ngx_recording_mux_error(mux, "write a segment of");
        return AVERROR(mux->err);
    }

    mux->pos += size;

    return size;
}


/*
 * Continuity counters run on by PID whatever muxer the packets come from;
 * those without payload do not count.
 */

static void
ngx_recording_hls_stamp(ngx_recording_hls_t *hls, u_char *p, u_char *last)
{
    uint16_t                  pid;
    ngx_uint_t                i;
    ngx_recording_hls_pid_t  *c;

    for ( /* void */ ; p < last; p += NGX_RECORDING_TS_PACKET) {

        pid = (uint16_t) ((p[1] & 0x1f) << 8 | p[2]);

        for (i = 0; i < hls->npids && hls->pids[i].pid != pid; i++) {
            /* void */
        }

        if (i == NGX_RECORDING_HLS_PIDS) {
            continue;
        }

        c = &hls->pids[i];

        if (i == hls->npids) {
            hls->npids++;
            c->pid = pid;
            c->counter = 0x0f;
        }

        if (p[3] & 0x10) {
            c->counter = (c->counter + 1) & 0x0f;
        }

        p[3] = (u_char) ((p[3] & 0xf0) | c->counter);
    }
}
