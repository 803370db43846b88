
/*
 * The answer of an HTTP server: the first byte is how many bytes come at a
 * time, and whether it answers HEAD.
 */


#include "fuzz.h"
#include "stubs.h"
#include "ngx_recording_http_answer.h"


#define ROOM  64


typedef struct {
    const u_char           *first;         /* of the buffer */
    const u_char           *last;
    ngx_uint_t              headers;
} answer_t;


static ngx_int_t answer_feed(ngx_recording_http_answer_t *answer,
    ngx_buf_t *b, const uint8_t *data, size_t size, size_t step);
static void answer_header(void *data, ngx_str_t *name, ngx_str_t *value);


#define H  "HTTP/1.1 200 OK\r\n"

static const fuzz_seed_t  seeds[] = {
    fuzz_text("\xff" H "Content-Length: 5\r\n\r\nhello"),
    fuzz_text("\1" H "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n"
              "0\r\nX: y\r\n\r\n"),
    fuzz_text("\7HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 x\r\n"
              "Connection: close\r\n\r\nabc"),
    fuzz_text("\x81" H "Content-Length: 5\r\n\r\n"),
    fuzz_text("\x20HTTP/1.0 204 x\nConnection: keep-alive\n\n"),
    fuzz_text("\x03" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
    fuzz_text("\x7f" H "Transfer-Encoding: gzip\r\n\r\n"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                       *in, *body;
    answer_t                      seen;
    ngx_buf_t                     b;
    ngx_int_t                     rc;
    ngx_recording_http_answer_t   answer;

    if (size == 0) {
        return 0;
    }

    /* a small buffer is full soon */

    in = malloc(512);
    body = malloc(ROOM);

    fuzz_check(in && body);

    ngx_memzero(&b, sizeof(ngx_buf_t));
    ngx_memzero(&seen, sizeof(answer_t));

    b.start = b.pos = b.last = in;
    b.end = in + 512;

    seen.first = in;
    seen.last = in + 512;

    ngx_recording_http_answer_init(&answer, &nginx_log);

    answer.header = answer_header;
    answer.data = &seen;
    answer.body = body;
    answer.room = ROOM;
    answer.bodiless = data[0] >> 7;

    rc = answer_feed(&answer, &b, data + 1, size - 1, (data[0] & 0x7f) + 1);

    fuzz_check(answer.len <= ROOM && seen.headers <= answer.headers);
    fuzz_check(answer.status == 0
               || (answer.status >= 200 && answer.status <= 999));

    switch (rc) {

    case NGX_DONE:
        fuzz_check(!answer.head && answer.status && !answer.close);
        fuzz_check(answer.why == NULL);
        break;

    case NGX_ERROR:
        fuzz_check(answer.why && !answer.keep);
        break;

    default:
        fuzz_check(rc == NGX_AGAIN);

        rc = ngx_recording_http_answer_end(&answer);

        fuzz_check(!answer.keep);
        fuzz_check(rc == ((!answer.head && answer.close) ? NGX_DONE
                                                         : NGX_ERROR));
    }

    free(in);
    free(body);

    return 0;
}


static ngx_int_t
answer_feed(ngx_recording_http_answer_t *answer, ngx_buf_t *b,
    const uint8_t *data, size_t size, size_t step)
{
    size_t     n;
    ngx_int_t  rc;

    rc = NGX_AGAIN;

    while (size && rc == NGX_AGAIN) {
        n = ngx_min(ngx_min(step, size), (size_t) (b->end - b->last));

        fuzz_check(n);

        b->last = ngx_cpymem(b->last, data, n);
        data += n;
        size -= n;

        rc = ngx_recording_http_answer_parse(answer, b);

        fuzz_check(b->pos >= b->start && b->pos <= b->last);

        if (rc == NGX_AGAIN && !answer->head) {
            fuzz_check(b->pos == b->last);
            b->pos = b->last = b->start;
        }
    }

    return rc;
}


static void
answer_header(void *data, ngx_str_t *name, ngx_str_t *value)
{
    answer_t *seen = data;

    seen->headers++;

    fuzz_check(name->data >= seen->first && name->len > 0);
    fuzz_check(name->data + name->len <= seen->last);
    fuzz_check(value->data >= name->data + name->len);
    fuzz_check(value->data + value->len <= seen->last);
}
