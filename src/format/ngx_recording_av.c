
#include "ngx_recording_av.h"
#include "ngx_recording_nal.h"
#include "ngx_recording_ts.h"


/* for a muxer that insists on dimensions when the SPS gives none */
#define NGX_RECORDING_AV_SIDE  16

/* the buffer of a muxer that is only asked */
#define NGX_RECORDING_AV_TRIAL  4096

/* bytes of the frame that it gets */
#define NGX_RECORDING_AV_FRAME  8


static ngx_int_t ngx_recording_av_stream(ngx_recording_av_t *av,
    ngx_uint_t track, ngx_recording_media_t *media);
static int ngx_recording_av_discard(void *data, ngx_recording_av_byte_t *buf,
    int size);
static int64_t ngx_recording_av_nowhere(void *data, int64_t offset,
    int whence);


/* those that a muxer may get; no other one is among a format's codecs */

static const enum AVCodecID  ngx_recording_av_codecs[NGX_RECORDING_CODECS] = {
    [NGX_RECORDING_CODEC_H264] = AV_CODEC_ID_H264,
    [NGX_RECORDING_CODEC_AAC] = AV_CODEC_ID_AAC,
    [NGX_RECORDING_CODEC_MP3] = AV_CODEC_ID_MP3,
};


void
ngx_recording_av_init(void)
{
    av_log_set_level(AV_LOG_QUIET);
}


uint32_t
ngx_recording_av_crc(uint32_t crc, u_char *p, size_t size)
{
    /* av_crc() computes with the pointer, which may be NULL then */

    return size ? av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), crc, p, size)
                : crc;
}


ngx_int_t
ngx_recording_av_open_thread(ngx_recording_av_t *av, ngx_recording_mux_t *mux,
    const char *muxer, size_t buffer, ngx_recording_av_write_pt write,
    ngx_recording_av_seek_pt seek, void *data)
{
    u_char      *p;
    ngx_uint_t   i;

    ngx_memzero(av, sizeof(ngx_recording_av_t));

    av->packet = av_packet_alloc();

    if (av->packet == NULL
        || avformat_alloc_output_context2(&av->ctx, NULL, muxer, NULL) < 0)
    {
        return NGX_ERROR;
    }

    p = av_malloc(buffer);

    if (p == NULL) {
        return NGX_ERROR;
    }

    av->ctx->pb = avio_alloc_context(p, (int) buffer, 1, data, NULL, write,
                                     seek);

    if (av->ctx->pb == NULL) {
        av_free(p);
        return NGX_ERROR;
    }

    av->ctx->pb->seekable = seek ? AVIO_SEEKABLE_NORMAL : 0;
    av->ctx->flags |= AVFMT_FLAG_CUSTOM_IO|AVFMT_FLAG_BITEXACT;

    /* else every packet would be a write */

    av->ctx->flush_packets = 0;
    av->ctx->max_delay = 0;

    /* MP3 below 16 kHz is taken in MP4, as decoders do not mind */

    av->ctx->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        av->streams[i] = -1;

        if (mux->media[i].present
            && ngx_recording_av_stream(av, i, &mux->media[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_av_stream(ngx_recording_av_t *av, ngx_uint_t track,
    ngx_recording_media_t *media)
{
    u_char                 *p;
    size_t                  len;
    AVStream               *st;
    AVCodecParameters      *par;
    ngx_recording_codec_t  *c;

    st = avformat_new_stream(av->ctx, NULL);

    if (st == NULL) {
        return NGX_ERROR;
    }

    av->streams[track] = st->index;

    /* the PID in MPEG-TS: a track keeps it when another one comes or goes */

    st->id = NGX_RECORDING_TS_PID + (int) track;

    c = &media->codec;

    st->time_base = (AVRational) { 1, 1000 };

    par = st->codecpar;
    par->codec_id = ngx_recording_av_codecs[c->codec];

    if (track == NGX_RECORDING_VIDEO) {
        par->codec_type = AVMEDIA_TYPE_VIDEO;
        par->width = c->width ? (int) c->width : NGX_RECORDING_AV_SIDE;
        par->height = c->height ? (int) c->height : NGX_RECORDING_AV_SIDE;

    } else {
        par->codec_type = AVMEDIA_TYPE_AUDIO;
        par->sample_rate = (int) c->sample_rate;
        par->frame_size = (int) c->samples;

        av_channel_layout_default(&par->ch_layout,
                                  c->channels ? (int) c->channels : 2);
    }

    if (media->header_len <= media->header_body) {
        return NGX_OK;
    }

    p = media->header + media->header_body;
    len = media->header_len - media->header_body;

    /* a little more, for a record that is made of it */

    par->extradata = av_mallocz(len + 8 + AV_INPUT_BUFFER_PADDING_SIZE);

    if (par->extradata == NULL) {
        return NGX_ERROR;
    }

    if (c->codec == NGX_RECORDING_CODEC_H264
        && ngx_recording_nal_begins(p, len))
    {
        par->extradata_size = (int) ngx_recording_nal_record(p, len,
                                                             par->extradata);
        return NGX_OK;
    }

    ngx_memcpy(par->extradata, p, len);
    par->extradata_size = (int) len;

    return NGX_OK;
}


/*
 * A muxer is opened for the track alone, over a sink that keeps nothing, and
 * gets a frame: some say only then what they do not take.
 */

const char *
ngx_recording_av_why_thread(const char *muxer, ngx_recording_media_t *media,
    ngx_uint_t track)
{
    u_char                  frame[16];
    size_t                  n;
    const char             *why;
    ngx_recording_av_t      av;
    ngx_recording_mux_t     mux;
    ngx_recording_codec_t  *c;

    c = &media->codec;

    if (c->codec == NGX_RECORDING_CODEC_AAC
        && ngx_strcmp(muxer, "mp4") != 0)
    {
        why = ngx_recording_codec_adts(media->header + media->header_body,
                                       media->header_len
                                       - media->header_body);
        if (why) {
            return why;
        }
    }

    ngx_memzero(&mux, sizeof(ngx_recording_mux_t));
    mux.media[track] = *media;
    mux.media[track].present = 1;

    /* a key frame of H.264: what it says does not matter to a muxer */

    n = c->codec == NGX_RECORDING_CODEC_H264 ? c->nal_length : 0;

    ngx_memzero(frame, sizeof(frame));

    if (n) {
        frame[n - 1] = NGX_RECORDING_AV_FRAME;
        frame[n] = 0x65;
        frame[n + 1] = 0x88;
    }

    why = NULL;

    if (ngx_recording_av_open_thread(&av, &mux, muxer,
                                     NGX_RECORDING_AV_TRIAL,
                                     ngx_recording_av_discard,
                                     ngx_recording_av_nowhere, NULL)
        == NGX_OK)
    {
        if (ngx_recording_av_start_thread(&av) != NGX_OK
            || ngx_recording_av_packet_thread(&av, track, frame,
                                             n + NGX_RECORDING_AV_FRAME,
                                             0, 0, 0, 1)
               != NGX_OK)
        {
            why = "libavformat refuses it";
        }
    }

    ngx_recording_av_close_thread(&av);

    return why;
}


static int
ngx_recording_av_discard(void *data, ngx_recording_av_byte_t *buf, int size)
{
    return size;
}


static int64_t
ngx_recording_av_nowhere(void *data, int64_t offset, int whence)
{
    return whence == SEEK_SET ? offset : AVERROR(ENOSYS);
}


ngx_int_t
ngx_recording_av_start_thread(ngx_recording_av_t *av)
{
    return avformat_write_header(av->ctx, NULL) < 0 ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_recording_av_packet_thread(ngx_recording_av_t *av, ngx_uint_t track,
    u_char *data, size_t size, int64_t dts, int64_t pts, int64_t duration,
    ngx_uint_t key)
{
    AVRational  ms, tick;

    if (av->streams[track] == -1) {
        return NGX_DECLINED;
    }

    ms = (AVRational) { 1, 1000 };
    tick = av->ctx->streams[av->streams[track]]->time_base;

    return ngx_recording_av_ticks_thread(av, track, data, size,
                                         av_rescale_q(dts, ms, tick),
                                         av_rescale_q(pts, ms, tick),
                                         av_rescale_q(duration, ms, tick),
                                         key);
}


int64_t
ngx_recording_av_rate(ngx_recording_av_t *av, ngx_uint_t track)
{
    AVRational  tick;

    tick = av->ctx->streams[av->streams[track]]->time_base;

    return tick.num == 1 ? tick.den : 0;
}


ngx_int_t
ngx_recording_av_ticks_thread(ngx_recording_av_t *av, ngx_uint_t track,
    u_char *data, size_t size, int64_t dts, int64_t pts, int64_t duration,
    ngx_uint_t key)
{
    int        rc;
    AVPacket  *packet;

    if (av->streams[track] == -1) {
        return NGX_DECLINED;
    }

    packet = av->packet;

    packet->data = data;
    packet->size = (int) size;
    packet->stream_index = av->streams[track];
    packet->flags = key ? AV_PKT_FLAG_KEY : 0;

    packet->dts = dts;
    packet->pts = pts;
    packet->duration = duration;

    rc = av_write_frame(av->ctx, packet);

    if (av->ctx->pb->error) {
        return NGX_ERROR;
    }

    return rc < 0 ? NGX_DECLINED : NGX_OK;
}


ngx_int_t
ngx_recording_av_flush_thread(ngx_recording_av_t *av)
{
    (void) av_write_frame(av->ctx, NULL);

    avio_flush(av->ctx->pb);

    return av->ctx->pb->error ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_recording_av_end_thread(ngx_recording_av_t *av)
{

    /* it may return a positive number */

    if (av_write_trailer(av->ctx) < 0) {
        return NGX_ERROR;
    }

    avio_flush(av->ctx->pb);

    return av->ctx->pb->error ? NGX_ERROR : NGX_OK;
}


void
ngx_recording_av_close_thread(ngx_recording_av_t *av)
{
    if (av->ctx) {

        if (av->ctx->pb) {
            av_freep(&av->ctx->pb->buffer);
            avio_context_free(&av->ctx->pb);
        }

        avformat_free_context(av->ctx);
        av->ctx = NULL;
    }

    av_packet_free(&av->packet);
}
