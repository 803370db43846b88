
/*
 * What the client needs to know of its surroundings: who resolves names, which
 * certificates are trusted, which names have addresses of their own.
 *
 * Runs while the configuration is read, and may block then.  What fails is
 * said as an error of the configuration; all functions return NGX_OK or
 * NGX_ERROR.
 */


#ifndef _NGX_RECORDING_HTTP_CONF_H_INCLUDED_
#define _NGX_RECORDING_HTTP_CONF_H_INCLUDED_


#include "ngx_recording_http.h"


ngx_int_t ngx_recording_http_conf_create(ngx_conf_t *cf,
    ngx_recording_http_t *http);

/* record_resolver: addresses, and valid=time */
ngx_int_t ngx_recording_http_conf_resolver(ngx_conf_t *cf,
    ngx_recording_http_t *http, ngx_str_t *args, ngx_uint_t n);

/* record_trusted_certificate: instead of the system's CAs */
ngx_int_t ngx_recording_http_conf_certificate(ngx_conf_t *cf,
    ngx_recording_http_t *http, ngx_str_t *file);

/*
 * When all hosts are known: finds what they need and was not configured, the
 * system's name servers and CAs, and the addresses that are known.
 */
ngx_int_t ngx_recording_http_conf_check(ngx_conf_t *cf,
    ngx_recording_http_t *http);

/*
 * After that, if there may be guests: what they may need is looked for in the
 * same places.  What is not there is no error: ->resolver is NULL then, or
 * ->verifies 0.
 */
ngx_int_t ngx_recording_http_conf_guests(ngx_conf_t *cf,
    ngx_recording_http_t *http);


#endif /* _NGX_RECORDING_HTTP_CONF_H_INCLUDED_ */
