
/*
 * Opening an SQLite database: making it, bringing it up to date, and putting
 * a damaged one aside.
 */


#include "ngx_recording_sqlite.h"
#include "ngx_recording_text.h"
#include <sys/file.h>
#include <time.h>


#define NGX_RECORDING_SQLITE_ROOM     (1024 * 1024)
#define NGX_RECORDING_SQLITE_PAUSE    10         /* ms */
#define NGX_RECORDING_SQLITE_PATIENCE 10000      /* ms */

/* of SQLite's machine, between two looks at the clock: far less than a ms */
#define NGX_RECORDING_SQLITE_STEPS    10000

/* what a WAL keeps of the disk when it begins anew */
#define NGX_RECORDING_SQLITE_WAL      "PRAGMA journal_size_limit=8388608"


static void ngx_recording_sqlite_has_moved(ngx_recording_sqlite_t *lite);
static ngx_int_t ngx_recording_sqlite_open_alone(
    ngx_recording_sqlite_t *lite);
static ngx_int_t ngx_recording_sqlite_open_reader(
    ngx_recording_sqlite_t *lite);
static int ngx_recording_sqlite_over(void *data);
static void ngx_recording_sqlite_name(ngx_recording_sqlite_t *lite);
static ngx_int_t ngx_recording_sqlite_connect(ngx_recording_sqlite_t *lite);
static ngx_int_t ngx_recording_sqlite_touch(ngx_recording_sqlite_t *lite);
static void ngx_recording_sqlite_ended(ngx_recording_sqlite_t *lite);
static void ngx_recording_sqlite_death(void *data, const char *name);
static ngx_int_t ngx_recording_sqlite_settings(ngx_recording_sqlite_t *lite);
static int ngx_recording_sqlite_busy(void *data, int n);
static int ngx_recording_sqlite_committed(void *data, sqlite3 *db,
    const char *name, int pages);
static void ngx_recording_sqlite_hash(sqlite3_context *ctx, int n,
    sqlite3_value **values);
static ngx_int_t ngx_recording_sqlite_prepared(ngx_recording_sqlite_t *lite);
static int ngx_recording_sqlite_wal(ngx_recording_sqlite_t *lite);
static int ngx_recording_sqlite_migrate(ngx_recording_sqlite_t *lite);
static ngx_int_t ngx_recording_sqlite_why(ngx_recording_sqlite_t *lite);
static void ngx_recording_sqlite_aside(const char *path);


ngx_int_t
ngx_recording_sqlite_open(ngx_recording_sql_t *sql)
{
    ngx_recording_sqlite_t  *lite;

    lite = (ngx_recording_sqlite_t *) sql;

    ngx_recording_sqlite_has_moved(lite);

    if (lite->db) {
        return NGX_OK;
    }

    return sql->setup.reads ? ngx_recording_sqlite_open_reader(lite)
                            : ngx_recording_sqlite_open_alone(lite);
}


/* what is damaged is found, and put aside, by those who write */

static ngx_int_t
ngx_recording_sqlite_open_reader(ngx_recording_sqlite_t *lite)
{
    ngx_recording_sqlite_name(lite);

    if (sqlite3_open_v2(lite->path, &lite->db,
                        SQLITE_OPEN_READONLY|SQLITE_OPEN_NOMUTEX, NULL)
        != SQLITE_OK)
    {
        (void) snprintf(lite->error, sizeof(lite->error), "%s",
                        lite->db ? sqlite3_errmsg(lite->db) : "no memory");

        ngx_recording_sqlite_close(lite);
        return NGX_ERROR;
    }

    (void) sqlite3_busy_handler(lite->db, ngx_recording_sqlite_busy, lite);

    if (lite->sql.setup.over) {
        sqlite3_progress_handler(lite->db, NGX_RECORDING_SQLITE_STEPS,
                                 ngx_recording_sqlite_over, lite);
    }

    lite->sql.opened++;

    return NGX_OK;
}


static int
ngx_recording_sqlite_over(void *data)
{
    ngx_recording_sqlite_t *lite = data;

    return lite->sql.setup.over(lite->sql.setup.data) != 0;
}


static void
ngx_recording_sqlite_name(ngx_recording_sqlite_t *lite)
{
    (void) snprintf(lite->path, sizeof(lite->path), "%s/catalogue.db",
                    lite->sql.setup.store->path);
}


/*
 * Another worker may have set it aside: what is written there is lost.  The
 * new one is opened, and all files are looked through, as some may have ended
 * in the meantime.
 */

static void
ngx_recording_sqlite_has_moved(ngx_recording_sqlite_t *lite)
{
    if (ngx_recording_sqlite_moved(lite)) {
        lite->sql.replaced = 1;
        lite->moved = 1;

        ngx_recording_sqlite_close(lite);
    }
}


/*
 * One worker at a time: a database that is missing or damaged is made anew by
 * the first one.
 */

static ngx_int_t
ngx_recording_sqlite_open_alone(ngx_recording_sqlite_t *lite)
{
    int                     lock;
    ngx_int_t               rc;
    ngx_recording_store_t  *store;

    store = lite->sql.setup.store;

    ngx_recording_sqlite_name(lite);

    lock = ngx_recording_openat(store->work, ".",
                                O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    if (lock == -1 || flock(lock, LOCK_EX) == -1) {
        (void) snprintf(lite->error, sizeof(lite->error), "lock work/: %s",
                        strerror(errno));

        if (lock != -1) {
            ngx_recording_close(lock);
        }

        return NGX_ERROR;
    }

    rc = ngx_recording_sqlite_connect(lite);

    if (rc == NGX_DECLINED) {
        ngx_recording_sqlite_aside(lite->path);

        lite->sql.replaced = 1;
        lite->anew = 1;
        lite->suspect = 0;

        rc = ngx_recording_sqlite_connect(lite);

        lite->anew = 0;
    }

    ngx_recording_close(lock);

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* NGX_DECLINED: it is damaged */

static ngx_int_t
ngx_recording_sqlite_connect(ngx_recording_sqlite_t *lite)
{
    ngx_int_t  rc;

    if (ngx_recording_sqlite_touch(lite) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sqlite_ended(lite);

    rc = NGX_ERROR;

    if (sqlite3_open_v2(lite->path, &lite->db,
                        SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX, NULL)
        == SQLITE_OK)
    {
        rc = ngx_recording_sqlite_settings(lite);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_sqlite_prepared(lite);
    }

    if (rc == NGX_OK) {
        lite->sql.opened++;
        return NGX_OK;
    }

    (void) snprintf(lite->error, sizeof(lite->error), "%s",
                    lite->db ? sqlite3_errmsg(lite->db) : "no memory");

    if (lite->db && ngx_recording_sqlite_damaged(sqlite3_errcode(lite->db))) {
        rc = NGX_DECLINED;
    }

    ngx_recording_sqlite_close(lite);

    return rc;
}


/*
 * Makes the file: SQLite would do that with other permissions.  One that is
 * there is not opened: with the end of any descriptor of a file the locks of
 * the whole process are gone, also those of another connection, and whoever
 * closes the database next takes its WAL away.
 */

static ngx_int_t
ngx_recording_sqlite_touch(ngx_recording_sqlite_t *lite)
{
    int          fd;
    off_t        room;
    ngx_int_t    rc;
    struct stat  st;

    /*
     * SQLite maps its -shm file and makes it anew by a byte a page: where
     * blocks are smaller than pages the rest is allocated when it is first
     * touched, and without room that is a SIGBUS
     */

    if (ngx_recording_store_room_thread(lite->sql.setup.store, &room)
        == NGX_OK
        && room < NGX_RECORDING_SQLITE_ROOM)
    {
        errno = ENOSPC;
        rc = NGX_ERROR;

    } else {
        rc = stat(lite->path, &st) == 0 ? NGX_OK : NGX_ERROR;

        if (rc == NGX_ERROR && errno == ENOENT) {
            fd = ngx_recording_open(lite->path,
                                    O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0640);

            if (fd != -1) {
                rc = fstat(fd, &st) == 0 ? NGX_OK : NGX_ERROR;
                ngx_recording_close(fd);
            }
        }
    }

    if (rc != NGX_OK) {
        (void) snprintf(lite->error, sizeof(lite->error),
                        "open catalogue.db: %s", strerror(errno));
        return NGX_ERROR;
    }

    /* while it was closed another worker may have set it aside */

    if (lite->inode
        && (lite->inode != st.st_ino || lite->device != st.st_dev))
    {
        lite->sql.replaced = 1;
    }

    lite->device = st.st_dev;
    lite->inode = st.st_ino;

    return NGX_OK;
}


/* whether nginx had no clean end, for the first worker that opens it */

static void
ngx_recording_sqlite_ended(ngx_recording_sqlite_t *lite)
{
    char                    wal[PATH_MAX + 8];
    struct stat             st;
    ngx_recording_store_t  *store;

    store = lite->sql.setup.store;

    if (!ngx_recording_store_alone_thread(store)) {
        return;
    }

    (void) snprintf(wal, sizeof(wal), "%s-wal", lite->path);

    lite->unclean = (stat(wal, &st) == 0);

    (void) ngx_recording_store_list_thread(store, ngx_recording_sqlite_death,
                                           lite);
}


static void
ngx_recording_sqlite_death(void *data, const char *name)
{
    ngx_recording_sqlite_t *lite = data;

    if (ngx_recording_store_is_lock(name)
        && ngx_recording_store_lives_thread(lite->sql.setup.store, name)
           == NGX_DECLINED)
    {
        lite->unclean = 1;
    }
}


/* NGX_DECLINED: after a sign of damage it was looked through, and has some */

static ngx_int_t
ngx_recording_sqlite_settings(ngx_recording_sqlite_t *lite)
{
    ngx_int_t  rc;

    (void) sqlite3_busy_handler(lite->db, ngx_recording_sqlite_busy, lite);

    /* what was committed is moved by the keeper */

    (void) sqlite3_wal_hook(lite->db, ngx_recording_sqlite_committed, lite);

    if (lite->suspect) {
        rc = ngx_recording_sqlite_quick_check(lite->db);

        if (rc != NGX_OK) {
            return rc;
        }

        lite->suspect = 0;
    }

    if (ngx_recording_sqlite_exec(lite->db, NGX_RECORDING_SQLITE_WAL)
        != SQLITE_OK)
    {
        return NGX_ERROR;
    }

    return sqlite3_create_function(lite->db, "path_hash", 1,
                                   SQLITE_UTF8|SQLITE_DETERMINISTIC, NULL,
                                   ngx_recording_sqlite_hash, NULL, NULL)
           == SQLITE_OK
           ? NGX_OK : NGX_ERROR;
}


static int
ngx_recording_sqlite_busy(void *data, int n)
{
    ngx_recording_sqlite_t *lite = data;

    return lite->sql.setup.wait(lite->sql.setup.data, n) != 0;
}


static int
ngx_recording_sqlite_committed(void *data, sqlite3 *db, const char *name,
    int pages)
{
    ngx_recording_sqlite_t *lite = data;

    lite->pages = pages;

    return SQLITE_OK;
}


/* path_hash(path), NULL for NULL */

static void
ngx_recording_sqlite_hash(sqlite3_context *ctx, int n, sqlite3_value **values)
{
    const u_char  *path;

    path = sqlite3_value_text(values[0]);

    if (path) {
        sqlite3_result_int64(ctx, (sqlite3_int64)
               ngx_recording_text_hash(path, sqlite3_value_bytes(values[0])));
    }
}


static ngx_int_t
ngx_recording_sqlite_prepared(ngx_recording_sqlite_t *lite)
{
    if (ngx_recording_sqlite_wal(lite) != SQLITE_OK
        || ngx_recording_sqlite_exec(lite->db, "BEGIN IMMEDIATE") != SQLITE_OK
        || ngx_recording_sqlite_migrate(lite) != SQLITE_OK
        || ngx_recording_sqlite_why(lite) != NGX_OK
        || ngx_recording_sqlite_exec(lite->db, "COMMIT") != SQLITE_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the busy handler does not hold for a change of the journal's mode */

static int
ngx_recording_sqlite_wal(ngx_recording_sqlite_t *lite)
{
    int  rc, wait;

    for (wait = NGX_RECORDING_SQLITE_PATIENCE; /* void */ ;
         wait -= NGX_RECORDING_SQLITE_PAUSE)
    {
        rc = ngx_recording_sqlite_exec(lite->db, "PRAGMA journal_mode=WAL");

        if (rc != SQLITE_BUSY || wait <= 0 || ngx_terminate) {
            return rc;
        }

        (void) sqlite3_sleep(NGX_RECORDING_SQLITE_PAUSE);
    }
}


static int
ngx_recording_sqlite_migrate(ngx_recording_sqlite_t *lite)
{
    int                                rc, version, newest;
    char                               pragma[64];
    const ngx_recording_sql_schema_t  *schema;

    rc = ngx_recording_sqlite_number(lite->db, "PRAGMA user_version",
                                     &version);

    if (rc != SQLITE_ROW) {
        return rc == SQLITE_DONE ? SQLITE_ERROR : rc;
    }

    schema = lite->sql.setup.schema;
    newest = (int) schema->newest;

    if (version >= newest) {
        return SQLITE_OK;
    }

    rc = SQLITE_OK;

    if (version == 0) {
        rc = ngx_recording_sqlite_exec(lite->db, schema->tables);
        version = newest;
    }

    for ( /* void */ ; rc == SQLITE_OK && version < newest; version++) {
        rc = ngx_recording_sqlite_exec(lite->db, schema->versions[version]);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_recording_sqlite_exec(lite->db, schema->totals);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    (void) snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", newest);

    return ngx_recording_sqlite_exec(lite->db, pragma);
}


/* why the files are to be looked through */

static ngx_int_t
ngx_recording_sqlite_why(ngx_recording_sqlite_t *lite)
{
    ngx_int_t                 rc;
    ngx_uint_t                copied;
    ngx_recording_sql_mark_e  mark;

    if (!lite->anew && !lite->moved) {
        return NGX_OK;
    }

    if (ngx_recording_sqlite_mark(&lite->sql, &mark, &copied) != NGX_OK) {
        return NGX_ERROR;
    }

    if (lite->anew) {
        rc = ngx_recording_sqlite_set_mark(&lite->sql,
                                           NGX_RECORDING_SQL_MARK_REPAIRED);

    } else if (mark == NGX_RECORDING_SQL_MARK_WHOLE
               && !lite->sql.setup.second)
    {
        rc = ngx_recording_sqlite_set_mark(&lite->sql,
                                           NGX_RECORDING_SQL_MARK_NEW);

    } else {
        rc = NGX_OK;
    }

    if (rc == NGX_OK) {
        lite->moved = 0;
    }

    return rc;
}


ngx_int_t
ngx_recording_sqlite_mark(ngx_recording_sql_t *sql,
    ngx_recording_sql_mark_e *mark, ngx_uint_t *copied)
{
    int                      id;
    ngx_recording_sqlite_t  *lite;

    lite = (ngx_recording_sqlite_t *) sql;

    if (ngx_recording_sqlite_number(lite->db, "PRAGMA application_id", &id)
        != SQLITE_ROW)
    {
        return NGX_ERROR;
    }

    *copied = (id != 0 && id != NGX_RECORDING_SQLITE_REPAIRED);

    switch (id) {

    case 0:
    case NGX_RECORDING_SQLITE_COPIED:
        *mark = NGX_RECORDING_SQL_MARK_NEW;
        break;

    case NGX_RECORDING_SQLITE_REPAIRED:
    case NGX_RECORDING_SQLITE_REPAIRED_COPIED:
        *mark = NGX_RECORDING_SQL_MARK_REPAIRED;
        break;

    default:
        *mark = NGX_RECORDING_SQL_MARK_WHOLE;
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_sqlite_set_mark(ngx_recording_sql_t *sql,
    ngx_recording_sql_mark_e mark)
{
    char                     pragma[64];
    ngx_recording_sqlite_t  *lite;

    /* who is told that it lacks files has what was copied: it was whole */

    static const int  ids[] = {
        [NGX_RECORDING_SQL_MARK_NEW] = NGX_RECORDING_SQLITE_COPIED,
        [NGX_RECORDING_SQL_MARK_REPAIRED] = NGX_RECORDING_SQLITE_REPAIRED,
        [NGX_RECORDING_SQL_MARK_WHOLE] = NGX_RECORDING_SQLITE_WHOLE
    };

    lite = (ngx_recording_sqlite_t *) sql;

    (void) snprintf(pragma, sizeof(pragma), "PRAGMA application_id=%d",
                    ids[mark]);

    return ngx_recording_sqlite_exec(lite->db, pragma) == SQLITE_OK
           ? NGX_OK : NGX_ERROR;
}


/* nothing is deleted: somebody may want to look at it */

static void
ngx_recording_sqlite_aside(const char *path)
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
