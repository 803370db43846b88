
#include "ngx_recording_av.h"
#include "ngx_recording_journal.h"


static ngx_int_t ngx_recording_journal_write(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, ngx_recording_iov_t *iov);
static ngx_int_t ngx_recording_journal_put(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, void *buf, size_t size);
static ngx_int_t ngx_recording_journal_facts(ngx_recording_mux_t *mux);
static void ngx_recording_journal_string(
    ngx_recording_journal_record_t *record, ngx_str_t *str);
static ngx_int_t ngx_recording_journal_put_gap(ngx_recording_mux_t *mux,
    ngx_recording_gap_t *gap);


ngx_int_t
ngx_recording_journal_head_thread(ngx_recording_mux_t *mux)
{
    if (ngx_recording_journal_facts(mux) != NGX_OK
        || ngx_recording_journal_owner_thread(mux) != NGX_OK
        || ngx_recording_journal_media_thread(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mux->edit && ngx_recording_journal_edit_thread(mux) != NGX_OK) {
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


static ngx_int_t
ngx_recording_journal_put(ngx_recording_mux_t *mux,
    ngx_recording_journal_e kind, void *buf, size_t size)
{
    ngx_recording_iov_t  iov;

    iov.n = 1;
    iov.size = sizeof(ngx_recording_journal_head_t);

    ngx_recording_iov_add(&iov, buf, size);

    return ngx_recording_journal_write(mux, kind, &iov);
}


static ngx_int_t
ngx_recording_journal_facts(ngx_recording_mux_t *mux)
{
    ngx_str_t                        format;
    ngx_recording_stream_t          *stream;
    ngx_recording_journal_facts_t    facts;
    ngx_recording_journal_record_t   record;

    stream = mux->file.stream;

    ngx_memzero(&facts, sizeof(facts));

    facts.major = NGX_RECORDING_JOURNAL_MAJOR;
    facts.minor = NGX_RECORDING_JOURNAL_MINOR;
    facts.order = NGX_RECORDING_JOURNAL_ORDER;
    facts.id = mux->file.id;
    facts.recording_id = mux->file.recording_id;
    facts.random = mux->file.random;
    facts.start = mux->file.start;
    facts.segment = mux->segment;
    facts.resume = mux->resume;
    facts.offset = mux->zone.offset;
    facts.local = mux->zone.local;

    format.data = (u_char *) mux->format->name;
    format.len = strlen(mux->format->name);

    ngx_recording_journal_layout_begin(&record);
    ngx_recording_journal_layout_add(&record, &facts, 1, sizeof(facts));

    /* in the order of ngx_recording_journal_string_e */

    ngx_recording_journal_string(&record, &format);
    ngx_recording_journal_string(&record, &stream->template);
    ngx_recording_journal_string(&record, &stream->domain);
    ngx_recording_journal_string(&record, &stream->app);
    ngx_recording_journal_string(&record, &stream->name);
    ngx_recording_journal_string(&record, &stream->param);
    ngx_recording_journal_string(&record, &mux->path_text);
    ngx_recording_journal_string(&record, &stream->server);
    ngx_recording_journal_string(&record, &stream->task);
    ngx_recording_journal_string(&record, &stream->delivers);

    return ngx_recording_journal_write(mux, NGX_RECORDING_JOURNAL_FACTS,
                                       &record.iov);
}


static void
ngx_recording_journal_string(ngx_recording_journal_record_t *record,
    ngx_str_t *str)
{
    ngx_recording_journal_layout_add(record, str->data, str->len, 1);
}


ngx_int_t
ngx_recording_journal_owner_thread(ngx_recording_mux_t *mux)
{
    return ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_OWNER,
                                     mux->store->owner,
                                     strlen(mux->store->owner));
}


ngx_int_t
ngx_recording_journal_path_thread(ngx_recording_mux_t *mux)
{
    return ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_PATH,
                                     mux->file.path, mux->file.path_len);
}


ngx_int_t
ngx_recording_journal_place_thread(ngx_recording_mux_t *mux)
{
    ngx_int_t  rc;

    /* the journal has the path before anything lies there */

    if (mux->file.path_len
        && ngx_recording_journal_path_thread(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* and after a power cut, too, if that is in files/ */

    if (mux->format->endless
        && ngx_recording_journal_sync_thread(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = mux->format->open(mux);

    /* a playlist's first segment is opened later */

    if (rc == NGX_OK && mux->fd != -1) {
        ngx_recording_mux_opened_thread(mux);
    }

    if (rc == NGX_ERROR && mux->err == ENOTDIR) {

        /* another recording's file stands where a directory should */

        ngx_recording_claim_by_id(&mux->claim, mux->file.id);
        mux->err = 0;

        return NGX_DECLINED;
    }

    return rc;
}


ngx_int_t
ngx_recording_journal_edit_thread(ngx_recording_mux_t *mux)
{
    ngx_recording_journal_edit_t  edit;

    edit.state = mux->edit;
    edit.origin = mux->origin;

    return ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_EDIT, &edit,
                                     sizeof(edit));
}


ngx_int_t
ngx_recording_journal_media_thread(ngx_recording_mux_t *mux)
{
    ngx_uint_t                       i;
    ngx_recording_media_t           *m;
    ngx_recording_journal_media_t    media[NGX_RECORDING_TRACKS];
    ngx_recording_journal_record_t   record;

    ngx_memzero(media, sizeof(media));

    ngx_recording_journal_layout_begin(&record);
    ngx_recording_journal_layout_add(&record, media, NGX_RECORDING_TRACKS,
                                     sizeof(media[0]));

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        m = &mux->media[i];

        media[i].present = m->present;
        media[i].codec = m->codec.codec;
        media[i].body = m->header_body;
        media[i].sample_rate = m->codec.sample_rate;
        media[i].channels = m->codec.channels;
        media[i].samples = m->codec.samples;

        ngx_recording_journal_layout_add(&record, m->header, m->header_len,
                                         1);
    }

    return ngx_recording_journal_write(mux, NGX_RECORDING_JOURNAL_MEDIA,
                                       &record.iov);
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

    return ngx_recording_journal_put_gap(mux, &gap);
}


static ngx_int_t
ngx_recording_journal_put_gap(ngx_recording_mux_t *mux,
    ngx_recording_gap_t *gap)
{
    ngx_recording_journal_gap_t  g;

    g.at = gap->at;
    g.length = gap->length;

    return ngx_recording_journal_put(mux, NGX_RECORDING_JOURNAL_GAP, &g,
                                     sizeof(g));
}


ngx_int_t
ngx_recording_journal_gaps_thread(ngx_recording_mux_t *mux)
{
    ngx_uint_t                    i;
    ngx_recording_file_t         *file;
    ngx_recording_journal_more_t  more;

    file = &mux->file;

    for (i = 0; i < file->ngaps; i++) {
        if (ngx_recording_journal_put_gap(mux, &file->gaps[i]) != NGX_OK) {
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
    ngx_int_t                           rc;
    ngx_uint_t                          i;
    ngx_recording_journal_state_t       state;
    ngx_recording_journal_record_t      record;
    ngx_recording_journal_progress_t   *p;
    ngx_recording_journal_progress_t    progress[NGX_RECORDING_TRACKS];

    state.pos = mux->pos;
    state.wall = mux->wall;
    state.first = mux->cut - mux->begin;
    state.written = mux->file.written;
    state.settled = mux->settled;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        p = &progress[i];

        p->last = mux->last[i];
        p->step = mux->step[i];
        p->samples = mux->samples[i];
        p->first = mux->shown[i].first;
        p->high = mux->shown[i].high;
        p->odd = mux->shown[i].odd;
        p->before = mux->shown[i].before;
    }

    ngx_recording_journal_layout_begin(&record);
    ngx_recording_journal_layout_add(&record, &state, 1, sizeof(state));
    ngx_recording_journal_layout_add(&record, progress, NGX_RECORDING_TRACKS,
                                     sizeof(progress[0]));
    ngx_recording_journal_layout_add(&record, mux->file.dropped,
                                     NGX_RECORDING_DROPS, sizeof(uint64_t));

    if (mux->format->save) {
        mux->format->save(mux, &record);
    }

    rc = ngx_recording_journal_write(mux, NGX_RECORDING_JOURNAL_STATE,
                                     &record.iov);

    /* what was not written is in none: the next one has all again */

    mux->anew = (rc != NGX_OK);

    return rc;
}
