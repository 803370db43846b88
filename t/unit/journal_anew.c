
/*
 * A journal that has grown is written anew: it tells the same afterwards, and
 * whenever the process dies meanwhile.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "store.h"
#include "headers.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_flv.h"
#include "ngx_recording_hls.h"
#include <sys/wait.h>


#define GAPS  (NGX_RECORDING_FILE_GAPS + 5)
#define KEYS  40


typedef enum { NOWHERE, AT_SYNC, BEFORE_RENAME, AFTER_RENAME } anew_die_e;

static anew_die_e  die;


static int
anew_sync(int fd)
{
    if (die == AT_SYNC) {
        _exit(9);
    }

    return fdatasync(fd);
}


static int
anew_rename(int from, const char *name, int to, const char *path)
{
    int  rc;

    if (die == BEFORE_RENAME) {
        _exit(9);
    }

    rc = renameat(from, name, to, path);

    if (die == AFTER_RENAME) {
        _exit(9);
    }

    return rc;
}


/* a process can die at these */

#define ngx_recording_fdatasync  anew_sync
#define ngx_recording_renameat   anew_rename

#include "../../src/format/ngx_recording_journal_file.c"


static ngx_recording_mux_t *anew_open(ngx_recording_store_t *store,
    uint64_t id, const ngx_recording_format_t *format);
static void anew_hls(ngx_recording_store_t *store);
static void anew_kill(ngx_recording_mux_t *mux, anew_die_e where,
    const char *what);
static void anew_same(ngx_recording_mux_t *as, const char *what);
static void anew_flv(ngx_recording_store_t *store);


int
main(void)
{
    ngx_recording_store_t  store;

    store_make(&store);

    anew_hls(&store);
    anew_flv(&store);

    store_remove(&store);

    return tap_done();
}


static ngx_recording_mux_t *
anew_open(ngx_recording_store_t *store, uint64_t id,
    const ngx_recording_format_t *format)
{
    u_char                  video[5 + sizeof(avc_720)];
    ngx_recording_mux_t    *mux;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS], *m;

    static ngx_recording_stream_t  stream;

    ngx_memzero(media, sizeof(media));
    ngx_memcpy(ngx_cpymem(video, "\x17\0\0\0\0", 5), avc_720,
               sizeof(avc_720));

    m = &media[NGX_RECORDING_VIDEO];
    m->header = video;
    m->header_len = sizeof(video);
    m->header_body = 5;
    m->present = 1;
    (void) ngx_recording_codec_avc(&m->codec, video + 5, sizeof(avc_720));

    mux = ngx_recording_mux_create_thread(format, store, media);

    if (mux == NULL) {
        printf("Bail out! no file\n");
        exit(1);
    }

    mux->file.id = id;
    mux->file.recording_id = 7;
    mux->file.stream = &stream;
    ngx_str_set(&stream.name, "news");
    ngx_str_set(&mux->path_text, "{StreamID}-{RandomID}");

    (void) snprintf(mux->work, sizeof(mux->work), "%llu.flv",
                    (unsigned long long) id);

    is(ngx_recording_journal_create_thread(mux), NGX_OK, "created");

    mux->file.path_len = sprintf((char *) mux->file.path, "live/news.file");
    is(ngx_recording_journal_path_thread(mux), NGX_OK, "path");

    return mux;
}


static void
anew_hls(ngx_recording_store_t *store)
{
    ngx_uint_t            i;
    struct stat           st;
    ngx_recording_hls_t  *hls;
    ngx_recording_mux_t  *mux;

    mux = anew_open(store, 1, &ngx_recording_format_hls);

    if (ngx_recording_hls_create(mux) != NGX_OK) {
        printf("Bail out! no playlist\n");
        exit(1);
    }

    hls = mux->data;

    for (i = 0; i < GAPS; i++) {
        (void) ngx_recording_journal_gap_thread(mux, i * 1000, 500 + i);
    }

    while (mux->journal_pos < NGX_RECORDING_JOURNAL_GROWN) {
        hls->kept.number++;
        hls->kept.list.end += 100;
        mux->file.written += 25;
        mux->file.dropped[NGX_RECORDING_DROP_BUFFER]++;

        ngx_recording_journal_shrink_thread(mux);

        if (ngx_recording_journal_state_thread(mux) != NGX_OK) {
            break;
        }
    }

    anew_same(mux, "as it has grown");

    anew_kill(mux, AT_SYNC, "killed before it is synced");
    anew_kill(mux, BEFORE_RENAME, "killed before it takes its place");
    anew_kill(mux, AFTER_RENAME, "killed when it has that");

    ngx_recording_journal_shrink_thread(mux);

    is(mux->journal, -1, "it is closed");
    is(ngx_recording_journal_open_thread(mux), NGX_OK, "opened");
    is(fstat(mux->journal, &st), 0, "the new one");
    ngx_recording_journal_close_thread(mux);

    ok(st.st_size < 100 * 1024, "is %lld bytes", (long long) st.st_size);
    is(st.st_size, mux->journal_pos, "and ends there");
    is(st.st_nlink, 1, "in its place");
    anew_same(mux, "written anew");

    /* it goes on */

    hls->kept.number++;
    (void) ngx_recording_journal_gap_thread(mux, 1, 2);
    is(ngx_recording_journal_state_thread(mux), NGX_OK, "a state more");
    anew_same(mux, "gone on with");

    is(ngx_recording_journal_clear_thread(store, 1), NGX_OK, "removed");
    ngx_recording_mux_close_thread(mux);
}


/* the old one, or the new one: both tell the same */

static void
anew_kill(ngx_recording_mux_t *mux, anew_die_e where, const char *what)
{
    int    status;
    pid_t  pid;

    (void) fflush(stdout);

    pid = fork();

    if (pid == 0) {
        die = where;
        ngx_recording_journal_shrink_thread(mux);
        _exit(0);
    }

    status = 0;

    ok(pid > 0 && waitpid(pid, &status, 0) == pid, "%s", what);
    is(WEXITSTATUS(status), 9, "%s: it was", what);

    anew_same(mux, what);
}


static void
anew_same(ngx_recording_mux_t *as, const char *what)
{
    ngx_recording_hls_t  *hls, *want;
    ngx_recording_mux_t  *mux;

    mux = ngx_recording_journal_read_thread(as->store, as->file.id);

    ok(mux != NULL, "%s: read", what);

    if (mux == NULL) {
        return;
    }

    hls = mux->data;
    want = as->data;

    ok(hls && ngx_memcmp(&hls->kept, &want->kept, sizeof(hls->kept)) == 0,
       "%s: what the format keeps", what);
    is(mux->file.recording_id, as->file.recording_id, "%s: recording", what);
    is(mux->file.written, as->file.written, "%s: frames", what);
    is(mux->file.dropped[NGX_RECORDING_DROP_BUFFER],
       as->file.dropped[NGX_RECORDING_DROP_BUFFER], "%s: drops", what);
    is(mux->file.ngaps, as->file.ngaps, "%s: gaps", what);
    is(mux->file.more, as->file.more, "%s: more gaps", what);
    is(mux->file.more_length, as->file.more_length, "%s: their sum", what);
    is_text(mux->file.path, mux->file.path_len, "live/news.file", "%s: path",
            what);
    is_text(mux->file.stream->name.data, mux->file.stream->name.len, "news",
            "%s: stream", what);
    is(mux->media[NGX_RECORDING_VIDEO].header_len,
       as->media[NGX_RECORDING_VIDEO].header_len, "%s: header", what);

    ngx_recording_mux_close_thread(mux);
}


/* an index of which each state has only what is new */

static void
anew_flv(ngx_recording_store_t *store)
{
    ngx_uint_t            i;
    ngx_recording_flv_t  *flv;
    ngx_recording_mux_t  *mux, *read;

    mux = anew_open(store, 2, &ngx_recording_format_flv);
    is(mux->format->open(mux), NGX_OK, "flv");

    flv = mux->data;
    flv->keys = calloc(KEYS, sizeof(ngx_recording_flv_key_t));
    flv->allocated = KEYS;

    for (i = 0; i < KEYS / 2; i++) {
        flv->keys[flv->nkeys].pos = 1000 * i;
        flv->keys[flv->nkeys++].time = i;

        (void) ngx_recording_journal_state_thread(mux);
    }

    is(ngx_recording_journal_anew_thread(mux), NGX_OK, "flv: anew");

    for ( /* void */ ; i < KEYS; i++) {
        flv->keys[flv->nkeys].pos = 1000 * i;
        flv->keys[flv->nkeys++].time = i;

        (void) ngx_recording_journal_state_thread(mux);
    }

    read = ngx_recording_journal_read_thread(store, 2);
    flv = read ? read->data : NULL;
    ok(flv != NULL, "flv: read");

    if (flv) {
        is(flv->nkeys, KEYS, "flv: all keys");
        is(flv->keys[KEYS - 1].time, KEYS - 1, "flv: the last one");

        ngx_recording_mux_close_thread(read);
    }

    ngx_recording_mux_close_thread(mux);
}
