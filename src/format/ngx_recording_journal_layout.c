
#include "ngx_recording_journal_layout.h"


void
ngx_recording_journal_layout_begin(ngx_recording_journal_record_t *record)
{
    record->n = 0;
    record->iov.n = 1;
    record->iov.size = sizeof(ngx_recording_journal_head_t);
}


void
ngx_recording_journal_layout_add(ngx_recording_journal_record_t *record,
    void *p, size_t n, size_t size)
{
    ngx_recording_journal_part_t  *part;

    part = &record->parts[record->n++];

    part->n = (uint32_t) n;
    part->size = (uint32_t) size;

    ngx_recording_iov_add(&record->iov, part, sizeof(*part));

    if (n && size) {
        ngx_recording_iov_add(&record->iov, p, n * size);
    }
}


ngx_int_t
ngx_recording_journal_layout_next(ngx_recording_journal_parts_t *parts,
    ngx_recording_journal_list_t *list)
{
    ngx_recording_journal_part_t  part;

    list->n = 0;
    list->size = 0;
    list->p = parts->p;

    if (parts->size == 0) {
        return NGX_OK;
    }

    if (parts->version == 1) {
        list->n = 1;
        list->size = parts->size;

    } else {
        if (parts->size < sizeof(part)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(&part, parts->p, sizeof(part));

        parts->p += sizeof(part);
        parts->size -= sizeof(part);

        if ((uint64_t) part.n * part.size > parts->size) {
            return NGX_DECLINED;
        }

        list->n = part.size ? part.n : 0;
        list->size = part.size;
    }

    list->p = parts->p;

    parts->p += list->n * list->size;
    parts->size -= list->n * list->size;

    return NGX_OK;
}


void
ngx_recording_journal_layout_get(ngx_recording_journal_list_t *list,
    ngx_uint_t i, void *entry, size_t size)
{
    size_t  n;

    n = i < list->n ? ngx_min(size, list->size) : 0;

    if (n) {
        ngx_memcpy(entry, list->p + i * list->size, n);
    }

    ngx_memzero((u_char *) entry + n, size - n);
}


ngx_int_t
ngx_recording_journal_layout_take(ngx_recording_journal_parts_t *parts,
    void *entry, size_t size)
{
    ngx_recording_journal_list_t  list;

    if (ngx_recording_journal_layout_next(parts, &list) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_recording_journal_layout_get(&list, 0, entry, size);

    return NGX_OK;
}
