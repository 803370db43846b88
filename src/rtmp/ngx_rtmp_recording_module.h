
/*
 * A session that publishes, as the files of the module share it.
 *
 * Runs in the event loop.
 */


#ifndef _NGX_RTMP_RECORDING_MODULE_H_INCLUDED_
#define _NGX_RTMP_RECORDING_MODULE_H_INCLUDED_


#include "ngx_recording_conf.h"
#include "ngx_recording_gate.h"
#include "ngx_recording_ring.h"
#include "ngx_rtmp.h"
#include "ngx_rtmp_cmd_module.h"


/* a recording of a session; of a task, or of a rule: then it has no name */

typedef struct {
    ngx_recording_t        *recording;     /* NULL: a task's that was stopped,
                                              which does not begin again */
    int64_t                 end;           /* us, of a task */
    char                    task[NGX_RECORDING_POLICY_TASK_ID];
} ngx_rtmp_recording_one_t;


/*
 * What a session publishes; it may record nothing.  With a record_api calls may
 * have ordered something: it waits until that is known, also if it is over
 * before.
 *
 *   publish --> waiting -----------------------> known ---> its end
 *                  |      known, or not in 2 s                ^
 *                  |                                          |
 *                  +--- its end ---> over, and waiting -------+
 */

typedef struct {
    ngx_rtmp_session_t     *session;       /* NULL: it is over */
    ngx_pool_t             *pool;          /* its own */
    ngx_log_t              *log;           /* its session's, or its worker's */
    ngx_recording_main_conf_t  *main_conf;
    ngx_recording_app_conf_t   *app_conf;
    ngx_str_t               app;
    ngx_str_t               domain;
    ngx_str_t               query;         /* of its application */
    ngx_queue_t             queue;         /* of sessions, with a watch */
    ngx_event_t             hold;          /* the worker stays for it, when it
                                              is over and waits */
    ngx_uint_t              n;
    ngx_uint_t              allocated;
    ngx_rtmp_recording_one_t  *recordings;
    ngx_recording_ring_t   *ring;          /* what rewind= keeps of it; NULL:
                                              nothing */
    ngx_recording_gate_t    gate;          /* what came while it waits */
    ngx_uint_t              look;          /* what it waits for */
    ngx_msec_t              since;
    u_char                  name[NGX_RTMP_MAX_NAME];
    u_char                  args[NGX_RTMP_MAX_ARGS];
    unsigned                relay:1;
    unsigned                paused:1;      /* a relay's source stopped */
    unsigned                queued:1;      /* in sessions */
    unsigned                waiting:1;
} ngx_rtmp_recording_ctx_t;


/*
 * What calls have ordered was looked at, or a moment has passed; data is the
 * main conf.  Sessions that wait are decided, tasks begin and end.
 */
void ngx_rtmp_recording_module_looked(void *data);

/* the worker exits at once: what sessions have sent is to be recorded */
void ngx_rtmp_recording_module_stop(ngx_recording_main_conf_t *rmcf);

/* how the stream is recorded, by what is known now; if it is over its
   recordings end, and it is gone */
void ngx_rtmp_recording_module_decide(ngx_rtmp_recording_ctx_t *ctx);

/* the stream is over: it is gone, or waits without a session */
void ngx_rtmp_recording_module_over(ngx_rtmp_recording_ctx_t *ctx);

void ngx_rtmp_recording_module_stream(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream);

/* what its publisher asks for */
ngx_recording_type_e ngx_rtmp_recording_module_type(
    ngx_rtmp_recording_ctx_t *ctx, const ngx_recording_stream_t *stream);

/*
 * Begins a recording, now, or at a time (us, the wall clock; 0: now) as far as
 * that is kept.  NULL: nothing is recorded, which was said.
 */
ngx_rtmp_recording_one_t *ngx_rtmp_recording_module_start(
    ngx_rtmp_recording_ctx_t *ctx, const ngx_recording_template_t *template,
    ngx_recording_stream_t *stream, ngx_recording_type_e type, int64_t start);

/* ends a recording of a session, before its stream is over */
void ngx_rtmp_recording_module_finish(ngx_recording_t *r);

/* --- ngx_rtmp_recording_module_policy.c: what calls have ordered */

/* one that is over waits on, and the worker with it */
void ngx_rtmp_recording_module_hold(ngx_rtmp_recording_ctx_t *ctx);

/* says that it was decided without what the catalogue had to tell */
void ngx_rtmp_recording_module_late(ngx_rtmp_recording_ctx_t *ctx,
    const ngx_recording_stream_t *stream);

/* NGX_DECLINED: no rule of a call names more than `rank` */
ngx_int_t ngx_rtmp_recording_module_policy(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_stream_t *stream, ngx_uint_t rank);

/* begins and ends recordings of tasks */
void ngx_rtmp_recording_module_tasks(ngx_rtmp_recording_ctx_t *ctx);

/* --- ngx_rtmp_recording_module_seed.c */

/* what the connection brought before stays in force, for a recording, or, if r
   is NULL, for what is kept of the session */
void ngx_rtmp_recording_module_seed(ngx_rtmp_recording_ctx_t *ctx,
    ngx_recording_t *r);


#endif /* _NGX_RTMP_RECORDING_MODULE_H_INCLUDED_ */
