
/*
 * Seats: who works in the catalogue may have to wait for whoever hangs in it.
 * So a job that does has a seat, and of those with the same seat one is in the
 * pool at a time: whatever hangs, so many threads are waiting as there are
 * seats.
 *
 * Runs on pool threads.
 */


#ifndef _NGX_RECORDING_SEAT_H_INCLUDED_
#define _NGX_RECORDING_SEAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_RECORDING_SEAT_NONE = 0,
    NGX_RECORDING_SEAT_COMMITS,            /* of the job that commits what
                                              others ask for */
    NGX_RECORDING_SEAT_TURNS,              /* of all others */
    NGX_RECORDING_SEATS
} ngx_recording_seat_e;


/* a job begins that has this one, or none; and ends */
void ngx_recording_seat_begin_thread(ngx_recording_seat_e seat);
void ngx_recording_seat_end_thread(void);

/* whether what runs is a job that has none; the loop at its end is no job */
ngx_uint_t ngx_recording_seat_missing_thread(void);


#endif /* _NGX_RECORDING_SEAT_H_INCLUDED_ */
