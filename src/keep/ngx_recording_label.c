
#include "ngx_recording_label.h"
#include "ngx_recording_tree.h"


typedef struct {
    ngx_recording_file_t    file;
    ngx_recording_label_t   label;
    char                    written[NGX_RECORDING_LABEL];  /* the brief one */
} ngx_recording_labelled_t;


void
ngx_recording_label_thread(ngx_recording_store_t *store,
    const ngx_recording_label_t *label, ngx_uint_t work, const char *name)
{
    if (label->text[0]
        && ngx_recording_tree_label_thread(store, work, name, label->text)
           == NGX_OK)
    {
        return;
    }

    if (label->brief[0]) {
        (void) ngx_recording_tree_label_thread(store, work, name,
                                               label->brief);
    }
}


void
ngx_recording_label_again_thread(ngx_recording_store_t *store,
    ngx_recording_catalogue_t *catalogue, uint64_t file_id)
{
    ngx_recording_labelled_t         *labelled;
    ngx_recording_catalogue_error_t   err;

    labelled = calloc(1, sizeof(ngx_recording_labelled_t));

    if (labelled == NULL) {
        return;
    }

    labelled->file.id = file_id;
    labelled->label.file = &labelled->file;

    /* until the row says what was written: another worker may have written
       what it says by now before this one has written what it said */

    while (ngx_recording_catalogue_label_thread(catalogue, &labelled->label,
                                                &err)
           == NGX_OK
           && strcmp(labelled->label.brief, labelled->written) != 0)
    {
        ngx_recording_label_thread(store, &labelled->label, 0,
                                   (char *) labelled->file.path);
        strcpy(labelled->written, labelled->label.brief);
    }

    free(labelled);
}
