
/*
 * Finished files as sources.  The first byte of an input says what it is: a
 * file of ADTS frames; a playlist up to its first zero, whose segments are the
 * rest; or segments alone.  The second byte says from when on it is read.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "fuzz.h"
#include "ngx_recording_segment.h"
#include "ngx_recording_source.h"
#include "ngx_recording_ts.h"


#define FUZZ_SEGMENTS  3
#define FUZZ_STEPS     1000


static void fuzz_hls(const u_char *p, size_t size, ngx_uint_t listed);
static void fuzz_read(char *format, char *name, int64_t ms);
static void fuzz_frames(ngx_recording_source_t *source, int64_t ms);
static void fuzz_write(const char *name, const void *p, size_t size);
static void fuzz_store(void);
static void fuzz_remove(void);


/* what the module writes itself, and a sound and a picture */

#define fuzz_entry(n)  "#EXTINF:2.000,\n0000" #n ".ts\n"

static const char  head[] =
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:EVENT\n"
    "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:00002\n"
    "#EXT-X-MEDIA-SEQUENCE:0\n";

static const char  entries[] =
    "#EXT-X-PROGRAM-DATE-TIME:2026-11-27T10:00:00.000Z\n"
    fuzz_entry(0) fuzz_entry(1) fuzz_entry(2) "#EXT-X-ENDLIST\n";

static const u_char  segment[2 + 2 * NGX_RECORDING_TS_PACKET] = {
    2, 0,

    [2] = 0x47, 0x41, 0x01, 0x30, 0x9f, 0x40, [166] =
    0x00, 0x00, 0x01, 0xc0, 0x00, 0x12, 0x80, 0x80, 0x05,
    0x21, 0x00, 0x01, 0x0e, 0x11,
    0xff, 0xf1, 0x4c, 0x80, 0x01, 0x5f, 0xfc, 0x21, 0x10, 0x04,

    [190] = 0x47, 0x41, 0x00, 0x30, 0x89, 0x40, [332] =
    0x00, 0x00, 0x01, 0xe0, 0x00, 0x00, 0x80, 0xc0, 0x0a,
    0x31, 0x00, 0x01, 0x1c, 0x21, 0x11, 0x00, 0x01, 0x0e, 0x11,
    0x00, 0x00, 0x00, 0x01, 0x67, 0x42, 0xc0, 0x0a, 0xda, 0x0a, 0x0f, 0x90,
    0x00, 0x00, 0x00, 0x01, 0x68, 0xce, 0x3c, 0x80,
    0x00, 0x00, 0x01, 0x65, 0x88, 0x84, 0x00,
};

static const fuzz_seed_t  seeds[] = {
    fuzz_text("\0\0\xff\xf1\x4c\x80\x01\x5f\xfc\x21\x10\x04"
              "\xff\xf1\x4c\x80\x01\x5f\xfc\x21\x10\x04"),
    fuzz_text("\0\10\xff\xf0\x4c\x80\x02\x1f\xfc\0\0\x21\x10\x04\0\0\0\0"),
    fuzz_text("\1\0" fuzz_entry(0) fuzz_entry(1) "#EXT-X-ENDLIST\n\0"),
    fuzz_bytes(segment),
};

fuzz_seeds(seeds)


static ngx_recording_store_t  store;
static char                   directory[] = "/tmp/recording-fuzz-XXXXXX";


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t  ms;

    if (size < 2) {
        return 0;
    }

    fuzz_store();

    ms = data[1] * 50;

    switch (data[0] % 3) {

    case 0:
        fuzz_write("a.aac", data + 2, size - 2);
        fuzz_read("aac", "a.aac", ms);
        break;

    case 1:
        fuzz_hls(data + 2, size - 2, 1);
        fuzz_read("hls", "index.m3u8", ms);
        break;

    default:
        fuzz_hls(data + 2, size - 2, 0);
        fuzz_read("hls", "index.m3u8", ms);
        break;
    }

    return 0;
}


static void
fuzz_hls(const u_char *p, size_t size, ngx_uint_t listed)
{
    char          name[NGX_RECORDING_SEGMENT_NAME];
    char          list[sizeof(head) + 4096];
    size_t        n, part;
    ngx_uint_t    i;

    const void   *text;

    text = entries;
    n = sizeof(entries) - 1;

    if (listed) {
        text = p;
        n = ngx_min(strnlen((char *) p, size), 4096);
    }

    ngx_memcpy(list, head, sizeof(head) - 1);
    ngx_memcpy(list + sizeof(head) - 1, text, n);
    fuzz_write("index.m3u8", list, sizeof(head) - 1 + n);

    if (listed) {
        p += n;
        size -= n;
    }

    part = ngx_max(size / FUZZ_SEGMENTS, 2 * NGX_RECORDING_TS_PACKET);

    for (i = 0; i < FUZZ_SEGMENTS; i++) {
        n = i + 1 < FUZZ_SEGMENTS ? ngx_min(part, size) : size;
        ngx_recording_segment_name(i, name);
        fuzz_write(name, p, n);
        p += n;
        size -= n;
    }
}


static void
fuzz_read(char *format, char *name, int64_t ms)
{
    char                     why[160];
    ngx_str_t                path;
    ngx_recording_source_t  *source;

    path.data = (u_char *) name;
    path.len = ngx_strlen(name);
    why[0] = '\0';

    source = ngx_recording_source_open_thread(&store, format, &path, 1, 1, why,
                                              sizeof(why));

    if (source == NULL) {
        fuzz_check(why[0]);
        return;
    }

    fuzz_check(ngx_recording_source_size_thread(source) > 0);

    fuzz_frames(source, ms);
    ngx_recording_source_close_thread(source);
}


/* from a time on, to the end: it always comes */

static void
fuzz_frames(ngx_recording_source_t *source, int64_t ms)
{
    ngx_int_t                     rc;
    ngx_uint_t                    n;
    volatile u_char               byte;
    ngx_recording_source_frame_t  frame;

    for (n = 0, rc = NGX_AGAIN; rc == NGX_AGAIN; n++) {
        fuzz_check(n < FUZZ_STEPS);
        rc = ngx_recording_source_find_thread(source, ms);
    }

    for (n = 0; rc == NGX_OK || rc == NGX_AGAIN; n++) {
        fuzz_check(n < FUZZ_STEPS);
        rc = ngx_recording_source_next_thread(source, &frame);

        if (rc == NGX_OK) {
            fuzz_check(frame.track < NGX_RECORDING_TRACKS);
            fuzz_check(source->media[frame.track].present);
            fuzz_check(frame.size > 0);

            byte = frame.data[0];
            byte = frame.data[frame.size - 1];
            (void) byte;
        }
    }

    fuzz_check(rc == NGX_DONE || source->why[0]);
}


static void
fuzz_write(const char *name, const void *p, size_t size)
{
    int  fd;

    fd = openat(store.files, name, O_WRONLY|O_CREAT, 0600);

    fuzz_check(fd != -1);
    fuzz_check(write(fd, p, size) == (ssize_t) size);
    fuzz_check(ftruncate(fd, size) == 0);

    (void) close(fd);
}


static void
fuzz_store(void)
{
    if (store.files) {
        return;
    }

    fuzz_check(mkdtemp(directory));
    store.files = open(directory, O_RDONLY|O_DIRECTORY);
    fuzz_check(store.files != -1);

    (void) atexit(fuzz_remove);
}


static void
fuzz_remove(void)
{
    char        name[NGX_RECORDING_SEGMENT_NAME];
    ngx_uint_t  i;

    for (i = 0; i < FUZZ_SEGMENTS; i++) {
        ngx_recording_segment_name(i, name);
        (void) unlinkat(store.files, name, 0);
    }

    (void) unlinkat(store.files, "a.aac", 0);
    (void) unlinkat(store.files, "index.m3u8", 0);
    (void) rmdir(directory);
}
