
/*
 * The time of a writer's frames: what its clock makes of their timestamps,
 * what follows from it for the files, and what is said of it.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_TIME_H_INCLUDED_
#define _NGX_RECORDING_TIME_H_INCLUDED_


#include "ngx_recording_clock.h"
#include "ngx_recording_item.h"
#include "ngx_recording_notice.h"


typedef struct {
    ngx_recording_clock_t   clock;
    ngx_recording_notices_t  *notices;
    uint64_t                events[NGX_RECORDING_CLOCK_EVENTS];
                                           /* of the clock: the first one is
                                              said */
    uint64_t                wild;          /* composition times, the same */
} ngx_recording_time_t;


/*
 * Sets item->time; the cursor stands behind the item.  Returns what the clock
 * found: after a jump, or a pause that is an interruption, new files are
 * wanted, or a gap, where that is closed; t->clock.jump says how long it is.
 */
ngx_recording_clock_e ngx_recording_time_frame(ngx_recording_time_t *t,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor);

/* at the end: how often what was said once has happened */
void ngx_recording_time_told(ngx_recording_time_t *t);


#endif /* _NGX_RECORDING_TIME_H_INCLUDED_ */
