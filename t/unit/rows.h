
/*
 * Rows of a catalogue in memory, for unit tests of its triggers and statements:
 * what is run ends the test if it fails.
 */


#include "memory.h"


#define NONE  INT64_MIN


static sqlite3  *db;


static void
run(const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
        printf("Bail out! %s: %s\n", text, sqlite3_errmsg(db));
        exit(1);
    }
}


/* the first column of all rows, with commas */

static const char *
list(const char *sql)
{
    const char    *value;
    sqlite3_stmt  *st;
    static char    text[65536];

    text[0] = '\0';

    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
        printf("Bail out! %s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }

    while (sqlite3_step(st) == SQLITE_ROW) {
        if (text[0]) {
            strcat(text, ",");
        }

        value = (const char *) sqlite3_column_text(st, 0);
        strcat(text, value ? value : "NULL");
    }

    (void) sqlite3_finalize(st);

    return text;
}


static void
gives(const char *sql, const char *wanted, const char *name)
{
    const char  *got;

    got = list(sql);

    if (!ok(strcmp(got, wanted) == 0, "%s", name)) {
        printf("# got %s\n# wanted %s\n", got, wanted);
    }
}


/* statements with numbers and texts as they come; NONE and NULL are NULL */

static int
statement(ngx_uint_t n, const char *types, ...)
{
    int            i, rows;
    va_list        args;
    long long      number;
    sqlite3_stmt  *st;

    ok(strcmp(types, ngx_recording_catalogue_sql[n].types) == 0,
       "parameters of %d", (int) n);

    if (sqlite3_prepare_v2(db, ngx_recording_catalogue_sql[n].text, -1, &st,
                           NULL)
        != SQLITE_OK)
    {
        printf("Bail out! %s\n", sqlite3_errmsg(db));
        exit(1);
    }

    va_start(args, types);

    for (i = 0; types[i]; i++) {
        if (types[i] == 'i' || types[i] == 'I') {
            number = va_arg(args, long long);

            if (number != NONE) {
                (void) sqlite3_bind_int64(st, i + 1, number);
            }

        } else {
            (void) sqlite3_bind_text(st, i + 1, va_arg(args, char *), -1,
                                     SQLITE_TRANSIENT);
        }
    }

    va_end(args);

    rows = 0;

    /* of a walk through files, those that may go */

    while (sqlite3_step(st) == SQLITE_ROW) {
        rows += sqlite3_column_count(st) != 7 || sqlite3_column_int(st, 6);
    }

    if (sqlite3_stmt_readonly(st) == 0) {
        rows = sqlite3_changes(db);
    }

    (void) sqlite3_finalize(st);

    return rows;
}
