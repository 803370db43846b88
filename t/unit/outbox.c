
/*
 * The outbox's triggers: which row is written by which change of a file, for
 * whom, in which order; and the statements that take them.
 */


/* link: src/catalogue/ngx_recording_catalogue_sql.c */
/* libs: -lsqlite3 */


#include "tap.h"
#include "memory.h"


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
    static char    text[4096];

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


static void
file(int id, const char *format, const char *state)
{
    char  *text;

    text = sqlite3_mprintf("INSERT INTO files (file_id, recording_id, template,"
                           " domain, app, stream, stream_param, format, state,"
                           " start_us, path) VALUES (%d, 7, 't', 'd', 'a', 's',"
                           " '', %Q, %Q, 1000, 'p%d')", id, format, state, id);
    run(text);
    sqlite3_free(text);
}


static void
begun(void)
{
    run("DELETE FROM files; DELETE FROM recordings; DELETE FROM outbox;"
        " INSERT INTO recordings (recording_id, template, domain, app, stream,"
        " stream_param, owner, start_us) VALUES (7, 't', 'd', 'a', 's', '',"
        " 'w', 1000)");
}


static const char  all[] = "SELECT event FROM outbox WHERE target = 'all'"
                           " ORDER BY id";
static const char  seq[] = "SELECT seq FROM outbox WHERE target = 'all'"
                           " ORDER BY id";


static void
life(void)
{
    begun();

    file(1, "mp4", "recording");
    file(2, "hls", "recording");
    run("UPDATE files SET state = 'paused' WHERE file_id = 2");
    run("UPDATE files SET state = 'recording' WHERE file_id = 2");
    run("UPDATE files SET state = 'finishing' WHERE file_id = 1");
    run("UPDATE files SET state = 'finished', size = 5 WHERE file_id = 1");
    run("UPDATE files SET state = 'finished', size = 6 WHERE file_id = 1");
    file(3, "mp4", "recording");
    run("UPDATE files SET state = 'lost' WHERE file_id = 3");
    run("UPDATE recordings SET end_us = 2000");
    run("UPDATE recordings SET end_us = 3000");
    run("UPDATE files SET state = 'evicted' WHERE file_id = 1");

    gives(all, "record_start_succeeded,record_start_succeeded,record_paused,"
       "record_resumed,file,record_error,lost,record_ended,record_ended,"
       "evicted", "all events of a life");
    gives(seq, "1,2,3,4,5,6,7,8,9,10", "their numbers");
    gives("SELECT event || seq FROM outbox WHERE target = 'files'", "file1",
       "another target counts its own");
    gives("SELECT count(DISTINCT event_id) FROM outbox", "11",
          "each has an id");
    gives("SELECT length(event_id) FROM outbox LIMIT 1", "32", "its length");
    gives("SELECT facts ->> 'size' FROM outbox WHERE event = 'file'", "5,5",
       "facts are those of that moment");
    gives("SELECT facts ->> 'format' FROM outbox WHERE event = 'record_ended'"
       " ORDER BY 1", "hls,mp4", "one for each format");
    gives("SELECT abs(event_us - unixepoch() * 1000000) < 2000000 FROM outbox"
       " LIMIT 1", "1", "the time");
    gives("SELECT count(*) FROM outbox WHERE holds = 1", "0", "none holds");
}


static void
odd(void)
{
    begun();

    file(1, "mp4", "lost");
    gives(all, "record_start_failed", "nothing was written");

    begun();
    file(1, "mp4", "recording");
    run("DELETE FROM files");
    gives(all, "record_start_succeeded,record_error", "it was removed again");

    begun();
    run("INSERT INTO files (file_id, recording_id, template, domain, app,"
        " stream, stream_param, format, state, start_us, recovered)"
        " VALUES (1, 7, 't', '', '', '', '', 'mp4', 'recording', 0, 1)");
    gives(all, "", "one that was found has begun before");

    begun();
    run("INSERT INTO files (file_id, recording_id, template, domain, app,"
        " stream, stream_param, format, state, start_us, told)"
        " VALUES (1, 7, 't', '', '', '', '', 'mp4', 'finished', 0, 1),"
        " (2, 7, 't', '', '', '', '', 'mp4', 'finished', 0, 0),"
        " (3, 7, 'u', '', '', '', '', 'mp4', 'finished', 0, 0)");
    gives("SELECT file_id FROM outbox WHERE target = 'all'", "2",
       "one that was found, unless all were told, or nobody is");

    gives("SELECT told FROM files ORDER BY file_id", "1,0,1",
          "nobody is left to be told");

    run("DELETE FROM recordings");
    gives("SELECT count(*) FROM sequences", "0",
          "numbers go with the recording");
}


/* statements with numbers and texts as they come */

static int
statement(ngx_uint_t n, const char *types, ...)
{
    int            i, rows;
    va_list        args;
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
        if (types[i] == 'i') {
            (void) sqlite3_bind_int64(st, i + 1, va_arg(args, long long));

        } else {
            (void) sqlite3_bind_text(st, i + 1, va_arg(args, char *), -1,
                                     SQLITE_TRANSIENT);
        }
    }

    va_end(args);

    rows = 0;

    while (sqlite3_step(st) == SQLITE_ROW) {
        rows++;
    }

    if (sqlite3_stmt_readonly(st) == 0) {
        rows = sqlite3_changes(db);
    }

    (void) sqlite3_finalize(st);

    return rows;
}


static void
taking(void)
{
    begun();

    file(1, "mp4", "recording");
    file(2, "hls", "recording");
    run("UPDATE outbox SET id = seq, event_id = 'e' || seq"
        " WHERE target = 'all'");

    ok(statement(NGX_RECORDING_SQL_OUTBOX_DUE, "ttiii", "t", "all", 50LL, 3LL,
                 9LL) == 1, "the second waits for the first");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_DUE, "ttiii", "t", "all", 50LL, 0LL,
                 9LL) == 2, "unless the order does not matter");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_DUE, "ttiii", "t", "files", 50LL, 3LL,
                 9LL) == 0, "another target has none");

    ok(statement(NGX_RECORDING_SQL_OUTBOX_TAKE, "iti", 1LL, "w", 50LL) == 1,
       "taken");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_TAKE, "iti", 1LL, "v", 50LL) == 0,
       "once");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_DUE, "ttiii", "t", "all", 50LL, 3LL,
                 9LL) == 0, "the second waits while the first is told");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAILED, "itttit", 1LL, "v", "e1",
                 "waiting", 90LL, "e") == 0, "by its owner only");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAILED, "itttit", 1LL, "w", "e2",
                 "waiting", 90LL, "e") == 0, "another event has its id now");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAILED, "itttit", 1LL, "w", "e1",
                 "waiting", 90LL, "e") == 1, "failed");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_DUE, "ttiii", "t", "all", 50LL, 3LL,
                 9LL) == 0, "the second waits while the first is tried again");

    run("UPDATE outbox SET attempts = 3 WHERE id = 1");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_DUE, "ttiii", "t", "all", 50LL, 3LL,
                 9LL) == 1, "but not for ever");

    ok(statement(NGX_RECORDING_SQL_OUTBOX_TAKE, "iti", 2LL, "w", 50LL) == 1,
       "taken");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FREE, "t", "w") == 1,
       "its owner died");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_TAKE, "iti", 2LL, "v", 50LL) == 1,
       "another one takes it");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_RETURN, "itt", 2LL, "v",
                 "e2") == 1,
       "and gives it back");
    gives("SELECT attempts || ' ' || first_us FROM outbox WHERE id = 2", "1 50",
       "that was no attempt");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAR, "ttiii", "t", "all", 90LL, 12LL,
                 100LL) == 0, "nothing waits too long");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAR, "ttiii", "t", "all", 80LL, 2LL,
                 100LL) == 0, "after many attempts longer");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAR, "ttiii", "t", "all", 80LL, 12LL,
                 100LL) == 1, "the clock was set back");
    run("UPDATE outbox SET first_us = 40, next_us = 30 WHERE id = 1");
    gives("SELECT max(max(next_us, coalesce(first_us, 0))) FROM outbox", "50",
          "when one was tried");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_SILENT, "ttii", "t", "all", 90LL,
                 40LL) == 2, "what nobody tried for long");
    gives("SELECT group_concat(first_us || ' ' || next_us) FROM outbox"
          " WHERE target = 'all'", "80 90,90 90", "has more time");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_LEFT, "tt", "", "") == 1,
       "a target for which rows wait");
}


static void
exceptions(void)
{
    begun();

    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittt", 7LL, "lost", "",
                 "x") == 1, "an exception");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittt", 7LL, "lost", "",
                 "x") == 0, "once in two minutes");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittt", 7LL, "changed",
                 "", "x") == 1, "another one");
    run("UPDATE outbox SET event_us = event_us - 121000000");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittt", 7LL, "lost", "",
                 "x") == 1, "after two minutes");
    gives("SELECT facts ->> 'text' FROM outbox LIMIT 1", "x", "what was said");

    begun();

    ok(statement(NGX_RECORDING_SQL_OUTBOX_ERROR, "itt", 7LL, "mp4", "x") == 1,
       "a format without a file");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_ERROR, "itt", 7LL, "mp4", "x") == 0,
       "once");
    file(1, "flv", "recording");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_ERROR, "itt", 7LL, "flv", "x") == 1,
       "one with");
    gives(all, "record_start_failed,record_start_succeeded,record_error",
       "their events");
}


int
main(void)
{
    db = memory_catalogue();

    run(ngx_recording_catalogue_sql_schema.totals);
    run("INSERT INTO targets VALUES ('t', 'all', 15, 0), ('t', 'files', 1, 0),"
        " ('u', 'none', 2, 0)");

    life();
    odd();
    taking();
    exceptions();

    (void) sqlite3_close(db);

    return tap_done();
}
