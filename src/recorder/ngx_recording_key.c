
#include "ngx_recording_key.h"
#include "ngx_recording_output.h"
#include "ngx_recording_unit.h"


#define NGX_RECORDING_KEY_WAIT   10000         /* ms, for a real key frame */
#define NGX_RECORDING_KEY_FIRST  2000          /* ms, for the first one */


static ngx_uint_t ngx_recording_key_recovery(ngx_recording_key_t *k,
    ngx_recording_item_t *item);


ngx_int_t
ngx_recording_key_look(ngx_recording_key_t *k,
    ngx_recording_tracks_t *tracks, ngx_recording_item_t *item)
{
    ngx_uint_t              length;
    ngx_recording_unit_t    u;
    ngx_recording_media_t  *media;
    ngx_recording_track_t  *t;

    t = &tracks->track[NGX_RECORDING_VIDEO];
    media = &t->media;
    length = 4;

    if (media->header_len > media->header_body) {
        length = ngx_recording_unit_length(item->frame.codec,
                                           media->header + media->header_body,
                                           media->header_len
                                           - media->header_body);
    }

    ngx_recording_unit_piece(&u, item->data + item->frame.body,
                             item->message->size - item->frame.body);
    ngx_recording_unit_look(&item->frame, &u, length);

    if (item->frame.key) {
        k->late = 0;

    } else if (ngx_recording_key_recovery(k, item)) {
        item->frame.key = 1;
    }

    if (!item->frame.key && !t->filed) {

        /* it is no sign of a track yet */

        if (tracks->outputs->low && !tracks->outputs->started) {
            ngx_recording_output_missed(tracks->outputs, NGX_RECORDING_VIDEO);

        } else {
            ngx_recording_track_drop(tracks, item, NGX_RECORDING_DROP_KEY);
        }

        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * A picture that is refreshed bit by bit has no key frames, perhaps after a
 * first one: for want of them files are cut at recovery points.
 */

static ngx_uint_t
ngx_recording_key_recovery(ngx_recording_key_t *k,
    ngx_recording_item_t *item)
{
    if (item->message->key) {

        /* the recorder has waited already */

        k->late = 1;
        k->keyless = item->time - NGX_RECORDING_KEY_WAIT;

    } else if (!k->late) {
        k->late = 1;
        k->keyless = item->time;
    }

    return item->frame.recovery
           && item->time - k->keyless >= NGX_RECORDING_KEY_WAIT;
}


ngx_uint_t
ngx_recording_key_wait(ngx_recording_held_t *h, ngx_recording_item_t *item)
{
    int64_t                   since;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;
    ngx_recording_track_t    *t;

    t = &h->tracks->track[NGX_RECORDING_VIDEO];

    if (h->next.size + item->message->size > h->limit) {
        return 0;
    }

    if (t->seen) {
        return item->time - t->last <= NGX_RECORDING_HELD_TIME;
    }

    if (h->tracks->outputs->started || item->message->key) {
        return 0;
    }

    since = item->time;

    c = ngx_recording_batch_begin(&h->next);
    m = ngx_recording_batch_next(&c);

    if (m) {
        since = ngx_recording_held_time(m);
    }

    return item->time - since < NGX_RECORDING_KEY_FIRST;
}
