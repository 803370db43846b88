
/*
 * The survey: what a worker looks through when it begins, and when the
 * catalogue was lost.  Locks of dead workers, files in work/ and files/ that
 * the catalogue does not know, and the catalogue itself.
 *
 * A job of its own, in slices of some 50 ms, as it may take minutes: those
 * with the same seat have their turn in between.
 */


#ifndef _NGX_RECORDING_SURVEY_H_INCLUDED_
#define _NGX_RECORDING_SURVEY_H_INCLUDED_


#include "ngx_recording_rebuild.h"
#include "ngx_recording_worker.h"


#define NGX_RECORDING_SURVEY_UNREAD  64          /* journals, that were told */


typedef struct ngx_recording_survey_s  ngx_recording_survey_t;

/*
 * A step, on a thread.  NGX_OK: survey->step is the next one; NGX_DONE: all
 * was looked through; NGX_AGAIN: another worker is at it.
 */
typedef ngx_int_t (*ngx_recording_survey_pt)(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err);


struct ngx_recording_survey_s {
    ngx_recording_worker_t *worker;
    ngx_recording_job_t     job;
    ngx_recording_survey_pt  step;
    ngx_int_t               result;
    ngx_uint_t              damaged;       /* the catalogue is */
    uint64_t               *ids;           /* of journals in work/; of
                                              malloc() */
    ngx_uint_t              n;
    ngx_uint_t              size;          /* of those there is memory for */
    ngx_uint_t              at;
    ngx_recording_rebuild_t  *rebuild;     /* NULL: not begun */
    ngx_recording_notices_t notices;
    ngx_msec_t              next;          /* not before */
    ngx_msec_t              pause;         /* until then, from the last one */
    ngx_uint_t              nunread;
    uint64_t                unread[NGX_RECORDING_SURVEY_UNREAD];
    unsigned                busy:1;
    unsigned                over:1;        /* all was looked through */
    unsigned                failed:1;      /* and this was said */
};


void ngx_recording_survey_init(ngx_recording_survey_t *survey,
    ngx_recording_worker_t *worker);

/* loop: orders the job, if there is anything to be looked through */
void ngx_recording_survey(ngx_recording_survey_t *survey);


#endif /* _NGX_RECORDING_SURVEY_H_INCLUDED_ */
