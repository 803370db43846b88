
/*
 * What is told of an event.  Without arguments what needs no other code to
 * compare with; with them what t/events.t compares:
 *
 *     event body|program DIR NOW ROW... < facts
 *
 * where ROW is a NAME=VALUE of the row or the notify.
 */


/* link: src/deliver/ngx_recording_event.c */
/* link: src/deliver/ngx_recording_facts.c */
/* link: src/deliver/ngx_recording_event_program.c */
/* libs: -ljansson -lcrypto */

#include "tap.h"
#include "stubs.h"
#include "ngx_recording_event.h"


#define ARGS  16


static void event_sign(void);
static void event_declined(void);
static void event_placeholder(void);
static int event_made(int argc, char **argv);
static void event_row(ngx_recording_outbox_row_t *row,
    ngx_recording_notify_t *notify, const char *name, char *value);
static void event_print(char **strings);


static char  facts[1 << 20];


int
main(int argc, char **argv)
{
    if (argc > 3) {
        return event_made(argc, argv);
    }

    event_sign();
    event_declined();
    event_placeholder();

    return tap_done();
}


/* the value that the cloud's own documentation has the inputs of */

static void
event_sign(void)
{
    ngx_recording_event_t       event;
    ngx_recording_notify_t      notify;
    ngx_recording_outbox_row_t  row;

    ngx_memzero(&row, sizeof(row));
    ngx_memzero(&notify, sizeof(notify));

    strcpy(row.kind, "file");
    row.facts = "{}";
    ngx_str_set(&notify.key, "adasda131312");

    is(ngx_recording_event(&event, &row, &notify,
                           1545030873 - NGX_RECORDING_EVENT_VALID),
       NGX_OK, "made of no facts");
    ok(strstr((char *) event.body.data, "\"t\":1545030873,\"sign\":"
              "\"208f12f9549046f9ce5162d86b349696\"") != NULL,
       "MD5 of key and time");
    is(event.nheaders, 3, "headers");

    ngx_recording_event_free(&event);
}


static void
event_declined(void)
{
    ngx_uint_t                     i;
    ngx_recording_event_t          event;
    ngx_recording_notify_t         notify;
    ngx_recording_outbox_row_t     row;
    ngx_recording_event_program_t  program;

    static const struct {
        const char  *kind;
        char        *facts;
        const char  *error;
    } tests[] = {
        { "file", "", "its facts are no JSON: " },
        { "file", "{\"app\":", "its facts are no JSON: " },
        { "file", "{\"app\":\"a\\u0000b\"}", "its facts are no JSON: " },
        { "file", "[]", "its facts are no object" },
        { "else", "{}", "there is no kind \"else\"" },
    };

    ngx_memzero(&row, sizeof(row));
    ngx_memzero(&notify, sizeof(notify));

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        strcpy(row.kind, tests[i].kind);
        row.facts = tests[i].facts;

        is(ngx_recording_event(&event, &row, &notify, 0), NGX_DECLINED,
           "%s of %s", tests[i].kind, tests[i].facts);
        ok(strncmp(event.error, tests[i].error, strlen(tests[i].error)) == 0,
           "why: %s", event.error);
    }

    row.facts = "x";
    is(ngx_recording_event_program(&program, &row, &notify, "/s", "/"),
       NGX_DECLINED, "and so is a program");
    ok(program.argv == NULL && program.envp == NULL, "nothing is left");
}


static void
event_placeholder(void)
{
    size_t      len;
    ngx_uint_t  i;

    static const struct {
        const char  *text;
        ngx_int_t    rc;
        size_t       len;
    } tests[] = {
        { "{Path}x", NGX_OK, 6 },
        { "{FileId}", NGX_OK, 8 },
        { "{path}", NGX_ERROR, 6 },
        { "{Paths} {Path}", NGX_ERROR, 7 },
        { "{x}", NGX_ERROR, 3 },
        { "Path}", NGX_DECLINED, 0 },
        { "", NGX_DECLINED, 0 },
        { "{", NGX_DECLINED, 0 },
        { "{}", NGX_DECLINED, 0 },
        { "{Path", NGX_DECLINED, 0 },
        { "{\"a\":1}", NGX_DECLINED, 0 },
        { "{1}", NGX_DECLINED, 0 },
        { "{[a]}", NGX_DECLINED, 0 },
        { "{{Path}", NGX_DECLINED, 0 },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        len = 0;
        is(ngx_recording_event_placeholder(tests[i].text, &len), tests[i].rc,
           "placeholder \"%s\"", tests[i].text);
        is(len, tests[i].len, "its length");
    }
}


static int
event_made(int argc, char **argv)
{
    int                            i;
    char                          *args[ARGS + 1];
    ngx_int_t                      rc;
    ngx_recording_event_t          event;
    ngx_recording_notify_t         notify;
    ngx_recording_outbox_row_t     row;
    ngx_recording_event_program_t  program;

    ngx_memzero(&row, sizeof(row));
    ngx_memzero(&notify, sizeof(notify));
    ngx_memzero(args, sizeof(args));

    facts[fread(facts, 1, sizeof(facts) - 1, stdin)] = '\0';

    row.facts = facts;
    notify.argv = args;

    for (i = 4; i < argc; i++) {
        *strchr(argv[i], '=') = '\0';
        event_row(&row, &notify, argv[i], argv[i] + strlen(argv[i]) + 1);
    }

    if (strcmp(argv[1], "program") == 0) {
        rc = ngx_recording_event_program(&program, &row, &notify, argv[2],
                                         "/home/of");
        if (rc == NGX_OK) {
            event_print(program.argv);
            putchar('\0');
            event_print(program.envp);
        }

        ngx_recording_event_program_free(&program);

        return rc != NGX_OK;
    }

    rc = ngx_recording_event(&event, &row, &notify, atoll(argv[3]));

    if (rc != NGX_OK) {
        return 1;
    }

    for (i = 0; i < (int) event.nheaders; i++) {
        printf("%.*s: %.*s\n", (int) event.headers[i].name.len,
               event.headers[i].name.data, (int) event.headers[i].value.len,
               event.headers[i].value.data);
    }

    printf("\n");
    fwrite(event.body.data, 1, event.body.len, stdout);

    ngx_recording_event_free(&event);

    return 0;
}


static void
event_row(ngx_recording_outbox_row_t *row, ngx_recording_notify_t *notify,
    const char *name, char *value)
{
    ngx_uint_t  i;

    if (strcmp(name, "kind") == 0) {
        (void) snprintf(row->kind, sizeof(row->kind), "%s", value);

    } else if (strcmp(name, "event") == 0) {
        (void) snprintf(row->event, sizeof(row->event), "%s", value);

    } else if (strcmp(name, "event_id") == 0) {
        (void) snprintf(row->event_id, sizeof(row->event_id), "%s", value);

    } else if (strcmp(name, "event_us") == 0) {
        row->event_us = atoll(value);

    } else if (strcmp(name, "seq") == 0) {
        row->seq = strtoull(value, NULL, 10);

    } else if (strcmp(name, "attempts") == 0) {
        row->attempts = strtoull(value, NULL, 10);

    } else if (strcmp(name, "file_id") == 0) {
        row->file_id = strtoull(value, NULL, 10);

    } else if (strcmp(name, "recording_id") == 0) {
        row->recording_id = strtoull(value, NULL, 10);

    } else if (strcmp(name, "appid") == 0) {
        notify->appid = strtoull(value, NULL, 10);

    } else if (strcmp(name, "key") == 0) {
        notify->key.data = (u_char *) value;
        notify->key.len = strlen(value);

    } else if (strcmp(name, "arg") == 0) {
        for (i = 0; notify->argv[i]; i++) { /* void */ }
        notify->argv[i] = value;
    }
}


static void
event_print(char **strings)
{
    for ( /* void */ ; *strings; strings++) {
        fwrite(*strings, 1, strlen(*strings) + 1, stdout);
    }
}
