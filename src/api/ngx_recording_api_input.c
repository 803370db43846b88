
/*
 * Parameters of a call.  Clients send numbers also as texts.
 */


#include "ngx_recording_api.h"
#include "ngx_recording_api_time.h"


static ngx_int_t ngx_recording_api_param(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value,
    void *field);
static ngx_int_t ngx_recording_api_input_text(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value,
    ngx_str_t *text);
static ngx_int_t ngx_recording_api_input_list(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value,
    ngx_recording_api_list_t *list);
static ngx_int_t ngx_recording_api_input_id(ngx_recording_api_call_t *call,
    const char *name, const ngx_str_t *text, uint64_t *id);
static ngx_int_t ngx_recording_api_input_number(
    ngx_recording_api_call_t *call, const ngx_recording_api_param_t *param,
    const json_t *value, int64_t *number);
static ngx_int_t ngx_recording_api_input_bool(
    ngx_recording_api_call_t *call, const ngx_recording_api_param_t *param,
    const json_t *value, int64_t *number);
static ngx_int_t ngx_recording_api_input_seconds(
    ngx_recording_api_call_t *call, const ngx_recording_api_param_t *param,
    const json_t *value, int64_t *ms);
static ngx_int_t ngx_recording_api_input_range(
    ngx_recording_api_call_t *call, const ngx_recording_api_param_t *param,
    const json_t *value, ngx_recording_api_range_t *range);


ngx_int_t
ngx_recording_api_params(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *params, void *fields)
{
    return ngx_recording_api_members(call, call->params, params, fields);
}


ngx_int_t
ngx_recording_api_members(ngx_recording_api_call_t *call,
    const json_t *object, const ngx_recording_api_param_t *params,
    void *fields)
{
    json_t                           *value;
    ngx_int_t                         rc;
    const char                       *name;
    const ngx_recording_api_param_t  *param;

    json_object_foreach((json_t *) object, name, value) {

        for (param = params; param->name; param++) {
            if (ngx_strcmp(param->name, name) == 0) {
                break;
            }
        }

        if (param->name == NULL) {
            return ngx_recording_api_fail(call, "UnknownParameter",
                                          "there is no parameter \"%.64s\"",
                                          name);
        }

        if (json_is_null(value)) {
            continue;
        }

        rc = ngx_recording_api_param(call, param, value,
                                     (u_char *) fields + param->offset);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_param(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value, void *field)
{
    ngx_str_t  text;

    switch (param->type) {

    case NGX_RECORDING_API_TEXT:
        return ngx_recording_api_input_text(call, param, value, field);

    case NGX_RECORDING_API_LIST:
    case NGX_RECORDING_API_IDS:
        return ngx_recording_api_input_list(call, param, value, field);

    case NGX_RECORDING_API_ID:

        if (!json_is_string(value)) {
            return ngx_recording_api_fail(call, "InvalidParameter",
                                          "%s is not a string", param->name);
        }

        text.data = (u_char *) json_string_value(value);
        text.len = json_string_length(value);

        return ngx_recording_api_input_id(call, param->name, &text, field);

    case NGX_RECORDING_API_NUMBER:
        return ngx_recording_api_input_number(call, param, value, field);

    case NGX_RECORDING_API_BOOL:
        return ngx_recording_api_input_bool(call, param, value, field);

    case NGX_RECORDING_API_RANGE:
        return ngx_recording_api_input_range(call, param, value, field);

    case NGX_RECORDING_API_OBJECT:

        if (!json_is_object(value)) {
            return ngx_recording_api_fail(call, "InvalidParameter",
                                          "%s is not an object", param->name);
        }

        *(const json_t **) field = value;
        return NGX_OK;

    case NGX_RECORDING_API_ARRAY:

        if (!json_is_array(value)) {
            return ngx_recording_api_fail(call, "InvalidParameter",
                                          "%s is not an array", param->name);
        }

        *(const json_t **) field = value;
        return NGX_OK;

    case NGX_RECORDING_API_SECONDS:
        return ngx_recording_api_input_seconds(call, param, value, field);

    case NGX_RECORDING_API_IGNORED:
        return NGX_OK;

    default:
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "%s is not supported", param->name);
    }
}


static ngx_int_t
ngx_recording_api_input_text(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value,
    ngx_str_t *text)
{
    if (!json_is_string(value)) {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "%s is not a string", param->name);
    }

    text->data = (u_char *) json_string_value(value);
    text->len = json_string_length(value);

    if (param->max && text->len > (size_t) param->max) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "%s is longer than %lld bytes",
                                      param->name, (long long) param->max);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_input_list(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value,
    ngx_recording_api_list_t *list)
{
    size_t   i;
    json_t  *item;

    if (!json_is_array(value)) {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "%s is not an array", param->name);
    }

    if (json_array_size(value) > (size_t) param->max) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "%s has more than %lld elements",
                                      param->name, (long long) param->max);
    }

    json_array_foreach(value, i, item) {

        if (!json_is_string(item)) {
            return ngx_recording_api_fail(call, "InvalidParameter",
                                          "%s has an element that is not a "
                                          "string", param->name);
        }

        list->text[i].data = (u_char *) json_string_value(item);
        list->text[i].len = json_string_length(item);

        if (param->type == NGX_RECORDING_API_IDS
            && ngx_recording_api_input_id(call, param->name, &list->text[i],
                                          &list->id[i])
               != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    /* an empty one is as good as none, as the cloud has it */

    list->n = json_array_size(value);
    list->set = list->n > 0;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_input_id(ngx_recording_api_call_t *call, const char *name,
    const ngx_str_t *text, uint64_t *id)
{
    off_t  number;

    number = ngx_atoof(text->data, text->len);

    if (number == NGX_ERROR) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "%s has \"%.32s\", which is no id",
                                      name, text->data);
    }

    *id = (uint64_t) number;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_input_number(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value,
    int64_t *number)
{
    off_t  n;

    n = json_is_integer(value)
        ? json_integer_value(value)
        : json_is_string(value)
        ? ngx_atoof((u_char *) json_string_value(value),
                    json_string_length(value))
        : NGX_ERROR;

    if (!json_is_integer(value) && n == NGX_ERROR) {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "%s is not an integer", param->name);
    }

    if (n < param->min || n > param->max) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "%s is not from %lld to %lld",
                                      param->name, (long long) param->min,
                                      (long long) param->max);
    }

    *number = n;

    return NGX_OK;
}


/* also a text, as the cloud's own samples have it */

static ngx_int_t
ngx_recording_api_input_bool(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value,
    int64_t *number)
{
    const char  *text;

    text = json_string_value(value);

    if (json_is_true(value) || (text && ngx_strcmp(text, "true") == 0)) {
        *number = 1;

    } else if (json_is_false(value)
               || (text && ngx_strcmp(text, "false") == 0))
    {
        *number = 0;

    } else {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "%s is neither true nor false",
                                      param->name);
    }

    return NGX_OK;
}


/* also a text; no other one than those that it can be is compared */

static ngx_int_t
ngx_recording_api_input_seconds(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value, int64_t *ms)
{
    char        *end;
    double       seconds;
    const char  *text;

    text = json_string_value(value);
    end = NULL;

    if (json_is_number(value)) {
        seconds = json_number_value(value);

    } else if (text && *text >= '0' && *text <= '9'
               && strspn(text, "0123456789.") == strlen(text))
    {
        seconds = strtod(text, &end);

    } else {
        seconds = -1;
    }

    if ((end && *end) || (!json_is_number(value) && seconds < 0)) {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "%s is not a number of seconds",
                                      param->name);
    }

    if (!(seconds >= 0 && seconds <= NGX_RECORDING_API_LONGEST)) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "%s is not from 0 to %d s", param->name,
                                      NGX_RECORDING_API_LONGEST);
    }

    *ms = (int64_t) (seconds * 1000 + 0.5);

    return NGX_OK;
}


/* {"After": time, "Before": time}, each may be absent; both are inclusive */

static ngx_int_t
ngx_recording_api_input_range(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *param, const json_t *value,
    ngx_recording_api_range_t *range)
{
    json_t      *item;
    int64_t      us;
    ngx_str_t    text;
    const char  *name;

    if (!json_is_object(value)) {
        return ngx_recording_api_fail(call, "InvalidParameter",
                                      "%s is not an object", param->name);
    }

    range->after = INT64_MIN;
    range->before = INT64_MAX;

    json_object_foreach((json_t *) value, name, item) {

        if (ngx_strcmp(name, "After") != 0 && ngx_strcmp(name, "Before") != 0)
        {
            return ngx_recording_api_fail(call, "UnknownParameter",
                                          "%s has no member \"%.64s\"",
                                          param->name, name);
        }

        if (json_is_null(item)) {
            continue;
        }

        text.data = (u_char *) json_string_value(item);
        text.len = json_string_length(item);

        if (text.data == NULL
            || ngx_recording_api_time_parse(&text, &us) != NGX_OK)
        {
            return ngx_recording_api_fail(call, "InvalidParameterValue",
                                          "%s of %s is not a time as "
                                          "2026-01-02T03:04:05Z or "
                                          "2026-01-02T03:04:05+08:00", name,
                                          param->name);
        }

        if (*name == 'A') {
            range->after = us;

        } else {
            range->before = us;
        }
    }

    range->set = 1;

    return NGX_OK;
}


void
ngx_recording_api_copy(char *to, size_t size, const ngx_str_t *text)
{
    (void) snprintf(to, size, "%.*s", (int) text->len,
                    text->len ? (char *) text->data : "");
}
