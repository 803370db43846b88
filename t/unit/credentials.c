
/* The file with the credentials of a bucket. */

#include "tap.h"
#include "stubs.h"
#include "ngx_recording_credentials.h"


/* link: src/deliver/ngx_recording_credentials.c */


#define ID      "aws_access_key_id"
#define SECRET  "aws_secret_access_key"
#define TOKEN   "aws_session_token"
#define BOTH    ID " = AKID\n" SECRET " = s3cret/+=\n"


static void credentials_good(void);
static void credentials_bad(void);
static void credentials_long(void);
static void credentials_file(void);
static void credentials_unread(const char *file, ngx_int_t rc,
    const char *before, const char *after);
static void credentials_write(const char *file, const char *text, size_t len);


int
main(void)
{
    credentials_good();
    credentials_bad();
    credentials_long();
    credentials_file();

    return tap_done();
}


static void
credentials_good(void)
{
    u_char                       *text;
    ngx_uint_t                    i;
    const char                   *why;
    ngx_recording_credentials_t   c;

    static const struct {
        const char  *name;
        const char  *text;
        const char  *token;
    } tests[] = {
        { "the least", "[default]\n" ID "=AKID\n" SECRET "=s3cret/+=", "" },
        { "spaces", "[default]\n" BOTH TOKEN " = t=\n", "t=" },
        { "no line feed", "[default]\n" BOTH TOKEN "=t", "t" },
        { "CRLF", "[default]\r\n" ID " = AKID\r\n\r\n" SECRET
                  " = s3cret/+=\r\n" TOKEN " = t\r\n", "t" },
        { "tabs", "\t[default]\t\n\t" ID "\t=\tAKID\t\n\t" SECRET
                  "\t=\ts3cret/+=\t\n", "" },
        { "an empty token", "[default]\n" TOKEN "=\n" BOTH, "" },
        { "comments", "# [x]\n; y\n[default] # z\n#" ID " = a\n ;" SECRET
                      "=b\n" ID " = AKID ; no\n" SECRET
                      " = s3cret/+=\t# no\n", "" },
        { "upper case", "[default]\nAWS_Access_Key_ID=AKID\n"
                        "AWS_SECRET_ACCESS_KEY=s3cret/+=\n", "" },
        { "other profiles", "[a]\n" ID "=a\n" SECRET "=b\n" TOKEN "=c\nx\n"
                            "[default]\n" BOTH
                            "[default2]\n" ID "=d\n" SECRET "=e\n" TOKEN
                            "=f\n[profile default]\n" ID "=g\n", "" },
        { "other lines", "[default]\nregion = x\n" BOTH
                         "s3 =\n  max_concurrent_requests = 20\n"
                         "output=\n", "" },
        { "spaces in brackets", "[ default ]\n" BOTH, "" },
        { "a mark of UTF-8", "\xef\xbb\xbf[default]\n" BOTH, "" },
        { "a number sign in a value", "[default]\n" BOTH TOKEN "=a#b;c\n",
          "a#b;c" },
        { "lines before all profiles", "x = y\nz\n[default]\n" BOTH, "" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        text = tap_copy(tests[i].text, strlen(tests[i].text));
        why = "";

        is(ngx_recording_credentials_parse(text, strlen(tests[i].text), &c,
                                           &why),
           NGX_OK, "%s", tests[i].name);
        ok(why == NULL, "nothing is wrong");
        is_text(c.access.data, c.access.len, "AKID", "access key");
        is_text(c.secret.data, c.secret.len, "s3cret/+=", "secret");
        is_text(c.token.data, c.token.len, tests[i].token, "token");

        free(text);
    }
}


static void
credentials_bad(void)
{
    u_char                       *text;
    ngx_uint_t                    i;
    const char                   *why;
    ngx_recording_credentials_t   c;

    static const struct {
        const char  *text;
        const char  *why;
    } tests[] = {
        { "", "no profile [default]" },
        { "\xef\xbb\xbf", "no profile [default]" },
        { BOTH, "no profile [default]" },
        { "[Default]\n" BOTH, "no profile [default]" },
        { "#[default]\n" BOTH, "no profile [default]" },
        { "[default]", "no aws_access_key_id in profile [default]" },
        { "[default]\n" SECRET "=s",
          "no aws_access_key_id in profile [default]" },
        { "[default]\n" ID "=\n" SECRET "=s",
          "no aws_access_key_id in profile [default]" },
        { "[default]\n" ID "= # a\n" SECRET "=s",
          "no aws_access_key_id in profile [default]" },
        { "[default]\n" ID "=a",
          "no aws_secret_access_key in profile [default]" },
        { "[default]\n" ID "=a\n[x]\n" SECRET "=s",
          "no aws_secret_access_key in profile [default]" },
        { "[default\n" BOTH, "the name of a profile without \"]\"" },
        { "[default] " ID "=a",
          "a line with something behind the name of a profile" },
        { "[default]\n" BOTH "[default]\n", "profile [default] twice" },
        { "[default]\n" ID " a\n" SECRET "=s",
          "a line without \"=\" in profile [default]" },
        { "[default]\n" BOTH ID "=a",
          "aws_access_key_id twice in profile [default]" },
        { "[default]\n" BOTH SECRET "=a",
          "aws_secret_access_key twice in profile [default]" },
        { "[default]\n" TOKEN "=a\n" BOTH TOKEN "=a",
          "aws_session_token twice in profile [default]" },
        { "[default]\n" ID "=a/b", "a character that cannot be in the value "
          "of aws_access_key_id in profile [default]" },
        { "[default]\n" ID "=a,b", "a character that cannot be in the value "
          "of aws_access_key_id in profile [default]" },
        { "[default]\n" ID "=a\n" SECRET "=s t", "a character that cannot be "
          "in the value of aws_secret_access_key in profile [default]" },
        { "[default]\n" ID "=a\n" SECRET "=s\r\r t", "a character that cannot "
          "be in the value of aws_secret_access_key in profile [default]" },
        { "[default]\n" TOKEN "=\xc3\xa4", "a character that cannot be in the "
          "value of aws_session_token in profile [default]" },
        { "[default]\n" TOKEN "=\x7f", "a character that cannot be in the "
          "value of aws_session_token in profile [default]" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        text = tap_copy(tests[i].text, strlen(tests[i].text));
        why = "";

        is(ngx_recording_credentials_parse(text, strlen(tests[i].text), &c,
                                           &why),
           NGX_DECLINED, "%d is refused", (int) i);
        is_text(why, strlen(why), tests[i].why, "why");

        free(text);
    }

    text = tap_copy("[default]\n" ID "=a\0b", sizeof("[default]\n" ID "=a\0b"));

    is(ngx_recording_credentials_parse(text,
                                       sizeof("[default]\n" ID "=a\0b") - 1,
                                       &c, &why),
       NGX_DECLINED, "a null character");

    free(text);
}


static void
credentials_long(void)
{
    char                          text[9000];
    size_t                        len;
    const char                   *why;
    ngx_recording_credentials_t   c;

    len = sprintf(text, "[default]\n" BOTH TOKEN "=");

    memset(text + len, 't', 8193);

    is(ngx_recording_credentials_parse((u_char *) text, len + 8192, &c, &why),
       NGX_OK, "a token of 8192");
    is(c.token.len, 8192, "as long as that");

    is(ngx_recording_credentials_parse((u_char *) text, len + 8193, &c, &why),
       NGX_DECLINED, "one of 8193");
    is_text(why, strlen(why),
            "too long a value of aws_session_token in profile [default]",
            "why");
}


static void
credentials_file(void)
{
    char                          dir[] = "/tmp/credentials-XXXXXX";
    char                          file[64], link[64], error[256], *text;
    ngx_recording_credentials_t   c;

    if (mkdtemp(dir) == NULL) {
        ok(0, "mkdtemp");
        return;
    }

    (void) sprintf(file, "%s/file", dir);
    (void) sprintf(link, "%s/link", dir);

    credentials_unread(file, NGX_ERROR, "open of ",
                       " failed (2: No such file or directory)");
    credentials_unread(dir, NGX_ERROR, "", " is not a file");

    /* nobody writes to it */

    (void) mkfifo(link, 0600);
    credentials_unread(link, NGX_ERROR, "", " is not a file");
    (void) unlink(link);

    credentials_write(file, "[x]\n" BOTH, sizeof("[x]\n" BOTH) - 1);
    credentials_unread(file, NGX_DECLINED, "", " has no profile [default]");

    text = malloc(65537);
    memset(text, '\n', 65537);
    strcpy(text, "[default]\n" BOTH "#");

    credentials_write(file, text, 65537);
    credentials_unread(file, NGX_DECLINED, "", " has more than 65536 bytes");

    credentials_write(file, text, 65536);
    is(ngx_recording_credentials_read_thread(file, &c, error, sizeof(error)),
       NGX_OK, "64k");
    is_text(c.access.data, c.access.len, "AKID", "access key");
    is_text(c.secret.data, c.secret.len, "s3cret/+=", "secret");
    is(c.info.st_size, 65536, "and what stat tells");

    ngx_recording_credentials_free(&c);
    ok(c.text == NULL && c.secret.len == 0, "nothing is left");
    ngx_recording_credentials_free(&c);

    is(ngx_recording_credentials_read_thread(file, &c, error, sizeof(error)),
       NGX_OK, "again");
    ngx_recording_credentials_free(&c);

    free(text);
    (void) unlink(file);
    (void) rmdir(dir);
}


static void
credentials_unread(const char *file, ngx_int_t rc, const char *before,
    const char *after)
{
    char                          error[256], wanted[256];
    ngx_recording_credentials_t   c;

    (void) sprintf(wanted, "%s\"%s\"%s", before, file, after);

    is(ngx_recording_credentials_read_thread(file, &c, error, sizeof(error)),
       rc, "cannot be read");
    is_text(error, strlen(error), wanted, "why");
    ok(c.text == NULL, "nothing is kept");
}


static void
credentials_write(const char *file, const char *text, size_t len)
{
    FILE  *out;

    out = fopen(file, "w");

    ok(out && fwrite(text, 1, len, out) == len && fclose(out) == 0,
       "%d bytes are written", (int) len);
}
