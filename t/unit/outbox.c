
/*
 * The outbox's triggers: which row is written by which change of a file, for
 * whom, in which order; and the statements that take them.
 */


/* link: src/catalogue/ngx_recording_catalogue_sql.c */
/* libs: -lsqlite3 */


#include "tap.h"
#include "rows.h"


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


/* the file before stays open for a track that lags */

static void
cut(void)
{
    begun();

    file(1, "mp4", "recording");
    file(2, "mp4", "recording");
    run("UPDATE files SET state = 'paused'");
    run("UPDATE files SET state = 'recording' WHERE file_id = 2");
    run("UPDATE files SET state = 'recording' WHERE file_id = 1");

    gives(all, "record_start_succeeded,record_paused,record_resumed",
          "once for a format");
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
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAILED, "itttitT", 1LL, "v", "e1",
                 "waiting", 90LL, "e", NULL) == 0, "by its owner only");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAILED, "itttitT", 1LL, "w", "e2",
                 "waiting", 90LL, "e", NULL) == 0,
       "another event has its id now");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_FAILED, "itttitT", 1LL, "w", "e1",
                 "waiting", 90LL, "e", NULL) == 1, "failed");
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
    ok(statement(NGX_RECORDING_SQL_OUTBOX_RETURN, "ittITT", 2LL, "v",
                 "e2", NONE, NULL, NULL) == 1,
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


/* whom calls have told: by the domain, or its application */

static void
callbacks(void)
{
    static const char  called[] = "SELECT group_concat(target) FROM (SELECT"
                                  " target FROM outbox WHERE template > 't='"
                                  " OR template < 't' ORDER BY id)";

    begun();

    run("INSERT INTO callback_targets VALUES"
        " ('callback=c', 'c:file', 1, 7, 'u', 'k', 0),"
        " ('callback=c', 'c:status', 2, 7, 'u', 'k', 0),"
        " ('callback=c', 'c:wrong', 4, 1, 'u', 'k', 0),"
        " ('callback=o', 'o:status', 2, 7, 'u', '', 0)");
    run("INSERT INTO callback_rules VALUES ('d', '', 1, 'callback=c', 0, 0),"
        " ('d', 'a', 2, 'callback=o', 0, 0)");
    gives("SELECT count(*) FROM targets WHERE template LIKE 'callback=%'", "4",
          "they are targets");

    file(1, "mp4", "recording");
    gives(called, "o:status", "by the application");

    run("DELETE FROM callback_rules WHERE app = 'a'");
    run("UPDATE recordings SET domain = 'D'");
    file(2, "hls", "recording");
    run("UPDATE files SET domain = 'D'");
    run("UPDATE files SET state = 'finished', size = 5 WHERE file_id = 2");
    gives(called, "o:status,c:status,c:file", "by the domain");

    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittti", 7LL, "lost",
                 "", "x", 2LL) == 1, "a level that it does not want");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittti", 7LL, "changed",
                 "", "x", 1LL) == 2, "and one that it wants");

    run("UPDATE files SET domain = 'e'");
    run("UPDATE files SET state = 'finished', size = 5 WHERE file_id = 1");
    gives(called, "o:status,c:status,c:file,c:wrong", "another domain");

    /* what is under way when its URL goes, and has failed */

    run("UPDATE outbox SET state = 'taken', owner = 'w'"
        " WHERE target = 'c:file'");
    run("DELETE FROM callback_targets WHERE target = 'c:file'");
    gives("SELECT count(*) FROM targets WHERE template LIKE 'callback=%'", "3",
          "one is gone");
    run("UPDATE outbox SET state = 'waiting' WHERE state = 'taken'");
    gives("SELECT group_concat(state || error) FROM outbox"
          " WHERE target = 'c:file'",
          "deada call has removed this URL, or its callback template",
          "is dead");
    ok(statement(NGX_RECORDING_SQL_CALLBACK_LOST, "t", "callback=c") == 0,
       "others wait");
    run("DELETE FROM callback_targets WHERE template = 'callback=c'");
    ok(statement(NGX_RECORDING_SQL_CALLBACK_LOST, "t", "callback=c") == 2,
       "as long as they have a URL");

    run("DELETE FROM callback_targets; DELETE FROM callback_rules");
}


static void
exceptions(void)
{
    begun();

    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittti", 7LL, "lost",
                 "", "x", 2LL) == 1, "an exception");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittti", 7LL, "lost",
                 "", "x", 2LL) == 0, "once in two minutes");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittti", 7LL, "changed",
                 "", "x", 2LL) == 1, "another one");
    run("UPDATE outbox SET event_us = event_us - 121000000");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_EXCEPTION, "ittti", 7LL, "lost",
                 "", "x", 2LL) == 1, "after two minutes");
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


/* a file of a template with two uploads, finished */

static const char  states[] = "SELECT target || ' ' || state FROM outbox"
                              " ORDER BY target, id";


static void
delivered(int id)
{
    char  *text;

    text = sqlite3_mprintf("INSERT INTO files (file_id, recording_id, template,"
                           " domain, app, stream, stream_param, format, state,"
                           " start_us, path) VALUES (%d, 7, 'd', 'd', 'a', 's',"
                           " '', 'mp4', 'recording', 1000, 'x/%d.mp4');"
                           " UPDATE files SET state = 'finished'"
                           " WHERE file_id = %d", id, id, id);
    run(text);
    sqlite3_free(text);
}


/* takes the row of a target, and it is done, with an object */

static void
done(const char *target, const char *bucket, const char *url, int rank)
{
    char       *text;
    long long   id;

    text = sqlite3_mprintf("UPDATE outbox SET state = 'taken', owner = 'w',"
                           " event_id = 'e' WHERE target = %Q"
                           " AND state = 'waiting'", target);
    run(text);
    sqlite3_free(text);

    id = atoll(list("SELECT id FROM outbox WHERE state = 'taken'"));

    if (bucket) {
        statement(NGX_RECORDING_SQL_OUTBOX_OBJECT, "ittttttii", id, "w", "e",
                  bucket, "k", url, "\"etag\"", 5LL, (long long) rank);
        statement(NGX_RECORDING_SQL_OUTBOX_DELIVERED, "ittt",
                  atoll(list("SELECT file_id FROM outbox"
                             " WHERE state = 'taken'")), bucket, "k", url);
    }

    ok(statement(NGX_RECORDING_SQL_OUTBOX_DONE, "itti", id, "w", "e", 50LL)
       == 1, "%s: done", target);
}


/* from now on, in s */

static const char  local[] = "SELECT CAST(local_us / 1e6 + 0.5"
                             " - (julianday('now') - 2440587.5) * 86400"
                             " AS INTEGER) FROM files";


static long long
now(void)
{
    return atoll(list("SELECT CAST((julianday('now') - 2440587.5) * 86400000000"
                      " AS INTEGER)"));
}


static void
uploads(void)
{
    run("INSERT INTO targets (template, target, kinds, holds, prefix,"
        " local_us) VALUES ('d', 'n', 17, 0, '', -2),"
        " ('d', 'b', 16, 0, '', -2), ('d', 'upload:a', 32, 1, 'p/', 7000000),"
        " ('d', 'upload:b', 32, 1, '', 9000000),"
        " ('d', 'backup:c', 0, 0, 'c/', -2)");

    begun();
    delivered(1);

    gives(states, "n held,upload:a waiting,upload:b waiting",
          "the event waits for the deliveries");
    gives("SELECT key FROM outbox WHERE kind = 'upload' ORDER BY target",
          "p/x/1.mp4,x/1.mp4", "their keys");
    gives("SELECT (next_us - unixepoch() * 1000000) / 60000000 FROM outbox"
          " WHERE state = 'held'", "15", "so long");
    gives("SELECT event FROM outbox WHERE kind = 'upload' AND holds = 1"
          " AND seq = 1", "upload,upload", "the local file stays");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_TOLD, "i", 1LL) == 0,
       "nobody is told yet");

    done("upload:b", "bb", "http://b", 2);
    gives(states, "b waiting,n held,upload:a waiting,upload:b done",
          "the event of one waits for the other");
    gives("SELECT facts ->> 'object_url' || ' ' || (facts ->> 'bucket')"
          " FROM outbox WHERE kind = 'delivered'", "http://b bb",
          "another one is told at once");
    gives("SELECT local_us FROM files", "NULL", "the local copy stays");

    done("upload:a", "ba", "http://a", 1);
    gives(states, "b waiting,b waiting,n waiting,upload:a done,upload:b done",
          "it waits no longer");
    gives("SELECT facts ->> 'object_url' FROM outbox WHERE target = 'n'",
          "http://a", "the URL of the first");
    gives("SELECT o.value ->> 'bucket' FROM files, json_each(objects) AS o",
          "bb,ba", "the objects");
    gives("SELECT local_us FROM files", "NULL", "the local copy stays yet");

    done("n", NULL, NULL, 0);
    run("UPDATE outbox SET state = 'dead' WHERE target = 'b'");
    gives(local, "9", "until all are told");

    run("UPDATE outbox SET state = 'waiting' WHERE target = 'upload:a'");
    done("upload:a", "ba", "http://new", 1);
    gives("SELECT o.value ->> 'url' FROM files, json_each(objects) AS o",
          "http://b,http://new", "an object in place of another");
}


static void
late(void)
{
    begun();
    delivered(1);

    ok(statement(NGX_RECORDING_SQL_OUTBOX_RELEASE, "iii", 50LL, NONE + 1, 9LL)
       == 1, "it waits, by a clock of before");
    gives("SELECT facts ->> 'object_url' FROM outbox WHERE target = 'n'",
          "NULL", "without a URL");

    done("upload:a", "ba", "http://a", 1);
    gives("SELECT target FROM outbox WHERE kind = 'delivered'", "b,n",
          "it is told later");

    run("DELETE FROM files; DELETE FROM outbox");
    delivered(1);
    run("UPDATE outbox SET state = 'dead' WHERE kind = 'upload'");
    gives(states, "n waiting,upload:a dead,upload:b dead",
          "it waits for no dead one");
    run("UPDATE outbox SET state = 'done' WHERE target = 'n'");
    gives("SELECT local_us FROM files", "NULL", "whose local copy stays");
    ok(statement(NGX_RECORDING_SQL_OLDEST, "iii", 9LL, NONE + 1, 0LL) == 0,
       "whatever max= says");

    run("UPDATE outbox SET state = 'waiting' WHERE kind = 'upload'");
    done("upload:a", "ba", "", 1);
    gives("SELECT local_us FROM files", "NULL", "one of two is there");
    done("upload:b", "bb", "", 2);
    run("UPDATE outbox SET state = 'done' WHERE kind = 'delivered'");
    gives(local, "9", "both are there");
    ok(statement(NGX_RECORDING_SQL_OLDEST, "iii", 9LL, NONE + 1, 0LL) == 1,
       "it may go");

    run("UPDATE files SET local_us = local_us + 8000000000");
    ok(statement(NGX_RECORDING_SQL_LOCAL_FAR, "ii",
                 now(), 10000000LL) == 1,
       "the clock was set back");
    gives(local, "9", "it goes then");
    ok(statement(NGX_RECORDING_SQL_LOCAL_FAR, "ii",
                 now(), 10000000LL) == 0,
       "or is left as it is");

    run("UPDATE targets SET local_us = -1 WHERE target = 'upload:a';"
        " UPDATE files SET local_us = NULL;"
        " UPDATE outbox SET state = 'taken' WHERE target = 'n';"
        " UPDATE outbox SET state = 'done' WHERE target = 'n'");
    gives("SELECT local_us FROM files", "NULL", "one says that it stays");
    run("UPDATE targets SET local_us = 7000000 WHERE target = 'upload:a'");
}


static void
backups(void)
{
    begun();
    delivered(1);

    ok(statement(NGX_RECORDING_SQL_OUTBOX_BACKUP, "tttiti", "d", "upload:a",
                 "backup:c", 0LL, "c/", 9LL) == 1, "a backup");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_BACKUP, "tttiti", "d", "upload:a",
                 "backup:c", 0LL, "c/", 9LL) == 0, "once");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_BACKUP, "tttiti", "d", "upload:a",
                 "backup:b", 0LL, "", 9LL) == 0, "not where it goes anyway");
    gives("SELECT key || seq FROM outbox WHERE target = 'backup:c'",
          "c/x/1.mp41", "its key");

    done("upload:b", "bb", "", 2);
    done("upload:a", "ba", "", 1);
    gives(states, "b waiting,b waiting,n waiting,upload:a done,upload:b done",
          "nobody needs it any more");

    begun();
    delivered(1);
    statement(NGX_RECORDING_SQL_OUTBOX_BACKUP, "tttiti", "d", "upload:a",
              "backup:c", 0LL, "c/", 9LL);
    done("backup:c", "bc", "http://c", 9);
    done("upload:b", "bb", "", 2);
    gives("SELECT state FROM outbox WHERE target = 'n'", "held",
          "it waits for the first one still");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_RELEASE, "iii", INT64_MAX,
                 INT64_MAX, 9LL) == 1, "not for too long");
    gives("SELECT facts ->> 'object_url' FROM outbox WHERE target = 'n'",
          "http://c", "the URL of the backup");
    run("UPDATE outbox SET state = 'done' WHERE kind <> 'upload'");
    gives("SELECT local_us FROM files", "NULL",
          "the local copy stays for the first one");
    done("upload:a", "ba", "http://a", 1);
    run("UPDATE outbox SET state = 'done' WHERE kind <> 'upload'");
    gives(local, "9", "which has it");
}


static void
restored(void)
{
    begun();
    run("INSERT INTO files (file_id, recording_id, template, domain, app,"
        " stream, stream_param, format, state, start_us, path, told)"
        " VALUES (1, 7, 'd', '', '', '', '', 'mp4', 'finished', 0, 'y', 1)");
    gives(states, "upload:a waiting,upload:b waiting",
          "a file of which all were told is delivered again");

    done("upload:a", "ba", "http://a", 1);
    gives(states, "b waiting,n waiting,upload:a done,upload:b waiting",
          "they are told of that");

    statement(NGX_RECORDING_SQL_OUTBOX_TAKE, "iti",
              atoll(list("SELECT id FROM outbox WHERE target = 'upload:b'")),
              "w", 50LL);
    run("UPDATE outbox SET event_id = 'e', id = 99 WHERE target = 'upload:b'");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_PROGRESS, "ittt", 99LL, "w", "e",
                 "half") == 1, "progress");
    ok(statement(NGX_RECORDING_SQL_OUTBOX_RETURN, "ittITT", 99LL, "w", "e",
                 70LL, "stopped", NULL) == 1, "given back");
    gives("SELECT progress || attempts || next_us || error FROM outbox"
          " WHERE id = 99", "half070stopped", "it goes on from there later");
}


/* a catalogue of version 5, or 6, becomes one as it is made now */

static const char  *old[] = {
    "DROP TRIGGER IF EXISTS upload_restored;"
    " DROP TRIGGER IF EXISTS upload_finished;"
    " DROP TRIGGER IF EXISTS outbox_over;"
    " DROP TRIGGER IF EXISTS told_restored;"
    " DROP TRIGGER IF EXISTS told_finished; DROP INDEX files_local;"
    " DROP INDEX outbox_open; DROP INDEX outbox_held;"
    " DROP INDEX outbox_uploads;"
    " ALTER TABLE files DROP COLUMN local_us;"
    " ALTER TABLE targets DROP COLUMN prefix;"
    " ALTER TABLE targets DROP COLUMN local_us;"
    " ALTER TABLE outbox DROP COLUMN key;"
    " ALTER TABLE outbox DROP COLUMN progress;"
    " CREATE INDEX outbox_holds ON outbox (file_id);"
    " CREATE INDEX outbox_files ON outbox (file_id);"
    " CREATE TRIGGER told_restored AFTER INSERT ON files BEGIN"
    " DELETE FROM outbox; END;"
    " CREATE TRIGGER told_finished AFTER UPDATE ON files BEGIN"
    " DELETE FROM outbox; END",

    "DROP TRIGGER IF EXISTS told_restored;"
    " DROP TRIGGER IF EXISTS told_finished;"
    " CREATE TRIGGER told_restored AFTER INSERT ON files BEGIN"
    " DELETE FROM outbox; END;"
    " CREATE TRIGGER told_finished AFTER UPDATE ON files BEGIN"
    " DELETE FROM outbox; END;"
    " DROP TRIGGER IF EXISTS upload_restored;"
    " DROP TRIGGER IF EXISTS upload_finished;"
    " CREATE TRIGGER upload_restored AFTER INSERT ON files BEGIN"
    " DELETE FROM outbox; END;"
    " CREATE TRIGGER upload_finished AFTER UPDATE ON files BEGIN"
    " DELETE FROM outbox; END",
};

static const char  growing[] =
    "DROP TRIGGER IF EXISTS upload_begun; DROP TRIGGER IF EXISTS upload_moved;"
    " DROP TRIGGER IF EXISTS upload_lost; DROP TRIGGER IF EXISTS upload_gone;"
    " DROP TRIGGER IF EXISTS upload_waits; DROP INDEX outbox_growing;"
    " DROP TRIGGER IF EXISTS outbox_over; DROP TRIGGER IF EXISTS told_begun;"
    " DROP TRIGGER IF EXISTS told_paused; DROP TRIGGER IF EXISTS told_removed;"
    " DROP TRIGGER IF EXISTS told_nothing; DROP TRIGGER IF EXISTS told_ended;"
    " DROP TRIGGER IF EXISTS told_restored;"
    " DROP TRIGGER IF EXISTS told_finished;"
    " DROP TRIGGER IF EXISTS upload_restored;"
    " DROP TRIGGER IF EXISTS upload_finished;"
    " DROP TRIGGER expire_begun; DROP TRIGGER expire_edited;"
    " DROP TRIGGER expire_known;"
    " DROP TRIGGER expire_finished;"
    " DROP TRIGGER callback_failed;"
    " DROP TABLE callback_templates; DROP TABLE callback_targets;"
    " DROP TABLE callback_rules;"
    " DROP TRIGGER edit_finished; DROP TRIGGER edit_restored;"
    " DROP TRIGGER edit_lost; DROP TRIGGER edit_again;"
    " DROP TABLE edits; DROP TABLE edit_inputs;"
    " ALTER TABLE targets DROP COLUMN levels;"
    " ALTER TABLE files DROP COLUMN delivers;"
    " ALTER TABLE files DROP COLUMN lives_us;"
    " ALTER TABLE recordings DROP COLUMN delivers;"
    " ALTER TABLE targets DROP COLUMN early";


static void
upgraded(size_t version)
{
    size_t              v;
    char               *new[2];
    static const char  *all[] = {
        "SELECT name || sql FROM sqlite_master WHERE type <> 'table'"
        " AND sql IS NOT NULL ORDER BY name",
        "SELECT t.name || c.name || c.type || c.'notnull'"
        " || coalesce(c.dflt_value, '') FROM sqlite_master AS t,"
        " pragma_table_info(t.name) AS c WHERE t.name <> 'paths'"
        " AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.name"
    };

    new[0] = strdup(list(all[0]));
    new[1] = strdup(list(all[1]));

    run(growing);
    run(old[version - 5]);

    ok(strcmp(new[0], list(all[0])) != 0 && strcmp(new[1], list(all[1])) != 0,
       "version %d", (int) version);

    for (v = version; v < ngx_recording_catalogue_sql_schema.newest; v++) {
        run(ngx_recording_catalogue_sql_schema.versions[v]);
    }

    run(ngx_recording_catalogue_sql_schema.totals);

    gives(all[0], new[0], "its indexes and triggers");
    gives(all[1], new[1], "its columns");

    free(new[0]);
    free(new[1]);
}


int
main(void)
{
    db = memory_catalogue();

    run(ngx_recording_catalogue_sql_schema.totals);
    run("INSERT INTO targets (template, target, kinds, holds) VALUES"
        " ('t', 'all', 15, 0), ('t', 'files', 1, 0), ('u', 'none', 2, 0)");

    life();
    cut();
    odd();
    taking();
    exceptions();
    callbacks();

    uploads();
    late();
    backups();
    restored();
    upgraded(5);
    upgraded(6);

    (void) sqlite3_close(db);

    return tap_done();
}
