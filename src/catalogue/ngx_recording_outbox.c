
#include "ngx_recording_catalogue_sql.h"
#include "ngx_recording_kind.h"
#include "ngx_recording_outbox.h"


#define NGX_RECORDING_OUTBOX_ROWS   500          /* at a time */
#define NGX_RECORDING_OUTBOX_NAME   4096         /* bytes of a target's */


static ngx_int_t ngx_recording_outbox_failed(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_result_t *result, ngx_uint_t *dead);
static ngx_int_t ngx_recording_outbox_returned(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_result_t *result);
static ngx_int_t ngx_recording_outbox_done(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_result_t *result, ngx_uint_t *told);
static ngx_int_t ngx_recording_outbox_object(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_object_t *object);
static ngx_int_t ngx_recording_outbox_late(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err);
static const ngx_recording_target_t *ngx_recording_outbox_target(
    ngx_recording_catalogue_t *cat, ngx_uint_t i);
static ngx_int_t ngx_recording_outbox_local(ngx_recording_catalogue_t *cat,
    int64_t now);
static ngx_int_t ngx_recording_outbox_dead_owner(
    ngx_recording_catalogue_t *cat, char owner[NGX_RECORDING_OWNER],
    ngx_uint_t *found);
static ngx_int_t ngx_recording_outbox_silence(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target);
static ngx_int_t ngx_recording_outbox_free(ngx_recording_catalogue_t *cat,
    const char *owner, ngx_uint_t *freed,
    ngx_recording_catalogue_error_t *err);


int64_t
ngx_recording_outbox_again(const ngx_recording_outbox_row_t *row, int64_t now)
{
    /* a clock that was set back makes it longer, never shorter */

    if (now - row->first_us > NGX_RECORDING_OUTBOX_LIFE) {
        return 0;
    }

    return now + (row->attempts <= NGX_RECORDING_OUTBOX_TIMES
                  ? NGX_RECORDING_OUTBOX_SHORT : NGX_RECORDING_OUTBOX_LONG);
}


ngx_int_t
ngx_recording_outbox_result(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_result_t *result, ngx_uint_t *told,
    ngx_uint_t *dead)
{
    *told = 0;
    *dead = 0;

    switch (result->result) {

    case NGX_RECORDING_OUTBOX_DONE:
        return ngx_recording_outbox_done(cat, row, result, told);

    case NGX_RECORDING_OUTBOX_RETURNED:
        return ngx_recording_outbox_returned(cat, row, result);

    default:
        return ngx_recording_outbox_failed(cat, row, result, dead);
    }
}


static ngx_int_t
ngx_recording_outbox_failed(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_result_t *result, ngx_uint_t *dead)
{
    int64_t                    now, next;
    ngx_recording_sql_value_t  progress;

    now = ngx_recording_store_now(cat->store);

    next = result->result == NGX_RECORDING_OUTBOX_DEAD ? 0
           : result->pause ? now + ngx_min(result->pause,
                                           NGX_RECORDING_OUTBOX_LONG)
           : ngx_recording_outbox_again(row, now);

    if (next == 0 && row->early
        && result->result == NGX_RECORDING_OUTBOX_FAILED)
    {
        next = now + NGX_RECORDING_OUTBOX_LONG;    /* its file may grow on */
    }

    *dead = (next == 0);

    progress = result->progress ? ngx_recording_sql_text(result->progress)
                                : ngx_recording_sql_null();

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_FAILED,
                         ngx_recording_sql_int(row->id),
                         ngx_recording_sql_text(row->owner),
                         ngx_recording_sql_text(row->event_id),
                         ngx_recording_sql_text(next ? "waiting" : "dead"),
                         ngx_recording_sql_int(next),
                         ngx_recording_sql_text(result->error
                                                ? result->error : ""),
                         progress);
}


static ngx_int_t
ngx_recording_outbox_returned(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_result_t *result)
{
    int64_t                    pause;
    ngx_recording_sql_value_t  next, error, progress;

    pause = ngx_min(result->pause, NGX_RECORDING_OUTBOX_LONG);

    next = pause
           ? ngx_recording_sql_int(ngx_recording_store_now(cat->store) + pause)
           : ngx_recording_sql_null();

    error = result->error && result->error[0]
            ? ngx_recording_sql_text(result->error)
            : ngx_recording_sql_null();

    progress = result->progress ? ngx_recording_sql_text(result->progress)
                                : ngx_recording_sql_null();

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_RETURN,
                                 ngx_recording_sql_int(row->id),
                                 ngx_recording_sql_text(row->owner),
                                 ngx_recording_sql_text(row->event_id),
                                 next, error, progress);
}


static ngx_int_t
ngx_recording_outbox_done(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_result_t *result, ngx_uint_t *told)
{
    ngx_int_t  rc;

    rc = result->object ? ngx_recording_outbox_object(cat, row,
                                                      result->object)
                        : NGX_OK;

    if (strcmp(row->kind, "remove") == 0) {
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_REMOVED,
                                   ngx_recording_sql_int(row->id),
                                   ngx_recording_sql_text(row->owner),
                                   ngx_recording_sql_text(row->event_id));
    }

    if (rc == NGX_OK) {

        /* and what follows from that, by a trigger */

        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_DONE,
                                   ngx_recording_sql_int(row->id),
                                   ngx_recording_sql_text(row->owner),
                                   ngx_recording_sql_text(row->event_id),
                                   ngx_recording_sql_int(
                                          ngx_recording_store_now(cat->store)));
    }

    if (rc != NGX_OK || strcmp(row->kind, "file") != 0) {
        return rc;
    }

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_TOLD,
                               ngx_recording_sql_int(row->file_id));

    *told = rc == NGX_OK && ngx_recording_sql_changes(cat->sql);

    return rc;
}


/* those who want to be are told of it */

static ngx_int_t
ngx_recording_outbox_object(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_object_t *object)
{
    ngx_int_t                  rc;
    ngx_recording_sql_value_t  bucket, key, url;

    bucket = ngx_recording_sql_text(object->bucket);
    key = ngx_recording_sql_text(row->key ? row->key : "");
    url = ngx_recording_sql_text(object->url ? object->url : "");

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_OBJECT,
                               ngx_recording_sql_int(row->id),
                               ngx_recording_sql_text(row->owner),
                               ngx_recording_sql_text(row->event_id),
                               bucket, key, url,
                               ngx_recording_sql_text(object->etag
                                                      ? object->etag : ""),
                               ngx_recording_sql_int(object->size),
                               ngx_recording_sql_int(object->rank));

    /* the row is another one's by now, or the file's is gone */

    if (rc != NGX_OK || ngx_recording_sql_changes(cat->sql) == 0) {
        return rc;
    }

    return ngx_recording_sql_run(cat->sql,
                                 NGX_RECORDING_SQL_OUTBOX_DELIVERED,
                                 ngx_recording_sql_int(row->file_id), bucket,
                                 key, url);
}


ngx_int_t
ngx_recording_outbox_progress(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row, const char *progress)
{
    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_PROGRESS,
                                 ngx_recording_sql_int(row->id),
                                 ngx_recording_sql_text(row->owner),
                                 ngx_recording_sql_text(row->event_id),
                                 ngx_recording_sql_text(progress));
}


ngx_int_t
ngx_recording_outbox_backup(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target,
    const ngx_recording_target_t *backup, ngx_uint_t *n)
{
    ngx_int_t  rc;

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_BACKUP,
                             ngx_recording_sql_str(&target->template),
                             ngx_recording_sql_str(&target->name),
                             ngx_recording_sql_str(&backup->name),
                             ngx_recording_sql_int(backup->holds),
                             ngx_recording_sql_str(&backup->prefix),
                             ngx_recording_sql_int(NGX_RECORDING_OUTBOX_ROWS));

    *n = rc == NGX_OK ? ngx_recording_sql_changes(cat->sql) : 0;

    return rc;
}


ngx_int_t
ngx_recording_outbox_release(ngx_recording_catalogue_t *cat)
{
    int64_t  now;

    /* triggers know the wall clock only */

    now = ngx_recording_wall();

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_RELEASE,
                           ngx_recording_sql_int(now),
                           ngx_recording_sql_int(now
                                                 + NGX_RECORDING_OUTBOX_WAIT),
                           ngx_recording_sql_int(NGX_RECORDING_OUTBOX_ROWS));
}


ngx_int_t
ngx_recording_outbox_unreached(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target, const char *error,
    ngx_uint_t *dead)
{
    int64_t                    now;
    ngx_int_t                  rc;
    ngx_recording_sql_value_t  template, name;

    now = ngx_recording_store_now(cat->store);
    template = ngx_recording_sql_str(&target->template);
    name = ngx_recording_sql_str(&target->name);

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_UNREACHED,
                             template, name, ngx_recording_sql_int(now),
                             ngx_recording_sql_int(NGX_RECORDING_OUTBOX_ROWS));

    if (rc == NGX_OK) {
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_GIVE_UP,
                       template, name,
                       ngx_recording_sql_int(now - NGX_RECORDING_OUTBOX_LIFE),
                       ngx_recording_sql_text(error),
                       ngx_recording_sql_int(NGX_RECORDING_OUTBOX_ROWS));
    }

    *dead = rc == NGX_OK ? ngx_recording_sql_changes(cat->sql) : 0;

    return rc;
}


ngx_int_t
ngx_recording_outbox_exception(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_exception_t *e)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_recording_sql_value_t         id, text;
    const ngx_recording_exception_t  *what;

    what = &ngx_recording_exceptions[e->exception];

    id = ngx_recording_sql_int(e->recording_id);
    text = ngx_recording_sql_text(e->text);

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_EXCEPTION,
                               id, ngx_recording_sql_text(what->name),
                               ngx_recording_sql_text(""), text,
                               ngx_recording_sql_int(
                                      ngx_recording_exception_level(what)));

    for (i = 0; rc == NGX_OK && i < e->nformats; i++) {
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_ERROR,
                                   id, ngx_recording_sql_text(e->formats[i]),
                                   text);
    }

    return rc;
}


ngx_int_t
ngx_recording_outbox_sweep_thread(ngx_recording_catalogue_t *cat,
    ngx_uint_t *freed, ngx_recording_catalogue_error_t *err)
{
    char        owner[NGX_RECORDING_OWNER];
    ngx_int_t   rc;
    ngx_uint_t  found;

    owner[0] = '\0';
    *freed = 0;

    for ( ;; ) {

        if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = ngx_recording_outbox_dead_owner(cat, owner, &found);

        if (ngx_recording_catalogue_finish(cat, rc, err) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!found) {
            return ngx_recording_outbox_late(cat, err);
        }

        if (ngx_recording_outbox_free(cat, owner, freed, err) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


/* the next one that is dead, behind this one */

static ngx_int_t
ngx_recording_outbox_dead_owner(ngx_recording_catalogue_t *cat,
    char owner[NGX_RECORDING_OWNER], ngx_uint_t *found)
{
    ngx_int_t                  rc;
    ngx_recording_sql_rows_t   rows;

    for ( ;; ) {
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_OUTBOX_OWNER,
                                ngx_recording_sql_text(owner));

        *found = ngx_recording_sql_next(&rows);

        if (*found) {
            ngx_recording_sql_column_copy(&rows, 0, owner,
                                          NGX_RECORDING_OWNER);
        }

        rc = ngx_recording_sql_end(&rows);

        if (rc != NGX_OK || !*found) {
            return rc;
        }

        rc = ngx_recording_store_lives_thread(cat->store, owner);

        if (rc == NGX_DECLINED) {
            return NGX_OK;
        }

        /* whoever nobody can tell about is left alone */
    }
}


static ngx_int_t
ngx_recording_outbox_free(ngx_recording_catalogue_t *cat, const char *owner,
    ngx_uint_t *freed, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_FREE,
                               ngx_recording_sql_text(owner));
    if (rc == NGX_OK) {
        *freed += ngx_recording_sql_changes(cat->sql);
    }

    rc = ngx_recording_catalogue_finish(cat, rc, err);

    if (rc == NGX_OK) {
        ngx_recording_store_bury_thread(cat->store, owner);
    }

    return rc;
}


/* nothing is written if there are none */

static ngx_int_t
ngx_recording_outbox_late(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    int64_t                    now;
    ngx_uint_t                 found;
    ngx_recording_sql_rows_t   rows;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    now = ngx_recording_wall();

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_OUTBOX_LATE,
                            ngx_recording_sql_int(now),
                            ngx_recording_sql_int(now
                                                + NGX_RECORDING_OUTBOX_WAIT),
                            ngx_recording_sql_int(1));

    found = ngx_recording_sql_next(&rows);

    if (ngx_recording_catalogue_finish(cat, ngx_recording_sql_end(&rows), err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!found) {
        return NGX_OK;
    }

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_catalogue_finish(cat,
                                          ngx_recording_outbox_release(cat),
                                          err);
}


ngx_int_t
ngx_recording_outbox_silence_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < cat->ntargets + cat->ncalled; i++) {
        rc = ngx_recording_outbox_silence(cat,
                                       ngx_recording_outbox_target(cat, i));
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


/* of the configuration, and then of calls */

static const ngx_recording_target_t *
ngx_recording_outbox_target(ngx_recording_catalogue_t *cat, ngx_uint_t i)
{
    return i < cat->ntargets ? &cat->targets[i]
                             : cat->called[i - cat->ntargets];
}


static ngx_int_t
ngx_recording_outbox_silence(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target)
{
    int64_t                    now, latest;
    ngx_int_t                  rc;
    ngx_recording_sql_rows_t   rows;

    now = ngx_recording_store_now(cat->store);

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_OUTBOX_LATEST,
                            ngx_recording_sql_str(&target->template),
                            ngx_recording_sql_str(&target->name));

    latest = ngx_recording_sql_next(&rows)
             ? ngx_recording_sql_column_int(&rows, 0) : 0;

    rc = ngx_recording_sql_end(&rows);

    if (rc != NGX_OK || latest == 0
        || now - latest <= NGX_RECORDING_OUTBOX_LONG)
    {
        return rc;
    }

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_SILENT,
                                 ngx_recording_sql_str(&target->template),
                                 ngx_recording_sql_str(&target->name),
                                 ngx_recording_sql_int(now),
                                 ngx_recording_sql_int(now - latest));
}


ngx_int_t
ngx_recording_outbox_clean_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    int64_t                        now;
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    const ngx_recording_target_t  *t;

    now = ngx_recording_store_now(cat->store);

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_OLD,
                       ngx_recording_sql_int(now - NGX_RECORDING_OUTBOX_KEPT),
                       ngx_recording_sql_int(NGX_RECORDING_OUTBOX_ROWS));

    for (i = 0; rc == NGX_OK && i < cat->ntargets + cat->ncalled; i++) {
        t = ngx_recording_outbox_target(cat, i);

        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_FAR,
                       ngx_recording_sql_str(&t->template),
                       ngx_recording_sql_str(&t->name),
                       ngx_recording_sql_int(now + NGX_RECORDING_OUTBOX_SHORT),
                       ngx_recording_sql_int(NGX_RECORDING_OUTBOX_TIMES),
                       ngx_recording_sql_int(now + NGX_RECORDING_OUTBOX_LONG));

        if (rc == NGX_OK && t->early) {
            rc = ngx_recording_sql_run(cat->sql,
                       NGX_RECORDING_SQL_OUTBOX_EARLY_FAR,
                       ngx_recording_sql_str(&t->template),
                       ngx_recording_sql_str(&t->name),
                       ngx_recording_sql_int(now + NGX_RECORDING_OUTBOX_LONG));
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_outbox_local(cat, ngx_recording_wall());
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


/* local copies that stay for longer than any of the configuration, by the wall
   clock, of which the triggers are */

static ngx_int_t
ngx_recording_outbox_local(ngx_recording_catalogue_t *cat, int64_t now)
{
    int64_t                        longest;
    ngx_uint_t                     i;
    const ngx_recording_target_t  *t;

    longest = -1;

    for (i = 0; i < cat->ntargets; i++) {
        t = &cat->targets[i];

        if (t->kinds & NGX_RECORDING_KIND_UPLOAD) {
            longest = ngx_max(longest, t->local_us);
        }
    }

    if (longest < 0) {
        return NGX_OK;
    }

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_LOCAL_FAR,
                                 ngx_recording_sql_int(now),
                                 ngx_recording_sql_int(longest));
}


ngx_int_t
ngx_recording_outbox_left_thread(ngx_recording_catalogue_t *cat,
    void (*left)(void *data, const char *template, const char *target,
                 ngx_uint_t n),
    void *data, ngx_recording_catalogue_error_t *err)
{
    char                       template[NGX_RECORDING_OUTBOX_NAME];
    char                       target[NGX_RECORDING_OUTBOX_NAME];
    ngx_uint_t                 found, n;
    ngx_recording_sql_rows_t   rows;

    /* those of the configuration are there with the first change */

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    template[0] = '\0';
    target[0] = '\0';

    do {
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_OUTBOX_LEFT,
                                ngx_recording_sql_text(template),
                                ngx_recording_sql_text(target));

        found = ngx_recording_sql_next(&rows);

        if (found) {
            ngx_recording_sql_column_copy(&rows, 0, template,
                                          sizeof(template));
            ngx_recording_sql_column_copy(&rows, 1, target, sizeof(target));

            n = (ngx_uint_t) ngx_recording_sql_column_int(&rows, 2);

            if (n) {
                left(data, template, target, n);
            }
        }

    } while (ngx_recording_sql_end(&rows) == NGX_OK && found);

    return ngx_recording_catalogue_finish(cat, found ? NGX_ERROR : NGX_OK,
                                          err);
}
