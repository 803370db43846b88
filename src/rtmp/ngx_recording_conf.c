
#include "ngx_recording_conf.h"
#include "ngx_recording_http_conf.h"
#include "ngx_rtmp.h"
#include "ngx_rtmp_live_module.h"
#include "ngx_rtmp_record_module.h"


#define NGX_RECORDING_BUFFER       (16 * 1024 * 1024)
#define NGX_RECORDING_BUFFER_MIN   (1024 * 1024)
#define NGX_RECORDING_TOTAL        (256 * 1024 * 1024)
#define NGX_RECORDING_RESERVE      (1024 * 1024 * 1024)
#define NGX_RECORDING_BOARD        (2 * 1024 * 1024)
#define NGX_RECORDING_SYNC         5000                    /* ms */
#define NGX_RECORDING_SYNC_MIN     100
#define NGX_RECORDING_SYNC_MAX     3600000


static char *ngx_recording_conf_store(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_recording_conf_store_path(ngx_conf_t *cf, ngx_str_t *path);
static char *ngx_recording_conf_sync(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_recording_conf_pool(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_recording_conf_buffer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_recording_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_recording_conf_resolve(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_rule_t *rule);
static ngx_int_t ngx_recording_conf_rules(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_array_t *rules);
static ngx_int_t ngx_recording_conf_app(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_rtmp_core_app_conf_t *cacf);
static void ngx_recording_conf_record(ngx_conf_t *cf,
    ngx_rtmp_core_app_conf_t *cacf, ngx_recording_app_conf_t *racf);
static ngx_uint_t ngx_recording_conf_records(ngx_array_t *rules);

extern ngx_module_t  ngx_rtmp_recording_module;


/* a directive of nginx-rtmp, in all its contexts but recorder{} */

#define ngx_recording_leftover(name)                                         \
    { ngx_string(name),                                                      \
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_ANY,   \
      ngx_recording_conf_leftover,                                           \
      NGX_RTMP_APP_CONF_OFFSET,                                              \
      0,                                                                     \
      NULL }


ngx_command_t  ngx_recording_commands[] = {

    { ngx_string("record_store"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_recording_conf_store,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_thread_pool"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_recording_conf_pool,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_sync"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_recording_conf_sync,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_buffer"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_recording_conf_buffer,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_timezone"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_recording_conf_zone,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_resolver"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_recording_conf_resolver,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_trusted_certificate"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_recording_conf_certificate,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_bucket"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_recording_conf_bucket,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_template"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_recording_conf_template,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("notify"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_recording_conf_notify,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("upload"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_recording_conf_upload,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_rule"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_1MORE,
      ngx_recording_conf_rule,
      NGX_RTMP_APP_CONF_OFFSET,
      0,
      NULL },

      ngx_recording_leftover("exec_record_done"),
      ngx_recording_leftover("on_record_done"),

      ngx_null_command
};


void *
ngx_recording_conf_create_main(ngx_conf_t *cf)
{
    ngx_recording_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool, sizeof(ngx_recording_main_conf_t));

    if (rmcf == NULL) {
        return NULL;
    }

    rmcf->reserve = NGX_CONF_UNSET;
    rmcf->max = NGX_CONF_UNSET;
    rmcf->rows = NGX_CONF_UNSET;
    rmcf->board = NGX_CONF_UNSET;
    rmcf->sync = NGX_CONF_UNSET_MSEC;

    if (ngx_array_init(&rmcf->templates, cf->pool, 4,
                       sizeof(ngx_recording_template_t))
        != NGX_OK
        || ngx_array_init(&rmcf->notifies, cf->pool, 4,
                          sizeof(ngx_recording_notify_t))
           != NGX_OK
        || ngx_array_init(&rmcf->buckets, cf->pool, 4,
                          sizeof(ngx_recording_bucket_t *))
           != NGX_OK
        || ngx_array_init(&rmcf->uploads, cf->pool, 4,
                          sizeof(ngx_recording_upload_t))
           != NGX_OK
        || ngx_recording_http_conf_create(cf, &rmcf->http) != NGX_OK)
    {
        return NULL;
    }

    return rmcf;
}


void *
ngx_recording_conf_create_app(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_recording_app_conf_t));
}


char *
ngx_recording_conf_merge_app(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_recording_app_conf_t *prev = parent;
    ngx_recording_app_conf_t *conf = child;

    if (conf->rules == NULL) {
        conf->rules = prev->rules;
    }

    if (conf->leftover.name.len == 0) {
        conf->leftover = prev->leftover;
    }

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_main_conf_t *rmcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (rmcf->store.len) {
        return "is duplicate";
    }

    rmcf->store = value[1];

    if (ngx_recording_conf_store_path(cf, &rmcf->store) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_recording_conf_store_arg(cf, rmcf, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_sync(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_main_conf_t *rmcf = conf;

    ngx_str_t   *value;
    ngx_msec_t   time;

    value = cf->args->elts;

    if (rmcf->sync != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        rmcf->sync = 0;
        return NGX_CONF_OK;
    }

    time = ngx_parse_time(&value[1], 0);

    if (time == (ngx_msec_t) NGX_ERROR || time < NGX_RECORDING_SYNC_MIN
        || time > NGX_RECORDING_SYNC_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid record_sync \"%V\", it must be off, or "
                           "from 100ms to 1h", &value[1]);
        return NGX_CONF_ERROR;
    }

    rmcf->sync = time;

    return NGX_CONF_OK;
}


/* an absolute path, without slash, in a directory that is there */

static char *
ngx_recording_conf_store_path(ngx_conf_t *cf, ngx_str_t *path)
{
    u_char           *p, *last;
    ngx_file_info_t   fi;

    /* relative to what a distribution has chosen it would lie anywhere */

    if (path->len == 0 || path->data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "record_store \"%V\" is not an absolute path",
                           path);
        return NGX_CONF_ERROR;
    }

    while (path->len > 1 && path->data[path->len - 1] == '/') {
        path->len--;
    }

    p = ngx_pnalloc(cf->pool, path->len + 1);

    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *ngx_cpymem(p, path->data, path->len) = '\0';
    path->data = p;

    if (ngx_file_info(p, &fi) != NGX_FILE_ERROR) {

        if (!ngx_is_dir(&fi)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "record_store \"%V\" is not a directory", path);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    for (last = p + path->len; last > p && *last != '/'; last--) {
        /* void */
    }

    *last = '\0';

    if (last != p
        && (ngx_file_info(p, &fi) == NGX_FILE_ERROR || !ngx_is_dir(&fi)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "only the last component of a record_store is "
                           "created, there is no directory \"%s\"", p);
        return NGX_CONF_ERROR;
    }

    *last = '/';

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_pool(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_main_conf_t *rmcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (rmcf->pool) {
        return "is duplicate";
    }

    /* that it is defined nginx checks itself */

    rmcf->pool = ngx_thread_pool_add(cf, &value[1]);

    return rmcf->pool ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_recording_conf_buffer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_main_conf_t *rmcf = conf;

    off_t       size;
    ngx_str_t  *value, s;

    value = cf->args->elts;

    if (rmcf->buffer) {
        return "is duplicate";
    }

    size = ngx_parse_offset(&value[1]);

    if (size == NGX_ERROR || size < NGX_RECORDING_BUFFER_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of record_buffer, it must be "
                           "at least 1m", &value[1]);
        return NGX_CONF_ERROR;
    }

    rmcf->buffer = (size_t) size;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (value[2].len < 6 || ngx_strncmp(value[2].data, "total=", 6) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of record_buffer, "
                           "only total= is known", &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 6;
    s.len = value[2].len - 6;

    size = ngx_parse_offset(&s);

    if (size == NGX_ERROR || size < (off_t) rmcf->buffer) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid total \"%V\" of record_buffer, it must be "
                           "a size of at least \"%V\"", &s, &value[1]);
        return NGX_CONF_ERROR;
    }

    rmcf->total = (size_t) size;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_main_conf_t *rmcf = conf;

    u_char     *p;
    ngx_int_t   hours, minutes;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (rmcf->zone_set) {
        return "is duplicate";
    }

    rmcf->zone_set = 1;

    if (ngx_strcmp(value[1].data, "utc") == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "local") == 0) {
        rmcf->zone.local = 1;
        return NGX_CONF_OK;
    }

    p = value[1].data;

    if (value[1].len == 6 && (p[0] == '+' || p[0] == '-') && p[3] == ':') {

        hours = ngx_atoi(p + 1, 2);
        minutes = ngx_atoi(p + 4, 2);

        if (hours >= 0 && hours <= 14 && minutes >= 0 && minutes <= 59) {
            rmcf->zone.offset = (hours * 60 + minutes) * 60
                                * (p[0] == '-' ? -1 : 1);
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid record_timezone \"%V\", it must be utc, "
                       "local, or +HH:MM or -HH:MM", &value[1]);

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_recording_conf_check(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf)
{
    ngx_str_t                    name = ngx_string("default"), server;
    ngx_uint_t                   i, n;
    ngx_rtmp_core_srv_conf_t   **cscfp;
    ngx_rtmp_core_app_conf_t   **cacfp;
    ngx_recording_app_conf_t    *racf;
    ngx_rtmp_core_main_conf_t   *cmcf;
    ngx_recording_template_t    *template;

    if (rmcf->buffer == 0) {
        rmcf->buffer = NGX_RECORDING_BUFFER;
    }

    if (rmcf->total == 0) {
        rmcf->total = ngx_max(NGX_RECORDING_TOTAL, rmcf->buffer);
    }

    ngx_conf_init_value(rmcf->reserve, NGX_RECORDING_RESERVE);
    ngx_conf_init_value(rmcf->max, 0);
    ngx_conf_init_value(rmcf->rows, 0);
    ngx_conf_init_value(rmcf->board, NGX_RECORDING_BOARD);
    ngx_conf_init_msec_value(rmcf->sync, NGX_RECORDING_SYNC);

    if (ngx_recording_conf_default(cf, rmcf) != NGX_OK
        || ngx_recording_conf_inherit(cf, rmcf, &rmcf->notifies,
                                  offsetof(ngx_recording_notify_t, template))
           != NGX_OK
        || ngx_recording_conf_upload_check(cf, rmcf) != NGX_OK
        || ngx_recording_http_conf_check(cf, &rmcf->http) != NGX_OK)
    {
        return NGX_ERROR;
    }

    template = rmcf->templates.elts;

    for (i = 0; i < rmcf->templates.nelts; i++) {
        template[i].zone = rmcf->zone;
        template[i].sync = rmcf->sync;
    }

    racf = ngx_rtmp_conf_get_module_app_conf(cf, ngx_rtmp_recording_module);

    if (ngx_recording_conf_rules(cf, rmcf, racf->rules) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        racf = cscfp[i]->ctx->app_conf[ngx_rtmp_recording_module.ctx_index];

        if (ngx_recording_conf_rules(cf, rmcf, racf->rules) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_recording_conf_server(cf, cscfp[i]->ctx, &server) != NGX_OK) {
            return NGX_ERROR;
        }

        cacfp = cscfp[i]->applications.elts;

        for (n = 0; n < cscfp[i]->applications.nelts; n++) {
            racf = cacfp[n]->app_conf[ngx_rtmp_recording_module.ctx_index];
            racf->server = server;

            if (ngx_recording_conf_app(cf, rmcf, cacfp[n]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    /* also for those who only look at what is recorded */

    if (rmcf->store.len && rmcf->pool == NULL) {
        rmcf->pool = ngx_thread_pool_add(cf, &name);

        if (rmcf->pool == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_conf_app(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_rtmp_core_app_conf_t *cacf)
{
    ngx_recording_rule_t       *rule;
    ngx_recording_app_conf_t   *racf;
    ngx_rtmp_live_app_conf_t   *lacf;

    racf = cacf->app_conf[ngx_rtmp_recording_module.ctx_index];
    lacf = cacf->app_conf[ngx_rtmp_live_module.ctx_index];

    if (racf->rules == NULL) {
        return NGX_OK;
    }

    if (ngx_recording_conf_rules(cf, rmcf, racf->rules) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!lacf->live) {

        if (!racf->own) {
            return NGX_OK;
        }

        rule = racf->rules->elts;

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "record_rule needs \"live on\" in application \"%V\" "
                      "in %s:%ui", &cacf->name, rule->file, rule->line);
        return NGX_ERROR;
    }

    ngx_recording_conf_record(cf, cacf, racf);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_conf_rules(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_array_t *rules)
{
    ngx_uint_t             i;
    ngx_recording_rule_t  *rule;

    if (rules == NULL) {
        return NGX_OK;
    }

    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {
        if (ngx_recording_conf_resolve(cf, rmcf, &rule[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* finds the templates that a rule names */

static ngx_int_t
ngx_recording_conf_resolve(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_recording_rule_t *rule)
{
    ngx_str_t                  *name;
    ngx_uint_t                  i, n, files;
    ngx_recording_template_t   *template, **found;

    name = rule->names.elts;

    if (rule->rewind && rmcf->store.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "rewind= needs a record_store in %s:%ui", rule->file,
                      rule->line);
        return NGX_ERROR;
    }

    if (rule->rewind && rmcf->rewind == NULL) {
        rmcf->rewind = rule;
        rmcf->used = 1;
    }

    if (rule->templates.nelts
        || ngx_strcmp(name[0].data, NGX_RECORDING_RULE_OFF) == 0)
    {
        return NGX_OK;
    }

    files = 0;
    template = rmcf->templates.elts;

    for (i = 0; i < rule->names.nelts; i++) {

        for (n = 0; n < rmcf->templates.nelts; n++) {
            if (ngx_strcmp(template[n].name.data, name[i].data) == 0) {
                break;
            }
        }

        if (n == rmcf->templates.nelts) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown template \"%V\" in record_rule in %s:%ui",
                          &name[i], rule->file, rule->line);
            return NGX_ERROR;
        }

        found = ngx_array_push(&rule->templates);

        if (found == NULL) {
            return NGX_ERROR;
        }

        *found = &template[n];

        if (template[n].nformats == 0) {
            continue;
        }

        if (rmcf->store.len == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "record_rule needs a record_store in %s:%ui",
                          rule->file, rule->line);
            return NGX_ERROR;
        }

        rmcf->used = 1;
        files += template[n].nformats;
    }

    rmcf->files = ngx_max(rmcf->files, files);

    return NGX_OK;
}


/* nginx-rtmp's own recorder beside this one */

static void
ngx_recording_conf_record(ngx_conf_t *cf, ngx_rtmp_core_app_conf_t *cacf,
    ngx_recording_app_conf_t *racf)
{
    ngx_uint_t                    i, records;
    ngx_rtmp_record_app_conf_t   *conf, **rec;

    if (!ngx_recording_conf_records(racf->rules)) {
        return;
    }

    conf = cacf->app_conf[ngx_rtmp_record_module.ctx_index];
    rec = conf->rec.elts;

    for (records = 0, i = 0; i < conf->rec.nelts; i++) {
        if (rec[i]->flags && !(rec[i]->flags & NGX_RTMP_RECORD_OFF)) {
            records = 1;
        }
    }

    if (records) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "application \"%V\" is recorded twice, by record_rule "
                      "and by nginx-rtmp's record or recorder: remove one of "
                      "them", &cacf->name);
        return;
    }

    ngx_recording_conf_leftover_warn(cf, &cacf->name, &racf->leftover);

    if (conf->flags == 0
        && (conf->path.len || conf->max_size || conf->max_frames
            || conf->unique || conf->append || conf->lock_file
            || conf->interval != (ngx_msec_t) NGX_CONF_UNSET
            || conf->notify || conf->url
            || ngx_strcmp(conf->suffix.data, ".flv") != 0))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "nginx-rtmp's record_* directives have no effect on "
                      "record_rule in application \"%V\"", &cacf->name);
    }
}


/* whether any rule has a template that is not empty */

static ngx_uint_t
ngx_recording_conf_records(ngx_array_t *rules)
{
    ngx_uint_t                   i, n;
    ngx_recording_rule_t        *rule;
    ngx_recording_template_t   **template;

    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {

        template = rule[i].templates.elts;

        for (n = 0; n < rule[i].templates.nelts; n++) {
            if (template[n]->nformats) {
                return 1;
            }
        }
    }

    return 0;
}
