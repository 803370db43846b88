
/*
 * Tasks that make a file of others: rows that a call writes, one worker takes,
 * and a trigger ends with the row of the file that was made.
 *
 *   waiting ----------> processing ----------> finished
 *      ^      taken         |        its file is
 *      |                    |
 *      +--------------------+----------------> failed
 *       its worker died, or
 *       exits
 *
 * A file that is being made has a row from its beginning on, in the state
 * `finishing`, which names the task; when that row goes, because its worker
 * died, the task waits again.
 *
 * Runs on pool threads.  Return codes: NGX_OK; NGX_ERROR with the reason in
 * the error given, or, of what runs in a transaction, at its end.
 */


#ifndef _NGX_RECORDING_CATALOGUE_EDIT_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_EDIT_H_INCLUDED_


#include "ngx_recording_catalogue.h"


#define NGX_RECORDING_EDIT_INPUTS    100           /* of a task */
#define NGX_RECORDING_EDIT_NAME      257           /* bytes, with a null
                                                      character */
#define NGX_RECORDING_EDIT_ERROR     256           /* the same */
#define NGX_RECORDING_EDIT_ID        32            /* of an id for clients */
#define NGX_RECORDING_EDIT_MOST      100           /* that are not over */
#define NGX_RECORDING_EDIT_ATTEMPTS  3             /* that a worker died of */
#define NGX_RECORDING_EDIT_AGAIN     259200000000  /* us, 3 days: a session's
                                                      name is used once */
#define NGX_RECORDING_EDIT_KEPT_US   7776000000000 /* us, 90 days, of tasks that
                                                      are over */

/* what a task failed by, as the cloud has it */
#define NGX_RECORDING_EDIT_BAD       40000         /* it cannot be done */
#define NGX_RECORDING_EDIT_SOURCE    60000         /* a source cannot be read */
#define NGX_RECORDING_EDIT_STORE     70000         /* the store fails */


/* a part of a file; times are ms of it, -1: to its end, or not known */

typedef struct {
    uint64_t                file_id;
    int64_t                 start;
    int64_t                 end;
    int64_t                 from;          /* what was taken */
    int64_t                 to;
} ngx_recording_edit_input_t;


typedef enum {
    NGX_RECORDING_EDIT_DONE = 0,
    NGX_RECORDING_EDIT_LIMIT,              /* too many wait */
    NGX_RECORDING_EDIT_REPEATED,           /* there was one of this session */
    NGX_RECORDING_EDIT_GONE                /* a file is gone, or is no file */
} ngx_recording_edit_e;


typedef struct {
    uint64_t                id;
    char                    format[8];     /* of what is made */
    char                    name[NGX_RECORDING_EDIT_NAME];
    int64_t                 expire_us;     /* 0: never, -1: as its template has
                                              it */
    ngx_uint_t              attempts;
    uint64_t                file_id;       /* 0: none yet */

    ngx_uint_t              n;
    ngx_recording_edit_input_t  inputs[NGX_RECORDING_EDIT_INPUTS];
} ngx_recording_edit_t;


/* --- a change: a call orders a task */

typedef struct {
    ngx_recording_edit_t    edit;
    char                    session[64];
    char                   *input;         /* as it was given, JSON; of
                                              malloc() */
    ngx_recording_edit_e    result;
    uint64_t                file_id;       /* that is gone */
} ngx_recording_edit_order_t;

/* an ngx_recording_edit_order_t: edit.id is set */
ngx_int_t ngx_recording_catalogue_edit_add(ngx_recording_catalogue_t *cat,
    void *order, ngx_uint_t again);


/* --- what one worker does */

/*
 * Takes the oldest task that waits, or whose worker died.  NGX_DECLINED: there
 * is none, or one was given up, as each of its workers has died.
 */
ngx_int_t ngx_recording_catalogue_edit_take_thread(
    ngx_recording_catalogue_t *cat, ngx_recording_edit_t *edit,
    ngx_recording_catalogue_error_t *err);


/* a file begins to be made */

typedef struct {
    ngx_recording_edit_t   *edit;
    ngx_recording_file_t   *file;
    ngx_uint_t              gone;          /* the task is not this worker's any
                                              more: nothing was written */
} ngx_recording_edit_begin_t;

/* an ngx_recording_edit_begin_t: as ngx_recording_catalogue_insert(), with the
   row of its recording */
ngx_int_t ngx_recording_catalogue_edit_begin(ngx_recording_catalogue_t *cat,
    void *begin, ngx_uint_t again);


typedef struct {
    ngx_recording_edit_t   *edit;
    ngx_uint_t              progress;      /* percent */
    int64_t                 end_us;        /* of the recording: all was copied,
                                              what was taken is written; 0: it
                                              was not */
    uint64_t                recording_id;
    char                    note[NGX_RECORDING_EDIT_ERROR];    /* with that:
                                              what is wrong with the file */
    ngx_uint_t              gone;          /* with that: the row of what was
                                              made is not there any more, as
                                              another catalogue is */
} ngx_recording_edit_progress_t;

/* an ngx_recording_edit_progress_t */
ngx_int_t ngx_recording_catalogue_edit_progress(
    ngx_recording_catalogue_t *cat, void *progress, ngx_uint_t again);


typedef struct {
    uint64_t                id;
    ngx_int_t               code;          /* 0: it is left to another worker */
    char                    text[NGX_RECORDING_EDIT_ERROR];
} ngx_recording_edit_end_t;

/* an ngx_recording_edit_end_t: it has failed, or is nobody's */
ngx_int_t ngx_recording_catalogue_edit_end(ngx_recording_catalogue_t *cat,
    void *end, ngx_uint_t again);


/* --- what is told of it, in a transaction of the one who calls */

typedef struct {
    ngx_recording_edit_t    edit;
    char                    state[16];
    char                    error[NGX_RECORDING_EDIT_ERROR];
    char                    session[64];
    char                   *input;         /* JSON, of malloc() */
    int64_t                 created_us;
    int64_t                 begun_us;      /* 0: it is not, as the next one */
    int64_t                 ended_us;
    int64_t                 progress;
    int64_t                 code;
} ngx_recording_edit_facts_t;

/* NGX_DECLINED: there is no such task; who calls frees facts->input */
ngx_int_t ngx_recording_catalogue_edit_facts(ngx_recording_catalogue_t *cat,
    uint64_t id, ngx_recording_edit_facts_t *facts);


typedef enum {
    NGX_RECORDING_EDIT_LIST_ALL = 0,
    NGX_RECORDING_EDIT_LIST_WAITING,
    NGX_RECORDING_EDIT_LIST_PROCESSING,
    NGX_RECORDING_EDIT_LIST_OVER
} ngx_recording_edit_list_e;

/* tasks older than one, the newest first; n: how many are asked for, and are
   there */
ngx_int_t ngx_recording_catalogue_edit_list(ngx_recording_catalogue_t *cat,
    ngx_recording_edit_list_e which, uint64_t before, uint64_t *ids,
    ngx_uint_t *n);


/* an id as clients have it, and back; 0: it is none */
void ngx_recording_catalogue_edit_name(uint64_t id,
    char name[NGX_RECORDING_EDIT_ID]);
uint64_t ngx_recording_catalogue_edit_id(const char *name, size_t len);


#endif /* _NGX_RECORDING_CATALOGUE_EDIT_H_INCLUDED_ */
