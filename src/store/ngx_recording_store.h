
/*
 * The store: the directory of files/, work/ and the catalogue.
 *
 * Runs on pool threads only: every call may wait for the disk.  One store is
 * shared by all threads of a worker; after ngx_recording_store_open_thread()
 * it is only read, but for what grows, see ngx_recording_growth.h.
 *
 * Return codes: NGX_OK; NGX_ERROR with errno set; others where they stand.
 */


#ifndef _NGX_RECORDING_STORE_H_INCLUDED_
#define _NGX_RECORDING_STORE_H_INCLUDED_


#include "ngx_recording_board.h"
#include "ngx_recording_busy.h"
#include "ngx_recording_io.h"
#include <pthread.h>


#define NGX_RECORDING_OWNER  64


typedef struct ngx_recording_growth_s  ngx_recording_growth_t;


typedef struct {
    char                   *path;      /* of the store, without slash */
    ngx_str_t               url;       /* public prefix of files/ */
    off_t                   reserve;   /* bytes that are left free */
    off_t                   max;       /* of files, 0: no limit */
    int64_t                 rows;      /* of files that are gone stay, in
                                          seconds, 0: for good */

    pthread_mutex_t         mutex;     /* of the next */
    ngx_recording_growth_t *growing;   /* this worker's files that grow */
    int64_t                 base;      /* us, see ngx_recording_store_now() */
    ngx_recording_busy_t    busy;      /* its files, finished ones apart */
    ngx_recording_board_t   board;     /* where others see what grows */

    ngx_atomic_t            held;      /* descriptors of files that grow */
    ngx_uint_t              most;      /* of those */
    ngx_uint_t              connections;   /* that nginx may have */

    ngx_atomic_t            low;       /* less than the reserve is free */
    ngx_atomic_t            full;      /* more than max=, and nothing can go */
    ngx_atomic_t            scarce;    /* what is not recorded has to go: soon
                                          less is, or there is more than max= */
    ngx_uint_t              rings;     /* so many were made, by the loop */
    ngx_uint_t              stopping;  /* all is synced at once, at the end */
    int                     files;     /* directories */
    int                     work;
    int                     lock;      /* held as long as the worker lives */
    char                    owner[NGX_RECORDING_OWNER];  /* the lock's name
                                          in work/ */
} ngx_recording_store_t;


/* us, between the clocks below, of which nothing is to be made */
#define NGX_RECORDING_STORE_STEADY  200000

/*
 * The time by which intervals and deadlines are told: the wall clock as it
 * was when nginx first ran since the machine's start, but as nobody sets it.
 * It is the same in all workers, those of other masters, too.  Any thread.
 */
static ngx_inline int64_t
ngx_recording_store_now(ngx_recording_store_t *store)
{
    return ngx_recording_mono() + store->base;
}

/* us, by which the wall clock was set since */
static ngx_inline int64_t
ngx_recording_store_shift(ngx_recording_store_t *store)
{
    int64_t  shift;

    shift = ngx_recording_wall() - ngx_recording_store_now(store);

    return llabs(shift) < NGX_RECORDING_STORE_STEADY ? 0 : shift;
}

/* us: such a time, as rows may have it that were written before or since */
static ngx_inline int64_t
ngx_recording_store_latest(ngx_recording_store_t *store, int64_t time)
{
    return time + ngx_max(ngx_recording_store_shift(store), 0);
}

/*
 * Opens the directories and takes the worker's lock, which the kernel drops
 * with the worker.  *op tells what failed.
 */
ngx_int_t ngx_recording_store_open_thread(ngx_recording_store_t *store,
    const char **op);

/*
 * Whether files can be moved from one of two open directories to the other
 * one; if not, errno is EXDEV.  Waits for the disk, wherever it is called.
 */
ngx_int_t ngx_recording_store_moves(int from, int to);

/*
 * Makes a lock in work/ and takes it; returns its descriptor, or -1, and its
 * name.  Whoever has the descriptor, or inherits it, lives by that name.
 */
int ngx_recording_store_lock_thread(ngx_recording_store_t *store,
    char name[NGX_RECORDING_OWNER]);

/* closes it and removes the lock: the worker records nothing any more */
void ngx_recording_store_close(ngx_recording_store_t *store);

/*
 * Whether the worker that holds a lock of this name lives.
 *
 *   NGX_OK        it does
 *   NGX_DECLINED  it is dead: there is no such lock, or it could be had
 *   NGX_ERROR     nobody can tell now; what it has is left alone
 */
ngx_int_t ngx_recording_store_lives_thread(ngx_recording_store_t *store,
    const char *owner);

/*
 * Whether no other living worker has called this.  Calls must not come at
 * the same time.
 */
ngx_uint_t ngx_recording_store_alone_thread(ngx_recording_store_t *store);

/*
 * Takes the lock of the whole store, for what one worker does at a time, until
 * *fd is closed, which is the caller's.  NGX_AGAIN: another one has it;
 * NGX_ERROR with errno.
 */
ngx_int_t ngx_recording_store_hold_thread(ngx_recording_store_t *store,
    int *fd);

/* whether a name in work/ is that of a worker's lock */
ngx_uint_t ngx_recording_store_is_lock(const char *name);

/* creates a growing file in work/ and returns its descriptor or -1 */
int ngx_recording_store_create_thread(ngx_recording_store_t *store,
    const char *name);

/* opens one that is there; -1 with errno */
int ngx_recording_store_reopen_thread(ngx_recording_store_t *store,
    const char *name);

/* the name of a file's part in work/: its id and a suffix */
void ngx_recording_store_name(char *name, size_t size, uint64_t id,
    const char *suffix);

/*
 * Makes a directory in files/ with what lies above it, durable.
 * NGX_DECLINED: the directory itself existed before.
 */
ngx_int_t ngx_recording_store_mkdir_thread(ngx_recording_store_t *store,
    const char *path);

/*
 * Puts a finished and synced file of work/ in place in files/.
 * NGX_DECLINED: something has that path already; nothing is overwritten.
 * `made` is set if a directory above it had to be made.
 */
ngx_int_t ngx_recording_store_place_thread(ngx_recording_store_t *store,
    const char *name, const char *path, ngx_uint_t *made);

/*
 * Makes that durable: a directory that a file went to, whose path has so many
 * bytes, 0 for files/ itself; and work/, where it came from.
 */
ngx_int_t ngx_recording_store_sync_thread(ngx_recording_store_t *store,
    const char *path, size_t len);
ngx_int_t ngx_recording_store_sync_work_thread(ngx_recording_store_t *store);

/* removes a file of work/; that it is not there is no error */
ngx_int_t ngx_recording_store_remove_thread(ngx_recording_store_t *store,
    const char *name);

/*
 * Removes a file in files/, or what a directory there has of which owns() says
 * that it goes, and the directory, unless something stays.  That it is not
 * there is no error.  NGX_AGAIN: a part of it, at least one file; it is past
 * `until` (us, of ngx_recording_mono()), or nginx ends at once.
 */
ngx_int_t ngx_recording_store_discard_thread(ngx_recording_store_t *store,
    const char *path);
ngx_int_t ngx_recording_store_discard_dir_thread(ngx_recording_store_t *store,
    const char *path, ngx_uint_t (*owns)(const char *name), int64_t until);

/* the size of a file in files/, or -1; ENOENT: there is none */
off_t ngx_recording_store_size_thread(ngx_recording_store_t *store,
    const char *path);

/*
 * Whether a finished file is there; one that cannot be looked for is taken to
 * be.
 */
ngx_uint_t ngx_recording_store_there_thread(ngx_recording_store_t *store,
    const char *path);

/* bytes that are free in the file system */
ngx_int_t ngx_recording_store_room_thread(ngx_recording_store_t *store,
    off_t *bytes);

/* calls back with each name in work/ */
ngx_int_t ngx_recording_store_list_thread(ngx_recording_store_t *store,
    void (*name)(void *data, const char *name), void *data);

/* removes the lock of a worker, if that is dead */
void ngx_recording_store_bury_thread(ngx_recording_store_t *store,
    const char *owner);

/* all that was written to the file system becomes durable */
ngx_int_t ngx_recording_store_flush(ngx_recording_store_t *store);


#endif /* _NGX_RECORDING_STORE_H_INCLUDED_ */
