
/*
 * The editor: makes a file of others, trimmed and spliced, frame by frame as
 * they are.  Each worker has one, which takes one task at a time from the
 * catalogue (ngx_recording_catalogue_edit.h).
 *
 *   take --> plan --> create --> begin --> open --> copy --> complete
 *    ^        |  each           the row              |         |
 *    |        |  source                              |         v
 *    |        v                                      v       finish, as any
 *    +---- failed, or left to another worker <-------+       other file
 *
 * Runs in the loop; the work is a job of the background, in slices of some
 * 50 ms, between which others of the background have their turn.  Until all is
 * copied the journal says that the file is not whole: whoever finds it after a
 * kill removes it, and the task waits again.
 *
 * Lives as long as the worker.
 */


#ifndef _NGX_RECORDING_EDITOR_H_INCLUDED_
#define _NGX_RECORDING_EDITOR_H_INCLUDED_


#include "ngx_recording_worker.h"


/* loop, once in a worker: begins, when the store is open */
void ngx_recording_editor_start(ngx_recording_worker_t *worker);


#endif /* _NGX_RECORDING_EDITOR_H_INCLUDED_ */
