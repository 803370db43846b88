
/*
 * Answers of S3 servers, as Amazon, Ceph and Swift send them, and what they
 * should not send.
 */

/* libs: -lexpat */

#include "tap.h"
#include "stubs.h"
#include "ngx_recording_xml.h"


#define D   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define NS  " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""


static void xml_answers(void);
static void xml_texts(void);
static void xml_bad(void);
static void xml_depth(void);
static void xml_long(void);
static void xml_broken_off(void);
static ngx_int_t xml_parse(const char *text, size_t len);
static void xml_element(void *data, const char *name, ngx_uint_t depth,
    const char *text);


static char         seen[8192];
static size_t       text_len;
static const char  *list =
    D "\n<ListPartsResult" NS "><Bucket>b</Bucket><Key>live/cam 1.mp4</Key>"
    "<UploadId>2~Tg</UploadId><Initiator><ID>o</ID><DisplayName>o"
    "</DisplayName></Initiator><PartNumberMarker>0</PartNumberMarker>"
    "<NextPartNumberMarker>2</NextPartNumberMarker><MaxParts>1000</MaxParts>"
    "<IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber>"
    "<ETag>&quot;aa&quot;</ETag><Size>5242880</Size></Part><Part>"
    "<PartNumber>2</PartNumber><ETag>\"bb\"</ETag><Size>7</Size></Part>"
    "</ListPartsResult>\n";


int
main(void)
{
    xml_answers();
    xml_texts();
    xml_bad();
    xml_depth();
    xml_long();
    xml_broken_off();

    return tap_done();
}


static void
xml_answers(void)
{
    ngx_uint_t  i;

    static const struct {
        const char  *what;
        const char  *text;
        const char  *seen;
    } tests[] = {
        { "Amazon's error",
          D "\n<Error><Code>SignatureDoesNotMatch</Code><Message>The request "
          "signature we calculated does not match &amp; so on.</Message>"
          "<AWSAccessKeyId>AKIA</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256"
          "\n20130524T000000Z\n</StringToSign><HostId>eftix==</HostId></Error>",
          "1 Code=SignatureDoesNotMatch;1 Message=The request signature we "
          "calculated does not match & so on.;1 AWSAccessKeyId=AKIA;"
          "1 StringToSign=AWS4-HMAC-SHA256\n20130524T000000Z;"
          "1 HostId=eftix==;0 Error=;" },

        { "Ceph's error",
          D "<Error><Code>NoSuchBucket</Code><Message></Message><BucketName>b"
          "</BucketName><RequestId>tx00</RequestId><HostId>1-a</HostId>"
          "</Error>",
          "1 Code=NoSuchBucket;1 Message=;1 BucketName=b;1 RequestId=tx00;"
          "1 HostId=1-a;0 Error=;" },

        { "Swift's error",
          "<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>"
          "AuthorizationHeaderMalformed</Code><Message>the region 'x' is "
          "wrong; expecting 'us-east-1'</Message><Region>us-east-1</Region>"
          "</Error>",
          "1 Code=AuthorizationHeaderMalformed;1 Message=the region 'x' is "
          "wrong; expecting 'us-east-1';1 Region=us-east-1;0 Error=;" },

        { "an upload",
          D "\n<InitiateMultipartUploadResult" NS "><Bucket>b</Bucket>"
          "<Key>k</Key><UploadId>VXBsb2Fk.IElEIGZvciA2</UploadId>"
          "</InitiateMultipartUploadResult>",
          "1 Bucket=b;1 Key=k;1 UploadId=VXBsb2Fk.IElEIGZvciA2;"
          "0 InitiateMultipartUploadResult=;" },

        { "an object, after spaces that keep the connection",
          "  \r\n \n\n" D "\n<CompleteMultipartUploadResult" NS ">\n"
          "  <Location>http://b/k</Location>\n  <ETag>&#34;aa-2&#x22;</ETag>\n"
          "</CompleteMultipartUploadResult>",
          "1 Location=http://b/k;1 ETag=\"aa-2\";"
          "0 CompleteMultipartUploadResult=;" },

        { "Ceph's object, without ETag",
          D "<CompleteMultipartUploadResult" NS "><Location></Location>"
          "<ETag></ETag></CompleteMultipartUploadResult>",
          "1 Location=;1 ETag=;0 CompleteMultipartUploadResult=;" },

        { "an error in a success",
          " " D "<Error><Code>InternalError</Code></Error>",
          "1 Code=InternalError;0 Error=;" },

        { "parts", NULL,
          "1 Bucket=b;1 Key=live/cam 1.mp4;1 UploadId=2~Tg;2 ID=o;"
          "2 DisplayName=o;1 Initiator=;1 PartNumberMarker=0;"
          "1 NextPartNumberMarker=2;1 MaxParts=1000;1 IsTruncated=false;"
          "2 PartNumber=1;2 ETag=\"aa\";2 Size=5242880;1 Part=;"
          "2 PartNumber=2;2 ETag=\"bb\";2 Size=7;1 Part=;"
          "0 ListPartsResult=;" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        const char *text = tests[i].text ? tests[i].text : list;

        is(xml_parse(text, strlen(text)), NGX_OK, "%s", tests[i].what);
        is_text(seen, strlen(seen), tests[i].seen, "%s: elements",
                tests[i].what);
    }
}


static void
xml_texts(void)
{
    ngx_uint_t  i;

    static const struct {
        const char  *text;
        const char  *seen;
    } tests[] = {
        { "<a/>", "0 a=;" },
        { "<a> \t\r\n b  c \n</a>", "0 a=b  c;" },
        { "<a>&lt;&gt;&amp;&apos;&quot;&#65;&#x4e2d;</a>",
          "0 a=<>&'\"A\xe4\xb8\xad;" },
        { "<a><![CDATA[<b>&amp;</b>]]></a>", "0 a=<b>&amp;</b>;" },
        { "<a>x<![CDATA[ y ]]>z</a>", "0 a=x y z;" },
        { "<a>1<b>2</b>3<!-- 4 -->5<?p 6?></a>", "1 b=2;0 a=135;" },
        { "<s3:a xmlns:s3=\"x\"><s3:b>1</s3:b></s3:a>", "1 b=1;0 a=;" },
        { "<q:a>1</q:a>", "0 a=1;" },
        { "<a b=\"c\" d='e'>1</a>", "0 a=1;" },
        { "\xef\xbb\xbf<a>1</a>", "0 a=1;" },
        { "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>",
          "0 a=\xc3\xa9;" },
        { "<a>1</a> \n<!-- x --> ", "0 a=1;" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        is(xml_parse(tests[i].text, strlen(tests[i].text)), NGX_OK,
           "text %d", (int) i);
        is_text(seen, strlen(seen), tests[i].seen, "elements of text %d",
                (int) i);
    }
}


static void
xml_bad(void)
{
    ngx_uint_t  i;

    static const struct {
        const char  *what;
        const char  *text;
        const char  *seen;
    } tests[] = {
        { "nothing", "", "" },
        { "spaces", "  \n", "" },
        { "text", "hello", "" },
        { "HTML", "<html><p>502 Bad Gateway<br></p></html>", "" },
        { "JSON", "{\"a\":1}", "" },
        { "an element that is open", "<a><b>1</b>", "1 b=1;" },
        { "another end", "<a><b>1</c></a>", "" },
        { "two documents", "<a>1</a><b>2</b>", "0 a=1;" },
        { "an entity that nobody knows", "<a><b>1</b>&x;</a>", "1 b=1;" },
        { "bytes that are no UTF-8", "<a>\xff</a>", "" },
        { "a control character", "<a>\x01</a>", "" },
        { "a reference to one", "<a>&#1;</a>", "" },
        { "another encoding", "<?xml version=\"1.0\" encoding=\"x\"?><a/>",
          "" },
        { "a document type", "<!DOCTYPE a><a>1</a>", "" },
        { "one of elsewhere",
          "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a>1</a>", "" },
        { "a file", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
          "<a>&x;</a>", "" },
        { "a thousand million laughs",
          "<!DOCTYPE a [<!ENTITY a \"ha\">"
          "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
          "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
          "<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">"
          "<!ENTITY e \"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\">]><a>&e;</a>", "" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        is(xml_parse(tests[i].text, strlen(tests[i].text)), NGX_ERROR,
           "refused: %s", tests[i].what);
        is_text(seen, strlen(seen), tests[i].seen, "%s: what was before",
                tests[i].what);
    }
}


static void
xml_depth(void)
{
    char        text[NGX_RECORDING_XML_DEPTH * 8 + 16], *p;
    ngx_uint_t  i, n;

    for (n = NGX_RECORDING_XML_DEPTH; n <= NGX_RECORDING_XML_DEPTH + 1; n++) {
        p = text;

        for (i = 0; i < n - 1; i++) {
            p += sprintf(p, "<a>");
        }

        p += sprintf(p, "<b/>");

        for (i = 0; i < n - 1; i++) {
            p += sprintf(p, "</a>");
        }

        is(xml_parse(text, p - text),
           n == NGX_RECORDING_XML_DEPTH ? NGX_OK : NGX_ERROR,
           "%d elements in each other", (int) n);
        is(strncmp(seen, "15 b=;14 a=;", 12) == 0,
           n == NGX_RECORDING_XML_DEPTH, "%d: what was called back", (int) n);
    }
}


static void
xml_long(void)
{
    size_t      i, n, step;
    char       *text, *p;

    static const char  *units[] = { "x", "\xc3\xa9", "\xe4\xb8\xad",
                                    "\xf0\x9f\x98\x80", "&amp;" };

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        step = units[i][0] == '&' ? 1 : strlen(units[i]);
        text = malloc(strlen(units[i]) * NGX_RECORDING_XML_TEXT + 64);
        p = text + sprintf(text, "<a>   %s", step % 2 ? "" : "y");

        for (n = 0; n < NGX_RECORDING_XML_TEXT + 8; n += step) {
            p += sprintf(p, "%s", units[i]);
        }

        p += sprintf(p, "<b>1</b>z</a>");

        is(xml_parse(text, p - text), NGX_OK, "a long text of \"%s\"",
           units[i]);
        ok(text_len <= NGX_RECORDING_XML_TEXT
           && text_len > NGX_RECORDING_XML_TEXT - 4, "is cut");
        is((text_len - (step % 2 == 0)) % step, 0, "between characters");

        free(text);
    }
}


/* wherever an answer breaks off, it is none */

static void
xml_broken_off(void)
{
    size_t      n, len;
    ngx_uint_t  bad;

    bad = 0;
    len = strlen(list) - 1;

    for (n = 0; n < len; n++) {
        bad += xml_parse(list, n) != NGX_ERROR;
    }

    is(bad, 0, "%d beginnings of an answer", (int) len);
    is(xml_parse(list, len), NGX_OK, "all of it");
}


static ngx_int_t
xml_parse(const char *text, size_t len)
{
    u_char     *copy;
    ngx_int_t   rc;

    seen[0] = '\0';
    copy = tap_copy(text, len);

    rc = ngx_recording_xml(copy, len, xml_element, seen);

    free(copy);

    return rc;
}


static void
xml_element(void *data, const char *name, ngx_uint_t depth, const char *text)
{
    size_t  len;

    len = strlen(data);
    text_len = strlen(text);

    (void) snprintf((char *) data + len, sizeof(seen) - len, "%d %s=%s;",
                    (int) depth, name, text);
}
