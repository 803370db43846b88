
/*
 * The seam between the catalogue and the database it stands in: what an engine
 * does, and how a statement is run by any engine.
 *
 * Runs on pool threads.  The functions of one connection are called under the
 * catalogue's mutex, except for those that say otherwise.  A connection is
 * made once in a worker, lives until the worker ends, and is opened, closed
 * and opened again meanwhile.
 *
 * A statement is one row of a table: its text, and a letter for each of its
 * parameters in order:
 *
 *   i  a number        I  a number, or NULL
 *   t  a text          T  a text, or NULL
 *
 * It is run with its values in the same order.  Values that do not fit the
 * letters are an error, and nothing is run.
 *
 * Return codes: NGX_OK; NGX_ERROR with the reason in the engine's error().
 */


#ifndef _NGX_RECORDING_SQL_H_INCLUDED_
#define _NGX_RECORDING_SQL_H_INCLUDED_


#include "ngx_recording_store.h"


typedef struct ngx_recording_sql_s       ngx_recording_sql_t;
typedef struct ngx_recording_sql_stmt_s  ngx_recording_sql_stmt_t;


typedef struct {
    const char             *types;
    const char             *text;
} ngx_recording_sql_statement_t;


/* what files cannot tell: a table, or some of its rows, that is kept beside */

typedef struct {
    const char             *table;         /* NULL: the last one */
    const char             *where;         /* an expression */
} ngx_recording_sql_kept_t;


/* the tables, and how a database of a former version becomes a new one */

typedef struct {
    const char             *tables;        /* of a new database */
    const char *const      *versions;      /* [n]: from n to n + 1 */
    ngx_uint_t              newest;
    const char             *totals;        /* indexes and triggers; only what
                                              is missing is made */
    const ngx_recording_sql_kept_t  *kept;
} ngx_recording_sql_schema_t;


typedef struct {
    ngx_recording_store_t  *store;         /* it lies there */
    const ngx_recording_sql_schema_t     *schema;
    const ngx_recording_sql_statement_t  *statements;
    ngx_uint_t              n;             /* statements */

    /*
     * Another one writes: waits for a moment, for the nth time since 0.
     * Returns 0 when it was waited long enough.
     */
    ngx_uint_t            (*wait)(void *data, ngx_uint_t n);

    /*
     * NULL, or asked now and then while a statement runs: other than 0 if it
     * is to fail.
     */
    ngx_uint_t            (*over)(void *data);
    void                   *data;

    ngx_uint_t              reads;         /* it never writes, and makes no
                                              database: others have */
    ngx_uint_t              second;        /* of a worker: what is lost is seen
                                              to by its first connection */
} ngx_recording_sql_setup_t;


typedef enum {
    NGX_RECORDING_SQL_MODE_READ = 0,       /* others may write meanwhile */
    NGX_RECORDING_SQL_MODE_WRITE,
    NGX_RECORDING_SQL_MODE_DURABLE         /* it survives a power cut, too */
} ngx_recording_sql_mode_e;


/* what is known of a database as a whole; it keeps that by itself */

typedef enum {
    NGX_RECORDING_SQL_MARK_NEW = 0,        /* it lacks what was before it */
    NGX_RECORDING_SQL_MARK_REPAIRED,       /* the same, and it was made in place
                                              of a damaged one */
    NGX_RECORDING_SQL_MARK_WHOLE
} ngx_recording_sql_mark_e;


typedef struct {

    /* --- a connection; NULL: no memory */

    ngx_recording_sql_t    *(*create)(const ngx_recording_sql_setup_t *setup);
    void                    (*destroy)(ngx_recording_sql_t *sql);

    /*
     * Before each transaction: sees that it is open.  A database that is
     * damaged is set aside, and a new one is made; one that is gone from its
     * place, as another worker did that, is left for the one that is there.
     * Both set ->replaced.
     */
    ngx_int_t               (*open)(ngx_recording_sql_t *sql);

    /* why the last call failed, also if it is not open */
    const char             *(*error)(ngx_recording_sql_t *sql);

    /*
     * To be called when one has failed: closes it if that looks like damage,
     * and the next open() looks whether it is whole.
     */
    void                    (*failed)(ngx_recording_sql_t *sql);

    /* --- a transaction */

    ngx_int_t               (*begin)(ngx_recording_sql_t *sql,
                                ngx_recording_sql_mode_e mode);
    ngx_int_t               (*commit)(ngx_recording_sql_t *sql);

    /* nothing, if there is none or it is closed */
    void                    (*rollback)(ngx_recording_sql_t *sql);

    /* --- a statement, by its row; it is the connection's */

    /* NULL: it failed */
    ngx_recording_sql_stmt_t  *(*prepare)(ngx_recording_sql_t *sql,
                                ngx_uint_t n);

    /* parameters from 1 on; a text is copied */
    ngx_int_t               (*bind_int)(ngx_recording_sql_stmt_t *st,
                                ngx_uint_t n, int64_t number);
    ngx_int_t               (*bind_text)(ngx_recording_sql_stmt_t *st,
                                ngx_uint_t n, const char *text, size_t len);

    /* NGX_OK: there is a row; NGX_DONE: there is none any more */
    ngx_int_t               (*step)(ngx_recording_sql_stmt_t *st);

    /*
     * Columns of the row, from 0 on.  A text is valid until the next step, and
     * ends with a null character; it is NULL if the column is, or if there is
     * no memory.
     */
    ngx_uint_t              (*is_null)(ngx_recording_sql_stmt_t *st,
                                ngx_uint_t n);
    int64_t                 (*column_int)(ngx_recording_sql_stmt_t *st,
                                ngx_uint_t n);
    const char             *(*column_text)(ngx_recording_sql_stmt_t *st,
                                ngx_uint_t n, size_t *len);

    /* it is to be run again, later, with other values: all are NULL */
    void                    (*finish)(ngx_recording_sql_stmt_t *st);

    /* the rows that the last statement has written */
    ngx_uint_t              (*changes)(ngx_recording_sql_t *sql);

    /* --- the database */

    /* whether others have written since the last call, as far as is known */
    ngx_uint_t              (*changed)(ngx_recording_sql_t *sql);

    /* *copied: what the copy of the one before it had is in it, or in none */
    ngx_int_t               (*mark)(ngx_recording_sql_t *sql,
                                ngx_recording_sql_mark_e *mark,
                                ngx_uint_t *copied);
    ngx_int_t               (*set_mark)(ngx_recording_sql_t *sql,
                                ngx_recording_sql_mark_e mark);

    /* whether it was not ended cleanly, and so is to be checked */
    ngx_uint_t              (*unclean)(ngx_recording_sql_t *sql);

    /*
     * Without the mutex: looks through all of it, over another connection;
     * ends early with the worker.  NGX_DECLINED: it is damaged.
     */
    ngx_int_t               (*check)(ngx_recording_sql_t *sql, char *err,
                                size_t size);

    /* and with it, then: what has come out.  A damaged one is closed, and the
       next open() sets it aside */
    void                    (*checked)(ngx_recording_sql_t *sql,
                                ngx_uint_t damaged);

    /*
     * Without the mutex: moves what was committed to where it stays, if it is
     * much.  Returns 0, or how many MB a reader keeps from that.
     */
    ngx_uint_t              (*compact)(ngx_recording_sql_t *sql);

    /*
     * Without the mutex: writes what is kept into another file, in place of
     * what was there, unless the database is not whole yet: NGX_DECLINED.
     * Ends early with the worker: NGX_ERROR.
     */
    ngx_int_t               (*copy)(ngx_recording_sql_t *sql, char *err,
                                size_t size);

    /*
     * And reads it from there; rows that the database has stay as they are.
     * *rows: how many came; *made: when they were copied.  A database that has
     * had them does not get them once more.  NGX_DECLINED: there is no such
     * file; NGX_ABORT: it is damaged, and set aside, which the error tells;
     * NGX_ERROR: it is to be tried again.
     */
    ngx_int_t               (*restore)(ngx_recording_sql_t *sql,
                                ngx_uint_t *rows, time_t *made, char *err,
                                size_t size);

} ngx_recording_sql_engine_t;


/* a connection, as each engine's begins */

struct ngx_recording_sql_s {
    const ngx_recording_sql_engine_t  *engine;
    ngx_recording_sql_setup_t          setup;

    ngx_uint_t                         opened;     /* how often it was */

    /* another database has taken the place of the one before; it is set and
       cleared under the mutex */
    ngx_atomic_t                       replaced;
};


extern const ngx_recording_sql_engine_t  ngx_recording_sqlite;


/* --- values */

typedef struct {
    char                    type;          /* 'i', 't', or 0: NULL */
    int64_t                 number;
    const char             *text;
    size_t                  len;
} ngx_recording_sql_value_t;


static ngx_inline ngx_recording_sql_value_t
ngx_recording_sql_null(void)
{
    return (ngx_recording_sql_value_t) { 0, 0, NULL, 0 };
}


static ngx_inline ngx_recording_sql_value_t
ngx_recording_sql_int(int64_t number)
{
    return (ngx_recording_sql_value_t) { 'i', number, NULL, 0 };
}


/* an empty text is not NULL */

static ngx_inline ngx_recording_sql_value_t
ngx_recording_sql_bytes(const u_char *data, size_t len)
{
    return (ngx_recording_sql_value_t) { 't', 0,
                                         len ? (const char *) data : "", len };
}


static ngx_inline ngx_recording_sql_value_t
ngx_recording_sql_str(const ngx_str_t *str)
{
    return ngx_recording_sql_bytes(str->data, str->len);
}


static ngx_inline ngx_recording_sql_value_t
ngx_recording_sql_text(const char *text)
{
    return ngx_recording_sql_bytes((const u_char *) text, strlen(text));
}


/* --- running a statement */

typedef struct {
    ngx_recording_sql_t       *sql;
    ngx_recording_sql_stmt_t  *st;         /* NULL: it failed at once */
    ngx_int_t                  rc;         /* of the last step */
} ngx_recording_sql_rows_t;


/*
 * The values follow the statement:
 *
 *   rc = ngx_recording_sql_run(sql, NAME, ngx_recording_sql_int(id), ...);
 *
 *   ngx_recording_sql_query(sql, &rows, NAME, ngx_recording_sql_int(id), ...);
 *
 *   while (ngx_recording_sql_next(&rows)) {
 *       id = ngx_recording_sql_column_int(&rows, 0);
 *   }
 *
 *   rc = ngx_recording_sql_end(&rows);
 */

#define ngx_recording_sql_run(sql, statement, ...)                            \
    ngx_recording_sql_run_values(sql, statement,                              \
        ngx_recording_sql_values(__VA_ARGS__))

#define ngx_recording_sql_query(sql, rows, statement, ...)                    \
    ngx_recording_sql_query_values(sql, rows, statement,                      \
        ngx_recording_sql_values(__VA_ARGS__))

/* two arguments: they and their number */
#define ngx_recording_sql_values(...)                                         \
    (const ngx_recording_sql_value_t[]) { __VA_ARGS__ },                      \
    sizeof((ngx_recording_sql_value_t[]) { __VA_ARGS__ })                     \
    / sizeof(ngx_recording_sql_value_t)


/* runs a statement that gives no rows, or none that matter */
ngx_int_t ngx_recording_sql_run_values(ngx_recording_sql_t *sql,
    ngx_uint_t statement, const ngx_recording_sql_value_t *values,
    ngx_uint_t n);

/* begins one that gives rows; whether it failed is told by the end */
void ngx_recording_sql_query_values(ngx_recording_sql_t *sql,
    ngx_recording_sql_rows_t *rows, ngx_uint_t statement,
    const ngx_recording_sql_value_t *values, ngx_uint_t n);

/* 0: there is no row any more, or it failed */
ngx_uint_t ngx_recording_sql_next(ngx_recording_sql_rows_t *rows);

/* after the last row, or before: NGX_ERROR if it failed */
ngx_int_t ngx_recording_sql_end(ngx_recording_sql_rows_t *rows);

/*
 * Columns of the row.  A text is valid until the next row, and empty if the
 * column is NULL; if there is no memory for it the rows have failed.
 */
ngx_uint_t ngx_recording_sql_column_null(ngx_recording_sql_rows_t *rows,
    ngx_uint_t n);
int64_t ngx_recording_sql_column_int(ngx_recording_sql_rows_t *rows,
    ngx_uint_t n);
const char *ngx_recording_sql_column_text(ngx_recording_sql_rows_t *rows,
    ngx_uint_t n);
void ngx_recording_sql_column_str(ngx_recording_sql_rows_t *rows,
    ngx_uint_t n, ngx_str_t *str);

/* as much of a text as there is room for */
void ngx_recording_sql_column_copy(ngx_recording_sql_rows_t *rows,
    ngx_uint_t n, char *text, size_t size);

/* the rows that the last statement has written */
ngx_uint_t ngx_recording_sql_changes(ngx_recording_sql_t *sql);


#endif /* _NGX_RECORDING_SQL_H_INCLUDED_ */
