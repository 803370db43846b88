
/*
 * The MPEG-TS muxer of HLS segments: libavformat's, with little beside the
 * media, and with what each segment needs to be decoded alone.
 *
 *   open ---> begin ---> packets, flush ---> begin ...  ---> close
 *
 * Runs on pool threads only, as a part of the file's mux.  It owns the
 * muxer and its copy of the parameter sets; ..._close_thread() frees them.
 *
 * Return codes: NGX_OK; NGX_ERROR, after which only ..._close_thread() is of
 * use.
 */


#ifndef _NGX_RECORDING_HLS_TS_H_INCLUDED_
#define _NGX_RECORDING_HLS_TS_H_INCLUDED_


#include "ngx_recording_av.h"


/*
 * The clock (PCR) stands so many ms before the DTS of what comes with it.
 * Audio is collected for half of it at most, and so stays before the clock of
 * the video that is written meanwhile.
 */
#define NGX_RECORDING_HLS_TS_DELAY    600

/* ms that times in a segment have before those of samples: none is negative,
   not even of the clock */
#define NGX_RECORDING_HLS_TS_SHIFT    (2 * NGX_RECORDING_HLS_TS_DELAY)


typedef struct {
    ngx_recording_av_t      av;
    ngx_recording_media_t  *media;         /* the mux's */
    u_char                 *sets;          /* SPS and PPS, with lengths as in
                                              samples */
    size_t                  nsets;
    int64_t                 first;         /* DTS of the first audio frame
                                              that is collected */
    ngx_uint_t              frames;        /* how many are */
    unsigned                bare:1;        /* no video since the segment
                                              began */
    unsigned                opening:1;     /* nor a second frame of audio */
} ngx_recording_hls_ts_t;


/*
 * version: of the tables.  NGX_ERROR: ngx_recording_hls_ts_close_thread() is
 * to be called all the same.
 */
ngx_int_t ngx_recording_hls_ts_open_thread(ngx_recording_hls_ts_t *ts,
    ngx_recording_mux_t *mux, uint64_t version,
    ngx_recording_av_write_pt write);

/*
 * A segment begins with what comes next: with tables, and its first video
 * sample has the parameter sets.  All was flushed.
 */
void ngx_recording_hls_ts_begin_thread(ngx_recording_hls_ts_t *ts);

/* a sample, with DTS and PTS in ms; as ngx_recording_av_packet_thread() */
ngx_int_t ngx_recording_hls_ts_packet_thread(ngx_recording_hls_ts_t *ts,
    ngx_recording_sample_t *sample, int64_t dts, int64_t pts);

/* hands everything to the sink, collected audio as well */
ngx_int_t ngx_recording_hls_ts_flush_thread(ngx_recording_hls_ts_t *ts);

void ngx_recording_hls_ts_close_thread(ngx_recording_hls_ts_t *ts);


#endif /* _NGX_RECORDING_HLS_TS_H_INCLUDED_ */
