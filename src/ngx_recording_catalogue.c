
#include "ngx_recording_catalogue.h"
#include <sqlite3.h>


#define NGX_RECORDING_CATALOGUE_VERSION  1
#define NGX_RECORDING_CATALOGUE_BUSY     10000      /* ms */
#define NGX_RECORDING_CATALOGUE_PAUSE    10         /* ms */
#define NGX_RECORDING_CATALOGUE_BEHIND   1000000    /* us */
#define NGX_RECORDING_CATALOGUE_COUNTED  9          /* suffixes -2, -3 ... */
#define NGX_RECORDING_CATALOGUE_TRIES    100        /* of paths at a time */


static ngx_int_t ngx_recording_catalogue_begin(ngx_recording_catalogue_t *cat,
    ngx_uint_t durable, ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_finish(ngx_recording_catalogue_t *cat,
    ngx_int_t rc, ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_open(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_create(
    ngx_recording_catalogue_t *cat);
static sqlite3_stmt *ngx_recording_catalogue_stmt(
    ngx_recording_catalogue_t *cat, ngx_recording_sql_e sql);
static ngx_int_t ngx_recording_catalogue_run(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql);
static ngx_int_t ngx_recording_catalogue_free(ngx_recording_catalogue_t *cat,
    ngx_recording_stream_t *stream, int64_t start);
static ngx_int_t ngx_recording_catalogue_claim(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_file_t *file,
    ngx_recording_claim_t *claim);
static void ngx_recording_catalogue_suffix(ngx_recording_file_t *file,
    ngx_recording_claim_t *claim);
static void ngx_recording_catalogue_drops(ngx_recording_file_t *file,
    char *buf, size_t size);
static void ngx_recording_catalogue_stream(sqlite3_stmt *st, int n,
    ngx_recording_stream_t *stream);
static void ngx_recording_catalogue_text(sqlite3_stmt *st, int n,
    u_char *data, size_t len);


static const char  ngx_recording_catalogue_schema[] =
    "CREATE TABLE IF NOT EXISTS recordings ("
    " recording_id INTEGER PRIMARY KEY,"
    " task_id TEXT NOT NULL DEFAULT '',"
    " template TEXT NOT NULL,"
    " domain TEXT NOT NULL,"
    " app TEXT NOT NULL,"
    " stream TEXT NOT NULL,"
    " stream_param TEXT NOT NULL,"
    " owner TEXT NOT NULL,"
    " start_us INTEGER NOT NULL,"
    " end_us INTEGER);"

    "CREATE INDEX IF NOT EXISTS recordings_stream"
    " ON recordings (app, stream, template, end_us);"

    "CREATE TABLE IF NOT EXISTS files ("
    " file_id INTEGER PRIMARY KEY,"
    " recording_id INTEGER NOT NULL,"
    " task_id TEXT NOT NULL DEFAULT '',"
    " template TEXT NOT NULL,"
    " domain TEXT NOT NULL,"
    " app TEXT NOT NULL,"
    " stream TEXT NOT NULL,"
    " stream_param TEXT NOT NULL,"
    " format TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " start_us INTEGER NOT NULL,"
    " end_us INTEGER,"
    " duration_ms INTEGER NOT NULL DEFAULT 0,"
    " size INTEGER NOT NULL DEFAULT 0,"
    " video_codec TEXT NOT NULL DEFAULT '',"
    " audio_codec TEXT NOT NULL DEFAULT '',"
    " resolution TEXT NOT NULL DEFAULT '',"
    " gaps TEXT NOT NULL DEFAULT '[]',"
    " frames_in INTEGER NOT NULL DEFAULT 0,"
    " frames_written INTEGER NOT NULL DEFAULT 0,"
    " frames_dropped INTEGER NOT NULL DEFAULT 0,"
    " drops TEXT NOT NULL DEFAULT '{}',"
    " path TEXT UNIQUE,"
    " objects TEXT NOT NULL DEFAULT '[]',"
    " play_url TEXT NOT NULL DEFAULT '',"
    " expire_us INTEGER,"
    " recovered INTEGER NOT NULL DEFAULT 0);"

    "CREATE INDEX IF NOT EXISTS files_recording ON files (recording_id);"
    "CREATE INDEX IF NOT EXISTS files_stream ON files (app, stream,"
    " start_us);"
    "CREATE INDEX IF NOT EXISTS files_state ON files (state)"
    " WHERE state IN ('recording', 'paused', 'finishing');";


static const char  *ngx_recording_catalogue_sql[NGX_RECORDING_SQLS] = {
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA synchronous=FULL",

    "SELECT owner, end_us FROM recordings WHERE app = ?1 AND stream = ?2"
    " AND template = ?3 AND (end_us IS NULL OR end_us > ?4)",

    "INSERT INTO recordings (template, domain, app, stream, stream_param,"
    " recording_id, owner, start_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",

    "UPDATE recordings SET end_us = ?2 WHERE recording_id = ?1",

    "INSERT INTO files (template, domain, app, stream, stream_param,"
    " file_id, recording_id, format, state, start_us, path, play_url)"
    " VALUES (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?1, ?2)"
    " ON CONFLICT (path) DO NOTHING",

    "UPDATE OR IGNORE files SET path = ?1, play_url = ?2"
    " WHERE file_id = ?8",

    "UPDATE files SET state = ?2, end_us = ?3, duration_ms = ?4, size = ?5,"
    " video_codec = ?6, audio_codec = ?7, resolution = ?8, frames_in = ?9,"
    " frames_written = ?10, frames_dropped = ?11, drops = ?12"
    " WHERE file_id = ?1",
};


static const char  *ngx_recording_catalogue_states[] = {
    "recording", "finishing", "finished", "lost"
};


static const char  *ngx_recording_catalogue_reasons[] = {
    "buffer", "disk", "broken", "header", "key"
};


void
ngx_recording_catalogue_init(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store)
{
    ngx_memzero(cat, sizeof(ngx_recording_catalogue_t));

    (void) pthread_mutex_init(&cat->mutex, NULL);

    cat->store = store;
}


void
ngx_recording_catalogue_close(ngx_recording_catalogue_t *cat)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_SQLS; i++) {
        (void) sqlite3_finalize(cat->stmts[i]);
        cat->stmts[i] = NULL;
    }

    (void) sqlite3_close(cat->db);
    cat->db = NULL;
}


uint64_t
ngx_recording_catalogue_id_thread(ngx_recording_catalogue_t *cat)
{
    uint64_t         id;
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    /* microseconds, and a part of the process id against other workers */

    id = ((uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000) * 1000
         + ngx_getpid() % 1000;

    (void) pthread_mutex_lock(&cat->mutex);

    while (id <= cat->last_id) {
        id += 1000;
    }

    cat->last_id = id;

    (void) pthread_mutex_unlock(&cat->mutex);

    return id;
}


ngx_int_t
ngx_recording_catalogue_start_thread(ngx_recording_catalogue_t *cat,
    uint64_t recording_id, ngx_recording_stream_t *stream, int64_t start,
    ngx_uint_t exclusive, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t      rc;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = exclusive ? ngx_recording_catalogue_free(cat, stream, start) : NGX_OK;

    if (rc == NGX_OK) {
        st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_RECORDING);

        if (st) {
            ngx_recording_catalogue_stream(st, 1, stream);
            (void) sqlite3_bind_int64(st, 6, (sqlite3_int64) recording_id);
            (void) sqlite3_bind_text(st, 7, cat->store->owner, -1,
                                     SQLITE_STATIC);
            (void) sqlite3_bind_int64(st, 8, start);
        }

        rc = ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_RECORDING);
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
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
    ngx_int_t      found;
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

    found = NGX_OK;

    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        owner = (const char *) sqlite3_column_text(st, 0);

        /* what this worker still writes is the publish before */

        if (owner == NULL || strcmp(owner, cat->store->owner) == 0) {
            continue;
        }

        if (sqlite3_column_type(st, 1) != SQLITE_NULL
            || ngx_recording_store_alive_thread(cat->store, owner))
        {
            found = NGX_DECLINED;
        }
    }

    (void) sqlite3_reset(st);

    return rc == SQLITE_DONE ? found : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_end_thread(ngx_recording_catalogue_t *cat,
    uint64_t recording_id, int64_t end, ngx_recording_catalogue_error_t *err)
{
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_ENDED);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) recording_id);
        (void) sqlite3_bind_int64(st, 2, end);
    }

    return ngx_recording_catalogue_finish(cat,
                   ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_ENDED),
                   err);
}


ngx_int_t
ngx_recording_catalogue_insert_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, ngx_recording_claim_t *claim,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_claim(cat, NGX_RECORDING_SQL_INSERT, file,
                                       claim);

    rc = ngx_recording_catalogue_finish(cat, rc, err);

    if (rc != NGX_OK) {
        file->path_len = 0;
    }

    return rc;
}


ngx_int_t
ngx_recording_catalogue_move_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, ngx_recording_claim_t *claim,
    ngx_recording_catalogue_error_t *err)
{
    size_t     len;
    u_char     path[NGX_RECORDING_FILE_PATH];
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    len = file->path_len;
    ngx_memcpy(path, file->path, len);

    rc = ngx_recording_catalogue_claim(cat, NGX_RECORDING_SQL_MOVE, file,
                                       claim);

    rc = ngx_recording_catalogue_finish(cat, rc, err);

    if (rc != NGX_OK) {

        /* the row still has the path that it had */

        file->path_len = len;
        ngx_memcpy(file->path, path, len);
    }

    return rc;
}


/* tries paths until one is free */

static ngx_int_t
ngx_recording_catalogue_claim(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_file_t *file,
    ngx_recording_claim_t *claim)
{
    u_char         url[3 * NGX_RECORDING_FILE_PATH], *p;
    ngx_uint_t     n;
    sqlite3_stmt  *st;

    for (n = 0; /* void */ ; /* void */ ) {
        st = ngx_recording_catalogue_stmt(cat, sql);

        if (st == NULL) {
            return NGX_ERROR;
        }

        if (claim) {
            ngx_recording_catalogue_suffix(file, claim);
            claim->tries++;

            ngx_recording_catalogue_text(st, 1, file->path, file->path_len);
        }

        p = ngx_recording_path_escape(url, file->path, file->path_len);

        if (claim && cat->store->url.len) {
            char  *full;

            full = sqlite3_mprintf("%.*s%.*s", (int) cat->store->url.len,
                                   cat->store->url.data, (int) (p - url),
                                   url);

            (void) sqlite3_bind_text(st, 2, full ? full : "", -1,
                                     full ? sqlite3_free : SQLITE_STATIC);

        } else {
            (void) sqlite3_bind_text(st, 2, "", -1, SQLITE_STATIC);
        }

        (void) sqlite3_bind_int64(st, 8, (sqlite3_int64) file->id);

        if (sql == NGX_RECORDING_SQL_INSERT) {
            ngx_recording_catalogue_stream(st, 3, file->stream);
            (void) sqlite3_bind_int64(st, 9,
                                      (sqlite3_int64) file->recording_id);
            (void) sqlite3_bind_text(st, 10, file->format, -1,
                                     SQLITE_STATIC);
            (void) sqlite3_bind_text(st, 11,
                                  ngx_recording_catalogue_states[file->state],
                                  -1, SQLITE_STATIC);
            (void) sqlite3_bind_int64(st, 12, file->start);
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


void
ngx_recording_claim_by_id(ngx_recording_claim_t *claim, uint64_t id)
{
    claim->len = sprintf((char *) claim->base, "%llu",
                         (unsigned long long) id);
    claim->tries = 0;
}


static void
ngx_recording_catalogue_suffix(ngx_recording_file_t *file,
    ngx_recording_claim_t *claim)
{
    u_char  *p;

    p = ngx_cpymem(file->path, claim->base, claim->len);

    if (claim->tries > NGX_RECORDING_CATALOGUE_COUNTED) {
        p += sprintf((char *) p, "-%016llx",
                     (unsigned long long) (file->random + claim->tries));

    } else if (claim->tries) {
        p += sprintf((char *) p, "-%u", (unsigned) claim->tries + 1);
    }

    p += sprintf((char *) p, "%s", claim->extension);

    file->path_len = p - file->path;
}


ngx_int_t
ngx_recording_catalogue_update_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, ngx_uint_t durable,
    ngx_recording_catalogue_error_t *err)
{
    char           drops[256], resolution[32];
    uint64_t       dropped;
    ngx_uint_t     i;
    sqlite3_stmt  *st;

    if (ngx_recording_catalogue_begin(cat, durable, err) != NGX_OK) {
        return NGX_ERROR;
    }

    for (dropped = 0, i = 0; i < NGX_RECORDING_DROPS; i++) {
        dropped += file->dropped[i];
    }

    ngx_recording_catalogue_drops(file, drops, sizeof(drops));

    resolution[0] = '\0';

    if (file->width) {
        (void) snprintf(resolution, sizeof(resolution), "%ux%u",
                        (unsigned) file->width, (unsigned) file->height);
    }

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
    }

    return ngx_recording_catalogue_finish(cat,
                  ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_UPDATE),
                  err);
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


/* takes the mutex and begins a transaction, or neither */

static ngx_int_t
ngx_recording_catalogue_begin(ngx_recording_catalogue_t *cat,
    ngx_uint_t durable, ngx_recording_catalogue_error_t *err)
{
    (void) pthread_mutex_lock(&cat->mutex);

    if (cat->db == NULL && ngx_recording_catalogue_open(cat, err) != NGX_OK) {
        (void) pthread_mutex_unlock(&cat->mutex);
        return NGX_ERROR;
    }

    if (ngx_recording_catalogue_run(cat, durable ? NGX_RECORDING_SQL_FULL
                                                 : NGX_RECORDING_SQL_NORMAL)
        != NGX_OK
        || ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_BEGIN) != NGX_OK)
    {
        (void) snprintf(err->text, sizeof(err->text), "%s",
                        sqlite3_errmsg(cat->db));
        (void) pthread_mutex_unlock(&cat->mutex);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* commits or rolls back, and gives the mutex back */

static ngx_int_t
ngx_recording_catalogue_finish(ngx_recording_catalogue_t *cat, ngx_int_t rc,
    ngx_recording_catalogue_error_t *err)
{
    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_COMMIT);
    }

    if (rc == NGX_ERROR) {
        (void) snprintf(err->text, sizeof(err->text), "%s",
                        sqlite3_errmsg(cat->db));
    }

    if (rc != NGX_OK && !sqlite3_get_autocommit(cat->db)) {
        (void) ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_ROLLBACK);
    }

    (void) pthread_mutex_unlock(&cat->mutex);

    return rc;
}


static ngx_int_t
ngx_recording_catalogue_open(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    int   fd;
    char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/catalogue.db", cat->store->path);

    /* SQLite would make it with other permissions */

    fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0640);

    if (fd == -1) {
        (void) snprintf(err->text, sizeof(err->text), "open catalogue.db: %s",
                        strerror(errno));
        return NGX_ERROR;
    }

    (void) close(fd);

    if (sqlite3_open_v2(path, &cat->db,
                        SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX, NULL)
        != SQLITE_OK
        || ngx_recording_catalogue_create(cat) != NGX_OK)
    {
        (void) snprintf(err->text, sizeof(err->text), "%s",
                        cat->db ? sqlite3_errmsg(cat->db) : "no memory");

        ngx_recording_catalogue_close(cat);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_catalogue_create(ngx_recording_catalogue_t *cat)
{
    int   rc, wait;
    char  version[64];

    (void) sqlite3_busy_timeout(cat->db, NGX_RECORDING_CATALOGUE_BUSY);

    (void) snprintf(version, sizeof(version), "PRAGMA user_version=%d",
                    NGX_RECORDING_CATALOGUE_VERSION);

    /* the busy timeout does not hold for a change of the journal's mode */

    for (wait = NGX_RECORDING_CATALOGUE_BUSY; /* void */ ;
         wait -= NGX_RECORDING_CATALOGUE_PAUSE)
    {
        rc = sqlite3_exec(cat->db, "PRAGMA journal_mode=WAL", NULL, NULL,
                          NULL);

        if (rc != SQLITE_BUSY || wait <= 0) {
            break;
        }

        (void) sqlite3_sleep(NGX_RECORDING_CATALOGUE_PAUSE);
    }

    if (rc != SQLITE_OK
        || sqlite3_exec(cat->db, "BEGIN IMMEDIATE", NULL, NULL, NULL)
           != SQLITE_OK)
    {
        return NGX_ERROR;
    }

    if (sqlite3_exec(cat->db, ngx_recording_catalogue_schema, NULL, NULL,
                     NULL)
        != SQLITE_OK
        || sqlite3_exec(cat->db, version, NULL, NULL, NULL) != SQLITE_OK
        || sqlite3_exec(cat->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static sqlite3_stmt *
ngx_recording_catalogue_stmt(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql)
{
    if (cat->stmts[sql] == NULL) {
        (void) sqlite3_prepare_v3(cat->db, ngx_recording_catalogue_sql[sql],
                                  -1, SQLITE_PREPARE_PERSISTENT,
                                  &cat->stmts[sql], NULL);
    }

    return cat->stmts[sql];
}


static ngx_int_t
ngx_recording_catalogue_run(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, sql);

    if (st == NULL) {
        return NGX_ERROR;
    }

    rc = sqlite3_step(st);

    (void) sqlite3_reset(st);
    (void) sqlite3_clear_bindings(st);

    return rc == SQLITE_DONE || rc == SQLITE_ROW ? NGX_OK : NGX_ERROR;
}


static void
ngx_recording_catalogue_stream(sqlite3_stmt *st, int n,
    ngx_recording_stream_t *stream)
{
    ngx_recording_catalogue_text(st, n, stream->template.data,
                                 stream->template.len);
    ngx_recording_catalogue_text(st, n + 1, stream->domain.data,
                                 stream->domain.len);
    ngx_recording_catalogue_text(st, n + 2, stream->app.data,
                                 stream->app.len);
    ngx_recording_catalogue_text(st, n + 3, stream->name.data,
                                 stream->name.len);
    ngx_recording_catalogue_text(st, n + 4, stream->param.data,
                                 stream->param.len);
}


/* an empty string is not NULL */

static void
ngx_recording_catalogue_text(sqlite3_stmt *st, int n, u_char *data, size_t len)
{
    (void) sqlite3_bind_text(st, n, len ? (char *) data : "", (int) len,
                             SQLITE_STATIC);
}
