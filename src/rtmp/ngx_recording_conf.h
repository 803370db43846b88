
/*
 * The configuration: directives, their defaults and their checks.
 *
 * Runs while nginx reads its configuration, and at its start in the master.
 */


#ifndef _NGX_RECORDING_CONF_H_INCLUDED_
#define _NGX_RECORDING_CONF_H_INCLUDED_


#include "ngx_recording_bucket.h"
#include "ngx_recording_notify.h"
#include "ngx_recording_recorder.h"
#include "ngx_recording_rule.h"
#include "ngx_recording_watch.h"


typedef struct {
    ngx_str_t               store;         /* path, empty: none */
    ngx_str_t               url;
    off_t                   reserve;
    off_t                   max;           /* 0: no limit */
    time_t                  rows;          /* s, 0: for good */
    off_t                   board;         /* bytes, 0: there is none */
    ngx_shm_zone_t         *shared;        /* with the board; NULL: none */
    ngx_msec_t              sync;          /* 0: off */
    ngx_thread_pool_t      *pool;
    size_t                  buffer;
    size_t                  total;
    ngx_recording_zone_t    zone;
    ngx_recording_http_t    http;
    ngx_array_t             templates;     /* ngx_recording_template_t */
    ngx_array_t             notifies;      /* ngx_recording_notify_t, of all
                                              templates */
    ngx_array_t             buckets;       /* ngx_recording_bucket_t * */
    ngx_array_t             uploads;       /* ngx_recording_upload_t, of all
                                              templates */
    ngx_uint_t              used;          /* something is recorded */
    ngx_uint_t              files;         /* of a stream, at most */
    ngx_recording_rule_t   *rewind;        /* the first rule that keeps
                                              something; NULL: none */

    int64_t                 base;          /* us, of the store's clock: kept
                                              as long as the machine runs */
    ngx_atomic_t           *left;          /* shared with the workers: 1 when
                                              this store is not configured
                                              any more */
    ngx_recording_worker_t *worker;        /* in a worker that records */
    ngx_recording_watch_t  *watch;         /* of it; NULL: calls order nothing,
                                              as there is no record_api */
    ngx_queue_t             sessions;      /* that publish, with ->watch */

    unsigned                zone_set:1;
} ngx_recording_main_conf_t;


/* a directive of nginx-rtmp that never runs for what is recorded here */

typedef struct {
    ngx_str_t               name;          /* empty: there is none */
    u_char                 *file;
    ngx_uint_t              line;
} ngx_recording_leftover_t;


typedef struct {
    ngx_array_t            *rules;         /* own or inherited */
    ngx_uint_t              own;           /* own */
    ngx_str_t               server;        /* that it stands in */
    ngx_recording_leftover_t  leftover;    /* own or inherited */
} ngx_recording_app_conf_t;


/* what is configured outside of rtmp{} */

typedef struct {
    ngx_uint_t              blocks;        /* rtmp{}, as far as it is read */
} ngx_recording_core_conf_t;


extern ngx_command_t  ngx_recording_commands[];

extern ngx_module_t  ngx_rtmp_recording_module;
extern ngx_module_t  ngx_rtmp_recording_process_module;


void *ngx_recording_conf_create_main(ngx_conf_t *cf);
void *ngx_recording_conf_create_app(ngx_conf_t *cf);
char *ngx_recording_conf_merge_app(ngx_conf_t *cf, void *parent, void *child);

/* a parameter of record_store */
char *ngx_recording_conf_store_arg(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_str_t *arg);

/* the handlers of record_resolver and record_trusted_certificate */
char *ngx_recording_conf_resolver(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_recording_conf_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* a URL that paths stand behind: a copy that ends with a slash */
ngx_int_t ngx_recording_conf_slash(ngx_conf_t *cf, ngx_str_t *to,
    ngx_str_t *url);

/* the handler of record_rule */
char *ngx_recording_conf_rule(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* the handler of record_template, and the template that is built in */
char *ngx_recording_conf_template(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_recording_conf_default(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf);

/* the handlers of notify, in rtmp{} and in record_template{} */
char *ngx_recording_conf_notify(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_recording_conf_notify_template(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* a program of notify, "exec:/path arguments" */
char *ngx_recording_conf_exec(ngx_conf_t *cf, ngx_recording_notify_t *notify,
    ngx_str_t *text);

/* the handler of record_bucket */
char *ngx_recording_conf_bucket(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* the header of record_bucket; the elements are ngx_recording_http_header_t */
char *ngx_recording_conf_bucket_header(ngx_conf_t *cf, ngx_array_t *headers,
    ngx_str_t *name, ngx_str_t *value);

/* where requests go to, by what its block has; warns if that is not safe */
ngx_int_t ngx_recording_conf_bucket_address(ngx_conf_t *cf,
    ngx_recording_bucket_t *bucket, ngx_recording_url_t *endpoint);

/*
 * The bucket of this name: it has no ->file as long as it is only named.
 * NULL: no memory.
 */
ngx_recording_bucket_t *ngx_recording_conf_bucket_named(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_str_t *name);

/* the handlers of upload, in rtmp{} and in record_template{} */
char *ngx_recording_conf_upload(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_recording_conf_upload_template(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* when everything was read: whether there are all buckets that are named */
ngx_int_t ngx_recording_conf_upload_check(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf);

/*
 * Of directives that stand in rtmp{} and in record_template{}, whose structs
 * have a template at this offset, an empty one for rtmp{}: templates that
 * have none get those of rtmp{}.  Then there is one of each template.
 */
ngx_int_t ngx_recording_conf_inherit(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf, ngx_array_t *all, size_t offset);

/* whether one of this template, or of rtmp{}, is for that */
ngx_uint_t ngx_recording_conf_inherit_is(ngx_str_t *of, ngx_str_t *template);

/* the handler of directives that are nginx-rtmp's, and what is said of them */
char *ngx_recording_conf_leftover(ngx_conf_t *cf, ngx_command_t *own,
    void *conf);
void ngx_recording_conf_leftover_warn(ngx_conf_t *cf, ngx_str_t *app,
    ngx_recording_leftover_t *leftover);

/* what names the server{} of this context; empty: it listens to nothing */
ngx_int_t ngx_recording_conf_server(ngx_conf_t *cf, void *ctx,
    ngx_str_t *server);

/* what can be checked only when everything is read */
ngx_int_t ngx_recording_conf_check(ngx_conf_t *cf,
    ngx_recording_main_conf_t *rmcf);

/*
 * When everything was read: warns of a store that the workers could not use,
 * or that lies where a disk should be mounted and is not.
 */
void ngx_recording_conf_look(ngx_cycle_t *cycle, ngx_str_t *store);

/* and of programs that they may not execute */
void ngx_recording_conf_look_programs(ngx_cycle_t *cycle,
    ngx_array_t *notifies);

/* and of credentials of buckets that they may not read */
void ngx_recording_conf_look_credentials(ngx_cycle_t *cycle,
    ngx_array_t *buckets);

/* warns if streams could need more descriptors than a worker may have */
void ngx_recording_conf_descriptors(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf);

/*
 * In a worker: the templates and rules of the configuration, as those of calls
 * are; of malloc(), and never freed.  NULL: no memory.
 */
ngx_recording_policy_t *ngx_recording_conf_policy(void *ctx,
    ngx_recording_main_conf_t *rmcf);

/* the template of an id, which is the configuration's or in `policy`; NULL:
   none.  One of those that have to be made is made in `made` */
const ngx_recording_template_t *ngx_recording_conf_policy_template(
    ngx_recording_main_conf_t *rmcf, const ngx_recording_policy_t *policy,
    int64_t id, ngx_recording_template_t *made);

/* creates the store's directory for the worker user, in the master */
ngx_int_t ngx_recording_conf_create_store(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf);

/* the base of its clock, then: of the configuration before, NULL: none */
void ngx_recording_conf_clock(ngx_cycle_t *cycle,
    ngx_recording_main_conf_t *rmcf, ngx_recording_main_conf_t *old);


#endif /* _NGX_RECORDING_CONF_H_INCLUDED_ */
