
#include "ngx_recording_path.h"
#include "ngx_recording_text.h"


static size_t ngx_recording_text_plain(u_char *p, size_t len);


char *
ngx_recording_text(char buf[NGX_RECORDING_TEXT + 4], u_char *p, size_t len)
{
    size_t   n, size;
    u_char  *last;
    char    *dst, *end;

    dst = buf;
    end = buf + NGX_RECORDING_TEXT;

    for (last = p + len; p < last; p += n) {
        n = ngx_recording_text_plain(p, last - p);
        size = n ? n : sizeof("\\xHH") - 1;

        if ((size_t) (end - dst) < size) {
            dst += sprintf(dst, "...");
            break;
        }

        if (n) {
            dst = (char *) ngx_cpymem(dst, p, n);

        } else {
            dst += sprintf(dst, "\\x%02X", *p);
            n = 1;
        }
    }

    *dst = '\0';

    return buf;
}


/* the length of a character that may stand as it is, or 0 */

static size_t
ngx_recording_text_plain(u_char *p, size_t len)
{
    size_t  n;

    if (*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\') {
        return 0;
    }

    n = ngx_recording_path_char(p, len);

    /* U+0080 to U+009F: control characters, too */

    if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) {
        return 0;
    }

    /* U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F */

    if (n == 3 && p[0] == 0xe2
        && ((p[1] == 0x80 && ((p[2] >= 0x8b && p[2] <= 0x8f)
                              || (p[2] >= 0xa8 && p[2] <= 0xae)))
            || (p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf)))
    {
        return 0;
    }

    /* U+FEFF */

    if (n == 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) {
        return 0;
    }

    return n;
}
