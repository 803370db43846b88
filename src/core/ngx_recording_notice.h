
/*
 * What a pool thread has to say to the log: threads do not log, the loop
 * does it when their job is done.
 */


#ifndef _NGX_RECORDING_NOTICE_H_INCLUDED_
#define _NGX_RECORDING_NOTICE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_NOTICES      8
#define NGX_RECORDING_NOTICE_TEXT  1024


typedef struct {
    ngx_uint_t              level;     /* NGX_LOG_... */
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

/* loop: logs what is there and empties it */
void ngx_recording_notices_log(ngx_recording_notices_t *notices,
    ngx_log_t *log);


#endif /* _NGX_RECORDING_NOTICE_H_INCLUDED_ */
