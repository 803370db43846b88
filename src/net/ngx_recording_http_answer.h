
/*
 * The answer to a request, as its bytes come.
 *
 *   answer_init()
 *   answer_parse()   whenever bytes were added to the buffer
 *   answer_end()     when the peer has closed the connection
 *
 * The bytes of status line and headers stay in the buffer until the last of
 * them is there: as long as ->head is set nothing in it may move, and a buffer
 * that is full then has headers that are too long.  After that all that was
 * read is taken.
 *
 * Answers of 1xx, which come before the answer, are skipped; headers and
 * trailers are limited in number and length, and so is the body.
 *
 * Pure; nginx's parsers want its struct of a request, of which they use few
 * fields.  A part of the client.
 */


#ifndef _NGX_RECORDING_HTTP_ANSWER_H_INCLUDED_
#define _NGX_RECORDING_HTTP_ANSWER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


#define NGX_RECORDING_HTTP_HEAD     16384      /* bytes, with all 1xx */
#define NGX_RECORDING_HTTP_HEADERS  128
#define NGX_RECORDING_HTTP_BODY     (1024 * 1024)
#define NGX_RECORDING_HTTP_BETWEEN  16384      /* of chunks: sizes, extensions
                                                  and trailers in a row */


typedef struct {

    /* --- set by the one who reads, after answer_init() */

    void                  (*header)(void *data, ngx_str_t *name,
                                    ngx_str_t *value);    /* may be NULL */
    void                   *data;
    u_char                 *body;          /* room for it */
    size_t                  room;
    unsigned                bodiless:1;    /* the answer to HEAD */

    /* --- what was read */

    ngx_uint_t              status;        /* 0: none yet */
    size_t                  len;           /* in ->body */
    const char             *why;           /* it is invalid */
    unsigned                head:1;        /* not all headers are there */
    unsigned                keep:1;        /* another request may follow */

    /* --- its own */

    unsigned                line:1;        /* the status line was read */
    unsigned                chunked:1;
    unsigned                close:1;       /* the body ends with the
                                              connection */
    off_t                   length;        /* -1: not told */
    off_t                   left;          /* of the body */
    off_t                   total;         /* of the body, as far as read */
    size_t                  between;
    ngx_uint_t              headers;
    ngx_http_status_t       parsed;
    ngx_http_chunked_t      chunks;
    ngx_http_request_t      request;
    ngx_connection_t        connection;    /* for messages of debugging */
} ngx_recording_http_answer_t;


void ngx_recording_http_answer_init(ngx_recording_http_answer_t *answer,
    ngx_log_t *log);

/*
 * NGX_AGAIN: more has to come; NGX_DONE: the answer is there, the buffer has
 * what came behind it; NGX_ERROR: ->why
 */
ngx_int_t ngx_recording_http_answer_parse(ngx_recording_http_answer_t *answer,
    ngx_buf_t *b);

/* NGX_DONE: the answer is there; NGX_ERROR: it broke off */
ngx_int_t ngx_recording_http_answer_end(ngx_recording_http_answer_t *answer);


#endif /* _NGX_RECORDING_HTTP_ANSWER_H_INCLUDED_ */
