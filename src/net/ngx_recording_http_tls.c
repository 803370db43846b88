
#include "ngx_recording_http_connection.h"


static void ngx_recording_http_shake(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_shaking(ngx_event_t *ev);
static ngx_int_t ngx_recording_http_tls_create(
    ngx_recording_http_connection_t *hc, ngx_connection_t *c);
static ngx_int_t ngx_recording_http_verify(
    ngx_recording_http_connection_t *hc);
static ngx_int_t ngx_recording_http_verify_name(
    ngx_recording_http_connection_t *hc);
static void ngx_recording_http_session(ngx_connection_t *c);
static void ngx_recording_http_session_drop(ngx_recording_http_host_t *host);


void
ngx_recording_http_handshake(ngx_recording_http_connection_t *hc)
{
    ngx_connection_t  *c;

    c = hc->peer.connection;

    /* one that came with the configuration has what it needs */

    if (hc->host->guest && !hc->host->http->verifies) {
        ngx_recording_http_error(hc->request, 0, "there are no certificates "
                                 "to trust: set record_trusted_certificate");
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_HANDSHAKE);
        return;
    }

    if (ngx_recording_http_tls_create(hc, c) != NGX_OK) {
        ngx_recording_http_error(hc->request, 0, "no TLS with %V",
                                 &hc->addr->name);
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_MEMORY);
        return;
    }

    ngx_add_timer(c->read,
                  ngx_recording_http_patience(hc, NGX_RECORDING_HTTP_SHAKING));

    ngx_recording_http_shake(hc);
}


static ngx_int_t
ngx_recording_http_tls_create(ngx_recording_http_connection_t *hc,
    ngx_connection_t *c)
{
    ngx_recording_http_host_t  *host;

    host = hc->host;

    if (ngx_ssl_create_connection(host->http->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* it ends with a null character; an address is no name of a server */

    if (!host->url.literal
        && SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) host->url.host.data)
           == 0)
    {
        return NGX_ERROR;
    }

    if (host->session) {
        (void) ngx_ssl_set_session(c, host->session);
    }

    c->ssl->save_session = ngx_recording_http_session;

    return NGX_OK;
}


static void
ngx_recording_http_shaking(ngx_event_t *ev)
{
    ngx_int_t                         rc;
    ngx_connection_t                 *c;
    ngx_recording_http_connection_t  *hc;

    rc = ngx_recording_http_look(ev);

    if (rc == NGX_DONE) {
        return;
    }

    c = ev->data;
    hc = c->data;

    if (rc == NGX_DECLINED) {
        ngx_recording_http_error(hc->request, 0,
                                 "TLS handshake with %V took too long",
                                 &hc->addr->name);
        ngx_recording_http_next(hc, NGX_RECORDING_HTTP_HANDSHAKE);
        return;
    }

    ngx_recording_http_shake(hc);
}


/* nginx's own handlers would not see that the worker ends */

static void
ngx_recording_http_shake(ngx_recording_http_connection_t *hc)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = hc->peer.connection;

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->read->handler = ngx_recording_http_shaking;
        c->write->handler = ngx_recording_http_shaking;
        return;
    }

    if (rc != NGX_OK) {
        ngx_recording_http_session_drop(hc->host);
        ngx_recording_http_error(hc->request, 0,
                                 "TLS handshake with %V failed",
                                 &hc->addr->name);
        ngx_recording_http_next(hc, NGX_RECORDING_HTTP_HANDSHAKE);
        return;
    }

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (ngx_recording_http_verify(hc) != NGX_OK) {
        ngx_recording_http_session_drop(hc->host);
        ngx_recording_http_next(hc, NGX_RECORDING_HTTP_HANDSHAKE);
        return;
    }

    ngx_recording_http_exchange(hc);
}


/* before the first byte of a request is sent */

static ngx_int_t
ngx_recording_http_verify(ngx_recording_http_connection_t *hc)
{
    long               rc;
    ngx_connection_t  *c;

    if (hc->host->trusted) {
        return NGX_OK;
    }

    c = hc->peer.connection;

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_recording_http_error(hc->request, 0,
                                 "certificate of %V is not trusted (%l: %s)",
                                 &hc->addr->name, rc,
                                 X509_verify_cert_error_string(rc));
        return NGX_ERROR;
    }

    if (ngx_recording_http_verify_name(hc) != NGX_OK) {
        ngx_recording_http_error(hc->request, 0,
                                 "certificate of %V is not for \"%V\"",
                                 &hc->addr->name, &hc->host->url.host);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_http_verify_name(ngx_recording_http_connection_t *hc)
{
    int                   rc;
    X509                 *cert;
    ngx_connection_t     *c;
    ngx_recording_url_t  *url;

    c = hc->peer.connection;
    url = &hc->host->url;

    if (!url->literal) {
        return ngx_ssl_check_host(c, &url->host);
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);

    if (cert == NULL) {
        return NGX_ERROR;
    }

    rc = X509_check_ip_asc(cert, (char *) url->host.data, 0);

    X509_free(cert);

    return rc == 1 ? NGX_OK : NGX_ERROR;
}


/* with TLS 1.3 it comes after the handshake */

static void
ngx_recording_http_session(ngx_connection_t *c)
{
    ngx_ssl_session_t                *session;
    ngx_recording_http_connection_t  *hc;

    hc = c->data;

    session = ngx_ssl_get_session(c);

    if (session == NULL) {
        return;
    }

    ngx_recording_http_session_drop(hc->host);
    hc->host->session = session;
}


static void
ngx_recording_http_session_drop(ngx_recording_http_host_t *host)
{
    if (host->session) {
        ngx_ssl_free_session(host->session);
        host->session = NULL;
    }
}
