
/*
 * The catalogue's side of making itself anew.
 */


#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_tree.h"


static ngx_int_t ngx_recording_catalogue_say(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, ngx_uint_t brief, char *text);
static ngx_int_t ngx_recording_catalogue_found(
    ngx_recording_catalogue_t *cat, ngx_recording_found_t *found,
    ngx_uint_t *added);
static ngx_int_t ngx_recording_catalogue_plain(
    ngx_recording_catalogue_t *cat, ngx_recording_file_t *file);


ngx_int_t
ngx_recording_catalogue_label(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_label_t *label = arg;

    if (ngx_recording_catalogue_say(cat, label->file, 0, label->text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_catalogue_say(cat, label->file, 1, label->brief);
}


static ngx_int_t
ngx_recording_catalogue_say(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, ngx_uint_t brief, char *text)
{
    int            step;
    const char    *said;
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_LABEL);

    if (st == NULL) {
        return NGX_ERROR;
    }

    (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) file->id);
    (void) sqlite3_bind_int64(st, 2, (sqlite3_int64) file->size);
    (void) sqlite3_bind_int(st, 3, brief != 0);
    (void) sqlite3_bind_int64(st, 4, file->finished);

    step = sqlite3_step(st);
    said = (const char *) sqlite3_column_text(st, 0);

    text[0] = '\0';

    if (step == SQLITE_ROW && said && strlen(said) < NGX_RECORDING_LABEL) {
        strcpy(text, said);
    }

    (void) sqlite3_reset(st);

    return step == SQLITE_ROW ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_found_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_found_t *found, ngx_uint_t n, ngx_uint_t *added,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i, rows;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_OK;
    rows = 0;

    for (i = 0; rc == NGX_OK && i < n; i++) {
        rc = ngx_recording_catalogue_found(cat, &found[i], &rows);
    }

    rc = ngx_recording_catalogue_finish(cat, rc, err);

    if (rc == NGX_OK) {
        *added += rows;
    }

    return rc;
}


static ngx_int_t
ngx_recording_catalogue_found(ngx_recording_catalogue_t *cat,
    ngx_recording_found_t *found, ngx_uint_t *added)
{
    ngx_int_t              rc;
    sqlite3_stmt          *st;
    ngx_recording_file_t  *file;

    rc = NGX_DECLINED;
    file = &found->file;

    if (found->label) {
        st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_FOUND);

        if (st) {
            (void) sqlite3_bind_text(st, 1, found->label, -1, SQLITE_STATIC);
            ngx_recording_catalogue_text(st, 2, file->path, file->path_len);
            ngx_recording_catalogue_url(cat, st, 3, file);
        }

        /* somebody else may have written the label */

        if (ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_FOUND)
            == NGX_OK
            && sqlite3_changes(cat->db))
        {
            rc = NGX_OK;
        }
    }

    if (rc != NGX_OK) {
        rc = ngx_recording_catalogue_plain(cat, file);
    }

    if (rc != NGX_OK || sqlite3_changes(cat->db) == 0) {
        return rc;
    }

    (*added)++;

    st = ngx_recording_catalogue_stmt(cat,
                                      NGX_RECORDING_SQL_FOUND_RECORDING);

    if (st) {
        ngx_recording_catalogue_text(st, 1, file->path, file->path_len);
    }

    return ngx_recording_catalogue_run(cat,
                                       NGX_RECORDING_SQL_FOUND_RECORDING);
}


ngx_int_t
ngx_recording_catalogue_mend(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_mend_t *mend = arg;

    sqlite3_stmt          *st;
    ngx_recording_file_t  *file;

    file = mend->file;

    if (mend->label) {
        st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_MEND);

        if (st) {
            (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) file->id);
            (void) sqlite3_bind_text(st, 2, mend->label, -1, SQLITE_STATIC);
            (void) sqlite3_bind_int64(st, 3, (sqlite3_int64) file->size);
            ngx_recording_catalogue_text(st, 4, file->path, file->path_len);
            ngx_recording_catalogue_url(cat, st, 5, file);
            (void) sqlite3_bind_int64(st, 6, file->finished);
        }

        /* somebody else may have written the label */

        if (ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_MEND) == NGX_OK
            && sqlite3_changes(cat->db))
        {
            return NGX_OK;
        }
    }

    return ngx_recording_catalogue_update(cat, file, again);
}


static ngx_int_t
ngx_recording_catalogue_plain(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file)
{
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_FOUND_PLAIN);

    if (st) {
        ngx_recording_catalogue_stream(st, 1, file->stream);
        (void) sqlite3_bind_int64(st, 7, (sqlite3_int64) file->id);
        (void) sqlite3_bind_text(st, 8, file->format, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(st, 9, file->end);
        (void) sqlite3_bind_int64(st, 10, (sqlite3_int64) file->size);
        ngx_recording_catalogue_text(st, 11, file->path, file->path_len);
        ngx_recording_catalogue_url(cat, st, 12, file);
    }

    return ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_FOUND_PLAIN);
}


ngx_int_t
ngx_recording_catalogue_complete_thread(ngx_recording_catalogue_t *cat,
    ngx_uint_t *complete, ngx_uint_t *damaged,
    ngx_recording_catalogue_error_t *err)
{
    int            step;
    ngx_int_t      rc;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_COMPLETE);

    if (st) {
        step = sqlite3_step(st);
        *damaged = sqlite3_column_int(st, 0)
                   == NGX_RECORDING_CATALOGUE_DAMAGED;
        *complete = sqlite3_column_int(st, 0) != 0 && !*damaged;

        (void) sqlite3_reset(st);

        rc = step == SQLITE_ROW ? NGX_OK : NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_completed_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat,
               ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_COMPLETED),
               err);
}


ngx_int_t
ngx_recording_catalogue_about_thread(ngx_recording_catalogue_t *cat,
    uint64_t id, char about[NGX_RECORDING_ABOUT],
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t      rc;
    sqlite3_stmt  *st;

    about[0] = '\0';

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_ABOUT);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) id);

        if (sqlite3_step(st) == SQLITE_ROW) {
            ngx_recording_catalogue_about(st, 0, about);
            rc = NGX_OK;
        }

        (void) sqlite3_reset(st);
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


void
ngx_recording_catalogue_about(sqlite3_stmt *st, int n,
    char about[NGX_RECORDING_ABOUT])
{
    int                      i;
    ngx_recording_file_t     file;
    ngx_recording_stream_t   stream;
    ngx_str_t               *names[] = { &stream.app, &stream.name,
                                         &stream.template };

    file.stream = &stream;

    for (i = 0; i < 3; i++) {
        names[i]->data = (u_char *) sqlite3_column_text(st, n + i);
        names[i]->len = sqlite3_column_bytes(st, n + i);
    }

    ngx_recording_file_about(&file, about);
}
