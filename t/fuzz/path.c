
/*
 * Paths: a template, and the names that a publisher gives, a line each; the
 * rest of the input is the stream's name.
 */


#include "fuzz.h"
#include "ngx_recording_path.h"
#include "ngx_recording_text.h"


static ngx_str_t fuzz_line(u_char **p, u_char *last);
static void fuzz_safe(ngx_str_t *name);
static void fuzz_printable(ngx_str_t *name);
static void fuzz_render(ngx_str_t *text, ngx_recording_path_values_t *v);
static void fuzz_escape(u_char *p, size_t size);
static ngx_uint_t fuzz_utf8(u_char *p, size_t size);


static const fuzz_seed_t  seeds[] = {
    fuzz_text(NGX_RECORDING_PATH_DEFAULT "\nlive\npush.example.com\ncam"),
    fuzz_text("{AppName}/{StreamID}/{StartYear}{EndMillisecond}\n"
              "../..\n[::1]\n/etc/passwd"),
    fuzz_text("{Domain}.{Format}/{RecordId}-{RandomID}-{RecordSource}\n\n\n"
              "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xa5\xff"),
    fuzz_text("a/{StreamID}{StreamID}{StreamID}/b\n.\n..\n"
              "0123456789012345678901234567890123456789012345678901234567890"
              "0123456789012345678901234567890123456789012345678901234567890"
              "0123456789012345678901234567890123456789012345678901234567890"
              "0123456789012345678901234567890123456789012345678901234567890"),
    fuzz_text("{\n{\n}\n{}"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                       *p, *last;
    ngx_str_t                     text;
    ngx_recording_path_values_t   v;

    p = (u_char *) data;
    last = p + size;

    ngx_memzero(&v, sizeof(ngx_recording_path_values_t));

    text = fuzz_line(&p, last);

    v.app = fuzz_line(&p, last);
    v.domain = fuzz_line(&p, last);
    v.stream.data = p;
    v.stream.len = last - p;
    v.format = "flv";
    v.recording_id = UINT64_MAX;
    v.random = size * 0x123456789abcdef;
    v.start = (int64_t) size * 1000000007;
    v.end = v.start + (int64_t) v.random % 1000000;
    v.zone.offset = (ngx_int_t) (size % 48) * 1800 - 86400 / 2;

    fuzz_safe(&v.app);
    fuzz_safe(&v.domain);
    fuzz_safe(&v.stream);
    fuzz_printable(&v.app);
    fuzz_printable(&v.stream);
    fuzz_render(&text, &v);

    return 0;
}


static ngx_str_t
fuzz_line(u_char **p, u_char *last)
{
    u_char     *end;
    ngx_str_t   line;

    for (end = *p; end < last && *end != '\n'; end++) { /* void */ }

    line.data = *p;
    line.len = end - *p;

    *p = ngx_min(end + 1, last);

    return line;
}


static void
fuzz_safe(ngx_str_t *name)
{
    size_t   i, len;
    u_char  *buf;

    buf = malloc(NGX_RECORDING_PATH_VALUE);

    fuzz_check(buf);

    len = ngx_recording_path_safe(buf, name->data, name->len) - buf;

    fuzz_check(len > 0 && len <= NGX_RECORDING_PATH_VALUE);
    fuzz_check(buf[0] != '.');
    fuzz_check(fuzz_utf8(buf, len));

    for (i = 0; i < len; i++) {
        fuzz_check(buf[i] >= 0x20 && buf[i] != 0x7f);
        fuzz_check(buf[i] != '/' && buf[i] != '\\');
    }

    free(buf);
}


static void
fuzz_printable(ngx_str_t *name)
{
    size_t   i, len;
    char    *buf;

    buf = malloc(NGX_RECORDING_TEXT + 4);

    fuzz_check(buf);
    fuzz_check(ngx_recording_text(buf, name->data, name->len) == buf);

    len = ngx_strlen(buf);

    fuzz_check(len < NGX_RECORDING_TEXT + 4);
    fuzz_check(len >= ngx_min(name->len, NGX_RECORDING_TEXT - 3));
    fuzz_check(fuzz_utf8((u_char *) buf, len));

    for (i = 0; i < len; i++) {
        fuzz_check((u_char) buf[i] >= 0x20 && buf[i] != 0x7f);
        fuzz_check(buf[i] != '"');
        fuzz_check(buf[i] != '\\' || buf[i + 1] == 'x');
    }

    free(buf);
}


static void
fuzz_render(ngx_str_t *text, ngx_recording_path_values_t *v)
{
    size_t                 i, len, start, size;
    u_char                *buf;
    ngx_str_t              at;
    const char            *err;
    ngx_recording_path_t   path;

    err = NULL;

    if (ngx_recording_path_compile(&path, text, &err, &at) != NGX_OK) {
        fuzz_check(err);
        fuzz_check(at.data >= text->data
                   && at.data + at.len <= text->data + text->len);
        return;
    }

    buf = malloc(NGX_RECORDING_PATH_MAX + 1);

    fuzz_check(buf);

    len = ngx_recording_path_render(&path, v, buf);

    fuzz_check(len > 0 && len <= NGX_RECORDING_PATH_MAX);
    fuzz_check(buf[len] == '\0' && ngx_strlen(buf) == len);
    fuzz_check(buf[0] != '/');

    /* no component is empty, too long, or another directory */

    for (start = 0, i = 0; i <= len; i++) {

        if (i < len && buf[i] != '/') {
            continue;
        }

        size = i - start;

        fuzz_check(size > 0 && size <= NGX_RECORDING_PATH_COMPONENT);
        fuzz_check(size > 1 || buf[start] != '.');
        fuzz_check(size > 2 || buf[start] != '.' || buf[start + 1] != '.');

        start = i + 1;
    }

    fuzz_escape(buf, len);

    free(buf);
}


static void
fuzz_escape(u_char *p, size_t size)
{
    size_t   i, len;
    u_char  *buf;

    buf = malloc(3 * size);

    fuzz_check(buf);

    len = ngx_recording_path_escape(buf, p, size) - buf;

    fuzz_check(len >= size && len <= 3 * size);

    for (i = 0; i < len; i++) {
        fuzz_check(buf[i] > 0x20 && buf[i] < 0x7f);
        fuzz_check(buf[i] != '?' && buf[i] != '#' && buf[i] != '"');
    }

    free(buf);
}


/* as RFC 3629 has it, told by the first two bytes */

static ngx_uint_t
fuzz_utf8(u_char *p, size_t size)
{
    size_t      i;
    ngx_uint_t  n, low, high;

    for (i = 0; i < size; i += n) {
        low = 0x80;
        high = 0xbf;

        if (p[i] < 0x80) {
            n = 1;
            continue;
        }

        if (p[i] < 0xc2 || p[i] > 0xf4) {
            return 0;
        }

        n = p[i] < 0xe0 ? 2 : p[i] < 0xf0 ? 3 : 4;

        switch (p[i]) {

        case 0xe0:
            low = 0xa0;
            break;

        case 0xed:
            high = 0x9f;
            break;

        case 0xf0:
            low = 0x90;
            break;

        case 0xf4:
            high = 0x8f;
            break;
        }

        if (n > size - i || p[i + 1] < low || p[i + 1] > high
            || (n > 2 && (p[i + 2] & 0xc0) != 0x80)
            || (n > 3 && (p[i + 3] & 0xc0) != 0x80))
        {
            return 0;
        }
    }

    return 1;
}
