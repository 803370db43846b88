
/*
 * LD_PRELOAD for tests: a program that stands ready.  What one costs that has
 * two hundred libraries, as ffmpeg, is to load them: 0.15 s of a processor each
 * time.  With this one it is loaded once, up to its main(), and forks for each
 * request.
 *
 * WARM_SOCKET is the abstract name of the socket at which it waits, until its
 * parent ends.  A request has the number of bytes that follow, a uint32, and
 * strings with their zero bytes: a directory, the files for stdout and stderr,
 * and argv.  The answer is an int32, the status as waitpid(2) has it, when the
 * run has ended.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>


typedef int (*main_pt)(int argc, char **argv, char **envp);
typedef int (*start_pt)(main_pt main, int argc, char **argv, void (*init)(void),
    void (*fini)(void), void (*rtld_fini)(void), void *stack_end);


/* what runs now, and who waits for it */

#define WARM_RUNS  64

typedef struct {
    pid_t  pid;
    int    fd;
} warm_run_t;


extern char       **environ;

static warm_run_t   runs[WARM_RUNS];


static int
warm_listen(const char *name)
{
    int                 fd;
    size_t              len;
    struct sockaddr_un  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sun_family = AF_UNIX;
    strncpy(addr.sun_path + 1, name, sizeof(addr.sun_path) - 2);
    len = offsetof(struct sockaddr_un, sun_path) + 1
          + strlen(addr.sun_path + 1);

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1
        || bind(fd, (struct sockaddr *) &addr, len) == -1
        || listen(fd, WARM_RUNS) == -1)
    {
        _exit(1);
    }

    return fd;
}


static int
warm_read(int fd, void *buf, size_t n)
{
    char     *p;
    ssize_t   got;

    for (p = buf; n; p += got, n -= got) {
        got = read(fd, p, n);

        if (got <= 0) {
            return -1;
        }
    }

    return 0;
}


static void
warm_output(int to, const char *path)
{
    int  fd;

    fd = open(path, O_WRONLY|O_CREAT|O_APPEND, 0600);

    if (fd == -1 || dup2(fd, to) == -1) {
        _exit(126);
    }

    (void) close(fd);
}


/*
 * The strings of a request, NULL if there is none; the C library looks for the
 * environment behind them.
 */

static char **
warm_argv(int fd, int *argc)
{
    int        n, i, envs;
    char      *text, *p, **argv;
    uint32_t   size;

    if (warm_read(fd, &size, sizeof(size)) == -1) {
        return NULL;
    }

    text = malloc(size);

    if (warm_read(fd, text, size) == -1) {
        free(text);
        return NULL;
    }

    for (n = 0, p = text; p < text + size; p += strlen(p) + 1) {
        n++;
    }

    for (envs = 0; environ[envs]; envs++) { /* void */ }

    argv = calloc(n + envs + 2, sizeof(char *));

    for (i = 0, p = text; i < n; p += strlen(p) + 1) {
        argv[i++] = p;
    }

    memcpy(argv + n + 1, environ, envs * sizeof(char *));
    *argc = n;

    return argv;
}


/* returns in the process that is to run */

static char **
warm_fork(int listening, int *argc)
{
    int             i;
    char          **argv;
    warm_run_t     *run;

    for (i = 0; i < WARM_RUNS && runs[i].pid; i++) { /* void */ }

    if (i == WARM_RUNS) {
        return NULL;
    }

    run = &runs[i];
    run->fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    argv = run->fd == -1 ? NULL : warm_argv(run->fd, argc);

    if (argv == NULL) {
        (void) close(run->fd);
        return NULL;
    }

    run->pid = fork();

    if (run->pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

        if (chdir(argv[0]) == -1) {
            _exit(126);
        }

        warm_output(STDOUT_FILENO, argv[1]);
        warm_output(STDERR_FILENO, argv[2]);

        *argc -= 3;
        return argv + 3;
    }

    free(argv[0]);
    free(argv);

    if (run->pid == -1) {
        run->pid = 0;
        (void) close(run->fd);
    }

    return NULL;
}


static void
warm_reap(void)
{
    int      i, status;
    pid_t    pid;
    int32_t  answer;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {

        for (i = 0; i < WARM_RUNS && runs[i].pid != pid; i++) { /* void */ }

        if (i == WARM_RUNS) {
            continue;
        }

        answer = status;
        (void) !write(runs[i].fd, &answer, sizeof(answer));
        (void) close(runs[i].fd);
        runs[i].pid = 0;
    }
}


static void
warm_child(int signo)
{
}


static char **
warm_wait(const char *name, int *argc)
{
    char           **argv;
    sigset_t         set, before;
    struct pollfd    listening;

    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void) signal(SIGPIPE, SIG_IGN);
    (void) signal(SIGCHLD, warm_child);

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    (void) sigprocmask(SIG_BLOCK, &set, &before);

    listening.fd = warm_listen(name);
    listening.events = POLLIN;
    (void) unsetenv("LD_PRELOAD");
    (void) unsetenv("WARM_SOCKET");

    do {
        argv = NULL;

        if (ppoll(&listening, 1, NULL, &before) == 1) {
            argv = warm_fork(listening.fd, argc);
        }

        if (argv == NULL) {
            warm_reap();
        }

    } while (argv == NULL);

    (void) signal(SIGPIPE, SIG_DFL);
    (void) signal(SIGCHLD, SIG_DFL);
    (void) sigprocmask(SIG_SETMASK, &before, NULL);
    (void) close(listening.fd);

    return argv;
}


/* all libraries are loaded and have begun when a program calls this */

int
__libc_start_main(main_pt main, int argc, char **argv, void (*init)(void),
    void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    char      *name;
    start_pt   real;

    real = (start_pt) dlsym(RTLD_NEXT, "__libc_start_main");
    name = getenv("WARM_SOCKET");

    if (name) {
        argv = warm_wait(name, &argc);
    }

    return real(main, argc, argv, init, fini, rtld_fini, stack_end);
}
