
/*
 * Pages of rows.
 *
 * A search has one scan, or one for each value that it asks an index for: rows
 * in the order of their keys.  The keys of those that fit are collected, sorted
 * and cut into a page.  A scan that was not followed to its end tells how far
 * it was: behind that nothing is known, and all that is there of other scans is
 * left to the next page.
 */


#include "ngx_recording_catalogue_db.h"
#include "ngx_recording_catalogue_search_fits.h"


#define NGX_RECORDING_SEARCH_LOOK   64         /* rows, between two looks at
                                                  the clock */

/* us: a file may have been finished that much before its end, by a clock that
   was set back meanwhile, as one that had another time zone */
#define NGX_RECORDING_SEARCH_EARLY  43200000000

#define NGX_RECORDING_SEARCH_ANY    INT64_MAX


typedef struct {
    ngx_recording_catalogue_t         *cat;
    ngx_recording_catalogue_search_t  *search;
    ngx_uint_t            (*fits)(ngx_recording_catalogue_search_t *search,
                                  ngx_recording_sql_rows_t *rows);

    ngx_recording_catalogue_search_key_t  *keys;
    ngx_uint_t              n;
    ngx_uint_t              room;

    int64_t                 deadline;      /* us, of the scan */
    ngx_uint_t              most;          /* keys of a scan */
    ngx_uint_t              part;          /* a scan was left early */
    ngx_recording_catalogue_search_key_t  border;  /* all behind it is left */
    unsigned                lost:1;        /* a scan without an order, too */
    unsigned                ordered:1;
    unsigned                counted:1;     /* there are NGX_RECORDING_SEARCH_
                                              MOST anyway */
} ngx_recording_catalogue_search_scan_t;


static ngx_int_t ngx_recording_catalogue_search_by_ids(
    ngx_recording_catalogue_search_scan_t *scan, ngx_uint_t statement);
static ngx_int_t ngx_recording_catalogue_search_by_names(
    ngx_recording_catalogue_search_scan_t *scan);
static ngx_int_t ngx_recording_catalogue_search_by_name(
    ngx_recording_catalogue_search_scan_t *scan, const ngx_str_t *name);
static ngx_int_t ngx_recording_catalogue_search_by_time(
    ngx_recording_catalogue_search_scan_t *scan);
static ngx_int_t ngx_recording_catalogue_search_by_begin(
    ngx_recording_catalogue_search_scan_t *scan,
    ngx_recording_sql_value_t *values);
static void ngx_recording_catalogue_search_bounds(
    ngx_recording_catalogue_search_t *search, int64_t early, int64_t late,
    ngx_recording_sql_value_t *values);
static ngx_int_t ngx_recording_catalogue_search_values(
    ngx_recording_catalogue_search_scan_t *scan, ngx_uint_t statement,
    const ngx_recording_catalogue_search_any_t *any,
    ngx_recording_sql_value_t *values, ngx_uint_t n);
static ngx_uint_t ngx_recording_catalogue_search_again(
    const ngx_recording_catalogue_search_any_t *any, ngx_uint_t n);
static ngx_int_t ngx_recording_catalogue_search_longest(
    ngx_recording_catalogue_t *cat, ngx_uint_t statement, int64_t *us);
static ngx_int_t ngx_recording_catalogue_search_scan(
    ngx_recording_catalogue_search_scan_t *scan, ngx_uint_t statement,
    const ngx_recording_sql_value_t *values, ngx_uint_t n);
static ngx_int_t ngx_recording_catalogue_search_add(
    ngx_recording_catalogue_search_scan_t *scan,
    const ngx_recording_catalogue_search_key_t *key);
static void ngx_recording_catalogue_search_left(
    ngx_recording_catalogue_search_scan_t *scan,
    const ngx_recording_catalogue_search_key_t *key);
static void ngx_recording_catalogue_search_page(
    ngx_recording_catalogue_search_scan_t *scan);
static ngx_int_t ngx_recording_catalogue_search_order(
    const ngx_recording_catalogue_search_key_t *one,
    const ngx_recording_catalogue_search_key_t *two);
static int ngx_recording_catalogue_search_newest(const void *one,
    const void *two);
static int ngx_recording_catalogue_search_oldest(const void *one,
    const void *two);
static ngx_uint_t ngx_recording_catalogue_search_behind(
    ngx_recording_catalogue_search_t *search,
    const ngx_recording_catalogue_search_key_t *key);


void
ngx_recording_catalogue_search_init(ngx_recording_catalogue_search_t *search)
{
    ngx_memzero(search, sizeof(ngx_recording_catalogue_search_t));

    search->after = INT64_MIN;
    search->before = INT64_MAX;
    search->from = INT64_MIN;
    search->to = INT64_MAX;
}


ngx_int_t
ngx_recording_catalogue_search_media(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_search_t *search)
{
    ngx_int_t                              rc;
    ngx_recording_catalogue_search_scan_t  scan;

    ngx_memzero(&scan, sizeof(ngx_recording_catalogue_search_scan_t));

    scan.cat = cat;
    scan.search = search;
    scan.fits = ngx_recording_catalogue_search_media_fits;
    scan.most = NGX_RECORDING_SEARCH_MOST;

    if (search->ids.n) {
        rc = ngx_recording_catalogue_search_by_ids(&scan,
                                                   NGX_RECORDING_SQL_MEDIA_ID);

    } else if (search->names.n) {
        rc = ngx_recording_catalogue_search_by_names(&scan);

    } else {
        rc = ngx_recording_catalogue_search_by_time(&scan);
    }

    if (rc == NGX_OK) {
        ngx_recording_catalogue_search_page(&scan);
    }

    free(scan.keys);

    return rc;
}


ngx_int_t
ngx_recording_catalogue_search_recordings(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_search_t *search)
{
    ngx_int_t                              rc;
    ngx_recording_sql_value_t              values[5];
    ngx_recording_catalogue_search_scan_t  scan;

    ngx_memzero(&scan, sizeof(ngx_recording_catalogue_search_scan_t));

    scan.cat = cat;
    scan.search = search;
    scan.fits = ngx_recording_catalogue_search_recording_fits;

    /* nobody asks how many there are: one more tells that there are more */

    scan.most = search->offset + search->limit + 1;

    /* one that has not ended is of any length */

    ngx_recording_catalogue_search_bounds(search, NGX_RECORDING_SEARCH_ANY, 0,
                                          values);

    if (search->ids.n) {
        rc = ngx_recording_catalogue_search_by_ids(&scan,
                                             NGX_RECORDING_SQL_RECORDINGS_ID);

    } else if (search->streams.n) {
        rc = ngx_recording_catalogue_search_values(&scan,
                                          NGX_RECORDING_SQL_RECORDINGS_STREAM,
                                          &search->streams, values, 4);

    } else if (search->apps.n) {
        rc = ngx_recording_catalogue_search_values(&scan,
                                             NGX_RECORDING_SQL_RECORDINGS_APP,
                                             &search->apps, values, 4);

    } else {
        rc = ngx_recording_catalogue_search_by_begin(&scan, values);
    }

    if (rc == NGX_OK) {
        ngx_recording_catalogue_search_page(&scan);
    }

    free(scan.keys);

    return rc;
}


/* those that have not ended, and those that have, which need not be looked for
   among all that began before */

static ngx_int_t
ngx_recording_catalogue_search_by_begin(
    ngx_recording_catalogue_search_scan_t *scan,
    ngx_recording_sql_value_t *values)
{
    int64_t                                longest;
    ngx_int_t                              rc;
    ngx_uint_t                             i;
    ngx_recording_catalogue_search_t      *search;
    ngx_recording_catalogue_search_any_t   all;

    search = scan->search;

    ngx_memzero(&all, sizeof(ngx_recording_catalogue_search_any_t));

    rc = ngx_recording_catalogue_search_values(scan,
                                            NGX_RECORDING_SQL_RECORDINGS_OPEN,
                                            &all, values, 4);

    for (i = 0; i < search->states.n; i++) {
        if (ngx_strcmp(search->states.text[i].data, "ended") == 0) {
            break;
        }
    }

    if (rc != NGX_OK || (search->states.n && i == search->states.n)) {
        return rc;
    }

    rc = ngx_recording_catalogue_search_longest(scan->cat,
                                         NGX_RECORDING_SQL_RECORDINGS_LONGEST,
                                         &longest);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_catalogue_search_bounds(search, longest, 0, values);

    return ngx_recording_catalogue_search_values(scan,
                                           NGX_RECORDING_SQL_RECORDINGS_ENDED,
                                           &all, values, 4);
}


static ngx_int_t
ngx_recording_catalogue_search_by_ids(
    ngx_recording_catalogue_search_scan_t *scan, ngx_uint_t statement)
{
    ngx_uint_t                 i;
    ngx_recording_sql_value_t  id;

    scan->deadline = INT64_MAX;

    for (i = 0; i < scan->search->ids.n; i++) {
        id = ngx_recording_sql_int(scan->search->ids.id[i]);

        if (ngx_recording_catalogue_search_scan(scan, statement, &id, 1)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Names are in no order of time: all that begin so are looked at, unless there
 * are many: then those are soon found among the newest.
 */

static ngx_int_t
ngx_recording_catalogue_search_by_names(
    ngx_recording_catalogue_search_scan_t *scan)
{
    ngx_uint_t  i, n;

    n = scan->search->names.n;

    for (i = 0; i < n && !scan->lost; i++) {
        scan->deadline = ngx_recording_mono() + NGX_RECORDING_SEARCH_TIME / n;

        if (ngx_recording_catalogue_search_by_name(scan,
                                                &scan->search->names.text[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (!scan->lost) {
        return NGX_OK;
    }

    scan->counted = scan->n >= NGX_RECORDING_SEARCH_MOST;
    scan->n = 0;
    scan->lost = 0;

    return ngx_recording_catalogue_search_by_time(scan);
}


static ngx_int_t
ngx_recording_catalogue_search_by_name(
    ngx_recording_catalogue_search_scan_t *scan, const ngx_str_t *name)
{
    u_char                    *end;
    ngx_int_t                  rc;
    ngx_uint_t                 len;
    ngx_recording_sql_value_t  values[2];

    /* the first one that does not begin so: with a byte that no text has
       behind it */

    end = malloc(name->len + 1);

    if (end == NULL) {
        return NGX_ERROR;
    }

    len = ngx_cpymem(end, name->data, name->len) - end;
    end[len++] = 0xff;

    values[0] = ngx_recording_sql_str(name);
    values[1] = ngx_recording_sql_bytes(end, len);

    rc = ngx_recording_catalogue_search_scan(scan,
                                             NGX_RECORDING_SQL_MEDIA_NAME,
                                             values, 2);
    free(end);

    return rc;
}


static ngx_int_t
ngx_recording_catalogue_search_by_time(
    ngx_recording_catalogue_search_scan_t *scan)
{
    int64_t                            longest;
    ngx_uint_t                         texts, by_stream, by_app;
    ngx_recording_sql_value_t          values[7];
    ngx_recording_catalogue_search_t  *search;
    ngx_recording_catalogue_search_any_t  all;

    static const ngx_uint_t  statements[][2] = {
        { NGX_RECORDING_SQL_MEDIA_TIME, NGX_RECORDING_SQL_MEDIA_TIME_ASC },
        { NGX_RECORDING_SQL_MEDIA_STREAM, NGX_RECORDING_SQL_MEDIA_STREAM_ASC },
        { NGX_RECORDING_SQL_MEDIA_APP, NGX_RECORDING_SQL_MEDIA_APP_ASC }
    };

    search = scan->search;
    longest = 0;

    if (search->recorded
        && ngx_recording_catalogue_search_longest(scan->cat,
                                              NGX_RECORDING_SQL_MEDIA_LONGEST,
                                              &longest)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    by_stream = (search->streams.n > 0);
    by_app = (!by_stream && search->apps.n > 0);

    texts = search->domains.n || search->formats.n || search->names.n
            || search->sources.n
            || (by_stream && search->apps.n);

    ngx_recording_catalogue_search_bounds(search, NGX_RECORDING_SEARCH_EARLY,
                                          longest, values);

    values[4] = ngx_recording_sql_int(texts);
    values[5] = ngx_recording_sql_int(search->recorded);

    ngx_memzero(&all, sizeof(ngx_recording_catalogue_search_any_t));

    return ngx_recording_catalogue_search_values(scan,
                   statements[by_stream ? 1 : by_app ? 2 : 0]
                             [search->ascending],
                   by_stream ? &search->streams
                             : by_app ? &search->apps : &all, values, 6);
}


/*
 * From when to when the keys are that can fit, and behind which one.  The key
 * is at most so early before what a row has of a time, and so late behind it;
 * us, or NGX_RECORDING_SEARCH_ANY.
 */

static void
ngx_recording_catalogue_search_bounds(ngx_recording_catalogue_search_t *search,
    int64_t early, int64_t late, ngx_recording_sql_value_t *values)
{
    int64_t                               low, high, from, to;
    ngx_recording_catalogue_search_key_t  key;

    low = search->after;
    high = search->before;

    if (search->recorded) {
        from = search->from < INT64_MIN + early ? INT64_MIN
                                                : search->from - early;
        to = search->to > INT64_MAX - late ? INT64_MAX : search->to + late;

        low = ngx_max(low, from);
        high = ngx_min(high, to);
    }

    key.us = search->ascending ? INT64_MIN : INT64_MAX;
    key.id = search->ascending ? 0 : INT64_MAX;

    if (search->behind) {
        key = search->key;

        if (search->ascending) {
            low = ngx_max(low, key.us);

        } else {
            high = ngx_min(high, key.us);
        }
    }

    values[0] = ngx_recording_sql_int(low);
    values[1] = ngx_recording_sql_int(high);
    values[2] = ngx_recording_sql_int(key.us);
    values[3] = ngx_recording_sql_int(key.id);
}


/* a scan for each value that the index is asked for, or one for all */

static ngx_int_t
ngx_recording_catalogue_search_values(
    ngx_recording_catalogue_search_scan_t *scan, ngx_uint_t statement,
    const ngx_recording_catalogue_search_any_t *any,
    ngx_recording_sql_value_t *values, ngx_uint_t n)
{
    ngx_uint_t  i, scans;

    scan->ordered = 1;
    scans = ngx_max(any->n, 1);

    for (i = 0; i < scans; i++) {

        if (ngx_recording_catalogue_search_again(any, i)) {
            continue;
        }

        /* there are enough: others count if they may be in the page */

        scan->counted |= (scan->n >= NGX_RECORDING_SEARCH_MOST);

        if (any->n) {
            values[n] = ngx_recording_sql_str(&any->text[i]);
        }

        scan->deadline = ngx_recording_mono()
                         + NGX_RECORDING_SEARCH_TIME / scans;

        if (ngx_recording_catalogue_search_scan(scan, statement, values,
                                                any->n ? n + 1 : n)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a value that was there before */

static ngx_uint_t
ngx_recording_catalogue_search_again(
    const ngx_recording_catalogue_search_any_t *any, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (any->text[i].len == any->text[n].len
            && ngx_memcmp(any->text[i].data, any->text[n].data,
                          any->text[n].len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_recording_catalogue_search_longest(ngx_recording_catalogue_t *cat,
    ngx_uint_t statement, int64_t *us)
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query_values(cat->sql, &rows, statement, NULL, 0);

    *us = ngx_recording_sql_next(&rows)
          ? ngx_recording_sql_column_int(&rows, 0) : 0;

    return ngx_recording_sql_end(&rows);
}


static ngx_int_t
ngx_recording_catalogue_search_scan(
    ngx_recording_catalogue_search_scan_t *scan, ngx_uint_t statement,
    const ngx_recording_sql_value_t *values, ngx_uint_t n)
{
    ngx_int_t                             rc;
    ngx_uint_t                            seen, found, most;
    ngx_recording_sql_rows_t              rows;
    ngx_recording_catalogue_search_t     *search;
    ngx_recording_catalogue_search_key_t  key;

    search = scan->search;
    most = scan->counted ? search->offset + search->limit : scan->most;
    rc = NGX_OK;
    found = 0;

    ngx_recording_sql_query_values(scan->cat->sql, &rows, statement, values,
                                   n);

    for (seen = 1; rc == NGX_OK && ngx_recording_sql_next(&rows); seen++) {

        key.us = ngx_recording_sql_column_int(&rows, 0);
        key.id = (uint64_t) ngx_recording_sql_column_int(&rows, 1);

        if (ngx_recording_catalogue_search_behind(search, &key)
            && scan->fits(search, &rows))
        {
            rc = ngx_recording_catalogue_search_add(scan, &key);
            found++;
        }

        if (found == most
            || (seen % NGX_RECORDING_SEARCH_LOOK == 0
                && ngx_recording_mono() >= scan->deadline))
        {
            ngx_recording_catalogue_search_left(scan, &key);
            break;
        }
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_recording_catalogue_search_add(
    ngx_recording_catalogue_search_scan_t *scan,
    const ngx_recording_catalogue_search_key_t *key)
{
    ngx_uint_t                             room;
    ngx_recording_catalogue_search_key_t  *keys;

    if (scan->n == scan->room) {
        room = scan->room ? 2 * scan->room : 512;
        keys = realloc(scan->keys,
                       room * sizeof(ngx_recording_catalogue_search_key_t));

        if (keys == NULL) {
            return NGX_ERROR;
        }

        scan->keys = keys;
        scan->room = room;
    }

    scan->keys[scan->n++] = *key;

    return NGX_OK;
}


/* what is behind the border of any scan is not known of all */

static void
ngx_recording_catalogue_search_left(
    ngx_recording_catalogue_search_scan_t *scan,
    const ngx_recording_catalogue_search_key_t *key)
{
    ngx_int_t  rc;

    if (!scan->ordered) {
        scan->lost = 1;
        return;
    }

    rc = ngx_recording_catalogue_search_order(key, &scan->border);

    if (!scan->part || (scan->search->ascending ? rc < 0 : rc > 0)) {
        scan->border = *key;
    }

    scan->part = 1;
}


static void
ngx_recording_catalogue_search_page(
    ngx_recording_catalogue_search_scan_t *scan)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i, n;
    ngx_recording_catalogue_search_t  *search;

    search = scan->search;

    if (scan->n) {
        qsort(scan->keys, scan->n,
              sizeof(ngx_recording_catalogue_search_key_t),
              search->ascending ? ngx_recording_catalogue_search_oldest
                                : ngx_recording_catalogue_search_newest);
    }

    /* without those that were asked for twice, or lie behind the border */

    for (i = 0, n = 0; i < scan->n; i++) {
        rc = ngx_recording_catalogue_search_order(&scan->keys[i],
                                                  &scan->border);

        if (scan->part && (search->ascending ? rc > 0 : rc < 0)) {
            break;
        }

        if (n == 0 || scan->keys[n - 1].id != scan->keys[i].id) {
            scan->keys[n++] = scan->keys[i];
        }
    }

    search->total = scan->counted ? NGX_RECORDING_SEARCH_MOST
                                  : ngx_min(n, NGX_RECORDING_SEARCH_MOST);

    for (i = search->offset; i < n && search->n < search->limit; i++) {
        search->page[search->n++] = scan->keys[i];
    }

    search->more = scan->part || i < n;

    if (search->n == search->limit && search->n) {
        search->next = search->page[search->n - 1];

    } else {
        search->next = scan->border;
        search->skip = search->offset > n ? search->offset - n : 0;
    }
}


static ngx_int_t
ngx_recording_catalogue_search_order(
    const ngx_recording_catalogue_search_key_t *one,
    const ngx_recording_catalogue_search_key_t *two)
{
    return one->us != two->us ? (one->us < two->us ? -1 : 1)
           : one->id != two->id ? (one->id < two->id ? -1 : 1) : 0;
}


static int
ngx_recording_catalogue_search_oldest(const void *one, const void *two)
{
    return (int) ngx_recording_catalogue_search_order(one, two);
}


static int
ngx_recording_catalogue_search_newest(const void *one, const void *two)
{
    return (int) ngx_recording_catalogue_search_order(two, one);
}


static ngx_uint_t
ngx_recording_catalogue_search_behind(ngx_recording_catalogue_search_t *search,
    const ngx_recording_catalogue_search_key_t *key)
{
    ngx_int_t  rc;

    if (!search->behind) {
        return 1;
    }

    rc = ngx_recording_catalogue_search_order(key, &search->key);

    return search->ascending ? rc > 0 : rc < 0;
}
