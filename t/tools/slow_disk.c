
/*
 * LD_PRELOAD for tests: a disk that is slow, or fails, below one directory.
 *
 * SLOW_STORE is the directory, SLOW_CONTROL a file of this form, which the
 * test changes while the program runs:
 *
 *   int64  armed    calls are watched
 *   int64  delay    ms, before each call
 *   int64  error    errno of each call that changes something, 0 for none
 *   int64  call     which calls `error` is for, a bit each, 0 for all
 *   int64  main     calls of the main thread, counted here
 *   int64  calls    of all threads
 *
 * Then the name of the last call of the main thread, 32 bytes.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


enum { OPEN, WRITE, SYNC, RENAME, ALLOCATE, UNLINK, READ };


typedef struct {
    int64_t  armed;
    int64_t  delay;
    int64_t  error;
    int64_t  call;
    int64_t  main;
    int64_t  calls;
    char     name[32];
} control_t;


static control_t   *control;
static const char  *store;
static size_t       store_len;


__attribute__((constructor))
static void
slow_init(void)
{
    int          fd;
    void        *p;
    const char  *path;

    store = getenv("SLOW_STORE");
    path = getenv("SLOW_CONTROL");

    if (store == NULL || path == NULL) {
        return;
    }

    /* a program may write its title over its environment */

    store = strdup(store);
    store_len = strlen(store);

    fd = syscall(SYS_open, path, O_RDWR);

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(control_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    (void) syscall(SYS_close, fd);

    if (p != MAP_FAILED) {
        control = p;
    }
}


static int
slow_below(int fd, const char *path)
{
    char     link[64], real[4096];
    ssize_t  n;

    if (path && path[0] == '/') {
        return strncmp(path, store, store_len) == 0;
    }

    if (fd < 0) {
        return 0;
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

    n = syscall(SYS_readlink, link, real, sizeof(real));

    return n > (ssize_t) store_len && memcmp(real, store, store_len) == 0;
}


/* returns an error to be given instead of the call, or 0 */

static int
slow_call(int kind, const char *name, int fd, const char *path)
{
    struct timespec  ts;

    if (control == NULL || !control->armed || !slow_below(fd, path)) {
        return 0;
    }

    __sync_fetch_and_add(&control->calls, 1);

    if (syscall(SYS_gettid) == getpid()) {
        __sync_fetch_and_add(&control->main, 1);
        strncpy(control->name, name, sizeof(control->name) - 1);
    }

    if (control->delay) {
        ts.tv_sec = control->delay / 1000;
        ts.tv_nsec = control->delay % 1000 * 1000000;

        while (nanosleep(&ts, &ts) == -1 && errno == EINTR) { /* void */ }
    }

    if (control->error && kind != READ
        && (control->call == 0 || (control->call & (1 << kind))))
    {
        return (int) control->error;
    }

    return 0;
}


#define REAL(name)                                                           \
    static __typeof__(name)  *real;                                          \
    if (real == NULL) {                                                      \
        real = (__typeof__(name) *) dlsym(RTLD_NEXT, #name);                 \
    }

#define CALL(kind, type, name, params, args, fd, path)                       \
type name params                                                             \
{                                                                            \
    int  err;                                                                \
    REAL(name)                                                               \
    err = slow_call(kind, #name, fd, path);                                  \
    if (err) {                                                               \
        errno = err;                                                         \
        return -1;                                                           \
    }                                                                        \
    return real args;                                                        \
}

#define OPEN_CALL(name, params, at, args)                                    \
int name params                                                              \
{                                                                            \
    int      err;                                                            \
    va_list  ap;                                                             \
    mode_t   mode;                                                           \
    REAL(name)                                                               \
    va_start(ap, flags);                                                     \
    mode = (flags & O_CREAT) ? va_arg(ap, mode_t) : 0;                       \
    va_end(ap);                                                              \
    err = slow_call((flags & O_ACCMODE) == O_RDONLY ? READ : OPEN, #name,    \
                    at, path);                                               \
    if (err) {                                                               \
        errno = err;                                                         \
        return -1;                                                           \
    }                                                                        \
    return real args;                                                        \
}


OPEN_CALL(open, (const char *path, int flags, ...), -1, (path, flags, mode))
OPEN_CALL(open64, (const char *path, int flags, ...), -1, (path, flags, mode))
OPEN_CALL(openat, (int at, const char *path, int flags, ...), at,
          (at, path, flags, mode))
OPEN_CALL(openat64, (int at, const char *path, int flags, ...), at,
          (at, path, flags, mode))

CALL(WRITE, ssize_t, write, (int fd, const void *buf, size_t n),
     (fd, buf, n), fd, NULL)
CALL(WRITE, ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t off),
     (fd, buf, n, off), fd, NULL)
CALL(WRITE, ssize_t, pwrite64,
     (int fd, const void *buf, size_t n, off64_t off),
     (fd, buf, n, off), fd, NULL)
CALL(WRITE, ssize_t, pwritev,
     (int fd, const struct iovec *iov, int n, off_t off),
     (fd, iov, n, off), fd, NULL)
CALL(WRITE, ssize_t, pwritev64,
     (int fd, const struct iovec *iov, int n, off64_t off),
     (fd, iov, n, off), fd, NULL)
CALL(READ, ssize_t, pread, (int fd, void *buf, size_t n, off_t off),
     (fd, buf, n, off), fd, NULL)
CALL(READ, ssize_t, pread64, (int fd, void *buf, size_t n, off64_t off),
     (fd, buf, n, off), fd, NULL)

CALL(SYNC, int, fsync, (int fd), (fd), fd, NULL)
CALL(SYNC, int, fdatasync, (int fd), (fd), fd, NULL)

CALL(ALLOCATE, int, fallocate, (int fd, int mode, off_t off, off_t len),
     (fd, mode, off, len), fd, NULL)
CALL(ALLOCATE, int, fallocate64,
     (int fd, int mode, off64_t off, off64_t len),
     (fd, mode, off, len), fd, NULL)
CALL(ALLOCATE, int, ftruncate, (int fd, off_t len), (fd, len), fd, NULL)
CALL(ALLOCATE, int, ftruncate64, (int fd, off64_t len), (fd, len), fd, NULL)

CALL(RENAME, int, renameat, (int a, const char *from, int b, const char *to),
     (a, from, b, to), a, from)
CALL(RENAME, int, renameat2,
     (int a, const char *from, int b, const char *to, unsigned int flags),
     (a, from, b, to, flags), a, from)
CALL(RENAME, int, linkat,
     (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags), a, from)

CALL(UNLINK, int, unlink, (const char *path), (path), -1, path)
CALL(UNLINK, int, unlinkat, (int at, const char *path, int flags),
     (at, path, flags), at, path)

CALL(OPEN, int, mkdir, (const char *path, mode_t mode), (path, mode), -1,
     path)
CALL(OPEN, int, mkdirat, (int at, const char *path, mode_t mode),
     (at, path, mode), at, path)
