
#include "ngx_recording_event_facts.h"
#include "ngx_recording_path.h"


#define NGX_RECORDING_EVENT_REPLACEMENT  "\xef\xbf\xbd"    /* U+FFFD */


static char *ngx_recording_event_utf8(const char *text);


ngx_int_t
ngx_recording_event_facts(const char *text, json_t **facts, char *error,
    size_t size)
{
    char          *utf8;
    json_error_t   e;

    utf8 = ngx_recording_event_utf8(text);

    if (utf8 == NULL) {
        return NGX_ERROR;
    }

    *facts = json_loads(utf8, 0, &e);

    free(utf8);

    if (*facts == NULL) {

        if (json_error_code(&e) == json_error_out_of_memory) {
            return NGX_ERROR;
        }

        (void) snprintf(error, size, "its facts are no JSON: %s", e.text);
        return NGX_DECLINED;
    }

    if (!json_is_object(*facts)) {
        json_decref(*facts);
        (void) snprintf(error, size, "its facts are no object");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* SQLite takes the bytes of a name as they are, JSON does not; outside of
   strings JSON has only ASCII */

static char *
ngx_recording_event_utf8(const char *text)
{
    u_char  *p, *last, *dst;
    size_t   len, n;
    char    *utf8;

    len = strlen(text);

    utf8 = malloc(len * (sizeof(NGX_RECORDING_EVENT_REPLACEMENT) - 1) + 1);

    if (utf8 == NULL) {
        return NULL;
    }

    p = (u_char *) text;
    dst = (u_char *) utf8;

    for (last = p + len; p < last; p += n) {
        n = ngx_recording_path_char(p, last - p);

        if (n) {
            dst = ngx_cpymem(dst, p, n);

        } else {
            n = 1;
            dst = ngx_cpymem(dst, NGX_RECORDING_EVENT_REPLACEMENT,
                             sizeof(NGX_RECORDING_EVENT_REPLACEMENT) - 1);
        }
    }

    *dst = '\0';

    return utf8;
}


const char *
ngx_recording_event_fact(const json_t *facts, const char *name)
{
    const char  *value;

    value = json_string_value(json_object_get(facts, name));

    return value ? value : "";
}


json_int_t
ngx_recording_event_fact_int(const json_t *facts, const char *name)
{
    return json_integer_value(json_object_get(facts, name));
}
