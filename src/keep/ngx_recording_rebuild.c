
#include "ngx_recording_formats.h"
#include "ngx_recording_rebuild.h"
#include "ngx_recording_text.h"
#include "ngx_recording_tree.h"


#define NGX_RECORDING_REBUILD_ROWS  500          /* a transaction */


struct ngx_recording_rebuild_s {
    ngx_recording_store_t      *store;
    ngx_recording_catalogue_t  *catalogue;
    ngx_recording_notices_t    *notices;
    int                         lock;      /* of the store */
    ngx_recording_tree_t       *tree;      /* NULL: not begun */
    ngx_uint_t                  damaged;
    ngx_int_t                   copied;
    ngx_uint_t                  added;
    char                        failed[256];   /* why, of a file that is
                                                  passed by */
    char                        label[NGX_RECORDING_LABEL];
    ngx_uint_t                  n;
    ngx_recording_found_t       found[NGX_RECORDING_REBUILD_ROWS];
};


static ngx_int_t ngx_recording_rebuild_needed(
    ngx_recording_rebuild_t *rebuild, ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_rebuild_next(ngx_recording_rebuild_t *rebuild);
static ngx_int_t ngx_recording_rebuild_whole(
    ngx_recording_rebuild_t *rebuild, ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_rebuild_copied(
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_rebuild_file(ngx_recording_rebuild_t *rebuild,
    int fd, const char *path);
static ngx_int_t ngx_recording_rebuild_rows(ngx_recording_rebuild_t *rebuild,
    ngx_recording_catalogue_error_t *err);
static void ngx_recording_rebuild_names(ngx_recording_stream_t *stream,
    u_char *path);


/* one worker does it, the others see that it was done */

ngx_int_t
ngx_recording_rebuild_begin_thread(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, ngx_recording_notices_t *notices,
    ngx_recording_rebuild_t **rebuild, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                 rc;
    ngx_recording_rebuild_t  *r;

    r = calloc(1, sizeof(ngx_recording_rebuild_t));

    if (r == NULL) {
        (void) snprintf(err->text, sizeof(err->text), "no memory");
        return NGX_ERROR;
    }

    r->store = store;
    r->catalogue = catalogue;
    r->notices = notices;

    rc = ngx_recording_store_hold_thread(store, &r->lock);

    if (rc == NGX_ERROR) {
        (void) snprintf(err->text, sizeof(err->text), "lock the store: %s",
                        strerror(errno));

    } else if (rc == NGX_OK) {
        rc = ngx_recording_rebuild_needed(r, err);
    }

    if (rc != NGX_OK) {
        ngx_recording_rebuild_end_thread(r);
        return rc;
    }

    *rebuild = r;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_rebuild_needed(ngx_recording_rebuild_t *rebuild,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t  rebuilt;

    if (ngx_recording_catalogue_is_rebuilt_thread(rebuild->catalogue, &rebuilt,
                                                  &rebuild->damaged, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return rebuilt ? NGX_DONE : NGX_OK;
}


ngx_int_t
ngx_recording_rebuild_thread(ngx_recording_rebuild_t *rebuild,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (rebuild->tree == NULL) {
        rebuild->copied = ngx_recording_rebuild_copied(rebuild->catalogue,
                                                       rebuild->notices, err);

        if (rebuild->copied == NGX_ERROR) {
            return NGX_ERROR;
        }

        rebuild->tree = ngx_recording_tree_open_thread(rebuild->store,
                                         ngx_recording_formats_whole_thread);

        rc = rebuild->tree ? NGX_OK : NGX_ERROR;

    } else {
        rc = ngx_recording_rebuild_next(rebuild);
    }

    if (rc == NGX_ERROR) {
        (void) snprintf(err->text, sizeof(err->text), "read files/: %s",
                        strerror(errno));
    }

    if (rc == NGX_OK && rebuild->n < NGX_RECORDING_REBUILD_ROWS) {
        return NGX_OK;
    }

    if (ngx_recording_rebuild_rows(rebuild, err) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc == NGX_DONE && rebuild->failed[0]) {
        ngx_memcpy(err->text, rebuild->failed, sizeof(err->text));
        return NGX_ERROR;
    }

    return rc == NGX_DONE ? ngx_recording_rebuild_whole(rebuild, err) : rc;
}


static ngx_int_t
ngx_recording_rebuild_next(ngx_recording_rebuild_t *rebuild)
{
    int          fd;
    char         text[NGX_RECORDING_TEXT + 4];
    ngx_int_t    rc;
    const char  *path;

    rc = ngx_recording_tree_next_thread(rebuild->tree, &fd, &path);

    if (rc == NGX_OK) {
        rc = ngx_recording_rebuild_file(rebuild, fd, path);
        ngx_recording_close(fd);
    }

    /* what stands behind one that cannot be read is not kept by it */

    if (rc == NGX_ERROR && errno != NGX_EMFILE && errno != NGX_ENFILE
        && errno != NGX_ENOMEM)
    {
        (void) snprintf(rebuild->failed, sizeof(rebuild->failed),
                        "read files/: %.60s, \"%.150s\"", strerror(errno),
                        ngx_recording_text(text, (u_char *) path,
                                           ngx_strlen(path)));
        rc = NGX_OK;
    }

    return rc;
}


/* NGX_AGAIN: rows of one that was set aside meanwhile are written again */

static ngx_int_t
ngx_recording_rebuild_whole(ngx_recording_rebuild_t *rebuild,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    rc = ngx_recording_catalogue_mark_rebuilt_thread(rebuild->catalogue, err);

    if (rc != NGX_OK) {
        return rc;
    }

    if (rebuild->damaged || rebuild->added) {
        ngx_recording_notice(rebuild->notices, NGX_LOG_ERR, 0,
                             "the catalogue was %s, it was rebuilt: %lu "
                             "finished files%s",
                             rebuild->damaged ? "damaged and set aside"
                                              : "missing",
                             (unsigned long) rebuild->added,
                             rebuild->copied == NGX_DECLINED
                             ? "; there is no catalogue.copy: what calls have "
                               "ordered is lost" : "");
    }

    return NGX_DONE;
}


void
ngx_recording_rebuild_end_thread(ngx_recording_rebuild_t *rebuild)
{
    ngx_uint_t  i;

    for (i = 0; i < rebuild->n; i++) {
        free(rebuild->found[i].label);
    }

    if (rebuild->tree) {
        ngx_recording_tree_close_thread(rebuild->tree);
    }

    if (rebuild->lock != -1) {
        ngx_recording_close(rebuild->lock);
    }

    free(rebuild);
}


/*
 * One that is damaged is no reason to have nothing else.  What could not be
 * read for another reason is waited for: once the catalogue is whole it is
 * copied over it.  NGX_DECLINED: there is none.
 */

static ngx_int_t
ngx_recording_rebuild_copied(ngx_recording_catalogue_t *catalogue,
    ngx_recording_notices_t *notices, ngx_recording_catalogue_error_t *err)
{
    char                             text[sizeof("2026-11-27 16:02:53")];
    time_t                           made;
    ngx_int_t                        rc;
    ngx_uint_t                       rows;
    struct tm                        tm;
    ngx_recording_catalogue_error_t  why;

    rc = ngx_recording_catalogue_copied_thread(catalogue, &rows, &made, &why);

    if (rc == NGX_ERROR) {
        (void) snprintf(err->text, sizeof(err->text),
                        "restore catalogue.copy: %.200s", why.text);

    } else if (rc == NGX_ABORT) {
        ngx_recording_notice(notices, NGX_LOG_ERR, 0,
                             "what catalogue.copy has is not restored: %s",
                             why.text);

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
ngx_recording_rebuild_file(ngx_recording_rebuild_t *rebuild, int fd,
    const char *path)
{
    ngx_int_t                      rc;
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

    rc = ngx_recording_tree_read_thread(fd, rebuild->label);

    if (rc == NGX_ERROR) {

        /* what it tells would not be asked for again */

        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        found->label = strdup(rebuild->label);

        if (found->label == NULL) {
            return NGX_ERROR;
        }
    }

    rebuild->n++;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_rebuild_rows(ngx_recording_rebuild_t *rebuild,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    rc = rebuild->n == 0
         ? NGX_OK
         : ngx_recording_catalogue_restore_thread(rebuild->catalogue,
                                                  rebuild->found, rebuild->n,
                                                  &rebuild->added, err);

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
