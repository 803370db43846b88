
#include "ngx_recording_sigv4.h"
#include "ngx_recording_hmac.h"
#include <openssl/evp.h>


#define NGX_RECORDING_SIGV4_SHA256  NGX_RECORDING_HMAC
#define NGX_RECORDING_SIGV4_DATE    8      /* of "20260102T030405Z" */
#define NGX_RECORDING_SIGV4_NAME    "AWS4-HMAC-SHA256"


/* what is made on the way to a signature */

typedef struct {
    ngx_pool_t             *pool;
    const ngx_recording_sigv4_t  *request;

    ngx_str_t               path;          /* encoded */
    ngx_str_t               query;
    ngx_str_t               time;
    ngx_str_t               scope;
    ngx_recording_http_header_t  *headers; /* all that are signed, sorted, in
                                              lower case */
    ngx_uint_t              nheaders;
    ngx_str_t               names;         /* of them, "a;b" */
} ngx_recording_sigv4_state_t;


static ngx_int_t ngx_recording_sigv4_uri(ngx_recording_sigv4_state_t *s,
    ngx_str_t *uri);
static ngx_recording_http_header_t *ngx_recording_sigv4_args(
    ngx_recording_sigv4_state_t *s);
static ngx_int_t ngx_recording_sigv4_encode(ngx_pool_t *pool,
    const ngx_str_t *text, ngx_uint_t slash, ngx_str_t *encoded);
static ngx_int_t ngx_recording_sigv4_scope(ngx_recording_sigv4_state_t *s);
static ngx_int_t ngx_recording_sigv4_headers(ngx_recording_sigv4_state_t *s);
static ngx_int_t ngx_recording_sigv4_header(ngx_recording_sigv4_state_t *s,
    const char *name, const ngx_str_t *value);
static ngx_int_t ngx_recording_sigv4_pair(ngx_recording_sigv4_state_t *s,
    const ngx_str_t *name, const ngx_str_t *value);
static ngx_int_t ngx_recording_sigv4_names(ngx_recording_sigv4_state_t *s);
static void ngx_recording_sigv4_sort(ngx_recording_http_header_t *pairs,
    ngx_uint_t n, ngx_uint_t values);
static ngx_int_t ngx_recording_sigv4_compare(const ngx_str_t *one,
    const ngx_str_t *two);
static ngx_int_t ngx_recording_sigv4_canonical(ngx_recording_sigv4_state_t *s,
    ngx_str_t *text);
static ngx_int_t ngx_recording_sigv4_string(ngx_recording_sigv4_state_t *s,
    const ngx_str_t *canonical, ngx_str_t *text);
static ngx_int_t ngx_recording_sigv4_sign(ngx_recording_sigv4_state_t *s,
    const ngx_str_t *text, u_char *signature);
static ngx_int_t ngx_recording_sigv4_result(ngx_recording_sigv4_state_t *s,
    u_char *signature, ngx_recording_sigv4_signed_t *result);
static ngx_uint_t ngx_recording_sigv4_again(ngx_recording_sigv4_state_t *s,
    ngx_uint_t i);


ngx_int_t
ngx_recording_sigv4(ngx_pool_t *pool, const ngx_recording_sigv4_t *request,
    ngx_recording_sigv4_signed_t *result)
{
    u_char                       signature[NGX_RECORDING_SIGV4_SHA256];
    ngx_recording_sigv4_state_t  s;

    ngx_memzero(&s, sizeof(ngx_recording_sigv4_state_t));

    s.pool = pool;
    s.request = request;

    if (ngx_recording_sigv4_uri(&s, &result->uri) != NGX_OK
        || ngx_recording_sigv4_scope(&s) != NGX_OK
        || ngx_recording_sigv4_headers(&s) != NGX_OK
        || ngx_recording_sigv4_names(&s) != NGX_OK
        || ngx_recording_sigv4_canonical(&s, &result->canonical) != NGX_OK
        || ngx_recording_sigv4_string(&s, &result->canonical, &result->string)
           != NGX_OK
        || ngx_recording_sigv4_sign(&s, &result->string, signature) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_sigv4_result(&s, signature, result);
}


/* what is sent is what is signed: path and query are parts of it */

static ngx_int_t
ngx_recording_sigv4_uri(ngx_recording_sigv4_state_t *s, ngx_str_t *uri)
{
    size_t                        len;
    u_char                       *p;
    ngx_str_t                     path;
    ngx_uint_t                    i, n;
    ngx_recording_http_header_t  *args;

    n = s->request->nargs;
    args = ngx_recording_sigv4_args(s);

    if (args == NULL
        || ngx_recording_sigv4_encode(s->pool, &s->request->path, 1, &path)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = path.len + 1;

    for (i = 0; i < n; i++) {
        len += args[i].name.len + args[i].value.len + sizeof("=&") - 1;
    }

    p = ngx_pnalloc(s->pool, len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    uri->data = p;
    p = ngx_cpymem(p, path.data, path.len);

    s->path.data = uri->data;
    s->path.len = path.len;
    s->query.data = p + 1;

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%c%V=%V", i ? '&' : '?', &args[i].name,
                        &args[i].value);
    }

    s->query.len = n ? p - s->query.data : 0;
    uri->len = p - uri->data;

    return NGX_OK;
}


/* encoded and sorted; NULL: no memory */

static ngx_recording_http_header_t *
ngx_recording_sigv4_args(ngx_recording_sigv4_state_t *s)
{
    ngx_uint_t                          i, n;
    ngx_recording_http_header_t        *args;
    const ngx_recording_http_header_t  *arg;

    n = s->request->nargs;
    arg = s->request->args;

    args = ngx_palloc(s->pool, (n + 1) * sizeof(ngx_recording_http_header_t));

    if (args == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {

        if (ngx_recording_sigv4_encode(s->pool, &arg[i].name, 0, &args[i].name)
            != NGX_OK
            || ngx_recording_sigv4_encode(s->pool, &arg[i].value, 0,
                                          &args[i].value)
               != NGX_OK)
        {
            return NULL;
        }
    }

    ngx_recording_sigv4_sort(args, n, 1);

    return args;
}


/* each byte once; slashes divide a path, but nothing in a query */

static ngx_int_t
ngx_recording_sigv4_encode(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_uint_t slash, ngx_str_t *encoded)
{
    u_char      *p, c;
    ngx_uint_t   i;

    static const u_char  hex[] = "0123456789ABCDEF";

    p = ngx_pnalloc(pool, 3 * text->len + 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    encoded->data = p;

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
            || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
            || c == '~' || (c == '/' && slash))
        {
            *p++ = c;
            continue;
        }

        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 0xf];
    }

    encoded->len = p - encoded->data;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_sigv4_scope(ngx_recording_sigv4_state_t *s)
{
    u_char     *p;
    struct tm   tm;

    p = ngx_pnalloc(s->pool, sizeof("YYYYYYYYYYYMMDDTHHMMSSZ") - 1);

    if (p == NULL || gmtime_r(&s->request->now, &tm) == NULL) {
        return NGX_ERROR;
    }

    s->time.data = p;
    s->time.len = ngx_sprintf(p, "%04d%02d%02dT%02d%02d%02dZ",
                              tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                              tm.tm_hour, tm.tm_min, tm.tm_sec)
                  - p;

    p = ngx_pnalloc(s->pool, s->time.len + s->request->region.len
                             + s->request->service.len
                             + sizeof("///aws4_request") - 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    s->scope.data = p;
    s->scope.len = ngx_sprintf(p, "%*s/%V/%V/aws4_request",
                               (size_t) NGX_RECORDING_SIGV4_DATE, s->time.data,
                               &s->request->region, &s->request->service)
                   - p;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_sigv4_headers(ngx_recording_sigv4_state_t *s)
{
    ngx_uint_t                    i;
    const ngx_recording_sigv4_t  *request;

    request = s->request;

    s->headers = ngx_palloc(s->pool, (request->nheaders + 4)
                                     * sizeof(ngx_recording_http_header_t));

    if (s->headers == NULL
        || ngx_recording_sigv4_header(s, "host", &request->host) != NGX_OK
        || ngx_recording_sigv4_header(s, "x-amz-date", &s->time) != NGX_OK
        || ngx_recording_sigv4_header(s, "x-amz-content-sha256",
                                      &request->payload)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (request->token.len
        && ngx_recording_sigv4_header(s, "x-amz-security-token",
                                      &request->token)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < request->nheaders; i++) {

        if (ngx_recording_sigv4_pair(s, &request->headers[i].name,
                                     &request->headers[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_recording_sigv4_sort(s->headers, s->nheaders, 0);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_sigv4_header(ngx_recording_sigv4_state_t *s, const char *name,
    const ngx_str_t *value)
{
    ngx_str_t  text;

    text.data = (u_char *) name;
    text.len = ngx_strlen(name);

    return ngx_recording_sigv4_pair(s, &text, value);
}


/*
 * Some servers take several spaces or tabs in a row for one space, as Amazon's
 * own clients do, others do not: what is sent has no such row.
 */

static ngx_int_t
ngx_recording_sigv4_pair(ngx_recording_sigv4_state_t *s, const ngx_str_t *name,
    const ngx_str_t *value)
{
    size_t                        i;
    u_char                       *p, c;
    ngx_recording_http_header_t  *header;

    header = &s->headers[s->nheaders++];

    p = ngx_pnalloc(s->pool, name->len + value->len + 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    header->name.data = p;
    header->name.len = name->len;

    ngx_strlow(p, name->data, name->len);

    p += name->len;
    header->value.data = p;

    for (i = 0; i < value->len; i++) {
        c = value->data[i] == '\t' ? ' ' : value->data[i];

        if (c != ' ' || (p > header->value.data && p[-1] != ' ')) {
            *p++ = c;
        }
    }

    if (p > header->value.data && p[-1] == ' ') {
        p--;
    }

    header->value.len = p - header->value.data;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_sigv4_names(ngx_recording_sigv4_state_t *s)
{
    size_t       len;
    u_char      *p;
    ngx_uint_t   i;

    len = 0;

    for (i = 0; i < s->nheaders; i++) {
        len += s->headers[i].name.len + 1;
    }

    p = ngx_pnalloc(s->pool, len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    s->names.data = p;

    for (i = 0; i < s->nheaders; i++) {

        if (ngx_recording_sigv4_again(s, i)) {
            continue;
        }

        p = ngx_sprintf(p, i ? ";%V" : "%V", &s->headers[i].name);
    }

    s->names.len = p - s->names.data;

    return NGX_OK;
}


/* whether the header before has the same name: they count as one */

static ngx_uint_t
ngx_recording_sigv4_again(ngx_recording_sigv4_state_t *s, ngx_uint_t i)
{
    return i > 0
           && ngx_recording_sigv4_compare(&s->headers[i - 1].name,
                                          &s->headers[i].name)
              == 0;
}


/* there are few of them; those with the same name keep their order if values
   do not count */

static void
ngx_recording_sigv4_sort(ngx_recording_http_header_t *pairs, ngx_uint_t n,
    ngx_uint_t values)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i, k;
    ngx_recording_http_header_t  pair;

    for (i = 1; i < n; i++) {
        pair = pairs[i];

        for (k = i; k > 0; k--) {
            rc = ngx_recording_sigv4_compare(&pairs[k - 1].name, &pair.name);

            if (rc == 0 && values) {
                rc = ngx_recording_sigv4_compare(&pairs[k - 1].value,
                                                 &pair.value);
            }

            if (rc <= 0) {
                break;
            }

            pairs[k] = pairs[k - 1];
        }

        pairs[k] = pair;
    }
}


static ngx_int_t
ngx_recording_sigv4_compare(const ngx_str_t *one, const ngx_str_t *two)
{
    ngx_int_t  rc;

    rc = ngx_memcmp(one->data, two->data, ngx_min(one->len, two->len));

    return rc ? rc : (ngx_int_t) one->len - (ngx_int_t) two->len;
}


static ngx_int_t
ngx_recording_sigv4_canonical(ngx_recording_sigv4_state_t *s, ngx_str_t *text)
{
    size_t                        len;
    u_char                       *p;
    ngx_uint_t                    i;
    const ngx_recording_sigv4_t  *request;

    request = s->request;

    len = request->method.len + s->path.len + s->query.len + s->names.len
          + request->payload.len + sizeof("\n\n\n\n\n") - 1;

    for (i = 0; i < s->nheaders; i++) {
        len += s->headers[i].name.len + s->headers[i].value.len
               + sizeof(":\n") - 1;
    }

    p = ngx_pnalloc(s->pool, len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    p = ngx_sprintf(p, "%V\n%V\n%V\n", &request->method, &s->path, &s->query);

    for (i = 0; i < s->nheaders; i++) {

        if (ngx_recording_sigv4_again(s, i)) {
            p = ngx_sprintf(p - 1, ",%V\n", &s->headers[i].value);
            continue;
        }

        p = ngx_sprintf(p, "%V:%V\n", &s->headers[i].name,
                        &s->headers[i].value);
    }

    p = ngx_sprintf(p, "\n%V\n%V", &s->names, &request->payload);

    text->len = p - text->data;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_sigv4_string(ngx_recording_sigv4_state_t *s,
    const ngx_str_t *canonical, ngx_str_t *text)
{
    u_char  *p, digest[NGX_RECORDING_SIGV4_SHA256];

    p = ngx_pnalloc(s->pool, sizeof(NGX_RECORDING_SIGV4_NAME "\n\n\n") - 1
                             + s->time.len + s->scope.len
                             + 2 * NGX_RECORDING_SIGV4_SHA256);

    if (p == NULL
        || EVP_Digest(canonical->data, canonical->len, digest, NULL,
                      EVP_sha256(), NULL)
           != 1)
    {
        return NGX_ERROR;
    }

    text->data = p;

    p = ngx_sprintf(p, NGX_RECORDING_SIGV4_NAME "\n%V\n%V\n", &s->time,
                    &s->scope);
    p = ngx_hex_dump(p, digest, NGX_RECORDING_SIGV4_SHA256);

    text->len = p - text->data;

    return NGX_OK;
}


/* each part of the scope is signed with a key that is made of those before */

static ngx_int_t
ngx_recording_sigv4_sign(ngx_recording_sigv4_state_t *s, const ngx_str_t *text,
    u_char *signature)
{
    ngx_str_t  parts[5];

    parts[0].data = s->time.data;
    parts[0].len = NGX_RECORDING_SIGV4_DATE;
    parts[1] = s->request->region;
    parts[2] = s->request->service;
    ngx_str_set(&parts[3], "aws4_request");
    parts[4] = *text;

    return ngx_recording_hmac_chain("AWS4", &s->request->secret, parts, 5,
                                    signature);
}


/* all headers that are to be sent: the client itself has Host */

static ngx_int_t
ngx_recording_sigv4_result(ngx_recording_sigv4_state_t *s, u_char *signature,
    ngx_recording_sigv4_signed_t *result)
{
    u_char                       *p;
    ngx_uint_t                    i;
    ngx_recording_http_header_t  *header;

    header = ngx_palloc(s->pool, s->nheaders
                                 * sizeof(ngx_recording_http_header_t));
    p = ngx_pnalloc(s->pool, sizeof(NGX_RECORDING_SIGV4_NAME " Credential=/, "
                                    "SignedHeaders=, Signature=") - 1
                             + s->request->access.len + s->scope.len
                             + s->names.len + 2 * NGX_RECORDING_SIGV4_SHA256);

    if (header == NULL || p == NULL) {
        return NGX_ERROR;
    }

    result->headers = header;
    result->nheaders = s->nheaders;

    for (i = 0; i < s->nheaders; i++) {

        if (s->headers[i].name.len != 4
            || ngx_memcmp(s->headers[i].name.data, "host", 4) != 0)
        {
            *header++ = s->headers[i];
        }
    }

    ngx_str_set(&header->name, "authorization");
    header->value.data = p;

    p = ngx_sprintf(p, NGX_RECORDING_SIGV4_NAME " Credential=%V/%V, "
                    "SignedHeaders=%V, Signature=", &s->request->access,
                    &s->scope, &s->names);
    p = ngx_hex_dump(p, signature, NGX_RECORDING_SIGV4_SHA256);

    header->value.len = p - header->value.data;

    return NGX_OK;
}
