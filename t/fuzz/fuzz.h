
/*
 * libFuzzer targets.  Each brings the seed of its corpus: it is written to
 * the corpus directory, which is the program's last argument.
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


typedef struct {
    const void             *data;
    size_t                  size;
} fuzz_seed_t;

#define fuzz_text(text)   { text, sizeof(text) - 1 }
#define fuzz_bytes(array) { array, sizeof(array) }


/* what must hold, whatever the input is */

#define fuzz_check(condition)                                                \
    do {                                                                     \
        if (!(condition)) {                                                  \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__,     \
                    #condition);                                             \
            abort();                                                         \
        }                                                                    \
    } while (0)


static ngx_inline void
fuzz_seed(int argc, char **argv, const fuzz_seed_t *seeds, ngx_uint_t n)
{
    int         fd;
    char        name[4096];
    ngx_uint_t  i;

    if (argc < 2 || argv[argc - 1][0] == '-') {
        return;
    }

    for (i = 0; i < n; i++) {
        (void) snprintf(name, sizeof(name), "%s/seed-%02d", argv[argc - 1],
                        (int) i);

        fd = open(name, O_WRONLY|O_CREAT|O_TRUNC, 0644);

        if (fd == -1) {
            continue;
        }

        fuzz_check(write(fd, seeds[i].data, seeds[i].size)
                   == (ssize_t) seeds[i].size);

        (void) close(fd);
    }
}

#define fuzz_seeds(seeds)                                                    \
    int                                                                      \
    LLVMFuzzerInitialize(int *argc, char ***argv)                            \
    {                                                                        \
        fuzz_seed(*argc, *argv, seeds, sizeof(seeds) / sizeof(seeds[0]));    \
        return 0;                                                            \
    }


#endif /* _FUZZ_H_INCLUDED_ */
