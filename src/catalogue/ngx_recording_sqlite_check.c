
/*
 * What is done with an SQLite database beside the transactions, over another
 * connection: looking through it, and moving what was committed from the WAL.
 */


#include "ngx_recording_sqlite.h"


#define NGX_RECORDING_SQLITE_PAGES     1000       /* are moved at a time */
#define NGX_RECORDING_SQLITE_HELD      16384      /* and too many */
#define NGX_RECORDING_SQLITE_PAGE      4096       /* bytes */
#define NGX_RECORDING_SQLITE_PROGRESS  10000      /* steps */
#define NGX_RECORDING_SQLITE_WAIT      2000       /* ms */


static int ngx_recording_sqlite_leaves(void *data);


ngx_uint_t
ngx_recording_sqlite_unclean(ngx_recording_sql_t *sql)
{
    return ((ngx_recording_sqlite_t *) sql)->unclean;
}


ngx_int_t
ngx_recording_sqlite_check(ngx_recording_sql_t *sql, char *err, size_t size)
{
    sqlite3    *db;
    ngx_int_t   rc;

    db = ngx_recording_sqlite_beside(sql);

    if (db == NULL) {
        (void) snprintf(err, size, "no memory");
        return NGX_ERROR;
    }

    /* a worker that exits does not wait for it */

    sqlite3_progress_handler(db, NGX_RECORDING_SQLITE_PROGRESS,
                             ngx_recording_sqlite_leaves, NULL);

    rc = ngx_recording_sqlite_quick_check(db);

    if (rc == NGX_ERROR) {
        (void) snprintf(err, size, "%s", sqlite3_errmsg(db));
    }

    (void) sqlite3_close(db);

    return rc;
}


void
ngx_recording_sqlite_checked(ngx_recording_sql_t *sql, ngx_uint_t damaged)
{
    ngx_recording_sqlite_t  *lite;

    lite = (ngx_recording_sqlite_t *) sql;

    lite->unclean = 0;

    /* the next one to open it looks, too, and sets it aside */

    if (damaged) {
        lite->suspect = 1;
        ngx_recording_sqlite_close(lite);
    }
}


ngx_int_t
ngx_recording_sqlite_quick_check(sqlite3 *db)
{
    int            rc;
    ngx_uint_t     whole, damaged;
    const u_char  *said;
    sqlite3_stmt  *st;

    rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);

    if (rc != SQLITE_OK) {
        return ngx_recording_sqlite_damaged(rc) ? NGX_DECLINED : NGX_ERROR;
    }

    rc = sqlite3_step(st);

    said = rc == SQLITE_ROW ? sqlite3_column_text(st, 0) : NULL;

    whole = said && strcmp((const char *) said, "ok") == 0;
    damaged = (said && !whole) || ngx_recording_sqlite_damaged(rc);

    rc = sqlite3_finalize(st);

    if (damaged) {
        return NGX_DECLINED;
    }

    return rc == SQLITE_OK && whole ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_recording_sqlite_compact(ngx_recording_sql_t *sql)
{
    int                      rc, pages, moved;
    sqlite3                 *db;
    ngx_atomic_uint_t        before;
    ngx_recording_sqlite_t  *lite;

    lite = (ngx_recording_sqlite_t *) sql;
    before = lite->pages;

    if (before < NGX_RECORDING_SQLITE_PAGES) {
        return 0;
    }

    db = ngx_recording_sqlite_beside(sql);

    if (db == NULL) {
        return 0;
    }

    pages = 0;
    moved = 0;

    /* one that has read nothing knows of no WAL, and moves nothing of it */

    rc = ngx_recording_sqlite_exec(db, "PRAGMA schema_version");

    if (rc == SQLITE_OK) {
        rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                       &pages, &moved);
    }

    (void) sqlite3_close(db);

    if (rc == SQLITE_OK && moved == pages) {

        /* until more is committed there is nothing to be done */

        (void) ngx_atomic_cmp_set(&lite->pages, before, 0);
    }

    if (rc != SQLITE_OK || pages - moved < NGX_RECORDING_SQLITE_HELD) {
        return 0;
    }

    return (ngx_uint_t) pages * NGX_RECORDING_SQLITE_PAGE / 1048576;
}


sqlite3 *
ngx_recording_sqlite_beside(ngx_recording_sql_t *sql)
{
    char      path[PATH_MAX];
    sqlite3  *db;

    (void) snprintf(path, sizeof(path), "%s/catalogue.db",
                    sql->setup.store->path);

    (void) sqlite3_open_v2(path, &db,
                           SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX, NULL);

    /* another one may just recover it */

    if (db) {
        (void) sqlite3_busy_timeout(db, NGX_RECORDING_SQLITE_WAIT);
    }

    return db;
}


static int
ngx_recording_sqlite_leaves(void *data)
{
    return ngx_exiting || ngx_terminate;
}
