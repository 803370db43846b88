
#include "ngx_recording_av.h"
#include "ngx_recording_formats.h"


/* one too many does not compile: NGX_RECORDING_FORMATS is room in templates */

const ngx_recording_format_t *const
    ngx_recording_formats[NGX_RECORDING_FORMATS + 1] =
{
    &ngx_recording_format_flv,
    &ngx_recording_format_mp4,
    &ngx_recording_format_hls,
    &ngx_recording_format_aac,
    NULL
};


void
ngx_recording_formats_init(void)
{
    ngx_recording_av_init();
}


const ngx_recording_format_t *
ngx_recording_formats_find(const char *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_recording_formats[i]; i++) {
        if (strcmp(ngx_recording_formats[i]->name, name) == 0) {
            break;
        }
    }

    return ngx_recording_formats[i];
}


const ngx_recording_format_t *
ngx_recording_formats_at(const char *path)
{
    size_t                         len, n;
    ngx_uint_t                     i;
    const ngx_recording_format_t  *format;

    len = strlen(path);

    for (i = 0; (format = ngx_recording_formats[i]) != NULL; i++) {
        n = strlen(format->extension);

        if (len > n && strcmp(path + len - n, format->extension) == 0) {
            break;
        }
    }

    return format;
}


const char *
ngx_recording_formats_whole_thread(int dir)
{
    ngx_uint_t                     i;
    const ngx_recording_format_t  *format;

    for (i = 0; (format = ngx_recording_formats[i]) != NULL; i++) {
        if (format->owns
            && faccessat(dir, format->extension + 1, F_OK, 0) == 0)
        {
            return format->extension + 1;
        }
    }

    return NULL;
}


ngx_int_t
ngx_recording_formats_discard_thread(ngx_recording_store_t *store,
    const char *path, ngx_uint_t empty, int64_t until)
{
    char                           dir[PATH_MAX];
    off_t                          size;
    const ngx_recording_format_t  *format;

    format = ngx_recording_formats_at(path);

    if (format == NULL || format->owns == NULL) {
        return ngx_recording_store_discard_thread(store, path);
    }

    if (strlen(path) >= sizeof(dir)) {
        errno = ENAMETOOLONG;
        return NGX_ERROR;
    }

    if (empty) {
        size = ngx_recording_store_size_thread(store, path);

        if (size > 0) {
            return NGX_OK;
        }

        if (size == -1 && errno != NGX_ENOENT && errno != NGX_ENOTDIR) {
            return NGX_ERROR;
        }
    }

    (void) strcpy(dir, path);
    dir[strlen(path) - strlen(format->extension)] = '\0';

    return ngx_recording_store_discard_dir_thread(store, dir, format->owns,
                                                  until);
}


ngx_int_t
ngx_recording_formats_hide_thread(ngx_recording_store_t *store,
    const char *path)
{
    const ngx_recording_format_t  *format;

    format = ngx_recording_formats_at(path);

    return format && format->owns
           ? ngx_recording_store_discard_thread(store, path) : NGX_DECLINED;
}
