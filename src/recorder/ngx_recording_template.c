
#include "ngx_recording_template.h"


static ngx_int_t ngx_recording_template_text(ngx_str_t *to,
    const ngx_str_t *from, ngx_pool_t *pool);


void
ngx_recording_template_make(ngx_recording_template_t *template,
    const ngx_recording_policy_template_t *from,
    const ngx_recording_template_t *base)
{
    ngx_uint_t                            i;
    const ngx_recording_policy_format_t  *f;
    ngx_recording_template_format_t      *to;

    static const ngx_recording_policy_template_t  task = {
        .name = "default", .nformats = 1, .formats = { { .format = "hls" } }
    };

    *template = *base;

    from = from ? from : &task;

    template->name.data = (u_char *) from->name;
    template->name.len = ngx_strlen(from->name);
    template->nformats = 0;

    for (i = 0; i < from->nformats; i++) {
        f = &from->formats[i];
        to = &template->formats[template->nformats];

        ngx_memzero(to, sizeof(ngx_recording_template_format_t));

        to->format = ngx_recording_formats_find(f->format);

        if (to->format == NULL) {
            continue;
        }

        template->nformats++;

        to->interval = f->interval;
        to->segment = NGX_RECORDING_SEGMENT;
        to->resume = f->resume;

        to->path_text.data = (u_char *) f->path;
        to->path_text.len = ngx_strlen(f->path);

        if (to->path_text.len == 0 && to->format->endless
            && base->path.end.len)
        {
            /* an end that is not known while it is recorded */

            ngx_str_set(&to->path_text, NGX_RECORDING_PATH_DEFAULT);
        }
    }
}


ngx_int_t
ngx_recording_template_copy(ngx_recording_template_t *to,
    const ngx_recording_template_t *from, ngx_pool_t *pool)
{
    ngx_str_t                         at;
    ngx_uint_t                        i;
    const char                       *err;
    ngx_recording_template_format_t  *f;

    *to = *from;

    if (ngx_recording_template_text(&to->name, &from->name, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < to->nformats; i++) {
        f = &to->formats[i];

        if (f->path_text.len == 0) {
            continue;
        }

        f->path = ngx_palloc(pool, sizeof(ngx_recording_path_t));

        if (f->path == NULL
            || ngx_recording_template_text(&f->path_text,
                                           &from->formats[i].path_text, pool)
               != NGX_OK
            || ngx_recording_path_compile(f->path, &f->path_text, &err, &at)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_template_text(ngx_str_t *to, const ngx_str_t *from,
    ngx_pool_t *pool)
{
    to->len = from->len;
    to->data = ngx_pnalloc(pool, from->len + 1);

    if (to->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(to->data, from->data, from->len);
    to->data[to->len] = '\0';

    return NGX_OK;
}
