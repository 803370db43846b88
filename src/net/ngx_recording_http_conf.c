
#include "ngx_recording_http_conf.h"
#include "ngx_recording_http_connection.h"


#define NGX_RECORDING_HTTP_RESOLV_CONF  "/etc/resolv.conf"
#define NGX_RECORDING_HTTP_HOSTS        "/etc/hosts"
#define NGX_RECORDING_HTTP_CONNECTIONS  4        /* of a host */
#define NGX_RECORDING_HTTP_DEPTH        10       /* of a chain */
#define NGX_RECORDING_HTTP_SERVERS      3        /* as resolv.conf(5) has it */
#define NGX_RECORDING_HTTP_LINE         1024


static ngx_int_t ngx_recording_http_conf_server(ngx_conf_t *cf,
    ngx_str_t *server);
static ngx_int_t ngx_recording_http_conf_valid(ngx_conf_t *cf, ngx_str_t *arg);
static ngx_int_t ngx_recording_http_conf_ssl(ngx_conf_t *cf,
    ngx_recording_http_t *http, ngx_str_t *file);
static ngx_int_t ngx_recording_http_conf_trust(ngx_conf_t *cf,
    ngx_recording_http_t *http, ngx_str_t *file);
static ngx_int_t ngx_recording_http_conf_system_ca(ngx_conf_t *cf,
    ngx_recording_http_t *http);
static ngx_int_t ngx_recording_http_conf_system_resolver(ngx_conf_t *cf,
    ngx_recording_http_t *http);
static ngx_int_t ngx_recording_http_conf_nameserver(ngx_conf_t *cf,
    char *line, ngx_str_t *server);
static ngx_int_t ngx_recording_http_conf_host(ngx_conf_t *cf,
    ngx_recording_http_t *http, ngx_recording_http_host_t *host);
static ngx_int_t ngx_recording_http_conf_hosts(ngx_conf_t *cf,
    ngx_recording_http_host_t *host);
static char *ngx_recording_http_conf_line(char *line, ngx_str_t *address);
static ngx_uint_t ngx_recording_http_conf_next(char **p, ngx_str_t *name);
static ngx_int_t ngx_recording_http_conf_names(ngx_conf_t *cf,
    ngx_recording_http_t *http);
static ngx_int_t ngx_recording_http_conf_name(ngx_conf_t *cf,
    ngx_recording_http_t *http, ngx_str_t *name, ngx_str_t *address);


/* where distributions have them: Debian, Red Hat, Alpine and the BSDs */

static const char  *ngx_recording_http_ca[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    NULL
};


ngx_int_t
ngx_recording_http_conf_create(ngx_conf_t *cf, ngx_recording_http_t *http)
{
    http->connections = NGX_RECORDING_HTTP_CONNECTIONS;

    ngx_queue_init(&http->guests);

    return ngx_array_init(&http->hosts, cf->pool, 4,
                          sizeof(ngx_recording_http_host_t *));
}


ngx_int_t
ngx_recording_http_conf_resolver(ngx_conf_t *cf, ngx_recording_http_t *http,
    ngx_str_t *args, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_uint_t  i, servers, valid;

    servers = 0;
    valid = 0;

    for (i = 0; i < n; i++) {

        if (ngx_strncmp(args[i].data, "valid=", 6) == 0) {

            if (valid++) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate parameter \"%V\"", &args[i]);
                return NGX_ERROR;
            }

            rc = ngx_recording_http_conf_valid(cf, &args[i]);

        } else {
            servers++;
            rc = ngx_recording_http_conf_server(cf, &args[i]);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (servers == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "record_resolver has no address");
        return NGX_ERROR;
    }

    http->resolver = ngx_resolver_create(cf, args, n);

    return http->resolver ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_recording_http_conf_valid(ngx_conf_t *cf, ngx_str_t *arg)
{
    time_t     valid;
    ngx_str_t  text;

    text.data = arg->data + 6;
    text.len = arg->len - 6;

    valid = ngx_parse_time(&text, 1);

    if (valid == (time_t) NGX_ERROR || valid == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time in \"%V\" of record_resolver, it "
                           "must be at least 1s", arg);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* nginx's own resolver would look a name up, once, while it starts */

static ngx_int_t
ngx_recording_http_conf_server(ngx_conf_t *cf, ngx_str_t *server)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *server;
    u.default_port = 53;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0
        || u.family == AF_UNIX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid address \"%V\" of record_resolver, it "
                           "must be that of a name server, with or without a "
                           "port", server);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_http_conf_certificate(ngx_conf_t *cf,
    ngx_recording_http_t *http, ngx_str_t *file)
{
    ngx_fd_t  fd;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "record_trusted_certificate \"%V\" cannot be read",
                           file);
        return NGX_ERROR;
    }

    (void) ngx_close_file(fd);

    return ngx_recording_http_conf_ssl(cf, http, file);
}


static ngx_int_t
ngx_recording_http_conf_ssl(ngx_conf_t *cf, ngx_recording_http_t *http,
    ngx_str_t *file)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));

    if (ssl == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    if (ngx_ssl_client_session_cache(cf, ssl, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    http->ssl = ssl;

    return ngx_recording_http_conf_trust(cf, http, file);
}


static ngx_int_t
ngx_recording_http_conf_trust(ngx_conf_t *cf, ngx_recording_http_t *http,
    ngx_str_t *file)
{
    if (ngx_ssl_trusted_certificate(cf, http->ssl, file,
                                    NGX_RECORDING_HTTP_DEPTH)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there are no certificates to trust in \"%V\"",
                           file);
        return NGX_ERROR;
    }

    http->verifies = (file->len != 0);

    return NGX_OK;
}


ngx_int_t
ngx_recording_http_conf_check(ngx_conf_t *cf, ngx_recording_http_t *http)
{
    ngx_str_t                    none;
    ngx_uint_t                   i, secure;
    ngx_recording_http_host_t  **host;

    secure = 0;
    host = http->hosts.elts;

    for (i = 0; i < http->hosts.nelts; i++) {

        if (ngx_recording_http_conf_host(cf, http, host[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        secure |= host[i]->url.secure;
    }

    /* none of those that need it has any certificate verified */

    if (secure && http->ssl == NULL) {
        ngx_str_null(&none);
        return ngx_recording_http_conf_ssl(cf, http, &none);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_http_conf_host(ngx_conf_t *cf, ngx_recording_http_t *http,
    ngx_recording_http_host_t *host)
{
    if (ngx_recording_http_conf_hosts(cf, host) != NGX_OK) {
        return NGX_ERROR;
    }

    if (host->naddrs == 0 && http->resolver == NULL) {

        if (ngx_recording_http_conf_system_resolver(cf, http) != NGX_OK) {
            return NGX_ERROR;
        }

        if (http->resolver == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "no name server for \"%V\" in \""
                               NGX_RECORDING_HTTP_RESOLV_CONF "\": set "
                               "record_resolver", &host->name);
            return NGX_ERROR;
        }
    }

    if (host->url.secure && !host->trusted && http->ssl == NULL) {

        if (ngx_recording_http_conf_system_ca(cf, http) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!http->verifies) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "certificate of \"%V\" cannot be verified, "
                               "the system has no CAs in \"%s\": install "
                               "them, or set record_trusted_certificate",
                               &host->name, ngx_recording_http_ca[0]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_http_conf_guests(ngx_conf_t *cf, ngx_recording_http_t *http)
{
    if (http->resolver == NULL
        && ngx_recording_http_conf_system_resolver(cf, http) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!http->verifies
        && ngx_recording_http_conf_system_ca(cf, http) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_http_conf_names(cf, http);
}


/* the first one that the system has, if it has any */

static ngx_int_t
ngx_recording_http_conf_system_ca(ngx_conf_t *cf, ngx_recording_http_t *http)
{
    ngx_str_t         file;
    ngx_uint_t        i;
    ngx_file_info_t   fi;

    for (i = 0; ngx_recording_http_ca[i]; i++) {

        if (ngx_file_info(ngx_recording_http_ca[i], &fi) != NGX_FILE_ERROR) {
            file.data = (u_char *) ngx_recording_http_ca[i];
            file.len = ngx_strlen(file.data);

            return http->ssl ? ngx_recording_http_conf_trust(cf, http, &file)
                             : ngx_recording_http_conf_ssl(cf, http, &file);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_http_conf_system_resolver(ngx_conf_t *cf,
    ngx_recording_http_t *http)
{
    char        line[NGX_RECORDING_HTTP_LINE];
    FILE       *file;
    ngx_int_t   rc;
    ngx_str_t   servers[NGX_RECORDING_HTTP_SERVERS];
    ngx_uint_t  n;

    n = 0;
    rc = NGX_OK;
    file = fopen(NGX_RECORDING_HTTP_RESOLV_CONF, "re");

    while (file && rc != NGX_ERROR && n < NGX_RECORDING_HTTP_SERVERS
           && fgets(line, sizeof(line), file))
    {
        rc = ngx_recording_http_conf_nameserver(cf, line, &servers[n]);

        if (rc == NGX_OK) {
            n++;
        }
    }

    if (file) {
        (void) fclose(file);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (n == 0) {
        return NGX_OK;
    }

    http->resolver = ngx_resolver_create(cf, servers, n);

    return http->resolver ? NGX_OK : NGX_ERROR;
}


/* NGX_DECLINED: the line names none that nginx could ask */

static ngx_int_t
ngx_recording_http_conf_nameserver(ngx_conf_t *cf, char *line,
    ngx_str_t *server)
{
    char        *p, *end;
    ngx_addr_t   addr;

    p = line;

    if (ngx_strncmp(p, "nameserver", 10) != 0
        || (p[10] != ' ' && p[10] != '\t'))
    {
        return NGX_DECLINED;
    }

    p += 10 + strspn(p + 10, " \t");
    end = p + strcspn(p, " \t\r\n#;");

    /* one of a link, with its interface, is none for nginx */

    if (ngx_parse_addr(cf->pool, &addr, (u_char *) p, end - p) != NGX_OK) {
        return NGX_DECLINED;
    }

    server->data = ngx_pnalloc(cf->pool, end - p + sizeof("[]"));

    if (server->data == NULL) {
        return NGX_ERROR;
    }

    server->len = ngx_sprintf(server->data,
                              addr.sockaddr->sa_family == AF_INET6
                              ? "[%*s]%Z" : "%*s%Z", (size_t) (end - p), p)
                  - server->data - 1;

    return NGX_OK;
}


/* the addresses that are known without asking: of an address, and of a name
   in the hosts file */

static ngx_int_t
ngx_recording_http_conf_hosts(ngx_conf_t *cf, ngx_recording_http_host_t *host)
{
    char          line[NGX_RECORDING_HTTP_LINE], *p;
    FILE         *file;
    ngx_int_t     rc;
    ngx_str_t     address, name;
    ngx_array_t   addrs;

    if (ngx_array_init(&addrs, cf->pool, 2, sizeof(ngx_addr_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    if (host->url.literal) {
        rc = ngx_recording_http_host_address(cf->pool, host, &addrs,
                                             &host->url.host);
        goto done;
    }

    rc = NGX_OK;
    file = fopen(NGX_RECORDING_HTTP_HOSTS, "re");

    while (file && rc == NGX_OK && fgets(line, sizeof(line), file)) {
        p = ngx_recording_http_conf_line(line, &address);

        while (ngx_recording_http_conf_next(&p, &name)) {

            if (name.len == host->url.host.len
                && ngx_strncasecmp(name.data, host->url.host.data, name.len)
                   == 0)
            {
                rc = ngx_recording_http_host_address(cf->pool, host, &addrs,
                                                     &address);
                break;
            }
        }
    }

    if (file) {
        (void) fclose(file);
    }

done:

    host->addrs = addrs.elts;
    host->naddrs = addrs.nelts;

    return rc;
}


/* the address of a line of the hosts file, and what is behind it */

static char *
ngx_recording_http_conf_line(char *line, ngx_str_t *address)
{
    char  *p;

    line[strcspn(line, "#\r\n")] = '\0';

    p = line + strspn(line, " \t");

    address->data = (u_char *) p;
    address->len = strcspn(p, " \t");

    return p + address->len;
}


/* whether a line has a name more */

static ngx_uint_t
ngx_recording_http_conf_next(char **p, ngx_str_t *name)
{
    *p += strspn(*p, " \t");

    name->data = (u_char *) *p;
    name->len = strcspn(*p, " \t");

    *p += name->len;

    return name->len != 0;
}


/* for guests, which are named later; lists of what is not to be reached, with
   addresses that lead nowhere, may be long, and are left out */

static ngx_int_t
ngx_recording_http_conf_names(ngx_conf_t *cf, ngx_recording_http_t *http)
{
    char        line[NGX_RECORDING_HTTP_LINE], *p;
    FILE       *file;
    ngx_int_t   rc;
    ngx_str_t   address, name;

    http->names = ngx_array_create(cf->pool, 8,
                                   sizeof(ngx_recording_http_name_t));

    if (http->names == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;
    file = fopen(NGX_RECORDING_HTTP_HOSTS, "re");

    while (file && rc == NGX_OK && fgets(line, sizeof(line), file)) {
        p = ngx_recording_http_conf_line(line, &address);

        if (ngx_recording_address_host(&address)
            == NGX_RECORDING_ADDRESS_NEVER)
        {
            continue;
        }

        while (rc == NGX_OK && ngx_recording_http_conf_next(&p, &name)) {
            rc = ngx_recording_http_conf_name(cf, http, &name, &address);
        }
    }

    if (file) {
        (void) fclose(file);
    }

    return rc;
}


static ngx_int_t
ngx_recording_http_conf_name(ngx_conf_t *cf, ngx_recording_http_t *http,
    ngx_str_t *name, ngx_str_t *address)
{
    ngx_recording_http_name_t  *one;

    one = ngx_array_push(http->names);

    if (one == NULL) {
        return NGX_ERROR;
    }

    one->name.len = name->len;
    one->name.data = ngx_pstrdup(cf->pool, name);
    one->address.len = address->len;
    one->address.data = ngx_pstrdup(cf->pool, address);

    return one->name.data && one->address.data ? NGX_OK : NGX_ERROR;
}
