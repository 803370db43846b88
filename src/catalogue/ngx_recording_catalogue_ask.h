
/*
 * A publish that asks the owner of a recording for it: in the row's column
 * wanted, "WORKER:ID" of the one that asks.  For the files of the catalogue
 * only.
 *
 * Runs on pool threads, within a transaction.
 */


#ifndef _NGX_RECORDING_CATALOGUE_ASK_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_ASK_H_INCLUDED_


#include "ngx_recording_catalogue.h"


typedef enum {
    NGX_RECORDING_CATALOGUE_ASK_NOBODY = 0,
    NGX_RECORDING_CATALOGUE_ASK_SELF,
    NGX_RECORDING_CATALOGUE_ASK_OTHER,
    NGX_RECORDING_CATALOGUE_ASK_UNKNOWN    /* the transaction is to fail */
} ngx_recording_catalogue_ask_e;


/* who wants a recording, by its column */
ngx_recording_catalogue_ask_e ngx_recording_catalogue_ask_who(
    ngx_recording_catalogue_t *cat, ngx_recording_start_t *start,
    const char *wanted);

/*
 * Asks the owner of a recording that somebody wants.  NGX_AGAIN: it is waited
 * for; NGX_OK: it was in vain.
 */
ngx_int_t ngx_recording_catalogue_ask(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t recording_id,
    ngx_recording_catalogue_ask_e who);

/* this publish does not want the one that it has asked for any more */
ngx_int_t ngx_recording_catalogue_ask_no_more(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start);


#endif /* _NGX_RECORDING_CATALOGUE_ASK_H_INCLUDED_ */
