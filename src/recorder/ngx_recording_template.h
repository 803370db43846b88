
/*
 * A template: how a stream is recorded.  Made from the configuration, or from
 * what a call has ordered, then only read, by the loop and by pool threads.
 */


#ifndef _NGX_RECORDING_TEMPLATE_H_INCLUDED_
#define _NGX_RECORDING_TEMPLATE_H_INCLUDED_


#include "ngx_recording_formats.h"
#include "ngx_recording_policy.h"



/* ms */
#define NGX_RECORDING_INTERVAL_MIN  1000
#define NGX_RECORDING_INTERVAL_HLS  60000        /* the least of a playlist */
#define NGX_RECORDING_INTERVAL_MAX  43200000
#define NGX_RECORDING_SEGMENT_MIN   1000
#define NGX_RECORDING_SEGMENT_MAX   60000
#define NGX_RECORDING_SEGMENT       6000
#define NGX_RECORDING_RESUME_MAX    1800000
#define NGX_RECORDING_RESUME_DEFAULT  30000      /* of the built-in template */
#define NGX_RECORDING_EXPIRE_MAX  (100LL * 365 * 86400)    /* s */


typedef struct {
    const ngx_recording_format_t  *format;
    int64_t                 interval;      /* ms, 0: never cut */
    ngx_flag_t              clock;         /* cut at its multiples on the
                                              clock; only with interval */
    int64_t                 segment;       /* ms */
    int64_t                 resume;        /* ms, 0: it does not wait */
    ngx_str_t               path_text;     /* of a call; empty: the template's
                                              path */
    ngx_recording_path_t   *path;          /* NULL: it is not compiled */
} ngx_recording_template_format_t;


typedef struct {
    ngx_str_t               name;
    ngx_uint_t              nformats;
    ngx_recording_template_format_t  formats[NGX_RECORDING_FORMATS];
    ngx_recording_path_t    path;
    ngx_str_t               path_text;
    ngx_recording_zone_t    zone;
    ngx_msec_t              sync;          /* 0: off */
    time_t                  expire;        /* s, from a file's end on; 0: it is
                                              for good */

    u_char                 *file;          /* where it is configured */
    ngx_uint_t              line;
} ngx_recording_template_t;


/*
 * Pure: a template that a call has ordered, or a task without one, if that is
 * NULL: HLS.  What it does not say comes from another one, which is the
 * configuration's "default"; its texts are those of both.
 */
void ngx_recording_template_make(ngx_recording_template_t *template,
    const ngx_recording_policy_template_t *from,
    const ngx_recording_template_t *base);

/*
 * Loop: a copy whose texts and paths are in a pool.  NGX_ERROR: no memory, or
 * a path that cannot be one.
 */
ngx_int_t ngx_recording_template_copy(ngx_recording_template_t *to,
    const ngx_recording_template_t *from, ngx_pool_t *pool);


#endif /* _NGX_RECORDING_TEMPLATE_H_INCLUDED_ */
