
/*
 * Kinds of events: what a notify can ask to be told.
 *
 * Pure: a table of constants, any thread.  The bits stand in the catalogue:
 * they never change their meaning.
 */


#ifndef _NGX_RECORDING_KIND_H_INCLUDED_
#define _NGX_RECORDING_KIND_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_KIND_FILE       0x01   /* a file is finished */
#define NGX_RECORDING_KIND_STATUS     0x02   /* of the recording of a format */
#define NGX_RECORDING_KIND_EXCEPTION  0x04
#define NGX_RECORDING_KIND_REMOVED    0x08   /* evicted, expired, lost */
#define NGX_RECORDING_KIND_DELIVERED  0x10   /* a file is in a bucket */

/* no event: the file is to be delivered; not to be named in events= */
#define NGX_RECORDING_KIND_UPLOAD     0x20

/* nor this: an object is to be removed */
#define NGX_RECORDING_KIND_REMOVE     0x40


typedef struct {
    ngx_str_t               name;          /* in events= and in rows */
    ngx_uint_t              bit;
} ngx_recording_kind_t;


/* ends with an empty name */
extern const ngx_recording_kind_t  ngx_recording_kinds[];


/* 0: there is no such kind */
ngx_uint_t ngx_recording_kind_find(const ngx_str_t *name);


#endif /* _NGX_RECORDING_KIND_H_INCLUDED_ */
