
/* a journal is looked at by one who does not have its file */


#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_journal_record.h"


static ngx_int_t ngx_recording_journal_look(ngx_recording_journal_look_t *look,
    u_char *p, size_t size);
static ngx_int_t ngx_recording_journal_looked(
    ngx_recording_journal_look_t *look, ngx_recording_journal_e kind,
    u_char *p, size_t size);


ngx_int_t
ngx_recording_journal_look_thread(ngx_recording_store_t *store, uint64_t id,
    ngx_recording_journal_look_t *look)
{
    u_char     *buf;
    size_t      size;
    ngx_int_t   rc;

    buf = ngx_recording_journal_record_load_thread(store, id, &size);

    if (buf == NULL) {
        return errno == NGX_ENOENT ? NGX_DECLINED : NGX_ERROR;
    }

    rc = ngx_recording_journal_look(look, buf, size);

    free(buf);

    if (rc != NGX_OK) {
        errno = rc == NGX_DONE ? ENODATA : 0;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_DONE: its first record is not whole; NGX_DECLINED: it is damaged */

static ngx_int_t
ngx_recording_journal_look(ngx_recording_journal_look_t *look, u_char *p,
    size_t size)
{
    u_char                         *body;
    ngx_recording_journal_head_t    head;
    ngx_recording_journal_begun_t   begun;

    ngx_memzero(look, sizeof(ngx_recording_journal_look_t));

    if (ngx_recording_journal_record_next(&head, p, size) != NGX_OK) {
        return NGX_DONE;
    }

    body = p + sizeof(head);

    if (ngx_recording_journal_record_begun(&begun, head.kind, body, head.size)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    look->format = ngx_recording_journal_record_format(&begun);

    if (look->format == NULL) {
        return NGX_DECLINED;
    }

    /* up to what makes no sense, as whoever goes on with the file reads it */

    do {
        size -= sizeof(head) + head.size;
        p = body + head.size;
        body = p + sizeof(head);

    } while (ngx_recording_journal_record_next(&head, p, size) == NGX_OK
             && ngx_recording_journal_looked(look, head.kind, body, head.size)
                == NGX_OK);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_journal_looked(ngx_recording_journal_look_t *look,
    ngx_recording_journal_e kind, u_char *p, size_t size)
{
    ngx_recording_journal_mp4_t    mp4;
    ngx_recording_journal_stand_t  stand;

    switch (kind) {

    case NGX_RECORDING_JOURNAL_STATE:
    case NGX_RECORDING_JOURNAL_STATE_1:
    case NGX_RECORDING_JOURNAL_SHOWN_1:
        break;

    default:
        return NGX_OK;
    }

    if (ngx_recording_journal_record_state(&stand, kind, p, size) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_memzero(&mp4, sizeof(mp4));

    if (look->format == &ngx_recording_format_mp4
        && ngx_recording_journal_layout_take(&stand.format, &mp4, sizeof(mp4))
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    look->settled = stand.state.settled;
    look->mp4 = mp4;

    return NGX_OK;
}
