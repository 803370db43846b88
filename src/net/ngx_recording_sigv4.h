
/*
 * AWS's signature version 4, in the headers of a request.
 *
 * Signed are host, x-amz-date, x-amz-content-sha256, x-amz-security-token if
 * there is a token, and all headers that are given, which are others than
 * these.  Servers differ in what they make of several spaces or tabs in a row,
 * so values are sent as they are signed: with one space for them, and none at
 * their ends.
 *
 * Pure: any thread; memory is of the pool given.
 */


#ifndef _NGX_RECORDING_SIGV4_H_INCLUDED_
#define _NGX_RECORDING_SIGV4_H_INCLUDED_


#include "ngx_recording_http.h"


/* of a body that is not hashed */
#define NGX_RECORDING_SIGV4_UNSIGNED  "UNSIGNED-PAYLOAD"


typedef struct {
    ngx_str_t               access;
    ngx_str_t               secret;
    ngx_str_t               token;         /* of a session; empty: none */

    ngx_str_t               region;
    ngx_str_t               service;
    time_t                  now;

    ngx_str_t               method;
    ngx_str_t               host;          /* as Host has it */
    ngx_str_t               path;          /* any bytes, not encoded; "/..." */
    const ngx_recording_http_header_t  *args;  /* of the query, not encoded, in
                                              any order */
    ngx_uint_t              nargs;
    const ngx_recording_http_header_t  *headers;  /* that are to be signed,
                                              in any order and case */
    ngx_uint_t              nheaders;
    ngx_str_t               payload;       /* SHA-256 of the body, in hex, or
                                              NGX_RECORDING_SIGV4_UNSIGNED */
} ngx_recording_sigv4_t;


typedef struct {
    ngx_str_t               uri;           /* path and query, encoded */
    ngx_recording_http_header_t  *headers; /* those given and those of the
                                              signature, names in lower case;
                                              not Host */
    ngx_uint_t              nheaders;

    /* for tests */
    ngx_str_t               canonical;
    ngx_str_t               string;        /* to sign */
} ngx_recording_sigv4_signed_t;


/* NGX_ERROR: no memory */
ngx_int_t ngx_recording_sigv4(ngx_pool_t *pool,
    const ngx_recording_sigv4_t *request,
    ngx_recording_sigv4_signed_t *result);


#endif /* _NGX_RECORDING_SIGV4_H_INCLUDED_ */
