
#include "ngx_recording_hmac.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>


ngx_int_t
ngx_recording_hmac_chain(const char *prefix, const ngx_str_t *secret,
    const ngx_str_t *parts, ngx_uint_t n, u_char signature[NGX_RECORDING_HMAC])
{
    size_t       len, head;
    u_char      *first, *done, key[NGX_RECORDING_HMAC];
    ngx_uint_t   i;

    head = ngx_strlen(prefix);
    len = head + secret->len;

    /* threads use it, too: not of a pool */

    first = malloc(len + 1);

    if (first == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(first, prefix, head), secret->data, secret->len);

    done = HMAC(EVP_sha256(), first, (int) len, parts[0].data, parts[0].len,
                signature, NULL);

    for (i = 1; done && i < n; i++) {
        ngx_memcpy(key, signature, NGX_RECORDING_HMAC);
        done = HMAC(EVP_sha256(), key, NGX_RECORDING_HMAC, parts[i].data,
                    parts[i].len, signature, NULL);
    }

    ngx_explicit_memzero(first, len);
    ngx_explicit_memzero(key, NGX_RECORDING_HMAC);

    free(first);

    return done ? NGX_OK : NGX_ERROR;
}
