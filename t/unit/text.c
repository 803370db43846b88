
/* Values from the network in messages. */


#include "tap.h"
#include "ngx_recording_text.h"


static void text_values(void);
static void text_long(void);


int
main(void)
{
    text_values();
    text_long();

    return tap_done();
}


static void
text_values(void)
{
    char        *buf;
    u_char      *value;
    size_t       len;
    ngx_uint_t   i;

    static const struct {
        const char  *value;
        const char  *text;
    } tests[] = {
        { "", "" },
        { "cam 1/b&c=d%20'", "cam 1/b&c=d%20'" },

        /* a line of its own, and a message that ends too early */

        { "x\n2026/02/14 [alert] 1#1: all is lost", "x\\x0A2026/02/14 "
          "[alert] 1#1: all is lost" },
        { "x\", template: \"y", "x\\x22, template: \\x22y" },
        { "\\x0A", "\\x5Cx0A" },
        { "\t\r\x1b[31m\x7f", "\\x09\\x0D\\x1B[31m\\x7F" },

        /* UTF-8 as it is, but no control characters */

        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xa5",
          "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xa5" },
        { "\xc2\x9b" "31m\xc2\xa0", "\\xC2\\x9B31m\xc2\xa0" },
        { "a\xe2\x80\xae" "b\xe2\x80\xa8" "c\xe2\x80\x93",
          "a\\xE2\\x80\\xAE" "b\\xE2\\x80\\xA8" "c\xe2\x80\x93" },
        { "\xe2\x81\xa6\xef\xbb\xbf", "\\xE2\\x81\\xA6\\xEF\\xBB\\xBF" },

        /* no UTF-8 */

        { "\xe9", "\\xE9" },
        { "a\xc3", "a\\xC3" },
        { "\xc0\x80\xed\xa0\x80", "\\xC0\\x80\\xED\\xA0\\x80" },
        { "\xff\xfe", "\\xFF\\xFE" },
    };

    buf = malloc(NGX_RECORDING_TEXT + 4);

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        len = ngx_strlen(tests[i].value);
        value = tap_copy(tests[i].value, len);

        ngx_recording_text(buf, value, len);

        is_text((u_char *) buf, ngx_strlen(buf), tests[i].text, "value %d",
                (int) i);
        free(value);
    }

    value = tap_copy("a\0b", 3);
    ngx_recording_text(buf, value, 3);
    is_text((u_char *) buf, ngx_strlen(buf), "a\\x00b", "a null character");

    free(value);
    free(buf);
}


/* each length around the limit, whatever stands there */

static void
text_long(void)
{
    char        *buf;
    u_char      *value;
    size_t       len, n, wrong;
    ngx_uint_t   i;

    static const char *const  tails[] = {
        "aaaaaaaa", "\n\n\n\n\n\n\n\n", "\xe2\x82\xac\xe2\x82\xac\xe2",
        "\xf0\x9f\x8e\xa5\xf0\x9f\x8e\xa5"
    };

    buf = malloc(NGX_RECORDING_TEXT + 4);
    wrong = 0;

    for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        for (len = NGX_RECORDING_TEXT - 16; len < NGX_RECORDING_TEXT + 8;
             len++)
        {
            value = malloc(len + 8);
            ngx_memset(value, 'a', len);
            ngx_memcpy(value + len, tails[i], 8);

            ngx_recording_text(buf, value, len + 8);

            n = ngx_strlen(buf);

            if (n > NGX_RECORDING_TEXT + 3
                || n < ngx_min(len, NGX_RECORDING_TEXT)
                || (n > NGX_RECORDING_TEXT
                    && ngx_strcmp(buf + n - 3, "...") != 0)
                || (len + 8 > NGX_RECORDING_TEXT
                    && ngx_strcmp(buf + n - 3, "...") != 0))
            {
                diag("tail %d behind %d bytes: \"%s\"", (int) i, (int) len,
                     buf);
                wrong++;
            }

            free(value);
        }
    }

    is(wrong, 0, "long values are cut on a character");

    free(buf);
}
