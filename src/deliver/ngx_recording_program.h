
/*
 * A program that the operator has named, run for an event.
 *
 * The loop starts it and is told how it ended.  Between both stand two other
 * processes.  A fork of a worker copies the tables of all its memory, and the
 * loop waits meanwhile, for tens of ms with 100 MB: so that the worker forks
 * a starter when it begins, which stays small.  And nginx's handler of SIGCHLD
 * reaps every child of the worker, and a program must not outlive its worker
 * unseen: so that each program has a runner.
 *
 *   worker --------> starter  a child that gives no SIGCHLD: nginx does not see
 *     |    request      |     it; ends with the worker, after its runners
 *     |                 |
 *     |<------------- runner  own session, no descriptor of nginx's but pipes
 *     |    status       |     and the lock; waits, kills the program at the
 *     |                 |     time-out or when the worker is gone, writes the
 *     |                 |     status into a pipe
 *     |    output       |
 *     +<------------- program own session and group, and what it starts
 *
 * The program gets argv and envp as they are given, `input` as its standard
 * input, which it may read or leave, and one pipe as its standard output and
 * error; no other descriptor.  Signals are as a process has them at first.
 * Its umask is 022, a negative nice value of the worker is set to 0, and it
 * may run on all processors; user, groups, limits, oom_score_adj and security
 * settings are the worker's.
 *
 * What it has started ends with it: when the program has ended, at the
 * time-out, at ngx_recording_program_kill(), and when the worker is gone, even
 * by SIGKILL, the runner sends SIGTERM to the program's group and to those
 * that left it and lost their parents, and half a second later SIGKILL to all
 * that are left, until there are none.  Then it writes the status.  What
 * cannot be found are processes that another one starts on request (at,
 * cron, systemd-run, containers); what cannot be killed are those that became
 * another user's, and those that hang in the kernel: for such the status is
 * given after 5 s more, while the runner goes on waiting, with the lock.
 *
 * The runner holds ->lock, an open file with a lock of flock(): as long as
 * anything of the program may live nobody else gets that lock.  If the runner
 * itself is killed, the kernel kills the program, but not what this has
 * started.
 *
 * Loop, but the job that asks the starter.  What is given belongs to the one
 * who starts it and stays until done() was called.  A program that runs keeps
 * an exiting worker alive; worker_shutdown_timeout kills it.  At a fast stop
 * done() is not called.
 */


#ifndef _NGX_RECORDING_PROGRAM_H_INCLUDED_
#define _NGX_RECORDING_PROGRAM_H_INCLUDED_


#include "ngx_recording_job.h"


#define NGX_RECORDING_PROGRAM_LINE   1024  /* what is longer is cut */
#define NGX_RECORDING_PROGRAM_LINES  100


/* a worker's starter */

typedef struct {
    int                     fd;            /* -1 before it is started */
    pid_t                   pid;
} ngx_recording_programs_t;


typedef struct ngx_recording_program_s  ngx_recording_program_t;


struct ngx_recording_program_s {

    /* --- set by the one who starts it */

    ngx_recording_programs_t  *programs;
    ngx_recording_jobs_t   *jobs;
    ngx_log_t              *log;
    char                  **argv;          /* argv[0]: an absolute path */
    char                  **envp;          /* all that it gets */
    const char             *dir;           /* working directory */
    const u_char           *input;         /* its standard input */
    size_t                  input_len;
    int                     lock;          /* opened with O_CLOEXEC; closed here
                                              once the runner has it, or it has
                                              failed; or -1 */
    ngx_msec_t              timeout;

    /* a line of its output, standard error too, printable, without line feed,
       not empty; after so many lines the rest is only counted; not from
       within start() or kill() */
    void                  (*line)(ngx_recording_program_t *p, ngx_str_t *line);

    /* always, once; not from within start() or kill() */
    void                  (*done)(ngx_recording_program_t *p);
    void                   *data;

    /* --- set when done() is called */

    ngx_int_t               rc;            /* NGX_OK: it has exited with 0 */
    char                    error[256];    /* "exited with 1", "killed by
                                              signal 9", "ran for more than
                                              600 seconds", "fork() failed
                                              (11: ...)" */
    uint64_t                left_out;      /* bytes of output */
    ngx_uint_t              killed_others; /* processes that it had started and
                                              that did not end with it */

    /* --- its own */

    ngx_recording_job_t     job;
    const char             *op;            /* of the job, what has failed */
    ngx_err_t               err;
    int                     life;          /* pipes: closed, the runner kills */
    int                     status_fd;
    int                     output_fd;
    ngx_connection_t       *status;
    ngx_connection_t       *output;        /* NULL: closed by the program */
    ngx_uint_t              lines;
    size_t                  len;           /* of the line that is read */
    u_char                  text[NGX_RECORDING_PROGRAM_LINE];
    unsigned                killed:1;
};


/*
 * Once, when the worker begins and is small: forks the starter, which ends with
 * the worker.  NGX_ERROR: with errno, and each program fails, after another
 * try.  A starter that is killed is replaced after the next program, which
 * fails.
 */
ngx_int_t ngx_recording_programs_start(ngx_recording_programs_t *programs);

void ngx_recording_program_start(ngx_recording_program_t *p);

/* kills it; done() is called later, as always */
void ngx_recording_program_kill(ngx_recording_program_t *p);


#endif /* _NGX_RECORDING_PROGRAM_H_INCLUDED_ */
