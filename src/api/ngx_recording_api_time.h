
/*
 * Times as the API has them: ISO 8601, with Z or an offset, and with or
 * without a fraction of a second.
 *
 * Pure: any thread.
 */


#ifndef _NGX_RECORDING_API_TIME_H_INCLUDED_
#define _NGX_RECORDING_API_TIME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_API_DATE  32


/* us since 1970; NGX_DECLINED: it is no such time, or has no zone */
ngx_int_t ngx_recording_api_time_parse(const ngx_str_t *text, int64_t *us);

/* in UTC, by the second before; empty if the year has not four digits */
char *ngx_recording_api_time_text(int64_t us,
    char text[NGX_RECORDING_API_DATE]);


#endif /* _NGX_RECORDING_API_TIME_H_INCLUDED_ */
