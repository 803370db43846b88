
/*
 * Directives that stand in rtmp{}, for all templates, or in one of these.
 */


#include "ngx_recording_conf.h"


static ngx_int_t ngx_recording_conf_inherit_copy(ngx_array_t *to,
    ngx_array_t *from, size_t offset, ngx_str_t *of, ngx_str_t *template);


ngx_int_t
ngx_recording_conf_inherit(ngx_conf_t *cf, ngx_recording_main_conf_t *rmcf,
    ngx_array_t *all, size_t offset)
{
    ngx_str_t                  none = ngx_null_string;
    ngx_uint_t                 i, n;
    ngx_array_t                to;
    ngx_recording_template_t  *template;

    if (ngx_array_init(&to, cf->pool, 4, all->size) != NGX_OK) {
        return NGX_ERROR;
    }

    template = rmcf->templates.elts;

    for (i = 0; i < rmcf->templates.nelts; i++) {
        n = to.nelts;

        if (ngx_recording_conf_inherit_copy(&to, all, offset,
                                            &template[i].name,
                                            &template[i].name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (to.nelts == n
            && ngx_recording_conf_inherit_copy(&to, all, offset, &none,
                                               &template[i].name)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    *all = to;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_conf_inherit_copy(ngx_array_t *to, ngx_array_t *from,
    size_t offset, ngx_str_t *of, ngx_str_t *template)
{
    u_char      *one, *copy;
    ngx_uint_t   i;

    one = from->elts;

    for (i = 0; i < from->nelts; i++, one += from->size) {

        if (!ngx_recording_conf_inherit_is((ngx_str_t *) (one + offset), of)) {
            continue;
        }

        copy = ngx_array_push(to);

        if (copy == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(copy, one, from->size);

        *(ngx_str_t *) (copy + offset) = *template;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_recording_conf_inherit_is(ngx_str_t *of, ngx_str_t *template)
{
    /* the default of all is for none by name, which has no data */

    return of->len == template->len
           && (of->len == 0
               || ngx_memcmp(of->data, template->data, of->len) == 0);
}
