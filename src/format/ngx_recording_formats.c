
#include "ngx_recording_av.h"
#include "ngx_recording_formats.h"


const ngx_recording_format_t *const  ngx_recording_formats[] = {
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
