
#include "ngx_recording_held.h"
#include "ngx_recording_output.h"


void
ngx_recording_held_add(ngx_recording_writer_t *w,
    ngx_recording_item_t *item)
{
    u_char  *p;

    p = ngx_recording_batch_add(&w->held, item->message->track,
                                item->message->timestamp, item->wall,
                                sizeof(item->time) + item->message->size);
    if (p == NULL) {
        ngx_recording_track_drop(w, item, NGX_RECORDING_DROP_KEY);
        return;
    }

    p = ngx_cpymem(p, &item->time, sizeof(item->time));
    ngx_memcpy(p, item->data, item->message->size);
}


void
ngx_recording_held_forget(ngx_recording_writer_t *w, int64_t before)
{
    u_char                   *p;
    int64_t                   time;
    ngx_recording_batch_t     held;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    held = w->held;
    ngx_memzero(&w->held, sizeof(ngx_recording_batch_t));

    c = ngx_recording_batch_begin(&held);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        ngx_memcpy(&time, ngx_recording_message_body(m), sizeof(time));

        if (time < before) {
            continue;
        }

        p = ngx_recording_batch_add(&w->held, m->track, m->timestamp,
                                    held.wall + (int64_t) m->arrival * 1000,
                                    m->size);
        if (p) {
            ngx_memcpy(p, ngx_recording_message_body(m), m->size);
        }
    }

    ngx_recording_batch_clear(&held);
}


void
ngx_recording_held_release_thread(ngx_recording_writer_t *w)
{
    ngx_recording_item_t     item;
    ngx_recording_cursor_t   c;
    ngx_recording_message_t  *m, message;

    c = ngx_recording_batch_begin(&w->held);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        message = *m;
        message.size -= sizeof(item.time);

        item.message = &message;
        item.data = ngx_recording_message_body(m) + sizeof(item.time);
        item.wall = w->held.wall + (int64_t) m->arrival * 1000;

        ngx_memcpy(&item.time, ngx_recording_message_body(m),
                   sizeof(item.time));

        (void) ngx_recording_frame_parse(&item.frame, message.track,
                                         item.data, message.size);

        ngx_recording_track_sample_thread(w, &item, 0);
    }

    /* the files point into what is freed now */

    ngx_recording_output_flush_thread(w);
    ngx_recording_batch_clear(&w->held);
}
