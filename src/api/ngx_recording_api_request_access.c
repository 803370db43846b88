
/*
 * Who may ask: a request that is signed with a key, or, if it only reads, one
 * of somebody on this machine; or anybody whom nginx's own modules let in.
 */


#include "ngx_recording_api_request.h"
#include "ngx_recording_tc3.h"


static const char *ngx_recording_api_request_signed(
    ngx_recording_api_request_t *ctx, const ngx_str_t *authorization,
    const ngx_str_t *body, const char **why);
static const char *ngx_recording_api_request_verify(
    ngx_recording_api_request_t *ctx, const ngx_recording_tc3_t *tc3,
    const ngx_str_t *body, const char **why);
static const char *ngx_recording_api_request_verified(
    ngx_recording_api_request_t *ctx, const ngx_recording_tc3_t *tc3,
    const ngx_recording_tc3_request_t *request, const char **why);
static const char *ngx_recording_api_request_keyless(ngx_http_request_t *r,
    const char **why);
static ngx_uint_t ngx_recording_api_request_local(ngx_http_request_t *r);
static ngx_uint_t ngx_recording_api_request_own(ngx_connection_t *c);
static ngx_uint_t ngx_recording_api_request_local_host(ngx_str_t *host);
static ngx_uint_t ngx_recording_api_request_forwarded(ngx_http_request_t *r);
static ngx_uint_t ngx_recording_api_request_named(ngx_table_elt_t *header,
    const char *name);


/* headers of proxies */

static const char  *ngx_recording_api_request_proxies[] = {
    "forwarded", "x-real-ip", "via", NULL
};


ngx_str_t *
ngx_recording_api_request_header(ngx_http_request_t *r, const char *name,
    ngx_uint_t *n)
{
    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    value = NULL;
    *n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_recording_api_request_named(&header[i], name)) {
                value = &header[i].value;
                (*n)++;
            }
        }
    }

    return *n == 1 ? value : NULL;
}


static ngx_uint_t
ngx_recording_api_request_named(ngx_table_elt_t *header, const char *name)
{
    return header->key.len == ngx_strlen(name)
           && ngx_strncasecmp(header->key.data, (u_char *) name,
                              header->key.len)
              == 0;
}


/* an origin is a scheme, a host and a port; behind a proxy that has TLS the
   scheme is another one here */

ngx_uint_t
ngx_recording_api_request_foreign(ngx_http_request_t *r)
{
    ngx_str_t   *origin, host;
    ngx_uint_t   n;

    origin = ngx_recording_api_request_header(r, "origin", &n);

    if (n == 0) {
        return 0;
    }

    if (origin == NULL || r->headers_in.host == NULL) {
        return 1;
    }

    host = *origin;

    if (host.len > 7 && ngx_strncasecmp(host.data, (u_char *) "http://", 7)
                        == 0)
    {
        host.data += 7;
        host.len -= 7;

    } else if (host.len > 8
               && ngx_strncasecmp(host.data, (u_char *) "https://", 8) == 0)
    {
        host.data += 8;
        host.len -= 8;

    } else {
        return 1;
    }

    return host.len != r->headers_in.host->value.len
           || ngx_strncasecmp(host.data, r->headers_in.host->value.data,
                              host.len)
              != 0;
}


const char *
ngx_recording_api_request_access(ngx_recording_api_request_t *ctx,
    const ngx_str_t *body, ngx_uint_t *reads, const char **why)
{
    ngx_str_t                     *authorization;
    ngx_uint_t                     n;
    ngx_http_request_t            *r;
    ngx_recording_api_loc_conf_t  *ralc;

    r = ctx->request;
    ralc = ngx_http_get_module_loc_conf(r, ngx_http_recording_api_module);

    *reads = 0;

    if (ralc->off) {
        return NULL;
    }

    authorization = ngx_recording_api_request_header(r, "authorization", &n);

    if (n > 1) {
        *why = "there are several headers Authorization";
        return "AuthFailure.InvalidAuthorization";
    }

    /* a password is somebody else's business */

    if (authorization
        && !(authorization->len >= 6
             && ngx_strncasecmp(authorization->data, (u_char *) "Basic ", 6)
                == 0))
    {
        return ngx_recording_api_request_signed(ctx, authorization, body, why);
    }

    *reads = 1;

    return ngx_recording_api_request_keyless(r, why);
}


static const char *
ngx_recording_api_request_signed(ngx_recording_api_request_t *ctx,
    const ngx_str_t *authorization, const ngx_str_t *body, const char **why)
{
    ngx_recording_tc3_t  tc3;

    if (ngx_recording_tc3_parse(authorization, &tc3) != NGX_OK) {
        *why = "Authorization is not \"TC3-HMAC-SHA256 Credential=ID/DATE/"
               "SERVICE/tc3_request, SignedHeaders=content-type;host, "
               "Signature=HEX\"";
        return "AuthFailure.InvalidAuthorization";
    }

    return ngx_recording_api_request_verify(ctx, &tc3, body, why);
}


static const char *
ngx_recording_api_request_verify(ngx_recording_api_request_t *ctx,
    const ngx_recording_tc3_t *tc3, const ngx_str_t *body, const char **why)
{
    u_char                       *end;
    ngx_str_t                    *timestamp;
    ngx_uint_t                    i, n;
    ngx_list_part_t              *part;
    ngx_table_elt_t              *header;
    ngx_http_request_t           *r;
    ngx_recording_tc3_request_t   request;
    ngx_recording_http_header_t  *headers;

    r = ctx->request;
    timestamp = ngx_recording_api_request_header(r, "x-tc-timestamp", &n);

    if (timestamp == NULL) {
        *why = "there is no X-TC-Timestamp, or more than one";
        return "AuthFailure.InvalidAuthorization";
    }

    if (ngx_recording_tc3_fresh(timestamp, ngx_time()) != NGX_OK) {
        *why = "X-TC-Timestamp is not within 5 minutes of this machine's "
               "clock";
        return "AuthFailure.SignatureExpire";
    }

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    headers = ngx_palloc(r->pool, (n + 1)
                                  * sizeof(ngx_recording_http_header_t));

    if (headers == NULL) {
        *why = "no memory";
        return "InternalError";
    }

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {
            headers[n].name = header[i].key;
            headers[n++].value = header[i].value;
        }
    }

    ngx_memzero(&request, sizeof(ngx_recording_tc3_request_t));

    request.method = r->method_name;
    request.path = r->unparsed_uri;
    end = ngx_strlchr(request.path.data,
                      request.path.data + request.path.len, '?');
    request.path.len = end ? (size_t) (end - request.path.data)
                           : request.path.len;
    request.headers = headers;
    request.nheaders = n;
    request.body = *body;
    request.timestamp = *timestamp;

    return ngx_recording_api_request_verified(ctx, tc3, &request, why);
}


static const char *
ngx_recording_api_request_verified(ngx_recording_api_request_t *ctx,
    const ngx_recording_tc3_t *tc3,
    const ngx_recording_tc3_request_t *request, const char **why)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_recording_api_key_t       *key;
    ngx_recording_api_loc_conf_t  *ralc;

    ralc = ngx_http_get_module_loc_conf(ctx->request,
                                        ngx_http_recording_api_module);

    key = ralc->keys ? ralc->keys->elts : NULL;

    for (i = 0; key && i < ralc->keys->nelts; i++) {

        if (key[i].id.len != tc3->id.len
            || ngx_memcmp(key[i].id.data, tc3->id.data, tc3->id.len) != 0)
        {
            continue;
        }

        rc = ngx_recording_tc3_verify(tc3, request, &key[i].secret);

        if (rc == NGX_OK) {
            ctx->key = key[i].id;
            return NULL;
        }

        *why = rc == NGX_DECLINED
               ? "the signature is not that of this request with this key"
               : "no memory";

        return rc == NGX_DECLINED ? "AuthFailure.SignatureFailure"
                                  : "InternalError";
    }

    *why = "there is no record_api_key with this id here";

    return "AuthFailure.SecretIdNotFound";
}


/* nothing tells who has sent it: it must be somebody on this machine */

static const char *
ngx_recording_api_request_keyless(ngx_http_request_t *r, const char **why)
{
    *why = NULL;

    if (!ngx_recording_api_request_local(r)) {
        *why = "a request that is not signed must come from this machine";

    } else if (r->http_version != NGX_HTTP_VERSION_11) {
        *why = "a request that is not signed must be HTTP/1.1";

    } else if (r->headers_in.host == NULL || r->host_start
               || !ngx_recording_api_request_local_host(
                                               &r->headers_in.host->value))
    {
        *why = "a request that is not signed must have localhost, or an "
               "address of loopback, as its Host";

    } else if (ngx_recording_api_request_forwarded(r)) {
        *why = "a request that is not signed must not come through a proxy";

    } else if (!ngx_recording_api_request_own(r->connection)) {
        *why = "a request that is not signed must not have an address that a "
               "proxy tells";
    }

    return *why ? "AuthFailure.UnauthorizedOperation" : NULL;
}


static ngx_uint_t
ngx_recording_api_request_local(ngx_http_request_t *r)
{
    struct sockaddr      *sa;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct in6_addr      *addr;
#endif

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        addr = &((struct sockaddr_in6 *) sa)->sin6_addr;

        return IN6_IS_ADDR_LOOPBACK(addr)
               || (IN6_IS_ADDR_V4MAPPED(addr) && addr->s6_addr[12] == 127);
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        return ntohl(sin->sin_addr.s_addr) >> 24 == 127;

    case AF_UNIX:
        return 1;
    }

    return 0;
}


/* the peer's address is that of the socket: one that a proxy tells, which
   set_real_ip_from believes, is the word of whoever asked the proxy */

static ngx_uint_t
ngx_recording_api_request_own(ngx_connection_t *c)
{
    socklen_t        len;
    ngx_sockaddr_t   peer;

    len = sizeof(ngx_sockaddr_t);

    if (getpeername(c->fd, &peer.sockaddr, &len) == -1) {
        return 0;
    }

    if (c->sockaddr->sa_family == AF_UNIX) {
        return peer.sockaddr.sa_family == AF_UNIX;
    }

    return ngx_cmp_sockaddr(&peer.sockaddr, len, c->sockaddr, c->socklen, 1)
           == NGX_OK;
}


/* with a port or without; another name might be somebody else's, who lets it
   lead to this machine */

static ngx_uint_t
ngx_recording_api_request_local_host(ngx_str_t *host)
{
    size_t       len;
    in_addr_t    addr;

    len = host->len;

    while (len && host->data[len - 1] >= '0' && host->data[len - 1] <= '9') {
        len--;
    }

    len = len && host->data[len - 1] == ':' && len < host->len ? len - 1
                                                               : host->len;

    if ((len == 9
         && ngx_strncasecmp(host->data, (u_char *) "localhost", 9) == 0)
        || (len == 5 && ngx_memcmp(host->data, "[::1]", 5) == 0))
    {
        return 1;
    }

    addr = ngx_inet_addr(host->data, len);

    return addr != INADDR_NONE && ntohl(addr) >> 24 == 127;
}


static ngx_uint_t
ngx_recording_api_request_forwarded(ngx_http_request_t *r)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    if (r->connection->proxy_protocol) {
        return 1;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (header[i].key.len > 12
                && ngx_strncasecmp(header[i].key.data,
                                   (u_char *) "x-forwarded-", 12)
                   == 0)
            {
                return 1;
            }

            for (n = 0; ngx_recording_api_request_proxies[n]; n++) {
                if (ngx_recording_api_request_named(&header[i],
                                        ngx_recording_api_request_proxies[n]))
                {
                    return 1;
                }
            }
        }
    }

    return 0;
}
