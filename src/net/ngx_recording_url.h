
/*
 * A URL of http or https, taken apart.
 *
 * Pure: no name is looked up.  Any thread; memory is of the pool given.
 */


#ifndef _NGX_RECORDING_URL_H_INCLUDED_
#define _NGX_RECORDING_URL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_str_t               text;          /* as given */
    ngx_str_t               host;          /* a name, lower case, or an address
                                              without brackets; with a null
                                              character behind it */
    ngx_str_t               authority;     /* for Host: the port only if it is
                                              not the scheme's own */
    ngx_str_t               uri;           /* path and query, at least "/" */
    in_port_t               port;
    unsigned                secure:1;      /* https */
    unsigned                literal:1;     /* the host is an address */
} ngx_recording_url_t;


/*
 * NGX_DECLINED: it is none that can be asked, *why tells what it has that is
 * wrong: another scheme, user information, no host, a port out of range, a
 * fragment, bytes that a request line cannot have.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_recording_url_parse(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_recording_url_t *url, const char **why);

/*
 * The same without memory: host and uri lie in the text, the host as it is
 * written there but without a dot at its end; text and authority are empty.
 * NULL: it is one, else what is wrong.
 */
const char *ngx_recording_url_check(const ngx_str_t *text,
    ngx_recording_url_t *url);


#endif /* _NGX_RECORDING_URL_H_INCLUDED_ */
