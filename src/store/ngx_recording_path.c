
#include "ngx_recording_path.h"
#include <ngx_sha1.h>


#define NGX_RECORDING_PATH_DAY  86400       /* s */


typedef enum {
    NGX_RECORDING_PATH_TEXT = 0,
    NGX_RECORDING_PATH_APP,
    NGX_RECORDING_PATH_STREAM,
    NGX_RECORDING_PATH_HASH,
    NGX_RECORDING_PATH_DOMAIN,
    NGX_RECORDING_PATH_RECORD,
    NGX_RECORDING_PATH_RANDOM,
    NGX_RECORDING_PATH_SOURCE,
    NGX_RECORDING_PATH_FORMAT,
    NGX_RECORDING_PATH_START,                  /* then the seven of Start */
    NGX_RECORDING_PATH_END = NGX_RECORDING_PATH_START + 7
} ngx_recording_path_e;


static ngx_int_t ngx_recording_path_placeholder(ngx_recording_path_t *path,
    ngx_str_t *name);
static ngx_int_t ngx_recording_path_push(ngx_recording_path_t *path,
    ngx_uint_t kind, u_char *p, size_t len);
static const char *ngx_recording_path_check(ngx_str_t *text);
static u_char *ngx_recording_path_value(u_char *p, ngx_uint_t kind,
    ngx_recording_path_values_t *v, struct tm *start, struct tm *end);
static u_char *ngx_recording_path_hash(u_char *p, ngx_str_t *name);
static void ngx_recording_path_tm(struct tm *tm, int64_t us,
    ngx_recording_zone_t *zone);
static u_char *ngx_recording_path_time(u_char *p, ngx_uint_t unit,
    struct tm *tm, int64_t us);
static size_t ngx_recording_path_fit(u_char *buf, size_t len);


static const struct {
    const char  *name;
    size_t       longest;
} ngx_recording_path_names[] = {
    { "", 0 },
    { "AppName", NGX_RECORDING_PATH_VALUE },
    { "StreamID", NGX_RECORDING_PATH_VALUE },
    { "StreamHash", 40 },
    { "Domain", NGX_RECORDING_PATH_VALUE },
    { "RecordId", 20 },
    { "RandomID", 16 },
    { "RecordSource", 6 },
    { "Format", 4 },
};


static const char  *ngx_recording_path_units[] = {
    "Year", "Month", "Day", "Hour", "Minute", "Second", "Millisecond"
};


ngx_int_t
ngx_recording_path_compile(ngx_recording_path_t *path, ngx_str_t *text,
    const char **err, ngx_str_t *at)
{
    u_char     *p, *last, *end;
    ngx_str_t   name;

    ngx_memzero(path, sizeof(ngx_recording_path_t));

    *at = *text;
    *err = ngx_recording_path_check(text);

    if (*err) {
        return NGX_ERROR;
    }

    p = text->data;
    last = p + text->len;

    while (p < last) {

        if (*p != '{') {
            for (end = p; end < last && *end != '{'; end++) { /* void */ }

            if (ngx_recording_path_push(path, NGX_RECORDING_PATH_TEXT, p,
                                        end - p)
                != NGX_OK)
            {
                goto parts;
            }

            p = end;
            continue;
        }

        for (end = p; end < last && *end != '}'; end++) { /* void */ }

        at->data = p;

        if (end == last) {
            at->len = last - p;
            *err = "missing \"}\"";
            return NGX_ERROR;
        }

        at->len = end + 1 - p;

        name.data = p + 1;
        name.len = at->len - 2;

        switch (ngx_recording_path_placeholder(path, &name)) {

        case NGX_OK:
            break;

        case NGX_DECLINED:
            *err = "unknown placeholder, known are {AppName}, {StreamID}, "
                   "{StreamHash}, {Domain}, {RecordId}, {RandomID}, "
                   "{RecordSource}, {Format}, and {Start...} and {End...} "
                   "with Year, Month, Day, Hour, Minute, Second, Millisecond";
            return NGX_ERROR;

        default:
            goto parts;
        }

        p = end + 1;
    }

    if (ngx_recording_path_longest(path) > NGX_RECORDING_PATH_MAX) {
        *at = *text;
        *err = "the path can grow longer than 2048 bytes";
        return NGX_ERROR;
    }

    return NGX_OK;

parts:

    *at = *text;
    *err = "more than 64 parts";

    return NGX_ERROR;
}


static ngx_int_t
ngx_recording_path_placeholder(ngx_recording_path_t *path, ngx_str_t *name)
{
    size_t       len;
    ngx_uint_t   i, kind;
    const char  *unit;

    for (i = NGX_RECORDING_PATH_APP; i < NGX_RECORDING_PATH_START; i++) {
        if (ngx_strlen(ngx_recording_path_names[i].name) == name->len
            && ngx_memcmp(ngx_recording_path_names[i].name, name->data,
                          name->len)
               == 0)
        {
            return ngx_recording_path_push(path, i, name->data, name->len);
        }
    }

    if (name->len > 5 && ngx_memcmp(name->data, "Start", 5) == 0) {
        kind = NGX_RECORDING_PATH_START;
        len = 5;

    } else if (name->len > 3 && ngx_memcmp(name->data, "End", 3) == 0) {
        kind = NGX_RECORDING_PATH_END;
        len = 3;

    } else {
        return NGX_DECLINED;
    }

    for (i = 0; i < 7; i++) {
        unit = ngx_recording_path_units[i];

        if (ngx_strlen(unit) != name->len - len
            || ngx_memcmp(unit, name->data + len, name->len - len) != 0)
        {
            continue;
        }

        if (kind == NGX_RECORDING_PATH_END && path->end.len == 0) {
            path->end.data = name->data - 1;
            path->end.len = name->len + 2;
        }

        return ngx_recording_path_push(path, kind + i, name->data, name->len);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_recording_path_push(ngx_recording_path_t *path, ngx_uint_t kind,
    u_char *p, size_t len)
{
    ngx_recording_path_part_t  *part;

    if (path->nparts == NGX_RECORDING_PATH_PARTS) {
        return NGX_ERROR;
    }

    part = &path->parts[path->nparts++];

    part->kind = kind;
    part->text.data = p;
    part->text.len = len;

    return NGX_OK;
}


static const char *
ngx_recording_path_check(ngx_str_t *text)
{
    u_char  *p, *last, *start;
    size_t   len;

    if (text->len == 0) {
        return "empty path";
    }

    if (text->data[0] == '/') {
        return "the path must be relative, it lies in the store's files/";
    }

    last = text->data + text->len;

    for (p = text->data; p < last; p++) {
        if (*p < 0x20 || *p == 0x7f || *p == '\\') {
            return "control character or backslash in path";
        }
    }

    for (start = text->data; start <= last; start = p + 1) {

        for (p = start; p < last && *p != '/'; p++) { /* void */ }

        len = p - start;

        if (len == 0
            || (len == 1 && start[0] == '.')
            || (len == 2 && start[0] == '.' && start[1] == '.'))
        {
            return "empty, \".\" or \"..\" component in path";
        }
    }

    return NULL;
}


size_t
ngx_recording_path_longest(const ngx_recording_path_t *path)
{
    size_t      len;
    ngx_uint_t  i, kind;

    for (len = 0, i = 0; i < path->nparts; i++) {
        kind = path->parts[i].kind;

        len += kind == NGX_RECORDING_PATH_TEXT ? path->parts[i].text.len
               : kind >= NGX_RECORDING_PATH_START ? 4
               : ngx_recording_path_names[kind].longest;
    }

    return len;
}


size_t
ngx_recording_path_render(ngx_recording_path_t *path,
    ngx_recording_path_values_t *v, u_char *buf)
{
    u_char                     *p;
    struct tm                   start, end;
    ngx_uint_t                  i;
    ngx_recording_path_part_t  *part;

    ngx_recording_path_tm(&start, v->start, &v->zone);
    ngx_recording_path_tm(&end, v->end, &v->zone);

    for (p = buf, i = 0; i < path->nparts; i++) {
        part = &path->parts[i];

        if (part->kind == NGX_RECORDING_PATH_TEXT) {
            p = ngx_cpymem(p, part->text.data, part->text.len);
            continue;
        }

        p = ngx_recording_path_value(p, part->kind, v, &start, &end);
    }

    i = ngx_recording_path_fit(buf, p - buf);
    buf[i] = '\0';

    return i;
}


static u_char *
ngx_recording_path_value(u_char *p, ngx_uint_t kind,
    ngx_recording_path_values_t *v, struct tm *start, struct tm *end)
{
    switch (kind) {

    case NGX_RECORDING_PATH_APP:
        return ngx_recording_path_safe(p, v->app.data, v->app.len);

    case NGX_RECORDING_PATH_STREAM:
        return ngx_recording_path_safe(p, v->stream.data, v->stream.len);

    case NGX_RECORDING_PATH_HASH:
        return ngx_recording_path_hash(p, &v->stream);

    case NGX_RECORDING_PATH_DOMAIN:
        return ngx_recording_path_safe(p, v->domain.data, v->domain.len);

    case NGX_RECORDING_PATH_RECORD:
        return p + sprintf((char *) p, "%llu",
                           (unsigned long long) v->recording_id);

    case NGX_RECORDING_PATH_RANDOM:
        return p + sprintf((char *) p, "%016llx",
                           (unsigned long long) v->random);

    case NGX_RECORDING_PATH_SOURCE:
        return ngx_cpymem(p, "origin", sizeof("origin") - 1);

    case NGX_RECORDING_PATH_FORMAT:
        return ngx_cpymem(p, v->format, ngx_strlen(v->format));
    }

    if (kind < NGX_RECORDING_PATH_END) {
        return ngx_recording_path_time(p, kind - NGX_RECORDING_PATH_START,
                                       start, v->start);
    }

    return ngx_recording_path_time(p, kind - NGX_RECORDING_PATH_END, end,
                                   v->end);
}


/* of the raw name, as the rows have it */

static u_char *
ngx_recording_path_hash(u_char *p, ngx_str_t *name)
{
    u_char       hash[20];
    ngx_uint_t   i;
    ngx_sha1_t   sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, name->data, name->len);
    ngx_sha1_final(hash, &sha1);

    for (i = 0; i < sizeof(hash); i++) {
        p += sprintf((char *) p, "%02x", hash[i]);
    }

    return p;
}


static void
ngx_recording_path_tm(struct tm *tm, int64_t us, ngx_recording_zone_t *zone)
{
    time_t  sec;

    sec = (time_t) (us / 1000000);

    if (zone->local) {
        (void) localtime_r(&sec, tm);
        return;
    }

    sec += (time_t) zone->offset;
    (void) gmtime_r(&sec, tm);
}


int64_t
ngx_recording_path_offset(int64_t us, ngx_recording_zone_t *zone)
{
    struct tm  tm;

    ngx_recording_path_tm(&tm, us, zone);

    return timegm(&tm) - us / 1000000;
}


int64_t
ngx_recording_path_slot(int64_t us, ngx_recording_zone_t *zone,
    int64_t interval)
{
    int64_t    local, day;
    struct tm  tm;

    ngx_recording_path_tm(&tm, us, zone);

    local = timegm(&tm);
    day = local / NGX_RECORDING_PATH_DAY;

    return day * ((NGX_RECORDING_PATH_DAY * 1000 + interval - 1) / interval)
           + local % NGX_RECORDING_PATH_DAY * 1000 / interval;
}


static u_char *
ngx_recording_path_time(u_char *p, ngx_uint_t unit, struct tm *tm, int64_t us)
{
    unsigned int  n;

    switch (unit) {

    case 0:
        return p + sprintf((char *) p, "%04u",
                           (unsigned int) (tm->tm_year + 1900) % 10000);

    case 1:
        n = (unsigned int) tm->tm_mon + 1;
        break;

    case 2:
        n = (unsigned int) tm->tm_mday;
        break;

    case 3:
        n = (unsigned int) tm->tm_hour;
        break;

    case 4:
        n = (unsigned int) tm->tm_min;
        break;

    case 5:
        n = (unsigned int) tm->tm_sec;
        break;

    default:
        return p + sprintf((char *) p, "%03u",
                           (unsigned int) (us / 1000 % 1000));
    }

    return p + sprintf((char *) p, "%02u", n % 100);
}


u_char *
ngx_recording_path_safe(u_char *dst, u_char *p, size_t len)
{
    size_t   n;
    u_char  *start, *last;

    start = dst;
    last = p + len;

    while (p < last) {
        n = ngx_recording_path_char(p, last - p);

        if ((size_t) (dst - start) + ngx_max(n, 1)
            > NGX_RECORDING_PATH_VALUE)
        {
            break;
        }

        if (n == 0
            || *p < 0x20 || *p == 0x7f || *p == '/' || *p == '\\'
            || (*p == '.' && dst == start))
        {
            *dst++ = '_';
            p++;
            continue;
        }

        dst = ngx_cpymem(dst, p, n);
        p += n;
    }

    if (dst == start) {
        *dst++ = '_';
    }

    return dst;
}


u_char *
ngx_recording_path_escape(u_char *dst, u_char *p, size_t len)
{
    u_char  c;

    static const char  hex[] = "0123456789ABCDEF";

    for ( /* void */ ; len; len--) {
        c = *p++;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || c == '-' || c == '.' || c == '_' || c == '~' || c == '/')
        {
            *dst++ = c;
            continue;
        }

        *dst++ = '%';
        *dst++ = hex[c >> 4];
        *dst++ = hex[c & 0x0f];
    }

    return dst;
}


/* cuts each component on a character to what a file system takes */

static size_t
ngx_recording_path_fit(u_char *buf, size_t len)
{
    size_t   n, size;
    u_char  *p, *last, *dst;

    p = buf;
    dst = buf;
    last = buf + len;
    size = 0;

    while (p < last) {

        if (*p == '/') {
            size = 0;
            *dst++ = *p++;
            continue;
        }

        n = ngx_max(ngx_recording_path_char(p, last - p), 1);
        size += n;

        if (size > NGX_RECORDING_PATH_COMPONENT) {

            /* nothing that follows in this component fits */

            size = NGX_RECORDING_PATH_COMPONENT;
            p += n;
            continue;
        }

        ngx_memmove(dst, p, n);
        dst += n;
        p += n;
    }

    return dst - buf;
}


size_t
ngx_recording_path_char(u_char *p, size_t len)
{
    size_t    i, n;
    uint32_t  code, least;

    if (p[0] < 0x80) {
        return 1;
    }

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
        code = p[0] & 0x1f;
        least = 0x80;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        code = p[0] & 0x0f;
        least = 0x800;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        code = p[0] & 0x07;
        least = 0x10000;

    } else {
        return 0;
    }

    if (len < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        code = code << 6 | (p[i] & 0x3f);
    }

    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }

    return n;
}
