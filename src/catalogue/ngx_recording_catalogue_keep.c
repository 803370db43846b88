
/*
 * The catalogue's side of housekeeping.
 */


#include "ngx_recording_catalogue_db.h"


ngx_uint_t
ngx_recording_catalogue_changed_thread(ngx_recording_catalogue_t *cat)
{
    int64_t        version;
    ngx_uint_t     changed;
    sqlite3_stmt  *st;

    changed = 1;

    (void) pthread_mutex_lock(&cat->mutex);

    st = cat->db
         ? ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_VERSION)
         : NULL;

    if (st && sqlite3_step(st) == SQLITE_ROW) {
        version = sqlite3_column_int64(st, 0);

        changed = (version != cat->version);
        cat->version = version;
    }

    if (st) {
        (void) sqlite3_reset(st);
    }

    (void) pthread_mutex_unlock(&cat->mutex);

    return changed;
}


ngx_int_t
ngx_recording_catalogue_wanted_thread(ngx_recording_catalogue_t *cat,
    uint64_t *ids, ngx_uint_t *n, ngx_recording_catalogue_error_t *err)
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

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_WANTED);

    if (st) {
        (void) sqlite3_bind_text(st, 1, cat->store->owner, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(st, 2, (sqlite3_int64) room);

        while ((step = sqlite3_step(st)) == SQLITE_ROW) {
            ids[(*n)++] = (uint64_t) sqlite3_column_int64(st, 0);
        }

        (void) sqlite3_reset(st);

        rc = step == SQLITE_DONE ? NGX_OK : NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_refuse_thread(ngx_recording_catalogue_t *cat,
    uint64_t recording_id, ngx_recording_catalogue_error_t *err)
{
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_REFUSE);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) recording_id);
        (void) sqlite3_bind_text(st, 2, cat->store->owner, -1, SQLITE_STATIC);
    }

    return ngx_recording_catalogue_finish(cat,
                  ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_REFUSE),
                  err);
}


ngx_int_t
ngx_recording_catalogue_own_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_taken_t *taken, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    int                     step;
    uint64_t                id;
    ngx_uint_t              room;
    sqlite3_stmt           *st;
    ngx_recording_taken_t  *t;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    room = *n;
    *n = 0;
    step = SQLITE_ERROR;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_MINE);

    if (st) {
        (void) sqlite3_bind_text(st, 1, cat->store->owner, -1, SQLITE_STATIC);

        while ((step = sqlite3_step(st)) == SQLITE_ROW && *n < room) {
            id = (uint64_t) sqlite3_column_int64(st, 0);

            if (ngx_recording_busy_has(&cat->store->busy, id)) {
                continue;
            }

            t = &taken[(*n)++];
            ngx_memzero(t, sizeof(ngx_recording_taken_t));

            t->id = id;
            t->state = ngx_recording_catalogue_state(
                                    ngx_recording_catalogue_column(st, 2));
            t->recording_id = (uint64_t) sqlite3_column_int64(st, 3);

            (void) snprintf(t->format, sizeof(t->format), "%s",
                            ngx_recording_catalogue_column(st, 1));

            ngx_recording_catalogue_about(st, 4, t->about);
        }

        (void) sqlite3_reset(st);
    }

    return ngx_recording_catalogue_finish(cat,
                  step == SQLITE_ROW || step == SQLITE_DONE ? NGX_OK
                                                            : NGX_ERROR,
                  err);
}


ngx_int_t
ngx_recording_catalogue_known_thread(ngx_recording_catalogue_t *cat,
    uint64_t id, ngx_recording_file_e *state,
    ngx_recording_catalogue_error_t *err)
{
    int            step;
    ngx_int_t      rc;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_KNOWN);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) id);

        step = sqlite3_step(st);

        if (step == SQLITE_ROW) {
            *state = ngx_recording_catalogue_state(
                                    ngx_recording_catalogue_column(st, 0));
        }

        (void) sqlite3_reset(st);

        rc = step == SQLITE_ROW ? NGX_OK
             : step == SQLITE_DONE ? NGX_DECLINED : NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_adopt_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, const char *owner,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t      rc;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_ADOPT);

    if (st) {
        ngx_recording_catalogue_stream(st, 1, file->stream);
        (void) sqlite3_bind_int64(st, 7, (sqlite3_int64) file->recording_id);
        (void) sqlite3_bind_text(st, 8, owner, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(st, 9, file->start);
    }

    rc = ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_ADOPT);

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_ADOPT_FILE);

    if (st) {
        ngx_recording_catalogue_stream(st, 1, file->stream);
        (void) sqlite3_bind_int64(st, 7, (sqlite3_int64) file->id);
        (void) sqlite3_bind_int64(st, 8, (sqlite3_int64) file->recording_id);
        (void) sqlite3_bind_text(st, 9, file->format, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(st, 10, file->start);

        if (file->path_len) {
            ngx_recording_catalogue_text(st, 11, file->path, file->path_len);
        }

        ngx_recording_catalogue_url(cat, st, 12, file);
        (void) sqlite3_bind_text(st, 13, owner, -1, SQLITE_STATIC);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_ADOPT_FILE);
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_leave_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_LEAVE);

    if (st) {
        (void) sqlite3_bind_text(st, 1, cat->store->owner, -1, SQLITE_STATIC);
    }

    return ngx_recording_catalogue_finish(cat,
                   ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_LEAVE),
                   err);
}
