
/*
 * A turn of the dispatch: its job.
 */


#include "ngx_recording_dispatch.h"
#include "ngx_recording_label.h"


#define NGX_RECORDING_DISPATCH_SWEEP  1000       /* ms, at least */
#define NGX_RECORDING_DISPATCH_CLEAN  60000      /* the same */
#define NGX_RECORDING_DISPATCH_LEFT   10000      /* the same */
#define NGX_RECORDING_DISPATCH_TURNS  200        /* for others who write */
#define NGX_RECORDING_DISPATCH_WAITS  5000       /* ms, between looks */


static ngx_int_t ngx_recording_dispatch_sweep(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_dispatch_stay(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err);
static void ngx_recording_dispatch_count(void *data, const char *template,
    const char *target, ngx_uint_t n);
static void ngx_recording_dispatch_left(void *data, const char *template,
    const char *target, ngx_uint_t n);
static const char *ngx_recording_dispatch_bucket(const char *target);
static ngx_int_t ngx_recording_dispatch_grows(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_dispatch_write(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err);
static ngx_uint_t ngx_recording_dispatch_changes(ngx_recording_dispatch_t *d);
static ngx_int_t ngx_recording_dispatch_steps(ngx_recording_dispatch_t *d);
static ngx_int_t ngx_recording_dispatch_uploads_wait(
    ngx_recording_dispatch_t *d);
static ngx_int_t ngx_recording_dispatch_backup(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane);
static ngx_int_t ngx_recording_dispatch_results(ngx_recording_dispatch_t *d);
static ngx_int_t ngx_recording_dispatch_result(ngx_recording_dispatch_t *d,
    ngx_recording_attempt_t *a);
static ngx_int_t ngx_recording_dispatch_unreached(ngx_recording_dispatch_t *d,
    ngx_recording_attempt_t *a);
static ngx_int_t ngx_recording_dispatch_exceptions(
    ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_written(ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_prepare(ngx_recording_dispatch_t *d);
static void ngx_recording_dispatch_unlock(ngx_recording_dispatch_t *d,
    ngx_recording_attempt_t *a);


void
ngx_recording_dispatch_turn_thread(void *data)
{
    ngx_recording_dispatch_t *d = data;

    ngx_int_t                         rc;
    ngx_uint_t                        due, known;
    ngx_recording_catalogue_error_t   err;

    rc = d->stopping ? NGX_OK : ngx_recording_dispatch_callback_look(d, &err);

    /* all lanes are there before anything is taken */

    known = (d->callbacks || !d->calls || d->stopping);

    if (rc == NGX_OK && known && !d->stopping) {
        rc = ngx_recording_dispatch_sweep(d, &err);
    }

    due = 0;

    if (rc == NGX_OK) {
        rc = ngx_recording_dispatch_grows(d, &err);
    }

    if (rc == NGX_OK && known) {
        rc = ngx_recording_dispatch_due(d, &due, &err);
    }

    d->written = 0;

    if (rc == NGX_OK && known
        && (due || ngx_recording_dispatch_changes(d)))
    {
        rc = ngx_recording_dispatch_write(d, &err);
        d->written = (rc == NGX_OK);
    }

    /* those who record go first */

    d->late = rc != NGX_OK && d->catalogue.late
              && d->patience++ < NGX_RECORDING_DISPATCH_TURNS;

    if (d->late) {
        return;
    }

    d->patience = 0;

    if (rc == NGX_OK) {
        (void) ngx_recording_catalogue_checkpoint_thread(&d->catalogue);

        if (ngx_recording_over(d->failed, 1)) {
            ngx_recording_notice(&d->notices, NGX_LOG_NOTICE, 0,
                                 "the outbox can be written again");
        }

    } else if (ngx_recording_once(d->failed, 1)) {
        ngx_recording_notice(&d->notices, NGX_LOG_ERR, 0,
                             "the outbox failed, nobody is told of anything "
                             "and nothing is delivered: %s", err.text);
    }
}


/* without anybody to tell it is done now and then */

static ngx_int_t
ngx_recording_dispatch_sweep(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t  freed;

    if (ngx_exiting
        || (d->turns
            && ngx_current_msec - d->swept < NGX_RECORDING_DISPATCH_SWEEP))
    {
        return NGX_OK;
    }

    d->swept = ngx_current_msec;

    if (ngx_recording_outbox_sweep_thread(&d->catalogue, &freed, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (freed) {
        ngx_recording_notice(&d->notices, NGX_LOG_NOTICE, 0,
                             "%lu events and deliveries of a worker process "
                             "that died are taken again",
                             (unsigned long) freed);
    }

    /* those of the dead wait, too */

    if (d->turns == 0
        && ngx_recording_outbox_silence_thread(&d->catalogue, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_worker == 0 && ngx_recording_dispatch_stay(d, err) != NGX_OK) {
        return NGX_ERROR;
    }

    d->turns++;

    if (ngx_current_msec - d->cleaned < NGX_RECORDING_DISPATCH_CLEAN) {
        return NGX_OK;
    }

    d->cleaned = ngx_current_msec;

    return ngx_recording_outbox_clean_thread(&d->catalogue, err);
}


/* what waits for nobody: said at the start, and when more of it has come, as
   of files that grew then, and of workers that the configuration before had */

static ngx_int_t
ngx_recording_dispatch_stay(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t  n, grown;

    if (d->turns && ngx_current_msec - d->stayed < NGX_RECORDING_DISPATCH_LEFT)
    {
        return NGX_OK;
    }

    n = 0;

    if (ngx_recording_outbox_left_thread(&d->catalogue,
                                         ngx_recording_dispatch_count, &n, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    grown = (n > d->left);

    d->stayed = ngx_current_msec;
    d->left = n;

    return grown ? ngx_recording_outbox_left_thread(&d->catalogue,
                                           ngx_recording_dispatch_left, d, err)
                 : NGX_OK;
}


static void
ngx_recording_dispatch_count(void *data, const char *template,
    const char *target, ngx_uint_t n)
{
    ngx_uint_t *count = data;

    *count += n;
}


static void
ngx_recording_dispatch_left(void *data, const char *template,
    const char *target, ngx_uint_t n)
{
    ngx_recording_dispatch_t *d = data;

    const char  *bucket;

    if (ngx_strncmp(target, "remove:", 7) == 0) {
        ngx_recording_notice(&d->notices, NGX_LOG_WARN, 0,
                             "%lu objects of expired or deleted files are to "
                             "be removed from bucket \"%s\", which is not "
                             "configured: they stay there until it is again",
                             (unsigned long) n, target + 7);
        return;
    }

    bucket = ngx_recording_dispatch_bucket(target);

    if (bucket) {
        ngx_recording_notice(&d->notices, NGX_LOG_WARN, 0,
                             "%lu deliveries wait for bucket \"%s\" of "
                             "template \"%s\", which is not configured: they "
                             "go on when it is again, and their files stay "
                             "until then", (unsigned long) n, bucket,
                             template);
        return;
    }

    ngx_recording_notice(&d->notices, NGX_LOG_WARN, 0,
                         "%lu events wait for \"%s\" of template \"%s\", "
                         "which is not configured: they are told when it is "
                         "again", (unsigned long) n, target, template);
}


/* "upload:NAME" or "backup:NAME"; NULL: it is a notify */

static const char *
ngx_recording_dispatch_bucket(const char *target)
{
    return ngx_strncmp(target, "upload:", 7) == 0
           || ngx_strncmp(target, "backup:", 7) == 0
           ? target + 7 : NULL;
}


/* whether files have ended that are delivered while they grow */

static ngx_int_t
ngx_recording_dispatch_grows(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                 rc;
    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    if (ngx_queue_empty(&d->looked)) {
        return NGX_OK;
    }

    if (ngx_recording_catalogue_read(&d->catalogue, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for (q = ngx_queue_head(&d->looked);
         rc == NGX_OK && q != ngx_queue_sentinel(&d->looked);
         q = ngx_queue_next(q))
    {
        a = ngx_queue_data(q, ngx_recording_attempt_t, growing);

        rc = ngx_recording_outbox_grows(&d->catalogue, a->row.file_id,
                                        &a->grows);
    }

    return ngx_recording_catalogue_finish(&d->catalogue, rc, err);
}


static ngx_int_t
ngx_recording_dispatch_write(ngx_recording_dispatch_t *d,
    ngx_recording_catalogue_error_t *err)
{
    ngx_int_t                 rc;
    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    if (ngx_recording_catalogue_begin(&d->catalogue, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_recording_dispatch_steps(d);

    if (rc == NGX_OK) {
        rc = ngx_recording_dispatch_results(d);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_dispatch_uploads_wait(d);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_dispatch_exceptions(d);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_dispatch_take(d);
    }

    rc = ngx_recording_catalogue_finish(&d->catalogue, rc, err);

    if (rc == NGX_OK) {
        d->nexceptions = 0;

        ngx_recording_dispatch_written(d);
        ngx_recording_dispatch_prepare(d);

        return NGX_OK;
    }

    while (!ngx_queue_empty(&d->taken)) {
        q = ngx_queue_head(&d->taken);
        ngx_queue_remove(q);

        a = ngx_queue_data(q, ngx_recording_attempt_t, queue);

        ngx_recording_dispatch_unlock(d, a);
        ngx_recording_dispatch_attempt_free(a);
    }

    return NGX_ERROR;
}


/* whether there is something to write, but for rows that are to be taken */

static ngx_uint_t
ngx_recording_dispatch_changes(ngx_recording_dispatch_t *d)
{
    return d->nexceptions || !ngx_queue_empty(&d->writing)
           || !ngx_queue_empty(&d->stepping)
           || (d->buckets && ngx_current_msec - d->released
                             >= NGX_RECORDING_DISPATCH_WAITS);
}


/* before results: after those the rows are nobody's */

static ngx_int_t
ngx_recording_dispatch_steps(ngx_recording_dispatch_t *d)
{
    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    for (q = ngx_queue_head(&d->stepping);
         q != ngx_queue_sentinel(&d->stepping);
         q = ngx_queue_next(q))
    {
        a = ngx_queue_data(q, ngx_recording_attempt_t, step);

        if (ngx_recording_outbox_progress(&d->catalogue, &a->row, a->progress)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* events that waited too long for deliveries, and buckets that are down */

static ngx_int_t
ngx_recording_dispatch_uploads_wait(ngx_recording_dispatch_t *d)
{
    ngx_uint_t  i;

    if (d->buckets == 0 || d->stopping
        || ngx_current_msec - d->released < NGX_RECORDING_DISPATCH_WAITS)
    {
        return NGX_OK;
    }

    d->released = ngx_current_msec;

    for (i = 0; i < d->nlanes; i++) {

        if (d->lanes[i].backup && d->lanes[i].peer->down
            && ngx_recording_dispatch_backup(d, &d->lanes[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_recording_outbox_release(&d->catalogue);
}


static ngx_int_t
ngx_recording_dispatch_backup(ngx_recording_dispatch_t *d,
    ngx_recording_lane_t *lane)
{
    ngx_uint_t  n;

    if (ngx_recording_outbox_backup(&d->catalogue, lane->target,
                                    lane->backup->target, &n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (n) {
        ngx_recording_notice(&d->notices, NGX_LOG_NOTICE, 0,
                             "%lu files of template \"%.*s\" go to bucket "
                             "\"%.*s\", too, as \"%.*s\" cannot be used",
                             (unsigned long) n,
                             (int) lane->target->template.len,
                             (char *) lane->target->template.data,
                             (int) lane->backup->bucket->name.len,
                             (char *) lane->backup->bucket->name.data,
                             (int) lane->bucket->name.len,
                             (char *) lane->bucket->name.data);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_dispatch_results(ngx_recording_dispatch_t *d)
{
    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    for (q = ngx_queue_head(&d->writing);
         q != ngx_queue_sentinel(&d->writing);
         q = ngx_queue_next(q))
    {
        a = ngx_queue_data(q, ngx_recording_attempt_t, queue);

        if (ngx_recording_dispatch_result(d, a) != NGX_OK
            || (a->unreached && a->lane->bucket == NULL
                && ngx_recording_dispatch_unreached(d, a) != NGX_OK))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_dispatch_result(ngx_recording_dispatch_t *d,
    ngx_recording_attempt_t *a)
{
    char                           *url;
    ngx_int_t                       rc;
    ngx_recording_outbox_object_t   object;
    ngx_recording_outbox_result_t   result;

    ngx_memzero(&result, sizeof(ngx_recording_outbox_result_t));

    result.result = a->result;
    result.error = a->error;

    url = NULL;
    rc = NGX_OK;

    if (a->delivery) {
        rc = ngx_recording_dispatch_upload_result(a, &result, &object, &url);
    }

    if (a->removal) {
        ngx_recording_dispatch_remove_result(a, &result);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_outbox_result(&d->catalogue, &a->row, &result,
                                         &a->told, &a->dead);
    }

    free(url);

    return rc;
}


/* what waits for the same peer counts as tried */

static ngx_int_t
ngx_recording_dispatch_unreached(ngx_recording_dispatch_t *d,
    ngx_recording_attempt_t *a)
{
    ngx_uint_t             i, dead;
    ngx_recording_lane_t  *lane;

    for (i = 0; i < ngx_recording_dispatch_lanes(d); i++) {
        lane = ngx_recording_dispatch_lane(d, i);

        if (lane->peer != a->lane->peer) {
            continue;
        }

        if (ngx_recording_outbox_unreached(&d->catalogue, lane->target,
                                           a->error, &dead)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (dead) {
            ngx_recording_notice(&d->notices, NGX_LOG_ERR, 0,
                                 "%lu events are not told to \"%.*s\" any "
                                 "more, as it cannot be reached for a week: "
                                 "%s; they stay in the catalogue and can be "
                                 "sent again", (unsigned long) dead,
                                 (int) lane->target->name.len,
                                 (char *) lane->target->name.data, a->error);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_dispatch_exceptions(ngx_recording_dispatch_t *d)
{
    ngx_uint_t  i;

    for (i = 0; i < d->nexceptions; i++) {
        if (ngx_recording_outbox_exception(&d->catalogue, &d->exceptions[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_recording_dispatch_written(ngx_recording_dispatch_t *d)
{
    ngx_queue_t              *q;
    ngx_recording_attempt_t  *a;

    for (q = ngx_queue_head(&d->writing);
         q != ngx_queue_sentinel(&d->writing);
         q = ngx_queue_next(q))
    {
        a = ngx_queue_data(q, ngx_recording_attempt_t, queue);

        ngx_recording_dispatch_unlock(d, a);

        /* everybody was told, or it is somewhere else, too */

        if (a->told
            || (a->delivery && a->result == NGX_RECORDING_OUTBOX_DONE))
        {
            ngx_recording_label_again_thread(&d->worker->store, &d->catalogue,
                                             a->row.file_id);
        }
    }
}


/* what is told; the loop only sends it */

static void
ngx_recording_dispatch_prepare(ngx_recording_dispatch_t *d)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&d->taken);
         q != ngx_queue_sentinel(&d->taken);
         q = ngx_queue_next(q))
    {
        ngx_recording_dispatch_attempt_prepare(ngx_queue_data(q,
                                              ngx_recording_attempt_t, queue));
    }
}


static void
ngx_recording_dispatch_unlock(ngx_recording_dispatch_t *d,
    ngx_recording_attempt_t *a)
{
    if (a->lock == -1) {
        return;
    }

    (void) ngx_recording_unlinkat(d->worker->store.work, a->row.owner, 0);
    (void) close(a->lock);

    a->lock = -1;
}
