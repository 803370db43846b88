
/*
 * Events that have no row: the store cannot be used, or has no room, and so a
 * recording has none.  They are tried three times, from memory.
 */


#include "ngx_recording_dispatch.h"
#include "ngx_recording_facts.h"


#define NGX_RECORDING_MEMORY_TRIES  3
#define NGX_RECORDING_MEMORY_PAUSE  20000        /* ms */


static ngx_uint_t ngx_recording_memory_is(const ngx_str_t *template,
    const ngx_str_t *name);
static void ngx_recording_memory_event(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane, const ngx_recording_stream_t *stream,
    const char *text, const char *format);
static void ngx_recording_memory_send(ngx_event_t *ev);


void
ngx_recording_dispatch_refused(ngx_recording_worker_t *worker,
    const ngx_recording_stream_t *stream, const char *text,
    const char **formats, ngx_uint_t n)
{
    ngx_str_t                  called;
    ngx_uint_t                 i, k;
    const ngx_str_t           *template;
    ngx_recording_lane_t      *lane;
    ngx_recording_dispatch_t  *d;

    d = worker->dispatch;

    /* as the triggers of the outbox do */

    template = stream->delivers.len ? &stream->delivers : &stream->template;
    called = ngx_recording_dispatch_callback_of(d, stream);

    for (i = 0; i < ngx_recording_dispatch_lanes(d); i++) {
        lane = ngx_recording_dispatch_lane(d, i);

        if (!(lane->target->kinds & NGX_RECORDING_KIND_STATUS)
            || !(ngx_recording_memory_is(&lane->target->template, template)
                 || (called.len
                     && ngx_recording_memory_is(&lane->target->template,
                                                &called))))
        {
            continue;
        }

        for (k = 0; k < n; k++) {
            ngx_recording_memory_event(d, lane, stream, text, formats[k]);
        }
    }
}


static ngx_uint_t
ngx_recording_memory_is(const ngx_str_t *template, const ngx_str_t *name)
{
    return template->len == name->len
           && ngx_memcmp(template->data, name->data, name->len) == 0;
}


static void
ngx_recording_memory_event(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane, const ngx_recording_stream_t *stream,
    const char *text, const char *format)
{
    ngx_uint_t                i;
    ngx_recording_attempt_t  *a;

    a = d->memory < NGX_RECORDING_DISPATCH_MEMORY
        ? ngx_recording_dispatch_attempt_create(d, lane) : NULL;

    if (a == NULL) {
        d->left_out++;
        return;
    }

    a->tries = NGX_RECORDING_MEMORY_TRIES;

    a->row.target = lane->target;
    a->row.event_us = ngx_recording_wall();
    a->row.facts = ngx_recording_facts_refused(stream, format, text);

    ngx_recording_file_about(stream, a->row.about);

    (void) strcpy(a->row.kind, "status");
    (void) strcpy(a->row.event, "record_start_failed");

    for (i = 0; i < 8; i++) {
        (void) snprintf(a->row.event_id + 4 * i, 5, "%04x",
                        (unsigned) (ngx_random() & 0xffff));
    }

    a->timer.handler = ngx_recording_memory_send;
    a->timer.data = a;
    a->timer.log = d->worker->log;
    a->timer.cancelable = 1;

    d->memory++;
    lane->memory++;

    ngx_add_timer(&a->timer, 1);
}


static void
ngx_recording_memory_send(ngx_event_t *ev)
{
    ngx_recording_attempt_t  *a;

    a = ev->data;

    a->error[0] = '\0';
    a->row.attempts++;

    ngx_recording_dispatch_begin(a);

    /* signed anew */

    ngx_recording_event_free(&a->event);
    ngx_recording_dispatch_attempt_prepare(a);
    ngx_recording_dispatch_attempt_start(a);
}


void
ngx_recording_dispatch_memory_over(ngx_recording_attempt_t *a)
{
    if (a->result == NGX_RECORDING_OUTBOX_FAILED && --a->tries) {
        ngx_add_timer(&a->timer, NGX_RECORDING_MEMORY_PAUSE);
        return;
    }

    if (a->result == NGX_RECORDING_OUTBOX_FAILED) {
        ngx_log_error(NGX_LOG_ERR, &a->log, 0,
                      "recording: that a recording could not begin is not "
                      "told to \"%V\" of template \"%V\" any more: %s",
                      &a->lane->target->name, &a->lane->target->template,
                      a->error);
    }

    a->dispatch->memory--;
    a->lane->memory--;

    ngx_recording_dispatch_attempt_free(a);
}
