
#include "ngx_recording_http_connection.h"


static ngx_int_t ngx_recording_http_prepare(
    ngx_recording_http_connection_t *hc);
static off_t ngx_recording_http_length(ngx_recording_http_request_t *r);
static ngx_uint_t ngx_recording_http_has_body(
    ngx_recording_http_request_t *r);
static size_t ngx_recording_http_head_len(ngx_recording_http_request_t *r);
static u_char *ngx_recording_http_head(ngx_recording_http_request_t *r,
    u_char *p);
static void ngx_recording_http_buf(ngx_recording_http_connection_t *hc,
    ngx_uint_t n, u_char *data, size_t len);
static ngx_uint_t ngx_recording_http_valid(ngx_recording_http_request_t *r);
static ngx_uint_t ngx_recording_http_printable(const ngx_str_t *text,
    ngx_uint_t spaces);
static void ngx_recording_http_writing(ngx_event_t *wev);
static void ngx_recording_http_write(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_ask(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_unsent(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_sent(ngx_recording_http_connection_t *hc);
static ngx_msec_t ngx_recording_http_awaits(
    ngx_recording_http_connection_t *hc);
static void ngx_recording_http_reading(ngx_event_t *rev);
static void ngx_recording_http_read(ngx_recording_http_connection_t *hc);
static ngx_int_t ngx_recording_http_input(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_early(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_answered(ngx_recording_http_connection_t *hc);
static void ngx_recording_http_broken(ngx_recording_http_connection_t *hc,
    ngx_err_t err);
static ngx_err_t ngx_recording_http_errno(
    ngx_recording_http_connection_t *hc);
static void ngx_recording_http_header(void *data, ngx_str_t *name,
    ngx_str_t *value);


void
ngx_recording_http_exchange(ngx_recording_http_connection_t *hc)
{
    ngx_connection_t              *c;
    ngx_recording_http_host_t     *host;
    ngx_recording_http_request_t  *r;

    c = hc->peer.connection;
    r = hc->request;
    host = hc->host;

    ngx_memcpy(&host->good, hc->addr->sockaddr, hc->addr->socklen);
    host->good_len = hc->addr->socklen;

    hc->state = NGX_RECORDING_HTTP_IS_USED;
    hc->sent = 0;
    hc->answered = 0;
    hc->refused = 0;
    hc->heard = 0;
    hc->given = 0;
    hc->in.pos = hc->in.start;
    hc->in.last = hc->in.start;

    /* an address that did not work is no matter any more */

    r->error[0] = '\0';

    ngx_recording_http_answer_init(&hc->answer, &hc->log);

    hc->answer.header = ngx_recording_http_header;
    hc->answer.data = r;
    hc->answer.body = r->answer;
    hc->answer.room = r->room;
    hc->answer.bodiless = (r->method.len == 4
                           && ngx_strncmp(r->method.data, "HEAD", 4) == 0);

    if (!ngx_recording_http_valid(r)) {
        ngx_recording_http_error(r, 0, "a request line or header that cannot "
                                 "be sent");
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_SEND);
        return;
    }

    if (ngx_recording_http_prepare(hc) != NGX_OK) {
        ngx_recording_http_error(r, 0, "no memory");
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_MEMORY);
        return;
    }

    c->read->handler = ngx_recording_http_reading;
    c->write->handler = ngx_recording_http_writing;

    ngx_add_timer(c->write, NGX_RECORDING_HTTP_STALL);

    /* what was read with the handshake brings no event any more */

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }

    ngx_recording_http_write(hc);
}


/* nothing that a sender puts together begins a line of its own */

static ngx_uint_t
ngx_recording_http_valid(ngx_recording_http_request_t *r)
{
    ngx_uint_t  i;

    if (!ngx_recording_http_printable(&r->method, 0) || r->method.len == 0
        || !ngx_recording_http_printable(&r->uri, 0) || r->uri.len == 0)
    {
        return 0;
    }

    for (i = 0; i < r->nheaders; i++) {
        if (!ngx_recording_http_printable(&r->headers[i].name, 0)
            || !ngx_recording_http_printable(&r->headers[i].value, 1))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_recording_http_printable(const ngx_str_t *text, ngx_uint_t spaces)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < ' ' || text->data[i] == 0x7f
            || (text->data[i] == ' ' && !spaces))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_recording_http_prepare(ngx_recording_http_connection_t *hc)
{
    u_char                        *last;
    ngx_recording_http_request_t  *r;

    r = hc->request;

    hc->head = ngx_alloc(ngx_recording_http_head_len(r), &hc->log);

    if (hc->head == NULL) {
        return NGX_ERROR;
    }

    last = ngx_recording_http_head(r, hc->head);

    ngx_recording_http_buf(hc, 0, hc->head, last - hc->head);
    hc->out = &hc->links[0];

    if (r->source == NULL && r->body.len) {
        ngx_recording_http_buf(hc, 1, r->body.data, r->body.len);
        hc->links[0].next = &hc->links[1];
        hc->bufs[0].flush = 0;
    }

    return NGX_OK;
}


static off_t
ngx_recording_http_length(ngx_recording_http_request_t *r)
{
    return r->source ? r->length : (off_t) r->body.len;
}


/* methods whose request has one, be it empty */

static ngx_uint_t
ngx_recording_http_has_body(ngx_recording_http_request_t *r)
{
    return ngx_recording_http_length(r) > 0
           || (r->method.len > 0
               && (r->method.data[0] == 'P' || r->method.data[0] == 'p'));
}


static size_t
ngx_recording_http_head_len(ngx_recording_http_request_t *r)
{
    size_t      len;
    ngx_uint_t  i;

    len = r->method.len + 1 + r->uri.len + sizeof(" HTTP/1.1" CRLF) - 1
          + sizeof("Host: " CRLF) - 1 + r->host->url.authority.len
          + sizeof("Content-Length: " CRLF) - 1 + NGX_OFF_T_LEN
          + sizeof(CRLF) - 1;

    for (i = 0; i < r->nheaders; i++) {
        len += r->headers[i].name.len + sizeof(": " CRLF) - 1
               + r->headers[i].value.len;
    }

    return len;
}


static u_char *
ngx_recording_http_head(ngx_recording_http_request_t *r, u_char *p)
{
    ngx_uint_t  i;

    p = ngx_sprintf(p, "%V %V HTTP/1.1" CRLF "Host: %V" CRLF, &r->method,
                    &r->uri, &r->host->url.authority);

    if (ngx_recording_http_has_body(r)) {
        p = ngx_sprintf(p, "Content-Length: %O" CRLF,
                        ngx_recording_http_length(r));
    }

    for (i = 0; i < r->nheaders; i++) {
        p = ngx_sprintf(p, "%V: %V" CRLF, &r->headers[i].name,
                        &r->headers[i].value);
    }

    return ngx_cpymem(p, CRLF, sizeof(CRLF) - 1);
}


static void
ngx_recording_http_buf(ngx_recording_http_connection_t *hc, ngx_uint_t n,
    u_char *data, size_t len)
{
    ngx_buf_t  *b;

    b = &hc->bufs[n];
    ngx_memzero(b, sizeof(ngx_buf_t));

    b->pos = data;
    b->last = data + len;
    b->start = b->pos;
    b->end = b->last;
    b->memory = 1;
    b->flush = 1;

    hc->links[n].buf = b;
    hc->links[n].next = NULL;
}


static void
ngx_recording_http_writing(ngx_event_t *wev)
{
    ngx_int_t                         rc;
    ngx_connection_t                 *c;
    ngx_recording_http_connection_t  *hc;

    rc = ngx_recording_http_look(wev);

    if (rc == NGX_DONE) {
        return;
    }

    c = wev->data;
    hc = c->data;

    /* a worker that exits waits for the source, too */

    if (rc == NGX_DECLINED && hc->request->asked && hc->out == NULL
        && !c->buffered)
    {
        ngx_add_timer(wev, NGX_RECORDING_HTTP_STALL);
        return;
    }

    if (rc == NGX_DECLINED) {
        ngx_recording_http_error(hc->request, 0,
                                 "nothing could be sent to %V for %d s",
                                 &hc->addr->name,
                                 NGX_RECORDING_HTTP_STALL / 1000);
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_SEND);
        return;
    }

    ngx_recording_http_write(hc);
}


/* a part at a time, so that others have their turn */

static void
ngx_recording_http_write(ngx_recording_http_connection_t *hc)
{
    off_t              before;
    ngx_chain_t       *out;
    ngx_connection_t  *c;

    c = hc->peer.connection;

    /* what TLS has buffered of a body that was refused is not sent either */

    if (hc->refused || hc->sent) {
        (void) ngx_handle_write_event(c->write, 0);
        return;
    }

    if (hc->out == NULL && !c->buffered) {
        ngx_recording_http_ask(hc);
        return;
    }

    before = c->sent;

    out = c->send_chain(c, hc->out, NGX_RECORDING_HTTP_BUDGET);

    if (out == NGX_CHAIN_ERROR) {
        ngx_recording_http_unsent(hc);
        return;
    }

    hc->out = out;

    if (c->sent != before) {
        ngx_add_timer(c->write, NGX_RECORDING_HTTP_STALL);
    }

    if (out == NULL && !c->buffered) {
        ngx_recording_http_ask(hc);
        return;
    }

    if (c->write->ready) {
        ngx_post_event(c->write, &ngx_posted_next_events);

    } else if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_recording_http_unsent(hc);
    }
}


/*
 * All that was there is sent.  The source may do anything when it is asked:
 * nothing of the connection is touched after that.
 */

static void
ngx_recording_http_ask(ngx_recording_http_connection_t *hc)
{
    ngx_recording_http_request_t  *r;

    r = hc->request;

    if (r->source == NULL || hc->given >= r->length) {
        ngx_recording_http_sent(hc);
        return;
    }

    if (ngx_handle_write_event(hc->peer.connection->write, 0) != NGX_OK) {
        ngx_recording_http_unsent(hc);
        return;
    }

    /* what it was asked for another connection it has not given yet */

    if (r->asked) {
        return;
    }

    r->asked = 1;
    r->offset = hc->given;

    r->source(r);
}


void
ngx_recording_http_feed(ngx_recording_http_request_t *r, u_char *data,
    size_t len)
{
    ngx_connection_t                 *c;
    ngx_recording_http_connection_t  *hc;

    hc = r->connection;

    if (!r->asked) {
        return;
    }

    r->asked = 0;

    if (r->stale) {
        r->stale = 0;

        if (hc && hc->state == NGX_RECORDING_HTTP_IS_USED) {
            ngx_post_event(hc->peer.connection->write,
                           &ngx_posted_next_events);
        }

        return;
    }

    if (hc->refused) {
        return;
    }

    if (data == NULL || len == 0) {

        if (r->error[0] == '\0') {
            ngx_recording_http_error(r, 0, "the body cannot be had");
        }

        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_SOURCE);
        return;
    }

    c = hc->peer.connection;

    len = ngx_min((off_t) len, r->length - hc->given);
    hc->given += len;

    ngx_recording_http_buf(hc, 1, data, len);
    hc->out = &hc->links[1];

    /* not at once: the source would be asked by itself, over and over */

    ngx_add_timer(c->write, NGX_RECORDING_HTTP_STALL);
    ngx_post_event(c->write, &ngx_posted_next_events);
}


/*
 * The peer does not take it: it may have answered before, and closed then, as
 * one does that refuses a body.
 */

static void
ngx_recording_http_unsent(ngx_recording_http_connection_t *hc)
{
    ngx_err_t  err;

    err = ngx_recording_http_errno(hc);

    /* it may have come after the last event: recv() is to ask the kernel */

    hc->peer.connection->read->available = -1;

    if (ngx_recording_http_input(hc) == NGX_DONE
        && hc->answer.status >= NGX_HTTP_SPECIAL_RESPONSE)
    {
        ngx_recording_http_answered(hc);
        return;
    }

    ngx_recording_http_broken(hc, err);
}


static void
ngx_recording_http_sent(ngx_recording_http_connection_t *hc)
{
    ngx_connection_t  *c;

    c = hc->peer.connection;

    hc->sent = 1;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (hc->answered) {
        ngx_recording_http_answered(hc);
        return;
    }

    ngx_add_timer(c->read, ngx_recording_http_awaits(hc));

    if (ngx_handle_write_event(c->write, 0) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_recording_http_broken(hc, 0);
    }
}


/* what was sent may lie in buffers on the way, before a peer that is slow */

static ngx_msec_t
ngx_recording_http_awaits(ngx_recording_http_connection_t *hc)
{
    off_t  behind;

    behind = ngx_min(ngx_recording_http_length(hc->request),
                     NGX_RECORDING_HTTP_BEHIND);

    return NGX_RECORDING_HTTP_STALL
           + (hc->heard ? 0 : behind / NGX_RECORDING_HTTP_SLOWEST);
}


static void
ngx_recording_http_reading(ngx_event_t *rev)
{
    ngx_int_t                         rc;
    ngx_connection_t                 *c;
    ngx_recording_http_connection_t  *hc;

    rc = ngx_recording_http_look(rev);

    if (rc == NGX_DONE) {
        return;
    }

    c = rev->data;
    hc = c->data;

    if (rc == NGX_DECLINED && hc->refused) {
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_OK);
        return;
    }

    if (rc == NGX_DECLINED) {
        ngx_recording_http_error(hc->request, 0, "no answer from %V for %M s",
                                 &hc->addr->name,
                                 ngx_recording_http_awaits(hc) / 1000);
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_ANSWER);
        return;
    }

    ngx_recording_http_read(hc);
}


static void
ngx_recording_http_read(ngx_recording_http_connection_t *hc)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = hc->peer.connection;

    rc = ngx_recording_http_input(hc);

    if (rc == NGX_DONE) {
        ngx_recording_http_answered(hc);
        return;
    }

    if (rc == NGX_DECLINED) {
        ngx_recording_http_error(hc->request, 0, "answer of %V: %s",
                                 &hc->addr->name, hc->answer.why);
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_INVALID);
        return;
    }

    if (rc == NGX_ERROR) {
        ngx_recording_http_broken(hc, c->read->eof
                                      ? 0 : ngx_recording_http_errno(hc));
        return;
    }

    if (!hc->sent) {
        ngx_recording_http_early(hc);
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_recording_http_broken(hc, 0);
    }
}


/*
 * Reads what is there.  NGX_AGAIN: not the whole answer; NGX_DONE: all of it;
 * NGX_DECLINED: it is invalid; NGX_ERROR: the connection is broken or closed.
 */

static ngx_int_t
ngx_recording_http_input(ngx_recording_http_connection_t *hc)
{
    ssize_t            n;
    ngx_buf_t         *b;
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = hc->peer.connection;
    b = &hc->in;

    if (hc->answered) {
        return NGX_DONE;
    }

    for (i = 0; i < NGX_RECORDING_HTTP_READS; i++) {

        n = c->recv(c, b->last, b->end - b->last);

        if (n == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == 0) {
            c->read->eof = 1;
            return ngx_recording_http_answer_end(&hc->answer);
        }

        hc->heard = 1;
        b->last += n;

        if (c->read->timer_set) {
            ngx_add_timer(c->read, NGX_RECORDING_HTTP_STALL);
        }

        rc = ngx_recording_http_answer_parse(&hc->answer, b);

        if (rc == NGX_DONE) {
            return NGX_DONE;
        }

        if (rc == NGX_ERROR) {
            return NGX_DECLINED;
        }

        if (!hc->answer.head) {
            b->pos = b->start;
            b->last = b->start;
        }
    }

    ngx_post_event(c->read, &ngx_posted_next_events);

    return NGX_AGAIN;
}


/* what is refused need not be sent to its end */

static void
ngx_recording_http_early(ngx_recording_http_connection_t *hc)
{
    ngx_connection_t  *c;

    if (hc->answer.head
        || hc->answer.status < NGX_HTTP_SPECIAL_RESPONSE)
    {
        return;
    }

    c = hc->peer.connection;

    hc->refused = 1;
    hc->answer.keep = 0;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
        ngx_add_timer(c->read, NGX_RECORDING_HTTP_STALL);
    }
}


/* an answer is there: but a success only when all was sent */

static void
ngx_recording_http_answered(ngx_recording_http_connection_t *hc)
{
    if (!hc->sent) {

        if (hc->answer.status < NGX_HTTP_SPECIAL_RESPONSE) {
            hc->answered = 1;
            return;
        }

        hc->answer.keep = 0;
    }

    if (hc->in.pos != hc->in.last) {
        hc->answer.keep = 0;
    }

    ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_OK);
}


static void
ngx_recording_http_broken(ngx_recording_http_connection_t *hc, ngx_err_t err)
{
    if (hc->again && !hc->heard) {
        ngx_recording_http_again(hc);
        return;
    }

    if (!hc->sent) {

        /* who refuses may close without the whole reason */

        if (!hc->answer.head
            && hc->answer.status >= NGX_HTTP_SPECIAL_RESPONSE)
        {
            hc->answer.keep = 0;
            ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_OK);
            return;
        }

        ngx_recording_http_error(hc->request, err, "%V closed the connection "
                                 "before all was sent", &hc->addr->name);
        ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_SEND);
        return;
    }

    ngx_recording_http_error(hc->request, err, hc->heard
                             ? "%V closed the connection within its answer"
                             : "%V closed the connection without an answer",
                             &hc->addr->name);
    ngx_recording_http_finish(hc, NGX_RECORDING_HTTP_ANSWER);
}


/* with TLS it tells nothing, and nginx has logged what OpenSSL says */

static ngx_err_t
ngx_recording_http_errno(ngx_recording_http_connection_t *hc)
{
    return hc->peer.connection->ssl ? 0 : ngx_socket_errno;
}


static void
ngx_recording_http_header(void *data, ngx_str_t *name, ngx_str_t *value)
{
    ngx_recording_http_request_t *r = data;

    if (r->header) {
        r->header(r, name, value);
    }
}
