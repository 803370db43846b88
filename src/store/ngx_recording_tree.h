
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


typedef ngx_int_t (*ngx_recording_tree_file_pt)(void *data, int fd,
    const char *path);


/*
 * A text that stays with a file, as an extended attribute: what its row has.
 * Not every file system knows them: NGX_ERROR.  work: it lies in work/, else
 * in files/.  size of the buffer: NGX_RECORDING_LABEL.
 */
ngx_int_t ngx_recording_tree_label_thread(ngx_recording_store_t *store,
    ngx_uint_t work, const char *name, const char *text);
ngx_int_t ngx_recording_tree_read_thread(int fd, char *text);

/*
 * Calls back with the path of each file in files/, and its descriptor, until
 * it returns something else than NGX_OK, or NGX_AGAIN: nginx ends at once.  Of
 * a directory only the entry counts that whole() names, as it stands for all;
 * NULL: each of them does.
 */
ngx_int_t ngx_recording_tree_walk_thread(ngx_recording_store_t *store,
    const char *(*whole)(int dir), ngx_recording_tree_file_pt file,
    void *data);


#endif /* _NGX_RECORDING_TREE_H_INCLUDED_ */
