
/* the formats that a template has for a stream */


#include "ngx_recording_rule.h"


ngx_uint_t
ngx_recording_rule_formats(ngx_recording_template_t *template,
    ngx_recording_type_e type)
{
    ngx_uint_t  i, n;

    for (i = 0, n = 0; i < template->nformats; i++) {

        if (type == NGX_RECORDING_TYPE_VIDEO
            && template->formats[i].format == &ngx_recording_format_aac)
        {
            continue;
        }

        template->formats[n++] = template->formats[i];
    }

    template->nformats = n;

    return n;
}


ngx_uint_t
ngx_recording_rule_video(ngx_recording_template_t *template)
{
    ngx_uint_t  i;
    uint32_t    codecs;

    for (i = 0; i < template->nformats; i++) {
        codecs = template->formats[i].format->codecs;

        if (codecs == 0
            || (codecs & ngx_recording_codec_bit(NGX_RECORDING_CODEC_H264)))
        {
            return 1;
        }
    }

    return 0;
}
