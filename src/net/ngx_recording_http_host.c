
#include "ngx_recording_http_connection.h"


static ngx_recording_http_host_t *ngx_recording_http_host_create(
    ngx_conf_t *cf, ngx_recording_http_t *http,
    const ngx_recording_url_t *url);
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
    u_char                      *p;
    ngx_recording_http_host_t   *host, **slot;

    host = ngx_pcalloc(cf->pool, sizeof(ngx_recording_http_host_t));
    p = ngx_pnalloc(cf->pool, url->host.len + sizeof("[]:65535") - 1);
    slot = ngx_array_push(&http->hosts);

    if (host == NULL || p == NULL || slot == NULL) {
        return NULL;
    }

    *slot = host;

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


const ngx_str_t *
ngx_recording_http_host_name(const ngx_recording_http_host_t *host)
{
    return &host->name;
}
