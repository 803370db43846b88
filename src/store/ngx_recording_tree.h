
/*
 * The tree of finished files: what belongs to the store, but is needed only
 * when its catalogue is lost.
 *
 * Runs on pool threads only.
 */


#ifndef _NGX_RECORDING_TREE_H_INCLUDED_
#define _NGX_RECORDING_TREE_H_INCLUDED_


#include "ngx_recording_store.h"


#define NGX_RECORDING_LABEL  8192


typedef struct ngx_recording_tree_s  ngx_recording_tree_t;


/*
 * A text that stays with a file, as an extended attribute: what its row has.
 * Not every file system knows them: NGX_ERROR, or, if it is read, NGX_DECLINED,
 * as without a text; then NGX_ERROR is a disk that fails.  work: it lies in
 * work/, else in files/.  size of the buffer: NGX_RECORDING_LABEL.
 */
ngx_int_t ngx_recording_tree_label_thread(ngx_recording_store_t *store,
    ngx_uint_t work, const char *name, const char *text);
ngx_int_t ngx_recording_tree_read_thread(int fd, char *text);

/*
 * The files in files/, one after the other.  Of a directory only the entry
 * counts that whole() names, as it stands for all; NULL: each of them does.
 */
ngx_recording_tree_t *ngx_recording_tree_open_thread(
    ngx_recording_store_t *store, const char *(*whole)(int dir));
void ngx_recording_tree_close_thread(ngx_recording_tree_t *tree);

/*
 * The next one: its path, until the next call, and its descriptor, to be
 * closed.  NGX_DONE: that were all; NGX_ERROR: of one file or directory, the
 * next call goes on behind it.
 */
ngx_int_t ngx_recording_tree_next_thread(ngx_recording_tree_t *tree, int *fd,
    const char **path);


#endif /* _NGX_RECORDING_TREE_H_INCLUDED_ */
