
#include "ngx_recording_descriptors.h"
#include <sys/eventfd.h>
#include <sys/resource.h>


/* the store's two directories and the worker's lock; the catalogue's two
   connections: database, -wal and -shm of each, and one while it is changed */
#define NGX_RECORDING_DESCRIPTORS_STORE  (3 + 7)


static ngx_uint_t ngx_recording_descriptors_used(void);
static ngx_uint_t ngx_recording_descriptors_room(ngx_uint_t limit);


void
ngx_recording_descriptors_init(ngx_recording_store_t *store)
{
    struct rlimit  rlmt;

    store->most = NGX_MAX_UINT32_VALUE;

    if (getrlimit(RLIMIT_NOFILE, &rlmt) == -1
        || rlmt.rlim_cur >= NGX_MAX_INT32_VALUE)
    {
        return;
    }

    store->most = ngx_recording_descriptors_files(rlmt.rlim_cur,
                             ngx_recording_descriptors_used()
                             + NGX_RECORDING_DESCRIPTORS_STORE,
                             store->connections);

    ngx_recording_spare_keep(ngx_recording_descriptors_room(rlmt.rlim_cur));
}


/* the lowest one that is free tells how many are not; all, if there is none */

static ngx_uint_t
ngx_recording_descriptors_used(void)
{
    int  fd;

    fd = eventfd(0, EFD_CLOEXEC);

    if (fd == -1) {
        return NGX_MAX_INT32_VALUE;
    }

    (void) close(fd);

    return fd;
}


static ngx_uint_t
ngx_recording_descriptors_room(ngx_uint_t limit)
{
    return ngx_min(NGX_RECORDING_DESCRIPTORS_ROOM, limit / 8);
}


ngx_uint_t
ngx_recording_descriptors_files(ngx_uint_t limit, ngx_uint_t used,
    ngx_uint_t connections)
{
    ngx_uint_t  left;

    used += ngx_recording_descriptors_room(limit);

    if (used >= limit) {
        return 0;
    }

    left = limit - used;

    return left - ngx_min(connections, left / 2);
}


ngx_int_t
ngx_recording_descriptors_take_thread(ngx_recording_store_t *store)
{
    ngx_recording_spare_more();

    if ((ngx_uint_t) ngx_atomic_fetch_add(&store->held, 1) < store->most
        && ngx_recording_spare_fill() == 0)
    {
        return NGX_OK;
    }

    ngx_recording_descriptors_give(store);
    ngx_recording_spare_less();

    errno = EMFILE;

    return NGX_DECLINED;
}


void
ngx_recording_descriptors_add(ngx_recording_store_t *store)
{
    (void) ngx_atomic_fetch_add(&store->held, 1);
}


void
ngx_recording_descriptors_give(ngx_recording_store_t *store)
{
    (void) ngx_atomic_fetch_add(&store->held, -1);
}
