
/*
 * The journal of a growing file: what its data does not tell, so that any
 * worker can go on with it or finish it, whatever became of the one that
 * wrote it, and of the catalogue.
 *
 * work/ID.journal is a list of checksummed blocks that is only appended to;
 * a later block of the same kind takes the place of the one before, but gaps
 * add up, and what the format keeps (->restore()) may.  One that has grown is
 * written anew, with what still holds.  The layout is that of this machine.
 *
 * It is open only while it is read or written: a descriptor is a budget.
 * What was written is synced by a later one all the same, which is also told
 * of what could not be written back; see docs/design.md.
 *
 * Runs on pool threads only, as a part of the file's mux.
 */


#ifndef _NGX_RECORDING_JOURNAL_H_INCLUDED_
#define _NGX_RECORDING_JOURNAL_H_INCLUDED_


#include "ngx_recording_mux.h"


#define NGX_RECORDING_JOURNAL_SUFFIX  ".journal"
#define NGX_RECORDING_JOURNAL_ASIDE   NGX_RECORDING_JOURNAL_SUFFIX ".lost"

/* bytes beyond which a journal is written anew */
#define NGX_RECORDING_JOURNAL_GROWN   (1024 * 1024)


typedef struct {
    const ngx_recording_format_t  *format;
    uint64_t                settled;   /* as mux->settled */
    ngx_recording_journal_mp4_t  mp4;  /* of MP4; zeros: nothing is moved */
} ngx_recording_journal_look_t;


/*
 * Creates the journal of a file that begins: who it belongs to, and its
 * tracks.  NGX_ERROR: mux->op and mux->err tell why.
 */
ngx_int_t ngx_recording_journal_create_thread(ngx_recording_mux_t *mux);

/* the blocks that every journal begins with */
ngx_int_t ngx_recording_journal_head_thread(ngx_recording_mux_t *mux);

/* notes that this worker writes the file from now on */
ngx_int_t ngx_recording_journal_owner_thread(ngx_recording_mux_t *mux);

/* notes the path that was claimed; the tracks, after a change */
ngx_int_t ngx_recording_journal_path_thread(ngx_recording_mux_t *mux);
ngx_int_t ngx_recording_journal_media_thread(ngx_recording_mux_t *mux);

/* opens the file, and notes its path before; NGX_DECLINED: it cannot be there,
   another path is to be claimed */
ngx_int_t ngx_recording_journal_place_thread(ngx_recording_mux_t *mux);

/* notes how far a file is that is made of others: mux->edit, mux->origin */
ngx_int_t ngx_recording_journal_edit_thread(ngx_recording_mux_t *mux);

/*
 * Lists an interruption of so many ms that is closed at this place of the
 * file, and notes it; all that are listed.
 */
ngx_int_t ngx_recording_journal_gap_thread(ngx_recording_mux_t *mux,
    int64_t at, int64_t length);
ngx_int_t ngx_recording_journal_gaps_thread(ngx_recording_mux_t *mux);

/*
 * Notes where the file stands: positions, times and counts, and what the
 * format keeps.  Everything before mux->pos is in the file.
 */
ngx_int_t ngx_recording_journal_state_thread(ngx_recording_mux_t *mux);

/*
 * Everything that was flushed becomes durable, if it is to, and where the
 * file stands is noted.
 */
ngx_int_t ngx_recording_journal_checkpoint_thread(ngx_recording_mux_t *mux,
    ngx_uint_t durable);

/* makes the journal durable, if it was written since */
ngx_int_t ngx_recording_journal_sync_thread(ngx_recording_mux_t *mux);

/*
 * Writes the journal anew, in a file that takes the place of the old one when
 * it is durable: whatever happens meanwhile, one of them is there and whole.
 * NGX_ERROR: mux->op and mux->err tell why; the old one goes on.
 */
ngx_int_t ngx_recording_journal_anew_thread(ngx_recording_mux_t *mux);

/* the same, if it has grown; that it fails is no harm */
void ngx_recording_journal_shrink_thread(ngx_recording_mux_t *mux);

/*
 * Makes a mux of the journal of file `id`, as it was at the last state; the
 * file itself is not opened.  NULL with errno: 0 if the journal is damaged
 * from its beginning on, ENODATA if it is empty, after a power cut.
 */
ngx_recording_mux_t *ngx_recording_journal_read_thread(
    ngx_recording_store_t *store, uint64_t id);

/*
 * Where a growing file stands by its journal, whoever writes it meanwhile:
 * what is not yet whole is as if it was not there.  NGX_DECLINED: there is no
 * journal; NGX_ERROR with errno, as above.
 */
ngx_int_t ngx_recording_journal_look_thread(ngx_recording_store_t *store,
    uint64_t id, ngx_recording_journal_look_t *look);

/*
 * Opens the file `id` that another worker wrote, or this one before a pause.
 * killed: its writer died, so that the file's own time of change tells when
 * its last frame came.  NULL: there is no journal of it, or no memory; errno
 * tells, as above.  mux->err: the file itself could not be opened; ENOENT: it
 * is not in work/.
 */
ngx_recording_mux_t *ngx_recording_journal_reopen_thread(
    ngx_recording_store_t *store, uint64_t id, ngx_uint_t killed);

/*
 * After a sync that failed: the file ends where it was durable, the frames
 * behind that are counted as dropped by the disk.  It takes no more samples.
 * If none is durable, mux->file.written is 0 afterwards; keep: what there is
 * stays in work/, with mux->kept.  NGX_ERROR: it is to be tried again.
 */
ngx_int_t ngx_recording_journal_back_thread(ngx_recording_mux_t *mux,
    ngx_uint_t keep);

/*
 * Several blocks that are written one after the other need it to be opened
 * once only; each opens it by itself otherwise.
 */
ngx_int_t ngx_recording_journal_open_thread(ngx_recording_mux_t *mux);
void ngx_recording_journal_close_thread(ngx_recording_mux_t *mux);

/*
 * Takes away what follows the last whole block, so that it is not read behind
 * new ones.
 */
ngx_int_t ngx_recording_journal_cut_thread(ngx_recording_mux_t *mux);

/*
 * The file is finished or lost: nothing of it is needed in work/.  The
 * journal goes last: as long as it is there, the next start removes the rest.
 */
ngx_int_t ngx_recording_journal_clear_thread(ngx_recording_store_t *store,
    uint64_t id);

/* whether a name in work/ is that of a journal: NGX_OK, and of which file */
ngx_int_t ngx_recording_journal_name(const char *name, uint64_t *id);

/* whether there is anything of it in work/, or that is not known */
ngx_uint_t ngx_recording_journal_left_thread(ngx_recording_store_t *store,
    uint64_t id);


#endif /* _NGX_RECORDING_JOURNAL_H_INCLUDED_ */
