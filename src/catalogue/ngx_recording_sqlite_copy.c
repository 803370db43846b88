
/*
 * What files cannot tell, in a database of its own beside the catalogue: the
 * same tables, without indexes.
 */


#include "ngx_recording_sqlite.h"
#include <time.h>


#define NGX_RECORDING_SQLITE_COPY   "catalogue.copy"
#define NGX_RECORDING_SQLITE_NEW    NGX_RECORDING_SQLITE_COPY ".new"
#define NGX_RECORDING_SQLITE_TEXT   4096
#define NGX_RECORDING_SQLITE_STEPS  10000      /* between looks whether nginx
                                                  ends */


static ngx_int_t ngx_recording_sqlite_copy_begin(const char *path);
static ngx_int_t ngx_recording_sqlite_copy_tables(ngx_recording_sql_t *sql,
    sqlite3 *db);
static ngx_int_t ngx_recording_sqlite_copy_whole(sqlite3 *db);
static ngx_int_t ngx_recording_sqlite_copy_end(ngx_recording_sql_t *sql,
    const char *path);
static ngx_int_t ngx_recording_sqlite_copy_attach(sqlite3 *db,
    const char *path);
static int ngx_recording_sqlite_copy_leaves(void *data);
static ngx_int_t ngx_recording_sqlite_restore_tables(sqlite3 *db,
    const ngx_recording_sql_kept_t *kept, ngx_uint_t *rows);
static ngx_int_t ngx_recording_sqlite_restore_table(sqlite3 *db,
    const char *table, ngx_uint_t *rows);
static int ngx_recording_sqlite_restore_ends(void *data);
static ngx_int_t ngx_recording_sqlite_restore_failed(const char *path,
    int code, char *err, size_t size);
static ngx_uint_t ngx_recording_sqlite_restore_damaged(const char *path,
    int code);


ngx_int_t
ngx_recording_sqlite_copy(ngx_recording_sql_t *sql, char *err, size_t size)
{
    char        path[PATH_MAX];
    sqlite3    *db;
    ngx_int_t   rc;

    (void) snprintf(path, sizeof(path), "%s/" NGX_RECORDING_SQLITE_NEW,
                    sql->setup.store->path);

    db = ngx_recording_sqlite_beside(sql);

    rc = db ? ngx_recording_sqlite_copy_begin(path) : NGX_ERROR;

    if (rc == NGX_OK) {
        sqlite3_progress_handler(db, NGX_RECORDING_SQLITE_STEPS,
                                 ngx_recording_sqlite_copy_leaves, NULL);

        rc = ngx_recording_sqlite_copy_attach(db, path);

        if (rc == NGX_OK) {
            rc = ngx_recording_sqlite_copy_tables(sql, db);
        }

        if (rc == NGX_ERROR) {
            (void) snprintf(err, size, "%s", sqlite3_errmsg(db));
        }

    } else {
        (void) snprintf(err, size, "%s", strerror(errno));
    }

    (void) sqlite3_close(db);

    if (rc == NGX_OK) {
        rc = ngx_recording_sqlite_copy_end(sql, path);

        if (rc != NGX_OK) {
            (void) snprintf(err, size, "%s", strerror(errno));
        }
    }

    if (rc != NGX_OK) {
        (void) unlink(path);
    }

    return rc;
}


/* an empty file, as SQLite would make it with other permissions */

static ngx_int_t
ngx_recording_sqlite_copy_begin(const char *path)
{
    int  fd;

    (void) unlink(path);

    fd = ngx_recording_open(path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0640);

    if (fd == -1) {
        return NGX_ERROR;
    }

    ngx_recording_close(fd);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_sqlite_copy_attach(sqlite3 *db, const char *path)
{
    int            rc;
    sqlite3_stmt  *st;

    if (sqlite3_prepare_v2(db, "ATTACH ?1 AS copy", -1, &st, NULL)
        != SQLITE_OK)
    {
        return NGX_ERROR;
    }

    (void) sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC);

    rc = sqlite3_step(st);

    (void) sqlite3_finalize(st);

    return rc == SQLITE_DONE ? NGX_OK : NGX_ERROR;
}


static int
ngx_recording_sqlite_copy_leaves(void *data)
{
    return ngx_exiting || ngx_terminate;
}


/* it is synced as a whole, and no one reads it before: it needs no journal */

static ngx_int_t
ngx_recording_sqlite_copy_tables(ngx_recording_sql_t *sql, sqlite3 *db)
{
    char                             text[NGX_RECORDING_SQLITE_TEXT];
    ngx_int_t                        rc;
    const ngx_recording_sql_kept_t  *kept;

    if (ngx_recording_sqlite_exec(db, "PRAGMA copy.journal_mode=OFF")
        != SQLITE_OK
        || ngx_recording_sqlite_exec(db, "PRAGMA copy.synchronous=OFF")
           != SQLITE_OK
        || ngx_recording_sqlite_exec(db, "BEGIN") != SQLITE_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_recording_sqlite_copy_whole(db);

    for (kept = sql->setup.schema->kept; rc == NGX_OK && kept->table; kept++) {
        (void) snprintf(text, sizeof(text),
                        "CREATE TABLE copy.%s AS SELECT * FROM main.%s"
                        " WHERE %s", kept->table, kept->table, kept->where);

        rc = ngx_recording_sqlite_exec(db, text) == SQLITE_OK ? NGX_OK
                                                              : NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_recording_sqlite_exec(db, "COMMIT") == SQLITE_OK ? NGX_OK
                                                                : NGX_ERROR;
}


/* one that lacks what was before it must not take the place of what was kept */

static ngx_int_t
ngx_recording_sqlite_copy_whole(sqlite3 *db)
{
    int  id;

    if (ngx_recording_sqlite_number(db, "PRAGMA main.application_id", &id)
        != SQLITE_ROW)
    {
        return NGX_ERROR;
    }

    return id == 0 || id == NGX_RECORDING_SQLITE_REPAIRED ? NGX_DECLINED
                                                          : NGX_OK;
}


static ngx_int_t
ngx_recording_sqlite_copy_end(ngx_recording_sql_t *sql, const char *path)
{
    int        fd, dir;
    char       to[PATH_MAX];
    ngx_int_t  rc;

    (void) snprintf(to, sizeof(to), "%s/" NGX_RECORDING_SQLITE_COPY,
                    sql->setup.store->path);

    fd = ngx_recording_open(path, O_RDONLY|O_CLOEXEC, 0);
    dir = ngx_recording_open(sql->setup.store->path,
                             O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    rc = fd != -1 && dir != -1 && fsync(fd) == 0 && rename(path, to) == 0
         && fsync(dir) == 0
         ? NGX_OK : NGX_ERROR;

    if (fd != -1) {
        ngx_recording_close(fd);
    }

    if (dir != -1) {
        ngx_recording_close(dir);
    }

    return rc;
}


ngx_int_t
ngx_recording_sqlite_restore(ngx_recording_sql_t *sql, ngx_uint_t *rows,
    time_t *made, char *err, size_t size)
{
    int          code;
    char         path[PATH_MAX];
    sqlite3     *db;
    ngx_int_t    rc;
    ngx_uint_t   absent;
    struct stat  st;

    *rows = 0;

    (void) snprintf(path, sizeof(path), "%s/" NGX_RECORDING_SQLITE_COPY,
                    sql->setup.store->path);

    absent = 0;

    if (stat(path, &st) == 0) {
        *made = st.st_mtime;

    } else if (errno == ENOENT) {
        absent = 1;

    } else {
        (void) snprintf(err, size, "%s", strerror(errno));
        return NGX_ERROR;
    }

    db = ngx_recording_sqlite_beside(sql);

    if (db == NULL) {
        (void) snprintf(err, size, "no memory");
        return NGX_ERROR;
    }

    /* nothing of finished files is done before: also a worker that exits reads
       it to its end */

    sqlite3_progress_handler(db, NGX_RECORDING_SQLITE_STEPS,
                             ngx_recording_sqlite_restore_ends, NULL);

    rc = absent ? NGX_OK : ngx_recording_sqlite_copy_attach(db, path);

    if (rc == NGX_OK) {
        rc = ngx_recording_sqlite_restore_tables(db, absent ? NULL
                                                 : sql->setup.schema->kept,
                                                 rows);
    }

    code = sqlite3_errcode(db);

    if (rc != NGX_OK) {
        (void) snprintf(err, size, "%s", code == SQLITE_OK
                                         ? "no memory, or no tables yet"
                                         : sqlite3_errmsg(db));
    }

    (void) sqlite3_close(db);

    if (rc == NGX_OK) {
        return absent ? NGX_DECLINED : NGX_OK;
    }

    return absent ? NGX_ERROR
           : ngx_recording_sqlite_restore_failed(path, code, err, size);
}


static int
ngx_recording_sqlite_restore_ends(void *data)
{
    return ngx_terminate;
}


/*
 * What may pass is tried again.  What does not keeps nobody from having all
 * else; it is not lost with the next copy: somebody may want to look at it.
 */

static ngx_int_t
ngx_recording_sqlite_restore_failed(const char *path, int code, char *err,
    size_t size)
{
    char    to[PATH_MAX + 32];
    size_t  len;

    if (!ngx_recording_sqlite_restore_damaged(path, code)) {
        return NGX_ERROR;
    }

    (void) snprintf(to, sizeof(to), "%s.damaged.%ld", path, (long) time(NULL));

    if (rename(path, to) == -1) {
        (void) snprintf(err, size, "rename: %s", strerror(errno));
        return NGX_ERROR;
    }

    len = strlen(err);

    (void) snprintf(err + len, size - len, ", it is set aside as %s",
                    strrchr(to, '/') + 1);

    return NGX_ABORT;
}


/* it, and not the catalogue; or it has what cannot be taken over */

static ngx_uint_t
ngx_recording_sqlite_restore_damaged(const char *path, int code)
{
    sqlite3    *db;
    ngx_int_t   rc;

    if (code == SQLITE_ERROR || code == SQLITE_CONSTRAINT
        || code == SQLITE_MISMATCH)
    {
        return 1;
    }

    if (!ngx_recording_sqlite_damaged(code)) {
        return 0;
    }

    rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY|SQLITE_OPEN_NOMUTEX,
                         NULL)
         == SQLITE_OK
         ? ngx_recording_sqlite_quick_check(db) : NGX_ERROR;

    (void) sqlite3_close(db);

    return rc == NGX_DECLINED;
}


/*
 * Once for a catalogue, if all else has to be done again: what calls have
 * removed since then does not come back.  NULL: there is no copy.
 */

static ngx_int_t
ngx_recording_sqlite_restore_tables(sqlite3 *db,
    const ngx_recording_sql_kept_t *kept, ngx_uint_t *rows)
{
    int   id, version;
    char  pragma[64];

    /* one that has just taken the place of another has no tables */

    if (ngx_recording_sqlite_exec(db, "BEGIN IMMEDIATE") != SQLITE_OK
        || ngx_recording_sqlite_number(db, "PRAGMA main.application_id", &id)
           != SQLITE_ROW
        || ngx_recording_sqlite_number(db, "PRAGMA main.user_version",
                                       &version)
           != SQLITE_ROW
        || version == 0)
    {
        return NGX_ERROR;
    }

    if (id != 0 && id != NGX_RECORDING_SQLITE_REPAIRED) {
        return NGX_OK;
    }

    for ( /* void */ ; kept && kept->table; kept++) {

        if (ngx_recording_sqlite_restore_table(db, kept->table, rows)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    (void) snprintf(pragma, sizeof(pragma), "PRAGMA main.application_id=%d",
                    id ? NGX_RECORDING_SQLITE_REPAIRED_COPIED
                       : NGX_RECORDING_SQLITE_COPIED);

    return ngx_recording_sqlite_exec(db, pragma) == SQLITE_OK
           && ngx_recording_sqlite_exec(db, "COMMIT") == SQLITE_OK
           ? NGX_OK : NGX_ERROR;
}


/* the columns that both have: it may be of another version */

static ngx_int_t
ngx_recording_sqlite_restore_table(sqlite3 *db, const char *table,
    ngx_uint_t *rows)
{
    int            rc;
    char          *text;
    ngx_uint_t     absent;
    const char    *columns;
    sqlite3_stmt  *st;

    text = sqlite3_mprintf("SELECT group_concat('\"' || m.name || '\"')"
                           " FROM pragma_table_info(%Q, 'main') AS m,"
                           " pragma_table_info(%Q, 'copy') AS c"
                           " WHERE m.name = c.name", table, table);

    rc = text ? sqlite3_prepare_v2(db, text, -1, &st, NULL) : SQLITE_NOMEM;

    sqlite3_free(text);

    if (rc != SQLITE_OK) {
        return NGX_ERROR;
    }

    rc = sqlite3_step(st);

    /* one of before does not have the table */

    absent = rc == SQLITE_ROW
             && sqlite3_column_type(st, 0) == SQLITE_NULL;

    columns = rc == SQLITE_ROW ? (char *) sqlite3_column_text(st, 0) : NULL;

    text = columns ? sqlite3_mprintf("INSERT OR IGNORE INTO main.%s (%s)"
                                     " SELECT %s FROM copy.%s", table,
                                     columns, columns, table)
                   : NULL;

    rc = sqlite3_finalize(st);

    if (text == NULL) {
        return absent && rc == SQLITE_OK ? NGX_OK : NGX_ERROR;
    }

    rc = ngx_recording_sqlite_exec(db, text);

    sqlite3_free(text);

    if (rc != SQLITE_OK) {
        return NGX_ERROR;
    }

    *rows += sqlite3_changes(db);

    return NGX_OK;
}
