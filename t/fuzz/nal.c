
/*
 * Access units of H.264: whatever they are, what is made of them is units
 * that fill them.  And parameter sets with start codes.
 */


#include "fuzz.h"
#include "ngx_recording_codec.h"
#include "ngx_recording_nal.h"


static void fuzz_unit(uint32_t length, u_char *p, size_t size);
static void fuzz_record(u_char *p, size_t size);


static const fuzz_seed_t  seeds[] = {
    fuzz_text("\0\0\0\2\x09\xf0\0\0\0\2\x65\x88"),
    fuzz_text("\0\0\0\1\x09\0\0\0\2\x65\x88\0"),
    fuzz_text("\0\0\0\1\x09\xf0\0\0\1\x65\x88\x84\0\0"),
    fuzz_text("\0\0\0\x0b\0\0\1\x09\xf0\0\0\0\1\x65\x88"),
    fuzz_text("\0\2\x09\xf0\0\2\x65\x88"),
    fuzz_text("\2\x09\xf0\2\x65\x88"),
    fuzz_text("\0\0\0\1\x67\x42\xc0\x0d\xd9\0\0\0\1\x68\xce\x3c\x80"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_unit(1, (u_char *) data, size);
    fuzz_unit(2, (u_char *) data, size);
    fuzz_unit(4, (u_char *) data, size);

    fuzz_record((u_char *) data, size);

    return 0;
}


static void
fuzz_unit(uint32_t length, u_char *p, size_t size)
{
    size_t      n, at, len;
    u_char     *out;
    uint32_t    i, units;
    ngx_int_t   rc;

    n = size;
    rc = ngx_recording_nal_look(length, p, &n);

    fuzz_check(rc == NGX_OK || rc == NGX_DECLINED || rc == NGX_ERROR);

    if (rc == NGX_ERROR) {
        return;
    }

    fuzz_check(n > length);

    out = malloc(n);

    if (rc == NGX_OK) {
        fuzz_check(n <= size);
        ngx_memcpy(out, p, n);

    } else {
        ngx_recording_nal_write(length, p, size, out);
    }

    for (at = 0, units = 0; at < n; at += len, units++) {
        fuzz_check(n - at > length);

        for (len = 0, i = 0; i < length; i++) {
            len = len << 8 | out[at++];
        }

        fuzz_check(len && len <= n - at);
        fuzz_check(units || len > 1);
    }

    fuzz_check(at == n && units);

    free(out);
}


static void
fuzz_record(u_char *p, size_t size)
{
    size_t                  n;
    u_char                 *out;
    ngx_recording_codec_t   c;

    out = malloc(size + 8);
    n = ngx_recording_nal_record(p, size, out);

    fuzz_check(n <= size + 8);

    if (n) {
        fuzz_check(ngx_recording_codec_avc(&c, out, n) == NGX_OK);
        fuzz_check(c.nal_length == 4);
    }

    free(out);
}
