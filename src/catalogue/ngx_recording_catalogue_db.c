
/*
 * The catalogue's connection and its transactions, and what the other files of
 * the catalogue share.
 */


#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_catalogue_wait.h"
#include "ngx_recording_seat.h"


static void ngx_recording_catalogue_connect(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store, ngx_uint_t reads, ngx_uint_t second);
static ngx_int_t ngx_recording_catalogue_enter(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_mode_e mode, ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_write_configured(
    ngx_recording_catalogue_t *cat);
static ngx_int_t ngx_recording_catalogue_write_targets(
    ngx_recording_catalogue_t *cat);
static ngx_int_t ngx_recording_catalogue_write_lifetimes(
    ngx_recording_catalogue_t *cat);


const char *const  ngx_recording_catalogue_db_states[] = {
    "recording", "paused", "finishing", "finished", "evicted", "expired",
    "deleted", "lost"
};


void
ngx_recording_catalogue_init(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store)
{
    ngx_recording_catalogue_connect(cat, store, 0, 0);
}


void
ngx_recording_catalogue_init_second(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store)
{
    ngx_recording_catalogue_connect(cat, store, 0, 1);
}


void
ngx_recording_catalogue_init_reader(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store, int64_t ms)
{
    ngx_recording_catalogue_connect(cat, store, 1, 1);

    cat->patience = ms;
    cat->most = ms;
}


static void
ngx_recording_catalogue_connect(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store, ngx_uint_t reads, ngx_uint_t second)
{
    ngx_recording_sql_setup_t  setup;

    ngx_memzero(cat, sizeof(ngx_recording_catalogue_t));

    (void) pthread_mutex_init(&cat->mutex, NULL);
    (void) pthread_mutex_init(&cat->ids, NULL);

    cat->store = store;

    setup.store = store;
    setup.schema = &ngx_recording_catalogue_sql_schema;
    setup.statements = ngx_recording_catalogue_sql;
    setup.n = NGX_RECORDING_SQLS;
    setup.wait = ngx_recording_catalogue_wait_busy;
    setup.over = reads ? ngx_recording_catalogue_wait_interrupt : NULL;
    setup.data = cat;
    setup.reads = reads;
    setup.second = second;

    cat->sql = ngx_recording_sqlite.create(&setup);
}


void
ngx_recording_catalogue_targets(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *targets, ngx_uint_t n,
    ngx_uint_t callbacks)
{
    cat->targets = targets;
    cat->ntargets = n;
    cat->callbacks = callbacks;
}


void
ngx_recording_catalogue_lifetimes(ngx_recording_catalogue_t *cat,
    const ngx_recording_lifetime_t *lifetimes, ngx_uint_t n)
{
    cat->lifetimes = lifetimes;
    cat->nlifetimes = n;
}


void
ngx_recording_catalogue_close(ngx_recording_catalogue_t *cat)
{
    if (cat->sql) {
        cat->sql->engine->destroy(cat->sql);
        cat->sql = NULL;
    }
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
                                         durable
                                         ? NGX_RECORDING_SQL_MODE_DURABLE
                                         : NGX_RECORDING_SQL_MODE_WRITE,
                                         err);
}


ngx_int_t
ngx_recording_catalogue_read(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    return ngx_recording_catalogue_enter(cat, NGX_RECORDING_SQL_MODE_READ,
                                         err);
}


/* takes the mutex and begins a transaction, or neither */

static ngx_int_t
ngx_recording_catalogue_enter(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_mode_e mode, ngx_recording_catalogue_error_t *err)
{
    const ngx_recording_sql_engine_t  *engine;

    if (ngx_recording_catalogue_wait_over(cat, err)) {
        return NGX_ERROR;
    }

    if (cat->sql == NULL) {
        (void) snprintf(err->text, sizeof(err->text), "no memory");
        return NGX_ERROR;
    }

    /* a thread more would wait for whoever hangs */

    if (cat->most == 0 && ngx_recording_seat_missing_thread()) {
        (void) snprintf(err->text, sizeof(err->text), "no seat");
        return NGX_ERROR;
    }

    engine = cat->sql->engine;

    (void) pthread_mutex_lock(&cat->mutex);

    cat->reason[0] = '\0';
    cat->late = 0;
    cat->reads = (mode == NGX_RECORDING_SQL_MODE_READ);

    ngx_recording_catalogue_wait_begin(cat);

    if (engine->open(cat->sql) == NGX_OK
        && engine->begin(cat->sql, mode) == NGX_OK)
    {
        if (cat->reads
            || ngx_recording_catalogue_write_configured(cat) == NGX_OK)
        {
            return NGX_OK;
        }
    }

    (void) snprintf(err->text, sizeof(err->text), "%s",
                    engine->error(cat->sql));

    engine->failed(cat->sql);
    engine->rollback(cat->sql);

    (void) pthread_mutex_unlock(&cat->mutex);

    return NGX_ERROR;
}


/*
 * Once for each opening; with the first transaction that is committed.  Those
 * of a worker that exits are of a configuration of before.
 */

static ngx_int_t
ngx_recording_catalogue_write_configured(ngx_recording_catalogue_t *cat)
{
    ngx_int_t  rc;

    if (cat->current == cat->sql->opened || ngx_exiting || ngx_terminate) {
        return NGX_OK;
    }

    rc = ngx_recording_catalogue_write_targets(cat);

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_write_lifetimes(cat);
    }

    cat->writing = (rc == NGX_OK);

    return rc;
}


static ngx_int_t
ngx_recording_catalogue_write_targets(ngx_recording_catalogue_t *cat)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    const ngx_recording_target_t  *t;

    rc = ngx_recording_sql_run_values(cat->sql, NGX_RECORDING_SQL_NO_TARGETS,
                                      NULL, 0);

    for (i = 0; rc == NGX_OK && i < cat->ntargets; i++) {
        t = &cat->targets[i];

        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_TARGET,
                                   ngx_recording_sql_str(&t->template),
                                   ngx_recording_sql_str(&t->name),
                                   ngx_recording_sql_int(t->kinds),
                                   ngx_recording_sql_int(t->holds),
                                   ngx_recording_sql_str(&t->prefix),
                                   ngx_recording_sql_int(t->local_us),
                                   ngx_recording_sql_int(t->early));
    }

    if (rc == NGX_OK && cat->callbacks) {
        rc = ngx_recording_sql_run_values(cat->sql,
                                      NGX_RECORDING_SQL_CALLBACK_TARGETS_TOLD,
                                      NULL, 0);
    }

    return rc;
}


static ngx_int_t
ngx_recording_catalogue_write_lifetimes(ngx_recording_catalogue_t *cat)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    const ngx_recording_lifetime_t  *l;

    rc = ngx_recording_sql_run_values(cat->sql, NGX_RECORDING_SQL_NO_LIFETIMES,
                                      NULL, 0);

    for (i = 0; rc == NGX_OK && i < cat->nlifetimes; i++) {
        l = &cat->lifetimes[i];

        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_LIFETIME,
                                   ngx_recording_sql_str(&l->template),
                                   ngx_recording_sql_int(l->expire_us));
    }

    return rc;
}


/* commits or rolls back, and gives the mutex back */

ngx_int_t
ngx_recording_catalogue_finish(ngx_recording_catalogue_t *cat, ngx_int_t rc,
    ngx_recording_catalogue_error_t *err)
{
    int64_t                            begin;
    const ngx_recording_sql_engine_t  *engine;

    engine = cat->sql->engine;

    if (rc == NGX_OK) {
        begin = ngx_recording_mono();
        rc = engine->commit(cat->sql);

        if (!cat->reads) {
            ngx_recording_board_time(&cat->store->board,
                                     NGX_RECORDING_BOARD_COMMIT,
                                     ngx_recording_mono() - begin);
        }
    }

    if (rc == NGX_ERROR) {
        (void) snprintf(err->text, sizeof(err->text), "%s",
                        cat->reason[0] ? cat->reason
                                       : engine->error(cat->sql));

        engine->failed(cat->sql);
    }

    if (cat->writing) {
        cat->writing = 0;
        cat->current = rc == NGX_OK ? cat->sql->opened : cat->current;
    }

    engine->rollback(cat->sql);

    (void) pthread_mutex_unlock(&cat->mutex);

    return rc;
}


ngx_int_t
ngx_recording_catalogue_db_lives(ngx_recording_catalogue_t *cat,
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


char *
ngx_recording_catalogue_db_url(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file)
{
    char    *full;
    u_char   url[3 * NGX_RECORDING_FILE_PATH], *p;

    if (file->path_len == 0 || cat->store->url.len == 0) {
        return NULL;
    }

    p = ngx_recording_path_escape(url, file->path, file->path_len);

    full = malloc(cat->store->url.len + (p - url) + 1);

    if (full) {
        (void) ngx_sprintf((u_char *) full, "%V%*s%Z", &cat->store->url,
                           (size_t) (p - url), url);
    }

    return full;
}


ngx_recording_file_e
ngx_recording_catalogue_db_state(const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_FILE_STATES; i++) {
        if (strcmp(ngx_recording_catalogue_db_states[i], name) == 0) {
            return i;
        }
    }

    return NGX_RECORDING_FILE_LOST;
}


void
ngx_recording_catalogue_db_about(ngx_recording_sql_rows_t *rows, ngx_uint_t n,
    char about[NGX_RECORDING_ABOUT])
{
    ngx_recording_stream_t  stream;

    ngx_recording_sql_column_str(rows, n, &stream.app);
    ngx_recording_sql_column_str(rows, n + 1, &stream.name);
    ngx_recording_sql_column_str(rows, n + 2, &stream.template);

    ngx_recording_file_about(&stream, about);
}


ngx_int_t
ngx_recording_catalogue_db_take(ngx_recording_catalogue_t *cat,
    ngx_recording_taken_t *taken, ngx_recording_file_e state, int64_t now)
{
    ngx_int_t  rc;

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_TAKE_FILE,
              ngx_recording_sql_int(taken->id),
              ngx_recording_sql_text(ngx_recording_catalogue_db_states[state]),
              ngx_recording_sql_text(cat->store->owner),
              ngx_recording_sql_int(taken->recovered),
              ngx_recording_sql_text(taken->owner),
              ngx_recording_sql_int(now));

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_sql_changes(cat->sql) ? NGX_OK : NGX_DECLINED;
}
