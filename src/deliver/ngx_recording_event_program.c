
/*
 * What a program gets of an event: its arguments and its environment.
 */


#include "ngx_recording_event.h"
#include "ngx_recording_facts.h"


#define NGX_RECORDING_EVENT_PATH                                             \
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


enum {
    NGX_RECORDING_EVENT_FULL = 0,          /* {Path} */
    NGX_RECORDING_EVENT_URL,
    NGX_RECORDING_EVENT_BASENAME,
    NGX_RECORDING_EVENT_STREAM,
    NGX_RECORDING_EVENT_APP,
    NGX_RECORDING_EVENT_FORMAT,
    NGX_RECORDING_EVENT_FILE_ID,

    NGX_RECORDING_EVENT_PLACEHOLDERS
};


/* a list that grows, of strings that are its own, NULL at the end */

typedef struct {
    char                  **elts;
    ngx_uint_t              n;
    ngx_uint_t              failed;
} ngx_recording_event_strings_t;


static ngx_int_t ngx_recording_event_arguments(
    ngx_recording_event_program_t *p, char *const *argv, json_t *facts,
    const ngx_recording_outbox_row_t *row, const char *store);
static char *ngx_recording_event_basename(const char *path);
static char *ngx_recording_event_expand(const char *arg,
    char *const values[NGX_RECORDING_EVENT_PLACEHOLDERS]);
static ngx_uint_t ngx_recording_event_placeholder_find(const char *p,
    size_t len);
static ngx_int_t ngx_recording_event_environment(
    ngx_recording_event_program_t *p, json_t *facts,
    const ngx_recording_outbox_row_t *row, const char *store,
    const char *home);
static void ngx_recording_event_push(ngx_recording_event_strings_t *list,
    const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void ngx_recording_event_add(ngx_recording_event_strings_t *list,
    char *string);
static char *ngx_recording_event_print(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
static void ngx_recording_event_strings_free(char **strings);


const char  ngx_recording_event_placeholders[] =
    "{Path}, {Url}, {Basename}, {Stream}, {App}, {Format} and {FileId}";

static const char *const  ngx_recording_event_names[] = {
    [NGX_RECORDING_EVENT_FULL] = "{Path}",
    [NGX_RECORDING_EVENT_URL] = "{Url}",
    [NGX_RECORDING_EVENT_BASENAME] = "{Basename}",
    [NGX_RECORDING_EVENT_STREAM] = "{Stream}",
    [NGX_RECORDING_EVENT_APP] = "{App}",
    [NGX_RECORDING_EVENT_FORMAT] = "{Format}",
    [NGX_RECORDING_EVENT_FILE_ID] = "{FileId}",
};


/* facts that stand in the environment as they are */

static const struct {
    const char             *name;
    const char             *fact;
} ngx_recording_event_texts[] = {
    { "STREAM", "stream" },
    { "STREAM_PARAM", "stream_param" },
    { "APP", "app" },
    { "DOMAIN", "domain" },
    { "TEMPLATE", "template" },
    { "TASK_ID", "task_id" },
    { "FORMAT", "format" },
    { "VIDEO_CODEC", "video_codec" },
    { "AUDIO_CODEC", "audio_codec" },
    { "RESOLUTION", "resolution" },
    { NULL, NULL }
};


ngx_int_t
ngx_recording_event_program(ngx_recording_event_program_t *p,
    const ngx_recording_outbox_row_t *row,
    const ngx_recording_notify_t *notify, const char *store,
    const char *home)
{
    json_t     *facts;
    ngx_int_t   rc;

    ngx_memzero(p, sizeof(ngx_recording_event_program_t));

    rc = ngx_recording_facts_parse(row->facts, &facts, p->error,
                                   sizeof(p->error));
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_recording_event_arguments(p, notify->argv, facts, row, store);

    if (rc == NGX_OK) {
        rc = ngx_recording_event_environment(p, facts, row, store, home);
    }

    json_decref(facts);

    if (rc != NGX_OK) {
        ngx_recording_event_program_free(p);
    }

    return rc;
}


void
ngx_recording_event_program_free(ngx_recording_event_program_t *p)
{
    ngx_recording_event_strings_free(p->argv);
    ngx_recording_event_strings_free(p->envp);

    p->argv = NULL;
    p->envp = NULL;
}


ngx_int_t
ngx_recording_event_placeholder(const char *p, size_t *len)
{
    size_t  n;

    if (*p != '{') {
        return NGX_DECLINED;
    }

    for (n = 1; (p[n] | 0x20) >= 'a' && (p[n] | 0x20) <= 'z'; n++) {
        /* void */
    }

    if (n == 1 || p[n] != '}') {
        return NGX_DECLINED;
    }

    *len = n + 1;

    return ngx_recording_event_placeholder_find(p, *len)
           == NGX_RECORDING_EVENT_PLACEHOLDERS ? NGX_ERROR : NGX_OK;
}


static ngx_uint_t
ngx_recording_event_placeholder_find(const char *p, size_t len)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RECORDING_EVENT_PLACEHOLDERS; i++) {
        if (strlen(ngx_recording_event_names[i]) == len
            && memcmp(ngx_recording_event_names[i], p, len) == 0)
        {
            break;
        }
    }

    return i;
}


/* the path of the program is taken as it is */

static ngx_int_t
ngx_recording_event_arguments(ngx_recording_event_program_t *p,
    char *const *argv, json_t *facts, const ngx_recording_outbox_row_t *row,
    const char *store)
{
    char                           *values[NGX_RECORDING_EVENT_PLACEHOLDERS];
    const char                     *path;
    ngx_uint_t                      i;
    ngx_recording_event_strings_t   list;

    ngx_memzero(&list, sizeof(ngx_recording_event_strings_t));

    path = ngx_recording_facts_text(facts, "path");

    values[NGX_RECORDING_EVENT_FULL] =
                       ngx_recording_event_print("%s/files/%s", store, path);
    values[NGX_RECORDING_EVENT_BASENAME] = ngx_recording_event_basename(path);
    values[NGX_RECORDING_EVENT_FILE_ID] =
                       ngx_recording_event_print("%" PRIu64, row->file_id);
    values[NGX_RECORDING_EVENT_URL] =
                    (char *) ngx_recording_facts_url(facts);
    values[NGX_RECORDING_EVENT_STREAM] =
                    (char *) ngx_recording_facts_text(facts, "stream");
    values[NGX_RECORDING_EVENT_APP] =
                    (char *) ngx_recording_facts_text(facts, "app");
    values[NGX_RECORDING_EVENT_FORMAT] =
                    (char *) ngx_recording_facts_text(facts, "format");

    if (values[NGX_RECORDING_EVENT_FULL]
        && values[NGX_RECORDING_EVENT_BASENAME]
        && values[NGX_RECORDING_EVENT_FILE_ID])
    {
        ngx_recording_event_push(&list, "%s", argv[0]);

        for (i = 1; argv[i]; i++) {
            ngx_recording_event_add(&list, ngx_recording_event_expand(argv[i],
                                                                     values));
        }

    } else {
        list.failed = 1;
    }

    free(values[NGX_RECORDING_EVENT_FULL]);
    free(values[NGX_RECORDING_EVENT_BASENAME]);
    free(values[NGX_RECORDING_EVENT_FILE_ID]);

    p->argv = list.elts;

    return list.failed ? NGX_ERROR : NGX_OK;
}


/* without directories and extension, as nginx-rtmp's $basename */

static char *
ngx_recording_event_basename(const char *path)
{
    const char  *name, *dot;

    name = strrchr(path, '/');
    name = name ? name + 1 : path;

    dot = strrchr(name, '.');

    return ngx_recording_event_print("%.*s", (int) (dot ? dot - name
                                                    : (ssize_t) strlen(name)),
                                     name);
}


/* what a value brings is not looked at again */

static char *
ngx_recording_event_expand(const char *arg,
    char *const values[NGX_RECORDING_EVENT_PLACEHOLDERS])
{
    char        *text;
    FILE        *out;
    size_t       len, n;
    const char  *p;

    out = open_memstream(&text, &len);

    if (out == NULL) {
        return NULL;
    }

    for (p = arg; *p; p += n) {

        if (ngx_recording_event_placeholder(p, &n) == NGX_OK) {
            (void) fputs(values[ngx_recording_event_placeholder_find(p, n)],
                         out);
        } else {
            n = 1;
            (void) fputc(*p, out);
        }
    }

    n = ferror(out);

    if (fclose(out) == EOF || n) {
        free(text);
        return NULL;
    }

    return text;
}


static ngx_int_t
ngx_recording_event_environment(ngx_recording_event_program_t *p,
    json_t *facts, const ngx_recording_outbox_row_t *row, const char *store,
    const char *home)
{
    json_int_t                      ms;
    ngx_uint_t                      i;
    ngx_recording_event_strings_t   list;

    ngx_memzero(&list, sizeof(ngx_recording_event_strings_t));

    ms = ngx_recording_facts_int(facts, "duration_ms");

    ngx_recording_event_push(&list, "PATH=%s", NGX_RECORDING_EVENT_PATH);
    ngx_recording_event_push(&list, "HOME=%s", home);
    ngx_recording_event_push(&list, "LANG=C.UTF-8");

    ngx_recording_event_push(&list, "RECORDING_EVENT=%s", row->event);
    ngx_recording_event_push(&list, "RECORDING_EVENT_ID=%s", row->event_id);
    ngx_recording_event_push(&list, "RECORDING_ATTEMPT=%" PRIu64,
                             (uint64_t) row->attempts);
    ngx_recording_event_push(&list, "RECORDING_SEQ=%" PRIu64, row->seq);
    ngx_recording_event_push(&list, "RECORDING_FILE_ID=%" PRIu64,
                             row->file_id);
    ngx_recording_event_push(&list, "RECORDING_ID=%" PRIu64,
                             row->recording_id);
    ngx_recording_event_push(&list, "RECORDING_PATH=%s/files/%s", store,
                             ngx_recording_facts_text(facts, "path"));
    ngx_recording_event_push(&list, "RECORDING_URL=%s",
                             ngx_recording_facts_url(facts));
    ngx_recording_event_push(&list, "RECORDING_START=%lld",
        (long long) ngx_recording_facts_int(facts, "start_us")
        / 1000000);
    ngx_recording_event_push(&list, "RECORDING_END=%lld",
        (long long) ngx_recording_facts_int(facts, "end_us") / 1000000);
    ngx_recording_event_push(&list, "RECORDING_DURATION=%lld.%03d",
                             (long long) ms / 1000, (int) (ms % 1000));
    ngx_recording_event_push(&list, "RECORDING_SIZE=%lld",
        (long long) ngx_recording_facts_int(facts, "size"));
    ngx_recording_event_push(&list, "RECORDING_RECOVERED=%d",
        ngx_recording_facts_int(facts, "recovered") != 0);

    for (i = 0; ngx_recording_event_texts[i].name; i++) {
        ngx_recording_event_push(&list, "RECORDING_%s=%s",
            ngx_recording_event_texts[i].name,
            ngx_recording_facts_text(facts,
                                     ngx_recording_event_texts[i].fact));
    }

    p->envp = list.elts;

    return list.failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_recording_event_push(ngx_recording_event_strings_t *list, const char *fmt,
    ...)
{
    char     *string;
    va_list   args;

    va_start(args, fmt);

    if (vasprintf(&string, fmt, args) == -1) {
        string = NULL;
    }

    va_end(args);

    ngx_recording_event_add(list, string);
}


/* the string is the list's from here on; NULL: there was no memory for it */

static void
ngx_recording_event_add(ngx_recording_event_strings_t *list, char *string)
{
    char  **elts;

    elts = realloc(list->elts, (list->n + 2) * sizeof(char *));

    if (elts == NULL) {
        list->failed = 1;
        free(string);
        return;
    }

    list->elts = elts;

    if (string) {
        elts[list->n++] = string;

    } else {
        list->failed = 1;
    }

    elts[list->n] = NULL;
}


static char *
ngx_recording_event_print(const char *fmt, ...)
{
    char     *string;
    va_list   args;

    va_start(args, fmt);

    if (vasprintf(&string, fmt, args) == -1) {
        string = NULL;
    }

    va_end(args);

    return string;
}


static void
ngx_recording_event_strings_free(char **strings)
{
    char  **string;

    if (strings == NULL) {
        return;
    }

    for (string = strings; *string; string++) {
        free(*string);
    }

    free(strings);
}
