
/*
 * The catalogue's side of making itself anew.
 */


#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_tree.h"


static ngx_int_t ngx_recording_catalogue_say(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, ngx_uint_t brief, char *text);
static ngx_int_t ngx_recording_catalogue_restore(
    ngx_recording_catalogue_t *cat, ngx_recording_found_t *found,
    ngx_uint_t *added);
static ngx_int_t ngx_recording_catalogue_restore_file(
    ngx_recording_catalogue_t *cat, ngx_recording_found_t *found,
    const char *url);
static ngx_int_t ngx_recording_catalogue_mend_label(
    ngx_recording_catalogue_t *cat, ngx_recording_mend_t *mend);


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
    ngx_uint_t                 found;
    const char                *said;
    ngx_recording_sql_rows_t   rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_LABEL,
                            ngx_recording_sql_int(file->id),
                            ngx_recording_sql_int(file->size),
                            ngx_recording_sql_int(brief != 0),
                            ngx_recording_sql_int(file->finished));

    text[0] = '\0';

    found = ngx_recording_sql_next(&rows);

    if (found) {
        said = ngx_recording_sql_column_text(&rows, 0);

        if (strlen(said) < NGX_RECORDING_LABEL) {
            strcpy(text, said);
        }
    }

    return ngx_recording_sql_end(&rows) == NGX_OK && found ? NGX_OK
                                                           : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_label_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_label_t *label, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                  rc;
    ngx_recording_file_t      *file;
    ngx_recording_sql_rows_t   rows;

    file = label->file;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_LABELLED,
                            ngx_recording_sql_int(file->id));

    rc = NGX_DECLINED;

    if (ngx_recording_sql_next(&rows)) {
        ngx_recording_sql_column_copy(&rows, 0, (char *) file->path,
                                      sizeof(file->path));

        file->path_len = ngx_strlen(file->path);
        file->size = (uint64_t) ngx_recording_sql_column_int(&rows, 1);
        file->finished = ngx_recording_sql_column_int(&rows, 2);
        rc = NGX_OK;
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_label(cat, label, 0);
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_restore_thread(ngx_recording_catalogue_t *cat,
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
        rc = ngx_recording_catalogue_restore(cat, &found[i], &rows);
    }

    rc = ngx_recording_catalogue_finish(cat, rc, err);

    if (rc == NGX_OK) {
        *added += rows;
    }

    return rc;
}


static ngx_int_t
ngx_recording_catalogue_restore(ngx_recording_catalogue_t *cat,
    ngx_recording_found_t *found, ngx_uint_t *added)
{
    char                  *url;
    ngx_int_t              rc;
    ngx_recording_file_t  *file;

    file = &found->file;

    url = ngx_recording_catalogue_db_url(cat, file);

    rc = ngx_recording_catalogue_restore_file(cat, found, url ? url : "");

    free(url);

    if (rc != NGX_OK || ngx_recording_sql_changes(cat->sql) == 0) {
        return rc;
    }

    (*added)++;

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_RESTORE_RECORDING,
                          ngx_recording_sql_bytes(file->path, file->path_len));
}


static ngx_int_t
ngx_recording_catalogue_restore_file(ngx_recording_catalogue_t *cat,
    ngx_recording_found_t *found, const char *url)
{
    ngx_recording_file_t       *file;
    ngx_recording_sql_value_t   path;

    file = &found->file;
    path = ngx_recording_sql_bytes(file->path, file->path_len);

    /* somebody else may have written the label */

    if (found->label
        && ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_RESTORE,
                                 ngx_recording_sql_text(found->label),
                                 path,
                                 ngx_recording_sql_text(url))
           == NGX_OK
        && ngx_recording_sql_changes(cat->sql))
    {
        return NGX_OK;
    }

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_RESTORE_PLAIN,
                             ngx_recording_catalogue_sql_stream(file->stream),
                             ngx_recording_sql_int(file->id),
                             ngx_recording_sql_text(file->format),
                             ngx_recording_sql_int(file->end),
                             ngx_recording_sql_int(file->size),
                             path,
                             ngx_recording_sql_text(url));
}


ngx_int_t
ngx_recording_catalogue_mend(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_mend_t *mend = arg;

    /* somebody else may have written the label */

    if (mend->label
        && ngx_recording_catalogue_mend_label(cat, mend) == NGX_OK
        && ngx_recording_sql_changes(cat->sql))
    {
        return NGX_OK;
    }

    return ngx_recording_catalogue_update(cat, mend->file, again);
}


static ngx_int_t
ngx_recording_catalogue_mend_label(ngx_recording_catalogue_t *cat,
    ngx_recording_mend_t *mend)
{
    char                  *url;
    ngx_int_t              rc;
    ngx_recording_file_t  *file;

    file = mend->file;

    url = ngx_recording_catalogue_db_url(cat, file);

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_MEND,
                          ngx_recording_sql_int(file->id),
                          ngx_recording_sql_text(mend->label),
                          ngx_recording_sql_int(file->size),
                          ngx_recording_sql_bytes(file->path, file->path_len),
                          ngx_recording_sql_text(url ? url : ""),
                          ngx_recording_sql_int(file->finished));
    free(url);

    return rc;
}


ngx_uint_t
ngx_recording_catalogue_replaced(ngx_recording_catalogue_t *cat)
{
    return cat->sql && cat->sql->replaced;
}


ngx_uint_t
ngx_recording_catalogue_opened(ngx_recording_catalogue_t *cat)
{
    return cat->sql ? cat->sql->opened : 0;
}


ngx_int_t
ngx_recording_catalogue_is_rebuilt_thread(ngx_recording_catalogue_t *cat,
    ngx_uint_t *rebuilt, ngx_uint_t *damaged,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                 rc;
    ngx_uint_t                copied;
    ngx_recording_sql_mark_e  mark;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = cat->sql->engine->mark(cat->sql, &mark, &copied);

    if (rc == NGX_OK) {
        *damaged = (mark == NGX_RECORDING_SQL_MARK_REPAIRED);
        *rebuilt = (mark == NGX_RECORDING_SQL_MARK_WHOLE);

        /* one that takes its place from here on sets it again */

        cat->sql->replaced = 0;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_has_copied_thread(ngx_recording_catalogue_t *cat)
{
    ngx_uint_t                copied;
    ngx_recording_sql_mark_e  mark;

    if (cat->sql->engine->mark(cat->sql, &mark, &copied) != NGX_OK) {
        return NGX_ERROR;
    }

    return copied ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_recording_catalogue_copy_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    return cat->sql ? cat->sql->engine->copy(cat->sql, err->text,
                                             sizeof(err->text))
                    : NGX_DECLINED;
}


ngx_int_t
ngx_recording_catalogue_copied_thread(ngx_recording_catalogue_t *cat,
    ngx_uint_t *rows, time_t *made, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  again;

    rc = cat->sql->engine->restore(cat->sql, rows, made, err->text,
                                   sizeof(err->text));

    /* nobody is to wait for what is lost */

    if (rc == NGX_ABORT) {
        (void) cat->sql->engine->restore(cat->sql, rows, made, again.text,
                                         sizeof(again.text));
    }

    /* who is told is written anew: rows that came back have changed it */

    (void) pthread_mutex_lock(&cat->mutex);
    cat->current = 0;
    (void) pthread_mutex_unlock(&cat->mutex);

    return rc;
}


ngx_int_t
ngx_recording_catalogue_mark_rebuilt_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = cat->sql->replaced
         ? NGX_AGAIN
         : cat->sql->engine->set_mark(cat->sql, NGX_RECORDING_SQL_MARK_WHOLE);

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_about_thread(ngx_recording_catalogue_t *cat,
    uint64_t id, char about[NGX_RECORDING_ABOUT],
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                  rc;
    ngx_recording_sql_rows_t   rows;

    about[0] = '\0';

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_ABOUT,
                            ngx_recording_sql_int(id));

    rc = NGX_ERROR;

    if (ngx_recording_sql_next(&rows)) {
        ngx_recording_catalogue_db_about(&rows, 0, about);
        rc = NGX_OK;
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        rc = NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}
