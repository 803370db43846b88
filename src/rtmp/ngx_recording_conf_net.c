
#include "ngx_recording_conf.h"
#include "ngx_recording_http_conf.h"


char *
ngx_recording_conf_resolver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_main_conf_t *rmcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (rmcf->http.resolver) {
        return "is duplicate";
    }

    return ngx_recording_http_conf_resolver(cf, &rmcf->http, &value[1],
                                            cf->args->nelts - 1)
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_recording_conf_certificate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_main_conf_t *rmcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (rmcf->http.ssl) {
        return "is duplicate";
    }

    return ngx_recording_http_conf_certificate(cf, &rmcf->http, &value[1])
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_recording_conf_slash(ngx_conf_t *cf, ngx_str_t *to, ngx_str_t *url)
{
    to->data = ngx_pnalloc(cf->pool, url->len + 1);

    if (to->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(to->data, url->data, url->len);
    to->len = url->len;

    if (url->data[url->len - 1] != '/') {
        to->data[to->len++] = '/';
    }

    return NGX_OK;
}
