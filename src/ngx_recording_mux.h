
/*
 * One growing file in one format: open, samples, flush, finish, close.
 *
 * Runs on pool threads only, in one job at a time.  A mux owns its
 * descriptors, its copy of the sequence headers and its private data;
 * ngx_recording_mux_close_thread() frees them and is the only place that
 * does.
 *
 * Samples point into the batch that brought them: they must stay there until
 * the next flush.
 *
 * Return codes: NGX_OK; NGX_ERROR with the reason in mux->op and mux->err:
 * the file takes no more samples, but may be finished with what it has.
 */


#ifndef _NGX_RECORDING_MUX_H_INCLUDED_
#define _NGX_RECORDING_MUX_H_INCLUDED_


#include "ngx_recording_catalogue.h"
#include "ngx_recording_codec.h"


typedef struct ngx_recording_mux_s  ngx_recording_mux_t;


/* a track as a file has it */

typedef struct {
    ngx_recording_codec_t   codec;
    u_char                 *header;    /* the whole message */
    size_t                  header_len;
    uint32_t                header_body;
    unsigned                present:1;
} ngx_recording_media_t;


typedef struct {
    ngx_uint_t              track;
    int64_t                 dts;       /* ms from the file's start, >= 0 */
    int64_t                 wall;      /* wall clock of its arrival, us */
    int32_t                 composition;
    u_char                 *data;      /* the whole message */
    size_t                  size;
    uint32_t                body;      /* offset of the coded data */
    unsigned                key:1;
    unsigned                cut:1;     /* a segment may begin here */
} ngx_recording_sample_t;


typedef struct {
    const char             *name;      /* as in the format directive */
    const char             *extension; /* of the path */
    uint32_t                codecs;    /* bits: what it takes, 0 is all */
    ngx_uint_t              endless;   /* never cut into several files */

    /* endless formats grow in files/; NGX_DECLINED: the path is taken */
    ngx_int_t             (*open)(ngx_recording_mux_t *mux);

    ngx_int_t             (*sample)(ngx_recording_mux_t *mux,
                                    ngx_recording_sample_t *sample);
    ngx_int_t             (*flush)(ngx_recording_mux_t *mux);

    /* endless formats: a discontinuity follows; tracks may have changed */
    ngx_int_t             (*change)(ngx_recording_mux_t *mux,
                                    ngx_recording_media_t *media);

    /* makes the file whole and syncs it; the last call but close */
    ngx_int_t             (*finish)(ngx_recording_mux_t *mux);

    void                  (*close)(ngx_recording_mux_t *mux);
} ngx_recording_format_t;


struct ngx_recording_mux_s {
    ngx_queue_t             queue;
    const ngx_recording_format_t  *format;
    ngx_recording_store_t  *store;
    ngx_recording_file_t    file;

    ngx_recording_media_t   media[NGX_RECORDING_TRACKS];
    u_char                 *meta;      /* the publisher's onMetaData */
    size_t                  meta_len;
    int64_t                 segment;   /* ms */

    int64_t                 begin;     /* stream time of the file's start */
    int64_t                 cut;       /* stream time of its first frame */
    int64_t                 key;       /* DTS of the frame that cut last */

    char                    work[32];  /* name in work/ */
    ngx_recording_claim_t   claim;     /* of the path in files/ */
    unsigned                whole:1;   /* it was finished */
    unsigned                placed:1;  /* and is there */
    int                     fd;
    off_t                   pos;       /* end of what was written */

    int64_t                 last[NGX_RECORDING_TRACKS];      /* DTS, ms */
    int64_t                 step[NGX_RECORDING_TRACKS];
    uint64_t                samples[NGX_RECORDING_TRACKS];
    uint64_t                pending;   /* samples that are not yet written */

    const char             *op;        /* what failed */
    ngx_err_t               err;

    void                   *data;      /* the format's own */
};


extern const ngx_recording_format_t  ngx_recording_format_flv;
extern const ngx_recording_format_t  ngx_recording_format_mp4;
extern const ngx_recording_format_t  ngx_recording_format_hls;
extern const ngx_recording_format_t  ngx_recording_format_aac;

/* all of them, ended by NULL */
extern const ngx_recording_format_t *const  ngx_recording_formats[];

#define ngx_recording_codec_bit(codec)  ((uint32_t) 1 << (codec))


/* once in a worker: libavformat says nothing on standard error */
void ngx_recording_mux_init(void);

/*
 * Creates a mux for a file: its tracks are copied as far as the format takes
 * their codecs.  NULL: no memory, or (errno 0) no track for this format.
 */
ngx_recording_mux_t *ngx_recording_mux_create_thread(
    const ngx_recording_format_t *format, ngx_recording_store_t *store,
    ngx_recording_media_t *media);

/* takes another set of tracks, for ->change(); NGX_OK or NGX_ERROR */
ngx_int_t ngx_recording_mux_tracks_thread(ngx_recording_mux_t *mux,
    ngx_recording_media_t *media);

/* counts a sample, keeps track of durations, hands it to the format */
ngx_int_t ngx_recording_mux_sample_thread(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample);

/* everything pending is in the file now; for the formats */
static ngx_inline void
ngx_recording_mux_written(ngx_recording_mux_t *mux)
{
    mux->file.written += mux->pending;
    mux->pending = 0;
}

/* renders the file's path, as far as it is known, for a claim */
void ngx_recording_mux_render(ngx_recording_mux_t *mux,
    ngx_recording_path_t *path, ngx_recording_zone_t *zone);

/* where the file's last frame ends, ms from its start */
int64_t ngx_recording_mux_end(ngx_recording_mux_t *mux);

/* frees everything; a growing file in work/ stays where it is */
void ngx_recording_mux_close_thread(ngx_recording_mux_t *mux);

/* notes what failed, with errno, and returns NGX_ERROR */
ngx_int_t ngx_recording_mux_error(ngx_recording_mux_t *mux, const char *op);

/* copies a track with its sequence header; NGX_ERROR: no memory */
ngx_int_t ngx_recording_media_copy(ngx_recording_media_t *dst,
    ngx_recording_media_t *src);


#endif /* _NGX_RECORDING_MUX_H_INCLUDED_ */
