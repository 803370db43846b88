
/* Rules: which one applies, the domain of a tcUrl, record_type. */

/* link: src/recorder/ngx_recording_rule.c */
/* link: src/recorder/ngx_recording_rule_format.c */

#include "tap.h"
#include "ngx_recording_rule.h"


static void rule_precedence(void);
static void rule_first(void);
static void rule_same(void);
static void rule_domain(void);
static void rule_type(void);
static void rule_formats(void);
static ngx_recording_rule_t *rule_add(ngx_array_t *rules, const char *domain,
    const char *stream);
static const char *rule_found(ngx_array_t *rules, const char *domain,
    const char *stream);
static ngx_str_t rule_str(const char *s);


#define RULES  8


typedef struct {
    ngx_array_t             array;
    ngx_recording_rule_t    rules[RULES];
} rule_list_t;


static void rule_list(rule_list_t *list);


int
main(void)
{
    rule_precedence();
    rule_first();
    rule_same();
    rule_domain();
    rule_type();
    rule_formats();

    return tap_done();
}


/* each subset of the four kinds, against each stream */

static void
rule_precedence(void)
{
    ngx_uint_t   i, kinds, wrong;
    rule_list_t  list;
    const char  *found, *wanted;

    static const struct {
        const char  *domain;
        const char  *stream;
        ngx_uint_t   order[4];      /* of kinds, best first; 9: ends */
    } streams[] = {
        { "a.com", "cam", { 3, 2, 1, 0 } },
        { "b.com", "cam", { 2, 0, 9 } },
        { "a.com", "other", { 1, 0, 9 } },
        { "b.com", "other", { 0, 9 } },
        { "", "cam", { 2, 0, 9 } },
        { "", "", { 0, 9 } },
    };

    static const char *const  names[] = { "all", "a.com", "cam",
                                          "a.com cam" };

    wrong = 0;

    for (kinds = 0; kinds < 32; kinds++) {
        rule_list(&list);

        /* in one order and in the other */

        for (i = 0; i < 4; i++) {
            ngx_uint_t  kind = kinds & 16 ? 3 - i : i;

            if (kinds & (1 << kind)) {
                rule_add(&list.array, kind & 1 ? "a.com" : "",
                         kind & 2 ? "cam" : "");
            }
        }

        for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
            ngx_uint_t  n;

            wanted = "none";

            for (n = 0; n < 4 && streams[i].order[n] != 9; n++) {
                if (kinds & (1 << streams[i].order[n])) {
                    wanted = names[streams[i].order[n]];
                    break;
                }
            }

            found = rule_found(&list.array, streams[i].domain,
                               streams[i].stream);

            if (ngx_strcmp(found, wanted) != 0) {
                diag("rules %d, \"%s\" \"%s\": %s instead of %s", (int) kinds,
                     streams[i].domain, streams[i].stream, found, wanted);
                wrong++;
            }
        }
    }

    is(wrong, 0, "the most specific rule wins, whatever the order");
}


static void
rule_first(void)
{
    rule_list_t  list;
    const char  *found;

    rule_list(&list);

    found = rule_found(&list.array, "a.com", "cam");
    is_text(found, ngx_strlen(found), "none", "no rules");

    rule_add(&list.array, "A.Com", "Cam");

    found = rule_found(&list.array, "a.COM", "Cam");
    is_text(found, ngx_strlen(found), "A.Com Cam",
            "domains have no case");

    found = rule_found(&list.array, "a.com", "cam");
    is_text(found, ngx_strlen(found), "none", "streams do");

    found = rule_found(&list.array, "a.com.evil", "Cam");
    is_text(found, ngx_strlen(found), "none", "a longer domain");

    found = rule_found(&list.array, "a.co", "Cam");
    is_text(found, ngx_strlen(found), "none", "a shorter domain");

    found = rule_found(&list.array, "a.com", "Camera");
    is_text(found, ngx_strlen(found), "none", "a longer stream");
}


static void
rule_same(void)
{
    rule_list_t            list;
    ngx_recording_rule_t  *all, *cam, *domain, *same;

    rule_list(&list);

    all = rule_add(&list.array, "", "");
    cam = rule_add(&list.array, "", "cam");
    domain = rule_add(&list.array, "cam", "");

    ok(ngx_recording_rule_same(&list.array, all) == NULL, "for all, once");
    ok(ngx_recording_rule_same(&list.array, cam) == NULL, "a stream, once");
    ok(ngx_recording_rule_same(&list.array, domain) == NULL,
       "a domain of that name");

    same = rule_add(&list.array, "", "cam");

    ok(ngx_recording_rule_same(&list.array, same) == cam, "a stream, twice");
    ok(ngx_recording_rule_same(&list.array, cam) == same,
       "and the other way round");

    same = rule_add(&list.array, "", "");

    ok(ngx_recording_rule_same(&list.array, same) == all, "for all, twice");
}


static void
rule_domain(void)
{
    u_char      *copy;
    ngx_str_t    url, host;
    ngx_uint_t   i;

    static const struct {
        const char  *url;
        const char  *host;
    } tests[] = {
        { "rtmp://push.example.com/live", "push.example.com" },
        { "rtmp://push.example.com:1935/live", "push.example.com" },
        { "rtmps://push.example.com/live", "push.example.com" },
        { "rtmp://push.example.com", "push.example.com" },
        { "rtmp://push.example.com:1935", "push.example.com" },
        { "rtmp://push.example.com?vhost=x", "push.example.com" },
        { "rtmp://10.0.0.1:1935/live/x", "10.0.0.1" },
        { "rtmp://[::1]:1935/live", "[::1]" },
        { "rtmp://[::1]/live", "[::1]" },
        { "rtmp://[::1", "[::1" },
        { "rtmp://[::1/live", "[::1" },
        { "rtmp:///live", "" },
        { "rtmp://:1935/live", "" },
        { "rtmp://", "" },
        { "rtmp:/", "" },
        { "://", "" },
        { "", "" },
        { "push.example.com/live", "" },
        { "live", "" },
        { "rtmp://a://b", "a" },
        { "rtmp://user:password@push.example.com/live", "push.example.com" },
        { "rtmp://user:password@push.example.com:1935/live",
          "push.example.com" },
        { "rtmp://user@push.example.com", "push.example.com" },
        { "rtmp://user:p@ss:word@push.example.com/live",
          "push.example.com" },
        { "rtmp://:@push.example.com:/live", "push.example.com" },
        { "rtmp://user:password@[::1]:1935/live", "[::1]" },
        { "rtmp://user:[::1]@10.0.0.1:1935/live", "10.0.0.1" },
        { "rtmp://user:password@/live", "" },
        { "rtmp://user:password@:1935/live", "" },
        { "rtmp://@", "" },
        { "rtmp://push.example.com/live@home", "push.example.com" },
        { "rtmp://push.example.com/live?key=a@b", "push.example.com" },
        { "rtmp://push.example.com?key=a@b", "push.example.com" },
        { "rtmp://push.example.com#a@b", "push.example.com" },
        { "rtmp://push.example.com#b", "push.example.com" },
        { "rtmp://push.example.com./live", "push.example.com" },
        { "rtmp://push.example.com.:1935/live", "push.example.com" },
        { "rtmp://user:password@Push.Example.com.:1935/live",
          "Push.Example.com" },
        { "rtmp://./live", "" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        url.len = ngx_strlen(tests[i].url);
        url.data = tap_copy(tests[i].url, url.len);
        copy = url.data;

        host = ngx_recording_rule_domain(&url);

        is_text(host.data, host.len, tests[i].host, "domain of \"%s\"",
                tests[i].url);
        ok(host.len == 0 || (host.data >= copy
                             && host.data + host.len <= copy + url.len),
           "it lies in \"%s\"", tests[i].url);

        free(copy);
    }

    ngx_str_null(&url);
    host = ngx_recording_rule_domain(&url);
    is(host.len, 0, "no tcUrl");
}


static void
rule_type(void)
{
    ngx_str_t   args, value;
    ngx_uint_t  i;

    static const struct {
        const char            *args;
        ngx_recording_type_e   type;
        const char            *value;
    } tests[] = {
        { "record_type=audio", NGX_RECORDING_TYPE_AUDIO, "audio" },
        { "record_type=video", NGX_RECORDING_TYPE_VIDEO, "video" },
        { "a=b&record_type=audio&c=d", NGX_RECORDING_TYPE_AUDIO, "audio" },
        { "a=b&record_type=video", NGX_RECORDING_TYPE_VIDEO, "video" },
        { "&&record_type=video", NGX_RECORDING_TYPE_VIDEO, "video" },
        { "record_type=", NGX_RECORDING_TYPE_UNKNOWN, "" },
        { "record_type=both&x", NGX_RECORDING_TYPE_UNKNOWN, "both" },
        { "record_type=Audio", NGX_RECORDING_TYPE_UNKNOWN, "Audio" },
        { "record_type=audios", NGX_RECORDING_TYPE_UNKNOWN, "audios" },
        { "record_type=audi", NGX_RECORDING_TYPE_UNKNOWN, "audi" },
        { "record_type=audio&record_type=video", NGX_RECORDING_TYPE_AUDIO,
          "audio" },
        { "record_type", NGX_RECORDING_TYPE_ANY, NULL },
        { "xrecord_type=audio", NGX_RECORDING_TYPE_ANY, NULL },
        { "record_typ=audio", NGX_RECORDING_TYPE_ANY, NULL },
        { "a=record_type=audio", NGX_RECORDING_TYPE_ANY, NULL },
        { "", NGX_RECORDING_TYPE_ANY, NULL },
        { "&", NGX_RECORDING_TYPE_ANY, NULL },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        args.len = ngx_strlen(tests[i].args);
        args.data = tap_copy(tests[i].args, args.len);

        is(ngx_recording_rule_type(&args, &value), tests[i].type,
           "record_type in \"%s\"", tests[i].args);

        if (tests[i].value) {
            is_text(value.data, value.len, tests[i].value, "its value");
        }

        free(args.data);
    }
}


/* which take video, their codecs say: of any name, also of one to come */

static void
rule_formats(void)
{
    ngx_uint_t                i;
    ngx_recording_template_t  all, t;

    static const ngx_recording_format_t  formats[] = {
        { .name = "any" },
        { .name = "both",
          .codecs = ngx_recording_codec_bit(NGX_RECORDING_CODEC_H264)
                    |ngx_recording_codec_bit(NGX_RECORDING_CODEC_MP3) },
        { .name = "sound",
          .codecs = ngx_recording_codec_bit(NGX_RECORDING_CODEC_MP3) },
    };

    ngx_memzero(&all, sizeof(ngx_recording_template_t));

    for (i = 0; i < 3; i++) {
        all.formats[all.nformats++].format = &formats[i];
    }

    t = all;
    is(ngx_recording_rule_formats(&t, NGX_RECORDING_TYPE_ANY), 3, "any: all");

    t = all;
    is(ngx_recording_rule_formats(&t, NGX_RECORDING_TYPE_AUDIO), 3,
       "audio: all");

    t = all;
    is(ngx_recording_rule_formats(&t, NGX_RECORDING_TYPE_VIDEO), 2,
       "video: without the one of sound");
    is(t.nformats, 2, "they are left");
    ok(t.formats[0].format == &formats[0]
       && t.formats[1].format == &formats[1], "in their order");
    is(ngx_recording_rule_video(&t), 1, "they take video");

    t.nformats = 1;
    t.formats[0].format = &formats[2];
    is(ngx_recording_rule_video(&t), 0, "the other one does not");
    is(ngx_recording_rule_formats(&t, NGX_RECORDING_TYPE_VIDEO), 0,
       "nothing is left");
}


static void
rule_list(rule_list_t *list)
{
    ngx_memzero(list, sizeof(rule_list_t));

    list->array.elts = list->rules;
    list->array.size = sizeof(ngx_recording_rule_t);
    list->array.nalloc = RULES;
}


static ngx_recording_rule_t *
rule_add(ngx_array_t *rules, const char *domain, const char *stream)
{
    ngx_recording_rule_t  *rule;

    rule = rules->elts;
    rule += rules->nelts++;

    rule->domain = rule_str(domain);
    rule->stream = rule_str(stream);

    return rule;
}


/* the name of the rule that was found */

static const char *
rule_found(ngx_array_t *rules, const char *domain, const char *stream)
{
    ngx_str_t              d, s;
    ngx_recording_rule_t  *rule;

    static char  name[128];

    d = rule_str(domain);
    s = rule_str(stream);

    rule = ngx_recording_rule_find(rules, &d, &s);

    if (rule == NULL) {
        return "none";
    }

    if (rule->domain.len + rule->stream.len == 0) {
        return "all";
    }

    (void) snprintf(name, sizeof(name), "%s%s%s", rule->domain.data,
                    rule->domain.len && rule->stream.len ? " " : "",
                    rule->stream.data);
    return name;
}


static ngx_str_t
rule_str(const char *s)
{
    ngx_str_t  str;

    str.data = (u_char *) s;
    str.len = ngx_strlen(s);

    return str;
}
