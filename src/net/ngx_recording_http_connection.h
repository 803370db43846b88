
/*
 * What the parts of the client share: a host, a connection, their functions.
 *
 * A connection is made for a request, and belongs to its host:
 *
 *   resolving -> connecting -> handshake -> exchange -> closed
 *                 |     ^          |         |    ^
 *                 +-----+----------+         v    |
 *                 the next address           kept
 *
 * It has a pool of its own, which ngx_recording_http_free() destroys.  A
 * function that may end the request, and the connection with it, is the last
 * one that is called with it.
 */


#ifndef _NGX_RECORDING_HTTP_CONNECTION_H_INCLUDED_
#define _NGX_RECORDING_HTTP_CONNECTION_H_INCLUDED_


#include "ngx_recording_http.h"
#include "ngx_recording_http_answer.h"
#include <ngx_event_connect.h>


#define NGX_RECORDING_HTTP_RESOLVING   10000     /* ms */
#define NGX_RECORDING_HTTP_CONNECTING  5000      /* for each address, at most */
#define NGX_RECORDING_HTTP_SHAKING     10000     /* the same */
#define NGX_RECORDING_HTTP_LEAST       400       /* for each, at least */
#define NGX_RECORDING_HTTP_STALL       20000     /* nothing sent or read */
#define NGX_RECORDING_HTTP_SLOWEST     16        /* bytes in a ms */
#define NGX_RECORDING_HTTP_BEHIND      (1024 * 1024) /* of a body, on the way */
#define NGX_RECORDING_HTTP_KEPT        30000
#define NGX_RECORDING_HTTP_ADDRESSES   32        /* of a name, at most */
#define NGX_RECORDING_HTTP_BUDGET      (512 * 1024)  /* written at once */
#define NGX_RECORDING_HTTP_READS       16        /* buffers read at once */


struct ngx_recording_http_host_s {
    ngx_recording_http_t   *http;
    ngx_recording_url_t     url;           /* of the first one that named it */
    ngx_str_t               name;          /* with its port */

    ngx_addr_t             *addrs;         /* known since the load */
    ngx_uint_t              naddrs;

    ngx_uint_t              connections;   /* 0: as many as any host */
    unsigned                own:1;         /* nobody else has it */
    unsigned                trusted:1;     /* whatever its certificate is */
    unsigned                guest:1;       /* a call has named it */
    ngx_recording_address_e most;          /* of a guest: what its addresses may
                                              be */
    ngx_queue_t             queue;         /* of guests */

    /* --- of the worker */

    ngx_queue_t             waiting;       /* requests */
    ngx_queue_t             used;          /* connections with a request */
    ngx_queue_t             kept;          /* connections without one */
    ngx_uint_t              nused;
    ngx_event_t             event;         /* posted: look who can begin */

    ngx_ssl_session_t      *session;
    ngx_sockaddr_t          good;          /* the address that has worked */
    socklen_t               good_len;
};


typedef enum {
    NGX_RECORDING_HTTP_IS_RESOLVING = 0,
    NGX_RECORDING_HTTP_IS_CONNECTING,
    NGX_RECORDING_HTTP_IS_SHAKING,
    NGX_RECORDING_HTTP_IS_USED,
    NGX_RECORDING_HTTP_IS_KEPT
} ngx_recording_http_state_e;


typedef struct {
    ngx_queue_t             queue;         /* used or kept */
    ngx_recording_http_host_t  *host;
    ngx_recording_http_request_t  *request;  /* NULL: it is kept */
    ngx_recording_http_state_e  state;
    ngx_pool_t             *pool;
    ngx_log_t               log;

    ngx_resolver_ctx_t     *resolve;
    ngx_addr_t             *addrs;
    ngx_uint_t              naddrs;
    ngx_uint_t              first;         /* the one to begin with */
    ngx_uint_t              tried;
    ngx_recording_http_e    failed;        /* how far one of them came */
    ngx_addr_t             *addr;          /* the one in use */
    ngx_msec_t              begun;         /* with that */
    ngx_msec_t              valid;         /* so long a resolved name has it */
    ngx_peer_connection_t   peer;

    /* what is to be sent: the head and the body, or what was given of it */
    u_char                 *head;
    off_t                   given;         /* by the source, up to now */
    ngx_chain_t            *out;
    ngx_chain_t             links[2];
    ngx_buf_t               bufs[2];

    ngx_buf_t               in;
    ngx_recording_http_answer_t  answer;

    unsigned                resolved:1;    /* the name may move */
    unsigned                sent:1;        /* all of the request */
    unsigned                answered:1;    /* before all of it was sent */
    unsigned                refused:1;     /* the rest is not sent any more */
    unsigned                again:1;       /* it had a request before */
    unsigned                heard:1;       /* a byte of the answer */
} ngx_recording_http_connection_t;


/* --- ngx_recording_http.c */

/* ends the request, and keeps or closes its connection */
void ngx_recording_http_finish(ngx_recording_http_connection_t *hc,
    ngx_recording_http_e failed);

/* the same over another connection, as this one was closed meanwhile */
void ngx_recording_http_again(ngx_recording_http_connection_t *hc);

/* the worker does not wait any longer: everything fails */
void ngx_recording_http_abort(ngx_recording_http_t *http);

/* err: of the system, or 0 */
void ngx_recording_http_error(ngx_recording_http_request_t *r, ngx_err_t err,
    const char *fmt, ...);


/* closes what a host has, and cancels its requests */
void ngx_recording_http_leave(ngx_recording_http_host_t *host);


/* --- ngx_recording_http_host.c */

/* an address of a host more, ngx_addr_t, with its port; a text that is none is
   left out.  NGX_ERROR: no memory */
ngx_int_t ngx_recording_http_host_address(ngx_pool_t *pool,
    ngx_recording_http_host_t *host, ngx_array_t *addrs,
    const ngx_str_t *text);


/* --- ngx_recording_http_connection.c */

/* NULL: no memory */
ngx_recording_http_connection_t *ngx_recording_http_create(
    ngx_recording_http_host_t *host);

/* resolves the name, connects and sends */
void ngx_recording_http_open(ngx_recording_http_connection_t *hc);

/* this address cannot be used: tries the next one, or fails */
void ngx_recording_http_next(ngx_recording_http_connection_t *hc,
    ngx_recording_http_e failed);

/* whether its name may have another address now: it is not used again */
ngx_uint_t ngx_recording_http_old(ngx_recording_http_connection_t *hc);

void ngx_recording_http_keep(ngx_recording_http_connection_t *hc);
void ngx_recording_http_take(ngx_recording_http_connection_t *hc);
/* ms, that a phase before the exchange has, at most so many */
ngx_msec_t ngx_recording_http_patience(ngx_recording_http_connection_t *hc,
    ngx_msec_t most);

void ngx_recording_http_free(ngx_recording_http_connection_t *hc);

/*
 * What every handler begins with.  NGX_OK: go on; NGX_DECLINED: the event's
 * timer is over; NGX_DONE: worker_shutdown_timeout is, the connection is gone.
 */
ngx_int_t ngx_recording_http_look(ngx_event_t *ev);


/* --- ngx_recording_http_tls.c */

void ngx_recording_http_handshake(ngx_recording_http_connection_t *hc);


/* --- ngx_recording_http_exchange.c */

void ngx_recording_http_exchange(ngx_recording_http_connection_t *hc);


#endif /* _NGX_RECORDING_HTTP_CONNECTION_H_INCLUDED_ */
