
/*
 * Room for new files: the oldest go when the store has more than max=, local
 * copies of files that were delivered go after local=, what has expired or was
 * deleted goes at once, and rows of files that are gone go after rows=.
 *
 * Runs on a pool thread, in the keeper's job; it belongs to the keeper.
 *
 * What files have is known by their rows, and while they grow by what the
 * workers tell each other.  Before files go it is looked which are there:
 * others may have removed some, and those count no more.  A file goes in
 * three steps: its row says evicted, it is removed, and its row says that it
 * is gone.  While the second one fails it counts as before.  A local copy goes
 * without the first step: its file stays finished.  Of what has expired or was
 * deleted a playlist goes first, and its segments a minute later.
 */


#ifndef _NGX_RECORDING_ROOM_H_INCLUDED_
#define _NGX_RECORDING_ROOM_H_INCLUDED_


#include "ngx_recording_catalogue.h"
#include "ngx_recording_notice.h"


typedef struct {
    ngx_recording_store_t  *store;
    ngx_recording_catalogue_t  *catalogue;
    ngx_recording_notices_t *notices;

    int64_t                 now;           /* us */
    ngx_recording_old_t    *files;         /* during a call */
    int64_t                 evicted;       /* bytes, at once */
    ngx_recording_old_t     seen;          /* the last one that was looked
                                              for, all round */
    uint64_t                recording;     /* and the last recording */

    ngx_uint_t              stuck[NGX_RECORDING_FILE_STATES];  /* a file of
                                              this state cannot be removed, and
                                              this was said */

    unsigned                told:1;        /* others know of this worker */
    unsigned                full:1;        /* nothing can go, and this was
                                              said */
    unsigned                old:1;         /* there may be more old rows */
} ngx_recording_room_t;


void ngx_recording_room_init(ngx_recording_room_t *room,
    ngx_recording_store_t *store, ngx_recording_catalogue_t *catalogue,
    ngx_recording_notices_t *notices);

/*
 * A turn of the keeper; sweep: one of those in which it has more time.
 * NGX_OK, or NGX_ERROR with the reason in the error given.
 */
ngx_int_t ngx_recording_room_thread(ngx_recording_room_t *room,
    ngx_uint_t sweep, ngx_recording_catalogue_error_t *err);


#endif /* _NGX_RECORDING_ROOM_H_INCLUDED_ */
