
/*
 * Signatures of requests to S3: the examples that Amazon has published, those
 * of Amazon's own signer in signature.txt, which says what it is made of, and
 * what these leave out.  Its argument is the name of that file.
 */

/* libs: -lcrypto */

#include "tap.h"
#include "stubs.h"
#include "ngx_recording_sigv4.h"


#define EMPTY                                                                \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WELCOME                                                              \
    "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
#define WHEN  1369353600               /* 2013-05-24 00:00:00 */


typedef struct {
    const char             *name;
    const char             *value;
} pair_t;


/* a case of the file */

typedef struct {
    char                    name[256];
    char                    escaped[4096];
    char                    sorted[4096];
    char                    canonical[8192];
    char                    string[1024];
    char                    authorization[4096];
} case_t;


static void sigv4_file(const char *name);
static void sigv4_line_of_case(case_t *c, char *name, char *value);
static void sigv4_add(char *text, size_t size, const char *value);
static void sigv4_case(case_t *c);
static void sigv4_published(void);
static void sigv4_paths(void);
static void sigv4_queries(void);
static void sigv4_headers(void);
static void sigv4_times(void);
static void sigv4_init(const char *method, const char *path,
    const char *payload);
static void sigv4_pairs(ngx_recording_http_header_t *headers, ngx_uint_t *n,
    const pair_t *pairs);
static void sigv4_text(ngx_str_t *text, const char *value);
static void sigv4_sign(void);
static const char *sigv4_authorization(void);
static const char *sigv4_line(ngx_str_t *text, ngx_uint_t line);
static const char *sigv4_find(const char *name);


static ngx_pool_t                    *pool;
static ngx_recording_sigv4_t          request;
static ngx_recording_http_header_t    args[16];
static ngx_recording_http_header_t    headers[16];
static ngx_recording_sigv4_signed_t   signed_;
static char                           line[8192];


int
main(int argc, char **argv)
{
    ngx_pagesize = 4096;
    pool = ngx_create_pool(4096, &nginx_log);

    sigv4_published();
    sigv4_paths();
    sigv4_queries();
    sigv4_headers();
    sigv4_times();
    sigv4_file(argc > 1 ? argv[1] : "t/unit/signature.txt");

    ngx_destroy_pool(pool);

    return tap_done();
}


static void
sigv4_file(const char *name)
{
    FILE        *file;
    char        *tab;
    ngx_uint_t   n;

    static case_t  c;

    file = fopen(name, "r");

    if (!ok(file != NULL, "signatures of Amazon's signer")) {
        return;
    }

    n = 0;

    for ( ;; ) {

        if (fgets(line, sizeof(line), file) == NULL) {
            line[0] = '\0';
        }

        line[strcspn(line, "\n")] = '\0';
        tab = strchr(line, '\t');

        if (line[0] != '#' && tab) {
            *tab = '\0';
            sigv4_line_of_case(&c, line, tab + 1);
            continue;
        }

        if (line[0] == '\0' && c.name[0]) {
            sigv4_case(&c);
            n++;
        }

        ngx_memzero(&c, sizeof(case_t));
        sigv4_init("", "", "");

        if (feof(file)) {
            break;
        }
    }

    ok(n >= 25, "they are %d", (int) n);

    (void) fclose(file);
}


static void
sigv4_line_of_case(case_t *c, char *name, char *value)
{
    char        *tab;
    ngx_uint_t   i;
    struct tm    tm;

    const struct {
        const char  *name;
        ngx_str_t   *text;
    } inputs[] = {
        { "region", &request.region }, { "access", &request.access },
        { "secret", &request.secret }, { "token", &request.token },
        { "method", &request.method }, { "host", &request.host },
        { "path", &request.path }, { "payload", &request.payload }
    };

    const struct {
        const char  *name;
        char        *text;
        size_t       size;
    } outputs[] = {
        { "case", c->name, sizeof(c->name) },
        { "escaped", c->escaped, sizeof(c->escaped) },
        { "sorted", c->sorted, sizeof(c->sorted) },
        { "canonical", c->canonical, sizeof(c->canonical) },
        { "string", c->string, sizeof(c->string) },
        { "authorization", c->authorization, sizeof(c->authorization) }
    };

    for (i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        if (strcmp(name, inputs[i].name) == 0) {
            sigv4_text(inputs[i].text, value);
            return;
        }
    }

    for (i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        if (strcmp(name, outputs[i].name) == 0) {
            sigv4_add(outputs[i].text, outputs[i].size, value);
            return;
        }
    }

    if (strcmp(name, "date") == 0) {
        ngx_memzero(&tm, sizeof(struct tm));
        ok(strptime(value, "%Y%m%dT%H%M%SZ", &tm) != NULL, "date %s", value);
        request.now = timegm(&tm);
        return;
    }

    tab = strchr(value, '\t');

    if (tab && strcmp(name, "query") == 0) {
        *tab = '\0';
        sigv4_text(&args[request.nargs].name, value);
        sigv4_text(&args[request.nargs++].value, tab + 1);
        return;
    }

    if (tab && strcmp(name, "header") == 0) {
        *tab = '\0';
        sigv4_text(&headers[request.nheaders].name, value);
        sigv4_text(&headers[request.nheaders++].value, tab + 1);
        return;
    }

    ok(0, "what is \"%s\"", name);
}


/* one more line */

static void
sigv4_add(char *text, size_t size, const char *value)
{
    size_t  len;

    len = strlen(text);

    (void) snprintf(text + len, size - len, "%s\n", value);
}


static void
sigv4_case(case_t *c)
{
    c->name[strlen(c->name) - 1] = '\0';

    sigv4_sign();

    (void) snprintf(line, sizeof(line), "%.*s%s%s",
                    (int) strlen(c->escaped) - 1, c->escaped,
                    c->sorted[0] == '\n' ? "" : "?", c->sorted);

    is_text(signed_.uri.data, signed_.uri.len, strtok(line, "\n"), "%s: uri",
            c->name);

    /* each line has one behind it */

    c->canonical[strlen(c->canonical) - 1] = '\0';
    c->string[strlen(c->string) - 1] = '\0';
    c->authorization[strlen(c->authorization) - 1] = '\0';

    is_text(signed_.canonical.data, signed_.canonical.len, c->canonical,
            "%s: canonical request", c->name);
    is_text(signed_.string.data, signed_.string.len, c->string,
            "%s: string to sign", c->name);
    is_text(sigv4_authorization(), strlen(sigv4_authorization()),
            c->authorization, "%s: authorization", c->name);
}


static void
sigv4_published(void)
{
    ngx_uint_t  i;

    static const struct {
        const char  *method;
        const char  *path;
        pair_t       args[4];
        pair_t       headers[4];
        const char  *payload;
        const char  *uri;
        const char  *names;
        const char  *signature;
    } tests[] = {
        { "GET", "/test.txt", { { NULL, NULL } },
          { { "Range", "bytes=0-9" }, { NULL, NULL } }, EMPTY,
          "/test.txt", "host;range;x-amz-content-sha256;x-amz-date",
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
        { "PUT", "/test$file.text", { { NULL, NULL } },
          { { "Date", "Fri, 24 May 2013 00:00:00 GMT" },
            { "x-amz-storage-class", "REDUCED_REDUNDANCY" }, { NULL, NULL } },
          WELCOME, "/test%24file.text",
          "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
        { "GET", "/", { { "lifecycle", "" }, { NULL, NULL } },
          { { NULL, NULL } }, EMPTY, "/?lifecycle=",
          "host;x-amz-content-sha256;x-amz-date",
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
        { "GET", "/", { { "prefix", "J" }, { "max-keys", "2" },
          { NULL, NULL } },
          { { NULL, NULL } }, EMPTY, "/?max-keys=2&prefix=J",
          "host;x-amz-content-sha256;x-amz-date",
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        sigv4_init(tests[i].method, tests[i].path, tests[i].payload);
        sigv4_pairs(args, &request.nargs, tests[i].args);
        sigv4_pairs(headers, &request.nheaders, tests[i].headers);
        sigv4_sign();

        (void) snprintf(line, sizeof(line), "AWS4-HMAC-SHA256 "
                        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/"
                        "s3/aws4_request, SignedHeaders=%s, Signature=%s",
                        tests[i].names, tests[i].signature);

        is_text(signed_.uri.data, signed_.uri.len, tests[i].uri, "uri %s",
                tests[i].uri);
        ok(strcmp(sigv4_authorization(), line) == 0, "signature of %s %s",
           tests[i].method, tests[i].uri);
        is(signed_.nheaders, request.nheaders + 3, "headers of %s",
           tests[i].uri);
    }
}


/* any bytes, each encoded once, and no path is another one's */

static void
sigv4_paths(void)
{
    ngx_uint_t  i;

    static const struct {
        const char  *path;
        const char  *uri;
    } tests[] = {
        { "/", "/" },
        { "/b/live/cam 1/2026-01-02.mp4", "/b/live/cam%201/2026-01-02.mp4" },
        { "/a+b=c:d@e,f;g&h!i*j'k(l)", "/a%2Bb%3Dc%3Ad%40e%2Cf%3Bg%26h%21i%2A"
          "j%27k%28l%29" },
        { "/%", "/%25" },
        { "/%2F", "/%252F" },
        { "/\xc3\xa9\xe4\xb8\xad", "/%C3%A9%E4%B8%AD" },
        { "/\x01\x7f\xff", "/%01%7F%FF" },
        { "/?x#y", "/%3Fx%23y" },
        { "//a//../b/./", "//a//../b/./" },
        { "/-._~", "/-._~" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        sigv4_init("PUT", tests[i].path, NGX_RECORDING_SIGV4_UNSIGNED);
        sigv4_sign();

        is_text(signed_.uri.data, signed_.uri.len, tests[i].uri, "path %s",
                tests[i].uri);
        ok(strcmp(sigv4_line(&signed_.canonical, 1), tests[i].uri) == 0,
           "signed path %s", tests[i].uri);
        ok(strcmp(sigv4_line(&signed_.canonical, 2), "") == 0, "no query");
    }

    sigv4_init("PUT", "/a", NGX_RECORDING_SIGV4_UNSIGNED);
    sigv4_text(&request.path, "/a");
    request.path.data[1] = '\0';
    sigv4_sign();
    is_text(signed_.uri.data, signed_.uri.len, "/%00", "a null character");
}


static void
sigv4_queries(void)
{
    ngx_uint_t  i;

    static const struct {
        pair_t       args[6];
        const char  *query;
    } tests[] = {
        { { { "uploads", "" }, { NULL, NULL } }, "uploads=" },
        { { { "uploadId", "a/b+c=" }, { "partNumber", "1" }, { NULL, NULL } },
          "partNumber=1&uploadId=a%2Fb%2Bc%3D" },
        { { { "b", "2" }, { "a", "9" }, { "a", "10" }, { "B", "1" },
            { NULL, NULL } },
          "B=1&a=10&a=9&b=2" },

        /* by the name alone, though '-' and digits are before '=' */

        { { { "a-b", "1" }, { "a", "2" }, { "a1", "3" }, { NULL, NULL } },
          "a=2&a-b=1&a1=3" },

        { { { "x/y", "1" }, { NULL, NULL } }, "x%2Fy=1" },

        /* as they are encoded */

        { { { "\xc3\xa9", "1" }, { "z", "2" }, { "A", "3" }, { "_", "4" },
            { NULL, NULL } },
          "%C3%A9=1&A=3&_=4&z=2" },
        { { { "prefix", "live/cam 1/" }, { "list-type", "2" },
            { "start-after", "~\xe4\xb8\xad%" }, { NULL, NULL } },
          "list-type=2&prefix=live%2Fcam%201%2F&start-after=~%E4%B8%AD%25" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        sigv4_init("POST", "/k", NGX_RECORDING_SIGV4_UNSIGNED);
        sigv4_pairs(args, &request.nargs, tests[i].args);
        sigv4_sign();

        ok(strcmp(sigv4_line(&signed_.canonical, 2), tests[i].query) == 0,
           "signed query %s", tests[i].query);

        (void) snprintf(line, sizeof(line), "/k?%s", tests[i].query);
        is_text(signed_.uri.data, signed_.uri.len, line, "query %s",
                tests[i].query);
    }
}


static void
sigv4_headers(void)
{
    static const pair_t  pairs[] = {
        { "X-Amz-Meta-B", "  b  c " },
        { "x-amz-meta-a-b", "2" },
        { "X-AMZ-META-A", "1" },
        { "x-amz-meta-empty", "   " },
        { "Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==" },
        { "Content-Type", "video/mp4; x=\"y\"" },
        { "x-amz-meta-b", "d" },
        { NULL, NULL }
    };

    sigv4_init("PUT", "/k", NGX_RECORDING_SIGV4_UNSIGNED);
    sigv4_text(&request.host, "b.localhost:7480");
    sigv4_text(&request.token, "to/ken+=");
    sigv4_pairs(headers, &request.nheaders, pairs);
    sigv4_sign();

    is_text(signed_.canonical.data, signed_.canonical.len,
            "PUT\n/k\n\n"
            "content-md5:1B2M2Y8AsgTpgAmY7PhCfg==\n"
            "content-type:video/mp4; x=\"y\"\n"
            "host:b.localhost:7480\n"
            "x-amz-content-sha256:UNSIGNED-PAYLOAD\n"
            "x-amz-date:20130524T000000Z\n"
            "x-amz-meta-a:1\n"
            "x-amz-meta-a-b:2\n"
            "x-amz-meta-b:b c,d\n"
            "x-amz-meta-empty:\n"
            "x-amz-security-token:to/ken+=\n"
            "\n"
            "content-md5;content-type;host;x-amz-content-sha256;x-amz-date;"
            "x-amz-meta-a;x-amz-meta-a-b;x-amz-meta-b;x-amz-meta-empty;"
            "x-amz-security-token\n"
            "UNSIGNED-PAYLOAD", "the canonical request");

    is(signed_.nheaders, 7 + 3 + 1, "all of them are sent");
    ok(sigv4_find("host") == NULL, "but host, which the client sends");
    ok(strcmp(sigv4_find("x-amz-meta-b"), "b c") == 0, "as it is signed");
    ok(strcmp(sigv4_find("x-amz-meta-empty"), "") == 0, "an empty one");
    ok(strcmp(sigv4_find("x-amz-security-token"), "to/ken+=") == 0,
       "the token");
    ok(strcmp(sigv4_find("x-amz-content-sha256"), "UNSIGNED-PAYLOAD") == 0,
       "what is said of the body");
}


static void
sigv4_times(void)
{
    sigv4_init("GET", "/", EMPTY);
    request.now = 1767323045;
    sigv4_text(&request.region, "ap-guangzhou");
    sigv4_text(&request.service, "s3");
    sigv4_sign();

    ok(strcmp(sigv4_find("x-amz-date"), "20260102T030405Z") == 0, "the time");
    ok(strcmp(sigv4_line(&signed_.string, 0), "AWS4-HMAC-SHA256") == 0,
       "the method of signing");
    ok(strcmp(sigv4_line(&signed_.string, 1), "20260102T030405Z") == 0,
       "the time is signed");
    ok(strcmp(sigv4_line(&signed_.string, 2),
              "20260102/ap-guangzhou/s3/aws4_request") == 0, "the scope");
    is(strlen(sigv4_line(&signed_.string, 3)), 64, "the request's hash");
}


static void
sigv4_init(const char *method, const char *path, const char *payload)
{
    ngx_memzero(&request, sizeof(ngx_recording_sigv4_t));
    ngx_memzero(&signed_, sizeof(ngx_recording_sigv4_signed_t));

    sigv4_text(&request.access, "AKIAIOSFODNN7EXAMPLE");
    sigv4_text(&request.secret, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    sigv4_text(&request.region, "us-east-1");
    sigv4_text(&request.service, "s3");
    sigv4_text(&request.method, method);
    sigv4_text(&request.host, "examplebucket.s3.amazonaws.com");
    sigv4_text(&request.path, path);
    sigv4_text(&request.payload, payload);

    request.now = WHEN;
    request.args = args;
    request.headers = headers;
}


static void
sigv4_pairs(ngx_recording_http_header_t *to, ngx_uint_t *n,
    const pair_t *pairs)
{
    for (*n = 0; pairs[*n].name; (*n)++) {
        sigv4_text(&to[*n].name, pairs[*n].name);
        sigv4_text(&to[*n].value, pairs[*n].value);
    }
}


/* a copy without a null character: a byte too far is seen */

static void
sigv4_text(ngx_str_t *text, const char *value)
{
    ngx_pool_cleanup_t  *cln;

    text->len = strlen(value);
    text->data = tap_copy(value, text->len);

    cln = ngx_pool_cleanup_add(pool, 0);
    cln->handler = free;
    cln->data = text->data;
}


static void
sigv4_sign(void)
{
    is(ngx_recording_sigv4(pool, &request, &signed_), NGX_OK, "signed");
}


static const char *
sigv4_authorization(void)
{
    const char  *value;

    value = sigv4_find("authorization");

    return value ? value : "";
}


static const char *
sigv4_find(const char *name)
{
    ngx_uint_t   i;
    ngx_str_t   *text;

    static char  value[4096];

    for (i = 0; i < signed_.nheaders; i++) {
        text = &signed_.headers[i].name;

        if (text->len == strlen(name)
            && memcmp(text->data, name, text->len) == 0)
        {
            text = &signed_.headers[i].value;
            (void) snprintf(value, sizeof(value), "%.*s", (int) text->len,
                            text->data);
            return value;
        }
    }

    return NULL;
}


static const char *
sigv4_line(ngx_str_t *text, ngx_uint_t n)
{
    const u_char  *p, *end, *last;

    static char  value[4096];

    p = text->data;
    last = p + text->len;

    for ( ;; ) {
        end = memchr(p, '\n', last - p);
        end = end ? end : last;

        if (n-- == 0 || end == last) {
            break;
        }

        p = end + 1;
    }

    (void) snprintf(value, sizeof(value), "%.*s", (int) (end - p), p);

    return value;
}
