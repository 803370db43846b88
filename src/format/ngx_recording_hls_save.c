
/* what the journal keeps of a playlist and its segments */


#include "ngx_recording_hls.h"


static ngx_int_t ngx_recording_hls_restored(ngx_recording_hls_saved_t *saved,
    ngx_recording_journal_parts_t *parts);
static ngx_int_t ngx_recording_hls_restored_1(
    ngx_recording_hls_saved_t *saved, ngx_recording_journal_parts_t *parts);


void
ngx_recording_hls_save(ngx_recording_mux_t *mux,
    ngx_recording_journal_record_t *record)
{
    ngx_uint_t                    i;
    ngx_recording_hls_t          *hls;
    ngx_recording_hls_kept_t     *kept;
    ngx_recording_hls_saved_t    *saved;
    ngx_recording_journal_hls_t  *fixed;

    hls = mux->data;
    kept = &hls->kept;
    saved = &hls->saved;
    fixed = &saved->fixed;

    fixed->end = kept->list.end;
    fixed->target_pos = kept->list.target_pos;
    fixed->target = kept->list.target;
    fixed->version = kept->version;
    fixed->number = kept->number;
    fixed->start = kept->start;
    fixed->marked = kept->marked;
    fixed->size = kept->size;
    fixed->written = kept->written;
    fixed->anchor = kept->anchor;
    fixed->wall = kept->wall;
    fixed->shift = kept->shift;
    fixed->shown = kept->shown;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        saved->counts[i].samples = kept->samples[i];
        saved->counts[i].last = kept->last[i];
    }

    for (i = 0; i < kept->pids.n; i++) {
        saved->counters[i].pid = kept->pids.pids[i].pid;
        saved->counters[i].counter = kept->pids.pids[i].counter;
    }

    ngx_recording_journal_layout_add(record, fixed, 1, sizeof(*fixed));
    ngx_recording_journal_layout_add(record, saved->counts,
                                     NGX_RECORDING_TRACKS,
                                     sizeof(saved->counts[0]));
    ngx_recording_journal_layout_add(record, saved->counters, kept->pids.n,
                                     sizeof(saved->counters[0]));
}


ngx_int_t
ngx_recording_hls_restore(ngx_recording_mux_t *mux,
    ngx_recording_journal_parts_t *parts)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_recording_hls_t          *hls;
    ngx_recording_hls_kept_t     *kept;
    ngx_recording_hls_saved_t     saved;
    ngx_recording_journal_hls_t  *fixed;

    if (mux->data == NULL && ngx_recording_hls_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    hls = mux->data;
    kept = &hls->kept;
    fixed = &saved.fixed;

    ngx_memzero(&saved, sizeof(saved));

    rc = parts->version == 1 ? ngx_recording_hls_restored_1(&saved, parts)
                             : ngx_recording_hls_restored(&saved, parts);
    if (rc != NGX_OK) {
        return rc;
    }

    kept->list.end = fixed->end;
    kept->list.target_pos = fixed->target_pos;
    kept->list.target = fixed->target;
    kept->version = fixed->version;
    kept->number = fixed->number;
    kept->start = fixed->start;
    kept->marked = fixed->marked;
    kept->size = fixed->size;
    kept->written = fixed->written;
    kept->anchor = fixed->anchor;
    kept->wall = fixed->wall;
    kept->shift = fixed->shift;
    kept->shown = fixed->shown;

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        kept->samples[i] = saved.counts[i].samples;
        kept->last[i] = saved.counts[i].last;
    }

    kept->pids.n = saved.ncounters;

    for (i = 0; i < saved.ncounters; i++) {
        kept->pids.pids[i].pid = (uint16_t) saved.counters[i].pid;
        kept->pids.pids[i].counter = (uint8_t) saved.counters[i].counter;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_hls_restored(ngx_recording_hls_saved_t *saved,
    ngx_recording_journal_parts_t *parts)
{
    ngx_uint_t                    i;
    ngx_recording_journal_list_t  counts, counters;

    if (ngx_recording_journal_layout_take(parts, &saved->fixed,
                                          sizeof(saved->fixed))
        != NGX_OK
        || ngx_recording_journal_layout_next(parts, &counts) != NGX_OK
        || ngx_recording_journal_layout_next(parts, &counters) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        ngx_recording_journal_layout_get(&counts, i, &saved->counts[i],
                                         sizeof(saved->counts[i]));
    }

    saved->ncounters = ngx_min(counters.n, NGX_RECORDING_TS_PIDS);

    for (i = 0; i < saved->ncounters; i++) {
        ngx_recording_journal_layout_get(&counters, i, &saved->counters[i],
                                         sizeof(saved->counters[i]));
    }

    return NGX_OK;
}


/* the first releases did not shift times, and had DTS for PTS */

static ngx_int_t
ngx_recording_hls_restored_1(ngx_recording_hls_saved_t *saved,
    ngx_recording_journal_parts_t *parts)
{
    size_t                          plain;
    ngx_uint_t                      i;
    ngx_recording_journal_hls_t    *fixed;
    ngx_recording_journal_hls_1_t   old;

    fixed = &saved->fixed;
    plain = offsetof(ngx_recording_journal_hls_1_t, shift);

    if (parts->size != sizeof(old) && parts->size != plain) {
        return NGX_DECLINED;
    }

    ngx_memzero(&old, sizeof(old));
    ngx_memcpy(&old, parts->p, parts->size);

    if (old.npids > NGX_RECORDING_JOURNAL_PIDS_1) {
        return NGX_DECLINED;
    }

    fixed->end = old.end;
    fixed->target_pos = old.target_pos;
    fixed->target = old.target;
    fixed->version = old.version;
    fixed->number = old.number;
    fixed->start = old.start;
    fixed->marked = old.marked;
    fixed->size = old.size;
    fixed->written = old.written;
    fixed->anchor = old.anchor;
    fixed->wall = old.wall;
    fixed->shift = old.shift;
    fixed->shown = parts->size == plain ? old.start : old.shown;

    for (i = 0; i < NGX_RECORDING_JOURNAL_TRACKS_1; i++) {
        saved->counts[i].samples = old.samples[i];
        saved->counts[i].last = old.last[i];
    }

    saved->ncounters = ngx_min(old.npids, NGX_RECORDING_TS_PIDS);

    for (i = 0; i < saved->ncounters; i++) {
        saved->counters[i].pid = old.pids[i].pid;
        saved->counters[i].counter = old.pids[i].counter;
    }

    return NGX_OK;
}
