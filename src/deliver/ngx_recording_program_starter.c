
#include "ngx_recording_program_runner.h"
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>


#define NGX_RECORDING_PROGRAM_TITLE  "nginx: program runner"
#define NGX_RECORDING_PROGRAM_SOCKET 3


static void ngx_recording_program_title(void);
static void ngx_recording_program_take(int fd,
    ngx_recording_program_request_t *request, struct msghdr *msg);


/*
 * The library's fork() is not used: it takes the allocator's locks, which are
 * held for ever in a child that was made beside other threads.  And a child
 * that gives no signal when it ends is not there for nginx's waitpid(), and
 * nothing is logged of it.
 */

ngx_int_t
ngx_recording_programs_start(ngx_recording_programs_t *programs)
{
    int        fd[2];
    pid_t      pid;
    sigset_t   all, old;
    ngx_err_t  err;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fd) == -1) {
        return NGX_ERROR;
    }

    /* no handler of nginx's may run in the child */

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    pid = syscall(SYS_clone, 0, 0, 0, 0, 0);

    if (pid == 0) {
        ngx_recording_program_starter(fd[1]);
    }

    err = ngx_errno;
    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);

    (void) close(fd[1]);

    if (pid == -1) {
        (void) close(fd[0]);
        ngx_set_errno(err);
        return NGX_ERROR;
    }

    programs->pid = pid;

    if (programs->fd == -1) {
        programs->fd = fd[0];
        return NGX_OK;
    }

    /* the number stays, as threads may use it */

    (void) dup3(fd[0], programs->fd, O_CLOEXEC);
    (void) close(fd[0]);

    return NGX_OK;
}


pid_t
ngx_recording_program_fork(void)
{
#ifdef SYS_fork
    return syscall(SYS_fork);
#else
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}


void
ngx_recording_program_starter(int fd)
{
    struct iovec                     iov;
    struct msghdr                    msg;
    ngx_recording_program_request_t  request;

    union {
        struct cmsghdr               head;
        char                         space[CMSG_SPACE(sizeof(int)
                                              * NGX_RECORDING_PROGRAM_FDS)];
    } control;

    (void) dup3(fd, NGX_RECORDING_PROGRAM_SOCKET, O_CLOEXEC);
    ngx_recording_program_close_above(NGX_RECORDING_PROGRAM_SOCKET);

    for (fd = 0; fd < NGX_RECORDING_PROGRAM_SOCKET; fd++) {
        (void) close(fd);
    }

    ngx_recording_program_title();
    ngx_recording_program_unmap();

    (void) setsid();

    /* runners are not waited for, nor those that a runner leaves */

    (void) signal(SIGCHLD, SIG_IGN);
    (void) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

    fd = NGX_RECORDING_PROGRAM_SOCKET;

    for ( ;; ) {
        iov.iov_base = &request;
        iov.iov_len = sizeof(request);

        ngx_memzero(&msg, sizeof(msg));
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);

        if (recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) != sizeof(request)) {
            break;
        }

        ngx_recording_program_take(fd, &request, &msg);
    }

    (void) close(fd);

    /* there is no child any more, then */

    while (waitpid(-1, NULL, 0) != -1 || ngx_errno == NGX_EINTR) {
        /* void */
    }

    _exit(0);
}


/* nobody may take it for a worker, whose title it has till now */

static void
ngx_recording_program_title(void)
{
    char        *s;
    ngx_uint_t   i;

    static const char  title[] = NGX_RECORDING_PROGRAM_TITLE;

    (void) prctl(PR_SET_NAME, "nginx-program", 0, 0, 0);

    s = ngx_os_argv[0];

    for (i = 0; s[i]; i++) {
        s[i] = i < sizeof(title) - 1 ? title[i] : '\0';
    }
}


static void
ngx_recording_program_take(int fd, ngx_recording_program_request_t *request,
    struct msghdr *msg)
{
    int                              fds[NGX_RECORDING_PROGRAM_FDS];
    int32_t                          i;
    pid_t                            pid;
    struct cmsghdr                  *cmsg;
    ngx_recording_program_status_t   status;

    cmsg = CMSG_FIRSTHDR(msg);

    /* the lock is the last one; without all of them there is nobody to tell */

    fds[NGX_RECORDING_PROGRAM_FD_LOCK] = -1;

    if (cmsg == NULL || cmsg->cmsg_type != SCM_RIGHTS
        || cmsg->cmsg_len != CMSG_LEN(request->fds * sizeof(int)))
    {
        return;
    }

    ngx_memcpy(fds, CMSG_DATA(cmsg), request->fds * sizeof(int));

    pid = ngx_recording_program_fork();

    if (pid == 0) {
        (void) close(fd);
        ngx_recording_program_runner(request, fds);
    }

    if (pid == -1) {
        status.end = ngx_recording_program_no_fork;
        status.value = ngx_errno;

        (void) !write(fds[NGX_RECORDING_PROGRAM_FD_STATUS], &status,
                      sizeof(status));
    }

    for (i = 0; i < request->fds; i++) {
        (void) close(fds[i]);
    }
}
