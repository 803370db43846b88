
#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_codec.h"


#define NGX_RECORDING_CATALOGUE_BEHIND   1000000    /* us */
#define NGX_RECORDING_CATALOGUE_TRIES    100        /* of paths at a time */


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
static ngx_int_t ngx_recording_catalogue_new(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start);
static ngx_int_t ngx_recording_catalogue_claim(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_file_t *file, ngx_uint_t again);
static void ngx_recording_catalogue_drops(ngx_recording_file_t *file,
    char *buf, size_t size);
static char *ngx_recording_catalogue_gaps(ngx_recording_file_t *file);


const char *const  ngx_recording_catalogue_states[] = {
    "recording", "paused", "finishing", "finished", "evicted", "lost"
};


static const char  *ngx_recording_catalogue_reasons[] = {
    "buffer", "disk", "broken", "header", "key", "track"
};


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
    int            rc;
    ngx_int_t      found, lives;
    const char    *owner;
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_OWNERS);

    if (st == NULL) {
        return NGX_ERROR;
    }

    ngx_recording_catalogue_text(st, 1, stream->app.data, stream->app.len);
    ngx_recording_catalogue_text(st, 2, stream->name.data, stream->name.len);
    ngx_recording_catalogue_text(st, 3, stream->template.data,
                                 stream->template.len);
    (void) sqlite3_bind_int64(st, 4, start - NGX_RECORDING_CATALOGUE_BEHIND);
    ngx_recording_catalogue_text(st, 5, stream->server.data,
                                 stream->server.len);

    found = NGX_OK;

    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        owner = (const char *) sqlite3_column_text(st, 0);

        /* what this worker still writes is the publish before */

        if (owner == NULL || *owner == '\0'
            || strcmp(owner, cat->store->owner) == 0)
        {
            continue;
        }

        lives = sqlite3_column_type(st, 1) != SQLITE_NULL
                ? NGX_OK : ngx_recording_catalogue_lives(cat, owner);

        if (lives == NGX_OK) {
            found = NGX_DECLINED;

        } else if (lives == NGX_ERROR) {
            found = NGX_ERROR;
            break;
        }
    }

    (void) sqlite3_reset(st);

    return rc == SQLITE_ROW || rc == SQLITE_DONE ? found : NGX_ERROR;
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
    int            step;
    uint64_t       id;
    ngx_int_t      rc;
    const char    *owner, *wanted;
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_CANDIDATES);

    if (st == NULL) {
        return NGX_ERROR;
    }

    ngx_recording_catalogue_text(st, 1, start->stream->app.data,
                                 start->stream->app.len);
    ngx_recording_catalogue_text(st, 2, start->stream->name.data,
                                 start->stream->name.len);
    ngx_recording_catalogue_text(st, 3, start->stream->template.data,
                                 start->stream->template.len);
    (void) sqlite3_bind_int64(st, 4,
                              ngx_recording_store_latest(cat->store,
                                                         start->wall));
    ngx_recording_catalogue_text(st, 5, start->stream->server.data,
                                 start->stream->server.len);
    (void) sqlite3_bind_int64(st, 6,
                              ngx_recording_store_latest(cat->store,
                                       ngx_recording_store_now(cat->store)));

    rc = NGX_OK;

    while ((step = sqlite3_step(st)) == SQLITE_ROW) {
        id = (uint64_t) sqlite3_column_int64(st, 0);
        owner = (const char *) sqlite3_column_text(st, 1);
        wanted = (const char *) sqlite3_column_text(st, 2);

        if (owner == NULL || wanted == NULL) {
            rc = NGX_ERROR;
            break;
        }

        rc = ngx_recording_catalogue_candidate(cat, start, id, owner, wanted);

        if (rc != NGX_OK || start->resumed) {
            break;
        }
    }

    (void) sqlite3_reset(st);

    return step == SQLITE_ROW || step == SQLITE_DONE ? rc : NGX_ERROR;
}


/* NGX_OK: it is taken, or another one may be */

static ngx_int_t
ngx_recording_catalogue_candidate(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t id, const char *owner,
    const char *wanted)
{
    ngx_int_t   lives, rc;
    ngx_uint_t  asker;

    lives = ngx_recording_catalogue_lives(cat, owner);
    asker = start->hurry ? NGX_RECORDING_CATALOGUE_NOBODY
                         : ngx_recording_catalogue_asker(cat, start, wanted);

    if (lives == NGX_ERROR || asker == NGX_RECORDING_CATALOGUE_UNKNOWN) {

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

    if (asker == NGX_RECORDING_CATALOGUE_OTHER) {
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
    int                     step;
    ngx_int_t               rc;
    ngx_uint_t              i, n;
    sqlite3_stmt           *st;
    ngx_recording_taken_t  *t;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_PENDING);

    if (st == NULL) {
        return NGX_ERROR;
    }

    (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) recording_id);

    for (n = 0;
         (step = sqlite3_step(st)) == SQLITE_ROW && n < NGX_RECORDING_TAKEN;
         n++)
    {
        t = &start->taken[n];

        t->id = (uint64_t) sqlite3_column_int64(st, 0);
        t->state = NGX_RECORDING_FILE_RECORDING;
        t->recovered = 1;

        (void) snprintf(t->format, sizeof(t->format), "%s",
                        ngx_recording_catalogue_column(st, 1));
        (void) snprintf(t->owner, sizeof(t->owner), "%s",
                        ngx_recording_catalogue_column(st, 2));

        ngx_recording_catalogue_about(st, 3, t->about);
    }

    (void) sqlite3_reset(st);

    if (step != SQLITE_ROW && step != SQLITE_DONE) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        t = &start->taken[i];

        /* one that another worker has is being repaired */

        rc = ngx_recording_catalogue_lives(cat, t->owner);

        if (rc == NGX_DECLINED) {
            rc = ngx_recording_catalogue_take_file(cat, t, t->state,
                                                   INT64_MAX);
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
    int                     step;
    ngx_int_t               rc;
    ngx_uint_t              i, n;
    sqlite3_stmt           *st, *take;
    ngx_recording_taken_t  *t;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_WAITING);

    if (st == NULL) {
        return NGX_ERROR;
    }

    (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) recording_id);
    (void) sqlite3_bind_int64(st, 2, start->wall);

    while ((step = sqlite3_step(st)) == SQLITE_ROW
           && start->n < NGX_RECORDING_TAKEN)
    {
        t = &start->taken[start->n++];

        t->id = (uint64_t) sqlite3_column_int64(st, 0);
        t->recovered = sqlite3_column_int(st, 2) != 0;
        t->owner[0] = '\0';

        (void) snprintf(t->format, sizeof(t->format), "%s",
                        ngx_recording_catalogue_column(st, 1));
    }

    (void) sqlite3_reset(st);

    if (step != SQLITE_DONE && step != SQLITE_ROW) {
        return NGX_ERROR;
    }

    if (start->n == 0) {
        return NGX_OK;
    }

    take = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_OWN);

    if (take) {
        (void) sqlite3_bind_int64(take, 1, (sqlite3_int64) recording_id);
        (void) sqlite3_bind_text(take, 2, cat->store->owner, -1,
                                 SQLITE_STATIC);
        ngx_recording_catalogue_text(take, 3, start->stream->server.data,
                                     start->stream->server.len);
        (void) sqlite3_bind_text(take, 4, owner, -1, SQLITE_TRANSIENT);
    }

    if (ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_OWN) != NGX_OK) {
        return NGX_ERROR;
    }

    if (sqlite3_changes(cat->db) == 0) {
        start->n = 0;
        return NGX_OK;
    }

    n = start->n;
    start->n = 0;

    for (i = 0; i < n; i++) {
        rc = ngx_recording_catalogue_take_file(cat, &start->taken[i],
                                               NGX_RECORDING_FILE_RECORDING,
                                               INT64_MAX);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            start->taken[start->n++] = start->taken[i];
        }
    }

    start->recording_id = recording_id;
    start->resumed = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_catalogue_new(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start)
{
    sqlite3_stmt  *st;

    /* one that was asked for in vain is free for others */

    if (start->asked
        && ngx_recording_catalogue_want(cat, NGX_RECORDING_SQL_UNWANT, start)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_RECORDING);

    if (st) {
        ngx_recording_catalogue_stream(st, 1, start->stream);
        (void) sqlite3_bind_int64(st, 7,
                                  (sqlite3_int64) start->recording_id);
        (void) sqlite3_bind_text(st, 8, cat->store->owner, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(st, 9, start->wall
                                  + ngx_recording_store_shift(cat->store));
    }

    return ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_RECORDING);
}


ngx_int_t
ngx_recording_catalogue_end(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_end_t *end = arg;

    ngx_uint_t             i;
    sqlite3_stmt          *st;
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

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_ENDED);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) end->recording_id);
        (void) sqlite3_bind_int64(st, 2, end->end);
        (void) sqlite3_bind_text(st, 3, cat->store->owner, -1, SQLITE_STATIC);
    }

    return ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_ENDED);
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
    ngx_uint_t              n;
    sqlite3_stmt           *st;
    ngx_recording_claim_t  *claim;

    claim = file->claim && file->claim->len ? file->claim : NULL;

    if (claim) {
        claim->tries = again ? claim->before : claim->tries;
        claim->before = claim->tries;
    }

    for (n = 0; /* void */ ; /* void */ ) {
        st = ngx_recording_catalogue_stmt(cat, sql);

        if (st == NULL) {
            return NGX_ERROR;
        }

        if (claim) {
            ngx_recording_claim_next(claim, file);
            ngx_recording_catalogue_text(st, 1, file->path, file->path_len);
        }

        ngx_recording_catalogue_url(cat, st, 2, claim ? file : NULL);

        (void) sqlite3_bind_int64(st, 9, (sqlite3_int64) file->id);

        if (sql == NGX_RECORDING_SQL_INSERT) {
            ngx_recording_catalogue_stream(st, 3, file->stream);
            (void) sqlite3_bind_int64(st, 10,
                                      (sqlite3_int64) file->recording_id);
            (void) sqlite3_bind_text(st, 11, file->format, -1,
                                     SQLITE_STATIC);
            (void) sqlite3_bind_text(st, 12,
                                  ngx_recording_catalogue_states[file->state],
                                  -1, SQLITE_STATIC);
            (void) sqlite3_bind_int64(st, 13, file->start);
            (void) sqlite3_bind_text(st, 14, cat->store->owner, -1,
                                     SQLITE_STATIC);
        }

        if (ngx_recording_catalogue_run(cat, sql) != NGX_OK) {
            return NGX_ERROR;
        }

        if (sqlite3_changes(cat->db)) {
            return NGX_OK;
        }

        if (++n == NGX_RECORDING_CATALOGUE_TRIES) {
            return NGX_ERROR;
        }
    }
}


ngx_int_t
ngx_recording_catalogue_update(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_file_t *file = arg;

    char           drops[256], resolution[32], *gaps;
    uint64_t       dropped;
    ngx_uint_t     i, owned;
    sqlite3_stmt  *st;

    for (dropped = 0, i = 0; i < NGX_RECORDING_DROPS; i++) {
        dropped += file->dropped[i];
    }

    ngx_recording_catalogue_drops(file, drops, sizeof(drops));

    resolution[0] = '\0';

    if (file->width) {
        (void) snprintf(resolution, sizeof(resolution), "%ux%u",
                        (unsigned) file->width, (unsigned) file->height);
    }

    gaps = ngx_recording_catalogue_gaps(file);

    owned = file->state == NGX_RECORDING_FILE_RECORDING
            || (file->state == NGX_RECORDING_FILE_FINISHING
                && !file->released);

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_UPDATE);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) file->id);
        (void) sqlite3_bind_text(st, 2,
                                 ngx_recording_catalogue_states[file->state],
                                 -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(st, 3, file->end);
        (void) sqlite3_bind_int64(st, 4, file->duration);
        (void) sqlite3_bind_int64(st, 5, (sqlite3_int64) file->size);
        (void) sqlite3_bind_text(st, 6, ngx_recording_codec_name(file->video),
                                 -1, SQLITE_STATIC);
        (void) sqlite3_bind_text(st, 7, ngx_recording_codec_name(file->audio),
                                 -1, SQLITE_STATIC);
        (void) sqlite3_bind_text(st, 8, resolution, -1, SQLITE_TRANSIENT);
        (void) sqlite3_bind_int64(st, 9, (sqlite3_int64) file->in);
        (void) sqlite3_bind_int64(st, 10, (sqlite3_int64) file->written);
        (void) sqlite3_bind_int64(st, 11, (sqlite3_int64) dropped);
        (void) sqlite3_bind_text(st, 12, drops, -1, SQLITE_TRANSIENT);
        (void) sqlite3_bind_text(st, 13, gaps ? gaps : "[]", -1,
                                 SQLITE_TRANSIENT);
        (void) sqlite3_bind_text(st, 14, owned ? cat->store->owner : "", -1,
                                 SQLITE_STATIC);

        if (file->state == NGX_RECORDING_FILE_PAUSED) {
            (void) sqlite3_bind_int64(st, 15, file->deadline);
        }

        (void) sqlite3_bind_int(st, 16, file->recovered);

        if (file->state == NGX_RECORDING_FILE_FINISHED) {
            (void) sqlite3_bind_int64(st, 17, file->finished);
        }
    }

    sqlite3_free(gaps);

    return ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_UPDATE);
}


static void
ngx_recording_catalogue_drops(ngx_recording_file_t *file, char *buf,
    size_t size)
{
    char        *p, *last;
    ngx_uint_t   i;

    p = buf;
    last = buf + size;

    p += snprintf(p, last - p, "{");

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        if (file->dropped[i]) {
            p += snprintf(p, last - p, "%s\"%s\":%llu",
                          p - buf > 1 ? "," : "",
                          ngx_recording_catalogue_reasons[i],
                          (unsigned long long) file->dropped[i]);
        }
    }

    (void) snprintf(p, last - p, "}");
}


/* to be freed by sqlite3_free() */

static char *
ngx_recording_catalogue_gaps(ngx_recording_file_t *file)
{
    ngx_uint_t    i;
    sqlite3_str  *str;

    str = sqlite3_str_new(NULL);

    for (i = 0; i < file->ngaps; i++) {
        sqlite3_str_appendf(str, "%s{\"at_ms\":%lld,\"gap_ms\":%lld}",
                            i ? "," : "[", (long long) file->gaps[i].at,
                            (long long) file->gaps[i].length);
    }

    if (file->more) {
        sqlite3_str_appendf(str, ",{\"more\":%llu,\"gap_ms\":%lld}",
                            (unsigned long long) file->more,
                            (long long) file->more_length);
    }

    sqlite3_str_appendall(str, file->ngaps ? "]" : "[]");

    return sqlite3_str_finish(str);
}


ngx_int_t
ngx_recording_catalogue_wait(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_left_t *left = arg;

    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_LEFT);

    if (st) {
        (void) sqlite3_bind_int64(st, 1,
                                  (sqlite3_int64) left->file->recording_id);
        (void) sqlite3_bind_text(st, 2, left->owner, -1, SQLITE_STATIC);
    }

    if (ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_LEFT) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_catalogue_update(cat, left->file, again);
}


ngx_int_t
ngx_recording_catalogue_remove(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_file_t *file = arg;

    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_REMOVE);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) file->id);
    }

    return ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_REMOVE);
}


ngx_int_t
ngx_recording_catalogue_file(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_state_t *state = arg;

    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_STATE);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) state->id);
        (void) sqlite3_bind_text(st, 2,
                                ngx_recording_catalogue_states[state->state],
                                -1, SQLITE_STATIC);
        (void) sqlite3_bind_text(st, 3,
                                 state->owned ? cat->store->owner : "", -1,
                                 SQLITE_STATIC);

        if (state->size >= 0) {
            (void) sqlite3_bind_int64(st, 4, state->size);
        }

        if (state->state == NGX_RECORDING_FILE_FINISHED) {
            (void) sqlite3_bind_int64(st, 5, ngx_recording_wall());
        }

        if (state->later) {
            (void) sqlite3_bind_int64(st, 6, state->later);
        }
    }

    return ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_STATE);
}
