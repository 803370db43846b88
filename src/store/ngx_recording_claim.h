
/*
 * A claim of a path: what was rendered, and how often it was taken.
 *
 * Pure.
 */


#ifndef _NGX_RECORDING_CLAIM_H_INCLUDED_
#define _NGX_RECORDING_CLAIM_H_INCLUDED_


#include "ngx_recording_file.h"


struct ngx_recording_claim_s {
    u_char                  base[NGX_RECORDING_PATH_MAX + 1];
    size_t                  len;           /* 0: it is known at the end */
    const char             *extension;
    ngx_uint_t              tries;
    ngx_uint_t              before;        /* tries, when it was last asked
                                              for */
};


/* for a path that cannot be: the file's id, which no directory stands in */
void ngx_recording_claim_by_id(ngx_recording_claim_t *claim, uint64_t id);

/* sets the path of the file to the next one that the claim has */
void ngx_recording_claim_next(ngx_recording_claim_t *claim,
    ngx_recording_file_t *file);


#endif /* _NGX_RECORDING_CLAIM_H_INCLUDED_ */
