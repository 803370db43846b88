
#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_survey.h"


#define NGX_RECORDING_SURVEY_RETRY   1000        /* ms */
#define NGX_RECORDING_SURVEY_LATE    60000       /* ms */
#define NGX_RECORDING_SURVEY_SLICE   50000       /* us */
#define NGX_RECORDING_SURVEY_IDS     1024        /* at first */


typedef struct {
    ngx_recording_survey_t           *survey;
    ngx_recording_worker_t           *worker;
    ngx_recording_catalogue_error_t  *err;
    ngx_int_t                         rc;
} ngx_recording_survey_work_t;


static void ngx_recording_survey_post(ngx_recording_survey_t *survey);
static ngx_recording_seat_e ngx_recording_survey_seat(
    ngx_recording_survey_t *survey);
static void ngx_recording_survey_thread(void *data);
static void ngx_recording_survey_end(ngx_recording_survey_t *survey);
static void ngx_recording_survey_done(void *data);
static ngx_int_t ngx_recording_survey_open(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_survey_check(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_survey_checked(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_survey_list(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err);
static void ngx_recording_survey_name(void *data, const char *name);
static ngx_int_t ngx_recording_survey_work(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err);
static ngx_int_t ngx_recording_survey_files(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err);
static void ngx_recording_survey_journal(ngx_recording_survey_work_t *work,
    uint64_t id);
static void ngx_recording_survey_adopt(ngx_recording_survey_work_t *work,
    uint64_t id);
static void ngx_recording_survey_unread(ngx_recording_survey_work_t *work,
    uint64_t id, ngx_err_t err);
static void ngx_recording_survey_wait(ngx_recording_survey_work_t *work,
    uint64_t id, int64_t waits);
static void ngx_recording_survey_discard(ngx_recording_survey_work_t *work,
    ngx_recording_mux_t *mux);
static void ngx_recording_survey_forsake(ngx_recording_survey_work_t *work,
    uint64_t id);


void
ngx_recording_survey_init(ngx_recording_survey_t *survey,
    ngx_recording_worker_t *worker)
{
    survey->worker = worker;
    survey->next = ngx_current_msec;

    ngx_recording_job_init(&survey->job, &worker->jobs,
                           ngx_recording_survey_thread,
                           ngx_recording_survey_done, survey);
    survey->job.background = 1;
}


void
ngx_recording_survey(ngx_recording_survey_t *survey)
{
    /* one that exits has files that wait, too */

    if (survey->busy || ngx_terminate
        || ((survey->over || ngx_exiting)
            && !ngx_recording_catalogue_replaced(&survey->worker->catalogue))
        || (ngx_msec_int_t) (ngx_current_msec - survey->next) < 0)
    {
        return;
    }

    survey->busy = 1;
    survey->step = ngx_recording_survey_open;

    ngx_recording_survey_post(survey);
}


static void
ngx_recording_survey_post(ngx_recording_survey_t *survey)
{
    survey->job.seat = ngx_recording_survey_seat(survey);

    ngx_recording_job_post(&survey->job);
}


/* in the catalogue, but for what needs another connection and minutes */

static ngx_recording_seat_e
ngx_recording_survey_seat(ngx_recording_survey_t *survey)
{
    return survey->step == ngx_recording_survey_check
           ? NGX_RECORDING_SEAT_NONE : NGX_RECORDING_SEAT_TURNS;
}


static void
ngx_recording_survey_thread(void *data)
{
    ngx_recording_survey_t *survey = data;

    int64_t                          begin;
    ngx_int_t                        rc;
    ngx_recording_catalogue_error_t  err;

    begin = ngx_recording_mono();

    do {
        rc = survey->step(survey, &err);
    } while (rc == NGX_OK
             && ngx_recording_survey_seat(survey) == survey->job.seat
             && ngx_recording_mono() - begin < NGX_RECORDING_SURVEY_SLICE);

    survey->result = rc;

    if (rc == NGX_OK) {
        return;
    }

    ngx_recording_survey_end(survey);

    survey->over = (rc == NGX_DONE);

    if (rc == NGX_ERROR && !survey->failed && !ngx_terminate) {
        survey->failed = 1;
        ngx_recording_notice(&survey->notices, NGX_LOG_ERR, 0,
                             "looking through the store failed: %s, it is "
                             "tried again", err.text);
    }
}


static void
ngx_recording_survey_end(ngx_recording_survey_t *survey)
{
    if (survey->rebuild) {
        ngx_recording_rebuild_end_thread(survey->rebuild);
        survey->rebuild = NULL;
    }

    free(survey->ids);

    survey->ids = NULL;
    survey->size = 0;
}


static void
ngx_recording_survey_done(void *data)
{
    ngx_recording_survey_t *survey = data;

    ngx_recording_notices_log(&survey->notices, survey->worker->log);

    if (survey->result == NGX_OK) {
        ngx_recording_survey_post(survey);
        return;
    }

    survey->busy = 0;

    /* what fails for good does not take the disk's time for good */

    survey->pause = survey->result != NGX_ERROR || survey->pause == 0
                    ? NGX_RECORDING_SURVEY_RETRY
                    : ngx_min(2 * survey->pause, NGX_RECORDING_SURVEY_LATE);
    survey->next = ngx_current_msec + survey->pause;
}


/* how nginx ended is seen by the locks of its workers */

static ngx_int_t
ngx_recording_survey_open(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err)
{
    ngx_uint_t  unclean;

    if (ngx_recording_catalogue_unclean_thread(&survey->worker->catalogue,
                                               &unclean, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    survey->step = unclean ? ngx_recording_survey_check
                           : ngx_recording_survey_list;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_survey_check(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err)
{
    survey->step = ngx_recording_survey_checked;

    return ngx_recording_catalogue_check_thread(&survey->worker->catalogue,
                                                &survey->damaged, err);
}


static ngx_int_t
ngx_recording_survey_checked(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err)
{
    ngx_recording_catalogue_checked_thread(&survey->worker->catalogue,
                                           survey->damaged);

    survey->step = ngx_recording_survey_list;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_survey_list(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err)
{
    survey->n = 0;
    survey->at = 0;
    survey->step = ngx_recording_survey_work;

    errno = 0;

    if (ngx_recording_store_list_thread(&survey->worker->store,
                                        ngx_recording_survey_name, survey)
        != NGX_OK || survey->n > survey->size)
    {
        (void) snprintf(err->text, sizeof(err->text), "read work/: %s",
                        strerror(errno));
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_recording_survey_name(void *data, const char *name)
{
    ngx_recording_survey_t *survey = data;

    uint64_t    id, *ids;
    ngx_uint_t  size;

    ngx_recording_store_bury_thread(&survey->worker->store, name);

    if (ngx_recording_journal_name(name, &id) != NGX_OK
        || survey->n > survey->size)
    {
        return;
    }

    if (survey->n == survey->size) {
        size = survey->size ? 2 * survey->size : NGX_RECORDING_SURVEY_IDS;
        ids = realloc(survey->ids, size * sizeof(uint64_t));

        if (ids == NULL) {
            survey->n++;
            return;
        }

        survey->ids = ids;
        survey->size = size;
    }

    survey->ids[survey->n++] = id;
}


/* a file in work/; at last it is seen whether those in files/ are known, too:
   then those in work/ come again, as the catalogue may be another one by now */

static ngx_int_t
ngx_recording_survey_work(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err)
{
    ngx_recording_survey_work_t  work;

    if (survey->at < survey->n) {
        work.survey = survey;
        work.worker = survey->worker;
        work.err = err;
        work.rc = NGX_OK;

        ngx_recording_survey_journal(&work, survey->ids[survey->at++]);

        return work.rc;
    }

    if (survey->rebuild) {
        survey->step = ngx_recording_survey_files;
        return NGX_OK;
    }

    survey->step = ngx_recording_survey_list;

    return ngx_recording_rebuild_begin_thread(&survey->worker->store,
                                              &survey->worker->catalogue,
                                              &survey->notices,
                                              &survey->rebuild, err);
}


static ngx_int_t
ngx_recording_survey_files(ngx_recording_survey_t *survey,
    ngx_recording_catalogue_error_t *err)
{
    return ngx_recording_rebuild_thread(survey->rebuild, err);
}


/* files that the catalogue does not know, or that it knows to be finished */

static void
ngx_recording_survey_journal(ngx_recording_survey_work_t *work, uint64_t id)
{
    int64_t                  waits;
    ngx_int_t                rc;
    ngx_uint_t               told;
    ngx_recording_file_e     state;
    ngx_recording_worker_t  *worker;

    worker = work->worker;

    rc = ngx_recording_catalogue_file_state_thread(&worker->catalogue, id,
                                                   &state, &told, &waits,
                                                   work->err);
    if (rc == NGX_ERROR) {
        work->rc = NGX_ERROR;

    } else if (rc == NGX_DECLINED) {
        ngx_recording_survey_adopt(work, id);

    } else if (state >= NGX_RECORDING_FILE_FINISHED) {
        (void) ngx_recording_journal_clear_thread(&worker->store, id);

    } else if (told) {
        ngx_recording_survey_forsake(work, id);

    } else if (state == NGX_RECORDING_FILE_PAUSED) {
        ngx_recording_survey_wait(work, id, waits);
    }
}


static void
ngx_recording_survey_adopt(ngx_recording_survey_work_t *work, uint64_t id)
{
    ngx_recording_mux_t     *mux;
    ngx_recording_worker_t  *worker;

    worker = work->worker;

    mux = ngx_recording_journal_read_thread(&worker->store, id);

    if (mux == NULL && errno == ENODATA) {

        /* a power cut, before anything of it was durable */

        (void) ngx_recording_journal_clear_thread(&worker->store, id);
        return;
    }

    if (mux == NULL) {
        ngx_recording_survey_unread(work, id, errno);
        return;
    }

    if (mux->edit == NGX_RECORDING_MUX_EDITING) {
        ngx_recording_survey_discard(work, mux);

    } else if (ngx_recording_catalogue_adopt_thread(&worker->catalogue,
                                                    &mux->file, mux->owner,
                                                    work->err)
               != NGX_OK)
    {
        work->rc = NGX_ERROR;

    } else if (strcmp(mux->owner, worker->store.owner) == 0) {
        ngx_recording_survey_forsake(work, id);
    }

    ngx_recording_mux_close_thread(mux);
}


/*
 * What cannot be read now is looked at again, by the next worker that begins;
 * all others are not kept by it.
 */

static void
ngx_recording_survey_unread(ngx_recording_survey_work_t *work, uint64_t id,
    ngx_err_t err)
{
    ngx_uint_t               i;
    ngx_recording_survey_t  *survey;

    if (err == NGX_ENOENT) {
        return;
    }

    if (err == NGX_EMFILE || err == NGX_ENFILE || err == NGX_ENOMEM) {

        /* not by itself: it is not passed over */

        (void) snprintf(work->err->text, sizeof(work->err->text),
                        "read the journal of \"%llu\": %s",
                        (unsigned long long) id, strerror(err));
        work->rc = NGX_ERROR;
        return;
    }

    survey = work->survey;

    for (i = 0; i < survey->nunread; i++) {
        if (survey->unread[i] == id) {
            return;
        }
    }

    if (survey->nunread == NGX_RECORDING_SURVEY_UNREAD) {
        return;
    }

    survey->unread[survey->nunread++] = id;

    ngx_recording_notice(&survey->notices, NGX_LOG_ERR, err,
                         "\"%s/work/%llu.journal\" %s: its file is not "
                         "finished, it is tried again when a worker process "
                         "starts", survey->worker->store.path,
                         (unsigned long long) id,
                         err ? "cannot be read" : "is damaged");
}


/*
 * The machine was started since the file began to wait, and its clock may have
 * been set: it waits no longer than it was to.
 */

static void
ngx_recording_survey_wait(ngx_recording_survey_work_t *work, uint64_t id,
    int64_t waits)
{
    int64_t                 now, most;
    ngx_recording_mux_t    *mux;
    ngx_recording_store_t  *store;

    store = &work->worker->store;
    now = ngx_recording_store_now(store);

    if (waits <= now) {
        return;
    }

    mux = ngx_recording_journal_read_thread(store, id);

    if (mux == NULL) {
        ngx_recording_survey_unread(work, id, errno);
        return;
    }

    most = now + mux->resume * 1000;

    ngx_recording_mux_close_thread(mux);

    if (waits > most
        && ngx_recording_catalogue_wait_less_thread(&work->worker->catalogue,
                                                    id, most, work->err)
           != NGX_OK)
    {
        work->rc = NGX_ERROR;
    }
}


/* what was to be made of other files is made anew; one that lives is at it */

static void
ngx_recording_survey_discard(ngx_recording_survey_work_t *work,
    ngx_recording_mux_t *mux)
{
    char                    path[NGX_RECORDING_FILE_PATH];
    ngx_recording_store_t  *store;

    store = &work->worker->store;

    if (ngx_recording_store_lives_thread(store, mux->owner) != NGX_DECLINED) {
        return;
    }

    if (mux->format->endless && mux->file.path_len) {
        ngx_recording_file_path(&mux->file, path);

        if (ngx_recording_formats_discard_thread(store, path, 0, INT64_MAX)
            == NGX_AGAIN)
        {
            work->rc = NGX_AGAIN;
            return;
        }
    }

    (void) ngx_recording_journal_clear_thread(store, mux->file.id);
}


/*
 * What this worker wrote and does not write any more waits, whichever worker
 * has made its row: it is nobody's.
 */

static void
ngx_recording_survey_forsake(ngx_recording_survey_work_t *work, uint64_t id)
{
    ngx_recording_worker_t  *worker;

    worker = work->worker;

    if (!ngx_recording_busy_has(&worker->store.busy, id)
        && ngx_recording_catalogue_forsake_thread(&worker->catalogue, id,
                                                  work->err)
           != NGX_OK)
    {
        work->rc = NGX_ERROR;
    }
}
