
/*
 * What the label of a finished file says, and rows that are made of what labels
 * say; in the language of SQLite.
 *
 * Texts for ngx_recording_catalogue_sql.c.
 */


#ifndef _NGX_RECORDING_LABEL_SQL_H_INCLUDED_
#define _NGX_RECORDING_LABEL_SQL_H_INCLUDED_


#include "ngx_recording_expire_sql.h"


/*
 * In a label, whose ?4 is when the file was finished: where it is, who delivers
 * it, and when it expires, or will as soon as it is finished.  And taken from
 * one, for the columns that are named: somebody else may have written it.
 */

#define NGX_RECORDING_LABEL_MORE                                              \
    " 'objects', objects, 'delivers', delivers, 'lives_us', lives_us,"        \
    " 'expire_us', iif(state = 'finished',"                                   \
    " expire_us, coalesce(expire_us, "                                        \
    NGX_RECORDING_EXPIRE_AT("files.", "coalesce("                             \
        NGX_RECORDING_EXPIRE_LATE("files.end_us", "?4")                       \
        ", files.end_us, ?4)") ")),"

#define NGX_RECORDING_LABEL_COLUMNS  " objects, delivers, lives_us, expire_us,"

#define NGX_RECORDING_LABEL_VALUES                                            \
    " iif(json_valid(j ->> 'objects') AND json_type(j ->> 'objects')"         \
    " = 'array', j ->> 'objects', '[]'), coalesce(j ->> 'delivers', ''),"     \
    " j ->> 'lives_us', j ->> 'expire_us',"


/* null is for good; labels of former versions say nothing */

#define NGX_RECORDING_LABEL_MENDS                                             \
    " expire_us = iif(json_type(j, '$.expire_us') IS NULL, expire_us,"        \
    " j ->> 'expire_us'), lives_us = iif(json_type(j, '$.expire_us')"         \
    " = 'null', " NGX_RECORDING_EXPIRE_NEVER ", lives_us),"


/* rows of the table of statements: name, types of the parameters, text */

#define NGX_RECORDING_LABEL_STATEMENTS                                        \
    [NGX_RECORDING_SQL_LABELLED] = { "i",                                     \
    "SELECT path, size, finished_us FROM files WHERE file_id = ?1"            \
    " AND state = 'finished' AND local = 1" },                                \
                                                                              \
    /* ?3: without what may be long */                                        \
    [NGX_RECORDING_SQL_LABEL] = { "iiii",                                     \
    "SELECT json_object('file_id', file_id, 'recording_id', recording_id,"    \
    " 'task_id', task_id, 'template', template, 'domain', domain,"            \
    " 'server', server, 'app', app, 'stream', stream,"                        \
    " 'stream_param', iif(?3, '', stream_param),"                             \
    " 'format', format, 'start_us', start_us, 'end_us', end_us,"              \
    " 'duration_ms', duration_ms, 'size', ?2, 'video_codec', video_codec,"    \
    " 'audio_codec', audio_codec, 'resolution', resolution,"                  \
    " 'gaps', iif(?3, '[]', gaps),"                                           \
    " 'frames_in', frames_in, 'frames_written', frames_written,"              \
    " 'frames_dropped', frames_dropped, 'drops', drops,"                      \
    " 'recovered', recovered, 'finished_us', ?4,"                             \
    NGX_RECORDING_LABEL_MORE                                                  \
    " 'told', told OR " NGX_RECORDING_OUTBOX_NOBODY("files.") ")"             \
    " FROM files WHERE file_id = ?1" },                                       \
                                                                              \
    [NGX_RECORDING_SQL_RESTORE] = { "ttt",                                    \
    "INSERT OR IGNORE INTO files (file_id, recording_id, task_id, template,"  \
    " domain, server, app, stream, stream_param, format, state, start_us,"    \
    " end_us, duration_ms, size, video_codec, audio_codec, resolution, gaps," \
    " frames_in, frames_written, frames_dropped, drops, recovered, path,"     \
    " play_url, finished_us," NGX_RECORDING_LABEL_COLUMNS " told) SELECT"     \
    " j ->> 'file_id', j ->> 'recording_id',"                                 \
    " j ->> 'task_id', j ->> 'template', j ->> 'domain',"                     \
    " coalesce(j ->> 'server', ''), j ->> 'app',"                             \
    " j ->> 'stream', j ->> 'stream_param', j ->> 'format', 'finished',"      \
    " j ->> 'start_us', j ->> 'end_us', j ->> 'duration_ms', j ->> 'size',"   \
    " j ->> 'video_codec', j ->> 'audio_codec', j ->> 'resolution',"          \
    " j ->> 'gaps', j ->> 'frames_in', j ->> 'frames_written',"               \
    " j ->> 'frames_dropped', j ->> 'drops', j ->> 'recovered', ?2, ?3,"      \
    " coalesce(j ->> 'finished_us', j ->> 'end_us'),"                         \
    NGX_RECORDING_LABEL_VALUES                                                \
    " coalesce(j ->> 'told', 1)"                                              \
    " FROM (SELECT ?1 AS j)" },                                               \
                                                                              \
    /* from its first file to its last */                                     \
    [NGX_RECORDING_SQL_RESTORE_RECORDING] = { "t",                            \
    "INSERT INTO recordings (recording_id, task_id, template,"                \
    " domain, server, app, stream, stream_param, delivers, owner, start_us,"  \
    " end_us) SELECT recording_id, task_id, template, domain, server, app,"   \
    " stream, stream_param, delivers, '', start_us, end_us FROM files"        \
    " WHERE path = ?1"                                                        \
    " ON CONFLICT (recording_id) DO UPDATE SET"                               \
    " start_us = min(start_us, excluded.start_us),"                           \
    " end_us = max(end_us, excluded.end_us)" },                               \
                                                                              \
    [NGX_RECORDING_SQL_RESTORE_PLAIN] = { "ttttttitiitt",                     \
    "INSERT OR IGNORE INTO files (template, domain, server, app, stream,"     \
    " stream_param, file_id, recording_id, format, state, start_us, end_us,"  \
    " size, path, play_url, recovered, finished_us) VALUES (?1, ?2, ?3, ?4,"  \
    " ?5, ?6, ?7, ?7, ?8, 'finished', ?9, ?9, ?10, ?11, ?12, 1, ?9)" },       \
                                                                              \
    [NGX_RECORDING_SQL_MEND] = { "ititti",                                    \
    "UPDATE files SET state = 'finished', owner = '', resume_us = NULL,"      \
    " size = ?3, finished_us = coalesce(j ->> 'finished_us', ?6),"            \
    " end_us = j ->> 'end_us', duration_ms = j ->> 'duration_ms',"            \
    " video_codec = j ->> 'video_codec', audio_codec = j ->> 'audio_codec',"  \
    " resolution = j ->> 'resolution', gaps = j ->> 'gaps',"                  \
    " frames_in = j ->> 'frames_in', frames_written = j ->> 'frames_written',"\
    " frames_dropped = j ->> 'frames_dropped', drops = j ->> 'drops',"        \
    " recovered = max(recovered, j ->> 'recovered'),"                         \
    " told = max(told, coalesce(j ->> 'told', 0)),"                           \
    NGX_RECORDING_LABEL_MENDS                                                 \
    " path = coalesce(path, ?4), play_url = iif(path IS NULL, ?5, play_url)"  \
    " FROM (SELECT ?2 AS j) WHERE file_id = ?1"                               \
    " AND iif(json_valid(j), j ->> 'file_id', 0) = ?1" },


#endif /* _NGX_RECORDING_LABEL_SQL_H_INCLUDED_ */
