
#include "ngx_recording_tree.h"
#include "ngx_recording_call.h"
#include <dirent.h>
#include <sys/xattr.h>


#define NGX_RECORDING_TREE_LABEL  "user.recording"
#define NGX_RECORDING_TREE_DEPTH  64


typedef struct {
    DIR                    *dir;
    size_t                  len;           /* of its path */
} ngx_recording_tree_level_t;


struct ngx_recording_tree_s {
    const char           *(*whole)(int dir);
    int                     root;          /* -1: it was looked at */
    ngx_uint_t              depth;
    ngx_recording_tree_level_t  level[NGX_RECORDING_TREE_DEPTH + 1];
    char                    path[PATH_MAX];
};


static ngx_int_t ngx_recording_tree_dir(ngx_recording_tree_t *tree, int at,
    size_t len, int *fd);
static ngx_int_t ngx_recording_tree_entry(ngx_recording_tree_t *tree, int at,
    const char *name, size_t len, int *fd);


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

    ngx_recording_close(fd);

    return rc;
}


ngx_int_t
ngx_recording_tree_read_thread(int fd, char *text)
{
    ssize_t  n;

    n = fgetxattr(fd, NGX_RECORDING_TREE_LABEL, text,
                  NGX_RECORDING_LABEL - 1);

    if (n == -1) {
        return errno == ENODATA || errno == EOPNOTSUPP || errno == ERANGE
               ? NGX_DECLINED : NGX_ERROR;
    }

    text[n] = '\0';

    return NGX_OK;
}


ngx_recording_tree_t *
ngx_recording_tree_open_thread(ngx_recording_store_t *store,
    const char *(*whole)(int dir))
{
    ngx_recording_tree_t  *tree;

    tree = calloc(1, sizeof(ngx_recording_tree_t));

    if (tree == NULL) {
        return NULL;
    }

    tree->whole = whole;
    tree->root = ngx_recording_openat(store->files, ".",
                                      O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    if (tree->root == -1) {
        free(tree);
        return NULL;
    }

    return tree;
}


void
ngx_recording_tree_close_thread(ngx_recording_tree_t *tree)
{
    while (tree->depth) {
        ngx_recording_closedir(tree->level[--tree->depth].dir);
    }

    if (tree->root != -1) {
        ngx_recording_close(tree->root);
    }

    free(tree);
}


ngx_int_t
ngx_recording_tree_next_thread(ngx_recording_tree_t *tree, int *fd,
    const char **path)
{
    int                          root;
    ngx_err_t                    err;
    ngx_int_t                    rc;
    struct dirent               *e;
    ngx_recording_tree_level_t  *level;

    *path = tree->path;

    if (tree->root != -1) {
        root = tree->root;
        tree->root = -1;

        rc = ngx_recording_tree_dir(tree, root, 0, fd);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    while (tree->depth) {
        level = &tree->level[tree->depth - 1];

        errno = 0;
        e = readdir(level->dir);

        if (e == NULL) {
            err = errno;
            ngx_recording_closedir(level->dir);
            tree->depth--;

            if (err) {
                errno = err;
                return NGX_ERROR;
            }

            continue;
        }

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }

        rc = ngx_recording_tree_entry(tree, dirfd(level->dir), e->d_name,
                                      level->len, fd);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DONE;
}


/*
 * Takes the descriptor.  NGX_OK: there is a file that stands for all of it;
 * NGX_DECLINED: there is none, its entries come one by one.
 */

static ngx_int_t
ngx_recording_tree_dir(ngx_recording_tree_t *tree, int at, size_t len,
    int *fd)
{
    ngx_int_t                    rc;
    const char                  *whole;
    ngx_recording_tree_level_t  *level;

    whole = tree->whole(at);

    if (whole) {
        rc = ngx_recording_tree_entry(tree, at, whole, len, fd);
        ngx_recording_close(at);

        return rc;
    }

    level = &tree->level[tree->depth];

    level->len = len;
    level->dir = fdopendir(at);

    if (level->dir == NULL) {
        ngx_recording_close(at);
        return NGX_ERROR;
    }

    tree->depth++;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_recording_tree_entry(ngx_recording_tree_t *tree, int at, const char *name,
    size_t len, int *fd)
{
    int          n;
    struct stat  st;

    n = snprintf(tree->path + len, sizeof(tree->path) - len, "%s%s",
                 len ? "/" : "", name);

    if (n < 0 || (size_t) n >= sizeof(tree->path) - len) {
        return NGX_DECLINED;
    }

    *fd = ngx_recording_openat(at, name,
                               O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK, 0);

    if (*fd == -1) {

        /* removed by now, a link, or a socket */

        return errno == ENOENT || errno == ELOOP || errno == ENXIO
               ? NGX_DECLINED : NGX_ERROR;
    }

    if (fstat(*fd, &st) == -1) {
        ngx_recording_close(*fd);
        return NGX_ERROR;
    }

    if (S_ISREG(st.st_mode)) {
        return NGX_OK;
    }

    if (S_ISDIR(st.st_mode) && tree->depth <= NGX_RECORDING_TREE_DEPTH) {
        return ngx_recording_tree_dir(tree, *fd, len + n, fd);
    }

    ngx_recording_close(*fd);

    return NGX_DECLINED;
}
