
/*
 * Finished files, as the cloud's video on demand tells of them.
 */


#include "ngx_recording_api.h"
#include "ngx_recording_catalogue_edit.h"


#define NGX_RECORDING_API_FILTERS   10         /* values of a filter */
#define NGX_RECORDING_API_INFOS     20         /* of DescribeMediaInfos */
#define NGX_RECORDING_API_LETTERS   100        /* that are told of a file */


typedef struct {
    ngx_recording_api_list_t   streams;
    ngx_recording_api_list_t   paths;
    ngx_recording_api_list_t   ids;
    ngx_recording_api_list_t   names;
    ngx_recording_api_list_t   domains;
    ngx_recording_api_list_t   sources;
    ngx_recording_api_list_t   formats;
    ngx_recording_api_list_t   parts;
    ngx_recording_api_range_t  created;
    ngx_recording_api_range_t  recorded;
    const json_t              *sort;
    int64_t                    offset;
    int64_t                    limit;
    ngx_str_t                  token;
} ngx_recording_api_media_t;


/* what is made of a file, and where it goes */

typedef struct {
    ngx_recording_api_call_t  *call;
    json_t                    *set;
    ngx_uint_t                 basic;
    ngx_uint_t                 meta;
    ngx_uint_t                 letters;    /* what was told of it, too */
    ngx_uint_t                 found;
} ngx_recording_api_media_set_t;


static ngx_int_t ngx_recording_api_search_media_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_media_search(ngx_recording_api_call_t *call,
    ngx_recording_api_media_t *in);
static ngx_int_t ngx_recording_api_media_check(ngx_recording_api_call_t *call,
    ngx_recording_api_media_t *in, ngx_recording_catalogue_search_t *search);
static ngx_int_t ngx_recording_api_media_sort(ngx_recording_api_call_t *call,
    const json_t *sort, ngx_uint_t *ascending);
static void ngx_recording_api_media_any(
    ngx_recording_catalogue_search_any_t *any,
    const ngx_recording_api_list_t *list);
static ngx_int_t ngx_recording_api_media_parts(ngx_recording_api_call_t *call,
    const ngx_recording_api_list_t *parts,
    ngx_recording_api_media_set_t *set);
static ngx_int_t ngx_recording_api_describe_media_thread(
    ngx_recording_api_call_t *call);
static ngx_int_t ngx_recording_api_media_infos(ngx_recording_api_call_t *call,
    ngx_recording_api_media_t *in);
static ngx_int_t ngx_recording_api_media_file(void *data,
    const ngx_recording_catalogue_search_file_t *file);
static json_t *ngx_recording_api_media_info(
    ngx_recording_api_media_set_t *set,
    const ngx_recording_catalogue_search_file_t *file);
static json_t *ngx_recording_api_media_basic(
    const ngx_recording_catalogue_search_file_t *file);
static json_t *ngx_recording_api_media_source(
    const ngx_recording_catalogue_search_file_t *file);
static json_t *ngx_recording_api_media_meta(
    const ngx_recording_catalogue_search_file_t *file);
static json_t *ngx_recording_api_media_track(const char *codec,
    int64_t bitrate, int64_t width, int64_t height, ngx_uint_t video);
static ngx_int_t ngx_recording_api_media_letter(void *data,
    const ngx_recording_catalogue_search_letter_t *letter);


const ngx_recording_api_action_t  ngx_recording_api_media[] = {

    { "SearchMedia", NGX_RECORDING_API_VOD, 0,
      ngx_recording_api_search_media_thread },

    { "DescribeMediaInfos", NGX_RECORDING_API_VOD, 0,
      ngx_recording_api_describe_media_thread },

    { NULL, NULL, 0, NULL }
};


#define ngx_recording_api_media_at(field)                                     \
    offsetof(ngx_recording_api_media_t, field)


static const ngx_recording_api_param_t  ngx_recording_api_search_params[] = {
    { "StreamIds", NGX_RECORDING_API_LIST,
      ngx_recording_api_media_at(streams), 0, NGX_RECORDING_API_FILTERS },
    { "StreamPaths", NGX_RECORDING_API_LIST,
      ngx_recording_api_media_at(paths), 0, NGX_RECORDING_API_FILTERS },
    { "FileIds", NGX_RECORDING_API_IDS,
      ngx_recording_api_media_at(ids), 0, NGX_RECORDING_API_FILTERS },
    { "NamePrefixes", NGX_RECORDING_API_LIST,
      ngx_recording_api_media_at(names), 0, NGX_RECORDING_API_FILTERS },
    { "StreamDomains", NGX_RECORDING_API_LIST,
      ngx_recording_api_media_at(domains), 0, NGX_RECORDING_API_FILTERS },
    { "SourceTypes", NGX_RECORDING_API_LIST,
      ngx_recording_api_media_at(sources), 0, NGX_RECORDING_API_FILTERS },
    { "Formats", NGX_RECORDING_API_LIST,
      ngx_recording_api_media_at(formats), 0, NGX_RECORDING_API_FILTERS },
    { "Filters", NGX_RECORDING_API_LIST,
      ngx_recording_api_media_at(parts), 0, NGX_RECORDING_API_FILTERS },
    { "CreateTime", NGX_RECORDING_API_RANGE,
      ngx_recording_api_media_at(created), 0, 0 },
    { "RecordTime", NGX_RECORDING_API_RANGE,
      ngx_recording_api_media_at(recorded), 0, 0 },
    { "Sort", NGX_RECORDING_API_OBJECT,
      ngx_recording_api_media_at(sort), 0, 0 },
    { "Offset", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_media_at(offset), 0, NGX_RECORDING_SEARCH_MOST },
    { "Limit", NGX_RECORDING_API_NUMBER,
      ngx_recording_api_media_at(limit), 1, NGX_RECORDING_SEARCH_PAGE },
    { "ScrollToken", NGX_RECORDING_API_TEXT,
      ngx_recording_api_media_at(token), 0, 0 },

    { "SubAppId", NGX_RECORDING_API_IGNORED, 0, 0, 0 },

    { "Names", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "Descriptions", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "ClassIds", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "Tags", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "Categories", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "MediaTypes", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "Status", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "ReviewResults", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "TrtcSdkAppIds", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "TrtcRoomIds", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "StorageRegions", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "StorageClasses", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "ExpireTime", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "Text", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "SourceType", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "StreamId", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "Vids", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "Vid", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "StartTime", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },
    { "EndTime", NGX_RECORDING_API_UNSUPPORTED, 0, 0, 0 },

    { NULL, 0, 0, 0, 0 }
};


static const ngx_recording_api_param_t  ngx_recording_api_describe_params[] = {
    { "FileIds", NGX_RECORDING_API_IDS,
      ngx_recording_api_media_at(ids), 0, NGX_RECORDING_API_INFOS },
    { "Filters", NGX_RECORDING_API_LIST,
      ngx_recording_api_media_at(parts), 0, NGX_RECORDING_API_FILTERS },
    { "SubAppId", NGX_RECORDING_API_IGNORED, 0, 0, 0 },

    { NULL, 0, 0, 0, 0 }
};


static ngx_int_t
ngx_recording_api_search_media_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                   rc;
    ngx_recording_api_media_t  *in;

    in = calloc(1, sizeof(ngx_recording_api_media_t));

    if (in == NULL) {
        return NGX_ERROR;
    }

    in->limit = 10;

    rc = ngx_recording_api_params(call, ngx_recording_api_search_params, in);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_media_search(call, in);
    }

    free(in);

    return rc;
}


static ngx_int_t
ngx_recording_api_media_search(ngx_recording_api_call_t *call,
    ngx_recording_api_media_t *in)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_recording_api_media_set_t     set;
    ngx_recording_catalogue_search_t  search;

    ngx_memzero(&set, sizeof(ngx_recording_api_media_set_t));

    set.call = call;

    if (ngx_recording_api_media_check(call, in, &search) != NGX_OK
        || ngx_recording_api_media_parts(call, &in->parts, &set) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rc = ngx_recording_api_page_from(call, &in->token, &search);

    if (rc == NGX_OK) {
        rc = ngx_recording_catalogue_search_media(call->catalogue, &search);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    set.set = json_array();

    rc = ngx_recording_api_set(call->answer, "MediaInfoSet", set.set);

    for (i = 0; rc == NGX_OK && i < search.n; i++) {
        rc = ngx_recording_catalogue_search_file(call->catalogue,
                                               search.page[i].id,
                                               ngx_recording_api_media_file,
                                               &set);
    }

    if (rc == NGX_OK) {
        rc = ngx_recording_api_set(call->answer, "TotalCount",
                                   json_integer(search.total));
    }

    return rc == NGX_OK ? ngx_recording_api_page_next(call, &search) : rc;
}


static ngx_int_t
ngx_recording_api_media_check(ngx_recording_api_call_t *call,
    ngx_recording_api_media_t *in, ngx_recording_catalogue_search_t *search)
{
    ngx_uint_t  i;

    if (in->offset + in->limit > NGX_RECORDING_SEARCH_MOST) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "Offset and Limit are more than %d: "
                                      "follow the ScrollToken",
                                      NGX_RECORDING_SEARCH_MOST);
    }

    /* there is nothing else */

    for (i = 0; i < in->sources.n; i++) {
        if (ngx_strcmp(in->sources.text[i].data, "Record") != 0
            && ngx_strcmp(in->sources.text[i].data, "VideoProcessing") != 0)
        {
            return ngx_recording_api_fail(call, "InvalidParameterValue",
                                          "SourceTypes other than \"Record\" "
                                          "and \"VideoProcessing\" are not "
                                          "supported");
        }
    }

    ngx_recording_catalogue_search_init(search);

    if (ngx_recording_api_media_sort(call, in->sort, &search->ascending)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_recording_api_media_any(&search->streams, &in->streams);
    ngx_recording_api_media_any(&search->apps, &in->paths);
    ngx_recording_api_media_any(&search->ids, &in->ids);
    ngx_recording_api_media_any(&search->names, &in->names);
    ngx_recording_api_media_any(&search->domains, &in->domains);
    ngx_recording_api_media_any(&search->formats, &in->formats);
    ngx_recording_api_media_any(&search->sources, &in->sources);

    if (in->created.set) {
        search->after = in->created.after;
        search->before = in->created.before;
    }

    if (in->recorded.set) {
        search->recorded = 1;
        search->from = in->recorded.after;
        search->to = in->recorded.before;
    }

    search->offset = in->offset;
    search->limit = in->limit;

    return NGX_OK;
}


/* {"Field": "CreateTime", "Order": "Desc"} */

static ngx_int_t
ngx_recording_api_media_sort(ngx_recording_api_call_t *call,
    const json_t *sort, ngx_uint_t *ascending)
{
    const char  *field, *order;

    if (sort == NULL) {
        return NGX_OK;
    }

    field = json_string_value(json_object_get(sort, "Field"));
    order = json_string_value(json_object_get(sort, "Order"));

    if (field == NULL || ngx_strcmp(field, "CreateTime") != 0) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "Field of Sort other than "
                                      "\"CreateTime\" is not supported");
    }

    if (order && ngx_strcmp(order, "Asc") == 0) {
        *ascending = 1;

    } else if (order && ngx_strcmp(order, "Desc") != 0) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "Order of Sort is not \"Asc\" or "
                                      "\"Desc\"");
    }

    return NGX_OK;
}


static void
ngx_recording_api_media_any(ngx_recording_catalogue_search_any_t *any,
    const ngx_recording_api_list_t *list)
{
    any->n = list->n;
    any->text = list->text;
    any->id = list->id;
}


/* which parts of a file are told; others of the cloud's do not exist here */

static ngx_int_t
ngx_recording_api_media_parts(ngx_recording_api_call_t *call,
    const ngx_recording_api_list_t *parts, ngx_recording_api_media_set_t *set)
{
    ngx_uint_t  i;

    set->basic = !parts->set;
    set->meta = !parts->set;

    for (i = 0; i < parts->n; i++) {

        if (ngx_strcmp(parts->text[i].data, "basicInfo") == 0) {
            set->basic = 1;

        } else if (ngx_strcmp(parts->text[i].data, "metaData") == 0) {
            set->meta = 1;

        } else {
            return ngx_recording_api_fail(call, "InvalidParameterValue",
                                          "Filters other than \"basicInfo\" "
                                          "and \"metaData\" are not "
                                          "supported");
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_recording_api_describe_media_thread(ngx_recording_api_call_t *call)
{
    ngx_int_t                   rc;
    ngx_recording_api_media_t  *in;

    in = calloc(1, sizeof(ngx_recording_api_media_t));

    if (in == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_recording_api_params(call, ngx_recording_api_describe_params, in);

    if (rc == NGX_OK) {
        rc = ngx_recording_api_media_infos(call, in);
    }

    free(in);

    return rc;
}


static ngx_int_t
ngx_recording_api_media_infos(ngx_recording_api_call_t *call,
    ngx_recording_api_media_t *in)
{
    json_t                         *missing;
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_recording_api_media_set_t   set;

    ngx_memzero(&set, sizeof(ngx_recording_api_media_set_t));

    set.call = call;
    set.letters = 1;

    if (in->ids.n == 0) {
        return ngx_recording_api_fail(call, "MissingParameter",
                                      "there are no FileIds");
    }

    if (ngx_recording_api_media_parts(call, &in->parts, &set) != NGX_OK) {
        return NGX_DECLINED;
    }

    set.set = json_array();
    missing = json_array();

    rc = ngx_recording_api_set(call->answer, "MediaInfoSet", set.set);

    if (ngx_recording_api_set(call->answer, "NotExistFileIdSet", missing)
        != NGX_OK)
    {
        rc = NGX_ERROR;
    }

    for (i = 0; rc == NGX_OK && i < in->ids.n; i++) {
        set.found = 0;

        rc = ngx_recording_catalogue_search_file(call->catalogue,
                                               in->ids.id[i],
                                               ngx_recording_api_media_file,
                                               &set);

        if (rc == NGX_OK && !set.found) {
            rc = ngx_recording_api_append(missing,
                                       ngx_recording_api_id(in->ids.id[i]));
        }
    }

    return rc;
}


static ngx_int_t
ngx_recording_api_media_file(void *data,
    const ngx_recording_catalogue_search_file_t *file)
{
    ngx_recording_api_media_set_t *set = data;

    if (!file->media) {
        return NGX_OK;
    }

    set->found = 1;

    return ngx_recording_api_append(set->set,
                                    ngx_recording_api_media_info(set, file));
}


static json_t *
ngx_recording_api_media_info(ngx_recording_api_media_set_t *set,
    const ngx_recording_catalogue_search_file_t *file)
{
    json_t                      *info, *letters;
    ngx_recording_api_object_t   o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put(&o, "FileId", ngx_recording_api_id(file->id));

    if (set->basic) {
        ngx_recording_api_put(&o, "BasicInfo",
                              ngx_recording_api_media_basic(file));
    }

    if (set->meta) {
        ngx_recording_api_put(&o, "MetaData",
                              ngx_recording_api_media_meta(file));
    }

    info = ngx_recording_api_file(set->call, file);

    if (info && set->letters) {
        letters = json_array();

        if (ngx_recording_api_set(info, "Deliveries", letters) != NGX_OK
            || ngx_recording_catalogue_search_letters(set->call->catalogue,
                                          file->id, NGX_RECORDING_API_LETTERS,
                                          ngx_recording_api_media_letter,
                                          letters)
               != NGX_OK)
        {
            json_decref(info);
            info = NULL;
        }
    }

    ngx_recording_api_put(&o, "RecordInfo", info);

    return o.object;
}


static ngx_int_t
ngx_recording_api_media_letter(void *data,
    const ngx_recording_catalogue_search_letter_t *letter)
{
    json_t *letters = data;

    return ngx_recording_api_append(letters, ngx_recording_api_letter(letter));
}


static json_t *
ngx_recording_api_media_basic(
    const ngx_recording_catalogue_search_file_t *file)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_str(&o, "Name", &file->path);
    ngx_recording_api_put_text(&o, "Description", "");
    ngx_recording_api_put_date(&o, "CreateTime", file->finished_us);
    ngx_recording_api_put_date(&o, "UpdateTime", file->finished_us);

    /* as the cloud says "never" */

    ngx_recording_api_put(&o, "ExpireTime",
                          file->expire_us
                          ? ngx_recording_api_date(file->expire_us)
                          : ngx_recording_api_date(NGX_RECORDING_API_NEVER));

    ngx_recording_api_put_int(&o, "ClassId", 0);
    ngx_recording_api_put_text(&o, "ClassName", "");
    ngx_recording_api_put_text(&o, "ClassPath", "");
    ngx_recording_api_put_text(&o, "CoverUrl", "");
    ngx_recording_api_put_text(&o, "Type", file->format);
    ngx_recording_api_put(&o, "MediaUrl", ngx_recording_api_url(file));
    ngx_recording_api_put(&o, "SourceInfo",
                          ngx_recording_api_media_source(file));
    ngx_recording_api_put_text(&o, "StorageRegion", "");
    ngx_recording_api_put(&o, "TagSet", json_array());
    ngx_recording_api_put_text(&o, "Vid", "");
    ngx_recording_api_put_text(&o, "Category",
                               *file->video ? "Video" : "Audio");
    ngx_recording_api_put_text(&o, "Status", "Normal");
    ngx_recording_api_put_text(&o, "StorageClass", "STANDARD");

    return o.object;
}


static json_t *
ngx_recording_api_media_source(
    const ngx_recording_catalogue_search_file_t *file)
{
    ngx_recording_api_object_t  o, live;

    ngx_recording_api_object(&live);

    ngx_recording_api_put_str(&live, "Domain", &file->domain);
    ngx_recording_api_put_str(&live, "Path", &file->app);
    ngx_recording_api_put_str(&live, "StreamId", &file->stream);
    ngx_recording_api_put_date(&live, "RecordStartTime", file->start_us);
    ngx_recording_api_put_date(&live, "RecordEndTime", file->end_us);

    ngx_recording_api_object(&o);

    ngx_recording_api_put_text(&o, "SourceType",
                ngx_recording_catalogue_edit_id(file->task,
                                                ngx_strlen(file->task))
                ? "VideoProcessing" : "Record");
    ngx_recording_api_put_text(&o, "SourceContext", "");
    ngx_recording_api_put(&o, "LiveRecordInfo", live.object);

    return o.object;
}


static json_t *
ngx_recording_api_media_meta(
    const ngx_recording_catalogue_search_file_t *file)
{
    int                          width, height;
    double                       duration;
    int64_t                      bitrate;
    json_t                      *video, *audio;
    ngx_int_t                    rc;
    ngx_recording_api_object_t   o;

    width = 0;
    height = 0;

    (void) sscanf(file->resolution, "%dx%d", &width, &height);

    duration = (double) file->duration_ms / 1000;
    bitrate = duration > 0 ? (int64_t) (file->size * 8 / duration) : 0;

    video = json_array();
    audio = json_array();
    rc = NGX_OK;

    if (*file->video) {
        rc = ngx_recording_api_append(video,
                   ngx_recording_api_media_track(file->video, bitrate, width,
                                                 height, 1));
    }

    if (*file->audio && rc == NGX_OK) {
        rc = ngx_recording_api_append(audio,
                   ngx_recording_api_media_track(file->audio, 0, 0, 0, 0));
    }

    ngx_recording_api_object(&o);

    ngx_recording_api_put_int(&o, "Size", file->size);
    ngx_recording_api_put_text(&o, "Container", file->format);
    ngx_recording_api_put_int(&o, "Bitrate", bitrate);
    ngx_recording_api_put_int(&o, "Height", height);
    ngx_recording_api_put_int(&o, "Width", width);
    ngx_recording_api_put(&o, "Duration", json_real(duration));
    ngx_recording_api_put_int(&o, "Rotate", 0);
    ngx_recording_api_put(&o, "VideoStreamSet", video);
    ngx_recording_api_put(&o, "AudioStreamSet", audio);
    ngx_recording_api_put(&o, "VideoDuration",
                          json_real(*file->video ? duration : 0));
    ngx_recording_api_put(&o, "AudioDuration",
                          json_real(*file->audio ? duration : 0));
    ngx_recording_api_put(&o, "Md5", rc == NGX_OK ? json_string("") : NULL);

    return o.object;
}


/* what the catalogue does not know is 0 */

static json_t *
ngx_recording_api_media_track(const char *codec, int64_t bitrate,
    int64_t width, int64_t height, ngx_uint_t video)
{
    ngx_recording_api_object_t  o;

    ngx_recording_api_object(&o);

    ngx_recording_api_put_int(&o, "Bitrate", bitrate);
    ngx_recording_api_put_text(&o, "Codec", codec);

    if (video) {
        ngx_recording_api_put_int(&o, "Height", height);
        ngx_recording_api_put_int(&o, "Width", width);
        ngx_recording_api_put_int(&o, "Fps", 0);

    } else {
        ngx_recording_api_put_int(&o, "SamplingRate", 0);
    }

    return o.object;
}
