
#include "ngx_recording_batch.h"


ngx_int_t
ngx_recording_batch_grow(ngx_recording_batch_t *batch, size_t need)
{
    ngx_recording_block_t  *block;

    block = malloc(need);

    if (block == NULL) {
        return NGX_ERROR;
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

    return NGX_OK;
}


void
ngx_recording_batch_move(ngx_recording_batch_t *batch,
    ngx_recording_batch_t *from)
{
    u_char                   *p;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m, *to;

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

        to = ngx_recording_message_of(p);

        to->early = m->early;
        to->key = m->key;
        to->broken = m->broken;
        to->frame = m->frame;
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
