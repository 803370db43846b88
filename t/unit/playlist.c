
/*
 * A playlist is read back as it was written: also the dates, which after an
 * interruption are no sum of durations.
 */


#include "tap.h"
#include "ngx_recording_playlist.h"


#define WALL  1771059012345000     /* us, whole ms */


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

    s.number = 3;
    is(ngx_recording_playlist_next_thread(&read, fd, &s), NGX_DECLINED,
       "there is no more");

    is(ngx_recording_playlist_end_thread(&list, fd), NGX_OK, "ended");
    is(ngx_recording_playlist_next_thread(&read, fd, &s), NGX_DONE,
       "which is seen");

    (void) close(fd);

    return tap_done();
}
