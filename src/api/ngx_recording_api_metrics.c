
/*
 * The metrics: what the workers have counted since the zone was made, how they
 * are now, and what the catalogue has, as the text of Prometheus.
 *
 * It is a call as others are, which gives a text instead of JSON.
 */


#include "ngx_recording_api.h"


#define NGX_RECORDING_API_METRICS  16384   /* bytes, of the text at first */


typedef struct {
    char                   *data;
    size_t                  len;
    size_t                  size;
    ngx_uint_t              failed;        /* no memory */
    const char             *name;          /* of the family */
    ngx_uint_t              which;         /* of several that rows have */
} ngx_recording_api_metrics_t;


typedef struct {
    const char             *name;
    const char             *help;
} ngx_recording_api_metric_t;


static ngx_int_t ngx_recording_api_metrics_run_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_metrics_all(ngx_recording_api_call_t *call,
    ngx_recording_api_metrics_t *m);
static void ngx_recording_api_metrics_workers(ngx_recording_api_metrics_t *m,
    ngx_recording_board_t *board);
static void ngx_recording_api_metrics_counts(ngx_recording_api_metrics_t *m,
    ngx_recording_board_t *board);
static void ngx_recording_api_metrics_attempts(ngx_recording_api_metrics_t *m,
    ngx_recording_board_t *board);
static void ngx_recording_api_metrics_histogram(
    ngx_recording_api_metrics_t *m, ngx_recording_board_t *board,
    ngx_recording_board_time_e time, const char *label);
static ngx_int_t ngx_recording_api_metrics_store(
    ngx_recording_api_metrics_t *m, ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_metrics_files(void *data,
    const char *state, const char *format, int64_t files, int64_t bytes);
static ngx_int_t ngx_recording_api_metrics_target(void *data,
    const ngx_recording_catalogue_search_target_t *target);
static void ngx_recording_api_metrics_family(ngx_recording_api_metrics_t *m,
    const char *name, const char *type, const char *help);
static void ngx_recording_api_metrics_value(ngx_recording_api_metrics_t *m,
    const char *name, const char *type, const char *help, int64_t value);
static void ngx_recording_api_metrics_label(ngx_recording_api_metrics_t *m,
    const ngx_str_t *value);
static void ngx_recording_api_metrics_add(ngx_recording_api_metrics_t *m,
    const char *fmt, ...);
static ngx_int_t ngx_recording_api_metrics_room(
    ngx_recording_api_metrics_t *m, size_t size);


const ngx_recording_api_action_t  ngx_recording_api_metrics = {
    "metrics", NULL, 0, ngx_recording_api_metrics_run_thread
};


/* attempts, in the order of ngx_recording_outbox_e */

static const char *const  ngx_recording_api_metrics_results[] = {
    "done", "failed", "returned", "dead"
};


static ngx_int_t
ngx_recording_api_metrics_run_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                     rc;
    ngx_recording_api_metrics_t   m;

    ngx_memzero(&m, sizeof(m));

    rc = ngx_recording_api_metrics_all(call, &m);

    if (rc == NGX_OK && !m.failed) {
        call->text = m.data;
        return NGX_OK;
    }

    free(m.data);

    return NGX_ERROR;
}


static ngx_int_t
ngx_recording_api_metrics_all(ngx_recording_api_call_t *call,
    ngx_recording_api_metrics_t *m)
{
    ngx_recording_board_t  *board;

    board = &call->api->worker->store.board;

    /* without a zone nobody counts: nothing is told that is not so */

    if (board->shared) {
        ngx_recording_api_metrics_workers(m, board);
        ngx_recording_api_metrics_counts(m, board);

        ngx_recording_api_metrics_family(m, "disk_write_duration_seconds",
            "histogram", "Writes of what a job had for a file.");
        ngx_recording_api_metrics_histogram(m, board,
                                            NGX_RECORDING_BOARD_WRITE, "");

        ngx_recording_api_metrics_family(m, "disk_sync_duration_seconds",
            "histogram", "Syncs of files that grow.");
        ngx_recording_api_metrics_histogram(m, board,
                                            NGX_RECORDING_BOARD_SYNC, "");

        ngx_recording_api_metrics_family(m,
            "catalogue_commit_duration_seconds", "histogram",
            "Commits of the catalogue.");
        ngx_recording_api_metrics_histogram(m, board,
                                            NGX_RECORDING_BOARD_COMMIT, "");

        ngx_recording_api_metrics_attempts(m, board);
    }

    return ngx_recording_api_metrics_store(m, call);
}


static void
ngx_recording_api_metrics_workers(ngx_recording_api_metrics_t *m,
    ngx_recording_board_t *board)
{
    ngx_recording_board_worker_t  sum;

    ngx_recording_board_workers(board, &sum);

    ngx_recording_api_metrics_value(m, "workers", "gauge",
        "Worker processes, with those that shut down.", sum.id);
    ngx_recording_api_metrics_value(m, "recordings", "gauge",
        "Recordings that are not over.", sum.recordings);
    ngx_recording_api_metrics_value(m, "buffer_used_bytes", "gauge",
        "Memory of frames that the disk does not have yet.", sum.buffered);
    ngx_recording_api_metrics_value(m, "buffer_limit_bytes", "gauge",
        "That memory at most, the total of record_buffer of all workers.",
        sum.buffer);
    ngx_recording_api_metrics_value(m, "jobs", "gauge",
        "Jobs that wait for a thread of the pool, or run.", sum.jobs);
    ngx_recording_api_metrics_value(m, "descriptors_used", "gauge",
        "Descriptors of files that grow.", sum.descriptors);
    ngx_recording_api_metrics_value(m, "descriptors_left", "gauge",
        "Descriptors that are left for files.", sum.descriptors_left);
}


static void
ngx_recording_api_metrics_counts(ngx_recording_api_metrics_t *m,
    ngx_recording_board_t *board)
{
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t                  count;
        ngx_recording_api_metric_t  metric;
    } counts[] = {
        { NGX_RECORDING_BOARD_RECORDINGS, { "recordings_started_total",
          "Recordings that have begun, or gone on after a break." } },
        { NGX_RECORDING_BOARD_FRAMES_IN, { "frames_received_total",
          "Frames that came, once for each file." } },
        { NGX_RECORDING_BOARD_FRAMES_WRITTEN, { "frames_written_total",
          "Frames that were written to files." } },
        { NGX_RECORDING_BOARD_BYTES, { "written_bytes_total",
          "Bytes that were written to files." } }
    };

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        ngx_recording_api_metrics_value(m, counts[i].metric.name, "counter",
                             counts[i].metric.help,
                             (int64_t) ngx_recording_board_counted(board,
                                                          counts[i].count));
    }

    ngx_recording_api_metrics_family(m, "frames_dropped_total", "counter",
        "Frames that came and are in no file, by reason, once for each file.");

    for (i = 0; i < NGX_RECORDING_DROPS; i++) {
        ngx_recording_api_metrics_add(m, "recording_%s{reason=\"%s\"} %llu\n",
            m->name, ngx_recording_file_reasons[i],
            (unsigned long long) ngx_recording_board_counted(board,
                                     NGX_RECORDING_BOARD_DROPPED_BY + i));
    }
}


static void
ngx_recording_api_metrics_attempts(ngx_recording_api_metrics_t *m,
    ngx_recording_board_t *board)
{
    char        label[32];
    ngx_uint_t  i, n;

    static const struct {
        const char                 *kind;
        ngx_uint_t                  by;
        ngx_recording_board_time_e  time;
    } kinds[] = {
        { "notify", NGX_RECORDING_BOARD_NOTIFY_BY,
          NGX_RECORDING_BOARD_NOTIFY },
        { "program", NGX_RECORDING_BOARD_PROGRAM_BY,
          NGX_RECORDING_BOARD_PROGRAM },
        { "upload", NGX_RECORDING_BOARD_UPLOAD_BY,
          NGX_RECORDING_BOARD_UPLOAD },
        { "remove", NGX_RECORDING_BOARD_REMOVE_BY,
          NGX_RECORDING_BOARD_REMOVE }
    };

    ngx_recording_api_metrics_family(m, "attempts_total", "counter",
        "Attempts to tell of events, by HTTP and by programs, to deliver files"
        " and to remove their objects, by result.");

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (n = 0; n <= NGX_RECORDING_OUTBOX_DEAD; n++) {
            ngx_recording_api_metrics_add(m,
                "recording_%s{kind=\"%s\",result=\"%s\"} %llu\n", m->name,
                kinds[i].kind, ngx_recording_api_metrics_results[n],
                (unsigned long long) ngx_recording_board_counted(board,
                                                          kinds[i].by + n));
        }
    }

    ngx_recording_api_metrics_family(m, "attempt_duration_seconds",
        "histogram", "Those attempts.");

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        (void) snprintf(label, sizeof(label), "kind=\"%s\"", kinds[i].kind);
        ngx_recording_api_metrics_histogram(m, board, kinds[i].time, label);
    }
}


/* buckets have what is in those before them, too; count is the last one, so
   that they fit whatever is counted meanwhile */

static void
ngx_recording_api_metrics_histogram(ngx_recording_api_metrics_t *m,
    ngx_recording_board_t *board, ngx_recording_board_time_e time,
    const char *label)
{
    uint64_t                         n;
    ngx_uint_t                       i;
    const char                      *comma;
    ngx_recording_board_histogram_t  h;

    ngx_recording_board_timed(board, time, &h);

    comma = label[0] ? "," : "";

    for (n = 0, i = 0; i < NGX_RECORDING_BOARD_BUCKETS - 1; i++) {
        n += h.buckets[i];

        ngx_recording_api_metrics_add(m,
            "recording_%s_bucket{%s%sle=\"%g\"} %llu\n", m->name, label, comma,
            (double) ngx_recording_board_limits[i] / 1000000,
            (unsigned long long) n);
    }

    n += h.buckets[i];

    ngx_recording_api_metrics_add(m,
        "recording_%s_bucket{%s%sle=\"+Inf\"} %llu\n", m->name, label, comma,
        (unsigned long long) n);

    ngx_recording_api_metrics_add(m,
        label[0] ? "recording_%s_sum{%s} %.6f\n" : "recording_%s_sum%s %.6f\n",
        m->name, label, (double) h.us / 1000000);

    ngx_recording_api_metrics_add(m,
        label[0] ? "recording_%s_count{%s} %llu\n"
                 : "recording_%s_count%s %llu\n",
        m->name, label, (unsigned long long) n);
}


/* what the catalogue knows, and the file system */

static ngx_int_t
ngx_recording_api_metrics_store(ngx_recording_api_metrics_t *m,
    ngx_recording_api_call_t *call)
{
    off_t                   room;
    ngx_uint_t              i;
    ngx_recording_store_t  *store;

    static const ngx_recording_api_metric_t  files[] = {
        { "files", "Files that the catalogue has." },
        { "files_bytes", "Their sizes, of those that do not grow." }
    };

    static const ngx_recording_api_metric_t  targets[] = {
        { "outbox_waiting", "Events and files that wait to be sent." },
        { "outbox_dead", "Events and files that nobody took in a week." },
        { "outbox_oldest_seconds", "How long the oldest of them waits." }
    };

    store = &call->api->worker->store;

    for (i = 0; i < 2; i++) {
        ngx_recording_api_metrics_family(m, files[i].name, "gauge",
                                         files[i].help);
        m->which = i;

        if (ngx_recording_catalogue_search_counts(call->catalogue,
                                          ngx_recording_api_metrics_files, m)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < 3; i++) {
        ngx_recording_api_metrics_family(m, targets[i].name, "gauge",
                                         targets[i].help);
        m->which = i;

        if (ngx_recording_catalogue_search_targets(call->catalogue,
                                         ngx_recording_api_metrics_target, m)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_recording_store_room_thread(store, &room) == NGX_OK) {
        ngx_recording_api_metrics_value(m, "store_free_bytes", "gauge",
            "What is free in the file system of the store.", room);
    }

    ngx_recording_api_metrics_value(m, "store_reserve_bytes", "gauge",
        "What is left free, reserve= of record_store.", store->reserve);
    ngx_recording_api_metrics_value(m, "store_max_bytes", "gauge",
        "The limit of all files, max= of record_store, 0 without one.",
        store->max);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_metrics_files(void *data, const char *state,
    const char *format, int64_t files, int64_t bytes)
{
    ngx_recording_api_metrics_t *m = data;

    ngx_recording_api_metrics_add(m,
        "recording_%s{state=\"%s\",format=\"%s\"} %lld\n", m->name, state,
        format, (long long) (m->which == 0 ? files : bytes));

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_metrics_target(void *data,
    const ngx_recording_catalogue_search_target_t *target)
{
    ngx_recording_api_metrics_t *m = data;

    int64_t  value;

    value = m->which == 0 ? target->waiting
            : m->which == 1 ? target->dead
            : target->oldest == 0 ? 0
            : ngx_max(ngx_recording_wall() - target->oldest, 0) / 1000000;

    ngx_recording_api_metrics_add(m, "recording_%s{template=\"", m->name);
    ngx_recording_api_metrics_label(m, &target->template);
    ngx_recording_api_metrics_add(m, "\",target=\"");
    ngx_recording_api_metrics_label(m, &target->target);
    ngx_recording_api_metrics_add(m, "\"} %lld\n", (long long) value);

    return NGX_OK;
}


static void
ngx_recording_api_metrics_family(ngx_recording_api_metrics_t *m,
    const char *name, const char *type, const char *help)
{
    m->name = name;

    ngx_recording_api_metrics_add(m, "# HELP recording_%s %s\n", name, help);
    ngx_recording_api_metrics_add(m, "# TYPE recording_%s %s\n", name, type);
}


static void
ngx_recording_api_metrics_value(ngx_recording_api_metrics_t *m,
    const char *name, const char *type, const char *help, int64_t value)
{
    ngx_recording_api_metrics_family(m, name, type, help);
    ngx_recording_api_metrics_add(m, "recording_%s %lld\n", name,
                                  (long long) value);
}


/*
 * A value must be UTF-8, and the same one must not be there twice, or nothing
 * of the text counts: bytes that are none are told by their numbers.
 */

static void
ngx_recording_api_metrics_label(ngx_recording_api_metrics_t *m,
    const ngx_str_t *value)
{
    size_t       i;
    u_char       c;
    json_t      *text;
    ngx_uint_t   bytes;

    text = json_stringn((char *) value->data, value->len);
    bytes = (text == NULL);
    json_decref(text);

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (c == '"' || c == '\\') {
            ngx_recording_api_metrics_add(m, "\\%c", c);

        } else if (c < 0x20 || c == 0x7f || (bytes && c > 0x7f)) {
            ngx_recording_api_metrics_add(m, "\\\\x%02x", c);

        } else {
            ngx_recording_api_metrics_add(m, "%c", c);
        }
    }
}


static void
ngx_recording_api_metrics_add(ngx_recording_api_metrics_t *m, const char *fmt,
    ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (n < 0 || ngx_recording_api_metrics_room(m, (size_t) n + 1) != NGX_OK) {
        m->failed = 1;
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(m->data + m->len, m->size - m->len, fmt, args);
    va_end(args);

    m->len += (size_t) n;
}


static ngx_int_t
ngx_recording_api_metrics_room(ngx_recording_api_metrics_t *m, size_t size)
{
    char    *data;
    size_t   room;

    if (m->len + size <= m->size) {
        return NGX_OK;
    }

    room = ngx_max(ngx_max(2 * m->size, m->len + size),
                   NGX_RECORDING_API_METRICS);

    data = realloc(m->data, room);

    if (data == NULL) {
        return NGX_ERROR;
    }

    m->data = data;
    m->size = room;

    return NGX_OK;
}
