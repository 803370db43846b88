
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


/*
 * Looks through the files, if that was not done since the catalogue was
 * made, and writes rows of those that have none; but before that work(data)
 * writes those of files in work/: a playlist that waits is no finished file.
 * NGX_AGAIN: another worker is doing that, or has set the catalogue aside.
 */
ngx_int_t ngx_recording_rebuild_thread(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_int_t (*work)(void *data), void *data,
    ngx_recording_catalogue_error_t *err);


#endif /* _NGX_RECORDING_REBUILD_H_INCLUDED_ */
