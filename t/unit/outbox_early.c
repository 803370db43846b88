
/*
 * Uploads that begin with their files: which row grows, when it waits, and when
 * it goes.
 */


/* link: src/catalogue/ngx_recording_catalogue_sql.c */
/* libs: -lsqlite3 */


#include "tap.h"
#include "rows.h"


#define BEGUN  "{\"upload_id\":\"u\",\"early\":1}"


static const char  states[] = "SELECT target || ' ' || state FROM outbox"
                              " WHERE kind = 'upload' ORDER BY target, id";
static const char  row[] = "SELECT state || ' ' || attempts || ' '"
                           " || coalesce(first_us, 'NULL') || ' ' || next_us"
                           " FROM outbox WHERE target = 'upload:a'";
static const char  facts[] = "SELECT (facts ->> 'state') || ' ' || (facts ->>"
                             " 'size') || ' ' || (facts ->> 'path')"
                             " FROM outbox WHERE target = 'upload:a'";


/* a file of a template with two uploads, one of which begins early */

static void
file(const char *state)
{
    char  *text;

    run("DELETE FROM files; DELETE FROM outbox; DELETE FROM sequences");

    text = sqlite3_mprintf("INSERT INTO files (file_id, recording_id, template,"
                           " domain, app, stream, stream_param, format, state,"
                           " start_us, path) VALUES (1, 7, 't', 'd', 'a', 's',"
                           " '', 'mp4', %Q, 1000, 'x/1.mp4')", state);
    run(text);
    sqlite3_free(text);

    run("UPDATE outbox SET id = 1, event_id = 'e' WHERE target = 'upload:a'");
}


static void
state(const char *state)
{
    char  *text;

    text = sqlite3_mprintf("UPDATE files SET state = %Q, size = 5", state);
    run(text);
    sqlite3_free(text);
}


static void
take(void)
{
    ok(statement(NGX_RECORDING_SQL_OUTBOX_TAKE, "iti", 1LL, "w", 50LL) == 1,
       "taken");
}


static void
returned(const char *progress)
{
    ok(statement(NGX_RECORDING_SQL_OUTBOX_RETURN, "ittITT", 1LL, "w", "e",
                 90LL, "stopped", progress) == 1, "returned");
}


static void
failed(const char *state, const char *progress)
{
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAILED, "itttitT", 1LL, "w", "e",
                 state, 90LL, "503", progress) == 1, "failed");
}


/* how many could be taken at a time; as it grows, and as it waits */

static void
due(long long now, int grows, int waits)
{
    ok(statement(NGX_RECORDING_SQL_OUTBOX_EARLY, "ttii", "t", "upload:a", now,
                 9LL) == grows
       && statement(NGX_RECORDING_SQL_OUTBOX_DUE, "ttiii", "t", "upload:a",
                    now, 0LL, 9LL) == waits,
       "%d grow, %d wait", grows, waits);
}


static void
begins(void)
{
    static const char  *open[] = { "recording", "paused", "finishing" };

    size_t  i;

    for (i = 0; i < 3; i++) {
        file(open[i]);
        gives(states, "upload:a growing", open[i]);
        ok(statement(NGX_RECORDING_SQL_OUTBOX_GROWS, "i", 1LL) == 1,
           "it grows");
    }

    gives("SELECT key || ' ' || holds || ' ' || seq FROM outbox"
          " WHERE target = 'upload:a'", "p/x/1.mp4 1 1", "its key");
    due(0, 1, 0);

    file("lost");
    gives(states, "", "nothing of a lost file");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_GROWS, "i", 1LL) == 0,
       "it does not grow");

    run("DELETE FROM files; INSERT INTO files (file_id, recording_id, template,"
        " domain, app, stream, stream_param, format, state, start_us)"
        " VALUES (2, 7, 't', '', '', '', '', 'mp4', 'recording', 0)");
    gives(states, "", "nor of one whose path is not known");

    file("finished");
    gives(states, "upload:a waiting,upload:b waiting", "one that was found");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_GROWS, "i", 1LL) == 0,
       "it does not grow");
}


static void
ends(void)
{
    file("recording");
    run("UPDATE outbox SET next_us = 90, attempts = 3, first_us = 40"
        " WHERE target = 'upload:a'");
    state("finished");
    gives(states, "upload:a waiting,upload:b waiting",
          "it waits when its file is finished, and there is no other one");
    gives(row, "waiting 0 NULL 0", "at once");
    gives(facts, "finished 5 x/1.mp4", "what it is made of");
    gives("SELECT state FROM outbox WHERE kind = 'file'", "held",
          "the event waits for it");

    file("recording");
    take();
    state("paused");
    state("recording");
    state("finishing");
    gives(row, "taken 1 50 0", "while it is taken it stays so");
    state("finished");
    gives(states, "upload:a taken,upload:b waiting", "also at the end");
    gives(facts, "finished 5 x/1.mp4", "what it is made of");
    returned(BEGUN);
    gives(row, "waiting 0 NULL 90", "it waits then");
    due(90, 0, 1);
    take();
    failed("waiting", BEGUN);
    gives(row, "waiting 1 50 90", "and is as any other one");

    state("evicted");
    state("finished");
    gives(states, "upload:a waiting,upload:b waiting",
          "a file that was found again");

    file("recording");
    run("DELETE FROM targets WHERE target = 'upload:a'");
    state("finished");
    gives(states, "upload:a waiting,upload:b waiting",
          "its target is not configured any more");
    run("INSERT INTO targets (template, target, kinds, holds, prefix, early)"
        " VALUES ('t', 'upload:a', 32, 1, 'p/', 1)");
}


static void
refused(void)
{
    file("recording");
    take();
    failed("dead", NULL);
    gives(row, "dead 1 50 90", "it is refused");
    state("finished");
    gives(states, "upload:a dead,upload:b waiting",
          "at the end it is not sent again");
    gives("SELECT state FROM outbox WHERE kind = 'file'", "held",
          "the event waits for the other one");
    run("UPDATE outbox SET state = 'waiting' WHERE state = 'dead'");
    gives(row, "waiting 1 NULL 90", "it can be sent again");
    gives(facts, "finished 5 x/1.mp4", "as what it is by now");

    run("UPDATE outbox SET state = 'dead' WHERE target = 'upload:a'");
    state("evicted");
    state("finished");
    gives(states, "upload:a dead,upload:a waiting,upload:b waiting",
          "of a file that was not there for a while it is");

    run("DELETE FROM targets WHERE target = 'upload:b'");
    file("recording");
    run("UPDATE outbox SET state = 'dead' WHERE target = 'upload:a'");
    run("UPDATE outbox SET state = 'waiting' WHERE target = 'upload:a'");
    gives(states, "upload:a growing", "sent again while it grows");
    run("UPDATE outbox SET state = 'dead' WHERE target = 'upload:a'");
    state("finished");
    gives("SELECT state FROM outbox WHERE kind = 'file'", "waiting",
          "the event waits for no dead one");
    run("DELETE FROM files; INSERT INTO files (file_id, recording_id, template,"
        " domain, app, stream, stream_param, format, state, start_us, path)"
        " VALUES (1, 7, 't', '', '', '', '', 'mp4', 'finished', 0, 'x')");
    gives(states, "upload:a dead,upload:a waiting",
          "a file that is made anew is delivered again");
    gives("SELECT state FROM outbox WHERE kind = 'file' ORDER BY id",
          "waiting,held", "and its event waits for that");
    run("INSERT INTO targets (template, target, kinds, holds) VALUES"
        " ('t', 'upload:b', 32, 1)");
}


static void
goes_back(void)
{
    file("recording");
    take();
    due(99, 0, 0);
    returned(NULL);
    gives(row, "growing 0 NULL 90", "returned, it grows again");
    due(89, 0, 0);
    due(90, 1, 0);

    take();
    failed("waiting", BEGUN);
    gives(row, "growing 0 NULL 90", "that was no attempt");
    gives("SELECT error FROM outbox", "503", "it failed");

    take();
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FREE, "t", "w") == 1,
       "its owner died");
    gives(row, "growing 0 NULL 0", "it grows again");

    state("finishing");
    take();
    returned(NULL);
    gives(row, "growing 0 NULL 90", "also as its file is made whole");

    ok(statement(NGX_RECORDING_SQL_OUTBOX_EARLY_FAR, "tti", "t", "upload:a",
                 90LL) == 0, "nothing waits too long");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_EARLY_FAR, "tti", "t", "upload:a",
                 80LL) == 1, "the clock was set back");
    due(0, 1, 0);

    ok(statement(NGX_RECORDING_SQL_OUTBOX_BACKUP, "tttiti", "t", "upload:a",
                 "backup:c", 0LL, "c/", 9LL) == 0,
       "nothing that grows goes to a backup");
}


/* its file is lost, or its row is deleted */

static void
is_lost(void)
{
    static const char  *how[] = {
        "UPDATE files SET state = 'lost'", "DELETE FROM files"
    };

    size_t  i;

    for (i = 0; i < 2; i++) {
        file("recording");
        run(how[i]);
        gives(states, "", how[i]);

        file("recording");
        run("UPDATE outbox SET progress = '" BEGUN "', next_us = 90");
        run(how[i]);
        gives(row, "waiting 0 NULL 0", "what is begun is to be aborted");
        ok(statement(NGX_RECORDING_SQL_OUTBOX_BACKUP, "tttiti", "t",
                     "upload:a", "backup:c", 0LL, "c/", 9LL) == 0,
           "that is nothing for a backup");
        take();
        returned(NULL);
        gives(row, "waiting 0 50 90", "until it is");

        file("recording");
        take();
        run(how[i]);
        gives(row, "taken 1 50 0", "while it is taken it stays so");
        returned(NULL);
        gives(states, "", "nothing is left to be done then");

        file("recording");
        take();
        run(how[i]);
        returned(BEGUN);
        gives(row, "waiting 0 50 90", "but for what is begun");

        file("recording");
        take();
        run(how[i]);
        ok(statement(NGX_RECORDING_SQL_OUTBOX_FREE, "t", "w") == 1,
           "its owner died");
        gives(states, "", "nothing is left to be done");
    }

    file("finished");
    take();
    run("DELETE FROM files");
    returned(NULL);
    gives(row, "waiting 0 50 90", "one that was finished is tried again");
}


/* something lies at its path */

static void
moved(void)
{
    file("recording");
    run("UPDATE files SET path = 'x/1-1.mp4'");
    gives("SELECT key FROM outbox WHERE target = 'upload:a'", "p/x/1-1.mp4",
          "the key follows");
    gives(facts, "recording 0 x/1-1.mp4", "and where it is");

    take();
    returned(BEGUN);
    run("UPDATE files SET path = 'x/1-2.mp4'");
    gives("SELECT key FROM outbox WHERE target = 'upload:a'", "p/x/1-1.mp4",
          "not when it is begun");
    gives(facts, "recording 0 x/1-2.mp4", "but where it is");

    state("finished");
    gives(facts, "finished 5 x/1-2.mp4", "at its end");
    gives("SELECT key FROM outbox WHERE kind = 'upload' ORDER BY target",
          "p/x/1-1.mp4,x/1-2.mp4", "the keys");

    file("recording");
    take();
    run("UPDATE files SET path = 'x/1-1.mp4'");
    gives("SELECT key FROM outbox WHERE target = 'upload:a'", "p/x/1.mp4",
          "nor while it is taken");
    gives(facts, "recording 0 x/1-1.mp4", "where it is");
}


int
main(void)
{
    db = memory_catalogue();

    run(ngx_recording_catalogue_sql_schema.totals);
    run("INSERT INTO targets (template, target, kinds, holds, prefix, early)"
        " VALUES ('t', 'n', 1, 0, '', 0), ('t', 'upload:a', 32, 1, 'p/', 1),"
        " ('t', 'upload:b', 32, 1, '', 0), ('t', 'backup:c', 0, 0, 'c/', 0),"
        " ('u', 'upload:a', 32, 1, 'u/', 1)");

    begins();
    ends();
    refused();
    goes_back();
    is_lost();
    moved();

    (void) sqlite3_close(db);

    return tap_done();
}
