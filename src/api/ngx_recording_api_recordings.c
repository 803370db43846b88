
/*
 * Recordings with their files, those that are under way, too.
 */


#include "ngx_recording_api.h"


#define NGX_RECORDING_API_RECORDINGS  20   /* a page, if nothing is said */
#define NGX_RECORDING_API_FILES       200  /* of a recording, in an answer */
#define NGX_RECORDING_API_TOLD        1000 /* of all: then the page ends */


typedef struct {
    ngx_recording_api_list_t   ids;
    ngx_str_t                  stream;
    ngx_str_t                  app;
    ngx_str_t                  domain;
    ngx_str_t                  template;
    ngx_str_t                  state;
    ngx_recording_api_range_t  recorded;
    int64_t                    limit;
    ngx_str_t                  token;
} ngx_recording_api_recordings_t;


typedef struct {
    ngx_recording_api_call_t  *call;
    json_t                    *set;
    const ngx_recording_catalogue_search_t  *search;
    ngx_uint_t                 told;       /* files */
} ngx_recording_api_recordings_set_t;


static ngx_int_t ngx_recording_api_describe_recordings_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_recordings_search(
    ngx_recording_api_call_t *call, ngx_recording_api_recordings_t *in);
static void ngx_recording_api_recordings_early(
    ngx_recording_catalogue_search_t *search, ngx_uint_t n);
static ngx_int_t ngx_recording_api_recordings_check(
    ngx_recording_api_call_t *call, ngx_recording_api_recordings_t *in,
    ngx_recording_catalogue_search_t *search);
static void ngx_recording_api_recordings_any(
    ngx_recording_catalogue_search_any_t *any, const ngx_str_t *text);
static ngx_int_t ngx_recording_api_recordings_state(
    ngx_recording_api_call_t *call, const ngx_str_t *state,
    ngx_recording_catalogue_search_any_t *any);
static ngx_int_t ngx_recording_api_recordings_one(void *data,
    const ngx_recording_catalogue_search_recording_t *recording);
static ngx_int_t ngx_recording_api_recordings_files(
    ngx_recording_api_recordings_set_t *set, uint64_t id,
    ngx_recording_api_object_t *o);
static ngx_int_t ngx_recording_api_recordings_file(void *data,
    const ngx_recording_catalogue_search_file_t *file);


const ngx_recording_api_action_t  ngx_recording_api_recordings[] = {

    { "DescribeRecordings", NULL, 0,
      ngx_recording_api_describe_recordings_thread },

    { NULL, NULL, 0, NULL }
};


#define ngx_recording_api_recordings_at(field)                                \
    offsetof(ngx_recording_api_recordings_t, field)


static const ngx_recording_api_param_t  ngx_recording_api_recording_params[] =
{
    { "RecordingIds", NGX_RECORDING_API_IDS,
      ngx_recording_api_recordings_at(ids), 0, NGX_RECORDING_API_RECORDINGS },
    { "StreamName", NGX_RECORDING_API_TEXT,
      ngx_recording_api_recordings_at(stream), 0, 0 },
    { "AppName", NGX_RECORDING_API_TEXT,
      ngx_recording_api_recordings_at(app), 0, 0 },
    { "DomainName", NGX_RECORDING_API_TEXT,
      ngx_recording_api_recordings_at(domain), 0, 0 },
    { "TemplateName", NGX_RECORDING_API_TEXT,
      ngx_recording_api_recordings_at(template), 0, 0 },
    { "State", NGX_RECORDING_API_TEXT,
      ngx_recording_api_recordings_at(state), 0, 0 },
    { "RecordTime", NGX_RECORDING_API_RANGE,
      ngx_recording_api_recordings_at(recorded), 0, 0 },
    { "Limit", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_recordings_at(limit), 1, NGX_RECORDING_SEARCH_PAGE },
    { "ScrollToken", NGX_RECORDING_API_TEXT,
      ngx_recording_api_recordings_at(token), 0, 0 },

    { NULL, 0, 0, 0, 0 }
};


static ngx_int_t
ngx_recording_api_describe_recordings_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                        rc;
    ngx_recording_api_recordings_t  *in;

    in = calloc(1, sizeof(ngx_recording_api_recordings_t));

    if (in == NULL) {
        return NGX_ERROR;
    }

    in->limit = NGX_RECORDING_API_RECORDINGS;

    rc = ngx_recording_api_params(call, ngx_recording_api_recording_params,
                                  in);
    if (rc == NGX_OK) {
        rc = ngx_recording_api_recordings_search(call, in);
    }

    free(in);

    return rc;
}


static ngx_int_t
ngx_recording_api_recordings_search(ngx_recording_api_call_t *call,
    ngx_recording_api_recordings_t *in)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i;
    ngx_recording_catalogue_search_t    search;
    ngx_recording_api_recordings_set_t  set;

    if (ngx_recording_api_recordings_check(call, in, &search) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_recording_api_page_from(call, &in->token, &search);

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_search_recordings(call->catalogue,
                                                       &search);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    set.call = call;
    set.search = &search;
    set.set = json_array();
    set.told = 0;

    rc = ngx_recording_api_set(call->answer, "RecordingSet", set.set);

    for (i = 0; rc == NGX_OK && i < search.n; i++) {

        if (set.told >= NGX_RECORDING_API_TOLD) {
            ngx_recording_api_recordings_early(&search, i);
            break;
        }

        rc = ngx_recording_catalogue_search_recording(call->catalogue,
                                           search.page[i].id,
                                           ngx_recording_api_recordings_one,
                                           &set);
    }

    return rc == NGX_OK ? ngx_recording_api_page_next(call, &search) : rc;
}


/* the page ends behind so many: with their files an answer of all would be too
   long for the time of a call, and for memory */

static void
ngx_recording_api_recordings_early(ngx_recording_catalogue_search_t *search,
    ngx_uint_t n)
{
    search->next = search->page[n - 1];
    search->skip = 0;
    search->more = 1;
}


static ngx_int_t
ngx_recording_api_recordings_check(ngx_recording_api_call_t *call,
    ngx_recording_api_recordings_t *in,
    ngx_recording_catalogue_search_t *search)
{
    ngx_recording_catalogue_search_init(search);

    search->ids.n = in->ids.n;
    search->ids.id = in->ids.id;

    ngx_recording_api_recordings_any(&search->streams, &in->stream);
    ngx_recording_api_recordings_any(&search->apps, &in->app);
    ngx_recording_api_recordings_any(&search->domains, &in->domain);
    ngx_recording_api_recordings_any(&search->templates, &in->template);

    if (in->recorded.set) {
        search->recorded = 1;
        search->from = in->recorded.after;
        search->to = in->recorded.before;
    }

    search->limit = in->limit;

    return in->state.len ? ngx_recording_api_recordings_state(call, &in->state,
                                                              &search->states)
                         : NGX_OK;
}


/* an empty one is none */

static void
ngx_recording_api_recordings_any(ngx_recording_catalogue_search_any_t *any,
    const ngx_str_t *text)
{
    any->n = text->len ? 1 : 0;
    any->text = text;
}


static ngx_int_t
ngx_recording_api_recordings_state(ngx_recording_api_call_t *call,
    const ngx_str_t *state, ngx_recording_catalogue_search_any_t *any)
{
    ngx_uint_t  i;

    static const ngx_str_t  states[] = {
        ngx_string("recording"),
        ngx_string("paused"),
        ngx_string("ended")
    };

    if (ngx_strcmp(state->data, "open") == 0) {
        any->n = 2;
        any->text = states;
        return NGX_OK;
    }

    for (i = 0; i < 3; i++) {
        if (ngx_strcmp(state->data, states[i].data) == 0) {
            any->n = 1;
            any->text = &states[i];
            return NGX_OK;
        }
    }

    return ngx_recording_api_fail(call, "InvalidParameterValue",
                                  "State is not recording, paused, ended or "
                                  "open");
}


static ngx_int_t
ngx_recording_api_recordings_one(void *data,
    const ngx_recording_catalogue_search_recording_t *recording)
{
    ngx_recording_api_recordings_set_t *set = data;

    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put(&o, "RecordingId",
                          ngx_recording_api_id(recording->id));
    ngx_recording_api_put_text(&o, "State", recording->state);
    ngx_recording_api_put_str(&o, "TemplateName", &recording->template);
    ngx_recording_api_put(&o, "TemplateId",
                          ngx_recording_api_template(&recording->template));
    ngx_recording_api_put_text(&o, "TaskId", recording->task);
    ngx_recording_api_put_str(&o, "DomainName", &recording->domain);
    ngx_recording_api_put_str(&o, "AppName", &recording->app);
    ngx_recording_api_put_str(&o, "StreamName", &recording->stream);
    ngx_recording_api_put_str(&o, "StreamParam", &recording->param);
    ngx_recording_api_put_str(&o, "Server", &recording->server);
    ngx_recording_api_put_date(&o, "StartTime", recording->start_us);
    ngx_recording_api_put_date(&o, "EndTime", recording->end_us);
    ngx_recording_api_put_int(&o, "StartTimeUs", recording->start_us);
    ngx_recording_api_put(&o, "EndTimeUs", recording->end_us
                                           ? json_integer(recording->end_us)
                                           : json_null());
    ngx_recording_api_put_text(&o, "Worker", recording->owner);

    if (ngx_recording_api_recordings_files(set, recording->id, &o) != NGX_OK) {
        json_decref(o.object);
        return NGX_ERROR;
    }

    return ngx_recording_api_append(set->set, o.object);
}


static ngx_int_t
ngx_recording_api_recordings_files(ngx_recording_api_recordings_set_t *set,
    uint64_t id, ngx_recording_api_object_t *o)
{
    ngx_int_t                           rc;
    ngx_uint_t                          number;
    ngx_recording_api_recordings_set_t  files;

    files.call = set->call;
    files.set = json_array();

    rc = files.set
         ? ngx_recording_catalogue_search_files(set->call->catalogue, id,
                                           set->search->from, set->search->to,
                                           NGX_RECORDING_API_FILES, &number,
                                           ngx_recording_api_recordings_file,
                                           &files)
         : NGX_ERROR;

    if (rc != NGX_OK) {
        json_decref(files.set);
        return NGX_ERROR;
    }

    set->told += json_array_size(files.set);

    ngx_recording_api_put_int(o, "FileCount", number);
    ngx_recording_api_put(o, "FileSet", files.set);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_recordings_file(void *data,
    const ngx_recording_catalogue_search_file_t *file)
{
    ngx_recording_api_recordings_set_t *set = data;

    return ngx_recording_api_append(set->set,
                                    ngx_recording_api_file(set->call, file));
}
