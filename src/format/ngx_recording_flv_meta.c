
/*
 * What stands in front of an FLV: onMetaData with the index of key frames.
 */


#include "ngx_recording_amf.h"
#include "ngx_recording_flv.h"


/* a property of nothing but numbers, of so many bytes each */
#define NGX_RECORDING_FLV_FILLER      "filler"
#define NGX_RECORDING_FLV_FILLER_LEN  (sizeof(NGX_RECORDING_FLV_FILLER) - 1)
#define NGX_RECORDING_FLV_NUMBER      9


static u_char *ngx_recording_flv_props(ngx_recording_mux_t *mux, u_char *p);
static double ngx_recording_flv_codec_id(ngx_recording_flv_t *flv,
    ngx_uint_t track);
static u_char *ngx_recording_flv_foreign(ngx_recording_mux_t *mux, u_char *p);
static ngx_uint_t ngx_recording_flv_known(ngx_str_t *name);
static u_char *ngx_recording_flv_index(ngx_recording_flv_t *flv, u_char *p);
static u_char *ngx_recording_flv_filler(u_char *p, u_char *last);


/* these are known better here than by the publisher */

static const char  *ngx_recording_flv_own[] = {
    "duration", "filesize", "width", "height", "videocodecid",
    "audiocodecid", "audiosamplerate", "stereo", "hasVideo", "hasAudio",
    "hasMetadata", "hasKeyframes", "canSeekToEnd", "lasttimestamp",
    "lastkeyframetimestamp", "keyframes", NULL
};


/* the FLV header and onMetaData, as far as it is known */

ngx_int_t
ngx_recording_flv_head(ngx_recording_mux_t *mux)
{
    u_char                *buf, *p, *last;
    ngx_int_t              rc;
    ngx_recording_flv_t   *flv;

    flv = mux->data;

    buf = malloc(NGX_RECORDING_FLV_START);

    if (buf == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    p = ngx_cpymem(buf, "FLV\1", 4);

    *p++ = (mux->media[NGX_RECORDING_AUDIO].present ? 4 : 0)
           | (mux->media[NGX_RECORDING_VIDEO].present ? 1 : 0);

    p = ngx_recording_flv_u32(p, 9);
    p = ngx_recording_flv_u32(p, 0);

    p = ngx_recording_flv_tag(p, NGX_RECORDING_FLV_SCRIPT,
                              NGX_RECORDING_FLV_META, 0);

    last = p + NGX_RECORDING_FLV_META;

    p = ngx_recording_amf_string(p, "onMetaData", sizeof("onMetaData") - 1);

    *p++ = 8;                                  /* ECMA array */
    p = ngx_recording_flv_u32(p, 0);

    p = ngx_recording_flv_props(mux, p);
    p = ngx_recording_flv_foreign(mux, p);
    p = ngx_recording_flv_index(flv, p);

    p = ngx_recording_flv_filler(p, last - 3);

    p = ngx_cpymem(p, "\0\0\x09", 3);
    p = ngx_recording_flv_u32(p, NGX_RECORDING_FLV_TAG
                                 + NGX_RECORDING_FLV_META);

    rc = ngx_recording_io_write_thread(mux->fd, buf, p - buf, 0);

    free(buf);

    return rc == NGX_OK ? NGX_OK : ngx_recording_mux_error(mux, "write");
}


static u_char *
ngx_recording_flv_props(ngx_recording_mux_t *mux, u_char *p)
{
    ngx_recording_flv_t    *flv;
    ngx_recording_media_t  *video, *audio;

    flv = mux->data;
    video = &mux->media[NGX_RECORDING_VIDEO];
    audio = &mux->media[NGX_RECORDING_AUDIO];

    p = ngx_recording_amf_name(p, "duration");
    p = ngx_recording_amf_number(p, (double) ngx_recording_mux_end(mux)
                                    / 1000);
    p = ngx_recording_amf_name(p, "filesize");
    p = ngx_recording_amf_number(p, (double) mux->pos);
    p = ngx_recording_amf_name(p, "lasttimestamp");
    p = ngx_recording_amf_number(p,
                     (double) ngx_max(mux->last[NGX_RECORDING_VIDEO],
                                      mux->last[NGX_RECORDING_AUDIO]) / 1000);

    p = ngx_recording_amf_name(p, "hasVideo");
    p = ngx_recording_amf_boolean(p, video->present);
    p = ngx_recording_amf_name(p, "hasAudio");
    p = ngx_recording_amf_boolean(p, audio->present);
    p = ngx_recording_amf_name(p, "hasMetadata");
    p = ngx_recording_amf_boolean(p, 1);
    p = ngx_recording_amf_name(p, "hasKeyframes");
    p = ngx_recording_amf_boolean(p, flv->nkeys != 0);

    if (video->present) {
        p = ngx_recording_amf_name(p, "videocodecid");
        p = ngx_recording_amf_number(p,
                   ngx_recording_flv_codec_id(flv, NGX_RECORDING_VIDEO));
    }

    if (video->codec.width) {
        p = ngx_recording_amf_name(p, "width");
        p = ngx_recording_amf_number(p, video->codec.width);
        p = ngx_recording_amf_name(p, "height");
        p = ngx_recording_amf_number(p, video->codec.height);
    }

    if (audio->present) {
        p = ngx_recording_amf_name(p, "audiocodecid");
        p = ngx_recording_amf_number(p,
                   ngx_recording_flv_codec_id(flv, NGX_RECORDING_AUDIO));
    }

    if (audio->codec.sample_rate) {
        p = ngx_recording_amf_name(p, "audiosamplerate");
        p = ngx_recording_amf_number(p, audio->codec.sample_rate);
        p = ngx_recording_amf_name(p, "stereo");
        p = ngx_recording_amf_boolean(p, audio->codec.channels > 1);
    }

    return p;
}


/* a FourCC is given as a number, as enhanced RTMP has it */

static double
ngx_recording_flv_codec_id(ngx_recording_flv_t *flv, ngx_uint_t track)
{
    u_char  *p;

    p = flv->first[track];

    if (track == NGX_RECORDING_VIDEO ? (p[0] & 0x80) : (p[0] >> 4) == 9) {
        return (double) ((uint32_t) p[1] << 24 | (uint32_t) p[2] << 16
                         | (uint32_t) p[3] << 8 | p[4]);
    }

    return track == NGX_RECORDING_VIDEO ? p[0] & 0x0f : p[0] >> 4;
}


/* what else the publisher told: encoder, rates, its own words */

static u_char *
ngx_recording_flv_foreign(ngx_recording_mux_t *mux, u_char *p)
{
    size_t        size, room;
    u_char       *from;
    ngx_str_t     name, whole;

    if (mux->meta == NULL) {
        return p;
    }

    from = mux->meta;
    size = mux->meta_len;
    room = NGX_RECORDING_FLV_FOREIGN;

    if (ngx_recording_amf_metadata(&from, &size) != NGX_OK) {
        return p;
    }

    while (ngx_recording_amf_next(&from, &size, &name, &whole) == NGX_OK) {

        if (ngx_recording_flv_known(&name) || name.len == 0
            || whole.len > room)
        {
            continue;
        }

        p = ngx_cpymem(p, whole.data, whole.len);
        room -= whole.len;
    }

    return p;
}


/* a recording that is published again brings its filler, too */

static ngx_uint_t
ngx_recording_flv_known(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_recording_flv_own[i]; i++) {
        if (ngx_strlen(ngx_recording_flv_own[i]) == name->len
            && ngx_memcmp(ngx_recording_flv_own[i], name->data, name->len)
               == 0)
        {
            return 1;
        }
    }

    return name->len >= NGX_RECORDING_FLV_FILLER_LEN
           && ngx_memcmp(name->data, NGX_RECORDING_FLV_FILLER,
                         NGX_RECORDING_FLV_FILLER_LEN)
              == 0;
}


/*
 * What is left is filled by an array of numbers, which every player reads
 * without a word.  The name is as long as it takes to make them come out
 * even.
 */

static u_char *
ngx_recording_flv_filler(u_char *p, u_char *last)
{
    char    name[NGX_RECORDING_FLV_FILLER_LEN + NGX_RECORDING_FLV_NUMBER];
    size_t  size, pad;

    size = last - p - 2 - NGX_RECORDING_FLV_FILLER_LEN - 1 - 4;
    pad = size % NGX_RECORDING_FLV_NUMBER;

    ngx_memset(name, '_', sizeof(name));
    ngx_memcpy(name, NGX_RECORDING_FLV_FILLER, NGX_RECORDING_FLV_FILLER_LEN);
    name[NGX_RECORDING_FLV_FILLER_LEN + pad] = '\0';

    p = ngx_recording_amf_name(p, name);
    p = ngx_recording_amf_array(p, (uint32_t) (size
                                               / NGX_RECORDING_FLV_NUMBER));
    ngx_memzero(p, last - p);

    return last;
}


static u_char *
ngx_recording_flv_index(ngx_recording_flv_t *flv, u_char *p)
{
    ngx_uint_t  i;

    if (flv->nkeys == 0) {
        return p;
    }

    p = ngx_recording_amf_name(p, "keyframes");
    *p++ = 3;                                  /* object */

    p = ngx_recording_amf_name(p, "times");
    p = ngx_recording_amf_array(p, (uint32_t) flv->nkeys);

    for (i = 0; i < flv->nkeys; i++) {
        p = ngx_recording_amf_number(p, (double) flv->keys[i].time / 1000);
    }

    p = ngx_recording_amf_name(p, "filepositions");
    p = ngx_recording_amf_array(p, (uint32_t) flv->nkeys);

    for (i = 0; i < flv->nkeys; i++) {
        p = ngx_recording_amf_number(p, (double) flv->keys[i].pos);
    }

    return ngx_cpymem(p, "\0\0\x09", 3);
}
