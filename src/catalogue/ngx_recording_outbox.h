
/*
 * The outbox: what is to be told to whom, as rows of the catalogue.
 *
 * Rows are written by triggers, with the state that causes them, for the
 * targets that the configuration had when a worker last began; and by calls of
 * this file for what is no state of a row, as exceptions.
 *
 *               take                    done
 *   waiting ------------> taken --------------------> done, for 7 days
 *      ^                  | |  |
 *      +------------------+ |  +--------------------> dead
 *        failed, returned,  |    failed for too long
 *        its owner died ----+
 *
 * Objects of files that have expired, or were deleted, are rows of kind
 * "remove", each with the bucket as its target and without a template.
 *
 * Files that are to be delivered are rows, too, of kind "upload"; the event of
 * a file, if its template has an upload, waits for those as it is `held`: no
 * later ones wait for it meanwhile.
 *
 *   held ------------> waiting
 *        no upload of its file is open any more, or its time is over
 *
 * An upload whose target begins early has a row from the file's first one on:
 *
 *           take          returned, failed, its owner died
 *   growing -----> taken ----------------------------------> growing
 *      |             |
 *      |             +--> waiting, if its file was finished meanwhile, or
 *      |             |    nothing of it could be written but parts of it are
 *      +-------------+    in the bucket, which are to be aborted
 *      |             |
 *      +-------------+--> gone, if there is nothing to be aborted
 *
 * While it grows attempts are not counted.
 *
 * A row that is taken has an owner: the name of a lock in work/, that of the
 * worker, or one of its own if what is done about it can outlive the worker.
 *
 * Runs on pool threads, over a connection of its own: nothing of this waits
 * for those who change recordings, or is synced.  After a power cut a row may
 * be waiting that was done: everything is told at least once.
 *
 * Return codes: NGX_OK; NGX_ERROR with the reason in the error given.
 */


#ifndef _NGX_RECORDING_OUTBOX_H_INCLUDED_
#define _NGX_RECORDING_OUTBOX_H_INCLUDED_


#include "ngx_recording_catalogue.h"
#include "ngx_recording_exception.h"


#define NGX_RECORDING_OUTBOX_TIMES   12          /* attempts, at short steps */
#define NGX_RECORDING_OUTBOX_SHORT   60000000    /* us */
#define NGX_RECORDING_OUTBOX_LONG    3600000000  /* us, from then on */
#define NGX_RECORDING_OUTBOX_LIFE    605520000000    /* us, from the first */
#define NGX_RECORDING_OUTBOX_KEPT    604800000000    /* us, of what is done */
#define NGX_RECORDING_OUTBOX_WAIT    900000000       /* us, for deliveries; the
                                                        triggers say it, too */


/* what became of it */

typedef enum {
    NGX_RECORDING_OUTBOX_DONE = 0,
    NGX_RECORDING_OUTBOX_FAILED,
    NGX_RECORDING_OUTBOX_RETURNED,         /* it was not tried, or not to its
                                              end: the attempt does not count */
    NGX_RECORDING_OUTBOX_DEAD              /* never to be tried again */
} ngx_recording_outbox_e;


/* a row that was taken */

typedef struct {
    uint64_t                id;
    char                    event_id[33];
    uint64_t                recording_id;
    uint64_t                file_id;       /* 0: it is about no file */
    uint64_t                seq;
    char                    kind[16];
    char                    event[32];
    const ngx_recording_target_t  *target;
    int64_t                 event_us;
    int64_t                 first_us;      /* of the first attempt */
    ngx_uint_t              attempts;      /* with this one */
    char                    owner[NGX_RECORDING_OWNER];
    char                   *facts;         /* JSON, of malloc() */
    char                    about[NGX_RECORDING_ABOUT];  /* for messages */

    /* of an upload, or of an object that is to be removed, of malloc(); else
       NULL */
    char                   *key;           /* of the object, with the prefix */
    char                   *progress;      /* what a former attempt has left */
    ngx_uint_t              early;         /* it was taken as it grew */
} ngx_recording_outbox_row_t;


/* an object that was delivered */

typedef struct {
    const char             *bucket;        /* the name in the configuration */
    const char             *url;           /* public; empty: it has none */
    const char             *etag;
    int64_t                 size;
    ngx_uint_t              rank;          /* the URL of the lowest counts */
} ngx_recording_outbox_object_t;


/* what an attempt was, for its row */

typedef struct {
    ngx_recording_outbox_e  result;
    const char             *error;
    int64_t                 pause;         /* us, until it is tried again, an
                                              hour at most; 0, of FAILED: as
                                              the steps say, and given up after
                                              some time */
    const char             *progress;      /* NULL: as it is */
    const ngx_recording_outbox_object_t  *object;  /* of an upload that is
                                              done */
} ngx_recording_outbox_result_t;


typedef struct {
    uint64_t                recording_id;
    ngx_recording_exception_e  exception;
    char                    text[256];
    ngx_uint_t              nformats;      /* that miss frames by it, or 0 */
    const char             *formats[NGX_RECORDING_FORMATS];
} ngx_recording_outbox_exception_t;


/* us: when a row that was tried so often is tried again; 0: never more */
int64_t ngx_recording_outbox_again(const ngx_recording_outbox_row_t *row,
    int64_t now);

/* whether a row of a target could be taken: many may only wait for others */
ngx_int_t ngx_recording_outbox_due_thread(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target, ngx_uint_t ordered, ngx_uint_t *due,
    ngx_recording_catalogue_error_t *err);

/* --- in a transaction of the one who calls */

/*
 * Takes up to *n rows of a target whose time it is, in the order of time; and
 * in the order of a recording's events, if ordered.  owner() names the owner
 * of each, or returns NULL: no more.
 */
ngx_int_t ngx_recording_outbox_take(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target, ngx_uint_t ordered,
    const char *(*owner)(void *data, ngx_uint_t n), void *data,
    ngx_recording_outbox_row_t *rows, ngx_uint_t *n);

/*
 * The same for files that grow, of a target that begins with them: in state
 * `growing`, and again when they are returned as long as the file grows.
 */
ngx_int_t ngx_recording_outbox_early_thread(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target, ngx_uint_t *due,
    ngx_recording_catalogue_error_t *err);
ngx_int_t ngx_recording_outbox_take_early(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target,
    const char *(*owner)(void *data, ngx_uint_t n), void *data,
    ngx_recording_outbox_row_t *rows, ngx_uint_t *n);

/*
 * In a read transaction (ngx_recording_catalogue_read()) or any other: *grows
 * is set if the file of a row grows still, by its own row.
 */
ngx_int_t ngx_recording_outbox_grows(ngx_recording_catalogue_t *cat,
    uint64_t file_id, ngx_uint_t *grows);

void ngx_recording_outbox_row_free(ngx_recording_outbox_row_t *row);

/*
 * What became of a row; *told is set if it was the last one that was to be told
 * of its file, *dead if it is not tried any more.
 */
ngx_int_t ngx_recording_outbox_result(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_result_t *result, ngx_uint_t *told,
    ngx_uint_t *dead);

/* an upload is under way still: what the next one could go on from */
ngx_int_t ngx_recording_outbox_progress(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_row_t *row, const char *progress);

/*
 * A bucket is stopped: what waits for it goes to another one, too, which is a
 * target of the same template.  *n: how many files.
 */
ngx_int_t ngx_recording_outbox_backup(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target,
    const ngx_recording_target_t *backup, ngx_uint_t *n);

/* events that waited for deliveries for too long, go without */
ngx_int_t ngx_recording_outbox_release(ngx_recording_catalogue_t *cat);

/*
 * A target cannot be reached: what waits for it counts as tried, and is given
 * up when that is too long ago.  *dead: how many.
 */
ngx_int_t ngx_recording_outbox_unreached(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *target, const char *error,
    ngx_uint_t *dead);

ngx_int_t ngx_recording_outbox_exception(ngx_recording_catalogue_t *cat,
    const ngx_recording_outbox_exception_t *e);

/* --- housekeeping */

/* rows of dead owners wait again, *freed: how many; and events that waited for
   deliveries for too long */
ngx_int_t ngx_recording_outbox_sweep_thread(ngx_recording_catalogue_t *cat,
    ngx_uint_t *freed, ngx_recording_catalogue_error_t *err);

/*
 * Once, before any is taken: if nobody has tried the rows of a target for long,
 * as nginx did not run or the target was not configured, that does not count.
 */
ngx_int_t ngx_recording_outbox_silence_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err);

/* removes rows that were done long ago; the clock may have been set */
ngx_int_t ngx_recording_outbox_clean_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err);

/* calls back with targets that are not configured, for which rows wait */
ngx_int_t ngx_recording_outbox_left_thread(ngx_recording_catalogue_t *cat,
    void (*left)(void *data, const char *template, const char *target,
                 ngx_uint_t n),
    void *data, ngx_recording_catalogue_error_t *err);


#endif /* _NGX_RECORDING_OUTBOX_H_INCLUDED_ */
