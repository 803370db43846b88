
/*
 * LD_PRELOAD for tests: a wall clock that is set while the program runs.
 *
 * CLOCK_FILE has the seconds, an int64, by which it is not what it was, and
 * those, another one, that have passed for it and the monotonic clock; all
 * other clocks go on.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static volatile int64_t  *set;    /* and passed */

static int (*real_clock)(clockid_t id, struct timespec *ts);


__attribute__((constructor))
static void
set_init(void)
{
    int    fd;
    void  *p;

    real_clock = (int (*)(clockid_t, struct timespec *))
                 dlsym(RTLD_NEXT, "clock_gettime");

    fd = open(getenv("CLOCK_FILE") ? getenv("CLOCK_FILE") : "", O_RDWR);

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    (void) close(fd);

    if (p != MAP_FAILED) {
        set = p;
    }
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc;

    if (real_clock == NULL) {

        /* a sanitizer, which is preloaded as well, begins before this */

        return syscall(SYS_clock_gettime, id, ts);
    }

    rc = real_clock(id, ts);

    if (rc == 0 && set && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
    {
        ts->tv_sec += set[0] + set[1];
    }

    if (rc == 0 && set
        && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE))
    {
        ts->tv_sec += set[1];
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) tz;
    (void) clock_gettime(CLOCK_REALTIME, &ts);

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
