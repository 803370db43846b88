
/*
 * The tracks of a writer: codecs by sequence headers, and what is no frame
 * of them.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_TRACK_H_INCLUDED_
#define _NGX_RECORDING_TRACK_H_INCLUDED_


#include "ngx_recording_outputs.h"


typedef struct {
    ngx_recording_media_t   media;         /* by the newest header */
    ngx_recording_media_t   other;         /* by the header of another codec,
                                              of which no frame came yet, or
                                              the last one was before; or by
                                              one that is not followed yet */
    ngx_uint_t              version;       /* of media: counted up with it */
    ngx_uint_t              turns;         /* changes that ended files, but
                                              for one a minute */
    int64_t                 turned;        /* us, arrival: since then */
    int64_t                 last;          /* stream time of the last frame */
    int64_t                 wall;          /* its arrival, us */
    ngx_uint_t              strange;       /* frames of another codec */
    uint8_t                 live;          /* it was published, not only
                                              remembered from before */
    uint8_t                 seen;          /* a frame was */
    uint8_t                 filed;         /* the open files have it */
    uint8_t                 changed;       /* and since then it changed */
    uint8_t                 apart;         /* its header changes too often:
                                              frames are those of other */
} ngx_recording_track_t;


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


typedef struct {
    ngx_recording_outputs_t  *outputs;
    ngx_recording_track_t   track[NGX_RECORDING_TRACKS];

    ngx_recording_anew_t   *anew;          /* frames, until the next flush */
    size_t                  anew_size;
    ngx_recording_before_t  before;
    ngx_recording_sample_t  sample;        /* that is handed to the files */
    int64_t                 now;           /* us, arrival of the message */

    unsigned                muxed:1;       /* formats have muxers, which need
                                              whole NAL units */
    unsigned                broken:1;      /* was said: since the last cut */
    unsigned                headless:2;    /* bits: a broken header was said */
} ngx_recording_tracks_t;


/* all else is zero; the outputs are told where their tracks are */
void ngx_recording_track_init(ngx_recording_tracks_t *tracks,
    ngx_recording_outputs_t *o);

/* frees what the tracks have, but for the outputs */
void ngx_recording_track_free(ngx_recording_tracks_t *tracks);


/*
 * Takes a sequence header; one that differs asks for new files.  One of
 * another codec than the frames' is kept until a frame of that comes.  Of a
 * track that changes on and on, as of two encoders that send to one stream,
 * the first 20 changes are followed, and then one a minute: frames of the
 * other header are dropped, as no file could decode them.
 */
void ngx_recording_track_header(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item);

/* for the next one: a frame that is not simply of its track's header */
ngx_int_t ngx_recording_track_unlike(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item);

/*
 * Checks a frame against its track's header, or takes the facts from it.
 * NGX_ERROR: it cannot be written, and is counted.  What is in a frame of
 * H.264 is not looked at: FLV keeps it in any case.
 */
static ngx_inline ngx_int_t
ngx_recording_track_media(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item)
{
    ngx_recording_track_t  *t;

    t = &tracks->track[item->message->track];

    tracks->now = item->wall;

    if (t->media.codec.codec != item->frame.codec || t->media.header_len == 0
        || t->apart)
    {
        return ngx_recording_track_unlike(tracks, item);
    }

    /* nearly all frames */

    t->live = 1;
    t->strange = 0;

    return NGX_OK;
}

/* looks ahead: what a message that comes later says of its track */
void ngx_recording_track_learn(ngx_recording_tracks_t *tracks,
    ngx_recording_message_t *m);

/* hands a frame to the files; cut: a segment may begin with it */
void ngx_recording_track_sample_thread(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, ngx_uint_t cut);

/* everything that was handed over is written */
void ngx_recording_track_flush_thread(ngx_recording_tracks_t *tracks);

/* a frame came at a stream time, ms, and arrived then, us */
static ngx_inline void
ngx_recording_track_seen(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item)
{
    ngx_recording_track_t  *t;

    t = &tracks->track[item->message->track];

    t->seen = 1;
    t->last = item->time;
    t->wall = item->wall;

    tracks->outputs->last = ngx_max(tracks->track[NGX_RECORDING_VIDEO].last,
                                    tracks->track[NGX_RECORDING_AUDIO].last);
}

/* counts a frame that is not written */
void ngx_recording_track_drop(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, ngx_recording_drop_e reason);

/* the same, and says what is wrong with it, once for a file */
void ngx_recording_track_broken(ngx_recording_tracks_t *tracks,
    ngx_recording_item_t *item, const char *what);


#endif /* _NGX_RECORDING_TRACK_H_INCLUDED_ */
