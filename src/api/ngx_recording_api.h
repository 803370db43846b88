
/*
 * The API behind HTTP: calls, their actions, and the threads that run them.
 *
 * A call is an action with its parameters, JSON, and gets an answer, JSON, or
 * an error.  It is made in the loop, for a request; it runs on a thread of the
 * pool, with a connection to the catalogue that only reads; and its answer is
 * sent in the loop again.  Two run at a time in a worker, and some wait.
 *
 *           post            turn            run
 *   loop ---------> waiting ------> thread ------> done, loop
 *                                   |    ^
 *             what it asks of the   |    |  what was committed
 *             changes of the        v    |
 *             catalogue             loop, waits
 *
 * A call is a thing of its own: the request may end before it does.
 *
 * An action is a row of a table in the file of its subject: name, version,
 * whether it changes anything, and the function that runs it, on a thread.
 *
 *   NGX_OK        call->answer has the members of the answer
 *   NGX_DECLINED  ngx_recording_api_fail() was told what is wrong
 *   NGX_ERROR     the catalogue failed, and call->err says why; or there is no
 *                 memory
 *   NGX_BUSY      a change was asked for: it is run again with the answer
 */


#ifndef _NGX_RECORDING_API_H_INCLUDED_
#define _NGX_RECORDING_API_H_INCLUDED_


#include "ngx_recording_callback.h"
#include "ngx_recording_catalogue_search.h"
#include "ngx_recording_http.h"
#include "ngx_recording_text.h"
#include "ngx_recording_worker.h"
#include <jansson.h>


#define NGX_RECORDING_API_THREADS  2       /* calls that run at a time */
#define NGX_RECORDING_API_WAITING  32      /* and those that may wait */
#define NGX_RECORDING_API_TIME     2000    /* ms, of a query */
#define NGX_RECORDING_API_BODY     65536   /* bytes of a request */
#define NGX_RECORDING_API_DEPTH    16      /* of arrays and objects */
#define NGX_RECORDING_API_REQUEST  36      /* characters of a request's id */

#define NGX_RECORDING_API_VOD      "2018-07-17"  /* a version of the cloud's */
#define NGX_RECORDING_API_NEVER    253402300799000000LL  /* us: the cloud's word
                                              for it, 9999-12-31T23:59:59Z */


typedef struct ngx_recording_api_s       ngx_recording_api_t;
typedef struct ngx_recording_api_call_s  ngx_recording_api_call_t;


/* what is known of a file that grows, beyond its row */

typedef struct {
    int64_t                 duration_ms;
    int64_t                 size;          /* bytes that are in the file */
    int64_t                 waiting;       /* bytes that wait for the disk */
    int64_t                 rate;          /* bits a second, lately */
    int64_t                 frame_us;      /* of the last frame, wall clock */
    const char             *waits;         /* for what its frames wait */
    uint64_t                frames_in;
    uint64_t                frames_written;
    uint64_t                frames_dropped;
    uint64_t                drops[NGX_RECORDING_DROPS];
} ngx_recording_api_growing_t;


/*
 * Who knows more than the catalogue: set by the process module, NULL if there
 * is nobody.  Any thread.
 */

typedef struct {
    /* NGX_DECLINED: nothing is known of it, its row answers */
    ngx_int_t             (*growing)(void *data,
                                     ngx_recording_board_seen_t *seen,
                                     uint64_t file_id,
                                     ngx_recording_api_growing_t *growing);
} ngx_recording_api_live_t;

/* the board's: data is the board */
extern const ngx_recording_api_live_t  ngx_recording_api_live;


typedef struct {
    const char             *name;
    const char             *version;       /* NULL: any */
    ngx_uint_t              changes;       /* it needs a key, or "off" */
    ngx_int_t             (*run)(ngx_recording_api_call_t *call);
} ngx_recording_api_action_t;

/* one that has no name for clients: a text for Prometheus */
extern const ngx_recording_api_action_t  ngx_recording_api_metrics;


/* the same, for a playlist by time: the call's arg is an
   ngx_recording_api_play_t; ResourceNotFound if there is nothing */
extern const ngx_recording_api_action_t  ngx_recording_api_play;


/* what is to be played; the texts lie behind it */

typedef struct {
    ngx_recording_catalogue_search_time_t  time;
} ngx_recording_api_play_t;


/* a connection to the catalogue, and the job that has it */

typedef struct {
    ngx_recording_api_t    *api;
    ngx_recording_job_t     job;
    ngx_recording_catalogue_t  catalogue;
    ngx_recording_api_call_t  *call;       /* NULL: it is free */
} ngx_recording_api_slot_t;


/* of a worker */

struct ngx_recording_api_s {
    ngx_recording_worker_t *worker;
    const ngx_recording_api_live_t  *live;
    void                   *data;          /* of those */
    const ngx_recording_policy_t  *configured;  /* templates and rules of the
                                              configuration: the process
                                              module's */
    const ngx_recording_http_t  *http;     /* what URLs of calls are told by:
                                              the same */

    ngx_recording_api_slot_t  slots[NGX_RECORDING_API_THREADS];
    ngx_queue_t             waiting;
    ngx_uint_t              nwaiting;
};


struct ngx_recording_api_call_s {

    /* --- set by the one who makes it */

    const ngx_recording_api_action_t  *action;
    char                    id[NGX_RECORDING_API_REQUEST + 1];
    u_char                 *body;          /* of malloc(), the call's */
    size_t                  len;

    ngx_uint_t              reads;         /* it has no key: it is told no
                                              secret */
    ngx_uint_t              private;       /* its URLs may be private */

    /* loop: it has an answer, or an error */
    void                  (*done)(ngx_recording_api_call_t *call);
    void                   *data;          /* NULL: nobody waits for it */
    char                    by[NGX_RECORDING_TEXT + 4];   /* who changes
                                              something, for the log */

    /* --- for the action */

    ngx_recording_api_t    *api;
    ngx_recording_catalogue_t  *catalogue; /* it reads, a transaction is open
                                              unless the action changes */
    json_t                 *params;        /* an object */
    json_t                 *answer;        /* an object */
    ngx_recording_catalogue_error_t  err;
    ngx_recording_change_t  change;
    void                   *arg;           /* of the change; of malloc(), the
                                              call's */
    ngx_recording_board_seen_t  seen;      /* workers, in this call */
    char                    object[NGX_RECORDING_TEXT + 4];  /* what was
                                              changed, for the log */
    char                    about[NGX_RECORDING_ABOUT];  /* and of which
                                              stream, if it is a file */

    /* --- what comes out: an error, if there is a code */

    const char             *code;
    char                    message[256];
    char                   *text;          /* all of the answer, of malloc():
                                              an action gives one that is no
                                              JSON */

    /* --- its own */

    ngx_queue_t             queue;
    ngx_recording_api_slot_t  *slot;        /* it runs */
    ngx_int_t               rc;
    unsigned                changing:1;    /* what it asked for is committed,
                                              or was, and it is to run again */
};


/* --- ngx_recording_api.c: loop */

/* once in a worker, when that has started, and at its end */
void ngx_recording_api_init(ngx_recording_api_t *api,
    ngx_recording_worker_t *worker);
void ngx_recording_api_close(ngx_recording_api_t *api);

/*
 * An action by its name and version.  NULL: there is none; *known: the version
 * with which there is one, or NULL.
 */
const ngx_recording_api_action_t *ngx_recording_api_find(
    const ngx_str_t *name, const ngx_str_t *version, const char **known);

/* whether the store and the catalogue can be used by now */
ngx_uint_t ngx_recording_api_ready(ngx_recording_api_t *api);

/* NULL: no memory */
ngx_recording_api_call_t *ngx_recording_api_call(void);

/* done() is called later, always; NGX_DECLINED: too many wait */
ngx_int_t ngx_recording_api_post(ngx_recording_api_t *api,
    ngx_recording_api_call_t *call);

/* nobody waits for it any more: it is freed when nothing runs for it, and what
   it asked to be changed was logged */
void ngx_recording_api_forget(ngx_recording_api_call_t *call);

void ngx_recording_api_free(ngx_recording_api_call_t *call);

/* --- any thread */

/*
 * What is wrong with a call: a code of the API, and a message with the
 * conversions of snprintf().  Returns NGX_DECLINED.
 */
ngx_int_t ngx_recording_api_fail(ngx_recording_api_call_t *call,
    const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* the text of an answer, or of an error; NGX_ERROR: no memory */
ngx_int_t ngx_recording_api_answer(ngx_recording_api_call_t *call);

/* --- ngx_recording_api_log.c: who has changed what */

/* loop: by a key of this id, or without one if it is empty, from an address */
void ngx_recording_api_log_by(ngx_recording_api_call_t *call,
    const ngx_str_t *key, const ngx_str_t *address);

/* any thread: what is changed, an id, or a text of the one who calls */
void ngx_recording_api_log_id(ngx_recording_api_call_t *call, uint64_t id);
void ngx_recording_api_log_text(ngx_recording_api_call_t *call,
    const char *text);

/* loop: a call is over: if it has changed something a line says so, whether
   the one who called is there still or not */
void ngx_recording_api_log(const ngx_recording_api_call_t *call);

/* --- the tables of actions; each ends with a name that is NULL */

extern const ngx_recording_api_action_t  ngx_recording_api_media[];
extern const ngx_recording_api_action_t  ngx_recording_api_recordings[];
extern const ngx_recording_api_action_t  ngx_recording_api_store[];
extern const ngx_recording_api_action_t  ngx_recording_api_template_actions[];
extern const ngx_recording_api_action_t  ngx_recording_api_rule_actions[];
extern const ngx_recording_api_action_t  ngx_recording_api_task_actions[];
extern const ngx_recording_api_action_t  ngx_recording_api_callback_actions[];
extern const ngx_recording_api_action_t
    ngx_recording_api_callback_rule_actions[];
extern const ngx_recording_api_action_t  ngx_recording_api_expire[];
extern const ngx_recording_api_action_t  ngx_recording_api_edit_actions[];

/* --- ngx_recording_api_input.c: parameters of a call */

#define NGX_RECORDING_API_TEXTS  100       /* in an array, at most */
#define NGX_RECORDING_API_LONGEST  604800  /* s, an offset in a file */

typedef enum {
    NGX_RECORDING_API_TEXT = 0,            /* ngx_str_t */
    NGX_RECORDING_API_LIST,                /* ngx_recording_api_list_t, of
                                              texts */
    NGX_RECORDING_API_IDS,                 /* ngx_recording_api_list_t, too */
    NGX_RECORDING_API_ID,                  /* uint64_t, other than 0 */
    NGX_RECORDING_API_NUMBER,              /* int64_t */
    NGX_RECORDING_API_BOOL,                /* int64_t */
    NGX_RECORDING_API_RANGE,               /* ngx_recording_api_range_t */
    NGX_RECORDING_API_OBJECT,              /* json_t * */
    NGX_RECORDING_API_ARRAY,               /* the same */
    NGX_RECORDING_API_SECONDS,             /* int64_t, ms: a number, maybe with
                                              a fraction, up to a week */
    NGX_RECORDING_API_IGNORED,
    NGX_RECORDING_API_UNSUPPORTED
} ngx_recording_api_type_e;


typedef struct {
    ngx_uint_t              set;           /* it was given */
    ngx_uint_t              n;
    ngx_str_t               text[NGX_RECORDING_API_TEXTS];
    uint64_t                id[NGX_RECORDING_API_TEXTS];
} ngx_recording_api_list_t;


/* times, us */

typedef struct {
    ngx_uint_t              set;
    int64_t                 after;         /* INT64_MIN: from the beginning */
    int64_t                 before;        /* INT64_MAX: no end */
} ngx_recording_api_range_t;


/* a parameter: what it is, where it goes to, its limits */

typedef struct {
    const char             *name;          /* NULL: the last one */
    ngx_recording_api_type_e  type;
    size_t                  offset;        /* of the field */
    int64_t                 min;           /* of a number */
    int64_t                 max;           /* of a number, or how many texts
                                              there may be, or bytes of one */
} ngx_recording_api_param_t;


/*
 * Reads all parameters of a call into the fields of a struct; those that are
 * absent or null stay as they were.  NGX_DECLINED: one is not known, not
 * supported, or not what it should be.
 */
ngx_int_t ngx_recording_api_params(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *params, void *fields);

/* the same of an object that is a parameter */
ngx_int_t ngx_recording_api_members(ngx_recording_api_call_t *call,
    const json_t *object, const ngx_recording_api_param_t *params,
    void *fields);

/* a text of at most size - 1 bytes; one that is too long was refused before */
void ngx_recording_api_copy(char *to, size_t size, const ngx_str_t *text);

/* --- ngx_recording_api_output.c: members of an answer */

/*
 * They take what they are given, and a NULL, which is what jansson gives
 * without memory; NGX_ERROR then.
 */
ngx_int_t ngx_recording_api_set(json_t *object, const char *name,
    json_t *value);
ngx_int_t ngx_recording_api_append(json_t *array, json_t *value);

/* what makes the members of an object: the first failure is kept */
typedef struct {
    json_t                 *object;        /* NULL: it failed */
} ngx_recording_api_object_t;

void ngx_recording_api_object(ngx_recording_api_object_t *o);
void ngx_recording_api_put(ngx_recording_api_object_t *o, const char *name,
    json_t *value);

/* the same of texts, numbers and times */
void ngx_recording_api_put_str(ngx_recording_api_object_t *o,
    const char *name, const ngx_str_t *text);
void ngx_recording_api_put_text(ngx_recording_api_object_t *o,
    const char *name, const char *text);
void ngx_recording_api_put_int(ngx_recording_api_object_t *o,
    const char *name, int64_t number);
void ngx_recording_api_put_date(ngx_recording_api_object_t *o,
    const char *name, int64_t us);
void ngx_recording_api_put_bool(ngx_recording_api_object_t *o,
    const char *name, ngx_uint_t value);

/* a text of a publisher, which may be no UTF-8 */
json_t *ngx_recording_api_text(const char *text, size_t len);

/* 19 digits are too many for a number of JavaScript */
json_t *ngx_recording_api_id(uint64_t id);

/* "2026-01-02T03:04:05Z"; empty if it is 0, which is none */
json_t *ngx_recording_api_date(int64_t us);

/* JSON of a row; what is none is an empty array, or object */
json_t *ngx_recording_api_json(const char *text, json_t *(*otherwise)(void));

/* what the cloud knows a template by: the same for a name, below 2^31 */
json_t *ngx_recording_api_template(const ngx_str_t *name);

/*
 * --- ngx_recording_api_policy.c: what templates, rules and tasks share
 */

/* a domain, or an address; lower case is written.  NGX_DECLINED: it is none */
ngx_int_t ngx_recording_api_policy_domain(ngx_recording_api_call_t *call,
    const ngx_str_t *text, char to[NGX_RECORDING_POLICY_NAME]);

/* a template's name: letters of any script, digits, "_" and "-".
   NGX_DECLINED: it is none */
ngx_int_t ngx_recording_api_policy_name(ngx_recording_api_call_t *call,
    const ngx_str_t *name);

/* a time by the clock of Beijing, as the cloud tells these; 0 is none */
void ngx_recording_api_policy_time(ngx_recording_api_object_t *o,
    const char *name, int64_t us);

/*
 * What the call of a template was, with what this call gives; the caller's, as
 * is *was, of malloc(): the text that it was read from.  NULL: the call says
 * what is wrong, else the catalogue failed, or there is no memory.
 */
typedef ngx_int_t (*ngx_recording_api_policy_pt)(
    ngx_recording_catalogue_t *cat, int64_t id,
    ngx_recording_policy_params_pt each, void *data);
json_t *ngx_recording_api_policy_merge(ngx_recording_api_call_t *call,
    int64_t id, ngx_recording_api_policy_pt read, char **was);

/* whether a template is the configuration's */
ngx_uint_t ngx_recording_api_policy_configured(
    ngx_recording_api_call_t *call, int64_t id);

/* the only parameter of a call, TemplateId */
ngx_int_t ngx_recording_api_policy_id(ngx_recording_api_call_t *call,
    int64_t *id);

/* parameters as the catalogue keeps them */
ngx_int_t ngx_recording_api_policy_keep(ngx_recording_api_call_t *call,
    const json_t *params, char to[NGX_RECORDING_POLICY_PARAMS]);

/* a name that is given to a template which is there must be its own */
ngx_int_t ngx_recording_api_policy_same(ngx_recording_api_call_t *call,
    const ngx_str_t *name, int64_t id);

/*
 * What became of a change of a template, or of a rule for one.  kind: "", or
 * what stands before the word, with a space.  NGX_DECLINED: it was not done.
 */
ngx_int_t ngx_recording_api_policy_template(ngx_recording_api_call_t *call,
    const char *kind, int64_t id, ngx_recording_policy_e result);
ngx_int_t ngx_recording_api_policy_rule(ngx_recording_api_call_t *call,
    const char *kind, int64_t id, ngx_recording_policy_e result);

/* answers with the first one of a set, which is freed; rc: of what filled it */
ngx_int_t ngx_recording_api_policy_one(ngx_recording_api_call_t *call,
    const char *kind, int64_t id, json_t *set, ngx_int_t rc);

/* --- ngx_recording_api_file.c: what is told of a file, and of a delivery */

json_t *ngx_recording_api_file(ngx_recording_api_call_t *call,
    const ngx_recording_catalogue_search_file_t *file);
json_t *ngx_recording_api_letter(
    const ngx_recording_catalogue_search_letter_t *letter);

/* where a file plays: from the store, else from a bucket; may be empty */
json_t *ngx_recording_api_url(
    const ngx_recording_catalogue_search_file_t *file);

/* --- ngx_recording_api_page.c: a page that follows another one */

/* takes a token of a search for the same; NGX_DECLINED: it is none */
ngx_int_t ngx_recording_api_page_from(ngx_recording_api_call_t *call,
    const ngx_str_t *token, ngx_recording_catalogue_search_t *search);

/* ScrollToken of the answer: empty if there is no further page */
ngx_int_t ngx_recording_api_page_next(ngx_recording_api_call_t *call,
    const ngx_recording_catalogue_search_t *search);

/* answers with a set, which is given away, and with the token behind it; rc: of
   what filled the set */
ngx_int_t ngx_recording_api_page_end(ngx_recording_api_call_t *call,
    const char *name, json_t *set, const char *token, ngx_int_t rc);


#endif /* _NGX_RECORDING_API_H_INCLUDED_ */
