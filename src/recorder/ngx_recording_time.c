
#include "ngx_recording_tell.h"
#include "ngx_recording_time.h"


static uint32_t ngx_recording_time_stamp(ngx_recording_time_t *t,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor);
static void ngx_recording_time_event(ngx_recording_time_t *t,
    ngx_recording_item_t *item, ngx_recording_clock_e event);


ngx_recording_clock_e
ngx_recording_time_frame(ngx_recording_time_t *t, ngx_recording_item_t *item,
    ngx_recording_cursor_t *cursor)
{
    uint32_t               timestamp;
    ngx_recording_clock_e  event;

    if (item->frame.wild && t->wild++ == 0) {
        ngx_recording_notice(t->notices, NGX_LOG_WARN, 0,
                             "composition time of the video frame at %u is "
                             "more than %d ms, none is assumed",
                             (unsigned) item->message->timestamp,
                             NGX_RECORDING_FRAME_COMPOSITION);
    }

    timestamp = item->message->timestamp;

    if (ngx_recording_clock_far(&t->clock, item->message->track, timestamp)) {
        timestamp = ngx_recording_time_stamp(t, item, cursor);
    }

    event = ngx_recording_clock_advance(&t->clock, item->message->track,
                                        timestamp, item->frame.composition,
                                        item->wall / 1000, &item->time);

    if (event != NGX_RECORDING_CLOCK_STEADY && t->events[event]++ == 0) {
        ngx_recording_time_event(t, item, event);
    }

    return event;
}


/* what a timestamp that is far should be, by the next one of its track */

static uint32_t
ngx_recording_time_stamp(ngx_recording_time_t *t,
    ngx_recording_item_t *item, ngx_recording_cursor_t *cursor)
{
    uint32_t                  instead;
    ngx_recording_frame_t     f;
    ngx_recording_cursor_t    c;
    ngx_recording_message_t  *m;

    c = *cursor;

    while ((m = ngx_recording_batch_next(&c)) != NULL) {

        if (m->track != item->message->track
            || ngx_recording_frame_parse(&f, m->track,
                                         ngx_recording_message_body(m),
                                         m->size)
               != NGX_OK
            || f.header)
        {
            continue;
        }

        if (ngx_recording_clock_alone(&t->clock, m->track, m->timestamp,
                                      &instead))
        {
            if (t->events[NGX_RECORDING_CLOCK_ALONE]++ == 0) {
                ngx_recording_time_event(t, item, NGX_RECORDING_CLOCK_ALONE);
            }

            return instead;
        }

        break;
    }

    return item->message->timestamp;
}


/* the first one of its kind; the others are counted */

static void
ngx_recording_time_event(ngx_recording_time_t *t,
    ngx_recording_item_t *item, ngx_recording_clock_e event)
{
    const char                 *track;
    ngx_recording_exception_e   exception;

    track = ngx_recording_tell_tracks[item->message->track];
    exception = NGX_RECORDING_EXCEPTION_VIDEO_TIME + item->message->track;

    switch (event) {

    case NGX_RECORDING_CLOCK_PAUSED:
        ngx_recording_notice(t->notices, NGX_LOG_WARN, 0,
                             "nothing came for %lld ms, this is recorded as "
                             "an interruption",
                             (long long) t->clock.jump);
        break;

    case NGX_RECORDING_CLOCK_JUMPED:
        ngx_recording_notice_exception(t->notices, exception, 0,
            "%s timestamp jumped by %lld ms to %u", track,
            (long long) t->clock.jump, (unsigned) item->message->timestamp);
        break;

    case NGX_RECORDING_CLOCK_ALONE:
        ngx_recording_notice_exception(t->notices, exception, 0,
            "%s timestamp %u is far from those before and behind it, it is put "
            "between them", track, (unsigned) item->message->timestamp);
        break;

    default:
        ngx_recording_notice_exception(t->notices, exception, 0,
            "%s timestamp %u is %lld ms before the frame that came last, it is "
            "put right behind it", track, (unsigned) item->message->timestamp,
            (long long) -t->clock.jump);
    }
}


void
ngx_recording_time_told(ngx_recording_time_t *t)
{
    static const char  *names[NGX_RECORDING_CLOCK_EVENTS] = {
        NULL, "steps back", "pauses", "jumps", "jumps for one frame"
    };

    ngx_uint_t  i;

    for (i = 1; i < NGX_RECORDING_CLOCK_EVENTS; i++) {

        if (t->events[i] > 1) {
            ngx_recording_notice(t->notices, NGX_LOG_WARN, 0,
                                 "timestamps made %llu %s in all",
                                 (unsigned long long) t->events[i], names[i]);
        }

        t->events[i] = 0;
    }

    if (t->wild > 1) {
        ngx_recording_notice(t->notices, NGX_LOG_WARN, 0,
                             "composition times of %llu video frames were "
                             "wrong in all", (unsigned long long) t->wild);
    }

    t->wild = 0;
}
