
/*
 * What is known of one recorded file, from the recorder to the catalogue.
 *
 * Plain data.  The strings of the stream belong to the recording, which
 * lives as long as any of its files grows or is finished.
 */


#ifndef _NGX_RECORDING_FILE_H_INCLUDED_
#define _NGX_RECORDING_FILE_H_INCLUDED_


#include "ngx_recording_frame.h"
#include "ngx_recording_path.h"


/* a rendered path, a suffix, an extension or "/index.m3u8" */
#define NGX_RECORDING_FILE_PATH  (NGX_RECORDING_PATH_MAX + 64)


/* names of a file's stream and template in a message */
#define NGX_RECORDING_ABOUT  640


/*
 *   recording ----> finishing ----> finished ----> evicted ---+
 *     ^   |          ^    |                |                  v
 *     |   |          |    |                +--------> expired, deleted
 *     |   v          |    |
 *     paused --------+    +-------> lost
 */

typedef enum {
    NGX_RECORDING_FILE_RECORDING = 0,
    NGX_RECORDING_FILE_PAUSED,         /* its stream may return */
    NGX_RECORDING_FILE_FINISHING,
    NGX_RECORDING_FILE_FINISHED,
    NGX_RECORDING_FILE_EVICTED,        /* for newer ones: max= */
    NGX_RECORDING_FILE_EXPIRED,        /* its time was over: expire */
    NGX_RECORDING_FILE_DELETED,        /* by a call */
    NGX_RECORDING_FILE_LOST,           /* nothing of it could be kept */
    NGX_RECORDING_FILE_STATES
} ngx_recording_file_e;


typedef enum {
    NGX_RECORDING_DROP_BUFFER = 0,     /* record_buffer was full */
    NGX_RECORDING_DROP_DISK,           /* the store refused to be written */
    NGX_RECORDING_DROP_BROKEN,         /* not a frame of its codec */
    NGX_RECORDING_DROP_HEADER,         /* before any sequence header */
    NGX_RECORDING_DROP_KEY,            /* before the track's key frame */
    NGX_RECORDING_DROP_TRACK,          /* of one that the format refuses */
    NGX_RECORDING_DROPS
} ngx_recording_drop_e;

/* their names */
extern const char *const  ngx_recording_file_reasons[NGX_RECORDING_DROPS];


typedef struct {
    ngx_str_t               template;
    ngx_str_t               domain;
    ngx_str_t               server;    /* listen addresses */
    ngx_str_t               app;
    ngx_str_t               name;
    ngx_str_t               param;     /* the raw query of the push URL */
    ngx_str_t               task;      /* that orders it; empty: a rule does */
    ngx_str_t               delivers;  /* the template that tells of it and
                                          delivers it; empty: its own */
} ngx_recording_stream_t;


/* gaps of which a file keeps the place */
#define NGX_RECORDING_FILE_GAPS  1000


/* an interruption that was closed: the file has nothing of its time */

typedef struct {
    int64_t                 at;        /* in the file, ms */
    int64_t                 length;    /* ms */
} ngx_recording_gap_t;


/* that there are, and so that a recording has at most */
#define NGX_RECORDING_FORMATS  4


typedef struct ngx_recording_claim_s  ngx_recording_claim_t;


typedef struct {
    uint64_t                id;
    uint64_t                recording_id;
    ngx_recording_stream_t *stream;
    const char             *format;
    ngx_recording_file_e    state;

    int64_t                 start;     /* wall clock, us */
    int64_t                 end;
    int64_t                 finished;  /* when it appeared in files/ */
    int64_t                 duration;  /* ms */
    uint64_t                size;

    ngx_recording_codec_e   video;
    ngx_recording_codec_e   audio;
    uint32_t                width;
    uint32_t                height;

    uint64_t                in;        /* frames that came for it */
    uint64_t                written;
    uint64_t                dropped[NGX_RECORDING_DROPS];

    int64_t                 deadline;  /* of a paused file, wall clock, us */
    ngx_recording_gap_t    *gaps;
    ngx_uint_t              ngaps;
    ngx_uint_t              more;      /* gaps that are only counted */
    int64_t                 more_length;   /* ms, of those */
    unsigned                recovered:1;
    unsigned                released:1;    /* it is nobody's now */

    uint64_t                random;    /* {RandomID} */
    ngx_recording_claim_t  *claim;     /* NULL: it has no path */
    size_t                  path_len;  /* 0 until it is claimed */
    u_char                  path[NGX_RECORDING_FILE_PATH];
} ngx_recording_file_t;


/* the path as a C string; it has NGX_RECORDING_FILE_PATH bytes of room */

static ngx_inline void
ngx_recording_file_path(ngx_recording_file_t *file, char *path)
{
    ngx_memcpy(path, file->path, file->path_len);
    path[file->path_len] = '\0';
}


/*
 * How a message about a file of a stream ends: ", stream: ..., template: ...",
 * with what the publisher chose made printable; without a template, if it is
 * not known which.
 */
void ngx_recording_file_about(const ngx_recording_stream_t *s,
    char about[NGX_RECORDING_ABOUT]);


#endif /* _NGX_RECORDING_FILE_H_INCLUDED_ */
