
#include "ngx_recording_io.h"


#define NGX_RECORDING_PAGE       65536         /* or less */
#define NGX_RECORDING_IO_BUFFER  65536
#define NGX_RECORDING_IO_COPY    (1024 * 1024)
#define NGX_RECORDING_IO_RANGE   (64 * 1024 * 1024)


ngx_int_t
ngx_recording_io_write_thread(int fd, void *buf, size_t size, off_t offset)
{
    u_char   *p;
    ssize_t   n;

    for (p = buf; size; p += n, size -= n, offset += n) {

        n = pwrite(fd, p, size, offset);

        if (n == -1) {
            if (errno != EINTR) {
                return NGX_ERROR;
            }

            n = 0;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_io_writev_thread(int fd, ngx_recording_iov_t *iov,
    off_t offset)
{
    ssize_t        n;
    ngx_uint_t     left;
    struct iovec  *v;

    v = iov->iov;
    left = iov->n;

    while (left) {

        n = pwritev(fd, v, left, offset);

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return NGX_ERROR;
        }

        offset += n;

        while (left && (size_t) n >= v->iov_len) {
            n -= v->iov_len;
            v++;
            left--;
        }

        if (left) {
            v->iov_base = (u_char *) v->iov_base + n;
            v->iov_len -= n;
        }
    }

    iov->n = 0;
    iov->size = 0;

    return NGX_OK;
}


ngx_int_t
ngx_recording_io_read_thread(int fd, void *buf, size_t size, off_t offset)
{
    u_char   *p;
    ssize_t   n;

    for (p = buf; size; p += n, size -= n, offset += n) {

        n = pread(fd, p, size, offset);

        if (n == 0) {
            errno = EIO;
            return NGX_ERROR;
        }

        if (n == -1) {
            if (errno != EINTR) {
                return NGX_ERROR;
            }

            n = 0;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_io_again_thread(int fd, off_t from, off_t to)
{
    u_char     *buf;
    size_t      size;
    ngx_int_t   rc;

    /* whole pages, as the system writes them */

    from -= from % NGX_RECORDING_PAGE;

    buf = malloc(NGX_RECORDING_IO_BUFFER);

    if (buf == NULL) {
        return NGX_ERROR;
    }

    for (rc = NGX_OK; from < to && rc == NGX_OK; from += size) {
        size = ngx_min(to - from, NGX_RECORDING_IO_BUFFER);

        rc = ngx_recording_io_read_thread(fd, buf, size, from);

        if (rc == NGX_OK) {
            rc = ngx_recording_io_write_thread(fd, buf, size, from);
        }
    }

    free(buf);

    return rc;
}


ngx_int_t
ngx_recording_io_copy_thread(int from, int to, off_t in, off_t out,
    uint64_t size)
{
    size_t     part;
    u_char    *buf;
    ssize_t    n;
    ngx_int_t  rc;

    while (size && !ngx_terminate) {
        n = copy_file_range(from, &in, to, &out,
                            ngx_min(size, NGX_RECORDING_IO_RANGE), 0);

        if (n > 0) {
            size -= n;
            continue;
        }

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == 0) {
            errno = EIO;
            return NGX_ERROR;
        }

        break;
    }

    if (size == 0) {
        return NGX_OK;
    }

    if (ngx_terminate) {
        errno = NGX_EINTR;
        return NGX_ERROR;
    }

    if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP
        && errno != ENOSYS)
    {
        return NGX_ERROR;
    }

    buf = malloc(NGX_RECORDING_IO_COPY);

    if (buf == NULL) {
        return NGX_ERROR;
    }

    for (rc = NGX_OK; size && rc == NGX_OK; size -= part) {
        part = ngx_min(size, NGX_RECORDING_IO_COPY);

        if (ngx_terminate) {
            errno = NGX_EINTR;
            rc = NGX_ERROR;
            break;
        }

        rc = ngx_recording_io_read_thread(from, buf, part, in);

        if (rc == NGX_OK) {
            rc = ngx_recording_io_write_thread(to, buf, part, out);
        }

        in += part;
        out += part;
    }

    free(buf);

    return rc;
}


off_t
ngx_recording_io_solid_thread(int fd, off_t from)
{
    off_t        hole;
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return -1;
    }

    if (st.st_size <= from) {
        return st.st_size;
    }

    hole = lseek(fd, from, SEEK_HOLE);

    return hole == -1 ? st.st_size : ngx_min(hole, st.st_size);
}
