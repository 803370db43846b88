
/*
 * LD_PRELOAD for tests: somebody who may write the directory above.  As soon
 * as the directory SWAP_NAME was made, by its last component, it is gone, and
 * the place has a link to SWAP_TO, or with SWAP_MOVE that directory itself.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static void
swap(int at, const char *path)
{
    const char  *name, *to, *last;

    name = getenv("SWAP_NAME");
    to = getenv("SWAP_TO");
    last = strrchr(path, '/');

    if (name == NULL || to == NULL
        || strcmp(last ? last + 1 : path, name) != 0)
    {
        return;
    }

    if (unlinkat(at, path, AT_REMOVEDIR) == -1
        || (getenv("SWAP_MOVE") ? renameat(AT_FDCWD, to, at, path)
                                : symlinkat(to, at, path))
           == -1)
    {
        perror("swap");
    }
}


int
mkdirat(int at, const char *path, mode_t mode)
{
    int  rc;

    static int (*real)(int at, const char *path, mode_t mode);

    real = real ? real : dlsym(RTLD_NEXT, "mkdirat");
    rc = real(at, path, mode);

    if (rc == 0) {
        swap(at, path);
    }

    return rc;
}


int
mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}
