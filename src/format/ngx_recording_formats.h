
/*
 * The table of formats: the only place that knows all of them.  Whoever needs
 * a format looks it up here, and calls it by its functions.
 *
 * Constant, any thread.
 */


#ifndef _NGX_RECORDING_FORMATS_H_INCLUDED_
#define _NGX_RECORDING_FORMATS_H_INCLUDED_


#include "ngx_recording_mux.h"


extern const ngx_recording_format_t  ngx_recording_format_flv;
extern const ngx_recording_format_t  ngx_recording_format_mp4;
extern const ngx_recording_format_t  ngx_recording_format_hls;
extern const ngx_recording_format_t  ngx_recording_format_aac;

/* all of them, ended by NULL */
extern const ngx_recording_format_t *const  ngx_recording_formats[];


/* once in a worker: libavformat says nothing on standard error */
void ngx_recording_formats_init(void);

/* the format of a name, or NULL */
const ngx_recording_format_t *ngx_recording_formats_find(const char *name);


#endif /* _NGX_RECORDING_FORMATS_H_INCLUDED_ */
