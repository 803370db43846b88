
/*
 * The steps of finishing a file, for the files of ngx_recording_finish_*.c
 * only.
 *
 *              taken from another worker
 *      open ---------+-----------+---------------+
 *       |            |           |               |
 *       v            v           v               v
 *     begin        pause       absent         unknown
 *       |            |           |               |
 *       +--> lost    v           +--> lost       |
 *       v      |   done          v      |        |
 *     whole    |               mended   |        v
 *       |      |                 |      |      done, or clear
 *       |      |                 v      |
 *       |      |               clear <--+
 *       |      |
 *       v      +--> clear --> done
 *     label, place (move), row --> clear --> done
 */


#ifndef _NGX_RECORDING_FINISH_STEP_H_INCLUDED_
#define _NGX_RECORDING_FINISH_STEP_H_INCLUDED_


#include "ngx_recording_finish.h"


typedef struct ngx_recording_finish_s  ngx_recording_finish_t;

/*
 * A step, on a thread.  NGX_OK: f->step is the next one; NGX_DONE: there is
 * none; NGX_BUSY: it waits for the catalogue's answer; NGX_AGAIN: it failed,
 * and is tried again; NGX_ERROR: as often as it makes sense.
 */
typedef ngx_int_t (*ngx_recording_finish_pt)(ngx_recording_finish_t *f);


struct ngx_recording_finish_s {
    ngx_recording_worker_t *worker;
    ngx_recording_finish_pt  step;
    ngx_int_t               result;
    ngx_recording_mux_t    *mux;
    ngx_recording_taken_t   taken;         /* or this, not opened yet */
    ngx_log_t              *log;
    ngx_log_t               own;           /* of a file that was taken */
    ngx_recording_job_t     job;
    ngx_recording_change_t  change;
    ngx_recording_flush_t   flush;
    ngx_recording_state_t   state;
    ngx_recording_left_t    left;
    ngx_recording_label_t  *label;
    ngx_recording_mend_t    mend;
    ngx_event_t             retry;
    ngx_uint_t              tries;         /* that failed by the file itself */
    ngx_uint_t              again;         /* that failed otherwise */
    ngx_uint_t              claims;        /* of paths */
    unsigned                orphan:1;      /* of nobody before */
    unsigned                failed:1;      /* and this was said */
    unsigned                stuck:1;       /* it cannot be finished */
    unsigned                moved:1;       /* another path was claimed */
    unsigned                clear:1;       /* it has something in work/ */
    unsigned                gone:1;        /* somebody removed it there */
    ngx_recording_notices_t notices;
    char                    path[NGX_RECORDING_FILE_PATH];  /* its place */
    void                  (*done)(void *data);
    void                   *data;
};


/* a file that another worker has left is opened */
ngx_int_t ngx_recording_finish_open(ngx_recording_finish_t *f);

/* one that takes no more samples is finished */
ngx_int_t ngx_recording_finish_begin(ngx_recording_finish_t *f);

/* nothing of it can be kept */
ngx_int_t ngx_recording_finish_lost(ngx_recording_finish_t *f);

/* its row tells the whole story: what it has in work/ goes */
ngx_int_t ngx_recording_finish_clear(ngx_recording_finish_t *f);

/*
 * The last step of a file that is in its place, or the last but one: asks for
 * this change, says that it is finished, closes it and goes on to clear.
 */
ngx_int_t ngx_recording_finish_over(ngx_recording_finish_t *f,
    ngx_recording_catalogue_pt run, void *arg, const char *what);

/*
 * For the steps: asks for a change.  NGX_BUSY: there is no answer yet;
 * NGX_AGAIN: the catalogue failed, which is said.
 */
ngx_int_t ngx_recording_finish_ask(ngx_recording_finish_t *f,
    ngx_recording_catalogue_pt run, void *arg, ngx_uint_t durable);

/* the same for the state alone; size -1: as it was */
ngx_int_t ngx_recording_finish_state(ngx_recording_finish_t *f,
    ngx_recording_file_e state, ngx_uint_t owned, int64_t size);

/* says once that a step failed, and returns NGX_AGAIN */
ngx_int_t ngx_recording_finish_failed(ngx_recording_finish_t *f,
    const char *op, ngx_err_t err, ngx_recording_catalogue_error_t *sql);

/* the same for an error of the file, or NGX_ERROR if that is damaged */
ngx_int_t ngx_recording_finish_error(ngx_recording_finish_t *f,
    ngx_recording_mux_t *mux);

/* makes durable that it lies at f->path: NGX_BUSY, or as above */
ngx_int_t ngx_recording_finish_sync(ngx_recording_finish_t *f);

/* closes the file, whatever becomes of it */
void ngx_recording_finish_close(ngx_recording_finish_t *f);


#endif /* _NGX_RECORDING_FINISH_STEP_H_INCLUDED_ */
