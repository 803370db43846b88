
/*
 * What rows say: of a file, a recording, what is told of them, and the whole.
 */


#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_catalogue_search.h"


static void ngx_recording_catalogue_search_file_row(
    ngx_recording_sql_rows_t *rows,
    ngx_recording_catalogue_search_file_t *file);
static ngx_int_t ngx_recording_catalogue_search_file_rows(
    ngx_recording_sql_rows_t *rows,
    ngx_recording_catalogue_search_file_pt file, void *data);
static void ngx_recording_catalogue_search_letter_row(
    ngx_recording_sql_rows_t *rows,
    ngx_recording_catalogue_search_letter_t *letter);


ngx_int_t
ngx_recording_catalogue_search_file(ngx_recording_catalogue_t *cat,
    uint64_t id, ngx_recording_catalogue_search_file_pt file, void *data)
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_FILE_FACTS,
                            ngx_recording_sql_int(id));

    return ngx_recording_catalogue_search_file_rows(&rows, file, data);
}


ngx_int_t
ngx_recording_catalogue_search_files(ngx_recording_catalogue_t *cat,
    uint64_t recording_id, int64_t from, int64_t to, ngx_uint_t most,
    ngx_uint_t *number, ngx_recording_catalogue_search_file_pt file,
    void *data)
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_FILES_NUMBER,
                            ngx_recording_sql_int(recording_id));

    *number = ngx_recording_sql_next(&rows)
              ? (ngx_uint_t) ngx_recording_sql_column_int(&rows, 0) : 0;

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_FILES_FACTS,
                            ngx_recording_sql_int(recording_id),
                            ngx_recording_sql_int(from),
                            ngx_recording_sql_int(to),
                            ngx_recording_sql_int(most));

    return ngx_recording_catalogue_search_file_rows(&rows, file, data);
}


ngx_int_t
ngx_recording_catalogue_search_growing(ngx_recording_catalogue_t *cat,
    const ngx_str_t *stream, int64_t from, int64_t to,
    ngx_recording_catalogue_search_file_pt file, void *data)
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_FILES_GROWING,
                            ngx_recording_sql_str(stream),
                            ngx_recording_sql_int(from),
                            ngx_recording_sql_int(to));

    return ngx_recording_catalogue_search_file_rows(&rows, file, data);
}


static ngx_int_t
ngx_recording_catalogue_search_file_rows(ngx_recording_sql_rows_t *rows,
    ngx_recording_catalogue_search_file_pt file, void *data)
{
    ngx_int_t                              rc;
    ngx_recording_catalogue_search_file_t  f;

    rc = NGX_OK;

    while (rc == NGX_OK && ngx_recording_sql_next(rows)) {
        ngx_recording_catalogue_search_file_row(rows, &f);
        rc = file(data, &f);
    }

    return ngx_recording_sql_end(rows) == NGX_OK ? rc : NGX_ERROR;
}


/* the columns of NGX_RECORDING_SEARCH_FACTS, in their order */

static void
ngx_recording_catalogue_search_file_row(ngx_recording_sql_rows_t *rows,
    ngx_recording_catalogue_search_file_t *file)
{
    ngx_uint_t  n;

    n = 0;

    file->id = (uint64_t) ngx_recording_sql_column_int(rows, n++);
    file->recording_id = (uint64_t) ngx_recording_sql_column_int(rows, n++);
    ngx_recording_sql_column_str(rows, n++, &file->template);
    ngx_recording_sql_column_str(rows, n++, &file->domain);
    ngx_recording_sql_column_str(rows, n++, &file->server);
    ngx_recording_sql_column_str(rows, n++, &file->app);
    ngx_recording_sql_column_str(rows, n++, &file->stream);
    ngx_recording_sql_column_str(rows, n++, &file->param);
    file->format = ngx_recording_sql_column_text(rows, n++);
    file->state = ngx_recording_sql_column_text(rows, n++);
    file->start_us = ngx_recording_sql_column_int(rows, n++);
    file->end_us = ngx_recording_sql_column_int(rows, n++);
    file->duration_ms = ngx_recording_sql_column_int(rows, n++);
    file->size = ngx_recording_sql_column_int(rows, n++);
    file->video = ngx_recording_sql_column_text(rows, n++);
    file->audio = ngx_recording_sql_column_text(rows, n++);
    file->resolution = ngx_recording_sql_column_text(rows, n++);
    file->gaps = ngx_recording_sql_column_text(rows, n++);
    file->frames_in = ngx_recording_sql_column_int(rows, n++);
    file->frames_written = ngx_recording_sql_column_int(rows, n++);
    file->frames_dropped = ngx_recording_sql_column_int(rows, n++);
    file->drops = ngx_recording_sql_column_text(rows, n++);
    ngx_recording_sql_column_str(rows, n++, &file->path);
    file->objects = ngx_recording_sql_column_text(rows, n++);
    ngx_recording_sql_column_str(rows, n++, &file->url);
    file->expire_us = ngx_recording_sql_column_int(rows, n++);
    file->recovered = (ngx_recording_sql_column_int(rows, n++) != 0);
    file->owner = ngx_recording_sql_column_text(rows, n++);
    file->resume_us = ngx_recording_sql_column_int(rows, n++);
    file->local = (ngx_recording_sql_column_int(rows, n++) != 0);
    file->finished_us = ngx_recording_sql_column_int(rows, n++);
    file->gone_us = ngx_recording_sql_column_int(rows, n++);
    file->task = ngx_recording_sql_column_text(rows, n++);
    file->media = (ngx_recording_sql_column_int(rows, n++) != 0);
    ngx_recording_sql_column_str(rows, n++, &file->delivers);
}


ngx_int_t
ngx_recording_catalogue_search_recording(ngx_recording_catalogue_t *cat,
    uint64_t id, ngx_recording_catalogue_search_recording_pt recording,
    void *data)
{
    ngx_int_t                                   rc;
    ngx_recording_sql_rows_t                    rows;
    ngx_recording_catalogue_search_recording_t  r;

    rc = NGX_OK;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_RECORDING_FACTS,
                            ngx_recording_sql_int(id));

    if (ngx_recording_sql_next(&rows)) {
        r.id = (uint64_t) ngx_recording_sql_column_int(&rows, 0);
        r.state = ngx_recording_sql_column_text(&rows, 1);
        ngx_recording_sql_column_str(&rows, 2, &r.template);
        ngx_recording_sql_column_str(&rows, 3, &r.domain);
        ngx_recording_sql_column_str(&rows, 4, &r.server);
        ngx_recording_sql_column_str(&rows, 5, &r.app);
        ngx_recording_sql_column_str(&rows, 6, &r.stream);
        ngx_recording_sql_column_str(&rows, 7, &r.param);
        r.owner = ngx_recording_sql_column_text(&rows, 8);
        r.start_us = ngx_recording_sql_column_int(&rows, 9);
        r.end_us = ngx_recording_sql_column_int(&rows, 10);
        r.task = ngx_recording_sql_column_text(&rows, 11);

        rc = recording(data, &r);
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? rc : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_search_letters(ngx_recording_catalogue_t *cat,
    uint64_t file_id, ngx_uint_t most,
    ngx_recording_catalogue_search_letter_pt letter, void *data)
{
    ngx_int_t                                rc;
    ngx_recording_sql_rows_t                 rows;
    ngx_recording_catalogue_search_letter_t  l;

    rc = NGX_OK;

    if (file_id) {
        ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_OUTBOX_FILE,
                                ngx_recording_sql_int(file_id),
                                ngx_recording_sql_int(most));
    } else {
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_OUTBOX_LETTERS,
                                ngx_recording_sql_int(most));
    }

    while (rc == NGX_OK && ngx_recording_sql_next(&rows)) {
        ngx_recording_catalogue_search_letter_row(&rows, &l);
        rc = letter(data, &l);
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? rc : NGX_ERROR;
}


/* the columns of NGX_RECORDING_SEARCH_LETTER, in their order */

static void
ngx_recording_catalogue_search_letter_row(ngx_recording_sql_rows_t *rows,
    ngx_recording_catalogue_search_letter_t *letter)
{
    letter->id = (uint64_t) ngx_recording_sql_column_int(rows, 0);
    letter->event_id = ngx_recording_sql_column_text(rows, 1);
    letter->recording_id = (uint64_t) ngx_recording_sql_column_int(rows, 2);
    letter->file_id = (uint64_t) ngx_recording_sql_column_int(rows, 3);
    letter->kind = ngx_recording_sql_column_text(rows, 4);
    letter->event = ngx_recording_sql_column_text(rows, 5);
    ngx_recording_sql_column_str(rows, 6, &letter->template);
    ngx_recording_sql_column_str(rows, 7, &letter->target);
    letter->state = ngx_recording_sql_column_text(rows, 8);
    letter->attempts = ngx_recording_sql_column_int(rows, 9);
    letter->event_us = ngx_recording_sql_column_int(rows, 10);
    letter->next_us = ngx_recording_sql_column_int(rows, 11);
    letter->done_us = ngx_recording_sql_column_int(rows, 12);
    ngx_recording_sql_column_str(rows, 13, &letter->error);
    ngx_recording_sql_column_str(rows, 14, &letter->key);
}


ngx_int_t
ngx_recording_catalogue_search_engine(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_search_engine_t *engine)
{
    ngx_recording_sql_rows_t  rows;

    ngx_memzero(engine, sizeof(ngx_recording_catalogue_search_engine_t));

    ngx_recording_sql_query_values(cat->sql, &rows, NGX_RECORDING_SQL_ENGINE,
                                   NULL, 0);

    if (ngx_recording_sql_next(&rows)) {
        (void) snprintf(engine->engine, sizeof(engine->engine), "%s",
                        ngx_recording_sql_column_text(&rows, 0));

        engine->version = ngx_recording_sql_column_int(&rows, 1);
        engine->size = ngx_recording_sql_column_int(&rows, 2);
    }

    return ngx_recording_sql_end(&rows);
}


ngx_int_t
ngx_recording_catalogue_search_bytes(ngx_recording_catalogue_t *cat,
    int64_t *bytes)
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query_values(cat->sql, &rows, NGX_RECORDING_SQL_TOTAL,
                                   NULL, 0);

    *bytes = ngx_recording_sql_next(&rows)
             ? ngx_recording_sql_column_int(&rows, 0) : 0;

    return ngx_recording_sql_end(&rows);
}


ngx_int_t
ngx_recording_catalogue_search_counts(ngx_recording_catalogue_t *cat,
    ngx_int_t (*count)(void *data, const char *state, const char *format,
                       int64_t files, int64_t bytes),
    void *data)
{
    char                      state[16];
    ngx_int_t                 rc;
    ngx_recording_sql_rows_t  rows;

    rc = NGX_OK;

    ngx_recording_sql_query_values(cat->sql, &rows, NGX_RECORDING_SQL_COUNTS,
                                   NULL, 0);

    while (rc == NGX_OK && ngx_recording_sql_next(&rows)) {
        (void) snprintf(state, sizeof(state), "%s",
                        ngx_recording_sql_column_text(&rows, 0));

        rc = count(data, state, ngx_recording_sql_column_text(&rows, 1),
                   ngx_recording_sql_column_int(&rows, 2),
                   ngx_recording_sql_column_int(&rows, 3));
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? rc : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_search_workers(ngx_recording_catalogue_t *cat,
    ngx_int_t (*worker)(void *data,
                        const ngx_recording_catalogue_search_worker_t *worker),
    void *data)
{
    char                                     owner[NGX_RECORDING_OWNER];
    int64_t                                  files;
    ngx_int_t                                rc;
    ngx_recording_sql_rows_t                 rows;
    ngx_recording_catalogue_search_worker_t  w;

    owner[0] = '\0';
    w.owner = owner;

    for ( ;; ) {
        ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_WORKERS,
                                ngx_recording_sql_text(owner));

        owner[0] = '\0';

        if (ngx_recording_sql_next(&rows)) {
            (void) snprintf(owner, sizeof(owner), "%s",
                            ngx_recording_sql_column_text(&rows, 0));
        }

        rc = ngx_recording_sql_end(&rows);

        if (rc != NGX_OK || owner[0] == '\0') {
            return rc;
        }

        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_WORKER_FILES,
                                ngx_recording_sql_text(owner));

        if (ngx_recording_sql_next(&rows)) {
            files = ngx_recording_sql_column_int(&rows, 0);
            w.recording = ngx_recording_sql_column_int(&rows, 1);
            w.paused = ngx_recording_sql_column_int(&rows, 2);
            w.finishing = files - w.recording - w.paused;
            w.lives = ngx_recording_store_lives_thread(cat->store, owner)
                      != NGX_DECLINED;

            rc = worker(data, &w);
        }

        if (ngx_recording_sql_end(&rows) != NGX_OK || rc != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


ngx_int_t
ngx_recording_catalogue_search_targets(ngx_recording_catalogue_t *cat,
    ngx_int_t (*target)(void *data,
                        const ngx_recording_catalogue_search_target_t *target),
    void *data)
{
    ngx_int_t                                rc;
    ngx_recording_sql_rows_t                 rows;
    ngx_recording_catalogue_search_target_t  t;

    rc = NGX_OK;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_OUTBOX_TARGETS,
                            ngx_recording_sql_int(NGX_RECORDING_SEARCH_MOST));

    while (rc == NGX_OK && ngx_recording_sql_next(&rows)) {
        ngx_recording_sql_column_str(&rows, 0, &t.template);
        ngx_recording_sql_column_str(&rows, 1, &t.target);
        t.kinds = (ngx_uint_t) ngx_recording_sql_column_int(&rows, 2);
        t.waiting = ngx_recording_sql_column_int(&rows, 3);
        t.dead = ngx_recording_sql_column_int(&rows, 4);
        t.oldest = ngx_recording_sql_column_int(&rows, 5);

        rc = target(data, &t);
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? rc : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_search_tallies(ngx_recording_catalogue_t *cat,
    ngx_uint_t most,
    ngx_int_t (*tally)(void *data,
                       const ngx_recording_catalogue_search_tally_t *tally),
    void *data)
{
    ngx_int_t                               rc;
    ngx_recording_sql_rows_t                rows;
    ngx_recording_catalogue_search_tally_t  t;

    rc = NGX_OK;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_TALLIES,
                            ngx_recording_sql_int(most));

    while (rc == NGX_OK && ngx_recording_sql_next(&rows)) {
        t.hour_us = ngx_recording_sql_column_int(&rows, 0);
        ngx_recording_sql_column_str(&rows, 1, &t.domain);
        ngx_recording_sql_column_str(&rows, 2, &t.app);
        ngx_recording_sql_column_str(&rows, 3, &t.stream);
        t.exception = ngx_recording_sql_column_text(&rows, 4);
        t.number = ngx_recording_sql_column_int(&rows, 5);

        rc = tally(data, &t);
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? rc : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_search_playlists(ngx_recording_catalogue_t *cat,
    const ngx_recording_catalogue_search_time_t *time, ngx_uint_t most,
    ngx_int_t (*playlist)(void *data,
                   const ngx_recording_catalogue_search_playlist_t *playlist),
    void *data)
{
    ngx_int_t                                  rc;
    ngx_recording_sql_rows_t                   rows;
    ngx_recording_sql_value_t                  template;
    ngx_recording_catalogue_search_playlist_t  p;

    template = time->template.data ? ngx_recording_sql_str(&time->template)
                                   : ngx_recording_sql_null();

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_PLAYLISTS,
                            ngx_recording_sql_str(&time->app),
                            ngx_recording_sql_str(&time->stream), template,
                            ngx_recording_sql_int(time->from),
                            ngx_recording_sql_int(time->to),
                            ngx_recording_sql_int(most));

    for (rc = NGX_OK; rc == NGX_OK && ngx_recording_sql_next(&rows); /* void */)
    {
        p.path = ngx_recording_sql_column_text(&rows, 0);
        p.state = ngx_recording_catalogue_db_state(
                                      ngx_recording_sql_column_text(&rows, 1));
        p.local = (ngx_recording_sql_column_int(&rows, 2) != 0);
        p.start_us = ngx_recording_sql_column_int(&rows, 3);
        p.end_us = ngx_recording_sql_column_int(&rows, 4);
        p.recording_id = (uint64_t) ngx_recording_sql_column_int(&rows, 5);
        p.finished_us = ngx_recording_sql_column_int(&rows, 6);

        rc = playlist(data, &p);
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? rc : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_search_revive(ngx_recording_catalogue_t *cat,
    void *revive, ngx_uint_t again)
{
    ngx_recording_catalogue_search_revive_t *r = revive;

    ngx_uint_t  i;

    r->revived = 0;

    for (i = 0; i < r->n; i++) {

        if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_OUTBOX_REVIVE,
                                  ngx_recording_sql_int(r->ids[i]))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        r->revived += ngx_recording_sql_changes(cat->sql);
    }

    return NGX_OK;
}
