
#include "ngx_recording_event.h"
#include "ngx_recording_facts.h"
#include "ngx_recording_exception.h"
#include <ngx_md5.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


#define NGX_RECORDING_EVENT_START_RULE     1
#define NGX_RECORDING_EVENT_START_TASK     5
#define NGX_RECORDING_EVENT_ORIGINAL       1    /* content */
#define NGX_RECORDING_EVENT_LIVE           1    /* source */


typedef enum {
    NGX_RECORDING_EVENT_TEXT = 0,
    NGX_RECORDING_EVENT_INT,
    NGX_RECORDING_EVENT_BOOL,
    NGX_RECORDING_EVENT_SECONDS,           /* of a time in us */
    NGX_RECORDING_EVENT_USEC               /* the rest */
} ngx_recording_event_type_e;


/* a member that is a fact */

typedef struct {
    const char                 *name;
    const char                 *fact;
    ngx_recording_event_type_e  type;
} ngx_recording_event_field_t;


typedef struct {
    const ngx_recording_outbox_row_t  *row;
    const ngx_recording_notify_t      *notify;
    time_t                             now;
    json_t                            *facts;
    json_t                            *json;
    ngx_uint_t                         failed;     /* no memory */
} ngx_recording_event_build_t;


typedef struct {
    const char             *name;
    json_int_t              code;          /* in 332 */
    const char             *upper;         /* in 341 */
} ngx_recording_event_format_t;


static ngx_int_t ngx_recording_event_json(ngx_recording_event_t *event,
    ngx_recording_event_build_t *b);
static ngx_int_t ngx_recording_event_fill(ngx_recording_event_t *event,
    ngx_recording_event_build_t *b);
static void ngx_recording_event_file(ngx_recording_event_build_t *b);
static void ngx_recording_event_status(ngx_recording_event_build_t *b);
static void ngx_recording_event_exception(ngx_recording_event_build_t *b);
static void ngx_recording_event_removed(ngx_recording_event_build_t *b);
static void ngx_recording_event_delivered(ngx_recording_event_build_t *b);
static void ngx_recording_event_ours(ngx_recording_event_build_t *b);
static void ngx_recording_event_files(ngx_recording_event_build_t *b);
static void ngx_recording_event_sign(ngx_recording_event_build_t *b);
static ngx_int_t ngx_recording_event_headers(ngx_recording_event_t *event,
    ngx_recording_event_build_t *b);
static void ngx_recording_event_header(ngx_recording_event_t *event,
    const char *name, const char *value);
static ngx_int_t ngx_recording_event_hmac(ngx_recording_event_t *event,
    ngx_recording_event_build_t *b);

static const ngx_recording_exception_t *ngx_recording_event_exception_find(
    const char *name);
static const ngx_recording_event_format_t *ngx_recording_event_format(
    const ngx_recording_event_build_t *b);
static json_t *ngx_recording_event_value(const json_t *facts,
    const ngx_recording_event_field_t *field);
static void ngx_recording_event_fields(ngx_recording_event_build_t *b,
    const ngx_recording_event_field_t *field);
static void ngx_recording_event_set(ngx_recording_event_build_t *b,
    const char *name, json_t *value);
static void ngx_recording_event_set_int(ngx_recording_event_build_t *b,
    const char *name, json_int_t value);
static void ngx_recording_event_set_text(ngx_recording_event_build_t *b,
    const char *name, const char *value);
static void ngx_recording_event_set_id(ngx_recording_event_build_t *b,
    const char *name, uint64_t id);
static void ngx_recording_event_set_json(ngx_recording_event_build_t *b,
    const char *name, json_t *value);


static const ngx_recording_event_format_t  ngx_recording_event_formats[] = {
    { "flv", 1, "FLV" },
    { "hls", 2, "TS" },
    { "mp4", 3, "MP4" },
    { "aac", 4, "AAC" },
    { "", 0, "" }
};


/* which file it is: of 100, and of our own */

static const ngx_recording_event_field_t  ngx_recording_event_identity[] = {
    { "app", "domain", NGX_RECORDING_EVENT_TEXT },
    { "appname", "app", NGX_RECORDING_EVENT_TEXT },
    { "stream_id", "stream", NGX_RECORDING_EVENT_TEXT },
    { "channel_id", "stream", NGX_RECORDING_EVENT_TEXT },
    { "record_temp_id", "template", NGX_RECORDING_EVENT_TEXT },
    { "file_format", "format", NGX_RECORDING_EVENT_TEXT },
    { "task_id", "task_id", NGX_RECORDING_EVENT_TEXT },
    { "start_time", "start_us", NGX_RECORDING_EVENT_SECONDS },
    { "end_time", "end_us", NGX_RECORDING_EVENT_SECONDS },
    { "start_time_usec", "start_us", NGX_RECORDING_EVENT_USEC },
    { "end_time_usec", "end_us", NGX_RECORDING_EVENT_USEC },
    { "file_size", "size", NGX_RECORDING_EVENT_INT },

    /* ours */
    { "path", "path", NGX_RECORDING_EVENT_TEXT },
    { "duration_ms", "duration_ms", NGX_RECORDING_EVENT_INT },
    { "audio_codec", "audio_codec", NGX_RECORDING_EVENT_TEXT },
    { "recovered", "recovered", NGX_RECORDING_EVENT_BOOL },
    { NULL, NULL, 0 }
};


static const ngx_recording_event_field_t  ngx_recording_event_state[] = {
    { "domain", "domain", NGX_RECORDING_EVENT_TEXT },
    { "appname", "app", NGX_RECORDING_EVENT_TEXT },
    { "stream_id", "stream", NGX_RECORDING_EVENT_TEXT },
    { NULL, NULL, 0 }
};


static const struct {
    const char             *kind;
    json_int_t              type;
    void                  (*make)(ngx_recording_event_build_t *b);
} ngx_recording_event_kinds[] = {
    { "file", NGX_RECORDING_EVENT_FILE, ngx_recording_event_file },
    { "status", NGX_RECORDING_EVENT_STATUS, ngx_recording_event_status },
    { "exception", NGX_RECORDING_EVENT_EXCEPTION,
      ngx_recording_event_exception },
    { "removed", NGX_RECORDING_EVENT_REMOVED, ngx_recording_event_removed },
    { "delivered", NGX_RECORDING_EVENT_DELIVERED,
      ngx_recording_event_delivered }
};


ngx_int_t
ngx_recording_event(ngx_recording_event_t *event,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_notify_t *notify, time_t now)
{
    ngx_int_t                    rc;
    ngx_recording_event_build_t  b;

    ngx_memzero(event, sizeof(ngx_recording_event_t));
    ngx_memzero(&b, sizeof(ngx_recording_event_build_t));

    b.row = row;
    b.notify = notify;
    b.now = now;

    rc = ngx_recording_facts_parse(row->facts, &b.facts, event->error,
                                   sizeof(event->error));
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_recording_event_json(event, &b);

    json_decref(b.facts);

    return rc == NGX_OK ? ngx_recording_event_headers(event, &b) : rc;
}


void
ngx_recording_event_free(ngx_recording_event_t *event)
{
    free(event->body.data);
    ngx_str_null(&event->body);
}


static ngx_int_t
ngx_recording_event_json(ngx_recording_event_t *event,
    ngx_recording_event_build_t *b)
{
    ngx_int_t  rc;

    b->json = json_object();

    if (b->json == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_recording_event_fill(event, b);

    if (rc == NGX_OK) {
        event->body.data = (u_char *) json_dumps(b->json, JSON_COMPACT);

        if (event->body.data == NULL) {
            rc = NGX_ERROR;

        } else {
            event->body.len = ngx_strlen(event->body.data);
        }
    }

    json_decref(b->json);

    return rc;
}


static ngx_int_t
ngx_recording_event_fill(ngx_recording_event_t *event,
    ngx_recording_event_build_t *b)
{
    ngx_uint_t  i, n;

    n = sizeof(ngx_recording_event_kinds)
        / sizeof(ngx_recording_event_kinds[0]);

    for (i = 0; i < n; i++) {
        if (strcmp(ngx_recording_event_kinds[i].kind, b->row->kind) == 0) {
            break;
        }
    }

    if (i == n) {
        (void) snprintf(event->error, sizeof(event->error),
                        "there is no kind \"%s\"", b->row->kind);
        return NGX_DECLINED;
    }

    ngx_recording_event_set_int(b, "event_type",
                                ngx_recording_event_kinds[i].type);
    ngx_recording_event_set_int(b, "appid", (json_int_t) b->notify->appid);

    ngx_recording_event_kinds[i].make(b);

    ngx_recording_event_ours(b);
    ngx_recording_event_sign(b);

    return b->failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_recording_event_file(ngx_recording_event_build_t *b)
{
    json_int_t  ms;

    ngx_recording_event_fields(b, ngx_recording_event_identity);
    ngx_recording_event_files(b);

    ms = ngx_recording_facts_int(b->facts, "duration_ms");

    ngx_recording_event_set_int(b, "duration",
                                ms / 1000 + (ms % 1000 >= 500));
    ngx_recording_event_set_int(b, "media_start_time", 0);
    ngx_recording_event_set_int(b, "record_bps", 0);

    /* who pushes knows nothing of a task */

    if (ngx_recording_facts_text(b->facts, "task_id")[0] == '\0') {
        ngx_recording_event_set_text(b, "stream_param",
                         ngx_recording_facts_text(b->facts, "stream_param"));
    }
}


static void
ngx_recording_event_status(ngx_recording_event_build_t *b)
{
    const char  *task, *text;

    task = ngx_recording_facts_text(b->facts, "task_id");
    text = ngx_recording_facts_text(b->facts, "text");

    ngx_recording_event_fields(b, ngx_recording_event_state);

    ngx_recording_event_set_int(b, "event_time", b->row->event_us / 1000000);
    ngx_recording_event_set_text(b, "record_event", b->row->event);
    ngx_recording_event_set_id(b, "session_id", b->row->recording_id);

    if (task[0]) {
        ngx_recording_event_set_text(b, "task_id", task);
    }

    ngx_recording_event_set_json(b, "record_detail",
        json_pack("{s:I, s:i, s:i, s:i, s:i}",
                  "file_format", ngx_recording_event_format(b)->code,
                  "record_bps", 0,
                  "start_model", task[0] ? NGX_RECORDING_EVENT_START_TASK
                                         : NGX_RECORDING_EVENT_START_RULE,
                  "record_content", NGX_RECORDING_EVENT_ORIGINAL,
                  "source_type", NGX_RECORDING_EVENT_LIVE));

    if (text[0]) {
        ngx_recording_event_set_text(b, "text", text);
    }
}


static void
ngx_recording_event_exception(ngx_recording_event_build_t *b)
{
    const char                             *text;
    json_int_t                              occurs;
    const ngx_recording_exception_t        *exception;
    const ngx_recording_exception_level_t  *level;

    exception = ngx_recording_event_exception_find(b->row->event);

    text = ngx_recording_facts_text(b->facts, "text");
    occurs = ngx_recording_facts_int(b->facts, "occurs");

    level = ngx_recording_exception_levels;

    while (level->bit != ngx_recording_exception_level(exception)) {
        level++;
    }

    ngx_recording_event_fields(b, ngx_recording_event_state);

    ngx_recording_event_set_text(b, "interface", "general_callback");
    ngx_recording_event_set_id(b, "session_id", b->row->recording_id);
    ngx_recording_event_set_text(b, "file_format",
                                 ngx_recording_event_format(b)->upper);
    ngx_recording_event_set_int(b, "timestamp", b->row->event_us / 1000000);
    ngx_recording_event_set_text(b, "exception_level",
                                 (char *) level->name.data);

    ngx_recording_event_set(b, "exception",
        json_pack("{s:i, s:I, s:s}",
                  "type", exception->number,
                  "occurs", ngx_max(occurs, 1),
                  "desc", text[0] ? text : exception->sentence));

    ngx_recording_event_set_text(b, "exception_name", b->row->event);
}


static void
ngx_recording_event_removed(ngx_recording_event_build_t *b)
{
    ngx_recording_event_fields(b, ngx_recording_event_identity);
    ngx_recording_event_files(b);

    ngx_recording_event_set_text(b, "reason", b->row->event);
    ngx_recording_event_set_int(b, "event_time", b->row->event_us / 1000000);
}


static void
ngx_recording_event_delivered(ngx_recording_event_build_t *b)
{
    ngx_recording_event_fields(b, ngx_recording_event_identity);
    ngx_recording_event_files(b);

    ngx_recording_event_set_text(b, "bucket",
                                 ngx_recording_facts_text(b->facts, "bucket"));
    ngx_recording_event_set_text(b, "key",
                                 ngx_recording_facts_text(b->facts, "key"));
    ngx_recording_event_set_int(b, "event_time", b->row->event_us / 1000000);
}


/* what an event of any kind has besides */

static void
ngx_recording_event_ours(ngx_recording_event_build_t *b)
{
    ngx_recording_event_set_text(b, "event_id", b->row->event_id);
    ngx_recording_event_set_id(b, "seq", b->row->seq);
    ngx_recording_event_set_id(b, "recording_id", b->row->recording_id);
    ngx_recording_event_set_text(b, "format",
                                 ngx_recording_facts_text(b->facts, "format"));
}


static void
ngx_recording_event_files(ngx_recording_event_build_t *b)
{
    char  session[sizeof("18446744073709551615")];

    (void) snprintf(session, sizeof(session), "%" PRIu64,
                    b->row->recording_id);

    ngx_recording_event_set_id(b, "file_id", b->row->file_id);
    ngx_recording_event_set_id(b, "record_file_id", b->row->file_id);
    ngx_recording_event_set_id(b, "video_id", b->row->file_id);
    ngx_recording_event_set_text(b, "video_url",
                                 ngx_recording_facts_url(b->facts));

    ngx_recording_event_set_json(b, "callback_ext",
        json_pack("{s:s, s:s, s:s}",
                  "video_codec",
                  ngx_recording_facts_text(b->facts, "video_codec"),
                  "resolution",
                  ngx_recording_facts_text(b->facts, "resolution"),
                  "session_id", session));
}


/* the cloud's own: it covers neither the body nor the URL */

static void
ngx_recording_event_sign(ngx_recording_event_build_t *b)
{
    int          n;
    char        *text, sign[2 * 16 + 1];
    size_t       len;
    u_char       digest[16];
    ngx_md5_t    md5;
    long long    t;

    if (b->notify->key.len == 0) {
        return;
    }

    t = (long long) b->now + NGX_RECORDING_EVENT_VALID;
    len = b->notify->key.len;

    /* in one piece: nginx's MD5 reads words where each piece begins */

    text = malloc(len + sizeof("-9223372036854775808"));

    if (text == NULL) {
        b->failed = 1;
        return;
    }

    ngx_memcpy(text, b->notify->key.data, len);
    n = sprintf(text + len, "%lld", t);

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, text, len + n);
    ngx_md5_final(digest, &md5);

    free(text);

    *ngx_hex_dump((u_char *) sign, digest, sizeof(digest)) = '\0';

    ngx_recording_event_set_int(b, "t", t);
    ngx_recording_event_set_text(b, "sign", sign);
}


static ngx_int_t
ngx_recording_event_headers(ngx_recording_event_t *event,
    ngx_recording_event_build_t *b)
{
    (void) snprintf(event->id, sizeof(event->id), "%s", b->row->event_id);

    ngx_recording_event_header(event, "Content-Type", "application/json");
    ngx_recording_event_header(event, "X-Recording-Event", event->id);

    if (b->notify->key.len == 0) {
        return NGX_OK;
    }

    if (ngx_recording_event_hmac(event, b) != NGX_OK) {
        ngx_recording_event_free(event);
        return NGX_ERROR;
    }

    ngx_recording_event_header(event, "X-Recording-Signature",
                               event->signature);

    return NGX_OK;
}


static void
ngx_recording_event_header(ngx_recording_event_t *event, const char *name,
    const char *value)
{
    ngx_recording_http_header_t  *h;

    h = &event->headers[event->nheaders++];

    h->name.data = (u_char *) name;
    h->name.len = strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = strlen(value);
}


/* ours: of the time, a dot and the body */

static ngx_int_t
ngx_recording_event_hmac(ngx_recording_event_t *event,
    ngx_recording_event_build_t *b)
{
    int          n;
    char        *text;
    u_char       digest[EVP_MAX_MD_SIZE], *done;
    unsigned     len;

    text = malloc(sizeof("-9223372036854775808.") + event->body.len);

    if (text == NULL) {
        return NGX_ERROR;
    }

    n = sprintf(text, "%lld.", (long long) b->now);
    ngx_memcpy(text + n, event->body.data, event->body.len);

    done = HMAC(EVP_sha256(), b->notify->key.data, (int) b->notify->key.len,
                (u_char *) text, n + event->body.len, digest, &len);

    free(text);

    if (done == NULL) {
        return NGX_ERROR;
    }

    n = sprintf(event->signature, "t=%lld,v1=", (long long) b->now);

    *ngx_hex_dump((u_char *) event->signature + n, digest, len) = '\0';

    return NGX_OK;
}


/* one of a later version, in a catalogue that this one reads, has no number */

static const ngx_recording_exception_t *
ngx_recording_event_exception_find(const char *name)
{
    ngx_uint_t  i;

    static const ngx_recording_exception_t  unknown = {
        "", 0, NGX_LOG_WARN, "an exception that is not known"
    };

    for (i = NGX_RECORDING_EXCEPTION_NONE + 1; i < NGX_RECORDING_EXCEPTIONS;
         i++)
    {
        if (strcmp(ngx_recording_exceptions[i].name, name) == 0) {
            return &ngx_recording_exceptions[i];
        }
    }

    return &unknown;
}


static const ngx_recording_event_format_t *
ngx_recording_event_format(const ngx_recording_event_build_t *b)
{
    const char                          *name;
    const ngx_recording_event_format_t  *format;

    name = ngx_recording_facts_text(b->facts, "format");

    for (format = ngx_recording_event_formats; format->name[0]; format++) {
        if (strcmp(format->name, name) == 0) {
            break;
        }
    }

    return format;
}


static void
ngx_recording_event_fields(ngx_recording_event_build_t *b,
    const ngx_recording_event_field_t *field)
{
    for ( /* void */ ; field->name; field++) {
        ngx_recording_event_set(b, field->name,
                                ngx_recording_event_value(b->facts, field));
    }
}


static json_t *
ngx_recording_event_value(const json_t *facts,
    const ngx_recording_event_field_t *field)
{
    json_int_t  n;

    if (field->type == NGX_RECORDING_EVENT_TEXT) {
        return json_string(ngx_recording_facts_text(facts, field->fact));
    }

    n = ngx_recording_facts_int(facts, field->fact);

    switch (field->type) {

    case NGX_RECORDING_EVENT_BOOL:
        return json_boolean(n);

    case NGX_RECORDING_EVENT_SECONDS:
        return json_integer(n / 1000000);

    case NGX_RECORDING_EVENT_USEC:
        return json_integer(n % 1000000);

    default:
        return json_integer(n);
    }
}


/* the value is the object's from here on; NULL: there was no memory for it */

static void
ngx_recording_event_set(ngx_recording_event_build_t *b, const char *name,
    json_t *value)
{
    if (json_object_set_new(b->json, name, value) == -1) {
        b->failed = 1;
    }
}


static void
ngx_recording_event_set_int(ngx_recording_event_build_t *b, const char *name,
    json_int_t value)
{
    ngx_recording_event_set(b, name, json_integer(value));
}


static void
ngx_recording_event_set_text(ngx_recording_event_build_t *b, const char *name,
    const char *value)
{
    ngx_recording_event_set(b, name, json_string(value));
}


/* a string: 64 bits are more than many a reader of JSON keeps */

static void
ngx_recording_event_set_id(ngx_recording_event_build_t *b, const char *name,
    uint64_t id)
{
    char  text[sizeof("18446744073709551615")];

    (void) snprintf(text, sizeof(text), "%" PRIu64, id);

    ngx_recording_event_set_text(b, name, text);
}


/* a string that holds JSON */

static void
ngx_recording_event_set_json(ngx_recording_event_build_t *b, const char *name,
    json_t *value)
{
    char  *text;

    text = value ? json_dumps(value, JSON_COMPACT) : NULL;

    json_decref(value);

    if (text == NULL) {
        b->failed = 1;
        return;
    }

    ngx_recording_event_set_text(b, name, text);

    free(text);
}
