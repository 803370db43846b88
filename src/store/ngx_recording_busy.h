
/*
 * The files that this worker works on: those that grow, and those that are
 * to be finished.  What the catalogue says is this worker's, and is not among
 * them, was forgotten.
 *
 * Any thread.  Zeroed it is empty.  A file may be in it several times.
 */


#ifndef _NGX_RECORDING_BUSY_H_INCLUDED_
#define _NGX_RECORDING_BUSY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <pthread.h>


typedef struct {
    pthread_mutex_t         mutex;
    uint64_t               *ids;
    ngx_uint_t              n;
    ngx_uint_t              allocated;
    ngx_uint_t              unknown;       /* some are missing: no memory */
} ngx_recording_busy_t;


void ngx_recording_busy_add(ngx_recording_busy_t *busy, uint64_t id);
void ngx_recording_busy_remove(ngx_recording_busy_t *busy, uint64_t id);

/* whether a file is in it, or may be */
ngx_uint_t ngx_recording_busy_has(ngx_recording_busy_t *busy, uint64_t id);


#endif /* _NGX_RECORDING_BUSY_H_INCLUDED_ */
