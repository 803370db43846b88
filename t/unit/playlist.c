
/*
 * A playlist is read back as it was written: also the dates, which after an
 * interruption are no sum of durations.
 */


#include "tap.h"
#include "ngx_recording_playlist.h"


#define WALL  1771059012345000     /* us, whole ms */


static void test_changed(int fd, const ngx_recording_playlist_t *list);


int
main(void)
{
    int                        fd;
    char                       name[] = "/tmp/playlist-XXXXXX";
    ngx_uint_t                 i;
    ngx_recording_segment_t    s;
    ngx_recording_playlist_t   list, read;

    static ngx_recording_segment_t  segments[] = {
        { 0, 6000, WALL, 0, 1 },
        { 1, 4960, WALL + 6000000, 0, 1 },
        { 2, 6040, WALL + 71520000, 1, 1 }
    };

    ngx_memzero(&list, sizeof(list));
    ngx_memzero(&read, sizeof(read));

    fd = mkstemp(name);
    (void) unlink(name);

    for (i = 0; i < 3; i++) {
        is(ngx_recording_playlist_add_thread(&list, fd, 6000, &segments[i]),
           NGX_OK, "segment %d is listed", (int) i);
    }

    for (i = 0; i < 3; i++) {
        ngx_memzero(&s, sizeof(s));
        s.number = i;

        is(ngx_recording_playlist_next_thread(&read, fd, &s), NGX_OK,
           "segment %d is read", (int) i);
        is(s.duration, segments[i].duration, "its duration");
        is(s.wall, segments[i].wall, "its date");
    }

    is(read.end, list.end, "to the end");

    test_changed(fd, &list);

    s.number = 3;
    is(ngx_recording_playlist_next_thread(&read, fd, &s), NGX_DECLINED,
       "there is no more");

    is(ngx_recording_playlist_end_thread(&list, fd), NGX_OK, "ended");
    is(ngx_recording_playlist_next_thread(&read, fd, &s), NGX_DONE,
       "which is seen");

    (void) close(fd);

    return tap_done();
}


/* durations that the module does not write, as others may have */

static void
test_changed(int fd, const ngx_recording_playlist_t *list)
{
    size_t                     size;
    ngx_uint_t                 i;
    ngx_recording_segment_t    s;
    ngx_recording_playlist_t   read;

    static const char  *texts[] = {
        "#EXTINF:9223372036854775807.000,\n00003.ts\n",
        "#EXTINF:100000.000,\n00003.ts\n",
        "#EXTINF:-6.000,\n00003.ts\n",
        "#EXTINF:6.-40,\n00003.ts\n",
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        read = *list;
        size = ngx_strlen(texts[i]);

        ok(pwrite(fd, texts[i], size, list->end) == (ssize_t) size,
           "a duration that is none");

        ngx_memzero(&s, sizeof(s));
        s.number = 3;

        is(ngx_recording_playlist_next_thread(&read, fd, &s), NGX_DECLINED,
           "is not taken, text %d", (int) i);

        ok(ftruncate(fd, list->end) == 0, "it is gone");
    }
}
