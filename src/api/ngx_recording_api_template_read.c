
/* what a call gives of a template */


#include "ngx_recording_api_template.h"


#define NGX_RECORDING_API_STORAGE   129600000    /* s, 1500 days */


static ngx_int_t ngx_recording_api_template_read_format(
    ngx_recording_api_call_t *call, ngx_recording_api_template_t *in,
    ngx_uint_t n);


const ngx_recording_api_template_kind_t
    ngx_recording_api_template_kinds[NGX_RECORDING_API_TEMPLATE_FORMATS] =
{
    { "FlvParam", "flv", 60, 43200 },
    { "HlsParam", "hls", 0, 0 },
    { "Mp4Param", "mp4", 60, 43200 },
    { "AacParam", "aac", 60, 7200 },
    { "Mp3Param", NULL, 0, 0 }
};


#define ngx_recording_api_template_at(field)                                  \
    offsetof(ngx_recording_api_template_t, field)

static const ngx_recording_api_param_t
    ngx_recording_api_template_params[] =
{
    { "TemplateId", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_template_at(id), 1, INT64_MAX },
    { "TemplateName", NGX_RECORDING_API_TEXT,
      ngx_recording_api_template_at(name), 0, NGX_RECORDING_POLICY_NAME - 1 },
    { "Description", NGX_RECORDING_API_TEXT,
      ngx_recording_api_template_at(description), 0, 1024 },
    { "FlvParam", NGX_RECORDING_API_OBJECT,
      ngx_recording_api_template_at(format[0]), 0, 0 },
    { "HlsParam", NGX_RECORDING_API_OBJECT,
      ngx_recording_api_template_at(format[1]), 0, 0 },
    { "Mp4Param", NGX_RECORDING_API_OBJECT,
      ngx_recording_api_template_at(format[2]), 0, 0 },
    { "AacParam", NGX_RECORDING_API_OBJECT,
      ngx_recording_api_template_at(format[3]), 0, 0 },
    { "Mp3Param", NGX_RECORDING_API_OBJECT,
      ngx_recording_api_template_at(format[4]), 0, 0 },
    { "HlsSpecialParam", NGX_RECORDING_API_OBJECT,
      ngx_recording_api_template_at(hls), 0, 0 },
    { "FlvSpecialParam", NGX_RECORDING_API_OBJECT,
      ngx_recording_api_template_at(flv), 0, 0 },
    { "RemoveWatermark", NGX_RECORDING_API_BOOL,
      ngx_recording_api_template_at(watermark), 0, 0 },
    { "IsDelayLive", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_template_at(delay), 0, 0 },
    { "CosStore", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_template_at(cos), 0, 1 },
    { NULL, 0, 0, 0, 0 }
};


#define ngx_recording_api_template_format_at(field)                           \
    offsetof(ngx_recording_api_template_format_t, field)

static const ngx_recording_api_param_t
    ngx_recording_api_template_format_params[] =
{
    { "Enable", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_template_format_at(enable), 0, 1 },
    { "RecordInterval", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_template_format_at(interval), 0, INT32_MAX },
    { "StorageTime", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_template_format_at(storage), 0,
      NGX_RECORDING_API_STORAGE },
    { "VodSubAppId", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_template_format_at(sub_app), 0, INT64_MAX },
    { "VodFileName", NGX_RECORDING_API_TEXT,
      ngx_recording_api_template_format_at(name), 0,
      NGX_RECORDING_POLICY_PATH - 1 },
    { "Procedure", NGX_RECORDING_API_TEXT,
      ngx_recording_api_template_format_at(procedure), 0, 255 },
    { "StorageMode", NGX_RECORDING_API_TEXT,
      ngx_recording_api_template_format_at(mode), 0, 32 },
    { "ClassId", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_template_format_at(class_id), 0, INT64_MAX },
    { "CosBucketName", NGX_RECORDING_API_TEXT,
      ngx_recording_api_template_format_at(bucket), 0, 255 },
    { "CosBucketRegion", NGX_RECORDING_API_TEXT,
      ngx_recording_api_template_format_at(region), 0, 255 },
    { "CosBucketPath", NGX_RECORDING_API_TEXT,
      ngx_recording_api_template_format_at(path), 0,
      NGX_RECORDING_POLICY_PATH - 1 },
    { NULL, 0, 0, 0, 0 }
};


ngx_int_t
ngx_recording_api_template_read(ngx_recording_api_call_t *call,
    const json_t *params, ngx_recording_api_template_t *in)
{
    ngx_int_t   rc;
    ngx_uint_t  n;

    static const ngx_recording_api_param_t  hls[] = {
        { "FlowContinueDuration", NGX_RECORDING_API_NUMBER,
          ngx_recording_api_template_at(resume), 0, 1800 },
        { NULL, 0, 0, 0, 0 }
    };

    static const ngx_recording_api_param_t  flv[] = {
        { "UploadInRecording", NGX_RECORDING_API_BOOL,
          ngx_recording_api_template_at(early), 0, 0 },
        { NULL, 0, 0, 0, 0 }
    };

    ngx_memzero(in, sizeof(ngx_recording_api_template_t));

    rc = ngx_recording_api_members(call, params,
                                   ngx_recording_api_template_params, in);

    if (rc == NGX_OK && in->hls) {
        rc = ngx_recording_api_members(call, in->hls, hls, in);
    }

    if (rc == NGX_OK && in->flv) {
        rc = ngx_recording_api_members(call, in->flv, flv, in);
    }

    for (n = 0; rc == NGX_OK && n < NGX_RECORDING_API_TEMPLATE_FORMATS; n++) {
        rc = ngx_recording_api_template_read_format(call, in, n);
    }

    return rc;
}


static ngx_int_t
ngx_recording_api_template_read_format(ngx_recording_api_call_t *call,
    ngx_recording_api_template_t *in, ngx_uint_t n)
{
    int64_t                               min, max;
    ngx_int_t                             rc;
    ngx_recording_api_template_format_t  *f;

    f = &in->formats[n];
    min = ngx_recording_api_template_kinds[n].min;
    max = ngx_recording_api_template_kinds[n].max;

    f->interval = NGX_RECORDING_API_INTERVAL;
    f->storage = -1;
    ngx_str_set(&f->mode, "normal");

    rc = in->format[n]
         ? ngx_recording_api_members(call, in->format[n],
                                     ngx_recording_api_template_format_params,
                                     f)
         : NGX_OK;

    if (rc != NGX_OK || !f->enable) {
        return rc;
    }

    if (ngx_recording_api_template_kinds[n].format == NULL) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "MP3 is not recorded, Enable of %s "
                                      "must be 0",
                                      ngx_recording_api_template_kinds[n]
                                      .param);
    }

    if (max && (f->interval < min || f->interval > max)) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "RecordInterval of %s is not from %lld "
                                      "to %lld",
                                      ngx_recording_api_template_kinds[n]
                                      .param, (long long) min,
                                      (long long) max);
    }

    return NGX_OK;
}


ngx_int_t
ngx_recording_api_template_bucket(ngx_recording_api_call_t *call,
    const ngx_str_t *name)
{
    ngx_uint_t                     i;
    const ngx_str_t               *bucket;
    const ngx_recording_policy_t  *configured;

    if (name->len == 0) {
        return NGX_OK;
    }

    configured = call->api->configured;

    for (i = 0; i < configured->nbuckets; i++) {
        bucket = &configured->buckets[i];

        if (bucket->len >= name->len
            && ngx_memcmp(bucket->data, name->data, name->len) == 0
            && (bucket->len == name->len
                || (bucket->data[name->len] == '-'
                    && ngx_atoof(bucket->data + name->len + 1,
                                 bucket->len - name->len - 1)
                       != NGX_ERROR)))
        {
            return NGX_OK;
        }
    }

    return ngx_recording_api_fail(call, "InvalidParameter",
                                  "template \"default\" of the configuration "
                                  "uploads to no bucket \"%.*s\"",
                                  (int) name->len, (char *) name->data);
}
