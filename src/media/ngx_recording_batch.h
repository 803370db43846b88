
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


#define NGX_RECORDING_BLOCK        32768

/* blocks that a worker keeps for the next batches, at most: 2 MB */
#define NGX_RECORDING_BLOCK_SPARE  64


typedef struct {
    uint32_t                size;
    uint32_t                timestamp;  /* RTMP's */
    int32_t                 arrival;    /* ms after the batch's first */
    uint8_t                 track;
    uint8_t                 early;      /* a header from before the publish */
    uint8_t                 key;        /* the wait for a key frame is over:
                                           audio, or a recovery point */
    uint8_t                 broken;     /* the frame is cut short */
    ngx_recording_frame_t   frame;      /* as it was parsed, if whoever has
                                           added the message says it */
} ngx_recording_message_t;


typedef struct ngx_recording_block_s  ngx_recording_block_t;

struct ngx_recording_block_s {
    ngx_recording_block_t  *next;
    size_t                  held;       /* bytes of memory, with this */
    size_t                  used;       /* behind this */
};

/* the memory of one that is no larger than usual */
#define NGX_RECORDING_BLOCK_HELD  (sizeof(ngx_recording_block_t)              \
                                   + NGX_RECORDING_BLOCK)


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

/*
 * A block of so many bytes more, one that is spare if there is an account.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_recording_batch_grow(ngx_recording_batch_t *batch,
    ngx_recording_account_t *account, size_t need);

#define ngx_recording_message_body(m)  ((u_char *) ((m) + 1))
#define ngx_recording_message_of(body)                                       \
    ((ngx_recording_message_t *) (body) - 1)

/* adds a message for which there is room and returns its body, to be filled */
static ngx_inline u_char *
ngx_recording_batch_put(ngx_recording_batch_t *batch, ngx_uint_t track,
    uint32_t timestamp, int64_t wall, size_t size)
{
    ngx_recording_block_t    *block;
    ngx_recording_message_t  *m;

    if (batch->n++ == 0) {
        batch->wall = wall;
    }

    block = batch->last;

    m = (ngx_recording_message_t *) ((u_char *) (block + 1) + block->used);

    m->size = (uint32_t) size;
    m->timestamp = timestamp;
    m->arrival = (int32_t) ((wall - batch->wall) / 1000);
    m->track = (uint8_t) track;
    m->early = 0;
    m->key = 0;
    m->broken = 0;

    block->used += ngx_recording_message_size(size);
    batch->room -= ngx_recording_message_size(size);
    batch->size += size;

    return ngx_recording_message_body(m);
}

/* makes room for a message, too; NULL: no memory */
static ngx_inline u_char *
ngx_recording_batch_add(ngx_recording_batch_t *batch, ngx_uint_t track,
    uint32_t timestamp, int64_t wall, size_t size)
{
    size_t  need;

    need = ngx_recording_batch_need(batch, size);

    if (need && ngx_recording_batch_grow(batch, NULL, need) != NGX_OK) {
        return NULL;
    }

    return ngx_recording_batch_put(batch, track, timestamp, wall, size);
}

/* the bytes of a chain */
static ngx_inline size_t
ngx_recording_batch_size(ngx_chain_t *in)
{
    size_t  size;

    for (size = 0; in; in = in->next) {
        size += in->buf->last - in->buf->pos;
    }

    return size;
}

/* copies the first bytes of a chain, size at most; returns how many */
static ngx_inline size_t
ngx_recording_batch_fill(u_char *p, size_t size, ngx_chain_t *in)
{
    size_t   n;
    u_char  *start;

    for (start = p; in && size; in = in->next) {
        n = ngx_min((size_t) (in->buf->last - in->buf->pos), size);
        p = ngx_cpymem(p, in->buf->pos, n);
        size -= n;
    }

    return p - start;
}

/* moves the messages of another batch, but gaps, to the end of this one */
void ngx_recording_batch_move(ngx_recording_batch_t *batch,
    ngx_recording_batch_t *from);

/* frees the oldest messages, those of one block */
void ngx_recording_batch_shift(ngx_recording_batch_t *batch);

/* frees the messages; the batch is empty then */
void ngx_recording_batch_clear(ngx_recording_batch_t *batch);

/* in the loop, the same of ngx_recording_batch_add() and _clear() with memory
   that is counted in an account */

static ngx_inline u_char *
ngx_recording_batch_charge(ngx_recording_batch_t *batch,
    ngx_recording_account_t *account, ngx_uint_t track, uint32_t timestamp,
    int64_t wall, size_t size)
{
    size_t  need;

    need = ngx_recording_batch_need(batch, size);

    if (need) {
        if (ngx_recording_batch_grow(batch, account, need) != NGX_OK) {
            return NULL;
        }

        account->held += need;
    }

    return ngx_recording_batch_put(batch, track, timestamp, wall, size);
}

void ngx_recording_batch_release(ngx_recording_batch_t *batch,
    ngx_recording_account_t *account);

/* frees what an account has as spare */
void ngx_recording_batch_spare(ngx_recording_account_t *account);

/* the message at the cursor, and the cursor moved on; NULL at the end */
static ngx_inline ngx_recording_message_t *
ngx_recording_batch_next(ngx_recording_cursor_t *cursor)
{
    ngx_recording_message_t  *m;

    while (cursor->block && cursor->pos == cursor->block->used) {
        cursor->block = cursor->block->next;
        cursor->pos = 0;
    }

    if (cursor->block == NULL) {
        return NULL;
    }

    m = (ngx_recording_message_t *) ((u_char *) (cursor->block + 1)
                                     + cursor->pos);

    cursor->pos += ngx_recording_message_size(m->size);

    return m;
}

static ngx_inline ngx_recording_cursor_t
ngx_recording_batch_begin(ngx_recording_batch_t *batch)
{
    ngx_recording_cursor_t  cursor;

    cursor.block = batch->first;
    cursor.pos = 0;

    return cursor;
}


#endif /* _NGX_RECORDING_BATCH_H_INCLUDED_ */
