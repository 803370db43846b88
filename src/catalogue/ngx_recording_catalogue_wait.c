
#include "ngx_recording_catalogue_wait.h"
#include <time.h>


#define NGX_RECORDING_CATALOGUE_BUSY   10000        /* ms */
#define NGX_RECORDING_CATALOGUE_QUIT   2000         /* ms, of a worker that
                                                       exits */
#define NGX_RECORDING_CATALOGUE_STOP   100          /* and at a fast stop */
#define NGX_RECORDING_CATALOGUE_STEP   25
#define NGX_RECORDING_CATALOGUE_PAUSE  10


static int64_t ngx_recording_catalogue_clock(void);


ngx_uint_t
ngx_recording_catalogue_answers(ngx_recording_catalogue_t *cat, int64_t ms)
{
    int64_t  end;

    end = ngx_recording_catalogue_clock() + ms;

    do {
        if (pthread_mutex_trylock(&cat->mutex) == 0) {
            (void) pthread_mutex_unlock(&cat->mutex);
            return 1;
        }

        ngx_msleep(NGX_RECORDING_CATALOGUE_PAUSE);

    } while (ngx_recording_catalogue_clock() < end);

    return 0;
}


void
ngx_recording_catalogue_seal(ngx_recording_catalogue_t *cat)
{
    cat->sealed = 1;
}


void
ngx_recording_catalogue_last(ngx_recording_catalogue_t *cat, int64_t ms)
{
    cat->sealed = 0;
    cat->deadline = ngx_recording_catalogue_clock() + ms;
}


/* it may not be waited for any more */

ngx_uint_t
ngx_recording_catalogue_wait_over(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    if (cat->sealed) {
        err->text[0] = '\0';
        return 1;
    }

    if ((cat->hung && ngx_terminate)
        || (cat->deadline
            && ngx_recording_catalogue_clock() >= cat->deadline))
    {
        (void) snprintf(err->text, sizeof(err->text),
                        "it takes too long, and nginx stops");
        return 1;
    }

    return 0;
}


/*
 * Another one writes, and there may be many of those; but who stops does not
 * wait as long.
 */

ngx_uint_t
ngx_recording_catalogue_wait_busy(void *data, ngx_uint_t n)
{
    ngx_recording_catalogue_t *cat = data;

    int64_t  now, most;

    now = ngx_recording_catalogue_clock();

    if (n == 0) {
        cat->since = now;
        cat->late = 0;
    }

    most = cat->patience && !ngx_terminate ? cat->patience
           : ngx_terminate ? NGX_RECORDING_CATALOGUE_STOP
           : ngx_exiting ? NGX_RECORDING_CATALOGUE_QUIT
           : NGX_RECORDING_CATALOGUE_BUSY;

    if (now - cat->since >= most || (cat->deadline && now >= cat->deadline)) {
        cat->hung = ngx_terminate;
        cat->late = 1;
        return 0;
    }

    /* whoever does not wait for long looks more often */

    ngx_msleep(cat->patience ? 1
                             : ngx_min(n + 1, NGX_RECORDING_CATALOGUE_STEP));

    return 1;
}


void
ngx_recording_catalogue_wait_begin(ngx_recording_catalogue_t *cat)
{
    cat->until = cat->most ? ngx_recording_catalogue_clock() + cat->most : 0;
}


ngx_uint_t
ngx_recording_catalogue_wait_interrupt(void *data)
{
    ngx_recording_catalogue_t *cat = data;

    if (ngx_terminate || ngx_recording_catalogue_clock() >= cat->until) {
        cat->late = 1;
        return 1;
    }

    return 0;
}


/* ms, of a clock that is never set */

static int64_t
ngx_recording_catalogue_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
