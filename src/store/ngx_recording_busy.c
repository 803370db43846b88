
#include "ngx_recording_busy.h"


#define NGX_RECORDING_BUSY_FIRST  64


static ngx_uint_t ngx_recording_busy_find(ngx_recording_busy_t *busy,
    uint64_t id);


void
ngx_recording_busy_add(ngx_recording_busy_t *busy, uint64_t id)
{
    uint64_t    *ids;
    ngx_uint_t   n;

    (void) pthread_mutex_lock(&busy->mutex);

    if (busy->n == busy->allocated) {
        n = ngx_max(busy->allocated * 2, NGX_RECORDING_BUSY_FIRST);
        ids = realloc(busy->ids, n * sizeof(uint64_t));

        if (ids) {
            busy->ids = ids;
            busy->allocated = n;
        }
    }

    if (busy->n < busy->allocated) {
        busy->ids[busy->n++] = id;

    } else {
        busy->unknown = 1;
    }

    (void) pthread_mutex_unlock(&busy->mutex);
}


void
ngx_recording_busy_remove(ngx_recording_busy_t *busy, uint64_t id)
{
    ngx_uint_t  i;

    (void) pthread_mutex_lock(&busy->mutex);

    i = ngx_recording_busy_find(busy, id);

    if (i < busy->n) {
        busy->ids[i] = busy->ids[--busy->n];
    }

    (void) pthread_mutex_unlock(&busy->mutex);
}


ngx_uint_t
ngx_recording_busy_has(ngx_recording_busy_t *busy, uint64_t id)
{
    ngx_uint_t  has;

    (void) pthread_mutex_lock(&busy->mutex);

    has = busy->unknown || ngx_recording_busy_find(busy, id) < busy->n;

    (void) pthread_mutex_unlock(&busy->mutex);

    return has;
}


static ngx_uint_t
ngx_recording_busy_find(ngx_recording_busy_t *busy, uint64_t id)
{
    ngx_uint_t  i;

    for (i = 0; i < busy->n && busy->ids[i] != id; i++) { /* void */ }

    return i;
}
