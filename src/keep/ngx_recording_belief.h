
/*
 * By which time files expire.  A wall clock that is set forward is not
 * believed before it has been so for an hour: what is removed by it never
 * comes back.  One that is set back is, at once.
 *
 * What is believed is the same in all workers, and after a reload or a restart
 * of nginx: it stands in the file `clock.believed` of the store, if the clock
 * was ever set since the machine was started.
 *
 *     BASE SHIFT DOUBTED SINCE\n
 *
 * Runs on pool threads only.  It belongs to the room.
 */


#ifndef _NGX_RECORDING_BELIEF_H_INCLUDED_
#define _NGX_RECORDING_BELIEF_H_INCLUDED_


#include "ngx_recording_notice.h"
#include "ngx_recording_store.h"


/* us, of the wall clock less the store's */

typedef struct {
    int64_t                 shift;         /* that is believed */
    int64_t                 doubted;       /* that is not yet */
    int64_t                 since;         /* us of the store's clock, 0: none
                                              is doubted */
    ngx_uint_t              own;           /* it could not be written */
} ngx_recording_belief_t;


/* us: the wall clock, as far as it is believed */
int64_t ngx_recording_belief_now_thread(ngx_recording_belief_t *belief,
    ngx_recording_store_t *store, ngx_recording_notices_t *notices);


#endif /* _NGX_RECORDING_BELIEF_H_INCLUDED_ */
