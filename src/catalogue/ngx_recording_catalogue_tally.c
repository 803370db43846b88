
/* exceptions, counted by hour, stream and kind */


#include "ngx_recording_catalogue_db.h"


ngx_int_t
ngx_recording_catalogue_tally(ngx_recording_catalogue_t *cat, void *arg,
    ngx_uint_t again)
{
    ngx_recording_tallies_t *tallies = arg;

    ngx_int_t               rc;
    ngx_uint_t              i;
    ngx_recording_tally_t  *t;

    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < tallies->n; i++) {
        t = &tallies->tally[i];

        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_TALLY,
                 ngx_recording_sql_int(t->recording_id),
                 ngx_recording_sql_int(t->hour),
                 ngx_recording_sql_text(
                                ngx_recording_exceptions[t->exception].name),
                 ngx_recording_sql_int(t->n));
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_TALLY_OLD,
                 ngx_recording_sql_int(ngx_recording_wall()
                                       - NGX_RECORDING_TALLY_KEPT));
    }

    return rc;
}
