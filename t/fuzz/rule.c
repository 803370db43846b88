
/* What a publisher chooses: a tcUrl and a query, a line each. */

/* link: src/recorder/ngx_recording_rule.c */

#include "fuzz.h"
#include "ngx_recording_rule.h"


static void fuzz_domain(ngx_str_t *url);
static void fuzz_type(ngx_str_t *args);
static ngx_uint_t fuzz_inside(ngx_str_t *part, ngx_str_t *whole);


static const fuzz_seed_t  seeds[] = {
    fuzz_text("rtmp://push.example.com:1935/live?x=y\nrecord_type=audio"),
    fuzz_text("rtmp://[2001:db8::1]:1935/live\na=b&record_type=video&c=d"),
    fuzz_text("rtmp://h\nrecord_type=x"),
    fuzz_text("://\n&record_type=&"),
    fuzz_text("a.com\ncam"),
    fuzz_text("rtmp://user:p@ss@Push.example.com.:1935/live?a=b@c#d\n&"),
    fuzz_text("rtmp://user:password@[::1]:1935/live\nrecord_type=\n"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                *p;
    ngx_str_t              url, args;
    ngx_array_t            rules;
    ngx_recording_rule_t   rule[2];

    url.data = (u_char *) data;

    for (p = url.data; p < data + size && *p != '\n'; p++) { /* void */ }

    url.len = p - data;
    args.data = ngx_min(p + 1, (u_char *) data + size);
    args.len = data + size - args.data;

    fuzz_domain(&url);
    fuzz_type(&args);
    fuzz_type(&url);

    /* and as the names themselves */

    ngx_memzero(rule, sizeof(rule));

    ngx_str_set(&rule[0].domain, "a.com");
    ngx_str_set(&rule[1].stream, "cam");

    rules.elts = rule;
    rules.nelts = 2;

    (void) ngx_recording_rule_find(&rules, &url, &args);

    return 0;
}


static void
fuzz_domain(ngx_str_t *url)
{
    size_t     i;
    ngx_str_t  host;

    host = ngx_recording_rule_domain(url);

    if (host.len == 0) {
        return;
    }

    fuzz_check(fuzz_inside(&host, url));

    for (i = 0; i < host.len; i++) {
        fuzz_check(host.data[i] != '/' && host.data[i] != '@');
        fuzz_check(host.data[i] != '?' && host.data[i] != '#');
        fuzz_check(host.data[i] != ':' || host.data[0] == '[');
    }
}


static void
fuzz_type(ngx_str_t *args)
{
    ngx_str_t             value;
    ngx_recording_type_e  type;

    type = ngx_recording_rule_type(args, &value);

    if (type == NGX_RECORDING_TYPE_ANY) {
        return;
    }

    fuzz_check(type <= NGX_RECORDING_TYPE_UNKNOWN);
    fuzz_check(fuzz_inside(&value, args));
    fuzz_check(ngx_strlchr(value.data, value.data + value.len, '&') == NULL);
}


static ngx_uint_t
fuzz_inside(ngx_str_t *part, ngx_str_t *whole)
{
    return part->data >= whole->data
           && part->data + part->len <= whole->data + whole->len;
}
