
/*
 * A playlist over the segments that all recordings of a stream have of a time:
 * nothing is copied, it names what is there.
 *
 * Segments go by their wall clock, as ngx_recording_api_course.h says.  What is
 * not in the store any more is a gap, in pieces.
 */


#include "ngx_recording_api.h"
#include "ngx_recording_api_course.h"
#include "ngx_recording_api_time.h"
#include "ngx_recording_path.h"
#include <time.h>


#define NGX_RECORDING_API_PLAY_LISTS  5000
#define NGX_RECORDING_API_PLAY_LIST   (64 * 1024 * 1024)   /* bytes of one */
#define NGX_RECORDING_API_PLAY_GAP    6000000              /* us, of a piece */
#define NGX_RECORDING_API_PLAY_LEAST  100000               /* us, of a gap */
#define NGX_RECORDING_API_PLAY_SEGMENT  86400           /* s: longer is none */
#define NGX_RECORDING_API_PLAY_HEAD   256
#define NGX_RECORDING_API_PLAY_TEXT   (4 * NGX_RECORDING_FILE_PATH)


typedef struct {
    char                   *text;          /* of malloc() */
    size_t                  len;
    size_t                  size;
    ngx_recording_store_t  *store;
    int64_t                 from;          /* us */
    int64_t                 to;
    uint64_t                recording_id;  /* of the list that is read */
    ngx_recording_api_course_t  course;
    int64_t                 target;        /* s */
    ngx_uint_t              listed;        /* segments and pieces */
    unsigned                joined:1;      /* the next one follows from it */
    unsigned                grows:1;       /* more may come */
    unsigned                open:1;        /* segments may need others */
} ngx_recording_api_playing_t;


/* a segment in the playlist that is read */

typedef struct {
    const char             *path;          /* of the playlist */
    const char             *name;
    int64_t                 wall;          /* us, its start */
    int64_t                 duration;      /* us */
    ngx_uint_t              marked;        /* a discontinuity is before it */
    ngx_uint_t              gap;           /* it is not there */
} ngx_recording_api_played_t;


static ngx_int_t ngx_recording_api_play_thread(ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_play_list(void *data,
    const ngx_recording_catalogue_search_playlist_t *list);
static char *ngx_recording_api_play_read(ngx_recording_store_t *store,
    const char *path);
static ngx_int_t ngx_recording_api_play_lines(ngx_recording_api_playing_t *p,
    const char *path, char *text);
static void ngx_recording_api_play_tag(ngx_recording_api_playing_t *p,
    ngx_recording_api_played_t *s, const char *line, ngx_uint_t *closed);
static ngx_int_t ngx_recording_api_play_segment(ngx_recording_api_playing_t *p,
    const ngx_recording_api_played_t *s);
static ngx_int_t ngx_recording_api_play_gap(ngx_recording_api_playing_t *p,
    const ngx_recording_catalogue_search_playlist_t *list);
static ngx_int_t ngx_recording_api_play_write(ngx_recording_api_playing_t *p,
    const ngx_recording_api_played_t *s);
static ngx_int_t ngx_recording_api_play_add(ngx_recording_api_playing_t *p,
    const char *text, size_t len);
static char *ngx_recording_api_play_whole(ngx_recording_api_playing_t *p);


const ngx_recording_api_action_t  ngx_recording_api_play = {
    "record_play", NULL, 0, ngx_recording_api_play_thread
};


static ngx_int_t
ngx_recording_api_play_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                     rc;
    ngx_recording_api_play_t     *play;
    ngx_recording_api_playing_t   p;

    play = call->arg;

    ngx_memzero(&p, sizeof(ngx_recording_api_playing_t));

    p.store = &call->api->worker->store;
    p.from = play->time.from;
    p.to = play->time.to;
    p.target = NGX_RECORDING_API_PLAY_GAP / 1000000;

    rc = ngx_recording_catalogue_search_playlists(call->catalogue,
                                                  &play->time,
                                                  NGX_RECORDING_API_PLAY_LISTS,
                                                  ngx_recording_api_play_list,
                                                  &p);

    if (rc == NGX_OK && p.listed == 0 && !p.grows) {
        rc = ngx_recording_api_fail(call, "ResourceNotFound",
                                    "nothing of that time is recorded");
    }

    if (rc == NGX_OK) {
        call->text = ngx_recording_api_play_whole(&p);
        rc = call->text ? NGX_OK : NGX_ERROR;
    }

    free(p.text);

    return rc;
}


static ngx_int_t
ngx_recording_api_play_list(void *data,
    const ngx_recording_catalogue_search_playlist_t *list)
{
    ngx_recording_api_playing_t *p = data;

    char       *text;
    ngx_int_t   rc;

    p->recording_id = list->recording_id;
    ngx_recording_api_course_next(&p->course, list->recording_id,
                                  list->start_us, list->finished_us);

    text = list->local && list->state <= NGX_RECORDING_FILE_FINISHED
           ? ngx_recording_api_play_read(p->store, list->path) : NULL;

    if (text) {
        rc = ngx_recording_api_play_lines(p, list->path, text);
        free(text);

    } else {
        rc = ngx_recording_api_play_gap(p, list);
    }

    if (list->state < NGX_RECORDING_FILE_FINISHED && p->course.end < p->to) {
        p->grows = 1;
    }

    return rc;
}


/* NULL: it is not there any more, or cannot be read */

static char *
ngx_recording_api_play_read(ngx_recording_store_t *store, const char *path)
{
    int          fd;
    char        *text;
    struct stat  st;

    fd = ngx_recording_openat(store->files, path,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK, 0);

    if (fd == -1) {
        return NULL;
    }

    text = NULL;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
        && st.st_size <= NGX_RECORDING_API_PLAY_LIST)
    {
        text = malloc(st.st_size + 1);
    }

    if (text) {

        if (ngx_recording_io_read_thread(fd, text, st.st_size, 0) == NGX_OK) {
            text[st.st_size] = '\0';

        } else {
            free(text);
            text = NULL;
        }
    }

    ngx_recording_close(fd);

    return text;
}


/* one that grows may end in the middle of a line: what is not whole follows */

static ngx_int_t
ngx_recording_api_play_lines(ngx_recording_api_playing_t *p,
    const char *path, char *text)
{
    char                        *line, *end;
    ngx_int_t                    rc;
    ngx_uint_t                   closed;
    ngx_recording_api_played_t   s;

    ngx_memzero(&s, sizeof(ngx_recording_api_played_t));

    s.path = path;
    closed = 0;
    rc = NGX_OK;
    p->joined = 0;

    for (line = text; rc == NGX_OK && (end = strchr(line, '\n')) != NULL;
         line = end + 1)
    {
        *end = '\0';

        if (line[0] == '#' || line[0] == '\0') {
            ngx_recording_api_play_tag(p, &s, line, &closed);
            continue;
        }

        s.name = line;

        rc = ngx_recording_api_play_segment(p, &s);

        s.wall += s.duration;
        s.duration = 0;
        s.marked = 0;
    }

    p->open = p->open || !closed;

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static void
ngx_recording_api_play_tag(ngx_recording_api_playing_t *p,
    ngx_recording_api_played_t *s, const char *line, ngx_uint_t *closed)
{
    double      seconds;
    int64_t     us;
    ngx_str_t   date;

#define NGX_RECORDING_API_PLAY_IS(tag)                                        \
    (strncmp(line, tag, sizeof(tag) - 1) == 0)

    if (NGX_RECORDING_API_PLAY_IS("#EXTINF:")) {
        seconds = strtod(line + 8, NULL);
        s->duration = seconds > 0 && seconds < NGX_RECORDING_API_PLAY_SEGMENT
                      ? (int64_t) (seconds * 1000000) : 0;

    } else if (NGX_RECORDING_API_PLAY_IS("#EXT-X-PROGRAM-DATE-TIME:")) {
        date.data = (u_char *) line + sizeof("#EXT-X-PROGRAM-DATE-TIME:") - 1;
        date.len = strlen((char *) date.data);

        if (ngx_recording_api_time_parse(&date, &us) == NGX_OK) {
            s->wall = us;
        }

    } else if (NGX_RECORDING_API_PLAY_IS("#EXT-X-DISCONTINUITY")) {
        s->marked = 1;

    } else if (NGX_RECORDING_API_PLAY_IS("#EXT-X-TARGETDURATION:")) {
        p->target = ngx_max(p->target, strtol(line + 22, NULL, 10));

    } else if (NGX_RECORDING_API_PLAY_IS("#EXT-X-INDEPENDENT-SEGMENTS")) {
        *closed = 1;
    }
}


/* NGX_DONE: it and what follows in its playlist is later */

static ngx_int_t
ngx_recording_api_play_segment(ngx_recording_api_playing_t *p,
    const ngx_recording_api_played_t *s)
{
    int64_t  end;

    end = s->wall + s->duration;

    if (s->wall >= p->to) {
        p->course.end = ngx_max(p->course.end, p->to);
        return NGX_DONE;
    }

    /* what is there of another recording; clocks differ by a little */

    if (end <= p->from || s->wall + s->duration / 2 < p->course.end) {
        p->joined = 0;
        return NGX_OK;
    }

    p->joined = p->joined && !s->marked;
    ngx_recording_api_course_taken(&p->course, p->recording_id, end);

    return ngx_recording_api_play_write(p, s);
}


static ngx_int_t
ngx_recording_api_play_gap(ngx_recording_api_playing_t *p,
    const ngx_recording_catalogue_search_playlist_t *list)
{
    int64_t                      to;
    ngx_recording_api_played_t   s;

    ngx_memzero(&s, sizeof(ngx_recording_api_played_t));

    s.path = list->path;
    s.name = "gap.ts";
    s.gap = 1;
    s.wall = ngx_max(ngx_max(list->start_us, p->from), p->course.end);

    to = ngx_min(list->end_us, p->to);

    p->joined = 0;

    while (to - s.wall >= NGX_RECORDING_API_PLAY_LEAST) {
        s.duration = ngx_min(to - s.wall, NGX_RECORDING_API_PLAY_GAP);

        if (ngx_recording_api_play_write(p, &s) != NGX_OK) {
            return NGX_ERROR;
        }

        s.wall += s.duration;
        ngx_recording_api_course_taken(&p->course, p->recording_id, s.wall);
    }

    p->joined = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_play_write(ngx_recording_api_playing_t *p,
    const ngx_recording_api_played_t *s)
{
    char        text[NGX_RECORDING_API_PLAY_TEXT], date[32];
    size_t      len;
    u_char     *last;
    time_t      sec;
    struct tm   tm;
    const char *slash;

    len = 0;

    if (!p->joined) {
        sec = s->wall / 1000000;

        (void) gmtime_r(&sec, &tm);
        (void) strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);

        len = snprintf(text, sizeof(text),
                       "%s#EXT-X-PROGRAM-DATE-TIME:%s.%03dZ\n",
                       p->listed ? "#EXT-X-DISCONTINUITY\n" : "", date,
                       (int) (s->wall / 1000 % 1000));
    }

    len += snprintf(text + len, sizeof(text) - len, "%s#EXTINF:%.3f,\n",
                    s->gap ? "#EXT-X-GAP\n" : "",
                    (double) s->duration / 1000000);

    p->joined = 1;
    p->listed++;

    if (ngx_recording_api_play_add(p, text, len) != NGX_OK
        || ngx_recording_api_play_add(p, (char *) p->store->url.data,
                                      p->store->url.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* a segment lies beside its playlist */

    slash = strrchr(s->path, '/');

    last = ngx_recording_path_escape((u_char *) text, (u_char *) s->path,
                                     slash ? (size_t) (slash + 1 - s->path)
                                           : 0);
    last = ngx_recording_path_escape(last, (u_char *) s->name,
                                     ngx_min(strlen(s->name), 64));
    *last++ = '\n';

    return ngx_recording_api_play_add(p, text, last - (u_char *) text);
}


static ngx_int_t
ngx_recording_api_play_add(ngx_recording_api_playing_t *p, const char *text,
    size_t len)
{
    char    *more;
    size_t   size;

    if (p->size - p->len < len) {
        size = ngx_max(2 * p->size, p->len + len + 65536);
        more = realloc(p->text, size);

        if (more == NULL) {
            return NGX_ERROR;
        }

        p->text = more;
        p->size = size;
    }

    ngx_memcpy(p->text + p->len, text, len);
    p->len += len;

    return NGX_OK;
}


static char *
ngx_recording_api_play_whole(ngx_recording_api_playing_t *p)
{
    int     head;
    char   *text;

    text = malloc(NGX_RECORDING_API_PLAY_HEAD + p->len);

    if (text == NULL) {
        return NULL;
    }

    head = snprintf(text, NGX_RECORDING_API_PLAY_HEAD,
                    "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-PLAYLIST-TYPE:%s\n"
                    "%s#EXT-X-TARGETDURATION:%lld\n"
                    "#EXT-X-MEDIA-SEQUENCE:0\n", p->grows ? "EVENT" : "VOD",
                    p->open || p->listed == 0
                    ? "" : "#EXT-X-INDEPENDENT-SEGMENTS\n",
                    (long long) p->target);

    if (p->len) {
        ngx_memcpy(text + head, p->text, p->len);
    }

    (void) strcpy(text + head + p->len, p->grows ? "" : "#EXT-X-ENDLIST\n");

    return text;
}
