
/*
 * What of a growing file may be read before its end: as much as a sync has
 * told of, wherever it lies, whoever writes it.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "store.h"
#include "headers.h"
#include "ngx_recording_early.h"
#include "ngx_recording_flv.h"
#include "ngx_recording_hls.h"
#include <sys/wait.h>

/* a look while the media is moved, and a file system that moves nothing; and
   which segments are synced */

static int early_fallocate(int fd, int mode, off_t offset, off_t size);
static int early_fdatasync(int fd);

#define ngx_recording_fallocate  early_fallocate
#define ngx_recording_fdatasync  early_fdatasync

#include "../../src/format/ngx_recording_mp4.c"
#include "../../src/format/ngx_recording_hls.c"


#define V  NGX_RECORDING_VIDEO
#define A  NGX_RECORDING_AUDIO

#define EARLY_FRAMES  25             /* pictures of a segment, 40 ms each */
#define EARLY_MANY    20000          /* whose table is more than the reserve */
#define EARLY_SYNCS   4096
#define EARLY_STATES  2000


static void early_grows(ngx_recording_store_t *store,
    const ngx_recording_format_t *format);
static void early_goes_on(ngx_recording_store_t *store,
    const ngx_recording_format_t *format, uint64_t claimed);
static void early_ends(ngx_recording_mux_t *mux);
static void early_fails(ngx_recording_store_t *store,
    const ngx_recording_format_t *format);
static void early_power(ngx_recording_store_t *store,
    const ngx_recording_format_t *format);
static void early_moves(ngx_recording_store_t *store, ngx_uint_t copies);
static void early_beside(ngx_recording_store_t *store);
static int early_watch(ngx_recording_store_t *store, uint64_t id,
    uint64_t last);
static void early_stops(ngx_recording_store_t *store);
static ngx_uint_t early_unsynced(ngx_recording_store_t *store, uint64_t id,
    ngx_uint_t n);
static void early_old(ngx_recording_store_t *store, uint64_t id,
    ngx_uint_t segments, ngx_uint_t known);

static ngx_recording_mux_t *early_open(ngx_recording_store_t *store,
    const ngx_recording_format_t *format, uint64_t id);
static void early_add(ngx_recording_mux_t *mux, ngx_uint_t frames);
static uint64_t early_all(ngx_recording_mux_t *mux);
static uint64_t early_looked(ngx_recording_store_t *store, uint64_t id);
static void early_read(ngx_recording_store_t *store, uint64_t id, u_char *buf,
    size_t size);
static uint64_t early_sum(ngx_recording_store_t *store, uint64_t id);
static uint64_t early_sum_file(int dir, const char *name, off_t from,
    off_t size);


static const char              *early_what;
static ngx_recording_store_t   *early_store;
static ngx_recording_early_t    early_before;
static ngx_uint_t               early_copies;
static ngx_uint_t               early_moved;
static ino_t                    early_synced[EARLY_SYNCS];
static ngx_uint_t               early_nsynced;


int
main(void)
{
    ngx_uint_t             i;
    ngx_recording_store_t  store;

    store_make(&store);
    ngx_recording_formats_init();

    for (i = 0; ngx_recording_formats[i]; i++) {
        early_grows(&store, ngx_recording_formats[i]);
        early_fails(&store, ngx_recording_formats[i]);
        early_power(&store, ngx_recording_formats[i]);
    }

    early_moves(&store, 0);
    early_moves(&store, 1);
    early_beside(&store);
    early_stops(&store);
    early_old(&store, 20, 10, 10);
    early_old(&store, 21, 30, 0);

    store_remove(&store);

    return tap_done();
}


static void
early_grows(ngx_recording_store_t *store,
    const ngx_recording_format_t *format)
{
    uint64_t               claimed;
    ngx_recording_mux_t   *mux;
    ngx_recording_early_t  early;

    early_what = format->name;

    is(ngx_recording_early_look_thread(store, 1, &early), NGX_DECLINED,
       "%s: no journal", early_what);

    mux = early_open(store, format, 1);

    is(early_looked(store, 1), 0, "%s: begun", early_what);

    early_add(mux, 3 * EARLY_FRAMES);
    (void) ngx_recording_journal_checkpoint_thread(mux, 0);
    is(early_looked(store, 1), 0, "%s: not synced", early_what);

    is(ngx_recording_journal_checkpoint_thread(mux, 1), NGX_OK, "%s: synced",
       early_what);

    claimed = early_all(mux);

    ok(claimed >= (format->endless ? 2 : 1000), "%s: something", early_what);
    is(early_looked(store, 1), claimed, "%s: all of it", early_what);

    early_add(mux, 3 * EARLY_FRAMES);
    (void) ngx_recording_journal_checkpoint_thread(mux, 0);
    ok(early_all(mux) > claimed, "%s: more", early_what);
    is(early_looked(store, 1), claimed, "%s: that is not synced", early_what);

    (void) ngx_recording_journal_anew_thread(mux);
    is(early_looked(store, 1), claimed, "%s: nor by a journal that is new",
       early_what);

    /* a state that was not written to its end is not there */

    (void) ngx_recording_journal_checkpoint_thread(mux, 1);
    is(early_looked(store, 1), early_all(mux), "%s: synced again",
       early_what);

    mux->journal_pos--;
    (void) ngx_recording_journal_cut_thread(mux);
    is(early_looked(store, 1), claimed, "%s: a torn journal", early_what);

    ngx_recording_mux_close_thread(mux);

    is(store->busy.n, 0, "%s: nobody has it", early_what);

    early_goes_on(store, format, claimed);
}


/* the next worker has more than what it knows to be durable */

static void
early_goes_on(ngx_recording_store_t *store,
    const ngx_recording_format_t *format, uint64_t claimed)
{
    uint64_t              all;
    ngx_recording_mux_t  *mux;

    mux = ngx_recording_journal_reopen_thread(store, 1, 1);

    if (mux == NULL || mux->err) {
        ok(0, "%s: opened again", early_what);
        return;
    }

    all = early_all(mux);

    ok(all > claimed, "%s: gone on with", early_what);
    is(early_looked(store, 1), claimed, "%s: nothing is lost", early_what);

    (void) ngx_recording_journal_owner_thread(mux);
    (void) ngx_recording_journal_checkpoint_thread(mux, 0);
    is(early_looked(store, 1), claimed, "%s: nor more than was synced",
       early_what);

    (void) ngx_recording_journal_checkpoint_thread(mux, 1);
    is(early_looked(store, 1), all, "%s: until it is", early_what);

    ngx_recording_mux_close_thread(mux);

    mux = ngx_recording_journal_reopen_thread(store, 1, 0);
    is(mux->settled, all, "%s: a third one", early_what);

    /* its sync fails: what is behind the last one is cut off */

    mux->tainted = 1;
    is(ngx_recording_journal_back_thread(mux, 0), NGX_OK, "%s: cut",
       early_what);
    is(early_looked(store, 1), all, "%s: nothing of that", early_what);

    early_ends(mux);
}


static void
early_ends(ngx_recording_mux_t *mux)
{
    int                    fd;
    off_t                  begin;
    u_char                 was[512], now[512];
    ngx_recording_early_t  early;
    ngx_recording_store_t *store;

    store = mux->store;

    (void) ngx_recording_early_look_thread(store, 1, &early);

    if (early.format->endless) {
        is(ngx_recording_early_open_thread(store, 1, &early), -1,
           "%s: is no file", early_what);

    } else {
        early_read(store, 1, was, sizeof(was));
    }

    is(mux->format->finish(mux), NGX_OK, "%s: finished", early_what);

    if (!early.format->endless) {
        fd = ngx_recording_early_open_thread(store, 1, &early);
        begin = ngx_recording_early_begin_thread(early.format->name, fd);

        is(begin, early.begin, "%s: where the media begins", early_what);

        (void) ngx_recording_io_read_thread(fd, now, sizeof(now),
                                            begin + early.length
                                            - sizeof(now));
        ok(ngx_memcmp(was, now, sizeof(was)) == 0, "%s: as it was read",
           early_what);
        (void) close(fd);

        is(ngx_recording_early_same_thread(store, 1, &early), NGX_OK,
           "%s: it was not moved", early_what);
    }

    (void) ngx_recording_journal_clear_thread(store, 1);
    ngx_recording_mux_close_thread(mux);

    is(ngx_recording_early_look_thread(store, 1, &early), NGX_DECLINED,
       "%s: it does not grow", early_what);
    is(ngx_recording_early_same_thread(store, 1, &early), NGX_AGAIN,
       "%s: nobody knows where it is", early_what);
}


/* a sync fails: what came since the last one is cut off, or may be */

static void
early_fails(ngx_recording_store_t *store,
    const ngx_recording_format_t *format)
{
    uint64_t              claimed, sum;
    ngx_recording_mux_t  *mux;

    early_what = format->name;

    mux = early_open(store, format, 3 + format->number);

    early_add(mux, 3 * EARLY_FRAMES);
    (void) ngx_recording_journal_checkpoint_thread(mux, 1);
    claimed = early_all(mux);
    sum = early_sum(store, mux->file.id);

    early_add(mux, 3 * EARLY_FRAMES);
    (void) ngx_recording_journal_checkpoint_thread(mux, 0);

    mux->tainted = 1;
    is(ngx_recording_journal_back_thread(mux, 0), NGX_OK,
       "%s: a sync has failed", early_what);

    ok(early_all(mux) >= claimed, "%s: what was synced is there", early_what);
    is(early_looked(store, mux->file.id), claimed, "%s: and is told",
       early_what);
    is(early_sum(store, mux->file.id), sum, "%s: as it was", early_what);

    is(mux->format->finish(mux), NGX_OK, "%s: finished", early_what);
    is(early_sum(store, mux->file.id), sum, "%s: as it was, too", early_what);

    (void) ngx_recording_journal_clear_thread(store, mux->file.id);
    ngx_recording_mux_close_thread(mux);
}


/* what came since the last sync is lost, but the journal tells of it */

static void
early_power(ngx_recording_store_t *store,
    const ngx_recording_format_t *format)
{
    int                   fd;
    char                  name[64];
    off_t                 list;
    uint64_t              id, claimed, sum;
    ngx_recording_mux_t  *mux;

    early_what = format->name;
    id = 10 + format->number;

    mux = early_open(store, format, id);

    early_add(mux, 3 * EARLY_FRAMES);
    (void) ngx_recording_journal_checkpoint_thread(mux, 1);
    claimed = early_all(mux);
    list = format->endless
           ? ((ngx_recording_hls_t *) mux->data)->kept.list.end
           : (off_t) claimed;
    sum = early_sum(store, id);

    early_add(mux, 3 * EARLY_FRAMES);
    (void) ngx_recording_journal_checkpoint_thread(mux, 0);
    ngx_recording_mux_close_thread(mux);

    /* the segments that were not known to be there are gone, but for one */

    if (format->endless) {
        (void) snprintf(name, sizeof(name), "%u/%05u.ts", (unsigned) id,
                        (unsigned) claimed + 1);
        (void) unlinkat(store->files, name, 0);
        (void) snprintf(name, sizeof(name), "%u/index.m3u8", (unsigned) id);
    } else {
        ngx_recording_store_name(name, sizeof(name), id, format->extension);
    }

    fd = openat(format->endless ? store->files : store->work, name, O_RDWR);
    is(ftruncate(fd, list), 0, "%s: a power cut", early_what);
    (void) close(fd);

    mux = ngx_recording_journal_reopen_thread(store, id, 1);

    ok(early_all(mux) >= claimed, "%s: what was synced is there", early_what);
    is(mux->settled, claimed, "%s: and is known", early_what);
    is(early_sum(store, id), sum, "%s: as it was", early_what);

    is(ngx_recording_journal_checkpoint_thread(mux, 1), NGX_OK, "%s: synced",
       early_what);
    is(early_looked(store, id), early_all(mux), "%s: all of it", early_what);

    (void) ngx_recording_journal_clear_thread(store, id);
    ngx_recording_mux_close_thread(mux);
}


/* the table of many samples needs more room than there is */

static void
early_moves(ngx_recording_store_t *store, ngx_uint_t copies)
{
    int                    fd;
    u_char                 was[512], now[512];
    ngx_recording_mux_t   *mux;
    ngx_recording_early_t  early;

    early_what = copies ? "copied" : "moved";
    early_copies = copies;
    early_moved = 0;
    early_store = store;

    mux = early_open(store, &ngx_recording_format_mp4, 1);

    early_add(mux, EARLY_MANY);
    (void) ngx_recording_journal_checkpoint_thread(mux, 1);
    (void) ngx_recording_early_look_thread(store, 1, &early_before);

    is(early_before.begin, NGX_RECORDING_MP4_RESERVE, "%s: begin", early_what);
    early_read(store, 1, was, sizeof(was));

    is(mux->format->finish(mux), NGX_OK, "%s: finished", early_what);
    ok(early_moved, "%s: it was", early_what);

    (void) ngx_recording_early_look_thread(store, 1, &early);

    is(early.moving, 0, "%s: it lies still", early_what);
    ok(early.begin > early_before.begin, "%s: elsewhere", early_what);
    is(early.length, early_before.length, "%s: all of it", early_what);
    is(ngx_recording_early_same_thread(store, 1, &early_before), NGX_AGAIN,
       "%s: what was read before is not sure", early_what);
    is(ngx_recording_early_same_thread(store, 1, &early), NGX_OK,
       "%s: what is read now is", early_what);

    early_read(store, 1, now, sizeof(now));
    ok(ngx_memcmp(was, now, sizeof(was)) == 0, "%s: the same", early_what);

    fd = ngx_recording_early_open_thread(store, 1, &early);
    is(ngx_recording_early_begin_thread("mp4", fd), early.begin,
       "%s: where the media begins", early_what);

    /* boxes that are none */

    is(ngx_recording_early_begin_thread("mp4", -1), -1, "no file");
    (void) close(fd);

    fd = openat(store->work, "1.mp4", O_RDWR);
    (void) ngx_recording_io_write_thread(fd, "\0\0\0\7", 4, 0);
    is(ngx_recording_early_begin_thread("mp4", fd), -1, "a box too short");
    is(errno, EINVAL, "is told");
    (void) ngx_recording_io_write_thread(fd, "\x7f\0\0\7", 4, 0);
    is(ngx_recording_early_begin_thread("mp4", fd), -1, "a box too long");
    (void) ngx_recording_io_write_thread(fd, "\0\0\0\1ftyp\x80\0\0\0\0\0\0\0",
                                         16, 0);
    is(ngx_recording_early_begin_thread("mp4", fd), -1, "a size too large");
    (void) close(fd);

    (void) ngx_recording_journal_clear_thread(store, 1);
    ngx_recording_mux_close_thread(mux);
}


static int
early_fallocate(int fd, int mode, off_t offset, off_t size)
{
    int                    rc;
    ngx_recording_early_t  early;

    early_moved = 1;

    (void) ngx_recording_early_look_thread(early_store, 1, &early);

    is(early.moving, 1, "%s: nothing can be read", early_what);
    is(ngx_recording_early_same_thread(early_store, 1, &early_before),
       NGX_AGAIN, "%s: nor was it", early_what);

    if (early_copies) {
        errno = EOPNOTSUPP;
        return -1;
    }

    rc = fallocate(fd, mode, offset, size);

    if (rc == -1) {
        diag("print: no room can be inserted here: %s", strerror(errno));
    }

    return rc;
}


/* another process looks while the journal grows, and is written anew */

static void
early_beside(ngx_recording_store_t *store)
{
    int                   status;
    pid_t                 pid;
    ngx_uint_t            i;
    ngx_recording_mux_t  *mux;

    early_what = "beside";

    mux = early_open(store, &ngx_recording_format_aac, 23);

    (void) ngx_recording_journal_state_thread(mux);
    (void) fflush(stdout);

    pid = fork();

    if (pid == 0) {
        (void) alarm(60);
        _exit(early_watch(store, 23, EARLY_STATES));
    }

    for (i = 1; i <= EARLY_STATES; i++) {
        mux->settled = i;

        if (i % 100 == 0) {
            (void) ngx_recording_journal_anew_thread(mux);
        }

        (void) ngx_recording_journal_state_thread(mux);
    }

    status = -1;

    ok(pid > 0 && waitpid(pid, &status, 0) == pid, "beside: it has ended");
    is(status, 0, "beside: it is always known, and never less");

    ngx_recording_mux_close_thread(mux);
}


static int
early_watch(ngx_recording_store_t *store, uint64_t id, uint64_t last)
{
    off_t                  length;
    ngx_recording_early_t  early;

    for (length = 0; length < (off_t) last; length = early.length) {

        if (ngx_recording_early_look_thread(store, id, &early) != NGX_OK) {
            return 1;
        }

        if (early.length < length) {
            return 2;
        }
    }

    return 0;
}


/* a process that ends does not wait for segments: the next one does */

static void
early_stops(ngx_recording_store_t *store)
{
    uint64_t              claimed;
    ngx_recording_mux_t  *mux;

    early_what = "stopped";

    /* inodes of files that are gone are used again */

    early_nsynced = 0;

    mux = early_open(store, &ngx_recording_format_hls, 2);

    early_add(mux, 3 * EARLY_FRAMES);
    (void) ngx_recording_journal_checkpoint_thread(mux, 1);
    claimed = early_all(mux);

    store->stopping = 1;
    early_add(mux, 2 * EARLY_FRAMES);
    (void) mux->format->pause(mux);
    (void) ngx_recording_journal_checkpoint_thread(mux, 0);
    store->stopping = 0;

    ok(early_all(mux) > claimed + 1, "stopped: segments are listed");

    /* but for the one that was open at the last sync */

    is(early_unsynced(store, 2, early_all(mux)), early_all(mux) - claimed - 1,
       "stopped: nobody waits for them");
    is(early_looked(store, 2), claimed, "stopped: but not synced");

    ngx_recording_mux_close_thread(mux);

    mux = ngx_recording_journal_reopen_thread(store, 2, 0);

    (void) ngx_recording_journal_checkpoint_thread(mux, 1);
    is(early_looked(store, 2), early_all(mux), "stopped: now they are");
    is(early_unsynced(store, 2, early_all(mux)), 0, "stopped: each of them");

    ngx_recording_mux_close_thread(mux);

    /* the last sync of one that ends */

    mux = early_open(store, &ngx_recording_format_hls, 22);

    store->stopping = 1;
    early_add(mux, 5 * EARLY_FRAMES);
    (void) ngx_recording_journal_checkpoint_thread(mux, 1);
    store->stopping = 0;

    is(early_looked(store, 22), early_all(mux), "stopped: a last sync");
    is(early_unsynced(store, 22, early_all(mux)), 0, "stopped: all are");

    ngx_recording_mux_close_thread(mux);
}


static int
early_fdatasync(int fd)
{
    struct stat  st;

    if (fstat(fd, &st) == 0 && early_nsynced < EARLY_SYNCS) {
        early_synced[early_nsynced++] = st.st_ino;
    }

    return fdatasync(fd);
}


/* how many of the first segments were not, since they were created */

static ngx_uint_t
early_unsynced(ngx_recording_store_t *store, uint64_t id, ngx_uint_t n)
{
    char         name[64];
    ngx_uint_t   i, k, unsynced;
    struct stat  st;

    unsynced = 0;

    for (i = 0; i < n; i++) {
        (void) snprintf(name, sizeof(name), "%u/%05u.ts", (unsigned) id,
                        (unsigned) i);
        (void) fstatat(store->files, name, &st, 0);

        for (k = 0; k < early_nsynced; k++) {
            if (early_synced[k] == st.st_ino) {
                break;
            }
        }

        unsynced += (k == early_nsynced);
    }

    return unsynced;
}


/* a former version told of none: many are not synced again, each by itself */

static void
early_old(ngx_recording_store_t *store, uint64_t id, ngx_uint_t segments,
    ngx_uint_t known)
{
    ngx_recording_mux_t  *mux;

    early_what = "of a former version";

    mux = early_open(store, &ngx_recording_format_hls, id);

    early_add(mux, segments * EARLY_FRAMES);
    (void) mux->format->pause(mux);
    (void) ngx_recording_journal_checkpoint_thread(mux, 0);
    ngx_recording_mux_close_thread(mux);

    mux = ngx_recording_journal_reopen_thread(store, id, 0);

    is(early_all(mux), segments, "%s: segments", early_what);
    (void) ngx_recording_journal_checkpoint_thread(mux, 1);
    is(early_looked(store, id), known, "%s: that are known", early_what);

    ngx_recording_mux_close_thread(mux);
}


static ngx_recording_mux_t *
early_open(ngx_recording_store_t *store,
    const ngx_recording_format_t *format, uint64_t id)
{
    u_char                  video[5 + sizeof(avc_180)];
    u_char                  audio[2 + sizeof(aac_48000_2)];
    ngx_recording_mux_t    *mux;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS], *m;

    static ngx_recording_stream_t  stream;

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

    mux = ngx_recording_mux_create_thread(format, store, media);

    if (mux == NULL) {
        printf("Bail out! no file\n");
        exit(1);
    }

    mux->segment = EARLY_FRAMES * 40;
    mux->file.id = id;
    mux->file.stream = &stream;
    ngx_str_set(&mux->path_text, "{StreamID}-{RandomID}");

    mux->file.path_len = sprintf((char *) mux->file.path, "%u%s",
                                 (unsigned) id, format->extension);
    ngx_recording_store_name(mux->work, sizeof(mux->work), id,
                             format->endless ? "" : format->extension);

    is(ngx_recording_journal_create_thread(mux), NGX_OK, "%s: created",
       early_what);
    is(ngx_recording_journal_path_thread(mux), NGX_OK, "%s: path", early_what);
    is(mux->format->open(mux), NGX_OK, "%s: opened", early_what);

    return mux;
}


/* pictures, and a frame of sound with each */

static void
early_add(ngx_recording_mux_t *mux, ngx_uint_t frames)
{
    ngx_uint_t              i, track;
    ngx_recording_sample_t  s;

    static u_char  picture[] = "\x17\1\0\0\0\0\0\0\5\x65slice";
    static u_char  sound[] = "\xaf\1sound of some length";

    for (i = 0; i < frames; i++) {
        for (track = 0; track < NGX_RECORDING_TRACKS; track++) {

            if (!mux->media[track].present) {
                continue;
            }

            ngx_memzero(&s, sizeof(s));

            s.track = track;
            s.dts = (int64_t) mux->samples[track] * 40;
            s.data = track == V ? picture : sound;
            s.size = (track == V ? sizeof(picture) : sizeof(sound)) - 1;
            s.media = s.data + (track == V ? 5 : 2);
            s.media_size = s.size - (track == V ? 5 : 2);
            s.key = (i % EARLY_FRAMES == 0 || track == A);
            s.idr = (s.key && track == V);
            s.cut = s.idr;

            picture[0] = s.key ? 0x17 : 0x27;
            picture[9] = s.key ? 0x65 : 0x41;

            if (ngx_recording_mux_sample_thread(mux, &s) != NGX_OK) {
                ok(0, "%s: a frame", early_what);
            }
        }

        if (mux->format->flush(mux) != NGX_OK) {
            ok(0, "%s: flushed", early_what);
        }
    }
}


/* what it has by now */

static uint64_t
early_all(ngx_recording_mux_t *mux)
{
    if (mux->format->endless) {
        return ((ngx_recording_hls_t *) mux->data)->kept.number;
    }

    return mux->pos;
}


static uint64_t
early_looked(ngx_recording_store_t *store, uint64_t id)
{
    ngx_uint_t             busy;
    ngx_recording_early_t  early;

    busy = store->busy.n;

    if (ngx_recording_early_look_thread(store, id, &early) != NGX_OK) {
        ok(0, "%s: looked at", early_what);
        return 0;
    }

    is(store->busy.n, busy, "%s: a look is no work", early_what);

    if (early.format->endless) {
        return early.segments;
    }

    return early.length ? early.begin + early.length : 0;
}


/* the last of what may be read */

static void
early_read(ngx_recording_store_t *store, uint64_t id, u_char *buf,
    size_t size)
{
    int                    fd;
    ngx_recording_early_t  early;

    (void) ngx_recording_early_look_thread(store, id, &early);

    fd = ngx_recording_early_open_thread(store, id, &early);
    ok(fd != -1, "%s: opened for reading", early_what);

    is(ngx_recording_io_read_thread(fd, buf, size,
                                    early.begin + early.length - size),
       NGX_OK, "%s: read", early_what);
    (void) close(fd);
}


/* of all that may be read, but for what is made at the end */

static uint64_t
early_sum(ngx_recording_store_t *store, uint64_t id)
{
    char                    name[64];
    off_t                   head;
    uint64_t                sum;
    ngx_uint_t              i;
    ngx_recording_early_t   early;

    (void) ngx_recording_early_look_thread(store, id, &early);

    if (!early.format->endless) {
        ngx_recording_store_name(name, sizeof(name), id,
                                 early.format->extension);

        head = early.format == &ngx_recording_format_flv
               ? NGX_RECORDING_FLV_START : 0;

        return early_sum_file(store->work, name, early.begin + head,
                              early.length - head);
    }

    for (sum = 0, i = 0; i < early.segments; i++) {
        (void) snprintf(name, sizeof(name), "%u/%05u.ts", (unsigned) id,
                        (unsigned) i);
        sum = sum * 31 + early_sum_file(store->files, name, 0, -1);
    }

    return sum;
}


static uint64_t
early_sum_file(int dir, const char *name, off_t from, off_t size)
{
    int       fd;
    u_char    c;
    uint64_t  sum;

    fd = openat(dir, name, O_RDONLY);
    sum = 0;

    while (size-- && pread(fd, &c, 1, from++) == 1) {
        sum = (sum ^ c) * 1099511628211ULL;
    }

    if (size > 0 || sum == 0) {
        ok(0, "%s: %s is read", early_what, name);
    }

    (void) close(fd);

    return sum;
}
