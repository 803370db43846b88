
/* Paths of files: templates, placeholders, and what the network may send. */


#include "tap.h"
#include "ngx_recording_path.h"


static void path_placeholders(void);
static void path_zones(void);
static void path_saving(void);
static void path_safe(void);
static void path_cut(void);
static void path_component(void);
static void path_escape(void);
static void path_errors(void);
static void path_longest(void);
static void path_is(const char *text, const char *wanted);
static void path_is_zone(ngx_recording_zone_t *zone, const char *wanted);
static size_t path_render(ngx_recording_path_t *path, const char *text,
    ngx_recording_path_values_t *v, u_char *buf);
static void path_values(ngx_recording_path_values_t *v);
static void path_safe_is(const char *value, size_t len, const char *wanted,
    const char *name);
static void path_error(const char *text, const char *at, const char *err);
static void path_repeat(u_char *p, const char *s, ngx_uint_t n);


int
main(void)
{
    (void) setenv("TZ", "America/New_York", 1);
    tzset();

    path_placeholders();
    path_zones();
    path_saving();
    path_safe();
    path_cut();
    path_component();
    path_escape();
    path_errors();
    path_longest();

    return tap_done();
}


static void
path_placeholders(void)
{
    path_is("{AppName}", "live");
    path_is("{StreamID}", "cam 1");
    path_is("{StreamHash}", "2515f3525abc6b1f66841ec2895f6b5ea07e67f9");
    path_is("{Domain}", "push.example.com");
    path_is("{RecordId}", "1234567890123456789");
    path_is("{RandomID}", "00000000deadbeef");
    path_is("{RecordSource}", "origin");
    path_is("{Format}", "mp4");

    path_is("{StartYear}", "2024");
    path_is("{StartMonth}", "02");
    path_is("{StartDay}", "29");
    path_is("{StartHour}", "23");
    path_is("{StartMinute}", "59");
    path_is("{StartSecond}", "08");
    path_is("{StartMillisecond}", "007");

    path_is("{EndYear}", "2024");
    path_is("{EndMonth}", "03");
    path_is("{EndDay}", "01");
    path_is("{EndHour}", "00");
    path_is("{EndMinute}", "29");
    path_is("{EndSecond}", "08");
    path_is("{EndMillisecond}", "999");

    path_is("plain", "plain");
    path_is("a}b", "a}b");
    path_is("x/{AppName}-{AppName}.{Format}/y", "x/live-live.mp4/y");
    path_is("{AppName}{StreamID}", "livecam 1");
    path_is(NGX_RECORDING_PATH_DEFAULT,
            "live/cam 1/2024-02-29-23-59-08-00000000deadbeef");
}


static void
path_zones(void)
{
    ngx_recording_zone_t  zone;

    ngx_memzero(&zone, sizeof(ngx_recording_zone_t));
    path_is_zone(&zone, "2024-02-29 23:59:08");

    zone.offset = 8 * 3600;
    path_is_zone(&zone, "2024-03-01 07:59:08");

    zone.offset = -(5 * 3600 + 1800);
    path_is_zone(&zone, "2024-02-29 18:29:08");

    zone.offset = 0;
    zone.local = 1;
    path_is_zone(&zone, "2024-02-29 18:59:08");
}


/* daylight saving time ends at 2:00, which is then 1:00 */

static void
path_saving(void)
{
    int64_t               end;
    ngx_recording_zone_t  zone;

    (void) setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
    tzset();

    end = 1793512800 * 1000000LL;           /* 2026-11-01 06:00 UTC */

    ngx_memzero(&zone, sizeof(zone));
    is(ngx_recording_path_offset(end, &zone), 0, "UTC");

    zone.offset = 19800;
    is(ngx_recording_path_offset(end, &zone), 19800, "+05:30");

    zone.local = 1;
    is(ngx_recording_path_offset(end - 1, &zone), -4 * 3600, "in summer");
    is(ngx_recording_path_offset(end, &zone), -5 * 3600, "and then not");
    ok(ngx_recording_path_slot(end, &zone, 1800000)
       < ngx_recording_path_slot(end - 1, &zone, 1800000),
       "an hour comes twice");

    (void) unsetenv("TZ");
    tzset();
}


static void
path_safe(void)
{
    ngx_uint_t  i;
    u_char      all[256], buf[NGX_RECORDING_PATH_VALUE], *p;

#define SAFE(value, wanted, name)                                            \
    path_safe_is(value, sizeof(value) - 1, wanted, name)

    SAFE("stream", "stream", "a plain name");
    SAFE("a b'c\"d$e`f%2f*?:|<>", "a b'c\"d$e`f%2f*?:|<>",
         "what a file system takes");
    SAFE("", "_", "an empty value");
    SAFE("../../etc/passwd", "_._.._etc_passwd", "the directory above");
    SAFE("..", "_.", "two dots");
    SAFE(".", "_", "a dot");
    SAFE(".hidden", "_hidden", "a leading dot");
    SAFE("a..b", "a..b", "dots inside");
    SAFE("/etc/passwd", "_etc_passwd", "an absolute path");
    SAFE("a\\b", "a_b", "a backslash");
    SAFE("a\0b", "a_b", "a null character");
    SAFE("a\1b\x1f" "c\x7f\r\n\t", "a_b_c____", "control characters");
    SAFE("/.", "_.", "a dot after a slash");

    SAFE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xa5",
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xa5", "UTF-8");
    SAFE("\xe4" "bc", "_bc", "Latin-1");
    SAFE("a\xc3", "a_", "UTF-8 cut short");
    SAFE("a\xe2\x82", "a__", "UTF-8 cut short, three bytes");
    SAFE("\x80\xbf", "__", "only continuation bytes");
    SAFE("\xc0\xaf", "__", "an overlong slash");
    SAFE("\xe0\x80\xaf", "___", "an overlong slash, three bytes");
    SAFE("\xf0\x80\x80\xaf", "____", "an overlong slash, four bytes");
    SAFE("\xed\xa0\x80", "___", "a surrogate");
    SAFE("\xf4\x90\x80\x80", "____", "beyond the last character");
    SAFE("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "the last character");
    SAFE("\xf5\x80\x80\x80", "____", "a byte that never is");
    SAFE("\xfe\xff", "__", "a byte order mark of UTF-16");

    for (i = 0; i < 256; i++) {
        all[i] = (u_char) i;
    }

    p = ngx_recording_path_safe(buf, all, sizeof(all));

    for (i = 0; i < (ngx_uint_t) (p - buf); i++) {
        if (buf[i] < 0x20 || buf[i] >= 0x7f || buf[i] == '/'
            || buf[i] == '\\')
        {
            break;
        }
    }

    is(i, NGX_RECORDING_PATH_VALUE, "every byte there is");
}


/* at 200 bytes, on a character */

static void
path_cut(void)
{
    u_char  in[1200], out[NGX_RECORDING_PATH_VALUE + 1], *p;

    path_repeat(in, "x", 200);
    is(ngx_recording_path_safe(out, in, 200) - out, 200, "200 bytes");

    path_repeat(in, "x", 300);
    is(ngx_recording_path_safe(out, in, 300) - out, 200, "300 bytes");

    path_repeat(in, "\xe2\x82\xac", 100);
    p = ngx_recording_path_safe(out, in, 300);
    is(p - out, 198, "300 bytes of three bytes each");
    ok(ngx_memcmp(out, in, 198) == 0, "whole characters");

    path_repeat(in, "\xf0\x9f\x8e\xa5", 50);
    is(ngx_recording_path_safe(out, in, 200) - out, 200,
       "50 characters of four bytes");

    in[0] = 'x';
    path_repeat(in + 1, "\xf0\x9f\x8e\xa5", 50);
    is(ngx_recording_path_safe(out, in, 201) - out, 197,
       "and one byte before them");

    path_repeat(in, "\xff", 1000);
    p = ngx_recording_path_safe(out, in, 1000);
    is(p - out, 200, "1000 bytes that are no UTF-8");
    is(p[-1], '_', "each is one byte");

    /* a character is not taken after one that did not fit */

    path_repeat(in, "x", 199);
    ngx_memcpy(in + 199, "\xe2\x82\xac" "yyy", 6);
    is(ngx_recording_path_safe(out, in, 205) - out, 199,
       "what does not fit ends the value");
}


/* a component of a path has a limit, too: suffix and extension follow */

static void
path_component(void)
{
    size_t                        len;
    u_char                        in[1200], buf[NGX_RECORDING_PATH_MAX + 1];
    u_char                       *p;
    ngx_recording_path_t          path;
    ngx_recording_path_values_t   v;

    path_values(&v);
    path_repeat(in, "x", 300);

    v.stream.data = in;
    v.stream.len = 300;

    len = path_render(&path, "{StreamID}{StreamID}", &v, buf);
    is(len, NGX_RECORDING_PATH_COMPONENT, "two values in one component");

    len = path_render(&path, "{StreamID}{StreamID}/{AppName}", &v, buf);
    is_text(buf + len - 6, 6, "x/live", "the next component is whole");
    is(len, NGX_RECORDING_PATH_COMPONENT + 5, "and the first one cut");

    len = path_render(&path, "{StreamID}/{StreamID}/{StreamID}", &v, buf);
    is(len, 602, "each component for itself");

    /* on a character */

    path_repeat(in, "\xe2\x82\xac", 100);

    len = path_render(&path, "{StreamID}{StreamID}", &v, buf);
    is(len, 219, "characters of three bytes");
    is_text(buf + len - 3, 3, "\xe2\x82\xac", "the last one is whole");

    len = path_render(&path, "{StreamID}{StreamID}ab", &v, buf);
    is(len, 219, "nothing follows what did not fit");

    /* the last byte is the null character */

    p = buf + len;
    is(*p, 0, "ended by a null character");
}


static void
path_escape(void)
{
    u_char  buf[64], *p;

#define ESCAPE(in, wanted)                                                   \
    p = ngx_recording_path_escape(buf, (u_char *) in, sizeof(in) - 1);       \
    is_text(buf, p - buf, wanted, "escaped: %s", in)

    ESCAPE("live/cam-1_2.~3", "live/cam-1_2.~3");
    ESCAPE("a b", "a%20b");
    ESCAPE("a%2fb", "a%252fb");
    ESCAPE("?a=b&c#d", "%3Fa%3Db%26c%23d");
    ESCAPE("\xc3\xa4", "%C3%A4");
    ESCAPE("\"<>'", "%22%3C%3E%27");
    ESCAPE("", "");

    p = ngx_recording_path_escape(buf, (u_char *) "\0", 1);
    is_text(buf, p - buf, "%00", "escaped: a null character");
}


static void
path_errors(void)
{
    path_error("", "", "empty path");
    path_error("/abs", "/abs", "relative");
    path_error("a\tb", "a\tb", "control character");
    path_error("a\\b", "a\\b", "backslash");
    path_error("a//b", "a//b", "component");
    path_error("a/", "a/", "component");
    path_error(".", ".", "component");
    path_error("..", "..", "component");
    path_error("a/../b", "a/../b", "component");
    path_error("a/./b", "a/./b", "component");
    path_error("{AppName}/..", "{AppName}/..", "component");
    path_error("a{AppName", "{AppName", "missing");
    path_error("a{", "{", "missing");
    path_error("{}", "{}", "unknown placeholder");
    path_error("x{appname}y", "{appname}", "unknown placeholder");
    path_error("{AppNames}", "{AppNames}", "unknown placeholder");
    path_error("{AppNam}", "{AppNam}", "unknown placeholder");
    path_error("{Start}", "{Start}", "unknown placeholder");
    path_error("{StartYears}", "{StartYears}", "unknown placeholder");
    path_error("{End}", "{End}", "unknown placeholder");
    path_error("{EndWeek}", "{EndWeek}", "unknown placeholder");
    path_error("{ AppName}", "{ AppName}", "unknown placeholder");
    path_error("{{AppName}}", "{{AppName}", "unknown placeholder");
}


/* what compiles fits into the buffer, whatever the values are */

static void
path_longest(void)
{
    u_char                       *p, in[1200], buf[NGX_RECORDING_PATH_MAX + 1];
    ngx_int_t                     rc;
    ngx_str_t                     text, at;
    ngx_uint_t                    n;
    const char                   *err;
    ngx_recording_path_t          path;
    ngx_recording_path_values_t   v;
    u_char                        template[NGX_RECORDING_PATH_MAX + 64];

    path_values(&v);
    path_repeat(in, "\xff", 1000);

    v.app.data = in;
    v.app.len = 1000;

    for (n = 1; n < 20; n++) {
        p = template;

        for (text.len = 0; text.len < n; text.len++) {
            p = ngx_cpymem(p, "{AppName}/x", 11);
        }

        text.data = template;
        text.len = p - template;

        rc = ngx_recording_path_compile(&path, &text, &err, &at);

        if (rc != NGX_OK) {
            break;
        }

        is(ngx_recording_path_render(&path, &v, buf), 202 * n,
           "%d long values", (int) n);
    }

    is(rc, NGX_ERROR, "a path that grows too long is refused");
    ok(strstr(err, "longer") != NULL, "and why");
    is(n, NGX_RECORDING_PATH_MAX / 202 + 1, "and no shorter one");

    /* as many parts as there may be, and one more */

    for (n = 64; n <= 65; n++) {
        p = template;

        for (text.len = 0; text.len < n; text.len++) {
            p = text.len % 2 ? ngx_cpymem(p, "-", 1)
                             : ngx_cpymem(p, "{Format}", 8);
        }

        text.data = template;
        text.len = p - template;

        is(ngx_recording_path_compile(&path, &text, &err, &at),
           n == 64 ? NGX_OK : NGX_ERROR, "%d parts", (int) n);
    }
}


static void
path_is(const char *text, const char *wanted)
{
    size_t                        len;
    u_char                        buf[NGX_RECORDING_PATH_MAX + 1];
    ngx_recording_path_t          path;
    ngx_recording_path_values_t   v;

    path_values(&v);

    len = path_render(&path, text, &v, buf);

    is_text(buf, len, wanted, "%s", text);
    is(path.end.len != 0, strstr(text, "{End") != NULL,
       "%s: whether it has an end time", text);
}


static void
path_is_zone(ngx_recording_zone_t *zone, const char *wanted)
{
    size_t                        len;
    u_char                        buf[NGX_RECORDING_PATH_MAX + 1];
    ngx_recording_path_t          path;
    ngx_recording_path_values_t   v;

    path_values(&v);
    v.zone = *zone;

    len = path_render(&path, "{StartYear}-{StartMonth}-{StartDay} "
                             "{StartHour}:{StartMinute}:{StartSecond}",
                      &v, buf);

    is_text(buf, len, wanted, "local %d, offset %d", (int) zone->local,
            (int) zone->offset);
}


static size_t
path_render(ngx_recording_path_t *path, const char *text,
    ngx_recording_path_values_t *v, u_char *buf)
{
    ngx_str_t    s, at;
    const char  *err;

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    if (ngx_recording_path_compile(path, &s, &err, &at) != NGX_OK) {
        diag("%s: %s", text, err);
        return 0;
    }

    return ngx_recording_path_render(path, v, buf);
}


static void
path_values(ngx_recording_path_values_t *v)
{
    ngx_memzero(v, sizeof(ngx_recording_path_values_t));

    ngx_str_set(&v->app, "live");
    ngx_str_set(&v->stream, "cam 1");
    ngx_str_set(&v->domain, "push.example.com");

    v->format = "mp4";
    v->recording_id = 1234567890123456789;
    v->random = 0xdeadbeef;

    /* 2024-02-29 23:59:08.007, and half an hour and 992 ms later */

    v->start = (int64_t) 1709251148 * 1000000 + 7123;
    v->end = v->start + (int64_t) 1800 * 1000000 + 992000;
}


static void
path_safe_is(const char *value, size_t len, const char *wanted,
    const char *name)
{
    u_char  *p, *copy, buf[NGX_RECORDING_PATH_VALUE];

    copy = tap_copy(value, len);

    p = ngx_recording_path_safe(buf, copy, len);
    is_text(buf, p - buf, wanted, "safe: %s", name);

    free(copy);
}


static void
path_error(const char *text, const char *at, const char *wanted)
{
    ngx_int_t             rc;
    ngx_str_t             s, where;
    const char           *err;
    ngx_recording_path_t  path;

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    rc = ngx_recording_path_compile(&path, &s, &err, &where);

    is(rc, NGX_ERROR, "refused: %s", text);

    if (rc == NGX_ERROR) {
        ok(strstr(err, wanted) != NULL, "%s", err);
        is_text(where.data, where.len, at, "%s: where", text);
    }
}


static void
path_repeat(u_char *p, const char *s, ngx_uint_t n)
{
    while (n--) {
        p = ngx_cpymem(p, s, ngx_strlen(s));
    }
}
