
/*
 * A store of its own for a unit test, below /tmp.  Its path is static: one at
 * a time.
 */


#include "ngx_recording_store.h"


/* makes and opens it; without one the test ends */

static void
store_make(ngx_recording_store_t *store)
{
    const char  *op;
    static char  dir[32];

    ngx_memzero(store, sizeof(ngx_recording_store_t));

    strcpy(dir, "/tmp/recording-XXXXXX");

    store->path = mkdtemp(dir);
    store->lock = -1;

    if (store->path == NULL
        || ngx_recording_store_open_thread(store, &op) != NGX_OK)
    {
        printf("Bail out! no store\n");
        exit(1);
    }
}


static void
store_remove(ngx_recording_store_t *store)
{
    char  command[64];

    ngx_recording_store_close(store);
    free(store->busy.ids);

    (void) snprintf(command, sizeof(command), "rm -rf %s", store->path);

    if (system(command) != 0) {
        diag("%s is left", store->path);
    }
}
