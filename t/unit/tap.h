
/*
 * Tests in C: each program prints TAP, t/unit.t runs them.
 */


#ifndef _TAP_H_INCLUDED_
#define _TAP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


static unsigned  tap_number;
static unsigned  tap_failures;


/* ok(condition, format, ...) */

#define ok(condition, ...)                                                   \
    tap_ok((condition) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

/* is(got, wanted, format, ...): integers */

#define is(got, wanted, ...)                                                 \
    tap_is((long long) (got), (long long) (wanted), __FILE__, __LINE__,      \
           __VA_ARGS__)

/* is_text(data, length, "wanted", format, ...) */

#define is_text(data, len, wanted, ...)                                      \
    tap_text((data), (len), (wanted), __FILE__, __LINE__, __VA_ARGS__)

#define diag(...)                                                            \
    (printf("# "), printf(__VA_ARGS__), printf("\n"))


static ngx_uint_t __attribute__((unused, format(printf, 4, 5)))
tap_ok(ngx_uint_t good, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    printf("%sok %u - ", good ? "" : "not ", ++tap_number);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    printf("\n");

    if (!good) {
        tap_failures++;
        printf("#   failed at %s line %d\n", file, line);
    }

    return good;
}


static ngx_uint_t __attribute__((unused, format(printf, 5, 6)))
tap_is(long long got, long long wanted, const char *file, int line,
    const char *fmt, ...)
{
    char     text[256];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (!tap_ok(got == wanted, file, line, "%s", text)) {
        printf("#   got %lld, wanted %lld\n", got, wanted);
        return 0;
    }

    return 1;
}


static ngx_uint_t __attribute__((unused, format(printf, 6, 7)))
tap_text(const void *data, size_t len, const char *wanted, const char *file,
    int line, const char *fmt, ...)
{
    char     text[256];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (!tap_ok(len == strlen(wanted)
                && (len == 0 || memcmp(data, wanted, len) == 0),
                file, line, "%s", text))
    {
        printf("#   got \"%.*s\"\n#   wanted \"%s\"\n", (int) len,
               (const char *) data, wanted);
        return 0;
    }

    return 1;
}


/* the plan, and the program's exit status */

static int __attribute__((unused))
tap_done(void)
{
    printf("1..%u\n", tap_number);

    return tap_failures ? 1 : 0;
}


/*
 * A copy of its own for each input: the sanitizer sees a byte too far.
 */

static __attribute__((unused)) u_char *
tap_copy(const void *data, size_t size)
{
    u_char  *p;

    p = malloc(ngx_max(size, 1));

    if (p == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    ngx_memcpy(p, data, size);

    return p;
}


#endif /* _TAP_H_INCLUDED_ */
