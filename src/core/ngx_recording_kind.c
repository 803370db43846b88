
#include "ngx_recording_kind.h"


const ngx_recording_kind_t  ngx_recording_kinds[] = {
    { ngx_string("file"),      NGX_RECORDING_KIND_FILE },
    { ngx_string("status"),    NGX_RECORDING_KIND_STATUS },
    { ngx_string("exception"), NGX_RECORDING_KIND_EXCEPTION },
    { ngx_string("removed"),   NGX_RECORDING_KIND_REMOVED },
    { ngx_string("delivered"), NGX_RECORDING_KIND_DELIVERED },
    { ngx_null_string, 0 }
};


ngx_uint_t
ngx_recording_kind_find(const ngx_str_t *name)
{
    const ngx_recording_kind_t  *kind;

    for (kind = ngx_recording_kinds; kind->name.len; kind++) {

        if (kind->name.len == name->len
            && ngx_memcmp(kind->name.data, name->data, name->len) == 0)
        {
            return kind->bit;
        }
    }

    return 0;
}
