
/*
 * One growing file in one format: open, samples, flush, finish, close.
 *
 *   open ---> samples, flush, sync ---> finish ---> close
 *    ^            |
 *    |            v
 *   reopen <--- pause ---> close       by any worker, also after a crash
 *
 * Runs on pool threads only, in one job at a time.  A mux owns its
 * descriptors, its copy of the sequence headers and its private data;
 * ngx_recording_mux_close_thread() frees them and is the only place that
 * does.
 *
 * Between jobs it has one descriptor, mux->fd, of the file or the segment
 * that grows; what else it needs is opened for the moment.  While it waits to
 * be finished it has none.
 *
 * Samples point into the batch that brought them: they must stay there until
 * the next flush.
 *
 * Return codes: NGX_OK; NGX_ERROR with the reason in mux->op and mux->err:
 * the file takes no more samples, but may be finished with what it has.
 */


#ifndef _NGX_RECORDING_MUX_H_INCLUDED_
#define _NGX_RECORDING_MUX_H_INCLUDED_


#include "ngx_recording_claim.h"
#include "ngx_recording_growth.h"
#include "ngx_recording_journal_layout.h"
#include "ngx_recording_media.h"


typedef struct ngx_recording_mux_s  ngx_recording_mux_t;


/* what else is known of the times of a track's frames, in ms */

typedef struct {
    int64_t                 first;     /* PTS of the first one */
    int64_t                 high;      /* the highest PTS */
    int64_t                 odd;       /* the last step, if it is no usual
                                          one, or 0 */
    int64_t                 before;    /* the usual step before this file,
                                          or 0 */
} ngx_recording_shown_t;


typedef struct {
    int64_t                 last[NGX_RECORDING_TRACKS];
    int64_t                 step[NGX_RECORDING_TRACKS];
    ngx_recording_shown_t   shown[NGX_RECORDING_TRACKS];
} ngx_recording_times_t;


/* a file that is made of others is whole, or there is nothing of it */

typedef enum {
    NGX_RECORDING_MUX_LIVE = 0,        /* it is none */
    NGX_RECORDING_MUX_EDITING,         /* it does not have all that it is to
                                          have: whoever finds it removes it */
    NGX_RECORDING_MUX_EDITED           /* it has, and is durable */
} ngx_recording_mux_edit_e;


/* a file as it was when all of it was durable */

typedef struct {
    off_t                   pos;
    int64_t                 wall;
    uint64_t                written;
    uint64_t                samples[NGX_RECORDING_TRACKS];
    ngx_recording_times_t   times;
    ngx_uint_t              ngaps;
    ngx_uint_t              more;
    int64_t                 more_length;
} ngx_recording_durable_t;


typedef struct {
    ngx_uint_t              track;
    int64_t                 dts;       /* ms from the file's start, >= 0 */
    int64_t                 wall;      /* its arrival by the store's clock,
                                          us */
    int32_t                 composition;
    u_char                 *data;      /* the whole message */
    size_t                  size;
    u_char                 *media;     /* the coded data, in H.264 with NAL
                                          units that fill it; NULL: there are
                                          none, it is for FLV only */
    size_t                  media_size;
    ngx_uint_t              joined;    /* messages before it that are part of
                                          this one, but for FLV */
    uint8_t                 key;
    uint8_t                 idr;       /* a key frame that is closed: nothing
                                          later needs what was before */
    uint8_t                 cut;       /* a segment may begin here */
    uint8_t                 part;      /* of the next one, but for FLV */
    uint8_t                 overtaken; /* sound that came before pictures
                                          which are there already */
} ngx_recording_sample_t;


/* the bits of media->refused */

typedef enum {
    NGX_RECORDING_FORMAT_FLV = 0,
    NGX_RECORDING_FORMAT_MP4,
    NGX_RECORDING_FORMAT_HLS,
    NGX_RECORDING_FORMAT_AAC
} ngx_recording_format_e;


typedef struct {
    ngx_recording_format_e  number;
    const char             *name;      /* as in the format directive */
    const char             *extension; /* of the path */
    uint32_t                codecs;    /* bits: what it takes, 0 is all */
    const char             *muxer;     /* of libavformat, which may refuse
                                          some of that; NULL: none does */
    ngx_uint_t              endless;   /* never cut into several files */

    /* suffixes of what a file has in work/, beside its journal; NULL ends */
    const char *const      *parts;

    /*
     * Formats whose extension begins with a slash have a directory for each
     * file: whether a name in it is a part of the file.  NULL: it has none.
     */
    ngx_uint_t            (*owns)(const char *name);

    /* endless formats grow in files/; NGX_DECLINED: the path is taken */
    ngx_int_t             (*open)(ngx_recording_mux_t *mux);

    ngx_int_t             (*sample)(ngx_recording_mux_t *mux,
                                    ngx_recording_sample_t *sample);
    ngx_int_t             (*flush)(ngx_recording_mux_t *mux);

    /*
     * Makes durable what was flushed; NULL: mux->fd is all there is.  Endless
     * formats set mux->settled.
     */
    ngx_int_t             (*sync)(ngx_recording_mux_t *mux);

    /*
     * What was flushed is durable: the format keeps in mind how far it goes,
     * beside what mux->durable has; NULL: that is all.  And back to there,
     * when a sync failed: the rest is cut off, and what could be lost of what
     * stays is written again, for the next sync to tell of it.
     */
    void                  (*mark)(ngx_recording_mux_t *mux);
    ngx_int_t             (*back)(ngx_recording_mux_t *mux);

    /* endless formats: a discontinuity follows; tracks may have changed */
    ngx_int_t             (*change)(ngx_recording_mux_t *mux,
                                    ngx_recording_media_t *media);

    /* the stream may be back later; NULL: nothing to be done */
    ngx_int_t             (*pause)(ngx_recording_mux_t *mux);

    /*
     * What the journal keeps for the format: parts of a record, in the
     * format's own memory, and how they come back: all that was saved, in
     * turn, before ->reopen().  With mux->anew nothing that was saved before
     * is there any more.  NGX_DECLINED: the parts make no sense.
     */
    void                  (*save)(ngx_recording_mux_t *mux,
                                  ngx_recording_journal_record_t *record);
    ngx_int_t             (*restore)(ngx_recording_mux_t *mux,
                                     ngx_recording_journal_parts_t *parts);

    /*
     * Opens what is there and reads on from mux->pos to the last whole
     * sample; what follows that is cut off.  With ENOENT in mux->err the
     * file is not in work/.
     */
    ngx_int_t             (*reopen)(ngx_recording_mux_t *mux);

    /* makes the file whole and syncs it; the last call but close.  Endless
       formats open what they need of a mux that was at rest */
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
    int64_t                 resume;    /* ms that it waits for its stream */

    int64_t                 begin;     /* stream time of the file's start */
    int64_t                 cut;       /* stream time of its first frame */
    int64_t                 key;       /* DTS of the frame that cut last */
    int64_t                 wall;      /* arrival of the last frame, us, by
                                          the store's clock */
    int64_t                 origin;    /* ms of the file at which players of
                                          MP4 are to begin; 0: with its first
                                          picture or sound */
    ngx_recording_mux_edit_e  edit;

    char                    work[32];  /* name in work/ */
    ngx_recording_path_t   *path;      /* of the template */
    ngx_str_t               path_text;
    ngx_recording_zone_t    zone;
    ngx_recording_claim_t   claim;     /* of the path in files/ */
    unsigned                busy:1;    /* in the store's list */
    uint8_t                 full;      /* it ends at the next chance */
    unsigned                timeless:1;    /* the format has no times: frames
                                              are played one after another */
    unsigned                anchored:1;    /* players begin with its first
                                              picture or sound, not at 0 */
    unsigned                killed:1;  /* its writer died */
    unsigned                whole:1;   /* it was finished */
    unsigned                placed:1;  /* and is there */
    unsigned                held:1;    /* a descriptor is counted for it */
    unsigned                spared:1;  /* that is among the spare ones now */
    int                     fd;
    off_t                   pos;       /* end of what was written */
    uint64_t                beside;    /* bytes that it has elsewhere */
    ngx_recording_growth_t  growth;    /* what others are told of its size */

    char                    owner[NGX_RECORDING_OWNER];  /* by the journal */
    int                     journal;   /* descriptor, while it is written */
    off_t                   journal_pos;
    off_t                   journal_limit; /* at which it is written anew, 0:
                                          the usual one */
    unsigned                journaled:1;   /* it has one */
    unsigned                journal_changed:1;
    unsigned                anew:1;    /* ->save() gives all that it keeps,
                                          not only what is new */
    void                   *own;       /* strings and path, if they were read
                                          from the journal */

    int64_t                 last[NGX_RECORDING_TRACKS];      /* DTS, ms */
    int64_t                 step[NGX_RECORDING_TRACKS];      /* the usual */
    ngx_recording_shown_t   shown[NGX_RECORDING_TRACKS];
    uint64_t                samples[NGX_RECORDING_TRACKS];
    uint64_t                pending;   /* samples that are not yet written */
    unsigned                cuts:1;    /* the last key frame is none for the
                                          format: segments begin anywhere */
    ngx_recording_times_t   written;   /* times of those that are */
    ngx_recording_durable_t  durable;  /* as of the last sync */
    uint64_t                settled;   /* bytes, or segments of HLS, of which a
                                          sync has told, whoever wrote them:
                                          they stay as they are */
    unsigned                tainted:1; /* one failed since: what came behind
                                          that may never be on the disk */
    unsigned                kept:1;    /* lost, but what there is of it stays
                                          in work/ */

    const char             *op;        /* what failed */
    ngx_err_t               err;
    unsigned                damaged:1; /* by its content, or what belongs to it
                                          is gone: no retry helps */

    void                   *data;      /* the format's own */
};


#define ngx_recording_codec_bit(codec)  ((uint32_t) 1 << (codec))


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

/* counts a frame that is in the file already; for ->reopen() */
void ngx_recording_mux_found(ngx_recording_mux_t *mux, ngx_uint_t track,
    int64_t dts, int64_t pts);

/* the times of a frame, before it is counted in mux->samples */
void ngx_recording_mux_time(ngx_recording_mux_t *mux, ngx_uint_t track,
    int64_t dts, int64_t pts);

/* forgets the times of all frames, and how many there were */
void ngx_recording_mux_untime(ngx_recording_mux_t *mux);

/*
 * The file goes on where this one ends, with a frame that is at so many ms of
 * it: if it has one frame only, that tells how long it lasts.
 */
void ngx_recording_mux_follow(ngx_recording_mux_t *mux,
    ngx_recording_mux_t *before, ngx_uint_t track, int64_t dts);

/* what the journal tells is not in the file: it is counted anew */
void ngx_recording_mux_forget(ngx_recording_mux_t *mux);

/* everything pending is in the file now; for the formats */
void ngx_recording_mux_written(ngx_recording_mux_t *mux);

/* the times by now are those of what was written */
void ngx_recording_mux_keep(ngx_recording_mux_t *mux);

/* nothing pending will be in the file: times are those of what was written */
void ngx_recording_mux_undo(ngx_recording_mux_t *mux);

/* its id is known: it is one of this worker's until it is closed */
void ngx_recording_mux_busy(ngx_recording_mux_t *mux);

/* others may know what it has by now; and what it had before it goes on */
void ngx_recording_mux_show(ngx_recording_mux_t *mux);
void ngx_recording_mux_known(ngx_recording_mux_t *mux);

/* writes what is pending, and shows it */
ngx_int_t ngx_recording_mux_flush_thread(ngx_recording_mux_t *mux);

/* its bytes are in the catalogue from now on */
void ngx_recording_mux_uncount(ngx_recording_mux_t *mux);

/* bytes that the file has on the disk */
static ngx_inline uint64_t
ngx_recording_mux_size(ngx_recording_mux_t *mux)
{
    return mux->pos + mux->beside;
}

/*
 * Lists an interruption of so many ms that is closed at this place of the
 * file, in its own memory.
 */
ngx_int_t ngx_recording_mux_gap(ngx_recording_mux_t *mux, int64_t at,
    int64_t length);

/* for ->reopen(): notes when the file was written, before it is changed */
void ngx_recording_mux_seen(ngx_recording_mux_t *mux, int fd);

/* whether it has these tracks: the frames of the stream can go on in it */
ngx_uint_t ngx_recording_mux_same(ngx_recording_mux_t *mux,
    ngx_recording_media_t *media);

/* the format's muxer has refused a track */
void ngx_recording_mux_refuse(const ngx_recording_format_t *format,
    ngx_recording_media_t *media);

/* whether a format takes a track, as far as it was asked; any of several */
ngx_uint_t ngx_recording_mux_takes(const ngx_recording_format_t *format,
    ngx_recording_media_t *media);
ngx_uint_t ngx_recording_mux_any(const ngx_recording_format_t *format,
    ngx_recording_media_t *media);

/* renders the file's path, as far as it is known, for a claim */
void ngx_recording_mux_render(ngx_recording_mux_t *mux);

/*
 * Sets the file's duration, end and size by what was written.  The duration
 * is what plays.
 */
void ngx_recording_mux_measure(ngx_recording_mux_t *mux);

/*
 * Where the file's last frame ends as players show it, ms from its start:
 * the highest PTS, and how long that frame lasts.
 */
int64_t ngx_recording_mux_end(ngx_recording_mux_t *mux);

/*
 * How long the last frame of a track lasts, in ms, as no other one follows:
 * what its codec says, or as long as the one before.  A step of more than
 * four times the usual one is a hole, unless the next one is as long.  If it
 * is the only frame, as long as those of the file before, or 40 ms.
 */
int64_t ngx_recording_mux_lasts(ngx_recording_mux_t *mux, ngx_uint_t track);

/* PTS of the frame that players begin with, ms from the file's start */
int64_t ngx_recording_mux_origin(ngx_recording_mux_t *mux);

/*
 * Counts a descriptor for a file that is to grow.  NGX_DECLINED: none is left
 * for a new one; if it takes the place of another, it is counted all the same.
 */
ngx_int_t ngx_recording_mux_hold_thread(ngx_recording_mux_t *mux,
    ngx_uint_t instead);

/* a spare descriptor stands for what is not open yet, and is open now */
void ngx_recording_mux_spare_thread(ngx_recording_mux_t *mux);
void ngx_recording_mux_opened_thread(ngx_recording_mux_t *mux);

/* closes mux->fd; its descriptor is kept for what is opened next */
void ngx_recording_mux_shut_thread(ngx_recording_mux_t *mux);

/* a file that waits to be finished: nothing of it is open */
void ngx_recording_mux_rest_thread(ngx_recording_mux_t *mux);

/* its turn has come: mux->fd is opened again, if it is to be */
ngx_int_t ngx_recording_mux_wake_thread(ngx_recording_mux_t *mux);

/* frees everything; a growing file in work/ stays where it is */
void ngx_recording_mux_close_thread(ngx_recording_mux_t *mux);

/* notes what failed, with errno, and returns NGX_ERROR */
ngx_int_t ngx_recording_mux_error(ngx_recording_mux_t *mux, const char *op);

/* the same, if it is not the disk that is to blame: mux->damaged */
ngx_int_t ngx_recording_mux_damaged(ngx_recording_mux_t *mux,
    const char *op);

/*
 * The same for a sync: what was written may never come to the disk, and no
 * later sync tells.
 */
ngx_int_t ngx_recording_mux_taint(ngx_recording_mux_t *mux, const char *op);

/* all that was flushed is durable */
void ngx_recording_mux_mark(ngx_recording_mux_t *mux);

/* the file has so many bytes, or segments: what was behind that is cut off */
static ngx_inline void
ngx_recording_mux_unsettle(ngx_recording_mux_t *mux, uint64_t size)
{
    mux->settled = ngx_min(mux->settled, size);
}

/* for ->back(): cuts off what is behind so many bytes of one file */
ngx_int_t ngx_recording_mux_cut_thread(ngx_recording_mux_t *mux, int fd,
    off_t size);

#endif /* _NGX_RECORDING_MUX_H_INCLUDED_ */
