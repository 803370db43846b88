
#include "ngx_recording_gate.h"


struct ngx_recording_gate_message_s {
    ngx_recording_gate_message_t  *next;
    ngx_uint_t              track;
    uint32_t                timestamp;
    ngx_msec_t              came;
    size_t                  size;
    u_char                  data[];
};


static void ngx_recording_gate_chain(ngx_recording_gate_message_t *m,
    ngx_chain_t *chain, ngx_buf_t *buf);
static int64_t ngx_recording_gate_came(const ngx_recording_gate_message_t *m,
    const ngx_recording_worker_t *worker);


void
ngx_recording_gate_init(ngx_recording_gate_t *gate)
{
    gate->first = NULL;
    gate->last = &gate->first;
    gate->size = 0;
}


ngx_int_t
ngx_recording_gate_add(ngx_recording_gate_t *gate,
    ngx_recording_account_t *account, ngx_uint_t track, uint32_t timestamp,
    ngx_chain_t *in)
{
    size_t                         size, all;
    ngx_chain_t                   *cl;
    ngx_recording_gate_message_t  *m;

    for (size = 0, cl = in; cl; cl = cl->next) {
        size += cl->buf->last - cl->buf->pos;
    }

    all = sizeof(ngx_recording_gate_message_t) + size;

    if (ngx_recording_gate_hold(gate, account, all) != NGX_OK) {
        return NGX_DECLINED;
    }

    m = malloc(all);

    if (m == NULL) {
        gate->size -= all;
        account->held -= all;
        return NGX_DECLINED;
    }

    m->next = NULL;
    m->track = track;
    m->timestamp = timestamp;
    m->came = ngx_current_msec;
    m->size = ngx_recording_batch_fill(m->data, size, in);

    *gate->last = m;
    gate->last = &m->next;

    return NGX_OK;
}


ngx_int_t
ngx_recording_gate_hold(ngx_recording_gate_t *gate,
    ngx_recording_account_t *account, size_t size)
{
    if (gate->size + size > account->buffer
        || account->held + size > account->total)
    {
        return NGX_DECLINED;
    }

    gate->size += size;
    account->held += size;

    return NGX_OK;
}


void
ngx_recording_gate_open(const ngx_recording_gate_t *gate, ngx_recording_t *r)
{
    ngx_buf_t                      buf;
    ngx_chain_t                    chain;
    ngx_recording_gate_message_t  *m;

    for (m = gate->first; m; m = m->next) {
        ngx_recording_gate_chain(m, &chain, &buf);

        r->intake.replayed = ngx_recording_gate_came(m, r->worker);
        ngx_recording_recorder_message(r, m->track, m->timestamp, &chain);
    }

    r->intake.replayed = 0;
}


void
ngx_recording_gate_rewind(const ngx_recording_gate_t *gate,
    ngx_recording_ring_t *ring)
{
    ngx_buf_t                      buf;
    ngx_chain_t                    chain;
    ngx_recording_gate_message_t  *m;

    for (m = gate->first; m; m = m->next) {
        ngx_recording_gate_chain(m, &chain, &buf);

        ring->came = ngx_recording_gate_came(m, ring->worker);
        ngx_recording_ring_message(ring, m->track, m->timestamp, &chain);
    }

    ring->came = 0;
}


static void
ngx_recording_gate_chain(ngx_recording_gate_message_t *m, ngx_chain_t *chain,
    ngx_buf_t *buf)
{
    ngx_memzero(buf, sizeof(ngx_buf_t));

    buf->pos = m->data;
    buf->last = m->data + m->size;
    chain->buf = buf;
    chain->next = NULL;
}


static int64_t
ngx_recording_gate_came(const ngx_recording_gate_message_t *m,
    const ngx_recording_worker_t *worker)
{
    return (int64_t) m->came * 1000 + worker->store.base;
}


void
ngx_recording_gate_free(ngx_recording_gate_t *gate,
    ngx_recording_account_t *account)
{
    ngx_recording_gate_message_t  *m, *next;

    for (m = gate->first; m; m = next) {
        next = m->next;
        free(m);
    }

    account->held -= gate->size;

    ngx_recording_gate_init(gate);
}
