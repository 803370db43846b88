
#include "ngx_recording_board.h"
#include "ngx_recording_call.h"


#define NGX_RECORDING_BOARD_TRIES  100


struct ngx_recording_board_slot_s {
    ngx_atomic_t            owner;         /* 0: it is free */
    ngx_atomic_t            version;       /* odd: it is being written */
    ngx_atomic_t            kind;
    uint64_t                words[NGX_RECORDING_BOARD_WORDS];
};


struct ngx_recording_board_shared_s {
    uint64_t                n;
    uint64_t                counts[NGX_RECORDING_BOARD_COUNTS];
    ngx_recording_board_histogram_t  times[NGX_RECORDING_BOARD_TIMES];
    ngx_atomic_t            high;          /* slots from here on were never
                                              taken */
    ngx_recording_board_slot_t  slots[1];
};


const int64_t  ngx_recording_board_limits[NGX_RECORDING_BOARD_BUCKETS] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000, 10000000, 30000000, 120000000, 0
};


/* slots are copied word by word */

typedef char  ngx_recording_board_file_fits[
    sizeof(ngx_recording_board_file_t)
    <= NGX_RECORDING_BOARD_WORDS * sizeof(uint64_t) ? 1 : -1];


static ngx_int_t ngx_recording_board_began_thread(uint64_t pid,
    uint64_t *began);
static ngx_uint_t ngx_recording_board_lives_thread(uint64_t owner);
static ngx_uint_t ngx_recording_board_see_thread(
    ngx_recording_board_seen_t *seen, uint64_t owner);
static void ngx_recording_board_drop(ngx_recording_board_slot_t *slot,
    uint64_t owner);
static void ngx_recording_board_write(ngx_recording_board_slot_t *slot,
    const void *data, size_t size);
static ngx_int_t ngx_recording_board_read(ngx_recording_board_slot_t *slot,
    void *data, size_t size);
static ngx_int_t ngx_recording_board_find(ngx_recording_board_t *board,
    ngx_recording_board_seen_t *seen, ngx_recording_board_kind_e kind,
    int64_t id, void *data, size_t size);


ngx_recording_board_shared_t *
ngx_recording_board_create(void *memory, size_t size)
{
    ngx_recording_board_shared_t  *shared;

    shared = memory;

    shared->n = (size - offsetof(ngx_recording_board_shared_t, slots))
                / sizeof(ngx_recording_board_slot_t);

    return shared;
}


void
ngx_recording_board_join(ngx_recording_board_t *board,
    ngx_recording_board_shared_t *shared)
{
    uint64_t  pid, began;

    pid = (uint64_t) getpid();

    if (ngx_recording_board_began_thread(pid, &began) != NGX_OK) {
        began = 0;
    }

    board->shared = shared;
    board->me = pid | began << 32;
}


void
ngx_recording_board_leave(ngx_recording_board_t *board)
{
    uint64_t  i, high;

    if (board == NULL || board->shared == NULL) {
        return;
    }

    high = board->shared->high;

    for (i = 0; i < high; i++) {
        ngx_recording_board_drop(&board->shared->slots[i], board->me);
    }

    board->shared = NULL;
}


void
ngx_recording_board_bury_thread(ngx_recording_board_t *board)
{
    uint64_t                     i, high, owner, seen;
    ngx_uint_t                   lives;
    ngx_recording_board_slot_t  *slot;

    if (board == NULL || board->shared == NULL) {
        return;
    }

    high = board->shared->high;
    seen = board->me;
    lives = 1;

    for (i = 0; i < high; i++) {
        slot = &board->shared->slots[i];
        owner = slot->owner;

        if (owner == 0 || owner == board->me) {
            continue;
        }

        if (owner != seen) {
            seen = owner;
            lives = ngx_recording_board_lives_thread(owner);
        }

        if (!lives) {
            ngx_recording_board_drop(slot, owner);
        }
    }
}


/*
 * When a process began, in the kernel's ticks.  NGX_DECLINED: there is none, or
 * it is dead but not waited for; NGX_ERROR: it cannot be known.
 */

static ngx_int_t
ngx_recording_board_began_thread(uint64_t pid, uint64_t *began)
{
    int         fd;
    char        text[512], *p;
    ssize_t     n;
    ngx_err_t   err;
    ngx_uint_t  i;

    (void) snprintf(text, sizeof(text), "/proc/%llu/stat",
                    (unsigned long long) pid);

    fd = ngx_recording_open(text, O_RDONLY|O_CLOEXEC, 0);

    if (fd == -1) {
        return errno == ENOENT ? NGX_DECLINED : NGX_ERROR;
    }

    n = read(fd, text, sizeof(text) - 1);
    err = errno;

    ngx_recording_close(fd);

    if (n <= 0) {
        return n == -1 && err == ESRCH ? NGX_DECLINED : NGX_ERROR;
    }

    text[n] = '\0';

    /* its name may have blanks and parentheses; the state follows, field 3 */

    p = strrchr(text, ')');

    if (p == NULL || p[1] == '\0') {
        return NGX_ERROR;
    }

    if (p[2] == 'Z' || p[2] == 'X') {
        return NGX_DECLINED;
    }

    for (i = 2; i < 22 && p; i++) {
        p = strchr(p + 1, ' ');
    }

    if (p == NULL) {
        return NGX_ERROR;
    }

    *began = strtoull(p + 1, NULL, 10) & 0xffffffff;

    return NGX_OK;
}


/* dead is only who is known to be */

static ngx_uint_t
ngx_recording_board_lives_thread(uint64_t owner)
{
    uint64_t   pid, began, now;
    ngx_int_t  rc;

    pid = owner & 0xffffffff;
    began = owner >> 32;

    if (began) {
        rc = ngx_recording_board_began_thread(pid, &now);

        return rc == NGX_ERROR || (rc == NGX_OK && now == began);
    }

    /* without /proc */

    return kill((pid_t) pid, 0) == 0 || errno == EPERM;
}


/* more processes than there is room for are asked for each time */

static ngx_uint_t
ngx_recording_board_see_thread(ngx_recording_board_seen_t *seen,
    uint64_t owner)
{
    ngx_uint_t  i, lives;

    for (i = 0; i < seen->n; i++) {
        if (seen->owner[i] == owner) {
            return seen->lives[i];
        }
    }

    lives = ngx_recording_board_lives_thread(owner);

    if (seen->n < NGX_RECORDING_BOARD_SEEN) {
        seen->owner[seen->n] = owner;
        seen->lives[seen->n++] = lives;
    }

    return lives;
}


ngx_recording_board_slot_t *
ngx_recording_board_take(ngx_recording_board_t *board,
    ngx_recording_board_kind_e kind)
{
    uint64_t                       i, high;
    ngx_recording_board_slot_t    *slot;
    ngx_recording_board_shared_t  *shared;

    if (board == NULL || board->shared == NULL) {
        return NULL;
    }

    shared = board->shared;

    for (i = 0; i < shared->n; i++) {
        slot = &shared->slots[i];

        if (slot->owner || !ngx_atomic_cmp_set(&slot->owner, 0, board->me)) {
            continue;
        }

        slot->kind = kind;

        for (high = shared->high; high <= i; high = shared->high) {
            (void) ngx_atomic_cmp_set(&shared->high, high, i + 1);
        }

        return slot;
    }

    return NULL;
}


void
ngx_recording_board_free(ngx_recording_board_slot_t *slot)
{
    if (slot) {
        ngx_recording_board_drop(slot, slot->owner);
    }
}


/* the owner goes last: until then the slot is nobody else's */

static void
ngx_recording_board_drop(ngx_recording_board_slot_t *slot, uint64_t owner)
{
    static const uint64_t  none[NGX_RECORDING_BOARD_WORDS];

    if (owner == 0 || slot->owner != owner) {
        return;
    }

    ngx_recording_board_write(slot, none, sizeof(none));

    (void) ngx_atomic_cmp_set(&slot->owner, owner, 0);
}


void
ngx_recording_board_tell_file(ngx_recording_board_slot_t *slot,
    const ngx_recording_board_file_t *file)
{
    if (slot) {
        ngx_recording_board_write(slot, file, sizeof(*file));
    }
}


void
ngx_recording_board_tell_recording(ngx_recording_board_slot_t *slot,
    const ngx_recording_board_recording_t *recording)
{
    if (slot) {
        ngx_recording_board_write(slot, recording, sizeof(*recording));
    }
}


void
ngx_recording_board_tell_worker(ngx_recording_board_slot_t *slot,
    const ngx_recording_board_worker_t *worker)
{
    if (slot) {
        ngx_recording_board_write(slot, worker, sizeof(*worker));
    }
}


void
ngx_recording_board_count(ngx_recording_board_t *board, ngx_uint_t count,
    int64_t n)
{
    /* counters never go back */

    if (board->shared && n > 0) {
        (void) __atomic_fetch_add(&board->shared->counts[count], n,
                                  __ATOMIC_RELAXED);
    }
}


void
ngx_recording_board_time(ngx_recording_board_t *board,
    ngx_recording_board_time_e time, int64_t us)
{
    ngx_uint_t                        i;
    ngx_recording_board_histogram_t  *h;

    if (board->shared == NULL) {
        return;
    }

    h = &board->shared->times[time];
    us = ngx_max(us, 0);

    for (i = 0; i < NGX_RECORDING_BOARD_BUCKETS - 1; i++) {
        if (us <= ngx_recording_board_limits[i]) {
            break;
        }
    }

    (void) __atomic_fetch_add(&h->buckets[i], 1, __ATOMIC_RELAXED);
    (void) __atomic_fetch_add(&h->us, us, __ATOMIC_RELAXED);
}


uint64_t
ngx_recording_board_counted(ngx_recording_board_t *board, ngx_uint_t count)
{
    return board->shared
           ? __atomic_load_n(&board->shared->counts[count], __ATOMIC_RELAXED)
           : 0;
}


void
ngx_recording_board_timed(ngx_recording_board_t *board,
    ngx_recording_board_time_e time,
    ngx_recording_board_histogram_t *histogram)
{
    ngx_uint_t                        i;
    ngx_recording_board_histogram_t  *h;

    ngx_memzero(histogram, sizeof(*histogram));

    if (board->shared == NULL) {
        return;
    }

    h = &board->shared->times[time];

    for (i = 0; i < NGX_RECORDING_BOARD_BUCKETS; i++) {
        histogram->buckets[i] = __atomic_load_n(&h->buckets[i],
                                                __ATOMIC_RELAXED);
    }

    histogram->us = __atomic_load_n(&h->us, __ATOMIC_RELAXED);
}


void
ngx_recording_board_workers(ngx_recording_board_t *board,
    ngx_recording_board_worker_t *sum)
{
    uint64_t                       i, high, owner;
    ngx_recording_board_slot_t    *slot;
    ngx_recording_board_worker_t   worker;

    ngx_memzero(sum, sizeof(*sum));

    high = board->shared ? board->shared->high : 0;

    for (i = 0; i < high; i++) {
        slot = &board->shared->slots[i];
        owner = slot->owner;

        if (owner == 0 || slot->kind != NGX_RECORDING_BOARD_WORKER
            || ngx_recording_board_read(slot, &worker, sizeof(worker))
               != NGX_OK
            || worker.id == 0 || slot->owner != owner
            || !ngx_recording_board_lives_thread(owner))
        {
            continue;
        }

        sum->id++;
        sum->recordings += worker.recordings;
        sum->buffered += worker.buffered;
        sum->buffer += worker.buffer;
        sum->jobs += worker.jobs;
        sum->descriptors += worker.descriptors;
        sum->descriptors_left += worker.descriptors_left;
    }
}


/* one that was killed at it has left an odd version */

static void
ngx_recording_board_write(ngx_recording_board_slot_t *slot, const void *data,
    size_t size)
{
    size_t           i;
    const uint64_t  *words;
    ngx_atomic_t     version;

    words = data;
    version = __atomic_load_n(&slot->version, __ATOMIC_RELAXED) | 1;

    __atomic_store_n(&slot->version, version, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    for (i = 0; i < size / sizeof(uint64_t); i++) {
        __atomic_store_n(&slot->words[i], words[i], __ATOMIC_RELAXED);
    }

    __atomic_store_n(&slot->version, version + 1, __ATOMIC_RELEASE);
}


static ngx_int_t
ngx_recording_board_read(ngx_recording_board_slot_t *slot, void *data,
    size_t size)
{
    size_t         i;
    uint64_t      *words;
    ngx_uint_t     tries;
    ngx_atomic_t   version;

    words = data;

    for (tries = 0; tries < NGX_RECORDING_BOARD_TRIES; tries++) {
        version = __atomic_load_n(&slot->version, __ATOMIC_ACQUIRE);

        for (i = 0; i < size / sizeof(uint64_t); i++) {
            words[i] = __atomic_load_n(&slot->words[i], __ATOMIC_RELAXED);
        }

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((version & 1) == 0
            && version == __atomic_load_n(&slot->version, __ATOMIC_RELAXED))
        {
            return NGX_OK;
        }

        ngx_sched_yield();
    }

    return NGX_DECLINED;
}


/*
 * Of two that tell of it, one is dead, or has just handed it over: the one that
 * lives is asked.
 */

static ngx_int_t
ngx_recording_board_find(ngx_recording_board_t *board,
    ngx_recording_board_seen_t *seen, ngx_recording_board_kind_e kind,
    int64_t id, void *data, size_t size)
{
    uint64_t                     i, high, owner;
    ngx_recording_board_slot_t  *slot;

    if (board == NULL || board->shared == NULL || id == 0) {
        return NGX_DECLINED;
    }

    high = board->shared->high;

    for (i = 0; i < high; i++) {
        slot = &board->shared->slots[i];

        if (__atomic_load_n(&slot->words[0], __ATOMIC_RELAXED) != (uint64_t) id
            || slot->kind != kind)
        {
            continue;
        }

        owner = slot->owner;

        if (owner
            && ngx_recording_board_read(slot, data, size) == NGX_OK
            && *(int64_t *) data == id && slot->owner == owner
            && (owner == board->me
                || ngx_recording_board_see_thread(seen, owner)))
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_recording_board_file(ngx_recording_board_t *board,
    ngx_recording_board_seen_t *seen, int64_t id,
    ngx_recording_board_file_t *file)
{
    return ngx_recording_board_find(board, seen, NGX_RECORDING_BOARD_FILE, id,
                                    file, sizeof(*file));
}


ngx_int_t
ngx_recording_board_recording(ngx_recording_board_t *board,
    ngx_recording_board_seen_t *seen, int64_t id,
    ngx_recording_board_recording_t *recording)
{
    return ngx_recording_board_find(board, seen, NGX_RECORDING_BOARD_RECORDING,
                                    id, recording, sizeof(*recording));
}
