
/*
 * The store at nginx's start: its directory, and whether there will be
 * descriptors enough.
 */


#include "ngx_recording_conf.h"
#include "ngx_recording_descriptors.h"
#include <dirent.h>
#include <sys/resource.h>


static ngx_int_t ngx_recording_conf_make_store(char *path, int *fd,
    char **op);
static ngx_int_t ngx_recording_conf_is_new(int fd);


void
ngx_recording_conf_descriptors(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf)
{
    ngx_uint_t        need, limit;
    struct rlimit     rlmt;
    ngx_core_conf_t  *ccf;

    if (!rmcf->used) {
        return;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (ccf->rlimit_nofile != NGX_CONF_UNSET) {
        limit = ccf->rlimit_nofile;

    } else if (getrlimit(RLIMIT_NOFILE, &rlmt) == 0
               && rlmt.rlim_cur < NGX_MAX_INT32_VALUE)
    {
        limit = rlmt.rlim_cur;

    } else {
        return;
    }

    need = cycle->connection_n * (1 + rmcf->files)
           + NGX_RECORDING_DESCRIPTORS_ROOM + NGX_RECORDING_DESCRIPTORS_OWN;

    if (need <= limit) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "%ui worker_connections could need %ui descriptors, if all "
                  "of them are streams with %ui files each, but "
                  "worker_rlimit_nofile or the limit of the system is %ui: "
                  "files that begin beyond are refused",
                  cycle->connection_n, need, rmcf->files, limit);
}


/*
 * Somebody who may write the directory above could put a link, or a directory
 * of root's, in the place of the new one: what is given to the worker user is
 * what was opened, and only if it is a new one.
 */

ngx_int_t
ngx_recording_conf_create_store(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf)
{
    int               fd;
    char             *op;
    ngx_int_t         rc;
    ngx_core_conf_t  *ccf;

    rc = ngx_recording_conf_make_store((char *) rmcf->store.data, &fd, &op);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "record_store \"%V\" did not exist and was created",
                      &rmcf->store);

        ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_core_module);
        op = "chown";

        if (geteuid() == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT) {
            rc = ngx_recording_conf_is_new(fd) != NGX_OK
                 || fchown(fd, ccf->user, ccf->group) == -1
                 ? NGX_ERROR : NGX_OK;
        }
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "%s record_store \"%V\" failed", op, &rmcf->store);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return rc;
}


/*
 * Makes the directory and opens it.  NGX_DECLINED: something has that name,
 * a link, too, and is taken as it is.
 */

static ngx_int_t
ngx_recording_conf_make_store(char *path, int *fd, char **op)
{
    int         above;
    char        dir[PATH_MAX];
    ngx_err_t   err;
    ngx_int_t   rc;
    const char  *name;

    *fd = -1;
    *op = "create";

    name = strrchr(path, '/') + 1;

    if (name - path >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return NGX_ERROR;
    }

    ngx_memcpy(dir, path, name - path);
    dir[name - path] = '\0';

    above = ngx_recording_open(dir, O_PATH|O_DIRECTORY|O_CLOEXEC, 0);

    if (above == -1) {
        return NGX_ERROR;
    }

    if (*name == '\0') {
        rc = NGX_DECLINED;

    } else if (ngx_recording_mkdirat(above, name, 0750) == -1) {
        rc = errno == NGX_EEXIST ? NGX_DECLINED : NGX_ERROR;

    } else {
        *op = "open";
        *fd = ngx_recording_openat(above, name,
                          O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC, 0);

        rc = *fd == -1 ? NGX_ERROR : NGX_OK;
    }

    err = errno;
    (void) close(above);
    errno = err;

    return rc;
}


/* a directory of this user's with nothing in it */

static ngx_int_t
ngx_recording_conf_is_new(int fd)
{
    int             copy;
    DIR            *dir;
    ngx_int_t       rc;
    struct stat     st;
    struct dirent  *e;

    if (fstat(fd, &st) == -1) {
        return NGX_ERROR;
    }

    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy == -1) {
        return NGX_ERROR;
    }

    dir = fdopendir(copy);

    if (dir == NULL) {
        (void) close(copy);
        return NGX_ERROR;
    }

    rc = st.st_uid == geteuid() ? NGX_OK : NGX_ERROR;

    while (rc == NGX_OK && (e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            rc = NGX_ERROR;
        }
    }

    (void) closedir(dir);

    if (rc != NGX_OK) {
        errno = EPERM;
    }

    return rc;
}
