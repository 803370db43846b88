
#include "ngx_recording_growth.h"
#include "ngx_recording_text.h"


#define NGX_RECORDING_GROWTH_MAGIC  0x6874776f72474552ULL
#define NGX_RECORDING_GROWTH_FILES  65536          /* of a worker, at most */
#define NGX_RECORDING_GROWTH_TRIES  5
#define NGX_RECORDING_GROWTH_AGAIN  5000000        /* us, without a slot */
#define NGX_RECORDING_GROWTH_RATE   4000000        /* us that a rate is of */


/*
 * What a worker tells.  The sum comes first: it is all that earlier versions
 * have, and read.
 */

typedef struct {
    int64_t                 sum;
    uint64_t                magic;
    uint64_t                n;
    uint64_t                hash;          /* of the files that follow */
    uint64_t                exiting;       /* it is a worker that exits */
} ngx_recording_growth_head_t;


typedef struct {
    ngx_recording_store_t  *store;
    ngx_recording_grown_all_t  *all;
    ngx_uint_t              exiting;       /* this worker does */
    ngx_err_t               err;
} ngx_recording_growth_others_t;


static void ngx_recording_growth_count(ngx_recording_store_t *store,
    ngx_recording_growth_t *growth, const ngx_recording_board_file_t *file);
static void ngx_recording_growth_rate(ngx_recording_growth_t *growth,
    int64_t now, const ngx_recording_board_file_t *file);
static ngx_int_t ngx_recording_growth_own(ngx_recording_store_t *store,
    ngx_recording_grown_all_t *all);
static ngx_int_t ngx_recording_growth_tell(ngx_recording_store_t *store,
    ngx_uint_t exiting, ngx_recording_grown_all_t *all);
static void ngx_recording_growth_other(void *data, const char *name);
static ngx_int_t ngx_recording_growth_read(
    ngx_recording_growth_others_t *others, int fd, const char *name);
static ngx_int_t ngx_recording_growth_room(ngx_recording_grown_all_t *all,
    ngx_uint_t n);
static void ngx_recording_growth_once(ngx_recording_grown_all_t *all);
static int ngx_recording_growth_compare(const void *one, const void *two);
static uint64_t ngx_recording_growth_hash(ngx_recording_grown_t *files,
    ngx_uint_t n);


void
ngx_recording_growth_set(ngx_recording_store_t *store,
    ngx_recording_growth_t *growth, uint64_t id, int64_t bytes)
{
    (void) pthread_mutex_lock(&store->mutex);

    growth->id = id;
    growth->bytes = bytes;

    if (growth->prev == NULL) {
        growth->next = store->growing;
        growth->prev = &store->growing;

        if (growth->next) {
            growth->next->prev = &growth->next;
        }

        store->growing = growth;
    }

    (void) pthread_mutex_unlock(&store->mutex);
}


void
ngx_recording_growth_show(ngx_recording_store_t *store,
    ngx_recording_growth_t *growth, ngx_recording_board_file_t *file)
{
    int64_t  now;

    ngx_recording_growth_count(store, growth, file);

    now = ngx_recording_mono();

    if (growth->slot == NULL && now >= growth->again) {
        growth->slot = ngx_recording_board_take(&store->board,
                                                NGX_RECORDING_BOARD_FILE);
        growth->again = now + NGX_RECORDING_GROWTH_AGAIN;
        growth->marked = now;
        growth->mark = file->bytes;
    }

    if (growth->slot) {
        ngx_recording_growth_rate(growth, now, file);

        file->rate = growth->rate;

        ngx_recording_board_tell_file(growth->slot, file);
    }
}


void
ngx_recording_growth_known(ngx_recording_growth_t *growth,
    const ngx_recording_board_file_t *file)
{
    growth->counted = *file;
}


/* what has come since it was counted last */

static void
ngx_recording_growth_count(ngx_recording_store_t *store,
    ngx_recording_growth_t *growth, const ngx_recording_board_file_t *file)
{
    ngx_uint_t                   i;
    ngx_recording_board_t       *board;
    ngx_recording_board_file_t  *before;

    board = &store->board;
    before = &growth->counted;

    ngx_recording_board_count(board, NGX_RECORDING_BOARD_FRAMES_IN,
                              file->in - before->in);
    ngx_recording_board_count(board, NGX_RECORDING_BOARD_FRAMES_WRITTEN,
                              file->written - before->written);
    ngx_recording_board_count(board, NGX_RECORDING_BOARD_BYTES,
                              file->bytes - before->bytes);

    for (i = 0; i < NGX_RECORDING_BOARD_REASONS; i++) {
        ngx_recording_board_count(board, NGX_RECORDING_BOARD_DROPPED_BY + i,
                                  file->dropped[i] - before->dropped[i]);
    }

    *before = *file;
}


/* of a few seconds; in the first ones, of the file as it is */

static void
ngx_recording_growth_rate(ngx_recording_growth_t *growth, int64_t now,
    const ngx_recording_board_file_t *file)
{
    int64_t  time;

    time = now - growth->marked;

    if (time >= NGX_RECORDING_GROWTH_RATE) {
        growth->rate = (int64_t) ((double) ngx_max(file->bytes - growth->mark,
                                                   0)
                                  * 8000000 / time);
        growth->marked = now;
        growth->mark = file->bytes;

    } else if (growth->rate == 0 && file->duration > 0) {
        growth->rate = (int64_t) ((double) file->bytes * 8000
                                  / file->duration);
    }
}


void
ngx_recording_growth_end(ngx_recording_store_t *store,
    ngx_recording_growth_t *growth)
{
    (void) pthread_mutex_lock(&store->mutex);

    if (growth->prev) {
        *growth->prev = growth->next;

        if (growth->next) {
            growth->next->prev = growth->prev;
        }

        growth->prev = NULL;
    }

    (void) pthread_mutex_unlock(&store->mutex);

    ngx_recording_board_free(growth->slot);
    growth->slot = NULL;
}


ngx_int_t
ngx_recording_growth_all_thread(ngx_recording_store_t *store,
    ngx_uint_t exiting, ngx_recording_grown_all_t *all)
{
    ngx_recording_growth_others_t  others;

    ngx_memzero(all, sizeof(ngx_recording_grown_all_t));

    if (ngx_recording_growth_own(store, all) != NGX_OK) {
        errno = ENOMEM;
        return NGX_ERROR;
    }

    if (ngx_recording_growth_tell(store, exiting, all) != NGX_OK) {
        return NGX_ERROR;
    }

    others.store = store;
    others.all = all;
    others.exiting = exiting;
    others.err = 0;

    if (ngx_recording_store_list_thread(store, ngx_recording_growth_other,
                                        &others)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (others.err) {
        errno = others.err;
        return NGX_ERROR;
    }

    ngx_recording_growth_once(all);

    return NGX_OK;
}


void
ngx_recording_growth_free(ngx_recording_grown_all_t *all)
{
    free(all->files);
    all->files = NULL;
}


/* a copy, as files come and go */

static ngx_int_t
ngx_recording_growth_own(ngx_recording_store_t *store,
    ngx_recording_grown_all_t *all)
{
    ngx_int_t                rc;
    ngx_recording_growth_t  *growth;

    rc = NGX_OK;

    (void) pthread_mutex_lock(&store->mutex);

    for (growth = store->growing; growth; growth = growth->next) {
        rc = ngx_recording_growth_room(all, 1);

        if (rc != NGX_OK) {
            break;
        }

        all->files[all->n].id = growth->id;
        all->files[all->n++].bytes = growth->bytes;
    }

    (void) pthread_mutex_unlock(&store->mutex);

    return rc;
}


/* by one write: others read at the same time */

static ngx_int_t
ngx_recording_growth_tell(ngx_recording_store_t *store,
    ngx_uint_t exiting, ngx_recording_grown_all_t *all)
{
    size_t                        size;
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_recording_growth_head_t  *head;

    head = malloc(sizeof(ngx_recording_growth_head_t)
                  + all->n * sizeof(ngx_recording_grown_t));

    if (head == NULL) {
        return NGX_ERROR;
    }

    head->sum = 0;
    head->magic = NGX_RECORDING_GROWTH_MAGIC;
    head->exiting = exiting;
    head->n = ngx_min(all->n, NGX_RECORDING_GROWTH_FILES);
    head->hash = ngx_recording_growth_hash(all->files, head->n);

    for (i = 0; i < all->n; i++) {
        head->sum += all->files[i].bytes;
    }

    size = head->n * sizeof(ngx_recording_grown_t);

    if (size) {
        ngx_memcpy(head + 1, all->files, size);
    }

    rc = ngx_recording_io_write_thread(store->lock, head,
                               sizeof(ngx_recording_growth_head_t) + size, 0);
    free(head);

    return rc;
}


/* a dead worker's files are there, too, until another one takes them */

static void
ngx_recording_growth_other(void *data, const char *name)
{
    ngx_recording_growth_others_t *others = data;

    int         fd;
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (others->err || !ngx_recording_store_is_lock(name)
        || strcmp(name, others->store->owner) == 0)
    {
        return;
    }

    fd = ngx_recording_openat(others->store->work, name,
                              O_RDONLY|O_CLOEXEC|O_NOFOLLOW, 0);

    if (fd == -1) {
        others->err = errno == NGX_ENOENT ? 0 : errno;
        return;
    }

    /* it may be written at the same time */

    for (rc = NGX_AGAIN, i = 0;
         rc == NGX_AGAIN && i < NGX_RECORDING_GROWTH_TRIES;
         i++)
    {
        rc = ngx_recording_growth_read(others, fd, name);
    }

    if (rc != NGX_OK) {
        others->err = rc == NGX_AGAIN ? EAGAIN : errno;
    }

    ngx_recording_close(fd);
}


/* NGX_AGAIN: it was just changed */

static ngx_int_t
ngx_recording_growth_read(ngx_recording_growth_others_t *others, int fd,
    const char *name)
{
    ssize_t                       n;
    ngx_recording_grown_t        *files;
    ngx_recording_grown_all_t    *all;
    ngx_recording_growth_head_t   head;

    all = others->all;

    n = pread(fd, &head, sizeof(head), 0);

    if (n == -1) {
        return NGX_ERROR;
    }

    if (n < (ssize_t) sizeof(head.sum)) {

        /* it has told nothing yet */

        return NGX_OK;
    }

    if (n < (ssize_t) sizeof(head) || head.magic != NGX_RECORDING_GROWTH_MAGIC)
    {
        /* a worker of an earlier version, which tells the sum alone */

        if (ngx_recording_store_lives_thread(others->store, name)
            != NGX_DECLINED)
        {
            all->others += head.sum;
            all->serving++;
        }

        return NGX_OK;
    }

    if (head.n > NGX_RECORDING_GROWTH_FILES
        || ngx_recording_growth_room(all, head.n) != NGX_OK)
    {
        return NGX_AGAIN;
    }

    files = &all->files[all->n];

    if (head.n
        && ngx_recording_io_read_thread(fd, files,
                                   head.n * sizeof(ngx_recording_grown_t),
                                   sizeof(head))
           != NGX_OK)
    {
        return NGX_AGAIN;
    }

    if (ngx_recording_growth_hash(files, head.n) != head.hash) {
        return NGX_AGAIN;
    }

    all->n += head.n;

    if (others->exiting && !head.exiting
        && ngx_recording_store_lives_thread(others->store, name)
           != NGX_DECLINED)
    {
        all->serving++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_growth_room(ngx_recording_grown_all_t *all, ngx_uint_t n)
{
    ngx_uint_t              room;
    ngx_recording_grown_t  *files;

    if (all->n + n <= all->room) {
        return NGX_OK;
    }

    room = ngx_max(all->n + n, 2 * all->room);

    files = realloc(all->files, room * sizeof(ngx_recording_grown_t));

    if (files == NULL) {
        return NGX_ERROR;
    }

    all->files = files;
    all->room = room;

    return NGX_OK;
}


/* a file of which two workers tell has gone from one to the other */

static void
ngx_recording_growth_once(ngx_recording_grown_all_t *all)
{
    ngx_uint_t              i, n;
    ngx_recording_grown_t  *files;

    files = all->files;
    all->bytes = all->others;

    if (all->n == 0) {
        return;
    }

    qsort(files, all->n, sizeof(ngx_recording_grown_t),
          ngx_recording_growth_compare);

    for (n = 0, i = 1; i < all->n; i++) {

        if (files[i].id != files[n].id) {
            files[++n] = files[i];
            continue;
        }

        files[n].bytes = ngx_max(files[n].bytes, files[i].bytes);
    }

    all->n = n + 1;

    for (i = 0; i < all->n; i++) {
        all->bytes += files[i].bytes;
    }
}


static int
ngx_recording_growth_compare(const void *one, const void *two)
{
    const ngx_recording_grown_t *a = one;
    const ngx_recording_grown_t *b = two;

    return (a->id > b->id) - (a->id < b->id);
}


static uint64_t
ngx_recording_growth_hash(ngx_recording_grown_t *files, ngx_uint_t n)
{
    return ngx_recording_text_hash((u_char *) files,
                                   n * sizeof(ngx_recording_grown_t));
}
