
/*
 * A runner waits: for the program, for the worker to go, for the time-out.
 *
 *   runs ----> asked ----> forced ----> left
 *        end, time-out,  after     after      there is somebody yet, who is
 *        no worker       GRACE     LINGER     not waited for
 *
 * In any state it is over when there is no child any more: as a subreaper the
 * runner is the parent of all that lose theirs.
 */


#include "ngx_recording_program_runner.h"
#include "ngx_recording_call.h"
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>


/* ms: between looks for those that are to be killed; between other looks,
   should a signal be missed */
#define NGX_RECORDING_PROGRAM_AGAIN     20
#define NGX_RECORDING_PROGRAM_LOOK      1000

#define NGX_RECORDING_PROGRAM_CHILDREN  "/proc/thread-self/children"


typedef enum {
    ngx_recording_program_running,
    ngx_recording_program_asked,
    ngx_recording_program_forced,
    ngx_recording_program_left
} ngx_recording_program_state_e;


typedef struct {
    ngx_recording_program_run_t     *run;
    ngx_recording_program_state_e    state;
    int64_t                          deadline;  /* of the state, ms */
    pid_t                            pid;       /* and its group */
    ngx_uint_t                       reaped;
    int                              error;
    int                              signals;
    ngx_recording_program_status_t   status;
} ngx_recording_program_wait_t;


static ngx_uint_t ngx_recording_program_poll(ngx_recording_program_wait_t *w);
static ngx_uint_t ngx_recording_program_reap(ngx_recording_program_wait_t *w);
static void ngx_recording_program_gone(ngx_recording_program_wait_t *w,
    siginfo_t *info);
static void ngx_recording_program_step(ngx_recording_program_wait_t *w,
    ngx_uint_t alone);
static void ngx_recording_program_end(ngx_recording_program_wait_t *w,
    ngx_recording_program_end_e end, int32_t value);
static void ngx_recording_program_signal(ngx_recording_program_wait_t *w,
    int signo);
static ngx_int_t ngx_recording_program_signal_children(int signo);
static void ngx_recording_program_report(ngx_recording_program_wait_t *w);
static int64_t ngx_recording_program_now(void);


void
ngx_recording_program_wait(ngx_recording_program_run_t *run, pid_t pid,
    int error)
{
    sigset_t                      chld;
    ngx_uint_t                    alone;
    ngx_recording_program_wait_t  w;

    /* all signals are blocked */

    (void) sigemptyset(&chld);
    (void) sigaddset(&chld, SIGCHLD);

    w.run = run;
    w.state = ngx_recording_program_running;
    w.deadline = ngx_recording_program_now() + run->timeout;
    w.pid = pid;
    w.reaped = 0;
    w.error = error;
    w.signals = signalfd(-1, &chld, SFD_CLOEXEC|SFD_NONBLOCK);
    w.status.end = ngx_recording_program_runs;
    w.status.value = 0;
    w.status.killed = 0;

    while (!ngx_recording_program_reap(&w)) {
        alone = ngx_recording_program_poll(&w);
        ngx_recording_program_step(&w, alone);
    }

    if (w.state != ngx_recording_program_left) {
        ngx_recording_program_report(&w);
    }
}


/* whether the worker is gone, or has given up the program */

static ngx_uint_t
ngx_recording_program_poll(ngx_recording_program_wait_t *w)
{
    int64_t                  left;
    struct pollfd            fds[2];
    struct signalfd_siginfo  info;

    fds[0].fd = w->run->life;
    fds[0].events = POLLIN;
    fds[0].revents = 0;

    fds[1].fd = w->signals;
    fds[1].events = POLLIN;
    fds[1].revents = 0;

    /* what it would tell is known */

    if (w->state != ngx_recording_program_running) {
        fds[0].fd = -1;
    }

    left = NGX_RECORDING_PROGRAM_LOOK;

    if (w->state == ngx_recording_program_forced) {
        left = NGX_RECORDING_PROGRAM_AGAIN;
    }

    if (w->state != ngx_recording_program_left) {
        left = ngx_min(left, w->deadline - ngx_recording_program_now());
    }

    if (poll(fds, 2, (int) ngx_max(left, 0)) == -1) {
        return 0;
    }

    if (fds[1].revents) {
        (void) !read(w->signals, &info, sizeof(info));
    }

    return fds[0].revents != 0;
}


/* whether nothing is left */

static ngx_uint_t
ngx_recording_program_reap(ngx_recording_program_wait_t *w)
{
    siginfo_t  info;

    for ( ;; ) {
        info.si_pid = 0;

        if (waitid(P_ALL, 0, &info, WEXITED|WNOHANG|WNOWAIT|__WALL) == -1) {
            return ngx_errno == NGX_ECHILD;
        }

        if (info.si_pid == 0) {
            return 0;
        }

        /* until the program is reaped its pid, and so its group, is no other
           one's: what is to be done of its end is done before */

        if (info.si_pid == w->pid) {
            ngx_recording_program_gone(w, &info);
            w->reaped = 1;

        } else if (info.si_code != CLD_EXITED
                   && (info.si_status == SIGTERM || info.si_status == SIGKILL))
        {
            w->status.killed++;
        }

        (void) waitpid(info.si_pid, NULL, __WALL);
    }
}


static void
ngx_recording_program_gone(ngx_recording_program_wait_t *w, siginfo_t *info)
{
    ngx_recording_program_status_t  failed;

    if (read(w->error, &failed, sizeof(failed)) == sizeof(failed)) {
        ngx_recording_program_end(w, failed.end, failed.value);

    } else if (info->si_code == CLD_EXITED) {
        ngx_recording_program_end(w, ngx_recording_program_exited,
                                  info->si_status);

    } else {
        ngx_recording_program_end(w, ngx_recording_program_signalled,
                                  info->si_status);
    }
}


static void
ngx_recording_program_step(ngx_recording_program_wait_t *w, ngx_uint_t alone)
{
    ngx_uint_t  over;

    over = ngx_recording_program_now() >= w->deadline;

    switch (w->state) {

    case ngx_recording_program_running:

        if (alone) {
            ngx_recording_program_end(w, ngx_recording_program_stopped, 0);

        } else if (over) {
            ngx_recording_program_end(w, ngx_recording_program_late, 0);
        }

        return;

    case ngx_recording_program_asked:

        if (over) {
            w->state = ngx_recording_program_forced;
            w->deadline += NGX_RECORDING_PROGRAM_LINGER;
            ngx_recording_program_signal(w, SIGKILL);
        }

        return;

    case ngx_recording_program_forced:

        if (over) {
            w->state = ngx_recording_program_left;
            ngx_recording_program_report(w);
        }

        /* fall through */

    case ngx_recording_program_left:

        /* those whose parents were killed are children now */

        ngx_recording_program_signal(w, SIGKILL);
    }
}


/* what is told of the program is what came first */

static void
ngx_recording_program_end(ngx_recording_program_wait_t *w,
    ngx_recording_program_end_e end, int32_t value)
{
    if (w->state != ngx_recording_program_running) {
        return;
    }

    w->status.end = end;
    w->status.value = value;

    w->state = ngx_recording_program_asked;
    w->deadline = ngx_recording_program_now() + NGX_RECORDING_PROGRAM_GRACE;

    ngx_recording_program_signal(w, SIGTERM);
}


static void
ngx_recording_program_signal(ngx_recording_program_wait_t *w, int signo)
{
    ngx_int_t  rc;

    if (!w->reaped) {
        (void) kill(-w->pid, signo);
    }

    rc = ngx_recording_program_signal_children(signo);

    if (rc != NGX_OK && w->reaped) {

        /* without /proc all that is known is the group */

        (void) kill(-w->pid, signo);
    }
}


static ngx_int_t
ngx_recording_program_signal_children(int signo)
{
    int      fd;
    char     buf[1024];
    pid_t    pid;
    ssize_t  i, n;

    fd = open(NGX_RECORDING_PROGRAM_CHILDREN, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return NGX_ERROR;
    }

    /* "12 345 ", and a number may stand on both sides of a buffer's end */

    pid = 0;

    while ((n = read(fd, buf, sizeof(buf))) > 0) {

        for (i = 0; i < n; i++) {

            if (buf[i] >= '0' && buf[i] <= '9') {
                pid = pid * 10 + (buf[i] - '0');
                continue;
            }

            if (pid) {
                (void) kill(pid, signo);
            }

            pid = 0;
        }
    }

    (void) close(fd);

    return NGX_OK;
}


static void
ngx_recording_program_report(ngx_recording_program_wait_t *w)
{
    /* who is told may want the lock at once */

    if (w->state != ngx_recording_program_left) {
        (void) close(w->run->lock);
    }

    (void) !write(w->run->status, &w->status, sizeof(w->status));
    (void) close(w->run->status);
}


static int64_t
ngx_recording_program_now(void)
{
    return ngx_recording_mono() / 1000;
}
