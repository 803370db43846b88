
/*
 * The steps of a task, for the files of ngx_recording_editor_*.c only.
 */


#ifndef _NGX_RECORDING_EDITOR_STEP_H_INCLUDED_
#define _NGX_RECORDING_EDITOR_STEP_H_INCLUDED_


#include "ngx_recording_catalogue_edit.h"
#include "ngx_recording_editor.h"
#include "ngx_recording_finish.h"
#include "ngx_recording_source.h"


#define NGX_RECORDING_EDITOR_HEADER   8192     /* bytes of parameter sets */
#define NGX_RECORDING_EDITOR_PENDING  200      /* frames until they are
                                                  written */
#define NGX_RECORDING_EDITOR_BYTES    (512 * 1024)     /* the same */
#define NGX_RECORDING_EDITOR_SLICE    50000    /* us */
#define NGX_RECORDING_EDITOR_SYNC     (64 * 1024 * 1024)   /* bytes that are not
                                                  on the disk */
#define NGX_RECORDING_EDITOR_BEGIN    500      /* ms of the file before its
                                                  first frame: room for those
                                                  that are decoded earlier */


typedef struct ngx_recording_editor_s  ngx_recording_editor_t;

/*
 * A step, on a thread.  NGX_OK: e->step is the next one; NGX_DONE: the task is
 * over; NGX_BUSY: it waits for the catalogue's answer; NGX_AGAIN: it goes on
 * when others had their turn; NGX_ABORT: the same in a second; NGX_DECLINED:
 * e->mux goes to be finished, or removed; NGX_ERROR: it failed, e->end says
 * why.
 */
typedef ngx_int_t (*ngx_recording_editor_pt)(ngx_recording_editor_t *e);


/* a source, as its row tells of it */

typedef struct {
    uint64_t                id;
    uint64_t                recording_id;
    ngx_str_t               path;          /* of malloc() */
    char                    format[8];
    int64_t                 start_us;
    int64_t                 end_us;
    int64_t                 duration;      /* ms */
    int64_t                 size;
    ngx_uint_t              video;         /* it has */
    ngx_uint_t              audio;
    ngx_uint_t              there;
    ngx_uint_t              follows;       /* the one before, in its recording,
                                              with none in between */
} ngx_recording_editor_input_t;


/* a frame, in memory of its own */

typedef struct {
    ngx_recording_source_frame_t  frame;
    u_char                 *data;
} ngx_recording_editor_frame_t;


typedef struct {
    ngx_uint_t              n;
    ngx_recording_editor_frame_t  frame[NGX_RECORDING_EDITOR_PENDING];
} ngx_recording_editor_list_t;


/* what is copied now */

typedef struct {
    ngx_recording_source_t *source;
    ngx_uint_t              found;         /* where it is to begin */
    ngx_uint_t              placed;        /* in the file: base is known */
    int64_t                 base;          /* what is added to times */
    int64_t                 from;          /* ms, the first that is shown */
    int64_t                 picture;       /* where the last one ends */
    int64_t                 sound;
    ngx_uint_t              over;          /* bits: of a track all has come */

    ngx_recording_editor_list_t  waits;    /* until base is known */
    ngx_recording_editor_list_t  held;     /* shown after the end, needed if one
                                              follows that is not */
} ngx_recording_editor_copy_t;


struct ngx_recording_editor_s {
    ngx_recording_worker_t *worker;
    ngx_recording_job_t     job;
    ngx_event_t             timer;
    ngx_recording_change_t  change;
    ngx_recording_notices_t notices;
    ngx_log_t               log;           /* that names the task */

    ngx_recording_editor_pt  step;
    ngx_int_t               result;
    unsigned                busy:1;        /* with a task */
    unsigned                failed:1;      /* the catalogue, and this was
                                              said */

    ngx_recording_edit_t    edit;
    ngx_recording_edit_begin_t     begin;
    ngx_recording_edit_progress_t  progress;
    ngx_recording_edit_end_t       end;
    int64_t                 told;          /* us, when progress was */

    ngx_uint_t              at;            /* the source that is planned, or
                                              copied */
    ngx_recording_editor_input_t  inputs[NGX_RECORDING_EDIT_INPUTS];

    ngx_recording_stream_t  stream;        /* of what is made; of malloc() */
    char                    about[NGX_RECORDING_ABOUT];  /* for messages;
                                              empty: it is not known yet */
    char                    task[NGX_RECORDING_EDIT_ID];
    const ngx_recording_format_t  *format;
    ngx_recording_media_t   media[NGX_RECORDING_TRACKS];
    ngx_recording_path_t    path;
    ngx_recording_mux_t    *mux;

    ngx_recording_editor_copy_t  copy;
    ngx_recording_editor_list_t  pending;  /* that the mux has, and are not
                                              written */
    size_t                  bytes;         /* of those */
    off_t                   synced;        /* bytes of the file */
    int64_t                 shown;         /* ms of the file: where what was
                                              copied ends */
    int64_t                 heard;         /* and its sound */
    int64_t                 origin;        /* where it is to begin, -1: not
                                              known */
    int64_t                 total;         /* ms that are to be copied */
    ngx_uint_t              open;          /* sources that begin, behind others,
                                              with a key frame that is no IDR */
    uint64_t                opened;        /* the first one */
};


/* --- ngx_recording_editor.c */

/* the task fails: a code of ngx_recording_catalogue_edit.h; NGX_ERROR */
ngx_int_t ngx_recording_editor_fail(ngx_recording_editor_t *e,
    ngx_int_t code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* the same by the file that is made */
ngx_int_t ngx_recording_editor_broken(ngx_recording_editor_t *e);

/* asks for a change: NGX_OK, NGX_BUSY, or NGX_ERROR: it failed */
ngx_int_t ngx_recording_editor_ask(ngx_recording_editor_t *e,
    ngx_recording_catalogue_pt run, void *arg, ngx_uint_t durable);

/* --- ngx_recording_editor_plan.c: what the sources have, and whether it is one
   file */
ngx_int_t ngx_recording_editor_plan(ngx_recording_editor_t *e);

/* ms that are asked for of a source, whose row is known */
int64_t ngx_recording_editor_lasts(ngx_recording_editor_t *e, ngx_uint_t i);

/* --- ngx_recording_editor_result.c: the file that is made */
ngx_int_t ngx_recording_editor_create(ngx_recording_editor_t *e);
ngx_int_t ngx_recording_editor_complete(ngx_recording_editor_t *e);

/* --- ngx_recording_editor_copy.c: frames */
ngx_int_t ngx_recording_editor_copy(ngx_recording_editor_t *e);

/* nothing is open, and nothing waits to be written */
void ngx_recording_editor_copy_stop(ngx_recording_editor_t *e);


#endif /* _NGX_RECORDING_EDITOR_STEP_H_INCLUDED_ */
