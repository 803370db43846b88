
/*
 * When a file goes for good: later, or now.
 */


#include "ngx_recording_api.h"
#include "ngx_recording_api_time.h"
#include "ngx_recording_catalogue_expire.h"
#include "ngx_recording_label.h"


typedef struct {
    uint64_t                id;
    ngx_str_t               time;
} ngx_recording_api_expire_in_t;


static ngx_int_t ngx_recording_api_modify_media_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_delete_media_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_expire_read(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *params, ngx_uint_t timed);
static ngx_int_t ngx_recording_api_expire_time(ngx_recording_api_call_t *call,
    const ngx_str_t *text, int64_t *us);
static ngx_int_t ngx_recording_api_expire_ask(ngx_recording_api_call_t *call,
    ngx_recording_catalogue_pt run);


const ngx_recording_api_action_t  ngx_recording_api_expire[] = {

    { "ModifyMediaInfo", NGX_RECORDING_API_VOD, 1,
      ngx_recording_api_modify_media_thread },

    { "DeleteMedia", NGX_RECORDING_API_VOD, 1,
      ngx_recording_api_delete_media_thread },

    { NULL, NULL, 0, NULL }
};


static ngx_int_t
ngx_recording_api_modify_media_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t  rc;

    static const ngx_recording_api_param_t  params[] = {
        { "FileId", NGX_RECORDING_API_ID,
          offsetof(ngx_recording_api_expire_in_t, id), 0, 0 },
        { "ExpireTime", NGX_RECORDING_API_TEXT,
          offsetof(ngx_recording_api_expire_in_t, time), 0, 64 },
        { "SubAppId", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
        { "Name", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "Description", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "ClassId", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "CoverData", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "AddKeyFrameDescs", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "DeleteKeyFrameDescs", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "ClearKeyFrameDescs", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "AddTags", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "DeleteTags", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "ClearTags", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "AddSubtitles", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "DeleteSubtitleIds", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { "ClearSubtitles", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { NULL, 0, 0, 0, 0 }
    };

    if (call->arg == NULL) {
        rc = ngx_recording_api_expire_read(call, params, 1);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_recording_api_expire_ask(call,
                                        ngx_recording_catalogue_expire_set);
}


static ngx_int_t
ngx_recording_api_delete_media_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t  rc;

    static const ngx_recording_api_param_t  params[] = {
        { "FileId", NGX_RECORDING_API_ID,
          offsetof(ngx_recording_api_expire_in_t, id), 0, 0 },
        { "SubAppId", NGX_RECORDING_API_IGNORED, 0, 0, 0 },
        { "DeleteParts", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
        { NULL, 0, 0, 0, 0 }
    };

    if (call->arg == NULL) {
        rc = ngx_recording_api_expire_read(call, params, 0);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_recording_api_expire_ask(call,
                                       ngx_recording_catalogue_expire_delete);
}


/* the parameters, for the change */

static ngx_int_t
ngx_recording_api_expire_read(ngx_recording_api_call_t *call,
    const ngx_recording_api_param_t *params, ngx_uint_t timed)
{
    ngx_int_t                       rc;
    ngx_recording_expire_t         *expire;
    ngx_recording_api_expire_in_t   in;

    ngx_memzero(&in, sizeof(ngx_recording_api_expire_in_t));

    rc = ngx_recording_api_params(call, params, &in);

    if (rc != NGX_OK) {
        return rc;
    }

    if (in.id == 0 || (timed && in.time.data == NULL)) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there is no %s",
                                      in.id ? "ExpireTime" : "FileId");
    }

    expire = calloc(1, sizeof(ngx_recording_expire_t));

    if (expire == NULL) {
        return NGX_ERROR;
    }

    call->arg = expire;
    expire->id = in.id;

    return timed ? ngx_recording_api_expire_time(call, &in.time,
                                                 &expire->expire_us)
                 : NGX_OK;
}


/* as the cloud says "never", it is 0 */

static ngx_int_t
ngx_recording_api_expire_time(ngx_recording_api_call_t *call,
    const ngx_str_t *text, int64_t *us)
{
    if (ngx_recording_api_time_parse(text, us) != NGX_OK) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "ExpireTime is not a time as "
                                      "2026-01-02T03:04:05Z or "
                                      "2026-01-02T03:04:05+08:00");
    }

    if (*us <= ngx_recording_wall()) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "ExpireTime is in the past");
    }

    if (*us >= NGX_RECORDING_API_NEVER) {
        *us = 0;
    }

    return NGX_OK;
}


/* run twice: it asks, and has the answer */

static ngx_int_t
ngx_recording_api_expire_ask(ngx_recording_api_call_t *call,
    ngx_recording_catalogue_pt run)
{
    ngx_int_t                rc;
    ngx_recording_expire_t  *expire;

    expire = call->arg;

    rc = ngx_recording_change_ask_thread(&call->change, run, expire, 1,
                                         &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_recording_api_log_id(call, expire->id);

    switch (expire->result) {

    case NGX_RECORDING_EXPIRE_DONE:
        ngx_recording_label_again_thread(&call->api->worker->store,
                                         call->catalogue, expire->id);
        (void) ngx_recording_catalogue_about_thread(call->catalogue,
                                                    expire->id, call->about,
                                                    &call->err);
        return NGX_OK;

    case NGX_RECORDING_EXPIRE_GROWS:
        return ngx_recording_api_fail(call, "ResourceInUse",
                                      "the file has not ended, or waits for "
                                      "its stream");

    case NGX_RECORDING_EXPIRE_DELIVERED:
        return ngx_recording_api_fail(call, "ResourceInUse",
                                      "the file is being delivered to a "
                                      "bucket");

    case NGX_RECORDING_EXPIRE_EDITED:
        return ngx_recording_api_fail(call, "ResourceInUse",
                                      "another file is made of it by "
                                      "EditMedia");

    default:
        return ngx_recording_api_fail(call, "InvalidParameterValue.FileId",
                                      "there is no such file, or it is gone");
    }
}
