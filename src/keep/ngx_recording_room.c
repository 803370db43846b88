
#include "ngx_recording_catalogue_expire.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_room.h"
#include "ngx_recording_text.h"
#include <sys/file.h>


#define NGX_RECORDING_ROOM_FILES   64              /* at a time */
#define NGX_RECORDING_ROOM_ROUNDS  8               /* of these */
#define NGX_RECORDING_ROOM_SLICE   50000           /* us */
#define NGX_RECORDING_ROOM_STUCK   16              /* that are not removed,
                                                      and none goes any more */


static void ngx_recording_room_thread(void *data);
static void ngx_recording_room_done(void *data);
static ngx_int_t ngx_recording_room_turn(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_uint_t ngx_recording_room_late(ngx_recording_room_t *room);
static ngx_int_t ngx_recording_room_expire(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_due(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_keep(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_max(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_over(ngx_recording_room_t *room,
    ngx_recording_grown_all_t *grown, int64_t limit,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_all(ngx_recording_room_t *room,
    ngx_uint_t *missing, ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_oldest(ngx_recording_room_t *room,
    ngx_uint_t *n, ngx_uint_t *missing, ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_look(ngx_recording_room_t *room,
    ngx_uint_t n, ngx_uint_t *missing, ngx_recording_catalogue_error_t *err);
static void ngx_recording_room_begin(ngx_recording_room_t *room,
    ngx_recording_old_t *file);
static void ngx_recording_room_full(ngx_recording_room_t *room,
    ngx_uint_t stuck);
static ngx_int_t ngx_recording_room_discard(ngx_recording_room_t *room,
    ngx_uint_t *failed, ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_local(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_remove(ngx_recording_room_t *room,
    ngx_recording_old_t *file, ngx_uint_t *failed,
    ngx_recording_catalogue_error_t *err);
static void ngx_recording_room_failed(ngx_recording_room_t *room,
    ngx_recording_old_t *file, ngx_err_t e,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_rows(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);


/* by the state of what is removed */

static const struct {
    const char             *what;
    const char             *done;
} ngx_recording_room_words[NGX_RECORDING_FILE_STATES] = {
    [NGX_RECORDING_FILE_FINISHED] = { "local copy of delivered file",
                                      "local copy removed" },
    [NGX_RECORDING_FILE_EVICTED] = { "evicted file", "file evicted" },
    [NGX_RECORDING_FILE_EXPIRED] = { "expired file", "file expired" },
    [NGX_RECORDING_FILE_DELETED] = { "deleted file", "file deleted" }
};


void
ngx_recording_room_init(ngx_recording_room_t *room,
    ngx_recording_worker_t *worker)
{
    ngx_memzero(room, sizeof(ngx_recording_room_t));

    room->worker = worker;
    room->store = &worker->store;
    room->catalogue = &worker->catalogue;

    room->seen.at = INT64_MIN;
    room->oldest.at = INT64_MIN;
    room->due.at = INT64_MIN;
    room->local.at = INT64_MIN;

    ngx_recording_job_init(&room->job, &worker->jobs,
                           ngx_recording_room_thread, ngx_recording_room_done,
                           room);
    room->job.background = 1;
}


void
ngx_recording_room(ngx_recording_room_t *room, ngx_uint_t sweep)
{
    if (room->busy || ngx_terminate) {
        return;
    }

    room->busy = 1;
    room->sweep = sweep;

    ngx_recording_job_post(&room->job);
}


static void
ngx_recording_room_thread(void *data)
{
    ngx_recording_room_t *room = data;

    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    room->again = 0;
    room->files = malloc(NGX_RECORDING_ROOM_FILES
                         * sizeof(ngx_recording_old_t));

    if (room->files == NULL) {
        return;
    }

    room->now = ngx_recording_wall();
    room->until = ngx_recording_mono() + NGX_RECORDING_ROOM_SLICE;

    rc = ngx_recording_room_turn(room, &err);

    free(room->files);
    room->files = NULL;

    if (rc == NGX_OK) {
        room->failed = 0;

    } else if (!ngx_terminate && ngx_recording_once(room->failed, 1)) {
        ngx_recording_notice(&room->notices, NGX_LOG_ERR, 0,
                             "no room is made in the store: %s, it is tried "
                             "again", err.text);
    }

    room->again = room->again && rc == NGX_OK && !ngx_terminate;
}


static void
ngx_recording_room_done(void *data)
{
    ngx_recording_room_t *room = data;

    ngx_recording_notices_log(&room->notices, room->worker->log);

    /* behind what else waits for a thread */

    if (room->again) {
        ngx_recording_job_post(&room->job);
        return;
    }

    room->busy = 0;
}


static ngx_int_t
ngx_recording_room_turn(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    if (room->sweep) {
        ngx_recording_board_bury_thread(&room->store->board);
    }

    rc = room->sweep && !ngx_exiting ? ngx_recording_room_expire(room, err)
                                     : NGX_OK;

    if (rc == NGX_OK) {
        rc = ngx_recording_room_keep(room, err);
    }

    if (rc == NGX_OK && room->sweep) {
        rc = ngx_recording_room_local(room, err);
    }

    if (rc == NGX_OK && room->store->rows && (room->sweep || room->old)) {
        rc = ngx_recording_room_rows(room, err);
    }

    return rc;
}


/* the rest of it is for the next slice */

static ngx_uint_t
ngx_recording_room_late(ngx_recording_room_t *room)
{
    room->again |= ngx_terminate || ngx_recording_mono() >= room->until;

    return room->again;
}


/* one worker at a time, as the others would find the same files; who opens the
   catalogue has this lock, too, for a moment */

static ngx_int_t
ngx_recording_room_expire(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    int        lock;
    ngx_int_t  rc;

    lock = ngx_recording_openat(room->store->work, ".",
                                O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    if (lock == -1) {
        return NGX_OK;
    }

    rc = flock(lock, LOCK_EX|LOCK_NB) == 0 ? ngx_recording_room_due(room, err)
                                           : NGX_OK;
    (void) close(lock);

    return rc;
}


static ngx_int_t
ngx_recording_room_due(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i, n;

    rc = NGX_OK;

    for (i = 0; i < NGX_RECORDING_ROOM_ROUNDS && rc == NGX_OK; i++) {
        n = NGX_RECORDING_ROOM_FILES;
        rc = ngx_recording_catalogue_expire_due_thread(room->catalogue,
                                                       room->now, &room->due,
                                                       room->files, &n, err);

        if (rc != NGX_ERROR && n
            && ngx_recording_catalogue_expire_thread(room->catalogue,
                                                     room->now, room->files,
                                                     n, err)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (rc == NGX_DONE) {
        room->due.at = INT64_MIN;
        rc = NGX_OK;
    }

    return rc;
}


static ngx_int_t
ngx_recording_room_keep(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t  failed;

    room->evicted = 0;

    /* without max= it is told once that this worker serves */

    if ((room->store->max || !room->told)
        && ngx_recording_room_max(room, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* some may be left of a max= that is there no more */

    if (room->store->max == 0 && !room->sweep) {
        return NGX_OK;
    }

    if (ngx_recording_room_discard(room, &failed, err) != NGX_OK) {
        return NGX_ERROR;
    }

    /* some at a time: if these cannot be removed, no others go, either */

    room->again |= room->evicted && !failed;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_room_max(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    int64_t                    bytes, limit;
    ngx_err_t                  failed;
    ngx_int_t                  rc;
    ngx_recording_grown_all_t  grown;

    if (ngx_recording_growth_all_thread(room->store, ngx_exiting, &grown)
        != NGX_OK)
    {
        failed = errno;
        ngx_recording_growth_free(&grown);

        if (failed == NGX_EAGAIN) {
            return NGX_OK;
        }

        (void) snprintf(err->text, sizeof(err->text),
                        "read what other workers tell in work/: %s",
                        strerror(failed));
        return NGX_ERROR;
    }

    room->told = 1;

    /* the workers of a new configuration go by its max= */

    if (room->store->max == 0 || (ngx_exiting && grown.serving)) {
        ngx_recording_growth_free(&grown);
        return NGX_OK;
    }

    /* the last hundredth is for what is written until the next turn */

    limit = room->store->max - room->store->max / 100;

    rc = ngx_recording_catalogue_bytes_thread(room->catalogue, &grown, &bytes,
                                              err);

    if (rc == NGX_OK && bytes <= limit) {
        room->store->full = 0;

    } else if (rc == NGX_OK) {
        rc = ngx_recording_room_over(room, &grown, limit, err);
    }

    ngx_recording_growth_free(&grown);

    return rc;
}


static ngx_int_t
ngx_recording_room_over(ngx_recording_room_t *room,
    ngx_recording_grown_all_t *grown, int64_t limit,
    ngx_recording_catalogue_error_t *err)
{
    int64_t     over;
    ngx_uint_t  n, missing, stuck;

    missing = 0;

    if (ngx_recording_room_all(room, &missing, err) != NGX_OK
        || ngx_recording_room_oldest(room, &n, &missing, err) != NGX_OK
        || ngx_recording_catalogue_evict_thread(room->catalogue, room->now,
                                      grown, limit, room->files, n,
                                      NGX_RECORDING_ROOM_STUCK, &over,
                                      &room->evicted, &stuck, err)
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


/*
 * All files in turn, some at a time: what others removed may be younger than
 * what would go.  Without more than these few it is all of them.
 */

static ngx_int_t
ngx_recording_room_all(ngx_recording_room_t *room, ngx_uint_t *missing,
    ngx_recording_catalogue_error_t *err)
{
    int64_t     end;
    ngx_int_t   rc;
    ngx_uint_t  i, n;

    end = ngx_recording_mono() + NGX_RECORDING_ROOM_SLICE;

    for (i = 0; i < NGX_RECORDING_ROOM_ROUNDS; i++) {
        n = NGX_RECORDING_ROOM_FILES;
        rc = ngx_recording_catalogue_oldest_thread(room->catalogue,
                                                   &room->seen, room->files,
                                                   &n, err);

        if (rc == NGX_ERROR
            || ngx_recording_room_look(room, n, missing, err) != NGX_OK)
        {
            return NGX_ERROR;
        }

        /* it could not go when it was passed by */

        if (n && (room->files[0].age < room->oldest.at
                  || (room->files[0].age == room->oldest.at
                      && room->files[0].id <= room->oldest.id)))
        {
            ngx_recording_room_begin(room, &room->files[0]);
        }

        if (rc == NGX_DONE) {

            /* round, but not twice at a time */

            room->seen.at = INT64_MIN;
            room->rounds++;
            break;
        }

        if (ngx_terminate || ngx_recording_mono() >= end) {
            break;
        }
    }

    return NGX_OK;
}


/*
 * Those that may go, all of which are there, unless there are too many.  What
 * waits for a bucket stands before them, and is passed by once.
 */

static ngx_int_t
ngx_recording_room_oldest(ngx_recording_room_t *room, ngx_uint_t *n,
    ngx_uint_t *missing, ngx_recording_catalogue_error_t *err)
{
    ngx_int_t              rc;
    ngx_uint_t             i, before;
    ngx_recording_place_t  place;

    for (i = 0; i < NGX_RECORDING_ROOM_ROUNDS; i++) {
        *n = NGX_RECORDING_ROOM_FILES;
        before = *missing;
        place = room->oldest;

        rc = ngx_recording_catalogue_oldest_thread(room->catalogue, &place,
                                                   room->files, n, err);

        if (rc == NGX_ERROR
            || ngx_recording_room_look(room, *n, missing, err) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (*n) {
            ngx_recording_room_begin(room, &room->files[0]);

        } else {
            room->oldest = place;
        }

        if ((*n || rc == NGX_DONE) && *missing == before) {
            return NGX_OK;
        }
    }

    room->again |= (*n == 0);

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


static ngx_int_t
ngx_recording_room_look(ngx_recording_room_t *room, ngx_uint_t n,
    ngx_uint_t *missing, ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t  i, gone;

    for (gone = 0, i = 0; i < n && !ngx_terminate; i++) {
        room->files[i].there = ngx_recording_store_there_thread(room->store,
                                                        room->files[i].path);
        gone += !room->files[i].there;
    }

    if (gone == 0) {
        return NGX_OK;
    }

    return ngx_recording_catalogue_missing_thread(room->catalogue, room->now,
                                                  room->files, n, missing,
                                                  err);
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


static ngx_int_t
ngx_recording_room_discard(ngx_recording_room_t *room, ngx_uint_t *failed,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t  i, n;

    *failed = 0;

    do {
        n = NGX_RECORDING_ROOM_FILES;

        if (ngx_recording_catalogue_to_remove_thread(room->catalogue, room->now,
                                                     room->removed,
                                                     room->files, &n, err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (i = 0; i < n; i++) {
            room->removed = room->files[i].id;

            if (ngx_recording_room_remove(room, &room->files[i], failed, err)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            if (ngx_recording_room_late(room)) {
                return NGX_OK;
            }
        }

    } while (n == NGX_RECORDING_ROOM_FILES);

    room->removed = 0;

    return NGX_OK;
}


/* those that could not be removed wait: it is other ones each time */

static ngx_int_t
ngx_recording_room_local(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i, k, n, failed;

    failed = 0;

    for (i = 0; i < NGX_RECORDING_ROOM_ROUNDS; i++) {

        if (ngx_recording_room_late(room)) {
            return NGX_OK;
        }

        n = NGX_RECORDING_ROOM_FILES;
        rc = ngx_recording_catalogue_local_thread(room->catalogue, room->now,
                                                  &room->local, room->files,
                                                  &n, err);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        for (k = 0; k < n; k++) {

            if (ngx_recording_room_late(room)) {
                room->local.at = room->files[k].age;
                room->local.id = room->files[k].id - 1;
                return NGX_OK;
            }

            if (ngx_recording_room_remove(room, &room->files[k], &failed, err)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (rc == NGX_DONE) {
            room->local.at = INT64_MIN;
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_room_remove(ngx_recording_room_t *room,
    ngx_recording_old_t *file, ngx_uint_t *failed,
    ngx_recording_catalogue_error_t *err)
{
    char        text[NGX_RECORDING_TEXT + 4], about[NGX_RECORDING_ABOUT];
    ngx_int_t   rc;

    rc = file->first && file->state != NGX_RECORDING_FILE_EVICTED
         ? ngx_recording_formats_hide_thread(room->store, file->path)
         : NGX_DECLINED;

    if (rc == NGX_OK) {

        /* players that have read the playlist go on for a while */

        return ngx_recording_catalogue_linger_thread(room->catalogue,
                                                     room->now, file->id,
                                                     err);
    }

    if (rc != NGX_ERROR) {
        rc = ngx_recording_formats_discard_thread(room->store, file->path, 0,
                                                  room->until);
    }

    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        (*failed)++;
        ngx_recording_room_failed(room, file, errno, err);

        return ngx_recording_catalogue_retry_thread(room->catalogue,
                                                    room->now, file->id, err);
    }

    rc = ngx_recording_catalogue_mark_removed_thread(room->catalogue, room->now,
                                                     file->id, err);
    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    room->stuck[file->state] = 0;

    ngx_recording_text(text, (u_char *) file->path, ngx_strlen(file->path));
    (void) ngx_recording_catalogue_about_thread(room->catalogue, file->id,
                                                about, err);
    ngx_recording_notice(&room->notices, NGX_LOG_NOTICE, 0,
                         "%s: \"%s\", %lld bytes%s",
                         ngx_recording_room_words[file->state].done, text,
                         (long long) file->size, about);

    return NGX_OK;
}


static void
ngx_recording_room_failed(ngx_recording_room_t *room,
    ngx_recording_old_t *file, ngx_err_t e,
    ngx_recording_catalogue_error_t *err)
{
    char  text[NGX_RECORDING_TEXT + 4], about[NGX_RECORDING_ABOUT];

    if (room->stuck[file->state]) {
        return;
    }

    room->stuck[file->state] = 1;

    ngx_recording_text(text, (u_char *) file->path, ngx_strlen(file->path));
    (void) ngx_recording_catalogue_about_thread(room->catalogue, file->id,
                                                about, err);
    ngx_recording_notice(&room->notices, NGX_LOG_ERR, e,
                         "remove %s \"%s\" failed, it is tried again, and "
                         "counts for max= until then%s",
                         ngx_recording_room_words[file->state].what, text,
                         about);
}


static ngx_int_t
ngx_recording_room_rows(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    int64_t     before;
    ngx_uint_t  n;

    before = room->now - room->store->rows * 1000000;

    if (ngx_recording_catalogue_forget_thread(room->catalogue, before, &n,
                                              err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    room->old = (n == NGX_RECORDING_ROWS);

    return ngx_recording_catalogue_empty_thread(room->catalogue, before,
                                                &room->recording, err);
}
