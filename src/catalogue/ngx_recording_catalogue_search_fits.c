
#include "ngx_recording_catalogue_search_fits.h"


/* the columns of a row, behind its key */

enum {
    NGX_RECORDING_SEARCH_START = 2,
    NGX_RECORDING_SEARCH_END,
    NGX_RECORDING_SEARCH_DOMAIN,
    NGX_RECORDING_SEARCH_APP,
    NGX_RECORDING_SEARCH_STREAM,
    NGX_RECORDING_SEARCH_PATH,             /* of recordings: the template */
    NGX_RECORDING_SEARCH_FORMAT,
    NGX_RECORDING_SEARCH_SOURCE
};


static ngx_uint_t ngx_recording_catalogue_search_any(
    const ngx_recording_catalogue_search_any_t *any,
    ngx_recording_sql_rows_t *rows, ngx_uint_t column, ngx_uint_t begin);


/* columns that are not needed are NULL, and not looked at */

ngx_uint_t
ngx_recording_catalogue_search_media_fits(
    ngx_recording_catalogue_search_t *search, ngx_recording_sql_rows_t *rows)
{
    int64_t  us;

    us = ngx_recording_sql_column_int(rows, 0);

    if (us < search->after || us > search->before) {
        return 0;
    }

    if (search->recorded
        && (ngx_recording_sql_column_int(rows, NGX_RECORDING_SEARCH_START)
            > search->to
            || ngx_recording_sql_column_int(rows, NGX_RECORDING_SEARCH_END)
               < search->from))
    {
        return 0;
    }

    /* a column that is NULL was found by the index itself */

    return ngx_recording_catalogue_search_any(&search->domains, rows,
                                              NGX_RECORDING_SEARCH_DOMAIN, 0)
           && ngx_recording_catalogue_search_any(&search->apps, rows,
                                              NGX_RECORDING_SEARCH_APP, 0)
           && ngx_recording_catalogue_search_any(&search->streams, rows,
                                              NGX_RECORDING_SEARCH_STREAM, 0)
           && ngx_recording_catalogue_search_any(&search->names, rows,
                                              NGX_RECORDING_SEARCH_PATH, 1)
           && ngx_recording_catalogue_search_any(&search->formats, rows,
                                              NGX_RECORDING_SEARCH_FORMAT, 0)
           && ngx_recording_catalogue_search_any(&search->sources, rows,
                                              NGX_RECORDING_SEARCH_SOURCE, 0);
}


ngx_uint_t
ngx_recording_catalogue_search_recording_fits(
    ngx_recording_catalogue_search_t *search, ngx_recording_sql_rows_t *rows)
{
    if (search->recorded
        && (ngx_recording_sql_column_int(rows, 0) > search->to
            || (!ngx_recording_sql_column_null(rows, NGX_RECORDING_SEARCH_END)
                && ngx_recording_sql_column_int(rows,
                                                NGX_RECORDING_SEARCH_END)
                   < search->from)))
    {
        return 0;
    }

    return ngx_recording_catalogue_search_any(&search->states, rows,
                                              NGX_RECORDING_SEARCH_START, 0)
           && ngx_recording_catalogue_search_any(&search->domains, rows,
                                              NGX_RECORDING_SEARCH_DOMAIN, 0)
           && ngx_recording_catalogue_search_any(&search->apps, rows,
                                              NGX_RECORDING_SEARCH_APP, 0)
           && ngx_recording_catalogue_search_any(&search->streams, rows,
                                              NGX_RECORDING_SEARCH_STREAM, 0)
           && ngx_recording_catalogue_search_any(&search->templates, rows,
                                              NGX_RECORDING_SEARCH_PATH, 0);
}


/* begin: a text only has to begin so */

static ngx_uint_t
ngx_recording_catalogue_search_any(
    const ngx_recording_catalogue_search_any_t *any,
    ngx_recording_sql_rows_t *rows, ngx_uint_t column, ngx_uint_t begin)
{
    ngx_str_t   text;
    ngx_uint_t  i;

    if (any->n == 0 || ngx_recording_sql_column_null(rows, column)) {
        return 1;
    }

    ngx_recording_sql_column_str(rows, column, &text);

    for (i = 0; i < any->n; i++) {

        if (begin ? text.len >= any->text[i].len
                  : text.len == any->text[i].len)
        {
            if (ngx_memcmp(text.data, any->text[i].data, any->text[i].len)
                == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}
