
/*
 * The delivery of a finished file to a bucket, for a row of the outbox: one
 * object, or the segments of a playlist and then the playlist.
 *
 *   prepare (thread) --> start --> objects, some at a time --> done()
 *
 * Of a file that grows it is what is durable of it, by and by, until the file
 * has ended; the row is returned then, for an attempt that delivers the whole:
 *
 *   prepare --> start --> look (thread) --> parts, or segments and a playlist
 *                           ^                        |
 *                           +--- each second --------+----> end --> done()
 *
 * What a former attempt has left, and what is left for the next one, stands
 * in the row's progress, as JSON: the upload in parts that may go on, and how
 * many segments are there.
 *
 * Loop, but for what ends in _thread.  The struct is zeroed and belongs to the
 * one who delivers, until he frees it.
 */


#ifndef _NGX_RECORDING_DELIVERY_H_INCLUDED_
#define _NGX_RECORDING_DELIVERY_H_INCLUDED_


#include "ngx_recording_object.h"
#include "ngx_recording_outbox.h"


#define NGX_RECORDING_DELIVERY_OBJECTS  4        /* at a time */
#define NGX_RECORDING_DELIVERY_META     5
#define NGX_RECORDING_DELIVERY_LEAVE    10000    /* ms, of an exiting worker */
#define NGX_RECORDING_DELIVERY_CACHE    sizeof("max-age=2147483647")


typedef struct ngx_recording_delivery_s  ngx_recording_delivery_t;


/* one of those that are under way */

typedef struct {
    ngx_recording_delivery_t  *delivery;
    ngx_recording_object_t  object;
    ngx_recording_job_t     job;           /* opens the file */
    ngx_uint_t              number;        /* of the segment; that behind the
                                              last is the playlist */
    char                   *path;          /* in files/ */
    char                   *key;
    int                     fd;            /* -1: it is not open */
    ngx_err_t               err;
    off_t                   size;
    off_t                   begin;         /* of its media */
    unsigned                used:1;
    unsigned                opening:1;
} ngx_recording_delivery_object_t;


/* a playlist, as far as its segments are to be sent */

typedef struct {
    char                   *text;          /* of malloc(), with the names */
    char                  **names;
    ngx_uint_t              n;
    size_t                  len;           /* of it, with the last of those */
    ngx_uint_t              target;        /* its target duration, s */
} ngx_recording_delivery_list_t;


/* how much of a growing file can be sent */

typedef struct {
    ngx_recording_job_t     job;
    off_t                   need;          /* of the media: else nothing new
                                              can be */
    off_t                   journal;       /* what its journal was last */
    struct timespec         written;
    ngx_recording_early_t   early;
    int                     fd;            /* of the file, or of a playlist up
                                              to here; -1: nothing new */
    ngx_recording_delivery_list_t  list;
    ngx_recording_credentials_t  credentials;  /* ->text is NULL: they stay */
    unsigned                more:1;        /* another look follows, whatever
                                              the journal does */
    unsigned                busy:1;
} ngx_recording_delivery_look_t;


struct ngx_recording_delivery_s {

    /* --- set by the one who delivers */

    ngx_recording_bucket_t *bucket;
    ngx_recording_store_t  *store;
    ngx_recording_jobs_t   *jobs;
    ngx_log_t              *log;
    const ngx_recording_outbox_row_t  *row;
    ngx_uint_t              early;         /* the file grows */
    ngx_uint_t              probe;         /* of that: it is only looked whether
                                              the bucket answers */

    /* ->progress is to be written; then ngx_recording_delivery_committed() */
    void                  (*commit)(ngx_recording_delivery_t *d);
    void                  (*done)(ngx_recording_delivery_t *d);

    /* the bucket has taken something of a file that grows */
    void                  (*sent)(ngx_recording_delivery_t *d);
    void                   *data;

    /* --- set when done() is called */

    ngx_recording_outbox_e  result;
    int64_t                 pause;         /* us */
    ngx_uint_t              unreached;     /* the bucket has failed */
    ngx_msec_t              hold;          /* and nothing is to be asked before:
                                              Retry-After; 0: not said */
    ngx_uint_t              status;        /* of its last answer; 0: none */
    ngx_uint_t              stopped;       /* and cannot be used at all */
    ngx_uint_t              works;         /* the bucket has answered, of what
                                              is a probe */
    char                   *progress;      /* of malloc(); NULL: as it was */
    char                    etag[NGX_RECORDING_S3_ETAG];
    off_t                   size;          /* of all objects */
    char                    error[256];

    /* --- its own */

    ngx_recording_credentials_t  credentials;
    char                   *path;
    char                    format[8];
    int64_t                 segments_size; /* of all, when it has ended */
    const char             *type;          /* Content-Type */
    char                    file_id[24];
    ngx_recording_http_header_t  meta[NGX_RECORDING_DELIVERY_META];
    char                   *values[NGX_RECORDING_DELIVERY_META];

    ngx_uint_t              playlist;      /* it is one */
    ngx_recording_delivery_list_t  list;
    ngx_uint_t              cursor;        /* so many are there */
    ngx_uint_t              kept;          /* and are written so */
    ngx_uint_t              next;          /* to be sent */
    u_char                 *there;         /* of each segment */
    char                    upload_id[NGX_RECORDING_S3_UPLOAD];
    off_t                   part_size;

    ngx_recording_delivery_look_t  look;
    ngx_queue_t             resting;
    int                     snapshot;      /* a playlist to be sent, or -1 */
    off_t                   snapshot_size;
    char                    cache[NGX_RECORDING_DELIVERY_CACHE];

    ngx_recording_delivery_object_t  objects[NGX_RECORDING_DELIVERY_OBJECTS];
    ngx_recording_object_t *committing;    /* it waits for that */
    ngx_event_t             tick;
    ngx_msec_t              left;          /* when it began to leave */

    unsigned                failed:1;      /* to be prepared: ->result */
    unsigned                again:1;       /* there was an attempt before */
    unsigned                begun:1;       /* while the file grew */
    unsigned                awake:1;       /* it is one of bucket->awake */
    unsigned                rests:1;       /* it is in bucket->resting */
    unsigned                leaving:1;
    unsigned                over:1;
};


/* any thread, blocks */
void ngx_recording_delivery_prepare_thread(ngx_recording_delivery_t *d);

/* done() is called later, or now */
void ngx_recording_delivery_start(ngx_recording_delivery_t *d);
void ngx_recording_delivery_committed(ngx_recording_delivery_t *d);

/* the file grows no more: the row is returned */
void ngx_recording_delivery_end(ngx_recording_delivery_t *d);

/* any thread, when it is over, or was not started */
void ngx_recording_delivery_free(ngx_recording_delivery_t *d);


/* --- ngx_recording_delivery_plan.c */

/* NGX_OK, or NGX_ERROR: ->result and ->error are set */
ngx_int_t ngx_recording_delivery_plan_thread(ngx_recording_delivery_t *d);

/* what the next attempt could go on from; NULL: no memory */
char *ngx_recording_delivery_progress(const ngx_recording_delivery_t *d);

/*
 * Reads a playlist, up to so many segments: NGX_OK, or NGX_ERROR with errno.
 * Then it is to be freed; a copy of its text up to there is written to the
 * descriptor, unless that is -1.
 */
ngx_int_t ngx_recording_delivery_list_thread(ngx_recording_store_t *store,
    const char *path, ngx_uint_t most, int fd,
    ngx_recording_delivery_list_t *list);
void ngx_recording_delivery_list_free(ngx_recording_delivery_list_t *list);


/* --- ngx_recording_delivery.c, for the others */

void ngx_recording_delivery_fill(ngx_recording_delivery_t *d);
/* an object of this number, which is not open yet; NGX_ERROR: no memory */
ngx_int_t ngx_recording_delivery_take(ngx_recording_delivery_t *d,
    ngx_recording_delivery_object_t *s, ngx_uint_t number);
void ngx_recording_delivery_object(ngx_recording_delivery_object_t *s);
void ngx_recording_delivery_release(ngx_recording_delivery_object_t *s);
ngx_uint_t ngx_recording_delivery_busy(const ngx_recording_delivery_t *d);
void ngx_recording_delivery_fail(ngx_recording_delivery_t *d,
    const char *error);
void ngx_recording_delivery_leave(ngx_recording_delivery_t *d);
void ngx_recording_delivery_finish(ngx_recording_delivery_t *d);


/* --- ngx_recording_delivery_early.c: a file that grows */

void ngx_recording_delivery_early_start(ngx_recording_delivery_t *d);

/* each second */
void ngx_recording_delivery_early_look(ngx_recording_delivery_t *d);

/* nothing of it is open: it is another one's turn */
void ngx_recording_delivery_early_rest(ngx_recording_delivery_t *d);

/* what an object of such a file is besides */
void ngx_recording_delivery_early_object(ngx_recording_delivery_object_t *s);


#endif /* _NGX_RECORDING_DELIVERY_H_INCLUDED_ */
