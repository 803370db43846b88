
/*
 * A template of a call: its parameters.  For the files of the API's templates
 * only.
 *
 * Any thread.
 */


#ifndef _NGX_RECORDING_API_TEMPLATE_H_INCLUDED_
#define _NGX_RECORDING_API_TEMPLATE_H_INCLUDED_


#include "ngx_recording_api.h"


#define NGX_RECORDING_API_INTERVAL  1800         /* s, if it is not given */


/* what a format of a template has */

typedef struct {
    int64_t                 enable;
    int64_t                 interval;
    int64_t                 storage;       /* s, -1: it is not given */
    int64_t                 sub_app;
    int64_t                 class_id;
    ngx_str_t               name;
    ngx_str_t               procedure;
    ngx_str_t               mode;
    ngx_str_t               bucket;
    ngx_str_t               region;
    ngx_str_t               path;
} ngx_recording_api_template_format_t;


typedef enum {
    NGX_RECORDING_API_TEMPLATE_FLV = 0,
    NGX_RECORDING_API_TEMPLATE_HLS,
    NGX_RECORDING_API_TEMPLATE_MP4,
    NGX_RECORDING_API_TEMPLATE_AAC,
    NGX_RECORDING_API_TEMPLATE_MP3,
    NGX_RECORDING_API_TEMPLATE_FORMATS
} ngx_recording_api_template_e;


typedef struct {
    int64_t                 id;
    ngx_str_t               name;
    ngx_str_t               description;
    const json_t           *format[NGX_RECORDING_API_TEMPLATE_FORMATS];
    const json_t           *hls;           /* HlsSpecialParam */
    const json_t           *flv;           /* FlvSpecialParam */
    int64_t                 resume;
    int64_t                 early;
    int64_t                 watermark;
    int64_t                 delay;
    int64_t                 cos;
    ngx_recording_api_template_format_t
                            formats[NGX_RECORDING_API_TEMPLATE_FORMATS];
} ngx_recording_api_template_t;


/* by ngx_recording_api_template_e: the parameter, our format, and the limits
   of an interval, s; none, if a file has all of a stream */

typedef struct {
    const char             *param;
    const char             *format;
    int64_t                 min;
    int64_t                 max;
} ngx_recording_api_template_kind_t;

extern const ngx_recording_api_template_kind_t
    ngx_recording_api_template_kinds[NGX_RECORDING_API_TEMPLATE_FORMATS];


/* NGX_DECLINED: something is wrong, which the call says */
ngx_int_t ngx_recording_api_template_read(ngx_recording_api_call_t *call,
    const json_t *params, ngx_recording_api_template_t *in);

/* whether a bucket is one that template "default" uploads to, with its appid or
   without, or none; NGX_DECLINED: it is not */
ngx_int_t ngx_recording_api_template_bucket(ngx_recording_api_call_t *call,
    const ngx_str_t *name);

/* run in a transaction that reads */
ngx_int_t ngx_recording_api_template_describe_thread(
    ngx_recording_api_call_t *call);
ngx_int_t ngx_recording_api_template_list_thread(
    ngx_recording_api_call_t *call);


#endif /* _NGX_RECORDING_API_TEMPLATE_H_INCLUDED_ */
