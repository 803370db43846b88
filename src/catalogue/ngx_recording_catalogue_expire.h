
/*
 * Files that go for good: those that have expired, and those that a call
 * deletes.  Here their rows say so, and triggers write what follows from it;
 * the room removes what is in the store.
 *
 * Runs on pool threads.  Return codes: NGX_OK; NGX_ERROR with the reason in
 * the error given.
 */


#ifndef _NGX_RECORDING_CATALOGUE_EXPIRE_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_EXPIRE_H_INCLUDED_


#include "ngx_recording_catalogue.h"


/*
 * Files whose time is over at `until`, by when, but for those that are on their
 * way to a bucket, or needed by a program; as
 * ngx_recording_catalogue_oldest_thread().
 */
ngx_int_t ngx_recording_catalogue_expire_due_thread(
    ngx_recording_catalogue_t *cat, int64_t until,
    ngx_recording_place_t *after, ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);

/* these expire, now, if all of that is still so */
ngx_int_t ngx_recording_catalogue_expire_thread(
    ngx_recording_catalogue_t *cat, int64_t now, int64_t until,
    ngx_recording_old_t *files, ngx_uint_t n,
    ngx_recording_catalogue_error_t *err);


/* --- changes */

typedef enum {
    NGX_RECORDING_EXPIRE_DONE = 0,
    NGX_RECORDING_EXPIRE_NONE,             /* there is no such file, or it is
                                              gone */
    NGX_RECORDING_EXPIRE_GROWS,            /* it has not ended, or waits for its
                                              stream */
    NGX_RECORDING_EXPIRE_DELIVERED,        /* it is, just now */
    NGX_RECORDING_EXPIRE_EDITED            /* a file is made of it, now or
                                              soon */
} ngx_recording_expire_e;


typedef struct {
    uint64_t                id;
    int64_t                 expire_us;     /* 0: never */
    ngx_recording_expire_e  result;
} ngx_recording_expire_t;


/* an ngx_recording_expire_t: when the file is to expire from now on */
ngx_int_t ngx_recording_catalogue_expire_set(ngx_recording_catalogue_t *cat,
    void *expire, ngx_uint_t again);

/* an ngx_recording_expire_t: the file is deleted */
ngx_int_t ngx_recording_catalogue_expire_delete(
    ngx_recording_catalogue_t *cat, void *expire, ngx_uint_t again);


#endif /* _NGX_RECORDING_CATALOGUE_EXPIRE_H_INCLUDED_ */
