
/*
 * Journals: the checksums are made right, so that what a record says is looked
 * at.
 */

/* libs: -lavformat -lavcodec -lavutil */

#include "fuzz.h"
#include "ngx_recording_av.h"

/* that a journal is read from memory is private to these files */

#include "../../src/format/ngx_recording_journal_read.c"
#include "../../src/format/ngx_recording_journal_look.c"
#include "../../src/format/ngx_recording_early.c"


static void fuzz_look(u_char *p, size_t size, ngx_recording_mux_t *mux);
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

    fuzz_look(p, size, mux);
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


/* whoever does not have the file sees the same */

static void
fuzz_look(u_char *p, size_t size, ngx_recording_mux_t *mux)
{
    ngx_recording_early_t         early;
    ngx_recording_journal_head_t  head;
    ngx_recording_journal_look_t  look;

    if (ngx_recording_journal_look(&look, p, size) != NGX_OK) {
        fuzz_check(mux == NULL);
        return;
    }

    /* it does not look at what it does not need: that may be damaged */

    if (mux && ngx_recording_journal_record_next(&head, p + mux->journal_pos,
                                                 size - mux->journal_pos)
               != NGX_OK)
    {
        fuzz_check(look.format == mux->format);
        fuzz_check(look.settled == mux->settled);
    }

    if (ngx_recording_early_set(&early, &look) == NGX_OK) {
        fuzz_check(early.begin >= 0 && early.length >= 0);
        fuzz_check((uint64_t) early.length <= look.settled);
    }
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
