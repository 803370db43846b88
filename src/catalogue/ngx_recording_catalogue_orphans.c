
/*
 * What dead workers have left in the catalogue, and what waited in vain.
 *
 * It is looked for by reading, each second, by each worker; only what is found
 * is taken by a transaction that writes, if it is still as it was.
 */


#include "ngx_recording_catalogue_db.h"


#define NGX_RECORDING_CATALOGUE_DEAD  32         /* owners at a time */
#define NGX_RECORDING_CATALOGUE_OVER  64         /* recordings */


typedef struct {
    ngx_uint_t              n;
    char                    name[NGX_RECORDING_CATALOGUE_DEAD]
                                [NGX_RECORDING_OWNER];
} ngx_recording_dead_t;


static ngx_int_t ngx_recording_catalogue_dead(ngx_recording_catalogue_t *cat,
    ngx_recording_sql_e sql, ngx_recording_dead_t *dead);
static ngx_int_t ngx_recording_catalogue_unfinished(
    ngx_recording_catalogue_t *cat, const char *owner, int64_t now,
    ngx_recording_taken_t *taken, ngx_uint_t *n, ngx_uint_t room);
static ngx_int_t ngx_recording_catalogue_take_all(
    ngx_recording_catalogue_t *cat, int64_t now, ngx_recording_taken_t *taken,
    ngx_uint_t *n);
static ngx_int_t ngx_recording_catalogue_ended(ngx_recording_catalogue_t *cat,
    const char *owner, uint64_t *ids, ngx_uint_t *n);


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
    int            step;
    char           owner[NGX_RECORDING_OWNER];
    ngx_int_t      lives;
    sqlite3_stmt  *st;

    owner[0] = '\0';

    dead->name[0][0] = '\0';
    dead->n = 1;

    st = ngx_recording_catalogue_stmt(cat, sql);

    if (st == NULL) {
        return NGX_ERROR;
    }

    while (dead->n < NGX_RECORDING_CATALOGUE_DEAD) {
        (void) sqlite3_bind_text(st, 1, owner, -1, SQLITE_TRANSIENT);

        step = sqlite3_step(st);

        if (step != SQLITE_ROW) {
            (void) sqlite3_reset(st);
            return step == SQLITE_DONE ? NGX_OK : NGX_ERROR;
        }

        (void) snprintf(owner, sizeof(owner), "%s",
                        ngx_recording_catalogue_column(st, 0));
        (void) sqlite3_reset(st);

        lives = ngx_recording_catalogue_lives(cat, owner);

        if (lives == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (lives == NGX_DECLINED) {
            strcpy(dead->name[dead->n++], owner);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_catalogue_unfinished(ngx_recording_catalogue_t *cat,
    const char *owner, int64_t now, ngx_recording_taken_t *taken,
    ngx_uint_t *n, ngx_uint_t room)
{
    int                     step;
    sqlite3_stmt           *st;
    ngx_recording_taken_t  *t;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_UNFINISHED);

    if (st == NULL) {
        return NGX_ERROR;
    }

    (void) sqlite3_bind_text(st, 1, owner, -1, SQLITE_STATIC);
    (void) sqlite3_bind_int64(st, 2, now);
    (void) sqlite3_bind_int64(st, 3, (sqlite3_int64) (room - *n));

    while ((step = sqlite3_step(st)) == SQLITE_ROW) {
        t = &taken[(*n)++];

        t->id = (uint64_t) sqlite3_column_int64(st, 0);
        t->recording_id = 0;
        t->state = ngx_recording_catalogue_state(
                                    ngx_recording_catalogue_column(st, 2));

        (void) snprintf(t->owner, sizeof(t->owner), "%s", owner);
        (void) snprintf(t->format, sizeof(t->format), "%s",
                        ngx_recording_catalogue_column(st, 1));

        ngx_recording_catalogue_about(st, 3, t->about);

        /* what a fast stop has marked is whole */

        t->recovered = t->state != NGX_RECORDING_FILE_PAUSED
                       && (*owner != '\0'
                           || t->state == NGX_RECORDING_FILE_RECORDING);
    }

    (void) sqlite3_reset(st);

    return step == SQLITE_DONE ? NGX_OK : NGX_ERROR;
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
        rc = ngx_recording_catalogue_take_file(cat, &taken[i],
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
ngx_recording_catalogue_take_file(ngx_recording_catalogue_t *cat,
    ngx_recording_taken_t *taken, ngx_recording_file_e state, int64_t now)
{
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_TAKE);

    if (st) {
        (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) taken->id);
        (void) sqlite3_bind_text(st, 2, ngx_recording_catalogue_states[state],
                                 -1, SQLITE_STATIC);
        (void) sqlite3_bind_text(st, 3, cat->store->owner, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int(st, 4, taken->recovered);
        (void) sqlite3_bind_text(st, 5, taken->owner, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(st, 6, now);
    }

    if (ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_TAKE) != NGX_OK) {
        return NGX_ERROR;
    }

    return sqlite3_changes(cat->db) ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_recording_catalogue_over_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    uint64_t              ids[NGX_RECORDING_CATALOGUE_OVER];
    ngx_int_t             rc;
    ngx_uint_t            i, k, n, from[NGX_RECORDING_CATALOGUE_DEAD + 1];
    sqlite3_stmt         *st;
    ngx_recording_dead_t  dead;

    if (ngx_recording_catalogue_read(cat, err) != NGX_OK) {
        return NGX_ERROR;
    }

    n = 0;
    from[0] = 0;

    rc = ngx_recording_catalogue_dead(cat, NGX_RECORDING_SQL_RECORDING_OWNER,
                                      &dead);

    for (i = 0; rc == NGX_OK && i < dead.n; i++) {
        rc = ngx_recording_catalogue_ended(cat, dead.name[i], ids, &n);
        from[i + 1] = n;
    }

    rc = ngx_recording_catalogue_finish(cat, rc, err);

    if (rc != NGX_OK || n == 0) {
        return rc;
    }

    if (ngx_recording_catalogue_begin(cat, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < dead.n; i++) {

        for (k = from[i]; rc == NGX_OK && k < from[i + 1]; k++) {
            st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_ENDED);

            if (st) {
                (void) sqlite3_bind_int64(st, 1, (sqlite3_int64) ids[k]);
                (void) sqlite3_bind_text(st, 3, dead.name[i], -1,
                                         SQLITE_STATIC);
            }

            rc = ngx_recording_catalogue_run(cat, NGX_RECORDING_SQL_ENDED);
        }
    }

    return ngx_recording_catalogue_finish(cat, rc, err);
}


/* recordings of an owner without files that wait */

static ngx_int_t
ngx_recording_catalogue_ended(ngx_recording_catalogue_t *cat,
    const char *owner, uint64_t *ids, ngx_uint_t *n)
{
    int            step;
    sqlite3_stmt  *st;

    st = ngx_recording_catalogue_stmt(cat, NGX_RECORDING_SQL_OVER);

    if (st == NULL) {
        return NGX_ERROR;
    }

    (void) sqlite3_bind_text(st, 1, owner, -1, SQLITE_STATIC);
    (void) sqlite3_bind_int64(st, 2, (sqlite3_int64)
                                     (NGX_RECORDING_CATALOGUE_OVER - *n));

    while ((step = sqlite3_step(st)) == SQLITE_ROW) {
        ids[(*n)++] = (uint64_t) sqlite3_column_int64(st, 0);
    }

    (void) sqlite3_reset(st);

    return step == SQLITE_DONE ? NGX_OK : NGX_ERROR;
}
