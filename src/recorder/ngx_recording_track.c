
#include "ngx_recording_nal.h"
#include "ngx_recording_output.h"
#include "ngx_recording_tell.h"
#include "ngx_recording_track.h"


/* frames of another codec before a track without header changes to it */
#define NGX_RECORDING_TRACK_STRANGE  8

/* changes of a track that end files at once, and us for each further one */
#define NGX_RECORDING_TRACK_TURNS    20
#define NGX_RECORDING_TRACK_TURN     (60 * 1000000LL)

/* bytes of frames that are written anew before files are flushed */
#define NGX_RECORDING_TRACK_ANEW     (1024 * 1024)

/* bytes of units without a picture that wait for one */
#define NGX_RECORDING_TRACK_BEFORE   (256 * 1024)


static ngx_int_t ngx_recording_track_facts(ngx_recording_frame_t *frame,
    u_char *p, size_t size, ngx_recording_codec_t *codec);
static void ngx_recording_track_other(ngx_recording_tracks_t *tracks,
    ngx_uint_t track);
static ngx_int_t ngx_recording_track_change(ngx_recording_tracks_t *tracks,
    ngx_uint_t track, ngx_recording_codec_t *codec, u_char *header,
    size_t len, uint32_t body);
static ngx_uint_t ngx_recording_track_may(ngx_recording_tracks_t *tracks,
    ngx_uint_t track);
static ngx_uint_t ngx_recording_track_apart(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item);
static void ngx_recording_track_changed(ngx_recording_tracks_t *tracks,
    ngx_uint_t track, ngx_recording_codec_t *codec);
static void ngx_recording_track_said(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, const char *what, const char *left);
static void ngx_recording_track_adts(ngx_recording_sample_t *s);
static ngx_int_t ngx_recording_track_units(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, ngx_recording_sample_t *s);
static ngx_int_t ngx_recording_track_keep(ngx_recording_tracks_t *tracks,
    ngx_recording_sample_t *s);
static ngx_int_t ngx_recording_track_join(ngx_recording_tracks_t *tracks,
    ngx_recording_sample_t *s);
static u_char *ngx_recording_track_anew(ngx_recording_tracks_t *tracks,
    size_t size);
static void ngx_recording_track_forget(ngx_recording_tracks_t *tracks);


void
ngx_recording_track_init(ngx_recording_tracks_t *tracks,
    ngx_recording_outputs_t *o)
{
    ngx_uint_t  i;

    tracks->outputs = o;

    for (i = 0; i < o->template->nformats; i++) {
        if (o->template->formats[i].format->muxer) {
            tracks->muxed = 1;
        }
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        o->media[i] = &tracks->track[i].media;
    }
}


void
ngx_recording_track_free(ngx_recording_tracks_t *tracks)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        free(tracks->track[i].media.header);
        free(tracks->track[i].other.header);
    }

    ngx_recording_track_forget(tracks);
    free(tracks->before.data);
}


/* a sequence header: facts about the frames that follow */

void
ngx_recording_track_header(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item)
{
    u_char                 *p;
    size_t                  size;
    ngx_int_t               rc;
    ngx_uint_t              track;
    ngx_recording_codec_t   codec;

    track = item->message->track;
    p = item->data + item->frame.body;
    size = item->message->size - item->frame.body;

    tracks->now = item->wall;

    rc = ngx_recording_media_facts(&codec, item->frame.codec, p, size);

    if (rc != NGX_OK) {
        if (ngx_recording_once(tracks->headless, 1 << track)) {
            ngx_recording_notice_exception(tracks->outputs->notices,
                NGX_RECORDING_EXCEPTION_VIDEO_BROKEN + track, 0,
                "broken %s sequence header ignored",
                ngx_recording_tell_tracks[track]);
        }

        return;
    }

    if (!item->message->early) {
        tracks->track[track].live = 1;
    }

    (void) ngx_recording_track_change(tracks, track, &codec, item->data,
                                      item->message->size, item->frame.body);
}


/* one that is not simply of its track's header */

ngx_int_t
ngx_recording_track_unlike(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item)
{
    u_char                           *p;
    size_t                            size;
    ngx_recording_codec_t             codec;
    ngx_recording_track_t            *t;
    const ngx_recording_codec_row_t  *row;

    t = &tracks->track[item->message->track];
    p = item->data + item->frame.body;
    size = item->message->size - item->frame.body;

    row = &ngx_recording_codecs[item->frame.codec];

    if (ngx_recording_track_apart(tracks, item)
        && ngx_recording_track_may(tracks, item->message->track))
    {
        ngx_recording_track_other(tracks, item->message->track);
    }

    if (row->header) {
        if (t->media.codec.codec != item->frame.codec
            && t->other.codec.codec != item->frame.codec)
        {
            ngx_recording_track_drop(tracks, item, NGX_RECORDING_DROP_HEADER);
            return NGX_ERROR;
        }

    } else if (row->frame || t->media.codec.codec != item->frame.codec) {

        if (t->media.codec.codec != NGX_RECORDING_CODEC_NONE
            && t->media.codec.codec != item->frame.codec
            && t->strange++ < NGX_RECORDING_TRACK_STRANGE)
        {
            /* one stray message is no change of codec */

            ngx_recording_track_broken(tracks, item, "is of another codec");
            return NGX_ERROR;
        }

        if (ngx_recording_track_facts(&item->frame, p, size, &codec)
            != NGX_OK)
        {
            ngx_recording_track_broken(tracks, item,
                                       "has no MPEG audio header");
            return NGX_ERROR;
        }

        if (ngx_recording_track_change(tracks, item->message->track, &codec,
                                       NULL, 0, 0)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    t->live = 1;
    t->strange = 0;

    if (ngx_recording_track_apart(tracks, item)) {
        ngx_recording_output_dropped(tracks->outputs, item->message->track,
                                     NGX_RECORDING_DROP_HEADER, 1);
        ngx_recording_tell_drop(tracks->outputs, item->message->track,
                                NGX_RECORDING_DROP_HEADER,
                                "their codec or its header changes more "
                                "often than files begin for it");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* whether a frame is of the header that the files do not follow */

static ngx_uint_t
ngx_recording_track_apart(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item)
{
    ngx_recording_track_t  *t;

    t = &tracks->track[item->message->track];

    return t->apart
           || (t->other.codec.codec == item->frame.codec
               && t->media.codec.codec != item->frame.codec);
}


/* a codec without sequence header: what a frame of it says */

static ngx_int_t
ngx_recording_track_facts(ngx_recording_frame_t *frame, u_char *p, size_t size,
    ngx_recording_codec_t *codec)
{
    if (ngx_recording_codecs[frame->codec].frame) {
        return ngx_recording_codecs[frame->codec].frame(codec, p, size);
    }

    ngx_memzero(codec, sizeof(ngx_recording_codec_t));
    codec->codec = frame->codec;

    return NGX_OK;
}


void
ngx_recording_track_learn(ngx_recording_tracks_t *tracks,
    ngx_recording_message_t *m)
{
    u_char                 *p;
    size_t                  size;
    ngx_recording_item_t    item;
    ngx_recording_codec_t   codec;

    item.message = m;
    item.data = ngx_recording_message_body(m);
    item.wall = tracks->now;
    item.overtaken = 0;

    if (ngx_recording_frame_parse(&item.frame, m->track, item.data, m->size)
        != NGX_OK)
    {
        return;
    }

    if (item.frame.header) {
        ngx_recording_track_header(tracks, &item);
        return;
    }

    if (ngx_recording_codecs[item.frame.codec].header) {
        return;
    }

    p = item.data + item.frame.body;
    size = m->size - item.frame.body;

    if (ngx_recording_track_facts(&item.frame, p, size, &codec) == NGX_OK) {
        (void) ngx_recording_track_change(tracks, m->track, &codec, NULL, 0, 0);
    }
}


static ngx_int_t
ngx_recording_track_change(ngx_recording_tracks_t *tracks, ngx_uint_t track,
    ngx_recording_codec_t *codec, u_char *header, size_t len, uint32_t body)
{
    ngx_recording_media_t   media, *to;
    ngx_recording_track_t  *t;

    t = &tracks->track[track];

    if (t->media.header_len == len
        && ngx_memcmp(&t->media.codec, codec, sizeof(ngx_recording_codec_t))
           == 0
        && (len == 0 || ngx_memcmp(t->media.header, header, len) == 0))
    {
        t->apart = 0;
        return NGX_OK;
    }

    ngx_memzero(&media, sizeof(ngx_recording_media_t));

    media.codec = *codec;
    media.header = header;
    media.header_len = len;
    media.header_body = body;
    media.present = 1;

    to = &t->media;

    if (len && t->seen && codec->codec != t->media.codec.codec) {

        /* it may be a stray one: the frames of the other codec tell */

        to = &t->other;

    } else if (!ngx_recording_track_may(tracks, track)) {

        /* frames tell their codec, but not which header of it they need */

        to = &t->other;
        t->apart = (codec->codec == t->media.codec.codec);

    } else {
        ngx_recording_track_changed(tracks, track, codec);
    }

    free(to->header);

    if (ngx_recording_media_copy(to, &media) != NGX_OK) {
        ngx_memzero(to, sizeof(ngx_recording_media_t));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Whether files may end because a track has changed: two encoders that send
 * to one stream must not make a file of each second.
 */

static ngx_uint_t
ngx_recording_track_may(ngx_recording_tracks_t *tracks, ngx_uint_t track)
{
    int64_t                 passed;
    ngx_recording_track_t  *t;

    t = &tracks->track[track];

    if (!t->filed || t->changed) {
        return 1;
    }

    passed = (tracks->now - t->turned) / NGX_RECORDING_TRACK_TURN;

    if (t->turns == 0 || passed >= (int64_t) t->turns) {
        t->turns = 0;
        t->turned = tracks->now;

    } else if (passed > 0) {
        t->turns -= passed;
        t->turned += passed * NGX_RECORDING_TRACK_TURN;
    }

    if (t->turns == NGX_RECORDING_TRACK_TURNS) {
        return 0;
    }

    t->turns++;

    return 1;
}


/* a frame of the codec that the last header was of, or the one before */

static void
ngx_recording_track_other(ngx_recording_tracks_t *tracks, ngx_uint_t track)
{
    ngx_recording_media_t   media;
    ngx_recording_track_t  *t;

    t = &tracks->track[track];

    ngx_recording_track_changed(tracks, track, &t->other.codec);

    media = t->media;
    t->media = t->other;
    t->other = media;
}


static void
ngx_recording_track_changed(ngx_recording_tracks_t *tracks, ngx_uint_t track,
    ngx_recording_codec_t *codec)
{
    ngx_uint_t              resized;
    ngx_recording_track_t  *t;

    t = &tracks->track[track];

    if (t->filed && !t->changed) {
        resized = t->media.codec.codec == codec->codec
                  && (t->media.codec.width != codec->width
                      || t->media.codec.height != codec->height);

        ngx_recording_notice_exception(tracks->outputs->notices,
            resized ? NGX_RECORDING_EXCEPTION_RESIZED
                    : NGX_RECORDING_EXCEPTION_CHANGED, 0,
            "%s %s changed, the file is changed at the next chance",
            ngx_recording_tell_tracks[track],
            resized ? "resolution" : "codec");
        t->changed = 1;
        tracks->outputs->wanted = NGX_RECORDING_CUT_CODEC;
    }

    t->apart = 0;
    t->version++;
}


void
ngx_recording_track_drop(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, ngx_recording_drop_e reason)
{
    ngx_uint_t  track;

    track = item->message->track;

    ngx_recording_output_dropped(tracks->outputs, track, reason, 1);

    if (reason == NGX_RECORDING_DROP_HEADER) {
        ngx_recording_tell_drop(tracks->outputs, track, reason,
                                "they have no sequence header");

    } else if (reason == NGX_RECORDING_DROP_KEY && tracks->outputs->started) {
        ngx_recording_tell_drop(tracks->outputs, track, reason,
                                "no key frame has come with which a file "
                                "could take them");
    }
}


/* said once for a file, counted always */

void
ngx_recording_track_broken(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, const char *what)
{
    ngx_recording_track_drop(tracks, item, NGX_RECORDING_DROP_BROKEN);
    ngx_recording_track_said(tracks, item, what, "dropped");
}


static void
ngx_recording_track_said(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, const char *what, const char *left)
{
    ngx_uint_t  track;

    track = item->message->track;

    if (ngx_recording_once(tracks->broken, 1)) {
        ngx_recording_notice_exception(tracks->outputs->notices,
            NGX_RECORDING_EXCEPTION_VIDEO_BROKEN + track, 0,
            "broken %s frame at %u %s, it %s",
            ngx_recording_tell_tracks[track],
            (unsigned) item->message->timestamp, left, what);
    }
}


void
ngx_recording_track_sample_thread(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, ngx_uint_t cut)
{
    ngx_recording_sample_t  *s;

    s = &tracks->sample;

    s->track = item->message->track;
    s->dts = item->time;
    s->wall = item->wall;
    s->composition = item->frame.composition;
    s->data = item->data;
    s->size = item->message->size;
    s->media = item->data + item->frame.body;
    s->media_size = item->message->size - item->frame.body;
    s->key = item->frame.key;
    s->idr = item->frame.idr;
    s->cut = cut;
    s->overtaken = item->overtaken;
    s->joined = 0;
    s->part = 0;

    if (item->frame.codec == NGX_RECORDING_CODEC_AAC) {
        ngx_recording_track_adts(s);

    } else if (tracks->muxed && item->frame.codec == NGX_RECORDING_CODEC_H264
               && ngx_recording_track_units(tracks, item, s) != NGX_OK)
    {
        ngx_recording_track_said(tracks, item, "has no whole NAL units",
                                 "left to FLV");
        s->media = NULL;
        s->media_size = 0;
    }

    ngx_recording_output_sample_thread(tracks->outputs, s);
}


/*
 * Some encoders leave the header of ADTS in front of a frame.  No frame begins
 * so by itself, and its length tells for sure.
 */

static void
ngx_recording_track_adts(ngx_recording_sample_t *s)
{
    size_t   head, size;
    u_char  *p;

    p = s->media;

    if (s->media_size <= 9 || p[0] != 0xff || (p[1] & 0xf6) != 0xf0) {
        return;
    }

    head = (p[1] & 1) ? 7 : 9;
    size = ((size_t) (p[3] & 3) << 11) | (p[4] << 3) | (p[5] >> 5);

    if (size == s->media_size) {
        s->media += head;
        s->media_size -= head;
    }
}


/* the frame with NAL units as muxers need them; NGX_ERROR: it has none */

static ngx_int_t
ngx_recording_track_units(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, ngx_recording_sample_t *s)
{
    size_t      size;
    u_char     *media;
    uint32_t    length;
    ngx_int_t   rc;

    if (tracks->anew_size > NGX_RECORDING_TRACK_ANEW) {
        ngx_recording_track_flush_thread(tracks);
    }

    length = tracks->track[NGX_RECORDING_VIDEO].media.codec.nal_length;
    size = s->media_size;

    rc = ngx_recording_nal_look(length, s->media, &size);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        media = ngx_recording_track_anew(tracks, size);

        if (media == NULL) {
            return NGX_ERROR;
        }

        ngx_recording_nal_write(length, s->media, s->media_size, media);

        s->media = media;
    }

    s->media_size = size;

    if (!item->frame.picture) {
        return ngx_recording_track_keep(tracks, s);
    }

    return tracks->before.n ? ngx_recording_track_join(tracks, s) : NGX_OK;
}


/* an SEI, a delimiter or parameter sets alone: the next picture has them */

static ngx_int_t
ngx_recording_track_keep(ngx_recording_tracks_t *tracks,
    ngx_recording_sample_t *s)
{
    u_char                  *p;
    ngx_recording_before_t  *before;

    before = &tracks->before;

    if (before->size + s->media_size > NGX_RECORDING_TRACK_BEFORE) {
        return NGX_ERROR;
    }

    p = realloc(before->data, before->size + s->media_size);

    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p + before->size, s->media, s->media_size);

    before->data = p;
    before->size += s->media_size;
    before->n++;

    s->part = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_track_join(ngx_recording_tracks_t *tracks,
    ngx_recording_sample_t *s)
{
    u_char                  *media;
    ngx_recording_before_t  *before;

    before = &tracks->before;
    media = ngx_recording_track_anew(tracks, before->size + s->media_size);

    if (media == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(media, before->data, before->size), s->media,
               s->media_size);

    s->media = media;
    s->media_size += before->size;
    s->joined = before->n;

    free(before->data);
    ngx_memzero(before, sizeof(ngx_recording_before_t));

    return NGX_OK;
}


/* room for bytes of a frame until the next flush */

static u_char *
ngx_recording_track_anew(ngx_recording_tracks_t *tracks, size_t size)
{
    ngx_recording_anew_t  *anew;

    anew = malloc(sizeof(ngx_recording_anew_t) + size);

    if (anew == NULL) {
        return NULL;
    }

    anew->next = tracks->anew;
    tracks->anew = anew;
    tracks->anew_size += size;

    return (u_char *) (anew + 1);
}


void
ngx_recording_track_flush_thread(ngx_recording_tracks_t *tracks)
{
    ngx_recording_output_flush_thread(tracks->outputs);
    ngx_recording_track_forget(tracks);
}


/* frees what was written anew for muxers, which were flushed */

static void
ngx_recording_track_forget(ngx_recording_tracks_t *tracks)
{
    ngx_recording_anew_t  *anew;

    while (tracks->anew) {
        anew = tracks->anew;
        tracks->anew = anew->next;
        free(anew);
    }

    tracks->anew_size = 0;
}
