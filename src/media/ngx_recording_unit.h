
/*
 * What decoding can begin with: a look at the NAL units of an access unit of
 * H.264 or HEVC.
 *
 * Pure: no nginx runtime, no allocation, any thread.  The bytes come from the
 * network; they lie in one piece or in a chain, and of a large frame only the
 * heads of its units are read.
 */


#ifndef _NGX_RECORDING_UNIT_H_INCLUDED_
#define _NGX_RECORDING_UNIT_H_INCLUDED_


#include "ngx_recording_frame.h"


/* a place in a message, which the caller holds */

typedef struct {
    u_char                 *pos;
    u_char                 *last;
    ngx_chain_t            *next;          /* what follows; NULL: nothing */
} ngx_recording_unit_t;


/* begins at the first byte of one piece */
static ngx_inline void
ngx_recording_unit_piece(ngx_recording_unit_t *u, u_char *p, size_t size)
{
    u->pos = p;
    u->last = p + size;
    u->next = NULL;
}


/* begins so many bytes behind the first one of a chain, or at its end */
void ngx_recording_unit_chain(ngx_recording_unit_t *u, ngx_chain_t *in,
    size_t skip);

/*
 * The bytes of a NAL unit's length by a sequence header (avcC, hvcC), or 4 if
 * that does not say it: 1, 2 or 4.
 */
ngx_uint_t ngx_recording_unit_length(ngx_recording_codec_e codec, u_char *p,
    size_t size);

/*
 * Looks into a frame, from its body on, and sets:
 *
 *   f->key       also if it is an IDR (HEVC: IRAP) without the flag
 *   f->idr       only if it is an IDR (HEVC: IDR or BLA)
 *   f->recovery  it has a recovery point (SEI)
 *   f->picture   cleared, and the key frame with it, if its units are whole
 *                and none has to do with a picture: an SEI or a delimiter
 *                that came alone
 *
 * Other codecs than H.264 and HEVC are left as they are.  The units have
 * lengths of so many bytes, or start codes (Annex B).
 */
void ngx_recording_unit_look(ngx_recording_frame_t *f,
    ngx_recording_unit_t *u, ngx_uint_t length);


#endif /* _NGX_RECORDING_UNIT_H_INCLUDED_ */
