
#include "ngx_recording_chunk.h"
#include "ngx_recording_frame.h"


#define NGX_RECORDING_CHUNK_NAME   "rewind."
#define NGX_RECORDING_CHUNK_LEN    (64 + NGX_RECORDING_OWNER)
#define NGX_RECORDING_CHUNK_TAGS   (NGX_RECORDING_IOVS / 3)
#define NGX_RECORDING_CHUNK_HEAD   11              /* bytes of a tag's */
#define NGX_RECORDING_CHUNK_TAIL   4               /* and behind it */
#define NGX_RECORDING_CHUNK_KEY    0x800000


/* what is to be written at once: a head, a body and a tail for each tag */

typedef struct {
    ngx_recording_chunk_order_t  *order;
    int                     fd;
    ngx_uint_t              n;             /* tags */
    off_t                   head;
    uint32_t                frames[NGX_RECORDING_TRACKS];
    u_char                  ends[NGX_RECORDING_CHUNK_TAGS]
                                [NGX_RECORDING_CHUNK_HEAD
                                 + NGX_RECORDING_CHUNK_TAIL];
    ngx_recording_iov_t     iov;
} ngx_recording_chunk_writer_t;


typedef struct {
    ngx_uint_t              track;
    uint32_t                size;
    uint32_t                timestamp;
    int64_t                 arrival;       /* ms */
    ngx_uint_t              key;
} ngx_recording_chunk_tag_t;


/* the names that an owner's chunks have, and whose are looked at */

typedef struct {
    ngx_recording_store_t  *store;
    char                    owner[NGX_RECORDING_OWNER];
    ngx_uint_t              dead;
} ngx_recording_chunk_sweep_t;


static void ngx_recording_chunk_name(ngx_recording_store_t *store,
    uint64_t ring, uint64_t n, char name[NGX_RECORDING_CHUNK_LEN]);
static void ngx_recording_chunk_remove(ngx_recording_chunk_order_t *o);
static void ngx_recording_chunk_fail(ngx_recording_chunk_order_t *o,
    const char *op);
static void ngx_recording_chunk_open(ngx_recording_chunk_writer_t *w);
static void ngx_recording_chunk_add(ngx_recording_chunk_writer_t *w,
    ngx_recording_message_t *m, int64_t wall);
static void ngx_recording_chunk_flush(ngx_recording_chunk_writer_t *w);
static ngx_uint_t ngx_recording_chunk_frame(ngx_uint_t track, u_char *p,
    size_t size);
static ngx_int_t ngx_recording_chunk_tag(ngx_recording_chunk_tag_t *tag,
    u_char *p);
static ngx_int_t ngx_recording_chunk_find(ngx_recording_chunk_read_t *r,
    int fd);
static ngx_int_t ngx_recording_chunk_piece(ngx_recording_chunk_read_t *r,
    int fd);
static ngx_int_t ngx_recording_chunk_tags(ngx_recording_chunk_read_t *r,
    u_char *p, size_t size, size_t *need);
static ngx_int_t ngx_recording_chunk_take(ngx_recording_chunk_read_t *r,
    ngx_recording_chunk_tag_t *tag, u_char *body);
static void ngx_recording_chunk_swept(void *data, const char *name);


static void
ngx_recording_chunk_name(ngx_recording_store_t *store, uint64_t ring,
    uint64_t n, char name[NGX_RECORDING_CHUNK_LEN])
{
    (void) snprintf(name, NGX_RECORDING_CHUNK_LEN,
                    NGX_RECORDING_CHUNK_NAME "%llu.%llu.%s",
                    (unsigned long long) ring, (unsigned long long) n,
                    store->owner);
}


void
ngx_recording_chunk_write_thread(ngx_recording_chunk_order_t *o)
{
    ngx_recording_cursor_t         c;
    ngx_recording_message_t       *m;
    ngx_recording_chunk_writer_t  *w;

    o->op = NULL;
    o->stuck = 0;

    ngx_recording_chunk_remove(o);

    if (o->batch.n == 0) {
        return;
    }

    w = malloc(sizeof(ngx_recording_chunk_writer_t));

    if (w) {
        w->order = o;
        w->fd = -1;
        w->n = 0;
        w->iov.n = 0;
        w->iov.size = 0;
        ngx_memzero(w->frames, sizeof(w->frames));
    }

    c = ngx_recording_batch_begin(&o->batch);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        if (m->track == NGX_RECORDING_GAP) {

            if (w) {
                ngx_recording_chunk_flush(w);
            }

            ngx_memcpy(&o->chunk, ngx_recording_message_body(m),
                       sizeof(ngx_recording_chunk_t *));

        } else if (w && !o->chunk->failed) {
            ngx_recording_chunk_add(w, m, o->batch.wall);
            continue;
        }

        if (w == NULL) {
            errno = NGX_ENOMEM;
            ngx_recording_chunk_fail(o, "write");
        }

        if (m->track < NGX_RECORDING_TRACKS) {
            o->chunk->grown.unwritten[m->track] +=
                            ngx_recording_chunk_frame(m->track,
                                              ngx_recording_message_body(m),
                                              m->size);
        }
    }

    if (w) {
        ngx_recording_chunk_flush(w);
        free(w);
    }
}


static void
ngx_recording_chunk_remove(ngx_recording_chunk_order_t *o)
{
    char  name[NGX_RECORDING_CHUNK_LEN];

    for ( /* void */ ; o->remove < o->until; o->remove++) {
        ngx_recording_chunk_name(o->store, o->ring, o->remove, name);

        if (ngx_recording_store_remove_thread(o->store, name) != NGX_OK) {
            o->stuck = errno;
        }
    }
}


static void
ngx_recording_chunk_fail(ngx_recording_chunk_order_t *o, const char *op)
{
    o->chunk->failed = 1;

    if (o->op == NULL) {
        o->op = op;
        o->err = errno;
    }
}


/* for the moment: between jobs a chunk has no descriptor */

static void
ngx_recording_chunk_open(ngx_recording_chunk_writer_t *w)
{
    char                          name[NGX_RECORDING_CHUNK_LEN];
    ngx_recording_chunk_t        *chunk;
    ngx_recording_chunk_order_t  *o;

    static u_char  flv[NGX_RECORDING_CHUNK_FIRST] = {
        'F', 'L', 'V', 1, 5, 0, 0, 0, 9
    };

    o = w->order;
    chunk = o->chunk;

    ngx_recording_chunk_name(o->store, o->ring, chunk->n, name);

    if (chunk->grown.size) {
        w->fd = ngx_recording_store_reopen_thread(o->store, name);

        if (w->fd == -1) {
            ngx_recording_chunk_fail(o, "open");
        }

        return;
    }

    w->fd = ngx_recording_store_create_thread(o->store, name);

    if (w->fd == -1) {
        ngx_recording_chunk_fail(o, "create");
        return;
    }

    if (ngx_recording_io_write_thread(w->fd, flv, sizeof(flv), 0) != NGX_OK) {
        ngx_recording_chunk_fail(o, "write");
        return;
    }

    chunk->grown.size = sizeof(flv);
    chunk->grown.head = sizeof(flv);
}


static void
ngx_recording_chunk_add(ngx_recording_chunk_writer_t *w,
    ngx_recording_message_t *m, int64_t wall)
{
    u_char                 *p, *body;
    int64_t                 came;
    ngx_recording_chunk_t  *chunk;

    static const u_char  types[] = {
        [NGX_RECORDING_VIDEO] = 9,
        [NGX_RECORDING_AUDIO] = 8,
        [NGX_RECORDING_DATA] = 18
    };

    chunk = w->order->chunk;

    if (w->n == 0) {
        w->head = chunk->grown.size ? chunk->grown.head
                                    : NGX_RECORDING_CHUNK_FIRST;
    }

    came = (wall - chunk->begin) / 1000 + m->arrival;
    came = m->early ? 0 : ngx_min(ngx_max(came, 0),
                                  NGX_RECORDING_CHUNK_KEY - 1);

    p = w->ends[w->n++];
    body = ngx_recording_message_body(m);

    p[0] = types[m->track];
    p[1] = (u_char) (m->size >> 16);
    p[2] = (u_char) (m->size >> 8);
    p[3] = (u_char) m->size;
    p[4] = (u_char) (m->timestamp >> 16);
    p[5] = (u_char) (m->timestamp >> 8);
    p[6] = (u_char) m->timestamp;
    p[7] = (u_char) (m->timestamp >> 24);
    p[8] = (u_char) ((came | (m->key ? NGX_RECORDING_CHUNK_KEY : 0)) >> 16);
    p[9] = (u_char) (came >> 8);
    p[10] = (u_char) came;

    ngx_recording_iov_add(&w->iov, p, NGX_RECORDING_CHUNK_HEAD);

    if (m->size) {
        ngx_recording_iov_add(&w->iov, body, m->size);
    }

    p += NGX_RECORDING_CHUNK_HEAD;

    p[0] = (u_char) ((m->size + NGX_RECORDING_CHUNK_HEAD) >> 24);
    p[1] = (u_char) ((m->size + NGX_RECORDING_CHUNK_HEAD) >> 16);
    p[2] = (u_char) ((m->size + NGX_RECORDING_CHUNK_HEAD) >> 8);
    p[3] = (u_char) (m->size + NGX_RECORDING_CHUNK_HEAD);

    ngx_recording_iov_add(&w->iov, p, NGX_RECORDING_CHUNK_TAIL);

    if (m->early) {
        w->head = ngx_max(chunk->grown.size, NGX_RECORDING_CHUNK_FIRST)
                  + w->iov.size;

    } else if (m->track < NGX_RECORDING_TRACKS) {
        w->frames[m->track] += ngx_recording_chunk_frame(m->track, body,
                                                         m->size);
    }

    if (w->n == NGX_RECORDING_CHUNK_TAGS) {
        ngx_recording_chunk_flush(w);
    }
}


/* what is pending is of one chunk: behind it there is another, or the end */

static void
ngx_recording_chunk_flush(ngx_recording_chunk_writer_t *w)
{
    size_t                  size;
    uint32_t               *count;
    ngx_uint_t              i;
    ngx_recording_chunk_t  *chunk;

    chunk = w->order->chunk;

    if (w->n) {
        size = w->iov.size;

        ngx_recording_chunk_open(w);

        if (!chunk->failed
            && ngx_recording_io_writev_thread(w->fd, &w->iov,
                                              chunk->grown.size)
               != NGX_OK)
        {
            ngx_recording_chunk_fail(w->order, "write");
        }

        if (!chunk->failed) {
            chunk->grown.size += size;
            chunk->grown.head = w->head;
        }

        count = chunk->failed ? chunk->grown.unwritten : chunk->grown.frames;

        for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
            count[i] += w->frames[i];
        }
    }

    if (w->fd != -1) {
        ngx_recording_close(w->fd);
        w->fd = -1;
    }

    w->n = 0;
    w->iov.n = 0;
    w->iov.size = 0;
    ngx_memzero(w->frames, sizeof(w->frames));
}


/* 1, or 0: a header, or what no recording takes */

static ngx_uint_t
ngx_recording_chunk_frame(ngx_uint_t track, u_char *p, size_t size)
{
    ngx_recording_frame_t  f;

    return ngx_recording_frame_parse(&f, track, p, size) == NGX_OK
           && !f.header;
}


void
ngx_recording_chunk_read_thread(ngx_recording_chunk_read_t *r)
{
    int   fd;
    char  name[NGX_RECORDING_CHUNK_LEN];

    r->err = 0;

    ngx_recording_chunk_name(r->store, r->ring, r->n, name);

    fd = ngx_recording_openat(r->store->work, name,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW, 0);

    if (fd == -1
        || (r->start && ngx_recording_chunk_find(r, fd) != NGX_OK)
        || ngx_recording_chunk_piece(r, fd) != NGX_OK)
    {
        r->err = errno;
    }

    r->start = 0;

    if (fd != -1) {
        ngx_recording_close(fd);
    }
}


/* NGX_ERROR: that is no tag */

static ngx_int_t
ngx_recording_chunk_tag(ngx_recording_chunk_tag_t *tag, u_char *p)
{
    uint32_t  id;

    switch (p[0]) {

    case 8:
        tag->track = NGX_RECORDING_AUDIO;
        break;

    case 9:
        tag->track = NGX_RECORDING_VIDEO;
        break;

    case 18:
        tag->track = NGX_RECORDING_DATA;
        break;

    default:
        errno = EIO;
        return NGX_ERROR;
    }

    tag->size = p[1] << 16 | p[2] << 8 | p[3];
    tag->timestamp = (uint32_t) p[7] << 24 | p[4] << 16 | p[5] << 8 | p[6];

    id = p[8] << 16 | p[9] << 8 | p[10];

    tag->arrival = id & (NGX_RECORDING_CHUNK_KEY - 1);
    tag->key = (id & NGX_RECORDING_CHUNK_KEY) != 0;

    return NGX_OK;
}


/* the last tag that recording can begin with, of those that had come */

static ngx_int_t
ngx_recording_chunk_find(ngx_recording_chunk_read_t *r, int fd)
{
    off_t                      pos, at, last;
    u_char                    *buf;
    ngx_int_t                  rc;
    ngx_recording_chunk_tag_t  tag;

    buf = malloc(NGX_RECORDING_CHUNK_PIECE);

    if (buf == NULL) {
        errno = NGX_ENOMEM;
        return NGX_ERROR;
    }

    rc = NGX_OK;
    at = last = 0;

    for (pos = r->head;
         pos + NGX_RECORDING_CHUNK_HEAD <= r->end;
         pos += NGX_RECORDING_CHUNK_HEAD + tag.size + NGX_RECORDING_CHUNK_TAIL)
    {
        if (pos + NGX_RECORDING_CHUNK_HEAD > last) {
            at = pos;
            last = ngx_min(r->end, pos + NGX_RECORDING_CHUNK_PIECE);

            rc = ngx_recording_io_read_thread(fd, buf, last - at, at);
        }

        if (rc != NGX_OK
            || ngx_recording_chunk_tag(&tag, buf + (pos - at)) != NGX_OK)
        {
            rc = NGX_ERROR;
            break;
        }

        if (r->begin + tag.arrival * 1000 > r->start) {
            break;
        }

        if (tag.key) {
            r->key = pos;
            r->timestamp = tag.timestamp;
        }
    }

    free(buf);

    return rc;
}


static ngx_int_t
ngx_recording_chunk_piece(ngx_recording_chunk_read_t *r, int fd)
{
    size_t      size, need;
    u_char     *p;
    ngx_int_t   rc;

    need = NGX_RECORDING_CHUNK_PIECE;

    if (r->pos >= r->end) {
        return NGX_OK;
    }

    do {
        size = (size_t) ngx_min((off_t) need, r->end - r->pos);
        p = malloc(size);

        if (p == NULL) {
            errno = NGX_ENOMEM;
            return NGX_ERROR;
        }

        rc = ngx_recording_io_read_thread(fd, p, size, r->pos);

        if (rc == NGX_OK) {
            rc = ngx_recording_chunk_tags(r, p, size, &need);
        }

        free(p);

    } while (rc == NGX_AGAIN);

    return rc;
}


/* NGX_AGAIN: already the first tag needs more */

static ngx_int_t
ngx_recording_chunk_tags(ngx_recording_chunk_read_t *r, u_char *p, size_t size,
    size_t *need)
{
    size_t                     all;
    u_char                    *last;
    ngx_uint_t                 n;
    ngx_recording_chunk_tag_t  tag;

    last = p + size;

    for (n = 0; last - p >= NGX_RECORDING_CHUNK_HEAD; n++) {

        if (ngx_recording_chunk_tag(&tag, p) != NGX_OK) {
            return NGX_ERROR;
        }

        all = NGX_RECORDING_CHUNK_HEAD + tag.size + NGX_RECORDING_CHUNK_TAIL;

        if (all > (size_t) (last - p)) {
            break;
        }

        if (ngx_recording_chunk_take(r, &tag, p + NGX_RECORDING_CHUNK_HEAD)
            != NGX_OK)
        {
            errno = NGX_ENOMEM;
            return NGX_ERROR;
        }

        p += all;
        r->pos += all;
    }

    if (n) {
        return NGX_OK;
    }

    /* only what the disk has made of it could go beyond the end */

    if (last - p < NGX_RECORDING_CHUNK_HEAD || r->end - r->pos < (off_t) all) {
        errno = EIO;
        return NGX_ERROR;
    }

    *need = all;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_recording_chunk_take(ngx_recording_chunk_read_t *r,
    ngx_recording_chunk_tag_t *tag, u_char *body)
{
    u_char                 *p;
    ngx_uint_t              head, kept;
    ngx_recording_frame_t   f;

    head = r->pos < r->head;
    kept = head || tag->track == NGX_RECORDING_DATA || r->pos >= r->key;

    if (!head && tag->track != NGX_RECORDING_DATA
        && ngx_recording_frame_parse(&f, tag->track, body, tag->size)
           == NGX_OK)
    {
        r->frames[tag->track] += !f.header;

        kept |= f.header
                || (tag->track == NGX_RECORDING_AUDIO
                    && (int32_t) (tag->timestamp - r->timestamp) >= 0);
    }

    if (!kept) {
        return NGX_OK;
    }

    p = ngx_recording_batch_add(&r->batch, tag->track, tag->timestamp,
                                r->begin + tag->arrival * 1000, tag->size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, body, tag->size);
    ngx_recording_message_of(p)->early = (head != 0);

    return NGX_OK;
}


void
ngx_recording_chunk_sweep_thread(ngx_recording_store_t *store)
{
    ngx_recording_chunk_sweep_t  sweep;

    sweep.store = store;
    sweep.owner[0] = '\0';

    (void) ngx_recording_store_list_thread(store, ngx_recording_chunk_swept,
                                           &sweep);
}


/* those of one owner are looked at one after the other, mostly */

static void
ngx_recording_chunk_swept(void *data, const char *name)
{
    ngx_recording_chunk_sweep_t *sweep = data;

    const char  *owner;

    if (strncmp(name, NGX_RECORDING_CHUNK_NAME,
                sizeof(NGX_RECORDING_CHUNK_NAME) - 1)
        != 0)
    {
        return;
    }

    for (owner = strchr(name, '.');
         owner && !ngx_recording_store_is_lock(owner + 1);
         owner = strchr(owner + 1, '.'))
    {
        /* void */
    }

    if (owner == NULL) {
        return;
    }

    owner++;

    if (strcmp(owner, sweep->owner) != 0) {
        strcpy(sweep->owner, owner);
        sweep->dead = ngx_recording_store_lives_thread(sweep->store, owner)
                      == NGX_DECLINED;
    }

    if (sweep->dead) {
        (void) ngx_recording_store_remove_thread(sweep->store, name);
    }
}
