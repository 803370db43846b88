
/*
 * What dead workers have left in the catalogue, and what waited in vain.
 *
 * It is looked for by reading, each second, by each worker; only what is found
 * is taken by a transaction that writes, if it is still as it was.
 */


#include "ngx_recording_catalogue_db.h"


#define NGX_RECORDING_CATALOGUE_DEAD   32        /* owners at a time */
#define NGX_RECORDING_CATALOGUE_STALE  64        /* recordings */


typedef struct {
    ngx_uint_t              n;
    char                    name[NGX_RECORDING_CATALOGUE_DEAD]
                                [NGX_RECORDING_OWNER];
} ngx_recording_dead_t;


static ngx_int_t ngx_recording_catalogue_dead(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_dead_t *dead);
static ngx_int_t ngx_recording_catalogue_next_owner(
    ngx_recording_catalogue_t *cat, ngx_recording_sql_e sql,
    char owner[NGX_RECORDING_OWNER]);
static ngx_int_t ngx_recording_catalogue_unfinished(
    ngx_recording_catalogue_t *cat, const char *owner, int64_t now,
    ngx_recording_taken_t *taken, ngx_uint_t *n, ngx_uint_t room);
static ngx_int_t ngx_recording_catalogue_take_all(
    ngx_recording_catalogue_t *cat, int64_t now, ngx_recording_taken_t *taken,
    ngx_uint_t *n);
static ngx_int_t ngx_recording_catalogue_stale(ngx_recording_catalogue_t *cat,
    const char *owner, const char *state, uint64_t behind, uint64_t *ids,
    ngx_uint_t *n);
static ngx_int_t ngx_recording_catalogue_end_all(
    ngx_recording_catalogue_t *cat, const char *owner, uint64_t *ids,
    ngx_uint_t n);


ngx_int_t
ngx_recording_catalogue_orphans_thread(ngx_recording_catalogue_t *cat,
    int64_t now, ngx_recording_taken_t *taken, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t             rc;
    ngx_uint_t            i, room;
    ngx_recording_dead_t  dead;

    room = *n;
    *n = 0;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_dead(cat, NGX_RECORDING_SQL_FILE_OWNER,
                                      &dead);

    for (i = 0; rc == NGX_OK && i < dead.n && *n < room; i++) {
        rc = ngx_recording_catalogue_unfinished(cat, dead.name[i], now, taken,
                                                n, room);
    }

    rc = ngx_recording_catalogue_finish(cat, rc, err);

    if (rc != NGX_OK || *n == 0) {
        *n = 0;
        return rc;
    }

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        *n = 0;
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_take_all(cat, now, taken, n);

    return ngx_recording_catalogue_finish(cat, rc, err);
}


/* nobody, and the owners that are dead; one step of an index for each owner */

static ngx_int_t
ngx_recording_catalogue_dead(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_dead_t *dead)
{
    char        owner[NGX_RECORDING_OWNER];
    ngx_int_t   rc;

    owner[0] = '\0';

    dead->name[0][0] = '\0';
    dead->n = 1;

    while (dead->n < NGX_RECORDING_CATALOGUE_DEAD) {
        rc = ngx_recording_catalogue_next_owner(cat, sql, owner);

        if (rc != NGX_OK) {
            return rc == NGX_DONE ? NGX_OK : NGX_ERROR;
        }

        rc = ngx_recording_catalogue_db_lives(cat, owner);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            strcpy(dead->name[dead->n++], owner);
        }
    }

    return NGX_OK;
}


/* NGX_DONE: there is none behind this one */

static ngx_int_t
ngx_recording_catalogue_next_owner(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, char owner[NGX_RECORDING_OWNER])
{
    ngx_uint_t                 found;
    ngx_recording_sql_rows_t   rows;

    ngx_recording_sql_query(cat->sql, &rows, sql,
                            ngx_recording_sql_text(owner));

    found = ngx_recording_sql_next(&rows);

    if (found) {
        (void) snprintf(owner, NGX_RECORDING_OWNER, "%s",
                        ngx_recording_sql_column_text(&rows, 0));
    }

    if (ngx_recording_sql_end(&rows) != NGX_OK) {
        return NGX_ERROR;
    }

    return found ? NGX_OK : NGX_DONE;
}


static ngx_int_t
ngx_recording_catalogue_unfinished(ngx_recording_catalogue_t *cat,
    const char *owner, int64_t now, ngx_recording_taken_t *taken,
    ngx_uint_t *n, ngx_uint_t room)
{
    ngx_recording_taken_t     *t;
    ngx_recording_sql_rows_t   rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_UNFINISHED,
                            ngx_recording_sql_text(owner),
                            ngx_recording_sql_int(now),
                            ngx_recording_sql_int(room - *n));

    while (ngx_recording_sql_next(&rows)) {
        t = &taken[(*n)++];

        t->id = (uint64_t) ngx_recording_sql_column_int(&rows, 0);
        t->recording_id = 0;
        t->state = ngx_recording_catalogue_db_state(
                                    ngx_recording_sql_column_text(&rows, 2));

        (void) snprintf(t->owner, sizeof(t->owner), "%s", owner);
        (void) snprintf(t->format, sizeof(t->format), "%s",
                        ngx_recording_sql_column_text(&rows, 1));

        ngx_recording_catalogue_db_about(&rows, 3, t->about);

        /* what a fast stop has marked is whole */

        t->recovered = t->state != NGX_RECORDING_FILE_PAUSED
                       && (*owner != '\0'
                           || t->state == NGX_RECORDING_FILE_RECORDING);
    }

    return ngx_recording_sql_end(&rows);
}


/* what is not as it was any more is left out */

static ngx_int_t
ngx_recording_catalogue_take_all(ngx_recording_catalogue_t *cat, int64_t now,
    ngx_recording_taken_t *taken, ngx_uint_t *n)
{
    ngx_int_t   rc;
    ngx_uint_t  i, room;

    room = *n;
    *n = 0;

    for (i = 0; i < room; i++) {
        rc = ngx_recording_catalogue_db_take(cat, &taken[i],
                   taken[i].state == NGX_RECORDING_FILE_PAUSED
                   ? NGX_RECORDING_FILE_FINISHING : taken[i].state, now);

        if (rc == NGX_ERROR) {
            *n = 0;
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            taken[(*n)++] = taken[i];
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_catalogue_close_stale_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    uint64_t              ids[NGX_RECORDING_CATALOGUE_STALE];
    ngx_int_t             rc;
    ngx_uint_t            i, n, room, from[NGX_RECORDING_CATALOGUE_DEAD + 1];
    ngx_recording_dead_t  dead;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    n = 0;
    from[0] = 0;

    rc = ngx_recording_catalogue_dead(cat, NGX_RECORDING_SQL_RECORDING_OWNER,
                                      &dead);

    for (i = 0; rc == NGX_OK && i < dead.n; i++) {
        room = NGX_RECORDING_CATALOGUE_STALE - n;
        rc = ngx_recording_catalogue_stale(cat, dead.name[i], "finishing", 0,
                                           &ids[n], &room);
        n += room;
        from[i + 1] = n;
    }

    rc = ngx_recording_catalogue_finish(cat, rc, err);

    if (rc != NGX_OK || n == 0) {
        return rc;
    }

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; rc == NGX_OK && i < dead.n; i++) {
        rc = ngx_recording_catalogue_end_all(cat, dead.name[i], &ids[from[i]],
                                             from[i + 1] - from[i]);
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


static ngx_int_t
ngx_recording_catalogue_end_all(ngx_recording_catalogue_t *cat,
    const char *owner, uint64_t *ids, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < n; i++) {
        rc = ngx_recording_sql_run(cat->sql, NGX_RECORDING_SQL_END,
                                   ngx_recording_sql_int(ids[i]),
                                   ngx_recording_sql_null(),
                                   ngx_recording_sql_text(owner));
    }

    return rc;
}


/* recordings of an owner whose files are all finished, or in this other state,
   behind this one; *n is the room */

static ngx_int_t
ngx_recording_catalogue_stale(ngx_recording_catalogue_t *cat,
    const char *owner, const char *state, uint64_t behind, uint64_t *ids,
    ngx_uint_t *n)
{
    ngx_recording_sql_rows_t  rows;

    ngx_recording_sql_query(cat->sql, &rows, NGX_RECORDING_SQL_STALE,
                            ngx_recording_sql_text(owner),
                            ngx_recording_sql_int(*n),
                            ngx_recording_sql_int(behind),
                            ngx_recording_sql_text(state));

    for (*n = 0; ngx_recording_sql_next(&rows); (*n)++) {
        ids[*n] = (uint64_t) ngx_recording_sql_column_int(&rows, 0);
    }

    return ngx_recording_sql_end(&rows);
}


ngx_int_t
ngx_recording_catalogue_idle_thread(ngx_recording_catalogue_t *cat,
    uint64_t behind, uint64_t *ids, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_stale(cat, cat->store->owner, "paused",
                                       behind, ids, n);

    return ngx_recording_catalogue_finish(cat, rc, err);
}


ngx_int_t
ngx_recording_catalogue_end_idle_thread(ngx_recording_catalogue_t *cat,
    uint64_t *ids, ngx_uint_t n, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_end_all(cat, cat->store->owner, ids, n);

    return ngx_recording_catalogue_finish(cat, rc, err);
}
