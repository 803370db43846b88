
/*
 * A catalogue that only reads: it sees what others have committed, changes
 * nothing, and gives up what takes too long.
 */


/* link: src/catalogue/ngx_recording_catalogue_db.c */
/* link: src/catalogue/ngx_recording_catalogue_wait.c */
/* link: src/catalogue/ngx_recording_catalogue_sql.c */
/* link: src/catalogue/ngx_recording_sql.c */
/* link: src/catalogue/ngx_recording_sqlite.c */
/* link: src/catalogue/ngx_recording_sqlite_open.c */
/* link: src/catalogue/ngx_recording_sqlite_check.c */
/* link: src/catalogue/ngx_recording_sqlite_copy.c */
/* libs: -lsqlite3 -lpthread */


#include "tap.h"
#include "stubs.h"
#include "store.h"
#include "ngx_recording_catalogue_sql.h"
#include "ngx_recording_catalogue.h"


sig_atomic_t  ngx_terminate;
ngx_uint_t    ngx_exiting;


#define TIME  200                    /* ms */


static ngx_recording_store_t            store;
static ngx_recording_catalogue_t        cat, reader;
static ngx_recording_catalogue_error_t  err;


static const ngx_recording_sql_statement_t  statements[] = {
    { "", "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
          " SELECT count(*) FROM n" },
    { "", "SELECT count(*) FROM files" },
    { "", "DELETE FROM files" },
};


static int64_t
count(void)
{
    int64_t                   n;
    ngx_recording_sql_rows_t  rows;

    n = -1;

    if (ngx_recording_catalogue_read(&reader, &err) != NGX_OK) {
        return -1;
    }

    ngx_recording_sql_query_values(reader.sql, &rows, 1, NULL, 0);

    if (ngx_recording_sql_next(&rows)) {
        n = ngx_recording_sql_column_int(&rows, 0);
    }

    return ngx_recording_catalogue_finish(&reader, ngx_recording_sql_end(&rows),
                                          &err)
           == NGX_OK ? n : -1;
}


static ngx_int_t
run(ngx_uint_t n)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_read(&reader, &err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_sql_run_values(reader.sql, n, NULL, 0);

    return ngx_recording_catalogue_finish(&reader, rc, &err);
}


int
main(void)
{
    int64_t  start, took;

    store_make(&store);

    ngx_recording_catalogue_init(&cat, &store);
    ngx_recording_catalogue_init_reader(&reader, &store, TIME);

    reader.sql->setup.statements = statements;

    ok(count() == -1 && *err.text, "there is none yet: %s", err.text);

    ok(ngx_recording_catalogue_begin(&cat, 0, &err) == NGX_OK
       && ngx_recording_catalogue_finish(&cat, NGX_OK, &err) == NGX_OK,
       "one is made");
    ok(count() == 0, "it has no files");

    ok(ngx_recording_catalogue_begin(&cat, 0, &err) == NGX_OK,
       "somebody writes");
    ok(count() == 0, "and does not keep it from reading");
    ok(ngx_recording_catalogue_finish(&cat, NGX_OK, &err) == NGX_OK, "done");

    ok(run(2) == NGX_ERROR, "it cannot write: %s", err.text);
    ok(!reader.late, "which is not for being late");

    start = ngx_recording_mono();

    ok(run(0) == NGX_ERROR && reader.late, "it takes too long: %s", err.text);

    took = ngx_recording_mono() - start;

    ok(took > TIME * 990 && took < TIME * 20000, "%lld us",
       (long long) took);
    ok(count() == 0 && !reader.late, "and reads again");

    start = ngx_recording_mono();
    ngx_terminate = 1;

    ok(run(0) == NGX_ERROR, "at a fast stop");
    ok(ngx_recording_mono() - start < TIME * 1000, "at once");

    ngx_terminate = 0;

    ngx_recording_catalogue_close(&reader);
    ngx_recording_catalogue_close(&cat);

    store_remove(&store);

    return tap_done();
}
