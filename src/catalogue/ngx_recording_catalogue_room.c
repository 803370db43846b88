
/*
 * The catalogue's side of room: what all files have, which ones go, and the
 * rows that stay of them.
 */


#include "ngx_recording_catalogue_db.h"


#define NGX_RECORDING_CATALOGUE_SOON    1000000LL      /* us */
#define NGX_RECORDING_CATALOGUE_LATE    300000000LL    /* us */
#define NGX_RECORDING_CATALOGUE_EMPTY   200            /* at a time */
#define NGX_RECORDING_CATALOGUE_LINGER  60000000LL     /* us */


static ngx_int_t ngx_recording_catalogue_sum(ngx_recording_catalogue_t *cat,
    ngx_recording_grown_all_t *grown, int64_t *bytes);
static ngx_int_t ngx_recording_catalogue_total(ngx_recording_catalogue_t *cat,
    int64_t *bytes);
static ngx_int_t ngx_recording_catalogue_leaving(
    ngx_recording_catalogue_t *cat, int64_t *bytes, ngx_uint_t *stuck);
static ngx_int_t ngx_recording_catalogue_set(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, uint64_t id, int64_t now);
static ngx_int_t ngx_recording_catalogue_evict(ngx_recording_catalogue_t *cat,
    int64_t now, ngx_recording_old_t *files, ngx_uint_t n, int64_t over,
    int64_t *evicted);
static ngx_int_t ngx_recording_catalogue_rows(ngx_recording_catalogue_t *cat,
    int64_t before, int64_t *ids, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_find_empty(
    ngx_recording_catalogue_t *cat, int64_t before, uint64_t *after,
    int64_t *ids, ngx_uint_t *n, ngx_recording_catalogue_error_t *err);
static void ngx_recording_catalogue_old(ngx_recording_sql_rows_t *rows,
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
    ngx_uint_t                 i;
    ngx_recording_sql_rows_t   rows;

    if (ngx_recording_catalogue_total(cat, bytes) != NGX_OK) {
        return NGX_ERROR;
    }

    *bytes += grown->others;

    for (i = 0; i < grown->n; i++) {
        ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_GROWN,
                                ngx_recording_sql_int(grown->files[i].id),
                                ngx_recording_sql_int(grown->files[i].bytes));

        /* one that has no row is there all the same */

        *bytes += ngx_recording_sql_next(&rows)
                  ? ngx_recording_sql_column_int(&rows, 0)
                  : grown->files[i].bytes;

        if (ngx_recording_sql_end(&rows) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_catalogue_total(ngx_recording_catalogue_t *cat, int64_t *bytes)
{
    ngx_uint_t                found;
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_TOTAL);

    found = ngx_recording_sql_next(&rows);

    if (found) {
        *bytes = ngx_recording_sql_column_int(&rows, 0);
    }

    return ngx_recording_sql_end(&rows) == NGX_OK && found ? NGX_OK
                                                           : NGX_ERROR;
}


/* what is about to be removed, and how many evicted files could not be */

static ngx_int_t
ngx_recording_catalogue_leaving(ngx_recording_catalogue_t *cat,
    int64_t *bytes, ngx_uint_t *stuck)
{
    ngx_recording_sql_rows_t  rows;

    *bytes = 0;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_LEAVING);

    while (ngx_recording_sql_next(&rows)) {
        *bytes = ngx_recording_sql_column_int(&rows, 0);
        *stuck = (ngx_uint_t) ngx_recording_sql_column_int(&rows, 1);
    }

    return ngx_recording_sql_end(&rows);
}


ngx_int_t
ngx_recording_catalogue_oldest_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_place_t *after, ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    ngx_recording_sql_rows_t  rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_OLDEST,
                            ngx_recording_sql_int(NGX_RECORDING_WALK),
                            ngx_recording_sql_int(after->at),
                            ngx_recording_sql_int(after->id));

    return ngx_recording_catalogue_walk(cat, &rows, after, files, n, err);
}


/* what a statement found behind a place, and where that is now */

ngx_int_t
ngx_recording_catalogue_walk(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_rows_t *rows, ngx_recording_place_t *after,
    ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  room, seen;

    room = *n;
    *n = 0;
    seen = 0;

    while (*n < room && ngx_recording_sql_next(rows)) {
        seen++;
        after->at = ngx_recording_sql_column_int(rows, 5);
        after->id = (uint64_t) ngx_recording_sql_column_int(rows, 0);

        if (ngx_recording_sql_column_int(rows, 6)) {
            ngx_recording_catalogue_old(rows, &files[*n]);
            files[(*n)++].age = after->at;
        }
    }

    rc = ngx_recording_catalogue_finish(cat, ngx_recording_sql_end(rows), err);

    return rc == NGX_OK && *n < room && seen < NGX_RECORDING_WALK ? NGX_DONE
                                                                  : rc;
}


static void
ngx_recording_catalogue_old(ngx_recording_sql_rows_t *rows,
    ngx_recording_old_t *file)
{
    file->id = (uint64_t) ngx_recording_sql_column_int(rows, 0);
    file->size = ngx_recording_sql_column_int(rows, 2);
    file->state = ngx_recording_catalogue_db_state(
                                     ngx_recording_sql_column_text(rows, 3));
    file->first = (ngx_recording_sql_column_int(rows, 4) != 0);
    file->there = 1;

    (void) snprintf(file->path, sizeof(file->path), "%s",
                    ngx_recording_sql_column_text(rows, 1));
}


ngx_int_t
ngx_recording_catalogue_missing_thread(ngx_recording_catalogue_t *cat,
    int64_t now, ngx_recording_old_t *files, ngx_uint_t n,
    ngx_uint_t *missing, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < n && files[i].there; i++) { /* void */ }

    if (i == n) {
        return NGX_OK;
    }

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    for (rc = NGX_OK; rc == NGX_OK && i < n; i++) {
        if (files[i].there) {
            continue;
        }

        rc = ngx_recording_catalogue_set(cat, NGX_RECORDING_SQL_MISSING,
                                         files[i].id, now);

        /* another worker may have evicted it meanwhile */

        *missing += (rc == NGX_OK && ngx_recording_sql_changes(cat->sql));
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_set(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, uint64_t id, int64_t now)
{
    return ngx_recording_sql_run(cat->sql, sql, ngx_recording_sql_int(id),
                                 ngx_recording_sql_int(now));
}


ngx_int_t
ngx_recording_catalogue_evict_thread(ngx_recording_catalogue_t *cat,
    int64_t now, ngx_recording_grown_all_t *grown, int64_t limit,
    ngx_recording_old_t *files, ngx_uint_t n, ngx_uint_t most, int64_t *over,
    int64_t *evicted, ngx_uint_t *stuck, ngx_recording_catalogue_error_t *err)
{
    int64_t    bytes, leaving;
    ngx_int_t  rc;

    *over = 0;
    *evicted = 0;
    *stuck = 0;

    if (ngx_recording_catalogue_begin(cat, 1, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_sum(cat, grown, &bytes);

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_leaving(cat, &leaving, stuck);
    }

    if (rc == NGX_OK) {
        *over = bytes - leaving - limit;

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

        if (ngx_recording_sql_changes(cat->sql)) {
            *evicted += files[i].size;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_catalogue_to_remove_thread(ngx_recording_catalogue_t *cat,
    int64_t now, uint64_t after, ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    ngx_recording_sql_rows_t  rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_TO_REMOVE,
                    ngx_recording_sql_int(*n),
                    ngx_recording_sql_int(after),
                    ngx_recording_sql_int(now),
                    ngx_recording_sql_int(now + NGX_RECORDING_CATALOGUE_LATE));

    for (*n = 0; ngx_recording_sql_next(&rows); (*n)++) {
        ngx_recording_catalogue_old(&rows, &files[*n]);
    }

    return ngx_recording_catalogue_finish(cat, ngx_recording_sql_end(&rows),
                                          err);
}


ngx_int_t
ngx_recording_catalogue_local_thread(ngx_recording_catalogue_t *cat,
    int64_t now, int64_t until, ngx_recording_place_t *after,
    ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    ngx_recording_sql_rows_t  rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_TO_REMOVE_LOCAL,
                    ngx_recording_sql_int(NGX_RECORDING_WALK),
                    ngx_recording_sql_int(after->at),
                    ngx_recording_sql_int(after->id),
                    ngx_recording_sql_int(now),
                    ngx_recording_sql_int(now + NGX_RECORDING_CATALOGUE_LATE),
                    ngx_recording_sql_int(until));

    return ngx_recording_catalogue_walk(cat, &rows, after, files, n, err);
}


ngx_int_t
ngx_recording_catalogue_retry_thread(ngx_recording_catalogue_t *cat,
    int64_t now, uint64_t id, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_RETRY,
                          ngx_recording_sql_int(id),
                          ngx_recording_sql_int(now),
                          ngx_recording_sql_int(NGX_RECORDING_CATALOGUE_SOON),
                          ngx_recording_sql_int(NGX_RECORDING_CATALOGUE_LATE));

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_linger_thread(ngx_recording_catalogue_t *cat,
    int64_t now, uint64_t id, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_set(cat, NGX_RECORDING_SQL_LINGER, id,
                                     now + NGX_RECORDING_CATALOGUE_LINGER);

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_mark_removed_thread(ngx_recording_catalogue_t *cat,
    int64_t now, uint64_t id, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_set(cat, NGX_RECORDING_SQL_MARK_REMOVED, id,
                                     now);

    if (rc == NGX_OK && ngx_recording_sql_changes(cat->sql) == 0) {
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
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_USED,
                                   ngx_recording_sql_int(ids[i]));
        if (rc == NGX_OK) {
            rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_FORGET,
                                       ngx_recording_sql_int(ids[i]));
        }
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_rows(ngx_recording_catalogue_t *cat, int64_t before,
    int64_t *ids, ngx_uint_t *n, ngx_recording_catalogue_error_t *err)
{
    ngx_recording_sql_rows_t  rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    *n = 0;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_OLD_ROWS,
                            ngx_recording_sql_int(before),
                            ngx_recording_sql_int(NGX_RECORDING_ROWS));

    while (ngx_recording_sql_next(&rows)) {
        ids[(*n)++] = ngx_recording_sql_column_int(&rows, 0);
    }

    return ngx_recording_catalogue_finish(cat, ngx_recording_sql_end(&rows),
                                          err);
}


ngx_int_t
ngx_recording_catalogue_empty_thread(ngx_recording_catalogue_t *cat,
    int64_t before, uint64_t *after, ngx_recording_catalogue_error_t *err)
{
    int64_t     ids[NGX_RECORDING_CATALOGUE_EMPTY];
    ngx_int_t   rc;
    ngx_uint_t  i, n;

    if (ngx_recording_catalogue_find_empty(cat, before, after, ids, &n, err)
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
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_FORGET_RECORDING,
                                   ngx_recording_sql_int(ids[i]));
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_find_empty(ngx_recording_catalogue_t *cat,
    int64_t before, uint64_t *after, int64_t *ids, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t                 seen;
    ngx_recording_sql_rows_t   rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    *n = 0;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_EMPTY,
                          ngx_recording_sql_int(NGX_RECORDING_CATALOGUE_EMPTY),
                          ngx_recording_sql_int(*after),
                          ngx_recording_sql_int(before));

    for (seen = 0; ngx_recording_sql_next(&rows); seen++) {
        *after = (uint64_t) ngx_recording_sql_column_int(&rows, 0);

        if (ngx_recording_sql_column_int(&rows, 1)) {
            ids[(*n)++] = ngx_recording_sql_column_int(&rows, 0);
        }
    }

    if (seen < NGX_RECORDING_CATALOGUE_EMPTY) {
        *after = 0;
    }

    return ngx_recording_catalogue_finish(cat, ngx_recording_sql_end(&rows),
                                          err);
}
