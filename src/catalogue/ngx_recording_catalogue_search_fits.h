
/*
 * Whether rows fit what a search asks for, as far as no index has told.  For
 * the files of the search only.
 */


#ifndef _NGX_RECORDING_CATALOGUE_SEARCH_FITS_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_SEARCH_FITS_H_INCLUDED_


#include "ngx_recording_catalogue_search.h"


/* rows of files, and of recordings: their key, and columns behind it */

ngx_uint_t ngx_recording_catalogue_search_media_fits(
    ngx_recording_catalogue_search_t *search, ngx_recording_sql_rows_t *rows);
ngx_uint_t ngx_recording_catalogue_search_recording_fits(
    ngx_recording_catalogue_search_t *search, ngx_recording_sql_rows_t *rows);


#endif /* _NGX_RECORDING_CATALOGUE_SEARCH_FITS_H_INCLUDED_ */
