
/* AMF0: what the writers write, the reader reads, and nothing too far. */


#include "tap.h"
#include "ngx_recording_amf.h"


static void amf_write(void);
static void amf_read(void);
static void amf_values(void);
static void amf_metadata(void);
static void amf_broken(void);
static void amf_depth(void);
static u_char *amf_object(u_char *p);
static size_t amf_take(u_char *p, size_t size);
static ngx_int_t amf_head(const void *data, size_t size, size_t *left);
static ngx_int_t amf_one(const void *data, size_t size);


int
main(void)
{
    amf_write();
    amf_read();
    amf_values();
    amf_metadata();
    amf_broken();
    amf_depth();

    return tap_done();
}


static void
amf_write(void)
{
    u_char  buf[64];

#define amf_wrote(call, bytes)                                               \
    do {                                                                     \
        static const u_char  want[] = bytes;                                 \
        ok((call) == buf + sizeof(want)                                      \
           && memcmp(buf, want, sizeof(want)) == 0, #call);                  \
    } while (0)

#define B(...)  { __VA_ARGS__ }

    amf_wrote(ngx_recording_amf_name(buf, "ab"), B(0, 2, 'a', 'b'));
    amf_wrote(ngx_recording_amf_number(buf, 1.0),
              B(0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0));
    amf_wrote(ngx_recording_amf_number(buf, -0.1),
              B(0, 0xbf, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a));
    amf_wrote(ngx_recording_amf_boolean(buf, 5), B(1, 1));
    amf_wrote(ngx_recording_amf_boolean(buf, 0), B(1, 0));
    amf_wrote(ngx_recording_amf_string(buf, "xyz", 3),
              B(2, 0, 3, 'x', 'y', 'z'));
    amf_wrote(ngx_recording_amf_string(buf, "", 0), B(2, 0, 0));
    amf_wrote(ngx_recording_amf_array(buf, 0x01020304),
              B(0x0a, 1, 2, 3, 4));
}


/* an object with every writer in it, and what the reader says of it */

static void
amf_read(void)
{
    u_char     *p, *data, buf[512];
    size_t      size;
    ngx_str_t   name, whole;
    ngx_uint_t  i;

    static const struct {
        const char  *name;
        size_t       whole;
    } wanted[] = {
        { "duration", 2 + 8 + 9 },
        { "stereo", 2 + 6 + 2 },
        { "encoder", 2 + 7 + 3 + 4 },
        { "times", 2 + 5 + 5 + 2 * 9 },
        { "", 2 + 0 + 9 },
    };

    size = amf_object(buf) - buf;
    data = tap_copy(buf, size);
    p = data;

    for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        is(ngx_recording_amf_next(&p, &size, &name, &whole), NGX_OK,
           "property %d", (int) i);
        is_text(name.data, name.len, wanted[i].name, "its name");
        is(whole.len, wanted[i].whole, "its size");
        ok(whole.data + whole.len == p && name.data == whole.data + 2,
           "where it lies");
    }

    is(ngx_recording_amf_next(&p, &size, &name, &whole), NGX_DONE, "the end");
    is(size, 3, "the end's marker is left");

    free(data);
}


static u_char *
amf_object(u_char *p)
{
    p = ngx_recording_amf_name(p, "duration");
    p = ngx_recording_amf_number(p, 12.5);
    p = ngx_recording_amf_name(p, "stereo");
    p = ngx_recording_amf_boolean(p, 1);
    p = ngx_recording_amf_name(p, "encoder");
    p = ngx_recording_amf_string(p, "test", 4);
    p = ngx_recording_amf_name(p, "times");
    p = ngx_recording_amf_array(p, 2);
    p = ngx_recording_amf_number(p, 0);
    p = ngx_recording_amf_number(p, 2);

    /* a property may have an empty name */

    p = ngx_recording_amf_name(p, "");
    p = ngx_recording_amf_number(p, 1);

    return ngx_cpymem(p, "\0\0\x09", 3);
}


/* each type of value, whole and cut at each byte */

static void
amf_values(void)
{
    size_t      cut;
    ngx_uint_t  i, wrong;

    static const struct {
        const char  *name;
        const char  *data;
        size_t       size;
    } tests[] = {
#define AMF(name, bytes)  { name, "\0\1a" bytes, sizeof("\0\1a" bytes) - 1 }
        AMF("a number", "\0\0\0\0\0\0\0\0\0"),
        AMF("a boolean", "\1\1"),
        AMF("a string", "\2\0\3abc"),
        AMF("an empty string", "\2\0\0"),
        AMF("an object", "\3\0\1b\1\0\0\0\x09"),
        AMF("an empty object", "\3\0\0\x09"),
        AMF("null", "\5"),
        AMF("undefined", "\6"),
        AMF("a reference", "\7\0\1"),
        AMF("an ECMA array", "\x08\0\0\0\1\0\1b\5\0\0\x09"),
        AMF("an ECMA array that says less", "\x08\0\0\0\0\0\1b\5\0\0\x09"),
        AMF("an empty strict array", "\x0a\0\0\0\0"),
        AMF("a strict array", "\x0a\0\0\0\2\1\1\5"),
        AMF("a date", "\x0b\0\0\0\0\0\0\0\0\0\0"),
        AMF("a long string", "\x0c\0\0\0\3abc"),
        AMF("arrays in objects in arrays",
            "\x0a\0\0\0\1\3\0\1b\x0a\0\0\0\1\5\0\0\x09"),
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        is(amf_one(tests[i].data, tests[i].size), NGX_OK, "%s",
           tests[i].name);

        for (cut = 0, wrong = 0; cut < tests[i].size; cut++) {
            wrong += amf_one(tests[i].data, cut)
                     != (cut == 0 ? NGX_DONE : NGX_ERROR);
        }

        is(wrong, 0, "%s, cut short", tests[i].name);
    }
}


static void
amf_metadata(void)
{
    size_t  left;

#define SET   "\2\0\x0d@setDataFrame"
#define ON    "\2\0\x0aonMetaData"
#define HEAD(bytes)  amf_head(bytes, sizeof(bytes) - 1, &left)

    is(HEAD(SET ON "\3\0\0\x09"), NGX_OK, "@setDataFrame, an object");
    is(left, 3, "its properties");
    is(HEAD(ON "\3\0\0\x09"), NGX_OK, "onMetaData alone");
    is(left, 3, "its properties");
    is(HEAD(SET ON "\x08\0\0\0\0\0\0\x09"), NGX_OK, "an ECMA array");
    is(left, 3, "its properties");

    is(HEAD(""), NGX_DECLINED, "an empty message");
    is(HEAD(SET), NGX_DECLINED, "@setDataFrame alone");
    is(HEAD(SET SET ON "\3\0\0\x09"), NGX_DECLINED, "@setDataFrame twice");
    is(HEAD(ON), NGX_DECLINED, "onMetaData without anything");
    is(HEAD(ON "\5"), NGX_DECLINED, "onMetaData, null");
    is(HEAD(ON "\x08\0\0\0"), NGX_DECLINED, "an ECMA array cut short");
    is(HEAD("\2\0\x0bonTextData_\3"), NGX_DECLINED, "other data");
    is(HEAD("\2\0\x0aonMetaDat"), NGX_DECLINED, "a name cut short");
    is(HEAD("\0\0\x0aonMetaData\3"), NGX_DECLINED, "a number");

    is(HEAD(ON "\3"), NGX_OK, "an object without an end");
    is(left, 0, "and without properties");
}


static void
amf_broken(void)
{
#define ONE(bytes)  amf_one(bytes, sizeof(bytes) - 1)

    is(ONE("\0\1a\4"), NGX_ERROR, "a movie clip");
    is(ONE("\0\1a\x0d"), NGX_ERROR, "an unsupported value");
    is(ONE("\0\1a\x11\1"), NGX_ERROR, "AMF3");
    is(ONE("\0\1a\xff"), NGX_ERROR, "an unknown type");
    is(ONE("\0\1a\x09"), NGX_ERROR, "an end where a value should be");
    is(ONE("\xff\xff" "a\5"), NGX_ERROR, "a name longer than the message");
    is(ONE("\0\1a\2\xff\xff" "b"), NGX_ERROR,
       "a string longer than the message");
    is(ONE("\0\1a\x0c\xff\xff\xff\xff" "b"), NGX_ERROR,
       "a long string of 4 GB");
    is(ONE("\0\1a\x0a\xff\xff\xff\xff\5\5\5"), NGX_ERROR,
       "an array of 2^32 - 1 values");
    is(ONE("\0\1a\3\0\1b\5"), NGX_ERROR, "an object without an end");
    is(ONE("\0\0\x09" "rest"), NGX_DONE, "what follows the end");
    is(ONE("\0\1a"), NGX_ERROR, "a name without a value");
}


/* objects and arrays in each other: to a depth, then refused */

static void
amf_depth(void)
{
    u_char      *p, *buf;
    size_t       size;
    ngx_uint_t   i, depth, deep;

    buf = malloc(1024 * 1024);

    if (buf == NULL) {
        return;
    }

    for (deep = 0, depth = 1; depth <= 20; depth++) {
        p = ngx_cpymem(buf, "\0\1a", 3);

        for (i = 0; i < depth; i++) {
            p = ngx_cpymem(p, "\3\0\1b", 4);
        }

        *p++ = 5;

        for (i = 0; i < depth; i++) {
            p = ngx_cpymem(p, "\0\0\x09", 3);
        }

        if (amf_one(buf, p - buf) == NGX_OK) {
            deep = depth;
        }
    }

    ok(deep >= 4, "objects in objects can be read");
    ok(deep < 20, "but not without end, %d", (int) deep);

    /* a deep stack must not be needed to find that out */

    p = ngx_cpymem(buf, "\0\1a", 3);

    for (i = 0; i < 100000; i++) {
        p = ngx_cpymem(p, "\x0a\0\0\0\1", 5);
    }

    size = p - buf;

    is(amf_one(buf, size), NGX_ERROR, "100000 arrays in each other");

    /* many properties after each other are no depth */

    for (p = buf, i = 0; i < 10000; i++) {
        p = ngx_recording_amf_name(p, "n");
        p = ngx_recording_amf_number(p, (double) i);
    }

    p = ngx_cpymem(p, "\0\0\x09", 3);

    is(amf_take(buf, p - buf), 10000, "10000 properties");

    free(buf);
}


/* how many properties can be read */

static size_t
amf_take(u_char *p, size_t size)
{
    size_t     n;
    ngx_str_t  name, whole;

    n = 0;

    while (ngx_recording_amf_next(&p, &size, &name, &whole) == NGX_OK) {
        n++;
    }

    return n;
}


static ngx_int_t
amf_head(const void *data, size_t size, size_t *left)
{
    u_char     *copy, *p;
    ngx_int_t   rc;

    copy = tap_copy(data, size);
    p = copy;

    rc = ngx_recording_amf_metadata(&p, &size);

    *left = size;

    free(copy);

    return rc;
}


static ngx_int_t
amf_one(const void *data, size_t size)
{
    u_char     *copy, *p;
    ngx_int_t   rc;
    ngx_str_t   name, whole;

    copy = tap_copy(data, size);
    p = copy;

    rc = ngx_recording_amf_next(&p, &size, &name, &whole);

    if (rc == NGX_OK && (whole.data != copy || p != copy + whole.len)) {
        rc = NGX_ABORT;
    }

    free(copy);

    return rc;
}
