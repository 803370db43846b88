
/*
 * What the signatures of AWS and of Tencent's API 3.0 are made with: HMACs of
 * SHA-256, each with the one before as its key, so that a signature is bound
 * to a day and a service.
 *
 * Pure: any thread.
 */


#ifndef _NGX_RECORDING_HMAC_H_INCLUDED_
#define _NGX_RECORDING_HMAC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_HMAC  32       /* bytes of one */


/*
 * The first key is the prefix and the secret; parts are signed one after the
 * other, the last one is the text.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_recording_hmac_chain(const char *prefix,
    const ngx_str_t *secret, const ngx_str_t *parts, ngx_uint_t n,
    u_char signature[NGX_RECORDING_HMAC]);


#endif /* _NGX_RECORDING_HMAC_H_INCLUDED_ */
