
/*
 * Chunks: what rewind= keeps of a stream, in files of work/ that are no
 * recordings.  A chunk is an FLV file with the messages as they came.  The
 * stream id of a tag, which is 0 in other files, has when it came: ms after the
 * chunk began, and its highest bit says that recording can begin with it.
 *
 * A chunk begins with the newest headers and onMetaData, up to ->head.  Nothing
 * of it is synced: it is of no use without the process that has written it,
 * whose lock its name names, and goes when that is dead.
 *
 * Runs on pool threads.  A chunk belongs to a ring (ngx_recording_ring.h),
 * which makes and frees it in the loop; one job at a time writes, and has
 * ->grown and ->failed until it is done.
 */


#ifndef _NGX_RECORDING_CHUNK_H_INCLUDED_
#define _NGX_RECORDING_CHUNK_H_INCLUDED_


#include "ngx_recording_batch.h"
#include "ngx_recording_store.h"


typedef struct {
    off_t                   size;          /* bytes that are written; 0: it is
                                              not there */
    off_t                   head;          /* where what came begins */
    uint32_t                frames[NGX_RECORDING_TRACKS];  /* in these */
    uint32_t                unwritten[NGX_RECORDING_TRACKS];
} ngx_recording_chunk_state_t;


typedef struct {
    ngx_queue_t             queue;
    uint64_t                n;             /* one more than the one before */
    int64_t                 begin;         /* us by the store's clock: of its
                                              first message */
    int64_t                 end;           /* and of the last one */
    uint32_t                timestamp;     /* RTMP's, of the first */
    uint32_t                lost[NGX_RECORDING_TRACKS];
                                           /* frames behind its last one, that
                                              were not kept */
    ngx_recording_chunk_state_t  known;    /* when the last job was done */
    ngx_recording_chunk_state_t  grown;
    ngx_uint_t              failed;        /* nothing more is written */
    unsigned                key:1;         /* recording can begin with the
                                              first */
    unsigned                settled:1;     /* nothing more comes to it */
} ngx_recording_chunk_t;


/*
 * A job that writes.  Messages of track NGX_RECORDING_GAP have the address of
 * the chunk that those behind it belong to; `early` ones are of its head.
 */

typedef struct {
    ngx_recording_store_t  *store;
    uint64_t                ring;
    uint64_t                remove;        /* chunks of these numbers go, but */
    uint64_t                until;         /* not this one */
    ngx_recording_batch_t   batch;
    ngx_recording_chunk_t  *chunk;         /* the last one; the job moves on */
    const char             *op;            /* what failed first, or NULL */
    ngx_err_t               err;
    ngx_err_t               stuck;         /* one could not be removed */
} ngx_recording_chunk_order_t;


/*
 * A job that reads some of a chunk, whole tags.  ->start: it looks first for
 * the last tag that recording can begin with and that had come by then, and
 * sets ->key and ->timestamp.  With a ->key, video in front of it is left out,
 * and sound that is earlier by its timestamp.
 */

typedef struct {
    ngx_recording_store_t  *store;
    uint64_t                ring;
    uint64_t                n;
    int64_t                 begin;         /* us, the chunk's */
    off_t                   head;
    off_t                   pos;           /* the job moves on */
    off_t                   end;           /* what is written by now */
    int64_t                 start;         /* us, 0: it does not look */
    off_t                   key;           /* 0: nothing is left out */
    uint32_t                timestamp;
    uint32_t                frames[NGX_RECORDING_TRACKS];  /* that were read */
    ngx_recording_batch_t   batch;         /* `early` ones are of the head */
    ngx_err_t               err;           /* 0, or it cannot be read */
} ngx_recording_chunk_read_t;


/* the first tag's place */
#define NGX_RECORDING_CHUNK_FIRST  13

/* the bytes that are read at a time, unless one tag has more */
#define NGX_RECORDING_CHUNK_PIECE  (256 * 1024)


void ngx_recording_chunk_write_thread(ngx_recording_chunk_order_t *o);
void ngx_recording_chunk_read_thread(ngx_recording_chunk_read_t *r);

/* removes chunks of dead workers */
void ngx_recording_chunk_sweep_thread(ngx_recording_store_t *store);


#endif /* _NGX_RECORDING_CHUNK_H_INCLUDED_ */
