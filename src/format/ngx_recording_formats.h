
/*
 * The table of formats: the only place that knows all of them.  Whoever needs
 * a format looks it up here, and calls it by its functions.
 *
 * The table is constant, and looked up by any thread.
 */


#ifndef _NGX_RECORDING_FORMATS_H_INCLUDED_
#define _NGX_RECORDING_FORMATS_H_INCLUDED_


#include "ngx_recording_mux.h"


extern const ngx_recording_format_t  ngx_recording_format_flv;
extern const ngx_recording_format_t  ngx_recording_format_mp4;
extern const ngx_recording_format_t  ngx_recording_format_hls;
extern const ngx_recording_format_t  ngx_recording_format_aac;

/* all of them, ended by NULL */
extern const ngx_recording_format_t *const
    ngx_recording_formats[NGX_RECORDING_FORMATS + 1];


/* once in a worker: libavformat says nothing on standard error */
void ngx_recording_formats_init(void);

/* the format of a name, or NULL */
const ngx_recording_format_t *ngx_recording_formats_find(const char *name);

/* the format of a file, by its path in files/, or NULL */
const ngx_recording_format_t *ngx_recording_formats_at(const char *path);

/*
 * On a thread: the entry of a directory that stands for all that is in it, so
 * that the directory is one file; NULL: there is none.
 */
const char *ngx_recording_formats_whole_thread(int dir);

/*
 * Removes what leads to a file in files/ that is a directory: nobody finds the
 * rest of it any more.  NGX_DECLINED: it is none; NGX_ERROR with errno.
 */
ngx_int_t ngx_recording_formats_hide_thread(ngx_recording_store_t *store,
    const char *path);

/*
 * On a thread: removes what a file has in files/.  If that is a directory,
 * what others have put there stays, and the directory with it; empty: only if
 * nothing was listed yet.  That it is not there is no error.  NGX_AGAIN: it
 * goes on after `until`, as of ngx_recording_store_discard_dir_thread();
 * NGX_ERROR with errno.
 */
ngx_int_t ngx_recording_formats_discard_thread(ngx_recording_store_t *store,
    const char *path, ngx_uint_t empty, int64_t until);


#endif /* _NGX_RECORDING_FORMATS_H_INCLUDED_ */
