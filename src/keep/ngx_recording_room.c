
#include "ngx_recording_aside.h"
#include "ngx_recording_catalogue_expire.h"
#include "ngx_recording_chunk.h"
#include "ngx_recording_formats.h"
#include "ngx_recording_room_step.h"
#include "ngx_recording_text.h"


#define NGX_RECORDING_ROOM_SLICE   50000           /* us */
#define NGX_RECORDING_ROOM_CHUNKS  60              /* turns with more time */


static void ngx_recording_room_start(ngx_recording_room_t *room);
static void ngx_recording_room_post(ngx_recording_room_t *room);
static ngx_uint_t ngx_recording_room_leaves(ngx_recording_room_t *room);
static ngx_recording_seat_e ngx_recording_room_seat(
    ngx_recording_room_t *room);
static void ngx_recording_room_thread(void *data);
static void ngx_recording_room_done(void *data);
static ngx_int_t ngx_recording_room_turn(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_expire(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_due(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_copies(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_remove(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_file(ngx_recording_room_t *room,
    ngx_recording_old_t *file, int64_t until);
static ngx_int_t ngx_recording_room_mark(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_room_removed(ngx_recording_room_t *room,
    ngx_recording_old_t *file, ngx_recording_catalogue_error_t *err);
static void ngx_recording_room_failed(ngx_recording_room_t *room,
    ngx_recording_old_t *file, ngx_recording_catalogue_error_t *err);
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
    room->wanted |= sweep;

    if (room->busy || ngx_terminate) {
        return;
    }

    room->busy = 1;

    ngx_recording_room_start(room);
}


/* one in which there is more time that came while another one went on is not
   left out */

static void
ngx_recording_room_start(ngx_recording_room_t *room)
{
    room->sweep = room->wanted;
    room->wanted = 0;
    room->step = ngx_recording_room_turn;

    ngx_recording_room_post(room);
}


static void
ngx_recording_room_post(ngx_recording_room_t *room)
{
    room->job.seat = ngx_recording_room_seat(room);

    ngx_recording_job_post(&room->job);
}


/* a worker that exits leaves it to others, unless there are none */

static ngx_uint_t
ngx_recording_room_leaves(ngx_recording_room_t *room)
{
    return ngx_exiting && !*room->worker->left;
}


/* in the catalogue, but for what may wait for the disk as long as it takes */

static ngx_recording_seat_e
ngx_recording_room_seat(ngx_recording_room_t *room)
{
    return room->step == ngx_recording_room_turn
           || room->step == ngx_recording_room_look
           || room->step == ngx_recording_room_remove
           ? NGX_RECORDING_SEAT_NONE : NGX_RECORDING_SEAT_TURNS;
}


static void
ngx_recording_room_thread(void *data)
{
    ngx_recording_room_t *room = data;

    int64_t                          until;
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    until = ngx_recording_mono() + NGX_RECORDING_ROOM_SLICE;

    do {
        rc = room->step(room, &err);
    } while (rc == NGX_OK && !ngx_terminate
             && ngx_recording_room_seat(room) == room->job.seat
             && ngx_recording_mono() < until);

    if (rc == NGX_OK && ngx_terminate) {
        rc = NGX_ERROR;
    }

    room->result = rc;

    if (rc == NGX_OK) {
        return;
    }

    free(room->files);
    free(room->others);

    room->files = NULL;
    room->others = NULL;

    if (rc == NGX_DONE) {
        room->broken = 0;

    } else if (!ngx_terminate && ngx_recording_once(room->broken, 1)) {
        ngx_recording_notice(&room->notices, NGX_LOG_ERR, 0,
                             "no room is made in the store: %s, it is tried "
                             "again", err.text);
    }
}


static void
ngx_recording_room_done(void *data)
{
    ngx_recording_room_t *room = data;

    ngx_recording_notices_log(&room->notices, room->worker->log);

    if (room->result == NGX_DONE && room->again
        && !ngx_recording_room_leaves(room))
    {
        room->wanted |= room->sweep;
        ngx_recording_room_start(room);
        return;
    }

    /* behind what else waits for a thread */

    if (room->result == NGX_OK) {
        ngx_recording_room_post(room);
        return;
    }

    room->busy = 0;
}


static ngx_int_t
ngx_recording_room_turn(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    room->again = 0;
    room->failed = 0;
    room->copies = 0;
    room->evicted = 0;
    room->round = 0;
    room->now = ngx_recording_wall();

    room->files = malloc(NGX_RECORDING_ROOM_FILES
                         * sizeof(ngx_recording_old_t));

    if (room->files == NULL) {
        (void) snprintf(err->text, sizeof(err->text), "no memory");
        return NGX_ERROR;
    }

    if (room->sweep) {
        room->believed = ngx_recording_belief_now_thread(&room->belief,
                                                         room->store,
                                                         &room->notices);

        ngx_recording_board_bury_thread(&room->store->board);

        if (room->sweeps++ % NGX_RECORDING_ROOM_CHUNKS == 0) {
            ngx_recording_chunk_sweep_thread(room->store);
            ngx_recording_aside_sweep_thread(room->store, room->believed,
                                             &room->notices);
        }
    }

    room->step = room->sweep && !ngx_exiting ? ngx_recording_room_expire
                                             : ngx_recording_room_max;
    return NGX_OK;
}


/* one worker at a time, as the others would find the same files; none while the
   catalogue is made anew */

static ngx_int_t
ngx_recording_room_expire(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    int        lock;
    ngx_int_t  rc;

    rc = NGX_DONE;

    if (ngx_recording_store_hold_thread(room->store, &lock) == NGX_OK) {
        rc = ngx_recording_room_due(room, err);
        ngx_recording_close(lock);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DONE || ++room->round == NGX_RECORDING_ROOM_ROUNDS) {
        room->step = ngx_recording_room_max;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_room_due(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    room->n = NGX_RECORDING_ROOM_FILES;
    rc = ngx_recording_catalogue_expire_due_thread(room->catalogue,
                                                   room->believed, &room->due,
                                                   room->files, &room->n,
                                                   err);

    if (rc != NGX_ERROR && room->n
        && ngx_recording_catalogue_expire_thread(room->catalogue, room->now,
                                                 room->believed, room->files,
                                                 room->n, err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rc == NGX_DONE) {
        room->due.at = INT64_MIN;
    }

    return rc;
}


ngx_int_t
ngx_recording_room_list(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    if (room->copies) {
        return ngx_recording_room_copies(room, err);
    }

    /* some may be left of a max= that is there no more */

    if (room->store->max == 0 && !room->sweep) {
        room->step = ngx_recording_room_rows;
        return NGX_OK;
    }

    room->n = NGX_RECORDING_ROOM_FILES;

    if (ngx_recording_catalogue_to_remove_thread(room->catalogue, room->now,
                                                 room->removed, room->files,
                                                 &room->n, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (room->n) {
        room->step = ngx_recording_room_remove;
        return NGX_OK;
    }

    room->removed = 0;

    /* some at a time: if these cannot be removed, no others go, either */

    room->again |= room->evicted && !room->failed;
    room->copies = 1;
    room->round = 0;
    room->step = room->sweep ? ngx_recording_room_list
                             : ngx_recording_room_rows;
    return NGX_OK;
}


/* those that could not be removed wait: it is other ones each time */

static ngx_int_t
ngx_recording_room_copies(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t  rc;

    room->n = NGX_RECORDING_ROOM_FILES;
    rc = ngx_recording_catalogue_local_thread(room->catalogue, room->now,
                                              room->believed, &room->local,
                                              room->files, &room->n, err);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DONE) {
        room->local.at = INT64_MIN;
    }

    if (room->n) {
        room->step = ngx_recording_room_remove;

    } else if (rc == NGX_DONE || ++room->round == NGX_RECORDING_ROOM_ROUNDS) {
        room->step = ngx_recording_room_rows;
    }

    return NGX_OK;
}


/* as many of them as a slice has time for */

static ngx_int_t
ngx_recording_room_remove(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    int64_t               until;
    ngx_uint_t            i;
    ngx_recording_old_t  *file;

    until = ngx_recording_mono() + NGX_RECORDING_ROOM_SLICE;

    for (i = 0; i < room->n && !ngx_terminate; i++) {
        file = &room->files[i];

        file->removed = ngx_recording_room_file(room, file, until);
        file->err = errno;

        if (ngx_recording_mono() >= until) {
            i++;
            break;
        }
    }

    /* the others come again */

    if (i < room->n && room->copies) {
        room->local.at = room->files[i].age;
        room->local.id = room->files[i].id - 1;
    }

    room->n = i;

    room->step = ngx_recording_room_mark;

    return NGX_OK;
}


/* NGX_DECLINED: what leads to it, as players that have read the playlist go on
   for a while; NGX_AGAIN: a part of it */

static ngx_int_t
ngx_recording_room_file(ngx_recording_room_t *room, ngx_recording_old_t *file,
    int64_t until)
{
    ngx_int_t  rc;

    rc = file->first && file->state != NGX_RECORDING_FILE_EVICTED
         ? ngx_recording_formats_hide_thread(room->store, file->path)
         : NGX_DECLINED;

    if (rc == NGX_OK) {
        return NGX_DECLINED;
    }

    return rc == NGX_ERROR ? NGX_ERROR
           : ngx_recording_formats_discard_thread(room->store, file->path, 0,
                                                  until);
}


static ngx_int_t
ngx_recording_room_mark(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t             rc;
    ngx_uint_t            i;
    ngx_recording_old_t  *file;

    /* a worker that exits is not kept by it */

    room->step = ngx_recording_room_leaves(room) ? ngx_recording_room_rows
                                                 : ngx_recording_room_list;

    for (rc = NGX_OK, i = 0; rc == NGX_OK && i < room->n; i++) {
        file = &room->files[i];

        if (!room->copies) {
            room->removed = file->id;
        }

        switch (file->removed) {

        case NGX_OK:
            rc = ngx_recording_room_removed(room, file, err);
            break;

        case NGX_DECLINED:
            rc = ngx_recording_catalogue_linger_thread(room->catalogue,
                                                       room->now, file->id,
                                                       err);
            break;

        case NGX_AGAIN:
            room->again = 1;
            break;

        default:
            room->failed = 1;
            ngx_recording_room_failed(room, file, err);

            rc = ngx_recording_catalogue_retry_thread(room->catalogue,
                                                      room->now, file->id,
                                                      err);
        }
    }

    return rc;
}


static ngx_int_t
ngx_recording_room_removed(ngx_recording_room_t *room,
    ngx_recording_old_t *file, ngx_recording_catalogue_error_t *err)
{
    char       text[NGX_RECORDING_TEXT + 4], about[NGX_RECORDING_ABOUT];
    ngx_int_t  rc;

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
    ngx_recording_old_t *file, ngx_recording_catalogue_error_t *err)
{
    char  text[NGX_RECORDING_TEXT + 4], about[NGX_RECORDING_ABOUT];

    if (room->stuck[file->state]) {
        return;
    }

    room->stuck[file->state] = 1;

    ngx_recording_text(text, (u_char *) file->path, ngx_strlen(file->path));
    (void) ngx_recording_catalogue_about_thread(room->catalogue, file->id,
                                                about, err);
    ngx_recording_notice(&room->notices, NGX_LOG_ERR, file->err,
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

    if (room->store->rows == 0 || (!room->sweep && !room->old)) {
        return NGX_DONE;
    }

    before = room->believed - room->store->rows * 1000000;

    if (ngx_recording_catalogue_forget_thread(room->catalogue, before, &n,
                                              err)
        != NGX_OK
        || ngx_recording_catalogue_empty_thread(room->catalogue, before,
                                                &room->recording, err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    room->old = (n == NGX_RECORDING_ROWS);

    return NGX_DONE;
}
