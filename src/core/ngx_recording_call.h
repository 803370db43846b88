
/*
 * System calls on files that are made again when they are interrupted, as
 * network file systems and FUSE may do, and those that open with a spare
 * descriptor, if there is no other.
 *
 * Any thread.  They return what the calls themselves do.
 */


#ifndef _NGX_RECORDING_CALL_H_INCLUDED_
#define _NGX_RECORDING_CALL_H_INCLUDED_


#include "ngx_recording_spare.h"
#include <dirent.h>
#include <sys/file.h>


#define NGX_RECORDING_CALL(name, params, args)                               \
static ngx_inline int                                                        \
ngx_recording_##name params                                                  \
{                                                                            \
    int  rc;                                                                 \
                                                                             \
    do {                                                                     \
        rc = name args;                                                      \
    } while (rc == -1 && (errno == NGX_EINTR                                 \
                          || (errno == NGX_EMFILE                            \
                              && ngx_recording_spare_give())));              \
                                                                             \
    return rc;                                                               \
}


NGX_RECORDING_CALL(open, (const char *path, int flags, mode_t mode),
                   (path, flags, mode))
NGX_RECORDING_CALL(openat, (int at, const char *path, int flags, mode_t mode),
                   (at, path, flags, mode))
NGX_RECORDING_CALL(flock, (int fd, int operation), (fd, operation))
NGX_RECORDING_CALL(fsync, (int fd), (fd))
NGX_RECORDING_CALL(fdatasync, (int fd), (fd))
NGX_RECORDING_CALL(ftruncate, (int fd, off_t size), (fd, size))
NGX_RECORDING_CALL(fallocate, (int fd, int mode, off_t offset, off_t size),
                   (fd, mode, offset, size))
NGX_RECORDING_CALL(mkdir, (const char *path, mode_t mode), (path, mode))
NGX_RECORDING_CALL(mkdirat, (int at, const char *path, mode_t mode),
                   (at, path, mode))
NGX_RECORDING_CALL(unlinkat, (int at, const char *path, int flags),
                   (at, path, flags))
NGX_RECORDING_CALL(linkat,
                   (int from, const char *name, int to, const char *path,
                    int flags),
                   (from, name, to, path, flags))
NGX_RECORDING_CALL(renameat,
                   (int from, const char *name, int to, const char *path),
                   (from, name, to, path))
NGX_RECORDING_CALL(renameat2,
                   (int from, const char *name, int to, const char *path,
                    unsigned int flags),
                   (from, name, to, path, flags))


/*
 * What was opened for the moment; it may be a spare one from now on.  May
 * wait for the disk: pool threads only, others close().
 */

static ngx_inline void
ngx_recording_close(int fd)
{
    if (!ngx_recording_spare_take(fd)) {
        (void) close(fd);
    }
}


/* the same; a connection may be faster than the spare one */

static ngx_inline void
ngx_recording_closedir(DIR *dir)
{
    (void) closedir(dir);
    (void) ngx_recording_spare_fill();
}


/* wall clock, us */

static ngx_inline int64_t
ngx_recording_wall(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/* us, of a clock that nobody sets: for intervals */

static ngx_inline int64_t
ngx_recording_mono(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


#endif /* _NGX_RECORDING_CALL_H_INCLUDED_ */
