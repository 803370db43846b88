
/* AMF0: a data message. */


#include "fuzz.h"
#include "ngx_recording_amf.h"


static void fuzz_properties(u_char *p, size_t size);


#define HEAD  "\2\0\x0d@setDataFrame\2\0\x0aonMetaData"

static const fuzz_seed_t  seeds[] = {
    fuzz_text(HEAD "\x08\0\0\0\2\0\5width\0\x40\x94\0\0\0\0\0\0"
              "\0\6stereo\1\1\0\0\x09"),
    fuzz_text(HEAD "\3\0\7encoder\2\0\4test\0\0\x09"),
    fuzz_text("\2\0\x0aonMetaData\3\0\1a\x0a\0\0\0\2\5\6\0\0\x09"),
    fuzz_text(HEAD "\3\0\1a\3\0\1b\3\0\1c\5\0\0\x09\0\0\x09\0\0\x09"),
    fuzz_text("\0\1d\x0b\0\0\0\0\0\0\0\0\0\0\0\1l\x0c\0\0\0\1x\0\0\x09"),
    fuzz_text("\0\1r\7\0\1\0\1a\x0a\0\0\0\1\x0a\0\0\0\0"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char  *p;
    size_t   left;

    p = (u_char *) data;
    left = size;

    if (ngx_recording_amf_metadata(&p, &left) == NGX_OK) {
        fuzz_check(left < size && p + left == data + size);
        fuzz_properties(p, left);
    }

    fuzz_properties((u_char *) data, size);

    return 0;
}


static void
fuzz_properties(u_char *p, size_t size)
{
    u_char     *end, *before;
    ngx_int_t   rc;
    ngx_str_t   name, whole;

    end = p + size;

    for ( ;; ) {
        before = p;

        rc = ngx_recording_amf_next(&p, &size, &name, &whole);

        fuzz_check(p + size == end);

        if (rc != NGX_OK) {
            fuzz_check(rc == NGX_DONE || rc == NGX_ERROR);
            fuzz_check(p == before);
            return;
        }

        fuzz_check(whole.data == before && p == before + whole.len);
        fuzz_check(name.data == before + 2 && whole.len > 2 + name.len);
    }
}
