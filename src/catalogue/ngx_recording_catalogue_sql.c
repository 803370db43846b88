
#include "ngx_recording_catalogue_sql.h"
#include "ngx_recording_catalogue_search_sql.h"
#include "ngx_recording_expire_sql.h"
#include "ngx_recording_keep_sql.h"
#include "ngx_recording_label_sql.h"
#include "ngx_recording_outbox_sql.h"
#include "ngx_recording_policy_sql.h"


static const char  ngx_recording_catalogue_sql_tables[] =
    "CREATE TABLE IF NOT EXISTS recordings ("
    " recording_id INTEGER PRIMARY KEY,"
    " task_id TEXT NOT NULL DEFAULT '',"
    " template TEXT NOT NULL,"
    " domain TEXT NOT NULL,"
    " server TEXT NOT NULL DEFAULT '',"
    " app TEXT NOT NULL,"
    " stream TEXT NOT NULL,"
    " stream_param TEXT NOT NULL,"
    " owner TEXT NOT NULL,"
    " start_us INTEGER NOT NULL,"
    " end_us INTEGER,"
    " wanted TEXT NOT NULL DEFAULT '',"
    " delivers TEXT NOT NULL DEFAULT '');"

    "CREATE INDEX IF NOT EXISTS recordings_stream"
    " ON recordings (app, stream, template, end_us);"

    "CREATE TABLE IF NOT EXISTS files ("
    " file_id INTEGER PRIMARY KEY,"
    " recording_id INTEGER NOT NULL,"
    " task_id TEXT NOT NULL DEFAULT '',"
    " template TEXT NOT NULL,"
    " domain TEXT NOT NULL,"
    " server TEXT NOT NULL DEFAULT '',"
    " app TEXT NOT NULL,"
    " stream TEXT NOT NULL,"
    " stream_param TEXT NOT NULL,"
    " format TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " start_us INTEGER NOT NULL,"
    " end_us INTEGER,"
    " duration_ms INTEGER NOT NULL DEFAULT 0,"
    " size INTEGER NOT NULL DEFAULT 0,"
    " video_codec TEXT NOT NULL DEFAULT '',"
    " audio_codec TEXT NOT NULL DEFAULT '',"
    " resolution TEXT NOT NULL DEFAULT '',"
    " gaps TEXT NOT NULL DEFAULT '[]',"
    " frames_in INTEGER NOT NULL DEFAULT 0,"
    " frames_written INTEGER NOT NULL DEFAULT 0,"
    " frames_dropped INTEGER NOT NULL DEFAULT 0,"
    " drops TEXT NOT NULL DEFAULT '{}',"
    " path TEXT UNIQUE,"
    " objects TEXT NOT NULL DEFAULT '[]',"
    " play_url TEXT NOT NULL DEFAULT '',"
    " expire_us INTEGER, lives_us INTEGER,"
    " recovered INTEGER NOT NULL DEFAULT 0,"
    " owner TEXT NOT NULL DEFAULT '',"
    " resume_us INTEGER,"
    " local INTEGER NOT NULL DEFAULT 1,"
    " finished_us INTEGER,"
    " gone_us INTEGER,"
    " retry_us INTEGER,"
    " told INTEGER NOT NULL DEFAULT 0,"
    " local_us INTEGER,"
    " delivers TEXT NOT NULL DEFAULT '');"

    "CREATE INDEX IF NOT EXISTS files_stream ON files (app, stream,"
    " start_us);"

    NGX_RECORDING_OUTBOX_TABLES(" prefix TEXT NOT NULL DEFAULT '',"
                                " local_us INTEGER NOT NULL DEFAULT -2,"
                                " early INTEGER NOT NULL DEFAULT 0,"
                                " levels INTEGER NOT NULL DEFAULT 7,",
                                ", key TEXT NOT NULL DEFAULT '',"
                                " progress TEXT NOT NULL DEFAULT ''");


/* what makes a catalogue of this version one of the next */

static const char *const  ngx_recording_catalogue_sql_versions[] = {
    "",

    /* 1 */
    "ALTER TABLE recordings ADD COLUMN wanted TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE files ADD COLUMN owner TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE files ADD COLUMN resume_us INTEGER;"
    "ALTER TABLE files ADD COLUMN local INTEGER NOT NULL DEFAULT 1;"
    "UPDATE files SET owner = (SELECT owner FROM recordings"
    " WHERE recordings.recording_id = files.recording_id)"
    " WHERE state IN ('recording', 'finishing');",

    /* 2: an empty server stands for any */
    "ALTER TABLE recordings ADD COLUMN server TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE files ADD COLUMN server TEXT NOT NULL DEFAULT '';",

    /* 3: what is known best of files of before; the sum is kept otherwise */
    "ALTER TABLE files ADD COLUMN finished_us INTEGER;"
    "UPDATE files SET finished_us = end_us"
    " WHERE state IN ('finished', 'evicted');"
    "DROP INDEX IF EXISTS files_state;"
    "DROP INDEX IF EXISTS files_recording;"
    "ALTER TABLE files ADD COLUMN gone_us INTEGER;"
    "ALTER TABLE files ADD COLUMN retry_us INTEGER;"
    "DROP TRIGGER IF EXISTS files_inserted;"
    "DROP TRIGGER IF EXISTS files_updated;"
    "DROP TRIGGER IF EXISTS files_deleted;"
    "DROP INDEX IF EXISTS files_finished;"
    "DROP TABLE IF EXISTS totals;",

    /* 4: of files of before nobody is told */
    "ALTER TABLE files ADD COLUMN told INTEGER NOT NULL DEFAULT 0;"
    "UPDATE files SET told = 1 WHERE state NOT IN ('recording', 'paused',"
    " 'finishing');"
    NGX_RECORDING_OUTBOX_TABLES("", ""),

    /* 5: what has changed of indexes and triggers is made anew */
    "ALTER TABLE files ADD COLUMN local_us INTEGER;"
    "ALTER TABLE targets ADD COLUMN prefix TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE targets ADD COLUMN local_us INTEGER NOT NULL DEFAULT -2;"
    "ALTER TABLE outbox ADD COLUMN key TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE outbox ADD COLUMN progress TEXT NOT NULL DEFAULT '';"
    "DROP INDEX IF EXISTS outbox_holds;"
    "DROP INDEX IF EXISTS outbox_files;"
    "DROP TRIGGER IF EXISTS told_restored;"
    "DROP TRIGGER IF EXISTS told_finished;"
    "DROP TRIGGER IF EXISTS told_paused;",

    /* 6: files that grow have no rows for buckets yet; they get them later */
    "ALTER TABLE targets ADD COLUMN early INTEGER NOT NULL DEFAULT 0;"
    "DROP TRIGGER IF EXISTS told_restored;"
    "DROP TRIGGER IF EXISTS told_finished;"
    "DROP TRIGGER IF EXISTS upload_restored;"
    "DROP TRIGGER IF EXISTS upload_finished;",

    /* 7: indexes and counts that were not there */
    "",

    /* 8: what calls order is told to the targets of another template; and what
       goes for good */
    NGX_RECORDING_POLICY_VERSION
    NGX_RECORDING_EXPIRE_VERSION,

    /* 9: rows say what is for good */
    NGX_RECORDING_EXPIRE_VERSION_9,
};


/*
 * Files that are worked on, or wait.  The indexes of those are used by a query
 * that has just this in it, as SQLite does not see what follows from what.
 * One that is finished stays so, whoever still has it in hand.
 */

#define NGX_RECORDING_SQL_OPEN                                                \
    "state IN ('recording', 'paused', 'finishing')"
#define NGX_RECORDING_SQL_NOT_OVER                                            \
    " file_id = ?1 AND (" NGX_RECORDING_SQL_OPEN " OR state = 'lost')"


/* half an hour is the longest wait: twice as much was written by a clock that
   was wrong */

#define NGX_RECORDING_SQL_DUE(now)                                            \
    " NOT BETWEEN " now " + 1 AND " now " + 3600000000"


/*
 * What a file has in the store, by its row: nothing if it is not there.  One
 * that is to be removed counts no more, unless that has failed.
 */

#define NGX_RECORDING_SQL_BYTES(row)                                         \
    " " row "size * (" row "local = 1 AND " row "state <> 'lost'"             \
    " AND (" row "state NOT IN ('evicted', 'expired', 'deleted')"             \
    " OR " row "retry_us IS NOT NULL))"


/* nobody needs the local copy of a file any more: it was told to whom it is to
   be, and it is where it is to be */

#define NGX_RECORDING_SQL_FREE                                                \
    "NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.file_id ="                 \
    " files.file_id AND holds = 1 AND outbox." NGX_RECORDING_OUTBOX_OPEN ")"  \
    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.file_id ="            \
    " files.file_id AND kind = 'upload' AND (outbox.state IN ('waiting',"     \
    " 'taken') OR (outbox.state = 'dead' AND holds = 1))) AND NOT "           \
    NGX_RECORDING_EDIT_USES


/* finished files by age; one whose end is not known has at most 12 hours */

#define NGX_RECORDING_SQL_AGE  "coalesce(end_us, start_us + 43200000000)"


#define NGX_RECORDING_SQL_SINCE  "coalesce(gone_us, end_us, start_us)"


/* a path that a removed row had */

#define NGX_RECORDING_SQL_UNUSED                                             \
    " NOT EXISTS (SELECT 1 FROM paths WHERE hash = path_hash(?1))"


/* the bytes of all files, kept by triggers, and the events of all */

static const char  ngx_recording_catalogue_sql_totals[] =
    "CREATE INDEX IF NOT EXISTS recordings_owner ON recordings (owner)"
    " WHERE end_us IS NULL;"
    "CREATE INDEX IF NOT EXISTS recordings_wanted ON recordings (owner)"
    " WHERE wanted <> '';"
    "CREATE INDEX IF NOT EXISTS files_ends ON files (recording_id, end_us);"
    "CREATE INDEX IF NOT EXISTS files_open ON files (recording_id)"
    " WHERE " NGX_RECORDING_SQL_OPEN ";"
    "CREATE INDEX IF NOT EXISTS files_owner ON files (owner,"
    " coalesce(resume_us, 0)) WHERE " NGX_RECORDING_SQL_OPEN ";"
    "CREATE INDEX IF NOT EXISTS files_age ON files ("
    NGX_RECORDING_SQL_AGE
    ") WHERE state = 'finished' AND local = 1;"
    "CREATE INDEX IF NOT EXISTS files_local ON files (local_us)"
    " WHERE state = 'finished' AND local = 1 AND local_us IS NOT NULL;"

    "CREATE INDEX IF NOT EXISTS files_gone ON files (" NGX_RECORDING_SQL_SINCE
    ") WHERE " NGX_RECORDING_EXPIRE_GONE ";"

    /* hashes of the paths of rows that were removed */
    "CREATE TABLE IF NOT EXISTS paths (hash INTEGER PRIMARY KEY);"

    "CREATE TABLE IF NOT EXISTS totals (bytes INTEGER NOT NULL);"

    "INSERT INTO totals SELECT coalesce(sum(" NGX_RECORDING_SQL_BYTES("") "),"
    " 0) FROM files HAVING NOT EXISTS (SELECT 1 FROM totals);"

    "CREATE TRIGGER IF NOT EXISTS files_inserted AFTER INSERT ON files"
    " WHEN new.size <> 0 BEGIN UPDATE totals SET bytes = bytes +"
    NGX_RECORDING_SQL_BYTES("new.") "; END;"

    "CREATE TRIGGER IF NOT EXISTS files_updated"
    " AFTER UPDATE OF size, state, local, retry_us ON files"
    " WHEN old.size <> 0 OR new.size <> 0 BEGIN UPDATE totals SET bytes ="
    " bytes +" NGX_RECORDING_SQL_BYTES("new.") " -"
    NGX_RECORDING_SQL_BYTES("old.") "; END;"

    "CREATE TRIGGER IF NOT EXISTS files_deleted AFTER DELETE ON files"
    " WHEN old.size <> 0 BEGIN UPDATE totals SET bytes = bytes -"
    NGX_RECORDING_SQL_BYTES("old.") "; END;"

    "CREATE TABLE IF NOT EXISTS exceptions (hour_us INTEGER NOT NULL,"
    " domain TEXT NOT NULL, app TEXT NOT NULL, stream TEXT NOT NULL,"
    " exception TEXT NOT NULL, number INTEGER NOT NULL,"
    " PRIMARY KEY (hour_us, domain, app, stream, exception)) WITHOUT ROWID;"

    NGX_RECORDING_SEARCH_INDEXES
    NGX_RECORDING_SEARCH_COUNTS
    NGX_RECORDING_POLICY_TABLES

    NGX_RECORDING_EXPIRE_TABLES
    NGX_RECORDING_EXPIRE_TRIGGERS

    NGX_RECORDING_OUTBOX_INDEXES
    NGX_RECORDING_OUTBOX_TRIGGERS;


static const ngx_recording_sql_kept_t  ngx_recording_catalogue_sql_kept[] = {
    NGX_RECORDING_EXPIRE_KEPT
};


const ngx_recording_sql_schema_t  ngx_recording_catalogue_sql_schema = {
    ngx_recording_catalogue_sql_tables,
    ngx_recording_catalogue_sql_versions,
    sizeof(ngx_recording_catalogue_sql_versions)
    / sizeof(ngx_recording_catalogue_sql_versions[0]),
    ngx_recording_catalogue_sql_totals,
    ngx_recording_catalogue_sql_kept
};


/* A row: its name, the types of its parameters, its text */

const ngx_recording_sql_statement_t  ngx_recording_catalogue_sql[] = {
    [NGX_RECORDING_SQL_OWNERS] = { "tttitt",
    "SELECT owner, end_us FROM recordings WHERE app = ?1 AND stream = ?2"
    " AND template = ?3 AND end_us IS NULL AND server IN ('', ?5)"
    " AND task_id = ?6 UNION ALL SELECT owner, end_us FROM recordings"
    " WHERE app = ?1 AND stream = ?2 AND template = ?3 AND end_us > ?4"
    " AND server IN ('', ?5) AND task_id = ?6" },

    [NGX_RECORDING_SQL_RECORDING] = { "ttttttititt",
    "INSERT INTO recordings (template, domain, server, app, stream,"
    " stream_param, recording_id, owner, start_us, task_id, delivers)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)" },

    /* not one that begins after what is to follow in it; one that is to
       begin yet did when the clock was wrong */
    [NGX_RECORDING_SQL_CANDIDATES] = { "tttitit",
    "SELECT recording_id, owner, wanted FROM recordings WHERE app = ?1"
    " AND stream = ?2 AND template = ?3 AND end_us IS NULL AND task_id = ?7"
    " AND (start_us <= ?4 OR start_us > ?6) AND server IN ('', ?5)"
    " ORDER BY recording_id DESC" },

    [NGX_RECORDING_SQL_WAITING] = { "ii",
    "SELECT file_id, format, recovered FROM files WHERE recording_id = ?1"
    " AND state = 'paused' AND " NGX_RECORDING_SQL_OPEN
    " AND resume_us >= ?2 ORDER BY file_id DESC" },

    [NGX_RECORDING_SQL_PENDING] = { "i",
    "SELECT file_id, format, owner, app, stream, template FROM files"
    " WHERE recording_id = ?1 AND state = 'recording' AND "
    NGX_RECORDING_SQL_OPEN },

    /* from this owner, if its time is over; one that is finished by now has
       no owner either */
    [NGX_RECORDING_SQL_TAKE_FILE] = { "ittiti",
    "UPDATE files SET state = ?2, owner = ?3, resume_us = NULL,"
    " size = iif(state = 'paused' AND ?2 = 'recording', 0, size),"
    " recovered = max(recovered, ?4) WHERE file_id = ?1 AND owner = ?5 AND "
    NGX_RECORDING_SQL_OPEN
    " AND coalesce(resume_us, 0)" NGX_RECORDING_SQL_DUE("?6") },

    /* what was any server's is this one's from now on */
    [NGX_RECORDING_SQL_TAKE_RECORDING] = { "ittt",
    "UPDATE recordings SET owner = ?2, wanted = '',"
    " server = iif(server = '', ?3, server) WHERE recording_id = ?1"
    " AND owner = ?4" },

    [NGX_RECORDING_SQL_WANT] = { "it",
    "UPDATE recordings SET wanted = ?2 WHERE recording_id = ?1" },

    /* one that asked is tired of waiting */
    [NGX_RECORDING_SQL_UNWANT] = { "it",
    "UPDATE recordings SET wanted = '' WHERE recording_id = ?1"
    " AND wanted = ?2" },

    /* what waits keeps it open */
    [NGX_RECORDING_SQL_END] = { "iIt",
    "UPDATE recordings SET wanted = CASE WHEN waits THEN wanted ELSE '' END,"
    " owner = CASE WHEN waits THEN '' ELSE owner END,"
    " end_us = CASE WHEN waits THEN NULL ELSE coalesce(?2,"
    " (SELECT max(end_us) FROM files WHERE recording_id = ?1), start_us) END"
    " FROM (SELECT EXISTS (SELECT 1 FROM files WHERE recording_id = ?1"
    " AND state = 'paused' AND " NGX_RECORDING_SQL_OPEN ") AS waits)"
    " WHERE recording_id = ?1 AND owner = ?3 AND end_us IS NULL" },

    /* by a worker that died */
    [NGX_RECORDING_SQL_DISOWN] = { "it",
    "UPDATE recordings SET owner = '' WHERE recording_id = ?1"
    " AND owner = ?2 AND end_us IS NULL" },

    [NGX_RECORDING_SQL_INSERT] = { "Ttttttttiittittt",
    "INSERT INTO files (template, domain, server, app, stream, stream_param,"
    " file_id, recording_id, format, state, start_us, path, play_url, owner,"
    " task_id, delivers) SELECT ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
    " ?13, ?1, ?2, ?14, "
    NGX_RECORDING_SQL_OF("?10", "?15", "?16")
    " WHERE" NGX_RECORDING_SQL_UNUSED " ON CONFLICT (path) DO NOTHING" },

    [NGX_RECORDING_SQL_MOVE] = { "Tti",
    "UPDATE OR IGNORE files SET path = ?1, play_url = ?2"
    " WHERE file_id = ?3 AND" NGX_RECORDING_SQL_UNUSED },

    [NGX_RECORDING_SQL_UPDATE] = { "itiiitttiiitttIiI",
    "UPDATE files SET state = ?2, end_us = ?3, duration_ms = ?4, size = ?5,"
    " video_codec = ?6, audio_codec = ?7, resolution = ?8, frames_in = ?9,"
    " frames_written = ?10, frames_dropped = ?11, drops = ?12, gaps = ?13,"
    " owner = ?14, recovered = max(recovered, ?16), finished_us = ?17,"
    NGX_RECORDING_EXPIRE_FINISHED("?2", "?3", "?17")
    NGX_RECORDING_POLICY_WAITS("?15") " WHERE" NGX_RECORDING_SQL_NOT_OVER },

    [NGX_RECORDING_SQL_REMOVE] = { "i",
    "DELETE FROM files WHERE file_id = ?1" },

    [NGX_RECORDING_SQL_SET_STATE] = { "ittIII",
    "UPDATE files SET state = ?2, owner = ?3, size = coalesce(?4, size),"
    " finished_us = coalesce(?5, finished_us),"
    NGX_RECORDING_EXPIRE_FINISHED("?2", "end_us", "?5") " resume_us = ?6"
    " WHERE" NGX_RECORDING_SQL_NOT_OVER },

    [NGX_RECORDING_SQL_WANTED] = { "ti",
    "SELECT recording_id FROM recordings WHERE end_us IS NULL AND owner = ?1"
    " AND wanted <> '' LIMIT ?2" },

    [NGX_RECORDING_SQL_REFUSE] = { "it",
    "UPDATE recordings SET wanted = '' WHERE recording_id = ?1"
    " AND owner = ?2" },

    /* the next one */
    [NGX_RECORDING_SQL_FILE_OWNER] = { "t",
    "SELECT owner FROM files WHERE " NGX_RECORDING_SQL_OPEN
    " AND owner > ?1 ORDER BY owner LIMIT 1" },

    [NGX_RECORDING_SQL_RECORDING_OWNER] = { "t",
    "SELECT owner FROM recordings WHERE end_us IS NULL AND owner > ?1"
    " ORDER BY owner LIMIT 1" },

    /* whose time was over, the oldest first */
    [NGX_RECORDING_SQL_UNFINISHED] = { "tii",
    "SELECT file_id, format, state, app, stream, template FROM files"
    " WHERE " NGX_RECORDING_SQL_OPEN
    " AND owner = ?1 AND coalesce(resume_us, 0)" NGX_RECORDING_SQL_DUE("?2")
    " ORDER BY coalesce(resume_us, 0), file_id LIMIT ?3" },

    /* recordings whose files are all finished, or in this other state */
    [NGX_RECORDING_SQL_STALE] = { "tiit",
    "SELECT recording_id FROM recordings WHERE end_us IS NULL AND owner = ?1"
    " AND recording_id > ?3 AND NOT EXISTS (SELECT 1 FROM files WHERE"
    " files.recording_id = recordings.recording_id AND " NGX_RECORDING_SQL_OPEN
    " AND state <> ?4) ORDER BY recording_id LIMIT ?2" },

    [NGX_RECORDING_SQL_ABOUT] = { "i",
    "SELECT app, stream, template FROM files WHERE file_id = ?1" },

    [NGX_RECORDING_SQL_ADOPT] = { "ttttttititt",
    "INSERT OR IGNORE INTO recordings (template, domain, server, app, stream,"
    " stream_param, recording_id, owner, start_us, task_id, delivers)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)" },

    /* resume_us 0: until a worker writes this row, or takes the file */
    [NGX_RECORDING_SQL_ADOPT_FILE] = { "ttttttiitiTtttt",
    "INSERT OR IGNORE INTO files (template, domain, server, app, stream,"
    " stream_param, file_id, recording_id, format, state, start_us, path,"
    " play_url, owner, resume_us, recovered, task_id, delivers) VALUES (?1,"
    " ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'recording', ?10, ?11, ?12, ?13, 0, 1, "
    NGX_RECORDING_SQL_OF("?8", "?14", "?15") ")" },

    [NGX_RECORDING_SQL_TOTAL] = { "",
    "SELECT bytes FROM totals" },

    /* as far as its size is not in the sum yet */
    [NGX_RECORDING_SQL_GROWN] = { "ii",
    "SELECT iif(state IN ('recording', 'paused', 'finishing'),"
    " max(?2 - size, 0), 0) FROM files WHERE file_id = ?1" },

    /* behind this one; whether it may go */
    [NGX_RECORDING_SQL_OLDEST] = { "iii",
    "SELECT file_id, path, size, state, 0, " NGX_RECORDING_SQL_AGE ", "
    NGX_RECORDING_SQL_FREE " FROM files WHERE state = 'finished' AND local = 1"
    " AND " NGX_RECORDING_SQL_AGE " >= ?2 AND (" NGX_RECORDING_SQL_AGE " > ?2"
    " OR file_id > ?3) ORDER BY " NGX_RECORDING_SQL_AGE ", file_id LIMIT ?1" },

    /* others have removed it; not we, whose row is about to say so */
    [NGX_RECORDING_SQL_MISSING] = { "ii",
    "UPDATE files SET local = 0, gone_us = ?2 WHERE file_id = ?1"
    " AND state = 'finished' AND local = 1"
    " AND (local_us IS NULL OR local_us > ?2)" },

    [NGX_RECORDING_SQL_EVICT] = { "ii",
    "UPDATE files SET state = 'evicted', gone_us = ?2 WHERE file_id = ?1"
    " AND state = 'finished' AND local = 1 AND " NGX_RECORDING_SQL_FREE },

    /* whose time it is; one that is too far away is of a clock that was set */
    [NGX_RECORDING_SQL_TO_REMOVE] = { "iiii",
    "SELECT file_id, path, size, state, retry_us IS NULL FROM files"
    " WHERE state IN " NGX_RECORDING_EXPIRE_REMOVED
    " AND local = 1 AND file_id > ?2 AND (retry_us IS NULL"
    " OR retry_us <= ?3 OR retry_us > ?4) ORDER BY file_id LIMIT ?1" },

    /* what is delivered, and stayed for long enough; behind this one */
    [NGX_RECORDING_SQL_TO_REMOVE_LOCAL] = { "iiiiii",
    "SELECT file_id, path, size, state, 0, local_us, path IS NOT NULL"
    " AND objects <> '[]' AND (retry_us IS NULL OR retry_us <= ?4"
    " OR retry_us > ?5) AND " NGX_RECORDING_SQL_FREE " FROM files"
    " WHERE state = 'finished' AND local = 1 AND local_us IS NOT NULL"
    " AND local_us <= ?6 AND (local_us, file_id) > (?2, ?3)"
    " ORDER BY local_us, file_id LIMIT ?1" },

    [NGX_RECORDING_SQL_LEAVING] = { "",
    "SELECT total(size) FILTER (WHERE retry_us IS NULL), count(*) FILTER"
    " (WHERE state = 'evicted' AND retry_us IS NOT NULL) FROM files"
    " WHERE state IN " NGX_RECORDING_EXPIRE_REMOVED " AND local = 1"
    " AND file_id > 0" },

    /* each time as long as it took up to now, within bounds */
    [NGX_RECORDING_SQL_RETRY] = { "iiii",
    "UPDATE files SET retry_us = ?2 + max(?3, min(?4,"
    " ?2 - coalesce(gone_us, local_us, ?2)))"
    " WHERE file_id = ?1 AND local = 1" },

    [NGX_RECORDING_SQL_MARK_REMOVED] = { "ii",
    "UPDATE files SET local = 0, gone_us = ?2, retry_us = NULL,"
    " local_us = NULL WHERE file_id = ?1 AND local = 1" },

    [NGX_RECORDING_SQL_OLD_ROWS] = { "ii",
    "SELECT file_id FROM files WHERE " NGX_RECORDING_EXPIRE_GONE
    " AND " NGX_RECORDING_SQL_SINCE " < ?1"
    " ORDER BY " NGX_RECORDING_SQL_SINCE " LIMIT ?2" },

    /* a path is not used again */
    [NGX_RECORDING_SQL_USED] = { "i",
    "INSERT OR IGNORE INTO paths SELECT path_hash(path) FROM files"
    " WHERE file_id = ?1 AND path IS NOT NULL"
    " AND " NGX_RECORDING_EXPIRE_GONE },

    [NGX_RECORDING_SQL_FORGET] = { "i",
    "DELETE FROM files WHERE file_id = ?1 AND " NGX_RECORDING_EXPIRE_GONE },

    /* whether a recording has no files any more */
    [NGX_RECORDING_SQL_EMPTY] = { "iii",
    "SELECT recording_id, end_us < ?3 AND NOT EXISTS (SELECT 1 FROM files"
    " WHERE files.recording_id = recordings.recording_id) FROM recordings"
    " WHERE recording_id > ?2 ORDER BY recording_id LIMIT ?1" },

    [NGX_RECORDING_SQL_FORGET_RECORDING] = { "i",
    "DELETE FROM recordings WHERE recording_id = ?1 AND end_us IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM files WHERE recording_id = ?1)" },

    /* what a worker that ends has not finished */
    [NGX_RECORDING_SQL_RELEASE_ALL] = { "t",
    "UPDATE files SET state = 'finishing', owner = '' WHERE owner = ?1"
    " AND state IN ('recording', 'finishing')"
    " AND " NGX_RECORDING_SQL_OPEN },

    /* files of this worker */
    [NGX_RECORDING_SQL_MINE] = { "t",
    "SELECT file_id, format, state, recording_id, app, stream, template"
    " FROM files"
    " WHERE owner = ?1 AND state IN ('recording', 'finishing')"
    " AND " NGX_RECORDING_SQL_OPEN },

    /* --- the outbox */

    [NGX_RECORDING_SQL_NO_TARGETS] = { "",
    "DELETE FROM targets" },

    [NGX_RECORDING_SQL_TARGET] = { "ttiitii",
    "INSERT INTO targets (template, target, kinds, holds, prefix, local_us,"
    " early) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)" },

    /* ?4: in the order of a recording; the index has only what others wait
       for, as of those that failed there may be thousands */
    [NGX_RECORDING_SQL_OUTBOX_DUE] = { "ttiii",
    "SELECT " NGX_RECORDING_SQL_OUTBOX_ROW " FROM outbox AS o"
    " WHERE state = 'waiting' AND template = ?1 AND target = ?2"
    " AND next_us <= ?3 AND NOT (?4 AND EXISTS (SELECT 1 FROM outbox AS b"
    " WHERE b.recording_id = o.recording_id AND b.target = o.target"
    " AND b.seq < o.seq AND " NGX_RECORDING_OUTBOX_FIRST "))"
    " ORDER BY next_us, id LIMIT ?5" },

    [NGX_RECORDING_SQL_OUTBOX_EARLY] = { "ttii",
    "SELECT " NGX_RECORDING_SQL_OUTBOX_ROW " FROM outbox"
    " WHERE state = 'growing' AND template = ?1 AND target = ?2"
    " AND next_us <= ?3 ORDER BY next_us, id LIMIT ?4" },

    [NGX_RECORDING_SQL_OUTBOX_GROWS] = { "i",
    "SELECT 1 FROM files WHERE file_id = ?1 AND " NGX_RECORDING_SQL_OPEN },

    [NGX_RECORDING_SQL_OUTBOX_TAKE] = { "iti",
    "UPDATE outbox SET state = 'taken', owner = ?2, attempts = attempts + 1,"
    " first_us = coalesce(first_us, ?3) WHERE id = ?1"
    " AND state IN ('waiting', 'growing')" },

    /* an id is given again if rows were deleted, or the catalogue was lost,
       while one was told */
    [NGX_RECORDING_SQL_OUTBOX_DONE] = { "itti",
    "UPDATE outbox SET state = 'done', owner = '', done_us = ?4, error = ''"
    " WHERE id = ?1 AND owner = ?2 AND event_id = ?3 AND state = 'taken'" },

    [NGX_RECORDING_SQL_OUTBOX_FAILED] = { "itttitT",
    "UPDATE outbox SET state = ?4, owner = '', next_us = ?5, error = ?6,"
    " progress = coalesce(?7, progress)"
    " WHERE id = ?1 AND owner = ?2 AND event_id = ?3 AND state = 'taken'" },

    /* it was not tried */
    [NGX_RECORDING_SQL_OUTBOX_RETURN] = { "ittITT",
    "UPDATE outbox SET state = 'waiting', owner = '',"
    " attempts = attempts - 1, next_us = coalesce(?4, next_us),"
    " error = coalesce(?5, error), progress = coalesce(?6, progress)"
    " WHERE id = ?1 AND owner = ?2 AND event_id = ?3 AND state = 'taken'" },

    [NGX_RECORDING_SQL_OUTBOX_PROGRESS] = { "ittt",
    "UPDATE outbox SET progress = ?4 WHERE id = ?1 AND owner = ?2"
    " AND event_id = ?3 AND state = 'taken'" },

    /* in place of what was known of the same bucket */
    [NGX_RECORDING_SQL_OUTBOX_OBJECT] = { "ittttttii",
    "UPDATE files SET objects = json_insert((SELECT"
    " json_group_array(json(files.objects -> o.fullkey))"
    " FROM json_each(files.objects) AS o"
    " WHERE " NGX_RECORDING_OUTBOX_OBJECT("bucket") " IS NOT ?4),"
    " '$[#]', json_object('bucket', ?4,"
    " 'key', ?5, 'url', ?6, 'etag', ?7, 'size', ?8, 'rank', ?9))"
    " WHERE file_id = (SELECT file_id FROM outbox WHERE id = ?1"
    " AND owner = ?2 AND event_id = ?3 AND state = 'taken')" },

    /* unless it is to be told of the file, too */
    [NGX_RECORDING_SQL_OUTBOX_DELIVERED] = { "ittt",
    NGX_RECORDING_OUTBOX_TELL("delivered", NGX_RECORDING_KIND_DELIVERED,
        "f.recording_id, f.file_id, targets.template, 'delivered',"
        " json_set(" NGX_RECORDING_OUTBOX_FILE("f.") ", '$.bucket', ?2,"
        " '$.key', ?3, '$.object_url', ?4)", ", files AS f")
    " AND" NGX_RECORDING_OUTBOX_WHOSE("f.")
    " AND f.file_id = ?1"
    " AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.file_id = ?1"
    " AND o.target = targets.target AND o.kind = 'file'"
    " AND o.state = 'held' AND o." NGX_RECORDING_OUTBOX_OPEN ")" },

    /* what waits for a bucket, for another one, unless the template sends it
       there anyway, under the same key */
    [NGX_RECORDING_SQL_OUTBOX_BACKUP] = { "tttiti",
    "INSERT INTO outbox (event_id, event_us, kind, target, holds,"
    " recording_id, file_id, template, event, facts, key)"
    " SELECT lower(hex(randomblob(16))), " NGX_RECORDING_OUTBOX_NOW ","
    " 'upload', ?3, ?4, recording_id, file_id, template, event, facts,"
    " ?5 || (facts ->> 'path') FROM outbox AS o WHERE state = 'waiting'"
    " AND template = ?1 AND target = ?2 AND kind = 'upload'"
    " AND facts ->> 'path' IS NOT NULL AND facts ->> 'state' = 'finished'"
    " AND NOT EXISTS (SELECT 1 FROM outbox AS b WHERE b.file_id = o.file_id"
    " AND b.kind = 'upload'"
    " AND b.target IN (?3, 'upload:' || substr(?3, 8))) LIMIT ?6" },

    [NGX_RECORDING_SQL_OUTBOX_LATE] = { "iii",
    NGX_RECORDING_SQL_LATE },

    [NGX_RECORDING_SQL_OUTBOX_RELEASE] = { "iii",
    "UPDATE outbox SET state = 'waiting', next_us = 0,"
    " facts = " NGX_RECORDING_OUTBOX_WITH_URL
    " WHERE id IN (" NGX_RECORDING_SQL_LATE ")" },

    /* nor does a local copy stay so long */
    [NGX_RECORDING_SQL_LOCAL_FAR] = { "ii",
    "UPDATE files SET local_us = ?1 + coalesce(" NGX_RECORDING_OUTBOX_LOCAL
    ", ?2) WHERE state = 'finished' AND local = 1 AND local_us IS NOT NULL"
    " AND local_us > ?1 + ?2" },

    /* the next one */
    [NGX_RECORDING_SQL_OUTBOX_OWNER] = { "t",
    "SELECT owner FROM outbox WHERE state = 'taken' AND owner > ?1"
    " ORDER BY owner LIMIT 1" },

    [NGX_RECORDING_SQL_OUTBOX_FREE] = { "t",
    "UPDATE outbox SET state = 'waiting', owner = '', next_us = 0"
    " WHERE state = 'taken' AND owner = ?1" },

    /* nothing waits as long: the clock was set back */
    [NGX_RECORDING_SQL_OUTBOX_FAR] = { "ttiii",
    "UPDATE outbox SET next_us = 0 WHERE state = 'waiting'"
    " AND template = ?1 AND target = ?2 AND next_us > ?3"
    " AND next_us > iif(attempts <= ?4 AND kind <> 'upload', ?3, ?5)" },

    [NGX_RECORDING_SQL_OUTBOX_EARLY_FAR] = { "tti",
    "UPDATE outbox SET next_us = 0 WHERE state = 'growing'"
    " AND template = ?1 AND target = ?2 AND next_us > ?3" },

    /* when a target was tried last, as far as rows tell */
    [NGX_RECORDING_SQL_OUTBOX_LATEST] = { "tt",
    "SELECT coalesce(max(max(next_us, coalesce(first_us, 0))), 0) FROM outbox"
    " WHERE state = 'waiting' AND template = ?1 AND target = ?2" },

    /* time in which nobody tried does not count */
    [NGX_RECORDING_SQL_OUTBOX_SILENT] = { "ttii",
    "UPDATE outbox SET first_us = first_us + ?4, next_us = ?3"
    " WHERE state = 'waiting' AND template = ?1 AND target = ?2"
    " AND first_us IS NOT NULL" },

    /* the first attempt of what waits for a target that cannot be reached */
    [NGX_RECORDING_SQL_OUTBOX_UNREACHED] = { "ttii",
    "UPDATE outbox SET first_us = ?3 WHERE id IN (SELECT id FROM outbox"
    " WHERE state = 'waiting' AND template = ?1 AND target = ?2"
    " AND next_us <= ?3 AND first_us IS NULL LIMIT ?4)" },

    [NGX_RECORDING_SQL_OUTBOX_GIVE_UP] = { "ttiti",
    "UPDATE outbox SET state = 'dead', error = iif(error = '', ?4, error)"
    " WHERE id IN (SELECT id FROM outbox WHERE state = 'waiting'"
    " AND template = ?1 AND target = ?2 AND first_us < ?3 LIMIT ?5)" },

    [NGX_RECORDING_SQL_OUTBOX_OLD] = { "ii",
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
    " WHERE state = 'done' AND done_us < ?1 LIMIT ?2)" },

    /* the next target for which rows wait, and how many if it is not
       configured */
    [NGX_RECORDING_SQL_OUTBOX_LEFT] = { "tt",
    "SELECT template, target, iif(EXISTS (SELECT 1 FROM targets WHERE"
    " targets.template = o.template AND targets.target = o.target), 0,"
    " (SELECT count(*) FROM outbox WHERE state = 'waiting'"
    " AND template = o.template AND target = o.target)) FROM outbox AS o"
    " WHERE state = 'waiting' AND (template, target) > (?1, ?2)"
    " ORDER BY template, target LIMIT 1" },

    [NGX_RECORDING_SQL_OUTBOX_TOLD] = { "i",
    "UPDATE files SET told = 1 WHERE file_id = ?1 AND told = 0"
    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.file_id = ?1"
    " AND kind = 'file' AND " NGX_RECORDING_OUTBOX_OPEN ")" },

    /* one of a kind in two minutes */
    [NGX_RECORDING_SQL_OUTBOX_EXCEPTION] = { "ittti",
    NGX_RECORDING_OUTBOX_TELL("exception", NGX_RECORDING_KIND_EXCEPTION,
        "r.recording_id, 0, targets.template, ?2,"
        " json_object(" NGX_RECORDING_OUTBOX_STREAM("r.") ","
        " 'format', ?3, 'exception', ?2, 'text', ?4)", ", recordings AS r")
    " AND" NGX_RECORDING_OUTBOX_WHOSE("r.")
    " AND r.recording_id = ?1 AND targets.levels & ?5"
    " AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.recording_id = ?1"
    " AND o.target = targets.target AND o.event = ?2"
    " AND " NGX_RECORDING_OUTBOX_LATELY ")" },

    /* a format has no file, or frames of it are missing */
    [NGX_RECORDING_SQL_TALLY] = { "iiti",
    "INSERT INTO exceptions SELECT ?2, domain, app, stream, ?3, ?4"
    " FROM recordings WHERE recording_id = ?1 ON CONFLICT DO UPDATE"
    " SET number = number + excluded.number" },

    [NGX_RECORDING_SQL_TALLY_OLD] = { "i",
    "DELETE FROM exceptions WHERE hour_us < ?1" },

    [NGX_RECORDING_SQL_OUTBOX_ERROR] = { "itt",
    NGX_RECORDING_OUTBOX_TELL("status", NGX_RECORDING_KIND_STATUS,
        "r.recording_id, 0, targets.template, iif(EXISTS (SELECT 1"
        " FROM files WHERE files.recording_id = ?1 AND files.format = ?2),"
        " 'record_error', 'record_start_failed'),"
        " json_object(" NGX_RECORDING_OUTBOX_STREAM("r.") ","
        " 'format', ?2, 'text', ?3)", ", recordings AS r")
    " AND" NGX_RECORDING_OUTBOX_WHOSE("r.")
    " AND r.recording_id = ?1"
    " AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.recording_id = ?1"
    " AND o.target = targets.target AND o.facts ->> 'format' = ?2"
    " AND o.event IN ('record_error', 'record_start_failed')"
    " AND " NGX_RECORDING_OUTBOX_LATELY ")" },

    NGX_RECORDING_SEARCH_STATEMENTS
    NGX_RECORDING_POLICY_STATEMENTS
    NGX_RECORDING_EXPIRE_STATEMENTS
    NGX_RECORDING_KEEP_STATEMENTS
    NGX_RECORDING_LABEL_STATEMENTS
};
