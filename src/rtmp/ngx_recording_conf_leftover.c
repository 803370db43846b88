
/*
 * Directives of nginx-rtmp that run something for files of its own recorder:
 * beside record_rule alone they never do, and nothing says so.
 *
 * What nginx-rtmp keeps of them stands in no header of its.  So the directives
 * are ours first, as this module comes before those that they belong to: they
 * are noted, and handed on to where nginx would have taken them.
 */


#include "ngx_recording_conf.h"
#include "ngx_rtmp.h"


static ngx_command_t *ngx_recording_conf_leftover_find(ngx_conf_t *cf,
    ngx_command_t *own, ngx_module_t **module);
static ngx_uint_t ngx_recording_conf_leftover_takes(ngx_uint_t type,
    ngx_uint_t nelts);


char *
ngx_recording_conf_leftover(ngx_conf_t *cf, ngx_command_t *own, void *conf)
{
    ngx_recording_app_conf_t *racf = conf;

    void           **confs;
    ngx_module_t    *module;
    ngx_command_t   *cmd;

    cmd = ngx_recording_conf_leftover_find(cf, own, &module);

    if (cmd == NULL) {
        return "is not allowed here";
    }

    if (!ngx_recording_conf_leftover_takes(cmd->type, cf->args->nelts)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    racf->leftover.name = own->name;
    racf->leftover.file = cf->conf_file->file.name.data;
    racf->leftover.line = cf->conf_file->line;

    /* as ngx_conf_handler() does: where the context has confs of this kind */

    confs = *(void ***) ((char *) cf->ctx + cmd->conf);

    return cmd->set(cf, cmd, confs ? confs[module->ctx_index] : NULL);
}


/* the one that nginx would have found without ours */

static ngx_command_t *
ngx_recording_conf_leftover_find(ngx_conf_t *cf, ngx_command_t *own,
    ngx_module_t **module)
{
    ngx_uint_t      i;
    ngx_command_t  *cmd;

    for (i = 0; cf->cycle->modules[i]; i++) {

        *module = cf->cycle->modules[i];
        cmd = (*module)->commands;

        if ((*module)->type != cf->module_type || cmd == NULL
            || *module == &ngx_rtmp_recording_module)
        {
            continue;
        }

        for ( /* void */ ; cmd->name.len; cmd++) {
            if (cmd->name.len == own->name.len
                && ngx_strcmp(cmd->name.data, own->name.data) == 0
                && (cmd->type & cf->cmd_type))
            {
                return cmd;
            }
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_recording_conf_leftover_takes(ngx_uint_t type, ngx_uint_t nelts)
{
    if (type & NGX_CONF_ANY) {
        return 1;
    }

    if (type & NGX_CONF_FLAG) {
        return nelts == 2;
    }

    if (type & NGX_CONF_1MORE) {
        return nelts >= 2;
    }

    if (type & NGX_CONF_2MORE) {
        return nelts >= 3;
    }

    /* NGX_CONF_NOARGS, NGX_CONF_TAKE1 and so on: a bit each */

    return nelts <= NGX_CONF_MAX_ARGS
           && (type & (NGX_CONF_NOARGS << (nelts - 1)));
}


void
ngx_recording_conf_leftover_warn(ngx_conf_t *cf, ngx_str_t *app,
    ngx_recording_leftover_t *leftover)
{
    ngx_uint_t  exec;

    if (leftover->name.len == 0) {
        return;
    }

    exec = ngx_strncmp(leftover->name.data, "exec_", 5) == 0;

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"%V\" in %s:%ui never runs for what record_rule records in "
                  "application \"%V\", only for nginx-rtmp's own record: use "
                  "\"notify %s\" in a record_template or in rtmp",
                  &leftover->name, leftover->file, leftover->line, app,
                  exec ? "'exec:/path/of/program ...'" : "URL");
}
