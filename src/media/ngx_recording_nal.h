
/*
 * Access units of H.264 as MP4 and MPEG-TS need them: NAL units with lengths
 * of the size that the sequence header says, which fill the frame.
 *
 * Encoders also send start codes instead of lengths (Annex B), zero bytes
 * behind the last unit, empty units, and a first unit of one byte, which
 * libavformat takes for a start code, as its length is 00 00 00 01.
 *
 * Pure: no nginx runtime, no allocation, any thread.  The bytes come from the
 * network.  Memory is the caller's.
 */


#ifndef _NGX_RECORDING_NAL_H_INCLUDED_
#define _NGX_RECORDING_NAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Looks at an access unit whose lengths have so many bytes (1, 2 or 4).
 *
 *   NGX_OK        its first *size bytes are as they should be
 *   NGX_DECLINED  it has to be written anew, to *size bytes
 *   NGX_ERROR     no units can be found in it
 */
ngx_int_t ngx_recording_nal_look(uint32_t length, u_char *p, size_t *size);

/* writes anew what was declined; out has room for what it said */
void ngx_recording_nal_write(uint32_t length, u_char *p, size_t size,
    u_char *out);

/* whether a start code of three or four bytes stands here */
ngx_uint_t ngx_recording_nal_begins(u_char *p, size_t size);

/*
 * The unit behind the next start code from *p on, without the zero bytes behind
 * it; *p is its end then.  NULL: there is none.
 */
u_char *ngx_recording_nal_next(u_char **p, u_char *last, size_t *len);

/*
 * Makes an AVCDecoderConfigurationRecord of SPS and PPS with start codes, with
 * lengths of 4 bytes.  Returns its size, which is at most `size` and 8 more,
 * or 0 if there is not at least one of each.
 */
size_t ngx_recording_nal_record(u_char *p, size_t size, u_char *out);


#endif /* _NGX_RECORDING_NAL_H_INCLUDED_ */
