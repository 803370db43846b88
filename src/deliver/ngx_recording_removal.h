
/*
 * The removal of a file's object from a bucket, for a row of the outbox whose
 * file has expired or was deleted.
 *
 *   prepare (thread) --> start --> HEAD --> DELETE --> done()
 *
 * An object is removed only if it is the file's, by its metadata; one that is
 * not there any more, or is another's, counts as removed.
 *
 * Of a playlist it takes three attempts, each of which leaves in the row's
 * progress, JSON, what it has found, so that a kill costs no more than one:
 *
 *   HEAD, and its last lines  -->  how many segments it has
 *   HEAD, DELETE              -->  it is not there any more
 *   a minute later HEAD and DELETE of each segment
 *
 * Loop, but for what ends in _thread.  The struct is zeroed and belongs to the
 * one who removes, until he frees it.
 */


#ifndef _NGX_RECORDING_REMOVAL_H_INCLUDED_
#define _NGX_RECORDING_REMOVAL_H_INCLUDED_


#include "ngx_recording_outbox.h"
#include "ngx_recording_s3.h"


#define NGX_RECORDING_REMOVAL_TRIES  4           /* of a request */


typedef struct ngx_recording_removal_s  ngx_recording_removal_t;

struct ngx_recording_removal_s {

    /* --- set by the one who removes */

    ngx_recording_bucket_t *bucket;
    ngx_log_t              *log;
    const ngx_recording_outbox_row_t  *row;

    void                  (*done)(ngx_recording_removal_t *r);
    void                   *data;

    /* --- set when done() is called */

    ngx_recording_outbox_e  result;
    int64_t                 pause;         /* us */
    ngx_uint_t              unreached;     /* the bucket has failed */
    ngx_uint_t              stopped;       /* and cannot be used at all */
    ngx_msec_t              hold;          /* Retry-After; 0: not said */
    ngx_uint_t              status;        /* of its last answer; 0: none */
    ngx_uint_t              works;         /* it has answered as it should */
    ngx_uint_t              foreign;       /* objects that are not the file's
                                              were left there */
    char                   *progress;      /* of malloc(); NULL: as it was */
    char                    error[256];

    /* --- its own */

    ngx_recording_credentials_t  credentials;
    char                    file_id[24];
    ngx_uint_t              playlist;      /* it is one */
    int64_t                 segments;      /* -1: it is not known yet */
    int64_t                 cursor;        /* so many were removed */
    char                   *key;           /* of a segment */
    size_t                  dir;           /* bytes of it, with the last "/" */
    ngx_recording_s3_t      request;
    void                  (*step)(ngx_recording_removal_t *r);
    ngx_uint_t              tries;         /* of that */
    ngx_event_t             timer;
    unsigned                hidden:1;      /* the playlist was removed */
    unsigned                trusted:1;     /* its server is one of S3, and has
                                              the bucket */
    unsigned                failed:1;      /* to be prepared */
};


/* any thread, blocks */
void ngx_recording_removal_prepare_thread(ngx_recording_removal_t *r);

/* done() is called later, or now */
void ngx_recording_removal_start(ngx_recording_removal_t *r);

/* any thread, when it is over, or was not started */
void ngx_recording_removal_free(ngx_recording_removal_t *r);


#endif /* _NGX_RECORDING_REMOVAL_H_INCLUDED_ */
