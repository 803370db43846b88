
#include "ngx_recording_catalogue_ask.h"
#include "ngx_recording_catalogue_db.h"


static ngx_int_t ngx_recording_catalogue_ask_write(
    ngx_recording_catalogue_t *cat, ngx_recording_sql_e sql,
    ngx_recording_start_t *start);


ngx_recording_catalogue_ask_e
ngx_recording_catalogue_ask_who(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, const char *wanted)
{
    char    worker[64];
    size_t  len;

    len = strcspn(wanted, ":");

    if (len == 0 || len >= sizeof(worker)) {
        return NGX_RECORDING_CATALOGUE_ASK_NOBODY;
    }

    ngx_memcpy(worker, wanted, len);
    worker[len] = '\0';

    if (strcmp(worker, cat->store->owner) == 0) {
        return strtoull(wanted + len + 1, NULL, 10) == start->id
               ? NGX_RECORDING_CATALOGUE_ASK_SELF
               : NGX_RECORDING_CATALOGUE_ASK_OTHER;
    }

    switch (ngx_recording_catalogue_db_lives(cat, worker)) {

    case NGX_OK:
        return NGX_RECORDING_CATALOGUE_ASK_OTHER;

    case NGX_DECLINED:
        return NGX_RECORDING_CATALOGUE_ASK_NOBODY;

    default:
        return NGX_RECORDING_CATALOGUE_ASK_UNKNOWN;
    }
}


ngx_int_t
ngx_recording_catalogue_ask(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start, uint64_t recording_id,
    ngx_recording_catalogue_ask_e who)
{
    if (start->asked == recording_id) {

        /* refused, if nobody wants it any more */

        return who == NGX_RECORDING_CATALOGUE_ASK_SELF ? NGX_AGAIN : NGX_OK;
    }

    if (start->asked) {
        return NGX_OK;
    }

    if (who != NGX_RECORDING_CATALOGUE_ASK_NOBODY) {

        /* that one was earlier: it is this one's turn when it is known
           whether it gets it */

        return NGX_AGAIN;
    }

    start->asked = recording_id;

    return ngx_recording_catalogue_ask_write(cat, NGX_RECORDING_SQL_WANT,
                                             start)
           == NGX_OK
           ? NGX_AGAIN : NGX_ERROR;
}


ngx_int_t
ngx_recording_catalogue_ask_no_more(ngx_recording_catalogue_t *cat,
    ngx_recording_start_t *start)
{
    return ngx_recording_catalogue_ask_write(cat, NGX_RECORDING_SQL_UNWANT,
                                             start);
}


static ngx_int_t
ngx_recording_catalogue_ask_write(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_start_t *start)
{
    char  asker[128];

    (void) snprintf(asker, sizeof(asker), "%s:%llu", cat->store->owner,
                    (unsigned long long) start->id);

    return ngx_recording_sql_run(cat->sql, sql,
                                 ngx_recording_sql_int(start->asked),
                                 ngx_recording_sql_text(asker));
}
