
/*
 * Signatures of API 3.0: Tencent's published example, one of its SDK, and what
 * is no such signature.
 */

/* libs: -lcrypto */

#include "tap.h"
#include "stubs.h"
#include "ngx_recording_tc3.h"


#define PUBLISHED_SECRET  "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
#define PUBLISHED                                                            \
    "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/"       \
    "2018-10-09/cvm/tc3_request, SignedHeaders=content-type;host, Signature="\
    "5da7a33f6993f0614b047e5df4582db9e9bf4672ba50567dba16c6ccf174c474"

#define SDK_SECRET  "secretkeysecretkeysecretkeysecre"
#define SDK(date, names, signature)                                          \
    "TC3-HMAC-SHA256 Credential=AKIDtest/" date "/127/tc3_request, "         \
    "SignedHeaders=" names ", Signature=" signature
#define SDK_SIGNATURE                                                        \
    "54722abf2bedae424c4cbb88affe0dd25b147b7489dbbe591c70afd576b46baf"


static void tc3_published(void);
static void tc3_sdk(void);
static void tc3_refused(void);
static void tc3_headers(void);
static void tc3_times(void);
static ngx_str_t tc3_str(const char *text);
static ngx_int_t tc3_parse(const char *text);
static ngx_int_t tc3_verify(const char *authorization, const char *secret);


static ngx_recording_tc3_t           tc3;
static ngx_recording_http_header_t   headers[8];
static ngx_recording_tc3_request_t   request;


int
main(void)
{
    tc3_published();
    tc3_sdk();
    tc3_refused();
    tc3_headers();
    tc3_times();

    return tap_done();
}


static void
tc3_published(void)
{
    headers[0].name = tc3_str("Content-Type");
    headers[0].value = tc3_str("application/x-www-form-urlencoded");
    headers[1].name = tc3_str("Host");
    headers[1].value = tc3_str("cvm.tencentcloudapi.com");

    request.method = tc3_str("GET");
    request.query = tc3_str("Limit=10&Offset=0");
    request.headers = headers;
    request.nheaders = 2;
    request.body = tc3_str("");
    request.timestamp = tc3_str("1539084154");

    ok(tc3_verify(PUBLISHED, PUBLISHED_SECRET) == NGX_OK,
       "the published example");
    ok(tc3.id.len == 36 && tc3.service.len == 3, "its id and service");

    request.path = tc3_str("/index.html");
    ok(tc3_verify(PUBLISHED, PUBLISHED_SECRET) == NGX_OK, "wherever it goes");

    request.query = tc3_str("Limit=10&Offset=1");
    ok(tc3_verify(PUBLISHED, PUBLISHED_SECRET) == NGX_DECLINED,
       "another query");
}


static void
tc3_sdk(void)
{
    const char  *good;

    good = SDK("2023-11-14", "content-type;host", SDK_SIGNATURE);

    headers[0].value = tc3_str("application/json");
    headers[1].value = tc3_str("127.0.0.1:18431");

    request.method = tc3_str("POST");
    request.query = tc3_str("");
    request.body = tc3_str("{\"TaskId\":\"x\"}");
    request.timestamp = tc3_str("1700000000");

    ok(tc3_verify(good, SDK_SECRET) == NGX_OK, "an SDK's, without the port");

    headers[1].value = tc3_str("127.0.0.1");
    ok(tc3_verify(good, SDK_SECRET) == NGX_OK, "and where there is none");

    headers[0].value = tc3_str("\t Application/JSON ");
    ok(tc3_verify(good, SDK_SECRET) == NGX_OK,
       "values in lower case, without spaces");

    ok(tc3_verify(SDK("2023-11-14", "Content-Type;Host", SDK_SIGNATURE),
                  SDK_SECRET)
       == NGX_OK, "names in lower case");

    ok(tc3_verify(good, SDK_SECRET "t") == NGX_DECLINED, "another secret");
    ok(tc3_verify(good, "") == NGX_DECLINED, "no secret");

    ok(tc3_verify(SDK("2023-11-15", "content-type;host", SDK_SIGNATURE),
                  SDK_SECRET)
       == NGX_DECLINED, "another day");

    request.timestamp = tc3_str("1700000001");
    ok(tc3_verify(good, SDK_SECRET) == NGX_DECLINED, "another time");

    request.timestamp = tc3_str("1700000000");
    request.body = tc3_str("{\"TaskId\":\"y\"}");
    ok(tc3_verify(good, SDK_SECRET) == NGX_DECLINED, "another body");

    request.body = tc3_str("{\"TaskId\":\"x\"}");
    headers[1].value = tc3_str("127.0.0.2");
    ok(tc3_verify(good, SDK_SECRET) == NGX_DECLINED, "another host");

    headers[1].value = tc3_str("127.0.0.1:x");
    ok(tc3_verify(good, SDK_SECRET) == NGX_DECLINED, "a port that is none");

    headers[1].value = tc3_str("127.0.0.1:18431");
}


static void
tc3_refused(void)
{
    size_t  i;

    static const char  *bad[] = {
        "",
        "SKIP",
        "TC3-HMAC-SHA256",
        "TC3-HMAC-SHA256 ",
        "TC3-HMAC-SHA256 Credential=a/2023-11-14/b/tc3_request",
        "tc3-hmac-sha256 Credential=a/2023-11-14/b/tc3_request, "
        "SignedHeaders=content-type;host, Signature=" SDK_SIGNATURE,
        "TC3-HMAC-SHA256 Credential=a/b/tc3_request, "
        "SignedHeaders=content-type;host, Signature=" SDK_SIGNATURE,
        "TC3-HMAC-SHA256 Credential=a/2023-11-14/btc3_request, "
        "SignedHeaders=content-type;host, Signature=" SDK_SIGNATURE,
        "TC3-HMAC-SHA256 Credential=a/2023-11-14/tc3_request, "
        "SignedHeaders=content-type;host, Signature=" SDK_SIGNATURE,
        "TC3-HMAC-SHA256 Credential=a/b, "
        "SignedHeaders=content-type;host, Signature=" SDK_SIGNATURE,
        "TC3-HMAC-SHA256 Credential=/2023-11-14/b/tc3_request, "
        "SignedHeaders=content-type;host, Signature=" SDK_SIGNATURE,
        "TC3-HMAC-SHA256 Credential=a/2023-11-14//tc3_request, "
        "SignedHeaders=content-type;host, Signature=" SDK_SIGNATURE,
        "TC3-HMAC-SHA256 Credential=a/2023-11-14/b/aws4_request, "
        "SignedHeaders=content-type;host, Signature=" SDK_SIGNATURE,
        "TC3-HMAC-SHA256 Credential=a/20231114/b/tc3_request, "
        "SignedHeaders=content-type;host, Signature=" SDK_SIGNATURE,
        SDK("2023-11-14", "", SDK_SIGNATURE),
        SDK("2023-11-14", "host", SDK_SIGNATURE),
        SDK("2023-11-14", "content-type", SDK_SIGNATURE),
        SDK("2023-11-14", "content-type;;host", SDK_SIGNATURE),
        SDK("2023-11-14", "content-type;host;", SDK_SIGNATURE),
        SDK("2023-11-14", "content-type;host", ""),
        SDK("2023-11-14", "content-type;host", "5472"),
        SDK("2023-11-14", "content-type;host", SDK_SIGNATURE "0"),
        SDK("2023-11-14", "content-type;host", SDK_SIGNATURE ", X=1"),
        SDK("2023-11-14", "content-type;host", SDK_SIGNATURE ","),
        SDK("2023-11-14", "content-type;host", "g4722abf2bedae424c4cbb88affe0"
            "dd25b147b7489dbbe591c70afd576b46baf"),
        "TC3-HMAC-SHA256 SignedHeaders=content-type;host, Credential=a/"
        "2023-11-14/b/tc3_request, Signature=" SDK_SIGNATURE,
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(tc3_parse(bad[i]) == NGX_DECLINED, "\"%.70s\"", bad[i]);
    }

    ok(tc3_parse("TC3-HMAC-SHA256 Credential=a/2023-11-14/localhost:1/api/"
                 "tc3_request, SignedHeaders=content-type;host, Signature="
                 SDK_SIGNATURE)
       == NGX_OK && tc3.service.len == sizeof("localhost:1/api") - 1,
       "a service with a path");

    ok(tc3_verify(SDK("2023-11-14", "content-type;host", "54722ABF2BEDAE424C4C"
                      "BB88AFFE0DD25B147B7489DBBE591C70AFD576B46BAF"),
                  SDK_SECRET)
       == NGX_OK, "digits of any case");
}


static void
tc3_headers(void)
{
    ok(tc3_verify(SDK("2023-11-14", "content-type;host;x-tc-action",
                      SDK_SIGNATURE), SDK_SECRET)
       == NGX_DECLINED, "a signed header that is not there");

    headers[2].name = tc3_str("host");
    headers[2].value = tc3_str("127.0.0.1:18431");
    request.nheaders = 3;

    ok(tc3_verify(SDK("2023-11-14", "content-type;host", SDK_SIGNATURE),
                  SDK_SECRET)
       == NGX_DECLINED, "one that is there twice");

    request.nheaders = 2;
}


static void
tc3_times(void)
{
    size_t     i;
    ngx_str_t  text;

    static const struct {
        const char  *text;
        ngx_int_t    rc;
    } times[] = {
        { "1700000000", NGX_OK },
        { "1699999700", NGX_OK },
        { "1700000300", NGX_OK },
        { "1699999699", NGX_DECLINED },
        { "1700000301", NGX_DECLINED },
        { "", NGX_DECLINED },
        { "-1700000000", NGX_DECLINED },
        { "1700000000 ", NGX_DECLINED },
        { "1700000000.5", NGX_DECLINED },
        { "99999999999999999999", NGX_DECLINED },
    };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        text = tc3_str(times[i].text);

        ok(ngx_recording_tc3_fresh(&text, 1700000000) == times[i].rc,
           "time \"%s\"", times[i].text);
    }
}


static ngx_str_t
tc3_str(const char *text)
{
    ngx_str_t  str;

    str.data = (u_char *) text;
    str.len = strlen(text);

    return str;
}


static ngx_int_t
tc3_parse(const char *text)
{
    ngx_str_t  str;

    str = tc3_str(text);

    return ngx_recording_tc3_parse(&str, &tc3);
}


static ngx_int_t
tc3_verify(const char *authorization, const char *secret)
{
    ngx_int_t  rc;
    ngx_str_t  str;

    rc = tc3_parse(authorization);
    str = tc3_str(secret);

    return rc == NGX_OK ? ngx_recording_tc3_verify(&tc3, &request, &str)
                        : NGX_ERROR;
}
