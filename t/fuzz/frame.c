
/*
 * Audio and video messages and their sequence headers: the input is read as
 * each of them.
 */


#include "fuzz.h"
#include "headers.h"
#include "ngx_recording_codec.h"
#include "ngx_recording_unit.h"


static void fuzz_look(ngx_recording_codec_e codec, ngx_uint_t length,
    u_char *p, size_t size);
static void fuzz_message(ngx_uint_t track, u_char *p, size_t size);
static void fuzz_header(ngx_recording_codec_e codec, u_char *p, size_t size);


static const fuzz_seed_t  seeds[] = {
    fuzz_bytes(avc_180),
    fuzz_bytes(avc_480),
    fuzz_bytes(avc_1080),
    fuzz_bytes(avc_1080i),
    fuzz_bytes(avc_422),
    fuzz_bytes(avc_444),
    fuzz_bytes(aac_48000_2),
    fuzz_bytes(aac_96000_8),
    fuzz_bytes(mp3_44100_2),
    fuzz_bytes(mp3_11025_1),
    fuzz_text("\x2b\x92\x08\x00"),
    fuzz_text("\x17\0\0\0\0\1\x42\xc0\x0d\xff\xe1\0\x04\x67\x42\xc0\x0d"),
    fuzz_text("\x17\1\0\0\0\0\0\0\2\x65\x88"),
    fuzz_text("\x27\1\xff\xff\xd8\0\0\0\1\x41"),
    fuzz_text("\xaf\0\x11\x90"),
    fuzz_text("\xaf\1\x21\x10"),
    fuzz_text("\x2f\xff\xfb\x90\x64"),
    fuzz_text("\x90hvc1\1\2\3"),
    fuzz_text("\xa1hvc1\0\0\x28\1\2"),
    fuzz_text("\x91Opus\1"),
    fuzz_text("\0\0\0\2\x09\xf0\0\0\0\1\x65"),
    fuzz_text("\0\0\0\1\x09\xf0\0\0\1\6\6\1\xc0\x80\0\0\1\x41\x9a"),
    fuzz_text("\0\0\0\5\6\6\1\xc0\x80\0\0\0\2\x41\x9a"),
    fuzz_text("\0\0\0\6\x4e\1\6\1\xc0\x80\0\0\0\3\x2a\1\x9a"),
    fuzz_text("\xa7\2\1\2\3\1hvc1\0\0\x28\1\2"),
    fuzz_text("\x1c\1\0\0\0\0\0\0\3\x26\1\xaf"),
    fuzz_text("\x91" "fLaC\1"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char      *p;
    ngx_uint_t   i;

    p = (u_char *) data;

    fuzz_message(NGX_RECORDING_VIDEO, p, size);
    fuzz_message(NGX_RECORDING_AUDIO, p, size);

    fuzz_header(NGX_RECORDING_CODEC_H264, p, size);
    fuzz_header(NGX_RECORDING_CODEC_AAC, p, size);
    fuzz_header(NGX_RECORDING_CODEC_MP3, p, size);

    for (i = 1; i <= 4; i *= 2) {
        fuzz_look(NGX_RECORDING_CODEC_H264, i, p, size);
        fuzz_look(NGX_RECORDING_CODEC_HEVC, i, p, size);
    }

    return 0;
}


static void
fuzz_message(ngx_uint_t track, u_char *p, size_t size)
{
    ngx_int_t              rc, head;
    ngx_recording_frame_t  f, first;

    rc = ngx_recording_frame_parse(&f, track, p, size);

    fuzz_check(rc == NGX_OK || rc == NGX_DECLINED || rc == NGX_ERROR);
    fuzz_check(f.codec < NGX_RECORDING_CODECS);
    fuzz_check(ngx_recording_codec_name(f.codec) != NULL);

    if (rc == NGX_OK) {
        fuzz_check(f.codec != NGX_RECORDING_CODEC_NONE);
        fuzz_check(f.body < size);
        fuzz_check(f.composition >= -8388608 && f.composition <= 8388607);
    }

    if (rc == NGX_OK && f.header) {
        fuzz_header(f.codec, p + f.body, size - f.body);
    }

    /* the loop sees only the first bytes, and must see the same */

    if (size > NGX_RECORDING_FRAME_HEAD) {
        head = ngx_recording_frame_parse(&first, track, p,
                                         NGX_RECORDING_FRAME_HEAD);

        fuzz_check(head == rc);
        fuzz_check(first.codec == f.codec && first.key == f.key
                   && first.header == f.header && first.body == f.body
                   && first.stray == f.stray
                   && first.composition == f.composition);
    }
}


static void
fuzz_header(ngx_recording_codec_e codec, u_char *p, size_t size)
{
    ngx_recording_codec_t  c;

    switch (codec) {

    case NGX_RECORDING_CODEC_H264:
        if (ngx_recording_codec_avc(&c, p, size) == NGX_OK) {
            fuzz_check(c.nal_length == 1 || c.nal_length == 2
                       || c.nal_length == 4);
            fuzz_check(c.width <= 16384 && c.height <= 16384);
            fuzz_check((c.width == 0) == (c.height == 0));
        }

        break;

    case NGX_RECORDING_CODEC_AAC:
        if (ngx_recording_codec_aac(&c, p, size) == NGX_OK) {
            fuzz_check(c.sample_rate >= 1000 && c.sample_rate <= 192000);
            fuzz_check(c.channels <= 8);
            fuzz_check(c.samples <= 4096);
        }

        break;

    case NGX_RECORDING_CODEC_MP3:
        if (ngx_recording_codec_mp3(&c, p, size) == NGX_OK) {
            fuzz_check(c.sample_rate >= 8000 && c.sample_rate <= 48000);
            fuzz_check(c.channels == 1 || c.channels == 2);
            fuzz_check(c.samples == 1152 || c.samples == 576);
        }

        break;

    default:
        break;
    }
}


/* one piece and a chain of pieces, of which some are empty, say the same */

static void
fuzz_look(ngx_recording_codec_e codec, ngx_uint_t length, u_char *p,
    size_t size)
{
    size_t                 at, len;
    ngx_uint_t             i;
    ngx_buf_t              buf[8];
    ngx_chain_t            chain[8];
    ngx_recording_unit_t   u;
    ngx_recording_frame_t  whole, parts;

    ngx_memzero(&whole, sizeof(ngx_recording_frame_t));
    whole.codec = codec;
    parts = whole;

    ngx_recording_unit_piece(&u, p, size);
    ngx_recording_unit_look(&whole, &u, length);

    ngx_memzero(buf, sizeof(buf));

    for (at = 0, i = 0; i < 8; i++) {
        len = i == 7 ? size - at
                     : ngx_min(size - at, size ? p[i % size] % 7 : 0);

        buf[i].pos = p + at;
        buf[i].last = p + at + len;
        at += len;

        chain[i].buf = &buf[i];
        chain[i].next = i == 7 ? NULL : &chain[i + 1];
    }

    ngx_recording_unit_chain(&u, chain, 0);
    ngx_recording_unit_look(&parts, &u, length);

    fuzz_check(whole.key == parts.key && whole.idr == parts.idr
               && whole.recovery == parts.recovery);
    fuzz_check(whole.key || !whole.idr);
}
