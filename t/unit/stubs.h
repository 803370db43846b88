
/*
 * What nginx's own files want of nginx, for unit tests and fuzz targets that
 * are linked with some of them.
 */


#ifndef _STUBS_H_INCLUDED_
#define _STUBS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


volatile ngx_cycle_t  *ngx_cycle;


#if (NGX_HAVE_VARIADIC_MACROS)

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    /* void */
}

#endif


/* a log that says nothing */

static ngx_log_t __attribute__((unused))  nginx_log;


#endif /* _STUBS_H_INCLUDED_ */
