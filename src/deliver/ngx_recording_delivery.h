
/*
 * The delivery of a finished file to a bucket, for a row of the outbox: one
 * object, or the segments of a playlist and then the playlist.
 *
 *   prepare (thread) --> start --> objects, some at a time --> done()
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
    unsigned                used:1;
    unsigned                opening:1;
} ngx_recording_delivery_object_t;


struct ngx_recording_delivery_s {

    /* --- set by the one who delivers */

    ngx_recording_bucket_t *bucket;
    ngx_recording_store_t  *store;
    ngx_recording_jobs_t   *jobs;
    ngx_log_t              *log;
    const ngx_recording_outbox_row_t  *row;

    /* ->progress is to be written; then ngx_recording_delivery_committed() */
    void                  (*commit)(ngx_recording_delivery_t *d);
    void                  (*done)(ngx_recording_delivery_t *d);
    void                   *data;

    /* --- set when done() is called */

    ngx_recording_outbox_e  result;
    int64_t                 pause;         /* us */
    ngx_uint_t              unreached;     /* the bucket has failed */
    ngx_uint_t              status;        /* of its last answer; 0: none */
    ngx_uint_t              stopped;       /* and cannot be used at all */
    char                   *progress;      /* of malloc(); NULL: as it was */
    char                    etag[NGX_RECORDING_S3_ETAG];
    off_t                   size;          /* of all objects */
    char                    error[256];

    /* --- its own */

    ngx_recording_credentials_t  credentials;
    char                   *path;
    const char             *type;          /* Content-Type */
    char                    file_id[24];
    ngx_recording_http_header_t  meta[NGX_RECORDING_DELIVERY_META];
    char                   *values[NGX_RECORDING_DELIVERY_META];

    char                   *list;          /* the playlist; NULL: it is none */
    char                  **segments;      /* names in it */
    ngx_uint_t              nsegments;
    ngx_uint_t              cursor;        /* so many are there */
    ngx_uint_t              kept;          /* and are written so */
    ngx_uint_t              next;          /* to be sent */
    u_char                 *there;         /* of each segment */
    char                    upload_id[NGX_RECORDING_S3_UPLOAD];
    off_t                   part_size;

    ngx_recording_delivery_object_t  objects[NGX_RECORDING_DELIVERY_OBJECTS];
    ngx_recording_object_t *committing;    /* it waits for that */
    ngx_event_t             tick;
    ngx_msec_t              left;          /* when it began to leave */

    unsigned                failed:1;      /* to be prepared: ->result */
    unsigned                again:1;       /* there was an attempt before */
    unsigned                leaving:1;
    unsigned                over:1;
};


/* any thread, blocks */
void ngx_recording_delivery_prepare_thread(ngx_recording_delivery_t *d);

/* done() is called later, or now */
void ngx_recording_delivery_start(ngx_recording_delivery_t *d);
void ngx_recording_delivery_committed(ngx_recording_delivery_t *d);

/* any thread, when it is over, or was not started */
void ngx_recording_delivery_free(ngx_recording_delivery_t *d);


/* --- ngx_recording_delivery_plan.c */

/* NGX_OK, or NGX_ERROR: ->result and ->error are set */
ngx_int_t ngx_recording_delivery_plan_thread(ngx_recording_delivery_t *d);

/* what the next attempt could go on from; NULL: no memory */
char *ngx_recording_delivery_progress(const ngx_recording_delivery_t *d);


#endif /* _NGX_RECORDING_DELIVERY_H_INCLUDED_ */
