
/*
 * The facts of a row of the outbox: JSON, made when what it is about happened.
 *
 * Pure: any thread.
 */


#ifndef _NGX_RECORDING_FACTS_H_INCLUDED_
#define _NGX_RECORDING_FACTS_H_INCLUDED_


#include "ngx_recording_claim.h"
#include <jansson.h>


/* an object; NGX_DECLINED: it is none, NGX_ERROR: no memory */
ngx_int_t ngx_recording_facts_parse(const char *text, json_t **facts,
    char *error, size_t size);

/* what is absent, null or of another type is empty, or 0 */
const char *ngx_recording_facts_text(const json_t *facts, const char *name);
json_int_t ngx_recording_facts_int(const json_t *facts,
    const char *name);

/* where a file plays: from a bucket if it is there, else from the store */
const char *ngx_recording_facts_url(const json_t *facts);

/* of malloc(): facts of a stream of which nothing is recorded; NULL: no
   memory */
char *ngx_recording_facts_refused(const ngx_recording_stream_t *stream,
    const char *format, const char *text);


#endif /* _NGX_RECORDING_FACTS_H_INCLUDED_ */
