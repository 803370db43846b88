
/*
 * The block record_template and the directives in it.
 */


#include "ngx_recording_conf.h"


static char *ngx_recording_conf_item(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_recording_conf_format(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_recording_conf_format_unknown(ngx_conf_t *cf,
    ngx_str_t *name);
static char *ngx_recording_conf_format_arg(ngx_conf_t *cf,
    ngx_recording_template_format_t *f, ngx_str_t *arg);
static char *ngx_recording_conf_format_clock(ngx_conf_t *cf,
    ngx_recording_template_format_t *f, ngx_str_t *arg);
static ngx_msec_t ngx_recording_conf_time(ngx_conf_t *cf, ngx_str_t *arg,
    size_t name, ngx_msec_t min, ngx_msec_t max, const char *range);
static char *ngx_recording_conf_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_recording_conf_expire(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_recording_conf_path_compile(ngx_conf_t *cf,
    ngx_recording_template_t *template);


/* in a record_template block */

static ngx_command_t  ngx_recording_template_commands[] = {

    { ngx_string("format"),
      NGX_CONF_1MORE,
      ngx_recording_conf_format,
      0,
      0,
      NULL },

    { ngx_string("path"),
      NGX_CONF_TAKE1,
      ngx_recording_conf_path,
      0,
      0,
      NULL },

    { ngx_string("expire"),
      NGX_CONF_TAKE1,
      ngx_recording_conf_expire,
      0,
      0,
      NULL },

    { ngx_string("notify"),
      NGX_CONF_1MORE,
      ngx_recording_conf_notify_template,
      0,
      0,
      NULL },

    { ngx_string("upload"),
      NGX_CONF_1MORE,
      ngx_recording_conf_upload_template,
      0,
      0,
      NULL },

      ngx_null_command
};


char *
ngx_recording_conf_template(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_main_conf_t *rmcf = conf;

    char                      *rv;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_conf_t                 save;
    ngx_recording_template_t  *template;

    value = cf->args->elts;

    if (value[1].len == 0 || ngx_strchr(value[1].data, '=')
        || ngx_strcmp(value[1].data, NGX_RECORDING_RULE_OFF) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid template name \"%V\", it must not be "
                           "empty or off, or contain \"=\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    template = rmcf->templates.elts;

    for (i = 0; i < rmcf->templates.nelts; i++) {
        if (ngx_strcmp(template[i].name.data, value[1].data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate template \"%V\", the first is in "
                               "%s:%ui", &value[1], template[i].file,
                               template[i].line);
            return NGX_CONF_ERROR;
        }
    }

    template = ngx_array_push(&rmcf->templates);

    if (template == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(template, sizeof(ngx_recording_template_t));

    template->name = value[1];
    template->file = cf->conf_file->file.name.data;
    template->line = cf->conf_file->line;

    template->expire = NGX_CONF_UNSET;

    save = *cf;
    cf->handler = ngx_recording_conf_item;
    cf->handler_conf = (char *) template;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (template->expire == NGX_CONF_UNSET) {
        template->expire = 0;
    }

    return ngx_recording_conf_path_compile(cf, template) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* mp4 of 12 hours at most, resumed for 30 s, if not defined otherwise */

ngx_int_t
ngx_recording_conf_default(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf)
{
    ngx_uint_t                 i;
    ngx_recording_template_t  *template;

    template = rmcf->templates.elts;

    for (i = 0; i < rmcf->templates.nelts; i++) {
        if (ngx_strcmp(template[i].name.data, "default") == 0) {
            return NGX_OK;
        }
    }

    template = ngx_array_push(&rmcf->templates);

    if (template == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(template, sizeof(ngx_recording_template_t));

    ngx_str_set(&template->name, "default");

    template->nformats = 1;
    template->formats[0].format = &ngx_recording_format_mp4;
    template->formats[0].interval = NGX_RECORDING_INTERVAL_MAX;
    template->formats[0].resume = NGX_RECORDING_RESUME_DEFAULT;

    return ngx_recording_conf_path_compile(cf, template);
}


static char *
ngx_recording_conf_item(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    char           *rv;
    ngx_str_t      *value;
    ngx_command_t  *cmd;

    value = cf->args->elts;

    for (cmd = ngx_recording_template_commands; cmd->name.len; cmd++) {

        if (ngx_strcmp(cmd->name.data, value[0].data) != 0) {
            continue;
        }

        if ((cmd->type & NGX_CONF_TAKE1) ? cf->args->nelts != 2
                                         : cf->args->nelts < 2)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" "
                               "directive", &value[0]);
            return NGX_CONF_ERROR;
        }

        rv = cmd->set(cf, cmd, conf);

        if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" directive %s", &value[0], rv);
            return NGX_CONF_ERROR;
        }

        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in record_template",
                       &value[0]);

    return NGX_CONF_ERROR;
}


static char *
ngx_recording_conf_format(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_template_t *template = conf;

    ngx_str_t                        *value;
    ngx_uint_t                        i;
    const ngx_recording_format_t     *format;
    ngx_recording_template_format_t  *f;

    value = cf->args->elts;

    format = ngx_recording_formats_find((char *) value[1].data);

    if (format == NULL) {
        ngx_recording_conf_format_unknown(cf, &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < template->nformats; i++) {
        if (template->formats[i].format == format) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "format \"%V\" is named twice in template "
                               "\"%V\"", &value[1], &template->name);
            return NGX_CONF_ERROR;
        }
    }

    f = &template->formats[template->nformats++];

    f->format = format;
    f->resume = NGX_CONF_UNSET;
    f->clock = NGX_CONF_UNSET;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_recording_conf_format_arg(cf, f, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (f->interval == 0 && f->clock != NGX_CONF_UNSET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "clock= of format \"%V\" in template \"%V\" needs "
                           "interval=", &value[1], &template->name);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_value(f->clock, 0);

    if (f->interval == 0 && !format->endless) {
        f->interval = NGX_RECORDING_INTERVAL_MAX;
    }

    if (f->segment == 0) {
        f->segment = NGX_RECORDING_SEGMENT;
    }

    if (f->resume == NGX_CONF_UNSET) {
        f->resume = 0;
    }

    return NGX_CONF_OK;
}


static void
ngx_recording_conf_format_unknown(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char                               *p, *last;
    u_char                                known[NGX_RECORDING_FORMATS * 16];
    const ngx_recording_format_t *const  *f;

    p = known;
    last = known + sizeof(known);

    for (f = ngx_recording_formats; *f; f++) {
        p = ngx_slprintf(p, last, "%s%s",
                         f == ngx_recording_formats ? "" : f[1] ? ", " : " or ",
                         (*f)->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown format \"%V\", it must be %*s", name,
                       (size_t) (p - known), known);
}


static char *
ngx_recording_conf_format_arg(ngx_conf_t *cf,
    ngx_recording_template_format_t *f, ngx_str_t *arg)
{
    int64_t     *field;
    ngx_msec_t   time;

    if (arg->len > 6 && ngx_strncmp(arg->data, "clock=", 6) == 0) {
        return ngx_recording_conf_format_clock(cf, f, arg);
    }

    if (arg->len > 9 && ngx_strncmp(arg->data, "interval=", 9) == 0) {
        field = &f->interval;
        time = f->format->endless
               ? ngx_recording_conf_time(cf, arg, 9,
                                         NGX_RECORDING_INTERVAL_HLS,
                                         NGX_RECORDING_INTERVAL_MAX,
                                         "from 1m to 12h for format hls")
               : ngx_recording_conf_time(cf, arg, 9,
                                         NGX_RECORDING_INTERVAL_MIN,
                                         NGX_RECORDING_INTERVAL_MAX,
                                         "from 1s to 12h");

    } else if (arg->len > 8 && ngx_strncmp(arg->data, "segment=", 8) == 0) {

        if (!f->format->endless) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is only for format hls", arg);
            return NGX_CONF_ERROR;
        }

        field = &f->segment;
        time = ngx_recording_conf_time(cf, arg, 8, NGX_RECORDING_SEGMENT_MIN,
                                       NGX_RECORDING_SEGMENT_MAX,
                                       "from 1s to 60s");

    } else if (arg->len > 7 && ngx_strncmp(arg->data, "resume=", 7) == 0) {
        field = &f->resume;
        time = ngx_recording_conf_time(cf, arg, 7, 0,
                                       NGX_RECORDING_RESUME_MAX,
                                       "from 0 to 1800s");

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of format, known are "
                           "interval=, clock=, resume= and segment=", arg);
        return NGX_CONF_ERROR;
    }

    if (time == (ngx_msec_t) NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (field == &f->resume ? *field != NGX_CONF_UNSET : *field != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    *field = (int64_t) time;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_format_clock(ngx_conf_t *cf,
    ngx_recording_template_format_t *f, ngx_str_t *arg)
{
    if (f->clock != NGX_CONF_UNSET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(arg->data + 6, "on") == 0) {
        f->clock = 1;

    } else if (ngx_strcmp(arg->data + 6, "off") == 0) {
        f->clock = 0;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value in \"%V\", it must be on or off",
                           arg);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_msec_t
ngx_recording_conf_time(ngx_conf_t *cf, ngx_str_t *arg, size_t name,
    ngx_msec_t min, ngx_msec_t max, const char *range)
{
    ngx_str_t   s;
    ngx_msec_t  time;

    s.data = arg->data + name;
    s.len = arg->len - name;

    time = ngx_parse_time(&s, 0);

    if (time == (ngx_msec_t) NGX_ERROR || time < min || time > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time in \"%V\", it must be %s", arg,
                           range);
        return (ngx_msec_t) NGX_ERROR;
    }

    return time;
}


static char *
ngx_recording_conf_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_template_t *template = conf;

    ngx_str_t   at, *value;
    const char  *err;

    value = cf->args->elts;

    if (template->path_text.data) {
        return "is duplicate";
    }

    template->path_text = value[1];

    if (ngx_recording_path_compile(&template->path, &template->path_text,
                                   &err, &at)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid path at \"%V\": %s",
                           &at, err);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_expire(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_template_t *template = conf;

    time_t      expire;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (template->expire != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    expire = ngx_parse_time(&value[1], 1);

    if (expire == (time_t) NGX_ERROR || expire > NGX_RECORDING_EXPIRE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" of expire, it must be from 1s "
                           "to 100y, or 0, which is for good", &value[1]);
        return NGX_CONF_ERROR;
    }

    template->expire = expire;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_recording_conf_path_compile(ngx_conf_t *cf,
    ngx_recording_template_t *template)
{
    ngx_str_t    at;
    ngx_uint_t   i;
    const char  *err;

    if (template->path_text.data == NULL) {
        ngx_str_set(&template->path_text, NGX_RECORDING_PATH_DEFAULT);

        return ngx_recording_path_compile(&template->path,
                                          &template->path_text, &err, &at);
    }

    for (i = 0; i < template->nformats; i++) {
        if (template->formats[i].format->endless && template->path.end.len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in the path of template \"%V\" cannot "
                               "be known while hls is recorded",
                               &template->path.end, &template->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
