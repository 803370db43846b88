
#include "ngx_recording_http_connection.h"


static ngx_recording_http_host_t *ngx_recording_http_host_create(
    ngx_conf_t *cf, ngx_recording_http_t *http,
    const ngx_recording_url_t *url);
static ngx_recording_http_host_t *ngx_recording_http_host_new(
    ngx_pool_t *pool, ngx_recording_http_t *http,
    const ngx_recording_url_t *url);
static ngx_int_t ngx_recording_http_host_known(ngx_pool_t *pool,
    ngx_recording_http_host_t *host);
static ngx_recording_http_host_t *ngx_recording_http_host_find(
    ngx_recording_http_t *http, const ngx_recording_url_t *url);


ngx_recording_http_host_t *
ngx_recording_http_host(ngx_conf_t *cf, ngx_recording_http_t *http,
    const ngx_recording_url_t *url)
{
    ngx_recording_http_host_t  *host;

    host = ngx_recording_http_host_find(http, url);

    return host ? host : ngx_recording_http_host_create(cf, http, url);
}


ngx_recording_http_host_t *
ngx_recording_http_own_host(ngx_conf_t *cf, ngx_recording_http_t *http,
    const ngx_recording_url_t *url, ngx_uint_t connections, ngx_uint_t verify)
{
    ngx_recording_http_host_t  *host;

    host = ngx_recording_http_host_create(cf, http, url);

    if (host == NULL) {
        return NULL;
    }

    host->own = 1;
    host->connections = connections;
    host->trusted = !verify;

    return host;
}


static ngx_recording_http_host_t *
ngx_recording_http_host_create(ngx_conf_t *cf, ngx_recording_http_t *http,
    const ngx_recording_url_t *url)
{
    ngx_recording_http_host_t  *host, **slot;

    host = ngx_recording_http_host_new(cf->pool, http, url);
    slot = ngx_array_push(&http->hosts);

    if (host == NULL || slot == NULL) {
        return NULL;
    }

    *slot = host;

    return host;
}


static ngx_recording_http_host_t *
ngx_recording_http_host_new(ngx_pool_t *pool, ngx_recording_http_t *http,
    const ngx_recording_url_t *url)
{
    u_char                     *p;
    ngx_recording_http_host_t  *host;

    host = ngx_pcalloc(pool, sizeof(ngx_recording_http_host_t));
    p = ngx_pnalloc(pool, url->host.len + sizeof("[]:65535") - 1);

    if (host == NULL || p == NULL) {
        return NULL;
    }

    host->http = http;
    host->url = *url;

    host->name.data = p;
    host->name.len = ngx_sprintf(p, ngx_strlchr(url->host.data,
                                                url->host.data + url->host.len,
                                                ':')
                                    ? "[%V]:%ui" : "%V:%ui",
                                 &url->host, (ngx_uint_t) url->port)
                     - p;

    ngx_queue_init(&host->waiting);
    ngx_queue_init(&host->used);
    ngx_queue_init(&host->kept);

    return host;
}


static ngx_recording_http_host_t *
ngx_recording_http_host_find(ngx_recording_http_t *http,
    const ngx_recording_url_t *url)
{
    ngx_uint_t                   i;
    ngx_recording_http_host_t  **host;

    host = http->hosts.elts;

    for (i = 0; i < http->hosts.nelts; i++) {

        if (!host[i]->own
            && host[i]->url.secure == url->secure
            && host[i]->url.port == url->port
            && host[i]->url.host.len == url->host.len
            && ngx_strncmp(host[i]->url.host.data, url->host.data,
                           url->host.len)
               == 0)
        {
            return host[i];
        }
    }

    return NULL;
}


ngx_recording_http_host_t *
ngx_recording_http_guest(ngx_pool_t *pool, ngx_recording_http_t *http,
    const ngx_recording_url_t *url, ngx_recording_address_e most)
{
    ngx_recording_http_host_t  *host;

    host = ngx_recording_http_host_new(pool, http, url);

    if (host == NULL || ngx_recording_http_host_known(pool, host) != NGX_OK) {
        return NULL;
    }

    host->guest = 1;
    host->most = most;

    ngx_queue_insert_tail(&http->guests, &host->queue);

    return host;
}


/* the addresses that are known without asking */

static ngx_int_t
ngx_recording_http_host_known(ngx_pool_t *pool,
    ngx_recording_http_host_t *host)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_array_t                 addrs;
    ngx_recording_http_name_t  *name;

    if (ngx_array_init(&addrs, pool, 2, sizeof(ngx_addr_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = host->url.literal
         ? ngx_recording_http_host_address(pool, host, &addrs, &host->url.host)
         : NGX_OK;

    name = host->http->names ? host->http->names->elts : NULL;

    for (i = 0; rc == NGX_OK && name && i < host->http->names->nelts; i++) {

        if (name[i].name.len == host->url.host.len
            && ngx_strncasecmp(name[i].name.data, host->url.host.data,
                               host->url.host.len)
               == 0)
        {
            rc = ngx_recording_http_host_address(pool, host, &addrs,
                                                 &name[i].address);
        }
    }

    host->addrs = addrs.elts;
    host->naddrs = addrs.nelts;

    return rc;
}


ngx_int_t
ngx_recording_http_host_address(ngx_pool_t *pool,
    ngx_recording_http_host_t *host, ngx_array_t *addrs,
    const ngx_str_t *text)
{
    u_char      *p;
    ngx_int_t    rc;
    ngx_addr_t   parsed, *addr;

    rc = ngx_parse_addr(pool, &parsed, text->data, text->len);

    /* a line that cannot be read is none */

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    addr = ngx_array_push(addrs);
    p = ngx_pnalloc(pool, NGX_SOCKADDR_STRLEN);

    if (addr == NULL || p == NULL) {
        return NGX_ERROR;
    }

    *addr = parsed;
    ngx_inet_set_port(addr->sockaddr, host->url.port);

    addr->name.data = p;
    addr->name.len = ngx_sock_ntop(addr->sockaddr, addr->socklen, p,
                                   NGX_SOCKADDR_STRLEN, 1);

    return NGX_OK;
}


void
ngx_recording_http_guest_free(ngx_recording_http_host_t *host)
{
    ngx_recording_http_leave(host);

    ngx_queue_remove(&host->queue);
}


const ngx_str_t *
ngx_recording_http_host_name(const ngx_recording_http_host_t *host)
{
    return &host->name;
}
