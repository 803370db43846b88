
/* Facts of a row, which have names as clients sent them. */

/* link: src/deliver/ngx_recording_event.c */
/* link: src/deliver/ngx_recording_facts.c */
/* link: src/deliver/ngx_recording_event_program.c */
/* libs: -ljansson -lcrypto */

#include "fuzz.h"
#include "stubs.h"
#include "ngx_recording_event.h"
#include <jansson.h>


static void fuzz_body(ngx_recording_outbox_row_t *row,
    ngx_recording_notify_t *notify);
static void fuzz_program(ngx_recording_outbox_row_t *row,
    ngx_recording_notify_t *notify);


static const char *const  kinds[] = {
    "file", "status", "exception", "removed", "else"
};

static char  *arguments[] = {
    "/p", "{Path}{Url}", "{Basename} {Stream}", "{App}{Format}{FileId}{", NULL
};

static const fuzz_seed_t  seeds[] = {
    fuzz_text("a{\"app\":\"live\",\"stream\":\"cam \\\"1\\\"\\n\",\"format\":"
              "\"hls\",\"start_us\":1700000000000001,\"end_us\":null,"
              "\"duration_ms\":60499,\"recovered\":1}"),
    fuzz_text("b{\"task_id\":\"t\",\"text\":\"full\",\"format\":\"mp4\"}"),
    fuzz_text("c{\"text\":\"\xff\xc3\xa4\xed\xa0\x80\",\"occurs\":7}"),
    fuzz_text("d{\"path\":\"a/b.c/d.mp4\",\"play_url\":\"http://h/\"}"),
    fuzz_text("a[]"),
    fuzz_text("a{\"stream\":\"\\u0000\\ud83d\\udcf7\"}"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                        *facts;
    ngx_recording_notify_t       notify;
    ngx_recording_outbox_row_t   row;

    if (size == 0) {
        return 0;
    }

    facts = malloc(size);
    fuzz_check(facts != NULL);

    ngx_memcpy(facts, data + 1, size - 1);
    facts[size - 1] = '\0';

    ngx_memzero(&row, sizeof(row));
    ngx_memzero(&notify, sizeof(notify));

    strcpy(row.kind, kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))]);
    strcpy(row.event, "lost");
    row.facts = facts;
    row.seq = 1;

    notify.argv = arguments;

    fuzz_body(&row, &notify);
    fuzz_program(&row, &notify);

    ngx_str_set(&notify.key, "key");

    fuzz_body(&row, &notify);

    free(facts);

    return 0;
}


static void
fuzz_body(ngx_recording_outbox_row_t *row, ngx_recording_notify_t *notify)
{
    json_t                 *json;
    ngx_int_t               rc;
    ngx_recording_event_t   event;

    rc = ngx_recording_event(&event, row, notify, 1700000000);

    if (rc != NGX_OK) {
        fuzz_check(rc == NGX_DECLINED && event.error[0]
                   && event.body.data == NULL);
        return;
    }

    json = json_loadb((char *) event.body.data, event.body.len, 0, NULL);

    fuzz_check(json_is_object(json));
    fuzz_check(json_is_string(json_object_get(json, "seq")));
    fuzz_check(event.nheaders == (notify->key.len ? 3 : 2));
    fuzz_check((json_object_get(json, "sign") != NULL)
               == (notify->key.len != 0));

    json_decref(json);
    ngx_recording_event_free(&event);
}


static void
fuzz_program(ngx_recording_outbox_row_t *row, ngx_recording_notify_t *notify)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_recording_event_program_t  program;

    rc = ngx_recording_event_program(&program, row, notify, "/store", "/");

    if (rc != NGX_OK) {
        fuzz_check(rc == NGX_DECLINED && program.argv == NULL
                   && program.envp == NULL);
        return;
    }

    for (i = 0; arguments[i]; i++) {
        fuzz_check(program.argv[i] != NULL);
    }

    fuzz_check(program.argv[i] == NULL);
    fuzz_check(strncmp(program.argv[1], "/store/files/", 13) == 0);

    for (i = 0; program.envp[i]; i++) {
        fuzz_check(strchr(program.envp[i], '=') != NULL);
    }

    ngx_recording_event_program_free(&program);
}
