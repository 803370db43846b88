
/*
 * The ring of a stream: what rewind= keeps of it, the last minutes or hours, in
 * chunks that no recording has (ngx_recording_chunk.h); and the replay that
 * feeds a new recording from there.
 *
 * Runs in the loop, but for its jobs.  A ring belongs to a session, which
 * creates it with a publish and closes it with its end.  It has a pool and a
 * log of its own, and frees itself when nobody reads it any more and its chunks
 * are removed.
 *
 *     messages --> filling --> (job) --> chunk --> chunk --> (too old) removed
 *                     |                    |
 *                     |                    +--> (job) --> replay --> recording
 *                     +--- when all of that was read --------^
 *
 * A recording that is replayed has ->replay, and takes nothing of its session
 * meanwhile.  When the replay has read all that is written, and has handed
 * over what is in memory, the session is its source: in the same turn of the
 * loop, so that no frame is missing or there twice.
 */


#ifndef _NGX_RECORDING_RING_H_INCLUDED_
#define _NGX_RECORDING_RING_H_INCLUDED_


#include "ngx_recording_chunk.h"
#include "ngx_recording_growth.h"
#include "ngx_recording_recorder.h"


/* bytes in memory, at most, when a replay changes over to what comes */
#define NGX_RECORDING_RING_NEAR  (1024 * 1024)


typedef struct ngx_recording_ring_s  ngx_recording_ring_t;


struct ngx_recording_ring_s {
    ngx_recording_worker_t *worker;
    ngx_pool_t             *pool;
    ngx_log_t               log;
    ngx_str_t               app;           /* both for the log */
    ngx_str_t               name;
    int64_t                 keep;          /* us */
    uint64_t                id;

    ngx_queue_t             chunks;        /* the oldest first */
    ngx_queue_t             replays;
    uint64_t                n;             /* of the next chunk */
    uint64_t                removed;       /* of the first that is there */
    int64_t                 bytes;         /* of the chunks */
    ngx_recording_growth_t  growth;        /* the same, for max= */

    ngx_recording_batch_t   headers[NGX_RECORDING_INTAKE_HEADERS];
                                           /* the newest */
    ngx_recording_batch_t   filling;
    ngx_recording_chunk_order_t  order;
    ngx_recording_job_t     job;
    ngx_event_t             timer;
    ngx_uint_t              done;          /* jobs */

    int64_t                 picture;       /* us, the last video; 0: none */
    int64_t                 keyless;       /* us, video since the last key frame
                                              began; 0: none came since */
    ngx_uint_t              length;        /* bytes of a NAL unit's length */
    int64_t                 came;          /* us, what comes had come then; 0:
                                              it comes now */
    int64_t                 over;          /* us, its stream was; 0: it is
                                              live */

    unsigned                busy:1;        /* the job is ordered */
    unsigned                dropping:1;    /* until a key frame finds room */
    unsigned                said:1;        /* that, or a failure */
    unsigned                shorter:1;     /* it was said that it has to be */
    unsigned                stuck:1;       /* and that a chunk stays */
    unsigned                gone:1;        /* the job removes what is there */
};


/* keep: ms.  NULL: no memory.  The strings of the stream are copied. */
ngx_recording_ring_t *ngx_recording_ring_create(
    ngx_recording_worker_t *worker, ngx_recording_stream_t *stream,
    ngx_msec_t keep);

/* remembers a sequence header that came before the publish */
void ngx_recording_ring_seed(ngx_recording_ring_t *ring, ngx_uint_t track,
    ngx_chain_t *in);

/* as a recording takes it; never fails: what cannot be kept is counted */
void ngx_recording_ring_message(ngx_recording_ring_t *ring, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in);

/*
 * The stream is over, and the ring must not be used any more.  Recordings that
 * are replayed are closed when they have all of it.
 */
void ngx_recording_ring_close(ngx_recording_ring_t *ring);

/*
 * Has a recording that is new begin with the last key frame that had come at a
 * time (us, by the store's clock), or with the oldest there is.  NGX_DECLINED:
 * it is to begin now.
 */
ngx_int_t ngx_recording_ring_replay(ngx_recording_ring_t *ring,
    ngx_recording_t *r, int64_t start);

/*
 * The recording ends, with what has come by now: for one that is replayed, in
 * the place of ngx_recording_recorder_finish().
 */
void ngx_recording_ring_finish(ngx_recording_t *r);

/* for its parts: orders the job, if there is something for it */
void ngx_recording_ring_order(ngx_recording_ring_t *ring);

/* the same: a replay has ended */
void ngx_recording_ring_leave(ngx_recording_ring_t *ring);

/* the same, us by the store's clock, as of this turn of the loop */
int64_t ngx_recording_ring_now(ngx_recording_ring_t *ring);

/* the same: the oldest chunk that a replay has a claim to; ring->n: none */
uint64_t ngx_recording_ring_claimed(ngx_recording_ring_t *ring);

/* the same: whether a replay is at a chunk */
ngx_uint_t ngx_recording_ring_at(ngx_recording_ring_t *ring,
    ngx_recording_chunk_t *chunk);

/* the same: whether a replay reads the end of what is written: if nothing is
   written meanwhile, it has caught up */
ngx_uint_t ngx_recording_ring_at_end(ngx_recording_ring_t *ring);

/* the same: there is more to be read, or the stream is over */
void ngx_recording_ring_grown(ngx_recording_ring_t *ring);


#endif /* _NGX_RECORDING_RING_H_INCLUDED_ */
