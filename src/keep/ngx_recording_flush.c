
#include "ngx_recording_flush.h"


#define NGX_RECORDING_FLUSH_DIRS  16      /* more are synced with all else */


typedef struct {
    const char             *path;
    size_t                  len;
    ngx_int_t               rc;
    ngx_err_t               err;
} ngx_recording_flush_dir_t;


/* the first is work/, if there are any */

typedef struct {
    ngx_uint_t                 n;
    ngx_recording_flush_dir_t  dir[NGX_RECORDING_FLUSH_DIRS + 1];
} ngx_recording_flush_dirs_t;


static void ngx_recording_flush_order(ngx_recording_flushes_t *flushes);
static void ngx_recording_flush_run_thread(void *data);
static ngx_int_t ngx_recording_flush_all_thread(
    ngx_recording_flushes_t *flushes);
static void ngx_recording_flush_some_thread(
    ngx_recording_flushes_t *flushes, ngx_recording_flush_dirs_t *dirs);
static ngx_int_t ngx_recording_flush_list(
    ngx_recording_flushes_t *flushes, ngx_recording_flush_dirs_t *dirs);
static ngx_recording_flush_dir_t *ngx_recording_flush_dir(
    ngx_recording_flush_dirs_t *dirs, const char *path, size_t len);
static size_t ngx_recording_flush_above(const char *path, size_t len);
static void ngx_recording_flush_done(void *data);


void
ngx_recording_flush_init(ngx_recording_flushes_t *flushes,
    ngx_recording_jobs_t *jobs, ngx_recording_store_t *store)
{
    ngx_memzero(flushes, sizeof(ngx_recording_flushes_t));

    flushes->store = store;

    ngx_queue_init(&flushes->waiting);
    ngx_queue_init(&flushes->running);

    ngx_recording_job_init(&flushes->job, jobs, ngx_recording_flush_run_thread,
                           ngx_recording_flush_done, flushes);
}


ngx_int_t
ngx_recording_flush_ask_thread(ngx_recording_flush_t *flush, const char *path)
{
    if (flush->state != NGX_RECORDING_FLUSH_ANSWERED) {
        flush->path = path;
        flush->state = NGX_RECORDING_FLUSH_ASKED;

        return NGX_BUSY;
    }

    flush->state = NGX_RECORDING_FLUSH_IDLE;
    errno = flush->err;

    return flush->rc;
}


ngx_uint_t
ngx_recording_flush_post(ngx_recording_flushes_t *flushes,
    ngx_recording_flush_t *flush, void (*answered)(void *data), void *data)
{
    if (flush->state != NGX_RECORDING_FLUSH_ASKED) {
        return 0;
    }

    flush->state = NGX_RECORDING_FLUSH_WAITING;
    flush->answered = answered;
    flush->data = data;

    ngx_queue_insert_tail(&flushes->waiting, &flush->queue);

    if (!flushes->busy) {
        ngx_recording_flush_order(flushes);
    }

    return 1;
}


static void
ngx_recording_flush_order(ngx_recording_flushes_t *flushes)
{
    ngx_queue_t            *q;
    ngx_recording_flush_t  *flush;

    ngx_queue_add(&flushes->running, &flushes->waiting);
    ngx_queue_init(&flushes->waiting);

    flushes->busy = 1;
    flushes->job.background = 1;

    for (q = ngx_queue_head(&flushes->running);
         q != ngx_queue_sentinel(&flushes->running);
         q = ngx_queue_next(q))
    {
        flush = ngx_queue_data(q, ngx_recording_flush_t, queue);

        if (flush->awaited) {
            flushes->job.background = 0;
        }
    }

    ngx_recording_job_post(&flushes->job);
}


static void
ngx_recording_flush_run_thread(void *data)
{
    ngx_recording_flushes_t *flushes = data;

    ngx_recording_flush_dirs_t  dirs;

    if (ngx_recording_flush_list(flushes, &dirs) != NGX_OK
        && ngx_recording_flush_all_thread(flushes) == NGX_OK)
    {
        return;
    }

    ngx_recording_flush_some_thread(flushes, &dirs);
}


static ngx_int_t
ngx_recording_flush_all_thread(ngx_recording_flushes_t *flushes)
{
    ngx_int_t               rc;
    ngx_err_t               err;
    ngx_queue_t            *q;
    ngx_recording_flush_t  *flush;

    rc = ngx_recording_store_flush(flushes->store);
    err = errno;

    for (q = ngx_queue_head(&flushes->running);
         q != ngx_queue_sentinel(&flushes->running);
         q = ngx_queue_next(q))
    {
        flush = ngx_queue_data(q, ngx_recording_flush_t, queue);

        flush->rc = rc;
        flush->err = err;
    }

    return rc;
}


/*
 * Each directory by itself; what asked for all has its answer by now.  What
 * there was no room for has to ask again.
 */

static void
ngx_recording_flush_some_thread(ngx_recording_flushes_t *flushes,
    ngx_recording_flush_dirs_t *dirs)
{
    size_t                      len;
    ngx_uint_t                  i;
    ngx_queue_t                *q;
    ngx_recording_flush_t      *flush;
    ngx_recording_flush_dir_t  *dir;

    for (i = 0; i < dirs->n; i++) {
        dir = &dirs->dir[i];

        dir->rc = i ? ngx_recording_store_sync_thread(flushes->store,
                                                      dir->path, dir->len)
                    : ngx_recording_store_sync_work_thread(flushes->store);
        dir->err = errno;
    }

    for (q = ngx_queue_head(&flushes->running);
         q != ngx_queue_sentinel(&flushes->running);
         q = ngx_queue_next(q))
    {
        flush = ngx_queue_data(q, ngx_recording_flush_t, queue);

        if (flush->path == NULL) {
            continue;
        }

        flush->rc = dirs->dir[0].rc;
        flush->err = dirs->dir[0].err;

        len = strlen(flush->path);

        do {
            len = ngx_recording_flush_above(flush->path, len);
            dir = ngx_recording_flush_dir(dirs, flush->path, len);

            if (dir == NULL) {
                flush->rc = NGX_ERROR;
                flush->err = EIO;

            } else if (dir->rc != NGX_OK) {
                flush->rc = dir->rc;
                flush->err = dir->err;
            }

        } while (flush->made && len);
    }
}


/* NGX_DECLINED: they are too many, or all is to be synced */

static ngx_int_t
ngx_recording_flush_list(ngx_recording_flushes_t *flushes,
    ngx_recording_flush_dirs_t *dirs)
{
    size_t                      len;
    ngx_int_t                   rc;
    ngx_queue_t                *q;
    ngx_recording_flush_t      *flush;
    ngx_recording_flush_dir_t  *dir;

    rc = NGX_OK;
    dirs->n = 0;

    for (q = ngx_queue_head(&flushes->running);
         q != ngx_queue_sentinel(&flushes->running);
         q = ngx_queue_next(q))
    {
        flush = ngx_queue_data(q, ngx_recording_flush_t, queue);

        if (flush->path == NULL) {
            rc = NGX_DECLINED;
            continue;
        }

        dirs->n = ngx_max(dirs->n, 1);
        len = strlen(flush->path);

        do {
            len = ngx_recording_flush_above(flush->path, len);

            if (ngx_recording_flush_dir(dirs, flush->path, len)) {
                continue;
            }

            if (dirs->n > NGX_RECORDING_FLUSH_DIRS) {
                return NGX_DECLINED;
            }

            dir = &dirs->dir[dirs->n++];
            dir->path = flush->path;
            dir->len = len;

        } while (flush->made && len);
    }

    return rc;
}


static ngx_recording_flush_dir_t *
ngx_recording_flush_dir(ngx_recording_flush_dirs_t *dirs, const char *path,
    size_t len)
{
    ngx_uint_t  i;

    for (i = 1; i < dirs->n; i++) {
        if (dirs->dir[i].len == len
            && ngx_strncmp(dirs->dir[i].path, path, len) == 0)
        {
            return &dirs->dir[i];
        }
    }

    return NULL;
}


/* so much of a path of that length is the directory that it lies in */

static size_t
ngx_recording_flush_above(const char *path, size_t len)
{
    while (len && path[--len] != '/') { /* void */ }

    return len;
}


static void
ngx_recording_flush_done(void *data)
{
    ngx_recording_flushes_t *flushes = data;

    ngx_queue_t             answered, *q;
    ngx_recording_flush_t  *flush;

    ngx_queue_init(&answered);
    ngx_queue_add(&answered, &flushes->running);
    ngx_queue_init(&flushes->running);

    while (!ngx_queue_empty(&answered)) {
        q = ngx_queue_head(&answered);
        ngx_queue_remove(q);

        flush = ngx_queue_data(q, ngx_recording_flush_t, queue);
        flush->state = NGX_RECORDING_FLUSH_ANSWERED;

        /* its owner may be gone after this */

        flush->answered(flush->data);
    }

    if (ngx_queue_empty(&flushes->waiting)) {
        flushes->busy = 0;
        return;
    }

    ngx_recording_flush_order(flushes);
}
