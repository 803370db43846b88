
/*
 * A finished file as a source: its tracks, and its frames in turn, from any
 * key frame on.  MP4 and FLV are read by libavformat, without its parsers and
 * decoders, as they lie; segments of HLS and ADTS are read here.
 *
 *   open ---> find ---> next, next ... ---> close
 *              ^           |
 *              +-----------+
 *
 * Times are ms from where players begin with the file: of HLS that is its
 * first picture or sound, holes count.  H.264 has NAL units with lengths, AAC
 * its bare frames, as MP4 has them.
 *
 * Runs on pool threads only, in one job at a time.  A source owns all that it
 * has; close frees it.  Nothing in the file is trusted.
 *
 * Return codes: NGX_OK; NGX_DONE, the file ends here; NGX_AGAIN, it goes on
 * with the next call, as it takes time; NGX_ERROR, the reason is in
 * source->why.
 */


#ifndef _NGX_RECORDING_SOURCE_H_INCLUDED_
#define _NGX_RECORDING_SOURCE_H_INCLUDED_


#include "ngx_recording_file.h"
#include "ngx_recording_media.h"
#include "ngx_recording_segment.h"
#include "ngx_recording_store.h"


/* bytes that a frame may have */
#define NGX_RECORDING_SOURCE_FRAME  (64 * 1024 * 1024)

/* bytes of a segment's path, with its zero */
#define NGX_RECORDING_SOURCE_SEGMENT                                         \
    (NGX_RECORDING_FILE_PATH + NGX_RECORDING_SEGMENT_NAME)


typedef struct {
    ngx_uint_t              track;
    int64_t                 dts;
    int64_t                 pts;
    u_char                 *data;          /* there until the next call */
    size_t                  size;
    unsigned                key:1;         /* decoding can begin with it */
    unsigned                idr:1;
    unsigned                changed:1;     /* source->media of its track is
                                              another one from here on */
} ngx_recording_source_frame_t;


typedef struct ngx_recording_source_s  ngx_recording_source_t;


/* how a kind of file is read: for the files of ngx_recording_source_*.c */

typedef struct {
    const char             *format;

    /* from the beginning on; what it had open before was closed */
    ngx_int_t             (*open)(ngx_recording_source_t *source);

    /* to a place that is not behind ms, as far as that is known; it is open at
       its beginning */
    ngx_int_t             (*seek)(ngx_recording_source_t *source, int64_t ms);

    ngx_int_t             (*next)(ngx_recording_source_t *source,
                                  ngx_recording_source_frame_t *frame);

    /* any number of times */
    void                  (*close)(ngx_recording_source_t *source);
} ngx_recording_source_kind_t;

extern const ngx_recording_source_kind_t  ngx_recording_source_mp4;
extern const ngx_recording_source_kind_t  ngx_recording_source_flv;
extern const ngx_recording_source_kind_t  ngx_recording_source_hls;
extern const ngx_recording_source_kind_t  ngx_recording_source_aac;


typedef enum {
    NGX_RECORDING_SOURCE_IDLE = 0,
    NGX_RECORDING_SOURCE_LOOKING,          /* for the last key frame */
    NGX_RECORDING_SOURCE_FROM_FIRST        /* the same, from the beginning */
} ngx_recording_source_e;


struct ngx_recording_source_s {
    const ngx_recording_source_kind_t  *kind;
    ngx_recording_store_t  *store;
    char                    path[NGX_RECORDING_FILE_PATH];
    int                     fd;

    ngx_recording_media_t   media[NGX_RECORDING_TRACKS];
    ngx_uint_t              segments;      /* of a playlist */
    char                    why[160];

    /* --- what find has found */

    ngx_uint_t              cut;           /* it does not begin with the file */
    int64_t                 dts;           /* of the key frame it begins with,
                                              or the time, without video */
    int64_t                 pts;

    /* --- its own */

    ngx_recording_source_e  state;
    int64_t                 best;          /* DTS of a key frame */
    ngx_uint_t              keyed;         /* there was one */
    ngx_uint_t              before;        /* it has frames before those that it
                                              shows */
    ngx_uint_t              waits;         /* for the key frame */
    ngx_uint_t              changed;       /* since the last frame that was
                                              given */
    int64_t                 zero;          /* of HLS: where players begin, in
                                              ticks of its clock; or -1 */
    void                   *data;          /* the kind's */
};


/*
 * Opens the file of a format at its path in files/.  It should have these
 * codecs: its tracks are known afterwards.  NULL: why has the reason.
 */
ngx_recording_source_t *ngx_recording_source_open_thread(
    ngx_recording_store_t *store, const char *format, const ngx_str_t *path,
    ngx_uint_t video, ngx_uint_t audio, char *why, size_t size);

/*
 * Goes to the last key frame that is not shown after ms, or, without video, to
 * that time; to the beginning of the file, if ms is not behind what it shows
 * first.
 */
ngx_int_t ngx_recording_source_find_thread(ngx_recording_source_t *source,
    int64_t ms);

/* sound that is before the key frame is left out, and pictures that cannot be
   decoded without what was before it */
ngx_int_t ngx_recording_source_next_thread(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame);

/* bytes that there are of it by now, with the segments of a playlist; -1: not
   known, as one of them is missing */
int64_t ngx_recording_source_size_thread(const ngx_recording_source_t *source);

void ngx_recording_source_close_thread(ngx_recording_source_t *source);

/* --- for the files of ngx_recording_source_*.c */

/* the path of a segment, which lies beside its playlist; its name in that */
char *ngx_recording_source_segment(const ngx_recording_source_t *source,
    uint64_t number, char path[NGX_RECORDING_SOURCE_SEGMENT]);

/* opens a file in files/ for reading; -1: errno, EINVAL if it is no regular
   one, as a pipe, which would hold the thread until somebody writes to it */
int ngx_recording_source_file_thread(const ngx_recording_source_t *source,
    const char *path);

/* notes what is wrong; NGX_ERROR */
ngx_int_t ngx_recording_source_fail(ngx_recording_source_t *source,
    const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The sequence header of a track is this one: *changed, if another one was
 * known.
 */
ngx_int_t ngx_recording_source_header(ngx_recording_source_t *source,
    ngx_uint_t track, ngx_recording_codec_e codec, const u_char *header,
    size_t size, ngx_uint_t *changed);

/* a frame with the head that ADTS has, as a bare one; NGX_DECLINED: it is none
   that is whole */
ngx_int_t ngx_recording_source_adts(ngx_recording_source_t *source, u_char *p,
    size_t size, ngx_recording_source_frame_t *frame);

/* the header of a track of MP3, by a frame */
ngx_int_t ngx_recording_source_mp3(ngx_recording_source_t *source,
    u_char *frame, size_t size, ngx_uint_t *changed);


#endif /* _NGX_RECORDING_SOURCE_H_INCLUDED_ */
