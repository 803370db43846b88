
/*
 * The catalogue's side of housekeeping.
 */


#include "ngx_recording_catalogue_db.h"


static ngx_int_t ngx_recording_catalogue_adopt_file(
    ngx_recording_catalogue_t *cat, ngx_recording_file_t *file,
    const char *owner);


ngx_uint_t
ngx_recording_catalogue_changed_thread(ngx_recording_catalogue_t *cat)
{
    ngx_uint_t  changed;

    if (cat->sql == NULL) {
        return 1;
    }

    (void) pthread_mutex_lock(&cat->mutex);

    changed = cat->sql->engine->changed(cat->sql);

    (void) pthread_mutex_unlock(&cat->mutex);

    return changed;
}


ngx_int_t
ngx_recording_catalogue_unclean_thread(ngx_recording_catalogue_t *cat,
    ngx_uint_t *unclean, ngx_recording_catalogue_error_t *err)
{
    /* opened, it knows whether it is to be looked through */

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    *unclean = cat->sql->engine->unclean(cat->sql);

    return ngx_recording_catalogue_finish(cat, NGX_OK, err);
}


ngx_int_t
ngx_recording_catalogue_check_thread(ngx_recording_catalogue_t *cat,
    ngx_uint_t *damaged, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    rc = cat->sql->engine->check(cat->sql, err->text, sizeof(err->text));

    *damaged = (rc == NGX_DECLINED);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


void
ngx_recording_catalogue_checked_thread(ngx_recording_catalogue_t *cat,
    ngx_uint_t damaged)
{
    (void) pthread_mutex_lock(&cat->mutex);

    cat->sql->engine->checked(cat->sql, damaged);

    (void) pthread_mutex_unlock(&cat->mutex);
}


ngx_uint_t
ngx_recording_catalogue_checkpoint_thread(ngx_recording_catalogue_t *cat)
{
    return cat->sql ? cat->sql->engine->compact(cat->sql) : 0;
}


ngx_int_t
ngx_recording_catalogue_wanted_thread(ngx_recording_catalogue_t *cat,
    uint64_t *ids, ngx_uint_t *n, ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t                 room;
    ngx_recording_sql_rows_t   rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    room = *n;
    *n = 0;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_WANTED,
                            ngx_recording_sql_text(cat->store->owner),
                            ngx_recording_sql_int(room));

    while (ngx_recording_sql_next(&rows)) {
        ids[(*n)++] = (uint64_t) ngx_recording_sql_column_int(&rows, 0);
    }

    return ngx_recording_catalogue_finish(cat, ngx_recording_sql_end(&rows),
                                          err);
}


ngx_int_t
ngx_recording_catalogue_refuse_thread(ngx_recording_catalogue_t *cat,
    uint64_t recording_id, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_REFUSE,
                               ngx_recording_sql_int(recording_id),
                               ngx_recording_sql_text(cat->store->owner));

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_own_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_taken_t *taken, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    uint64_t                   id;
    ngx_uint_t                 room;
    ngx_recording_taken_t     *t;
    ngx_recording_sql_rows_t   rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    room = *n;
    *n = 0;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_MINE,
                            ngx_recording_sql_text(cat->store->owner));

    while (*n < room && ngx_recording_sql_next(&rows)) {
        id = (uint64_t) ngx_recording_sql_column_int(&rows, 0);

        if (ngx_recording_busy_has(&cat->store->busy, id)) {
            continue;
        }

        t = &taken[(*n)++];
        ngx_memzero(t, sizeof(ngx_recording_taken_t));

        t->id = id;
        t->state = ngx_recording_catalogue_db_state(
                                    ngx_recording_sql_column_text(&rows, 2));
        t->recording_id = (uint64_t) ngx_recording_sql_column_int(&rows, 3);

        (void) snprintf(t->format, sizeof(t->format), "%s",
                        ngx_recording_sql_column_text(&rows, 1));

        ngx_recording_catalogue_db_about(&rows, 4, t->about);
    }

    return ngx_recording_catalogue_finish(cat, ngx_recording_sql_end(&rows),
                                          err);
}


ngx_int_t
ngx_recording_catalogue_file_state_thread(ngx_recording_catalogue_t *cat,
    uint64_t id, ngx_recording_file_e *state, ngx_uint_t *told,
    int64_t *waits, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                  rc;
    ngx_recording_sql_rows_t   rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_FILE_STATE,
                            ngx_recording_sql_int(id),
                            ngx_recording_sql_text(cat->store->owner));

    rc = NGX_DECLINED;

    if (ngx_recording_sql_next(&rows)) {
        *state = ngx_recording_catalogue_db_state(
                                    ngx_recording_sql_column_text(&rows, 0));
        *told = (ngx_recording_sql_column_int(&rows, 1) != 0);
        *waits = ngx_recording_sql_column_int(&rows, 2);
        rc = NGX_OK;
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        rc = NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_wait_less_thread(ngx_recording_catalogue_t *cat,
    uint64_t id, int64_t waits, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_WAIT_LESS,
                               ngx_recording_sql_int(id),
                               ngx_recording_sql_int(waits));

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_adopt_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, const char *owner,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_ADOPT,
                             ngx_recording_catalogue_sql_stream(file->stream),
                             ngx_recording_sql_int(file->recording_id),
                             ngx_recording_sql_text(owner),
                             ngx_recording_sql_int(file->start),
                             ngx_recording_sql_str(&file->stream->task),
                             ngx_recording_sql_str(&file->stream->delivers));

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_adopt_file(cat, file, owner);
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_forsake_thread(ngx_recording_catalogue_t *cat,
    uint64_t id, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_FORSAKE_FILE,
                               ngx_recording_sql_int(id),
                               ngx_recording_sql_text(cat->store->owner));

    if (rc == NGX_OK && ngx_recording_sql_changes(cat->sql)) {
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_FORSAKE,
                                   ngx_recording_sql_int(id),
                                   ngx_recording_sql_text(cat->store->owner));
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_adopt_file(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, const char *owner)
{
    char                       *url;
    ngx_int_t                   rc;
    ngx_recording_sql_value_t   path;

    path = file->path_len
           ? ngx_recording_sql_bytes(file->path, file->path_len)
           : ngx_recording_sql_null();

    url = ngx_recording_catalogue_db_url(cat, file);

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_ADOPT_FILE,
                             ngx_recording_catalogue_sql_stream(file->stream),
                             ngx_recording_sql_int(file->id),
                             ngx_recording_sql_int(file->recording_id),
                             ngx_recording_sql_text(file->format),
                             ngx_recording_sql_int(file->start),
                             path,
                             ngx_recording_sql_text(url ? url : ""),
                             ngx_recording_sql_text(owner),
                             ngx_recording_sql_str(&file->stream->task),
                             ngx_recording_sql_str(&file->stream->delivers));
    free(url);

    return rc;
}


ngx_int_t
ngx_recording_catalogue_release_all_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_RELEASE_ALL,
                               ngx_recording_sql_text(cat->store->owner));

    return ngx_recording_catalogue_finish(cat, rc, err);
}
