
/* Authorization of a request to the API, and its times. */

#include "fuzz.h"
#include "stubs.h"
#include "ngx_recording_api_time.h"
#include "ngx_recording_tc3.h"


/* link: src/api/ngx_recording_api_time.c */
/* libs: -lcrypto */


#define AUTHORIZATION(date)                                                  \
    "TC3-HMAC-SHA256 Credential=AKID/" date "/live/tc3_request, "            \
    "SignedHeaders=content-type;host, Signature="                            \
    "54722abf2bedae424c4cbb88affe0dd25b147b7489dbbe591c70afd576b46baf"

static const fuzz_seed_t  seeds[] = {
    fuzz_text(AUTHORIZATION("2023-11-14")),
    fuzz_text("TC3-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host"),
    fuzz_text("2026-01-02T03:04:05.123+08:00"),
    fuzz_text("1700000000"),
};

fuzz_seeds(seeds)


static void tc3_part(const uint8_t *data, size_t size, const ngx_str_t *part);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                       *text;
    int64_t                       us;
    ngx_str_t                     str, secret;
    ngx_recording_tc3_t           tc3;
    ngx_recording_http_header_t   headers[2];
    ngx_recording_tc3_request_t   request;

    text = malloc(size ? size : 1);

    fuzz_check(text);

    ngx_memcpy(text, data, size);

    str.data = text;
    str.len = size;

    (void) ngx_recording_api_time_parse(&str, &us);
    (void) ngx_recording_tc3_fresh(&str, 1700000000);

    if (ngx_recording_tc3_parse(&str, &tc3) == NGX_OK) {
        tc3_part(text, size, &tc3.id);
        tc3_part(text, size, &tc3.scope);
        tc3_part(text, size, &tc3.service);
        tc3_part(text, size, &tc3.names);

        ngx_memzero(&request, sizeof(ngx_recording_tc3_request_t));

        ngx_str_set(&headers[0].name, "Content-Type");
        ngx_str_set(&headers[0].value, "application/json");
        ngx_str_set(&headers[1].name, "Host");
        headers[1].value = tc3.id;

        ngx_str_set(&request.method, "POST");
        ngx_str_set(&request.timestamp, "1700000000");
        ngx_str_set(&secret, "secret");
        request.headers = headers;
        request.nheaders = 2;
        request.body = str;

        fuzz_check(ngx_recording_tc3_verify(&tc3, &request, &secret)
                   == NGX_DECLINED);
    }

    free(text);

    return 0;
}


static void
tc3_part(const uint8_t *data, size_t size, const ngx_str_t *part)
{
    fuzz_check(part->len > 0 && part->data >= data
               && part->data + part->len <= data + size);
}
