
#include "ngx_recording_sqlite.h"


static ngx_recording_sql_t *ngx_recording_sqlite_create(
    const ngx_recording_sql_setup_t *setup);
static void ngx_recording_sqlite_destroy(ngx_recording_sql_t *sql);
static const char *ngx_recording_sqlite_error(ngx_recording_sql_t *sql);
static void ngx_recording_sqlite_failed(ngx_recording_sql_t *sql);
static ngx_int_t ngx_recording_sqlite_begin(ngx_recording_sql_t *sql,
    ngx_recording_sql_mode_e mode);
static ngx_int_t ngx_recording_sqlite_commit(ngx_recording_sql_t *sql);
static void ngx_recording_sqlite_rollback(ngx_recording_sql_t *sql);
static ngx_int_t ngx_recording_sqlite_run(ngx_recording_sql_t *sql,
    ngx_recording_sqlite_own_e own);
static ngx_recording_sql_stmt_t *ngx_recording_sqlite_prepare(
    ngx_recording_sql_t *sql, ngx_uint_t n);
static ngx_int_t ngx_recording_sqlite_bind_int(ngx_recording_sql_stmt_t *st,
    ngx_uint_t n, int64_t number);
static ngx_int_t ngx_recording_sqlite_bind_text(ngx_recording_sql_stmt_t *st,
    ngx_uint_t n, const char *text, size_t len);
static ngx_int_t ngx_recording_sqlite_step(ngx_recording_sql_stmt_t *st);
static ngx_uint_t ngx_recording_sqlite_is_null(ngx_recording_sql_stmt_t *st,
    ngx_uint_t n);
static int64_t ngx_recording_sqlite_column_int(ngx_recording_sql_stmt_t *st,
    ngx_uint_t n);
static const char *ngx_recording_sqlite_column_text(
    ngx_recording_sql_stmt_t *st, ngx_uint_t n, size_t *len);
static void ngx_recording_sqlite_finish(ngx_recording_sql_stmt_t *st);
static ngx_uint_t ngx_recording_sqlite_changes(ngx_recording_sql_t *sql);
static ngx_uint_t ngx_recording_sqlite_changed(ngx_recording_sql_t *sql);


const ngx_recording_sql_engine_t  ngx_recording_sqlite = {
    ngx_recording_sqlite_create,
    ngx_recording_sqlite_destroy,
    ngx_recording_sqlite_open,
    ngx_recording_sqlite_error,
    ngx_recording_sqlite_failed,

    ngx_recording_sqlite_begin,
    ngx_recording_sqlite_commit,
    ngx_recording_sqlite_rollback,

    ngx_recording_sqlite_prepare,
    ngx_recording_sqlite_bind_int,
    ngx_recording_sqlite_bind_text,
    ngx_recording_sqlite_step,
    ngx_recording_sqlite_is_null,
    ngx_recording_sqlite_column_int,
    ngx_recording_sqlite_column_text,
    ngx_recording_sqlite_finish,
    ngx_recording_sqlite_changes,

    ngx_recording_sqlite_changed,
    ngx_recording_sqlite_mark,
    ngx_recording_sqlite_set_mark,
    ngx_recording_sqlite_unclean,
    ngx_recording_sqlite_check,
    ngx_recording_sqlite_checked,
    ngx_recording_sqlite_compact,
    ngx_recording_sqlite_copy,
    ngx_recording_sqlite_restore
};


static const char *const  ngx_recording_sqlite_own[] = {
    [NGX_RECORDING_SQLITE_READ] = "BEGIN",
    [NGX_RECORDING_SQLITE_WRITE] = "BEGIN IMMEDIATE",
    [NGX_RECORDING_SQLITE_COMMIT] = "COMMIT",
    [NGX_RECORDING_SQLITE_ROLLBACK] = "ROLLBACK",
    [NGX_RECORDING_SQLITE_NORMAL] = "PRAGMA synchronous=NORMAL",
    [NGX_RECORDING_SQLITE_FULL] = "PRAGMA synchronous=FULL",
    [NGX_RECORDING_SQLITE_VERSION] = "PRAGMA data_version"
};


static ngx_recording_sql_t *
ngx_recording_sqlite_create(const ngx_recording_sql_setup_t *setup)
{
    ngx_recording_sqlite_t  *lite;

    lite = calloc(1, sizeof(ngx_recording_sqlite_t)
                     + (setup->n + NGX_RECORDING_SQLITE_OWN)
                       * sizeof(sqlite3_stmt *));

    if (lite == NULL) {
        return NULL;
    }

    lite->sql.engine = &ngx_recording_sqlite;
    lite->sql.setup = *setup;

    return &lite->sql;
}


static void
ngx_recording_sqlite_destroy(ngx_recording_sql_t *sql)
{
    ngx_recording_sqlite_close((ngx_recording_sqlite_t *) sql);

    free(sql);
}


void
ngx_recording_sqlite_close(ngx_recording_sqlite_t *lite)
{
    ngx_uint_t  i;

    for (i = 0; i < lite->sql.setup.n + NGX_RECORDING_SQLITE_OWN; i++) {
        (void) sqlite3_finalize(lite->stmts[i]);
        lite->stmts[i] = NULL;
    }

    /* the last one would write all of the log into the database */

    if (lite->db && ngx_terminate) {
        (void) sqlite3_db_config(lite->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
                                 1, NULL);
    }

    (void) sqlite3_close(lite->db);
    lite->db = NULL;
}


static const char *
ngx_recording_sqlite_error(ngx_recording_sql_t *sql)
{
    ngx_recording_sqlite_t  *lite;

    lite = (ngx_recording_sqlite_t *) sql;

    return lite->db ? sqlite3_errmsg(lite->db) : lite->error;
}


static void
ngx_recording_sqlite_failed(ngx_recording_sql_t *sql)
{
    ngx_recording_sqlite_t  *lite;

    lite = (ngx_recording_sqlite_t *) sql;

    if (lite->db && ngx_recording_sqlite_damaged(sqlite3_errcode(lite->db))) {
        lite->suspect = 1;
        ngx_recording_sqlite_close(lite);
    }
}


ngx_uint_t
ngx_recording_sqlite_damaged(int rc)
{
    return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
}


int
ngx_recording_sqlite_exec(sqlite3 *db, const char *text)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL);
}


int
ngx_recording_sqlite_number(sqlite3 *db, const char *text, int *number)
{
    int            rc, step;
    sqlite3_stmt  *st;

    rc = sqlite3_prepare_v2(db, text, -1, &st, NULL);

    if (rc != SQLITE_OK) {
        return rc;
    }

    step = sqlite3_step(st);
    *number = step == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;

    rc = sqlite3_finalize(st);

    return rc == SQLITE_OK ? step : rc;
}


static ngx_int_t
ngx_recording_sqlite_begin(ngx_recording_sql_t *sql,
    ngx_recording_sql_mode_e mode)
{
    if (mode == NGX_RECORDING_SQL_MODE_READ) {
        return ngx_recording_sqlite_run(sql, NGX_RECORDING_SQLITE_READ);
    }

    /* SQLite compiles a pragma each time that it is run */

    if (ngx_recording_sqlite_run(sql, mode == NGX_RECORDING_SQL_MODE_DURABLE
                                      ? NGX_RECORDING_SQLITE_FULL
                                      : NGX_RECORDING_SQLITE_NORMAL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_sqlite_run(sql, NGX_RECORDING_SQLITE_WRITE);
}


static ngx_int_t
ngx_recording_sqlite_commit(ngx_recording_sql_t *sql)
{
    return ngx_recording_sqlite_run(sql, NGX_RECORDING_SQLITE_COMMIT);
}


static void
ngx_recording_sqlite_rollback(ngx_recording_sql_t *sql)
{
    ngx_recording_sqlite_t  *lite;

    lite = (ngx_recording_sqlite_t *) sql;

    if (lite->db && !sqlite3_get_autocommit(lite->db)) {
        (void) ngx_recording_sqlite_run(sql, NGX_RECORDING_SQLITE_ROLLBACK);
    }
}


static ngx_int_t
ngx_recording_sqlite_run(ngx_recording_sql_t *sql,
    ngx_recording_sqlite_own_e own)
{
    ngx_int_t                  rc;
    ngx_recording_sql_stmt_t  *st;

    st = ngx_recording_sqlite_prepare(sql, sql->setup.n + own);

    if (st == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sqlite_step(st);
    ngx_recording_sqlite_finish(st);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_recording_sql_stmt_t *
ngx_recording_sqlite_prepare(ngx_recording_sql_t *sql, ngx_uint_t n)
{
    const char              *text;
    ngx_recording_sqlite_t  *lite;

    lite = (ngx_recording_sqlite_t *) sql;

    if (lite->stmts[n] == NULL) {
        text = n < sql->setup.n ? sql->setup.statements[n].text
                                : ngx_recording_sqlite_own[n - sql->setup.n];

        (void) sqlite3_prepare_v3(lite->db, text, -1,
                                  SQLITE_PREPARE_PERSISTENT, &lite->stmts[n],
                                  NULL);
    }

    return (ngx_recording_sql_stmt_t *) lite->stmts[n];
}


static ngx_int_t
ngx_recording_sqlite_bind_int(ngx_recording_sql_stmt_t *st, ngx_uint_t n,
    int64_t number)
{
    return sqlite3_bind_int64((sqlite3_stmt *) st, (int) n, number)
           == SQLITE_OK
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_recording_sqlite_bind_text(ngx_recording_sql_stmt_t *st, ngx_uint_t n,
    const char *text, size_t len)
{
    return sqlite3_bind_text((sqlite3_stmt *) st, (int) n, text, (int) len,
                             SQLITE_TRANSIENT)
           == SQLITE_OK
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_recording_sqlite_step(ngx_recording_sql_stmt_t *st)
{
    switch (sqlite3_step((sqlite3_stmt *) st)) {

    case SQLITE_ROW:
        return NGX_OK;

    case SQLITE_DONE:
        return NGX_DONE;

    default:
        return NGX_ERROR;
    }
}


static ngx_uint_t
ngx_recording_sqlite_is_null(ngx_recording_sql_stmt_t *st, ngx_uint_t n)
{
    return sqlite3_column_type((sqlite3_stmt *) st, (int) n) == SQLITE_NULL;
}


static int64_t
ngx_recording_sqlite_column_int(ngx_recording_sql_stmt_t *st, ngx_uint_t n)
{
    return sqlite3_column_int64((sqlite3_stmt *) st, (int) n);
}


static const char *
ngx_recording_sqlite_column_text(ngx_recording_sql_stmt_t *st, ngx_uint_t n,
    size_t *len)
{
    const u_char  *text;

    text = sqlite3_column_text((sqlite3_stmt *) st, (int) n);
    *len = (size_t) sqlite3_column_bytes((sqlite3_stmt *) st, (int) n);

    return (const char *) text;
}


static void
ngx_recording_sqlite_finish(ngx_recording_sql_stmt_t *st)
{
    (void) sqlite3_reset((sqlite3_stmt *) st);
    (void) sqlite3_clear_bindings((sqlite3_stmt *) st);
}


static ngx_uint_t
ngx_recording_sqlite_changes(ngx_recording_sql_t *sql)
{
    return (ngx_uint_t) sqlite3_changes(((ngx_recording_sqlite_t *) sql)->db);
}


ngx_uint_t
ngx_recording_sqlite_moved(ngx_recording_sqlite_t *lite)
{
    int  moved;

    moved = 0;

    return lite->db
           && sqlite3_file_control(lite->db, NULL, SQLITE_FCNTL_HAS_MOVED,
                                   &moved)
              == SQLITE_OK
           && moved;
}


static ngx_uint_t
ngx_recording_sqlite_changed(ngx_recording_sql_t *sql)
{
    int64_t                    version;
    ngx_uint_t                 changed;
    ngx_recording_sqlite_t    *lite;
    ngx_recording_sql_stmt_t  *st;

    lite = (ngx_recording_sqlite_t *) sql;
    changed = 1;

    /* what is written into another one does not change it */

    if (ngx_recording_sqlite_moved(lite)) {
        return 1;
    }

    st = lite->db ? ngx_recording_sqlite_prepare(sql,
                                 sql->setup.n + NGX_RECORDING_SQLITE_VERSION)
                  : NULL;

    if (st == NULL) {
        return 1;
    }

    if (ngx_recording_sqlite_step(st) == NGX_OK) {
        version = ngx_recording_sqlite_column_int(st, 0);

        changed = (version != lite->version);
        lite->version = version;
    }

    ngx_recording_sqlite_finish(st);

    return changed;
}
