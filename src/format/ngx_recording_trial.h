
/*
 * Whether a muxer takes a track: it is asked before there is a file, with
 * nothing written.
 *
 * Runs on pool threads.
 */


#ifndef _NGX_RECORDING_TRIAL_H_INCLUDED_
#define _NGX_RECORDING_TRIAL_H_INCLUDED_


#include "ngx_recording_mux.h"


/*
 * Asks the format's muxer whether it takes a track, if that is not known yet:
 * for one that begins, and one that comes from a journal.
 */
void ngx_recording_trial_thread(const ngx_recording_format_t *format,
    ngx_recording_media_t *media, ngx_uint_t track);

/*
 * Why a format does not take a track of a codec that it has, or NULL: the
 * facts as far as they say it, else what libavformat says.
 */
const char *ngx_recording_trial_why_thread(
    const ngx_recording_format_t *format, ngx_recording_media_t *media,
    ngx_uint_t track);


#endif /* _NGX_RECORDING_TRIAL_H_INCLUDED_ */
