
#include "ngx_recording_body.h"
#include "ngx_recording_call.h"
#include <openssl/evp.h>


static void ngx_recording_body_run(void *data);
static void ngx_recording_body_hash(ngx_recording_body_t *r);
static void ngx_recording_body_fill(ngx_recording_body_t *r);
static ngx_int_t ngx_recording_body_read(ngx_recording_body_t *r,
    u_char *bytes, off_t offset, size_t len);
static void ngx_recording_body_done(void *data);
static void ngx_recording_body_hashed(ngx_recording_body_t *r);
static void ngx_recording_body_give(ngx_recording_body_t *r);
static ngx_recording_body_buffer_t *ngx_recording_body_has(
    ngx_recording_body_t *r, off_t offset);
static void ngx_recording_body_post(ngx_recording_body_t *r);
static void ngx_recording_body_destroy(ngx_recording_body_t *r);


ngx_recording_body_t *
ngx_recording_body_create(ngx_recording_jobs_t *jobs, int fd, off_t from,
    off_t length)
{
    ngx_recording_body_t  *r;

    r = calloc(1, sizeof(ngx_recording_body_t));

    if (r == NULL) {
        return NULL;
    }

    r->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (r->fd == -1) {
        free(r);
        return NULL;
    }

    r->from = from;
    r->length = length;
    r->wanted = -1;

    ngx_recording_job_init(&r->job, jobs, ngx_recording_body_run,
                           ngx_recording_body_done, r);

    /* those who record go first */

    r->job.background = 1;

    return r;
}


void
ngx_recording_body_grows(ngx_recording_body_t *r,
    ngx_recording_store_t *store, uint64_t id,
    const ngx_recording_early_t *early)
{
    r->store = store;
    r->id = id;
    r->early = *early;
}


void
ngx_recording_body_digest(ngx_recording_body_t *r,
    void (*digested)(void *data, ngx_uint_t failed), void *data)
{
    r->digested = digested;
    r->data = data;
    r->hashing = 1;
    r->hashed = 0;
    r->stale = 0;
    r->error[0] = '\0';

    ngx_recording_body_post(r);
}


void
ngx_recording_body_want(ngx_recording_body_t *r, off_t offset,
    ngx_recording_body_pt ready, void *data)
{
    r->ready = ready;
    r->data = data;
    r->wanted = offset;

    if (!r->busy) {
        ngx_recording_body_give(r);
    }
}


void
ngx_recording_body_stop(ngx_recording_body_t *r)
{
    r->wanted = -1;
}


void
ngx_recording_body_free(ngx_recording_body_t *r)
{
    if (r->busy) {
        r->gone = 1;
        return;
    }

    ngx_recording_body_destroy(r);
}


static void
ngx_recording_body_destroy(ngx_recording_body_t *r)
{
    EVP_MD_CTX_free(r->context);

    free(r->buffers[0].start);
    free(r->buffers[1].start);

    ngx_recording_job_close(r->job.jobs, r->fd);

    free(r);
}


static void
ngx_recording_body_post(ngx_recording_body_t *r)
{
    r->busy = 1;

    ngx_recording_job_post(&r->job);
}


/* on a thread */

static void
ngx_recording_body_run(void *data)
{
    ngx_recording_body_t *r = data;

    if (r->hashing) {
        ngx_recording_body_hash(r);

    } else {
        ngx_recording_body_fill(r);
    }
}


/* a slice, so that others have their turn; what was hashed is in the page
   cache when it is sent */

static void
ngx_recording_body_hash(ngx_recording_body_t *r)
{
    u_char  *bytes;
    off_t    end;
    size_t   len;

    bytes = malloc(NGX_RECORDING_BODY_BUFFER);

    if (r->context == NULL) {
        r->context = EVP_MD_CTX_new();
    }

    if (bytes == NULL || r->context == NULL
        || (r->hashed == 0
            && EVP_DigestInit_ex(r->context, EVP_md5(), NULL) != 1))
    {
        (void) snprintf(r->error, sizeof(r->error), "MD5: no memory");
        free(bytes);
        return;
    }

    end = ngx_min(r->hashed + NGX_RECORDING_BODY_SLICE, r->length);

    while (r->hashed < end) {
        len = (size_t) ngx_min(end - r->hashed, NGX_RECORDING_BODY_BUFFER);

        if (ngx_recording_body_read(r, bytes, r->hashed, len) != NGX_OK) {
            break;
        }

        (void) EVP_DigestUpdate(r->context, bytes, len);
        r->hashed += len;
    }

    free(bytes);

    if (r->hashed < r->length) {
        return;
    }

    (void) EVP_DigestFinal_ex(r->context, r->md5, NULL);

    /* what is read from now on is compared to the digest by who gets it */

    if (r->store
        && ngx_recording_early_same_thread(r->store, r->id, &r->early)
           != NGX_OK)
    {
        r->stale = 1;
        (void) snprintf(r->error, sizeof(r->error),
                        "the media was moved while it was read");
    }
}


static void
ngx_recording_body_fill(ngx_recording_body_t *r)
{
    ngx_recording_body_buffer_t  *b;

    b = &r->buffers[r->filled];

    if (b->start == NULL) {
        b->start = malloc(NGX_RECORDING_BODY_BUFFER);
    }

    if (b->start == NULL) {
        (void) snprintf(r->error, sizeof(r->error), "no memory");
        return;
    }

    b->len = (size_t) ngx_min(r->length - b->offset,
                              NGX_RECORDING_BODY_BUFFER);

    if (ngx_recording_body_read(r, b->start, b->offset, b->len) != NGX_OK) {
        b->len = 0;
    }
}


static ngx_int_t
ngx_recording_body_read(ngx_recording_body_t *r, u_char *bytes,
    off_t offset, size_t len)
{
    ssize_t  n;

    while (len) {
        n = pread(r->fd, bytes, len, r->from + offset);

        if (n == -1 && errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            (void) snprintf(r->error, sizeof(r->error),
                            "read of the local file: %s",
                            n ? strerror(errno) : "it has become shorter");
            return NGX_ERROR;
        }

        bytes += n;
        offset += n;
        len -= n;
    }

    return NGX_OK;
}


static void
ngx_recording_body_done(void *data)
{
    ngx_recording_body_t *r = data;

    r->busy = 0;

    if (r->gone) {
        ngx_recording_body_destroy(r);

    } else if (r->hashing) {
        ngx_recording_body_hashed(r);

    } else {
        ngx_recording_body_give(r);
    }
}


static void
ngx_recording_body_hashed(ngx_recording_body_t *r)
{
    if (r->error[0] == '\0' && r->hashed < r->length) {
        ngx_recording_body_post(r);
        return;
    }

    r->hashing = 0;
    r->digested(r->data, r->error[0] != '\0');
}


/* gives what is wanted, if it is there, and reads what follows it */

static void
ngx_recording_body_give(ngx_recording_body_t *r)
{
    off_t                           wanted, next;
    ngx_uint_t                      n;
    ngx_recording_body_buffer_t  *b;

    wanted = r->wanted;

    if (wanted == -1) {
        return;
    }

    if (r->error[0]) {
        r->wanted = -1;
        r->ready(r->data, NULL, 0);
        return;
    }

    b = ngx_recording_body_has(r, wanted);

    /* the other buffer was given before, or is not needed any more */

    n = b ? (b == &r->buffers[0]) : 0;
    next = b ? b->offset + (off_t) b->len : wanted;

    if (next < r->length && ngx_recording_body_has(r, next) == NULL) {
        r->filled = n;
        r->buffers[n].offset = next;
        r->buffers[n].len = 0;

        ngx_recording_body_post(r);
    }

    if (b) {
        r->wanted = -1;
        r->ready(r->data, b->start + (wanted - b->offset),
                 b->len - (size_t) (wanted - b->offset));
    }
}


static ngx_recording_body_buffer_t *
ngx_recording_body_has(ngx_recording_body_t *r, off_t offset)
{
    ngx_uint_t                      i;
    ngx_recording_body_buffer_t  *b;

    for (i = 0; i < 2; i++) {
        b = &r->buffers[i];

        if (b->len && offset >= b->offset
            && offset < b->offset + (off_t) b->len)
        {
            return b;
        }
    }

    return NULL;
}
