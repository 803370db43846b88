
#include "ngx_recording_callback.h"
#include "ngx_recording_callback_sql.h"
#include "ngx_recording_catalogue_sql.h"


static ngx_int_t ngx_recording_callback_targets(ngx_recording_catalogue_t *cat,
    ngx_recording_callbacks_t *callbacks);
static void ngx_recording_callback_template(char *to, size_t size,
    const char *name);
static ngx_int_t ngx_recording_callback_known(ngx_recording_catalogue_t *cat,
    int64_t id, const char *was, char name[NGX_RECORDING_POLICY_NAME]);
static ngx_int_t ngx_recording_callback_put_targets(
    ngx_recording_catalogue_t *cat, ngx_recording_callback_put_t *put);
static ngx_int_t ngx_recording_callback_lost(ngx_recording_catalogue_t *cat,
    const char *template, ngx_uint_t *lost);


ngx_recording_callbacks_t *
ngx_recording_callbacks(ngx_recording_catalogue_t *cat)
{
    ngx_recording_callbacks_t  *callbacks;

    callbacks = calloc(1, sizeof(ngx_recording_callbacks_t));

    if (callbacks == NULL) {
        return NULL;
    }

    callbacks->nrules = NGX_RECORDING_POLICY_MOST;
    callbacks->rules = calloc(NGX_RECORDING_POLICY_MOST,
                              sizeof(ngx_recording_callback_rule_t));
    callbacks->targets = calloc(NGX_RECORDING_POLICY_MOST
                                * NGX_RECORDING_CALLBACK_URLS,
                                sizeof(ngx_recording_callback_target_t));

    if (callbacks->rules == NULL || callbacks->targets == NULL
        || ngx_recording_policy_number(cat, &callbacks->number) != NGX_OK
        || ngx_recording_callback_targets(cat, callbacks) != NGX_OK
        || ngx_recording_callback_rules(cat, callbacks->rules,
                                        &callbacks->nrules)
           != NGX_OK)
    {
        ngx_recording_callbacks_free(callbacks);
        return NULL;
    }

    return callbacks;
}


void
ngx_recording_callbacks_free(ngx_recording_callbacks_t *callbacks)
{
    if (callbacks) {
        free(callbacks->targets);
        free(callbacks->rules);
        free(callbacks);
    }
}


static ngx_int_t
ngx_recording_callback_targets(ngx_recording_catalogue_t *cat,
    ngx_recording_callbacks_t *callbacks)
{
    ngx_uint_t                        most;
    ngx_recording_sql_rows_t          rows;
    ngx_recording_callback_target_t  *t;

    most = NGX_RECORDING_POLICY_MOST * NGX_RECORDING_CALLBACK_URLS;

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_CALLBACK_TARGETS);

    while (callbacks->ntargets < most && ngx_recording_sql_next(&rows)) {
        t = &callbacks->targets[callbacks->ntargets++];

        ngx_recording_sql_column_copy(&rows, 0, t->template,
                                      sizeof(t->template));
        ngx_recording_sql_column_copy(&rows, 1, t->name, sizeof(t->name));
        t->kinds = (ngx_uint_t) ngx_recording_sql_column_int(&rows, 2);
        t->levels = (ngx_uint_t) ngx_recording_sql_column_int(&rows, 3);
        ngx_recording_sql_column_copy(&rows, 4, t->url, sizeof(t->url));
        ngx_recording_sql_column_copy(&rows, 5, t->key, sizeof(t->key));
        t->private = (ngx_uint_t) ngx_recording_sql_column_int(&rows, 6);
    }

    return ngx_recording_sql_end(&rows);
}


/* as the triggers find it */

const ngx_recording_callback_rule_t *
ngx_recording_callback_find(const ngx_recording_callbacks_t *callbacks,
    const ngx_str_t *domain, const ngx_str_t *app)
{
    ngx_uint_t                            i;
    const ngx_recording_callback_rule_t  *r, *found;

    found = NULL;

    for (i = 0; i < callbacks->nrules; i++) {
        r = &callbacks->rules[i];

        if (ngx_strlen(r->domain) != domain->len
            || ngx_strncasecmp((u_char *) r->domain, domain->data, domain->len)
               != 0)
        {
            continue;
        }

        if (ngx_strlen(r->app) == app->len
            && ngx_memcmp(r->app, app->data, app->len) == 0)
        {
            return r;
        }

        if (*r->app == '\0') {
            found = r;
        }
    }

    return found;
}


ngx_int_t
ngx_recording_callback_templates(ngx_recording_catalogue_t *cat, int64_t id,
    ngx_recording_policy_params_pt each, void *data)
{
    ngx_recording_sql_rows_t  rows;

    if (id) {
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_CALLBACK_TEMPLATE,
                                ngx_recording_sql_int(id));
    } else {
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_CALLBACK_TEMPLATES,
                                ngx_recording_sql_int(0));
    }

    return ngx_recording_policy_each(&rows, each, data);
}


ngx_int_t
ngx_recording_callback_rules(ngx_recording_catalogue_t *cat,
    ngx_recording_callback_rule_t *rules, ngx_uint_t *n)
{
    ngx_uint_t                      room;
    ngx_recording_sql_rows_t        rows;
    ngx_recording_callback_rule_t  *r;

    room = *n;
    *n = 0;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_CALLBACK_RULES);

    while (*n < room && ngx_recording_sql_next(&rows)) {
        r = &rules[(*n)++];

        ngx_recording_sql_column_copy(&rows, 0, r->domain, sizeof(r->domain));
        ngx_recording_sql_column_copy(&rows, 1, r->app, sizeof(r->app));
        r->id = ngx_recording_sql_column_int(&rows, 2);
        ngx_recording_sql_column_copy(&rows, 3, r->template,
                                      sizeof(r->template));
        r->created = ngx_recording_sql_column_int(&rows, 4);
        r->updated = ngx_recording_sql_column_int(&rows, 5);
    }

    return ngx_recording_sql_end(&rows);
}


static void
ngx_recording_callback_template(char *to, size_t size, const char *name)
{
    (void) snprintf(to, size, NGX_RECORDING_CALLBACK_TEMPLATE "%s", name);
}


void
ngx_recording_callback_name(ngx_recording_callback_target_t *target,
    const char *template, const char *url)
{
    ngx_recording_callback_template(target->template,
                                    sizeof(target->template), template);

    /* with its name: events of a recording are counted by this alone */

    (void) snprintf(target->name, sizeof(target->name), "%s:%s", template,
                    url);
}


/* NGX_DECLINED: there is no such template */

static ngx_int_t
ngx_recording_callback_known(ngx_recording_catalogue_t *cat, int64_t id,
    const char *was, char name[NGX_RECORDING_POLICY_NAME])
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_CALLBACK_TEMPLATE,
                            ngx_recording_sql_int(id));

    return ngx_recording_policy_known(&rows, was, name);
}


ngx_int_t
ngx_recording_callback_put(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_callback_put_t *put = arg;

    char                      name[NGX_RECORDING_POLICY_NAME];
    int64_t                   n;
    ngx_int_t                 rc;
    ngx_recording_sql_rows_t  rows;

    rc = ngx_recording_callback_known(cat, put->id,
                                      put->create ? NULL : put->was, name);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_CALLBACK_TEMPLATE_COUNT);

    if (ngx_recording_policy_count(&rows, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    put->lost = 0;
    put->result = ngx_recording_policy_may(rc, n, put->create);

    if (put->result != NGX_RECORDING_POLICY_DONE) {
        return NGX_OK;
    }

    if (ngx_recording_sql_run(cat->sql,
                              NGX_RECORDING_SQL_CALLBACK_TEMPLATE_PUT,
                              ngx_recording_sql_int(put->id),
                              ngx_recording_sql_text(put->name),
                              ngx_recording_sql_text(put->params),
                              ngx_recording_sql_int(ngx_recording_wall()))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_callback_put_targets(cat, put);
}


static ngx_int_t
ngx_recording_callback_put_targets(ngx_recording_catalogue_t *cat,
    ngx_recording_callback_put_t *put)
{
    char                              template[NGX_RECORDING_CALLBACK_NAME];
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_recording_callback_target_t  *t;

    ngx_recording_callback_template(template, sizeof(template), put->name);

    rc = ngx_recording_sql_run(cat->sql,
                               NGX_RECORDING_SQL_CALLBACK_TARGETS_DROP,
                               ngx_recording_sql_text(template));

    for (i = 0; rc == NGX_OK && i < put->ntargets; i++) {
        t = &put->targets[i];

        rc = ngx_recording_sql_run(cat->sql,
                                   NGX_RECORDING_SQL_CALLBACK_TARGET_PUT,
                                   ngx_recording_sql_text(t->template),
                                   ngx_recording_sql_text(t->name),
                                   ngx_recording_sql_int(t->kinds),
                                   ngx_recording_sql_int(t->levels),
                                   ngx_recording_sql_text(t->url),
                                   ngx_recording_sql_text(t->key),
                                   ngx_recording_sql_int(t->private));
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_callback_lost(cat, template, &put->lost);
    }

    return rc == NGX_OK
           ? ngx_recording_sql_run(cat->sql,
                                   NGX_RECORDING_SQL_CALLBACK_AGAIN,
                                   ngx_recording_sql_text(template))
           : rc;
}


static ngx_int_t
ngx_recording_callback_lost(ngx_recording_catalogue_t *cat,
    const char *template, ngx_uint_t *lost)
{
    ngx_int_t  rc;

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_CALLBACK_LOST,
                               ngx_recording_sql_text(template));

    *lost = rc == NGX_OK ? ngx_recording_sql_changes(cat->sql) : 0;

    return rc;
}


ngx_int_t
ngx_recording_callback_drop(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_callback_drop_t *drop = arg;

    char                      template[NGX_RECORDING_CALLBACK_NAME];
    ngx_int_t                 rc;
    ngx_uint_t                used;
    ngx_recording_sql_rows_t  rows;

    drop->lost = 0;

    rc = ngx_recording_callback_known(cat, drop->id, NULL, drop->name);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_CALLBACK_RULES);

    if (ngx_recording_policy_used(&rows, 2, drop->id, &used) != NGX_OK) {
        return NGX_ERROR;
    }

    drop->result = rc == NGX_DECLINED ? NGX_RECORDING_POLICY_NONE
                   : used ? NGX_RECORDING_POLICY_USED
                          : NGX_RECORDING_POLICY_DONE;

    if (drop->result != NGX_RECORDING_POLICY_DONE) {
        return NGX_OK;
    }

    ngx_recording_callback_template(template, sizeof(template), drop->name);

    if (ngx_recording_sql_run(cat->sql,
                              NGX_RECORDING_SQL_CALLBACK_TEMPLATE_DROP,
                              ngx_recording_sql_int(drop->id))
        != NGX_OK
        || ngx_recording_sql_run(cat->sql,
                                 NGX_RECORDING_SQL_CALLBACK_TARGETS_DROP,
                                 ngx_recording_sql_text(template))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_callback_lost(cat, template, &drop->lost);
}


ngx_int_t
ngx_recording_callback_bind(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_callback_bind_t *bind = arg;

    char                            name[NGX_RECORDING_POLICY_NAME];
    int64_t                         n;
    ngx_int_t                       rc;
    ngx_recording_sql_rows_t        rows;
    ngx_recording_callback_rule_t  *rule;

    rule = &bind->rule;

    rc = ngx_recording_callback_known(cat, rule->id, NULL, name);

    if (rc != NGX_OK) {
        bind->result = NGX_RECORDING_POLICY_NONE;
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    ngx_recording_callback_template(rule->template, sizeof(rule->template),
                                    name);

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_CALLBACK_RULE_COUNT);

    if (ngx_recording_policy_count(&rows, &n) != NGX_OK
        || ngx_recording_sql_run(cat->sql,
                              NGX_RECORDING_SQL_CALLBACK_RULE_PUT,
                              ngx_recording_sql_text(rule->domain),
                              ngx_recording_sql_text(rule->app),
                              ngx_recording_sql_int(rule->id),
                              ngx_recording_sql_text(rule->template),
                              ngx_recording_sql_int(ngx_recording_wall()))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    bind->result = ngx_recording_policy_bound(cat, n);

    if (bind->result != NGX_RECORDING_POLICY_LIMIT) {
        return NGX_OK;
    }

    rc = ngx_recording_callback_unbind(cat, bind, again);

    bind->result = NGX_RECORDING_POLICY_LIMIT;

    return rc;
}


ngx_int_t
ngx_recording_callback_unbind(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_callback_bind_t *bind = arg;

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_CALLBACK_RULE_DROP,
                              ngx_recording_sql_text(bind->rule.domain),
                              ngx_recording_sql_text(bind->rule.app))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    bind->result = ngx_recording_policy_gone(cat);

    return NGX_OK;
}
