
/* The board: slots of processes that live, and of those that are dead. */


#include "tap.h"
#include "ngx_recording_board.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>


static ngx_recording_board_shared_t *board_shared(size_t size);
static void board_told(void);
static void board_full(void);
static void board_dead(void);
static void board_torn(void);


int
main(void)
{
    board_told();
    board_full();
    board_dead();
    board_torn();

    return tap_done();
}


static ngx_recording_board_shared_t *
board_shared(size_t size)
{
    void  *memory;

    memory = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);

    return ngx_recording_board_create(memory, size);
}


/* as in a call of its own */

static ngx_int_t
board_file(ngx_recording_board_t *board, int64_t id,
    ngx_recording_board_file_t *file)
{
    ngx_recording_board_seen_t  seen;

    ngx_memzero(&seen, sizeof(seen));

    return ngx_recording_board_file(board, &seen, id, file);
}


static void
board_told(void)
{
    ngx_recording_board_t            board, none;
    ngx_recording_board_file_t       file, found;
    ngx_recording_board_seen_t       seen;
    ngx_recording_board_slot_t      *slot, *other;
    ngx_recording_board_recording_t  r;

    ngx_memzero(&none, sizeof(none));
    ngx_memzero(&file, sizeof(file));
    ngx_memzero(&r, sizeof(r));

    ok(ngx_recording_board_take(&none, NGX_RECORDING_BOARD_FILE) == NULL,
       "no board, no slot");
    ngx_recording_board_tell_file(NULL, &file);
    ngx_recording_board_free(NULL);
    is(board_file(&none, 1, &found), NGX_DECLINED,
       "and nothing is told");

    ngx_recording_board_join(&board, board_shared(NGX_RECORDING_BOARD_MIN));

    slot = ngx_recording_board_take(&board, NGX_RECORDING_BOARD_FILE);
    other = ngx_recording_board_take(&board, NGX_RECORDING_BOARD_RECORDING);

    ok(slot && other && slot != other, "two slots");
    is(board_file(&board, 0, &found), NGX_DECLINED,
       "nothing has no id");

    file.id = 7;
    file.recording_id = 8;
    file.bytes = 100;
    file.dropped[NGX_RECORDING_BOARD_REASONS - 1] = 5;
    ngx_recording_board_tell_file(slot, &file);

    r.id = 7;
    r.bytes = 3;
    ngx_recording_board_tell_recording(other, &r);

    is(board_file(&board, 7, &found), NGX_OK, "it is told");
    ok(memcmp(&file, &found, sizeof(file)) == 0, "all of it");
    ngx_memzero(&seen, sizeof(seen));
    is(ngx_recording_board_recording(&board, &seen, 7, &r), NGX_OK,
       "the other one");
    is(r.bytes, 3, "is told apart");

    file.bytes = 200;
    ngx_recording_board_tell_file(slot, &file);
    (void) board_file(&board, 7, &found);
    is(found.bytes, 200, "it grows");

    ngx_recording_board_free(slot);
    is(board_file(&board, 7, &found), NGX_DECLINED, "it is over");
    ok(ngx_recording_board_take(&board, NGX_RECORDING_BOARD_FILE) == slot,
       "its slot is free again");

    ngx_recording_board_leave(&board);
    ok(board.shared == NULL, "the process ends");
}


static void
board_full(void)
{
    ngx_uint_t                     n, again;
    ngx_recording_board_t          board, next;
    ngx_recording_board_shared_t  *shared;

    shared = board_shared(NGX_RECORDING_BOARD_MIN);
    ngx_recording_board_join(&board, shared);

    for (n = 0; ngx_recording_board_take(&board, NGX_RECORDING_BOARD_FILE);
         n++)
    {
        if (n > 1000) {
            break;
        }
    }

    ok(n > 10 && n < 60, "it has an end");

    ngx_recording_board_leave(&board);
    ngx_recording_board_join(&next, shared);

    for (again = 0; ngx_recording_board_take(&next, NGX_RECORDING_BOARD_FILE);
         again++)
    {
        /* void */
    }

    is(again, n, "what ended has left nothing");
}


static void
board_dead(void)
{
    int                            status, fds[2];
    char                           c;
    pid_t                          pid;
    struct rlimit                  limit, none;
    ngx_recording_board_t          board;
    ngx_recording_board_file_t     file;
    ngx_recording_board_seen_t     seen;
    ngx_recording_board_slot_t    *slot;
    ngx_recording_board_shared_t  *shared;

    shared = board_shared(NGX_RECORDING_BOARD_MIN);

    ngx_memzero(&seen, sizeof(seen));
    ngx_memzero(&file, sizeof(file));
    file.id = 9;

    if (pipe(fds) == -1) {
        return;
    }

    pid = fork();

    if (pid == 0) {
        ngx_recording_board_join(&board, shared);
        slot = ngx_recording_board_take(&board, NGX_RECORDING_BOARD_FILE);
        ngx_recording_board_tell_file(slot, &file);

        (void) !write(fds[1], "x", 1);
        (void) pause();
        _exit(0);
    }

    (void) !read(fds[0], &c, 1);

    ngx_recording_board_join(&board, shared);

    is(board_file(&board, 9, &file), NGX_OK,
       "another process tells");
    ngx_recording_board_bury_thread(&board);
    is(board_file(&board, 9, &file), NGX_OK,
       "it lives, and keeps its slot");

    (void) getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;

    (void) setrlimit(RLIMIT_NOFILE, &none);
    ngx_recording_board_bury_thread(&board);
    (void) setrlimit(RLIMIT_NOFILE, &limit);

    is(board_file(&board, 9, &file), NGX_OK,
       "also if there is no descriptor to look for it with");

    (void) ngx_recording_board_file(&board, &seen, 9, &file);
    (void) kill(pid, SIGKILL);

    /* it is dead, but nobody has waited for it */

    do {
        ngx_msleep(5);
    } while (board_file(&board, 9, &file) == NGX_OK);

    ok(1, "a dead one tells nothing");
    is(ngx_recording_board_file(&board, &seen, 9, &file), NGX_OK,
       "but to who has seen it alive, and does not ask again");
    is(seen.n, 1, "it was asked for once");

    (void) waitpid(pid, &status, 0);

    is(board_file(&board, 9, &file), NGX_DECLINED,
       "nor when it is gone");

    slot = ngx_recording_board_take(&board, NGX_RECORDING_BOARD_FILE);
    ngx_recording_board_free(slot);

    ngx_recording_board_bury_thread(&board);

    ok(ngx_recording_board_take(&board, NGX_RECORDING_BOARD_FILE) != slot,
       "its slot is free");
}


/* who reads never sees a half */

static void
board_torn(void)
{
    int                            status;
    pid_t                          pid;
    int64_t                        i, torn, read;
    ngx_recording_board_t          board;
    ngx_recording_board_file_t     file;
    ngx_recording_board_slot_t    *slot;
    ngx_recording_board_shared_t  *shared;

    shared = board_shared(NGX_RECORDING_BOARD_MIN);

    ngx_memzero(&file, sizeof(file));
    file.id = 11;

    pid = fork();

    if (pid == 0) {
        ngx_recording_board_join(&board, shared);
        slot = ngx_recording_board_take(&board, NGX_RECORDING_BOARD_FILE);

        for (i = 0; ; i++) {
            file.bytes = i;
            file.written = i;
            file.dropped[NGX_RECORDING_BOARD_REASONS - 1] = i;
            ngx_recording_board_tell_file(slot, &file);
        }
    }

    ngx_recording_board_join(&board, shared);

    /* from when it is there on */

    for (i = 0, torn = 0, read = 0; i < 5000; i += read ? 1 : 0) {

        if (board_file(&board, 11, &file) == NGX_OK) {
            read++;
            torn += file.bytes != file.written
                    || file.bytes
                       != file.dropped[NGX_RECORDING_BOARD_REASONS - 1];
        }
    }

    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);

    ok(read > 0, "it was read while it was written");
    is(torn, 0, "as it was at one time");
}
