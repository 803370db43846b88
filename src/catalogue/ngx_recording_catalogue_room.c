
/*
 * The catalogue's side of room: what all files have, which ones go, and the
 * rows that stay of them.
 */


#include "ngx_recording_catalogue_db.h"


#define NGX_RECORDING_CATALOGUE_SOON    1000000LL      /* us */
#define NGX_RECORDING_CATALOGUE_LATE    300000000LL    /* us */
#define NGX_RECORDING_CATALOGUE_EMPTY   200            /* at a time */


static ngx_int_t ngx_recording_catalogue_number(
    ngx_recording_catalogue_t *cat, ngx_recording_sql_e sql, int64_t *number);
static ngx_int_t ngx_recording_catalogue_sum(ngx_recording_catalogue_t *cat,
    ngx_recording_grown_all_t *grown, int64_t *bytes);
static ngx_int_t ngx_recording_catalogue_set(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, uint64_t id, int64_t now);
static ngx_int_t ngx_recording_catalogue_evict(ngx_recording_catalogue_t *cat,
    int64_t now, ngx_recording_old_t *files, ngx_uint_t n, int64_t over,
    int64_t *evicted);
static ngx_int_t ngx_recording_catalogue_rows(ngx_recording_catalogue_t *cat,
    int64_t before, int64_t *ids, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_empties(
    ngx_recording_catalogue_t *cat, int64_t before, uint64_t *after,
    int64_t *ids, ngx_uint_t *n, ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_each(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, int64_t id);
static void ngx_recording_catalogue_old(sqlite3_stmt *st,
    ngx_recording_old_t *file);


ngx_int_t
ngx_recording_catalogue_bytes_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_grown_all_t *grown, int64_t *bytes,
    ngx_recording_catalogue_error_t *err)
{
    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat,
                               ngx_recording_catalogue_sum(cat, grown, bytes),
                               err);
}


/* in a transaction: a file is either in the sum or it grows */

static ngx_int_t
ngx_recording_catalogue_sum(ngx_recording_catalogue_t *cat,
    ngx_recording_grown_all_t *grown, int64_t *bytes)
{
    int            step;
    ngx_uint_t     i;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_number(cat, NGX_RECORDING_SQL_TOTAL, bytes)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    *bytes += grown->others;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_GROWN);

    if (st == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < grown->n; i++) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) grown->files[i].id);
        (void) sqlite3_bind_int64(st, 2, grown->files[i].bytes);

        step = sqlite3_step(st);

        /* one that has no row is there all the same */

        *bytes += step == SQLITE_ROW ? sqlite3_column_int64(st, 0)
                                     : grown->files[i].bytes;

        (void) sqlite3_reset(st);

        if (step != SQLITE_ROW && step != SQLITE_DONE) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_catalogue_number(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, int64_t *number)
{
    int            step;
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, sql);

    if (st == NULL) {
        return NGX_ERROR;
    }

    step = sqlite3_step(st);
    *number = sqlite3_column_int64(st, 0);

    (void) sqlite3_reset(st);

    return step == SQLITE_ROW ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_oldest_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_old_t *after, ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    int            step;
    ngx_int_t      rc;
    ngx_uint_t     room;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    room = *n;
    *n = 0;
    rc = NGX_ERROR;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_OLDEST);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) room);
        (void) sqlite3_bind_int64(st, 2, after ? after->age : INT64_MIN);
        (void) sqlite3_bind_int64(st, 3,
                                  after ? (sqlite3_int64) after->id : 0);

        while ((step = sqlite3_step(st)) == SQLITE_ROW) {
            ngx_recording_catalogue_old(st, &files[*n]);

            files[(*n)++].age = sqlite3_column_int64(st, 3);
        }

        (void) sqlite3_reset(st);

        rc = step == SQLITE_DONE ? NGX_OK : NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static void
ngx_recording_catalogue_old(sqlite3_stmt *st, ngx_recording_old_t *file)
{
    file->id = (uint64_t) sqlite3_column_int64(st, 0);
    file->size = sqlite3_column_int64(st, 2);
    file->there = 1;

    (void) snprintf(file->path, sizeof(file->path), "%s",
                    ngx_recording_catalogue_column(st, 1));
}


ngx_int_t
ngx_recording_catalogue_missing_thread(ngx_recording_catalogue_t *cat,
    int64_t now, ngx_recording_old_t *files, ngx_uint_t n,
    ngx_uint_t *missing, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    for (rc = NGX_OK, i = 0; rc == NGX_OK && i < n; i++) {
        if (files[i].there) {
            continue;
        }

        rc = ngx_recording_catalogue_set(cat, NGX_RECORDING_SQL_MISSING,
                                         files[i].id, now);

        /* another worker may have evicted it meanwhile */

        *missing += (rc == NGX_OK && sqlite3_changes(cat->db));
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_set(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, uint64_t id, int64_t now)
{
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, sql);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) id);
        (void) sqlite3_bind_int64(st, 2, now);
    }

    return ngx_recording_catalogue_run(cat, sql);
}


ngx_int_t
ngx_recording_catalogue_evict_thread(ngx_recording_catalogue_t *cat,
    int64_t now, ngx_recording_grown_all_t *grown, int64_t limit,
    ngx_recording_old_t *files, ngx_uint_t n, ngx_uint_t most, int64_t *over,
    int64_t *evicted, ngx_uint_t *stuck, ngx_recording_catalogue_error_t *err)
{
    int64_t    bytes, number;
    ngx_int_t  rc;

    *over = 0;
    *evicted = 0;
    *stuck = 0;

    if (ngx_recording_catalogue_begin(cat, 1, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_sum(cat, grown, &bytes);

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_number(cat, NGX_RECORDING_SQL_STUCK,
                                            &number);
    }

    if (rc == NGX_OK) {
        *over = bytes - limit;
        *stuck = (ngx_uint_t) number;

        if (*stuck < most) {
            rc = ngx_recording_catalogue_evict(cat, now, files,
                                               ngx_min(n, most - *stuck),
                                               *over, evicted);
        }
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_evict(ngx_recording_catalogue_t *cat, int64_t now,
    ngx_recording_old_t *files, ngx_uint_t n, int64_t over, int64_t *evicted)
{
    ngx_uint_t  i;

    for (i = 0; i < n && *evicted < over; i++) {

        if (!files[i].there) {
            continue;
        }

        if (ngx_recording_catalogue_set(cat, NGX_RECORDING_SQL_EVICT,
                                         files[i].id, now)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        /* another worker may have been faster */

        if (sqlite3_changes(cat->db)) {
            *evicted += files[i].size;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_catalogue_evicted_thread(ngx_recording_catalogue_t *cat,
    int64_t now, uint64_t after, ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    int            step;
    ngx_int_t      rc;
    ngx_uint_t     room;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    room = *n;
    *n = 0;
    rc = NGX_ERROR;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_EVICTED);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) room);
        (void) sqlite3_bind_int64(st, 2, (sqlite3_int64) after);
        (void) sqlite3_bind_int64(st, 3, now);
        (void) sqlite3_bind_int64(st, 4, now + NGX_RECORDING_CATALOGUE_LATE);

        while ((step = sqlite3_step(st)) == SQLITE_ROW) {
            ngx_recording_catalogue_old(st, &files[(*n)++]);
        }

        (void) sqlite3_reset(st);

        rc = step == SQLITE_DONE ? NGX_OK : NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_retry_thread(ngx_recording_catalogue_t *cat,
    int64_t now, uint64_t id, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t      rc;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_RETRY);

    if (st) {
        (void) sqlite3_bind_int64(st, 3, NGX_RECORDING_CATALOGUE_SOON);
        (void) sqlite3_bind_int64(st, 4, NGX_RECORDING_CATALOGUE_LATE);
    }

    rc = ngx_recording_catalogue_set(cat, NGX_RECORDING_SQL_RETRY, id, now);

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_gone_thread(ngx_recording_catalogue_t *cat,
    int64_t now, uint64_t id, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_set(cat, NGX_RECORDING_SQL_GONE, id, now);

    if (rc == NGX_OK && sqlite3_changes(cat->db) == 0) {
        rc = NGX_DECLINED;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_forget_thread(ngx_recording_catalogue_t *cat,
    int64_t before, ngx_uint_t *n, ngx_recording_catalogue_error_t *err)
{
    int64_t     ids[NGX_RECORDING_ROWS];
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (ngx_recording_catalogue_rows(cat, before, ids, n, err) != NGX_OK) {
        return NGX_ERROR;
    }

    if (*n == 0) {
        return NGX_OK;
    }

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    for (rc = NGX_OK, i = 0; rc == NGX_OK && i < *n; i++) {
        rc = ngx_recording_catalogue_each(cat, NGX_RECORDING_SQL_USED,
                                          ids[i]);
        if (rc == NGX_OK) {
            rc = ngx_recording_catalogue_each(cat, NGX_RECORDING_SQL_FORGET,
                                              ids[i]);
        }
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_rows(ngx_recording_catalogue_t *cat, int64_t before,
    int64_t *ids, ngx_uint_t *n, ngx_recording_catalogue_error_t *err)
{
    int            step;
    ngx_int_t      rc;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    *n = 0;
    rc = NGX_ERROR;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_OLD_ROWS);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, before);
        (void) sqlite3_bind_int64(st, 2, NGX_RECORDING_ROWS);

        while ((step = sqlite3_step(st)) == SQLITE_ROW) {
            ids[(*n)++] = sqlite3_column_int64(st, 0);
        }

        (void) sqlite3_reset(st);

        rc = step == SQLITE_DONE ? NGX_OK : NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_each(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, int64_t id)
{
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, sql);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, id);
    }

    return ngx_recording_catalogue_run(cat, sql);
}


ngx_int_t
ngx_recording_catalogue_empty_thread(ngx_recording_catalogue_t *cat,
    int64_t before, uint64_t *after, ngx_recording_catalogue_error_t *err)
{
    int64_t     ids[NGX_RECORDING_CATALOGUE_EMPTY];
    ngx_int_t   rc;
    ngx_uint_t  i, n;

    if (ngx_recording_catalogue_empties(cat, before, after, ids, &n, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (n == 0) {
        return NGX_OK;
    }

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    for (rc = NGX_OK, i = 0; rc == NGX_OK && i < n; i++) {
        rc = ngx_recording_catalogue_each(cat,
                                          NGX_RECORDING_SQL_FORGET_RECORDING,
                                          ids[i]);
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_empties(ngx_recording_catalogue_t *cat,
    int64_t before, uint64_t *after, int64_t *ids, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    int            step;
    ngx_int_t      rc;
    ngx_uint_t     seen;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    *n = 0;
    rc = NGX_ERROR;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_EMPTY);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, NGX_RECORDING_CATALOGUE_EMPTY);
        (void) sqlite3_bind_int64(st, 2, (sqlite3_int64) *after);
        (void) sqlite3_bind_int64(st, 3, before);

        for (seen = 0; (step = sqlite3_step(st)) == SQLITE_ROW; seen++) {
            *after = (uint64_t) sqlite3_column_int64(st, 0);

            if (sqlite3_column_int(st, 1)) {
                ids[(*n)++] = sqlite3_column_int64(st, 0);
            }
        }

        if (seen < NGX_RECORDING_CATALOGUE_EMPTY) {
            *after = 0;
        }

        (void) sqlite3_reset(st);

        rc = step == SQLITE_DONE ? NGX_OK : NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}
