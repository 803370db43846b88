
#include "ngx_recording_finish.h"


#define NGX_RECORDING_FINISH_CLAIMS  20
#define NGX_RECORDING_FINISH_RETRY   5000         /* ms */
#define NGX_RECORDING_FINISH_TRIES   3            /* of what cannot pass */


typedef struct {
    ngx_recording_worker_t *worker;
    ngx_recording_template_t  *template;
    ngx_recording_mux_t    *mux;           /* NULL: it is finished, or left
                                              to the next start */
    ngx_log_t              *log;
    ngx_recording_job_t     job;
    ngx_event_t             retry;
    ngx_uint_t              tries;         /* that failed by the file itself */
    ngx_recording_notices_t notices;
    void                  (*done)(void *data);
    void                   *data;
} ngx_recording_finish_t;


static void ngx_recording_finish_thread(void *data);
static void ngx_recording_finish_done(void *data);
static void ngx_recording_finish_again(ngx_event_t *ev);
static ngx_int_t ngx_recording_finish_file(ngx_recording_mux_t *mux,
    ngx_recording_template_t *template, ngx_recording_catalogue_t *catalogue,
    ngx_recording_notices_t *notices);
static ngx_int_t ngx_recording_finish_place(ngx_recording_mux_t *mux,
    ngx_recording_template_t *template, ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_finish_path(ngx_recording_mux_t *mux,
    ngx_recording_template_t *template, ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err);


void
ngx_recording_finish(ngx_recording_worker_t *worker,
    ngx_recording_template_t *template, ngx_recording_mux_t *mux,
    ngx_log_t *log, void (*done)(void *data), void *data)
{
    ngx_recording_finish_t  *f;

    f = ngx_calloc(sizeof(ngx_recording_finish_t), log);

    if (f == NULL) {

        /* it stays in work/, the next start finishes it */

        ngx_recording_mux_close_thread(mux);
        done(data);
        return;
    }

    f->worker = worker;
    f->template = template;
    f->mux = mux;
    f->log = log;
    f->done = done;
    f->data = data;

    f->retry.handler = ngx_recording_finish_again;
    f->retry.data = f;
    f->retry.log = log;
    f->retry.cancelable = 1;

    ngx_recording_job_init(&f->job, &worker->jobs,
                           ngx_recording_finish_thread,
                           ngx_recording_finish_done, f);
    f->job.background = 1;

    ngx_recording_job_post(&f->job);
}


static void
ngx_recording_finish_thread(void *data)
{
    ngx_recording_finish_t *f = data;

    ngx_int_t  rc;

    rc = ngx_recording_finish_file(f->mux, f->template, &f->worker->catalogue,
                                   &f->notices);

    if (rc == NGX_ERROR && ++f->tries == NGX_RECORDING_FINISH_TRIES) {
        ngx_recording_notice(&f->notices, NGX_LOG_ERR, 0,
                             "file \"%s\" cannot be finished, it is left in "
                             "work/", f->mux->work);
        rc = NGX_OK;
    }

    if (rc == NGX_OK || ngx_exiting) {
        ngx_recording_mux_close_thread(f->mux);
        f->mux = NULL;
    }
}


static void
ngx_recording_finish_done(void *data)
{
    ngx_recording_finish_t *f = data;

    ngx_recording_notices_log(&f->notices, f->log);

    if (f->mux) {
        ngx_add_timer(&f->retry, NGX_RECORDING_FINISH_RETRY);
        return;
    }

    f->done(f->data);

    ngx_free(f);
}


static void
ngx_recording_finish_again(ngx_event_t *ev)
{
    ngx_recording_finish_t  *f;

    f = ev->data;

    ngx_recording_job_post(&f->job);
}


/*
 * NGX_AGAIN: not now; NGX_ERROR: hardly ever, as not the disk is to blame.
 * What was done already is not done again.
 */

static ngx_int_t
ngx_recording_finish_file(ngx_recording_mux_t *mux,
    ngx_recording_template_t *template, ngx_recording_catalogue_t *catalogue,
    ngx_recording_notices_t *notices)
{
    ngx_recording_file_t             *file;
    ngx_recording_catalogue_error_t   err;

    file = &mux->file;
    err.text[0] = '\0';

    if (file->state == NGX_RECORDING_FILE_RECORDING) {

        file->duration = ngx_recording_mux_end(mux);
        file->end = file->start + file->duration * 1000;

        file->state = file->written ? NGX_RECORDING_FILE_FINISHING
                                    : NGX_RECORDING_FILE_LOST;

        if (ngx_recording_catalogue_update_thread(catalogue, file, 0, &err)
            != NGX_OK)
        {
            file->state = NGX_RECORDING_FILE_RECORDING;
            goto failed;
        }
    }

    if (file->state == NGX_RECORDING_FILE_LOST) {
        ngx_recording_store_remove_thread(mux->store, mux->work);
        return NGX_OK;
    }

    mux->op = NULL;
    mux->err = mux->format->endless ? mux->err : 0;

    if (!mux->whole && mux->format->finish(mux) != NGX_OK) {
        goto failed;
    }

    mux->whole = 1;

    if (ngx_recording_finish_place(mux, template, catalogue, &err) != NGX_OK) {
        goto failed;
    }

    file->state = NGX_RECORDING_FILE_FINISHED;

    if (ngx_recording_catalogue_update_thread(catalogue, file, 1, &err)
        != NGX_OK)
    {
        file->state = NGX_RECORDING_FILE_FINISHING;
        goto failed;
    }

    ngx_recording_notice(notices, NGX_LOG_NOTICE, 0,
                         "file finished: \"%.*s\", %lld ms, %llu bytes",
                         (int) file->path_len, file->path,
                         (long long) file->duration,
                         (unsigned long long) file->size);

    return NGX_OK;

failed:

    if (err.text[0]) {
        ngx_recording_notice(notices, NGX_LOG_ERR, 0,
                             "catalogue failed: %s, file \"%s\" is not "
                             "finished yet", err.text, mux->work);

    } else {
        ngx_recording_notice(notices, NGX_LOG_ERR, mux->err,
                             "%s \"%s\" failed, the file is not finished yet",
                             mux->op ? mux->op : "finish", mux->work);
    }

    return err.text[0] == '\0' && mux->err == EINVAL ? NGX_ERROR : NGX_AGAIN;
}


/* puts the file of work/ where its row says */

static ngx_int_t
ngx_recording_finish_place(ngx_recording_mux_t *mux,
    ngx_recording_template_t *template, ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err)
{
    char        path[NGX_RECORDING_FILE_PATH];
    ngx_int_t   rc;
    ngx_uint_t  n;

    if (mux->format->endless) {
        return NGX_OK;
    }

    if (mux->file.path_len == 0
        && ngx_recording_finish_path(mux, template, catalogue, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (rc = NGX_OK, n = 0; n < NGX_RECORDING_FINISH_CLAIMS; n++) {

        ngx_memcpy(path, mux->file.path, mux->file.path_len);
        path[mux->file.path_len] = '\0';

        if (!mux->placed) {
            rc = ngx_recording_store_place_thread(mux->store, mux->work,
                                                  path);
        }

        if (rc == NGX_OK) {
            mux->placed = 1;

            if (ngx_recording_store_sync_thread(mux->store, path) != NGX_OK) {
                return ngx_recording_mux_error(mux, "sync the directory of");
            }

            return NGX_OK;
        }

        if (rc == NGX_ERROR) {

            if (errno != ENOTDIR) {
                return ngx_recording_mux_error(mux, "put in place");
            }

            /* another recording's file stands where a directory should */

            ngx_recording_claim_by_id(&mux->claim, mux->file.id);
        }

        /* or something that the catalogue does not know lies there */

        if (ngx_recording_catalogue_move_thread(catalogue, &mux->file,
                                                &mux->claim, err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    errno = NGX_EEXIST;

    return ngx_recording_mux_error(mux, "put in place");
}


/* a path that has the file's end in it is claimed when that is known */

static ngx_int_t
ngx_recording_finish_path(ngx_recording_mux_t *mux,
    ngx_recording_template_t *template, ngx_recording_catalogue_t *catalogue,
    ngx_recording_catalogue_error_t *err)
{
    ngx_recording_mux_render(mux, &template->path, &template->zone);

    return ngx_recording_catalogue_move_thread(catalogue, &mux->file,
                                               &mux->claim, err);
}
