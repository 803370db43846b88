
/*
 * The facts of a row, for the parts of ngx_recording_event.
 *
 * Pure: any thread.
 */


#ifndef _NGX_RECORDING_EVENT_FACTS_H_INCLUDED_
#define _NGX_RECORDING_EVENT_FACTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>


/* an object; NGX_DECLINED: it is none, NGX_ERROR: no memory */
ngx_int_t ngx_recording_event_facts(const char *text, json_t **facts,
    char *error, size_t size);

/* what is absent, null or of another type is empty, or 0 */
const char *ngx_recording_event_fact(const json_t *facts, const char *name);
json_int_t ngx_recording_event_fact_int(const json_t *facts,
    const char *name);


#endif /* _NGX_RECORDING_EVENT_FACTS_H_INCLUDED_ */
