
/*
 * Rows are taken by a turn of the dispatch: as many as their peers have room
 * for, and those of files that grow.
 */


#include "ngx_recording_dispatch.h"


/* who takes the rows of a lane */

typedef struct {
    ngx_recording_dispatch_t  *dispatch;
    ngx_recording_lane_t   *lane;
    int                     locks[NGX_RECORDING_DISPATCH_PEER];
    char                    names[NGX_RECORDING_DISPATCH_PEER]
                                 [NGX_RECORDING_OWNER];
} ngx_recording_taking_t;


static ngx_uint_t ngx_recording_dispatch_early(
    const ngx_recording_lane_t *lane);
static ngx_int_t ngx_recording_dispatch_take_lane(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane, ngx_uint_t *room);
static ngx_int_t ngx_recording_dispatch_take_rows(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane, ngx_uint_t early, ngx_uint_t *n);
static const char *ngx_recording_dispatch_owner(void *data, ngx_uint_t n);
static ngx_recording_attempt_t *ngx_recording_dispatch_attempt(
    ngx_recording_taking_t *taking, ngx_recording_outbox_row_t *row,
    ngx_uint_t n);


ngx_int_t
ngx_recording_dispatch_due(ngx_recording_dispatch_t *d, ngx_uint_t *due,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t             i, ordered;
    ngx_recording_lane_t  *lane;

    for (i = 0; i < ngx_recording_dispatch_lanes(d) && !*due; i++) {
        lane = ngx_recording_dispatch_lane(d, i);
        ordered = ngx_recording_dispatch_ordered(lane);

        if (lane->peer->room && lane->same->room
            && ngx_recording_outbox_due_thread(&d->catalogue, lane->target,
                                               ordered, due, err)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (!*due && ngx_recording_dispatch_early(lane)
            && ngx_recording_outbox_early_thread(&d->catalogue, lane->target,
                                                 due, err)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* rows of files that grow, at a time; a probe has the place of any other */

static ngx_uint_t
ngx_recording_dispatch_early(const ngx_recording_lane_t *lane)
{
    ngx_recording_peer_t  *peer;

    peer = lane->peer;

    if (!lane->target->early) {
        return 0;
    }

    return peer->probing ? ngx_min(peer->early, peer->room) : peer->early;
}


/* from another lane on in each turn, as those of a peer share its room */

ngx_int_t
ngx_recording_dispatch_take(ngx_recording_dispatch_t *d)
{
    ngx_uint_t             i, n, room;
    ngx_recording_lane_t  *lane;

    room = NGX_RECORDING_DISPATCH_ROWS;
    n = ngx_recording_dispatch_lanes(d);

    for (i = 0; i < n; i++) {
        lane = ngx_recording_dispatch_lane(d, (d->first + i) % n);

        if (ngx_recording_dispatch_take_lane(d, lane, &room) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_dispatch_take_lane(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane, ngx_uint_t *room)
{
    ngx_uint_t  n;

    n = ngx_min(ngx_min(*room, lane->peer->room), lane->same->room);

    /* a bucket may have room for more: the next turn follows at once */

    n = ngx_min(n, NGX_RECORDING_DISPATCH_PEER);

    if (n && ngx_recording_dispatch_take_rows(d, lane, 0, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    lane->peer->room -= n;
    lane->same->room -= n;
    *room -= n;

    n = ngx_recording_dispatch_early(lane);

    if (n && ngx_recording_dispatch_take_rows(d, lane, 1, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    if (lane->peer->probing) {
        lane->peer->room -= n;
    }

    return NGX_OK;
}


/* up to n rows; sets it to how many */

static ngx_int_t
ngx_recording_dispatch_take_rows(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane, ngx_uint_t early, ngx_uint_t *n)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i, taken;
    ngx_recording_taking_t      taking;
    ngx_recording_attempt_t    *a;
    ngx_recording_outbox_row_t  rows[NGX_RECORDING_DISPATCH_PEER];

    taking.dispatch = d;
    taking.lane = lane;

    for (i = 0; i < NGX_RECORDING_DISPATCH_PEER; i++) {
        taking.locks[i] = -1;
    }

    taken = *n;

    rc = early ? ngx_recording_outbox_take_early(&d->catalogue, lane->target,
                                                 ngx_recording_dispatch_owner,
                                                 &taking, rows, &taken)
               : ngx_recording_outbox_take(&d->catalogue, lane->target,
                                       ngx_recording_dispatch_ordered(lane),
                                       ngx_recording_dispatch_owner, &taking,
                                       rows, &taken);

    for (i = 0, *n = 0; i < taken; i++) {
        a = ngx_recording_dispatch_attempt(&taking, &rows[i], i);

        if (a == NULL) {
            ngx_recording_outbox_row_free(&rows[i]);
            rc = NGX_ERROR;
            continue;
        }

        a->early = early;
        a->probe = early && lane->peer->probing;

        ngx_queue_insert_tail(&d->taken, &a->queue);
        (*n)++;
    }

    for (i = 0; i < NGX_RECORDING_DISPATCH_PEER; i++) {

        if (taking.locks[i] != -1) {
            (void) ngx_recording_unlinkat(d->worker->store.work,
                                          taking.names[i], 0);
            (void) close(taking.locks[i]);
        }
    }

    return rc;
}


/* a program can outlive this process: it has a lock of its own */

static const char *
ngx_recording_dispatch_owner(void *data, ngx_uint_t n)
{
    ngx_recording_taking_t *taking = data;

    ngx_recording_store_t  *store;

    store = &taking->dispatch->worker->store;

    if (!ngx_recording_dispatch_program(taking->lane)) {
        return store->owner;
    }

    taking->locks[n] = ngx_recording_store_lock_thread(store,
                                                       taking->names[n]);

    return taking->locks[n] == -1 ? NULL : taking->names[n];
}


/* it has the row's facts and the lock from now on */

static ngx_recording_attempt_t *
ngx_recording_dispatch_attempt(ngx_recording_taking_t *taking,
    ngx_recording_outbox_row_t *row, ngx_uint_t n)
{
    ngx_recording_attempt_t  *a;

    a = ngx_recording_dispatch_attempt_create(taking->dispatch, taking->lane);

    if (a) {
        a->row = *row;
        a->lock = taking->locks[n];

        taking->locks[n] = -1;
    }

    return a;
}
