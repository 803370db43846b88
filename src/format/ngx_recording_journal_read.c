
/*
 * A journal is read: a mux is made of its first record, and the others are
 * applied to it, one after the other.
 */


#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_journal_record.h"


static ngx_recording_mux_t *ngx_recording_journal_parse(
    ngx_recording_store_t *store, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_begin(ngx_recording_mux_t **mux,
    ngx_recording_store_t *store, ngx_recording_journal_e kind, u_char *p,
    size_t size);
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
static ngx_int_t ngx_recording_journal_stand(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, u_char *p, size_t size);


ngx_recording_mux_t *
ngx_recording_journal_read_thread(ngx_recording_store_t *store, uint64_t id)
{
    u_char               *buf;
    size_t                size;
    ngx_err_t             err;
    ngx_recording_mux_t  *mux;

    buf = ngx_recording_journal_record_load_thread(store, id, &size);

    if (buf == NULL) {
        return NULL;
    }

    mux = ngx_recording_journal_parse(store, buf, size);

    err = errno;
    free(buf);
    errno = err;

    return mux;
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
         ngx_recording_journal_record_next(&head, p + pos, size - pos)
         == NGX_OK;
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


/* the first record: a mux with all that was known when the file began */

static ngx_int_t
ngx_recording_journal_begin(ngx_recording_mux_t **mux,
    ngx_recording_store_t *store, ngx_recording_journal_e kind, u_char *p,
    size_t size)
{
    ngx_int_t                      rc;
    ngx_recording_journal_begun_t  begun;

    rc = ngx_recording_journal_record_begun(&begun, kind, p, size);

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
ngx_recording_journal_mux(ngx_recording_mux_t *mux,
    ngx_recording_journal_begun_t *begun)
{
    ngx_int_t                       rc;
    ngx_recording_journal_facts_t  *facts;

    facts = &begun->facts;

    mux->format = ngx_recording_journal_record_format(begun);

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
    s[NGX_RECORDING_JOURNAL_TASK] = &stream->task;
    s[NGX_RECORDING_JOURNAL_DELIVERS] = &stream->delivers;

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
    ngx_recording_journal_edit_t  edit;

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

    case NGX_RECORDING_JOURNAL_EDIT:
        if (size < sizeof(edit)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&edit, p, sizeof(edit));

        mux->edit = edit.state == NGX_RECORDING_MUX_EDITED
                    ? NGX_RECORDING_MUX_EDITED : NGX_RECORDING_MUX_EDITING;
        mux->origin = edit.origin;

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

    rc = ngx_recording_journal_record_media(&tracks, kind, p, size);

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

    rc = ngx_recording_journal_record_state(&stand, kind, p, size);

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
