
#include "ngx_recording_store.h"
#include <dirent.h>
#include <sys/statvfs.h>


#define NGX_RECORDING_STORE_LOCK   "worker."
#define NGX_RECORDING_STORE_LOCKS  10


#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE  1
#endif


static int ngx_recording_store_dir(ngx_recording_store_t *store,
    const char *name);
static ngx_int_t ngx_recording_store_parents(ngx_recording_store_t *store,
    const char *of, char path[PATH_MAX], ngx_uint_t *made);
static ngx_int_t ngx_recording_store_look(ngx_recording_store_t *store,
    const char *owner, int *fd);
static ngx_int_t ngx_recording_store_sync_dir(int at, const char *path);
static ngx_int_t ngx_recording_store_parent(char *path, const char *of);


ngx_int_t
ngx_recording_store_open_thread(ngx_recording_store_t *store, const char **op)
{
    *op = "open files/";
    store->files = ngx_recording_store_dir(store, "files");

    if (store->files == -1) {
        return NGX_ERROR;
    }

    *op = "open work/";
    store->work = ngx_recording_store_dir(store, "work");

    if (store->work == -1) {
        return NGX_ERROR;
    }

    if (ngx_recording_store_moves(store->work, store->files) != NGX_OK) {
        *op = "files/ and work/ must be in one mount:";
        return NGX_ERROR;
    }

    *op = "lock work/";

    store->lock = ngx_recording_store_lock_thread(store, store->owner);

    return store->lock == -1 ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_recording_store_moves(int from, int to)
{
    struct stat  a, b;

    if (fstat(from, &a) == -1 || fstat(to, &b) == -1) {
        return NGX_ERROR;
    }

    /*
     * Nothing goes from one mount to another one, though it may be of the same
     * file system.  "." cannot be moved at all, but that is said later.
     */

    if (a.st_dev == b.st_dev
        && (ngx_recording_renameat(from, ".", to, ".") == 0
            || errno != EXDEV))
    {
        return NGX_OK;
    }

    errno = EXDEV;

    return NGX_ERROR;
}


int
ngx_recording_store_lock_thread(ngx_recording_store_t *store,
    char name[NGX_RECORDING_OWNER])
{
    int          fd;
    time_t       now;
    ngx_uint_t   n;
    struct stat  st;

    now = time(NULL);

    for (n = 0; n < NGX_RECORDING_STORE_LOCKS; n++) {

        (void) snprintf(name, NGX_RECORDING_OWNER,
                        NGX_RECORDING_STORE_LOCK "%d.%ld", (int) ngx_getpid(),
                        (long) now + n);

        fd = ngx_recording_store_create_thread(store, name);

        if (fd == -1) {
            if (errno == NGX_EEXIST) {
                continue;
            }

            return -1;
        }

        /* before it is locked another worker may take it for a dead one's */

        if (flock(fd, LOCK_EX|LOCK_NB) == 0
            && fstat(fd, &st) == 0 && st.st_nlink)
        {
            return fd;
        }

        ngx_recording_close(fd);
    }

    errno = EAGAIN;

    return -1;
}


static int
ngx_recording_store_dir(ngx_recording_store_t *store, const char *name)
{
    int   fd;
    char  path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", store->path, name)
        >= (int) sizeof(path))
    {
        errno = ENAMETOOLONG;
        return -1;
    }

    if (ngx_recording_mkdir(path, 0750) == -1 && errno != EEXIST) {
        return -1;
    }

    fd = ngx_recording_open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    return fd;
}


void
ngx_recording_store_close(ngx_recording_store_t *store)
{
    if (store->lock != -1) {
        (void) ngx_recording_unlinkat(store->work, store->owner, 0);
        (void) close(store->lock);
        store->lock = -1;
    }

    if (store->work != -1) {
        (void) close(store->work);
        store->work = -1;
    }

    if (store->files != -1) {
        (void) close(store->files);
        store->files = -1;
    }
}


ngx_int_t
ngx_recording_store_lives_thread(ngx_recording_store_t *store,
    const char *owner)
{
    int        fd;
    ngx_int_t  rc;

    if (strcmp(owner, store->owner) == 0) {
        return NGX_OK;
    }

    rc = ngx_recording_store_look(store, owner, &fd);

    if (fd != -1) {
        ngx_recording_close(fd);
    }

    return rc;
}


/*
 * Opens another worker's lock and looks who holds it.  A worker that has no
 * descriptor left, or whose disk fails, must not take others for dead.
 */

static ngx_int_t
ngx_recording_store_look(ngx_recording_store_t *store, const char *owner,
    int *fd)
{
    *fd = -1;

    if (!ngx_recording_store_is_lock(owner)) {
        return NGX_DECLINED;
    }

    *fd = ngx_recording_openat(store->work, owner,
                               O_RDONLY|O_CLOEXEC|O_NOFOLLOW, 0);

    if (*fd == -1) {
        return errno == NGX_ENOENT ? NGX_DECLINED : NGX_ERROR;
    }

    if (ngx_recording_flock(*fd, LOCK_SH|LOCK_NB) == 0) {
        return NGX_DECLINED;
    }

    return errno == EWOULDBLOCK ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_recording_store_alone_thread(ngx_recording_store_t *store)
{
    ngx_uint_t  alone;

    alone = (flock(store->files, LOCK_EX|LOCK_NB) == 0);

    (void) flock(store->files, LOCK_SH|LOCK_NB);

    return alone;
}


/* a name that a worker's lock can have: no other one was ever a worker's */

ngx_uint_t
ngx_recording_store_is_lock(const char *name)
{
    return strncmp(name, NGX_RECORDING_STORE_LOCK,
                   sizeof(NGX_RECORDING_STORE_LOCK) - 1)
           == 0
           && strchr(name, '/') == NULL
           && strlen(name) < NGX_RECORDING_OWNER;
}


int
ngx_recording_store_create_thread(ngx_recording_store_t *store,
    const char *name)
{
    return ngx_recording_openat(store->work, name,
                                O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0640);
}


int
ngx_recording_store_reopen_thread(ngx_recording_store_t *store,
    const char *name)
{
    return ngx_recording_openat(store->work, name,
                                O_RDWR|O_CLOEXEC|O_NOFOLLOW, 0);
}


void
ngx_recording_store_name(char *name, size_t size, uint64_t id,
    const char *suffix)
{
    (void) snprintf(name, size, "%llu%s", (unsigned long long) id, suffix);
}


ngx_int_t
ngx_recording_store_mkdir_thread(ngx_recording_store_t *store,
    const char *path)
{
    char  full[PATH_MAX];

    if (ngx_recording_store_parents(store, path, full, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_recording_mkdirat(store->files, path, 0755) == -1) {
        return errno == EEXIST ? NGX_DECLINED : NGX_ERROR;
    }

    if (ngx_recording_store_parent(full, path) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_store_sync_dir(store->files, full);
}


/*
 * Makes the directories above a path, of which `path` becomes a copy.  The
 * entries above them are to survive a power cut, too: they are synced here,
 * unless the caller does it when it is told that there are new ones.
 */

static ngx_int_t
ngx_recording_store_parents(ngx_recording_store_t *store, const char *of,
    char path[PATH_MAX], ngx_uint_t *made)
{
    int    rc;
    char  *p;

    if (ngx_strlen(of) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return NGX_ERROR;
    }

    strcpy(path, of);

    for (p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {

        *p = '\0';

        rc = ngx_recording_mkdirat(store->files, path, 0755);

        if (rc == -1 && errno != EEXIST) {
            *p = '/';
            return NGX_ERROR;
        }

        if (rc == 0 && made) {
            *made = 1;

        } else if (rc == 0) {
            char  parent[PATH_MAX];

            if (ngx_recording_store_parent(parent, path) != NGX_OK
                || ngx_recording_store_sync_dir(store->files, parent)
                   != NGX_OK)
            {
                *p = '/';
                return NGX_ERROR;
            }
        }

        *p = '/';
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_store_parent(char *parent, const char *of)
{
    const char  *p;

    p = strrchr(of, '/');

    if (p == NULL) {
        strcpy(parent, ".");
        return NGX_OK;
    }

    if (p - of >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return NGX_ERROR;
    }

    ngx_memmove(parent, of, p - of);
    parent[p - of] = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_recording_store_sync_dir(int at, const char *path)
{
    int        fd;
    ngx_int_t  rc;

    fd = ngx_recording_openat(at, path, O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = ngx_recording_fsync(fd) == -1 ? NGX_ERROR : NGX_OK;

    ngx_recording_close(fd);

    return rc;
}


ngx_int_t
ngx_recording_store_place_thread(ngx_recording_store_t *store,
    const char *name, const char *path, ngx_uint_t *made)
{
    int   rc;
    char  full[PATH_MAX];

    if (ngx_recording_store_parents(store, path, full, made) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_renameat2(store->work, name, store->files, path,
                                 RENAME_NOREPLACE);

    if (rc == -1 && errno == EINVAL) {

        /* a file system without that flag; linkat() does not replace */

        rc = ngx_recording_linkat(store->work, name, store->files, path, 0);

        if (rc == 0) {
            (void) ngx_recording_unlinkat(store->work, name, 0);
        }
    }

    if (rc == -1) {
        return errno == EEXIST ? NGX_DECLINED : NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_store_sync_thread(ngx_recording_store_t *store,
    const char *path, size_t len)
{
    char  dir[PATH_MAX];

    if (len >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return NGX_ERROR;
    }

    ngx_memcpy(dir, path, len);
    dir[len] = '\0';

    return ngx_recording_store_sync_dir(store->files, len ? dir : ".");
}


ngx_int_t
ngx_recording_store_sync_work_thread(ngx_recording_store_t *store)
{
    return ngx_recording_store_sync_dir(store->work, ".");
}


ngx_int_t
ngx_recording_store_remove_thread(ngx_recording_store_t *store,
    const char *name)
{
    return ngx_recording_unlinkat(store->work, name, 0) == 0
           || errno == NGX_ENOENT
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_recording_store_discard_thread(ngx_recording_store_t *store,
    const char *path)
{
    if (strlen(path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return NGX_ERROR;
    }

    return ngx_recording_unlinkat(store->files, path, 0) == 0
           || errno == NGX_ENOENT || errno == ENOTDIR
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_recording_store_discard_dir_thread(ngx_recording_store_t *store,
    const char *path, ngx_uint_t (*owns)(const char *name), int64_t until)
{
    int             fd;
    DIR            *dir;
    ngx_err_t       err;
    ngx_int_t       rc;
    ngx_uint_t      removed;
    struct dirent  *e;

    fd = ngx_recording_openat(store->files, path,
                O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW, 0);

    if (fd == -1) {
        return errno == NGX_ENOENT ? NGX_OK : NGX_ERROR;
    }

    dir = fdopendir(fd);

    if (dir == NULL) {
        ngx_recording_close(fd);
        return NGX_ERROR;
    }

    rc = NGX_OK;
    err = 0;
    removed = 0;

    /* one that cannot be removed does not keep the others */

    while (rc != NGX_AGAIN && (e = readdir(dir)) != NULL) {

        if (ngx_terminate || (removed && ngx_recording_mono() >= until)) {
            rc = NGX_AGAIN;

        } else if (!owns(e->d_name)) {
            continue;

        } else if (ngx_recording_unlinkat(fd, e->d_name, 0) == 0) {
            removed = 1;

        } else if (errno != NGX_ENOENT && errno != EISDIR) {
            rc = NGX_ERROR;
            err = errno;
        }
    }

    ngx_recording_closedir(dir);

    if (rc != NGX_OK) {
        errno = err;
        return rc;
    }

    return ngx_recording_unlinkat(store->files, path, AT_REMOVEDIR) == 0
           || errno == NGX_ENOENT || errno == ENOTEMPTY
           ? NGX_OK : NGX_ERROR;
}


off_t
ngx_recording_store_size_thread(ngx_recording_store_t *store,
    const char *path)
{
    struct stat  st;

    if (fstatat(store->files, path, &st, AT_SYMLINK_NOFOLLOW) == -1) {
        return -1;
    }

    if (!S_ISREG(st.st_mode)) {
        errno = NGX_ENOENT;
        return -1;
    }

    return st.st_size;
}


ngx_uint_t
ngx_recording_store_there_thread(ngx_recording_store_t *store,
    const char *path)
{
    struct stat  st, files;

    if (fstatat(store->files, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return S_ISREG(st.st_mode);
    }

    if (errno != NGX_ENOENT && errno != ENOTDIR) {
        return 1;
    }

    /* a directory that was removed as a whole may have been replaced */

    return fstat(store->files, &files) == -1 || files.st_nlink == 0;
}


ngx_int_t
ngx_recording_store_room_thread(ngx_recording_store_t *store, off_t *bytes)
{
    struct statvfs  fs;

    if (fstatvfs(store->work, &fs) == -1) {
        return NGX_ERROR;
    }

    *bytes = (off_t) fs.f_bavail * (off_t) fs.f_frsize;

    return NGX_OK;
}


ngx_int_t
ngx_recording_store_list_thread(ngx_recording_store_t *store,
    void (*name)(void *data, const char *name), void *data)
{
    int             fd;
    DIR            *dir;
    struct dirent  *e;

    fd = ngx_recording_openat(store->work, ".",
                              O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    if (fd == -1) {
        return NGX_ERROR;
    }

    dir = fdopendir(fd);

    if (dir == NULL) {
        ngx_recording_close(fd);
        return NGX_ERROR;
    }

    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] != '.') {
            name(data, e->d_name);
        }
    }

    ngx_recording_closedir(dir);

    return NGX_OK;
}


void
ngx_recording_store_bury_thread(ngx_recording_store_t *store,
    const char *owner)
{
    int  fd;

    if (!ngx_recording_store_is_lock(owner)
        || strcmp(owner, store->owner) == 0)
    {
        return;
    }

    fd = ngx_recording_openat(store->work, owner,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW, 0);

    if (fd == -1) {
        return;
    }

    /* a worker that begins sees that its lock was removed */

    if (ngx_recording_flock(fd, LOCK_EX|LOCK_NB) == 0) {
        (void) ngx_recording_unlinkat(store->work, owner, 0);
    }

    ngx_recording_close(fd);
}


ngx_int_t
ngx_recording_store_hold_thread(ngx_recording_store_t *store, int *fd)
{
    *fd = ngx_recording_open(store->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    if (*fd == -1) {
        return NGX_ERROR;
    }

    if (flock(*fd, LOCK_EX|LOCK_NB) == -1) {
        ngx_recording_close(*fd);
        *fd = -1;
        return NGX_AGAIN;
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_store_flush(ngx_recording_store_t *store)
{
    return syncfs(store->work) == -1 ? NGX_ERROR : NGX_OK;
}
