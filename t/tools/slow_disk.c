
/*
 * LD_PRELOAD for tests: a disk that is slow, or fails, below one directory.
 *
 * SLOW_STORE is the directory, SLOW_CONTROL a file of this form, which the
 * test changes while the program runs:
 *
 *   int64  armed    calls are watched
 *   int64  delay    ms, before a call, as long as it is armed
 *   int64  error    errno of a call, 0 for none
 *   int64  call     which calls are hit by these, a bit each; 0: all, but no
 *                   error for those that read
 *   int64  where    1: not those of the catalogue; 2: only those
 *   int64  times    a call is hit so often in turn, then it succeeds, as
 *                   after EINTR; 0: always
 *   int64  main     calls of the main thread, counted here
 *   int64  calls    of all threads
 *   int64  hits     those that were delayed or failed
 *   int64  hold     n: the nth call from now of a thread other than the main
 *                   one is held, 0: none
 *   int64  holds    which calls are counted for that, a bit each, 0 for all
 *                   that change something
 *   int64  after    it is held after it was made, not before
 *   int64  held     1 while a call is held; 0 from outside lets it go on
 *   int64  length   of the last fallocate()
 *   int64  slowest  us that a call took at most, delay and hold apart
 *   int64  most     so many calls are hit in all, then none; 0: no limit
 *   int64  lose     a sync that fails is one of a disk that lost what was
 *                   written since the last one: that becomes zeros
 *
 * Then texts: the name of the last call of the main thread, 32 bytes; what no
 * path of a call to be held may contain, 32 bytes; the held call and its
 * path, 256 bytes; what the path of a call must contain to be delayed or to
 * fail, 32 bytes; how it must end for that, 32 bytes.
 *
 * The catalogue is what SQLite has open: catalogue.db, -wal and -shm.
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


#define SYNCED  4096
#define PART  (1024 * 1024)               /* of copy_file_range() */


/* LOOK is an open to read, which no full disk refuses */

enum { OPEN, WRITE, SYNC, RENAME, ALLOCATE, UNLINK, READ, LOOK, TRUNCATE,
       FSYNC, KINDS };

enum { ALL, FILES, CATALOGUE };


typedef struct {
    int64_t  armed;
    int64_t  delay;
    int64_t  error;
    int64_t  call;
    int64_t  where;
    int64_t  times;
    int64_t  main;
    int64_t  calls;
    int64_t  hits;
    int64_t  hold;
    int64_t  holds;
    int64_t  after;
    int64_t  held;
    int64_t  length;
    int64_t  slowest;
    int64_t  most;
    int64_t  lose;
    char     name[32];
    char     skip[32];
    char     place[256];
    char     only[32];
    char     match[32];
} control_t;


/* files that were synced, and how long they were then */

typedef struct {
    dev_t    dev;
    ino_t    ino;
    off_t    size;
} synced_t;


typedef struct {
    int              watched;
    int              hold;
    struct timespec  start;
} call_t;


static control_t   *control;
static const char  *store;
static size_t       store_len;
static synced_t     synced[SYNCED];


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


/* a path from the root, as far as it is known; "" if it is not */

static void
slow_path(int fd, const char *path, char *real, size_t size)
{
    char     link[64];
    ssize_t  n;

    real[0] = '\0';

    if (path && path[0] == '/') {
        snprintf(real, size, "%s", path);
        return;
    }

    if (fd < 0) {
        return;
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

    n = syscall(SYS_readlink, link, real, size - 1);
    real[n > 0 ? n : 0] = '\0';

    if (n > 0 && path) {
        snprintf(real + n, size - n, "/%s", path);
    }
}


/* FILES or CATALOGUE, 0 if the path is not below the directory */

static int
slow_where(const char *path)
{
    if (strncmp(path, store, store_len) != 0 || path[store_len] != '/') {
        return 0;
    }

    return strncmp(path + store_len, "/catalogue.db", 13) == 0 ? CATALOGUE
                                                               : FILES;
}


static void
slow_sleep(int64_t ms)
{
    struct timespec  ts;

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = ms % 1000 * 1000000;

    while (nanosleep(&ts, &ts) == -1 && errno == EINTR) { /* void */ }
}


/* a disk that is not slow any more ends what it delays */

static void
slow_delay(int64_t ms)
{
    int64_t  part;

    while (ms > 0 && control->armed) {
        part = ms < 50 ? ms : 50;
        slow_sleep(part);
        ms -= part;
    }
}


static int
slow_is_main(void)
{
    return syscall(SYS_gettid) == getpid();
}


static int
slow_reads(int kind)
{
    return kind == READ || kind == LOOK;
}


/* whether a path is one of those that are meant */

static int
slow_matches(const char *path)
{
    size_t  n, len;

    n = strlen(control->match);
    len = strlen(path);

    return n <= len && strcmp(path + len - n, control->match) == 0;
}


/* whether this call is delayed or fails */

static int
slow_hit(int kind, int where, const char *path)
{
    static __thread int  failed[KINDS];

    int64_t  hits;

    if (!slow_matches(path)) {
        return 0;
    }

    if (control->call ? !(control->call & (1 << kind))
                      : control->error && slow_reads(kind))
    {
        return 0;
    }

    if ((control->where != ALL && control->where != where)
        || (control->error == ENOSPC && slow_reads(kind))
        || (control->error == 0 && control->delay == 0))
    {
        return 0;
    }

    if (control->only[0] && strstr(path, control->only) == NULL) {
        return 0;
    }

    if (control->times && failed[kind] >= control->times) {
        failed[kind] = 0;
        return 0;
    }

    failed[kind]++;

    do {
        hits = control->hits;

        if (control->most && hits >= control->most) {
            return 0;
        }

    } while (!__sync_bool_compare_and_swap(&control->hits, hits, hits + 1));

    return 1;
}


/* the entry of a file; a free one is taken, and its size is 0 */

static synced_t *
slow_synced(struct stat *st)
{
    static int  lock;

    synced_t  *s;

    while (__sync_lock_test_and_set(&lock, 1)) { /* void */ }

    for (s = synced; s < synced + SYNCED - 1 && s->ino; s++) {
        if (s->ino == st->st_ino && s->dev == st->st_dev) {
            break;
        }
    }

    if (s->ino != st->st_ino || s->dev != st->st_dev) {
        s->size = 0;
        s->dev = st->st_dev;
        s->ino = st->st_ino;
    }

    __sync_lock_release(&lock);

    return s;
}


/* what was written since the last sync is gone */

static void
slow_lose(int fd)
{
    char         zeros[4096];
    off_t        pos;
    size_t       n;
    synced_t    *s;
    struct stat  st;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        return;
    }

    memset(zeros, 0, sizeof(zeros));
    s = slow_synced(&st);

    for (pos = s->size; pos < st.st_size; pos += n) {
        n = st.st_size - pos < (off_t) sizeof(zeros) ? st.st_size - pos
                                                     : sizeof(zeros);

        if (syscall(SYS_pwrite64, fd, zeros, n, pos) != (long) n) {
            return;
        }
    }
}


static int
slow_sync(int fd, int rc)
{
    struct stat  st;

    if (rc == 0 && control && control->armed && fstat(fd, &st) == 0) {
        slow_synced(&st)->size = st.st_size;
    }

    return rc;
}


/* whether this call is the one that is to be held */

static int
slow_is_held(int kind, const char *name, const char *path)
{
    int64_t  n;

    if (control->hold <= 0 || slow_is_main()) {
        return 0;
    }

    if (control->holds ? !(control->holds & (1 << kind)) : slow_reads(kind)) {
        return 0;
    }

    if ((control->skip[0] && strstr(path, control->skip))
        || (control->only[0] && strstr(path, control->only) == NULL))
    {
        return 0;
    }

    do {
        n = control->hold;

        if (n <= 0) {
            return 0;
        }

    } while (!__sync_bool_compare_and_swap(&control->hold, n, n - 1));

    if (n > 1) {
        return 0;
    }

    snprintf(control->place, sizeof(control->place), "%s %s", name,
             path + store_len);

    return 1;
}


static void
slow_hold(void)
{
    control->held = 1;

    while (*(volatile int64_t *) &control->held) {
        slow_sleep(1);
    }
}


static void
slow_main(const char *name)
{
    if (slow_is_main()) {
        __sync_fetch_and_add(&control->main, 1);
        strncpy(control->name, name, sizeof(control->name) - 1);
    }
}


static void
slow_closes(const char *name, int fd)
{
    int   err;
    char  path[4096];

    if (control == NULL || !control->armed) {
        return;
    }

    err = errno;

    slow_path(fd, NULL, path, sizeof(path));

    if (slow_where(path)) {
        slow_main(name);
    }

    errno = err;
}


/* returns an error to be given instead of the call, or 0 */

static int
slow_begin(call_t *call, int kind, const char *name, int fd, const char *path)
{
    int   err, where;
    char  real[4096];

    call->watched = 0;

    if (control == NULL || !control->armed) {
        return 0;
    }

    slow_path(fd, path, real, sizeof(real));

    where = slow_where(real);

    if (where == 0) {
        return 0;
    }

    __sync_fetch_and_add(&control->calls, 1);

    slow_main(name);

    call->hold = slow_is_held(kind, name, real);

    if (call->hold && !control->after) {
        slow_hold();
        call->hold = 0;
    }

    if (slow_hit(kind, where, real)) {

        if (control->delay) {
            slow_delay(control->delay);
        }

        err = (int) control->error;

        if (err && (kind == SYNC || kind == FSYNC) && control->lose) {
            slow_lose(fd);
        }

        if (err) {
            return err;
        }
    }

    call->watched = 1;
    clock_gettime(CLOCK_MONOTONIC, &call->start);

    return 0;
}


static void
slow_end(call_t *call)
{
    int              err;
    int64_t          us;
    struct timespec  now;

    if (!call->watched) {
        return;
    }

    err = errno;

    clock_gettime(CLOCK_MONOTONIC, &now);

    us = (now.tv_sec - call->start.tv_sec) * 1000000
         + (now.tv_nsec - call->start.tv_nsec) / 1000;

    if (us > control->slowest) {
        control->slowest = us;
    }

    if (call->hold) {
        slow_hold();
    }

    errno = err;
}


static int
slow_length(int fd, int64_t length)
{
    if (control && control->armed) {
        control->length = length;
    }

    return fd;
}


#define REAL(name)                                                           \
    static __typeof__(name)  *real;                                          \
    if (real == NULL) {                                                      \
        real = (__typeof__(name) *) dlsym(RTLD_NEXT, #name);                 \
    }

#define CALL(kind, type, name, params, args, fd, path)                       \
type name params                                                             \
{                                                                            \
    int     err;                                                             \
    type    rc;                                                              \
    call_t  call;                                                            \
    REAL(name)                                                               \
    err = slow_begin(&call, kind, #name, fd, path);                          \
    if (err) {                                                               \
        errno = err;                                                         \
        return -1;                                                           \
    }                                                                        \
    rc = real args;                                                          \
    slow_end(&call);                                                         \
    return rc;                                                               \
}

#define OPEN_CALL(name, params, at, args)                                    \
int name params                                                              \
{                                                                            \
    int      err, rc;                                                        \
    call_t   call;                                                           \
    va_list  ap;                                                             \
    mode_t   mode;                                                           \
    REAL(name)                                                               \
    va_start(ap, flags);                                                     \
    mode = (flags & O_CREAT) ? va_arg(ap, mode_t) : 0;                       \
    va_end(ap);                                                              \
    err = slow_begin(&call, (flags & (O_ACCMODE|O_CREAT)) ? OPEN : LOOK,     \
                     #name, at, path);                                       \
    if (err) {                                                               \
        errno = err;                                                         \
        return -1;                                                           \
    }                                                                        \
    rc = real args;                                                          \
    slow_end(&call);                                                         \
    return rc;                                                               \
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

/* in parts, as the system may do it, too */

CALL(WRITE, ssize_t, copy_file_range,
     (int in, off64_t *i, int out, off64_t *o, size_t n, unsigned int flags),
     (in, i, out, o, n < PART ? n : PART, flags), out, NULL)

CALL(READ, ssize_t, pread, (int fd, void *buf, size_t n, off_t off),
     (fd, buf, n, off), fd, NULL)
CALL(READ, ssize_t, pread64, (int fd, void *buf, size_t n, off64_t off),
     (fd, buf, n, off), fd, NULL)
CALL(READ, ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n), fd,
     NULL)

CALL(READ, ssize_t, fgetxattr, (int fd, const char *name, void *value,
     size_t size), (fd, name, value, size), fd, NULL)

#define SYNC_CALL(kind, name)                                                \
int name(int fd)                                                             \
{                                                                            \
    int     err, rc;                                                         \
    call_t  call;                                                            \
    REAL(name)                                                               \
    err = slow_begin(&call, kind, #name, fd, NULL);                          \
    if (err) {                                                               \
        errno = err;                                                         \
        return -1;                                                           \
    }                                                                        \
    rc = slow_sync(fd, real(fd));                                            \
    slow_end(&call);                                                         \
    return rc;                                                               \
}

SYNC_CALL(FSYNC, fsync)
SYNC_CALL(FSYNC, syncfs)
SYNC_CALL(SYNC, fdatasync)

CALL(ALLOCATE, int, fallocate, (int fd, int mode, off_t off, off_t len),
     (fd, mode, off, len), slow_length(fd, len), NULL)
CALL(ALLOCATE, int, fallocate64,
     (int fd, int mode, off64_t off, off64_t len),
     (fd, mode, off, len), slow_length(fd, len), NULL)
CALL(TRUNCATE, int, ftruncate, (int fd, off_t len), (fd, len), fd, NULL)
CALL(TRUNCATE, int, ftruncate64, (int fd, off64_t len), (fd, len), fd, NULL)

CALL(RENAME, int, rename, (const char *from, const char *to), (from, to), -1,
     from)
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

/* no disk delays these, but the main thread should not close what it has */

int
dup3(int from, int to, int flags)
{
    REAL(dup3)
    slow_closes("dup3", to);

    return real(from, to, flags);
}


int
close(int fd)
{
    REAL(close)
    slow_closes("close", fd);

    return real(fd);
}


CALL(OPEN, int, mkdir, (const char *path, mode_t mode), (path, mode), -1,
     path)
CALL(OPEN, int, mkdirat, (int at, const char *path, mode_t mode),
     (at, path, mode), at, path)
