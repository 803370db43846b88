
/* Batches: messages of any size, in order, whole, and the memory's account. */


#include "tap.h"
#include "ngx_recording_batch.h"


static void batch_empty(void);
static void batch_sizes(void);
static void batch_fields(void);
static void batch_need(void);
static void batch_ahead(void);
static void batch_shift(void);
static void batch_tight(void);
static void batch_spare(void);
static void batch_fill(u_char *p, size_t size, ngx_uint_t seed);
static ngx_uint_t batch_filled(u_char *p, size_t size, ngx_uint_t seed);


static const size_t  batch_size[] = {
    0, 1, 7, 8, 9, 100, 16384, 32767, 32768, 32769, 1, 0, 65536, 5,
    4 * 1024 * 1024 + 3, 2, 300, 300, 300, 16 * 1024 * 1024
};

#define BATCH_N  (sizeof(batch_size) / sizeof(batch_size[0]))


int
main(void)
{
    batch_empty();
    batch_sizes();
    batch_fields();
    batch_need();
    batch_ahead();
    batch_shift();
    batch_tight();
    batch_spare();

    return tap_done();
}


static void
batch_empty(void)
{
    ngx_recording_batch_t   batch;
    ngx_recording_cursor_t  cursor;

    ngx_memzero(&batch, sizeof(ngx_recording_batch_t));

    cursor = ngx_recording_batch_begin(&batch);

    ok(ngx_recording_batch_next(&cursor) == NULL, "an empty batch");
    ok(ngx_recording_batch_next(&cursor) == NULL, "and again");

    ngx_recording_batch_clear(&batch);

    ok(batch.first == NULL && batch.n == 0 && batch.held == 0,
       "cleared without anything in it");
}


/* large and small messages, one after the other, three times */

static void
batch_sizes(void)
{
    u_char                   *p;
    size_t                    total;
    ngx_uint_t                i, wrong;
    ngx_recording_batch_t     batch;
    ngx_recording_cursor_t    cursor;
    ngx_recording_message_t  *m;

    ngx_memzero(&batch, sizeof(ngx_recording_batch_t));

    for (total = 0, i = 0; i < 3 * BATCH_N; i++) {
        p = ngx_recording_batch_add(&batch, i % 3, (uint32_t) i, 1000000,
                                    batch_size[i % BATCH_N]);
        if (p == NULL) {
            break;
        }

        batch_fill(p, batch_size[i % BATCH_N], i);
        total += batch_size[i % BATCH_N];
    }

    is(batch.n, 3 * BATCH_N, "messages");
    is(batch.size, total, "bytes in them");
    ok(batch.held > total && batch.held < total + total / 4 + 65536,
       "memory held");

    cursor = ngx_recording_batch_begin(&batch);

    for (wrong = 0, i = 0;
         (m = ngx_recording_batch_next(&cursor)) != NULL;
         i++)
    {
        p = ngx_recording_message_body(m);

        wrong += m->size != batch_size[i % BATCH_N]
                 || m->track != i % 3
                 || m->timestamp != i
                 || ngx_recording_message_of(p) != m
                 || (uintptr_t) p % 4 != 0
                 || !batch_filled(p, m->size, i);
    }

    is(i, 3 * BATCH_N, "messages read");
    is(wrong, 0, "as they were written");

    ngx_recording_batch_clear(&batch);

    ok(batch.first == NULL && batch.last == NULL && batch.n == 0
       && batch.size == 0 && batch.held == 0, "cleared");

    /* a batch that was cleared can be filled again */

    p = ngx_recording_batch_add(&batch, 0, 7, 1, 4);

    ok(p != NULL && batch.n == 1 && batch.size == 4, "used again");

    ngx_recording_batch_clear(&batch);
}


static void
batch_fields(void)
{
    u_char                   *p;
    ngx_recording_batch_t     batch;
    ngx_recording_cursor_t    cursor;
    ngx_recording_message_t  *m;

    ngx_memzero(&batch, sizeof(ngx_recording_batch_t));

    (void) ngx_recording_batch_add(&batch, NGX_RECORDING_AUDIO, 0xffffffff,
                                   5000000, 1);
    p = ngx_recording_batch_add(&batch, NGX_RECORDING_VIDEO, 0, 5000000, 1);

    if (p) {
        ngx_recording_message_of(p)->early = 1;
    }

    (void) ngx_recording_batch_add(&batch, NGX_RECORDING_DATA, 1, 5499999, 1);

    is(batch.wall, 5000000, "arrival of the first message");

    cursor = ngx_recording_batch_begin(&batch);

    m = ngx_recording_batch_next(&cursor);
    ok(m && m->timestamp == 0xffffffff && m->arrival == 0 && !m->early
       && m->track == NGX_RECORDING_AUDIO, "the first");

    m = ngx_recording_batch_next(&cursor);
    ok(m && m->timestamp == 0 && m->arrival == 0 && m->early
       && m->track == NGX_RECORDING_VIDEO, "the second, early");

    m = ngx_recording_batch_next(&cursor);
    ok(m && m->timestamp == 1 && m->arrival == 499 && !m->early
       && m->track == NGX_RECORDING_DATA, "the third, 499 ms later");

    ngx_recording_batch_clear(&batch);
}


/* what a message needs is what it takes */

static void
batch_need(void)
{
    size_t                 held, need;
    ngx_uint_t             i, wrong, nothing;
    ngx_recording_batch_t  batch;

    ngx_memzero(&batch, sizeof(ngx_recording_batch_t));

    wrong = 0;
    nothing = 0;

    for (i = 0; i < 1000; i++) {
        held = batch.held;
        need = ngx_recording_batch_need(&batch, i * 37 % 3000);

        (void) ngx_recording_batch_add(&batch, 0, 0, 0, i * 37 % 3000);

        wrong += batch.held - held != need;
        nothing += need == 0;
    }

    is(wrong, 0, "needed and taken are the same");
    ok(nothing > 900, "most messages need no memory of their own");

    ngx_recording_batch_clear(&batch);
}


/* a copy of a cursor looks ahead, the cursor stays */

static void
batch_ahead(void)
{
    ngx_uint_t                i, n;
    ngx_recording_batch_t     batch;
    ngx_recording_cursor_t    cursor, ahead;
    ngx_recording_message_t  *m;

    ngx_memzero(&batch, sizeof(ngx_recording_batch_t));

    for (i = 0; i < 100; i++) {
        (void) ngx_recording_batch_add(&batch, 0, (uint32_t) i, 0, 1000);
    }

    cursor = ngx_recording_batch_begin(&batch);

    for (i = 0; i < 50; i++) {
        (void) ngx_recording_batch_next(&cursor);
    }

    ahead = cursor;

    for (n = 0; ngx_recording_batch_next(&ahead); n++) { /* void */ }

    is(n, 50, "what is ahead");

    m = ngx_recording_batch_next(&cursor);

    ok(m && m->timestamp == 50, "the cursor stayed");

    ngx_recording_batch_clear(&batch);
}


static void
batch_fill(u_char *p, size_t size, ngx_uint_t seed)
{
    if (size) {
        ngx_memset(p, (int) (seed * 7), size);
        p[size - 1] = (u_char) ~(seed * 7);
    }
}


static ngx_uint_t
batch_filled(u_char *p, size_t size, ngx_uint_t seed)
{
    return size == 0
           || (p[size - 1] == (u_char) ~(seed * 7)
               && (size == 1 || (p[0] == (u_char) (seed * 7)
                                 && memcmp(p, p + 1, size - 2) == 0)));
}


/* the oldest go, block by block; what stays is whole, and so is the account */

static void
batch_shift(void)
{
    u_char                   *p;
    size_t                    held, size;
    ngx_uint_t                i, n, wrong;
    ngx_recording_batch_t     batch;
    ngx_recording_cursor_t    cursor;
    ngx_recording_message_t  *m;

    ngx_memzero(&batch, sizeof(ngx_recording_batch_t));

    for (i = 0; i < 100; i++) {
        p = ngx_recording_batch_add(&batch, 1, (uint32_t) i,
                                    (int64_t) i * 1000,
                                    i == 50 ? 100000 : 3000);
        if (p == NULL) {
            break;
        }

        batch_fill(p, 3000, i);
    }

    for (wrong = 0; batch.n; ) {
        held = batch.held;
        n = batch.n;

        ngx_recording_batch_shift(&batch);

        wrong += batch.n >= n || batch.held >= held;

        cursor = ngx_recording_batch_begin(&batch);

        for (size = 0, i = 100 - batch.n;
             (m = ngx_recording_batch_next(&cursor)) != NULL;
             i++)
        {
            size += m->size;

            wrong += m->timestamp != i || m->arrival != (int32_t) i
                     || !batch_filled(ngx_recording_message_body(m), 3000, i);
        }

        wrong += i != 100 || size != batch.size;
    }

    is(wrong, 0, "shifted, block by block");
    ok(batch.held == 0 && batch.size == 0 && batch.first == NULL,
       "nothing is left in the end");
}


static void
batch_tight(void)
{
    ngx_recording_batch_t  batch;

    ngx_memzero(&batch, sizeof(ngx_recording_batch_t));
    batch.tight = 1;

    ok(ngx_recording_batch_add(&batch, 0, 0, 0, 50) != NULL, "a small one");
    ok(batch.held < 200, "takes little memory");

    ngx_recording_batch_clear(&batch);
}


/* blocks of batches that are gone serve the next ones, up to a number */

static void
batch_spare(void)
{
    u_char                   *first, *p;
    ngx_uint_t                i;
    ngx_recording_batch_t     batch;
    ngx_recording_account_t   account;

    ngx_memzero(&batch, sizeof(ngx_recording_batch_t));
    ngx_memzero(&account, sizeof(ngx_recording_account_t));

    first = ngx_recording_batch_charge(&batch, &account, 0, 0, 0, 100);

    ok(first && account.held == batch.held && account.nspare == 0,
       "a block is in the account");

    ngx_recording_batch_release(&batch, &account);

    ok(account.held == 0 && account.nspare == 1 && batch.n == 0,
       "released it is spare, and not in the account");

    p = ngx_recording_batch_charge(&batch, &account, 0, 0, 0, 100);

    ok(p == first && account.held == batch.held && account.nspare == 0,
       "the next batch has it");

    (void) ngx_recording_batch_charge(&batch, &account, 0, 0, 0, 40000);
    ngx_recording_batch_release(&batch, &account);

    is(account.nspare, 1, "one for a large message is not kept");

    for (i = 0; i < NGX_RECORDING_BLOCK_SPARE + 10; i++) {
        (void) ngx_recording_batch_charge(&batch, &account, 0, 0, 0, 20000);
    }

    ngx_recording_batch_release(&batch, &account);

    ok(account.held == 0 && account.nspare == NGX_RECORDING_BLOCK_SPARE,
       "no more than so many are");

    ngx_recording_batch_spare(&account);

    ok(account.spare == NULL && account.nspare == 0, "nor for ever");
}
