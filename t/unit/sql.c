
/*
 * Running a statement: its values fit the letters of its row, or nothing runs;
 * and what failed among the rows is told at the end.  By an engine that only
 * remembers.
 */


/* link: src/catalogue/ngx_recording_sql.c */


#include "tap.h"
#include "ngx_recording_sql.h"


#define WRITE   0
#define SELECT  1


static const ngx_recording_sql_statement_t  statements[] = {
    [WRITE] = { "itIT", "write" },
    [SELECT] = { "", "select" },
};


static char        bound[256];     /* "1=7 2=text " */
static ngx_uint_t  steps;
static ngx_uint_t  finished;
static ngx_uint_t  left;           /* rows */
static ngx_int_t   after;          /* what a step returns behind them */
static ngx_uint_t  null;           /* the column is NULL */
static const char *text;           /* NULL: no memory for it */


static ngx_recording_sql_stmt_t *
prepare(ngx_recording_sql_t *sql, ngx_uint_t n)
{
    bound[0] = '\0';
    steps = 0;
    finished = 0;

    return (ngx_recording_sql_stmt_t *) &bound;
}


static ngx_recording_sql_stmt_t *
prepare_nothing(ngx_recording_sql_t *sql, ngx_uint_t n)
{
    return NULL;
}


static ngx_int_t
bind_int(ngx_recording_sql_stmt_t *st, ngx_uint_t n, int64_t number)
{
    size_t  len;

    len = strlen(bound);
    (void) snprintf(bound + len, sizeof(bound) - len, "%u=%lld ",
                    (unsigned) n, (long long) number);
    return NGX_OK;
}


static ngx_int_t
bind_text(ngx_recording_sql_stmt_t *st, ngx_uint_t n, const char *data,
    size_t size)
{
    size_t  len;

    len = strlen(bound);
    (void) snprintf(bound + len, sizeof(bound) - len, "%u=%.*s ",
                    (unsigned) n, (int) size, data);
    return NGX_OK;
}


static ngx_int_t
step(ngx_recording_sql_stmt_t *st)
{
    steps++;

    return left && left-- ? NGX_OK : after;
}


static ngx_uint_t
is_null(ngx_recording_sql_stmt_t *st, ngx_uint_t n)
{
    return null;
}


static const char *
column_text(ngx_recording_sql_stmt_t *st, ngx_uint_t n, size_t *len)
{
    *len = text ? strlen(text) : 0;

    return text;
}


static void
finish(ngx_recording_sql_stmt_t *st)
{
    finished++;
}


static ngx_recording_sql_engine_t  engine = {
    .prepare = prepare,
    .bind_int = bind_int,
    .bind_text = bind_text,
    .step = step,
    .is_null = is_null,
    .column_text = column_text,
    .finish = finish,
};

static ngx_recording_sql_t  sql = {
    .engine = &engine,
    .setup = { .statements = statements, .n = 2 },
};


static void
values(void)
{
    ngx_str_t                  str;
    ngx_recording_sql_value_t  one, name;

    ngx_str_set(&str, "two");

    one = ngx_recording_sql_int(1);
    name = ngx_recording_sql_str(&str);
    after = NGX_DONE;

    is(ngx_recording_sql_run(&sql, WRITE, one, name,
                             ngx_recording_sql_int(-3),
                             ngx_recording_sql_text("")),
       NGX_OK, "values that fit");
    ok(strcmp(bound, "1=1 2=two 3=-3 4= ") == 0, "are bound: %s", bound);
    is(finished, 1, "and the statement is given back");

    is(ngx_recording_sql_run(&sql, WRITE, one, name,
                             ngx_recording_sql_null(),
                             ngx_recording_sql_null()),
       NGX_OK, "NULL where it may be");
    ok(strcmp(bound, "1=1 2=two ") == 0, "is not bound: %s", bound);

    is(ngx_recording_sql_run(&sql, WRITE, one, name), NGX_ERROR, "too few");
    is(steps, 0, "nothing runs");
    is(finished, 1, "but it is given back");

    is(ngx_recording_sql_run(&sql, WRITE, one, name, one, name, one),
       NGX_ERROR, "too many");
    is(ngx_recording_sql_run(&sql, SELECT, one), NGX_ERROR,
       "where none is taken");
    is(ngx_recording_sql_run(&sql, WRITE, name, name, one, name), NGX_ERROR,
       "a text for a number");
    is(ngx_recording_sql_run(&sql, WRITE, one, one, one, name), NGX_ERROR,
       "a number for a text");
    is(ngx_recording_sql_run(&sql, WRITE, ngx_recording_sql_null(), name, one,
                             name),
       NGX_ERROR, "NULL where it may not be");
    is(steps, 0, "nothing runs");
}


static void
rows(void)
{
    ngx_uint_t                 n;
    ngx_recording_sql_rows_t   r;

    left = 2;
    after = NGX_DONE;

    ngx_recording_sql_query(&sql, &r, SELECT);

    for (n = 0; ngx_recording_sql_next(&r); n++) { /* void */ }

    is(n, 2, "all rows");
    is(ngx_recording_sql_next(&r), 0, "and no more");
    is(steps, 3, "which is not asked again");
    is(ngx_recording_sql_end(&r), NGX_OK, "their end");

    left = 2;

    ngx_recording_sql_query(&sql, &r, SELECT);

    is(ngx_recording_sql_next(&r), 1, "one of two rows");
    is(ngx_recording_sql_end(&r), NGX_OK, "is enough");
    is(finished, 1, "the statement is given back");

    left = 1;
    after = NGX_ERROR;

    ngx_recording_sql_query(&sql, &r, SELECT);

    for (n = 0; ngx_recording_sql_next(&r); n++) { /* void */ }

    is(n, 1, "a row before it fails");
    is(ngx_recording_sql_end(&r), NGX_ERROR, "the end tells");

    engine.prepare = prepare_nothing;
    finished = 0;

    ngx_recording_sql_query(&sql, &r, SELECT);

    is(ngx_recording_sql_next(&r), 0, "no statement, no row");
    is(ngx_recording_sql_end(&r), NGX_ERROR, "the end tells");
    is(finished, 0, "nothing is given back");

    engine.prepare = prepare;
}


static void
texts(void)
{
    ngx_recording_sql_rows_t  r;

    left = 9;
    null = 0;
    text = "text";

    ngx_recording_sql_query(&sql, &r, SELECT);
    (void) ngx_recording_sql_next(&r);

    ok(strcmp(ngx_recording_sql_column_text(&r, 0), "text") == 0, "a text");

    null = 1;
    text = NULL;

    ok(*ngx_recording_sql_column_text(&r, 0) == '\0', "NULL is empty");
    is(ngx_recording_sql_next(&r), 1, "and no failure");

    null = 0;

    ok(*ngx_recording_sql_column_text(&r, 0) == '\0',
       "one without memory is empty");
    is(ngx_recording_sql_next(&r), 0, "there are no rows behind it");
    is(ngx_recording_sql_end(&r), NGX_ERROR, "the end tells");
}


int
main(void)
{
    values();
    rows();
    texts();

    return tap_done();
}
