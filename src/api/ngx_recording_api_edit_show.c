
/* tasks that make a file of others: how far they are, and what was made */


#include "ngx_recording_api_edit.h"


#define NGX_RECORDING_API_EDIT_PAGE  100
#define NGX_RECORDING_API_EDIT_SIZE  1048576     /* bytes, of what was asked
                                                    for by tasks of a page */


typedef struct {
    ngx_str_t               status;
    int64_t                 limit;
    ngx_str_t               token;         /* the last one's id */

    ngx_recording_edit_list_e  which;      /* of status */
    uint64_t                before;        /* of token */
} ngx_recording_api_edit_list_t;


static ngx_int_t ngx_recording_api_edit_which(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_list_t *in);
static ngx_int_t ngx_recording_api_edit_one(ngx_recording_api_call_t *call,
    json_t *set, uint64_t id, size_t *size);
static ngx_int_t ngx_recording_api_edit_told(ngx_recording_api_call_t *call,
    ngx_recording_edit_facts_t *facts, json_t *object);
static json_t *ngx_recording_api_edit_task(ngx_recording_api_call_t *call,
    ngx_recording_edit_facts_t *facts, const char *name, const char *status);
static json_t *ngx_recording_api_edit_result(ngx_recording_api_call_t *call,
    ngx_recording_edit_facts_t *facts);
static ngx_int_t ngx_recording_api_edit_url(void *data,
    const ngx_recording_catalogue_search_file_t *row);


static const ngx_recording_api_param_t  ngx_recording_api_edit_list_params[] = {
    { "Status", NGX_RECORDING_API_TEXT,
      offsetof(ngx_recording_api_edit_list_t, status), 0, 16 },
    { "Limit", NGX_RECORDING_API_NUMBER,
      offsetof(ngx_recording_api_edit_list_t, limit), 1,
      NGX_RECORDING_API_EDIT_PAGE },
    { "ScrollToken", NGX_RECORDING_API_TEXT,
      offsetof(ngx_recording_api_edit_list_t, token), 0, 64 },

    { "SubAppId", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
    { "FileId", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "CreateTime", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "FinishTime", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "Sort", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { NULL, 0, 0, 0, 0 }
};


ngx_int_t
ngx_recording_api_edit_detail_thread(ngx_recording_api_call_t *call)
{
    uint64_t                     id;
    ngx_int_t                    rc;
    ngx_str_t                    name;
    ngx_recording_edit_facts_t  *facts;

    static const ngx_recording_api_param_t  params[] = {
        { "TaskId", NGX_RECORDING_API_TEXT, 0, 0, 128 },
        { "SubAppId", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
        { NULL, 0, 0, 0, 0 }
    };

    name.len = 0;
    name.data = NULL;

    rc = ngx_recording_api_params(call, params, &name);

    if (rc != NGX_OK) {
        return rc;
    }

    if (name.len == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no TaskId");
    }

    facts = calloc(1, sizeof(ngx_recording_edit_facts_t));

    if (facts == NULL) {
        return NGX_ERROR;
    }

    id = ngx_recording_catalogue_edit_id((char *) name.data, name.len);

    rc = id ? ngx_recording_catalogue_edit_facts(call->catalogue, id, facts)
            : NGX_DECLINED;

    if (rc == NGX_DECLINED) {
        (void) ngx_recording_api_fail(call, "ResourceNotFound.TaskId",
                                      "there is no such task of EditMedia, or "
                                      "it was over 90 days ago");

    } else if (rc == NGX_OK) {
        rc = ngx_recording_api_edit_told(call, facts, call->answer);
    }

    free(facts->input);
    free(facts);

    return rc;
}


/* the newest first, and pages of older ones */

ngx_int_t
ngx_recording_api_edit_list_thread(ngx_recording_api_call_t *call)
{
    json_t                        *set;
    size_t                         size;
    ngx_int_t                      rc;
    ngx_uint_t                     i, n;
    uint64_t                       ids[NGX_RECORDING_API_EDIT_PAGE + 1];
    char                           token[NGX_RECORDING_EDIT_ID];
    ngx_recording_api_edit_list_t  in;

    ngx_memzero(&in, sizeof(ngx_recording_api_edit_list_t));
    in.limit = 10;

    rc = ngx_recording_api_params(call, ngx_recording_api_edit_list_params,
                                  &in);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_edit_which(call, &in);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    n = in.limit + 1;

    if (ngx_recording_catalogue_edit_list(call->catalogue, in.which, in.before,
                                          ids, &n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    set = json_array();
    rc = set ? NGX_OK : NGX_ERROR;
    size = 0;

    for (i = 0;
         rc == NGX_OK && i < ngx_min(n, (ngx_uint_t) in.limit)
         && size < NGX_RECORDING_API_EDIT_SIZE;
         i++)
    {
        rc = ngx_recording_api_edit_one(call, set, ids[i], &size);
    }

    token[0] = '\0';

    if (i > 0 && i < n) {
        ngx_recording_catalogue_edit_name(ids[i - 1], token);
    }

    return ngx_recording_api_page_end(call, "TaskSet", set, token, rc);
}


/* NGX_DECLINED: something is wrong, which the call says */

static ngx_int_t
ngx_recording_api_edit_which(ngx_recording_api_call_t *call,
    ngx_recording_api_edit_list_t *in)
{
    ngx_uint_t  i;

    static const char *status[] = {
        "", "WAITING", "PROCESSING", "FINISH"        /* as the enum has them */
    };

    for (i = 0; i < 4; i++) {
        if (in->status.len == ngx_strlen(status[i])
            && ngx_strncmp(in->status.data, status[i], in->status.len) == 0)
        {
            break;
        }
    }

    if (i == 4) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "Status is WAITING, PROCESSING or "
                                      "FINISH");
    }

    in->which = i;
    in->before = INT64_MAX;

    if (in->token.len) {
        in->before = ngx_recording_catalogue_edit_id((char *) in->token.data,
                                                     in->token.len);

        if (in->before == 0) {
            return ngx_recording_api_fail(call, "InvalidParameterValue",
                                          "ScrollToken is not one of an "
                                          "answer");
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_edit_one(ngx_recording_api_call_t *call, json_t *set,
    uint64_t id, size_t *size)
{
    char                         name[NGX_RECORDING_EDIT_ID];
    ngx_int_t                    rc;
    ngx_recording_api_object_t   o;
    ngx_recording_edit_facts_t  *facts;

    facts = calloc(1, sizeof(ngx_recording_edit_facts_t));

    if (facts == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_recording_catalogue_edit_facts(call->catalogue, id, facts);

    if (rc == NGX_OK) {
        *size += ngx_strlen(facts->input);

        ngx_recording_catalogue_edit_name(id, name);
        ngx_recording_api_object(&o);
        ngx_recording_api_put_text(&o, "TaskId", name);

        rc = o.object ? ngx_recording_api_edit_told(call, facts, o.object)
                      : NGX_ERROR;

        if (rc == NGX_OK) {
            rc = ngx_recording_api_append(set, o.object);

        } else {
            json_decref(o.object);
        }
    }

    free(facts->input);
    free(facts);

    return rc;
}


/* members of an object, which stays the caller's */

static ngx_int_t
ngx_recording_api_edit_told(ngx_recording_api_call_t *call,
    ngx_recording_edit_facts_t *facts, json_t *object)
{
    char                         name[NGX_RECORDING_EDIT_ID];
    const char                  *status;
    ngx_recording_api_object_t   o;

    status = ngx_strcmp(facts->state, "waiting") == 0 ? "WAITING"
             : ngx_strcmp(facts->state, "processing") == 0 ? "PROCESSING"
                                                           : "FINISH";

    ngx_recording_catalogue_edit_name(facts->edit.id, name);

    o.object = json_incref(object);

    ngx_recording_api_put_text(&o, "TaskType", "EditMedia");
    ngx_recording_api_put_text(&o, "Status", status);
    ngx_recording_api_put_date(&o, "CreateTime", facts->created_us);
    ngx_recording_api_put_date(&o, "BeginProcessTime", facts->begun_us);
    ngx_recording_api_put_date(&o, "FinishTime", facts->ended_us);
    ngx_recording_api_put(&o, "EditMediaTask",
                          ngx_recording_api_edit_task(call, facts, name,
                                                      status));
    if (o.object == NULL) {
        return NGX_ERROR;
    }

    json_decref(o.object);

    return NGX_OK;
}


static json_t *
ngx_recording_api_edit_task(ngx_recording_api_call_t *call,
    ngx_recording_edit_facts_t *facts, const char *name, const char *status)
{
    ngx_uint_t                  i, taken;
    ngx_recording_edit_t        none;
    ngx_recording_api_object_t  o;

    ngx_memzero(&none, sizeof(ngx_recording_edit_t));

    for (taken = 0, i = 0; i < facts->edit.n; i++) {
        taken |= (facts->edit.inputs[i].to >= 0);
    }

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "TaskId", name);
    ngx_recording_api_put_text(&o, "Status", status);
    ngx_recording_api_put_int(&o, "ErrCode", facts->code);
    ngx_recording_api_put_text(&o, "Message", facts->error);
    ngx_recording_api_put_int(&o, "Progress", facts->progress);
    ngx_recording_api_put(&o, "Input",
                          ngx_recording_api_json(facts->input, json_object));
    ngx_recording_api_put(&o, "Output",
                          ngx_recording_api_edit_result(call, facts));
    ngx_recording_api_put(&o, "TakenSet",
                          ngx_recording_api_edit_parts(taken ? &facts->edit
                                                             : &none, 1));
    ngx_recording_api_put_text(&o, "SessionId", facts->session);

    return o.object;
}


/* the file; its id is told when it is there */

static json_t *
ngx_recording_api_edit_result(ngx_recording_api_call_t *call,
    ngx_recording_edit_facts_t *facts)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "FileType", facts->edit.format);

    if (ngx_strcmp(facts->state, "finished") != 0) {
        ngx_recording_api_put_text(&o, "FileId", "");
        ngx_recording_api_put_text(&o, "FileUrl", "");

        return o.object;
    }

    ngx_recording_api_put(&o, "FileId",
                          ngx_recording_api_id(facts->edit.file_id));
    ngx_recording_api_put_text(&o, "FileUrl", "");

    if (o.object
        && ngx_recording_catalogue_search_file(call->catalogue,
                                               facts->edit.file_id,
                                               ngx_recording_api_edit_url,
                                               o.object)
           != NGX_OK)
    {
        json_decref(o.object);
        return NULL;
    }

    return o.object;
}


static ngx_int_t
ngx_recording_api_edit_url(void *data,
    const ngx_recording_catalogue_search_file_t *row)
{
    json_t *object = data;

    return row->media ? ngx_recording_api_set(object, "FileUrl",
                                              ngx_recording_api_url(row))
                      : NGX_OK;
}


json_t *
ngx_recording_api_edit_parts(const ngx_recording_edit_t *edit,
    ngx_uint_t taken)
{
    json_t                            *set;
    ngx_uint_t                         i;
    ngx_recording_api_object_t         o;
    const ngx_recording_edit_input_t  *in;

    set = json_array();

    for (i = 0; set && i < edit->n; i++) {
        in = &edit->inputs[i];

        ngx_recording_api_object(&o);

        ngx_recording_api_put(&o, "FileId",
                              ngx_recording_api_id(in->file_id));
        ngx_recording_api_put(&o, "StartTimeOffset",
                         json_real((double) (taken ? in->from : in->start)
                                   / 1000));
        ngx_recording_api_put(&o, "EndTimeOffset",
                         json_real((double) (taken ? in->to
                                             : ngx_max(in->end, 0)) / 1000));

        if (ngx_recording_api_append(set, o.object) != NGX_OK) {
            json_decref(set);
            return NULL;
        }
    }

    return set;
}
