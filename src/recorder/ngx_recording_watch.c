
#include "ngx_recording_watch.h"


#define NGX_RECORDING_WATCH_TIME   250           /* ms */
#define NGX_RECORDING_WATCH_QUERY  2000          /* ms */
#define NGX_RECORDING_WATCH_ALL    8             /* looks: what became another
                                                    worker's is seen then */


static void ngx_recording_watch_timer(ngx_event_t *ev);
static void ngx_recording_watch_post(ngx_recording_watch_t *watch);
static void ngx_recording_watch_thread(void *data);
static ngx_int_t ngx_recording_watch_read_thread(ngx_recording_watch_t *watch);
static void ngx_recording_watch_ran(void *data);
static void ngx_recording_watch_say(ngx_recording_watch_t *watch);
static void ngx_recording_watch_answered(void *data);


ngx_recording_watch_t *
ngx_recording_watch_start(ngx_recording_worker_t *worker,
    void (*looked)(void *data), void *data)
{
    ngx_recording_watch_t  *watch;

    watch = ngx_calloc(sizeof(ngx_recording_watch_t), worker->log);

    if (watch == NULL) {
        return NULL;
    }

    watch->worker = worker;
    watch->looked = looked;
    watch->data = data;
    watch->number = -1;

    ngx_recording_catalogue_init_reader(&watch->catalogue, &worker->store,
                                        NGX_RECORDING_WATCH_QUERY);
    ngx_recording_job_init(&watch->job, &worker->jobs,
                           ngx_recording_watch_thread,
                           ngx_recording_watch_ran, watch);
    ngx_recording_change_init(&watch->change, &worker->changes);

    watch->timer.handler = ngx_recording_watch_timer;
    watch->timer.data = watch;
    watch->timer.log = worker->log;
    watch->timer.cancelable = 1;

    ngx_add_timer(&watch->timer, 1);

    return watch;
}


void
ngx_recording_watch_stop(ngx_recording_watch_t *watch)
{
    ngx_recording_catalogue_close(&watch->catalogue);
}


ngx_uint_t
ngx_recording_watch_look(ngx_recording_watch_t *watch)
{
    /* one that runs may have read before this time */

    if (watch->busy) {
        watch->again = 1;
        return watch->begun + 1;
    }

    ngx_recording_watch_post(watch);

    return watch->begun;
}


ngx_uint_t
ngx_recording_watch_has(ngx_recording_watch_t *watch, ngx_uint_t look)
{
    return watch->policy && watch->done >= look;
}


static void
ngx_recording_watch_timer(ngx_event_t *ev)
{
    ngx_recording_watch_t  *watch;

    watch = ev->data;

    if (!watch->busy) {
        ngx_recording_watch_post(watch);
    }

    ngx_add_timer(&watch->timer, NGX_RECORDING_WATCH_TIME);

    watch->looked(watch->data);
}


static void
ngx_recording_watch_post(ngx_recording_watch_t *watch)
{
    watch->busy = 1;
    watch->again = 0;
    watch->begun++;

    /* what the one before could not read has not changed since then, and
       that commands were obeyed is counted by nobody */

    watch->all = watch->policy == NULL || watch->rc != NGX_OK
                 || watch->read < watch->fresh
                 || watch->begun % NGX_RECORDING_WATCH_ALL == 0;
    watch->number = watch->policy ? watch->policy->number : -1;

    ngx_recording_job_post(&watch->job);
}


static void
ngx_recording_watch_thread(void *data)
{
    ngx_recording_watch_t *watch = data;

    ngx_recording_sql_t  *sql;

    sql = watch->worker->catalogue.sql;

    /* those who write make the catalogue, if there is none */

    if (!watch->worker->ready || sql == NULL || sql->opened == 0) {
        watch->rc = NGX_DECLINED;
        return;
    }

    watch->rc = NGX_OK;

    if (!ngx_recording_catalogue_changed_thread(&watch->catalogue)
        && !watch->all)
    {
        return;
    }

    watch->rc = ngx_recording_catalogue_read(&watch->catalogue, &watch->err);

    if (watch->rc == NGX_OK) {
        watch->rc = ngx_recording_watch_read_thread(watch);
        watch->rc = ngx_recording_catalogue_finish(&watch->catalogue,
                                                   watch->rc, &watch->err);
    }
}


static ngx_int_t
ngx_recording_watch_read_thread(ngx_recording_watch_t *watch)
{
    int64_t    number;
    ngx_int_t  rc;

    /* what was known before holds until it is back */

    rc = ngx_recording_catalogue_has_copied_thread(&watch->catalogue);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_recording_policy_number(&watch->catalogue, &number) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the number of another catalogue tells nothing */

    if (number == watch->number && !watch->all
        && watch->opened == ngx_recording_catalogue_opened(&watch->catalogue))
    {
        return NGX_OK;
    }

    watch->found = ngx_recording_policy_read(&watch->catalogue,
                                             ngx_recording_wall());
    watch->opened = ngx_recording_catalogue_opened(&watch->catalogue);

    return watch->found ? NGX_OK : NGX_ERROR;
}


static void
ngx_recording_watch_ran(void *data)
{
    ngx_recording_watch_t *watch = data;

    watch->busy = 0;

    if (watch->rc == NGX_OK) {
        watch->done = watch->begun;
    }

    ngx_recording_watch_say(watch);

    if (watch->found) {
        if (watch->policy != watch->obeyed) {
            ngx_recording_policy_free(watch->policy);
        }

        watch->policy = watch->found;
        watch->found = NULL;
        watch->read = watch->begun;
    }

    watch->looked(watch->data);

    if (watch->again && !watch->busy) {
        ngx_recording_watch_post(watch);
    }
}


/* as those who write say so, too, only what lasts is said here */

static void
ngx_recording_watch_say(ngx_recording_watch_t *watch)
{
    if (watch->rc == NGX_ERROR && !watch->failed) {
        watch->failed = 1;

        ngx_log_error(NGX_LOG_ERR, watch->worker->log, 0,
                      "recording: what calls have ordered is not known, the "
                      "catalogue failed: %s", watch->err.text);

    } else if (watch->rc == NGX_OK && watch->failed) {
        watch->failed = 0;

        ngx_log_error(NGX_LOG_NOTICE, watch->worker->log, 0,
                      "recording: what calls have ordered is known again");
    }
}


ngx_uint_t
ngx_recording_watch_commands(ngx_recording_watch_t *watch)
{
    return watch->policy && watch->obeyed == NULL
           && watch->read >= watch->fresh ? watch->policy->ncommands : 0;
}


void
ngx_recording_watch_obeyed(ngx_recording_watch_t *watch)
{
    ngx_uint_t                       i, n;
    ngx_recording_catalogue_error_t  err;

    for (n = 0, i = ngx_recording_watch_commands(watch); i > 0; i--) {
        n += watch->policy->commands[i - 1].obeyed;
    }

    if (n == 0) {
        return;
    }

    /* its rows stay until they are gone, and are obeyed once more if not */

    if (ngx_recording_change_ask_thread(&watch->change,
                                        ngx_recording_policy_obeyed,
                                        watch->policy, 0, &err)
        == NGX_BUSY)
    {
        watch->obeyed = watch->policy;

        (void) ngx_recording_change_post(&watch->change,
                                         ngx_recording_watch_answered, watch);
    }
}


static void
ngx_recording_watch_answered(void *data)
{
    ngx_recording_watch_t *watch = data;

    ngx_recording_policy_t           *obeyed;
    ngx_recording_catalogue_error_t   err;

    obeyed = watch->obeyed;
    watch->obeyed = NULL;
    watch->fresh = watch->begun + 1;

    (void) ngx_recording_change_ask_thread(&watch->change,
                                           ngx_recording_policy_obeyed, obeyed,
                                           0, &err);

    if (obeyed != watch->policy) {
        ngx_recording_policy_free(obeyed);
    }

    (void) ngx_recording_watch_look(watch);
}
