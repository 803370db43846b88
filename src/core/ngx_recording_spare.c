
#include "ngx_recording_spare.h"
#include <pthread.h>
#include <sys/eventfd.h>


typedef struct {
    pthread_mutex_t  mutex;
    int              of;          /* what they are duplicates of, or -1 */
    ngx_uint_t       wanted;
    ngx_uint_t       n;
    ngx_uint_t       room;        /* of fd */
    int             *fd;
} ngx_recording_spare_t;


static ngx_uint_t ngx_recording_spare_push(ngx_recording_spare_t *s, int fd);


static ngx_recording_spare_t  ngx_recording_spare = {
    PTHREAD_MUTEX_INITIALIZER, -1, 0, 0, 0, NULL
};


void
ngx_recording_spare_keep(ngx_uint_t n)
{
    ngx_recording_spare_t  *s;

    s = &ngx_recording_spare;

    (void) pthread_mutex_lock(&s->mutex);

    if (s->of == -1) {
        s->of = eventfd(0, EFD_CLOEXEC);
        s->wanted += n;
    }

    (void) pthread_mutex_unlock(&s->mutex);

    (void) ngx_recording_spare_fill();
}


void
ngx_recording_spare_more(void)
{
    ngx_recording_spare_t  *s;

    s = &ngx_recording_spare;

    (void) pthread_mutex_lock(&s->mutex);

    s->wanted++;

    (void) pthread_mutex_unlock(&s->mutex);
}


void
ngx_recording_spare_less(void)
{
    ngx_recording_spare_t  *s;

    s = &ngx_recording_spare;

    (void) pthread_mutex_lock(&s->mutex);

    if (s->n == s->wanted && s->n) {
        (void) close(s->fd[--s->n]);
    }

    s->wanted--;

    (void) pthread_mutex_unlock(&s->mutex);
}


ngx_uint_t
ngx_recording_spare_fill(void)
{
    int                     fd;
    ngx_uint_t              missing;
    ngx_recording_spare_t  *s;

    s = &ngx_recording_spare;

    (void) pthread_mutex_lock(&s->mutex);

    while (s->of != -1 && s->n < s->wanted) {
        fd = fcntl(s->of, F_DUPFD_CLOEXEC, 0);

        if (fd == -1) {
            break;
        }

        if (!ngx_recording_spare_push(s, fd)) {
            (void) close(fd);
            break;
        }
    }

    missing = s->of == -1 ? 0 : s->wanted - s->n;

    (void) pthread_mutex_unlock(&s->mutex);

    return missing;
}


ngx_uint_t
ngx_recording_spare_give(void)
{
    ngx_uint_t              given;
    ngx_recording_spare_t  *s;

    s = &ngx_recording_spare;

    (void) pthread_mutex_lock(&s->mutex);

    given = (s->n != 0);

    if (given) {
        (void) close(s->fd[--s->n]);
    }

    (void) pthread_mutex_unlock(&s->mutex);

    return given;
}


ngx_uint_t
ngx_recording_spare_take(int fd)
{
    ngx_uint_t              taken;
    ngx_recording_spare_t  *s;

    s = &ngx_recording_spare;

    (void) pthread_mutex_lock(&s->mutex);

    taken = s->of != -1 && s->n < s->wanted
            && ngx_recording_spare_push(s, fd);

    /* it may wait for the disk, but nobody else gives or takes it meanwhile */

    if (taken && dup3(s->of, fd, O_CLOEXEC) == -1) {
        s->n--;
        taken = 0;
    }

    (void) pthread_mutex_unlock(&s->mutex);

    return taken;
}


static ngx_uint_t
ngx_recording_spare_push(ngx_recording_spare_t *s, int fd)
{
    int         *room;
    ngx_uint_t   n;

    if (s->n == s->room) {
        n = s->room ? s->room * 2 : 256;
        room = realloc(s->fd, n * sizeof(int));

        if (room == NULL) {
            return 0;
        }

        s->fd = room;
        s->room = n;
    }

    s->fd[s->n++] = fd;

    return 1;
}
