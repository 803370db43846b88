
/*
 * What the files of the catalogue share: owners, and rows as C has them.  For
 * the files of the catalogue only.
 *
 * Runs on pool threads, within a transaction.
 */


#ifndef _NGX_RECORDING_CATALOGUE_DB_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_DB_H_INCLUDED_


#include "ngx_recording_catalogue.h"
#include "ngx_recording_catalogue_sql.h"


/* names of the states, as rows have them */
extern const char *const  ngx_recording_catalogue_db_states[];

/* a state by its name */
ngx_recording_file_e ngx_recording_catalogue_db_state(const char *name);

/*
 * Whether an owner lives, as the store tells.  After NGX_ERROR the transaction
 * is to fail; its error says why.  Nobody is dead.
 */
ngx_int_t ngx_recording_catalogue_db_lives(ngx_recording_catalogue_t *cat,
    const char *owner);

/*
 * The play URL of a file, to be freed.  It is NULL, and the row's is empty, if
 * the file has no path yet, the store has no URL, or there is no memory.
 */
char *ngx_recording_catalogue_db_url(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file);

/* how messages about a file end: app, stream and template from column n on */
void ngx_recording_catalogue_db_about(ngx_recording_sql_rows_t *rows,
    ngx_uint_t n, char about[NGX_RECORDING_ABOUT]);

/*
 * Ends a transaction with what a statement found that looks at files behind a
 * place: file_id, path, size, state, whether it is tried first, the place,
 * whether it may go.  As ngx_recording_catalogue_oldest_thread() returns it.
 */
ngx_int_t ngx_recording_catalogue_walk(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_rows_t *rows, ngx_recording_place_t *after,
    ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);

/* however long it waits: its stream is back, or it does not wait */
#define NGX_RECORDING_CATALOGUE_DB_ANYTIME  INT64_MAX

/*
 * Takes a file from the owner that it had, if its time was over at `now`.
 * NGX_DECLINED: it is not so any more.
 */
ngx_int_t ngx_recording_catalogue_db_take(ngx_recording_catalogue_t *cat,
    ngx_recording_taken_t *taken, ngx_recording_file_e state, int64_t now);


#endif /* _NGX_RECORDING_CATALOGUE_DB_H_INCLUDED_ */
