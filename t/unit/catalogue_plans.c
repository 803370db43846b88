
/*
 * How SQLite runs each statement of the catalogue: by an index, never by
 * looking through a table; and that its row tells of each parameter.
 */


/* link: src/catalogue/ngx_recording_catalogue_sql.c */
/* libs: -lsqlite3 */


#include "tap.h"
#include "memory.h"


/* what has one row, or rows of its own, or an index of just what is wanted */

static const char  *small[] = {
    "SCAN totals", "SCAN policy", "SCAN CONSTANT ROW", "SCAN (subquery",
    "SCAN 2 CONSTANT", "SCAN 5 CONSTANT", "SCAN 5-ROW VALUES",
    "SCAN o VIRTUAL TABLE", "SCAN counts", "SCAN t", "SCAN v VIRTUAL TABLE",
    "SCAN c VIRTUAL TABLE", "SCAN s VIRTUAL TABLE",
    "SCAN main.files USING INDEX files_away",
    "SCAN files USING INDEX files_away",
    "SCAN files USING COVERING INDEX files_away",
};


static sqlite3     *db;


static int
is_small(const char *detail)
{
    size_t  i;

    for (i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
        if (strncmp(detail, small[i], strlen(small[i])) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
plan(const char *sql)
{
    int            rc, scans;
    char          *explain;
    const char    *detail;
    sqlite3_stmt  *st;

    explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    rc = sqlite3_prepare_v2(db, explain, -1, &st, NULL);
    sqlite3_free(explain);

    if (rc != SQLITE_OK) {
        ok(0, "%s: %s", sql, sqlite3_errmsg(db));
        return;
    }

    scans = 0;

    while (sqlite3_step(st) == SQLITE_ROW) {
        detail = (const char *) sqlite3_column_text(st, 3);

        if (strncmp(detail, "SCAN", 4) == 0 && !is_small(detail)) {
            printf("# %s\n", detail);
            scans++;
        }

        if (strstr(detail, "TEMP B-TREE") != NULL) {
            printf("# %s\n", detail);
            scans++;
        }
    }

    (void) sqlite3_finalize(st);

    ok(scans == 0, "%.60s", sql);
}


/* a letter for each, and no other */

static void
parameters(const ngx_recording_sql_statement_t *row)
{
    int            n;
    sqlite3_stmt  *st;

    if (sqlite3_prepare_v2(db, row->text, -1, &st, NULL) != SQLITE_OK) {
        ok(0, "%s: %s", row->text, sqlite3_errmsg(db));
        return;
    }

    n = sqlite3_bind_parameter_count(st);

    ok((size_t) n == strlen(row->types) && strspn(row->types, "itIT")
                                           == strlen(row->types),
       "%d parameters: \"%s\"", n, row->types);

    (void) sqlite3_finalize(st);
}


/* as the hourly copy has it: a table of its own, or rows by an index */

static void
copied(const ngx_recording_sql_kept_t *kept)
{
    char  *sql;

    if (strcmp(kept->where, "1") == 0) {
        return;
    }

    sql = sqlite3_mprintf("CREATE TABLE copy.%s AS SELECT * FROM main.%s"
                          " WHERE %s", kept->table, kept->table, kept->where);
    plan(sql);
    sqlite3_free(sql);
}


int
main(void)
{
    size_t                           i;
    const ngx_recording_sql_kept_t  *kept;

    db = memory_catalogue();

    if (sqlite3_exec(db, ngx_recording_catalogue_sql_schema.totals, NULL, NULL,
                     NULL)
        != SQLITE_OK)
    {
        printf("Bail out! %s\n", sqlite3_errmsg(db));
        return 1;
    }

    for (i = 0; i < NGX_RECORDING_SQLS; i++) {
        parameters(&ngx_recording_catalogue_sql[i]);
        plan(ngx_recording_catalogue_sql[i].text);
    }

    (void) sqlite3_exec(db, "ATTACH ':memory:' AS copy", NULL, NULL, NULL);

    for (kept = ngx_recording_catalogue_sql_schema.kept; kept->table; kept++) {
        copied(kept);
    }

    (void) sqlite3_close(db);

    return tap_done();
}
