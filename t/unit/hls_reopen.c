
/*
 * A segment that a kill left open is listed: with what is true of it, and
 * with the times that it has, also if the version before wrote it.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "store.h"
#include "headers.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_hls.h"


#define V  NGX_RECORDING_VIDEO
#define A  NGX_RECORDING_AUDIO

#define LEFT_START     5000         /* ms: where the segment begins */
#define LEFT_PICTURES  50           /* each 40 ms */
#define LEFT_SOUNDS    92           /* of 1024 / 48 ms */


static void left_case(ngx_recording_store_t *store, const char *name,
    int64_t shift, u_char nal);
static ngx_recording_mux_t *left_open(ngx_recording_store_t *store,
    const char *name);
static void left_write(ngx_recording_mux_t *mux, int64_t shift, u_char nal);
static size_t left_picture(u_char *p, ngx_uint_t i, u_char nal);
static int left_sink(void *data, ngx_recording_av_byte_t *buf, int size);
static void left_playlist(ngx_recording_store_t *store, const char *name,
    const char *duration, ngx_uint_t closed);


static u_char  left_sound[40];


int
main(void)
{
    ngx_recording_store_t  store;

    store_make(&store);

    ngx_recording_formats_init();
    ngx_memset(left_sound, 0xa5, sizeof(left_sound));

    left_case(&store, "closed", NGX_RECORDING_HLS_TS_SHIFT, 0x65);
    left_case(&store, "open", NGX_RECORDING_HLS_TS_SHIFT, 0x41);
    left_case(&store, "before", 0, 0x65);
    left_case(&store, "sound", NGX_RECORDING_HLS_TS_SHIFT, 0);

    store_remove(&store);

    return tap_done();
}


static void
left_case(ngx_recording_store_t *store, const char *name, int64_t shift,
    u_char nal)
{
    ngx_recording_mux_t       *mux;
    ngx_recording_hls_kept_t   kept;

    ngx_memzero(&kept, sizeof(kept));

    kept.start = LEFT_START;
    kept.last[V] = INT64_MIN;
    kept.last[A] = INT64_MIN;
    kept.shift = shift;

    /* presentation begins later; the version before knew nothing of it */

    kept.shown = LEFT_START + 80;
    kept.anchor = shift ? LEFT_START + 80 : LEFT_START;

    mux = left_open(store, name);
    left_write(mux, shift, nal);

    if (nal == 0) {

        /* the camera is off: pictures are in segments before */

        kept.shown = LEFT_START;
        kept.anchor = LEFT_START;
        kept.samples[V] = 1;
        kept.last[V] = LEFT_START - 1500;
        mux->last[V] = LEFT_START - 1500;
        mux->shown[V].high = LEFT_START - 1500;
        mux->step[V] = 40;
    }

    if (shift == 0) {
        kept.shown = LEFT_START;
    }

    is(mux->data ? NGX_OK : ngx_recording_hls_create(mux), NGX_OK,
       "%s: created", name);

    ((ngx_recording_hls_t *) mux->data)->kept = kept;

    is(mux->format->reopen(mux), NGX_OK, "%s: reopened", name);

    is(mux->samples[V], nal ? LEFT_PICTURES : 1, "%s: pictures", name);
    is(mux->samples[A], LEFT_SOUNDS, "%s: sounds", name);
    is(mux->last[V], nal ? LEFT_START + (LEFT_PICTURES - 1) * 40
                         : LEFT_START - 1500,
       "%s: the last picture", name);

    /* whole ms when they were written, and a part of one in a shared PES */

    ok(labs(mux->last[A] - (LEFT_START + (LEFT_SOUNDS - 1) * 64 / 3)) <= 1,
       "%s: the last sound", name);

    left_playlist(store, name, nal ? "2.000" : "1.962", nal != 0x41);

    ngx_recording_mux_close_thread(mux);
}


static ngx_recording_mux_t *
left_open(ngx_recording_store_t *store, const char *name)
{
    char                    dir[64];
    u_char                  video[5 + sizeof(avc_180)];
    u_char                  audio[2 + sizeof(aac_48000_2)];
    ngx_recording_mux_t    *mux;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS], *m;

    ngx_memzero(media, sizeof(media));
    ngx_memcpy(ngx_cpymem(video, "\x17\0\0\0\0", 5), avc_180,
               sizeof(avc_180));
    ngx_memcpy(ngx_cpymem(audio, "\xaf\0", 2), aac_48000_2,
               sizeof(aac_48000_2));

    m = &media[V];
    m->header = video;
    m->header_len = sizeof(video);
    m->header_body = 5;
    m->present = 1;
    (void) ngx_recording_codec_avc(&m->codec, video + 5, sizeof(avc_180));

    m = &media[A];
    m->header = audio;
    m->header_len = sizeof(audio);
    m->header_body = 2;
    m->present = 1;
    (void) ngx_recording_codec_aac(&m->codec, audio + 2,
                                   sizeof(aac_48000_2));

    mux = ngx_recording_mux_create_thread(&ngx_recording_format_hls, store,
                                          media);
    if (mux == NULL) {
        printf("Bail out! no file\n");
        exit(1);
    }

    mux->segment = 4000;

    mux->file.path_len = snprintf((char *) mux->file.path,
                                  sizeof(mux->file.path), "%s%s", name,
                                  NGX_RECORDING_HLS_INDEX);

    (void) snprintf(dir, sizeof(dir), "%s", name);
    is(ngx_recording_store_mkdir_thread(store, dir), NGX_OK,
       "%s: a directory", name);

    return mux;
}


/* what the muxer of a version wrote; nothing of it is in the playlist */

static void
left_write(ngx_recording_mux_t *mux, int64_t shift, u_char nal)
{
    int                      fd;
    char                     name[96];
    int64_t                  dts;
    u_char                   data[256];
    ngx_uint_t               i, n;
    ngx_recording_hls_ts_t   ts;
    ngx_recording_sample_t   v, a;

    (void) snprintf(name, sizeof(name), "%.*s/index.m3u8",
                    (int) (mux->file.path_len
                           - (sizeof(NGX_RECORDING_HLS_INDEX) - 1)),
                    (char *) mux->file.path);
    fd = openat(mux->store->files, name, O_RDWR|O_CREAT, 0644);
    (void) close(fd);

    ngx_memcpy(strrchr(name, '/'), "/00000.ts", sizeof("/00000.ts"));
    mux->fd = openat(mux->store->files, name, O_RDWR|O_CREAT, 0644);
    mux->pos = 0;

    if (ngx_recording_hls_ts_open_thread(&ts, mux, 0, left_sink) != NGX_OK) {
        printf("Bail out! no muxer\n");
        exit(1);
    }

    ngx_memzero(&v, sizeof(v));
    ngx_memzero(&a, sizeof(a));

    v.track = V;
    v.media = data;
    a.track = A;
    a.media = left_sound;
    a.media_size = sizeof(left_sound);

    /* the version before wrote times as they are */

    shift -= NGX_RECORDING_HLS_TS_SHIFT;

    for (n = 0, i = 0; i < LEFT_PICTURES; i++) {
        v.media_size = left_picture(data, i, nal);
        v.key = (i == 0);

        if (nal) {
            dts = LEFT_START + shift + i * 40;
            (void) ngx_recording_hls_ts_packet_thread(&ts, &v, dts, dts);
        }

        for ( /* void */ ; n < LEFT_SOUNDS && n * 64 / 3 <= i * 40; n++) {
            dts = LEFT_START + shift + n * 64 / 3;
            (void) ngx_recording_hls_ts_packet_thread(&ts, &a, dts, dts);
        }
    }

    (void) ngx_recording_hls_ts_flush_thread(&ts);
    ngx_recording_hls_ts_close_thread(&ts);

    (void) close(mux->fd);
    mux->fd = -1;
    mux->pos = 0;
}


/* a slice behind much other information, over several packets */

static size_t
left_picture(u_char *p, ngx_uint_t i, u_char nal)
{
    ngx_memset(p, 0xa5, 240);
    ngx_memcpy(p, "\0\0\0\xb4\x06", 5);
    ngx_memcpy(p + 184, "\0\0\0\x30", 4);
    p[188] = i ? 0x41 : nal;

    return 236;
}


static int
left_sink(void *data, ngx_recording_av_byte_t *buf, int size)
{
    ngx_recording_mux_t *mux = data;

    static ngx_recording_ts_pids_t  pids;

    ngx_recording_ts_stamp(&pids, (u_char *) buf, (u_char *) buf + size);

    if (pwrite(mux->fd, buf, size, mux->pos) != size) {
        return AVERROR(EIO);
    }

    mux->pos += size;

    return size;
}


static void
left_playlist(ngx_recording_store_t *store, const char *name,
    const char *duration, ngx_uint_t closed)
{
    int      fd;
    char     text[1024], path[64], line[64];
    ssize_t  n;

    (void) snprintf(path, sizeof(path), "%s/index.m3u8", name);

    fd = openat(store->files, path, O_RDONLY);
    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    text[n > 0 ? n : 0] = '\0';

    ok(strstr(text, ":1970-01-01T00:00:00.000Z\n") != NULL,
       "%s: its date", name);
    (void) snprintf(line, sizeof(line), "#EXTINF:%s,\n00000.ts\n", duration);

    ok(strstr(text, line) != NULL,
       "%s: its duration", name);
    ok((strstr(text, "#EXT-X-INDEPENDENT-SEGMENTS\n") != NULL) == closed,
       "%s: whether segments stand alone", name);
}
