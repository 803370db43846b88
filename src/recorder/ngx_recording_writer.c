
#include "ngx_recording_interval.h"
#include "ngx_recording_output.h"
#include "ngx_recording_tail.h"
#include "ngx_recording_tell.h"
#include "ngx_recording_writer.h"


#define NGX_RECORDING_WRITER_META    65536
#define NGX_RECORDING_WRITER_NOTE    5000      /* ms, without record_sync */


static void ngx_recording_writer_leave_thread(ngx_recording_writer_t *w);
static ngx_int_t ngx_recording_writer_append_thread(
    ngx_recording_writer_t *w, ngx_recording_batch_t *batch,
    ngx_recording_cursor_t *cursor);
static ngx_int_t ngx_recording_writer_end_thread(ngx_recording_writer_t *w);
static ngx_int_t ngx_recording_writer_expire(ngx_recording_writer_t *w);
static void ngx_recording_writer_sync(ngx_recording_writer_t *w);
static ngx_int_t ngx_recording_writer_rest(ngx_recording_writer_t *w);
static void ngx_recording_writer_waits(ngx_recording_writer_t *w);
static ngx_int_t ngx_recording_writer_message(ngx_recording_writer_t *w,
    ngx_recording_batch_t *batch, ngx_recording_cursor_t *cursor,
    ngx_recording_message_t *m);
static void ngx_recording_writer_time_thread(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor);
static ngx_int_t ngx_recording_writer_frame(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor);
static ngx_int_t ngx_recording_writer_decide(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor);
static ngx_uint_t ngx_recording_writer_low(ngx_recording_writer_t *w,
    ngx_uint_t chance);
static ngx_uint_t ngx_recording_writer_video(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor);
static void ngx_recording_writer_gap(ngx_recording_writer_t *w,
    ngx_recording_message_t *m);
static void ngx_recording_writer_meta(ngx_recording_writer_t *w,
    ngx_recording_message_t *m);


ngx_recording_writer_t *
ngx_recording_writer_create(ngx_recording_order_t *order,
    ngx_recording_stream_t *stream, ngx_recording_template_t *template,
    ngx_recording_store_t *store, ngx_recording_changes_t *changes,
    ngx_uint_t exclusive)
{
    ngx_uint_t               i;
    ngx_recording_writer_t  *w;

    w = calloc(1, sizeof(ngx_recording_writer_t));

    if (w == NULL) {
        return NULL;
    }

    w->outputs.stream = stream;
    w->outputs.template = template;
    w->outputs.store = store;
    w->outputs.catalogue = changes->catalogue;
    w->exclusive = exclusive;
    w->held.limit = ngx_min(NGX_RECORDING_HELD, order->limit);

    ngx_recording_track_init(&w->tracks, &w->outputs);
    w->held.tracks = &w->tracks;
    w->outputs.closed = &order->closed;
    w->outputs.notices = &order->notices;
    w->time.notices = &order->notices;

    for (i = 0; i < template->nformats; i++) {
        w->outputs.output[i].conf = &template->formats[i];
        w->outputs.output[i].retry = NGX_RECORDING_RETRY_NOW;

        ngx_recording_change_init(&w->outputs.output[i].change, changes);
    }

    ngx_recording_change_init(&w->change, changes);

    ngx_queue_init(&order->closed);

    return w;
}


void
ngx_recording_writer_free(ngx_recording_writer_t *w)
{
    ngx_uint_t  i;

    for (i = 0; i < w->outputs.template->nformats; i++) {
        free(w->outputs.output[i].lost);
    }

    ngx_recording_batch_clear(&w->held.next);
    ngx_recording_batch_clear(&w->held.ahead);
    ngx_recording_track_free(&w->tracks);

    free(w->outputs.meta);
    free(w);
}


void
ngx_recording_writer_run_thread(ngx_recording_writer_t *w,
    ngx_recording_order_t *order)
{
    ngx_int_t                 rc;
    ngx_uint_t                cut;
    ngx_recording_outputs_t  *o;

    if (order->leave) {
        ngx_recording_writer_leave_thread(w);
        order->rc = NGX_OK;
        return;
    }

    o = &w->outputs;

    o->unfinished = order->unfinished;
    o->stop = order->stop;
    o->left = order->left;
    w->now = order->now;
    w->end = order->over;

    cut = (order->cut && o->started);

    if (cut) {

        /* what is wanted for another reason is as good */

        o->ordered = 1;
        o->wanted = o->wanted == NGX_RECORDING_CUT_NONE
                    ? NGX_RECORDING_CUT_ORDER : o->wanted;
    }

    /* once its files wait they may be another worker's before this one knows
       that their rows are written */

    rc = w->ended ? NGX_OK
                  : ngx_recording_writer_append_thread(w, &order->batch,
                                                       &order->cursor);

    if (rc == NGX_OK && order->end) {
        rc = ngx_recording_writer_end_thread(w);
    }

    if (cut) {
        order->cut = o->ordered;
    }

    order->rc = rc;
    order->unfinished = o->unfinished;
    order->recording_id = o->recording_id;
    order->held = w->held.next.held + w->held.ahead.held;
    order->waiting = w->held.next.n + w->held.ahead.n;
    order->unsynced = w->unsynced;
    order->repair = w->start.taken;
    order->nrepair = w->start.repair ? w->start.n : 0;

    w->start.repair = 0;
}


/* of a worker that gives up as it exits: another one goes on */

static void
ngx_recording_writer_leave_thread(ngx_recording_writer_t *w)
{
    ngx_uint_t               i, n;
    ngx_recording_mux_t     *mux[3];
    ngx_recording_output_t  *out;

    for (i = 0; i < w->outputs.template->nformats; i++) {
        out = &w->outputs.output[i];

        mux[0] = out->mux;
        mux[1] = out->resumed;
        mux[2] = out->next;

        out->mux = NULL;
        out->resumed = NULL;
        out->next = NULL;

        for (n = 0; n < 3; n++) {
            if (mux[n]) {
                ngx_recording_mux_close_thread(mux[n]);
            }
        }

        while (out->ntails) {
            ngx_recording_mux_close_thread(out->tails[--out->ntails].mux);
        }
    }
}


/* NGX_AGAIN: the cursor is where it stopped */

static ngx_int_t
ngx_recording_writer_append_thread(ngx_recording_writer_t *w,
    ngx_recording_batch_t *batch, ngx_recording_cursor_t *cursor)
{
    ngx_int_t                 rc;
    ngx_recording_cursor_t    next;
    ngx_recording_message_t  *m;

    rc = NGX_OK;

    for (next = *cursor;
         (m = ngx_recording_batch_next(&next)) != NULL;
         *cursor = next)
    {
        w->unsynced = 1;

        if (!w->stopped
            && ngx_recording_writer_message(w, batch, &next, m) != NGX_OK)
        {
            continue;
        }

        rc = ngx_recording_writer_frame(w, &w->item, &next);

        w->stopped = (rc == NGX_AGAIN);

        if (w->stopped) {
            break;
        }
    }

    if (rc != NGX_AGAIN) {
        rc = ngx_recording_writer_expire(w);
    }

    ngx_recording_track_flush_thread(&w->tracks);
    ngx_recording_writer_sync(w);

    return rc == NGX_AGAIN ? NGX_AGAIN : NGX_OK;
}


/* audio does not wait for what has stopped to come */

static ngx_int_t
ngx_recording_writer_expire(ngx_recording_writer_t *w)
{
    int64_t  arrived;

    if (w->now - w->tracks.track[NGX_RECORDING_VIDEO].wall
        > NGX_RECORDING_HELD_VIDEO * 1000)
    {
        ngx_recording_held_release_thread(&w->held, &w->held.ahead,
                                          NGX_RECORDING_HELD_ALL);
    }

    arrived = ngx_max(w->tracks.track[NGX_RECORDING_VIDEO].wall,
                      w->tracks.track[NGX_RECORDING_AUDIO].wall);

    if (w->held.next.n
        && w->now - arrived > NGX_RECORDING_HELD_SILENT * 1000LL)
    {
        return ngx_recording_writer_rest(w);
    }

    return NGX_OK;
}


/* what a power cut may cost; and what is noted for the case of a kill */

static void
ngx_recording_writer_sync(ngx_recording_writer_t *w)
{
    int64_t                    now, interval;
    ngx_recording_template_t  *template;

    template = w->outputs.template;

    now = ngx_recording_mono();
    interval = (int64_t) (template->sync ? template->sync
                                         : NGX_RECORDING_WRITER_NOTE)
               * 1000;

    if (w->synced == 0) {

        /* not all recordings at the same time */

        w->synced = now - now % interval;
    }

    if (now - w->synced < interval) {
        return;
    }

    w->synced = now;
    w->unsynced = 0;

    ngx_recording_output_sync_thread(&w->outputs, template->sync != 0);
}


/* NGX_AGAIN: there is no answer of the catalogue yet, or it failed */

static ngx_int_t
ngx_recording_writer_end_thread(ngx_recording_writer_t *w)
{
    int64_t                          waits;
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_recording_catalogue_error_t  err;

    w->ending.end = w->end;

    if (!w->ended) {

        if (ngx_recording_writer_rest(w) == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        for (i = 0; i < w->outputs.template->nformats; i++) {
            ngx_recording_pause_end_thread(&w->outputs, &w->outputs.output[i],
                                           &w->ending);
        }

        w->ended = 1;
    }

    if (w->outputs.recording_id) {
        w->ending.recording_id = w->outputs.recording_id;

        rc = ngx_recording_change_ask_thread(&w->change,
                                             ngx_recording_catalogue_end,
                                             &w->ending, 0, &err);
        if (rc == NGX_BUSY) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            return ngx_recording_tell_failed(&w->outputs, &err);
        }
    }

    for (i = 0; i < w->outputs.template->nformats; i++) {
        waits = ngx_recording_pause_ended_thread(&w->outputs.output[i]);
        w->waits = ngx_max(w->waits, waits);
    }

    ngx_recording_tell_passed(&w->outputs);
    ngx_recording_time_told(&w->time);

    if (w->outputs.recording_id == 0) {
        ngx_recording_tell_nothing(&w->outputs);
    }

    if (w->waits) {
        ngx_recording_writer_waits(w);
    }

    return NGX_OK;
}


/* audio that waited for a key frame which does not come */

static ngx_int_t
ngx_recording_writer_rest(ngx_recording_writer_t *w)
{
    ngx_int_t                 rc;
    ngx_recording_item_t      item;
    ngx_recording_cursor_t    cursor;
    ngx_recording_message_t  *m;

    ngx_recording_held_release_thread(&w->held, &w->held.ahead,
                                      NGX_RECORDING_HELD_ALL);
    ngx_recording_held_stale(&w->held);

    if (w->held.next.n == 0) {
        return NGX_OK;
    }

    cursor = ngx_recording_batch_begin(&w->held.next);
    m = ngx_recording_batch_next(&cursor);

    ngx_memzero(&item, sizeof(ngx_recording_item_t));
    item.time = ngx_recording_held_time(m);
    item.message = m;
    item.wall = w->held.next.wall;
    item.overtaken = 0;

    cursor.block = NULL;

    rc = ngx_recording_writer_cut(w, &item, &cursor, 1);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {
        ngx_recording_held_release_thread(&w->held, &w->held.next,
                                          NGX_RECORDING_HELD_ALL);

    } else if (!w->busy) {
        ngx_recording_output_dropped(&w->outputs, NGX_RECORDING_AUDIO,
                                     NGX_RECORDING_DROP_DISK, w->held.next.n);
    }

    ngx_recording_batch_clear(&w->held.next);

    return NGX_OK;
}


ngx_uint_t
ngx_recording_writer_asks(ngx_recording_writer_t *w,
    void (*answered)(void *data), void *data)
{
    ngx_uint_t  i, n;

    n = ngx_recording_change_post(&w->change, answered, data);

    for (i = 0; i < w->outputs.template->nformats; i++) {
        n += ngx_recording_change_post(&w->outputs.output[i].change, answered,
                                       data);
    }

    return n;
}


static void
ngx_recording_writer_waits(ngx_recording_writer_t *w)
{
    char       text[64];
    time_t     sec;
    struct tm  tm;

    sec = (time_t) ((w->waits + ngx_recording_store_shift(w->outputs.store)
                     + 999999)
                    / 1000000);

    (void) gmtime_r(&sec, &tm);
    (void) strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);

    ngx_recording_notice(w->outputs.notices, NGX_LOG_NOTICE, 0,
                         "recording %llu paused, it is finished at %s UTC "
                         "unless its stream is back",
                         (unsigned long long) w->outputs.recording_id, text);
}


/* NGX_OK: w->item is a frame, which is to be written; NGX_DECLINED: it is
   none, or was counted */

static ngx_int_t
ngx_recording_writer_message(ngx_recording_writer_t *w,
    ngx_recording_batch_t *batch, ngx_recording_cursor_t *cursor,
    ngx_recording_message_t *m)
{
    ngx_recording_item_t  *item;

    item = &w->item;

    if (m->track == NGX_RECORDING_GAP) {
        ngx_recording_writer_gap(w, m);
        return NGX_DECLINED;
    }

    if (m->track == NGX_RECORDING_DATA) {
        ngx_recording_writer_meta(w, m);
        return NGX_DECLINED;
    }

    item->message = m;
    item->data = ngx_recording_message_body(m);
    item->frame = m->frame;
    item->wall = batch->wall + (int64_t) m->arrival * 1000;
    item->time = w->tracks.track[m->track].last;
    item->overtaken = 0;

    if (m->broken) {
        ngx_recording_track_broken(&w->tracks, item, "is cut short");
        return NGX_DECLINED;
    }

    if (item->frame.header) {
        ngx_recording_track_header(&w->tracks, item);
        return NGX_DECLINED;
    }

    if (ngx_recording_track_media(&w->tracks, item) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_recording_writer_time_thread(w, item, cursor);

    if (m->track == NGX_RECORDING_VIDEO
        && ngx_recording_key_look(&w->key, &w->tracks, item) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* after a jump new files are wanted, or a gap is noted where it is closed */

static void
ngx_recording_writer_time_thread(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor)
{
    int64_t                   jump;
    ngx_recording_clock_e     event;
    ngx_recording_outputs_t  *o;

    o = &w->outputs;
    event = ngx_recording_time_frame(&w->time, item, cursor);

    if (event == NGX_RECORDING_CLOCK_STEADY
        || event == NGX_RECORDING_CLOCK_BACK || !o->started)
    {
        return;
    }

    jump = w->time.clock.jump;

    if (o->wanted == NGX_RECORDING_CUT_NONE
        || o->wanted == NGX_RECORDING_CUT_JUMP)
    {
        o->jump = jump < 0 ? NGX_RECORDING_JUMP_OPEN : ngx_max(o->jump, jump);
        o->wanted = NGX_RECORDING_CUT_JUMP;
    }

    if (jump > 0) {
        ngx_recording_output_jump_thread(o, item->time, jump);
    }
}


static ngx_int_t
ngx_recording_writer_frame(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor)
{
    ngx_int_t               rc;
    ngx_recording_track_t  *t;

    t = &w->tracks.track[item->message->track];

    /* what was decided before the writer stopped, holds */

    if (!w->stopped
        && ngx_recording_writer_decide(w, item, cursor) != NGX_OK)
    {
        return NGX_OK;
    }

    if (w->due) {
        rc = ngx_recording_writer_cut(w, item, cursor, w->all);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (!t->filed || t->changed) {

        /* the open files cannot take it */

        if (item->message->track == NGX_RECORDING_VIDEO) {
            ngx_recording_track_drop(&w->tracks, item, NGX_RECORDING_DROP_KEY);

        } else {
            ngx_recording_held_add(&w->held, &w->held.next, item);
        }

        return NGX_OK;
    }

    if (w->due && w->held.next.n) {
        ngx_recording_held_release_thread(&w->held, &w->held.next,
                                          NGX_RECORDING_HELD_ALL);
    }

    if (item->message->track == NGX_RECORDING_AUDIO && !w->due
        && ngx_recording_held_waits(&w->held, item))
    {
        ngx_recording_held_add(&w->held, &w->held.ahead, item);
        return NGX_OK;
    }

    if (w->held.ahead.n) {
        ngx_recording_held_overtaken_thread(&w->held, item, w->due);
    }

    ngx_recording_track_sample_thread(&w->tracks, item, w->chance);

    return NGX_OK;
}


/* whether files are cut at a frame; NGX_DONE: it is not written */

static ngx_int_t
ngx_recording_writer_decide(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor)
{
    ngx_uint_t                chance, all;
    ngx_recording_track_t    *t;
    ngx_recording_outputs_t  *o;

    t = &w->tracks.track[item->message->track];

    ngx_recording_track_seen(&w->tracks, item);

    /* files are cut before a video key frame, or anywhere without video */

    chance = item->message->track == NGX_RECORDING_VIDEO
             ? item->frame.key
             : !ngx_recording_writer_video(w, item, cursor);

    o = &w->outputs;

    if (o->started && !t->filed && o->wanted == NGX_RECORDING_CUT_NONE) {
        o->wanted = NGX_RECORDING_CUT_TRACK;

        ngx_recording_notice_exception(o->notices,
            NGX_RECORDING_EXCEPTION_CHANGED, 0,
            "%s came late, the file is changed at the next chance",
            ngx_recording_tell_tracks[item->message->track]);
    }

    all = !o->started || o->wanted != NGX_RECORDING_CUT_NONE;

    if (o->unfinished >= NGX_RECORDING_UNFINISHED) {

        /* more files than can be finished: a publisher that changes on and
           on must not take every descriptor */

        if (all) {
            ngx_recording_track_drop(&w->tracks, item, NGX_RECORDING_DROP_DISK);
            ngx_recording_tell_drop(o, item->message->track,
                                    NGX_RECORDING_DROP_DISK,
                                    "more files than can be finished wait "
                                    "for it");
            return NGX_DONE;
        }

        chance = 0;
    }

    if (ngx_recording_writer_low(w, chance)) {

        if (!o->started) {
            ngx_recording_output_missed(o, item->message->track);
            return NGX_DONE;
        }

        chance = 0;
    }

    w->chance = (chance != 0);
    w->all = (all != 0);
    w->due = chance
             && (all || ngx_recording_interval_due(o, item->time, item->wall));
    return NGX_OK;
}


/*
 * Whether there is less room than the reserve: files end at the next chance,
 * and begin at one again.
 */

static ngx_uint_t
ngx_recording_writer_low(ngx_recording_writer_t *w, ngx_uint_t chance)
{
    ngx_uint_t                i;
    ngx_recording_output_t   *out;
    ngx_recording_outputs_t  *o;

    o = &w->outputs;

    if (chance && o->low != (o->store->low != 0)) {
        o->low = !o->low;
        ngx_recording_tell_room(o);

        for (i = 0; i < o->template->nformats; i++) {
            out = &o->output[i];

            if (o->low) {
                ngx_recording_tail_close_thread(o, out);
                ngx_recording_output_close_thread(o, out);

            } else if (out->retry != NGX_RECORDING_RETRY_NEVER) {
                out->retry = NGX_RECORDING_RETRY_NOW;
            }
        }
    }

    return o->low;
}


/* whether video is to be waited for */

static ngx_uint_t
ngx_recording_writer_video(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor)
{
    return (w->tracks.track[NGX_RECORDING_VIDEO].live
            || ngx_recording_writer_ahead(item, cursor, NGX_RECORDING_VIDEO))
           && ngx_recording_key_wait(&w->held, item);
}


/* the recorder dropped frames: what follows begins new files */

static void
ngx_recording_writer_gap(ngx_recording_writer_t *w,
    ngx_recording_message_t *m)
{
    uint32_t  dropped[NGX_RECORDING_TRACKS];

    ngx_memcpy(dropped, ngx_recording_message_body(m), sizeof(dropped));

    ngx_recording_output_dropped(&w->outputs, NGX_RECORDING_VIDEO,
                                 NGX_RECORDING_DROP_BUFFER,
                                 dropped[NGX_RECORDING_VIDEO]);
    ngx_recording_output_dropped(&w->outputs, NGX_RECORDING_AUDIO,
                                 NGX_RECORDING_DROP_BUFFER,
                                 dropped[NGX_RECORDING_AUDIO]);
    if (w->outputs.started) {
        w->outputs.wanted = NGX_RECORDING_CUT_GAP;
    }
}


static void
ngx_recording_writer_meta(ngx_recording_writer_t *w,
    ngx_recording_message_t *m)
{
    u_char  *p;

    if (m->size == 0 || m->size > NGX_RECORDING_WRITER_META) {
        return;
    }

    p = malloc(m->size);

    if (p == NULL) {
        return;
    }

    ngx_memcpy(p, ngx_recording_message_body(m), m->size);

    free(w->outputs.meta);

    w->outputs.meta = p;
    w->outputs.meta_len = m->size;
}
