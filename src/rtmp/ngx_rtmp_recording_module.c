
/*
 * The module, and its side towards nginx-rtmp: which publishes are recorded.
 *
 * Runs in the event loop.  Every hook continues its chain whatever happens:
 * a failure of recording is never one of the session.
 */


#include "ngx_recording_amf.h"
#include "ngx_recording_text.h"
#include "ngx_rtmp_recording_module.h"
#include "ngx_rtmp_live_module.h"


#define NGX_RECORDING_META_MAX   65536
#define NGX_RECORDING_META_HEAD  64         /* bytes that tell what it is */
#define NGX_RECORDING_ROOM       4          /* recordings, at a time */
#define NGX_RECORDING_CTX        2048       /* bytes */


static ngx_rtmp_publish_pt       next_publish;
static ngx_rtmp_close_stream_pt  next_close_stream;
static ngx_rtmp_stream_begin_pt  next_stream_begin;
static ngx_rtmp_stream_eof_pt    next_stream_eof;


static void *ngx_rtmp_recording_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_rtmp_recording_postconfiguration(ngx_conf_t *cf);

static ngx_int_t ngx_rtmp_recording_publish(ngx_rtmp_session_t *s,
    ngx_rtmp_publish_t *v);
static ngx_int_t ngx_rtmp_recording_close_stream(ngx_rtmp_session_t *s,
    ngx_rtmp_close_stream_t *v);
static ngx_int_t ngx_rtmp_recording_stream_begin(ngx_rtmp_session_t *s,
    ngx_rtmp_stream_begin_t *v);
static ngx_int_t ngx_rtmp_recording_stream_eof(ngx_rtmp_session_t *s,
    ngx_rtmp_stream_eof_t *v);
static ngx_int_t ngx_rtmp_recording_av(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static ngx_int_t ngx_rtmp_recording_meta(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);

static ngx_inline void ngx_rtmp_recording_message(
    ngx_rtmp_recording_ctx_t *ctx, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in);

static ngx_rtmp_recording_ctx_t *ngx_rtmp_recording_create(
    ngx_rtmp_session_t *s, u_char *name, u_char *args);
static void ngx_rtmp_recording_begin(ngx_rtmp_recording_ctx_t *ctx);
static void ngx_rtmp_recording_rule(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream);
static void ngx_rtmp_recording_rewind(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream, ngx_msec_t keep);
static void ngx_rtmp_recording_free(ngx_rtmp_recording_ctx_t *ctx);
static ngx_rtmp_recording_one_t *ngx_rtmp_recording_add(
    ngx_rtmp_recording_ctx_t *ctx);
static void ngx_rtmp_recording_not(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream, const char *why);


static ngx_rtmp_module_t  ngx_rtmp_recording_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_rtmp_recording_postconfiguration,  /* postconfiguration */
    ngx_rtmp_recording_create_main_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */
    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */
    ngx_recording_conf_create_app,         /* create app configuration */
    ngx_recording_conf_merge_app           /* merge app configuration */
};


ngx_module_t  ngx_rtmp_recording_module = {
    NGX_MODULE_V1,
    &ngx_rtmp_recording_module_ctx,        /* module context */
    ngx_recording_commands,                /* module directives */
    NGX_RTMP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_rtmp_recording_publish(ngx_rtmp_session_t *s, ngx_rtmp_publish_t *v)
{
    ngx_rtmp_live_ctx_t        *lctx;
    ngx_rtmp_recording_ctx_t   *ctx;
    ngx_recording_main_conf_t  *rmcf;

    rmcf = ngx_rtmp_get_module_main_conf(s, ngx_rtmp_recording_module);

    /* what rtmp_auto_push brings is recorded by the worker it came to */

    if (rmcf->worker == NULL || s->auto_pushed) {
        goto next;
    }

    /* a second publisher of a live name gets here, but has no stream */

    lctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_live_module);

    if (lctx == NULL || lctx->stream == NULL || !lctx->publishing) {
        goto next;
    }

    if (ngx_rtmp_get_module_ctx(s, ngx_rtmp_recording_module)) {
        goto next;
    }

    /* at the end nginx-rtmp's own has left the stream before */

    ctx = ngx_rtmp_recording_create(s, lctx->stream->name, v->args);

    if (ctx) {
        ngx_rtmp_recording_begin(ctx);
    }

next:

    return next_publish(s, v);
}


static ngx_int_t
ngx_rtmp_recording_close_stream(ngx_rtmp_session_t *s,
    ngx_rtmp_close_stream_t *v)
{
    ngx_rtmp_recording_ctx_t  *ctx;

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_recording_module);

    if (ctx) {
        ngx_rtmp_recording_module_over(ctx);
    }

    return next_close_stream(s, v);
}


/* the source of a relay is back */

static ngx_int_t
ngx_rtmp_recording_stream_begin(ngx_rtmp_session_t *s,
    ngx_rtmp_stream_begin_t *v)
{
    ngx_rtmp_recording_ctx_t  *ctx;

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_recording_module);

    if (ctx && ctx->paused) {
        ctx->paused = 0;
        ngx_rtmp_recording_begin(ctx);
    }

    return next_stream_begin(s, v);
}


/* the source of a relay stopped; the relay itself stays */

static ngx_int_t
ngx_rtmp_recording_stream_eof(ngx_rtmp_session_t *s, ngx_rtmp_stream_eof_t *v)
{
    ngx_rtmp_recording_ctx_t  *ctx, *next;

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_recording_module);

    if (ctx && ctx->relay) {
        next = ngx_rtmp_recording_create(s, ctx->name, ctx->args);
        ngx_rtmp_recording_module_over(ctx);

        if (next) {
            next->paused = 1;
            ngx_rtmp_set_ctx(s, next, ngx_rtmp_recording_module);
        }
    }

    return next_stream_eof(s, v);
}


static ngx_int_t
ngx_rtmp_recording_av(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    ngx_rtmp_recording_ctx_t  *ctx;

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_recording_module);

    if (ctx == NULL || in == NULL) {
        return NGX_OK;
    }

    if (ctx->paused) {

        /* a source that sends again without saying so */

        ctx->paused = 0;
        ngx_rtmp_recording_begin(ctx);
    }

    ngx_rtmp_recording_message(ctx, h->type == NGX_RTMP_MSG_VIDEO
                                    ? NGX_RECORDING_VIDEO
                                    : NGX_RECORDING_AUDIO,
                               h->timestamp, in);

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_recording_meta(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    u_char                     head[NGX_RECORDING_META_HEAD], *p;
    size_t                     size;
    ngx_rtmp_recording_ctx_t  *ctx;

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_recording_module);

    if (ctx == NULL || in == NULL || h->mlen > NGX_RECORDING_META_MAX) {
        return NGX_OK;
    }

    /* cue points, captions and the like are data messages, too */

    p = head;
    size = ngx_recording_batch_fill(head, sizeof(head), in);

    if (ngx_recording_amf_metadata(&p, &size) != NGX_OK) {
        return NGX_OK;
    }

    ngx_rtmp_recording_message(ctx, NGX_RECORDING_DATA, h->timestamp, in);

    return NGX_OK;
}


static ngx_inline void
ngx_rtmp_recording_message(ngx_rtmp_recording_ctx_t *ctx, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in)
{
    ngx_uint_t        i;
    ngx_recording_t  *r;

    if (ctx->waiting) {
        if (ngx_recording_gate_add(&ctx->gate,
                                   &ctx->main_conf->worker->account, track,
                                   timestamp, in)
            == NGX_OK)
        {
            return;
        }

        /* no room for more: what is known by now has to do */

        ngx_rtmp_recording_module_decide(ctx);
    }

    if (ctx->ring) {
        ngx_recording_ring_message(ctx->ring, track, timestamp, in);
    }

    for (i = 0; i < ctx->n; i++) {
        r = ctx->recordings[i].recording;

        if (r && r->replay == NULL) {
            ngx_recording_recorder_message(r, track, timestamp, in);
        }
    }
}


/* of what is published now; NULL: no memory, which was said */

static ngx_rtmp_recording_ctx_t *
ngx_rtmp_recording_create(ngx_rtmp_session_t *s, u_char *name, u_char *args)
{
    ngx_str_t                  domain;
    ngx_pool_t                *pool;
    ngx_rtmp_core_app_conf_t  *cacf;
    ngx_rtmp_recording_ctx_t  *ctx;

    pool = ngx_create_pool(NGX_RECORDING_CTX, s->connection->log);

    if (pool == NULL) {
        goto failed;
    }

    ctx = ngx_pcalloc(pool, sizeof(ngx_rtmp_recording_ctx_t));

    if (ctx == NULL) {
        goto failed;
    }

    cacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_core_module);

    ctx->session = s;
    ctx->pool = pool;
    ctx->log = s->connection->log;
    ctx->main_conf = ngx_rtmp_get_module_main_conf(s,
                                                   ngx_rtmp_recording_module);
    ctx->app_conf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_recording_module);
    ctx->relay = s->relay;
    ctx->app = cacf->name;

    domain = ngx_recording_rule_domain(&s->tc_url);

    ctx->domain.len = domain.len;
    ctx->domain.data = ngx_pstrdup(pool, &domain);
    ctx->query.len = s->args.len;
    ctx->query.data = ngx_pstrdup(pool, &s->args);

    if (ctx->domain.data == NULL || ctx->query.data == NULL) {
        goto failed;
    }

    (void) ngx_cpystrn(ctx->name, name, NGX_RTMP_MAX_NAME);
    (void) ngx_cpystrn(ctx->args, args, NGX_RTMP_MAX_ARGS);

    ngx_recording_gate_init(&ctx->gate);

    ngx_rtmp_set_ctx(s, ctx, ngx_rtmp_recording_module);

    return ctx;

failed:

    if (pool) {
        ngx_destroy_pool(pool);
    }

    ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                  "recording: no memory, stream \"%s\" is not recorded", name);

    return NULL;
}


/* starts what is ordered for the stream, or waits until it is known */

static void
ngx_rtmp_recording_begin(ngx_rtmp_recording_ctx_t *ctx)
{
    ngx_recording_main_conf_t  *rmcf;

    rmcf = ctx->main_conf;

    if (rmcf->watch == NULL) {
        ngx_rtmp_recording_module_decide(ctx);
        return;
    }

    ctx->waiting = 1;
    ctx->queued = 1;
    ctx->since = ngx_current_msec;
    ctx->look = ngx_recording_watch_look(rmcf->watch);

    ngx_queue_insert_tail(&rmcf->sessions, &ctx->queue);
}


void
ngx_rtmp_recording_module_decide(ngx_rtmp_recording_ctx_t *ctx)
{
    ngx_uint_t                  late;
    ngx_recording_stream_t      stream;
    ngx_recording_main_conf_t  *rmcf;

    rmcf = ctx->main_conf;

    late = ctx->waiting && !ngx_recording_watch_has(rmcf->watch, ctx->look);

    ctx->waiting = 0;

    ngx_rtmp_recording_module_stream(ctx, &stream);

    if (late) {
        ngx_rtmp_recording_module_late(ctx, &stream);
    }

    ngx_rtmp_recording_rule(ctx, &stream);
    ngx_rtmp_recording_module_tasks(ctx);

    ngx_recording_gate_free(&ctx->gate, &rmcf->worker->account);

    if (ctx->session == NULL) {
        ngx_rtmp_recording_free(ctx);
    }
}


void
ngx_rtmp_recording_module_stream(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream)
{
    ngx_memzero(stream, sizeof(ngx_recording_stream_t));

    stream->domain = ctx->domain;
    stream->server = ctx->app_conf->server;
    stream->app = ctx->app;
    stream->name.data = ctx->name;
    stream->name.len = ngx_strlen(ctx->name);
    stream->param.data = ctx->args;
    stream->param.len = ngx_strlen(ctx->args);

    if (stream->param.len == 0) {
        stream->param = ctx->query;
    }
}


/* the most specific rule; of two that are alike the configuration's */

static void
ngx_rtmp_recording_rule(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream)
{
    ngx_uint_t                   i, rank;
    ngx_recording_rule_t        *rule;
    ngx_recording_type_e         type;
    ngx_recording_app_conf_t    *racf;
    ngx_recording_template_t   **template;

    racf = ctx->app_conf;

    rule = racf->rules ? ngx_recording_rule_find(racf->rules, &stream->domain,
                                                 &stream->name)
                       : NULL;
    rank = rule ? ngx_recording_rule_rank(rule, racf->own) : 0;

    if (rule && rule->rewind) {
        ngx_rtmp_recording_rewind(ctx, stream, rule->rewind);
    }

    if (ngx_rtmp_recording_module_policy(ctx, stream, rank) == NGX_OK) {
        return;
    }

    if (rule == NULL) {
        if (racf->rules) {
            ngx_rtmp_recording_not(ctx, stream, "no record_rule matches it");
        }

        return;
    }

    type = rule->args ? ngx_rtmp_recording_module_type(ctx, stream)
                      : NGX_RECORDING_TYPE_ANY;

    template = rule->templates.elts;

    for (i = 0; i < rule->templates.nelts; i++) {
        stream->template = template[i]->name;
        (void) ngx_rtmp_recording_module_start(ctx, template[i], stream, type,
                                               0);
    }
}


/* keeps what comes, whether it is recorded or not */

static void
ngx_rtmp_recording_rewind(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream, ngx_msec_t keep)
{
    char  about[NGX_RECORDING_ABOUT];

    ctx->ring = ngx_recording_ring_create(ctx->main_conf->worker, stream,
                                          keep);

    if (ctx->ring == NULL) {
        ngx_recording_file_about(stream, about);

        ngx_log_error(NGX_LOG_ERR, ctx->log, 0,
                      "recording: no memory, nothing is kept for rewind=%s",
                      about);
        return;
    }

    ngx_rtmp_recording_module_seed(ctx, NULL);
    ngx_recording_gate_rewind(&ctx->gate, ctx->ring);
}


void
ngx_rtmp_recording_module_over(ngx_rtmp_recording_ctx_t *ctx)
{
    ngx_rtmp_set_ctx(ctx->session, NULL, ngx_rtmp_recording_module);

    if (!ctx->waiting) {
        ngx_rtmp_recording_free(ctx);
        return;
    }

    ctx->session = NULL;
    ctx->log = ctx->main_conf->worker->log;
    ctx->pool->log = ctx->log;

    /* what waits is memory that others want, too */

    if (ngx_recording_gate_hold(&ctx->gate, &ctx->main_conf->worker->account,
                                NGX_RECORDING_CTX)
        != NGX_OK)
    {
        ngx_rtmp_recording_module_decide(ctx);
        return;
    }

    ngx_rtmp_recording_module_hold(ctx);
}


/* its recordings end, and nothing is left of it */

static void
ngx_rtmp_recording_free(ngx_rtmp_recording_ctx_t *ctx)
{
    ngx_uint_t        i;
    ngx_recording_t  *r;

    if (ctx->hold.timer_set) {
        ngx_del_timer(&ctx->hold);
    }

    if (ctx->queued) {
        ngx_queue_remove(&ctx->queue);
    }

    for (i = 0; i < ctx->n; i++) {
        r = ctx->recordings[i].recording;

        /* of one that is replayed the ring has the rest */

        if (r && r->replay == NULL) {
            ngx_recording_recorder_close(r);
        }
    }

    if (ctx->ring) {
        ngx_recording_ring_close(ctx->ring);
    }

    ngx_destroy_pool(ctx->pool);
}


void
ngx_rtmp_recording_module_finish(ngx_recording_t *r)
{
    if (r->replay) {
        ngx_recording_ring_finish(r);

    } else {
        ngx_recording_recorder_finish(r);
    }
}


/* the stream's query goes before the application's */

ngx_recording_type_e
ngx_rtmp_recording_module_type(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_stream_t *stream)
{
    char                  text[NGX_RECORDING_TEXT + 4];
    char                  about[NGX_RECORDING_ABOUT];
    ngx_str_t             args[2], value;
    ngx_uint_t            i;
    ngx_recording_type_e  type;

    args[0].data = ctx->args;
    args[0].len = ngx_strlen(ctx->args);
    args[1] = ctx->query;

    for (i = 0; i < 2; i++) {
        type = ngx_recording_rule_type(&args[i], &value);

        if (type == NGX_RECORDING_TYPE_UNKNOWN) {
            ngx_recording_file_about(stream, about);

            ngx_log_error(NGX_LOG_WARN, ctx->log, 0,
                          "recording: unknown record_type \"%s\" ignored, it "
                          "must be audio or video%s",
                          ngx_recording_text(text, value.data, value.len),
                          about);

        } else if (type != NGX_RECORDING_TYPE_ANY) {
            return type;
        }
    }

    return NGX_RECORDING_TYPE_ANY;
}


/* NULL: nothing is recorded, which was said */

ngx_rtmp_recording_one_t *
ngx_rtmp_recording_module_start(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_template_t *template, ngx_recording_stream_t *stream,
    ngx_recording_type_e type, int64_t start)
{
    char                       about[NGX_RECORDING_ABOUT];
    ngx_recording_worker_t    *worker;
    ngx_recording_template_t   t;
    ngx_rtmp_recording_one_t  *one;

    worker = ctx->main_conf->worker;
    t = *template;

    if (ngx_recording_rule_formats(&t, type) == 0) {

        if (template->nformats) {
            ngx_rtmp_recording_not(ctx, stream,
                                   "its record_type leaves no format");
        }

        return NULL;
    }

    one = ngx_rtmp_recording_add(ctx);

    if (one) {
        one->recording = ngx_recording_recorder_create(worker, &t, stream,
                                      ctx->relay,
                                      type == NGX_RECORDING_TYPE_AUDIO
                                      || !ngx_recording_rule_video(&t));
    }

    if (one == NULL || one->recording == NULL) {
        ngx_recording_file_about(stream, about);

        ngx_log_error(NGX_LOG_ERR, ctx->log, 0,
                      "recording: no memory, not recorded%s", about);
        return NULL;
    }

    ctx->n++;

    /* when nginx ends at once there is no time to read */

    if (start && ctx->ring && !ngx_terminate
        && ngx_recording_ring_replay(ctx->ring, one->recording,
                   start - ngx_recording_store_shift(&worker->store))
           == NGX_OK)
    {
        return one;
    }

    ngx_rtmp_recording_module_seed(ctx, one->recording);
    ngx_recording_gate_open(&ctx->gate, one->recording);

    return one;
}


/* room for another one, which is not counted yet */

static ngx_rtmp_recording_one_t *
ngx_rtmp_recording_add(ngx_rtmp_recording_ctx_t *ctx)
{
    size_t                     size;
    ngx_rtmp_recording_one_t  *recordings;

    if (ctx->n == ctx->allocated) {
        size = (ctx->n + NGX_RECORDING_ROOM)
               * sizeof(ngx_rtmp_recording_one_t);

        recordings = ngx_palloc(ctx->pool, size);

        if (recordings == NULL) {
            return NULL;
        }

        if (ctx->n) {
            ngx_memcpy(recordings, ctx->recordings,
                       ctx->n * sizeof(ngx_rtmp_recording_one_t));
        }

        ctx->recordings = recordings;
        ctx->allocated += NGX_RECORDING_ROOM;
    }

    ngx_memzero(&ctx->recordings[ctx->n], sizeof(ngx_rtmp_recording_one_t));

    return &ctx->recordings[ctx->n];
}


/* what is configured, or asked for by the publisher, is no fault */

static void
ngx_rtmp_recording_not(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream, const char *why)
{
    char  about[NGX_RECORDING_ABOUT];

    ngx_recording_file_about(stream, about);

    ngx_log_error(NGX_LOG_NOTICE, ctx->log, 0,
                  "recording: not recorded, %s%s", why, about);
}


/* the second block would take the place of the first one, and the hooks of
   both would call each other for ever */

static void *
ngx_rtmp_recording_create_main_conf(ngx_conf_t *cf)
{
    ngx_recording_core_conf_t  *rcf;

    rcf = (ngx_recording_core_conf_t *)
              ngx_get_conf(cf->cycle->conf_ctx,
                           ngx_rtmp_recording_process_module);

    if (rcf->blocks++) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there is a second \"rtmp\" block, all servers "
                           "must stand in one");
        return NULL;
    }

    return ngx_recording_conf_create_main(cf);
}


static ngx_int_t
ngx_rtmp_recording_postconfiguration(ngx_conf_t *cf)
{
    ngx_rtmp_handler_pt        *h;
    ngx_recording_main_conf_t  *rmcf;
    ngx_rtmp_core_main_conf_t  *cmcf;

    rmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_recording_module);

    if (ngx_recording_conf_check(cf, rmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_core_module);

    h = ngx_array_push(&cmcf->events[NGX_RTMP_MSG_AUDIO]);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_rtmp_recording_av;

    h = ngx_array_push(&cmcf->events[NGX_RTMP_MSG_VIDEO]);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_rtmp_recording_av;

    h = ngx_array_push(&cmcf->events[NGX_RTMP_MSG_AMF_META]);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_rtmp_recording_meta;

    next_publish = ngx_rtmp_publish;
    ngx_rtmp_publish = ngx_rtmp_recording_publish;

    next_close_stream = ngx_rtmp_close_stream;
    ngx_rtmp_close_stream = ngx_rtmp_recording_close_stream;

    next_stream_begin = ngx_rtmp_stream_begin;
    ngx_rtmp_stream_begin = ngx_rtmp_recording_stream_begin;

    next_stream_eof = ngx_rtmp_stream_eof;
    ngx_rtmp_stream_eof = ngx_rtmp_recording_stream_eof;

    return NGX_OK;
}
