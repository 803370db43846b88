
/*
 * The outbox's calls, over a catalogue in a store: a file that is finished is
 * delivered to a bucket, with all that an attempt may say of it.
 */


/* link: src/catalogue/ngx_recording_outbox.c */
/* link: src/catalogue/ngx_recording_outbox_take.c */
/* link: src/catalogue/ngx_recording_catalogue_db.c */
/* link: src/catalogue/ngx_recording_catalogue_wait.c */
/* link: src/catalogue/ngx_recording_catalogue_sql.c */
/* link: src/catalogue/ngx_recording_sql.c */
/* link: src/catalogue/ngx_recording_sqlite.c */
/* link: src/catalogue/ngx_recording_sqlite_open.c */
/* link: src/catalogue/ngx_recording_sqlite_check.c */
/* link: src/catalogue/ngx_recording_sqlite_copy.c */
/* libs: -lsqlite3 -lpthread */


#include "tap.h"
#include "stubs.h"
#include "store.h"
#include "ngx_recording_kind.h"
#include "ngx_recording_outbox.h"
#include <sqlite3.h>


#define HOUR  3600000000LL


sig_atomic_t  ngx_terminate;
ngx_uint_t    ngx_exiting;


static ngx_recording_store_t            store;
static ngx_recording_catalogue_t        cat;
static ngx_recording_catalogue_error_t  err;
static sqlite3                         *db;     /* another one's */


static ngx_recording_target_t  targets[] = {
    { ngx_string("t"), ngx_string("upload:a"), NGX_RECORDING_KIND_UPLOAD, 1,
      ngx_string("p/"), HOUR, 0 },
    { ngx_string("t"), ngx_string("backup:c"), 0, 0, ngx_string("c/"), -2, 0 },
    { ngx_string("t"), ngx_string("http://h/"),
      NGX_RECORDING_KIND_FILE|NGX_RECORDING_KIND_DELIVERED, 0, ngx_null_string,
      -2, 0 },
    { ngx_string("e"), ngx_string("upload:a"), NGX_RECORDING_KIND_UPLOAD, 1,
      ngx_string("p/"), -1, 1 },
};

#define UPLOAD  (&targets[0])
#define BACKUP  (&targets[1])
#define NOTIFY  (&targets[2])
#define EARLY   (&targets[3])


static void
run(const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
        printf("Bail out! %s: %s\n", text, sqlite3_errmsg(db));
        exit(1);
    }
}


/* the first column of the first row */

static void
gives(const char *sql, const char *wanted, const char *name)
{
    const char    *got;
    sqlite3_stmt  *st;

    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
        printf("Bail out! %s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }

    got = sqlite3_step(st) == SQLITE_ROW
          ? (const char *) sqlite3_column_text(st, 0) : "no row";

    if (!ok(strcmp(got ? got : "NULL", wanted) == 0, "%s", name)) {
        printf("# got %s\n# wanted %s\n", got ? got : "NULL", wanted);
    }

    (void) sqlite3_finalize(st);
}


static void
begin(void)
{
    if (ngx_recording_catalogue_begin(&cat, 0, &err) != NGX_OK) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
}


static void
finish(ngx_int_t rc, const char *name)
{
    err.text[0] = '\0';
    rc = ngx_recording_catalogue_finish(&cat, rc, &err);

    ok(rc == NGX_OK, "%s %s", name, err.text);
}


static const char *
owner(void *data, ngx_uint_t n)
{
    return "w";
}


/* the next row of a target */

static ngx_uint_t
take(const ngx_recording_target_t *target, ngx_recording_outbox_row_t *row)
{
    ngx_uint_t  n;

    n = 1;

    begin();
    finish(ngx_recording_outbox_take(&cat, target, 0, owner, NULL, row, &n),
           "taken");

    return n;
}


static void
result(ngx_recording_outbox_row_t *row,
    const ngx_recording_outbox_result_t *what, ngx_uint_t is_told,
    ngx_uint_t is_dead)
{
    ngx_uint_t  told, dead;

    begin();
    finish(ngx_recording_outbox_result(&cat, row, what, &told, &dead),
           "result");

    ok(told == is_told && dead == is_dead, "told %d, dead %d", (int) told,
       (int) dead);

    ngx_recording_outbox_row_free(row);
}


static void
file(int id)
{
    char  *text;

    text = sqlite3_mprintf("INSERT INTO files (file_id, recording_id, template,"
                           " domain, app, stream, stream_param, format, state,"
                           " start_us, path) VALUES (%d, 7, 't', 'd', 'a', 's',"
                           " '', 'mp4', 'recording', 1000, 'x/%d.mp4');"
                           " UPDATE files SET state = 'finished'"
                           " WHERE file_id = %d", id, id, id);
    run(text);
    sqlite3_free(text);
}


static const char  state[] = "SELECT state || ' ' || attempts || ' ' || error"
                             " || ' ' || progress FROM outbox"
                             " WHERE kind = 'upload' ORDER BY id DESC";

/* in s, of the row that waits */
static const char  next[] = "SELECT CAST((next_us / 1e6 - (julianday('now')"
                            " - 2440587.5) * 86400) / 10 AS INTEGER)"
                            " FROM outbox WHERE kind = 'upload'"
                            " ORDER BY id DESC";


static void
attempts(ngx_recording_outbox_row_t *row)
{
    ngx_recording_outbox_result_t  failed = {
        .result = NGX_RECORDING_OUTBOX_FAILED, .error = "503",
        .pause = 25000000, .progress = "half",
    };
    ngx_recording_outbox_result_t  returned = {
        .result = NGX_RECORDING_OUTBOX_RETURNED, .error = "stopped",
        .pause = 45000000,
    };

    ok(take(UPLOAD, row) == 1, "a row");
    ok(strcmp(row->kind, "upload") == 0 && strcmp(row->key, "p/x/1.mp4") == 0
       && row->progress[0] == '\0' && row->attempts == 1, "its key");
    row->first_us = 1;
    result(row, &failed, 0, 0);
    gives(state, "waiting 1 503 half", "it is tried again, however long");
    gives(next, "2", "after the pause");
    ok(take(UPLOAD, row) == 0, "not before");

    run("UPDATE outbox SET next_us = 0 WHERE kind = 'upload'");
    ok(take(UPLOAD, row) == 1 && strcmp(row->progress, "half") == 0,
       "it goes on from there");
    begin();
    finish(ngx_recording_outbox_progress(&cat, row, "more"), "progress");
    gives(state, "taken 2 503 more", "progress");
    result(row, &returned, 0, 0);
    gives(state, "waiting 1 stopped more", "that was no attempt");
    gives(next, "4", "nor is the next one at once");

    run("UPDATE outbox SET next_us = 0 WHERE kind = 'upload'");
    failed.pause = 5 * HOUR;
    ok(take(UPLOAD, row) == 1, "taken");
    result(row, &failed, 0, 0);
    gives("SELECT next_us / 1e6 - (julianday('now') - 2440587.5) * 86400"
          " BETWEEN 3540 AND 3601 FROM outbox WHERE kind = 'upload'", "1",
          "nothing waits for more than an hour");
    run("UPDATE outbox SET attempts = 1, error = 'stopped', progress = 'more'");

    returned.pause = 0;
    run("UPDATE outbox SET next_us = 0 WHERE kind = 'upload'");
    ok(take(UPLOAD, row) == 1, "taken");
    returned.error = NULL;
    result(row, &returned, 0, 0);
    gives(state, "waiting 1 stopped more", "given back, nothing is said");

    ok(take(UPLOAD, row) == 1, "at once");
    failed.pause = 0;
    failed.progress = NULL;
    row->first_us = 1;
    result(row, &failed, 0, 1);
    gives(state, "dead 2 503 more", "without a pause not for ever");

    gives("SELECT state FROM outbox WHERE kind = 'file'", "waiting",
          "the event waits for no dead one");

    run("UPDATE outbox SET state = 'waiting' WHERE kind = 'upload';"
        " UPDATE outbox SET state = 'held', next_us ="
        " CAST((julianday('now') - 2440587.5 + 0.001) * 86400000000 AS INTEGER)"
        " WHERE kind = 'file'");
}


static void
objects(ngx_recording_outbox_row_t *row)
{
    ngx_uint_t                     n;
    ngx_recording_outbox_object_t  object = { "a", "http://a/1", "\"e\"", 5,
                                              1 };
    ngx_recording_outbox_object_t  backup = { "c", "http://c/1", "", 5, 9 };
    ngx_recording_outbox_result_t  done = {
        .result = NGX_RECORDING_OUTBOX_DONE, .object = &backup,
    };

    begin();
    finish(ngx_recording_outbox_backup(&cat, UPLOAD, BACKUP, &n), "backup");
    ok(n == 1, "a backup");
    begin();
    finish(ngx_recording_outbox_backup(&cat, UPLOAD, BACKUP, &n), "backup");
    ok(n == 0, "once");

    ok(take(BACKUP, row) == 1 && strcmp(row->key, "c/x/1.mp4") == 0,
       "its key");
    result(row, &done, 0, 0);

    begin();
    finish(ngx_recording_outbox_release(&cat), "release");
    ok(take(NOTIFY, row) == 0, "the event waits");

    /* the wall clock was set since: triggers have no other one */

    store.base += 2 * HOUR;
    ok(ngx_recording_outbox_sweep_thread(&cat, &n, &err) == NGX_OK && n == 0,
       "sweep");
    ok(take(NOTIFY, row) == 0, "nobody has died");
    run("UPDATE outbox SET next_us = 1 WHERE state = 'held'");
    ok(ngx_recording_outbox_sweep_thread(&cat, &n, &err) == NGX_OK && n == 0,
       "sweep");
    ok(take(NOTIFY, row) == 1 && row->key == NULL
       && strstr(row->facts, "\"object_url\":\"http://c/1\"") != NULL,
       "not for too long");
    done.object = NULL;
    result(row, &done, 1, 0);

    ok(take(UPLOAD, row) == 1, "taken");
    done.object = &object;
    result(row, &done, 0, 0);
    gives("SELECT objects FROM files WHERE file_id = 1",
          "[{\"bucket\":\"c\",\"key\":\"c/x/1.mp4\",\"url\":\"http://c/1\","
          "\"etag\":\"\",\"size\":5,\"rank\":9},"
          "{\"bucket\":\"a\",\"key\":\"p/x/1.mp4\",\"url\":\"http://a/1\","
          "\"etag\":\"\\\"e\\\"\",\"size\":5,\"rank\":1}]", "its objects");
    gives("SELECT local_us FROM files", "NULL", "the local copy stays");

    ok(take(NOTIFY, row) == 1 && strcmp(row->event, "delivered") == 0
       && strstr(row->facts, "\"key\":\"p/x/1.mp4\"") != NULL, "delivered");
    done.object = NULL;
    result(row, &done, 0, 0);
    gives("SELECT CAST((local_us / 1e6 - (julianday('now') - 2440587.5)"
          " * 86400) / 60 + 0.5 AS INTEGER) FROM files", "60",
          "for an hour from now on");
}


/* an id is given again if rows were deleted */

static void
others(ngx_recording_outbox_row_t *row)
{
    ngx_recording_outbox_object_t  object = { "a", "", "", 5, 1 };
    ngx_recording_outbox_result_t  done = {
        .result = NGX_RECORDING_OUTBOX_DONE, .object = &object,
    };
    ngx_recording_outbox_result_t  dead = {
        .result = NGX_RECORDING_OUTBOX_DEAD, .error = "404",
    };

    file(2);
    ok(take(UPLOAD, row) == 1, "taken");
    run("UPDATE outbox SET owner = 'v' WHERE state = 'taken'");
    result(row, &done, 0, 0);
    gives("SELECT objects FROM files WHERE file_id = 2", "[]",
          "another one's row");
    gives("SELECT count(*) FROM outbox WHERE kind = 'delivered'"
          " AND file_id = 2", "0", "nobody is told");

    run("UPDATE outbox SET state = 'waiting' WHERE state = 'taken'");
    ok(take(UPLOAD, row) == 1, "taken");
    result(row, &dead, 0, 1);
    gives(state, "dead 2 404 ", "a dead letter");
    ok(take(NOTIFY, row) == 1 && row->file_id == 2, "of which is told");
    done.object = NULL;
    result(row, &done, 1, 0);
    gives("SELECT local_us FROM files WHERE file_id = 2", "NULL",
          "the local copy stays");
}


static void
clocks(void)
{
    store.base -= 4 * HOUR;

    run("UPDATE files SET local_us = local_us * 2 WHERE file_id = 1");
    ok(ngx_recording_outbox_clean_thread(&cat, &err) == NGX_OK, "clean");
    gives("SELECT CAST((local_us / 1e6 - (julianday('now') - 2440587.5)"
          " * 86400) / 60 + 0.5 AS INTEGER) FROM files", "60",
          "the clock was set back");
}


/* the next one that grows; whether there is one is known before */

static ngx_uint_t
take_early(ngx_recording_outbox_row_t *row)
{
    ngx_uint_t  n, due;

    n = 1;
    due = 9;

    ok(ngx_recording_outbox_early_thread(&cat, EARLY, &due, &err) == NGX_OK,
       "whether it is due");

    begin();
    finish(ngx_recording_outbox_take_early(&cat, EARLY, owner, NULL, row, &n),
           "taken");

    ok(due == n, "%d due", (int) due);

    return n;
}


static void
grows(uint64_t id, ngx_uint_t is)
{
    ngx_int_t   rc;
    ngx_uint_t  does;

    does = 9;

    rc = ngx_recording_catalogue_read(&cat, &err);

    if (rc == NGX_OK) {
        rc = ngx_recording_outbox_grows(&cat, id, &does);
        rc = ngx_recording_catalogue_finish(&cat, rc, &err);
    }

    ok(rc == NGX_OK && does == is, "it grows: %d", (int) does);
}


static void
early(ngx_recording_outbox_row_t *row)
{
    ngx_recording_outbox_result_t  failed = {
        .result = NGX_RECORDING_OUTBOX_FAILED, .error = "503",
    };
    ngx_recording_outbox_result_t  returned = {
        .result = NGX_RECORDING_OUTBOX_RETURNED, .progress = "half",
    };
    static const char  grown[] = "SELECT state || ' ' || attempts || ' ' ||"
                                 " progress || ' ' || (next_us > 0)"
                                 " FROM outbox WHERE template = 'e'";

    ok(take_early(row) == 0, "nothing grows");
    grows(9, 0);

    run("INSERT INTO files (file_id, recording_id, template, domain, app,"
        " stream, stream_param, format, state, start_us, path) VALUES (9, 8,"
        " 'e', '', '', '', '', 'mp4', 'recording', 1000, 'x/9.mp4')");
    grows(9, 1);
    ok(take(EARLY, row) == 0, "nothing waits");
    ok(take_early(row) == 1 && row->early && strcmp(row->key, "p/x/9.mp4") == 0
       && row->attempts == 1, "it grows");
    ok(take_early(row) == 0, "it is taken once");

    begin();
    finish(ngx_recording_outbox_progress(&cat, row, "some"), "progress");
    gives(grown, "taken 1 some 0", "progress");
    result(row, &returned, 0, 0);
    gives(grown, "growing 0 half 0", "given back");

    /* for longer than anything is tried */

    ok(take_early(row) == 1 && strcmp(row->progress, "half") == 0, "again");
    row->first_us = 1;
    result(row, &failed, 0, 0);
    gives(grown, "growing 0 half 1", "it is not given up as long as it grows");
    ok(take_early(row) == 0, "nor tried at once");

    run("UPDATE outbox SET next_us = next_us * 2 WHERE template = 'e'");
    ok(ngx_recording_outbox_clean_thread(&cat, &err) == NGX_OK, "clean");
    gives(grown, "growing 0 half 0", "the clock was set back");

    ok(take_early(row) == 1, "again");
    run("UPDATE files SET state = 'finished' WHERE file_id = 9");
    grows(9, 0);
    result(row, &returned, 0, 0);
    gives(grown, "waiting 0 half 0", "its file has ended");
    ok(take_early(row) == 0, "it does not grow any more");
    ok(take(EARLY, row) == 1 && !row->early && row->attempts == 1
       && strstr(row->facts, "\"state\":\"finished\"") != NULL,
       "it is as others");
    row->first_us = 1;
    result(row, &failed, 0, 1);
    gives(grown, "dead 1 half 0", "and given up as those");
}


int
main(void)
{
    char                        path[64];
    ngx_recording_outbox_row_t  row;

    store_make(&store);
    store.base = ngx_recording_wall() - ngx_recording_mono();

    ngx_recording_catalogue_init(&cat, &store);
    ngx_recording_catalogue_targets(&cat, targets, 4, 0);

    begin();
    finish(NGX_OK, "targets");

    (void) snprintf(path, sizeof(path), "%s/catalogue.db", store.path);

    if (sqlite3_open(path, &db) != SQLITE_OK) {
        printf("Bail out! %s\n", sqlite3_errmsg(db));
        return 1;
    }

    gives("SELECT group_concat(target || prefix || local_us) FROM targets",
          "upload:ap/-1,backup:cc/-2,http://h/-2,upload:ap/3600000000",
          "targets");
    gives("SELECT group_concat(template || early) FROM targets",
          "e1,t0,t0,t0", "who begins early");

    file(1);
    attempts(&row);
    objects(&row);
    others(&row);
    clocks();
    early(&row);

    (void) sqlite3_close(db);
    ngx_recording_catalogue_close(&cat);
    store_remove(&store);

    return tap_done();
}
