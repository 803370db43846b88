
#include "ngx_recording_copy.h"
#include <time.h>


#define NGX_RECORDING_COPY_LOOK  5000        /* ms */
#define NGX_RECORDING_COPY_AGE   3600        /* s */


static void ngx_recording_copy_thread(void *data);
static ngx_uint_t ngx_recording_copy_old(ngx_recording_store_t *store);
static void ngx_recording_copy_done(void *data);


void
ngx_recording_copy_init(ngx_recording_copy_t *copy,
    ngx_recording_worker_t *worker)
{
    copy->worker = worker;
    copy->next = ngx_current_msec + NGX_RECORDING_COPY_LOOK;

    ngx_recording_job_init(&copy->job, &worker->jobs,
                           ngx_recording_copy_thread, ngx_recording_copy_done,
                           copy);
    copy->job.background = 1;
}


void
ngx_recording_copy(ngx_recording_copy_t *copy)
{
    if (copy->busy || ngx_exiting || ngx_terminate
        || (ngx_msec_int_t) (ngx_current_msec - copy->next) < 0)
    {
        return;
    }

    copy->busy = 1;

    ngx_recording_job_post(&copy->job);
}


static void
ngx_recording_copy_thread(void *data)
{
    ngx_recording_copy_t *copy = data;

    int                               lock;
    ngx_int_t                         rc;
    ngx_recording_store_t            *store;
    ngx_recording_catalogue_error_t   err;

    store = &copy->worker->store;

    /* who makes the catalogue anew has this lock, too */

    if (ngx_recording_store_hold_thread(store, &lock) != NGX_OK) {
        return;
    }

    rc = NGX_DECLINED;

    if (ngx_recording_copy_old(store)) {
        rc = ngx_recording_catalogue_copy_thread(&copy->worker->catalogue,
                                                 &err);
    }

    ngx_recording_close(lock);

    if (rc == NGX_OK) {
        copy->failed = 0;

    } else if (rc == NGX_ERROR && !ngx_exiting && !ngx_terminate
               && ngx_recording_once(copy->failed, 1))
    {
        ngx_recording_notice(&copy->notices, NGX_LOG_ERR, 0,
                             "the hourly copy of the catalogue, "
                             "catalogue.copy, cannot be written: %s; it is "
                             "tried again", err.text);
    }
}


/* there is none, it is of an hour ago, or of a time that is to come yet */

static ngx_uint_t
ngx_recording_copy_old(ngx_recording_store_t *store)
{
    char         path[PATH_MAX];
    time_t       age;
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%s/catalogue.copy", store->path);

    if (stat(path, &st) == -1) {
        return 1;
    }

    age = time(NULL) - st.st_mtime;

    return age < 0 || age >= NGX_RECORDING_COPY_AGE;
}


static void
ngx_recording_copy_done(void *data)
{
    ngx_recording_copy_t *copy = data;

    copy->busy = 0;
    copy->next = ngx_current_msec + NGX_RECORDING_COPY_LOOK;

    ngx_recording_notices_log(&copy->notices, copy->worker->log);
}
