
/*
 * The part of the catalogue's schema and statements that tasks have which make
 * a file of others; in the language of SQLite.
 *
 * Texts for ngx_recording_catalogue_sql.c.
 */


#ifndef _NGX_RECORDING_EDIT_SQL_H_INCLUDED_
#define _NGX_RECORDING_EDIT_SQL_H_INCLUDED_


/* the task that has made a recording, by its task_id */
#define NGX_RECORDING_EDIT_TASK  "edit-"

#define NGX_RECORDING_EDIT_MADE(row)                                          \
    row "task_id GLOB '" NGX_RECORDING_EDIT_TASK "*'"


#define NGX_RECORDING_EDIT_NUMBER(row)                                        \
    "CAST(substr(" row "task_id, 6) AS INTEGER)"


/* where a file comes from, as the cloud names it */
#define NGX_RECORDING_EDIT_SOURCE_OF                                          \
    "iif(" NGX_RECORDING_EDIT_MADE("") ", 'VideoProcessing', 'Record')"


/* a query that has just this in it finds tasks by an index */
#define NGX_RECORDING_EDIT_OPEN  "state IN ('waiting', 'processing')"


/* whether a file is needed for a task that is not over */

#define NGX_RECORDING_EDIT_USES                                               \
    "EXISTS (SELECT 1 FROM edit_inputs AS i, edits AS e"                      \
    " WHERE i.file_id = files.file_id AND e.edit_id = i.edit_id"              \
    " AND e." NGX_RECORDING_EDIT_OPEN ")"


#define NGX_RECORDING_EDIT_NOW                                                \
    "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


#define NGX_RECORDING_EDIT_TABLES                                             \
    "CREATE TABLE IF NOT EXISTS edits ("                                      \
    " edit_id INTEGER PRIMARY KEY,"                                           \
    " session TEXT NOT NULL DEFAULT '',"                                      \
    " input TEXT NOT NULL,"                                                   \
    " format TEXT NOT NULL,"                                                  \
    " name TEXT NOT NULL DEFAULT '',"                                         \
    " expire_us INTEGER,"                                                     \
    " state TEXT NOT NULL,"                                                   \
    " owner TEXT NOT NULL DEFAULT '',"                                        \
    " attempts INTEGER NOT NULL DEFAULT 0,"                                   \
    " created_us INTEGER NOT NULL,"                                           \
    " begun_us INTEGER,"                                                      \
    " ended_us INTEGER,"                                                      \
    " progress INTEGER NOT NULL DEFAULT 0,"                                   \
    " file_id INTEGER,"                                                       \
    " code INTEGER NOT NULL DEFAULT 0,"                                       \
    " error TEXT NOT NULL DEFAULT '');"                                       \
                                                                              \
    "CREATE TABLE IF NOT EXISTS edit_inputs ("                                \
    " edit_id INTEGER NOT NULL,"                                              \
    " number INTEGER NOT NULL,"                                               \
    " file_id INTEGER NOT NULL,"                                              \
    " start_ms INTEGER NOT NULL,"                                             \
    " end_ms INTEGER,"                                                        \
    " from_ms INTEGER,"                                                       \
    " to_ms INTEGER,"                                                         \
    " PRIMARY KEY (edit_id, number)) WITHOUT ROWID;"                          \
                                                                              \
    "CREATE INDEX IF NOT EXISTS edits_open ON edits (edit_id)"                \
    " WHERE " NGX_RECORDING_EDIT_OPEN ";"                                     \
    "CREATE INDEX IF NOT EXISTS edits_file ON edits (file_id)"                \
    " WHERE " NGX_RECORDING_EDIT_OPEN " AND file_id IS NOT NULL;"             \
    "CREATE INDEX IF NOT EXISTS edits_session ON edits (session)"             \
    " WHERE session <> '';"                                                   \
    "CREATE INDEX IF NOT EXISTS edits_ended ON edits (ended_us)"              \
    " WHERE ended_us IS NOT NULL;"                                            \
    "CREATE INDEX IF NOT EXISTS edit_inputs_file ON edit_inputs (file_id);"


/*
 * The row of the file is the only place that tells whether a task is done; it
 * may have come back by the label that the file has.
 */

#define NGX_RECORDING_EDIT_ENDS                                               \
    " AND " NGX_RECORDING_EDIT_MADE("new.") " BEGIN"                          \
    " UPDATE edits SET state = 'finished', owner = '', progress = 100,"       \
    " file_id = new.file_id, ended_us = " NGX_RECORDING_EDIT_NOW              \
    " WHERE edit_id = " NGX_RECORDING_EDIT_NUMBER("new.")                     \
    " AND " NGX_RECORDING_EDIT_OPEN "; END;"


#define NGX_RECORDING_EDIT_TRIGGERS                                           \
    "CREATE TRIGGER IF NOT EXISTS edit_finished AFTER UPDATE OF state"        \
    " ON files WHEN new.state = 'finished' AND old.state <> 'finished'"       \
    NGX_RECORDING_EDIT_ENDS                                                   \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS edit_restored AFTER INSERT ON files"        \
    " WHEN new.state = 'finished'"                                            \
    NGX_RECORDING_EDIT_ENDS                                                   \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS edit_lost AFTER UPDATE OF state"            \
    " ON files WHEN new.state = 'lost' AND old.state <> 'lost'"               \
    " AND " NGX_RECORDING_EDIT_MADE("new.") " BEGIN"                          \
    " UPDATE edits SET state = 'failed', owner = '', code = 70000,"           \
    " error = 'the file that was made is lost',"                              \
    " ended_us = " NGX_RECORDING_EDIT_NOW " WHERE file_id = new.file_id"      \
    " AND " NGX_RECORDING_EDIT_OPEN "; END;"                                  \
                                                                              \
    /* its worker was killed, and what it left was removed */                 \
    "CREATE TRIGGER IF NOT EXISTS edit_again AFTER DELETE ON files WHEN "     \
    NGX_RECORDING_EDIT_MADE("old.") " BEGIN"                                  \
    " UPDATE edits SET state = 'waiting', owner = '', file_id = NULL,"        \
    " progress = 0 WHERE file_id = old.file_id"                               \
    " AND " NGX_RECORDING_EDIT_OPEN "; END;"


/* triggers that leave out what is made of other files are made anew */
#define NGX_RECORDING_EDIT_VERSION                                            \
    "DROP TRIGGER IF EXISTS told_nothing;"


/* of the hourly copy */
#define NGX_RECORDING_EDIT_KEPT                                               \
    { "edits", "1" },                                                         \
    { "edit_inputs", "1" },


/* rows of the table of statements: name, types of the parameters, text */

#define NGX_RECORDING_EDIT_STATEMENTS                                         \
    [NGX_RECORDING_SQL_EDIT_PUT] = { "itttIti",                               \
    "INSERT INTO edits (edit_id, session, input, format, expire_us, name,"    \
    " created_us, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting')" },   \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_INPUT_PUT] = { "iiiiI",                           \
    "INSERT INTO edit_inputs (edit_id, number, file_id, start_ms, end_ms)"    \
    " VALUES (?1, ?2, ?3, ?4, ?5)" },                                         \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_COUNT] = { "",                                    \
    "SELECT count(*) FROM edits WHERE edit_id > 0 AND "                       \
    NGX_RECORDING_EDIT_OPEN },                                                \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_SESSION] = { "ti",                                \
    "SELECT edit_id FROM edits WHERE session = ?1 AND session <> ''"          \
    " AND created_us > ?2" },                                                 \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_OLD_INPUTS] = { "i",                              \
    "DELETE FROM edit_inputs WHERE edit_id IN (SELECT edit_id FROM edits"     \
    " WHERE ended_us IS NOT NULL AND ended_us < ?1)" },                       \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_OLD] = { "i",                                     \
    "DELETE FROM edits WHERE ended_us IS NOT NULL AND ended_us < ?1" },       \
                                                                              \
    /* the oldest first; a file of it that there is is finished or removed by \
       others */                                                              \
    [NGX_RECORDING_SQL_EDIT_NEXT] = { "i",                                    \
    "SELECT edit_id, owner, attempts FROM edits"                              \
    " WHERE " NGX_RECORDING_EDIT_OPEN " AND edit_id > ?1"                     \
    " AND (file_id IS NULL OR NOT EXISTS (SELECT 1 FROM files"                \
    " WHERE files.file_id = edits.file_id)) ORDER BY edit_id LIMIT 1" },      \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_TAKE] = { "itti",                                 \
    "UPDATE edits SET state = 'processing', owner = ?2, file_id = NULL,"      \
    " progress = 0, attempts = attempts + 1,"                                 \
    " begun_us = coalesce(begun_us, ?4) WHERE edit_id = ?1 AND owner = ?3"    \
    " AND " NGX_RECORDING_EDIT_OPEN },                                        \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_FACTS] = { "i",                                   \
    "SELECT format, name, coalesce(expire_us, -1), attempts, state, input,"   \
    " created_us, coalesce(begun_us, 0), coalesce(ended_us, 0), progress,"    \
    " coalesce(file_id, 0), code, error, session FROM edits"                  \
    " WHERE edit_id = ?1" },                                                  \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_INPUTS] = { "i",                                  \
    "SELECT file_id, start_ms, coalesce(end_ms, -1), coalesce(from_ms, -1),"  \
    " coalesce(to_ms, -1) FROM edit_inputs WHERE edit_id = ?1"                \
    " ORDER BY number" },                                                     \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_LIST] = { "ii",                                   \
    "SELECT edit_id FROM edits WHERE edit_id < ?1"                            \
    " ORDER BY edit_id DESC LIMIT ?2" },                                      \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_LIST_OVER] = { "ii",                              \
    "SELECT edit_id FROM edits WHERE edit_id < ?1"                            \
    " AND ended_us IS NOT NULL ORDER BY edit_id DESC LIMIT ?2" },             \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_LIST_OPEN] = { "iti",                             \
    "SELECT edit_id FROM edits WHERE " NGX_RECORDING_EDIT_OPEN                \
    " AND edit_id < ?1 AND state = ?2 ORDER BY edit_id DESC LIMIT ?3" },      \
                                                                              \
    /* of a stream, that have something of a time: they are few */            \
    [NGX_RECORDING_SQL_FILES_GROWING] = { "tii",                              \
    "SELECT " NGX_RECORDING_SEARCH_FACTS " FROM files"                        \
    " WHERE " NGX_RECORDING_SQL_OPEN " AND recording_id > 0"                  \
    " AND stream = ?1 AND start_us <= ?3 AND coalesce(end_us, ?2) >= ?2"      \
    " AND NOT " NGX_RECORDING_EDIT_MADE("") },                                \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_RECORDING] = { "ttttttitit",                      \
    "INSERT OR IGNORE INTO recordings (template, domain, server, app,"        \
    " stream, stream_param, recording_id, task_id, start_us, end_us,"         \
    " delivers, owner) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10,"  \
    " '')" },                                                                 \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_BEGUN] = { "iit",                                 \
    "UPDATE edits SET file_id = ?2 WHERE edit_id = ?1 AND owner = ?3"         \
    " AND " NGX_RECORDING_EDIT_OPEN },                                        \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_PROGRESS] = { "itIt",                             \
    "UPDATE edits SET progress = ?3, error = ?4 WHERE edit_id = ?1"           \
    " AND owner = ?2" },                                                      \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_INPUT_CUT] = { "iiii",                            \
    "UPDATE edit_inputs SET from_ms = ?3, to_ms = ?4 WHERE edit_id = ?1"      \
    " AND number = ?2" },                                                     \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_ENDED] = { "ii",                                  \
    "UPDATE recordings SET end_us = ?2 WHERE recording_id = ?1" },            \
                                                                              \
    [NGX_RECORDING_SQL_EDIT_FAIL] = { "ititi",                                \
    "UPDATE edits SET state = 'failed', owner = '', code = ?3, error = ?4,"   \
    " ended_us = ?5 WHERE edit_id = ?1 AND owner = ?2"                        \
    " AND " NGX_RECORDING_EDIT_OPEN },                                        \
                                                                              \
    /* by a worker that exits, which is no attempt */                         \
    [NGX_RECORDING_SQL_EDIT_RELEASE] = { "it",                                \
    "UPDATE edits SET state = 'waiting', owner = '', file_id = NULL,"         \
    " progress = 0, attempts = attempts - 1 WHERE edit_id = ?1"               \
    " AND owner = ?2 AND " NGX_RECORDING_EDIT_OPEN },


#endif /* _NGX_RECORDING_EDIT_SQL_H_INCLUDED_ */
