
/*
 * What was recorded of a stream is put in a row, by wall clock: which of
 * several files that have something of a time is taken.
 *
 * Of recordings that overlap the one that began first goes on to its end, then
 * another one from there.  Files of one recording are taken whole, and so are
 * recordings one after the other: the clock of an encoder may run fast, and one
 * that was cut off sends its backlog in a burst, so that files end later than
 * they did.
 *
 * Pure: any thread.
 */


#ifndef _NGX_RECORDING_API_COURSE_H_INCLUDED_
#define _NGX_RECORDING_API_COURSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* all 0: nothing has come yet */

typedef struct {
    int64_t                 end;           /* us, where what was taken ends */
    uint64_t                recording_id;  /* of what was taken last */
    int64_t                 over;          /* us, when all that has come was
                                              finished */
} ngx_recording_api_course_t;


/* a file comes, by when it began: of it, what is before course->end is there
   already; finished_us is 0 while it grows */
static ngx_inline void
ngx_recording_api_course_next(ngx_recording_api_course_t *course,
    uint64_t recording_id, int64_t start_us, int64_t finished_us)
{
    if (recording_id == course->recording_id || start_us >= course->over) {
        course->end = ngx_min(course->end, start_us);
    }

    if (finished_us == 0) {
        finished_us = INT64_MAX;
    }

    course->over = ngx_max(course->over, finished_us);
}


/* something of it was taken, up to there */
static ngx_inline void
ngx_recording_api_course_taken(ngx_recording_api_course_t *course,
    uint64_t recording_id, int64_t end)
{
    course->recording_id = recording_id;
    course->end = end;
}


#endif /* _NGX_RECORDING_API_COURSE_H_INCLUDED_ */
