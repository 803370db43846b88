
/*
 * The catalogue's database: opening, schema, transactions, statements.  For
 * the files of the catalogue only.
 */


#ifndef _NGX_RECORDING_CATALOGUE_DB_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_DB_H_INCLUDED_


#include "ngx_recording_catalogue.h"
#include <sqlite3.h>


#define NGX_RECORDING_CATALOGUE_BUSY  10000             /* ms */


/* application_id of one that was made in place of a damaged one */

#define NGX_RECORDING_CATALOGUE_DAMAGED  1919250532


typedef enum {
    NGX_RECORDING_SQL_BEGIN = 0,
    NGX_RECORDING_SQL_COMMIT,
    NGX_RECORDING_SQL_ROLLBACK,
    NGX_RECORDING_SQL_READ,
    NGX_RECORDING_SQL_NORMAL,
    NGX_RECORDING_SQL_FULL,

    NGX_RECORDING_SQL_OWNERS,
    NGX_RECORDING_SQL_RECORDING,
    NGX_RECORDING_SQL_CANDIDATES,
    NGX_RECORDING_SQL_WAITING,
    NGX_RECORDING_SQL_PENDING,
    NGX_RECORDING_SQL_TAKE,
    NGX_RECORDING_SQL_OWN,
    NGX_RECORDING_SQL_WANT,
    NGX_RECORDING_SQL_UNWANT,
    NGX_RECORDING_SQL_ENDED,
    NGX_RECORDING_SQL_LEFT,
    NGX_RECORDING_SQL_INSERT,
    NGX_RECORDING_SQL_MOVE,
    NGX_RECORDING_SQL_UPDATE,
    NGX_RECORDING_SQL_REMOVE,
    NGX_RECORDING_SQL_STATE,

    NGX_RECORDING_SQL_VERSION,
    NGX_RECORDING_SQL_WANTED,
    NGX_RECORDING_SQL_REFUSE,
    NGX_RECORDING_SQL_FILE_OWNER,
    NGX_RECORDING_SQL_RECORDING_OWNER,
    NGX_RECORDING_SQL_UNFINISHED,
    NGX_RECORDING_SQL_OVER,
    NGX_RECORDING_SQL_KNOWN,
    NGX_RECORDING_SQL_ABOUT,
    NGX_RECORDING_SQL_ADOPT,
    NGX_RECORDING_SQL_ADOPT_FILE,
    NGX_RECORDING_SQL_LABEL,
    NGX_RECORDING_SQL_FOUND,
    NGX_RECORDING_SQL_FOUND_RECORDING,
    NGX_RECORDING_SQL_FOUND_PLAIN,
    NGX_RECORDING_SQL_COMPLETE,
    NGX_RECORDING_SQL_COMPLETED,
    NGX_RECORDING_SQL_TOTAL,
    NGX_RECORDING_SQL_GROWN,
    NGX_RECORDING_SQL_OLDEST,
    NGX_RECORDING_SQL_MISSING,
    NGX_RECORDING_SQL_EVICT,
    NGX_RECORDING_SQL_EVICTED,
    NGX_RECORDING_SQL_STUCK,
    NGX_RECORDING_SQL_RETRY,
    NGX_RECORDING_SQL_GONE,
    NGX_RECORDING_SQL_OLD_ROWS,
    NGX_RECORDING_SQL_USED,
    NGX_RECORDING_SQL_FORGET,
    NGX_RECORDING_SQL_EMPTY,
    NGX_RECORDING_SQL_FORGET_RECORDING,
    NGX_RECORDING_SQL_LEAVE,
    NGX_RECORDING_SQL_MEND,
    NGX_RECORDING_SQL_MINE
} ngx_recording_sql_e;


extern const char *const  ngx_recording_catalogue_states[];

extern const char  ngx_recording_catalogue_schema[];
extern const char  ngx_recording_catalogue_totals[];
extern const char *const  ngx_recording_catalogue_versions[];
extern const int  ngx_recording_catalogue_newest;
extern const char *const  ngx_recording_catalogue_sql[];


/*
 * Looks through a database.  NGX_ERROR: it is damaged, and cat->corrupt is
 * set, or it could not be read.
 */
ngx_int_t ngx_recording_catalogue_quick_check_thread(
    ngx_recording_catalogue_t *cat, sqlite3 *db);

/* it may not be waited for any more: every call fails at once */
ngx_uint_t ngx_recording_catalogue_closed(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err);

/* SQLite's busy handler: 0 when it was waited long enough */
int ngx_recording_catalogue_busy(void *data, int n);

/* a prepared statement, or NULL; it is the catalogue's */
sqlite3_stmt *ngx_recording_catalogue_stmt(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql);

/* runs one that was bound and gives no rows that matter */
ngx_int_t ngx_recording_catalogue_run(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql);

/*
 * In a transaction: whether an owner lives, as the store tells.  After
 * NGX_ERROR the transaction is to fail; its error says why.  Nobody is dead.
 */
ngx_int_t ngx_recording_catalogue_lives(ngx_recording_catalogue_t *cat,
    const char *owner);

/* who wants a recording: "WORKER:ID" of the one that asks */

#define NGX_RECORDING_CATALOGUE_NOBODY   0
#define NGX_RECORDING_CATALOGUE_SELF     1
#define NGX_RECORDING_CATALOGUE_OTHER    2
#define NGX_RECORDING_CATALOGUE_UNKNOWN  3     /* the transaction is to fail */

ngx_uint_t ngx_recording_catalogue_asker(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, const char *wanted);

/*
 * Asks the owner of a recording that `wanted` wants.  NGX_AGAIN: it is waited
 * for; NGX_OK: it was in vain.
 */
ngx_int_t ngx_recording_catalogue_ask(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t recording_id, ngx_uint_t wanted);

/* writes that this publish wants the recording it asks for, or no more */
ngx_int_t ngx_recording_catalogue_want(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_start_t *start);

/* binds the six strings of a stream from parameter n on */
void ngx_recording_catalogue_stream(sqlite3_stmt *st, int n,
    ngx_recording_stream_t *stream);

/* binds the play URL of a file; NULL: it is not known */
void ngx_recording_catalogue_url(ngx_recording_catalogue_t *cat,
    sqlite3_stmt *st, int n, ngx_recording_file_t *file);

/* how messages about a file end: app, stream and template from column n on */
void ngx_recording_catalogue_about(sqlite3_stmt *st, int n,
    char about[NGX_RECORDING_ABOUT]);

/* an empty string is not NULL */
void ngx_recording_catalogue_text(sqlite3_stmt *st, int n, u_char *data,
    size_t len);


/*
 * Takes a file from the owner that it had, if its time was over at `now`.
 * NGX_DECLINED: it is not so any more.
 */
ngx_int_t ngx_recording_catalogue_take_file(ngx_recording_catalogue_t *cat,
    ngx_recording_taken_t *taken, ngx_recording_file_e state, int64_t now);

/* a state by its name, and a text that is never NULL */
ngx_recording_file_e ngx_recording_catalogue_state(const char *name);
const char *ngx_recording_catalogue_column(sqlite3_stmt *st, int n);


#endif /* _NGX_RECORDING_CATALOGUE_DB_H_INCLUDED_ */
