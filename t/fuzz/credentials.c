
/* The file with the credentials of a bucket. */

#include "fuzz.h"
#include "stubs.h"
#include "ngx_recording_credentials.h"


/* link: src/deliver/ngx_recording_credentials.c */


static void credentials_part(const uint8_t *data, size_t size, ngx_str_t *s);


#define ID      "aws_access_key_id"
#define SECRET  "aws_secret_access_key"
#define TOKEN   "aws_session_token"

static const fuzz_seed_t  seeds[] = {
    fuzz_text("[default]\n" ID "=a\n" SECRET "=b\n" TOKEN "=c\n"),
    fuzz_text("[x]\n" ID " = a\n[default]\n" ID " = b\n" SECRET " = c"),
    fuzz_text("[default] # x\r\n; y\r\n" ID "\t=\ta ; b\r\n" SECRET "=c\r\n"),
    fuzz_text("\xef\xbb\xbf[ default ]\n" ID "=a\n" ID "=b\n"),
    fuzz_text("[default]\n" TOKEN "=\n[default]\n" ID "=a/b\n" SECRET " c"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                       *text;
    ngx_int_t                     rc;
    const char                   *why;
    ngx_recording_credentials_t   c;

    text = malloc(size ? size : 1);

    fuzz_check(text);

    ngx_memcpy(text, data, size);

    why = "";
    rc = ngx_recording_credentials_parse(text, size, &c, &why);

    fuzz_check(rc == NGX_OK ? why == NULL : rc == NGX_DECLINED && why);
    fuzz_check(rc != NGX_OK || (c.access.len && c.secret.len));

    credentials_part(text, size, &c.access);
    credentials_part(text, size, &c.secret);
    credentials_part(text, size, &c.token);

    free(text);

    return 0;
}


static void
credentials_part(const uint8_t *data, size_t size, ngx_str_t *s)
{
    size_t  i;

    if (s->len == 0) {
        return;
    }

    fuzz_check(s->data >= data && s->data + s->len <= data + size);

    for (i = 0; i < s->len; i++) {
        fuzz_check(s->data[i] > ' ' && s->data[i] < 0x7f);
    }
}
