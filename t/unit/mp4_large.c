
/*
 * Finishing large MP4 files.  Media data is sparse here: only the index and
 * a mark at the beginning of a chunk are really written.
 *
 * Usage: mp4_large [directory], where the files are left for t/unit.t.
 */

/* cflags: -O2 -fno-sanitize=all */
/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "headers.h"

#include <sys/resource.h>


/* file systems that cannot do what the module prefers */

static ngx_uint_t  large_no_insert;
static ngx_uint_t  large_no_copy;

static int large_fallocate(int fd, int mode, off_t offset, off_t len);
static ssize_t large_copy_file_range(int in, off_t *from, int out, off_t *to,
    size_t size, unsigned int flags);


/* the growing file's index is private to this file, and copies are made by
   the other one */

#define fallocate        large_fallocate
#define copy_file_range  large_copy_file_range

#include "../../src/format/ngx_recording_mp4.c"
#include "../../src/core/ngx_recording_io.c"
#include "ngx_recording_journal.h"

#undef fallocate
#undef copy_file_range


#define LARGE_RECORDS  1024
#define LARGE_MARK     16


/* a batch of half a second after the other, each one chunk a track */

typedef struct {
    const char             *name;
    ngx_uint_t              batches;
    ngx_uint_t              video;         /* samples in a batch */
    ngx_uint_t              audio;
    uint64_t                size;          /* of a video sample */
    ngx_uint_t              every;         /* chunk that is marked */
    ngx_uint_t              co64[NGX_RECORDING_TRACKS];
    ngx_uint_t              keep;
} large_file_t;


typedef struct {
    ngx_recording_mux_t    *mux;
    int                     index;
    off_t                   at;
    ngx_uint_t              n;
    ngx_recording_mp4_record_t  records[LARGE_RECORDS];
} large_index_t;


static void large_12h(ngx_recording_store_t *store);
static void large_edges(ngx_recording_store_t *store);
static void large_copies(ngx_recording_store_t *store);
static ngx_recording_mux_t *large_open(ngx_recording_store_t *store,
    uint64_t id);
static ngx_int_t large_fill(ngx_recording_mux_t *mux, large_file_t *f);
static ngx_int_t large_chunk(large_index_t *index, large_file_t *f,
    ngx_uint_t track, ngx_uint_t batch);
static ngx_int_t large_record(large_index_t *index,
    ngx_recording_mp4_record_t *r);
static ngx_int_t large_write_index(large_index_t *index);
static ngx_int_t large_place(ngx_recording_mux_t *mux, large_file_t *f);
static int64_t large_clock(clockid_t id);
static long large_memory(void);


int
main(int argc, char *const *argv)
{
    char                   dir[] = "/tmp/mp4-large-XXXXXX";
    const char            *op;
    ngx_recording_store_t  store;

    ngx_memzero(&store, sizeof(ngx_recording_store_t));

    store.path = argc > 1 ? argv[1] : mkdtemp(dir);
    store.lock = -1;

    ngx_recording_formats_init();

    if (store.path == NULL
        || ngx_recording_store_open_thread(&store, &op) != NGX_OK)
    {
        printf("Bail out! no store\n");
        return 1;
    }

    large_12h(&store);
    large_edges(&store);
    large_copies(&store);

    ngx_recording_store_close(&store);

    if (argc == 1) {
        diag("the files are in %s", dir);
    }

    return tap_done();
}


/* 12 h of 30 fps and 48 kHz: 3.3 million samples, over 4 GB */

static void
large_12h(ngx_recording_store_t *store)
{
    long                  memory;
    int64_t               wall, cpu;
    large_file_t          f;
    ngx_recording_mux_t  *mux;

    static const large_file_t  hours = {
        .name = "12h.mp4", .batches = 86400, .video = 15, .audio = 23,
        .size = 4000, .every = 64, .co64 = { 1, 1 }, .keep = 1
    };

    f = hours;
    mux = large_open(store, 1);

    if (mux == NULL || large_fill(mux, &f) != NGX_OK) {
        ok(0, "12 h: made");
        return;
    }

    memory = large_memory();
    wall = large_clock(CLOCK_MONOTONIC);
    cpu = large_clock(CLOCK_PROCESS_CPUTIME_ID);

    is(mux->format->finish(mux), NGX_OK, "12 h: finished");

    wall = large_clock(CLOCK_MONOTONIC) - wall;
    cpu = large_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;

    diag("print: 12 h, %.1f million samples, %.1f GB: finished in %.2f s, "
         "%.2f s of CPU, peak memory %ld MB, %ld MB before",
         (double) f.batches * (f.video + f.audio) / 1e6,
         (double) mux->file.size / 1e9,
         (double) wall / 1e9, (double) cpu / 1e9,
         large_memory() / 1024, memory / 1024);

    is(large_place(mux, &f), NGX_OK, "12 h: in place");
}


/*
 * The last chunk, which is audio, begins below 4 GB in the growing file and
 * above in the finished one; and a file where it just stays below.
 */

static void
large_edges(ngx_recording_store_t *store)
{
    ngx_uint_t            i;
    large_file_t          f;
    ngx_recording_mux_t  *mux;

    /* with samples of this size it begins n bytes below */

#define LARGE_EDGE(n)                                                        \
    ((((uint64_t) 1 << 32) - NGX_RECORDING_MP4_RESERVE - (n)                 \
      - 999 * 40 * 200) / 1000)

    static const large_file_t  edges[] = {
        { .name = "above.mp4", .batches = 1000, .video = 1, .audio = 40,
          .size = LARGE_EDGE(20000), .every = 1, .co64 = { 0, 1 },
          .keep = 1 },
        { .name = "below.mp4", .batches = 1000, .video = 1, .audio = 40,
          .size = LARGE_EDGE(2000000), .every = 1, .co64 = { 0, 0 },
          .keep = 1 },
    };

    for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {

        f = edges[i];
        mux = large_open(store, 10 + i);

        if (mux == NULL || large_fill(mux, &f) != NGX_OK) {
            ok(0, "%s: made", f.name);
            return;
        }

        ok(mux->pos - 40 * 200 < (off_t) 1 << 32,
           "%s: every chunk begins below 4 GB while it grows", f.name);
        is(mux->format->finish(mux), NGX_OK, "%s: finished", f.name);
        is(large_place(mux, &f), NGX_OK, "%s: in place", f.name);
    }
}


/* the same file where space can be inserted, copied, or only written */

static void
large_copies(ngx_recording_store_t *store)
{
    int                   fd[3];
    char                  one[65536], two[65536];
    off_t                 at;
    ssize_t               n;
    ngx_uint_t            i, same;
    large_file_t          f;
    ngx_recording_mux_t  *mux;

    static const large_file_t  small = {
        .batches = 4000, .video = 1, .audio = 20, .size = 5000, .every = 1
    };

    static char  *const  names[] = { "inserted", "copied", "written" };

    for (i = 0; i < 3; i++) {

        f = small;
        f.name = names[i];

        large_no_insert = i > 0;
        large_no_copy = i > 1;

        fd[i] = -1;
        mux = large_open(store, 20 + i);

        if (mux == NULL || large_fill(mux, &f) != NGX_OK) {
            ok(0, "%s: made", names[i]);
            return;
        }

        is(mux->format->finish(mux), NGX_OK, "%s: finished", names[i]);
        is(large_place(mux, &f), NGX_OK, "%s: in place", names[i]);

        fd[i] = openat(store->files, names[i], O_RDONLY|O_CLOEXEC);
    }

    for (i = 1; i < 3; i++) {
        same = 0;

        for (at = 0; fd[i] != -1; at += n) {
            n = pread(fd[0], one, sizeof(one), at);

            if (n < 0 || pread(fd[i], two, sizeof(two), at) != n
                || memcmp(one, two, n) != 0)
            {
                break;
            }

            if (n == 0) {
                same = at > 20000000;
                break;
            }
        }

        ok(same, "%s and %s files are the same", names[0], names[i]);
    }

    for (i = 0; i < 3; i++) {
        (void) close(fd[i]);
        (void) unlinkat(store->files, names[i], 0);
    }
}


static ngx_recording_mux_t *
large_open(ngx_recording_store_t *store, uint64_t id)
{
    u_char                  video[5 + sizeof(avc_720)];
    u_char                  audio[2 + sizeof(aac_48000_2)];
    ngx_recording_mux_t    *mux;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS], *m;

    static ngx_recording_stream_t  stream;

    ngx_memzero(media, sizeof(media));
    ngx_memcpy(ngx_cpymem(video, "\x17\0\0\0\0", 5), avc_720,
               sizeof(avc_720));
    ngx_memcpy(ngx_cpymem(audio, "\xaf\0", 2), aac_48000_2,
               sizeof(aac_48000_2));

    m = &media[NGX_RECORDING_VIDEO];
    m->header = video;
    m->header_len = sizeof(video);
    m->header_body = 5;
    m->present = 1;
    (void) ngx_recording_codec_avc(&m->codec, video + 5, sizeof(avc_720));

    m = &media[NGX_RECORDING_AUDIO];
    m->header = audio;
    m->header_len = sizeof(audio);
    m->header_body = 2;
    m->present = 1;
    (void) ngx_recording_codec_aac(&m->codec, audio + 2,
                                   sizeof(aac_48000_2));

    mux = ngx_recording_mux_create_thread(&ngx_recording_format_mp4, store,
                                          media);
    if (mux == NULL) {
        return NULL;
    }

    mux->file.id = id;
    (void) snprintf(mux->work, sizeof(mux->work), "%llu.mp4",
                    (unsigned long long) id);

    mux->file.stream = &stream;

    if (ngx_recording_journal_create_thread(mux) != NGX_OK
        || mux->format->open(mux) != NGX_OK)
    {
        diag("%s: %s", mux->op, strerror(mux->err));
        ngx_recording_mux_close_thread(mux);
        return NULL;
    }

    return mux;
}


/* as if samples had been added and flushed */

static ngx_int_t
large_fill(ngx_recording_mux_t *mux, large_file_t *f)
{
    ngx_int_t             rc;
    ngx_uint_t            i;
    large_index_t        *index;
    ngx_recording_mp4_t  *mp4;

    mp4 = mux->data;
    index = calloc(1, sizeof(large_index_t));

    if (index == NULL) {
        return NGX_ERROR;
    }

    index->mux = mux;
    index->index = ngx_recording_store_reopen_thread(mux->store, mp4->name);

    for (rc = NGX_OK, i = 0; rc == NGX_OK && i < f->batches; i++) {
        rc = large_chunk(index, f, NGX_RECORDING_VIDEO, i);

        if (rc == NGX_OK) {
            rc = large_chunk(index, f, NGX_RECORDING_AUDIO, i);
        }
    }

    if (rc == NGX_OK) {
        rc = large_write_index(index);
    }

    (void) close(index->index);
    free(index);

    mp4->records = f->batches * (f->video + f->audio);

    return rc == NGX_OK && ftruncate(mux->fd, mux->pos) == 0 ? NGX_OK
                                                             : NGX_ERROR;
}


static ngx_int_t
large_chunk(large_index_t *index, large_file_t *f, ngx_uint_t track,
    ngx_uint_t batch)
{
    char                         mark[LARGE_MARK + 1];
    ngx_uint_t                   i, n;
    ngx_recording_mp4_record_t   r;

    if (batch % f->every == 0) {
        (void) snprintf(mark, sizeof(mark), "%c%015d",
                        track == NGX_RECORDING_VIDEO ? 'V' : 'A',
                        (int) batch);

        if (pwrite(index->mux->fd, mark, LARGE_MARK, index->mux->pos)
            != LARGE_MARK)
        {
            return NGX_ERROR;
        }
    }

    n = track == NGX_RECORDING_VIDEO ? f->video : f->audio;

    ngx_memzero(&r, sizeof(ngx_recording_mp4_record_t));

    for (i = 0; i < n; i++) {
        r.offset = index->mux->pos;
        r.dts = (int64_t) (batch * 500 + i * 500 / n);
        r.track = (uint8_t) track;
        r.duration = (uint16_t) (500 / n);

        if (track == NGX_RECORDING_VIDEO) {
            r.key = (i == 0 && batch % 4 == 0);
            r.size = (uint32_t) f->size;
            r.composition = i % 2 ? (int32_t) (500 / n) : 0;

        } else {

            /* 200 on average, so that no table is a single number */

            r.key = 1;
            r.size = (uint32_t) (200 + (i % 2 ? 50 : -50));
        }

        if (large_record(index, &r) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
large_record(large_index_t *index, ngx_recording_mp4_record_t *r)
{
    ngx_recording_mp4_index_seal(r, 1);

    index->records[index->n++] = *r;
    index->mux->pos += r->size;

    return index->n == LARGE_RECORDS ? large_write_index(index) : NGX_OK;
}


static ngx_int_t
large_write_index(large_index_t *index)
{
    ssize_t  size;

    size = index->n * sizeof(ngx_recording_mp4_record_t);
    index->n = 0;

    if (pwrite(index->index, index->records, size, index->at) != size) {
        return NGX_ERROR;
    }

    index->at += size;

    return NGX_OK;
}


/* what a finished file's test has to know */

static ngx_int_t
large_place(ngx_recording_mux_t *mux, large_file_t *f)
{
    ngx_int_t               rc;
    ngx_recording_store_t  *store;

    store = mux->store;

    if (mux->op) {
        diag("%s: %s", mux->op, strerror(mux->err));
    }

    rc = ngx_recording_store_place_thread(store, mux->work, f->name, NULL);

    mux->file.state = NGX_RECORDING_FILE_FINISHED;
    (void) ngx_recording_journal_clear_thread(store, mux->file.id);
    ngx_recording_mux_close_thread(mux);

    if (f->keep) {
        diag("file: path=%s/files/%s vide=%d soun=%d batches=%d every=%d "
             "co64_vide=%d co64_soun=%d ms=%d", store->path, f->name,
             (int) (f->batches * f->video), (int) (f->batches * f->audio),
             (int) f->batches, (int) f->every,
             (int) f->co64[NGX_RECORDING_VIDEO],
             (int) f->co64[NGX_RECORDING_AUDIO], (int) f->batches * 500);
    }

    return rc;
}


static int
large_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (large_no_insert) {
        errno = EOPNOTSUPP;
        return -1;
    }

    return fallocate(fd, mode, offset, len);
}


static ssize_t
large_copy_file_range(int in, off_t *from, int out, off_t *to, size_t size,
    unsigned int flags)
{
    if (large_no_copy) {
        errno = EXDEV;
        return -1;
    }

    return copy_file_range(in, from, out, to, size, flags);
}


static int64_t
large_clock(clockid_t id)
{
    struct timespec  ts;

    (void) clock_gettime(id, &ts);

    return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/* kB */

static long
large_memory(void)
{
    struct rusage  usage;

    (void) getrusage(RUSAGE_SELF, &usage);

    return usage.ru_maxrss;
}
