
/*
 * Descriptors: how many files may grow in a worker.
 *
 * A file that grows holds one between jobs, one that waits to be finished
 * none.  The rest of what the process may open is kept for nginx's own
 * connections and, as spare ones, for what jobs open for the moment.  When
 * there is no more a new file is refused; those that grow go on.
 *
 * Pool threads, but for those whose name does not say so: any.
 */


#ifndef _NGX_RECORDING_DESCRIPTORS_H_INCLUDED_
#define _NGX_RECORDING_DESCRIPTORS_H_INCLUDED_


#include "ngx_recording_store.h"


/* what jobs have open at the same time, at most, or an eighth of all */
#define NGX_RECORDING_DESCRIPTORS_ROOM  128

/* what a worker has open beside: logs, sockets, the catalogue */
#define NGX_RECORDING_DESCRIPTORS_OWN   64


/*
 * Loop, when the process begins: no connection is there yet, nor is the store
 * open.  Sets store->most by what the process may open, and has open by now,
 * and keeps the spare ones.
 */
void ngx_recording_descriptors_init(ngx_recording_store_t *store);

/*
 * Files that may grow, if a process may open `limit` descriptors, has `used`
 * of them, and may have so many connections: these are kept, but at most half
 * of what is left.
 */
ngx_uint_t ngx_recording_descriptors_files(ngx_uint_t limit, ngx_uint_t used,
    ngx_uint_t connections);

/*
 * For a file that begins, and one more spare descriptor until it is open.
 * NGX_DECLINED: none is left, errno is EMFILE.
 */
ngx_int_t ngx_recording_descriptors_take_thread(ngx_recording_store_t *store);

/* for one that takes the place of another, which is closed soon */
void ngx_recording_descriptors_add(ngx_recording_store_t *store);

/* it is closed */
void ngx_recording_descriptors_give(ngx_recording_store_t *store);


#endif /* _NGX_RECORDING_DESCRIPTORS_H_INCLUDED_ */
