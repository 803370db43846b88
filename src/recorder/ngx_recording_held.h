
/*
 * Audio that waits for video.  The open files cannot take it, as its codec
 * changed or its track is new: it is held for those that begin at the next
 * key frame (next).  Or it is ahead of the video, and a cut is due: it is
 * known only then to which file it belongs (ahead).
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_HELD_H_INCLUDED_
#define _NGX_RECORDING_HELD_H_INCLUDED_


#include "ngx_recording_track.h"


/* audio that waits for a cut, at most, and a quarter of record_buffer */
#define NGX_RECORDING_HELD       (4 * 1024 * 1024)

/*
 * Arrival time for which video may be silent before what waits for it is
 * written, ms: a kill must not cost more than a second, of which the batch
 * may take half.  And a connection that sends nothing at all.
 */
#define NGX_RECORDING_HELD_VIDEO   400
#define NGX_RECORDING_HELD_SILENT  60000

/* as a stream time: all that is held */
#define NGX_RECORDING_HELD_ALL     INT64_MAX


typedef struct {
    ngx_recording_tracks_t *tracks;
    ngx_recording_batch_t   next;          /* stream time before the body */
    ngx_recording_batch_t   ahead;         /* the same */
    ngx_uint_t              version;       /* of the audio's header, of next */
    size_t                  limit;         /* of both, bytes */
} ngx_recording_held_t;


/*
 * Keeps a frame, at most h->limit bytes in all; what finds no room, or comes
 * while there is none on the disk, is dropped and counted.
 */
void ngx_recording_held_add(ngx_recording_held_t *h,
    ngx_recording_batch_t *held, ngx_recording_item_t *item);

/*
 * Drops what was held for a cut, if the audio's header has changed since: a
 * file has one header, and it would be the wrong one.
 */
void ngx_recording_held_stale(ngx_recording_held_t *h);

/* the stream time of a frame that is held, ms */
int64_t ngx_recording_held_time(ngx_recording_message_t *m);

/* forgets what is older than a stream time */
void ngx_recording_held_forget(ngx_recording_held_t *h, int64_t before);

/* writes what is older than a stream time to the files that are open now */
void ngx_recording_held_release_thread(ngx_recording_held_t *h,
    ngx_recording_batch_t *held, int64_t before);

/*
 * Whether audio waits now for video: what comes earlier than the video of its
 * time may belong to the file that the next key frame begins.  It does so only
 * while video comes, be it late: a camera that is off must not keep sound from
 * the disk.
 */
ngx_uint_t ngx_recording_held_waits(ngx_recording_held_t *h,
    ngx_recording_item_t *item);

/*
 * Writes what waited and is overtaken by a frame.  cut: new files have just
 * begun with it.
 */
void ngx_recording_held_overtaken_thread(ngx_recording_held_t *h,
    ngx_recording_item_t *item, ngx_uint_t cut);


#endif /* _NGX_RECORDING_HELD_H_INCLUDED_ */
