
/*
 * The outputs of a recording: for each format the file that grows, and what
 * all of them share.
 *
 * Runs on pool threads, as a part of the writer's job; it belongs to the
 * writer.  Each part of the writer takes this, or less, never the writer.
 */


#ifndef _NGX_RECORDING_OUTPUTS_H_INCLUDED_
#define _NGX_RECORDING_OUTPUTS_H_INCLUDED_


#include "ngx_recording_change.h"
#include "ngx_recording_item.h"
#include "ngx_recording_notice.h"
#include "ngx_recording_template.h"


/* files of a recording that ended and are not finished yet, at most */
#define NGX_RECORDING_UNFINISHED  64

/* files of an output that wait for a track that lags, at most */
#define NGX_RECORDING_TAILS  5

/* ms until a file is tried again; or at once, or when the tracks change */
#define NGX_RECORDING_RETRY        1000
#define NGX_RECORDING_RETRY_NOW    INT64_MIN
#define NGX_RECORDING_RETRY_NEVER  INT64_MAX

/* ms of a jump that no gap closes: how long it was is not known */
#define NGX_RECORDING_JUMP_OPEN    INT64_MAX


/* why new files are wanted */

typedef enum {
    NGX_RECORDING_CUT_NONE = 0,
    NGX_RECORDING_CUT_CODEC,
    NGX_RECORDING_CUT_TRACK,
    NGX_RECORDING_CUT_JUMP,
    NGX_RECORDING_CUT_GAP,
    NGX_RECORDING_CUT_ORDER                /* by a call, and nothing else */
} ngx_recording_cut_e;


/* where files are cut, and what the new ones begin with */

typedef struct {
    int64_t                 time;          /* of the first frame of the track
                                              that cuts */
    int64_t                 now;           /* of the frame that cuts: later,
                                              if audio was held before it */
    int64_t                 begin;         /* of the first frame after it */
    int64_t                 first;         /* the same, where no file before
                                              takes what lags */
    int64_t                 wall;          /* us */
    ngx_uint_t              track;         /* of that frame */
    int32_t                 composition;
    int64_t                 jump;          /* ms, if that is all there is */
    ngx_recording_cut_e     reason;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS];  /* of new files:
                                              what is published now; nothing
                                              is copied */
    ngx_uint_t              changed;       /* bits: tracks */
    ngx_uint_t              late;          /* bits: tracks that may still
                                              bring what is before the cut */
    ngx_uint_t              all;           /* else those that are due */
    ngx_uint_t              ordered;       /* by a call: playlists, too */
} ngx_recording_cut_t;


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
    int64_t                 retry;         /* no file before this stream
                                              time; NGX_RECORDING_RETRY_... */
    uint64_t                dropped[NGX_RECORDING_DROPS];  /* while none
                                              was open */
    uint64_t                counted[NGX_RECORDING_DROPS];  /* of these, on the
                                              board */
    ngx_uint_t              claims;        /* paths that next has tried */
    unsigned                filed:1;       /* next has its row */
    unsigned                opening:1;     /* and its journal */
    unsigned                moving:1;      /* it needs another path */
    unsigned                failed:1;      /* was said */
    unsigned                refused:2;     /* bits: a track was, was said */
    unsigned                declined:2;    /* the same: a frame of it was */
} ngx_recording_output_t;


typedef struct {
    ngx_recording_template_t  *template;
    ngx_recording_store_t  *store;
    ngx_recording_catalogue_t  *catalogue;
    ngx_recording_stream_t *stream;
    uint64_t                recording_id;  /* 0 until its row is written */

    ngx_recording_media_t  *media[NGX_RECORDING_TRACKS];  /* of the tracks: by
                                              the newest header */
    u_char                 *meta;          /* the newest onMetaData */
    size_t                  meta_len;
    int64_t                 last;          /* stream time of the last frame */

    ngx_recording_output_t  output[NGX_RECORDING_FORMATS];
    ngx_recording_cut_e     wanted;        /* at the next chance */
    unsigned                ordered:1;     /* the same, by a call */
    int64_t                 jump;          /* ms, if it is that */

    ngx_uint_t              unfinished;    /* set by the loop before a job,
                                              counted on here */
    unsigned                started:1;     /* files were opened */
    unsigned                turned:1;      /* outputs know their turn in the
                                              cut that is under way */
    unsigned                low:1;         /* no room: files were ended */
    unsigned                stop:1;        /* the worker exits at once */
    unsigned                left:1;        /* files do not wait any more */
    unsigned                failed:1;      /* the catalogue, and this was
                                              said */
    unsigned                behind:2;      /* bits: frames behind their file */
    uint32_t                told;          /* bits: a drop of this reason and
                                              track was said */

    ngx_queue_t            *closed;        /* of the order: muxes to be
                                              finished */
    ngx_recording_notices_t  *notices;     /* the same */
} ngx_recording_outputs_t;


#endif /* _NGX_RECORDING_OUTPUTS_H_INCLUDED_ */
