
/* what of a growing file may be read before its end */


#include "ngx_recording_early.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_mp4_index.h"


/* boxes of an MP4 in front of the media: ftyp, moov, free */
#define NGX_RECORDING_EARLY_BOXES  16

/* bytes that a file may have */
#define NGX_RECORDING_EARLY_MAX    ((uint64_t) INT64_MAX / 4)


static ngx_int_t ngx_recording_early_set(ngx_recording_early_t *early,
    const ngx_recording_journal_look_t *look);
static off_t ngx_recording_early_box(u_char *p, off_t *head);
static uint64_t ngx_recording_early_number(u_char *p, ngx_uint_t n);


ngx_int_t
ngx_recording_early_look_thread(ngx_recording_store_t *store, uint64_t id,
    ngx_recording_early_t *early)
{
    ngx_int_t                      rc;
    ngx_recording_journal_look_t   look;

    rc = ngx_recording_journal_look_thread(store, id, &look);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_recording_early_set(early, &look) != NGX_OK) {
        errno = 0;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_DECLINED: no file is as large */

static ngx_int_t
ngx_recording_early_set(ngx_recording_early_t *early,
    const ngx_recording_journal_look_t *look)
{
    ngx_memzero(early, sizeof(ngx_recording_early_t));

    early->format = look->format;

    if (look->format->endless) {
        early->segments = look->settled;

        return NGX_OK;
    }

    if (look->settled > NGX_RECORDING_EARLY_MAX
        || look->mp4.moved > NGX_RECORDING_EARLY_MAX)
    {
        return NGX_DECLINED;
    }

    early->length = look->settled;

    if (look->format == &ngx_recording_format_mp4) {
        early->begin = NGX_RECORDING_MP4_RESERVE + look->mp4.moved;
        early->length = ngx_max(early->length - NGX_RECORDING_MP4_RESERVE, 0);
        early->moving = (look->mp4.shift != look->mp4.moved);
    }

    return NGX_OK;
}


int
ngx_recording_early_open_thread(ngx_recording_store_t *store, uint64_t id,
    const ngx_recording_early_t *early)
{
    char  name[48];

    if (early->format->endless) {
        errno = NGX_EINVAL;
        return -1;
    }

    ngx_recording_store_name(name, sizeof(name), id, early->format->extension);

    return ngx_recording_openat(store->work, name,
                                O_RDONLY|O_CLOEXEC|O_NOFOLLOW, 0);
}


/* what was cut off may have been read before other data took its place */

ngx_int_t
ngx_recording_early_same_thread(ngx_recording_store_t *store, uint64_t id,
    const ngx_recording_early_t *early)
{
    ngx_recording_early_t  now;

    return ngx_recording_early_look_thread(store, id, &now) == NGX_OK
           && !now.moving && now.begin == early->begin
           && now.length >= early->length
           ? NGX_OK : NGX_AGAIN;
}


off_t
ngx_recording_early_begin_thread(const char *format, int fd)
{
    off_t        pos, size, head;
    u_char       buf[16];
    ngx_uint_t   i;
    struct stat  st;

    if (strcmp(format, ngx_recording_format_mp4.name) != 0) {
        return 0;
    }

    if (fstat(fd, &st) == -1) {
        return -1;
    }

    pos = 0;

    for (i = 0; i < NGX_RECORDING_EARLY_BOXES; i++) {

        if (st.st_size - pos < (off_t) sizeof(buf)) {
            break;
        }

        if (ngx_recording_io_read_thread(fd, buf, sizeof(buf), pos)
            != NGX_OK)
        {
            return -1;
        }

        size = ngx_recording_early_box(buf, &head);

        if (size < head || size > st.st_size - pos) {
            break;
        }

        if (ngx_memcmp(buf + 4, "mdat", 4) == 0) {
            return pos + head;
        }

        pos += size;
    }

    errno = NGX_EINVAL;

    return -1;
}


/* the size of a box, and of its head */

static off_t
ngx_recording_early_box(u_char *p, off_t *head)
{
    uint64_t  size;

    *head = 8;
    size = ngx_recording_early_number(p, 4);

    if (size == 1) {
        *head = 16;
        size = ngx_recording_early_number(p + 8, 8);
    }

    return size > INT64_MAX ? -1 : (off_t) size;
}


static uint64_t
ngx_recording_early_number(u_char *p, ngx_uint_t n)
{
    uint64_t  number;

    number = 0;

    while (n--) {
        number = number << 8 | *p++;
    }

    return number;
}
