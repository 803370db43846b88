
/*
 * Tokens of pages: the key behind which the next page begins, how many rows are
 * to be passed over there, and a number of what was searched for.
 *
 * Whoever makes one up gets a page that begins elsewhere, and nothing else.
 */


#include "ngx_recording_api.h"
#include "ngx_recording_text.h"


#define NGX_RECORDING_API_TOKEN  96


static void ngx_recording_api_page_text(char token[NGX_RECORDING_API_TOKEN],
    const ngx_recording_catalogue_search_key_t *key, ngx_uint_t skip,
    uint64_t hash);
static ngx_int_t ngx_recording_api_page_hash(ngx_recording_api_call_t *call,
    uint64_t *hash);


ngx_int_t
ngx_recording_api_page_from(ngx_recording_api_call_t *call,
    const ngx_str_t *token, ngx_recording_catalogue_search_t *search)
{
    char                                  text[NGX_RECORDING_API_TOKEN];
    uint64_t                              hash;
    unsigned int                          skip;
    long long                             us;
    unsigned long long                    id;
    ngx_recording_catalogue_search_key_t  key;

    if (token->len == 0) {
        return NGX_OK;
    }

    if (search->offset) {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "there is an Offset beside the "
                                      "ScrollToken");
    }

    if (ngx_recording_api_page_hash(call, &hash) != NGX_OK) {
        return NGX_ERROR;
    }

    us = 0;
    id = 0;
    skip = 0;

    (void) sscanf((char *) token->data, "%20lld.%19llu.%4u", &us, &id, &skip);

    /* it is what would be given for these numbers, to a letter */

    key.us = us;
    key.id = id;

    ngx_recording_api_page_text(text, &key, skip, hash);

    if (ngx_strcmp(text, token->data) != 0 || id > INT64_MAX
        || skip > NGX_RECORDING_SEARCH_MOST)
    {
        return ngx_recording_api_fail(call, "InvalidParameterValue",
                                      "ScrollToken is not one of a search "
                                      "for the same");
    }

    search->behind = 1;
    search->key = key;
    search->offset = skip;

    return NGX_OK;
}


ngx_int_t
ngx_recording_api_page_next(ngx_recording_api_call_t *call,
    const ngx_recording_catalogue_search_t *search)
{
    char      token[NGX_RECORDING_API_TOKEN];
    uint64_t  hash;

    token[0] = '\0';

    if (search->more) {

        if (ngx_recording_api_page_hash(call, &hash) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_recording_api_page_text(token, &search->next, search->skip, hash);
    }

    return ngx_recording_api_set(call->answer, "ScrollToken",
                                 json_string(token));
}


ngx_int_t
ngx_recording_api_page_end(ngx_recording_api_call_t *call, const char *name,
    json_t *set, const char *token, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        rc = ngx_recording_api_set(call->answer, "ScrollToken",
                                   json_string(token));
    }

    if (rc != NGX_OK) {
        json_decref(set);
        return rc;
    }

    return ngx_recording_api_set(call->answer, name, set);
}


static void
ngx_recording_api_page_text(char token[NGX_RECORDING_API_TOKEN],
    const ngx_recording_catalogue_search_key_t *key, ngx_uint_t skip,
    uint64_t hash)
{
    (void) snprintf(token, NGX_RECORDING_API_TOKEN, "%lld.%llu.%u.%016llx",
                    (long long) key->us, (unsigned long long) key->id,
                    (unsigned int) skip, (unsigned long long) hash);
}


/* of the parameters that say what is searched for */

static ngx_int_t
ngx_recording_api_page_hash(ngx_recording_api_call_t *call, uint64_t *hash)
{
    char    *text;
    json_t  *copy;

    copy = json_copy(call->params);

    if (copy == NULL) {
        return NGX_ERROR;
    }

    (void) json_object_del(copy, "ScrollToken");
    (void) json_object_del(copy, "Offset");
    (void) json_object_del(copy, "Limit");

    text = json_dumps(copy, JSON_COMPACT|JSON_SORT_KEYS);

    json_decref(copy);

    if (text == NULL) {
        return NGX_ERROR;
    }

    *hash = ngx_recording_text_hash((u_char *) text, ngx_strlen(text));

    free(text);

    return NGX_OK;
}
