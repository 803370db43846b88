
/*
 * A notify of the configuration: whom a template tells, what, and how.
 *
 * Made while the configuration is read, then only read.
 */


#ifndef _NGX_RECORDING_NOTIFY_H_INCLUDED_
#define _NGX_RECORDING_NOTIFY_H_INCLUDED_


#include "ngx_recording_http.h"
#include "ngx_recording_kind.h"


typedef struct {
    ngx_str_t               name;          /* in rows: the URL, or exec: and the
                                              program's path, and #2 for the
                                              second one of a template */
    ngx_str_t               template;
    ngx_uint_t              kinds;         /* bits */
    uint64_t                appid;
    ngx_str_t               key;           /* what the file has; empty: none */

    /* a URL */
    ngx_recording_url_t     url;
    ngx_recording_http_host_t  *host;      /* NULL: it is a program */

    /* a program: its path and arguments, with placeholders, NULL at the end */
    char                  **argv;

    u_char                 *file;          /* where it is configured */
    ngx_uint_t              line;
} ngx_recording_notify_t;


#endif /* _NGX_RECORDING_NOTIFY_H_INCLUDED_ */
