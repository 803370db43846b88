
/*
 * A request to a record_api location: whether it may ask, what it asks, and
 * how it is answered.
 *
 * Runs in the loop.  Everything that goes wrong is an answer, of HTTP's status
 * 200, as clients read a code only there.
 */


#ifndef _NGX_RECORDING_API_REQUEST_H_INCLUDED_
#define _NGX_RECORDING_API_REQUEST_H_INCLUDED_


#include "ngx_recording_api_conf.h"


/* a request, as long as it is not answered; of its pool */

typedef struct {
    ngx_http_request_t      *request;
    ngx_recording_api_call_t  *call;       /* NULL: none waits, or runs */
    ngx_str_t                key;          /* the id; empty: it has none */
    ngx_str_t                action;       /* X-TC-Action */
    char                     id[NGX_RECORDING_API_REQUEST + 1];
} ngx_recording_api_request_t;


/* of locations: the API, the metrics, and playlists by time */
ngx_int_t ngx_recording_api_request_handler(ngx_http_request_t *r);
ngx_int_t ngx_recording_api_request_metrics(ngx_http_request_t *r);
ngx_int_t ngx_recording_api_request_play(ngx_http_request_t *r);

/*
 * For its parts: the end of a request, a cleanup; and an answer, a text of
 * malloc() that is the request's from now on.
 */
void ngx_recording_api_request_gone(void *data);
ngx_int_t ngx_recording_api_request_send(ngx_http_request_t *r, char *text,
    const char *type);

/* --- ngx_recording_api_request_access.c */

/*
 * Whether a request may do what it asks for; the code of the error, or NULL,
 * and what is to be said of it.
 */
const char *ngx_recording_api_request_access(ngx_recording_api_request_t *ctx,
    const ngx_str_t *body, ngx_uint_t *reads, const char **why);

/* whether a page of another origin has sent it */
ngx_uint_t ngx_recording_api_request_foreign(ngx_http_request_t *r);

/* a header by its name in lower case; NULL: it is not there, or not once */
ngx_str_t *ngx_recording_api_request_header(ngx_http_request_t *r,
    const char *name, ngx_uint_t *n);


#endif /* _NGX_RECORDING_API_REQUEST_H_INCLUDED_ */
