
/*
 * The catalogue's schema, and its statements: one row each, by name, in the
 * language of SQLite.  Another engine gets tables of its own with the same
 * names and parameters.
 *
 * Constant data, for the files of the catalogue only.
 */


#ifndef _NGX_RECORDING_CATALOGUE_SQL_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_SQL_H_INCLUDED_


#include "ngx_recording_sql.h"


typedef enum {
    NGX_RECORDING_SQL_OWNERS = 0,
    NGX_RECORDING_SQL_RECORDING,
    NGX_RECORDING_SQL_CANDIDATES,
    NGX_RECORDING_SQL_WAITING,
    NGX_RECORDING_SQL_PENDING,
    NGX_RECORDING_SQL_TAKE_FILE,
    NGX_RECORDING_SQL_TAKE_RECORDING,
    NGX_RECORDING_SQL_WANT,
    NGX_RECORDING_SQL_UNWANT,
    NGX_RECORDING_SQL_END,
    NGX_RECORDING_SQL_DISOWN,
    NGX_RECORDING_SQL_INSERT,
    NGX_RECORDING_SQL_MOVE,
    NGX_RECORDING_SQL_UPDATE,
    NGX_RECORDING_SQL_REMOVE,
    NGX_RECORDING_SQL_SET_STATE,
    NGX_RECORDING_SQL_WANTED,
    NGX_RECORDING_SQL_REFUSE,
    NGX_RECORDING_SQL_FILE_OWNER,
    NGX_RECORDING_SQL_RECORDING_OWNER,
    NGX_RECORDING_SQL_UNFINISHED,
    NGX_RECORDING_SQL_STALE,
    NGX_RECORDING_SQL_FILE_STATE,
    NGX_RECORDING_SQL_ABOUT,
    NGX_RECORDING_SQL_ADOPT,
    NGX_RECORDING_SQL_ADOPT_FILE,
    NGX_RECORDING_SQL_LABEL,
    NGX_RECORDING_SQL_RESTORE,
    NGX_RECORDING_SQL_RESTORE_RECORDING,
    NGX_RECORDING_SQL_RESTORE_PLAIN,
    NGX_RECORDING_SQL_TOTAL,
    NGX_RECORDING_SQL_GROWN,
    NGX_RECORDING_SQL_OLDEST,
    NGX_RECORDING_SQL_MISSING,
    NGX_RECORDING_SQL_EVICT,
    NGX_RECORDING_SQL_TO_REMOVE,
    NGX_RECORDING_SQL_STUCK,
    NGX_RECORDING_SQL_RETRY,
    NGX_RECORDING_SQL_MARK_REMOVED,
    NGX_RECORDING_SQL_OLD_ROWS,
    NGX_RECORDING_SQL_USED,
    NGX_RECORDING_SQL_FORGET,
    NGX_RECORDING_SQL_EMPTY,
    NGX_RECORDING_SQL_FORGET_RECORDING,
    NGX_RECORDING_SQL_RELEASE_ALL,
    NGX_RECORDING_SQL_MEND,
    NGX_RECORDING_SQL_MINE,
    NGX_RECORDING_SQL_NO_TARGETS,
    NGX_RECORDING_SQL_TARGET,
    NGX_RECORDING_SQL_OUTBOX_DUE,
    NGX_RECORDING_SQL_OUTBOX_TAKE,
    NGX_RECORDING_SQL_OUTBOX_DONE,
    NGX_RECORDING_SQL_OUTBOX_FAILED,
    NGX_RECORDING_SQL_OUTBOX_RETURN,
    NGX_RECORDING_SQL_OUTBOX_OWNER,
    NGX_RECORDING_SQL_OUTBOX_FREE,
    NGX_RECORDING_SQL_OUTBOX_FAR,
    NGX_RECORDING_SQL_OUTBOX_LATEST,
    NGX_RECORDING_SQL_OUTBOX_SILENT,
    NGX_RECORDING_SQL_OUTBOX_UNREACHED,
    NGX_RECORDING_SQL_OUTBOX_GIVE_UP,
    NGX_RECORDING_SQL_OUTBOX_OLD,
    NGX_RECORDING_SQL_OUTBOX_LEFT,
    NGX_RECORDING_SQL_OUTBOX_TOLD,
    NGX_RECORDING_SQL_OUTBOX_EXCEPTION,
    NGX_RECORDING_SQL_OUTBOX_ERROR,
    NGX_RECORDING_SQLS
} ngx_recording_sql_e;


extern const ngx_recording_sql_schema_t  ngx_recording_catalogue_sql_schema;
extern const ngx_recording_sql_statement_t  ngx_recording_catalogue_sql[];


/* the six texts of a stream, as values */

#define ngx_recording_catalogue_sql_stream(stream)                            \
    ngx_recording_sql_str(&(stream)->template),                               \
    ngx_recording_sql_str(&(stream)->domain),                                 \
    ngx_recording_sql_str(&(stream)->server),                                 \
    ngx_recording_sql_str(&(stream)->app),                                    \
    ngx_recording_sql_str(&(stream)->name),                                   \
    ngx_recording_sql_str(&(stream)->param)


#endif /* _NGX_RECORDING_CATALOGUE_SQL_H_INCLUDED_ */
