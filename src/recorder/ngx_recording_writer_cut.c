
/* new files: whose they are, and what they begin with */


#include "ngx_recording_cut.h"
#include "ngx_recording_refuse.h"
#include "ngx_recording_tail.h"
#include "ngx_recording_tell.h"
#include "ngx_recording_writer.h"


#define NGX_RECORDING_WRITER_AHEAD   1000      /* ms */
#define NGX_RECORDING_WRITER_LOOK    256       /* messages, at most */
#define NGX_RECORDING_WRITER_CLAIM   2000      /* ms */
#define NGX_RECORDING_WRITER_ASK     5000      /* ms, for another's recording */


static void ngx_recording_writer_place(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor,
    ngx_recording_cut_t *cut);
static ngx_uint_t ngx_recording_writer_late(ngx_recording_track_t *t,
    int64_t limit);
static ngx_int_t ngx_recording_writer_claim(ngx_recording_writer_t *w,
    ngx_recording_item_t *item);
static ngx_int_t ngx_recording_writer_resume(ngx_recording_writer_t *w);
static ngx_int_t ngx_recording_writer_leave(ngx_recording_writer_t *w);
static void ngx_recording_writer_filed(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor);
static void ngx_recording_writer_silent(ngx_recording_writer_t *w,
    ngx_recording_item_t *item);
static int64_t ngx_recording_writer_held(ngx_recording_writer_t *w,
    int64_t begin);
static int64_t ngx_recording_writer_begin(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor,
    int64_t begin);


/* new files, for all outputs or those whose interval is over */

ngx_int_t
ngx_recording_writer_cut(ngx_recording_writer_t *w, ngx_recording_item_t *item,
    ngx_recording_cursor_t *cursor, ngx_uint_t all)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_recording_cut_t  cut;

    rc = ngx_recording_writer_claim(w, item);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_held_stale(&w->held);

    if (w->tracks.track[NGX_RECORDING_AUDIO].changed) {

        /* what waited to know its file is of the header from before */

        ngx_recording_held_release_thread(&w->held, &w->held.ahead,
                                          NGX_RECORDING_HELD_ALL);
    }

    if (!w->outputs.turned) {
        if (all) {
            ngx_recording_writer_filed(w, item, cursor);

        } else {
            ngx_recording_writer_silent(w, item);
        }
    }

    ngx_recording_writer_place(w, item, cursor, &cut);
    cut.all = all;

    if (ngx_recording_cut_thread(&w->outputs, &cut) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (all) {
        for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
            w->tracks.track[i].changed = 0;
        }

        w->outputs.wanted = NGX_RECORDING_CUT_NONE;
        w->outputs.jump = 0;
        w->outputs.ordered = 0;
        w->outputs.started = 1;
    }

    w->tracks.broken = 0;

    return NGX_OK;
}


/* where files are cut, and by that which tracks still lag behind */

static void
ngx_recording_writer_place(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor,
    ngx_recording_cut_t *cut)
{
    ngx_uint_t              i;
    ngx_recording_track_t  *t;

    ngx_memzero(cut, sizeof(ngx_recording_cut_t));

    cut->now = item->time;
    cut->track = item->message->track;
    cut->composition = item->frame.composition;
    cut->begin = ngx_recording_writer_held(w, item->time);
    cut->time = cut->track == NGX_RECORDING_AUDIO ? cut->begin : item->time;
    cut->first = ngx_recording_writer_begin(w, item, cursor, cut->begin);
    cut->wall = item->wall;
    cut->reason = w->outputs.wanted;
    cut->ordered = w->outputs.ordered;
    cut->jump = cut->reason == NGX_RECORDING_CUT_JUMP ? w->outputs.jump : 0;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        t = &w->tracks.track[i];

        if (t->filed) {
            ngx_recording_refuse_ask_thread(&w->outputs, i);
        }

        cut->media[i] = t->media;
        cut->media[i].present = t->filed;

        if (t->changed) {
            cut->changed |= (ngx_uint_t) 1 << i;
        }

        if (i != cut->track
            && ngx_recording_writer_late(t, ngx_recording_tail_limit(cut)))
        {
            cut->late |= (ngx_uint_t) 1 << i;
        }
    }
}


/* whether a track may still bring what belongs before a stream time */

static ngx_uint_t
ngx_recording_writer_late(ngx_recording_track_t *t, int64_t limit)
{
    if (!t->filed || t->changed) {
        return 0;
    }

    if (!t->seen) {

        /* it was announced, and nothing came so far */

        return t->live;
    }

    return t->last < limit && limit - t->last <= NGX_RECORDING_LAG;
}


/*
 * The recording's row, once.  One that waits for this stream is taken; a
 * relay asks whether another worker has it.  NGX_AGAIN: not known yet.
 */

static ngx_int_t
ngx_recording_writer_claim(ngx_recording_writer_t *w,
    ngx_recording_item_t *item)
{
    int64_t                           now;
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_recording_start_t            *start;
    ngx_recording_catalogue_error_t   err;

    if (w->outputs.recording_id) {
        return ngx_recording_writer_resume(w);
    }

    /* audio from before is in the other recording */

    if (w->busy) {
        ngx_recording_held_forget(&w->held, item->time);
    }

    if (w->busy && item->time < w->elsewhere) {
        return NGX_ERROR;
    }

    now = ngx_recording_mono();
    start = &w->start;

    start->stream = w->outputs.stream;
    start->wall = item->wall;
    start->exclusive = w->exclusive;
    start->hurry = w->outputs.stop
                   || (w->asked
                       && now - w->asked > NGX_RECORDING_WRITER_ASK * 1000);

    for (i = 0; i < w->outputs.template->nformats; i++) {
        start->resume |= (w->outputs.template->formats[i].resume != 0);
    }

    rc = ngx_recording_change_ask_thread(&w->change,
                                         ngx_recording_catalogue_start, start,
                                         0, &err);
    if (rc == NGX_BUSY) {
        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {
        w->outputs.recording_id = start->recording_id;
        ngx_recording_tell_passed(&w->outputs);

        ngx_recording_notice(w->outputs.notices, NGX_LOG_NOTICE, 0,
                             "recording %llu %s",
                             (unsigned long long) w->outputs.recording_id,
                             start->resumed ? "resumed" : "started");

        w->resumes = now;

        return ngx_recording_writer_resume(w);
    }

    if (rc == NGX_AGAIN) {
        w->asked = w->asked ? w->asked : now;
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {

        /* what was written of the question is not, and what was taken of a
           dead worker's files is not this one's */

        start->asked = start->before;
        start->repair = 0;

        if (start->unknown) {
            w->asked = w->asked ? w->asked : now;
        }

        return ngx_recording_tell_failed(&w->outputs, &err);
    }

    w->elsewhere = item->time + NGX_RECORDING_WRITER_CLAIM;

    if (!w->busy) {
        w->busy = 1;

        ngx_recording_notice(w->outputs.notices, NGX_LOG_NOTICE, 0,
                             "not recorded, another worker records it");
    }

    return NGX_ERROR;
}


/*
 * Files of the recording that was resumed, if it was.  As long as one waits
 * for a descriptor, its stream does, as for another worker.
 */

static ngx_int_t
ngx_recording_writer_resume(ngx_recording_writer_t *w)
{
    ngx_uint_t  tired;

    if (w->resumes) {
        tired = w->outputs.stop
                || ngx_recording_mono() - w->resumes
                   > NGX_RECORDING_WRITER_ASK * 1000;

        if (ngx_recording_pause_resume_thread(&w->outputs, &w->start,
                                              &w->leaves, tired)
            == NGX_AGAIN)
        {
            return NGX_AGAIN;
        }

        w->resumes = 0;
    }

    return ngx_recording_writer_leave(w);
}


/* files of the recording that do not go on are finished by the keeper */

static ngx_int_t
ngx_recording_writer_leave(ngx_recording_writer_t *w)
{
    ngx_int_t                         rc;
    ngx_recording_leaves_t           *leaves;
    ngx_recording_catalogue_error_t   err;

    leaves = &w->leaves;

    while (leaves->n) {
        rc = ngx_recording_change_ask_thread(&w->change,
                                             ngx_recording_catalogue_set_state,
                                             &leaves->state[leaves->n - 1], 0,
                                             &err);
        if (rc == NGX_BUSY) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            return ngx_recording_tell_failed(&w->outputs, &err);
        }

        leaves->n--;
    }

    return NGX_OK;
}


/* which tracks the new files have: those that are published by now */

static void
ngx_recording_writer_filed(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor)
{
    ngx_uint_t                i;
    ngx_recording_message_t  *ahead;
    ngx_recording_track_t    *t;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        t = &w->tracks.track[i];
        ahead = ngx_recording_writer_ahead(item, cursor, i);

        if (t->media.codec.codec == NGX_RECORDING_CODEC_NONE && ahead) {
            ngx_recording_track_learn(&w->tracks, ahead);
        }

        if (t->media.codec.codec == NGX_RECORDING_CODEC_NONE) {
            t->filed = 0;
            continue;
        }

        t->filed = i == item->message->track
                   || (t->seen
                       && item->time - t->last <= NGX_RECORDING_HELD_TIME);

        /* video is there from a key frame on */

        if (i == NGX_RECORDING_AUDIO || t->seen) {
            t->filed |= ahead || (t->live && !t->seen);
        }
    }
}


/*
 * A file of an interval does not promise a track that is off for long; it
 * comes late, if it is back.
 */

static void
ngx_recording_writer_silent(ngx_recording_writer_t *w,
    ngx_recording_item_t *item)
{
    ngx_uint_t              i;
    ngx_recording_track_t  *t;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        t = &w->tracks.track[i];

        if (i != item->message->track && t->filed && t->seen
            && item->time - t->last > NGX_RECORDING_HELD_TIME)
        {
            t->filed = 0;
        }
    }
}


/* where new files begin: audio that was held belongs before the key frame */

static int64_t
ngx_recording_writer_held(ngx_recording_writer_t *w, int64_t begin)
{
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    c = ngx_recording_batch_begin(&w->held.next);

    while ((m = ngx_recording_batch_next(&c)) != NULL) {
        begin = ngx_min(begin, ngx_recording_held_time(m));
    }

    return begin;
}


/*
 * And where they begin if there is no file before them: audio of the first
 * batch can belong before its key frame by its timestamp.
 */

static int64_t
ngx_recording_writer_begin(ngx_recording_writer_t *w,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor, int64_t begin)
{
    int64_t                   distance;
    ngx_recording_track_t    *t;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    c = *cursor;

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        if (m->track >= NGX_RECORDING_TRACKS) {
            continue;
        }

        distance = (int32_t) (m->timestamp - item->message->timestamp);
        t = &w->tracks.track[m->track];

        /* a step back: what follows may be of another line */

        if (t->seen && item->time + distance < t->last) {
            break;
        }

        if (distance < 0 && distance >= -NGX_RECORDING_LAG) {
            begin = ngx_min(begin, item->time + distance);
        }
    }

    return begin;
}


/* the next frame or header of a track, if it follows soon */

ngx_recording_message_t *
ngx_recording_writer_ahead(ngx_recording_item_t *item,
    ngx_recording_cursor_t *cursor, ngx_uint_t track)
{
    int32_t                   distance;
    ngx_uint_t                n;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    n = 0;
    c = *cursor;

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        distance = (int32_t) (m->timestamp - item->message->timestamp);

        if (distance > NGX_RECORDING_WRITER_AHEAD
            || ++n == NGX_RECORDING_WRITER_LOOK)
        {
            return NULL;
        }

        if (m->track == track && !m->early) {
            return m;
        }
    }

    return NULL;
}
