
/*
 * A batch: messages copied once from the event loop, to be written by one
 * job on a pool thread.
 *
 * Filled in the loop, read on a thread, freed in the loop; never at once.
 * The bodies of the messages are contiguous.
 */


#ifndef _NGX_RECORDING_BATCH_H_INCLUDED_
#define _NGX_RECORDING_BATCH_H_INCLUDED_


#include "ngx_recording_account.h"
#include "ngx_recording_frame.h"


#define NGX_RECORDING_BLOCK  32768


typedef struct {
    uint32_t                size;
    uint32_t                timestamp;  /* RTMP's */
    int32_t                 arrival;    /* ms after the batch's first */
    uint8_t                 track;
    uint8_t                 early;      /* a header from before the publish */
    uint8_t                 key;        /* the wait for a key frame is over:
                                           audio, or a recovery point */
} ngx_recording_message_t;


typedef struct ngx_recording_block_s  ngx_recording_block_t;

struct ngx_recording_block_s {
    ngx_recording_block_t  *next;
    size_t                  held;       /* bytes of memory, with this */
    size_t                  used;       /* behind this */
};


typedef struct {
    ngx_recording_block_t  *first;
    ngx_recording_block_t  *last;
    size_t                  room;       /* bytes left in the last block */
    int64_t                 wall;       /* us, arrival of the first message,
                                           by the store's clock */
    size_t                  size;       /* of all bodies */
    size_t                  held;       /* bytes of memory */
    ngx_uint_t              n;
    ngx_uint_t              tight;      /* blocks no larger than messages:
                                           for few that stay for long */
} ngx_recording_batch_t;


typedef struct {
    ngx_recording_block_t  *block;
    size_t                  pos;
} ngx_recording_cursor_t;


/* the bytes of a block that a message with a body of this size has */
static ngx_inline size_t
ngx_recording_message_size(size_t size)
{
    return ngx_align(sizeof(ngx_recording_message_t) + size, 8);
}

/* the memory that one more message of this size would take */
static ngx_inline size_t
ngx_recording_batch_need(ngx_recording_batch_t *batch, size_t size)
{
    size = ngx_recording_message_size(size);

    if (batch->room >= size) {
        return 0;
    }

    if (!batch->tight) {
        size = ngx_max(size, (size_t) NGX_RECORDING_BLOCK);
    }

    return sizeof(ngx_recording_block_t) + size;
}

/* adds a message and returns its body, to be filled, or NULL: no memory */
u_char *ngx_recording_batch_add(ngx_recording_batch_t *batch,
    ngx_uint_t track, uint32_t timestamp, int64_t wall, size_t size);

/* the bytes of a chain */
size_t ngx_recording_batch_size(ngx_chain_t *in);

/* copies the first bytes of a chain, size at most; returns how many */
size_t ngx_recording_batch_fill(u_char *p, size_t size, ngx_chain_t *in);

/* moves the messages of another batch, but gaps, to the end of this one */
void ngx_recording_batch_move(ngx_recording_batch_t *batch,
    ngx_recording_batch_t *from);

/* frees the oldest messages, those of one block */
void ngx_recording_batch_shift(ngx_recording_batch_t *batch);

/* frees the messages; the batch is empty then */
void ngx_recording_batch_clear(ngx_recording_batch_t *batch);

/* as ngx_recording_batch_add() and _clear(), the memory counted in an
   account */

static ngx_inline u_char *
ngx_recording_batch_charge(ngx_recording_batch_t *batch,
    ngx_recording_account_t *account, ngx_uint_t track, uint32_t timestamp,
    int64_t wall, size_t size)
{
    size_t   held;
    u_char  *p;

    held = batch->held;

    p = ngx_recording_batch_add(batch, track, timestamp, wall, size);

    account->held += batch->held - held;

    return p;
}

static ngx_inline void
ngx_recording_batch_release(ngx_recording_batch_t *batch,
    ngx_recording_account_t *account)
{
    account->held -= batch->held;

    ngx_recording_batch_clear(batch);
}

/* the message at the cursor, and the cursor moved on; NULL at the end */
ngx_recording_message_t *ngx_recording_batch_next(
    ngx_recording_cursor_t *cursor);

static ngx_inline ngx_recording_cursor_t
ngx_recording_batch_begin(ngx_recording_batch_t *batch)
{
    ngx_recording_cursor_t  cursor;

    cursor.block = batch->first;
    cursor.pos = 0;

    return cursor;
}

#define ngx_recording_message_body(m)  ((u_char *) ((m) + 1))
#define ngx_recording_message_of(body)                                       \
    ((ngx_recording_message_t *) (body) - 1)


#endif /* _NGX_RECORDING_BATCH_H_INCLUDED_ */
