
/*
 * The watch: what a look could not read is read by the next one, though nothing
 * has changed since; until then nothing is taken for known.  Commands that were
 * obeyed are not met again, and others are at the next look.
 */


#include "tap.h"
#include "ngx_recording_watch.h"


/* link: src/recorder/ngx_recording_watch.c */


ngx_rbtree_t           ngx_event_timer_rbtree;
volatile ngx_msec_t    ngx_current_msec;

static ngx_uint_t      watch_changes;      /* since it was asked */
static ngx_uint_t      watch_fails;        /* each transaction */
static ngx_uint_t      watch_lacks;        /* its copy */
static int64_t         watch_number;       /* that the catalogue has */
static ngx_uint_t      watch_reads;        /* of all of it */
static ngx_uint_t      watch_said;
static ngx_uint_t      watch_commands;     /* that the catalogue has */
static ngx_uint_t      watch_waits;        /* changes, for their answer */
static void          (*watch_answer)(void *data);


static void watch_looked(void *data);
static ngx_uint_t watch_look(ngx_recording_watch_t *watch);
static void watch_ran(ngx_recording_watch_t *watch);
static void watch_obeys(ngx_recording_watch_t *watch);


int
main(void)
{
    ngx_uint_t               look, n;
    ngx_recording_sql_t      sql;
    ngx_recording_watch_t   *watch;
    ngx_recording_worker_t  *worker;

    worker = calloc(1, sizeof(ngx_recording_worker_t));
    ngx_memzero(&sql, sizeof(ngx_recording_sql_t));
    sql.opened = 1;

    worker->ready = 1;
    worker->log = calloc(1, sizeof(ngx_log_t));
    worker->log->log_level = NGX_LOG_INFO;
    worker->catalogue.sql = &sql;

    watch = ngx_recording_watch_start(worker, watch_looked, NULL);

    watch_number = 1;
    look = watch_look(watch);
    ok(ngx_recording_watch_has(watch, look), "it is known");
    is(watch_reads, 1, "and was read");

    look = watch_look(watch);
    ok(ngx_recording_watch_has(watch, look), "nothing has changed");
    is(watch_reads, 1, "nor was it read again");

    /* the change is seen by the look that fails, and by no other one */

    watch_changes = 1;
    watch_fails = 1;
    watch_number = 2;
    look = watch_look(watch);
    ok(!ngx_recording_watch_has(watch, look), "what failed is not known");

    n = watch_look(watch);
    ok(!ngx_recording_watch_has(watch, n), "nor as long as it fails");
    is(watch_said, 1, "it is said once");

    watch_fails = 0;
    look = watch_look(watch);
    ok(ngx_recording_watch_has(watch, look), "it is known then");
    is(watch->policy->number, 2, "as it is now");
    is(watch_said, 2, "that is said, too");

    /* one that failed is not that of a later change */

    n = watch_reads;
    look = watch_look(watch);
    ok(ngx_recording_watch_has(watch, look), "nothing has changed");
    is(watch_reads, n, "nor was it read again");

    /* a catalogue that was lost, before its copy is back */

    watch_changes = 1;
    watch_lacks = 1;
    watch_number = 0;
    look = watch_look(watch);
    ok(!ngx_recording_watch_has(watch, look), "what it lacks is not known");
    is(watch->policy->number, 2, "what was known holds");
    is(watch_said, 2, "others say that");

    watch_lacks = 0;
    watch_number = 2;
    look = watch_look(watch);
    ok(ngx_recording_watch_has(watch, look), "it is known then");

    watch_obeys(watch);

    ngx_recording_policy_free(watch->policy);
    free(watch);
    free(worker->log);
    free(worker);

    return tap_done();
}


static void
watch_obeys(ngx_recording_watch_t *watch)
{
    watch_changes = 1;
    watch_number++;
    watch_commands = 2;
    (void) watch_look(watch);
    is(ngx_recording_watch_commands(watch), 2, "two commands");

    ngx_recording_watch_obeyed(watch);
    ok(watch_answer == NULL, "none was obeyed");

    watch->policy->commands[0].obeyed = 1;
    watch_waits = 1;
    ngx_recording_watch_obeyed(watch);
    ok(watch_answer != NULL, "one was: it is to go");
    is(ngx_recording_watch_commands(watch), 0, "none is met meanwhile");

    /* it goes when a look has read it once more */

    watch_changes = 1;
    watch_number++;
    (void) watch_look(watch);
    is(ngx_recording_watch_commands(watch), 0, "nor one that was read");

    watch_waits = 0;
    watch_commands = 1;
    watch_answer(watch);
    is(ngx_recording_watch_commands(watch), 0, "nor until there is a look");
    ok(watch->busy, "which there is at once");

    watch_ran(watch);
    is(ngx_recording_watch_commands(watch), 1,
       "the other one is met, though no number has changed");
}


static void
watch_looked(void *data)
{
    /* void */
}


static ngx_uint_t
watch_look(ngx_recording_watch_t *watch)
{
    ngx_uint_t  look;

    look = ngx_recording_watch_look(watch);
    watch_ran(watch);

    return look;
}


static void
watch_ran(ngx_recording_watch_t *watch)
{
    watch->job.run(watch->job.data);
    watch->job.done(watch->job.data);
}


/* --- what it needs of others */

ngx_uint_t
ngx_recording_catalogue_opened(ngx_recording_catalogue_t *cat)
{
    return 1;
}


ngx_uint_t
ngx_recording_catalogue_changed_thread(ngx_recording_catalogue_t *cat)
{
    ngx_uint_t  changed;

    changed = watch_changes;
    watch_changes = 0;

    return changed;
}


ngx_int_t
ngx_recording_catalogue_read(ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_error_t *err)
{
    err->text[0] = '\0';

    return watch_fails ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_recording_catalogue_finish(ngx_recording_catalogue_t *cat, ngx_int_t rc,
    ngx_recording_catalogue_error_t *err)
{
    return rc;
}


ngx_int_t
ngx_recording_catalogue_has_copied_thread(ngx_recording_catalogue_t *cat)
{
    return watch_lacks ? NGX_DECLINED : NGX_OK;
}


ngx_int_t
ngx_recording_policy_number(ngx_recording_catalogue_t *cat, int64_t *number)
{
    *number = watch_number;

    return NGX_OK;
}


ngx_recording_policy_t *
ngx_recording_policy_read(ngx_recording_catalogue_t *cat, int64_t now)
{
    ngx_recording_policy_t  *policy;

    watch_reads++;

    policy = calloc(1, sizeof(ngx_recording_policy_t));
    policy->number = watch_number;
    policy->ncommands = watch_commands;
    policy->commands = calloc(2, sizeof(ngx_recording_policy_command_t));

    return policy;
}


void
ngx_recording_policy_free(ngx_recording_policy_t *policy)
{
    if (policy) {
        free(policy->commands);
        free(policy);
    }
}


ngx_int_t
ngx_recording_policy_obeyed(ngx_recording_catalogue_t *cat, void *policy,
    ngx_uint_t again)
{
    return NGX_OK;
}


void
ngx_recording_catalogue_init_reader(ngx_recording_catalogue_t *cat,
    ngx_recording_store_t *store, int64_t most)
{
    /* void */
}


void
ngx_recording_catalogue_close(ngx_recording_catalogue_t *cat)
{
    /* void */
}


void
ngx_recording_job_init(ngx_recording_job_t *job, ngx_recording_jobs_t *jobs,
    void (*run)(void *data), void (*done)(void *data), void *data)
{
    job->run = run;
    job->done = done;
    job->data = data;
}


void
ngx_recording_job_post(ngx_recording_job_t *job)
{
    /* void */
}


void
ngx_recording_change_init(ngx_recording_change_t *c,
    ngx_recording_changes_t *changes)
{
    /* void */
}


ngx_int_t
ngx_recording_change_ask_thread(ngx_recording_change_t *c,
    ngx_recording_catalogue_pt run, void *arg, ngx_uint_t durable,
    ngx_recording_catalogue_error_t *err)
{
    return watch_waits ? NGX_BUSY : NGX_OK;
}


ngx_uint_t
ngx_recording_change_post(ngx_recording_change_t *c,
    void (*answered)(void *data), void *data)
{
    watch_answer = answered;

    return 1;
}


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    /* void */
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    /* void */
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    watch_said++;
}
