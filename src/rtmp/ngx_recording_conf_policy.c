
/* templates and rules of the configuration beside those of calls */


#include "ngx_recording_conf.h"
#include "ngx_recording_text.h"
#include "ngx_rtmp.h"
#include "ngx_rtmp_live_module.h"


static void ngx_recording_conf_policy_text(char *to, size_t size,
    const ngx_str_t *from);
static void ngx_recording_conf_policy_describe(
    ngx_recording_policy_template_t *to, const ngx_recording_template_t *from);
static ngx_int_t ngx_recording_conf_policy_buckets(
    ngx_recording_policy_t *policy, ngx_recording_main_conf_t *rmcf);
static ngx_int_t ngx_recording_conf_policy_app(ngx_recording_policy_t *policy,
    ngx_rtmp_core_app_conf_t *cacf);
static ngx_int_t ngx_recording_conf_policy_rule(ngx_recording_policy_t *policy,
    const ngx_str_t *app, const ngx_recording_rule_t *rule,
    const ngx_str_t *template, ngx_uint_t inherited);


ngx_recording_policy_t *
ngx_recording_conf_policy(void *conf_ctx, ngx_recording_main_conf_t *rmcf)
{
    ngx_rtmp_conf_ctx_t *ctx = conf_ctx;

    ngx_uint_t                   i, n;
    ngx_recording_policy_t      *policy;
    ngx_rtmp_core_srv_conf_t   **cscfp;
    ngx_rtmp_core_app_conf_t   **cacfp;
    ngx_rtmp_core_main_conf_t   *cmcf;
    ngx_recording_template_t    *template;

    policy = calloc(1, sizeof(ngx_recording_policy_t));

    if (policy == NULL) {
        return NULL;
    }

    policy->templates = calloc(rmcf->templates.nelts,
                               sizeof(ngx_recording_policy_template_t));

    if (policy->templates == NULL) {
        return NULL;
    }

    template = rmcf->templates.elts;

    for (i = 0; i < rmcf->templates.nelts; i++) {
        ngx_recording_conf_policy_describe(
                         &policy->templates[policy->ntemplates++],
                         &template[i]);
    }

    if (ngx_recording_conf_policy_buckets(policy, rmcf) != NGX_OK) {
        return NULL;
    }

    cmcf = ctx->main_conf[ngx_rtmp_core_module.ctx_index];
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        cacfp = cscfp[i]->applications.elts;

        for (n = 0; n < cscfp[i]->applications.nelts; n++) {
            if (ngx_recording_conf_policy_app(policy, cacfp[n]) != NGX_OK) {
                return NULL;
            }
        }
    }

    return policy;
}


static void
ngx_recording_conf_policy_text(char *to, size_t size, const ngx_str_t *from)
{
    (void) snprintf(to, size, "%.*s", (int) from->len,
                    from->len ? (char *) from->data : "");
}


static void
ngx_recording_conf_policy_describe(ngx_recording_policy_template_t *to,
    const ngx_recording_template_t *from)
{
    ngx_uint_t                      i;
    ngx_recording_policy_format_t  *f;

    to->id = ngx_recording_text_id(from->name.data, from->name.len);
    ngx_recording_conf_policy_text(to->name, sizeof(to->name), &from->name);

    for (i = 0; i < from->nformats; i++) {
        f = &to->formats[to->nformats++];

        (void) snprintf(f->format, sizeof(f->format), "%s",
                        from->formats[i].format->name);

        f->interval = from->formats[i].interval;
        f->resume = from->formats[i].resume;
        f->expire = (int64_t) from->expire * 1000000;
        ngx_recording_conf_policy_text(f->path, sizeof(f->path),
                                       &from->path_text);
    }
}


/* where template "default" uploads to, and so those of calls */

static ngx_int_t
ngx_recording_conf_policy_buckets(ngx_recording_policy_t *policy,
    ngx_recording_main_conf_t *rmcf)
{
    ngx_str_t                base = ngx_string("default"), *buckets;
    ngx_uint_t               i;
    ngx_recording_upload_t  *upload;

    buckets = calloc(rmcf->uploads.nelts + 1, sizeof(ngx_str_t));

    if (buckets == NULL) {
        return NGX_ERROR;
    }

    policy->buckets = buckets;
    upload = rmcf->uploads.elts;

    for (i = 0; i < rmcf->uploads.nelts; i++) {
        if (ngx_recording_conf_inherit_is(&base, &upload[i].template)) {
            buckets[policy->nbuckets++] = upload[i].bucket->bucket;
        }
    }

    return NGX_OK;
}


/* what applies to an application, also what it inherits */

static ngx_int_t
ngx_recording_conf_policy_app(ngx_recording_policy_t *policy,
    ngx_rtmp_core_app_conf_t *cacf)
{
    ngx_str_t                   off = ngx_string(NGX_RECORDING_RULE_OFF);
    ngx_uint_t                  i, n;
    ngx_recording_rule_t       *rule;
    ngx_recording_app_conf_t   *racf;
    ngx_rtmp_live_app_conf_t   *lacf;
    ngx_recording_template_t  **template;

    racf = cacf->app_conf[ngx_rtmp_recording_module.ctx_index];
    lacf = cacf->app_conf[ngx_rtmp_live_module.ctx_index];

    if (racf->rules == NULL || !lacf->live) {
        return NGX_OK;
    }

    rule = racf->rules->elts;

    for (i = 0; i < racf->rules->nelts; i++) {
        template = rule[i].templates.elts;

        if (rule[i].templates.nelts == 0
            && ngx_recording_conf_policy_rule(policy, &cacf->name, &rule[i],
                                              &off, !racf->own)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (n = 0; n < rule[i].templates.nelts; n++) {
            if (ngx_recording_conf_policy_rule(policy, &cacf->name, &rule[i],
                                               &template[n]->name, !racf->own)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* once, though several servers may have it */

static ngx_int_t
ngx_recording_conf_policy_rule(ngx_recording_policy_t *policy,
    const ngx_str_t *app, const ngx_recording_rule_t *rule,
    const ngx_str_t *template, ngx_uint_t inherited)
{
    ngx_uint_t                    i;
    ngx_recording_policy_rule_t   one, *rules;

    ngx_memzero(&one, sizeof(ngx_recording_policy_rule_t));

    one.id = ngx_recording_text_id(template->data, template->len);
    one.inherited = inherited;
    ngx_recording_conf_policy_text(one.domain, sizeof(one.domain),
                                   &rule->domain);
    ngx_recording_conf_policy_text(one.app, sizeof(one.app), app);
    ngx_recording_conf_policy_text(one.stream, sizeof(one.stream),
                                   &rule->stream);

    for (i = 0; i < policy->nrules; i++) {
        if (ngx_memcmp(&policy->rules[i], &one, sizeof(one)) == 0) {
            return NGX_OK;
        }
    }

    rules = realloc(policy->rules, (policy->nrules + 1) * sizeof(one));

    if (rules == NULL) {
        return NGX_ERROR;
    }

    policy->rules = rules;
    policy->rules[policy->nrules++] = one;

    return NGX_OK;
}


const ngx_recording_template_t *
ngx_recording_conf_policy_template(ngx_recording_main_conf_t *rmcf,
    const ngx_recording_policy_t *policy, int64_t id,
    ngx_recording_template_t *made)
{
    ngx_str_t                               base = ngx_string("default");
    ngx_uint_t                              i;
    ngx_recording_template_t               *template, *other;
    const ngx_recording_policy_template_t  *from;

    template = rmcf->templates.elts;
    other = NULL;

    for (i = 0; i < rmcf->templates.nelts; i++) {

        if (ngx_recording_text_id(template[i].name.data, template[i].name.len)
            == id)
        {
            return &template[i];
        }

        if (template[i].name.len == base.len
            && ngx_memcmp(template[i].name.data, base.data, base.len) == 0)
        {
            other = &template[i];
        }
    }

    from = id ? ngx_recording_policy_template(policy, id) : NULL;

    if (other == NULL || (id && from == NULL)) {
        return NULL;
    }

    ngx_recording_template_make(made, from, other);

    return made;
}
