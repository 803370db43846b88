
#include "ngx_recording_playlist.h"


#define NGX_RECORDING_PLAYLIST_TARGET  5      /* digits, zeros in front */
#define NGX_RECORDING_PLAYLIST_ENTRY   512

/* a comment of the same length takes the promise back */

#define NGX_RECORDING_PLAYLIST_TYPE                                          \
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:EVENT\n"
#define NGX_RECORDING_PLAYLIST_TYPE_LEN                                      \
    (sizeof(NGX_RECORDING_PLAYLIST_TYPE) - 1)

#define NGX_RECORDING_PLAYLIST_CLOSED  "#EXT-X-INDEPENDENT-SEGMENTS"
#define NGX_RECORDING_PLAYLIST_OPEN    "## segments stand not alone"
#define NGX_RECORDING_PLAYLIST_CLOSED_LEN                                    \
    (sizeof(NGX_RECORDING_PLAYLIST_CLOSED) - 1)

#define NGX_RECORDING_PLAYLIST_REST  "\n#EXT-X-TARGETDURATION:"

#define NGX_RECORDING_PLAYLIST_HEAD                                          \
    NGX_RECORDING_PLAYLIST_TYPE                                              \
    NGX_RECORDING_PLAYLIST_CLOSED                                            \
    NGX_RECORDING_PLAYLIST_REST
#define NGX_RECORDING_PLAYLIST_HEAD_LEN                                      \
    (sizeof(NGX_RECORDING_PLAYLIST_HEAD) - 1)

#define NGX_RECORDING_PLAYLIST_FIRST  "\n#EXT-X-MEDIA-SEQUENCE:0\n"

#define NGX_RECORDING_PLAYLIST_DATE  "#EXT-X-PROGRAM-DATE-TIME:"

#define NGX_RECORDING_PLAYLIST_ENDLIST  "#EXT-X-ENDLIST\n"
#define NGX_RECORDING_PLAYLIST_ENDLIST_LEN                                   \
    (sizeof(NGX_RECORDING_PLAYLIST_ENDLIST) - 1)


static ngx_inline int64_t ngx_recording_playlist_seconds(int64_t ms);
static ngx_int_t ngx_recording_playlist_open(ngx_recording_playlist_t *list,
    int fd);
static ngx_int_t ngx_recording_playlist_raise(ngx_recording_playlist_t *list,
    int fd, int64_t duration);
static char *ngx_recording_playlist_date(char *p, int64_t us);
static int64_t ngx_recording_playlist_wall(char *p);
static char *ngx_recording_playlist_header(ngx_recording_playlist_t *list,
    char *p);


ngx_int_t
ngx_recording_playlist_add_thread(ngx_recording_playlist_t *list, int fd,
    int64_t segment, ngx_recording_segment_t *s)
{
    char     buf[NGX_RECORDING_PLAYLIST_ENTRY], *p;
    int64_t  seconds;

    p = buf;
    seconds = ngx_recording_playlist_seconds(s->duration);

    if (list->end == 0) {
        list->target = ngx_max(ngx_recording_playlist_seconds(segment),
                               seconds);
        list->target_pos = NGX_RECORDING_PLAYLIST_HEAD_LEN;

        p += sprintf(p, NGX_RECORDING_PLAYLIST_TYPE "%s"
                     NGX_RECORDING_PLAYLIST_REST "%0*lld"
                     NGX_RECORDING_PLAYLIST_FIRST,
                     s->closed ? NGX_RECORDING_PLAYLIST_CLOSED
                               : NGX_RECORDING_PLAYLIST_OPEN,
                     NGX_RECORDING_PLAYLIST_TARGET, (long long) list->target);

    } else if ((seconds > list->target
                && ngx_recording_playlist_raise(list, fd, seconds) != NGX_OK)
               || (!s->closed
                   && ngx_recording_playlist_open(list, fd) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (s->marked) {
        p += sprintf(p, "#EXT-X-DISCONTINUITY\n");
    }

    p = ngx_recording_playlist_date(p, s->wall);

    p += sprintf(p, "#EXTINF:%lld.%03lld,\n%05llu.ts\n",
                 (long long) (s->duration / 1000),
                 (long long) (s->duration % 1000),
                 (unsigned long long) s->number);

    if (ngx_recording_io_write_thread(fd, buf, p - buf, list->end)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    list->end += p - buf;

    return NGX_OK;
}


/* as durations are compared with the target, rounded to the nearest one */

static ngx_inline int64_t
ngx_recording_playlist_seconds(int64_t ms)
{
    return ngx_max((ms + 500) / 1000, 1);
}


/* players must not take this segment for one that stands alone */

static ngx_int_t
ngx_recording_playlist_open(ngx_recording_playlist_t *list, int fd)
{
    return ngx_recording_io_write_thread(fd, NGX_RECORDING_PLAYLIST_OPEN,
                                         NGX_RECORDING_PLAYLIST_CLOSED_LEN,
                                         NGX_RECORDING_PLAYLIST_TYPE_LEN);
}


/* a longer GOP raises the target duration, in place */

static ngx_int_t
ngx_recording_playlist_raise(ngx_recording_playlist_t *list, int fd,
    int64_t seconds)
{
    char  digits[32];

    (void) snprintf(digits, sizeof(digits), "%0*lld",
                    NGX_RECORDING_PLAYLIST_TARGET, (long long) seconds);

    if (ngx_recording_io_write_thread(fd, digits,
                                         NGX_RECORDING_PLAYLIST_TARGET,
                                         list->target_pos)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    list->target = seconds;

    return NGX_OK;
}


static char *
ngx_recording_playlist_date(char *p, int64_t us)
{
    time_t     sec;
    struct tm  tm;

    sec = (time_t) (us / 1000000);
    (void) gmtime_r(&sec, &tm);

    return p + sprintf(p, NGX_RECORDING_PLAYLIST_DATE
                       "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ\n",
                       (unsigned) (tm.tm_year + 1900) % 10000,
                       (unsigned) (tm.tm_mon + 1) % 100,
                       (unsigned) tm.tm_mday % 100,
                       (unsigned) tm.tm_hour % 100,
                       (unsigned) tm.tm_min % 100,
                       (unsigned) tm.tm_sec % 100,
                       (unsigned) (us / 1000 % 1000));
}


ngx_int_t
ngx_recording_playlist_end_thread(ngx_recording_playlist_t *list, int fd)
{
    if (ngx_recording_io_write_thread(fd, NGX_RECORDING_PLAYLIST_ENDLIST,
                                         NGX_RECORDING_PLAYLIST_ENDLIST_LEN,
                                         list->end)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    list->end += NGX_RECORDING_PLAYLIST_ENDLIST_LEN;

    return NGX_OK;
}


ngx_int_t
ngx_recording_playlist_next_thread(ngx_recording_playlist_t *list, int fd,
    ngx_recording_segment_t *s)
{
    int                  n;
    char                 buf[NGX_RECORDING_PLAYLIST_ENTRY], *p;
    ssize_t              size;
    long long            sec, msec;
    unsigned long long   number;

    size = pread(fd, buf, sizeof(buf) - 1, list->end);

    if (size <= 0) {
        return NGX_DECLINED;
    }

    buf[size] = '\0';
    p = buf;

    if (strncmp(p, NGX_RECORDING_PLAYLIST_ENDLIST,
                NGX_RECORDING_PLAYLIST_ENDLIST_LEN)
        == 0)
    {
        list->end += NGX_RECORDING_PLAYLIST_ENDLIST_LEN;
        return NGX_DONE;
    }

    if (list->end == 0) {
        p = ngx_recording_playlist_header(list, p);

        if (p == NULL) {
            return NGX_DECLINED;
        }
    }

    s->wall = ngx_recording_playlist_wall(p);

    p = strstr(p, "#EXTINF:");
    n = 0;

    if (p == NULL
        || sscanf(p, "#EXTINF:%5lld.%3lld,\n%llu.ts\n%n", &sec, &msec, &number,
                  &n)
           != 3
        || n == 0 || p[n - 1] != '\n' || sec < 0 || msec < 0
        || number != s->number)
    {
        return NGX_DECLINED;
    }

    s->duration = sec * 1000 + msec;
    list->end += p + n - buf;

    return NGX_OK;
}


/* the date of the next segment, us, or 0 */

static int64_t
ngx_recording_playlist_wall(char *p)
{
    int        msec;
    struct tm  tm;

    p = strstr(p, NGX_RECORDING_PLAYLIST_DATE);

    ngx_memzero(&tm, sizeof(tm));

    if (p == NULL
        || sscanf(p + sizeof(NGX_RECORDING_PLAYLIST_DATE) - 1,
                  "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon,
                  &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &msec)
           != 7)
    {
        return 0;
    }

    tm.tm_year -= 1900;
    tm.tm_mon--;

    return (int64_t) timegm(&tm) * 1000000 + msec * 1000;
}


static char *
ngx_recording_playlist_header(ngx_recording_playlist_t *list, char *p)
{
    if (strncmp(p, NGX_RECORDING_PLAYLIST_HEAD,
                NGX_RECORDING_PLAYLIST_HEAD_LEN)
        != 0
        && strncmp(p, NGX_RECORDING_PLAYLIST_TYPE NGX_RECORDING_PLAYLIST_OPEN
                      NGX_RECORDING_PLAYLIST_REST,
                   NGX_RECORDING_PLAYLIST_HEAD_LEN)
           != 0)
    {
        return NULL;
    }

    p += NGX_RECORDING_PLAYLIST_HEAD_LEN;

    list->target_pos = NGX_RECORDING_PLAYLIST_HEAD_LEN;
    list->target = strtoll(p, NULL, 10);

    return strstr(p, NGX_RECORDING_PLAYLIST_FIRST);
}
