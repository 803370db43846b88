
/*
 * The names of an HLS playlist's segments: their numbers.
 *
 * Pure: any thread.
 */


#ifndef _NGX_RECORDING_SEGMENT_H_INCLUDED_
#define _NGX_RECORDING_SEGMENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_SEGMENT_NAME  32       /* bytes, with a null character */


void ngx_recording_segment_name(uint64_t number,
    char name[NGX_RECORDING_SEGMENT_NAME]);

/* -1: it is not the name of a segment */
int64_t ngx_recording_segment_number(const u_char *name, size_t len);


#endif /* _NGX_RECORDING_SEGMENT_H_INCLUDED_ */
