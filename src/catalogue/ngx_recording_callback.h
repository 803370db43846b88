
/*
 * Whom calls have told of events: callback templates, which have URLs and a
 * key, and rules that say which streams one is for, by their domain and
 * application.
 *
 * Rows of the catalogue; runs on pool threads, within a transaction.  Triggers
 * of the outbox look for the rule of a stream when something happens, so that
 * what is changed holds for all that happens from then on.  Where a URL leads
 * to is looked up when it is told: what waits goes to the URL of that time.
 *
 * Return codes: NGX_OK; NGX_ERROR: the catalogue failed, or there is no memory.
 */


#ifndef _NGX_RECORDING_CALLBACK_H_INCLUDED_
#define _NGX_RECORDING_CALLBACK_H_INCLUDED_


#include "ngx_recording_policy.h"


#define NGX_RECORDING_CALLBACK_URLS  3     /* of a template, that are told */

/* bytes of texts, with a null character */
#define NGX_RECORDING_CALLBACK_NAME  (NGX_RECORDING_POLICY_NAME + 32)
#define NGX_RECORDING_CALLBACK_URL   1024
#define NGX_RECORDING_CALLBACK_KEY   256


/* a URL of a template */

typedef struct {
    char                    template[NGX_RECORDING_CALLBACK_NAME];  /* as rows
                                              of the outbox have it */
    char                    name[NGX_RECORDING_CALLBACK_NAME];  /* the same */
    ngx_uint_t              kinds;         /* ngx_recording_kind.h */
    ngx_uint_t              levels;        /* ngx_recording_exception.h */
    char                    url[NGX_RECORDING_CALLBACK_URL];
    char                    key[NGX_RECORDING_CALLBACK_KEY];  /* empty: none */
    ngx_uint_t              private;       /* the one who gave it may reach
                                              private addresses */
} ngx_recording_callback_target_t;


typedef struct {
    char                    domain[NGX_RECORDING_POLICY_NAME];
    char                    app[NGX_RECORDING_POLICY_NAME];  /* empty: any */
    char                    template[NGX_RECORDING_CALLBACK_NAME];
    int64_t                 id;            /* of that */
    int64_t                 created;       /* us */
    int64_t                 updated;
} ngx_recording_callback_rule_t;


/* all that holds; of malloc() */

typedef struct {
    int64_t                 number;        /* of its state: the policy's */
    ngx_uint_t              ntargets;
    ngx_recording_callback_target_t  *targets;
    ngx_uint_t              nrules;
    ngx_recording_callback_rule_t  *rules;
} ngx_recording_callbacks_t;


/* --- reading */

/* NULL: it failed */
ngx_recording_callbacks_t *ngx_recording_callbacks(
    ngx_recording_catalogue_t *cat);
void ngx_recording_callbacks_free(ngx_recording_callbacks_t *callbacks);

/* pure: the rule of a stream, or NULL */
const ngx_recording_callback_rule_t *ngx_recording_callback_find(
    const ngx_recording_callbacks_t *callbacks, const ngx_str_t *domain,
    const ngx_str_t *app);

/* as ngx_recording_policy_templates() */
ngx_int_t ngx_recording_callback_templates(ngx_recording_catalogue_t *cat,
    int64_t id, ngx_recording_policy_params_pt each, void *data);

/* up to n rules; *n: how many there are */
ngx_int_t ngx_recording_callback_rules(ngx_recording_catalogue_t *cat,
    ngx_recording_callback_rule_t *rules, ngx_uint_t *n);

/* --- changes: each is an ngx_recording_catalogue_pt, of such a struct */

typedef struct {
    int64_t                 id;
    char                    name[NGX_RECORDING_POLICY_NAME];
    ngx_uint_t              create;        /* else there has to be one */
    char                    was[NGX_RECORDING_POLICY_PARAMS];  /* else: what its
                                              params were made of */
    char                    params[NGX_RECORDING_POLICY_PARAMS];
    ngx_uint_t              ntargets;
    ngx_recording_callback_target_t  targets[NGX_RECORDING_CALLBACK_URLS];
    char                    unused[256];   /* of what was given, for the log */
    ngx_uint_t              lost;          /* events that are not told any
                                              more, as a URL is gone */
    ngx_recording_policy_e  result;
} ngx_recording_callback_put_t;

/* what waits for one of its URLs is tried at once */
ngx_int_t ngx_recording_callback_put(ngx_recording_catalogue_t *cat, void *put,
    ngx_uint_t again);


typedef struct {
    int64_t                 id;
    char                    name[NGX_RECORDING_POLICY_NAME];
    ngx_uint_t              lost;
    ngx_recording_policy_e  result;
} ngx_recording_callback_drop_t;

/* what waits for it is dead */
ngx_int_t ngx_recording_callback_drop(ngx_recording_catalogue_t *cat,
    void *drop, ngx_uint_t again);


typedef struct {
    ngx_recording_callback_rule_t  rule;
    ngx_recording_policy_e  result;
} ngx_recording_callback_bind_t;

/* NGX_RECORDING_POLICY_NONE: there is no such template, or rule */
ngx_int_t ngx_recording_callback_bind(ngx_recording_catalogue_t *cat,
    void *bind, ngx_uint_t again);
ngx_int_t ngx_recording_callback_unbind(ngx_recording_catalogue_t *cat,
    void *bind, ngx_uint_t again);

/* pure: the name of a URL's target, and of its template, in the outbox */
void ngx_recording_callback_name(ngx_recording_callback_target_t *target,
    const char *template, const char *url);


#endif /* _NGX_RECORDING_CALLBACK_H_INCLUDED_ */
