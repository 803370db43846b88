
#include "ngx_recording_s3.h"


#define NGX_RECORDING_S3_PAUSE  900              /* s, of Retry-After */
#define NGX_RECORDING_S3_SKEW   300              /* s */


typedef struct {
    const char             *name;
    ngx_recording_s3_e      result;
} ngx_recording_s3_code_t;


typedef struct {
    ngx_uint_t              status;
    ngx_recording_s3_e      result;
} ngx_recording_s3_status_t;


static void ngx_recording_s3_text(char *to, size_t size,
    const ngx_str_t *value);
static void ngx_recording_s3_location(ngx_recording_s3_t *s,
    const ngx_str_t *value);
static off_t ngx_recording_s3_range(const ngx_str_t *value);
static void ngx_recording_s3_etag(ngx_recording_s3_t *s,
    const ngx_str_t *value);
static ngx_recording_s3_e ngx_recording_s3_failed(ngx_recording_s3_t *s);
static void ngx_recording_s3_skewed(ngx_recording_s3_t *s);
static void ngx_recording_s3_until(ngx_recording_s3_t *s);
static void ngx_recording_s3_element(void *data, const char *name,
    ngx_uint_t depth, const char *text);
static ngx_recording_s3_e ngx_recording_s3_code(ngx_recording_s3_t *s);
static ngx_recording_s3_e ngx_recording_s3_status(ngx_uint_t status);
static ngx_uint_t ngx_recording_s3_elsewhere(const ngx_recording_s3_t *s);
static void ngx_recording_s3_say(ngx_recording_s3_t *s);


/* errors by name, where the status does not tell enough */

static const ngx_recording_s3_code_t  ngx_recording_s3_codes[] = {

    /* what arrived was not what was sent */
    { "BadDigest", NGX_RECORDING_S3_AGAIN },
    { "IncompleteBody", NGX_RECORDING_S3_AGAIN },
    { "RequestTimeout", NGX_RECORDING_S3_AGAIN },
    { "XAmzContentSHA256Mismatch", NGX_RECORDING_S3_AGAIN },

    /* not now; the clock was taken before */
    { "BandwidthLimitExceeded", NGX_RECORDING_S3_AGAIN },
    { "ConditionalRequestConflict", NGX_RECORDING_S3_AGAIN },
    { "InternalError", NGX_RECORDING_S3_AGAIN },
    { "KMS.ThrottlingException", NGX_RECORDING_S3_AGAIN },
    { "OperationAborted", NGX_RECORDING_S3_AGAIN },
    { "RequestTimeTooSkewed", NGX_RECORDING_S3_AGAIN },
    { "ServiceUnavailable", NGX_RECORDING_S3_AGAIN },
    { "SlowDown", NGX_RECORDING_S3_AGAIN },
    { "Throttling", NGX_RECORDING_S3_AGAIN },
    { "ThrottlingException", NGX_RECORDING_S3_AGAIN },
    { "TooManyRequests", NGX_RECORDING_S3_AGAIN },

    /* the operator has to do something */
    { "AccessControlListNotSupported", NGX_RECORDING_S3_BUCKET },
    { "AccessDenied", NGX_RECORDING_S3_BUCKET },
    { "AccountProblem", NGX_RECORDING_S3_BUCKET },
    { "AllAccessDisabled", NGX_RECORDING_S3_BUCKET },
    { "AuthorizationHeaderMalformed", NGX_RECORDING_S3_BUCKET },
    { "ExpiredToken", NGX_RECORDING_S3_BUCKET },
    { "IllegalLocationConstraintException", NGX_RECORDING_S3_BUCKET },
    { "InvalidAccessKeyId", NGX_RECORDING_S3_BUCKET },
    { "InvalidBucketName", NGX_RECORDING_S3_BUCKET },
    { "InvalidEncryptionAlgorithmError", NGX_RECORDING_S3_BUCKET },
    { "InvalidRegion", NGX_RECORDING_S3_BUCKET },
    { "InvalidSecurity", NGX_RECORDING_S3_BUCKET },
    { "InvalidStorageClass", NGX_RECORDING_S3_BUCKET },
    { "InvalidTag", NGX_RECORDING_S3_BUCKET },
    { "InvalidToken", NGX_RECORDING_S3_BUCKET },
    { "KMS.DisabledException", NGX_RECORDING_S3_BUCKET },
    { "KMS.KMSInvalidStateException", NGX_RECORDING_S3_BUCKET },
    { "KMS.NotFoundException", NGX_RECORDING_S3_BUCKET },
    { "NoSuchBucket", NGX_RECORDING_S3_BUCKET },
    { "NotSignedUp", NGX_RECORDING_S3_BUCKET },
    { "PathStyleDomainForbidden", NGX_RECORDING_S3_BUCKET },
    { "PermanentRedirect", NGX_RECORDING_S3_BUCKET },
    { "QuotaExceeded", NGX_RECORDING_S3_BUCKET },
    { "Redirect", NGX_RECORDING_S3_BUCKET },
    { "SignatureDoesNotMatch", NGX_RECORDING_S3_BUCKET },
    { "TemporaryRedirect", NGX_RECORDING_S3_BUCKET },
    { "TokenRefreshRequired", NGX_RECORDING_S3_BUCKET },

    { "NoSuchKey", NGX_RECORDING_S3_MISSING },
    { "NoSuchUpload", NGX_RECORDING_S3_MISSING },
    { "PreconditionFailed", NGX_RECORDING_S3_EXISTS },
    { "NotImplemented", NGX_RECORDING_S3_UNABLE },

    /* the key, or the size */
    { "EntityTooLarge", NGX_RECORDING_S3_OBJECT },
    { "InvalidObjectName", NGX_RECORDING_S3_OBJECT },
    { "InvalidURI", NGX_RECORDING_S3_OBJECT },
    { "KeyTooLongError", NGX_RECORDING_S3_OBJECT },
    { NULL, NGX_RECORDING_S3_REFUSED }
};


/* and of answers that name no error */

static const ngx_recording_s3_status_t  ngx_recording_s3_statuses[] = {
    { 401, NGX_RECORDING_S3_BUCKET },
    { NGX_RECORDING_S3_FORBIDDEN, NGX_RECORDING_S3_BUCKET },
    { 404, NGX_RECORDING_S3_MISSING },
    { 408, NGX_RECORDING_S3_AGAIN },
    { 409, NGX_RECORDING_S3_AGAIN },
    { 412, NGX_RECORDING_S3_EXISTS },
    { 429, NGX_RECORDING_S3_AGAIN },
    { 501, NGX_RECORDING_S3_UNABLE },
    { 0, NGX_RECORDING_S3_REFUSED }
};


void
ngx_recording_s3_answer_header(ngx_recording_s3_t *s, const ngx_str_t *name,
    const ngx_str_t *value)
{
    ngx_int_t  n;

#define NGX_RECORDING_S3_IS(text)                                             \
    (name->len == sizeof(text) - 1                                            \
     && ngx_strncasecmp(name->data, (u_char *) text, sizeof(text) - 1) == 0)

    if (NGX_RECORDING_S3_IS("ETag")) {
        ngx_recording_s3_etag(s, value);

    } else if (NGX_RECORDING_S3_IS("Content-Length")) {
        s->length = ngx_atoof(value->data, value->len);

    } else if (NGX_RECORDING_S3_IS("Content-Range")) {
        s->range = ngx_recording_s3_range(value);

    } else if (NGX_RECORDING_S3_IS("x-amz-meta-file-id")) {
        ngx_recording_s3_text(s->file_id, sizeof(s->file_id), value);

    } else if (NGX_RECORDING_S3_IS("Date")) {
        s->date = ngx_parse_http_time(value->data, value->len);
        s->date = s->date == NGX_ERROR ? 0 : s->date;

    } else if (NGX_RECORDING_S3_IS("x-amz-bucket-region")) {
        ngx_recording_s3_text(s->region, sizeof(s->region), value);

    } else if (NGX_RECORDING_S3_IS("Location")) {
        ngx_recording_s3_location(s, value);

    } else if (NGX_RECORDING_S3_IS("Retry-After")) {

        /* seconds, or a time */

        n = ngx_atoi(value->data, value->len);

        if (n != NGX_ERROR) {
            s->pause = 1000 * ngx_min(n, NGX_RECORDING_S3_PAUSE);

        } else {
            s->retry = ngx_parse_http_time(value->data, value->len);
            s->retry = s->retry == NGX_ERROR ? 0 : s->retry;
        }
    }
}


static void
ngx_recording_s3_text(char *to, size_t size, const ngx_str_t *value)
{
    (void) snprintf(to, size, "%.*s", (int) value->len, (char *) value->data);
}


/* of a URL what an endpoint has: its key is known */

static void
ngx_recording_s3_location(ngx_recording_s3_t *s, const ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   host;

    last = value->data + value->len;
    p = ngx_strlchr(value->data, last, ':');

    if (p == NULL || last - p < 3 || p[1] != '/' || p[2] != '/') {
        return;
    }

    p = ngx_strlchr(p + 3, last, '/');

    host.data = value->data;
    host.len = (p ? p : last) - value->data;

    ngx_recording_s3_text(s->place, sizeof(s->place), &host);
}


/* "bytes 0-0/123"; -1: it is not said of how many */

static off_t
ngx_recording_s3_range(const ngx_str_t *value)
{
    u_char  *p, *last;

    last = value->data + value->len;
    p = ngx_strlchr(value->data, last, '/');

    return p ? ngx_atoof(p + 1, last - p - 1) : -1;
}


/* a part of one is none */

static void
ngx_recording_s3_etag(ngx_recording_s3_t *s, const ngx_str_t *value)
{
    ngx_str_t  etag;

    etag = *value;

    if (etag.len >= 2 && etag.data[0] == '"'
        && etag.data[etag.len - 1] == '"')
    {
        etag.data++;
        etag.len -= 2;
    }

    if (etag.len < sizeof(s->etag)) {
        ngx_recording_s3_text(s->etag, sizeof(s->etag), &etag);
    }
}


void
ngx_recording_s3_answer(ngx_recording_s3_t *s)
{
    if (s->request.failed != NGX_RECORDING_HTTP_OK) {
        s->result = ngx_recording_s3_failed(s);
        (void) snprintf(s->error, sizeof(s->error), "%s", s->request.error);
        return;
    }

    if (s->range != -1) {
        s->length = s->range;
    }

    /* an answer of 200 may tell of an error */

    if (s->answer.len) {
        (void) ngx_recording_xml(s->answer.data, s->answer.len,
                                 ngx_recording_s3_element, s);
    }

    if (s->status >= 200 && s->status < 300 && s->code[0] == '\0') {
        s->result = NGX_RECORDING_S3_OK;
        return;
    }

    ngx_recording_s3_skewed(s);
    ngx_recording_s3_until(s);

    s->result = s->code[0] ? ngx_recording_s3_code(s)
                           : ngx_recording_s3_status(s->status);

    s->unreached = s->result == NGX_RECORDING_S3_BUCKET
                   || s->result == NGX_RECORDING_S3_AGAIN;

    ngx_recording_s3_say(s);
}


/* without an answer */

static ngx_recording_s3_e
ngx_recording_s3_failed(ngx_recording_s3_t *s)
{
    switch (s->request.failed) {

    case NGX_RECORDING_HTTP_RESOLVE:
    case NGX_RECORDING_HTTP_HANDSHAKE:
        s->unreached = 1;
        return NGX_RECORDING_S3_BUCKET;

    case NGX_RECORDING_HTTP_SOURCE:
    case NGX_RECORDING_HTTP_MEMORY:
        return NGX_RECORDING_S3_AGAIN;

    default:
        s->unreached = 1;
        return NGX_RECORDING_S3_AGAIN;
    }
}


/* an answer to HEAD has no body that says so */

static void
ngx_recording_s3_skewed(ngx_recording_s3_t *s)
{
    time_t  now;

    now = time(NULL) + s->bucket->skew;

    if (s->status == NGX_RECORDING_S3_FORBIDDEN && s->code[0] == '\0' && s->date
        && (s->date - now > NGX_RECORDING_S3_SKEW
            || now - s->date > NGX_RECORDING_S3_SKEW))
    {
        (void) strcpy(s->code, "RequestTimeTooSkewed");
    }
}


/* a time is told by the clock of the one who tells it */

static void
ngx_recording_s3_until(ngx_recording_s3_t *s)
{
    time_t  left;

    if (s->retry == 0) {
        return;
    }

    left = s->retry - (s->date ? s->date : time(NULL) + s->bucket->skew);

    if (left > 0) {
        s->pause = 1000 * (ngx_msec_t) ngx_min(left, NGX_RECORDING_S3_PAUSE);
    }
}


/* of <Error>, which some wrap in another element */

static void
ngx_recording_s3_element(void *data, const char *name, ngx_uint_t depth,
    const char *text)
{
    ngx_recording_s3_t *s = data;

    if (depth > 2) {
        return;
    }

    if (strcmp(name, "Code") == 0) {
        (void) snprintf(s->code, sizeof(s->code), "%s", text);

    } else if (strcmp(name, "Message") == 0) {
        (void) snprintf(s->message, sizeof(s->message), "%s", text);

    } else if (strcmp(name, "Endpoint") == 0 && s->place[0] == '\0') {
        (void) snprintf(s->place, sizeof(s->place), "%s", text);
    }
}


static ngx_recording_s3_e
ngx_recording_s3_code(ngx_recording_s3_t *s)
{
    const ngx_recording_s3_code_t  *c;

    for (c = ngx_recording_s3_codes; c->name; c++) {
        if (strcmp(c->name, s->code) == 0) {
            return c->result;
        }
    }

    return ngx_recording_s3_status(s->status);
}


static ngx_recording_s3_e
ngx_recording_s3_status(ngx_uint_t status)
{
    const ngx_recording_s3_status_t  *st;

    for (st = ngx_recording_s3_statuses; st->status; st++) {
        if (st->status == status) {
            return st->result;
        }
    }

    return status >= 500 ? NGX_RECORDING_S3_AGAIN
           : status >= 300 && status < 400 ? NGX_RECORDING_S3_BUCKET
           : NGX_RECORDING_S3_REFUSED;
}


/* whoever is asked in the wrong region is told of the right one */

static ngx_uint_t
ngx_recording_s3_elsewhere(const ngx_recording_s3_t *s)
{
    return s->region[0]
           && (strlen(s->region) != s->bucket->region.len
               || ngx_memcmp(s->region, s->bucket->region.data,
                             s->bucket->region.len)
                  != 0);
}


/* what a server says may have any bytes */

static void
ngx_recording_s3_say(ngx_recording_s3_t *s)
{
    u_char  *p, *last;

    p = (u_char *) s->error;
    last = p + sizeof(s->error) - 1;

    p = ngx_slprintf(p, last, "%V answered with %ui%s%s", &s->method, s->status,
                     s->code[0] ? " " : "", s->code);

    if (ngx_recording_s3_elsewhere(s)) {
        p = ngx_slprintf(p, last, ", the bucket's region is \"%s\"",
                         s->region);
    }

    if (s->status >= 300 && s->status < 400 && s->place[0]) {
        p = ngx_slprintf(p, last, ", it is at \"%s\"", s->place);
    }

    if (s->message[0]) {
        p = ngx_slprintf(p, last, ": %s", s->message);
    }

    *p = '\0';

    for (p = (u_char *) s->error; *p; p++) {
        if (*p < ' ' || *p == 0x7f) {
            *p = ' ';
        }
    }
}
