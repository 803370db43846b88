
#include "ngx_recording_held.h"
#include "ngx_recording_interval.h"
#include "ngx_recording_output.h"
#include "ngx_recording_tell.h"


static void ngx_recording_held_keep(ngx_recording_held_t *h,
    ngx_recording_batch_t *held, ngx_recording_batch_t *from, int64_t since);
static void ngx_recording_held_write_thread(ngx_recording_held_t *h,
    ngx_recording_batch_t *held, int64_t before, ngx_uint_t overtaken);


void
ngx_recording_held_add(ngx_recording_held_t *h,
    ngx_recording_batch_t *held, ngx_recording_item_t *item)
{
    u_char                   *p;
    ngx_recording_message_t  *to;

    if (held == &h->next) {
        ngx_recording_held_stale(h);
        h->version = h->tracks->track[NGX_RECORDING_AUDIO].version;
    }

    if (h->tracks->outputs->low) {

        /* no file begins, for however long */

        ngx_recording_track_drop(h->tracks, item, NGX_RECORDING_DROP_DISK);
        return;
    }

    if (h->next.size + h->ahead.size + item->message->size > h->limit) {
        ngx_recording_track_drop(h->tracks, item, NGX_RECORDING_DROP_KEY);
        return;
    }

    p = ngx_recording_batch_add(held, item->message->track,
                                item->message->timestamp, item->wall,
                                sizeof(item->time) + item->message->size);
    if (p == NULL) {
        ngx_recording_track_drop(h->tracks, item, NGX_RECORDING_DROP_BUFFER);
        return;
    }

    to = ngx_recording_message_of(p);

    p = ngx_cpymem(p, &item->time, sizeof(item->time));
    ngx_memcpy(p, item->data, item->message->size);

    to->frame = item->frame;
}


void
ngx_recording_held_stale(ngx_recording_held_t *h)
{
    if (h->next.n == 0
        || h->version == h->tracks->track[NGX_RECORDING_AUDIO].version)
    {
        return;
    }

    ngx_recording_output_dropped(h->tracks->outputs, NGX_RECORDING_AUDIO,
                                 NGX_RECORDING_DROP_KEY, h->next.n);
    ngx_recording_tell_drop(h->tracks->outputs, NGX_RECORDING_AUDIO,
                            NGX_RECORDING_DROP_KEY,
                            "their sequence header has changed before a key "
                            "frame came with which a file could take them");

    ngx_recording_batch_clear(&h->next);
}


void
ngx_recording_held_forget(ngx_recording_held_t *h, int64_t before)
{
    ngx_recording_batch_t  held;

    held = h->next;
    ngx_memzero(&h->next, sizeof(ngx_recording_batch_t));

    ngx_recording_held_keep(h, &h->next, &held, before);
    ngx_recording_batch_clear(&held);
}


/* moves what is not older than a stream time to the end of a batch */

static void
ngx_recording_held_keep(ngx_recording_held_t *h,
    ngx_recording_batch_t *held, ngx_recording_batch_t *from, int64_t since)
{
    u_char                   *p;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    c = ngx_recording_batch_begin(from);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        if (ngx_recording_held_time(m) < since) {
            continue;
        }

        p = ngx_recording_batch_add(held, m->track, m->timestamp,
                                    from->wall + (int64_t) m->arrival * 1000,
                                    m->size);
        if (p == NULL) {
            ngx_recording_output_dropped(h->tracks->outputs, m->track,
                                         NGX_RECORDING_DROP_BUFFER, 1);
            continue;
        }

        ngx_memcpy(p, ngx_recording_message_body(m), m->size);
        ngx_recording_message_of(p)->frame = m->frame;
    }
}


void
ngx_recording_held_release_thread(ngx_recording_held_t *h,
    ngx_recording_batch_t *held, int64_t before)
{
    ngx_recording_held_write_thread(h, held, before, 0);
}


static void
ngx_recording_held_write_thread(ngx_recording_held_t *h,
    ngx_recording_batch_t *held, int64_t before, ngx_uint_t overtaken)
{
    ngx_uint_t                n;
    ngx_recording_item_t      item;
    ngx_recording_batch_t     from;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m, message;

    n = 0;
    c = ngx_recording_batch_begin(held);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        item.time = ngx_recording_held_time(m);

        if (item.time >= before) {
            continue;
        }

        message = *m;
        message.size -= sizeof(item.time);

        item.message = &message;
        item.frame = m->frame;
        item.data = ngx_recording_message_body(m) + sizeof(item.time);
        item.wall = held->wall + (int64_t) m->arrival * 1000;
        item.overtaken = (overtaken != 0);

        ngx_recording_track_sample_thread(h->tracks, &item, 0);
        n++;
    }

    if (n == 0) {
        return;
    }

    /* the files point into what is freed now */

    ngx_recording_track_flush_thread(h->tracks);

    from = *held;
    ngx_memzero(held, sizeof(ngx_recording_batch_t));

    ngx_recording_held_keep(h, held, &from, before);
    ngx_recording_batch_clear(&from);
}


int64_t
ngx_recording_held_time(ngx_recording_message_t *m)
{
    int64_t  time;

    ngx_memcpy(&time, ngx_recording_message_body(m), sizeof(time));

    return time;
}


ngx_uint_t
ngx_recording_held_waits(ngx_recording_held_t *h, ngx_recording_item_t *item)
{
    ngx_recording_track_t  *video;

    video = &h->tracks->track[NGX_RECORDING_VIDEO];

    return video->filed && item->time > video->last
           && item->time - video->last <= NGX_RECORDING_LAG
           && item->wall - video->wall <= NGX_RECORDING_HELD_VIDEO * 1000
           && h->next.size + h->ahead.size + item->message->size <= h->limit
           && (h->tracks->outputs->wanted != NGX_RECORDING_CUT_NONE
               || ngx_recording_interval_due(h->tracks->outputs, item->time,
                                             item->wall));
}


void
ngx_recording_held_overtaken_thread(ngx_recording_held_t *h,
    ngx_recording_item_t *item, ngx_uint_t cut)
{
    int64_t     limit;
    ngx_uint_t  picture;

    picture = (item->message->track == NGX_RECORDING_VIDEO);
    limit = picture && !cut ? item->time : NGX_RECORDING_HELD_ALL;

    ngx_recording_held_write_thread(h, &h->ahead, limit, picture);
}
