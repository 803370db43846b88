
/*
 * The keeper: a worker's housekeeping.  It takes over what dead workers have
 * left and what waited for its stream in vain, answers other workers that
 * ask for a recording, and orders the jobs that watch the reserve, make room,
 * look through the store, and copy what files cannot tell.
 *
 * Runs in the loop; a timer of 250 ms orders its job on a pool thread.  The
 * timer is cancelable: housekeeping keeps no worker alive.
 */


#ifndef _NGX_RECORDING_KEEPER_H_INCLUDED_
#define _NGX_RECORDING_KEEPER_H_INCLUDED_


#include "ngx_recording_worker.h"


/* loop: begins, when the store is open */
void ngx_recording_keeper_start(ngx_recording_worker_t *worker);


#endif /* _NGX_RECORDING_KEEPER_H_INCLUDED_ */
