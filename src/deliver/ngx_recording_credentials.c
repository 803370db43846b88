
#include "ngx_recording_credentials.h"


/* a line of the profile; what is wrong with it says nothing of its value */

typedef struct {
    const char             *name;
    size_t                  field;
    size_t                  longest;
    const char             *apart;         /* what its value cannot have */
    const char             *twice;
    const char             *length;
    const char             *invalid;
} ngx_recording_credentials_key_t;


#define ngx_recording_credentials_key(name, field, longest, apart)           \
    { name, offsetof(ngx_recording_credentials_t, field), longest, apart,    \
      name " twice in profile [default]",                                    \
      "too long a value of " name " in profile [default]",                   \
      "a character that cannot be in the value of " name                     \
      " in profile [default]" }


static void ngx_recording_credentials_trim(ngx_str_t *s);
static const char *ngx_recording_credentials_profile(ngx_str_t *line,
    ngx_uint_t *profiles, ngx_uint_t *own);
static const char *ngx_recording_credentials_line(
    ngx_recording_credentials_t *c, ngx_str_t *line);
static const char *ngx_recording_credentials_value(
    const ngx_recording_credentials_key_t *key, ngx_str_t *to,
    ngx_str_t *value);
static ngx_int_t ngx_recording_credentials_read(int fd, const char *file,
    ngx_recording_credentials_t *c, char *error, size_t size);


/* an access key stands in a scope, whose parts have these between them */

static const ngx_recording_credentials_key_t
    ngx_recording_credentials_keys[] =
{
    ngx_recording_credentials_key("aws_access_key_id", access, 128, "/,"),
    ngx_recording_credentials_key("aws_secret_access_key", secret, 256, ""),
    ngx_recording_credentials_key("aws_session_token", token, 8192, ""),
};


ngx_int_t
ngx_recording_credentials_parse(u_char *text, size_t len,
    ngx_recording_credentials_t *c, const char **why)
{
    u_char      *p, *last, *end;
    ngx_str_t    line;
    ngx_uint_t   profiles, own;

    ngx_str_null(&c->access);
    ngx_str_null(&c->secret);
    ngx_str_null(&c->token);

    *why = NULL;
    profiles = 0;
    own = 0;

    p = text;
    last = text + len;

    /* some editors begin a file with a mark of UTF-8 */

    if (len >= 3 && ngx_memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
    }

    for ( /* void */ ; p < last && *why == NULL; p = end + 1) {

        end = ngx_strlchr(p, last, '\n');

        if (end == NULL) {
            end = last;
        }

        line.data = p;
        line.len = end - p;

        ngx_recording_credentials_trim(&line);

        if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';') {
            continue;
        }

        if (line.data[0] == '[') {
            *why = ngx_recording_credentials_profile(&line, &profiles, &own);

        } else if (own) {
            *why = ngx_recording_credentials_line(c, &line);
        }
    }

    if (*why == NULL && profiles == 0) {
        *why = "no profile [default]";
    }

    if (*why == NULL && c->access.len == 0) {
        *why = "no aws_access_key_id in profile [default]";
    }

    if (*why == NULL && c->secret.len == 0) {
        *why = "no aws_secret_access_key in profile [default]";
    }

    return *why ? NGX_DECLINED : NGX_OK;
}


static void
ngx_recording_credentials_trim(ngx_str_t *s)
{
    while (s->len && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }

    while (s->len && (s->data[s->len - 1] == ' '
                      || s->data[s->len - 1] == '\t'
                      || s->data[s->len - 1] == '\r'))
    {
        s->len--;
    }
}


/* "[name]", and maybe a comment; *own: its lines are looked at */

static const char *
ngx_recording_credentials_profile(ngx_str_t *line, ngx_uint_t *profiles,
    ngx_uint_t *own)
{
    u_char     *end;
    ngx_str_t   name, rest;

    end = ngx_strlchr(line->data, line->data + line->len, ']');

    if (end == NULL) {
        return "the name of a profile without \"]\"";
    }

    rest.data = end + 1;
    rest.len = line->data + line->len - rest.data;

    ngx_recording_credentials_trim(&rest);

    if (rest.len && rest.data[0] != '#' && rest.data[0] != ';') {
        return "a line with something behind the name of a profile";
    }

    name.data = line->data + 1;
    name.len = end - name.data;

    ngx_recording_credentials_trim(&name);

    *own = (name.len == 7 && ngx_memcmp(name.data, "default", 7) == 0);

    if (*own && (*profiles)++) {
        return "profile [default] twice";
    }

    return NULL;
}


/* "name = value" of the profile; what it has besides is for others */

static const char *
ngx_recording_credentials_line(ngx_recording_credentials_t *c,
    ngx_str_t *line)
{
    size_t                                  i;
    u_char                                 *equal;
    ngx_str_t                               name, value;
    const ngx_recording_credentials_key_t  *key;

    equal = ngx_strlchr(line->data, line->data + line->len, '=');

    if (equal == NULL) {
        return "a line without \"=\" in profile [default]";
    }

    name.data = line->data;
    name.len = equal - line->data;

    value.data = equal + 1;
    value.len = line->data + line->len - value.data;

    /* a comment behind a value stands behind a space, too */

    for (i = 1; i < value.len; i++) {
        if ((value.data[i] == '#' || value.data[i] == ';')
            && (value.data[i - 1] == ' ' || value.data[i - 1] == '\t'))
        {
            value.len = i;
        }
    }

    ngx_recording_credentials_trim(&name);
    ngx_recording_credentials_trim(&value);

    for (i = 0; i < 3; i++) {
        key = &ngx_recording_credentials_keys[i];

        if (ngx_strlen(key->name) == name.len
            && ngx_strncasecmp((u_char *) key->name, name.data, name.len) == 0)
        {
            return ngx_recording_credentials_value(key,
                           (ngx_str_t *) ((u_char *) c + key->field), &value);
        }
    }

    return NULL;
}


static const char *
ngx_recording_credentials_value(const ngx_recording_credentials_key_t *key,
    ngx_str_t *to, ngx_str_t *value)
{
    u_char  ch;
    size_t  i;

    if (to->len) {
        return key->twice;
    }

    if (value->len > key->longest) {
        return key->length;
    }

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (ch <= ' ' || ch >= 0x7f || ngx_strchr(key->apart, ch)) {
            return key->invalid;
        }
    }

    *to = *value;

    return NULL;
}


ngx_int_t
ngx_recording_credentials_read_thread(const char *file,
    ngx_recording_credentials_t *c, char *error, size_t size)
{
    int        fd;
    ngx_int_t  rc;

    ngx_memzero(c, sizeof(ngx_recording_credentials_t));

    /* what is no file does not keep it waiting */

    fd = open(file, O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1) {
        (void) snprintf(error, size, "open of \"%s\" failed (%d: %s)", file,
                        errno, strerror(errno));
        return NGX_ERROR;
    }

    rc = ngx_recording_credentials_read(fd, file, c, error, size);

    (void) close(fd);

    if (rc != NGX_OK) {
        ngx_recording_credentials_free(c);
    }

    return rc;
}


static ngx_int_t
ngx_recording_credentials_read(int fd, const char *file,
    ngx_recording_credentials_t *c, char *error, size_t size)
{
    ssize_t      n;
    const char  *why;

    if (fstat(fd, &c->info) == -1) {
        (void) snprintf(error, size, "stat of \"%s\" failed (%d: %s)", file,
                        errno, strerror(errno));
        return NGX_ERROR;
    }

    if (!S_ISREG(c->info.st_mode)) {
        (void) snprintf(error, size, "\"%s\" is not a file", file);
        return NGX_ERROR;
    }

    /* one byte more tells that it is too long */

    c->text = malloc(NGX_RECORDING_CREDENTIALS_FILE + 1);

    if (c->text == NULL) {
        (void) snprintf(error, size, "no memory for \"%s\"", file);
        return NGX_ERROR;
    }

    do {
        n = read(fd, c->text + c->len,
                 NGX_RECORDING_CREDENTIALS_FILE + 1 - c->len);

        if (n > 0) {
            c->len += n;
        }

    } while ((n > 0 && c->len <= NGX_RECORDING_CREDENTIALS_FILE)
             || (n == -1 && errno == EINTR));

    if (n == -1) {
        (void) snprintf(error, size, "read of \"%s\" failed (%d: %s)", file,
                        errno, strerror(errno));
        return NGX_ERROR;
    }

    if (c->len > NGX_RECORDING_CREDENTIALS_FILE) {
        (void) snprintf(error, size, "\"%s\" has more than %d bytes", file,
                        NGX_RECORDING_CREDENTIALS_FILE);
        return NGX_DECLINED;
    }

    if (ngx_recording_credentials_parse(c->text, c->len, c, &why) != NGX_OK) {
        (void) snprintf(error, size, "\"%s\" has %s", file, why);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_recording_credentials_free(ngx_recording_credentials_t *c)
{
    if (c->text) {
        ngx_explicit_memzero(c->text, c->len);
        free(c->text);
    }

    ngx_memzero(c, sizeof(ngx_recording_credentials_t));
}
