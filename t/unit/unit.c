
/* What decoding can begin with, by the NAL units of a frame. */


#include "tap.h"
#include "ngx_recording_unit.h"


typedef struct {
    const char             *name;
    ngx_recording_codec_e   codec;
    ngx_uint_t              flag;
    ngx_uint_t              length;
    u_char                  data[40];
    size_t                  size;
    ngx_uint_t              key;
    ngx_uint_t              idr;
    ngx_uint_t              recovery;
} unit_test_t;


static void unit_table(void);
static void unit_no_picture(void);
static void unit_first(void);
static void unit_cut(void);
static void unit_large(void);
static void unit_lengths(void);
static void unit_padded(void);
static void unit_look(ngx_recording_frame_t *f, const unit_test_t *t,
    size_t size, size_t piece);


#define A  NGX_RECORDING_CODEC_H264
#define H  NGX_RECORDING_CODEC_HEVC


static const unit_test_t  unit_tests[] = {

    /* H.264 with lengths */

    { "an IDR", A, 1, 4, { 0, 0, 0, 2, 0x65, 0x88 }, 6, 1, 1, 0 },
    { "an IDR without the flag", A, 0, 4, { 0, 0, 0, 2, 0x65, 0x88 }, 6,
      1, 1, 0 },
    { "a slice", A, 0, 4, { 0, 0, 0, 2, 0x41, 0x9a }, 6, 0, 0, 0 },
    { "an I-frame of an open GOP", A, 1, 4, { 0, 0, 0, 2, 0x41, 0x88 }, 6,
      1, 0, 0 },
    { "parameter sets, then an IDR", A, 0, 4,
      { 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x67, 1, 2, 0, 0, 0, 2, 0x68, 1,
        0, 0, 0, 2, 0x25, 0x88 }, 25, 1, 1, 0 },
    { "lengths of two bytes", A, 0, 2, { 0, 2, 9, 0xf0, 0, 2, 0x65, 0x88 }, 8,
      1, 1, 0 },
    { "lengths of one byte", A, 0, 1, { 2, 9, 0xf0, 2, 0x65, 0x88 }, 6,
      1, 1, 0 },
    { "a first unit of one byte", A, 0, 4,
      { 0, 0, 0, 1, 9, 0, 0, 0, 2, 0x65, 0x88 }, 11, 1, 1, 0 },
    { "an empty unit", A, 0, 4, { 0, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88 }, 10,
      1, 1, 0 },
    { "a zero byte behind", A, 0, 4, { 0, 0, 0, 2, 0x65, 0x88, 0 }, 7,
      1, 1, 0 },
    { "nothing whole", A, 1, 4, { 0xff, 0, 0, 2, 0x65, 0x88 }, 6, 1, 0, 0 },
    { "no unit", A, 0, 4, { 0, 0, 0 }, 3, 0, 0, 0 },

    /* with start codes */

    { "start codes", A, 0, 4,
      { 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x65, 0x88 }, 17,
      1, 1, 0 },
    { "start codes of three bytes", A, 0, 4,
      { 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0x88 }, 10, 1, 1, 0 },
    { "start codes, a slice", A, 0, 4, { 0, 0, 0, 1, 0x41, 0x9a, 1 }, 7,
      0, 0, 0 },
    { "a recovery point between start codes", A, 0, 4,
      { 0, 0, 0, 1, 6, 6, 1, 0xc0, 0x80, 0, 0, 0, 1, 0x41, 0x9a }, 15,
      0, 0, 1 },
    { "an SEI does not go on in the next unit", A, 0, 4,
      { 0, 0, 0, 1, 6, 5, 1, 0, 0, 1, 6, 1, 9, 0, 0, 1, 0x41 }, 17, 0, 0, 0 },

    /* SEI */

    { "a recovery point", A, 0, 4,
      { 0, 0, 0, 5, 6, 6, 1, 0xc0, 0x80, 0, 0, 0, 2, 0x41, 0x9a }, 15,
      0, 0, 1 },
    { "a recovery point behind another message", A, 0, 4,
      { 0, 0, 0, 12, 6, 1, 4, 0, 0, 3, 0, 9, 6, 1, 0xc0, 0x80,
        0, 0, 0, 2, 0x41, 0x9a }, 22, 0, 0, 1 },
    { "a long type", A, 0, 4,
      { 0, 0, 0, 6, 6, 0xff, 6, 1, 0xc0, 0x80, 0, 0, 0, 2, 0x41, 0x9a }, 16,
      0, 0, 0 },
    { "an SEI cut short", A, 0, 4, { 0, 0, 0, 2, 6, 0xff }, 6, 0, 0, 0 },
    { "an SEI behind the slice", A, 0, 4,
      { 0, 0, 0, 2, 0x41, 0x9a, 0, 0, 0, 5, 6, 6, 1, 0xc0, 0x80 }, 15,
      0, 0, 0 },

    /* HEVC */

    { "HEVC: IDR_W_RADL", H, 0, 4, { 0, 0, 0, 3, 0x26, 1, 9 }, 7, 1, 1, 0 },
    { "HEVC: IDR_N_LP", H, 0, 4, { 0, 0, 0, 3, 0x28, 1, 9 }, 7, 1, 1, 0 },
    { "HEVC: BLA", H, 0, 4, { 0, 0, 0, 3, 0x20, 1, 9 }, 7, 1, 1, 0 },
    { "HEVC: CRA", H, 0, 4, { 0, 0, 0, 3, 0x2a, 1, 9 }, 7, 1, 0, 0 },
    { "HEVC: TRAIL_R", H, 0, 4, { 0, 0, 0, 3, 0x02, 1, 9 }, 7, 0, 0, 0 },
    { "HEVC: parameter sets, then an IDR", H, 0, 4,
      { 0, 0, 0, 3, 0x40, 1, 1, 0, 0, 0, 3, 0x42, 1, 1, 0, 0, 0, 3, 0x26, 1,
        9 }, 21, 1, 1, 0 },
    { "HEVC: a recovery point", H, 0, 4,
      { 0, 0, 0, 6, 0x4e, 1, 6, 1, 0xc0, 0x80, 0, 0, 0, 3, 2, 1, 9 }, 17,
      0, 0, 1 },
    { "HEVC: start codes", H, 0, 4,
      { 0, 0, 0, 1, 0x40, 1, 1, 0, 0, 1, 0x26, 1, 9 }, 13, 1, 1, 0 },
    { "HEVC: half a unit's head", H, 0, 4, { 0, 0, 0, 1, 0x26 }, 5, 0, 0, 0 },
};

/* of these none is a picture, whatever the flag says */

static const unit_test_t  unit_alone[] = {
    { "a delimiter", A, 1, 4, { 0, 0, 0, 2, 9, 0xf0 }, 6, 0, 0, 0 },
    { "a delimiter with a start code", A, 1, 4, { 0, 0, 0, 1, 9, 0xf0 }, 6,
      0, 0, 0 },
    { "an SEI and parameter sets", A, 1, 4,
      { 0, 0, 0, 4, 6, 5, 1, 0x80, 0, 0, 0, 2, 0x67, 1 }, 14, 0, 0, 0 },
    { "HEVC: a delimiter", H, 1, 4, { 0, 0, 0, 3, 70, 1, 0x50 }, 7, 0, 0, 0 },
};


#define UNIT_N  (sizeof(unit_tests) / sizeof(unit_tests[0]))


int
main(void)
{
    unit_table();
    unit_no_picture();
    unit_first();
    unit_cut();
    unit_large();
    unit_padded();
    unit_lengths();

    return tap_done();
}


/* in one piece, and in pieces of one byte to three */

static void
unit_table(void)
{
    size_t                 piece;
    ngx_uint_t             i;
    const unit_test_t     *t;
    ngx_recording_frame_t  f;

    for (i = 0; i < UNIT_N; i++) {
        t = &unit_tests[i];

        for (piece = 0; piece <= 3; piece++) {
            unit_look(&f, t, t->size, piece);

            ok(f.key == t->key && f.idr == t->idr
               && f.recovery == t->recovery,
               "%s, pieces of %d: key %d, idr %d, recovery %d", t->name,
               (int) piece, f.key, f.idr, f.recovery);
        }
    }
}


static void
unit_no_picture(void)
{
    size_t                 piece;
    ngx_uint_t             i;
    const unit_test_t     *t;
    ngx_recording_frame_t  f;

    for (i = 0; i < sizeof(unit_alone) / sizeof(unit_alone[0]); i++) {
        t = &unit_alone[i];

        for (piece = 0; piece <= 3; piece++) {
            unit_look(&f, t, t->size, piece);

            ok(!f.picture && !f.key && !f.idr, "%s alone, pieces of %d",
               t->name, (int) piece);

            /* behind a start code a unit is as long as it is */

            unit_look(&f, t, t->size - 1, piece);

            ok(f.picture == (t->data[3] != 1), "%s cut short", t->name);
        }
    }

    unit_look(&f, &unit_tests[0], unit_tests[0].size, 0);
    ok(f.picture, "an IDR is a picture");
}


/* cut at each byte: nothing is read behind the end */

static void
unit_cut(void)
{
    size_t                 size;
    ngx_uint_t             i, wrong;
    const unit_test_t     *t;
    ngx_recording_frame_t  f;

    for (wrong = 0, i = 0; i < UNIT_N; i++) {
        t = &unit_tests[i];

        for (size = 0; size < t->size; size++) {
            unit_look(&f, t, size, 0);
            unit_look(&f, t, size, 1);

            wrong += f.key && !f.idr && !t->flag && t->idr;
        }
    }

    is(wrong, 0, "cut short");
}


/* frames that are made to take time */

static void
unit_large(void)
{
    u_char                *p;
    size_t                 i, size;
    ngx_recording_unit_t   u;
    ngx_recording_frame_t  f;

    size = 16 * 1024 * 1024;
    p = malloc(size);

    if (p == NULL) {
        return;
    }

    ngx_memzero(&f, sizeof(ngx_recording_frame_t));
    f.codec = A;

    /* empty units only, then start codes only, then SEI only */

    ngx_memzero(p, size);
    ngx_recording_unit_piece(&u, p, size);
    ngx_recording_unit_look(&f, &u, 1);

    is(f.key, 0, "empty units");
    ok((size_t) (u.pos - p) < 65536, "not all of them are read");

    for (i = 0; i + 4 <= size; i += 4) {
        p[i + 2] = 1;
        p[i + 3] = 6;
    }

    ngx_recording_unit_piece(&u, p, size);
    ngx_recording_unit_look(&f, &u, 4);

    is(f.key, 0, "start codes");

    ngx_memset(p, 0xff, size);
    p[0] = 0;
    p[1] = 0xff;
    p[4] = 6;

    ngx_recording_unit_piece(&u, p, size);
    ngx_recording_unit_look(&f, &u, 4);

    is(f.recovery, 0, "an SEI of 16 MB");

    free(p);
}


/* a length of 256 to 511 begins as a start code, and zero bytes follow */

static void
unit_padded(void)
{
    u_char                 p[4 + 511 + 8];
    ngx_uint_t             len, zeros, wrong;
    ngx_recording_unit_t   u;
    ngx_recording_frame_t  f;

    wrong = 0;

    for (len = 256; len < 512; len++) {
        for (zeros = 0; zeros <= 8; zeros++) {

            ngx_memset(p, 0xff, sizeof(p));
            p[0] = 0;
            p[1] = 0;
            p[2] = 1;
            p[3] = (u_char) len;
            p[4] = 0x41;
            ngx_memzero(p + 4 + len, zeros);

            ngx_memzero(&f, sizeof(ngx_recording_frame_t));
            f.codec = A;
            f.picture = 1;

            ngx_recording_unit_piece(&u, p, 4 + len + zeros);
            ngx_recording_unit_look(&f, &u, 4);

            wrong += !f.picture || f.key;
        }
    }

    is(wrong, 0, "slices with zero bytes behind are pictures");
}


/* frames of the usual size: of most of them the first unit says it all */

static void
unit_first(void)
{
    static const struct {
        const char             *name;
        u_char                  head[5];
        u_char                  second;    /* the head of a unit at 604 */
        ngx_uint_t              flag;
        ngx_uint_t              key;
        ngx_uint_t              idr;
    } tests[] = {
        { "an IDR", { 0, 0, 3, 0xe4, 0x65 }, 0, 0, 1, 1 },
        { "a slice", { 0, 0, 3, 0xe4, 0x41 }, 0, 0, 0, 0 },
        { "an open GOP", { 0, 0, 3, 0xe4, 0x41 }, 0, 1, 1, 0 },
        { "two slices", { 0, 0, 2, 0x58, 0x41 }, 0x41, 0, 0, 0 },
        { "more than there is", { 0, 0, 4, 0xb0, 0x65 }, 0, 0, 0, 0 },
        { "one byte more", { 0, 0, 3, 0xe5, 0x65 }, 0, 0, 0, 0 },
        { "an odd unit, an IDR", { 0, 0, 2, 0x58, 0x40 }, 0x65, 0, 1, 1 },
        { "a delimiter, an IDR", { 0, 0, 2, 0x58, 9 }, 0x65, 0, 1, 1 },
        { "start codes, an IDR", { 0, 0, 1, 0x65, 0x41 }, 0, 0, 1, 1 },
        { "start codes, a slice", { 0, 0, 1, 0x41, 0x65 }, 0, 0, 0, 0 },
    };

    u_char                 data[1000];
    ngx_uint_t             i;
    ngx_recording_unit_t   u;
    ngx_recording_frame_t  f;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        memset(data, 0x55, sizeof(data));
        ngx_memcpy(data, tests[i].head, sizeof(tests[i].head));

        if (tests[i].second) {
            ngx_memcpy(data + 604, "\0\0\1\x88", 4);
            data[608] = tests[i].second;
        }

        ngx_memzero(&f, sizeof(ngx_recording_frame_t));
        f.codec = A;
        f.key = tests[i].flag;
        f.idr = tests[i].flag;
        f.picture = 1;
        f.recovery = 1;

        ngx_recording_unit_piece(&u, data, sizeof(data));
        ngx_recording_unit_look(&f, &u, 4);

        ok(f.key == tests[i].key && f.idr == tests[i].idr && !f.recovery
           && f.picture, "of 1000 bytes: %s", tests[i].name);
    }
}


static void
unit_lengths(void)
{
    u_char  avc[7] = { 1, 0x64, 0, 0x1f, 0xfd, 0xe1, 0 };
    u_char  hvc[23];

    ngx_memzero(hvc, sizeof(hvc));

    is(ngx_recording_unit_length(A, avc, 7), 2, "avcC");
    is(ngx_recording_unit_length(A, avc, 4), 4, "avcC, cut short");

    avc[4] = 0xfe;
    is(ngx_recording_unit_length(A, avc, 7), 4, "three bytes are not allowed");

    is(ngx_recording_unit_length(H, hvc, 23), 1, "hvcC");
    is(ngx_recording_unit_length(H, hvc, 21), 4, "hvcC, cut short");
    is(ngx_recording_unit_length(NGX_RECORDING_CODEC_AV1, hvc, 23), 4,
       "another codec");
}


/* pieces of so many bytes; 0: one */

static void
unit_look(ngx_recording_frame_t *f, const unit_test_t *t, size_t size,
    size_t piece)
{
    u_char                *p;
    size_t                 at, n;
    ngx_buf_t              buf[40];
    ngx_chain_t            chain[40];
    ngx_recording_unit_t   u;

    p = tap_copy(t->data, size);

    ngx_memzero(f, sizeof(ngx_recording_frame_t));
    f->codec = t->codec;
    f->key = t->flag;
    f->idr = t->flag;
    f->picture = 1;

    ngx_recording_unit_piece(&u, p, size);

    if (piece && size) {
        ngx_memzero(buf, sizeof(buf));

        for (at = 0, n = 0; at < size; at += piece, n++) {
            buf[n].pos = p + at;
            buf[n].last = p + ngx_min(at + piece, size);
            chain[n].buf = &buf[n];
            chain[n].next = at + piece < size ? &chain[n + 1] : NULL;
        }

        ngx_recording_unit_chain(&u, chain, 0);
    }

    ngx_recording_unit_look(f, &u, t->length);

    free(p);
}
