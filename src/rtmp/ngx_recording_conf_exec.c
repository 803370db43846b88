
/*
 * A program as notify names it: 'exec:/path/of/program arguments'.
 */


#include "ngx_recording_conf.h"
#include "ngx_recording_event.h"


#define NGX_RECORDING_CONF_EXEC  (sizeof("exec:") - 1)


/* what exec_record_done replaces */

static const char *const  ngx_recording_conf_exec_names[] = {
    "path", "filename", "basename", "dirname", "name", "args", "app",
    "recorder", "addr", "flashver", "swfurl", "tcurl", "pageurl", NULL
};


static char *ngx_recording_conf_exec_split(ngx_conf_t *cf, ngx_str_t *text,
    ngx_array_t *argv);
static u_char *ngx_recording_conf_exec_word(u_char *p, u_char *dst);
static char *ngx_recording_conf_exec_check(ngx_conf_t *cf, char *program);
static char *ngx_recording_conf_exec_placeholders(ngx_conf_t *cf,
    ngx_str_t *text, char **argv);
static void ngx_recording_conf_exec_variables(ngx_conf_t *cf, ngx_str_t *text,
    char **argv);
static size_t ngx_recording_conf_exec_variable(const char *p);


char *
ngx_recording_conf_exec(ngx_conf_t *cf, ngx_recording_notify_t *notify,
    ngx_str_t *text)
{
    size_t        len;
    char        **last;
    ngx_array_t   argv;

    if (ngx_array_init(&argv, cf->pool, 4, sizeof(char *)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_recording_conf_exec_split(cf, text, &argv) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (argv.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of notify names no program", text);
        return NGX_CONF_ERROR;
    }

    last = ngx_array_push(&argv);

    if (last == NULL) {
        return NGX_CONF_ERROR;
    }

    *last = NULL;

    notify->argv = argv.elts;

    if (ngx_recording_conf_exec_check(cf, notify->argv[0]) != NGX_CONF_OK
        || ngx_recording_conf_exec_placeholders(cf, text, notify->argv)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_recording_conf_exec_variables(cf, text, notify->argv);

    /* arguments may be secrets, and change */

    len = ngx_strlen(notify->argv[0]);

    notify->name.len = NGX_RECORDING_CONF_EXEC + len;
    notify->name.data = ngx_pnalloc(cf->pool, notify->name.len);

    if (notify->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(ngx_cpymem(notify->name.data, "exec:", NGX_RECORDING_CONF_EXEC),
               notify->argv[0], len);

    return NGX_CONF_OK;
}


/* at white space, as a shell does; a backslash has no meaning */

static char *
ngx_recording_conf_exec_split(ngx_conf_t *cf, ngx_str_t *text,
    ngx_array_t *argv)
{
    char    **arg;
    u_char   *p, *word;

    p = text->data + NGX_RECORDING_CONF_EXEC;

    for ( ;; ) {
        p += strspn((char *) p, " \t\r\n");

        if (*p == '\0') {
            return NGX_CONF_OK;
        }

        if (argv->nelts > NGX_RECORDING_EVENT_ARGS) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there are more than %d arguments in \"%V\" of "
                               "notify", NGX_RECORDING_EVENT_ARGS, text);
            return NGX_CONF_ERROR;
        }

        word = ngx_pnalloc(cf->pool, ngx_strlen(p) + 1);
        arg = ngx_array_push(argv);

        if (word == NULL || arg == NULL) {
            return NGX_CONF_ERROR;
        }

        *arg = (char *) word;
        p = ngx_recording_conf_exec_word(p, word);

        if (p == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a quote is not closed in \"%V\" of notify",
                               text);
            return NGX_CONF_ERROR;
        }
    }
}


/* returns the end of the word, NULL if that is within quotes */

static u_char *
ngx_recording_conf_exec_word(u_char *p, u_char *dst)
{
    u_char  quote;

    quote = '\0';

    for ( /* void */ ; *p; p++) {

        if (quote) {
            if (*p == quote) {
                quote = '\0';
                continue;
            }

        } else if (*p == '\'' || *p == '"') {
            quote = *p;
            continue;

        } else if (strchr(" \t\r\n", *p)) {
            break;
        }

        *dst++ = *p;
    }

    *dst = '\0';

    return quote ? NULL : p;
}


/* what the workers' user may is not known yet */

static char *
ngx_recording_conf_exec_check(ngx_conf_t *cf, char *program)
{
    ngx_file_info_t  fi;

    if (program[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the program \"%s\" of notify is not an absolute "
                           "path", program);
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(program, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the program \"%s\" of notify cannot be found",
                           program);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the program \"%s\" of notify is not a file",
                           program);
        return NGX_CONF_ERROR;
    }

    if ((fi.st_mode & (S_IXUSR|S_IXGRP|S_IXOTH)) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the program \"%s\" of notify is not executable",
                           program);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_exec_placeholders(ngx_conf_t *cf, ngx_str_t *text,
    char **argv)
{
    char       *p;
    size_t      len;
    ngx_str_t   name;
    ngx_uint_t  i;

    for (i = 1; argv[i]; i++) {
        for (p = argv[i]; *p; p++) {

            if (ngx_recording_event_placeholder(p, &len) != NGX_ERROR) {
                continue;
            }

            name.data = (u_char *) p;
            name.len = len;

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown placeholder \"%V\" in \"%V\" of "
                               "notify, known are %s", &name, text,
                               ngx_recording_event_placeholders);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* an argument with spaces is a text in some language, which has variables of
   its own */

static void
ngx_recording_conf_exec_variables(ngx_conf_t *cf, ngx_str_t *text,
    char **argv)
{
    char       *p;
    ngx_str_t   name;
    ngx_uint_t  i;

    for (i = 1; argv[i]; i++) {

        if (strpbrk(argv[i], " \t\r\n")) {
            continue;
        }

        for (p = strchr(argv[i], '$'); p; p = strchr(p + 1, '$')) {

            name.data = (u_char *) p;
            name.len = ngx_recording_conf_exec_variable(p);

            if (name.len == 0) {
                continue;
            }

            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"%V\" in \"%V\" of notify is given as it "
                               "is, it is a variable of exec_record_done only, "
                               "replaced are %s", &name, text,
                               ngx_recording_event_placeholders);
            return;
        }
    }
}


/* the length of one of exec_record_done, or 0 */

static size_t
ngx_recording_conf_exec_variable(const char *p)
{
    size_t      len;
    ngx_uint_t  i;

    for (len = 1; (p[len] | 0x20) >= 'a' && (p[len] | 0x20) <= 'z'; len++) {
        /* void */
    }

    for (i = 0; ngx_recording_conf_exec_names[i]; i++) {
        if (strlen(ngx_recording_conf_exec_names[i]) == len - 1
            && strncmp(ngx_recording_conf_exec_names[i], p + 1, len - 1) == 0)
        {
            return len;
        }
    }

    return 0;
}
