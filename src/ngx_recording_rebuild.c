
#include "ngx_recording_rebuild.h"
#include "ngx_recording_tree.h"
#include <sys/file.h>


typedef struct {
    ngx_recording_catalogue_t        *catalogue;
    ngx_recording_catalogue_error_t  *err;
    ngx_uint_t                        added;
    char                              label[NGX_RECORDING_LABEL];
} ngx_recording_rebuild_t;


static ngx_int_t ngx_recording_rebuild_all(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_rebuild_file(void *data, int fd,
    const char *path);
static const char *ngx_recording_rebuild_format(const char *path);
static void ngx_recording_rebuild_names(ngx_recording_stream_t *stream,
    u_char *path);


/* one worker does it, the others see that it was done */

ngx_int_t
ngx_recording_rebuild_thread(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_recording_catalogue_error_t *err)
{
    int        lock;
    ngx_int_t  rc;

    lock = ngx_recording_open(store->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    if (lock == -1) {
        (void) snprintf(err->text, sizeof(err->text), "lock the store: %s",
                        strerror(errno));
        return NGX_ERROR;
    }

    rc = flock(lock, LOCK_EX|LOCK_NB) == -1 ? NGX_AGAIN
         : ngx_recording_rebuild_all(store, catalogue, notices, err);

    (void) close(lock);

    return rc;
}


static ngx_int_t
ngx_recording_rebuild_all(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                 rc;
    ngx_uint_t                complete, damaged;
    ngx_recording_rebuild_t  *rebuild;

    if (ngx_recording_catalogue_complete_thread(catalogue, &complete,
                                                &damaged, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (complete) {
        catalogue->aside = 0;
        return NGX_OK;
    }

    rebuild = calloc(1, sizeof(ngx_recording_rebuild_t));

    if (rebuild == NULL) {
        (void) snprintf(err->text, sizeof(err->text), "no memory");
        return NGX_ERROR;
    }

    rebuild->catalogue = catalogue;
    rebuild->err = err;

    (void) snprintf(err->text, sizeof(err->text), "files/ cannot be read");

    rc = ngx_recording_tree_walk_thread(store, ngx_recording_rebuild_file,
                                         rebuild);
    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_completed_thread(catalogue, err);
    }

    if (rc == NGX_OK && (damaged || rebuild->added)) {
        ngx_recording_notice(notices, NGX_LOG_ERR, 0,
                             "the catalogue was %s, it was rebuilt: %lu "
                             "finished files",
                             damaged ? "damaged and set aside" : "missing",
                             (unsigned long) rebuild->added);
    }

    if (rc == NGX_OK) {
        catalogue->aside = 0;
    }

    free(rebuild);

    return rc;
}


static ngx_int_t
ngx_recording_rebuild_file(void *data, int fd, const char *path)
{
    ngx_recording_rebuild_t *rebuild = data;

    ngx_int_t                rc;
    ngx_uint_t               added;
    struct stat              st;
    ngx_recording_file_t     file;
    ngx_recording_stream_t   stream;

    ngx_memzero(&file, sizeof(ngx_recording_file_t));

    file.format = ngx_recording_rebuild_format(path);
    file.path_len = strlen(path);

    if (file.format == NULL || file.path_len >= sizeof(file.path)
        || fstat(fd, &st) == -1)
    {
        return NGX_OK;
    }

    ngx_memcpy(file.path, path, file.path_len + 1);

    file.id = ngx_recording_catalogue_id_thread(rebuild->catalogue);
    file.stream = &stream;
    file.size = st.st_size;
    file.end = (int64_t) st.st_mtim.tv_sec * 1000000
               + st.st_mtim.tv_nsec / 1000;

    ngx_recording_rebuild_names(&stream, file.path);

    rc = ngx_recording_tree_read_thread(fd, rebuild->label);

    rc = ngx_recording_catalogue_found_thread(rebuild->catalogue,
                                     rc == NGX_OK ? rebuild->label : NULL,
                                     &file, &added, rebuild->err);
    rebuild->added += added;

    return rc;
}


static const char *
ngx_recording_rebuild_format(const char *path)
{
    size_t       len, n;
    ngx_uint_t   i;

    static const char  *formats[][2] = {
        { ".flv", "flv" }, { ".mp4", "mp4" }, { ".aac", "aac" },
        { "/index.m3u8", "hls" }
    };

    len = strlen(path);

    for (i = 0; i < 4; i++) {
        n = strlen(formats[i][0]);

        if (len > n && strcmp(path + len - n, formats[i][0]) == 0) {
            return formats[i][1];
        }
    }

    return NULL;
}


/* without a label: as the default path has them */

static void
ngx_recording_rebuild_names(ngx_recording_stream_t *stream, u_char *path)
{
    u_char  *first, *second;

    ngx_memzero(stream, sizeof(ngx_recording_stream_t));

    first = (u_char *) strchr((char *) path, '/');
    second = first ? (u_char *) strchr((char *) first + 1, '/') : NULL;

    if (second == NULL) {
        return;
    }

    stream->app.data = path;
    stream->app.len = first - path;
    stream->name.data = first + 1;
    stream->name.len = second - first - 1;
}
