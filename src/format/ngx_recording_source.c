
#include "ngx_recording_source.h"
#include <stdarg.h>


/* frames that are looked at in a call, and until a track has to be known */
#define NGX_RECORDING_SOURCE_SLICE  2000
#define NGX_RECORDING_SOURCE_FIRST  20000


static ngx_int_t ngx_recording_source_tracks(ngx_recording_source_t *source,
    ngx_uint_t video, ngx_uint_t audio);
static ngx_int_t ngx_recording_source_begin(ngx_recording_source_t *source);
static ngx_int_t ngx_recording_source_look(ngx_recording_source_t *source,
    int64_t ms);
static ngx_int_t ngx_recording_source_found(ngx_recording_source_t *source,
    int64_t ms);
static ngx_int_t ngx_recording_source_set(ngx_recording_media_t *m,
    const ngx_recording_codec_t *codec, const u_char *header, size_t size,
    ngx_uint_t *changed);


static const ngx_recording_source_kind_t *const
    ngx_recording_source_kinds[] = {
    &ngx_recording_source_mp4,
    &ngx_recording_source_flv,
    &ngx_recording_source_hls,
    &ngx_recording_source_aac,
};


ngx_recording_source_t *
ngx_recording_source_open_thread(ngx_recording_store_t *store,
    const char *format, const ngx_str_t *path, ngx_uint_t video,
    ngx_uint_t audio, char *why, size_t size)
{
    ngx_uint_t               i;
    ngx_recording_source_t  *source;

    source = calloc(1, sizeof(ngx_recording_source_t));

    if (source == NULL) {
        (void) snprintf(why, size, "there is no memory");
        return NULL;
    }

    source->store = store;
    source->fd = -1;
    source->zero = -1;

    (void) snprintf(source->path, sizeof(source->path), "%.*s",
                    (int) path->len, (char *) path->data);

    for (i = 0; i < sizeof(ngx_recording_source_kinds)
                    / sizeof(ngx_recording_source_kinds[0]); i++)
    {
        if (ngx_strcmp(ngx_recording_source_kinds[i]->format, format) == 0) {
            source->kind = ngx_recording_source_kinds[i];
        }
    }

    if (source->kind == NULL) {
        (void) ngx_recording_source_fail(source, "it is of no format that "
                                         "can be read");

    } else if (ngx_recording_source_begin(source) == NGX_OK
               && ngx_recording_source_tracks(source, video, audio)
                  == NGX_OK)
    {
        return source;
    }

    (void) snprintf(why, size, "%s", source->why);
    ngx_recording_source_close_thread(source);

    return NULL;
}


/* reads on until the tracks are known, and goes back */

static ngx_int_t
ngx_recording_source_tracks(ngx_recording_source_t *source, ngx_uint_t video,
    ngx_uint_t audio)
{
    ngx_int_t                      rc;
    ngx_uint_t                     n;
    ngx_recording_source_frame_t   frame;

    for (n = 0; n < NGX_RECORDING_SOURCE_FIRST; n++) {

        if ((!video || source->media[NGX_RECORDING_VIDEO].present)
            && (!audio || source->media[NGX_RECORDING_AUDIO].present))
        {
            break;
        }

        rc = source->kind->next(source, &frame);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DONE) {
            break;
        }

        source->before |= (frame.pts < 0);
    }

    if (!source->media[NGX_RECORDING_VIDEO].present
        && !source->media[NGX_RECORDING_AUDIO].present)
    {
        return ngx_recording_source_fail(source, "it has no frame");
    }

    return ngx_recording_source_begin(source);
}


static ngx_int_t
ngx_recording_source_begin(ngx_recording_source_t *source)
{
    source->kind->close(source);

    source->state = NGX_RECORDING_SOURCE_IDLE;
    source->cut = 0;
    source->waits = 0;
    source->changed = 0;
    source->dts = 0;
    source->pts = 0;

    return source->kind->open(source);
}


ngx_int_t
ngx_recording_source_find_thread(ngx_recording_source_t *source, int64_t ms)
{
    if (ms <= 0 && !source->before) {
        return ngx_recording_source_begin(source);
    }

    if (source->state == NGX_RECORDING_SOURCE_IDLE) {

        if (ngx_recording_source_begin(source) != NGX_OK
            || source->kind->seek(source, ms) != NGX_OK)
        {
            return NGX_ERROR;
        }

        source->keyed = 0;
        source->state = NGX_RECORDING_SOURCE_LOOKING;
    }

    return ngx_recording_source_look(source, ms);
}


/* NGX_AGAIN: there may be a later key frame */

static ngx_int_t
ngx_recording_source_look(ngx_recording_source_t *source, int64_t ms)
{
    ngx_int_t                      rc;
    ngx_uint_t                     n;
    ngx_recording_source_frame_t   frame;

    if (!source->media[NGX_RECORDING_VIDEO].present) {
        return ngx_recording_source_found(source, ms);
    }

    for (n = 0; n < NGX_RECORDING_SOURCE_SLICE; n++) {
        rc = source->kind->next(source, &frame);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DONE) {
            return ngx_recording_source_found(source, ms);
        }

        if (frame.track != NGX_RECORDING_VIDEO) {
            continue;
        }

        if (frame.dts > ms) {
            return ngx_recording_source_found(source, ms);
        }

        if (frame.key && frame.pts <= ms) {
            source->keyed = 1;
            source->best = frame.dts;
            source->pts = frame.pts;
        }
    }

    return NGX_AGAIN;
}


/* as far as it was looked: back to the key frame */

static ngx_int_t
ngx_recording_source_found(ngx_recording_source_t *source, int64_t ms)
{
    int64_t                 best, pts;
    ngx_uint_t              keyed, first;
    ngx_recording_source_e  state;

    keyed = source->keyed;
    best = source->best;
    pts = source->pts;
    state = source->state;

    if (ngx_recording_source_begin(source) != NGX_OK) {
        return NGX_ERROR;
    }

    first = state == NGX_RECORDING_SOURCE_FROM_FIRST;

    if (!source->media[NGX_RECORDING_VIDEO].present) {
        best = ms;
        pts = ms;

    } else if (!keyed && !first) {
        source->keyed = 0;
        source->state = NGX_RECORDING_SOURCE_FROM_FIRST;

        return NGX_AGAIN;

    } else if (!keyed) {

        /* what there is before its first key frame is sound */

        return NGX_OK;
    }

    if (!first && source->kind->seek(source, ms) != NGX_OK) {
        return NGX_ERROR;
    }

    source->cut = 1;
    source->waits = source->media[NGX_RECORDING_VIDEO].present;
    source->dts = best;
    source->pts = pts;

    return NGX_OK;
}


ngx_int_t
ngx_recording_source_next_thread(ngx_recording_source_t *source,
    ngx_recording_source_frame_t *frame)
{
    ngx_int_t   rc;
    ngx_uint_t  n;

    for (n = 0; /* void */ ; n++) {

        if (n == NGX_RECORDING_SOURCE_SLICE) {
            return NGX_AGAIN;
        }

        rc = source->kind->next(source, frame);

        if (rc == NGX_OK) {
            source->changed |= frame->changed;
        }

        if (rc != NGX_OK || !source->cut) {
            break;
        }

        if (frame->track != NGX_RECORDING_VIDEO) {

            if (frame->pts < source->dts) {
                continue;
            }

            break;
        }

        if (source->waits) {

            if (!frame->key || frame->dts != source->dts) {
                continue;
            }

            source->waits = 0;

        } else if (frame->pts < source->pts) {
            continue;
        }

        break;
    }

    if (rc == NGX_OK) {
        frame->changed = source->changed;
        source->changed = 0;
    }

    return rc;
}


void
ngx_recording_source_close_thread(ngx_recording_source_t *source)
{
    ngx_uint_t  i;

    if (source->kind) {
        source->kind->close(source);
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        free(source->media[i].header);
    }

    free(source);
}


int64_t
ngx_recording_source_size_thread(const ngx_recording_source_t *source)
{
    char         path[NGX_RECORDING_SOURCE_SEGMENT];
    int64_t      size;
    ngx_uint_t   i;
    struct stat  st;

    if (fstatat(source->store->files, source->path, &st, AT_SYMLINK_NOFOLLOW)
        == -1)
    {
        return -1;
    }

    size = st.st_size;

    for (i = 0; i < source->segments; i++) {
        (void) ngx_recording_source_segment(source, i, path);

        if (fstatat(source->store->files, path, &st, AT_SYMLINK_NOFOLLOW)
            == -1)
        {
            return -1;
        }

        size += st.st_size;
    }

    return size;
}


char *
ngx_recording_source_segment(const ngx_recording_source_t *source,
    uint64_t number, char path[NGX_RECORDING_SOURCE_SEGMENT])
{
    char    *slash, *name;
    size_t   dir;

    slash = strrchr(source->path, '/');
    dir = slash ? slash + 1 - source->path : 0;

    ngx_memcpy(path, source->path, dir);

    name = path + dir;
    ngx_recording_segment_name(number, name);

    return name;
}


int
ngx_recording_source_file_thread(const ngx_recording_source_t *source,
    const char *path)
{
    int          fd;
    struct stat  st;

    fd = ngx_recording_openat(source->store->files, path,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK, 0);

    if (fd == -1 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))) {
        return fd;
    }

    ngx_recording_close(fd);
    errno = EINVAL;

    return -1;
}


ngx_int_t
ngx_recording_source_fail(ngx_recording_source_t *source, const char *fmt,
    ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(source->why, sizeof(source->why), fmt, args);
    va_end(args);

    return NGX_ERROR;
}


ngx_int_t
ngx_recording_source_header(ngx_recording_source_t *source, ngx_uint_t track,
    ngx_recording_codec_e codec, const u_char *header, size_t size,
    ngx_uint_t *changed)
{
    ngx_recording_codec_t   c;
    ngx_recording_media_t  *m;

    m = &source->media[track];

    if (m->present && m->header_len == size && m->codec.codec == codec
        && size && ngx_memcmp(m->header, header, size) == 0)
    {
        return NGX_OK;
    }

    if (size == 0
        || ngx_recording_media_facts(&c, codec, (u_char *) header, size)
           != NGX_OK)
    {
        return ngx_recording_source_fail(source, "its %s cannot be read",
                                         ngx_recording_codec_name(codec));
    }

    return ngx_recording_source_set(m, &c, header, size, changed) == NGX_OK
           ? NGX_OK : ngx_recording_source_fail(source, "there is no memory");
}


ngx_int_t
ngx_recording_source_mp3(ngx_recording_source_t *source, u_char *frame,
    size_t size, ngx_uint_t *changed)
{
    ngx_recording_codec_t   c;
    ngx_recording_media_t  *m;

    m = &source->media[NGX_RECORDING_AUDIO];

    if (ngx_recording_codec_mp3(&c, frame, size) != NGX_OK) {
        return NGX_OK;
    }

    if (m->present && m->codec.codec == c.codec
        && m->codec.sample_rate == c.sample_rate
        && m->codec.channels == c.channels)
    {
        return NGX_OK;
    }

    return ngx_recording_source_set(m, &c, NULL, 0, changed) == NGX_OK
           ? NGX_OK : ngx_recording_source_fail(source, "there is no memory");
}


static ngx_int_t
ngx_recording_source_set(ngx_recording_media_t *m,
    const ngx_recording_codec_t *codec, const u_char *header, size_t size,
    ngx_uint_t *changed)
{
    u_char  *copy;

    copy = NULL;

    if (size) {
        copy = malloc(size);

        if (copy == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(copy, header, size);
    }

    *changed |= m->present;

    free(m->header);
    ngx_memzero(m, sizeof(ngx_recording_media_t));

    m->codec = *codec;
    m->header = copy;
    m->header_len = size;
    m->present = 1;

    return NGX_OK;
}
