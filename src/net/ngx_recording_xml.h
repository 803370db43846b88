
/*
 * Elements of a small XML document, as answers of S3 are.
 *
 * Pure: any thread.
 */


#ifndef _NGX_RECORDING_XML_H_INCLUDED_
#define _NGX_RECORDING_XML_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_XML_DEPTH  16
#define NGX_RECORDING_XML_TEXT   4096


/*
 * Called at the end of each element, with its name, without a namespace, how
 * many elements it stands in, and its text: without that of the elements in
 * it, spaces around it cut off, cut at NGX_RECORDING_XML_TEXT bytes, null
 * terminated.
 */
typedef void (*ngx_recording_xml_pt)(void *data, const char *name,
    ngx_uint_t depth, const char *text);


/*
 * Spaces may stand before the document, as some send them to keep a connection
 * alive.  NGX_ERROR: it is not well-formed, has a document type, or is too
 * deep; what stands before that was called back.
 */
ngx_int_t ngx_recording_xml(const u_char *data, size_t len,
    ngx_recording_xml_pt element, void *arg);


#endif /* _NGX_RECORDING_XML_H_INCLUDED_ */
