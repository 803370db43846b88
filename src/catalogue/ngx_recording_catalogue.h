
/*
 * The catalogue: the durable index of recordings and files, in a database
 * (ngx_recording_sql.h).
 *
 * Runs on pool threads only: every call may wait for the disk and for other
 * threads and workers.  One catalogue is shared by all threads of a worker;
 * a mutex makes them take turns.  It is opened by the first call that needs
 * it, after the fork; if that fails the next call tries again.
 *
 * Each recording and each file that is not finished has an owner: the worker
 * that writes or finishes it, by the name of its lock in work/.
 *
 *     start, insert                paused, ended, released, disowned
 *   -----------------> a worker ------------------------------------> nobody
 *                       |   ^ ^                                         |
 *      its lock is free |   | +-----------------------------------------+
 *                       |   |            taken
 *                       v   | taken, recovered
 *                  a dead worker
 *
 *   paused     a file waits for its stream, and so does its recording
 *   released   a worker that ends leaves a file to be finished by another one
 *   disowned   a recording whose file was taken from a dead worker, and waits
 *   taken      another worker writes its name in place of the owner that it
 *              saw, in one transaction: it gets it from that one and no other
 *   recovered  a file was taken from a dead worker: its end may be missing
 *   wanted     a publish asks the living owner of a recording to release it
 *
 * If nobody can tell whether an owner lives, as there is no descriptor left or
 * the disk fails, nothing is taken: the call fails.
 *
 * Return codes: NGX_OK; NGX_ERROR with the reason in the error given.
 */


#ifndef _NGX_RECORDING_CATALOGUE_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_H_INCLUDED_


#include "ngx_recording_exception.h"
#include "ngx_recording_claim.h"
#include "ngx_recording_growth.h"
#include "ngx_recording_sql.h"
#include "ngx_recording_tree.h"
#include <pthread.h>


#define NGX_RECORDING_TAKEN  8       /* files at a time, at most */


/* who is told of what, as the configuration has it */

typedef struct {
    ngx_str_t               template;
    ngx_str_t               name;
    ngx_uint_t              kinds;         /* ngx_recording_kind.h */
    ngx_uint_t              holds;         /* the local file is needed until it
                                              was told */

    /* of an upload */
    ngx_str_t               prefix;        /* of its keys */
    int64_t                 local_us;      /* the local copy stays so long
                                              once it was delivered and told;
                                              -1: for good, -2: not said */
    ngx_uint_t              early;         /* it begins while the file grows */
} ngx_recording_target_t;


/* when files of a template expire, as the configuration has it */

typedef struct {
    ngx_str_t               template;
    int64_t                 expire_us;     /* from a file's end on */
} ngx_recording_lifetime_t;


typedef struct {
    pthread_mutex_t         mutex;
    pthread_mutex_t         ids;           /* of last_id */
    ngx_recording_store_t  *store;
    ngx_recording_sql_t    *sql;           /* NULL: there was no memory */
    const ngx_recording_target_t  *targets;
    ngx_uint_t              ntargets;
    ngx_uint_t              callbacks;     /* those of calls hold, too */
    const ngx_recording_target_t  **called;    /* the same, for the outbox */
    ngx_uint_t              ncalled;
    const ngx_recording_lifetime_t  *lifetimes;
    ngx_uint_t              nlifetimes;
    ngx_uint_t              current;       /* the opening of the database for
                                              which they were written */
    ngx_uint_t              writing;       /* they are, by this transaction */
    ngx_uint_t              reads;         /* that is all that this one does */
    uint64_t                last_id;
    char                    reason[128];   /* why a transaction fails, if not
                                              the database is to blame */
    ngx_uint_t              sealed;        /* every call fails */
    ngx_uint_t              hung;          /* a fast stop waited for it */
    int64_t                 since;         /* ms, it is waited for */
    int64_t                 deadline;      /* ms, when every call fails */
    int64_t                 patience;      /* ms, for others who write; 0: as
                                              those who record have it */
    int64_t                 most;          /* ms, of a transaction, if it only
                                              reads; 0: no limit */
    int64_t                 until;         /* ms, then that is over */
    ngx_uint_t              late;          /* one of them was over, at the last
                                              call */
} ngx_recording_catalogue_t;


typedef struct {
    char                    text[256];
} ngx_recording_catalogue_error_t;


/* a file of somebody else that is taken over */

typedef struct {
    uint64_t                id;
    char                    format[8];
    char                    owner[NGX_RECORDING_OWNER];  /* before */
    ngx_recording_file_e    state;         /* before */
    unsigned                recovered:1;   /* its writer died */
    char                    about[NGX_RECORDING_ABOUT];  /* for messages */
    uint64_t                recording_id;  /* if it was this worker's */
} ngx_recording_taken_t;


/* a file in files/, that may go or is to go */

typedef struct {
    uint64_t                id;
    int64_t                 age;           /* its end, us, as far as it is
                                              known */
    int64_t                 size;
    ngx_uint_t              there;         /* it was seen on the disk */
    ngx_recording_file_e    state;         /* of one that is to go: finished is
                                              a local copy */
    ngx_uint_t              first;         /* of that: nothing of it was tried
                                              to be removed */
    ngx_int_t               removed;       /* how that went, and why not */
    ngx_err_t               err;
    char                    path[NGX_RECORDING_FILE_PATH];
} ngx_recording_old_t;


/* how far a walk through files has come, by what they are in order of */

typedef struct {
    int64_t                 at;
    uint64_t                id;
} ngx_recording_place_t;


#define NGX_RECORDING_WALK  2000           /* rows that are looked at, and */
#define NGX_RECORDING_ROWS  500            /* that are removed at a time */


/*
 * A change: runs on a thread between begin and finish, for the committing
 * job; arg is what the change is about.  again: what it was committed with
 * has failed, and it runs once more.  NGX_ERROR: all is to be rolled back.
 */

typedef ngx_int_t (*ngx_recording_catalogue_pt)(
    ngx_recording_catalogue_t *cat, void *arg, ngx_uint_t again);


/* a publish asks for a recording of its own, or one that waits for it */

typedef struct {
    ngx_recording_stream_t *stream;
    int64_t                 wall;          /* of the first frame, us */
    ngx_uint_t              exclusive;     /* not beside another worker */
    ngx_uint_t              resume;        /* one that waits is taken */
    ngx_uint_t              hurry;         /* do not wait for its owner */

    uint64_t                id;            /* of the one that asks */
    uint64_t                asked;         /* whose owner was asked, or 0 */
    uint64_t                before;        /* the same, before it runs */
    ngx_uint_t              unknown;       /* NGX_ERROR, as nobody can tell
                                              whether an owner lives */

    uint64_t                recording_id;  /* set, if NGX_OK */
    ngx_uint_t              resumed;
    ngx_uint_t              repair;        /* set, if NGX_AGAIN: files of a dead
                                              worker are to be repaired */
    ngx_uint_t              n;             /* those, or files that go on */
    ngx_recording_taken_t   taken[NGX_RECORDING_TAKEN];
} ngx_recording_start_t;


/* a stream is over */

typedef struct {
    uint64_t                recording_id;
    int64_t                 end;           /* us */
    ngx_uint_t              n;
    ngx_recording_file_t   *files[NGX_RECORDING_FORMATS];
} ngx_recording_end_t;


/* a file that a dead worker left */

typedef struct {
    ngx_recording_file_t   *file;
    const char             *owner;         /* that worker */
} ngx_recording_left_t;


typedef struct {
    uint64_t                id;
    ngx_recording_file_e    state;
    ngx_uint_t              owned;         /* by this worker, or by nobody */
    int64_t                 size;          /* -1: as it was */
    int64_t                 later;         /* us: nobody takes it before */
} ngx_recording_state_t;


/* a finished file that may have no row */

typedef struct {
    ngx_recording_file_t    file;
    ngx_recording_stream_t  stream;
    char                   *label;         /* of malloc(), or NULL */
} ngx_recording_found_t;


/* a file that lies at its path, though its row does not say so */

typedef struct {
    ngx_recording_file_t   *file;          /* as the journal tells it */
    const char             *label;         /* NULL: it has none */
} ngx_recording_mend_t;


typedef struct {
    ngx_recording_file_t   *file;
    char                    text[NGX_RECORDING_LABEL];
    char                    brief[NGX_RECORDING_LABEL];   /* without gaps and
                                                             query */
} ngx_recording_label_t;


void ngx_recording_catalogue_init(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store);

/* another one of the same worker, whose survey looks at the first one's */
void ngx_recording_catalogue_init_second(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store);

/*
 * One that only reads, over a connection of its own, as its caller alone waits
 * for it: a transaction fails that takes longer, and ->late is set.
 */
void ngx_recording_catalogue_init_reader(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store, int64_t ms);

/*
 * Once, before the first call: who is told, those of calls too or not, and when
 * files expire.  A worker that does not exit writes them before it changes
 * anything.
 */
void ngx_recording_catalogue_targets(ngx_recording_catalogue_t *cat,
    const ngx_recording_target_t *targets, ngx_uint_t n,
    ngx_uint_t callbacks);
void ngx_recording_catalogue_lifetimes(ngx_recording_catalogue_t *cat,
    const ngx_recording_lifetime_t *lifetimes, ngx_uint_t n);

/* closes the database; no other thread may use the catalogue any more */
void ngx_recording_catalogue_close(ngx_recording_catalogue_t *cat);

/* at a fast stop: whether the call that runs now ends within so many ms */
ngx_uint_t ngx_recording_catalogue_answers(ngx_recording_catalogue_t *cat,
    int64_t ms);

/*
 * At a worker's end: every call fails at once, without a reason in the error;
 * and then, when the threads are gone, calls may take so many ms in all.
 */
void ngx_recording_catalogue_seal(ngx_recording_catalogue_t *cat);
void ngx_recording_catalogue_last(ngx_recording_catalogue_t *cat, int64_t ms);

/* an id that grows with time, 19 decimal digits, unique in this worker */
uint64_t ngx_recording_catalogue_id_thread(ngx_recording_catalogue_t *cat);

/*
 * Takes the mutex and begins a transaction, or neither.  durable: what is
 * committed is there after a power cut, too.
 */
ngx_int_t ngx_recording_catalogue_begin(
    ngx_recording_catalogue_t *cat, ngx_uint_t durable,
    ngx_recording_catalogue_error_t *err);

/* the same for what only reads: others write meanwhile */
ngx_int_t ngx_recording_catalogue_read(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err);

/* commits if rc is NGX_OK, else rolls back; gives the mutex back */
ngx_int_t ngx_recording_catalogue_finish(
    ngx_recording_catalogue_t *cat, ngx_int_t rc,
    ngx_recording_catalogue_error_t *err);

/* --- changes, and what they are about */

/*
 * An ngx_recording_start_t: takes the recording of this stream and template
 * that waits for it, or writes the row of a new one.
 *
 *   NGX_AGAIN     the owner of one that could be taken was asked to release
 *                 it: to be asked again with the same start
 *   NGX_DECLINED  exclusive: another living worker has one, or has ended it
 *                 later than the frame that arrived at start->wall
 */
ngx_int_t ngx_recording_catalogue_start(ngx_recording_catalogue_t *cat,
    void *start, ngx_uint_t again);

/*
 * An ngx_recording_end_t: the stream of a recording is over, and its last
 * files wait, or are left, or were never opened.  Without files that wait the
 * recording is over, too; else it has no owner any more.
 */
ngx_int_t ngx_recording_catalogue_end(ngx_recording_catalogue_t *cat,
    void *end, ngx_uint_t again);

/*
 * An ngx_recording_file_t that begins: writes its row and claims its path,
 * which is not one that any row ever had; file->path is set.
 */
ngx_int_t ngx_recording_catalogue_insert(ngx_recording_catalogue_t *cat,
    void *file, ngx_uint_t again);

/* the same: claims the first path, or the next if something lies there */
ngx_int_t ngx_recording_catalogue_move(ngx_recording_catalogue_t *cat,
    void *file, ngx_uint_t again);

/* the same: writes what is known.  Paused and finished files are nobody's */
ngx_int_t ngx_recording_catalogue_update(ngx_recording_catalogue_t *cat,
    void *file, ngx_uint_t again);

/* the same: nothing of it was ever written, its row goes, its path is free */
ngx_int_t ngx_recording_catalogue_remove(ngx_recording_catalogue_t *cat,
    void *file, ngx_uint_t again);

/*
 * An ngx_recording_left_t: it waits for its stream, as its recording does,
 * which is that dead worker's no more.
 */
ngx_int_t ngx_recording_catalogue_disown(ngx_recording_catalogue_t *cat,
    void *left, ngx_uint_t again);

/* an ngx_recording_state_t: the state alone, and the size, if it is known */
ngx_int_t ngx_recording_catalogue_set_state(ngx_recording_catalogue_t *cat,
    void *state, ngx_uint_t again);

/*
 * The same of a file in files/, by its id, as its row is now; its path, size
 * and when it was finished are set, too.  NGX_DECLINED: it is not there.
 */
ngx_int_t ngx_recording_catalogue_label_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_label_t *label, ngx_recording_catalogue_error_t *err);

/*
 * An ngx_recording_label_t: what the row of a finished file will have, as
 * JSON; a text is empty if it would be longer than its room.
 */
ngx_int_t ngx_recording_catalogue_label(ngx_recording_catalogue_t *cat,
    void *label, ngx_uint_t again);

/*
 * An ngx_recording_mend_t: the row of a finished file gets what its label has,
 * or else what the file struct has; and the path of that, if it has none.
 */
ngx_int_t ngx_recording_catalogue_mend(ngx_recording_catalogue_t *cat,
    void *mend, ngx_uint_t again);

/* --- housekeeping */

/*
 * Whether nginx had no clean end.  Then the whole database is looked through,
 * with another connection, so that nobody waits and no seat is needed; and at
 * last it is told what was found: what is damaged is set aside by the next
 * call.
 */
ngx_int_t ngx_recording_catalogue_unclean_thread(
    ngx_recording_catalogue_t *cat, ngx_uint_t *unclean,
    ngx_recording_catalogue_error_t *err);
ngx_int_t ngx_recording_catalogue_check_thread(
    ngx_recording_catalogue_t *cat, ngx_uint_t *damaged,
    ngx_recording_catalogue_error_t *err);
void ngx_recording_catalogue_checked_thread(ngx_recording_catalogue_t *cat,
    ngx_uint_t damaged);

/*
 * Moves what was committed to where it stays, if it is much.  Returns 0, or how
 * many MB a reader keeps from that.
 */
ngx_uint_t ngx_recording_catalogue_checkpoint_thread(
    ngx_recording_catalogue_t *cat);

/*
 * Takes files that nobody works on, the oldest first: paused ones whose time
 * was over at `now`, and all of dead workers.  Those are then this worker's.
 */
ngx_int_t ngx_recording_catalogue_orphans_thread(
    ngx_recording_catalogue_t *cat, int64_t now,
    ngx_recording_taken_t *taken, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);

/*
 * Files that are this worker's by their rows, grow or are to be finished, and
 * that it does not work on: they are not taken yet.
 */
ngx_int_t ngx_recording_catalogue_own_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_taken_t *taken, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);

/* ends recordings of dead workers, or of nobody, without files that wait */
ngx_int_t ngx_recording_catalogue_close_stale_thread(
    ngx_recording_catalogue_t *cat, ngx_recording_catalogue_error_t *err);

/*
 * Recordings of this worker, behind one, whose files are finished, or wait; *n
 * is the room.  And ends those, which it does not have, or they are nobody's if
 * files of them wait.
 */
ngx_int_t ngx_recording_catalogue_idle_thread(ngx_recording_catalogue_t *cat,
    uint64_t behind, uint64_t *ids, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);
ngx_int_t ngx_recording_catalogue_end_idle_thread(
    ngx_recording_catalogue_t *cat, uint64_t *ids, ngx_uint_t n,
    ngx_recording_catalogue_error_t *err);

/* whether another worker has written since the last call */
ngx_uint_t ngx_recording_catalogue_changed_thread(
    ngx_recording_catalogue_t *cat);

/* recordings of this worker that another one asks for; *n is the room */
ngx_int_t ngx_recording_catalogue_wanted_thread(
    ngx_recording_catalogue_t *cat, uint64_t *ids, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);

/* it keeps this one */
ngx_int_t ngx_recording_catalogue_refuse_thread(
    ngx_recording_catalogue_t *cat, uint64_t recording_id,
    ngx_recording_catalogue_error_t *err);

/* files of this worker, which ends, are finished by another one */
ngx_int_t ngx_recording_catalogue_release_all_thread(
    ngx_recording_catalogue_t *cat, ngx_recording_catalogue_error_t *err);

/*
 * The state of a file's row, whether it is this worker's by its journal alone,
 * and until when it waits; NGX_DECLINED: it has none.
 */
ngx_int_t ngx_recording_catalogue_file_state_thread(
    ngx_recording_catalogue_t *cat, uint64_t id, ngx_recording_file_e *state,
    ngx_uint_t *told, int64_t *waits, ngx_recording_catalogue_error_t *err);

/* a paused file waits no longer than until then */
ngx_int_t ngx_recording_catalogue_wait_less_thread(
    ngx_recording_catalogue_t *cat, uint64_t id, int64_t waits,
    ngx_recording_catalogue_error_t *err);

/* how messages about a file end, by its row; empty if that is not known */
ngx_int_t ngx_recording_catalogue_about_thread(ngx_recording_catalogue_t *cat,
    uint64_t id, char about[NGX_RECORDING_ABOUT],
    ngx_recording_catalogue_error_t *err);

/* writes the row of a file in work/ that has none, and of its recording */
ngx_int_t ngx_recording_catalogue_adopt_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_file_t *file, const char *owner,
    ngx_recording_catalogue_error_t *err);

/* a file that is this worker's by its journal alone is nobody's: it waits */
ngx_int_t ngx_recording_catalogue_forsake_thread(
    ngx_recording_catalogue_t *cat, uint64_t id,
    ngx_recording_catalogue_error_t *err);

/* --- a catalogue that was lost */

/*
 * Writes the rows of files that were found in files/, by their labels, or, if
 * that is NULL, by what the file struct has; unless one has that path.
 */
ngx_int_t ngx_recording_catalogue_restore_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_found_t *found, ngx_uint_t n, ngx_uint_t *added,
    ngx_recording_catalogue_error_t *err);

/*
 * Any thread: whether another catalogue has taken the place of the one that was
 * looked at last by the next function.
 */
ngx_uint_t ngx_recording_catalogue_replaced(ngx_recording_catalogue_t *cat);

/* how often it was opened: another one each time it was replaced */
ngx_uint_t ngx_recording_catalogue_opened(ngx_recording_catalogue_t *cat);

/*
 * Whether the files were looked through since the catalogue was made; if not,
 * whether it was made as the one before was damaged.  From now on this is the
 * catalogue that was looked at.
 */
ngx_int_t ngx_recording_catalogue_is_rebuilt_thread(
    ngx_recording_catalogue_t *cat, ngx_uint_t *rebuilt,
    ngx_uint_t *damaged, ngx_recording_catalogue_error_t *err);

/*
 * What files cannot tell is copied into a file beside the catalogue; it is not
 * done, NGX_DECLINED, as long as the catalogue is not made anew.
 */
ngx_int_t ngx_recording_catalogue_copy_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err);

/*
 * In a transaction.  NGX_DECLINED: what there may be of that has not come back
 * yet into a catalogue that was lost.
 */
ngx_int_t ngx_recording_catalogue_has_copied_thread(
    ngx_recording_catalogue_t *cat);

/*
 * And comes back from there, as it was when that was made.  NGX_DECLINED: there
 * is no such file; NGX_ABORT: it is damaged, and not there any more.
 */
ngx_int_t ngx_recording_catalogue_copied_thread(
    ngx_recording_catalogue_t *cat, ngx_uint_t *rows, time_t *made,
    ngx_recording_catalogue_error_t *err);

/* they were.  NGX_AGAIN: another one is in its place since then */
ngx_int_t ngx_recording_catalogue_mark_rebuilt_thread(
    ngx_recording_catalogue_t *cat, ngx_recording_catalogue_error_t *err);

/* --- room: what all files have, and which of them go */

/*
 * The bytes of all files in the store: those of which rows tell the size, and
 * what others have grown to.
 */
ngx_int_t ngx_recording_catalogue_bytes_thread(ngx_recording_catalogue_t *cat,
    ngx_recording_grown_all_t *grown, int64_t *bytes,
    ngx_recording_catalogue_error_t *err);

/*
 * Finished files that should be there and may go, by age, the oldest first, of
 * the next NGX_RECORDING_WALK behind `after`, which moves to the last one that
 * was looked at; *n is the room.  NGX_DONE: there are none behind these.
 */
ngx_int_t ngx_recording_catalogue_oldest_thread(
    ngx_recording_catalogue_t *cat, ngx_recording_place_t *after,
    ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);

/*
 * Of these, those that are not there count no more: others removed them.  How
 * many is added to *missing.
 */
ngx_int_t ngx_recording_catalogue_missing_thread(
    ngx_recording_catalogue_t *cat, int64_t now, ngx_recording_old_t *files,
    ngx_uint_t n, ngx_uint_t *missing, ngx_recording_catalogue_error_t *err);

/*
 * Marks the first ones of these as evicted, as many as it takes until all
 * files have no more than `limit` when those are gone that are to be removed;
 * *over is by how much they had more, *evicted the bytes that were marked,
 * *stuck how many evicted files could not be removed.  With what is marked
 * these become `most` at most.
 */
ngx_int_t ngx_recording_catalogue_evict_thread(ngx_recording_catalogue_t *cat,
    int64_t now, ngx_recording_grown_all_t *grown, int64_t limit,
    ngx_recording_old_t *files, ngx_uint_t n, ngx_uint_t most, int64_t *over,
    int64_t *evicted, ngx_uint_t *stuck,
    ngx_recording_catalogue_error_t *err);

/* files behind this id that were evicted, have expired or were deleted, and are
   to be removed now; *n is the room */
ngx_int_t ngx_recording_catalogue_to_remove_thread(
    ngx_recording_catalogue_t *cat, int64_t now, uint64_t after,
    ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);

/* finished files, whose local copies are to be removed by `until`, by when, and
   may be tried now; as ngx_recording_catalogue_oldest_thread() */
ngx_int_t ngx_recording_catalogue_local_thread(ngx_recording_catalogue_t *cat,
    int64_t now, int64_t until, ngx_recording_place_t *after,
    ngx_recording_old_t *files, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);

/* it could not be removed: it counts, and it is tried again later */
ngx_int_t ngx_recording_catalogue_retry_thread(ngx_recording_catalogue_t *cat,
    int64_t now, uint64_t id, ngx_recording_catalogue_error_t *err);

/* its playlist is not there any more, the rest of it is to be removed later */
ngx_int_t ngx_recording_catalogue_linger_thread(
    ngx_recording_catalogue_t *cat, int64_t now, uint64_t id,
    ngx_recording_catalogue_error_t *err);

/* it is not there any more; NGX_DECLINED: another worker has said so */
ngx_int_t ngx_recording_catalogue_mark_removed_thread(
    ngx_recording_catalogue_t *cat, int64_t now, uint64_t id,
    ngx_recording_catalogue_error_t *err);

/*
 * Removes rows of files that are gone since a time before `before`, at most
 * NGX_RECORDING_ROWS; *n is how many.  Their paths stay used.
 */
ngx_int_t ngx_recording_catalogue_forget_thread(
    ngx_recording_catalogue_t *cat, int64_t before, ngx_uint_t *n,
    ngx_recording_catalogue_error_t *err);

/*
 * Looks at some recordings behind *after, and removes those that ended before
 * `before` and have no files any more; *after is 0 when all were seen.
 */
ngx_int_t ngx_recording_catalogue_empty_thread(ngx_recording_catalogue_t *cat,
    int64_t before, uint64_t *after, ngx_recording_catalogue_error_t *err);


/* --- exceptions, in ngx_recording_catalogue_tally.c */

#define NGX_RECORDING_TALLIES     64
#define NGX_RECORDING_TALLY_HOUR  3600000000LL     /* us */
#define NGX_RECORDING_TALLY_KEPT  691200000000LL   /* the same: 8 days */


typedef struct {
    uint64_t                recording_id;
    ngx_recording_exception_e  exception;
    int64_t                 hour;          /* us, its begin */
    int64_t                 n;
} ngx_recording_tally_t;


typedef struct {
    ngx_uint_t              n;
    ngx_recording_tally_t   tally[NGX_RECORDING_TALLIES];
} ngx_recording_tallies_t;


/* an ngx_recording_tallies_t: they are added to those that are there, and what
   is too old goes; an ngx_recording_catalogue_pt */
ngx_int_t ngx_recording_catalogue_tally(ngx_recording_catalogue_t *cat,
    void *arg, ngx_uint_t again);


#endif /* _NGX_RECORDING_CATALOGUE_H_INCLUDED_ */
