
/*
 * The delivery of a file that grows.
 *
 * Each second a thread looks how much of it is durable.  Of a single file parts
 * are sent then, all but the first one; of HLS segments, and when those are
 * there the playlist up to the last of them.
 */


#include "ngx_recording_delivery.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"
#include <sys/mman.h>


#define NGX_RECORDING_EARLY_CACHE  "max-age=31536000"    /* of segments */


static void ngx_recording_early_probe(ngx_recording_delivery_t *d);
static ngx_uint_t ngx_recording_early_wakes(ngx_recording_delivery_t *d);
static off_t ngx_recording_early_need(ngx_recording_delivery_t *d);
static void ngx_recording_early_thread(void *data);
static ngx_uint_t ngx_recording_early_changed(ngx_recording_delivery_t *d);
static void ngx_recording_early_credentials_thread(
    ngx_recording_delivery_t *d);
static void ngx_recording_early_list_thread(ngx_recording_delivery_t *d);
static void ngx_recording_early_looked(void *data);
static void ngx_recording_early_nothing(ngx_recording_delivery_t *d);
static void ngx_recording_early_drop(ngx_recording_delivery_t *d);
static void ngx_recording_early_credentials(ngx_recording_delivery_t *d);
static void ngx_recording_early_file(ngx_recording_delivery_t *d);
static void ngx_recording_early_idle(ngx_recording_object_t *o);
static void ngx_recording_early_list(ngx_recording_delivery_t *d);


void
ngx_recording_delivery_early_start(ngx_recording_delivery_t *d)
{
    ngx_recording_job_init(&d->look.job, d->jobs, ngx_recording_early_thread,
                           ngx_recording_early_looked, d);

    d->look.job.background = 1;

    if (d->probe) {
        ngx_recording_early_probe(d);

    } else {
        ngx_recording_delivery_early_look(d);
    }
}


/* it is not known whether the bucket can be used: nothing is read for it */

static void
ngx_recording_early_probe(ngx_recording_delivery_t *d)
{
    ngx_recording_delivery_object_t  *s;

    s = &d->objects[0];

    if (ngx_recording_delivery_take(d, s, d->list.n) != NGX_OK) {
        ngx_recording_delivery_fail(d, "no memory");
        return;
    }

    ngx_recording_delivery_object(s);
    s->object.probe = 1;

    ngx_recording_object_send(&s->object);
}


void
ngx_recording_delivery_early_look(ngx_recording_delivery_t *d)
{
    if (d->look.busy || d->probe || d->leaving
        || (d->playlist ? ngx_recording_delivery_busy(d) : d->bucket->equal)
        || !ngx_recording_early_wakes(d))
    {
        return;
    }

    d->look.need = d->playlist ? 0 : ngx_recording_early_need(d);
    d->look.busy = 1;

    ngx_recording_job_post(&d->look.job);
}


/*
 * As many as there are connections, in turn: each has descriptors open, and
 * there may be hundreds that wait for a bucket that is slow, or was not there.
 */

static ngx_uint_t
ngx_recording_early_wakes(ngx_recording_delivery_t *d)
{
    ngx_recording_bucket_t  *bucket;

    bucket = d->bucket;

    if (!bucket->grows) {
        bucket->grows = 1;
        ngx_queue_init(&bucket->resting);
    }

    if (bucket->awake < bucket->connections) {
        bucket->awake += !d->awake;
        d->awake = 1;

        return 1;
    }

    if (!d->awake && !d->rests) {
        d->rests = 1;
        ngx_queue_insert_tail(&bucket->resting, &d->resting);
    }

    return 0;
}


void
ngx_recording_delivery_early_rest(ngx_recording_delivery_t *d)
{
    ngx_queue_t             *q;
    ngx_recording_bucket_t  *bucket;

    bucket = d->bucket;

    if (d->rests) {
        d->rests = 0;
        ngx_queue_remove(&d->resting);
    }

    if (!d->awake) {
        return;
    }

    d->awake = 0;
    bucket->awake--;

    while (bucket->awake < bucket->connections
           && !ngx_queue_empty(&bucket->resting))
    {
        q = ngx_queue_head(&bucket->resting);
        ngx_queue_remove(q);

        d = ngx_queue_data(q, ngx_recording_delivery_t, resting);
        d->rests = 0;

        ngx_recording_delivery_early_look(d);
    }
}


/* the end of the next part; the first two, as one of them is held back */

static off_t
ngx_recording_early_need(ngx_recording_delivery_t *d)
{
    off_t                     size;
    ngx_uint_t                next;
    ngx_recording_object_t   *o;

    o = d->objects[0].used ? &d->objects[0].object : NULL;

    if (o && o->moved) {
        d->look.more = 1;
        return 0;
    }

    next = o ? o->nparts + 1 : 2;
    size = d->part_size ? d->part_size : d->bucket->part_size;

    return ngx_recording_object_media(size, next + 1);
}


static void
ngx_recording_early_thread(void *data)
{
    ngx_recording_delivery_t *d = data;

    ngx_int_t                       rc;
    ngx_recording_delivery_look_t  *look;

    look = &d->look;

    if (!ngx_recording_early_changed(d)) {
        return;
    }

    rc = ngx_recording_early_look_thread(d->store, d->row->file_id,
                                         &look->early);

    /* what failed is not left until the journal changes once more */

    look->more = rc == NGX_ERROR || (rc == NGX_OK && look->early.moving);

    if (rc != NGX_OK || look->more) {
        return;
    }

    if (d->playlist) {
        ngx_recording_early_list_thread(d);

    } else if (look->early.length >= look->need) {
        look->fd = ngx_recording_early_open_thread(d->store, d->row->file_id,
                                                   &look->early);
        look->more = (look->fd == -1);
    }

    if (look->fd != -1) {
        ngx_recording_early_credentials_thread(d);
    }
}


/* whether there can be anything new, before its journal is read */

static ngx_uint_t
ngx_recording_early_changed(ngx_recording_delivery_t *d)
{
    char                            name[48];
    struct stat                     info, media;
    const ngx_recording_format_t   *format;
    ngx_recording_delivery_look_t  *look;

    look = &d->look;

    ngx_recording_store_name(name, sizeof(name), d->row->file_id,
                             NGX_RECORDING_JOURNAL_SUFFIX);

    if (look->more) {
        return 1;
    }

    if (fstatat(d->store->work, name, &info, AT_SYMLINK_NOFOLLOW) == -1
        || (info.st_size == look->journal
            && info.st_mtim.tv_sec == look->written.tv_sec
            && info.st_mtim.tv_nsec == look->written.tv_nsec))
    {
        return 0;
    }

    if (!d->playlist) {
        format = ngx_recording_formats_find(d->format);

        if (format == NULL) {
            return 0;
        }

        ngx_recording_store_name(name, sizeof(name), d->row->file_id,
                                 format->extension);

        if (fstatat(d->store->work, name, &media, AT_SYMLINK_NOFOLLOW) == -1
            || media.st_size < look->need)
        {
            return 0;
        }
    }

    look->journal = info.st_size;
    look->written = info.st_mtim;

    return 1;
}


/* they may be others by now: a recording can take longer than they last */

static void
ngx_recording_early_credentials_thread(ngx_recording_delivery_t *d)
{
    char                            error[256];
    ngx_recording_delivery_look_t  *look;

    look = &d->look;

    if (ngx_recording_credentials_read_thread(
                                     (char *) d->bucket->credentials.data,
                                     &look->credentials, error, sizeof(error))
        != NGX_OK)
    {
        ngx_memzero(&look->credentials, sizeof(look->credentials));
    }
}


static void
ngx_recording_early_list_thread(ngx_recording_delivery_t *d)
{
    int                             fd;
    ngx_uint_t                      most;
    ngx_recording_delivery_look_t  *look;

    look = &d->look;

    if (look->early.segments <= d->cursor) {
        return;
    }

    /* one that is refused keeps no more than these from being listed */

    most = d->cursor + NGX_RECORDING_DELIVERY_OBJECTS;

    look->more = (most < look->early.segments);
    most = ngx_min(most, look->early.segments);

    fd = memfd_create("playlist", MFD_CLOEXEC);

    if (fd == -1) {
        look->more = 1;
        return;
    }

    if (ngx_recording_delivery_list_thread(d->store, d->path,
                                           most, fd, &look->list)
        != NGX_OK)
    {
        ngx_recording_close(fd);
        look->more = 1;
        return;
    }

    look->fd = fd;
}


static void
ngx_recording_early_looked(void *data)
{
    ngx_recording_delivery_t *d = data;

    d->look.busy = 0;

    if (d->over) {

        /* it was waited for */

        ngx_recording_early_drop(d);
        ngx_recording_delivery_finish(d);
        return;
    }

    if (d->look.fd == -1 || d->leaving) {
        ngx_recording_early_nothing(d);
        return;
    }

    ngx_recording_early_credentials(d);

    if (d->playlist) {
        ngx_recording_early_list(d);

    } else {
        ngx_recording_early_file(d);
    }
}


/* what was begun before may go on */

static void
ngx_recording_early_nothing(ngx_recording_delivery_t *d)
{
    ngx_recording_early_drop(d);

    if (!ngx_recording_delivery_busy(d)
        || (!d->playlist && d->objects[0].object.resting))
    {
        ngx_recording_delivery_early_rest(d);
    }
}


static void
ngx_recording_early_drop(ngx_recording_delivery_t *d)
{
    ngx_recording_delivery_look_t  *look;

    look = &d->look;

    if (look->fd != -1) {
        ngx_recording_job_close(d->jobs, look->fd);
        look->fd = -1;
    }

    ngx_recording_credentials_free(&look->credentials);
    ngx_memzero(&look->credentials, sizeof(look->credentials));

    ngx_recording_delivery_list_free(&look->list);
}


/* requests take them when they are signed, in the loop */

static void
ngx_recording_early_credentials(ngx_recording_delivery_t *d)
{
    if (d->look.credentials.text == NULL) {
        return;
    }

    ngx_recording_credentials_free(&d->credentials);

    d->credentials = d->look.credentials;
    ngx_memzero(&d->look.credentials, sizeof(d->look.credentials));
}


/* --- one file */

static void
ngx_recording_early_file(ngx_recording_delivery_t *d)
{
    ngx_uint_t                        used;
    ngx_recording_object_t           *o;
    ngx_recording_delivery_object_t  *s;

    s = &d->objects[0];
    o = &s->object;
    used = s->used;

    if (s->fd != -1) {
        ngx_recording_job_close(d->jobs, s->fd);
    }

    s->fd = d->look.fd;
    s->begin = d->look.early.begin;
    s->size = d->look.early.begin + d->look.early.length;
    d->look.fd = -1;

    if (!used) {
        if (ngx_recording_delivery_take(d, s, d->list.n) != NGX_OK) {
            ngx_recording_delivery_fail(d, "no memory");
            return;
        }

        ngx_recording_delivery_object(s);
        o->look = d->look.early;

        ngx_recording_object_send(o);
        return;
    }

    o->fd = s->fd;
    o->size = s->size;
    o->begin = s->begin;
    o->look = d->look.early;

    ngx_recording_object_grown(o);
}


/* what is at rest has nothing open */

static void
ngx_recording_early_idle(ngx_recording_object_t *o)
{
    ngx_recording_delivery_object_t  *s;

    s = o->data;

    if (o->sent) {
        o->sent = 0;
        s->delivery->sent(s->delivery);
    }

    ngx_recording_job_close(s->delivery->jobs, s->fd);

    s->fd = -1;
    o->fd = -1;

    ngx_recording_delivery_early_rest(s->delivery);
}


void
ngx_recording_delivery_early_object(ngx_recording_delivery_object_t *s)
{
    ngx_recording_object_t    *o;
    ngx_recording_delivery_t  *d;

    d = s->delivery;
    o = &s->object;

    if (s->number < d->list.n) {
        ngx_str_set(&o->cache, NGX_RECORDING_EARLY_CACHE);

    } else if (d->playlist) {

        o->always = d->begun;

        o->cache.data = (u_char *) d->cache;
        o->cache.len = strlen(d->cache);
    }

    if (!d->early) {
        return;
    }

    /* the end, which is the last of it, is not known */

    o->nmeta--;
    o->growing = !d->playlist;
    o->store = d->store;
    o->id = d->row->file_id;
    o->idle = ngx_recording_early_idle;
}


/* --- a playlist; nothing of it is under way */

static void
ngx_recording_early_list(ngx_recording_delivery_t *d)
{
    off_t    size;
    u_char  *there;

    size = d->look.list.len;

    if (d->look.list.n <= d->cursor
        || (there = realloc(d->there, d->look.list.n + 1)) == NULL)
    {
        ngx_recording_early_nothing(d);
        return;
    }

    (void) memset(there, 1, d->cursor);
    (void) memset(there + d->cursor, 0, d->look.list.n - d->cursor);

    ngx_recording_delivery_list_free(&d->list);

    d->there = there;
    d->list = d->look.list;
    d->next = d->cursor;

    if (d->snapshot != -1) {
        (void) close(d->snapshot);
    }

    d->snapshot = d->look.fd;
    d->snapshot_size = size;
    d->look.fd = -1;

    ngx_memzero(&d->look.list, sizeof(d->look.list));

    (void) snprintf(d->cache, sizeof(d->cache), "max-age=%u",
                    (unsigned) ngx_max(d->list.target / 2, 1));

    ngx_recording_delivery_fill(d);
}
