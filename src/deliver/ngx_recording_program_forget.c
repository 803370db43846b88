
/*
 * Starter and runners forget what they have of others: descriptors and memory.
 */


#include "ngx_recording_program_runner.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>


/* numbers of what is kept, from 0 on: the program's three, and the runner's */
#define NGX_RECORDING_PROGRAM_STATUS  3
#define NGX_RECORDING_PROGRAM_LIFE    4
#define NGX_RECORDING_PROGRAM_LOCK    5
#define NGX_RECORDING_PROGRAM_FIRST   6

#ifndef SYS_close_range
#define SYS_close_range  436
#endif

/* under AddressSanitizer nothing can be unmapped: its own memory is there */
#ifdef __SANITIZE_ADDRESS__
#define NGX_RECORDING_PROGRAM_UNMAP  0
#else
#define NGX_RECORDING_PROGRAM_UNMAP  1
#endif


/* an entry of a directory, as the kernel gives it */

typedef struct {
    uint64_t                ino;
    int64_t                 off;
    uint16_t                reclen;
    uint8_t                 type;
    char                    name[];
} ngx_recording_program_dirent_t;


/* a line of /proc/self/maps: 55d-55e rw-p 00000000 00:00 0    [heap] */

typedef struct {
    uintptr_t               start;
    uintptr_t               end;
    ngx_uint_t              writable;
    ngx_uint_t              shared;
    ngx_uint_t              file;
    ngx_uint_t              system;        /* [stack], [vvar] */
} ngx_recording_program_map_t;


static ngx_int_t ngx_recording_program_move(int *fd, int to);
static ngx_int_t ngx_recording_program_close_listed(int from);
static int ngx_recording_program_number(const char *s);
static void ngx_recording_program_unmap_line(char *line, uintptr_t *bss);
static void ngx_recording_program_map(char *line,
    ngx_recording_program_map_t *map);
static uintptr_t ngx_recording_program_hex(char **p);


ngx_int_t
ngx_recording_program_descriptors(ngx_recording_program_run_t *run)
{
    int         *fds[5];
    ngx_uint_t   i;

    static const int  to[5] = {
        NGX_RECORDING_PROGRAM_STATUS, NGX_RECORDING_PROGRAM_LIFE,
        NGX_RECORDING_PROGRAM_LOCK, STDIN_FILENO, STDOUT_FILENO
    };

    fds[0] = &run->status;
    fds[1] = &run->life;
    fds[2] = &run->lock;
    fds[3] = &run->input;
    fds[4] = &run->output;

    /* none may stand where another one goes to */

    for (i = 0; i < 5; i++) {

        if (*fds[i] != -1 && *fds[i] < NGX_RECORDING_PROGRAM_FIRST) {
            *fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC,
                            NGX_RECORDING_PROGRAM_FIRST);

            if (*fds[i] == -1) {
                return NGX_ERROR;
            }
        }
    }

    for (i = 0; i < 5; i++) {
        if (ngx_recording_program_move(fds[i], to[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (dup2(STDOUT_FILENO, STDERR_FILENO) == -1) {
        return NGX_ERROR;
    }

    ngx_recording_program_close_above(NGX_RECORDING_PROGRAM_FIRST - 1);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_program_move(int *fd, int to)
{
    if (*fd == -1) {
        (void) close(to);
        return NGX_OK;
    }

    if (dup3(*fd, to, to > STDERR_FILENO ? O_CLOEXEC : 0) == -1) {
        return NGX_ERROR;
    }

    *fd = to;

    return NGX_OK;
}


void
ngx_recording_program_close_above(int fd)
{
    struct rlimit  rlmt;

    if (syscall(SYS_close_range, fd + 1, ~0U, 0) == 0
        || ngx_recording_program_close_listed(fd + 1) == NGX_OK)
    {
        return;
    }

    if (getrlimit(RLIMIT_NOFILE, &rlmt) == -1 || rlmt.rlim_cur > 65536) {
        rlmt.rlim_cur = 65536;
    }

    while (++fd < (int) rlmt.rlim_cur) {
        (void) close(fd);
    }
}


/* before Linux 5.9; readdir() would allocate */

static ngx_int_t
ngx_recording_program_close_listed(int from)
{
    int                              dir, fd;
    long                             i, n;
    union {
        char                         bytes[4096];
        uint64_t                     align;
    } buf;
    ngx_recording_program_dirent_t  *entry;

    dir = open("/proc/self/fd", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1) {
        return NGX_ERROR;
    }

    while ((n = syscall(SYS_getdents64, dir, buf.bytes, sizeof(buf))) > 0) {

        for (i = 0; i < n; i += entry->reclen) {
            entry = (ngx_recording_program_dirent_t *) (buf.bytes + i);
            fd = ngx_recording_program_number(entry->name);

            if (fd >= from && fd != dir) {
                (void) close(fd);
            }
        }
    }

    (void) close(dir);

    return n == 0 ? NGX_OK : NGX_ERROR;
}


/* -1: it is none */

static int
ngx_recording_program_number(const char *s)
{
    int  n;

    for (n = 0; *s >= '0' && *s <= '9'; s++) {
        n = n * 10 + (*s - '0');
    }

    return *s ? -1 : n;
}


/*
 * A page that the worker writes to is copied as long as a child has it, and
 * stays as long as this one: what is kept is what a child runs on, code and its
 * data, and the stack.
 */

void
ngx_recording_program_unmap(void)
{
    int        fd;
    char       buf[8192], *line, *lf;
    size_t     len;
    ssize_t    n;
    uintptr_t  bss;

    if (!NGX_RECORDING_PROGRAM_UNMAP) {
        return;
    }

    fd = open("/proc/self/maps", O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    len = 0;
    bss = 0;

    while ((n = read(fd, buf + len, sizeof(buf) - len)) > 0) {
        len += n;
        line = buf;

        while ((lf = memchr(line, '\n', len)) != NULL) {
            *lf = '\0';
            ngx_recording_program_unmap_line(line, &bss);
            len -= lf + 1 - line;
            line = lf + 1;
        }

        ngx_memmove(buf, line, len);
    }

    (void) close(fd);
}


/* bss: where the data of a library ends, which goes on in memory of its own */

static void
ngx_recording_program_unmap_line(char *line, uintptr_t *bss)
{
    uintptr_t                    here, own;
    ngx_recording_program_map_t  map;

    ngx_recording_program_map(line, &map);

    /* the stack, and where the thread has errno */

    here = (uintptr_t) &map;
    own = (uintptr_t) &errno;

    if (map.file && !map.shared) {
        *bss = map.end;
        return;
    }

    if (map.system || (!map.writable && !map.shared)
        || (map.start == *bss && !map.shared)
        || (here >= map.start && here < map.end)
        || (own >= map.start && own < map.end))
    {
        return;
    }

    (void) munmap((void *) map.start, map.end - map.start);
}


static void
ngx_recording_program_map(char *line, ngx_recording_program_map_t *map)
{
    char  *p;

    p = line;

    map->start = ngx_recording_program_hex(&p);
    p++;
    map->end = ngx_recording_program_hex(&p);
    p++;

    map->writable = p[1] == 'w';
    map->shared = p[3] == 's';
    p += 5;

    /* offset, device, and the inode, which is 0 for what is no file */

    (void) ngx_recording_program_hex(&p);
    p = strchr(p + 1, ' ') + 1;

    map->file = *p != '0';

    p = strchr(p, '[');

    map->system = p && (p[1] == 's' || p[1] == 'v');
}


static uintptr_t
ngx_recording_program_hex(char **p)
{
    uintptr_t  n;

    for (n = 0; /* void */ ; (*p)++) {

        if (**p >= '0' && **p <= '9') {
            n = n * 16 + (**p - '0');

        } else if (**p >= 'a' && **p <= 'f') {
            n = n * 16 + (**p - 'a' + 10);

        } else {
            return n;
        }
    }
}
