
#include "ngx_recording_tc3.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>


#define NGX_RECORDING_TC3_NAME  "TC3-HMAC-SHA256"
#define NGX_RECORDING_TC3_END   "tc3_request"
#define NGX_RECORDING_TC3_HEX   (2 * NGX_RECORDING_HMAC)
#define NGX_RECORDING_TC3_TEXT  512        /* of what is signed at last */

/* what clients sign: the host with its port, the path and not "/" */
#define NGX_RECORDING_TC3_PORT   1
#define NGX_RECORDING_TC3_PATH   2
#define NGX_RECORDING_TC3_FORMS  4


static ngx_int_t ngx_recording_tc3_part(ngx_str_t *rest, const char *name,
    ngx_str_t *value);
static ngx_int_t ngx_recording_tc3_credential(ngx_str_t *value,
    ngx_recording_tc3_t *tc3);
static ngx_int_t ngx_recording_tc3_names(const ngx_str_t *names);
static ngx_int_t ngx_recording_tc3_name(ngx_str_t *rest, ngx_str_t *name);
static ngx_int_t ngx_recording_tc3_signature(const ngx_str_t *hex,
    u_char *signature);
static time_t ngx_recording_tc3_time(const ngx_str_t *timestamp);
static ngx_int_t ngx_recording_tc3_canonical(const ngx_recording_tc3_t *tc3,
    const ngx_recording_tc3_request_t *request, ngx_uint_t form,
    u_char *hex);
static ngx_int_t ngx_recording_tc3_header(EVP_MD_CTX *md,
    const ngx_recording_tc3_request_t *request, const ngx_str_t *name,
    ngx_uint_t port);
static const ngx_str_t *ngx_recording_tc3_find(
    const ngx_recording_tc3_request_t *request, const ngx_str_t *name);
static void ngx_recording_tc3_cut(ngx_str_t *value);
static ngx_int_t ngx_recording_tc3_low(EVP_MD_CTX *md,
    const ngx_str_t *text);
static ngx_int_t ngx_recording_tc3_text(const ngx_recording_tc3_t *tc3,
    const ngx_recording_tc3_request_t *request, const u_char *hex,
    const ngx_str_t *secret, u_char *signature);


ngx_int_t
ngx_recording_tc3_parse(const ngx_str_t *authorization,
    ngx_recording_tc3_t *tc3)
{
    ngx_str_t  rest, credential, hex;

    rest = *authorization;

    if (rest.len < sizeof(NGX_RECORDING_TC3_NAME)
        || ngx_memcmp(rest.data, NGX_RECORDING_TC3_NAME " ",
                      sizeof(NGX_RECORDING_TC3_NAME))
           != 0)
    {
        return NGX_DECLINED;
    }

    rest.data += sizeof(NGX_RECORDING_TC3_NAME);
    rest.len -= sizeof(NGX_RECORDING_TC3_NAME);

    if (ngx_recording_tc3_part(&rest, "Credential=", &credential) != NGX_OK
        || ngx_recording_tc3_part(&rest, "SignedHeaders=", &tc3->names)
           != NGX_OK
        || ngx_recording_tc3_part(&rest, "Signature=", &hex) != NGX_OK
        || rest.len)
    {
        return NGX_DECLINED;
    }

    if (ngx_recording_tc3_credential(&credential, tc3) != NGX_OK
        || ngx_recording_tc3_names(&tc3->names) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_recording_tc3_signature(&hex, tc3->signature);
}


/* the next "name=value" of those that commas divide */

static ngx_int_t
ngx_recording_tc3_part(ngx_str_t *rest, const char *name, ngx_str_t *value)
{
    size_t   len;
    u_char  *p;

    while (rest->len && *rest->data == ' ') {
        rest->data++;
        rest->len--;
    }

    len = ngx_strlen(name);

    if (rest->len < len || ngx_memcmp(rest->data, name, len) != 0) {
        return NGX_DECLINED;
    }

    value->data = rest->data + len;
    value->len = rest->len - len;

    p = ngx_strlchr(value->data, value->data + value->len, ',');

    if (p) {
        value->len = p - value->data;
        rest->len -= p + 1 - rest->data;
        rest->data = p + 1;

        if (rest->len == 0) {
            return NGX_DECLINED;
        }

    } else {
        rest->data += rest->len;
        rest->len = 0;
    }

    ngx_recording_tc3_cut(value);

    return value->len ? NGX_OK : NGX_DECLINED;
}


/*
 * "ID/DATE/SERVICE/tc3_request": no part is empty; a client that is told a path
 * takes that for a part of the service
 */

static ngx_int_t
ngx_recording_tc3_credential(ngx_str_t *value, ngx_recording_tc3_t *tc3)
{
    u_char  *p, *last;

    last = value->data + value->len;

    p = ngx_strlchr(value->data, last, '/');

    if (p == NULL || p == value->data) {
        return NGX_DECLINED;
    }

    tc3->id.data = value->data;
    tc3->id.len = p - value->data;

    tc3->scope.data = p + 1;
    tc3->scope.len = last - tc3->scope.data;

    tc3->date.data = p + 1;
    tc3->date.len = sizeof("YYYY-MM-DD") - 1;

    tc3->service.data = tc3->date.data + tc3->date.len + 1;

    last -= sizeof("/" NGX_RECORDING_TC3_END) - 1;

    if (tc3->service.data >= last || tc3->service.data[-1] != '/'
        || tc3->scope.len >= NGX_RECORDING_TC3_TEXT / 2
        || ngx_memcmp(last, "/" NGX_RECORDING_TC3_END,
                      sizeof("/" NGX_RECORDING_TC3_END) - 1)
           != 0)
    {
        return NGX_DECLINED;
    }

    tc3->service.len = last - tc3->service.data;

    return NGX_OK;
}


/* content-type and host must be signed */

static ngx_int_t
ngx_recording_tc3_names(const ngx_str_t *names)
{
    ngx_str_t   rest, name;
    ngx_uint_t  n, found;

    rest = *names;
    found = 0;

    for (n = 0; ngx_recording_tc3_name(&rest, &name) == NGX_OK; n++) {

        if (name.len == 0 || n == NGX_RECORDING_TC3_HEADERS) {
            return NGX_DECLINED;
        }

        if (name.len == 12
            && ngx_strncasecmp(name.data, (u_char *) "content-type", 12) == 0)
        {
            found |= 1;
        }

        if (name.len == 4
            && ngx_strncasecmp(name.data, (u_char *) "host", 4) == 0)
        {
            found |= 2;
        }
    }

    return found == 3 ? NGX_OK : NGX_DECLINED;
}


/* the next one; NGX_DONE: there is none any more */

static ngx_int_t
ngx_recording_tc3_name(ngx_str_t *rest, ngx_str_t *name)
{
    u_char  *p;

    if (rest->data == NULL) {
        return NGX_DONE;
    }

    *name = *rest;

    p = ngx_strlchr(rest->data, rest->data + rest->len, ';');

    if (p == NULL) {
        rest->data = NULL;
        return NGX_OK;
    }

    name->len = p - name->data;
    rest->len -= name->len + 1;
    rest->data = p + 1;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_tc3_signature(const ngx_str_t *hex, u_char *signature)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    if (hex->len != NGX_RECORDING_TC3_HEX) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_RECORDING_HMAC; i++) {
        n = ngx_hextoi(hex->data + 2 * i, 2);

        if (n == NGX_ERROR) {
            return NGX_DECLINED;
        }

        signature[i] = (u_char) n;
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_tc3_fresh(const ngx_str_t *timestamp, time_t now)
{
    time_t  time;

    time = ngx_recording_tc3_time(timestamp);

    return time == NGX_ERROR || time < now - NGX_RECORDING_TC3_WINDOW
           || time > now + NGX_RECORDING_TC3_WINDOW
           ? NGX_DECLINED : NGX_OK;
}


static time_t
ngx_recording_tc3_time(const ngx_str_t *timestamp)
{
    /* seconds of these centuries */

    return timestamp->len > 11 ? NGX_ERROR
                               : ngx_atotm(timestamp->data, timestamp->len);
}


ngx_int_t
ngx_recording_tc3_verify(const ngx_recording_tc3_t *tc3,
    const ngx_recording_tc3_request_t *request, const ngx_str_t *secret)
{
    u_char      date[sizeof("YYYYYYYYYYY-MM-DD")], *p;
    u_char      hex[NGX_RECORDING_TC3_HEX], signature[NGX_RECORDING_HMAC];
    time_t      time;
    ngx_int_t   rc;
    struct tm   tm;
    ngx_uint_t  form, same;

    time = ngx_recording_tc3_time(&request->timestamp);

    if (time == NGX_ERROR || gmtime_r(&time, &tm) == NULL) {
        return NGX_DECLINED;
    }

    p = ngx_sprintf(date, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                    tm.tm_mday);

    if ((size_t) (p - date) != tc3->date.len
        || ngx_memcmp(date, tc3->date.data, tc3->date.len) != 0)
    {
        return NGX_DECLINED;
    }

    same = 0;

    for (form = 0; form < NGX_RECORDING_TC3_FORMS; form++) {
        rc = ngx_recording_tc3_canonical(tc3, request, form, hex);

        if (rc == NGX_OK) {
            rc = ngx_recording_tc3_text(tc3, request, hex, secret, signature);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        same |= (CRYPTO_memcmp(signature, tc3->signature, NGX_RECORDING_HMAC)
                 == 0);
    }

    return same ? NGX_OK : NGX_DECLINED;
}


/* the hash of what is signed, in one of the forms */

static ngx_int_t
ngx_recording_tc3_canonical(const ngx_recording_tc3_t *tc3,
    const ngx_recording_tc3_request_t *request, ngx_uint_t form, u_char *hex)
{
    u_char       digest[NGX_RECORDING_HMAC], body[NGX_RECORDING_TC3_HEX];
    ngx_int_t    rc;
    ngx_str_t    rest, name, path;
    EVP_MD_CTX  *md;

    ngx_str_set(&path, "/");

    if (form & NGX_RECORDING_TC3_PATH) {
        path = request->path;
    }

    if (EVP_Digest(request->body.data, request->body.len, digest, NULL,
                   EVP_sha256(), NULL)
        != 1)
    {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(body, digest, NGX_RECORDING_HMAC);

    md = EVP_MD_CTX_new();

    if (md == NULL) {
        return NGX_ERROR;
    }

    rest = tc3->names;

    rc = EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1
         && EVP_DigestUpdate(md, request->method.data, request->method.len)
            == 1
         && EVP_DigestUpdate(md, "\n", 1) == 1
         && EVP_DigestUpdate(md, path.data, path.len) == 1
         && EVP_DigestUpdate(md, "\n", 1) == 1
         && EVP_DigestUpdate(md, request->query.data, request->query.len) == 1
         && EVP_DigestUpdate(md, "\n", 1) == 1
         ? NGX_OK : NGX_ERROR;

    while (rc == NGX_OK && ngx_recording_tc3_name(&rest, &name) == NGX_OK) {
        rc = ngx_recording_tc3_header(md, request, &name,
                                      form & NGX_RECORDING_TC3_PORT);
    }

    if (rc == NGX_OK) {
        rc = EVP_DigestUpdate(md, "\n", 1) == 1
             && ngx_recording_tc3_low(md, &tc3->names) == NGX_OK
             && EVP_DigestUpdate(md, "\n", 1) == 1
             && EVP_DigestUpdate(md, body, NGX_RECORDING_TC3_HEX) == 1
             && EVP_DigestFinal_ex(md, digest, NULL) == 1
             ? NGX_OK : NGX_ERROR;
    }

    EVP_MD_CTX_free(md);

    (void) ngx_hex_dump(hex, digest, NGX_RECORDING_HMAC);

    return rc;
}


/* "name:value" and a newline */

static ngx_int_t
ngx_recording_tc3_header(EVP_MD_CTX *md,
    const ngx_recording_tc3_request_t *request, const ngx_str_t *name,
    ngx_uint_t port)
{
    ngx_str_t         value;
    const ngx_str_t  *found;

    found = ngx_recording_tc3_find(request, name);

    if (found == NULL) {
        return NGX_DECLINED;
    }

    value = *found;
    ngx_recording_tc3_cut(&value);

    if (!port && name->len == 4
        && ngx_strncasecmp(name->data, (u_char *) "host", 4) == 0)
    {
        while (value.len && value.data[value.len - 1] >= '0'
               && value.data[value.len - 1] <= '9')
        {
            value.len--;
        }

        /* without a port it stays as it is */

        if (value.len && value.data[value.len - 1] == ':') {
            value.len--;

        } else {
            value = *found;
            ngx_recording_tc3_cut(&value);
        }
    }

    return ngx_recording_tc3_low(md, name) == NGX_OK
           && EVP_DigestUpdate(md, ":", 1) == 1
           && ngx_recording_tc3_low(md, &value) == NGX_OK
           && EVP_DigestUpdate(md, "\n", 1) == 1
           ? NGX_OK : NGX_ERROR;
}


/* NULL: it is not there, or not once */

static const ngx_str_t *
ngx_recording_tc3_find(const ngx_recording_tc3_request_t *request,
    const ngx_str_t *name)
{
    ngx_uint_t                          i;
    const ngx_str_t                    *found;
    const ngx_recording_http_header_t  *header;

    found = NULL;

    for (i = 0; i < request->nheaders; i++) {
        header = &request->headers[i];

        if (header->name.len != name->len
            || ngx_strncasecmp(header->name.data, name->data, name->len) != 0)
        {
            continue;
        }

        if (found) {
            return NULL;
        }

        found = &header->value;
    }

    return found;
}


static void
ngx_recording_tc3_cut(ngx_str_t *value)
{
    while (value->len && (*value->data == ' ' || *value->data == '\t')) {
        value->data++;
        value->len--;
    }

    while (value->len && (value->data[value->len - 1] == ' '
                          || value->data[value->len - 1] == '\t'))
    {
        value->len--;
    }
}


static ngx_int_t
ngx_recording_tc3_low(EVP_MD_CTX *md, const ngx_str_t *text)
{
    u_char  low[128];
    size_t  i, n;

    for (i = 0; i < text->len; i += n) {
        n = ngx_min(text->len - i, sizeof(low));

        ngx_strlow(low, text->data + i, n);

        if (EVP_DigestUpdate(md, low, n) != 1) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_tc3_text(const ngx_recording_tc3_t *tc3,
    const ngx_recording_tc3_request_t *request, const u_char *hex,
    const ngx_str_t *secret, u_char *signature)
{
    u_char     text[NGX_RECORDING_TC3_TEXT];
    ngx_str_t  parts[4];

    parts[0] = tc3->date;
    parts[1] = tc3->service;
    ngx_str_set(&parts[2], NGX_RECORDING_TC3_END);

    parts[3].data = text;
    parts[3].len = ngx_sprintf(text, NGX_RECORDING_TC3_NAME "\n%V\n%V\n%*s",
                               &request->timestamp, &tc3->scope,
                               (size_t) NGX_RECORDING_TC3_HEX, hex)
                   - text;

    return ngx_recording_hmac_chain("TC3", secret, parts, 4, signature);
}
