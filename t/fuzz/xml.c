
/* The answer of an S3 server. */

/* libs: -lexpat */


#include "fuzz.h"
#include "stubs.h"
#include "ngx_recording_xml.h"


typedef struct {
    ngx_uint_t              elements;
    ngx_uint_t              last;          /* depth of the last one */
    ngx_uint_t              root;          /* of depth 0 */
} xml_t;


static void xml_element(void *data, const char *name, ngx_uint_t depth,
    const char *text);


#define D   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS  " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static const fuzz_seed_t  seeds[] = {
    fuzz_text(D "<Error><Code>NoSuchKey</Code><Message>x &amp; y</Message>"
              "<RequestId>1</RequestId></Error>"),
    fuzz_text("<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>"
              "BadDigest</Code><Message>it's</Message></Error>"),
    fuzz_text(D "<InitiateMultipartUploadResult" NS "><Bucket>b</Bucket>"
              "<Key>k</Key><UploadId>2~x</UploadId>"
              "</InitiateMultipartUploadResult>"),
    fuzz_text("  \n" D "<CompleteMultipartUploadResult" NS "><Location>l"
              "</Location><ETag>&#34;a-1&#x22;</ETag>"
              "</CompleteMultipartUploadResult>"),
    fuzz_text(D "<ListPartsResult" NS "><UploadId>u</UploadId>"
              "<IsTruncated>true</IsTruncated><Part><PartNumber>1"
              "</PartNumber><ETag>&quot;a&quot;</ETag><Size>7</Size></Part>"
              "</ListPartsResult>"),
    fuzz_text("<!DOCTYPE a [<!ENTITY b \"c\"><!ENTITY d \"&b;&b;\">]>"
              "<a>&d;</a>"),
    fuzz_text("<a><![CDATA[<b>]]><!-- c --><?d e?><f:g/></a>"),
    fuzz_text("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/>"),
    fuzz_text("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>b</a>"),
    fuzz_text("\xff\xfe<\0a\0/\0>\0"),
};

fuzz_seeds(seeds)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xml_t      seen;
    ngx_int_t  rc;

    ngx_memzero(&seen, sizeof(xml_t));

    rc = ngx_recording_xml(data, size, xml_element, &seen);

    fuzz_check(rc == NGX_OK || rc == NGX_ERROR);
    fuzz_check(rc == NGX_ERROR || (seen.root == 1 && seen.last == 0));
    fuzz_check(seen.root <= 1);

    return 0;
}


static void
xml_element(void *data, const char *name, ngx_uint_t depth, const char *text)
{
    xml_t *seen = data;

    size_t  i, n, len;

    len = strlen(text);

    fuzz_check(depth < NGX_RECORDING_XML_DEPTH && !seen->root);
    fuzz_check(strchr(name, ':') == NULL);
    fuzz_check(len <= NGX_RECORDING_XML_TEXT);
    fuzz_check(len == 0 || (strchr(" \t\r\n", text[0]) == NULL
                            && strchr(" \t\r\n", text[len - 1]) == NULL));

    /* an element ends after those in it, and they are one deeper */

    fuzz_check(seen->elements == 0 || depth + 1 >= seen->last);

    /* characters are whole */

    for (i = 0; i < len; i += n) {
        n = (text[i] & 0x80) == 0 ? 1 : (text[i] & 0xe0) == 0xc0 ? 2
            : (text[i] & 0xf0) == 0xe0 ? 3 : 4;

        fuzz_check((text[i] & 0xc0) != 0x80 && n <= len - i);
    }

    seen->elements++;
    seen->last = depth;
    seen->root += (depth == 0);
}
