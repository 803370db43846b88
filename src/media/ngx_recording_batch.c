
#include "ngx_recording_batch.h"


static ngx_recording_block_t *ngx_recording_batch_block(
    ngx_recording_account_t *account, size_t need);


ngx_int_t
ngx_recording_batch_grow(ngx_recording_batch_t *batch,
    ngx_recording_account_t *account, size_t need)
{
    ngx_recording_block_t  *block;

    block = ngx_recording_batch_block(account, need);

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


/* most blocks are of one size, and whoever frees some needs them again soon */

static ngx_recording_block_t *
ngx_recording_batch_block(ngx_recording_account_t *account, size_t need)
{
    ngx_recording_block_t  *block;

    if (account == NULL || account->spare == NULL
        || need != NGX_RECORDING_BLOCK_HELD)
    {
        return malloc(need);
    }

    block = account->spare;

    account->spare = block->next;
    account->nspare--;

    return block;
}


void
ngx_recording_batch_release(ngx_recording_batch_t *batch,
    ngx_recording_account_t *account)
{
    ngx_recording_block_t  *block, *next;

    account->held -= batch->held;

    for (block = batch->first; block; block = next) {
        next = block->next;

        if (block->held != NGX_RECORDING_BLOCK_HELD
            || account->nspare == NGX_RECORDING_BLOCK_SPARE)
        {
            free(block);
            continue;
        }

        block->next = account->spare;

        account->spare = block;
        account->nspare++;
    }

    ngx_memzero(batch, sizeof(ngx_recording_batch_t));
}


void
ngx_recording_batch_spare(ngx_recording_account_t *account)
{
    ngx_recording_block_t  *block;

    while (account->spare) {
        block = account->spare;
        account->spare = block->next;

        free(block);
    }

    account->nspare = 0;
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
