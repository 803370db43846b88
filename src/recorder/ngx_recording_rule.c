
#include "ngx_recording_rule.h"


static ngx_uint_t ngx_recording_rule_equal(ngx_str_t *a, ngx_str_t *b);


ngx_recording_rule_t *
ngx_recording_rule_find(ngx_array_t *rules, ngx_str_t *domain,
    ngx_str_t *stream)
{
    ngx_uint_t             i, rank, best;
    ngx_recording_rule_t  *rule, *found;

    found = NULL;
    best = 0;

    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {

        if (rule[i].domain.len
            && (rule[i].domain.len != domain->len
                || strncasecmp((char *) rule[i].domain.data,
                               (char *) domain->data, domain->len)
                   != 0))
        {
            continue;
        }

        if (rule[i].stream.len
            && !ngx_recording_rule_equal(&rule[i].stream, stream))
        {
            continue;
        }

        rank = 1 + (rule[i].stream.len ? 2 : 0) + (rule[i].domain.len ? 1 : 0);

        if (rank > best) {
            best = rank;
            found = &rule[i];
        }
    }

    return found;
}


ngx_recording_rule_t *
ngx_recording_rule_same(ngx_array_t *rules, ngx_recording_rule_t *rule)
{
    ngx_uint_t             i;
    ngx_recording_rule_t  *r;

    r = rules->elts;

    for (i = 0; i < rules->nelts; i++) {
        if (&r[i] != rule
            && ngx_recording_rule_equal(&r[i].domain, &rule->domain)
            && ngx_recording_rule_equal(&r[i].stream, &rule->stream))
        {
            return &r[i];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_recording_rule_equal(ngx_str_t *a, ngx_str_t *b)
{
    /* an empty one may have no data */

    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


ngx_str_t
ngx_recording_rule_domain(ngx_str_t *tc_url)
{
    u_char     *p, *last, *end;
    ngx_str_t   host;

    ngx_str_null(&host);

    if (tc_url->len == 0) {
        return host;
    }

    last = tc_url->data + tc_url->len;

    for (p = tc_url->data; last - p >= 3; p++) {
        if (p[0] == ':' && p[1] == '/' && p[2] == '/') {
            break;
        }
    }

    if (last - p < 3) {
        return host;
    }

    p += 3;

    for (end = p;
         end < last && *end != '/' && *end != '?' && *end != '#';
         end++)
    {
        /* void */
    }

    /* the host is behind the last "@": a password may have one, too */

    for (last = end; last > p && last[-1] != '@'; last--) { /* void */ }

    p = last;
    host.data = p;

    if (p < end && *p == '[') {

        /* an IPv6 address */

        while (p < end && *p != ']') {
            p++;
        }

        if (p < end) {
            p++;
        }

    } else {
        while (p < end && *p != ':') {
            p++;
        }
    }

    host.len = p - host.data;

    /* the root's dot: it is the same host */

    if (host.len && p[-1] == '.') {
        host.len--;
    }

    return host;
}


ngx_recording_type_e
ngx_recording_rule_type(ngx_str_t *args, ngx_str_t *value)
{
    u_char     *p, *last, *end;
    ngx_str_t   key = ngx_string("record_type=");

    p = args->data;
    last = p + args->len;

    for ( /* void */ ; p < last; p = end + 1) {

        for (end = p; end < last && *end != '&'; end++) { /* void */ }

        if ((size_t) (end - p) < key.len
            || ngx_memcmp(p, key.data, key.len) != 0)
        {
            continue;
        }

        value->data = p + key.len;
        value->len = end - value->data;

        if (value->len == 5 && ngx_memcmp(value->data, "audio", 5) == 0) {
            return NGX_RECORDING_TYPE_AUDIO;
        }

        if (value->len == 5 && ngx_memcmp(value->data, "video", 5) == 0) {
            return NGX_RECORDING_TYPE_VIDEO;
        }

        return NGX_RECORDING_TYPE_UNKNOWN;
    }

    return NGX_RECORDING_TYPE_ANY;
}
