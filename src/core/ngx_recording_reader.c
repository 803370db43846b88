
#include "ngx_recording_reader.h"


void
ngx_recording_reader_init(ngx_recording_reader_t *reader, int fd)
{
    reader->fd = fd;
    reader->start = 0;
    reader->size = 0;
    reader->err = 0;
}


u_char *
ngx_recording_reader_thread(ngx_recording_reader_t *reader, off_t offset,
    size_t size)
{
    ssize_t  n;

    if (offset >= reader->start
        && offset + (off_t) size <= reader->start + (off_t) reader->size)
    {
        return reader->window + (offset - reader->start);
    }

    reader->start = offset;
    reader->size = 0;

    while (reader->size < size) {
        n = pread(reader->fd, reader->window + reader->size,
                  NGX_RECORDING_WINDOW - reader->size,
                  offset + reader->size);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            reader->err = n == -1 ? errno : 0;
            return NULL;
        }

        reader->size += n;
    }

    return reader->window;
}
