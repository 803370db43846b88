
/*
 * An HTTP/1.1 client for the event loop: a host, its connections, requests.
 *
 * Runs in the loop only, never blocks.  A host is made while the configuration
 * is read and lives as long as that; what it has of connections belongs to the
 * worker.  A *guest* is a host that somebody else has named, by a call: it is
 * made and freed in a worker, and each address is looked at before anything is
 * connected to it.  A request belongs to the one who sends it and stays, with
 * all that it points to, until done() was called or it was cancelled.
 *
 *     send           a connection is free        answered, failed, too late
 *   --------> waiting -----------------> under way ---------------> done()
 *
 * A host has at most so many connections at a time; requests wait for one in
 * the order in which they came.  A connection is kept for the next request if
 * the answer allows it, as long as the name's address is valid.  All addresses
 * of a name are tried before a request has failed; the next request begins with
 * the one that has worked.  A request that was sent over a kept connection, and
 * has no byte of an answer as the peer closed that meanwhile, is sent again
 * over a new one, once.
 *
 * Redirects are not followed.
 */


#ifndef _NGX_RECORDING_HTTP_H_INCLUDED_
#define _NGX_RECORDING_HTTP_H_INCLUDED_


#include "ngx_recording_address.h"
#include "ngx_recording_url.h"
#include <ngx_event.h>


typedef struct ngx_recording_http_host_s  ngx_recording_http_host_t;
typedef struct ngx_recording_http_request_s  ngx_recording_http_request_t;


/* a name of the hosts file, as that was when the configuration was read */

typedef struct {
    ngx_str_t               name;
    ngx_str_t               address;
} ngx_recording_http_name_t;


/* what all hosts of a configuration share */

typedef struct {
    ngx_resolver_t         *resolver;      /* NULL: only addresses, and names
                                              of the hosts file */
    ngx_ssl_t              *ssl;           /* NULL: http only */
    ngx_uint_t              verifies;      /* it has certificates to trust */
    ngx_array_t             hosts;         /* ngx_recording_http_host_t *,
                                              equal ones are one */
    ngx_queue_t             guests;        /* hosts, of the worker */
    ngx_array_t            *names;         /* ngx_recording_http_name_t, for
                                              guests; NULL: none */
    ngx_uint_t              connections;   /* of a host, at most, if it has
                                              no limit of its own */
    ngx_log_t              *log;           /* the worker's, set at its start */
    unsigned                aborted:1;     /* worker_shutdown_timeout is over */
} ngx_recording_http_t;


/* in which phase a request has failed */

typedef enum {
    NGX_RECORDING_HTTP_OK = 0,             /* it has an answer: status */
    NGX_RECORDING_HTTP_RESOLVE,            /* the name has no address */
    NGX_RECORDING_HTTP_CONNECT,
    NGX_RECORDING_HTTP_HANDSHAKE,          /* TLS, the certificate too */
    NGX_RECORDING_HTTP_SEND,
    NGX_RECORDING_HTTP_ANSWER,             /* none came, or it broke off */
    NGX_RECORDING_HTTP_INVALID,            /* what came is no HTTP, or too
                                              long */
    NGX_RECORDING_HTTP_LATE,               /* ->timeout is over */
    NGX_RECORDING_HTTP_SOURCE,             /* the body could not be had */
    NGX_RECORDING_HTTP_MEMORY
} ngx_recording_http_e;


typedef struct {
    ngx_str_t               name;
    ngx_str_t               value;
} ngx_recording_http_header_t;


struct ngx_recording_http_request_s {

    /* --- set by the one who sends it */

    ngx_recording_http_host_t  *host;
    ngx_str_t               method;
    ngx_str_t               uri;           /* path and query, encoded */
    ngx_recording_http_header_t  *headers; /* besides Host, Content-Length and
                                              Connection */
    ngx_uint_t              nheaders;
    ngx_str_t               body;          /* in memory */

    /*
     * Or a body that is not in memory: the source is asked when nothing is left
     * to be sent, with ->offset where the next bytes begin; they are given by
     * ngx_recording_http_feed(), now or later, as many as the source likes.  A
     * request that is sent again begins at 0 again.  An answer that comes
     * before is an answer: done() may be called, though the source was asked,
     * and then nothing is to be given any more.
     */
    void                  (*source)(ngx_recording_http_request_t *r);
    off_t                   length;        /* of all of it; 0: nothing is asked
                                              for */
    off_t                   offset;        /* the client's, as of the last time
                                              that the source was asked */

    ngx_msec_t              timeout;       /* in all, once it is under way;
                                              0: only as nothing moves */

    u_char                 *answer;        /* room for the body of the answer;
                                              what is longer is read and
                                              thrown away */
    size_t                  room;

    /* a header of the answer, not of those before it of 1xx, whose bytes are
       gone after the call; may be NULL, and cancels nothing */
    void                  (*header)(ngx_recording_http_request_t *r,
                                    ngx_str_t *name, ngx_str_t *value);

    /* called once, from the loop, never by send() itself */
    void                  (*done)(ngx_recording_http_request_t *r);
    void                   *data;

    /* --- set when done() is called */

    ngx_recording_http_e    failed;
    ngx_uint_t              status;        /* 0: none was read */
    ngx_uint_t              sent;          /* all of the request was */
    size_t                  len;           /* of the body, in ->answer */
    char                    error[256];    /* what happened, for the log and
                                              the catalogue: "connect to
                                              192.0.2.1:443 failed (111:
                                              Connection refused)" */

    /* --- the client's */

    ngx_queue_t             queue;
    void                   *connection;    /* NULL: it is not under way */
    ngx_event_t             event;         /* the timer, then done() */
    unsigned                waiting:1;
    unsigned                again:1;       /* it is sent for the second time */
    unsigned                asked:1;       /* the source was, and gave nothing
                                              yet */
    unsigned                stale:1;       /* what it gives then was for a
                                              connection that is gone */
};


/*
 * Configuration: the host of a URL; NULL: no memory.  It can be used when
 * ngx_recording_http_conf_check() has seen it.
 */
ngx_recording_http_host_t *ngx_recording_http_host(ngx_conf_t *cf,
    ngx_recording_http_t *http, const ngx_recording_url_t *url);

/* the same, one that nobody else has: so many connections, 0 for as many as
   others have, and whether its certificate is verified */
ngx_recording_http_host_t *ngx_recording_http_own_host(ngx_conf_t *cf,
    ngx_recording_http_t *http, const ngx_recording_url_t *url,
    ngx_uint_t connections, ngx_uint_t verify);

/*
 * Loop: a guest, which may have addresses that are `most` at most.  Its memory
 * is of the pool, in which the URL is, too; it has to be freed before that, and
 * when it has no request any more.  NULL: no memory.
 */
ngx_recording_http_host_t *ngx_recording_http_guest(ngx_pool_t *pool,
    ngx_recording_http_t *http, const ngx_recording_url_t *url,
    ngx_recording_address_e most);
void ngx_recording_http_guest_free(ngx_recording_http_host_t *host);

/* for messages: "backend.example.com:443" */
const ngx_str_t *ngx_recording_http_host_name(
    const ngx_recording_http_host_t *host);

/* once the loop runs: what is sent before waits for its first event */
void ngx_recording_http_send(ngx_recording_http_request_t *r);

/*
 * The next bytes of the body, which stay as they are until the source is asked
 * for more, or the request is over; those beyond ->length are not sent.  NULL,
 * or none: they cannot be had, ->error says why, and the request fails.  To be
 * called once for each time that the source was asked, also from within it,
 * and never after done() or cancel().  It does not call done() itself.
 */
void ngx_recording_http_feed(ngx_recording_http_request_t *r, u_char *data,
    size_t len);

/* it is not answered any more: done() is not called */
void ngx_recording_http_cancel(ngx_recording_http_request_t *r);

/* at the worker's exit: closes what is kept open */
void ngx_recording_http_close(ngx_recording_http_t *http);


#endif /* _NGX_RECORDING_HTTP_H_INCLUDED_ */
