
/*
 * The survey: what a worker looks through when it begins, and when the
 * catalogue was lost.  Locks of dead workers, files in work/ and files/ that
 * the catalogue does not know, and the catalogue itself.
 *
 * A job of its own: it may take minutes, and the keeper goes on meanwhile.
 */


#ifndef _NGX_RECORDING_SURVEY_H_INCLUDED_
#define _NGX_RECORDING_SURVEY_H_INCLUDED_


#include "ngx_recording_worker.h"


typedef struct {
    ngx_recording_worker_t *worker;
    ngx_recording_job_t     job;
    ngx_recording_notices_t notices;
    ngx_msec_t              next;          /* not before */
    unsigned                busy:1;
    unsigned                over:1;        /* all was looked through */
    unsigned                failed:1;      /* and this was said */
} ngx_recording_survey_t;


void ngx_recording_survey_init(ngx_recording_survey_t *survey,
    ngx_recording_worker_t *worker);

/* loop: orders the job, if there is anything to be looked through */
void ngx_recording_survey(ngx_recording_survey_t *survey);


#endif /* _NGX_RECORDING_SURVEY_H_INCLUDED_ */
