
/*
 * Journals: the checksums are made right, so that what a record says is looked
 * at.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "fuzz.h"

/* that a journal is read from memory is private to this file */

#include "../../src/format/ngx_recording_journal_read.c"


static void fuzz_seal(u_char *p, size_t size);


static const fuzz_seed_t  seeds[] = {
    fuzz_text("crc.\1\0\0\0\200\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"),
    fuzz_text("crc.\40\0\0\0\20\0\0\0\0\0\0\0\1\0\0\0\20\0\0\0"
              "\2\0\0\0\0\0\0\0\4\3\2\1\0\0\0\0"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                *p;
    ngx_recording_mux_t   *mux;

    static ngx_recording_store_t  store;

    p = malloc(size + 1);

    fuzz_check(p != NULL);
    ngx_memcpy(p, data, size);

    fuzz_seal(p, size);

    mux = ngx_recording_journal_parse(&store, p, size);

    free(p);

    if (mux == NULL) {
        fuzz_check(errno == 0);
        return 0;
    }

    fuzz_check(mux->journal_pos <= (off_t) size);
    fuzz_check(mux->file.path_len < NGX_RECORDING_FILE_PATH);
    fuzz_check(mux->media[NGX_RECORDING_VIDEO].present
               || mux->media[NGX_RECORDING_AUDIO].present);

    ngx_recording_mux_close_thread(mux);

    return 0;
}


/* each record ends where the input does, at the latest */

static void
fuzz_seal(u_char *p, size_t size)
{
    ngx_recording_journal_head_t  head;

    while (size >= sizeof(head)) {
        ngx_memcpy(&head, p, sizeof(head));

        head.size = ngx_min((head.size & 0xffff), size - sizeof(head));
        ngx_memcpy(p, &head, sizeof(head));

        head.crc = ngx_recording_av_crc(UINT32_MAX, p + sizeof(head.crc),
                                        sizeof(head) - sizeof(head.crc)
                                        + head.size);
        ngx_memcpy(p, &head, sizeof(head));

        p += sizeof(head) + head.size;
        size -= sizeof(head) + head.size;
    }
}
