
/*
 * The label of a finished file: what its row says stays with the file, in case
 * that the rows are lost.
 *
 * Runs on pool threads.
 */


#ifndef _NGX_RECORDING_LABEL_H_INCLUDED_
#define _NGX_RECORDING_LABEL_H_INCLUDED_


#include "ngx_recording_catalogue.h"


/*
 * Attaches a label; with less in it, if the file system has no room for all.
 * Not every one can: what it cannot is not said.  work: the file lies in work/,
 * by this name, else in files/.
 */
void ngx_recording_label_thread(ngx_recording_store_t *store,
    const ngx_recording_label_t *label, ngx_uint_t work, const char *name);

/*
 * Attaches what the row of a file says by now, if it is in files/; a failure of
 * the catalogue leaves the label as it was.
 */
void ngx_recording_label_again_thread(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, uint64_t file_id);


#endif /* _NGX_RECORDING_LABEL_H_INCLUDED_ */
