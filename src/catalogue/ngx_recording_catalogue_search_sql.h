
/*
 * The search's part of the catalogue's schema and statements, in the language
 * of SQLite.
 *
 * Texts for ngx_recording_catalogue_sql.c.
 */


#ifndef _NGX_RECORDING_CATALOGUE_SEARCH_SQL_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_SEARCH_SQL_H_INCLUDED_


#include "ngx_recording_edit_sql.h"


/* finished, and somewhere to be had; the indexes of those are used by a query
   that has just this in it */

#define NGX_RECORDING_SEARCH_IS_MEDIA                                         \
    "((state = 'finished' AND (local = 1 OR objects <> '[]'))"                \
    " OR (state = 'evicted' AND objects <> '[]'))"


#define NGX_RECORDING_SEARCH_INDEXES                                          \
    "CREATE INDEX IF NOT EXISTS media_time ON files (finished_us, file_id,"   \
    " start_us, end_us) WHERE " NGX_RECORDING_SEARCH_IS_MEDIA ";"             \
    "CREATE INDEX IF NOT EXISTS media_stream ON files (stream, finished_us)"  \
    " WHERE " NGX_RECORDING_SEARCH_IS_MEDIA ";"                               \
    "CREATE INDEX IF NOT EXISTS media_app ON files (app, finished_us)"        \
    " WHERE " NGX_RECORDING_SEARCH_IS_MEDIA ";"                               \
    "CREATE INDEX IF NOT EXISTS media_longest ON files"                       \
    " (finished_us - start_us) WHERE " NGX_RECORDING_SEARCH_IS_MEDIA ";"      \
    "CREATE INDEX IF NOT EXISTS files_of ON files (recording_id);"            \
                                                                              \
    "CREATE INDEX IF NOT EXISTS recordings_open ON recordings (start_us)"     \
    " WHERE end_us IS NULL;"                                                  \
    "CREATE INDEX IF NOT EXISTS recordings_ended ON recordings (start_us)"    \
    " WHERE end_us IS NOT NULL;"                                              \
    "CREATE INDEX IF NOT EXISTS recordings_name ON recordings (stream,"       \
    " start_us);"                                                             \
    "CREATE INDEX IF NOT EXISTS recordings_app ON recordings (app,"           \
    " start_us);"                                                             \
    "CREATE INDEX IF NOT EXISTS recordings_longest ON recordings"             \
    " (end_us - start_us) WHERE end_us IS NOT NULL;"                          \
                                                                              \
    "CREATE INDEX IF NOT EXISTS outbox_file ON outbox (file_id)"              \
    " WHERE file_id > 0;"                                                     \
    "CREATE INDEX IF NOT EXISTS outbox_letters ON outbox (template, target)"  \
    " WHERE state = 'dead';"                                                  \
    "CREATE INDEX IF NOT EXISTS outbox_oldest ON outbox (template, target)"   \
    " WHERE state = 'waiting';"


/* files and bytes by state and format, kept by triggers */

#define NGX_RECORDING_SEARCH_COUNT(row, sign)                                 \
    "INSERT INTO counts (state, format, files, bytes) VALUES (" row "state, " \
    row "format, " sign "1, " sign row "size) ON CONFLICT (state, format)"    \
    " DO UPDATE SET files = files + excluded.files,"                          \
    " bytes = bytes + excluded.bytes;"

#define NGX_RECORDING_SEARCH_COUNTS                                           \
    "CREATE TABLE IF NOT EXISTS counts ("                                     \
    " state TEXT NOT NULL,"                                                   \
    " format TEXT NOT NULL,"                                                  \
    " files INTEGER NOT NULL,"                                                \
    " bytes INTEGER NOT NULL,"                                                \
    " PRIMARY KEY (state, format)) WITHOUT ROWID;"                            \
                                                                              \
    "INSERT INTO counts SELECT state, format, count(*), sum(size)"            \
    " FROM files WHERE NOT EXISTS (SELECT 1 FROM counts)"                     \
    " GROUP BY state, format;"                                                \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS counts_inserted AFTER INSERT ON files"      \
    " BEGIN " NGX_RECORDING_SEARCH_COUNT("new.", "+") " END;"                 \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS counts_updated"                             \
    " AFTER UPDATE OF state, size ON files WHEN old.state <> new.state"       \
    " OR old.size <> new.size BEGIN "                                         \
    NGX_RECORDING_SEARCH_COUNT("old.", "-")                                   \
    NGX_RECORDING_SEARCH_COUNT("new.", "+") " END;"                           \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS counts_deleted AFTER DELETE ON files"       \
    " BEGIN " NGX_RECORDING_SEARCH_COUNT("old.", "-") " END;"


/*
 * A file's key, and what other conditions look at.  SQLite goes from an index
 * to the row only for a column that the index lacks, and with these flags only
 * if one is needed.
 */
#define NGX_RECORDING_SEARCH_COLUMNS(texts, times)                            \
    "finished_us, file_id, iif(" times ", start_us, NULL),"                   \
    " iif(" times ", end_us, NULL), iif(" texts ", domain, NULL),"            \
    " iif(" texts ", app, NULL), iif(" texts ", stream, NULL),"               \
    " iif(" texts ", path, NULL), iif(" texts ", format, NULL),"              \
    " iif(" texts ", " NGX_RECORDING_EDIT_SOURCE_OF ", NULL)"

/* from ?1 to ?2, behind the key ?3, ?4; ?5, ?6: what is needed */
#define NGX_RECORDING_SEARCH_MEDIA(where, behind, order)                      \
    "SELECT " NGX_RECORDING_SEARCH_COLUMNS("?5", "?6") " FROM files"          \
    " WHERE " NGX_RECORDING_SEARCH_IS_MEDIA where                             \
    " AND finished_us BETWEEN ?1 AND ?2 AND (finished_us " behind " ?3"       \
    " OR file_id " behind " ?4)"                                              \
    " ORDER BY finished_us " order ", file_id " order


#define NGX_RECORDING_SEARCH_STATE                                            \
    "iif(end_us IS NOT NULL, 'ended', iif(owner = '', 'paused',"              \
    " 'recording'))"

#define NGX_RECORDING_SEARCH_RECORDING_COLUMNS                                \
    "start_us, recording_id, " NGX_RECORDING_SEARCH_STATE ", end_us, domain," \
    " app, stream, template"

#define NGX_RECORDING_SEARCH_RECORDINGS(where)                                \
    "SELECT " NGX_RECORDING_SEARCH_RECORDING_COLUMNS " FROM recordings AS r"  \
    " WHERE start_us BETWEEN ?1 AND ?2" where " AND (start_us < ?3"           \
    " OR recording_id < ?4) ORDER BY start_us DESC, recording_id DESC"

#define NGX_RECORDING_SEARCH_RECORDING_FACTS                                  \
    "recording_id, " NGX_RECORDING_SEARCH_STATE ", template, domain, server," \
    " app, stream, stream_param, owner, start_us, end_us, task_id"


/* all that is told of a file */
#define NGX_RECORDING_SEARCH_FACTS                                            \
    "file_id, recording_id, template, domain, server, app, stream,"           \
    " stream_param, format, state, start_us, end_us, duration_ms, size,"      \
    " video_codec, audio_codec, resolution, gaps, frames_in, frames_written," \
    " frames_dropped, drops, path, objects, play_url, expire_us, recovered,"  \
    " owner, resume_us, local, finished_us, gone_us, task_id, "               \
    NGX_RECORDING_SEARCH_IS_MEDIA ", delivers"

#define NGX_RECORDING_SEARCH_LETTER                                           \
    "id, event_id, recording_id, file_id, kind, event, template, target,"     \
    " state, attempts, event_us, next_us, done_us, error, key"


/* rows of the table of statements: name, types of the parameters, text */

#define NGX_RECORDING_SEARCH_STATEMENTS                                       \
    [NGX_RECORDING_SQL_MEDIA_TIME] = { "iiiiii",                              \
    NGX_RECORDING_SEARCH_MEDIA("", "<", "DESC") },                            \
                                                                              \
    [NGX_RECORDING_SQL_MEDIA_TIME_ASC] = { "iiiiii",                          \
    NGX_RECORDING_SEARCH_MEDIA("", ">", "ASC") },                             \
                                                                              \
    [NGX_RECORDING_SQL_MEDIA_STREAM] = { "iiiiiit",                           \
    NGX_RECORDING_SEARCH_MEDIA(" AND stream = ?7", "<", "DESC") },            \
                                                                              \
    [NGX_RECORDING_SQL_MEDIA_STREAM_ASC] = { "iiiiiit",                       \
    NGX_RECORDING_SEARCH_MEDIA(" AND stream = ?7", ">", "ASC") },             \
                                                                              \
    [NGX_RECORDING_SQL_MEDIA_APP] = { "iiiiiit",                              \
    NGX_RECORDING_SEARCH_MEDIA(" AND app = ?7", "<", "DESC") },               \
                                                                              \
    [NGX_RECORDING_SQL_MEDIA_APP_ASC] = { "iiiiiit",                          \
    NGX_RECORDING_SEARCH_MEDIA(" AND app = ?7", ">", "ASC") },                \
                                                                              \
    /* by the index that keeps paths apart */                                 \
    [NGX_RECORDING_SQL_MEDIA_NAME] = { "tt",                                  \
    "SELECT " NGX_RECORDING_SEARCH_COLUMNS("1", "1") " FROM files"            \
    " WHERE path >= ?1 AND path < ?2"                                         \
    " AND +" NGX_RECORDING_SEARCH_IS_MEDIA },                                 \
                                                                              \
    [NGX_RECORDING_SQL_MEDIA_ID] = { "i",                                     \
    "SELECT " NGX_RECORDING_SEARCH_COLUMNS("1", "1") " FROM files"            \
    " WHERE file_id = ?1 AND " NGX_RECORDING_SEARCH_IS_MEDIA },               \
                                                                              \
    /* from the begin of a file to when it was finished, at most */           \
    [NGX_RECORDING_SQL_MEDIA_LONGEST] = { "",                                 \
    "SELECT finished_us - start_us FROM files"                                \
    " WHERE " NGX_RECORDING_SEARCH_IS_MEDIA                                   \
    " AND finished_us - start_us > 0"                                         \
    " ORDER BY finished_us - start_us DESC LIMIT 1" },                        \
                                                                              \
    [NGX_RECORDING_SQL_RECORDINGS_OPEN] = { "iiii",                           \
    NGX_RECORDING_SEARCH_RECORDINGS(" AND end_us IS NULL") },                 \
                                                                              \
    [NGX_RECORDING_SQL_RECORDINGS_ENDED] = { "iiii",                          \
    NGX_RECORDING_SEARCH_RECORDINGS(" AND end_us IS NOT NULL") },             \
                                                                              \
    [NGX_RECORDING_SQL_RECORDINGS_STREAM] = { "iiiit",                        \
    NGX_RECORDING_SEARCH_RECORDINGS(" AND stream = ?5") },                    \
                                                                              \
    [NGX_RECORDING_SQL_RECORDINGS_APP] = { "iiiit",                           \
    NGX_RECORDING_SEARCH_RECORDINGS(" AND app = ?5") },                       \
                                                                              \
    [NGX_RECORDING_SQL_RECORDINGS_ID] = { "i",                                \
    "SELECT " NGX_RECORDING_SEARCH_RECORDING_COLUMNS " FROM recordings AS r"  \
    " WHERE recording_id = ?1" },                                             \
                                                                              \
    [NGX_RECORDING_SQL_RECORDINGS_LONGEST] = { "",                            \
    "SELECT end_us - start_us FROM recordings WHERE end_us IS NOT NULL"       \
    " AND end_us - start_us > 0 ORDER BY end_us - start_us DESC LIMIT 1" },   \
                                                                              \
    [NGX_RECORDING_SQL_RECORDING_FACTS] = { "i",                              \
    "SELECT " NGX_RECORDING_SEARCH_RECORDING_FACTS " FROM recordings AS r"    \
    " WHERE recording_id = ?1" },                                             \
                                                                              \
    [NGX_RECORDING_SQL_FILE_FACTS] = { "i",                                   \
    "SELECT " NGX_RECORDING_SEARCH_FACTS " FROM files WHERE file_id = ?1" },  \
                                                                              \
    /* the newest ones first */                                               \
    [NGX_RECORDING_SQL_FILES_FACTS] = { "iiii",                               \
    "SELECT " NGX_RECORDING_SEARCH_FACTS " FROM files"                        \
    " WHERE recording_id = ?1 AND start_us <= ?3"                             \
    " AND coalesce(end_us, ?2) >= ?2"                                         \
    " ORDER BY file_id DESC LIMIT ?4" },                                      \
                                                                              \
    [NGX_RECORDING_SQL_FILES_NUMBER] = { "i",                                 \
    "SELECT count(*) FROM files WHERE recording_id = ?1" },                   \
                                                                              \
    [NGX_RECORDING_SQL_COUNTS] = { "",                                        \
    "SELECT state, format, files, bytes FROM counts WHERE files > 0" },       \
                                                                              \
    /* the next one that has files */                                         \
    [NGX_RECORDING_SQL_WORKERS] = { "t",                                      \
    "SELECT owner FROM files WHERE " NGX_RECORDING_SQL_OPEN                   \
    " AND owner > ?1 ORDER BY owner LIMIT 1" },                               \
                                                                              \
    [NGX_RECORDING_SQL_WORKER_FILES] = { "t",                                 \
    "SELECT count(*), count(iif(state = 'recording', 1, NULL)),"              \
    " count(iif(state = 'paused', 1, NULL)) FROM files"                       \
    " WHERE owner = ?1 AND " NGX_RECORDING_SQL_OPEN },                        \
                                                                              \
    /* rows of a target, each as far as there are not too many; the oldest    \
       one that waits, which is in no order of when they are due */           \
    [NGX_RECORDING_SQL_OUTBOX_TARGETS] = { "i",                               \
    "SELECT template, target, kinds, (SELECT count(*) FROM (SELECT 1"         \
    " FROM outbox AS o WHERE state = 'waiting' AND o.template = t.template"   \
    " AND o.target = t.target LIMIT ?1)), (SELECT count(*) FROM (SELECT 1"    \
    " FROM outbox AS o WHERE state = 'dead' AND o.template = t.template"      \
    " AND o.target = t.target LIMIT ?1)), (SELECT event_us FROM outbox"       \
    " WHERE id = (SELECT id FROM outbox AS o WHERE state = 'waiting'"         \
    " AND o.template = t.template AND o.target = t.target"                    \
    " ORDER BY id LIMIT 1)) FROM targets AS t" },                             \
                                                                              \
    [NGX_RECORDING_SQL_OUTBOX_LETTERS] = { "i",                               \
    "SELECT " NGX_RECORDING_SEARCH_LETTER " FROM outbox"                      \
    " WHERE state = 'dead' AND id > 0 ORDER BY id DESC LIMIT ?1" },           \
                                                                              \
    [NGX_RECORDING_SQL_OUTBOX_FILE] = { "ii",                                 \
    "SELECT " NGX_RECORDING_SEARCH_LETTER " FROM outbox"                      \
    " WHERE file_id = ?1 AND file_id > 0 ORDER BY id DESC LIMIT ?2" },        \
                                                                              \
    [NGX_RECORDING_SQL_OUTBOX_REVIVE] = { "i",                                \
    "UPDATE outbox SET state = 'waiting', attempts = 0, first_us = NULL,"     \
    " next_us = 0 WHERE id = ?1 AND state = 'dead'" },                        \
                                                                              \
    [NGX_RECORDING_SQL_TALLIES] = { "i",                                      \
    "SELECT hour_us, domain, app, stream, exception, number FROM exceptions"  \
    " WHERE hour_us >= 0 ORDER BY hour_us DESC LIMIT ?1" },                   \
                                                                              \
    [NGX_RECORDING_SQL_ENGINE] = { "",                                        \
    "SELECT sqlite_version(), v.user_version, c.page_count * s.page_size"     \
    " FROM pragma_user_version AS v, pragma_page_count AS c,"                 \
    " pragma_page_size AS s" },                                               \
                                                                              \
    /* of a stream, that have something of a time; ?3: of one template */     \
    [NGX_RECORDING_SQL_PLAYLISTS] = { "ttTiii",                               \
    "SELECT path, state, local, start_us, coalesce(end_us, 0),"               \
    " recording_id, coalesce(finished_us, 0) FROM files"                      \
    " WHERE app = ?1 AND stream = ?2 AND format = 'hls'"                      \
    " AND template = coalesce(?3, template) AND start_us <= ?5"               \
    " AND coalesce(end_us, ?5) >= ?4 AND path IS NOT NULL"                    \
    " AND state <> 'lost' AND NOT " NGX_RECORDING_EDIT_MADE("")               \
    " ORDER BY start_us LIMIT ?6" },


#endif /* _NGX_RECORDING_CATALOGUE_SEARCH_SQL_H_INCLUDED_ */
