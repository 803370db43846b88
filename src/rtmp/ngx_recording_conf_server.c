
/*
 * What a server{} block is known by: its listen addresses.
 */


#include "ngx_recording_conf.h"
#include "ngx_rtmp.h"


static size_t ngx_recording_conf_listen(ngx_rtmp_listen_t *ls, u_char *text);


/*
 * Addresses in the order of their directives, without options, so that the
 * name stays as long as they do.  Only what a directive means is kept by
 * nginx-rtmp: "1935" and "*:1935" are one name.
 */

ngx_int_t
ngx_recording_conf_server(ngx_conf_t *cf, void *ctx, ngx_str_t *server)
{
    u_char                      text[NGX_SOCKADDR_STRLEN], *p;
    size_t                      len;
    ngx_uint_t                  i, n;
    ngx_rtmp_listen_t          *ls;
    ngx_rtmp_core_main_conf_t  *cmcf;

    cmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_core_module);
    ls = cmcf->listen.elts;

    for (len = 0, n = 0, i = 0; i < cmcf->listen.nelts; i++) {
        if (ls[i].ctx == ctx) {
            len += ngx_recording_conf_listen(&ls[i], text) + 1;
            n++;
        }
    }

    ngx_str_null(server);

    if (n == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(cf->pool, len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    server->data = p;
    server->len = len - 1;

    for (i = 0; i < cmcf->listen.nelts; i++) {
        if (ls[i].ctx == ctx) {
            p = ngx_cpymem(p, text, ngx_recording_conf_listen(&ls[i], text));
            *p++ = ' ';
        }
    }

    return NGX_OK;
}


/* "1935", "127.0.0.1:1935", "[::]:1935"; returns its length */

static size_t
ngx_recording_conf_listen(ngx_rtmp_listen_t *ls, u_char *text)
{
    struct sockaddr     *sa;
    struct sockaddr_in  *sin;

    sa = (struct sockaddr *) ls->sockaddr;
    sin = (struct sockaddr_in *) ls->sockaddr;

    if (sa->sa_family == AF_INET && sin->sin_addr.s_addr == INADDR_ANY) {
        return ngx_sprintf(text, "%d", (int) ntohs(sin->sin_port)) - text;
    }

    return ngx_sock_ntop(sa, ls->socklen, text, NGX_SOCKADDR_STRLEN, 1);
}
