
/*
 * Who knows the formats: what is found by a name or a path, and what belongs to
 * a file in work/ and in files/.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "tap.h"
#include "store.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"


#define ID  176


static void formats_found(void);
static void formats_work(ngx_recording_store_t *store);
static void formats_files(ngx_recording_store_t *store);
static void formats_create(int dir, const char *name);


int
main(void)
{
    ngx_recording_store_t  store;

    store_make(&store);

    formats_found();
    formats_work(&store);
    formats_files(&store);

    store_remove(&store);

    return tap_done();
}


static void
formats_found(void)
{
    uint64_t    id;
    ngx_uint_t  i;

    static const struct {
        const char  *path;
        const char  *name;
    } paths[] = {
        { "live/a.flv", "flv" }, { "a.mp4", "mp4" }, { "a.b.aac", "aac" },
        { "live/a/index.m3u8", "hls" }, { "a/index.m3u8", "hls" },
        { "index.m3u8", NULL }, { "/index.m3u8", NULL }, { ".flv", NULL },
        { "flv", NULL }, { "a.flv.txt", NULL }, { "a/00000.ts", NULL },
        { "", NULL }
    };

    static const char  *names[] = { "176.journal", "176.journal.new",
                                    "176.flv", ".journal", "worker.1.2" };

    const ngx_recording_format_t  *format;

    for (i = 0; ngx_recording_formats[i]; i++) {
        format = ngx_recording_formats[i];
        ok(ngx_recording_formats_find(format->name) == format, "%s is found",
           format->name);
    }

    ok(ngx_recording_formats_find("mkv") == NULL, "mkv is not");

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        format = ngx_recording_formats_at(paths[i].path);
        ok(paths[i].name ? format && strcmp(format->name, paths[i].name) == 0
                         : format == NULL, "path \"%s\"", paths[i].path);
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        is(ngx_recording_journal_name(names[i], &id),
           i == 0 ? NGX_OK : NGX_DECLINED, "\"%s\"", names[i]);
    }

    is(ngx_recording_journal_name(names[0], &id), NGX_OK, "a journal");
    is(id, ID, "of this file");
}


/* each of them alone is seen and removed, others are left alone */

static void
formats_work(ngx_recording_store_t *store)
{
    ngx_uint_t  i;

    static const char  *names[] = {
        "176.flv", "176.mp4", "176.mp4.copy", "176.index", "176.aac",
        "176.journal.new", "176.journal"
    };

    formats_create(store->work, "1760.flv");
    formats_create(store->work, "176.journal.lost");

    is(ngx_recording_journal_left_thread(store, ID), 0, "there is nothing");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        formats_create(store->work, names[i]);

        is(ngx_recording_journal_left_thread(store, ID), 1, "%s is seen",
           names[i]);
        is(ngx_recording_journal_clear_thread(store, ID), NGX_OK,
           "and removed");
        is(faccessat(store->work, names[i], F_OK, 0), -1, "it is gone");
    }

    is(faccessat(store->work, "1760.flv", F_OK, 0), 0, "what is of another "
       "file is not");
    is(faccessat(store->work, "176.journal.lost", F_OK, 0), 0,
       "nor what was put aside");
}


static void
formats_files(ngx_recording_store_t *store)
{
    int         fd;
    ngx_uint_t  i;

    static const char  *names[] = { "hls/index.m3u8", "hls/00000.ts",
                                    "hls/123456.ts" };
    static const char  *strange[] = { "hls/0000.ts", "hls/cover.jpg",
                                      "hls/a00000.ts" };

    formats_create(store->files, "a.flv");
    is(ngx_recording_formats_discard_thread(store, "a.flv", 0,
                                            INT64_MAX), NGX_OK,
       "a file is removed");
    is(faccessat(store->files, "a.flv", F_OK, 0), -1, "it is gone");
    is(ngx_recording_formats_discard_thread(store, "a.flv", 0,
                                            INT64_MAX), NGX_OK,
       "or was it before");
    is(ngx_recording_formats_discard_thread(store, "no/index.m3u8", 0,
                                            INT64_MAX),
       NGX_OK, "as may be a playlist");

    (void) mkdirat(store->files, "hls", 0755);
    fd = openat(store->files, "hls", O_RDONLY|O_DIRECTORY);

    ok(ngx_recording_formats_whole_thread(fd) == NULL, "a directory");

    for (i = 0; i < 3; i++) {
        formats_create(store->files, names[i]);
        formats_create(store->files, strange[i]);
    }

    is_text((u_char *) ngx_recording_formats_whole_thread(fd), 10,
            "index.m3u8", "that is one file");
    (void) close(fd);

    is(ngx_recording_formats_discard_thread(store, names[0], 1,
                                            INT64_MAX), NGX_OK,
       "a playlist that has something");
    is(faccessat(store->files, names[1], F_OK, 0), 0, "is left");
    is(ngx_recording_formats_discard_thread(store, names[0], 0,
                                            INT64_MAX), NGX_OK,
       "and removed");

    for (i = 0; i < 3; i++) {
        is(faccessat(store->files, names[i], F_OK, 0), -1, "%s is gone",
           names[i]);
        is(faccessat(store->files, strange[i], F_OK, 0), 0, "%s is not",
           strange[i]);
        (void) unlinkat(store->files, strange[i], 0);
    }

    is(ngx_recording_formats_discard_thread(store, names[0], 0,
                                            INT64_MAX), NGX_OK,
       "now the directory");
    is(faccessat(store->files, "hls", F_OK, 0), -1, "is gone, too");
}


static void
formats_create(int dir, const char *name)
{
    int  fd;

    fd = openat(dir, name, O_WRONLY|O_CREAT, 0644);

    if (fd == -1 || write(fd, "x", 1) != 1) {
        printf("Bail out! no file\n");
        exit(1);
    }

    (void) close(fd);
}
