
/*
 * AMF0, as far as onMetaData of an FLV file needs it.
 *
 * Pure: no nginx runtime, no allocation, any thread.  What is read comes
 * from the network and is never trusted.
 */


#ifndef _NGX_RECORDING_AMF_H_INCLUDED_
#define _NGX_RECORDING_AMF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* writers return the end of what they wrote: 3 + 9, 3 + 2, 3 + 3 + len,
   3 + 5 bytes and the names */

u_char *ngx_recording_amf_name(u_char *p, const char *name);
u_char *ngx_recording_amf_number(u_char *p, double value);
u_char *ngx_recording_amf_boolean(u_char *p, ngx_uint_t value);
u_char *ngx_recording_amf_string(u_char *p, const char *s, size_t len);
u_char *ngx_recording_amf_array(u_char *p, uint32_t n);      /* strict */


/*
 * Finds the properties of the onMetaData in a data message, with or without
 * @setDataFrame before it.  *p and *size become the part after the object's
 * or array's head.  NGX_DECLINED: it is no onMetaData.
 */
ngx_int_t ngx_recording_amf_metadata(u_char **p, size_t *size);

/*
 * Takes the next property: its name and its whole encoding, name included.
 *
 *   NGX_OK        *name and *whole are filled, *p and *size moved on
 *   NGX_DONE      no more
 *   NGX_ERROR     the rest cannot be read
 */
ngx_int_t ngx_recording_amf_next(u_char **p, size_t *size, ngx_str_t *name,
    ngx_str_t *whole);


#endif /* _NGX_RECORDING_AMF_H_INCLUDED_ */
