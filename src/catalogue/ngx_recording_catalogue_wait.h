
/*
 * How long the catalogue is waited for.  For the files of the catalogue only.
 *
 * Runs on pool threads.
 */


#ifndef _NGX_RECORDING_CATALOGUE_WAIT_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_WAIT_H_INCLUDED_


#include "ngx_recording_catalogue.h"


/* it may not be waited for any more: every call fails at once */
ngx_uint_t ngx_recording_catalogue_wait_over(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err);

/* another one writes, see ngx_recording_sql_setup_t; data is the catalogue */
ngx_uint_t ngx_recording_catalogue_wait_busy(void *data, ngx_uint_t n);

/* a transaction begins; and whether one of a reader takes too long */
void ngx_recording_catalogue_wait_begin(ngx_recording_catalogue_t *cat);
ngx_uint_t ngx_recording_catalogue_wait_interrupt(void *data);


#endif /* _NGX_RECORDING_CATALOGUE_WAIT_H_INCLUDED_ */
