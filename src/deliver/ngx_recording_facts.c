
#include "ngx_recording_facts.h"
#include "ngx_recording_path.h"


#define NGX_RECORDING_FACTS_REPLACEMENT  "\xef\xbf\xbd"    /* U+FFFD */


static char *ngx_recording_facts_utf8(const char *text);
static json_t *ngx_recording_facts_name(const ngx_str_t *name);


ngx_int_t
ngx_recording_facts_parse(const char *text, json_t **facts, char *error,
    size_t size)
{
    char          *utf8;
    json_error_t   e;

    utf8 = ngx_recording_facts_utf8(text);

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
ngx_recording_facts_utf8(const char *text)
{
    u_char  *p, *last, *dst;
    size_t   len, n;
    char    *utf8;

    len = strlen(text);

    utf8 = malloc(len * (sizeof(NGX_RECORDING_FACTS_REPLACEMENT) - 1) + 1);

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
            dst = ngx_cpymem(dst, NGX_RECORDING_FACTS_REPLACEMENT,
                             sizeof(NGX_RECORDING_FACTS_REPLACEMENT) - 1);
        }
    }

    *dst = '\0';

    return utf8;
}


const char *
ngx_recording_facts_text(const json_t *facts, const char *name)
{
    const char  *value;

    value = json_string_value(json_object_get(facts, name));

    return value ? value : "";
}


json_int_t
ngx_recording_facts_int(const json_t *facts, const char *name)
{
    return json_integer_value(json_object_get(facts, name));
}


const char *
ngx_recording_facts_url(const json_t *facts)
{
    const char  *url;

    url = ngx_recording_facts_text(facts, "object_url");

    return url[0] ? url : ngx_recording_facts_text(facts, "play_url");
}


char *
ngx_recording_facts_refused(const ngx_recording_stream_t *stream,
    const char *format, const char *text)
{
    char    *dump;
    json_t  *facts;

    facts = json_pack("{s:s, s:s, s:o*, s:o*, s:o*, s:o*}",
                      "text", text,
                      "format", format,
                      "template", ngx_recording_facts_name(&stream->template),
                      "app", ngx_recording_facts_name(&stream->app),
                      "stream", ngx_recording_facts_name(&stream->name),
                      "domain", ngx_recording_facts_name(&stream->domain));

    dump = facts ? json_dumps(facts, JSON_COMPACT) : NULL;

    json_decref(facts);

    return dump;
}


/* NULL: no memory */

static json_t *
ngx_recording_facts_name(const ngx_str_t *name)
{
    char    *text, *utf8;
    json_t  *value;

    text = strndup((char *) name->data, name->len);
    utf8 = text ? ngx_recording_facts_utf8(text) : NULL;
    value = utf8 ? json_string(utf8) : NULL;

    free(utf8);
    free(text);

    return value;
}
