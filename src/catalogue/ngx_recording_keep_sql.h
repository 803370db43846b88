
/*
 * The part of the catalogue's statements that a worker looks through the store
 * by, in the language of SQLite.
 *
 * Texts for ngx_recording_catalogue_sql.c.
 */


#ifndef _NGX_RECORDING_KEEP_SQL_H_INCLUDED_
#define _NGX_RECORDING_KEEP_SQL_H_INCLUDED_


#define NGX_RECORDING_KEEP_STATEMENTS                                         \
    /* whether its journal alone told that it is this owner's; until when it  \
       waits */                                                               \
    [NGX_RECORDING_SQL_FILE_STATE] = { "it",                                  \
    "SELECT state, owner = ?2 AND resume_us IS 0, coalesce(resume_us, 0)"     \
    " FROM files WHERE file_id = ?1" },                                       \
                                                                              \
    [NGX_RECORDING_SQL_FORSAKE_FILE] = { "it",                                \
    "UPDATE files SET owner = '', resume_us = NULL WHERE file_id = ?1"        \
    " AND owner = ?2 AND resume_us = 0 AND " NGX_RECORDING_SQL_OPEN },        \
                                                                              \
    [NGX_RECORDING_SQL_FORSAKE] = { "it",                                     \
    "UPDATE recordings SET owner = '' WHERE recording_id ="                   \
    " (SELECT recording_id FROM files WHERE file_id = ?1) AND owner = ?2"     \
    " AND end_us IS NULL AND NOT EXISTS (SELECT 1 FROM files"                 \
    " WHERE files.recording_id = recordings.recording_id"                     \
    " AND files.owner = ?2 AND " NGX_RECORDING_SQL_OPEN ")" },                \
                                                                              \
    /* no longer than until then */                                           \
    [NGX_RECORDING_SQL_WAIT_LESS] = { "ii",                                   \
    "UPDATE files SET resume_us = ?2 WHERE file_id = ?1 AND state = 'paused'" \
    " AND " NGX_RECORDING_SQL_OPEN " AND resume_us > ?2" },


#endif /* _NGX_RECORDING_KEEP_SQL_H_INCLUDED_ */
