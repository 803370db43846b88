
/*
 * The board: memory that all workers share, where each of them tells what
 * grows and what it waits for, so that any of them can answer for all.
 *
 * It is an array of slots of a fixed size in a zone that a reload keeps, so
 * that workers before and after it see the same.  A slot belongs to a process,
 * and there is one that writes it at a time: a file's is written by the job
 * that has the file, a recording's by the loop.  Reading takes no lock and
 * makes nobody wait: it is tried again if the slot was written meanwhile.
 * What a process left that was killed is told from what lives by its id and
 * the time of its start, and freed by the next worker that starts.
 *
 * Besides there are counters and histograms of all processes since the zone was
 * made: an atomic addition each, once for a batch, a call of the disk or an
 * attempt, not for each frame.
 *
 * Without a zone, or when all slots are taken, a slot is NULL, and nothing is
 * told.  Every function takes a board and a slot that are NULL.
 *
 * Any thread, but for those of the beginning and the end.
 */


#ifndef _NGX_RECORDING_BOARD_H_INCLUDED_
#define _NGX_RECORDING_BOARD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_BOARD_WORDS    20
#define NGX_RECORDING_BOARD_REASONS  8     /* for frames to be dropped */
#define NGX_RECORDING_BOARD_MIN      8192  /* bytes */
#define NGX_RECORDING_BOARD_SEEN     16    /* processes */


typedef struct ngx_recording_board_shared_s  ngx_recording_board_shared_t;
typedef struct ngx_recording_board_slot_s    ngx_recording_board_slot_t;


typedef enum {
    NGX_RECORDING_BOARD_FILE = 1,
    NGX_RECORDING_BOARD_RECORDING,
    NGX_RECORDING_BOARD_WORKER
} ngx_recording_board_kind_e;


/* what is counted: ..._BY is the first of NGX_RECORDING_BOARD_REASONS */

typedef enum {
    NGX_RECORDING_BOARD_RECORDINGS = 0,
    NGX_RECORDING_BOARD_FRAMES_IN,
    NGX_RECORDING_BOARD_FRAMES_WRITTEN,
    NGX_RECORDING_BOARD_BYTES,
    NGX_RECORDING_BOARD_DROPPED_BY,
    NGX_RECORDING_BOARD_NOTIFY_BY = NGX_RECORDING_BOARD_DROPPED_BY
                                    + NGX_RECORDING_BOARD_REASONS,
    NGX_RECORDING_BOARD_PROGRAM_BY = NGX_RECORDING_BOARD_NOTIFY_BY
                                     + NGX_RECORDING_BOARD_REASONS,
    NGX_RECORDING_BOARD_UPLOAD_BY = NGX_RECORDING_BOARD_PROGRAM_BY
                                    + NGX_RECORDING_BOARD_REASONS,
    NGX_RECORDING_BOARD_REMOVE_BY = NGX_RECORDING_BOARD_UPLOAD_BY
                                    + NGX_RECORDING_BOARD_REASONS,
    NGX_RECORDING_BOARD_COUNTS = NGX_RECORDING_BOARD_REMOVE_BY
                                 + NGX_RECORDING_BOARD_REASONS
} ngx_recording_board_count_e;


/* and measured */

typedef enum {
    NGX_RECORDING_BOARD_WRITE = 0,         /* what a job has for a file */
    NGX_RECORDING_BOARD_SYNC,              /* of a file */
    NGX_RECORDING_BOARD_COMMIT,            /* of the catalogue */
    NGX_RECORDING_BOARD_NOTIFY,            /* attempts to tell, by HTTP */
    NGX_RECORDING_BOARD_PROGRAM,           /* and by a program */
    NGX_RECORDING_BOARD_UPLOAD,            /* and to deliver */
    NGX_RECORDING_BOARD_REMOVE,            /* and to remove an object */
    NGX_RECORDING_BOARD_TIMES
} ngx_recording_board_time_e;


/* of a histogram; the last bucket is for all that is longer */

#define NGX_RECORDING_BOARD_BUCKETS  16

typedef struct {
    uint64_t                buckets[NGX_RECORDING_BOARD_BUCKETS];
    uint64_t                us;            /* the sum */
} ngx_recording_board_histogram_t;

/* us, up to which a bucket counts; of the last one 0 */
extern const int64_t  ngx_recording_board_limits[NGX_RECORDING_BOARD_BUCKETS];


/* what a recording waits for */

typedef enum {
    NGX_RECORDING_BOARD_NOTHING = 0,
    NGX_RECORDING_BOARD_DISK,
    NGX_RECORDING_BOARD_KEY
} ngx_recording_board_wait_e;


/* what is told: numbers of 64 bits, with the id first */

typedef struct {
    int64_t                 id;
    int64_t                 recording_id;
    int64_t                 duration;      /* ms */
    int64_t                 bytes;         /* in the file */
    int64_t                 rate;          /* bits a second, lately */
    int64_t                 frame;         /* us, wall clock: the last one */
    int64_t                 in;            /* frames */
    int64_t                 written;
    int64_t                 dropped[NGX_RECORDING_BOARD_REASONS];
} ngx_recording_board_file_t;


typedef struct {
    int64_t                 id;            /* 0: it has no row yet */
    int64_t                 bytes;         /* that wait for the disk */
    int64_t                 arrived;       /* us, wall clock: the last frame */
    int64_t                 wait;          /* ngx_recording_board_wait_e */
} ngx_recording_board_recording_t;


/* of a worker at this moment; or the sum of all */

typedef struct {
    int64_t                 id;            /* 1 */
    int64_t                 recordings;
    int64_t                 buffered;      /* bytes */
    int64_t                 buffer;        /* and those that may be */
    int64_t                 jobs;          /* that wait for a thread, or run */
    int64_t                 descriptors;   /* of files that grow */
    int64_t                 descriptors_left;
} ngx_recording_board_worker_t;


/* of a process */

typedef struct {
    ngx_recording_board_shared_t  *shared;
    uint64_t                me;            /* its id, and when it began */
} ngx_recording_board_t;


/*
 * Which processes live, as it was seen: whoever asks for many slots at a time
 * has one, all zero at first, and the kernel is asked once for each process.
 */

typedef struct {
    uint64_t                owner[NGX_RECORDING_BOARD_SEEN];
    ngx_uint_t              lives[NGX_RECORDING_BOARD_SEEN];
    ngx_uint_t              n;
} ngx_recording_board_seen_t;


/* --- the loop */

/*
 * Makes a board of memory that is all zero, of NGX_RECORDING_BOARD_MIN bytes
 * at least.
 */
ngx_recording_board_shared_t *ngx_recording_board_create(void *memory,
    size_t size);

/* the process begins, and ends: what it has is freed */
void ngx_recording_board_join(ngx_recording_board_t *board,
    ngx_recording_board_shared_t *shared);
void ngx_recording_board_leave(ngx_recording_board_t *board);

/* --- any thread */

/* frees what dead processes have; reads /proc */
void ngx_recording_board_bury_thread(ngx_recording_board_t *board);

/* a slot of this process, or NULL: there is none */
ngx_recording_board_slot_t *ngx_recording_board_take(
    ngx_recording_board_t *board, ngx_recording_board_kind_e kind);

/* it is free again */
void ngx_recording_board_free(ngx_recording_board_slot_t *slot);

/* one at a time for a slot */
void ngx_recording_board_tell_file(ngx_recording_board_slot_t *slot,
    const ngx_recording_board_file_t *file);
void ngx_recording_board_tell_recording(ngx_recording_board_slot_t *slot,
    const ngx_recording_board_recording_t *recording);

void ngx_recording_board_tell_worker(ngx_recording_board_slot_t *slot,
    const ngx_recording_board_worker_t *worker);

void ngx_recording_board_count(ngx_recording_board_t *board, ngx_uint_t count,
    int64_t n);
void ngx_recording_board_time(ngx_recording_board_t *board,
    ngx_recording_board_time_e time, int64_t us);

/* 0: as if nothing had been counted */
uint64_t ngx_recording_board_counted(ngx_recording_board_t *board,
    ngx_uint_t count);
void ngx_recording_board_timed(ngx_recording_board_t *board,
    ngx_recording_board_time_e time,
    ngx_recording_board_histogram_t *histogram);

/* the sum of those that live, how many they are in its id */
void ngx_recording_board_workers(ngx_recording_board_t *board,
    ngx_recording_board_worker_t *sum);

/* NGX_DECLINED: nobody who lives tells of it */
ngx_int_t ngx_recording_board_file(ngx_recording_board_t *board,
    ngx_recording_board_seen_t *seen, int64_t id,
    ngx_recording_board_file_t *file);
ngx_int_t ngx_recording_board_recording(ngx_recording_board_t *board,
    ngx_recording_board_seen_t *seen, int64_t id,
    ngx_recording_board_recording_t *recording);


#endif /* _NGX_RECORDING_BOARD_H_INCLUDED_ */
