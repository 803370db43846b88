
/*
 * What is left in work/ of files that are lost: nobody knows whether it was
 * ever on the disk, but it may be a recording all the same.  Its journal is put
 * aside, as ID.journal.lost, so that nobody finishes it or clears it away.
 *
 * Runs on pool threads only.
 */


#ifndef _NGX_RECORDING_ASIDE_H_INCLUDED_
#define _NGX_RECORDING_ASIDE_H_INCLUDED_


#include "ngx_recording_notice.h"
#include "ngx_recording_store.h"


/* bytes of it; one that has no journal is marked as those that have one */
off_t ngx_recording_aside_bytes_thread(ngx_recording_store_t *store,
    uint64_t id, ngx_uint_t mark);

/* removes what has been there for as long as the rows of such files stay */
void ngx_recording_aside_sweep_thread(ngx_recording_store_t *store,
    int64_t now, ngx_recording_notices_t *notices);


#endif /* _NGX_RECORDING_ASIDE_H_INCLUDED_ */
