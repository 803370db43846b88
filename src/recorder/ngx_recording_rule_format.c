
/* the formats that a template has for a stream */


#include "ngx_recording_rule.h"


static ngx_uint_t ngx_recording_rule_sees(
    const ngx_recording_format_t *format);


ngx_uint_t
ngx_recording_rule_formats(ngx_recording_template_t *template,
    ngx_recording_type_e type)
{
    ngx_uint_t  i, n;

    for (i = 0, n = 0; i < template->nformats; i++) {

        if (type == NGX_RECORDING_TYPE_VIDEO
            && !ngx_recording_rule_sees(template->formats[i].format))
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

    for (i = 0; i < template->nformats; i++) {
        if (ngx_recording_rule_sees(template->formats[i].format)) {
            return 1;
        }
    }

    return 0;
}


/* whether a format takes video: each that does takes H.264 */

static ngx_uint_t
ngx_recording_rule_sees(const ngx_recording_format_t *format)
{
    return format->codecs == 0
           || (format->codecs
               & ngx_recording_codec_bit(NGX_RECORDING_CODEC_H264));
}
