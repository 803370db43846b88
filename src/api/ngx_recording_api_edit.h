
/*
 * A task that makes a file of others: what it is made of, and what is told of
 * it.  For the files of the API's edits only.
 *
 * Any thread, in a transaction that reads.
 */


#ifndef _NGX_RECORDING_API_EDIT_H_INCLUDED_
#define _NGX_RECORDING_API_EDIT_H_INCLUDED_


#include "ngx_recording_api.h"
#include "ngx_recording_catalogue_edit.h"


/*
 * The parts of files that hold streams at times: edit->inputs, and the times of
 * which there is nothing, appended to gaps.  NGX_DECLINED: something is wrong,
 * which the call says; NGX_ERROR: the catalogue failed, or there is no memory.
 */
ngx_int_t ngx_recording_api_edit_streams(ngx_recording_api_call_t *call,
    const json_t *infos, ngx_recording_edit_t *edit, json_t *gaps);

/* the parts, as they were asked for, or taken; the caller's */
json_t *ngx_recording_api_edit_parts(const ngx_recording_edit_t *edit,
    ngx_uint_t taken);

/* the actions DescribeTaskDetail and DescribeTasks */
ngx_int_t ngx_recording_api_edit_detail_thread(ngx_recording_api_call_t *call);
ngx_int_t ngx_recording_api_edit_list_thread(ngx_recording_api_call_t *call);


#endif /* _NGX_RECORDING_API_EDIT_H_INCLUDED_ */
