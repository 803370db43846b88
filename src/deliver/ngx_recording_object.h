
/*
 * A local file on its way to become an object of a bucket.
 *
 *   look --> put ----------------------------------------> check --> done()
 *    |         (one request)                                 ^
 *    |  it is there: done()                                  |
 *    +--> strays --> create --> commit --> parts --> complete
 *           |                                ^
 *           +--> list, of an upload that was begun before
 *
 * An object that is there with another file's id, or none, is never
 * overwritten.  One with this file's is what a former attempt has left: as it
 * should be, or to be replaced.
 *
 * Uploads of the key that were broken off, by whomever, are ended before one is
 * begun; where a former attempt may have begun one, at the end, too: a request
 * of a worker that died may arrive late.
 *
 * An object can be begun while its file grows: parts of what is durable are
 * sent, but the first one, with what stands in front of the media, which is not
 * known before the end.
 *
 *   look --> parts --> idle() --> grown --> parts ... --> leave --> done()
 *
 * It is never completed so: another attempt does that, with all of the file.
 *
 * Each step is tried some times, with a pause that doubles; then the object
 * has failed, for now, and keeps its upload for the next attempt.
 *
 * Loop.  The struct belongs to the one who sends, is zeroed and set by him and
 * may be used again from done() on, when nothing of it is under way any more.
 */


#ifndef _NGX_RECORDING_OBJECT_H_INCLUDED_
#define _NGX_RECORDING_OBJECT_H_INCLUDED_


#include "ngx_recording_early.h"
#include "ngx_recording_s3.h"


#define NGX_RECORDING_OBJECT_PARTS   4           /* at a time */
#define NGX_RECORDING_OBJECT_TRIES   4           /* of a step */
#define NGX_RECORDING_OBJECT_AGAIN   1000        /* ms, of a pause, at first */
#define NGX_RECORDING_OBJECT_BEGINS  3           /* of an upload in parts */
#define NGX_RECORDING_OBJECT_STRAYS  16          /* at a time */
#define NGX_RECORDING_OBJECT_DOUBLE  100         /* parts, of an early one,
                                                    until they are larger */


typedef struct ngx_recording_object_s  ngx_recording_object_t;


typedef struct {
    ngx_recording_object_t *object;
    ngx_uint_t              number;        /* 0: none */
    ngx_uint_t              tries;
    ngx_recording_body_t *file;
    ngx_recording_s3_t      request;
    ngx_event_t             timer;
    char                    number_text[8];
    char                    md5[33];
    u_char                  md5_base64[25];
} ngx_recording_part_t;


struct ngx_recording_object_s {

    /* --- set by the one who sends */

    ngx_recording_bucket_t *bucket;
    const ngx_recording_credentials_t  *credentials;
    ngx_recording_jobs_t   *jobs;
    ngx_log_t              *log;
    ngx_str_t               key;
    ngx_str_t               type;          /* Content-Type */
    const ngx_recording_http_header_t  *meta;  /* x-amz-meta-... */
    ngx_uint_t              nmeta;
    const char             *file_id;       /* that is in it */
    int                     fd;            /* of the file */
    off_t                   size;
    ngx_str_t               cache;         /* Cache-Control; empty: none */
    ngx_uint_t              whole;         /* it is never sent in parts */
    ngx_uint_t              always;        /* a former one of this file, which
                                              was shorter, is replaced */
    ngx_uint_t              again;         /* another attempt was before, and
                                              may have made it */
    ngx_uint_t              probe;         /* nothing is sent, it is only looked
                                              whether the bucket answers */
    ngx_uint_t              last;          /* what is refused is for good */

    /* an upload in parts that may go on; empty: none */
    char                    upload_id[NGX_RECORDING_S3_UPLOAD];
    off_t                   part_size;
    ngx_uint_t              early;         /* its parts are those of one that
                                              was begun while the file grew */
    off_t                   begin;         /* of the media, if it is early */

    /* a file that grows; ->size is what of it can be sent */
    ngx_uint_t              growing;
    ngx_recording_store_t  *store;
    uint64_t                id;
    ngx_recording_early_t   look;

    /* upload_id, part_size and early are others: nothing is sent in parts until
       ngx_recording_object_committed() */
    void                  (*commit)(ngx_recording_object_t *o);
    void                  (*done)(ngx_recording_object_t *o);
    void                  (*idle)(ngx_recording_object_t *o);  /* all that can
                                              be sent, was */
    void                   *data;

    /* --- set when done() is called */

    ngx_recording_s3_e      result;        /* OK, AGAIN, BUCKET, OBJECT or
                                              REFUSED */
    ngx_uint_t              unreached;     /* the bucket has failed */
    ngx_uint_t              status;        /* of its last answer; 0: none */
    ngx_msec_t              pause;         /* Retry-After */
    char                    etag[NGX_RECORDING_S3_ETAG];
    char                    error[256];

    /* --- its own */

    void                  (*step)(ngx_recording_object_t *o);
    ngx_uint_t              tries;         /* of the step */
    ngx_event_t             timer;
    ngx_recording_s3_t      request;
    ngx_recording_body_t *file;
    char                    md5[33];
    u_char                  md5_base64[25];

    ngx_uint_t              nparts;
    ngx_uint_t              next;          /* to be sent: how many parts are
                                              before it in that order */
    ngx_uint_t              running;       /* parts */
    ngx_uint_t              begins;        /* uploads that were begun */
    ngx_uint_t              completes;     /* tries of complete */
    ngx_recording_s3_e      completed;     /* what the last one said */
    char                  (*etags)[NGX_RECORDING_S3_ETAG];  /* empty: to be
                                              sent */
    ngx_recording_part_t   *parts;         /* at a time; NULL: none yet */
    ngx_str_t               list;          /* the body of complete */
    ngx_uint_t              nstrays;
    char                  (*strays)[NGX_RECORDING_S3_UPLOAD];
    char                    marker[16];    /* of a list; empty: its end */

    unsigned                replace:1;     /* this file's, but not as it should
                                              be */
    unsigned                looked:1;      /* since it was said that there is
                                              one */
    unsigned                blind:1;       /* HEAD is not allowed */
    unsigned                ranged:1;      /* HEAD does not tell enough: GET is
                                              asked for its first byte */
    unsigned                planned:1;     /* its parts are */
    unsigned                swept:1;       /* those that were broken off are
                                              known */
    unsigned                there:1;       /* it is as it should be, and others
                                              are ended */
    unsigned                listed:1;      /* those that are there are known */
    unsigned                condition:1;   /* was sent with what makes it */
    unsigned                completing:1;  /* complete has been sent */
    unsigned                leaving:1;     /* nothing is begun any more */
    unsigned                resting:1;     /* idle() was called */
    unsigned                sent:1;        /* a part, since idle() was */
    unsigned                moved:1;       /* the media was, since it was looked
                                              at */
};


void ngx_recording_object_send(ngx_recording_object_t *o);
void ngx_recording_object_committed(ngx_recording_object_t *o);

/* it will not be sent: its upload is ended, and done() says OBJECT, with the
   error that it has */
void ngx_recording_object_drop(ngx_recording_object_t *o);

/* the file has grown: ->fd, ->size, ->begin and ->look are set anew */
void ngx_recording_object_grown(ngx_recording_object_t *o);

/* the worker exits, or the file has ended: what is under way ends, nothing else
   begins, done() */
void ngx_recording_object_leave(ngx_recording_object_t *o);

/* everything under way is dropped, done() is not called any more */
void ngx_recording_object_cancel(ngx_recording_object_t *o);


/* --- ngx_recording_object.c, for the others */

void ngx_recording_object_run(ngx_recording_object_t *o,
    void (*step)(ngx_recording_object_t *o));
ngx_recording_s3_t *ngx_recording_object_request(ngx_recording_object_t *o,
    const char *method, void (*done)(ngx_recording_s3_t *s));
void ngx_recording_object_headers(ngx_recording_object_t *o,
    ngx_recording_s3_t *s);
void ngx_recording_object_digest(ngx_recording_body_t *r, char md5[33],
    u_char base64[25]);

/* the request makes the object only if there is none, as far as its server
   knows such a thing */
void ngx_recording_object_condition(ngx_recording_object_t *o,
    ngx_recording_s3_t *s);

/* the server does not: 1 if it was sent with it and is to be sent without */
ngx_uint_t ngx_recording_object_unconditional(ngx_recording_object_t *o);

/* one that has failed: the step is tried again, or the object fails */
void ngx_recording_object_again(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s);
void ngx_recording_object_fail(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s);
void ngx_recording_object_finish(ngx_recording_object_t *o,
    ngx_recording_s3_e result, const char *error);

/* it is not there; another one has its key */
void ngx_recording_object_upload(ngx_recording_object_t *o);
void ngx_recording_object_taken(ngx_recording_object_t *o);

/* whether it is there as it should be */
void ngx_recording_object_check(ngx_recording_object_t *o);

/* --- ngx_recording_object_parts.c */

/* what is next of an upload in parts */
void ngx_recording_object_parts(ngx_recording_object_t *o);
void ngx_recording_object_parts_leave(ngx_recording_object_t *o);
void ngx_recording_object_parts_cancel(ngx_recording_object_t *o);

/* it is there as it should be */
void ngx_recording_object_there(ngx_recording_object_t *o);

/* its upload is gone, or is of no use: another one */
void ngx_recording_object_restart(ngx_recording_object_t *o);

/* --- ngx_recording_object_complete.c */

/* a step: all parts are there */
void ngx_recording_object_complete(ngx_recording_object_t *o);

/* it was sent, and the object is not there */
void ngx_recording_object_missing(ngx_recording_object_t *o);


/* --- ngx_recording_object_layout.c: which parts there are */

/* sets ->nparts by ->size and ->part_size */
void ngx_recording_object_layout(ngx_recording_object_t *o);

/* bytes of a part, from 1 on, and where they begin in the file */
off_t ngx_recording_object_length(ngx_recording_object_t *o,
    ngx_uint_t number);
off_t ngx_recording_object_offset(ngx_recording_object_t *o,
    ngx_uint_t number);

/* the part that is sent after so many others; 0: none is */
ngx_uint_t ngx_recording_object_at(ngx_recording_object_t *o, ngx_uint_t n);

/* of the media of an early one: where a part begins, in parts of that size at
   first */
off_t ngx_recording_object_media(off_t part_size, ngx_uint_t number);


/* --- ngx_recording_object_left.c: steps */

/* finds uploads of this key that were broken off; ends one of those */
void ngx_recording_object_strays(ngx_recording_object_t *o);
void ngx_recording_object_abort(ngx_recording_object_t *o);

/* finds the parts that its upload has */
void ngx_recording_object_list(ngx_recording_object_t *o);

/* what is there, by a list: HEAD is not allowed */
void ngx_recording_object_find(ngx_recording_object_t *o);

/* what HEAD has found is not this file's: no file of ours, if its server is one
   of S3, which is asked if nothing shows it */
void ngx_recording_object_foreign(ngx_recording_object_t *o,
    const ngx_recording_s3_t *s);

/* without its quotes */
void ngx_recording_object_etag(char *etag, const char *text);


#endif /* _NGX_RECORDING_OBJECT_H_INCLUDED_ */
