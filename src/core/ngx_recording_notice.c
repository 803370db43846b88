
#include "ngx_recording_notice.h"


void
ngx_recording_notice(ngx_recording_notices_t *notices, ngx_uint_t level,
    ngx_err_t err, const char *fmt, ...)
{
    va_list                  args;
    ngx_recording_notice_t  *n;

    if (notices->n == NGX_RECORDING_NOTICES) {
        notices->worst = ngx_min(level, notices->left_out ? notices->worst
                                                          : level);
        notices->left_out++;
        return;
    }

    n = &notices->notice[notices->n++];

    n->level = level;
    n->err = err;

    va_start(args, fmt);
    (void) vsnprintf(n->text, sizeof(n->text), fmt, args);
    va_end(args);
}


void
ngx_recording_notices_log(ngx_recording_notices_t *notices, ngx_log_t *log)
{
    ngx_uint_t               i;
    ngx_recording_notice_t  *n;

    for (i = 0; i < notices->n; i++) {
        n = &notices->notice[i];
        ngx_log_error(n->level, log, n->err, "recording: %s", n->text);
    }

    if (notices->left_out) {
        ngx_log_error(notices->worst, log, 0,
                      "recording: %ui more messages left out",
                      notices->left_out);
    }

    notices->n = 0;
    notices->left_out = 0;
}
