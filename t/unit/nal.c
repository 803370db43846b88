
/* Access units of H.264 as muxers need them. */


#include "tap.h"
#include "ngx_recording_nal.h"


typedef struct {
    const char             *name;
    uint32_t                length;
    u_char                  data[48];
    size_t                  size;
    ngx_int_t               rc;
    u_char                  want[48];       /* what is declined becomes */
    size_t                  left;           /* of it, or of the data */
} nal_test_t;


static void nal_table(void);
static void nal_cut(void);
static void nal_large(void);
static void nal_ambiguous(void);
static void nal_one(void);
static void nal_record(void);


static const nal_test_t  nal_tests[] = {

    /* as it should be */

    { "one unit", 4, { 0, 0, 0, 2, 0x65, 1 }, 6, NGX_OK, { 0 }, 6 },
    { "two units", 4, { 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 2, 0x65, 1 }, 12,
      NGX_OK, { 0 }, 12 },
    { "lengths of two bytes", 2, { 0, 2, 0x65, 1, 0, 1, 1 }, 7, NGX_OK,
      { 0 }, 7 },
    { "lengths of one byte", 1, { 2, 0x65, 1, 1, 1 }, 5, NGX_OK, { 0 }, 5 },
    { "an end of sequence behind", 4, { 0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 10 },
      11, NGX_OK, { 0 }, 11 },

    /* but for what is behind */

    { "a zero byte behind", 4, { 0, 0, 0, 2, 0x65, 1, 0 }, 7, NGX_OK,
      { 0 }, 6 },
    { "three zero bytes behind", 4, { 0, 0, 0, 2, 0x65, 1, 0, 0, 0 }, 9,
      NGX_OK, { 0 }, 6 },
    { "four zero bytes behind", 4, { 0, 0, 0, 2, 0x65, 1, 0, 0, 0, 0 }, 10,
      NGX_OK, { 0 }, 6 },
    { "seven zero bytes behind", 4,
      { 0, 0, 0, 2, 0x65, 1, 0, 0, 0, 0, 0, 0, 0 }, 13, NGX_OK, { 0 }, 6 },
    { "a zero byte behind lengths of two", 2, { 0, 3, 0x65, 1, 1, 0 }, 6,
      NGX_OK, { 0 }, 5 },

    /* to be written anew */

    { "an empty unit in front", 4, { 0, 0, 0, 0, 0, 0, 0, 2, 0x65, 1 }, 10,
      NGX_DECLINED, { 0, 0, 0, 2, 0x65, 1 }, 6 },
    { "an empty unit between", 4,
      { 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 0, 0, 0, 0, 2, 0x65, 1 }, 16,
      NGX_DECLINED, { 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 2, 0x65, 1 }, 12 },
    { "a first unit of one byte", 4, { 0, 0, 0, 1, 9, 0, 0, 0, 2, 0x65, 1 },
      11, NGX_DECLINED, { 0, 0, 0, 2, 0x65, 1 }, 6 },
    { "two units of one byte", 4,
      { 0, 0, 0, 1, 9, 0, 0, 0, 1, 10, 0, 0, 0, 2, 0x65, 1 }, 16,
      NGX_DECLINED, { 0, 0, 0, 2, 0x65, 1 }, 6 },
    { "start codes of four bytes", 4,
      { 0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x65, 0x88, 0x84 }, 13,
      NGX_DECLINED, { 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x65, 0x88, 0x84 },
      13 },
    { "start codes of three bytes", 4,
      { 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0x88, 0x84 }, 11,
      NGX_DECLINED, { 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x65, 0x88, 0x84 },
      13 },
    { "both, and zero bytes behind", 4,
      { 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0x88, 0x84, 0, 0 }, 14,
      NGX_DECLINED, { 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x65, 0x88, 0x84 },
      13 },
    { "start codes, a first unit of one byte", 4,
      { 0, 0, 0, 1, 9, 0, 0, 0, 1, 0x65, 0x88, 0x84 }, 12,
      NGX_DECLINED, { 0, 0, 0, 3, 0x65, 0x88, 0x84 }, 7 },
    { "start codes, lengths of two bytes", 2,
      { 0, 0, 0, 1, 0x65, 0x88, 0x84 }, 7,
      NGX_DECLINED, { 0, 3, 0x65, 0x88, 0x84 }, 5 },
    { "start codes, lengths of one byte", 1,
      { 0, 0, 1, 0x65, 0x88, 0x84, 0x21 }, 7,
      NGX_DECLINED, { 4, 0x65, 0x88, 0x84, 0x21 }, 5 },
    { "units with start codes behind one length", 4,
      { 0, 0, 0, 13, 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0x88, 0x84, 0 }, 17,
      NGX_DECLINED, { 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x65, 0x88, 0x84 },
      13 },

    /* nothing that is whole */

    { "nothing", 4, { 0 }, 0, NGX_ERROR, { 0 }, 0 },
    { "a unit without bytes", 4, { 0, 0, 0, 0 }, 4, NGX_ERROR, { 0 }, 0 },
    { "half a length", 4, { 0, 0 }, 2, NGX_ERROR, { 0 }, 0 },
    { "a unit of one byte", 4, { 0, 0, 0, 1, 9 }, 5, NGX_ERROR, { 0 }, 0 },
    { "a byte too few", 4, { 0, 0, 0, 3, 0x65, 1 }, 6, NGX_ERROR, { 0 }, 0 },
    { "a byte too many", 4, { 0, 0, 0, 2, 0x65, 1, 7 }, 7, NGX_ERROR,
      { 0 }, 0 },
    { "a second unit cut", 4, { 0, 0, 0, 2, 0x65, 1, 0, 0, 0, 9, 1 }, 11,
      NGX_ERROR, { 0 }, 0 },
    { "a length of 2^32 - 1", 4, { 0xff, 0xff, 0xff, 0xff, 1 }, 5, NGX_ERROR,
      { 0 }, 0 },
    { "a frame of four bytes", 2, { 0, 2, 0x65, 1 }, 4, NGX_ERROR, { 0 }, 0 },
    { "a start code alone", 4, { 0, 0, 0, 1 }, 4, NGX_ERROR, { 0 }, 0 },
};


int
main(void)
{
    nal_table();
    nal_cut();
    nal_large();
    nal_ambiguous();
    nal_one();
    nal_record();

    return tap_done();
}


static void
nal_table(void)
{
    size_t             size;
    u_char            *p, *out;
    ngx_int_t          rc;
    ngx_uint_t         i;
    const nal_test_t  *t;

    for (i = 0; i < sizeof(nal_tests) / sizeof(nal_tests[0]); i++) {
        t = &nal_tests[i];

        p = tap_copy(t->data, t->size);
        size = t->size;

        rc = ngx_recording_nal_look(t->length, p, &size);

        is(rc, t->rc, "%s", t->name);

        if (rc != NGX_ERROR) {
            is((int) size, (int) t->left, "%s: its size", t->name);
        }

        if (rc == NGX_DECLINED && size == t->left) {
            out = malloc(size);
            ngx_recording_nal_write(t->length, p, t->size, out);

            ok(ngx_memcmp(out, t->want, size) == 0, "%s: the bytes", t->name);
            ok(ngx_recording_nal_look(t->length, out, &size) == NGX_OK,
               "%s: nothing is to be done any more", t->name);

            free(out);
        }

        free(p);
    }
}


/* each test, cut at each byte: nothing is read behind it */

static void
nal_cut(void)
{
    size_t       size, n;
    u_char      *p, *out;
    ngx_uint_t   i, looked;

    looked = 0;

    for (i = 0; i < sizeof(nal_tests) / sizeof(nal_tests[0]); i++) {
        for (size = 0; size < nal_tests[i].size; size++) {

            p = tap_copy(nal_tests[i].data, size);
            n = size;

            if (ngx_recording_nal_look(nal_tests[i].length, p, &n)
                == NGX_DECLINED)
            {
                out = malloc(n);
                ngx_recording_nal_write(nal_tests[i].length, p, size, out);
                free(out);
            }

            free(p);
            looked++;
        }
    }

    ok(looked > 200, "frames that are cut");
}


/* a unit that is larger than a length can say */

static void
nal_large(void)
{
    size_t   size;
    u_char  *p;

    static const size_t  sizes[] = { 255, 256, 65535, 65536 };
    static const struct {
        uint32_t   length;
        ngx_int_t  rc[4];
    } tests[] = {
        { 1, { NGX_DECLINED, NGX_ERROR, NGX_ERROR, NGX_ERROR } },
        { 2, { NGX_DECLINED, NGX_DECLINED, NGX_DECLINED, NGX_ERROR } },
        { 4, { NGX_DECLINED, NGX_DECLINED, NGX_DECLINED, NGX_DECLINED } },
    };

    ngx_uint_t  i, n;

    for (n = 0; n < 4; n++) {
        p = malloc(sizes[n] + 4);
        ngx_memset(p, 0x65, sizes[n] + 4);
        ngx_memcpy(p, "\0\0\0\1", 4);

        for (i = 0; i < 3; i++) {
            size = sizes[n] + 4;

            is(ngx_recording_nal_look(tests[i].length, p, &size),
               tests[i].rc[n], "%u bytes, lengths of %u", (unsigned) sizes[n],
               (unsigned) tests[i].length);
        }

        free(p);
    }
}


/*
 * A start code of three bytes and a head that are also the length of the
 * frame: 00 00 01 41 in a frame of 321 bytes.
 */

static void
nal_ambiguous(void)
{
    size_t   size;
    u_char  *p;

    p = malloc(325);
    ngx_memset(p, 0x9a, 325);
    ngx_memcpy(p, "\0\0\1\x41", 4);

    size = 325;
    is(ngx_recording_nal_look(4, p, &size), NGX_DECLINED,
       "a start code that fits as a length");
    is((int) size, 4 + 322, "the unit has its head");

    p[4] = 0x41;
    size = 325;
    is(ngx_recording_nal_look(4, p, &size), NGX_OK,
       "a length that looks like a start code");
    is((int) size, 325, "and fills the frame");

    free(p);
}


/* units of the usual size: most frames are one */

static void
nal_one(void)
{
    size_t  size;
    u_char  data[1000];

    memset(data, 0x55, sizeof(data));
    ngx_memcpy(data, "\0\0\3\xe4\x65", 5);

    size = sizeof(data);
    ok(ngx_recording_nal_look(4, data, &size) == NGX_OK
       && size == sizeof(data), "one unit of 996 bytes");

    size = sizeof(data) - 1;
    is(ngx_recording_nal_look(4, data, &size), NGX_ERROR, "a byte too few");

    ngx_memcpy(data + 4, "\0\0\1\x65", 4);

    size = sizeof(data);
    ok(ngx_recording_nal_look(4, data, &size) == NGX_DECLINED
       && size == sizeof(data) - 3, "a start code behind the length");
}


static void
nal_record(void)
{
    size_t   n, size;
    u_char  *p, *out;

    static const u_char  sets[] = {
        0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0,
        0, 0, 0, 1, 0x68, 0xce, 0, 0, 1, 0x68, 0xcb
    };
    static const u_char  want[] = {
        1, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0, 5, 0x67, 0x42, 0xc0, 0x0d, 0xd9,
        2, 0, 2, 0x68, 0xce, 0, 2, 0x68, 0xcb
    };

    for (size = 0; size <= sizeof(sets); size++) {
        p = tap_copy(sets, size);
        out = malloc(size + 8);

        n = ngx_recording_nal_record(p, size, out);

        if (size == sizeof(sets)) {
            ok(n == sizeof(want) && ngx_memcmp(out, want, n) == 0,
               "a record of parameter sets");

        } else if (size < 16) {
            is((int) n, 0, "no record of %u bytes", (unsigned) size);
        }

        free(out);
        free(p);
    }
}
