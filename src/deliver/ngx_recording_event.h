
/*
 * What is told of an event: the body and the headers of a POST, or what a
 * program gets.
 *
 *   row of the outbox ----+           +--> JSON, signed, and headers
 *                         |--> facts --|
 *   notify, time ---------+           +--> arguments, environment
 *
 * The event types, fields and their types are those of the cloud; what is
 * ours besides has names that the cloud has not.  docs/events.md has them all.
 *
 * Pure: any thread.  What is made is of malloc() and belongs to the caller.
 * The names in a row are what a client sent, any bytes: those that are no
 * UTF-8 are replaced by U+FFFD, so that the JSON is valid always.
 */


#ifndef _NGX_RECORDING_EVENT_H_INCLUDED_
#define _NGX_RECORDING_EVENT_H_INCLUDED_


#include "ngx_recording_notify.h"
#include "ngx_recording_outbox.h"


#define NGX_RECORDING_EVENT_FILE       100
#define NGX_RECORDING_EVENT_STATUS     332
#define NGX_RECORDING_EVENT_EXCEPTION  341
#define NGX_RECORDING_EVENT_REMOVED    10001   /* ours */
#define NGX_RECORDING_EVENT_DELIVERED  10002   /* the same */

#define NGX_RECORDING_EVENT_VALID      600     /* s, of a signature */

#define NGX_RECORDING_EVENT_ARGS       256     /* of a program: a runner has
                                                  room for these */

#define NGX_RECORDING_EVENT_SIGNATURE                                        \
    sizeof("t=-9223372036854775808,v1=") + 64


/* the headers point into it: it is not copied */

typedef struct {
    ngx_str_t               body;
    ngx_recording_http_header_t  headers[3];
    ngx_uint_t              nheaders;

    char                    id[33];
    char                    signature[NGX_RECORDING_EVENT_SIGNATURE];
    char                    error[160];    /* with NGX_DECLINED */
} ngx_recording_event_t;


typedef struct {
    char                  **argv;
    char                  **envp;
    char                    error[160];
} ngx_recording_event_program_t;


/*
 * NGX_DECLINED: the row cannot be told, ->error says why, now or later.
 * NGX_ERROR: no memory.  In both cases there is nothing to free.
 */
ngx_int_t ngx_recording_event(ngx_recording_event_t *event,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_notify_t *notify, time_t now);

void ngx_recording_event_free(ngx_recording_event_t *event);

/* for a notify that is a program: the path of the store and its home; what it
   reads is the body of the event */
ngx_int_t ngx_recording_event_program(ngx_recording_event_program_t *p,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_notify_t *notify, const char *store,
    const char *home);

void ngx_recording_event_program_free(ngx_recording_event_program_t *p);


/*
 * Whether a placeholder of a program's arguments begins at p, "{Path}", and
 * its length with the braces: NGX_OK, NGX_DECLINED: none, the brace means
 * itself, NGX_ERROR: one that is not known.
 */
ngx_int_t ngx_recording_event_placeholder(const char *p, size_t *len);

/* for messages: all of them */
extern const char  ngx_recording_event_placeholders[];


#endif /* _NGX_RECORDING_EVENT_H_INCLUDED_ */
