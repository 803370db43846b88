
/*
 * A publish that asks the owner of a recording for it, in its column wanted.
 */


#include "ngx_recording_catalogue_db.h"


ngx_uint_t
ngx_recording_catalogue_asker(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, const char *wanted)
{
    char    worker[64];
    size_t  len;

    len = strcspn(wanted, ":");

    if (len == 0 || len >= sizeof(worker)) {
        return NGX_RECORDING_CATALOGUE_NOBODY;
    }

    ngx_memcpy(worker, wanted, len);
    worker[len] = '\0';

    if (strcmp(worker, cat->store->owner) == 0) {
        return strtoull(wanted + len + 1, NULL, 10) == start->id
               ? NGX_RECORDING_CATALOGUE_SELF : NGX_RECORDING_CATALOGUE_OTHER;
    }

    switch (ngx_recording_catalogue_lives(cat, worker)) {

    case NGX_OK:
        return NGX_RECORDING_CATALOGUE_OTHER;

    case NGX_DECLINED:
        return NGX_RECORDING_CATALOGUE_NOBODY;

    default:
        return NGX_RECORDING_CATALOGUE_UNKNOWN;
    }
}


ngx_int_t
ngx_recording_catalogue_ask(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t recording_id, ngx_uint_t wanted)
{
    if (start->asked == recording_id) {

        /* refused, if nobody wants it any more */

        return wanted == NGX_RECORDING_CATALOGUE_SELF ? NGX_AGAIN : NGX_OK;
    }

    if (start->asked) {
        return NGX_OK;
    }

    if (wanted != NGX_RECORDING_CATALOGUE_NOBODY) {

        /* that one was earlier: it is this one's turn when it is known
           whether it gets it */

        return NGX_AGAIN;
    }

    start->asked = recording_id;

    return ngx_recording_catalogue_want(cat, NGX_RECORDING_SQL_WANT, start)
           == NGX_OK
           ? NGX_AGAIN : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_want(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_start_t *start)
{
    char           asker[128];
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, sql);

    if (st) {
        (void) snprintf(asker, sizeof(asker), "%s:%llu", cat->store->owner,
                        (unsigned long long) start->id);

        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) start->asked);
        (void) sqlite3_bind_text(st, 2, asker, -1, SQLITE_TRANSIENT);
    }

    return ngx_recording_catalogue_run(cat, sql);
}
