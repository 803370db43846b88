
/*
 * What the files that grow have by now: of this worker in memory, by file,
 * and told to the others in its lock in work/, for max=: whoever uses the store
 * reads that.  And, with all else that is known of a file, on the board, for
 * those who ask: workers of the same nginx.
 *
 * The catalogue knows the size of a file from its end on.  Which files it
 * knows by then is seen by their ids, so that none is counted twice.
 *
 * Functions that end in _thread run on pool threads, the others anywhere: they
 * take a mutex for a moment.
 */


#ifndef _NGX_RECORDING_GROWTH_H_INCLUDED_
#define _NGX_RECORDING_GROWTH_H_INCLUDED_


#include "ngx_recording_store.h"


/* of a file, in the store's list as long as it has bytes; its owner's */

struct ngx_recording_growth_s {
    uint64_t                id;
    int64_t                 bytes;
    ngx_recording_board_slot_t  *slot;     /* NULL: it is not on the board */
    int64_t                 again;         /* us, when that is tried again */
    int64_t                 marked;        /* us: it had so many bytes then */
    int64_t                 mark;
    int64_t                 rate;          /* bits a second since the mark
                                              before */
    ngx_recording_board_file_t  counted;   /* as far as it is */
    ngx_recording_growth_t *next;
    ngx_recording_growth_t **prev;         /* NULL: it is in no list */
};


typedef struct {
    uint64_t                id;
    int64_t                 bytes;
} ngx_recording_grown_t;


/* of all workers; each file once, in the order of ids */

typedef struct {
    ngx_recording_grown_t  *files;
    ngx_uint_t              n;
    ngx_uint_t              room;
    int64_t                 bytes;         /* of all */
    int64_t                 others;        /* in that: of workers that do not
                                              tell which files */
    ngx_uint_t              serving;       /* other workers that do not exit;
                                              if this one does */
} ngx_recording_grown_all_t;


/* the file has so many bytes */
void ngx_recording_growth_set(ngx_recording_store_t *store,
    ngx_recording_growth_t *growth, uint64_t id, int64_t bytes);

/* it goes on: what it has by now was counted before */
void ngx_recording_growth_known(ngx_recording_growth_t *growth,
    const ngx_recording_board_file_t *file);

/* what is known of it goes to the board, but for its rate, and is counted */
void ngx_recording_growth_show(ngx_recording_store_t *store,
    ngx_recording_growth_t *growth, ngx_recording_board_file_t *file);

/* it grows no more */
void ngx_recording_growth_end(ngx_recording_store_t *store,
    ngx_recording_growth_t *growth);

/*
 * Tells the others what this worker has, and whether it exits, and collects
 * what they told.
 * NGX_OK, or NGX_ERROR: it is not known, with errno.  all->files is freed by
 * ngx_recording_growth_free(), in either case.
 */
ngx_int_t ngx_recording_growth_all_thread(ngx_recording_store_t *store,
    ngx_uint_t exiting, ngx_recording_grown_all_t *all);

void ngx_recording_growth_free(ngx_recording_grown_all_t *all);


#endif /* _NGX_RECORDING_GROWTH_H_INCLUDED_ */
