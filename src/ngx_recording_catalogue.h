
/*
 * The catalogue: the durable index of recordings and files, in SQLite.
 *
 * Runs on pool threads only: every call may wait for the disk and for other
 * threads and workers.  One catalogue is shared by all threads of a worker;
 * a mutex makes them take turns.  It is opened by the first call that needs
 * it, after the fork; if that fails the next call tries again.
 *
 * Return codes: NGX_OK; NGX_ERROR with the reason in the error given.
 */


#ifndef _NGX_RECORDING_CATALOGUE_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_H_INCLUDED_


#include "ngx_recording_file.h"
#include "ngx_recording_store.h"
#include <pthread.h>


typedef enum {
    NGX_RECORDING_SQL_BEGIN = 0,
    NGX_RECORDING_SQL_COMMIT,
    NGX_RECORDING_SQL_ROLLBACK,
    NGX_RECORDING_SQL_NORMAL,
    NGX_RECORDING_SQL_FULL,
    NGX_RECORDING_SQL_OWNERS,
    NGX_RECORDING_SQL_RECORDING,
    NGX_RECORDING_SQL_ENDED,
    NGX_RECORDING_SQL_INSERT,
    NGX_RECORDING_SQL_MOVE,
    NGX_RECORDING_SQL_UPDATE,
    NGX_RECORDING_SQLS
} ngx_recording_sql_e;


typedef struct {
    pthread_mutex_t         mutex;
    ngx_recording_store_t  *store;
    struct sqlite3         *db;            /* NULL until it is opened */
    struct sqlite3_stmt    *stmts[NGX_RECORDING_SQLS];
    uint64_t                last_id;
} ngx_recording_catalogue_t;


typedef struct {
    char                    text[256];
} ngx_recording_catalogue_error_t;


/* where a file is to lie: what was rendered, and how often it was taken */

typedef struct {
    u_char                  base[NGX_RECORDING_PATH_MAX + 1];
    size_t                  len;
    const char             *extension;
    ngx_uint_t              tries;
} ngx_recording_claim_t;


/* for a path that cannot be: the file's id, which no directory stands in */
void ngx_recording_claim_by_id(ngx_recording_claim_t *claim, uint64_t id);

void ngx_recording_catalogue_init(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store);

/* closes the database; no other thread may use the catalogue any more */
void ngx_recording_catalogue_close(ngx_recording_catalogue_t *cat);

/* an id that grows with time, 19 decimal digits, unique in this worker */
uint64_t ngx_recording_catalogue_id_thread(ngx_recording_catalogue_t *cat);

/*
 * Writes the row of a recording.  exclusive: NGX_DECLINED if another living
 * worker has one of the same template, application and stream, or has ended
 * it later than the frame that arrived at start.
 */
ngx_int_t ngx_recording_catalogue_start_thread(ngx_recording_catalogue_t *cat,
    uint64_t recording_id, ngx_recording_stream_t *stream, int64_t start,
    ngx_uint_t exclusive, ngx_recording_catalogue_error_t *err);

/* the recording is over; its files may still be on their way */
ngx_int_t ngx_recording_catalogue_end_thread(ngx_recording_catalogue_t *cat,
    uint64_t recording_id, int64_t end, ngx_recording_catalogue_error_t *err);

/*
 * Writes the row of a file that begins and claims its path, which is not one
 * that any row ever had; file->path is set.  claim NULL: the path is known
 * only at the end.
 */
ngx_int_t ngx_recording_catalogue_insert_thread(
    ngx_recording_catalogue_t *cat, ngx_recording_file_t *file,
    ngx_recording_claim_t *claim, ngx_recording_catalogue_error_t *err);

/* claims the first path, or the next if something else lies there */
ngx_int_t ngx_recording_catalogue_move_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, ngx_recording_claim_t *claim,
    ngx_recording_catalogue_error_t *err);

/* writes what is known of a file; durable: also after a power cut */
ngx_int_t ngx_recording_catalogue_update_thread(
    ngx_recording_catalogue_t *cat, ngx_recording_file_t *file,
    ngx_uint_t durable, ngx_recording_catalogue_error_t *err);


#endif /* _NGX_RECORDING_CATALOGUE_H_INCLUDED_ */
