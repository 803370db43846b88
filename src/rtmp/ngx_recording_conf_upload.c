
/*
 * The directive upload, of a template and of rtmp{}.
 */


#include "ngx_recording_conf.h"
#include "ngx_rtmp.h"


#define NGX_RECORDING_CONF_LOCAL   (100LL * 365 * 86400)   /* s, at most */
#define NGX_RECORDING_CONF_KEY     1024                    /* bytes, at most */
#define NGX_RECORDING_CONF_BEHIND  (NGX_RECORDING_FILE_PATH                  \
                                    - NGX_RECORDING_PATH_MAX)


static char *ngx_recording_conf_upload_add(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_str_t *template);
static char *ngx_recording_conf_upload_arg(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload,
    ngx_str_t *arg, ngx_uint_t *when);
static char *ngx_recording_conf_upload_when(ngx_conf_t *cf,
    ngx_recording_upload_t *upload, ngx_str_t *arg, ngx_uint_t *when);
static char *ngx_recording_conf_upload_local(ngx_conf_t *cf,
    ngx_recording_upload_t *upload, ngx_str_t *arg);
static char *ngx_recording_conf_upload_backup(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload,
    ngx_str_t *arg);
static char *ngx_recording_conf_upload_twice(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload);
static ngx_int_t ngx_recording_conf_upload_known(ngx_conf_t *cf,
    ngx_recording_upload_t *upload, ngx_recording_bucket_t *bucket);
static ngx_int_t ngx_recording_conf_upload_synced(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload);
static ngx_int_t ngx_recording_conf_upload_begins(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload);
static void ngx_recording_conf_upload_keys(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload,
    ngx_recording_bucket_t *bucket);


char *
ngx_recording_conf_upload(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  none = ngx_null_string;

    return ngx_recording_conf_upload_add(cf, conf, &none);
}


char *
ngx_recording_conf_upload_template(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_recording_template_t *template = conf;

    ngx_recording_main_conf_t  *rmcf;

    rmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_recording_module);

    return ngx_recording_conf_upload_add(cf, rmcf, &template->name);
}


static char *
ngx_recording_conf_upload_add(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_str_t *template)
{
    ngx_str_t               *value;
    ngx_uint_t               i, when;
    ngx_recording_upload_t   upload, *place;

    value = cf->args->elts;

    if (value[1].len == 0 || ngx_strchr(value[1].data, '=')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid bucket \"%V\" of upload, it must be the "
                           "name of a record_bucket", &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&upload, sizeof(ngx_recording_upload_t));

    upload.template = *template;
    upload.local = NGX_RECORDING_LOCAL_UNSET;
    upload.file = cf->conf_file->file.name.data;
    upload.line = cf->conf_file->line;
    upload.bucket = ngx_recording_conf_bucket_named(cf, rmcf, &value[1]);

    if (upload.bucket == NULL) {
        return NGX_CONF_ERROR;
    }

    when = 0;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_recording_conf_upload_arg(cf, rmcf, &upload, &value[i], &when)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_recording_conf_upload_twice(cf, rmcf, &upload) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    place = ngx_array_push(&rmcf->uploads);

    if (place == NULL) {
        return NGX_CONF_ERROR;
    }

    *place = upload;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_upload_arg(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_recording_upload_t *upload, ngx_str_t *arg, ngx_uint_t *when)
{
    if (ngx_strncmp(arg->data, "when=", 5) == 0) {
        return ngx_recording_conf_upload_when(cf, upload, arg, when);
    }

    if (ngx_strncmp(arg->data, "local=", 6) == 0) {
        return ngx_recording_conf_upload_local(cf, upload, arg);
    }

    if (ngx_strncmp(arg->data, "backup=", 7) == 0) {
        return ngx_recording_conf_upload_backup(cf, rmcf, upload, arg);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of upload, known are when=, "
                       "local= and backup=", arg);

    return NGX_CONF_ERROR;
}


static char *
ngx_recording_conf_upload_when(ngx_conf_t *cf,
    ngx_recording_upload_t *upload, ngx_str_t *arg, ngx_uint_t *when)
{
    if ((*when)++) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    upload->early = (ngx_strcmp(arg->data + 5, "recording") == 0);

    if (!upload->early && ngx_strcmp(arg->data + 5, "closed") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value in \"%V\" of upload, it must be "
                           "closed or recording", arg);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_upload_local(ngx_conf_t *cf,
    ngx_recording_upload_t *upload, ngx_str_t *arg)
{
    time_t     local;
    ngx_str_t  text;

    if (upload->local != NGX_RECORDING_LOCAL_UNSET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    text.data = arg->data + 6;
    text.len = arg->len - 6;

    if (ngx_strcmp(text.data, "keep") == 0) {
        upload->local = NGX_RECORDING_LOCAL_KEEP;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(text.data, "remove") == 0) {
        upload->local = 0;
        return NGX_CONF_OK;
    }

    local = ngx_parse_time(&text, 1);

    if (local == (time_t) NGX_ERROR || local < 1
        || local > NGX_RECORDING_CONF_LOCAL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value in \"%V\" of upload, it must be "
                           "keep, remove, or a time from 1s to 100y", arg);
        return NGX_CONF_ERROR;
    }

    upload->local = (ngx_int_t) local;

    return NGX_CONF_OK;
}


static char *
ngx_recording_conf_upload_backup(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload,
    ngx_str_t *arg)
{
    ngx_str_t  name;

    if (upload->backup) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\"", arg);
        return NGX_CONF_ERROR;
    }

    name.data = arg->data + 7;
    name.len = arg->len - 7;

    if (name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of upload names no bucket", arg);
        return NGX_CONF_ERROR;
    }

    upload->backup = ngx_recording_conf_bucket_named(cf, rmcf, &name);

    if (upload->backup == NULL) {
        return NGX_CONF_ERROR;
    }

    if (upload->backup == upload->bucket) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of upload names the bucket itself", arg);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* within a template a bucket is there once, and so is a backup: rows have it */

static char *
ngx_recording_conf_upload_twice(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload)
{
    ngx_uint_t               i, bucket, backup;
    ngx_recording_upload_t  *other;

    other = rmcf->uploads.elts;

    for (i = 0; i < rmcf->uploads.nelts; i++) {

        bucket = other[i].bucket == upload->bucket;
        backup = upload->backup && other[i].backup == upload->backup;

        if ((bucket || backup)
            && ngx_recording_conf_inherit_is(&other[i].template,
                                             &upload->template))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "%s \"%V\" is there twice in %s%V%s, the "
                               "first is in %s:%ui",
                               bucket ? "upload" : "backup of upload",
                               bucket ? &upload->bucket->name
                                      : &upload->backup->name,
                               upload->template.len ? "template \"" : "rtmp",
                               &upload->template,
                               upload->template.len ? "\"" : "",
                               other[i].file, other[i].line);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_recording_conf_upload_check(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf)
{
    ngx_uint_t               i;
    ngx_recording_upload_t  *upload;

    upload = rmcf->uploads.elts;

    for (i = 0; i < rmcf->uploads.nelts; i++) {

        if (ngx_recording_conf_upload_known(cf, &upload[i], upload[i].bucket)
            != NGX_OK
            || (upload[i].backup
                && ngx_recording_conf_upload_known(cf, &upload[i],
                                                   upload[i].backup)
                   != NGX_OK)
            || ngx_recording_conf_upload_synced(cf, rmcf, &upload[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_recording_conf_inherit(cf, rmcf, &rmcf->uploads,
                                   offsetof(ngx_recording_upload_t, template))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    upload = rmcf->uploads.elts;

    for (i = 0; i < rmcf->uploads.nelts; i++) {

        if (ngx_recording_conf_upload_begins(cf, rmcf, &upload[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_recording_conf_upload_keys(cf, rmcf, &upload[i], upload[i].bucket);

        if (upload[i].backup) {
            ngx_recording_conf_upload_keys(cf, rmcf, &upload[i],
                                           upload[i].backup);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_conf_upload_known(ngx_conf_t *cf,
    ngx_recording_upload_t *upload, ngx_recording_bucket_t *bucket)
{
    if (bucket->file) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "unknown bucket \"%V\" in upload in %s:%ui: there is no "
                  "record_bucket of this name", &bucket->name, upload->file,
                  upload->line);

    return NGX_ERROR;
}


/* what is sent of a file that grows is what is durable */

static ngx_int_t
ngx_recording_conf_upload_synced(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload)
{
    if (!upload->early || rmcf->sync) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"when=recording\" of upload \"%V\" cannot be used with "
                  "\"record_sync off\", as nothing of a file is durable "
                  "before its end, in %s:%ui", &upload->bucket->name,
                  upload->file, upload->line);

    return NGX_ERROR;
}


/* nor can a key that is needed from the first byte on have its end */

static ngx_int_t
ngx_recording_conf_upload_begins(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload)
{
    ngx_uint_t                 i;
    ngx_recording_template_t  *template;

    if (!upload->early) {
        return NGX_OK;
    }

    template = rmcf->templates.elts;

    for (i = 0; i < rmcf->templates.nelts; i++) {

        if (template[i].nformats == 0 || template[i].path.end.len == 0
            || !ngx_recording_conf_inherit_is(&upload->template,
                                              &template[i].name))
        {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%V\" in the path of template \"%V\" cannot be "
                      "known while a file is recorded, as "
                      "\"when=recording\" of upload \"%V\" needs it, in "
                      "%s:%ui", &template[i].path.end, &template[i].name,
                      &upload->bucket->name, upload->file, upload->line);

        return NGX_ERROR;
    }

    return NGX_OK;
}


/* paths may be longer than a key: most are not, even if they could be */

static void
ngx_recording_conf_upload_keys(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_recording_upload_t *upload,
    ngx_recording_bucket_t *bucket)
{
    ngx_uint_t                 i;
    ngx_recording_template_t  *template;

    template = rmcf->templates.elts;

    for (i = 0; i < rmcf->templates.nelts; i++) {

        if (template[i].nformats == 0
            || !ngx_recording_conf_inherit_is(&upload->template,
                                              &template[i].name)
            || bucket->prefix.len
               + ngx_recording_path_longest(&template[i].path)
               + NGX_RECORDING_CONF_BEHIND
               <= NGX_RECORDING_CONF_KEY)
        {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "paths of template \"%V\" can grow so long that their "
                      "files cannot be uploaded to bucket \"%V\", whose keys "
                      "have %d bytes at most, in %s:%ui", &template[i].name,
                      &bucket->name, NGX_RECORDING_CONF_KEY, upload->file,
                      upload->line);
    }
}
