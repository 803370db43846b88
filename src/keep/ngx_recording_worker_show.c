
/* how a worker is, for those who ask, and what it has met: once a second */


#include "ngx_recording_worker.h"


#define NGX_RECORDING_WORKER_SHOW  1000              /* ms */


static void ngx_recording_worker_show_timer(ngx_event_t *ev);


void
ngx_recording_worker_show(ngx_recording_worker_t *worker)
{
    worker->slot = ngx_recording_board_take(&worker->store.board,
                                            NGX_RECORDING_BOARD_WORKER);

    worker->show.handler = ngx_recording_worker_show_timer;
    worker->show.data = worker;
    worker->show.log = worker->log;
    worker->show.cancelable = 1;

    ngx_recording_worker_show_timer(&worker->show);
}


static void
ngx_recording_worker_show_timer(ngx_event_t *ev)
{
    ngx_queue_t                   *q;
    ngx_recording_store_t         *store;
    ngx_recording_worker_t        *worker;
    ngx_recording_board_worker_t   told;

    worker = ev->data;
    store = &worker->store;

    ngx_memzero(&told, sizeof(told));

    told.id = 1;
    told.buffered = (int64_t) worker->account.held;
    told.buffer = (int64_t) worker->account.total;
    told.jobs = (int64_t) worker->jobs.ordered;
    told.descriptors = (int64_t) store->held;
    told.descriptors_left = ngx_max((int64_t) store->most - told.descriptors,
                                    0);

    for (q = ngx_queue_head(&worker->recordings);
         q != ngx_queue_sentinel(&worker->recordings);
         q = ngx_queue_next(q))
    {
        told.recordings++;
    }

    ngx_recording_board_tell_worker(worker->slot, &told);
    ngx_recording_worker_tally(worker);

    ngx_add_timer(ev, NGX_RECORDING_WORKER_SHOW);
}
