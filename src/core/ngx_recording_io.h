
/*
 * Reading and writing files.
 *
 * Runs on pool threads only: every call may wait for the disk.
 *
 * Return codes: NGX_OK; NGX_ERROR with errno set.
 */


#ifndef _NGX_RECORDING_IO_H_INCLUDED_
#define _NGX_RECORDING_IO_H_INCLUDED_


#include "ngx_recording_call.h"
#include <sys/uio.h>


#define NGX_RECORDING_IOVS  512


/* a list of buffers to be written; the buffers are the caller's */

typedef struct {
    ngx_uint_t              n;
    size_t                  size;
    struct iovec            iov[NGX_RECORDING_IOVS];
} ngx_recording_iov_t;


/* writes everything, whatever the kernel takes at a time */
ngx_int_t ngx_recording_io_write_thread(int fd, void *buf, size_t size,
    off_t offset);
ngx_int_t ngx_recording_io_writev_thread(int fd, ngx_recording_iov_t *iov,
    off_t offset);

/* reads all of it; a file that is shorter is an error (EIO) */
ngx_int_t ngx_recording_io_read_thread(int fd, void *buf, size_t size,
    off_t offset);

/* from one file to another; where it can be, blocks are shared, not copied.
   EINTR: nginx ends at once */
ngx_int_t ngx_recording_io_copy_thread(int from, int to, off_t in, off_t out,
    uint64_t size);

/*
 * Writes a part of a file again, as it is: after a sync that failed the next
 * one tells only of what was written since.
 */
ngx_int_t ngx_recording_io_again_thread(int fd, off_t from, off_t to);

/*
 * Where the data of a file ends that was written without holes from an
 * offset on: a power cut can leave a hole before the end.
 */
off_t ngx_recording_io_solid_thread(int fd, off_t from);

static ngx_inline void
ngx_recording_iov_add(ngx_recording_iov_t *iov, void *buf, size_t size)
{
    iov->iov[iov->n].iov_base = buf;
    iov->iov[iov->n].iov_len = size;
    iov->n++;
    iov->size += size;
}


#endif /* _NGX_RECORDING_IO_H_INCLUDED_ */
