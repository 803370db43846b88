
/*
 * What a pool thread has to say to the log: threads do not log, the loop
 * does it when their job is done.
 *
 * What goes on for a time is said once, and once that it is over, by a flag of
 * the object that it is about:
 *
 *     if (ngx_recording_once(out->failed, 1)) {
 *         ngx_recording_notice_exception(...);
 *     }
 */


#ifndef _NGX_RECORDING_NOTICE_H_INCLUDED_
#define _NGX_RECORDING_NOTICE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_recording_exception.h"


#define NGX_RECORDING_NOTICES      8
#define NGX_RECORDING_NOTICE_TEXT  1024


typedef struct {
    ngx_uint_t              level;     /* NGX_LOG_... */
    ngx_recording_exception_e  exception;
    const char             *format;    /* that it is about, or NULL */
    ngx_err_t               err;
    char                    text[NGX_RECORDING_NOTICE_TEXT];
} ngx_recording_notice_t;


typedef struct {
    ngx_uint_t              n;
    ngx_uint_t              left_out;
    ngx_uint_t              worst;     /* level of those */
    ngx_recording_notice_t  notice[NGX_RECORDING_NOTICES];
} ngx_recording_notices_t;


/* any thread; what finds no room is counted */
void ngx_recording_notice(ngx_recording_notices_t *notices, ngx_uint_t level,
    ngx_err_t err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* the same, with an exception, whose level it has and whose number follows */
void ngx_recording_notice_exception(ngx_recording_notices_t *notices,
    ngx_recording_exception_e exception, ngx_err_t err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* the same, about one format */
void ngx_recording_notice_format(ngx_recording_notices_t *notices,
    ngx_recording_exception_e exception, const char *format, ngx_err_t err,
    const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* whether a bit of flags, which is set, was not set before; and the reverse */
#define ngx_recording_once(flags, bit)                                        \
    (!((flags) & (bit)) && ((flags) |= (bit)))
#define ngx_recording_over(flags, bit)                                        \
    (((flags) & (bit)) && (((flags) &= ~(bit)), 1))

/* loop: an exception that is met there */
void ngx_recording_notice_log(ngx_log_t *log,
    ngx_recording_exception_e exception, const char *text);

/* loop: logs what is there and empties it */
void ngx_recording_notices_log(ngx_recording_notices_t *notices,
    ngx_log_t *log);


#endif /* _NGX_RECORDING_NOTICE_H_INCLUDED_ */
