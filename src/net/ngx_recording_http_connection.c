
#include "ngx_recording_http_connection.h"


static void ngx_recording_http_resolve(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_resolved(ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_recording_http_addresses(
    ngx_recording_http_connection_t *hc, ngx_resolver_ctx_t *ctx);
static void ngx_recording_http_connect(ngx_recording_http_connection_t *hc);
static ngx_int_t ngx_recording_http_connect_next(
    ngx_recording_http_connection_t *hc);
static void ngx_recording_http_connecting(ngx_event_t *ev);
static void ngx_recording_http_unreached(ngx_recording_http_connection_t *hc,
    ngx_err_t err, const char *fmt);
static ngx_err_t ngx_recording_http_connect_error(ngx_connection_t *c);
static void ngx_recording_http_connected(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_disconnect(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_disconnect_tls(ngx_connection_t *c);
static void ngx_recording_http_kept(ngx_event_t *ev);
static u_char *ngx_recording_http_log(ngx_log_t *log, u_char *buf, size_t len);


static const char  *ngx_recording_http_states[] = {
    "resolving",
    "connecting to",
    "TLS handshake with",
    "talking to",
    "connection kept to"
};


ngx_recording_http_connection_t *
ngx_recording_http_create(ngx_recording_http_host_t *host)
{
    ngx_log_t                        *log;
    ngx_pool_t                       *pool;
    ngx_recording_http_connection_t  *hc;

    log = host->http->log ? host->http->log : ngx_cycle->log;

    pool = ngx_create_pool(1024, log);

    if (pool == NULL) {
        return NULL;
    }

    hc = ngx_pcalloc(pool, sizeof(ngx_recording_http_connection_t));

    if (hc == NULL) {
        goto failed;
    }

    hc->in.start = ngx_palloc(pool, NGX_RECORDING_HTTP_HEAD);

    if (hc->in.start == NULL) {
        goto failed;
    }

    hc->in.end = hc->in.start + NGX_RECORDING_HTTP_HEAD;

    hc->host = host;
    hc->pool = pool;

    hc->log = *log;
    hc->log.handler = ngx_recording_http_log;
    hc->log.data = hc;
    hc->log.action = NULL;

    pool->log = &hc->log;

    ngx_queue_insert_tail(&host->used, &hc->queue);
    host->nused++;

    return hc;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


void
ngx_recording_http_open(ngx_recording_http_connection_t *hc)
{
    ngx_recording_http_host_t  *host;

    host = hc->host;

    if (host->naddrs) {
        hc->addrs = host->addrs;
        hc->naddrs = host->naddrs;
        ngx_recording_http_connect(hc);
        return;
    }

    ngx_recording_http_resolve(hc);
}


static void
ngx_recording_http_resolve(ngx_recording_http_connection_t *hc)
{
    ngx_resolver_ctx_t         *ctx;
    ngx_recording_http_host_t  *host;

    host = hc->host;

    ctx = host->http->resolver ? ngx_resolve_start(host->http->resolver, NULL)
                               : NGX_NO_RESOLVER;

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_recording_http_error(hc->request, 0, ctx ? "no resolver for %V"
                                                     : "no memory for %V",
                                 &host->name);
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_RESOLVE);
        return;
    }

    ctx->name = host->url.host;
    ctx->handler = ngx_recording_http_resolved;
    ctx->data = hc;
    ctx->timeout = NGX_RECORDING_HTTP_RESOLVING;

    hc->resolve = ctx;

    /* the handler may be called at once: then the connection may be gone */

    if (ngx_resolve_name(ctx) != NGX_OK) {
        hc->resolve = NULL;
        ngx_recording_http_error(hc->request, 0, "%V cannot be resolved",
                                 &host->url.host);
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_RESOLVE);
    }
}


static void
ngx_recording_http_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_int_t                         rc, state;
    ngx_recording_http_connection_t  *hc;

    hc = ctx->data;

    state = ctx->state;
    rc = state ? NGX_OK : ngx_recording_http_addresses(hc, ctx);

    ngx_resolve_name_done(ctx);
    hc->resolve = NULL;

    if (rc != NGX_OK) {
        ngx_recording_http_error(hc->request, 0, "no memory");
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_MEMORY);
        return;
    }

    if (state || hc->naddrs == 0) {
        ngx_recording_http_error(hc->request, 0, "%V was not resolved (%i: %s)",
                                 &hc->host->url.host, state,
                                 ngx_resolver_strerror(state));
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_RESOLVE);
        return;
    }

    ngx_recording_http_connect(hc);
}


/* the resolver's memory goes with its answer */

static ngx_int_t
ngx_recording_http_addresses(ngx_recording_http_connection_t *hc,
    ngx_resolver_ctx_t *ctx)
{
    u_char      *text;
    ngx_uint_t   i, n;
    ngx_addr_t  *addr;

    n = ngx_min(ctx->naddrs, NGX_RECORDING_HTTP_ADDRESSES);

    hc->addrs = ngx_pcalloc(hc->pool, n * sizeof(ngx_addr_t));

    if (hc->addrs == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        addr = &hc->addrs[i];

        addr->socklen = ctx->addrs[i].socklen;
        addr->sockaddr = ngx_palloc(hc->pool, addr->socklen);
        text = ngx_pnalloc(hc->pool, NGX_SOCKADDR_STRLEN);

        if (addr->sockaddr == NULL || text == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(addr->sockaddr, ctx->addrs[i].sockaddr, addr->socklen);
        ngx_inet_set_port(addr->sockaddr, hc->host->url.port);

        addr->name.data = text;
        addr->name.len = ngx_sock_ntop(addr->sockaddr, addr->socklen, text,
                                       NGX_SOCKADDR_STRLEN, 1);
    }

    hc->naddrs = n;

    hc->resolved = 1;
    hc->valid = ngx_current_msec
                + (ngx_msec_t) ngx_max(ctx->valid - ngx_time(), 0) * 1000;

    return NGX_OK;
}


ngx_uint_t
ngx_recording_http_old(ngx_recording_http_connection_t *hc)
{
    return hc->resolved
           && (ngx_msec_int_t) (ngx_current_msec - hc->valid) >= 0;
}


static void
ngx_recording_http_connect(ngx_recording_http_connection_t *hc)
{
    ngx_uint_t                  i;
    ngx_recording_http_host_t  *host;

    host = hc->host;

    for (i = 0; i < hc->naddrs && host->good_len; i++) {

        if (ngx_cmp_sockaddr(hc->addrs[i].sockaddr, hc->addrs[i].socklen,
                             &host->good.sockaddr, host->good_len, 1)
            == NGX_OK)
        {
            hc->first = i;
            break;
        }
    }

    ngx_recording_http_next(hc, NGX_RECORDING_HTTP_CONNECT);
}


void
ngx_recording_http_next(ngx_recording_http_connection_t *hc,
    ngx_recording_http_e failed)
{
    ngx_int_t  rc;

    ngx_recording_http_disconnect(hc);

    hc->failed = ngx_max(hc->failed, failed);

    while (hc->tried < hc->naddrs) {

        rc = ngx_recording_http_connect_next(hc);

        if (rc == NGX_OK) {
            ngx_recording_http_connected(hc);
            return;
        }

        if (rc == NGX_AGAIN) {
            return;
        }
    }

    ngx_recording_http_finish(hc, hc->failed);
}


static ngx_int_t
ngx_recording_http_connect_next(ngx_recording_http_connection_t *hc)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t  *peer;

    hc->addr = &hc->addrs[(hc->first + hc->tried++) % hc->naddrs];
    hc->state = NGX_RECORDING_HTTP_IS_CONNECTING;
    hc->begun = ngx_current_msec;

    if (hc->host->guest
        && ngx_recording_address(hc->addr->sockaddr) > hc->host->most)
    {
        ngx_recording_http_unreached(hc, 0, "%V is an address that a call "
                                     "must not lead to");
        return NGX_DECLINED;
    }

    peer = &hc->peer;
    ngx_memzero(peer, sizeof(ngx_peer_connection_t));

    peer->sockaddr = hc->addr->sockaddr;
    peer->socklen = hc->addr->socklen;
    peer->name = &hc->addr->name;
    peer->get = ngx_event_get_peer;
    peer->log = &hc->log;
    peer->log_error = NGX_ERROR_INFO;

    rc = ngx_event_connect_peer(peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_recording_http_unreached(hc, rc == NGX_DECLINED ? ngx_socket_errno
                                                            : 0,
                                     "connect to %V failed");
        peer->connection = NULL;
        return NGX_DECLINED;
    }

    c = peer->connection;

    c->data = hc;
    c->pool = hc->pool;
    c->addr_text = hc->addr->name;
    c->read->handler = ngx_recording_http_connecting;
    c->write->handler = ngx_recording_http_connecting;

    if (rc == NGX_AGAIN) {
        ngx_add_timer(c->write,
                      ngx_recording_http_patience(hc,
                                              NGX_RECORDING_HTTP_CONNECTING));
    }

    return rc;
}


/* of many addresses each but the last has less time, so that all can be tried,
   and what is left does for the answer */

ngx_msec_t
ngx_recording_http_patience(ngx_recording_http_connection_t *hc,
    ngx_msec_t most)
{
    ngx_msec_int_t  left;

    if (hc->request->timeout == 0 || hc->tried == hc->naddrs) {
        return most;
    }

    left = (ngx_msec_int_t) (hc->begun + hc->request->timeout / 4 * 3
                                         / hc->naddrs - ngx_current_msec);

    return ngx_min((ngx_msec_t) ngx_max(left, NGX_RECORDING_HTTP_LEAST), most);
}


static void
ngx_recording_http_connecting(ngx_event_t *ev)
{
    ngx_int_t                         rc;
    ngx_err_t                         err;
    ngx_connection_t                 *c;
    ngx_recording_http_connection_t  *hc;

    rc = ngx_recording_http_look(ev);

    if (rc == NGX_DONE) {
        return;
    }

    c = ev->data;
    hc = c->data;

    if (rc == NGX_DECLINED) {
        ngx_recording_http_unreached(hc, 0, "connect to %V took too long");
        ngx_recording_http_next(hc, NGX_RECORDING_HTTP_CONNECT);
        return;
    }

    err = ngx_recording_http_connect_error(c);

    if (err) {
        ngx_recording_http_unreached(hc, err, "connect to %V failed");
        ngx_recording_http_next(hc, NGX_RECORDING_HTTP_CONNECT);
        return;
    }

    if (c->write->ready) {
        ngx_del_timer(c->write);
        ngx_recording_http_connected(hc);
    }
}


/* what is said of an address that came farther, as a certificate that is not
   trusted, is why the request has failed, whichever was the last one */

static void
ngx_recording_http_unreached(ngx_recording_http_connection_t *hc,
    ngx_err_t err, const char *fmt)
{
    if (hc->failed <= NGX_RECORDING_HTTP_CONNECT) {
        ngx_recording_http_error(hc->request, err, fmt, &hc->addr->name);
    }
}


static ngx_err_t
ngx_recording_http_connect_error(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err;
}


static void
ngx_recording_http_connected(ngx_recording_http_connection_t *hc)
{
    /* a head and a body of their own would wait for each other's ACK */

    (void) ngx_tcp_nodelay(hc->peer.connection);

    if (hc->host->url.secure) {
        hc->state = NGX_RECORDING_HTTP_IS_SHAKING;
        ngx_recording_http_handshake(hc);
        return;
    }

    ngx_recording_http_exchange(hc);
}


void
ngx_recording_http_free(ngx_recording_http_connection_t *hc)
{
    if (hc->resolve) {
        ngx_resolve_name_done(hc->resolve);
        hc->resolve = NULL;
    }

    ngx_recording_http_disconnect(hc);

    ngx_queue_remove(&hc->queue);

    if (hc->state != NGX_RECORDING_HTTP_IS_KEPT) {
        hc->host->nused--;
    }

    if (hc->head) {
        ngx_free(hc->head);
    }

    /* its log goes with it */

    hc->pool->log = ngx_cycle->log;
    ngx_destroy_pool(hc->pool);
}


static void
ngx_recording_http_disconnect(ngx_recording_http_connection_t *hc)
{
    ngx_connection_t  *c;

    c = hc->peer.connection;

    if (c == NULL) {
        return;
    }

    hc->peer.connection = NULL;

    if (c->ssl) {
        ngx_recording_http_disconnect_tls(c);
    }

    ngx_close_connection(c);
}


/* nobody waits for the peer's close_notify */

static void
ngx_recording_http_disconnect_tls(ngx_connection_t *c)
{
    c->ssl->no_wait_shutdown = 1;

    if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
        c->error = 1;
        (void) ngx_ssl_shutdown(c);
    }
}


void
ngx_recording_http_keep(ngx_recording_http_connection_t *hc)
{
    ngx_connection_t           *c;
    ngx_recording_http_host_t  *host;

    c = hc->peer.connection;
    host = hc->host;

    ngx_queue_remove(&hc->queue);
    ngx_queue_insert_head(&host->kept, &hc->queue);
    host->nused--;

    hc->state = NGX_RECORDING_HTTP_IS_KEPT;
    hc->again = 1;

    c->idle = 1;
    c->read->handler = ngx_recording_http_kept;
    c->write->handler = ngx_recording_http_kept;

    /* a worker that exits does not wait for it */

    c->read->cancelable = 1;
    ngx_add_timer(c->read, NGX_RECORDING_HTTP_KEPT);

    ngx_reusable_connection(c, 1);

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


void
ngx_recording_http_take(ngx_recording_http_connection_t *hc)
{
    ngx_connection_t           *c;
    ngx_recording_http_host_t  *host;

    c = hc->peer.connection;
    host = hc->host;

    ngx_queue_remove(&hc->queue);
    ngx_queue_insert_tail(&host->used, &hc->queue);
    host->nused++;

    ngx_reusable_connection(c, 0);

    c->idle = 0;
    c->read->cancelable = 0;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    hc->state = NGX_RECORDING_HTTP_IS_USED;
}


/*
 * Nothing is to come now.  A ticket of TLS 1.3 may, which recv() takes without
 * giving a byte of it.
 */

static void
ngx_recording_http_kept(ngx_event_t *ev)
{
    u_char                            buf[1];
    ngx_connection_t                 *c;
    ngx_recording_http_connection_t  *hc;

    c = ev->data;
    hc = c->data;

    if (!c->close && !ev->timedout) {

        if (ev->write) {
            return;
        }

        if (c->recv(c, buf, 1) == NGX_AGAIN
            && ngx_handle_read_event(c->read, 0) == NGX_OK)
        {
            return;
        }
    }

    ngx_recording_http_free(hc);
}


ngx_int_t
ngx_recording_http_look(ngx_event_t *ev)
{
    ngx_connection_t                 *c;
    ngx_recording_http_connection_t  *hc;

    c = ev->data;

    if (c->close) {
        hc = c->data;
        ngx_recording_http_abort(hc->host->http);
        return NGX_DONE;
    }

    if (ev->timedout) {
        ev->timedout = 0;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* the context of messages by nginx's own functions */

static u_char *
ngx_recording_http_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                           *p;
    ngx_recording_http_connection_t  *hc;

    hc = log->data;

    p = ngx_snprintf(buf, len, " while %s \"%V\"",
                     ngx_recording_http_states[hc->state], &hc->host->name);

    if (hc->addr) {
        p = ngx_snprintf(p, buf + len - p, ", address: %V", &hc->addr->name);
    }

    return p;
}
