
#include "ngx_recording_belief.h"


#define NGX_RECORDING_BELIEF_FILE     "clock.believed"
#define NGX_RECORDING_BELIEF_LINE     128
#define NGX_RECORDING_BELIEF_FORWARD  60000000            /* us */
#define NGX_RECORDING_BELIEF_DOUBT    INT64_C(3600000000) /* us */


typedef enum {
    NGX_RECORDING_BELIEF_SAME = 0,
    NGX_RECORDING_BELIEF_DOUBTED,
    NGX_RECORDING_BELIEF_BELIEVED,
    NGX_RECORDING_BELIEF_BACK
} ngx_recording_belief_e;


static ngx_recording_belief_e ngx_recording_belief_judge(
    ngx_recording_belief_t *belief, int64_t shift, int64_t now);
static void ngx_recording_belief_read(ngx_recording_belief_t *belief,
    ngx_recording_store_t *store);
static ngx_int_t ngx_recording_belief_write(ngx_recording_belief_t *belief,
    ngx_recording_store_t *store, int at);
static void ngx_recording_belief_tell(ngx_recording_belief_e judged,
    int64_t forward, ngx_recording_notices_t *notices);


int64_t
ngx_recording_belief_now_thread(ngx_recording_belief_t *belief,
    ngx_recording_store_t *store, ngx_recording_notices_t *notices)
{
    int                     lock;
    int64_t                 now, wall, before;
    ngx_recording_belief_t  next;
    ngx_recording_belief_e  judged;

    now = ngx_recording_store_now(store);
    wall = ngx_recording_wall();

    ngx_recording_belief_read(belief, store);

    next = *belief;
    judged = ngx_recording_belief_judge(&next, wall - now, now);

    /* by one worker, so that it is said once */

    if (judged != NGX_RECORDING_BELIEF_SAME
        && ngx_recording_store_hold_thread(store, &lock) == NGX_OK)
    {
        ngx_recording_belief_read(belief, store);

        before = belief->shift;
        judged = ngx_recording_belief_judge(belief, wall - now, now);
        next = *belief;

        if (judged != NGX_RECORDING_BELIEF_SAME) {
            ngx_recording_belief_tell(judged, wall - now - before, notices);

            belief->own = (ngx_recording_belief_write(belief, store, lock)
                           != NGX_OK);
            if (belief->own) {
                ngx_recording_notice(notices, NGX_LOG_ERR, errno,
                                     "write \"%s/" NGX_RECORDING_BELIEF_FILE
                                     "\" failed: each worker process doubts "
                                     "the wall clock by itself",
                                     store->path);
            }
        }

        ngx_recording_close(lock);
    }

    return next.since ? now + next.shift : wall;
}


static ngx_recording_belief_e
ngx_recording_belief_judge(ngx_recording_belief_t *belief, int64_t shift,
    int64_t now)
{
    ngx_recording_belief_e  judged;

    if (shift - belief->shift < NGX_RECORDING_BELIEF_FORWARD) {

        judged = belief->since
                 || belief->shift - shift >= NGX_RECORDING_STORE_STEADY
                 ? NGX_RECORDING_BELIEF_BACK : NGX_RECORDING_BELIEF_SAME;

        if (judged == NGX_RECORDING_BELIEF_BACK) {
            belief->shift = ngx_min(belief->shift, shift);
            belief->since = 0;
        }

        return judged;
    }

    if (belief->since == 0
        || llabs(shift - belief->doubted) >= NGX_RECORDING_BELIEF_FORWARD)
    {
        belief->doubted = shift;
        belief->since = now;

        return NGX_RECORDING_BELIEF_DOUBTED;
    }

    if (now - belief->since < NGX_RECORDING_BELIEF_DOUBT) {
        return NGX_RECORDING_BELIEF_SAME;
    }

    belief->shift = shift;
    belief->since = 0;

    return NGX_RECORDING_BELIEF_BELIEVED;
}


/* one of another start of the machine tells nothing: its base is another */

static void
ngx_recording_belief_read(ngx_recording_belief_t *belief,
    ngx_recording_store_t *store)
{
    int        fd;
    char       path[PATH_MAX], text[NGX_RECORDING_BELIEF_LINE];
    ssize_t    n;
    long long  base, shift, doubted, since;

    if (belief->own) {
        return;
    }

    ngx_memzero(belief, sizeof(ngx_recording_belief_t));

    (void) snprintf(path, sizeof(path), "%s/" NGX_RECORDING_BELIEF_FILE,
                    store->path);

    fd = ngx_recording_open(path, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC,
                            0);
    if (fd == -1) {
        return;
    }

    n = read(fd, text, sizeof(text) - 1);

    ngx_recording_close(fd);

    text[ngx_max(n, 0)] = '\0';

    if (sscanf(text, "%lld %lld %lld %lld", &base, &shift, &doubted, &since)
        == 4
        && base == store->base)
    {
        belief->shift = shift;
        belief->doubted = doubted;
        belief->since = since;
    }
}


static ngx_int_t
ngx_recording_belief_write(ngx_recording_belief_t *belief,
    ngx_recording_store_t *store, int at)
{
    int        fd, n;
    char       text[NGX_RECORDING_BELIEF_LINE];
    ngx_int_t  rc;

    fd = ngx_recording_openat(at, NGX_RECORDING_BELIEF_FILE ".new",
                              O_WRONLY|O_CREAT|O_TRUNC|O_NOFOLLOW|O_CLOEXEC,
                              0640);
    if (fd == -1) {
        return NGX_ERROR;
    }

    n = snprintf(text, sizeof(text), "%lld %lld %lld %lld\n",
                 (long long) store->base, (long long) belief->shift,
                 (long long) belief->doubted, (long long) belief->since);

    rc = ngx_recording_io_write_thread(fd, text, n, 0);

    ngx_recording_close(fd);

    if (rc == NGX_OK
        && ngx_recording_renameat(at, NGX_RECORDING_BELIEF_FILE ".new", at,
                                  NGX_RECORDING_BELIEF_FILE)
           == -1)
    {
        rc = NGX_ERROR;
    }

    return rc;
}


static void
ngx_recording_belief_tell(ngx_recording_belief_e judged, int64_t forward,
    ngx_recording_notices_t *notices)
{
    long long  seconds;

    seconds = (forward + 500000) / 1000000;

    switch (judged) {

    case NGX_RECORDING_BELIEF_DOUBTED:
        ngx_recording_notice(notices, NGX_LOG_ERR, 0,
                             "the wall clock was set forward by %lld s: files "
                             "expire by it in an hour, unless it is set back",
                             seconds);
        break;

    case NGX_RECORDING_BELIEF_BELIEVED:
        ngx_recording_notice(notices, NGX_LOG_WARN, 0,
                             "the wall clock that was set forward by %lld s "
                             "an hour ago is believed: files expire by it",
                             seconds);
        break;

    default:
        ngx_recording_notice(notices, NGX_LOG_NOTICE, 0,
                             "the wall clock was set back: files expire by "
                             "it");
    }
}
