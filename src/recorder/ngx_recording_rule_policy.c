
/* rules of the configuration beside those of calls */


#include "ngx_recording_rule.h"


static ngx_uint_t ngx_recording_rule_named(ngx_uint_t domain, ngx_uint_t app,
    ngx_uint_t stream);
static ngx_uint_t ngx_recording_rule_is(const char *text,
    const ngx_str_t *value);
static ngx_uint_t ngx_recording_rule_host(const char *text,
    const ngx_str_t *value);


/* the stream counts most, unless there is neither domain nor application */

static ngx_uint_t
ngx_recording_rule_named(ngx_uint_t domain, ngx_uint_t app, ngx_uint_t stream)
{
    static const ngx_uint_t  ranks[2][2][2] = {
        { { 1, 5 }, { 2, 5 } },
        { { 3, 6 }, { 4, 7 } }
    };

    return ranks[domain != 0][app != 0][stream != 0];
}


ngx_uint_t
ngx_recording_rule_rank(const ngx_recording_rule_t *rule, ngx_uint_t own)
{
    return ngx_recording_rule_named(rule->domain.len, own, rule->stream.len);
}


const ngx_recording_policy_rule_t *
ngx_recording_rule_policy(const ngx_recording_policy_t *policy,
    const ngx_recording_stream_t *stream, ngx_uint_t rank)
{
    ngx_uint_t                          i, n;
    const ngx_recording_policy_rule_t  *r, *found;

    found = NULL;

    for (i = 0; i < policy->nrules; i++) {
        r = &policy->rules[i];
        n = ngx_recording_rule_named(*r->domain, *r->app, *r->stream);

        if (n > rank
            && (*r->domain == '\0'
                || ngx_recording_rule_host(r->domain, &stream->domain))
            && (*r->app == '\0'
                || ngx_recording_rule_is(r->app, &stream->app))
            && (*r->stream == '\0'
                || ngx_recording_rule_is(r->stream, &stream->name)))
        {
            rank = n;
            found = r;
        }
    }

    return found;
}


ngx_uint_t
ngx_recording_rule_task(const ngx_recording_policy_task_t *task,
    const ngx_recording_stream_t *stream)
{
    /* what a relay pulls has no host, but a task has to name one */

    return (stream->domain.len == 0
            || ngx_recording_rule_host(task->domain, &stream->domain))
           && ngx_recording_rule_is(task->app, &stream->app)
           && ngx_recording_rule_is(task->stream, &stream->name);
}


static ngx_uint_t
ngx_recording_rule_is(const char *text, const ngx_str_t *value)
{
    return ngx_strlen(text) == value->len
           && ngx_memcmp(text, value->data, value->len) == 0;
}


static ngx_uint_t
ngx_recording_rule_host(const char *text, const ngx_str_t *value)
{
    return ngx_strlen(text) == value->len
           && ngx_strncasecmp((u_char *) text, value->data, value->len) == 0;
}
