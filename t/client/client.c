
/*
 * A module for t/http_*.t: requests that stand in nginx.conf are sent by a
 * worker through the client of src/net, and what came of them is logged.
 *
 *     client_resolver 127.0.0.1:5353;
 *     client_certificate ca.pem;
 *     client_request NAME URL [method=] [body=TEXT] [zeros=SIZE] [header=N:V]
 *                    [timeout=TIME] [after=TIME] [cancel=TIME] [room=SIZE]
 *                    [own=NAME] [connections=NUMBER] [verify=off]
 *                    [source=SIZE] [chunk=SIZE] [pause=TIME] [fail=OFFSET]
 *                    [hold=OFFSET] [quit=OFFSET] [busy=TIME];
 *     client_go;
 *
 * Requests with the same `own` have a host of their own together.  The body of
 * a source has the bytes 0 to 250 over and over, and comes in chunks of odd
 * sizes, at most `chunk`: at once, or each after a pause.  From the offset
 * given on it cannot be had, is held back for ever, or cancels the request
 * when it is asked.  A worker is busy, and sees no event, before it sends the
 * first chunk.
 *
 * It finds the client in the recording module, which is loaded before it.
 */


#include "ngx_recording_http_conf.h"


#define CLIENT_ROOM   4096
#define CLIENT_CHUNK  65536
#define CLIENT_BYTES  251


typedef struct {
    ngx_str_t               name;
    ngx_recording_url_t     url;
    ngx_recording_http_header_t  header;
    ngx_msec_t              after;
    ngx_msec_t              cancel;
    ngx_msec_t              begun;
    ngx_event_t             start;
    ngx_event_t             stop;

    ngx_str_t               own;           /* the name of its host */
    ngx_uint_t              connections;
    unsigned                trusted:1;

    unsigned                asked:1;       /* the source */
    unsigned                over:1;        /* it must not be any more */
    ngx_uint_t              asks;
    ngx_uint_t              starts;        /* of them, at 0 */
    off_t                   offset;
    size_t                  chunk;
    ngx_msec_t              pause;
    off_t                   fail;
    off_t                   hold;
    off_t                   quit;
    ngx_event_t             feed;
    ngx_msec_t              busy;
    ngx_event_t             work;
    u_char                 *given;
    size_t                  len;

    ngx_recording_http_request_t  request;
} client_request_t;


typedef struct {
    ngx_recording_http_t    http;
    ngx_array_t             requests;      /* client_request_t * */
    unsigned                ready:1;
    unsigned                go:1;
} client_conf_t;


static void *client_create_conf(ngx_cycle_t *cycle);
static ngx_int_t client_init(ngx_conf_t *cf, client_conf_t *ccf);
static char *client_resolver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *client_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *client_request(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t client_parameter(ngx_conf_t *cf, client_request_t *cr,
    ngx_str_t *arg);
static char *client_go(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_recording_http_host_t *client_host(ngx_conf_t *cf,
    client_conf_t *ccf, client_request_t *cr);
static ngx_int_t client_init_process(ngx_cycle_t *cycle);
static void client_exit_process(ngx_cycle_t *cycle);
static void client_start(ngx_event_t *ev);
static void client_stop(ngx_event_t *ev);
static void client_source(ngx_recording_http_request_t *r);
static void client_work(ngx_event_t *ev);
static void client_feed(ngx_event_t *ev);
static void client_forget(client_request_t *cr);
static void client_over(client_request_t *cr);
static void client_header(ngx_recording_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value);
static void client_done(ngx_recording_http_request_t *r);


static ngx_command_t  client_commands[] = {

    { ngx_string("client_resolver"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      client_resolver, 0, 0, NULL },

    { ngx_string("client_certificate"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      client_certificate, 0, 0, NULL },

    { ngx_string("client_request"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_2MORE,
      client_request, 0, 0, NULL },

    { ngx_string("client_go"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_NOARGS,
      client_go, 0, 0, NULL },

      ngx_null_command
};


static ngx_core_module_t  client_module_ctx = {
    ngx_string("client"),
    client_create_conf,
    NULL
};


ngx_module_t  client_module = {
    NGX_MODULE_V1,
    &client_module_ctx,                    /* module context */
    client_commands,                       /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    client_init_process,                   /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    client_exit_process,                   /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* what configure would write */

ngx_module_t  *ngx_modules[] = { &client_module, NULL };
char  *ngx_module_names[] = { "client_module", NULL };
char  *ngx_module_order[] = { NULL };


static void *
client_create_conf(ngx_cycle_t *cycle)
{
    return ngx_pcalloc(cycle->pool, sizeof(client_conf_t));
}


static ngx_int_t
client_init(ngx_conf_t *cf, client_conf_t *ccf)
{
    if (ccf->ready) {
        return NGX_OK;
    }

    ccf->ready = 1;

    if (ngx_array_init(&ccf->requests, cf->pool, 8,
                       sizeof(client_request_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_recording_http_conf_create(cf, &ccf->http);
}


static char *
client_resolver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    client_conf_t *ccf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (client_init(cf, ccf) != NGX_OK
        || ngx_recording_http_conf_resolver(cf, &ccf->http, &value[1],
                                            cf->args->nelts - 1)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
client_certificate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    client_conf_t *ccf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (client_init(cf, ccf) != NGX_OK
        || ngx_recording_http_conf_certificate(cf, &ccf->http, &value[1])
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
client_request(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    client_conf_t *ccf = conf;

    ngx_str_t                     *value;
    ngx_uint_t                     i;
    const char                    *why;
    client_request_t              *cr, **slot;
    ngx_recording_http_request_t  *r;

    value = cf->args->elts;

    if (client_init(cf, ccf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cr = ngx_pcalloc(cf->pool, sizeof(client_request_t));
    slot = ngx_array_push(&ccf->requests);

    if (cr == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = cr;
    cr->name = value[1];

    if (ngx_recording_url_parse(cf->pool, &value[2], &cr->url, &why)
        != NGX_OK)
    {
        return (char *) why;
    }

    cr->chunk = CLIENT_CHUNK;
    cr->fail = -1;
    cr->hold = -1;
    cr->quit = -1;

    r = &cr->request;

    ngx_str_set(&r->method, "GET");
    r->uri = cr->url.uri;
    r->timeout = 60000;
    r->room = CLIENT_ROOM;
    r->header = client_header;
    r->done = client_done;
    r->data = cr;

    for (i = 3; i < cf->args->nelts; i++) {
        if (client_parameter(cf, cr, &value[i]) != NGX_OK) {
            return "has an invalid parameter";
        }
    }

    r->host = client_host(cf, ccf, cr);
    r->answer = ngx_pnalloc(cf->pool, r->room + 1);

    return (r->host && r->answer) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_recording_http_host_t *
client_host(ngx_conf_t *cf, client_conf_t *ccf, client_request_t *cr)
{
    ngx_uint_t         i;
    client_request_t  *other;

    if (cr->own.len == 0) {
        return ngx_recording_http_host(cf, &ccf->http, &cr->url);
    }

    for (i = 0; i < ccf->requests.nelts; i++) {
        other = ((client_request_t **) ccf->requests.elts)[i];

        if (other->request.host && other->own.len == cr->own.len
            && ngx_strncmp(other->own.data, cr->own.data, cr->own.len) == 0)
        {
            return other->request.host;
        }
    }

    return ngx_recording_http_own_host(cf, &ccf->http, &cr->url,
                                       cr->connections, !cr->trusted);
}


static ngx_int_t
client_parameter(ngx_conf_t *cf, client_request_t *cr, ngx_str_t *arg)
{
    u_char                        *p;
    ngx_str_t                      name, value;
    ngx_recording_http_request_t  *r;

    r = &cr->request;
    p = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    if (p == NULL) {
        return NGX_ERROR;
    }

    name.data = arg->data;
    name.len = p - arg->data;
    value.data = p + 1;
    value.len = arg->data + arg->len - value.data;

#define is(s)  (name.len == sizeof(s) - 1                                    \
                && ngx_strncmp(name.data, s, name.len) == 0)

    if (is("method")) {
        r->method = value;

    } else if (is("body")) {
        r->body = value;

    } else if (is("zeros")) {
        r->body.len = ngx_parse_size(&value);
        r->body.data = ngx_pcalloc(cf->pool, r->body.len);

    } else if (is("header")) {
        p = ngx_strlchr(value.data, value.data + value.len, ':');
        cr->header.name.data = value.data;
        cr->header.name.len = p - value.data;
        cr->header.value.data = p + 1;
        cr->header.value.len = value.data + value.len - p - 1;
        r->headers = &cr->header;
        r->nheaders = 1;

    } else if (is("timeout")) {
        r->timeout = ngx_parse_time(&value, 0);

    } else if (is("after")) {
        cr->after = ngx_parse_time(&value, 0);

    } else if (is("cancel")) {
        cr->cancel = ngx_parse_time(&value, 0);

    } else if (is("room")) {
        r->room = ngx_parse_size(&value);

    } else if (is("own")) {
        cr->own = value;

    } else if (is("connections")) {
        cr->connections = ngx_atoi(value.data, value.len);

    } else if (is("verify")) {
        cr->trusted = 1;

    } else if (is("source")) {
        r->source = client_source;
        r->length = ngx_parse_offset(&value);

    } else if (is("chunk")) {
        cr->chunk = ngx_parse_size(&value);

    } else if (is("pause")) {
        cr->pause = ngx_parse_time(&value, 0);

    } else if (is("busy")) {
        cr->busy = ngx_parse_time(&value, 0);

    } else if (is("fail")) {
        cr->fail = ngx_parse_offset(&value);

    } else if (is("hold")) {
        cr->hold = ngx_parse_offset(&value);

    } else if (is("quit")) {
        cr->quit = ngx_parse_offset(&value);

    } else {
        return NGX_ERROR;
    }

#undef is

    return NGX_OK;
}


static char *
client_go(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    client_conf_t *ccf = conf;

    ccf->go = 1;

    return ngx_recording_http_conf_check(cf, &ccf->http) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
client_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t         i;
    client_conf_t     *ccf;
    client_request_t  *cr;

    ccf = (client_conf_t *) ngx_get_conf(cycle->conf_ctx, client_module);

    if (!ccf->go || ngx_process != NGX_PROCESS_WORKER) {
        return NGX_OK;
    }

    ccf->http.log = cycle->log;

    for (i = 0; i < ccf->requests.nelts; i++) {
        cr = ((client_request_t **) ccf->requests.elts)[i];

        cr->start.handler = client_start;
        cr->start.data = cr;
        cr->start.log = cycle->log;

        ngx_add_timer(&cr->start, ngx_max(cr->after, 1));

        cr->stop.handler = client_stop;
        cr->stop.data = cr;
        cr->stop.log = cycle->log;

        /* it does not keep the worker: the client does */

        cr->feed.handler = client_feed;
        cr->feed.data = cr;
        cr->feed.log = cycle->log;
        cr->feed.cancelable = 1;

        cr->work.handler = client_work;
        cr->work.data = cr;
        cr->work.log = cycle->log;
    }

    return NGX_OK;
}


static void
client_exit_process(ngx_cycle_t *cycle)
{
    client_conf_t  *ccf;

    ccf = (client_conf_t *) ngx_get_conf(cycle->conf_ctx, client_module);

    if (ccf->http.log) {
        ngx_recording_http_close(&ccf->http);
    }
}


static void
client_start(ngx_event_t *ev)
{
    client_request_t *cr = ev->data;

    cr->begun = ngx_current_msec;

    ngx_recording_http_send(&cr->request);

    if (cr->cancel) {
        ngx_add_timer(&cr->stop, cr->cancel);
    }
}


static void
client_stop(ngx_event_t *ev)
{
    client_request_t *cr = ev->data;

    ngx_recording_http_cancel(&cr->request);
    client_over(cr);

    ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
                  "client %V: cancelled asks=%ui starts=%ui", &cr->name,
                  cr->asks, cr->starts);
}


static void
client_source(ngx_recording_http_request_t *r)
{
    client_request_t *cr = r->data;

    if (cr->asked || cr->over || r->offset >= r->length) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "client %V: asked at %O, which it must not be",
                      &cr->name, r->offset);
        return;
    }

    client_forget(cr);

    if (r->offset == 0) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "client %V: asked", &cr->name);
    }

    cr->asked = 1;
    cr->asks++;
    cr->starts += (r->offset == 0);
    cr->offset = r->offset;

    if (cr->quit >= 0 && r->offset >= cr->quit) {
        client_stop(&cr->stop);
        return;
    }

    if (cr->hold >= 0 && r->offset >= cr->hold) {
        return;
    }

    if (cr->pause) {
        ngx_add_timer(&cr->feed, cr->pause);
        return;
    }

    /* its turn is before that of the connection */

    if (cr->busy && r->offset == 0) {
        ngx_post_event(&cr->work, &ngx_posted_next_events);
    }

    client_feed(&cr->feed);
}


static void
client_work(ngx_event_t *ev)
{
    client_request_t *cr = ev->data;

    ngx_msleep(cr->busy);
}


static void
client_feed(ngx_event_t *ev)
{
    client_request_t *cr = ev->data;

    size_t                         i;
    ngx_recording_http_request_t  *r;

    r = &cr->request;
    cr->asked = 0;

    if (cr->fail >= 0 && cr->offset >= cr->fail) {
        (void) ngx_sprintf((u_char *) r->error, "no bytes at %O%Z",
                           cr->offset);
        ngx_recording_http_feed(r, NULL, 0);
        return;
    }

    /* one of 1 byte now and then, the last one is too long */

    cr->len = cr->asks % 5 ? cr->chunk / (cr->asks % 3 + 1) + cr->asks % 7 : 1;
    cr->given = malloc(cr->len);

    for (i = 0; cr->given && i < cr->len; i++) {
        cr->given[i] = (cr->offset + i) % CLIENT_BYTES;
    }

    ngx_recording_http_feed(r, cr->given, cr->len);
}


/* who uses the bytes after that sends wrong ones */

static void
client_forget(client_request_t *cr)
{
    if (cr->given) {
        ngx_memset(cr->given, 0xff, cr->len);
        free(cr->given);
        cr->given = NULL;
    }
}


static void
client_over(client_request_t *cr)
{
    client_forget(cr);

    cr->over = 1;

    if (cr->feed.timer_set) {
        ngx_del_timer(&cr->feed);
    }
}


static void
client_header(ngx_recording_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    client_request_t *cr = r->data;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "client %V: header \"%V\": \"%V\"", &cr->name, name, value);
}


static void
client_done(ngx_recording_http_request_t *r)
{
    client_request_t *cr = r->data;

    ngx_str_t  shown;

    if (cr->stop.timer_set) {
        ngx_del_timer(&cr->stop);
    }

    client_over(cr);

    shown.data = r->answer;
    shown.len = ngx_min(r->len, 64);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "client %V: done failed=%ui status=%ui len=%uz ms=%M "
                  "asks=%ui starts=%ui error=\"%s\" answer=\"%V\"",
                  &cr->name, (ngx_uint_t) r->failed, r->status, r->len,
                  ngx_current_msec - cr->begun, cr->asks, cr->starts, r->error,
                  &shown);
}
