
#include "ngx_recording_batch.h"


u_char *
ngx_recording_batch_add(ngx_recording_batch_t *batch, ngx_uint_t track,
    uint32_t timestamp, int64_t wall, size_t size)
{
    size_t                    need;
    ngx_recording_block_t    *block;
    ngx_recording_message_t  *m;

    need = ngx_recording_batch_need(batch, size);

    if (need) {
        block = malloc(need);

        if (block == NULL) {
            return NULL;
        }

        block->next = NULL;
        block->held = need;
        block->used = 0;

        if (batch->last) {
            batch->last->next = block;

        } else {
            batch->first = block;
        }

        batch->last = block;
        batch->room = need - sizeof(ngx_recording_block_t);
        batch->held += need;
    }

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

    block->used += ngx_recording_message_size(size);
    batch->room -= ngx_recording_message_size(size);
    batch->size += size;

    return ngx_recording_message_body(m);
}


size_t
ngx_recording_batch_size(ngx_chain_t *in)
{
    size_t  size;

    for (size = 0; in; in = in->next) {
        size += in->buf->last - in->buf->pos;
    }

    return size;
}


size_t
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


void
ngx_recording_batch_move(ngx_recording_batch_t *batch,
    ngx_recording_batch_t *from)
{
    u_char                   *p;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    c = ngx_recording_batch_begin(from);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        if (m->track == NGX_RECORDING_GAP) {
            continue;
        }

        p = ngx_recording_batch_add(batch, m->track, m->timestamp,
                                    from->wall + (int64_t) m->arrival * 1000,
                                    m->size);
        if (p == NULL) {
            break;
        }

        ngx_memcpy(p, ngx_recording_message_body(m), m->size);
        ngx_recording_message_of(p)->early = m->early;
        ngx_recording_message_of(p)->key = m->key;
    }

    ngx_recording_batch_clear(from);
}


void
ngx_recording_batch_shift(ngx_recording_batch_t *batch)
{
    ngx_recording_block_t    *block;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    block = batch->first;

    if (block == batch->last) {
        ngx_recording_batch_clear(batch);
        return;
    }

    c = ngx_recording_batch_begin(batch);

    while (c.block == block && c.pos < block->used) {
        m = ngx_recording_batch_next(&c);

        batch->size -= m->size;
        batch->n--;
    }

    /* the arrival of what stays still counts from batch->wall */

    batch->held -= block->held;
    batch->first = block->next;

    free(block);
}


void
ngx_recording_batch_clear(ngx_recording_batch_t *batch)
{
    ngx_recording_block_t  *block, *next;

    for (block = batch->first; block; block = next) {
        next = block->next;
        free(block);
    }

    ngx_memzero(batch, sizeof(ngx_recording_batch_t));
}


ngx_recording_message_t *
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
