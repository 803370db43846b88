
#include "ngx_recording_notice.h"


static void ngx_recording_notice_put(ngx_recording_notices_t *notices,
    ngx_uint_t level, ngx_recording_exception_e exception, const char *format,
    ngx_err_t err, const char *fmt, va_list args);


void
ngx_recording_notice(ngx_recording_notices_t *notices, ngx_uint_t level,
    ngx_err_t err, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ngx_recording_notice_put(notices, level, NGX_RECORDING_EXCEPTION_NONE,
                             NULL, err, fmt, args);
    va_end(args);
}


void
ngx_recording_notice_exception(ngx_recording_notices_t *notices,
    ngx_recording_exception_e exception, ngx_err_t err, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ngx_recording_notice_put(notices, ngx_recording_exceptions[exception].level,
                             exception, NULL, err, fmt, args);
    va_end(args);
}


void
ngx_recording_notice_format(ngx_recording_notices_t *notices,
    ngx_recording_exception_e exception, const char *format, ngx_err_t err,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ngx_recording_notice_put(notices, ngx_recording_exceptions[exception].level,
                             exception, format, err, fmt, args);
    va_end(args);
}


static void
ngx_recording_notice_put(ngx_recording_notices_t *notices, ngx_uint_t level,
    ngx_recording_exception_e exception, const char *format, ngx_err_t err,
    const char *fmt, va_list args)
{
    ngx_recording_notice_t  *n;

    if (notices->n == NGX_RECORDING_NOTICES) {
        notices->worst = ngx_min(level, notices->left_out ? notices->worst
                                                          : level);
        notices->left_out++;
        return;
    }

    n = &notices->notice[notices->n++];

    n->level = level;
    n->exception = exception;
    n->format = format;
    n->err = err;

    (void) vsnprintf(n->text, sizeof(n->text), fmt, args);
}


void
ngx_recording_notice_log(ngx_log_t *log, ngx_recording_exception_e exception,
    const char *text)
{
    const ngx_recording_exception_t  *e;

    e = &ngx_recording_exceptions[exception];

    ngx_log_error(e->level, log, 0, "recording: %s, exception %d", text,
                  e->number);
}


void
ngx_recording_notices_log(ngx_recording_notices_t *notices, ngx_log_t *log)
{
    ngx_uint_t               i;
    ngx_recording_notice_t  *n;

    for (i = 0; i < notices->n; i++) {
        n = &notices->notice[i];

        if (n->exception) {
            ngx_log_error(n->level, log, n->err,
                          "recording: %s, exception %d", n->text,
                          ngx_recording_exceptions[n->exception].number);
            continue;
        }

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
