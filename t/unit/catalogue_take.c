
/*
 * Taking a file: by what a reader saw a moment ago, while other workers change
 * its row.
 */


/* link: src/catalogue/ngx_recording_catalogue_sql.c */
/* libs: -lsqlite3 */


#include "tap.h"
#include "memory.h"


#define NOW  1000000000000LL


static sqlite3  *db;


/* rows that are taken from `from`, of a file in a state, by TAKE_FILE */

static int
take(const char *state, const char *owner, const char *until,
    const char *from)
{
    int            taken;
    char          *insert;
    sqlite3_stmt  *st;

    insert = sqlite3_mprintf("DELETE FROM files; INSERT INTO files (file_id,"
                             " recording_id, template, domain, server, app,"
                             " stream, stream_param, format, state, start_us,"
                             " path, owner, resume_us) VALUES (1, 1, 't', '',"
                             " '', 'a', 's', '', 'mp4', %Q, 0, 'p', %Q, %s)",
                             state, owner, until);

    if (sqlite3_exec(db, insert, NULL, NULL, NULL) != SQLITE_OK
        || sqlite3_prepare_v2(db, ngx_recording_catalogue_sql
                                      [NGX_RECORDING_SQL_TAKE_FILE].text, -1,
                              &st, NULL)
           != SQLITE_OK)
    {
        printf("Bail out! %s\n", sqlite3_errmsg(db));
        exit(1);
    }

    sqlite3_free(insert);

    (void) sqlite3_bind_int64(st, 1, 1);
    (void) sqlite3_bind_text(st, 2, "finishing", -1, SQLITE_STATIC);
    (void) sqlite3_bind_text(st, 3, "worker.2", -1, SQLITE_STATIC);
    (void) sqlite3_bind_int(st, 4, 0);
    (void) sqlite3_bind_text(st, 5, from, -1, SQLITE_STATIC);
    (void) sqlite3_bind_int64(st, 6, NOW);

    (void) sqlite3_step(st);
    taken = sqlite3_changes(db);

    (void) sqlite3_finalize(st);

    return taken;
}


int
main(void)
{
    size_t              i;
    static const char  *over[] = { "finished", "lost", "evicted", "expired",
                                   "deleted" };

    db = memory_catalogue();

    ok(take("paused", "", "999999999999", ""), "its time is over");
    ok(!take("paused", "", "1000000500000", ""), "it waits yet");
    ok(take("paused", "", "1000000000000 + 7200000000", ""),
       "it waits until a time that was written by a wrong clock");
    ok(take("finishing", "", "NULL", ""), "released");
    ok(take("recording", "worker.1", "NULL", "worker.1"), "of a dead worker");
    ok(!take("recording", "worker.3", "NULL", "worker.1"),
       "another one has it by now");
    ok(!take("recording", "worker.3", "NULL", ""), "the same, of nobody");

    for (i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
        ok(!take(over[i], "", "NULL", ""), "another one has ended it: %s",
           over[i]);
    }

    (void) sqlite3_close(db);

    return tap_done();
}
