
/*
 * The writer: makes files of the batches of one recording.
 *
 * Runs on pool threads, in one job at a time, and is owned by the recorder,
 * which creates it in the loop and frees it there when no job is under way.
 * It decides which file a frame belongs to: stream time, cuts at key frames,
 * changes of codecs and tracks.
 *
 *               first key frame           interval, change, jump, gap:
 *                                         at the next key frame
 *    waiting  ------------------->  open  ------------------------+
 *       |                             ^                           |
 *       | the stream ends             +---------------------------+
 *       v                             | the stream ends
 *     (no file)                       v
 *                                   closed: its files are to be finished
 */


#ifndef _NGX_RECORDING_WRITER_H_INCLUDED_
#define _NGX_RECORDING_WRITER_H_INCLUDED_


#include "ngx_recording_key.h"
#include "ngx_recording_order.h"
#include "ngx_recording_pause.h"
#include "ngx_recording_time.h"


typedef struct {
    ngx_recording_outputs_t  outputs;
    ngx_recording_tracks_t  tracks;
    ngx_recording_held_t    held;
    ngx_recording_key_t     key;
    ngx_recording_time_t    time;

    ngx_recording_change_t  change;        /* of the recording's row */
    ngx_recording_start_t   start;         /* of the recording */
    ngx_recording_leaves_t  leaves;        /* of one that was resumed */
    ngx_recording_end_t     ending;
    int64_t                 end;           /* us, when the stream was over */
    int64_t                 asked;         /* us, of that clock, since when it
                                              waits for another worker */
    int64_t                 resumes;       /* us, of that clock, since when it
                                              opens files that waited */
    int64_t                 elsewhere;     /* busy: no claim before this time */
    int64_t                 synced;        /* us, of the monotonic clock */
    int64_t                 waits;         /* us, until its files are
                                              finished */
    int64_t                 now;           /* us, set by the loop: all that
                                              came before is in the batch */

    ngx_recording_item_t    item;          /* where the writer stopped */
    uint8_t                 exclusive;     /* not if another worker has it */
    uint8_t                 busy;          /* another worker records it */
    uint8_t                 unsynced;      /* something came since */
    uint8_t                 stopped;       /* it is to go on with item */
    uint8_t                 chance;        /* files may be cut at item */
    uint8_t                 due;           /* and are */
    uint8_t                 all;           /* of all outputs */
    uint8_t                 ended;         /* all files are, but for rows */
} ngx_recording_writer_t;


/*
 * Loop: makes and frees one; what it points to must outlive it.  All jobs get
 * this order, of which order->limit is set.
 */
ngx_recording_writer_t *ngx_recording_writer_create(
    ngx_recording_order_t *order, ngx_recording_stream_t *stream,
    ngx_recording_template_t *template, ngx_recording_store_t *store,
    ngx_recording_changes_t *changes, ngx_uint_t exclusive);
void ngx_recording_writer_free(ngx_recording_writer_t *w);

/*
 * Thread: writes the order's batch from its cursor on.  At the end of the
 * stream all files end, or wait for it to be back.
 */
void ngx_recording_writer_run_thread(ngx_recording_writer_t *w,
    ngx_recording_order_t *order);

/*
 * Loop: after a job, hands over what it has asked of the catalogue; answered()
 * is called for each.  Returns how many there are.
 */
ngx_uint_t ngx_recording_writer_asks(ngx_recording_writer_t *w,
    void (*answered)(void *data), void *data);

/*
 * For the parts of the writer, in ngx_recording_writer_cut.c: new files begin
 * before this frame, all or those whose interval is over.
 *
 *   NGX_AGAIN  there is no answer of the catalogue yet, or it failed
 *   NGX_ERROR  there can be no file
 */
ngx_int_t ngx_recording_writer_cut(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor,
    ngx_uint_t all);

/* the next frame or header of a track, if it follows soon, or NULL */
ngx_recording_message_t *ngx_recording_writer_ahead(
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor,
    ngx_uint_t track);


#endif /* _NGX_RECORDING_WRITER_H_INCLUDED_ */
