
/* Answers of HTTP servers, whole and a byte at a time. */

#include "tap.h"
#include "stubs.h"
#include "ngx_recording_http_answer.h"


#define ROOM  16


typedef struct {
    ngx_recording_http_answer_t  answer;
    ngx_buf_t               b;
    u_char                  in[NGX_RECORDING_HTTP_HEAD];
    u_char                  body[ROOM];
    char                    headers[1024];
    ngx_int_t               rc;
} answer_t;


static void answer_good(void);
static void answer_bad(void);
static void answer_limits(void);
static void answer_fill(const char *begin, const char *more, size_t most,
    const char *why);
static void answer_init(answer_t *a, ngx_uint_t bodiless);
static ngx_int_t answer_feed(answer_t *a, const char *text, size_t len,
    size_t step);
static void answer_header(void *data, ngx_str_t *name, ngx_str_t *value);


#define H  "HTTP/1.1 200 OK\r\n"

static answer_t  a;


int
main(void)
{
    answer_good();
    answer_bad();
    answer_limits();

    return tap_done();
}


static void
answer_good(void)
{
    static const char  more[] = H "Content-Length: 1\r\n\r\nxHTTP";

    size_t       step;
    ngx_int_t    rc;
    ngx_uint_t   i;

    static const struct {
        const char  *text;
        const char  *body;
        ngx_uint_t   status;
        ngx_uint_t   keep;
        ngx_uint_t   end;               /* it is, when the peer closes */
        ngx_uint_t   bodiless;
        const char  *headers;
    } tests[] = {
        { H "Content-Length: 5\r\n\r\nhello", "hello", 200, 1, 0, 0,
          "Content-Length=5;" },
        { H "content-length:5  \r\n\r\nhello", "hello", 200, 1, 0, 0,
          "content-length=5;" },
        { H "Content-Length: 0\r\n\r\n", "", 200, 1, 0, 0,
          "Content-Length=0;" },
        { "HTTP/1.1 200\n" "Content-Length: 1\n\nx", "x", 200, 1, 0, 0,
          "Content-Length=1;" },
        { "HTTP/1.1 404 Not Found\r\nX-A: b c\r\nContent-Length: 2\r\n\r\nno",
          "no", 404, 1, 0, 0, "X-A=b c;Content-Length=2;" },
        { H "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", "ok", 200, 1,
          0, 0, "Content-Length=2;Content-Length=2;" },

        /* what the connection is good for then */

        { H "Connection: close\r\nContent-Length: 2\r\n\r\nok", "ok", 200, 0,
          0, 0, "Connection=close;Content-Length=2;" },
        { H "Connection: x, Close\r\nContent-Length: 0\r\n\r\n", "", 200, 0,
          0, 0, "Connection=x, Close;Content-Length=0;" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, 0, 0, 0,
          "Content-Length=0;" },
        { "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0"
          "\r\n\r\n", "", 200, 1, 0, 0,
          "Connection=Keep-Alive;Content-Length=0;" },
        { H "\r\nto the end", "to the end", 200, 0, 1, 0, "" },
        { H "\r\n", "", 200, 0, 1, 0, "" },

        /* no body, whatever the headers say */

        { "HTTP/1.1 204 No Content\r\n\r\n", "", 204, 1, 0, 0, "" },
        { "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", "", 304, 1, 0, 0,
          "Content-Length=5;" },
        { H "Content-Length: 5\r\n\r\n", "", 200, 1, 0, 1,
          "Content-Length=5;" },
        { H "\r\n", "", 200, 1, 0, 1, "" },

        /* nor chunks, which may come all the same */

        { H "Transfer-Encoding: chunked\r\n\r\n", "", 200, 0, 0, 1,
          "Transfer-Encoding=chunked;" },
        { "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
          "", 204, 0, 0, 0, "Transfer-Encoding=chunked;" },

        /* chunks, extensions, trailers */

        { H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=\"y\"\r\nde\r\n"
          "0\r\n\r\n", "abcde", 200, 1, 0, 0, "Transfer-Encoding=chunked;" },
        { H "Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n00\r\n"
          "X: y\r\n\r\n", "0123456789", 200, 1, 0, 0,
          "Transfer-Encoding=Chunked;" },
        { H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", 200, 1, 0, 0,
          "Transfer-Encoding=chunked;" },
        { H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
          "1\r\na\r\n0\r\n\r\n", "a", 200, 0, 0, 0,
          "Content-Length=3;Transfer-Encoding=chunked;" },

        /* answers before the answer */

        { "HTTP/1.1 100 Continue\r\n\r\n" H "Content-Length: 1\r\n\r\nx", "x",
          200, 1, 0, 0, "Content-Length=1;" },
        { "HTTP/1.1 103 Hints\r\nContent-Length: 9\r\nConnection: close\r\n"
          "\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 500 x\r\nContent-Length: 1\r\n"
          "\r\nx", "x", 500, 1, 0, 0, "Content-Length=1;" },

        /* more than there is room for */

        { H "Content-Length: 20\r\n\r\n0123456789abcdefghij",
          "0123456789abcdef", 200, 1, 0, 0, "Content-Length=20;" },
        { H "Transfer-Encoding: chunked\r\n\r\n14\r\n0123456789abcdefghij\r\n"
          "0\r\n\r\n", "0123456789abcdef", 200, 1, 0, 0,
          "Transfer-Encoding=chunked;" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        for (step = 1; step <= 2000; step = step < 8 ? step + 1 : step * 6) {
            answer_init(&a, tests[i].bodiless);

            rc = answer_feed(&a, tests[i].text, strlen(tests[i].text), step);

            if (tests[i].end) {
                is(rc, NGX_AGAIN, "%d by %zu: not yet", (int) i, step);
                rc = ngx_recording_http_answer_end(&a.answer);
            }

            is(rc, NGX_DONE, "%d by %zu: done", (int) i, step);
            is(a.answer.status, tests[i].status, "status");
            is(a.answer.keep, tests[i].keep, "keep");
            is_text(a.body, a.answer.len, tests[i].body, "body");
            is_text(a.headers, strlen(a.headers), tests[i].headers, "headers");
            ok(a.b.pos == a.b.last, "nothing is left");
        }
    }

    /* what follows is left alone */

    answer_init(&a, 0);
    is(answer_feed(&a, more, sizeof(more) - 1, 100), NGX_DONE,
       "more than an answer");
    is(a.b.last - a.b.pos, 4, "is left");
}


static void
answer_bad(void)
{
    size_t      step;
    ngx_int_t   rc;
    ngx_uint_t  i;

    static const char  *tests[] = {
        "SSH-2.0-x\r\n",
        "<html>",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 99x\r\n\r\n",
        "HTTP/1.1 099 x\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
        H ": x\r\n\r\n",
        H " folded: x\r\n\r\n",
        H "A: b\r\n folded\r\n\r\n",
        H "A : b\r\n\r\n",
        H "Content-Length: -1\r\n\r\n",
        H "Content-Length: 1x\r\n\r\n",
        H "Content-Length: \r\n\r\n",
        H "Content-Length: 99999999999999999999\r\n\r\n",
        H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        H "Content-Length: 1, 1\r\n\r\n",
        H "Transfer-Encoding: gzip, chunked\r\n\r\n",
        H "Transfer-Encoding: identity\r\n\r\n",
        H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        H "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        H "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        H "Transfer-Encoding: chunked\r\n\r\n1\r\nabc",
        H "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        H "Transfer-Encoding: chunked\r\n\r\n0\r\n\rx",
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        for (step = 1; step <= 2000; step = step < 8 ? step + 1 : step * 6) {
            answer_init(&a, 0);
            rc = answer_feed(&a, tests[i], strlen(tests[i]), step);

            is(rc, NGX_ERROR, "bad %d by %zu", (int) i, step);
            ok(a.answer.why != NULL && !a.answer.keep, "says why");
        }
    }

    /* the peer closes too early */

    for (i = 0; i < strlen(H) + 20; i++) {
        answer_init(&a, 0);
        rc = answer_feed(&a, H "Content-Length: 5\r\n\r\nhell", i + 1, 1000);

        if (rc != NGX_AGAIN
            || ngx_recording_http_answer_end(&a.answer) != NGX_ERROR)
        {
            ok(0, "broken off after %d bytes", (int) i);
        }
    }

    ok(1, "broken off anywhere");
}


static void
answer_limits(void)
{
    ok(ROOM < NGX_RECORDING_HTTP_BODY, "the room is less than the limit");

    answer_fill(H, "X: y\r\n", NGX_RECORDING_HTTP_HEADERS * 7,
                "it has too many headers");
    answer_fill(H, "X-0123456789012345678901234567890123456789012345678901234"
                "5678901234567890123456789012345678901234567890123456789012345"
                "67890123456789012345678901234567890: y\r\n",
                NGX_RECORDING_HTTP_HEAD, "its headers are too long");
    answer_fill("HTTP/1.1 ", "200 ", NGX_RECORDING_HTTP_HEAD,
                "its headers are too long");
    answer_fill(H "X: ", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
                NGX_RECORDING_HTTP_HEAD, "its headers are too long");
    answer_fill("", "HTTP/1.1 100 Continue\r\n\r\n", NGX_RECORDING_HTTP_HEAD,
                "its headers are too long");
    answer_fill(H "\r\n", "0123456789abcdef", NGX_RECORDING_HTTP_BODY + 100,
                "its body is too long");
    answer_fill(H "Content-Length: 99999999\r\n\r\n", "0123456789abcdef",
                NGX_RECORDING_HTTP_BODY + 100, "its body is too long");
    answer_fill(H "Transfer-Encoding: chunked\r\n\r\n", "4\r\nabcd\r\n",
                NGX_RECORDING_HTTP_BODY * 9 / 4 + 100,
                "its body is too long");
    answer_fill(H "Transfer-Encoding: chunked\r\n\r\n4;", "x=y;",
                NGX_RECORDING_HTTP_BETWEEN + 100,
                "it has too much between its chunks");
    answer_fill(H "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n",
                NGX_RECORDING_HTTP_BETWEEN + 100,
                "it has too much between its chunks");
    answer_fill(H "Transfer-Encoding: chunked\r\n\r\n", "000000",
                NGX_RECORDING_HTTP_BETWEEN + 100,
                "it has too much between its chunks");
}


/* what has no end is refused before so many bytes */

static void
answer_fill(const char *begin, const char *more, size_t most,
    const char *why)
{
    size_t     total, len;
    ngx_int_t  rc;

    answer_init(&a, 0);

    len = strlen(more);
    rc = answer_feed(&a, begin, strlen(begin), 1000);

    for (total = 0; rc == NGX_AGAIN && total <= most; total += len) {
        rc = answer_feed(&a, more, len, 1000);
    }

    is(rc, NGX_ERROR, "%.20s: has an end", more[0] == 'H' ? "1xx" : why);
    is_text(a.answer.why ? a.answer.why : "",
            a.answer.why ? strlen(a.answer.why) : 0, why, "why");
}


static void
answer_init(answer_t *a, ngx_uint_t bodiless)
{
    ngx_memzero(&a->b, sizeof(ngx_buf_t));

    a->b.start = a->b.pos = a->b.last = a->in;
    a->b.end = a->in + sizeof(a->in);
    a->headers[0] = '\0';

    ngx_recording_http_answer_init(&a->answer, &nginx_log);

    a->answer.header = answer_header;
    a->answer.data = a;
    a->answer.body = a->body;
    a->answer.room = ROOM;
    a->answer.bodiless = bodiless;
}


/* as the connection does it */

static ngx_int_t
answer_feed(answer_t *a, const char *text, size_t len, size_t step)
{
    size_t     n;
    ngx_int_t  rc;

    rc = NGX_AGAIN;

    while (len && rc == NGX_AGAIN) {
        n = ngx_min(ngx_min(step, len), (size_t) (a->b.end - a->b.last));

        a->b.last = ngx_cpymem(a->b.last, text, n);
        text += n;
        len -= n;

        rc = ngx_recording_http_answer_parse(&a->answer, &a->b);

        if (rc == NGX_AGAIN && !a->answer.head) {
            a->b.pos = a->b.last = a->b.start;
        }
    }

    return rc;
}


static void
answer_header(void *data, ngx_str_t *name, ngx_str_t *value)
{
    answer_t *a = data;

    (void) snprintf(a->headers + strlen(a->headers),
                    sizeof(a->headers) - strlen(a->headers), "%.*s=%.*s;",
                    (int) name->len, name->data, (int) value->len,
                    value->data);
}
