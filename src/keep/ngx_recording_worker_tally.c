
/*
 * Exceptions are counted in memory, and written once a second, with what else
 * is committed then.
 */


#include "ngx_recording_worker.h"


static void ngx_recording_worker_tally_answered(void *data);


void
ngx_recording_worker_tally_add(ngx_recording_worker_t *worker,
    ngx_recording_exception_e exception, uint64_t recording_id)
{
    int64_t                   now;
    ngx_uint_t                i;
    ngx_recording_tally_t    *t;
    ngx_recording_tallies_t  *tallies;

    tallies = &worker->tallies;
    now = ngx_recording_wall();
    now -= now % NGX_RECORDING_TALLY_HOUR;

    for (i = 0; i < tallies->n; i++) {
        t = &tallies->tally[i];

        if (t->recording_id == recording_id && t->exception == exception
            && t->hour == now)
        {
            t->n++;
            return;
        }
    }

    /* more at a time are not counted */

    if (tallies->n == NGX_RECORDING_TALLIES) {
        return;
    }

    t = &tallies->tally[tallies->n++];

    t->recording_id = recording_id;
    t->exception = exception;
    t->hour = now;
    t->n = 1;
}


void
ngx_recording_worker_tally(ngx_recording_worker_t *worker)
{
    ngx_recording_catalogue_error_t  err;

    if (!worker->ready || worker->tallying || worker->tallies.n == 0) {
        return;
    }

    worker->written = worker->tallies;
    worker->tallies.n = 0;

    /* with the threads gone it is done here and now; else a job does it */

    if (ngx_recording_change_ask_thread(&worker->tally,
                                        ngx_recording_catalogue_tally,
                                        &worker->written, 0, &err)
        == NGX_BUSY)
    {
        worker->tallying = 1;

        (void) ngx_recording_change_post(&worker->tally,
                                         ngx_recording_worker_tally_answered,
                                         worker);
    }
}


/* what could not be written is not worth a second try: the log has it */

static void
ngx_recording_worker_tally_answered(void *data)
{
    ngx_recording_worker_t *worker = data;

    ngx_recording_catalogue_error_t  err;

    worker->tallying = 0;

    (void) ngx_recording_change_ask_thread(&worker->tally,
                                           ngx_recording_catalogue_tally,
                                           &worker->written, 0, &err);
}
