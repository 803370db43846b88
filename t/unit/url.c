
/* URLs that are told of, or uploaded to: what they are made of. */

#include "tap.h"
#include "stubs.h"
#include "ngx_recording_url.h"


static void url_good(void);
static void url_bad(void);
static void url_long(void);
static ngx_int_t url_parse(const char *text, ngx_recording_url_t *url,
    const char **why);


static ngx_pool_t  *pool;


int
main(void)
{
    ngx_pagesize = 4096;
    pool = ngx_create_pool(4096, &nginx_log);

    url_good();
    url_bad();
    url_long();

    ngx_destroy_pool(pool);

    return tap_done();
}


static void
url_good(void)
{
    ngx_uint_t            i;
    const char           *why;
    ngx_recording_url_t   url;

    static const struct {
        const char  *text;
        const char  *host;
        const char  *authority;
        const char  *uri;
        ngx_uint_t   port;
        ngx_uint_t   secure;
        ngx_uint_t   literal;
    } tests[] = {
        { "http://a.test", "a.test", "a.test", "/", 80, 0, 0 },
        { "https://A.Test/", "a.test", "a.test", "/", 443, 1, 0 },
        { "HTTP://a.test:80/x?y=z", "a.test", "a.test", "/x?y=z", 80, 0, 0 },
        { "http://a.test:443/X", "a.test", "a.test:443", "/X", 443, 0, 0 },
        { "https://a.test:8443?q", "a.test", "a.test:8443", "/?q", 8443, 1,
          0 },
        { "http://a.test:/x", "a.test", "a.test", "/x", 80, 0, 0 },
        { "https://a.test./x", "a.test", "a.test", "/x", 443, 1, 0 },
        { "http://localhost/%20/@:", "localhost", "localhost", "/%20/@:", 80,
          0, 0 },
        { "http://a_b-1.test/", "a_b-1.test", "a_b-1.test", "/", 80, 0, 0 },
        { "http://192.0.2.1:65535/", "192.0.2.1", "192.0.2.1:65535", "/",
          65535, 0, 1 },
        { "https://[2001:DB8::1]/", "2001:db8::1", "[2001:db8::1]", "/", 443,
          1, 1 },
        { "http://[::1]:81", "::1", "[::1]:81", "/", 81, 0, 1 },
        { "http://0x7f.test/", "0x7f.test", "0x7f.test", "/", 80, 0, 0 },
        { "http://0xfg/", "0xfg", "0xfg", "/", 80, 0, 0 },
        { "http://1.2.3.4.test/", "1.2.3.4.test", "1.2.3.4.test", "/", 80, 0,
          0 },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        is(url_parse(tests[i].text, &url, &why), NGX_OK, "%s", tests[i].text);
        is_text(url.host.data, url.host.len, tests[i].host, "host");
        is(url.host.data[url.host.len], 0, "ends with a null character");
        is_text(url.authority.data, url.authority.len, tests[i].authority,
                "authority");
        is_text(url.uri.data, url.uri.len, tests[i].uri, "uri");
        is_text(url.text.data, url.text.len, tests[i].text, "text");
        is(url.port, tests[i].port, "port");
        is(url.secure, tests[i].secure, "secure");
        is(url.literal, tests[i].literal, "literal");
    }
}


static void
url_bad(void)
{
    ngx_uint_t            i;
    const char           *why;
    ngx_recording_url_t   url;

    static const struct {
        const char  *text;
        const char  *why;
    } tests[] = {
        { "", "no http:// or https://" },
        { "a.test/x", "no http:// or https://" },
        { "ftp://a.test/", "no http:// or https://" },
        { "http:/a.test/", "no http:// or https://" },
        { "http://", "no host" },
        { "http:///x", "no host" },
        { "https://:80/", "no host" },
        { "http://?x", "no host" },
        { "http://user@a.test/", "user information" },
        { "http://user:password@a.test/", "user information" },
        { "http://a.test:0/", "a port that is not from 1 to 65535" },
        { "http://a.test:65536/", "a port that is not from 1 to 65535" },
        { "http://a.test:8o/", "a port that is not from 1 to 65535" },
        { "http://a.test:-1/", "a port that is not from 1 to 65535" },
        { "http://a.test/#x", "a fragment" },
        { "http://a.test/a b", "a byte that is not encoded" },
        { "http://a.test/a\r\nHost: b", "a byte that is not encoded" },
        { "http://\xc3\xa4.test/", "a byte that is not encoded" },
        { "http://a.test/\x7f", "a byte that is not encoded" },
        { "http://a..test/", "no host name" },
        { "http://.test/", "no host name" },
        { "http://a.test../", "no host name" },
        { "http://1.2.3/", "no host name" },
        { "http://1.2.3.256/", "no host name" },
        { "http://127.1/", "no host name" },
        { "http://2130706433/", "no host name" },
        { "http://017700000001/", "no host name" },
        { "http://0177.0.0.1/", "no address" },
        { "http://127.0.0.01/", "no address" },
        { "http://0x7f000001/", "no host name" },
        { "http://0X7F.0.0.0X1/", "no host name" },
        { "http://a.0x/", "no host name" },
        { "http://a%2e.test/", "no host name" },
        { "http://a\\b/", "no host name" },
        { "http://[::1/", "no address" },
        { "http://[a.test]/", "no address" },
        { "http://[]/", "no address" },
        { "http://[::1]80/", "no address" },
        { "http://[fe80::1%25eth0]/", "no address" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        why = "";

        is(url_parse(tests[i].text, &url, &why), NGX_DECLINED, "\"%.20s\"",
           tests[i].text[0] == 'h' ? "http://..." : tests[i].text);
        is_text(why, strlen(why), tests[i].why, "why");
    }
}


/* labels of 63 bytes and names of 255 are the longest */

static void
url_long(void)
{
    char                  text[300];
    size_t                i;
    const char           *why;
    ngx_recording_url_t   url;

    strcpy(text, "http://");
    memset(text + 7, 'a', 63);
    strcpy(text + 70, ".b/");

    is(url_parse(text, &url, &why), NGX_OK, "a label of 63");

    strcpy(text + 70, "a.b/");
    is(url_parse(text, &url, &why), NGX_DECLINED, "a label of 64");

    for (i = 0; i < 255; i++) {
        text[7 + i] = i % 2 ? '.' : 'a';
    }

    text[7 + 255] = '\0';
    is(url_parse(text, &url, &why), NGX_OK, "a name of 255");

    strcpy(text + 7 + 255, ".a");
    is(url_parse(text, &url, &why), NGX_DECLINED, "a name of 257");
}


static ngx_int_t
url_parse(const char *text, ngx_recording_url_t *url, const char **why)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   s;

    s.len = strlen(text);
    s.data = p = tap_copy(text, s.len);

    rc = ngx_recording_url_parse(pool, &s, url, why);

    free(p);

    return rc;
}
