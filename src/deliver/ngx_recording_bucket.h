
/*
 * A bucket of the configuration, and an upload to it: where files of a
 * template go.
 *
 * Made while the configuration is read.  Then only read, but what is the
 * worker's, which the loop has.
 */


#ifndef _NGX_RECORDING_BUCKET_H_INCLUDED_
#define _NGX_RECORDING_BUCKET_H_INCLUDED_


#include "ngx_recording_http.h"


#define NGX_RECORDING_BUCKET_PART_MIN   (5 * 1024 * 1024)
#define NGX_RECORDING_BUCKET_PART       (8 * 1024 * 1024)
#define NGX_RECORDING_BUCKET_PART_MAX   (5368709120LL)
#define NGX_RECORDING_BUCKET_CONNECTIONS  8
#define NGX_RECORDING_BUCKET_PARTS      10000
#define NGX_RECORDING_BUCKET_PARTS_FEW  1000     /* of some servers */


/* ->local, s: how long the local copy stays once it was delivered and told */
#define NGX_RECORDING_LOCAL_UNSET  -2
#define NGX_RECORDING_LOCAL_KEEP   -1


typedef struct {
    ngx_str_t               name;
    ngx_recording_url_t     url;           /* that requests go to: with
                                              addressing host its host begins
                                              with the bucket */
    ngx_recording_http_host_t  *host;      /* of its own: no other one's
                                              connections */
    ngx_str_t               base;          /* of a request's path, not encoded:
                                              what stands before the key, at
                                              least "/" */
    ngx_str_t               region;
    ngx_str_t               bucket;
    ngx_str_t               prefix;        /* of keys */
    ngx_str_t               credentials;   /* the file, null terminated */
    ngx_str_t               public;        /* url; empty: none */
    off_t                   part_size;
    ngx_uint_t              connections;   /* of a worker */
    off_t                   rate;          /* bytes a second, 0: no limit */
    ngx_recording_http_header_t  *headers; /* for new objects */
    ngx_uint_t              nheaders;
    ngx_flag_t              verify;
    ngx_flag_t              by_host;       /* addressing */

    u_char                 *file;          /* where it is configured */
    ngx_uint_t              line;

    /* --- the worker's */

    ngx_queue_t             waiting;       /* requests */
    ngx_uint_t              running;       /* requests */
    ngx_queue_t             resting;       /* deliveries of files that grow,
                                              which would look at those */
    ngx_uint_t              awake;         /* those that are not at rest */
    time_t                  skew;          /* s: its clock less ours */
    ngx_msec_t              next;          /* when bytes may go, with a rate */
    ngx_msec_t              until;         /* Retry-After: nothing is asked
                                              before */
    ngx_event_t             timer;         /* of that */
    ngx_uint_t              parts;         /* of an upload, at most */
    unsigned                started:1;     /* the above are set */
    unsigned                grows:1;       /* ->resting is */
    unsigned                conditional:1; /* it knows If-None-Match, or was
                                              not asked yet */
    unsigned                equal:1;       /* it wants parts of one size */
    unsigned                held:1;        /* ->until is set */
    unsigned                unlisted:1;    /* it lists no uploads, and this was
                                              said */
} ngx_recording_bucket_t;


typedef struct {
    ngx_str_t               template;
    ngx_recording_bucket_t *bucket;
    ngx_recording_bucket_t *backup;        /* NULL: none */
    ngx_int_t               local;
    ngx_uint_t              early;         /* when=recording */

    u_char                 *file;
    ngx_uint_t              line;
} ngx_recording_upload_t;


#endif /* _NGX_RECORDING_BUCKET_H_INCLUDED_ */
