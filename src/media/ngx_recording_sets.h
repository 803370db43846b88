
/*
 * Parameter sets of H.264 tracks, as their AVCDecoderConfigurationRecords have
 * them: whether two tracks can be one, and the record of both.
 *
 * Pure: no nginx runtime, no allocation, any thread.  The bytes come from the
 * network.  Memory is the caller's.
 */


#ifndef _NGX_RECORDING_SETS_H_INCLUDED_
#define _NGX_RECORDING_SETS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Adds to the record that `into` has, of *size bytes, the sets of another one
 * that it lacks; there is room for `room` bytes, which has to be enough for
 * both.
 *
 *   NGX_OK        it has all of both, *size is what it has now
 *   NGX_DECLINED  a set of the same id has another content, the lengths of NAL
 *                 units differ, or there are too many: it is as it was
 *   NGX_ERROR     one of them is no such record
 */
ngx_int_t ngx_recording_sets_join(u_char *into, size_t *size, size_t room,
    const u_char *record, size_t len);

/* whether a record has this NAL unit, an SPS or a PPS, as it is */
ngx_uint_t ngx_recording_sets_have(const u_char *record, size_t len,
    const u_char *nal, size_t size);


#endif /* _NGX_RECORDING_SETS_H_INCLUDED_ */
