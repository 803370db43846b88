
/*
 * An HLS playlist of type EVENT: it is only appended to, and a full disk
 * never truncates it.
 *
 * Runs on pool threads only, as a part of the file's mux.  The descriptor
 * is the caller's.
 *
 * Return codes: NGX_OK; NGX_ERROR with errno set.
 */


#ifndef _NGX_RECORDING_PLAYLIST_H_INCLUDED_
#define _NGX_RECORDING_PLAYLIST_H_INCLUDED_


#include "ngx_recording_store.h"


typedef struct {
    int64_t                 end;           /* of what was written */
    int64_t                 target_pos;    /* of the target duration */
    int64_t                 target;        /* s */
} ngx_recording_playlist_t;


typedef struct {
    uint64_t                number;
    int64_t                 duration;      /* ms */
    int64_t                 wall;          /* of its start, us */
    ngx_uint_t              marked;        /* a discontinuity is before it */
    ngx_uint_t              closed;        /* decoding can begin with it, and
                                              needs nothing before */
} ngx_recording_segment_t;


/*
 * Lists a segment.  The first one writes the header, too; segment is the
 * duration that is configured, in ms.  A segment that is longer than what the
 * header says, or one that is not closed, changes the header in place.
 */
ngx_int_t ngx_recording_playlist_add_thread(ngx_recording_playlist_t *list,
    int fd, int64_t segment, ngx_recording_segment_t *s);

ngx_int_t ngx_recording_playlist_end_thread(ngx_recording_playlist_t *list,
    int fd);

/*
 * Reads what was written behind list->end.
 *
 *   NGX_OK        a segment of this number; list->end is behind it; its date
 *                 in s->wall, 0 if it has none
 *   NGX_DONE      the playlist is ended
 *   NGX_DECLINED  nothing that is whole
 */
ngx_int_t ngx_recording_playlist_next_thread(ngx_recording_playlist_t *list,
    int fd, ngx_recording_segment_t *s);


#endif /* _NGX_RECORDING_PLAYLIST_H_INCLUDED_ */
