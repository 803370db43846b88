
/* files that libavformat reads: MP4 and FLV */


#include "ngx_recording_av.h"
#include "ngx_recording_nal.h"
#include "ngx_recording_source.h"
#include "ngx_recording_unit.h"


#define NGX_RECORDING_SOURCE_AV_BUFFER  65536

/* packets that libavformat refuses, one after the other */
#define NGX_RECORDING_SOURCE_AV_BROKEN  100


typedef struct {
    AVFormatContext        *ctx;
    AVPacket               *packet;
    off_t                   pos;
    off_t                   size;
    u_char                 *anew;          /* a frame that was written anew */
    ngx_err_t               err;
} ngx_recording_source_av_t;


static ngx_int_t ngx_recording_source_av_open(ngx_recording_source_t *source);
static ngx_int_t ngx_recording_source_av_input(
    ngx_recording_source_t *source, ngx_recording_source_av_t *av);
static int ngx_recording_source_av_read(void *data, uint8_t *buf, int size);
static int64_t ngx_recording_source_av_to(void *data, int64_t offset,
    int whence);
static int ngx_recording_source_av_other(AVFormatContext *ctx,
    AVIOContext **pb, const char *url, int flags, AVDictionary **options);
static ngx_int_t ngx_recording_source_av_seek(ngx_recording_source_t *source,
    int64_t ms);
static ngx_int_t ngx_recording_source_av_next(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_source_av_frame(
    ngx_recording_source_t *source, AVStream *st,
    ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_source_av_track(
    ngx_recording_source_t *source, AVStream *st,
    ngx_recording_source_frame_t *frame);
static ngx_int_t ngx_recording_source_av_picture(
    ngx_recording_source_t *source, ngx_recording_source_frame_t *frame);
static void ngx_recording_source_av_close(ngx_recording_source_t *source);


const ngx_recording_source_kind_t  ngx_recording_source_mp4 = {
    "mp4",
    ngx_recording_source_av_open,
    ngx_recording_source_av_seek,
    ngx_recording_source_av_next,
    ngx_recording_source_av_close
};

const ngx_recording_source_kind_t  ngx_recording_source_flv = {
    "flv",
    ngx_recording_source_av_open,
    ngx_recording_source_av_seek,
    ngx_recording_source_av_next,
    ngx_recording_source_av_close
};


static ngx_int_t
ngx_recording_source_av_open(ngx_recording_source_t *source)
{
    struct stat                 st;
    ngx_recording_source_av_t  *av;

    source->fd = ngx_recording_source_file_thread(source, source->path);

    if (source->fd == -1 || fstat(source->fd, &st) == -1) {
        return ngx_recording_source_fail(source, "it cannot be opened: %s",
                                         strerror(errno));
    }

    av = calloc(1, sizeof(ngx_recording_source_av_t));
    source->data = av;

    if (av == NULL) {
        return ngx_recording_source_fail(source, "there is no memory");
    }

    av->size = st.st_size;

    return ngx_recording_source_av_input(source, av);
}


/* an input that is opened by nobody but us, in the format that it has to be */

static ngx_int_t
ngx_recording_source_av_input(ngx_recording_source_t *source,
    ngx_recording_source_av_t *av)
{
    u_char       *p;
    AVIOContext  *pb;

    av->packet = av_packet_alloc();
    av->ctx = avformat_alloc_context();
    p = av_malloc(NGX_RECORDING_SOURCE_AV_BUFFER);

    if (av->packet == NULL || av->ctx == NULL || p == NULL) {
        av_free(p);
        return ngx_recording_source_fail(source, "there is no memory");
    }

    pb = avio_alloc_context(p, NGX_RECORDING_SOURCE_AV_BUFFER, 0, source,
                            ngx_recording_source_av_read, NULL,
                            ngx_recording_source_av_to);
    if (pb == NULL) {
        av_free(p);
        return ngx_recording_source_fail(source, "there is no memory");
    }

    av->ctx->pb = pb;
    av->ctx->io_open = ngx_recording_source_av_other;

    /* no parser, and no guess of what the file does not say */

    av->ctx->flags |= AVFMT_FLAG_CUSTOM_IO|AVFMT_FLAG_NOPARSE
                      |AVFMT_FLAG_NOFILLIN;

    if (avformat_open_input(&av->ctx, "",
                            av_find_input_format(source->kind->format), NULL)
        < 0)
    {
        /* it has freed the context, but not what it reads by */

        av_freep(&pb->buffer);
        avio_context_free(&pb);

        return av->err ? ngx_recording_source_fail(source,
                                                   "it cannot be read: %s",
                                                   strerror(av->err))
                       : ngx_recording_source_fail(source, "it is no whole "
                                                   "%s file",
                                                   source->kind->format);
    }

    return NGX_OK;
}


static int
ngx_recording_source_av_read(void *data, uint8_t *buf, int size)
{
    ngx_recording_source_t *source = data;

    ssize_t                     n;
    ngx_recording_source_av_t  *av;

    av = source->data;

    n = pread(source->fd, buf, size, av->pos);

    if (n == -1) {
        av->err = errno;
        return AVERROR(av->err);
    }

    av->pos += n;

    return n ? (int) n : AVERROR_EOF;
}


static int64_t
ngx_recording_source_av_to(void *data, int64_t offset, int whence)
{
    ngx_recording_source_t *source = data;

    ngx_recording_source_av_t  *av;

    av = source->data;

    switch (whence & ~AVSEEK_FORCE) {

    case AVSEEK_SIZE:
        return av->size;

    case SEEK_CUR:
        offset += av->pos;
        break;

    case SEEK_END:
        offset += av->size;
        break;

    case SEEK_SET:
        break;

    default:
        return AVERROR(EINVAL);
    }

    if (offset < 0) {
        return AVERROR(EINVAL);
    }

    av->pos = offset;

    return offset;
}


/* nothing that a file names is opened */

static int
ngx_recording_source_av_other(AVFormatContext *ctx, AVIOContext **pb,
    const char *url, int flags, AVDictionary **options)
{
    return AVERROR(EPERM);
}


static ngx_int_t
ngx_recording_source_av_seek(ngx_recording_source_t *source, int64_t ms)
{
    int64_t                        ts;
    AVStream                      *st;
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_recording_source_av_t     *av;
    ngx_recording_source_frame_t   frame;

    av = source->data;
    st = NULL;

    /* the index of an FLV is known with its first frame of video */

    do {
        rc = ngx_recording_source_av_next(source, &frame);

    } while (rc == NGX_OK && source->media[NGX_RECORDING_VIDEO].present
             && frame.track != NGX_RECORDING_VIDEO);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    for (i = 0; i < av->ctx->nb_streams; i++) {

        if (av->ctx->streams[i]->codecpar->codec_type
            == (source->media[NGX_RECORDING_VIDEO].present
                ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO))
        {
            st = av->ctx->streams[i];
            break;
        }
    }

    if (st) {
        ts = av_rescale_q(ms, (AVRational) { 1, 1000 }, st->time_base);

        if (av_seek_frame(av->ctx, st->index, ts, AVSEEK_FLAG_BACKWARD) >= 0)
        {
            return NGX_OK;
        }
    }

    /* from the beginning, then */

    source->kind->close(source);

    return source->kind->open(source);
}


static ngx_int_t
ngx_recording_source_av_next(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame)
{
    int                         rc;
    ngx_int_t                   found;
    ngx_uint_t                  broken;
    ngx_recording_source_av_t  *av;

    av = source->data;
    broken = 0;

    for ( ;; ) {
        av_packet_unref(av->packet);

        rc = av_read_frame(av->ctx, av->packet);

        if (rc < 0) {

            if (av->err) {
                return ngx_recording_source_fail(source,
                                                 "it cannot be read: %s",
                                                 strerror(av->err));
            }

            if (rc == AVERROR_EOF || avio_feof(av->ctx->pb)) {
                return NGX_DONE;
            }

            if (++broken == NGX_RECORDING_SOURCE_AV_BROKEN) {
                return ngx_recording_source_fail(source, "it is damaged");
            }

            continue;
        }

        ngx_memzero(frame, sizeof(ngx_recording_source_frame_t));

        found = ngx_recording_source_av_frame(source,
                         av->ctx->streams[av->packet->stream_index], frame);

        if (found != NGX_DECLINED) {
            return found;
        }
    }
}


/* NGX_DECLINED: it is none */

static ngx_int_t
ngx_recording_source_av_frame(ngx_recording_source_t *source, AVStream *st,
    ngx_recording_source_frame_t *frame)
{
    int64_t                     pts;
    ngx_int_t                   rc;
    AVRational                  ms;
    ngx_recording_source_av_t  *av;

    av = source->data;
    ms = (AVRational) { 1, 1000 };

    if (st->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) {
        frame->track = NGX_RECORDING_VIDEO;

    } else if (st->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) {
        frame->track = NGX_RECORDING_AUDIO;

    } else {
        return NGX_DECLINED;
    }

    if (av->packet->size <= 0 || av->packet->dts == AV_NOPTS_VALUE) {
        return NGX_DECLINED;
    }

    pts = av->packet->pts == AV_NOPTS_VALUE ? av->packet->dts
                                            : av->packet->pts;

    frame->dts = av_rescale_q(av->packet->dts, st->time_base, ms);
    frame->pts = ngx_max(av_rescale_q(pts, st->time_base, ms), frame->dts);
    frame->data = av->packet->data;
    frame->size = av->packet->size;
    frame->key = (av->packet->flags & AV_PKT_FLAG_KEY) != 0;

    rc = ngx_recording_source_av_track(source, st, frame);

    if (rc != NGX_OK || frame->track != NGX_RECORDING_VIDEO) {
        return rc;
    }

    return ngx_recording_source_av_picture(source, frame);
}


/* its sequence header, which may be another one than before */

static ngx_int_t
ngx_recording_source_av_track(ngx_recording_source_t *source, AVStream *st,
    ngx_recording_source_frame_t *frame)
{
    size_t                      size;
    u_char                     *p;
    ngx_int_t                   rc;
    ngx_uint_t                  changed;
    ngx_recording_codec_e       codec;
    ngx_recording_source_av_t  *av;

    av = source->data;
    changed = 0;

    switch (st->codecpar->codec_id) {

    case AV_CODEC_ID_H264:
        codec = NGX_RECORDING_CODEC_H264;
        break;

    case AV_CODEC_ID_AAC:
        codec = NGX_RECORDING_CODEC_AAC;
        break;

    case AV_CODEC_ID_MP3:
        rc = ngx_recording_source_mp3(source, frame->data, frame->size,
                                      &changed);
        frame->changed = (changed != 0);

        return rc != NGX_OK ? rc
               : source->media[NGX_RECORDING_AUDIO].present ? NGX_OK
                                                           : NGX_DECLINED;

    default:
        return ngx_recording_source_fail(source, "it has %s, of which "
                                         "neither MP4 nor HLS is made",
                               avcodec_get_name(st->codecpar->codec_id));
    }

    p = av_packet_get_side_data(av->packet, AV_PKT_DATA_NEW_EXTRADATA, &size);

    if (p == NULL || size == 0) {

        if (source->media[frame->track].present) {
            return NGX_OK;
        }

        p = st->codecpar->extradata;
        size = ngx_max(st->codecpar->extradata_size, 0);
    }

    rc = ngx_recording_source_header(source, frame->track, codec, p, size,
                                     &changed);
    frame->changed = (changed != 0);

    return rc;
}


/* units with lengths, that fill it; NGX_DECLINED: there are none */

static ngx_int_t
ngx_recording_source_av_picture(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame)
{
    size_t                      size;
    uint32_t                    length;
    ngx_int_t                   rc;
    ngx_recording_unit_t        unit;
    ngx_recording_frame_t       f;
    ngx_recording_source_av_t  *av;

    av = source->data;
    length = source->media[NGX_RECORDING_VIDEO].codec.nal_length;
    size = frame->size;

    rc = ngx_recording_nal_look(length, frame->data, &size);

    if (rc == NGX_ERROR || size > NGX_RECORDING_SOURCE_FRAME) {
        return NGX_DECLINED;
    }

    if (rc == NGX_DECLINED) {
        free(av->anew);
        av->anew = malloc(size);

        if (av->anew == NULL) {
            return ngx_recording_source_fail(source, "there is no memory");
        }

        ngx_recording_nal_write(length, frame->data, frame->size, av->anew);
        frame->data = av->anew;
    }

    frame->size = size;

    ngx_memzero(&f, sizeof(ngx_recording_frame_t));
    f.codec = NGX_RECORDING_CODEC_H264;
    f.key = frame->key;
    f.picture = 1;

    ngx_recording_unit_piece(&unit, frame->data, frame->size);
    ngx_recording_unit_look(&f, &unit, length);

    frame->key = f.key;
    frame->idr = f.idr;

    return NGX_OK;
}


static void
ngx_recording_source_av_close(ngx_recording_source_t *source)
{
    ngx_recording_source_av_t  *av;

    av = source->data;

    if (av) {

        if (av->ctx) {
            AVIOContext  *pb = av->ctx->pb;

            avformat_close_input(&av->ctx);

            if (pb) {
                av_freep(&pb->buffer);
                avio_context_free(&pb);
            }
        }

        av_packet_free(&av->packet);
        free(av->anew);
        free(av);

        source->data = NULL;
    }

    if (source->fd != -1) {
        ngx_recording_close(source->fd);
        source->fd = -1;
    }
}
