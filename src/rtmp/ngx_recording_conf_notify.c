
/*
 * The directive notify, of a template and of rtmp{}.
 */


#include "ngx_recording_conf.h"
#include "ngx_rtmp.h"


#define NGX_RECORDING_CONF_KEY_MAX  4096


static char *ngx_recording_conf_notify_add(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_str_t *template);
static char *ngx_recording_conf_notify_url(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_notify_t *notify,
    ngx_str_t *text);
static char *ngx_recording_conf_notify_arg(ngx_conf_t *cf,
    ngx_recording_notify_t *notify, ngx_str_t *arg);
static char *ngx_recording_conf_notify_events(ngx_conf_t *cf,
    ngx_recording_notify_t *notify, ngx_str_t *arg);
static char *ngx_recording_conf_notify_appid(ngx_conf_t *cf,
    ngx_recording_notify_t *notify, ngx_str_t *arg);
static char *ngx_recording_conf_notify_key(ngx_conf_t *cf,
    ngx_recording_notify_t *notify, ngx_str_t *arg);
static char *ngx_recording_conf_notify_read(ngx_conf_t *cf, ngx_fd_t fd,
    ngx_str_t *name, ngx_str_t *key);
static char *ngx_recording_conf_notify_name(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_notify_t *notify);
static ngx_uint_t ngx_recording_conf_notify_named(
    ngx_recording_main_conf_t *rmcf, ngx_recording_notify_t *notify);
static ngx_uint_t ngx_recording_conf_notify_same(
    ngx_recording_notify_t *a, ngx_recording_notify_t *b);


char *
ngx_recording_conf_notify(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  none = ngx_null_string;

    return ngx_recording_conf_notify_add(cf, conf, &none);
}


char *
ngx_recording_conf_notify_template(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_recording_template_t *template = conf;

    ngx_recording_main_conf_t  *rmcf;

    rmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_recording_module);

    return ngx_recording_conf_notify_add(cf, rmcf, &template->name);
}


static char *
ngx_recording_conf_notify_add(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_str_t *template)
{
    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_recording_notify_t   notify, *place;

    value = cf->args->elts;

    ngx_memzero(&notify, sizeof(ngx_recording_notify_t));

    notify.template = *template;
    notify.appid = (uint64_t) NGX_CONF_UNSET;
    notify.file = cf->conf_file->file.name.data;
    notify.line = cf->conf_file->line;

    if (value[1].len >= 5 && ngx_strncmp(value[1].data, "exec:", 5) == 0) {
        if (ngx_recording_conf_exec(cf, &notify, &value[1]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

    } else if (ngx_recording_conf_notify_url(cf, rmcf, &notify, &value[1])
               != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_recording_conf_notify_arg(cf, &notify, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (notify.kinds == 0) {
        notify.kinds = NGX_RECORDING_KIND_FILE;
    }

    if (notify.appid == (uint64_t) NGX_CONF_UNSET) {
        notify.appid = 0;
    }

    if (ngx_recording_conf_notify_name(cf, rmcf, &notify) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    place = ngx_array_push(&rmcf->notifies);

    if (place == NULL) {
        return NGX_CONF_ERROR;
    }

    *place = notify;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_notify_url(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_recording_notify_t *notify, ngx_str_t *text)
{
    ngx_int_t    rc;
    const char  *why;

    rc = ngx_recording_url_parse(cf->pool, text, &notify->url, &why);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" of notify: %s; it must be a URL "
                           "of http:// or https://, or exec: with the path "
                           "of a program", text, why);
        return NGX_CONF_ERROR;
    }

    if (rc != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    notify->name = *text;
    notify->host = ngx_recording_http_host(cf, &rmcf->http, &notify->url);

    return notify->host ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_recording_conf_notify_arg(ngx_conf_t *cf, ngx_recording_notify_t *notify,
    ngx_str_t *arg)
{
    if (ngx_strncmp(arg->data, "key=", 4) == 0) {
        return ngx_recording_conf_notify_key(cf, notify, arg);
    }

    if (ngx_strncmp(arg->data, "events=", 7) == 0) {
        return ngx_recording_conf_notify_events(cf, notify, arg);
    }

    if (ngx_strncmp(arg->data, "appid=", 6) == 0) {
        return ngx_recording_conf_notify_appid(cf, notify, arg);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of notify, known are key=, "
                       "events= and appid=", arg);

    return NGX_CONF_ERROR;
}


static char *
ngx_recording_conf_notify_events(ngx_conf_t *cf,
    ngx_recording_notify_t *notify, ngx_str_t *arg)
{
    u_char      *p, *last;
    ngx_str_t    name;
    ngx_uint_t   kind;

    if (notify->kinds) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    last = arg->data + arg->len;

    for (p = arg->data + 7; p <= last; p = name.data + name.len + 1) {

        name.data = p;
        name.len = ngx_strchr(p, ',') ? (u_char *) ngx_strchr(p, ',') - p
                                      : last - p;

        kind = ngx_recording_kind_find(&name);

        if (kind == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown kind \"%V\" in \"%V\" of notify, known "
                               "are file, status, exception, removed and "
                               "delivered", &name, arg);
            return NGX_CONF_ERROR;
        }

        if (notify->kinds & kind) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "kind \"%V\" is named twice in \"%V\" of notify",
                               &name, arg);
            return NGX_CONF_ERROR;
        }

        notify->kinds |= kind;
    }

    if (notify->argv && notify->kinds != NGX_RECORDING_KIND_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of notify: a program is run for finished "
                           "files only, which is events=file", arg);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_notify_appid(ngx_conf_t *cf,
    ngx_recording_notify_t *notify, ngx_str_t *arg)
{
    ngx_int_t  appid;

    if (notify->appid != (uint64_t) NGX_CONF_UNSET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    appid = ngx_atoi(arg->data + 6, arg->len - 6);

    if (appid == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number in \"%V\" of notify, it must be "
                           "from 0 to %i", arg,
                           (ngx_int_t) NGX_MAX_INT_T_VALUE);
        return NGX_CONF_ERROR;
    }

    notify->appid = appid;

    return NGX_CONF_OK;
}


/* a secret: it stands in a file, and in no message */

static char *
ngx_recording_conf_notify_key(ngx_conf_t *cf, ngx_recording_notify_t *notify,
    ngx_str_t *arg)
{
    char       *rv;
    ngx_fd_t    fd;
    ngx_str_t   name;

    if (notify->key.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    name.data = arg->data + 4;
    name.len = arg->len - 4;

    if (name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of notify names no file", arg);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open the key file \"%V\" of notify", &name);
        return NGX_CONF_ERROR;
    }

    rv = ngx_recording_conf_notify_read(cf, fd, &name, &notify->key);

    (void) ngx_close_file(fd);

    return rv;
}


static char *
ngx_recording_conf_notify_read(ngx_conf_t *cf, ngx_fd_t fd, ngx_str_t *name,
    ngx_str_t *key)
{
    ssize_t          n;
    ngx_file_info_t  fi;

    key->data = ngx_pnalloc(cf->pool, NGX_RECORDING_CONF_KEY_MAX + 1);

    if (key->data == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_fd_info(fd, &fi) == NGX_FILE_ERROR ? NGX_ERROR
        : read(fd, key->data, NGX_RECORDING_CONF_KEY_MAX + 1);

    if (n < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot read the key file \"%V\" of notify", name);
        return NGX_CONF_ERROR;
    }

    key->len = n;

    if (n && key->data[n - 1] == '\n') {
        key->len -= n > 1 && key->data[n - 2] == '\r' ? 2 : 1;
    }

    if (key->len == 0 || n > NGX_RECORDING_CONF_KEY_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the key file \"%V\" of notify is %s, it must have "
                           "from 1 to %d bytes", name,
                           key->len ? "too long" : "empty",
                           NGX_RECORDING_CONF_KEY_MAX);
        return NGX_CONF_ERROR;
    }

    if (fi.st_mode & S_IROTH) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the key file \"%V\" of notify can be read by "
                           "every user of the system", name);
    }

    return NGX_CONF_OK;
}


/* within a template a name is there once; rows have it */

static char *
ngx_recording_conf_notify_name(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_recording_notify_t *notify)
{
    ngx_str_t                base;
    ngx_uint_t               i, n;
    ngx_recording_notify_t  *other;

    other = rmcf->notifies.elts;

    for (i = 0; i < rmcf->notifies.nelts; i++) {

        if (!ngx_recording_conf_inherit_is(&other[i].template,
                                           &notify->template)
            || (other[i].argv == NULL) != (notify->argv == NULL))
        {
            continue;
        }

        if (ngx_recording_conf_notify_same(&other[i], notify)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "notify \"%V\" is there twice in %s%V%s, the "
                               "first is in %s:%ui", &notify->name,
                               notify->template.len ? "template \"" : "rtmp",
                               &notify->template,
                               notify->template.len ? "\"" : "",
                               other[i].file, other[i].line);
            return NGX_CONF_ERROR;
        }
    }

    base = notify->name;

    /* a program may be there with other arguments, or have such a path */

    for (n = 2; ngx_recording_conf_notify_named(rmcf, notify); n++) {
        notify->name.data = ngx_pnalloc(cf->pool,
                                        base.len + 1 + NGX_INT_T_LEN);

        if (notify->name.data == NULL) {
            return NGX_CONF_ERROR;
        }

        notify->name.len = ngx_sprintf(notify->name.data, "%V#%ui", &base, n)
                           - notify->name.data;
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_recording_conf_notify_named(ngx_recording_main_conf_t *rmcf,
    ngx_recording_notify_t *notify)
{
    ngx_uint_t               i;
    ngx_recording_notify_t  *other;

    other = rmcf->notifies.elts;

    for (i = 0; i < rmcf->notifies.nelts; i++) {

        if (ngx_recording_conf_inherit_is(&other[i].template,
                                          &notify->template)
            && other[i].name.len == notify->name.len
            && ngx_memcmp(other[i].name.data, notify->name.data,
                          notify->name.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* whether two of a kind are one: a URL, or a program with its arguments */

static ngx_uint_t
ngx_recording_conf_notify_same(ngx_recording_notify_t *a,
    ngx_recording_notify_t *b)
{
    ngx_uint_t  i;

    if (a->argv == NULL) {
        return a->host == b->host && a->url.uri.len == b->url.uri.len
               && ngx_memcmp(a->url.uri.data, b->url.uri.data, a->url.uri.len)
                  == 0;
    }

    for (i = 0; a->argv[i] && b->argv[i]; i++) {
        if (ngx_strcmp(a->argv[i], b->argv[i]) != 0) {
            return 0;
        }
    }

    return a->argv[i] == b->argv[i];
}
