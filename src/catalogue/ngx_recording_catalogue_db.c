
#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_text.h"
#include <sys/file.h>
#include <time.h>


#define NGX_RECORDING_CATALOGUE_ROOM     (1024 * 1024)
#define NGX_RECORDING_CATALOGUE_PAUSE    10         /* ms */

/* what a WAL keeps of the disk when it begins anew */
#define NGX_RECORDING_CATALOGUE_WAL      "PRAGMA journal_size_limit=8388608"


static ngx_int_t ngx_recording_catalogue_enter(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sync, ngx_recording_sql_e begin,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_open(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_connect(
    ngx_recording_catalogue_t *cat, const char *path,
    ngx_recording_catalogue_error_t *err);
static void ngx_recording_catalogue_ended(ngx_recording_catalogue_t *cat,
    const char *path);
static ngx_int_t ngx_recording_catalogue_settings(
    ngx_recording_catalogue_t *cat);
static int ngx_recording_catalogue_committed(void *data, sqlite3 *db,
    const char *name, int pages);
static void ngx_recording_catalogue_death(void *data, const char *name);
static ngx_int_t ngx_recording_catalogue_create(
    ngx_recording_catalogue_t *cat);
static int ngx_recording_catalogue_migrate(ngx_recording_catalogue_t *cat);
static void ngx_recording_catalogue_hash(sqlite3_context *ctx, int n,
    sqlite3_value **values);
static int ngx_recording_catalogue_mark(ngx_recording_catalogue_t *cat);
static void ngx_recording_catalogue_moved(ngx_recording_catalogue_t *cat);
static ngx_uint_t ngx_recording_catalogue_damaged(
    ngx_recording_catalogue_t *cat);
static void ngx_recording_catalogue_suspect(ngx_recording_catalogue_t *cat);
static void ngx_recording_catalogue_aside(const char *path);


void
ngx_recording_catalogue_init(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store)
{
    ngx_memzero(cat, sizeof(ngx_recording_catalogue_t));

    (void) pthread_mutex_init(&cat->mutex, NULL);
    (void) pthread_mutex_init(&cat->ids, NULL);

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

    /* the last one would write all of the log into the database */

    if (cat->db && ngx_terminate) {
        (void) sqlite3_db_config(cat->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
                                 NULL);
    }

    (void) sqlite3_close(cat->db);
    cat->db = NULL;
}


uint64_t
ngx_recording_catalogue_id_thread(ngx_recording_catalogue_t *cat)
{
    uint64_t  id;

    /* microseconds, and a part of the process id against other workers */

    id = (uint64_t) ngx_max(ngx_recording_wall(),
                            ngx_recording_store_now(cat->store)) * 1000
         + ngx_getpid() % 1000;

    (void) pthread_mutex_lock(&cat->ids);

    while (id <= cat->last_id) {
        id += 1000;
    }

    cat->last_id = id;

    (void) pthread_mutex_unlock(&cat->ids);

    return id;
}


ngx_int_t
ngx_recording_catalogue_begin(ngx_recording_catalogue_t *cat,
    ngx_uint_t durable, ngx_recording_catalogue_error_t *err)
{
    return ngx_recording_catalogue_enter(cat,
                                         durable ? NGX_RECORDING_SQL_FULL
                                                 : NGX_RECORDING_SQL_NORMAL,
                                         NGX_RECORDING_SQL_BEGIN, err);
}


ngx_int_t
ngx_recording_catalogue_read(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    return ngx_recording_catalogue_enter(cat, NGX_RECORDING_SQL_NORMAL,
                                         NGX_RECORDING_SQL_READ, err);
}


/* takes the mutex and begins a transaction, or neither */

static ngx_int_t
ngx_recording_catalogue_enter(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sync, ngx_recording_sql_e begin,
    ngx_recording_catalogue_error_t *err)
{
    if (ngx_recording_catalogue_closed(cat, err)) {
        return NGX_ERROR;
    }

    (void) pthread_mutex_lock(&cat->mutex);

    cat->reason[0] = '\0';

    ngx_recording_catalogue_moved(cat);

    if (cat->db == NULL && ngx_recording_catalogue_open(cat, err) != NGX_OK) {
        (void) pthread_mutex_unlock(&cat->mutex);
        return NGX_ERROR;
    }

    if (ngx_recording_catalogue_run(cat, sync) != NGX_OK
        || ngx_recording_catalogue_run(cat, begin) != NGX_OK)
    {
        (void) snprintf(err->text, sizeof(err->text), "%s",
                        sqlite3_errmsg(cat->db));

        ngx_recording_catalogue_suspect(cat);

        (void) pthread_mutex_unlock(&cat->mutex);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* commits or rolls back, and gives the mutex back */

ngx_int_t
ngx_recording_catalogue_finish(ngx_recording_catalogue_t *cat, ngx_int_t rc,
    ngx_recording_catalogue_error_t *err)
{
    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_COMMIT);
    }

    if (rc == NGX_ERROR) {
        (void) snprintf(err->text, sizeof(err->text), "%s",
                        cat->reason[0] ? cat->reason
                                       : sqlite3_errmsg(cat->db));
    }

    if (rc == NGX_ERROR) {
        ngx_recording_catalogue_suspect(cat);
    }

    if (cat->db && !sqlite3_get_autocommit(cat->db)) {
        (void) ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_ROLLBACK);
    }

    (void) pthread_mutex_unlock(&cat->mutex);

    return rc;
}


ngx_int_t
ngx_recording_catalogue_lives(ngx_recording_catalogue_t *cat,
    const char *owner)
{
    ngx_int_t  rc;

    if (*owner == '\0') {
        return NGX_DECLINED;
    }

    rc = ngx_recording_store_lives_thread(cat->store, owner);

    if (rc == NGX_ERROR) {
        (void) snprintf(cat->reason, sizeof(cat->reason),
                        "it is not known whether \"%.64s\" lives: %s", owner,
                        strerror(errno));
    }

    return rc;
}


/*
 * Another worker may have set it aside: what is written there is lost.  The
 * new one is opened, and all files are looked through, as some may have ended
 * in the meantime.
 */

static void
ngx_recording_catalogue_moved(ngx_recording_catalogue_t *cat)
{
    int  moved;

    moved = 0;

    if (cat->db
        && sqlite3_file_control(cat->db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved)
           == SQLITE_OK
        && moved)
    {
        cat->aside = 1;
        cat->moved = 1;

        ngx_recording_catalogue_close(cat);
    }
}


/* after damage the next call opens it again, and looks whether it is whole */

static void
ngx_recording_catalogue_suspect(ngx_recording_catalogue_t *cat)
{
    if (ngx_recording_catalogue_damaged(cat)) {
        cat->suspect = 1;
        ngx_recording_catalogue_close(cat);
    }
}


/*
 * One worker at a time: a catalogue that is missing or damaged is made anew
 * by the first one.
 */

static ngx_int_t
ngx_recording_catalogue_open(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    int        lock;
    char       path[PATH_MAX];
    ngx_int_t  rc;

    (void) snprintf(path, sizeof(path), "%s/catalogue.db", cat->store->path);

    lock = ngx_recording_openat(cat->store->work, ".",
                                O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    if (lock == -1 || flock(lock, LOCK_EX) == -1) {
        (void) snprintf(err->text, sizeof(err->text), "lock work/: %s",
                        strerror(errno));

        if (lock != -1) {
            (void) close(lock);
        }

        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_connect(cat, path, err);

    if (rc == NGX_DECLINED) {
        ngx_recording_catalogue_aside(path);

        cat->aside = 1;
        cat->anew = 1;
        cat->corrupt = 0;
        cat->suspect = 0;

        rc = ngx_recording_catalogue_connect(cat, path, err);

        cat->anew = 0;
    }

    (void) close(lock);

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* NGX_DECLINED: it is damaged */

static ngx_int_t
ngx_recording_catalogue_connect(ngx_recording_catalogue_t *cat,
    const char *path, ngx_recording_catalogue_error_t *err)
{
    int        fd;
    off_t      room;
    ngx_int_t  rc;

    /*
     * SQLite maps its -shm file and makes it anew by a byte a page: where
     * blocks are smaller than pages the rest is allocated when it is first
     * touched, and without room that is a SIGBUS
     */

    if (ngx_recording_store_room_thread(cat->store, &room) == NGX_OK
        && room < NGX_RECORDING_CATALOGUE_ROOM)
    {
        (void) snprintf(err->text, sizeof(err->text), "open catalogue.db: %s",
                        strerror(ENOSPC));
        return NGX_ERROR;
    }

    /* SQLite would make it with other permissions */

    fd = ngx_recording_open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0640);

    if (fd == -1) {
        (void) snprintf(err->text, sizeof(err->text), "open catalogue.db: %s",
                        strerror(errno));
        return NGX_ERROR;
    }

    (void) close(fd);

    ngx_recording_catalogue_ended(cat, path);

    if (sqlite3_open_v2(path, &cat->db,
                        SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX, NULL)
        == SQLITE_OK
        && ngx_recording_catalogue_settings(cat) == NGX_OK
        && sqlite3_create_function(cat->db, "path_hash", 1,
                            SQLITE_UTF8|SQLITE_DETERMINISTIC, NULL,
                            ngx_recording_catalogue_hash, NULL, NULL)
           == SQLITE_OK
        && ngx_recording_catalogue_create(cat) == NGX_OK)
    {
        cat->opened++;
        return NGX_OK;
    }

    (void) snprintf(err->text, sizeof(err->text), "%s",
                    cat->db ? sqlite3_errmsg(cat->db) : "no memory");

    rc = ngx_recording_catalogue_damaged(cat) ? NGX_DECLINED : NGX_ERROR;

    ngx_recording_catalogue_close(cat);

    return rc;
}


/* whether nginx had no clean end, for the first worker that opens it */

static void
ngx_recording_catalogue_ended(ngx_recording_catalogue_t *cat,
    const char *path)
{
    char         wal[PATH_MAX + 8];
    struct stat  st;

    if (!ngx_recording_store_alone_thread(cat->store)) {
        return;
    }

    (void) snprintf(wal, sizeof(wal), "%s-wal", path);

    cat->unclean = (stat(wal, &st) == 0);

    (void) ngx_recording_store_list_thread(cat->store,
                                           ngx_recording_catalogue_death, cat);
}


static void
ngx_recording_catalogue_death(void *data, const char *name)
{
    ngx_recording_catalogue_t *cat = data;

    if (ngx_recording_store_is_lock(name)
        && ngx_recording_store_lives_thread(cat->store, name)
           == NGX_DECLINED)
    {
        cat->unclean = 1;
    }
}


/* after a sign of damage it is looked through at once */

static ngx_int_t
ngx_recording_catalogue_settings(ngx_recording_catalogue_t *cat)
{
    (void) sqlite3_busy_handler(cat->db, ngx_recording_catalogue_busy, cat);

    /* what was committed is moved by the keeper */

    (void) sqlite3_wal_hook(cat->db, ngx_recording_catalogue_committed, cat);

    if (cat->suspect
        && ngx_recording_catalogue_quick_check_thread(cat, cat->db) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return sqlite3_exec(cat->db, NGX_RECORDING_CATALOGUE_WAL, NULL, NULL,
                        NULL)
           == SQLITE_OK
           ? NGX_OK : NGX_ERROR;
}


static int
ngx_recording_catalogue_committed(void *data, sqlite3 *db, const char *name,
    int pages)
{
    ngx_recording_catalogue_t *cat = data;

    cat->pages = pages;

    return SQLITE_OK;
}


static ngx_int_t
ngx_recording_catalogue_create(ngx_recording_catalogue_t *cat)
{
    int  rc, wait;

    /* the busy timeout does not hold for a change of the journal's mode */

    for (wait = NGX_RECORDING_CATALOGUE_BUSY; /* void */ ;
         wait -= NGX_RECORDING_CATALOGUE_PAUSE)
    {
        rc = sqlite3_exec(cat->db, "PRAGMA journal_mode=WAL", NULL, NULL,
                          NULL);

        if (rc != SQLITE_BUSY || wait <= 0 || ngx_terminate) {
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

    if (ngx_recording_catalogue_migrate(cat) != SQLITE_OK) {
        return NGX_ERROR;
    }

    if (ngx_recording_catalogue_mark(cat) != SQLITE_OK
        || sqlite3_exec(cat->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static int
ngx_recording_catalogue_migrate(ngx_recording_catalogue_t *cat)
{
    int            rc, version;
    char           pragma[64];
    sqlite3_stmt  *st;

    rc = sqlite3_prepare_v2(cat->db, "PRAGMA user_version", -1, &st, NULL);

    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = sqlite3_step(st);
    version = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;

    if (sqlite3_finalize(st) != SQLITE_OK || rc != SQLITE_ROW) {
        return sqlite3_errcode(cat->db);
    }

    rc = SQLITE_OK;

    if (version >= ngx_recording_catalogue_newest) {
        return SQLITE_OK;
    }

    if (version == 0) {
        rc = sqlite3_exec(cat->db, ngx_recording_catalogue_schema, NULL, NULL,
                          NULL);
        version = ngx_recording_catalogue_newest;
    }

    for ( /* void */ ;
         rc == SQLITE_OK && version < ngx_recording_catalogue_newest;
         version++)
    {
        rc = sqlite3_exec(cat->db, ngx_recording_catalogue_versions[version],
                          NULL, NULL, NULL);
    }

    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(cat->db, ngx_recording_catalogue_totals, NULL, NULL,
                          NULL);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    (void) snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d",
                    ngx_recording_catalogue_newest);

    return sqlite3_exec(cat->db, pragma, NULL, NULL, NULL);
}


/* path_hash(path), NULL for NULL */

static void
ngx_recording_catalogue_hash(sqlite3_context *ctx, int n,
    sqlite3_value **values)
{
    const u_char  *path;

    path = sqlite3_value_text(values[0]);

    if (path) {
        sqlite3_result_int64(ctx, (sqlite3_int64)
               ngx_recording_text_hash(path, sqlite3_value_bytes(values[0])));
    }
}


/* why the files are to be looked through */

static int
ngx_recording_catalogue_mark(ngx_recording_catalogue_t *cat)
{
    int            rc, mark;
    char           pragma[64];
    sqlite3_stmt  *st;

    if (!cat->anew && !cat->moved) {
        return SQLITE_OK;
    }

    rc = sqlite3_prepare_v2(cat->db, "PRAGMA application_id", -1, &st, NULL);

    if (rc != SQLITE_OK) {
        return rc;
    }

    mark = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
    (void) sqlite3_finalize(st);

    if (cat->anew) {
        mark = NGX_RECORDING_CATALOGUE_DAMAGED;

    } else if (mark != NGX_RECORDING_CATALOGUE_DAMAGED) {
        mark = 0;
    }

    (void) snprintf(pragma, sizeof(pragma), "PRAGMA application_id=%d", mark);

    rc = sqlite3_exec(cat->db, pragma, NULL, NULL, NULL);

    if (rc == SQLITE_OK) {
        cat->moved = 0;
    }

    return rc;
}


static ngx_uint_t
ngx_recording_catalogue_damaged(ngx_recording_catalogue_t *cat)
{
    int  rc;

    rc = cat->db ? sqlite3_errcode(cat->db) : SQLITE_OK;

    return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || cat->corrupt;
}


/* nothing is deleted: somebody may want to look at it */

static void
ngx_recording_catalogue_aside(const char *path)
{
    char        from[PATH_MAX + 8], to[PATH_MAX + 64];
    time_t      now;
    ngx_uint_t  i;

    static const char  *suffix[] = { "", "-wal", "-shm" };

    now = time(NULL);

    for (i = 0; i < 3; i++) {
        (void) snprintf(from, sizeof(from), "%s%s", path, suffix[i]);
        (void) snprintf(to, sizeof(to), "%s.damaged.%ld%s", path, (long) now,
                        suffix[i]);
        (void) rename(from, to);
    }
}


sqlite3_stmt *
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


ngx_int_t
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


void
ngx_recording_catalogue_stream(sqlite3_stmt *st, int n,
    ngx_recording_stream_t *stream)
{
    ngx_recording_catalogue_text(st, n, stream->template.data,
                                 stream->template.len);
    ngx_recording_catalogue_text(st, n + 1, stream->domain.data,
                                 stream->domain.len);
    ngx_recording_catalogue_text(st, n + 2, stream->server.data,
                                 stream->server.len);
    ngx_recording_catalogue_text(st, n + 3, stream->app.data,
                                 stream->app.len);
    ngx_recording_catalogue_text(st, n + 4, stream->name.data,
                                 stream->name.len);
    ngx_recording_catalogue_text(st, n + 5, stream->param.data,
                                 stream->param.len);
}


/* an empty string is not NULL */

void
ngx_recording_catalogue_text(sqlite3_stmt *st, int n, u_char *data, size_t len)
{
    (void) sqlite3_bind_text(st, n, len ? (char *) data : "", (int) len,
                             SQLITE_STATIC);
}


/* no file: its path is not known */

void
ngx_recording_catalogue_url(ngx_recording_catalogue_t *cat, sqlite3_stmt *st,
    int n, ngx_recording_file_t *file)
{
    char    *full;
    u_char   url[3 * NGX_RECORDING_FILE_PATH], *p;

    full = NULL;

    if (file && file->path_len && cat->store->url.len) {
        p = ngx_recording_path_escape(url, file->path, file->path_len);

        full = sqlite3_mprintf("%.*s%.*s", (int) cat->store->url.len,
                               cat->store->url.data, (int) (p - url), url);
    }

    (void) sqlite3_bind_text(st, n, full ? full : "", -1,
                             full ? sqlite3_free : SQLITE_STATIC);
}


ngx_recording_file_e
ngx_recording_catalogue_state(const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_FILE_STATES; i++) {
        if (strcmp(ngx_recording_catalogue_states[i], name) == 0) {
            return i;
        }
    }

    return NGX_RECORDING_FILE_LOST;
}


const char *
ngx_recording_catalogue_column(sqlite3_stmt *st, int n)
{
    const char  *text;

    text = (const char *) sqlite3_column_text(st, n);

    return text ? text : "";
}
