
#include "ngx_recording_av.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"


#define NGX_RECORDING_JOURNAL_VERSION  1
#define NGX_RECORDING_JOURNAL_MAX      (1024 * 1024 * 1024)
#define NGX_RECORDING_JOURNAL_STRINGS  6
#define NGX_RECORDING_JOURNAL_DROPS    5        /* in a state */


typedef enum {
    NGX_RECORDING_JOURNAL_FACTS = 1,
    NGX_RECORDING_JOURNAL_MEDIA,
    NGX_RECORDING_JOURNAL_META,
    NGX_RECORDING_JOURNAL_PATH,
    NGX_RECORDING_JOURNAL_GAP,
    NGX_RECORDING_JOURNAL_STATE,       /* as the first version wrote it */
    NGX_RECORDING_JOURNAL_OWNER,
    NGX_RECORDING_JOURNAL_SHOWN = 16,  /* and with what is shown of tracks */
    NGX_RECORDING_JOURNAL_REFUSED,     /* drops that no state has */
    NGX_RECORDING_JOURNAL_MORE         /* gaps of which no place is kept */
} ngx_recording_journal_e;


typedef struct {
    uint32_t                crc;           /* of all that follows */
    uint32_t                kind;
    uint64_t                size;          /* of what follows this */
} ngx_recording_journal_head_t;


/*
 * And the strings, one after the other, then those that were added later,
 * each behind its length in 64 bits: what was written before they were has
 * none, and what reads them without knowing them leaves them alone.
 */

typedef struct {
    uint64_t                version;
    uint64_t                id;
    uint64_t                recording_id;
    uint64_t                random;
    int64_t                 start;
    int64_t                 segment;
    int64_t                 resume;
    int64_t                 offset;        /* of the zone */
    uint64_t                local;
    char                    format[8];
    uint64_t                len[NGX_RECORDING_JOURNAL_STRINGS];
} ngx_recording_journal_facts_t;


typedef struct {
    uint64_t                n;
    int64_t                 length;        /* ms, of all */
} ngx_recording_journal_more_t;


/* and the header */

typedef struct {
    uint64_t                present;
    ngx_recording_codec_t   codec;
    uint64_t                body;
    uint64_t                len;
} ngx_recording_journal_media_t;


/* and what the format keeps */

typedef struct {
    int64_t                 pos;
    int64_t                 wall;
    int64_t                 first;         /* of the first frame, in ms */
    int64_t                 last[NGX_RECORDING_TRACKS];
    int64_t                 step[NGX_RECORDING_TRACKS];
    uint64_t                samples[NGX_RECORDING_TRACKS];
    uint64_t                written;
    uint64_t                dropped[NGX_RECORDING_JOURNAL_DROPS];
} ngx_recording_journal_state_t;


static ngx_int_t ngx_recording_journal_write(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, ngx_recording_iov_t *iov);
static void ngx_recording_journal_begin(ngx_recording_iov_t *iov, void *buf,
    size_t size);
static ngx_int_t ngx_recording_journal_put(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, void *buf, size_t size);
static ngx_int_t ngx_recording_journal_facts(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_journal_more(ngx_str_t *str, u_char **p,
    size_t *size);
static u_char *ngx_recording_journal_load(ngx_recording_store_t *store,
    uint64_t id, size_t *size);
static ngx_recording_mux_t *ngx_recording_journal_mux(
    ngx_recording_store_t *store, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_apply(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_tracks(ngx_recording_mux_t *mux,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_state(ngx_recording_mux_t *mux,
    u_char *p, size_t size);


ngx_int_t
ngx_recording_journal_head_thread(ngx_recording_mux_t *mux)
{
    if (ngx_recording_journal_facts(mux) != NGX_OK
        || ngx_recording_journal_owner_thread(mux) != NGX_OK
        || ngx_recording_journal_media_thread(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mux->meta == NULL) {
        return NGX_OK;
    }

    return ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_META,
                                     mux->meta, mux->meta_len);
}


/* appends a block; its head goes to the first place of the list */

static ngx_int_t
ngx_recording_journal_write(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, ngx_recording_iov_t *iov)
{
    size_t                        size;
    ngx_int_t                     rc;
    ngx_uint_t                    i, open;
    ngx_recording_journal_head_t  head;

    size = iov->size;

    head.kind = kind;
    head.size = size - sizeof(ngx_recording_journal_head_t);

    head.crc = ngx_recording_av_crc(UINT32_MAX, (u_char *) &head.kind,
                                     sizeof(head) - sizeof(head.crc));

    for (i = 1; i < iov->n; i++) {
        head.crc = ngx_recording_av_crc(head.crc, iov->iov[i].iov_base,
                                         iov->iov[i].iov_len);
    }

    iov->iov[0].iov_base = &head;
    iov->iov[0].iov_len = sizeof(head);

    open = (mux->journal != -1);

    if (!open && ngx_recording_journal_open_thread(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_io_writev_thread(mux->journal, iov, mux->journal_pos);

    if (rc == NGX_OK) {
        mux->journal_pos += size;
        mux->journal_changed = 1;

    } else {
        (void) ngx_recording_mux_error(mux, "write the journal of");
    }

    if (!open) {
        ngx_recording_journal_close_thread(mux);
    }

    return rc;
}


/* a list with room for the head */

static void
ngx_recording_journal_begin(ngx_recording_iov_t *iov, void *buf, size_t size)
{
    iov->n = 1;
    iov->size = sizeof(ngx_recording_journal_head_t);

    ngx_recording_iov_add(iov, buf, size);
}


static ngx_int_t
ngx_recording_journal_put(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, void *buf, size_t size)
{
    ngx_recording_iov_t  iov;

    ngx_recording_journal_begin(&iov, buf, size);

    return ngx_recording_journal_write(mux, kind, &iov);
}


static ngx_int_t
ngx_recording_journal_facts(ngx_recording_mux_t *mux)
{
    uint64_t                         len;
    ngx_str_t                       *s[NGX_RECORDING_JOURNAL_STRINGS];
    ngx_uint_t                       i;
    ngx_recording_iov_t              iov;
    ngx_recording_stream_t          *stream;
    ngx_recording_journal_facts_t    facts;

    stream = mux->file.stream;

    s[0] = &stream->template;
    s[1] = &stream->domain;
    s[2] = &stream->app;
    s[3] = &stream->name;
    s[4] = &stream->param;
    s[5] = &mux->path_text;

    ngx_memzero(&facts, sizeof(facts));

    facts.version = NGX_RECORDING_JOURNAL_VERSION;
    facts.id = mux->file.id;
    facts.recording_id = mux->file.recording_id;
    facts.random = mux->file.random;
    facts.start = mux->file.start;
    facts.segment = mux->segment;
    facts.resume = mux->resume;
    facts.offset = mux->zone.offset;
    facts.local = mux->zone.local;

    (void) snprintf(facts.format, sizeof(facts.format), "%s",
                    mux->format->name);

    ngx_recording_journal_begin(&iov, &facts, sizeof(facts));

    for (i = 0; i < NGX_RECORDING_JOURNAL_STRINGS; i++) {
        facts.len[i] = s[i]->len;
        ngx_recording_iov_add(&iov, s[i]->data, s[i]->len);
    }

    len = stream->server.len;

    ngx_recording_iov_add(&iov, &len, sizeof(len));
    ngx_recording_iov_add(&iov, stream->server.data, stream->server.len);

    return ngx_recording_journal_write(mux, NGX_RECORDING_JOURNAL_FACTS,
                                       &iov);
}


ngx_int_t
ngx_recording_journal_owner_thread(ngx_recording_mux_t *mux)
{
    return ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_OWNER,
                                     mux->store->owner,
                                     sizeof(mux->store->owner));
}


ngx_int_t
ngx_recording_journal_path_thread(ngx_recording_mux_t *mux)
{
    return ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_PATH,
                                     mux->file.path, mux->file.path_len);
}


ngx_int_t
ngx_recording_journal_media_thread(ngx_recording_mux_t *mux)
{
    ngx_uint_t                      i;
    ngx_recording_iov_t             iov;
    ngx_recording_media_t          *m;
    ngx_recording_journal_media_t   media[NGX_RECORDING_TRACKS];

    ngx_memzero(media, sizeof(media));

    iov.n = 1;
    iov.size = sizeof(ngx_recording_journal_head_t);

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        m = &mux->media[i];

        media[i].present = m->present;
        media[i].codec = m->codec;
        media[i].body = m->header_body;
        media[i].len = m->header_len;

        ngx_recording_iov_add(&iov, &media[i], sizeof(media[i]));
        ngx_recording_iov_add(&iov, m->header, m->header_len);
    }

    return ngx_recording_journal_write(mux, NGX_RECORDING_JOURNAL_MEDIA,
                                       &iov);
}


ngx_int_t
ngx_recording_journal_gap_thread(ngx_recording_mux_t *mux, int64_t at,
    int64_t length)
{
    ngx_recording_gap_t  gap;

    if (ngx_recording_mux_gap(mux, at, length) != NGX_OK) {
        return NGX_ERROR;
    }

    gap.at = at;
    gap.length = length;

    return ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_GAP, &gap,
                                     sizeof(gap));
}


ngx_int_t
ngx_recording_journal_gaps_thread(ngx_recording_mux_t *mux)
{
    ngx_uint_t                    i;
    ngx_recording_file_t         *file;
    ngx_recording_journal_more_t  more;

    file = &mux->file;

    for (i = 0; i < file->ngaps; i++) {
        if (ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_GAP,
                                      &file->gaps[i],
                                      sizeof(ngx_recording_gap_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (file->more == 0) {
        return NGX_OK;
    }

    more.n = file->more;
    more.length = file->more_length;

    return ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_MORE, &more,
                                     sizeof(more));
}


ngx_int_t
ngx_recording_journal_state_thread(ngx_recording_mux_t *mux)
{
    u_char                         *p;
    size_t                          size;
    uint64_t                        refused;
    ngx_int_t                       rc;
    ngx_recording_iov_t             iov;
    ngx_recording_journal_state_t   state;

    refused = mux->file.dropped[NGX_RECORDING_DROP_TRACK];

    if (refused
        && ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_REFUSED,
                                     &refused, sizeof(refused))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&state, sizeof(state));

    state.pos = mux->pos;
    state.wall = mux->wall;
    state.first = mux->cut - mux->begin;
    state.written = mux->file.written;

    ngx_memcpy(state.last, mux->last, sizeof(state.last));
    ngx_memcpy(state.step, mux->step, sizeof(state.step));
    ngx_memcpy(state.samples, mux->samples, sizeof(state.samples));
    ngx_memcpy(state.dropped, mux->file.dropped, sizeof(state.dropped));

    ngx_recording_journal_begin(&iov, &mux->shown, sizeof(mux->shown));
    ngx_recording_iov_add(&iov, &state, sizeof(state));

    if (mux->format->save) {
        size = mux->format->save(mux, &p);

        if (size) {
            ngx_recording_iov_add(&iov, p, size);
        }
    }

    rc = ngx_recording_journal_write(mux, NGX_RECORDING_JOURNAL_SHOWN, &iov);

    /* what was not written is in none: the next one has all again */

    mux->anew = (rc != NGX_OK);

    return rc;
}


ngx_recording_mux_t *
ngx_recording_journal_read_thread(ngx_recording_store_t *store, uint64_t id)
{
    u_char                        *buf, *p, *last;
    size_t                         size;
    ngx_int_t                      rc;
    ngx_recording_mux_t           *mux;
    ngx_recording_journal_head_t   head;

    buf = ngx_recording_journal_load(store, id, &size);

    if (buf == NULL) {
        return NULL;
    }

    mux = NULL;
    rc = NGX_OK;
    last = buf + size;

    for (p = buf;
         (size_t) (last - p) >= sizeof(head);
         p += sizeof(head) + head.size)
    {

        ngx_memcpy(&head, p, sizeof(head));

        if (head.size > (size_t) (last - p) - sizeof(head)
            || head.crc
               != ngx_recording_av_crc(UINT32_MAX, p + sizeof(head.crc),
                                        sizeof(head) - sizeof(head.crc)
                                        + head.size))
        {
            break;
        }

        if (mux) {
            rc = ngx_recording_journal_apply(mux, head.kind,
                                             p + sizeof(head), head.size);

        } else if (head.kind == NGX_RECORDING_JOURNAL_FACTS) {
            mux = ngx_recording_journal_mux(store, p + sizeof(head),
                                            head.size);
        }

        if (mux == NULL || rc != NGX_OK) {
            break;
        }
    }

    size = p - buf;
    free(buf);

    if (mux == NULL || rc == NGX_ERROR
        || (!mux->media[NGX_RECORDING_VIDEO].present
            && !mux->media[NGX_RECORDING_AUDIO].present))
    {
        if (mux) {
            ngx_recording_mux_close_thread(mux);
        }

        errno = rc == NGX_ERROR ? ENOMEM : EINVAL;
        return NULL;
    }

    mux->journaled = 1;
    mux->journal_pos = size;

    return mux;
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


/* the first block: a mux with all that was known when the file began */

static ngx_recording_mux_t *
ngx_recording_journal_mux(ngx_recording_store_t *store, u_char *p,
    size_t size)
{
    u_char                         *data;
    ngx_str_t                      *s[NGX_RECORDING_JOURNAL_STRINGS], at;
    ngx_uint_t                      i;
    const char                     *err;
    ngx_recording_mux_t            *mux;
    ngx_recording_stream_t         *stream;
    const ngx_recording_format_t   *format;
    ngx_recording_journal_facts_t   facts;

    if (size < sizeof(facts)) {
        return NULL;
    }

    ngx_memcpy(&facts, p, sizeof(facts));
    facts.format[sizeof(facts.format) - 1] = '\0';

    p += sizeof(facts);
    size -= sizeof(facts);

    format = ngx_recording_formats_find(facts.format);

    if (facts.version != NGX_RECORDING_JOURNAL_VERSION || format == NULL) {
        return NULL;
    }

    mux = calloc(1, sizeof(ngx_recording_mux_t));

    if (mux == NULL) {
        return NULL;
    }

    mux->format = format;
    mux->store = store;
    mux->fd = -1;
    mux->journal = -1;

    stream = calloc(1, sizeof(ngx_recording_stream_t)
                       + sizeof(ngx_recording_path_t) + size + 1);

    if (stream == NULL) {
        ngx_recording_mux_close_thread(mux);
        return NULL;
    }

    mux->own = stream;
    mux->path = (ngx_recording_path_t *) (stream + 1);
    data = (u_char *) (mux->path + 1);

    ngx_memcpy(data, p, size);

    s[0] = &stream->template;
    s[1] = &stream->domain;
    s[2] = &stream->app;
    s[3] = &stream->name;
    s[4] = &stream->param;
    s[5] = &mux->path_text;

    for (i = 0; i < NGX_RECORDING_JOURNAL_STRINGS; i++) {

        if (facts.len[i] > size) {
            ngx_recording_mux_close_thread(mux);
            return NULL;
        }

        s[i]->data = data;
        s[i]->len = facts.len[i];

        data += facts.len[i];
        size -= facts.len[i];
    }

    if (ngx_recording_journal_more(&stream->server, &data, &size) != NGX_OK) {
        ngx_recording_mux_close_thread(mux);
        return NULL;
    }

    if (ngx_recording_path_compile(mux->path, &mux->path_text, &err, &at)
        != NGX_OK)
    {
        ngx_recording_mux_close_thread(mux);
        return NULL;
    }

    mux->segment = facts.segment;
    mux->resume = facts.resume;
    mux->zone.offset = facts.offset;
    mux->zone.local = facts.local;
    mux->claim.extension = format->extension;
    mux->file.claim = &mux->claim;

    mux->file.id = facts.id;
    mux->file.recording_id = facts.recording_id;
    mux->file.stream = stream;
    mux->file.format = format->name;
    mux->file.start = facts.start;
    mux->file.random = facts.random;

    mux->wall = facts.start;

    ngx_recording_mux_busy(mux);

    ngx_recording_store_name(mux->work, sizeof(mux->work), facts.id,
                             format->endless ? "" : format->extension);
    return mux;
}


/* a string that the first journals did not have */

static ngx_int_t
ngx_recording_journal_more(ngx_str_t *str, u_char **p, size_t *size)
{
    uint64_t  len;

    ngx_str_null(str);

    if (*size < sizeof(len)) {
        return NGX_OK;
    }

    ngx_memcpy(&len, *p, sizeof(len));

    *p += sizeof(len);
    *size -= sizeof(len);

    if (len > *size) {
        return NGX_ERROR;
    }

    str->data = *p;
    str->len = len;

    *p += len;
    *size -= len;

    return NGX_OK;
}


/* NGX_DECLINED: the block makes no sense */

static ngx_int_t
ngx_recording_journal_apply(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    ngx_recording_gap_t           gap;
    ngx_recording_journal_more_t  more;

    switch (kind) {

    case NGX_RECORDING_JOURNAL_MEDIA:
        return ngx_recording_journal_tracks(mux, p, size);

    case NGX_RECORDING_JOURNAL_META:
        mux->meta = malloc(size);

        if (mux->meta == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(mux->meta, p, size);
        mux->meta_len = size;

        return NGX_OK;

    case NGX_RECORDING_JOURNAL_PATH:
        if (size >= NGX_RECORDING_FILE_PATH) {
            return NGX_DECLINED;
        }

        ngx_memcpy(mux->file.path, p, size);
        mux->file.path_len = size;

        return NGX_OK;

    case NGX_RECORDING_JOURNAL_GAP:
        if (size != sizeof(gap)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&gap, p, sizeof(gap));

        return ngx_recording_mux_gap(mux, gap.at, gap.length);

    case NGX_RECORDING_JOURNAL_MORE:
        if (size != sizeof(more)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&more, p, sizeof(more));

        mux->file.more = more.n;
        mux->file.more_length = more.length;

        return NGX_OK;

    case NGX_RECORDING_JOURNAL_OWNER:
        if (size != sizeof(mux->owner)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(mux->owner, p, size);
        mux->owner[size - 1] = '\0';

        return NGX_OK;

    case NGX_RECORDING_JOURNAL_STATE:
        return ngx_recording_journal_state(mux, p, size);

    case NGX_RECORDING_JOURNAL_SHOWN:
        if (size < sizeof(mux->shown)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(mux->shown, p, sizeof(mux->shown));

        return ngx_recording_journal_state(mux, p + sizeof(mux->shown),
                                           size - sizeof(mux->shown));

    case NGX_RECORDING_JOURNAL_REFUSED:
        if (size < sizeof(uint64_t)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&mux->file.dropped[NGX_RECORDING_DROP_TRACK], p,
                   sizeof(uint64_t));

        return NGX_OK;

    default:
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_recording_journal_tracks(ngx_recording_mux_t *mux, u_char *p, size_t size)
{
    ngx_uint_t                      i;
    ngx_recording_media_t           media[NGX_RECORDING_TRACKS];
    ngx_recording_journal_media_t   m;

    ngx_memzero(media, sizeof(media));

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {

        if (size < sizeof(m)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&m, p, sizeof(m));

        p += sizeof(m);
        size -= sizeof(m);

        if (m.len > size) {
            return NGX_DECLINED;
        }

        media[i].present = m.present;
        media[i].codec = m.codec;
        media[i].header = p;
        media[i].header_body = m.body;
        media[i].header_len = m.len;

        p += m.len;
        size -= m.len;
    }

    return ngx_recording_mux_tracks_thread(mux, media);
}


static ngx_int_t
ngx_recording_journal_state(ngx_recording_mux_t *mux, u_char *p, size_t size)
{
    ngx_recording_journal_state_t  state;

    if (size < sizeof(state)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(&state, p, sizeof(state));

    mux->pos = state.pos;
    mux->wall = state.wall;
    mux->begin = 0;
    mux->cut = state.first;
    mux->file.written = state.written;

    ngx_memcpy(mux->last, state.last, sizeof(state.last));
    ngx_memcpy(mux->step, state.step, sizeof(state.step));
    ngx_memcpy(mux->samples, state.samples, sizeof(state.samples));
    ngx_memcpy(mux->file.dropped, state.dropped, sizeof(state.dropped));

    return mux->format->restore
           ? mux->format->restore(mux, p + sizeof(state),
                                  size - sizeof(state))
           : NGX_OK;
}
