
/*
 * The part of the catalogue's schema and statements that files have an end by:
 * when they expire, what is removed then, or by a call; in the language of
 * SQLite.
 *
 * Texts for ngx_recording_catalogue_sql.c.
 */


#ifndef _NGX_RECORDING_EXPIRE_SQL_H_INCLUDED_
#define _NGX_RECORDING_EXPIRE_SQL_H_INCLUDED_


#include "ngx_recording_catalogue_search_sql.h"
#include "ngx_recording_edit_sql.h"
#include "ngx_recording_outbox_sql.h"
#include "ngx_recording_policy_sql.h"


/* what was removed for good, or is to be */

#define NGX_RECORDING_EXPIRE_REMOVED  "('evicted', 'expired', 'deleted')"


/* rows of files that are nowhere any more, not as objects either */

#define NGX_RECORDING_EXPIRE_GONE                                             \
    "(state = 'lost' OR (local = 0 AND objects = '[]'"                        \
    " AND state IN ('finished', 'evicted', 'expired', 'deleted')))"


/* what is on its way to a bucket stays until it is there, or was given up */

#define NGX_RECORDING_EXPIRE_DELIVERED                                        \
    "EXISTS (SELECT 1 FROM outbox WHERE outbox.file_id = files.file_id"       \
    " AND kind = 'upload' AND outbox.state IN ('growing', 'waiting',"         \
    " 'taken'))"

/* and what a program is to be told of until it was */

#define NGX_RECORDING_EXPIRE_NEEDED                                           \
    "EXISTS (SELECT 1 FROM outbox WHERE outbox.file_id = files.file_id"       \
    " AND holds = 1 AND outbox." NGX_RECORDING_OUTBOX_OPEN ")"


/*
 * When a file expires: so long after its end as its row says (lives_us), or, if
 * that says nothing (NULL, 0), the template that it is delivered by.  NULL:
 * never.
 */

#define NGX_RECORDING_EXPIRE_AT(row, end)                                     \
    "iif(" row "lives_us IS " NGX_RECORDING_EXPIRE_NEVER ", NULL, " end       \
    " + coalesce("                                                            \
    "nullif(" row "lives_us, 0), (SELECT lifetimes.expire_us FROM lifetimes"  \
    " WHERE lifetimes.template =" NGX_RECORDING_OUTBOX_BY(row) " LIMIT 1)))"


/*
 * From its end, or NULL: from then on if it was finished more than a day later,
 * which no resume= explains: the clock was set while it grew.
 */

#define NGX_RECORDING_EXPIRE_LATE(end, finished)                              \
    "iif(" finished " - " end " > 86400000000, " finished ", NULL)"


/* as it is finished, before the trigger that does not know of this */

#define NGX_RECORDING_EXPIRE_FINISHED(state, end, finished)                   \
    " expire_us = coalesce(expire_us, iif(" state " = 'finished', "           \
    NGX_RECORDING_EXPIRE_AT("files.",                                         \
        NGX_RECORDING_EXPIRE_LATE(end, finished)) ", NULL)),"


/* lives_us of a file that is for good, whatever its template says: a worker of
   a former version keeps it for a hundred years */

#define NGX_RECORDING_EXPIRE_NEVER  "3155760000000001"


/*
 * lives_us of a growing file, in a catalogue that does not know its template
 * (yet): what nobody knows to expire is kept, for a hundred years.
 */

#define NGX_RECORDING_EXPIRE_UNKNOWN  "3155760000000000"


/* files of former versions, of templates without such a time, are for good */

#define NGX_RECORDING_EXPIRE_VERSION                                          \
    "ALTER TABLE files ADD COLUMN lives_us INTEGER;"                          \
    "DROP INDEX IF EXISTS files_evicted;"                                     \
    "DROP INDEX IF EXISTS files_gone;"                                        \
    "DROP TRIGGER IF EXISTS upload_restored;"                                 \
    NGX_RECORDING_EDIT_VERSION


#define NGX_RECORDING_EXPIRE_LIFETIMES                                        \
    "CREATE TABLE IF NOT EXISTS lifetimes ("                                  \
    " template TEXT NOT NULL,"                                                \
    " format TEXT NOT NULL,"                                                  \
    " expire_us INTEGER NOT NULL,"                                            \
    " PRIMARY KEY (template, format)) WITHOUT ROWID;"


/* a former version, or its copy, takes StorageTime 0 for none */

#define NGX_RECORDING_EXPIRE_SAID(row)                                        \
    row "expire_us = 0 AND EXISTS (SELECT 1 FROM record_templates AS t"       \
    " WHERE t.name = " row "template AND t.params ->> ('$.'"                  \
    " || upper(substr(" row "format, 1, 1))"                                  \
    " || substr(" row "format, 2) || 'Param.StorageTime') IS NOT NULL)"


/* and gives such a file the time of the template that it is delivered by */

#define NGX_RECORDING_EXPIRE_LEFT                                             \
    "UPDATE files SET expire_us = NULL, lives_us = "                          \
    NGX_RECORDING_EXPIRE_NEVER                                                \
    " WHERE expire_us IS NOT NULL AND state = 'finished' AND lives_us = 0"    \
    " AND delivers <> '' AND (template = delivers OR EXISTS (SELECT 1"        \
    " FROM record_formats AS f WHERE f.template = files.template"             \
    " AND f.format = files.format"                                            \
    " AND f.expire_us = " NGX_RECORDING_EXPIRE_NEVER "))"                     \
    " AND EXISTS (SELECT 1 FROM lifetimes AS l"                               \
    " WHERE l.template = files.delivers AND l.expire_us = files.expire_us"    \
    " - coalesce(files.end_us, files.finished_us));"


/* and so what grows; triggers that do not know what is for good */

#define NGX_RECORDING_EXPIRE_VERSION_9                                        \
    "DROP TABLE IF EXISTS record_commands;"                                   \
    NGX_RECORDING_POLICY_TEMPLATES                                            \
    "UPDATE record_formats SET expire_us = " NGX_RECORDING_EXPIRE_NEVER       \
    " WHERE " NGX_RECORDING_EXPIRE_SAID("record_formats.") ";"                \
    "UPDATE files SET lives_us = " NGX_RECORDING_EXPIRE_NEVER                 \
    " WHERE " NGX_RECORDING_OUTBOX_GROWS("") " AND lives_us = 0"              \
    " AND (template = delivers OR EXISTS (SELECT 1 FROM record_formats AS f"  \
    " WHERE f.template = files.template AND f.format = files.format"          \
    " AND f.expire_us = " NGX_RECORDING_EXPIRE_NEVER "));"                    \
    NGX_RECORDING_EXPIRE_LIFETIMES                                            \
    NGX_RECORDING_EXPIRE_LEFT                                                 \
    "DROP TRIGGER IF EXISTS expire_begun;"                                    \
    "DROP TRIGGER IF EXISTS expire_known;"                                    \
    "DROP TRIGGER IF EXISTS expire_finished;"


/* files that are nowhere but in a bucket */

#define NGX_RECORDING_EXPIRE_AWAY  "local = 0 AND objects <> '[]'"


#define NGX_RECORDING_EXPIRE_TABLES                                           \
    NGX_RECORDING_EXPIRE_LIFETIMES                                            \
                                                                              \
    "CREATE INDEX IF NOT EXISTS files_removed ON files (file_id)"             \
    " WHERE state IN " NGX_RECORDING_EXPIRE_REMOVED " AND local = 1;"         \
    "CREATE INDEX IF NOT EXISTS files_away ON files (recording_id)"           \
    " WHERE " NGX_RECORDING_EXPIRE_AWAY ";"                                   \
    "CREATE INDEX IF NOT EXISTS files_expire ON files (expire_us)"            \
    " WHERE expire_us IS NOT NULL AND " NGX_RECORDING_SEARCH_IS_MEDIA ";"     \
                                                                              \
    NGX_RECORDING_EDIT_TABLES


/*
 * With the state, whoever sets it: nothing is forgotten by a kill.  A template
 * that is its own deliverer is of a task that names none.
 */

#define NGX_RECORDING_EXPIRE_TRIGGERS                                         \
    "CREATE TRIGGER IF NOT EXISTS expire_begun AFTER INSERT ON files"         \
    " WHEN new.delivers <> '' AND new.lives_us IS NULL"                       \
    " AND NOT " NGX_RECORDING_EDIT_MADE("new.") " BEGIN"                      \
    " UPDATE files SET lives_us = iif(new.template = new.delivers, "          \
    NGX_RECORDING_EXPIRE_NEVER ", coalesce((SELECT lives_us FROM files"       \
    " WHERE recording_id = new.recording_id AND format = new.format"          \
    " AND lives_us IS NOT NULL LIMIT 1), (SELECT expire_us"                   \
    " FROM record_formats WHERE template = new.template"                      \
    " AND format = new.format), " NGX_RECORDING_EXPIRE_UNKNOWN "))"           \
    " WHERE file_id = new.file_id; END;"                                      \
                                                                              \
    /*                                                                        \
     * What is made of other files: as the call said, or as the template of   \
     * the first one says of this format, or else said of the first one       \
     */                                                                       \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS expire_edited AFTER INSERT ON files"        \
    " WHEN " NGX_RECORDING_OUTBOX_GROWS("new.")                               \
    " AND " NGX_RECORDING_EDIT_MADE("new.") " BEGIN"                          \
    " UPDATE files SET expire_us = nullif(e.expire_us, 0), lives_us = CASE"   \
    " WHEN e.edit_id IS NULL THEN " NGX_RECORDING_EXPIRE_UNKNOWN              \
    " WHEN e.expire_us = 0 OR new.template = new.delivers THEN "              \
    NGX_RECORDING_EXPIRE_NEVER                                                \
    " WHEN new.delivers <> '' THEN coalesce((SELECT expire_us"                \
    " FROM record_formats WHERE template = new.template"                      \
    " AND format = new.format), f.lives_us, 0) END"                           \
    " FROM (SELECT " NGX_RECORDING_EDIT_NUMBER("new.") " AS id) AS t"         \
    " LEFT JOIN edits AS e ON e.edit_id = t.id"                               \
    " LEFT JOIN edit_inputs AS i ON i.edit_id = t.id AND i.number = 0"        \
    " LEFT JOIN files AS f ON f.file_id = i.file_id"                          \
    " WHERE files.file_id = new.file_id; END;"                                \
                                                                              \
    /* with the hourly copy, and from a worker of a former version */         \
    "CREATE TRIGGER IF NOT EXISTS expire_known AFTER INSERT ON"               \
    " record_formats BEGIN"                                                   \
    " UPDATE record_formats SET expire_us = " NGX_RECORDING_EXPIRE_NEVER      \
    " WHERE template = new.template AND format = new.format"                  \
    " AND " NGX_RECORDING_EXPIRE_SAID("new.") ";"                             \
    " UPDATE files SET lives_us = (SELECT f.expire_us FROM record_formats"    \
    " AS f WHERE f.template = new.template AND f.format = new.format)"        \
    " WHERE " NGX_RECORDING_SQL_OPEN                                          \
    " AND lives_us = " NGX_RECORDING_EXPIRE_UNKNOWN                           \
    " AND template = new.template AND format = new.format; END;"              \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS expire_finished AFTER UPDATE OF state"      \
    " ON files WHEN new.state = 'finished' AND old.state <> 'finished'"       \
    " AND new.expire_us IS NULL BEGIN"                                        \
    " UPDATE files SET expire_us = "                                          \
    NGX_RECORDING_EXPIRE_AT("new.", "coalesce(new.end_us, new.finished_us)")  \
    " WHERE file_id = new.file_id; END;"                                      \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS expire_objects AFTER UPDATE OF state"       \
    " ON files WHEN new.state IN ('expired', 'deleted')"                      \
    " AND old.state NOT IN ('expired', 'deleted') BEGIN"                      \
    NGX_RECORDING_EXPIRE_OBJECTS                                              \
    " END;"                                                                   \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS expire_restored AFTER INSERT ON files"      \
    " WHEN new.state IN ('expired', 'deleted') BEGIN"                         \
    NGX_RECORDING_EXPIRE_OBJECTS                                              \
    " END;"                                                                   \
                                                                              \
    NGX_RECORDING_EDIT_TRIGGERS


#define NGX_RECORDING_EXPIRE_OBJECTS                                          \
    " INSERT INTO outbox (event_id, event_us, kind, target, holds,"           \
    " recording_id, file_id, template, event, facts, key)"                    \
    " SELECT lower(hex(randomblob(16))), " NGX_RECORDING_OUTBOX_NOW ","       \
    " 'remove', 'remove:' || (o.value ->> 'bucket'), 0, new.recording_id,"    \
    " new.file_id, '', 'remove', " NGX_RECORDING_OUTBOX_FILE("new.") ","      \
    " o.value ->> 'key' FROM json_each(new.objects) AS o;"


/*
 * What a catalogue that is made anew cannot learn from files, and gets from the
 * hourly copy: tables, and which rows of them.
 */

#define NGX_RECORDING_EXPIRE_KEPT                                             \
    { "paths", "1" },                                                         \
    { "sequences", "1" },                                                     \
    { "exceptions", "1" },                                                    \
    { "record_templates", "1" },                                              \
    { "record_formats", "1" },                                                \
    { "record_rules", "1" },                                                  \
    { "record_tasks", "1" },                                                  \
    { "callback_templates", "1" },                                            \
    { "callback_targets", "1" },                                              \
    { "callback_rules", "1" },                                                \
    NGX_RECORDING_EDIT_KEPT                                                   \
    { "recordings", "recording_id IN (SELECT recording_id FROM files WHERE "  \
                    NGX_RECORDING_EXPIRE_AWAY ")" },                          \
    { "files", NGX_RECORDING_EXPIRE_AWAY },                                   \
    { NULL, NULL }


/* rows of the table of statements: name, types of the parameters, text */

#define NGX_RECORDING_EXPIRE_STATEMENTS                                       \
    NGX_RECORDING_EDIT_STATEMENTS                                             \
                                                                              \
    [NGX_RECORDING_SQL_NO_LIFETIMES] = { "",                                  \
    "DELETE FROM lifetimes" },                                                \
                                                                              \
    /* of a template; a former version looks for a row of the format */       \
    [NGX_RECORDING_SQL_LIFETIME] = { "ti",                                    \
    "INSERT INTO lifetimes (template, format, expire_us)"                     \
    " SELECT ?1, column1, ?2"                                                 \
    " FROM (VALUES (''), ('flv'), ('mp4'), ('hls'), ('aac'))" },              \
                                                                              \
    /* behind this one; whether it may go */                                  \
    [NGX_RECORDING_SQL_EXPIRE_DUE] = { "iiii",                                \
    "SELECT file_id, path, size, state, 0, expire_us, NOT "                   \
    NGX_RECORDING_EXPIRE_DELIVERED " AND NOT " NGX_RECORDING_EXPIRE_NEEDED    \
    " AND NOT " NGX_RECORDING_EDIT_USES " FROM files"                         \
    " WHERE expire_us IS NOT NULL AND " NGX_RECORDING_SEARCH_IS_MEDIA         \
    " AND expire_us <= ?4 AND (expire_us, file_id) > (?2, ?3)"                \
    " ORDER BY expire_us, file_id LIMIT ?1" },                                \
                                                                              \
    [NGX_RECORDING_SQL_EXPIRE] = { "iii",                                      \
    "UPDATE files SET state = 'expired', gone_us = ?2, local_us = NULL,"      \
    " retry_us = NULL WHERE file_id = ?1 AND expire_us <= ?3"                 \
    " AND " NGX_RECORDING_SEARCH_IS_MEDIA                                     \
    " AND NOT " NGX_RECORDING_EXPIRE_DELIVERED                                \
    " AND NOT " NGX_RECORDING_EXPIRE_NEEDED                                   \
    " AND NOT " NGX_RECORDING_EDIT_USES },                                    \
                                                                              \
    [NGX_RECORDING_SQL_DELETE] = { "ii",                                      \
    "UPDATE files SET state = 'deleted', gone_us = ?2, local_us = NULL,"      \
    " retry_us = NULL WHERE file_id = ?1"                                     \
    " AND " NGX_RECORDING_SEARCH_IS_MEDIA                                     \
    " AND NOT " NGX_RECORDING_EXPIRE_DELIVERED                                \
    " AND NOT " NGX_RECORDING_EDIT_USES },                                    \
                                                                              \
    [NGX_RECORDING_SQL_SET_EXPIRE] = { "iI",                                  \
    "UPDATE files SET expire_us = ?2 WHERE file_id = ?1"                      \
    " AND " NGX_RECORDING_SEARCH_IS_MEDIA                                     \
    " AND NOT " NGX_RECORDING_EDIT_USES },                                    \
                                                                              \
    /* what there is of it; why it cannot be deleted */                       \
    [NGX_RECORDING_SQL_REMOVABLE] = { "i",                                    \
    "SELECT state, " NGX_RECORDING_SEARCH_IS_MEDIA ", "                       \
    NGX_RECORDING_EXPIRE_DELIVERED ", " NGX_RECORDING_EDIT_USES               \
    " FROM files WHERE file_id = ?1" },                                       \
                                                                              \
    /* its object is not there any more */                                    \
    [NGX_RECORDING_SQL_OUTBOX_REMOVED] = { "itt",                             \
    "UPDATE files SET objects = (SELECT"                                      \
    " json_group_array(json(files.objects -> o.fullkey))"                     \
    " FROM json_each(files.objects) AS o, outbox AS b WHERE b.id = ?1"        \
    " AND NOT (" NGX_RECORDING_OUTBOX_OBJECT("bucket")                        \
    " IS substr(b.target, 8) AND " NGX_RECORDING_OUTBOX_OBJECT("key")         \
    " IS b.key)) WHERE file_id = (SELECT file_id FROM outbox WHERE id = ?1"   \
    " AND owner = ?2 AND event_id = ?3 AND state = 'taken')" },               \
                                                                              \
    /* its playlist was removed: the rest of it is later */                   \
    [NGX_RECORDING_SQL_LINGER] = { "ii",                                      \
    "UPDATE files SET retry_us = ?2 WHERE file_id = ?1 AND local = 1"         \
    " AND retry_us IS NULL AND state IN " NGX_RECORDING_EXPIRE_REMOVED },


#endif /* _NGX_RECORDING_EXPIRE_SQL_H_INCLUDED_ */
