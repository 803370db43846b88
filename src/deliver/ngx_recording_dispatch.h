
/*
 * The dispatch: takes rows of the outbox and has them told, or delivered.
 *
 * One in a worker.  A turn is a job: it writes what became of attempts, takes
 * rows whose time it is, as many as their peers have room for, and the loop
 * starts an attempt for each of them.  A turn follows what was committed, the
 * end of an attempt, and each second.
 *
 *      outbox row --take--> attempt --------> told: done, failed
 *                           |  |  one of:         |
 *                           |  +- a request       |
 *                           |  +- a program       |
 *                           |  +- a removal       |
 *                           +---- a delivery      +--> the next turn writes it
 *
 * A target is a notify or an upload of a template, or a URL that a call has
 * given (ngx_recording_callback.h), which come and go; a peer is what it
 * reaches: a host, which all targets with that host share, this machine, for
 * programs, or a bucket.  Hosts of calls are peers of their own, as they are
 * not to be reached wherever they are.  A peer that fails by itself, not by
 * what it was told, is tried with one row at a time, after a pause that
 * doubles; the others wait, and do not count as tried.  One program leaves
 * the last place to others, which it would keep from their work if it hangs.
 *
 * Loop, but what ends in _thread.  Lives as long as the worker.
 */


#ifndef _NGX_RECORDING_DISPATCH_H_INCLUDED_
#define _NGX_RECORDING_DISPATCH_H_INCLUDED_


#include "ngx_recording_callback.h"
#include "ngx_recording_delivery.h"
#include "ngx_recording_event.h"
#include "ngx_recording_program.h"
#include "ngx_recording_removal.h"
#include "ngx_recording_text.h"
#include "ngx_recording_worker.h"


#define NGX_RECORDING_DISPATCH_PEER      4       /* attempts at a time */
#define NGX_RECORDING_DISPATCH_ROWS      32      /* that a turn takes */
#define NGX_RECORDING_DISPATCH_MEMORY    64      /* events without a row */
#define NGX_RECORDING_DISPATCH_ANSWER    256


typedef struct ngx_recording_dispatch_s  ngx_recording_dispatch_t;


typedef struct {
    ngx_recording_http_host_t  *host;      /* NULL: this machine */
    ngx_recording_bucket_t *bucket;        /* NULL: none */
    ngx_uint_t              running;
    ngx_uint_t              room;          /* for rows, in this turn */
    ngx_uint_t              early;         /* for those of files that grow, at a
                                              time: there may be many */
    ngx_uint_t              probing;       /* what is taken is a probe */
    ngx_uint_t              failures;      /* in a row, of the peer itself */
    ngx_msec_t              pause;         /* 0: it does not fail */
    ngx_msec_t              doubt;         /* that pause, of one that has
                                              answered a probe, and has taken
                                              nothing yet; 0: none */
    ngx_msec_t              probe;         /* when it is tried again */
    ngx_msec_t              since;         /* when the pauses began */
    ngx_uint_t              down;          /* for the job: for some time */
    char                    error[256];    /* why it failed last */
} ngx_recording_peer_t;


typedef struct ngx_recording_lane_s  ngx_recording_lane_t;

struct ngx_recording_lane_s {
    const ngx_recording_notify_t  *notify;     /* NULL: it is a bucket */
    ngx_recording_bucket_t *bucket;        /* of that */
    ngx_uint_t              removes;       /* objects of that are removed */
    ngx_recording_lane_t   *backup;        /* while it fails; NULL: none */
    ngx_uint_t              rank;          /* in its template */
    const ngx_recording_target_t  *target;
    ngx_recording_peer_t   *peer;
    ngx_uint_t              refused;       /* something, and this was said: 1
                                              as a warning, 2 as an error */

    ngx_recording_lane_t   *same;          /* the first one of this program, in
                                              whichever template; or itself */

    /* --- of the first one */

    ngx_uint_t              most;          /* attempts at a time */
    ngx_uint_t              running;
    ngx_uint_t              room;          /* for rows, in this turn */

    /* --- of a URL of a call */

    ngx_uint_t              memory;        /* attempts without a row */
};


/* a host that calls have named; of malloc() */

typedef struct {
    ngx_queue_t             queue;
    ngx_pool_t             *pool;
    ngx_recording_peer_t    peer;
    ngx_recording_url_t     url;
    ngx_recording_address_e most;          /* what its addresses may be */
    ngx_uint_t              used;          /* by lanes */
} ngx_recording_guest_t;


/* a URL that a call has given; of malloc() */

typedef struct {
    ngx_queue_t             queue;         /* if it is over */
    ngx_pool_t             *pool;
    ngx_recording_lane_t    lane;
    ngx_recording_callback_target_t  given;
    ngx_recording_notify_t  notify;
    ngx_recording_target_t  target;
    ngx_recording_guest_t  *guest;
} ngx_recording_called_t;


/* what an attempt says of its peer */

typedef enum {
    NGX_RECORDING_PEER_UNKNOWN = 0,
    NGX_RECORDING_PEER_WORKS,
    NGX_RECORDING_PEER_FAILED
} ngx_recording_peer_e;


/* one row that is being told */

typedef struct {
    ngx_queue_t             queue;
    ngx_recording_dispatch_t  *dispatch;
    ngx_recording_lane_t   *lane;
    ngx_recording_outbox_row_t  row;
    ngx_uint_t              tries;         /* of one without a row; 0: it has
                                              one */
    ngx_event_t             timer;         /* of that */

    ngx_recording_event_t   event;
    ngx_recording_event_program_t  args;
    int                     lock;          /* of a program, or -1 */
    ngx_log_t               log;           /* that names the stream */

    ngx_recording_http_request_t  request;
    ngx_recording_program_t  program;
    ngx_recording_delivery_t  *delivery;   /* of an upload */
    ngx_recording_removal_t *removal;      /* of an object */
    ngx_uint_t              early;         /* its file grows: it takes no place,
                                              but as a probe */
    ngx_uint_t              probe;
    ngx_queue_t             growing;       /* if it is early, in ->early */
    ngx_uint_t              looked;        /* it is in ->looked */
    ngx_uint_t              grows;         /* by the job: the file, still */
    ngx_uint_t              over;
    ngx_queue_t             step;          /* its progress is to be written */
    char                   *progress;      /* that; NULL: nothing is */
    u_char                  answer[NGX_RECORDING_DISPATCH_ANSWER];

    ngx_msec_t              began;         /* 0: it did not */
    ngx_recording_outbox_e  result;
    ngx_uint_t              unreached;     /* its peer has failed */
    ngx_uint_t              answered;      /* by an answer */
    ngx_msec_t              hold;          /* which says for how long; 0: it
                                              does not */
    ngx_uint_t              told;          /* all of its file are */
    ngx_uint_t              dead;
    char                    said[NGX_RECORDING_TEXT + 4];  /* last, by a
                                              program */
    char                    error[NGX_RECORDING_TEXT + 320];
} ngx_recording_attempt_t;


struct ngx_recording_dispatch_s {
    ngx_recording_worker_t *worker;
    ngx_recording_catalogue_t  catalogue;  /* a connection of its own */

    ngx_recording_programs_t  programs;

    ngx_recording_lane_t   *lanes;
    ngx_uint_t              nlanes;
    ngx_uint_t              buckets;       /* of those, that are uploads */
    ngx_uint_t              first;         /* that is served first */
    ngx_recording_peer_t   *peers;
    ngx_uint_t              npeers;

    /* what calls have given; ->calls: they may give something */

    ngx_recording_http_t   *http;
    ngx_recording_called_t **called;       /* lanes behind the others */
    ngx_uint_t              ncalled;
    const ngx_recording_target_t  **targets;   /* of those, for the catalogue */
    ngx_queue_t             over;          /* those whose attempts have to
                                              end */
    ngx_queue_t             guests;
    ngx_recording_callbacks_t  *callbacks; /* that hold; NULL: not known yet */
    ngx_recording_callbacks_t  *found;     /* the job's; NULL: nothing new */
    ngx_uint_t              opened;        /* the opening of the database in
                                              which they were found */

    ngx_recording_job_t     job;
    ngx_event_t             timer;
    ngx_recording_notices_t notices;
    ngx_uint_t              turns;
    ngx_uint_t              patience;      /* turns that were late */
    ngx_msec_t              swept;
    ngx_msec_t              cleaned;
    ngx_msec_t              stayed;        /* when it was looked what waits for
                                              nobody */
    ngx_uint_t              left;          /* rows that did */

    ngx_queue_t             told;          /* attempts whose end is to be
                                              written */
    ngx_queue_t             writing;       /* the job's */
    ngx_queue_t             taken;         /* the job's: to be started */
    ngx_queue_t             early;         /* attempts whose files grow */
    ngx_queue_t             looked;        /* those that the job looks at */
    ngx_msec_t              grown;         /* when it did that */
    ngx_queue_t             steps;         /* attempts whose progress is to be
                                              written */
    ngx_queue_t             stepping;      /* the job's */
    ngx_msec_t              released;      /* when it was looked whether events
                                              wait too long */
    ngx_uint_t              memory;        /* those without a row */

    ngx_uint_t              nwaiting;      /* exceptions to be written */
    ngx_uint_t              nexceptions;   /* the job's */
    ngx_recording_outbox_exception_t  *waiting;
    ngx_recording_outbox_exception_t  *exceptions;
    ngx_uint_t              left_out;      /* events for which there was no
                                              room in memory */

    unsigned                calls:1;       /* there is an API */
    unsigned                private:1;     /* private addresses may be had */
    unsigned                started:1;     /* the store is open */
    unsigned                stopping:1;    /* the worker exits, now */
    unsigned                busy:1;        /* the job is ordered */
    unsigned                again:1;       /* another turn is due */
    unsigned                unlooked:1;    /* it is too early for a look at what
                                              grows */
    unsigned                written:1;     /* by the job: what was in
                                              ->writing */
    unsigned                late:1;        /* others write, and the job did
                                              not wait */
    unsigned                failed:1;      /* the catalogue, and this was
                                              said */
};


extern const ngx_recording_worker_told_t  ngx_recording_dispatch_calls;


/*
 * Once, before the worker starts: whom the configuration tells, where files
 * go, and where objects may have to be removed.  They stay as they are.
 */
ngx_int_t ngx_recording_dispatch_init(ngx_recording_worker_t *worker,
    const ngx_recording_notify_t *notifies, ngx_uint_t n,
    const ngx_recording_upload_t *uploads, ngx_uint_t nuploads,
    ngx_recording_bucket_t **buckets, ngx_uint_t nbuckets, ngx_pool_t *pool);


/* the same, if there is an API: whom calls tell, too.  `private`: if they say
   so these may be at private addresses */
ngx_int_t ngx_recording_dispatch_callbacks(ngx_recording_worker_t *worker,
    ngx_recording_http_t *http, ngx_uint_t private, ngx_pool_t *pool);


/* all lanes: how many, and each */

static ngx_inline ngx_uint_t
ngx_recording_dispatch_lanes(const ngx_recording_dispatch_t *d)
{
    return d->nlanes + d->ncalled;
}

static ngx_inline ngx_recording_lane_t *
ngx_recording_dispatch_lane(const ngx_recording_dispatch_t *d, ngx_uint_t i)
{
    return i < d->nlanes ? &d->lanes[i] : &d->called[i - d->nlanes]->lane;
}


/* what a lane leads to runs on this machine, and can outlive the worker */

static ngx_inline ngx_uint_t
ngx_recording_dispatch_program(const ngx_recording_lane_t *lane)
{
    return lane->notify && lane->notify->host == NULL;
}

/* events of a recording are told in their order */

static ngx_inline ngx_uint_t
ngx_recording_dispatch_ordered(const ngx_recording_lane_t *lane)
{
    return lane->notify && lane->notify->host;
}


/* --- ngx_recording_dispatch_turn.c: the job */

void ngx_recording_dispatch_turn_thread(void *dispatch);


/* --- ngx_recording_dispatch_take.c: for the job */

/* whether a row could be taken */
ngx_int_t ngx_recording_dispatch_due(ngx_recording_dispatch_t *d,
    ngx_uint_t *due, ngx_recording_catalogue_error_t *err);

/* in a transaction: takes rows, of which attempts are made */
ngx_int_t ngx_recording_dispatch_take(ngx_recording_dispatch_t *d);


/* --- ngx_recording_dispatch_attempt.c */

/* any thread: one without a row yet; NULL: no memory */
ngx_recording_attempt_t *ngx_recording_dispatch_attempt_create(
    ngx_recording_dispatch_t *d, ngx_recording_lane_t *lane);

/* any thread: makes what is told; ->error is set if that cannot be done */
void ngx_recording_dispatch_attempt_prepare(ngx_recording_attempt_t *a);

/* loop: ngx_recording_dispatch_over() is called, now or later */
void ngx_recording_dispatch_attempt_start(ngx_recording_attempt_t *a);

/* loop: it was written */
void ngx_recording_dispatch_attempt_told(ngx_recording_attempt_t *a);

/* loop: it is over */
void ngx_recording_dispatch_attempt_count(ngx_recording_attempt_t *a,
    ngx_recording_outbox_e result);

/* loop: whether it is to be said at this level that it has failed: once, until
   the lane's peer takes something */
ngx_uint_t ngx_recording_dispatch_attempt_says(ngx_recording_attempt_t *a,
    ngx_uint_t level);

/* any thread */
void ngx_recording_dispatch_attempt_free(ngx_recording_attempt_t *a);

/* --- ngx_recording_dispatch_upload.c: an attempt that is a delivery */

/* configuration: the lanes from this one on; their number */
ngx_uint_t ngx_recording_dispatch_uploads(ngx_recording_lane_t *lanes,
    ngx_recording_target_t *targets, const ngx_recording_upload_t *uploads,
    ngx_uint_t n, ngx_pool_t *pool);

void ngx_recording_dispatch_upload_prepare(ngx_recording_attempt_t *a);
void ngx_recording_dispatch_upload_start(ngx_recording_attempt_t *a);
void ngx_recording_dispatch_upload_free(ngx_recording_attempt_t *a);

/* loop: steps that a turn has written */
void ngx_recording_dispatch_upload_stepped(ngx_recording_dispatch_t *d);

/* the job: what became of it, or NGX_ERROR: no memory */
ngx_int_t ngx_recording_dispatch_upload_result(ngx_recording_attempt_t *a,
    ngx_recording_outbox_result_t *result,
    ngx_recording_outbox_object_t *object, char **url);

/* loop: it was written */
void ngx_recording_dispatch_upload_told(ngx_recording_attempt_t *a);

/* --- ngx_recording_dispatch_remove.c: an attempt that is a removal */

/* configuration: the lanes from this one on; their number */
ngx_uint_t ngx_recording_dispatch_removes(ngx_recording_lane_t *lanes,
    ngx_recording_target_t *targets, ngx_recording_bucket_t **buckets,
    ngx_uint_t n, ngx_pool_t *pool);

void ngx_recording_dispatch_remove_prepare(ngx_recording_attempt_t *a);
void ngx_recording_dispatch_remove_free(ngx_recording_attempt_t *a);

/* the job: what became of it */
void ngx_recording_dispatch_remove_result(ngx_recording_attempt_t *a,
    ngx_recording_outbox_result_t *result);

/* loop: it was written */
void ngx_recording_dispatch_remove_told(ngx_recording_attempt_t *a);

/* --- ngx_recording_dispatch_callback.c: URLs that calls have given */

/* the job: what they are, if that is something else */
ngx_int_t ngx_recording_dispatch_callback_look(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err);

/* loop, while there is no job: makes and frees lanes */
void ngx_recording_dispatch_callback_take(ngx_recording_dispatch_t *d);

/* loop: the name of the callback template of a stream, which is empty if there
   is none */
ngx_str_t ngx_recording_dispatch_callback_of(ngx_recording_dispatch_t *d,
    const ngx_recording_stream_t *stream);

/* --- ngx_recording_dispatch_memory.c: what has no row */

void ngx_recording_dispatch_refused(ngx_recording_worker_t *worker,
    const ngx_recording_stream_t *stream, const char *text,
    const char **formats, ngx_uint_t n);
void ngx_recording_dispatch_memory_over(ngx_recording_attempt_t *a);

/* --- ngx_recording_dispatch.c, for those: a turn is due, an attempt begins,
   and is over */

void ngx_recording_dispatch_begin(ngx_recording_attempt_t *a);
void ngx_recording_dispatch_wake(ngx_recording_dispatch_t *d);
void ngx_recording_dispatch_over(ngx_recording_attempt_t *a,
    ngx_recording_outbox_e result, ngx_recording_peer_e peer);

/* loop: what a turn may take for a peer */
void ngx_recording_dispatch_room(ngx_recording_dispatch_t *d,
    ngx_recording_peer_t *peer);

/* loop: its peer has taken something */
void ngx_recording_dispatch_peer_works(ngx_recording_attempt_t *a);


#endif /* _NGX_RECORDING_DISPATCH_H_INCLUDED_ */
