
/*
 * What calls have ordered, in the language of SQLite: templates and their
 * formats, rules, tasks, and commands to recordings that are under way.
 *
 * Texts for ngx_recording_catalogue_sql.c.
 */


#ifndef _NGX_RECORDING_POLICY_SQL_H_INCLUDED_
#define _NGX_RECORDING_POLICY_SQL_H_INCLUDED_


#include "ngx_recording_callback_sql.h"
#include "ngx_recording_edit_sql.h"


/* the columns task_id and delivers of a recording, for its files; of one that
   is not known (yet) as the stream has them */
#define NGX_RECORDING_SQL_OF_ONE(column, id, own)                             \
    "coalesce((SELECT nullif(" column ", '') FROM recordings"                 \
    " WHERE recording_id = " id "), " own ")"

#define NGX_RECORDING_SQL_OF(id, task, delivers)                              \
    NGX_RECORDING_SQL_OF_ONE("task_id", id, task) ", "                        \
    NGX_RECORDING_SQL_OF_ONE("delivers", id, delivers)


/* triggers that look for targets are made anew */
#define NGX_RECORDING_POLICY_VERSION                                          \
    NGX_RECORDING_CALLBACK_VERSION                                            \
    "ALTER TABLE recordings ADD COLUMN delivers TEXT NOT NULL DEFAULT '';"    \
    "ALTER TABLE files ADD COLUMN delivers TEXT NOT NULL DEFAULT '';"         \
    "DROP TRIGGER IF EXISTS outbox_numbered;"                                 \
    "DROP TRIGGER IF EXISTS sequences_gone;"                                  \
    "DROP TRIGGER IF EXISTS told_begun;"                                      \
    "DROP TRIGGER IF EXISTS told_restored;"                                   \
    "DROP TRIGGER IF EXISTS told_finished;"                                   \
    "DROP TRIGGER IF EXISTS upload_restored;"                                 \
    "DROP TRIGGER IF EXISTS upload_finished;"                                 \
    "DROP TRIGGER IF EXISTS upload_begun;"                                    \
    "DROP TRIGGER IF EXISTS upload_moved;"                                    \
    "DROP TRIGGER IF EXISTS upload_lost;"                                     \
    "DROP TRIGGER IF EXISTS upload_gone;"                                     \
    "DROP TRIGGER IF EXISTS upload_waits;"                                    \
    "DROP TRIGGER IF EXISTS outbox_over;"                                     \
    "DROP TRIGGER IF EXISTS told_paused;"                                     \
    "DROP TRIGGER IF EXISTS told_removed;"                                    \
    "DROP TRIGGER IF EXISTS told_nothing;"                                    \
    "DROP TRIGGER IF EXISTS told_ended;"


/* a worker looks at all of it when the number of policy is another one */
#define NGX_RECORDING_POLICY_COUNTED(table, what)                             \
    "CREATE TRIGGER IF NOT EXISTS " table "_" what " AFTER " what             \
    " ON " table " BEGIN UPDATE policy SET number = number + 1; END;"


/*
 * record_templates: as the call has given it, as JSON; record_formats: what of
 * it is recorded, by the template's name, also when that was deleted, as long
 * as there is no other one of that name, with expire_us 0 if the call did not
 * say it.
 */
#define NGX_RECORDING_POLICY_TEMPLATES                                        \
    "CREATE TABLE IF NOT EXISTS record_templates ("                           \
    " template_id INTEGER PRIMARY KEY, name TEXT NOT NULL,"                   \
    " params TEXT NOT NULL, created_us INTEGER NOT NULL,"                     \
    " updated_us INTEGER NOT NULL);"                                          \
                                                                              \
    "CREATE TABLE IF NOT EXISTS record_formats ("                             \
    " template TEXT NOT NULL, format TEXT NOT NULL,"                          \
    " interval_ms INTEGER NOT NULL, resume_ms INTEGER NOT NULL,"              \
    " expire_us INTEGER NOT NULL, path TEXT NOT NULL,"                        \
    " PRIMARY KEY (template, format)) WITHOUT ROWID;"


#define NGX_RECORDING_POLICY_TABLES                                           \
    "CREATE TABLE IF NOT EXISTS policy (number INTEGER NOT NULL);"            \
    "INSERT INTO policy SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM policy);"    \
                                                                              \
    NGX_RECORDING_POLICY_TEMPLATES                                            \
                                                                              \
    "CREATE TABLE IF NOT EXISTS record_rules ("                               \
    " domain TEXT NOT NULL, app TEXT NOT NULL, stream TEXT NOT NULL,"         \
    " template_id INTEGER NOT NULL, created_us INTEGER NOT NULL,"             \
    " updated_us INTEGER NOT NULL,"                                           \
    " PRIMARY KEY (domain, app, stream)) WITHOUT ROWID;"                      \
                                                                              \
    "CREATE TABLE IF NOT EXISTS record_tasks ("                               \
    " task_id TEXT NOT NULL PRIMARY KEY, domain TEXT NOT NULL,"               \
    " app TEXT NOT NULL, stream TEXT NOT NULL,"                               \
    " template_id INTEGER NOT NULL, start_us INTEGER NOT NULL,"               \
    " end_us INTEGER NOT NULL, stopped_us INTEGER NOT NULL DEFAULT 0,"        \
    " deleted_us INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"                  \
                                                                              \
    "CREATE INDEX IF NOT EXISTS record_tasks_end ON record_tasks (end_us);"   \
    "CREATE INDEX IF NOT EXISTS record_tasks_stream ON record_tasks (app,"    \
    " stream, end_us);"                                                       \
    "CREATE INDEX IF NOT EXISTS recordings_task ON recordings (task_id)"      \
    " WHERE task_id <> '';"                                                   \
                                                                              \
    "CREATE TABLE IF NOT EXISTS record_commands ("                            \
    " recording_id INTEGER PRIMARY KEY, command TEXT NOT NULL,"               \
    " number INTEGER NOT NULL DEFAULT 0);"                                    \
                                                                              \
    NGX_RECORDING_POLICY_COUNTED("record_templates", "insert")                \
    NGX_RECORDING_POLICY_COUNTED("record_templates", "update")                \
    NGX_RECORDING_POLICY_COUNTED("record_templates", "delete")                \
    NGX_RECORDING_POLICY_COUNTED("record_rules", "insert")                    \
    NGX_RECORDING_POLICY_COUNTED("record_rules", "update")                    \
    NGX_RECORDING_POLICY_COUNTED("record_rules", "delete")                    \
    NGX_RECORDING_POLICY_COUNTED("record_tasks", "insert")                    \
    NGX_RECORDING_POLICY_COUNTED("record_tasks", "update")                    \
    NGX_RECORDING_POLICY_COUNTED("record_commands", "insert")                 \
    NGX_RECORDING_POLICY_COUNTED("record_commands", "update")                 \
                                                                              \
    /* a task that was stopped does not wait for its stream */                \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS record_tasks_paused AFTER UPDATE OF state"  \
    " ON files WHEN new.state = 'paused' AND new.task_id <> ''"               \
    " AND EXISTS (SELECT 1 FROM record_tasks WHERE task_id = new.task_id"     \
    " AND stopped_us > 0) BEGIN UPDATE files SET resume_us = 1"               \
    " WHERE file_id = new.file_id; END;"                                      \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS record_commands_ended AFTER UPDATE OF"      \
    " end_us ON recordings WHEN new.end_us IS NOT NULL BEGIN"                 \
    " DELETE FROM record_commands WHERE recording_id = new.recording_id;"     \
    " END;"                                                                   \
                                                                              \
    NGX_RECORDING_CALLBACK_TABLES


/*
 * resume_us of a file, which waits until then, or NULL: not at all if what it
 * is of was told to end, or to go on with new files, and nobody could obey; nor
 * if nobody comes to it any more.  As the order is a row by then, or finds it
 * waiting, it does not matter who was killed in between.
 */
#define NGX_RECORDING_POLICY_WAITS(until)                                     \
    " resume_us = iif(" until " IS NOT NULL AND (EXISTS (SELECT 1"            \
    " FROM record_commands AS c WHERE c.recording_id = files.recording_id)"   \
    " OR EXISTS (SELECT 1 FROM recordings AS r WHERE r.recording_id ="        \
    " files.recording_id AND r.end_us IS NOT NULL) OR EXISTS (SELECT 1"       \
    " FROM record_tasks AS t WHERE t.task_id = files.task_id"                 \
    " AND t.deleted_us > 0)), 1, " until ")"


/* two tasks, or a task and a time, have something of the same stream */
#define NGX_RECORDING_POLICY_STREAM(row)                                      \
    row "app = ?2 AND " row "stream = ?3 AND " row "domain = ?1"              \
    " AND " row "stopped_us = 0 AND " row "deleted_us = 0"


#define NGX_RECORDING_POLICY_STATEMENTS                                       \
    [NGX_RECORDING_SQL_POLICY_NUMBER] = { "",                                 \
    "SELECT number FROM policy" },                                            \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TEMPLATES] = { "i",                             \
    "SELECT template_id, name, params FROM record_templates"                  \
    " WHERE template_id > ?1 ORDER BY template_id" },                         \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TEMPLATE] = { "i",                              \
    "SELECT template_id, name, params FROM record_templates"                  \
    " WHERE template_id = ?1" },                                              \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_FORMATS] = { "t",                               \
    "SELECT format, interval_ms, resume_ms, expire_us, path"                  \
    " FROM record_formats WHERE template = ?1" },                             \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TEMPLATE_COUNT] = { "",                         \
    "SELECT count(*) FROM record_templates WHERE template_id > 0" },          \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TEMPLATE_PUT] = { "itti",                       \
    "INSERT INTO record_templates (template_id, name, params, created_us,"    \
    " updated_us) VALUES (?1, ?2, ?3, ?4, ?4)"                                \
    " ON CONFLICT (template_id) DO UPDATE SET params = ?3,"                   \
    " updated_us = ?4" },                                                     \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TEMPLATE_DROP] = { "i",                         \
    "DELETE FROM record_templates WHERE template_id = ?1" },                  \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_FORMATS_DROP] = { "t",                          \
    "DELETE FROM record_formats WHERE template = ?1" },                       \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_FORMAT_PUT] = { "ttiiit",                       \
    "INSERT INTO record_formats (template, format, interval_ms, resume_ms,"   \
    " expire_us, path) VALUES (?1, ?2, ?3, ?4, ?5, ?6)" },                    \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_RULES] = { "",                                  \
    "SELECT domain, app, stream, template_id, created_us, updated_us"         \
    " FROM record_rules WHERE domain >= ''" },                                \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_RULE_COUNT] = { "",                             \
    "SELECT count(*) FROM record_rules WHERE domain >= ''" },                 \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_RULE_PUT] = { "tttii",                          \
    "INSERT OR IGNORE INTO record_rules (domain, app, stream, template_id,"   \
    " created_us, updated_us) VALUES (?1, ?2, ?3, ?4, ?5, ?5)" },             \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_RULE_DROP] = { "ttt",                           \
    "DELETE FROM record_rules WHERE domain = ?1 AND app = ?2"                 \
    " AND stream = ?3" },                                                     \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TASKS] = { "i",                                 \
    "SELECT task_id, domain, app, stream, template_id, start_us, end_us,"     \
    " stopped_us, deleted_us FROM record_tasks WHERE end_us > ?1" },          \
                                                                              \
    /* of those that are wholly in a time, behind this one */                 \
    [NGX_RECORDING_SQL_POLICY_TASKS_PAGE] = { "iitttiti",                     \
    "SELECT task_id, domain, app, stream, template_id, start_us, end_us,"     \
    " stopped_us, deleted_us FROM record_tasks WHERE end_us <= ?2"            \
    " AND start_us >= ?1 AND deleted_us = 0 AND (end_us, task_id) > (?6, ?7)" \
    " AND end_us >= ?6 AND ?3 IN ('', domain) AND ?4 IN ('', app)"            \
    " AND ?5 IN ('', stream) ORDER BY end_us, task_id LIMIT ?8" },            \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TASK] = { "t",                                  \
    "SELECT stopped_us, end_us FROM record_tasks WHERE task_id = ?1"          \
    " AND deleted_us = 0" },                                                  \
                                                                              \
    /* the most tasks at a time, which is so when one of them begins */       \
    [NGX_RECORDING_SQL_POLICY_TASK_DEPTH] = { "tttii",                        \
    "SELECT coalesce(max((SELECT count(*) FROM record_tasks AS o WHERE "      \
    NGX_RECORDING_POLICY_STREAM("o.") " AND o.end_us > b.at"                  \
    " AND o.start_us <= b.at)), 0) FROM (SELECT ?4 AS at UNION ALL"           \
    " SELECT start_us FROM record_tasks AS t WHERE "                          \
    NGX_RECORDING_POLICY_STREAM("t.") " AND t.end_us > ?4"                    \
    " AND t.start_us > ?4 AND t.start_us < ?5) AS b" },                       \
                                                                              \
    /* those whose end is to come */                                          \
    [NGX_RECORDING_SQL_POLICY_TASK_COUNT] = { "i",                            \
    "SELECT count(*) FROM record_tasks WHERE end_us > ?1" },                  \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TASK_PUT] = { "ttttiii",                        \
    "INSERT INTO record_tasks (task_id, domain, app, stream, template_id,"    \
    " start_us, end_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)" },               \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TASK_STOP] = { "ti",                            \
    "UPDATE record_tasks SET stopped_us = ?2 WHERE task_id = ?1"              \
    " AND stopped_us = 0" },                                                  \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_TASK_DROP] = { "ti",                            \
    "UPDATE record_tasks SET deleted_us = ?2 WHERE task_id = ?1"              \
    " AND deleted_us = 0" },                                                  \
                                                                              \
    /* of those that are over by ?2 the latest are kept */                    \
    [NGX_RECORDING_SQL_POLICY_TASKS_OLD] = { "iii",                           \
    "DELETE FROM record_tasks WHERE end_us < max(?1, coalesce((SELECT end_us" \
    " FROM record_tasks WHERE end_us < ?2 ORDER BY end_us DESC LIMIT 1"       \
    " OFFSET ?3), 0))" },                                                     \
                                                                              \
    /* what waits for its stream is finished now */                           \
    [NGX_RECORDING_SQL_POLICY_TASK_FINISH] = { "t",                           \
    "UPDATE files SET resume_us = 1 WHERE state = 'paused'"                   \
    " AND recording_id IN (SELECT recording_id FROM recordings"               \
    " WHERE task_id = ?1 AND task_id <> '' AND end_us IS NULL)"               \
    " AND " NGX_RECORDING_SQL_OPEN },                                         \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_FINISH] = { "i",                                \
    "UPDATE files SET resume_us = 1 WHERE state = 'paused'"                   \
    " AND recording_id = ?1 AND " NGX_RECORDING_SQL_OPEN },                   \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_RECORDING] = { "i",                             \
    "SELECT owner FROM recordings WHERE recording_id = ?1"                    \
    " AND end_us IS NULL" },                                                  \
                                                                              \
    /* a stop is not taken back by a cut; of two cuts the second one is not    \
       taken for the first, which may be done, and about to go */             \
    [NGX_RECORDING_SQL_POLICY_COMMAND_PUT] = { "it",                          \
    "INSERT INTO record_commands (recording_id, command, number)"             \
    " VALUES (?1, ?2, " NGX_RECORDING_EDIT_NOW ")"                            \
    " ON CONFLICT (recording_id) DO UPDATE SET"                               \
    " command = iif('stop' IN (command, excluded.command), 'stop', 'cut'),"   \
    " number = max(number + 1, excluded.number)" },                           \
                                                                              \
    [NGX_RECORDING_SQL_POLICY_COMMANDS] = { "t",                              \
    "SELECT recording_id, command, number FROM record_commands"               \
    " WHERE recording_id > 0 AND EXISTS (SELECT 1 FROM recordings"            \
    " WHERE recordings.recording_id = record_commands.recording_id"           \
    " AND owner = ?1)" },                                                     \
                                                                              \
    /* a stop goes with the end of what it stops */                           \
    [NGX_RECORDING_SQL_POLICY_COMMAND_DONE] = { "ii",                         \
    "DELETE FROM record_commands WHERE recording_id = ?1"                     \
    " AND command = 'cut' AND number = ?2" },                                 \
                                                                              \
    NGX_RECORDING_CALLBACK_STATEMENTS


#endif /* _NGX_RECORDING_POLICY_SQL_H_INCLUDED_ */
