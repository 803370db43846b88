
/*
 * The HLS mux, for the files that it is made of.
 */


#ifndef _NGX_RECORDING_HLS_H_INCLUDED_
#define _NGX_RECORDING_HLS_H_INCLUDED_


#include "ngx_recording_hls_ts.h"
#include "ngx_recording_playlist.h"
#include "ngx_recording_segment.h"
#include "ngx_recording_ts.h"


#define NGX_RECORDING_HLS_LIST    "index.m3u8"
#define NGX_RECORDING_HLS_INDEX   "/" NGX_RECORDING_HLS_LIST


/* what the journal keeps, as of the beginning of a segment */

typedef struct {
    ngx_recording_playlist_t  list;
    ngx_recording_ts_pids_t pids;             /* continuity counters */
    uint64_t                version;          /* of PAT and PMT */

    uint64_t                number;           /* of the segment */
    int64_t                 start;            /* its first DTS, ms */
    uint64_t                marked;           /* a discontinuity is before */
    uint64_t                size;             /* of the segments before */
    uint64_t                written;          /* samples in them */
    uint64_t                samples[NGX_RECORDING_TRACKS];
    int64_t                 last[NGX_RECORDING_TRACKS];   /* DTS */

    int64_t                 anchor;           /* PTS, and its wall clock */
    int64_t                 wall;

    int64_t                 shift;            /* ms: of times in segments */
    int64_t                 shown;            /* the segment's first PTS */
} ngx_recording_hls_kept_t;


/* the same as the journal has it */

typedef struct {
    ngx_recording_journal_hls_t      fixed;
    ngx_recording_journal_count_t    counts[NGX_RECORDING_TRACKS];
    ngx_recording_journal_counter_t  counters[NGX_RECORDING_TS_PIDS];
    ngx_uint_t                       ncounters;
} ngx_recording_hls_saved_t;


typedef struct {
    ngx_recording_hls_ts_t  ts;
    ngx_recording_hls_kept_t  kept;
    ngx_recording_hls_saved_t  saved;         /* for the journal */
    ngx_recording_hls_kept_t  durable;        /* as of the last sync */
    off_t                   safe;             /* durable bytes of the open
                                                 segment */
    uint64_t                sure;             /* segments, from the first on,
                                                 that were synced */
    int                     dir;              /* these while they are needed */
    int                     playlist;
    ngx_uint_t              entered;          /* so often */
    off_t                   whole;            /* in whole samples */

    /* presentation times, ms */

    int64_t                 end;              /* of all that came */
    int64_t                 picture;          /* of the last picture */
    int64_t                 heard;            /* of all, when it came */

    int64_t                 key;              /* DTS of the last key frame */
    int64_t                 gop;              /* how far apart they are */
    int64_t                 idr;              /* PTS of the last closed one */
    int64_t                 idr_gop;          /* 0: only one was seen */
    unsigned                keyed:1;          /* a key frame was seen */
    unsigned                idred:1;          /* a closed one was */
    unsigned                video:1;          /* the segment has video */
    unsigned                closed:1;         /* and begins it so */
    unsigned                opened:1;         /* a segment is */
    unsigned                broken:1;         /* discontinuity follows */
    unsigned                resumed:1;        /* after an interruption */
    unsigned                ended:1;          /* EXT-X-ENDLIST was written */
    unsigned                synced:1;         /* hls->durable is set */
} ngx_recording_hls_t;


/* ms of sound among which no picture came: the camera is off */
#define NGX_RECORDING_HLS_OFF  400

/* how a sample stands to the open segment */

typedef enum {
    NGX_RECORDING_HLS_IN = 0,
    NGX_RECORDING_HLS_CUT,             /* it begins the next one */
    NGX_RECORDING_HLS_HOLE             /* behind a hole */
} ngx_recording_hls_cut_e;


/*
 * How a sample stands to the open segment, in ngx_recording_hls_cut.c; called
 * once for each, with its times in the file.
 */
ngx_recording_hls_cut_e ngx_recording_hls_cuts(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample, int64_t dts, int64_t pts);

/* as a format's ->save() and ->restore(): hls->kept */
void ngx_recording_hls_save(ngx_recording_mux_t *mux,
    ngx_recording_journal_record_t *record);
ngx_int_t ngx_recording_hls_restore(ngx_recording_mux_t *mux,
    ngx_recording_journal_parts_t *parts);

/* as a format's ->reopen(): afterwards all is listed, and nothing is open */
ngx_int_t ngx_recording_hls_reopen(ngx_recording_mux_t *mux);

/* as its ->back(): the same, as of the last sync */
ngx_int_t ngx_recording_hls_back(ngx_recording_mux_t *mux);

ngx_int_t ngx_recording_hls_create(ngx_recording_mux_t *mux);

/* makes the directory and the playlist; NGX_DECLINED: the path is taken */
ngx_int_t ngx_recording_hls_make_thread(ngx_recording_mux_t *mux);

/* opens the segment of the next number as mux->fd, with these flags */
ngx_int_t ngx_recording_hls_segment_thread(ngx_recording_mux_t *mux,
    int flags);

/*
 * Opens the playlist and its directory, unless they are, and closes them if
 * nobody else needs them: between jobs only the segment is open.
 */
ngx_int_t ngx_recording_hls_enter_thread(ngx_recording_mux_t *mux);
void ngx_recording_hls_leave_thread(ngx_recording_mux_t *mux);

ngx_int_t ngx_recording_hls_list(ngx_recording_mux_t *mux,
    int64_t duration);
ngx_int_t ngx_recording_hls_listed(ngx_recording_mux_t *mux);

/* the segment that was listed last was synced before */
void ngx_recording_hls_synced(ngx_recording_hls_t *hls);

/* as a format's ->owns(): the playlist, or a segment */
ngx_uint_t ngx_recording_hls_owns(const char *name);


#endif /* _NGX_RECORDING_HLS_H_INCLUDED_ */
