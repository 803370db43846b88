
#include "ngx_recording_file.h"
#include "ngx_recording_text.h"


const char *const  ngx_recording_file_reasons[NGX_RECORDING_DROPS] = {
    "buffer", "disk", "broken", "header", "key", "track"
};


void
ngx_recording_file_about(const ngx_recording_stream_t *s,
    char about[NGX_RECORDING_ABOUT])
{
    char    text[NGX_RECORDING_TEXT + 4];
    size_t  len;

    len = ngx_min(s->template.len, 64);

    (void) snprintf(about, NGX_RECORDING_ABOUT,
                    ", stream: \"%.*s/%s\"%s%.*s%s",
                    (int) ngx_min(s->app.len, 64), s->app.data,
                    ngx_recording_text(text, s->name.data, s->name.len),
                    len ? ", template: \"" : "", (int) len,
                    len ? (char *) s->template.data : "", len ? "\"" : "");
}
