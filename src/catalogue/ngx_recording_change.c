
#include "ngx_recording_change.h"


static void ngx_recording_changes_post(ngx_recording_changes_t *changes);
static void ngx_recording_changes_thread(void *data);
static ngx_int_t ngx_recording_changes_together(
    ngx_recording_changes_t *changes);
static void ngx_recording_changes_alone(ngx_recording_changes_t *changes);
static void ngx_recording_changes_done(void *data);
static void ngx_recording_change_commit(ngx_recording_change_t *c,
    ngx_uint_t again);


void
ngx_recording_changes_init(ngx_recording_changes_t *changes,
    ngx_recording_jobs_t *jobs, ngx_recording_catalogue_t *catalogue)
{
    ngx_memzero(changes, sizeof(ngx_recording_changes_t));

    changes->catalogue = catalogue;

    ngx_queue_init(&changes->waiting);
    ngx_queue_init(&changes->running);

    ngx_recording_job_init(&changes->job, jobs, ngx_recording_changes_thread,
                           ngx_recording_changes_done, changes);
    changes->job.seat = NGX_RECORDING_SEAT_COMMITS;
}


void
ngx_recording_changes_direct(ngx_recording_changes_t *changes)
{
    changes->direct = 1;
}


void
ngx_recording_change_init(ngx_recording_change_t *c,
    ngx_recording_changes_t *changes)
{
    ngx_memzero(c, sizeof(ngx_recording_change_t));

    c->changes = changes;
}


ngx_int_t
ngx_recording_change_ask_thread(ngx_recording_change_t *c,
    ngx_recording_catalogue_pt run, void *arg, ngx_uint_t durable,
    ngx_recording_catalogue_error_t *err)
{
    if (c->state != NGX_RECORDING_CHANGE_ANSWERED || c->run != run
        || c->arg != arg)
    {
        c->run = run;
        c->arg = arg;
        c->durable = (durable != 0);
        c->state = NGX_RECORDING_CHANGE_ASKED;

        if (!c->changes->direct) {
            return NGX_BUSY;
        }

        ngx_recording_change_commit(c, 0);
    }

    c->state = NGX_RECORDING_CHANGE_IDLE;

    if (c->rc == NGX_ERROR) {
        *err = c->err;
    }

    return c->rc;
}


ngx_uint_t
ngx_recording_change_post(ngx_recording_change_t *c,
    void (*answered)(void *data), void *data)
{
    ngx_recording_changes_t  *changes;

    if (c->state != NGX_RECORDING_CHANGE_ASKED) {
        return 0;
    }

    changes = c->changes;

    c->state = NGX_RECORDING_CHANGE_WAITING;
    c->answered = answered;
    c->data = data;

    ngx_queue_insert_tail(&changes->waiting, &c->queue);

    if (!changes->busy) {
        ngx_recording_changes_post(changes);
    }

    return 1;
}


static void
ngx_recording_changes_post(ngx_recording_changes_t *changes)
{
    ngx_queue_add(&changes->running, &changes->waiting);
    ngx_queue_init(&changes->waiting);

    changes->busy = 1;

    ngx_recording_job_post(&changes->job);
}


static void
ngx_recording_changes_thread(void *data)
{
    ngx_recording_changes_t *changes = data;

    if (ngx_recording_changes_together(changes) != NGX_OK) {
        ngx_recording_changes_alone(changes);
    }
}


/* NGX_DECLINED: one has failed, and nothing is changed */

static ngx_int_t
ngx_recording_changes_together(ngx_recording_changes_t *changes)
{
    ngx_int_t                         rc;
    ngx_uint_t                        durable;
    ngx_queue_t                      *q;
    ngx_recording_change_t           *c;
    ngx_recording_catalogue_error_t   err;

    durable = 0;

    for (q = ngx_queue_head(&changes->running);
         q != ngx_queue_sentinel(&changes->running);
         q = ngx_queue_next(q))
    {
        c = ngx_queue_data(q, ngx_recording_change_t, queue);
        durable |= c->durable;
    }

    rc = ngx_recording_catalogue_begin(changes->catalogue, durable,
                                              &err);
    if (rc == NGX_OK) {

        for (q = ngx_queue_head(&changes->running);
             q != ngx_queue_sentinel(&changes->running);
             q = ngx_queue_next(q))
        {
            c = ngx_queue_data(q, ngx_recording_change_t, queue);

            c->rc = c->run(changes->catalogue, c->arg, 0);

            if (c->rc == NGX_ERROR) {
                (void) ngx_recording_catalogue_finish(
                                       changes->catalogue, NGX_ERROR, &err);
                return NGX_DECLINED;
            }
        }

        rc = ngx_recording_catalogue_finish(changes->catalogue, NGX_OK,
                                                   &err);
    }

    for (q = ngx_queue_head(&changes->running);
         q != ngx_queue_sentinel(&changes->running);
         q = ngx_queue_next(q))
    {
        c = ngx_queue_data(q, ngx_recording_change_t, queue);

        if (rc != NGX_OK) {
            c->rc = NGX_ERROR;
            c->err = err;
        }

        c->state = NGX_RECORDING_CHANGE_ANSWERED;
    }

    return NGX_OK;
}


/* what fails costs the others nothing */

static void
ngx_recording_changes_alone(ngx_recording_changes_t *changes)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&changes->running);
         q != ngx_queue_sentinel(&changes->running);
         q = ngx_queue_next(q))
    {
        ngx_recording_change_commit(ngx_queue_data(q, ngx_recording_change_t,
                                                   queue),
                                    1);
    }
}


static void
ngx_recording_change_commit(ngx_recording_change_t *c, ngx_uint_t again)
{
    ngx_int_t                   rc;
    ngx_recording_catalogue_t  *cat;

    cat = c->changes->catalogue;

    rc = ngx_recording_catalogue_begin(cat, c->durable, &c->err);

    c->rc = NGX_ERROR;

    if (rc == NGX_OK) {
        c->rc = c->run(cat, c->arg, again);

        rc = ngx_recording_catalogue_finish(cat,
                            c->rc == NGX_ERROR ? NGX_ERROR : NGX_OK, &c->err);

        if (rc != NGX_OK) {
            c->rc = NGX_ERROR;
        }
    }

    c->state = NGX_RECORDING_CHANGE_ANSWERED;
}


static void
ngx_recording_changes_done(void *data)
{
    ngx_recording_changes_t *changes = data;

    ngx_queue_t              answered, *q;
    ngx_recording_change_t  *c;

    ngx_queue_init(&answered);
    ngx_queue_add(&answered, &changes->running);
    ngx_queue_init(&changes->running);

    while (!ngx_queue_empty(&answered)) {
        q = ngx_queue_head(&answered);
        ngx_queue_remove(q);

        c = ngx_queue_data(q, ngx_recording_change_t, queue);

        /* its owner may be gone after this */

        c->answered(c->data);
    }

    if (changes->committed) {
        changes->committed(changes->data);
    }

    if (ngx_queue_empty(&changes->waiting)) {
        changes->busy = 0;
        return;
    }

    ngx_recording_changes_post(changes);
}
