
/*
 * The index of a growing MP4: one record a sample, beside the media data,
 * and what is made of it at the end.
 *
 * Runs on pool threads only.
 */


#ifndef _NGX_RECORDING_MP4_INDEX_H_INCLUDED_
#define _NGX_RECORDING_MP4_INDEX_H_INCLUDED_


#include "ngx_recording_mux.h"


/* the media data begins here until the file is finished */
#define NGX_RECORDING_MP4_RESERVE  65536

/*
 * Samples of a file: with so many it ends at the next chance.  At the end
 * libavformat has some 100 bytes of memory for each of them.
 */
#ifndef NGX_RECORDING_MP4_FULL
#define NGX_RECORDING_MP4_FULL  8000000
#endif

/* ms by which sound in whole frames may differ from what was published */
#define NGX_RECORDING_MP4_DRIFT  2

/* frames, see ngx_recording_mp4_index_sound() */
#define NGX_RECORDING_MP4_TOGETHER  16


typedef struct {
    uint64_t                offset;       /* in the growing file */
    int64_t                 dts;          /* ms from the file's start */
    uint32_t                size;
    int32_t                 composition;  /* ms */
    uint8_t                 track;
    uint8_t                 key;
    uint16_t                duration;     /* ms, a guess; not read any more,
                                             but by earlier versions */
    uint32_t                crc;          /* of what stands before */
} ngx_recording_mp4_record_t;


/* what stands in front of the media data of a finished file */

typedef struct {
    u_char                 *data;         /* ftyp and moov, to be freed */
    size_t                  size;
    uint64_t                shift;        /* of the media data, by now */
} ngx_recording_mp4_front_t;


/* audio frames of so many ticks, one after the other, so many a second */

typedef struct {
    int64_t                 rate;
    int64_t                 samples;
    int64_t                 last;         /* DTS in ticks */
    int64_t                 published;    /* the same, as it came */
    ngx_uint_t              together;     /* frames until it is forgotten that
                                             several had one timestamp */
    unsigned                seen:1;       /* there was one */
} ngx_recording_mp4_sound_t;


/*
 * DTS of the next audio frame, in ticks, by the one that was published, in
 * ms.  It is right behind the frame before, as long as the published one
 * says nothing else than that it was rounded; or that several frames are
 * stamped together, as by encoders that wake up each 100 ms.
 */
int64_t ngx_recording_mp4_index_sound(ngx_recording_mp4_sound_t *s, int64_t ms);

/* seals n records; NGX_ERROR from the check: one was not written whole */
void ngx_recording_mp4_index_seal(ngx_recording_mp4_record_t *records,
    ngx_uint_t n);
ngx_int_t ngx_recording_mp4_index_check(ngx_recording_mp4_record_t *record);

/*
 * Replays n records of an index through libavformat's muxer and makes what
 * is to stand in front of media data that ends at `end` in the growing file.
 * front->shift is by how much the data was moved already; afterwards it is
 * by how much it has to be moved in all, in multiples of `block`.
 *
 * NGX_ERROR: mux->op and mux->err tell why.
 */
ngx_int_t ngx_recording_mp4_index_front_thread(ngx_recording_mux_t *mux, int fd,
    uint64_t n, uint64_t end, size_t block, ngx_recording_mp4_front_t *front);


#endif /* _NGX_RECORDING_MP4_INDEX_H_INCLUDED_ */
