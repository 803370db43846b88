
#include "ngx_recording_delivery.h"


#define NGX_RECORDING_DELIVERY_TICK    1000      /* ms */
#define NGX_RECORDING_DELIVERY_KEPT    64        /* segments */
#define NGX_RECORDING_DELIVERY_PROBE   2000000   /* us */
#define NGX_RECORDING_DELIVERY_SHORT   5000000   /* us, and doubles */
#define NGX_RECORDING_DELIVERY_LONG    900000000 /* us */
#define NGX_RECORDING_DELIVERY_GROWS   60000000  /* us */


static ngx_uint_t ngx_recording_delivery_last(
    const ngx_recording_delivery_t *d);
static void ngx_recording_delivery_begin(ngx_recording_delivery_t *d,
    ngx_recording_delivery_object_t *s);
static char *ngx_recording_delivery_beside(const char *path,
    const char *name);
static void ngx_recording_delivery_open_thread(void *data);
static void ngx_recording_delivery_opened(void *data);
static void ngx_recording_delivery_commit(ngx_recording_object_t *o);
static void ngx_recording_delivery_upload(ngx_recording_delivery_t *d,
    const ngx_recording_object_t *o);
static void ngx_recording_delivery_object_done(ngx_recording_object_t *o);
static void ngx_recording_delivery_there(ngx_recording_delivery_t *d,
    ngx_recording_delivery_object_t *s);
static void ngx_recording_delivery_failed(ngx_recording_delivery_t *d,
    const ngx_recording_object_t *o);
static int64_t ngx_recording_delivery_pause(ngx_recording_delivery_t *d,
    ngx_msec_t least);
static void ngx_recording_delivery_tick(ngx_event_t *ev);


void
ngx_recording_delivery_prepare_thread(ngx_recording_delivery_t *d)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_DELIVERY_OBJECTS; i++) {
        d->objects[i].fd = -1;
    }

    d->snapshot = -1;
    d->look.fd = -1;

    rc = ngx_recording_delivery_plan_thread(d);

    if (rc == NGX_OK || d->upload_id[0]) {

        if (ngx_recording_credentials_read_thread(
                                  (char *) d->bucket->credentials.data,
                                  &d->credentials, d->error, sizeof(d->error))
            != NGX_OK)
        {
            d->result = NGX_RECORDING_OUTBOX_RETURNED;
            d->pause = NGX_RECORDING_DELIVERY_PROBE;
            d->unreached = 1;
            d->stopped = 1;
            rc = NGX_ERROR;
        }
    }

    d->failed = (rc != NGX_OK);
}


void
ngx_recording_delivery_start(ngx_recording_delivery_t *d)
{
    ngx_recording_delivery_object_t  *s;

    if (d->failed && !(d->result == NGX_RECORDING_OUTBOX_DEAD
                       && d->upload_id[0]))
    {
        ngx_recording_delivery_finish(d);
        return;
    }

    d->tick.handler = ngx_recording_delivery_tick;
    d->tick.data = d;
    d->tick.log = d->log;
    d->tick.cancelable = 1;

    ngx_add_timer(&d->tick, NGX_RECORDING_DELIVERY_TICK);

    if (!d->failed) {
        d->next = d->cursor;

        if (d->early) {
            ngx_recording_delivery_early_start(d);

        } else {
            ngx_recording_delivery_fill(d);
        }

        return;
    }

    /* it can never be delivered, and an upload was begun */

    s = &d->objects[0];

    if (ngx_recording_delivery_take(d, s, d->list.n) != NGX_OK) {
        ngx_recording_delivery_finish(d);
        return;
    }

    ngx_recording_delivery_object(s);

    (void) snprintf(s->object.error, sizeof(s->object.error), "%s", d->error);

    ngx_recording_object_drop(&s->object);
}


void
ngx_recording_delivery_committed(ngx_recording_delivery_t *d)
{
    ngx_recording_object_t  *o;

    o = d->committing;
    d->committing = NULL;

    if (o && !d->over) {
        ngx_recording_object_committed(o);
    }
}


void
ngx_recording_delivery_end(ngx_recording_delivery_t *d)
{
    if (d->over || d->leaving) {
        return;
    }

    d->leaving = 1;
    d->left = ngx_current_msec;

    ngx_recording_delivery_leave(d);
}


void
ngx_recording_delivery_free(ngx_recording_delivery_t *d)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_DELIVERY_META; i++) {
        free(d->values[i]);
    }

    ngx_recording_credentials_free(&d->credentials);

    if (d->snapshot != -1) {
        (void) close(d->snapshot);
    }

    ngx_recording_delivery_list_free(&d->list);

    free(d->there);
    free(d->path);
    free(d->progress);
    free(d);
}


/* --- the objects; the playlist when all of its segments are there */

void
ngx_recording_delivery_fill(ngx_recording_delivery_t *d)
{
    ngx_uint_t                        i;
    ngx_recording_delivery_object_t  *s;

    for (i = 0; i < NGX_RECORDING_DELIVERY_OBJECTS && !d->leaving; i++) {
        s = &d->objects[i];

        if (s->used) {
            continue;
        }

        if (d->next > d->list.n
            || (d->next == d->list.n && !ngx_recording_delivery_last(d)))
        {
            break;
        }

        ngx_recording_delivery_begin(d, s);

        if (d->over) {
            return;
        }
    }

    if (ngx_recording_delivery_busy(d)) {
        return;
    }

    if (d->early && !d->leaving) {
        ngx_recording_delivery_early_rest(d);
        return;
    }

    if (d->leaving) {
        d->result = NGX_RECORDING_OUTBOX_RETURNED;
    }

    ngx_recording_delivery_finish(d);
}


/* whether it is the turn of what is not a segment */

static ngx_uint_t
ngx_recording_delivery_last(const ngx_recording_delivery_t *d)
{
    return d->cursor == d->list.n && (!d->early || d->snapshot != -1);
}


static void
ngx_recording_delivery_begin(ngx_recording_delivery_t *d,
    ngx_recording_delivery_object_t *s)
{
    if (ngx_recording_delivery_take(d, s, d->next++) != NGX_OK) {
        ngx_recording_delivery_fail(d, "no memory");
        return;
    }

    if (d->early && s->number == d->list.n) {
        s->fd = d->snapshot;
        s->size = d->snapshot_size;
        d->snapshot = -1;

        ngx_recording_delivery_object(s);
        ngx_recording_object_send(&s->object);
        return;
    }

    ngx_recording_job_init(&s->job, d->jobs,
                           ngx_recording_delivery_open_thread,
                           ngx_recording_delivery_opened, s);

    s->job.background = 1;
    s->opening = 1;

    ngx_recording_job_post(&s->job);
}


/* a segment lies beside its playlist, in the bucket too */

ngx_int_t
ngx_recording_delivery_take(ngx_recording_delivery_t *d,
    ngx_recording_delivery_object_t *s, ngx_uint_t number)
{
    s->delivery = d;
    s->used = 1;
    s->number = number;

    if (s->number == d->list.n) {
        s->path = strdup(d->path);
        s->key = strdup(d->row->key);

    } else {
        s->path = ngx_recording_delivery_beside(d->path,
                                                d->list.names[s->number]);
        s->key = ngx_recording_delivery_beside(d->row->key,
                                               d->list.names[s->number]);
    }

    return s->path && s->key ? NGX_OK : NGX_ERROR;
}


static char *
ngx_recording_delivery_beside(const char *path, const char *name)
{
    char    *p;
    size_t   len;

    p = strrchr(path, '/');
    len = p ? p - path + 1 : 0;

    p = malloc(len + strlen(name) + 1);

    if (p) {
        (void) memcpy(p, path, len);
        (void) strcpy(p + len, name);
    }

    return p;
}


static void
ngx_recording_delivery_open_thread(void *data)
{
    ngx_recording_delivery_object_t *s = data;

    struct stat  info;

    s->fd = ngx_recording_openat(s->delivery->store->files, s->path,
                                 O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK, 0);

    if (s->fd == -1 || fstat(s->fd, &info) == -1) {
        s->err = errno;
        return;
    }

    s->err = S_ISREG(info.st_mode) ? 0 : EINVAL;
    s->size = info.st_size;

    if (s->delivery->begun && s->err == 0 && !s->delivery->playlist) {
        s->begin = ngx_recording_early_begin_thread(s->delivery->format,
                                                    s->fd);

        /* -1: its parts cannot be told, another upload is begun */

        s->err = s->begin == -1 && errno != EINVAL ? errno : 0;
    }
}


static void
ngx_recording_delivery_opened(void *data)
{
    ngx_recording_delivery_object_t *s = data;

    ngx_recording_delivery_t  *d;

    d = s->delivery;

    s->opening = 0;

    if (d->over) {

        /* it was waited for, before it may be freed */

        ngx_recording_delivery_release(s);
        ngx_recording_delivery_finish(d);
        return;
    }

    if (d->leaving) {
        ngx_recording_delivery_release(s);
        ngx_recording_delivery_fill(d);
        return;
    }

    ngx_recording_delivery_object(s);

    if (s->err == 0) {
        ngx_recording_object_send(&s->object);
        return;
    }

    (void) snprintf(s->object.error, sizeof(s->object.error),
                    "the local file \"%.100s\" is not there any more, or "
                    "cannot be read: %s", s->path, strerror(s->err));

    s->object.result = s->err == ENOENT ? NGX_RECORDING_S3_OBJECT
                                        : NGX_RECORDING_S3_AGAIN;

    if (s->err == ENOENT && s->object.upload_id[0]) {
        ngx_recording_object_drop(&s->object);

    } else {
        ngx_recording_delivery_failed(d, &s->object);
    }
}


void
ngx_recording_delivery_object(ngx_recording_delivery_object_t *s)
{
    const char                *type;
    ngx_recording_object_t    *o;
    ngx_recording_delivery_t  *d;

    d = s->delivery;
    o = &s->object;

    ngx_memzero(o, sizeof(ngx_recording_object_t));

    type = s->number < d->list.n ? "video/mp2t" : d->type;

    o->bucket = d->bucket;
    o->credentials = &d->credentials;
    o->jobs = d->jobs;
    o->log = d->log;
    o->key.data = (u_char *) s->key;
    o->key.len = strlen(s->key);
    o->type.data = (u_char *) type;
    o->type.len = strlen(type);
    o->meta = d->meta;
    o->nmeta = NGX_RECORDING_DELIVERY_META;
    o->begin = s->begin;
    o->file_id = d->file_id;
    o->fd = s->fd;
    o->size = s->size;
    o->whole = d->playlist;
    o->again = d->again;

    /* a bucket that was stopped for long has not refused it for long */

    o->last = d->row->attempts > NGX_RECORDING_OUTBOX_TIMES
              && ngx_recording_store_now(d->store) - d->row->first_us
                 > NGX_RECORDING_OUTBOX_LIFE;
    o->commit = ngx_recording_delivery_commit;
    o->done = ngx_recording_delivery_object_done;
    o->data = s;

    if (!d->playlist) {
        o->early = d->begun && d->upload_id[0];
        o->part_size = d->part_size;
        (void) strcpy(o->upload_id, d->upload_id);

        if (s->begin == -1) {
            o->early = 0;
            o->upload_id[0] = '\0';
        }
    }

    if (d->row->target->early) {
        ngx_recording_delivery_early_object(s);
    }
}


static void
ngx_recording_delivery_commit(ngx_recording_object_t *o)
{
    ngx_recording_delivery_t         *d;
    ngx_recording_delivery_object_t  *s;

    s = o->data;
    d = s->delivery;

    ngx_recording_delivery_upload(d, o);
    d->committing = o;

    d->commit(d);
}


/* what the row's progress has of it */

static void
ngx_recording_delivery_upload(ngx_recording_delivery_t *d,
    const ngx_recording_object_t *o)
{
    (void) strcpy(d->upload_id, o->upload_id);
    d->part_size = o->part_size;
    d->begun = (o->early != 0);
}


static void
ngx_recording_delivery_object_done(ngx_recording_object_t *o)
{
    ngx_recording_delivery_t         *d;
    ngx_recording_delivery_object_t  *s;

    s = o->data;
    d = s->delivery;

    if (!d->playlist) {
        ngx_recording_delivery_upload(d, o);
    }

    if (o->result != NGX_RECORDING_S3_OK) {
        ngx_recording_delivery_failed(d, o);
        return;
    }

    if (o->probe) {
        d->works = 1;
        d->result = NGX_RECORDING_OUTBOX_RETURNED;
        ngx_recording_delivery_finish(d);
        return;
    }

    ngx_recording_delivery_there(d, s);
}


static void
ngx_recording_delivery_there(ngx_recording_delivery_t *d,
    ngx_recording_delivery_object_t *s)
{
    ngx_uint_t  last;

    last = (s->number == d->list.n);

    if (last) {
        (void) strcpy(d->etag, s->object.etag);
        d->size = s->size + (d->playlist ? d->segments_size : 0);
        d->result = NGX_RECORDING_OUTBOX_DONE;

    } else {
        d->there[s->number] = 1;

        while (d->cursor < d->list.n && d->there[d->cursor]) {
            d->cursor++;
        }
    }

    ngx_recording_delivery_release(s);

    if (last && !d->early) {
        ngx_recording_delivery_finish(d);
        return;
    }

    if (d->early) {
        d->sent(d);
    }

    /* a kill costs no more than a look at so many segments; and that a playlist
       is there is known to whoever cannot look */

    if (d->cursor >= d->kept + NGX_RECORDING_DELIVERY_KEPT
        || (last && !d->begun))
    {
        d->begun = d->begun || last;
        d->kept = d->cursor;
        d->commit(d);
    }

    ngx_recording_delivery_fill(d);

    if (last && d->look.more) {
        ngx_recording_delivery_early_look(d);
    }
}


/* --- the end */

void
ngx_recording_delivery_fail(ngx_recording_delivery_t *d, const char *error)
{
    ngx_recording_object_t  *o;

    o = &d->objects[0].object;

    (void) snprintf(o->error, sizeof(o->error), "%s", error);
    o->result = NGX_RECORDING_S3_AGAIN;
    o->unreached = 0;
    o->status = 0;
    o->pause = 0;

    ngx_recording_delivery_failed(d, o);
}


static void
ngx_recording_delivery_failed(ngx_recording_delivery_t *d,
    const ngx_recording_object_t *o)
{
    (void) snprintf(d->error, sizeof(d->error), "%s", o->error);

    d->unreached = o->unreached;
    d->hold = o->pause;
    d->status = o->status;

    switch (o->result) {

    case NGX_RECORDING_S3_BUCKET:
        d->result = NGX_RECORDING_OUTBOX_RETURNED;
        d->pause = NGX_RECORDING_DELIVERY_PROBE;
        d->unreached = 1;
        d->stopped = 1;
        break;

    case NGX_RECORDING_S3_OBJECT:
        d->result = NGX_RECORDING_OUTBOX_DEAD;
        break;

    default:
        d->result = d->leaving || d->early ? NGX_RECORDING_OUTBOX_RETURNED
                                           : NGX_RECORDING_OUTBOX_FAILED;
        d->pause = d->leaving ? 0 : ngx_recording_delivery_pause(d, o->pause);

        /* attempts of one that grows are not counted, and it may be hours */

        if (d->pause && d->early && o->result == NGX_RECORDING_S3_REFUSED) {
            d->pause = ngx_max(d->pause, NGX_RECORDING_DELIVERY_GROWS);
        }

        if (d->leaving && d->early) {
            d->error[0] = '\0';
        }
    }

    ngx_recording_delivery_finish(d);
}


/* us, with the least in ms */

static int64_t
ngx_recording_delivery_pause(ngx_recording_delivery_t *d, ngx_msec_t least)
{
    int64_t     pause;
    ngx_uint_t  n;

    n = ngx_min(d->row->attempts, 16) - 1;

    pause = ngx_min((int64_t) NGX_RECORDING_DELIVERY_SHORT << n,
                    NGX_RECORDING_DELIVERY_LONG);
    pause = pause / 2 + ngx_random() % (pause / 2);

    return ngx_max(pause, (int64_t) least * 1000);
}


void
ngx_recording_delivery_release(ngx_recording_delivery_object_t *s)
{
    if (s->fd != -1) {
        ngx_recording_job_close(s->delivery->jobs, s->fd);
        s->fd = -1;
    }

    free(s->path);
    free(s->key);

    s->path = NULL;
    s->key = NULL;
    s->used = 0;
}


ngx_uint_t
ngx_recording_delivery_busy(const ngx_recording_delivery_t *d)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_DELIVERY_OBJECTS; i++) {
        if (d->objects[i].used) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_recording_delivery_tick(ngx_event_t *ev)
{
    ngx_recording_delivery_t  *d;

    d = ev->data;

    ngx_add_timer(ev, NGX_RECORDING_DELIVERY_TICK);

    if (!ngx_exiting) {

        if (d->early) {
            ngx_recording_delivery_early_look(d);
        }

        return;
    }

    if (!d->leaving) {
        d->leaving = 1;
        d->left = ngx_current_msec;
        ngx_recording_delivery_leave(d);

    } else if (ngx_current_msec - d->left > NGX_RECORDING_DELIVERY_LEAVE) {
        d->result = NGX_RECORDING_OUTBOX_RETURNED;
        d->pause = 0;
        ngx_recording_delivery_finish(d);
    }
}


void
ngx_recording_delivery_leave(ngx_recording_delivery_t *d)
{
    ngx_uint_t                        i;
    ngx_recording_delivery_object_t  *s;

    for (i = 0; i < NGX_RECORDING_DELIVERY_OBJECTS && !d->over; i++) {
        s = &d->objects[i];

        if (s->used && !s->opening) {
            ngx_recording_object_leave(&s->object);
        }
    }

    /* one that grows may have nothing under way */

    if (d->early && !d->over) {
        ngx_recording_delivery_fill(d);
    }
}


/* nothing of it is under way when it is done, but a thread that opens */

void
ngx_recording_delivery_finish(ngx_recording_delivery_t *d)
{
    ngx_uint_t                        i, waits;
    ngx_recording_delivery_object_t  *s;

    d->over = 1;

    ngx_recording_delivery_early_rest(d);

    if (d->tick.timer_set) {
        ngx_del_timer(&d->tick);
    }

    waits = d->look.busy;

    for (i = 0; i < NGX_RECORDING_DELIVERY_OBJECTS; i++) {
        s = &d->objects[i];

        if (s->opening) {
            waits = 1;
            continue;
        }

        if (s->used) {
            ngx_recording_object_cancel(&s->object);
            ngx_recording_delivery_release(s);
        }
    }

    if (waits) {
        return;
    }

    free(d->progress);
    d->progress = ngx_recording_delivery_progress(d);

    d->done(d);
}
