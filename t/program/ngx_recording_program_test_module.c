
/*
 * For t/program.t: a module that starts programs by
 * src/deliver/ngx_recording_program.h, as it finds orders in a directory.
 *
 *   test_programs DIR;
 *
 * An order is a file DIR/NAME.order of lines: time-out in ms, bytes of
 * standard input, the lock's file or nothing, the working directory, then
 * the program and its arguments.  A file DIR/NAME.kill has it killed.  What
 * comes of it is in the log:
 *
 *   program NAME: line "TEXT"
 *   program NAME: rc 0, left out 0, in 12 ms: ERROR
 */


#include "ngx_recording_program.h"
#include "ngx_recording_conf.h"
#include "ngx_recording_call.h"
#include <glob.h>


#define NGX_RECORDING_TEST_ARGS  32
#define NGX_RECORDING_TEST_MS    20


typedef struct {
    ngx_str_t                 dir;
    ngx_thread_pool_t        *pool;
    ngx_recording_jobs_t      jobs;
    ngx_recording_programs_t  starter;
    ngx_event_t               event;
    ngx_queue_t               programs;
} ngx_recording_test_conf_t;


typedef struct {
    ngx_queue_t               queue;
    ngx_recording_program_t   program;
    char                      name[64];
    char                     *argv[NGX_RECORDING_TEST_ARGS];
    char                      text[4096];
    u_char                   *input;
    int64_t                   began;
} ngx_recording_test_t;


static void *ngx_recording_test_create(ngx_cycle_t *cycle);
static char *ngx_recording_test_programs(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_recording_test_process(ngx_cycle_t *cycle);
static void ngx_recording_test_look(ngx_event_t *ev);
static void ngx_recording_test_order(ngx_recording_test_conf_t *tcf,
    const char *path);
static void ngx_recording_test_start(ngx_recording_test_t *test,
    char *fields[4]);
static void ngx_recording_test_kill(ngx_recording_test_conf_t *tcf,
    const char *name);
static void ngx_recording_test_line(ngx_recording_program_t *p,
    ngx_str_t *line);
static void ngx_recording_test_done(ngx_recording_program_t *p);


static ngx_command_t  ngx_recording_test_commands[] = {

    { ngx_string("test_programs"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_recording_test_programs,
      0,
      offsetof(ngx_recording_test_conf_t, dir),
      NULL },

      ngx_null_command
};


static ngx_core_module_t  ngx_recording_test_ctx = {
    ngx_string("recording_program_test"),
    ngx_recording_test_create,
    NULL
};


ngx_module_t  ngx_recording_program_test_module = {
    NGX_MODULE_V1,
    &ngx_recording_test_ctx,               /* module context */
    ngx_recording_test_commands,           /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_recording_test_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* what nginx's configure makes for a dynamic module */

ngx_module_t  *ngx_modules[] = { &ngx_recording_program_test_module, NULL };
char  *ngx_module_names[] = { "ngx_recording_program_test_module", NULL };
char  *ngx_module_order[] = { NULL };


static char  *ngx_recording_test_env[] = {
    "PATH=/usr/bin:/bin", "RECORDING_PATH=a/b.mp4", NULL
};


static void *
ngx_recording_test_create(ngx_cycle_t *cycle)
{
    return ngx_pcalloc(cycle->pool, sizeof(ngx_recording_test_conf_t));
}


static char *
ngx_recording_test_programs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_recording_test_conf_t *tcf = conf;

    tcf->pool = ngx_thread_pool_add(cf, NULL);

    if (tcf->pool == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


static ngx_int_t
ngx_recording_test_process(ngx_cycle_t *cycle)
{
    ngx_recording_test_conf_t  *tcf;

    tcf = (ngx_recording_test_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                           ngx_recording_program_test_module);

    if (tcf->dir.len == 0) {
        return NGX_OK;
    }

    ngx_recording_jobs_init(&tcf->jobs, tcf->pool, cycle->log);
    ngx_queue_init(&tcf->programs);

    tcf->starter.fd = -1;

    if (ngx_recording_programs_start(&tcf->starter) != NGX_OK) {
        return NGX_ERROR;
    }

    tcf->event.handler = ngx_recording_test_look;
    tcf->event.data = tcf;
    tcf->event.log = cycle->log;
    tcf->event.cancelable = 1;

    ngx_add_timer(&tcf->event, NGX_RECORDING_TEST_MS);

    return NGX_OK;
}


static void
ngx_recording_test_look(ngx_event_t *ev)
{
    ngx_recording_test_conf_t *tcf = ev->data;

    char    pattern[NGX_MAX_PATH];
    glob_t  found;
    size_t  i;

    (void) snprintf(pattern, sizeof(pattern), "%s/*.order",
                    (char *) tcf->dir.data);

    if (!ngx_exiting && glob(pattern, 0, NULL, &found) == 0) {
        for (i = 0; i < found.gl_pathc; i++) {
            ngx_recording_test_order(tcf, found.gl_pathv[i]);
        }

        globfree(&found);
    }

    (void) snprintf(pattern, sizeof(pattern), "%s/*.kill",
                    (char *) tcf->dir.data);

    if (glob(pattern, 0, NULL, &found) == 0) {
        for (i = 0; i < found.gl_pathc; i++) {
            (void) unlink(found.gl_pathv[i]);
            ngx_recording_test_kill(tcf, strrchr(found.gl_pathv[i], '/') + 1);
        }

        globfree(&found);
    }

    ngx_add_timer(ev, NGX_RECORDING_TEST_MS);
}


static void
ngx_recording_test_order(ngx_recording_test_conf_t *tcf, const char *path)
{
    int                    fd;
    char                  *line, *fields[4];
    ssize_t                n;
    ngx_uint_t             i;
    ngx_recording_test_t  *test;

    test = ngx_calloc(sizeof(ngx_recording_test_t), ngx_cycle->log);
    fd = open(path, O_RDONLY);
    n = read(fd, test->text, sizeof(test->text) - 1);
    (void) close(fd);
    (void) unlink(path);

    if (n <= 0) {
        ngx_free(test);
        return;
    }

    (void) snprintf(test->name, sizeof(test->name), "%s",
                    strrchr(path, '/') + 1);
    *strchr(test->name, '.') = '\0';

    line = test->text;

    for (i = 0; line && *line; i++) {
        *(i < 4 ? &fields[i] : &test->argv[i - 4]) = line;
        line = strchr(line, '\n');

        if (line) {
            *line++ = '\0';
        }
    }

    test->program.jobs = &tcf->jobs;
    test->program.programs = &tcf->starter;
    ngx_queue_insert_tail(&tcf->programs, &test->queue);

    ngx_recording_test_start(test, fields);
}


static void
ngx_recording_test_start(ngx_recording_test_t *test, char *fields[4])
{
    ngx_recording_program_t  *p;

    p = &test->program;

    p->log = ngx_cycle->log;
    p->argv = test->argv;
    p->envp = ngx_recording_test_env;
    p->dir = fields[3];
    p->timeout = atoi(fields[0]);
    p->input_len = atoi(fields[1]);
    p->input = test->input = malloc(p->input_len + 1);
    p->lock = -1;
    p->line = ngx_recording_test_line;
    p->done = ngx_recording_test_done;
    p->data = test;

    ngx_memset(test->input, 'x', p->input_len);

    if (fields[2][0] == '/') {
        p->lock = open(fields[2], O_RDWR|O_CREAT|O_CLOEXEC, 0644);

        if (flock(p->lock, LOCK_EX|LOCK_NB) == -1) {
            ngx_log_error(NGX_LOG_NOTICE, p->log, 0, "program %s: locked",
                          test->name);
        }
    }

    test->began = ngx_recording_mono();

    ngx_recording_program_start(p);
}


static void
ngx_recording_test_kill(ngx_recording_test_conf_t *tcf, const char *name)
{
    ngx_queue_t           *q;
    ngx_recording_test_t  *test;

    for (q = ngx_queue_head(&tcf->programs);
         q != ngx_queue_sentinel(&tcf->programs);
         q = ngx_queue_next(q))
    {
        test = ngx_queue_data(q, ngx_recording_test_t, queue);

        if (strncmp(name, test->name, strlen(test->name)) == 0
            && name[strlen(test->name)] == '.')
        {
            ngx_recording_program_kill(&test->program);
            return;
        }
    }
}


static void
ngx_recording_test_line(ngx_recording_program_t *p, ngx_str_t *line)
{
    ngx_recording_test_t *test = p->data;

    ngx_log_error(NGX_LOG_NOTICE, p->log, 0, "program %s: line \"%V\"",
                  test->name, line);
}


static void
ngx_recording_test_done(ngx_recording_program_t *p)
{
    ngx_recording_test_t *test = p->data;

    ngx_log_error(NGX_LOG_NOTICE, p->log, 0,
                  "program %s: rc %i, left out %uL, in %L ms: %s",
                  test->name, p->rc, p->left_out,
                  (ngx_recording_mono() - test->began) / 1000, p->error);

    ngx_queue_remove(&test->queue);
    ngx_free(test->input);
    ngx_free(test);
}
