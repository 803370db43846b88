
#include "ngx_recording_catalogue_ask.h"
#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_codec.h"


#define NGX_RECORDING_CATALOGUE_BEHIND   1000000    /* us */
#define NGX_RECORDING_CATALOGUE_TRIES    100        /* of paths at a time */
#define NGX_RECORDING_CATALOGUE_GAP      64         /* bytes, in JSON */


static ngx_int_t ngx_recording_catalogue_free(ngx_recording_catalogue_t *cat,
    ngx_recording_stream_t *stream, int64_t start);
static ngx_int_t ngx_recording_catalogue_resume(
    ngx_recording_catalogue_t *cat, ngx_recording_start_t *start);
static ngx_int_t ngx_recording_catalogue_candidate(
    ngx_recording_catalogue_t *cat, ngx_recording_start_t *start, uint64_t id,
    const char *owner, const char *wanted);
static ngx_int_t ngx_recording_catalogue_repair(
    ngx_recording_catalogue_t *cat, ngx_recording_start_t *start,
    uint64_t recording_id);
static ngx_int_t ngx_recording_catalogue_take(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t recording_id, const char *owner);
static ngx_int_t ngx_recording_catalogue_waiting(
    ngx_recording_catalogue_t *cat, ngx_recording_start_t *start,
    uint64_t recording_id);
static ngx_int_t ngx_recording_catalogue_take_files(
    ngx_recording_catalogue_t *cat, ngx_recording_start_t *start);
static ngx_int_t ngx_recording_catalogue_new(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start);
static ngx_int_t ngx_recording_catalogue_claim(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_file_t *file, ngx_uint_t again);
static ngx_int_t ngx_recording_catalogue_try(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_file_t *file, ngx_uint_t claimed,
    const char *url);
static ngx_int_t ngx_recording_catalogue_write(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, const char *gaps);
static uint64_t ngx_recording_catalogue_drops(ngx_recording_file_t *file,
    char *buf, size_t size);
static char *ngx_recording_catalogue_gaps(ngx_recording_file_t *file);


ngx_int_t
ngx_recording_catalogue_start(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_start_t *start = arg;

    ngx_int_t  rc;

    if (again) {
        start->asked = start->before;
    }

    start->before = start->asked;

    start->recording_id = ngx_recording_catalogue_id_thread(cat);
    start->id = start->id ? start->id : start->recording_id;
    start->resumed = 0;
    start->unknown = 0;
    start->repair = 0;
    start->n = 0;

    rc = start->exclusive
         ? ngx_recording_catalogue_free(cat, start->stream,
                             ngx_recording_store_latest(cat->store,
                                                        start->wall))
         : NGX_OK;

    if (rc == NGX_OK && start->resume) {
        rc = ngx_recording_catalogue_resume(cat, start);
    }

    if (rc == NGX_OK && !start->resumed) {
        rc = ngx_recording_catalogue_new(cat, start);
    }

    return rc;
}


/*
 * No other living worker records this stream by this template, or has
 * recorded what is still to be written here: the end of a source comes to
 * all its relays at a time, but a worker may be behind.
 */

static ngx_int_t
ngx_recording_catalogue_free(ngx_recording_catalogue_t *cat,
    ngx_recording_stream_t *stream, int64_t start)
{
    ngx_int_t                  found, lives;
    const char                *owner;
    ngx_recording_sql_rows_t   rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_OWNERS,
              ngx_recording_sql_str(&stream->app),
              ngx_recording_sql_str(&stream->name),
              ngx_recording_sql_str(&stream->template),
              ngx_recording_sql_int(start - NGX_RECORDING_CATALOGUE_BEHIND),
              ngx_recording_sql_str(&stream->server),
              ngx_recording_sql_str(&stream->task));

    found = NGX_OK;

    while (found != NGX_ERROR && ngx_recording_sql_next(&rows)) {
        owner = ngx_recording_sql_column_text(&rows, 0);

        /* what this worker still writes is the publish before */

        if (*owner == '\0' || strcmp(owner, cat->store->owner) == 0) {
            continue;
        }

        lives = !ngx_recording_sql_column_null(&rows, 1)
                ? NGX_OK : ngx_recording_catalogue_db_lives(cat, owner);

        if (lives == NGX_OK) {
            found = NGX_DECLINED;

        } else if (lives == NGX_ERROR) {
            found = NGX_ERROR;
        }
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? found : NGX_ERROR;
}


/*
 * A recording that waits for this stream is taken.  One whose stream was not
 * seen to end, as its connection is dead but stands, or whose end is not
 * written yet, is asked for.
 */

static ngx_int_t
ngx_recording_catalogue_resume(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start)
{
    uint64_t                   id;
    ngx_int_t                  rc;
    const char                *owner, *wanted;
    ngx_recording_store_t     *store;
    ngx_recording_sql_rows_t   rows;

    store = cat->store;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_CANDIDATES,
              ngx_recording_sql_str(&start->stream->app),
              ngx_recording_sql_str(&start->stream->name),
              ngx_recording_sql_str(&start->stream->template),
              ngx_recording_sql_int(ngx_recording_store_latest(store,
                                        start->wall)),
              ngx_recording_sql_str(&start->stream->server),
              ngx_recording_sql_int(ngx_recording_store_latest(store,
                                        ngx_recording_store_now(store))),
              ngx_recording_sql_str(&start->stream->task));

    rc = NGX_OK;

    while (rc == NGX_OK && !start->resumed && ngx_recording_sql_next(&rows)) {
        id = (uint64_t) ngx_recording_sql_column_int(&rows, 0);
        owner = ngx_recording_sql_column_text(&rows, 1);
        wanted = ngx_recording_sql_column_text(&rows, 2);

        /* without memory for them these are empty, as if it were nobody's */

        rc = rows.rc == NGX_OK
             ? ngx_recording_catalogue_candidate(cat, start, id, owner,
                                                 wanted)
             : NGX_ERROR;
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? rc : NGX_ERROR;
}


/* NGX_OK: it is taken, or another one may be */

static ngx_int_t
ngx_recording_catalogue_candidate(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t id, const char *owner,
    const char *wanted)
{
    ngx_int_t                      lives, rc;
    ngx_recording_catalogue_ask_e  asker;

    lives = ngx_recording_catalogue_db_lives(cat, owner);
    asker = start->hurry
            ? NGX_RECORDING_CATALOGUE_ASK_NOBODY
            : ngx_recording_catalogue_ask_who(cat, start, wanted);

    if (lives == NGX_ERROR || asker == NGX_RECORDING_CATALOGUE_ASK_UNKNOWN) {

        /* that cannot be waited for without end: it is left alone then */

        if (start->hurry) {
            cat->reason[0] = '\0';
            return NGX_OK;
        }

        start->unknown = 1;

        return NGX_ERROR;
    }

    if (lives == NGX_OK) {
        return start->hurry
               ? NGX_OK : ngx_recording_catalogue_ask(cat, start, id, asker);
    }

    /* first come, first served */

    if (asker == NGX_RECORDING_CATALOGUE_ASK_OTHER) {
        return NGX_AGAIN;
    }

    /* what a dead worker has left is repaired first, by the one who waits */

    rc = start->hurry ? NGX_OK
                      : ngx_recording_catalogue_repair(cat, start, id);

    return rc == NGX_OK
           ? ngx_recording_catalogue_take(cat, start, id, owner) : rc;
}


/* NGX_AGAIN: some of its files are to be repaired, or are by now */

static ngx_int_t
ngx_recording_catalogue_repair(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t recording_id)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i, n;
    ngx_recording_taken_t     *t;
    ngx_recording_sql_rows_t   rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_PENDING,
                            ngx_recording_sql_int(recording_id));

    for (n = 0; n < NGX_RECORDING_TAKEN && ngx_recording_sql_next(&rows); n++)
    {
        t = &start->taken[n];

        t->id = (uint64_t) ngx_recording_sql_column_int(&rows, 0);
        t->state = NGX_RECORDING_FILE_RECORDING;
        t->recovered = 1;

        (void) snprintf(t->format, sizeof(t->format), "%s",
                        ngx_recording_sql_column_text(&rows, 1));
        (void) snprintf(t->owner, sizeof(t->owner), "%s",
                        ngx_recording_sql_column_text(&rows, 2));

        ngx_recording_catalogue_db_about(&rows, 3, t->about);
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        t = &start->taken[i];

        /* one that another worker has is being repaired */

        rc = ngx_recording_catalogue_db_lives(cat, t->owner);

        if (rc == NGX_DECLINED) {
            rc = ngx_recording_catalogue_db_take(cat, t, t->state,
                                           NGX_RECORDING_CATALOGUE_DB_ANYTIME);

            if (rc == NGX_OK) {
                start->taken[start->n++] = *t;
                start->repair = 1;
            }
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return n ? NGX_AGAIN : NGX_OK;
}


/*
 * The files of a recording that wait for this time.  The recording first: if
 * it is not its owner's any more, nothing is taken.
 */

static ngx_int_t
ngx_recording_catalogue_take(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t recording_id, const char *owner)
{
    if (ngx_recording_catalogue_waiting(cat, start, recording_id) != NGX_OK) {
        return NGX_ERROR;
    }

    if (start->n == 0) {
        return NGX_OK;
    }

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_TAKE_RECORDING,
                              ngx_recording_sql_int(recording_id),
                              ngx_recording_sql_text(cat->store->owner),
                              ngx_recording_sql_str(&start->stream->server),
                              ngx_recording_sql_text(owner))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_recording_sql_changes(cat->sql) == 0) {
        start->n = 0;
        return NGX_OK;
    }

    if (ngx_recording_catalogue_take_files(cat, start) != NGX_OK) {
        return NGX_ERROR;
    }

    start->recording_id = recording_id;
    start->resumed = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_catalogue_waiting(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t recording_id)
{
    ngx_recording_taken_t     *t;
    ngx_recording_sql_rows_t   rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_WAITING,
                            ngx_recording_sql_int(recording_id),
                            ngx_recording_sql_int(start->wall));

    while (start->n < NGX_RECORDING_TAKEN && ngx_recording_sql_next(&rows)) {
        t = &start->taken[start->n++];

        t->id = (uint64_t) ngx_recording_sql_column_int(&rows, 0);
        t->recovered = ngx_recording_sql_column_int(&rows, 2) != 0;
        t->owner[0] = '\0';

        (void) snprintf(t->format, sizeof(t->format), "%s",
                        ngx_recording_sql_column_text(&rows, 1));
    }

    return ngx_recording_sql_end(&rows);
}


/* one that does not wait any more is left out */

static ngx_int_t
ngx_recording_catalogue_take_files(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start)
{
    ngx_int_t   rc;
    ngx_uint_t  i, n;

    n = start->n;
    start->n = 0;

    for (i = 0; i < n; i++) {
        rc = ngx_recording_catalogue_db_take(cat, &start->taken[i],
                                           NGX_RECORDING_FILE_RECORDING,
                                           NGX_RECORDING_CATALOGUE_DB_ANYTIME);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            start->taken[start->n++] = start->taken[i];
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_catalogue_new(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start)
{
    int64_t  begin;

    /* one that was asked for in vain is free for others */

    if (start->asked
        && ngx_recording_catalogue_ask_no_more(cat, start) != NGX_OK)
    {
        return NGX_ERROR;
    }

    begin = start->wall + ngx_recording_store_shift(cat->store);

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_RECORDING,
                           ngx_recording_catalogue_sql_stream(start->stream),
                           ngx_recording_sql_int(start->recording_id),
                           ngx_recording_sql_text(cat->store->owner),
                           ngx_recording_sql_int(begin),
                           ngx_recording_sql_str(&start->stream->task),
                           ngx_recording_sql_str(&start->stream->delivers));
}


ngx_int_t
ngx_recording_catalogue_end(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_end_t *end = arg;

    ngx_uint_t             i;
    ngx_recording_file_t  *file;

    for (i = 0; i < end->n; i++) {
        file = end->files[i];

        if ((file->state == NGX_RECORDING_FILE_LOST
             && ngx_recording_catalogue_insert(cat, file, again) != NGX_OK)
            || ngx_recording_catalogue_update(cat, file, again) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_END,
                                 ngx_recording_sql_int(end->recording_id),
                                 ngx_recording_sql_int(end->end),
                                 ngx_recording_sql_text(cat->store->owner));
}


ngx_int_t
ngx_recording_catalogue_insert(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_file_t *file = arg;

    if (ngx_recording_catalogue_claim(cat, NGX_RECORDING_SQL_INSERT, file,
                                      again)
        != NGX_OK)
    {
        file->path_len = 0;
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_catalogue_move(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_file_t *file = arg;

    size_t  len;
    u_char  path[NGX_RECORDING_FILE_PATH];

    len = file->path_len;
    ngx_memcpy(path, file->path, len);

    if (ngx_recording_catalogue_claim(cat, NGX_RECORDING_SQL_MOVE, file,
                                      again)
        != NGX_OK)
    {
        /* the row still has the path that it had */

        file->path_len = len;
        ngx_memcpy(file->path, path, len);

        return NGX_ERROR;
    }

    return NGX_OK;
}


/* tries paths until one is free */

static ngx_int_t
ngx_recording_catalogue_claim(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_file_t *file, ngx_uint_t again)
{
    char                   *url;
    ngx_int_t               rc;
    ngx_uint_t              n;
    ngx_recording_claim_t  *claim;

    claim = file->claim && file->claim->len ? file->claim : NULL;

    if (claim) {
        claim->tries = again ? claim->before : claim->tries;
        claim->before = claim->tries;
    }

    for (n = 0; n < NGX_RECORDING_CATALOGUE_TRIES; n++) {
        url = NULL;

        if (claim) {
            ngx_recording_claim_next(claim, file);
            url = ngx_recording_catalogue_db_url(cat, file);
        }

        rc = ngx_recording_catalogue_try(cat, sql, file, claim != NULL,
                                         url ? url : "");
        free(url);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_ERROR;
}


/* NGX_DECLINED: the path is not free */

static ngx_int_t
ngx_recording_catalogue_try(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_file_t *file, ngx_uint_t claimed,
    const char *url)
{
    ngx_int_t                   rc;
    const char                 *state;
    ngx_recording_sql_value_t   path;

    path = claimed ? ngx_recording_sql_bytes(file->path, file->path_len)
                   : ngx_recording_sql_null();

    if (sql == NGX_RECORDING_SQL_INSERT) {
        state = ngx_recording_catalogue_db_states[file->state];

        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_INSERT,
                             path,
                             ngx_recording_sql_text(url),
                             ngx_recording_catalogue_sql_stream(file->stream),
                             ngx_recording_sql_int(file->id),
                             ngx_recording_sql_int(file->recording_id),
                             ngx_recording_sql_text(file->format),
                             ngx_recording_sql_text(state),
                             ngx_recording_sql_int(file->start),
                             ngx_recording_sql_text(cat->store->owner),
                             ngx_recording_sql_str(&file->stream->task),
                             ngx_recording_sql_str(&file->stream->delivers));

    } else {
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_MOVE,
                             path,
                             ngx_recording_sql_text(url),
                             ngx_recording_sql_int(file->id));
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_sql_changes(cat->sql) ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_recording_catalogue_update(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_file_t *file = arg;

    char        *gaps;
    ngx_int_t    rc;

    gaps = ngx_recording_catalogue_gaps(file);

    rc = ngx_recording_catalogue_write(cat, file, gaps ? gaps : "[]");

    free(gaps);

    return rc;
}


static ngx_int_t
ngx_recording_catalogue_write(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, const char *gaps)
{
    char                        drops[256], resolution[32];
    uint64_t                    dropped;
    ngx_uint_t                  owned;
    ngx_recording_sql_value_t   deadline, finished;

    dropped = ngx_recording_catalogue_drops(file, drops, sizeof(drops));

    resolution[0] = '\0';

    if (file->width) {
        (void) snprintf(resolution, sizeof(resolution), "%ux%u",
                        (unsigned) file->width, (unsigned) file->height);
    }

    owned = file->state == NGX_RECORDING_FILE_RECORDING
            || (file->state == NGX_RECORDING_FILE_FINISHING
                && !file->released);

    deadline = file->state == NGX_RECORDING_FILE_PAUSED
               ? ngx_recording_sql_int(file->deadline)
               : ngx_recording_sql_null();

    finished = file->state == NGX_RECORDING_FILE_FINISHED
               ? ngx_recording_sql_int(file->finished)
               : ngx_recording_sql_null();

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_UPDATE,
              ngx_recording_sql_int(file->id),
              ngx_recording_sql_text(
                              ngx_recording_catalogue_db_states[file->state]),
              ngx_recording_sql_int(file->end),
              ngx_recording_sql_int(file->duration),
              ngx_recording_sql_int(file->size),
              ngx_recording_sql_text(ngx_recording_codec_name(file->video)),
              ngx_recording_sql_text(ngx_recording_codec_name(file->audio)),
              ngx_recording_sql_text(resolution),
              ngx_recording_sql_int(file->in),
              ngx_recording_sql_int(file->written),
              ngx_recording_sql_int(dropped),
              ngx_recording_sql_text(drops),
              ngx_recording_sql_text(gaps),
              ngx_recording_sql_text(owned ? cat->store->owner : ""),
              deadline,
              ngx_recording_sql_int(file->recovered),
              finished);
}


/* how many frames were dropped in all; why, as JSON */

static uint64_t
ngx_recording_catalogue_drops(ngx_recording_file_t *file, char *buf,
    size_t size)
{
    char        *p, *last;
    uint64_t     dropped;
    ngx_uint_t   i;

    p = buf;
    last = buf + size;
    dropped = 0;

    p += snprintf(p, last - p, "{");

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        dropped += file->dropped[i];

        if (file->dropped[i]) {
            p += snprintf(p, last - p, "%s\"%s\":%llu",
                          p - buf > 1 ? "," : "",
                          ngx_recording_file_reasons[i],
                          (unsigned long long) file->dropped[i]);
        }
    }

    (void) snprintf(p, last - p, "}");

    return dropped;
}


/* to be freed.  NULL: no memory */

static char *
ngx_recording_catalogue_gaps(ngx_recording_file_t *file)
{
    char        *text, *p, *last;
    size_t       size;
    ngx_uint_t   i;

    size = (file->ngaps + 2) * NGX_RECORDING_CATALOGUE_GAP;
    text = malloc(size);

    if (text == NULL) {
        return NULL;
    }

    p = text;
    last = text + size;

    p += snprintf(p, last - p, "[");

    for (i = 0; i < file->ngaps; i++) {
        p += snprintf(p, last - p, "%s{\"at_ms\":%lld,\"gap_ms\":%lld}",
                      i ? "," : "", (long long) file->gaps[i].at,
                      (long long) file->gaps[i].length);
    }

    if (file->more) {
        p += snprintf(p, last - p, "%s{\"more\":%llu,\"gap_ms\":%lld}",
                      file->ngaps ? "," : "",
                      (unsigned long long) file->more,
                      (long long) file->more_length);
    }

    (void) snprintf(p, last - p, "]");

    return text;
}


ngx_int_t
ngx_recording_catalogue_disown(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_left_t *left = arg;

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_DISOWN,
                              ngx_recording_sql_int(left->file->recording_id),
                              ngx_recording_sql_text(left->owner))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_catalogue_update(cat, left->file, again);
}


ngx_int_t
ngx_recording_catalogue_remove(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_file_t *file = arg;

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_REMOVE,
                                 ngx_recording_sql_int(file->id));
}


ngx_int_t
ngx_recording_catalogue_set_state(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_state_t *state = arg;

    const char                 *name, *owner;
    ngx_recording_sql_value_t   size, finished, later;

    name = ngx_recording_catalogue_db_states[state->state];
    owner = state->owned ? cat->store->owner : "";

    size = state->size >= 0 ? ngx_recording_sql_int(state->size)
                            : ngx_recording_sql_null();

    finished = state->state == NGX_RECORDING_FILE_FINISHED
               ? ngx_recording_sql_int(ngx_recording_wall())
               : ngx_recording_sql_null();

    later = state->later ? ngx_recording_sql_int(state->later)
                         : ngx_recording_sql_null();

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_SET_STATE,
                                 ngx_recording_sql_int(state->id),
                                 ngx_recording_sql_text(name),
                                 ngx_recording_sql_text(owner),
                                 size, finished, later);
}
