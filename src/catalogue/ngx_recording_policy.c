
#include "ngx_recording_catalogue_sql.h"
#include "ngx_recording_policy.h"


#define NGX_RECORDING_POLICY_ROOM  16       /* rows that are made room for */


static void *ngx_recording_policy_room(void *array, ngx_uint_t n, size_t size);
static ngx_int_t ngx_recording_policy_read_templates(
    ngx_recording_catalogue_t *cat, ngx_recording_policy_t *policy);
static ngx_int_t ngx_recording_policy_read_formats(
    ngx_recording_catalogue_t *cat, ngx_recording_policy_template_t *template);
static ngx_int_t ngx_recording_policy_read_tasks(
    ngx_recording_catalogue_t *cat, ngx_recording_policy_t *policy,
    int64_t now);
static ngx_int_t ngx_recording_policy_read_commands(
    ngx_recording_catalogue_t *cat, ngx_recording_policy_t *policy);
static void ngx_recording_policy_task_of(ngx_recording_sql_rows_t *rows,
    ngx_recording_policy_task_t *task);
static int ngx_recording_policy_task_order(const void *one,
    const void *two);
static int ngx_recording_policy_task_cmp(
    const ngx_recording_policy_task_t *task, const ngx_str_t *stream);


ngx_int_t
ngx_recording_policy_number(ngx_recording_catalogue_t *cat, int64_t *number)
{
    ngx_recording_sql_rows_t  rows;

    *number = 0;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_POLICY_NUMBER);

    if (ngx_recording_sql_next(&rows)) {
        *number = ngx_recording_sql_column_int(&rows, 0);
    }

    return ngx_recording_sql_end(&rows);
}


ngx_recording_policy_t *
ngx_recording_policy_read(ngx_recording_catalogue_t *cat, int64_t now)
{
    ngx_recording_policy_t  *policy;

    policy = calloc(1, sizeof(ngx_recording_policy_t));

    if (policy == NULL) {
        return NULL;
    }

    policy->nrules = NGX_RECORDING_POLICY_MOST;
    policy->rules = calloc(policy->nrules,
                           sizeof(ngx_recording_policy_rule_t));

    if (policy->rules == NULL
        || ngx_recording_policy_number(cat, &policy->number) != NGX_OK
        || ngx_recording_policy_read_templates(cat, policy) != NGX_OK
        || ngx_recording_policy_rules(cat, policy->rules, &policy->nrules)
           != NGX_OK
        || ngx_recording_policy_read_tasks(cat, policy, now) != NGX_OK
        || ngx_recording_policy_read_commands(cat, policy) != NGX_OK)
    {
        ngx_recording_policy_free(policy);
        return NULL;
    }

    return policy;
}


void
ngx_recording_policy_free(ngx_recording_policy_t *policy)
{
    if (policy == NULL) {
        return;
    }

    free(policy->templates);
    free(policy->rules);
    free(policy->tasks);
    free(policy->commands);
    free(policy);
}


/* an array of n elements, with room for another one; NULL: no memory, and it
   is as it was */

static void *
ngx_recording_policy_room(void *array, ngx_uint_t n, size_t size)
{
    return n % NGX_RECORDING_POLICY_ROOM
           ? array
           : realloc(array, (n + NGX_RECORDING_POLICY_ROOM) * size);
}


static ngx_int_t
ngx_recording_policy_read_templates(ngx_recording_catalogue_t *cat,
    ngx_recording_policy_t *policy)
{
    void                             *room;
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_recording_sql_rows_t          rows;
    ngx_recording_policy_template_t  *template;

    rc = NGX_OK;

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_POLICY_TEMPLATES,
                            ngx_recording_sql_int(0));

    while (rc == NGX_OK && ngx_recording_sql_next(&rows)) {

        room = ngx_recording_policy_room(policy->templates, policy->ntemplates,
                                      sizeof(ngx_recording_policy_template_t));
        if (room == NULL) {
            rc = NGX_ERROR;
            break;
        }

        policy->templates = room;
        template = &policy->templates[policy->ntemplates++];
        template->nformats = 0;
        template->id = ngx_recording_sql_column_int(&rows, 0);
        ngx_recording_sql_column_copy(&rows, 1, template->name,
                                      sizeof(template->name));
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; rc == NGX_OK && i < policy->ntemplates; i++) {
        rc = ngx_recording_policy_read_formats(cat, &policy->templates[i]);
    }

    return rc;
}


static ngx_int_t
ngx_recording_policy_read_formats(ngx_recording_catalogue_t *cat,
    ngx_recording_policy_template_t *template)
{
    ngx_recording_sql_rows_t        rows;
    ngx_recording_policy_format_t  *f;

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_POLICY_FORMATS,
                            ngx_recording_sql_text(template->name));

    while (template->nformats < NGX_RECORDING_FORMATS
           && ngx_recording_sql_next(&rows))
    {
        f = &template->formats[template->nformats++];

        ngx_recording_sql_column_copy(&rows, 0, f->format, sizeof(f->format));
        f->interval = ngx_recording_sql_column_int(&rows, 1);
        f->resume = ngx_recording_sql_column_int(&rows, 2);
        f->expire = ngx_recording_sql_column_int(&rows, 3);
        ngx_recording_sql_column_copy(&rows, 4, f->path, sizeof(f->path));
    }

    return ngx_recording_sql_end(&rows);
}


static ngx_int_t
ngx_recording_policy_read_tasks(ngx_recording_catalogue_t *cat,
    ngx_recording_policy_t *policy, int64_t now)
{
    void                      *room;
    ngx_int_t                  rc;
    ngx_recording_sql_rows_t   rows;

    rc = NGX_OK;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_POLICY_TASKS,
                            ngx_recording_sql_int(now));

    while (ngx_recording_sql_next(&rows)) {

        room = ngx_recording_policy_room(policy->tasks, policy->ntasks,
                                         sizeof(ngx_recording_policy_task_t));
        if (room == NULL) {
            rc = NGX_ERROR;
            break;
        }

        policy->tasks = room;
        ngx_recording_policy_task_of(&rows, &policy->tasks[policy->ntasks++]);
    }

    if (policy->ntasks) {
        qsort(policy->tasks, policy->ntasks,
              sizeof(ngx_recording_policy_task_t),
              ngx_recording_policy_task_order);
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? rc : NGX_ERROR;
}


static ngx_int_t
ngx_recording_policy_read_commands(ngx_recording_catalogue_t *cat,
    ngx_recording_policy_t *policy)
{
    void                            *room;
    ngx_int_t                        rc;
    const char                      *text;
    ngx_recording_sql_rows_t         rows;
    ngx_recording_policy_command_t  *c;

    rc = NGX_OK;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_POLICY_COMMANDS,
                            ngx_recording_sql_text(cat->store->owner));

    while (ngx_recording_sql_next(&rows)) {

        room = ngx_recording_policy_room(policy->commands, policy->ncommands,
                                       sizeof(ngx_recording_policy_command_t));
        if (room == NULL) {
            rc = NGX_ERROR;
            break;
        }

        policy->commands = room;
        c = &policy->commands[policy->ncommands++];
        c->recording_id = (uint64_t) ngx_recording_sql_column_int(&rows, 0);
        text = ngx_recording_sql_column_text(&rows, 1);
        c->command = strcmp(text, "stop") == 0 ? NGX_RECORDING_POLICY_STOP
                                               : NGX_RECORDING_POLICY_CUT;
        c->number = (ngx_uint_t) ngx_recording_sql_column_int(&rows, 2);
        c->obeyed = 0;
    }

    return ngx_recording_sql_end(&rows) == NGX_OK ? rc : NGX_ERROR;
}


static void
ngx_recording_policy_task_of(ngx_recording_sql_rows_t *rows,
    ngx_recording_policy_task_t *task)
{
    ngx_recording_sql_column_copy(rows, 0, task->id, sizeof(task->id));
    ngx_recording_sql_column_copy(rows, 1, task->domain, sizeof(task->domain));
    ngx_recording_sql_column_copy(rows, 2, task->app, sizeof(task->app));
    ngx_recording_sql_column_copy(rows, 3, task->stream, sizeof(task->stream));

    task->template = ngx_recording_sql_column_int(rows, 4);
    task->start = ngx_recording_sql_column_int(rows, 5);
    task->end = ngx_recording_sql_column_int(rows, 6);
    task->stopped = ngx_recording_sql_column_int(rows, 7);
    task->deleted = ngx_recording_sql_column_int(rows, 8);
}


const ngx_recording_policy_template_t *
ngx_recording_policy_template(const ngx_recording_policy_t *policy,
    int64_t id)
{
    ngx_uint_t  i;

    for (i = 0; i < policy->ntemplates; i++) {
        if (policy->templates[i].id == id) {
            return &policy->templates[i];
        }
    }

    return NULL;
}


const ngx_recording_policy_task_t *
ngx_recording_policy_tasks_of(const ngx_recording_policy_t *policy,
    const ngx_str_t *stream, ngx_uint_t *n)
{
    ngx_uint_t  first, last, middle;

    first = 0;
    last = policy->ntasks;

    while (first < last) {
        middle = first + (last - first) / 2;

        if (ngx_recording_policy_task_cmp(&policy->tasks[middle], stream) < 0) {
            first = middle + 1;

        } else {
            last = middle;
        }
    }

    while (last < policy->ntasks
           && ngx_recording_policy_task_cmp(&policy->tasks[last], stream) == 0)
    {
        last++;
    }

    *n = last - first;

    return *n ? &policy->tasks[first] : NULL;
}


static int
ngx_recording_policy_task_order(const void *one, const void *two)
{
    ngx_str_t                           stream;
    const ngx_recording_policy_task_t  *task = two;

    stream.data = (u_char *) task->stream;
    stream.len = strlen(task->stream);

    return ngx_recording_policy_task_cmp(one, &stream);
}


static int
ngx_recording_policy_task_cmp(const ngx_recording_policy_task_t *task,
    const ngx_str_t *stream)
{
    int     rc;
    size_t  len;

    len = strlen(task->stream);
    rc = memcmp(task->stream, stream->data, ngx_min(len, stream->len));

    return rc ? rc : (len > stream->len) - (len < stream->len);
}


ngx_int_t
ngx_recording_policy_templates(ngx_recording_catalogue_t *cat, int64_t id,
    ngx_recording_policy_params_pt each, void *data)
{
    ngx_recording_sql_rows_t  rows;

    if (id) {
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_POLICY_TEMPLATE,
                                ngx_recording_sql_int(id));
    } else {
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_POLICY_TEMPLATES,
                                ngx_recording_sql_int(0));
    }

    return ngx_recording_policy_each(&rows, each, data);
}


ngx_int_t
ngx_recording_policy_each(ngx_recording_sql_rows_t *rows,
    ngx_recording_policy_params_pt each, void *data)
{
    ngx_int_t  rc;
    ngx_str_t  name, params;

    rc = NGX_OK;

    while (rc == NGX_OK && ngx_recording_sql_next(rows)) {
        ngx_recording_sql_column_str(rows, 1, &name);
        ngx_recording_sql_column_str(rows, 2, &params);

        rc = each(data, ngx_recording_sql_column_int(rows, 0),
                  (char *) name.data, (char *) params.data);
    }

    return ngx_recording_sql_end(rows) == NGX_OK ? rc : NGX_ERROR;
}


ngx_int_t
ngx_recording_policy_rules(ngx_recording_catalogue_t *cat,
    ngx_recording_policy_rule_t *rules, ngx_uint_t *n)
{
    ngx_uint_t                    room;
    ngx_recording_sql_rows_t      rows;
    ngx_recording_policy_rule_t  *r;

    room = *n;
    *n = 0;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_POLICY_RULES);

    while (*n < room && ngx_recording_sql_next(&rows)) {
        r = &rules[(*n)++];

        ngx_recording_sql_column_copy(&rows, 0, r->domain, sizeof(r->domain));
        ngx_recording_sql_column_copy(&rows, 1, r->app, sizeof(r->app));
        ngx_recording_sql_column_copy(&rows, 2, r->stream, sizeof(r->stream));

        r->id = ngx_recording_sql_column_int(&rows, 3);
        r->created = ngx_recording_sql_column_int(&rows, 4);
        r->updated = ngx_recording_sql_column_int(&rows, 5);
    }

    return ngx_recording_sql_end(&rows);
}


ngx_int_t
ngx_recording_policy_tasks(ngx_recording_catalogue_t *cat,
    const ngx_recording_policy_task_t *like, int64_t after,
    ngx_recording_policy_task_t *tasks, ngx_uint_t *n)
{
    ngx_uint_t                room;
    ngx_recording_sql_rows_t  rows;

    room = *n;
    *n = 0;

    ngx_recording_sql_query(cat->sql, &rows,
                            NGX_RECORDING_SQL_POLICY_TASKS_PAGE,
                            ngx_recording_sql_int(like->start),
                            ngx_recording_sql_int(like->end),
                            ngx_recording_sql_text(like->domain),
                            ngx_recording_sql_text(like->app),
                            ngx_recording_sql_text(like->stream),
                            ngx_recording_sql_int(after),
                            ngx_recording_sql_text(like->id),
                            ngx_recording_sql_int(room));

    while (*n < room && ngx_recording_sql_next(&rows)) {
        ngx_recording_policy_task_of(&rows, &tasks[(*n)++]);
    }

    return ngx_recording_sql_end(&rows);
}
