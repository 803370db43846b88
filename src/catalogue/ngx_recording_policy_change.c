
/* templates, rules, tasks and commands are changed */


#include "ngx_recording_catalogue_sql.h"
#include "ngx_recording_policy.h"


static ngx_int_t ngx_recording_policy_put_formats(
    ngx_recording_catalogue_t *cat, ngx_recording_policy_template_t *template);
static ngx_int_t ngx_recording_policy_task_known(
    ngx_recording_catalogue_t *cat, ngx_recording_policy_order_t *order);


ngx_int_t
ngx_recording_policy_count(ngx_recording_sql_rows_t *rows, int64_t *n)
{
    *n = 0;

    if (ngx_recording_sql_next(rows)) {
        *n = ngx_recording_sql_column_int(rows, 0);
    }

    return ngx_recording_sql_end(rows);
}


ngx_int_t
ngx_recording_policy_known(ngx_recording_sql_rows_t *rows, const char *was,
    char name[NGX_RECORDING_POLICY_NAME])
{
    ngx_int_t  rc;

    rc = NGX_DECLINED;

    if (ngx_recording_sql_next(rows)) {
        ngx_recording_sql_column_copy(rows, 1, name,
                                      NGX_RECORDING_POLICY_NAME);

        rc = was && strcmp(ngx_recording_sql_column_text(rows, 2), was) != 0
             ? NGX_AGAIN : NGX_OK;
    }

    return ngx_recording_sql_end(rows) == NGX_OK ? rc : NGX_ERROR;
}


ngx_int_t
ngx_recording_policy_used(ngx_recording_sql_rows_t *rows, ngx_uint_t column,
    int64_t id, ngx_uint_t *used)
{
    *used = 0;

    while (ngx_recording_sql_next(rows)) {
        *used |= (ngx_recording_sql_column_int(rows, column) == id);
    }

    return ngx_recording_sql_end(rows);
}


ngx_recording_policy_e
ngx_recording_policy_may(ngx_int_t known, int64_t n, ngx_uint_t create)
{
    if (!create) {
        return known == NGX_OK ? NGX_RECORDING_POLICY_DONE
               : known == NGX_AGAIN ? NGX_RECORDING_POLICY_CHANGED
                                    : NGX_RECORDING_POLICY_NONE;
    }

    return known == NGX_OK ? NGX_RECORDING_POLICY_EXISTS
           : n >= NGX_RECORDING_POLICY_MOST ? NGX_RECORDING_POLICY_LIMIT
                                            : NGX_RECORDING_POLICY_DONE;
}


ngx_recording_policy_e
ngx_recording_policy_bound(ngx_recording_catalogue_t *cat, int64_t n)
{
    return ngx_recording_sql_changes(cat->sql) == 0
           ? NGX_RECORDING_POLICY_EXISTS
           : n >= NGX_RECORDING_POLICY_MOST ? NGX_RECORDING_POLICY_LIMIT
                                            : NGX_RECORDING_POLICY_DONE;
}


ngx_recording_policy_e
ngx_recording_policy_gone(ngx_recording_catalogue_t *cat)
{
    return ngx_recording_sql_changes(cat->sql) ? NGX_RECORDING_POLICY_DONE
                                               : NGX_RECORDING_POLICY_NONE;
}


ngx_int_t
ngx_recording_policy_put(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_policy_put_t *put = arg;

    char                      name[NGX_RECORDING_POLICY_NAME];
    int64_t                   n;
    ngx_int_t                 rc;
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_POLICY_TEMPLATE,
                            ngx_recording_sql_int(put->template.id));

    rc = ngx_recording_policy_known(&rows, put->create ? NULL : put->was,
                                    name);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_POLICY_TEMPLATE_COUNT);

    if (ngx_recording_policy_count(&rows, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    put->result = ngx_recording_policy_may(rc, n, put->create);

    if (put->result != NGX_RECORDING_POLICY_DONE) {
        return NGX_OK;
    }

    if (ngx_recording_sql_run(cat->sql,
                              NGX_RECORDING_SQL_POLICY_TEMPLATE_PUT,
                              ngx_recording_sql_int(put->template.id),
                              ngx_recording_sql_text(put->template.name),
                              ngx_recording_sql_text(put->params),
                              ngx_recording_sql_int(ngx_recording_wall()))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_policy_put_formats(cat, &put->template);
}


static ngx_int_t
ngx_recording_policy_put_formats(ngx_recording_catalogue_t *cat,
    ngx_recording_policy_template_t *template)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_recording_policy_format_t  *f;

    rc = ngx_recording_sql_run(cat->sql,
                               NGX_RECORDING_SQL_POLICY_FORMATS_DROP,
                               ngx_recording_sql_text(template->name));

    for (i = 0; rc == NGX_OK && i < template->nformats; i++) {
        f = &template->formats[i];

        rc = ngx_recording_sql_run(cat->sql,
                                   NGX_RECORDING_SQL_POLICY_FORMAT_PUT,
                                   ngx_recording_sql_text(template->name),
                                   ngx_recording_sql_text(f->format),
                                   ngx_recording_sql_int(f->interval),
                                   ngx_recording_sql_int(f->resume),
                                   ngx_recording_sql_int(f->expire),
                                   ngx_recording_sql_text(f->path));
    }

    return rc;
}


ngx_int_t
ngx_recording_policy_drop(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_policy_drop_t *drop = arg;

    char                          name[NGX_RECORDING_POLICY_NAME];
    ngx_int_t                     rc;
    ngx_uint_t                    used;
    ngx_recording_sql_rows_t      rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_POLICY_TEMPLATE,
                            ngx_recording_sql_int(drop->id));

    rc = ngx_recording_policy_known(&rows, NULL, name);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        drop->result = NGX_RECORDING_POLICY_NONE;
        return NGX_OK;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_POLICY_RULES);

    if (ngx_recording_policy_used(&rows, 3, drop->id, &used) != NGX_OK) {
        return NGX_ERROR;
    }

    drop->result = used ? NGX_RECORDING_POLICY_USED
                        : NGX_RECORDING_POLICY_DONE;

    /* its formats stay: they tell how long its files are kept */

    return used ? NGX_OK
                : ngx_recording_sql_run(cat->sql,
                                        NGX_RECORDING_SQL_POLICY_TEMPLATE_DROP,
                                        ngx_recording_sql_int(drop->id));
}


ngx_int_t
ngx_recording_policy_bind(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_policy_bind_t *bind = arg;

    char                          name[NGX_RECORDING_POLICY_NAME];
    int64_t                       n;
    ngx_int_t                     rc;
    ngx_recording_sql_rows_t      rows;
    ngx_recording_policy_rule_t  *rule;

    rule = &bind->rule;

    rc = NGX_OK;

    if (!bind->configured) {
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_POLICY_TEMPLATE,
                                ngx_recording_sql_int(rule->id));

        rc = ngx_recording_policy_known(&rows, NULL, name);
    }

    if (rc != NGX_OK) {
        bind->result = NGX_RECORDING_POLICY_NONE;
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_POLICY_RULE_COUNT);

    if (ngx_recording_policy_count(&rows, &n) != NGX_OK
        || ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_POLICY_RULE_PUT,
                              ngx_recording_sql_text(rule->domain),
                              ngx_recording_sql_text(rule->app),
                              ngx_recording_sql_text(rule->stream),
                              ngx_recording_sql_int(rule->id),
                              ngx_recording_sql_int(ngx_recording_wall()))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    bind->result = ngx_recording_policy_bound(cat, n);

    if (bind->result != NGX_RECORDING_POLICY_LIMIT) {
        return NGX_OK;
    }

    rc = ngx_recording_policy_unbind(cat, bind, again);

    bind->result = NGX_RECORDING_POLICY_LIMIT;

    return rc;
}


ngx_int_t
ngx_recording_policy_unbind(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_policy_bind_t *bind = arg;

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_POLICY_RULE_DROP,
                              ngx_recording_sql_text(bind->rule.domain),
                              ngx_recording_sql_text(bind->rule.app),
                              ngx_recording_sql_text(bind->rule.stream))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    bind->result = ngx_recording_policy_gone(cat);

    return NGX_OK;
}


ngx_int_t
ngx_recording_policy_task_create(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_policy_order_t *order = arg;

    int64_t                       n, open, now;
    ngx_recording_sql_rows_t      rows;
    ngx_recording_policy_task_t  *t;

    t = &order->task;
    now = ngx_recording_wall();

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_POLICY_TASK_COUNT,
                            ngx_recording_sql_int(now));

    if (ngx_recording_policy_count(&rows, &open) != NGX_OK) {
        return NGX_ERROR;
    }

    order->full = (open >= NGX_RECORDING_POLICY_OPEN);

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_POLICY_TASK_DEPTH,
                            ngx_recording_sql_text(t->domain),
                            ngx_recording_sql_text(t->app),
                            ngx_recording_sql_text(t->stream),
                            ngx_recording_sql_int(ngx_max(t->start, now)),
                            ngx_recording_sql_int(t->end));

    if (ngx_recording_policy_count(&rows, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    if (order->full || n >= NGX_RECORDING_POLICY_TASKS) {
        order->result = NGX_RECORDING_POLICY_LIMIT;
        return NGX_OK;
    }

    order->result = NGX_RECORDING_POLICY_DONE;

    (void) snprintf(t->id, sizeof(t->id), "%llu", (unsigned long long)
                    ngx_recording_catalogue_id_thread(cat));

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_POLICY_TASKS_OLD,
                              ngx_recording_sql_int(now
                                                 - NGX_RECORDING_POLICY_KEPT),
                              ngx_recording_sql_int(now),
                              ngx_recording_sql_int(NGX_RECORDING_POLICY_OVER))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_POLICY_TASK_PUT,
                                 ngx_recording_sql_text(t->id),
                                 ngx_recording_sql_text(t->domain),
                                 ngx_recording_sql_text(t->app),
                                 ngx_recording_sql_text(t->stream),
                                 ngx_recording_sql_int(t->template),
                                 ngx_recording_sql_int(t->start),
                                 ngx_recording_sql_int(t->end));
}


static ngx_int_t
ngx_recording_policy_task_known(ngx_recording_catalogue_t *cat,
    ngx_recording_policy_order_t *order)
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_POLICY_TASK,
                            ngx_recording_sql_text(order->task.id));

    order->result = ngx_recording_sql_next(&rows) ? NGX_RECORDING_POLICY_DONE
                                                  : NGX_RECORDING_POLICY_NONE;

    return ngx_recording_sql_end(&rows);
}


ngx_int_t
ngx_recording_policy_task_stop(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_policy_order_t *order = arg;

    if (ngx_recording_policy_task_known(cat, order) != NGX_OK) {
        return NGX_ERROR;
    }

    if (order->result == NGX_RECORDING_POLICY_NONE) {
        return NGX_OK;
    }

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_POLICY_TASK_STOP,
                              ngx_recording_sql_text(order->task.id),
                              ngx_recording_sql_int(ngx_recording_wall()))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_sql_run(cat->sql,
                                 NGX_RECORDING_SQL_POLICY_TASK_FINISH,
                                 ngx_recording_sql_text(order->task.id));
}


ngx_int_t
ngx_recording_policy_task_delete(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_policy_order_t *order = arg;

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_POLICY_TASK_DROP,
                              ngx_recording_sql_text(order->task.id),
                              ngx_recording_sql_int(ngx_recording_wall()))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    order->result = ngx_recording_policy_gone(cat);

    /* no stream goes on with what waits */

    return ngx_recording_sql_run(cat->sql,
                                 NGX_RECORDING_SQL_POLICY_TASK_FINISH,
                                 ngx_recording_sql_text(order->task.id));
}


ngx_int_t
ngx_recording_policy_tell(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_policy_tell_t *tell = arg;

    ngx_int_t                        rc;
    ngx_uint_t                       waits;
    ngx_recording_sql_rows_t         rows;
    ngx_recording_policy_command_t  *c;

    c = &tell->command;
    waits = 0;
    tell->result = NGX_RECORDING_POLICY_NONE;

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_POLICY_RECORDING,
                            ngx_recording_sql_int(c->recording_id));

    if (ngx_recording_sql_next(&rows)) {
        tell->result = NGX_RECORDING_POLICY_DONE;
        waits = (*ngx_recording_sql_column_text(&rows, 0) == '\0');
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        return NGX_ERROR;
    }

    if (c->command == NGX_RECORDING_POLICY_CUT && waits) {
        tell->result = NGX_RECORDING_POLICY_USED;
    }

    if (tell->result != NGX_RECORDING_POLICY_DONE) {
        return NGX_OK;
    }

    /* of what is nobody's there may be files that do not wait yet, as a dead
       worker left them */

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_POLICY_COMMAND_PUT,
                               ngx_recording_sql_int(c->recording_id),
                               ngx_recording_sql_text(
                                   c->command == NGX_RECORDING_POLICY_STOP
                                   ? "stop" : "cut"));

    if (rc != NGX_OK || c->command == NGX_RECORDING_POLICY_CUT) {
        return rc;
    }

    /* and some may wait while others are recorded */

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_POLICY_FINISH,
                                 ngx_recording_sql_int(c->recording_id));
}


ngx_int_t
ngx_recording_policy_obeyed(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_policy_t *policy = arg;

    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_recording_policy_command_t  *c;

    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < policy->ncommands; i++) {
        c = &policy->commands[i];

        if (c->obeyed) {
            rc = ngx_recording_sql_run(cat->sql,
                                       NGX_RECORDING_SQL_POLICY_COMMAND_DONE,
                                       ngx_recording_sql_int(c->recording_id),
                                       ngx_recording_sql_int(c->number));
        }
    }

    return rc;
}
