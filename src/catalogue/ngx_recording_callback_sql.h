
/*
 * Whom calls have told of events, in the language of SQLite: callback
 * templates, their targets, and the rules that say to which streams one
 * belongs.
 *
 * Texts for ngx_recording_policy_sql.h.
 */


#ifndef _NGX_RECORDING_CALLBACK_SQL_H_INCLUDED_
#define _NGX_RECORDING_CALLBACK_SQL_H_INCLUDED_


/*
 * Targets of a callback template stand in the table of all targets, too, under
 * this and the template's name: no template of the configuration has such a
 * name, or one of a call.
 */
#define NGX_RECORDING_CALLBACK_TEMPLATE  "callback="

/* behind those, in the order of names */
#define NGX_RECORDING_CALLBACK_BEHIND    "callback>"


/* levels of exceptions: all that were there before wanted each */
#define NGX_RECORDING_CALLBACK_VERSION                                        \
    "ALTER TABLE targets ADD COLUMN levels INTEGER NOT NULL DEFAULT 7;"


/* who is told of an event of a row's stream: by its template, and by the
   callback template of its domain, or of its application there */
#define NGX_RECORDING_CALLBACK_OF(row)                                        \
    "(SELECT c.template FROM callback_rules AS c WHERE c.domain = lower("     \
    row "domain) AND c.app IN (" row "app, '') ORDER BY c.app DESC LIMIT 1)"


/* callback_templates: as the call has given it, as JSON */
#define NGX_RECORDING_CALLBACK_TABLES                                         \
    "CREATE TABLE IF NOT EXISTS callback_templates ("                         \
    " template_id INTEGER PRIMARY KEY, name TEXT NOT NULL,"                   \
    " params TEXT NOT NULL, created_us INTEGER NOT NULL,"                     \
    " updated_us INTEGER NOT NULL);"                                          \
                                                                              \
    "CREATE TABLE IF NOT EXISTS callback_targets ("                           \
    " template TEXT NOT NULL, target TEXT NOT NULL,"                          \
    " kinds INTEGER NOT NULL, levels INTEGER NOT NULL,"                       \
    " url TEXT NOT NULL, key TEXT NOT NULL,"                                  \
    " private INTEGER NOT NULL,"                                              \
    " PRIMARY KEY (template, target)) WITHOUT ROWID;"                         \
                                                                              \
    "CREATE TABLE IF NOT EXISTS callback_rules ("                             \
    " domain TEXT NOT NULL, app TEXT NOT NULL,"                               \
    " template_id INTEGER NOT NULL, template TEXT NOT NULL,"                  \
    " created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,"              \
    " PRIMARY KEY (domain, app)) WITHOUT ROWID;"                              \
                                                                              \
    NGX_RECORDING_POLICY_COUNTED("callback_targets", "insert")                \
    NGX_RECORDING_POLICY_COUNTED("callback_targets", "delete")                \
    NGX_RECORDING_POLICY_COUNTED("callback_rules", "insert")                  \
    NGX_RECORDING_POLICY_COUNTED("callback_rules", "delete")                  \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS callback_targets_told AFTER INSERT"         \
    " ON callback_targets BEGIN INSERT OR REPLACE INTO targets (template,"    \
    " target, kinds, holds, levels) VALUES (new.template, new.target,"        \
    " new.kinds, 0, new.levels); END;"                                        \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS callback_targets_gone AFTER DELETE"         \
    " ON callback_targets BEGIN DELETE FROM targets"                          \
    " WHERE template = old.template AND target = old.target; END;"            \
                                                                              \
    /* one that was under way when its target went, and has failed */         \
                                                                              \
    "CREATE TRIGGER IF NOT EXISTS callback_failed AFTER UPDATE OF state"      \
    " ON outbox WHEN new.state = 'waiting' AND old.state = 'taken'"           \
    " AND new.template > '" NGX_RECORDING_CALLBACK_TEMPLATE "'"               \
    " AND new.template < '" NGX_RECORDING_CALLBACK_BEHIND "'"                 \
    " AND NOT EXISTS (SELECT 1 FROM callback_targets AS c"                    \
    " WHERE c.template = new.template AND c.target = new.target) BEGIN"       \
    " UPDATE outbox SET state = 'dead', error = '"                            \
    NGX_RECORDING_CALLBACK_GONE "' WHERE id = new.id; END;"


#define NGX_RECORDING_CALLBACK_GONE                                           \
    "a call has removed this URL, or its callback template"


#define NGX_RECORDING_CALLBACK_STATEMENTS                                     \
    [NGX_RECORDING_SQL_CALLBACK_TEMPLATES] = { "i",                           \
    "SELECT template_id, name, params FROM callback_templates"                \
    " WHERE template_id > ?1 ORDER BY template_id" },                         \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_TEMPLATE] = { "i",                            \
    "SELECT template_id, name, params FROM callback_templates"                \
    " WHERE template_id = ?1" },                                              \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_TEMPLATE_COUNT] = { "",                       \
    "SELECT count(*) FROM callback_templates WHERE template_id > 0" },        \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_TEMPLATE_PUT] = { "itti",                     \
    "INSERT INTO callback_templates (template_id, name, params, created_us,"  \
    " updated_us) VALUES (?1, ?2, ?3, ?4, ?4)"                                \
    " ON CONFLICT (template_id) DO UPDATE SET params = ?3,"                   \
    " updated_us = ?4" },                                                     \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_TEMPLATE_DROP] = { "i",                       \
    "DELETE FROM callback_templates WHERE template_id = ?1" },                \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_TARGETS] = { "",                              \
    "SELECT template, target, kinds, levels, url, key, private"               \
    " FROM callback_targets WHERE template > ''" },                           \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_TARGETS_DROP] = { "t",                        \
    "DELETE FROM callback_targets WHERE template = ?1" },                     \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_TARGET_PUT] = { "ttiitti",                    \
    "INSERT INTO callback_targets (template, target, kinds, levels, url, key,"\
    " private) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)" },                        \
                                                                              \
    /* after those that are configured */                                     \
    [NGX_RECORDING_SQL_CALLBACK_TARGETS_TOLD] = { "",                         \
    "INSERT INTO targets (template, target, kinds, holds, levels)"            \
    " SELECT template, target, kinds, 0, levels FROM callback_targets"        \
    " WHERE template > ''" },                                                 \
                                                                              \
    /* what was to be told to a target that there is not any more */          \
    [NGX_RECORDING_SQL_CALLBACK_LOST] = { "t",                                \
    "UPDATE outbox SET state = 'dead', error = '"                             \
    NGX_RECORDING_CALLBACK_GONE "' WHERE id IN (SELECT id FROM outbox AS o"   \
    " WHERE o.state = 'waiting' AND o.template = ?1 AND NOT EXISTS (SELECT 1" \
    " FROM callback_targets AS c WHERE c.template = ?1"                       \
    " AND c.target = o.target) UNION ALL SELECT id FROM outbox AS o"          \
    " WHERE o.state = 'held' AND o.next_us >= 0 AND o.template = ?1"          \
    " AND NOT EXISTS (SELECT 1 FROM callback_targets AS c"                    \
    " WHERE c.template = ?1 AND c.target = o.target))" },                     \
                                                                              \
    /* and what waits is told at once to one that is another one now */       \
    [NGX_RECORDING_SQL_CALLBACK_AGAIN] = { "t",                               \
    "UPDATE outbox SET next_us = 0 WHERE state = 'waiting'"                   \
    " AND template = ?1 AND next_us > 0" },                                   \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_RULES] = { "",                                \
    "SELECT domain, app, template_id, template, created_us, updated_us"       \
    " FROM callback_rules WHERE domain >= ''" },                              \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_RULE_COUNT] = { "",                           \
    "SELECT count(*) FROM callback_rules WHERE domain >= ''" },               \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_RULE_PUT] = { "ttiti",                        \
    "INSERT OR IGNORE INTO callback_rules (domain, app, template_id,"         \
    " template, created_us, updated_us) VALUES (?1, ?2, ?3, ?4, ?5, ?5)" },   \
                                                                              \
    [NGX_RECORDING_SQL_CALLBACK_RULE_DROP] = { "tt",                          \
    "DELETE FROM callback_rules WHERE domain = ?1 AND app = ?2" },


#endif /* _NGX_RECORDING_CALLBACK_SQL_H_INCLUDED_ */
