
/*
 * A program that the operator has named, run for an event.
 *
 * The loop starts it and is told how it ended.  Between both stands a runner,
 * a process of its own: nginx's handler of SIGCHLD reaps every child of the
 * worker, and a program must not outlive its worker unseen.
 *
 *   worker ----job----> child, ends at once (reaped by nginx)
 *                          |
 *                        runner: own process group, no descriptor of nginx's
 *                          |     but its pipes and the lock; waits, kills the
 *                          |     group at the time-out or when the worker is
 *                          |     gone, writes the status into a pipe
 *                        program
 *
 * The runner holds ->lock, an open file with a lock of flock(): as long as
 * anything of the program's group may live nobody else gets that lock.
 *
 * Loop, but the job that forks.  What is given belongs to the one who starts
 * it and stays until done() was called.
 */


#ifndef _NGX_RECORDING_PROGRAM_H_INCLUDED_
#define _NGX_RECORDING_PROGRAM_H_INCLUDED_


#include "ngx_recording_job.h"


#define NGX_RECORDING_PROGRAM_LINE  1024   /* of output, what is longer is cut */


typedef struct ngx_recording_program_s  ngx_recording_program_t;


struct ngx_recording_program_s {

    /* --- set by the one who starts it */

    ngx_recording_jobs_t   *jobs;
    ngx_log_t              *log;
    char                  **argv;          /* argv[0]: an absolute path */
    char                  **envp;          /* all that it gets */
    const char             *dir;           /* working directory */
    const u_char           *input;         /* its standard input */
    size_t                  input_len;
    int                     lock;          /* closed here once the runner has
                                              it, or it has failed; or -1 */
    ngx_msec_t              timeout;

    /* a line of its output, standard error too, printable, without line feed;
       after so many lines the rest is only counted */
    void                  (*line)(ngx_recording_program_t *p, ngx_str_t *line);
    void                  (*done)(ngx_recording_program_t *p);
    void                   *data;

    /* --- set when done() is called */

    ngx_int_t               rc;            /* NGX_OK: it has exited with 0 */
    char                    error[256];    /* "exited with 1", "killed by
                                              signal 9", "ran for more than
                                              600 seconds", "fork() failed
                                              (11: ...)" */
    uint64_t                left_out;      /* bytes of output */

    /* --- its own */

    ngx_recording_job_t     job;
    ngx_connection_t       *status;
    ngx_connection_t       *output;
    /* ... */
};


void ngx_recording_program_start(ngx_recording_program_t *p);

/* kills it; done() is called later, as always */
void ngx_recording_program_kill(ngx_recording_program_t *p);


#endif /* _NGX_RECORDING_PROGRAM_H_INCLUDED_ */
