
#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_catalogue_expire.h"


static ngx_int_t ngx_recording_catalogue_expire_why(
    ngx_recording_catalogue_t *cat, ngx_recording_expire_t *expire,
    ngx_uint_t removal);


ngx_int_t
ngx_recording_catalogue_expire_due_thread(ngx_recording_catalogue_t *cat,
    int64_t until, ngx_recording_place_t *after, ngx_recording_old_t *files,
    ngx_uint_t *n, ngx_recording_catalogue_error_t *err)
{
    ngx_recording_sql_rows_t  rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_EXPIRE_DUE,
                            ngx_recording_sql_int(NGX_RECORDING_WALK),
                            ngx_recording_sql_int(after->at),
                            ngx_recording_sql_int(after->id),
                            ngx_recording_sql_int(until));

    return ngx_recording_catalogue_walk(cat, &rows, after, files, n, err);
}


ngx_int_t
ngx_recording_catalogue_expire_thread(ngx_recording_catalogue_t *cat,
    int64_t now, int64_t until, ngx_recording_old_t *files, ngx_uint_t n,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (ngx_recording_catalogue_begin(cat, 1, err) != NGX_OK) {
        return NGX_ERROR;
    }

    for (rc = NGX_OK, i = 0; rc == NGX_OK && i < n; i++) {
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EXPIRE,
                                   ngx_recording_sql_int(files[i].id),
                                   ngx_recording_sql_int(now),
                                   ngx_recording_sql_int(until));
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_expire_set(ngx_recording_catalogue_t *cat,
    void *expire, ngx_uint_t again)
{
    ngx_recording_expire_t *e = expire;

    ngx_recording_sql_value_t  us;

    us = e->expire_us ? ngx_recording_sql_int(e->expire_us)
                      : ngx_recording_sql_null();

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_SET_EXPIRE,
                              ngx_recording_sql_int(e->id), us)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    e->result = NGX_RECORDING_EXPIRE_DONE;

    return ngx_recording_sql_changes(cat->sql)
           ? NGX_OK : ngx_recording_catalogue_expire_why(cat, e, 0);
}


ngx_int_t
ngx_recording_catalogue_expire_delete(ngx_recording_catalogue_t *cat,
    void *expire, ngx_uint_t again)
{
    ngx_recording_expire_t *e = expire;

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_DELETE,
                              ngx_recording_sql_int(e->id),
                              ngx_recording_sql_int(ngx_recording_wall()))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    e->result = NGX_RECORDING_EXPIRE_DONE;

    return ngx_recording_sql_changes(cat->sql)
           ? NGX_OK : ngx_recording_catalogue_expire_why(cat, e, 1);
}


/* why it was not done: what is removed is in nobody's way any more */

static ngx_int_t
ngx_recording_catalogue_expire_why(ngx_recording_catalogue_t *cat,
    ngx_recording_expire_t *expire, ngx_uint_t removal)
{
    ngx_recording_sql_rows_t  rows;

    expire->result = NGX_RECORDING_EXPIRE_NONE;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_REMOVABLE,
                            ngx_recording_sql_int(expire->id));

    if (ngx_recording_sql_next(&rows)) {

        if (ngx_recording_catalogue_db_state(
                                      ngx_recording_sql_column_text(&rows, 0))
            < NGX_RECORDING_FILE_FINISHED)
        {
            if (removal) {
                expire->result = NGX_RECORDING_EXPIRE_GROWS;
            }

        } else if (ngx_recording_sql_column_int(&rows, 1)
                   && ngx_recording_sql_column_int(&rows, 3))
        {
            expire->result = NGX_RECORDING_EXPIRE_EDITED;

        } else if (ngx_recording_sql_column_int(&rows, 1)
                   && ngx_recording_sql_column_int(&rows, 2))
        {
            expire->result = NGX_RECORDING_EXPIRE_DELIVERED;
        }
    }

    return ngx_recording_sql_end(&rows);
}
