
#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_catalogue_edit.h"
#include "ngx_recording_edit_sql.h"


/* a task that may be taken */

typedef struct {
    uint64_t                id;
    ngx_uint_t              attempts;
    char                    owner[NGX_RECORDING_OWNER];
} ngx_recording_edit_next_t;


static ngx_int_t ngx_recording_catalogue_edit_refused(
    ngx_recording_catalogue_t *cat, ngx_recording_edit_order_t *order);
static ngx_int_t ngx_recording_catalogue_edit_fits(
    ngx_recording_catalogue_t *cat, ngx_recording_edit_order_t *order);
static ngx_int_t ngx_recording_catalogue_edit_put(
    ngx_recording_catalogue_t *cat, ngx_recording_edit_order_t *order);
static ngx_int_t ngx_recording_catalogue_edit_next(
    ngx_recording_catalogue_t *cat, ngx_recording_edit_next_t *next,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_catalogue_edit_look(
    ngx_recording_catalogue_t *cat, ngx_recording_edit_next_t *next);
static ngx_int_t ngx_recording_catalogue_edit_give_up(
    ngx_recording_catalogue_t *cat, uint64_t id);
static ngx_int_t ngx_recording_catalogue_edit_inputs(
    ngx_recording_catalogue_t *cat, ngx_recording_edit_t *edit);


ngx_int_t
ngx_recording_catalogue_edit_add(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_edit_order_t *order = arg;

    int64_t    now;
    ngx_int_t  rc;

    now = ngx_recording_wall();
    rc = ngx_recording_catalogue_edit_refused(cat, order);

    if (rc != NGX_OK || order->result != NGX_RECORDING_EDIT_DONE) {
        return rc;
    }

    /* what is too old goes, its inputs first */

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_OLD_INPUTS,
                              ngx_recording_sql_int(now
                                                - NGX_RECORDING_EDIT_KEPT_US))
        != NGX_OK
        || ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_OLD,
                                 ngx_recording_sql_int(now
                                                - NGX_RECORDING_EDIT_KEPT_US))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    order->edit.id = ngx_recording_catalogue_id_thread(cat);

    return ngx_recording_catalogue_edit_put(cat, order);
}


static ngx_int_t
ngx_recording_catalogue_edit_refused(ngx_recording_catalogue_t *cat,
    ngx_recording_edit_order_t *order)
{
    ngx_recording_sql_rows_t  rows;

    order->result = NGX_RECORDING_EDIT_DONE;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_EDIT_SESSION,
                            ngx_recording_sql_text(order->session),
                            ngx_recording_sql_int(ngx_recording_wall()
                                                 - NGX_RECORDING_EDIT_AGAIN));

    if (ngx_recording_sql_next(&rows)) {
        order->result = NGX_RECORDING_EDIT_REPEATED;
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_EDIT_COUNT);

    if (order->result == NGX_RECORDING_EDIT_DONE
        && ngx_recording_sql_next(&rows)
        && ngx_recording_sql_column_int(&rows, 0) >= NGX_RECORDING_EDIT_MOST)
    {
        order->result = NGX_RECORDING_EDIT_LIMIT;
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        return NGX_ERROR;
    }

    return order->result == NGX_RECORDING_EDIT_DONE
           ? ngx_recording_catalogue_edit_fits(cat, order) : NGX_OK;
}


/* whether its files are there still: they were looked at before */

static ngx_int_t
ngx_recording_catalogue_edit_fits(ngx_recording_catalogue_t *cat,
    ngx_recording_edit_order_t *order)
{
    ngx_uint_t                i;
    ngx_recording_sql_rows_t  rows;

    for (i = 0; i < order->edit.n; i++) {

        ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_LABELLED,
                                ngx_recording_sql_int(
                                            order->edit.inputs[i].file_id));

        if (!ngx_recording_sql_next(&rows)) {
            order->result = NGX_RECORDING_EDIT_GONE;
            order->file_id = order->edit.inputs[i].file_id;
        }

        if (ngx_recording_sql_end(&rows) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_catalogue_edit_put(ngx_recording_catalogue_t *cat,
    ngx_recording_edit_order_t *order)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_recording_edit_t        *edit;
    ngx_recording_sql_value_t    expire, end;
    ngx_recording_edit_input_t  *in;

    edit = &order->edit;

    expire = edit->expire_us >= 0 ? ngx_recording_sql_int(edit->expire_us)
                                  : ngx_recording_sql_null();

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_PUT,
                               ngx_recording_sql_int(edit->id),
                               ngx_recording_sql_text(order->session),
                               ngx_recording_sql_text(order->input),
                               ngx_recording_sql_text(edit->format),
                               expire,
                               ngx_recording_sql_text(edit->name),
                               ngx_recording_sql_int(ngx_recording_wall()));

    for (i = 0; rc == NGX_OK && i < edit->n; i++) {
        in = &edit->inputs[i];

        end = in->end >= 0 ? ngx_recording_sql_int(in->end)
                           : ngx_recording_sql_null();

        rc = ngx_recording_sql_run(cat->sql,
                                   NGX_RECORDING_SQL_EDIT_INPUT_PUT,
                                   ngx_recording_sql_int(edit->id),
                                   ngx_recording_sql_int(i),
                                   ngx_recording_sql_int(in->file_id),
                                   ngx_recording_sql_int(in->start), end);
    }

    return rc;
}


ngx_int_t
ngx_recording_catalogue_edit_take_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_edit_t *edit, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                   rc;
    ngx_uint_t                  taken;
    ngx_recording_edit_next_t   next;
    ngx_recording_edit_facts_t  facts;

    rc = ngx_recording_catalogue_edit_next(cat, &next, err);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_recording_catalogue_begin(cat, 1, err) != NGX_OK) {
        return NGX_ERROR;
    }

    facts.input = NULL;
    taken = 0;

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_TAKE,
                               ngx_recording_sql_int(next.id),
                               ngx_recording_sql_text(cat->store->owner),
                               ngx_recording_sql_text(next.owner),
                               ngx_recording_sql_int(ngx_recording_wall()));

    if (rc == NGX_OK && ngx_recording_sql_changes(cat->sql)) {

        if (next.attempts >= NGX_RECORDING_EDIT_ATTEMPTS) {
            rc = ngx_recording_catalogue_edit_give_up(cat, next.id);

        } else {
            rc = ngx_recording_catalogue_edit_facts(cat, next.id, &facts);
            taken = (rc == NGX_OK);
        }
    }

    free(facts.input);

    if (ngx_recording_catalogue_finish(cat, rc, err) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!taken) {
        return NGX_DECLINED;
    }

    *edit = facts.edit;

    return NGX_OK;
}


/* each of its workers has died: it would take one after the other */

static ngx_int_t
ngx_recording_catalogue_edit_give_up(ngx_recording_catalogue_t *cat,
    uint64_t id)
{
    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_FAIL,
                                 ngx_recording_sql_int(id),
                                 ngx_recording_sql_text(cat->store->owner),
                                 ngx_recording_sql_int(
                                                  NGX_RECORDING_EDIT_STORE),
                                 ngx_recording_sql_text(
                                        "the worker processes that began it "
                                        "have ended, it is given up"),
                                 ngx_recording_sql_int(ngx_recording_wall()));
}


/* by reading only: NGX_DECLINED: there is none */

static ngx_int_t
ngx_recording_catalogue_edit_next(ngx_recording_catalogue_t *cat,
    ngx_recording_edit_next_t *next, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc, lives;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    next->id = 0;

    do {
        rc = ngx_recording_catalogue_edit_look(cat, next);

        lives = rc != NGX_OK || next->owner[0] == '\0' ? NGX_DECLINED
                : ngx_recording_catalogue_db_lives(cat, next->owner);

    } while (rc == NGX_OK && lives == NGX_OK);

    if (lives == NGX_ERROR) {
        rc = NGX_ERROR;
    }

    if (ngx_recording_catalogue_finish(cat, rc == NGX_ERROR ? NGX_ERROR
                                                            : NGX_OK, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return rc;
}


/* the next one behind next->id */

static ngx_int_t
ngx_recording_catalogue_edit_look(ngx_recording_catalogue_t *cat,
    ngx_recording_edit_next_t *next)
{
    ngx_uint_t                found;
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_EDIT_NEXT,
                            ngx_recording_sql_int(next->id));

    found = ngx_recording_sql_next(&rows);

    if (found) {
        next->id = ngx_recording_sql_column_int(&rows, 0);
        ngx_recording_sql_column_copy(&rows, 1, next->owner,
                                      sizeof(next->owner));
        next->attempts = ngx_recording_sql_column_int(&rows, 2);
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        return NGX_ERROR;
    }

    return found ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_recording_catalogue_edit_begin(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_edit_begin_t *begin = arg;

    ngx_recording_file_t    *file;
    ngx_recording_stream_t  *stream;

    file = begin->file;
    stream = file->stream;

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_BEGUN,
                              ngx_recording_sql_int(begin->edit->id),
                              ngx_recording_sql_int(file->id),
                              ngx_recording_sql_text(cat->store->owner))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    begin->gone = (ngx_recording_sql_changes(cat->sql) == 0);

    if (begin->gone) {
        return NGX_OK;
    }

    if (ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_RECORDING,
                              ngx_recording_catalogue_sql_stream(stream),
                              ngx_recording_sql_int(file->recording_id),
                              ngx_recording_sql_str(&stream->task),
                              ngx_recording_sql_int(file->start),
                              ngx_recording_sql_str(&stream->delivers))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_catalogue_insert(cat, file, again);
}


ngx_int_t
ngx_recording_catalogue_edit_progress(ngx_recording_catalogue_t *cat,
    void *arg, ngx_uint_t again)
{
    ngx_recording_edit_progress_t *p = arg;

    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_recording_edit_input_t  *in;

    rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_PROGRESS,
                               ngx_recording_sql_int(p->edit->id),
                               ngx_recording_sql_text(cat->store->owner),
                               ngx_recording_sql_int(p->progress),
                               ngx_recording_sql_text(p->note));

    if (rc != NGX_OK || p->end_us == 0) {
        return rc;
    }

    for (i = 0; rc == NGX_OK && i < p->edit->n; i++) {
        in = &p->edit->inputs[i];

        rc = ngx_recording_sql_run(cat->sql,
                                   NGX_RECORDING_SQL_EDIT_INPUT_CUT,
                                   ngx_recording_sql_int(p->edit->id),
                                   ngx_recording_sql_int(i),
                                   ngx_recording_sql_int(in->from),
                                   ngx_recording_sql_int(in->to));
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_ENDED,
                                   ngx_recording_sql_int(p->recording_id),
                                   ngx_recording_sql_int(p->end_us));
    }

    p->gone = (rc == NGX_OK && ngx_recording_sql_changes(cat->sql) == 0);

    return rc;
}


ngx_int_t
ngx_recording_catalogue_edit_end(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_edit_end_t *end = arg;

    if (end->code == 0) {
        return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_RELEASE,
                                     ngx_recording_sql_int(end->id),
                                     ngx_recording_sql_text(
                                                        cat->store->owner));
    }

    return ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_EDIT_FAIL,
                                 ngx_recording_sql_int(end->id),
                                 ngx_recording_sql_text(cat->store->owner),
                                 ngx_recording_sql_int(end->code),
                                 ngx_recording_sql_text(end->text),
                                 ngx_recording_sql_int(ngx_recording_wall()));
}


ngx_int_t
ngx_recording_catalogue_edit_facts(ngx_recording_catalogue_t *cat,
    uint64_t id, ngx_recording_edit_facts_t *facts)
{
    ngx_uint_t                found;
    ngx_recording_edit_t     *edit;
    ngx_recording_sql_rows_t  rows;

    ngx_memzero(facts, sizeof(ngx_recording_edit_facts_t));

    edit = &facts->edit;
    edit->id = id;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_EDIT_FACTS,
                            ngx_recording_sql_int(id));

    found = ngx_recording_sql_next(&rows);

    if (found) {
        ngx_recording_sql_column_copy(&rows, 0, edit->format,
                                      sizeof(edit->format));
        ngx_recording_sql_column_copy(&rows, 1, edit->name,
                                      sizeof(edit->name));
        edit->expire_us = ngx_recording_sql_column_int(&rows, 2);
        edit->attempts = ngx_recording_sql_column_int(&rows, 3);
        ngx_recording_sql_column_copy(&rows, 4, facts->state,
                                      sizeof(facts->state));
        facts->input = strdup(ngx_recording_sql_column_text(&rows, 5));
        facts->created_us = ngx_recording_sql_column_int(&rows, 6);
        facts->begun_us = ngx_recording_sql_column_int(&rows, 7);
        facts->ended_us = ngx_recording_sql_column_int(&rows, 8);
        facts->progress = ngx_recording_sql_column_int(&rows, 9);
        edit->file_id = ngx_recording_sql_column_int(&rows, 10);
        facts->code = ngx_recording_sql_column_int(&rows, 11);
        ngx_recording_sql_column_copy(&rows, 12, facts->error,
                                      sizeof(facts->error));
        ngx_recording_sql_column_copy(&rows, 13, facts->session,
                                      sizeof(facts->session));
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK
        || (found && facts->input == NULL))
    {
        return NGX_ERROR;
    }

    return found ? ngx_recording_catalogue_edit_inputs(cat, edit)
                 : NGX_DECLINED;
}


static ngx_int_t
ngx_recording_catalogue_edit_inputs(ngx_recording_catalogue_t *cat,
    ngx_recording_edit_t *edit)
{
    ngx_recording_sql_rows_t     rows;
    ngx_recording_edit_input_t  *in;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_EDIT_INPUTS,
                            ngx_recording_sql_int(edit->id));

    while (ngx_recording_sql_next(&rows)
           && edit->n < NGX_RECORDING_EDIT_INPUTS)
    {
        in = &edit->inputs[edit->n++];

        in->file_id = ngx_recording_sql_column_int(&rows, 0);
        in->start = ngx_recording_sql_column_int(&rows, 1);
        in->end = ngx_recording_sql_column_int(&rows, 2);
        in->from = ngx_recording_sql_column_int(&rows, 3);
        in->to = ngx_recording_sql_column_int(&rows, 4);
    }

    return ngx_recording_sql_end(&rows);
}


ngx_int_t
ngx_recording_catalogue_edit_list(ngx_recording_catalogue_t *cat,
    ngx_recording_edit_list_e which, uint64_t before, uint64_t *ids,
    ngx_uint_t *n)
{
    ngx_uint_t                most;
    ngx_recording_sql_rows_t  rows;

    most = *n;
    *n = 0;

    switch (which) {

    case NGX_RECORDING_EDIT_LIST_ALL:
        ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_EDIT_LIST,
                                ngx_recording_sql_int(before),
                                ngx_recording_sql_int(most));
        break;

    case NGX_RECORDING_EDIT_LIST_OVER:
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_EDIT_LIST_OVER,
                                ngx_recording_sql_int(before),
                                ngx_recording_sql_int(most));
        break;

    default:
        ngx_recording_sql_query(cat->sql, &rows,
                                NGX_RECORDING_SQL_EDIT_LIST_OPEN,
                                ngx_recording_sql_int(before),
                                ngx_recording_sql_text(
                                    which == NGX_RECORDING_EDIT_LIST_WAITING
                                    ? "waiting" : "processing"),
                                ngx_recording_sql_int(most));
    }

    while (ngx_recording_sql_next(&rows)) {
        ids[(*n)++] = ngx_recording_sql_column_int(&rows, 0);
    }

    return ngx_recording_sql_end(&rows);
}


void
ngx_recording_catalogue_edit_name(uint64_t id,
    char name[NGX_RECORDING_EDIT_ID])
{
    (void) snprintf(name, NGX_RECORDING_EDIT_ID, NGX_RECORDING_EDIT_TASK
                    "%llu", (unsigned long long) id);
}


uint64_t
ngx_recording_catalogue_edit_id(const char *name, size_t len)
{
    size_t    i, prefix;
    uint64_t  id;

    prefix = sizeof(NGX_RECORDING_EDIT_TASK) - 1;

    if (len <= prefix || len > prefix + 19
        || ngx_strncmp(name, NGX_RECORDING_EDIT_TASK, prefix) != 0
        || name[prefix] == '0')
    {
        return 0;
    }

    for (id = 0, i = prefix; i < len; i++) {

        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }

        id = id * 10 + (name[i] - '0');
    }

    return id > INT64_MAX ? 0 : id;
}
