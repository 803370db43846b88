
#include "ngx_recording_tree.h"
#include "ngx_recording_call.h"
#include <dirent.h>
#include <sys/xattr.h>


#define NGX_RECORDING_TREE_LABEL  "user.recording"
#define NGX_RECORDING_TREE_DEPTH  64


typedef struct {
    const char           *(*whole)(int dir);
    ngx_recording_tree_file_pt  file;
    void                   *data;
    char                    path[PATH_MAX];
} ngx_recording_tree_t;


static ngx_int_t ngx_recording_tree_dir(ngx_recording_tree_t *tree, int at,
    size_t len, ngx_uint_t depth);
static ngx_int_t ngx_recording_tree_entry(ngx_recording_tree_t *tree, int at,
    const char *name, size_t len, ngx_uint_t depth);


ngx_int_t
ngx_recording_tree_label_thread(ngx_recording_store_t *store,
    ngx_uint_t work, const char *name, const char *text)
{
    int        fd;
    ngx_int_t  rc;

    fd = ngx_recording_openat(work ? store->work : store->files, name,
                              O_RDWR|O_CLOEXEC|O_NOFOLLOW, 0);

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = fsetxattr(fd, NGX_RECORDING_TREE_LABEL, text, strlen(text), 0) == -1
         ? NGX_ERROR : NGX_OK;

    (void) close(fd);

    return rc;
}


ngx_int_t
ngx_recording_tree_read_thread(int fd, char *text)
{
    ssize_t  n;

    n = fgetxattr(fd, NGX_RECORDING_TREE_LABEL, text,
                  NGX_RECORDING_LABEL - 1);

    if (n == -1) {
        return NGX_ERROR;
    }

    text[n] = '\0';

    return NGX_OK;
}


ngx_int_t
ngx_recording_tree_walk_thread(ngx_recording_store_t *store,
    const char *(*whole)(int dir), ngx_recording_tree_file_pt file,
    void *data)
{
    int                    fd;
    ngx_int_t              rc;
    ngx_recording_tree_t  *tree;

    tree = calloc(1, sizeof(ngx_recording_tree_t));

    if (tree == NULL) {
        return NGX_ERROR;
    }

    tree->whole = whole;
    tree->file = file;
    tree->data = data;

    fd = ngx_recording_openat(store->files, ".",
                              O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    rc = fd == -1 ? NGX_ERROR : ngx_recording_tree_dir(tree, fd, 0, 0);

    free(tree);

    return rc;
}


/* takes the descriptor */

static ngx_int_t
ngx_recording_tree_dir(ngx_recording_tree_t *tree, int at, size_t len,
    ngx_uint_t depth)
{
    DIR            *dir;
    ngx_err_t       err;
    ngx_int_t       rc;
    const char     *whole;
    struct dirent  *e;

    dir = fdopendir(at);

    if (dir == NULL) {
        (void) close(at);
        return NGX_ERROR;
    }

    whole = tree->whole(at);

    if (whole) {
        rc = ngx_recording_tree_entry(tree, at, whole, len, depth);
        (void) closedir(dir);

        return rc;
    }

    rc = NGX_OK;
    errno = 0;

    while (rc == NGX_OK && (e = readdir(dir)) != NULL) {

        if (ngx_terminate) {
            rc = NGX_AGAIN;
            break;
        }

        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            rc = ngx_recording_tree_entry(tree, at, e->d_name, len, depth);
        }

        errno = rc == NGX_OK ? 0 : errno;
    }

    if (rc == NGX_OK && errno) {
        rc = NGX_ERROR;
    }

    err = errno;
    (void) closedir(dir);
    errno = err;

    return rc;
}


static ngx_int_t
ngx_recording_tree_entry(ngx_recording_tree_t *tree, int at, const char *name,
    size_t len, ngx_uint_t depth)
{
    int          fd, n;
    ngx_int_t    rc;
    struct stat  st;

    n = snprintf(tree->path + len, sizeof(tree->path) - len, "%s%s",
                 len ? "/" : "", name);

    if (n < 0 || (size_t) n >= sizeof(tree->path) - len) {
        return NGX_OK;
    }

    fd = ngx_recording_openat(at, name,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK, 0);

    if (fd == -1) {

        /* removed by now, a link, or a socket */

        return errno == ENOENT || errno == ELOOP || errno == ENXIO
               ? NGX_OK : NGX_ERROR;
    }

    if (fstat(fd, &st) == -1) {
        (void) close(fd);
        return NGX_ERROR;
    }

    if (S_ISDIR(st.st_mode) && depth < NGX_RECORDING_TREE_DEPTH) {
        return ngx_recording_tree_dir(tree, fd, len + n, depth + 1);
    }

    rc = S_ISREG(st.st_mode) ? tree->file(tree->data, fd, tree->path)
                             : NGX_OK;
    (void) close(fd);

    return rc;
}
