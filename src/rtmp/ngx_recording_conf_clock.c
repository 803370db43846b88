
/*
 * The base of the store's clock, in the file `clock` of the store: it is the
 * same as long as the machine runs, whatever the wall clock was set to while
 * nginx did not, and in every nginx that has the store.
 *
 *     BOOT BASE\n
 */


#include "ngx_recording_conf.h"


#define NGX_RECORDING_CONF_CLOCK  "clock"
#define NGX_RECORDING_CONF_BOOT   "/proc/sys/kernel/random/boot_id"
#define NGX_RECORDING_CONF_UUID   36
#define NGX_RECORDING_CONF_LINE   80


static ngx_int_t ngx_recording_conf_clock_boot(char *boot);
static ssize_t ngx_recording_conf_clock_text(int at, const char *name,
    char *text, size_t size);
static ngx_int_t ngx_recording_conf_clock_read(int store, const char *boot,
    int64_t *base);
static ngx_int_t ngx_recording_conf_clock_write(int store, const char *boot,
    int64_t base);


void
ngx_recording_conf_clock(ngx_cycle_t *cycle, ngx_recording_main_conf_t *rmcf,
    ngx_recording_main_conf_t *old)
{
    int         store;
    char        boot[NGX_RECORDING_CONF_UUID + 1];
    int64_t     kept;
    ngx_uint_t  same;

    /* workers before and after a reload tell deadlines by one clock */

    same = old && old->base && old->store.len == rmcf->store.len
           && ngx_strncmp(old->store.data, rmcf->store.data, rmcf->store.len)
              == 0;

    rmcf->base = same ? old->base
                      : ngx_recording_wall() - ngx_recording_mono();

    if (ngx_recording_conf_clock_boot(boot) != NGX_OK) {
        return;
    }

    store = ngx_recording_open((char *) rmcf->store.data,
                               O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0);

    if (store != -1
        && ngx_recording_conf_clock_read(store, boot, &kept) == NGX_OK)
    {
        if (!same) {
            rmcf->base = kept;
        }

        (void) close(store);
        return;
    }

    if (store == -1
        || ngx_recording_conf_clock_write(store, boot, rmcf->base) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "write \"%V/" NGX_RECORDING_CONF_CLOCK "\" failed: if "
                      "the clock is set while nginx does not run, files wait "
                      "for their streams for less, or longer, than they are "
                      "to", &rmcf->store);
    }

    if (store != -1) {
        (void) close(store);
    }
}


/* which start of the machine this is; NGX_DECLINED: nobody can tell */

static ngx_int_t
ngx_recording_conf_clock_boot(char *boot)
{
    char  text[NGX_RECORDING_CONF_LINE];

    if (ngx_recording_conf_clock_text(AT_FDCWD, NGX_RECORDING_CONF_BOOT, text,
                                      sizeof(text))
        < NGX_RECORDING_CONF_UUID)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(boot, text, NGX_RECORDING_CONF_UUID);
    boot[NGX_RECORDING_CONF_UUID] = '\0';

    return NGX_OK;
}


static ssize_t
ngx_recording_conf_clock_text(int at, const char *name, char *text,
    size_t size)
{
    int      fd;
    ssize_t  n;

    fd = ngx_recording_openat(at, name,
                              O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    n = read(fd, text, size - 1);

    (void) close(fd);

    if (n >= 0) {
        text[n] = '\0';
    }

    return n;
}


/* NGX_DECLINED: there is none of this start */

static ngx_int_t
ngx_recording_conf_clock_read(int store, const char *boot, int64_t *base)
{
    char       text[NGX_RECORDING_CONF_LINE], *end;
    long long  value;

    if (ngx_recording_conf_clock_text(store, NGX_RECORDING_CONF_CLOCK, text,
                                      sizeof(text))
        <= NGX_RECORDING_CONF_UUID
        || ngx_strncmp(text, boot, NGX_RECORDING_CONF_UUID) != 0
        || text[NGX_RECORDING_CONF_UUID] != ' ')
    {
        return NGX_DECLINED;
    }

    value = strtoll(text + NGX_RECORDING_CONF_UUID + 1, &end, 10);

    if (*end != '\n' || value == 0) {
        return NGX_DECLINED;
    }

    *base = value;

    return NGX_OK;
}


/* the directory may be another user's: nothing that it has is followed */

static ngx_int_t
ngx_recording_conf_clock_write(int store, const char *boot, int64_t base)
{
    int        fd, n;
    char       text[NGX_RECORDING_CONF_LINE];
    ngx_int_t  rc;
    ngx_err_t  err;

    (void) ngx_recording_unlinkat(store, NGX_RECORDING_CONF_CLOCK ".new", 0);

    fd = ngx_recording_openat(store, NGX_RECORDING_CONF_CLOCK ".new",
                       O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644);

    if (fd == -1) {
        return NGX_ERROR;
    }

    n = snprintf(text, sizeof(text), "%s %lld\n", boot, (long long) base);

    rc = ngx_recording_io_write_thread(fd, text, n, 0);

    if (rc == NGX_OK
        && ngx_recording_renameat(store, NGX_RECORDING_CONF_CLOCK ".new",
                                  store, NGX_RECORDING_CONF_CLOCK)
           == -1)
    {
        rc = NGX_ERROR;
    }

    err = errno;
    (void) close(fd);
    errno = err;

    return rc;
}
