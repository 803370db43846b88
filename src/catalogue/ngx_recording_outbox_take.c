
/*
 * Rows are taken.
 */


#include "ngx_recording_catalogue_sql.h"
#include "ngx_recording_outbox.h"


static void ngx_recording_outbox_query(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_rows_t *rows, const ngx_recording_target_t *target,
    ngx_uint_t ordered, ngx_uint_t n);
static void ngx_recording_outbox_query_early(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_rows_t *rows, const ngx_recording_target_t *target,
    ngx_uint_t n);
static ngx_int_t ngx_recording_outbox_take_rows(
    ngx_recording_catalogue_t *cat, ngx_recording_sql_rows_t *r,
    const ngx_recording_target_t *target,
    const char *(*owner)(void *data, ngx_uint_t n), void *data,
    ngx_recording_outbox_row_t *rows, ngx_uint_t *n);
static ngx_uint_t ngx_recording_outbox_whole(
    const ngx_recording_outbox_row_t *row);
static ngx_uint_t ngx_recording_outbox_of_object(
    const ngx_recording_outbox_row_t *row);
static void ngx_recording_outbox_row(ngx_recording_sql_rows_t *rows,
    ngx_recording_outbox_row_t *row);


ngx_int_t
ngx_recording_outbox_due_thread(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target, ngx_uint_t ordered, ngx_uint_t *due,
    ngx_recording_catalogue_error_t *err)
{
    ngx_recording_sql_rows_t  rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_outbox_query(cat, &rows, target, ordered, 1);

    *due = ngx_recording_sql_next(&rows);

    return ngx_recording_catalogue_finish(cat, ngx_recording_sql_end(&rows),
                                          err);
}


static void
ngx_recording_outbox_query(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_rows_t *rows, const ngx_recording_target_t *target,
    ngx_uint_t ordered, ngx_uint_t n)
{
    ngx_recording_sql_query(cat->sql, rows, NGX_RECORDING_SQL_OUTBOX_DUE,
              ngx_recording_sql_str(&target->template),
              ngx_recording_sql_str(&target->name),
              ngx_recording_sql_int(ngx_recording_store_now(cat->store)),
              ngx_recording_sql_int(ordered),
              ngx_recording_sql_int(n));
}


ngx_int_t
ngx_recording_outbox_early_thread(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target, ngx_uint_t *due,
    ngx_recording_catalogue_error_t *err)
{
    ngx_recording_sql_rows_t  rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_outbox_query_early(cat, &rows, target, 1);

    *due = ngx_recording_sql_next(&rows);

    return ngx_recording_catalogue_finish(cat, ngx_recording_sql_end(&rows),
                                          err);
}


static void
ngx_recording_outbox_query_early(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_rows_t *rows, const ngx_recording_target_t *target,
    ngx_uint_t n)
{
    ngx_recording_sql_query(cat->sql, rows, NGX_RECORDING_SQL_OUTBOX_EARLY,
              ngx_recording_sql_str(&target->template),
              ngx_recording_sql_str(&target->name),
              ngx_recording_sql_int(ngx_recording_store_now(cat->store)),
              ngx_recording_sql_int(n));
}


ngx_int_t
ngx_recording_outbox_take(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target, ngx_uint_t ordered,
    const char *(*owner)(void *data, ngx_uint_t n), void *data,
    ngx_recording_outbox_row_t *rows, ngx_uint_t *n)
{
    ngx_recording_sql_rows_t  r;

    ngx_recording_outbox_query(cat, &r, target, ordered, *n);

    return ngx_recording_outbox_take_rows(cat, &r, target, owner, data, rows,
                                          n);
}


ngx_int_t
ngx_recording_outbox_take_early(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target,
    const char *(*owner)(void *data, ngx_uint_t n), void *data,
    ngx_recording_outbox_row_t *rows, ngx_uint_t *n)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_recording_sql_rows_t   r;

    ngx_recording_outbox_query_early(cat, &r, target, *n);

    rc = ngx_recording_outbox_take_rows(cat, &r, target, owner, data, rows, n);

    for (i = 0; i < *n; i++) {
        rows[i].early = 1;
    }

    return rc;
}


static ngx_int_t
ngx_recording_outbox_take_rows(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_rows_t *r, const ngx_recording_target_t *target,
    const char *(*owner)(void *data, ngx_uint_t n), void *data,
    ngx_recording_outbox_row_t *rows, ngx_uint_t *n)
{
    int64_t                     now;
    ngx_int_t                   rc;
    ngx_uint_t                  i, found;
    const char                 *name;

    now = ngx_recording_store_now(cat->store);

    for (found = 0; found < *n && ngx_recording_sql_next(r); found++) {
        rows[found].target = target;
        ngx_recording_outbox_row(r, &rows[found]);
    }

    rc = ngx_recording_sql_end(r);

    *n = found;

    for (i = 0; rc == NGX_OK && i < found; i++) {

        name = ngx_recording_outbox_whole(&rows[i]) ? owner(data, i) : NULL;

        if (name == NULL) {
            break;
        }

        (void) snprintf(rows[i].owner, sizeof(rows[i].owner), "%s", name);

        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_TAKE,
                                   ngx_recording_sql_int(rows[i].id),
                                   ngx_recording_sql_text(name),
                                   ngx_recording_sql_int(now));
    }

    if (rc != NGX_OK) {
        i = 0;
    }

    for (*n = i; i < found; i++) {
        ngx_recording_outbox_row_free(&rows[i]);
    }

    return rc;
}


ngx_int_t
ngx_recording_outbox_grows(ngx_recording_catalogue_t *cat, uint64_t file_id,
    ngx_uint_t *grows)
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_OUTBOX_GROWS,
                            ngx_recording_sql_int(file_id));

    *grows = ngx_recording_sql_next(&rows);

    return ngx_recording_sql_end(&rows);
}


void
ngx_recording_outbox_row_free(ngx_recording_outbox_row_t *row)
{
    free(row->facts);
    free(row->key);
    free(row->progress);

    row->facts = NULL;
    row->key = NULL;
    row->progress = NULL;
}


/* there was memory for it */

static ngx_uint_t
ngx_recording_outbox_whole(const ngx_recording_outbox_row_t *row)
{
    return row->facts && (!ngx_recording_outbox_of_object(row)
                          || (row->key && row->progress));
}


/* it is about an object of a bucket */

static ngx_uint_t
ngx_recording_outbox_of_object(const ngx_recording_outbox_row_t *row)
{
    return strcmp(row->kind, "upload") == 0
           || strcmp(row->kind, "remove") == 0;
}


static void
ngx_recording_outbox_row(ngx_recording_sql_rows_t *rows,
    ngx_recording_outbox_row_t *row)
{
    ngx_recording_stream_t  stream;

    row->id = (uint64_t) ngx_recording_sql_column_int(rows, 0);
    row->recording_id = (uint64_t) ngx_recording_sql_column_int(rows, 2);
    row->file_id = (uint64_t) ngx_recording_sql_column_int(rows, 3);
    row->seq = (uint64_t) ngx_recording_sql_column_int(rows, 4);
    row->event_us = ngx_recording_sql_column_int(rows, 7);
    row->attempts = (ngx_uint_t) ngx_recording_sql_column_int(rows, 8) + 1;
    row->first_us = ngx_recording_sql_column_int(rows, 9);

    ngx_recording_sql_column_copy(rows, 1, row->event_id,
                                  sizeof(row->event_id));
    ngx_recording_sql_column_copy(rows, 5, row->kind, sizeof(row->kind));
    ngx_recording_sql_column_copy(rows, 6, row->event, sizeof(row->event));

    ngx_recording_sql_column_str(rows, 13, &stream.app);
    ngx_recording_sql_column_str(rows, 14, &stream.name);
    ngx_recording_sql_column_str(rows, 15, &stream.template);

    row->about[0] = '\0';

    if (stream.name.len) {
        ngx_recording_file_about(&stream, row->about);
    }

    row->facts = strdup(ngx_recording_sql_column_text(rows, 10));
    row->key = NULL;
    row->progress = NULL;
    row->early = 0;

    if (ngx_recording_outbox_of_object(row)) {
        row->key = strdup(ngx_recording_sql_column_text(rows, 11));
        row->progress = strdup(ngx_recording_sql_column_text(rows, 12));
    }
}
