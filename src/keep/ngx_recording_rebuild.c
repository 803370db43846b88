
#include "ngx_recording_formats.h"
#include "ngx_recording_rebuild.h"
#include "ngx_recording_tree.h"
#include <sys/file.h>


#define NGX_RECORDING_REBUILD_ROWS  500          /* a transaction */


typedef struct {
    ngx_recording_catalogue_t        *catalogue;
    ngx_recording_catalogue_error_t  *err;
    ngx_uint_t                        added;
    char                              label[NGX_RECORDING_LABEL];
    ngx_uint_t                        n;
    ngx_recording_found_t             found[NGX_RECORDING_REBUILD_ROWS];
} ngx_recording_rebuild_t;


static ngx_int_t ngx_recording_rebuild_all(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_int_t (*work)(void *data), void *data,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_rebuild_copied(
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_rebuild_file(void *data, int fd,
    const char *path);
static ngx_int_t ngx_recording_rebuild_rows(
    ngx_recording_rebuild_t *rebuild);
static void ngx_recording_rebuild_names(ngx_recording_stream_t *stream,
    u_char *path);


/* one worker does it, the others see that it was done */

ngx_int_t
ngx_recording_rebuild_thread(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_int_t (*work)(void *data), void *data,
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
         : ngx_recording_rebuild_all(store, catalogue, notices, work, data,
                                     err);

    (void) close(lock);

    return rc;
}


static ngx_int_t
ngx_recording_rebuild_all(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_int_t (*work)(void *data), void *data,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                 rc, copied;
    ngx_uint_t                rebuilt, damaged;
    ngx_recording_rebuild_t  *rebuild;

    if (ngx_recording_catalogue_is_rebuilt_thread(catalogue, &rebuilt,
                                                  &damaged, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rebuilt) {
        return NGX_OK;
    }

    /* by now this one may be another than work/ was looked through for */

    rc = work(data);

    if (rc != NGX_OK) {
        return rc;
    }

    rebuild = calloc(1, sizeof(ngx_recording_rebuild_t));

    if (rebuild == NULL) {
        (void) snprintf(err->text, sizeof(err->text), "no memory");
        return NGX_ERROR;
    }

    rebuild->catalogue = catalogue;
    rebuild->err = err;

    copied = ngx_recording_rebuild_copied(catalogue, notices, err);

    err->text[0] = '\0';

    rc = ngx_recording_tree_walk_thread(store,
                                        ngx_recording_formats_whole_thread,
                                        ngx_recording_rebuild_file, rebuild);

    if (rc != NGX_OK && err->text[0] == '\0') {
        (void) snprintf(err->text, sizeof(err->text), "read files/: %s",
                        strerror(errno));
    }

    if (ngx_recording_rebuild_rows(rebuild) != NGX_OK) {
        rc = NGX_ERROR;
    }

    /* NGX_AGAIN: rows of one that was set aside meanwhile are written again */

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_mark_rebuilt_thread(catalogue, err);
    }

    if (rc == NGX_OK && (damaged || rebuild->added)) {
        ngx_recording_notice(notices, NGX_LOG_ERR, 0,
                             "the catalogue was %s, it was rebuilt: %lu "
                             "finished files%s",
                             damaged ? "damaged and set aside" : "missing",
                             (unsigned long) rebuild->added,
                             copied == NGX_DECLINED
                             ? "; there is no catalogue.copy: what calls have "
                               "ordered is lost" : "");
    }

    free(rebuild);

    return rc;
}


/* one that cannot be read is no reason to have nothing else.  NGX_DECLINED:
   there is none */

static ngx_int_t
ngx_recording_rebuild_copied(ngx_recording_catalogue_t *catalogue,
    ngx_recording_notices_t *notices, ngx_recording_catalogue_error_t *err)
{
    char        text[sizeof("2026-11-27 16:02:53")];
    time_t      made;
    ngx_int_t   rc;
    ngx_uint_t  rows;
    struct tm   tm;

    rc = ngx_recording_catalogue_copied_thread(catalogue, &rows, &made, err);

    if (rc == NGX_ERROR) {
        ngx_recording_notice(notices, NGX_LOG_ERR, 0,
                             "what catalogue.copy has is not restored: %s",
                             err->text);

    } else if (rc == NGX_OK && rows) {
        text[0] = '\0';
        (void) strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S",
                        gmtime_r(&made, &tm));

        ngx_recording_notice(notices, NGX_LOG_WARN, 0,
                             "%lu rows came back from catalogue.copy, which is "
                             "of %s UTC: what calls have ordered since then is "
                             "lost, and has to be ordered again",
                             (unsigned long) rows, text);
    }

    return rc;
}


static ngx_int_t
ngx_recording_rebuild_file(void *data, int fd, const char *path)
{
    ngx_recording_rebuild_t *rebuild = data;

    struct stat                    st;
    ngx_recording_file_t          *file;
    ngx_recording_found_t         *found;
    const ngx_recording_format_t  *format;

    found = &rebuild->found[rebuild->n];
    file = &found->file;

    ngx_memzero(found, sizeof(ngx_recording_found_t));

    format = ngx_recording_formats_at(path);
    file->path_len = strlen(path);

    if (format == NULL || file->path_len >= sizeof(file->path)) {
        return NGX_OK;
    }

    if (fstat(fd, &st) == -1) {
        return NGX_ERROR;
    }

    ngx_memcpy(file->path, path, file->path_len + 1);

    file->id = ngx_recording_catalogue_id_thread(rebuild->catalogue);
    file->stream = &found->stream;
    file->format = format->name;
    file->size = st.st_size;
    file->end = (int64_t) st.st_mtim.tv_sec * 1000000
                + st.st_mtim.tv_nsec / 1000;

    ngx_recording_rebuild_names(&found->stream, file->path);

    if (ngx_recording_tree_read_thread(fd, rebuild->label) == NGX_OK) {
        found->label = strdup(rebuild->label);

        if (found->label == NULL) {
            return NGX_ERROR;
        }
    }

    return ++rebuild->n < NGX_RECORDING_REBUILD_ROWS
           ? NGX_OK : ngx_recording_rebuild_rows(rebuild);
}


static ngx_int_t
ngx_recording_rebuild_rows(ngx_recording_rebuild_t *rebuild)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    rc = rebuild->n == 0
         ? NGX_OK
         : ngx_recording_catalogue_restore_thread(rebuild->catalogue,
                                                  rebuild->found, rebuild->n,
                                                  &rebuild->added,
                                                  rebuild->err);

    for (i = 0; i < rebuild->n; i++) {
        free(rebuild->found[i].label);
    }

    rebuild->n = 0;

    return rc;
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
