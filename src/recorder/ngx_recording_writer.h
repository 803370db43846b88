
/*
 * The writer: makes files of the batches of one recording.
 *
 * Runs on pool threads, in one job at a time, and is owned by the recorder,
 * which creates it in the loop and frees it there when no job is under way.
 * It decides which file a frame belongs to: stream time, cuts at key frames,
 * changes of codecs and tracks.
 *
 *               first key frame           interval, change, jump, gap:
 *                                         at the next key frame
 *    waiting  ------------------->  open  ------------------------+
 *       |                             ^                           |
 *       | the stream ends             +---------------------------+
 *       v                             | the stream ends
 *     (no file)                       v
 *                                   closed: its files are to be finished
 */


#ifndef _NGX_RECORDING_WRITER_H_INCLUDED_
#define _NGX_RECORDING_WRITER_H_INCLUDED_


#include "ngx_recording_change.h"
#include "ngx_recording_clock.h"
#include "ngx_recording_item.h"
#include "ngx_recording_notice.h"
#include "ngx_recording_template.h"


/* audio that waits for a cut, at most, and a quarter of record_buffer */
#define NGX_RECORDING_HELD       (4 * 1024 * 1024)

/*
 * Arrival time for which video may be silent before what waits for it is
 * written, ms: a kill must not cost more than a second, of which the batch
 * may take half.  And a connection that sends nothing at all.
 */
#define NGX_RECORDING_HELD_VIDEO   400
#define NGX_RECORDING_HELD_SILENT  60000

/* files of a recording that ended and are not finished yet, at most */
#define NGX_RECORDING_UNFINISHED  64

/* files of an output that wait for a track that lags, at most */
#define NGX_RECORDING_TAILS  5


typedef enum {
    NGX_RECORDING_CUT_NONE = 0,
    NGX_RECORDING_CUT_CODEC,
    NGX_RECORDING_CUT_TRACK,
    NGX_RECORDING_CUT_JUMP,
    NGX_RECORDING_CUT_GAP
} ngx_recording_cut_e;


typedef struct {
    ngx_recording_media_t   media;         /* by the newest header */
    ngx_recording_media_t   other;         /* by the header of another codec,
                                              of which no frame came yet, or
                                              the last one was before */
    int64_t                 last;          /* stream time of the last frame */
    int64_t                 wall;          /* its arrival, us */
    ngx_uint_t              strange;       /* frames of another codec */
    unsigned                live:1;        /* it was published, not only
                                              remembered from before */
    unsigned                seen:1;        /* a frame was */
    unsigned                filed:1;       /* the open files have it */
    unsigned                changed:1;     /* and since then it changed */
} ngx_recording_writer_track_t;


/* a frame that was written anew for muxers; the bytes follow */

typedef struct ngx_recording_anew_s  ngx_recording_anew_t;

struct ngx_recording_anew_s {
    ngx_recording_anew_t   *next;
};


/* NAL units that came without a picture, for the next one */

typedef struct {
    u_char                 *data;
    size_t                  size;
    ngx_uint_t              n;             /* messages */
} ngx_recording_before_t;


/* a file that was cut, but for a track that has not come so far */

typedef struct {
    ngx_recording_mux_t    *mux;
    int64_t                 limit;         /* stream time, where it ends */
    ngx_uint_t              late;          /* bits: tracks */
} ngx_recording_tail_t;


/* what a cut is to an output */

typedef enum {
    NGX_RECORDING_TURN_KEEP = 0,
    NGX_RECORDING_TURN_BREAK,
    NGX_RECORDING_TURN_OPEN
} ngx_recording_turn_e;


typedef struct {
    ngx_recording_template_format_t  *conf;
    ngx_recording_mux_t    *mux;           /* NULL: none is open */
    ngx_recording_tail_t    tails[NGX_RECORDING_TAILS];  /* oldest first */
    ngx_uint_t              ntails;
    ngx_recording_mux_t    *resumed;       /* one that may go on */
    ngx_recording_mux_t    *next;          /* is not open yet */
    ngx_recording_change_t  change;        /* of its row, or of its path */
    ngx_recording_file_t   *lost;          /* frames that no file was open
                                              for, at the end */
    ngx_recording_turn_e    turn;          /* in the cut that is under way */
    int64_t                 retry;         /* stream time */
    uint64_t                dropped[NGX_RECORDING_DROPS];  /* while none
                                              was open */
    ngx_uint_t              claims;        /* paths that next has tried */
    unsigned                filed:1;       /* next has its row */
    unsigned                opening:1;     /* and its journal */
    unsigned                moving:1;      /* it needs another path */
    unsigned                failed:1;      /* was said */
    unsigned                refused:2;     /* bits: a track was, was said */
    unsigned                declined:2;    /* the same: a frame of it was */
} ngx_recording_output_t;


typedef struct {
    ngx_recording_stream_t *stream;
    ngx_recording_template_t  *template;
    ngx_recording_store_t  *store;
    ngx_recording_catalogue_t  *catalogue;
    ngx_recording_change_t  change;        /* of the recording's row */
    uint64_t                recording_id;  /* 0 until its row is written */
    int64_t                 end;           /* us, when the stream was over */
    ngx_recording_start_t   start;         /* of the recording */
    ngx_recording_state_t   leaves[NGX_RECORDING_TAKEN];  /* files that do
                                              not go on */
    ngx_uint_t              nleaves;
    ngx_recording_end_t     ending;
    int64_t                 asked;         /* us, of that clock, since when it
                                              waits for another worker */
    int64_t                 synced;        /* us, of the monotonic clock */
    int64_t                 waits;         /* us, until its files are
                                              finished */
    unsigned                exclusive:1;   /* not if another worker has it */
    unsigned                stop:1;        /* the worker exits at once */
    unsigned                failed:1;      /* the catalogue, and this was
                                              said */
    unsigned                low:1;         /* no room: its files were ended */
    unsigned                stopped:1;     /* it is to go on with item */
    unsigned                chance:1;      /* files may be cut at item */
    unsigned                due:1;         /* and are */
    unsigned                all:1;         /* of all outputs */
    unsigned                turned:1;      /* outputs know their turn in the
                                              cut that is under way */
    unsigned                ended:1;       /* all files are, but for rows */

    ngx_recording_item_t    item;          /* where the writer stopped */

    ngx_recording_clock_t   clock;
    ngx_recording_writer_track_t  tracks[NGX_RECORDING_TRACKS];
    ngx_recording_output_t  outputs[NGX_RECORDING_FORMATS];

    u_char                 *meta;          /* the newest onMetaData */
    size_t                  meta_len;

    ngx_recording_batch_t   held;          /* stream time before the body */
    ngx_recording_batch_t   ahead;         /* the same: audio that came
                                              before the video of its time */
    size_t                  limit;         /* of both, bytes */
    int64_t                 now;           /* us, set by the loop: all that
                                              came before is in the batch */

    ngx_recording_anew_t   *anew;          /* frames, until the next flush */
    size_t                  anew_size;
    ngx_recording_before_t  before;
    int64_t                 keyless;       /* stream time of the first video
                                              frame since a key frame */
    ngx_recording_cut_e     cut;           /* wanted at the next chance */
    int64_t                 jump;          /* ms, if it is that */
    int64_t                 elsewhere;     /* no claim before this time */

    ngx_uint_t              unfinished;    /* set by the loop before a job,
                                              counted on by the writer */
    unsigned                late:1;        /* keyless is set */
    unsigned                started:1;     /* files were opened */
    unsigned                busy:1;        /* another worker records it */
    unsigned                broken:1;      /* was said: since the last cut */
    unsigned                headless:2;    /* bits: a broken header was said */
    unsigned                behind:2;      /* bits: frames behind their file */
    uint32_t                told;          /* bits: a drop of this reason and
                                              track was said */
    uint64_t                events[NGX_RECORDING_CLOCK_EVENTS];
                                           /* of the clock: the first one is
                                              said */
    uint64_t                wild;          /* composition times, the same */

    ngx_queue_t             closed;        /* muxes to be finished */
    ngx_recording_notices_t notices;
} ngx_recording_writer_t;


/* loop: makes and frees one; what it points to must outlive it */
ngx_recording_writer_t *ngx_recording_writer_create(
    ngx_recording_stream_t *stream, ngx_recording_template_t *template,
    ngx_recording_store_t *store, ngx_recording_changes_t *changes,
    ngx_uint_t exclusive);
void ngx_recording_writer_free(ngx_recording_writer_t *w);

/*
 * Thread: writes a batch from the cursor on; files that ended are in
 * w->closed afterwards.
 *
 *   NGX_OK     all of it was written
 *   NGX_AGAIN  it is not known yet where to: the cursor is where it stopped
 */
ngx_int_t ngx_recording_writer_append_thread(ngx_recording_writer_t *w,
    ngx_recording_batch_t *batch, ngx_recording_cursor_t *cursor);

/*
 * Thread: the stream is over; all files end, or wait for it to be back.
 * NGX_AGAIN: there is no answer of the catalogue yet, or it failed.
 */
ngx_int_t ngx_recording_writer_end_thread(ngx_recording_writer_t *w);

/*
 * Loop: after a job, hands over what it has asked of the catalogue; answered()
 * is called for each.  Returns how many there are.
 */
ngx_uint_t ngx_recording_writer_asks(ngx_recording_writer_t *w,
    void (*answered)(void *data), void *data);

/*
 * For the parts of the writer, in ngx_recording_writer_cut.c: new files begin
 * before this frame, all or those whose interval is over.
 *
 *   NGX_AGAIN  there is no answer of the catalogue yet, or it failed
 *   NGX_ERROR  there can be no file
 */
ngx_int_t ngx_recording_writer_cut(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor,
    ngx_uint_t all);

/* the next frame or header of a track, if it follows soon, or NULL */
ngx_recording_message_t *ngx_recording_writer_ahead(
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor,
    ngx_uint_t track);

/*
 * For the parts of the writer: says once that the catalogue failed.
 * NGX_AGAIN: it is to be tried again, unless the worker exits.
 */
ngx_int_t ngx_recording_writer_failed(ngx_recording_writer_t *w,
    ngx_recording_catalogue_error_t *err);

/* and that this is over */
void ngx_recording_writer_passed(ngx_recording_writer_t *w);


#endif /* _NGX_RECORDING_WRITER_H_INCLUDED_ */
