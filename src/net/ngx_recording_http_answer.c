
#include "ngx_recording_http_answer.h"


static void ngx_recording_http_answer_next(
    ngx_recording_http_answer_t *answer);
static ngx_int_t ngx_recording_http_answer_status(
    ngx_recording_http_answer_t *answer, ngx_buf_t *b);
static ngx_int_t ngx_recording_http_answer_headers(
    ngx_recording_http_answer_t *answer, ngx_buf_t *b);
static ngx_int_t ngx_recording_http_answer_header(
    ngx_recording_http_answer_t *answer);
static ngx_int_t ngx_recording_http_answer_length(
    ngx_recording_http_answer_t *answer, ngx_str_t *value);
static ngx_int_t ngx_recording_http_answer_coding(
    ngx_recording_http_answer_t *answer, ngx_str_t *value);
static void ngx_recording_http_answer_connection(
    ngx_recording_http_answer_t *answer, ngx_str_t *value);
static ngx_int_t ngx_recording_http_answer_begun(
    ngx_recording_http_answer_t *answer);
static ngx_int_t ngx_recording_http_answer_chunks(
    ngx_recording_http_answer_t *answer, ngx_buf_t *b);
static ngx_int_t ngx_recording_http_answer_chunk(
    ngx_recording_http_answer_t *answer, ngx_buf_t *b);
static ngx_int_t ngx_recording_http_answer_body(
    ngx_recording_http_answer_t *answer, ngx_buf_t *b, off_t most);
static ngx_int_t ngx_recording_http_answer_invalid(
    ngx_recording_http_answer_t *answer, const char *why);
static ngx_uint_t ngx_recording_http_answer_is(const ngx_str_t *text,
    const char *name);


void
ngx_recording_http_answer_init(ngx_recording_http_answer_t *answer,
    ngx_log_t *log)
{
    ngx_memzero(answer, sizeof(ngx_recording_http_answer_t));

    answer->connection.log = log;
    answer->request.connection = &answer->connection;
    answer->head = 1;

    ngx_recording_http_answer_next(answer);
}


/* a status line comes, the first one or one after 1xx */

static void
ngx_recording_http_answer_next(ngx_recording_http_answer_t *answer)
{
    ngx_memzero(&answer->parsed, sizeof(ngx_http_status_t));

    answer->request.state = 0;
    answer->line = 0;
    answer->chunked = 0;
    answer->status = 0;
    answer->length = -1;
    answer->keep = 1;
}


ngx_int_t
ngx_recording_http_answer_parse(ngx_recording_http_answer_t *answer,
    ngx_buf_t *b)
{
    ngx_int_t  rc;

    while (answer->head) {

        rc = answer->line ? ngx_recording_http_answer_headers(answer, b)
                          : ngx_recording_http_answer_status(answer, b);

        if (rc == NGX_AGAIN && b->last == b->end) {
            return ngx_recording_http_answer_invalid(answer,
                                                     "its headers are too "
                                                     "long");
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (answer->chunked) {
        return ngx_recording_http_answer_chunks(answer, b);
    }

    rc = ngx_recording_http_answer_body(answer, b, answer->close
                                                   ? b->last - b->pos
                                                   : answer->left);
    if (rc != NGX_OK) {
        return rc;
    }

    if (answer->close) {
        return NGX_AGAIN;
    }

    return answer->left ? NGX_AGAIN : NGX_DONE;
}


ngx_int_t
ngx_recording_http_answer_end(ngx_recording_http_answer_t *answer)
{
    answer->keep = 0;

    return (!answer->head && answer->close) ? NGX_DONE : NGX_ERROR;
}


static ngx_int_t
ngx_recording_http_answer_status(ngx_recording_http_answer_t *answer,
    ngx_buf_t *b)
{
    ngx_int_t           rc;
    ngx_http_status_t  *parsed;

    parsed = &answer->parsed;

    rc = ngx_http_parse_status_line(&answer->request, b, parsed);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != NGX_OK || parsed->http_version / 1000 != 1
        || parsed->code < 100 || parsed->code > 999)
    {
        return ngx_recording_http_answer_invalid(answer,
                                                 "it has no status line of "
                                                 "HTTP/1.1");
    }

    /* nobody has asked for another protocol */

    if (parsed->code == NGX_HTTP_SWITCHING_PROTOCOLS) {
        return ngx_recording_http_answer_invalid(answer,
                                                 "its status is 101");
    }

    answer->keep = parsed->http_version >= NGX_HTTP_VERSION_11;
    answer->request.state = 0;
    answer->line = 1;

    if (parsed->code >= 200) {
        answer->status = parsed->code;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_http_answer_headers(ngx_recording_http_answer_t *answer,
    ngx_buf_t *b)
{
    ngx_int_t  rc;

    for ( ;; ) {
        rc = ngx_http_parse_header_line(&answer->request, b, 1);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_HTTP_PARSE_HEADER_DONE) {
            break;
        }

        if (rc != NGX_OK) {
            return ngx_recording_http_answer_invalid(answer,
                                                     "it has a header that is "
                                                     "none");
        }

        if (++answer->headers > NGX_RECORDING_HTTP_HEADERS) {
            return ngx_recording_http_answer_invalid(answer,
                                                     "it has too many "
                                                     "headers");
        }

        rc = ngx_recording_http_answer_header(answer);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (answer->status == 0) {
        ngx_recording_http_answer_next(answer);
        return NGX_OK;
    }

    return ngx_recording_http_answer_begun(answer);
}


static ngx_int_t
ngx_recording_http_answer_header(ngx_recording_http_answer_t *answer)
{
    ngx_int_t            rc;
    ngx_str_t            name, value;
    ngx_http_request_t  *r;

    if (answer->status == 0) {
        return NGX_OK;
    }

    r = &answer->request;

    name.data = r->header_name_start;
    name.len = r->header_name_end - r->header_name_start;

    value.data = r->header_start;
    value.len = r->header_end - r->header_start;

    rc = NGX_OK;

    if (ngx_recording_http_answer_is(&name, "Content-Length")) {
        rc = ngx_recording_http_answer_length(answer, &value);

    } else if (ngx_recording_http_answer_is(&name, "Transfer-Encoding")) {
        rc = ngx_recording_http_answer_coding(answer, &value);

    } else if (ngx_recording_http_answer_is(&name, "Connection")) {
        ngx_recording_http_answer_connection(answer, &value);
    }

    if (rc == NGX_OK && answer->header) {
        answer->header(answer->data, &name, &value);
    }

    return rc;
}


static ngx_int_t
ngx_recording_http_answer_length(ngx_recording_http_answer_t *answer,
    ngx_str_t *value)
{
    off_t  length;

    length = ngx_atoof(value->data, value->len);

    if (length == (off_t) NGX_ERROR
        || (answer->length != -1 && answer->length != length))
    {
        return ngx_recording_http_answer_invalid(answer,
                                                 "its Content-Length is not "
                                                 "a number");
    }

    answer->length = length;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_http_answer_coding(ngx_recording_http_answer_t *answer,
    ngx_str_t *value)
{
    if (answer->chunked || !ngx_recording_http_answer_is(value, "chunked")) {
        return ngx_recording_http_answer_invalid(answer,
                                                 "its Transfer-Encoding is "
                                                 "not chunked");
    }

    answer->chunked = 1;

    return NGX_OK;
}


static void
ngx_recording_http_answer_connection(ngx_recording_http_answer_t *answer,
    ngx_str_t *value)
{
    u_char  *last;

    last = value->data + value->len;

    if (ngx_strlcasestrn(value->data, last, (u_char *) "close", 5 - 1)) {
        answer->keep = 0;

    } else if (ngx_strlcasestrn(value->data, last, (u_char *) "keep-alive",
                                10 - 1))
    {
        answer->keep = 1;
    }
}


/* all headers are there: how long is the body? */

static ngx_int_t
ngx_recording_http_answer_begun(ngx_recording_http_answer_t *answer)
{
    answer->head = 0;

    if (answer->bodiless || answer->status == NGX_HTTP_NO_CONTENT
        || answer->status == NGX_HTTP_NOT_MODIFIED)
    {

        /*
         * Some servers send the last chunk of the body that there is not,
         * Swift after each HEAD that it has nothing for: it would be read as
         * the next answer.
         */

        if (answer->chunked) {
            answer->keep = 0;
        }

        answer->chunked = 0;
        return NGX_OK;
    }

    if (answer->chunked) {

        /* one of both is a lie: what comes after it is not to be trusted */

        if (answer->length != -1) {
            answer->keep = 0;
        }

        return NGX_OK;
    }

    if (answer->length == -1) {
        answer->close = 1;
        answer->keep = 0;
        return NGX_OK;
    }

    answer->left = answer->length;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_http_answer_chunks(ngx_recording_http_answer_t *answer,
    ngx_buf_t *b)
{
    off_t      size;
    ngx_int_t  rc;

    for ( ;; ) {
        rc = ngx_recording_http_answer_chunk(answer, b);

        if (rc != NGX_OK) {
            return rc;
        }

        size = ngx_min(answer->chunks.size, b->last - b->pos);

        answer->left = size;
        rc = ngx_recording_http_answer_body(answer, b, size);

        if (rc != NGX_OK) {
            return rc;
        }

        answer->chunks.size -= size;

        if (b->pos == b->last) {
            return NGX_AGAIN;
        }
    }
}


/* NGX_OK: data follows */

static ngx_int_t
ngx_recording_http_answer_chunk(ngx_recording_http_answer_t *answer,
    ngx_buf_t *b)
{
    u_char     *before;
    ngx_int_t   rc;

    before = b->pos;

#if (nginx_version >= 1027002)
    rc = ngx_http_parse_chunked(&answer->request, b, &answer->chunks, 0);
#else
    rc = ngx_http_parse_chunked(&answer->request, b, &answer->chunks);
#endif

    if (rc == NGX_ERROR) {
        return ngx_recording_http_answer_invalid(answer,
                                                 "it has a chunk that is "
                                                 "none");
    }

    answer->between += b->pos - before;

    if (answer->between > NGX_RECORDING_HTTP_BETWEEN) {
        return ngx_recording_http_answer_invalid(answer,
                                                 "it has too much between its "
                                                 "chunks");
    }

    if (rc == NGX_OK) {
        answer->between = 0;
    }

    return rc;
}


/* takes at most so many bytes */

static ngx_int_t
ngx_recording_http_answer_body(ngx_recording_http_answer_t *answer,
    ngx_buf_t *b, off_t most)
{
    size_t  n, size;

    size = (size_t) ngx_min(most, b->last - b->pos);

    answer->total += size;

    if (answer->total > ngx_max((off_t) answer->room,
                                NGX_RECORDING_HTTP_BODY))
    {
        return ngx_recording_http_answer_invalid(answer,
                                                 "its body is too long");
    }

    n = ngx_min(size, answer->room - answer->len);

    if (n) {
        ngx_memcpy(answer->body + answer->len, b->pos, n);
        answer->len += n;
    }

    b->pos += size;

    if (!answer->close) {
        answer->left -= size;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_http_answer_invalid(ngx_recording_http_answer_t *answer,
    const char *why)
{
    answer->why = why;
    answer->keep = 0;

    return NGX_ERROR;
}


static ngx_uint_t
ngx_recording_http_answer_is(const ngx_str_t *text, const char *name)
{
    return text->len == ngx_strlen(name)
           && ngx_strncasecmp(text->data, (u_char *) name, text->len) == 0;
}
