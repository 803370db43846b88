
/*
 * A journal is read: a mux is made of its first record, and the others are
 * applied to it, one after the other.
 */


#include "ngx_recording_av.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_journal_old.h"


#define NGX_RECORDING_JOURNAL_MAX  (1024 * 1024 * 1024)


static u_char *ngx_recording_journal_load(ngx_recording_store_t *store,
    uint64_t id, size_t *size);
static ngx_recording_mux_t *ngx_recording_journal_parse(
    ngx_recording_store_t *store, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_glance(
    ngx_recording_journal_look_t *look, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_glanced(
    ngx_recording_journal_look_t *look, ngx_recording_journal_e kind,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_next(ngx_recording_journal_head_t *head,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_begin(ngx_recording_mux_t **mux,
    ngx_recording_store_t *store, ngx_recording_journal_e kind, u_char *p,
    size_t size);
static ngx_int_t ngx_recording_journal_begun(
    ngx_recording_journal_begun_t *begun, ngx_recording_journal_e kind,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_known(
    ngx_recording_journal_begun_t *begun, u_char *p, size_t size);
static const ngx_recording_format_t *ngx_recording_journal_format(
    ngx_recording_journal_begun_t *begun);
static ngx_int_t ngx_recording_journal_mux(ngx_recording_mux_t *mux,
    ngx_recording_journal_begun_t *begun);
static ngx_int_t ngx_recording_journal_strings(ngx_recording_mux_t *mux,
    ngx_str_t *strings);
static ngx_int_t ngx_recording_journal_apply(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_meta(ngx_recording_mux_t *mux,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_tracks(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_media(
    ngx_recording_journal_tracks_t *tracks, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_stand(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_stood(
    ngx_recording_journal_stand_t *stand, u_char *p, size_t size);


ngx_recording_mux_t *
ngx_recording_journal_read_thread(ngx_recording_store_t *store, uint64_t id)
{
    u_char               *buf;
    size_t                size;
    ngx_err_t             err;
    ngx_recording_mux_t  *mux;

    buf = ngx_recording_journal_load(store, id, &size);

    if (buf == NULL) {
        return NULL;
    }

    mux = ngx_recording_journal_parse(store, buf, size);

    err = errno;
    free(buf);
    errno = err;

    return mux;
}


ngx_int_t
ngx_recording_journal_look_thread(ngx_recording_store_t *store, uint64_t id,
    ngx_recording_journal_look_t *look)
{
    u_char     *buf;
    size_t      size;
    ngx_int_t   rc;

    buf = ngx_recording_journal_load(store, id, &size);

    if (buf == NULL) {
        return errno == NGX_ENOENT ? NGX_DECLINED : NGX_ERROR;
    }

    rc = ngx_recording_journal_glance(look, buf, size);

    free(buf);

    if (rc != NGX_OK) {
        errno = rc == NGX_DONE ? ENODATA : 0;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_DONE: its first record is not whole; NGX_DECLINED: it is damaged */

static ngx_int_t
ngx_recording_journal_glance(ngx_recording_journal_look_t *look, u_char *p,
    size_t size)
{
    off_t                          pos;
    ngx_recording_journal_head_t   head;
    ngx_recording_journal_begun_t  begun;

    ngx_memzero(look, sizeof(ngx_recording_journal_look_t));

    if (ngx_recording_journal_next(&head, p, size) != NGX_OK) {
        return NGX_DONE;
    }

    if (ngx_recording_journal_begun(&begun, head.kind, p + sizeof(head),
                                    head.size)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    look->format = ngx_recording_journal_format(&begun);

    if (look->format == NULL) {
        return NGX_DECLINED;
    }

    /* as far as it is gone on with, see parse */

    for (pos = sizeof(head) + head.size;
         ngx_recording_journal_next(&head, p + pos, size - pos) == NGX_OK
         && ngx_recording_journal_glanced(look, head.kind,
                                          p + pos + sizeof(head), head.size)
            == NGX_OK;
         pos += sizeof(head) + head.size)
    {
        /* void */
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_journal_glanced(ngx_recording_journal_look_t *look,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    ngx_recording_journal_mp4_t    mp4;
    ngx_recording_journal_stand_t  stand;

    if (kind == NGX_RECORDING_JOURNAL_STATE) {
        if (ngx_recording_journal_stood(&stand, p, size) != NGX_OK) {
            return NGX_DECLINED;
        }

    } else if (kind == NGX_RECORDING_JOURNAL_STATE_1
               || kind == NGX_RECORDING_JOURNAL_SHOWN_1)
    {
        if (ngx_recording_journal_old_state(&stand, kind, p, size) != NGX_OK) {
            return NGX_DECLINED;
        }

    } else {
        return NGX_OK;
    }

    ngx_memzero(&mp4, sizeof(mp4));

    if (look->format == &ngx_recording_format_mp4
        && ngx_recording_journal_layout_take(&stand.format, &mp4, sizeof(mp4))
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (stand.state.settled > INT64_MAX || mp4.moved > INT64_MAX / 2) {
        return NGX_DECLINED;
    }

    look->settled = stand.state.settled;
    look->mp4 = mp4;

    return NGX_OK;
}


static u_char *
ngx_recording_journal_load(ngx_recording_store_t *store, uint64_t id,
    size_t *size)
{
    int          fd, err;
    char         name[48];
    u_char      *buf;
    struct stat  st;

    ngx_recording_store_name(name, sizeof(name), id,
                             NGX_RECORDING_JOURNAL_SUFFIX);

    fd = ngx_recording_store_reopen_thread(store, name);

    if (fd == -1) {
        return NULL;
    }

    buf = NULL;
    errno = EFBIG;

    if (fstat(fd, &st) == 0 && st.st_size <= NGX_RECORDING_JOURNAL_MAX) {
        buf = malloc(st.st_size + 1);

        if (buf
            && ngx_recording_io_read_thread(fd, buf, st.st_size, 0)
               != NGX_OK)
        {
            free(buf);
            buf = NULL;
        }

        *size = st.st_size;

        if (buf && st.st_size == 0) {

            /* a power cut, before anything of the file was durable */

            free(buf);
            buf = NULL;
            errno = ENODATA;
        }
    }

    err = errno;
    (void) close(fd);
    errno = err;

    return buf;
}


/* NULL with errno */

static ngx_recording_mux_t *
ngx_recording_journal_parse(ngx_recording_store_t *store, u_char *p,
    size_t size)
{
    off_t                          pos;
    u_char                        *body;
    ngx_int_t                      rc;
    ngx_recording_mux_t           *mux;
    ngx_recording_journal_head_t   head;

    mux = NULL;
    rc = NGX_OK;

    for (pos = 0;
         ngx_recording_journal_next(&head, p + pos, size - pos) == NGX_OK;
         pos += sizeof(head) + head.size)
    {
        body = p + pos + sizeof(head);

        rc = mux ? ngx_recording_journal_apply(mux, head.kind, body,
                                               head.size)
                 : ngx_recording_journal_begin(&mux, store, head.kind, body,
                                               head.size);
        if (rc != NGX_OK) {
            break;
        }
    }

    if (mux && rc != NGX_ERROR
        && (mux->media[NGX_RECORDING_VIDEO].present
            || mux->media[NGX_RECORDING_AUDIO].present))
    {
        mux->journaled = 1;
        mux->journal_pos = pos;

        return mux;
    }

    if (mux) {
        ngx_recording_mux_close_thread(mux);
    }

    errno = rc == NGX_ERROR ? ENOMEM : 0;

    return NULL;
}


/* whether a whole record is there */

static ngx_int_t
ngx_recording_journal_next(ngx_recording_journal_head_t *head, u_char *p,
    size_t size)
{
    uint32_t  crc;

    if (size < sizeof(*head)) {
        return NGX_DONE;
    }

    ngx_memcpy(head, p, sizeof(*head));

    if (head->size > size - sizeof(*head)) {
        return NGX_DONE;
    }

    crc = ngx_recording_av_crc(UINT32_MAX, p + sizeof(head->crc),
                               sizeof(*head) - sizeof(head->crc)
                               + head->size);

    return crc == head->crc ? NGX_OK : NGX_DONE;
}


/* the first record: a mux with all that was known when the file began */

static ngx_int_t
ngx_recording_journal_begin(ngx_recording_mux_t **mux,
    ngx_recording_store_t *store, ngx_recording_journal_e kind, u_char *p,
    size_t size)
{
    ngx_int_t                      rc;
    ngx_recording_journal_begun_t  begun;

    rc = ngx_recording_journal_begun(&begun, kind, p, size);

    if (rc != NGX_OK) {
        return rc;
    }

    *mux = calloc(1, sizeof(ngx_recording_mux_t));

    if (*mux == NULL) {
        return NGX_ERROR;
    }

    (*mux)->store = store;
    (*mux)->fd = -1;
    (*mux)->journal = -1;

    return ngx_recording_journal_mux(*mux, &begun);
}


static ngx_int_t
ngx_recording_journal_begun(ngx_recording_journal_begun_t *begun,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    return kind == NGX_RECORDING_JOURNAL_FACTS
           ? ngx_recording_journal_known(begun, p, size)
           : kind == NGX_RECORDING_JOURNAL_FACTS_1
           ? ngx_recording_journal_old_facts(begun, p, size) : NGX_DECLINED;
}


static ngx_int_t
ngx_recording_journal_known(ngx_recording_journal_begun_t *begun, u_char *p,
    size_t size)
{
    ngx_uint_t                      i;
    ngx_recording_journal_list_t    list;
    ngx_recording_journal_parts_t   parts;

    parts.p = p;
    parts.size = size;
    parts.version = 0;

    if (ngx_recording_journal_layout_take(&parts, &begun->facts,
                                          sizeof(begun->facts))
        != NGX_OK
        || begun->facts.major != NGX_RECORDING_JOURNAL_MAJOR
        || begun->facts.order != NGX_RECORDING_JOURNAL_ORDER)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_RECORDING_JOURNAL_STRINGS; i++) {
        if (ngx_recording_journal_layout_next(&parts, &list) != NGX_OK) {
            return NGX_DECLINED;
        }

        begun->strings[i].data = list.p;
        begun->strings[i].len = list.n * list.size;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_journal_mux(ngx_recording_mux_t *mux,
    ngx_recording_journal_begun_t *begun)
{
    ngx_int_t                       rc;
    ngx_recording_journal_facts_t  *facts;

    facts = &begun->facts;

    mux->format = ngx_recording_journal_format(begun);

    if (mux->format == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_recording_journal_strings(mux, begun->strings);

    if (rc != NGX_OK) {
        return rc;
    }

    mux->segment = facts->segment;
    mux->resume = facts->resume;
    mux->zone.offset = facts->offset;
    mux->zone.local = facts->local;
    mux->claim.extension = mux->format->extension;

    mux->file.claim = &mux->claim;
    mux->file.id = facts->id;
    mux->file.recording_id = facts->recording_id;
    mux->file.format = mux->format->name;
    mux->file.start = facts->start;
    mux->file.random = facts->random;

    mux->wall = facts->start;

    ngx_recording_mux_busy(mux);

    ngx_recording_store_name(mux->work, sizeof(mux->work), facts->id,
                             mux->format->endless ? ""
                                                  : mux->format->extension);
    return NGX_OK;
}


static const ngx_recording_format_t *
ngx_recording_journal_format(ngx_recording_journal_begun_t *begun)
{
    char        name[16];
    ngx_str_t  *format;

    format = &begun->strings[NGX_RECORDING_JOURNAL_FORMAT];

    (void) snprintf(name, sizeof(name), "%.*s",
                    (int) ngx_min(format->len, sizeof(name)),
                    format->len ? (char *) format->data : "");

    return ngx_recording_formats_find(name);
}


/* names and path, in one piece of memory */

static ngx_int_t
ngx_recording_journal_strings(ngx_recording_mux_t *mux, ngx_str_t *strings)
{
    u_char                  *p;
    size_t                   size;
    ngx_str_t               *s[NGX_RECORDING_JOURNAL_STRINGS], format, at;
    ngx_uint_t               i;
    const char              *err;
    ngx_recording_stream_t  *stream;

    for (i = 0, size = 1; i < NGX_RECORDING_JOURNAL_STRINGS; i++) {
        size += strings[i].len;
    }

    stream = calloc(1, sizeof(ngx_recording_stream_t)
                       + sizeof(ngx_recording_path_t) + size);

    if (stream == NULL) {
        return NGX_ERROR;
    }

    mux->own = stream;
    mux->file.stream = stream;
    mux->path = (ngx_recording_path_t *) (stream + 1);
    p = (u_char *) (mux->path + 1);

    s[NGX_RECORDING_JOURNAL_FORMAT] = &format;
    s[NGX_RECORDING_JOURNAL_TEMPLATE] = &stream->template;
    s[NGX_RECORDING_JOURNAL_DOMAIN] = &stream->domain;
    s[NGX_RECORDING_JOURNAL_APP] = &stream->app;
    s[NGX_RECORDING_JOURNAL_NAME] = &stream->name;
    s[NGX_RECORDING_JOURNAL_PARAM] = &stream->param;
    s[NGX_RECORDING_JOURNAL_TEXT] = &mux->path_text;
    s[NGX_RECORDING_JOURNAL_SERVER] = &stream->server;

    for (i = 0; i < NGX_RECORDING_JOURNAL_STRINGS; i++) {
        s[i]->data = p;
        s[i]->len = strings[i].len;

        if (strings[i].len) {
            p = ngx_cpymem(p, strings[i].data, strings[i].len);
        }
    }

    return ngx_recording_path_compile(mux->path, &mux->path_text, &err, &at)
           == NGX_OK ? NGX_OK : NGX_DECLINED;
}


/* NGX_DECLINED: the record makes no sense; NGX_ERROR: no memory */

static ngx_int_t
ngx_recording_journal_apply(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    ngx_recording_journal_gap_t   gap;
    ngx_recording_journal_more_t  more;

    switch (kind) {

    case NGX_RECORDING_JOURNAL_MEDIA:
    case NGX_RECORDING_JOURNAL_MEDIA_1:
        return ngx_recording_journal_tracks(mux, kind, p, size);

    case NGX_RECORDING_JOURNAL_META:
        return ngx_recording_journal_meta(mux, p, size);

    case NGX_RECORDING_JOURNAL_PATH:
        if (size >= NGX_RECORDING_FILE_PATH) {
            return NGX_DECLINED;
        }

        ngx_memcpy(mux->file.path, p, size);
        mux->file.path_len = size;

        return NGX_OK;

    case NGX_RECORDING_JOURNAL_GAP:
        if (size < sizeof(gap)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&gap, p, sizeof(gap));

        return ngx_recording_mux_gap(mux, gap.at, gap.length);

    case NGX_RECORDING_JOURNAL_MORE:
        if (size < sizeof(more)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&more, p, sizeof(more));

        mux->file.more = more.n;
        mux->file.more_length = more.length;

        return NGX_OK;

    case NGX_RECORDING_JOURNAL_OWNER:
        size = ngx_min(size, sizeof(mux->owner) - 1);

        ngx_memcpy(mux->owner, p, size);
        mux->owner[size] = '\0';

        return NGX_OK;

    case NGX_RECORDING_JOURNAL_STATE:
    case NGX_RECORDING_JOURNAL_STATE_1:
    case NGX_RECORDING_JOURNAL_SHOWN_1:
        return ngx_recording_journal_stand(mux, kind, p, size);

    case NGX_RECORDING_JOURNAL_REFUSED_1:
        if (size < sizeof(uint64_t)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&mux->file.dropped[NGX_RECORDING_DROP_TRACK], p,
                   sizeof(uint64_t));

        return NGX_OK;

    default:

        /* of a later version, which can do without it */

        return NGX_OK;
    }
}


static ngx_int_t
ngx_recording_journal_meta(ngx_recording_mux_t *mux, u_char *p, size_t size)
{
    free(mux->meta);

    mux->meta_len = 0;
    mux->meta = malloc(size + 1);

    if (mux->meta == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(mux->meta, p, size);
    mux->meta_len = size;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_journal_tracks(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    ngx_int_t                        rc;
    ngx_str_t                       *header;
    ngx_uint_t                       i;
    ngx_recording_media_t           *m, media[NGX_RECORDING_TRACKS];
    ngx_recording_journal_media_t   *track;
    ngx_recording_journal_tracks_t   tracks;

    rc = kind == NGX_RECORDING_JOURNAL_MEDIA
         ? ngx_recording_journal_media(&tracks, p, size)
         : ngx_recording_journal_old_media(&tracks, p, size);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(media, sizeof(media));

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        m = &media[i];
        track = &tracks.media[i];
        header = &tracks.headers[i];

        if (track->codec >= NGX_RECORDING_CODECS) {
            return NGX_DECLINED;
        }

        m->present = track->present ? 1 : 0;
        m->header = header->data;
        m->header_len = header->len;
        m->header_body = (uint32_t) ngx_min(track->body, header->len);

        if (ngx_recording_media_facts(&m->codec, track->codec,
                                      m->header + m->header_body,
                                      m->header_len - m->header_body)
            != NGX_OK
            || m->codec.sample_rate == 0)
        {
            /* of sound that has no header, or one that is not read */

            m->codec.codec = track->codec;
            m->codec.sample_rate = track->sample_rate;
            m->codec.channels = track->channels;
            m->codec.samples = track->samples;
        }
    }

    return ngx_recording_mux_tracks_thread(mux, media);
}


static ngx_int_t
ngx_recording_journal_media(ngx_recording_journal_tracks_t *tracks, u_char *p,
    size_t size)
{
    ngx_uint_t                      i, n;
    ngx_recording_journal_list_t    list, header;
    ngx_recording_journal_parts_t   parts;

    parts.p = p;
    parts.size = size;
    parts.version = 0;

    if (ngx_recording_journal_layout_next(&parts, &list) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        ngx_recording_journal_layout_get(&list, i, &tracks->media[i],
                                         sizeof(tracks->media[i]));

        n = ngx_recording_journal_layout_next(&parts, &header);

        if (n != NGX_OK) {
            return NGX_DECLINED;
        }

        tracks->headers[i].data = header.p;
        tracks->headers[i].len = header.n * header.size;
    }

    return NGX_OK;
}


/* where the file stands */

static ngx_int_t
ngx_recording_journal_stand(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i;
    ngx_recording_journal_stand_t      stand;
    ngx_recording_journal_progress_t  *progress;

    /* version 1 did not keep all of it */

    ngx_memcpy(stand.dropped, mux->file.dropped, sizeof(stand.dropped));

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        progress = &stand.progress[i];

        progress->first = mux->shown[i].first;
        progress->high = mux->shown[i].high;
        progress->odd = mux->shown[i].odd;
        progress->before = mux->shown[i].before;
    }

    rc = kind == NGX_RECORDING_JOURNAL_STATE
         ? ngx_recording_journal_stood(&stand, p, size)
         : ngx_recording_journal_old_state(&stand, kind, p, size);

    if (rc != NGX_OK) {
        return rc;
    }

    mux->pos = stand.state.pos;
    mux->wall = stand.state.wall;
    mux->begin = 0;
    mux->cut = stand.state.first;
    mux->file.written = stand.state.written;
    mux->settled = stand.state.settled;

    ngx_memcpy(mux->file.dropped, stand.dropped, sizeof(stand.dropped));

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        progress = &stand.progress[i];

        mux->last[i] = progress->last;
        mux->step[i] = progress->step;
        mux->samples[i] = progress->samples;
        mux->shown[i].first = progress->first;
        mux->shown[i].high = progress->high;
        mux->shown[i].odd = progress->odd;
        mux->shown[i].before = progress->before;
    }

    return mux->format->restore ? mux->format->restore(mux, &stand.format)
                                : NGX_OK;
}


static ngx_int_t
ngx_recording_journal_stood(ngx_recording_journal_stand_t *stand, u_char *p,
    size_t size)
{
    ngx_uint_t                      i;
    ngx_recording_journal_list_t    progress, dropped;
    ngx_recording_journal_parts_t  *parts;

    parts = &stand->format;

    parts->p = p;
    parts->size = size;
    parts->version = 0;

    if (ngx_recording_journal_layout_take(parts, &stand->state,
                                          sizeof(stand->state))
        != NGX_OK
        || ngx_recording_journal_layout_next(parts, &progress) != NGX_OK
        || ngx_recording_journal_layout_next(parts, &dropped) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        ngx_recording_journal_layout_get(&progress, i, &stand->progress[i],
                                         sizeof(stand->progress[i]));
    }

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        ngx_recording_journal_layout_get(&dropped, i, &stand->dropped[i],
                                         sizeof(stand->dropped[i]));
    }

    return NGX_OK;
}
