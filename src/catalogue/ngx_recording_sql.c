
#include "ngx_recording_sql.h"


static ngx_int_t ngx_recording_sql_bind(ngx_recording_sql_rows_t *rows,
    const char *types, const ngx_recording_sql_value_t *values, ngx_uint_t n);


ngx_int_t
ngx_recording_sql_run_values(ngx_recording_sql_t *sql, ngx_uint_t statement,
    const ngx_recording_sql_value_t *values, ngx_uint_t n)
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query_values(sql, &rows, statement, values, n);
    (void) ngx_recording_sql_next(&rows);

    return ngx_recording_sql_end(&rows);
}


void
ngx_recording_sql_query_values(ngx_recording_sql_t *sql,
    ngx_recording_sql_rows_t *rows, ngx_uint_t statement,
    const ngx_recording_sql_value_t *values, ngx_uint_t n)
{
    rows->sql = sql;
    rows->st = sql->engine->prepare(sql, statement);

    rows->rc = rows->st
               ? ngx_recording_sql_bind(rows,
                                   sql->setup.statements[statement].types,
                                   values, n)
               : NGX_ERROR;
}


static ngx_int_t
ngx_recording_sql_bind(ngx_recording_sql_rows_t *rows, const char *types,
    const ngx_recording_sql_value_t *values, ngx_uint_t n)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i;
    const ngx_recording_sql_value_t   *v;
    const ngx_recording_sql_engine_t  *engine;

    if (strlen(types) != n) {
        return NGX_ERROR;
    }

    engine = rows->sql->engine;
    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < n; i++) {
        v = &values[i];

        if (v->type == 0) {

            /* what is not bound is NULL */

            rc = ngx_tolower(types[i]) == types[i] ? NGX_ERROR : NGX_OK;

        } else if (v->type != ngx_tolower(types[i])) {
            rc = NGX_ERROR;

        } else if (v->type == 'i') {
            rc = engine->bind_int(rows->st, i + 1, v->number);

        } else {
            rc = engine->bind_text(rows->st, i + 1, v->text, v->len);
        }
    }

    return rc;
}


ngx_uint_t
ngx_recording_sql_next(ngx_recording_sql_rows_t *rows)
{
    if (rows->rc == NGX_OK) {
        rows->rc = rows->sql->engine->step(rows->st);
    }

    return rows->rc == NGX_OK;
}


ngx_int_t
ngx_recording_sql_end(ngx_recording_sql_rows_t *rows)
{
    if (rows->st) {
        rows->sql->engine->finish(rows->st);
    }

    return rows->rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


ngx_uint_t
ngx_recording_sql_column_null(ngx_recording_sql_rows_t *rows, ngx_uint_t n)
{
    return rows->sql->engine->is_null(rows->st, n);
}


int64_t
ngx_recording_sql_column_int(ngx_recording_sql_rows_t *rows, ngx_uint_t n)
{
    return rows->sql->engine->column_int(rows->st, n);
}


const char *
ngx_recording_sql_column_text(ngx_recording_sql_rows_t *rows, ngx_uint_t n)
{
    ngx_str_t  str;

    ngx_recording_sql_column_str(rows, n, &str);

    return (const char *) str.data;
}


void
ngx_recording_sql_column_copy(ngx_recording_sql_rows_t *rows, ngx_uint_t n,
    char *text, size_t size)
{
    (void) snprintf(text, size, "%s", ngx_recording_sql_column_text(rows, n));
}


void
ngx_recording_sql_column_str(ngx_recording_sql_rows_t *rows, ngx_uint_t n,
    ngx_str_t *str)
{
    size_t       len;
    const char  *text;

    ngx_str_set(str, "");

    if (ngx_recording_sql_column_null(rows, n)) {
        return;
    }

    text = rows->sql->engine->column_text(rows->st, n, &len);

    if (text == NULL) {
        rows->rc = NGX_ERROR;
        return;
    }

    str->data = (u_char *) text;
    str->len = len;
}


ngx_uint_t
ngx_recording_sql_changes(ngx_recording_sql_t *sql)
{
    return sql->engine->changes(sql);
}
