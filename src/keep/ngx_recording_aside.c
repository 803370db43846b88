
#include "ngx_recording_aside.h"
#include "ngx_recording_journal.h"


typedef struct {
    ngx_recording_store_t  *store;
    char                    name[48];      /* up to the dot */
    size_t                  len;
    off_t                   bytes;
} ngx_recording_aside_sum_t;


typedef struct {
    ngx_recording_store_t    *store;
    int64_t                   now;         /* us */
    ngx_recording_notices_t  *notices;
} ngx_recording_aside_sweep_t;


static void ngx_recording_aside_add(void *data, const char *name);
static void ngx_recording_aside_look(void *data, const char *name);


off_t
ngx_recording_aside_bytes_thread(ngx_recording_store_t *store, uint64_t id,
    ngx_uint_t mark)
{
    int                        fd;
    char                       name[48];
    ngx_recording_aside_sum_t  sum;

    if (mark) {
        ngx_recording_store_name(name, sizeof(name), id,
                                 NGX_RECORDING_JOURNAL_ASIDE);
        fd = ngx_recording_store_create_thread(store, name);

        if (fd != -1) {
            ngx_recording_close(fd);
        }
    }

    sum.store = store;
    sum.bytes = 0;

    ngx_recording_store_name(sum.name, sizeof(sum.name), id, ".");
    sum.len = strlen(sum.name);

    (void) ngx_recording_store_list_thread(store, ngx_recording_aside_add,
                                           &sum);
    return sum.bytes;
}


static void
ngx_recording_aside_add(void *data, const char *name)
{
    ngx_recording_aside_sum_t *sum = data;

    struct stat  st;

    if (strncmp(name, sum->name, sum->len) == 0
        && fstatat(sum->store->work, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
    {
        sum->bytes += st.st_size;
    }
}


void
ngx_recording_aside_sweep_thread(ngx_recording_store_t *store,
    int64_t now, ngx_recording_notices_t *notices)
{
    ngx_recording_aside_sweep_t  sweep;

    if (store->rows == 0) {
        return;
    }

    sweep.store = store;
    sweep.now = now;
    sweep.notices = notices;

    (void) ngx_recording_store_list_thread(store, ngx_recording_aside_look,
                                           &sweep);
}


static void
ngx_recording_aside_look(void *data, const char *name)
{
    ngx_recording_aside_sweep_t *sweep = data;

    char         *end;
    off_t         bytes;
    uint64_t      id;
    struct stat   st;

    id = strtoull(name, &end, 10);

    if (end == name || strcmp(end, NGX_RECORDING_JOURNAL_ASIDE) != 0
        || fstatat(sweep->store->work, name, &st, AT_SYMLINK_NOFOLLOW) == -1
        || sweep->now / 1000000 - st.st_mtime <= sweep->store->rows)
    {
        return;
    }

    bytes = ngx_recording_aside_bytes_thread(sweep->store, id, 0);

    /* what cannot be removed is tried again in a minute: its mark goes last */

    if (ngx_recording_journal_clear_thread(sweep->store, id) == NGX_OK
        && ngx_recording_store_remove_thread(sweep->store, name) == NGX_OK)
    {
        ngx_recording_notice(sweep->notices, NGX_LOG_NOTICE, 0,
                             "what was left of lost file \"%llu\" in work/ "
                             "removed, %lld bytes", (unsigned long long) id,
                             (long long) bytes);

    } else {
        ngx_recording_notice(sweep->notices, NGX_LOG_WARN, errno,
                             "remove what is left of lost file \"%llu\" in "
                             "work/ failed", (unsigned long long) id);
    }
}
