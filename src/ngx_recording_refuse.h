
/*
 * Tracks that a format does not take: they are left out of its files, which
 * costs the other track nothing.
 *
 * Runs on pool threads, as a part of the writer's job.
 */


#ifndef _NGX_RECORDING_REFUSE_H_INCLUDED_
#define _NGX_RECORDING_REFUSE_H_INCLUDED_


#include "ngx_recording_writer.h"


/* the tracks of a new file: what is published now; nothing is copied */
void ngx_recording_refuse_tracks(ngx_recording_writer_t *w,
    ngx_recording_media_t *media);

/* asks the muxers of all formats, before files are cut: once for a header */
void ngx_recording_refuse_ask_thread(ngx_recording_writer_t *w);

/* one warning for an output and a track that is left out of it */
void ngx_recording_refuse_say_thread(ngx_recording_writer_t *w,
    ngx_recording_output_t *out);


#endif /* _NGX_RECORDING_REFUSE_H_INCLUDED_ */
