
/*
 * The directory of an HLS playlist: it, the playlist and the segments are
 * opened for the moment, but for the segment that grows.
 */


#include "ngx_recording_hls.h"


static void ngx_recording_hls_path(ngx_recording_mux_t *mux, char *path);
static int ngx_recording_hls_dir(ngx_recording_mux_t *mux, char *path);


ngx_int_t
ngx_recording_hls_make_thread(ngx_recording_mux_t *mux)
{
    int        dir, playlist;
    char       path[NGX_RECORDING_FILE_PATH];
    ngx_int_t  rc;

    ngx_recording_hls_path(mux, path);

    rc = ngx_recording_store_mkdir_thread(mux->store, path);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return ngx_recording_mux_error(mux, "create the directory of");
    }

    dir = ngx_recording_hls_dir(mux, path);

    if (dir == -1) {
        return NGX_ERROR;
    }

    playlist = ngx_recording_openat(dir, NGX_RECORDING_HLS_LIST,
                           O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0644);

    if (playlist == -1) {
        (void) ngx_recording_mux_error(mux, "create the playlist");
    }

    ngx_recording_close(dir);

    if (playlist == -1) {
        return NGX_ERROR;
    }

    ngx_recording_close(playlist);

    return NGX_OK;
}


/* of the directory; a path that has none is shorter than the playlist's name */

static void
ngx_recording_hls_path(ngx_recording_mux_t *mux, char *path)
{
    size_t  len;

    len = mux->file.path_len - (sizeof(NGX_RECORDING_HLS_INDEX) - 1);
    ngx_memcpy(path, mux->file.path, len);
    path[len] = '\0';
}


static int
ngx_recording_hls_dir(ngx_recording_mux_t *mux, char *path)
{
    int  fd;

    fd = ngx_recording_openat(mux->store->files, path,
                              O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW, 0);

    if (fd == -1) {
        (void) ngx_recording_mux_error(mux, "open the directory of");
    }

    return fd;
}


ngx_int_t
ngx_recording_hls_enter_thread(ngx_recording_mux_t *mux)
{
    char                  path[NGX_RECORDING_FILE_PATH];
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (hls->entered) {
        hls->entered++;
        return NGX_OK;
    }

    ngx_recording_hls_path(mux, path);

    hls->dir = ngx_recording_hls_dir(mux, path);

    if (hls->dir == -1) {
        return NGX_ERROR;
    }

    hls->playlist = ngx_recording_openat(hls->dir, NGX_RECORDING_HLS_LIST,
                           O_RDWR|O_CLOEXEC|O_NOFOLLOW, 0);

    if (hls->playlist == -1) {
        (void) ngx_recording_mux_error(mux, "open the playlist");
        ngx_recording_close(hls->dir);
        hls->dir = -1;

        return NGX_ERROR;
    }

    hls->entered = 1;

    return NGX_OK;
}


void
ngx_recording_hls_leave_thread(ngx_recording_mux_t *mux)
{
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (--hls->entered) {
        return;
    }

    ngx_recording_close(hls->playlist);
    ngx_recording_close(hls->dir);

    hls->playlist = -1;
    hls->dir = -1;
}


ngx_int_t
ngx_recording_hls_segment_thread(ngx_recording_mux_t *mux, int flags)
{
    char                  name[32];
    ngx_recording_hls_t  *hls;

    if (ngx_recording_hls_enter_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    hls = mux->data;

    ngx_recording_segment_name(hls->kept.number, name);

    mux->fd = ngx_recording_openat(hls->dir, name,
                                   O_RDWR|O_CLOEXEC|O_NOFOLLOW|flags, 0644);

    if (mux->fd == -1) {
        (void) ngx_recording_mux_error(mux, flags ? "create a segment of"
                                                  : "open a segment of");

    } else {
        ngx_recording_mux_opened_thread(mux);
    }

    ngx_recording_hls_leave_thread(mux);

    return mux->fd == -1 ? NGX_ERROR : NGX_OK;
}


ngx_uint_t
ngx_recording_hls_owns(const char *name)
{
    return strcmp(name, NGX_RECORDING_HLS_LIST) == 0
           || ngx_recording_segment_number((u_char *) name, strlen(name))
              != -1;
}
