
#include "ngx_recording_api.h"
#include "ngx_recording_api_time.h"
#include "ngx_recording_text.h"


ngx_int_t
ngx_recording_api_set(json_t *object, const char *name, json_t *value)
{
    return object && value && json_object_set_new(object, name, value) == 0
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_recording_api_append(json_t *array, json_t *value)
{
    return array && value && json_array_append_new(array, value) == 0
           ? NGX_OK : NGX_ERROR;
}


void
ngx_recording_api_object(ngx_recording_api_object_t *o)
{
    o->object = json_object();
}


void
ngx_recording_api_put(ngx_recording_api_object_t *o, const char *name,
    json_t *value)
{
    if (o->object == NULL) {
        json_decref(value);
        return;
    }

    if (value == NULL || json_object_set_new(o->object, name, value) != 0) {
        json_decref(o->object);
        o->object = NULL;
    }
}


void
ngx_recording_api_put_str(ngx_recording_api_object_t *o, const char *name,
    const ngx_str_t *text)
{
    ngx_recording_api_put(o, name, ngx_recording_api_text((char *) text->data,
                                                          text->len));
}


void
ngx_recording_api_put_text(ngx_recording_api_object_t *o, const char *name,
    const char *text)
{
    ngx_recording_api_put(o, name, ngx_recording_api_text(text,
                                                         ngx_strlen(text)));
}


void
ngx_recording_api_put_int(ngx_recording_api_object_t *o, const char *name,
    int64_t number)
{
    ngx_recording_api_put(o, name, json_integer(number));
}


void
ngx_recording_api_put_date(ngx_recording_api_object_t *o, const char *name,
    int64_t us)
{
    ngx_recording_api_put(o, name, ngx_recording_api_date(us));
}


void
ngx_recording_api_put_bool(ngx_recording_api_object_t *o, const char *name,
    ngx_uint_t value)
{
    ngx_recording_api_put(o, name, json_boolean(value));
}


json_t *
ngx_recording_api_text(const char *text, size_t len)
{
    u_char  *p, *last, *from, *to, *clean;
    json_t  *value;

    value = json_stringn(text, len);

    if (value) {
        return value;
    }

    /* bytes that are no UTF-8 become U+FFFD */

    clean = malloc(3 * len + 1);

    if (clean == NULL) {
        return NULL;
    }

    p = (u_char *) text;
    last = p + len;
    to = clean;

    while (p < last) {
        from = p;
        value = ngx_utf8_decode(&p, last - p) <= 0x10ffff
                ? json_stringn((char *) from, p - from) : NULL;

        if (value) {
            to = ngx_cpymem(to, from, p - from);
            json_decref(value);
            continue;
        }

        p = from + 1;
        to = ngx_cpymem(to, "\xef\xbf\xbd", 3);
    }

    value = json_stringn((char *) clean, to - clean);

    free(clean);

    return value;
}


json_t *
ngx_recording_api_id(uint64_t id)
{
    char  text[NGX_INT64_LEN + 1];

    (void) snprintf(text, sizeof(text), "%llu", (unsigned long long) id);

    return json_string(text);
}


json_t *
ngx_recording_api_date(int64_t us)
{
    char  text[NGX_RECORDING_API_DATE];

    return json_string(us ? ngx_recording_api_time_text(us, text) : "");
}


json_t *
ngx_recording_api_json(const char *text, json_t *(*otherwise)(void))
{
    json_t  *value;

    value = json_loads(text, 0, NULL);

    return value ? value : otherwise();
}


json_t *
ngx_recording_api_template(const ngx_str_t *name)
{
    return json_integer(ngx_recording_text_id(name->data, name->len));
}
