
/*
 * The directive record_rule.
 */


#include "ngx_recording_conf.h"


#define NGX_RECORDING_REWIND_LEAST  1000           /* ms */
#define NGX_RECORDING_REWIND_MOST   86400000       /* ms: as long as a task */


static char *ngx_recording_conf_rule_arg(ngx_conf_t *cf,
    ngx_recording_rule_t *rule, ngx_str_t *arg);
static char *ngx_recording_conf_rule_rewind(ngx_conf_t *cf,
    ngx_recording_rule_t *rule, ngx_str_t *value);
static char *ngx_recording_conf_rule_name(ngx_conf_t *cf,
    ngx_recording_rule_t *rule, ngx_str_t *name);


char *
ngx_recording_conf_rule(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_app_conf_t *racf = conf;

    ngx_str_t             *value;
    ngx_uint_t             i;
    ngx_recording_rule_t  *rule, *same;

    if (racf->rules == NULL) {
        racf->rules = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_recording_rule_t));
        if (racf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    racf->own = 1;

    rule = ngx_array_push(racf->rules);

    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(ngx_recording_rule_t));

    rule->args = NGX_CONF_UNSET;
    rule->file = cf->conf_file->file.name.data;
    rule->line = cf->conf_file->line;

    if (ngx_array_init(&rule->names, cf->pool, 2, sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&rule->templates, cf->pool, 2,
                          sizeof(ngx_recording_template_t *))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_recording_conf_rule_arg(cf, rule, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (rule->names.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "record_rule names no template and is not off");
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_value(rule->args, 1);

    same = ngx_recording_rule_same(racf->rules, rule);

    if (same) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate record_rule for domain \"%V\" and "
                           "stream \"%V\", the first is in %s:%ui",
                           &rule->domain, &rule->stream, same->file,
                           same->line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_rule_arg(ngx_conf_t *cf, ngx_recording_rule_t *rule,
    ngx_str_t *arg)
{
    u_char     *p;
    ngx_str_t   name, value, *field;

    p = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    if (p == NULL) {
        return ngx_recording_conf_rule_name(cf, rule, arg);
    }

    name.data = arg->data;
    name.len = p - arg->data;

    value.data = p + 1;
    value.len = arg->data + arg->len - value.data;

    if (name.len == 4 && ngx_strncmp(name.data, "args", 4) == 0) {

        if (rule->args != NGX_CONF_UNSET) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\"", arg);
            return NGX_CONF_ERROR;
        }

        if (ngx_strcmp(value.data, "on") == 0) {
            rule->args = 1;

        } else if (ngx_strcmp(value.data, "off") == 0) {
            rule->args = 0;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" of args=, it must be on "
                               "or off", &value);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (name.len == 6 && ngx_strncmp(name.data, "rewind", 6) == 0) {
        return ngx_recording_conf_rule_rewind(cf, rule, &value);
    }

    if (name.len == 6 && ngx_strncmp(name.data, "domain", 6) == 0) {
        field = &rule->domain;
        ngx_strlow(value.data, value.data, value.len);

        if (value.len && value.data[value.len - 1] == '.') {
            value.len--;
        }

    } else if (name.len == 6 && ngx_strncmp(name.data, "stream", 6) == 0) {
        field = &rule->stream;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of record_rule, known "
                           "are domain=, stream=, rewind= and args=", arg);
        return NGX_CONF_ERROR;
    }

    if (field->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    if (value.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty value of \"%V\" in record_rule", arg);
        return NGX_CONF_ERROR;
    }

    *field = value;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_rule_rewind(ngx_conf_t *cf, ngx_recording_rule_t *rule,
    ngx_str_t *value)
{
    ngx_int_t  n;

    if (rule->rewind) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"rewind=%V\"", value);
        return NGX_CONF_ERROR;
    }

    n = ngx_parse_time(value, 0);

    if (n < NGX_RECORDING_REWIND_LEAST || n > NGX_RECORDING_REWIND_MOST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" of rewind=, it must be from "
                           "1s to 24h", value);
        return NGX_CONF_ERROR;
    }

    rule->rewind = n;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_rule_name(ngx_conf_t *cf, ngx_recording_rule_t *rule,
    ngx_str_t *name)
{
    ngx_str_t   *names, *s;
    ngx_uint_t   i;

    names = rule->names.elts;

    for (i = 0; i < rule->names.nelts; i++) {
        if (ngx_strcmp(names[i].data, name->data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "template \"%V\" is named twice", name);
            return NGX_CONF_ERROR;
        }
    }

    if (rule->names.nelts
        && (ngx_strcmp(name->data, NGX_RECORDING_RULE_OFF) == 0
            || ngx_strcmp(names[0].data, NGX_RECORDING_RULE_OFF) == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "off cannot stand beside a template");
        return NGX_CONF_ERROR;
    }

    s = ngx_array_push(&rule->names);

    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    *s = *name;

    return NGX_CONF_OK;
}
