
/* Times of the API: what is one, and what time that is. */

/* link: src/api/ngx_recording_api_time.c */

#include "tap.h"
#include "stubs.h"
#include "ngx_recording_api_time.h"


static const struct {
    const char  *text;
    int64_t      us;
} good[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1969-12-31T23:59:59Z", -1000000 },
    { "2026-01-02T03:04:05Z", 1767323045000000 },
    { "2026-01-02t03:04:05z", 1767323045000000 },
    { "2026-01-02T11:04:05+08:00", 1767323045000000 },
    { "2026-01-02T11:04:05+0800", 1767323045000000 },
    { "2026-01-01T21:34:05-05:30", 1767323045000000 },
    { "2026-01-02T03:04:05+00:00", 1767323045000000 },
    { "2026-01-02T03:04:05.5Z", 1767323045500000 },
    { "2026-01-02T03:04:05.000001Z", 1767323045000001 },
    { "2026-01-02T03:04:05.1234569999999999999999Z", 1767323045123456 },
    { "2024-02-29T00:00:00Z", 1709164800000000 },
    { "2000-02-29T00:00:00Z", 951782400000000 },
    { "2016-12-31T23:59:60Z", 1483228800000000 },
    { "9999-12-31T23:59:59Z", 253402300799000000 },
    { "0001-01-01T00:00:00Z", -62135596800000000 },
};


static const char  *bad[] = {
    "", "Z", "2026", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04Z",
    "2026-01-02 03:04:05Z", "2026-1-2T03:04:05Z", "2026-13-02T03:04:05Z",
    "2026-00-02T03:04:05Z", "2026-01-00T03:04:05Z", "2026-01-32T03:04:05Z",
    "2026-02-29T03:04:05Z", "2100-02-29T03:04:05Z", "2026-04-31T03:04:05Z",
    "2026-01-02T24:04:05Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z",
    "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05.5", "2026-01-02T03:04:05,5Z",
    "2026-01-02T03:04:05+8", "2026-01-02T03:04:05+08:0",
    "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+08:60",
    "2026-01-02T03:04:05+08:00Z", "2026-01-02T03:04:05ZZ",
    "2026-01-02T03:04:05Z ", " 2026-01-02T03:04:05Z", "-026-01-02T03:04:05Z",
    "0000-01-02T03:04:05Z", "+2026-01-02T03:04:05Z", "2026-01-02T0x:04:05Z",
};


int
main(void)
{
    char        text[NGX_RECORDING_API_DATE];
    size_t      i;
    int64_t     us;
    ngx_str_t   str;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        str.data = (u_char *) good[i].text;
        str.len = strlen(good[i].text);
        us = 0;

        ok(ngx_recording_api_time_parse(&str, &us) == NGX_OK
           && us == good[i].us, "%s is %lld", good[i].text, (long long) us);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        str.data = (u_char *) bad[i];
        str.len = strlen(bad[i]);

        ok(ngx_recording_api_time_parse(&str, &us) == NGX_DECLINED,
           "\"%s\" is none", bad[i]);
    }

    ok(strcmp(ngx_recording_api_time_text(1767323045999999, text),
              "2026-01-02T03:04:05Z") == 0, "in UTC");
    ok(strcmp(ngx_recording_api_time_text(-1, text), "1969-12-31T23:59:59Z")
       == 0, "before 1970");
    ok(strcmp(ngx_recording_api_time_text(INT64_MAX, text), "") == 0,
       "in a year that has more digits");

    return tap_done();
}
