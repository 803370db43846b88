
#include "ngx_recording_program_runner.h"
#include "ngx_recording_io.h"
#include <sys/mman.h>
#include <sys/wait.h>




/* bytes that the loop reads at a time, and the pause after so many, in ms: a
   program that floods its output waits, not the loop */
#define NGX_RECORDING_PROGRAM_READ   4096
#define NGX_RECORDING_PROGRAM_BUDGET 65536
#define NGX_RECORDING_PROGRAM_PAUSE  2

/* what is still read when the program has ended: more than a pipe holds */
#define NGX_RECORDING_PROGRAM_LAST   1048576

/* ms after which even the runner must have ended */
#define NGX_RECORDING_PROGRAM_WATCH  (NGX_RECORDING_PROGRAM_GRACE             \
                                      + NGX_RECORDING_PROGRAM_LINGER + 30000)


static const char  ngx_recording_program_send[] = "sendmsg()";


static void ngx_recording_program_run_thread(void *data);
static ngx_int_t ngx_recording_program_pipes_thread(
    ngx_recording_program_t *p, int fds[NGX_RECORDING_PROGRAM_FDS]);
static ngx_int_t ngx_recording_program_ask_thread(ngx_recording_program_t *p,
    int fds[NGX_RECORDING_PROGRAM_FDS]);
static ngx_int_t ngx_recording_program_args_thread(ngx_recording_program_t *p,
    ngx_recording_program_request_t *request, int *fd);
static ngx_int_t ngx_recording_program_string_thread(int fd, const char *s,
    off_t *size);
static ngx_int_t ngx_recording_program_write_thread(int fd, const void *data,
    size_t size, off_t offset);
static int ngx_recording_program_pipe_thread(int *other, int reader);
static void ngx_recording_program_close(int *fd);
static void ngx_recording_program_forked(void *data);
static void ngx_recording_program_restart(ngx_recording_programs_t *programs);
static ngx_int_t ngx_recording_program_connect(ngx_recording_program_t *p);
static ngx_connection_t *ngx_recording_program_connection(
    ngx_recording_program_t *p, int *fd, ngx_event_handler_pt handler);
static void ngx_recording_program_status(ngx_event_t *rev);
static void ngx_recording_program_output(ngx_event_t *rev);
static ngx_int_t ngx_recording_program_read(ngx_recording_program_t *p,
    size_t budget);
static void ngx_recording_program_text(ngx_recording_program_t *p, u_char *s,
    size_t n);
static void ngx_recording_program_line(ngx_recording_program_t *p);
static void ngx_recording_program_ended(ngx_recording_program_t *p,
    ngx_recording_program_status_t *status);
static void ngx_recording_program_tell(ngx_recording_program_t *p,
    ngx_recording_program_status_t *status);
static void ngx_recording_program_failed(ngx_recording_program_t *p,
    const char *op, ngx_err_t err);
static void ngx_recording_program_done(ngx_recording_program_t *p);


void
ngx_recording_program_start(ngx_recording_program_t *p)
{
    p->rc = NGX_ERROR;
    p->left_out = 0;
    p->killed_others = 0;
    p->life = -1;
    p->status_fd = -1;
    p->output_fd = -1;
    p->status = NULL;
    p->output = NULL;
    p->lines = 0;
    p->len = 0;
    p->killed = 0;

    ngx_recording_jobs_hold(p->jobs);

    ngx_recording_job_init(&p->job, p->jobs, ngx_recording_program_run_thread,
                           ngx_recording_program_forked, p);

    ngx_recording_job_post(&p->job);
}


void
ngx_recording_program_kill(ngx_recording_program_t *p)
{
    p->killed = 1;

    /* before the job is done it is the job's */

    if (p->status && p->life != -1) {
        ngx_recording_program_close(&p->life);
        ngx_add_timer(p->status->read, NGX_RECORDING_PROGRAM_WATCH);
    }
}


static void
ngx_recording_program_run_thread(void *data)
{
    ngx_recording_program_t *p = data;

    int         fds[NGX_RECORDING_PROGRAM_FDS];
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_PROGRAM_FDS; i++) {
        fds[i] = -1;
    }

    fds[NGX_RECORDING_PROGRAM_FD_LOCK] = p->lock;
    p->lock = -1;

    if (ngx_recording_program_pipes_thread(p, fds) == NGX_OK
        && ngx_recording_program_ask_thread(p, fds) == NGX_OK)
    {
        p->op = NULL;
    }

    p->err = p->op ? ngx_errno : 0;

    for (i = 0; i < NGX_RECORDING_PROGRAM_FDS; i++) {
        ngx_recording_program_close(&fds[i]);
    }
}


static ngx_int_t
ngx_recording_program_pipes_thread(ngx_recording_program_t *p,
    int fds[NGX_RECORDING_PROGRAM_FDS])
{
    int  *input;

    p->op = "memfd_create()";

    input = &fds[NGX_RECORDING_PROGRAM_FD_INPUT];
    *input = memfd_create("input", MFD_CLOEXEC|MFD_ALLOW_SEALING);

    if (*input == -1
        || ngx_recording_program_write_thread(*input, p->input, p->input_len,
                                              0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) fcntl(*input, F_ADD_SEALS,
                 F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE);

    p->op = "pipe2()";
    p->output_fd = ngx_recording_program_pipe_thread(
                                     &fds[NGX_RECORDING_PROGRAM_FD_OUTPUT], 0);
    if (p->output_fd == -1) {
        return NGX_ERROR;
    }

    p->status_fd = ngx_recording_program_pipe_thread(
                                     &fds[NGX_RECORDING_PROGRAM_FD_STATUS], 0);
    if (p->status_fd == -1) {
        return NGX_ERROR;
    }

    p->life = ngx_recording_program_pipe_thread(
                                       &fds[NGX_RECORDING_PROGRAM_FD_LIFE], 1);

    return p->life == -1 ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_recording_program_ask_thread(ngx_recording_program_t *p,
    int fds[NGX_RECORDING_PROGRAM_FDS])
{
    struct iovec                     iov;
    struct msghdr                    msg;
    ngx_recording_program_request_t  request;

    union {
        struct cmsghdr               head;
        char                         space[CMSG_SPACE(sizeof(int)
                                              * NGX_RECORDING_PROGRAM_FDS)];
    } control;

    ngx_memzero(&request, sizeof(request));
    ngx_memzero(&msg, sizeof(msg));
    ngx_memzero(&control, sizeof(control));

    if (ngx_recording_program_args_thread(p, &request,
                                          &fds[NGX_RECORDING_PROGRAM_FD_ARGS])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    request.timeout = p->timeout;
    request.fds = NGX_RECORDING_PROGRAM_FDS
                  - (fds[NGX_RECORDING_PROGRAM_FD_LOCK] == -1);

    iov.iov_base = &request;
    iov.iov_len = sizeof(request);

    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = &control;
    msg.msg_controllen = CMSG_SPACE(request.fds * sizeof(int));

    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(request.fds * sizeof(int));
    ngx_memcpy(CMSG_DATA(&control.head), fds, request.fds * sizeof(int));

    p->op = ngx_recording_program_send;

    return sendmsg(p->programs->fd, &msg, MSG_NOSIGNAL|MSG_DONTWAIT) == -1
           ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_recording_program_args_thread(ngx_recording_program_t *p,
    ngx_recording_program_request_t *request, int *fd)
{
    char    **s;
    off_t     size;

    p->op = "memfd_create()";
    *fd = memfd_create("arguments", MFD_CLOEXEC);

    if (*fd == -1) {
        return NGX_ERROR;
    }

    size = 0;

    for (s = p->argv; *s; s++, request->argc++) {
        if (ngx_recording_program_string_thread(*fd, *s, &size) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (s = p->envp; *s; s++, request->envc++) {
        if (ngx_recording_program_string_thread(*fd, *s, &size) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_recording_program_string_thread(*fd, p->dir, &size) != NGX_OK) {
        return NGX_ERROR;
    }

    request->size = size;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_program_string_thread(int fd, const char *s, off_t *size)
{
    size_t  len;

    len = strlen(s) + 1;
    *size += len;

    return ngx_recording_program_write_thread(fd, s, len, *size - len);
}


/* files in memory, whole before the program begins: nobody has to feed it, and
   it does not matter how much it reads; its offset stays 0 */

static ngx_int_t
ngx_recording_program_write_thread(int fd, const void *data, size_t size,
    off_t offset)
{
    return ngx_recording_io_write_thread(fd, (void *) data, size, offset);
}


/* the loop's end, which does not block; the other one is the reader, or not */

static int
ngx_recording_program_pipe_thread(int *other, int reader)
{
    int  fd[2];

    if (pipe2(fd, O_CLOEXEC) == -1) {
        return -1;
    }

    *other = fd[!reader];

    if (fcntl(fd[reader], F_SETFL, O_NONBLOCK) == -1) {
        ngx_recording_program_close(&fd[reader]);
    }

    return fd[reader];
}


/* errno stays */

static void
ngx_recording_program_close(int *fd)
{
    ngx_err_t  err;

    if (*fd == -1) {
        return;
    }

    err = ngx_errno;
    (void) close(*fd);
    ngx_set_errno(err);

    *fd = -1;
}


static void
ngx_recording_program_forked(void *data)
{
    ngx_recording_program_t *p = data;

    if (p->op) {
        if (p->op == ngx_recording_program_send) {
            ngx_recording_program_restart(p->programs);
        }

        ngx_recording_program_failed(p, p->op, p->err);
        ngx_recording_program_done(p);
        return;
    }

    if (ngx_recording_program_connect(p) != NGX_OK) {
        ngx_recording_program_failed(p, "no connection for a pipe", 0);
        ngx_recording_program_done(p);
        return;
    }

    ngx_add_timer(p->status->read, p->timeout + NGX_RECORDING_PROGRAM_WATCH);

    if (p->killed) {
        ngx_recording_program_kill(p);
    }
}


/* a starter that was killed, or never began; only the first one finds it */

static void
ngx_recording_program_restart(ngx_recording_programs_t *programs)
{
    if (programs->fd == -1
        || waitpid(programs->pid, NULL, WNOHANG|__WCLONE) != 0)
    {
        (void) ngx_recording_programs_start(programs);
    }
}


static ngx_int_t
ngx_recording_program_connect(ngx_recording_program_t *p)
{
    p->status = ngx_recording_program_connection(p, &p->status_fd,
                                                 ngx_recording_program_status);
    if (p->status == NULL) {
        return NGX_ERROR;
    }

    p->output = ngx_recording_program_connection(p, &p->output_fd,
                                                 ngx_recording_program_output);

    return p->output ? NGX_OK : NGX_ERROR;
}


static ngx_connection_t *
ngx_recording_program_connection(ngx_recording_program_t *p, int *fd,
    ngx_event_handler_pt handler)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(*fd, p->log);

    if (c == NULL) {
        return NULL;
    }

    *fd = -1;

    c->data = p;
    c->log = p->log;
    c->read->log = p->log;
    c->write->log = p->log;
    c->read->handler = handler;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        return NULL;
    }

    return c;
}


static void
ngx_recording_program_status(ngx_event_t *rev)
{
    ssize_t                          n;
    ngx_connection_t                *c;
    ngx_recording_program_t         *p;
    ngx_recording_program_status_t   status;

    c = rev->data;
    p = c->data;

    if (c->close) {
        ngx_recording_program_kill(p);
    }

    do {
        n = read(c->fd, &status, sizeof(status));
    } while (n == -1 && ngx_errno == NGX_EINTR);

    if (n == -1 && ngx_errno == NGX_EAGAIN && !rev->timedout) {
        rev->ready = 0;

        if (ngx_handle_read_event(rev, 0) == NGX_OK) {
            return;
        }
    }

    if (n == sizeof(status) && status.end > ngx_recording_program_runs
        && status.end <= ngx_recording_program_no_exec)
    {
        ngx_recording_program_ended(p, &status);
        return;
    }

    ngx_recording_program_ended(p, NULL);
}


static void
ngx_recording_program_output(ngx_event_t *rev)
{
    ngx_int_t                 rc;
    ngx_connection_t         *c;
    ngx_recording_program_t  *p;

    c = rev->data;
    p = c->data;

    if (c->close) {
        ngx_recording_program_kill(p);
    }

    if (rev->timedout) {
        rev->timedout = 0;

    } else if (rev->timer_set) {
        return;
    }

    rc = ngx_recording_program_read(p, NGX_RECORDING_PROGRAM_BUDGET);

    if (rc == NGX_OK) {

        /* there is more */

        rev->ready = 1;
        ngx_add_timer(rev, NGX_RECORDING_PROGRAM_PAUSE);

    } else if (rc == NGX_AGAIN) {
        rev->ready = 0;
    }

    if (rc == NGX_DONE || ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_close_connection(c);
        p->output = NULL;
    }
}


/* NGX_OK: the budget is spent; NGX_AGAIN: there is no more by now; NGX_DONE:
   there will be no more */

static ngx_int_t
ngx_recording_program_read(ngx_recording_program_t *p, size_t budget)
{
    size_t   size;
    ssize_t  n;
    u_char   buf[NGX_RECORDING_PROGRAM_READ];

    for (size = 0; size < budget; /* void */ ) {
        n = read(p->output->fd, buf, sizeof(buf));

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n == -1 && ngx_errno == NGX_EAGAIN) {
            return NGX_AGAIN;
        }

        if (n <= 0) {
            return NGX_DONE;
        }

        ngx_recording_program_text(p, buf, n);
        size += n;
    }

    return NGX_OK;
}


static void
ngx_recording_program_text(ngx_recording_program_t *p, u_char *s, size_t n)
{
    u_char  *end;

    for (end = s + n; s < end; s++) {

        if (p->lines == NGX_RECORDING_PROGRAM_LINES) {
            p->left_out += end - s;
            return;
        }

        /* what is drawn over itself comes as lines, too */

        if (*s == LF || *s == CR) {
            ngx_recording_program_line(p);

        } else if (p->len == NGX_RECORDING_PROGRAM_LINE) {
            p->left_out++;

        } else {
            p->text[p->len++] = (*s < ' ' && *s != '\t') || *s == 0x7f
                                ? '?' : *s;
        }
    }
}


static void
ngx_recording_program_line(ngx_recording_program_t *p)
{
    ngx_str_t  line;

    if (p->len) {
        line.len = p->len;
        line.data = p->text;

        p->len = 0;
        p->lines++;

        p->line(p, &line);
    }
}


/* status: NULL if the runner has given none */

static void
ngx_recording_program_ended(ngx_recording_program_t *p,
    ngx_recording_program_status_t *status)
{
    if (p->output) {
        (void) ngx_recording_program_read(p, NGX_RECORDING_PROGRAM_LAST);
    }

    ngx_recording_program_line(p);

    if (status) {
        ngx_recording_program_tell(p, status);

    } else {
        ngx_recording_program_failed(p, p->status->read->timedout
                                        ? "its runner does not answer"
                                        : "its runner was killed", 0);
    }

    ngx_recording_program_done(p);
}


static void
ngx_recording_program_tell(ngx_recording_program_t *p,
    ngx_recording_program_status_t *status)
{
    const char  *text;

    static const char  *texts[] = {
        NULL,
        "exited with %d%Z",
        "killed by signal %d%Z",
        "ran for more than %T seconds%Z",
        "was stopped%Z",
        "fork()",
        "dup()",
        "chdir()",
        "execve()"
    };

    text = texts[status->end];
    p->killed_others = status->killed;

    if (status->end >= ngx_recording_program_no_fork) {
        ngx_recording_program_failed(p, text, status->value);
        return;
    }

    if (status->end == ngx_recording_program_exited && status->value == 0) {
        p->rc = NGX_OK;
    }

    if (status->end == ngx_recording_program_late) {
        (void) ngx_snprintf((u_char *) p->error, sizeof(p->error), text,
                            (time_t) (p->timeout / 1000));
        return;
    }

    (void) ngx_snprintf((u_char *) p->error, sizeof(p->error), text,
                        status->value);
}


static void
ngx_recording_program_failed(ngx_recording_program_t *p, const char *op,
    ngx_err_t err)
{
    u_char  text[128], *end;

    if (err == 0) {
        (void) ngx_snprintf((u_char *) p->error, sizeof(p->error), "%s%Z", op);
        return;
    }

    end = ngx_strerror(err, text, sizeof(text) - 1);
    *end = '\0';

    (void) ngx_snprintf((u_char *) p->error, sizeof(p->error),
                        "%s failed (%d: %s)%Z", op, err, text);
}


static void
ngx_recording_program_done(ngx_recording_program_t *p)
{
    if (p->status) {
        ngx_close_connection(p->status);
        p->status = NULL;
    }

    if (p->output) {
        ngx_close_connection(p->output);
        p->output = NULL;
    }

    ngx_recording_program_close(&p->status_fd);
    ngx_recording_program_close(&p->output_fd);
    ngx_recording_program_close(&p->life);

    ngx_recording_jobs_let(p->jobs);

    /* it may be gone after this, or started again */

    p->done(p);
}
