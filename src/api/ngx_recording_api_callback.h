
/*
 * A callback template: what a call gives, and what is told of one.  For the
 * files of the API's callbacks only.
 *
 * Any thread.
 */


#ifndef _NGX_RECORDING_API_CALLBACK_H_INCLUDED_
#define _NGX_RECORDING_API_CALLBACK_H_INCLUDED_


#include "ngx_recording_api.h"


/* URLs that are told of recordings come first */
#define NGX_RECORDING_API_CALLBACK_URLS  10


typedef struct {
    int64_t                 id;
    ngx_str_t               name;
    ngx_str_t               description;
    ngx_str_t               key;
    ngx_str_t               urls[NGX_RECORDING_API_CALLBACK_URLS];
    ngx_recording_api_list_t  levels;
} ngx_recording_api_callback_t;


/* a URL: its parameter, and of what it is told; 0: of nothing here */

typedef struct {
    const char             *param;
    ngx_uint_t              kinds;
} ngx_recording_api_callback_url_t;

extern const ngx_recording_api_callback_url_t
    ngx_recording_api_callback_urls[NGX_RECORDING_API_CALLBACK_URLS];


/* NGX_DECLINED: something is wrong, which the call says */
ngx_int_t ngx_recording_api_callback_read(ngx_recording_api_call_t *call,
    const json_t *params, ngx_recording_api_callback_t *in);

/* the id of a notify of the configuration, or 0: it is none that has a URL */
int64_t ngx_recording_api_callback_id(const ngx_recording_target_t *target);

/* whether a notify of the configuration has this id */
ngx_uint_t ngx_recording_api_callback_configured(
    ngx_recording_api_call_t *call, int64_t id);

/* run in a transaction that reads */
ngx_int_t ngx_recording_api_callback_describe_thread(
    ngx_recording_api_call_t *call);
ngx_int_t ngx_recording_api_callback_list_thread(
    ngx_recording_api_call_t *call);


#endif /* _NGX_RECORDING_API_CALLBACK_H_INCLUDED_ */
