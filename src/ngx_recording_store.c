
#include "ngx_recording_store.h"
#include <sys/file.h>


#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE  1
#endif


static int ngx_recording_store_dir(ngx_recording_store_t *store,
    const char *name);
static ngx_int_t ngx_recording_store_parents(ngx_recording_store_t *store,
    char *path);
static ngx_int_t ngx_recording_store_sync_dir(int at, const char *path);
static ngx_int_t ngx_recording_store_parent(char *path, const char *of);


ngx_int_t
ngx_recording_store_open_thread(ngx_recording_store_t *store, const char **op)
{
    struct stat  files, work;

    *op = "open files/";
    store->files = ngx_recording_store_dir(store, "files");

    if (store->files == -1) {
        return NGX_ERROR;
    }

    *op = "open work/";
    store->work = ngx_recording_store_dir(store, "work");

    if (store->work == -1
        || fstat(store->files, &files) == -1
        || fstat(store->work, &work) == -1)
    {
        return NGX_ERROR;
    }

    if (files.st_dev != work.st_dev) {
        *op = "files/ and work/ must be on one file system:";
        errno = EXDEV;
        return NGX_ERROR;
    }

    *op = "lock work/";

    (void) snprintf(store->owner, sizeof(store->owner), "worker.%d.%ld",
                    (int) ngx_getpid(), (long) time(NULL));

    store->lock = ngx_recording_store_create_thread(store, store->owner);

    if (store->lock == -1 || flock(store->lock, LOCK_EX|LOCK_NB) == -1) {
        return NGX_ERROR;
    }

    return NGX_OK;
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

    if (mkdir(path, 0750) == -1 && errno != EEXIST) {
        return -1;
    }

    fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    return fd;
}


void
ngx_recording_store_close(ngx_recording_store_t *store)
{
    if (store->lock != -1) {
        (void) unlinkat(store->work, store->owner, 0);
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


ngx_uint_t
ngx_recording_store_alive_thread(ngx_recording_store_t *store,
    const char *owner)
{
    int         fd;
    ngx_uint_t  alive;

    if (strcmp(owner, store->owner) == 0) {
        return 1;
    }

    fd = openat(store->work, owner, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1) {
        return 0;
    }

    alive = (flock(fd, LOCK_SH|LOCK_NB) == -1 && errno == EWOULDBLOCK);

    (void) close(fd);

    return alive;
}


int
ngx_recording_store_create_thread(ngx_recording_store_t *store,
    const char *name)
{
    return openat(store->work, name, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0640);
}


ngx_int_t
ngx_recording_store_mkdir_thread(ngx_recording_store_t *store,
    const char *path)
{
    char  full[PATH_MAX];

    if (ngx_strlen(path) >= sizeof(full)) {
        errno = ENAMETOOLONG;
        return NGX_ERROR;
    }

    strcpy(full, path);

    if (ngx_recording_store_parents(store, full) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mkdirat(store->files, path, 0755) == -1) {
        return errno == EEXIST ? NGX_DECLINED : NGX_ERROR;
    }

    if (ngx_recording_store_parent(full, path) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_store_sync_dir(store->files, full);
}


/* makes the directories above a path; the path is changed and restored */

static ngx_int_t
ngx_recording_store_parents(ngx_recording_store_t *store, char *path)
{
    int    rc;
    char  *p;

    for (p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {

        *p = '\0';

        rc = mkdirat(store->files, path, 0755);

        if (rc == -1 && errno != EEXIST) {
            *p = '/';
            return NGX_ERROR;
        }

        if (rc == 0) {
            char  parent[PATH_MAX];

            /* the entry above it is to survive a power cut, too */

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

    fd = openat(at, path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = fsync(fd) == -1 ? NGX_ERROR : NGX_OK;

    (void) close(fd);

    return rc;
}


ngx_int_t
ngx_recording_store_place_thread(ngx_recording_store_t *store,
    const char *name, const char *path)
{
    int   rc;
    char  full[PATH_MAX];

    if (ngx_strlen(path) >= sizeof(full)) {
        errno = ENAMETOOLONG;
        return NGX_ERROR;
    }

    strcpy(full, path);

    if (ngx_recording_store_parents(store, full) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = renameat2(store->work, name, store->files, path, RENAME_NOREPLACE);

    if (rc == -1 && errno == EINVAL) {

        /* a file system without that flag; linkat() does not replace */

        rc = linkat(store->work, name, store->files, path, 0);

        if (rc == 0) {
            (void) unlinkat(store->work, name, 0);
        }
    }

    if (rc == -1) {
        return errno == EEXIST ? NGX_DECLINED : NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_store_sync_thread(ngx_recording_store_t *store, const char *path)
{
    char  full[PATH_MAX];

    if (ngx_recording_store_parent(full, path) != NGX_OK
        || ngx_recording_store_sync_dir(store->files, full) != NGX_OK
        || ngx_recording_store_sync_dir(store->work, ".") != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_recording_store_remove_thread(ngx_recording_store_t *store,
    const char *name)
{
    (void) unlinkat(store->work, name, 0);
}


ngx_int_t
ngx_recording_store_write_thread(int fd, void *buf, size_t size, off_t offset)
{
    u_char   *p;
    ssize_t   n;

    for (p = buf; size; p += n, size -= n, offset += n) {

        n = pwrite(fd, p, size, offset);

        if (n == -1) {
            if (errno != EINTR) {
                return NGX_ERROR;
            }

            n = 0;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_store_writev_thread(int fd, ngx_recording_iov_t *iov,
    off_t offset)
{
    ssize_t        n;
    ngx_uint_t     left;
    struct iovec  *v;

    v = iov->iov;
    left = iov->n;

    while (left) {

        n = pwritev(fd, v, left, offset);

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return NGX_ERROR;
        }

        offset += n;

        while (left && (size_t) n >= v->iov_len) {
            n -= v->iov_len;
            v++;
            left--;
        }

        if (left) {
            v->iov_base = (u_char *) v->iov_base + n;
            v->iov_len -= n;
        }
    }

    iov->n = 0;
    iov->size = 0;

    return NGX_OK;
}


ngx_int_t
ngx_recording_store_read_thread(int fd, void *buf, size_t size, off_t offset)
{
    u_char   *p;
    ssize_t   n;

    for (p = buf; size; p += n, size -= n, offset += n) {

        n = pread(fd, p, size, offset);

        if (n == 0) {
            errno = EIO;
            return NGX_ERROR;
        }

        if (n == -1) {
            if (errno != EINTR) {
                return NGX_ERROR;
            }

            n = 0;
        }
    }

    return NGX_OK;
}
