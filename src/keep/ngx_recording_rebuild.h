
/*
 * Making a lost catalogue anew: rows of the files in files/.  Those in work/
 * are the keeper's.
 *
 * Runs on pool threads only.
 */


#ifndef _NGX_RECORDING_REBUILD_H_INCLUDED_
#define _NGX_RECORDING_REBUILD_H_INCLUDED_


#include "ngx_recording_catalogue.h"
#include "ngx_recording_notice.h"


typedef struct ngx_recording_rebuild_s  ngx_recording_rebuild_t;


/*
 * NGX_OK: the files are to be looked through, as the catalogue was made since;
 * but before that rows of files in work/ are written: a playlist that waits is
 * no finished file.  NGX_DONE: there is nothing to do; NGX_AGAIN: another
 * worker is doing that.
 */
ngx_int_t ngx_recording_rebuild_begin_thread(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_recording_rebuild_t **rebuild, ngx_recording_catalogue_error_t *err);

/*
 * A part of it, one after the other, until it is not NGX_OK.  NGX_DONE: those
 * that had none have rows; NGX_AGAIN: the catalogue was set aside meanwhile.
 */
ngx_int_t ngx_recording_rebuild_thread(ngx_recording_rebuild_t *rebuild,
    ngx_recording_catalogue_error_t *err);

/* in any case at last */
void ngx_recording_rebuild_end_thread(ngx_recording_rebuild_t *rebuild);


#endif /* _NGX_RECORDING_REBUILD_H_INCLUDED_ */
