
/*
 * What calls have ordered: templates, rules and tasks, beside those of the
 * configuration, and commands to recordings that are under way.
 *
 * Rows of the catalogue; runs on pool threads, within a transaction.  What is
 * read is a copy in memory of malloc(), which the loop may keep.
 *
 * Return codes: NGX_OK; NGX_ERROR: the catalogue failed, or there is no memory.
 */


#ifndef _NGX_RECORDING_POLICY_H_INCLUDED_
#define _NGX_RECORDING_POLICY_H_INCLUDED_


#include "ngx_recording_catalogue.h"


/* bytes of a name, with a null character: of the cloud's limits */
#define NGX_RECORDING_POLICY_NAME    256
#define NGX_RECORDING_POLICY_PATH    1024
#define NGX_RECORDING_POLICY_PARAMS  32768
#define NGX_RECORDING_POLICY_TASK_ID  64

#define NGX_RECORDING_POLICY_MOST    50     /* templates, rules */
#define NGX_RECORDING_POLICY_TASKS   3      /* of a stream at a time */
#define NGX_RECORDING_POLICY_OPEN    4000   /* of all, whose end is to come */
#define NGX_RECORDING_POLICY_OVER    100000 /* that are over and are told */
#define NGX_RECORDING_POLICY_KEPT    7776000000000    /* us, of a task's row */
#define NGX_RECORDING_POLICY_NEVER   3155760000000001LL   /* files of a format
                                                            expire */


typedef struct {
    char                    format[8];
    int64_t                 interval;      /* ms, 0: it is never cut */
    int64_t                 resume;        /* ms */
    int64_t                 expire;        /* us, 0: as template "default" of
                                              the configuration has it */
    char                    path[NGX_RECORDING_POLICY_PATH];  /* empty: that of
                                              template "default" */
} ngx_recording_policy_format_t;


typedef struct {
    int64_t                 id;
    char                    name[NGX_RECORDING_POLICY_NAME];
    ngx_uint_t              nformats;
    ngx_recording_policy_format_t  formats[NGX_RECORDING_FORMATS];
} ngx_recording_policy_template_t;


typedef struct {
    char                    domain[NGX_RECORDING_POLICY_NAME];  /* empty: any */
    char                    app[NGX_RECORDING_POLICY_NAME];
    char                    stream[NGX_RECORDING_POLICY_NAME];
    int64_t                 id;            /* of the template */
    int64_t                 created;       /* us */
    int64_t                 updated;
    ngx_uint_t              inherited;     /* the configuration's, from above
                                              its application: it does not
                                              count that it names one */
} ngx_recording_policy_rule_t;


typedef struct {
    char                    id[NGX_RECORDING_POLICY_TASK_ID];
    char                    domain[NGX_RECORDING_POLICY_NAME];
    char                    app[NGX_RECORDING_POLICY_NAME];
    char                    stream[NGX_RECORDING_POLICY_NAME];
    int64_t                 template;      /* id, 0: none */
    int64_t                 start;         /* us */
    int64_t                 end;
    int64_t                 stopped;       /* 0: it was not */
    int64_t                 deleted;
} ngx_recording_policy_task_t;


typedef enum {
    NGX_RECORDING_POLICY_STOP = 0,         /* it ends, its files are finished */
    NGX_RECORDING_POLICY_CUT               /* new files, at once */
} ngx_recording_policy_command_e;


typedef struct {
    uint64_t                recording_id;
    ngx_recording_policy_command_e  command;
    ngx_uint_t              number;        /* of a cut: one that was ordered
                                              before may be done */
    ngx_uint_t              obeyed;        /* it is done, by the one who has
                                              read this */
} ngx_recording_policy_command_t;


/* all that holds now; or what the configuration has, without tasks */

typedef struct {
    int64_t                 number;        /* of its state */
    ngx_uint_t              ntemplates;
    ngx_recording_policy_template_t  *templates;
    ngx_uint_t              nrules;
    ngx_recording_policy_rule_t  *rules;
    ngx_uint_t              ntasks;
    ngx_recording_policy_task_t  *tasks;   /* that are not over, those of a
                                              name of a stream together */
    ngx_uint_t              ncommands;
    ngx_recording_policy_command_t  *commands;   /* to this worker */
    ngx_uint_t              nbuckets;      /* of the configuration: those that
                                              template "default" uploads to */
    const ngx_str_t        *buckets;
} ngx_recording_policy_t;


/* what became of a change */

typedef enum {
    NGX_RECORDING_POLICY_DONE = 0,
    NGX_RECORDING_POLICY_NONE,             /* there is no such thing */
    NGX_RECORDING_POLICY_EXISTS,           /* there is one already */
    NGX_RECORDING_POLICY_USED,             /* a rule has it */
    NGX_RECORDING_POLICY_CHANGED,          /* it is not as it was read: it is to
                                              be read again */
    NGX_RECORDING_POLICY_LIMIT             /* there are as many as there may
                                              be */
} ngx_recording_policy_e;


/* --- reading */

/* how often anything of it was changed */
ngx_int_t ngx_recording_policy_number(ngx_recording_catalogue_t *cat,
    int64_t *number);

/* all of it, for the worker of this catalogue; now: us */
ngx_recording_policy_t *ngx_recording_policy_read(
    ngx_recording_catalogue_t *cat, int64_t now);
void ngx_recording_policy_free(ngx_recording_policy_t *policy);

/* the template of this id, or NULL */
const ngx_recording_policy_template_t *ngx_recording_policy_template(
    const ngx_recording_policy_t *policy, int64_t id);

/* those of streams of this name: the first one, *n: how many */
const ngx_recording_policy_task_t *ngx_recording_policy_tasks_of(
    const ngx_recording_policy_t *policy, const ngx_str_t *stream,
    ngx_uint_t *n);

/*
 * Calls back with each template, or that of an id; params is what the call has
 * given, as JSON.  An end that is not NGX_OK ends it, and is returned.
 */
typedef ngx_int_t (*ngx_recording_policy_params_pt)(void *data, int64_t id,
    const char *name, const char *params);
ngx_int_t ngx_recording_policy_templates(ngx_recording_catalogue_t *cat,
    int64_t id, ngx_recording_policy_params_pt each, void *data);

/* up to n rules; *n: how many there are */
ngx_int_t ngx_recording_policy_rules(ngx_recording_catalogue_t *cat,
    ngx_recording_policy_rule_t *rules, ngx_uint_t *n);

/* tasks by their end; those of `like` whose texts are not empty, that lie in
   its time, behind the one of its id, whose end is `after` */
ngx_int_t ngx_recording_policy_tasks(ngx_recording_catalogue_t *cat,
    const ngx_recording_policy_task_t *like, int64_t after,
    ngx_recording_policy_task_t *tasks, ngx_uint_t *n);

/* --- the same, for what else is ordered: rows of a query, which they end */

/* the number that a row has, 0 without one */
ngx_int_t ngx_recording_policy_count(ngx_recording_sql_rows_t *rows,
    int64_t *n);

/* calls back with each: an id, a name, JSON */
ngx_int_t ngx_recording_policy_each(ngx_recording_sql_rows_t *rows,
    ngx_recording_policy_params_pt each, void *data);

/* such a row's name; NGX_DECLINED: there is none; NGX_AGAIN: its JSON is not
   what it was, which may be NULL: any */
ngx_int_t ngx_recording_policy_known(ngx_recording_sql_rows_t *rows,
    const char *was, char name[NGX_RECORDING_POLICY_NAME]);

/* whether a row has this id, in a column */
ngx_int_t ngx_recording_policy_used(ngx_recording_sql_rows_t *rows,
    ngx_uint_t column, int64_t id, ngx_uint_t *used);

/* pure: what becomes of a template beside n others, by the end of known();
   create: else there has to be one */
ngx_recording_policy_e ngx_recording_policy_may(ngx_int_t known, int64_t n,
    ngx_uint_t create);

/* what became of a rule, when the last statement has put it beside n others;
   LIMIT: it is to be dropped again, as one that is there already is told
   before that there are too many */
ngx_recording_policy_e ngx_recording_policy_bound(
    ngx_recording_catalogue_t *cat, int64_t n);

/* and when it has dropped something */
ngx_recording_policy_e ngx_recording_policy_gone(
    ngx_recording_catalogue_t *cat);

/* --- changes: each is an ngx_recording_catalogue_pt, of such a struct */

typedef struct {
    ngx_recording_policy_template_t  template;
    ngx_uint_t              create;        /* else there has to be one */
    char                    was[NGX_RECORDING_POLICY_PARAMS];  /* else: what its
                                              params were made of */
    char                    params[NGX_RECORDING_POLICY_PARAMS];
    char                    unused[128];   /* of what was given, for the log */
    ngx_recording_policy_e  result;
} ngx_recording_policy_put_t;

ngx_int_t ngx_recording_policy_put(ngx_recording_catalogue_t *cat, void *put,
    ngx_uint_t again);


typedef struct {
    int64_t                 id;
    ngx_recording_policy_e  result;
} ngx_recording_policy_drop_t;

ngx_int_t ngx_recording_policy_drop(ngx_recording_catalogue_t *cat,
    void *drop, ngx_uint_t again);


typedef struct {
    ngx_recording_policy_rule_t  rule;
    ngx_uint_t              configured;    /* its template is the
                                              configuration's */
    ngx_recording_policy_e  result;
} ngx_recording_policy_bind_t;

/* NGX_RECORDING_POLICY_NONE: there is no such template */
ngx_int_t ngx_recording_policy_bind(ngx_recording_catalogue_t *cat,
    void *bind, ngx_uint_t again);
ngx_int_t ngx_recording_policy_unbind(ngx_recording_catalogue_t *cat,
    void *bind, ngx_uint_t again);


typedef struct {
    ngx_recording_policy_task_t  task;
    ngx_uint_t              full;          /* with LIMIT: there are too many of
                                              all streams */
    ngx_recording_policy_e  result;
} ngx_recording_policy_order_t;

ngx_int_t ngx_recording_policy_task_create(ngx_recording_catalogue_t *cat,
    void *order, ngx_uint_t again);
ngx_int_t ngx_recording_policy_task_stop(ngx_recording_catalogue_t *cat,
    void *order, ngx_uint_t again);
ngx_int_t ngx_recording_policy_task_delete(ngx_recording_catalogue_t *cat,
    void *order, ngx_uint_t again);


typedef struct {
    ngx_recording_policy_command_t  command;
    ngx_recording_policy_e  result;
} ngx_recording_policy_tell_t;

/* a recording is told: NONE: it is over; USED: it waits for its stream, and
   cannot be cut */
ngx_int_t ngx_recording_policy_tell(ngx_recording_catalogue_t *cat,
    void *tell, ngx_uint_t again);

/* the worker has done them: of an ngx_recording_policy_t's commands those that
   were obeyed */
ngx_int_t ngx_recording_policy_obeyed(ngx_recording_catalogue_t *cat,
    void *policy, ngx_uint_t again);


#endif /* _NGX_RECORDING_POLICY_H_INCLUDED_ */
