
/* what stands in the records of a journal, of whatever version */


#include "ngx_recording_av.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_journal_record.h"


#define NGX_RECORDING_JOURNAL_MAX  (1024 * 1024 * 1024)


static ngx_int_t ngx_recording_journal_record_facts(
    ngx_recording_journal_begun_t *begun, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_record_tracks(
    ngx_recording_journal_tracks_t *tracks, u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_record_stand(
    ngx_recording_journal_stand_t *stand, u_char *p, size_t size);


u_char *
ngx_recording_journal_record_load_thread(ngx_recording_store_t *store,
    uint64_t id, size_t *size)
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
    ngx_recording_close(fd);
    errno = err;

    return buf;
}


ngx_int_t
ngx_recording_journal_record_next(ngx_recording_journal_head_t *head,
    u_char *p, size_t size)
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


ngx_int_t
ngx_recording_journal_record_begun(ngx_recording_journal_begun_t *begun,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    return kind == NGX_RECORDING_JOURNAL_FACTS
           ? ngx_recording_journal_record_facts(begun, p, size)
           : kind == NGX_RECORDING_JOURNAL_FACTS_1
           ? ngx_recording_journal_old_facts(begun, p, size) : NGX_DECLINED;
}


static ngx_int_t
ngx_recording_journal_record_facts(ngx_recording_journal_begun_t *begun,
    u_char *p, size_t size)
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


const ngx_recording_format_t *
ngx_recording_journal_record_format(ngx_recording_journal_begun_t *begun)
{
    char        name[16];
    ngx_str_t  *format;

    format = &begun->strings[NGX_RECORDING_JOURNAL_FORMAT];

    (void) snprintf(name, sizeof(name), "%.*s",
                    (int) ngx_min(format->len, sizeof(name)),
                    format->len ? (char *) format->data : "");

    return ngx_recording_formats_find(name);
}


ngx_int_t
ngx_recording_journal_record_media(ngx_recording_journal_tracks_t *tracks,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    return kind == NGX_RECORDING_JOURNAL_MEDIA
           ? ngx_recording_journal_record_tracks(tracks, p, size)
           : ngx_recording_journal_old_media(tracks, p, size);
}


static ngx_int_t
ngx_recording_journal_record_tracks(ngx_recording_journal_tracks_t *tracks,
    u_char *p, size_t size)
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


ngx_int_t
ngx_recording_journal_record_state(ngx_recording_journal_stand_t *stand,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    return kind == NGX_RECORDING_JOURNAL_STATE
           ? ngx_recording_journal_record_stand(stand, p, size)
           : ngx_recording_journal_old_state(stand, kind, p, size);
}


static ngx_int_t
ngx_recording_journal_record_stand(ngx_recording_journal_stand_t *stand,
    u_char *p, size_t size)
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
