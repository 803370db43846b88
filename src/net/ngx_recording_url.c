
#include "ngx_recording_url.h"


#define NGX_RECORDING_URL_HOST  255        /* bytes, as DNS has it */


static const char *ngx_recording_url_scheme(ngx_recording_url_t *url,
    ngx_str_t *rest);
static const char *ngx_recording_url_split(ngx_recording_url_t *url,
    ngx_str_t *rest);
static const char *ngx_recording_url_port(ngx_recording_url_t *url,
    ngx_str_t *text);
static const char *ngx_recording_url_host(ngx_recording_url_t *url);
static ngx_uint_t ngx_recording_url_octal(const ngx_str_t *host);
static ngx_uint_t ngx_recording_url_name(const ngx_str_t *host);
static ngx_uint_t ngx_recording_url_hex(u_char c);
static ngx_int_t ngx_recording_url_copy(ngx_pool_t *pool,
    ngx_recording_url_t *url);


ngx_int_t
ngx_recording_url_parse(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_recording_url_t *url, const char **why)
{
    *why = ngx_recording_url_check(text, url);

    if (*why) {
        return NGX_DECLINED;
    }

    url->text = *text;

    return ngx_recording_url_copy(pool, url);
}


const char *
ngx_recording_url_check(const ngx_str_t *text, ngx_recording_url_t *url)
{
    size_t       i;
    ngx_str_t    rest;
    const char  *why;

    ngx_memzero(url, sizeof(ngx_recording_url_t));

    rest = *text;

    /* a request line has neither spaces nor control characters; what is not
       ASCII has to be encoded, as nobody knows the charset */

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= ' ' || text->data[i] >= 0x7f) {
            return "a byte that is not encoded";
        }

        if (text->data[i] == '#') {
            return "a fragment";
        }
    }

    why = ngx_recording_url_scheme(url, &rest);

    if (why == NULL) {
        why = ngx_recording_url_split(url, &rest);
    }

    /* a name from the root is the same name, and in no certificate */

    if (why == NULL && url->host.data[url->host.len - 1] == '.') {
        url->host.len--;
    }

    return why;
}


static const char *
ngx_recording_url_scheme(ngx_recording_url_t *url, ngx_str_t *rest)
{
    size_t  len;

    if (rest->len >= 7
        && ngx_strncasecmp(rest->data, (u_char *) "http://", 7) == 0)
    {
        len = 7;
        url->port = 80;

    } else if (rest->len >= 8
               && ngx_strncasecmp(rest->data, (u_char *) "https://", 8) == 0)
    {
        len = 8;
        url->port = 443;
        url->secure = 1;

    } else {
        return "no http:// or https://";
    }

    rest->data += len;
    rest->len -= len;

    return NULL;
}


/* host, port, and the rest of it */

static const char *
ngx_recording_url_split(ngx_recording_url_t *url, ngx_str_t *rest)
{
    u_char      *p, *last, *end, address[16];
    ngx_str_t    port;
    const char  *why;

    last = rest->data + rest->len;

    for (end = rest->data; end < last && *end != '/' && *end != '?'; end++) {

        if (*end == '@') {
            return "user information";
        }
    }

    url->uri.data = end;
    url->uri.len = last - end;

    url->host.data = rest->data;
    p = rest->data;

    if (p < end && *p == '[') {
        p = ngx_strlchr(p, end, ']');

        if (p == NULL) {
            return "no address";
        }

        url->host.data++;
        url->host.len = p++ - url->host.data;
        url->literal = 1;

        if (ngx_inet6_addr(url->host.data, url->host.len, address) != NGX_OK) {
            return "no address";
        }

    } else {
        while (p < end && *p != ':') { p++; }

        url->host.len = p - url->host.data;

        why = ngx_recording_url_host(url);

        if (why) {
            return why;
        }
    }

    port.data = p;
    port.len = end - p;

    return ngx_recording_url_port(url, &port);
}


/* nothing, a colon, or a colon and a port */

static const char *
ngx_recording_url_port(ngx_recording_url_t *url, ngx_str_t *text)
{
    ngx_int_t  port;

    if (text->len == 0) {
        return NULL;
    }

    if (text->data[0] != ':') {
        return "no address";
    }

    if (text->len == 1) {
        return NULL;
    }

    port = ngx_atoi(text->data + 1, text->len - 1);

    if (port < 1 || port > 65535) {
        return "a port that is not from 1 to 65535";
    }

    url->port = (in_port_t) port;

    return NULL;
}


static const char *
ngx_recording_url_host(ngx_recording_url_t *url)
{
    if (url->host.len == 0) {
        return "no host";
    }

    if (ngx_inet_addr(url->host.data, url->host.len) != INADDR_NONE) {
        url->literal = 1;
        return ngx_recording_url_octal(&url->host) ? "no address" : NULL;
    }

    return ngx_recording_url_name(&url->host) ? NULL : "no host name";
}


/* "0177.0.0.1": to others it is another address */

static ngx_uint_t
ngx_recording_url_octal(const ngx_str_t *host)
{
    size_t  i;

    for (i = 0; i + 1 < host->len; i++) {

        if (host->data[i] == '0' && host->data[i + 1] != '.'
            && (i == 0 || host->data[i - 1] == '.'))
        {
            return 1;
        }
    }

    return 0;
}


/* a name of DNS; an underscore is none, but found in networks of containers */

static ngx_uint_t
ngx_recording_url_name(const ngx_str_t *host)
{
    u_char      c;
    size_t      i, label;
    ngx_uint_t  digits, hex;

    if (host->len > NGX_RECORDING_URL_HOST) {
        return 0;
    }

    label = 0;
    digits = 1;
    hex = 1;

    for (i = 0; i < host->len; i++) {
        c = host->data[i];

        if (c == '.') {
            if (label == 0) {
                return 0;
            }

            if (i + 1 < host->len) {
                label = 0;
                digits = 1;
                hex = 1;
            }

            continue;
        }

        if (!(c >= '0' && c <= '9')) {
            digits = 0;

            c |= 0x20;

            if (!(c >= 'a' && c <= 'z') && host->data[i] != '-'
                && host->data[i] != '_')
            {
                return 0;
            }
        }

        hex &= label == 0 ? host->data[i] == '0'
               : label == 1 ? c == 'x' : ngx_recording_url_hex(c);

        if (++label > 63) {
            return 0;
        }
    }

    /* "1.2.3", "0x7f.1", "0x7f000001": what others take for an address */

    return !digits && !hex;
}


/* of lower case */

static ngx_uint_t
ngx_recording_url_hex(u_char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}


/* what is given may be on a line of its own: memory of one's own, with names
   in lower case */

static ngx_int_t
ngx_recording_url_copy(ngx_pool_t *pool, ngx_recording_url_t *url)
{
    u_char      *p;
    ngx_str_t    host;
    ngx_uint_t   slash, other;

    slash = (url->uri.len == 0 || url->uri.data[0] != '/');

    p = ngx_pnalloc(pool, url->text.len
                          + url->host.len + 1
                          + slash + url->uri.len
                          + url->host.len + sizeof("[]:65535") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    host = url->host;

    url->host.data = p;
    ngx_strlow(p, host.data, host.len);
    p += host.len;

    *p++ = '\0';

    host = url->text;
    url->text.data = p;
    p = ngx_cpymem(p, host.data, host.len);

    host = url->uri;
    url->uri.data = p;

    if (slash) {
        *p++ = '/';
        url->uri.len++;
    }

    p = ngx_cpymem(p, host.data, host.len);

    other = (url->port != (url->secure ? 443 : 80));

    url->authority.data = p;

    p = ngx_sprintf(p, ngx_strlchr(url->host.data,
                                   url->host.data + url->host.len, ':')
                       ? "[%V]" : "%V", &url->host);

    if (other) {
        p = ngx_sprintf(p, ":%ui", (ngx_uint_t) url->port);
    }

    url->authority.len = p - url->authority.data;

    return NGX_OK;
}
