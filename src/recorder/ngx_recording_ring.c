
#include "ngx_recording_ring.h"
#include "ngx_recording_text.h"
#include "ngx_recording_unit.h"


#define NGX_RECORDING_RING_TIME    500             /* ms, of a batch */
#define NGX_RECORDING_RING_TICK    100             /* ms */
#define NGX_RECORDING_RING_CHUNK   10000000        /* us, at a key frame */
#define NGX_RECORDING_RING_MOST    60000000        /* us, of a chunk */
#define NGX_RECORDING_RING_LATE    2000000         /* us, until a task that was
                                                      just ordered is known */
#define NGX_RECORDING_RING_META    65536


static u_char *ngx_recording_ring_log(ngx_log_t *log, u_char *buf,
    size_t len);
static ngx_uint_t ngx_recording_ring_look(ngx_recording_ring_t *ring,
    ngx_uint_t track, ngx_chain_t *in, ngx_uint_t *header);
static ngx_uint_t ngx_recording_ring_recovers(ngx_recording_ring_t *ring,
    ngx_recording_frame_t *f);
static ngx_uint_t ngx_recording_ring_due(ngx_recording_ring_t *ring,
    ngx_uint_t key);
static void ngx_recording_ring_keep(ngx_recording_ring_t *ring,
    ngx_uint_t track, uint32_t timestamp, ngx_chain_t *in);
static ngx_int_t ngx_recording_ring_begin(ngx_recording_ring_t *ring,
    uint32_t timestamp, ngx_uint_t key, size_t size);
static ngx_int_t ngx_recording_ring_head(ngx_recording_ring_t *ring,
    ngx_recording_chunk_t *chunk);
static ngx_uint_t ngx_recording_ring_room(ngx_recording_ring_t *ring,
    size_t size, ngx_uint_t half);
static u_char *ngx_recording_ring_add(ngx_recording_ring_t *ring,
    ngx_recording_batch_t *batch, ngx_uint_t track, uint32_t timestamp,
    size_t size);
static void ngx_recording_ring_drop(ngx_recording_ring_t *ring,
    ngx_uint_t track, const char *why);
static ngx_recording_chunk_t *ngx_recording_ring_last(
    ngx_recording_ring_t *ring);
static void ngx_recording_ring_timer(ngx_event_t *ev);
static void ngx_recording_ring_age(ngx_recording_ring_t *ring);
static void ngx_recording_ring_thread(void *data);
static void ngx_recording_ring_done(void *data);
static void ngx_recording_ring_known(ngx_recording_ring_t *ring);
static void ngx_recording_ring_fold(ngx_recording_ring_t *ring,
    ngx_recording_chunk_t *chunk);
static void ngx_recording_ring_say(ngx_recording_ring_t *ring);
static void ngx_recording_ring_end(ngx_recording_ring_t *ring);
static void ngx_recording_ring_free(ngx_recording_ring_t *ring);


ngx_recording_ring_t *
ngx_recording_ring_create(ngx_recording_worker_t *worker,
    ngx_recording_stream_t *stream, ngx_msec_t keep)
{
    char                   text[NGX_RECORDING_TEXT + 4];
    ngx_str_t              name;
    ngx_pool_t            *pool;
    ngx_recording_ring_t  *ring;

    pool = ngx_create_pool(2048, worker->log);

    if (pool == NULL) {
        return NULL;
    }

    ring = ngx_pcalloc(pool, sizeof(ngx_recording_ring_t));

    ngx_recording_text(text, stream->name.data, stream->name.len);
    name.data = (u_char *) text;
    name.len = ngx_strlen(text);

    if (ring) {
        ring->name.data = ngx_pstrdup(pool, &name);
        ring->name.len = name.len;
        ring->app.data = ngx_pstrdup(pool, &stream->app);
        ring->app.len = stream->app.len;
    }

    if (ring == NULL || ring->name.data == NULL || ring->app.data == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ring->pool = pool;
    ring->worker = worker;
    ring->keep = (int64_t) keep * 1000;
    ring->length = 4;

    /* no file has such an id */

    ring->id = (uint64_t) 1 << 63 | (uint64_t) ngx_pid << 32
               | (uint32_t) worker->store.rings++;

    ngx_queue_init(&ring->chunks);
    ngx_queue_init(&ring->replays);

    ring->log = *worker->log;
    ring->log.handler = ngx_recording_ring_log;
    ring->log.data = ring;
    ring->log.action = NULL;

    ring->order.store = &worker->store;
    ring->order.ring = ring->id;

    ngx_recording_job_init(&ring->job, &worker->jobs,
                           ngx_recording_ring_thread, ngx_recording_ring_done,
                           ring);

    ring->timer.handler = ngx_recording_ring_timer;
    ring->timer.data = ring;
    ring->timer.log = &ring->log;
    ring->timer.cancelable = 1;

    ngx_add_timer(&ring->timer, NGX_RECORDING_RING_TIME);

    return ring;
}


static u_char *
ngx_recording_ring_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_recording_ring_t  *ring;

    ring = log->data;

    return ngx_snprintf(buf, len, ", stream: \"%V/%V\"", &ring->app,
                        &ring->name);
}


int64_t
ngx_recording_ring_now(ngx_recording_ring_t *ring)
{
    return ring->came ? ring->came
                      : (int64_t) ngx_current_msec * 1000
                        + ring->worker->store.base;
}


void
ngx_recording_ring_seed(ngx_recording_ring_t *ring, ngx_uint_t track,
    ngx_chain_t *in)
{
    ngx_uint_t  header;

    (void) ngx_recording_ring_look(ring, track, in, &header);

    if (header) {
        ngx_recording_ring_keep(ring, track, 0, in);
    }
}


void
ngx_recording_ring_message(ngx_recording_ring_t *ring, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in)
{
    size_t                  size;
    u_char                 *p;
    ngx_uint_t              key, header;
    ngx_recording_chunk_t  *chunk;

    size = ngx_recording_batch_size(in);
    key = 0;
    header = 1;

    if (track != NGX_RECORDING_DATA) {
        key = ngx_recording_ring_look(ring, track, in, &header);
    }

    if (ngx_recording_ring_due(ring, key)
        && ngx_recording_ring_begin(ring, timestamp, key, size) != NGX_OK)
    {
        ngx_recording_ring_drop(ring, track, "record_buffer is full");

    } else if (ring->dropping) {
        ngx_recording_ring_drop(ring, track, NULL);

    } else if (ring->worker->store.low) {
        ngx_recording_ring_drop(ring, track, "less is free than reserve=");

    } else {
        p = ngx_recording_ring_room(ring, size, 0)
            ? ngx_recording_ring_add(ring, &ring->filling, track, timestamp,
                                     size)
            : NULL;

        if (p == NULL) {
            ngx_recording_ring_drop(ring, track, "record_buffer is full");

        } else {
            (void) ngx_recording_batch_fill(p, size, in);
            ngx_recording_message_of(p)->key = (key != 0);

            chunk = ngx_recording_ring_last(ring);
            chunk->end = ngx_recording_ring_now(ring);
        }
    }

    if (header) {
        ngx_recording_ring_keep(ring, track, timestamp, in);
    }

    if (ring->filling.size >= NGX_RECORDING_INTAKE_BATCH) {
        ngx_recording_ring_order(ring);
    }
}


/* whether recording can begin with a message; or it is a sequence header */

static ngx_uint_t
ngx_recording_ring_look(ngx_recording_ring_t *ring, ngx_uint_t track,
    ngx_chain_t *in, ngx_uint_t *header)
{
    u_char                 head[NGX_RECORDING_FRAME_HEAD];
    size_t                 n;
    int64_t                now;
    ngx_recording_unit_t   u;
    ngx_recording_frame_t  f;

    *header = 0;
    now = ngx_recording_ring_now(ring);
    n = ngx_recording_batch_fill(head, sizeof(head), in);

    if (ngx_recording_frame_parse(&f, track, head, n) != NGX_OK) {
        return 0;
    }

    if (f.header) {
        *header = 1;

        if (track == NGX_RECORDING_VIDEO) {
            ring->length = ngx_recording_unit_length(f.codec, head + f.body,
                                                     n - f.body);
        }

        return 0;
    }

    if (track == NGX_RECORDING_AUDIO) {
        return ring->picture == 0
               || now - ring->picture >= NGX_RECORDING_RING_CHUNK;
    }

    ngx_recording_unit_chain(&u, in, f.body);
    ngx_recording_unit_look(&f, &u, ring->length);

    ring->picture = now;

    return ngx_recording_ring_recovers(ring, &f);
}


/* a key frame, or, if none has come for long, what stands for one */

static ngx_uint_t
ngx_recording_ring_recovers(ngx_recording_ring_t *ring,
    ngx_recording_frame_t *f)
{
    if (f->key) {
        ring->keyless = 0;
        return 1;
    }

    if (ring->keyless == 0) {
        ring->keyless = ring->picture;
    }

    return f->recovery
           && ring->picture - ring->keyless >= NGX_RECORDING_RING_CHUNK;
}


/* whether another chunk begins */

static ngx_uint_t
ngx_recording_ring_due(ngx_recording_ring_t *ring, ngx_uint_t key)
{
    int64_t                 age;
    ngx_recording_chunk_t  *chunk;

    if (ring->worker->store.low) {
        return 0;
    }

    if (ngx_queue_empty(&ring->chunks)) {
        return 1;
    }

    if (ring->dropping) {
        return key && ngx_recording_ring_room(ring, 0, 1);
    }

    chunk = ngx_recording_ring_last(ring);
    age = ngx_recording_ring_now(ring) - chunk->begin;

    return age >= (key ? NGX_RECORDING_RING_CHUNK : NGX_RECORDING_RING_MOST);
}


/* the newest header, or onMetaData, that later chunks begin with */

static void
ngx_recording_ring_keep(ngx_recording_ring_t *ring, ngx_uint_t track,
    uint32_t timestamp, ngx_chain_t *in)
{
    size_t                  size;
    u_char                 *p;
    ngx_recording_batch_t  *header;

    size = ngx_recording_batch_size(in);

    if (size > (track == NGX_RECORDING_DATA ? NGX_RECORDING_RING_META
                                            : NGX_RECORDING_HEADER_MAX))
    {
        return;
    }

    header = &ring->headers[track];

    ngx_recording_batch_release(header, &ring->worker->account);

    header->tight = 1;

    p = ngx_recording_ring_add(ring, header, track, timestamp, size);

    if (p) {
        (void) ngx_recording_batch_fill(p, size, in);
    }
}


static ngx_int_t
ngx_recording_ring_begin(ngx_recording_ring_t *ring, uint32_t timestamp,
    ngx_uint_t key, size_t size)
{
    ngx_recording_chunk_t  *chunk;

    if (!ngx_recording_ring_room(ring, size, 0)) {
        return NGX_DECLINED;
    }

    chunk = calloc(1, sizeof(ngx_recording_chunk_t));

    if (chunk == NULL || ngx_recording_ring_head(ring, chunk) != NGX_OK) {
        free(chunk);
        return NGX_DECLINED;
    }

    chunk->n = ring->n++;
    chunk->begin = ngx_recording_ring_now(ring);
    chunk->end = chunk->begin;
    chunk->timestamp = timestamp;
    chunk->key = (key != 0);

    ngx_queue_insert_tail(&ring->chunks, &chunk->queue);

    ring->dropping = 0;

    return NGX_OK;
}


/* where the job goes to another chunk, and what that begins with */

static ngx_int_t
ngx_recording_ring_head(ngx_recording_ring_t *ring,
    ngx_recording_chunk_t *chunk)
{
    u_char                   *p;
    ngx_uint_t                i;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    p = ngx_recording_ring_add(ring, &ring->filling, NGX_RECORDING_GAP, 0,
                               sizeof(ngx_recording_chunk_t *));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, &chunk, sizeof(ngx_recording_chunk_t *));

    for (i = 0; i < NGX_RECORDING_INTAKE_HEADERS; i++) {

        c = ngx_recording_batch_begin(&ring->headers[i]);
        m = ngx_recording_batch_next(&c);

        if (m == NULL) {
            continue;
        }

        p = ngx_recording_ring_add(ring, &ring->filling, m->track,
                                   m->timestamp, m->size);

        /* without memory nothing can be said of it that would not be wrong
           for those who read: a chunk without headers is one all the same */

        if (p) {
            ngx_memcpy(p, ngx_recording_message_body(m), m->size);
            ngx_recording_message_of(p)->early = 1;
        }
    }

    return NGX_OK;
}


/*
 * What is kept leaves recordings a quarter of the whole; half: only if there is
 * much room.
 */

static ngx_uint_t
ngx_recording_ring_room(ngx_recording_ring_t *ring, size_t size,
    ngx_uint_t half)
{
    size_t                    need, held;
    ngx_recording_account_t  *account;

    account = &ring->worker->account;

    need = ngx_recording_batch_need(&ring->filling, size);
    held = ring->filling.held + (ring->busy ? ring->order.batch.held : 0);

    return held + need <= (half ? account->buffer / 2 : account->buffer)
           && account->held + need <= account->total - account->total / 4;
}


static u_char *
ngx_recording_ring_add(ngx_recording_ring_t *ring,
    ngx_recording_batch_t *batch, ngx_uint_t track, uint32_t timestamp,
    size_t size)
{
    return ngx_recording_batch_charge(batch, &ring->worker->account, track,
                                      timestamp, ngx_recording_ring_now(ring),
                                      size);
}


static void
ngx_recording_ring_drop(ngx_recording_ring_t *ring, ngx_uint_t track,
    const char *why)
{
    ngx_recording_chunk_t  *chunk;

    ring->dropping = 1;

    if (!ngx_queue_empty(&ring->chunks) && track < NGX_RECORDING_TRACKS) {
        chunk = ngx_recording_ring_last(ring);
        chunk->lost[track]++;
    }

    if (why && !ring->said) {
        ring->said = 1;

        ngx_log_error(NGX_LOG_ERR, &ring->log, 0,
                      "recording: %s, what rewind= keeps has a gap from here "
                      "on", why);
    }
}


static ngx_recording_chunk_t *
ngx_recording_ring_last(ngx_recording_ring_t *ring)
{
    return ngx_queue_data(ngx_queue_last(&ring->chunks),
                          ngx_recording_chunk_t, queue);
}


/* together with others, as recordings do */

static void
ngx_recording_ring_timer(ngx_event_t *ev)
{
    ngx_recording_ring_t  *ring;

    ring = ev->data;

    ngx_recording_ring_order(ring);

    ngx_add_timer(&ring->timer, NGX_RECORDING_RING_TIME
                                - ngx_current_msec % NGX_RECORDING_RING_TICK);
}


void
ngx_recording_ring_order(ngx_recording_ring_t *ring)
{
    if (ring->busy || !ring->worker->ready
        || (ring->filling.held < NGX_RECORDING_RING_NEAR / 2
            && ngx_recording_ring_room(ring, ring->filling.held, 0)
            && ngx_recording_ring_at_end(ring)))
    {
        return;
    }

    ngx_recording_ring_age(ring);

    if (ring->filling.n == 0 && ring->order.remove == ring->order.until) {
        return;
    }

    ring->order.batch = ring->filling;
    ngx_memzero(&ring->filling, sizeof(ngx_recording_batch_t));

    ring->busy = 1;

    ngx_recording_job_post(&ring->job);
}


/*
 * Chunks that are too old go, and where there is little room all that nobody
 * reads: before recordings have to end, if it can be.
 */

static void
ngx_recording_ring_age(ngx_recording_ring_t *ring)
{
    int64_t                 limit;
    uint64_t                claimed;
    ngx_recording_chunk_t  *chunk;
    ngx_recording_store_t  *store;

    store = &ring->worker->store;

    ring->order.remove = ring->removed;

    claimed = ngx_recording_ring_claimed(ring);
    limit = ngx_recording_ring_now(ring) - ring->keep
            - NGX_RECORDING_RING_LATE;

    while (!ngx_queue_empty(&ring->chunks)) {

        chunk = ngx_queue_data(ngx_queue_head(&ring->chunks),
                               ngx_recording_chunk_t, queue);

        if (!ring->gone
            && (!chunk->settled || chunk->n >= claimed
                || (chunk->end >= limit && !store->scarce && !store->low)))
        {
            break;
        }

        if (!ring->gone && chunk->end >= limit
            && ngx_recording_once(ring->shorter, 1))
        {
            ngx_log_error(NGX_LOG_WARN, &ring->log, 0,
                          "recording: the store has no room for all that "
                          "rewind= says, less is kept");
        }

        ring->removed = chunk->n + 1;
        ring->bytes -= chunk->known.size;

        ngx_queue_remove(&chunk->queue);
        free(chunk);
    }

    ring->order.until = ring->removed;
}


static void
ngx_recording_ring_thread(void *data)
{
    ngx_recording_ring_t *ring = data;

    ngx_recording_chunk_write_thread(&ring->order);
}


static void
ngx_recording_ring_done(void *data)
{
    ngx_recording_ring_t *ring = data;

    ring->busy = 0;
    ring->done++;

    ngx_recording_batch_release(&ring->order.batch, &ring->worker->account);

    ngx_recording_ring_say(ring);

    if (ring->gone) {
        ngx_recording_ring_end(ring);
        return;
    }

    ngx_recording_ring_known(ring);
    ngx_recording_ring_grown(ring);
}


/* what the job has made of its chunks, which are the last ones */

static void
ngx_recording_ring_known(ngx_recording_ring_t *ring)
{
    ngx_queue_t            *q, *prev;
    ngx_recording_chunk_t  *chunk;

    for (q = ngx_queue_last(&ring->chunks);
         q != ngx_queue_sentinel(&ring->chunks);
         q = prev)
    {
        prev = ngx_queue_prev(q);
        chunk = ngx_queue_data(q, ngx_recording_chunk_t, queue);

        if (chunk->settled) {
            break;
        }

        ring->bytes += chunk->grown.size - chunk->known.size;

        chunk->known = chunk->grown;
        chunk->settled = ring->order.chunk
                         && chunk->n < ring->order.chunk->n;

        if (chunk->settled && chunk->known.size == 0) {
            ngx_recording_ring_fold(ring, chunk);
        }
    }

    ngx_recording_growth_set(&ring->worker->store, &ring->growth, ring->id,
                             ring->bytes);

    /* what is left of a chunk that cannot be written is not written, either */

    if (ring->order.chunk && ring->order.chunk->failed
        && ring->order.chunk->n + 1 == ring->n)
    {
        ring->dropping = 1;
    }
}


/* where nothing was written at all, the chunk before has a longer gap: a disk
   that fails for hours leaves one, and not one for each key frame */

static void
ngx_recording_ring_fold(ngx_recording_ring_t *ring,
    ngx_recording_chunk_t *chunk)
{
    ngx_uint_t              i;
    ngx_queue_t            *q;
    ngx_recording_chunk_t  *before;

    q = ngx_queue_prev(&chunk->queue);

    if (q == ngx_queue_sentinel(&ring->chunks)
        || ngx_recording_ring_at(ring, chunk))
    {
        return;
    }

    before = ngx_queue_data(q, ngx_recording_chunk_t, queue);
    before->end = chunk->end;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        before->lost[i] += chunk->known.unwritten[i] + chunk->lost[i];
    }

    ngx_queue_remove(&chunk->queue);
    free(chunk);
}


static void
ngx_recording_ring_say(ngx_recording_ring_t *ring)
{
    if (ring->order.stuck && ngx_recording_once(ring->stuck, 1)) {
        ngx_log_error(NGX_LOG_ERR, &ring->log, ring->order.stuck,
                      "recording: a chunk in work/ that rewind= does not keep "
                      "any more cannot be removed");
    }

    if (ring->order.op == NULL) {

        if (!ring->dropping && ngx_recording_over(ring->said, 1)) {
            ngx_log_error(NGX_LOG_NOTICE, &ring->log, 0,
                          "recording: what rewind= keeps goes on");
        }

        return;
    }

    if (ngx_recording_once(ring->said, 1)) {
        ngx_log_error(NGX_LOG_ERR, &ring->log, ring->order.err,
                      "recording: %s failed of a chunk in work/, what rewind= "
                      "keeps has a gap from here on", ring->order.op);
    }
}


void
ngx_recording_ring_close(ngx_recording_ring_t *ring)
{
    ring->over = ngx_recording_ring_now(ring);

    if (ngx_queue_empty(&ring->replays)) {
        ngx_recording_ring_leave(ring);
        return;
    }

    /* the last one to end takes the ring with it */

    ngx_recording_ring_grown(ring);
}


void
ngx_recording_ring_leave(ngx_recording_ring_t *ring)
{
    if (ring->over == 0 || ring->gone || !ngx_queue_empty(&ring->replays)) {
        return;
    }

    ring->gone = 1;

    ngx_del_timer(&ring->timer);
    ngx_recording_batch_release(&ring->filling, &ring->worker->account);

    if (!ring->busy) {
        ngx_recording_ring_end(ring);
    }
}


/* all chunks are removed, then it is freed */

static void
ngx_recording_ring_end(ngx_recording_ring_t *ring)
{
    ngx_recording_ring_order(ring);

    if (!ring->busy) {
        ngx_recording_ring_free(ring);
    }
}


static void
ngx_recording_ring_free(ngx_recording_ring_t *ring)
{
    ngx_uint_t  i;

    /* some are left if the store was never there */

    ngx_recording_ring_age(ring);

    ngx_recording_growth_end(&ring->worker->store, &ring->growth);

    for (i = 0; i < NGX_RECORDING_INTAKE_HEADERS; i++) {
        ngx_recording_batch_release(&ring->headers[i], &ring->worker->account);
    }

    ngx_destroy_pool(ring->pool);
}
