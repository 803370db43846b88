
#include "ngx_recording_reserve.h"


static void ngx_recording_reserve_thread(void *data);
static void ngx_recording_reserve_done(void *data);


void
ngx_recording_reserve_init(ngx_recording_reserve_t *reserve,
    ngx_recording_worker_t *worker)
{
    reserve->worker = worker;

    ngx_recording_job_init(&reserve->job, &worker->jobs,
                           ngx_recording_reserve_thread,
                           ngx_recording_reserve_done, reserve);
}


void
ngx_recording_reserve(ngx_recording_reserve_t *reserve)
{
    if (reserve->busy) {
        return;
    }

    reserve->busy = 1;

    ngx_recording_job_post(&reserve->job);
}


/* less than the reserve, until there is a tenth more */

static void
ngx_recording_reserve_thread(void *data)
{
    ngx_recording_reserve_t *reserve = data;

    off_t                   room;
    ngx_recording_store_t  *store;

    store = &reserve->worker->store;

    if (ngx_recording_store_room_thread(store, &room) != NGX_OK) {
        return;
    }

    if (room < store->reserve && ngx_recording_once(reserve->low, 1)) {
        ngx_recording_notice_exception(&reserve->notices,
            NGX_RECORDING_EXCEPTION_LOST, 0,
            "store \"%s\" has %lld bytes left, less than reserve=: recording "
            "stops at the next key frames", store->path, (long long) room);

    } else if (room >= store->reserve + store->reserve / 10
               && ngx_recording_over(reserve->low, 1))
    {
        ngx_recording_notice(&reserve->notices, NGX_LOG_NOTICE, 0,
                             "store \"%s\" has room again, recording goes "
                             "on", store->path);
    }

    store->low = reserve->low;
    store->scarce = room < store->reserve + store->reserve / 10
                    || store->full;
}


static void
ngx_recording_reserve_done(void *data)
{
    ngx_recording_reserve_t *reserve = data;

    reserve->busy = 0;

    ngx_recording_notices_log(&reserve->notices, reserve->worker->log);
}
