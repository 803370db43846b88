
/*
 * An order: the border between the loop and the writer's job.
 *
 * The recorder has one.  The loop sets what goes in, and reads what comes back
 * when the job is done; while it is under way the order is the job's alone.
 */


#ifndef _NGX_RECORDING_ORDER_H_INCLUDED_
#define _NGX_RECORDING_ORDER_H_INCLUDED_


#include "ngx_recording_batch.h"
#include "ngx_recording_catalogue.h"
#include "ngx_recording_notice.h"


typedef struct {

    /* what goes in */

    ngx_recording_batch_t   batch;
    ngx_recording_cursor_t  cursor;        /* how far that is written: the job
                                              moves it on */
    int64_t                 now;           /* us: all that came before is in
                                              the batch */
    int64_t                 over;          /* us, when the stream was, if it
                                              is the end */
    size_t                  limit;         /* bytes that the writer may hold */
    ngx_uint_t              unfinished;    /* files that ended: counted on by
                                              the job */
    unsigned                end:1;         /* no other batch comes: all files
                                              end, or wait */
    unsigned                stop:1;        /* the worker exits at once */
    unsigned                leave:1;       /* files are closed as they are,
                                              and nothing else is done */
    unsigned                left:1;        /* nobody comes to files that wait */
    unsigned                cut:1;         /* new files are ordered; until they
                                              have begun */

    /*
     * What comes back.  NGX_OK: all was done; NGX_AGAIN: it is not known yet
     * where to, the same is to be ordered again.
     */

    ngx_int_t               rc;
    uint64_t                recording_id;  /* 0 until its row is written */
    size_t                  held;          /* bytes that the writer holds */
    ngx_uint_t              waiting;       /* those frames */
    ngx_uint_t              unsynced;      /* something came since the files
                                              were synced: an order without
                                              messages does it, too */
    ngx_recording_taken_t  *repair;        /* files of a dead worker, which
                                              the recording waits for */
    ngx_uint_t              nrepair;
    ngx_queue_t             closed;        /* muxes to be finished */
    ngx_recording_notices_t notices;
} ngx_recording_order_t;


#endif /* _NGX_RECORDING_ORDER_H_INCLUDED_ */
