
/*
 * A part of a file, read by pool threads: its digest, then its bytes, a buffer
 * at a time, while the one before is sent.
 *
 *   create --> digest, or not --> want, ready(), want, ... --> free
 *
 * Loop.  It has a descriptor of its own.  Freed while a thread reads it goes
 * with the end of that; nothing is called back then.
 */


#ifndef _NGX_RECORDING_BODY_H_INCLUDED_
#define _NGX_RECORDING_BODY_H_INCLUDED_


#include "ngx_recording_early.h"
#include "ngx_recording_job.h"


#define NGX_RECORDING_BODY_BUFFER  (256 * 1024)
#define NGX_RECORDING_BODY_SLICE   (4 * 1024 * 1024)    /* that is hashed by
                                                             one job */


typedef struct ngx_recording_body_s  ngx_recording_body_t;


/* bytes that were wanted, until the next ones are; NULL: ->error says why they
   cannot be had */
typedef void (*ngx_recording_body_pt)(void *data, u_char *bytes, size_t len);


typedef struct {
    u_char                 *start;
    off_t                   offset;        /* of its bytes in the part */
    size_t                  len;           /* 0: it has none */
} ngx_recording_body_buffer_t;


struct ngx_recording_body_s {
    int                     fd;
    off_t                   from;          /* of the part in the file */
    off_t                   length;
    ngx_recording_job_t     job;

    ngx_recording_store_t  *store;         /* of a file that grows; NULL: it
                                              does not */
    uint64_t                id;
    ngx_recording_early_t   early;         /* as it was looked at */

    ngx_recording_body_pt ready;
    void                  (*digested)(void *data, ngx_uint_t failed);
    void                   *data;

    void                   *context;       /* of the digest */
    off_t                   hashed;
    u_char                  md5[16];

    ngx_recording_body_buffer_t  buffers[2];
    ngx_uint_t              filled;        /* by the job: which one */
    off_t                   wanted;        /* -1: nothing is */

    char                    error[128];
    unsigned                busy:1;        /* the job is ordered */
    unsigned                hashing:1;
    unsigned                gone:1;        /* freed by its owner */
    unsigned                stale:1;       /* the failure: its media was moved
                                              while it was read */
};


/* NULL: no descriptor or no memory, errno */
ngx_recording_body_t *ngx_recording_body_create(
    ngx_recording_jobs_t *jobs, int fd, off_t from, off_t length);

/* it is of a growing file, and its digest is that of the media only if that is
   where it was */
void ngx_recording_body_grows(ngx_recording_body_t *r,
    ngx_recording_store_t *store, uint64_t id,
    const ngx_recording_early_t *early);

/* digested() is called when ->md5 is there, or ->error */
void ngx_recording_body_digest(ngx_recording_body_t *r,
    void (*digested)(void *data, ngx_uint_t failed), void *data);

/* ready() is called with the bytes at the offset, now or later */
void ngx_recording_body_want(ngx_recording_body_t *r, off_t offset,
    ngx_recording_body_pt ready, void *data);

/* nobody wants bytes any more: ready() is not called */
void ngx_recording_body_stop(ngx_recording_body_t *r);

void ngx_recording_body_free(ngx_recording_body_t *r);


#endif /* _NGX_RECORDING_BODY_H_INCLUDED_ */
