
/*
 * The module of the API: its directives, and the handler of its locations.
 */


#include "ngx_recording_api_conf.h"
#include "ngx_recording_api_request.h"


static void *ngx_http_recording_api_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_recording_api_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_recording_api_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static void ngx_http_recording_api_block(ngx_http_core_loc_conf_t *clcf,
    ngx_recording_api_loc_conf_t *prev, ngx_recording_api_loc_conf_t *conf);
static char *ngx_http_recording_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_recording_api_metrics(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_recording_api_play(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_http_recording_api_used(ngx_conf_t *cf, const char *name);


static ngx_command_t  ngx_http_recording_api_commands[] = {

    { ngx_string("record_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_recording_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_recording_api_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_play"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_recording_api_play,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("record_api_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_recording_api_conf_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_recording_api_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_recording_api_create_main_conf,  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_recording_api_create_loc_conf,  /* create location configuration */
    ngx_http_recording_api_merge_loc_conf  /* merge location configuration */
};


ngx_module_t  ngx_http_recording_api_module = {
    NGX_MODULE_V1,
    &ngx_http_recording_api_module_ctx,    /* module context */
    ngx_http_recording_api_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_recording_api_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_recording_api_main_conf_t));
}


static void *
ngx_http_recording_api_create_loc_conf(ngx_conf_t *cf)
{
    ngx_recording_api_loc_conf_t  *ralc;

    ralc = ngx_pcalloc(cf->pool, sizeof(ngx_recording_api_loc_conf_t));

    if (ralc) {
        ralc->off = NGX_CONF_UNSET;
    }

    return ralc;
}


static char *
ngx_http_recording_api_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_recording_api_loc_conf_t *prev = parent;
    ngx_recording_api_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    /* keys and "off" are one */

    if (conf->off == NGX_CONF_UNSET) {
        conf->off = prev->off == NGX_CONF_UNSET ? 0 : prev->off;
        conf->keys = prev->keys;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_http_recording_api_block(clcf, prev, conf);

    if (!conf->api) {
        return NGX_CONF_OK;
    }

    /* the API has a limit of its own, of which it tells in its own way, and
       its bodies are never in files, whoever reads them first */

    clcf->client_max_body_size = 0;
    clcf->client_body_in_file_only = 0;
    clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                            NGX_RECORDING_API_BODY);

    if (conf->off && !clcf->noname) {
        ngx_recording_api_conf_open(cf, conf);
    }

    return NGX_CONF_OK;
}


/*
 * A block of "if" or limit_except is a location of its own to nginx, which
 * leaves the handler of the one around it only to an "if".
 */

static void
ngx_http_recording_api_block(ngx_http_core_loc_conf_t *clcf,
    ngx_recording_api_loc_conf_t *prev, ngx_recording_api_loc_conf_t *conf)
{
    if (!clcf->noname) {
        return;
    }

    conf->api = prev->api;
    conf->private = prev->private;
    conf->metrics = prev->metrics;

    if (!clcf->lmt_excpt || clcf->handler) {
        return;
    }

    if (conf->api) {
        clcf->handler = ngx_recording_api_request_handler;

    } else if (conf->metrics) {
        clcf->handler = ngx_recording_api_request_metrics;
    }
}


static char *
ngx_http_recording_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_api_loc_conf_t *ralc = conf;

    ngx_str_t                      *value;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_recording_api_main_conf_t  *ramc;

    if (ralc->api) {
        return "is duplicate";
    }

    if (ralc->metrics || ralc->play) {
        return "cannot be where record_metrics or record_play is";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "private=on") != 0
        && ngx_strcmp(value[1].data, "private=off") != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of record_api, it must "
                           "be private=on or private=off", &value[1]);
        return NGX_CONF_ERROR;
    }

    ralc->private = cf->args->nelts == 2
                    && ngx_strcmp(value[1].data, "private=on") == 0;

    ramc = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_recording_api_module);
    ramc->calls = 1;
    ramc->private |= ralc->private;

    ralc->api = 1;
    ralc->file = cf->conf_file->file.name.data;
    ralc->line = cf->conf_file->line;

    ngx_http_recording_api_used(cf, "record_api");

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_recording_api_request_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_recording_api_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_api_loc_conf_t *ralc = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (ralc->metrics) {
        return "is duplicate";
    }

    if (ralc->api || ralc->play) {
        return "cannot be where record_api or record_play is";
    }

    ralc->metrics = 1;

    ngx_http_recording_api_used(cf, "record_metrics");

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_recording_api_request_metrics;

    return NGX_CONF_OK;
}


static char *
ngx_http_recording_api_play(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_api_loc_conf_t *ralc = conf;

    ngx_http_core_loc_conf_t       *clcf;
    ngx_recording_api_main_conf_t  *ramc;

    if (ralc->play) {
        return "is duplicate";
    }

    if (ralc->api || ralc->metrics) {
        return "cannot be where record_api or record_metrics is";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* what is behind a location's name is the application and the stream */

    if (clcf->named || clcf->exact_match || clcf->noname
#if (NGX_PCRE)
        || clcf->regex
#endif
       )
    {
        return "must be in a location that is a prefix";
    }

    ralc->play = 1;

    ngx_http_recording_api_used(cf, "record_play");

    ramc = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_recording_api_module);
    ramc->play = 1;

    clcf->handler = ngx_recording_api_request_play;

    return NGX_CONF_OK;
}


/* the first one that needs a store is named, if there is none */

static void
ngx_http_recording_api_used(ngx_conf_t *cf, const char *name)
{
    ngx_recording_api_main_conf_t  *ramc;

    ramc = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_recording_api_module);

    if (!ramc->used) {
        ramc->used = 1;
        ramc->name = name;
        ramc->file = cf->conf_file->file.name.data;
        ramc->line = cf->conf_file->line;
    }
}
