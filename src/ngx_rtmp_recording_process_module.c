
/*
 * What the module is in a process: the order in which its parts begin and end
 * with nginx, and who is told of whom.  The only file that knows all folders.
 *
 * Runs in the event loop of the master and the workers.
 */


#include "ngx_recording_api_conf.h"
#include "ngx_recording_dispatch.h"
#include "ngx_recording_editor.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_http_conf.h"
#include "ngx_recording_keeper.h"
#include "ngx_rtmp_recording_module.h"
#include "ngx_rtmp.h"


static void *ngx_rtmp_recording_create_conf(ngx_cycle_t *cycle);
static char *ngx_rtmp_recording_init_conf(ngx_cycle_t *cycle, void *conf);
static ngx_int_t ngx_rtmp_recording_rewind_check(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf);
static void ngx_rtmp_recording_leave(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *old, ngx_recording_main_conf_t *rmcf);
static void ngx_rtmp_recording_unmap(void *data);
static void ngx_rtmp_recording_conf(ngx_cycle_t *cycle, ngx_conf_t *cf);
static ngx_int_t ngx_rtmp_recording_add_zone(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf);
static ngx_int_t ngx_rtmp_recording_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_rtmp_recording_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_rtmp_recording_init_process(ngx_cycle_t *cycle);
static void ngx_rtmp_recording_dispatch(ngx_cycle_t *cycle,
    ngx_recording_worker_t *worker, ngx_recording_main_conf_t *rmcf);
static void ngx_rtmp_recording_housekeeping(ngx_recording_worker_t *worker);
static void ngx_rtmp_recording_lifetimes(ngx_cycle_t *cycle,
    ngx_recording_worker_t *worker, ngx_recording_main_conf_t *rmcf);
static void ngx_rtmp_recording_init_api(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf);
static void ngx_rtmp_recording_exit_threads(ngx_cycle_t *cycle);
static void ngx_rtmp_recording_exit_process(ngx_cycle_t *cycle);
static ngx_recording_main_conf_t *ngx_rtmp_recording_main_conf(
    ngx_cycle_t *cycle);


extern ngx_module_t  ngx_rtmp_module;


static ngx_core_module_t  ngx_rtmp_recording_exit_module_ctx = {
    ngx_string("rtmp_recording_exit"),
    NULL,
    NULL
};


/* before the thread pools, which wait for their threads */

ngx_module_t  ngx_rtmp_recording_exit_module = {
    NGX_MODULE_V1,
    &ngx_rtmp_recording_exit_module_ctx,   /* module context */
    NULL,                                  /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_rtmp_recording_exit_threads,       /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_core_module_t  ngx_rtmp_recording_process_module_ctx = {
    ngx_string("rtmp_recording_process"),
    ngx_rtmp_recording_create_conf,
    ngx_rtmp_recording_init_conf
};


/* the last of all modules: thread pools and events come before it */

ngx_module_t  ngx_rtmp_recording_process_module = {
    NGX_MODULE_V1,
    &ngx_rtmp_recording_process_module_ctx,  /* module context */
    NULL,                                  /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_rtmp_recording_init_module,        /* init module */
    ngx_rtmp_recording_init_process,       /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_rtmp_recording_exit_process,       /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_recording_main_conf_t *
ngx_rtmp_recording_main_conf(ngx_cycle_t *cycle)
{
    ngx_rtmp_conf_ctx_t  *ctx;

    ctx = (ngx_rtmp_conf_ctx_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_rtmp_module);
    if (ctx == NULL) {
        return NULL;
    }

    return ctx->main_conf[ngx_rtmp_recording_module.ctx_index];
}


static void *
ngx_rtmp_recording_create_conf(ngx_cycle_t *cycle)
{
    return ngx_pcalloc(cycle->pool, sizeof(ngx_recording_core_conf_t));
}


/* the user of the workers is known now, and nginx -t still speaks */

static char *
ngx_rtmp_recording_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_conf_t                      cf;
    ngx_uint_t                      api;
    ngx_recording_main_conf_t      *rmcf;
    ngx_recording_api_main_conf_t  *ramc;

    rmcf = ngx_rtmp_recording_main_conf(cycle);

    if (ngx_recording_api_conf_check(cycle, rmcf && rmcf->store.len,
                                     rmcf && rmcf->url.len, &api)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (rmcf && rmcf->rewind
        && ngx_rtmp_recording_rewind_check(cycle, rmcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* who only looks at what is there needs threads, too */

    if (api) {
        rmcf->used = 1;
    }

    /* calls may name hosts */

    ramc = ngx_recording_api_conf_main(cycle);

    if (rmcf && ramc && ramc->calls) {
        ngx_rtmp_recording_conf(cycle, &cf);

        if (ngx_recording_http_conf_guests(&cf, &rmcf->http) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (rmcf && rmcf->used && ngx_process != NGX_PROCESS_SIGNALLER) {
        ngx_recording_conf_look(cycle, &rmcf->store);
        ngx_recording_conf_look_programs(cycle, &rmcf->notifies);
        ngx_recording_conf_look_credentials(cycle, &rmcf->buckets);
    }

    if (rmcf && rmcf->used && rmcf->board
        && ngx_rtmp_recording_add_zone(cycle, rmcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* only a task of a call has a use for what is kept */

static ngx_int_t
ngx_rtmp_recording_rewind_check(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf)
{
    ngx_recording_api_main_conf_t  *ramc;

    ramc = ngx_recording_api_conf_main(cycle);

    if (ramc && ramc->calls) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                  "rewind= needs a record_api in %s:%ui",
                  rmcf->rewind->file, rmcf->rewind->line);

    return NGX_ERROR;
}


/* the workers of the configuration before finish what is in its store */

static void
ngx_rtmp_recording_leave(ngx_cycle_t *cycle, ngx_recording_main_conf_t *old,
    ngx_recording_main_conf_t *rmcf)
{
    if (old == NULL || !old->used
        || (rmcf && rmcf->used && old->store.len == rmcf->store.len
            && ngx_strcmp(old->store.data, rmcf->store.data) == 0))
    {
        return;
    }

    *old->left = 1;

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "recording: store \"%V\" is not the configured one any "
                  "more: the old worker processes finish what grows there "
                  "and what waits for its stream", &old->store);
}


static void
ngx_rtmp_recording_unmap(void *data)
{
    (void) munmap(data, sizeof(ngx_atomic_t));
}


/* what nginx's functions want of one, when there is none any more */

static void
ngx_rtmp_recording_conf(ngx_cycle_t *cycle, ngx_conf_t *cf)
{
    ngx_memzero(cf, sizeof(ngx_conf_t));

    cf->cycle = cycle;
    cf->pool = cycle->pool;
    cf->log = cycle->log;
}


/* beside the board there is what nginx has in each zone */

static ngx_int_t
ngx_rtmp_recording_add_zone(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf)
{
    ngx_str_t   name = ngx_string("recording");
    ngx_conf_t  cf;

    ngx_rtmp_recording_conf(cycle, &cf);

    rmcf->shared = ngx_shared_memory_add(&cf, &name,
                                         rmcf->board + 8 * ngx_pagesize,
                                         &ngx_rtmp_recording_module);
    if (rmcf->shared == NULL) {
        return NGX_ERROR;
    }

    rmcf->shared->init = ngx_rtmp_recording_init_zone;

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_recording_init_zone(ngx_shm_zone_t *zone, void *data)
{
    void             *memory;
    size_t            size;
    ngx_slab_pool_t  *pool;

    if (data) {

        /* after a reload: what is told there stays */

        zone->data = data;
        return NGX_OK;
    }

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    size = zone->shm.size - 8 * ngx_pagesize;

    memory = ngx_slab_calloc(pool, size);

    if (memory == NULL) {
        return NGX_ERROR;
    }

    zone->data = ngx_recording_board_create(memory, size);
    pool->data = zone->data;

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_recording_init_module(ngx_cycle_t *cycle)
{
    ngx_pool_cleanup_t         *cln;
    ngx_recording_main_conf_t  *rmcf, *old;

    rmcf = ngx_rtmp_recording_main_conf(cycle);

    old = ngx_cycle->conf_ctx && !ngx_test_config
          ? ngx_rtmp_recording_main_conf((ngx_cycle_t *) ngx_cycle) : NULL;

    ngx_rtmp_recording_leave(cycle, old, rmcf);

    if (rmcf == NULL || rmcf->store.len == 0) {
        return NGX_OK;
    }

    ngx_recording_conf_descriptors(cycle, rmcf);

    if (ngx_test_config) {
        return NGX_OK;
    }

    rmcf->left = mmap(NULL, sizeof(ngx_atomic_t), PROT_READ|PROT_WRITE,
                      MAP_ANON|MAP_SHARED, -1, 0);

    if (rmcf->left == MAP_FAILED) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "mmap() failed");
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cycle->pool, 0);

    if (cln == NULL) {
        (void) munmap((void *) rmcf->left, sizeof(ngx_atomic_t));
        return NGX_ERROR;
    }

    cln->handler = ngx_rtmp_recording_unmap;
    cln->data = (void *) rmcf->left;

    if (ngx_recording_conf_create_store(cycle, rmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_conf_clock(cycle, rmcf, old);

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_recording_init_process(ngx_cycle_t *cycle)
{
    ngx_recording_worker_t     *worker;
    ngx_recording_main_conf_t  *rmcf;

    rmcf = ngx_rtmp_recording_main_conf(cycle);

    if (rmcf == NULL || !rmcf->used
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    /* an error here would end the worker, and what is live with it */

    worker = ngx_pcalloc(cycle->pool, sizeof(ngx_recording_worker_t));

    if (worker == NULL) {
        return NGX_OK;
    }

    worker->calls = &ngx_recording_recorder_calls;
    worker->housekeeping = ngx_rtmp_recording_housekeeping;
    worker->log = cycle->log;
    worker->left = rmcf->left;
    worker->store.path = (char *) rmcf->store.data;
    worker->store.url = rmcf->url;
    worker->store.reserve = rmcf->reserve;
    worker->store.max = rmcf->max;
    worker->store.rows = rmcf->rows;
    worker->store.base = rmcf->base;
    worker->store.connections = cycle->connection_n;
    worker->account.buffer = rmcf->buffer;
    worker->account.total = rmcf->total;

    ngx_recording_board_join(&worker->store.board,
                             rmcf->shared ? rmcf->shared->data : NULL);

    rmcf->http.log = cycle->log;

    ngx_rtmp_recording_dispatch(cycle, worker, rmcf);
    ngx_rtmp_recording_lifetimes(cycle, worker, rmcf);

    ngx_recording_formats_init();
    ngx_recording_jobs_init(&worker->jobs, rmcf->pool, cycle->log);
    ngx_recording_worker_start(worker);

    rmcf->worker = worker;

    ngx_rtmp_recording_init_api(cycle, rmcf);

    return NGX_OK;
}


/* whom the configuration tells, and calls, if there may be any */

static void
ngx_rtmp_recording_dispatch(ngx_cycle_t *cycle,
    ngx_recording_worker_t *worker, ngx_recording_main_conf_t *rmcf)
{
    ngx_recording_api_main_conf_t  *ramc;

    if (ngx_recording_dispatch_init(worker, rmcf->notifies.elts,
                                    rmcf->notifies.nelts, rmcf->uploads.elts,
                                    rmcf->uploads.nelts, rmcf->buckets.elts,
                                    rmcf->buckets.nelts, cycle->pool)
        != NGX_OK)
    {
        return;
    }

    ramc = ngx_recording_api_conf_main(cycle);

    if (ramc && ramc->calls
        && ngx_recording_dispatch_callbacks(worker, &rmcf->http,
                                            ramc->private, cycle->pool)
           != NGX_OK)
    {
        return;
    }

    worker->told = &ngx_recording_dispatch_calls;
}


/* the store is open */

static void
ngx_rtmp_recording_housekeeping(ngx_recording_worker_t *worker)
{
    ngx_recording_keeper_start(worker);
    ngx_recording_editor_start(worker);
}


/* without memory what is finished is for good, until the next start */

static void
ngx_rtmp_recording_lifetimes(ngx_cycle_t *cycle,
    ngx_recording_worker_t *worker, ngx_recording_main_conf_t *rmcf)
{
    ngx_uint_t                 i, n;
    ngx_recording_template_t  *t;
    ngx_recording_lifetime_t  *l;

    t = rmcf->templates.elts;

    l = ngx_palloc(cycle->pool, rmcf->templates.nelts
                                * sizeof(ngx_recording_lifetime_t));
    if (l == NULL) {
        return;
    }

    for (n = 0, i = 0; i < rmcf->templates.nelts; i++) {

        if (t[i].expire) {
            l[n].template = t[i].name;
            l[n++].expire_us = (int64_t) t[i].expire * 1000000;
        }
    }

    worker->lifetimes = l;
    worker->nlifetimes = n;
}

/* without an API calls order nothing, and nobody waits for what they have */

static void
ngx_rtmp_recording_init_api(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf)
{
    ngx_recording_policy_t         *configured;
    ngx_recording_api_main_conf_t  *ramc;

    ramc = ngx_recording_api_conf_main(cycle);

    if (ramc == NULL || !ramc->used) {
        return;
    }

    configured = ngx_recording_conf_policy(ngx_get_conf(cycle->conf_ctx,
                                                        ngx_rtmp_module),
                                           rmcf);
    ramc->api = configured ? ngx_pcalloc(cycle->pool,
                                         sizeof(ngx_recording_api_t))
                           : NULL;

    if (ramc->api == NULL) {
        return;
    }

    ngx_recording_api_init(ramc->api, rmcf->worker);

    ramc->api->live = &ngx_recording_api_live;
    ramc->api->data = &rmcf->worker->store.board;
    ramc->api->configured = configured;
    ramc->api->http = &rmcf->http;

    ngx_queue_init(&rmcf->sessions);

    rmcf->watch = ngx_recording_watch_start(rmcf->worker,
                                            ngx_rtmp_recording_module_looked,
                                            rmcf);
}


static void
ngx_rtmp_recording_exit_threads(ngx_cycle_t *cycle)
{
    ngx_recording_main_conf_t  *rmcf;

    rmcf = ngx_rtmp_recording_main_conf(cycle);

    if (rmcf && rmcf->worker && ngx_terminate) {
        ngx_rtmp_recording_module_stop(rmcf);
        ngx_recording_worker_hurry(rmcf->worker);
    }
}


static void
ngx_rtmp_recording_exit_process(ngx_cycle_t *cycle)
{
    ngx_recording_main_conf_t      *rmcf;
    ngx_recording_api_main_conf_t  *ramc;

    rmcf = ngx_rtmp_recording_main_conf(cycle);
    ramc = ngx_recording_api_conf_main(cycle);

    if (ramc && ramc->api) {
        ngx_recording_api_close(ramc->api);
        ramc->api = NULL;
    }

    if (rmcf && rmcf->watch) {
        ngx_recording_watch_stop(rmcf->watch);
        rmcf->watch = NULL;
    }

    if (rmcf && rmcf->worker) {
        ngx_recording_worker_stop(rmcf->worker);
        ngx_recording_http_close(&rmcf->http);
        rmcf->worker = NULL;
    }
}
