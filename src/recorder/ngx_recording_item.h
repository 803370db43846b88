
/*
 * A frame on its way to the files, and the times by which tracks are
 * measured.
 *
 * Pure; an item belongs to the writer's job, its bytes to a batch.
 */


#ifndef _NGX_RECORDING_ITEM_H_INCLUDED_
#define _NGX_RECORDING_ITEM_H_INCLUDED_


#include "ngx_recording_batch.h"


/* a track of which nothing came for so long is off, ms */
#define NGX_RECORDING_HELD_TIME  10000

/* stream time by which a track may lag behind the other one, ms */
#define NGX_RECORDING_LAG  5000


typedef struct {
    ngx_recording_message_t  *message;
    u_char                   *data;
    ngx_recording_frame_t     frame;
    int64_t                   time;            /* stream time, ms */
    int64_t                   wall;            /* us */
    uint8_t                   overtaken;       /* sound that waited: pictures
                                                  came after it */
} ngx_recording_item_t;


#endif /* _NGX_RECORDING_ITEM_H_INCLUDED_ */
