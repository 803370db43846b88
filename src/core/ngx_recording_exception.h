
/*
 * Exceptions: what goes wrong in a stream, by the numbers that events, the
 * log and docs/operations.md have for it.  t/exceptions.t compares them.
 *
 * Pure: a table of constants, any thread.
 */


#ifndef _NGX_RECORDING_EXCEPTION_H_INCLUDED_
#define _NGX_RECORDING_EXCEPTION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* those of a track: the audio's is the next one after the video's */

typedef enum {
    NGX_RECORDING_EXCEPTION_NONE = 0,
    NGX_RECORDING_EXCEPTION_LOST,
    NGX_RECORDING_EXCEPTION_CHANGED,
    NGX_RECORDING_EXCEPTION_RESIZED,
    NGX_RECORDING_EXCEPTION_VIDEO_TIME,
    NGX_RECORDING_EXCEPTION_AUDIO_TIME,
    NGX_RECORDING_EXCEPTION_VIDEO_REFUSED,
    NGX_RECORDING_EXCEPTION_AUDIO_REFUSED,
    NGX_RECORDING_EXCEPTION_VIDEO_BROKEN,
    NGX_RECORDING_EXCEPTION_AUDIO_BROKEN,

    NGX_RECORDING_EXCEPTIONS
} ngx_recording_exception_e;


typedef struct {
    const char             *name;
    int                     number;
    ngx_uint_t              level;         /* NGX_LOG_... */
    const char             *sentence;      /* as the docs have it */
} ngx_recording_exception_t;


extern const ngx_recording_exception_t
    ngx_recording_exceptions[NGX_RECORDING_EXCEPTIONS];


/*
 * How bad one is, for those who are told of it: a bit, which stands in the
 * catalogue and never changes its meaning, and its name.
 */

#define NGX_RECORDING_EXCEPTION_ERROR    0x01
#define NGX_RECORDING_EXCEPTION_WARNING  0x02
#define NGX_RECORDING_EXCEPTION_INFO     0x04
#define NGX_RECORDING_EXCEPTION_ALL      0x07

ngx_uint_t ngx_recording_exception_level(
    const ngx_recording_exception_t *exception);

/* ends with an empty name */
typedef struct {
    ngx_str_t               name;
    ngx_uint_t              bit;
} ngx_recording_exception_level_t;

extern const ngx_recording_exception_level_t
    ngx_recording_exception_levels[];

/* the bit of a name, 0: there is no such level */
ngx_uint_t ngx_recording_exception_level_bit(const ngx_str_t *name);


#endif /* _NGX_RECORDING_EXCEPTION_H_INCLUDED_ */
