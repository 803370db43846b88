
/*
 * MPEG-TS segments as this module's own muxer writes them: the continuity
 * counters, and reading back a segment that a kill cut anywhere or whose
 * tail a power cut left as zeros.
 *
 * Pure: no nginx runtime, no allocation, any thread.  Nothing is owned; the
 * caller reads the file and feeds it.
 *
 * libavformat writes a PES in one go: packets of another track never stand
 * inside of it, and only its last packet has stuffing.  Audio has its length
 * in the PES header, video has none.
 */


#ifndef _NGX_RECORDING_TS_H_INCLUDED_
#define _NGX_RECORDING_TS_H_INCLUDED_


#include "ngx_recording_frame.h"


#define NGX_RECORDING_TS_PACKET  188
#define NGX_RECORDING_TS_PID     0x100     /* of video; audio is the next */
#define NGX_RECORDING_TS_PIDS    8
#define NGX_RECORDING_TS_HEAD    6         /* what an audio header takes */


/* the last continuity counter of each PID */

typedef struct {
    uint16_t                pid;
    uint8_t                 counter;
} ngx_recording_ts_pid_t;


typedef struct {
    ngx_recording_ts_pid_t  pids[NGX_RECORDING_TS_PIDS];
    ngx_uint_t              n;
} ngx_recording_ts_pids_t;


typedef struct {
    int64_t                 first;         /* DTS, 90 kHz, 33 bits; or -1 */
    int64_t                 last;          /* of the last frame, which may
                                              stand behind others in a PES */
    int64_t                 step;          /* to the last one, 0 at first */
    uint64_t                frames;
} ngx_recording_ts_track_t;


/* the PES that is being read */

typedef struct {
    ngx_uint_t              track;
    int64_t                 dts;
    uint64_t                frames;
    int64_t                 lasts;         /* an audio frame, or 0 */
    uint64_t                end;           /* of its packets so far */
    ngx_recording_ts_pids_t pids;          /* there */
    size_t                  left;          /* of its length */
    size_t                  skip;          /* to the next audio frame */
    u_char                  head[NGX_RECORDING_TS_HEAD];
    ngx_uint_t              nhead;
    unsigned                open:1;
    unsigned                sized:1;       /* it has a length */
    unsigned                done:1;        /* by its length or stuffing */
} ngx_recording_ts_pes_t;


typedef struct {
    /* the result: as of `whole` */

    ngx_recording_ts_track_t  tracks[NGX_RECORDING_TRACKS];
    ngx_recording_ts_pids_t   pids;
    uint64_t                  whole;       /* bytes, in whole PES */
    ngx_uint_t                closed;      /* the first picture is an IDR */

    /* private */

    uint64_t                  pos;
    ngx_recording_ts_pids_t   counters;    /* as of pos */
    ngx_uint_t                seen;        /* bits: PIDs of this segment */
    ngx_recording_ts_pes_t    pes;
    uint32_t                  code;        /* the last bytes of video */
    ngx_uint_t                slice;       /* type of the first one, or 0 */
    unsigned                  stopped:1;
    unsigned                  zero:1;      /* the last byte was */
} ngx_recording_ts_t;


/*
 * Numbers packets: counters run on by PID whatever muxer they come from, and
 * those without payload do not count.  From p to last are whole packets.
 * PIDs for which there is no room keep the counters that they have.
 */
void ngx_recording_ts_stamp(ngx_recording_ts_pids_t *pids, u_char *p,
    u_char *last);

/*
 * Begins with a segment.  pids are the counters at the end of the segment
 * before it, or NULL: those of PIDs that do not occur here are kept.
 */
void ngx_recording_ts_init(ngx_recording_ts_t *ts,
    ngx_recording_ts_pids_t *pids);

/*
 * Takes the next n bytes of the segment, in whole packets: a part of one at
 * the end is ignored.
 *
 *   NGX_OK        all of it was read
 *   NGX_DECLINED  a packet that is none of ours was met, now or before:
 *                 there is no sense in reading on
 */
ngx_int_t ngx_recording_ts_scan(ngx_recording_ts_t *ts, u_char *p, size_t n);

/*
 * The end of the segment.  Only now the result is final.
 *
 * A PES is whole if another one starts after it.  The last one is whole, too,
 * if its length or stuffing says so, unless what follows is no packet of
 * ours or its last byte is zero: either may be the mark of a power cut.
 * Video that fills its last packet exactly does not count as whole there.
 */
void ngx_recording_ts_end(ngx_recording_ts_t *ts);

/*
 * The header of a PES with its times, 90 kHz and 33 bits.  Returns the bytes
 * that it takes, or 0: it is none, or is not all there.
 */
size_t ngx_recording_ts_times(const u_char *p, size_t size, int64_t *dts,
    int64_t *pts);

/* bytes of an ADTS or an MP3 frame by its first NGX_RECORDING_TS_HEAD ones, or
   0; and how long it lasts, 90 kHz */
size_t ngx_recording_ts_audio_size(u_char *head, int64_t *lasts);

/* from one DTS to another, the shorter way round 33 bits */
int64_t ngx_recording_ts_distance(int64_t from, int64_t to);


#endif /* _NGX_RECORDING_TS_H_INCLUDED_ */
