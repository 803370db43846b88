
/*
 * Signatures TC3-HMAC-SHA256 of requests that come in, as the SDKs of
 * Tencent's API 3.0 make them:
 *
 *     Authorization: TC3-HMAC-SHA256 Credential=ID/DATE/SERVICE/tc3_request,
 *                    SignedHeaders=content-type;host, Signature=HEX
 *
 * Signed are the method, the path, the query, the headers that are named, and
 * the body.  For some clients the path is "/", wherever they send it to; some
 * sign the host with its port and some without it: all of these are tried.  The
 * service is what the client takes for it.  Names and values of headers count
 * in lower case.
 *
 * Pure: any thread.  Nothing is copied: what is parsed points to the header.
 */


#ifndef _NGX_RECORDING_TC3_H_INCLUDED_
#define _NGX_RECORDING_TC3_H_INCLUDED_


#include "ngx_recording_hmac.h"
#include "ngx_recording_http.h"


#define NGX_RECORDING_TC3_WINDOW   300     /* s, a clock may be off */
#define NGX_RECORDING_TC3_HEADERS  32      /* that may be signed */


typedef struct {
    ngx_str_t               id;
    ngx_str_t               scope;         /* "2018-10-09/cvm/tc3_request" */
    ngx_str_t               date;
    ngx_str_t               service;
    ngx_str_t               names;         /* of headers, "content-type;host" */
    u_char                  signature[NGX_RECORDING_HMAC];
} ngx_recording_tc3_t;


/* a request, as it came */

typedef struct {
    ngx_str_t               method;
    ngx_str_t               path;          /* as it was sent */
    ngx_str_t               query;
    const ngx_recording_http_header_t  *headers;
    ngx_uint_t              nheaders;
    ngx_str_t               body;
    ngx_str_t               timestamp;     /* X-TC-Timestamp */
} ngx_recording_tc3_request_t;


/* NGX_DECLINED: it is no such header, or has no such names */
ngx_int_t ngx_recording_tc3_parse(const ngx_str_t *authorization,
    ngx_recording_tc3_t *tc3);

/* NGX_DECLINED: the clocks differ by too much, or it is no time */
ngx_int_t ngx_recording_tc3_fresh(const ngx_str_t *timestamp, time_t now);

/*
 * Whether it was signed with this secret, in a time that tells nothing of it.
 * NGX_DECLINED: it was not; NGX_ERROR: no memory.
 */
ngx_int_t ngx_recording_tc3_verify(const ngx_recording_tc3_t *tc3,
    const ngx_recording_tc3_request_t *request, const ngx_str_t *secret);


#endif /* _NGX_RECORDING_TC3_H_INCLUDED_ */
