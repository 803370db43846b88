
/*
 * SQLite as the engine of the catalogue: one file catalogue.db in the store,
 * in WAL mode, that the workers of any number of masters write at a time.
 *
 * For the engine's own files: nothing else of SQLite is seen outside of them.
 * Runs on pool threads.  The functions here are called under the catalogue's
 * mutex, except for those that say otherwise.
 *
 * Return codes: NGX_OK; NGX_ERROR with the reason in SQLite's error, or in
 * ->error.
 */


#ifndef _NGX_RECORDING_SQLITE_H_INCLUDED_
#define _NGX_RECORDING_SQLITE_H_INCLUDED_


#include "ngx_recording_sql.h"
#include <sqlite3.h>


/* application_id: a number in the file's header.  One that is neither of these
   nor 0 is taken for whole */

#define NGX_RECORDING_SQLITE_WHOLE     1919250531
#define NGX_RECORDING_SQLITE_REPAIRED  1919250532

/* 0 and that, when what was copied has come back */
#define NGX_RECORDING_SQLITE_COPIED           1919250533
#define NGX_RECORDING_SQLITE_REPAIRED_COPIED  1919250534


/* statements of the engine's own, behind those of the table */

typedef enum {
    NGX_RECORDING_SQLITE_READ = 0,
    NGX_RECORDING_SQLITE_WRITE,
    NGX_RECORDING_SQLITE_COMMIT,
    NGX_RECORDING_SQLITE_ROLLBACK,
    NGX_RECORDING_SQLITE_NORMAL,
    NGX_RECORDING_SQLITE_FULL,
    NGX_RECORDING_SQLITE_VERSION,
    NGX_RECORDING_SQLITE_OWN
} ngx_recording_sqlite_own_e;


typedef struct {
    ngx_recording_sql_t     sql;           /* it is the first */
    sqlite3                *db;            /* NULL: it is not open */
    char                    path[PATH_MAX];
    dev_t                   device;        /* the file that was open last */
    ino_t                   inode;
    char                    error[256];    /* why it is not open */
    int64_t                 version;       /* of the data, last seen */
    ngx_atomic_t            pages;         /* of the WAL, at the last commit */
    unsigned                suspect:1;     /* it is checked when opened */
    unsigned                moved:1;       /* the one before is not there */
    unsigned                anew:1;        /* one is made for a damaged one */
    unsigned                unclean:1;     /* nginx was killed before: it is
                                              to be looked through */
    sqlite3_stmt           *stmts[];       /* the table's, and its own */
} ngx_recording_sqlite_t;


/* --- ngx_recording_sqlite.c */

void ngx_recording_sqlite_close(ngx_recording_sqlite_t *lite);

/* another file has the name of the one that is open */
ngx_uint_t ngx_recording_sqlite_moved(ngx_recording_sqlite_t *lite);

/* whether a result code tells of damage */
ngx_uint_t ngx_recording_sqlite_damaged(int rc);

/* runs text that gives no rows that matter; SQLite's result code */
int ngx_recording_sqlite_exec(sqlite3 *db, const char *text);

/* the first column of the first row, a number; SQLite's result code, which is
   SQLITE_ROW if there is one */
int ngx_recording_sqlite_number(sqlite3 *db, const char *text, int *number);


/* --- ngx_recording_sqlite_open.c */

ngx_int_t ngx_recording_sqlite_open(ngx_recording_sql_t *sql);

ngx_int_t ngx_recording_sqlite_mark(ngx_recording_sql_t *sql,
    ngx_recording_sql_mark_e *mark, ngx_uint_t *copied);
ngx_int_t ngx_recording_sqlite_set_mark(ngx_recording_sql_t *sql,
    ngx_recording_sql_mark_e mark);


/* --- ngx_recording_sqlite_check.c */

ngx_uint_t ngx_recording_sqlite_unclean(ngx_recording_sql_t *sql);

/* without the mutex */
ngx_int_t ngx_recording_sqlite_check(ngx_recording_sql_t *sql, char *err,
    size_t size);

void ngx_recording_sqlite_checked(ngx_recording_sql_t *sql,
    ngx_uint_t damaged);

/* without the mutex */
ngx_uint_t ngx_recording_sqlite_compact(ngx_recording_sql_t *sql);

/* another connection; calls fail if it could not be opened.  NULL: no memory */
sqlite3 *ngx_recording_sqlite_beside(ngx_recording_sql_t *sql);

/* looks through a database, by its connection.  NGX_DECLINED: it is damaged */
ngx_int_t ngx_recording_sqlite_quick_check(sqlite3 *db);


/* --- ngx_recording_sqlite_copy.c, without the mutex */

ngx_int_t ngx_recording_sqlite_copy(ngx_recording_sql_t *sql, char *err,
    size_t size);
ngx_int_t ngx_recording_sqlite_restore(ngx_recording_sql_t *sql,
    ngx_uint_t *rows, time_t *made, char *err, size_t size);


#endif /* _NGX_RECORDING_SQLITE_H_INCLUDED_ */
