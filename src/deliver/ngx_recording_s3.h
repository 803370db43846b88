
/*
 * A request to a bucket: signed, sent, and what its answer means.
 *
 *   send --> waiting --> signed, under way --> done()
 *              ^               |
 *              +---------------+  once, if the clocks differ
 *
 * Loop.  The struct is zeroed and set by the one who sends, belongs to him,
 * and may be used again from done() on.  What it points to stays until then;
 * what it has of the answer until it is used again or cleared.
 */


#ifndef _NGX_RECORDING_S3_H_INCLUDED_
#define _NGX_RECORDING_S3_H_INCLUDED_


#include "ngx_recording_bucket.h"
#include "ngx_recording_credentials.h"
#include "ngx_recording_body.h"
#include "ngx_recording_xml.h"


#define NGX_RECORDING_S3_FORBIDDEN  403          /* a status */


/* ms, of Retry-After: who is to wait longer gives up */
#define NGX_RECORDING_S3_HOLD     30000

#define NGX_RECORDING_S3_ARGS     4
#define NGX_RECORDING_S3_HEADERS  32
#define NGX_RECORDING_S3_ANSWER   8192
#define NGX_RECORDING_S3_LIST     (512 * 1024)   /* 1000 items */
#define NGX_RECORDING_S3_ETAG     256            /* some servers' are long */
#define NGX_RECORDING_S3_UPLOAD   1024           /* of an UploadId */


/* what an answer means for the one who asked */

typedef enum {
    NGX_RECORDING_S3_OK = 0,
    NGX_RECORDING_S3_MISSING,              /* no such object, or upload */
    NGX_RECORDING_S3_EXISTS,               /* the condition does not hold */
    NGX_RECORDING_S3_UNABLE,               /* the server has no such thing */
    NGX_RECORDING_S3_AGAIN,                /* not now */
    NGX_RECORDING_S3_BUCKET,               /* the bucket cannot be used */
    NGX_RECORDING_S3_OBJECT,               /* never, for this object */
    NGX_RECORDING_S3_REFUSED               /* for a reason that is not known */
} ngx_recording_s3_e;


typedef struct ngx_recording_s3_s  ngx_recording_s3_t;


struct ngx_recording_s3_s {

    /* --- set by the one who sends */

    ngx_recording_bucket_t *bucket;
    const ngx_recording_credentials_t  *credentials;
    ngx_log_t              *log;
    ngx_str_t               method;
    ngx_str_t               key;           /* empty: the bucket itself */
    ngx_recording_http_header_t  args[NGX_RECORDING_S3_ARGS];
    ngx_uint_t              nargs;
    ngx_recording_http_header_t  headers[NGX_RECORDING_S3_HEADERS];
    ngx_uint_t              nheaders;
    ngx_str_t               body;          /* in memory, or */
    ngx_recording_body_t *file;        /* all of it; NULL: none */
    size_t                  room;          /* for an answer; 0: a short one */

    void                  (*done)(ngx_recording_s3_t *s);
    void                   *data;

    /* --- set when done() is called */

    ngx_recording_s3_e      result;
    ngx_uint_t              status;        /* 0: there was no answer */
    ngx_uint_t              unreached;     /* the bucket has failed, not this
                                              request */
    ngx_msec_t              pause;         /* Retry-After; 0: not said */
    ngx_str_t               answer;        /* the body */
    off_t                   length;        /* of the object, of HEAD, or of
                                              GET with a Range; -1 */
    char                    etag[NGX_RECORDING_S3_ETAG];  /* without quotes;
                                              empty: none, or too long */
    char                    file_id[32];   /* of its metadata */
    char                    code[64];      /* of the error */
    char                    error[256];

    /* --- its own */

    ngx_queue_t             queue;
    ngx_pool_t             *pool;
    ngx_recording_http_request_t  request;
    ngx_event_t             timer;         /* of the rate */
    u_char                 *bytes;         /* that wait for it */
    size_t                  nbytes;
    time_t                  date;          /* of the answer */
    time_t                  retry;         /* Retry-After, if that is a time */
    off_t                   range;         /* what a Range is of; -1 */
    char                    message[128];
    char                    region[40];    /* the bucket's, of an error */
    char                    place[96];     /* its server's */
    unsigned                waiting:1;
    unsigned                running:1;
    unsigned                adjusted:1;    /* to the bucket's clock */
};


void ngx_recording_s3_header(ngx_recording_s3_t *s, const char *name,
    const ngx_str_t *value);
void ngx_recording_s3_arg(ngx_recording_s3_t *s, const char *name,
    const char *value);

/* done() is called later, never by send() itself */
void ngx_recording_s3_send(ngx_recording_s3_t *s);

/* done() is not called any more, and all that it has is given back; it may be
   called at any time */
void ngx_recording_s3_clear(ngx_recording_s3_t *s);


/* --- ngx_recording_s3_answer.c */

/* a header of the answer */
void ngx_recording_s3_answer_header(ngx_recording_s3_t *s,
    const ngx_str_t *name, const ngx_str_t *value);

/* sets ->result, ->code and ->error */
void ngx_recording_s3_answer(ngx_recording_s3_t *s);


/* --- ngx_recording_s3_find.c: what HEAD does not tell, as it has no body */

/* a GET asks for what is there of ->key, one object at most, and no more of
   those that begin with it */
void ngx_recording_s3_find(ngx_recording_s3_t *s);

/*
 * Any web server answers HEAD: who was asked so is one of S3, and has the
 * bucket, only if this is a list, or an error that has a name and is another
 * one.  Else ->result is BUCKET, or AGAIN, and ->error says why.
 */
void ngx_recording_s3_trust(ngx_recording_s3_t *s);


#endif /* _NGX_RECORDING_S3_H_INCLUDED_ */
