
/* the file that is made: from its row to where it is like any other */


#include "ngx_recording_editor_step.h"
#include "ngx_recording_formats.h"
#include <sys/random.h>


#define NGX_RECORDING_EDITOR_CLAIMS   20
#define NGX_RECORDING_EDITOR_SEGMENT  6000         /* ms, of HLS */

#define NGX_RECORDING_EDITOR_PATH                                             \
    "{AppName}/{StreamID}/edit-{StartYear}-{StartMonth}-{StartDay}-"          \
    "{StartHour}-{StartMinute}-{StartSecond}-{RandomID}"


static ngx_int_t ngx_recording_editor_room(ngx_recording_editor_t *e);
static void ngx_recording_editor_claim(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_row(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_open(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_move(ngx_recording_editor_t *e);
static void ngx_recording_editor_damage(ngx_recording_editor_t *e);
static ngx_int_t ngx_recording_editor_taken(ngx_recording_editor_t *e);


ngx_int_t
ngx_recording_editor_create(ngx_recording_editor_t *e)
{
    ngx_str_t             text = ngx_string(NGX_RECORDING_EDITOR_PATH);
    ngx_str_t             at;
    const char           *why;
    ngx_recording_mux_t  *mux;

    if (ngx_recording_editor_room(e) != NGX_OK) {
        return NGX_ERROR;
    }

    mux = ngx_recording_mux_create_thread(e->format, &e->worker->store,
                                          e->media);

    if (mux == NULL) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                         "there is no memory");
    }

    mux->edit = NGX_RECORDING_MUX_EDITING;
    mux->segment = NGX_RECORDING_EDITOR_SEGMENT;
    mux->path = &e->path;
    mux->path_text = text;
    (void) ngx_recording_path_compile(&e->path, &text, &why, &at);

    mux->file.id = ngx_recording_catalogue_id_thread(&e->worker->catalogue);
    mux->file.recording_id = mux->file.id;
    mux->file.stream = &e->stream;
    mux->file.state = NGX_RECORDING_FILE_FINISHING;
    mux->file.start = e->inputs[0].start_us + e->edit.inputs[0].start * 1000;

    if (getrandom(&mux->file.random, sizeof(mux->file.random), 0) == -1) {
        mux->file.random = mux->file.id;
    }

    e->mux = mux;

    ngx_recording_mux_busy(mux);
    ngx_recording_editor_claim(e);
    ngx_recording_store_name(mux->work, sizeof(mux->work), mux->file.id,
                             e->format->endless ? "" : e->format->extension);

    if (ngx_recording_mux_hold_thread(mux, 0) != NGX_OK) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                         "no descriptor is left for it: "
                                         "worker_rlimit_nofile is too low");
    }

    /* before the row: who finds the one finds the other */

    if (ngx_recording_journal_create_thread(mux) != NGX_OK) {
        return ngx_recording_editor_broken(e);
    }

    e->begin.edit = &e->edit;
    e->begin.file = &mux->file;
    e->step = ngx_recording_editor_row;

    return NGX_OK;
}


/* about as much as is taken of the sources has to be free, but for reserve= */

static ngx_int_t
ngx_recording_editor_room(ngx_recording_editor_t *e)
{
    off_t                          free;
    int64_t                        need;
    ngx_uint_t                     i;
    ngx_recording_store_t         *store;
    ngx_recording_editor_input_t  *in;

    store = &e->worker->store;

    for (need = 0, i = 0; i < e->edit.n; i++) {
        in = &e->inputs[i];

        need += in->duration > 0
                ? (int64_t) ((double) in->size
                             * ngx_recording_editor_lasts(e, i)
                             / in->duration)
                : in->size;
    }

    if (store->low
        || (ngx_recording_store_room_thread(store, &free) == NGX_OK
            && free - store->reserve < need))
    {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                   "it takes %lld bytes, and without reserve= there are not "
                   "as many free in the store", (long long) need);
    }

    return NGX_OK;
}


/* beside the files of its stream; a name that was given is made safe */

static void
ngx_recording_editor_claim(ngx_recording_editor_t *e)
{
    size_t                  len;
    u_char                 *p;
    ngx_recording_claim_t  *claim;

    claim = &e->mux->claim;

    ngx_recording_mux_render(e->mux);

    len = strlen(e->edit.name);

    if (len == 0) {
        return;
    }

    for (p = claim->base + claim->len; p[-1] != '/'; p--) { /* void */ }

    p = ngx_recording_path_safe(p, (u_char *) e->edit.name, len);
    *p = '\0';

    claim->len = p - claim->base;
}


static ngx_int_t
ngx_recording_editor_row(ngx_recording_editor_t *e)
{
    ngx_int_t  rc;

    rc = ngx_recording_editor_ask(e, ngx_recording_catalogue_edit_begin,
                                  &e->begin, 0);
    if (rc != NGX_OK) {
        return rc;
    }

    if (e->begin.gone) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                         "another worker process has the "
                                         "task");
    }

    e->step = ngx_recording_editor_open;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_editor_open(ngx_recording_editor_t *e)
{
    ngx_int_t  rc;

    rc = ngx_recording_journal_place_thread(e->mux);

    if (rc == NGX_DECLINED) {
        e->step = ngx_recording_editor_move;
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return ngx_recording_editor_broken(e);
    }

    e->step = ngx_recording_editor_copy;

    return NGX_OK;
}


/* something that the catalogue does not know lies at its path */

static ngx_int_t
ngx_recording_editor_move(ngx_recording_editor_t *e)
{
    ngx_int_t  rc;

    if (e->mux->claim.tries > NGX_RECORDING_EDITOR_CLAIMS) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                         "there is something at each of its "
                                         "paths");
    }

    rc = ngx_recording_editor_ask(e, ngx_recording_catalogue_move,
                                  &e->mux->file, 0);
    if (rc == NGX_OK) {
        e->step = ngx_recording_editor_open;
    }

    return rc;
}


/* all is there, and durable before it is told */

ngx_int_t
ngx_recording_editor_complete(ngx_recording_editor_t *e)
{
    ngx_recording_mux_t  *mux;

    mux = e->mux;

    if (mux->file.written == 0) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_BAD,
                                         "the files have no frame of that "
                                         "time");
    }

    mux->origin = ngx_max(e->origin, 0);

    if (ngx_recording_journal_checkpoint_thread(mux, 1) != NGX_OK) {
        return ngx_recording_editor_broken(e);
    }

    ngx_recording_mux_measure(mux);
    ngx_recording_editor_damage(e);

    e->progress.progress = 99;
    e->progress.end_us = mux->file.end;
    e->progress.recording_id = mux->file.recording_id;
    e->step = ngx_recording_editor_taken;

    return NGX_OK;
}


/* it is made, and is not as good as its sources */

static void
ngx_recording_editor_damage(ngx_recording_editor_t *e)
{
    char    *note;
    size_t   len;

    if (e->open == 0) {
        return;
    }

    note = e->progress.note;
    len = snprintf(note, sizeof(e->progress.note),
                   "where file %llu follows, pictures may be damaged: it "
                   "begins there with a key frame of an open GOP, which is no "
                   "IDR", (unsigned long long) e->opened);

    if (e->open > 1) {
        (void) snprintf(note + len, sizeof(e->progress.note) - len,
                        "; so it is in %lu more places",
                        (unsigned long) e->open - 1);
    }

    ngx_recording_notice(&e->notices, NGX_LOG_ERR, 0,
                         "a file of others was made, but %s", note);
}


/*
 * What was taken of the files is told before the journal says that the file is
 * whole: whoever finds that finishes it, and knows of nothing else.
 */

static ngx_int_t
ngx_recording_editor_taken(ngx_recording_editor_t *e)
{
    ngx_int_t             rc;
    ngx_recording_mux_t  *mux;

    mux = e->mux;
    rc = ngx_recording_editor_ask(e, ngx_recording_catalogue_edit_progress,
                                  &e->progress, 1);

    if (rc == NGX_BUSY) {
        return NGX_BUSY;
    }

    if (rc == NGX_OK && e->progress.gone) {
        return ngx_recording_editor_fail(e, NGX_RECORDING_EDIT_STORE,
                                         "the catalogue was lost meanwhile");
    }

    /* that it is not told is no reason to lose the file */

    mux->edit = NGX_RECORDING_MUX_EDITED;

    if (ngx_recording_journal_edit_thread(mux) != NGX_OK
        || ngx_recording_journal_sync_thread(mux) != NGX_OK)
    {
        mux->edit = NGX_RECORDING_MUX_EDITING;
        return ngx_recording_editor_broken(e);
    }

    ngx_recording_mux_rest_thread(mux);

    return NGX_DECLINED;
}
