
/*
 * URLs that calls have given are lanes that come and go.  A lane never changes:
 * with another URL or key it is another one, and the former is freed when its
 * attempts have ended.
 */


#include "ngx_recording_dispatch.h"


static ngx_int_t ngx_recording_called_read(ngx_recording_dispatch_t *d);
static ngx_uint_t ngx_recording_called_same(
    const ngx_recording_callback_target_t *a,
    const ngx_recording_callback_target_t *b);
static void ngx_recording_called_retire(ngx_recording_dispatch_t *d);
static ngx_uint_t ngx_recording_called_has(ngx_recording_dispatch_t *d,
    const ngx_recording_callback_target_t *target);
static ngx_int_t ngx_recording_called_add(ngx_recording_dispatch_t *d,
    const ngx_recording_callback_target_t *given);
static ngx_int_t ngx_recording_called_make(ngx_recording_dispatch_t *d,
    ngx_recording_called_t *c);
static uint64_t ngx_recording_called_appid(ngx_recording_dispatch_t *d);
static ngx_recording_guest_t *ngx_recording_called_guest(
    ngx_recording_dispatch_t *d, const ngx_recording_url_t *url,
    ngx_recording_address_e most);
static ngx_recording_guest_t *ngx_recording_called_guest_new(
    ngx_recording_dispatch_t *d, const ngx_str_t *text,
    ngx_recording_address_e most);
static void ngx_recording_called_over(ngx_recording_dispatch_t *d);
static ngx_uint_t ngx_recording_called_busy(ngx_recording_dispatch_t *d,
    const ngx_recording_lane_t *lane);
static void ngx_recording_called_free(ngx_recording_called_t *c);
static void ngx_recording_called_str(ngx_str_t *to, char *text);


ngx_int_t
ngx_recording_dispatch_callbacks(ngx_recording_worker_t *worker,
    ngx_recording_http_t *http, ngx_uint_t private, ngx_pool_t *pool)
{
    ngx_uint_t                 most;
    ngx_recording_dispatch_t  *d;

    d = worker->dispatch;
    most = NGX_RECORDING_POLICY_MOST * NGX_RECORDING_CALLBACK_URLS;

    d->called = ngx_pcalloc(pool, most * sizeof(ngx_recording_called_t *));
    d->targets = ngx_pcalloc(pool, most * sizeof(ngx_recording_target_t *));

    if (d->called == NULL || d->targets == NULL) {
        return NGX_ERROR;
    }

    d->http = http;
    d->private = (private != 0);
    d->calls = 1;

    worker->callbacks = 1;

    return NGX_OK;
}


ngx_int_t
ngx_recording_dispatch_callback_look(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (!d->calls || d->found) {
        return NGX_OK;
    }

    if (ngx_recording_catalogue_read(&d->catalogue, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_called_read(d);

    return ngx_recording_catalogue_finish(&d->catalogue, rc, err);
}


/* another database may have the same number */

static ngx_int_t
ngx_recording_called_read(ngx_recording_dispatch_t *d)
{
    int64_t  number;

    if (ngx_recording_policy_number(&d->catalogue, &number) != NGX_OK) {
        return NGX_ERROR;
    }

    if (d->callbacks && d->callbacks->number == number
        && d->opened == d->catalogue.sql->opened)
    {
        return NGX_OK;
    }

    d->found = ngx_recording_callbacks(&d->catalogue);
    d->opened = d->catalogue.sql->opened;

    return d->found ? NGX_OK : NGX_ERROR;
}


void
ngx_recording_dispatch_callback_take(ngx_recording_dispatch_t *d)
{
    ngx_uint_t                  i;
    ngx_recording_callbacks_t  *callbacks;

    ngx_recording_called_over(d);

    if (d->found == NULL || d->worker->stopped) {
        return;
    }

    callbacks = d->found;
    d->found = NULL;

    ngx_recording_callbacks_free(d->callbacks);
    d->callbacks = callbacks;

    ngx_recording_called_retire(d);

    for (i = 0; i < callbacks->ntargets; i++) {

        if (!ngx_recording_called_has(d, &callbacks->targets[i])
            && ngx_recording_called_add(d, &callbacks->targets[i])
               != NGX_OK)
        {
            ngx_log_error(NGX_LOG_ERR, d->worker->log, 0,
                          "recording: \"%s\" cannot be told now: no memory",
                          callbacks->targets[i].name);

            callbacks->number = -1;
        }
    }

    for (i = 0; i < d->ncalled; i++) {
        d->targets[i] = &d->called[i]->target;
    }

    d->catalogue.called = d->targets;
    d->catalogue.ncalled = d->ncalled;

    d->again |= (callbacks->number != -1);
}


/* those that are not given any more */

static void
ngx_recording_called_retire(ngx_recording_dispatch_t *d)
{
    ngx_uint_t               i, k;
    ngx_recording_called_t  *c;

    for (i = d->ncalled; i > 0; i--) {
        c = d->called[i - 1];

        for (k = 0; k < d->callbacks->ntargets; k++) {
            if (ngx_recording_called_same(&c->given,
                                            &d->callbacks->targets[k]))
            {
                break;
            }
        }

        if (k == d->callbacks->ntargets) {
            ngx_queue_insert_tail(&d->over, &c->queue);
            d->called[i - 1] = d->called[--d->ncalled];
        }
    }
}


static ngx_uint_t
ngx_recording_called_has(ngx_recording_dispatch_t *d,
    const ngx_recording_callback_target_t *target)
{
    ngx_uint_t  i;

    for (i = 0; i < d->ncalled; i++) {
        if (ngx_recording_called_same(&d->called[i]->given, target)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_recording_called_same(const ngx_recording_callback_target_t *a,
    const ngx_recording_callback_target_t *b)
{
    return a->kinds == b->kinds && a->private == b->private
           && ngx_strcmp(a->template, b->template) == 0
           && ngx_strcmp(a->name, b->name) == 0
           && ngx_strcmp(a->url, b->url) == 0
           && ngx_strcmp(a->key, b->key) == 0;
}


static ngx_int_t
ngx_recording_called_add(ngx_recording_dispatch_t *d,
    const ngx_recording_callback_target_t *given)
{
    ngx_recording_called_t  *c;

    c = ngx_calloc(sizeof(ngx_recording_called_t), d->worker->log);

    if (c == NULL) {
        return NGX_ERROR;
    }

    c->given = *given;
    c->pool = ngx_create_pool(1024, d->worker->log);

    if (c->pool == NULL || ngx_recording_called_make(d, c) != NGX_OK) {
        ngx_recording_called_free(c);
        return NGX_ERROR;
    }

    d->called[d->ncalled++] = c;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_called_make(ngx_recording_dispatch_t *d,
    ngx_recording_called_t *c)
{
    ngx_str_t                url;
    const char              *why;
    ngx_recording_notify_t  *notify;

    notify = &c->notify;

    ngx_recording_called_str(&url, c->given.url);
    ngx_recording_called_str(&notify->name, c->given.name);
    ngx_recording_called_str(&notify->template, c->given.template);
    ngx_recording_called_str(&notify->key, c->given.key);

    /* what cannot be parsed was refused by the call */

    if (ngx_recording_url_parse(c->pool, &url, &notify->url, &why) != NGX_OK) {
        return NGX_ERROR;
    }

    c->guest = ngx_recording_called_guest(d, &notify->url,
                                      c->given.private && d->private
                                      ? NGX_RECORDING_ADDRESS_PRIVATE
                                      : NGX_RECORDING_ADDRESS_PUBLIC);
    if (c->guest == NULL) {
        return NGX_ERROR;
    }

    c->guest->used++;

    notify->kinds = c->given.kinds;
    notify->appid = ngx_recording_called_appid(d);
    notify->host = c->guest->peer.host;

    c->target.template = notify->template;
    c->target.name = notify->name;
    c->target.kinds = notify->kinds;
    c->target.local_us = NGX_RECORDING_LOCAL_UNSET;

    c->lane.notify = notify;
    c->lane.target = &c->target;
    c->lane.peer = &c->guest->peer;
    c->lane.same = &c->lane;
    c->lane.most = NGX_RECORDING_DISPATCH_PEER;

    return NGX_OK;
}


/* what a call does not give is that of template "default" */

static uint64_t
ngx_recording_called_appid(ngx_recording_dispatch_t *d)
{
    ngx_uint_t                     i;
    const ngx_recording_notify_t  *notify;

    for (i = 0; i < d->nlanes; i++) {
        notify = d->lanes[i].notify;

        if (notify && notify->appid && notify->template.len == 7
            && ngx_memcmp(notify->template.data, "default", 7) == 0)
        {
            return notify->appid;
        }
    }

    return 0;
}


static ngx_recording_guest_t *
ngx_recording_called_guest(ngx_recording_dispatch_t *d,
    const ngx_recording_url_t *url, ngx_recording_address_e most)
{
    ngx_queue_t            *q;
    ngx_recording_guest_t  *guest;

    for (q = ngx_queue_head(&d->guests);
         q != ngx_queue_sentinel(&d->guests);
         q = ngx_queue_next(q))
    {
        guest = ngx_queue_data(q, ngx_recording_guest_t, queue);

        if (guest->most == most && guest->url.secure == url->secure
            && guest->url.port == url->port
            && guest->url.host.len == url->host.len
            && ngx_memcmp(guest->url.host.data, url->host.data, url->host.len)
               == 0)
        {
            return guest;
        }
    }

    return ngx_recording_called_guest_new(d, &url->text, most);
}


static ngx_recording_guest_t *
ngx_recording_called_guest_new(ngx_recording_dispatch_t *d,
    const ngx_str_t *text, ngx_recording_address_e most)
{
    const char             *why;
    ngx_recording_guest_t  *guest;

    guest = ngx_calloc(sizeof(ngx_recording_guest_t), d->worker->log);

    if (guest == NULL) {
        return NULL;
    }

    guest->most = most;
    guest->pool = ngx_create_pool(1024, d->worker->log);

    /* the URL that has named it may go before it does */

    if (guest->pool
        && ngx_recording_url_parse(guest->pool, text, &guest->url, &why)
           == NGX_OK)
    {
        guest->peer.host = ngx_recording_http_guest(guest->pool, d->http,
                                                    &guest->url, most);
    }

    if (guest->peer.host == NULL) {

        if (guest->pool) {
            ngx_destroy_pool(guest->pool);
        }

        ngx_free(guest);
        return NULL;
    }

    ngx_queue_insert_tail(&d->guests, &guest->queue);

    return guest;
}


/* frees what is over, and has no attempt any more */

static void
ngx_recording_called_over(ngx_recording_dispatch_t *d)
{
    ngx_queue_t             *q, *next;
    ngx_recording_called_t  *c;

    for (q = ngx_queue_head(&d->over);
         q != ngx_queue_sentinel(&d->over);
         q = next)
    {
        next = ngx_queue_next(q);
        c = ngx_queue_data(q, ngx_recording_called_t, queue);

        if (!ngx_recording_called_busy(d, &c->lane)) {
            ngx_queue_remove(q);
            ngx_recording_called_free(c);
        }
    }
}


/* one that was taken, runs, or whose end is to be written */

static ngx_uint_t
ngx_recording_called_busy(ngx_recording_dispatch_t *d,
    const ngx_recording_lane_t *lane)
{
    ngx_uint_t                i;
    ngx_queue_t              *q, *queues[3];
    ngx_recording_attempt_t  *a;

    queues[0] = &d->taken;
    queues[1] = &d->told;
    queues[2] = &d->writing;

    for (i = 0; i < 3; i++) {
        for (q = ngx_queue_head(queues[i]);
             q != ngx_queue_sentinel(queues[i]);
             q = ngx_queue_next(q))
        {
            a = ngx_queue_data(q, ngx_recording_attempt_t, queue);

            if (a->lane == lane) {
                return 1;
            }
        }
    }

    return lane->running || lane->memory;
}


static void
ngx_recording_called_free(ngx_recording_called_t *c)
{
    ngx_recording_guest_t  *guest;

    guest = c->guest;

    if (guest && --guest->used == 0) {
        ngx_recording_http_guest_free(guest->peer.host);

        ngx_queue_remove(&guest->queue);
        ngx_destroy_pool(guest->pool);
        ngx_free(guest);
    }

    if (c->pool) {
        ngx_destroy_pool(c->pool);
    }

    ngx_free(c);
}


ngx_str_t
ngx_recording_dispatch_callback_of(ngx_recording_dispatch_t *d,
    const ngx_recording_stream_t *stream)
{
    ngx_str_t                             name;
    const ngx_recording_callback_rule_t  *rule;

    ngx_str_null(&name);

    rule = d->callbacks ? ngx_recording_callback_find(d->callbacks,
                                                &stream->domain, &stream->app)
                        : NULL;
    if (rule) {
        name.data = (u_char *) rule->template;
        name.len = ngx_strlen(rule->template);
    }

    return name;
}


static void
ngx_recording_called_str(ngx_str_t *to, char *text)
{
    to->data = (u_char *) text;
    to->len = ngx_strlen(text);
}
