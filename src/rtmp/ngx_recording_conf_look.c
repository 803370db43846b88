
/*
 * What can be known of the store, of programs and of credentials, before
 * anything is recorded: said when the configuration is read, also by nginx -t.
 * It is a warning only: the streams are live all the same, and the workers try
 * again.
 */


#include "ngx_recording_conf.h"
#include <grp.h>
#include <mntent.h>
#include <sys/prctl.h>


#define NGX_RECORDING_LOOK_FSTAB   "/etc/fstab"
#define NGX_RECORDING_LOOK_MOUNTS  "/proc/self/mounts"
#define NGX_RECORDING_LOOK_GROUPS  1024
#define NGX_RECORDING_LOOK_USER    128


/* who the master was before it looked as the workers' user */

typedef struct {
    int                     dumpable;      /* lost with the user */
    int                     ngroups;
    gid_t                   groups[NGX_RECORDING_LOOK_GROUPS];
} ngx_recording_look_t;


/* 0, or errno and what it is about */

typedef ngx_err_t (*ngx_recording_look_pt)(ngx_str_t *path,
    char at[PATH_MAX]);


static void ngx_recording_look_access(ngx_cycle_t *cycle, ngx_str_t *store);
static ngx_err_t ngx_recording_look_as(ngx_cycle_t *cycle,
    ngx_recording_look_pt parts, ngx_str_t *path, char at[PATH_MAX],
    char user[NGX_RECORDING_LOOK_USER]);
static ngx_int_t ngx_recording_look_become(ngx_recording_look_t *look,
    ngx_core_conf_t *ccf);
static void ngx_recording_look_return(ngx_recording_look_t *look);
static ngx_err_t ngx_recording_look_parts(ngx_str_t *store,
    char at[PATH_MAX]);
static ngx_err_t ngx_recording_look_program(ngx_str_t *path,
    char at[PATH_MAX]);
static ngx_err_t ngx_recording_look_credentials(ngx_str_t *path,
    char at[PATH_MAX]);
static ngx_err_t ngx_recording_look_file(ngx_str_t *path, char at[PATH_MAX],
    int mode);
static ngx_err_t ngx_recording_look_part(const char *path, int mode);
static void ngx_recording_look_parent(ngx_str_t *store, char *parent);
static void ngx_recording_look_moves(ngx_cycle_t *cycle, ngx_str_t *store);
static int ngx_recording_look_dir(ngx_str_t *store, const char *part);
static void ngx_recording_look_mount(ngx_cycle_t *cycle, ngx_str_t *store);
static ngx_uint_t ngx_recording_look_mounted(const char *dir);
static size_t ngx_recording_look_below(const char *path, const char *dir);


void
ngx_recording_conf_look(ngx_cycle_t *cycle, ngx_str_t *store)
{
    ngx_recording_look_access(cycle, store);
    ngx_recording_look_moves(cycle, store);
    ngx_recording_look_mount(cycle, store);
}


void
ngx_recording_conf_look_programs(ngx_cycle_t *cycle, ngx_array_t *notifies)
{
    char                     at[PATH_MAX], user[NGX_RECORDING_LOOK_USER];
    ngx_err_t                err;
    ngx_str_t                path;
    ngx_uint_t               i, n;
    ngx_recording_notify_t  *notify;

    notify = notifies->elts;

    for (i = 0; i < notifies->nelts; i++) {

        /* that of rtmp{} is there once for each template */

        for (n = 0; notify[n].argv != notify[i].argv; n++) { /* void */ }

        if (notify[i].argv == NULL || n < i) {
            continue;
        }

        path.data = (u_char *) notify[i].argv[0];
        path.len = ngx_strlen(path.data);

        err = ngx_recording_look_as(cycle, ngx_recording_look_program, &path,
                                    at, user);
        if (err) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, err,
                          "the program \"%V\" of notify cannot be executed by "
                          "the worker processes%s: no access to \"%s\", in "
                          "%s:%ui", &path, user, at, notify[i].file,
                          notify[i].line);
        }
    }
}


void
ngx_recording_conf_look_credentials(ngx_cycle_t *cycle, ngx_array_t *buckets)
{
    char                      at[PATH_MAX], user[NGX_RECORDING_LOOK_USER];
    ngx_err_t                 err;
    ngx_uint_t                i;
    ngx_recording_bucket_t  **bucket;

    bucket = buckets->elts;

    for (i = 0; i < buckets->nelts; i++) {
        err = ngx_recording_look_as(cycle, ngx_recording_look_credentials,
                                    &bucket[i]->credentials, at, user);
        if (err) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, err,
                          "the credentials of record_bucket \"%V\" cannot be "
                          "read by the worker processes%s: no access to "
                          "\"%s\", in %s:%ui", &bucket[i]->name, user, at,
                          bucket[i]->file, bucket[i]->line);
        }
    }
}


static void
ngx_recording_look_access(ngx_cycle_t *cycle, ngx_str_t *store)
{
    char        at[PATH_MAX], user[NGX_RECORDING_LOOK_USER];
    ngx_err_t   err;

    err = ngx_recording_look_as(cycle, ngx_recording_look_parts, store, at,
                                user);
    if (err) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, err,
                      "record_store \"%V\" cannot be used by the worker "
                      "processes%s: no access to \"%s\", nothing will be "
                      "recorded", store, user, at);
    }
}


/* looks as the workers' user, and says who that is, ' of user "x"', or nothing
   if it is the master's; where it cannot be done nothing is found */

static ngx_err_t
ngx_recording_look_as(ngx_cycle_t *cycle, ngx_recording_look_pt parts,
    ngx_str_t *path, char at[PATH_MAX], char user[NGX_RECORDING_LOOK_USER])
{
    ngx_err_t              err;
    ngx_uint_t             root;
    ngx_core_conf_t       *ccf;
    ngx_recording_look_t  *look;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    root = geteuid() == 0 && ccf->user != 0
           && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT;

    user[0] = '\0';

    look = ngx_alloc(sizeof(ngx_recording_look_t), cycle->log);

    if (look == NULL) {
        return 0;
    }

    if (root && ngx_recording_look_become(look, ccf) != NGX_OK) {
        ngx_free(look);
        return 0;
    }

    err = parts(path, at);

    if (root) {
        ngx_recording_look_return(look);
        (void) snprintf(user, NGX_RECORDING_LOOK_USER, " of user \"%s\"",
                        ccf->username);
    }

    ngx_free(look);

    return err;
}


/* the kernel is asked as it will be by a worker: with its groups, too */

static ngx_int_t
ngx_recording_look_become(ngx_recording_look_t *look, ngx_core_conf_t *ccf)
{
    look->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    look->ngroups = getgroups(NGX_RECORDING_LOOK_GROUPS, look->groups);

    if (look->ngroups == -1
        || initgroups(ccf->username, ccf->group) == -1)
    {
        return NGX_ERROR;
    }

    if (setegid(ccf->group) == -1 || seteuid(ccf->user) == -1) {
        ngx_recording_look_return(look);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_recording_look_return(ngx_recording_look_t *look)
{
    if (seteuid(0) == -1 || setegid(getgid()) == -1
        || setgroups(look->ngroups, look->groups) == -1)
    {
        /* as root it cannot fail; with another user nothing would work */

        ngx_abort();
    }

    (void) prctl(PR_SET_DUMPABLE, look->dumpable == 1, 0, 0, 0);
}


/* the store, or, before it is created, what it is created in */

static ngx_err_t
ngx_recording_look_parts(ngx_str_t *store, char at[PATH_MAX])
{
    ngx_err_t    err;
    ngx_uint_t   i;
    struct stat  st;

    static const struct {
        const char  *name;
        int          mode;
    } parts[] = {
        { "", W_OK|X_OK },
        { "/files", W_OK|X_OK },
        { "/work", W_OK|X_OK },
        { "/catalogue.db", R_OK|W_OK },
    };

    (void) snprintf(at, PATH_MAX, "%s", (char *) store->data);

    if (ngx_recording_look_part(at, F_OK) == NGX_ENOENT) {

        /* a link that leads to nothing stays one */

        if (lstat(at, &st) == 0) {
            return NGX_ENOENT;
        }

        ngx_recording_look_parent(store, at);
        return ngx_recording_look_part(at, X_OK);
    }

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        (void) snprintf(at, PATH_MAX, "%s%s", (char *) store->data,
                        parts[i].name);

        err = ngx_recording_look_part(at, parts[i].mode);

        if (err && err != NGX_ENOENT) {
            return err;
        }
    }

    return 0;
}


static ngx_err_t
ngx_recording_look_program(ngx_str_t *path, char at[PATH_MAX])
{
    return ngx_recording_look_file(path, at, X_OK);
}


static ngx_err_t
ngx_recording_look_credentials(ngx_str_t *path, char at[PATH_MAX])
{
    return ngx_recording_look_file(path, at, R_OK);
}


/* each directory above it, and a file */

static ngx_err_t
ngx_recording_look_file(ngx_str_t *path, char at[PATH_MAX], int mode)
{
    char         *slash;
    ngx_err_t     err;
    struct stat   st;

    if (path->len >= PATH_MAX) {
        ngx_cpystrn((u_char *) at, path->data, PATH_MAX);
        return NGX_ENAMETOOLONG;
    }

    (void) snprintf(at, PATH_MAX, "%s", (char *) path->data);

    for (slash = strchr(at + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        err = ngx_recording_look_part(at, X_OK);

        if (err) {
            return err;
        }

        *slash = '/';
    }

    if (stat(at, &st) == -1) {
        return ngx_errno;
    }

    if (!S_ISREG(st.st_mode)) {
        return NGX_EACCES;
    }

    return ngx_recording_look_part(at, mode);
}


static ngx_err_t
ngx_recording_look_part(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == -1 ? ngx_errno : 0;
}


static void
ngx_recording_look_parent(ngx_str_t *store, char *parent)
{
    char  *slash;

    (void) snprintf(parent, PATH_MAX, "%s", (char *) store->data);

    slash = strrchr(parent, '/');
    slash[slash == parent] = '\0';
}


/* one of its parts is a mount of its own: no file could be put in place */

static void
ngx_recording_look_moves(ngx_cycle_t *cycle, ngx_str_t *store)
{
    int  files, work;

    files = ngx_recording_look_dir(store, "files");
    work = ngx_recording_look_dir(store, "work");

    if (files != -1 && work != -1
        && ngx_recording_store_moves(work, files) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "record_store \"%V\" cannot be used: files/ and work/ "
                      "must be in one mount, nothing will be recorded",
                      store);
    }

    if (files != -1) {
        (void) close(files);
    }

    if (work != -1) {
        (void) close(work);
    }
}


/* what is not there yet will be made in the store; -1: nobody can tell */

static int
ngx_recording_look_dir(ngx_str_t *store, const char *part)
{
    int   fd;
    char  path[PATH_MAX];

    (void) snprintf(path, PATH_MAX, "%s/%s", (char *) store->data, part);
    fd = open(path, O_PATH|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1 && errno == ENOENT) {
        fd = open((char *) store->data, O_PATH|O_DIRECTORY|O_CLOEXEC);
    }

    return fd;
}


/* a disk that is not there: the store would fill the one it is mounted on */

static void
ngx_recording_look_mount(ngx_cycle_t *cycle, ngx_str_t *store)
{
    char            dir[PATH_MAX], path[PATH_MAX];
    FILE           *fstab;
    size_t          len, longest;
    struct mntent  *m;

    if (realpath((char *) store->data, path) == NULL) {
        ngx_recording_look_parent(store, dir);

        if (realpath(dir, path) == NULL) {
            return;
        }
    }

    fstab = setmntent(NGX_RECORDING_LOOK_FSTAB, "re");

    if (fstab == NULL) {
        return;
    }

    longest = 1;
    dir[0] = '\0';

    while ((m = getmntent(fstab)) != NULL) {
        len = ngx_recording_look_below((char *) store->data, m->mnt_dir);
        len = ngx_max(len, ngx_recording_look_below(path, m->mnt_dir));

        if (len > longest) {
            longest = len;
            (void) snprintf(dir, sizeof(dir), "%s", m->mnt_dir);
        }
    }

    (void) endmntent(fstab);

    if (dir[0] && !ngx_recording_look_mounted(dir)) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "record_store \"%V\" lies in \"%s\", which is to be "
                      "mounted by " NGX_RECORDING_LOOK_FSTAB ", but is not: "
                      "another file system will be filled", store, dir);
    }
}


static ngx_uint_t
ngx_recording_look_mounted(const char *dir)
{
    FILE           *mounts;
    size_t          len;
    ngx_uint_t      found;
    struct mntent  *m;

    mounts = setmntent(NGX_RECORDING_LOOK_MOUNTS, "re");

    if (mounts == NULL) {
        return 1;
    }

    len = ngx_recording_look_below(dir, dir);
    found = 0;

    while (!found && (m = getmntent(mounts)) != NULL) {
        found = ngx_recording_look_below(dir, m->mnt_dir) == len;
    }

    (void) endmntent(mounts);

    return found;
}


/* the length of a directory, without slashes at its end, if the path is in it
   or the directory itself, or 0 */

static size_t
ngx_recording_look_below(const char *path, const char *dir)
{
    size_t  len;

    len = strlen(dir);

    while (len && dir[len - 1] == '/') {
        len--;
    }

    return strncmp(path, dir, len) == 0
           && (path[len] == '/' || path[len] == '\0')
           ? len : 0;
}
