
/*
 * Values from the network as they may stand in a message.
 *
 * Pure: any thread.
 */


#ifndef _NGX_RECORDING_TEXT_H_INCLUDED_
#define _NGX_RECORDING_TEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_TEXT  400      /* bytes of a value in a message */


/*
 * Makes a value printable between double quotes: control characters, bytes
 * that are no UTF-8, characters that change the order or the look of others,
 * quotes and backslashes become \xHH.  What finds no room within
 * NGX_RECORDING_TEXT bytes is left out, and "..." says so.  Returns buf, which
 * ends with a null character.
 */
char *ngx_recording_text(char buf[NGX_RECORDING_TEXT + 4], u_char *p,
    size_t len);

/* 64 bits that tell one value from others (FNV-1a); it is no protection */

static ngx_inline uint64_t
ngx_recording_text_hash(const u_char *p, size_t len)
{
    uint64_t  hash;

    for (hash = 0xcbf29ce484222325ULL; len; len--) {
        hash = (hash ^ *p++) * 0x100000001b3ULL;
    }

    return hash;
}


/* what the cloud knows a template by: the same for a name, from 1 on and below
   2^31 */

static ngx_inline int64_t
ngx_recording_text_id(const u_char *p, size_t len)
{
    uint64_t  hash;

    hash = ngx_recording_text_hash(p, len);
    hash = (hash ^ (hash >> 32)) & 0x7fffffff;

    return hash ? (int64_t) hash : 1;
}


#endif /* _NGX_RECORDING_TEXT_H_INCLUDED_ */
