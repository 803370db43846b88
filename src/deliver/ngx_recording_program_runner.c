
#include "ngx_recording_program_runner.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>


#define NGX_RECORDING_PROGRAM_CPUS    8192
#define NGX_RECORDING_PROGRAM_ARGS    512
#define NGX_RECORDING_PROGRAM_ACTION  64   /* bytes, of the kernel's struct, at
                                              least */


static ngx_int_t ngx_recording_program_args(ngx_recording_program_run_t *run,
    ngx_recording_program_request_t *request,
    char *args[NGX_RECORDING_PROGRAM_ARGS], int fd);
static void ngx_recording_program_give_up(ngx_recording_program_run_t *run,
    ngx_recording_program_end_e end);
static void ngx_recording_program_signals(void);
static void ngx_recording_program_schedule(void);
static void ngx_recording_program_exec_failed(int error,
    ngx_recording_program_end_e end);


void
ngx_recording_program_runner(ngx_recording_program_request_t *request,
    int fds[NGX_RECORDING_PROGRAM_FDS])
{
    int                           error[2];
    char                         *args[NGX_RECORDING_PROGRAM_ARGS];
    pid_t                         pid;
    ngx_recording_program_run_t   run;

    run.timeout = request->timeout;
    run.input = fds[NGX_RECORDING_PROGRAM_FD_INPUT];
    run.output = fds[NGX_RECORDING_PROGRAM_FD_OUTPUT];
    run.status = fds[NGX_RECORDING_PROGRAM_FD_STATUS];
    run.life = fds[NGX_RECORDING_PROGRAM_FD_LIFE];
    run.lock = fds[NGX_RECORDING_PROGRAM_FD_LOCK];

    if (ngx_recording_program_args(&run, request, args,
                                   fds[NGX_RECORDING_PROGRAM_FD_ARGS])
        != NGX_OK)
    {
        ngx_recording_program_give_up(&run, ngx_recording_program_no_exec);
    }

    if (ngx_recording_program_descriptors(&run) != NGX_OK
        || pipe2(error, O_CLOEXEC) == -1)
    {
        ngx_recording_program_give_up(&run,
                                      ngx_recording_program_no_descriptors);
    }

    (void) setsid();
    (void) signal(SIGCHLD, SIG_DFL);
    (void) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

    pid = ngx_recording_program_fork();

    if (pid == 0) {
        ngx_recording_program_exec(&run, error[1]);
    }

    if (pid == -1) {
        ngx_recording_program_give_up(&run, ngx_recording_program_no_fork);
    }

    (void) close(error[1]);
    (void) close(run.input);
    (void) close(run.output);
    (void) close(STDERR_FILENO);

    ngx_recording_program_wait(&run, pid, error[0]);

    _exit(0);
}


static ngx_int_t
ngx_recording_program_args(ngx_recording_program_run_t *run,
    ngx_recording_program_request_t *request,
    char *args[NGX_RECORDING_PROGRAM_ARGS], int fd)
{
    char     *s;
    int32_t   i;

    if (request->argc + request->envc + 2 > NGX_RECORDING_PROGRAM_ARGS) {
        ngx_set_errno(E2BIG);
        return NGX_ERROR;
    }

    s = mmap(NULL, request->size, PROT_READ, MAP_PRIVATE, fd, 0);

    if (s == MAP_FAILED) {
        return NGX_ERROR;
    }

    run->argv = args;

    for (i = 0; i < request->argc; i++) {
        *args++ = s;
        s += strlen(s) + 1;
    }

    *args++ = NULL;
    run->envp = args;

    for (i = 0; i < request->envc; i++) {
        *args++ = s;
        s += strlen(s) + 1;
    }

    *args = NULL;
    run->dir = s;

    return NGX_OK;
}


static void
ngx_recording_program_give_up(ngx_recording_program_run_t *run,
    ngx_recording_program_end_e end)
{
    ngx_recording_program_status_t  status;

    status.end = end;
    status.value = ngx_errno;
    status.killed = 0;

    (void) !write(run->status, &status, sizeof(status));

    _exit(1);
}


void
ngx_recording_program_exec(ngx_recording_program_run_t *run, int error)
{
    sigset_t  none;

    (void) setsid();

    /* if the runner is killed there is nobody to look after it */

    (void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);

    ngx_recording_program_signals();
    ngx_recording_program_schedule();
    (void) umask(022);

    if (chdir(run->dir) == -1) {
        ngx_recording_program_exec_failed(error, ngx_recording_program_no_dir);
    }

    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);

    (void) execve(run->argv[0], run->argv, run->envp);

    ngx_recording_program_exec_failed(error, ngx_recording_program_no_exec);
}


/*
 * Also those that nginx ignores.  glibc keeps two signals for itself, and its
 * own posix_spawn(), as make uses it, leaves one of them ignored: only the
 * kernel resets that.
 */

static void
ngx_recording_program_signals(void)
{
    int     signo;
    u_char  action[NGX_RECORDING_PROGRAM_ACTION];

    /* zeros: the default, without flags, restorer and mask */

    ngx_memzero(action, sizeof(action));

    for (signo = 1; signo < NSIG; signo++) {
        (void) syscall(SYS_rt_sigaction, signo, action, NULL, (NSIG - 1) / 8);
    }
}


/* the place of a worker is not the program's: a processor of its own, before
   others */

static void
ngx_recording_program_schedule(void)
{
    u_char  cpus[NGX_RECORDING_PROGRAM_CPUS / 8];

    ngx_memset(cpus, 0xff, sizeof(cpus));
    (void) syscall(SYS_sched_setaffinity, 0, sizeof(cpus), cpus);

    if (getpriority(PRIO_PROCESS, 0) < 0) {
        (void) setpriority(PRIO_PROCESS, 0, 0);
    }
}


static void
ngx_recording_program_exec_failed(int error, ngx_recording_program_end_e end)
{
    ngx_recording_program_status_t  status;

    status.end = end;
    status.value = ngx_errno;
    status.killed = 0;

    (void) !write(error, &status, sizeof(status));

    _exit(127);
}
