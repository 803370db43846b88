
/*
 * The steps that keep a store below max=: what all files have, which ones may
 * go, whether they are there, and which of them do.
 */


#include "ngx_recording_room_step.h"


#define NGX_RECORDING_ROOM_STUCK  16               /* that are not removed, and
                                                      none goes any more */


static ngx_int_t ngx_recording_room_grown(ngx_recording_room_t *room,
    ngx_recording_grown_all_t *grown, ngx_recording_catalogue_error_t *err);
static int64_t ngx_recording_room_limit(ngx_recording_room_t *room);
static ngx_int_t ngx_recording_room_candidates(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_others(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_oldest(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static void ngx_recording_room_begin(ngx_recording_room_t *room,
    ngx_recording_old_t *file);
static void ngx_recording_room_there(ngx_recording_room_t *room,
    ngx_recording_old_t *files, ngx_uint_t n);
static ngx_int_t ngx_recording_room_evict(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_missing(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static void ngx_recording_room_full(ngx_recording_room_t *room,
    ngx_uint_t stuck);


/* without max= it is told once that this worker serves */

ngx_int_t
ngx_recording_room_max(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    int64_t                    bytes;
    ngx_int_t                  rc;
    ngx_recording_grown_all_t  grown;

    room->step = ngx_recording_room_list;

    if (room->store->max == 0 && room->told) {
        return NGX_OK;
    }

    rc = ngx_recording_room_grown(room, &grown, err);

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_bytes_thread(room->catalogue, &grown,
                                                  &bytes, err);
    }

    ngx_recording_growth_free(&grown);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc == NGX_OK && bytes <= ngx_recording_room_limit(room)) {
        room->store->full = 0;
        room->known = 0;
        return NGX_OK;
    }

    return rc == NGX_OK ? ngx_recording_room_candidates(room, err) : NGX_ERROR;
}


/* what all workers tell, to be freed.  NGX_DECLINED: nothing goes */

static ngx_int_t
ngx_recording_room_grown(ngx_recording_room_t *room,
    ngx_recording_grown_all_t *grown, ngx_recording_catalogue_error_t *err)
{
    if (ngx_recording_growth_all_thread(room->store, ngx_exiting, grown)
        != NGX_OK)
    {
        if (errno == NGX_EAGAIN) {
            return NGX_DECLINED;
        }

        (void) snprintf(err->text, sizeof(err->text),
                        "read what other workers tell in work/: %s",
                        strerror(errno));
        return NGX_ERROR;
    }

    room->told = 1;

    /* the workers of a new configuration go by its max= */

    return room->store->max == 0 || (ngx_exiting && grown->serving)
           ? NGX_DECLINED : NGX_OK;
}


/* the last hundredth is for what is written until the next turn */

static int64_t
ngx_recording_room_limit(ngx_recording_room_t *room)
{
    return room->store->max - room->store->max / 100;
}


static ngx_int_t
ngx_recording_room_candidates(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    room->step = ngx_recording_room_look;
    room->others = malloc(NGX_RECORDING_ROOM_OTHERS
                          * sizeof(ngx_recording_old_t));

    if (room->others == NULL) {
        (void) snprintf(err->text, sizeof(err->text), "no memory");
        return NGX_ERROR;
    }

    return ngx_recording_room_others(room, err) == NGX_OK
           ? ngx_recording_room_oldest(room, err) : NGX_ERROR;
}


/*
 * All files in turn, some at a time: what others removed may be younger than
 * what would go.
 */

static ngx_int_t
ngx_recording_room_others(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t             rc;
    ngx_recording_old_t  *first;

    room->nothers = NGX_RECORDING_ROOM_OTHERS;
    rc = ngx_recording_catalogue_oldest_thread(room->catalogue, &room->seen,
                                               room->others, &room->nothers,
                                               err);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DONE) {
        room->seen.at = INT64_MIN;
        room->rounds++;
    }

    /* it could not go when it was passed by */

    first = &room->others[0];

    if (room->nothers
        && (first->age < room->oldest.at
            || (first->age == room->oldest.at
                && first->id <= room->oldest.id)))
    {
        ngx_recording_room_begin(room, first);
    }

    return NGX_OK;
}


/* what waits for a bucket stands before those that may go, and is passed by
   once */

static ngx_int_t
ngx_recording_room_oldest(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_recording_place_t  place;

    place = room->oldest;

    for (i = 0; i < NGX_RECORDING_ROOM_ROUNDS; i++) {
        room->n = NGX_RECORDING_ROOM_FILES;
        rc = ngx_recording_catalogue_oldest_thread(room->catalogue, &place,
                                                   room->files, &room->n,
                                                   err);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (room->n) {
            ngx_recording_room_begin(room, &room->files[0]);
            return NGX_OK;
        }

        room->oldest = place;

        if (rc == NGX_DONE) {
            return NGX_OK;
        }
    }

    room->again = 1;

    return NGX_OK;
}


/* just before this one */

static void
ngx_recording_room_begin(ngx_recording_room_t *room,
    ngx_recording_old_t *file)
{
    room->oldest.at = file->age;
    room->oldest.id = file->id - 1;
}


ngx_int_t
ngx_recording_room_look(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_recording_room_there(room, room->others, room->nothers);
    ngx_recording_room_there(room, room->files, room->n);

    room->step = ngx_recording_room_evict;

    return NGX_OK;
}


static void
ngx_recording_room_there(ngx_recording_room_t *room,
    ngx_recording_old_t *files, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n && !ngx_terminate; i++) {
        files[i].there = ngx_recording_store_there_thread(room->store,
                                                          files[i].path);
    }
}


static ngx_int_t
ngx_recording_room_evict(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    int64_t                    over;
    ngx_int_t                  rc;
    ngx_uint_t                 stuck;
    ngx_recording_grown_all_t  grown;

    room->step = ngx_recording_room_list;

    if (ngx_recording_room_missing(room, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_room_grown(room, &grown, err);

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_evict_thread(room->catalogue, room->now,
                                          &grown,
                                          ngx_recording_room_limit(room),
                                          room->files, room->n,
                                          NGX_RECORDING_ROOM_STUCK, &over,
                                          &room->evicted, &stuck, err);
    }

    ngx_recording_growth_free(&grown);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    if (over <= 0 || room->evicted) {
        room->store->full = 0;
        room->known = 0;

    } else if (room->known == 0) {
        room->known = room->rounds + 2;

    } else if (room->rounds >= room->known && !room->store->full) {
        room->store->full = 1;
        ngx_recording_room_full(room, stuck);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_room_missing(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t  missing;

    missing = 0;

    if (ngx_recording_catalogue_missing_thread(room->catalogue, room->now,
                                               room->files, room->n,
                                               &missing, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what is behind those may have to go */

    room->again |= (missing != 0);

    if (ngx_recording_catalogue_missing_thread(room->catalogue, room->now,
                                               room->others, room->nothers,
                                               &missing, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (missing) {
        ngx_recording_notice(&room->notices, NGX_LOG_NOTICE, 0,
                             "%lu finished files are not in the store any "
                             "more, others have removed them: they do not "
                             "count for max= any more",
                             (unsigned long) missing);
    }

    return NGX_OK;
}


static void
ngx_recording_room_full(ngx_recording_room_t *room, ngx_uint_t stuck)
{
    if (stuck >= NGX_RECORDING_ROOM_STUCK) {
        ngx_recording_notice(&room->notices, NGX_LOG_ERR, 0,
                             "store \"%s\" has more than max=, and no more "
                             "files are evicted, as %lu evicted ones cannot "
                             "be removed", room->store->path,
                             (unsigned long) stuck);
        return;
    }

    ngx_recording_notice(&room->notices, NGX_LOG_WARN, 0,
                         "store \"%s\" has more than max=, but no finished "
                         "file to be evicted", room->store->path);
}
