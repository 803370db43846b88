
/*
 * A file that is read in order, by small pieces, through a window.
 *
 * Runs on pool threads only: a call may wait for the disk.  The descriptor is
 * the caller's.
 */


#ifndef _NGX_RECORDING_READER_H_INCLUDED_
#define _NGX_RECORDING_READER_H_INCLUDED_


#include "ngx_recording_call.h"


#define NGX_RECORDING_WINDOW  65536


typedef struct {
    int                     fd;
    off_t                   start;     /* of what the window has */
    size_t                  size;
    ngx_err_t               err;       /* it could not be read */
    u_char                  window[NGX_RECORDING_WINDOW];
} ngx_recording_reader_t;


void ngx_recording_reader_init(ngx_recording_reader_t *reader, int fd);

/*
 * size bytes at an offset, at most a window; they are there until the next
 * call.  NULL: the file is shorter, or cannot be read: reader->err.
 */
u_char *ngx_recording_reader_thread(ngx_recording_reader_t *reader,
    off_t offset, size_t size);


#endif /* _NGX_RECORDING_READER_H_INCLUDED_ */
