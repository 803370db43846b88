
#include "ngx_recording_api_time.h"


static ngx_int_t ngx_recording_api_time_number(u_char **p, u_char *last,
    size_t n, u_char end, ngx_int_t min, ngx_int_t max, ngx_int_t *number);
static ngx_int_t ngx_recording_api_time_fraction(u_char **p, u_char *last,
    int64_t *us);
static ngx_int_t ngx_recording_api_time_zone(u_char *p, u_char *last,
    int64_t *seconds);


ngx_int_t
ngx_recording_api_time_parse(const ngx_str_t *text, int64_t *us)
{
    u_char     *p, *last;
    int64_t     fraction, zone, days;
    ngx_int_t   year, month, day, hour, minute, second;
    struct tm   tm;

    p = text->data;
    last = p + text->len;

    if (ngx_recording_api_time_number(&p, last, 4, '-', 1, 9999, &year)
        != NGX_OK
        || ngx_recording_api_time_number(&p, last, 2, '-', 1, 12, &month)
           != NGX_OK
        || ngx_recording_api_time_number(&p, last, 2, 'T', 1, 31, &day)
           != NGX_OK
        || ngx_recording_api_time_number(&p, last, 2, ':', 0, 23, &hour)
           != NGX_OK
        || ngx_recording_api_time_number(&p, last, 2, ':', 0, 59, &minute)
           != NGX_OK
        || ngx_recording_api_time_number(&p, last, 2, 0, 0, 60, &second)
           != NGX_OK
        || ngx_recording_api_time_fraction(&p, last, &fraction) != NGX_OK
        || ngx_recording_api_time_zone(p, last, &zone) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&tm, sizeof(struct tm));

    tm.tm_year = (int) year - 1900;
    tm.tm_mon = (int) month - 1;
    tm.tm_mday = (int) day;

    days = timegm(&tm);

    /* the month has that day */

    if (tm.tm_mday != day) {
        return NGX_DECLINED;
    }

    *us = (days + hour * 3600 + minute * 60 + second - zone) * 1000000
          + fraction;

    return NGX_OK;
}


/* n digits, and what ends them, if that is not 0 */

static ngx_int_t
ngx_recording_api_time_number(u_char **p, u_char *last, size_t n, u_char end,
    ngx_int_t min, ngx_int_t max, ngx_int_t *number)
{
    if ((size_t) (last - *p) < n + (end ? 1 : 0)
        || (end && (*p)[n] != end && !(end == 'T' && (*p)[n] == 't')))
    {
        return NGX_DECLINED;
    }

    *number = ngx_atoi(*p, n);

    if (*number == NGX_ERROR || *number < min || *number > max) {
        return NGX_DECLINED;
    }

    *p += n + (end ? 1 : 0);

    return NGX_OK;
}


/* of any length; what is finer than us does not count */

static ngx_int_t
ngx_recording_api_time_fraction(u_char **p, u_char *last, int64_t *us)
{
    u_char   *start;
    int64_t   unit;

    *us = 0;

    if (*p == last || **p != '.') {
        return NGX_OK;
    }

    start = ++*p;

    for (unit = 100000; *p < last && **p >= '0' && **p <= '9'; unit /= 10) {
        *us += (*(*p)++ - '0') * unit;
    }

    return *p > start ? NGX_OK : NGX_DECLINED;
}


/* "Z", "+hh:mm" or "-hhmm" */

static ngx_int_t
ngx_recording_api_time_zone(u_char *p, u_char *last, int64_t *seconds)
{
    u_char     sign;
    ngx_int_t  hours, minutes;

    *seconds = 0;

    if (last - p == 1 && (*p == 'Z' || *p == 'z')) {
        return NGX_OK;
    }

    if (p == last || (*p != '+' && *p != '-')) {
        return NGX_DECLINED;
    }

    sign = *p++;

    if (ngx_recording_api_time_number(&p, last, 2, 0, 0, 23, &hours)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (p < last && *p == ':') {
        p++;
    }

    if (ngx_recording_api_time_number(&p, last, 2, 0, 0, 59, &minutes)
        != NGX_OK
        || p != last)
    {
        return NGX_DECLINED;
    }

    *seconds = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);

    return NGX_OK;
}


char *
ngx_recording_api_time_text(int64_t us, char text[NGX_RECORDING_API_DATE])
{
    time_t     time;
    struct tm  tm;

    time = us / 1000000 - (us % 1000000 < 0);

    if (gmtime_r(&time, &tm) == NULL || tm.tm_year + 1900 > 9999
        || tm.tm_year + 1900 < 0)
    {
        text[0] = '\0';
        return text;
    }

    (void) snprintf(text, NGX_RECORDING_API_DATE,
                    "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                    tm.tm_sec);

    return text;
}
