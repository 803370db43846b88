
/*
 * Journals: the checksums are made right, so that what a record says is looked at.
 */

/* link: build/src/nginx/src/core/ngx_sha1.c */
/* link: src/format/ngx_recording_hls_dir.c src/store/ngx_recording_descriptors.c */
/* link: src/format/ngx_recording_mux_hold.c */
/* link: src/format/ngx_recording_mux.c src/format/ngx_recording_mp4_index.c */
/* link: src/format/ngx_recording_mux_durable.c src/store/ngx_recording_busy.c */
/* link: src/format/ngx_recording_mp4.c src/format/ngx_recording_journal_file.c */
/* link: src/store/ngx_recording_path.c src/store/ngx_recording_claim.c */
/* link: src/format/ngx_recording_playlist.c */
/* link: src/media/ngx_recording_ts.c src/core/ngx_recording_io.c */
/* link: src/format/ngx_recording_hls_reopen.c src/format/ngx_recording_flv_meta.c */
/* link: src/format/ngx_recording_hls_ts.c src/media/ngx_recording_nal.c */
/* link: src/format/ngx_recording_av.c src/store/ngx_recording_store.c */
/* link: src/store/ngx_recording_growth.c */
/* link: src/format/ngx_recording_flv.c src/format/ngx_recording_hls.c */
/* link: src/format/ngx_recording_hls_cut.c */
/* link: src/format/ngx_recording_aac.c src/media/ngx_recording_amf.c */
/* link: src/media/ngx_recording_frame.c src/media/ngx_recording_codec.c */
/* link: src/core/ngx_recording_reader.c src/format/ngx_recording_hls_save.c */
/* link: src/format/ngx_recording_journal.c */
/* link: src/format/ngx_recording_journal_old.c */
/* link: src/format/ngx_recording_journal_layout.c */
/* link: src/format/ngx_recording_formats.c src/media/ngx_recording_media.c */
/* link: src/format/ngx_recording_journal_reopen.c */
/* link: src/format/ngx_recording_trial.c src/format/ngx_recording_journal_back.c */
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
