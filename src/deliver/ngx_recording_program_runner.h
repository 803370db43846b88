
/*
 * The starter and the runners: the children's side of ngx_recording_program.h,
 * and what both sides know.
 *
 * In the children all is done with system calls: no allocation, no lock of the
 * C library, nothing of nginx's.
 */


#ifndef _NGX_RECORDING_PROGRAM_RUNNER_H_INCLUDED_
#define _NGX_RECORDING_PROGRAM_RUNNER_H_INCLUDED_


#include "ngx_recording_program.h"


/* ms: from SIGTERM to SIGKILL, and from there until it is not waited for */
#define NGX_RECORDING_PROGRAM_GRACE  500
#define NGX_RECORDING_PROGRAM_LINGER 5000


/* how a program ended, and what the value beside it is */

typedef enum {
    ngx_recording_program_runs = 0,
    ngx_recording_program_exited,          /* its exit status */
    ngx_recording_program_signalled,       /* by which signal */
    ngx_recording_program_late,            /* - */
    ngx_recording_program_stopped,         /* - */

    /* errno */
    ngx_recording_program_no_fork,
    ngx_recording_program_no_descriptors,
    ngx_recording_program_no_dir,
    ngx_recording_program_no_exec
} ngx_recording_program_end_e;


/* what passes through the status pipe */

typedef struct {
    int32_t                 end;
    int32_t                 value;
    int32_t                 killed;        /* processes that it had started */
} ngx_recording_program_status_t;


/* descriptors of a request, in this order; there may be no lock */

enum {
    NGX_RECORDING_PROGRAM_FD_ARGS = 0,
    NGX_RECORDING_PROGRAM_FD_INPUT,
    NGX_RECORDING_PROGRAM_FD_OUTPUT,
    NGX_RECORDING_PROGRAM_FD_STATUS,
    NGX_RECORDING_PROGRAM_FD_LIFE,
    NGX_RECORDING_PROGRAM_FD_LOCK,
    NGX_RECORDING_PROGRAM_FDS
};


/* a request; beside it are its descriptors; in the file of the arguments are
   so many strings, each with its zero, and the directory is the last one */

typedef struct {
    int64_t                 timeout;       /* ms */
    uint64_t                size;
    int32_t                 argc;
    int32_t                 envc;
    int32_t                 fds;
} ngx_recording_program_request_t;


/* what a runner is given; -1: there is no lock */

typedef struct {
    char                  **argv;
    char                  **envp;
    const char             *dir;
    int64_t                 timeout;       /* ms */
    int                     input;
    int                     output;
    int                     status;
    int                     life;
    int                     lock;
} ngx_recording_program_run_t;


/* child: takes requests as long as there is a worker; does not return */
void ngx_recording_program_starter(int fd);

/* child: a runner; does not return */
void ngx_recording_program_runner(ngx_recording_program_request_t *request,
    int fds[NGX_RECORDING_PROGRAM_FDS]);

/* child of whatever: fork() without the library */
pid_t ngx_recording_program_fork(void);

/* child: nothing is open but fd, and those below */
void ngx_recording_program_close_above(int fd);

/* child: leaves only 0, 1, 2 and what is in run, as numbers from 3 on */
ngx_int_t ngx_recording_program_descriptors(ngx_recording_program_run_t *run);

/* child: gives back the memory of the worker that is not needed to wait */
void ngx_recording_program_unmap(void);

/* child: the program itself; does not return */
void ngx_recording_program_exec(ngx_recording_program_run_t *run, int error);

/* child: waits for the program, and tells and does what is to be */
void ngx_recording_program_wait(ngx_recording_program_run_t *run, pid_t pid,
    int error);


#endif /* _NGX_RECORDING_PROGRAM_RUNNER_H_INCLUDED_ */
