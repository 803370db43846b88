
/*
 * What is configured of the HTTP side, and where a worker finds its API.
 *
 * Runs while the configuration is read, and in the loop.
 */


#ifndef _NGX_RECORDING_API_CONF_H_INCLUDED_
#define _NGX_RECORDING_API_CONF_H_INCLUDED_


#include "ngx_recording_api.h"
#include <ngx_http.h>


typedef struct {
    ngx_str_t               id;
    ngx_str_t               secret;
} ngx_recording_api_key_t;


typedef struct {
    ngx_uint_t              used;          /* there is a record_api, a
                                              record_metrics or a record_play */
    ngx_uint_t              play;          /* the last of these */
    ngx_uint_t              calls;         /* the first of these */
    ngx_uint_t              private;       /* and one that says so */
    const char             *name;          /* the first one */
    u_char                 *file;
    ngx_uint_t              line;
    ngx_recording_api_t    *api;           /* in a worker; NULL: it has none */
} ngx_recording_api_main_conf_t;


typedef struct {
    ngx_array_t            *keys;          /* ngx_recording_api_key_t, own or
                                              inherited */
    ngx_flag_t              off;           /* access is left to others */
    ngx_uint_t              api;           /* it is one, this location itself */
    ngx_uint_t              private;       /* whose URLs may be private */
    ngx_uint_t              metrics;       /* the same */
    ngx_uint_t              play;          /* the same */
    u_char                 *file;
    ngx_uint_t              line;
} ngx_recording_api_loc_conf_t;


extern ngx_module_t  ngx_http_recording_api_module;


/* the handler of record_api_key */
char *ngx_recording_api_conf_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* warns if nothing of nginx's keeps others from a location that is "off" */
void ngx_recording_api_conf_open(ngx_conf_t *cf,
    ngx_recording_api_loc_conf_t *ralc);

/* NULL: there is no http{} */
ngx_recording_api_main_conf_t *ngx_recording_api_conf_main(
    ngx_cycle_t *cycle);

/*
 * When everything was read: whether there is one of those; `store`: there is a
 * record_store, `url`: it has one.  NGX_ERROR: one lacks what it needs.
 */
ngx_int_t ngx_recording_api_conf_check(ngx_cycle_t *cycle, ngx_uint_t store,
    ngx_uint_t url, ngx_uint_t *used);


#endif /* _NGX_RECORDING_API_CONF_H_INCLUDED_ */
