
/*
 * The replay: feeds a new recording with what a ring has kept, as if it came
 * just then, up to the stream as it is.
 *
 * It reads a piece on a thread, hands over its messages with the times at which
 * they came, and waits until the recording has room for more.  So what is under
 * way is a piece, a batch that is written and one that is filled, however much
 * was kept, and however slow the disk is.
 */


#include "ngx_recording_ring.h"


#define NGX_RECORDING_REPLAY_AGAIN  100             /* ms, for want of memory */


struct ngx_recording_replay_s {
    ngx_queue_t             queue;
    ngx_recording_ring_t   *ring;
    ngx_recording_t        *recording;

    ngx_recording_chunk_t  *chunk;
    ngx_recording_chunk_read_t  read;
    ngx_recording_cursor_t  cursor;        /* in read.batch */
    ngx_recording_job_t     job;
    ngx_event_t             timer;

    ngx_uint_t              after;         /* it begins with that job of the
                                              ring */
    int64_t                 start;         /* us; 0: it has begun */
    int64_t                 until;         /* us, the recording's end */
    int64_t                 told;          /* us, when it was to be replayed */
    uint64_t                messages;      /* handed over */

    unsigned                busy:1;        /* the job is ordered */
    unsigned                last:1;        /* it reads the end of it */
    unsigned                finish:1;      /* its end was ordered */
    unsigned                lost:1;        /* something before here */
    unsigned                past:1;        /* what comes is behind its end */
};


static ngx_recording_chunk_t *ngx_recording_ring_replay_from(
    ngx_recording_ring_t *ring, int64_t start);
static void ngx_recording_ring_replay_idle(ngx_recording_t *r);
static void ngx_recording_ring_replay_go(ngx_recording_replay_t *p);
static ngx_int_t ngx_recording_ring_replay_begin(ngx_recording_replay_t *p);
static void ngx_recording_ring_replay_read(ngx_recording_replay_t *p);
static void ngx_recording_ring_replay_thread(void *data);
static void ngx_recording_ring_replay_done(void *data);
static void ngx_recording_ring_replay_skip(ngx_recording_replay_t *p);
static void ngx_recording_ring_replay_back(ngx_recording_replay_t *p);
static ngx_int_t ngx_recording_ring_replay_feed(ngx_recording_replay_t *p);
static void ngx_recording_ring_replay_wait(ngx_recording_replay_t *p);
static void ngx_recording_ring_replay_message(ngx_recording_replay_t *p,
    ngx_recording_message_t *m, int64_t arrival);
static ngx_int_t ngx_recording_ring_replay_next(ngx_recording_replay_t *p);
static void ngx_recording_ring_replay_missing(ngx_recording_replay_t *p,
    const uint32_t lost[NGX_RECORDING_TRACKS]);
static void ngx_recording_ring_replay_memory(ngx_recording_replay_t *p);
static void ngx_recording_ring_replay_header(ngx_recording_replay_t *p,
    ngx_recording_batch_t *header);
static void ngx_recording_ring_replay_batch(ngx_recording_replay_t *p,
    ngx_recording_batch_t *batch);
static void ngx_recording_ring_replay_end(ngx_recording_replay_t *p);
static void ngx_recording_ring_replay_timer(ngx_event_t *ev);


ngx_int_t
ngx_recording_ring_replay(ngx_recording_ring_t *ring, ngx_recording_t *r,
    int64_t start)
{
    ngx_recording_chunk_t   *chunk;
    ngx_recording_replay_t  *p;

    chunk = ngx_recording_ring_replay_from(ring, start);

    if (chunk == NULL || !ring->worker->ready) {
        return NGX_DECLINED;
    }

    p = calloc(1, sizeof(ngx_recording_replay_t));

    if (p == NULL) {
        return NGX_DECLINED;
    }

    p->ring = ring;
    p->recording = r;
    p->chunk = chunk;
    p->start = ngx_max(start, 1);
    p->until = INT64_MAX;
    p->told = ngx_recording_ring_now(ring);

    /* what is in memory now is looked through, too */

    p->after = ring->done + (ring->busy ? 1 : 0) + (ring->filling.n ? 1 : 0);

    p->read.store = &ring->worker->store;
    p->read.ring = ring->id;

    p->timer.handler = ngx_recording_ring_replay_timer;
    p->timer.data = p;
    p->timer.log = &ring->log;

    ngx_recording_job_init(&p->job, &ring->worker->jobs,
                           ngx_recording_ring_replay_thread,
                           ngx_recording_ring_replay_done, p);
    p->job.background = 1;

    r->replay = p;
    r->idle = ngx_recording_ring_replay_idle;

    ngx_queue_insert_tail(&ring->replays, &p->queue);

    ngx_recording_ring_order(ring);

    /* a stream that is silent has nothing to be written first */

    ngx_recording_ring_replay_go(p);

    return NGX_OK;
}


/* the last chunk that has begun by then with a key frame, or the oldest */

static ngx_recording_chunk_t *
ngx_recording_ring_replay_from(ngx_recording_ring_t *ring, int64_t start)
{
    ngx_queue_t            *q;
    ngx_recording_chunk_t  *chunk, *found;

    found = NULL;

    for (q = ngx_queue_head(&ring->chunks);
         q != ngx_queue_sentinel(&ring->chunks);
         q = ngx_queue_next(q))
    {
        chunk = ngx_queue_data(q, ngx_recording_chunk_t, queue);

        if (found == NULL || (chunk->key && chunk->begin <= start)) {
            found = chunk;
        }
    }

    return found;
}


uint64_t
ngx_recording_ring_claimed(ngx_recording_ring_t *ring)
{
    uint64_t                 n;
    ngx_queue_t             *q;
    ngx_recording_replay_t  *p;

    n = ring->n;

    for (q = ngx_queue_head(&ring->replays);
         q != ngx_queue_sentinel(&ring->replays);
         q = ngx_queue_next(q))
    {
        p = ngx_queue_data(q, ngx_recording_replay_t, queue);

        /* before it has begun it may go one back */

        n = ngx_min(n, p->chunk->n - (p->start && p->chunk->n ? 1 : 0));
    }

    return n;
}


ngx_uint_t
ngx_recording_ring_at(ngx_recording_ring_t *ring,
    ngx_recording_chunk_t *chunk)
{
    ngx_queue_t             *q;
    ngx_recording_replay_t  *p;

    for (q = ngx_queue_head(&ring->replays);
         q != ngx_queue_sentinel(&ring->replays);
         q = ngx_queue_next(q))
    {
        p = ngx_queue_data(q, ngx_recording_replay_t, queue);

        if (p->chunk == chunk) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_recording_ring_at_end(ngx_recording_ring_t *ring)
{
    ngx_queue_t             *q;
    ngx_recording_replay_t  *p;

    for (q = ngx_queue_head(&ring->replays);
         q != ngx_queue_sentinel(&ring->replays);
         q = ngx_queue_next(q))
    {
        p = ngx_queue_data(q, ngx_recording_replay_t, queue);

        if (p->busy && p->last) {
            return 1;
        }
    }

    return 0;
}


void
ngx_recording_ring_grown(ngx_recording_ring_t *ring)
{
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&ring->replays);
         q != ngx_queue_sentinel(&ring->replays);
         q = next)
    {
        next = ngx_queue_next(q);

        ngx_recording_ring_replay_go(ngx_queue_data(q, ngx_recording_replay_t,
                                                    queue));
    }
}


void
ngx_recording_ring_finish(ngx_recording_t *r)
{
    ngx_recording_replay_t  *p;

    p = r->replay;

    p->finish = 1;
    p->until = ngx_recording_ring_now(p->ring);

    ngx_recording_ring_replay_go(p);
}


/* the recording has written something */

static void
ngx_recording_ring_replay_idle(ngx_recording_t *r)
{
    ngx_recording_ring_replay_go(r->replay);
}


static void
ngx_recording_ring_replay_timer(ngx_event_t *ev)
{
    ngx_recording_ring_replay_go(ev->data);
}


/* hands over what there is, orders what is next, or ends */

static void
ngx_recording_ring_replay_go(ngx_recording_replay_t *p)
{
    size_t                 held;
    ngx_recording_ring_t  *ring;

    ring = p->ring;

    if (p->busy || ngx_recording_ring_replay_begin(p) != NGX_OK) {
        return;
    }

    do {
        if (ngx_recording_ring_replay_feed(p) != NGX_OK) {
            return;
        }

        if (p->past) {
            break;
        }

        if (p->read.pos < p->chunk->known.size) {
            ngx_recording_ring_replay_read(p);
            return;
        }

    } while (ngx_recording_ring_replay_next(p) == NGX_OK);

    if (!p->past) {

        /* what is left is in memory: not so much that there is no room */

        held = ring->filling.held + (ring->busy ? ring->order.batch.held : 0);

        if (held > NGX_RECORDING_RING_NEAR
            || !ngx_recording_intake_ready(&p->recording->intake, held))
        {
            ngx_recording_ring_order(ring);
            ngx_recording_ring_replay_wait(p);
            return;
        }

        ngx_recording_ring_replay_memory(p);
    }

    ngx_recording_ring_replay_end(p);
}


/* NGX_DECLINED: it is looked for the first frame, or that is not written yet */

static ngx_int_t
ngx_recording_ring_replay_begin(ngx_recording_replay_t *p)
{
    if (p->start == 0) {
        return NGX_OK;
    }

    if (p->ring->done < p->after) {
        return NGX_DECLINED;
    }

    p->read.pos = NGX_RECORDING_CHUNK_FIRST;

    if (p->chunk->known.size == 0) {

        /* it could not be written */

        p->start = 0;
        return NGX_OK;
    }

    p->read.start = p->start;

    ngx_recording_ring_replay_read(p);

    return NGX_DECLINED;
}


static void
ngx_recording_ring_replay_read(ngx_recording_replay_t *p)
{
    p->read.n = p->chunk->n;
    p->read.begin = p->chunk->begin;
    p->read.head = p->chunk->known.head;
    p->read.end = p->chunk->known.size;

    p->last = !p->chunk->settled
              && p->read.end - p->read.pos <= NGX_RECORDING_CHUNK_PIECE;
    p->busy = 1;

    ngx_recording_job_post(&p->job);
}


static void
ngx_recording_ring_replay_thread(void *data)
{
    ngx_recording_replay_t *p = data;

    ngx_recording_chunk_read_thread(&p->read);
}


static void
ngx_recording_ring_replay_done(void *data)
{
    ngx_recording_replay_t *p = data;

    p->busy = 0;
    p->ring->worker->account.held += p->read.batch.held;

    if (p->start) {
        p->start = 0;
        ngx_recording_ring_replay_back(p);
    }

    p->cursor = ngx_recording_batch_begin(&p->read.batch);

    if (p->read.err == NGX_ENOMEM) {
        ngx_recording_ring_replay_wait(p);
        return;
    }

    if (p->read.err) {
        ngx_log_error(NGX_LOG_ERR, &p->recording->log, p->read.err,
                      "recording: a chunk in work/ cannot be read, what "
                      "rewind= has kept is not recorded as a whole");

        ngx_recording_ring_replay_skip(p);
    }

    ngx_recording_ring_replay_go(p);
}


/* what was to be read of a chunk is missing, but for what was read already */

static void
ngx_recording_ring_replay_skip(ngx_recording_replay_t *p)
{
    uint32_t                      lost[NGX_RECORDING_TRACKS];
    ngx_uint_t                    i;
    ngx_recording_chunk_state_t  *s;

    s = &p->chunk->known;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        lost[i] = s->frames[i] - p->read.frames[i];
        p->read.frames[i] = s->frames[i];
    }

    p->read.pos = s->size;

    ngx_recording_ring_replay_missing(p, lost);
}


/*
 * If it begins with the first frame of a chunk, sound that belongs behind that
 * is in the chunk before, whose other frames are left out.
 */

static void
ngx_recording_ring_replay_back(ngx_recording_replay_t *p)
{
    ngx_queue_t            *q;
    ngx_recording_chunk_t  *chunk;

    q = ngx_queue_prev(&p->chunk->queue);

    if (p->read.err || p->read.key != p->chunk->known.head
        || q == ngx_queue_sentinel(&p->ring->chunks))
    {
        return;
    }

    chunk = ngx_queue_data(q, ngx_recording_chunk_t, queue);

    if (chunk->known.size == 0 || chunk->lost[NGX_RECORDING_AUDIO]) {
        return;
    }

    ngx_recording_batch_release(&p->read.batch, &p->ring->worker->account);
    ngx_memzero(p->read.frames, sizeof(p->read.frames));

    p->chunk = chunk;
    p->read.pos = NGX_RECORDING_CHUNK_FIRST;
    p->read.key = NGX_MAX_OFF_T_VALUE;
}


/* NGX_AGAIN: the recording has to write first */

static ngx_int_t
ngx_recording_ring_replay_feed(ngx_recording_replay_t *p)
{
    int64_t                   arrival;
    ngx_recording_t          *r;
    ngx_recording_cursor_t    next;
    ngx_recording_message_t  *m;

    r = p->recording;

    for (next = p->cursor;
         (m = ngx_recording_batch_next(&next)) != NULL;
         p->cursor = next)
    {
        if (!ngx_recording_intake_ready(&r->intake, m->size)) {

            ngx_recording_ring_replay_wait(p);
            return NGX_AGAIN;
        }

        arrival = p->read.batch.wall + (int64_t) m->arrival * 1000;

        ngx_recording_ring_replay_message(p, m, arrival);
    }

    ngx_recording_batch_release(&p->read.batch, &p->ring->worker->account);
    p->cursor = ngx_recording_batch_begin(&p->read.batch);

    return NGX_OK;
}


/* the recording tells when it has written, but others may have the memory */

static void
ngx_recording_ring_replay_wait(ngx_recording_replay_t *p)
{
    if (!p->timer.timer_set) {
        ngx_add_timer(&p->timer, NGX_RECORDING_REPLAY_AGAIN);
    }
}


static void
ngx_recording_ring_replay_message(ngx_recording_replay_t *p,
    ngx_recording_message_t *m, int64_t arrival)
{
    ngx_buf_t         buf;
    ngx_chain_t       chain;
    ngx_recording_t  *r;

    p->past |= arrival > p->until;

    if (p->past) {
        return;
    }

    r = p->recording;

    ngx_memzero(&buf, sizeof(ngx_buf_t));

    buf.pos = ngx_recording_message_body(m);
    buf.last = buf.pos + m->size;
    chain.buf = &buf;
    chain.next = NULL;

    r->intake.replayed = arrival;

    if (m->early && m->track != NGX_RECORDING_DATA) {
        ngx_recording_recorder_seed(r, m->track, &chain);
        return;
    }

    p->messages++;

    ngx_recording_recorder_message(r, m->track, m->timestamp, &chain);
}


/* NGX_DECLINED: what follows is in memory, as far as there is anything */

static ngx_int_t
ngx_recording_ring_replay_next(ngx_recording_replay_t *p)
{
    uint32_t                      lost[NGX_RECORDING_TRACKS];
    ngx_uint_t                    i;
    ngx_recording_chunk_state_t  *s;

    if (!p->chunk->settled) {
        return NGX_DECLINED;
    }

    s = &p->chunk->known;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        lost[i] = s->unwritten[i] + p->chunk->lost[i];
    }

    ngx_recording_ring_replay_missing(p, lost);

    p->chunk = ngx_queue_data(ngx_queue_next(&p->chunk->queue),
                              ngx_recording_chunk_t, queue);

    /* the headers of its head came in the one before, if nothing is missing */

    p->read.pos = p->lost || p->chunk->known.head == 0
                  ? NGX_RECORDING_CHUNK_FIRST : p->chunk->known.head;
    p->read.key = 0;
    p->lost = 0;

    ngx_memzero(p->read.frames, sizeof(p->read.frames));

    return NGX_OK;
}


static void
ngx_recording_ring_replay_missing(ngx_recording_replay_t *p,
    const uint32_t lost[NGX_RECORDING_TRACKS])
{
    if (lost[NGX_RECORDING_VIDEO] || lost[NGX_RECORDING_AUDIO]) {
        p->lost = 1;

        ngx_recording_intake_missing(&p->recording->intake, lost);
    }
}


/* all that was read is handed over: now what is written, and what waits */

static void
ngx_recording_ring_replay_memory(ngx_recording_replay_t *p)
{
    ngx_uint_t             i;
    ngx_recording_ring_t  *ring;

    ring = p->ring;

    ngx_recording_ring_replay_missing(p, p->chunk->known.unwritten);

    if (ring->busy) {
        ngx_recording_ring_replay_batch(p, &ring->order.batch);
    }

    ngx_recording_ring_replay_batch(p, &ring->filling);

    ngx_recording_ring_replay_missing(p, p->chunk->lost);

    if (p->recording->intake.state == NGX_RECORDING_INTAKE_RUNNING) {
        return;
    }

    /* what follows needs the newest headers, whatever came through */

    for (i = 0; i < NGX_RECORDING_INTAKE_HEADERS; i++) {
        ngx_recording_ring_replay_header(p, &ring->headers[i]);
    }
}


static void
ngx_recording_ring_replay_header(ngx_recording_replay_t *p,
    ngx_recording_batch_t *header)
{
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    c = ngx_recording_batch_begin(header);
    m = ngx_recording_batch_next(&c);

    if (m) {
        m->early = 1;
        ngx_recording_ring_replay_message(p, m, p->recording->intake.replayed);
    }
}


/* a job may be reading it, too: nobody changes it */

static void
ngx_recording_ring_replay_batch(ngx_recording_replay_t *p,
    ngx_recording_batch_t *batch)
{
    ngx_recording_chunk_t    *chunk;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    c = ngx_recording_batch_begin(batch);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        if (m->track == NGX_RECORDING_GAP) {
            ngx_memcpy(&chunk, ngx_recording_message_body(m),
                       sizeof(ngx_recording_chunk_t *));

            if (chunk != p->chunk) {
                ngx_recording_ring_replay_missing(p, p->chunk->lost);
                p->chunk = chunk;
            }

        } else if (!m->early || p->lost || p->messages == 0) {
            ngx_recording_ring_replay_message(p, m,
                              batch->wall + (int64_t) m->arrival * 1000);
        }
    }
}


/* the session is the recording's source from now on, or it has none any more */

static void
ngx_recording_ring_replay_end(ngx_recording_replay_t *p)
{
    ngx_recording_t       *r;
    ngx_recording_ring_t  *ring;

    r = p->recording;
    ring = p->ring;

    ngx_log_error(NGX_LOG_NOTICE, &r->log, 0,
                  "recording: has %uL messages of what rewind= kept, read in "
                  "%L ms", p->messages,
                  (ngx_recording_ring_now(ring) - p->told) / 1000);

    r->replay = NULL;
    r->idle = NULL;

    if (p->timer.timer_set) {
        ngx_del_timer(&p->timer);
    }

    ngx_queue_remove(&p->queue);

    if (p->finish) {
        r->intake.replayed = p->until;
        ngx_recording_recorder_finish(r);

    } else if (ring->over) {
        r->intake.replayed = ring->over;
        ngx_recording_recorder_close(r);

    } else {
        r->intake.replayed = 0;
    }

    free(p);

    ngx_recording_ring_leave(ring);
}
