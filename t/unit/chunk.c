
/*
 * Chunks: what is written comes back as it was, from where it is asked for, and
 * what the disk has made of it is never taken for more than it is.
 */

#include "tap.h"
#include "store.h"
#include "ngx_recording_chunk.h"


#define V  NGX_RECORDING_VIDEO
#define A  NGX_RECORDING_AUDIO
#define D  NGX_RECORDING_DATA

#define CHUNK_BASE   1000000000LL   /* us, the store's clock */
#define CHUNK_STEP   40             /* ms */
#define CHUNK_GROUP  10             /* pictures to the next key frame */
#define CHUNK_LARGE  700000         /* bytes: more than is read at a time */
#define CHUNK_STAMP  0xffffff00u    /* timestamps go over the end */


typedef struct {
    ngx_uint_t              n;
    ngx_uint_t              early;
    ngx_uint_t              frames[2];
    ngx_uint_t              wrong;
    uint32_t                timestamp;     /* of the first picture */
    uint32_t                sound;         /* of the first sound */
    int64_t                 arrival;       /* us, of the first picture */
} chunk_seen_t;


static void chunk_round(void);
static void chunk_middle(void);
static void chunk_before(void);
static void chunk_fails(void);
static void chunk_damaged(void);
static void chunk_sweep(void);
static void chunk_mark(ngx_recording_chunk_t *chunk, uint64_t n,
    int64_t begin);
static void chunk_add(ngx_uint_t track, ngx_uint_t i, ngx_uint_t key,
    ngx_uint_t early, size_t size);
static void chunk_pictures(ngx_uint_t from, ngx_uint_t to);
static void chunk_write(void);
static void chunk_read(ngx_recording_chunk_t *chunk,
    ngx_recording_chunk_read_t *r, chunk_seen_t *seen);
static char *chunk_path(ngx_uint_t n, const char *owner);


static ngx_recording_store_t        store;
static ngx_recording_chunk_order_t  order;
static ngx_recording_chunk_t        one, two;


int
main(void)
{
    store_make(&store);

    order.store = &store;
    order.ring = 7;

    chunk_round();
    chunk_middle();
    chunk_before();
    chunk_fails();
    chunk_damaged();
    chunk_sweep();

    store_remove(&store);

    return tap_done();
}


/* two chunks by three jobs; a tag that is larger than a piece */

static void
chunk_round(void)
{
    chunk_seen_t                seen;
    ngx_recording_chunk_read_t  r;

    chunk_mark(&one, 0, CHUNK_BASE);
    chunk_add(V, 0, 0, 1, 40);
    chunk_add(A, 0, 0, 1, 10);
    chunk_add(D, 0, 0, 1, 100);
    chunk_pictures(0, 200);
    chunk_write();

    is(order.op == NULL, 1, "nothing failed");
    is(one.grown.frames[V], 200, "pictures");
    is(one.grown.frames[A], 200, "sounds");

    chunk_pictures(200, 250);
    chunk_mark(&two, 1, CHUNK_BASE + 250 * CHUNK_STEP * 1000);
    chunk_add(V, 0, 0, 1, 40);
    chunk_pictures(250, 260);
    chunk_add(V, 260, 1, 0, CHUNK_LARGE);
    chunk_write();

    chunk_pictures(261, 270);
    chunk_write();

    is(one.grown.frames[V], 250, "the first one goes on");
    is(two.grown.frames[V], 20, "and the other one is another one");
    is(one.grown.head, 13 + (15 + 40) + (15 + 10) + (15 + 100), "its head");

    ngx_memzero(&r, sizeof(r));
    r.pos = NGX_RECORDING_CHUNK_FIRST;
    chunk_read(&one, &r, &seen);

    is(seen.early, 3, "headers are told from frames");
    is(seen.frames[V], 250, "all pictures come back");
    is(seen.frames[A], 250, "and sounds");
    is(seen.wrong, 0, "as they were");
    is(seen.timestamp, CHUNK_STAMP, "from the first one");
    is(seen.arrival, CHUNK_BASE, "when it came");

    ngx_memzero(&r, sizeof(r));
    r.pos = two.grown.head;
    chunk_read(&two, &r, &seen);

    is(seen.early, 0, "without its head");
    is(seen.n, 39, "what is left of the second one");
    is(seen.wrong, 0, "a large one, too");
}


/* the last key frame that had come by then, and sound that belongs behind it */

static void
chunk_middle(void)
{
    chunk_seen_t                seen;
    ngx_recording_chunk_read_t  r;

    ngx_memzero(&r, sizeof(r));
    r.pos = NGX_RECORDING_CHUNK_FIRST;
    r.start = CHUNK_BASE + 57 * CHUNK_STEP * 1000;
    chunk_read(&one, &r, &seen);

    is(seen.timestamp, (uint32_t) (CHUNK_STAMP + 50 * CHUNK_STEP),
       "the key frame before");
    is(seen.sound, (uint32_t) (CHUNK_STAMP + 50 * CHUNK_STEP), "and its sound");
    is(seen.early, 3, "behind the headers");
    is(seen.frames[V], 200, "all that follows");
    is(r.frames[V], 250, "what was left out was read");

    ngx_memzero(&r, sizeof(r));
    r.pos = NGX_RECORDING_CHUNK_FIRST;
    r.start = CHUNK_BASE - 1;
    chunk_read(&one, &r, &seen);

    is(seen.frames[V], 250, "before the first one: all");
}


/* sound at the end of a chunk that belongs behind the next one's key frame */

static void
chunk_before(void)
{
    chunk_seen_t                seen;
    ngx_recording_chunk_read_t  r;

    ngx_memzero(&r, sizeof(r));
    r.pos = NGX_RECORDING_CHUNK_FIRST;
    r.key = NGX_MAX_OFF_T_VALUE;
    r.timestamp = (uint32_t) (CHUNK_STAMP + 247 * CHUNK_STEP);
    chunk_read(&one, &r, &seen);

    is(seen.frames[V], 0, "no picture");
    is(seen.frames[A], 3, "sound from then on");
    is(seen.early, 3, "and the headers");
}


/* what cannot be written is counted, and nothing else is behind it */

static void
chunk_fails(void)
{
    FILE                  *f;
    ngx_recording_chunk_t  three;

    f = fopen(chunk_path(2, store.owner), "w");
    fclose(f);

    chunk_mark(&three, 2, CHUNK_BASE);
    chunk_add(V, 0, 0, 1, 40);
    chunk_pictures(0, 5);
    chunk_write();

    ok(order.op != NULL && order.err == EEXIST, "a chunk is never another's");
    is(three.failed, 1, "it failed");
    is(three.grown.unwritten[V], 5, "its pictures are counted");
    is(three.grown.unwritten[A], 5, "and its sounds");

    chunk_pictures(5, 8);
    chunk_write();

    is(three.grown.unwritten[V], 8, "and those behind them");
    is(three.grown.size, 0, "nothing is there");

    order.remove = 2;
    order.until = 3;
    chunk_write();

    is(access(chunk_path(2, store.owner), F_OK), -1, "one is removed");
    is(access(chunk_path(1, store.owner), F_OK), 0, "not the one before");
    is(order.stuck, 0, "without complaint");
}


/* bytes that are no tags, in any place */

static void
chunk_damaged(void)
{
    FILE                       *f;
    ngx_uint_t                  i, failed;
    chunk_seen_t                seen;
    ngx_recording_chunk_read_t  r;

    for (failed = 0, i = 0; i < 40; i++) {
        f = fopen(chunk_path(0, store.owner), "r+");
        (void) fseek(f, 13 + 97 * i, SEEK_SET);
        (void) fputc(0xff, f);
        (void) fputc(0xff, f);
        fclose(f);

        ngx_memzero(&r, sizeof(r));
        r.pos = NGX_RECORDING_CHUNK_FIRST;
        r.start = i % 2 ? CHUNK_BASE + 1000000 : 0;
        chunk_read(&one, &r, &seen);

        failed += r.err != 0;
    }

    ok(failed > 0, "%lu times it cannot be read", (unsigned long) failed);

    is(truncate(chunk_path(1, store.owner), 1000), 0, "one is cut");

    ngx_memzero(&r, sizeof(r));
    r.pos = two.grown.head;
    chunk_read(&two, &r, &seen);

    is(r.err, EIO, "it cannot be read");
}


/* chunks of the dead go */

static void
chunk_sweep(void)
{
    FILE        *f;
    ngx_uint_t   i;

    static const char  *others[] = {
        "worker.1.1", "worker.1.2", "worker", "nobody", ""
    };

    for (i = 0; i < 5; i++) {
        f = fopen(chunk_path(0, others[i]), "w");
        fclose(f);
    }

    ngx_recording_chunk_sweep_thread(&store);

    is(access(chunk_path(0, store.owner), F_OK), 0, "its own stays");

    for (i = 0; i < 5; i++) {
        is(access(chunk_path(0, others[i]), F_OK), i < 2 ? -1 : 0,
           "that of \"%s\"", others[i]);
    }
}


static void
chunk_mark(ngx_recording_chunk_t *chunk, uint64_t n, int64_t begin)
{
    u_char  *p;

    ngx_memzero(chunk, sizeof(ngx_recording_chunk_t));

    chunk->n = n;
    chunk->begin = begin;

    p = ngx_recording_batch_add(&order.batch, NGX_RECORDING_GAP, 0, begin,
                                sizeof(chunk));

    ngx_memcpy(p, &chunk, sizeof(chunk));
}


/* the message of number i: what it has tells which it is */

static void
chunk_add(ngx_uint_t track, ngx_uint_t i, ngx_uint_t key, ngx_uint_t early,
    size_t size)
{
    u_char  *p;

    p = ngx_recording_batch_add(&order.batch, track,
                        (uint32_t) (CHUNK_STAMP + i * CHUNK_STEP),
                        CHUNK_BASE + (int64_t) i * CHUNK_STEP * 1000, size);

    ngx_memset(p, (int) (i & 0xff), size);

    if (track == V) {
        p[0] = key ? 0x17 : 0x27;
        p[1] = early ? 0 : 1;

    } else if (track == A) {
        p[0] = 0xaf;
        p[1] = early ? 0 : 1;
    }

    ngx_recording_message_of(p)->key = (key != 0);
    ngx_recording_message_of(p)->early = (early != 0);
}


static void
chunk_pictures(ngx_uint_t from, ngx_uint_t to)
{
    for ( /* void */ ; from < to; from++) {
        chunk_add(V, from, from % CHUNK_GROUP == 0, 0, 100 + from);
        chunk_add(A, from, 0, 0, 30);
    }
}


static void
chunk_write(void)
{
    ngx_recording_chunk_write_thread(&order);
    ngx_recording_batch_clear(&order.batch);
}


static void
chunk_read(ngx_recording_chunk_t *chunk, ngx_recording_chunk_read_t *r,
    chunk_seen_t *seen)
{
    u_char                   *p;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    ngx_memzero(seen, sizeof(chunk_seen_t));

    r->store = &store;
    r->ring = order.ring;
    r->n = chunk->n;
    r->begin = chunk->begin;
    r->head = chunk->grown.head;
    r->end = chunk->grown.size;

    do {
        ngx_recording_chunk_read_thread(r);

        c = ngx_recording_batch_begin(&r->batch);

        while ((m = ngx_recording_batch_next(&c)) != NULL) {
            p = ngx_recording_message_body(m);
            seen->n++;

            if (m->early) {
                seen->early++;
                continue;
            }

            if (seen->frames[m->track]++ == 0) {
                if (m->track == V) {
                    seen->timestamp = m->timestamp;
                    seen->arrival = r->batch.wall + m->arrival * 1000LL;

                } else {
                    seen->sound = m->timestamp;
                }
            }

            seen->wrong += p[m->size - 1]
                           != (u_char) ((m->timestamp - CHUNK_STAMP)
                                        / CHUNK_STEP);
        }

        ngx_recording_batch_clear(&r->batch);

    } while (r->err == 0 && r->pos < r->end);
}


static char *
chunk_path(ngx_uint_t n, const char *owner)
{
    static char  path[256];

    (void) snprintf(path, sizeof(path), "%s/work/rewind.7.%lu.%s", store.path,
                    (unsigned long) n, owner);

    return path;
}
