
/*
 * LD_PRELOAD for tests: a process is held up for WAIT_LATE ms right after it
 * has looked with waitid(2) and found that no child has ended.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>


static int          (*next)(idtype_t, id_t, siginfo_t *, int);
static useconds_t     late;


__attribute__((constructor)) static void
late_init(void)
{
    const char  *ms;

    ms = getenv("WAIT_LATE");
    late = ms ? atoi(ms) * 1000 : 0;
    next = (int (*)(idtype_t, id_t, siginfo_t *, int))
               dlsym(RTLD_NEXT, "waitid");

    /* a child that has forgotten what it does not need cannot look it up */

    (void) usleep(0);
}


int
waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    int  rc;

    info->si_pid = 0;
    rc = next(type, id, info, options);

    if (rc == 0 && info->si_pid == 0) {
        (void) usleep(late);
    }

    return rc;
}
