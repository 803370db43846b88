
/*
 * What a session sends until it is known how it is recorded.
 *
 * Runs in the loop.  Messages are copied, and counted in the account of
 * record_buffer.
 */


#ifndef _NGX_RECORDING_GATE_H_INCLUDED_
#define _NGX_RECORDING_GATE_H_INCLUDED_


#include "ngx_recording_ring.h"


typedef struct ngx_recording_gate_message_s  ngx_recording_gate_message_t;


typedef struct {
    ngx_recording_gate_message_t  *first;
    ngx_recording_gate_message_t  **last;
    size_t                  size;
} ngx_recording_gate_t;


void ngx_recording_gate_init(ngx_recording_gate_t *gate);

/* NGX_DECLINED: there is no room, or no memory */
ngx_int_t ngx_recording_gate_add(ngx_recording_gate_t *gate,
    ngx_recording_account_t *account, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in);

/* counts bytes that wait with it.  NGX_DECLINED: there is no room */
ngx_int_t ngx_recording_gate_hold(ngx_recording_gate_t *gate,
    ngx_recording_account_t *account, size_t size);

/* hands all of it to a recording, or to a ring, as of when it came; it stays */
void ngx_recording_gate_open(const ngx_recording_gate_t *gate,
    ngx_recording_t *r);
void ngx_recording_gate_rewind(const ngx_recording_gate_t *gate,
    ngx_recording_ring_t *ring);

void ngx_recording_gate_free(ngx_recording_gate_t *gate,
    ngx_recording_account_t *account);


#endif /* _NGX_RECORDING_GATE_H_INCLUDED_ */
