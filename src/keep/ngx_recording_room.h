
/*
 * Room for new files: the oldest go when the store has more than max=, local
 * copies of files that were delivered go after local=, what has expired or was
 * deleted goes at once, and rows of files that are gone go after rows=.
 *
 * A job of its own that belongs to the keeper.  It goes step by step, some with
 * the seat in the catalogue, and without it what may wait for the disk: looking
 * which files are there, and removing them, which ends with a slice of 50 ms,
 * and when nginx does.
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


#include "ngx_recording_belief.h"
#include "ngx_recording_worker.h"


typedef struct ngx_recording_room_s  ngx_recording_room_t;

/*
 * A step, on a thread.  NGX_OK: room->step is the next one; NGX_DONE: it was
 * the last one.
 */
typedef ngx_int_t (*ngx_recording_room_pt)(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);


struct ngx_recording_room_s {
    ngx_recording_worker_t *worker;
    ngx_recording_store_t  *store;
    ngx_recording_catalogue_t  *catalogue;
    ngx_recording_job_t     job;
    ngx_recording_notices_t notices;

    ngx_recording_room_pt   step;
    ngx_int_t               result;
    ngx_uint_t              sweep;         /* a turn in which there is more
                                              time */
    ngx_uint_t              wanted;        /* the next one is one of those */
    int64_t                 now;           /* us, at its begin */
    ngx_recording_belief_t  belief;
    int64_t                 believed;      /* us, at the begin of one that has
                                              more time: what is over by then
                                              may go */
    ngx_uint_t              round;
    ngx_uint_t              sweeps;

    ngx_recording_old_t    *files;         /* that are to go; malloc() */
    ngx_uint_t              n;
    ngx_recording_old_t    *others;        /* that are looked for, if some
                                              have to go; malloc() */
    ngx_uint_t              nothers;
    int64_t                 evicted;       /* bytes, in this turn */

    ngx_recording_place_t   seen;          /* looked for on the disk, all
                                              round */
    ngx_uint_t              rounds;        /* of that */
    ngx_recording_place_t   oldest;        /* none up to here may go */
    ngx_uint_t              known;         /* after so many rounds it is known
                                              that none may; 0: some may */
    ngx_recording_place_t   due;           /* has expired, all round */
    ngx_recording_place_t   local;         /* local copies, all round */
    uint64_t                removed;       /* the last one, all round */
    uint64_t                recording;     /* the last one without files */

    ngx_uint_t              stuck[NGX_RECORDING_FILE_STATES];  /* a file of
                                              this state cannot be removed, and
                                              this was said */

    unsigned                busy:1;
    unsigned                told:1;        /* others know of this worker */
    unsigned                copies:1;      /* local ones are what is to go */
    unsigned                failed:1;      /* a removal, in this turn */
    unsigned                again:1;       /* there is more to do at once */
    unsigned                old:1;         /* there may be more old rows */
    unsigned                broken:1;      /* no turn works, and this was
                                              said */
};


void ngx_recording_room_init(ngx_recording_room_t *room,
    ngx_recording_worker_t *worker);

/* loop, on a turn of the keeper; sweep: one of those that have more time */
void ngx_recording_room(ngx_recording_room_t *room, ngx_uint_t sweep);


#endif /* _NGX_RECORDING_ROOM_H_INCLUDED_ */
