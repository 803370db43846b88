
#include "ngx_recording_journal_old.h"


static ngx_int_t ngx_recording_journal_old_string(ngx_str_t *str, u_char **p,
    size_t *size, uint64_t len);


ngx_int_t
ngx_recording_journal_old_facts(ngx_recording_journal_begun_t *begun,
    u_char *p, size_t size)
{
    size_t                            format;
    uint64_t                          len;
    ngx_uint_t                        i;
    ngx_recording_journal_facts_t    *facts;
    ngx_recording_journal_facts_1_t   old;

    if (size < sizeof(old)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(&old, p, sizeof(old));

    if (old.version != 1) {
        return NGX_DECLINED;
    }

    facts = &begun->facts;

    ngx_memzero(begun, sizeof(ngx_recording_journal_begun_t));

    facts->major = 1;
    facts->order = NGX_RECORDING_JOURNAL_ORDER;
    facts->id = old.id;
    facts->recording_id = old.recording_id;
    facts->random = old.random;
    facts->start = old.start;
    facts->segment = old.segment;
    facts->resume = old.resume;
    facts->offset = old.offset;
    facts->local = old.local;

    format = offsetof(ngx_recording_journal_facts_1_t, format);

    begun->strings[NGX_RECORDING_JOURNAL_FORMAT].data = p + format;
    begun->strings[NGX_RECORDING_JOURNAL_FORMAT].len
        = strnlen(old.format, sizeof(old.format));

    p += sizeof(old);
    size -= sizeof(old);

    for (i = 0; i < NGX_RECORDING_JOURNAL_STRINGS_1; i++) {
        if (ngx_recording_journal_old_string(
                &begun->strings[NGX_RECORDING_JOURNAL_TEMPLATE + i], &p,
                &size, old.len[i])
            != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    if (size < sizeof(len)) {
        return NGX_OK;
    }

    ngx_memcpy(&len, p, sizeof(len));

    p += sizeof(len);
    size -= sizeof(len);

    return ngx_recording_journal_old_string(
               &begun->strings[NGX_RECORDING_JOURNAL_SERVER], &p, &size, len);
}


static ngx_int_t
ngx_recording_journal_old_string(ngx_str_t *str, u_char **p, size_t *size,
    uint64_t len)
{
    if (len > *size) {
        return NGX_DECLINED;
    }

    str->data = *p;
    str->len = len;

    *p += len;
    *size -= len;

    return NGX_OK;
}


ngx_int_t
ngx_recording_journal_old_media(ngx_recording_journal_tracks_t *tracks,
    u_char *p, size_t size)
{
    ngx_uint_t                        i;
    ngx_recording_journal_media_t    *m;
    ngx_recording_journal_media_1_t   old;

    ngx_memzero(tracks, sizeof(ngx_recording_journal_tracks_t));

    for (i = 0; i < NGX_RECORDING_JOURNAL_TRACKS_1; i++) {

        if (size < sizeof(old)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&old, p, sizeof(old));

        p += sizeof(old);
        size -= sizeof(old);

        m = &tracks->media[i];

        m->present = old.present ? 1 : 0;
        m->codec = old.codec;
        m->body = (uint32_t) old.body;
        m->sample_rate = old.sample_rate;
        m->channels = old.channels;
        m->samples = old.samples;

        if (ngx_recording_journal_old_string(&tracks->headers[i], &p, &size,
                                             old.len)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_journal_old_state(ngx_recording_journal_stand_t *stand,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    ngx_uint_t                          i;
    ngx_recording_journal_progress_t   *progress;
    ngx_recording_journal_state_1_t     state;
    ngx_recording_journal_shown_1_t     shown[NGX_RECORDING_JOURNAL_TRACKS_1];

    if (kind == NGX_RECORDING_JOURNAL_SHOWN_1) {

        if (size < sizeof(shown)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(shown, p, sizeof(shown));

        p += sizeof(shown);
        size -= sizeof(shown);

        for (i = 0; i < NGX_RECORDING_JOURNAL_TRACKS_1; i++) {
            progress = &stand->progress[i];

            progress->first = shown[i].first;
            progress->high = shown[i].high;
            progress->odd = shown[i].odd;
            progress->before = shown[i].before;
        }
    }

    if (size < sizeof(state)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(&state, p, sizeof(state));

    stand->state.pos = state.pos;
    stand->state.wall = state.wall;
    stand->state.first = state.first;
    stand->state.written = state.written;
    stand->state.settled = 0;

    for (i = 0; i < NGX_RECORDING_JOURNAL_TRACKS_1; i++) {
        stand->progress[i].last = state.last[i];
        stand->progress[i].step = state.step[i];
        stand->progress[i].samples = state.samples[i];
    }

    ngx_memcpy(stand->dropped, state.dropped, sizeof(state.dropped));

    stand->format.p = p + sizeof(state);
    stand->format.size = size - sizeof(state);
    stand->format.version = 1;

    return NGX_OK;
}
