
/*
 * What is done with the catalogue's database beside the changes, by another
 * connection: looking through it, and moving what was committed from the WAL.
 */


#include "ngx_recording_catalogue_db.h"


#define NGX_RECORDING_CATALOGUE_PAGES     1000       /* are moved at a time */
#define NGX_RECORDING_CATALOGUE_HELD      16384      /* and too many */
#define NGX_RECORDING_CATALOGUE_PAGE      4096       /* bytes */
#define NGX_RECORDING_CATALOGUE_PROGRESS  10000      /* steps */


static sqlite3 *ngx_recording_catalogue_beside(
    ngx_recording_catalogue_t *cat);
static int ngx_recording_catalogue_leaves(void *data);


ngx_int_t
ngx_recording_catalogue_check_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    sqlite3    *db;
    ngx_int_t   rc;

    /* opened, it knows whether it is to be looked through */

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK
        || ngx_recording_catalogue_finish(cat, NGX_OK, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!cat->unclean) {
        return NGX_OK;
    }

    db = ngx_recording_catalogue_beside(cat);

    if (db == NULL) {
        (void) snprintf(err->text, sizeof(err->text), "no memory");
        return NGX_ERROR;
    }

    /* a worker that exits does not wait for it */

    sqlite3_progress_handler(db, NGX_RECORDING_CATALOGUE_PROGRESS,
                             ngx_recording_catalogue_leaves, NULL);

    rc = ngx_recording_catalogue_quick_check_thread(cat, db);

    if (cat->corrupt) {

        /* the next one to open it looks, too, and sets it aside */

        (void) pthread_mutex_lock(&cat->mutex);

        cat->suspect = 1;
        ngx_recording_catalogue_close(cat);

        (void) pthread_mutex_unlock(&cat->mutex);

        rc = NGX_OK;
    }

    if (rc == NGX_OK) {
        cat->unclean = 0;

    } else {
        (void) snprintf(err->text, sizeof(err->text), "%s",
                        sqlite3_errmsg(db));
    }

    (void) sqlite3_close(db);

    return rc;
}


ngx_int_t
ngx_recording_catalogue_quick_check_thread(ngx_recording_catalogue_t *cat,
    sqlite3 *db)
{
    int            rc;
    ngx_uint_t     whole;
    sqlite3_stmt  *st;

    rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);

    if (rc != SQLITE_OK) {
        cat->corrupt = (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB);
        return NGX_ERROR;
    }

    rc = sqlite3_step(st);

    whole = rc == SQLITE_ROW
            && strcmp((const char *) sqlite3_column_text(st, 0), "ok") == 0;

    cat->corrupt = (rc == SQLITE_ROW && !whole) || rc == SQLITE_CORRUPT;

    if (sqlite3_finalize(st) != SQLITE_OK) {
        return NGX_ERROR;
    }

    cat->suspect = 0;

    return whole ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_recording_catalogue_checkpoint_thread(ngx_recording_catalogue_t *cat)
{
    int       rc, pages, moved;
    sqlite3  *db;

    if (cat->pages < NGX_RECORDING_CATALOGUE_PAGES) {
        return 0;
    }

    db = ngx_recording_catalogue_beside(cat);

    if (db == NULL) {
        return 0;
    }

    pages = 0;
    moved = 0;

    /* one that has read nothing knows of no WAL, and moves nothing of it */

    rc = sqlite3_exec(db, "PRAGMA schema_version", NULL, NULL, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                       &pages, &moved);
    }

    (void) sqlite3_close(db);

    if (rc == SQLITE_OK && moved == pages) {

        /* until more is committed there is nothing to be done */

        cat->pages = 0;
    }

    if (rc != SQLITE_OK || pages - moved < NGX_RECORDING_CATALOGUE_HELD) {
        return 0;
    }

    return (ngx_uint_t) pages * NGX_RECORDING_CATALOGUE_PAGE / 1048576;
}


/* another connection; calls fail if it could not be opened.  NULL: no memory */

static sqlite3 *
ngx_recording_catalogue_beside(ngx_recording_catalogue_t *cat)
{
    char      path[PATH_MAX];
    sqlite3  *db;

    (void) snprintf(path, sizeof(path), "%s/catalogue.db", cat->store->path);

    (void) sqlite3_open_v2(path, &db,
                           SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX, NULL);
    return db;
}


static int
ngx_recording_catalogue_leaves(void *data)
{
    return ngx_exiting || ngx_terminate;
}
