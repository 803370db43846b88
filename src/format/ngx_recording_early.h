
/*
 * What of a growing file may be read before its end: what its journal knows as
 * durable, which recovery never cuts, wherever it lies by now.
 *
 * A file is its media, from ->begin on, and what stands in front of it, which
 * is made when the file is finished; that may move the media.  Offsets into
 * the media stay the same for ever.  Of HLS it is segments, from the first one
 * on, as the playlist lists them.
 *
 * Pool threads of any worker: nothing is asked of the one that writes.
 */


#ifndef _NGX_RECORDING_EARLY_H_INCLUDED_
#define _NGX_RECORDING_EARLY_H_INCLUDED_


#include "ngx_recording_mux.h"


typedef struct {
    const ngx_recording_format_t  *format;
    off_t                   begin;         /* of the media in the file, now */
    off_t                   length;        /* of the media, that is durable */
    ngx_uint_t              segments;      /* of HLS: that are */
    unsigned                moving:1;      /* the media is being moved: nothing
                                              can be read now */
} ngx_recording_early_t;


/*
 * NGX_OK; NGX_DECLINED: the file has no journal, it does not grow any more, or
 * not yet; NGX_ERROR with errno: it cannot be known now, 0: the journal is
 * damaged.
 */
ngx_int_t ngx_recording_early_look_thread(ngx_recording_store_t *store,
    uint64_t id, ngx_recording_early_t *early);

/*
 * The growing file, for reading; -1 with errno; not of HLS.  The descriptor is
 * for what was looked at before: if ->begin is another one by now, the name may
 * be another file's.
 */
int ngx_recording_early_open_thread(ngx_recording_store_t *store,
    uint64_t id, const ngx_recording_early_t *early);

/*
 * What was read of the media since ->look() was read where it lies: it was not
 * moved meanwhile.  NGX_AGAIN: it may have been, or that cannot be known.
 */
ngx_int_t ngx_recording_early_same_thread(ngx_recording_store_t *store,
    uint64_t id, const ngx_recording_early_t *early);

/*
 * Where the media of a finished file begins; -1 with errno, EINVAL: that is no
 * file of this format.
 */
off_t ngx_recording_early_begin_thread(const char *format, int fd);


#endif /* _NGX_RECORDING_EARLY_H_INCLUDED_ */
