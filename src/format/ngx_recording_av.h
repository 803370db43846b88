
/*
 * libavformat as a muxer over functions of ours.  The differences between
 * its versions stand here and nowhere else.
 *
 * Runs on pool threads only; an object is used by one job at a time.
 */


#ifndef _NGX_RECORDING_AV_H_INCLUDED_
#define _NGX_RECORDING_AV_H_INCLUDED_


#include "ngx_recording_mux.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/crc.h>
#include <libavutil/opt.h>


#if (LIBAVFORMAT_VERSION_MAJOR >= 61)
typedef const uint8_t  ngx_recording_av_byte_t;
#else
typedef uint8_t  ngx_recording_av_byte_t;
#endif


typedef struct {
    AVFormatContext        *ctx;
    AVPacket               *packet;
    int                     streams[NGX_RECORDING_TRACKS];
} ngx_recording_av_t;


/* takes what the muxer writes; returns size, or a negative AVERROR */
typedef int (*ngx_recording_av_write_pt)(void *data,
    ngx_recording_av_byte_t *buf, int size);
typedef int64_t (*ngx_recording_av_seek_pt)(void *data, int64_t offset,
    int whence);


/* once in a worker: it says nothing on standard error */
void ngx_recording_av_init(void);

/* a checksum that may be continued; UINT32_MAX begins one */
uint32_t ngx_recording_av_crc(uint32_t crc, u_char *p, size_t size);

/*
 * Opens a muxer for the tracks of a file.  seek is NULL for a sink that only
 * goes forward.  The header is not written yet: private options of
 * av->ctx->priv_data may be set before ngx_recording_av_start_thread().
 * NGX_ERROR: ngx_recording_av_close_thread() is to be called all the same.
 */
ngx_int_t ngx_recording_av_open_thread(ngx_recording_av_t *av,
    ngx_recording_mux_t *mux, const char *muxer, size_t buffer,
    ngx_recording_av_write_pt write, ngx_recording_av_seek_pt seek,
    void *data);

ngx_int_t ngx_recording_av_start_thread(ngx_recording_av_t *av);

/*
 * Times in ms.  NGX_DECLINED: the muxer refused this frame, the file is as
 * it was; NGX_ERROR: the sink failed.
 */
ngx_int_t ngx_recording_av_packet_thread(ngx_recording_av_t *av,
    ngx_uint_t track, u_char *data, size_t size, int64_t dts, int64_t pts,
    int64_t duration, ngx_uint_t key);

/*
 * The same with times in the muxer's own ticks of the track, of which there
 * are so many in a second.
 */
ngx_int_t ngx_recording_av_ticks_thread(ngx_recording_av_t *av,
    ngx_uint_t track, u_char *data, size_t size, int64_t dts, int64_t pts,
    int64_t duration, ngx_uint_t key);
int64_t ngx_recording_av_rate(ngx_recording_av_t *av, ngx_uint_t track);

/* hands everything that the muxer holds to the sink */
ngx_int_t ngx_recording_av_flush_thread(ngx_recording_av_t *av);

/* the muxer's last words; NGX_ERROR: the sink failed */
ngx_int_t ngx_recording_av_end_thread(ngx_recording_av_t *av);

void ngx_recording_av_close_thread(ngx_recording_av_t *av);

/*
 * Why a muxer does not take a track of a codec that its format has, or NULL:
 * the facts as far as they say it, else what libavformat says.  Nothing is
 * written.
 */
const char *ngx_recording_av_why_thread(const char *muxer,
    ngx_recording_media_t *media, ngx_uint_t track);


#endif /* _NGX_RECORDING_AV_H_INCLUDED_ */
