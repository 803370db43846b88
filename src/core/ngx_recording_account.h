
/*
 * The account of record_buffer: the memory that the recordings of a worker
 * have for what is not written yet.
 *
 * Runs in the loop; it belongs to the worker.
 */


#ifndef _NGX_RECORDING_ACCOUNT_H_INCLUDED_
#define _NGX_RECORDING_ACCOUNT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    size_t                  buffer;        /* most bytes for one recording */
    size_t                  total;         /* for all */
    size_t                  held;          /* bytes, by now */

    struct ngx_recording_block_s  *spare;  /* of batches that were written, for
                                              the next ones: not in held */
    ngx_uint_t              nspare;
} ngx_recording_account_t;


#endif /* _NGX_RECORDING_ACCOUNT_H_INCLUDED_ */
