
/*
 * MP4: sample bytes are appended to the media data as they come, one chunk a
 * track and flush, and a record of each sample to an index beside it.  At
 * the end the index becomes the sample table, in front of the media data.
 * No memory grows with the recording.
 */


#include "ngx_recording_formats.h"
#include "ngx_recording_journal.h"
#include "ngx_recording_mp4_index.h"
#include "ngx_recording_reader.h"
#include <sys/statvfs.h>


#define NGX_RECORDING_MP4_SAMPLES  256

#ifndef FALLOC_FL_INSERT_RANGE
#define FALLOC_FL_INSERT_RANGE  0x20
#endif


typedef struct {
    uint64_t                records;       /* written */
    uint64_t                durable;       /* of those */
    char                    name[32];      /* of the index in work/ */
    uint64_t                shift;         /* the media data moved by */
    ngx_recording_journal_mp4_t  saved;    /* for the journal */

    ngx_uint_t              n;             /* samples not yet written */
    u_char                 *data[NGX_RECORDING_MP4_SAMPLES];
    ngx_recording_mp4_record_t  record[NGX_RECORDING_MP4_SAMPLES];
    ngx_recording_iov_t     iov;
} ngx_recording_mp4_t;


static ngx_int_t ngx_recording_mp4_open(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_mp4_add(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample);
static ngx_int_t ngx_recording_mp4_flush(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_mp4_sync(ngx_recording_mux_t *mux);
static void ngx_recording_mp4_mark(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_mp4_back(ngx_recording_mux_t *mux);
static void ngx_recording_mp4_save(ngx_recording_mux_t *mux,
    ngx_recording_journal_record_t *record);
static ngx_int_t ngx_recording_mp4_restore(ngx_recording_mux_t *mux,
    ngx_recording_journal_parts_t *parts);
static ngx_int_t ngx_recording_mp4_reopen(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_mp4_finish(ngx_recording_mux_t *mux);
static void ngx_recording_mp4_close(ngx_recording_mux_t *mux);

static ngx_int_t ngx_recording_mp4_create(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_mp4_resettle(ngx_recording_mux_t *mux);
static int ngx_recording_mp4_open_index(ngx_recording_mux_t *mux);
static ngx_int_t ngx_recording_mp4_write_index(ngx_recording_mux_t *mux,
    ngx_uint_t n);
static ngx_int_t ngx_recording_mp4_read_index(ngx_recording_mux_t *mux,
    off_t limit);
static ngx_int_t ngx_recording_mp4_move(ngx_recording_mux_t *mux,
    uint64_t shift);
static ngx_int_t ngx_recording_mp4_insert(ngx_recording_mux_t *mux,
    uint64_t shift);
static ngx_int_t ngx_recording_mp4_copy(ngx_recording_mux_t *mux,
    uint64_t from, uint64_t shift);


static const char *const  ngx_recording_mp4_parts[] = {
    ".mp4", ".mp4.copy", ".index", NULL
};


const ngx_recording_format_t  ngx_recording_format_mp4 = {
    NGX_RECORDING_FORMAT_MP4,
    "mp4",
    ".mp4",
    ngx_recording_codec_bit(NGX_RECORDING_CODEC_H264)
    |ngx_recording_codec_bit(NGX_RECORDING_CODEC_AAC)
    |ngx_recording_codec_bit(NGX_RECORDING_CODEC_MP3),
    "mp4",
    0,
    ngx_recording_mp4_parts,
    NULL,
    ngx_recording_mp4_open,
    ngx_recording_mp4_add,
    ngx_recording_mp4_flush,
    ngx_recording_mp4_sync,
    ngx_recording_mp4_mark,
    ngx_recording_mp4_back,
    NULL,
    NULL,
    ngx_recording_mp4_save,
    ngx_recording_mp4_restore,
    ngx_recording_mp4_reopen,
    ngx_recording_mp4_finish,
    ngx_recording_mp4_close
};


static ngx_int_t
ngx_recording_mp4_open(ngx_recording_mux_t *mux)
{
    int                   index;
    ngx_recording_mp4_t  *mp4;

    if (ngx_recording_mp4_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    mp4 = mux->data;

    /* before the file itself, which is damaged without it */

    index = ngx_recording_store_create_thread(mux->store, mp4->name);

    if (index == -1) {
        return ngx_recording_mux_error(mux, "create the index of");
    }

    ngx_recording_close(index);

    mux->fd = ngx_recording_store_create_thread(mux->store, mux->work);

    if (mux->fd == -1) {
        return ngx_recording_mux_error(mux, "create");
    }

    mux->pos = NGX_RECORDING_MP4_RESERVE;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_mp4_create(ngx_recording_mux_t *mux)
{
    ngx_recording_mp4_t  *mp4;

    mp4 = calloc(1, sizeof(ngx_recording_mp4_t));

    if (mp4 == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    mux->data = mp4;
    mux->anchored = 1;

    ngx_recording_store_name(mp4->name, sizeof(mp4->name), mux->file.id,
                             ".index");
    return NGX_OK;
}


static ngx_int_t
ngx_recording_mp4_add(ngx_recording_mux_t *mux, ngx_recording_sample_t *sample)
{
    uint64_t                     n;
    ngx_recording_mp4_t         *mp4;
    ngx_recording_mp4_record_t  *r;

    mp4 = mux->data;
    n = mp4->records + mp4->n;

    if (n >= NGX_RECORDING_MP4_FULL + NGX_RECORDING_MP4_FULL / 16) {

        /* the key frame that ends the file does not come */

        mux->pending--;
        mux->file.dropped[NGX_RECORDING_DROP_KEY]++;

        return NGX_OK;
    }

    mux->full = (n + 1 >= NGX_RECORDING_MP4_FULL);

    r = &mp4->record[mp4->n];

    ngx_memzero(r, sizeof(ngx_recording_mp4_record_t));

    r->dts = sample->dts;
    r->size = (uint32_t) sample->media_size;
    r->composition = sample->composition;
    r->track = (uint8_t) sample->track;
    r->key = sample->key;
    r->duration = (uint16_t) ngx_min(mux->step[sample->track], UINT16_MAX);

    mp4->data[mp4->n] = sample->media;

    if (++mp4->n == NGX_RECORDING_MP4_SAMPLES) {
        return ngx_recording_mp4_flush(mux);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_mp4_flush(ngx_recording_mux_t *mux)
{
    off_t                        pos;
    ngx_uint_t                   i, track, n;
    ngx_recording_mp4_t         *mp4;
    ngx_recording_mp4_record_t  *r;

    mp4 = mux->data;

    if (mp4->n == 0) {
        return NGX_OK;
    }

    pos = mux->pos;

    for (track = 0; track < NGX_RECORDING_TRACKS; track++) {
        for (i = 0; i < mp4->n; i++) {
            r = &mp4->record[i];

            if (r->track != track) {
                continue;
            }

            r->offset = pos;
            pos += r->size;

            ngx_recording_iov_add(&mp4->iov, mp4->data[i], r->size);
        }
    }

    n = mp4->n;
    mp4->n = 0;
    ngx_recording_mp4_index_seal(mp4->record, n);

    if (ngx_recording_io_writev_thread(mux->fd, &mp4->iov, mux->pos)
        != NGX_OK)
    {
        return ngx_recording_mux_error(mux, "write");
    }

    if (ngx_recording_mp4_write_index(mux, n) != NGX_OK) {
        return NGX_ERROR;
    }

    mux->pos = pos;
    mp4->records += n;
    mux->beside = mp4->records * sizeof(ngx_recording_mp4_record_t);

    ngx_recording_mux_written(mux);

    return NGX_OK;
}


/* n records more */

static ngx_int_t
ngx_recording_mp4_write_index(ngx_recording_mux_t *mux, ngx_uint_t n)
{
    int                   fd;
    ngx_int_t             rc;
    ngx_recording_mp4_t  *mp4;

    mp4 = mux->data;

    fd = ngx_recording_mp4_open_index(mux);

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = ngx_recording_io_write_thread(fd, mp4->record,
                      n * sizeof(ngx_recording_mp4_record_t),
                      mp4->records * sizeof(ngx_recording_mp4_record_t));
    if (rc != NGX_OK) {
        (void) ngx_recording_mux_error(mux, "write the index of");
    }

    ngx_recording_close(fd);

    return rc;
}


/* it is not open between jobs: a stream has one descriptor of a file */

static int
ngx_recording_mp4_open_index(ngx_recording_mux_t *mux)
{
    int                   fd;
    ngx_recording_mp4_t  *mp4;

    mp4 = mux->data;

    fd = ngx_recording_store_reopen_thread(mux->store, mp4->name);

    if (fd == -1) {

        /* the media data is there: it is not as if there was no file */

        (void) (errno == NGX_ENOENT
                ? ngx_recording_mux_damaged(mux, "find the index of")
                : ngx_recording_mux_error(mux, "open the index of"));
    }

    return fd;
}


/* the media data first: a record promises it */

static ngx_int_t
ngx_recording_mp4_sync(ngx_recording_mux_t *mux)
{
    int        fd;
    ngx_int_t  rc;

    if (ngx_recording_fdatasync(mux->fd) == -1) {
        return ngx_recording_mux_taint(mux, "sync");
    }

    fd = ngx_recording_mp4_open_index(mux);

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = ngx_recording_fdatasync(fd) == -1
         ? ngx_recording_mux_taint(mux, "sync the index of") : NGX_OK;

    ngx_recording_close(fd);

    return rc;
}


static void
ngx_recording_mp4_mark(ngx_recording_mux_t *mux)
{
    ngx_recording_mp4_t  *mp4;

    mp4 = mux->data;

    if (mp4) {
        mp4->durable = mp4->records;
    }
}


static ngx_int_t
ngx_recording_mp4_back(ngx_recording_mux_t *mux)
{
    int                   fd;
    ngx_int_t             rc;
    ngx_recording_mp4_t  *mp4;

    mp4 = mux->data;

    /* whether the media data was moved is told by the size, until it is cut */

    if (ngx_recording_mp4_resettle(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    mp4->n = 0;
    mp4->iov.n = 0;
    mp4->iov.size = 0;

    mp4->records = mp4->durable;
    mux->beside = mp4->records * sizeof(ngx_recording_mp4_record_t);

    fd = ngx_recording_mp4_open_index(mux);

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = ngx_recording_mux_cut_thread(mux, fd, mux->beside);

    ngx_recording_close(fd);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_recording_mux_cut_thread(mux, mux->fd, mux->pos + mp4->shift);
}


static void
ngx_recording_mp4_save(ngx_recording_mux_t *mux,
    ngx_recording_journal_record_t *record)
{
    ngx_recording_mp4_t  *mp4;

    mp4 = mux->data;

    ngx_recording_journal_layout_add(record, &mp4->saved, 1,
                                     sizeof(mp4->saved));
}


static ngx_int_t
ngx_recording_mp4_restore(ngx_recording_mux_t *mux,
    ngx_recording_journal_parts_t *parts)
{
    ngx_recording_mp4_t  *mp4;

    if (mux->data == NULL && ngx_recording_mp4_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    mp4 = mux->data;

    return ngx_recording_journal_layout_take(parts, &mp4->saved,
                                             sizeof(mp4->saved));
}


static ngx_int_t
ngx_recording_mp4_reopen(ngx_recording_mux_t *mux)
{
    off_t                 limit;
    char                  name[48];
    ngx_recording_mp4_t  *mp4;

    if (mux->data == NULL && ngx_recording_mp4_create(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    mp4 = mux->data;

    mux->fd = ngx_recording_store_reopen_thread(mux->store, mux->work);

    if (mux->fd == -1) {
        return ngx_recording_mux_error(mux, "open");
    }

    ngx_recording_mux_seen(mux, mux->fd);

    (void) snprintf(name, sizeof(name), "%s.copy", mux->work);
    (void) ngx_recording_store_remove_thread(mux->store, name);

    if (ngx_recording_mp4_resettle(mux) != NGX_OK) {
        return NGX_ERROR;
    }

    limit = ngx_recording_io_solid_thread(mux->fd,
                                             NGX_RECORDING_MP4_RESERVE
                                             + mp4->shift);
    if (limit == -1) {
        return ngx_recording_mux_error(mux, "stat");
    }

    limit = ngx_max(limit - (off_t) mp4->shift, 0);

    if (ngx_recording_mp4_read_index(mux, limit) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_recording_ftruncate(mux->fd, mux->pos + mp4->shift) == -1) {
        return ngx_recording_mux_error(mux, "truncate");
    }

    return NGX_OK;
}


/*
 * The media data was to be moved.  The size tells whether that was begun;
 * inserting moves extents from the last one to the first one, and a power
 * cut leaves what is moved already behind a hole of the size of the move.
 */

static ngx_int_t
ngx_recording_mp4_resettle(ngx_recording_mux_t *mux)
{
    off_t                       begin, hole, data;
    struct stat                 st;
    ngx_recording_mp4_t        *mp4;
    ngx_recording_journal_mp4_t  *saved;

    mp4 = mux->data;
    saved = &mp4->saved;

    mp4->shift = saved->moved;

    if (saved->shift == saved->moved) {
        return NGX_OK;
    }

    if (fstat(mux->fd, &st) == -1) {
        return ngx_recording_mux_error(mux, "stat");
    }

    if ((uint64_t) st.st_size == saved->size) {
        saved->shift = saved->moved;
        return NGX_OK;
    }

    begin = NGX_RECORDING_MP4_RESERVE + saved->shift;
    hole = lseek(mux->fd, begin, SEEK_HOLE);

    if (hole == -1 || hole >= st.st_size) {
        mp4->shift = saved->shift;
        saved->moved = saved->shift;
        return NGX_OK;
    }

    data = lseek(mux->fd, hole, SEEK_DATA);

    if (data == -1) {

        if (errno != ENXIO) {
            return ngx_recording_mux_error(mux, "find the data of");
        }

        /* only the size has changed yet */

        data = st.st_size;
    }

    return ngx_recording_mp4_copy(mux, data - saved->shift + saved->moved,
                                  saved->shift - saved->moved);
}


/* the records whose samples are in the file; what follows is cut off */

static ngx_int_t
ngx_recording_mp4_read_index(ngx_recording_mux_t *mux, off_t limit)
{
    int                          fd;
    u_char                      *p;
    uint64_t                     n;
    ngx_int_t                    rc;
    ngx_recording_mp4_t         *mp4;
    ngx_recording_reader_t      *reader;
    ngx_recording_mp4_record_t   r;

    mp4 = mux->data;

    reader = malloc(sizeof(ngx_recording_reader_t));

    if (reader == NULL) {
        return ngx_recording_mux_error(mux, "allocate");
    }

    fd = ngx_recording_mp4_open_index(mux);

    if (fd == -1) {
        free(reader);
        return NGX_ERROR;
    }

    ngx_recording_reader_init(reader, fd);

    ngx_recording_mux_forget(mux);
    mux->pos = NGX_RECORDING_MP4_RESERVE;
    mp4->durable = 0;

    for (n = 0; /* void */ ; n++) {
        p = ngx_recording_reader_thread(reader, n * sizeof(r), sizeof(r));

        if (p == NULL) {
            break;
        }

        ngx_memcpy(&r, p, sizeof(r));

        if (ngx_recording_mp4_index_check(&r) != NGX_OK
            || r.offset + r.size > (uint64_t) limit)
        {
            break;
        }

        mux->pos = ngx_max(mux->pos, (off_t) (r.offset + r.size));

        if (mux->pos <= mux->durable.pos) {
            mp4->durable = n + 1;
        }

        ngx_recording_mux_found(mux, r.track, r.dts, r.dts + r.composition);
    }

    mp4->records = n;
    mux->full = (n >= NGX_RECORDING_MP4_FULL);

    mux->beside = n * sizeof(r);
    rc = NGX_OK;

    if (reader->err) {
        errno = reader->err;
        rc = ngx_recording_mux_error(mux, "read the index of");

    } else if (ngx_recording_ftruncate(fd, mux->beside) == -1) {
        rc = ngx_recording_mux_error(mux, "truncate the index of");
    }

    free(reader);
    ngx_recording_close(fd);

    return rc;
}


static ngx_int_t
ngx_recording_mp4_finish(ngx_recording_mux_t *mux)
{
    int                         fd;
    ngx_int_t                   rc;
    struct statvfs              fs;
    ngx_recording_mp4_t        *mp4;
    ngx_recording_mp4_front_t   front;

    mp4 = mux->data;

    /* moving the media data may have failed half-way */

    if (ngx_recording_mux_wake_thread(mux) != NGX_OK
        || ngx_recording_mp4_resettle(mux) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what a failed write may have left behind the last sample */

    if (ngx_recording_ftruncate(mux->fd, mux->pos + mp4->shift) == -1) {
        return ngx_recording_mux_error(mux, "truncate");
    }

    if (fstatvfs(mux->fd, &fs) == -1) {
        return ngx_recording_mux_error(mux, "stat the file system of");
    }

    front.shift = mp4->shift;

    fd = ngx_recording_mp4_open_index(mux);

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = ngx_recording_mp4_index_front_thread(mux, fd, mp4->records, mux->pos,
                                              ngx_max(fs.f_bsize, 4096),
                                              &front);
    ngx_recording_close(fd);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (front.shift > mp4->shift) {
        rc = ngx_recording_mp4_move(mux, front.shift);
    }

    if (rc == NGX_OK
        && ngx_recording_io_write_thread(mux->fd, front.data, front.size,
                                            0)
           != NGX_OK)
    {
        rc = ngx_recording_mux_error(mux, "write the sample table of");
    }

    if (rc == NGX_OK && ngx_recording_fsync(mux->fd) == -1) {
        rc = ngx_recording_mux_taint(mux, "sync");
    }

    free(front.data);

    if (rc == NGX_OK) {
        mux->file.size = mux->pos + front.shift;
    }

    return rc;
}


/*
 * Makes room in front of the media data, in all `shift` bytes.  What is going
 * to be done, and what was, is in the journal: see resettle.
 */

static ngx_int_t
ngx_recording_mp4_move(ngx_recording_mux_t *mux, uint64_t shift)
{
    ngx_recording_mp4_t        *mp4;
    ngx_recording_journal_mp4_t  *saved;

    mp4 = mux->data;
    saved = &mp4->saved;

    saved->size = mux->pos + mp4->shift;
    saved->shift = shift;
    saved->moved = mp4->shift;

    if (ngx_recording_journal_checkpoint_thread(mux, 1) != NGX_OK
        || ngx_recording_mp4_insert(mux, shift - mp4->shift) != NGX_OK)
    {
        return NGX_ERROR;
    }

    mp4->shift = shift;
    saved->moved = shift;

    return ngx_recording_journal_checkpoint_thread(mux, 1);
}


static ngx_int_t
ngx_recording_mp4_insert(ngx_recording_mux_t *mux, uint64_t shift)
{
    ngx_recording_mp4_t  *mp4;

    mp4 = mux->data;

    if (ngx_recording_fallocate(mux->fd, FALLOC_FL_INSERT_RANGE, 0, shift)
        == 0)
    {
        return NGX_OK;
    }

    /* this file system does not know how: reflink or copy into another */

    if (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS) {
        return ngx_recording_mux_error(mux, "insert space into");
    }

    return ngx_recording_mp4_copy(mux, mux->pos + mp4->shift, shift);
}


/*
 * A new file with the media data `shift` bytes later; what lies behind
 * `from` is there already.
 */

static ngx_int_t
ngx_recording_mp4_copy(ngx_recording_mux_t *mux, uint64_t from,
    uint64_t shift)
{
    int                   fd;
    char                  name[48];
    struct stat           st;
    ngx_recording_mp4_t  *mp4;

    mp4 = mux->data;

    if (fstat(mux->fd, &st) == -1) {
        return ngx_recording_mux_error(mux, "stat");
    }

    (void) snprintf(name, sizeof(name), "%s.copy", mux->work);

    (void) ngx_recording_store_remove_thread(mux->store, name);

    fd = ngx_recording_store_create_thread(mux->store, name);

    if (fd == -1) {
        return ngx_recording_mux_error(mux, "create a copy of");
    }

    if (ngx_recording_io_copy_thread(mux->fd, fd, NGX_RECORDING_MP4_RESERVE,
                                     NGX_RECORDING_MP4_RESERVE + shift,
                                     from - NGX_RECORDING_MP4_RESERVE)
        != NGX_OK
        || (from + shift < (uint64_t) st.st_size
            && ngx_recording_io_copy_thread(mux->fd, fd, from + shift,
                                            from + shift,
                                            st.st_size - from - shift)
               != NGX_OK)
        || ngx_recording_fdatasync(fd) == -1
        || ngx_recording_renameat(mux->store->work, name, mux->store->work,
                                  mux->work)
           == -1)
    {
        (void) ngx_recording_mux_error(mux, "copy");

        (void) ngx_recording_store_remove_thread(mux->store, name);
        ngx_recording_close(fd);

        return NGX_ERROR;
    }

    ngx_recording_close(mux->fd);
    mux->fd = fd;

    mp4->shift += shift;
    mp4->saved.shift = mp4->shift;
    mp4->saved.moved = mp4->shift;

    return NGX_OK;
}


static void
ngx_recording_mp4_close(ngx_recording_mux_t *mux)
{
    free(mux->data);
}
