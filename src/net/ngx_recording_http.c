
#include "ngx_recording_http_connection.h"


static void ngx_recording_http_look_around(ngx_event_t *ev);
static ngx_recording_http_connection_t *ngx_recording_http_free_one(
    ngx_recording_http_host_t *host);
static void ngx_recording_http_begin(ngx_recording_http_host_t *host,
    ngx_recording_http_request_t *r);
static void ngx_recording_http_late(ngx_event_t *ev);
static void ngx_recording_http_end(ngx_recording_http_request_t *r,
    ngx_recording_http_e failed);
static void ngx_recording_http_done(ngx_event_t *ev);
static void ngx_recording_http_post(ngx_recording_http_host_t *host);
static void ngx_recording_http_abort_host(ngx_recording_http_host_t *host);


void
ngx_recording_http_send(ngx_recording_http_request_t *r)
{
    r->failed = NGX_RECORDING_HTTP_OK;
    r->status = 0;
    r->sent = 0;
    r->len = 0;
    r->error[0] = '\0';
    r->connection = NULL;
    r->waiting = 1;
    r->again = 0;
    r->asked = 0;
    r->stale = 0;
    r->offset = 0;

    ngx_memzero(&r->event, sizeof(ngx_event_t));

    r->event.data = r;
    r->event.log = ngx_cycle->log;

    ngx_queue_insert_tail(&r->host->waiting, &r->queue);

    ngx_recording_http_post(r->host);
}


void
ngx_recording_http_cancel(ngx_recording_http_request_t *r)
{
    if (r->event.timer_set) {
        ngx_del_timer(&r->event);
    }

    if (r->event.posted) {
        ngx_delete_posted_event(&r->event);
    }

    if (r->waiting) {
        r->waiting = 0;
        ngx_queue_remove(&r->queue);
    }

    r->asked = 0;

    if (r->connection) {
        ngx_recording_http_free(r->connection);
        r->connection = NULL;
        ngx_recording_http_post(r->host);
    }
}


/* by an event of its own: a request that fails at once would begin the next
   one, and that the next one, on one stack */

static void
ngx_recording_http_post(ngx_recording_http_host_t *host)
{
    host->event.handler = ngx_recording_http_look_around;
    host->event.data = host;
    host->event.log = ngx_cycle->log;

    ngx_post_event(&host->event, &ngx_posted_events);
}


/* whether a request that waits can begin */

static void
ngx_recording_http_look_around(ngx_event_t *ev)
{
    ngx_uint_t                  limit;
    ngx_queue_t                *q;
    ngx_recording_http_host_t  *host;

    host = ev->data;
    limit = host->connections ? host->connections : host->http->connections;

    if (host->http->aborted) {
        ngx_recording_http_abort_host(host);
        return;
    }

    while (!ngx_queue_empty(&host->waiting) && host->nused < limit) {
        q = ngx_queue_head(&host->waiting);

        ngx_recording_http_begin(host, ngx_queue_data(q,
                                         ngx_recording_http_request_t, queue));
    }
}


static void
ngx_recording_http_begin(ngx_recording_http_host_t *host,
    ngx_recording_http_request_t *r)
{
    ngx_recording_http_connection_t  *hc;

    ngx_queue_remove(&r->queue);
    r->waiting = 0;

    /* one that is sent again has its time already */

    if (!r->again && r->timeout) {
        r->event.handler = ngx_recording_http_late;
        ngx_add_timer(&r->event, r->timeout);
    }

    hc = r->again ? NULL : ngx_recording_http_free_one(host);

    if (hc) {
        ngx_recording_http_take(hc);

    } else {
        hc = ngx_recording_http_create(host);
    }

    if (hc == NULL) {
        ngx_recording_http_error(r, 0, "no memory");
        ngx_recording_http_end(r, NGX_RECORDING_HTTP_MEMORY);
        return;
    }

    r->connection = hc;
    hc->request = r;

    if (hc->again) {
        ngx_recording_http_exchange(hc);

    } else {
        ngx_recording_http_open(hc);
    }
}


static ngx_recording_http_connection_t *
ngx_recording_http_free_one(ngx_recording_http_host_t *host)
{
    ngx_queue_t                      *q;
    ngx_recording_http_connection_t  *hc;

    while (!ngx_queue_empty(&host->kept)) {
        q = ngx_queue_head(&host->kept);
        hc = ngx_queue_data(q, ngx_recording_http_connection_t, queue);

        if (!ngx_recording_http_old(hc)) {
            return hc;
        }

        ngx_recording_http_free(hc);
    }

    return NULL;
}


static void
ngx_recording_http_late(ngx_event_t *ev)
{
    ngx_recording_http_request_t     *r;
    ngx_recording_http_connection_t  *hc;

    r = ev->data;
    hc = r->connection;

    /* what it was doing is told by the last error, if there was one */

    if (r->error[0] == '\0') {
        ngx_recording_http_error(r, 0, "no answer from %V within %M ms",
                                 &r->host->name, r->timeout);
    }

    if (hc == NULL) {

        /* it waits for a connection to be sent again */

        ngx_queue_remove(&r->queue);
        r->waiting = 0;
        ngx_recording_http_end(r, NGX_RECORDING_HTTP_LATE);
        return;
    }

    hc->answer.keep = 0;
    ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_LATE);
}


void
ngx_recording_http_finish(ngx_recording_http_connection_t *hc,
    ngx_recording_http_e failed)
{
    ngx_recording_http_host_t     *host;
    ngx_recording_http_request_t  *r;

    host = hc->host;
    r = hc->request;

    r->status = hc->answer.status;
    r->sent = hc->sent;
    r->len = hc->answer.len;
    r->connection = NULL;
    hc->request = NULL;

    if (hc->head) {
        ngx_free(hc->head);
        hc->head = NULL;
    }

    if (failed == NGX_RECORDING_HTTP_OK && hc->answer.keep
        && !ngx_recording_http_old(hc) && !ngx_exiting && !ngx_quit
        && !ngx_terminate)
    {
        ngx_recording_http_keep(hc);

    } else {
        ngx_recording_http_free(hc);
    }

    ngx_recording_http_end(r, failed);
    ngx_recording_http_post(host);
}


/* done() is called from the loop: it may do anything then */

static void
ngx_recording_http_end(ngx_recording_http_request_t *r,
    ngx_recording_http_e failed)
{
    if (r->event.timer_set) {
        ngx_del_timer(&r->event);
    }

    r->failed = failed;
    r->asked = 0;

    if (failed == NGX_RECORDING_HTTP_OK) {
        r->error[0] = '\0';
    }

    r->event.handler = ngx_recording_http_done;

    ngx_post_event(&r->event, &ngx_posted_events);
}


static void
ngx_recording_http_done(ngx_event_t *ev)
{
    ngx_recording_http_request_t  *r;

    r = ev->data;

    r->done(r);
}


void
ngx_recording_http_again(ngx_recording_http_connection_t *hc)
{
    ngx_recording_http_host_t     *host;
    ngx_recording_http_request_t  *r;

    host = hc->host;
    r = hc->request;

    r->connection = NULL;
    ngx_recording_http_free(hc);

    r->stale = r->asked;
    r->again = 1;
    r->waiting = 1;

    ngx_queue_insert_head(&host->waiting, &r->queue);

    ngx_recording_http_post(host);
}


void
ngx_recording_http_error(ngx_recording_http_request_t *r, ngx_err_t err,
    const char *fmt, ...)
{
    u_char   *p, *last;
    va_list   args;

    p = (u_char *) r->error;
    last = p + sizeof(r->error) - 1;

    va_start(args, fmt);
    p = ngx_vslprintf(p, last, fmt, args);
    va_end(args);

    if (err && last - p > 16) {
        p = ngx_slprintf(p, last, " (%d: ", err);
        p = ngx_strerror(err, p, last - p);

        if (p < last) {
            *p++ = ')';
        }
    }

    *p = '\0';
}


/* nothing that is begun from now on would end in time */

void
ngx_recording_http_abort(ngx_recording_http_t *http)
{
    ngx_uint_t                   i;
    ngx_queue_t                 *q;
    ngx_recording_http_host_t  **host;

    http->aborted = 1;

    host = http->hosts.elts;

    for (i = 0; i < http->hosts.nelts; i++) {
        ngx_recording_http_abort_host(host[i]);
    }

    for (q = ngx_queue_head(&http->guests);
         q != ngx_queue_sentinel(&http->guests);
         q = ngx_queue_next(q))
    {
        ngx_recording_http_abort_host(ngx_queue_data(q,
                                           ngx_recording_http_host_t, queue));
    }
}


static void
ngx_recording_http_abort_host(ngx_recording_http_host_t *host)
{
    ngx_queue_t                      *q;
    ngx_recording_http_request_t     *r;
    ngx_recording_http_connection_t  *hc;

    while (!ngx_queue_empty(&host->used)) {
        q = ngx_queue_head(&host->used);
        hc = ngx_queue_data(q, ngx_recording_http_connection_t, queue);

        ngx_recording_http_error(hc->request, 0, "the worker process ends");
        ngx_recording_http_finish(hc, hc->sent ? NGX_RECORDING_HTTP_ANSWER
                                               : NGX_RECORDING_HTTP_SEND);
    }

    while (!ngx_queue_empty(&host->waiting)) {
        q = ngx_queue_head(&host->waiting);
        r = ngx_queue_data(q, ngx_recording_http_request_t, queue);

        ngx_queue_remove(q);
        r->waiting = 0;

        ngx_recording_http_error(r, 0, "the worker process ends");
        ngx_recording_http_end(r, NGX_RECORDING_HTTP_SEND);
    }
}


void
ngx_recording_http_close(ngx_recording_http_t *http)
{
    ngx_uint_t                   i;
    ngx_queue_t                 *q;
    ngx_recording_http_host_t  **host;

    host = http->hosts.elts;

    for (i = 0; i < http->hosts.nelts; i++) {
        ngx_recording_http_leave(host[i]);
    }

    for (q = ngx_queue_head(&http->guests);
         q != ngx_queue_sentinel(&http->guests);
         q = ngx_queue_next(q))
    {
        ngx_recording_http_leave(ngx_queue_data(q, ngx_recording_http_host_t,
                                                queue));
    }
}


void
ngx_recording_http_leave(ngx_recording_http_host_t *host)
{
    ngx_queue_t                      *q;
    ngx_recording_http_connection_t  *hc;

    while (!ngx_queue_empty(&host->used)) {
        q = ngx_queue_head(&host->used);
        hc = ngx_queue_data(q, ngx_recording_http_connection_t, queue);

        ngx_recording_http_cancel(hc->request);
    }

    while (!ngx_queue_empty(&host->waiting)) {
        q = ngx_queue_head(&host->waiting);
        ngx_recording_http_cancel(ngx_queue_data(q,
                                         ngx_recording_http_request_t, queue));
    }

    while (!ngx_queue_empty(&host->kept)) {
        q = ngx_queue_head(&host->kept);
        ngx_recording_http_free(ngx_queue_data(q,
                                      ngx_recording_http_connection_t, queue));
    }

    if (host->session) {
        ngx_ssl_free_session(host->session);
        host->session = NULL;
    }

    if (host->event.posted) {
        ngx_delete_posted_event(&host->event);
    }
}
