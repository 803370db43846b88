
/*
 * An attempt: one event is told, by a request or a program.
 */


#include "ngx_recording_dispatch.h"


#define NGX_RECORDING_ATTEMPT_TIMEOUT  20000     /* ms, for an answer */
#define NGX_RECORDING_ATTEMPT_PROGRAM  600000    /* ms, for a program */


static u_char *ngx_recording_attempt_log(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_recording_attempt_request(ngx_recording_attempt_t *a);
static void ngx_recording_attempt_answered(ngx_recording_http_request_t *r);
static void ngx_recording_attempt_program(ngx_recording_attempt_t *a);
static void ngx_recording_attempt_line(ngx_recording_program_t *p,
    ngx_str_t *line);
static void ngx_recording_attempt_exited(ngx_recording_program_t *p);
static void ngx_recording_attempt_why(ngx_recording_attempt_t *a);
static void ngx_recording_attempt_done(ngx_recording_attempt_t *a);
static void ngx_recording_attempt_refused(ngx_recording_attempt_t *a,
    ngx_uint_t level);


ngx_recording_attempt_t *
ngx_recording_dispatch_attempt_create(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane)
{
    ngx_recording_attempt_t  *a;

    a = calloc(1, sizeof(ngx_recording_attempt_t));

    if (a) {
        a->dispatch = d;
        a->lane = lane;
        a->lock = -1;

        a->log = *d->worker->log;
        a->log.handler = ngx_recording_attempt_log;
        a->log.data = a;
        a->log.action = NULL;
    }

    return a;
}


static u_char *
ngx_recording_attempt_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_recording_attempt_t  *a;

    a = log->data;

    return ngx_snprintf(buf, len, "%s", a->row.about);
}


void
ngx_recording_dispatch_attempt_prepare(ngx_recording_attempt_t *a)
{
    ngx_int_t                      rc;
    const char                    *why;
    ngx_recording_store_t         *store;
    const ngx_recording_notify_t  *notify;

    if (a->lane->removes) {
        ngx_recording_dispatch_remove_prepare(a);
        return;
    }

    if (a->lane->bucket) {
        ngx_recording_dispatch_upload_prepare(a);
        return;
    }

    notify = a->lane->notify;
    store = &a->dispatch->worker->store;

    rc = ngx_recording_event(&a->event, &a->row, notify, time(NULL));
    why = a->event.error;

    if (rc == NGX_OK && notify->host == NULL) {
        rc = ngx_recording_event_program(&a->args, &a->row, notify,
                                         store->path, store->path);
        why = a->args.error;
    }

    if (rc != NGX_OK) {
        (void) snprintf(a->error, sizeof(a->error), "%s",
                        rc == NGX_DECLINED ? why : "no memory");
    }
}


void
ngx_recording_dispatch_attempt_start(ngx_recording_attempt_t *a)
{
    a->began = ngx_current_msec;

    if (a->error[0]) {
        ngx_recording_attempt_refused(a, NGX_LOG_ERR);
        ngx_recording_dispatch_over(a, NGX_RECORDING_OUTBOX_FAILED,
                                    NGX_RECORDING_PEER_UNKNOWN);

    } else if (a->removal) {
        ngx_recording_removal_start(a->removal);

    } else if (a->lane->bucket) {
        ngx_recording_dispatch_upload_start(a);

    } else if (a->lane->notify->host) {
        ngx_recording_attempt_request(a);

    } else {
        ngx_recording_attempt_program(a);
    }
}


void
ngx_recording_dispatch_attempt_free(ngx_recording_attempt_t *a)
{
    ngx_recording_dispatch_upload_free(a);
    ngx_recording_dispatch_remove_free(a);
    ngx_recording_event_program_free(&a->args);
    ngx_recording_event_free(&a->event);

    ngx_recording_outbox_row_free(&a->row);
    free(a);
}


void
ngx_recording_dispatch_attempt_told(ngx_recording_attempt_t *a)
{
    if (a->delivery) {
        ngx_recording_dispatch_upload_told(a);

    } else if (a->removal) {
        ngx_recording_dispatch_remove_told(a);

    } else if (a->dead) {
        ngx_log_error(NGX_LOG_ERR, &a->log, 0,
                      "recording: event %s (%s) is not told to \"%V\" of "
                      "template \"%V\" any more, after %ui attempts: %s; it "
                      "stays in the catalogue and can be sent again",
                      a->row.event_id, a->row.event, &a->lane->target->name,
                      &a->lane->target->template, a->row.attempts, a->error);
    }
}


/* what it was, and how long it took */

void
ngx_recording_dispatch_attempt_count(ngx_recording_attempt_t *a,
    ngx_recording_outbox_e result)
{
    ngx_uint_t                  by;
    ngx_recording_board_t      *board;
    ngx_recording_board_time_e  time;

    board = &a->dispatch->worker->store.board;

    if (a->lane->removes) {
        by = NGX_RECORDING_BOARD_REMOVE_BY;
        time = NGX_RECORDING_BOARD_REMOVE;

    } else if (a->lane->bucket) {
        by = NGX_RECORDING_BOARD_UPLOAD_BY;
        time = NGX_RECORDING_BOARD_UPLOAD;

    } else if (a->lane->notify->host) {
        by = NGX_RECORDING_BOARD_NOTIFY_BY;
        time = NGX_RECORDING_BOARD_NOTIFY;

    } else {
        by = NGX_RECORDING_BOARD_PROGRAM_BY;
        time = NGX_RECORDING_BOARD_PROGRAM;
    }

    ngx_recording_board_count(board, by + result, 1);

    if (a->began) {
        ngx_recording_board_time(board, time,
                                 (int64_t) (ngx_current_msec - a->began)
                                 * 1000);
    }
}


static void
ngx_recording_attempt_request(ngx_recording_attempt_t *a)
{
    ngx_recording_http_request_t  *r;

    r = &a->request;

    r->host = a->lane->notify->host;
    ngx_str_set(&r->method, "POST");
    r->uri = a->lane->notify->url.uri;
    r->headers = a->event.headers;
    r->nheaders = a->event.nheaders;
    r->body = a->event.body;
    r->timeout = NGX_RECORDING_ATTEMPT_TIMEOUT;
    r->answer = a->answer;
    r->room = sizeof(a->answer);
    r->done = ngx_recording_attempt_answered;
    r->data = a;

    ngx_recording_http_send(r);
}


static void
ngx_recording_attempt_answered(ngx_recording_http_request_t *r)
{
    ngx_recording_peer_e      peer;
    ngx_recording_attempt_t  *a;

    a = r->data;
    a->answered = (r->status >= 300);

    /* the status counts: of what follows it nothing is wanted, and it may be
       too long, come too late or break off */

    if (r->sent && r->status >= 200 && r->status < 300) {
        ngx_recording_attempt_done(a);
        return;
    }

    if (r->status >= 300) {
        (void) snprintf(a->error, sizeof(a->error), "answered with %d",
                        (int) r->status);

        peer = r->status >= 500 || r->status == 429 || r->status == 408
               ? NGX_RECORDING_PEER_FAILED : NGX_RECORDING_PEER_WORKS;

    } else {
        (void) snprintf(a->error, sizeof(a->error), "%s", r->error);

        peer = r->failed == NGX_RECORDING_HTTP_MEMORY
               ? NGX_RECORDING_PEER_UNKNOWN : NGX_RECORDING_PEER_FAILED;
    }

    /* of a host that fails its peer speaks, else nobody would for a week */

    ngx_recording_attempt_refused(a, peer == NGX_RECORDING_PEER_WORKS
                                     ? NGX_LOG_ERR : NGX_LOG_WARN);
    ngx_recording_dispatch_over(a, NGX_RECORDING_OUTBOX_FAILED, peer);
}


static void
ngx_recording_attempt_program(ngx_recording_attempt_t *a)
{
    ngx_recording_program_t  *p;

    p = &a->program;

    p->programs = &a->dispatch->programs;
    p->jobs = &a->dispatch->worker->jobs;
    p->log = &a->log;
    p->argv = a->args.argv;
    p->envp = a->args.envp;
    p->dir = a->dispatch->worker->store.path;
    p->input = a->event.body.data;
    p->input_len = a->event.body.len;
    p->timeout = NGX_RECORDING_ATTEMPT_PROGRAM;
    p->line = ngx_recording_attempt_line;
    p->done = ngx_recording_attempt_exited;
    p->data = a;

    /* one for the runner, one until the row is written */

    p->lock = fcntl(a->lock, F_DUPFD_CLOEXEC, 0);

    if (p->lock == -1) {
        (void) snprintf(a->error, sizeof(a->error), "dup of its lock: %s",
                        strerror(errno));

        ngx_recording_attempt_refused(a, NGX_LOG_ERR);
        ngx_recording_dispatch_over(a, NGX_RECORDING_OUTBOX_FAILED,
                                    NGX_RECORDING_PEER_UNKNOWN);
        return;
    }

    ngx_recording_program_start(p);
}


static void
ngx_recording_attempt_line(ngx_recording_program_t *p, ngx_str_t *line)
{
    ngx_recording_attempt_t  *a;

    a = p->data;

    ngx_log_error(NGX_LOG_NOTICE, p->log, 0, "recording: %s: %V", p->argv[0],
                  line);

    (void) ngx_recording_text(a->said, line->data, line->len);
}


static void
ngx_recording_attempt_exited(ngx_recording_program_t *p)
{
    ngx_recording_attempt_t  *a;

    a = p->data;

    if (p->left_out) {
        ngx_log_error(NGX_LOG_WARN, p->log, 0,
                      "recording: %s: %uL bytes of output are left out, of "
                      "one run %d lines are logged", p->argv[0], p->left_out,
                      NGX_RECORDING_PROGRAM_LINES);
    }

    if (p->rc == NGX_OK) {

        if (p->killed_others) {
            ngx_log_error(NGX_LOG_WARN, p->log, 0,
                          "recording: %s: has left %ui processes in the "
                          "background, they were killed when it ended",
                          p->argv[0], p->killed_others);
        }

        ngx_recording_attempt_done(a);
        return;
    }

    ngx_recording_attempt_why(a);

    a->lane->refused = 0;

    ngx_recording_attempt_refused(a, NGX_LOG_ERR);
    ngx_recording_dispatch_over(a, NGX_RECORDING_OUTBOX_FAILED,
                                    NGX_RECORDING_PEER_UNKNOWN);
}


/* what a program says last is mostly why it has failed */

static void
ngx_recording_attempt_why(ngx_recording_attempt_t *a)
{
    ngx_uint_t  said;

    said = a->said[0] && a->program.left_out == 0;

    (void) snprintf(a->error, sizeof(a->error), "%s%s%s%s", a->program.error,
                    said ? ", saying \"" : "", said ? a->said : "",
                    said ? "\"" : "");
}


static void
ngx_recording_attempt_done(ngx_recording_attempt_t *a)
{
    a->lane->refused = 0;

    ngx_recording_dispatch_over(a, NGX_RECORDING_OUTBOX_DONE,
                                NGX_RECORDING_PEER_WORKS);
}


/* that a peer fails is a warning, and must not hide what it refuses when it is
   back */

ngx_uint_t
ngx_recording_dispatch_attempt_says(ngx_recording_attempt_t *a,
    ngx_uint_t level)
{
    return ngx_recording_once(a->lane->refused,
                              level == NGX_LOG_ERR ? 2 : 1);
}


static void
ngx_recording_attempt_refused(ngx_recording_attempt_t *a, ngx_uint_t level)
{
    if (!ngx_recording_dispatch_attempt_says(a, level)) {
        return;
    }

    ngx_log_error(level, &a->log, 0,
                  "recording: event %s (%s) was not told to \"%V\" of "
                  "template \"%V\": %s; it is tried again",
                  a->row.event_id, a->row.event, &a->lane->target->name,
                  &a->lane->target->template, a->error);
}
