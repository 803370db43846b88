
/*
 * Rules: which template applies to which domain, application and stream.
 * Made from the configuration, then only read; or from what calls have ordered.
 *
 * Pure: runs in the loop, nothing is allocated.
 */


#ifndef _NGX_RECORDING_RULE_H_INCLUDED_
#define _NGX_RECORDING_RULE_H_INCLUDED_


#include "ngx_recording_template.h"


#define NGX_RECORDING_RULE_OFF  "off"


typedef struct {
    ngx_array_t             names;         /* ngx_str_t, as configured */
    ngx_array_t             templates;     /* ngx_recording_template_t *,
                                              empty: nothing is recorded */
    ngx_str_t               domain;        /* empty: any */
    ngx_str_t               stream;
    ngx_flag_t              args;          /* record_type counts */
    ngx_msec_t              rewind;        /* of a stream is kept; 0: nothing */

    u_char                 *file;          /* where it is configured */
    ngx_uint_t              line;
} ngx_recording_rule_t;


/* what a publisher asks for with record_type in its query */

typedef enum {
    NGX_RECORDING_TYPE_ANY = 0,
    NGX_RECORDING_TYPE_AUDIO,
    NGX_RECORDING_TYPE_VIDEO,
    NGX_RECORDING_TYPE_UNKNOWN
} ngx_recording_type_e;


/*
 * The most specific rule of a level for a stream, or NULL.  With both domain
 * and stream it wins over one with the stream, that over one with the domain,
 * that over one with neither.
 */
ngx_recording_rule_t *ngx_recording_rule_find(ngx_array_t *rules,
    ngx_str_t *domain, ngx_str_t *stream);

/*
 * How much a rule names, for comparing those of all levels: domain,
 * application and stream; domain and stream; application and stream; domain and
 * application; domain; application; nothing, which is 1.  own: it stands in the
 * application.
 */
ngx_uint_t ngx_recording_rule_rank(const ngx_recording_rule_t *rule,
    ngx_uint_t own);

/* the rule of a call that names more than `rank` of this stream, and the most,
   or NULL */
const ngx_recording_policy_rule_t *ngx_recording_rule_policy(
    const ngx_recording_policy_t *policy, const ngx_recording_stream_t *stream,
    ngx_uint_t rank);

/* whether a task is for a stream */
ngx_uint_t ngx_recording_rule_task(const ngx_recording_policy_task_t *task,
    const ngx_recording_stream_t *stream);

/* a rule for exactly the same, or NULL */
ngx_recording_rule_t *ngx_recording_rule_same(ngx_array_t *rules,
    ngx_recording_rule_t *rule);

/*
 * The host of a tcUrl, without user, password, port and a dot at its end;
 * empty without one.  It points into the URL.
 */
ngx_str_t ngx_recording_rule_domain(ngx_str_t *tc_url);

/* record_type in a query; *value is what it was if it is unknown */
ngx_recording_type_e ngx_recording_rule_type(ngx_str_t *args,
    ngx_str_t *value);

/*
 * Leaves a template the formats that a publisher's record_type allows, and
 * returns how many those are.
 */
ngx_uint_t ngx_recording_rule_formats(ngx_recording_template_t *template,
    ngx_recording_type_e type);

/* whether any of its formats takes video */
ngx_uint_t ngx_recording_rule_video(ngx_recording_template_t *template);


#endif /* _NGX_RECORDING_RULE_H_INCLUDED_ */
