
/*
 * The outbox's part of the catalogue's schema, in the language of SQLite: who
 * wants to be told of what, and the triggers that write a row for each of
 * those, in the transaction of the state that causes it.
 *
 * Texts for ngx_recording_catalogue_sql.c.
 */


#ifndef _NGX_RECORDING_OUTBOX_SQL_H_INCLUDED_
#define _NGX_RECORDING_OUTBOX_SQL_H_INCLUDED_


#include "ngx_recording_callback_sql.h"
#include "ngx_recording_edit_sql.h"
#include "ngx_recording_kind.h"


/* us of the wall clock, as the function of the time has ms only */
#define NGX_RECORDING_OUTBOX_NOW                                              \
    " CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


#define NGX_RECORDING_OUTBOX_OPEN  "state IN ('waiting', 'taken', 'held')"


/* an event of a file waits for its deliveries, us */
#define NGX_RECORDING_OUTBOX_HELD  "900000000"


/* it has not failed three times: later ones of its recording wait for it */
#define NGX_RECORDING_OUTBOX_FIRST                                            \
    "state IN ('waiting', 'taken') AND attempts - (state = 'taken') < 3"


/* an exception that goes on is one for so long */
#define NGX_RECORDING_OUTBOX_LATELY                                           \
    " kind <> 'file' AND event_us BETWEEN" NGX_RECORDING_OUTBOX_NOW           \
    " - 120000000 AND" NGX_RECORDING_OUTBOX_NOW


/*
 * targets: what the configuration has; holds: the local file stays until it
 * was told; prefix, local_us: of an upload; early: it begins while its file
 * grows.  outbox: an event for a target, or a file that is to be delivered to
 * it, by this key.  sequences: the last number of a recording and target, as
 * rows that are done do not stay.  With the columns that they have since they
 * were first made.
 */
#define NGX_RECORDING_OUTBOX_TABLES(targets, outbox)                          \
    "CREATE TABLE IF NOT EXISTS targets ("                                    \
    " template TEXT NOT NULL,"                                                \
    " target TEXT NOT NULL,"                                                  \
    " kinds INTEGER NOT NULL,"                                                \
    " holds INTEGER NOT NULL,"                                                \
    targets                                                                   \
    " PRIMARY KEY (template, target)) WITHOUT ROWID;"                         \
                                                                              \
    "CREATE TABLE IF NOT EXISTS outbox ("                                     \
    " id INTEGER PRIMARY KEY,"                                                \
    " event_id TEXT NOT NULL,"                                                \
    " recording_id INTEGER NOT NULL,"                                         \
    " file_id INTEGER NOT NULL DEFAULT 0,"                                    \
    " seq INTEGER NOT NULL DEFAULT 0,"                                        \
    " kind TEXT NOT NULL,"                                                    \
    " event TEXT NOT NULL,"                                                   \
    " template TEXT NOT NULL,"                                                \
    " target TEXT NOT NULL,"                                                  \
    " holds INTEGER NOT NULL,"                                                \
    " event_us INTEGER NOT NULL,"                                             \
    " facts TEXT NOT NULL,"                                                   \
    " state TEXT NOT NULL DEFAULT 'waiting',"                                 \
    " owner TEXT NOT NULL DEFAULT '',"                                        \
    " attempts INTEGER NOT NULL DEFAULT 0,"                                   \
    " first_us INTEGER,"                                                      \
    " next_us INTEGER NOT NULL DEFAULT 0,"                                    \
    " done_us INTEGER,"                                                       \
    " error TEXT NOT NULL DEFAULT ''" outbox ");"                             \
                                                                              \
    "CREATE TABLE IF NOT EXISTS sequences ("                                  \
    " recording_id INTEGER NOT NULL,"                                         \
    " target TEXT NOT NULL,"                                                  \
    " seq INTEGER NOT NULL,"                                                  \
    " PRIMARY KEY (recording_id, target)) WITHOUT ROWID;"


#define NGX_RECORDING_OUTBOX_INDEXES                                          \
    "CREATE INDEX IF NOT EXISTS outbox_due ON outbox (template, target,"      \
    " next_us) WHERE state = 'waiting';"                                      \
    "CREATE INDEX IF NOT EXISTS outbox_growing ON outbox (template, target,"  \
    " next_us) WHERE state = 'growing';"                                      \
    "CREATE INDEX IF NOT EXISTS outbox_order ON outbox (recording_id, target,"\
    " seq) WHERE " NGX_RECORDING_OUTBOX_FIRST ";"                             \
    "CREATE INDEX IF NOT EXISTS outbox_owner ON outbox (owner)"               \
    " WHERE state = 'taken';"                                                 \
    "CREATE INDEX IF NOT EXISTS outbox_open ON outbox (file_id)"              \
    " WHERE " NGX_RECORDING_OUTBOX_OPEN ";"                                   \
    "CREATE INDEX IF NOT EXISTS outbox_held ON outbox (next_us)"              \
    " WHERE state = 'held';"                                                  \
    "CREATE INDEX IF NOT EXISTS outbox_uploads ON outbox (file_id)"           \
    " WHERE kind = 'upload';"                                                 \
    "CREATE INDEX IF NOT EXISTS outbox_done ON outbox (done_us)"              \
    " WHERE state = 'done';"                                                  \
    "CREATE INDEX IF NOT EXISTS outbox_dead ON outbox (id)"                   \
    " WHERE state = 'dead';"                                                  \
    "CREATE INDEX IF NOT EXISTS outbox_exceptions ON outbox (recording_id,"   \
    " event, event_us) WHERE kind <> 'file';"


/* what an event says of a file, or of a recording in a format */

#define NGX_RECORDING_OUTBOX_STREAM(row)                                      \
    "'recording_id', " row "recording_id, 'task_id', " row "task_id,"         \
    " 'template', " row "template, 'domain', " row "domain,"                  \
    " 'server', " row "server, 'app', " row "app, 'stream', " row "stream,"   \
    " 'stream_param', " row "stream_param"

#define NGX_RECORDING_OUTBOX_FILE(row)                                        \
    " json_object(" NGX_RECORDING_OUTBOX_STREAM(row) ","                      \
    " 'file_id', " row "file_id, 'format', " row "format,"                    \
    " 'state', " row "state, 'start_us', " row "start_us,"                    \
    " 'end_us', " row "end_us, 'duration_ms', " row "duration_ms,"            \
    " 'size', " row "size, 'video_codec', " row "video_codec,"                \
    " 'audio_codec', " row "audio_codec, 'resolution', " row "resolution,"    \
    " 'path', " row "path, 'play_url', " row "play_url,"                      \
    " 'recovered', " row "recovered)"


/* the template whose targets a row has: another one's, if it is of a call */
#define NGX_RECORDING_OUTBOX_BY(row)                                          \
    " iif(" row "delivers = '', " row "template, " row "delivers)"


/* whether a target is to be told of a row */
#define NGX_RECORDING_OUTBOX_WHOSE(row)                                       \
    " targets.template IN (" NGX_RECORDING_OUTBOX_BY(row) ", "                \
    NGX_RECORDING_CALLBACK_OF(row) ")"


/* a number in a text */
#define NGX_RECORDING_OUTBOX_BIT(bit)   NGX_RECORDING_OUTBOX_BIT_(bit)
#define NGX_RECORDING_OUTBOX_BIT_(bit)  #bit


/*
 * One row for each target of the template that wants the kind; the columns
 * that it begins with are recording_id, file_id, template, event and facts,
 * and those that are named besides.
 */
#define NGX_RECORDING_OUTBOX_TELL_WITH(kind, bit, names, columns, from)       \
    "INSERT INTO outbox (event_id, event_us, kind, target, holds,"            \
    " recording_id, file_id, template, event, facts" names ")"                \
    " SELECT lower(hex(randomblob(16))), " NGX_RECORDING_OUTBOX_NOW ", '"     \
    kind "', targets.target, targets.holds, " columns " FROM targets" from    \
    " WHERE targets.kinds & " NGX_RECORDING_OUTBOX_BIT(bit)

#define NGX_RECORDING_OUTBOX_TELL(kind, bit, columns, from)                   \
    NGX_RECORDING_OUTBOX_TELL_WITH(kind, bit, "", columns, from)

#define NGX_RECORDING_OUTBOX_TELL_FILE(kind, bit, event, row)                 \
    NGX_RECORDING_OUTBOX_TELL(kind, bit,                                      \
        row "recording_id, " row "file_id, targets.template, " event ","      \
        NGX_RECORDING_OUTBOX_FILE(row), "")                                   \
    " AND" NGX_RECORDING_OUTBOX_WHOSE(row)


/* whether nobody wants to be told of a file */

#define NGX_RECORDING_OUTBOX_NOBODY(row)                                      \
    "NOT EXISTS (SELECT 1 FROM targets WHERE"                                 \
    NGX_RECORDING_OUTBOX_WHOSE(row) " AND targets.kinds & "                   \
    NGX_RECORDING_OUTBOX_BIT(NGX_RECORDING_KIND_FILE) ")"


/* what a target of a template is to have, or whether there is one */
#define NGX_RECORDING_OUTBOX_UPLOADS(row)                                     \
    "template = " NGX_RECORDING_OUTBOX_BY(row) " AND kinds & "                \
    NGX_RECORDING_OUTBOX_BIT(NGX_RECORDING_KIND_UPLOAD)


/* a file that has not ended: its uploads that begin early grow with it */
#define NGX_RECORDING_OUTBOX_GROWS(row)                                       \
    row "state IN ('recording', 'paused', 'finishing')"


/* a file has an upload to this one of the targets, in one of these states */
#define NGX_RECORDING_OUTBOX_HAS(states)                                      \
    "EXISTS (SELECT 1 FROM outbox AS u WHERE u.file_id = new.file_id"         \
    " AND u.kind = 'upload' AND u.target = targets.target"                    \
    " AND u.state " states ")"

#define NGX_RECORDING_OUTBOX_STANDS                                           \
    NGX_RECORDING_OUTBOX_HAS("IN ('growing', 'waiting', 'taken')")

/* what was refused while the file grew; of a file that was not there for a
   while that is no reason */
#define NGX_RECORDING_OUTBOX_REFUSED                                          \
    "(" NGX_RECORDING_OUTBOX_GROWS("old.") " AND "                            \
    NGX_RECORDING_OUTBOX_HAS("= 'dead'") " AND NOT "                          \
    NGX_RECORDING_OUTBOX_STANDS ")"


/* all who want to be, if there is nobody, were; they wait for deliveries, but
   for those that were refused */
#define NGX_RECORDING_OUTBOX_FINISHED(refused)                                \
    NGX_RECORDING_OUTBOX_TELL_WITH("file", NGX_RECORDING_KIND_FILE,           \
        ", state, next_us", "new.recording_id, new.file_id, targets.template,"\
        " 'file', " NGX_RECORDING_OUTBOX_FILE("new.") ","                     \
        " iif(up, 'held', 'waiting'), iif(up, " NGX_RECORDING_OUTBOX_NOW      \
        " + " NGX_RECORDING_OUTBOX_HELD ", 0)",                               \
        ", (SELECT EXISTS (SELECT 1 FROM targets WHERE "                      \
        NGX_RECORDING_OUTBOX_UPLOADS("new.") " AND NOT " refused ") AS up)")  \
    " AND" NGX_RECORDING_OUTBOX_WHOSE("new.")                                 \
    "; UPDATE files SET told = 1 WHERE file_id = new.file_id AND "            \
    NGX_RECORDING_OUTBOX_NOBODY("new.") ";"


/* the key stays as it is then */
#define NGX_RECORDING_OUTBOX_UPLOAD(state)                                    \
    NGX_RECORDING_OUTBOX_TELL_WITH("upload", NGX_RECORDING_KIND_UPLOAD,       \
        ", key, state", "new.recording_id, new.file_id, targets.template,"    \
        " 'upload', " NGX_RECORDING_OUTBOX_FILE("new.") ","                   \
        " targets.prefix || new.path, '" state "'", "")                       \
    " AND targets.template = " NGX_RECORDING_OUTBOX_BY("new.")                \
    " AND new.path IS NOT NULL"                                               \
    " AND NOT " NGX_RECORDING_OUTBOX_STANDS


/* what has grown with it has what it is made of, and waits */
#define NGX_RECORDING_OUTBOX_GROWN                                            \
    "UPDATE outbox SET facts = " NGX_RECORDING_OUTBOX_FILE("new.") ","        \
    " attempts = iif(state = 'growing', 0, attempts),"                        \
    " first_us = iif(facts ->> 'state' = 'finished', first_us, NULL),"        \
    " next_us = iif(state = 'growing', 0, next_us),"                          \
    " state = iif(state = 'growing', 'waiting', state)"                       \
    " WHERE file_id = new.file_id AND kind = 'upload'"                        \
    " AND state <> 'done'; "


/* there is no file any more, or never was one: what is begun is to be aborted,
   and for that it waits */
#define NGX_RECORDING_OUTBOX_LOST(file)                                       \
    "UPDATE outbox SET state = 'waiting', next_us = 0"                        \
    " WHERE file_id = " file " AND kind = 'upload' AND state = 'growing';"


/* rows of a file, or one of a kind; "file" is its id */
#define NGX_RECORDING_OUTBOX_IS_OPEN(file)                                    \
    "EXISTS (SELECT 1 FROM outbox AS p WHERE p.file_id = " file               \
    " AND p." NGX_RECORDING_OUTBOX_OPEN ")"

#define NGX_RECORDING_OUTBOX_IS_UPLOADING(file)                               \
    "EXISTS (SELECT 1 FROM outbox AS p WHERE p.file_id = " file               \
    " AND p.kind = 'upload' AND p." NGX_RECORDING_OUTBOX_OPEN ")"

/* an upload in parts, which would stay in the bucket if its row went */
#define NGX_RECORDING_OUTBOX_IS_BEGUN                                         \
    "(json_valid(progress) AND coalesce(progress ->> 'upload_id', '') <> '')"

/* it is not where it is to be; a backup is for the time until then */
#define NGX_RECORDING_OUTBOX_IS_MISSING(file)                                 \
    "EXISTS (SELECT 1 FROM outbox AS p WHERE p.file_id = " file               \
    " AND p.kind = 'upload' AND p.state <> 'done' AND p.holds = 1)"


/* a member of an object of files.objects, which is o */
#define NGX_RECORDING_OUTBOX_OBJECT(member)                                   \
    "(files.objects ->> (o.fullkey || '." member "'))"


/* its facts with the URL of an object, if there is one: that of the lowest
   rank */
#define NGX_RECORDING_OUTBOX_WITH_URL                                         \
    "json_patch(facts, json_object('object_url', (SELECT url FROM"            \
    " (SELECT " NGX_RECORDING_OUTBOX_OBJECT("url") " AS url,"                 \
    " min(" NGX_RECORDING_OUTBOX_OBJECT("rank") ") FROM files,"               \
    " json_each(files.objects) AS o WHERE files.file_id = outbox.file_id"     \
    " AND " NGX_RECORDING_OUTBOX_OBJECT("url") " <> ''))))"


/* how long a local copy stays, by what the uploads of its template say */
#define NGX_RECORDING_OUTBOX_LOCAL                                            \
    "(SELECT iif(min(local_us) >= 0, max(local_us), NULL) FROM targets WHERE "\
    NGX_RECORDING_OUTBOX_UPLOADS("files.") " AND local_us <> -2)"


#define NGX_RECORDING_OUTBOX_TRIGGERS                                         \
    "CREATE TRIGGER IF NOT EXISTS outbox_numbered AFTER INSERT ON outbox"     \
    " WHEN new.seq = 0 BEGIN"                                                 \
    " INSERT INTO sequences (recording_id, target, seq)"                      \
    " VALUES (new.recording_id, new.target, 1)"                               \
    " ON CONFLICT (recording_id, target) DO UPDATE SET seq = seq + 1;"        \
    " UPDATE outbox SET seq = (SELECT seq FROM sequences"                     \
    " WHERE recording_id = new.recording_id AND target = new.target)"         \
    " WHERE id = new.id; END;"                                                \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS sequences_gone AFTER DELETE ON recordings"  \
    " BEGIN DELETE FROM sequences WHERE recording_id = old.recording_id;"     \
    " END;"                                                                   \
                                                                              \
    /*                                                                        \
     * Once, also if the first files could not be written and their rows are  \
     * gone.  One that was found without a row has begun before.              \
     */                                                                       \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS told_begun AFTER INSERT ON files"           \
    " WHEN new.state IN ('recording', 'lost') AND new.recovered = 0"          \
    " AND NOT EXISTS (SELECT 1 FROM files WHERE recording_id ="               \
    " new.recording_id AND format = new.format AND file_id <> new.file_id)"   \
    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE recording_id ="              \
    " new.recording_id AND event = 'record_start_succeeded'"                  \
    " AND kind <> 'file' AND facts ->> 'format' = new.format)"                \
    " BEGIN "                                                                 \
    NGX_RECORDING_OUTBOX_TELL_FILE("status", NGX_RECORDING_KIND_STATUS,       \
        "iif(new.state = 'lost', 'record_start_failed',"                      \
        " 'record_start_succeeded')", "new.")                                 \
    "; END;"                                                                  \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS told_restored AFTER INSERT ON files"        \
    " WHEN new.state = 'finished' AND new.told = 0 BEGIN "                    \
    NGX_RECORDING_OUTBOX_FINISHED("0")                                        \
    " END;"                                                                   \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS told_finished AFTER UPDATE OF state"        \
    " ON files WHEN new.state = 'finished' AND old.state <> 'finished'"       \
    " AND new.told = 0 BEGIN "                                                \
    NGX_RECORDING_OUTBOX_FINISHED(NGX_RECORDING_OUTBOX_REFUSED)               \
    " END;"                                                                   \
                                                                              \
    /* also if all were told: it may not be there any more, or not yet, but   \
       for what is under way */                                               \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS upload_restored AFTER INSERT ON files"      \
    " WHEN new.state = 'finished' AND new.local = 1 BEGIN "                   \
    NGX_RECORDING_OUTBOX_GROWN                                                \
    NGX_RECORDING_OUTBOX_UPLOAD("waiting")                                    \
    "; END;"                                                                  \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS upload_finished AFTER UPDATE OF state"      \
    " ON files WHEN new.state = 'finished' AND old.state <> 'finished'"       \
    " BEGIN "                                                                 \
    NGX_RECORDING_OUTBOX_GROWN                                                \
    NGX_RECORDING_OUTBOX_UPLOAD("waiting")                                    \
    " AND NOT " NGX_RECORDING_OUTBOX_REFUSED                                  \
    "; END;"                                                                  \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS upload_begun AFTER INSERT ON files WHEN "   \
    NGX_RECORDING_OUTBOX_GROWS("new.") " BEGIN "                              \
    NGX_RECORDING_OUTBOX_UPLOAD("growing")                                    \
    " AND targets.early = 1; END;"                                            \
                                                                              \
    /* something lies at its path; the key follows until something is sent */ \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS upload_moved AFTER UPDATE OF path"          \
    " ON files WHEN new.path <> old.path AND "                                \
    NGX_RECORDING_OUTBOX_GROWS("new.") " BEGIN"                               \
    " UPDATE outbox SET facts = " NGX_RECORDING_OUTBOX_FILE("new.") ","       \
    " key = iif(state = 'growing' AND progress = '',"                         \
    " substr(key, 1, length(key) - length(old.path)) || new.path, key)"       \
    " WHERE file_id = new.file_id AND kind = 'upload'"                        \
    " AND state IN ('growing', 'taken'); END;"                                \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS upload_lost AFTER UPDATE OF state"          \
    " ON files WHEN " NGX_RECORDING_OUTBOX_GROWS("old.")                      \
    " AND new.state <> 'finished' AND NOT "                                   \
    NGX_RECORDING_OUTBOX_GROWS("new.") " BEGIN "                              \
    NGX_RECORDING_OUTBOX_LOST("new.file_id")                                  \
    " END;"                                                                   \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS upload_gone AFTER DELETE ON files WHEN "    \
    NGX_RECORDING_OUTBOX_GROWS("old.") " BEGIN "                              \
    NGX_RECORDING_OUTBOX_LOST("old.file_id")                                  \
    " END;"                                                                   \
                                                                              \
    /*                                                                        \
     * An upload of a file that has not ended comes to wait, as it is given   \
     * back, has failed, or its owner died: it grows as long as its file      \
     * does, which are no attempts.  Without a file there is nothing to do    \
     * but to abort what is begun.                                            \
     */                                                                       \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS upload_waits AFTER UPDATE OF state"         \
    " ON outbox WHEN new.kind = 'upload' AND new.state = 'waiting'"           \
    " AND old.state <> 'waiting' AND new.facts ->> 'state' <> 'finished'"     \
    " BEGIN"                                                                  \
    " UPDATE outbox SET state = 'growing', attempts = 0, first_us = NULL"     \
    " WHERE id = new.id AND EXISTS (SELECT 1 FROM files WHERE files.file_id"  \
    " = new.file_id AND " NGX_RECORDING_OUTBOX_GROWS("files.") ");"           \
    " DELETE FROM outbox WHERE id = new.id AND state = 'waiting'"             \
    " AND NOT " NGX_RECORDING_OUTBOX_IS_BEGUN "; END;"                        \
                                                                              \
    /*                                                                        \
     * Something of a file is over: what was for the time until then, what    \
     * has waited for it, and when the local copy goes.                       \
     */                                                                       \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS outbox_over AFTER UPDATE OF state"          \
    " ON outbox WHEN new.file_id > 0 AND new.state IN ('done', 'dead')"       \
    " AND old.state <> new.state BEGIN"                                       \
    " DELETE FROM outbox WHERE new.kind = 'upload' AND file_id = new.file_id" \
    " AND kind = 'upload' AND holds = 0 AND state IN ('waiting', 'dead')"     \
    " AND NOT " NGX_RECORDING_OUTBOX_IS_BEGUN                                 \
    " AND NOT " NGX_RECORDING_OUTBOX_IS_MISSING("new.file_id") ";"            \
    " UPDATE outbox SET state = 'waiting', next_us = 0, facts = "             \
    NGX_RECORDING_OUTBOX_WITH_URL                                             \
    " WHERE new.kind = 'upload' AND file_id = new.file_id"                    \
    " AND state = 'held' AND " NGX_RECORDING_OUTBOX_OPEN                      \
    " AND NOT " NGX_RECORDING_OUTBOX_IS_UPLOADING("new.file_id") ";"          \
    " UPDATE files SET local_us = " NGX_RECORDING_OUTBOX_NOW " + "            \
    NGX_RECORDING_OUTBOX_LOCAL " WHERE file_id = new.file_id"                 \
    " AND state = 'finished' AND local = 1 AND objects <> '[]'"               \
    " AND NOT " NGX_RECORDING_OUTBOX_IS_OPEN("new.file_id")                   \
    " AND NOT " NGX_RECORDING_OUTBOX_IS_MISSING("new.file_id") ";"            \
    " END;"                                                                   \
                                                                              \
    /* of a format: at a cut two files of it may grow at a time */            \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS told_paused AFTER UPDATE OF state"          \
    " ON files WHEN ((new.state = 'paused' AND old.state <> 'paused')"        \
    " OR (new.state = 'recording' AND old.state = 'paused'))"                 \
    " AND NOT EXISTS (SELECT 1 FROM files WHERE recording_id ="               \
    " new.recording_id AND format = new.format AND state = new.state"         \
    " AND file_id <> new.file_id"                                             \
    " AND state IN ('recording', 'paused', 'finishing')) BEGIN "              \
    NGX_RECORDING_OUTBOX_TELL_FILE("status", NGX_RECORDING_KIND_STATUS,       \
        "iif(new.state = 'paused', 'record_paused', 'record_resumed')",       \
        "new.")                                                               \
    "; END;"                                                                  \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS told_removed AFTER UPDATE OF state"         \
    " ON files WHEN new.state IN ('lost', 'evicted', 'expired', 'deleted')"   \
    " AND old.state <> new.state BEGIN "                                      \
    NGX_RECORDING_OUTBOX_TELL_FILE("status", NGX_RECORDING_KIND_STATUS,       \
                                   "'record_error'", "new.")                  \
    " AND new.state = 'lost'; "                                               \
    NGX_RECORDING_OUTBOX_TELL_FILE("removed", NGX_RECORDING_KIND_REMOVED,     \
                                   "new.state", "new.")                       \
    "; END;"                                                                  \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS told_nothing AFTER DELETE ON files"         \
    " WHEN old.state IN ('recording', 'paused', 'finishing')"                 \
    " AND NOT " NGX_RECORDING_EDIT_MADE("old.") " BEGIN "                     \
    NGX_RECORDING_OUTBOX_TELL("status", NGX_RECORDING_KIND_STATUS,            \
        "old.recording_id, old.file_id, targets.template, 'record_error',"    \
        " json_set(" NGX_RECORDING_OUTBOX_FILE("old.") ", '$.text',"          \
        " 'nothing of a file could be written')", "")                         \
    " AND" NGX_RECORDING_OUTBOX_WHOSE("old.")                                 \
    " AND NOT EXISTS (SELECT 1"                                               \
    " FROM outbox AS o WHERE o.recording_id = old.recording_id"               \
    " AND o.target = targets.target AND o.facts ->> 'format' = old.format"    \
    " AND o.event IN ('record_error', 'record_start_failed')"                 \
    " AND" NGX_RECORDING_OUTBOX_LATELY "); END;"                              \
                                                                              \
    /* once for each format that it had */                                    \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS told_ended AFTER UPDATE OF end_us"          \
    " ON recordings WHEN old.end_us IS NULL AND new.end_us IS NOT NULL"       \
    " BEGIN "                                                                 \
    NGX_RECORDING_OUTBOX_TELL("status", NGX_RECORDING_KIND_STATUS,            \
        "new.recording_id, 0, targets.template, 'record_ended',"              \
        " json_object(" NGX_RECORDING_OUTBOX_STREAM("new.") ","               \
        " 'format', format, 'start_us', new.start_us, 'end_us', new.end_us)", \
        ", (SELECT DISTINCT format FROM files WHERE recording_id ="           \
        " new.recording_id)")                                                 \
    " AND" NGX_RECORDING_OUTBOX_WHOSE("new.") "; END;"


/* events that waited for deliveries for too long; nothing waits as long as ?2:
   the clock was set back */

#define NGX_RECORDING_SQL_LATE                                                \
    "SELECT id FROM outbox WHERE state = 'held' AND next_us <= ?1"            \
    " UNION ALL SELECT id FROM outbox WHERE state = 'held'"                   \
    " AND next_us > ?2 LIMIT ?3"


/* one that is no JSON is not to keep others from being taken */
#define NGX_RECORDING_SQL_OUTBOX_FACT(name)                                   \
    "iif(json_valid(facts), facts ->> '" name "', '')"


/* what is taken of a row; ?3 is the time */

#define NGX_RECORDING_SQL_OUTBOX_ROW                                          \
    "id, event_id, recording_id, file_id, seq, kind, event, event_us,"        \
    " attempts, coalesce(first_us, ?3), facts, key, progress, "               \
    NGX_RECORDING_SQL_OUTBOX_FACT("app") ", "                                 \
    NGX_RECORDING_SQL_OUTBOX_FACT("stream") ", "                              \
    NGX_RECORDING_SQL_OUTBOX_FACT("template")


#endif /* _NGX_RECORDING_OUTBOX_SQL_H_INCLUDED_ */
