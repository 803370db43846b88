
#include "ngx_recording_api_conf.h"


#define NGX_RECORDING_API_SECRET  1024


static char *ngx_recording_api_conf_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *secret);
static char *ngx_recording_api_conf_secret(ngx_conf_t *cf, ngx_fd_t fd,
    ngx_str_t *name, ngx_str_t *secret);
static ngx_uint_t ngx_recording_api_conf_guarded(ngx_conf_t *cf);
static ngx_uint_t ngx_recording_api_conf_off(
    ngx_http_complex_value_t *realm);
static ngx_uint_t ngx_recording_api_conf_public(ngx_conf_t *cf);
static ngx_uint_t ngx_recording_api_conf_serves(ngx_http_conf_addr_t *addr,
    ngx_http_core_srv_conf_t *cscf);
static ngx_uint_t ngx_recording_api_conf_loopback(struct sockaddr *sockaddr);


char *
ngx_recording_api_conf_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_api_loc_conf_t *ralc = conf;

    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_recording_api_key_t  *key;

    value = cf->args->elts;

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "off") != 0) {
            return "needs an id and a file, or \"off\"";
        }

        if (ralc->off == 1) {
            return "is duplicate";
        }

        ralc->off = 1;

    } else if (ralc->keys == NULL) {
        ralc->keys = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_recording_api_key_t));

        if (ralc->keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ralc->off == 1 && ralc->keys) {
        return "cannot be both \"off\" and a key";
    }

    if (ralc->off == 1) {
        return NGX_CONF_OK;
    }

    ralc->off = 0;

    if (value[1].len == 0 || strpbrk((char *) value[1].data, "/, \t")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid id \"%V\" of record_api_key, it must not "
                           "be empty or have slashes, commas or spaces",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    key = ralc->keys->elts;

    for (i = 0; i < ralc->keys->nelts; i++) {
        if (ngx_strcmp(key[i].id.data, value[1].data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate id \"%V\" of record_api_key",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    key = ngx_array_push(ralc->keys);

    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    key->id = value[1];

    return ngx_recording_api_conf_read(cf, &value[2], &key->secret);
}


static char *
ngx_recording_api_conf_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *secret)
{
    char      *rv;
    ngx_fd_t   fd;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open the file \"%V\" of record_api_key",
                           name);
        return NGX_CONF_ERROR;
    }

    rv = ngx_recording_api_conf_secret(cf, fd, name, secret);

    (void) ngx_close_file(fd);

    return rv;
}


/* the first line, without spaces at its end */

static char *
ngx_recording_api_conf_secret(ngx_conf_t *cf, ngx_fd_t fd, ngx_str_t *name,
    ngx_str_t *secret)
{
    u_char           *p;
    ssize_t           n;
    ngx_file_info_t   fi;

    secret->data = ngx_pnalloc(cf->pool, NGX_RECORDING_API_SECRET + 1);

    if (secret->data == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_fd_info(fd, &fi) == NGX_FILE_ERROR ? NGX_ERROR
        : read(fd, secret->data, NGX_RECORDING_API_SECRET + 1);

    if (n < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot read the file \"%V\" of record_api_key",
                           name);
        return NGX_CONF_ERROR;
    }

    if (fi.st_mode & (S_IROTH|S_IWOTH)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file \"%V\" of record_api_key can be read or "
                           "written by every user of the system: take that "
                           "from them, as by \"chmod 600\"", name);
        return NGX_CONF_ERROR;
    }

    p = ngx_strlchr(secret->data, secret->data + n, '\n');
    secret->len = p ? (size_t) (p - secret->data) : (size_t) n;

    while (secret->len && isspace(secret->data[secret->len - 1])) {
        secret->len--;
    }

    if (secret->len == 0 || secret->len > NGX_RECORDING_API_SECRET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the first line of the file \"%V\" of "
                           "record_api_key is %s, it must have from 1 to %d "
                           "bytes", name, secret->len ? "too long" : "empty",
                           NGX_RECORDING_API_SECRET);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void
ngx_recording_api_conf_open(ngx_conf_t *cf,
    ngx_recording_api_loc_conf_t *ralc)
{
    if (!ngx_recording_api_conf_guarded(cf)
        && ngx_recording_api_conf_public(cf))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"record_api_key off\" leaves access to others, but "
                      "the location has no auth_basic, no allow or deny and "
                      "no auth_request, and its server listens not only on "
                      "loopback: anybody can use the API in %s:%ui",
                      ralc->file, ralc->line);
    }
}


/*
 * Whether one of nginx's modules decides on access.  Their configuration
 * stands in no header: each begins with a pointer, or with a string, which
 * have something in them if the module is used.
 */

static ngx_uint_t
ngx_recording_api_conf_guarded(ngx_conf_t *cf)
{
    void        **conf;
    ngx_uint_t    i, n, k;

    static const struct {
        const char  *name;
        ngx_uint_t   words;            /* to look at */
    } guards[] = {
        { "ngx_http_auth_basic_module", 1 },   /* realm */
        { "ngx_http_access_module", 3 },       /* rules of IPv4, IPv6, unix */
        { "ngx_http_auth_request_module", 1 }  /* length of the URI */
    };

    for (i = 0; cf->cycle->modules[i]; i++) {
        for (n = 0; n < sizeof(guards) / sizeof(guards[0]); n++) {

            if (ngx_strcmp(cf->cycle->modules[i]->name, guards[n].name) != 0) {
                continue;
            }

            conf = ((ngx_http_conf_ctx_t *) cf->ctx)
                   ->loc_conf[cf->cycle->modules[i]->ctx_index];

            for (k = 0; conf && k < guards[n].words; k++) {

                if (conf[k] && conf[k] != NGX_CONF_UNSET_PTR
                    && (n || !ngx_recording_api_conf_off(conf[k])))
                {
                    return 1;
                }
            }
        }
    }

    return 0;
}


/* "auth_basic off" */

static ngx_uint_t
ngx_recording_api_conf_off(ngx_http_complex_value_t *realm)
{
    return realm->lengths == NULL && realm->value.len == 3
           && ngx_strncmp(realm->value.data, "off", 3) == 0;
}


/* whether the server listens on more than loopback */

static ngx_uint_t
ngx_recording_api_conf_public(ngx_conf_t *cf)
{
    ngx_uint_t                  i, k;
    ngx_http_conf_port_t       *port;
    ngx_http_conf_addr_t       *addr;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    port = cmcf->ports ? cmcf->ports->elts : NULL;

    for (i = 0; port && i < cmcf->ports->nelts; i++) {
        addr = port[i].addrs.elts;

        for (k = 0; k < port[i].addrs.nelts; k++) {
            if (ngx_recording_api_conf_serves(&addr[k], cscf)
                && !ngx_recording_api_conf_loopback(addr[k].opt.sockaddr))
            {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_uint_t
ngx_recording_api_conf_serves(ngx_http_conf_addr_t *addr,
    ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                  i;
    ngx_http_core_srv_conf_t  **server;

    server = addr->servers.elts;

    for (i = 0; i < addr->servers.nelts; i++) {
        if (server[i] == cscf) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_recording_api_conf_loopback(struct sockaddr *sockaddr)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sockaddr;
        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) sockaddr;
        return ntohl(sin->sin_addr.s_addr) >> 24 == 127;

    case AF_UNIX:
        return 1;
    }

    return 0;
}


ngx_recording_api_main_conf_t *
ngx_recording_api_conf_main(ngx_cycle_t *cycle)
{
    return cycle->conf_ctx[ngx_http_module.index]
           ? ngx_http_cycle_get_module_main_conf(cycle,
                                                 ngx_http_recording_api_module)
           : NULL;
}


ngx_int_t
ngx_recording_api_conf_check(ngx_cycle_t *cycle, ngx_uint_t store,
    ngx_uint_t url, ngx_uint_t *used)
{
    ngx_recording_api_main_conf_t  *ramc;

    ramc = ngx_recording_api_conf_main(cycle);

    *used = ramc && ramc->used;

    if (*used && !store) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "%s needs a record_store in rtmp{} in %s:%ui",
                      ramc->name, ramc->file, ramc->line);
        return NGX_ERROR;
    }

    if (ramc && ramc->play && !url) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "record_play needs a record_store with url=, as it names "
                      "segments by that");
        return NGX_ERROR;
    }

    return NGX_OK;
}
